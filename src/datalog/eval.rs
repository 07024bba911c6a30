//! Semi-naive evaluation: group by group, round by round, each round from what the last one added.

use super::aggregate::Collect;
use super::ast::Operator;
use super::functions::calculate;
use super::ir::{Clause, Expr, Kind, Literal, Program, Rel, Term, Var};
use super::loaded::Loaded;
use super::plan::{Job, Range, Scan, Step, keyed, looked_up, plan, renumber};
use super::schema::{Cell, Facts};
use super::store::{NONE, Table};
use super::strata::{components, needed, reads_of};
use super::value::{Constant, Value, Values};
use rustc_hash::{FxHashMap, FxHashSet};

/// Why somebody outside ends an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Timeout,
    Interrupted,
}

/// What an evaluation may cost.
pub struct Limits<'a> {
    /// Bytes of rows and new texts, about.
    pub memory: usize,
    /// Asked now and then whether to go on.
    pub poll: &'a (dyn Fn() -> Option<Stop> + Sync),
}

impl std::fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("memory", &self.memory).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    Stopped(Stop),
    /// The answer needs more memory than it may take.
    Memory(usize),
    /// A number of more than 28 digits.
    Overflow,
}

/// Evaluates all that the answer of a program needs.
pub(super) fn evaluate<'a>(
    program: &Program,
    values: Values,
    facts: &dyn Facts,
    limits: &'a Limits<'a>,
    loaded: &mut Loaded,
) -> Result<Machine<'a>, Failure> {
    let mut machine = Machine::new(program, values, limits);
    let reads = reads_of(program);
    let needed = needed(program, &reads);
    for (rel, relation) in program.relations.iter().enumerate() {
        if needed[rel] && relation.kind == Kind::Base {
            match loaded.take(&relation.name, relation.columns.len()) {
                Some(table) => machine.tables[rel] = table,
                None => machine.load(rel, &relation.name, facts)?,
            }
        }
    }
    let mut by_head: FxHashMap<Rel, Vec<&Clause>> = FxHashMap::default();
    for clause in &program.clauses {
        by_head.entry(clause.head).or_default().push(clause);
    }
    for group in components(&reads) {
        let clauses: Vec<&Clause> = group
            .iter()
            .filter(|rel| needed[**rel])
            .flat_map(|rel| by_head.get(rel).into_iter().flatten().copied())
            .collect();
        if !clauses.is_empty() {
            machine.fixpoint(&clauses, &group.iter().copied().collect(), None)?;
        }
    }
    Ok(machine)
}

pub(super) struct Machine<'a> {
    pub tables: Vec<Table>,
    pub values: Values,
    limits: &'a Limits<'a>,
    /// Rows of each relation before the last round, and before this one.
    floor: Vec<u32>,
    pub ceiling: Vec<u32>,
    /// Distinct values of columns, where somebody asked.
    pub distinct: FxHashMap<(Rel, usize), (u32, f64)>,
    /// How much may be done until somebody is asked whether to go on.
    budget: usize,
    memory: usize,
    pub failure: Option<Failure>,
    memos: Vec<FxHashMap<Vec<Value>, Option<Value>>>,
}

impl std::fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("tables", &self.tables.len()).finish_non_exhaustive()
    }
}

/// What is done with each solution of a plan; false ends the search.
pub(super) trait Sink {
    fn solution(&mut self, machine: &mut Machine<'_>, regs: &mut [Value]) -> bool;
}

/// Whether a row may come into a relation.
pub(super) type Admit = dyn Fn(&Machine<'_>, Rel, &[Value]) -> bool;

/// Puts the head's row into its relation.
struct Emit<'c, 'f> {
    rel: Rel,
    args: &'c [Term],
    row: Vec<Value>,
    admit: Option<&'f Admit>,
}

impl Sink for Emit<'_, '_> {
    fn solution(&mut self, machine: &mut Machine<'_>, regs: &mut [Value]) -> bool {
        self.row.clear();
        self.row.extend(self.args.iter().map(|term| match term {
            Term::Var(var) => regs[*var],
            Term::Const(value) => *value,
            Term::Any => Value(0),
        }));
        if self.admit.is_none_or(|admit| admit(machine, self.rel, &self.row)) {
            machine.add(self.rel, &self.row);
        }
        machine.failure.is_none()
    }
}

/// A clause as it is run in one round.
struct Runnable<'c> {
    clause: &'c Clause,
    steps: Vec<Step>,
    /// The relation whose new rows it starts from.
    delta: Option<Rel>,
}

/// Bytes that a row takes beside its values: in the table of rows and in about two indexes.
const ROW_OVERHEAD: usize = 28;
/// Rows that are looked at between two polls.
const BUDGET: usize = 1 << 14;
/// How many rows take as long as a round.
const ROUND: usize = 8;
/// Letters that take as long as a row.
const LETTERS: usize = 64;
/// Bytes that a remembered aggregate takes beside its group.
const MEMO_OVERHEAD: usize = 80;

impl<'a> Machine<'a> {
    pub(super) fn new(program: &Program, values: Values, limits: &'a Limits<'a>) -> Self {
        let tables: Vec<Table> = program.relations.iter().map(|relation| Table::new(relation.columns.len())).collect();
        let count = tables.len();
        Self {
            tables,
            values,
            limits,
            floor: vec![0; count],
            ceiling: vec![u32::MAX; count],
            distinct: FxHashMap::default(),
            budget: BUDGET,
            memory: 0,
            failure: None,
            memos: Vec::new(),
        }
    }

    /// Makes all tables ones whose rows can go.
    pub(super) fn maintain(&mut self, program: &Program) {
        self.tables = program.relations.iter().map(|relation| Table::maintained(relation.columns.len())).collect();
    }

    /// Begins to mend the rows: what groups came to is known no more, and what was taken is taken.
    pub(super) fn begin(&mut self) {
        self.memos.iter_mut().for_each(FxHashMap::clear);
        self.memory = 0;
    }

    /// Adds an empty relation.
    pub(super) fn new_table(&mut self, arity: usize) -> Rel {
        self.tables.push(Table::new(arity));
        self.floor.push(0);
        self.ceiling.push(u32::MAX);
        self.tables.len() - 1
    }

    fn load(&mut self, rel: Rel, name: &str, facts: &dyn Facts) -> Result<(), Failure> {
        let mut row: Vec<Value> = Vec::new();
        let (values, table) = (&mut self.values, &mut self.tables[rel]);
        let mut bytes = 0;
        let limit = self.limits.memory;
        facts.visit(name, &mut |cells| {
            if bytes + values.bytes > limit || cells.len() != table.arity {
                return;
            }
            // Rows come file by file, so a value is often that of the row before.
            row.resize(cells.len(), Value(0));
            for (slot, cell) in row.iter_mut().zip(cells) {
                *slot = match cell {
                    Cell::Text(text) if values.as_text(*slot).is_some_and(|before| **before == **text) => *slot,
                    Cell::Text(text) => values.text(text),
                    Cell::Int(number) => values.int(*number),
                    Cell::Decimal(_) => values.constant(&cell.constant()),
                };
            }
            table.append(&row);
            bytes += row.len() * 4 + ROW_OVERHEAD;
        });
        table.note_loaded();
        self.grow(bytes);
        self.fail()?;
        (self.limits.poll)().map_or(Ok(()), |stop| Err(Failure::Stopped(stop)))
    }

    pub(super) fn add(&mut self, rel: Rel, row: &[Value]) {
        if self.tables[rel].insert(row) {
            self.grow(row.len() * 4 + ROW_OVERHEAD);
        }
    }

    pub(super) fn grow(&mut self, bytes: usize) {
        self.memory += bytes;
        if self.memory.saturating_add(self.values.bytes) > self.limits.memory {
            self.failure = Some(Failure::Memory(self.limits.memory));
        }
    }

    fn tick(&mut self) -> bool {
        self.work(1)
    }

    /// Notes that so much was done; false where it is to end.
    fn work(&mut self, amount: usize) -> bool {
        match self.budget.checked_sub(amount) {
            Some(left) => self.budget = left,
            None => {
                self.budget = BUDGET;
                if let Some(stop) = (self.limits.poll)() {
                    self.failure = Some(Failure::Stopped(stop));
                }
            }
        }
        self.failure.is_none()
    }

    pub(super) fn fail(&mut self) -> Result<(), Failure> {
        self.failure.take().map_or(Ok(()), Err)
    }

    pub(super) fn compare_rows(&self, left: &[Value], right: &[Value]) -> std::cmp::Ordering {
        let columns = left.iter().zip(right).map(|(left, right)| self.values.compare(*left, *right));
        columns.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    }

    /// The steps of a body, with the indexes that they need.
    pub(super) fn plan(&mut self, job: &Job<'_>, bound: FxHashSet<Var>) -> Vec<Step> {
        let mut wanted: Vec<(Rel, Vec<usize>)> = Vec::new();
        let mut memos = self.memos.len();
        let mut index = |rel: Rel, columns: &[usize]| {
            wanted.push((rel, columns.to_vec()));
            wanted.len() - 1
        };
        let mut steps = plan(job, bound, self, &mut index, &mut memos);
        self.memos.resize_with(memos, FxHashMap::default);
        let numbers: Vec<usize> = wanted.iter().map(|(rel, columns)| self.tables[*rel].index(columns)).collect();
        let changed: FxHashSet<Rel> = wanted.iter().map(|(rel, _)| *rel).collect();
        changed.into_iter().for_each(|rel| self.tables[rel].refresh());
        renumber(&mut steps, &numbers);
        let mut whole = Vec::new();
        looked_up(&steps, &mut whole);
        whole.into_iter().for_each(|rel| self.tables[rel].settle());
        steps
    }

    /// Derives all rows of a group of relations. `admit` may refuse rows.
    pub(super) fn fixpoint(
        &mut self,
        clauses: &[&Clause],
        growing: &FxHashSet<Rel>,
        admit: Option<&Admit>,
    ) -> Result<Vec<Vec<(Rel, u32)>>, Failure> {
        let mut members: Vec<Rel> = growing.iter().copied().collect();
        members.sort_unstable();
        let mut once = Vec::new();
        let mut repeated = Vec::new();
        for clause in clauses {
            let drivers: Vec<(usize, Rel)> = clause
                .body
                .iter()
                .enumerate()
                .filter_map(|(at, literal)| match literal {
                    Literal::Positive(atom) if growing.contains(&atom.rel) => Some((at, atom.rel)),
                    _ => None,
                })
                .collect();
            if drivers.is_empty() {
                once.push(self.runnable(clause, None, growing));
            }
            for (at, rel) in drivers {
                repeated.push(self.runnable(clause, Some((at, rel)), growing));
            }
        }
        let mut history: Vec<Vec<(Rel, u32)>> = Vec::new();
        for rel in &members {
            (self.floor[*rel], self.ceiling[*rel]) = (0, self.tables[*rel].len());
        }
        for runnable in &once {
            self.execute(runnable, admit)?;
        }
        loop {
            let mut grew = false;
            for rel in &members {
                let now = self.tables[*rel].len();
                // What the first round found, and facts that were there before it, are all new.
                self.floor[*rel] = if history.is_empty() { 0 } else { self.ceiling[*rel] };
                grew |= now > self.floor[*rel];
                self.ceiling[*rel] = now;
                self.tables[*rel].refresh();
            }
            history.push(members.iter().map(|rel| (*rel, self.ceiling[*rel])).collect());
            // Rounds that find one row each are dear in time and are remembered.
            self.grow(members.len() * size_of::<(Rel, u32)>() + size_of::<Vec<(Rel, u32)>>());
            self.work(ROUND);
            self.fail()?;
            if !grew || repeated.is_empty() {
                break;
            }
            for runnable in &repeated {
                let is_idle = runnable.delta.is_some_and(|rel| self.floor[rel] == self.ceiling[rel]);
                if !is_idle {
                    self.execute(runnable, admit)?;
                }
            }
        }
        for rel in &members {
            self.ceiling[*rel] = u32::MAX;
        }
        Ok(history)
    }

    fn runnable<'c>(
        &mut self,
        clause: &'c Clause,
        delta: Option<(usize, Rel)>,
        growing: &FxHashSet<Rel>,
    ) -> Runnable<'c> {
        let needed =
            clause.args.iter().filter_map(|term| if let Term::Var(var) = term { Some(*var) } else { None }).collect();
        let job = Job { body: &clause.body, delta: delta.map(|(at, _)| at), growing, counts: false, needed };
        let steps = self.plan(&job, FxHashSet::default());
        Runnable { clause, steps, delta: delta.map(|(_, rel)| rel) }
    }

    fn execute(&mut self, runnable: &Runnable<'_>, admit: Option<&Admit>) -> Result<(), Failure> {
        let clause = runnable.clause;
        let mut regs = vec![Value(0); clause.vars.len()];
        let row = Vec::with_capacity(clause.args.len());
        let mut emit = Emit { rel: clause.head, args: &clause.args, row, admit };
        self.run(&runnable.steps, &mut regs, &mut emit);
        self.fail()
    }

    /// Finds the solutions of the steps; false when the sink has seen enough.
    pub(super) fn run<S: Sink>(&mut self, steps: &[Step], regs: &mut [Value], sink: &mut S) -> bool {
        let Some((step, rest)) = steps.split_first() else { return sink.solution(self, regs) };
        match step {
            Step::Scan(scan) => self.scan(scan, rest, regs, sink),
            Step::Absent { rel, columns, key, index } => {
                let found = if columns.is_empty() {
                    self.tables[*rel].has_any()
                } else {
                    let mut values = [Value(0); 8];
                    let key = keyed(key, regs, &mut values);
                    match *index {
                        usize::MAX => self.tables[*rel].contains(&key),
                        index => self.tables[*rel].first(index, &key) != NONE,
                    }
                };
                found || self.run(rest, regs, sink)
            }
            Step::Filter(op, left, right) => {
                let (Some(left), Some(right)) = (self.eval(left, regs), self.eval(right, regs)) else {
                    return self.failure.is_none();
                };
                !op.holds(self.values.compare(left, right)) || self.run(rest, regs, sink)
            }
            Step::Let(var, expr) => {
                let Some(value) = self.eval(expr, regs) else { return self.failure.is_none() };
                regs[*var] = value;
                self.run(rest, regs, sink)
            }
            Step::Test { negated, test, text, part, regex } => {
                let (Some(text), Some(part)) = (self.eval(text, regs), self.eval(part, regs)) else {
                    return self.failure.is_none();
                };
                let mut letters = 0;
                let holds = match (self.values.as_text(text), self.values.as_text(part)) {
                    (Some(text), Some(part)) => {
                        letters = text.len();
                        test.holds(text, part, regex.as_deref())
                    }
                    _ => false,
                };
                if !self.work(1 + letters / LETTERS) {
                    return false;
                }
                holds == *negated || self.run(rest, regs, sink)
            }
            Step::Aggregate { out, is_bound, kind, value, outer, steps, memo } => {
                let group: Vec<Value> = outer.iter().map(|var| regs[*var]).collect();
                let result = match self.memos[*memo].get(&group) {
                    Some(known) => *known,
                    None => {
                        let mut collect = Collect::new(*kind, value.as_ref());
                        let before = regs[*out];
                        self.run(steps, regs, &mut collect);
                        regs[*out] = before;
                        if self.failure.is_some() {
                            return false;
                        }
                        let result = collect.result(&mut self.values);
                        self.grow(group.len() * 4 + MEMO_OVERHEAD);
                        self.memos[*memo].insert(group, result);
                        result
                    }
                };
                let Some(result) = result else { return true };
                if *is_bound {
                    return result != regs[*out] || self.run(rest, regs, sink);
                }
                regs[*out] = result;
                self.run(rest, regs, sink)
            }
        }
    }

    fn scan<S: Sink>(&mut self, scan: &Scan, rest: &[Step], regs: &mut [Value], sink: &mut S) -> bool {
        let (low, high) = match scan.range {
            Range::All => (0, self.ceiling[scan.rel]),
            Range::New => (self.floor[scan.rel], self.ceiling[scan.rel]),
            Range::Old => (0, self.floor[scan.rel]),
        };
        let high = high.min(self.tables[scan.rel].len());
        if scan.columns.is_empty() {
            for row in low..high {
                if !self.tick() {
                    return false;
                }
                if self.tables[scan.rel].is_seen(row) && self.take(scan, row, regs) {
                    if !self.run(rest, regs, sink) {
                        return false;
                    }
                    if scan.exists {
                        break;
                    }
                }
            }
            return true;
        }
        let mut values = [Value(0); 8];
        let key = keyed(&scan.key, regs, &mut values);
        if scan.index == usize::MAX {
            return !self.tables[scan.rel].contains(&key) || self.run(rest, regs, sink);
        }
        let mut row = self.tables[scan.rel].first(scan.index, &key);
        while row != NONE && row >= low {
            if !self.tick() {
                return false;
            }
            if row < high && self.take(scan, row, regs) {
                if !self.run(rest, regs, sink) {
                    return false;
                }
                if scan.exists {
                    break;
                }
            }
            row = self.tables[scan.rel].next(scan.index, row);
        }
        true
    }

    /// Binds what the row gives; false where a repeated variable differs.
    fn take(&self, scan: &Scan, row: u32, regs: &mut [Value]) -> bool {
        let table = &self.tables[scan.rel];
        for (column, var) in &scan.binds {
            regs[*var] = table.get(row, *column);
        }
        scan.same.iter().all(|(column, var)| regs[*var] == table.get(row, *column))
    }

    pub(super) fn eval(&mut self, expr: &Expr, regs: &[Value]) -> Option<Value> {
        match expr {
            Expr::Term(Term::Var(var)) => Some(regs[*var]),
            Expr::Term(Term::Const(value)) => Some(*value),
            Expr::Term(Term::Any) => None,
            Expr::Call(function, args) => {
                let mut constants = Vec::with_capacity(args.len());
                for arg in args {
                    let value = self.eval(arg, regs)?;
                    constants.push(self.values.get(value));
                }
                let result = function.apply(&constants)?;
                let letters = constants.iter().chain([&result]).map(|constant| match constant {
                    Constant::Text(text) => text.len(),
                    _ => 0,
                });
                let letters: usize = letters.sum();
                self.work(1 + letters / LETTERS);
                Some(self.intern(&result))
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.eval(left, regs)?, self.eval(right, regs)?);
                self.binary(*operator, left, right)
            }
        }
    }

    fn intern(&mut self, constant: &Constant) -> Value {
        let value = self.values.constant(constant);
        self.grow(0);
        value
    }

    fn binary(&mut self, operator: Operator, left: Value, right: Value) -> Option<Value> {
        match calculate(operator, &self.values.get(left), &self.values.get(right)) {
            Ok(result) => result.map(|result| self.intern(&result)),
            Err(_) => {
                self.failure = Some(Failure::Overflow);
                None
            }
        }
    }
}
