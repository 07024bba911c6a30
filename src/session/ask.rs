//! Questions and explanations of one loaded project.

use super::Session;
use crate::datalog::{Answer, Compiled, Constant, Diagnostic, Failure, Limits, compile};
use crate::query::{FindingRow, Kind, Repo, Tree, library, tree};
use crate::relations::places::Place;
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
                rule: finding.rule,
                node: finding.node,
                path: finding.place.path,
                line: finding.place.start.line,
                severity: finding.severity.name(),
            };
            outcome.findings.into_iter().map(row).collect()
        };
        work(&Repo::new(&self.db, &check))
    }

    /// Answers a question. `proofs` is how many of the rows to explain.
    pub fn ask(
        &self,
        registry: &Registry,
        program: &str,
        parameters: &BTreeMap<String, String>,
        limits: &Limits<'_>,
        proofs: usize,
    ) -> Result<Answered, Unanswered> {
        self.with_repo(registry, |repo| {
            let compiled = compiled(repo, program, parameters)?;
            if !compiled.reads().iter().all(|relation| crate::query::is_plain(relation)) {
                self.prefetch();
            }
            let answer = compiled.run(repo, limits).map_err(Unanswered::Failure)?;
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

/// The question whose answer is the row that a finding reports; `None` where the rule's relation is
/// not derived by Datalog.
pub fn question_of(registry: &Registry, finding: &Finding) -> Option<String> {
    let rule = registry.get(&finding.rule)?;
    let Derivation::Relation(relation) = &rule.derivation;
    let schema = library::embedded().ok()?.schema(relation)?;
    // A relation's first columns are the finding's subject.
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut subject = finding.subject.iter();
    let args: Vec<String> = schema
        .columns
        .iter()
        .map(|column| match subject.next() {
            Some(part) => quoted(part),
            None => column.name.clone(),
        })
        .collect();
    let family = rule.family.as_ref().map(|family| {
        let word = finding.rule.trim_start_matches(family.prefix.as_str()).trim_end_matches(family.suffix.as_str());
        format!(", upper({}) = {}", family.arg, quoted(word))
    });
    Some(format!("?- {relation}({}){}.", args.join(", "), family.unwrap_or_default()))
}

fn explain(repo: &Repo<'_>, registry: &Registry, finding: &Finding, limits: &Limits<'_>) -> Result<Tree, Unanswered> {
    let text = |text: &str| Some(Constant::text(text));
    let columns = crate::query::finding_schema().columns;
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
    if let Some(question) = question_of(registry, finding) {
        let compiled = compiled(repo, &question, &BTreeMap::new())?;
        let rows = compiled.run(repo, limits).map_err(Unanswered::Failure)?.rows;
        if let Some(row) = rows.first()
            && let Some(proof) = compiled.explain(row, repo, limits).map_err(Unanswered::Failure)?
        {
            root.premises = proof.premises.iter().map(|premise| tree(repo, premise)).collect();
            return Ok(root);
        }
    }
    root.premises.push(observed(registry, finding));
    Ok(root)
}

/// What was seen in one file: it follows from nothing else.
fn observed(registry: &Registry, finding: &Finding) -> Tree {
    let relation = registry.get(&finding.rule).map(|rule| {
        let Derivation::Relation(relation) = &rule.derivation;
        relation.clone()
    });
    let args = finding.subject.iter().map(|part| (Some(Constant::text(part)), crate::datalog::Type::Text));
    let place: Option<Place> = Some(finding.place.clone());
    Tree {
        relation: relation.unwrap_or_else(|| finding.rule.to_lowercase()),
        args: args.collect(),
        kind: Kind::Fact,
        place,
        premises: Vec::new(),
        note: None,
    }
}
