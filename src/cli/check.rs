//! `harness check`

mod output;

use super::adoption::AdoptionArguments;
use super::scope::{ScopeArguments, narrow, narrow_to_paths};
use super::select;
use super::{Failure, Global, Verdict, project, say};
use crate::rules::finding::{Finding, Severity, Status};
use crate::session::Circumstances;
use clap::{ArgMatches, ValueEnum};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    scope: ScopeArguments,
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
    let selection = arguments.scope.selection(registry)?;
    let adoption = &arguments.adoption;
    adoption.refuse_parts(&arguments.scope.parts())?;
    let folder = project::folder(global)?;
    let baseline = adoption.read(&folder)?;
    let circumstances = Circumstances { today: Some(adoption.today()), baseline: baseline.as_ref() };
    let paths = arguments.scope.paths(&folder);
    let asked = arguments.scope.asked()?;
    let (mut outcome, texts) = project::with_session(global, |session, registry| {
        arguments.scope.refuse_nowhere(&paths, session)?;
        let selected = select::selected(session, asked)?;
        let mut outcome = session.check_with(registry, &selection, circumstances);
        if let Some(selected) = selected {
            selected.note_if_empty();
            narrow(&mut outcome, |finding| selected.holds(finding));
        }
        let texts = session.texts(&output.files_to_show(&outcome));
        Ok::<_, Failure>((outcome, texts))
    })??;
    narrow_to_paths(&mut outcome, &paths);
    outcome.notes.iter().for_each(|note| say(&format!("harness: note: {note}")));
    if adoption.write_baseline {
        adoption.write(&folder, &outcome)?;
        return Ok(Verdict::Clean);
    }
    output.write(&outcome, registry, &texts, &folder)?;
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
