//! One run of the rules: all that are on, in an order in which each finds what it reads of others.

use crate::datalog::Cell;
use crate::db::Database;
use crate::db::settings::HouseRules;
use crate::observe::Observations;
use crate::query::{Families, Repo, Run};
use crate::rules::adoption::{Adoption, Circumstances, STALE, UNUSED};
use crate::rules::baseline::Stale;
use crate::rules::block::FINDING;
use crate::rules::engine::{self, Evaluation};
use crate::rules::finding::{Finding, Severity, Suppressed};
use crate::rules::registry::Registry;
use crate::rules::rule::{Rule, RuleError};
use crate::rules::selection::{Selection, of_finding, options, severity};
use crate::rules::suppression::Problem;
use crate::rules::violation::{report, sort};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The relation of rule files that cannot be used.
const BROKEN_RULE: &str = "broken_rule";

/// What a run gives to rules and questions.
#[derive(Debug, Default)]
pub struct Given {
    /// With whether only a reader that names the rule sees it: it is off.
    findings: Vec<(Finding, bool)>,
    broken: Vec<RuleError>,
    problems: Vec<Problem>,
    stale: Vec<Stale>,
}

/// The rows as one reader sees them.
#[derive(Debug)]
pub struct View<'g> {
    given: &'g Given,
    /// The reader names the rules it reads.
    is_by_name: bool,
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
            _ => {}
        }
    }
}

impl Given {
    /// What questions see: all findings of the rules that are on, and what is wrong with excuses.
    pub fn of(findings: Vec<Finding>, broken: Vec<RuleError>, problems: Vec<Problem>) -> Self {
        let findings = findings.into_iter().map(|finding| (finding, false)).collect();
        Self { findings, broken, problems, stale: Vec::new() }
    }

    pub fn view(&self) -> View<'_> {
        View { given: self, is_by_name: false }
    }
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Found {
    /// Sorted as they are printed.
    pub findings: Vec<Finding>,
    /// Those that are excused.
    pub suppressed: Vec<Suppressed>,
    /// What is wrong with the excuses.
    pub problems: Vec<Problem>,
    /// How many entries of the baseline no finding needs any more.
    pub fixed: usize,
    pub run: Vec<Arc<str>>,
    pub skipped: Vec<Arc<str>>,
}

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

fn reads(rule: &Rule, registry: &Registry) -> Reads {
    if rule.program.reads(STALE) {
        return Reads::Baseline;
    }
    if rule.program.reads(BROKEN_RULE) || rule.program.reads(UNUSED) {
        return Reads::Outcome;
    }
    if !rule.program.reads(FINDING) {
        return Reads::Nothing;
    }
    match rule.program.constants_of(FINDING, "rule", 0) {
        Some(ids) => Reads::Of(ids.iter().filter_map(|id| Some(registry.get(id)?.id.clone())).collect()),
        None => Reads::Findings,
    }
}

struct Task<'r> {
    rule: &'r Arc<Rule>,
    reads: Reads,
    /// `None` where the rule is off and another reads its findings.
    severity: Option<Severity>,
}

/// The rules to run: those that are on, and those whose findings they read.
fn tasks<'r>(registry: &'r Registry, house: &HouseRules, selection: &Selection) -> BTreeMap<Arc<str>, Task<'r>> {
    let mut tasks: BTreeMap<Arc<str>, Task<'r>> = BTreeMap::new();
    let all = registry.rules().iter();
    let mut open: Vec<(&'r Arc<Rule>, Option<Severity>)> =
        all.filter_map(|rule| Some((rule, Some(severity(rule, house, selection)?)))).collect();
    if open.iter().any(|(rule, _)| matches!(reads(rule, registry), Reads::Outcome | Reads::Baseline)) {
        // Who asks what becomes of all other rules means those that would run.
        let all = Selection { only: Vec::new(), skip: selection.skip.clone() };
        let others = registry.rules().iter().filter(|rule| severity(rule, house, selection).is_none());
        open.extend(others.filter_map(|rule| Some((rule, Some(severity(rule, house, &all)?)))));
    }
    while let Some((rule, severity)) = open.pop() {
        if tasks.contains_key(&rule.id) {
            continue;
        }
        let reads = reads(rule, registry);
        if let Reads::Of(ids) = &reads {
            // Those that are on stand in the list already, and are not lost to a reader that comes first.
            let absent =
                ids.iter().filter(|id| !tasks.contains_key(*id) && !open.iter().any(|(rule, _)| rule.id == **id));
            let absent: Vec<_> = absent.filter_map(|id| Some((registry.get(id)?, None))).collect();
            open.extend(absent);
        }
        tasks.insert(rule.id.clone(), Task { rule, reads, severity });
    }
    tasks
}

/// Runs the rules.
pub fn run(
    db: &Database,
    registry: &Registry,
    house: &HouseRules,
    selection: &Selection,
    observations: &Observations,
    circumstances: Circumstances<'_>,
) -> Found {
    let mut open = tasks(registry, house, selection);
    let mut given = Given { broken: registry.broken().to_vec(), ..Given::default() };
    let mut adoption = Adoption::new(db, registry, house, selection, circumstances);
    let mut findings: Vec<Finding> = Vec::new();
    let mut run: BTreeSet<Arc<str>> = BTreeSet::new();
    while !open.is_empty() {
        let ready: Vec<Arc<str>> = open
            .iter()
            .filter(|(id, task)| match &task.reads {
                Reads::Nothing => true,
                Reads::Of(ids) => ids.iter().all(|read| read == *id || !open.contains_key(read)),
                Reads::Findings => open.values().all(|other| !matches!(other.reads, Reads::Nothing)),
                Reads::Outcome => open.values().all(|other| matches!(other.reads, Reads::Outcome | Reads::Baseline)),
                Reads::Baseline => open.values().all(|other| matches!(other.reads, Reads::Baseline)),
            })
            .map(|(id, _)| id.clone())
            .collect();
        if ready.is_empty() {
            // What is left reads each other's findings in a circle, or waits for who does.
            for task in open.values().filter(|task| matches!(task.reads, Reads::Of(_))) {
                let what = "reads findings of rules that read its own";
                given.broken.push(task.rule.broken(task.rule.program_line, what));
            }
            open.retain(|_, task| !matches!(task.reads, Reads::Of(_)));
            continue;
        }
        if open.values().all(|task| matches!(task.reads, Reads::Outcome | Reads::Baseline)) {
            adoption.settle(&mut findings);
            given.problems = adoption.problems(&run);
            given.stale = adoption.stale(&findings, &run);
        }
        let tasks: Vec<Task<'_>> = ready.iter().filter_map(|id| open.remove(id)).collect();
        let evaluated: Vec<_> = tasks
            .par_iter()
            .with_max_len(1)
            .map_with(db.clone(), |db, task| evaluate(db, task, house, observations, &given))
            .collect();
        for (task, evaluated) in tasks.iter().zip(evaluated) {
            let evaluation = match evaluated {
                Ok(evaluation) => evaluation,
                Err(broken) => {
                    given.broken.push(task.rule.broken(broken.line, &broken.what));
                    continue;
                }
            };
            let severity = task.severity.or(task.rule.severity).unwrap_or(Severity::Warning);
            let reported = report(task.rule, severity, evaluation.violations).into_iter();
            let reported: Vec<Finding> = reported.filter_map(|x| as_stated(x, task.rule, house, selection)).collect();
            let is_hidden = task.severity.is_none();
            given.findings.extend(reported.iter().map(|finding| (finding.clone(), is_hidden)));
            if !is_hidden {
                run.insert(task.rule.id.clone());
                findings.extend(reported);
            }
        }
    }
    adoption.settle(&mut findings);
    let fixed = adoption.stale(&findings, &run).len();
    let mut suppressed = adoption.suppressed;
    if !selection.only.is_empty() {
        findings.retain(|finding| is_wanted(finding, registry, selection));
        suppressed.retain(|suppressed| is_wanted(&suppressed.finding, registry, selection));
        run.retain(|id| registry.get(id).is_some_and(|rule| severity(rule, house, selection).is_some()));
    }
    sort(&mut findings);
    let ids = registry.rules().iter().map(|rule| rule.id.clone());
    let (run, skipped) = ids.partition(|id| run.contains(id));
    Found { findings, suppressed, problems: given.problems, fixed, run, skipped }
}

fn evaluate(
    db: &Database,
    task: &Task<'_>,
    house: &HouseRules,
    observations: &Observations,
    given: &Given,
) -> Result<Evaluation, engine::Broken> {
    let view = View { given, is_by_name: matches!(task.reads, Reads::Of(_)) };
    let repo = Repo::new(db, Families::Compiled, observations, &view);
    engine::evaluate(task.rule, &options(task.rule, house), &repo)
}

/// The finding as the house wants it, if it does.
fn as_stated(mut finding: Finding, rule: &Rule, house: &HouseRules, selection: &Selection) -> Option<Finding> {
    if finding.rule != rule.id {
        // A member of a family has an id, and so a severity, of its own.
        finding.severity = of_finding(&finding.rule, house, selection, finding.severity)?;
    }
    let is_skipped = selection.skip.iter().any(|id| **id == *finding.rule);
    (!is_skipped).then_some(finding)
}

/// Whether somebody asked for it.
fn is_wanted(finding: &Finding, registry: &Registry, selection: &Selection) -> bool {
    let rule = registry.get(&finding.rule);
    let is_it = |id: &str| *id == *finding.rule || rule.is_some_and(|rule| *id == *rule.id || rule.is_alias(id));
    selection.only.iter().any(|id| is_it(id))
}
