//! Indexes over all YAML files, of a project that is followed: as inputs, set again only when they are others.
//!
//! A file that is edited often is of low durability, and so is all that reads it. An index over all files would
//! be, and then everything that looks anything up in it: each edit of one YAML file would have salsa look at
//! every node. What an index came to, once it is an input, is as durable as a file that nobody edits.

use super::graph::{self, SourceKey};
use super::overrides::{self, Override};
use super::packages::dbt_packages;
use super::properties::{self, PatchIndex};
use super::versions::{self, Versions};
use crate::db::{Database, Package};
use rustc_hash::FxHashMap;
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
}

/// Brings the indexes up to the files. To be called after each change of inputs, once it was called at all.
pub fn settle(db: &mut Database) {
    let settled = Settled::try_get(db).unwrap_or_else(|| {
        let none = (Vec::new(), FxHashMap::default(), FxHashMap::default(), FxHashMap::default(), FxHashMap::default());
        Settled::builder(none.0, none.1, none.2, none.3, none.4).durability(Durability::HIGH).new(db)
    });
    // Each is read by those after it.
    let overrides = overrides::stated(db);
    if settled.overrides(db) != overrides {
        let overrides = overrides.to_vec();
        settled.set_overrides(db).to(overrides);
    }
    let packages = dbt_packages(db);
    let patches: FxHashMap<Package, &PatchIndex> =
        packages.iter().map(|package| (*package, properties::indexed_patches(db, *package))).collect();
    if !is_same(settled.patches(db), &patches) {
        let patches = patches.into_iter().map(|(package, index)| (package, index.clone())).collect();
        settled.set_patches(db).to(patches);
    }
    let versions: FxHashMap<Package, &Versions> =
        packages.iter().map(|package| (*package, versions::stated(db, *package))).collect();
    if !is_same(settled.versions(db), &versions) {
        let versions = versions.into_iter().map(|(package, index)| (package, index.clone())).collect();
        settled.set_versions(db).to(versions);
    }
    let nodes = graph::indexed_nodes(db);
    if settled.nodes(db) != nodes {
        let nodes = nodes.clone();
        settled.set_nodes(db).to(nodes);
    }
    let sources = graph::indexed_sources(db);
    if settled.sources(db) != sources {
        let sources = sources.clone();
        settled.set_sources(db).to(sources);
    }
}

fn is_same<T: PartialEq>(known: &FxHashMap<Package, T>, now: &FxHashMap<Package, &T>) -> bool {
    known.len() == now.len() && now.iter().all(|(package, index)| known.get(package) == Some(*index))
}
