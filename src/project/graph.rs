//! Which node each name means, and so the edges of the graph.

use super::config;
use super::data;
use super::flags::flag;
use super::nodes::{Named, Node, NodeKind, Part, Reference, is_enabled, named_parents, nodes_of_package, unique_id};
use super::packages::{dbt_packages, package_by_name, package_name};
use super::properties::{SourceTable, properties};
use super::settled::Settled;
use super::versions::version;
use crate::db::{FileKind, FileOf, Package, Project, SourceFile, Stamped, files_of};
use indexmap::IndexSet;
use rustc_hash::{FxHashMap, FxHashSet};
use salsa::Id;
use salsa::plumbing::{AsId, FromId};
use std::sync::Arc;

/// What a name turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resolved<T> {
    Found(T),
    Disabled(T),
    Missing,
}

/// Nodes by name, from names alone.
#[salsa::tracked(returns(ref))]
pub(super) fn indexed_nodes(db: &dyn salsa::Database) -> Stamped<FxHashMap<Arc<str>, Vec<Id>>> {
    let mut index: FxHashMap<Arc<str>, Vec<Id>> = FxHashMap::default();
    for package in dbt_packages(db) {
        for node in nodes_of_package(db, package) {
            index.entry(node.name(db).clone()).or_default().push(node.as_id());
        }
    }
    Stamped::new(index)
}

#[salsa::interned(revisions = usize::MAX)]
struct Candidates<'db> {
    #[returns(ref)]
    name: Arc<str>,
}

/// One query a name, so that a new file reaches only who names it.
#[salsa::tracked(returns(ref))]
fn candidates<'db>(db: &'db dyn salsa::Database, name: Candidates<'db>) -> Vec<Node<'db>> {
    let index = Settled::try_get(db).map_or_else(|| &indexed_nodes(db).value, |settled| settled.nodes(db));
    index.get(name.name(db)).into_iter().flatten().map(|id| Node::from_id(*id)).collect()
}

/// All nodes that bear a name, of all packages in their order.
pub fn named<'db>(db: &'db dyn salsa::Database, name: &str) -> &'db [Node<'db>] {
    candidates(db, Candidates::new(db, Arc::<str>::from(name)))
}

/// The names that `ref` may give, in their order.
#[salsa::tracked(returns(deref))]
pub fn refable_names(db: &dyn salsa::Database) -> Vec<Arc<str>> {
    let index = Settled::try_get(db).map_or_else(|| &indexed_nodes(db).value, |settled| settled.nodes(db));
    let is_refable = |id: &Id| Node::from_id(*id).kind(db).is_refable();
    let mut names: Vec<Arc<str>> =
        index.iter().filter(|(_, nodes)| nodes.iter().any(is_refable)).map(|(name, _)| name.clone()).collect();
    names.sort_unstable();
    names
}

/// The versions of a name's enabled models; `None` where nothing enabled bears it.
pub fn versions_of(db: &dyn salsa::Database, package: Option<&str>, name: &str) -> Option<Vec<Arc<str>>> {
    let package = package.map(|package| package_by_name(db, package));
    let is_meant =
        |node: &Node<'_>| package.is_none_or(|package| package == Some(node.package(db))) && node.kind(db).is_refable();
    let mut nodes = named(db, name).iter().filter(|node| is_meant(node) && is_enabled(db, **node)).peekable();
    nodes.peek()?;
    Some(nodes.filter_map(|node| version(db, *node).map(|version| version.version.clone())).collect())
}

/// All tables of all sources by name, in their order.
#[salsa::tracked(returns(deref))]
pub fn source_names(db: &dyn salsa::Database) -> Vec<SourceKey> {
    let index = Settled::try_get(db).map_or_else(|| &indexed_sources(db).value, |settled| settled.sources(db));
    let mut names: Vec<SourceKey> = index.keys().cloned().collect();
    names.sort_unstable();
    names
}

/// Whether any table of a source is declared.
pub fn has_source(db: &dyn salsa::Database, source: &Arc<str>) -> bool {
    let names = source_names(db);
    let at = names.partition_point(|(other, _)| other < source);
    names.get(at).is_some_and(|(other, _)| other == source)
}

/// The packages a name is looked for in, in order; `None` is any.
fn search(db: &dyn salsa::Database, from: Package, asked: Option<&str>) -> Vec<Option<Package>> {
    if let Some(name) = asked {
        return package_by_name(db, name).map(Some).into_iter().collect();
    }
    let Some(project) = Project::try_get(db) else { return vec![None] };
    let root = project.root(db);
    let own_first = flag(db, "require_ref_searches_node_package_before_root");
    let mut order = if own_first { vec![Some(from), Some(root)] } else { vec![Some(root), Some(from)] };
    order.dedup();
    order.push(None);
    order
}

fn pick<T: Copy>(
    order: &[Option<Package>],
    candidates: &[T],
    package: impl Fn(T) -> Package,
    enabled: impl Fn(T) -> bool,
) -> Resolved<T> {
    let within = |place: Option<Package>, wanted: bool| {
        candidates
            .iter()
            .copied()
            .find(|candidate| place.is_none_or(|place| package(*candidate) == place) && enabled(*candidate) == wanted)
    };
    if let Some(found) = order.iter().find_map(|place| within(*place, true)) {
        return Resolved::Found(found);
    }
    order.iter().find_map(|place| within(*place, false)).map_or(Resolved::Missing, Resolved::Disabled)
}

pub fn resolve_ref<'db>(db: &'db dyn salsa::Database, from: Package, reference: &Reference) -> Resolved<Node<'db>> {
    let order = search(db, from, reference.package.as_deref());
    let all = candidates(db, Candidates::new(db, reference.name.clone()));
    let answers = |node: &Node<'db>| match (version(db, *node), &reference.version) {
        (None, asked) => asked.is_none(),
        (Some(version), None) => version.is_latest,
        (Some(version), Some(asked)) => version.version == *asked,
    };
    let mut refable: Vec<Node<'db>> =
        all.iter().copied().filter(|node| node.kind(db).is_refable() && answers(node)).collect();
    // Of several kinds with one name in a package dbt takes what it parsed last.
    refable.sort_by_key(|node| std::cmp::Reverse(parsed_at(db, *node)));
    if refable.is_empty()
        && reference.version.is_none()
        && let Some((name, version)) = reference.name.rsplit_once(".v")
    {
        // A version has a name of its own as well: `orders.v2`.
        let package = reference.package.clone();
        return resolve_ref(db, from, &Reference { package, name: name.into(), version: Some(version.into()) });
    }
    pick(&order, &refable, |node| node.package(db), |node| is_enabled(db, node))
}

/// When dbt parses a node's kind: models, snapshots in SQL, seeds, snapshots in YAML.
fn parsed_at(db: &dyn salsa::Database, node: Node<'_>) -> u8 {
    match (node.kind(db), node.part(db)) {
        (NodeKind::Snapshot, Part::Entry(_)) => 3,
        (NodeKind::Seed, _) => 2,
        (NodeKind::Snapshot, _) => 1,
        _ => 0,
    }
}

pub fn resolve_function<'db>(
    db: &'db dyn salsa::Database,
    from: Package,
    package: Option<&str>,
    name: &Arc<str>,
) -> Resolved<Node<'db>> {
    let order = search(db, from, package);
    let all = candidates(db, Candidates::new(db, name.clone()));
    let functions: Vec<Node<'db>> = all.iter().copied().filter(|node| node.kind(db) == NodeKind::Function).collect();
    pick(&order, &functions, |node| node.package(db), |node| is_enabled(db, node))
}

/// A table of a source, by where it is declared.
#[salsa::interned(revisions = usize::MAX)]
pub struct Source<'db> {
    #[returns(copy)]
    pub package: Package,
    #[returns(ref)]
    pub source: Arc<str>,
    #[returns(ref)]
    pub table: Arc<str>,
    #[returns(copy)]
    pub file: SourceFile,
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&salsa::plumbing::AsId::as_id(self)).finish()
    }
}

pub fn source_id<'db>(db: &'db dyn salsa::Database, source: Source<'db>) -> Arc<str> {
    let package = package_name(db, source.package(db));
    format!("source.{package}.{}.{}", source.source(db), source.table(db)).into()
}

/// A source's table as its file declares it.
pub fn source_table<'db>(db: &'db dyn salsa::Database, source: Source<'db>) -> Option<&'db SourceTable> {
    let (package, file) = (source.package(db), source.file(db));
    let key = (source.source(db).clone(), source.table(db).clone());
    let at = *tables_by_name(db, FileOf::new(db, package, file)).get(&key)?;
    properties(db, package, file).sources.get(at)
}

#[salsa::tracked(returns(ref))]
fn tables_by_name<'db>(db: &'db dyn salsa::Database, key: FileOf<'db>) -> FxHashMap<SourceKey, usize> {
    let tables = &properties(db, key.package(db), key.file(db)).sources;
    tables.iter().enumerate().map(|(at, table)| ((table.source.clone(), table.table.clone()), at)).collect()
}

/// All tables of all sources of a package, in the order of their files.
#[salsa::tracked(returns(ref))]
pub fn sources_of_package<'db>(db: &'db dyn salsa::Database, package: Package) -> Vec<Source<'db>> {
    let mut found = Vec::new();
    for file in files_of(db, package, FileKind::Properties) {
        for table in &properties(db, package, *file).sources {
            found.push(Source::new(db, package, table.source.clone(), table.table.clone(), *file));
        }
    }
    found
}

pub type SourceKey = (Arc<str>, Arc<str>);

#[salsa::tracked(returns(ref))]
pub(super) fn indexed_sources(db: &dyn salsa::Database) -> Stamped<FxHashMap<SourceKey, Vec<Id>>> {
    let mut index: FxHashMap<SourceKey, Vec<Id>> = FxHashMap::default();
    for package in dbt_packages(db) {
        for source in sources_of_package(db, package) {
            index.entry((source.source(db).clone(), source.table(db).clone())).or_default().push(source.as_id());
        }
    }
    Stamped::new(index)
}

#[salsa::interned(revisions = usize::MAX)]
struct SourceName<'db> {
    #[returns(ref)]
    source: Arc<str>,
    #[returns(ref)]
    table: Arc<str>,
}

#[salsa::tracked(returns(ref))]
fn source_candidates<'db>(db: &'db dyn salsa::Database, name: SourceName<'db>) -> Vec<Source<'db>> {
    let key = (name.source(db).clone(), name.table(db).clone());
    let index = Settled::try_get(db).map_or_else(|| &indexed_sources(db).value, |settled| settled.sources(db));
    index.get(&key).into_iter().flatten().map(|id| Source::from_id(*id)).collect()
}

pub fn resolve_source<'db>(
    db: &'db dyn salsa::Database,
    from: Package,
    source: &Arc<str>,
    table: &Arc<str>,
) -> Resolved<Source<'db>> {
    let order = search(db, from, None);
    let all = source_candidates(db, SourceName::new(db, source.clone(), table.clone()));
    pick(&order, all, |source| source.package(db), |source| is_source_enabled(db, source))
}

fn source_fqn<'db>(db: &'db dyn salsa::Database, source: Source<'db>) -> Vec<Arc<str>> {
    let mut fqn = vec![package_name(db, source.package(db)).clone()];
    fqn.extend(super::nodes::folders(db, source.file(db)));
    fqn.extend([source.source(db).clone(), source.table(db).clone()]);
    fqn
}

/// What a source's table is, without places.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFacts {
    pub fqn: Vec<Arc<str>>,
    pub config: serde_json::Map<String, serde_json::Value>,
    pub enabled: bool,
}

#[salsa::tracked(returns(ref))]
pub fn source_facts<'db>(db: &'db dyn salsa::Database, source: Source<'db>) -> SourceFacts {
    let fqn = source_fqn(db, source);
    let Some(table) = source_table(db, source) else {
        return SourceFacts { fqn, config: serde_json::Map::new(), enabled: false };
    };
    let own = [&table.source_config, &table.config];
    let mut config = config::of_resource(db, source.package(db), &["sources"], &fqn, &own);
    // dbt takes the tags of YAML alone, each once.
    let mut stated: Vec<String> = own.iter().flat_map(|config| data::texts(config.get("tags"))).collect();
    stated.sort_unstable();
    stated.dedup();
    if config.contains_key("tags") {
        config.insert("tags".to_owned(), stated.into());
    }
    SourceFacts { fqn, enabled: config::enabled(&config), config }
}

/// What the folders of dbt_project.yml alone say of a source's table.
pub fn source_folder_config<'db>(
    db: &'db dyn salsa::Database,
    source: Source<'db>,
) -> serde_json::Map<String, serde_json::Value> {
    config::of_resource(db, source.package(db), &["sources"], &source_facts(db, source).fqn, &[])
}

#[salsa::tracked(returns(deref))]
fn disabled_sources_in<'db>(db: &'db dyn salsa::Database, key: FileOf<'db>) -> Vec<Id> {
    let (package, file) = (key.package(db), key.file(db));
    let tables = properties(db, package, file).sources.iter();
    let all = tables.map(|it| Source::new(db, package, it.source.clone(), it.table.clone(), file));
    all.filter(|source| !source_facts(db, *source).enabled).map(|source| source.as_id()).collect()
}

#[salsa::tracked(returns(ref))]
pub(super) fn indexed_disabled_sources(db: &dyn salsa::Database) -> Stamped<FxHashSet<Id>> {
    let files = |package: Package| {
        files_of(db, package, FileKind::Properties).iter().map(move |file| FileOf::new(db, package, *file))
    };
    let files = dbt_packages(db).into_iter().flat_map(files);
    Stamped::new(files.flat_map(|file| disabled_sources_in(db, file)).copied().collect())
}

#[salsa::tracked(returns(copy))]
pub fn is_source_enabled<'db>(db: &'db dyn salsa::Database, source: Source<'db>) -> bool {
    match Settled::try_get(db) {
        Some(settled) => !settled.disabled_sources(db).contains(&source.as_id()),
        None => source_facts(db, source).enabled,
    }
}

/// A node's parents, resolved; in the order its text first names them.
#[derive(Debug, Clone, PartialEq, Eq, Default, salsa::SalsaValue)]
pub struct Parents<'db> {
    pub nodes: Vec<Node<'db>>,
    pub sources: Vec<Source<'db>>,
}

/// Resolved parents. Only what is enabled is a parent.
#[salsa::tracked(returns(ref))]
pub fn parents<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Parents<'db> {
    resolved(db, node.package(db), named_parents(db, node))
}

fn resolved<'db>(db: &'db dyn salsa::Database, from: Package, named: &Named) -> Parents<'db> {
    let (mut nodes, mut sources) = (IndexSet::new(), IndexSet::new());
    for reference in &named.refs {
        if let Resolved::Found(parent) = resolve_ref(db, from, reference) {
            nodes.insert(parent);
        }
    }
    for (package, name) in &named.functions {
        if let Resolved::Found(parent) = resolve_function(db, from, package.as_deref(), name) {
            nodes.insert(parent);
        }
    }
    for (source, table) in &named.sources {
        if let Resolved::Found(parent) = resolve_source(db, from, source, table) {
            sources.insert(parent);
        }
    }
    Parents { nodes: nodes.into_iter().collect(), sources: sources.into_iter().collect() }
}

/// The unique_ids of a node's parents, as dbt's depends_on lists them.
pub fn parent_ids<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<Arc<str>> {
    ids(db, parents(db, node))
}

/// The unique_ids of what a text of a package names.
pub fn named_ids(db: &dyn salsa::Database, from: Package, named: &Named) -> Vec<Arc<str>> {
    ids(db, &resolved(db, from, named))
}

fn ids<'db>(db: &'db dyn salsa::Database, parents: &Parents<'db>) -> Vec<Arc<str>> {
    let nodes = parents.nodes.iter().map(|node| unique_id(db, *node).clone());
    nodes.chain(parents.sources.iter().map(|source| source_id(db, *source))).collect()
}
