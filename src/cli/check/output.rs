//! Where the findings of a check go, and in which form.

use super::super::{self as cli, Failure, Global, print, print_data, terminal};
use crate::files::{destination, join, reason, repository_around, write_whole};
use crate::report::{self, Command, Format, Limit, Options, Run, escaped};
use crate::rules::finding::{Severity, Status};
use crate::rules::registry::Registry;
use crate::session::Outcome;
use clap::builder::PossibleValue;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct OutputArguments {
    /// How to print findings.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write the findings to a file as well, as in sarif:out/harness.sarif; may be given several times.
    #[arg(long, value_name = "FORMAT:PATH")]
    output_file: Vec<OutputFile>,
    /// How many findings to print: a number or `all`. Without it text prints 50, 20 on a terminal.
    #[arg(long, value_name = "N")]
    limit: Option<Limit>,
    /// Of text, print the table of rules alone.
    #[arg(long)]
    summary: bool,
}

/// Options that change what is printed and not what is found: the command to go on with has its own.
const OF_OUTPUT: [&str; 8] = ["format", "output_file", "limit", "summary", "fail_on", "color", "verbose", "threads"];

/// The option that chooses rules.
const RULE: &str = "rule";

#[derive(Debug, Clone, PartialEq, Eq)]
struct OutputFile {
    format: Format,
    path: PathBuf,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.purpose()))
    }
}

impl std::str::FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Format::ALL.map(Format::name).join(", ");
        let (name, path) = text
            .split_once(':')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| format!("write FORMAT:PATH, where FORMAT is one of {names}"))?;
        let format = Format::ALL.into_iter().find(|format| format.name() == name);
        let format = format.ok_or_else(|| format!("no format is called '{name}'; there are {names}"))?;
        Ok(Self { format, path: PathBuf::from(path) })
    }
}

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            number => number.parse().map(Self::First).map_err(|_| "write a number or `all`".to_owned()),
        }
    }
}

#[derive(Debug)]
pub(super) struct Output<'a> {
    arguments: &'a OutputArguments,
    options: Options,
    command: Command,
}

impl<'a> Output<'a> {
    pub(super) fn new(global: &Global, arguments: &'a OutputArguments, matches: &ArgMatches) -> Result<Self, Failure> {
        let mut seen = BTreeMap::new();
        let mut problems = String::new();
        for file in &arguments.output_file {
            if let Some(former) = seen.insert(destination(&file.path), file) {
                let paths = [former, file].map(|file| file.path.display().to_string());
                problems.push_str(&format!(
                    "harness: two --output-file lead to one file: {} and {}.\n  → Give each format a file of its own.\n",
                    escaped(&paths[0]),
                    escaped(&paths[1])
                ));
            }
        }
        if !problems.is_empty() {
            return Err(Failure(problems));
        }
        let terminal = stdout().is_terminal();
        let (color, width) = (terminal::is_coloured(global), terminal::width());
        let limit = arguments.limit.unwrap_or_default();
        let options = Options { terminal, color, width, limit, summary_only: arguments.summary };
        Ok(Self { arguments, options, command: command(matches) })
    }

    /// The files of which excerpts may be shown.
    pub(super) fn files_to_show(&self, outcome: &Outcome) -> BTreeSet<Arc<str>> {
        if !self.options.terminal || self.arguments.format != Format::Text {
            return BTreeSet::new();
        }
        let grave = |severity, status| severity == Severity::Error && status == Status::New;
        let findings = outcome.findings.iter().filter(|finding| grave(finding.severity, finding.status));
        findings.map(|finding| Arc::clone(&finding.place.path)).collect()
    }

    /// Prints the findings and writes the files that were asked for. All is tried, whatever fails.
    pub(super) fn write(
        &self,
        outcome: &Outcome,
        registry: &Registry,
        texts: &BTreeMap<Arc<str>, Arc<str>>,
        folder: &Path,
    ) -> Result<(), Failure> {
        let below = below_repository(folder);
        let run = Run {
            findings: &outcome.findings,
            suppressed: &outcome.suppressed,
            fixed: outcome.fixed.as_deref().unwrap_or_default(),
            summary: &outcome.summary,
            registry,
            folder: &below,
            texts,
            command: &self.command,
        };
        let text = report::render(self.arguments.format, &run, &self.options);
        // The lines of this one are commands.
        let printed = if self.arguments.format == Format::Github { print_data(&text) } else { print(&text) };
        let options = Options { terminal: false, color: false, ..self.options };
        let mut problems = String::new();
        for file in &self.arguments.output_file {
            if let Err(error) = write_whole(&file.path, &report::render(file.format, &run, &options)) {
                problems.push_str(&format!(
                    "harness: {} cannot be written: {}.\n  → Give --output-file a path that can be written.\n",
                    escaped(&file.path.display().to_string()),
                    reason(&error)
                ));
            }
        }
        printed?;
        if problems.is_empty() { Ok(()) } else { Err(Failure(problems)) }
    }
}

/// The project's folder from the root of its git repository on; empty where there is none.
fn below_repository(folder: &Path) -> String {
    let root = repository_around(folder);
    let below = root.as_deref().and_then(|root| folder.strip_prefix(root).ok());
    below.map_or_else(String::new, |below| join("", &below.to_string_lossy()))
}

/// The command line once more, without the options of the output.
fn command(matches: &ArgMatches) -> Command {
    let mut plain = "harness check".to_owned();
    let mut rules = String::new();
    let mut paths = String::new();
    let whole = cli::Arguments::command();
    let own = whole.find_subcommand("check").map(clap::Command::get_arguments).into_iter().flatten();
    for argument in own.chain(whole.get_arguments().filter(|argument| argument.is_global_set())) {
        let id = argument.get_id().as_str();
        let is_given =
            matches.try_contains_id(id).unwrap_or(false) && matches.value_source(id) == Some(ValueSource::CommandLine);
        if !is_given || OF_OUTPUT.contains(&id) {
            continue;
        }
        let values = matches.get_raw(id).into_iter().flatten().map(|value| quoted(&value.to_string_lossy()));
        match argument.get_long() {
            None => values.for_each(|value| paths.push_str(&format!(" {value}"))),
            Some(long) if !argument.get_action().takes_values() => plain.push_str(&format!(" --{long}")),
            Some(long) => {
                let text = if id == RULE { &mut rules } else { &mut plain };
                values.for_each(|value| text.push_str(&format!(" --{long} {value}")));
            }
        }
    }
    plain.push_str(&paths);
    Command { whole: format!("{plain}{rules}"), plain }
}

/// A value as a shell reads it.
fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./,:=+@%".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", escaped(value).replace('\'', r"'\''"))
    }
}
