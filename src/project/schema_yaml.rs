//! Property files as dbt reads them: each entry's Jinja is rendered first, its name included, except
//! where dbt renders later.

use super::data;
use super::jinja::run::{Names, Run, Scale, Subject};
use super::jinja::{Minijinja, Renderer};
use super::packages::yaml;
use crate::db::{FileOf, Package, SourceFile};
use crate::syntax::span::{Span, SyntaxError, SyntaxErrorKind};
use crate::syntax::yaml::{Entry, Node, Value};
use serde_json::Value as Json;

/// The lists whose entries dbt renders.
const SECTIONS: [&str; 14] = [
    "models",
    "seeds",
    "snapshots",
    "sources",
    "macros",
    "analyses",
    "functions",
    "exposures",
    "metrics",
    "groups",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "data_tests",
];

/// The root of a property file. Places are those of the file, also of what Jinja made.
pub fn root(db: &dyn salsa::Database, package: Package, file: SourceFile) -> &Node {
    rendered(db, FileOf::new(db, package, file)).0.as_ref().unwrap_or(&yaml(db, file).root)
}

/// A run for one of many texts that are no settings.
pub fn small_run(package: Package, names: Names) -> Run {
    Run::new(package, names, Subject::default()).within(Scale::SettingOfMany)
}

/// What is wrong in the Jinja of a property file that dbt renders when it reads the file.
pub fn jinja_errors(db: &dyn salsa::Database, package: Package, file: SourceFile) -> &[SyntaxError] {
    &rendered(db, FileOf::new(db, package, file)).1
}

/// The file with its Jinja rendered, or nothing where there is none, which is most files; and what is wrong in it.
#[salsa::tracked(returns(ref))]
fn rendered<'db>(db: &'db dyn salsa::Database, key: FileOf<'db>) -> (Option<Node>, Vec<SyntaxError>) {
    let (package, file) = (key.package(db), key.file(db));
    let text = file.content(db).text();
    if !data::has_jinja(text) {
        return (None, Vec::new());
    }
    let mut walk = Walk { package, section: "", path: Vec::new(), rendered: 0, text, errors: Vec::new() };
    let root = walk.root(&yaml(db, file).root);
    (root, walk.errors)
}

/// The value of one text of a YAML file, or what is wrong with it, where it stands.
pub fn value_of_text(run: Run, file: &str, node: &Node) -> Option<Result<Json, SyntaxError>> {
    let text = node.as_str().filter(|text| data::has_jinja(text) || text.contains("{#"))?;
    let (value, trace) = Minijinja.evaluate(text, run);
    match value {
        Ok(value) => Some(Ok(value)),
        // Something that is not in this checkout was in play.
        Err(_) if trace.incomplete => None,
        Err(error) => {
            let remedy = match error.kind {
                SyntaxErrorKind::VarWithoutValue => {
                    "Give it a default here, or a value under `vars:` or by `--vars`.".to_owned()
                }
                SyntaxErrorKind::UndefinedName => {
                    "Correct the name, or write it out: YAML has no macros, no ref and no source.".to_owned()
                }
                _ => error.remedy.clone(),
            };
            Some(Err(SyntaxError { span: place_of(file, node, &error), remedy, ..error }))
        }
    }
}

/// Where in a YAML text an error is: at the name that the error quotes, else at the first tag.
fn place_of(file: &str, node: &Node, error: &SyntaxError) -> Span {
    let shown = node.span.of(file);
    let quoted = error.message.split(['`', '\'']).nth(1).filter(|name| !name.is_empty());
    let open = shown.find('{').unwrap_or_default();
    let named = quoted.and_then(|name| Some((open + shown[open..].find(name)?, name.len())));
    let tag = || ["{{", "{%", "{#"].iter().filter_map(|open| shown.find(open)).min().map(|at| (at, 2));
    let start = node.span.start as usize;
    named.or_else(tag).map_or(node.span, |(at, length)| Span::new(start + at, start + at + length))
}

struct Walk<'doc> {
    package: Package,
    section: &'static str,
    /// The keys from the entry to here; the place in a list is a key without a text.
    path: Vec<&'doc str>,
    /// Values that were rendered until now.
    rendered: usize,
    /// The file.
    text: &'doc str,
    errors: Vec<SyntaxError>,
}

/// So many values of one file may do as much as a value may; each more may do less.
const MANY: usize = 500;

impl<'doc> Walk<'doc> {
    fn root(&mut self, root: &'doc Node) -> Option<Node> {
        let mut entries = Vec::new();
        let mut changed = false;
        for entry in root.as_map()? {
            let section = entry.key.as_str().and_then(|key| SECTIONS.iter().find(|section| **section == key));
            let value = section.zip(entry.value.as_seq()).and_then(|(section, items)| {
                self.section = section;
                self.items(items, false).map(|items| Node { span: entry.value.span, value: Value::Seq(items) })
            });
            changed |= value.is_some();
            entries.push(Entry { key: entry.key.clone(), value: value.unwrap_or_else(|| entry.value.clone()) });
        }
        changed.then_some(Node { span: root.span, value: Value::Map(entries) })
    }

    /// The node with what its Jinja says; nothing where that is the node itself.
    fn node(&mut self, node: &'doc Node) -> Option<Node> {
        let value = match &node.value {
            Value::Str(text) if data::has_jinja(text) && is_rendered(self.section, &self.path) => {
                self.rendered += 1;
                let run = Run::new(self.package, Names::Settings, Subject::default());
                let run = if self.rendered > MANY { run.within(Scale::SettingOfMany) } else { run };
                return match value_of_text(run, self.text, node)? {
                    Ok(value) => Some(placed(value, node)),
                    Err(error) => {
                        // What a snapshot reads is judged with the snapshot.
                        if self.section != "snapshots" || self.path != ["relation"] {
                            self.errors.push(error);
                        }
                        None
                    }
                };
            }
            Value::Seq(items) => Value::Seq(self.items(items, true)?),
            Value::Map(entries) => {
                let values: Vec<_> = entries
                    .iter()
                    .map(|entry| {
                        self.path.push(entry.key.as_str().unwrap_or_default());
                        let value = self.node(&entry.value);
                        self.path.pop();
                        value
                    })
                    .collect();
                if values.iter().all(Option::is_none) {
                    return None;
                }
                let with = |(entry, value): (&Entry, Option<Node>)| Entry {
                    key: entry.key.clone(),
                    value: value.unwrap_or_else(|| entry.value.clone()),
                };
                Value::Map(entries.iter().zip(values).map(with).collect())
            }
            _ => return None,
        };
        Some(Node { span: node.span, value })
    }

    fn items(&mut self, items: &'doc [Node], counted: bool) -> Option<Vec<Node>> {
        let values: Vec<_> = items
            .iter()
            .map(|item| {
                if counted {
                    self.path.push("");
                }
                let value = self.node(item);
                if counted {
                    self.path.pop();
                }
                value
            })
            .collect();
        if values.iter().all(Option::is_none) {
            return None;
        }
        Some(items.iter().zip(values).map(|(item, value)| value.unwrap_or_else(|| item.clone())).collect())
    }
}

/// A value as YAML that stands where `at` does.
pub(super) fn placed(value: serde_json::Value, at: &Node) -> Node {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Int(integer),
            (None, Some(float)) => Value::Float(float),
            (None, None) => Value::BigInt(number.to_string()),
        },
        Json::String(text) => Value::Str(text.into()),
        Json::Array(items) => Value::Seq(items.into_iter().map(|item| placed(item, at)).collect()),
        Json::Object(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    key: Node { span: at.span, value: Value::Str(key.into()) },
                    value: placed(value, at),
                })
                .collect(),
        ),
    };
    Node { span: at.span, value }
}

/// What dbt leaves for later: descriptions, tests, hooks and filters.
fn is_rendered(section: &str, path: &[&str]) -> bool {
    let key = |at: usize| path.get(at).copied().unwrap_or_default();
    let filters = || path.last() == Some(&"filter") || path.len() > 1 && path.iter().rev().nth(1) == Some(&"filter");
    match section {
        "sources" => match key(0) {
            "description" | "loaded_at_query" => false,
            "config" if key(1) == "loaded_at_query" => false,
            "tables" => !is_later(path.get(2..).unwrap_or_default()),
            _ => true,
        },
        "macros" if key(0) == "arguments" => !is_later(path.get(1..).unwrap_or_default()),
        "metrics" if filters() => false,
        "saved_queries" if key(0) == "query_params" && key(1) == "where" => false,
        _ if key(0) == "metrics" && filters() => false,
        _ => !is_later(path),
    }
}

fn is_later(path: &[&str]) -> bool {
    let is_text = |key: &str| matches!(key, "tests" | "data_tests" | "description");
    let is_text_or_query = |key: &str| is_text(key) || key == "loaded_at_query";
    match path {
        [first, ..] if is_text_or_query(first) => true,
        [_, second] if is_text_or_query(second) => true,
        ["config", second, ..] => {
            matches!(*second, "pre_hook" | "post_hook" | "loaded_at_query")
        }
        [_, _, _, _, "description"] => true,
        ["versions", _, third, ..] if is_text(third) => true,
        ["versions", _, "columns", _, fifth, ..] if is_text(fifth) => true,
        ["columns" | "dimensions" | "measures" | "entities" | "metrics", _, third, ..] => is_text(third),
        ["derived_semantics", "dimensions" | "entities", _, fourth, ..] => is_text(fourth),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_settings_are_rendered_and_texts_for_people_are_not() {
        for (section, path) in [
            ("sources", &["name"][..]),
            ("sources", &["tables", "", "name"]),
            ("sources", &["tables", "", "columns", "", "name"]),
            ("models", &["config", "meta", "", "description", "x"]),
            ("exposures", &["url"]),
        ] {
            assert!(is_rendered(section, path), "{section} {path:?}");
        }
        for (section, path) in [
            ("sources", &["description"][..]),
            ("sources", &["tables", "", "description"]),
            ("sources", &["tables", "", "columns", "", "data_tests", "", "unique", "where"]),
            ("models", &["columns", "", "tests", ""]),
            ("models", &["versions", "", "columns", "", "description"]),
            ("models", &["config", "post_hook"]),
            ("macros", &["arguments", "", "description"]),
            ("metrics", &["type_params", "measure", "filter"]),
            ("saved_queries", &["query_params", "where", ""]),
        ] {
            assert!(!is_rendered(section, path), "{section} {path:?}");
        }
    }
}
