//! Which rows of a head may change when a row of a relation in its body comes or goes.

use super::super::eval::{Failure, Machine, Sink};
use super::super::ir::{Atom, Clause, Literal, Rel, Term, Var};
use super::super::lower::binds;
use super::super::plan::{Job, Step};
use super::super::store::{NONE, Table};
use super::super::value::Value;
use rustc_hash::FxHashSet;

/// Rows of which some columns are known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Pattern {
    /// One bit a column.
    pub(super) columns: u64,
    values: Vec<Value>,
}

impl Pattern {
    fn known(&self) -> Vec<usize> {
        (0..64).filter(|column| self.columns >> column & 1 == 1).collect()
    }

    /// The rows that fit.
    pub(super) fn rows(&self, table: &mut Table) -> Vec<u32> {
        let columns = self.known();
        if columns.is_empty() {
            return (0..table.len()).filter(|row| table.is_live(*row)).collect();
        }
        if columns.len() == table.arity {
            return table.find(&self.values).filter(|row| table.is_live(*row)).into_iter().collect();
        }
        let index = table.index(&columns);
        table.refresh();
        let mut found = Vec::new();
        let mut row = table.first(index, &self.values);
        while row != NONE {
            found.push(row);
            row = table.next(index, row);
        }
        found
    }

    /// Binds the variables of a clause's head; `None` where no row of it fits.
    pub(super) fn bind(&self, clause: &Clause, regs: &mut [Value]) -> Option<FxHashSet<Var>> {
        let mut bound = FxHashSet::default();
        for (column, value) in self.known().into_iter().zip(&self.values) {
            match clause.args.get(column)? {
                Term::Var(var) if bound.insert(*var) => regs[*var] = *value,
                Term::Var(var) if regs[*var] == *value => {}
                Term::Const(known) if known == value => {}
                Term::Any => {}
                _ => return None,
            }
        }
        Some(bound)
    }
}

/// An atom of a clause's body, and what stands around it.
#[derive(Debug)]
pub(super) struct Trigger {
    atom: Atom,
    /// What must hold besides for a row of the atom to matter.
    body: Vec<Literal>,
    head: Vec<Term>,
    vars: usize,
    steps: Option<Vec<Step>>,
    /// The columns of the head that are known then.
    columns: u64,
}

/// One trigger for each atom of a clause, wherever in the body it stands.
pub(super) fn triggers(clause: &Clause) -> Vec<Trigger> {
    let mut found = Vec::new();
    collect(&clause.body, &[], clause, &mut found);
    found
}

/// `around` is what holds outside of these literals.
fn collect(body: &[Literal], around: &[Literal], clause: &Clause, found: &mut Vec<Trigger>) {
    for (at, literal) in body.iter().enumerate() {
        let others = || body.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, literal)| literal);
        let beside = || others().chain(around).filter(|it| !matches!(it, Literal::Negative(_) | Literal::Aggregate(_)));
        match literal {
            Literal::Positive(atom) | Literal::Negative(atom) => {
                found.push(Trigger::new(atom, beside().cloned().collect(), clause));
            }
            Literal::Aggregate(aggregate) => {
                let outside: Vec<Literal> = beside().cloned().collect();
                collect(&aggregate.body, &outside, clause, found);
            }
            Literal::Compare(..) | Literal::Test { .. } => {}
        }
    }
}

impl Trigger {
    fn new(atom: &Atom, beside: Vec<Literal>, clause: &Clause) -> Self {
        // Comparisons stay where all that they need is bound without what was left out.
        let mut bound: FxHashSet<Var> = atom.vars().collect();
        let mut body: Vec<Literal> = Vec::new();
        let (atoms, mut open): (Vec<_>, Vec<_>) = beside.into_iter().partition(|it| matches!(it, Literal::Positive(_)));
        for literal in atoms {
            bound.extend(literal.all_vars());
            body.push(literal);
        }
        loop {
            let is_ready = |it: &Literal, bound: &FxHashSet<Var>| {
                binds(it, bound).is_some() || it.all_vars().iter().all(|var| bound.contains(var))
            };
            let Some(at) = open.iter().position(|it| is_ready(it, &bound)) else { break };
            let literal = open.remove(at);
            bound.extend(literal.all_vars());
            body.push(literal);
        }
        let is_known = |term: &Term| match term {
            Term::Var(var) => bound.contains(var),
            Term::Const(_) => true,
            Term::Any => false,
        };
        let known = clause.args.iter().enumerate().filter(|(column, term)| *column < 64 && is_known(term));
        let columns = known.fold(0, |columns, (column, _)| columns | 1 << column);
        Self { atom: atom.clone(), body, head: clause.args.clone(), vars: clause.vars.len(), steps: None, columns }
    }

    pub(super) fn rel(&self) -> Rel {
        self.atom.rel
    }

    /// Adds the rows that may change with these. False where they are more than the limit.
    pub(super) fn run(
        &mut self,
        machine: &mut Machine<'_>,
        changed: &[u32],
        limit: usize,
        found: &mut FxHashSet<Pattern>,
    ) -> Result<bool, Failure> {
        if self.columns == 0 {
            return Ok(changed.is_empty());
        }
        if self.steps.is_none() {
            let head = self.head.iter().enumerate().filter(|(column, _)| self.columns >> column & 1 == 1);
            let needed = head.filter_map(|(_, term)| super::var(term)).collect();
            let none = FxHashSet::default();
            let job = Job { body: &self.body, delta: None, growing: &none, counts: false, needed };
            self.steps = Some(machine.plan(&job, self.atom.vars().collect()));
        }
        let mut regs = vec![Value(0); self.vars];
        let mut sink = Patterns { head: &self.head, columns: self.columns, limit, found };
        for row in changed {
            if !bind(&self.atom, machine.tables[self.atom.rel].row(*row), &mut regs) {
                continue;
            }
            let is_whole = machine.run(self.steps.as_deref().unwrap_or_default(), &mut regs, &mut sink);
            machine.fail()?;
            if !is_whole {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn bind(atom: &Atom, row: &[Value], regs: &mut [Value]) -> bool {
    let mut bound: Vec<Var> = Vec::with_capacity(row.len());
    atom.args.iter().zip(row).all(|(term, value)| match term {
        Term::Var(var) if bound.contains(var) => regs[*var] == *value,
        Term::Var(var) => {
            bound.push(*var);
            regs[*var] = *value;
            true
        }
        Term::Const(known) => known == value,
        Term::Any => true,
    })
}

struct Patterns<'t> {
    head: &'t [Term],
    columns: u64,
    limit: usize,
    found: &'t mut FxHashSet<Pattern>,
}

impl Sink for Patterns<'_> {
    fn solution(&mut self, _: &mut Machine<'_>, regs: &mut [Value]) -> bool {
        let head = self.head.iter().enumerate().filter(|(column, _)| self.columns >> column & 1 == 1);
        let values = head.map(|(_, term)| match term {
            Term::Var(var) => regs[*var],
            Term::Const(value) => *value,
            Term::Any => Value(0),
        });
        self.found.insert(Pattern { columns: self.columns, values: values.collect() });
        self.found.len() <= self.limit
    }
}
