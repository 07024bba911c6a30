//! When to give a batch: after a while of quiet, later where a file looks half-written, and never so late
//! that a stream of events could hold it back for good.

use super::Seen;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So long must it be quiet before a file counts as gone or empty, or as written though nobody has closed
/// it. Editors delete a file to write it anew, or empty it first.
const CONFIRMED: Duration = Duration::from_millis(60);
/// No batch waits longer than this, or than some times the usual quiet.
const LONGEST: Duration = Duration::from_millis(300);
const LONGEST_QUIETS: u32 = 5;

/// Times are counted from any moment.
#[derive(Debug)]
pub(super) struct Quiet {
    quiet: Duration,
    first: Option<Duration>,
    last: Duration,
    /// A look at the files after the usual quiet has left doubts.
    is_in_doubt: bool,
    seen: Seen,
    /// Files that were written to and not closed yet.
    open: BTreeSet<PathBuf>,
    pub(super) notes: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) seen: Seen,
    pub(super) notes: Vec<String>,
    pub(super) first: Duration,
}

impl Quiet {
    pub(super) fn new(quiet: Duration) -> Self {
        let seen = Seen::Paths(BTreeSet::new());
        Self {
            quiet,
            first: None,
            last: Duration::ZERO,
            is_in_doubt: false,
            seen,
            open: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, now: Duration, keys: BTreeSet<String>) {
        if !keys.is_empty() {
            self.noticed(now, Seen::Paths(keys));
        }
    }

    pub(super) fn push_everything(&mut self, now: Duration) {
        self.noticed(now, Seen::Everything);
    }

    fn noticed(&mut self, now: Duration, seen: Seen) {
        self.seen.extend(seen);
        self.first.get_or_insert(now);
        self.last = now;
        self.is_in_doubt = false;
    }

    /// A file is being written.
    pub(super) fn opened(&mut self, path: &Path) {
        if !self.open.contains(path) {
            self.open.insert(path.to_owned());
        }
    }

    /// A file has been written, or is gone.
    pub(super) fn closed(&mut self, path: &Path) {
        self.open.remove(path);
    }

    /// When to come back; never where nothing happened.
    pub(super) fn due(&self) -> Option<Duration> {
        let first = self.first?;
        let wait = if self.is_in_doubt { self.quiet.max(CONFIRMED) } else { self.quiet };
        Some((self.last + wait).min(first + self.longest()))
    }

    fn longest(&self) -> Duration {
        LONGEST.max(self.quiet * LONGEST_QUIETS)
    }

    /// The batch, when it is time for it. What may be half-written is asked for once.
    pub(super) fn take(&mut self, now: Duration, is_doubtful: impl Fn(&str) -> bool) -> Option<Taken> {
        let first = self.first?;
        if !self.is_in_doubt && now < first + self.longest() {
            let in_doubt = match &self.seen {
                Seen::Everything => false,
                Seen::Paths(paths) => paths.iter().any(|path| is_doubtful(path)),
            };
            if in_doubt || !self.open.is_empty() {
                self.is_in_doubt = true;
                if self.due().is_some_and(|due| due > now) {
                    return None;
                }
            }
        }
        self.first = None;
        self.is_in_doubt = false;
        self.open.clear();
        let seen = std::mem::replace(&mut self.seen, Seen::Paths(BTreeSet::new()));
        let mut notes = std::mem::take(&mut self.notes);
        notes.dedup();
        Some(Taken { seen, notes, first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn paths(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn at(now: u64, quiet: &mut Quiet, doubtful: bool) -> Option<Taken> {
        if quiet.due().is_none_or(|due| due > ms(now)) {
            return None;
        }
        quiet.take(ms(now), |_| doubtful)
    }

    #[test]
    fn a_batch_comes_after_a_while_of_quiet_with_all_that_was_named() {
        let mut quiet = Quiet::new(ms(20));
        assert_eq!(quiet.due(), None);
        quiet.push(ms(100), paths(&["a"]));
        quiet.push(ms(110), paths(&["b", "a"]));
        assert_eq!(at(129, &mut quiet, false), None);
        let taken = at(130, &mut quiet, false).unwrap();
        assert_eq!((taken.seen, taken.first), (Seen::Paths(paths(&["a", "b"])), ms(100)));
        assert_eq!(quiet.due(), None, "and only once");
    }

    #[test]
    fn a_stream_of_events_does_not_hold_a_batch_back_for_good() {
        let mut quiet = Quiet::new(ms(20));
        let mut given = 0;
        for now in (0..3000).step_by(5) {
            quiet.push(ms(now), paths(&["a"]));
            given += usize::from(at(now, &mut quiet, true).is_some());
        }
        assert!(given >= 3000 / 300 - 1, "{given}");
    }

    #[test]
    fn what_looks_half_written_is_given_a_little_longer() {
        let mut quiet = Quiet::new(ms(20));
        quiet.push(ms(0), paths(&["a"]));
        assert_eq!(at(20, &mut quiet, true), None);
        // It was written meanwhile: the new text counts after the usual quiet.
        quiet.push(ms(50), paths(&["a"]));
        assert!(at(69, &mut quiet, false).is_none() && at(70, &mut quiet, false).is_some());
        // It stays as it is: gone or empty is what it is.
        quiet.push(ms(100), paths(&["a"]));
        assert!(at(120, &mut quiet, true).is_none() && at(159, &mut quiet, true).is_none());
        assert!(at(160, &mut quiet, true).is_some());
    }

    #[test]
    fn a_file_that_is_still_open_is_waited_for_and_one_that_stays_open_is_not() {
        let mut quiet = Quiet::new(ms(20));
        quiet.opened(Path::new("/a"));
        quiet.push(ms(0), paths(&["a"]));
        assert_eq!(at(20, &mut quiet, false), None);
        quiet.closed(Path::new("/a"));
        quiet.push(ms(30), paths(&["a"]));
        assert!(at(50, &mut quiet, false).is_some());
        quiet.opened(Path::new("/a"));
        quiet.push(ms(100), paths(&["a"]));
        assert!(at(159, &mut quiet, false).is_none() && at(160, &mut quiet, false).is_some());
    }

    #[test]
    fn a_long_quiet_that_was_asked_for_is_kept() {
        let mut quiet = Quiet::new(ms(500));
        quiet.push(ms(0), paths(&["a"]));
        assert!(at(499, &mut quiet, true).is_none() && at(500, &mut quiet, true).is_some());
    }

    #[test]
    fn everything_is_more_than_any_path() {
        let mut quiet = Quiet::new(ms(20));
        quiet.push(ms(0), paths(&["a"]));
        quiet.push_everything(ms(1));
        quiet.push(ms(2), paths(&["b"]));
        assert_eq!(at(30, &mut quiet, true).unwrap().seen, Seen::Everything);
    }
}
