//! Facts, where many of them are held beside the database.

use crate::datalog::{Catalogue, Cell, Facts, Maintained, Part, PartedFacts, Schema};
use crate::query::{Followings, Repo};
use std::sync::Arc;

/// The facts of a repo, as they were last looked at.
pub(super) struct View<'v> {
    pub(super) repo: &'v Repo<'v>,
    pub(super) parts: &'v Followings,
    /// What holds the rows of many relations.
    pub(super) maintained: Option<&'v Maintained>,
}

impl View<'_> {
    /// A number that is another one when rows of a relation may have come or gone; `None` where nobody knows.
    pub(super) fn version(&self, relation: &str) -> Option<u64> {
        let held = self.maintained.and_then(|maintained| maintained.version(relation));
        held.or_else(|| self.parts(relation).map(|(stamp, _)| stamp))
    }
}

impl Catalogue for View<'_> {
    fn schema(&self, relation: &str) -> Option<Schema> {
        self.repo.schema(relation)
    }

    fn names(&self) -> Vec<String> {
        self.repo.names()
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        self.repo.nodes(name)
    }

    fn similar_node(&self, name: &str) -> Option<String> {
        self.repo.similar_node(name)
    }
}

impl Facts for View<'_> {
    fn is_lasting(&self, relation: &str) -> bool {
        self.repo.is_lasting(relation)
    }

    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        if !self.maintained.is_some_and(|maintained| maintained.visit(relation, &mut *row)) {
            self.repo.visit(relation, row);
        }
    }
}

impl PartedFacts for View<'_> {
    fn parts(&self, relation: &str) -> Option<(u64, &[Part])> {
        self.parts.parts(relation).or_else(|| self.repo.parts(relation))
    }

    fn visit_part(&self, relation: &str, part: &Part, row: &mut dyn FnMut(&[Cell<'_>])) {
        self.repo.visit_part(relation, part, row);
    }
}
