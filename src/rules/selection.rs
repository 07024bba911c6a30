//! Which rules run, and how grave their findings are: the rule's own file, what harness.yml states,
//! and what the command line asks for.

use super::engine::Options;
use super::finding::Severity;
use super::registry::Registry;
use super::rule::{Rule, Stated};
use crate::db::settings::{Extends, HouseRules, Level};

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
}

/// The gravest severity a rule's findings may have; `None` where it does not run.
pub fn severity(rule: &Rule, house: &HouseRules, selection: &Selection) -> Option<Severity> {
    let named = |ids: &[String]| ids.iter().any(|id| *rule.id == **id || rule.owns(id) || rule.is_alias(id));
    // A member of a family is left out finding by finding.
    if selection.skip.iter().any(|id| *rule.id == **id || rule.is_alias(id)) {
        return None;
    }
    if !selection.only.is_empty() {
        if !named(&selection.only) {
            return None;
        }
        return Some(own(rule, house).unwrap_or(Severity::Warning));
    }
    own(rule, house)
}

/// What harness.yml says of one finding: a family's members have ids, and so severities, of their
/// own.
pub fn of_finding(id: &str, house: &HouseRules, selection: &Selection, severity: Severity) -> Option<Severity> {
    match house.rules.get(id) {
        // Who asks for a rule by name gets it, also where it is off.
        Some(Level::Off) => selection.only.iter().any(|only| only == id).then_some(Severity::Warning),
        Some(Level::Error) => Some(Severity::Error),
        Some(Level::Warning) => Some(Severity::Warning),
        Some(Level::Info) => Some(Severity::Info),
        Some(Level::Auto) | None => Some(severity),
    }
}

fn own(rule: &Rule, house: &HouseRules) -> Option<Severity> {
    match house.rules.get(&*rule.id) {
        Some(Level::Off) => return None,
        Some(Level::Error) => return Some(Severity::Error),
        Some(Level::Warning) => return Some(Severity::Warning),
        Some(Level::Info) => return Some(Severity::Info),
        Some(Level::Auto) | None => {}
    }
    if &*rule.group == ALWAYS || is_stated(rule, house) {
        return rule.severity;
    }
    if rule.stated_by.is_some() && !rule.is_convention {
        return None;
    }
    match house.extends {
        Extends::Strict => rule.severity,
        // A convention nobody stated is never an error.
        Extends::Auto => rule.severity.map(|severity| severity.max(Severity::Warning)),
    }
}

/// Whether harness.yml states what the rule is about.
fn is_stated(rule: &Rule, house: &HouseRules) -> bool {
    match rule.stated_by {
        Some(Stated::Staging) => house.staging.is_some(),
        Some(Stated::Layers) => !house.layers.is_empty(),
        Some(Stated::Tenants) => !house.tenants.is_empty(),
        Some(Stated::Domains | Stated::Rules) | None => false,
    }
}

/// What a rule's options are set to.
pub fn options(rule: &Rule, _house: &HouseRules) -> Options {
    rule.options.iter().map(|(name, option)| (name.clone(), option.default.clone())).collect()
}
