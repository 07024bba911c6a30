//! In which order the literals of a clause are joined.

use super::ast::{AggregateKind, Compare};
use super::functions::Test;
use super::ir::{Atom, Expr, Literal, Rel, Term, Var};
use super::lower::binds;
use super::value::Value;
use regex::Regex;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Which rows of a relation a scan sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// All that were there when the round began.
    All,
    /// Those that the last round added.
    New,
    /// Those before them.
    Old,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Var(Var),
    Const(Value),
}

#[derive(Debug)]
pub(super) enum Step {
    Scan(Scan),
    /// No row is like this.
    Absent {
        rel: Rel,
        columns: Vec<usize>,
        key: Vec<Source>,
        index: usize,
    },
    Filter(Compare, Expr, Expr),
    Let(Var, Expr),
    Test {
        negated: bool,
        test: Test,
        text: Expr,
        part: Expr,
        regex: Option<Arc<Regex>>,
    },
    Aggregate {
        out: Var,
        is_bound: bool,
        kind: AggregateKind,
        value: Option<Expr>,
        outer: Vec<Var>,
        steps: Vec<Step>,
        memo: usize,
    },
}

#[derive(Debug)]
pub(super) struct Scan {
    pub rel: Rel,
    pub range: Range,
    /// The columns that are known, and their values; `index` is on these columns.
    pub columns: Vec<usize>,
    pub key: Vec<Source>,
    pub index: usize,
    pub binds: Vec<(usize, Var)>,
    /// Columns that must equal a variable bound in the same row.
    pub same: Vec<(usize, Var)>,
    /// One row is as good as many.
    pub exists: bool,
}

/// What the planner asks of the tables.
pub(super) trait Sizes {
    /// How many rows agree in the known columns, about.
    fn estimate(&mut self, atom: &Atom, known: &[usize]) -> f64;
}

/// What is planned.
pub(super) struct Job<'a> {
    pub body: &'a [Literal],
    /// The literal whose new rows drive the clause.
    pub delta: Option<usize>,
    /// Relations that grow while the clause runs.
    pub growing: &'a FxHashSet<Rel>,
    /// Each row counts, also where no later step asks for what it binds.
    pub counts: bool,
    pub needed: Vec<Var>,
}

/// The columns of an atom that are known where these variables are bound.
pub(super) fn known(atom: &Atom, bound: &FxHashSet<Var>) -> Vec<usize> {
    let is_known = |term: &Term| match term {
        Term::Var(var) => bound.contains(var),
        Term::Const(_) => true,
        Term::Any => false,
    };
    atom.args.iter().enumerate().filter(|(_, term)| is_known(term)).map(|(at, _)| at).collect()
}

/// Whether a literal can be decided as soon as these variables are bound, without scanning.
fn is_ready(literal: &Literal, bound: &FxHashSet<Var>) -> bool {
    match literal {
        Literal::Positive(_) | Literal::Aggregate(_) => false,
        Literal::Compare(..) if binds(literal, bound).is_some() => true,
        other => other.all_vars().iter().all(|var| bound.contains(var)),
    }
}

/// The order of a body's literals, by number. Decisions come as early as they can, then the atom that
/// is expected to yield the fewest rows, and aggregates when nothing else is left to bind their groups.
pub(super) fn order(
    body: &[Literal],
    mut bound: FxHashSet<Var>,
    first: Option<usize>,
    sizes: &mut dyn Sizes,
) -> Vec<usize> {
    let mut left: Vec<usize> = (0..body.len()).collect();
    let mut order = Vec::with_capacity(body.len());
    while !left.is_empty() {
        let ready = left.iter().position(|at| is_ready(&body[*at], &bound));
        let first = first.filter(|first| left.contains(first));
        let chosen = ready
            .or_else(|| left.iter().position(|at| Some(*at) == first))
            .or_else(|| cheapest(body, &left, &bound, sizes))
            .or_else(|| left.iter().position(|at| binds(&body[*at], &bound).is_some()))
            // What is never ready was refused by the checks.
            .unwrap_or(0);
        let at = left.remove(chosen);
        match &body[at] {
            Literal::Positive(atom) => bound.extend(atom.vars()),
            other => bound.extend(binds(other, &bound)),
        }
        order.push(at);
    }
    order
}

fn cheapest(body: &[Literal], left: &[usize], bound: &FxHashSet<Var>, sizes: &mut dyn Sizes) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (position, at) in left.iter().enumerate() {
        let Literal::Positive(atom) = &body[*at] else { continue };
        let cost = sizes.estimate(atom, &known(atom, bound));
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, position));
        }
    }
    best.map(|(_, position)| position)
}

/// The steps of a body. `index` gives the number of an index on columns of a relation.
pub(super) fn plan(
    job: &Job<'_>,
    bound: FxHashSet<Var>,
    sizes: &mut dyn Sizes,
    index: &mut dyn FnMut(Rel, &[usize]) -> usize,
    memos: &mut usize,
) -> Vec<Step> {
    let order = order(job.body, bound.clone(), job.delta, sizes);
    let mut bound = bound;
    let mut steps = Vec::with_capacity(order.len());
    for (place, at) in order.iter().copied().enumerate() {
        let literal = &job.body[at];
        match literal {
            Literal::Positive(atom) => {
                let columns = known(atom, &bound);
                let range = match job.delta {
                    Some(delta) if delta == at => Range::New,
                    Some(delta) if at < delta && job.growing.contains(&atom.rel) => Range::Old,
                    _ => Range::All,
                };
                let mut own: FxHashSet<Var> = FxHashSet::default();
                let (mut new, mut same) = (Vec::new(), Vec::new());
                for (column, term) in atom.args.iter().enumerate() {
                    if let Term::Var(var) = term
                        && !bound.contains(var)
                    {
                        if own.insert(*var) { new.push((column, *var)) } else { same.push((column, *var)) }
                    }
                }
                let later = order[place + 1..].iter().flat_map(|at| job.body[*at].all_vars());
                let wanted: FxHashSet<Var> = later.chain(job.needed.iter().copied()).collect();
                let exists = !job.counts && new.iter().all(|(_, var)| !wanted.contains(var));
                let is_whole = columns.len() == atom.args.len() && !job.growing.contains(&atom.rel);
                let number = if columns.is_empty() || is_whole { usize::MAX } else { index(atom.rel, &columns) };
                let key = columns.iter().map(|column| source(atom.args[*column])).collect();
                bound.extend(own);
                let rel = atom.rel;
                steps.push(Step::Scan(Scan { rel, range, columns, key, index: number, binds: new, same, exists }));
            }
            Literal::Negative(atom) => {
                let columns = known(atom, &bound);
                let is_whole = columns.len() == atom.args.len();
                let number = if columns.is_empty() || is_whole { usize::MAX } else { index(atom.rel, &columns) };
                let key = columns.iter().map(|column| source(atom.args[*column])).collect();
                steps.push(Step::Absent { rel: atom.rel, columns, key, index: number });
            }
            Literal::Compare(op, left, right) => match binds(literal, &bound) {
                Some(var) => {
                    let value = if left.as_var() == Some(var) { right } else { left };
                    bound.insert(var);
                    steps.push(Step::Let(var, value.clone()));
                }
                None => steps.push(Step::Filter(*op, left.clone(), right.clone())),
            },
            Literal::Test { negated, test, text, part, regex } => steps.push(Step::Test {
                negated: *negated,
                test: *test,
                text: text.clone(),
                part: part.clone(),
                regex: regex.clone(),
            }),
            Literal::Aggregate(aggregate) => {
                let mut needed = Vec::new();
                aggregate.value.iter().for_each(|value| value.vars(&mut needed));
                let inner = Job { body: &aggregate.body, delta: None, growing: job.growing, counts: true, needed };
                let outer: FxHashSet<Var> = aggregate.outer.iter().copied().collect();
                let inner = plan(&inner, outer, sizes, index, memos);
                let is_bound = !bound.insert(aggregate.out);
                *memos += 1;
                steps.push(Step::Aggregate {
                    out: aggregate.out,
                    is_bound,
                    kind: aggregate.kind,
                    value: aggregate.value.clone(),
                    outer: aggregate.outer.clone(),
                    steps: inner,
                    memo: *memos - 1,
                });
            }
        }
    }
    steps
}

fn source(term: Term) -> Source {
    match term {
        Term::Var(var) => Source::Var(var),
        Term::Const(value) => Source::Const(value),
        // Only known columns are asked for.
        Term::Any => Source::Const(Value(0)),
    }
}

/// The values of a key. Those of few columns need no memory.
pub(super) enum Keyed<'k> {
    Short(&'k [Value]),
    Long(Vec<Value>),
}

impl std::ops::Deref for Keyed<'_> {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        match self {
            Self::Short(values) => values,
            Self::Long(values) => values,
        }
    }
}

pub(super) fn keyed<'k>(key: &[Source], regs: &[Value], short: &'k mut [Value; 8]) -> Keyed<'k> {
    let value = |source: &Source| match source {
        Source::Var(var) => regs[*var],
        Source::Const(value) => *value,
    };
    if key.len() > short.len() {
        return Keyed::Long(key.iter().map(value).collect());
    }
    for (slot, source) in short.iter_mut().zip(key) {
        *slot = value(source);
    }
    Keyed::Short(&short[..key.len()])
}

/// The relations of which whole rows are looked up.
pub(super) fn looked_up(steps: &[Step], found: &mut Vec<Rel>) {
    for step in steps {
        match step {
            Step::Scan(Scan { rel, columns, index: usize::MAX, .. })
            | Step::Absent { rel, columns, index: usize::MAX, .. }
                if !columns.is_empty() =>
            {
                found.push(*rel);
            }
            Step::Aggregate { steps, .. } => looked_up(steps, found),
            _ => {}
        }
    }
}

/// Puts the numbers of indexes where their places in a list stand.
pub(super) fn renumber(steps: &mut [Step], numbers: &[usize]) {
    let of = |index: &mut usize| {
        if let Some(number) = numbers.get(*index) {
            *index = *number;
        }
    };
    for step in steps {
        match step {
            Step::Scan(scan) => of(&mut scan.index),
            Step::Absent { index, .. } => of(index),
            Step::Aggregate { steps, .. } => renumber(steps, numbers),
            _ => {}
        }
    }
}
