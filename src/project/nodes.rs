//! The resources of a project that are built or run: models, seeds, snapshots, analyses, functions.
//! Which exist is known from names alone; what they are needs their rendering and configuration.

use super::columns::{Column, Constraint};
use super::config;
use super::data;
use super::flags::flag;
use super::hooks::hooks_trace;
use super::jinja::run::{Names, RefCall, Run, Subject, Trace};
use super::jinja::{Minijinja, Renderer};
use super::macros::{blocks, is_builtin};
use super::packages::{dbt_packages, package_name};
use super::properties::{Patch, PatchKind, patch, patch_index, properties};
use super::settled::Settled;
use super::shapes::is_relation;
use super::versions::{of_file, version};
use super::{calls, python};
use crate::db::cache::Work;
use crate::db::{Directory, DirectoryOf, FileKind, Package, Section, SourceFile};
use crate::syntax::jinja::blocks::BlockKind;
use crate::syntax::span::{Span, SyntaxError};
use indexmap::IndexSet;
use rustc_hash::FxHashSet;
use salsa::plumbing::AsId;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    Model,
    Seed,
    Snapshot,
    Analysis,
    Function,
}

impl NodeKind {
    /// dbt's word for it, with which its unique_id starts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Snapshot => "snapshot",
            Self::Analysis => "analysis",
            Self::Function => "function",
        }
    }

    pub fn patch_kind(self) -> PatchKind {
        match self {
            Self::Model => PatchKind::Model,
            Self::Seed => PatchKind::Seed,
            Self::Snapshot => PatchKind::Snapshot,
            Self::Analysis => PatchKind::Analysis,
            Self::Function => PatchKind::Function,
        }
    }

    /// Its sections of dbt_project.yml.
    pub fn sections(self, db: &dyn salsa::Database) -> &'static [&'static str] {
        match self {
            // Without its flag dbt takes the settings of models for analyses.
            Self::Analysis if has_analyses(db) => &["analyses"],
            Self::Model | Self::Analysis => &["models"],
            Self::Seed => &["seeds"],
            Self::Snapshot => &["snapshots"],
            Self::Function => &["functions"],
        }
    }

    fn default_materialized(self) -> &'static str {
        match self {
            Self::Model | Self::Analysis => "view",
            Self::Seed => "seed",
            Self::Snapshot => "snapshot",
            Self::Function => "function",
        }
    }

    /// Whether `ref` may name it.
    pub fn is_refable(self) -> bool {
        matches!(self, Self::Model | Self::Seed | Self::Snapshot)
    }
}

/// Whether analyses are a kind of their own, with paths and settings of their own.
pub(super) fn has_analyses(db: &dyn salsa::Database) -> bool {
    flag(db, "require_corrected_analysis_fqns")
}

/// Which part of its file a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    Whole,
    /// A `{% snapshot %}` block.
    Block(u32),
    /// An entry of a YAML file's list.
    Entry(u32),
}

#[salsa::interned(revisions = usize::MAX)]
pub struct Node<'db> {
    #[returns(copy)]
    pub kind: NodeKind,
    #[returns(copy)]
    pub package: Package,
    #[returns(ref)]
    pub name: Arc<str>,
    #[returns(copy)]
    pub file: SourceFile,
    #[returns(copy)]
    pub part: Part,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Node").field(&salsa::plumbing::AsId::as_id(self)).finish()
    }
}

#[salsa::tracked(returns(ref))]
pub(super) fn nodes_of<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Node<'db>> {
    let package = key.package(db);
    let mut found = Vec::new();
    for file in key.directory(db).files(db) {
        let whole = |kind: NodeKind| Node::new(db, kind, package, stem(file.path(db)), *file, Part::Whole);
        match file.kind(db) {
            FileKind::Model | FileKind::PythonModel => match of_file(db, package, &stem(file.path(db))) {
                Some(version) => {
                    found.push(Node::new(db, NodeKind::Model, package, version.model.clone(), *file, Part::Whole));
                }
                None => found.push(whole(NodeKind::Model)),
            },
            FileKind::Seed => found.push(whole(NodeKind::Seed)),
            FileKind::Analysis => found.push(whole(NodeKind::Analysis)),
            FileKind::Function => found.push(whole(NodeKind::Function)),
            FileKind::Snapshot => {
                for (index, block) in blocks(db, *file).blocks.iter().enumerate() {
                    if block.kind == BlockKind::Snapshot {
                        let part = Part::Block(index as u32);
                        found.push(Node::new(db, NodeKind::Snapshot, package, block.name.clone(), *file, part));
                    }
                }
            }
            FileKind::Properties => {
                for entry in properties(db, package, *file).patches.iter().filter(|entry| entry.relation.is_some()) {
                    if entry.kind == PatchKind::Snapshot {
                        let part = Part::Entry(entry.index);
                        found.push(Node::new(db, NodeKind::Snapshot, package, entry.name.clone(), *file, part));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// The nodes of one directory of a package, in the order of its files.
pub fn nodes_of_directory<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> &'db [Node<'db>] {
    if is_builtin(db, package) {
        return &[];
    }
    nodes_of(db, DirectoryOf::new(db, package, directory))
}

#[salsa::tracked(returns(deref))]
fn living_nodes_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Node<'db>> {
    nodes_of(db, key).iter().copied().filter(|node| is_enabled(db, *node)).collect()
}

/// Those that are enabled. Whoever asks only for them depends on nothing else of the others.
pub fn living_nodes<'db>(db: &'db dyn salsa::Database, package: Package, directory: Directory) -> &'db [Node<'db>] {
    if is_builtin(db, package) {
        return &[];
    }
    living_nodes_in(db, DirectoryOf::new(db, package, directory))
}

/// All nodes of a package, in the order of its files.
pub fn nodes_of_package<'db>(db: &'db dyn salsa::Database, package: Package) -> Vec<Node<'db>> {
    let sections = package.sections(db).filter(|_| !is_builtin(db, package));
    sections.flat_map(|section| nodes_of_section(db, section)).copied().collect()
}

#[salsa::tracked(returns(deref))]
fn nodes_of_section<'db>(db: &'db dyn salsa::Database, section: Section<'db>) -> Vec<Node<'db>> {
    section.directories(db).flat_map(|key| nodes_of(db, key)).copied().collect()
}

/// A file's name without its extension; only the last dot ends a name. What follows the extension of a template
/// (`.sql.j2`) does not count.
pub fn stem(path: &str) -> Arc<str> {
    let mut file = path.rsplit('/').next().unwrap_or_default();
    for extension in [".j2", ".jinja2", ".jinja"] {
        file = file.strip_suffix(extension).unwrap_or(file);
    }
    file.rsplit_once('.').map_or(file, |(stem, _)| stem).into()
}

/// Whether a file of this name holds SQL: the extension counts in any case, and another one of Jinja may follow.
pub fn is_sql_path(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    [".sql", ".sql.j2", ".sql.jinja", ".sql.jinja2"].iter().any(|extension| lower.ends_with(extension))
}

/// The folders between a resource path and a file.
pub fn folders(db: &dyn salsa::Database, file: SourceFile) -> Vec<Arc<str>> {
    let path: &str = file.package_path(db);
    let below = path.strip_prefix(&**file.root(db)).unwrap_or(path).trim_start_matches('/');
    match below.rsplit_once('/') {
        Some((folders, _)) => folders.split('/').map(Arc::from).collect(),
        None => Vec::new(),
    }
}

fn fqn<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<Arc<str>> {
    let file = node.file(db);
    let mut fqn = vec![package_name(db, node.package(db)).clone()];
    if node.kind(db) == NodeKind::Analysis && !has_analyses(db) {
        fqn.push("analysis".into());
    }
    fqn.extend(folders(db, file));
    if matches!(node.part(db), Part::Block(_)) {
        // Snapshots carry the name of their file as well, up to its last dot.
        let name = file.path(db).rsplit('/').next().unwrap_or_default();
        fqn.push(name.rsplit_once('.').map_or(name, |(stem, _)| stem).into());
    }
    fqn.push(node.name(db).clone());
    fqn.extend(version(db, node).map(|version| version.suffix().into()));
    fqn
}

#[salsa::tracked(returns(ref))]
pub fn unique_id<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Arc<str> {
    let id = format!("{}.{}.{}", node.kind(db).name(), package_name(db, node.package(db)), node.name(db));
    match version(db, node) {
        Some(version) => format!("{id}.{}", version.suffix()).into(),
        None => id.into(),
    }
}

/// The part of its file that is rendered.
pub fn region<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Span {
    let file = node.file(db);
    match node.part(db) {
        Part::Block(index) => blocks(db, file).blocks.get(index as usize).map(|block| block.body).unwrap_or_default(),
        Part::Whole => Span::new(0, file.content(db).text().len()),
        Part::Entry(_) => Span::default(),
    }
}

/// A node as its own templates see it.
pub fn subject<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Subject {
    Subject {
        unique_id: unique_id(db, node).clone(),
        resource_type: node.kind(db).name(),
        name: node.name(db).clone(),
        package_name: package_name(db, node.package(db)).clone(),
        path: node.file(db).package_path(db).clone(),
        fqn: fqn(db, node),
    }
}

/// What a node's own text asked for, with places in its file, and what went wrong.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rendering {
    pub trace: Trace,
    pub errors: Vec<SyntaxError>,
}

impl Rendering {
    /// Whether it came to its end.
    pub fn is_whole(&self) -> bool {
        self.errors.is_empty() && self.trace.failure.is_none() && !self.trace.incomplete
    }
}

/// What is found in the SQL that a node's Jinja prints. The SQL itself is not kept, and few need it.
pub fn found_in_printed<'db>(
    db: &'db dyn salsa::Database,
    node: Node<'db>,
    work: Work,
    find: &dyn Fn(&str) -> Vec<Arc<str>>,
) -> Vec<Arc<str>> {
    let run = Run::new(node.package(db), Names::All, subject(db, node));
    let text = node.file(db).content(db).text();
    Minijinja.search((text, region(db, node)), run, work, &|rendered| find(&rendered.text))
}

/// Renders a node. The one expensive query: it runs again only when the node's own text changes, or
/// a macro, var or setting that it asked for.
#[salsa::tracked(returns(ref))]
pub fn rendering<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Rendering {
    let file = node.file(db);
    let kind = node.kind(db);
    if kind == NodeKind::Seed {
        return Rendering::default();
    }
    if file.kind(db) == FileKind::PythonModel {
        return python::read(file.content(db).text());
    }
    let run = Run::new(node.package(db), Names::All, subject(db, node));
    if let Part::Entry(_) = node.part(db) {
        let relation = own_patch(db, node).and_then(|(_, patch)| patch.relation.clone()).unwrap_or_default();
        if !is_relation(&relation) {
            return Rendering::default();
        }
        let text = format!("{{{{ {relation} }}}}");
        let (mut trace, _) = Minijinja.trace(&text, Span::new(0, text.len()), run);
        // The offsets are of the text made here.
        trace.refs.iter_mut().for_each(|call| call.site = 0);
        trace.sources.iter_mut().for_each(|call| call.site = 0);
        return Rendering { trace, errors: Vec::new() };
    }
    let text = file.content(db).text();
    let region = region(db, node);
    let (mut trace, mut errors) = Minijinja.trace(text, region, run);
    if !errors.is_empty() || trace.failure.is_some() {
        let unread = match trace.failure {
            Some(_) => Span { start: trace.last_site.clamp(region.start, region.end), end: region.end },
            None => calls::unread(region, &errors),
        };
        calls::add_literal_calls(text, unread, &mut trace);
        if trace.incomplete {
            trace.failure = None;
            // Something that is not in this checkout was in play; the project itself may be right.
            errors.retain(|error| !error.kind.is_of_run());
        }
    }
    Rendering { trace, errors }
}

/// What YAML says of a node, and the package whose YAML it is. Where its own package says nothing,
/// another may: an entry that finds no resource in its own package takes any of that name.
#[salsa::tracked(returns(copy))]
fn patch_at<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<Package> {
    let (own, kind, name) = (node.package(db), node.kind(db).patch_kind(), node.name(db));
    let has_patch = |package: &Package| patch_index(db, *package).contains_key(&(kind, name.clone()));
    if has_patch(&own) {
        return Some(own);
    }
    let others = dbt_packages(db).into_iter().filter(|package| *package != own && has_patch(package));
    let is_taken = |package: &Package| {
        let mut nodes = nodes_of_package(db, *package).into_iter();
        nodes.any(|other| other.kind(db) == node.kind(db) && other.name(db) == name && is_enabled(db, other))
    };
    others.into_iter().find(|package| !is_taken(package))
}

fn own_patch<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<&'db (SourceFile, Patch)> {
    patch(db, patch_at(db, node)?, node.kind(db).patch_kind(), node.name(db))
}

/// Whether a YAML file describes it.
pub fn has_entry<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> bool {
    own_patch(db, node).is_some()
}

/// A node's parents as it names them, in the order of their first calls, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    pub refs: Vec<Reference>,
    pub sources: Vec<(Arc<str>, Arc<str>)>,
    pub functions: Vec<(Option<Arc<str>>, Arc<str>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    pub package: Option<Arc<str>>,
    pub name: Arc<str>,
    pub version: Option<Arc<str>>,
}

impl Reference {
    /// What a call names, wherever it stands.
    pub fn of(call: &RefCall) -> Self {
        Self { package: call.package.clone(), name: call.name.clone(), version: call.version.clone() }
    }
}

/// Without places: an edit that moves a call and changes nothing else ends here.
#[salsa::tracked(returns(ref))]
pub fn named_parents<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Named {
    Named::of([&rendering(db, node).trace, hooks_trace(db, node)])
}

impl Named {
    /// All that some renderings named.
    pub fn of<'trace>(traces: impl IntoIterator<Item = &'trace Trace>) -> Self {
        let (mut refs, mut sources, mut functions) = (IndexSet::new(), IndexSet::new(), IndexSet::new());
        for trace in traces {
            refs.extend(trace.refs.iter().map(Reference::of));
            sources.extend(trace.sources.iter().map(|call| (call.source.clone(), call.table.clone())));
            functions.extend(trace.functions.iter().map(|call| (call.package.clone(), call.name.clone())));
        }
        Self {
            refs: refs.into_iter().collect(),
            sources: sources.into_iter().collect(),
            functions: functions.into_iter().collect(),
        }
    }
}

/// What a node is, without places.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub config: Map<String, Value>,
    pub enabled: bool,
    pub materialized: Arc<str>,
    pub tags: Vec<Arc<str>>,
    pub fqn: Vec<Arc<str>>,
    pub description: Arc<str>,
    /// The YAML file that describes it, and that file's package.
    pub patch_file: Option<(Package, SourceFile)>,
}

#[salsa::tracked(returns(ref))]
pub fn facts<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Facts {
    let kind = node.kind(db);
    let fqn = fqn(db, node);
    let patch = own_patch(db, node);
    let stated = stated_config(db, node);
    let stated_version = patch.and_then(|(_, patch)| version(db, node)?.stated(&patch.versions));
    let mut own = Map::new();
    for call in &rendering(db, node).trace.configs {
        config::merge(&mut own, &call.values);
    }
    let config = config::of_resource(db, node.package(db), kind.sections(db), &fqn, &[&stated, &own]);
    let materialized = config.get("materialized").and_then(data::scalar);
    // dbt adds tags each once: first those it knows before YAML is read, then YAML's.
    let mut tags: Vec<Arc<str>> = Vec::new();
    if stated.contains_key("tags") {
        let before = config::of_resource(db, node.package(db), kind.sections(db), &fqn, &[&own]);
        tags = data::texts(before.get("tags")).into_iter().map(Arc::from).collect();
    }
    tags.extend(data::texts(config.get("tags")).into_iter().map(Arc::from));
    let described = patch.map(|(_, patch)| patch.description.clone()).unwrap_or_else(|| "".into());
    Facts {
        enabled: config::enabled(&config),
        materialized: materialized.as_deref().unwrap_or_else(|| kind.default_materialized()).into(),
        tags: once_each(tags),
        fqn,
        description: stated_version.and_then(|version| version.description.clone()).unwrap_or(described),
        patch_file: patch_at(db, node).zip(patch.map(|(file, _)| *file)),
        config,
    }
}

/// What a node's own configuration is merged from, each layer as it is stated: its YAML, its version's, its calls'.
pub fn own_layers<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<Cow<'db, Map<String, Value>>> {
    let mut all = Vec::new();
    if let Some((_, patch)) = own_patch(db, node) {
        all.push(Cow::Borrowed(&patch.config));
        let stated = version(db, node).and_then(|version| version.stated(&patch.versions));
        all.extend(stated.map(|version| Cow::Borrowed(&version.config)));
    }
    // Calls are one layer: of two, dbt asks only what they come to.
    match rendering(db, node).trace.configs.as_slice() {
        [] => {}
        [only] => all.push(Cow::Borrowed(&only.values)),
        calls => {
            let mut own = Map::new();
            calls.iter().for_each(|call| config::merge(&mut own, &call.values));
            all.push(Cow::Owned(own));
        }
    }
    all
}

/// Each text once, where it stands first.
pub fn once_each(texts: Vec<Arc<str>>) -> Vec<Arc<str>> {
    let mut seen = FxHashSet::default();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}

/// What YAML configures of a node; of a Python model also what dbt puts there.
pub(super) fn stated_config<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Map<String, Value> {
    let patch = own_patch(db, node);
    let mut stated = patch.map(|(_, patch)| patch.config.clone()).unwrap_or_default();
    if let Some(version) = patch.and_then(|(_, patch)| version(db, node)?.stated(&patch.versions)) {
        config::merge(&mut stated, &version.config);
    }
    if node.file(db).kind(db) == FileKind::PythonModel {
        stated.entry("materialized").or_insert_with(|| "table".into());
    }
    stated
}

/// What the folders of dbt_project.yml alone say of a node.
pub fn folder_config<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Map<String, Value> {
    config::of_resource(db, node.package(db), node.kind(db).sections(db), &fqn(db, node), &[])
}

/// The columns YAML documents of a node.
pub fn columns<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> &'db [Column] {
    let Some((_, patch)) = own_patch(db, node) else { return &[] };
    match version(db, node).and_then(|version| version.stated(&patch.versions)) {
        Some(version) => &version.columns,
        None => &patch.columns,
    }
}

/// The constraints YAML states of a node as a whole.
pub fn constraints<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> &'db [Constraint] {
    let Some((_, patch)) = own_patch(db, node) else { return &[] };
    let of_version = version(db, node).and_then(|version| version.stated(&patch.versions)?.constraints.as_deref());
    of_version.unwrap_or(&patch.constraints)
}

#[salsa::tracked(returns(copy))]
pub fn is_enabled<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> bool {
    match Settled::try_get(db) {
        Some(settled) => settled.not_open(db).get(&node.as_id()).is_none_or(|it| it.enabled),
        None => facts(db, node).enabled,
    }
}

/// Whether it is known to be enabled: what nobody knows is taken for enabled elsewhere.
pub fn is_surely_enabled<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> bool {
    let facts = facts(db, node);
    let stated = facts.config.get("enabled").and_then(Value::as_str);
    facts.enabled && !stated.is_some_and(data::is_unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_dot_ends_a_name() {
        assert_eq!(&*stem("models/a.b.sql"), "a.b");
        assert_eq!(&*stem("x"), "x");
    }
}
