//! The command line: one file a command. Only here is anything printed, and only here does the
//! program end.

mod adoption;
mod cache;
mod check;
mod explain;
mod export;
mod init;
mod list;
mod project;
mod query;
mod relations;
mod rules;
mod scope;
mod select;
mod since;
mod surroundings;
mod terminal;
mod watch;

use crate::db::Database;
use crate::report;
use crate::session::{Session, most_threads};
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::io::{self, IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
#[cfg(unix)]
use std::sync::Arc;

/// Architecture checks for dbt repositories, from a bare checkout.
#[derive(Debug, Parser)]
#[command(name = "harness", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// Options of every command that loads a project.
#[derive(Debug, clap::Args)]
struct Global {
    /// The house rules to use instead of the harness.yml beside dbt_project.yml.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The folder of dbt_project.yml; by default the nearest one at or above the current folder,
    /// or the only one below it.
    #[arg(long, value_name = "DIR", global = true)]
    project_dir: Option<PathBuf>,
    /// Where profiles.yml lies; by default DBT_PROFILES_DIR, the project's folder, then ~/.dbt.
    #[arg(long, value_name = "DIR", global = true)]
    profiles_dir: Option<PathBuf>,
    /// The profile to take from profiles.yml.
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
    /// The target of the profile.
    #[arg(long, short = 't', value_name = "NAME", global = true)]
    target: Option<String>,
    /// Vars for the project, as a YAML mapping: '{start: 2024-01-01}'.
    #[arg(long, value_name = "YAML", global = true)]
    vars: Option<String>,
    /// Where to keep what a run works out for the next one; by default the user's cache folder.
    #[arg(long, value_name = "DIR", global = true)]
    cache_dir: Option<PathBuf>,
    /// Neither read nor write what other runs worked out.
    #[arg(long, global = true, conflicts_with = "cache_dir")]
    no_cache: bool,
    /// Read also what paths and links of the project lead to outside of its git repository.
    #[arg(long, global = true)]
    allow_outside: bool,
    /// Show values of environment variables and of the profile's connection in messages, instead of *****.
    #[arg(long, global = true)]
    show_env: bool,
    /// How many threads to use; by default one a core.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true, global = true)]
    threads: usize,
    /// When to colour the output.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, global = true)]
    color: Color,
    /// Say on stderr which queries were executed, reused and cut early; in `watch`, at each look.
    #[arg(long, global = true)]
    stats: bool,
    /// Say what was assumed: the adapter, the target, the environment variables that are not set.
    #[arg(long, global = true)]
    verbose: bool,
}

impl Global {
    /// An empty database.
    fn database(&self) -> Database {
        if self.stats { Database::counting() } else { Database::default() }
    }
}

/// What a session did since this was last asked, where it is wanted.
fn stats(session: &Session) -> Option<String> {
    let counts = session.db.is_counting().then(|| session.db.take_counts())?;
    Some(report::stats::stats(&counts, &session.upkeep()).trim_end().to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the project and print findings.
    Check(check::Arguments),
    /// Check, and go on checking at every save: what has appeared and what has gone.
    Watch(watch::Arguments),
    /// List what a selection selects, as `dbt ls` does.
    #[command(visible_alias = "ls")]
    List(list::Arguments),
    /// List the rules.
    Rules(rules::Arguments),
    /// List the relations that questions can be asked of, or show one.
    Relations(relations::Arguments),
    /// Ask a question of the repo, in Datalog or by its name.
    Query(query::Arguments),
    /// Say what a rule means, or why a finding is one.
    Explain(explain::Arguments),
    /// Write a harness.yml from what the repo shows, or tell coding agents how to use harness.
    Init(init::Arguments),
    /// Write what is known of the project for other tools.
    Export(export::Arguments),
}

/// What went wrong with the call itself: printed, and exit code 2.
#[derive(Debug)]
struct Failure(String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(format!("harness: the output cannot be written: {error}\n  → Free space, or write somewhere else."))
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Clean,
    Findings,
}

const FINDINGS: u8 = 1;
const USAGE: u8 = 2;
const BUG: u8 = 101;
const INTERRUPTED: i32 = 130;

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|bug| {
        if crate::project::jinja::is_guarded() {
            return;
        }
        say(&format!(
            "harness: this is a bug of harness, not of your project: {bug}\n  → Please report it with the file it was working on."
        ));
    }));
    let parsed = Arguments::command().try_get_matches();
    let parsed = parsed.and_then(|matches| Ok((Arguments::from_arg_matches(&matches)?, matches)));
    let (arguments, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // clap knows which stream its message belongs to; help is no error.
            let is_error = error.use_stderr();
            let has_colors = if is_error { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
            let text = error.render();
            let text = if has_colors { text.ansi().to_string() } else { text.to_string() };
            if is_error {
                say(text.trim_end());
            } else {
                drop(print(&text));
            }
            return ExitCode::from(if is_error { USAGE } else { 0 });
        }
    };
    // Nothing is half-written that would have to be put away first, but for a line of the terminal.
    #[allow(clippy::exit, reason = "this is where the program ends")]
    let ended = ctrlc::set_handler(|| {
        terminal::leave();
        std::process::exit(INTERRUPTED)
    });
    // A file that may grow no more is an error of whoever writes it, as a full disk is.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    // Where no handler can be set, the system's own ends the program as well.
    drop(ended);
    // After a panic nothing looks at the arguments again.
    let run = std::panic::catch_unwind(AssertUnwindSafe(|| run(&arguments, &matches)));
    match run {
        Ok(Ok(Verdict::Clean)) => ExitCode::SUCCESS,
        Ok(Ok(Verdict::Findings)) => ExitCode::from(FINDINGS),
        Ok(Err(Failure(message))) => {
            say(message.trim_end());
            ExitCode::from(USAGE)
        }
        Err(_) => ExitCode::from(BUG),
    }
}

fn run(arguments: &Arguments, matches: &ArgMatches) -> Result<Verdict, Failure> {
    let (threads, most) = (arguments.global.threads, most_threads());
    if threads > most {
        note(&format!("--threads {threads} is more than are of use; at most {most} are started"));
    }
    // A command's matches hold the global options too.
    let matches = matches.subcommand().map_or(matches, |(_, own)| own);
    match &arguments.command {
        Command::Check(own) => check::run(&arguments.global, own, matches),
        Command::Watch(own) => watch::run(&arguments.global, own),
        Command::List(own) => list::run(&arguments.global, own),
        Command::Rules(own) => rules::run(&arguments.global, own),
        Command::Relations(own) => relations::run(&arguments.global, own),
        Command::Query(own) => query::run(&arguments.global, own),
        Command::Explain(own) => explain::run(&arguments.global, own),
        Command::Init(own) => init::run(&arguments.global, own),
        Command::Export(own) => export::run(&arguments.global, own),
    }
}

/// Writes to standard output what people read, or JSON. All that is printed goes through here or `say`, so that no
/// name in it says anything to the terminal or to a workflow.
fn print(text: &str) -> Result<(), Failure> {
    print_data(&report::for_people(text))
}

/// Writes data to standard output as it is. A reader that has seen enough (`| head`) is no failure.
fn print_data(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Talk goes to standard error; if that is closed there is nobody to tell.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", report::for_people(text));
}

/// Says one line.
fn note(text: &str) {
    say(&format!("harness: note: {}", report::escaped(text)));
}
