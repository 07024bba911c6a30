//! What a repo sees that states nothing: conventions by how well it keeps them, one finding a cause; and
//! what `harness init` makes of it.

use crate::program::{code, copy, err, harness, out, write};
use harness::db::{Database, Invocation};
use harness::files::Memory;
use harness::rules::adherence::Verdict;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Outcome, Session, house_rules, on_large_stacks};
use std::fs;
use std::path::{Path, PathBuf};

fn rule(stem: &str, front: &str, block: &str) -> (String, String) {
    let text = format!("---\nmessage: m\n{front}---\n# T\n\nWords.\n\n```datalog\n{block}\n```\n");
    (format!("queries/rules/hygiene/{stem}.md"), text)
}

/// A convention that models named `bad…` break, and one that tells the same better.
fn registry() -> Registry {
    let files = [
        rule(
            "well-named",
            "severity: error\nsubsumed_by: [BETTER]\n",
            "finding(node: m) :- model(m, n, _), starts_with(n, \"bad\").\nsubject(m) :- model(m, _, _).",
        ),
        rule(
            "better",
            "severity: warning\nstated_by: rules\n",
            "finding(node: m) :- model(m, n, _), starts_with(n, \"bad_1\").",
        ),
    ];
    Registry::read(files.iter().map(|(path, text)| (path.clone(), text.as_str()))).unwrap_or_else(|e| panic!("{e}"))
}

/// A project of models, some of which are bad.
fn project(good: usize, bad: usize) -> Vec<(String, String)> {
    let model = |name: String| (format!("models/{name}.sql"), "select 1 as id\n".to_owned());
    let mut files = vec![("dbt_project.yml".to_owned(), "name: shop\n".to_owned())];
    files.extend((0..good).map(|n| model(format!("good_{n}"))));
    files.extend((0..bad).map(|n| model(format!("bad_{n}"))));
    files
}

fn check(registry: &Registry, files: &[(String, String)], house: &str, only: &[&str]) -> Outcome {
    let tree: Memory = files.iter().map(|(path, text)| (path, text)).collect();
    let house = house_rules(registry, house).unwrap_or_else(|errors| panic!("{errors:?}"));
    let selection = Selection { only: only.iter().map(|id| (*id).to_owned()).collect(), skip: Vec::new() };
    on_large_stacks(1, move || {
        Session::load(Database::default(), &tree, house, Invocation::default()).check(registry, &selection)
    })
    .unwrap()
}

/// Severity and file of each finding.
fn found(outcome: &Outcome) -> Vec<String> {
    let shown = outcome.findings.iter().map(|it| format!("{} {}", it.severity.name(), it.place.path));
    shown.map(|it| it.replace("models/", "").replace(".sql", "")).collect()
}

#[test]
fn what_nearly_all_keep_is_on_as_a_warning() {
    let outcome = check(&registry(), &project(38, 2), "", &[]);
    assert_eq!(found(&outcome), ["warning bad_0", "warning bad_1"]);
    let kept = &outcome.summary.adherence[0];
    assert_eq!((&*kept.rule, &*kept.noun, kept.subjects, kept.breaks), ("WELL_NAMED", "models", 40, 2));
    assert_eq!(kept.verdict, Verdict::On);
    assert!(outcome.summary.rules_run.iter().any(|rule| &**rule == "WELL_NAMED"));
}

#[test]
fn what_is_kept_in_part_is_no_finding_and_has_its_figures() {
    let outcome = check(&registry(), &project(37, 3), "", &[]);
    assert_eq!(found(&outcome), Vec::<String>::new());
    assert_eq!(outcome.summary.adherence[0].verdict, Verdict::Summary);
    assert!(outcome.summary.rules_skipped.iter().any(|rule| &**rule == "WELL_NAMED"));
    assert_eq!(check(&registry(), &project(1, 3), "", &[]).summary.adherence[0].verdict, Verdict::Silent);
}

#[test]
fn what_is_stated_or_asked_for_is_on_however_many_break_it() {
    let (rules, files) = (registry(), project(1, 2));
    assert_eq!(found(&check(&rules, &files, "extends: strict", &[])).first().unwrap(), "error bad_0");
    assert_eq!(found(&check(&rules, &files, "rules: {WELL_NAMED: info}", &[])), ["info bad_0", "info bad_1"]);
    assert_eq!(found(&check(&rules, &files, "", &["WELL_NAMED"])), ["warning bad_0", "warning bad_1"]);
    assert_eq!(found(&check(&rules, &files, "rules: {WELL_NAMED: off}", &["WELL_NAMED"])).len(), 2);
}

#[test]
fn a_cause_is_told_once_where_nobody_says_how_grave_it_is() {
    let (rules, files) = (registry(), project(38, 2));
    let better = "rules: {BETTER: error}";
    assert_eq!(found(&check(&rules, &files, better, &[])), ["warning bad_0", "error bad_1"]);
    // A cause whose rule is off is not told, and a rule that is stated tells all.
    assert_eq!(found(&check(&rules, &files, "", &[])).len(), 2);
    let both = "rules: {BETTER: error, WELL_NAMED: warning}";
    assert_eq!(found(&check(&rules, &files, both, &[])), ["warning bad_0", "error bad_1", "warning bad_1"]);
    // The figures are of what is so, told or not.
    assert_eq!(check(&rules, &files, better, &[]).summary.adherence[0].breaks, 2);
}

#[test]
fn a_path_may_have_severities_of_its_own() {
    let mut files = project(38, 1);
    files.push(("models/old/bad_old.sql".to_owned(), "select 1 as id\n".to_owned()));
    let off = "overrides: [{paths: [models/old/**], rules: {WELL_NAMED: off}}]";
    assert_eq!(found(&check(&registry(), &files, off, &[])), ["warning bad_0"]);
    let only_there = "rules: {WELL_NAMED: off}\noverrides: [{paths: [models/old], rules: {WELL_NAMED: error}}]";
    assert_eq!(found(&check(&registry(), &files, only_there, &[])), ["error old/bad_old"]);
    let auto_there = "rules: {WELL_NAMED: error}\noverrides: [{paths: [models/old], rules: {WELL_NAMED: auto}}]";
    assert_eq!(found(&check(&registry(), &files, auto_there, &[])), ["error bad_0", "warning old/bad_old"]);
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn summary(folder: &Path) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&out(&harness(folder, &["check", "--format", "json"]))).unwrap()
}

#[test]
fn init_writes_what_it_sees_and_prints_how_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixtures().join("ordinary"), folder.path());
    let before = harness(folder.path(), &["check"]);
    let output = harness(folder.path(), &["init"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let written = fs::read_to_string(folder.path().join("harness.yml")).unwrap();
    insta::assert_snapshot!(format!("{}\n{written}", out(&output)));
    assert_eq!(out(&harness(folder.path(), &["check"])), out(&before));
}

#[test]
fn init_writes_over_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "harness.yml", "# mine\n");
    let output = harness(folder.path(), &["init"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("exists already"), "{}", err(&output));
    assert_eq!(fs::read_to_string(folder.path().join("harness.yml")).unwrap(), "# mine\n");
    assert_eq!(out(&output), "");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn what_init_writes_is_read_and_makes_no_error_on_any_fixture() {
    for entry in fs::read_dir(fixtures()).unwrap() {
        let from = entry.unwrap().path();
        if !from.join("dbt_project.yml").exists() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        copy(&from, folder.path());
        let _ = fs::remove_file(folder.path().join("harness.yml"));
        let before = summary(folder.path());
        let output = harness(folder.path(), &["init"]);
        assert_eq!(code(&output), 0, "{}: {}", from.display(), err(&output));
        let after = summary(folder.path());
        assert_eq!(after["summary"]["errors"], before["summary"]["errors"], "{}", from.display());
        let text = |document: &serde_json::Value| document["findings"].as_array().unwrap().clone();
        for finding in text(&before) {
            assert!(text(&after).contains(&finding), "{}: {finding}", from.display());
        }
    }
}

/// A project of folders without a layer's name, each of whose models reads the one before it; some read the next
/// as well.
fn flowing(folder: &Path, backward: usize) {
    write(folder, "dbt_project.yml", "name: shop\n");
    write(folder, "models/sources.yml", "sources: [{name: crm, tables: [{name: t}]}]\n");
    let folders = ["quarry", "yard", "shelf"];
    for (at, name) in folders.iter().enumerate() {
        for n in 0..10 {
            let before =
                if at == 0 { "source('crm', 't')".to_owned() } else { format!("ref('{}_{n}')", folders[at - 1]) };
            let back =
                if at == 0 && n < backward { format!(", {{{{ ref('shelf_{}') }}}}", n + 5) } else { String::new() };
            let text = format!("select * from {{{{ {before} }}}}{back}\n");
            write(folder, &format!("models/{name}/{name}_{n}.sql"), &text);
        }
    }
}

#[test]
fn folders_that_read_each_other_one_way_are_proposed_as_layers() {
    let folder = tempfile::tempdir().unwrap();
    flowing(folder.path(), 2);
    let before = harness(folder.path(), &["check"]);
    assert!(err(&before).contains("no layers can be recognized") && err(&before).contains("`harness init`"));
    let output = harness(folder.path(), &["init"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let written = fs::read_to_string(folder.path().join("harness.yml")).unwrap();
    insta::assert_snapshot!(format!("{}\n{written}", out(&output)));
    let after = summary(folder.path());
    assert_eq!(after["summary"]["errors"], 0, "{after}");
}

#[test]
fn folders_that_read_each_other_both_ways_are_only_listed() {
    let folder = tempfile::tempdir().unwrap();
    flowing(folder.path(), 5);
    assert_eq!(code(&harness(folder.path(), &["init"])), 0);
    let written = fs::read_to_string(folder.path().join("harness.yml")).unwrap();
    assert!(
        written.contains("# (in this order 20 of 25 edges between them run this way, 80.0 %)\n# layers:\n"),
        "{written}"
    );
    assert!(written.contains("\n#   yard: {reads: [quarry, yard]}"), "{written}");
}

#[test]
fn init_names_no_layer_whose_models_are_all_disabled() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\nmodels: {shop: {utils: {+enabled: false}}}\n");
    for path in ["staging/stg_a", "staging/stg_b", "marts/a", "marts/b", "utils/audit"] {
        write(folder.path(), &format!("models/{path}.sql"), "select 1 as id\n");
    }
    let output = harness(folder.path(), &["init"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let written = fs::read_to_string(folder.path().join("harness.yml")).unwrap();
    assert!(written.contains("\n  marts: {reads: [staging, marts]}") && !written.contains("util"), "{written}");
}

/// A project that skips layers more often than not, with an edge that runs backward.
fn skipping(folder: &Path) {
    write(folder, "dbt_project.yml", "name: shop\n");
    for n in 0..10 {
        write(folder, &format!("models/staging/stg_{n}.sql"), "select 1 as id\n");
        write(folder, &format!("models/marts/mart_{n}.sql"), &format!("select * from {{{{ ref('stg_{n}') }}}}\n"));
        write(folder, &format!("models/reports/rpt_{n}.sql"), &format!("select * from {{{{ ref('stg_{n}') }}}}\n"));
    }
    write(folder, "models/staging/stg_back.sql", "select * from {{ ref('mart_1') }}\n");
}

#[test]
fn an_edge_that_runs_backward_is_told_where_layers_are_skipped_too_often_to_tell_that() {
    let folder = tempfile::tempdir().unwrap();
    skipping(folder.path());
    let rules = |house: &str| {
        write(folder.path(), "harness.yml", house);
        let found = summary(folder.path());
        let rules = found["summary"]["by_rule"].as_object().unwrap().clone();
        ["DEPENDENCY_DIRECTION", "DEPENDENCY_BACKWARD"]
            .map(|rule| rules.get(rule).and_then(|n| n.as_u64()).unwrap_or(0))
    };
    assert_eq!(rules(""), [0, 1]);
    // One edge is told once: where the list of what may be read is on, it tells it.
    assert_eq!(rules("rules: {DEPENDENCY_DIRECTION: warning}"), [11, 0]);
    assert_eq!(rules("extends: strict"), [11, 0]);
    assert_eq!(rules("rules: {DEPENDENCY_BACKWARD: off}"), [0, 0]);
    let stated = "layers: {staging: {reads: []}, marts: {reads: [staging]}, reports: {reads: [marts]}}";
    assert_eq!(rules(stated), [11, 0]);
    assert_eq!(rules(&format!("{stated}\nrules: {{DEPENDENCY_DIRECTION: auto}}")), [0, 1]);
}

#[test]
fn models_that_name_nothing_are_told_of_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "models/a.sql", "select * from raw.orders\n");
    write(folder.path(), "models/b.sql", "select * from a\n");
    let said = err(&harness(folder.path(), &["check"]));
    assert_eq!(said.matches("note:").count(), 1, "{said}");
    assert!(said.contains("no model uses ref() or source()"), "{said}");
    // What a macro of an absent package calls, nobody knows.
    write(folder.path(), "packages.yml", "packages: [{package: dbt-labs/dbt_utils, version: 1.0.0}]\n");
    assert!(!err(&harness(folder.path(), &["check"])).contains("no model uses ref()"));
    fs::remove_file(folder.path().join("packages.yml")).unwrap();
    // A call that leads nowhere is one all the same.
    write(folder.path(), "models/c.sql", "select * from {{ ref('gone') }}\n");
    assert!(!err(&harness(folder.path(), &["check"])).contains("no model uses ref()"));
}

/// A project whose staging models follow a pattern, but for some of them.
fn patterned(folder: &Path, kept: usize, other: usize) {
    write(folder, "dbt_project.yml", "name: shop\n");
    write(folder, "models/sources.yml", "sources: [{name: crm, tables: [{name: t}]}]\n");
    let config = "{{ config(materialized='view', tags=['crm', 'staging']) }}\n\n";
    for at in 0..kept {
        let text = format!(
            "{config}with source as (select * from {{{{ source('crm', 't') }}}}),\n\
             renamed as (\n    select\n        -- identifiers\n        id,\n        -- dates\n        day\n    from source\n)\n\
             select * from renamed\n"
        );
        write(folder, &format!("models/staging/crm/stg_crm__k{at}.sql"), &text);
    }
    for at in 0..other {
        let text = format!("{config}with mine as (select * from {{{{ source('crm', 't') }}}})\nselect * from mine\n");
        write(folder, &format!("models/staging/crm/stg_crm__o{at}.sql"), &text);
    }
    write(folder, "models/marts/facts.sql", "select * from {{ ref('stg_crm__k0') }}\n");
}

#[test]
fn a_staging_pattern_that_most_models_follow_is_stated_with_the_rules_that_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    patterned(folder.path(), 40, 1);
    assert_eq!(code(&harness(folder.path(), &["init"])), 0);
    let written = fs::read_to_string(folder.path().join("harness.yml")).unwrap();
    assert!(
        written.contains("paths: models/") || written.contains("paths: \"models/{layer}/{domain}/**\""),
        "{written}"
    );
    assert!(written.contains("  ctes: [source, renamed]\n  materialized: view\n"), "{written}");
    assert!(written.contains("  tags: [\"{source}\", staging]"), "{written}");
    // One of forty is an outlier, and no error.
    assert!(written.contains("  CTE_MISSING_SOURCE: warning"), "{written}");
    let after = summary(folder.path());
    assert_eq!(after["summary"]["errors"], 0, "{after}");
    assert_eq!(after["summary"]["by_rule"]["CTE_MISSING_SOURCE"], 1, "{after}");
}

#[test]
fn no_staging_pattern_is_stated_where_staging_models_have_none_in_common() {
    let folder = tempfile::tempdir().unwrap();
    patterned(folder.path(), 3, 4);
    write(folder.path(), "models/staging/crm/stg_crm__x.sql", "select 1 as id\n");
    assert_eq!(code(&harness(folder.path(), &["init"])), 0);
    let written = fs::read_to_string(folder.path().join("harness.yml")).unwrap();
    assert!(!written.contains("staging:\n"), "{written}");
}

#[test]
fn tenants_are_only_suggested() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    for tenant in ["north", "south"] {
        for layer in ["staging", "intermediate", "marts"] {
            for at in 0..3 {
                let path = format!("models/{tenant}/{layer}/sales/{tenant}_{layer}_{at}.sql");
                write(folder.path(), &path, "select 1 as id\n");
            }
        }
    }
    assert_eq!(code(&harness(folder.path(), &["init"])), 0);
    let written = fs::read_to_string(folder.path().join("harness.yml")).unwrap();
    assert!(written.contains("\npaths: \"models/*/{layer}/{domain}/**\"\n"), "{written}");
    assert!(
        written.contains("\n# paths: \"models/{tenant}/{layer}/{domain}/**\"\n# tenants: [north, south]\n"),
        "{written}"
    );
}

#[test]
fn agents_are_told_between_markers_and_nothing_else_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    assert_eq!(code(&harness(folder.path(), &["init", "--agents"])), 0);
    let agents = folder.path().join("AGENTS.md");
    let first = fs::read_to_string(&agents).unwrap();
    assert!(first.contains("harness check --format agent") && first.contains("harness explain"), "{first}");
    assert!(!folder.path().join("harness.yml").exists());
    fs::write(&agents, format!("# Mine\n\n{first}\nMore.\n")).unwrap();
    assert_eq!(code(&harness(folder.path(), &["init", "--agents"])), 0);
    assert_eq!(fs::read_to_string(&agents).unwrap(), format!("# Mine\n\n{first}\nMore.\n"));
}

#[test]
fn the_file_that_agents_read_already_is_the_one_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), ".git/HEAD", "");
    write(folder.path(), "CLAUDE.md", "# Mine\n");
    write(folder.path(), "transform/dbt_project.yml", "name: shop\n");
    let output = harness(&folder.path().join("transform"), &["init", "--agents"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = fs::read_to_string(folder.path().join("CLAUDE.md")).unwrap();
    assert!(text.starts_with("# Mine\n") && text.contains("--project-dir transform"), "{text}");
    assert!(!folder.path().join("AGENTS.md").exists() && !folder.path().join("transform/AGENTS.md").exists());
}
