//! The types of columns and variables: inferred from the relations they stand in, and checked.

use super::ast::{AggregateKind, Operator};
use super::diagnostic::{Diagnostic, Span};
use super::functions::Takes;
use super::ir::{Kind, Relation};
use super::resolve::{Clause, Expr, ExprKind, Literal, plain};
use super::schema::Type;
use super::value::Constant;
use rustc_hash::FxHashMap;

/// What is known of each variable of a clause.
pub(super) type Types = FxHashMap<String, Type>;

/// The types of each clause's variables. Fills in the columns of derived relations; those that
/// `declared` names have theirs already.
pub(super) fn infer(
    relations: &mut [Relation],
    declared: &[bool],
    clauses: &[Clause],
    errors: &mut Vec<Diagnostic>,
) -> Vec<Types> {
    let mut columns: Vec<Vec<Option<Type>>> = relations
        .iter()
        .zip(declared)
        .map(|(relation, declared)| {
            let known = relation.kind == Kind::Base || *declared;
            relation.columns.iter().map(|column| known.then_some(column.of)).collect()
        })
        .collect();
    // Each pass fills or widens a column, so there are few.
    loop {
        let before = columns.clone();
        for clause in clauses {
            let mut inference = Inference { columns: &columns, relations, errors: None, types: Types::default() };
            inference.clause(clause);
            let given: Vec<Option<Type>> = clause.args.iter().map(|arg| inference.of(arg)).collect();
            if relations[clause.head].kind == Kind::Base || declared[clause.head] {
                continue;
            }
            for (column, given) in columns[clause.head].iter_mut().zip(given) {
                *column = match (*column, given) {
                    (Some(column), Some(given)) => Some(column.join(given).unwrap_or(column)),
                    (column, given) => column.or(given),
                };
            }
        }
        if columns == before {
            break;
        }
    }
    let mut all = Vec::new();
    for clause in clauses {
        let own = if clause.is_own { Some(&mut *errors) } else { None };
        let mut inference = Inference { columns: &columns, relations, errors: own, types: Types::default() };
        inference.clause(clause);
        for (at, arg) in clause.args.iter().enumerate() {
            if let (Some(given), Some(column)) = (inference.of(arg), columns[clause.head][at])
                && given.join(column).is_none()
            {
                let message = format!(
                    "column '{}' of '{}' holds {} elsewhere, and {} here.",
                    relations[clause.head].columns[at].name,
                    relations[clause.head].name,
                    several(column),
                    one(given)
                );
                inference.error(
                    arg.span,
                    message,
                    "Give them columns of their own, or turn both into texts: to_text(x).",
                );
            }
        }
        all.push(inference.types);
    }
    for (relation, columns) in relations.iter_mut().zip(columns) {
        for (column, of) in relation.columns.iter_mut().zip(columns) {
            column.of = of.unwrap_or(Type::Text);
        }
    }
    all
}

fn one(of: Type) -> String {
    format!("a {}", noun(of))
}

fn several(of: Type) -> String {
    format!("{}s", noun(of))
}

fn noun(of: Type) -> &'static str {
    match of {
        Type::Int => "whole number",
        Type::Decimal => "number",
        other => other.name(),
    }
}

struct Inference<'a> {
    columns: &'a [Vec<Option<Type>>],
    relations: &'a [Relation],
    errors: Option<&'a mut Vec<Diagnostic>>,
    types: Types,
}

impl Inference<'_> {
    fn error(&mut self, span: Span, message: String, remedy: impl Into<String>) {
        if let Some(errors) = &mut self.errors {
            errors.push(Diagnostic::error(span, message, remedy));
        }
    }

    /// What a comparison teaches may be known only after a later literal: twice is enough for all but
    /// chains of equalities, and those are walked until nothing more is learnt.
    fn clause(&mut self, clause: &Clause) {
        let errors = self.errors.take();
        for _ in 0..=clause.body.len() {
            let before = self.types.len();
            clause.body.iter().for_each(|literal| self.literal(literal));
            if self.types.len() == before {
                break;
            }
        }
        if errors.is_some() {
            self.errors = errors;
            // Once more from the start, so that a conflict is told where it arises.
            let known = std::mem::take(&mut self.types);
            clause.body.iter().for_each(|literal| self.literal(literal));
            for (name, of) in known {
                self.types.entry(name).or_insert(of);
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Atom { rel, args, .. } => {
                for (at, arg) in args.iter().enumerate() {
                    let column = self.columns[*rel][at];
                    self.visit(arg);
                    if let Some(column) = column {
                        let (relation, name) = (&self.relations[*rel], &self.relations[*rel].columns[at].name);
                        let what = format!("column '{name}' of '{}' holds {}", relation.name, several(column));
                        self.expect(arg, column, &what);
                    }
                }
            }
            Literal::Test { args, test, .. } => {
                for arg in args {
                    self.visit(arg);
                    self.expect(arg, Type::Text, &format!("'{}' compares texts", test.name()));
                }
            }
            Literal::Compare { left, right, span, .. } => {
                self.visit(left);
                self.visit(right);
                match (self.of(left), self.of(right)) {
                    (Some(one_side), Some(other))
                        if one_side.meet(other).is_none() && !(is_free(left, other) || is_free(right, one_side)) =>
                    {
                        let message = format!("{} is never {}.", one(one_side), one(other));
                        self.error(*span, message, "Compare things of one kind; to_text(x) makes a text of any.");
                    }
                    (Some(known), None) => self.learn(right, known),
                    (None, Some(known)) => self.learn(left, known),
                    _ => {}
                }
            }
        }
    }

    /// What stands inside of an expression.
    fn visit(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Call(function, args) => {
                let takes = function.takes();
                for (at, arg) in args.iter().enumerate() {
                    self.visit(arg);
                    match takes.and_then(|takes| takes.get(at)) {
                        Some(Takes::Text) => self.expect(arg, Type::Text, "the function takes a text here"),
                        Some(Takes::Number) => self.expect(arg, Type::Int, "the function takes a number here"),
                        Some(Takes::Anything) | None => {}
                    }
                }
            }
            ExprKind::Binary(_, left, right) => {
                for side in [left, right] {
                    self.visit(side);
                    if self.of(side).is_some() {
                        self.expect(side, Type::Decimal, "one calculates with numbers");
                    }
                }
            }
            ExprKind::Aggregate { kind, value, body } => {
                body.iter().for_each(|literal| self.literal(literal));
                if let Some(value) = value {
                    self.visit(value);
                    if matches!(kind, AggregateKind::Sum | AggregateKind::Mean) && self.of(value).is_some() {
                        self.expect(value, Type::Decimal, "sums are of numbers");
                    }
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, expr: &Expr, of: Type) {
        if let ExprKind::Var(name) = &expr.kind {
            self.types.entry(name.clone()).or_insert(of);
        }
    }

    fn expect(&mut self, expr: &Expr, wanted: Type, what: &str) {
        if is_free(expr, wanted) {
            return;
        }
        let Some(found) = self.of(expr) else {
            self.learn(expr, wanted);
            return;
        };
        let Some(both) = found.meet(wanted) else {
            let shown = match &expr.kind {
                ExprKind::Var(name) => format!("'{}' is {}", plain(name), one(found)),
                _ => format!("this is {}", one(found)),
            };
            let remedy = match (found, wanted) {
                (Type::Name, Type::Node) => "Join by the node, or write @name for the node of a name.",
                (Type::Node, Type::Name) => "Join node(id: n, name: x) to get a node's name.",
                (Type::Text, wanted) if wanted.is_number() && matches!(expr.kind, ExprKind::Constant(_)) => {
                    "Write numbers without quotes."
                }
                (found, Type::Text) if found.is_number() => "Make a text of it: to_text(x).",
                (Type::Text | Type::Name, wanted) if wanted.is_number() => "Make a number of it: to_number(x).",
                _ => "They never meet: use another column or another variable.",
            };
            self.error(expr.span, format!("{what}, and {shown}."), remedy);
            return;
        };
        if let ExprKind::Var(name) = &expr.kind
            && !(wanted.is_number() && found.is_number())
        {
            self.types.insert(name.clone(), both);
        }
    }

    fn of(&self, expr: &Expr) -> Option<Type> {
        type_of(expr, &self.types)
    }
}

/// A parameter is whatever its place needs.
fn is_free(expr: &Expr, wanted: Type) -> bool {
    match &expr.kind {
        ExprKind::Any => true,
        ExprKind::Parameter(value) => !wanted.is_number() || Constant::number(value).is_some(),
        _ => false,
    }
}

pub(super) fn type_of(expr: &Expr, types: &Types) -> Option<Type> {
    Some(match &expr.kind {
        ExprKind::Var(name) => *types.get(name)?,
        ExprKind::Any => return None,
        ExprKind::Constant(Constant::Text(_)) => Type::Text,
        ExprKind::Constant(Constant::Int(_)) => Type::Int,
        ExprKind::Constant(Constant::Decimal(_)) => Type::Decimal,
        ExprKind::Node(_) => Type::Node,
        ExprKind::Parameter(value) if Constant::number(value).is_some() => Type::Decimal,
        ExprKind::Parameter(_) => Type::Text,
        ExprKind::Call(function, _) => function.gives(),
        ExprKind::Binary(Operator::Divide, ..) => Type::Decimal,
        ExprKind::Binary(_, left, right) => match (type_of(left, types), type_of(right, types)) {
            (Some(Type::Int), Some(Type::Int)) => Type::Int,
            _ => Type::Decimal,
        },
        ExprKind::Aggregate { kind, value, .. } => match kind {
            AggregateKind::Count => Type::Int,
            AggregateKind::Mean => Type::Decimal,
            AggregateKind::List => Type::Text,
            _ => type_of(value.as_ref()?, types)?,
        },
    })
}
