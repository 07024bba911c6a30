//! `harness check`

mod output;

use super::adoption::AdoptionArguments;
use super::select::{self, Selecting};
use super::since::{self, Side, SinceArguments};
use super::{Failure, Global, Verdict, project, say};
use crate::db::settings::spelled_as_id;
use crate::files::{absolute, exists, normalise};
use crate::rules::finding::{Finding, Severity, Status};
use crate::rules::selection::Selection;
use crate::session::{Circumstances, Session, compare, is_within, old_relations_of};
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
    since: SinceArguments,
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
        (arguments.since.is_given(), "--since"),
    ])?;
    let baseline = adoption.read(global)?;
    let house = project::house_text(global, &project::folder(global)?)?;
    let house = house.as_ref().map(|(path, text)| (path.as_str(), &**text));
    let circumstances = Circumstances { today: Some(adoption.today()), baseline: baseline.as_ref(), house };
    let paths = reported_paths(global, &arguments.paths)?;
    let asked = arguments.selecting.read()?;
    let since = arguments.since.read(global)?;
    let then = since.as_ref().map(|since| adoption.read_of(global, since)).transpose()?.flatten();
    let is_there = since.as_ref().is_some_and(|since| since.is_there);
    let relations = old_relations_of(registry);
    let look = |session: &Session, side: &Side| {
        let house = side.house.as_ref().map(|(path, text)| (path.as_str(), &**text));
        let circumstances = Circumstances { baseline: then.as_ref(), house, ..circumstances };
        session.past(&side.registry, &selection, circumstances, &relations)
    };
    let (mut outcome, texts, nowhere) = since::with_sides(
        global,
        since.as_ref(),
        arguments.selecting.may_compare(),
        look,
        |session, registry, before| {
            let nowhere = paths.iter().position(|path| !session.holds(path));
            let selected = select::selected(session, asked)?;
            let mut outcome = session.check_once(registry, &selection, circumstances);
            if let Some(before) = before {
                // Where there was no project, nothing was found in it.
                compare(&mut outcome, if is_there { before } else { Vec::new() });
            }
            if let Some(selected) = selected {
                outcome.narrow(|finding| selected.holds(finding));
            }
            let texts = session.texts(&output.files_to_show(&outcome));
            Ok::<_, Failure>((outcome, texts, nowhere))
        },
    )??;
    if let Some(path) = nowhere.and_then(|at| arguments.paths.get(at)) {
        return Err(Failure(format!(
            "harness: {} holds no file of the project.\n  → Give files and folders that dbt reads, below the folder of dbt_project.yml.",
            path.display()
        )));
    }
    if !paths.is_empty() {
        outcome.narrow(|finding| paths.iter().any(|path| is_within(&finding.place.path, path)));
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
