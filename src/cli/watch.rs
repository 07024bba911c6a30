//! `harness watch`

mod driver;
mod live;
mod show;

use super::adoption::BaselineArguments;
use super::scope::ScopeArguments;
use super::surroundings::Surroundings;
use super::{Failure, Global, Verdict, say};
use crate::files::leads_nowhere;
use crate::files::watch::{Options, USUAL_POLL, USUAL_QUIET, Watch};
use crate::report::escaped;
use crate::session::{LargeStacks, counts};
use clap::ValueEnum;
use driver::{Driver, Incoming};
use live::Live;
use show::Show;
use std::io::{BufRead, stdin, stdout};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    scope: ScopeArguments,
    #[command(flatten)]
    baseline: BaselineArguments,
    /// How to tell what changes.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Do not watch files: look at them at each empty line of standard input, and end with its end.
    #[arg(long)]
    stdin: bool,
    /// For how long nothing must happen before files are read.
    #[arg(long, value_name = "MS", default_value_t = millis(USUAL_QUIET), value_parser = clap::value_parser!(u64).range(..=60_000))]
    debounce: u64,
    /// Look at the files every so often instead of having the system tell, as for network drives.
    #[arg(
        long,
        value_name = "MS",
        num_args = 0..=1,
        default_missing_value = MISSING_POLL,
        conflicts_with = "stdin",
        value_parser = clap::value_parser!(u64).range(10..=3_600_000)
    )]
    poll: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people: a steady view on a terminal, else a line for each finding that comes or goes.
    Text,
    /// An event a line: finding_added, finding_removed, settled.
    Ndjson,
}

const MISSING_POLL: &str = "1000";
const _: () = assert!(millis(USUAL_POLL) == 1000);

const fn millis(time: Duration) -> u64 {
    #[allow(clippy::cast_possible_truncation, reason = "constants of some seconds")]
    {
        time.as_millis() as u64
    }
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    let started = Instant::now();
    if leads_nowhere(&stdout()) {
        return Err(Failure(
            "harness: nobody would see what changes: standard output is closed, or leads to /dev/null.\n  → Give `harness watch` a terminal, a pipe or a file."
                .to_owned(),
        ));
    }
    let show = Show::new(global, arguments.format == Form::Ndjson);
    let (sender, incoming) = channel();
    let around = Surroundings::find(global)?;
    let root = around.folder.clone();
    let pool = || LargeStacks::new(global.threads).map_err(|error| Failure(format!("harness: {error}")));
    // Files are read on threads of their own: those that check may be busy with what is outdated.
    let (checking, reading) = (pool()?, pool()?);
    let (live, notes) = Live::load(around, &arguments.scope, &arguments.baseline, reading)?;
    if global.verbose {
        notes.iter().for_each(|note| say(&format!("harness: {}", escaped(note))));
    }
    let mut lines = None;
    let watch = if arguments.stdin {
        lines = Some(read_lines(sender.clone())?);
        None
    } else {
        let give = sender.clone();
        let poll = arguments.poll.map(Duration::from_millis);
        let options =
            Options { quiet: Duration::from_millis(arguments.debounce), poll, counts, may_leave: global.allow_outside };
        // Who no longer listens has ended.
        let watch = Watch::start(&root, options, move |batch| drop(give.send(Incoming::Batch(batch))));
        Some(watch.map_err(no_thread)?)
    };
    Driver::new(live, show, checking, watch, (sender, incoming, lines), global.verbose).follow(started)
}

fn no_thread(error: std::io::Error) -> Failure {
    Failure(format!(
        "harness: no thread can be started: {error}\n  → End other programs, or raise the limit of processes."
    ))
}

/// Lines that may wait to be answered; further ones are not read yet.
const MOST_LINES: usize = 1000;

/// Tells of each empty line of standard input, and of its end. A line that is answered is to be taken from what this
/// gives.
fn read_lines(sender: Sender<Incoming>) -> Result<Receiver<()>, Failure> {
    let (waiting, answered) = sync_channel(MOST_LINES);
    let work = move || {
        let mut input = stdin().lock();
        let (mut is_empty, mut is_told) = (true, false);
        while let Ok(read) = input.fill_buf() {
            if read.is_empty() {
                break;
            }
            // No line is held: one may be longer than memory.
            let end = read.iter().position(|byte| *byte == b'\n');
            let part = &read[..end.unwrap_or(read.len())];
            is_empty &= part.iter().all(u8::is_ascii_whitespace);
            let length = part.len() + usize::from(end.is_some());
            input.consume(length);
            if end.is_none() {
                continue;
            }
            if !std::mem::replace(&mut is_empty, true) {
                if !std::mem::replace(&mut is_told, true) {
                    say("harness: note: only empty lines mean anything on standard input");
                }
            } else if waiting.send(()).is_err() || sender.send(Incoming::Line(Instant::now())).is_err() {
                return;
            }
        }
        let _ = sender.send(Incoming::End);
    };
    thread::Builder::new().name("stdin".to_owned()).spawn(work).map_err(no_thread)?;
    Ok(answered)
}
