//! `harness check`

use super::adoption::{AdoptionArguments, count_again, new_ones};
use super::select::{self, Selecting};
use super::{Color, Failure, Global, Verdict, print, project, say};
use crate::files::{absolute, exists, normalise};
use crate::report::text::{PIPED_LIMIT, TERMINAL_LIMIT, TextOptions};
use crate::report::{json, text};
use crate::rules::finding::{Finding, Severity, Status};
use crate::rules::selection::Selection;
use crate::session::{Circumstances, Outcome, is_within, not_understood};
use clap::ValueEnum;
use std::io::{IsTerminal, stdout};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Report only what lies in these files and folders. All else is still read.
    #[arg(value_name = "PATHS")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    selecting: Selecting,
    /// How to print findings.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Run only this rule, also when it is off; may be given several times.
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Do not run this rule; may be given several times.
    #[arg(long, value_name = "RULE")]
    skip_rule: Vec<String>,
    /// The severity from which on findings make the exit code 1.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// How many findings to print: a number or `all`.
    #[arg(long, value_name = "N")]
    limit: Option<Limit>,
    /// Print the table of rules alone.
    #[arg(long)]
    summary: bool,
    #[command(flatten)]
    adoption: AdoptionArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    All,
    First(usize),
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

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    let registry = &project::all_rules(global)?;
    let upper = |ids: &[String]| ids.iter().map(|id| id.to_uppercase().replace('-', "_")).collect::<Vec<_>>();
    let selection = Selection { only: upper(&arguments.rule), skip: upper(&arguments.skip_rule) };
    if let Some(id) = selection.unknown(registry) {
        let hint = match registry.closest(id) {
            Some(other) => format!("Did you mean {other}? "),
            None => String::new(),
        };
        return Err(Failure(format!("harness: no rule is called {id}.\n  → {hint}`harness rules` lists all of them.")));
    }
    let adoption = &arguments.adoption;
    adoption.refuse_parts(&[
        (!arguments.paths.is_empty(), "PATHS"),
        (!arguments.rule.is_empty(), "--rule"),
        (!arguments.skip_rule.is_empty(), "--skip-rule"),
        (!arguments.selecting.is_empty(), "--select"),
    ])?;
    let baseline = adoption.read(global)?;
    let circumstances = Circumstances { today: Some(adoption.today()), baseline: baseline.as_ref() };
    let paths = reported_paths(global, &arguments.paths)?;
    let asked = arguments.selecting.read()?;
    let (mut outcome, nowhere) = project::with_session(global, |session, registry| {
        let nowhere = paths.iter().position(|path| !session.holds(path));
        let selected = select::selected(session, asked)?;
        let mut outcome = session.check_with(registry, &selection, circumstances);
        if let Some(selected) = selected {
            narrow(&mut outcome, |finding| selected.holds(finding));
        }
        Ok::<_, Failure>((outcome, nowhere))
    })??;
    if let Some(path) = nowhere.and_then(|at| arguments.paths.get(at)) {
        return Err(Failure(format!(
            "harness: {} holds no file of the project.\n  → Give files and folders that dbt reads, below the folder of dbt_project.yml.",
            path.display()
        )));
    }
    if !paths.is_empty() {
        narrow(&mut outcome, |finding| paths.iter().any(|path| is_within(&finding.place.path, path)));
    }
    outcome.notes.iter().for_each(|note| say(&format!("harness: note: {note}")));
    if adoption.write_baseline {
        adoption.write(global, &outcome)?;
        return Ok(Verdict::Clean);
    }
    let shown = match arguments.format {
        Format::Json => json::render(&outcome.findings, &outcome.summary),
        Format::Text => {
            let terminal = stdout().is_terminal();
            let usual = if terminal { TERMINAL_LIMIT } else { PIPED_LIMIT };
            let limit = match arguments.limit {
                None => Some(usual),
                Some(Limit::All) => None,
                Some(Limit::First(count)) => Some(count),
            };
            let color = match global.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            };
            let options = TextOptions { terminal, color, limit, summary_only: arguments.summary };
            text::render(&new_ones(&outcome.findings), &outcome.summary, &options)
        }
    };
    print(&shown)?;
    let grave = |finding: &Finding| match arguments.fail_on {
        FailOn::Error => finding.severity == Severity::Error,
        FailOn::Warning => finding.severity <= Severity::Warning,
        FailOn::Info => true,
        FailOn::Never => false,
    };
    Ok(if outcome.findings.iter().filter(|finding| finding.status == Status::New).any(grave) {
        Verdict::Findings
    } else {
        Verdict::Clean
    })
}

/// Keeps some findings; the totals are those of what is kept.
fn narrow(outcome: &mut Outcome, is_kept: impl Fn(&Finding) -> bool) {
    outcome.findings.retain(&is_kept);
    outcome.suppressed.retain(|it| is_kept(&it.finding));
    let excused = outcome.suppressed.iter().map(|it| &it.finding);
    outcome.summary.not_understood = not_understood(outcome.findings.iter().chain(excused));
    count_again(outcome);
}

/// The paths as findings show them. A path is looked for from the current folder, as a shell
/// completes it, and then from the project's, as findings print it.
fn reported_paths(global: &Global, paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let folder = project::folder(global)?;
    let shown = |path: &PathBuf| {
        let from_here = absolute(path).strip_prefix(&folder).ok().map(|below| normalise(&below.to_string_lossy()));
        from_here.filter(|_| exists(path)).unwrap_or_else(|| normalise(&path.to_string_lossy()))
    };
    Ok(paths.iter().map(shown).collect())
}
