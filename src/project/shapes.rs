//! The shape dbt demands of YAML files beside the resources: lists of mappings that have names.

use super::data;
use super::properties::entries;
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::{Node, Value};

/// The keys of a YAML file that dbt reads.
const LISTS: [&str; 13] = [
    "models",
    "seeds",
    "snapshots",
    "sources",
    "macros",
    "analyses",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "functions",
    "groups",
    "unit_tests",
];

/// What must stand in an entry beside its name.
const DEMANDED: [(&str, &str); 4] =
    [("exposures", "type"), ("exposures", "owner"), ("groups", "owner"), ("unit_tests", "model")];

const EXPOSURES: [&str; 5] = ["dashboard", "notebook", "analysis", "ml", "application"];

/// What stops dbt when it reads a YAML file, beyond its syntax.
pub fn shape_errors(root: &Node) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    for entry in root.as_map().unwrap_or_default() {
        let Some(key) = entry.key.as_str().filter(|key| LISTS.contains(key)) else { continue };
        let Some(items) = entry.value.as_seq() else {
            errors.push(SyntaxError {
                span: entry.key.span,
                message: format!("`{key}:` must be a list and is {}, which stops dbt", entry.value.kind_name()),
                remedy: format!("Write a list of entries (`- name: …`), or delete `{key}:`."),
            });
            continue;
        };
        for item in items {
            if is_named(item, key, &mut errors) {
                check_entry(item, key, &mut errors);
            }
        }
    }
    errors
}

fn is_named(item: &Node, key: &str, errors: &mut Vec<SyntaxError>) -> bool {
    if item.get("name").is_some() {
        return true;
    }
    let what = match item.as_map() {
        Some(_) => "has no name".to_owned(),
        None => format!("is {} where a mapping belongs", item.kind_name()),
    };
    errors.push(SyntaxError {
        span: start_of(item),
        message: format!("an entry of `{key}:` {what}, which stops dbt"),
        remedy: "Give the entry a `name:`, or delete it.".to_owned(),
    });
    false
}

/// An entry is as long as all that it says; the finding is about its first line.
fn start_of(item: &Node) -> Span {
    item.as_map().and_then(<[_]>::first).map_or(item.span, |first| first.key.span)
}

fn check_entry(item: &Node, key: &str, errors: &mut Vec<SyntaxError>) {
    for (_, demanded) in DEMANDED.iter().filter(|(list, demanded)| *list == key && item.get(demanded).is_none()) {
        errors.push(SyntaxError {
            span: item.get("name").map_or(item.span, |name| name.span),
            message: format!("an entry of `{key}:` has no `{demanded}:`, which stops dbt"),
            remedy: format!("Add `{demanded}:`."),
        });
    }
    let wrong = |node: &Node, message: String, remedy: &str| SyntaxError {
        span: node.span,
        message: format!("{message}, which stops dbt"),
        remedy: remedy.to_owned(),
    };
    let kind = item.get("type").filter(|_| key == "exposures");
    if let Some((node, kind)) = kind.and_then(|node| Some((node, node.as_str()?)))
        && !EXPOSURES.contains(&kind)
        && !is_open(kind)
    {
        errors.push(wrong(
            node,
            format!("an exposure is no `{kind}`"),
            &format!("Write one of: {}.", EXPOSURES.join(", ")),
        ));
    }
    let owner = item.get("owner").filter(|_| matches!(key, "exposures" | "groups"));
    let is_empty = |owner: &&Node| owner.as_map().is_some() && owner.get("name").or(owner.get("email")).is_none();
    if let Some(owner) = owner.filter(is_empty) {
        errors.push(wrong(owner, "an owner has neither name nor email".to_owned(), "Add a `name:` or an `email:`."));
    }
    for (_, column) in entries(item, "columns") {
        is_named(column, "columns", errors);
    }
    if key == "sources" {
        for (_, table) in entries(item, "tables") {
            if is_named(table, "tables", errors) {
                check_entry(table, "tables", errors);
            }
        }
    }
    if key == "models" {
        check_versions(item, errors);
    }
}

fn check_versions(model: &Node, errors: &mut Vec<SyntaxError>) {
    let mut seen = Vec::new();
    for (_, version) in entries(model, "versions") {
        let Some(number) = version.get("v") else {
            errors.push(SyntaxError {
                span: start_of(version),
                message: "a version has no `v:`, which stops dbt".to_owned(),
                remedy: "Give the version its number: `v: 1`.".to_owned(),
            });
            continue;
        };
        if seen.contains(&&number.value) {
            errors.push(SyntaxError {
                span: number.span,
                message: format!("version {} is listed twice, which stops dbt", shown(number)),
                remedy: "Delete one of the two.".to_owned(),
            });
        }
        seen.push(&number.value);
    }
    let Some(latest) = model.get("latest_version").filter(|_| !seen.is_empty()) else { return };
    let open = |value: &Value| matches!(value, Value::Str(text) if is_open(text));
    let is_open = open(&latest.value) || seen.iter().any(|version| open(version));
    if !is_open && !latest.is_null() && !seen.contains(&&latest.value) {
        errors.push(SyntaxError {
            span: latest.span,
            message: format!("`latest_version:` is {}, which is none of the versions; that stops dbt", shown(latest)),
            remedy: "Name one of the versions, or add it to the list.".to_owned(),
        });
    }
}

/// Whether a text is one that only dbt knows.
fn is_open(text: &str) -> bool {
    data::has_jinja(text) || data::is_unknown(text)
}

fn shown(node: &Node) -> String {
    node.key_text().map_or_else(|| node.kind_name().to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn errors(text: &str) -> Vec<String> {
        shape_errors(&parse(text).root).into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn lists_entries_columns_and_tables_have_their_shape() {
        assert_eq!(errors("models: {name: a}"), ["`models:` must be a list and is a mapping, which stops dbt"]);
        assert_eq!(errors("models:\nother: 1\nsources:").len(), 2);
        assert_eq!(errors("seeds: [a, {description: b}, {name: c, columns: [{quote: true}]}]").len(), 3);
        assert_eq!(errors("sources: [{name: a, tables: [{identifier: b}, {name: c, columns: [{name: d}]}]}]").len(), 1);
        assert_eq!(errors("exposures: [{name: a}]\ngroups: [{name: a, owner: {}}]").len(), 3);
        assert_eq!(errors("exposures: [{name: a, type: film, owner: {email: b}}]").len(), 1);
    }

    #[test]
    fn versions_have_numbers_of_their_own_and_the_latest_is_one() {
        let model = |rest: &str| errors(&format!("models:\n  - name: a\n    {rest}\n"));
        assert!(model("versions: [{v: 1}, {v: 2, columns: [{include: all}]}]\n    latest_version: 1").is_empty());
        assert!(model("latest_version: 3").is_empty());
        assert_eq!(model("versions: [{v: 1}]\n    latest_version: 2").len(), 1);
        assert_eq!(model("versions: [{v: 1}, {v: 1}, {config: {}}]").len(), 2);
    }
}
