//! `harness export`

use super::{Failure, Global, Verdict, print, project};
use crate::report::{in_json, manifest};
use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to write.
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The subset of dbt's manifest.json that a bare checkout tells.
    Manifest,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    let document = project::with_session(global, |session, _| match arguments.format {
        Format::Manifest => {
            session.prefetch();
            manifest::render(&session.db)
        }
    })?;
    print(&in_json(document))?;
    Ok(Verdict::Clean)
}
