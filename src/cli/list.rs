//! `harness list`

use super::select::{self, Selecting};
use super::since::{Side, SinceArguments, with_sides};
use super::{Failure, Global, Verdict, print};
use crate::db::Before;
use crate::project::selection::Kinds;
use crate::report::list::{Form, render};
use crate::session::Session;
use clap::ValueEnum;

/// What `--resource-type` takes.
const TYPES: [&str; 14] = [
    "model",
    "seed",
    "snapshot",
    "test",
    "unit_test",
    "source",
    "exposure",
    "metric",
    "semantic_model",
    "saved_query",
    "function",
    "analysis",
    "default",
    "all",
];

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    selecting: Selecting,
    #[command(flatten)]
    since: SinceArguments,
    /// List these types only; without it, all but analyses.
    #[arg(long, visible_alias = "resource-types", value_name = "TYPE", num_args = 1.., value_parser = TYPES, ignore_case = true)]
    resource_type: Vec<String>,
    /// Do not list these types.
    #[arg(long, visible_alias = "exclude-resource-types", value_name = "TYPE", num_args = 1.., value_parser = TYPES, ignore_case = true)]
    exclude_resource_type: Vec<String>,
    /// What to print of each.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = Output::Selector, ignore_case = true)]
    output: Output,
    /// The keys of JSON, as name or config.materialized.
    #[arg(long, value_name = "KEY", num_args = 1..)]
    output_keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// What selects it: project.folder.name, source:project.source.table.
    Selector,
    Name,
    /// The file it is declared in, from the folder of its package on.
    Path,
    /// One object a line, with what the manifest says.
    Json,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    let asked = arguments.selecting.read()?;
    let lower = |names: &[String]| names.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    let kinds = Kinds::listed(&lower(&arguments.resource_type), &lower(&arguments.exclude_resource_type));
    let split = |text: &String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let form = match arguments.output {
        Output::Selector => Form::Selector,
        Output::Name => Form::Name,
        Output::Path => Form::Path,
        Output::Json => Form::Json(arguments.output_keys.iter().flat_map(split).collect()),
    };
    let since = arguments.since.read(global)?;
    let by_state = arguments.selecting.may_compare();
    let nothing = |_: &Session, _: &Side| (Before::default(), ());
    let listed = with_sides(global, since.as_ref(), by_state, nothing, |session, _, _| {
        let Some(spec) = select::spec(session, asked, true)? else { return Ok(String::new()) };
        let ids = session.select(&spec.of_kinds(kinds));
        select::note_if_empty(&ids);
        Ok::<_, Failure>(render(&session.db, &ids, &form))
    })??;
    print(&listed)?;
    Ok(Verdict::Clean)
}
