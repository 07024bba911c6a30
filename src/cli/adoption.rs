//! `--baseline` and `--write-baseline`: where the file lies, reading and writing it.

use super::since::Since;
use super::{Failure, say};
use crate::files::{Content, Disk, Tree, absolute, exists, own_place, write_whole};
use crate::report::escaped;
use crate::rules::baseline::{Baseline, FILE, text};
use crate::session::Outcome;
use jiff::civil::Date;
use std::path::{Path, PathBuf};

/// What the findings are compared with, and on which day.
#[derive(Debug, clap::Args)]
pub(super) struct BaselineArguments {
    /// The file of findings to live with for now: they are not printed and do not count.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The day on which suppressions are judged; by default today (UTC).
    #[arg(long, value_name = "DATE", hide = true)]
    today: Option<Date>,
}

#[derive(Debug, clap::Args)]
pub(super) struct AdoptionArguments {
    #[command(flatten)]
    known: BaselineArguments,
    /// Write all findings into the baseline (`harness-baseline.ndjson` beside dbt_project.yml, or the
    /// file after --baseline) and end with 0.
    #[arg(long)]
    pub(super) write_baseline: bool,
}

impl BaselineArguments {
    /// The only place where a run learns what day it is.
    pub(super) fn today(&self) -> Date {
        self.today.unwrap_or_else(|| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    /// Where the baseline lies that was named.
    pub(super) fn path(&self, folder: &Path) -> Option<PathBuf> {
        self.baseline.as_ref().map(|_| self.place(folder).0)
    }

    /// Where the baseline lies, and how it is called. A path is looked for from the current folder, as
    /// a shell completes it, and then from the project's.
    fn place(&self, folder: &Path) -> (PathBuf, String) {
        let path = match &self.baseline {
            None => folder.join(FILE),
            Some(named) if !exists(named) && exists(&folder.join(named)) => folder.join(named),
            Some(named) => absolute(named),
        };
        let below = absolute(&path).strip_prefix(folder).ok().map(|below| below.to_string_lossy().replace('\\', "/"));
        let named = self.baseline.as_ref().map(|named| named.display().to_string());
        let shown = below.or(named).unwrap_or_else(|| FILE.to_owned());
        (path, shown)
    }

    /// The baseline that was named. What is wrong with it is told, and nothing of it is trusted.
    pub(super) fn read(&self, folder: &Path) -> Result<Option<Baseline>, Failure> {
        if self.baseline.is_none() {
            return Ok(None);
        }
        let (path, shown) = self.place(folder);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !exists(&path) {
            return Err(Failure(format!(
                "harness: the baseline {} does not exist.\n  → Correct the path after --baseline, or write it with --write-baseline.",
                escaped(&shown)
            )));
        }
        match Disk::new(path.parent().unwrap_or(Path::new("/"))).read(&name) {
            Content::Text(text) => Baseline::read(&shown, &text).map(Some).map_err(|wrong| {
                let lines = wrong.iter().map(|it| {
                    format!("{}:{}: {}\n  → {}\n", escaped(&shown), it.line, escaped(&it.what), escaped(&it.fix))
                });
                Failure(lines.collect())
            }),
            Content::Unreadable(problem) => Err(Failure(format!(
                "harness: the baseline {}: {}\n  → Restore it from git, or write it anew with --write-baseline.",
                escaped(&shown),
                problem.what
            ))),
            Content::NameOnly => Ok(None),
        }
    }
}

impl AdoptionArguments {
    pub(super) fn today(&self) -> Date {
        self.known.today()
    }

    /// The baseline that findings are compared with.
    pub(super) fn read(&self, folder: &Path) -> Result<Option<Baseline>, Failure> {
        if self.write_baseline {
            return Ok(None);
        }
        self.known.read(folder).map_err(|Failure(told)| {
            // A broken line has a place of its own; the rest says by itself that there is no baseline.
            let broken = !told.starts_with("harness:");
            let unused = "harness: the baseline cannot be used, so nothing was checked.";
            Failure(if broken { format!("{told}{unused}") } else { told })
        })
    }

    /// The baseline as it was at a commit; none where it was broken or not there.
    pub(super) fn read_of(&self, folder: &Path, since: &Since) -> Result<Option<Baseline>, Failure> {
        if self.known.baseline.is_none() || self.write_baseline {
            return Ok(None);
        }
        let (path, shown) = self.known.place(folder);
        let tree = &since.revision.tree;
        let text = match tree.within(&path) {
            Some(path) if tree.is_file(&path) => tree.read(&path),
            Some(_) => return Ok(None),
            None => return self.read(folder),
        };
        Ok(Baseline::read(&shown, text.text()).ok())
    }

    /// A part of the findings would be written as if it were all: what others parked would be lost.
    pub(super) fn refuse_parts(&self, narrowed: &[(bool, &str)]) -> Result<(), Failure> {
        let by: Vec<&str> = narrowed.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
        if !self.write_baseline || by.is_empty() {
            return Ok(());
        }
        Err(Failure(format!(
            "harness: a baseline is written of the whole project, and {} would leave a part of it out.\n  → Leave out {0}; delete lines of the file by hand to be told of their findings again.",
            by.join(", ")
        )))
    }

    /// Writes what was found.
    pub(super) fn write(&self, folder: &Path, outcome: &Outcome, may_leave: bool) -> Result<(), Failure> {
        let (path, shown) = self.known.place(folder);
        let shown = escaped(&shown);
        if self.known.baseline.is_none() && !may_leave && own_place(folder, &path).is_none() {
            return Err(Failure(format!(
                "harness: the baseline {shown} leads out of the repository.\n  → Put a file in its place, or name one: --baseline FILE."
            )));
        }
        let content = text(&outcome.findings);
        write_whole(&path, &content).map_err(|error| {
            Failure(format!(
                "harness: the baseline {shown} cannot be written: {error}\n  → Name a file in a folder that exists and can be written: --baseline FILE."
            ))
        })?;
        let count = content.lines().count().saturating_sub(1);
        let findings = if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") };
        say(&format!("harness: {findings} written to {shown}.\n  → Commit it, and check with --baseline {shown}"));
        if outcome.summary.not_understood > 0 {
            say("harness: note: some files were not fully understood; what stands in them is not in the baseline");
        }
        Ok(())
    }
}
