//! What a run says, one file per format. A format of findings only writes: what is a finding, and how
//! grave, was settled before. `manifest` writes what the database knows of the project itself.

pub mod adherence;
mod agent;
pub mod agents;
pub mod answer;
mod concise;
mod escape;
mod excerpt;
mod github;
pub mod json;
pub mod list;
mod locations;
pub mod manifest;
mod ndjson;
pub mod page;
pub mod proof;
mod sarif;
pub mod stats;
mod text;
pub mod watch;

pub use escape::{escaped, for_people, in_json};

use crate::rules::adherence::Adherence;
use crate::rules::finding::{Finding, Severity, Status, Suppressed};
use crate::rules::registry::Registry;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// The forms in which findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Text,
    Concise,
    Json,
    Ndjson,
    Agent,
    Github,
    Sarif,
}

impl Format {
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Concise, Self::Json, Self::Ndjson, Self::Agent, Self::Github, Self::Sarif];

    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Agent => "agent",
            Self::Github => "github",
            Self::Sarif => "sarif",
        }
    }

    /// What the format is for, in a few words.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::Text => "for people: by file, with remedies",
            Self::Concise => "a line a finding, for editors and grep",
            Self::Json => "one object with everything",
            Self::Ndjson => "an object a line",
            Self::Agent => "for coding agents: the worst first, in few tokens",
            Self::Github => "annotations of a GitHub workflow",
            Self::Sarif => "SARIF 2.1.0, for code scanning",
        }
    }

    /// Whether old findings are listed as well.
    fn lists_old(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson | Self::Sarif)
    }
}

/// A run, as formats see it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'r> {
    /// Sorted as they are to be printed.
    pub findings: &'r [Finding],
    pub suppressed: &'r [Suppressed],
    /// What was found at the commit that is compared with, and is no longer.
    pub fixed: &'r [Finding],
    pub summary: &'r Summary,
    pub registry: &'r Registry,
    /// The project's folder, from the root of its git repository on; empty where it is the root.
    pub folder: &'r str,
    /// Texts of files, where excerpts may be wanted.
    pub texts: &'r BTreeMap<Arc<str>, Arc<str>>,
    pub command: &'r Command,
}

impl<'r> Run<'r> {
    /// The rule whose texts a finding bears: of a family's members the family.
    fn rule_of(&self, finding: &'r Finding) -> &'r str {
        self.registry.get(&finding.rule).map_or(&finding.rule, |rule| &rule.id)
    }
}

/// The remedies a page has printed: one that would only repeat the last of its rule is left out.
struct Remedies<'r> {
    run: &'r Run<'r>,
    last: HashMap<&'r str, &'r str>,
}

impl<'r> Remedies<'r> {
    fn new(run: &'r Run<'r>) -> Self {
        Self { run, last: HashMap::new() }
    }

    /// Returns the remedy to print below a finding.
    fn next(&mut self, finding: &'r Finding) -> Option<&'r str> {
        let remedy = finding.remedy.as_str();
        let repeats = self.last.insert(self.run.rule_of(finding), remedy) == Some(remedy);
        (!repeats && !remedy.is_empty()).then_some(remedy)
    }
}

/// How the run was called: what to write for another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// Without what concerns only the output, and without the choice of rules.
    pub plain: String,
    /// With the choice of rules.
    pub whole: String,
}

/// How many findings to write, where the format has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limit {
    #[default]
    Usual,
    All,
    First(usize),
}

impl Limit {
    /// The limit where the usual one is given.
    fn or(self, usual: usize) -> usize {
        match self {
            Self::Usual => usual,
            Self::All => usize::MAX,
            Self::First(n) => n,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// A person is watching: the table and the worst findings first, with excerpts.
    pub terminal: bool,
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    pub limit: Limit,
    /// Of text, the table alone.
    pub summary_only: bool,
}

/// The findings in a format, the last line ended.
pub fn render(format: Format, run: &Run<'_>, options: &Options) -> String {
    let findings: Vec<&Finding> =
        run.findings.iter().filter(|finding| format.lists_old() || finding.status == Status::New).collect();
    match format {
        Format::Text => text::render(&findings, run, options),
        Format::Concise => concise::render(&findings, run.summary, options.limit),
        Format::Json => in_json(json::render(&findings, run.summary)),
        Format::Ndjson => in_json(ndjson::render(&findings)),
        Format::Agent => agent::render(&findings, run, options.limit),
        Format::Github => github::render(&findings, run.folder, options.limit),
        Format::Sarif => in_json(sarif::render(&findings, run)),
    }
}

/// The totals of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// These and `by_rule` count what neither a baseline nor the commit compared with knows.
    pub errors: usize,
    pub warnings: usize,
    pub infos: usize,
    pub by_rule: BTreeMap<Arc<str>, usize>,
    /// Enabled models of the root project.
    pub models: usize,
    /// Files read.
    pub files: usize,
    /// Files of which a part could not be read.
    pub not_understood: usize,
    pub rules_run: Vec<Arc<str>>,
    pub rules_skipped: Vec<Arc<str>>,
    pub suppressed: usize,
    /// How well the conventions are kept that the run judged, by rule.
    pub adherence: Vec<Adherence>,
    /// Findings that one of them knows; none of the counts above has them.
    pub old: usize,
    /// What it knows and is no longer found; `None` where there is nothing to compare with.
    pub fixed: Option<usize>,
}

impl Summary {
    /// Findings that are new, where there is something to compare with.
    pub fn new_findings(&self) -> Option<usize> {
        self.fixed.map(|_| self.errors + self.warnings + self.infos)
    }

    /// Counts the findings; what was read and run is the caller's to add.
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            if finding.status == Status::Old {
                summary.old += 1;
                continue;
            }
            *match finding.severity {
                Severity::Error => &mut summary.errors,
                Severity::Warning => &mut summary.warnings,
                Severity::Info => &mut summary.infos,
            } += 1;
            *summary.by_rule.entry(Arc::clone(&finding.rule)).or_default() += 1;
        }
        summary
    }
}

fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// `1 error, 2 warnings`, each as `paint` shows it; empty where there is nothing.
fn kinds(summary: &Summary, paint: impl Fn(&str, Severity) -> String) -> String {
    let kinds: Vec<String> = [
        (summary.errors, "error", Severity::Error),
        (summary.warnings, "warning", Severity::Warning),
        (summary.infos, "info", Severity::Info),
    ]
    .into_iter()
    .filter(|(n, _, _)| *n > 0)
    .map(|(n, word, severity)| paint(&count(n, word), severity))
    .collect();
    kinds.join(", ")
}

/// One line with what was found, in how much.
fn totals(findings: &[&Finding], summary: &Summary, paint: impl Fn(&str, Severity) -> String) -> String {
    let files: HashSet<&str> = findings.iter().map(|finding| &*finding.place.path).collect();
    let kinds = kinds(summary, paint);
    let new = if summary.fixed.is_some() { "new " } else { "" };
    let mut line = if kinds.is_empty() {
        format!("No {new}findings")
    } else {
        format!("{kinds} in {}", count(files.len(), "file"))
    };
    let _ = write!(line, "; {} checked, {} read", count(summary.models, "model"), count(summary.files, "file"));
    if summary.not_understood > 0 {
        let _ = write!(line, "; {} not fully understood", count(summary.not_understood, "file"));
    }
    if summary.suppressed > 0 {
        let _ = write!(line, "; {} suppressed", count(summary.suppressed, "finding"));
    }
    if let Some(fixed) = summary.fixed {
        let _ = write!(line, "; {fixed} fixed, {} old not shown", summary.old);
    }
    line.push('.');
    line
}

/// The `limit` gravest findings, the gravest first and else in their order.
fn worst<'f>(findings: &[&'f Finding], limit: usize) -> Vec<&'f Finding> {
    let mut worst = findings.to_vec();
    worst.sort_by_key(|finding| finding.severity);
    worst.truncate(limit);
    worst
}

/// The same findings in their own order: two runs compare.
fn shown<'f>(findings: &[&'f Finding], limit: usize) -> Vec<&'f Finding> {
    let mut shown: Vec<(usize, &Finding)> = findings.iter().copied().enumerate().collect();
    shown.sort_by_key(|(at, finding)| (finding.severity, *at));
    shown.truncate(limit);
    shown.sort_by_key(|(at, _)| *at);
    shown.into_iter().map(|(_, finding)| finding).collect()
}

/// Severity, rule and number of findings, the gravest and most frequent first.
fn by_rule<'f>(findings: &[&'f Finding]) -> Vec<(Severity, &'f str, usize)> {
    let mut counts: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry((finding.severity, &*finding.rule)).or_default() += 1;
    }
    let mut rows: Vec<_> = counts.into_iter().map(|((grave, rule), n)| (grave, rule, n)).collect();
    rows.sort_by_key(|(severity, rule, n)| (*severity, std::cmp::Reverse(*n), *rule));
    rows
}

#[cfg(test)]
pub(crate) mod sample {
    use super::{Command, Run, Summary};
    use crate::rules::finding::{Finding, Place, Severity, Status, Told};
    use crate::rules::registry::Registry;
    use crate::syntax::span::Position;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// Findings are given to a format apart from their run.
    pub(crate) fn with_run<R>(summary: &Summary, command: &Command, work: impl FnOnce(&Run<'_>) -> R) -> R {
        let registry = Registry::embedded().unwrap();
        let texts = BTreeMap::new();
        work(&Run { findings: &[], suppressed: &[], fixed: &[], summary, registry, folder: "", texts: &texts, command })
    }

    pub(crate) fn place(path: &str, line: u32, column: u32) -> Place {
        let start = Position { line, column };
        Place { path: Arc::from(path), start, end: Position { line, column: column + 3 } }
    }

    pub(crate) fn finding(rule: &str, severity: Severity, path: &str, line: u32) -> Finding {
        Finding::from(Told {
            rule: Arc::from(rule),
            severity,
            place: place(path, line, 18),
            node: Some(Arc::from("model.shop.a")),
            subject: vec![Arc::from("model.shop.a")],
            message: format!("breaks {rule}."),
            remedy: format!("Mend {rule}."),
            locations: Vec::new(),
            fingerprint: "00000000000000ff".to_owned(),
            cause: None,
            fixable: false,
            status: Status::New,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_by_severity_and_by_rule() {
        let found = [
            sample::finding("CYCLE", Severity::Error, "a.sql", 1),
            sample::finding("CYCLE", Severity::Warning, "b.sql", 1),
            sample::finding("UNUSED", Severity::Info, "b.sql", 1),
        ];
        let summary = Summary::of(&found);
        assert_eq!((summary.errors, summary.warnings, summary.infos), (1, 1, 1));
        assert_eq!(summary.by_rule["CYCLE"], 2);
    }

    #[test]
    fn what_a_baseline_knows_is_counted_apart() {
        let mut old = sample::finding("CYCLE", Severity::Error, "a.sql", 1);
        old.status = Status::Old;
        let summary = Summary::of(&[old, sample::finding("CYCLE", Severity::Error, "b.sql", 1)]);
        assert_eq!((summary.errors, summary.old, summary.by_rule["CYCLE"]), (1, 1, 1));
    }
}
