//! What becomes of findings that a team lives with: excused by a comment or a `meta` entry, or parked
//! in a baseline; and what is wrong with the excuses and the baseline themselves.

use crate::db::Database;
use crate::db::settings::HouseRules;
use crate::rules::baseline::{Baseline, Stale};
use crate::rules::finding::{Finding, Severity, Status, Suppressed};
use crate::rules::registry::Registry;
use crate::rules::selection::{Selection, of_finding};
use crate::rules::suppression::{Excuses, Problem};
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The relation of excuses that do not serve. Its rule comes after all that find something.
pub(super) const UNUSED: &str = "unused_suppression";
/// The relation of entries that no finding needs. Its rule comes last.
pub(super) const STALE: &str = "stale_baseline";

/// What a run is told beside the project.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// Without it no excuse has ended.
    pub today: Option<Date>,
    pub baseline: Option<&'a Baseline>,
}

/// The excuses and the baseline of one run.
pub(super) struct Adoption<'a> {
    registry: &'a Registry,
    house: &'a HouseRules,
    selection: &'a Selection,
    excuses: Excuses<'a>,
    baseline: Option<&'a Baseline>,
    pub(super) suppressed: Vec<Suppressed>,
}

impl<'a> Adoption<'a> {
    pub(super) fn new(
        db: &Database,
        registry: &'a Registry,
        house: &'a HouseRules,
        selection: &'a Selection,
        circumstances: Circumstances<'a>,
    ) -> Self {
        let excuses = Excuses::new(db, registry, circumstances.today);
        Self { registry, house, selection, excuses, baseline: circumstances.baseline, suppressed: Vec::new() }
    }

    /// Takes out what is excused, and marks what is parked. May be called again when more was found.
    pub(super) fn settle(&mut self, findings: &mut Vec<Finding>) {
        let settled = self.excuses.settle(std::mem::take(findings));
        self.suppressed.extend(settled.suppressed);
        *findings = settled.kept;
        for finding in findings {
            if self.baseline.is_some_and(|baseline| baseline.has(&finding.fingerprint)) {
                finding.status = Status::Old;
            }
        }
    }

    /// What is wrong with the excuses; `ran` are the rules that looked at the whole project.
    pub(super) fn problems(&self, ran: &BTreeSet<Arc<str>>) -> Vec<Problem> {
        self.excuses.problems(&|id| self.was_asked(id, ran))
    }

    /// What the baseline holds too much.
    pub(super) fn stale(&self, findings: &[Finding], ran: &BTreeSet<Arc<str>>) -> Vec<Stale> {
        let mut stale = self.baseline.map(|baseline| baseline.without(findings)).unwrap_or_default();
        stale.retain(|entry| self.was_asked(&entry.rule, ran));
        stale
    }

    /// Whether all findings of this id are known: its rule ran, and it was not left out as one member of
    /// a family.
    fn was_asked(&self, id: &str, ran: &BTreeSet<Arc<str>>) -> bool {
        let Some(rule) = self.registry.get(id) else { return false };
        let is_on = *rule.id == *id || of_finding(id, self.house, self.selection, Severity::Info).is_some();
        ran.contains(&rule.id) && is_on && !self.selection.skip.iter().any(|skipped| **skipped == *id)
    }
}
