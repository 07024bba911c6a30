//! What the last look at the project found, so that the next asks only what an edit reached.

use super::reach::{Near, Reach};
use crate::datalog::{Catalogue, Cell, Facts, Maintained, Part, PartedFacts, Schema};
use crate::db::{Database, fresh_stamp};
use crate::observe::{self, all_names};
use crate::project::graph::parents;
use crate::project::nodes::Node;
use crate::query::{Families, NoRun, Repo};
use crate::relations::{self, WHOLE};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use salsa::Id;
use salsa::plumbing::{AsId, FromId};
use std::sync::Arc;

/// Relations whose rows that belong to no directory follow from all edges.
const READ_EDGES: [&str; 2] = ["cycle_path", "depth"];
const REPEATED: &str = "duplicate_resource";
const UNKNOWN_MACRO: &str = "unknown_macro";
const MACRO_ARGUMENTS: &str = "macro_arguments";
const REFUSED: &str = "parse_error";
const MISTYPED: &str = "invalid_value";
const UNUSED: &str = "unused_config_path";
const CIRCULAR: &str = "cycle_path";

/// Who has more ancestors than these is taken to stand on a cycle: what that is, is asked then.
const ANCESTORS: usize = 2_000;

/// Relations in parts, as they were last seen.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Something was seen at all.
    is_started: bool,
    relations: FxHashMap<String, Parts>,
    /// How often there is what must be there once, by digest.
    names: FxHashMap<u64, u32>,
    /// How many of those are there more than once.
    repeated: usize,
    is_circular: bool,
}

#[derive(Debug)]
struct Parts {
    /// Another one whenever one of the parts has another.
    stamp: u64,
    all: Vec<Part>,
    at: FxHashMap<u64, usize>,
}

impl Known {
    /// Brings what is known of these relations up to what is there.
    pub(super) fn look<'n>(&mut self, db: &Database, reach: &Reach, relations: impl Iterator<Item = &'n str>) {
        let wanted: FxHashSet<&str> = relations.collect();
        match reach.near().filter(|_| self.is_started) {
            None => {
                self.relations.clear();
                self.count_names(db);
            }
            Some(near) => {
                self.relations.retain(|relation, _| wanted.contains(relation.as_str()));
                let asks = self.asks(db, near);
                self.relations.iter_mut().for_each(|(relation, parts)| parts.look(db, relation, near, &asks));
            }
        }
        let mut new: Vec<&str> =
            wanted.into_iter().filter(|relation| !self.relations.contains_key(*relation)).collect();
        new.sort_unstable();
        new.par_iter().for_each_with(db.clone(), |db, relation| {
            Repo::new(db, Families::Interpreted, &NoRun).parts(relation);
        });
        for relation in new {
            let repo = Repo::new(db, Families::Interpreted, &NoRun);
            if let Some((stamp, parts)) = repo.parts(relation) {
                let at = parts.iter().enumerate().map(|(at, part)| (part.key, at)).collect();
                self.relations.insert(relation.to_owned(), Parts { stamp, all: parts.to_vec(), at });
            }
            if relation == CIRCULAR {
                self.is_circular = is_seen_beside(db, CIRCULAR);
            }
        }
        self.is_started = true;
    }

    pub(super) fn parts(&self, relation: &str) -> Option<(u64, &[Part])> {
        self.relations.get(relation).map(|parts| (parts.stamp, parts.all.as_slice()))
    }

    /// Which relations may have other rows that belong to no directory.
    fn asks(&mut self, db: &Database, near: &Near) -> Vec<&'static str> {
        let mut asks = Vec::new();
        let was_repeated = self.repeated > 0;
        let [went, came] = &near.names;
        went.iter().for_each(|name| self.count(*name, false));
        came.iter().for_each(|name| self.count(*name, true));
        let is_any = near.is_any();
        // What is there twice says where both stand.
        if is_any && (was_repeated || self.repeated > 0) {
            asks.push(REPEATED);
        }
        if is_any && self.is_circular {
            asks.push(CIRCULAR);
        }
        if near.are_edges_other {
            asks.extend(READ_EDGES.iter().filter(|relation| **relation != CIRCULAR));
            // Of two things with one name each may have the edges of the other.
            let may_close = self.repeated > 0 || near.edges.iter().any(|(child, parent)| closes(db, *child, *parent));
            if may_close && !self.is_circular {
                asks.push(CIRCULAR);
            }
        }
        if near.are_unknown_macros_other {
            asks.push(UNKNOWN_MACRO);
        }
        if near.are_refusals_other {
            asks.push(REFUSED);
        }
        if near.are_wrong_settings_other || near.are_used_folders_other {
            asks.push(MISTYPED);
        }
        if near.are_used_folders_other {
            asks.push(UNUSED);
        }
        if near.are_failures_other {
            asks.push(MACRO_ARGUMENTS);
        }
        if asks.contains(&CIRCULAR) && self.relations.contains_key(CIRCULAR) {
            self.is_circular = is_seen_beside(db, CIRCULAR);
        }
        asks
    }

    fn count_names(&mut self, db: &Database) {
        self.names.clear();
        self.repeated = 0;
        all_names(db).into_iter().for_each(|name| self.count(name, true));
    }

    fn count(&mut self, name: u64, came: bool) {
        let known = self.names.entry(name).or_default();
        let before = *known;
        *known = if came { before + 1 } else { before.saturating_sub(1) };
        match (before, *known) {
            (1, 2) => self.repeated += 1,
            (2, 1) => self.repeated -= 1,
            (_, 0) => drop(self.names.remove(&name)),
            _ => {}
        }
    }
}

impl Parts {
    fn look(&mut self, db: &Database, relation: &str, near: &Near, asks: &[&str]) {
        let own = relations::by_name(relation).and_then(|relation| relation.parts);
        let seen = observe::by_name(relation);
        let stamp = |key: u64| match own {
            Some(parts) => Some((parts.stamp)(db, key)),
            None => seen.and_then(|observed| observed.stamp(db, key)),
        };
        let whole = asks.contains(&relation).then_some(WHOLE);
        let mut is_other = false;
        for key in near.directories.iter().copied().chain(whole) {
            let Some(part) = self.at.get(&key).and_then(|at| self.all.get_mut(*at)) else { continue };
            let now = stamp(key).unwrap_or(part.stamp);
            is_other |= std::mem::replace(&mut part.stamp, now) != now;
        }
        if is_other {
            self.stamp = fresh_stamp();
        }
    }
}

fn is_seen_beside(db: &Database, relation: &str) -> bool {
    observe::by_name(relation).is_some_and(|observed| !observed.is_empty_beside(db))
}

/// Whether a child is an ancestor of its parent.
fn closes(db: &Database, child: Id, parent: Id) -> bool {
    let mut met: FxHashSet<Id> = FxHashSet::from_iter([parent]);
    let mut work = vec![parent];
    while let Some(id) = work.pop() {
        if id == child || met.len() > ANCESTORS {
            return true;
        }
        let own = parents(db, Node::from_id(id)).nodes.iter().map(|node| node.as_id());
        work.extend(own.filter(|parent| met.insert(*parent)));
    }
    false
}

/// Facts as they were last seen.
pub(super) struct View<'v> {
    pub(super) repo: &'v Repo<'v>,
    pub(super) known: &'v Known,
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
        self.known.parts(relation).or_else(|| self.repo.parts(relation))
    }

    fn visit_part(&self, relation: &str, part: &Part, row: &mut dyn FnMut(&[Cell<'_>])) {
        self.repo.visit_part(relation, part, row);
    }
}
