//! The loop of `harness watch`: something happened, so look; what is new is checked, on other threads; what
//! the check finds otherwise than the last one is shown. A check that a newer save makes outdated is ended.

use super::super::{Failure, Verdict};
use super::live::{Live, Part};
use super::show::{Settled, Show};
use crate::files::watch::{Batch, Seen, Wanted, Watch};
use crate::report::escaped;
use crate::report::watch::difference;
use crate::rules::finding::Finding;
use crate::session::{LargeStacks, Outcome, Stopped};
use jiff::civil::Date;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// A check that takes longer is worth a word, and is ended when it is outdated. A shorter one is as well
/// waited for: what it has computed helps the next.
const LONG: Duration = Duration::from_millis(150);
/// So many checks in a row are ended: whoever saves all the time is to see something.
const ENDED_IN_A_ROW: u32 = 3;
/// Who has saved nothing for so long will hardly wait for what is done meanwhile.
const IDLE: Duration = Duration::from_secs(5);
/// From when on it is seen whether a look at everything shows the same.
const QUIET: Duration = Duration::from_millis(700);
/// How often to see whether it is another day: some excuses end with one.
const DAY: Duration = Duration::from_secs(60);

/// What the loop waits for.
pub(super) enum Incoming {
    Batch(Batch),
    /// An empty line of standard input, and when it was read.
    Line(Instant),
    /// The end of standard input.
    End,
    Checked(u64, Box<Result<Result<Outcome, Failure>, Stopped>>),
}

/// A check that is going on.
struct Running {
    number: u64,
    today: Date,
    started: Instant,
    is_shown: bool,
    /// It looks at everything, to see whether what is shown is true.
    is_proof: bool,
}

pub(super) struct Driver<'a> {
    live: Live<'a>,
    show: Show,
    checking: LargeStacks,
    watch: Option<Watch>,
    sender: Sender<Incoming>,
    incoming: Receiver<Incoming>,
    wanted: Wanted,
    running: Option<Running>,
    checks: u64,
    /// How many were ended since the last that came to its end.
    ended: u32,
    /// Where to look once the check that is going on has ended, and when the first of it was noticed.
    seen: Seen,
    noticed: Option<Instant>,
    /// What has changed since the last look at everything: what is shown of it is not proved.
    unproved: BTreeSet<String>,
    /// When the first of what is not shown yet was noticed.
    since: Option<Instant>,
    /// What the last check that came to its end found, and on which day.
    findings: Vec<Finding>,
    notes: Vec<String>,
    today: Option<Date>,
    revision: u64,
    /// Empty lines that wait for a check to end, and whether no more will come.
    lines: VecDeque<Instant>,
    /// Holds one for each line that is not answered.
    waiting: Option<Receiver<()>>,
    /// When the last look at everything began: it answers all lines that had been read by then.
    last_look: Option<Instant>,
    is_at_end: bool,
    /// Whether to say where the time went, and where it did: the last look and its check.
    is_timed: bool,
    looked: Option<(Instant, Instant)>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        live: Live<'a>,
        show: Show,
        checking: LargeStacks,
        watch: Option<Watch>,
        (sender, incoming, waiting): (Sender<Incoming>, Receiver<Incoming>, Option<Receiver<()>>),
        is_timed: bool,
    ) -> Self {
        Self {
            live,
            show,
            checking,
            watch,
            sender,
            incoming,
            wanted: Wanted::default(),
            running: None,
            checks: 0,
            ended: 0,
            seen: Seen::Paths(BTreeSet::new()),
            noticed: None,
            unproved: BTreeSet::new(),
            since: None,
            findings: Vec::new(),
            notes: Vec::new(),
            today: None,
            revision: 0,
            lines: VecDeque::new(),
            waiting,
            last_look: None,
            is_at_end: false,
            is_timed,
            looked: None,
        }
    }

    /// Goes on until standard input ends, or until nobody reads what is shown.
    pub(super) fn follow(mut self, started: Instant) -> Result<Verdict, Failure> {
        self.since = Some(started);
        self.start();
        loop {
            match self.step() {
                Ok(Some(verdict)) => return Ok(verdict),
                Ok(None) => {}
                Err(Ended::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Verdict::Clean),
                Err(Ended::Output(error)) => return Err(error.into()),
                Err(Ended::Failure(failure)) => return Err(failure),
            }
        }
    }

    fn step(&mut self) -> Result<Option<Verdict>, Ended> {
        if self.running.is_none() {
            if let Some(line) = self.lines.pop_front() {
                self.since = Some(line);
                let _ = self.waiting.as_ref().map(Receiver::try_recv);
                if self.last_look.is_none_or(|begin| begin < line) {
                    self.last_look = Some(Instant::now());
                    self.look(&Seen::Everything)?;
                }
                if self.running.is_none() {
                    self.unchanged()?;
                }
                return Ok(None);
            }
            if self.is_at_end {
                return Ok(Some(Verdict::Clean));
            }
        }
        if !self.seen.is_empty() && self.may_look() {
            let seen = std::mem::replace(&mut self.seen, Seen::Paths(BTreeSet::new()));
            self.since = self.since.or(self.noticed.take());
            self.look(&seen)?;
            if self.running.is_none() {
                // Nothing has changed, and so nothing waits to be shown.
                self.since = None;
            }
            return Ok(None);
        }
        match self.incoming.recv_timeout(self.patience()) {
            Ok(Incoming::Batch(batch)) => self.batch(batch)?,
            Ok(Incoming::Line(read)) => self.lines.push_back(read),
            Ok(Incoming::End) => self.is_at_end = true,
            Ok(Incoming::Checked(number, result)) => self.checked(number, *result)?,
            Err(RecvTimeoutError::Timeout) => self.waited()?,
            // There is always the sender of one's own.
            Err(RecvTimeoutError::Disconnected) => return Ok(Some(Verdict::Clean)),
        }
        Ok(None)
    }

    fn waited(&mut self) -> Result<(), Ended> {
        let is_to_be_proved = self.is_to_be_proved();
        match &mut self.running {
            Some(running) if running.started.elapsed() >= LONG => {
                running.is_shown = true;
                self.show.busy()?;
            }
            // Soon, and what is worn waits until somebody has saved nothing for longer.
            None if is_to_be_proved => self.start_with(true),
            None if self.live.is_worn() && self.seen.is_empty() => {
                let is_as_it_was = self.live.renew();
                if self.is_timed {
                    self.show.say("harness: the project was read anew, to forget what was edited away")?;
                }
                // Who asks for each look is told nothing between two.
                if !is_as_it_was && self.watch.is_some() {
                    self.since = Some(Instant::now());
                    self.look(&Seen::Paths(BTreeSet::new()))?;
                }
            }
            None if self.watch.is_some() && self.today.is_some_and(|day| day != self.live.today()) => {
                self.since = Some(Instant::now());
                self.start();
            }
            _ => {}
        }
        Ok(())
    }

    /// Batches that have come together are one.
    fn batch(&mut self, first: Batch) -> Result<(), Ended> {
        let Batch { mut seen, since, mut notes } = first;
        while let Ok(next) = self.incoming.try_recv() {
            match next {
                Incoming::Batch(batch) => {
                    seen.extend(batch.seen);
                    notes.extend(batch.notes);
                }
                Incoming::Checked(number, result) => self.checked(number, *result)?,
                Incoming::Line(read) => self.lines.push_back(read),
                Incoming::End => self.is_at_end = true,
            }
        }
        for note in notes {
            self.show.say(&format!("harness: note: {}", escaped(&note)))?;
        }
        self.noticed.get_or_insert(since);
        self.seen.extend(seen);
        Ok(())
    }

    /// Whether to look now: what is found new ends the check that is going on.
    fn may_look(&self) -> bool {
        let Some(running) = self.running.as_ref().filter(|running| !running.is_proof) else { return true };
        running.started.elapsed() >= LONG && self.ended < ENDED_IN_A_ROW
    }

    /// How long to wait for what comes next.
    fn patience(&self) -> Duration {
        match &self.running {
            Some(running) if !running.is_shown || !self.seen.is_empty() && self.ended < ENDED_IN_A_ROW => {
                LONG.saturating_sub(running.started.elapsed()).max(Duration::from_millis(1))
            }
            None if self.is_to_be_proved() => QUIET,
            None if self.live.is_worn() => IDLE,
            _ => DAY,
        }
    }

    /// Whether what is shown is to be compared with what a look at everything finds. Who asks for each look is told
    /// nothing between two.
    fn is_to_be_proved(&self) -> bool {
        !self.unproved.is_empty() && self.watch.is_some() && self.seen.is_empty()
    }

    /// Looks, and has checked what is new.
    fn look(&mut self, seen: &Seen) -> Result<(), Ended> {
        let begin = Instant::now();
        if let Some(moved) = self.live.moved() {
            return Err(Ended::Failure(moved));
        }
        let is_new = self.live.look(seen);
        self.looked = Some((begin, Instant::now()));
        self.tell()?;
        self.want();
        if is_new {
            self.start();
        }
        Ok(())
    }

    fn tell(&mut self) -> Result<(), Ended> {
        let broken: Vec<Part> = self.live.broken().collect();
        for news in std::mem::take(&mut self.live.news) {
            self.show.say(&news)?;
        }
        Ok(self.show.broken(broken)?)
    }

    /// Tells the watcher what to watch, where that has changed.
    fn want(&mut self) {
        let Some(watch) = &self.watch else { return };
        let wanted = self.live.wanted();
        if wanted != self.wanted {
            watch.want(wanted.clone());
            self.wanted = wanted;
        }
    }

    /// Starts a check, in place of one that is going on.
    fn start(&mut self) {
        self.start_with(false);
    }

    fn start_with(&mut self, is_proof: bool) {
        if let Some(running) = self.running.take() {
            self.ended += u32::from(!running.is_proof);
            self.live.cancel();
        }
        self.want();
        self.checks += 1;
        let (number, check, sender) = (self.checks, self.live.check(is_proof), self.sender.clone());
        self.running =
            Some(Running { number, today: check.today, started: Instant::now(), is_shown: is_proof, is_proof });
        // Who no longer listens has ended.
        let done = move |result| drop(sender.send(Incoming::Checked(number, Box::new(result))));
        self.checking.start(move || check.run(), done);
    }

    fn checked(&mut self, number: u64, result: Result<Result<Outcome, Failure>, Stopped>) -> Result<(), Ended> {
        let Some(running) = self.running.take_if(|running| running.number == number) else { return Ok(()) };
        match result {
            Ok(Ok(outcome)) => {
                self.ended = 0;
                self.live.judge(Part::Selection, Ok(()));
                self.tell()?;
                if running.is_proof {
                    return self.proved(outcome);
                }
                self.unproved.extend(self.live.changed.iter().cloned());
                self.settle(outcome, running.today)
            }
            Ok(Err(failure)) if self.revision == 0 => Err(Ended::Failure(failure)),
            // The next save tells it.
            Ok(Err(_)) if running.is_proof => {
                self.unproved.clear();
                Ok(())
            }
            Ok(Err(failure)) => {
                self.live.judge(Part::Selection, Err::<(), _>(failure));
                self.tell()?;
                self.unchanged()
            }
            // What is still unproved will be looked at again.
            Err(Stopped::Outdated) if running.is_proof => Ok(()),
            // Something was set that no look told of.
            Err(Stopped::Outdated) => {
                self.start();
                Ok(())
            }
            Err(Stopped::Panicked(payload)) => std::panic::resume_unwind(payload),
        }
    }

    fn settle(&mut self, outcome: Outcome, today: Date) -> Result<(), Ended> {
        for note in outcome.notes.iter().filter(|note| !self.notes.contains(note)) {
            self.show.say(&format!("harness: note: {}", escaped(note)))?;
        }
        let is_first = self.revision == 0;
        let changed = std::mem::take(&mut self.live.changed);
        let difference = difference(&self.findings, &outcome.findings);
        if is_first || !changed.is_empty() || !difference.is_empty() {
            self.revision += 1;
        }
        let since = self.since.take().unwrap_or_else(Instant::now);
        let settled =
            Settled { is_first, revision: self.revision, findings: outcome.findings.len(), changed: &changed, since };
        let checked = Instant::now();
        self.show.settled(&settled, &difference, Some(&outcome.summary))?;
        drop(difference);
        if let Some(stats) = self.live.stats() {
            self.show.say(&stats)?;
        }
        if let Some((begin, looked)) = self.looked.take().filter(|_| self.is_timed) {
            let wrote = checked.elapsed();
            let spent = [begin - since, looked - begin, checked - looked, wrote];
            let spent = ["waited", "looked", "checked", "wrote"].iter().zip(spent);
            let spent: Vec<String> = spent.map(|(what, time)| format!("{what} {} us", time.as_micros())).collect();
            self.show.say(&format!("harness: {}", spent.join(", ")))?;
        }
        (self.findings, self.notes, self.today) = (outcome.findings, outcome.notes, Some(today));
        Ok(())
    }

    /// What a look at everything finds is true. Where it is something else than what is shown, that is a bug of ours.
    fn proved(&mut self, outcome: Outcome) -> Result<(), Ended> {
        let files = std::mem::take(&mut self.unproved);
        // It was no look.
        drop(self.live.stats());
        let difference = difference(&self.findings, &outcome.findings);
        if difference.is_empty() {
            return Ok(());
        }
        let since = Instant::now();
        let (revision, findings) = (self.revision, outcome.findings.len());
        let nothing = BTreeSet::new();
        let settled = Settled { is_first: false, revision, findings, changed: &nothing, since };
        self.show.mended(&settled, &difference, &outcome.summary, &files)?;
        drop(difference);
        self.findings = outcome.findings;
        Ok(())
    }

    /// A look that led to no check.
    fn unchanged(&mut self) -> Result<(), Ended> {
        let changed = std::mem::take(&mut self.live.changed);
        let since = self.since.take().unwrap_or_else(Instant::now);
        let settled = Settled {
            is_first: false,
            revision: self.revision,
            findings: self.findings.len(),
            changed: &changed,
            since,
        };
        Ok(self.show.settled(&settled, &difference(&[], &[]), None)?)
    }
}

/// Why the loop ends before its time.
#[derive(Debug)]
enum Ended {
    Output(io::Error),
    Failure(Failure),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
