//! The rows of the derived relations that rules report, each with its place. Derivation knows no
//! places, so a line that moves derives nothing again: places are looked up here, when a finding is
//! made.

mod child;
mod dependencies;
mod docs;
mod duplicates;
mod edges;
mod metrics;
mod project;
mod refusals;
mod resources;
mod staging;
mod units;

use crate::db::{Database, SourceFile};
use crate::project::data_tests::Test;
use crate::project::nodes::{Node, Part, nodes_of_package, unique_id};
use crate::project::packages::dbt_packages;
use crate::project::properties::entry_span;
use crate::rules::finding::Place;
use crate::rules::violation::Violation;
use crate::syntax::span::{LineIndex, Position, Span};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The derived relations a rule file may name.
type Derive = for<'db> fn(&Rows<'db>) -> Vec<Violation>;

const RELATIONS: [(&str, Derive); 16] = [
    ("cross_tenant", dependencies::cross_tenant),
    ("cte_missing", staging::cte_missing),
    ("cycle", project::cycle),
    ("dependency_direction", dependencies::dependency_direction),
    ("disabled_parent", edges::disabled_parent),
    ("duplicate_resource", duplicates::duplicate_resource),
    ("duplicate_yaml_key", project::duplicate_yaml_key),
    ("mart_reads_staging", dependencies::mart_reads_staging),
    ("package_not_installed", project::package_not_installed),
    ("parse_error", project::parse_error),
    ("source_outside_staging", dependencies::source_outside_staging),
    ("unknown_doc", docs::unknown_doc),
    ("unknown_layer", dependencies::unknown_layer),
    ("unknown_macro", edges::unknown_macro),
    ("unknown_ref", edges::unknown_ref),
    ("unknown_source", edges::unknown_source),
];

/// Whether a rule file may report a relation of this name.
pub fn is_relation(name: &str) -> bool {
    RELATIONS.iter().any(|(relation, _)| *relation == name) || staging::is_rule(name)
}

/// What all rules of one run share.
pub struct Rows<'db> {
    pub db: &'db Database,
    nodes: FxHashMap<Arc<str>, Node<'db>>,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl<'db> Rows<'db> {
    pub fn new(db: &'db Database) -> Self {
        let all = dbt_packages(db).into_iter().flat_map(|package| nodes_of_package(db, package));
        // Of two nodes with one id the enabled one is meant; where both are, the first.
        let mut nodes: FxHashMap<Arc<str>, Node<'db>> = FxHashMap::default();
        for node in all {
            let id = unique_id(db, node).clone();
            let present = nodes.get(&id).is_some_and(|other| crate::project::nodes::is_enabled(db, *other));
            if !present {
                nodes.insert(id, node);
            }
        }
        Self { db, nodes }
    }

    /// The rows of a relation; `None` for a name that is no derived relation.
    pub fn of(&self, relation: &str) -> Option<Vec<Violation>> {
        if let Some((_, derive)) = RELATIONS.iter().find(|(name, _)| *name == relation) {
            return Some(derive(self));
        }
        staging::of_rule(self, relation)
    }

    fn node(&self, id: &str) -> Option<Node<'db>> {
        self.nodes.get(id).copied()
    }

    fn place(&self, file: SourceFile, span: Span) -> Place {
        place(self.db, file, span)
    }

    /// The first character of a node's file, or the entry of the YAML file that defines it.
    fn start_of(&self, node: Node<'db>) -> Place {
        match node.part(self.db) {
            Part::Entry(index) => {
                self.place(node.file(self.db), entry_span(self.db, node.file(self.db), "snapshots", index))
            }
            Part::Whole | Part::Block(_) => start_of_file(node.file(self.db).path(self.db)),
        }
    }

    /// The call that begins at an offset of a node's file.
    fn call(&self, node: Node<'db>, site: u32) -> Place {
        let file = node.file(self.db);
        match node.part(self.db) {
            Part::Entry(_) => self.start_of(node),
            Part::Whole | Part::Block(_) => {
                let text = file.content(self.db).text();
                self.place(file, crate::project::calls::call_span(text, site))
            }
        }
    }
}

/// Runs what is local to one node; many threads may do so at once.
pub fn prefetch<'db>(db: &'db dyn salsa::Database, node: Node<'db>) {
    staging::prefetch(db, node);
}

/// The same for one data test.
pub fn prefetch_test<'db>(db: &'db Database, test: Test<'db>) {
    child::prefetch(db, test);
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

/// The last part of a node's unique_id, which people call it by.
fn name_of(id: &str) -> &str {
    id.splitn(3, '.').nth(2).unwrap_or(id)
}
