//! The cache of a run: where it lies, and what is said about it.

use super::{Global, say};
use crate::files::Tree;
use crate::session::Store;
use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};
use std::path::{Path, PathBuf};

/// The folder below the user's cache folder.
const FOLDER: &str = "harness";

/// The cache of a project; nothing where there shall be none, or no folder is known to hold it.
pub(super) fn open(global: &Global, project: &Path, tree: &dyn Tree) -> Option<Store> {
    if global.no_cache {
        return None;
    }
    let Some(folder) = folder(global) else {
        degraded(global, "no folder for it is known; name one with --cache-dir");
        return None;
    };
    let store = Store::open(&folder, project, tree);
    if let Some(problem) = &store.problem {
        degraded(global, &format!("what is kept in {} cannot be read: {problem}", folder.display()));
    }
    Some(store)
}

fn folder(global: &Global) -> Option<PathBuf> {
    global.cache_dir.clone().or_else(|| Some(choose_native_strategy().ok()?.cache_dir().join(FOLDER)))
}

pub(super) fn save(global: &Global, store: &Store) {
    if global.verbose {
        for count in store.counts().into_iter().filter(|count| count.done + count.found > 0) {
            say(&format!("harness: cache: {:?}: {} found, {} worked out", count.work, count.found, count.done));
        }
    }
    if let Err(problem) = store.save() {
        degraded(global, &format!("what this run worked out cannot be written: {problem}"));
    }
}

fn degraded(global: &Global, what: &str) {
    if global.verbose {
        say(&format!("harness: the cache is of no use to this run: {what}"));
    }
}
