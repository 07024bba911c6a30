//! Which folders are watched for which paths, links followed, and what a path means that something has
//! happened to.
//!
//! Folders are watched one by one under their real paths. A key is a path as the batch names it: one that
//! is wanted, or one below a wanted folder. One real folder may stand for several keys, by links.

use super::{Placed, Wanted, system};
use crate::bounds::{Bounds, plain};
use crate::is_passed_over;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Links that lead to links, and folders within folders: more are a circle.
const MAX_LINKS: usize = 40;
const MAX_DEPTH: usize = 100;
/// Links in folders that are followed: links that lead to folders of links would never end.
const MAX_FOLLOWED: usize = 4096;

/// Why a folder is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The system watches no more.
    Limit,
    /// It is gone or locked. Its own folder tells when that changes.
    Gone,
}

/// How much of a folder is to be watched. Where folders are watched one by one, it is always the same: what it
/// holds, and what becomes of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Extent {
    /// It lies in one that is watched whole.
    #[default]
    Inner,
    /// Names in it.
    Names,
    /// All below it.
    Whole,
}

/// What watches folders.
pub(super) trait Watcher {
    fn watch(&mut self, folder: &Path, extent: Extent) -> Placed;

    fn unwatch(&mut self, folder: &Path);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    /// Bytes were written to a file.
    Written,
    /// A file that was written to has been closed.
    Closed,
    /// It may be new, gone, renamed, locked, or another one.
    Anything,
}

/// Why a real folder is watched.
#[derive(Debug, Default)]
struct Reasons {
    extent: Extent,
    /// Keys of the folder itself: all in it counts.
    folders: BTreeSet<String>,
    /// Names in it that lead to keys.
    names: BTreeMap<OsString, BTreeSet<String>>,
}

impl Reasons {
    fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.names.is_empty()
    }
}

pub(super) struct Places {
    root: PathBuf,
    counts: fn(&str) -> bool,
    wanted: Wanted,
    folders: HashMap<PathBuf, Reasons>,
    /// Which real folders are watched for a key, and for which name in them.
    by_key: BTreeMap<String, BTreeSet<(PathBuf, Option<OsString>)>>,
    is_at_limit: bool,
    /// What of the disk is read; all where none are given.
    bounds: Option<Bounds>,
    /// Links to folders that may still be followed.
    links: usize,
}

impl Places {
    pub(super) fn new(root: &Path, counts: fn(&str) -> bool, may_leave: bool) -> Self {
        Self {
            bounds: (!may_leave).then(|| Bounds::of(root)),
            links: MAX_FOLLOWED,
            root: root.to_owned(),
            counts,
            wanted: Wanted::default(),
            folders: HashMap::new(),
            by_key: BTreeMap::new(),
            is_at_limit: false,
        }
    }

    pub(super) fn is_at_limit(&self) -> bool {
        self.is_at_limit
    }

    /// Watches what is wanted from now on. What is new among it is told.
    pub(super) fn want(&mut self, wanted: Wanted, watcher: &mut dyn Watcher) -> BTreeSet<String> {
        let former = std::mem::replace(&mut self.wanted, wanted);
        if former.left_out != self.wanted.left_out {
            self.place_all(watcher);
            return self.wanted.folders.union(&self.wanted.files).cloned().collect();
        }
        let new =
            |now: &BTreeSet<String>, before: &BTreeSet<String>| now.difference(before).cloned().collect::<Vec<_>>();
        let gone = new(&former.folders, &self.wanted.folders).into_iter().chain(new(&former.files, &self.wanted.files));
        let mut changed: Vec<String> = gone.collect();
        let mut told: BTreeSet<String> = new(&self.wanted.folders, &former.folders).into_iter().collect();
        told.extend(new(&self.wanted.files, &former.files));
        changed.extend(told.iter().cloned());
        self.replace(&changed, watcher);
        told
    }

    /// Watches all that is wanted anew.
    pub(super) fn place_all(&mut self, watcher: &mut dyn Watcher) {
        for folder in std::mem::take(&mut self.folders).into_keys() {
            watcher.unwatch(&folder);
        }
        self.by_key.clear();
        self.links = MAX_FOLLOWED;
        let wanted: Vec<String> = self.wanted.folders.union(&self.wanted.files).cloned().collect();
        for key in wanted {
            self.place(&key, watcher);
        }
    }

    /// The keys something has happened to. What is watched is brought up to date with it.
    pub(super) fn happened(&mut self, path: &Path, happened: Happened, watcher: &mut dyn Watcher) -> BTreeSet<String> {
        let mut keys = self.keys_in(path, happened);
        if happened != Happened::Anything {
            return keys;
        }
        // Of a folder itself: whatever is watched in it may be another one now.
        if let Some(own) = self.folders.get(path) {
            keys.extend(own.folders.iter().cloned());
            keys.extend(own.names.values().flatten().cloned());
        }
        let is_other = |key: &&String| {
            let place = self.path(key);
            let is_plain = fs::symlink_metadata(&place).is_ok_and(|there| there.is_file());
            !is_plain && self.is_placed(key) || place.is_dir() || fs::read_link(&place).is_ok()
        };
        let others: Vec<String> = keys.iter().filter(is_other).cloned().collect();
        self.replace(&others, watcher);
        keys
    }

    /// Whether a file may be about to come back, or to be written: it is gone or empty.
    pub(super) fn is_doubtful(&self, key: &str) -> bool {
        match fs::metadata(self.path(key)) {
            Ok(there) => there.is_file() && there.len() == 0,
            Err(_) => true,
        }
    }

    fn keys_in(&self, path: &Path, happened: Happened) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        let mut below = PathBuf::new();
        let mut level = path;
        // Where the system watches whole trees, the nearest known folder is not always the very next.
        while let (Some(folder), Some(name)) = (level.parent(), level.file_name()) {
            below = if below.as_os_str().is_empty() { PathBuf::from(name) } else { Path::new(name).join(below) };
            let Some(reasons) = self.folders.get(folder) else {
                level = folder;
                continue;
            };
            keys.extend(reasons.names.get(name).into_iter().flatten().cloned());
            for key in &reasons.folders {
                let key = below.iter().fold(key.clone(), |key, name| joined(&key, name));
                if !self.is_left_out(&key) && self.can_matter(&key, path, happened) {
                    keys.insert(key);
                }
            }
            break;
        }
        keys
    }

    /// Whether something below a wanted folder is, was or can become what somebody reads.
    fn can_matter(&self, key: &str, path: &Path, happened: Happened) -> bool {
        let name = key.rsplit('/').next().unwrap_or(key);
        if (self.counts)(name) {
            return true;
        }
        happened == Happened::Anything && !is_passed_over(name) && (self.is_placed(key) || path.is_dir())
    }

    fn is_placed(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    fn is_left_out(&self, key: &str) -> bool {
        self.wanted.left_out.iter().any(|out| is_at_or_below(key, out))
    }

    fn path(&self, key: &str) -> PathBuf {
        plain(&self.root.join(key))
    }

    /// Watches anew what is watched for some keys and all below them. All of it is forgotten first: what is
    /// watched may have the same name and be another folder by now.
    fn replace(&mut self, keys: &[String], watcher: &mut dyn Watcher) {
        if keys.is_empty() {
            return;
        }
        for key in keys {
            self.forget(key, watcher);
        }
        let wanted: BTreeSet<String> = self.wanted.folders.union(&self.wanted.files).cloned().collect();
        for other in wanted.iter().filter(|other| keys.iter().any(|key| is_at_or_below(other, key))) {
            self.place(other, watcher);
        }
        for key in keys.iter().filter(|key| !wanted.contains(*key)) {
            if self.wanted.folders.iter().any(|folder| is_at_or_below(key, folder)) {
                self.link(key, watcher);
                self.walk(key, &self.path(key), &mut Vec::new(), watcher);
            }
        }
    }

    fn forget(&mut self, key: &str, watcher: &mut dyn Watcher) {
        let below: Vec<String> = self.by_key.keys().filter(|other| is_at_or_below(other, key)).cloned().collect();
        for key in below {
            for (folder, name) in self.by_key.remove(&key).unwrap_or_default() {
                let Some(reasons) = self.folders.get_mut(&folder) else { continue };
                match name {
                    None => drop(reasons.folders.remove(&key)),
                    Some(name) => {
                        if let Some(keys) = reasons.names.get_mut(&name) {
                            keys.remove(&key);
                            if keys.is_empty() {
                                reasons.names.remove(&name);
                            }
                        }
                    }
                }
                if reasons.is_empty() {
                    self.folders.remove(&folder);
                    watcher.unwatch(&folder);
                }
            }
        }
    }

    /// Watches one wanted path, and all below it if it is a folder that is wanted whole.
    fn place(&mut self, key: &str, watcher: &mut dyn Watcher) {
        self.anchor(key, &self.path(key), watcher);
        self.link(key, watcher);
        if self.wanted.folders.contains(key) {
            self.walk(key, &self.path(key), &mut Vec::new(), watcher);
        }
    }

    /// Watches the folders that tell whether a path is there: its own, and in the project those above, up to
    /// where the project lies. Where they are missing, the nearest that is there.
    fn anchor(&mut self, key: &str, path: &Path, watcher: &mut dyn Watcher) {
        let mut level = path;
        let mut is_anchored = false;
        while let (Some(folder), Some(name)) = (level.parent(), level.file_name()) {
            if let Some(real) = real_folder(folder) {
                is_anchored |= self.add(&real, Some(name), key, Extent::Names, watcher);
            }
            // Of a folder that is gone the system tells nothing while it is somebody's current one, so the
            // folder above the project is asked too.
            if is_anchored && !folder.starts_with(&self.root) {
                return;
            }
            level = folder;
        }
    }

    /// Where the path is a link, watches each place it leads over.
    fn link(&mut self, key: &str, watcher: &mut dyn Watcher) {
        let mut path = self.path(key);
        for _ in 0..MAX_LINKS {
            let Ok(target) = fs::read_link(&path) else { return };
            path = plain(&path.parent().unwrap_or(Path::new("/")).join(target));
            self.anchor(key, &path, watcher);
        }
    }

    /// Watches a folder and all below it. Each is watched before it is listed, so that nothing is missed
    /// between the two.
    fn walk(&mut self, key: &str, path: &Path, above: &mut Vec<PathBuf>, watcher: &mut dyn Watcher) {
        let Some(real) = real_folder(path) else { return };
        if above.len() > MAX_DEPTH || above.contains(&real) {
            return;
        }
        let is_inner = above.last().is_some_and(|folder| real.starts_with(folder));
        self.add(&real, None, key, if is_inner { Extent::Inner } else { Extent::Whole }, watcher);
        above.push(real);
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_file() {
                continue;
            }
            let name = entry.file_name();
            let below = joined(key, &name);
            if self.is_left_out(&below) {
                continue;
            }
            if kind.is_symlink() {
                self.link(&below, watcher);
                let is_within = |bounds: &Bounds| real_folder(&entry.path()).is_some_and(|real| bounds.permit(&real));
                if self.links == 0 || !self.bounds.as_ref().is_none_or(is_within) {
                    continue;
                }
                self.links -= 1;
            }
            if !is_passed_over(&name.to_string_lossy()) {
                self.walk(&below, &entry.path(), above, watcher);
            }
        }
        above.pop();
    }

    /// Says whether the folder is watched.
    fn add(&mut self, real: &Path, name: Option<&OsStr>, key: &str, extent: Extent, watcher: &mut dyn Watcher) -> bool {
        let known = self.folders.get(real).map(|known| known.extent);
        let is_more = |known: Extent| !system::IS_BY_FOLDER && extent > known;
        if known.is_none_or(is_more) {
            match watcher.watch(real, extent) {
                Ok(()) => {}
                Err(Lost::Gone) => return false,
                Err(Lost::Limit) => {
                    self.is_at_limit = true;
                    return false;
                }
            }
        }
        let reasons = self.folders.entry(real.to_owned()).or_default();
        reasons.extent = reasons.extent.max(extent);
        match name {
            None => drop(reasons.folders.insert(key.to_owned())),
            Some(name) => drop(reasons.names.entry(name.to_owned()).or_default().insert(key.to_owned())),
        }
        let watched = self.by_key.entry(key.to_owned()).or_default();
        watched.insert((real.to_owned(), name.map(OsStr::to_owned)));
        true
    }
}

fn real_folder(path: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(path).ok()?;
    real.is_dir().then_some(real)
}

fn joined(key: &str, name: &OsStr) -> String {
    let name = name.to_string_lossy();
    if key.is_empty() { name.into_owned() } else { format!("{key}/{name}") }
}

fn is_at_or_below(key: &str, folder: &str) -> bool {
    match key.strip_prefix(folder) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || folder.is_empty() && is_inside_root(key),
        None => false,
    }
}

fn is_inside_root(key: &str) -> bool {
    !Path::new(key).is_absolute() && !key.starts_with("..")
}
