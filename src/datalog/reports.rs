//! Programs that report: some of their relations may be defined with other arguments in each clause, which
//! have lists and rows among their values. Each clause of such a relation is an answer of its own.

use super::answer::{Rows, Statistics};
use super::ast::{Args, Atom, Clause, Expr, ExprKind, Literal, Named, Program};
use super::compile::{Compiled, Parsed, compile_parsed};
use super::diagnostic::{Diagnostic, Span};
use super::eval::{Failure, Limits};
use super::library::Library;
use super::loaded::Loaded;
use super::old::{former, is_of_a_change};
use super::parser::parse;
use super::proof::Proof;
use super::schema::{Catalogue, Facts, Schema, Type};
use super::value::Constant;
use std::collections::{BTreeMap, BTreeSet};

/// What no written name holds: it parts the names made here.
pub(super) const MARK: char = '#';

/// The shape of a program that reports.
#[derive(Debug, Clone, Copy)]
pub struct Forms<'f> {
    /// The relations that are reported.
    pub heads: &'f [&'f str],
    /// The argument whose value is a row: `at: ref(child, parent)`.
    pub row: &'f str,
}

/// A parsed program that reports.
#[derive(Debug, Clone)]
pub struct Reports {
    program: Program,
    text: String,
    row: String,
    /// One a clause, in the order of the text.
    pub reports: Vec<Report>,
    /// The relations that bodies read.
    read: BTreeSet<String>,
}

/// One clause of a reported relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The relation.
    pub head: String,
    pub args: Vec<Arg>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// Arguments by position are called `1`, `2` and so on.
    pub name: String,
    pub span: Span,
    pub form: Form,
}

/// How many of the answer's columns an argument fills, and what they make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    Value,
    List(usize),
    /// A row of this relation.
    Row(String, usize),
}

impl Form {
    fn width(&self) -> usize {
        match self {
            Self::Value => 1,
            Self::List(width) | Self::Row(_, width) => *width,
        }
    }
}

/// A report program that can be run.
#[derive(Debug, Clone)]
pub struct CompiledReports {
    compiled: Compiled,
    pub reports: Vec<Report>,
}

/// A row of an answer, by its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'r> {
    pub report: &'r Report,
    /// One value a column.
    pub row: &'r [Constant],
}

impl<'r> Reported<'r> {
    /// Each argument with its values.
    pub fn args(self) -> impl Iterator<Item = (&'r Arg, &'r [Constant])> {
        let mut from = 0;
        self.report.args.iter().map(move |arg| {
            let values = self.row.get(from..from + arg.form.width()).unwrap_or_default();
            from += arg.form.width();
            (arg, values)
        })
    }

    pub fn arg(self, name: &str) -> Option<(&'r Arg, &'r [Constant])> {
        self.args().find(|(arg, _)| arg.name == name)
    }
}

impl Reports {
    /// Parses a program. All that is wrong with its form is told at once.
    pub fn parse(text: &str, forms: Forms<'_>) -> Result<Self, Vec<Diagnostic>> {
        let (program, mut errors) = parse(text);
        if let Some(question) = program.questions.first() {
            let remedy = format!("Write {}(…) :- before it.", forms.heads.first().copied().unwrap_or_default());
            errors.push(Diagnostic::error(
                question.span,
                "a rule asks no question: its heads say what it finds.",
                remedy,
            ));
        }
        let mut reports = Vec::new();
        for clause in program.clauses.iter().filter(|clause| forms.heads.contains(&clause.head.relation.text.as_str()))
        {
            reports.push(Report {
                head: clause.head.relation.text.clone(),
                args: shape(clause, forms.row, &mut errors),
                span: clause.head.span,
            });
        }
        if errors.is_empty() {
            let mut read = BTreeSet::new();
            for clause in &program.clauses {
                each_atom(&clause.body, &mut |atom| {
                    read.insert(atom.relation.text.clone());
                });
            }
            Ok(Self { program, text: text.to_owned(), row: forms.row.to_owned(), reports, read })
        } else {
            errors.sort_by_key(|error| error.span.start);
            Err(errors)
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The texts that stand for a column of a relation wherever the program reads it; `None` where one is no
    /// constant. Empty where the relation is not read.
    pub fn constants_of(&self, relation: &str, column: &str, at: usize) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let mut whole = true;
        for clause in &self.program.clauses {
            each_atom(&clause.body, &mut |atom| {
                if atom.relation.text != relation {
                    return;
                }
                let value = match &atom.args {
                    Args::ByPosition(args) => args.get(at),
                    Args::ByName(args) => args.iter().find(|(name, _)| name.text == column).map(|(_, value)| value),
                };
                match value.map(|value| &value.kind) {
                    Some(ExprKind::Constant(Constant::Text(text))) => found.push(text.to_string()),
                    _ => whole = false,
                }
            });
        }
        whole.then_some(found)
    }

    /// Whether the program reads a relation.
    pub fn reads(&self, relation: &str) -> bool {
        self.read.contains(relation)
    }

    /// Whether the program reads what only a comparison of two sides gives.
    pub fn compares(&self) -> bool {
        self.read.iter().any(|relation| is_of_a_change(relation))
    }

    /// Compiles the program. All that is wrong with it is told at once.
    pub fn compile(
        &self,
        library: &Library,
        catalogue: &dyn Catalogue,
        parameters: &BTreeMap<String, String>,
    ) -> Result<CompiledReports, Vec<Diagnostic>> {
        self.compile_on(library, catalogue, parameters, &mut Loaded::default())
    }

    /// The same for a run with facts that others have loaded.
    pub fn compile_on(
        &self,
        library: &Library,
        catalogue: &dyn Catalogue,
        parameters: &BTreeMap<String, String>,
        loaded: &mut Loaded,
    ) -> Result<CompiledReports, Vec<Diagnostic>> {
        let schema =
            |name: &str| catalogue.schema(name).or_else(|| library.schema(former(name).unwrap_or(name)).cloned());
        let mut errors = Vec::new();
        let mut program = self.program.clone();
        let mut reports = self.reports.clone();
        let mut names = Vec::new();
        let mut open = reports.iter_mut();
        for clause in &mut program.clauses {
            if !self.reports.iter().any(|report| report.span == clause.head.span) {
                continue;
            }
            let Some(report) = open.next() else { continue };
            let name = format!("{}{MARK}{}", report.head, names.len());
            flatten(clause, report, &self.row, &schema, &mut errors);
            clause.head.relation.text.clone_from(&name);
            names.push(name);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let heads: Vec<&str> = names.iter().map(String::as_str).collect();
        if heads.is_empty() {
            return Err(vec![Diagnostic::error(Span::default(), "nothing is reported.", "Write a head finding(…).")]);
        }
        let values = loaded.take_values();
        let parsed = Parsed { program: &program, errors: Vec::new(), heads: &heads, text: &self.text };
        let compiled = compile_parsed(parsed, library, catalogue, parameters, values);
        let compiled = compiled.map_err(|mut errors| {
            loaded.clear();
            // The names made here say nothing to whoever wrote the rule.
            for error in &mut errors {
                error.message = unmarked(&error.message);
                error.remedy = unmarked(&error.remedy);
            }
            errors
        })?;
        Ok(CompiledReports { compiled, reports })
    }
}

impl CompiledReports {
    /// The rows of each report, in the order of the reports.
    pub fn run(&self, facts: &dyn Facts, limits: &Limits<'_>) -> Result<(Vec<Rows>, Statistics), Failure> {
        self.compiled.run_all(facts, limits)
    }

    /// The same with the facts that it was compiled for.
    pub fn run_on(
        self,
        facts: &dyn Facts,
        limits: &Limits<'_>,
        loaded: &mut Loaded,
    ) -> Result<(Vec<Rows>, Statistics), Failure> {
        self.compiled.run_on(facts, limits, loaded)
    }

    /// A proof of a row of a report.
    pub fn explain(
        &self,
        report: usize,
        row: &[Constant],
        facts: &dyn Facts,
        limits: &Limits<'_>,
    ) -> Result<Option<Proof>, Failure> {
        let rows = [row.to_vec()];
        Ok(self.compiled.explain_answer(report, &rows, facts, limits)?.pop().flatten())
    }

    pub(super) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    /// The base relations that it reads.
    pub fn reads(&self) -> Vec<&str> {
        self.compiled.reads()
    }

    /// What the columns of a report hold.
    pub fn types(&self, report: usize) -> Vec<Type> {
        self.compiled.columns_of(report).iter().map(|column| column.of).collect()
    }
}

fn unmarked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == MARK && rest.peek().is_some_and(char::is_ascii_digit) {
            while rest.next_if(char::is_ascii_digit).is_some() {}
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// The arguments of a head, as far as its text tells them.
fn shape(clause: &Clause, row: &str, errors: &mut Vec<Diagnostic>) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    match &clause.head.args {
        Args::ByPosition(values) => {
            for (at, value) in values.iter().enumerate() {
                args.push(Arg { name: (at + 1).to_string(), span: value.span, form: Form::Value });
            }
        }
        Args::ByName(values) => {
            for (name, value) in values {
                if args.iter().any(|arg| arg.name == name.text) {
                    let message = format!("'{}' is given twice.", name.text);
                    errors.push(Diagnostic::error(name.span, message, "Remove one of the two."));
                }
                let form = match &value.kind {
                    ExprKind::List(items) => Form::List(items.len()),
                    ExprKind::Call(relation, values) if name.text == row => {
                        Form::Row(relation.text.clone(), values.len())
                    }
                    // How wide it is, its relation tells.
                    ExprKind::Variable(relation) if name.text == row => Form::Row(relation.clone(), 0),
                    _ if name.text == row => {
                        let message = format!("'{row}' is a row of a relation.");
                        let remedy =
                            format!("Write {row}: relation(arguments), or the name of a relation of the body.");
                        errors.push(Diagnostic::error(value.span, message, remedy));
                        Form::Value
                    }
                    _ => Form::Value,
                };
                args.push(Arg { name: name.text.clone(), span: name.span, form });
            }
        }
    }
    args
}

/// Gives the head one argument a column, each with a name of its own.
fn flatten(
    clause: &mut Clause,
    report: &mut Report,
    row: &str,
    schema: &dyn Fn(&str) -> Option<Schema>,
    errors: &mut Vec<Diagnostic>,
) {
    let values: Vec<Expr> = match std::mem::replace(&mut clause.head.args, Args::ByPosition(Vec::new())) {
        Args::ByPosition(values) => values,
        Args::ByName(values) => values.into_iter().map(|(_, value)| value).collect(),
    };
    let mut flat = Vec::new();
    for (arg, value) in report.args.iter_mut().zip(values) {
        let span = value.span;
        let part = |at: usize| Named { text: format!("{}{MARK}{at}", arg.name), span };
        match value.kind {
            ExprKind::List(items) => {
                flat.extend(items.into_iter().enumerate().map(|(at, item)| (part(at), item)));
            }
            ExprKind::Call(relation, items) if arg.name == row => {
                match schema(&relation.text) {
                    Some(schema) if schema.columns.len() != items.len() => {
                        let message = format!("'{}' has {} columns.", relation.text, schema.columns.len());
                        errors.push(Diagnostic::error(span, message, format!("Give all of them: {}.", schema.shown())));
                    }
                    Some(_) => {}
                    None => {
                        let message = format!("no relation is called '{}'.", relation.text);
                        errors.push(Diagnostic::error(
                            relation.span,
                            message,
                            "`harness relations` lists all of them.",
                        ));
                    }
                }
                flat.extend(items.into_iter().enumerate().map(|(at, item)| (part(at), item)));
            }
            ExprKind::Variable(relation) if arg.name == row => {
                let items = whole_row(&mut clause.body, &relation, schema).unwrap_or_else(|| {
                    let message = format!("the body of this rule has no '{relation}(…)' to stand at.");
                    let remedy = format!("Write {row}: {relation}(arguments), or read the relation in the body.");
                    errors.push(Diagnostic::error(span, message, remedy));
                    Vec::new()
                });
                arg.form = Form::Row(relation, items.len());
                flat.extend(items.into_iter().enumerate().map(|(at, item)| (part(at), item)));
            }
            kind => flat.push((part(0), Expr { kind, span })),
        }
    }
    clause.head.args = Args::ByName(flat);
}

/// The arguments of the first atom of a relation in a body; those left open get variables.
fn whole_row(body: &mut [Literal], relation: &str, schema: &dyn Fn(&str) -> Option<Schema>) -> Option<Vec<Expr>> {
    let atom = body.iter_mut().find_map(|literal| match literal {
        Literal::Atom { negated: false, atom } if atom.relation.text == relation => Some(atom),
        _ => None,
    })?;
    let schema = schema(relation)?;
    let span = atom.relation.span;
    let mut all: Vec<Option<Expr>> = vec![None; schema.columns.len()];
    match &atom.args {
        Args::ByPosition(args) if args.len() != all.len() => return None,
        Args::ByPosition(args) => all = args.iter().cloned().map(Some).collect(),
        Args::ByName(args) => {
            for (name, value) in args {
                let at = schema.columns.iter().position(|column| column.name == name.text)?;
                all[at] = Some(value.clone());
            }
        }
    }
    let whole: Vec<Expr> = all
        .into_iter()
        .zip(&schema.columns)
        .map(|(value, column)| {
            let open = Expr { kind: ExprKind::Variable(format!("{relation}{MARK}{}", column.name)), span };
            value.filter(|value| !matches!(value.kind, ExprKind::Any)).unwrap_or(open)
        })
        .collect();
    atom.args = Args::ByPosition(whole.clone());
    Some(whole)
}

fn each_atom(body: &[Literal], visit: &mut dyn FnMut(&Atom)) {
    fn of_expr(expr: &Expr, visit: &mut dyn FnMut(&Atom)) {
        match &expr.kind {
            ExprKind::Aggregate { value, body, .. } => {
                value.iter().for_each(|value| of_expr(value, visit));
                each_atom(body, visit);
            }
            ExprKind::Call(_, args) | ExprKind::List(args) => args.iter().for_each(|arg| of_expr(arg, visit)),
            ExprKind::Binary(_, left, right) => {
                of_expr(left, visit);
                of_expr(right, visit);
            }
            _ => {}
        }
    }
    for literal in body {
        match literal {
            Literal::Atom { atom, .. } => visit(atom),
            Literal::Compare { left, right, .. } => {
                of_expr(left, visit);
                of_expr(right, visit);
            }
            Literal::Or(alternatives) => alternatives.iter().for_each(|body| each_atom(body, visit)),
        }
    }
}
