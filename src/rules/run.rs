//! One run of the rules: all that are on, in an order in which each finds what it reads of others.

use crate::datalog::{Cell, Loaded};
use crate::db::settings::HouseRules;
use crate::db::{Database, Project};
use crate::query::{Families, NoRun, Repo, Run};
use crate::rules::adherence::Adherence;
use crate::rules::adoption::{Adoption, Circumstances, STALE, UNUSED};
use crate::rules::baseline::Stale;
use crate::rules::block::FINDING;
use crate::rules::engine::{self, Judged, Options};
use crate::rules::finding::{Finding, Suppressed};
use crate::rules::grades::{Grades, Last, Settled, Told, Wave, is_same};
use crate::rules::registry::Registry;
use crate::rules::rule::{Rule, RuleError};
use crate::rules::selection::{Course, Decision, House, Selection};
use crate::rules::stated::Stated;
use crate::rules::suppression::{Excuse, Problem, excuses};
use crate::rules::violation::sort;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

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
    stated: Stated,
}

/// The rows as one reader sees them.
#[derive(Debug, Clone, Copy)]
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
    /// How well each convention is kept that was looked at, by rule.
    pub adherence: Vec<Adherence>,
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

pub(super) struct Task<'r> {
    pub(super) rule: &'r Arc<Rule>,
    reads: Reads,
    /// By what it was decided.
    pub(super) house: &'r House<'r>,
    /// `None` where the rule is off and another reads its findings.
    pub(super) decision: Option<Decision>,
}

impl<'r> Task<'r> {
    fn asked<'a>(&'a self, given: &'a Given, is_read: bool) -> Asked<'a> {
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

/// A finding that is reported, with the rule it is of.
struct Reported<'r> {
    rule: &'r Arc<Rule>,
    is_automatic: bool,
    finding: Finding,
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

/// A rule that is to be evaluated.
pub(super) struct Asked<'a> {
    pub(super) rule: &'a Arc<Rule>,
    pub(super) options: Options,
    /// What it sees of the run.
    pub(super) view: View<'a>,
    /// Whether it reads what the run gives.
    pub(super) reads_run: bool,
    decision: Option<Decision>,
    /// Others may read what it finds, reported or not.
    is_read: bool,
}

impl Asked<'_> {
    /// Whether anybody sees the findings; what nobody sees need not stand where it stands now.
    pub(super) fn is_seen(&self, judged: &Judged) -> bool {
        let verdict = self.rule.is_convention.then(|| kept(self.rule, judged).verdict);
        self.is_read
            || self.decision.is_some_and(|decision| {
                decision.is_on_somewhere
                    || decision.course.settled(verdict).is_some()
                    || decision.automatic.settled(verdict).is_some()
            })
    }
}

/// What evaluates rules.
pub(super) trait Judge {
    /// Is told once which rules with which options a run is going to evaluate.
    fn prepare(&mut self, db: &Database, rules: &[(&Arc<Rule>, Options)]);
    fn judge(&mut self, db: &Database, asked: &[Asked<'_>]) -> Vec<Result<Arc<Judged>, engine::Broken>>;
    /// Whether a rule that is off can be evaluated.
    fn check(&mut self, db: &Database, rule: &Arc<Rule>, options: Options) -> Result<(), engine::Broken> {
        engine::check(rule, &options, &Repo::new(db, Families::Compiled, &NoRun))
    }
    /// What was decided of findings before.
    fn grades(&mut self) -> &mut Grades;
    /// All that the project excuses.
    fn excuses(&mut self, db: &Database, registry: &Registry) -> Vec<Excuse> {
        excuses(db, registry)
    }
}

/// Evaluates each rule whole, on all threads.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// Each thread loads the facts once, for the first of its rules that reads them.
    shelf: Mutex<Vec<Loaded>>,
    grades: Grades,
}

impl Judge for Whole {
    fn prepare(&mut self, _: &Database, _: &[(&Arc<Rule>, Options)]) {}

    fn judge(&mut self, db: &Database, asked: &[Asked<'_>]) -> Vec<Result<Arc<Judged>, engine::Broken>> {
        let shelf = &self.shelf;
        // A panic elsewhere leaves no facts half loaded.
        let held = || shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = |db: &mut Database, asked: &Asked<'_>| {
            let mut loaded = held().pop().unwrap_or_default();
            let repo = Repo::new(db, Families::Compiled, &asked.view);
            let evaluated = engine::evaluate_on(asked.rule, &asked.options, &repo, &mut loaded);
            held().push(loaded);
            evaluated.map(|evaluation| Arc::new(Judged::of(asked.rule, &evaluation)))
        };
        asked.par_iter().with_max_len(1).map_with(db.clone(), judged).collect()
    }

    fn grades(&mut self) -> &mut Grades {
        &mut self.grades
    }
}

/// Runs the rules, each whole.
pub fn run(
    db: &Database,
    registry: &Registry,
    house: &HouseRules,
    selection: &Selection,
    circumstances: Circumstances<'_>,
) -> Found {
    run_by(&mut Whole::default(), db, registry, house, selection, circumstances)
}

/// Runs the rules, as this judge evaluates them.
pub(super) fn run_by(
    judge: &mut dyn Judge,
    db: &Database,
    registry: &Registry,
    house: &HouseRules,
    selection: &Selection,
    circumstances: Circumstances<'_>,
) -> Found {
    judge.grades().begin(house, selection);
    let everything = Selection { only: Vec::new(), skip: selection.skip.clone() };
    let is_compared = Project::try_get(db).is_some_and(|project| project.before(db).is_some());
    let rules = house;
    let (house, whole) = (&House::new(house, selection), &House::new(house, &everything));
    let mut open = tasks(registry, house, whole, is_compared);
    let is_stated_read = open.values().any(|task| reads_stated(task.rule));
    let excuses = judge.excuses(db, registry);
    let stated = match is_stated_read {
        true => Stated::of(registry, rules, circumstances, &excuses),
        false => Stated::default(),
    };
    let mut given = Given { broken: registry.broken().to_vec(), stated, ..Given::default() };
    let mut adoption = Adoption::new(db, registry, circumstances, excuses);
    // A rule that is off says nothing, but for whether it can be used.
    for rule in registry.house_rules().filter(|rule| !open.contains_key(&rule.id)) {
        if let Err(broken) = judge.check(db, rule, house.options(rule)) {
            given.broken.push(rule.broken(broken.line, &broken.what));
        }
    }
    let mut settling = Settling::default();
    let mut waves: Vec<Wave> = Vec::new();
    let (mut early, mut late): (Vec<Told<'_>>, Vec<Told<'_>>) = (Vec::new(), Vec::new());
    let mut is_early = true;
    let mut adherence: Vec<Adherence> = Vec::new();
    let mut run: BTreeSet<Arc<str>> = BTreeSet::new();
    let rules: Vec<(&Arc<Rule>, Options)> =
        open.values().map(|task| (task.rule, task.house.options(task.rule))).collect();
    judge.prepare(db, &rules);
    let mut same: Option<Last> = None;
    let is_read = open.values().any(|task| task.rule.program.reads(FINDING));
    while !open.is_empty() {
        let ready: Vec<Arc<str>> = open
            .iter()
            .filter(|(id, task)| match &task.reads {
                Reads::Nothing => true,
                Reads::Of(ids) => ids.iter().all(|read| read == *id || !open.contains_key(read)),
                Reads::Findings => open.values().all(|other| !matches!(other.reads, Reads::Nothing)),
                Reads::Outcome => open.values().all(|other| other.reads.is_late()),
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
        if open.values().all(|task| task.reads.is_late()) {
            if std::mem::take(&mut is_early) {
                same = judge.grades().last.take().filter(|last| last.is_of(registry, &early, &given.broken, &adoption));
            }
            same = same.filter(|last| last.has_wave(waves.len(), &late));
            match same.as_ref().and_then(|last| last.waves.get(waves.len())) {
                Some((problems, stale)) => (given.problems, given.stale) = (problems.clone(), stale.clone()),
                None => {
                    settling.settle(&mut adoption, &early, &late);
                    given.problems = adoption.problems();
                    given.stale = adoption.stale(&settling.findings);
                }
            }
            waves.push((given.problems.clone(), given.stale.clone()));
        }
        let tasks: Vec<Task<'_>> = ready.iter().filter_map(|id| open.remove(id)).collect();
        let asked: Vec<Asked<'_>> = tasks.iter().map(|task| task.asked(&given, is_read)).collect();
        let judged = judge.judge(db, &asked);
        drop(asked);
        for (task, judged) in tasks.iter().zip(judged) {
            let judged = match judged {
                Ok(judged) => judged,
                Err(broken) => {
                    given.broken.push(task.rule.broken(broken.line, &broken.what));
                    continue;
                }
            };
            let kept = task.rule.is_convention.then(|| kept(task.rule, &judged));
            let verdict = kept.as_ref().map(|kept| kept.verdict);
            let of_rule = task.decision.and_then(|decision| decision.course.settled(verdict));
            let automatic = task.decision.and_then(|decision| decision.automatic.settled(verdict));
            let is_automatic = task.decision.is_some_and(|decision| decision.is_automatic);
            let graded = judge.grades().grade(task, &judged, of_rule, automatic);
            if is_read {
                given.findings.extend(graded.iter().map(|(finding, is_reported)| (finding.clone(), !is_reported)));
            }
            let told = Told { rule: task.rule, is_automatic, findings: graded };
            if is_early {
                early.push(told)
            } else {
                late.push(told)
            }
            if of_rule.is_some() || task.decision.is_some_and(|decision| decision.is_on_somewhere) {
                run.insert(task.rule.id.clone());
                adoption.ran(task.rule, task.house, of_rule, automatic);
            }
            adherence.extend(kept.filter(|kept| task.decision.is_some() && kept.subjects > 0));
        }
    }
    let is_asked_for = |finding: &Finding| house.asks_for(finding, registry);
    if !selection.only.is_empty() {
        // What ran for the sake of others, nobody asked for.
        let is_off = |decision: Decision| decision.course == Course::Off && !decision.is_on_somewhere;
        let is_asked = |id: &Arc<str>| registry.get(id).is_some_and(|rule| !is_off(house.decide(rule)));
        run.retain(is_asked);
        adherence.retain(|kept| is_asked(&kept.rule));
    }
    let last = match same.filter(|last| is_same(&last.late, &late)) {
        Some(last) => last,
        None => {
            settling.settle(&mut adoption, &early, &late);
            let mut findings = settling.findings;
            let fixed = adoption.stale(&findings).len();
            let has_stale = adoption.baseline().is_some_and(|baseline| !baseline.without(&findings).is_empty());
            let mut suppressed = std::mem::take(&mut adoption.suppressed);
            if !selection.only.is_empty() {
                findings.retain(is_asked_for);
                suppressed.retain(|suppressed| is_asked_for(&suppressed.finding));
            }
            sort(&mut findings);
            let outcome = Settled { findings, suppressed, problems: given.problems, fixed, has_stale };
            Last::new(registry, [&early, &late], given.broken, &adoption, (waves, outcome))
        }
    };
    adherence.sort();
    let ids = registry.rules().iter().map(|rule| rule.id.clone());
    let (run, skipped) = ids.partition(|id| run.contains(id));
    let found = Found {
        findings: last.findings.clone(),
        suppressed: last.suppressed.clone(),
        problems: last.problems.clone(),
        fixed: last.fixed,
        run,
        skipped,
        adherence,
    };
    judge.grades().last = Some(last);
    found
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

/// How far findings have been settled.
#[derive(Default)]
struct Settling {
    findings: Vec<Finding>,
    early: usize,
    late: usize,
}

impl Settling {
    /// Adds what was reported since the last time to the findings, but for what is excused or told better by
    /// another rule.
    fn settle(&mut self, adoption: &mut Adoption<'_>, early: &[Told<'_>], late: &[Told<'_>]) {
        for (told, settled) in [(early, &mut self.early), (late, &mut self.late)] {
            let (kept, told_better) = each_cause_once(reported(&told[*settled..]));
            *settled = told.len();
            // A comment for what is not told is none too many.
            adoption.note(&told_better);
            self.findings.extend(adoption.settle(kept));
        }
    }
}

fn kept(rule: &Rule, judged: &Judged) -> Adherence {
    let on = rule.adherence.unwrap_or_default();
    Adherence::from(&rule.id, judged.noun, judged.subjects, judged.findings.len(), on)
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
