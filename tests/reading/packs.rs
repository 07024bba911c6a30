//! The rules of other tools: what they are called, when they run, and that their options are taken.

use harness::rules::registry::Registry;
use harness::session::check_files;

const DOCS: &str = include_str!("../../docs/packs.md");

fn registry() -> &'static Registry {
    Registry::embedded().unwrap_or_else(|errors| panic!("{errors}"))
}

/// The ids of what is found, by a harness.yml.
fn found(files: &[(&str, &str)], house: &str) -> Vec<String> {
    let house = [("harness.yml", house)];
    let files = files.iter().chain(&house).map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let files: Vec<(String, String)> = files.collect();
    let findings = check_files(&files, None).unwrap_or_else(|error| panic!("{error}"));
    let ids =
        findings.iter().map(|finding| format!("{} {} {}", finding.place.path, finding.rule, finding.severity.name()));
    ids.filter(|id| id.contains(" FCT_") || id.contains(" CHECK_")).collect()
}

#[test]
fn the_packs_are_whole() {
    let of =
        |preset: &str| registry().rules().iter().filter(|rule| rule.presets.iter().any(|own| own == preset)).count();
    assert_eq!((of("evaluator"), of("bouncer-strict")), (29, 28));
}

/// Whoever comes from another tool looks for the name it has there.
#[test]
fn every_name_of_a_neighbour_stands_in_the_table_of_packs() {
    for rule in registry().rules().iter().filter(|rule| !rule.presets.is_empty()) {
        assert!(!rule.aliases.is_empty(), "{}: no alias", rule.path);
        let row = |alias: &String| format!("| `{}` | `{}` |", alias.to_lowercase(), rule.id);
        let is_told = rule.aliases.iter().any(|alias| DOCS.contains(&row(alias)));
        assert!(is_told, "docs/packs.md has no row for {}", rule.id);
        assert!(
            rule.aliases.iter().all(|alias| registry().get(alias).is_some_and(|own| own.id == rule.id)),
            "{}",
            rule.id
        );
    }
}

const MODELS: &[(&str, &str)] = &[
    ("dbt_project.yml", "name: shop\n"),
    ("models/marts/Orders.sql", "select 1 as id"),
    ("models/old/orders_1.sql", "select * from {{ ref('Orders') }}"),
    ("models/old/orders_2.sql", "select * from {{ ref('Orders') }}"),
];

#[test]
fn a_pack_runs_only_where_it_is_extended() {
    assert_eq!(found(MODELS, ""), Vec::<String>::new());
    assert_eq!(found(MODELS, "extends: strict\n"), Vec::<String>::new());
    let names =
        |house: &str, id: &str| found(MODELS, house).into_iter().filter(|line| line.contains(id)).collect::<Vec<_>>();
    let bouncer = names("extends: [bouncer-strict]\n", "_NAM");
    assert_eq!(bouncer, ["models/marts/Orders.sql CHECK_MODEL_NAMES error"]);
    let evaluator = names("extends: [evaluator]\n", "_NAM");
    assert_eq!(evaluator.len(), 3, "{evaluator:?}");
    assert!(evaluator.iter().all(|line| line.ends_with("FCT_MODEL_NAMING_CONVENTIONS warning")), "{evaluator:?}");
}

#[test]
fn a_neighbours_variables_are_options() {
    let of = |options: &str, id: &str| {
        let house = format!("extends: [evaluator]\nrules: {{{id}: {{options: {options}}}}}\n");
        found(MODELS, &house).into_iter().filter(|line| line.contains(id)).collect::<Vec<_>>()
    };
    assert_eq!(of("{}", "FCT_MODEL_FANOUT"), Vec::<String>::new());
    assert_eq!(
        of("{models_fanout_threshold: 2}", "FCT_MODEL_FANOUT"),
        ["models/marts/Orders.sql FCT_MODEL_FANOUT warning"]
    );
    // What is left out is no reader either.
    let left_out = "{models_fanout_threshold: 2, exclude_paths_from_project: [/OLD/]}";
    assert_eq!(of(left_out, "FCT_MODEL_FANOUT"), Vec::<String>::new());
    let types = "{prefixes: [old=orders_], folder_names: [old=old]}";
    let named = of(types, "FCT_MODEL_NAMING_CONVENTIONS");
    assert_eq!(named, ["models/marts/Orders.sql FCT_MODEL_NAMING_CONVENTIONS warning"]);
}
