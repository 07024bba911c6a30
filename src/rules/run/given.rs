//! What a run gives to rules and questions: findings, rule files that cannot be used, and what is wrong with excuses
//! and the baseline.

use crate::datalog::Cell;
use crate::query::Run;
use crate::rules::adoption::{STALE, UNUSED};
use crate::rules::baseline::Stale;
use crate::rules::block::FINDING;
use crate::rules::finding::Finding;
use crate::rules::rule::RuleError;
use crate::rules::stated::Stated;
use crate::rules::suppression::Problem;

/// The relation of rule files that cannot be used.
pub(super) const BROKEN_RULE: &str = "broken_rule";

/// What a run gives to rules and questions.
#[derive(Debug, Default)]
pub struct Given {
    /// With whether only a reader that names the rule sees it: it is off.
    pub(super) findings: Vec<(Finding, bool)>,
    pub(super) broken: Vec<RuleError>,
    pub(super) problems: Vec<Problem>,
    pub(super) stale: Vec<Stale>,
    pub(super) stated: Stated,
}

/// The rows as one reader sees them.
#[derive(Debug, Clone, Copy)]
pub struct View<'g> {
    pub(super) given: &'g Given,
    /// The reader names the rules it reads.
    pub(super) is_by_name: bool,
}

impl Run for View<'_> {
    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        match relation {
            FINDING => {
                let seen = self.given.findings.iter().filter(|(_, is_hidden)| self.is_by_name || !is_hidden);
                for (finding, _) in seen {
                    row(&[
                        Cell::Text(&finding.rule),
                        Cell::Text(finding.node.as_deref().unwrap_or_default()),
                        Cell::Text(&finding.place.path),
                        Cell::Int(i64::from(finding.place.start.line)),
                        Cell::Text(finding.severity.name()),
                    ]);
                }
            }
            BROKEN_RULE => {
                for broken in &self.given.broken {
                    row(&[
                        Cell::Text(&broken.id()),
                        Cell::Text(&broken.path),
                        Cell::Int(i64::from(broken.line)),
                        Cell::Int(1),
                        Cell::Text(&broken.message),
                    ]);
                }
            }
            UNUSED => {
                for problem in &self.given.problems {
                    let start = problem.place.start;
                    row(&[
                        Cell::Text(&problem.rule),
                        Cell::Text(problem.kind.name()),
                        Cell::Text(&problem.what),
                        Cell::Text(&problem.fix),
                        Cell::Text(&problem.place.path),
                        Cell::Int(i64::from(start.line)),
                        Cell::Int(i64::from(start.column)),
                    ]);
                }
            }
            STALE => {
                for stale in &self.given.stale {
                    row(&[
                        Cell::Text(&stale.fingerprint),
                        Cell::Text(&stale.rule),
                        Cell::Text(&stale.about),
                        Cell::Text(&stale.path),
                        Cell::Int(i64::from(stale.line)),
                    ]);
                }
            }
            _ => self.given.stated.visit(relation, row),
        }
    }
}

impl Given {
    /// What questions see: all findings of the rules that are on, and what is wrong with excuses.
    pub fn of(findings: Vec<Finding>, broken: Vec<RuleError>, problems: Vec<Problem>, stated: Stated) -> Self {
        let findings = findings.into_iter().map(|finding| (finding, false)).collect();
        Self { findings, broken, problems, stale: Vec::new(), stated }
    }

    pub fn view(&self) -> View<'_> {
        View { given: self, is_by_name: false }
    }
}
