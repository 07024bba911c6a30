//! Runs the test cases of rules.

use super::{
    Circumstances, HOUSE_RULES_FILE, PROJECT_FILE, Session, Touched, changed, house_rules, old_relations_of,
    on_large_stacks, with_house_rules,
};
use crate::db::settings::HouseRules;
use crate::db::{Database, Invocation};
use crate::files::Memory;
use crate::project::settings::rule_paths;
use crate::rules::baseline::{self, Baseline};
use crate::rules::case::{Case, Expected};
use crate::rules::cause::merged;
use crate::rules::finding::Finding;
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::rules::selection::Selection;
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

/// The day on which test cases of rules are checked.
const DAY_OF_CASES: jiff::civil::Date = jiff::civil::date(2026, 1, 1);

/// What stands before the path of a file as it was before a change.
const OLD: &str = "old::";

/// Checks a project that is given as files in memory: their paths and texts, a baseline among them. Of a
/// harness.yml that cannot be read, or rule files that cannot, the error is told.
pub fn check_files(files: &[(String, String)], only_rule: Option<&str>) -> Result<Vec<Finding>, String> {
    check_files_with(Registry::embedded().map_err(ToString::to_string)?, files, only_rule)
}

/// The same with more rules than those built in. Where paths begin with `old::`, these files are what the
/// project is compared with.
pub fn check_files_with(
    registry: &Registry,
    files: &[(String, String)],
    only_rule: Option<&str>,
) -> Result<Vec<Finding>, String> {
    let mut new: Vec<(&str, &str)> = Vec::new();
    let mut old: Vec<(&str, &str)> = Vec::new();
    for (path, text) in files {
        match path.strip_prefix(OLD) {
            Some(path) => old.push((path, text)),
            None => new.push((path, text)),
        }
    }
    let has_project = |files: &[(&str, &str)]| files.iter().any(|(path, _)| *path == PROJECT_FILE);
    if !old.is_empty() && !has_project(&old) {
        old.extend(new.iter().filter(|(path, _)| *path == PROJECT_FILE).copied());
    }
    let new = Side::read(registry, &new)?;
    let old = if old.is_empty() { None } else { Some(Side::read(registry, &old)?) };
    let selection = Selection { only: only_rule.into_iter().map(str::to_owned).collect(), skip: Vec::new() };
    on_large_stacks(1, move || {
        let first = old.as_ref().unwrap_or(&new);
        let mut session = Session::load(Database::default(), &first.tree, first.rules.clone(), Invocation::default());
        if let Some(old) = &old {
            let relations = old_relations_of(&new.registry);
            let contents = session.contents();
            let (mut before, _) = session.past(&old.registry, &selection, old.circumstances(), &relations);
            session.update(&new.tree, Touched::All);
            session.set_house_rules(new.rules.clone());
            before.changed = changed(&contents, &session.contents(), &|_| false);
            session.compare_with(Some(before));
        }
        merged(session.check_with(&new.registry, &selection, new.circumstances()).findings)
    })
}

/// The files of a case on one side of a change.
struct Side<'f> {
    tree: Memory,
    registry: Registry,
    rules: HouseRules,
    house: Option<&'f str>,
    baseline: Option<Baseline>,
}

impl<'f> Side<'f> {
    fn read(registry: &Registry, files: &[(&str, &'f str)]) -> Result<Self, String> {
        let tree: Memory = files.iter().copied().collect();
        let text = |wanted: &str| files.iter().find(|(path, _)| *path == wanted).map(|(_, text)| *text);
        let house = text(HOUSE_RULES_FILE);
        let registry = with_house_rules(registry, &tree, &rule_paths(house.unwrap_or_default()));
        let rules = house_rules(&registry, house.unwrap_or_default())
            .map_err(|errors| errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "))?;
        let baseline = text(baseline::FILE).map(|text| Baseline::read(baseline::FILE, text)).transpose();
        let baseline = baseline.map_err(|wrong| wrong.into_iter().map(|it| it.what).collect::<Vec<_>>().join("; "))?;
        Ok(Self { tree, registry, rules, house, baseline })
    }

    fn circumstances(&self) -> Circumstances<'_> {
        let house = self.house.map(|text| (HOUSE_RULES_FILE, text));
        Circumstances { today: Some(DAY_OF_CASES), baseline: self.baseline.as_ref(), house }
    }
}
