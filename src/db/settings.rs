//! What harness.yml states, as plain values. `project::settings` reads the file; without one the
//! defaults here hold.

use std::collections::BTreeMap;

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

/// What models of one layer may read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    pub name: String,
    pub reads: Vec<Read>,
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
    /// What a folder's place means, relative to dbt_project.yml.
    pub paths: Option<Vec<Segment>>,
    /// In the order of the file; empty = not stated.
    pub layers: Vec<Layer>,
    pub terminal: Vec<String>,
    pub tenants: Vec<String>,
    /// Those that others may read first.
    pub domains: Vec<String>,
    pub staging: Option<Staging>,
    /// By rule id (`MART_REFS_STAGING`).
    pub rules: BTreeMap<String, Level>,
}
