//! What a directory shows to whatever is asked elsewhere. As long as that is as it was, an edit in the directory
//! changes no row of another, and none of the project as a whole.
//!
//! Whoever lets a query of one directory look at the files of another, or sums something up over directories, says
//! so here: the tests of equivalence fail otherwise.

use super::config_paths::used_folders_in;
use super::duplicates::names_in;
use super::edges::{UnknownMacro, unknown_macros_in};
use super::failures::{Failed, failures_in};
use super::missing::is_broken_yaml;
use super::refusals::{ForbiddenRef, InGroup, forbidden_in, groups_in};
use super::values::{WrongSetting, wrong_settings_in};
use crate::db::{DirectoryOf, FileKind, Package, SourceFile};
use crate::project::data_tests::{test_id, tests_of_directory};
use crate::project::graph::{Source, is_source_enabled, parents, source_id};
use crate::project::nodes::{facts, is_enabled, nodes_of_directory, unique_id};
use crate::project::properties::{PatchKind, properties};
use crate::project::schema_yaml;
use crate::relations::words_of_node;
use crate::syntax::yaml::Node as Yaml;
use salsa::Id;
use salsa::plumbing::AsId;
use serde_json::Value;
use std::sync::Arc;

/// What a directory of the root project shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// What other directories see.
    nodes: Vec<ShownNode>,
    sources: Vec<(Id, bool)>,
    /// The refs of enabled nodes, child and parent.
    pub edges: Vec<(Id, Id)>,
    /// What must be there once, as digests.
    pub names: Vec<u64>,
    pub sums: Sums,
}

#[derive(Debug, Clone, PartialEq)]
struct ShownNode {
    node: Id,
    unique_id: Arc<str>,
    is_enabled: bool,
    /// What its table is called.
    tables: Vec<String>,
    /// Who may read it, and its group.
    access: [Option<Value>; 2],
}

/// What is summed up over directories.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    pub unknown_macros: Vec<UnknownMacro>,
    groups: Vec<InGroup>,
    forbidden: Vec<ForbiddenRef>,
    wrong_settings: Vec<WrongSetting>,
    used_folders: Vec<usize>,
    failures: Vec<Failed>,
}

impl Sums {
    /// Whether what dbt refuses may be something else.
    pub fn refuse_otherwise(&self, other: &Self) -> bool {
        self.groups != other.groups || self.forbidden != other.forbidden || self.fail_otherwise(other)
    }

    /// Whether macros may fail otherwise, or be called with other arguments.
    pub fn fail_otherwise(&self, other: &Self) -> bool {
        self.failures != other.failures
    }

    /// Whether folders of dbt_project.yml may be used otherwise.
    pub fn use_otherwise(&self, other: &Self) -> bool {
        self.used_folders != other.used_folders
    }

    /// Whether settings of other values or places may be wrong.
    pub fn mistype_otherwise(&self, other: &Self) -> bool {
        self.wrong_settings != other.wrong_settings
    }
}

impl Shown {
    pub fn of<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Self {
        let (package, directory) = (key.package(db), key.directory(db));
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        for node in nodes_of_directory(db, package, directory).iter().copied() {
            let is_enabled = is_enabled(db, node);
            let setting = |key: &str| facts(db, node).config.get(key).cloned();
            let access = [setting("access"), setting("group")];
            let tables = if is_enabled && node.kind(db).is_refable() { words_of_node(db, node) } else { Vec::new() };
            nodes.push(ShownNode {
                node: node.as_id(),
                unique_id: unique_id(db, node).clone(),
                is_enabled,
                tables,
                access,
            });
            if is_enabled {
                edges.extend(parents(db, node).nodes.iter().map(|parent| (node.as_id(), parent.as_id())));
            }
        }
        Self {
            nodes,
            sources: sources(db, key).map(|source| (source.as_id(), is_source_enabled(db, source))).collect(),
            edges,
            names: names_in(db, key).to_vec(),
            sums: Sums {
                unknown_macros: unknown_macros_in(db, key).to_vec(),
                groups: groups_in(db, key).to_vec(),
                forbidden: forbidden_in(db, key).to_vec(),
                wrong_settings: wrong_settings_in(db, key).to_vec(),
                used_folders: used_folders_in(db, key).to_vec(),
                failures: failures_in(db, key).to_vec(),
            },
        }
    }

    /// Whether other directories may see something else.
    pub fn reaches_others(&self, other: &Self) -> bool {
        self.nodes != other.nodes || self.sources != other.sources
    }

    /// By what rows name what a directory holds: unique_ids and paths.
    pub fn texts<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Arc<str>> {
        let (package, directory) = (key.package(db), key.directory(db));
        let nodes = nodes_of_directory(db, package, directory).iter().map(|node| unique_id(db, *node).clone());
        let tests = tests_of_directory(db, package, directory).iter().map(|test| test_id(db, *test));
        let files = directory.files(db).iter().map(|file| Arc::clone(file.path(db)));
        nodes.chain(tests).chain(files).chain(sources(db, key).map(|source| source_id(db, source))).collect()
    }
}

fn sources<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> impl Iterator<Item = Source<'db>> {
    let package = key.package(db);
    let yaml = key.directory(db).files(db).iter().copied().filter(|file| file.kind(db) == FileKind::Properties);
    yaml.flat_map(move |file| {
        let tables = properties(db, package, file).sources.iter();
        tables.map(move |it| Source::new(db, package, it.source.clone(), it.table.clone(), file))
    })
}

/// What a YAML file declares that is known elsewhere by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Declares {
    /// What it describes, in its order.
    pub patches: Vec<(PatchKind, Arc<str>)>,
    tables: Vec<Table>,
}

/// Names of a source's table: its own, and those of what it stands for.
type Table = (Arc<str>, Arc<str>, Arc<str>, Arc<str>, Option<Arc<str>>);

/// The parts of a YAML file whose entries concern no more than they describe.
const LOCAL: [&str; 5] = ["version", "models", "seeds", "analyses", "sources"];

/// The keys of such entries, their columns and tables that concern no more. What another key means, is not known here:
/// it may declare a semantic model or a metric, or what a later dbt reads.
const PLAIN: [&str; 26] = [
    "columns",
    "config",
    "constraints",
    "data_tests",
    "data_type",
    "database",
    "description",
    "docs",
    "external",
    "freshness",
    "identifier",
    "loaded_at_field",
    "loaded_at_query",
    "loader",
    "meta",
    "name",
    "policy_tags",
    "quote",
    "quoting",
    "schema",
    "tables",
    "tags",
    "tests",
    "access",
    "group",
    "deprecation_date",
];

fn has_plain_keys(entry: &Yaml) -> bool {
    let keys = entry.as_map().unwrap_or_default();
    let parts = ["columns", "tables"].iter().filter_map(|part| entry.get(part)?.as_seq()).flatten();
    keys.iter().all(|key| key.key.as_str().is_some_and(|key| PLAIN.contains(&key)))
        && parts.into_iter().all(has_plain_keys)
}

impl Declares {
    /// `None` where it declares something that may reach anything: resources of its own, versions, what replaces
    /// parts of another package.
    pub fn of(db: &dyn salsa::Database, package: Package, file: SourceFile) -> Option<Self> {
        // What it cannot be read to declare may be what others miss.
        if is_broken_yaml(db, package, file) {
            return None;
        }
        let root = schema_yaml::root(db, package, file);
        let is_local = |key: Option<&str>| key.is_some_and(|key| LOCAL.contains(&key));
        if !root.as_map()?.iter().all(|entry| is_local(entry.key.as_str())) {
            return None;
        }
        let lists = LOCAL.iter().filter_map(|list| root.get(list)?.as_seq());
        if !lists.flatten().all(has_plain_keys) {
            return None;
        }
        let sources = root.get("sources").and_then(Yaml::as_seq).unwrap_or_default();
        if sources.iter().any(|source| source.get("overrides").is_some_and(|package| !package.is_null())) {
            return None;
        }
        let properties = properties(db, package, file);
        let is_plain = properties.patches.iter().all(|patch| {
            patch.versions.is_empty()
                && patch.latest_version.is_none()
                && patch.relation.is_none()
                && !patch.is_time_spine
        });
        let patches = properties.patches.iter().map(|patch| (patch.kind, patch.name.clone())).collect();
        let table = |it: &crate::project::properties::SourceTable| {
            (it.source.clone(), it.table.clone(), it.identifier.clone(), it.schema.clone(), it.database.clone())
        };
        is_plain.then(|| Self { patches, tables: properties.sources.iter().map(table).collect() })
    }
}
