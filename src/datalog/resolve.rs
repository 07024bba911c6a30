//! From what is written to what is meant: relations, columns, functions, nodes and parameters.

use super::ast::{self, AggregateKind, Args, Compare, Operator};
use super::diagnostic::{Diagnostic, Span};
use super::functions::{FUNCTIONS, Function, Test};
use super::ir::{Kind, Rel, Relation};
use super::library::{Library, declared};
use super::old::{OLD, former};
use super::schema::{Catalogue, Column, Schema, Type};
use super::value::Constant;
use super::variables::{in_order, outside, outside_of, outside_of_atom};
use harness_similar::nearest;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Alternatives of one clause after `;` is multiplied out.
const MAX_ALTERNATIVES: usize = 256;

#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub head: Rel,
    pub args: Vec<Expr>,
    pub body: Vec<Literal>,
    pub span: Span,
    pub text: Arc<str>,
    /// Of the program itself, not of the library.
    pub is_own: bool,
    /// A question's variables need not be used twice.
    pub is_question: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Literal {
    Atom { negated: bool, rel: Rel, args: Vec<Expr>, span: Span },
    Test { negated: bool, test: Test, args: Vec<Expr> },
    Compare { op: Compare, left: Expr, right: Expr, span: Span },
}

#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(super) enum ExprKind {
    Var(String),
    Any,
    Constant(Constant),
    Node(Arc<str>),
    Parameter(String),
    Call(Function, Vec<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Aggregate { kind: AggregateKind, value: Option<Box<Expr>>, body: Vec<Literal> },
}

/// A variable's name without the mark of the aggregate it is local to.
pub(super) fn plain(name: &str) -> &str {
    name.split(LOCAL).next().unwrap_or(name)
}

const LOCAL: char = '#';

/// What the variables in sight are called inside.
type Scope = FxHashMap<String, String>;

pub(super) struct Resolver<'a> {
    pub catalogue: &'a dyn Catalogue,
    pub library: &'a Library,
    pub parameters: &'a BTreeMap<String, String>,
    pub relations: Vec<Relation>,
    by_name: FxHashMap<String, Rel>,
    /// Library relations whose clauses are still to be taken in.
    wanted: Vec<String>,
    pub used_parameters: FxHashSet<String>,
    pub errors: Vec<Diagnostic>,
    /// Errors of library clauses have other texts and are nobody's to mend.
    quiet: bool,
    locals: usize,
}

pub(super) struct Resolved {
    pub clauses: Vec<Clause>,
    pub answers: Vec<Rel>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        catalogue: &'a dyn Catalogue,
        library: &'a Library,
        parameters: &'a BTreeMap<String, String>,
    ) -> Self {
        Self {
            catalogue,
            library,
            parameters,
            relations: Vec::new(),
            by_name: FxHashMap::default(),
            wanted: Vec::new(),
            used_parameters: FxHashSet::default(),
            errors: Vec::new(),
            quiet: false,
            locals: 0,
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        if !self.quiet {
            self.errors.push(Diagnostic::error(span, message, remedy));
        }
    }

    /// `heads` are the relations that are asked for, where it is not the program's question.
    pub(super) fn program(&mut self, program: &ast::Program, heads: &[&str], text: &Arc<str>) -> Resolved {
        self.define(program);
        let mut clauses = Vec::new();
        for clause in &program.clauses {
            self.clause(clause, text, true, &mut clauses);
        }
        let answers: Vec<Rel> = if heads.is_empty() {
            self.question(program, text, &mut clauses).into_iter().collect()
        } else {
            heads.iter().filter_map(|head| self.by_name.get(*head).copied()).collect()
        };
        self.quiet = true;
        let mut done: FxHashSet<String> = FxHashSet::default();
        while let Some(name) = self.wanted.pop() {
            if !done.insert(name.clone()) {
                continue;
            }
            if let Some(defined) = self.library.get(&name) {
                for clause in &defined.clauses {
                    self.clause(clause, &defined.text, false, &mut clauses);
                }
            } else if let Some(defined) = former(&name).and_then(|name| self.library.get(name)) {
                for clause in &defined.clauses {
                    self.clause(&clause.aged(), &defined.text, false, &mut clauses);
                }
            }
        }
        Resolved { clauses, answers }
    }

    /// The relations that the program defines.
    fn define(&mut self, program: &ast::Program) {
        let mut counted: FxHashSet<&str> = FxHashSet::default();
        for declaration in &program.declarations {
            match declared(declaration) {
                Ok(schema) if self.may_define(&declaration.name) => {
                    if !counted.insert(&declaration.name.text) {
                        self.error(
                            declaration.name.span,
                            format!("'{}' is declared twice.", declaration.name.text),
                            "Remove one of the two lines.",
                        );
                    }
                    self.add(&schema, Kind::Derived);
                }
                Ok(_) => {}
                Err(error) => self.errors.push(error),
            }
        }
        for clause in &program.clauses {
            let name = &clause.head.relation;
            if self.by_name.contains_key(&name.text) || !self.may_define(name) {
                continue;
            }
            let columns = match &clause.head.args {
                Args::ByName(args) => args.iter().map(|(column, _)| column.text.clone()).collect(),
                Args::ByPosition(args) => column_names(args),
            };
            // Types are found out later.
            let columns = columns.into_iter().map(|name| Column { name, of: Type::Text }).collect();
            self.add(&Schema { name: name.text.clone(), columns }, Kind::Derived);
        }
    }

    fn may_define(&mut self, name: &ast::Named) -> bool {
        if Function::of(&name.text).is_some() || Test::of(&name.text).is_some() {
            self.error(name.span, format!("'{}' is a function.", name.text), "Give your relation another name.");
            return false;
        }
        if former(&name.text).is_some() {
            let message = format!("'{}' would be of the time before; a program cannot add to that.", name.text);
            self.error(name.span, message, format!("Give your relation a name without {OLD}."));
            return false;
        }
        if self.catalogue.schema(&name.text).is_some() || self.library.schema(&name.text).is_some() {
            let message = format!("'{}' is a relation that exists; a program cannot add to it.", name.text);
            self.error(name.span, message, "Give your relation another name.");
            return false;
        }
        true
    }

    fn add(&mut self, schema: &Schema, kind: Kind) -> Rel {
        let rel = self.relations.len();
        self.relations.push(Relation { name: schema.name.clone(), columns: schema.columns.clone(), kind });
        self.by_name.insert(schema.name.clone(), rel);
        rel
    }

    fn is_relation(&self, name: &str) -> bool {
        let is_of_library = |name: &str| self.library.schema(name).is_some();
        self.by_name.contains_key(name)
            || is_of_library(name)
            || former(name).is_some_and(is_of_library)
            || self.catalogue.schema(name).is_some()
    }

    fn relation(&mut self, name: &ast::Named) -> Option<Rel> {
        if let Some(rel) = self.by_name.get(&name.text) {
            return Some(*rel);
        }
        if let Some(schema) = self.catalogue.schema(&name.text) {
            return Some(self.add(&schema, Kind::Base));
        }
        let defined = self.library.get(&name.text).or_else(|| self.library.get(former(&name.text)?));
        if let Some(defined) = defined {
            let schema = Schema { name: name.text.clone(), ..defined.schema.clone() };
            self.wanted.push(name.text.clone());
            return Some(self.add(&schema, Kind::Derived));
        }
        let known = self.catalogue.names();
        // The question has no name that a person could have meant.
        let own = self.by_name.keys().map(String::as_str).filter(|name| *name != "?");
        let functions = FUNCTIONS.iter().map(|(name, ..)| *name);
        let all = known.iter().map(String::as_str).chain(self.library.names().iter().map(String::as_str));
        let hint = match former(&name.text) {
            Some(name) => nearest(name, all).map(|other| format!("Did you mean '{OLD}{other}'? ")),
            None => {
                nearest(&name.text, all.chain(own).chain(functions)).map(|other| format!("Did you mean '{other}'? "))
            }
        };
        let remedy = format!("{}`harness relations` lists all of them.", hint.unwrap_or_default());
        self.error(name.span, format!("no relation is called '{}'.", name.text), remedy);
        None
    }

    fn clause(&mut self, clause: &ast::Clause, text: &Arc<str>, is_own: bool, into: &mut Vec<Clause>) {
        let Some(head) = self.by_name.get(&clause.head.relation.text).copied() else { return };
        if self.relations[head].kind == Kind::Base {
            return;
        }
        for body in self.alternatives(&clause.body, clause.span) {
            let mut names = FxHashSet::default();
            outside_of_atom(&clause.head, &mut names);
            outside(&body, &mut names);
            let scope: Scope = names.into_iter().map(|name| (name.clone(), name)).collect();
            let Some(args) = self.args(&clause.head, head, &scope, true) else { return };
            let Some(body) = self.body(&body, &scope) else { return };
            let (span, text) = (clause.span, text.clone());
            into.push(Clause { head, args, body, span, text, is_own, is_question: false });
        }
    }

    /// The relation of the answer: the question's variables, or the head of the last rule.
    fn question(&mut self, program: &ast::Program, text: &Arc<str>, into: &mut Vec<Clause>) -> Option<Rel> {
        if let [_, second, ..] = program.questions.as_slice() {
            self.error(second.span, "a program asks one question.", "Remove the others, or join them by rules.");
            return None;
        }
        let Some(question) = program.questions.first() else {
            let Some(last) = program.clauses.last() else {
                if self.errors.is_empty() {
                    let remedy = r#"Ask one, as layer(m, "marts"), or write a rule."#;
                    self.error(Span::default(), "there is no question.", remedy);
                }
                return None;
            };
            return self.by_name.get(&last.head.relation.text).copied();
        };
        let mut names: Vec<(String, Span)> = Vec::new();
        in_order(&question.body, &mut names);
        names.retain(|(name, _)| !name.starts_with('_'));
        let columns = names.iter().map(|(name, _)| Column { name: name.clone(), of: Type::Text }).collect();
        let head = self.add(&Schema { name: "?".to_owned(), columns }, Kind::Derived);
        for body in self.alternatives(&question.body, question.span) {
            let mut all: FxHashSet<String> = names.iter().map(|(name, _)| name.clone()).collect();
            outside(&body, &mut all);
            let scope: Scope = all.into_iter().map(|name| (name.clone(), name)).collect();
            let body = self.body(&body, &scope)?;
            let args =
                names.iter().map(|(name, span)| Expr { kind: ExprKind::Var(name.clone()), span: *span }).collect();
            let (span, text) = (question.span, text.clone());
            into.push(Clause { head, args, body, span, text, is_own: true, is_question: true });
        }
        Some(head)
    }

    /// The body multiplied out: `a, (b; c)` is `a, b` and `a, c`.
    fn alternatives(&mut self, body: &[ast::Literal], span: Span) -> Vec<Vec<ast::Literal>> {
        match multiply(body) {
            Some(all) => all,
            None => {
                let message = format!("the alternatives of this clause are more than {MAX_ALTERNATIVES}.");
                self.error(span, message, "Write rules of their own for the parts.");
                Vec::new()
            }
        }
    }

    fn body(&mut self, body: &[ast::Literal], scope: &Scope) -> Option<Vec<Literal>> {
        // All errors of a body are told, so each literal is looked at.
        let all: Vec<Option<Literal>> = body.iter().map(|literal| self.literal(literal, scope)).collect();
        all.into_iter().collect()
    }

    fn literal(&mut self, literal: &ast::Literal, scope: &Scope) -> Option<Literal> {
        match literal {
            ast::Literal::Atom { negated, atom } => {
                if let Some(test) = Test::of(&atom.relation.text) {
                    return self.test(*negated, test, atom, scope);
                }
                if let Some(function) = Function::of(&atom.relation.text) {
                    let name = &atom.relation.text;
                    let gives = if function.gives().is_number() { "a number" } else { "a text" };
                    let message = format!("'{name}' gives {gives}; it does not hold or fail.");
                    self.error(atom.span, message, format!("Compare it: {name}(…) = x."));
                    return None;
                }
                let rel = self.relation(&atom.relation)?;
                let args = self.args(atom, rel, scope, false)?;
                Some(Literal::Atom { negated: *negated, rel, args, span: atom.span })
            }
            ast::Literal::Compare { op, left, right, span } => {
                let (left, right) = (self.expr(left, scope), self.expr(right, scope));
                Some(Literal::Compare { op: *op, left: left?, right: right?, span: *span })
            }
            ast::Literal::Or(_) => None,
        }
    }

    fn test(&mut self, negated: bool, test: Test, atom: &ast::Atom, scope: &Scope) -> Option<Literal> {
        let Args::ByPosition(args) = &atom.args else {
            let remedy = format!("Write {}(text, part).", test.name());
            self.error(atom.span, "the arguments of a function have no names.", remedy);
            return None;
        };
        if args.len() != 2 {
            let message = format!("'{}' takes 2 arguments, and {}.", test.name(), given(args.len()));
            self.error(atom.span, message, format!("Write {}(text, part).", test.name()));
            return None;
        }
        let args: Vec<Option<Expr>> = args.iter().map(|arg| self.expr(arg, scope)).collect();
        Some(Literal::Test { negated, test, args: args.into_iter().collect::<Option<_>>()? })
    }

    /// The arguments in the order of the columns.
    fn args(&mut self, atom: &ast::Atom, rel: Rel, scope: &Scope, is_head: bool) -> Option<Vec<Expr>> {
        let schema = Schema { name: self.relations[rel].name.clone(), columns: self.relations[rel].columns.clone() };
        let form = || {
            let names: Vec<&str> = schema.columns.iter().map(|column| column.name.as_str()).collect();
            format!("{}({})", schema.name, names.join(", "))
        };
        match &atom.args {
            Args::ByPosition(args) => {
                if args.len() != schema.columns.len() {
                    let message = format!(
                        "'{}' has {}, and {}.",
                        schema.name,
                        counted(schema.columns.len(), "column"),
                        given(args.len())
                    );
                    self.error(atom.span, message, format!("Its columns: {}. _ stands for any value.", form()));
                    return None;
                }
                let all: Vec<Option<Expr>> = args.iter().map(|arg| self.expr(arg, scope)).collect();
                all.into_iter().collect()
            }
            Args::ByName(args) => {
                let any = || Expr { kind: ExprKind::Any, span: atom.span };
                let mut placed: Vec<Expr> = schema.columns.iter().map(|_| any()).collect();
                let mut seen = FxHashSet::default();
                let mut whole = true;
                for (name, value) in args {
                    let at = schema.columns.iter().position(|column| column.name == name.text);
                    let value = self.expr(value, scope);
                    let Some(at) = at else {
                        let names = schema.columns.iter().map(|column| column.name.as_str());
                        let hint = nearest(&name.text, names).map(|other| format!("Did you mean '{other}'? "));
                        let message = format!("'{}' has no column '{}'.", schema.name, name.text);
                        self.error(name.span, message, format!("{}Its columns: {}.", hint.unwrap_or_default(), form()));
                        whole = false;
                        continue;
                    };
                    if !seen.insert(at) {
                        self.error(name.span, format!("'{}' is given twice.", name.text), "Remove one of the two.");
                        whole = false;
                    }
                    match value {
                        Some(value) => placed[at] = value,
                        None => whole = false,
                    }
                }
                if is_head && seen.len() != schema.columns.len() {
                    self.error(atom.span, "this head leaves columns open.", format!("Give all of them: {}.", form()));
                    whole = false;
                }
                whole.then_some(placed)
            }
        }
    }

    fn expr(&mut self, expr: &ast::Expr, scope: &Scope) -> Option<Expr> {
        let span = expr.span;
        let kind = match &expr.kind {
            ast::ExprKind::Variable(name) => ExprKind::Var(scope.get(name).unwrap_or(name).clone()),
            ast::ExprKind::Any => ExprKind::Any,
            ast::ExprKind::Constant(constant) => ExprKind::Constant(constant.clone()),
            ast::ExprKind::Node(name) => ExprKind::Node(self.node(name, span)?),
            ast::ExprKind::Parameter(name) => match self.parameters.get(name) {
                Some(value) => {
                    self.used_parameters.insert(name.clone());
                    ExprKind::Parameter(value.clone())
                }
                None => {
                    let remedy = format!("Give it on the command line: --arg {name}=value");
                    self.error(span, format!("the parameter '${name}' has no value."), remedy);
                    return None;
                }
            },
            ast::ExprKind::Call(name, args) => {
                let Some(function) = Function::of(&name.text) else {
                    let known = FUNCTIONS.iter().map(|(name, ..)| *name);
                    if Test::of(&name.text).is_some() {
                        let message = format!("'{}' holds or fails; it gives no value.", name.text);
                        self.error(name.span, message, "Write it as a part of the body, without a comparison.");
                        return None;
                    }
                    if self.is_relation(&name.text) {
                        let message = format!("'{}' is a relation; it gives no value.", name.text);
                        let remedy = "Write it as a part of the body, and compare a variable that it binds.";
                        self.error(name.span, message, remedy);
                        return None;
                    }
                    let hint = nearest(&name.text, known.clone()).map(|other| format!("Did you mean '{other}'? "));
                    let all: Vec<&str> = known.collect();
                    let remedy = format!("{}The functions are {}.", hint.unwrap_or_default(), all.join(", "));
                    self.error(name.span, format!("no function is called '{}'.", name.text), remedy);
                    return None;
                };
                if function.takes().is_some_and(|takes| takes.len() != args.len()) || args.is_empty() {
                    let form = FUNCTIONS.iter().find(|(other, ..)| *other == name.text).map_or("", |(_, form, _)| form);
                    let takes =
                        function.takes().map_or("arguments".to_owned(), |takes| counted(takes.len(), "argument"));
                    let message = format!("'{}' takes {takes}, and {}.", name.text, given(args.len()));
                    self.error(span, message, format!("Write {}({form}).", name.text));
                    return None;
                }
                let args: Vec<Option<Expr>> = args.iter().map(|arg| self.expr(arg, scope)).collect();
                ExprKind::Call(function, args.into_iter().collect::<Option<_>>()?)
            }
            ast::ExprKind::Binary(operator, left, right) => {
                let (left, right) = (self.expr(left, scope), self.expr(right, scope));
                ExprKind::Binary(*operator, Box::new(left?), Box::new(right?))
            }
            ast::ExprKind::List(_) => {
                let remedy = "Only a rule's head finding(…) has lists, as subject: [child, parent].";
                self.error(span, "a list is no value.", remedy);
                return None;
            }
            ast::ExprKind::Aggregate { kind, value, body } => {
                if body.iter().any(|literal| matches!(literal, ast::Literal::Or(_))) {
                    let remedy = "Write a rule of its own with the alternatives, and aggregate over its relation.";
                    self.error(span, "an aggregate's body has no alternatives.", remedy);
                    return None;
                }
                // Variables that stand nowhere outside are the aggregate's own.
                let mut inside = FxHashSet::default();
                outside(body, &mut inside);
                value.iter().for_each(|value| outside_of(value, &mut inside));
                self.locals += 1;
                let mut inner = scope.clone();
                for name in inside {
                    let local = format!("{name}{LOCAL}{}", self.locals);
                    inner.entry(name).or_insert(local);
                }
                let body: Vec<Option<Literal>> = body.iter().map(|literal| self.literal(literal, &inner)).collect();
                let value = match value {
                    Some(value) => Some(Box::new(self.expr(value, &inner)?)),
                    None => None,
                };
                ExprKind::Aggregate { kind: *kind, value, body: body.into_iter().collect::<Option<_>>()? }
            }
        };
        Some(Expr { kind, span })
    }

    fn node(&mut self, name: &str, span: Span) -> Option<Arc<str>> {
        let mut found = self.catalogue.nodes(name);
        match found.len() {
            1 => return found.pop(),
            0 => {
                let hint = self.catalogue.similar_node(name).map(|other| format!("Did you mean '@{other}'? "));
                let remedy = format!("{}`harness query 'node(name: n, type: t)'` lists all.", hint.unwrap_or_default());
                self.error(span, format!("no node is called '{name}'."), remedy);
            }
            _ => {
                let choices: Vec<String> = found.iter().take(8).map(|id| format!("\"{id}\"")).collect();
                let message = format!("{} nodes are called '{name}'.", found.len());
                self.error(span, message, format!("Write the one you mean: {}.", choices.join(" or ")));
            }
        }
        None
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn given(number: usize) -> String {
    format!("{number} {} given", if number == 1 { "is" } else { "are" })
}

/// The variables of the first head, where they can be names of columns.
fn column_names(args: &[ast::Expr]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        let name = match &arg.kind {
            ast::ExprKind::Variable(name) if !names.contains(name) => name.clone(),
            _ => format!("c{}", at + 1),
        };
        names.push(name);
    }
    names
}

fn multiply(body: &[ast::Literal]) -> Option<Vec<Vec<ast::Literal>>> {
    let mut all: Vec<Vec<ast::Literal>> = vec![Vec::new()];
    for literal in body {
        let ast::Literal::Or(alternatives) = literal else {
            all.iter_mut().for_each(|conjunction| conjunction.push(literal.clone()));
            continue;
        };
        let mut inner = Vec::new();
        for alternative in alternatives {
            inner.extend(multiply(alternative)?);
        }
        if all.len().saturating_mul(inner.len()) > MAX_ALTERNATIVES {
            return None;
        }
        all = all
            .iter()
            .flat_map(|before| inner.iter().map(|after| before.iter().chain(after).cloned().collect()))
            .collect();
    }
    Some(all)
}
