//! Which rules run, and in which order each finds what it reads of others.

use super::Asked;
use super::given::{BROKEN_RULE, Given, View};
use crate::rules::adoption::{STALE, UNUSED};
use crate::rules::block::FINDING;
use crate::rules::engine::Options;
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::rules::selection::{Course, Decision, House};
use crate::rules::stated::Stated;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose findings a rule reads.
enum Reads {
    Nothing,
    /// Of these rules, also where they are off.
    Of(Vec<Arc<str>>),
    /// Of all rules that read no findings.
    Findings,
    /// What becomes of the other rules and their findings: it comes after all of them.
    Outcome,
    /// What the baseline holds too much: it comes last.
    Baseline,
}

impl Reads {
    fn is_late(&self) -> bool {
        matches!(self, Self::Outcome | Self::Baseline)
    }
}

fn reads(rule: &Rule, registry: &Registry) -> Reads {
    if rule.program.reads(STALE) {
        return Reads::Baseline;
    }
    if rule.program.reads(BROKEN_RULE) || rule.program.reads(UNUSED) {
        return Reads::Outcome;
    }
    if !rule.program.reads(FINDING) {
        return if reads_stated(rule) { Reads::Of(Vec::new()) } else { Reads::Nothing };
    }
    match rule.program.constants_of(FINDING, "rule", 0) {
        Some(ids) => Reads::Of(ids.iter().filter_map(|id| Some(registry.get(id)?.id.clone())).collect()),
        None => Reads::Findings,
    }
}

/// Whether a rule reads what the repo states about findings.
fn reads_stated(rule: &Rule) -> bool {
    Stated::RELATIONS.iter().any(|relation| rule.program.reads(relation))
}

pub(in crate::rules) struct Task<'r> {
    pub(in crate::rules) rule: &'r Arc<Rule>,
    reads: Reads,
    /// By what it was decided.
    pub(in crate::rules) house: &'r House<'r>,
    /// `None` where the rule is off and another reads its findings.
    pub(in crate::rules) decision: Option<Decision>,
}

impl<'r> Task<'r> {
    pub(super) fn asked<'a>(&'a self, given: &'a Given, is_read: bool) -> Asked<'a> {
        Asked {
            rule: self.rule,
            options: self.house.options(self.rule),
            view: View { given, is_by_name: matches!(self.reads, Reads::Of(_)) },
            reads_run: !matches!(self.reads, Reads::Nothing) || reads_stated(self.rule),
            decision: self.decision,
            is_read,
        }
    }
}

/// A rule that is to run, and by what that was decided.
type Open<'r> = (&'r Arc<Rule>, Option<Decision>, &'r House<'r>);

/// The rules to run: those that are on, and those whose findings they read. Who asks for a rule that
/// judges what becomes of all others means those that would run if nobody asked: `whole` decides them.
fn tasks<'r>(
    registry: &'r Registry,
    house: &'r House<'r>,
    whole: &'r House<'r>,
    is_compared: bool,
) -> BTreeMap<Arc<str>, Task<'r>> {
    let mut tasks: BTreeMap<Arc<str>, Task<'r>> = BTreeMap::new();
    let on = |house: &'r House<'r>| {
        // What a change brought, nobody can tell of one side alone.
        let rules = registry.rules().iter().filter(move |rule| is_compared || !rule.program.compares());
        let decided = rules.map(move |rule| (rule, house.decide(rule)));
        let on = decided.filter(|(_, decision)| decision.course != Course::Off || decision.is_on_somewhere);
        on.map(move |(rule, decision)| -> Open<'r> { (rule, Some(decision), house) })
    };
    let mut open: Vec<Open<'r>> = on(house).collect();
    if open.iter().any(|(rule, ..)| reads(rule, registry).is_late()) {
        let others: Vec<Open<'r>> =
            on(whole).filter(|(rule, ..)| !open.iter().any(|(other, ..)| other.id == rule.id)).collect();
        open.extend(others);
    }
    while let Some((rule, decision, house)) = open.pop() {
        if tasks.contains_key(&rule.id) {
            continue;
        }
        let reads = reads(rule, registry);
        if let Reads::Of(ids) = &reads {
            // Those that are on stand in the list already, and are not lost to a reader that comes first.
            let absent =
                ids.iter().filter(|id| !tasks.contains_key(*id) && !open.iter().any(|(rule, ..)| rule.id == **id));
            let absent: Vec<Open<'r>> = absent.filter_map(|id| Some((registry.get(id)?, None, house))).collect();
            open.extend(absent);
        }
        tasks.insert(rule.id.clone(), Task { rule, reads, house, decision });
    }
    tasks
}

/// The rules that are still to run.
pub(super) struct Plan<'r> {
    open: BTreeMap<Arc<str>, Task<'r>>,
}

/// What comes next.
pub(super) enum Next<'r> {
    /// These, together. Late ones tell of what became of all before them.
    Wave { tasks: Vec<Task<'r>>, is_late: bool },
    /// These read each other's findings in a circle, or wait for who does.
    Circle(Vec<Task<'r>>),
}

impl<'r> Plan<'r> {
    pub(super) fn new(registry: &'r Registry, house: &'r House<'r>, whole: &'r House<'r>, is_compared: bool) -> Self {
        Self { open: tasks(registry, house, whole, is_compared) }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.open.contains_key(id)
    }

    pub(super) fn reads_stated(&self) -> bool {
        self.open.values().any(|task| reads_stated(task.rule))
    }

    pub(super) fn reads_findings(&self) -> bool {
        self.open.values().any(|task| task.rule.program.reads(FINDING))
    }

    pub(super) fn rules(&self) -> Vec<(&'r Arc<Rule>, Options)> {
        self.open.values().map(|task| (task.rule, task.house.options(task.rule))).collect()
    }

    fn is_ready(&self, id: &str, task: &Task<'r>) -> bool {
        match &task.reads {
            Reads::Nothing => true,
            Reads::Of(ids) => ids.iter().all(|read| **read == *id || !self.open.contains_key(read)),
            Reads::Findings => self.open.values().all(|other| !matches!(other.reads, Reads::Nothing)),
            Reads::Outcome => self.open.values().all(|other| other.reads.is_late()),
            Reads::Baseline => self.open.values().all(|other| matches!(other.reads, Reads::Baseline)),
        }
    }

    fn take(&mut self, is_taken: impl Fn(&Self, &str, &Task<'r>) -> bool) -> Vec<Task<'r>> {
        let taken = self.open.iter().filter(|(id, task)| is_taken(self, id, task));
        let ids: Vec<Arc<str>> = taken.map(|(id, _)| id.clone()).collect();
        ids.iter().filter_map(|id| self.open.remove(id)).collect()
    }
}

impl<'r> Iterator for Plan<'r> {
    type Item = Next<'r>;

    fn next(&mut self) -> Option<Next<'r>> {
        if self.open.is_empty() {
            return None;
        }
        let is_late = self.open.values().all(|task| task.reads.is_late());
        let tasks = self.take(Self::is_ready);
        Some(match tasks.is_empty() {
            true => Next::Circle(self.take(|_, _, task| matches!(task.reads, Reads::Of(_)))),
            false => Next::Wave { tasks, is_late },
        })
    }
}
