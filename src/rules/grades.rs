//! What was decided of findings in the last run, for a run that finds the same.

use super::adoption::Adoption;
use super::baseline::{Baseline, Stale};
use super::engine::Judged;
use super::finding::{Finding, Severity, Suppressed};
use super::registry::Registry;
use super::rule::{Rule, RuleError};
use super::run::Task;
use super::selection::Selection;
use super::suppression::{Excuse, Problem};
use crate::db::settings::HouseRules;
use jiff::civil::Date;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// How grave findings were decided to be. What is judged as before under the same settings is as grave as before.
#[derive(Debug, Default)]
pub(super) struct Grades {
    /// What the last run came to.
    pub(super) last: Option<Last>,
    settings: Option<(HouseRules, Selection)>,
    by_rule: FxHashMap<Arc<str>, Graded>,
}

#[derive(Debug, Clone)]
struct Graded {
    judged: Arc<Judged>,
    of_rule: Option<Severity>,
    automatic: Option<Severity>,
    is_decided: bool,
    /// With whether they are reported.
    findings: Arc<Vec<(Finding, bool)>>,
}

impl Grades {
    pub(super) fn begin(&mut self, house: &HouseRules, selection: &Selection) {
        if !self.settings.as_ref().is_some_and(|(rules, asked)| rules == house && asked == selection) {
            (self.last, self.by_rule) = (None, FxHashMap::default());
            self.settings = Some((house.clone(), selection.clone()));
        }
    }

    /// The findings of a rule, as grave as they are.
    pub(super) fn grade(
        &mut self,
        task: &Task<'_>,
        judged: &Arc<Judged>,
        of_rule: Option<Severity>,
        automatic: Option<Severity>,
    ) -> Arc<Vec<(Finding, bool)>> {
        let is_decided = task.decision.is_some();
        if let Some(known) = self.by_rule.get(&task.rule.id)
            && Arc::ptr_eq(&known.judged, judged)
            && (known.of_rule, known.automatic, known.is_decided) == (of_rule, automatic, is_decided)
        {
            return known.findings.clone();
        }
        let grade = |finding: &Finding| {
            let gravity = task.house.gravity(finding, task.rule, of_rule, automatic).filter(|_| is_decided);
            let severity =
                gravity.unwrap_or_else(|| task.rule.severity.unwrap_or(Severity::Warning).max(finding.severity));
            let mut finding = finding.clone();
            if finding.severity != severity {
                finding.severity = severity;
            }
            (finding, gravity.is_some())
        };
        let findings = Arc::new(judged.findings.iter().map(grade).collect::<Vec<_>>());
        let judged = judged.clone();
        let graded = Graded { judged, of_rule, automatic, is_decided, findings: findings.clone() };
        self.by_rule.insert(task.rule.id.clone(), graded);
        findings
    }
}

/// The findings of one rule, as grave as they are.
#[derive(Debug)]
pub(super) struct Told<'r> {
    pub(super) rule: &'r Arc<Rule>,
    pub(super) is_automatic: bool,
    /// With whether they are reported.
    pub(super) findings: Arc<Vec<(Finding, bool)>>,
}

/// What a run came to once excuses and baseline were applied.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) findings: Vec<Finding>,
    pub(super) suppressed: Vec<Suppressed>,
    pub(super) problems: Vec<Problem>,
    pub(super) fixed: usize,
    /// The baseline has entries that nothing needs, whether or not anybody asked for their rules.
    pub(super) has_stale: bool,
}

/// What late rules were given, by wave: what is wrong with excuses, and what the baseline holds too much.
pub(super) type Wave = (Vec<Problem>, Vec<Stale>);

type Graveness = Vec<Arc<Vec<(Finding, bool)>>>;

/// A run: all that its outcome follows from, and the outcome.
#[derive(Debug)]
pub(super) struct Last {
    rules: Vec<Arc<Rule>>,
    early: Graveness,
    pub(super) late: Graveness,
    broken: Vec<RuleError>,
    excuses: Vec<Excuse>,
    today: Option<Date>,
    baseline: Option<Baseline>,
    pub(super) waves: Vec<Wave>,
    outcome: Settled,
}

impl std::ops::Deref for Last {
    type Target = Settled;

    fn deref(&self) -> &Settled {
        &self.outcome
    }
}

impl Last {
    pub(super) fn new(
        registry: &Registry,
        [early, late]: [&[Told<'_>]; 2],
        broken: Vec<RuleError>,
        adoption: &Adoption<'_>,
        (waves, outcome): (Vec<Wave>, Settled),
    ) -> Self {
        let arcs = |told: &[Told<'_>]| told.iter().map(|told| told.findings.clone()).collect();
        Self {
            rules: registry.rules().to_vec(),
            early: arcs(early),
            late: arcs(late),
            broken,
            excuses: adoption.excuses().to_vec(),
            today: adoption.today(),
            baseline: adoption.baseline().cloned(),
            waves,
            outcome,
        }
    }

    /// Whether a run whose late rules have found this goes into its next wave with what this one had.
    pub(super) fn has_wave(&self, wave: usize, late: &[Told<'_>]) -> bool {
        let known = self.late.get(..late.len());
        wave < self.waves.len() && known.is_some_and(|known| is_same(known, late))
    }

    /// Whether a run that has come this far goes on like this one. Of entries of the baseline that nothing needs
    /// it also counts where what they are about stands, which no finding tells.
    pub(super) fn is_of(
        &self,
        registry: &Registry,
        early: &[Told<'_>],
        broken: &[RuleError],
        adoption: &Adoption<'_>,
    ) -> bool {
        !self.outcome.has_stale
            && is_same(&self.early, early)
            && registry.is_of(&self.rules)
            && self.broken == broken
            && self.today == adoption.today()
            && self.excuses == adoption.excuses()
            && self.baseline.as_ref() == adoption.baseline()
    }
}

/// Whether these are the very findings.
pub(super) fn is_same(known: &[Arc<Vec<(Finding, bool)>>], told: &[Told<'_>]) -> bool {
    known.len() == told.len() && known.iter().zip(told).all(|(known, told)| Arc::ptr_eq(known, &told.findings))
}
