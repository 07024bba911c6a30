//! The cache of a run: where it lies, and what is said about it.

use super::{Global, say};
use crate::files::Tree;
use crate::report::escaped;
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

/// What was named, or else the user's cache folder: XDG's where that is set, also where it is not customary.
fn folder(global: &Global) -> Option<PathBuf> {
    let of_user = || {
        let stated = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        Some(stated.or_else(|| Some(choose_native_strategy().ok()?.cache_dir()))?.join(FOLDER))
    };
    global.cache_dir.clone().or_else(of_user)
}

pub(super) fn save(global: &Global, store: &Store) {
    if global.verbose {
        let counts = store.counts();
        let found: usize = counts.iter().map(|count| count.found).sum();
        let done: usize = counts.iter().map(|count| count.done).sum();
        say(&format!("harness: of what was parsed and rendered, {found} came from the cache; {done} were worked out"));
    }
    if let Err(problem) = store.save() {
        degraded(global, &format!("what this run worked out cannot be written: {problem}"));
    }
}

fn degraded(global: &Global, what: &str) {
    if global.verbose {
        say(&format!("harness: the cache is of no use to this run: {}", escaped(what)));
    }
}
