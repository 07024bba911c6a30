//! Which variables a body has, as it is written.

use super::ast::{Args, Atom, Expr, ExprKind, Literal};
use super::diagnostic::Span;
use rustc_hash::FxHashSet;

/// The variables that stand outside of aggregates.
pub(super) fn outside(body: &[Literal], found: &mut FxHashSet<String>) {
    for literal in body {
        match literal {
            Literal::Atom { atom, .. } => outside_of_atom(atom, found),
            Literal::Compare { left, right, .. } => {
                outside_of(left, found);
                outside_of(right, found);
            }
            Literal::Or(alternatives) => alternatives.iter().for_each(|body| outside(body, found)),
        }
    }
}

pub(super) fn outside_of_atom(atom: &Atom, found: &mut FxHashSet<String>) {
    match &atom.args {
        Args::ByPosition(args) => args.iter().for_each(|arg| outside_of(arg, found)),
        Args::ByName(args) => args.iter().for_each(|(_, arg)| outside_of(arg, found)),
    }
}

pub(super) fn outside_of(expr: &Expr, found: &mut FxHashSet<String>) {
    match &expr.kind {
        ExprKind::Variable(name) => {
            found.insert(name.clone());
        }
        ExprKind::Call(_, args) => args.iter().for_each(|arg| outside_of(arg, found)),
        ExprKind::Binary(_, left, right) => {
            outside_of(left, found);
            outside_of(right, found);
        }
        _ => {}
    }
}

/// The variables outside of aggregates in the order in which they appear, and where they do first.
pub(super) fn in_order(body: &[Literal], found: &mut Vec<(String, Span)>) {
    fn note(expr: &Expr, found: &mut Vec<(String, Span)>) {
        match &expr.kind {
            ExprKind::Variable(name) if !found.iter().any(|(other, _)| other == name) => {
                found.push((name.clone(), expr.span));
            }
            ExprKind::Call(_, args) => args.iter().for_each(|arg| note(arg, found)),
            ExprKind::Binary(_, left, right) => {
                note(left, found);
                note(right, found);
            }
            _ => {}
        }
    }
    for literal in body {
        match literal {
            Literal::Atom { atom, .. } => match &atom.args {
                Args::ByPosition(args) => args.iter().for_each(|arg| note(arg, found)),
                Args::ByName(args) => args.iter().for_each(|(_, arg)| note(arg, found)),
            },
            Literal::Compare { left, right, .. } => {
                note(left, found);
                note(right, found);
            }
            Literal::Or(alternatives) => alternatives.iter().for_each(|body| in_order(body, found)),
        }
    }
}
