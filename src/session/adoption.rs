//! What becomes of findings that a team lives with: excused by a comment or a `meta` entry, or parked
//! in a baseline; and what is wrong with the excuses and the baseline themselves.

use crate::db::Database;
use crate::rules::baseline::{Baseline, STALE};
use crate::rules::finding::{Finding, Place, Status, Suppressed};
use crate::rules::registry::Registry;
use crate::rules::selection::{Selection, of_finding, severity};
use crate::rules::suppression::{Excuses, Problem, Settled, UNUSED};
use crate::rules::violation::{Violation, report};
use crate::syntax::span::Position;
use jiff::civil::Date;
use std::sync::Arc;

/// The rules that judge a run and not the project.
pub(super) const OF_THE_RUN: [&str; 2] = [STALE, UNUSED];

/// What a run is told beside the project.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// Without it no excuse has ended.
    pub today: Option<Date>,
    pub baseline: Option<&'a Baseline>,
}

/// How the rules were run, and by whom they were asked for.
pub(super) struct Run<'a> {
    pub(super) db: &'a Database,
    pub(super) registry: &'a Registry,
    pub(super) selection: &'a Selection,
    pub(super) circumstances: Circumstances<'a>,
}

/// What all that leaves.
#[derive(Default)]
pub(super) struct Adopted {
    pub(super) findings: Vec<Finding>,
    pub(super) suppressed: Vec<Suppressed>,
    /// Entries of the baseline that no finding has any more.
    pub(super) fixed: usize,
    /// Rules of this module that ran.
    pub(super) run: Vec<Arc<str>>,
}

pub(super) fn is_of_the_run(id: &str) -> bool {
    OF_THE_RUN.contains(&id)
}

/// The rules to run: who asks for one that judges the run alone means what it says of all others.
pub(super) fn widened(selection: &Selection) -> Option<Selection> {
    let asked = selection.only.iter().any(|id| is_of_the_run(id));
    asked.then(|| Selection { only: Vec::new(), skip: selection.skip.clone() })
}

impl Run<'_> {
    /// `ran` are the rules that looked at the whole project.
    pub(super) fn adopt(&self, findings: Vec<Finding>, ran: &[Arc<str>]) -> Adopted {
        let house = crate::db::Project::get(self.db).house_rules(self.db);
        // A rule that is skipped, or off as one member of a family, was not asked.
        let judged = |id: &str| {
            let Some(rule) = self.registry.get(id) else { return false };
            let named = |ids: &[String]| ids.iter().any(|other| **other == *id);
            let is_on = *rule.id == *id
                || of_finding(id, house, self.selection, crate::rules::finding::Severity::Info).is_some();
            ran.contains(&rule.id) && is_on && !named(&self.selection.skip)
        };
        let mut excuses = Excuses::new(self.db, self.registry, self.circumstances.today);
        let Settled { mut kept, mut suppressed } = excuses.settle(findings);
        let mut adopted = Adopted::default();
        if let Some((found, id)) =
            self.reported(UNUSED, || excuses.problems(&judged).into_iter().map(of_problem).collect())
        {
            adopted.run.push(id);
            let later = excuses.settle(found);
            kept.extend(later.kept);
            suppressed.extend(later.suppressed);
        }
        if let Some(baseline) = self.circumstances.baseline {
            for finding in &mut kept {
                if baseline.has(&finding.fingerprint) {
                    finding.status = Status::Old;
                }
            }
            let of_run = |id: &str| is_of_the_run(id) && adopted.run.iter().any(|run| **run == *id);
            let mut gone = baseline.without(&kept);
            gone.retain(|(_, entry)| judged(&entry.rule) || of_run(&entry.rule));
            adopted.fixed = gone.len();
            let rows = || {
                gone.iter()
                    .map(|(fingerprint, entry)| {
                        let at = Position { line: entry.line, column: 1 };
                        Violation {
                            node: None,
                            subject: vec![Arc::clone(fingerprint)],
                            place: Place { path: baseline.path.clone(), start: at, end: at },
                            locations: Vec::new(),
                            severity: None,
                            args: vec![("rule", entry.rule.to_string()), ("about", entry.about.clone())],
                        }
                    })
                    .collect()
            };
            if let Some((found, id)) = self.reported(STALE, rows) {
                adopted.run.push(id);
                kept.extend(found);
            }
        }
        Adopted { findings: kept, suppressed, ..adopted }
    }

    fn severity(&self, id: &str) -> Option<crate::rules::finding::Severity> {
        let house = crate::db::Project::get(self.db).house_rules(self.db);
        severity(self.registry.get(id)?, house, self.selection)
    }

    /// The findings of one of these rules, and its id; nothing where it is off.
    fn reported(&self, id: &str, rows: impl FnOnce() -> Vec<Violation>) -> Option<(Vec<Finding>, Arc<str>)> {
        let rule = self.registry.get(id)?;
        let severity = self.severity(id)?;
        Some((report(rule, severity, rows()), rule.id.clone()))
    }
}

fn of_problem(problem: Problem) -> Violation {
    Violation {
        node: None,
        subject: vec![problem.rule],
        place: problem.place,
        locations: Vec::new(),
        severity: None,
        args: vec![("what", problem.what), ("fix", problem.fix)],
    }
}
