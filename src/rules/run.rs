//! One run of the rules: all that are on, in an order in which each finds what it reads of others.

mod given;
mod plan;
mod settle;

pub use given::{Given, View};
pub(super) use plan::Task;

use crate::datalog::Loaded;
use crate::db::settings::HouseRules;
use crate::db::{Database, Project};
use crate::query::{Families, NoRun, Repo};
use crate::rules::adherence::Adherence;
use crate::rules::adoption::{Adoption, Circumstances};
use crate::rules::engine::{self, Judged, Options};
use crate::rules::finding::{Finding, Suppressed};
use crate::rules::grades::{Grades, Told};
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::rules::selection::{Course, Decision, House, Selection};
use crate::rules::stated::Stated;
use crate::rules::suppression::{Excuse, Problem, excuses};
use plan::{Next, Plan};
use rayon::prelude::*;
use settle::Settling;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

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
    let plan = Plan::new(registry, house, whole, is_compared);
    let excuses = judge.excuses(db, registry);
    let stated = match plan.reads_stated() {
        true => Stated::of(registry, rules, circumstances, &excuses),
        false => Stated::default(),
    };
    let mut given = Given { broken: registry.broken().to_vec(), stated, ..Given::default() };
    // A rule that is off says nothing, but for whether it can be used.
    for rule in registry.house_rules().filter(|rule| !plan.has(&rule.id)) {
        if let Err(broken) = judge.check(db, rule, house.options(rule)) {
            given.broken.push(rule.broken(broken.line, &broken.what));
        }
    }
    judge.prepare(db, &plan.rules());
    let settling = Settling::new(registry, Adoption::new(db, registry, circumstances, excuses));
    let mut running = Running { judge, db, given, settling, ran: BTreeSet::new(), adherence: Vec::new() };
    running.run(plan);
    let Running { judge, given, settling, mut ran, mut adherence, .. } = running;
    if !selection.only.is_empty() {
        // What ran for the sake of others, nobody asked for.
        let is_off = |decision: Decision| decision.course == Course::Off && !decision.is_on_somewhere;
        let is_asked = |id: &Arc<str>| registry.get(id).is_some_and(|rule| !is_off(house.decide(rule)));
        ran.retain(is_asked);
        adherence.retain(|kept| is_asked(&kept.rule));
    }
    let is_asked_for = |finding: &Finding| selection.only.is_empty() || house.asks_for(finding, registry);
    let last = settling.finish(given.broken, &mut judge.grades().last, &is_asked_for);
    adherence.sort();
    let ids = registry.rules().iter().map(|rule| rule.id.clone());
    let (run, skipped) = ids.partition(|id| ran.contains(id));
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

/// A run on its way.
struct Running<'r, 'j> {
    judge: &'j mut dyn Judge,
    db: &'r Database,
    given: Given,
    settling: Settling<'r>,
    /// The rules that are on.
    ran: BTreeSet<Arc<str>>,
    adherence: Vec<Adherence>,
}

impl<'r> Running<'r, '_> {
    fn run(&mut self, plan: Plan<'r>) {
        let is_read = plan.reads_findings();
        for next in plan {
            match next {
                Next::Circle(tasks) => {
                    for task in tasks {
                        let what = "reads findings of rules that read its own";
                        self.given.broken.push(task.rule.broken(task.rule.program_line, what));
                    }
                }
                Next::Wave { tasks, is_late } => {
                    if is_late {
                        let wave = self.settling.wave(&self.given.broken, &mut self.judge.grades().last);
                        (self.given.problems, self.given.stale) = wave.clone();
                    }
                    self.evaluate(&tasks, is_read);
                }
            }
        }
    }

    fn evaluate(&mut self, tasks: &[Task<'r>], is_read: bool) {
        let asked: Vec<Asked<'_>> = tasks.iter().map(|task| task.asked(&self.given, is_read)).collect();
        let judged = self.judge.judge(self.db, &asked);
        for (task, judged) in tasks.iter().zip(judged) {
            match judged {
                Ok(judged) => self.tell(task, &judged, is_read),
                Err(broken) => self.given.broken.push(task.rule.broken(broken.line, &broken.what)),
            }
        }
    }

    fn tell(&mut self, task: &Task<'r>, judged: &Arc<Judged>, is_read: bool) {
        let kept = task.rule.is_convention.then(|| kept(task.rule, judged));
        let verdict = kept.as_ref().map(|kept| kept.verdict);
        let of_rule = task.decision.and_then(|decision| decision.course.settled(verdict));
        let automatic = task.decision.and_then(|decision| decision.automatic.settled(verdict));
        let findings = self.judge.grades().grade(task, judged, of_rule, automatic);
        if is_read {
            self.given.findings.extend(findings.iter().map(|(finding, is_reported)| (finding.clone(), !is_reported)));
        }
        let is_automatic = task.decision.is_some_and(|decision| decision.is_automatic);
        self.settling.tell(Told { rule: task.rule, is_automatic, findings });
        if of_rule.is_some() || task.decision.is_some_and(|decision| decision.is_on_somewhere) {
            self.ran.insert(task.rule.id.clone());
            self.settling.adoption.ran(task.rule, task.house, of_rule, automatic);
        }
        self.adherence.extend(kept.filter(|kept| task.decision.is_some() && kept.subjects > 0));
    }
}

fn kept(rule: &Rule, judged: &Judged) -> Adherence {
    let on = rule.adherence.unwrap_or_default();
    Adherence::from(&rule.id, judged.noun, judged.subjects, judged.findings.len(), on)
}
