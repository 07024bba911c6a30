//! What becomes of findings once all rules before have told theirs: what is excused, parked, or told better by another.

use crate::rules::adoption::Adoption;
use crate::rules::finding::Finding;
use crate::rules::grades::{Last, Settled, Told, Wave, is_same};
use crate::rules::registry::Registry;
use crate::rules::rule::{Rule, RuleError};
use crate::rules::violation::sort;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// A finding that is reported, with the rule it is of.
struct Reported<'r> {
    rule: &'r Arc<Rule>,
    is_automatic: bool,
    finding: Finding,
}

/// What is reported of what rules told.
fn reported<'r>(told: &[Told<'r>]) -> Vec<Reported<'r>> {
    let of_rule = |told: &Told<'r>| {
        let (rule, is_automatic) = (told.rule, told.is_automatic);
        let reported = told.findings.iter().filter(|(_, is_reported)| *is_reported);
        reported.map(move |(finding, _)| Reported { rule, is_automatic, finding: finding.clone() }).collect::<Vec<_>>()
    };
    told.iter().flat_map(of_rule).collect()
}

/// What the rules of a run have told, and what of it has been settled.
pub(super) struct Settling<'r> {
    registry: &'r Registry,
    pub(super) adoption: Adoption<'r>,
    findings: Vec<Finding>,
    early: Vec<Told<'r>>,
    /// By rules that read what became of all before them.
    late: Vec<Told<'r>>,
    /// How many of the early and of the late are in the findings.
    settled: [usize; 2],
    is_late: bool,
    waves: Vec<Wave>,
    /// The last run, as long as this one goes as it did.
    same: Option<Last>,
}

impl<'r> Settling<'r> {
    pub(super) fn new(registry: &'r Registry, adoption: Adoption<'r>) -> Self {
        Self {
            registry,
            adoption,
            findings: Vec::new(),
            early: Vec::new(),
            late: Vec::new(),
            settled: [0; 2],
            is_late: false,
            waves: Vec::new(),
            same: None,
        }
    }

    pub(super) fn tell(&mut self, told: Told<'r>) {
        if self.is_late { self.late.push(told) } else { self.early.push(told) }
    }

    /// What the next wave of late rules is given.
    pub(super) fn wave(&mut self, broken: &[RuleError], last: &mut Option<Last>) -> &Wave {
        self.be_late(broken, last);
        let number = self.waves.len();
        self.same = self.same.take().filter(|last| last.has_wave(number, &self.late));
        let wave = match self.same.as_ref().and_then(|last| last.waves.get(number)) {
            Some(known) => known.clone(),
            None => {
                self.settle();
                (self.adoption.problems(), self.adoption.stale(&self.findings))
            }
        };
        self.waves.push(wave);
        &self.waves[number]
    }

    /// From here on rules are late.
    fn be_late(&mut self, broken: &[RuleError], last: &mut Option<Last>) {
        if !std::mem::replace(&mut self.is_late, true) {
            self.same = last.take().filter(|last| last.is_of(self.registry, &self.early, broken, &self.adoption));
        }
    }

    /// Adds what was reported since the last time to the findings, but for what is excused or told better by
    /// another rule.
    fn settle(&mut self) {
        for (told, settled) in [&self.early, &self.late].into_iter().zip(&mut self.settled) {
            let (kept, told_better) = each_cause_once(reported(&told[*settled..]));
            *settled = told.len();
            // A comment for what is not told is none too many.
            self.adoption.note(&told_better);
            self.findings.extend(self.adoption.settle(kept));
        }
    }

    /// What the run comes to, of what was asked for.
    pub(super) fn finish(
        mut self,
        broken: Vec<RuleError>,
        last: &mut Option<Last>,
        is_asked_for: &dyn Fn(&Finding) -> bool,
    ) -> Last {
        self.be_late(&broken, last);
        if let Some(last) = self.same.take().filter(|last| is_same(&last.late, &self.late)) {
            return last;
        }
        self.settle();
        let fixed = self.adoption.stale(&self.findings).len();
        let has_stale = self.adoption.baseline().is_some_and(|baseline| !baseline.without(&self.findings).is_empty());
        let mut suppressed = std::mem::take(&mut self.adoption.suppressed);
        self.findings.retain(is_asked_for);
        suppressed.retain(|suppressed| is_asked_for(&suppressed.finding));
        sort(&mut self.findings);
        let problems = self.waves.last().map(|(problems, _)| problems.clone()).unwrap_or_default();
        let outcome = Settled { findings: self.findings, suppressed, problems, fixed, has_stale };
        Last::new(self.registry, [&self.early, &self.late], broken, &self.adoption, (self.waves, outcome))
    }
}

/// The findings, and apart those that tell of a node what another rule tells better.
fn each_cause_once(all: Vec<Reported<'_>>) -> (Vec<Finding>, Vec<Finding>) {
    let causes: FxHashSet<&str> = all
        .iter()
        .filter(|reported| reported.is_automatic)
        .flat_map(|reported| reported.rule.subsumed_by.iter().map(String::as_str))
        .collect();
    let mut told: FxHashSet<(Arc<str>, Arc<str>)> = FxHashSet::default();
    for reported in all.iter().filter(|reported| causes.contains(&*reported.rule.id)) {
        told.extend(reported.finding.node.clone().map(|node| (node, reported.rule.id.clone())));
    }
    let is_told = |reported: &Reported<'_>| {
        let Some(node) = reported.finding.node.as_ref().filter(|_| reported.is_automatic) else { return false };
        let mut causes = reported.rule.subsumed_by.iter();
        causes.any(|cause| told.contains(&(node.clone(), Arc::from(cause.as_str()))))
    };
    let (told, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(is_told);
    let findings = |reported: Vec<Reported<'_>>| reported.into_iter().map(|reported| reported.finding).collect();
    (findings(kept), findings(told))
}
