//! Which rules run, and how grave their findings are: the rule's own file, what harness.yml states,
//! what the command line asks for, and, where none of them decides, how well the repo keeps the rule.

use super::adherence::Verdict;
use super::engine::Options;
use super::finding::{Finding, Severity};
use super::registry::{HOUSE, Registry};
use super::rule::{Rule, Stated};
use crate::db::settings::{Extends, HouseRules, Level};
use crate::project::settings::globs;
use globset::{GlobSet, GlobSetBuilder};
use std::collections::BTreeMap;

/// The group whose rules are always on.
const ALWAYS: &str = "project";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Ids; where there are any, nothing else runs.
    pub only: Vec<String>,
    pub skip: Vec<String>,
}

impl Selection {
    /// The first id that no rule bears.
    pub fn unknown<'a>(&'a self, registry: &Registry) -> Option<&'a str> {
        self.only.iter().chain(&self.skip).map(String::as_str).find(|id| registry.get(id).is_none())
    }

    fn asks_for(&self, rule: &Rule) -> bool {
        self.only.iter().any(|id| rule.owns(id) || rule.is_alias(id))
    }
}

/// How a rule takes part in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    Off,
    /// Its findings are reported, none graver than this.
    On(Severity),
    /// The same, where the repo keeps what the rule guards.
    ByAdherence(Severity),
}

impl Course {
    /// What it comes to; without figures there is nothing that the repo could be said to keep.
    pub fn settled(self, verdict: Option<Verdict>) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::On(severity) => Some(severity),
            Self::ByAdherence(severity) => (verdict == Some(Verdict::On)).then_some(severity),
        }
    }
}

/// What was decided of one rule before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub course: Course,
    /// What it would be if nobody had said how grave it is.
    pub automatic: Course,
    /// Nobody has said how grave it is, so that a finding may be left out where another tells its cause.
    pub is_automatic: bool,
    /// Some paths give it a severity, whatever holds elsewhere.
    pub is_on_somewhere: bool,
}

/// What harness.yml and the command line make of the rules.
#[derive(Debug)]
pub struct House<'h> {
    rules: &'h HouseRules,
    selection: &'h Selection,
    /// The last one first.
    overrides: Vec<(GlobSet, &'h BTreeMap<String, Level>)>,
}

impl<'h> House<'h> {
    pub fn new(rules: &'h HouseRules, selection: &'h Selection) -> Self {
        let set = |paths: &[String]| {
            let mut set = GlobSetBuilder::new();
            // Of a pattern that means nothing, the reading of harness.yml has told.
            paths.iter().flat_map(|path| globs(path).unwrap_or_default()).for_each(|glob| {
                set.add(glob);
            });
            set.build().unwrap_or_default()
        };
        let overrides = rules.overrides.iter().rev().map(|stated| (set(&stated.paths), &stated.rules)).collect();
        Self { rules, selection, overrides }
    }

    pub fn decide(&self, rule: &Rule) -> Decision {
        let (course, is_automatic) = self.course(rule);
        let is_on = |id: &str, level: &Level| rule.owns(id) && !matches!(level, Level::Off | Level::Auto);
        let mut stated = self.overrides.iter().flat_map(|(_, rules)| rules.iter());
        let is_on_somewhere = self.may_run(rule) && stated.any(|(id, level)| is_on(id, level));
        Decision { course, automatic: self.automatic(rule, true), is_automatic, is_on_somewhere }
    }

    /// Whether the command line leaves the rule in.
    fn may_run(&self, rule: &Rule) -> bool {
        // A member of a family is left out finding by finding.
        let is_skipped = self.selection.skip.iter().any(|id| *rule.id == **id || rule.is_alias(id));
        !is_skipped && (self.selection.only.is_empty() || self.selection.asks_for(rule))
    }

    fn course(&self, rule: &Rule) -> (Course, bool) {
        if !self.may_run(rule) {
            return (Course::Off, false);
        }
        let (own, is_automatic) = match self.rules.level(&rule.id) {
            Some(level) => match severity(level) {
                Some(severity) => (Course::On(severity), false),
                None if level == Level::Off => (Course::Off, false),
                None => (self.automatic(rule, true), true),
            },
            None => (self.automatic(rule, false), self.rules.extends == Extends::Auto),
        };
        if self.selection.only.is_empty() {
            return (own, is_automatic);
        }
        // Who asks for a rule by name gets it.
        match own {
            Course::Off => (Course::On(Severity::Warning), false),
            Course::On(severity) | Course::ByAdherence(severity) => (Course::On(severity), false),
        }
    }

    /// What a rule is that nobody gave a severity, or that was said to be `auto`.
    fn automatic(&self, rule: &Rule, says_auto: bool) -> Course {
        let Some(severity) = rule.severity else { return Course::Off };
        if &*rule.group == ALWAYS || rule.group == HOUSE {
            return Course::On(severity);
        }
        let is_extended = rule.presets.iter().any(|preset| self.rules.presets.contains(preset));
        if !rule.presets.is_empty() && !is_extended {
            return Course::Off;
        }
        if rule.adherence.is_some() && !says_auto && self.rules.extends == Extends::Strict {
            return Course::Off;
        }
        let is_stated = self.states(rule);
        // Who writes a rule states it.
        let is_own = rule.group == HOUSE;
        if !says_auto && (is_own || is_stated || is_extended || self.rules.extends == Extends::Strict) {
            return Course::On(severity);
        }
        // What nobody stated is never an error.
        let severity = severity.max(Severity::Warning);
        match rule.stated_by {
            Some(Stated::Rules) => Course::Off,
            _ if rule.is_convention => Course::ByAdherence(severity),
            Some(_) if !is_stated => Course::Off,
            _ => Course::On(severity),
        }
    }

    /// Whether harness.yml states what the rule is about.
    fn states(&self, rule: &Rule) -> bool {
        match rule.stated_by {
            Some(Stated::Staging) => self.rules.staging.is_some(),
            Some(Stated::Layers) => !self.rules.layers.is_empty(),
            Some(Stated::Tenants) => !self.rules.tenants.is_empty(),
            Some(Stated::Domains) => !self.rules.domains.is_empty(),
            Some(Stated::Rules) | None => false,
        }
    }

    /// Whether the command line leaves nothing but others.
    fn is_asked_for(&self, id: &str, rule: &Rule) -> bool {
        let only = &self.selection.only;
        only.is_empty() || only.iter().any(|asked| asked == id || **asked == *rule.id || rule.is_alias(asked))
    }

    /// The same of a finding whose rule is not at hand.
    pub fn asks_for(&self, finding: &Finding, registry: &Registry) -> bool {
        registry.get(&finding.rule).is_some_and(|rule| self.is_asked_for(&finding.rule, rule))
    }

    /// How grave a finding is, or that it is none: `of_rule` is what its rule came to, `automatic` what it
    /// would be if nobody had said anything. The finding's own severity bounds it.
    pub fn gravity(
        &self,
        finding: &Finding,
        rule: &Rule,
        of_rule: Option<Severity>,
        automatic: Option<Severity>,
    ) -> Option<Severity> {
        let decided = self.bound(&finding.rule, &finding.place.path, rule, of_rule, automatic)?;
        Some(finding.severity.max(decided))
    }

    /// How grave findings of an id may be at a path; `None` where they are none.
    pub fn bound(
        &self,
        id: &str,
        path: &str,
        rule: &Rule,
        of_rule: Option<Severity>,
        automatic: Option<Severity>,
    ) -> Option<Severity> {
        if !self.is_asked_for(id, rule) || self.selection.skip.iter().any(|skipped| skipped == id) {
            return None;
        }
        let of_path = self
            .overrides
            .iter()
            .filter(|(paths, _)| paths.is_match(path))
            .find_map(|(_, rules)| rules.get(id).or_else(|| rules.get(&*rule.id)).copied());
        let of_member = (*id != *rule.id).then(|| self.rules.level(id)).flatten();
        match of_path.or(of_member) {
            None => of_rule,
            Some(Level::Auto) => automatic,
            // Who asks for a rule by name gets it, also where it is off.
            Some(Level::Off) => (!self.selection.only.is_empty()).then_some(Severity::Warning),
            Some(level) => severity(level),
        }
    }

    /// What a rule's options are set to.
    pub fn options(&self, rule: &Rule) -> Options {
        options(rule, self.rules)
    }
}

fn severity(level: Level) -> Option<Severity> {
    match level {
        Level::Error => Some(Severity::Error),
        Level::Warning => Some(Severity::Warning),
        Level::Info => Some(Severity::Info),
        Level::Off | Level::Auto => None,
    }
}

/// What a rule's options are set to.
pub fn options(rule: &Rule, house: &HouseRules) -> Options {
    let value = |name: &String| house.option(&rule.id, name).cloned();
    rule.options
        .iter()
        .map(|(name, option)| (name.clone(), value(name).unwrap_or_else(|| option.default.clone())))
        .collect()
}

#[cfg(test)]
mod tests;
