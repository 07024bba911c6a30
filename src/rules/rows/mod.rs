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
use crate::project::nodes::Node;
use crate::relations::places::{self, place, start_of_file};
use crate::rules::finding::Place;
use crate::rules::violation::Violation;
use crate::syntax::span::Span;

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

/// What a run as a whole gives, once all other rules have reported.
const OF_THE_RUN: [&str; 2] = ["stale_baseline", "unused_suppression"];

/// Whether a rule file may report a relation of this name.
pub fn is_relation(name: &str) -> bool {
    OF_THE_RUN.contains(&name) || RELATIONS.iter().any(|(relation, _)| *relation == name) || staging::is_rule(name)
}

/// What all rules of one run share.
#[derive(Debug)]
pub struct Rows<'db> {
    pub db: &'db Database,
}

impl<'db> Rows<'db> {
    pub fn new(db: &'db Database) -> Self {
        Self { db }
    }

    /// The rows of a relation; `None` for a name that is no derived relation.
    pub fn of(&self, relation: &str) -> Option<Vec<Violation>> {
        if let Some((_, derive)) = RELATIONS.iter().find(|(name, _)| *name == relation) {
            return Some(derive(self));
        }
        staging::of_rule(self, relation)
    }

    fn node(&self, id: &str) -> Option<Node<'db>> {
        places::node(self.db, id)
    }

    fn place(&self, file: SourceFile, span: Span) -> Place {
        place(self.db, file, span)
    }

    fn start_of(&self, node: Node<'db>) -> Place {
        places::start_of(self.db, node)
    }

    fn call(&self, node: Node<'db>, site: u32) -> Place {
        places::call(self.db, node, site)
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

/// The last part of a node's unique_id, which people call it by.
fn name_of(id: &str) -> &str {
    id.splitn(3, '.').nth(2).unwrap_or(id)
}
