//! Questions and explanations of one loaded project.

use super::mask::MASK;
use super::{Circumstances, Session};
use crate::datalog::{Answer, Cell, Column, Compiled, Constant, Diagnostic, Failure, Limits, compile, is_of_a_change};
use crate::query::{Families, Kind, Repo, Run, Tree, library, of_the_run, tree};
use crate::report::answer;
use crate::rules::block::FINDING;
use crate::rules::engine::{self, Evaluation};
use crate::rules::finding::Finding;
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::rules::run::Given;
use crate::rules::selection::{Selection, options};
use crate::rules::violation::Violation;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// It reads this of another side, and there is none.
    NothingBefore(String),
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
        let run = Asked { session: self, registry, given: OnceCell::new() };
        work(&Repo::new(&self.db, Families::Interpreted, &run))
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
            if self.before().is_none()
                && let Some(relation) = compiled.reads().into_iter().find(|relation| is_of_a_change(relation))
            {
                return Err(Unanswered::NothingBefore(relation.to_owned()));
            }
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

    /// Why findings are ones, in their order.
    pub fn explain(
        &self,
        registry: &Registry,
        findings: &[Finding],
        limits: &Limits<'_>,
    ) -> Result<Vec<Tree>, Unanswered> {
        let house = self.project.house_rules(&self.db);
        self.with_repo(registry, |repo| {
            let mut by_rule: BTreeMap<Arc<str>, Evaluation> = BTreeMap::new();
            let mut trees = Vec::new();
            for finding in findings {
                let mut tree = root(finding);
                if let Some(rule) = registry.get(&finding.rule) {
                    let options = options(rule, house);
                    let evaluation = by_rule
                        .entry(rule.id.clone())
                        .or_insert_with(|| engine::evaluate(rule, &options, repo).unwrap_or_default());
                    let violation = evaluation.violations.iter().find(|violation| is_told(rule, violation, finding));
                    if let Some(violation) = violation {
                        let proof = engine::explain(rule, &options, repo, violation, limits);
                        let proof = proof.map_err(Unanswered::Failure)?;
                        let premises = proof.into_iter().flat_map(|proof| proof.premises);
                        tree.premises = premises.map(|premise| crate::query::tree(repo, &premise)).collect();
                    }
                }
                self.mask_tree(&mut tree);
                trees.push(tree);
            }
            Ok(trees)
        })
    }
}

/// Runs the rules when a question reads what a run gives.
pub(super) struct Asked<'s> {
    pub(super) session: &'s Session,
    pub(super) registry: &'s Registry,
    pub(super) given: OnceCell<Given>,
}

impl Run for Asked<'_> {
    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        let given = self.given.get_or_init(|| {
            let outcome = self.session.check(self.registry, &Selection::default());
            let broken = self.registry.broken().to_vec();
            let stated = self.session.stated(self.registry, Circumstances::default());
            Given::of(outcome.findings, broken, outcome.problems, stated)
        });
        given.view().visit(relation, row);
    }
}

fn is_told(rule: &Rule, violation: &Violation, finding: &Finding) -> bool {
    let value = |name: &str| violation.args.iter().find(|arg| arg.0 == name).map(|arg| arg.1.as_str());
    (&violation.node, &violation.subject, &violation.place) == (&finding.node, &finding.subject, &finding.place)
        && (rule.message.fill(value) == finding.message || finding.message.contains(MASK))
}

fn compiled(repo: &Repo<'_>, program: &str, parameters: &BTreeMap<String, String>) -> Result<Compiled, Unanswered> {
    let library = library::embedded().map_err(|broken| Unanswered::Library(broken.shown.clone()))?;
    compile(program, library, repo, parameters).map_err(Unanswered::Program)
}

/// The finding as the root of its proof.
fn root(finding: &Finding) -> Tree {
    let text = |text: &str| Some(Constant::text(text));
    let columns = of_the_run(FINDING).map(|relation| relation.schema().columns).unwrap_or_default();
    let values = [
        text(&finding.rule),
        text(finding.node.as_deref().unwrap_or_default()),
        text(&finding.place.path),
        Some(Constant::Int(i64::from(finding.place.start.line))),
        text(finding.severity.name()),
    ];
    Tree {
        relation: FINDING.to_owned(),
        args: values.into_iter().zip(columns).map(|(value, column)| (value, column.of)).collect(),
        kind: Kind::Rule,
        place: Some(finding.place.clone()),
        premises: Vec::new(),
        note: None,
    }
}
