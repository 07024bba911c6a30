//! What nodes show to those that name them.

use super::data;
use super::nodes::{Node, facts, nodes_of};
use super::packages::dbt_packages;
use super::settled::Settled;
use crate::db::{Database, DirectoryOf, Section, Stamped, of_section};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use salsa::Id;
use salsa::plumbing::AsId;
use serde_json::Value;

/// What others see of a node beside its name: whether it is there, and who may read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Openness {
    pub enabled: bool,
    pub access: Option<Value>,
    pub group: Option<String>,
}

impl Openness {
    /// That of most nodes.
    const OPEN: Self = Self { enabled: true, access: None, group: None };

    fn of<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Self {
        let facts = facts(db, node);
        let group = facts.config.get("group").and_then(data::scalar);
        Self { enabled: facts.enabled, access: facts.config.get("access").cloned(), group }
    }
}

#[salsa::tracked(returns(deref))]
fn not_open_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<(Id, Openness)> {
    let all = nodes_of(db, key).iter().map(|node| (node.as_id(), Openness::of(db, *node)));
    all.filter(|(_, openness)| *openness != Openness::OPEN).collect()
}

of_section!(not_open_of_section: not_open_in => (Id, Openness));

/// Looks, on all threads, at what others see of nodes.
pub(super) fn prefetch_openness(db: &Database) {
    let sections: Vec<Section<'_>> = dbt_packages(db).iter().flat_map(|package| package.sections(db)).collect();
    sections.into_par_iter().for_each_with(db.clone(), |db, section| {
        not_open_of_section(db, section);
    });
}

#[salsa::tracked(returns(ref))]
pub(super) fn indexed_openness(db: &dyn salsa::Database) -> Stamped<FxHashMap<Id, Openness>> {
    let sections = dbt_packages(db).into_iter().flat_map(|package| package.sections(db));
    Stamped::new(sections.flat_map(|section| not_open_of_section(db, section)).cloned().collect())
}

/// What others see of a node.
pub fn openness<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Openness {
    match Settled::try_get(db) {
        Some(settled) => settled.not_open(db).get(&node.as_id()).cloned().unwrap_or(Openness::OPEN),
        None => Openness::of(db, node),
    }
}
