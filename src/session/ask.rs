//! Questions and explanations of one loaded project.

use super::Session;
use crate::datalog::{Answer, Column, Compiled, Constant, Diagnostic, Failure, Limits, compile};
use crate::query::{FindingRow, Kind, Repo, Tree, library, schema_of_the_run, tree};
use crate::report::answer;
use crate::rules::finding::Finding;
use crate::rules::registry::Registry;
use crate::rules::rule::Derivation;
use crate::rules::selection::Selection;
use std::collections::BTreeMap;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// What is wrong with the program.
    Program(Vec<Diagnostic>),
    Failure(Failure),
    /// The answer has other columns than the one to sort by.
    NoColumn(Vec<Column>),
    /// A file of `queries/` is broken.
    Library(String),
}

/// An answer, and a proof of each row where they were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    pub answer: Answer,
    pub warnings: Vec<Diagnostic>,
    pub proofs: Vec<Tree>,
}

impl Session {
    /// Gives the repo as questions see it to some work.
    pub fn with_repo<R>(&self, registry: &Registry, work: impl FnOnce(&Repo<'_>) -> R) -> R {
        let check = || {
            let outcome = self.check(registry, &Selection::default());
            let row = |finding: Finding| FindingRow {
                is_observed: relation_of(registry, &finding.rule).is_none(),
                rule: finding.rule,
                node: finding.node,
                path: finding.place.path,
                line: finding.place.start.line,
                column: finding.place.start.column,
                severity: finding.severity.name(),
                subject: finding.subject,
            };
            outcome.findings.into_iter().map(row).collect()
        };
        work(&Repo::new(&self.db, &check))
    }

    /// Answers a question. `sort` is a column to sort by, and whether its largest values come first;
    /// `proofs` is how many of the rows to explain.
    pub fn ask(
        &self,
        registry: &Registry,
        program: &str,
        parameters: &BTreeMap<String, String>,
        limits: &Limits<'_>,
        sort: Option<(&str, bool)>,
        proofs: usize,
    ) -> Result<Answered, Unanswered> {
        self.with_repo(registry, |repo| {
            let compiled = compiled(repo, program, parameters)?;
            if !compiled.reads().iter().all(|relation| crate::query::is_plain(relation)) {
                self.prefetch();
            }
            let mut answer = compiled.run(repo, limits).map_err(Unanswered::Failure)?;
            if let Some((name, descending)) = sort {
                let at = answer.columns.iter().position(|column| column.name == name);
                let at = at.ok_or_else(|| Unanswered::NoColumn(answer.columns.clone()))?;
                answer::sort(&mut answer.rows, at, descending);
            }
            let wanted = &answer.rows[..answer.rows.len().min(proofs)];
            let proofs = if wanted.is_empty() {
                Vec::new()
            } else {
                let found = compiled.explain_all(wanted, repo, limits).map_err(Unanswered::Failure)?;
                found.into_iter().flatten().map(|proof| tree(repo, &proof)).collect()
            };
            Ok(Answered { answer, warnings: compiled.warnings, proofs })
        })
    }

    /// Why a finding is one.
    pub fn explain(&self, registry: &Registry, finding: &Finding, limits: &Limits<'_>) -> Result<Tree, Unanswered> {
        self.with_repo(registry, |repo| explain(repo, registry, finding, limits))
    }
}

fn compiled(repo: &Repo<'_>, program: &str, parameters: &BTreeMap<String, String>) -> Result<Compiled, Unanswered> {
    let library = library::embedded().map_err(|broken| Unanswered::Library(broken.shown.clone()))?;
    compile(program, library, repo, parameters).map_err(Unanswered::Program)
}

/// The derived relation whose rows a rule reports; `None` where the rule looks at one file alone.
fn relation_of<'r>(registry: &'r Registry, rule: &str) -> Option<&'r str> {
    let Derivation::Relation(relation) = &registry.get(rule)?.derivation;
    library::embedded().ok()?.schema(relation).map(|_| relation.as_str())
}

/// The question whose answer is the row that a finding reports. A relation's first columns are the
/// finding's subject.
pub fn question_of(registry: &Registry, finding: &Finding) -> String {
    let quoted = |text: &str| {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
        format!("\"{escaped}\"")
    };
    let relation = relation_of(registry, &finding.rule);
    let schema = relation.and_then(|relation| library::embedded().ok()?.schema(relation));
    let Some(schema) = schema else {
        let place = &finding.place;
        let args = [
            quoted(&finding.rule),
            quoted(finding.node.as_deref().unwrap_or_default()),
            quoted(&place.path),
            place.start.line.to_string(),
            place.start.column.to_string(),
            quoted(&finding.subject.join(" ")),
        ];
        return format!("?- observed({}).", args.join(", "));
    };
    let mut subject = finding.subject.iter();
    let args =
        schema.columns.iter().map(|column| subject.next().map_or_else(|| column.name.clone(), |part| quoted(part)));
    format!("?- {}({}).", schema.name, args.collect::<Vec<_>>().join(", "))
}

fn explain(repo: &Repo<'_>, registry: &Registry, finding: &Finding, limits: &Limits<'_>) -> Result<Tree, Unanswered> {
    let text = |text: &str| Some(Constant::text(text));
    let columns = schema_of_the_run("finding").map(|schema| schema.columns).unwrap_or_default();
    let values = [
        text(&finding.rule),
        text(finding.node.as_deref().unwrap_or_default()),
        text(&finding.place.path),
        Some(Constant::Int(i64::from(finding.place.start.line))),
        text(finding.severity.name()),
    ];
    let mut root = Tree {
        relation: "finding".to_owned(),
        args: values.into_iter().zip(columns).map(|(value, column)| (value, column.of)).collect(),
        kind: Kind::Rule,
        place: Some(finding.place.clone()),
        premises: Vec::new(),
        note: None,
    };
    let compiled = compiled(repo, &question_of(registry, finding), &BTreeMap::new())?;
    let rows = compiled.run(repo, limits).map_err(Unanswered::Failure)?.rows;
    if let Some(row) = rows.first()
        && let Some(proof) = compiled.explain(row, repo, limits).map_err(Unanswered::Failure)?
    {
        root.premises = proof.premises.iter().map(|premise| tree(repo, premise)).collect();
    }
    Ok(root)
}
