//! Why a row of the answer holds. Nothing is noted during evaluation: the rows that are known are
//! derived once more in rounds over the whole program, so that the round in which a row appears is the
//! height of its lowest proof; then the proof is read off from the top.

use super::ast::AggregateKind;
use super::compile::Compiled;
use super::demand::transform;
use super::eval::{Admit, Failure, Limits, Machine, Sink, evaluate};
use super::ir::{Atom, Clause, Kind, Literal, Program, Rel, Term, Var};
use super::loaded::Loaded;
use super::plan::Job;
use super::schema::{Facts, Type};
use super::store::NONE;
use super::value::{Constant, Value};
use rustc_hash::{FxHashMap, FxHashSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofKind {
    Fact,
    Rule,
    /// There is no such row.
    Absence,
    /// What the rows of a body add up to.
    Aggregate,
    /// Proved further up.
    Above,
    /// Left out: the proof is too large.
    Cut,
}

/// A row and why it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub kind: ProofKind,
    pub relation: String,
    /// `None` stands for any value.
    pub args: Vec<(Option<Constant>, Type)>,
    pub premises: Vec<Proof>,
    /// Members of an aggregate beyond those given.
    pub more: usize,
    /// How many rules follow one another down to the deepest fact; of two proofs the lower one is given.
    pub height: usize,
}

/// Rows of a proof, and members of an aggregate that are shown.
const MAX_ROWS: usize = 5_000;
const MAX_MEMBERS: usize = 20;
/// How deep a proof nests; what is deeper is cut.
const MAX_DEPTH: usize = 1_000;

impl Compiled {
    /// A proof of minimal height of a row of the answer; `None` where it is no answer.
    pub fn explain(&self, row: &[Constant], facts: &dyn Facts, limits: &Limits<'_>) -> Result<Option<Proof>, Failure> {
        Ok(self.explain_all(std::slice::from_ref(&row.to_vec()), facts, limits)?.pop().flatten())
    }

    /// The same of several rows at once.
    pub fn explain_all(
        &self,
        rows: &[Vec<Constant>],
        facts: &dyn Facts,
        limits: &Limits<'_>,
    ) -> Result<Vec<Option<Proof>>, Failure> {
        self.explain_answer(0, rows, facts, limits)
    }

    /// The same of rows of one of the relations that are asked for.
    pub(super) fn explain_answer(
        &self,
        answer: usize,
        rows: &[Vec<Constant>],
        facts: &dyn Facts,
        limits: &Limits<'_>,
    ) -> Result<Vec<Option<Proof>>, Failure> {
        let program = transform(&self.program);
        let Some(answer) = program.answers.get(answer).copied() else { return Ok(vec![None; rows.len()]) };
        let mut machine = evaluate(&program, self.values.clone(), facts, limits, &mut Loaded::default())?;
        let explainer = Explainer::new(&program, &mut machine)?;
        let answer = explainer.layered[answer];
        let mut proofs = Vec::with_capacity(rows.len());
        for row in rows {
            let row: Vec<Value> = row.iter().map(|value| machine.values.constant(value)).collect();
            let number = if row.len() == machine.tables[answer].arity { machine.find(answer, &row) } else { NONE };
            proofs.push(if number == NONE { None } else { Some(explainer.prove(&mut machine, answer, number)) });
        }
        Ok(proofs)
    }
}

struct Explainer<'p> {
    program: &'p Program,
    /// The clauses over layered relations.
    clauses: Vec<Clause>,
    by_head: FxHashMap<Rel, Vec<usize>>,
    /// The layered twin of each derived relation; other relations themselves.
    layered: Vec<Rel>,
    original: FxHashMap<Rel, Rel>,
    /// How many rows each layered relation had after each round.
    rounds: FxHashMap<Rel, Vec<u32>>,
    growing: FxHashSet<Rel>,
}

impl<'p> Explainer<'p> {
    fn new(program: &'p Program, machine: &mut Machine<'_>) -> Result<Self, Failure> {
        let mut layered: Vec<Rel> = (0..program.relations.len()).collect();
        let mut original = FxHashMap::default();
        for (rel, relation) in program.relations.iter().enumerate() {
            if relation.kind == Kind::Derived {
                layered[rel] = machine.new_table(relation.columns.len());
                original.insert(layered[rel], rel);
            }
        }
        let is_demand = |rel: Rel| program.relations[rel].kind == Kind::Demand;
        let mut clauses: Vec<Clause> =
            program.clauses.iter().filter(|clause| !is_demand(clause.head)).cloned().collect();
        let mut by_head: FxHashMap<Rel, Vec<usize>> = FxHashMap::default();
        for (at, clause) in clauses.iter_mut().enumerate() {
            clause.head = layered[clause.head];
            by_head.entry(clause.head).or_default().push(at);
            clause.body.retain(|literal| !matches!(literal, Literal::Positive(atom) if is_demand(atom.rel)));
            // What is negated or aggregated is read as it is in the end.
            for literal in &mut clause.body {
                if let Literal::Positive(atom) = literal {
                    atom.rel = layered[atom.rel];
                }
            }
            name_wildcards(clause);
        }
        let growing: FxHashSet<Rel> = original.keys().copied().collect();
        let all: Vec<&Clause> = clauses.iter().collect();
        // A clause without its demand finds rows that nobody asked for: they are not known.
        let known = original.clone();
        let admit: Box<Admit> = Box::new(move |machine, rel, row| {
            known.get(&rel).is_some_and(|known| machine.tables[*known].contains(row))
        });
        let history = machine.fixpoint(&all, &growing, Some(&*admit))?;
        let mut rounds: FxHashMap<Rel, Vec<u32>> = FxHashMap::default();
        for round in history {
            for (rel, rows) in round {
                rounds.entry(rel).or_default().push(rows);
            }
        }
        Ok(Self { program, clauses, by_head, layered, original, rounds, growing })
    }

    fn height(&self, rel: Rel, row: u32) -> usize {
        self.rounds.get(&rel).map_or(0, |rounds| rounds.partition_point(|rows| *rows <= row))
    }

    /// `rel` is layered.
    fn prove(&self, machine: &mut Machine<'_>, rel: Rel, row: u32) -> Proof {
        let mut state = State { rows: 0, done: FxHashSet::default() };
        self.of_row(machine, rel, row, 0, &mut state)
    }

    fn of_row(&self, machine: &mut Machine<'_>, rel: Rel, row: u32, depth: usize, state: &mut State) -> Proof {
        let values = machine.tables[rel].row(row).to_vec();
        let mut proof = self.leaf(machine, rel, &values, ProofKind::Rule);
        let height = self.height(rel, row);
        proof.height = height + 1;
        state.rows += 1;
        if !state.done.insert((rel, row)) {
            proof.kind = ProofKind::Above;
            return proof;
        }
        if state.rows > MAX_ROWS || depth > MAX_DEPTH {
            proof.kind = ProofKind::Cut;
            return proof;
        }
        for at in self.by_head.get(&rel).into_iter().flatten() {
            let clause = &self.clauses[*at];
            if let Some(regs) = self.solve(machine, clause, &values, height) {
                proof.premises = self.premises(machine, clause, regs, depth, state);
                // A fact that the program states has nothing below it.
                if clause.is_fact() {
                    proof.kind = ProofKind::Fact;
                }
                return proof;
            }
        }
        proof
    }

    /// The values of a clause's variables for which it gives this row from lower ones.
    fn solve(&self, machine: &mut Machine<'_>, clause: &Clause, row: &[Value], height: usize) -> Option<Vec<Value>> {
        let mut regs = vec![Value(0); clause.vars.len()];
        let mut bound: FxHashSet<Var> = FxHashSet::default();
        for (term, value) in clause.args.iter().zip(row) {
            match term {
                Term::Var(var) if bound.contains(var) => {
                    if regs[*var] != *value {
                        return None;
                    }
                }
                Term::Var(var) => {
                    bound.insert(*var);
                    regs[*var] = *value;
                }
                Term::Const(other) if other != value => return None,
                Term::Const(_) | Term::Any => {}
            }
        }
        for rel in &self.growing {
            let before = height.checked_sub(1).and_then(|round| self.rounds.get(rel)?.get(round));
            machine.ceiling[*rel] = before.copied().unwrap_or(0);
        }
        let job = Job {
            body: &clause.body,
            delta: None,
            growing: &self.growing,
            counts: false,
            needed: (0..clause.vars.len()).collect(),
        };
        let steps = machine.plan(&job, bound);
        let mut first = First { regs: None };
        machine.run(&steps, &mut regs, &mut first);
        first.regs
    }

    fn premises(
        &self,
        machine: &mut Machine<'_>,
        clause: &Clause,
        regs: Vec<Value>,
        depth: usize,
        state: &mut State,
    ) -> Vec<Proof> {
        let mut premises = Vec::new();
        for literal in &clause.body {
            match literal {
                Literal::Positive(atom) => {
                    let row: Vec<Value> =
                        atom.args.iter().map(|term| value(*term, &regs).unwrap_or(Value(0))).collect();
                    if !self.growing.contains(&atom.rel) {
                        premises.push(self.leaf(machine, atom.rel, &row, ProofKind::Fact));
                        continue;
                    }
                    let number = machine.find(atom.rel, &row);
                    if number != NONE {
                        premises.push(self.of_row(machine, atom.rel, number, depth + 1, state));
                    }
                }
                Literal::Negative(atom) => premises.push(self.open_leaf(machine, atom, &regs, ProofKind::Absence)),
                Literal::Aggregate(aggregate) => {
                    let mut members = Members { atoms: Vec::new(), rows: Vec::new(), more: 0 };
                    let mut body = aggregate.body.clone();
                    let mut vars = clause.vars.len();
                    body.iter_mut().for_each(|literal| name_any(literal, &mut vars));
                    for literal in &body {
                        if let Literal::Positive(atom) = literal {
                            members.atoms.push(atom.clone());
                        }
                    }
                    let job = Job {
                        body: &body,
                        delta: None,
                        growing: &self.growing,
                        counts: true,
                        needed: (0..vars).collect(),
                    };
                    let steps = machine.plan(&job, aggregate.outer.iter().copied().collect());
                    let mut inner = regs.clone();
                    inner.resize(vars, Value(0));
                    machine.run(&steps, &mut inner, &mut members);
                    let mut rows: Vec<Proof> = Vec::new();
                    for (at, row) in &members.rows {
                        rows.push(self.leaf(machine, members.atoms[*at].rel, row, ProofKind::Fact));
                    }
                    let result = machine.values.get(regs[aggregate.out]);
                    let of = if matches!(result, Constant::Text(_)) { Type::Text } else { Type::Int };
                    premises.push(Proof {
                        kind: ProofKind::Aggregate,
                        relation: name_of(aggregate.kind).to_owned(),
                        args: vec![(Some(result), of)],
                        premises: rows,
                        more: members.more,
                        height: 0,
                    });
                }
                Literal::Compare(..) | Literal::Test { .. } => {}
            }
        }
        premises
    }

    fn leaf(&self, machine: &Machine<'_>, rel: Rel, row: &[Value], kind: ProofKind) -> Proof {
        let relation = &self.program.relations[self.original.get(&rel).copied().unwrap_or(rel)];
        let args =
            row.iter().zip(&relation.columns).map(|(value, column)| (Some(machine.values.get(*value)), column.of));
        // A derived row that only an aggregate reads is told, not proved.
        Proof { kind, relation: relation.name.clone(), args: args.collect(), premises: Vec::new(), more: 0, height: 0 }
    }

    fn open_leaf(&self, machine: &Machine<'_>, atom: &Atom, regs: &[Value], kind: ProofKind) -> Proof {
        let relation = &self.program.relations[atom.rel];
        let shown = |term: &Term| value(*term, regs).map(|value| machine.values.get(value));
        let args = atom.args.iter().zip(&relation.columns).map(|(term, column)| (shown(term), column.of)).collect();
        Proof { kind, relation: relation.name.clone(), args, premises: Vec::new(), more: 0, height: 0 }
    }
}

struct State {
    rows: usize,
    done: FxHashSet<(Rel, u32)>,
}

fn name_of(kind: AggregateKind) -> &'static str {
    kind.name()
}

fn value(term: Term, regs: &[Value]) -> Option<Value> {
    match term {
        Term::Var(var) => Some(regs[var]),
        Term::Const(value) => Some(value),
        Term::Any => None,
    }
}

/// Gives each `_` of what is read a variable, so that the row that was found is known whole.
fn name_wildcards(clause: &mut Clause) {
    let mut vars = clause.vars.len();
    clause.body.iter_mut().for_each(|literal| name_any(literal, &mut vars));
    clause.vars.resize(vars, String::new());
}

fn name_any(literal: &mut Literal, vars: &mut usize) {
    if let Literal::Positive(atom) = literal {
        for term in &mut atom.args {
            if *term == Term::Any {
                *term = Term::Var(*vars);
                *vars += 1;
            }
        }
    }
}

/// The first solution.
struct First {
    regs: Option<Vec<Value>>,
}

impl Sink for First {
    fn solution(&mut self, _: &mut Machine<'_>, regs: &mut [Value]) -> bool {
        self.regs = Some(regs.to_vec());
        false
    }
}

/// The rows that an aggregate is over.
struct Members {
    atoms: Vec<Atom>,
    rows: Vec<(usize, Vec<Value>)>,
    more: usize,
}

impl Sink for Members {
    fn solution(&mut self, _: &mut Machine<'_>, regs: &mut [Value]) -> bool {
        for (at, atom) in self.atoms.iter().enumerate() {
            let row: Vec<Value> = atom.args.iter().map(|term| value(*term, regs).unwrap_or(Value(0))).collect();
            if self.rows.iter().any(|(other, known)| *other == at && *known == row) {
                continue;
            }
            if self.rows.len() < MAX_MEMBERS {
                self.rows.push((at, row));
            } else {
                self.more += 1;
            }
        }
        true
    }
}

impl Machine<'_> {
    /// The number of a row, or `NONE`.
    fn find(&mut self, rel: Rel, row: &[Value]) -> u32 {
        if row.is_empty() {
            return if self.tables[rel].len() > 0 { 0 } else { NONE };
        }
        let columns: Vec<usize> = (0..row.len()).collect();
        let index = self.tables[rel].index(&columns);
        self.tables[rel].refresh();
        self.tables[rel].first(index, row)
    }
}
