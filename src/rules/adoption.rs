//! What becomes of findings that a team lives with: excused by a comment or a `meta` entry, or parked
//! in a baseline; and what is wrong with the excuses and the baseline themselves.

use crate::db::Database;
use crate::relations::places;
use crate::rules::baseline::{Baseline, Stale};
use crate::rules::finding::{Finding, Severity, Status, Suppressed};
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::rules::selection::House;
use crate::rules::suppression::{Excuse, Excuses, Problem};
use jiff::civil::Date;
use std::collections::BTreeMap;
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
    /// The path and the text of the harness.yml, for what is told of it.
    pub house: Option<(&'a str, &'a str)>,
}

/// A rule that looked at the whole project, and how grave its findings are.
struct Ran<'a> {
    rule: &'a Rule,
    house: &'a House<'a>,
    of_rule: Option<Severity>,
    automatic: Option<Severity>,
}

/// The excuses and the baseline of one run.
pub(super) struct Adoption<'a> {
    db: &'a Database,
    registry: &'a Registry,
    excuses: Excuses<'a>,
    baseline: Option<&'a Baseline>,
    pub(super) suppressed: Vec<Suppressed>,
    ran: BTreeMap<Arc<str>, Ran<'a>>,
}

impl<'a> Adoption<'a> {
    pub(super) fn new(
        db: &'a Database,
        registry: &'a Registry,
        circumstances: Circumstances<'a>,
        excuses: Vec<Excuse>,
    ) -> Self {
        let excuses = Excuses::new(excuses, registry, circumstances.today);
        let baseline = circumstances.baseline;
        Self { db, registry, excuses, baseline, suppressed: Vec::new(), ran: BTreeMap::new() }
    }

    pub(super) fn excuses(&self) -> &[Excuse] {
        self.excuses.all()
    }

    pub(super) fn today(&self) -> Option<Date> {
        self.excuses.today()
    }

    pub(super) fn baseline(&self) -> Option<&Baseline> {
        self.baseline
    }

    /// That a rule ran, and what it came to.
    pub(super) fn ran(
        &mut self,
        rule: &'a Rule,
        house: &'a House<'a>,
        of_rule: Option<Severity>,
        automatic: Option<Severity>,
    ) {
        self.ran.insert(rule.id.clone(), Ran { rule, house, of_rule, automatic });
    }

    /// The findings that are not excused, those that are parked with a mark.
    pub(super) fn settle(&mut self, findings: Vec<Finding>) -> Vec<Finding> {
        let settled = self.excuses.settle(findings);
        self.suppressed.extend(settled.suppressed);
        let mut kept = settled.kept;
        for finding in &mut kept {
            if self.baseline.is_some_and(|baseline| baseline.has(&finding.fingerprint)) {
                finding.status = Status::Old;
            }
        }
        kept
    }

    /// Findings that are not told, whoever excuses them.
    pub(super) fn note(&mut self, findings: &[Finding]) {
        self.excuses.note(findings);
    }

    /// What is wrong with the excuses.
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.excuses.problems(&|id, path| self.was_asked(id, path))
    }

    /// What the baseline holds too much.
    pub(super) fn stale(&self, findings: &[Finding]) -> Vec<Stale> {
        let mut stale = self.baseline.map(|baseline| baseline.without(findings)).unwrap_or_default();
        stale.retain(|entry| {
            let place = places::of_thing(self.db, &entry.about);
            self.was_asked(&entry.rule, place.as_ref().map_or(&entry.about, |place| &place.path))
        });
        stale
    }

    /// Whether all findings that bear this id in a file are known: its rule ran, and neither the command
    /// line nor harness.yml leaves out the id or the file.
    fn was_asked(&self, id: &str, path: &Arc<str>) -> bool {
        let Some(ran) = self.registry.get(id).and_then(|rule| self.ran.get(&rule.id)) else { return false };
        ran.house.bound(id, path, ran.rule, ran.of_rule, ran.automatic).is_some()
    }
}
