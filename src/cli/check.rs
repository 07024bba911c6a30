//! `harness check`

mod output;

use super::adoption::AdoptionArguments;
use super::scope::{ScopeArguments, narrow_to_paths};
use super::select;
use super::since::{self, Side, SinceArguments};
use super::surroundings::Surroundings;
use super::{Failure, Global, Verdict, note, project};
use crate::rules::finding::{Finding, Severity, Status};
use crate::session::{Circumstances, Session, compare, old_relations_of};
use clap::{ArgMatches, ValueEnum};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    scope: ScopeArguments,
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
    let selection = arguments.scope.selection(registry)?;
    let adoption = &arguments.adoption;
    let scope = &arguments.scope;
    let since = [(arguments.since.is_given(), "--since")];
    adoption.refuse_parts(&[&scope.parts()[..], &since].concat())?;
    let around = Surroundings::find(global)?;
    let folder = &around.folder;
    let baseline = adoption.read(folder)?;
    let house = around.settings()?;
    let house = house.as_ref().map(|(path, text)| (path.as_str(), &**text));
    let circumstances = Circumstances { today: Some(adoption.today()), baseline: baseline.as_ref(), house };
    let paths = scope.paths(folder);
    let asked = scope.asked()?;
    let since = arguments.since.read(global)?;
    let then = since.as_ref().map(|since| adoption.read_of(folder, since)).transpose()?.flatten();
    let is_there = since.as_ref().is_some_and(|since| since.is_there);
    let relations = old_relations_of(registry);
    let look = |session: &Session, side: &Side| {
        let house = side.house.as_ref().map(|(path, text)| (path.as_str(), &**text));
        let circumstances = Circumstances { baseline: then.as_ref(), house, ..circumstances };
        session.past(&side.registry, &selection, circumstances, &relations)
    };
    let (mut outcome, texts) =
        since::with_sides(global, since.as_ref(), scope.may_compare(), look, |session, registry, before| {
            scope.refuse_nowhere(&paths, session)?;
            let selected = select::selected(session, asked)?;
            let mut outcome = session.check_once(registry, &selection, circumstances);
            if let Some(before) = before {
                // Where there was no project, nothing was found in it.
                compare(&mut outcome, if is_there { before } else { Vec::new() });
            }
            if let Some(selected) = selected {
                selected.note_if_empty();
                outcome.narrow(|finding| selected.holds(finding));
            }
            let texts = session.texts(&output.files_to_show(&outcome));
            Ok::<_, Failure>((outcome, texts))
        })??;
    narrow_to_paths(&mut outcome, &paths);
    outcome.notes.iter().for_each(|text| note(text));
    if adoption.write_baseline {
        adoption.write(folder, &outcome, global.allow_outside)?;
        return Ok(Verdict::Clean);
    }
    outcome.merge_causes();
    output.write(&outcome, registry, &texts, folder)?;
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
