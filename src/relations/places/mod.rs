//! Where things stand. Facts have no places, so that a line that moves derives nothing again: a place
//! is looked up when a finding or a proof is made.

mod excuses;
mod rows;
mod settings;
mod stands;

pub use excuses::{Lines, MetaExcuse, meta_excuses};
pub(super) use rows::*;
pub use settings::of_setting;

use crate::db::{Directory, Project, SourceFile, Sym};
use crate::project::calls::call_span;
use crate::project::graph::{Resolved, named as nodes_named, resolve_ref, resolve_source, source_id};
use crate::project::nodes::{Node, Part, Reference, is_enabled, rendering, unique_id};
use crate::project::properties::entry_span;
use crate::relations::{Cell, Relation};
use crate::syntax::span::{LineIndex, Position, Span};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A range in a file of the repo.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Relative to the project's folder, with `/`.
    pub path: Arc<str>,
    pub start: Position,
    pub end: Position,
}

#[salsa::tracked(returns(ref))]
fn lines(db: &dyn salsa::Database, file: SourceFile) -> LineIndex {
    LineIndex::new(file.content(db).text())
}

/// Where a span of a file is.
pub fn place(db: &dyn salsa::Database, file: SourceFile, span: Span) -> Place {
    let text = file.content(db).text();
    let lines = lines(db, file);
    Place { path: file.path(db).clone(), start: lines.position(text, span.start), end: lines.position(text, span.end) }
}

pub fn start_of_file(path: &Arc<str>) -> Place {
    Place { path: path.clone(), start: Position::START, end: Position::START }
}

/// The node with a unique_id. Of two with one id the enabled one is meant; where both are, the first. Whether
/// a node is enabled is asked only where that decides.
pub fn node<'db>(db: &'db dyn salsa::Database, id: &str) -> Option<Node<'db>> {
    let name = id.splitn(3, '.').nth(2)?;
    // The last part may be a version.
    let names = [Some(name), name.rsplit_once('.').map(|(name, _)| name)];
    let parts = names.into_iter().flatten();
    if let Some(crowd) = parts.clone().find(|name| nodes_named(db, name).len() > FEW) {
        let found = with_ids(db, Sym::new(db, crowd)).get(id).map(Vec::as_slice).unwrap_or_default();
        if !found.is_empty() {
            return found.iter().copied().find(|node| is_enabled(db, *node)).or(found.last().copied());
        }
    }
    let named = parts.flat_map(|name| nodes_named(db, name));
    let found: Vec<Node<'db>> = named.copied().filter(|node| **unique_id(db, *node) == *id).collect();
    match found.as_slice() {
        [] | [_] => found.first().copied(),
        [.., last] => Some(found.iter().copied().find(|node| is_enabled(db, *node)).unwrap_or(*last)),
    }
}

/// So many nodes of one name are compared with an id one by one.
const FEW: usize = 8;

/// The nodes of one name by their unique_ids.
#[salsa::tracked(returns(ref))]
fn with_ids<'db>(db: &'db dyn salsa::Database, name: Sym<'db>) -> FxHashMap<Arc<str>, Vec<Node<'db>>> {
    let mut found: FxHashMap<Arc<str>, Vec<Node<'db>>> = FxHashMap::default();
    for node in nodes_named(db, name.text(db)) {
        found.entry(unique_id(db, *node).clone()).or_default().push(*node);
    }
    found
}

/// The first character of a node's file, or the entry of the YAML file that defines it.
pub fn start_of<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Place {
    let file = node.file(db);
    match node.part(db) {
        Part::Entry(index) => place(db, file, entry_span(db, file, "snapshots", index)),
        Part::Whole | Part::Block(_) => start_of_file(file.path(db)),
    }
}

/// The call that begins at an offset of a node's file.
pub fn call<'db>(db: &'db dyn salsa::Database, node: Node<'db>, site: u32) -> Place {
    let file = node.file(db);
    match node.part(db) {
        Part::Entry(_) => start_of(db, node),
        Part::Whole | Part::Block(_) => place(db, file, call_span(file.content(db).text(), site)),
    }
}

/// The calls of a node's text that name a parent, in the order of the text.
pub fn calls<'db>(db: &'db dyn salsa::Database, child: Node<'db>, parent: &str) -> Vec<Place> {
    let sites = sites(db, child).get(parent).into_iter().flatten();
    let mut places: Vec<Place> = sites.map(|site| call(db, child, *site)).collect();
    places.dedup();
    places
}

/// Where a node's text names each of its parents.
#[salsa::tracked(returns(ref))]
fn sites<'db>(db: &'db dyn salsa::Database, child: Node<'db>) -> FxHashMap<Arc<str>, BTreeSet<u32>> {
    let from = child.package(db);
    let trace = &rendering(db, child).trace;
    let mut sites: FxHashMap<Arc<str>, BTreeSet<u32>> = FxHashMap::default();
    for call in &trace.refs {
        if let Resolved::Found(node) = resolve_ref(db, from, &Reference::of(call)) {
            sites.entry(unique_id(db, node).clone()).or_default().insert(call.site);
        }
    }
    for call in &trace.sources {
        if let Resolved::Found(source) = resolve_source(db, from, &call.source, &call.table) {
            sites.entry(source_id(db, source)).or_default().insert(call.site);
        }
    }
    sites
}

/// Where a thing with a unique_id begins.
pub fn of_thing(db: &dyn salsa::Database, id: &str) -> Option<Place> {
    stands::stands(db, id)
}

/// All places of a row of a base relation: of an edge each call that makes it, of a table each of its names.
pub fn all(db: &dyn salsa::Database, relation: &Relation, row: &[Cell<'_>]) -> Vec<Place> {
    let edge = match (relation.schema.name, row) {
        ("ref" | "reads_source", [Cell::Text(child), Cell::Text(parent)]) => {
            node(db, child).map(|child| calls(db, child, parent)).unwrap_or_default()
        }
        ("reads_table", [Cell::Text(id), Cell::Text(table), _]) => named(db, id, table),
        _ => Vec::new(),
    };
    if edge.is_empty() { (relation.place)(db, row).into_iter().collect() } else { edge }
}

/// The position of a span's beginning.
pub(super) fn position(db: &dyn salsa::Database, file: SourceFile, span: Span) -> Position {
    lines(db, file).position(file.content(db).text(), span.start)
}

#[salsa::tracked(returns(ref))]
fn directories_by_path(db: &dyn salsa::Database) -> FxHashMap<Arc<str>, Directory> {
    let root = Project::try_get(db).map(|project| project.root(db));
    let directories = root.into_iter().flat_map(|root| root.directories(db));
    let files = directories.flat_map(|directory| directory.files(db).iter().map(move |file| (file, directory)));
    files.map(|(file, directory)| (file.path(db).clone(), *directory)).collect()
}

/// The directory of the root project that holds a file.
pub fn directory_of(db: &dyn salsa::Database, path: &str) -> Option<Directory> {
    directories_by_path(db).get(path).copied()
}

/// The files of the root project, those beside its folders first.
#[salsa::tracked(returns(deref))]
pub fn own_files(db: &dyn salsa::Database) -> Vec<SourceFile> {
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let root = project.root(db);
    let mut files = vec![root.project_file(db)];
    files.extend_from_slice(project.package_files(db));
    files.extend(project.selectors_file(db));
    files.extend(project.vars_file(db));
    files.extend(root.directories(db).iter().flat_map(|directory| directory.files(db)));
    files
}
