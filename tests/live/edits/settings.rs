//! Edits of what a project is set up by: its project file, harness.yml, rules, packages, selectors, profiles, the
//! baseline and the command line.

use super::super::dice::Dice;
use super::super::script::{INVOCATIONS, Op};
use super::super::yaml;
use super::{Ops, World, write};
use harness::rules::baseline;
use harness::rules::registry::Registry;
use harness::rules::rule::OptionValue;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// Takes a piece out of a file where it is in it, or adds it. What is there of the same keys mostly makes way.
fn toggled(world: &World, path: &str, pieces: &[&str], dice: &mut Dice) -> Ops {
    let text = world.files.get(path).cloned().unwrap_or_default();
    let piece = *dice.pick(pieces);
    let both = yaml::value(path, &text).zip(yaml::value(path, piece)).filter(|_| dice.in_a_hundred(75));
    if let Some((Value::Object(mut root), Value::Object(keys))) = both {
        if keys.iter().all(|(key, value)| root.get(key) == Some(value)) {
            root.retain(|key, _| !keys.contains_key(key));
        } else {
            root.extend(keys);
        }
        return write(path.to_owned(), yaml::text(&Value::Object(root), 4));
    }
    let changed = if text.contains(piece) { text.replacen(piece, "", 1) } else { format!("{text}{piece}") };
    write(path.to_owned(), changed)
}

pub(super) fn project_file(world: &mut World, dice: &mut Dice) -> Ops {
    const PIECES: [&str; 41] = [
        "vars: {limit: 20, start_date: '2021-01-01'}\n",
        "vars: {noise: \"{{ env_var('REGION') }}\"}\n",
        "model-paths: [models, more]\n",
        "model-paths: [models/marts, models/staging]\n",
        "model-paths: [\"{{ var('place', 'models') }}\"]\n",
        "model-paths: [\"{{ env_var('REGION', 'models') }}\"]\n",
        "macro-paths: [\"{{ var('place', 'macros') }}\", macros]\n",
        "model-paths: [models]\n",
        "model-paths: []\n",
        "model-paths: [nowhere, docs]\n",
        "analysis-paths: [analyses, models/drafts]\n",
        "docs-paths: [docs, models]\n",
        "macro-paths: [macros, dbt_packages]\n",
        "test-paths: [tests, models/tests]\n",
        "seed-paths: [seeds, models]\n",
        "snapshot-paths: [snapshots, models]\n",
        "target-path: models/target\n",
        "packages-install-path: installed\n",
        "on-run-start: [\"{{ log_it() }}\", \"select * from {{ ref('orders') }}\"]\n",
        "flags: {require_unique_project_resource_names: true}\n",
        "models: {+enabled: false}\n",
        "models: {+materialized: ephemeral, marts: {+tags: [late]}}\n",
        "data_tests: {+severity: warn}\n",
        "dispatch: [{macro_namespace: shop, search_order: [utils, shop]}]\n",
        "name: other\n",
        "function-paths: [functions, models]\n",
        "on-run-end: {sql: select 1}\n",
        "models: {+meta: {harness: {ignore: [MISSING_TESTS]}}}\n",
        "models: {+pre-hook: \"{{ cents('x') }} select * from {{ ref('orders') }}\", +schema: late}\n",
        "sources: {+enabled: false}\n",
        "exposures: {+enabled: \"{{ var('limit') }}\"}\nseeds: {+quote_columns: 5}\n",
        "flags: {require_ref_searches_node_package_before_root: true, warn_error: true}\n",
        "flags: {require_generic_test_arguments_property: false, allow_jinja_file_extensions: true}\n",
        "query-comment: \"{{ cents('x') }}\"\n",
        "quoting: {database: true}\nrequire-dbt-version: '>=9'\n",
        "restrict-access: true\n",
        "source-paths: [models]\n",
        "data-paths: [seeds]\n",
        "project-root: .\n",
        "packages: [{local: local_utils}]\n",
        "tests: {+enabled: false}\nmodels: {+post_hook: select 1}\n",
    ];
    toggled(world, "dbt_project.yml", &PIECES, dice)
}

pub(super) fn house_rules(world: &mut World, dice: &mut Dice) -> Ops {
    const PIECES: [&str; 16] = [
        "extends: strict\n",
        "presets: [dbt-project-evaluator]\n",
        "presets: [dbt-bouncer]\n",
        "rules: {ORPHAN_MODEL: error, MISSING_TESTS: off}\n",
        "rules: {HUB_MODEL: {severity: warning, options: {readers: 1}}}\n",
        "terminal: [marts]\n",
        "tenants: [north, south]\n",
        "overrides: [{paths: [\"models/marts/**\"], rules: {UNKNOWN_REF: warning}}]\n",
        "layers:\n  staging: {reads: [source]}\n  marts: {reads: [staging]}\n",
        "rule-paths: [house]\n",
        "overrides: [{paths: [models], rules: {PARSE_ERROR: off}}]\n",
        "domains: [sales, raw]\n",
        "extends: auto\n",
        "layers: {staging: {reads: [source, seed], prefixes: [stg_]}, marts: {reads: [staging, marts]}}\n",
        "rules: {UNUSED_SUPPRESSION: error, STALE_BASELINE: info}\n",
        "rules: {UNKNOWN_REF: graver}\n",
    ];
    match dice.below(6) {
        0 => Some(vec![Op::Remove("harness.yml".to_owned())]),
        1 => write(
            "harness.yml".to_owned(),
            "paths: \"models/{layer}/**\"\nlayers:\n  staging: {reads: [source, seed]}\n  intermediate: {reads: [staging]}\n  \
             marts: {reads: [staging, marts]}\nstaging: {ctes: [source, final], materialized: view, tags: [\"{source}\"]}\n"
                .to_owned(),
        ),
        _ => toggled(world, "harness.yml", &PIECES, dice),
    }
}

/// Another value for an option of a rule, mostly of one that reports something.
pub(super) fn rule_option(world: &mut World, dice: &mut Dice) -> Ops {
    const PATH: &str = "harness.yml";
    let with_options = options();
    let of_found = |rule: &&(String, Vec<(String, bool)>)| world.found.iter().any(|found| found.rule == rule.0);
    let reporting: Vec<_> = with_options.iter().filter(of_found).collect();
    let any: Vec<_> = with_options.iter().collect();
    let (rule, options) = dice.some(&reporting).filter(|_| dice.in_a_hundred(70)).or_else(|| dice.some(&any))?;
    let (option, is_number) = dice.some(options)?;
    let value = match is_number {
        true => json!(dice.below(4)),
        false => json!([*dice.pick(&["models/marts", "stg_", "orders", "id"])]),
    };
    let text = world.files.get(PATH).cloned().unwrap_or_else(|| "extends: strict\n".to_owned());
    let mut root = yaml::value(PATH, &text)?;
    let rules = root.as_object_mut()?.entry("rules").or_insert_with(|| json!({})).as_object_mut()?;
    let severity = *dice.pick(&["warning", "off"]);
    let stated = rules.entry(rule.clone()).or_insert_with(|| json!({}));
    if !stated.is_object() {
        *stated = json!({"severity": severity});
    }
    let options = stated.as_object_mut()?.entry("options").or_insert_with(|| json!({}));
    options.as_object_mut()?.insert(option, value);
    write(PATH.to_owned(), yaml::text(&root, 4))
}

/// A rule and its options, each with whether it is a number.
type RuleOptions = (String, Vec<(String, bool)>);

/// The rules that have options.
fn options() -> &'static [RuleOptions] {
    static OPTIONS: OnceLock<Vec<RuleOptions>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let mut found = vec![("HUB_MODEL".to_owned(), vec![("readers".to_owned(), true)])];
        for rule in Registry::embedded().unwrap().rules() {
            let of_rule = rule.options.iter();
            let of_rule =
                of_rule.map(|(name, option)| (name.clone(), matches!(option.default, OptionValue::Number(_))));
            found.push((rule.id.to_string(), of_rule.collect()));
        }
        found.retain(|(_, options)| !options.is_empty());
        found
    })
}

pub(super) fn rule_file(world: &mut World, dice: &mut Dice) -> Ops {
    const BODIES: [&str; 5] = [
        "finding(node: m, readers: n) :- model(m, _, _), n = count : { ref(_, m) }, n > $readers.\nsubject(m) :- ref(_, m), model(m, _, _).",
        "finding(node: m, readers: 1) :- model(m, name, _), contains(name, \"a\"), n = $readers.",
        "finding(node: m, readers: l) :- finding(node: m, rule: \"UNKNOWN_REF\", line: l), model(m, _, _), n = $readers.",
        "finding(node: m, readers: 2) :- reach(m, other), model(m, _, _), n = $readers.\nreach(a, b) :- ref(a, b).\nreach(a, c) :- reach(a, b), ref(b, c).",
        "finding(node: m, readers: n) :- nothing(m), n = 1.",
    ];
    let folder = *dice.pick(&["harness/rules", "harness/rules", "house"]);
    let path = format!("{folder}/hub-model.md");
    if world.files.contains_key(&path) && dice.in_a_hundred(25) {
        return Some(vec![Op::Remove(path)]);
    }
    let severity = *dice.pick(&["warning", "error", "off"]);
    let body = *dice.pick(&BODIES);
    let fence = "```";
    write(
        path,
        format!(
            "---\nseverity: {severity}\nmessage: \"is read by {{readers}}.\"\nremedy: \"Split it.\"\noptions:\n  \
             readers: {{default: 1, doc: More are too many.}}\n---\n# A model that is read much\n\n**What it finds.** Hubs.\n\n\
             **Why it matters.** It does.\n\n**How to fix it.** Split it.\n\n**When to ignore it.** Never.\n\n\
             {fence}datalog\n{body}\n{fence}\n"
        ),
    )
}

pub(super) fn packages(world: &mut World, dice: &mut Dice) -> Ops {
    let file = |path: &str, text: &str| Op::Write(path.to_owned(), text.to_owned());
    let folder = *dice.pick(&["dbt_packages/utils", "dbt_packages/other", "local_utils"]);
    match dice.below(7) {
        0 => {
            let text = *dice.pick(&[
                "packages:\n  - {package: x/utils, version: 1.0.0}\n",
                "packages:\n  - local: local_utils\n",
                "packages:\n  - local: local_utils\n  - {git: 'https://example.com/other.git', revision: main}\n",
                "packages: []\n",
            ]);
            Some(vec![file("packages.yml", text)])
        }
        1 => {
            let there = world.paths(|path| path.starts_with("dbt_packages/") || path == "packages.yml");
            let ops: Vec<Op> = there.into_iter().map(Op::Remove).collect();
            (!ops.is_empty()).then_some(ops)
        }
        2 => {
            let there = world.paths(|path| path.starts_with(&format!("{folder}/")));
            let ops: Vec<Op> = there.into_iter().map(Op::Remove).collect();
            (!ops.is_empty()).then_some(ops)
        }
        3 => Some(vec![file(&format!("{folder}/packages.yml"), "packages:\n  - {package: x/deep, version: 1.0.0}\n")]),
        4 => Some(vec![file(
            &format!("{folder}/dbt_project.yml"),
            "name: utils\nmodel-paths: [elsewhere]\nvars: {limit: 3}\n",
        )]),
        _ => {
            let name = world.name(dice);
            Some(vec![
                file(&format!("{folder}/dbt_project.yml"), "name: utils\n"),
                file(
                    &format!("{folder}/macros/m.sql"),
                    "{% macro cents(x) %}{{ x }}{% endmacro %}{% macro unknown_macro_1() %}2{% endmacro %}\n",
                ),
                file(&format!("{folder}/models/{name}.sql"), "select * from {{ source('raw', 'orders') }}\n"),
                file(
                    &format!("{folder}/models/utils.yml"),
                    "sources:\n  - name: raw\n    tables: [{name: orders}]\nmodels:\n  - name: orders\n    description: Theirs.\n",
                ),
            ])
        }
    }
}

pub(super) fn ignored(world: &mut World, dice: &mut Dice) -> Ops {
    toggled(world, ".dbtignore", &["models/marts/\n", "*_1.sql\n", "models/**/*.yml\n", "*\n!models/**\n"], dice)
}

pub(super) fn selectors(world: &mut World, dice: &mut Dice) -> Ops {
    const PIECES: [&str; 5] = [
        "selectors: [\n",
        "selectors: []\n",
        "selectors:\n  - name: late\n    definition: {method: tag, value: late}\n",
        "selectors:\n  - {name: a}\n",
        "selectors:\n  - {name: a, definition: \"{{ broken\"}\n",
    ];
    toggled(world, "selectors.yml", &PIECES, dice)
}

/// Another target, another adapter, or none that can be read.
pub(super) fn profiles(world: &mut World, dice: &mut Dice) -> Ops {
    const PATH: &str = "profiles.yml";
    match (world.files.get(PATH), dice.below(8)) {
        (Some(_), 0) => Some(vec![Op::Remove(PATH.to_owned())]),
        (Some(text), 1..=3) => {
            let mut root = yaml::value(PATH, text)?;
            let outputs = root.as_object_mut()?.values_mut().find_map(|profile| profile.get_mut("outputs"))?;
            let all: Vec<&mut Value> = outputs.as_object_mut()?.values_mut().collect();
            let at = dice.below(all.len());
            let output = all.into_iter().nth(at)?.as_object_mut()?;
            for _ in 0..4 {
                let (key, value) = world.vocabulary.key(dice, "profiles.*.outputs.*")?;
                output.insert(key, value);
            }
            write(PATH.to_owned(), yaml::text(&root, 4))
        }
        (Some(text), 4..=6) if text.contains("target:") => {
            let target = *dice.pick(&["dev", "prod", "warehouse", "query", "row", "late", "nowhere"]);
            let lines = text.lines().map(|line| match line.trim_start().starts_with("target:") {
                true => format!("  target: {target}\n"),
                false => format!("{line}\n"),
            });
            write(PATH.to_owned(), lines.collect())
        }
        _ => {
            let kind = *dice.pick(&[
                "snowflake",
                "bigquery",
                "duckdb",
                "spark",
                "clickhouse",
                "doris",
                "mysql",
                "\"{{ env_var('REGION') }}\"",
            ]);
            let output = format!("{{type: {kind}, schema: live, database: d}}");
            write(PATH.to_owned(), format!("shop:\n  target: dev\n  outputs: {{dev: {output}}}\n"))
        }
    }
}

/// A baseline of what is found now, one that lacks a line or has one too many, a broken one, or none.
pub(super) fn baseline(world: &mut World, dice: &mut Dice) -> Ops {
    let path = baseline::FILE.to_owned();
    let there = world.files.get(&path).cloned().unwrap_or_default();
    let mut lines: Vec<&str> = there.lines().collect();
    let at = 1 + dice.below(lines.len().saturating_sub(1));
    match dice.below(6) {
        0 => Some(vec![Op::Remove(path)]),
        1 if at < lines.len() => {
            lines.remove(at);
            write(path, lines.iter().map(|line| format!("{line}\n")).collect())
        }
        2 => write(path, format!("{there}<<<<<<<\n")),
        _ => write(path, world.baseline.clone()),
    }
}

/// Another command line, for which paths that hang on it may come first.
pub(super) fn invocation(world: &mut World, dice: &mut Dice) -> Ops {
    const PATH: &str = "dbt_project.yml";
    const PATHS: [(&str, &str); 4] = [
        ("model-paths", "{{ var('place', 'models') }}"),
        ("model-paths", "{{ env_var('REGION', 'models') }}"),
        ("test-paths", "{{ var('place', 'tests') }}"),
        ("analysis-paths", "{{ env_var('DRAFTS', 'analyses') }}"),
    ];
    let text = world.files.get(PATH).cloned().unwrap_or_default();
    let does_hang = PATHS.iter().any(|(_, path)| text.contains(path));
    let root = yaml::value(PATH, &text).filter(|_| !does_hang || dice.in_a_hundred(15));
    if let Some(Value::Object(mut root)) = root {
        let (key, path) = *dice.pick(&PATHS);
        root.insert(key.to_owned(), json!([path]));
        return write(PATH.to_owned(), yaml::text(&Value::Object(root), 4));
    }
    Some(vec![Op::Invocation(dice.below(INVOCATIONS))])
}

/// Vars in a file of their own, which dbt reads before the project file.
pub(super) fn vars(world: &mut World, dice: &mut Dice) -> Ops {
    const PATH: &str = "vars.yml";
    const TEXTS: [&str; 5] = [
        "vars: {limit: 30, from: orders, whole: {start_date: '2022-01-01'}}\n",
        "vars: {limit: null, noise: \"{{ env_var('REGION') }}\"}\n",
        "vars: {utils: {limit: 4}, shop: {limit: 5}, start_date: 2020-02-30}\n",
        "vars: [\n",
        "limit: 1\n",
    ];
    match world.files.contains_key(PATH) && dice.in_a_hundred(30) {
        true => Some(vec![Op::Remove(PATH.to_owned())]),
        false => write(PATH.to_owned(), (*dice.pick(&TEXTS)).to_owned()),
    }
}

/// What another project of a mesh says that it has.
pub(super) fn manifest(world: &mut World, dice: &mut Dice) -> Ops {
    let (loom, path) = ("dbt_loom.config.yml", "upstream/manifest.json");
    if !world.files.contains_key(loom) && dice.in_a_hundred(80) {
        let text = format!("manifests:\n  - {{name: upstream, type: file, config: {{path: {path}}}}}\n");
        return write(loom.to_owned(), text);
    }
    let name = world.name(dice);
    let access = *dice.pick(&["public", "protected", "private"]);
    let project = *dice.pick(&["upstream", "upstream", "whole"]);
    let version = *dice.pick(&["null", "1"]);
    match dice.below(6) {
        0 => Some(vec![Op::Remove(path.to_owned())]),
        1 => write(path.to_owned(), "{\"metadata\": ".to_owned()),
        _ => write(
            path.to_owned(),
            format!(
                "{{\"metadata\": {{\"project_name\": \"{project}\"}}, \"nodes\": {{\"model.{project}.{name}\": {{\"name\": \
                 \"{name}\", \"package_name\": \"{project}\", \"resource_type\": \"model\", \"access\": \"{access}\", \
                 \"version\": {version}}}}}}}\n"
            ),
        ),
    }
}
