//! What happens to files, told in batches. The system's events are hints and no more: a batch names paths
//! where somebody should look, and what is read there decides whether anything changed.
//!
//! One thread does all of it. It has watches put on folders (`places`), gathers what they tell until there
//! is quiet (`quiet`), and gives the batch away. Where the system tells nothing, `poll` looks by itself.

mod places;
mod poll;
mod quiet;
mod system;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use places::{Happened, Lost, Places, Watcher};
use quiet::Quiet;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long there must be no event before files are read.
pub const USUAL_QUIET: Duration = Duration::from_millis(20);
/// How often files are looked at where the system tells nothing.
pub const USUAL_POLL: Duration = Duration::from_millis(1000);

/// What to watch. Paths are relative to the project's folder, with `/` and perhaps `..` in front, or
/// absolute; batches name them as they are named here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Folders of which all counts that lies below, links followed. They need not exist yet.
    pub folders: BTreeSet<String>,
    /// Single files, likewise.
    pub files: BTreeSet<String>,
    /// Folders below that do not count.
    pub left_out: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// So long no event, before a batch is given.
    pub quiet: Duration,
    /// Look so often instead of having the system tell.
    pub poll: Option<Duration>,
    /// Whether a file of this name can matter.
    pub counts: fn(&str) -> bool,
    /// Whether links out of the repository are followed.
    pub may_leave: bool,
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Everything,
    /// Files and folders, existing or gone. A folder stands for all below it.
    Paths(BTreeSet<String>),
}

impl Seen {
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Paths(paths) if paths.is_empty())
    }

    /// Adds what another batch names.
    pub fn extend(&mut self, other: Self) {
        match (self, other) {
            (Self::Everything, _) => {}
            (this, Self::Everything) => *this = Self::Everything,
            (Self::Paths(paths), Self::Paths(more)) => paths.extend(more),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Batch {
    pub seen: Seen,
    /// When the first of it was noticed.
    pub since: Instant,
    /// What works less well than it should, for people.
    pub notes: Vec<String>,
}

enum Signal {
    Event(notify::Result<notify::Event>),
    /// What the poller has seen.
    Changed(Vec<PathBuf>),
    /// The poller suggests a look at everything.
    Look,
    Want(Wanted),
    Stop,
}

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    signals: Sender<Signal>,
}

impl Watch {
    /// Starts to watch. Nothing is watched before `want` says what.
    pub fn start(root: &Path, options: Options, give: impl FnMut(Batch) + Send + 'static) -> io::Result<Self> {
        let (signals, received) = channel();
        let work = Work {
            places: Places::new(root, options.counts, options.may_leave),
            quiet: Quiet::new(options.quiet),
            started: Instant::now(),
            own: signals.clone(),
            poll: options.poll,
            give,
        };
        thread::Builder::new().name("watch".to_owned()).spawn(move || work.run(&received))?;
        Ok(Self { signals })
    }

    /// Says what to watch from now on. What is newly watched is named in a batch, for it may have changed
    /// before.
    pub fn want(&self, wanted: Wanted) {
        // A thread that has ended tells nothing any more, which is all that can be done.
        let _ = self.signals.send(Signal::Want(wanted));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.signals.send(Signal::Stop);
    }
}

struct Work<G> {
    places: Places,
    quiet: Quiet,
    /// Times are told as what has passed since.
    started: Instant,
    own: Sender<Signal>,
    poll: Option<Duration>,
    give: G,
}

impl<G: FnMut(Batch)> Work<G> {
    fn run(mut self, received: &Receiver<Signal>) {
        let (mut watcher, note) = self.watcher();
        self.quiet.notes.extend(note);
        loop {
            let signal = match self.quiet.due() {
                None => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => received.recv_timeout(due.saturating_sub(self.started.elapsed())),
            };
            match signal {
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(signal) => self.take(signal, &mut *watcher),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.places.is_at_limit() && self.poll.is_none() {
                self.poll = Some(USUAL_POLL);
                self.quiet.notes.push(instead_of("watches no more folders", LIMIT));
                watcher = self.watcher().0;
                self.everything(&mut *watcher);
            }
            self.give_if_due();
        }
    }

    /// The system's watcher, or one that looks by itself.
    fn watcher(&self) -> (Box<dyn Watcher>, Option<String>) {
        let mut note = None;
        if self.poll.is_none() {
            match system::System::new(self.own.clone()) {
                Ok(system) => return (Box::new(system), None),
                Err(error) => note = Some(instead_of(&format!("cannot watch ({})", system::told(&error)), LIMIT)),
            }
        }
        (Box::new(poll::Poll::new(self.poll.unwrap_or(USUAL_POLL), self.own.clone())), note)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn everything(&mut self, watcher: &mut dyn Watcher) {
        self.places.place_all(watcher);
        self.quiet.push_everything(self.now());
    }

    fn take(&mut self, signal: Signal, watcher: &mut dyn Watcher) {
        match signal {
            Signal::Want(wanted) => {
                let new = self.places.want(wanted, watcher);
                self.quiet.push(self.now(), new);
            }
            Signal::Changed(paths) => {
                for path in paths {
                    let keys = self.places.happened(&path, Happened::Anything, watcher);
                    self.quiet.push(self.now(), keys);
                }
            }
            Signal::Look => self.quiet.push_everything(self.now()),
            Signal::Event(Ok(event)) if event.need_rescan() => {
                let told = "more happened at once than the system could tell, so everything was looked at again";
                self.quiet.notes.push(told.to_owned());
                self.everything(watcher);
            }
            Signal::Event(Ok(event)) => {
                let happened = match event.kind {
                    EventKind::Access(AccessKind::Close(AccessMode::Write)) => Happened::Closed,
                    EventKind::Modify(ModifyKind::Data(_)) => Happened::Written,
                    _ => Happened::Anything,
                };
                for path in &event.paths {
                    let keys = self.places.happened(path, happened, watcher);
                    if keys.is_empty() {
                        continue;
                    }
                    match happened {
                        // Only where the system also tells of the end is there a reason to wait for it.
                        Happened::Written if system::TELLS_OF_CLOSING => self.quiet.opened(path),
                        _ => self.quiet.closed(path),
                    }
                    self.quiet.push(self.now(), keys);
                }
            }
            Signal::Event(Err(error)) => {
                let told = format!(
                    "the system lost track of files ({}), so everything was looked at again",
                    system::told(&error)
                );
                self.quiet.notes.push(told);
                self.everything(watcher);
            }
            Signal::Stop => {}
        }
    }

    fn give_if_due(&mut self) {
        let now = self.now();
        if self.quiet.due().is_none_or(|due| due > now) {
            return;
        }
        let places = &self.places;
        if let Some(taken) = self.quiet.take(now, |key| places.is_doubtful(key)) {
            let since = self.started + taken.first;
            (self.give)(Batch { seen: taken.seen, since, notes: taken.notes });
        }
    }
}

/// What to do where the system has too few watches.
const LIMIT: &str = "fs.inotify.max_user_watches and max_user_instances set its limits";

fn instead_of(what: &str, how: &str) -> String {
    let every = USUAL_POLL.as_millis();
    format!("the system {what}, so files are looked at every {every} ms instead; {how}")
}

/// What is told of a path that is no file any more, or one that cannot be watched.
type Placed = Result<(), Lost>;

#[cfg(test)]
mod tests;
