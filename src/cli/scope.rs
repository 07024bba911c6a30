//! Which findings are asked for: paths, selected nodes, rules. The same for every command that checks.

use super::Failure;
use super::select::{Asked, Selecting};
use crate::db::settings::spelled_as_id;
use crate::files::{absolute, exists, normalise};
use crate::rules::registry::Registry;
use crate::rules::selection::Selection;
use crate::session::{Outcome, Session, is_within};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct ScopeArguments {
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
}

impl ScopeArguments {
    /// The rules that were asked for.
    pub(super) fn selection(&self, registry: &Registry) -> Result<Selection, Failure> {
        let upper = |ids: &[String]| ids.iter().map(|id| spelled_as_id(id)).collect::<Vec<_>>();
        let selection = Selection { only: upper(&self.rule), skip: upper(&self.skip_rule) };
        let Some(id) = selection.unknown(registry) else { return Ok(selection) };
        let hint = match registry.closest(id) {
            Some(other) => format!("Did you mean {other}? "),
            None => String::new(),
        };
        Err(Failure(format!("harness: no rule is called {id}.\n  → {hint}`harness rules` lists all of them.")))
    }

    /// The nodes that were asked for.
    pub(super) fn asked(&self) -> Result<Asked, Failure> {
        self.selecting.read()
    }

    /// Whether somebody may select by what has changed.
    pub(super) fn may_compare(&self) -> bool {
        self.selecting.may_compare()
    }

    /// By which options a part is asked for.
    pub(super) fn parts(&self) -> [(bool, &'static str); 4] {
        [
            (!self.paths.is_empty(), "PATHS"),
            (!self.rule.is_empty(), "--rule"),
            (!self.skip_rule.is_empty(), "--skip-rule"),
            (!self.selecting.is_empty(), "--select"),
        ]
    }

    /// The paths as findings show them. A path is looked for from the current folder, as a shell
    /// completes it, and then from the project's, as findings print it.
    pub(super) fn paths(&self, folder: &Path) -> Vec<String> {
        let shown = |path: &PathBuf| {
            let from_here = absolute(path).strip_prefix(folder).ok().map(|below| normalise(&below.to_string_lossy()));
            from_here.filter(|_| exists(path)).unwrap_or_else(|| normalise(&path.to_string_lossy()))
        };
        self.paths.iter().map(shown).collect()
    }

    /// A path that holds nothing of the project is a slip. `paths` are those of `self`.
    pub(super) fn refuse_nowhere(&self, paths: &[String], session: &Session) -> Result<(), Failure> {
        let nowhere = paths.iter().position(|path| !session.holds(path));
        let Some(path) = nowhere.and_then(|at| self.paths.get(at)) else { return Ok(()) };
        Err(Failure(format!(
            "harness: {} holds no file of the project.\n  → Give files and folders that dbt reads, below the folder of dbt_project.yml.",
            path.display()
        )))
    }
}

/// Keeps the findings in some paths; all where there are none.
pub(super) fn narrow_to_paths(outcome: &mut Outcome, paths: &[String]) {
    if !paths.is_empty() {
        outcome.narrow(|finding| paths.iter().any(|path| is_within(&finding.place.path, path)));
    }
}
