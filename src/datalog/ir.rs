//! A checked program: names are numbers, each clause is a list of literals. Who makes another program of
//! one gets it by [`super::check`].

pub use super::ast::{AggregateKind, Compare, Operator};
pub use super::functions::{Function, Test};
pub use super::value::Value;

use super::diagnostic::Span;
use super::schema::Column;
use regex::Regex;
use std::sync::Arc;

/// The number of a relation, of a variable of a clause.
pub type Rel = usize;
pub type Var = usize;

#[derive(Debug, Clone)]
pub struct Program {
    pub relations: Vec<Relation>,
    pub clauses: Vec<Clause>,
    /// The relations whose rows are asked for.
    pub answers: Vec<Rel>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its rows are facts of the embedding.
    Base,
    Derived,
    /// Which rows of a derived relation are asked for.
    Demand,
}

#[derive(Debug, Clone)]
pub struct Relation {
    pub name: String,
    pub columns: Vec<Column>,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub struct Clause {
    pub head: Rel,
    pub args: Vec<Term>,
    pub body: Vec<Literal>,
    /// The names of the variables; those the compiler made have none.
    pub vars: Vec<String>,
    pub text: Arc<str>,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Term {
    Var(Var),
    Const(Value),
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Atom {
    pub rel: Rel,
    pub args: Vec<Term>,
}

#[derive(Debug, Clone)]
pub enum Literal {
    Positive(Atom),
    Negative(Atom),
    Compare(Compare, Expr, Expr),
    Test { negated: bool, test: Test, text: Expr, part: Expr, regex: Option<Arc<Regex>> },
    Aggregate(Aggregate),
}

#[derive(Debug, Clone)]
pub struct Aggregate {
    pub out: Var,
    pub kind: AggregateKind,
    pub value: Option<Expr>,
    pub body: Vec<Literal>,
    /// The variables of the body that the clause binds outside of it.
    pub outer: Vec<Var>,
}

#[derive(Debug, Clone)]
pub enum Expr {
    Term(Term),
    Call(Function, Vec<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
}

impl Atom {
    pub(super) fn vars(&self) -> impl Iterator<Item = Var> + '_ {
        self.args.iter().filter_map(|term| match term {
            Term::Var(var) => Some(*var),
            Term::Const(_) | Term::Any => None,
        })
    }
}

impl Expr {
    pub(super) fn vars(&self, found: &mut Vec<Var>) {
        match self {
            Self::Term(Term::Var(var)) => found.push(*var),
            Self::Term(_) => {}
            Self::Call(_, args) => args.iter().for_each(|arg| arg.vars(found)),
            Self::Binary(_, left, right) => {
                left.vars(found);
                right.vars(found);
            }
        }
    }

    pub(super) fn as_var(&self) -> Option<Var> {
        match self {
            Self::Term(Term::Var(var)) => Some(*var),
            _ => None,
        }
    }

    fn map(&mut self, change: &impl Fn(&mut Term)) {
        match self {
            Self::Term(term) => change(term),
            Self::Call(_, args) => args.iter_mut().for_each(|arg| arg.map(change)),
            Self::Binary(_, left, right) => {
                left.map(change);
                right.map(change);
            }
        }
    }
}

impl Literal {
    /// All variables that it names, those inside an aggregate too.
    pub(super) fn all_vars(&self) -> Vec<Var> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect(&self, found: &mut Vec<Var>) {
        match self {
            Self::Positive(atom) | Self::Negative(atom) => found.extend(atom.vars()),
            Self::Compare(_, left, right) => {
                left.vars(found);
                right.vars(found);
            }
            Self::Test { text, part, .. } => {
                text.vars(found);
                part.vars(found);
            }
            Self::Aggregate(aggregate) => {
                found.push(aggregate.out);
                if let Some(value) = &aggregate.value {
                    value.vars(found);
                }
                aggregate.body.iter().for_each(|literal| literal.collect(found));
            }
        }
    }

    /// Changes each term.
    pub(super) fn map(&mut self, change: &impl Fn(&mut Term)) {
        match self {
            Self::Positive(atom) | Self::Negative(atom) => atom.args.iter_mut().for_each(change),
            Self::Compare(_, left, right) => {
                left.map(change);
                right.map(change);
            }
            Self::Test { text, part, .. } => {
                text.map(change);
                part.map(change);
            }
            Self::Aggregate(aggregate) => {
                if let Some(value) = &mut aggregate.value {
                    value.map(change);
                }
                aggregate.body.iter_mut().for_each(|literal| literal.map(change));
            }
        }
    }

    /// The relations that it reads, and whether it needs them whole: behind a negation or inside an
    /// aggregate.
    pub(super) fn reads(&self, found: &mut Vec<(Rel, bool)>) {
        match self {
            Self::Positive(atom) => found.push((atom.rel, false)),
            Self::Negative(atom) => found.push((atom.rel, true)),
            Self::Aggregate(aggregate) => {
                let mut inner = Vec::new();
                aggregate.body.iter().for_each(|literal| literal.reads(&mut inner));
                found.extend(inner.into_iter().map(|(rel, _)| (rel, true)));
            }
            Self::Compare(..) | Self::Test { .. } => {}
        }
    }
}

impl Clause {
    pub(super) fn is_fact(&self) -> bool {
        self.body.is_empty()
    }
}
