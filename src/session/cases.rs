//! Runs the test cases of rules.

use super::check_files_with;
use crate::rules::case::{Case, Expected};
use crate::rules::finding::Finding;
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use std::fmt;

/// A case in which a rule does other than its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFailure {
    /// The rule file, and the line of the case.
    pub path: String,
    pub line: u32,
    pub name: String,
    pub missing: Vec<Expected>,
    pub unexpected: Vec<Expected>,
    /// Why the case could not be run.
    pub error: Option<String>,
}

impl fmt::Display for CaseFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}:{}: {}", self.path, self.line, self.name)?;
        if let Some(error) = &self.error {
            writeln!(out, "  cannot be run: {error}")?;
        }
        for line in &self.missing {
            writeln!(out, "  not reported: {line}")?;
        }
        for line in &self.unexpected {
            writeln!(out, "  not expected: {line}")?;
        }
        Ok(())
    }
}

/// The cases of a rule that fail.
pub fn case_failures(registry: &Registry, rule: &Rule) -> Vec<CaseFailure> {
    let check = |case: &Case| check_files_with(registry, &case.files, Some(&rule.id));
    rule.cases.iter().filter_map(|case| case_failure(rule, case, check(case))).collect()
}

/// What a case misses of what was found; `None` where nothing.
pub fn case_failure(rule: &Rule, case: &Case, found: Result<Vec<Finding>, String>) -> Option<CaseFailure> {
    let mut failure = CaseFailure {
        path: rule.path.clone(),
        line: case.line,
        name: case.name.clone(),
        missing: Vec::new(),
        unexpected: Vec::new(),
        error: None,
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            failure.error = Some(error);
            return Some(failure);
        }
    };
    let mut found: Vec<Expected> = found
        .into_iter()
        .map(|finding| Expected {
            path: finding.place.path.to_string(),
            at: finding.place.start,
            rule: finding.rule.to_string(),
            message: Some(finding.message.clone()),
        })
        .collect();
    found.sort();
    // A line that demands its message takes its finding before one that would take any.
    let (exact, open): (Vec<_>, Vec<_>) = case.expected.iter().partition(|line| line.message.is_some());
    for line in exact.into_iter().chain(open) {
        match found.iter().position(|found| is_met(line, found)) {
            Some(at) => drop(found.remove(at)),
            None => failure.missing.push(line.clone()),
        }
    }
    failure.unexpected = found;
    let is_met = failure.missing.is_empty() && failure.unexpected.is_empty();
    (!is_met).then_some(failure)
}

fn is_met(expected: &Expected, found: &Expected) -> bool {
    (&expected.path, expected.at, &expected.rule) == (&found.path, found.at, &found.rule)
        && (expected.message.is_none() || expected.message == found.message)
}
