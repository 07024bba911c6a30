//! Indexes over all YAML files, of a project that is followed: as inputs, set again only when they are others.
//!
//! A file that is edited often is of low durability, and so is all that reads it. An index over all files would
//! be, and then everything that looks anything up in it: each edit of one YAML file would have salsa look at
//! every node. What an index came to, once it is an input, is as durable as a file that nobody edits.

use super::graph::{self, SourceKey};
use super::openness::{self, Openness};
use super::overrides::{self, Override};
use super::packages::dbt_packages;
use super::properties::{self, PatchIndex};
use super::versions::{self, Versions};
use crate::db::{Database, Package, Stamped};
use rustc_hash::{FxHashMap, FxHashSet};
use salsa::{Durability, Id, Setter};
use std::sync::Arc;

#[salsa::input(singleton)]
pub(super) struct Settled {
    #[returns(ref)]
    pub(super) overrides: Vec<Override>,
    #[returns(ref)]
    pub(super) patches: FxHashMap<Package, PatchIndex>,
    #[returns(ref)]
    pub(super) versions: FxHashMap<Package, Versions>,
    /// Nodes by name.
    #[returns(ref)]
    pub(super) nodes: FxHashMap<Arc<str>, Vec<Id>>,
    /// Sources' tables by name.
    #[returns(ref)]
    pub(super) sources: FxHashMap<SourceKey, Vec<Id>>,
    /// What others see of nodes, where that is not what they see of most.
    #[returns(ref)]
    pub(super) not_open: FxHashMap<Id, Openness>,
    #[returns(ref)]
    pub(super) disabled_sources: FxHashSet<Id>,
}

/// The stamps of what the indexes were last compared with: who has the same need not be compared again.
#[derive(Debug, Default)]
pub struct Known([Vec<u64>; 7]);

impl Known {
    /// Whether the index at a place comes from others than it did.
    fn is_other<T>(&mut self, at: usize, sources: &[&Stamped<T>]) -> bool {
        let stamps: Vec<u64> = sources.iter().map(|source| source.stamp).collect();
        self.0.get_mut(at).is_some_and(|known| std::mem::replace(known, stamps.clone()) != stamps)
    }
}

/// Brings the first of the indexes up to the files, which all that YAML files declare depends on. Until `settle` is
/// called no more may be asked than that.
pub fn settle_overrides(db: &mut Database, known: &mut Known) {
    let settled = settled(db);
    let overrides = overrides::stated(db);
    if known.is_other(0, &[overrides]) && *settled.overrides(db) != overrides.value {
        let overrides = overrides.value.clone();
        settled.set_overrides(db).to(overrides);
    }
}

fn settled(db: &Database) -> Settled {
    Settled::try_get(db).unwrap_or_else(|| {
        Settled::builder(
            Vec::new(),
            FxHashMap::default(),
            FxHashMap::default(),
            FxHashMap::default(),
            FxHashMap::default(),
            FxHashMap::default(),
            FxHashSet::default(),
        )
        .durability(Durability::HIGH)
        .new(db)
    })
}

/// Brings the indexes up to the files. To be called after each change of inputs, once it was called at all; who knows
/// that much is to be computed has that done on all threads.
pub fn settle(db: &mut Database, known: &mut Known, is_much: bool) {
    settle_names(db, known);
    if is_much {
        openness::prefetch_openness(db);
    }
    let settled = settled(db);
    let not_open = openness::indexed_openness(db);
    if known.is_other(5, &[not_open]) && *settled.not_open(db) != not_open.value {
        let not_open = not_open.value.clone();
        settled.set_not_open(db).to(not_open);
    }
    let disabled = graph::indexed_disabled_sources(db);
    if known.is_other(6, &[disabled]) && *settled.disabled_sources(db) != disabled.value {
        let disabled = disabled.value.clone();
        settled.set_disabled_sources(db).to(disabled);
    }
}

/// The indexes of what there is: what nodes and sources are like follows from them.
fn settle_names(db: &mut Database, known: &mut Known) {
    // Each is read by those after it.
    settle_overrides(db, known);
    let settled = settled(db);
    let packages = dbt_packages(db);
    let patches: Vec<&Stamped<PatchIndex>> =
        packages.iter().map(|package| properties::indexed_patches(db, *package)).collect();
    if known.is_other(1, &patches) && !is_same(settled.patches(db), &packages, &patches) {
        let patches = by_package(&packages, &patches);
        settled.set_patches(db).to(patches);
    }
    let versions: Vec<&Stamped<Versions>> = packages.iter().map(|package| versions::stated(db, *package)).collect();
    if known.is_other(2, &versions) && !is_same(settled.versions(db), &packages, &versions) {
        let versions = by_package(&packages, &versions);
        settled.set_versions(db).to(versions);
    }
    let nodes = graph::indexed_nodes(db);
    if known.is_other(3, &[nodes]) && *settled.nodes(db) != nodes.value {
        let nodes = nodes.value.clone();
        settled.set_nodes(db).to(nodes);
    }
    let sources = graph::indexed_sources(db);
    if known.is_other(4, &[sources]) && *settled.sources(db) != sources.value {
        let sources = sources.value.clone();
        settled.set_sources(db).to(sources);
    }
}

fn is_same<T: PartialEq>(known: &FxHashMap<Package, T>, packages: &[Package], now: &[&Stamped<T>]) -> bool {
    let mut each = packages.iter().zip(now);
    known.len() == packages.len() && each.all(|(package, index)| known.get(package) == Some(&index.value))
}

fn by_package<T: Clone>(packages: &[Package], now: &[&Stamped<T>]) -> FxHashMap<Package, T> {
    packages.iter().zip(now).map(|(package, index)| (*package, index.value.clone())).collect()
}
