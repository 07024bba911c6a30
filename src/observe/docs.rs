//! Descriptions that name docs blocks which are not there.

use super::Rows;
use crate::db::{DirectoryOf, FileKind, Package, SourceFile};
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::absent::{Elsewhere, absent_docs};
use crate::project::config::enabled;
use crate::project::data::has_jinja;
use crate::project::docs::{DocCall, doc_calls, has_docs, has_plain_calls_only};
use crate::project::graph::{is_source_enabled, sources_of_package};
use crate::project::jinja::run::Names;
use crate::project::macros::macros_of_package;
use crate::project::nodes::{is_enabled, nodes_of_package, unique_id};
use crate::project::packages::dbt_packages;
use crate::project::resources::{Origin, resource_config, resource_id, resources_of_package};
use crate::project::schema_yaml::{root as root_of, small_run, value_of_text};
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::Node;
use std::sync::Arc;

/// The lists of a YAML file whose entries dbt looks for docs in. It does not in groups and unit tests.
const DESCRIBED: [&str; 11] = [
    "models",
    "seeds",
    "snapshots",
    "analyses",
    "functions",
    "macros",
    "sources",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
];

/// The parts of an entry that have descriptions of their own.
const PARTS: [&str; 9] =
    ["columns", "versions", "arguments", "tests", "data_tests", "tables", "dimensions", "entities", "measures"];

pub(super) fn unknown_doc_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    let (db, root) = (rows.db, key.package(rows.db));
    let mut found = Vec::new();
    for file in key.directory(db).files(db).iter().filter(|file| file.kind(db) == FileKind::Properties) {
        for key in DESCRIBED {
            let list = root_of(db, root, *file).get(key).and_then(Node::as_seq).unwrap_or_default();
            for (index, entry) in list.iter().enumerate() {
                found.extend(of_entry(rows, root, *file, (key, index as u32), entry));
            }
        }
    }
    found
}

/// What is wrong in the Jinja of descriptions, which dbt renders when all else is read.
pub(super) fn description_errors<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<(SourceFile, SyntaxError)> {
    let (db, root) = (rows.db, key.package(rows.db));
    let mut found = Vec::new();
    for file in key.directory(db).files(db).iter().filter(|file| file.kind(db) == FileKind::Properties) {
        let text = file.content(db).text();
        if !has_jinja(text) && !text.contains("{#") {
            continue;
        }
        for key in DESCRIBED {
            let list = root_of(db, root, *file).get(key).and_then(Node::as_seq).unwrap_or_default();
            for (index, entry) in list.iter().enumerate() {
                for (table, description) in descriptions(entry, key == "sources") {
                    if description.as_str().is_none_or(has_plain_calls_only) {
                        continue;
                    }
                    let error =
                        value_of_text(small_run(root, Names::Descriptions), text, description).and_then(Result::err);
                    if let Some(error) = error
                        && owner(rows, root, *file, (key, index as u32), entry, table).is_some()
                    {
                        found.push((*file, error));
                    }
                }
            }
        }
    }
    found
}

fn of_entry(rows: &Rows<'_>, root: Package, file: SourceFile, at: (&str, u32), entry: &Node) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Vec::new();
    for (table, description) in descriptions(entry, at.0 == "sources") {
        let Some(text) = description.as_str().filter(|text| has_jinja(text)) else { continue };
        for call in doc_calls(text).into_iter().filter(|call| !has_docs(db, call)) {
            let Some((hint, is_unsure)) = hint(rows, &call) else { continue };
            let Some(owner) = owner(rows, root, file, at, entry, table) else { continue };
            let shown = match &call.package {
                Some(package) => format!("{package}.{}", call.name),
                None => call.name.to_string(),
            };
            // What is not installed is the one cause of all that it may have.
            let missing = if is_unsure { hint.clone() } else { shown.clone() };
            found.push(Observation {
                node: owner.clone(),
                subject: vec![owner.unwrap_or_else(|| file.path(db).clone()), shown.as_str().into()],
                place: place(rows, file, description, &call),
                locations: Vec::new(),
                severity: is_unsure.then_some(Severity::Warning),
                args: vec![("name", shown), ("hint", hint), ("missing", missing)],
            });
        }
    }
    found
}

/// All descriptions of an entry, of a source's with the table they are of.
fn descriptions(entry: &Node, is_source: bool) -> Vec<(Option<&Node>, &Node)> {
    let mut found = Vec::new();
    let mut work = vec![(None, entry)];
    while let Some((table, node)) = work.pop() {
        found.extend(node.get("description").map(|text| (table, text)));
        for part in node.as_map().unwrap_or_default() {
            let key = part.key.as_str().unwrap_or_default();
            for item in part.value.as_seq().filter(|_| PARTS.contains(&key)).unwrap_or_default() {
                match key {
                    "tables" if is_source => work.push((Some(item), item)),
                    "tests" | "data_tests" => {
                        // A test is a mapping of its name to its settings, or these alone.
                        let settings = item.as_map().unwrap_or_default().iter().map(|entry| &entry.value);
                        let texts = settings.chain([item]).filter_map(|node| node.get("description"));
                        found.extend(texts.map(|text| (table, text)));
                    }
                    _ => work.push((table, item)),
                }
            }
        }
    }
    found
}

/// What to add to the message, and whether the block may be in a package that is not here; `None` where nothing can
/// be said.
fn hint(rows: &Rows<'_>, call: &DocCall) -> Option<(String, bool)> {
    match absent_docs(rows.db, call.package.as_deref()) {
        Elsewhere::Is => None,
        Elsewhere::No => Some((String::new(), false)),
        elsewhere => Some((elsewhere.hint(), true)),
    }
}

/// Whose description it is, a unique_id where it has one; `None` where dbt does not look, because
/// nothing enabled bears that name.
fn owner(
    rows: &Rows<'_>,
    root: Package,
    file: SourceFile,
    (key, index): (&str, u32),
    entry: &Node,
    table: Option<&Node>,
) -> Option<Option<Arc<str>>> {
    let db = rows.db;
    let name = entry.get("name").and_then(Node::as_str)?;
    match key {
        "sources" => {
            if entry.get("overrides").is_some_and(|package| !package.is_null()) {
                return Some(None);
            }
            let table = table.and_then(|table| table.get("name")).and_then(Node::as_str);
            let mut own = sources_of_package(db, root).iter().filter(|source| {
                &**source.source(db) == name && table.is_none_or(|table| &**source.table(db) == table)
            });
            own.any(|source| is_source_enabled(db, *source)).then_some(None)
        }
        "macros" => macros_of_package(db, root).iter().any(|(known, _)| &**known == name).then_some(None),
        "exposures" | "metrics" | "semantic_models" | "saved_queries" => {
            let (resource, file) = resources_of_package(db, root).into_iter().find(|(resource, of)| {
                *of == file && resource.origin == Origin::Entry(index) && resource.kind.section() == key
            })?;
            let id = resource_id(db, root, resource).into();
            enabled(&resource_config(db, root, resource, file)).then_some(Some(id))
        }
        _ => {
            // An entry without a resource in its own package takes one of another.
            let others = dbt_packages(db).into_iter().filter(|package| *package != root);
            let mut nodes = std::iter::once(root).chain(others).flat_map(|package| nodes_of_package(db, package));
            let node = nodes.find(|node| {
                &**node.name(db) == name && node.kind(db).patch_kind().key() == key && is_enabled(db, *node)
            })?;
            Some(Some(unique_id(db, node).clone()))
        }
    }
}

/// The call within the description; the whole description where it is written in another way.
fn place(rows: &Rows<'_>, file: SourceFile, description: &Node, call: &DocCall) -> Place {
    let text = description.span.of(file.content(rows.db).text());
    let is_call = |at: &usize| {
        let after = text[*at..].trim_start_matches("doc").trim_start();
        let end = after.find(')').unwrap_or(after.len());
        let is_whole = after[..end].contains(',') == call.package.is_some();
        after.starts_with('(') && is_whole && after[..end].contains(&*call.name)
    };
    let at = text.match_indices("doc").map(|(at, _)| at).find(is_call);
    let span = at.map_or(description.span, |at| {
        let start = description.span.start as usize + at;
        let length = text[at..].find(')').map_or(3, |end| end + 1);
        Span::new(start, start + length)
    });
    rows.place(file, span)
}
