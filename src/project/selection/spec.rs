//! A selection as it is read: criteria and what combines them.

use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a selection says.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub definition: Definition,
    /// What `--indirect-selection` says; else dbt's environment, dbt_project.yml or `eager` decide.
    pub indirect: Option<Indirect>,
    /// Of what is selected, the kinds that are wanted.
    pub kinds: Kinds,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    Criteria(Criteria),
    Group {
        operator: Operator,
        parts: Vec<Definition>,
        /// How tests come in whose parents only all parts together select; without it as the spec says.
        indirect: Option<Indirect>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Union,
    Intersection,
    /// The first part without the others.
    Difference,
}

/// One `@2+method:value+3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Criteria {
    pub method: Method,
    /// A text; in selectors.yml a value of `config` may be anything.
    pub value: Value,
    /// `@`: with all that depends on it, and all that is needed for these.
    pub childrens_parents: bool,
    pub parents: Option<Steps>,
    pub children: Option<Steps>,
    /// Without it as the spec says.
    pub indirect: Option<Indirect>,
}

impl Criteria {
    pub fn text(&self) -> &str {
        self.value.as_str().unwrap_or_default()
    }
}

/// How far parents or children are followed; without a number to the end.
pub(super) type Steps = Option<u32>;

/// Which tests come along with what they test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indirect {
    /// Each test with a selected parent.
    Eager,
    /// Tests all of whose parents are selected.
    Cautious,
    /// The same where a parent may also be an ancestor of what is selected.
    Buildable,
    /// No test that is not selected itself.
    Empty,
}

impl Indirect {
    pub const ALL: [(&'static str, Self); 4] =
        [("eager", Self::Eager), ("cautious", Self::Cautious), ("buildable", Self::Buildable), ("empty", Self::Empty)];

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, indirect)| indirect)
    }
}

/// What a criterion looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Fqn,
    Tag,
    Group,
    Access,
    Source,
    Path,
    File,
    Package,
    /// A setting by its keys: `config.meta.owner`.
    Config(Vec<Arc<str>>),
    TestName,
    TestType,
    ResourceType,
    Exposure,
    Metric,
    SemanticModel,
    SavedQuery,
    UnitTest,
    Version,
    Selector,
    /// What became of it since the commit that is compared with.
    State,
    /// One that looks at what a run of dbt left behind.
    OfRun(&'static str),
}

impl Method {
    /// The names of methods in dbt's order.
    pub const NAMES: [&'static str; 20] = [
        "fqn",
        "tag",
        "group",
        "access",
        "source",
        "path",
        "file",
        "package",
        "state",
        "config",
        "test_name",
        "test_type",
        "resource_type",
        "exposure",
        "metric",
        "version",
        "semantic_model",
        "saved_query",
        "unit_test",
        "selector",
    ];

    /// Those of dbt that look at what a run left behind.
    pub const OF_RUN: [&'static str; 2] = ["result", "source_status"];

    /// The values of `state`.
    pub const STATES: [&'static str; 10] = [
        "new",
        "old",
        "modified",
        "unmodified",
        "modified.body",
        "modified.configs",
        "modified.persisted_descriptions",
        "modified.relation",
        "modified.macros",
        "modified.contract",
    ];

    /// A method by its name, without keys.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "fqn" => Self::Fqn,
            "tag" => Self::Tag,
            "group" => Self::Group,
            "access" => Self::Access,
            "source" => Self::Source,
            "path" => Self::Path,
            "file" => Self::File,
            "package" => Self::Package,
            "config" => Self::Config(Vec::new()),
            "test_name" => Self::TestName,
            "test_type" => Self::TestType,
            "resource_type" => Self::ResourceType,
            "exposure" => Self::Exposure,
            "metric" => Self::Metric,
            "version" => Self::Version,
            "semantic_model" => Self::SemanticModel,
            "saved_query" => Self::SavedQuery,
            "unit_test" => Self::UnitTest,
            "selector" => Self::Selector,
            "state" => Self::State,
            _ => return Self::OF_RUN.into_iter().find(|own| *own == name).map(Self::OfRun),
        })
    }

    /// Where no method is named: a path has slashes, a file one of dbt's extensions, all else is a name.
    pub fn of_bare(value: &str) -> Self {
        let lower = value.to_lowercase();
        if value.contains('/') {
            Self::Path
        } else if [".sql", ".py", ".csv"].iter().any(|extension| lower.ends_with(extension)) {
            Self::File
        } else {
            Self::Fqn
        }
    }
}

/// dbt's resource types that can be selected, in its order.
pub const RESOURCE_TYPES: [&str; 13] = [
    "model",
    "snapshot",
    "seed",
    "test",
    "source",
    "exposure",
    "metric",
    "saved_query",
    "semantic_model",
    "unit_test",
    "function",
    "analysis",
    "operation",
];

/// What dbt has beside these; nothing of it is ever selected.
pub(super) const NEVER_SELECTED: [&str; 6] = ["macro", "doc", "group", "fixture", "rpc", "sql_operation"];

/// A set of resource types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(BTreeSet<&'static str>);

impl Kinds {
    /// All that can be selected.
    pub fn all() -> Self {
        Self(RESOURCE_TYPES.into_iter().collect())
    }

    /// What `dbt ls` lists: of the named types or else of all but analyses, without the excluded.
    pub fn listed(wanted: &[String], excluded: &[String]) -> Self {
        let named = |name: &str| -> Vec<&'static str> {
            let end = match name {
                "all" => 12,
                "default" => 11,
                _ => 0,
            };
            let all = RESOURCE_TYPES.into_iter();
            all.enumerate().filter(|(at, own)| *at < end || *own == name).map(|(_, own)| own).collect()
        };
        let mut kinds: BTreeSet<&'static str> = wanted.iter().flat_map(|name| named(name)).collect();
        if wanted.is_empty() {
            kinds.extend(named("default"));
        }
        for name in excluded.iter().flat_map(|name| named(name)) {
            kinds.remove(name);
        }
        Self(kinds)
    }

    pub fn has(&self, kind: &str) -> bool {
        self.0.contains(kind)
    }
}

impl Spec {
    pub fn new(definition: Definition, indirect: Option<Indirect>) -> Self {
        Self { definition, indirect, kinds: Kinds::all() }
    }

    pub fn names_selectors(&self) -> bool {
        self.definition.criteria().iter().any(|criteria| criteria.method == Method::Selector)
    }

    pub fn of_kinds(self, kinds: Kinds) -> Self {
        Self { kinds, ..self }
    }
}

impl Definition {
    pub fn group(operator: Operator, parts: Vec<Self>, indirect: Option<Indirect>) -> Self {
        Self::Group { operator, parts, indirect }
    }

    /// All criteria in it.
    pub fn criteria(&self) -> Vec<&Criteria> {
        match self {
            Self::Criteria(criteria) => vec![criteria],
            Self::Group { parts, .. } => parts.iter().flat_map(Self::criteria).collect(),
        }
    }
}
