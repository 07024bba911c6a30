//! What harness.yml states, as plain values. `project::settings` reads the file; without one the
//! defaults here hold.

use crate::files::Outside;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far the rules that nobody stated are switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Extends {
    /// A convention is on where the repo keeps it, and never as an error.
    #[default]
    Auto,
    /// Every rule at the severity its own file gives.
    Strict,
}

/// The severity harness.yml gives a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    Error,
    Warning,
    Info,
    Off,
    Auto,
}

/// The value of a rule's option.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    Switch(bool),
    Number(i64),
    Text(String),
    List(Vec<String>),
}

/// What harness.yml says of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RuleSetting {
    /// `None` where only options are stated.
    pub level: Option<Level>,
    pub options: BTreeMap<String, OptionValue>,
}

/// Severities that hold for some paths.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Override {
    /// Globs, relative to dbt_project.yml.
    pub paths: Vec<String>,
    /// By rule id.
    pub rules: BTreeMap<String, Level>,
}

/// What models of one layer may read, and how they are recognised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    pub name: String,
    pub reads: Vec<Read>,
    /// What its folders are called.
    pub folders: Vec<String>,
    /// How the names of its models begin, where no folder tells their layer.
    pub prefixes: Vec<String>,
}

impl Layer {
    /// A layer whose folders are called like itself.
    pub fn new(name: &str, reads: Vec<Read>) -> Self {
        Self { name: name.to_owned(), reads, folders: vec![name.to_owned()], prefixes: Vec::new() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Read {
    Layer(String),
    Source,
    Seed,
}

/// One segment of the `paths` pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A folder of this very name.
    Literal(String),
    /// `{name}`: the folder here is the model's tenant, layer or domain.
    Placeholder(Placeholder),
    /// `*`: one folder of any name.
    Any,
    /// `**`: any number of folders; only as the last segment.
    Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placeholder {
    Tenant,
    Layer,
    Domain,
}

/// The staging pattern a house has agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Staging {
    /// The CTEs in their order.
    pub ctes: Vec<String>,
    pub materialized: String,
    /// The tags in their order; `{source}` stands for the folder below staging.
    pub tags: Vec<String>,
    /// Parts of paths that the pattern does not bind.
    pub exclude: Vec<String>,
    /// The comments that group columns, lower case; any two of them do.
    pub column_groups: Vec<String>,
}

impl Staging {
    pub fn default_column_groups() -> Vec<String> {
        ["identifiers", "dates", "descriptive", "system", "audit", "dbt metadata", "ingestion"]
            .map(str::to_owned)
            .to_vec()
    }
}

/// Everything harness.yml states.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct HouseRules {
    pub extends: Extends,
    /// Packs of rules that are off unless they are named here.
    pub presets: Vec<String>,
    /// What a folder's place means, relative to dbt_project.yml.
    pub paths: Option<Vec<Segment>>,
    /// In the order of the file; empty = not stated.
    pub layers: Vec<Layer>,
    pub terminal: Vec<String>,
    pub tenants: Vec<String>,
    /// Those that others may read first.
    pub domains: Vec<String>,
    pub staging: Option<Staging>,
    /// By rule id (`MART_REFS_STAGING`), a family's template or a member of one.
    pub rules: BTreeMap<String, RuleSetting>,
    /// In the order of the file: the last that fits a path decides.
    pub overrides: Vec<Override>,
    /// Folders with rules of the house's own, beside the customary one.
    pub rule_paths: Vec<String>,
    /// Those of them that lead out of the repository, by the file that states them.
    pub outside: Vec<(Arc<str>, Outside)>,
}

impl HouseRules {
    /// The severity stated for a rule.
    pub fn level(&self, rule: &str) -> Option<Level> {
        self.rules.get(rule).and_then(|setting| setting.level)
    }

    /// The value stated for a rule's option.
    pub fn option(&self, rule: &str, name: &str) -> Option<&OptionValue> {
        self.rules.get(rule).and_then(|setting| setting.options.get(name))
    }
}

/// The id of a rule that is named in one of the usual spellings.
pub fn spelled_as_id(name: &str) -> String {
    name.trim().to_uppercase().replace(['-', ' '], "_")
}
