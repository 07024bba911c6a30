//! dbt_project.yml: its keys are closed, and their types are asked of the file as Jinja renders it.

use super::Entry;
use super::Form::{self, Any, Entry as Of, List, Map, Null, Number, Text};
use super::packages::PACKAGES;
use super::shared::*;
use super::walk::{Fault, Step, Walk, What, is_open, shown};
use crate::syntax::yaml::{Node, Value};

const TEXTS_OR_NULL: &[Form] = &[List(TEXT), Null];
const MAP_OR_NULL: &[Form] = &[Map, Null];
const HOOKS: &[Form] = &[List(TEXT), Text, Null];
const QUOTING: Entry = Entry {
    needs: &[],
    keys: &[
        ("schema", BOOL_OR_NULL),
        ("database", BOOL_OR_NULL),
        ("project", BOOL_OR_NULL),
        ("identifier", BOOL_OR_NULL),
        ("snowflake_ignore_case", BOOL_OR_NULL),
    ],
    is_closed: true,
};
const COMMENT: Entry =
    Entry { needs: &[], keys: &[("comment", TEXT), ("append", BOOL_OR_NULL), ("job-label", BOOL)], is_closed: true };
const DISPATCH: Entry = Entry {
    needs: &["macro_namespace", "search_order"],
    keys: &[("macro_namespace", &[Any]), ("search_order", &[List(&[Any])])],
    is_closed: false,
};
const PROJECT: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("config-version", INT_OR_NULL),
        ("version", &[Text, Number, Null]),
        ("source-paths", TEXTS_OR_NULL),
        ("model-paths", TEXTS_OR_NULL),
        ("macro-paths", TEXTS_OR_NULL),
        ("data-paths", TEXTS_OR_NULL),
        ("seed-paths", TEXTS_OR_NULL),
        ("test-paths", TEXTS_OR_NULL),
        ("analysis-paths", TEXTS_OR_NULL),
        ("docs-paths", TEXTS_OR_NULL),
        ("asset-paths", TEXTS_OR_NULL),
        ("function-paths", TEXTS_OR_NULL),
        ("osi-paths", TEXTS_OR_NULL),
        ("target-path", TEXT_OR_NULL),
        ("snapshot-paths", TEXTS_OR_NULL),
        ("clean-targets", TEXTS_OR_NULL),
        ("profile", TEXT_OR_NULL),
        ("log-path", TEXT_OR_NULL),
        ("packages-install-path", TEXT_OR_NULL),
        ("quoting", &[Of(&QUOTING), Null]),
        ("on-run-start", HOOKS),
        ("on-run-end", HOOKS),
        ("require-dbt-version", TEXT_LIST_OR_NULL),
        ("dispatch", &[List(&[Of(&DISPATCH)])]),
        // dbt takes null for nothing in these three alone.
        ("models", MAP_OR_NULL),
        ("seeds", MAP_OR_NULL),
        ("snapshots", MAP_OR_NULL),
        ("analyses", MAP),
        ("sources", MAP),
        ("tests", MAP),
        ("data_tests", MAP),
        ("unit_tests", MAP),
        ("metrics", MAP),
        ("semantic-models", MAP),
        ("saved-queries", MAP),
        ("exposures", MAP),
        ("functions", MAP),
        ("vars", MAP_OR_NULL),
        ("packages", PACKAGES),
        ("query-comment", &[Of(&COMMENT), Text, Null]),
        ("restrict-access", BOOL),
        ("dbt-cloud", MAP_OR_NULL),
        ("flags", MAP),
        ("project-root", &[Any]),
    ],
    is_closed: true,
};

/// Names that dbt keeps for itself.
const RESERVED: [&str; 41] = [
    "_sql_results",
    "adapter",
    "api",
    "column",
    "config",
    "context",
    "database",
    "dbt",
    "env",
    "env_var",
    "exceptions",
    "execute",
    "flags",
    "fromjson",
    "fromyaml",
    "graph",
    "invocation_id",
    "load_agate_table",
    "load_result",
    "log",
    "model",
    "modules",
    "post_hooks",
    "pre_hooks",
    "ref",
    "render",
    "return",
    "run_started_at",
    "schema",
    "source",
    "sql",
    "sql_now",
    "store_result",
    "store_raw_result",
    "target",
    "this",
    "tojson",
    "toyaml",
    "try_or_compiler_error",
    "var",
    "write",
];

/// The sections whose folders hold settings.
const FOLDERS: [&str; 12] = [
    "models",
    "seeds",
    "snapshots",
    "sources",
    "tests",
    "data_tests",
    "unit_tests",
    "metrics",
    "semantic-models",
    "saved-queries",
    "exposures",
    "functions",
];

/// Returns what dbt does not accept in a dbt_project.yml.
pub fn project_faults(root: &Node) -> Vec<Fault> {
    let mut walk = Walk::default();
    walk.entry(root, &PROJECT, What::As("dbt_project.yml"));
    if let Some(name) = root.get("name") {
        project_name(&mut walk, name);
    }
    if let Some(version) = root.get("version") {
        project_version(&mut walk, version);
    }
    if let Some(number) = root.get("config-version").filter(|number| number.as_i64().is_some_and(|number| number != 2))
    {
        walk.path.push(Step::key("config-version"));
        walk.report(
            number.span,
            format!("`config-version:` is {}, and dbt reads only 2", shown(number)),
            "Write `config-version: 2`.",
        );
        walk.path.pop();
    }
    if let Some(required) = root.get("require-dbt-version") {
        required_versions(&mut walk, required);
    }
    for section in FOLDERS {
        walk.path.push(Step::key(section));
        // Keys of the section itself are asked by their types.
        for entry in root.get(section).and_then(Node::as_map).unwrap_or_default() {
            if let Some(key) = entry.key.as_str().filter(|key| !key.starts_with('+')) {
                walk.path.push(Step::key(key));
                folder_keys(&mut walk, &entry.value);
                walk.path.pop();
            }
        }
        walk.path.pop();
    }
    walk.faults
}

fn project_name(walk: &mut Walk, name: &Node) {
    let Some(text) = name.as_str().filter(|text| !is_open(text)) else { return };
    // Python's `$` also matches before a last line break.
    let text = text.strip_suffix('\n').unwrap_or(text);
    walk.path.push(Step::key("name"));
    let mut letters = text.chars();
    let begins = letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    if !begins || !letters.all(|letter| letter.is_alphanumeric() || letter == '_') {
        let fixed: String = text.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
        let remedy = match fixed.chars().next() {
            Some(first) if first.is_alphabetic() || first == '_' => {
                format!("Call it `{fixed}`, there and in the sections that name it.")
            }
            _ => "Give it a name that begins with a letter.".to_owned(),
        };
        walk.report(
            name.span,
            format!("the project's name `{}` holds what a name may not, which stops dbt: letters, digits and `_` are accepted, and no digit first", shown(name)),
            &remedy,
        );
    } else if RESERVED.contains(&text) {
        walk.report(
            name.span,
            format!("dbt keeps the name `{text}` for itself and refuses a project of that name"),
            "Give the project another name.",
        );
    }
    walk.path.pop();
}

fn project_version(walk: &mut Walk, version: &Node) {
    // dbt makes a string of a number before it looks.
    let text = match &version.value {
        Value::Null | Value::Bool(_) | Value::Seq(_) | Value::Map(_) => return,
        Value::Str(text) if is_open(text) => return,
        _ => version.key_text().unwrap_or_default(),
    };
    if is_version(&text) {
        return;
    }
    walk.path.push(Step::key("version"));
    let remedy = match text.parse::<u32>() {
        Ok(number) => format!("Write \"{number}.0\", or delete `version:`."),
        Err(_) => "Write it as \"1.0.0\", or delete `version:`.".to_owned(),
    };
    let message =
        format!("`version:` is `{}`, which stops dbt: it accepts two or three numbers with dots", shown(version));
    walk.report(version.span, message, &remedy);
    walk.path.pop();
}

/// `1.0`, `1.0.0`, `1.0.0-rc.1+build`.
fn is_version(text: &str) -> bool {
    // Python's `$` also matches before a last line break.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (numbers, before) = text.split_once('-').map_or((text, None), |(numbers, before)| (numbers, Some(before)));
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
    let numbers: Vec<&str> = numbers.split('.').collect();
    let has_more = build.is_some() || before.is_some();
    (numbers.len() == 3 || numbers.len() == 2 && !has_more)
        && numbers.into_iter().all(is_number)
        && build.is_none_or(|build| build.split('.').all(is_word))
        && before.is_none_or(|before| {
            before
                .split('.')
                .all(|part| is_word(part) && (is_number(part) || !part.bytes().all(|digit| digit.is_ascii_digit())))
        })
}

/// `>=1.6.0`, several with commas between them, or a list of single ones.
fn required_versions(walk: &mut Walk, required: &Node) {
    walk.path.push(Step::key("require-dbt-version"));
    let single = |walk: &mut Walk, node: &Node, text: &str| {
        if !is_open(text) && !is_requirement(text) {
            walk.report(
                node.span,
                format!("`{text}` is not a version that dbt can read, which stops it"),
                "Write a comparison and three numbers without spaces: \">=1.6.0\".",
            );
        }
    };
    match &required.value {
        Value::Str(text) if is_open(text) => {}
        Value::Str(text) => text.split(',').for_each(|part| single(walk, required, part)),
        Value::Seq(items) => {
            items
                .iter()
                .filter_map(|item| Some((item, item.as_str()?)))
                .for_each(|(item, text)| single(walk, item, text));
        }
        _ => {}
    }
    walk.path.pop();
}

fn is_requirement(text: &str) -> bool {
    let version = [">=", "<=", ">", "<", "="].iter().find_map(|sign| text.strip_prefix(sign)).unwrap_or(text);
    let end = version.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    // `1.0.0rc1` and `1.0.0-rc1` are one.
    let rest = match rest.strip_prefix('-').unwrap_or(rest) {
        "" => String::new(),
        more if more.starts_with('+') => more.to_owned(),
        more => format!("-{more}"),
    };
    numbers.split('.').count() == 3 && is_version(&format!("{numbers}{rest}"))
}

/// A folder's key that YAML reads as no string (`on:`, `2024:`).
fn folder_keys(walk: &mut Walk, settings: &Node) {
    for entry in settings.as_map().unwrap_or_default() {
        let Some(key) = entry.key.as_str() else {
            let word = match entry.key.value {
                Value::Bool(_) => "YAML reads it as true or false".to_owned(),
                _ => format!("YAML reads it as {}", entry.key.kind_name()),
            };
            walk.report(
                entry.key.span,
                format!("a key of `{}` is no string ({word}), which stops dbt", walk.shown_path()),
                "Put the key in quotes.",
            );
            continue;
        };
        if !key.starts_with('+') {
            walk.path.push(Step::key(key));
            folder_keys(walk, &entry.value);
            walk.path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    #[test]
    fn versions_are_two_or_three_numbers() {
        for fine in ["1.0", "1.0.0", "0.1.0-rc.1", "1.0.0+build.5", "10.20.30"] {
            assert!(is_version(fine), "{fine}");
        }
        for wrong in ["1", "1.0.0.0", "v1.0.0", "01.0.0", "", "1.0-rc1", "1.x.0", "1.0.0-", "1.0.0-01"] {
            assert!(!is_version(wrong), "{wrong}");
        }
        for fine in [">=1.0.0", "=1.12.6", "1.0.0", ">1.0.0rc1", "<2.0.0-b1"] {
            assert!(is_requirement(fine), "{fine}");
        }
        for wrong in ["~=1.0.0", ">=1.0", "==1.0.0", " <2.0.0", "", "nope"] {
            assert!(!is_requirement(wrong), "{wrong}");
        }
    }

    #[test]
    fn keys_and_types_of_a_project_file() {
        let count = |text: &str| project_faults(&parse(&format!("name: lab\n{text}\n")).root).len();
        for fine in [
            "version: 1.0",
            "models:",
            "model-paths: []",
            "on-run-start: select 1",
            "vars:",
            "query-comment: {comment: x, append: true}",
            "models: {lab: 5, +meta: {1: 2}}",
            "require-dbt-version: ['>=1.0.0', '<2.0.0']",
            "dispatch: [{macro_namespace: dbt, search_order: [lab]}]",
            "flags: {anything: 5}",
        ] {
            assert_eq!(count(fine), 0, "{fine}");
        }
        for wrong in [
            "version: 1",
            "model_paths: [models]",
            "model-paths: models",
            "analyses:",
            "flags:",
            "models: [a]",
            "models: {lab: {on: {+tags: x}}}",
            "models: {1: {+tags: x}}",
            "on-run-end: {a: b}",
            "config-version: 1",
            "config-version: '2'",
            "dispatch: [{macro_namespace: dbt}]",
            "require-dbt-version: 1.12",
            "anchors: {}",
            "query-comment: {other: x}",
            "packages: [5]",
        ] {
            assert_eq!(count(wrong), 1, "{wrong}");
        }
        let name = |name: &str| project_faults(&parse(&format!("name: {name}")).root).len();
        assert_eq!([name("my-lab"), name("1lab"), name("model"), name("ünï"), name("_lab")], [1, 1, 1, 0, 0]);
    }
}
