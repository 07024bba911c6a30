use super::*;

const RULES: [&str; 4] = ["MART_REFS_STAGING", "DEPENDENCY_DIRECTION", "CTE_MISSING_{CTE}", "CTE_ORDER"];

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
    let found = read(text, &RULES).err().unwrap_or_default();
    found.into_iter().map(|problem| (problem.span.of(text).to_owned(), problem.message, problem.remedy)).collect()
}

fn assert_one(text: &str, covers: &str, message: &str, remedy: &str) {
    let wanted = (covers.to_owned(), message.to_owned(), remedy.to_owned());
    assert_eq!(problems(text), [wanted], "{text}");
}

#[test]
fn the_sample_of_the_plan_is_read_in_full() {
    let placeholder = Segment::Placeholder;
    let layer = |name: &str, reads: Vec<Read>| Layer { name: name.to_owned(), reads };
    let own = |name: &str| Read::Layer(name.to_owned());
    let wanted = HouseRules {
        extends: Extends::Strict,
        paths: Some(vec![
            Segment::Literal("models".to_owned()),
            placeholder(Placeholder::Tenant),
            placeholder(Placeholder::Layer),
            placeholder(Placeholder::Domain),
            Segment::Rest,
        ]),
        layers: vec![
            layer("staging", vec![Read::Source, Read::Seed]),
            layer("intermediate", vec![own("staging"), own("intermediate")]),
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
            .map(|(id, level)| (id.to_owned(), level))
            .into(),
    };
    assert_eq!(read(SAMPLE, &RULES), Ok(wanted));
}

#[test]
fn an_empty_file_states_nothing() {
    for text in ["", "# nothing yet\n"] {
        assert_eq!(read(text, &RULES), Ok(HouseRules::default()));
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
        "Use one of `extends`, `paths`, `layers`, `terminal`, `tenants`, `domains`, `staging`, `rules`.",
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
    let house = read("staging: {ctes: [], materialized: view, tags: [], column_groups: [IDs]}", &RULES);
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
        read(text, &[]).err().into_iter().flatten().map(|problem| problem.message).collect()
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

#[test]
fn a_domain_has_one_place_in_the_order() {
    assert_one(
        "{paths: 'models/{domain}/**', domains: [wells, finance, \"wells\"]}",
        "\"wells\"",
        "`wells` stands in domains twice",
        "Keep the place in the order that it has.",
    );
}
