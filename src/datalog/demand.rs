//! Rows that nobody asks for are not derived. A derived relation that is read with known values gets a
//! copy that holds what these values ask for, and a relation of demands that says which those are
//! (magic sets). What is negated or aggregated must be whole, at least for the values it is asked with.

use super::ir::{Aggregate, Atom, Clause, Kind, Literal, Program, Rel, Relation, Term, Var};
use super::lower::binds;
use super::plan::{Sizes, known, order};
use rustc_hash::{FxHashMap, FxHashSet};

/// A copy of a relation: of which one, by which columns it is asked, and for whom. Copies for
/// different readers are kept apart, so that a demand never leads through a negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    rel: Rel,
    columns: u64,
    reader: usize,
}

#[derive(Debug, Clone, Copy)]
struct Copied {
    rel: Rel,
    demand: Rel,
}

/// Rewrites a program so that it derives what its answer needs.
pub(super) fn transform(program: &Program) -> Program {
    let mut by_head: FxHashMap<Rel, Vec<usize>> = FxHashMap::default();
    for (at, clause) in program.clauses.iter().enumerate() {
        by_head.entry(clause.head).or_default().push(at);
    }
    let closures: FxHashMap<Rel, Closure> =
        by_head.iter().filter_map(|(rel, clauses)| Some((*rel, closure(program, *rel, clauses)?))).collect();
    let mut whole: FxHashSet<Rel> = program.answers.iter().copied().collect();
    // What is found to be needed whole makes copies of it useless, so it starts again.
    loop {
        let mut transform = Transform {
            program,
            by_head: &by_head,
            closures: &closures,
            whole: whole.clone(),
            relations: program.relations.clone(),
            clauses: Vec::new(),
            copies: FxHashMap::default(),
            queue: Vec::new(),
            readers: program.relations.len(),
        };
        transform.run();
        if transform.whole.len() == whole.len() {
            let (relations, clauses) = (transform.relations, transform.clauses);
            return Program { relations, clauses, answers: program.answers.clone() };
        }
        whole = transform.whole;
    }
}

struct Transform<'p> {
    program: &'p Program,
    by_head: &'p FxHashMap<Rel, Vec<usize>>,
    closures: &'p FxHashMap<Rel, Closure>,
    whole: FxHashSet<Rel>,
    relations: Vec<Relation>,
    clauses: Vec<Clause>,
    copies: FxHashMap<Key, Copied>,
    queue: Vec<(Key, Copied)>,
    /// The numbers given to readers so far; those of whole relations are their own.
    readers: usize,
}

/// What stands before a literal.
#[derive(Clone)]
struct Prefix {
    literals: Vec<Literal>,
    bound: FxHashSet<Var>,
    /// Of these, what was known before the body began.
    given: FxHashSet<Var>,
    /// It reads facts alone.
    is_base: bool,
}

impl Transform<'_> {
    fn run(&mut self) {
        let mut done: FxHashSet<Rel> = FxHashSet::default();
        loop {
            let mut open: Vec<Rel> = self.whole.iter().copied().filter(|rel| !done.contains(rel)).collect();
            open.sort_unstable();
            for rel in &open {
                done.insert(*rel);
                for clause in self.clauses_of(*rel, 0) {
                    self.rewrite(clause, None, *rel);
                }
            }
            let Some((key, copied)) = self.queue.pop() else {
                if open.is_empty() {
                    return;
                }
                continue;
            };
            for clause in self.clauses_of(key.rel, key.columns) {
                self.rewrite(clause, Some((key, copied)), key.reader);
            }
        }
    }

    /// A relation's clauses, in the form that suits the columns it is asked by.
    fn clauses_of(&self, rel: Rel, columns: u64) -> Vec<Clause> {
        if let Some(closure) = self.closures.get(&rel) {
            let exit = self.program.clauses[closure.exit].clone();
            return vec![exit, closure.step(rel, columns == 0b10, &self.program.clauses[closure.recursive])];
        }
        let all = self.by_head.get(&rel).map(Vec::as_slice).unwrap_or_default();
        all.iter().map(|at| self.program.clauses[*at].clone()).collect()
    }

    fn rewrite(&mut self, mut clause: Clause, copy: Option<(Key, Copied)>, reader: usize) {
        let none = FxHashSet::default;
        let mut prefix = Prefix { literals: Vec::new(), bound: none(), given: none(), is_base: copy.is_none() };
        let mut guard = None;
        if let Some((key, copied)) = copy {
            let args: Vec<Term> = masked(&clause.args, key.columns);
            prefix
                .bound
                .extend(args.iter().filter_map(|term| if let Term::Var(var) = term { Some(*var) } else { None }));
            prefix.given = prefix.bound.clone();
            let atom = Atom { rel: copied.demand, args };
            prefix.literals.push(Literal::Positive(atom.clone()));
            guard = Some((atom, copied.rel, key.columns));
            clause.head = copied.rel;
        }
        let own = copy.map(|(key, _)| (key.rel, key.columns));
        self.body(&mut clause.body, prefix, &clause.vars, reader, own);
        if let Some((atom, own, columns)) = guard {
            // A row of the same copy with the same known values was asked for, and so is this one.
            let implied = clause.body.iter().any(|literal| {
                matches!(literal, Literal::Positive(other) if other.rel == own && masked(&other.args, columns) == atom.args)
            });
            if !implied {
                clause.body.insert(0, Literal::Positive(atom));
            }
        }
        self.clauses.push(clause);
    }

    /// Replaces what the literals read, in the order in which they will bind each other.
    fn body(
        &mut self,
        body: &mut [Literal],
        mut prefix: Prefix,
        vars: &[String],
        reader: usize,
        own: Option<(Rel, u64)>,
    ) {
        let mut guess = Guess { relations: &self.program.relations, own };
        let order = order(body, prefix.bound.clone(), None, &mut guess);
        for at in order {
            match &mut body[at] {
                Literal::Positive(atom) => {
                    let is_derived = self.is_derived(atom.rel);
                    if is_derived {
                        self.positive(atom, &prefix, vars, reader);
                    }
                    prefix.is_base &= !is_derived;
                    prefix.bound.extend(atom.vars());
                    prefix.literals.push(body[at].clone());
                }
                Literal::Negative(atom) => {
                    self.apart(atom, &prefix, vars);
                    prefix.is_base &= !self.is_derived(atom.rel);
                    prefix.literals.push(body[at].clone());
                }
                Literal::Aggregate(aggregate) => {
                    self.aggregate(aggregate, &prefix, vars);
                    let out = aggregate.out;
                    prefix.is_base = false;
                    prefix.bound.insert(out);
                    prefix.literals.push(body[at].clone());
                }
                Literal::Compare(..) | Literal::Test { .. } => {
                    let bound = binds(&body[at], &prefix.bound);
                    prefix.bound.extend(bound);
                    prefix.literals.push(body[at].clone());
                }
            }
        }
    }

    fn is_derived(&self, rel: Rel) -> bool {
        self.relations[rel].kind != Kind::Base
    }

    fn positive(&mut self, atom: &mut Atom, prefix: &Prefix, vars: &[String], reader: usize) {
        let columns = self.columns(atom, &prefix.bound, &prefix.given);
        if columns == 0 || self.whole.contains(&atom.rel) {
            self.whole.insert(atom.rel);
            return;
        }
        self.ask(atom, columns, reader, prefix.literals.clone(), vars);
    }

    /// The columns to ask by: those that are known. A closure is asked by one end alone, the one with
    /// fewer values: by both ends it would walk from each pair.
    fn columns(&self, atom: &Atom, bound: &FxHashSet<Var>, given: &FxHashSet<Var>) -> u64 {
        let columns = mask(&known(atom, bound));
        if columns != 0b11 || !self.closures.contains_key(&atom.rel) {
            return columns;
        }
        let spread = |term: &Term| match term {
            Term::Const(_) | Term::Any => 0,
            Term::Var(var) if given.contains(var) => 1,
            Term::Var(_) => 2,
        };
        match atom.args.as_slice() {
            [from, to] if spread(to) < spread(from) => 0b10,
            _ => 0b01,
        }
    }

    /// What is negated or aggregated: a copy of its own, asked for by facts alone.
    fn apart(&mut self, atom: &mut Atom, prefix: &Prefix, vars: &[String]) {
        if !self.is_derived(atom.rel) || self.whole.contains(&atom.rel) {
            return;
        }
        let none = FxHashSet::default();
        let bound = if prefix.is_base { &prefix.bound } else { &none };
        let columns = self.columns(atom, bound, &prefix.given);
        if columns == 0 {
            self.whole.insert(atom.rel);
            return;
        }
        self.readers += 1;
        let literals = if prefix.is_base { prefix.literals.clone() } else { Vec::new() };
        self.ask(atom, columns, self.readers, literals, vars);
    }

    fn aggregate(&mut self, aggregate: &mut Aggregate, prefix: &Prefix, vars: &[String]) {
        let mut inner = prefix.clone();
        inner.given.clone_from(&inner.bound);
        let mut guess = Guess { relations: &self.program.relations, own: None };
        let order = order(&aggregate.body, inner.bound.clone(), None, &mut guess);
        for at in order {
            match &mut aggregate.body[at] {
                Literal::Positive(atom) => {
                    let is_derived = self.is_derived(atom.rel);
                    self.apart(atom, &inner, vars);
                    inner.is_base &= !is_derived;
                    inner.bound.extend(atom.vars());
                }
                Literal::Negative(atom) => self.apart(atom, &inner, vars),
                Literal::Aggregate(nested) => {
                    self.aggregate(nested, &inner, vars);
                    inner.bound.insert(nested.out);
                    inner.is_base = false;
                }
                other => {
                    let bound = binds(other, &inner.bound);
                    inner.bound.extend(bound);
                }
            }
            if inner.is_base {
                inner.literals.push(aggregate.body[at].clone());
            }
        }
    }

    /// Makes an atom read a copy, and notes what it asks of it.
    fn ask(&mut self, atom: &mut Atom, columns: u64, reader: usize, because: Vec<Literal>, vars: &[String]) {
        let copied = self.copy(Key { rel: atom.rel, columns, reader });
        let head = Atom { rel: copied.demand, args: masked(&atom.args, columns) };
        atom.rel = copied.rel;
        let is_tautology = because.iter().any(|literal| matches!(literal, Literal::Positive(other) if *other == head));
        if is_tautology {
            return;
        }
        // A constant demand needs no reason.
        let is_constant = head.args.iter().all(|term| matches!(term, Term::Const(_)));
        self.clauses.push(Clause {
            head: head.rel,
            args: head.args,
            body: if is_constant { Vec::new() } else { because },
            vars: vars.to_vec(),
            text: "".into(),
            span: super::diagnostic::Span::default(),
        });
    }

    fn copy(&mut self, key: Key) -> Copied {
        if let Some(copied) = self.copies.get(&key) {
            return *copied;
        }
        let original = &self.program.relations[key.rel];
        let demand: Vec<_> = original
            .columns
            .iter()
            .enumerate()
            .filter(|(at, _)| key.columns & (1 << at) != 0)
            .map(|(_, column)| column.clone())
            .collect();
        let rel = self.relations.len();
        self.relations.push(original.clone());
        self.relations.push(Relation { name: original.name.clone(), columns: demand, kind: Kind::Demand });
        let copied = Copied { rel, demand: rel + 1 };
        self.copies.insert(key, copied);
        self.queue.push((key, copied));
        copied
    }
}

/// Columns beyond the 64th are never asked by.
fn mask(columns: &[usize]) -> u64 {
    columns.iter().filter(|column| **column < 64).fold(0, |mask, column| mask | 1 << column)
}

fn masked(args: &[Term], columns: u64) -> Vec<Term> {
    args.iter().enumerate().filter(|(at, _)| *at < 64 && columns & (1 << at) != 0).map(|(_, term)| *term).collect()
}

/// The sizes of relations are not known yet.
struct Guess<'p> {
    relations: &'p [Relation],
    /// The copy that is being defined. Where it reads itself by the same columns, nothing new is asked.
    own: Option<(Rel, u64)>,
}

impl Sizes for Guess<'_> {
    fn estimate(&mut self, atom: &Atom, known: &[usize]) -> f64 {
        if self.own == Some((atom.rel, mask(known))) {
            return 0.0;
        }
        let is_base = self.relations.get(atom.rel).is_some_and(|relation| relation.kind == Kind::Base);
        // What one node reaches is less than all there is of anything.
        let (rows, share): (f64, f64) = if is_base { (1e4, 30.0) } else { (1e6, 1e3) };
        rows / share.powi(i32::try_from(known.len()).unwrap_or(i32::MAX))
    }
}

/// A relation that is the transitive closure of one atom. Whether its own rows stand first or last in
/// the recursion is free to choose: what is known then stays the same from step to step.
struct Closure {
    exit: usize,
    recursive: usize,
    /// The atom, with variable 0 where a step begins and 1 where it ends.
    edge: Atom,
}

impl Closure {
    fn step(&self, rel: Rel, own_last: bool, written: &Clause) -> Clause {
        let [x, y, z]: [Var; 3] = [0, 1, 2];
        let edge = |from: Var, to: Var| {
            let turn = |term: &Term| match term {
                Term::Var(0) => Term::Var(from),
                Term::Var(_) => Term::Var(to),
                other => *other,
            };
            Literal::Positive(Atom { rel: self.edge.rel, args: self.edge.args.iter().map(turn).collect() })
        };
        let own = |from: Var, to: Var| Literal::Positive(Atom { rel, args: vec![Term::Var(from), Term::Var(to)] });
        let body = if own_last { vec![edge(x, y), own(y, z)] } else { vec![own(x, y), edge(y, z)] };
        Clause {
            head: rel,
            args: vec![Term::Var(x), Term::Var(z)],
            body,
            vars: ["x", "y", "z"].map(str::to_owned).to_vec(),
            text: written.text.clone(),
            span: written.span,
        }
    }
}

fn closure(program: &Program, rel: Rel, clauses: &[usize]) -> Option<Closure> {
    let [one, other] = clauses else { return None };
    let is_exit = |at: usize| program.clauses[at].body.len() == 1;
    let (exit, recursive) = if is_exit(*one) { (*one, *other) } else { (*other, *one) };
    let edge = step_of(&program.clauses[exit], rel)?;
    let clause = &program.clauses[recursive];
    let [Literal::Positive(first), Literal::Positive(second)] = clause.body.as_slice() else { return None };
    let [Term::Var(from), Term::Var(to)] = clause.args.as_slice() else { return None };
    let reads_edge = |atom: &Atom, start: Var, end: Var| oriented(atom, start, end).is_some_and(|atom| atom == edge);
    let is_own = |atom: &Atom, start: Var, end: Var| atom.rel == rel && atom.args == [Term::Var(start), Term::Var(end)];
    let follows = |first: &Atom, second: &Atom| {
        let middle = first.vars().find(|var| var != from && second.vars().any(|other| other == *var))?;
        let steps = is_own(first, *from, middle) as u8 + is_own(second, middle, *to) as u8;
        let edges = (reads_edge(first, *from, middle) as u8) + (reads_edge(second, middle, *to) as u8);
        (steps >= 1 && steps + edges == 2 && from != to && middle != *to).then_some(())
    };
    follows(first, second).or_else(|| follows(second, first))?;
    Some(Closure { exit, recursive, edge })
}

/// The atom of `p(x, y) :- atom.`
fn step_of(clause: &Clause, rel: Rel) -> Option<Atom> {
    let [Term::Var(from), Term::Var(to)] = clause.args.as_slice() else { return None };
    let [Literal::Positive(atom)] = clause.body.as_slice() else { return None };
    if atom.rel == rel || from == to { None } else { oriented(atom, *from, *to) }
}

/// The atom with 0 and 1 for its two variables; `None` where it has others.
fn oriented(atom: &Atom, from: Var, to: Var) -> Option<Atom> {
    let mut args = Vec::with_capacity(atom.args.len());
    for term in &atom.args {
        args.push(match term {
            Term::Var(var) if *var == from => Term::Var(0),
            Term::Var(var) if *var == to => Term::Var(1),
            Term::Var(_) => return None,
            other => *other,
        });
    }
    let once = |var: Var| args.iter().filter(|term| **term == Term::Var(var)).count() == 1;
    (once(0) && once(1)).then(|| Atom { rel: atom.rel, args: args.clone() })
}
