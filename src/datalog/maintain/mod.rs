//! Programs whose rows are kept up to date: facts change, and what follows from them is mended where it
//! may have changed, not derived anew.
//!
//! All programs are one: base relations and those of the library are there once. A row of a relation may
//! have changed only where a clause, for a row of its body that came or went, can give it; the other atoms
//! of the body are taken as they were and as they are, and what is negated or aggregated is taken for
//! anything (`trigger`). Such rows, as far as they are known by some of their columns, are removed and
//! derived again. So no counts of derivations are kept, and negation and aggregates need no care of their
//! own. Programs with recursion are refused: who maintains them runs them whole.

mod base;
mod trigger;

pub use base::{Part, PartedFacts};

use self::base::Base;
use self::trigger::{Pattern, Trigger, triggers};
use super::compile::Compiled;
use super::eval::{Failure, Limits, Machine, Sink};
use super::ir::{Atom, Clause, Kind, Literal, Program, Rel, Relation, Term};
use super::library::Library;
use super::loaded::Loaded;
use super::plan::{Job, Step};
use super::reports::{CompiledReports, MARK};
use super::schema::{Cell, with_cells};
use super::strata::{components, needed, reads_of};
use super::value::{Constant, Value, Values};
use rustc_hash::{FxHashMap, FxHashSet};

/// Bytes of rows that programs may take together.
const MEMORY: usize = 1 << 31;
const LIMITS: Limits<'static> = Limits { memory: MEMORY, poll: &|| None };
/// With more patterns than these, and than this part of the rows, a relation is derived anew.
const PATTERNS: usize = 64;
const PART: u32 = 4;

/// Why a program cannot be maintained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It derives rows of a relation from rows of the same.
    Recursion,
    /// It reads facts that do not come in parts.
    Facts,
}

/// Rows of one report, by the number that its program was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kept(usize);

/// The number of a row, until the next update.
pub type RowNumber = u32;

/// What one update did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Rows of facts that came or went, by relation.
    pub facts: Vec<(String, usize)>,
    /// The same of what is derived.
    pub derived: Vec<(String, usize)>,
}

/// Programs with their rows.
pub struct Maintained {
    machine: Machine<'static>,
    program: Program,
    bases: Vec<Base>,
    /// Derived relations, each after all that it reads.
    order: Vec<Derived>,
    /// Relations of reports.
    kept: Vec<Rel>,
    changed: FxHashMap<Rel, Vec<u32>>,
    is_loaded: bool,
    bytes: usize,
}

impl std::fmt::Debug for Maintained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Maintained").field("relations", &self.program.relations.len()).finish_non_exhaustive()
    }
}

struct Derived {
    rel: Rel,
    clauses: Vec<usize>,
    /// What may have changed, by relation that is read.
    triggers: Vec<Trigger>,
    /// The steps of a clause for a head of which these columns are known.
    plans: FxHashMap<(usize, u64), Vec<Step>>,
}

/// A program that is going to be maintained.
#[derive(Debug)]
pub struct Programs<'l> {
    library: &'l Library,
    program: Program,
    by_name: FxHashMap<String, Rel>,
    kept: Vec<Rel>,
    values: Values,
    /// Facts that stay as they are.
    fixed: Vec<(Rel, Vec<Vec<Constant>>)>,
}

impl<'l> Programs<'l> {
    pub fn new(library: &'l Library) -> Self {
        let program = Program { relations: Vec::new(), clauses: Vec::new(), answers: Vec::new() };
        Self {
            library,
            program,
            by_name: FxHashMap::default(),
            kept: Vec::new(),
            values: Values::default(),
            fixed: Vec::new(),
        }
    }

    /// The values that a program is to be compiled with before it is added.
    pub fn values(&self) -> Loaded {
        Loaded::with_values(self.values.clone())
    }

    /// Adds a program that was compiled with the values of these. Its own relations are called by the label
    /// and their names. `own` are its own facts, by relation; the others must come in parts, as `is_parted`
    /// says. Gives one number a report.
    pub fn add(
        &mut self,
        label: &str,
        compiled: &CompiledReports,
        own: &[(&str, Vec<Vec<Constant>>)],
        is_parted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Kept>, Refused> {
        let Compiled { program, values, .. } = compiled.compiled();
        let reads = reads_of(program);
        let needed = needed(program, &reads);
        let is_circle = |group: &Vec<Rel>| group.len() > 1 || group.iter().any(|rel| reads[*rel].contains(rel));
        if components(&reads).iter().any(|group| group.iter().any(|rel| needed[*rel]) && is_circle(group)) {
            return Err(Refused::Recursion);
        }
        let is_own = |name: &str| own.iter().any(|(other, _)| *other == name);
        let facts = program.relations.iter().zip(&needed).filter(|(it, needed)| **needed && it.kind == Kind::Base);
        if facts.into_iter().any(|(it, _)| !is_own(&it.name) && !is_parted(&it.name)) {
            return Err(Refused::Facts);
        }
        self.values = values.clone();
        let mut numbers = vec![usize::MAX; program.relations.len()];
        let mut fresh = vec![false; program.relations.len()];
        for (rel, relation) in program.relations.iter().enumerate().filter(|(rel, _)| needed[*rel]) {
            let is_shared = match relation.kind {
                Kind::Base => !is_own(&relation.name),
                _ => self.library.schema(&relation.name).is_some(),
            };
            let known = self.by_name.get(&relation.name).copied().filter(|_| is_shared);
            numbers[rel] = known.unwrap_or_else(|| {
                fresh[rel] = true;
                let name = match is_shared {
                    true => relation.name.clone(),
                    false => format!("{label}:{}", relation.name.split(MARK).next().unwrap_or_default()),
                };
                self.program.relations.push(Relation { name, ..relation.clone() });
                self.program.relations.len() - 1
            });
            if is_shared {
                self.by_name.insert(relation.name.clone(), numbers[rel]);
            } else if let Some((_, rows)) = own.iter().find(|(name, _)| *name == relation.name) {
                self.fixed.push((numbers[rel], rows.clone()));
            }
        }
        for clause in program.clauses.iter().filter(|clause| fresh[clause.head]) {
            let mut clause = clause.clone();
            clause.head = numbers[clause.head];
            clause.body.iter_mut().for_each(|literal| renumber(literal, &numbers));
            self.program.clauses.push(clause);
        }
        let kept = program.answers.iter().map(|rel| {
            self.kept.push(numbers[*rel]);
            Kept(self.kept.len() - 1)
        });
        Ok(kept.collect())
    }

    /// Keeps the facts that a program reads which is not added, as far as they come in parts.
    pub fn hold(&mut self, compiled: &CompiledReports, is_parted: &dyn Fn(&str) -> bool) {
        let Compiled { program, .. } = compiled.compiled();
        let needed = needed(program, &reads_of(program));
        let facts = program.relations.iter().zip(&needed).filter(|(it, needed)| **needed && it.kind == Kind::Base);
        for (relation, _) in facts.filter(|(it, _)| is_parted(&it.name)) {
            if !self.by_name.contains_key(&relation.name) {
                self.by_name.insert(relation.name.clone(), self.program.relations.len());
                self.program.relations.push(relation.clone());
            }
        }
    }

    /// The relations of facts that are read.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Derives all rows from the facts as they are.
    pub fn start(self, facts: &dyn PartedFacts) -> Result<Maintained, Failure> {
        let Self { program, kept, values, fixed, .. } = self;
        let mut machine = Machine::new(&program, values, &LIMITS);
        machine.maintain(&program);
        let own: FxHashSet<Rel> = fixed.iter().map(|(rel, _)| *rel).collect();
        for (rel, rows) in fixed {
            for row in rows {
                let row: Vec<Value> = row.iter().map(|value| machine.values.constant(value)).collect();
                machine.tables[rel].insert(&row);
            }
        }
        let base = |(rel, relation): (Rel, &Relation)| {
            (relation.kind == Kind::Base && !own.contains(&rel)).then(|| Base::new(rel, relation.name.clone()))
        };
        let bases = program.relations.iter().enumerate().filter_map(base).collect();
        let reads = reads_of(&program);
        let mut by_head: FxHashMap<Rel, Vec<usize>> = FxHashMap::default();
        for (at, clause) in program.clauses.iter().enumerate() {
            by_head.entry(clause.head).or_default().push(at);
        }
        let derived = |rel: Rel| {
            let clauses = by_head.remove(&rel)?;
            let triggers = clauses.iter().flat_map(|at| triggers(&program.clauses[*at])).collect();
            Some(Derived { rel, clauses, triggers, plans: FxHashMap::default() })
        };
        let order = components(&reads).into_iter().flatten().filter_map(derived).collect();
        let mut maintained = Maintained {
            machine,
            program,
            bases,
            order,
            kept,
            changed: FxHashMap::default(),
            is_loaded: false,
            bytes: 0,
        };
        maintained.update(facts)?;
        maintained.is_loaded = true;
        maintained.bytes = maintained.machine.values.bytes;
        Ok(maintained)
    }
}

fn renumber(literal: &mut Literal, numbers: &[Rel]) {
    match literal {
        Literal::Positive(Atom { rel, .. }) | Literal::Negative(Atom { rel, .. }) => *rel = numbers[*rel],
        Literal::Aggregate(aggregate) => aggregate.body.iter_mut().for_each(|literal| renumber(literal, numbers)),
        Literal::Compare(..) | Literal::Test { .. } => {}
    }
}

/// Values that nothing names any more may take this much more than at the start.
const GARBAGE: usize = 4 << 20;

impl Maintained {
    /// Whether so much has been forgotten that it is time to start again.
    pub fn is_worn(&self) -> bool {
        self.machine.values.bytes > self.bytes + GARBAGE.max(self.bytes / 4)
    }

    /// The relations of facts that are read.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.bases.iter().map(|base| base.name.as_str())
    }

    fn base(&self, relation: &str) -> Option<&Base> {
        self.bases.iter().find(|base| base.name == relation)
    }

    /// A number that is another one whenever rows of a relation of facts came or went; `None` of what is not read.
    pub fn version(&self, relation: &str) -> Option<u64> {
        self.base(relation).map(|base| base.changes)
    }

    /// Gives the rows of a relation of facts as they were at the last update. Says whether it is one that is read.
    pub fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) -> bool {
        let Some(base) = self.base(relation) else { return false };
        let table = &self.machine.tables[base.rel];
        let mut values: Vec<Constant> = Vec::new();
        for number in (0..table.len()).filter(|number| table.is_live(*number)) {
            values.clear();
            values.extend(table.row(number).iter().map(|value| self.machine.values.get(*value)));
            with_cells(&values, &mut *row);
        }
        true
    }

    /// Mends all rows where facts have changed. After an error nothing is known any more.
    pub fn update(&mut self, facts: &dyn PartedFacts) -> Result<Upkeep, Failure> {
        let mut upkeep = Upkeep::default();
        for (rel, _) in std::mem::take(&mut self.changed) {
            self.machine.tables[rel].bury();
        }
        self.machine.begin();
        for base in &mut self.bases {
            let table = &mut self.machine.tables[base.rel];
            let changed = base.update(table, &mut self.machine.values, facts);
            if !changed.is_empty() {
                table.refresh();
                upkeep.facts.push((base.name.clone(), changed.len()));
                self.changed.insert(base.rel, changed);
            }
        }
        let mut order = std::mem::take(&mut self.order);
        let mended = order.iter_mut().try_for_each(|derived| self.mend(derived, &mut upkeep));
        self.order = order;
        mended.map(|()| upkeep)
    }

    fn mend(&mut self, derived: &mut Derived, upkeep: &mut Upkeep) -> Result<(), Failure> {
        let rel = derived.rel;
        let before = self.machine.tables[rel].len();
        if self.is_loaded {
            if !derived.triggers.iter().any(|trigger| self.changed.contains_key(&trigger.rel())) {
                return Ok(());
            }
            match self.patterns(derived)? {
                Some(patterns) if patterns.is_empty() => return Ok(()),
                Some(patterns) => self.mend_rows(derived, &patterns)?,
                None => self.derive_all(derived)?,
            }
        } else {
            self.derive_all(derived)?;
        }
        let table = &mut self.machine.tables[rel];
        table.refresh();
        let changed = table.changed_since(before);
        if !changed.is_empty() {
            upkeep.derived.push((self.program.relations[rel].name.clone(), changed.len()));
            self.changed.insert(rel, changed);
        }
        Ok(())
    }

    /// Which rows may have changed; `None` where that is most of them.
    fn patterns(&mut self, derived: &mut Derived) -> Result<Option<FxHashSet<Pattern>>, Failure> {
        let limit = PATTERNS.max((self.machine.tables[derived.rel].len() / PART) as usize);
        let mut found: FxHashSet<Pattern> = FxHashSet::default();
        self.machine.tables.iter_mut().for_each(|table| table.see_dying(true));
        let mut outcome = Ok(true);
        for trigger in &mut derived.triggers {
            let Some(changed) = self.changed.get(&trigger.rel()) else { continue };
            outcome = trigger.run(&mut self.machine, changed, limit, &mut found);
            if outcome != Ok(true) {
                break;
            }
        }
        self.machine.tables.iter_mut().for_each(|table| table.see_dying(false));
        outcome.map(|is_whole| is_whole.then_some(found))
    }

    fn derive_all(&mut self, derived: &mut Derived) -> Result<(), Failure> {
        let table = &mut self.machine.tables[derived.rel];
        let live: Vec<u32> = (0..table.len()).filter(|row| table.is_live(*row)).collect();
        live.into_iter().for_each(|row| table.remove(row));
        self.mend_heads(derived, &FxHashSet::from_iter([Pattern::default()]))
    }

    fn mend_rows(&mut self, derived: &mut Derived, patterns: &FxHashSet<Pattern>) -> Result<(), Failure> {
        let table = &mut self.machine.tables[derived.rel];
        for pattern in patterns {
            pattern.rows(table).into_iter().for_each(|row| table.remove(row));
        }
        self.mend_heads(derived, patterns)
    }

    /// Derives the rows that fit a pattern.
    fn mend_heads(&mut self, derived: &mut Derived, patterns: &FxHashSet<Pattern>) -> Result<(), Failure> {
        for at in derived.clauses.clone() {
            let clause = &self.program.clauses[at];
            let mut regs = vec![Value(0); clause.vars.len()];
            for pattern in patterns {
                let Some(bound) = pattern.bind(clause, &mut regs) else { continue };
                let machine = &mut self.machine;
                let steps = derived.plans.entry((at, pattern.columns)).or_insert_with(|| {
                    let needed = clause.args.iter().filter_map(var).collect();
                    let none = FxHashSet::default();
                    let job = Job { body: &clause.body, delta: None, growing: &none, counts: false, needed };
                    machine.plan(&job, bound)
                });
                machine.run(steps, &mut regs, &mut Heads { clause, row: Vec::new() });
                machine.fail()?;
            }
        }
        Ok(())
    }

    /// The rows of a report that came and those that went with the last update.
    pub fn changes(&self, kept: Kept) -> (Vec<RowNumber>, Vec<RowNumber>) {
        let rel = self.kept[kept.0];
        let changed = self.changed.get(&rel).map(Vec::as_slice).unwrap_or_default();
        changed.iter().partition(|row| self.machine.tables[rel].is_live(**row))
    }

    /// The rows of a report.
    pub fn rows(&self, kept: Kept) -> impl Iterator<Item = RowNumber> + '_ {
        let table = &self.machine.tables[self.kept[kept.0]];
        (0..table.len()).filter(|row| table.is_live(*row))
    }

    /// How many rows a report has.
    pub fn count(&self, kept: Kept) -> usize {
        self.machine.tables[self.kept[kept.0]].live()
    }

    /// The values of a row that is there or went with the last update.
    pub fn row(&self, kept: Kept, row: RowNumber) -> Vec<Constant> {
        let table = &self.machine.tables[self.kept[kept.0]];
        table.row(row).iter().map(|value| self.machine.values.get(*value)).collect()
    }

    /// A row as codes, which are the same for equal values as long as these programs are maintained.
    pub fn codes(&self, kept: Kept, row: RowNumber) -> impl Iterator<Item = u32> + '_ {
        self.machine.tables[self.kept[kept.0]].row(row).iter().map(|value| value.0)
    }
}

fn var(term: &Term) -> Option<usize> {
    match term {
        Term::Var(var) => Some(*var),
        Term::Const(_) | Term::Any => None,
    }
}

/// Puts rows into the head's relation.
struct Heads<'c> {
    clause: &'c Clause,
    row: Vec<Value>,
}

impl Sink for Heads<'_> {
    fn solution(&mut self, machine: &mut Machine<'_>, regs: &mut [Value]) -> bool {
        self.row.clear();
        self.row.extend(self.clause.args.iter().map(|term| match term {
            Term::Var(var) => regs[*var],
            Term::Const(value) => *value,
            Term::Any => Value(0),
        }));
        machine.add(self.clause.head, &self.row);
        machine.failure.is_none()
    }
}
