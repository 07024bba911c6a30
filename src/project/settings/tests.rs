use super::*;
use crate::db::settings::{Extends, Level, OptionValue, RuleSetting};

const RULES: [&str; 4] = ["MART_REFS_STAGING", "DEPENDENCY_DIRECTION", "CTE_MISSING_{CTE}", "CTE_ORDER"];

/// The rules above; one of them has options, aliases and a pack.
fn known() -> KnownRules<'static> {
    let mut rules: Vec<KnownRule<'static>> = RULES.iter().map(|id| KnownRule { id, ..KnownRule::default() }).collect();
    rules.push(KnownRule {
        id: "HUB_MODEL",
        aliases: vec!["fct_model_fanout", "too_many_readers"],
        presets: vec!["evaluator"],
        options: vec![
            ("readers", OptionValue::Number(9)),
            ("layers", OptionValue::List(Vec::new())),
            ("deep", OptionValue::Switch(false)),
            ("word", OptionValue::Text(String::new())),
        ],
    });
    rules.push(KnownRule { id: "DEEP_MODEL", aliases: vec!["too_many_readers"], ..KnownRule::default() });
    KnownRules { rules }
}

const SAMPLE: &str = r#"extends: strict
paths: "models/{tenant}/{layer}/{domain}/**"
layers:
  staging:      {reads: [source, seed]}
  intermediate: {reads: [staging, intermediate]}
terminal: [marts, platinum]
tenants: [operations, partners]
domains: [production, finance]
staging:
  ctes: [source, final]
  materialized: view
  tags: ["{source}", staging]
  exclude: [wiserock_tables]
rules: {MART_REFS_STAGING: warning, CTE_MISSING_SOURCE: off, CTE_ORDER: auto}
"#;

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

/// The problems of a file: what each covers, says and advises.
fn problems(text: &str) -> Vec<(String, String, String)> {
    let found = read(text, &known()).err().unwrap_or_default();
    found.into_iter().map(|problem| (problem.span.of(text).to_owned(), problem.message, problem.remedy)).collect()
}

fn assert_one(text: &str, covers: &str, message: &str, remedy: &str) {
    let wanted = (covers.to_owned(), message.to_owned(), remedy.to_owned());
    assert_eq!(problems(text), [wanted], "{text}");
}

#[test]
fn the_sample_of_the_plan_is_read_in_full() {
    let placeholder = Segment::Placeholder;
    let own = |name: &str| Read::Layer(name.to_owned());
    let wanted = HouseRules {
        extends: Extends::Strict,
        presets: Vec::new(),
        paths: Some(vec![
            Segment::Literal("models".to_owned()),
            placeholder(Placeholder::Tenant),
            placeholder(Placeholder::Layer),
            placeholder(Placeholder::Domain),
            Segment::Rest,
        ]),
        layers: vec![
            Layer::new("staging", vec![Read::Source, Read::Seed]),
            Layer::new("intermediate", vec![own("staging"), own("intermediate")]),
        ],
        terminal: texts(&["marts", "platinum"]),
        tenants: texts(&["operations", "partners"]),
        domains: texts(&["production", "finance"]),
        staging: Some(Staging {
            ctes: texts(&["source", "final"]),
            materialized: "view".to_owned(),
            tags: texts(&["{source}", "staging"]),
            exclude: texts(&["wiserock_tables"]),
            column_groups: Staging::default_column_groups(),
        }),
        rules: [("MART_REFS_STAGING", Level::Warning), ("CTE_MISSING_SOURCE", Level::Off), ("CTE_ORDER", Level::Auto)]
            .map(|(id, level)| (id.to_owned(), RuleSetting { level: Some(level), ..RuleSetting::default() }))
            .into(),
        overrides: Vec::new(),
        rule_paths: Vec::new(),
        outside: Vec::new(),
    };
    assert_eq!(read(SAMPLE, &known()), Ok(wanted));
}

#[test]
fn an_empty_file_states_nothing() {
    for text in ["", "# nothing yet\n"] {
        assert_eq!(read(text, &known()), Ok(HouseRules::default()));
    }
}

#[test]
fn an_unknown_key_is_an_error_at_every_level() {
    assert_one("layer: {}", "layer", "the key `layer` is unknown", "Did you mean `layers`?");
    assert_one("layers: {a: {reads: [], read: []}}", "read", "the key `read` is unknown", "Did you mean `reads`?");
    assert_one(
        "staging: {materialised: view}",
        "materialised",
        "the key `materialised` is unknown",
        "Did you mean `materialized`?",
    );
    assert_one(
        "colour: red",
        "colour",
        "the key `colour` is unknown",
        "Use one of `extends`, `paths`, `layers`, `terminal`, `tenants`, `domains`, `staging`, `rules`, `overrides`, `rule-paths`.",
    );
}

#[test]
fn a_layer_may_read_only_layers_sources_and_seeds() {
    assert_one("layers: {staging: {reads: [sources]}}", "sources", "`sources` is no layer", "Did you mean `source`?");
    assert_one(
        "layers: {staging: {reads: [xyz]}}",
        "xyz",
        "`xyz` is no layer",
        "Use one of `staging`, `source`, `seed`.",
    );
    assert_one(
        "layers: {seed: {reads: []}}",
        "seed",
        "`seed` is a reserved word and no layer's name",
        "Rename the layer; in `reads`, `seed` needs no layer of its own.",
    );
    assert_one(
        "layers: {marts: {}}",
        "marts",
        "the layer `marts` does not say what it reads",
        "Add `reads: [...]`; `reads: []` if it reads nothing.",
    );
}

#[test]
fn an_unknown_rule_is_an_error_and_a_familys_member_is_not() {
    assert_one(
        "rules: {mart-refs-stagin: off}",
        "mart-refs-stagin",
        "there is no rule `mart-refs-stagin`",
        "Did you mean `MART_REFS_STAGING`?",
    );
    assert_one("rules: {NO_SUCH: off}", "NO_SUCH", "there is no rule `NO_SUCH`", "`harness rules` lists the rules.");
    assert!(problems("rules: {CTE_MISSING_renamed: off}").len() == 1);
    assert_eq!(problems("rules: {CTE_MISSING_RENAMED_2: info}"), []);
}

#[test]
fn a_severity_is_one_of_five_words() {
    assert_one("rules: {CTE_ORDER: warn}", "warn", "`warn` is no severity", "Did you mean `warning`?");
    assert_one(
        "rules: {CTE_ORDER: fatal}",
        "fatal",
        "`fatal` is no severity",
        "Use one of `error`, `warning`, `info`, `off`, `auto`.",
    );
    assert_one("rules: {CTE_ORDER: eror}", "eror", "`eror` is no severity", "Did you mean `error`?");
    assert_one(
        "rules: {CTE_ORDER: on}",
        "on",
        "the severity of CTE_ORDER cannot be a bare yes",
        "Use one of `error`, `warning`, `info`, `off`, `auto`.",
    );
    assert_one("extends: strickt", "strickt", "`strickt` is nothing that can be extended", "Did you mean `strict`?");
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_the_type_it_has() {
    let said = |text: &str| problems(text).into_iter().map(|problem| problem.1).collect::<Vec<_>>();
    assert_eq!(said("layers: [a]"), ["layers must be a mapping, not a list"]);
    assert_eq!(said("layers:"), ["layers must be a mapping, not null"]);
    assert_eq!(said("tenants: operations"), ["tenants must be a list, not a string"]);
    assert_eq!(said("tenants: [a, yes]"), ["each item of tenants must be a string, not a boolean"]);
    assert_eq!(said("paths: 3"), ["paths must be a string, not a whole number"]);
    assert_eq!(said("rules: {CTE_ORDER: 1.5}"), ["the severity of CTE_ORDER must be a string, not a number"]);
    assert_eq!(said("[a]"), ["harness.yml must be a mapping, not a list"]);
    assert_eq!(said("no: 1"), ["a key of harness.yml must be a string, not a boolean"]);
    assert_eq!(said("staging: view"), ["staging must be a mapping, not a string"]);
}

#[test]
fn a_path_pattern_names_whole_folders() {
    assert_one("paths: models/{layr}/**", "{layr}", "the placeholder `{layr}` is unknown", "Did you mean `layer`?");
    assert_one(
        "paths: 'models/**/x'",
        "x",
        "a folder follows `**` in paths",
        "Put `**` last, or use `*` for one folder.",
    );
    assert_one(
        "paths: models/{layer}/{layer}",
        "{layer}",
        "the placeholder `{layer}` stands in paths twice",
        "Keep one; use `*` for a folder of any name.",
    );
    assert_one("paths: models//x", "", "paths has an empty folder name", "Remove the extra `/`.");
    assert_one("paths: models/x/", "", "paths has an empty folder name", "Remove the extra `/`.");
    assert_one(
        "paths: models/stg_*",
        "stg_*",
        "the `*` in `stg_*` stands for part of a folder's name",
        "Use `*` for one whole folder, `**` for any number of them.",
    );
    assert_one(
        "paths: models/x_{layer}",
        "x_{layer}",
        "the placeholder in `x_{layer}` is not a whole folder's name",
        "Let the placeholder be the whole folder: `{layer}`.",
    );
}

#[test]
fn the_staging_pattern_is_stated_whole() {
    let said: Vec<_> = problems("staging: {exclude: []}").into_iter().map(|problem| problem.1).collect();
    assert_eq!(
        said,
        ["staging does not state `ctes`", "staging does not state `materialized`", "staging does not state `tags`"]
    );
    assert_one(
        "staging: {ctes: [], materialized: view, tags: ['{sauce}']}",
        "'{sauce}'",
        "the tag `{sauce}` has a placeholder that is unknown",
        "Use `{source}`: the folder below staging.",
    );
    let house = read("staging: {ctes: [], materialized: view, tags: [], column_groups: [IDs]}", &known());
    assert_eq!(house.ok().and_then(|house| house.staging).map(|staging| staging.column_groups), Some(texts(&["ids"])));
}

#[test]
fn a_repeated_key_is_an_error() {
    assert_one(
        "extends: auto\nextends: strict",
        "extends",
        "the key `extends` is stated twice",
        "Keep one of the two.",
    );
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_file() {
    let text = "rules: {NOPE: loud}\nlayers: {a: {reads: [b, 1]}}\nextends: maybe\n";
    let covered: Vec<_> = problems(text).into_iter().map(|problem| problem.0).collect();
    assert_eq!(covered, ["NOPE", "loud", "b", "1", "maybe"]);
}

#[test]
fn broken_yaml_is_reported_alone() {
    let found = problems("layers: {a: [\nextends: maybe");
    assert_eq!(found.len(), 1);
    assert!(found.iter().all(|problem| !problem.2.is_empty()));
}

#[test]
fn a_key_that_has_no_effect_without_another_is_an_error() {
    let messages = |text: &str| -> Vec<String> {
        read(text, &KnownRules::default()).err().into_iter().flatten().map(|problem| problem.message).collect()
    };
    let layers = "layers: {staging: {reads: [source]}}\n";
    assert_eq!(
        messages(&format!("{layers}paths: \"models/**\"\n")),
        ["`layers` has no effect: `paths` does not say which folder is the layer"]
    );
    assert_eq!(messages("tenants: [a]\n"), ["`tenants` has no effect: no folder is said to be the tenant"]);
    assert_eq!(messages("domains: [a]\n"), ["`domains` has no effect: no folder is said to be the domain"]);
    assert_eq!(messages("paths: 'models/{domain}/**'\ndomains: [a]\n"), Vec::<String>::new());
    assert_eq!(messages(layers), Vec::<String>::new());
}

/// What a file states, or its problems as one text.
fn stated(text: &str) -> Result<HouseRules, String> {
    read(text, &known()).map_err(|problems| format!("{problems:?}"))
}

#[test]
fn a_rule_has_a_severity_and_options() {
    let text = "rules:\n  HUB_MODEL: {severity: info, options: {readers: 4, layers: [marts], deep: true, word: a}}\n  \
                CTE_ORDER: {options: {}}\n";
    let house = stated(text).unwrap();
    assert_eq!(house.level("HUB_MODEL"), Some(Level::Info));
    assert_eq!(house.option("HUB_MODEL", "readers"), Some(&OptionValue::Number(4)));
    assert_eq!(house.option("HUB_MODEL", "layers"), Some(&OptionValue::List(texts(&["marts"]))));
    assert_eq!(house.option("HUB_MODEL", "deep"), Some(&OptionValue::Switch(true)));
    assert_eq!(house.option("HUB_MODEL", "word"), Some(&OptionValue::Text("a".to_owned())));
    assert_eq!((house.level("CTE_ORDER"), house.option("CTE_ORDER", "readers")), (None, None));
}

#[test]
fn an_option_is_one_the_rule_declares_and_has_its_type() {
    let option = |option: &str| format!("rules: {{HUB_MODEL: {{options: {{{option}}}}}}}");
    assert_one(&option("reader: 4"), "reader", "HUB_MODEL has no option `reader`", "Did you mean `readers`?");
    assert_one(
        &option("size: 4"),
        "size",
        "HUB_MODEL has no option `size`",
        "Use one of `readers`, `layers`, `deep`, `word`.",
    );
    assert_one(
        &option("readers: many"),
        "many",
        "the option `readers` of HUB_MODEL must be a whole number, not a string",
        "Write digits, without quotes.",
    );
    assert_one(
        &option("deep: 1"),
        "1",
        "the option `deep` of HUB_MODEL must be true or false, not a whole number",
        "Write one of the two, without quotes.",
    );
    assert_one(
        &option("layers: marts"),
        "marts",
        "the option `layers` of HUB_MODEL must be a list, not a string",
        "Write the values in brackets: `[one, two]`.",
    );
    assert_one(
        "rules: {CTE_ORDER: {options: {a: 1}}}",
        "a",
        "CTE_ORDER has no option `a`",
        "Remove it: the rule has no options.",
    );
    assert_one(
        "rules: {CTE_ORDER: {level: off}}",
        "level",
        "the key `level` is unknown",
        "Use one of `severity`, `options`.",
    );
}

#[test]
fn a_rule_may_be_called_as_other_tools_call_it() {
    let house = stated("rules: {fct_model_fanout: off, CTE_MISSING_FINAL: info}").unwrap();
    assert_eq!(house.level("HUB_MODEL"), Some(Level::Off));
    assert_eq!(house.level("CTE_MISSING_FINAL"), Some(Level::Info));
    // A name that means two rules states both.
    let house = stated("rules: {too_many_readers: warning}").unwrap();
    assert_eq!((house.level("HUB_MODEL"), house.level("DEEP_MODEL")), (Some(Level::Warning), Some(Level::Warning)));
    assert_one(
        "rules: {HUB_MODEL: off, fct_model_fanout: info}",
        "fct_model_fanout",
        "`fct_model_fanout` is HUB_MODEL, which `HUB_MODEL` states already",
        "Keep one of the two.",
    );
}

#[test]
fn extends_names_a_kind_and_packs_of_rules() {
    let extends = |text: &str| stated(text).map(|house| (house.extends, house.presets));
    assert_eq!(extends("extends: [auto, evaluator]"), Ok((Extends::Auto, texts(&["evaluator"]))));
    assert_eq!(extends("extends: [evaluator, strict]"), Ok((Extends::Strict, texts(&["evaluator"]))));
    assert_eq!(extends("extends: evaluator"), Ok((Extends::Auto, texts(&["evaluator"]))));
    assert_eq!(extends("extends: [evaluator, evaluator]"), Ok((Extends::Auto, texts(&["evaluator"]))));
    assert_one("extends: [auto, strict]", "strict", "`auto` and `strict` exclude each other", "Keep one of the two.");
    assert_one(
        "extends: evaluater",
        "evaluater",
        "`evaluater` is nothing that can be extended",
        "Did you mean `evaluator`?",
    );
}

#[test]
fn overrides_say_which_rules_hold_for_which_paths() {
    let text = "overrides:\n  - {paths: [models/legacy/**, 'models/*.sql'], rules: {CTE_ORDER: off, fct_model_fanout: info}}\n  \
                - {paths: [models/legacy/kept], rules: {CTE_ORDER: auto}}\n";
    let house = stated(text).unwrap();
    assert_eq!(house.overrides.len(), 2);
    assert_eq!(house.overrides[0].paths, texts(&["models/legacy/**", "models/*.sql"]));
    assert_eq!(house.overrides[0].rules["HUB_MODEL"], Level::Info);
    assert_eq!(house.overrides[1].rules["CTE_ORDER"], Level::Auto);
}

#[test]
fn an_override_that_says_nothing_or_too_much_is_an_error() {
    let remedy = "Write a path as findings show it, with `*` for any name and `**` for any folders.";
    assert_one(
        "overrides: [{paths: ['models/[a'], rules: {CTE_ORDER: off}}]",
        "'models/[a'",
        "the path `models/[a` is no glob: unclosed character class; missing ']'",
        remedy,
    );
    assert_one(
        "overrides: [{paths: [/models/a], rules: {CTE_ORDER: off}}]",
        "/models/a",
        "the path `/models/a` is not relative to dbt_project.yml",
        remedy,
    );
    assert_one(
        "overrides: [{paths: [a], rules: {CTE_ORDR: off}}]",
        "CTE_ORDR",
        "there is no rule `CTE_ORDR`",
        "Did you mean `CTE_ORDER`?",
    );
    assert_one("overrides: [{paths: [a], rules: {CTE_ORDER: of}}]", "of", "`of` is no severity", "Did you mean `off`?");
    let said = |text: &str| problems(text).into_iter().map(|problem| problem.1).collect::<Vec<_>>();
    assert_eq!(said("overrides: [{}]"), ["an override does not state `paths`", "an override does not state `rules`"]);
    assert_eq!(said("overrides: {}"), ["overrides must be a list, not a mapping"]);
    assert_eq!(said("overrides: [{path: [a], rules: {}}]"), ["the key `path` is unknown"]);
}

#[test]
fn a_glob_stays_in_its_folder_and_a_folder_covers_what_is_in_it() {
    let fits =
        |pattern: &str, path: &str| globs(pattern).unwrap().iter().any(|glob| glob.compile_matcher().is_match(path));
    assert!(fits("models/legacy/**", "models/legacy/a/b.sql"));
    assert!(fits("models/legacy", "models/legacy/a/b.sql") && fits("models/legacy/", "models/legacy/a.sql"));
    assert!(fits("models/a.sql", "models/a.sql") && !fits("models/a", "models/a.sql"));
    assert!(fits("models/*/x_*.sql", "models/a/x_b.sql") && !fits("models/*/x_*.sql", "models/a/b/x_b.sql"));
    assert!(!fits("models/*", "models/a/b.sql"));
    assert!(fits("**/tmp/**", "models/a/tmp/b.sql"));
}

#[test]
fn rule_paths_are_folders_of_the_project() {
    let text = "rule-paths: [checks/rules, more/]\n";
    assert_eq!(stated(text).unwrap().rule_paths, texts(&["checks/rules", "more"]));
    assert_one(
        "rule-paths: [/etc]",
        "/etc",
        "rule-paths must be relative to dbt_project.yml",
        "Write folders as `checks/rules`.",
    );
    // They are asked for before anybody knows which rules there are.
    assert_eq!(rule_paths(&format!("rules: {{NOPE: loud}}\n{text}")), texts(&["checks/rules", "more/"]));
    assert_eq!(rule_paths("rule-paths: 3"), texts(&[]));
}

#[test]
fn a_layer_may_be_known_by_other_folders_and_by_prefixes() {
    let text = "layers: {base: {reads: [source], folders: [base, tmp], prefixes: [base_]}, marts: {reads: [base]}}";
    let layers = stated(text).unwrap().layers;
    assert_eq!((&layers[0].folders, &layers[0].prefixes), (&texts(&["base", "tmp"]), &texts(&["base_"])));
    assert_eq!((&layers[1].folders, &layers[1].prefixes), (&texts(&["marts"]), &texts(&[])));
    assert_one(
        "layers: {a: {reads: [], folders: [x]}, x: {reads: []}}",
        "x",
        "the folder `x` is said to be of two layers: `a` and `x`",
        "Keep it at one of them.",
    );
    assert_one(
        "paths: models/{layer}/**\nlayers: {a: {reads: [], prefixes: [a_]}}",
        "prefixes",
        "`prefixes` has no effect: `paths` says which folder is the layer",
        "Remove `prefixes`, or remove `paths`.",
    );
}

#[test]
fn a_domain_has_one_place_in_the_order() {
    assert_one(
        "{paths: 'models/{domain}/**', domains: [wells, finance, \"wells\"]}",
        "\"wells\"",
        "`wells` stands in domains twice",
        "Keep the place in the order that it has.",
    );
}
