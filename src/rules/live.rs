//! Rules that are kept up to date from one look at the project to the next. Their rows are mended where facts
//! changed, a row's place is looked up again where what tells it changed, and what is the same as before is
//! not made again.
//!
//! Rules whose blocks recur or read what is not in parts are run whole whenever what they read changed.

mod kept;
mod view;
mod whole;

use self::kept::KeptRule;
use self::view::View;
use self::whole::WholeRule;
use crate::datalog::{Constant, Maintained, Programs, Upkeep, former};
use crate::db::Database;
use crate::db::settings::HouseRules;
use crate::query::{Families, Followings, NoRun, Repo, library};

use crate::rules::adoption::Circumstances;
use crate::rules::engine::{self, Broken, Judged, OPTION, Options, Scoped, compile_on, own_facts};
use crate::rules::grades::Grades;
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::rules::run::{Asked, Found, Judge, Whole, run_by};
use crate::rules::selection::Selection;
use crate::rules::suppression::{Excuse, excuses, stated};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The rules of one project, over time.
#[derive(Debug, Default)]
pub struct Live {
    keeping: Option<Keeping>,
    grades: Grades,
    /// Rules that are off, and whether they could be run.
    checked: Vec<(Arc<Rule>, Options, Result<(), Broken>)>,
    /// What the last look did.
    upkeep: Upkeep,
    excuses: Option<Understood>,
}

/// The excuses of the project, with the rules by which they were understood, and the stamps of what says them.
#[derive(Debug)]
struct Understood {
    rules: Vec<Arc<Rule>>,
    stated: [u64; 2],
    excuses: Vec<Excuse>,
}

/// The rules that are kept, and how.
#[derive(Debug)]
struct Keeping {
    rules: Vec<(Arc<Rule>, Options)>,
    maintained: Maintained,
    parts: Followings,
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
        let is_parted = |name: &str| former(name).is_none() && Followings::may_follow(name);
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
        let mut parts = Followings::of(programs.facts().chain(kept.values().flat_map(KeptRule::reads)));
        parts.look(db);
        let maintained = programs.start(&View { repo: &repo, parts: &parts, maintained: None }).ok()?;
        let rules = rules.iter().map(|(rule, options)| ((*rule).clone(), options.clone())).collect();
        Some(Self { rules, maintained, parts, kept, whole })
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
        let Some(mut keeping) = keeping.or_else(|| Keeping::start(db, rules)) else { return };
        if !is_new {
            // All that may be interrupted comes first: rows that are half mended are lost.
            keeping.parts.look(db);
            let repo = Repo::new(db, Families::Interpreted, &NoRun);
            match keeping.maintained.update(&View { repo: &repo, parts: &keeping.parts, maintained: None }) {
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
            let rows = (&keeping.maintained, &keeping.parts);
            if let Some(kept) = keeping.kept.get_mut(&asked.rule.id) {
                return Ok(kept.judge(db, asked, rows));
            }
            let whole = keeping.whole.entry(asked.rule.id.clone()).or_default();
            whole.judge(db, asked, rows)
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
        let stated = stated(db);
        let known = self.excuses.take().filter(|known| known.stated == stated && registry.is_of(&known.rules));
        let read = || Understood { rules: registry.rules().to_vec(), stated, excuses: excuses(db, registry) };
        self.excuses.insert(known.unwrap_or_else(read)).excuses.clone()
    }
}

impl Live {
    /// Runs the rules.
    pub fn run(
        &mut self,
        db: &Database,
        registry: &Registry,
        house: &HouseRules,
        selection: &Selection,
        circumstances: Circumstances<'_>,
    ) -> Found {
        run_by(self, db, registry, house, selection, circumstances)
    }

    /// What the last look did to rows, by relation.
    pub fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }
}
