//! From resolved clauses to what is evaluated, and the last checks: variables that nothing binds, and
//! negation through recursion.

use super::ast::{AggregateKind, Compare};
use super::diagnostic::{Diagnostic, Span};
use super::functions::{Takes, Test};
use super::infer::{Types, type_of};
use super::ir::{self, Aggregate, Atom, Rel, Relation, Term, Var};
use super::resolve::{Clause, Expr, ExprKind, Literal, plain};
use super::schema::Type;
use super::strata::{components, way};
use super::value::{Constant, Values};
use regex::RegexBuilder;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// Bytes a compiled regular expression may take.
const MAX_REGEX: usize = 1 << 20;

pub(super) struct Lowering<'a> {
    pub relations: &'a [Relation],
    pub values: &'a mut Values,
    pub errors: &'a mut Vec<Diagnostic>,
}

/// One clause while it is lowered.
struct Frame<'t> {
    types: &'t Types,
    vars: Vec<String>,
    spans: Vec<Span>,
    by_name: FxHashMap<String, Var>,
    body: Vec<ir::Literal>,
    is_own: bool,
}

impl Frame<'_> {
    fn var(&mut self, name: &str, span: Span) -> Var {
        if let Some(var) = self.by_name.get(name) {
            return *var;
        }
        self.by_name.insert(name.to_owned(), self.vars.len());
        self.push(plain(name).to_owned(), span)
    }

    fn push(&mut self, name: String, span: Span) -> Var {
        self.vars.push(name);
        self.spans.push(span);
        self.vars.len() - 1
    }
}

impl Lowering<'_> {
    fn error(&mut self, frame: &Frame<'_>, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        if frame.is_own {
            self.errors.push(Diagnostic::error(span, message, remedy));
        }
    }

    pub(super) fn clause(&mut self, clause: &Clause, types: &Types) -> Option<ir::Clause> {
        let mut frame = Frame {
            types,
            vars: Vec::new(),
            spans: Vec::new(),
            by_name: FxHashMap::default(),
            body: Vec::new(),
            is_own: clause.is_own,
        };
        let mut args = Vec::new();
        for (arg, column) in clause.args.iter().zip(&self.relations[clause.head].columns) {
            if matches!(arg.kind, ExprKind::Any) {
                let message = format!("'_' says nothing in the head of '{}'.", self.relations[clause.head].name);
                self.error(&frame, arg.span, message, "Name a variable of the body, or leave the column out.");
                return None;
            }
            args.push(self.term(arg, Some(column.of), &mut frame)?);
        }
        for literal in &clause.body {
            self.literal(literal, &mut frame)?;
        }
        substitute(&mut args, &mut frame.body);
        let mut body = std::mem::take(&mut frame.body);
        let head = args.iter().filter_map(|term| if let Term::Var(var) = term { Some(*var) } else { None });
        set_outer(&mut body, &head.collect());
        self.check_safety(&args, &body, &frame)?;
        if clause.is_own && !clause.is_question {
            self.warn_unused(clause, &frame);
        }
        Some(ir::Clause {
            head: clause.head,
            args,
            body,
            vars: frame.vars,
            text: clause.text.clone(),
            span: clause.span,
        })
    }

    fn literal(&mut self, literal: &Literal, frame: &mut Frame<'_>) -> Option<()> {
        match literal {
            Literal::Atom { negated, rel, args, .. } => {
                let columns: Vec<Type> = self.relations[*rel].columns.iter().map(|column| column.of).collect();
                let mut terms = Vec::new();
                for (arg, of) in args.iter().zip(columns) {
                    terms.push(self.term(arg, Some(of), frame)?);
                }
                let atom = Atom { rel: *rel, args: terms };
                frame.body.push(if *negated { ir::Literal::Negative(atom) } else { ir::Literal::Positive(atom) });
            }
            Literal::Test { negated, test, args } => {
                let [text, part] = args.as_slice() else { return None };
                let regex = match test {
                    Test::Matches => Some(self.regex(part, frame)?),
                    _ => None,
                };
                let text = self.expr(text, Some(Type::Text), frame)?;
                let part = self.expr(part, Some(Type::Text), frame)?;
                frame.body.push(ir::Literal::Test { negated: *negated, test: *test, text, part, regex });
            }
            Literal::Compare { op, left, right, .. } => {
                let (of_left, of_right) = (type_of(left, frame.types), type_of(right, frame.types));
                // `n = count : { … }` needs no variable in between.
                if *op == Compare::Eq {
                    for (name, other) in [(left, right), (right, left)] {
                        if let (ExprKind::Var(name), ExprKind::Aggregate { .. }) = (&name.kind, &other.kind) {
                            let out = frame.var(name, other.span);
                            return self.aggregate(other, out, frame);
                        }
                    }
                }
                let left = self.expr(left, of_right, frame)?;
                let right = self.expr(right, of_left, frame)?;
                frame.body.push(ir::Literal::Compare(*op, left, right));
            }
        }
        Some(())
    }

    fn regex(&mut self, pattern: &Expr, frame: &Frame<'_>) -> Option<Arc<regex::Regex>> {
        let text = match &pattern.kind {
            ExprKind::Constant(Constant::Text(text)) => text.to_string(),
            ExprKind::Parameter(value) => value.clone(),
            _ => {
                let remedy = "Write it as a quoted text or as $parameter; contains(text, part) takes a variable.";
                self.error(frame, pattern.span, "a regular expression is no variable.", remedy);
                return None;
            }
        };
        match RegexBuilder::new(&text).size_limit(MAX_REGEX).build() {
            Ok(regex) => Some(Arc::new(regex)),
            Err(error) => {
                if let regex::Error::CompiledTooBig(_) = error {
                    let remedy = "Ask for fewer repetitions, or for less in one expression.";
                    self.error(frame, pattern.span, "this regular expression is too large.", remedy);
                    return None;
                }
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let remedy = r"To find a character that has a meaning, write a backslash before it, as \. or \(.";
                self.error(frame, pattern.span, format!("this is no regular expression: {why}."), remedy);
                None
            }
        }
    }

    /// An argument of a relation.
    fn term(&mut self, expr: &Expr, of: Option<Type>, frame: &mut Frame<'_>) -> Option<Term> {
        if let ExprKind::Any = expr.kind {
            return Some(Term::Any);
        }
        match self.expr(expr, of, frame)? {
            ir::Expr::Term(term) => Some(term),
            computed => {
                let var = frame.push(String::new(), expr.span);
                frame.body.push(ir::Literal::Compare(Compare::Eq, ir::Expr::Term(Term::Var(var)), computed));
                Some(Term::Var(var))
            }
        }
    }

    fn expr(&mut self, expr: &Expr, of: Option<Type>, frame: &mut Frame<'_>) -> Option<ir::Expr> {
        let constant =
            |values: &mut Values, constant: &Constant| ir::Expr::Term(Term::Const(values.constant(constant)));
        Some(match &expr.kind {
            ExprKind::Var(name) => ir::Expr::Term(Term::Var(frame.var(name, expr.span))),
            ExprKind::Any => {
                self.error(frame, expr.span, "'_' has no value here.", "Use a variable that a relation binds.");
                return None;
            }
            ExprKind::Constant(found) => constant(self.values, found),
            ExprKind::Node(id) => ir::Expr::Term(Term::Const(self.values.text(id))),
            ExprKind::Parameter(value) => {
                let number = of.is_none_or(Type::is_number).then(|| Constant::number(value)).flatten();
                constant(self.values, &number.unwrap_or_else(|| Constant::text(value)))
            }
            ExprKind::Call(function, args) => {
                let takes = function.takes();
                let mut lowered = Vec::new();
                for (at, arg) in args.iter().enumerate() {
                    let of = match takes.and_then(|takes| takes.get(at)) {
                        Some(Takes::Number) => Type::Int,
                        _ => Type::Text,
                    };
                    lowered.push(self.expr(arg, Some(of), frame)?);
                }
                ir::Expr::Call(*function, lowered)
            }
            ExprKind::Binary(operator, left, right) => {
                let left = self.expr(left, Some(Type::Decimal), frame)?;
                let right = self.expr(right, Some(Type::Decimal), frame)?;
                ir::Expr::Binary(*operator, Box::new(left), Box::new(right))
            }
            ExprKind::Aggregate { .. } => {
                let out = frame.push(String::new(), expr.span);
                self.aggregate(expr, out, frame)?;
                ir::Expr::Term(Term::Var(out))
            }
        })
    }

    fn aggregate(&mut self, expr: &Expr, out: Var, frame: &mut Frame<'_>) -> Option<()> {
        let ExprKind::Aggregate { kind, value, body } = &expr.kind else { return None };
        let before = std::mem::take(&mut frame.body);
        for literal in body {
            self.literal(literal, frame)?;
        }
        let value = match value {
            Some(value) => Some(self.expr(value, None, frame)?),
            None => None,
        };
        let body = std::mem::replace(&mut frame.body, before);
        let kind: AggregateKind = *kind;
        // Which variables are bound outside is known once the whole clause is there.
        frame.body.push(ir::Literal::Aggregate(Aggregate { out, kind, value, body, outer: Vec::new() }));
        Some(())
    }

    /// Tells of each variable that nothing binds.
    fn check_safety(&mut self, args: &[Term], body: &[ir::Literal], frame: &Frame<'_>) -> Option<()> {
        let mut bound = bound_by(body, FxHashSet::default());
        let mut told: FxHashSet<Var> = FxHashSet::default();
        loop {
            let in_head = args.iter().filter_map(|term| if let Term::Var(var) = term { Some(*var) } else { None });
            let in_head = in_head.filter(|var| !bound.contains(var)).map(|var| (var, false));
            let found: Vec<(Var, bool)> = unsafe_in(body, &bound).into_iter().chain(in_head).collect();
            // That an aggregate lacks its group is the cause of what else is unbound, and what has a
            // name tells more than what is calculated from it.
            let rank = |(var, is_group): &(Var, bool)| (!is_group, frame.vars[*var].is_empty());
            let untold = found.iter().copied().filter(|(var, _)| !told.contains(var));
            let Some((var, is_group)) = untold.min_by_key(rank) else { break };
            told.insert(var);
            self.tell_unbound(var, is_group, body, frame);
            // What follows from it is no error of its own.
            bound.insert(var);
            bound = bound_by(body, bound);
        }
        told.is_empty().then_some(())
    }

    fn tell_unbound(&mut self, var: Var, is_group: bool, body: &[ir::Literal], frame: &Frame<'_>) {
        let name = &frame.vars[var];
        let (message, remedy) = if is_group {
            let example = lists(body, var).map(|atom| {
                let args = atom.args.iter().map(|term| if *term == Term::Var(var) { name.as_str() } else { "_" });
                format!(", as {}({})", self.relations[atom.rel].name, args.collect::<Vec<_>>().join(", "))
            });
            (
                format!("'{name}' groups the aggregate, and nothing outside of the braces gives it values."),
                format!("Add a relation outside of the braces that lists them{}.", example.unwrap_or_default()),
            )
        } else {
            let what = if name.is_empty() { "this value".to_owned() } else { format!("'{name}'") };
            let remedy = "Name it in a relation without '!', or compare it by '=' with what is bound; _ is any value.";
            (format!("{what} is bound by nothing."), remedy.to_owned())
        };
        self.error(frame, frame.spans[var], message, remedy);
    }

    fn warn_unused(&mut self, clause: &Clause, frame: &Frame<'_>) {
        let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
        let count = &mut |name: &str| {
            if let Some((name, _)) = frame.by_name.get_key_value(name) {
                *counts.entry(name.as_str()).or_default() += 1;
            }
        };
        clause.args.iter().for_each(|arg| each_name(arg, count));
        clause.body.iter().for_each(|literal| each_name_of(literal, count));
        let mut once: Vec<&str> = counts.into_iter().filter(|(_, times)| *times == 1).map(|(name, _)| name).collect();
        once.retain(|name| !name.starts_with('_'));
        once.sort_unstable();
        for name in once {
            let span = frame.by_name.get(name).map_or(clause.span, |var| frame.spans[*var]);
            let message = format!("'{}' is used once.", plain(name));
            self.errors.push(Diagnostic::warning(span, message, "Write _ where any value will do."));
        }
    }
}

fn each_name(expr: &Expr, note: &mut impl FnMut(&str)) {
    match &expr.kind {
        ExprKind::Var(name) => note(name),
        ExprKind::Call(_, args) => args.iter().for_each(|arg| each_name(arg, note)),
        ExprKind::Binary(_, left, right) => {
            each_name(left, note);
            each_name(right, note);
        }
        ExprKind::Aggregate { value, body, .. } => {
            value.iter().for_each(|value| each_name(value, note));
            body.iter().for_each(|literal| each_name_of(literal, note));
        }
        _ => {}
    }
}

fn each_name_of(literal: &Literal, note: &mut impl FnMut(&str)) {
    match literal {
        Literal::Atom { args, .. } | Literal::Test { args, .. } => {
            args.iter().for_each(|arg| each_name(arg, &mut *note));
        }
        Literal::Compare { left, right, .. } => {
            each_name(left, note);
            each_name(right, note);
        }
    }
}

/// `x = "text"` says what x is: the constant takes its place.
fn substitute(args: &mut [Term], body: &mut Vec<ir::Literal>) {
    while let Some(at) = body.iter().position(|literal| constant_of(literal).is_some()) {
        let literal = body.remove(at);
        let Some((var, value)) = constant_of(&literal) else { return };
        let change = |term: &mut Term| {
            if *term == Term::Var(var) {
                *term = Term::Const(value);
            }
        };
        // What an aggregate gives is compared, not replaced.
        if body.iter().any(|literal| gives(literal, var)) {
            let again = ir::Literal::Compare(Compare::Le, term(Term::Var(var)), term(Term::Const(value)));
            let same = ir::Literal::Compare(Compare::Ge, term(Term::Var(var)), term(Term::Const(value)));
            body.extend([again, same]);
            continue;
        }
        args.iter_mut().for_each(change);
        body.iter_mut().for_each(|literal| literal.map(&change));
    }
}

fn term(term: Term) -> ir::Expr {
    ir::Expr::Term(term)
}

fn constant_of(literal: &ir::Literal) -> Option<(Var, super::value::Value)> {
    let ir::Literal::Compare(Compare::Eq, left, right) = literal else { return None };
    match (left, right) {
        (ir::Expr::Term(Term::Var(var)), ir::Expr::Term(Term::Const(value)))
        | (ir::Expr::Term(Term::Const(value)), ir::Expr::Term(Term::Var(var))) => Some((*var, *value)),
        _ => None,
    }
}

fn gives(literal: &ir::Literal, var: Var) -> bool {
    match literal {
        ir::Literal::Aggregate(aggregate) => {
            aggregate.out == var || aggregate.body.iter().any(|literal| gives(literal, var))
        }
        _ => false,
    }
}

/// Notes which variables of each aggregate also stand outside of it. Its own were given names of
/// their own, so no other aggregate has them.
fn set_outer(body: &mut [ir::Literal], outside: &FxHashSet<Var>) {
    let vars: Vec<Vec<Var>> = body.iter().map(ir::Literal::all_vars).collect();
    let mut counts: FxHashMap<Var, usize> = FxHashMap::default();
    let distinct = |vars: &[Var]| vars.iter().copied().collect::<FxHashSet<Var>>();
    vars.iter().for_each(|vars| distinct(vars).into_iter().for_each(|var| *counts.entry(var).or_default() += 1));
    for (literal, vars) in body.iter_mut().zip(&vars) {
        let ir::Literal::Aggregate(aggregate) = literal else { continue };
        let is_elsewhere = |var: &Var| outside.contains(var) || counts.get(var).is_some_and(|count| *count > 1);
        let mut elsewhere: FxHashSet<Var> = vars.iter().copied().filter(is_elsewhere).collect();
        elsewhere.insert(aggregate.out);
        let mut inside = Vec::new();
        aggregate.value.iter().for_each(|value| value.vars(&mut inside));
        aggregate.body.iter().for_each(|literal| inside.extend(literal.all_vars()));
        inside.sort_unstable();
        inside.dedup();
        aggregate.outer = inside.into_iter().filter(|var| elsewhere.contains(var)).collect();
        let mut around = elsewhere;
        aggregate.value.iter().for_each(|value| {
            let mut used = Vec::new();
            value.vars(&mut used);
            around.extend(used);
        });
        set_outer(&mut aggregate.body, &around);
    }
}

/// The variables that a body binds.
fn bound_by(body: &[ir::Literal], mut bound: FxHashSet<Var>) -> FxHashSet<Var> {
    for literal in body {
        if let ir::Literal::Positive(atom) = literal {
            bound.extend(atom.vars());
        }
    }
    loop {
        let before = bound.len();
        for literal in body {
            bound.extend(binds(literal, &bound));
        }
        if bound.len() == before {
            return bound;
        }
    }
}

/// What a literal binds where these variables are bound, beside a relation's rows.
pub(super) fn binds(literal: &ir::Literal, bound: &FxHashSet<Var>) -> Option<Var> {
    match literal {
        ir::Literal::Compare(Compare::Eq, left, right) => {
            [(left.as_var(), right), (right.as_var(), left)].into_iter().find_map(|(var, other)| {
                let mut needed = Vec::new();
                other.vars(&mut needed);
                var.filter(|var| !bound.contains(var) && needed.iter().all(|var| bound.contains(var)))
            })
        }
        ir::Literal::Aggregate(aggregate) => {
            aggregate.outer.iter().all(|var| bound.contains(var)).then_some(aggregate.out)
        }
        _ => None,
    }
}

/// A relation inside of an aggregate that has the variable.
fn lists(body: &[ir::Literal], var: Var) -> Option<&Atom> {
    body.iter().find_map(|literal| match literal {
        ir::Literal::Aggregate(aggregate) => aggregate.body.iter().find_map(|inner| match inner {
            ir::Literal::Positive(atom) if atom.vars().any(|other| other == var) => Some(atom),
            _ => None,
        }),
        _ => None,
    })
}

/// Variables that nothing binds, and whether they group an aggregate.
fn unsafe_in(body: &[ir::Literal], bound: &FxHashSet<Var>) -> Vec<(Var, bool)> {
    let mut found = Vec::new();
    for literal in body {
        let ir::Literal::Aggregate(aggregate) = literal else {
            found.extend(literal.all_vars().into_iter().filter(|var| !bound.contains(var)).map(|var| (var, false)));
            continue;
        };
        found.extend(aggregate.outer.iter().filter(|var| !bound.contains(var)).map(|var| (*var, true)));
        let inside = bound_by(&aggregate.body, aggregate.outer.iter().copied().collect());
        let mut used = Vec::new();
        aggregate.value.iter().for_each(|value| value.vars(&mut used));
        found.extend(used.into_iter().filter(|var| !inside.contains(var)).map(|var| (var, false)));
        found.extend(unsafe_in(&aggregate.body, &inside));
    }
    found
}

/// An error for each group of relations that depends on its own negation.
pub(super) fn check_strata(relations: &[Relation], clauses: &[Clause], errors: &mut Vec<Diagnostic>) {
    let mut reads: Vec<Vec<Rel>> = vec![Vec::new(); relations.len()];
    let mut whole: Vec<(Rel, Rel, Span, &'static str, bool)> = Vec::new();
    for clause in clauses {
        let mut found = Vec::new();
        clause.body.iter().for_each(|literal| note(literal, None, &mut found));
        for (rel, span, how) in found {
            reads[clause.head].push(rel);
            if let Some(how) = how {
                whole.push((clause.head, rel, span, how, clause.is_own));
            }
        }
    }
    let mut group_of = vec![0; relations.len()];
    for (at, group) in components(&reads).into_iter().enumerate() {
        group.into_iter().for_each(|rel| group_of[rel] = at);
    }
    let mut told: FxHashSet<usize> = FxHashSet::default();
    for (head, rel, span, how, is_own) in whole {
        if group_of[head] != group_of[rel] || !is_own || !told.insert(group_of[head]) {
            continue;
        }
        let names: Vec<String> =
            way(&reads, rel, head).into_iter().map(|rel| format!("'{}'", relations[rel].name)).collect();
        let message = format!(
            "'{}' depends on {how} '{}', which depends on '{}' again: '{}' → {}.",
            relations[head].name,
            relations[rel].name,
            relations[head].name,
            relations[head].name,
            names.join(" → ")
        );
        let remedy = "What is negated or aggregated must be known first: move it into rules that do not use this one.";
        errors.push(Diagnostic::error(span, message, remedy));
    }
}

type Read = (Rel, Span, Option<&'static str>);

fn note(literal: &Literal, within: Option<&'static str>, found: &mut Vec<Read>) {
    match literal {
        Literal::Atom { negated, rel, args, span } => {
            found.push((*rel, *span, if *negated { Some("the negation of") } else { within }));
            args.iter().for_each(|arg| note_in(arg, found));
        }
        Literal::Test { args, .. } => args.iter().for_each(|arg| note_in(arg, found)),
        Literal::Compare { left, right, .. } => {
            note_in(left, found);
            note_in(right, found);
        }
    }
}

fn note_in(expr: &Expr, found: &mut Vec<Read>) {
    match &expr.kind {
        ExprKind::Call(_, args) => args.iter().for_each(|arg| note_in(arg, found)),
        ExprKind::Binary(_, left, right) => {
            note_in(left, found);
            note_in(right, found);
        }
        ExprKind::Aggregate { value, body, .. } => {
            value.iter().for_each(|value| note_in(value, found));
            body.iter().for_each(|literal| note(literal, Some("an aggregate over"), found));
        }
        _ => {}
    }
}
