//! Sources of packages that another project replaces in part: `overrides: <package>`.

use super::packages::{dbt_packages, package_name};
use super::properties::{entries, text_of};
use super::schema_yaml;
use super::settled::Settled;
use crate::db::{FileKind, Package, SourceFile, Stamped, files_of};
use crate::syntax::span::Span;
use crate::syntax::yaml::{Entry, Node, Value};
use std::borrow::Cow;

/// Each key with adapters' own words for it. A patch replaces them where it has them.
const OF_SOURCE: [&[&str]; 9] = [
    &["description"],
    &["meta"],
    &["tags"],
    &["loader"],
    &["quoting"],
    &["loaded_at_field"],
    &["loaded_at_query"],
    &["schema", "dataset"],
    &["database", "project", "catalog"],
];
const OF_TABLE: [&[&str]; 10] = [
    &["description"],
    &["meta"],
    &["tags"],
    &["docs"],
    &["loaded_at_field"],
    &["loaded_at_query"],
    &["identifier"],
    &["tests"],
    &["data_tests"],
    &["columns"],
];

/// What dbt takes from the patch even where the patch does not have it.
const ALWAYS_OF_SOURCE: [&str; 2] = ["config", "freshness"];
const ALWAYS_OF_TABLE: [&str; 2] = ["quoting", "freshness"];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Override {
    package: String,
    source: String,
    patch: Node,
}

fn overrides(db: &dyn salsa::Database) -> &[Override] {
    match Settled::try_get(db) {
        Some(settled) => settled.overrides(db),
        None => &stated(db).value,
    }
}

#[salsa::tracked(returns(ref))]
pub(super) fn stated(db: &dyn salsa::Database) -> Stamped<Vec<Override>> {
    let mut found = Vec::new();
    for package in dbt_packages(db) {
        for file in files_of(db, package, FileKind::Properties) {
            for (_, patch) in entries(schema_yaml::root(db, package, *file), "sources") {
                if let (Some(package), Some(source)) = (patched_package(patch), patch.get("name").and_then(text_of)) {
                    found.push(Override { package, source, patch: patch.clone() });
                }
            }
        }
    }
    Stamped::new(found)
}

/// The package whose source an entry patches, if it does.
fn patched_package(source: &Node) -> Option<String> {
    source.get("overrides").filter(|package| !package.is_null()).and_then(text_of)
}

/// The entries of a file that patch a package's source, each with its place and the source's name.
pub fn overriding(db: &dyn salsa::Database, package: Package, file: SourceFile) -> Vec<(u32, String)> {
    let stated = entries(schema_yaml::root(db, package, file), "sources").filter_map(|(index, source)| {
        let package = patched_package(source)?;
        Some((index, format!("{package}.{}", source.get("name").and_then(text_of)?)))
    });
    stated.collect()
}

/// The sources a file declares with their places in its list, as others have patched them. What is
/// itself a patch is none.
pub(super) fn sources_of(db: &dyn salsa::Database, package: Package, file: SourceFile) -> Vec<(u32, Cow<'_, Node>)> {
    let all_here = entries(schema_yaml::root(db, package, file), "sources");
    let own = all_here.filter(|(_, source)| source.get("overrides").is_none_or(Node::is_null));
    let all = overrides(db);
    let patched = own.map(|(index, source)| {
        let name = source.get("name").and_then(text_of).filter(|_| !all.is_empty());
        let is_meant = |it: &&Override| Some(&it.source) == name.as_ref() && *it.package == **package_name(db, package);
        let source = match all.iter().find(is_meant) {
            Some(found) => Cow::Owned(patched_source(source, &found.patch)),
            None => Cow::Borrowed(source),
        };
        (index, source)
    });
    patched.collect()
}

fn patched_source(source: &Node, patch: &Node) -> Node {
    let mut patched = replaced(source, patch, &OF_SOURCE, &ALWAYS_OF_SOURCE);
    let Value::Map(parts) = &mut patched.value else { return patched };
    for part in parts.iter_mut().filter(|part| part.key.as_str() == Some("tables")) {
        let Value::Seq(tables) = &mut part.value.value else { continue };
        for table in tables {
            let name = table.get("name").and_then(text_of);
            let named = entries(patch, "tables").find(|(_, other)| other.get("name").and_then(text_of) == name);
            if let Some((_, other)) = named.filter(|_| name.is_some()) {
                *table = replaced(table, other, &OF_TABLE, &ALWAYS_OF_TABLE);
            }
        }
    }
    patched
}

fn replaced(node: &Node, patch: &Node, keys: &[&[&str]], always: &[&str]) -> Node {
    let in_patch = |key: &str| patch.get(key).is_some_and(|value| !value.is_null());
    let mut gone: Vec<&str> = always.to_vec();
    gone.extend(keys.iter().filter(|words| words.iter().any(|key| in_patch(key))).flat_map(|words| words.iter()));
    let is_gone = |entry: &Entry| entry.key.as_str().is_some_and(|key| gone.contains(&key));
    let kept = node.as_map().unwrap_or_default().iter().filter(|entry| !is_gone(entry)).cloned();
    let new = patch.as_map().unwrap_or_default().iter().filter(|entry| is_gone(entry));
    let new = new.map(|entry| Entry { key: placed(&entry.key, node.span), value: placed(&entry.value, node.span) });
    Node { span: node.span, value: Value::Map(kept.chain(new).collect()) }
}

/// A patch stands in another file: what it brings is placed where the source is.
fn placed(node: &Node, span: Span) -> Node {
    let value = match &node.value {
        Value::Seq(items) => Value::Seq(items.iter().map(|item| placed(item, span)).collect()),
        Value::Map(parts) => {
            let placed = |part: &Entry| Entry { key: placed(&part.key, span), value: placed(&part.value, span) };
            Value::Map(parts.iter().map(placed).collect())
        }
        other => other.clone(),
    };
    Node { span, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    #[test]
    fn a_patch_replaces_what_it_says_and_drops_config_and_freshness() {
        let source = "name: crm\nschema: raw\ndescription: old\nconfig: {tags: [a]}\nfreshness: {}\n\
                      tables: [{name: a, identifier: x, description: old}, {name: b}]";
        let patch = "name: crm\noverrides: pk\ndataset: new\ntables: [{name: a, identifier: y}, {name: c}]";
        let patched = patched_source(&parse(source).root, &parse(patch).root);
        let text = |node: &Node, key: &str| node.get(key).and_then(text_of).unwrap_or_default();
        assert_eq!([text(&patched, "dataset"), text(&patched, "description")], ["new", "old"]);
        let dropped = ["schema", "config", "freshness", "overrides"].map(|key| patched.get(key).is_some());
        assert_eq!(dropped, [false; 4]);
        let tables: Vec<_> = entries(&patched, "tables").map(|(_, table)| text(table, "identifier")).collect();
        assert_eq!(tables, ["y", ""]);
    }
}
