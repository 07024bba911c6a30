//! `harness check`

mod output;

use super::adoption::{AdoptionArguments, count_again};
use super::select::{self, Selecting};
use super::{Failure, Global, Verdict, project, say};
use crate::db::settings::spelled_as_id;
use crate::files::{absolute, exists, normalise};
use crate::rules::finding::{Finding, Severity, Status};
use crate::rules::selection::Selection;
use crate::session::{Circumstances, Outcome, is_within, not_understood};
use clap::{ArgMatches, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Report only what lies in these files and folders. All else is still read.
    #[arg(value_name = "PATHS")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    selecting: Selecting,
    /// Run only this rule, also when it is off; may be given several times.
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
    /// Do not run this rule; may be given several times.
    #[arg(long, value_name = "RULE")]
    skip_rule: Vec<String>,
    /// The severity from which on findings make the exit code 1.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    #[command(flatten)]
    adoption: AdoptionArguments,
    #[command(flatten)]
    output: output::OutputArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

/// `matches` is what `arguments` were read from.
pub(super) fn run(global: &Global, arguments: &Arguments, matches: &ArgMatches) -> Result<Verdict, Failure> {
    let output = output::Output::new(global, &arguments.output, matches)?;
    let registry = &project::all_rules(global)?;
    let upper = |ids: &[String]| ids.iter().map(|id| spelled_as_id(id)).collect::<Vec<_>>();
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
    let (mut outcome, texts, nowhere) = project::with_session(global, |session, registry| {
        let nowhere = paths.iter().position(|path| !session.holds(path));
        let selected = select::selected(session, asked)?;
        let mut outcome = session.check_once(registry, &selection, circumstances);
        if let Some(selected) = selected {
            narrow(&mut outcome, |finding| selected.holds(finding));
        }
        let texts = session.texts(&output.files_to_show(&outcome));
        Ok::<_, Failure>((outcome, texts, nowhere))
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
    output.write(&outcome, registry, &texts, &project::folder(global)?)?;
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
