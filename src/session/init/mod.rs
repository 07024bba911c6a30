//! The house rules that a repo shows by what it does: what `harness init` writes.

mod flow;
mod habits;
mod write;

use crate::rules::adherence::{Adherence, Verdict, judge};
use crate::rules::finding::{Finding, Severity};
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use crate::session::{Outcome, Session};
use habits::{Habits, observe};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use write::{RuleLine, house_yml};

/// The group of the rules about layers.
const LAYERED: &str = "dependencies";

/// What was seen of a repo without house rules, and what is proposed for it.
#[derive(Debug)]
pub struct Proposal {
    habits: Habits,
    lines: BTreeMap<String, RuleLine>,
    /// Each convention with the severity that is proposed.
    conventions: Vec<(Adherence, &'static str)>,
    before: BTreeMap<String, Severity>,
    models: usize,
}

impl Session {
    /// What the repo shows, where no harness.yml states anything; `outcome` is that of its check.
    pub fn propose(&self, registry: &Registry, outcome: &Outcome) -> Proposal {
        let mut conventions: Vec<(Adherence, &'static str)> = Vec::new();
        let mut lines = BTreeMap::new();
        for kept in outcome.summary.adherence.iter().filter(|kept| kept.subjects > 0) {
            let level = level(kept, registry.get(&kept.rule).map(Arc::as_ref));
            conventions.push((kept.clone(), level));
            lines.insert(kept.rule.to_string(), RuleLine { rule: kept.rule.to_string(), level, why: figures(kept) });
        }
        Proposal {
            habits: observe(self),
            lines,
            conventions,
            before: gravity(&outcome.findings),
            models: outcome.summary.models,
        }
    }
}

impl Proposal {
    /// The text of the harness.yml.
    pub fn text(&self) -> String {
        house_yml(&self.habits, &self.lines.values().cloned().collect::<Vec<_>>())
    }

    pub fn conventions(&self) -> &[(Adherence, &'static str)] {
        &self.conventions
    }

    /// Takes back what the file would switch on: `outcome` is that of a check with it. What only few
    /// break is left as a warning.
    pub fn soften(&mut self, registry: &Registry, outcome: &Outcome) {
        // Layers that custom does not tell have figures only where they are stated.
        let is_new = |kept: &&Adherence| {
            let rule = registry.get(&kept.rule);
            kept.subjects > 0 && rule.is_some_and(|rule| rule.group == LAYERED) && !self.lines.contains_key(&*kept.rule)
        };
        let new: Vec<Adherence> = outcome.summary.adherence.iter().filter(is_new).cloned().collect();
        let judged: BTreeSet<Arc<str>> = new.iter().map(|kept| kept.rule.clone()).collect();
        for kept in new {
            let level = level(&kept, registry.get(&kept.rule).map(Arc::as_ref));
            let line = RuleLine { rule: kept.rule.to_string(), level, why: figures(&kept) };
            self.lines.insert(kept.rule.to_string(), line);
            self.conventions.push((kept, level));
        }
        self.conventions.sort();
        let mut new: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in outcome.findings.iter().filter(|finding| !judged.contains(&finding.rule)) {
            let before = self.before.get(&finding.fingerprint);
            if before.is_none_or(|before| finding.severity < *before) {
                *new.entry(&finding.rule).or_default() += 1;
            }
        }
        // Some rules judge only models that have a CTE of the pattern: those that follow it are the fewest.
        let fewest = self.habits.staging.as_ref().map_or(self.models, |staging| staging.follow);
        for (rule, breaks) in new {
            let level = if judge(fewest, breaks) == Verdict::On { "warning" } else { "off" };
            let own = outcome.summary.adherence.iter().find(|kept| &*kept.rule == rule && kept.subjects > 0);
            let why = own.map_or_else(|| broken(breaks), figures);
            self.lines.insert(rule.to_owned(), RuleLine { rule: rule.to_owned(), level, why });
        }
    }
}

fn broken(breaks: usize) -> String {
    if breaks == 1 { "1 finding without this line".to_owned() } else { format!("{breaks} findings without this line") }
}

/// A convention that is kept may be stated; where it is not, its figures go on deciding. So they do where
/// another rule tells the same cause: what is stated tells it, too.
fn level(kept: &Adherence, rule: Option<&Rule>) -> &'static str {
    if rule.is_some_and(|rule| !rule.subsumed_by.is_empty()) {
        return "auto";
    }
    match (kept.verdict, rule.and_then(|rule| rule.severity)) {
        (Verdict::On, Some(Severity::Info)) => Severity::Info.name(),
        (Verdict::On, _) => Severity::Warning.name(),
        (Verdict::Summary | Verdict::Silent, _) => "auto",
    }
}

fn figures(kept: &Adherence) -> String {
    let broken = match kept.breaks {
        0 => String::new(),
        1 => " (1 does not)".to_owned(),
        breaks => format!(" ({breaks} do not)"),
    };
    format!("{} % of {} {} obey{broken}", kept.share(), kept.subjects, kept.noun)
}

fn gravity(findings: &[Finding]) -> BTreeMap<String, Severity> {
    findings.iter().map(|finding| (finding.fingerprint.clone(), finding.severity)).collect()
}
