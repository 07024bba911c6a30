//! `old::name`: a relation as it was before a change. The rows of those that are facts are kept from then; one
//! of the library follows by its own rules from what those read of that time.

use super::ast::{Clause, Expr, ExprKind, Literal};
use super::functions::{Function, Test};
use super::lexer::{Token, lex};
use super::library::Library;
use std::collections::BTreeSet;

/// What stands before the name.
pub const OLD: &str = "old::";

/// The relation that an `old::name` is the former state of.
pub fn former(name: &str) -> Option<&str> {
    name.strip_prefix(OLD)
}

/// The relation of files that differ.
const CHANGED: &str = "changed";

/// Whether a relation has rows only where two sides are compared.
pub fn is_of_a_change(name: &str) -> bool {
    name == CHANGED || former(name).is_some()
}

/// The facts of which a program needs the former rows. `is_fact` says of a relation of the library that its
/// rows are kept like those of a base relation.
pub fn old_names(program: &str, library: &Library, is_fact: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = lex(program)
        .0
        .into_iter()
        .filter_map(|lexeme| match lexeme.token {
            Token::Word(word) => former(&word).map(str::to_owned),
            _ => None,
        })
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        match library.get(&name).filter(|_| !is_fact(&name)) {
            Some(defined) => defined.clauses.iter().for_each(|clause| {
                clause.clone().each_relation(&mut |relation| open.push(relation.clone()));
            }),
            None => {
                found.insert(name);
            }
        }
    }
    found
}

impl Clause {
    /// The clause about the time before.
    pub(super) fn aged(&self) -> Self {
        let mut clause = self.clone();
        clause.each_relation(&mut |relation| relation.insert_str(0, OLD));
        clause
    }

    fn each_relation(&mut self, visit: &mut dyn FnMut(&mut String)) {
        visit(&mut self.head.relation.text);
        each_of_body(&mut self.body, visit);
    }
}

fn each_of_body(body: &mut [Literal], visit: &mut dyn FnMut(&mut String)) {
    for literal in body {
        match literal {
            Literal::Atom { atom, .. } => {
                let name = &mut atom.relation.text;
                if Test::of(name).is_none() && Function::of(name).is_none() {
                    visit(name);
                }
            }
            Literal::Compare { left, right, .. } => {
                each_of_expr(left, visit);
                each_of_expr(right, visit);
            }
            Literal::Or(alternatives) => alternatives.iter_mut().for_each(|body| each_of_body(body, visit)),
        }
    }
}

fn each_of_expr(expr: &mut Expr, visit: &mut dyn FnMut(&mut String)) {
    match &mut expr.kind {
        ExprKind::Aggregate { value, body, .. } => {
            value.iter_mut().for_each(|value| each_of_expr(value, visit));
            each_of_body(body, visit);
        }
        ExprKind::Call(_, args) | ExprKind::List(args) => args.iter_mut().for_each(|arg| each_of_expr(arg, visit)),
        ExprKind::Binary(_, left, right) => {
            each_of_expr(left, visit);
            each_of_expr(right, visit);
        }
        _ => {}
    }
}
