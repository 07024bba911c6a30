//! Rules that are kept up to date from one look at the project to the next. Their rows are mended where facts
//! changed, a row's place is looked up again where what tells it changed, and what is the same as before is
//! not made again.
//!
//! Rules whose blocks recur or read what is not in parts are run whole whenever what they read changed.

mod kept;
mod known;
mod reach;
mod whole;

pub use self::reach::{Glimpse, Near, Reach};

use self::kept::KeptRule;
use self::known::{Known, View};
use self::whole::WholeRule;
use crate::datalog::{Constant, Maintained, PartedFacts, Programs, Upkeep, former};
use crate::db::Database;
use crate::db::settings::HouseRules;
use crate::query::{Families, NoRun, Repo, library};

use crate::rules::about::About;
use crate::rules::adoption::Circumstances;
use crate::rules::engine::{self, Broken, Judged, OPTION, Options, Scoped, compile_on, own_facts};
use crate::rules::grades::Grades;
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::rules::run::{Asked, Found, Judge, Whole, run_by};
use crate::rules::selection::Selection;
use crate::rules::suppression::{Excuse, excuses};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The rules of one project, over time.
#[derive(Debug, Default)]
pub struct Live {
    is_started: bool,
    keeping: Option<Keeping>,
    grades: Grades,
    /// Rules that are off, and whether they could be run.
    checked: Vec<(Arc<Rule>, Options, Result<(), Broken>)>,
    /// What the last look did.
    upkeep: Upkeep,
    known: Known,
    /// How far edits reached that came before this look.
    reach: Reach,
    /// The excuses of the project, and the rules by which they were understood.
    excuses: Option<(Vec<Arc<Rule>>, Vec<Excuse>)>,
    about: Option<About>,
}

/// The rules that are kept, and how.
#[derive(Debug)]
struct Keeping {
    rules: Vec<(Arc<Rule>, Options)>,
    maintained: Maintained,
    kept: FxHashMap<Arc<str>, KeptRule>,
    whole: FxHashMap<Arc<str>, WholeRule>,
}

impl Keeping {
    /// `None` where the rows do not fit into memory.
    fn start(db: &Database, rules: &[(&Arc<Rule>, Options)]) -> Option<Self> {
        let repo = Repo::new(db, Families::Interpreted, &NoRun);
        let mut programs = Programs::new(library::embedded().ok()?);
        let mut kept = FxHashMap::default();
        let mut whole = FxHashMap::default();
        // What was before may be set at any time.
        let is_parted = |name: &str| former(name).is_none() && repo.parts(name).is_some();
        for (rule, options) in rules {
            // What names of nodes mean, facts decide.
            let naming = Repo::new(db, Families::Interpreted, &NoRun);
            let compiled = compile_on(rule, &Scoped { facts: &naming, options }, &mut programs.values());
            let added = compiled.ok().and_then(|compiled| {
                let own: Vec<(&str, Vec<Vec<Constant>>)> = vec![(OPTION, own_facts(options))];
                let add = |programs: &mut Programs<'_>| programs.add(&rule.id, &compiled, &own, &is_parted).ok();
                let numbers = Some(&mut programs).filter(|_| !naming.has_named()).and_then(add);
                if numbers.is_none() {
                    programs.hold(&compiled, &is_parted);
                }
                Some(KeptRule::new(numbers?, &compiled))
            });
            match added {
                Some(added) => drop(kept.insert(rule.id.clone(), added)),
                None => drop(whole.insert(rule.id.clone(), WholeRule::default())),
            }
        }
        let maintained = programs.start(&repo).ok()?;
        let rules = rules.iter().map(|(rule, options)| ((*rule).clone(), options.clone())).collect();
        Some(Self { rules, maintained, kept, whole })
    }

    /// The relations whose rows it must be known of whether they have changed.
    fn reads(&self) -> impl Iterator<Item = &str> {
        self.maintained.facts().chain(self.kept.values().flat_map(KeptRule::reads))
    }

    fn is_for(&self, rules: &[(&Arc<Rule>, Options)]) -> bool {
        let is_same = |known: &(Arc<Rule>, Options), rule: &(&Arc<Rule>, Options)| {
            Arc::ptr_eq(&known.0, rule.0) && known.1 == rule.1
        };
        self.rules.len() == rules.len() && self.rules.iter().zip(rules).all(|(known, rule)| is_same(known, rule))
    }
}

impl Judge for Live {
    fn prepare(&mut self, db: &Database, rules: &[(&Arc<Rule>, Options)]) {
        let keeping = self.keeping.take().filter(|keeping| keeping.is_for(rules) && !keeping.maintained.is_worn());
        self.upkeep = Upkeep::default();
        let is_new = keeping.is_none();
        let Some(mut keeping) = keeping.or_else(|| Keeping::start(db, rules)) else {
            // What was edited is not looked at now, and nobody will know of it later.
            self.known = Known::default();
            return;
        };
        // All that may be interrupted comes first: rows that are half mended are lost.
        self.known.look(db, &self.reach, keeping.reads());
        if !is_new {
            let repo = Repo::new(db, Families::Interpreted, &NoRun);
            match keeping.maintained.update(&View { repo: &repo, known: &self.known, maintained: None }) {
                Ok(upkeep) => self.upkeep = upkeep,
                Err(_) => return,
            }
            keeping.kept.values_mut().for_each(|rule| rule.note(&keeping.maintained));
        }
        self.keeping = Some(keeping);
    }

    fn judge(&mut self, db: &Database, asked: &[Asked<'_>]) -> Vec<Result<Arc<Judged>, Broken>> {
        // Rows that cannot be kept, for one rule counts too far or takes all memory: each is told what is its own.
        let Some(keeping) = &mut self.keeping else { return Whole::default().judge(db, asked) };
        let judged = |asked: &Asked<'_>| {
            let (known, near) = (&self.known, self.reach.near());
            if let Some(kept) = keeping.kept.get_mut(&asked.rule.id) {
                return Ok(kept.judge(db, asked, &keeping.maintained, known, near));
            }
            let whole = keeping.whole.entry(asked.rule.id.clone()).or_default();
            whole.judge(db, asked, (known, &keeping.maintained), near)
        };
        asked.iter().map(judged).collect()
    }

    fn check(&mut self, db: &Database, rule: &Arc<Rule>, options: Options) -> Result<(), Broken> {
        let known = self.checked.iter().find(|(known, of, _)| Arc::ptr_eq(known, rule) && *of == options);
        if let Some((.., outcome)) = known {
            return outcome.clone();
        }
        let repo = Repo::new(db, Families::Compiled, &NoRun);
        let outcome = engine::check(rule, &options, &repo);
        self.checked.retain(|(known, ..)| known.id != rule.id);
        if !repo.has_named() {
            self.checked.push((rule.clone(), options, outcome.clone()));
        }
        outcome
    }

    fn grades(&mut self) -> &mut Grades {
        &mut self.grades
    }

    fn excuses(&mut self, db: &Database, registry: &Registry) -> Vec<Excuse> {
        let near = self.reach.near();
        let known = self.excuses.take().filter(|(rules, known)| {
            let is_near = near.is_some_and(|near| near.keeps_excuses(known.iter().any(Excuse::is_of_meta)));
            is_near && registry.is_of(rules)
        });
        let (_, excuses) =
            self.excuses.insert(known.unwrap_or_else(|| (registry.rules().to_vec(), excuses(db, registry))));
        excuses.clone()
    }
}

impl Live {
    /// Runs the rules, knowing how far edits reached since the last run; a first run looks at everything.
    pub fn run(
        &mut self,
        db: &Database,
        registry: &Registry,
        house: &HouseRules,
        selection: &Selection,
        circumstances: Circumstances<'_>,
        reach: Reach,
    ) -> Found {
        self.reach = if self.is_started { reach } else { Reach::Everything };
        let found = run_by(self, db, registry, house, selection, circumstances);
        self.is_started = true;
        found
    }

    /// What the last look was at.
    pub fn about(&mut self, db: &Database) -> About {
        let known = self.about.filter(|_| !self.reach.is_everything());
        *self.about.insert(known.unwrap_or_else(|| About::of(db)))
    }

    /// Looks at everything whatever was edited, and names the relations that have other rows than the last look saw:
    /// none, unless somebody forgot to say what a directory shows others.
    pub fn outdated(&mut self, db: &Database) -> Vec<String> {
        let repo = Repo::new(db, Families::Interpreted, &NoRun);
        let upkeep = self.keeping.as_mut().and_then(|keeping| keeping.maintained.update(&repo).ok());
        upkeep.unwrap_or_default().facts.into_iter().map(|(relation, _)| relation).collect()
    }

    /// What the last look did to rows, by relation.
    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }
}
