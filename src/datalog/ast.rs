//! A program as it is written.

use super::diagnostic::Span;
use super::value::Constant;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub text: String,
    pub span: Span,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub declarations: Vec<Declaration>,
    pub clauses: Vec<Clause>,
    pub questions: Vec<Question>,
}

/// `.decl name(column: type, …)`
#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    pub name: Named,
    pub columns: Vec<(Named, Named)>,
    /// The comment lines above it.
    pub doc: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Clause {
    pub head: Atom,
    pub body: Vec<Literal>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub body: Vec<Literal>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Atom {
    pub relation: Named,
    pub args: Args,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Args {
    ByPosition(Vec<Expr>),
    ByName(Vec<(Named, Expr)>),
}

#[derive(Debug, Clone)]
pub(crate) enum Literal {
    Atom {
        negated: bool,
        atom: Atom,
    },
    Compare {
        op: Compare,
        left: Expr,
        right: Expr,
        span: Span,
    },
    /// One of the alternatives holds.
    Or(Vec<Vec<Literal>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Compare {
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Variable(String),
    /// `_`
    Any,
    Constant(Constant),
    /// `@name`
    Node(String),
    /// `$name`
    Parameter(String),
    Call(Named, Vec<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `[a, b]`, in the head of a report
    List(Vec<Expr>),
    Aggregate {
        kind: AggregateKind,
        value: Option<Box<Expr>>,
        body: Vec<Literal>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateKind {
    Count,
    Sum,
    Min,
    Max,
    Mean,
    List,
}

impl AggregateKind {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "mean" => Self::Mean,
            "list" => Self::List,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::List => "list",
        }
    }
}
