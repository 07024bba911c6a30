//! The system's own events, by notify.

use super::places::{Extent, Lost, Watcher};
use super::{Placed, Signal};
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::io;
use std::path::Path;
use std::sync::mpsc::Sender;

/// inotify watches folder by folder, and tells when a file that was written to is closed. Other systems
/// watch whole trees.
pub(super) const IS_BY_FOLDER: bool = TELLS_OF_CLOSING;
pub(super) const TELLS_OF_CLOSING: bool = cfg!(any(target_os = "linux", target_os = "android"));

#[derive(Debug)]
pub(super) struct System {
    watcher: RecommendedWatcher,
}

impl System {
    pub(super) fn new(signals: Sender<Signal>) -> notify::Result<Self> {
        let pass_on = move |event: notify::Result<notify::Event>| {
            // Whoever reads files, as we do, opens and closes them.
            let is_reading = |event: &notify::Event| match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
                EventKind::Access(_) => !event.need_rescan(),
                _ => false,
            };
            if !event.as_ref().is_ok_and(is_reading) {
                let _ = signals.send(Signal::Event(event));
            }
        };
        Ok(Self { watcher: RecommendedWatcher::new(pass_on, Config::default())? })
    }
}

impl Watcher for System {
    fn watch(&mut self, folder: &Path, extent: Extent) -> Placed {
        let mode = match extent {
            _ if IS_BY_FOLDER => RecursiveMode::NonRecursive,
            Extent::Inner => return Ok(()),
            Extent::Names => RecursiveMode::NonRecursive,
            Extent::Whole => RecursiveMode::Recursive,
        };
        self.watcher.watch(folder, mode).map_err(|error| match error.kind {
            ErrorKind::MaxFilesWatch => Lost::Limit,
            _ => Lost::Gone,
        })
    }

    fn unwatch(&mut self, folder: &Path) {
        // One that is gone has ended by itself.
        let _ = self.watcher.unwatch(folder);
    }
}

/// An error in words that are the same on each machine.
pub(super) fn told(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::Io(error) => reason(error),
        ErrorKind::MaxFilesWatch => "its limit of watches is reached".to_owned(),
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => "a folder is gone".to_owned(),
        ErrorKind::Generic(what) => what.clone(),
        ErrorKind::InvalidConfig(_) => "it refuses its settings".to_owned(),
    }
}

fn reason(error: &io::Error) -> String {
    super::super::reason(error)
}
