//! Runs the `datalog` block of a rule: what it finds, each with place and texts, and what could break it.

use crate::datalog::{
    Arg, Catalogue, Cell, Column, CompiledReports, Constant, Facts, Failure, Form, Limits, Loaded, Proof, Report,
    Reported, Rows, Schema, Stop, Type,
};
use crate::observe::{Place, Severity};
use crate::query::{Repo, Standing, library, shown_id};
use crate::rules::block::{FINDING, ROW, SUBJECT, told};
use crate::rules::finding::Finding;
use crate::rules::registry::HOUSE;
use crate::rules::rule::{OptionValue, Rule};
use crate::rules::template::Part;
use crate::rules::violation::{Violation, report};
use crate::syntax::span::Position;
use indexmap::IndexMap;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of rows that one rule may derive.
const MEMORY: usize = 1 << 30;

/// Bytes of rows that a rule of the repo itself may derive, polls of its work beside one a node, its findings, and
/// the bytes of their texts.
const OWN_MEMORY: usize = 128 << 20;
const OWN_POLLS: u32 = 800;
const OWN_FINDINGS: usize = 100_000;
const OWN_TEXTS: usize = 64 << 20;

/// The relation of a rule's options that are lists.
pub(super) const OPTION: &str = "option";

/// What a rule's options are set to, by name.
pub type Options = BTreeMap<String, OptionValue>;

/// Why a rule cannot be run, and on which line of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub line: u32,
    pub what: String,
}

/// What a rule's block gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluation {
    pub violations: Vec<Violation>,
    /// How many things could break it; none where it is no convention.
    pub subjects: usize,
    /// What they are: `models`.
    pub noun: &'static str,
}

/// What a rule found, before it is decided how grave that is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judged {
    /// Sorted as they are printed, each as grave as its row lets it be.
    pub findings: Vec<Finding>,
    pub subjects: usize,
    pub noun: &'static str,
}

impl Judged {
    pub fn of(rule: &Rule, evaluation: &Evaluation) -> Self {
        let findings = report(rule, Severity::Error, &evaluation.violations);
        Self { findings, subjects: evaluation.subjects, noun: evaluation.noun }
    }
}

/// Facts and the rule's own options.
#[derive(Debug)]
pub struct Scoped<'r, F> {
    pub facts: &'r F,
    pub options: &'r Options,
}

impl<F: Catalogue> Catalogue for Scoped<'_, F> {
    fn schema(&self, relation: &str) -> Option<Schema> {
        if relation != OPTION {
            return self.facts.schema(relation);
        }
        let column = |name: &str, of| Column { name: name.to_owned(), of };
        Some(Schema { name: OPTION.to_owned(), columns: vec![column("name", Type::Name), column("value", Type::Text)] })
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.facts.names();
        names.push(OPTION.to_owned());
        names
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        self.facts.nodes(name)
    }

    fn similar_node(&self, name: &str) -> Option<String> {
        self.facts.similar_node(name)
    }
}

impl<F: Facts> Facts for Scoped<'_, F> {
    fn is_lasting(&self, relation: &str) -> bool {
        relation != OPTION && self.facts.is_lasting(relation)
    }

    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        if relation != OPTION {
            return self.facts.visit(relation, row);
        }
        each_option(self.options, &mut |name, value| row(&[Cell::Text(name), Cell::Text(value)]));
    }
}

fn each_option(options: &Options, row: &mut dyn FnMut(&str, &str)) {
    for (name, value) in options {
        if let OptionValue::List(values) = value {
            let mut seen = BTreeSet::new();
            values.iter().filter(|value| seen.insert(*value)).for_each(|value| row(name, value));
        }
    }
}

/// The rows of the relation of options.
pub(super) fn own_facts(options: &Options) -> Vec<Vec<Constant>> {
    let mut rows = Vec::new();
    each_option(options, &mut |name, value| rows.push(vec![Constant::text(name), Constant::text(value)]));
    rows
}

/// Options that are one value are parameters of the block.
fn parameters(options: &Options) -> BTreeMap<String, String> {
    let plain = options.iter().filter_map(|(name, value)| {
        let value = match value {
            OptionValue::Switch(switch) => switch.to_string(),
            OptionValue::Number(number) => number.to_string(),
            OptionValue::Text(text) => text.clone(),
            OptionValue::List(_) => return None,
        };
        Some((name.clone(), value))
    });
    plain.collect()
}

/// Makes a rule's block ready to run.
pub fn compile<F: Catalogue>(rule: &Rule, scoped: &Scoped<'_, F>) -> Result<CompiledReports, Broken> {
    compile_on(rule, scoped, &mut Loaded::default())
}

pub(super) fn compile_on<F: Catalogue>(
    rule: &Rule,
    scoped: &Scoped<'_, F>,
    loaded: &mut Loaded,
) -> Result<CompiledReports, Broken> {
    let library =
        library::embedded().map_err(|broken| Broken { line: 1, what: format!("the library is broken: {broken:?}") })?;
    rule.program.compile_on(library, scoped, &parameters(scoped.options), loaded).map_err(|errors| {
        let first = errors.first();
        let line = first.map_or(0, |error| error.span.line_in(rule.program.text()).saturating_sub(1));
        let mut what = first.map(told).unwrap_or_default();
        if let (Some(name), true) = (first.and_then(unknown_parameter), rule.options.is_empty()) {
            what = format!("datalog: ${name} is no option of this rule. Write options: into its front matter.");
        }
        Broken { line: rule.program_line + line, what }
    })
}

/// The parameter that an error says has no value.
fn unknown_parameter(error: &crate::datalog::Diagnostic) -> Option<&str> {
    error.message.strip_prefix("the parameter '$")?.strip_suffix("' has no value.")
}

/// Compiles a rule's block and throws the result away: whether it can be run.
pub fn check(rule: &Rule, options: &Options, repo: &Repo<'_>) -> Result<(), Broken> {
    compile(rule, &Scoped { facts: repo, options }).map(|_| ())
}

/// Runs a rule.
pub fn evaluate(rule: &Rule, options: &Options, repo: &Repo<'_>) -> Result<Evaluation, Broken> {
    evaluate_on(rule, options, repo, &mut Loaded::default())
}

/// Runs a rule on facts that others have loaded from the same repo.
pub fn evaluate_on(rule: &Rule, options: &Options, repo: &Repo<'_>, loaded: &mut Loaded) -> Result<Evaluation, Broken> {
    Ok(rows_on(rule, options, repo, loaded)?.evaluation(&mut |relation, row| repo.standing(relation, row)))
}

/// The rows that a rule's block gives.
#[derive(Debug, Clone)]
pub(super) struct RuleRows {
    reports: Vec<Report>,
    types: Vec<Vec<Type>>,
    answers: Vec<Rows>,
    /// The relations of facts that it reads.
    pub(super) reads: Vec<String>,
}

pub(super) fn rows_of<F: Facts + Catalogue>(rule: &Rule, options: &Options, facts: &F) -> Result<RuleRows, Broken> {
    rows_on(rule, options, facts, &mut Loaded::default())
}

fn rows_on<F: Facts + Catalogue>(
    rule: &Rule,
    options: &Options,
    facts: &F,
    loaded: &mut Loaded,
) -> Result<RuleRows, Broken> {
    let scoped = Scoped { facts, options };
    let compiled = compile_on(rule, &scoped, loaded)?;
    let reports = compiled.reports.clone();
    let types: Vec<Vec<Type>> = (0..reports.len()).map(|at| compiled.types(at)).collect();
    let reads = compiled.reads().into_iter().map(str::to_owned).collect();
    let broken = |what: &str| Broken { line: rule.program_line, what: format!("datalog: {what}") };
    // A rule of harness ends when its rows are derived; what a repo writes may not end.
    let is_own = rule.group == HOUSE;
    let polls = AtomicU32::new(0);
    let mut most = OWN_POLLS;
    if is_own {
        facts.visit("node", &mut |_| most = most.saturating_add(1));
    }
    let poll = || (is_own && polls.fetch_add(1, Ordering::Relaxed) >= most).then_some(Stop::Timeout);
    let limits = Limits { memory: if is_own { OWN_MEMORY } else { MEMORY }, poll: &poll };
    let (answers, _) = compiled.run_on(&scoped, &limits, loaded).map_err(|failure| match failure {
        Failure::Overflow => broken("a number has more than 28 digits."),
        Failure::Stopped(_) => broken("the block does more work than a rule may. Bind more of its variables."),
        Failure::Memory(_) => broken("the block derives more rows than fit into memory. Bind more of its variables."),
    })?;
    let rows = RuleRows { reports, types, answers, reads };
    match rows.excess(rule).filter(|_| is_own) {
        Some(excess) => Err(broken(&excess)),
        None => Ok(rows),
    }
}

impl RuleRows {
    /// What is too much of the findings that the rows make.
    fn excess(&self, rule: &Rule) -> Option<String> {
        let findings = self.reports.iter().zip(&self.answers).filter(|(report, _)| report.head == FINDING);
        let rows: Vec<&Vec<Constant>> = findings.flat_map(|(_, rows)| rows).collect();
        if rows.len() > OWN_FINDINGS {
            return Some(format!("the block gives more than {OWN_FINDINGS} findings. Bind more of its variables."));
        }
        let parts = || rule.message.parts().iter().chain(rule.remedy.parts());
        let plain: usize = parts().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum();
        let filled = parts().filter(|part| matches!(part, Part::Name(_))).count();
        let length = |value: &Constant| if let Constant::Text(text) = value { text.len() } else { 0 };
        let texts = rows.iter().map(|row| {
            let longest = row.iter().map(length).max().unwrap_or_default();
            let all: usize = row.iter().map(length).sum();
            plain.saturating_add(all).saturating_add(longest.saturating_mul(filled))
        });
        let bytes = texts.fold(0usize, usize::saturating_add);
        let most = OWN_TEXTS >> 20;
        (bytes > OWN_TEXTS).then(|| format!("its findings say more than {most} MB of text. Shorten what they name."))
    }

    /// The rows as violations. `look` tells where rows stand.
    pub(super) fn evaluation(&self, look: &mut dyn FnMut(&str, &[Constant]) -> Standing) -> Evaluation {
        let mut found: IndexMap<Violation, (usize, Vec<Constant>)> = IndexMap::new();
        let mut subjects: FxHashSet<&[Constant]> = FxHashSet::default();
        for (at, ((report, rows), types)) in self.reports.iter().zip(&self.answers).zip(&self.types).enumerate() {
            for row in rows {
                match report.head.as_str() {
                    SUBJECT => {
                        subjects.insert(row);
                    }
                    FINDING => {
                        let violation = violation(Reported { report, row }, types, &mut *look);
                        found.entry(violation).or_insert_with(|| (at, row.clone()));
                    }
                    _ => {}
                }
            }
        }
        let noun = noun(subjects.iter().map(|subject| noun_of(subject)));
        let subjects = subjects.len();
        let violations = found.into_iter().map(|(violation, row)| Violation { row, ..violation }).collect();
        Evaluation { violations, subjects, noun }
    }
}

/// What one subject is called.
pub(super) fn noun_of(subject: &[Constant]) -> &'static str {
    let kind = |value: Option<&Constant>| match value {
        Some(Constant::Text(id)) => id.split_once('.').map_or("", |(kind, _)| match kind {
            "model" => "models",
            "source" => "source tables",
            "snapshot" => "snapshots",
            "seed" => "seeds",
            "exposure" => "exposures",
            "macro" => "macros",
            _ => "",
        }),
        _ => "",
    };
    match (kind(subject.first()), kind(subject.get(1))) {
        ("", _) => CASES,
        (own, "") => own,
        _ => "edges",
    }
}

/// What subjects are called that are of different kinds.
pub(super) const CASES: &str = "cases";

/// What some subjects are called together.
pub(super) fn noun(nouns: impl IntoIterator<Item = &'static str>) -> &'static str {
    let nouns: BTreeSet<&'static str> = nouns.into_iter().collect();
    let mut nouns = nouns.into_iter();
    nouns.next().filter(|_| nouns.next().is_none()).unwrap_or(CASES)
}

/// Why a violation is one, of a repo whose families are interpreted.
pub fn explain(
    rule: &Rule,
    options: &Options,
    repo: &Repo<'_>,
    violation: &Violation,
    limits: &Limits<'_>,
) -> Result<Option<Proof>, Failure> {
    let scoped = Scoped { facts: repo, options };
    let Ok(compiled) = compile(rule, &scoped) else { return Ok(None) };
    compiled.explain(violation.row.0, &violation.row.1, &scoped, limits)
}

fn text(value: &Constant) -> Arc<str> {
    match value {
        Constant::Text(text) => text.clone(),
        other => other.to_string().into(),
    }
}

fn number(value: Option<&Constant>) -> Option<u32> {
    match value {
        Some(Constant::Int(number)) => u32::try_from(*number).ok().filter(|number| *number > 0),
        _ => None,
    }
}

/// What a row of a finding's head makes. `look` tells where rows stand; the row of no relation is a node.
pub(super) fn violation(
    reported: Reported<'_>,
    types: &[Type],
    look: &mut dyn FnMut(&str, &[Constant]) -> Standing,
) -> Violation {
    let one = |name: &str| reported.arg(name).and_then(|(_, values)| values.first());
    let node = one("node").map(text).filter(|node| !node.is_empty());
    let row = match reported.arg(ROW) {
        Some((Arg { form: Form::Row(relation, _), .. }, values)) => Some((relation.as_str(), values)),
        _ => None,
    };
    let stands = row.map(|(relation, values)| look(relation, values)).unwrap_or_default();
    let (mut places, seen, mildness) = (stands.places, stands.subject, stands.severity);
    if places.is_empty() {
        let path = one("path").map(text);
        let start = || Position { line: number(one("line")).unwrap_or(1), column: number(one("column")).unwrap_or(1) };
        let mut own = || {
            let node = node.clone().map(Constant::Text);
            node.and_then(|node| look("", &[node]).places.into_iter().next())
        };
        let place = match (path, one("line")) {
            (Some(path), _) => Place { path, start: start(), end: start() },
            (None, Some(_)) => own().map_or_else(nowhere, |own| Place { path: own.path, start: start(), end: start() }),
            (None, None) => own().unwrap_or_else(nowhere),
        };
        places.push(place);
    }
    let place = places.remove(0);

    let subject = match reported.arg("subject") {
        Some((_, values)) => values.iter().map(text).collect(),
        None => match (seen, &node) {
            (Some(subject), _) => subject,
            (None, Some(node)) => vec![node.clone()],
            (None, None) => vec![place.path.clone()],
        },
    };
    let mut args: Vec<(String, String)> = Vec::new();
    let mut column = 0;
    for (arg, values) in reported.args() {
        let of = types.get(column);
        column += values.len();
        if let (Form::Value, Some(value)) = (&arg.form, values.first()) {
            // People know a node by its name.
            let value = match of {
                Some(Type::Node) => shown_id(&text(value)).to_owned(),
                _ => text(value).to_string(),
            };
            args.push((arg.name.clone(), value));
        }
    }
    let mut add = |name: &str, value: &str| {
        if !args.iter().any(|arg| arg.0 == name) {
            args.push((name.to_owned(), value.to_owned()));
        }
    };
    if let Some(node) = &node {
        add("name", shown_id(node));
    }
    add("path", &place.path);
    // How mild an observed fact is, it is whether or not the block reads it.
    let severity = one("severity").and_then(|value| Severity::of(&text(value))).or(mildness);
    Violation { node, subject, place, locations: places, severity, args, row: (0, Vec::new()) }
}

/// The place of what stands in no file.
fn nowhere() -> Place {
    crate::relations::places::start_of_file(&"dbt_project.yml".into())
}
