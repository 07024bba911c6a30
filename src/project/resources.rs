//! What exists only in YAML beside sources: exposures, groups, and the semantic layer's metrics,
//! semantic models and saved queries.

use super::data;
use super::jinja::run::{Names, Run, Subject, Trace};
use super::jinja::{Minijinja, Renderer};
use super::nodes::{Named, NodeKind, Reference, folders};
use super::packages::{dbt_packages, package_name, yaml};
use super::properties::{config_of, described, entries, text_of};
use super::schema_yaml;
use super::{config, graph, semantic};
use crate::db::{FileKind, FileOf, Package, Project, SourceFile, files_of};
use crate::syntax::span::Span;
use crate::syntax::yaml::Node;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    Exposure,
    Group,
    Metric,
    SemanticModel,
    SavedQuery,
}

impl ResourceKind {
    pub const ALL: [Self; 5] = [Self::Exposure, Self::Group, Self::SemanticModel, Self::Metric, Self::SavedQuery];

    /// dbt's word for it, with which its unique_id starts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exposure => "exposure",
            Self::Group => "group",
            Self::Metric => "metric",
            Self::SemanticModel => "semantic_model",
            Self::SavedQuery => "saved_query",
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::SemanticModel => "semantic model",
            Self::SavedQuery => "saved query",
            kind => kind.name(),
        }
    }

    /// The key of its list in a YAML file, and of its section in dbt_project.yml and the manifest.
    pub fn section(self) -> &'static str {
        match self {
            Self::Exposure => "exposures",
            Self::Group => "groups",
            Self::Metric => "metrics",
            Self::SemanticModel => "semantic_models",
            Self::SavedQuery => "saved_queries",
        }
    }
}

/// Which entry of its file a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Of its kind's own list.
    Entry(u32),
    /// A measure of a semantic model, by the places of both.
    Measure(u32, u32),
    /// What an entry of `models:` says of its semantic model.
    OfModel(u32),
    /// One of the metrics below an entry of `models:`.
    MetricOfModel(u32, u32),
}

/// One entry, without places.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub kind: ResourceKind,
    pub origin: Origin,
    pub name: Arc<str>,
    pub description: Arc<str>,
    /// An exposure's or metric's `type`; else empty.
    pub of: Arc<str>,
    /// Who answers for an exposure or group, by name or else by address; else empty.
    pub owner: Arc<str>,
    /// What it says of them, `name` and `email` and whatever else.
    pub owner_fields: Vec<(Arc<str>, Arc<str>)>,
    /// What its own entry sets.
    pub config: Map<String, Value>,
    /// A metric's tags: dbt takes those beside `config:` alone, and of the terse spelling none.
    pub tags: Vec<Arc<str>>,
    /// The nodes it names by `ref` and `source`.
    pub named: Named,
    /// The metrics it is made of.
    pub metrics: Vec<Arc<str>>,
    /// The measures a metric is made of, and those a semantic model defines.
    pub measures: Vec<Arc<str>>,
    /// The semantic model below whose model a metric is written.
    pub semantic_model: Option<Arc<str>>,
    /// The model whose entry it is written in: without the model dbt forgets about it.
    pub below: Option<Arc<str>>,
    /// A metric in the spelling without `type_params:`, of which dbt shows no meta.
    pub is_terse: bool,
}

impl Resource {
    pub(super) fn new(kind: ResourceKind, origin: Origin, name: String, entry: &Node) -> Self {
        Self {
            kind,
            origin,
            name: name.into(),
            description: described(entry),
            of: entry.get("type").and_then(Node::as_str).unwrap_or_default().into(),
            owner: owner_of(entry),
            owner_fields: owner_fields(entry),
            config: Map::new(),
            tags: Vec::new(),
            named: Named::default(),
            metrics: Vec::new(),
            measures: Vec::new(),
            semantic_model: None,
            below: None,
            is_terse: false,
        }
    }
}

fn owner_of(entry: &Node) -> Arc<str> {
    let Some(owner) = entry.get("owner").filter(|owner| !owner.is_null()) else { return "".into() };
    let said = |key: &str| owner.get(key).filter(|said| !said.is_null()).and_then(text_of);
    said("name").or_else(|| said("email")).or_else(|| text_of(owner)).unwrap_or_default().into()
}

fn owner_fields(entry: &Node) -> Vec<(Arc<str>, Arc<str>)> {
    let fields = entry.get("owner").and_then(Node::as_map).unwrap_or_default().iter();
    let stated = fields.filter(|field| !field.value.is_null());
    stated.filter_map(|field| Some((field.key.as_str()?.into(), text_of(&field.value)?.into()))).collect()
}

#[salsa::tracked(returns(ref))]
fn resources_in<'db>(db: &'db dyn salsa::Database, key: FileOf<'db>) -> Vec<Resource> {
    let package = key.package(db);
    let root = schema_yaml::root(db, package, key.file(db));
    let mut render = |text: &str| {
        let run = Run::new(package, Names::Settings, Subject::default());
        Minijinja.evaluate(text, run).0.unwrap_or(Value::Null)
    };
    let mut found = Vec::new();
    for kind in ResourceKind::ALL {
        for (index, entry) in entries(root, kind.section()) {
            let Some(name) = entry.get("name").and_then(text_of) else { continue };
            let mut resource = Resource::new(kind, Origin::Entry(index), name, entry);
            let beside: &[&str] = match kind {
                ResourceKind::Metric => &["meta", "group", "enabled"],
                _ => &["tags", "meta", "group", "enabled"],
            };
            resource.config = config_of(entry, beside, &mut render);
            match kind {
                ResourceKind::Exposure => {
                    let lines = data::texts(entry.get("depends_on").map(data::of).as_ref());
                    resource.metrics = lines.iter().filter_map(|line| metric_of(line)).collect();
                    resource.named = named_by(package, lines.iter().filter(|line| metric_of(line).is_none()));
                }
                ResourceKind::SemanticModel => {
                    resource.named = named_by(package, entry.get("model").and_then(text_of).iter());
                    resource.measures = names_in(entry.get("measures"));
                }
                ResourceKind::Metric => {
                    let tags = data::texts(entry.get("tags").map(data::of).as_ref());
                    resource.tags = tags.into_iter().map(Arc::from).collect();
                    add_inputs(&mut resource, entry);
                }
                ResourceKind::SavedQuery => {
                    resource.metrics = names_in(entry.get("query_params").and_then(|params| params.get("metrics")));
                }
                ResourceKind::Group => {}
            }
            let metrics_of_measures = created_metrics(&resource, index, entry);
            found.push(resource);
            found.extend(metrics_of_measures);
        }
    }
    for (index, entry) in entries(root, "models") {
        found.extend(semantic::of_model(index, entry, &mut render));
    }
    found
}

/// A measure with `create_metric` is a metric, too.
fn created_metrics(model: &Resource, index: u32, entry: &Node) -> Vec<Resource> {
    if model.kind != ResourceKind::SemanticModel {
        return Vec::new();
    }
    let creates = |measure: &Node| measure.get("create_metric").and_then(Node::as_bool) == Some(true);
    let measures = entries(entry, "measures").filter(|(_, measure)| creates(measure));
    let metric = |(at, measure): (u32, &Node)| {
        let name = measure.get("name").and_then(text_of)?;
        let mut metric = Resource::new(ResourceKind::Metric, Origin::Measure(index, at), name, measure);
        if metric.description.is_empty() {
            metric.description = format!("Metric created from measure {}", metric.name).into();
        }
        metric.measures = vec![metric.name.clone()];
        let kept =
            ["enabled", "meta"].iter().filter_map(|key| Some(((*key).to_owned(), model.config.get(*key)?.clone())));
        metric.config = kept.collect();
        Some(metric)
    };
    measures.filter_map(metric).collect()
}

/// Names that stand alone or under `name:`; one of them or a list.
pub(super) fn names_in(node: Option<&Node>) -> Vec<Arc<str>> {
    let name = |node: &Node| node.get("name").map_or_else(|| text_of(node), text_of).map(Arc::from);
    match node {
        Some(node) => match node.as_seq() {
            Some(items) => items.iter().filter_map(name).collect(),
            None => name(node).filter(|_| !node.is_null()).into_iter().collect(),
        },
        None => Vec::new(),
    }
}

pub(super) fn metric_type(entry: &Node) -> &str {
    entry.get("type").and_then(Node::as_str).unwrap_or("simple")
}

/// What a metric is computed from: measures or other metrics, by its type.
fn add_inputs(metric: &mut Resource, entry: &Node) {
    let Some(params) = entry.get("type_params") else { return semantic::add_inputs(metric, entry) };
    let at = |node: Option<&Node>, keys: &[&str]| -> Vec<Arc<str>> {
        keys.iter().flat_map(|key| names_in(node.and_then(|node| node.get(key)))).collect()
    };
    match metric_type(entry) {
        "derived" => metric.metrics = at(Some(params), &["metrics"]),
        "ratio" => metric.metrics = at(Some(params), &["numerator", "denominator"]),
        "conversion" => {
            let inner = params.get("conversion_type_params");
            metric.measures = at(inner, &["base_measure", "conversion_measure"]);
            metric.metrics = at(inner, &["base_metric", "conversion_metric"]);
        }
        "cumulative" => {
            metric.measures = at(Some(params), &["measure"]);
            metric.metrics = at(params.get("cumulative_type_params"), &["metric"]);
        }
        _ => metric.measures = at(Some(params), &["measure"]),
    }
}

/// The name in `metric('name')`.
fn metric_of(line: &str) -> Option<Arc<str>> {
    let inner = line.trim().strip_prefix("metric")?.trim().strip_prefix('(')?.strip_suffix(')')?;
    let last = inner.rsplit(',').next()?;
    Some(last.trim().trim_matches(['\'', '"']).into())
}

/// The nodes that lines such as `ref('x')` name.
pub fn named_by<'text>(package: Package, lines: impl Iterator<Item = &'text String>) -> Named {
    let text: String = lines.map(|line| format!("{{{{ {line} }}}}\n")).collect();
    if text.is_empty() {
        return Named::default();
    }
    let run = Run::new(package, Names::All, Subject::default());
    let trace: Trace = Minijinja.trace(&text, Span::new(0, text.len()), run).0;
    Named::of([&trace])
}

/// The YAML resources of one file, in its order.
pub fn resources_of_file(db: &dyn salsa::Database, package: Package, file: SourceFile) -> &[Resource] {
    resources_in(db, FileOf::new(db, package, file))
}

/// The YAML resources of a package with their files, in the order of these.
pub fn resources_of_package(db: &dyn salsa::Database, package: Package) -> Vec<(&Resource, SourceFile)> {
    let files = files_with_resources(db, package).iter();
    let resources = |file: &SourceFile| {
        let file = *file;
        resources_of_file(db, package, file).iter().map(move |resource| (resource, file))
    };
    files.flat_map(resources).filter(|(resource, _)| is_there(db, package, resource)).collect()
}

#[salsa::tracked(returns(deref))]
fn files_with_resources(db: &dyn salsa::Database, package: Package) -> Vec<SourceFile> {
    let files = files_of(db, package, FileKind::Properties).iter().copied();
    files.filter(|file| !resources_of_file(db, package, *file).is_empty()).collect()
}

/// dbt knows nothing of what stands in the entry of a model that is not there; one that is disabled is.
pub fn is_there(db: &dyn salsa::Database, package: Package, resource: &Resource) -> bool {
    let Some(model) = &resource.below else { return true };
    let is_model = |node: graph::Resolved<super::nodes::Node<'_>>| match node {
        graph::Resolved::Found(node) | graph::Resolved::Disabled(node) => node.kind(db) == NodeKind::Model,
        graph::Resolved::Missing => false,
    };
    is_model(graph::resolve_ref(db, package, &Reference { package: None, name: model.clone(), version: None }))
}

/// The entry of its file that a resource is.
pub fn resource_entry<'db>(db: &'db dyn salsa::Database, resource: &Resource, file: SourceFile) -> Option<&'db Node> {
    let item = |node: &'db Node, key: &str, index: u32| node.get(key)?.as_seq()?.get(index as usize);
    let root = &yaml(db, file).root;
    match resource.origin {
        Origin::Entry(index) => item(root, resource.kind.section(), index),
        Origin::Measure(index, at) => item(item(root, "semantic_models", index)?, "measures", at),
        Origin::OfModel(index) => item(root, "models", index),
        Origin::MetricOfModel(index, at) => item(item(root, "models", index)?, "metrics", at),
    }
}

/// Where a resource's name stands.
pub fn resource_span(db: &dyn salsa::Database, resource: &Resource, file: SourceFile) -> Span {
    let Some(entry) = resource_entry(db, resource, file) else { return Span::default() };
    let of_model = matches!(resource.origin, Origin::OfModel(_)).then(|| entry.get("semantic_model")?.get("name"));
    of_model.flatten().or_else(|| entry.get("name")).map_or(entry.span, |name| name.span)
}

pub fn resource_id(db: &dyn salsa::Database, package: Package, resource: &Resource) -> String {
    format!("{}.{}.{}", resource.kind.name(), package_name(db, package), resource.name)
}

pub fn resource_fqn(
    db: &dyn salsa::Database,
    package: Package,
    resource: &Resource,
    file: SourceFile,
) -> Vec<Arc<str>> {
    let mut fqn = vec![package_name(db, package).clone()];
    fqn.extend(folders(db, file));
    fqn.push(resource.name.clone());
    fqn
}

/// A resource's settings from the whole hierarchy.
pub fn resource_config(
    db: &dyn salsa::Database,
    package: Package,
    resource: &Resource,
    file: SourceFile,
) -> Map<String, Value> {
    let fqn = resource_fqn(db, package, resource, file);
    // dbt reads the settings of groups where those of models stand.
    let section = match resource.kind {
        ResourceKind::Group => "models",
        kind => kind.section(),
    };
    // dbt_project.yml may write its sections with dashes as well.
    let dashed = section.replace('_', "-");
    let sections = if dashed == section { vec![section] } else { vec![section, dashed.as_str()] };
    let mut config = config::of_resource(db, package, &sections, &fqn, &[&resource.config]);
    if config.contains_key("tags") {
        let mut tags = data::texts(config.get("tags"));
        tags.sort_unstable();
        tags.dedup();
        config.insert("tags".to_owned(), tags.into());
    }
    config
}

/// The metrics and measures of all packages by name.
#[derive(Debug, Default)]
pub struct SemanticLayer {
    metrics: FxHashMap<Arc<str>, String>,
    measures: FxHashMap<Arc<str>, String>,
}

impl SemanticLayer {
    pub fn has_metric(&self, name: &str) -> bool {
        self.metrics.contains_key(name)
    }

    pub fn has_measure(&self, name: &str) -> bool {
        self.measures.contains_key(name)
    }
}

pub fn semantic_layer(db: &dyn salsa::Database) -> SemanticLayer {
    let mut layer = SemanticLayer::default();
    for package in dbt_packages(db) {
        for (resource, file) in resources_of_package(db, package) {
            let names = match resource.kind {
                ResourceKind::Metric => std::slice::from_ref(&resource.name),
                ResourceKind::SemanticModel => resource.measures.as_slice(),
                _ => continue,
            };
            if !config::enabled(&resource_config(db, package, resource, file)) {
                continue;
            }
            let id = resource_id(db, package, resource);
            let index = if resource.kind == ResourceKind::Metric { &mut layer.metrics } else { &mut layer.measures };
            for name in names {
                index.entry(name.clone()).or_insert_with(|| id.clone());
            }
        }
    }
    layer
}

/// The unique_ids of what a resource is made of.
pub fn resource_parents(
    db: &dyn salsa::Database,
    package: Package,
    resource: &Resource,
    layer: &SemanticLayer,
) -> Vec<String> {
    let mut ids: Vec<String> = graph::named_ids(db, package, &resource.named).iter().map(|id| id.to_string()).collect();
    ids.extend(resource.metrics.iter().filter_map(|name| layer.metrics.get(name).cloned()));
    if let Some(model) = &resource.semantic_model {
        let root = Project::try_get(db).map_or(package, |project| project.root(db));
        ids.push(format!("{}.{}.{model}", ResourceKind::SemanticModel.name(), package_name(db, root)));
    }
    if resource.kind == ResourceKind::Metric {
        ids.extend(resource.measures.iter().filter_map(|name| layer.measures.get(name).cloned()));
    }
    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn metric(text: &str) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let entry = parse(text).root;
        let mut metric = Resource::new(ResourceKind::Metric, Origin::Entry(0), "m".to_owned(), &entry);
        add_inputs(&mut metric, &entry);
        (metric.measures, metric.metrics)
    }

    #[test]
    fn a_metric_is_made_of_measures_or_of_metrics_by_its_type() {
        assert_eq!(metric("type: simple\ntype_params: {measure: {name: a}}"), (vec!["a".into()], vec![]));
        assert_eq!(metric("type: ratio\ntype_params: {numerator: a, denominator: {name: b}}").1.len(), 2);
        assert_eq!(metric("type: derived\ntype_params: {metrics: [a, {name: b, alias: c}]}").1.len(), 2);
        assert_eq!(metric("type: derived\ninput_metrics: [a, {name: b}]").1.len(), 2);
        assert_eq!(metric("type: cumulative\ninput_metric: a"), (vec![], vec!["a".into()]));
        assert_eq!(metric("agg: sum"), (vec![], vec![]));
    }

    #[test]
    fn an_exposure_may_stand_on_a_metric() {
        assert_eq!(metric_of("metric('a')").as_deref(), Some("a"));
        assert_eq!(metric_of("ref('a')"), None);
    }
}
