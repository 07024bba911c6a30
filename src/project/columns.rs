//! Columns as YAML documents them, and the versions of a model with the columns of each.

use super::data;
use super::properties::{config_of, described, entries, text_of};
use crate::syntax::yaml::Node;
use indexmap::IndexMap;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: Arc<str>,
    pub description: Arc<str>,
    /// As YAML states it; may be empty.
    pub data_type: Arc<str>,
    /// The kinds of its own constraints: `not_null`, `primary_key`.
    pub constraints: Vec<Arc<str>>,
}

/// A constraint of a whole model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    pub kind: Arc<str>,
    /// The column it is about; "" is several.
    pub column: Arc<str>,
}

/// The constraints that an entry states beside its columns; nothing where it has no such list.
pub(super) fn constraints_of(entry: &Node) -> Option<Vec<Constraint>> {
    entry.get("constraints")?.as_seq()?;
    let constraints = entries(entry, "constraints").filter_map(|(_, constraint)| {
        let kind = constraint.get("type").and_then(text_of)?.into();
        let columns: Vec<String> = constraint.get("columns")?.as_seq()?.iter().filter_map(text_of).collect();
        match columns.as_slice() {
            [] => None,
            [column] => Some(Constraint { kind, column: column.as_str().into() }),
            _ => Some(Constraint { kind, column: "".into() }),
        }
    });
    Some(constraints.collect())
}

/// Of two entries for one column the last counts.
pub(super) fn columns_of(entry: &Node) -> Vec<Column> {
    let mut found: IndexMap<Arc<str>, Column> = IndexMap::new();
    for (_, column) in entries(entry, "columns") {
        if let Some(name) = column.get("name").and_then(text_of) {
            let data_type = column.get("data_type").filter(|node| !node.is_null()).and_then(text_of);
            let data_type = data_type.unwrap_or_default().into();
            let constraints =
                entries(column, "constraints").filter_map(|(_, constraint)| text_of(constraint.get("type")?));
            let constraints = constraints.map(Arc::from).collect();
            let name: Arc<str> = name.into();
            let column = Column { name: name.clone(), description: described(column), data_type, constraints };
            found.insert(name, column);
        }
    }
    found.into_values().collect()
}

/// One entry of `versions:`.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// As Python prints it.
    pub version: Arc<str>,
    /// As YAML has it.
    pub value: Value,
    /// The file's name without its extension, where it is not `<model>_v<version>`.
    pub defined_in: Option<Arc<str>>,
    /// Replaces the model's own settings key by key.
    pub config: Map<String, Value>,
    pub description: Option<Arc<str>>,
    /// The model's columns that this version keeps, and its own.
    pub columns: Vec<Column>,
    /// Replaces the model's own constraints.
    pub constraints: Option<Vec<Constraint>>,
}

pub(super) fn versions_of(entry: &Node, columns: &[Column], render: &mut dyn FnMut(&str) -> Value) -> Vec<Version> {
    let mut found = Vec::new();
    for (_, version) in entries(entry, "versions") {
        let Some(value) = version.get("v") else { continue };
        let Some(number) = text_of(value) else { continue };
        let kept = Kept::of(version);
        let inherited = columns.iter().filter(|column| kept.has(&column.name)).cloned();
        let own = inherited.chain(columns_of(version)).map(|column| (column.name.clone(), column));
        let own: IndexMap<Arc<str>, Column> = own.collect();
        found.push(Version {
            version: number.into(),
            value: data::of(value),
            defined_in: version.get("defined_in").and_then(text_of).map(Arc::from),
            config: config_of(version, &["meta", "docs", "access"], render),
            description: version.get("description").and_then(Node::as_str).map(Arc::from),
            columns: own.into_values().collect(),
            constraints: constraints_of(version),
        });
    }
    found
}

/// Which columns of its model a version has: `include:` and `exclude:` among its columns say.
struct Kept {
    /// `None` is all.
    included: Option<FxHashSet<String>>,
    excluded: FxHashSet<String>,
}

impl Kept {
    fn of(version: &Node) -> Self {
        let names = |rule: &Node, key: &str| -> Vec<String> {
            let Some(given) = rule.get(key) else { return Vec::new() };
            match given.as_seq() {
                Some(items) => items.iter().filter_map(text_of).collect(),
                None => text_of(given).into_iter().collect(),
            }
        };
        let rule = entries(version, "columns").map(|(_, rule)| rule).find(|rule| rule.get("include").is_some());
        let Some(rule) = rule else { return Self { included: None, excluded: FxHashSet::default() } };
        let included = names(rule, "include");
        let all = matches!(included.as_slice(), [one] if one == "*" || one == "all");
        Self {
            included: (!all).then(|| included.into_iter().collect()),
            excluded: names(rule, "exclude").into_iter().collect(),
        }
    }

    fn has(&self, column: &str) -> bool {
        self.included.as_ref().is_none_or(|included| included.contains(column)) && !self.excluded.contains(column)
    }
}

/// The order of versions: as numbers where both are, else as texts.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.total_cmp(&right),
        _ => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn names(columns: &[Column]) -> Vec<&str> {
        columns.iter().map(|column| &*column.name).collect()
    }

    #[test]
    fn a_version_has_the_models_columns_unless_it_leaves_some_out() {
        let text = "columns: [{name: a, description: x}, {name: b}]\n\
                    versions:\n  - v: 1\n  - v: 2\n    columns: [{include: all, exclude: [b]}, {name: c}]\n  \
                    - v: 3\n    defined_in: other\n    columns: [{include: [b]}]\n";
        let document = parse(text);
        let columns = columns_of(&document.root);
        let versions = versions_of(&document.root, &columns, &mut |_| Value::Null);
        assert_eq!([&*columns[0].description, &*columns[1].description], ["x", ""]);
        assert_eq!(names(&versions[0].columns), ["a", "b"]);
        assert_eq!(names(&versions[1].columns), ["a", "c"]);
        assert_eq!(names(&versions[2].columns), ["b"]);
        assert_eq!(versions[2].defined_in.as_deref(), Some("other"));
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(compare_versions("10", "9"), Ordering::Greater);
        assert_eq!(compare_versions("b", "a"), Ordering::Greater);
    }
}
