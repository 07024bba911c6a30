//! Looking by oneself where the system tells nothing: network drives, containers, too few watches.

use super::places::{Extent, Watcher};
use super::{Placed, Signal};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

/// Every so many looks all texts are read: a stamp is a hint, and some file systems keep poor ones.
const LOOKS_TO_READ_ALL: u32 = 30;

/// What would differ if a file were another one. It decides where to read, not what has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    /// Inode and the time of its last change, where there are such.
    identity: [u64; 4],
}

type Entries = BTreeMap<OsString, Stamp>;
type Folders = Arc<Mutex<HashMap<PathBuf, Entries>>>;

pub(super) struct Poll {
    folders: Folders,
    /// Dropped, it ends the thread.
    _end: Sender<()>,
}

impl Poll {
    pub(super) fn new(every: Duration, signals: Sender<Signal>) -> Self {
        let folders = Folders::default();
        let (end, ended) = channel::<()>();
        let looked_at = Arc::clone(&folders);
        let work = move || {
            let mut looks = 0_u32;
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(every) {
                looks += 1;
                let changed = look(&looked_at);
                let signal = if looks.is_multiple_of(LOOKS_TO_READ_ALL) {
                    Signal::Look
                } else if changed.is_empty() {
                    continue;
                } else {
                    Signal::Changed(changed)
                };
                if signals.send(signal).is_err() {
                    return;
                }
            }
        };
        // Without a thread nothing is noticed; there is no way left to go.
        let _ = thread::Builder::new().name("poll".to_owned()).spawn(work);
        Self { folders, _end: end }
    }
}

impl Watcher for Poll {
    /// What is there now is taken for known: who watches reads afterwards.
    fn watch(&mut self, folder: &Path, _extent: Extent) -> Placed {
        let entries = entries(folder);
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned(), entries);
        Ok(())
    }

    fn unwatch(&mut self, folder: &Path) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).remove(folder);
    }
}

/// What differs from the last look.
fn look(folders: &Folders) -> Vec<PathBuf> {
    let known: Vec<PathBuf> = folders.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
    let mut changed = Vec::new();
    for folder in known {
        let now = entries(&folder);
        let mut folders = folders.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = folders.get_mut(&folder) else { continue };
        if *before == now {
            continue;
        }
        let gone = before.keys().filter(|name| !now.contains_key(*name));
        let other = now.iter().filter(|(name, stamp)| before.get(*name) != Some(stamp)).map(|(name, _)| name);
        changed.extend(gone.chain(other).map(|name| folder.join(name)));
        *before = now;
    }
    changed.sort_unstable();
    changed
}

fn entries(folder: &Path) -> Entries {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    listed.filter_map(|entry| Some((entry.file_name(), stamp(&entry.metadata().ok()?)))).collect()
}

fn stamp(metadata: &Metadata) -> Stamp {
    // What lies in a folder is looked at by itself.
    let (bytes, modified) = if metadata.is_dir() { (0, None) } else { (metadata.len(), metadata.modified().ok()) };
    Stamp { bytes, modified, identity: identity(metadata) }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> [u64; 4] {
    use std::os::unix::fs::MetadataExt;
    let mode = u64::from(metadata.mode());
    if metadata.is_dir() {
        return [metadata.ino(), mode, 0, 0];
    }
    [metadata.ino(), mode, metadata.ctime().cast_unsigned(), metadata.ctime_nsec().cast_unsigned()]
}

#[cfg(not(unix))]
fn identity(metadata: &Metadata) -> [u64; 4] {
    [u64::from(metadata.is_dir()), 0, 0, 0]
}
