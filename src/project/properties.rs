//! YAML files beside the resources: what they say of models, seeds, snapshots, functions and
//! sources. Without places; `entry_span` and `table_span` find those when a finding is made.

use super::columns::{Column, Constraint, Version, columns_of, constraints_of, versions_of};
use super::data;
use super::freshness;
use super::jinja::run::{Names, Run, Subject};
use super::jinja::{Minijinja, Renderer};
use super::overrides::sources_of;
use super::packages::yaml;
use super::schema_yaml;
use super::settled::Settled;
use crate::db::{DirectoryOf, FileKind, FileOf, Package, SourceFile, Stamped, of_section};
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::Node;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The kinds of resource a YAML file describes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PatchKind {
    Model,
    Seed,
    Snapshot,
    Analysis,
    Function,
    Macro,
}

impl PatchKind {
    pub const ALL: [Self; 6] = [Self::Model, Self::Seed, Self::Snapshot, Self::Analysis, Self::Function, Self::Macro];

    /// The key of its list in a YAML file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Seed => "seeds",
            Self::Snapshot => "snapshots",
            Self::Analysis => "analyses",
            Self::Function => "functions",
            Self::Macro => "macros",
        }
    }
}

/// What one entry of a YAML file says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    pub kind: PatchKind,
    pub name: Arc<str>,
    /// Its place in the file's list.
    pub index: u32,
    pub config: Map<String, Value>,
    pub description: Arc<str>,
    pub columns: Vec<Column>,
    /// Those of the whole model.
    pub constraints: Vec<Constraint>,
    /// What `versions:` lists, in its order.
    pub versions: Vec<Version>,
    /// `latest_version:`; without it the highest version is the latest.
    pub latest_version: Option<Arc<str>>,
    /// A snapshot that is defined in YAML selects from this.
    pub relation: Option<Arc<str>>,
    /// A model that the semantic layer counts days by.
    pub is_time_spine: bool,
    /// What it says of a macro's arguments: name and description.
    pub arguments: Vec<(Arc<str>, Arc<str>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SourceTable {
    pub source: Arc<str>,
    pub table: Arc<str>,
    pub source_index: u32,
    pub table_index: u32,
    pub source_config: Map<String, Value>,
    pub config: Map<String, Value>,
    pub identifier: Arc<str>,
    pub schema: Arc<str>,
    pub database: Option<Arc<str>>,
    pub loader: Arc<str>,
    pub source_description: Arc<str>,
    pub description: Arc<str>,
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Properties {
    pub patches: Vec<Patch>,
    pub sources: Vec<SourceTable>,
}

#[salsa::tracked(returns(ref))]
fn properties_of<'db>(db: &'db dyn salsa::Database, key: FileOf<'db>) -> Properties {
    let package = key.package(db);
    let root = schema_yaml::root(db, package, key.file(db));
    let mut render = |text: &str| {
        let run = Run::new(package, Names::Settings, Subject::default());
        Minijinja.evaluate(text, run).0.unwrap_or(Value::Null)
    };
    let mut found = Properties::default();
    for kind in PatchKind::ALL {
        for (index, entry) in entries(root, kind.key()) {
            let Some(name) = entry.get("name").and_then(text_of) else { continue };
            let columns = columns_of(entry);
            found.patches.push(Patch {
                kind,
                name: name.into(),
                index,
                config: config_of(entry, &BESIDE_CONFIG, &mut render),
                description: described(entry),
                versions: versions_of(entry, &columns, &mut render),
                latest_version: entry.get("latest_version").and_then(text_of).map(Arc::from),
                columns,
                constraints: constraints_of(entry).unwrap_or_default(),
                relation: entry.get("relation").and_then(Node::as_str).map(Arc::from),
                is_time_spine: entry.get("time_spine").is_some_and(|spine| !spine.is_null()),
                arguments: arguments_of(entry),
            });
        }
    }
    for (source_index, source) in sources_of(db, package, key.file(db)) {
        let source = source.as_ref();
        let Some(name) = source.get("name").and_then(text_of) else { continue };
        let source_config = config_of(source, &BESIDE_SOURCE_CONFIG, &mut render);
        let place = |node: &Node, key: &str, render: &mut dyn FnMut(&str) -> Value| -> Option<Arc<str>> {
            let value = node.get(key).map(data::of)?;
            data::scalar(&data::rendered(value, &|_| false, render)).map(Arc::from)
        };
        // Each followed by adapters' own words for it.
        let schema = ["schema", "dataset"].iter().find_map(|key| place(source, key, &mut render));
        let database = ["database", "project", "catalog"].iter().find_map(|key| place(source, key, &mut render));
        let loader: Arc<str> = source.get("loader").and_then(Node::as_str).unwrap_or_default().into();
        for (table_index, table) in entries(source, "tables") {
            let Some(table_name) = table.get("name").and_then(text_of) else { continue };
            let identifier = place(table, "identifier", &mut render);
            let mut config = config_of(table, &BESIDE_SOURCE_CONFIG, &mut render);
            freshness::add_to(&mut config, source, table);
            found.sources.push(SourceTable {
                source: name.as_str().into(),
                table: table_name.as_str().into(),
                source_index,
                table_index,
                source_config: source_config.clone(),
                config,
                identifier: identifier.unwrap_or_else(|| table_name.into()),
                schema: schema.clone().unwrap_or_else(|| name.as_str().into()),
                database: database.clone(),
                loader: loader.clone(),
                source_description: described(source),
                description: described(table),
                columns: columns_of(table),
            });
        }
    }
    found
}

pub fn properties(db: &dyn salsa::Database, package: Package, file: SourceFile) -> &Properties {
    properties_of(db, FileOf::new(db, package, file))
}

pub(super) fn entries<'doc>(node: &'doc Node, key: &str) -> impl Iterator<Item = (u32, &'doc Node)> {
    let list = node.get(key).and_then(Node::as_seq).unwrap_or_default();
    list.iter().enumerate().map(|(index, entry)| (index as u32, entry))
}

pub(super) fn text_of(node: &Node) -> Option<String> {
    node.key_text().map(std::borrow::Cow::into_owned)
}

pub(super) fn described(entry: &Node) -> Arc<str> {
    entry.get("description").and_then(Node::as_str).unwrap_or_default().into()
}

fn arguments_of(entry: &Node) -> Vec<(Arc<str>, Arc<str>)> {
    let named =
        |(_, argument): (u32, &Node)| Some((argument.get("name").and_then(text_of)?.into(), described(argument)));
    entries(entry, "arguments").filter_map(named).collect()
}

/// What dbt takes from beside `config:` as if it stood in it. Other keys there mean nothing.
const BESIDE_CONFIG: [&str; 5] = ["meta", "docs", "group", "contract", "access"];
const BESIDE_SOURCE_CONFIG: [&str; 2] = ["tags", "meta"];

/// `config:`, and the settings that may also stand beside it.
pub(super) fn config_of(entry: &Node, beside: &[&str], render: &mut dyn FnMut(&str) -> Value) -> Map<String, Value> {
    let mut config = Map::new();
    let stated = beside.iter().filter_map(|key| Some(((*key).to_owned(), data::of(entry.get(key)?))));
    super::config::merge(&mut config, &stated.collect());
    if let Some(Value::Object(stated)) = entry.get("config").map(data::of) {
        super::config::merge(&mut config, &stated);
    }
    let skip = |key: &str| matches!(key, "pre-hook" | "post-hook" | "pre_hook" | "post_hook" | "description");
    match data::rendered(Value::Object(config), &skip, render) {
        Value::Object(config) => config,
        _ => Map::new(),
    }
}

/// A patch by its file and its place among the file's patches.
pub type PatchAt = (SourceFile, u32);

#[salsa::tracked(returns(deref))]
fn patch_names<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<(PatchKind, Arc<str>, PatchAt)> {
    let mut found = Vec::new();
    for file in key.directory(db).files(db).iter().filter(|file| file.kind(db) == FileKind::Properties) {
        let patches = &properties(db, key.package(db), *file).patches;
        let named = patches.iter().enumerate();
        found.extend(named.map(|(at, patch)| (patch.kind, patch.name.clone(), (*file, at as u32))));
    }
    found
}

/// All patches of a package by kind and name, in the order of their files.
pub type PatchIndex = FxHashMap<(PatchKind, Arc<str>), Vec<PatchAt>>;

pub fn patch_index(db: &dyn salsa::Database, package: Package) -> &PatchIndex {
    let settled = Settled::try_get(db).and_then(|settled| settled.patches(db).get(&package));
    settled.unwrap_or_else(|| &indexed_patches(db, package).value)
}

#[salsa::tracked(returns(ref))]
pub(super) fn indexed_patches(db: &dyn salsa::Database, package: Package) -> Stamped<PatchIndex> {
    let mut index = PatchIndex::default();
    for (kind, name, at) in package.sections(db).flat_map(|section| patches_of_section(db, section)) {
        index.entry((*kind, name.clone())).or_default().push(*at);
    }
    Stamped::new(index)
}

of_section!(patches_of_section: patch_names => (PatchKind, Arc<str>, PatchAt));

#[salsa::interned(revisions = usize::MAX)]
struct PatchKey<'db> {
    #[returns(copy)]
    package: Package,
    #[returns(copy)]
    kind: PatchKind,
    #[returns(ref)]
    name: Arc<str>,
}

/// One query a patch: a change of one entry reaches the resource it describes and no other.
#[salsa::tracked(returns(ref))]
fn patch_of<'db>(db: &'db dyn salsa::Database, key: PatchKey<'db>) -> Option<(SourceFile, Patch)> {
    let (file, at) = *patch_index(db, key.package(db)).get(&(key.kind(db), key.name(db).clone()))?.first()?;
    Some((file, properties(db, key.package(db), file).patches.get(at as usize)?.clone()))
}

pub fn patch<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    kind: PatchKind,
    name: &Arc<str>,
) -> Option<&'db (SourceFile, Patch)> {
    patch_of(db, PatchKey::new(db, package, kind, name.clone())).as_ref()
}

/// Where the name of an entry stands.
pub fn entry_span(db: &dyn salsa::Database, file: SourceFile, key: &str, index: u32) -> Span {
    let list = yaml(db, file).root.get(key).and_then(Node::as_seq);
    list.and_then(|list| list.get(index as usize)).map(name_span).unwrap_or_default()
}

/// Where the name of a source's table stands.
pub fn table_span(db: &dyn salsa::Database, file: SourceFile, source: u32, table: u32) -> Span {
    let list = yaml(db, file).root.get("sources").and_then(Node::as_seq);
    let tables = list.and_then(|list| list.get(source as usize)?.get("tables")?.as_seq());
    tables.and_then(|tables| tables.get(table as usize)).map(name_span).unwrap_or_default()
}

fn name_span(entry: &Node) -> Span {
    entry.get("name").map_or(entry.span, |name| name.span)
}

/// `tests:` with nothing in it, which stops dbt.
pub fn null_tests(root: &Node) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    let lists = ["models", "seeds", "snapshots", "sources"];
    let mut work: Vec<&Node> = lists.iter().filter_map(|list| root.get(list)).collect();
    while let Some(node) = work.pop() {
        work.extend(node.as_seq().unwrap_or_default());
        // A version may say that it has none of the model's tests.
        let is_version = node.get("v").is_some();
        for entry in node.as_map().unwrap_or_default() {
            match entry.key.as_str() {
                Some(key @ ("tests" | "data_tests")) if entry.value.is_null() && !is_version => {
                    errors.push(SyntaxError::new(
                        entry.key.span,
                        format!("`{key}:` has no tests below it, which stops dbt"),
                        format!("Write a list of tests, or delete `{key}:`."),
                    ))
                }
                Some("columns" | "tables" | "versions") => work.push(&entry.value),
                _ => {}
            }
        }
    }
    errors
}
