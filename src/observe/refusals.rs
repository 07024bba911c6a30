//! What else dbt refuses while it parses, though each file alone can be read: groups and contracts
//! that are incomplete, and refs that access rules forbid.

use super::child::{Child, living, sections};
use super::{Rows, metrics};
use crate::db::{DirectoryOf, Package, Project, of_section};
use crate::observe::Place;
use crate::project::config::enabled;
use crate::project::data;
use crate::project::data_tests::{attached, facts as test_facts};
use crate::project::flags::flag;
use crate::project::graph::{Resolved, is_source_enabled, named, resolve_ref, source_table, sources_of_package};
use crate::project::macros::definition;
use crate::project::naming::relation_names;
use crate::project::nodes::{
    Node, NodeKind, Reference, columns, facts, has_entry, is_enabled, living_nodes, nodes_of_package, rendering,
    unique_id,
};
use crate::project::openness::openness;
use crate::project::packages::{dbt_packages, is_whole, package_name, project_file};
use crate::project::properties::{PatchKind, entry_span, patch_index, properties};
use crate::project::resources::{
    ResourceKind, is_there, resource_config, resource_id, resource_span, resources_of_package,
};
use crate::project::things::Thing;
use crate::project::versions::version;
use crate::relations::places::of_setting;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) place: Place,
    pub(super) what: String,
    pub(super) fix: String,
    /// dbt only warns.
    pub(super) mild: bool,
}

impl Refusal {
    fn new(place: Place, what: String, fix: &str) -> Self {
        Self { place, what, fix: fix.to_owned(), mild: false }
    }
}

pub(super) fn refusals(rows: &Rows<'_>) -> Vec<Refusal> {
    let Some(root) = Project::try_get(rows.db).map(|project| project.root(rows.db)) else { return Vec::new() };
    let mut found = unknown_groups(rows, root);
    found.extend(forbidden_refs(rows, root));
    found.extend(missing_versions(rows, root));
    found.extend(metrics::unknown_inputs(rows));
    found.extend(incomplete_snapshots(rows, root));
    found.extend(names_with_spaces(rows, root));
    found.extend(missing_time_spine(rows, root));
    found.extend(sources_with_spaces(rows, root));
    found
}

/// dbt demands a model that the semantic layer counts days by, as soon as there is a semantic model.
fn missing_time_spine(rows: &Rows<'_>, root: Package) -> Option<Refusal> {
    let db = rows.db;
    let mut resources = resources_of_package(db, root).into_iter();
    let (first, file) = resources.find(|(resource, file)| {
        resource.kind == ResourceKind::SemanticModel
            && is_there(db, root, resource)
            && enabled(&resource_config(db, root, resource, *file))
    })?;
    // A package that is not installed may have it.
    let is_spine = |package: &Package| {
        let mut patches = patch_index(db, *package).values().flatten();
        patches.any(|(file, at)| {
            properties(db, *package, *file).patches.get(*at as usize).is_some_and(|patch| patch.is_time_spine)
        })
    };
    let is_old = named(db, "metricflow_time_spine").iter().any(|node| is_enabled(db, *node));
    if is_old || !is_whole(db) || dbt_packages(db).iter().any(is_spine) {
        return None;
    }
    let what = format!("semantic model '{}' needs a time spine and the project has none, which stops dbt", first.name);
    let fix = "Add a model of days, and `time_spine:` to its entry with `standard_granularity_column:`.";
    Some(Refusal::new(rows.place(file, resource_span(db, first, file)), what, fix))
}

/// Snapshots that do not say how they find what has changed.
fn incomplete_snapshots(rows: &Rows<'_>, root: Package) -> Vec<Refusal> {
    let db = rows.db;
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    let mut found = Vec::new();
    for node in nodes_of_package(db, root).into_iter().filter(|node| node.kind(db) == NodeKind::Snapshot) {
        let rendered = rendering(db, node);
        if !is_enabled(db, node) || !rendered.is_whole() {
            continue;
        }
        let config = &facts(db, node).config;
        let lacks = |key: &&&str| !config.get(**key).is_some_and(is_set);
        let of_strategy: &[&str] = match config.get("strategy").and_then(Value::as_str) {
            Some("check") => &["check_cols"],
            Some("timestamp") => &["updated_at"],
            _ => &[],
        };
        if let Some(missing) = ["strategy", "unique_key"].iter().chain(of_strategy).find(lacks) {
            let what = format!("{} has no `{missing}`, which stops dbt", called(rows, node));
            found.push(Refusal::new(rows.start_of(node), what, "Set it in the snapshot's config."));
            continue;
        }
        let columns = config.get("check_cols").filter(|columns| is_set(columns));
        let (key, what, fix) = match (config.get("strategy").and_then(Value::as_str), columns.map(data::scalar)) {
            (Some("check"), Some(Some(text))) if text != "all" && !data::is_unknown(&text) => (
                "check_cols",
                format!(
                    "`check_cols` of {} is `{text}`, which stops dbt: it accepts `all` or a list",
                    called(rows, node)
                ),
                "Write `all`, or the columns as a list.",
            ),
            (Some("timestamp"), Some(_)) => (
                "check_cols",
                format!("{} has `check_cols` and the strategy `timestamp`, which stops dbt", called(rows, node)),
                "Delete `check_cols`.",
            ),
            _ => match text(config, "materialized").filter(|materialized| materialized != "snapshot") {
                Some(materialized) => (
                    "materialized",
                    format!("{} is materialized as `{materialized}`, which stops dbt", called(rows, node)),
                    "Delete `materialized`: a snapshot is always a snapshot.",
                ),
                None => continue,
            },
        };
        let value = config.get(key).and_then(data::scalar).unwrap_or_default();
        found.push(Refusal::new(of_setting(db, Thing::Node(node), key, &value), what, fix));
    }
    found
}

/// dbt takes no names with spaces, unless a flag lets it.
fn names_with_spaces(rows: &Rows<'_>, root: Package) -> Vec<Refusal> {
    let db = rows.db;
    if !flag(db, "require_resource_names_without_spaces") {
        return Vec::new();
    }
    let nodes = nodes_of_package(db, root).into_iter().filter(|node| node.name(db).contains(' '));
    let nodes = nodes.filter(|node| node.kind(db) != NodeKind::Function && is_enabled(db, *node));
    let refusal = |node: Node<'_>| {
        let what = format!("the name of {} has a space, which stops dbt", called(rows, node));
        Refusal::new(rows.start_of(node), what, "Give the file a name without spaces.")
    };
    nodes.map(refusal).collect()
}

/// The same of sources and semantic models, where a flag asks for it: each name once.
fn sources_with_spaces(rows: &Rows<'_>, root: Package) -> Vec<Refusal> {
    let db = rows.db;
    if !flag(db, "require_source_and_semantic_model_names_without_spaces") {
        return Vec::new();
    }
    let mut places: BTreeMap<(Arc<str>, &str), Place> = BTreeMap::new();
    let mut note = |name: &Arc<str>, what, place: Place| {
        if name.contains(' ') {
            let known = places.entry((name.clone(), what)).or_insert_with(|| place.clone());
            *known = (*known).clone().min(place);
        }
    };
    for source in sources_of_package(db, root) {
        if is_source_enabled(db, *source) {
            let (file, name) = (source.file(db), source.source(db));
            let index = source_table(db, *source).map(|table| table.source_index).unwrap_or_default();
            note(name, "source", rows.place(file, entry_span(db, file, "sources", index)));
        }
    }
    for (resource, file) in resources_of_package(db, root) {
        if resource.kind == ResourceKind::SemanticModel {
            note(&resource.name, "semantic model", rows.place(file, resource_span(db, resource, file)));
        }
    }
    let refusal = |((name, what), place): ((Arc<str>, &str), Place)| {
        let said = format!("the name of {what} '{name}' has a space, which stops dbt by a flag of this project");
        Refusal::new(place, said, "Give it a name without spaces.")
    };
    places.into_iter().map(refusal).collect()
}

/// A setting that is a text which is known here.
fn text(config: &Map<String, Value>, key: &str) -> Option<String> {
    let text = config.get(key).and_then(data::scalar)?;
    (!text.is_empty() && !data::is_unknown(&text)).then_some(text)
}

/// A group, and where and by what it is named.
pub(super) type InGroup = (String, Place, String);

/// The groups that a directory's nodes are in.
#[salsa::tracked(returns(deref))]
pub(super) fn groups_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<InGroup> {
    let rows = &Rows { db };
    let nodes = living_nodes(db, key.package(db), key.directory(db)).iter().copied();
    let nodes = nodes.filter(|node| node.kind(db) != NodeKind::Function);
    let group =
        |node: Node<'db>| Some((text(&facts(db, node).config, "group")?, rows.start_of(node), called(rows, node)));
    nodes.filter_map(group).collect()
}

of_section!(groups_of_section: groups_in => InGroup);

/// Groups that nobody declares, each once: one line of a dbt_project.yml may set it for many.
fn unknown_groups(rows: &Rows<'_>, root: Package) -> Vec<Refusal> {
    let db = rows.db;
    if !is_whole(db) {
        return Vec::new();
    }
    let all = dbt_packages(db).into_iter().flat_map(|package| resources_of_package(db, package));
    let groups: BTreeSet<&str> =
        all.filter(|(it, _)| it.kind == ResourceKind::Group).map(|(group, _)| &*group.name).collect();
    let mut first: BTreeMap<String, (Place, String)> = BTreeMap::new();
    let mut note = |group: String, place: Place, who: String| match first.get(&group) {
        Some((known, _)) if *known <= place => {}
        _ => drop(first.insert(group, (place, who))),
    };
    for (group, place, who) in sections(db).flat_map(|key| groups_of_section(db, key)) {
        if !groups.contains(group.as_str()) {
            note(group.clone(), place.clone(), who.clone());
        }
    }
    for (resource, file) in resources_of_package(db, root) {
        let config = resource_config(db, root, resource, file);
        let is_meant = !matches!(resource.kind, ResourceKind::Group | ResourceKind::Exposure) && enabled(&config);
        if let Some(group) = text(&config, "group").filter(|group| is_meant && !groups.contains(group.as_str())) {
            let place = rows.place(file, resource_span(db, resource, file));
            note(group, place, format!("{} '{}'", resource.kind.label(), resource.name));
        }
    }
    let refusal = |(group, (place, who)): (String, (Place, String))| {
        let what = format!("{who} is in group '{group}', which nobody declares; that stops dbt");
        Refusal::new(place, what, "Correct the name, or declare the group under `groups:` in a YAML file.")
    };
    first.into_iter().map(refusal).collect()
}

fn called(rows: &Rows<'_>, node: Node<'_>) -> String {
    format!("{} '{}'", node.kind(rows.db).name(), node.name(rows.db))
}

/// Access and contracts of a directory's models.
pub(super) fn refused_models<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Refusal> {
    let db = rows.db;
    let mut found = Vec::new();
    let nodes = living_nodes(db, key.package(db), key.directory(db)).iter().copied();
    for model in nodes.filter(|node| node.kind(db) == NodeKind::Model) {
        let (facts, who) = (facts(db, model), called(rows, model));
        let access = text(&facts.config, "access").unwrap_or_default();
        if access == "public" && &*facts.materialized == "ephemeral" {
            let what = format!("{who} is public and ephemeral, which stops dbt: others have no table to read");
            found.push(Refusal::new(rows.start_of(model), what, "Materialize the model, or make it protected."));
        }
        if let Some((key, what, fix)) = wrong_batches(rows, model, &facts.config) {
            let value = facts.config.get(key).and_then(data::scalar).unwrap_or_default();
            found.push(Refusal::new(of_setting(db, Thing::Node(model), key, &value), format!("{who} {what}"), fix));
        }
        if flag(db, "require_valid_schema_from_generate_schema_name") && relation_names(db, model).has_no_schema {
            let what =
                format!("generate_schema_name returns none for {who}, which stops dbt by a flag of this project");
            let fix = "Return a schema, or remove require_valid_schema_from_generate_schema_name from `flags:`.";
            found.push(Refusal::new(rows.start_of(model), what, fix));
        }
        let contract = facts.config.get("contract").and_then(|contract| contract.get("enforced"));
        if contract != Some(&Value::Bool(true)) || !has_entry(db, model) {
            continue;
        }
        let on_change =
            facts.config.get("on_schema_change").and_then(data::scalar).unwrap_or_else(|| "ignore".to_owned());
        let is_fine = matches!(on_change.as_str(), "append_new_columns" | "fail") || data::is_unknown(&on_change);
        if &*facts.materialized == "incremental" && !is_fine {
            let what =
                format!("{who} is incremental with a contract and has `on_schema_change` {on_change}, which stops dbt");
            let place = of_setting(db, Thing::Node(model), "on_schema_change", &on_change);
            found.push(Refusal::new(place, what, "Set `on_schema_change` to append_new_columns or fail."));
        }
        if columns(db, model).is_empty() {
            let what = format!("{who} has a contract and its YAML entry no columns, which stops dbt");
            found.push(Refusal::new(rows.start_of(model), what, "List the columns with their data types."));
        }
        if model.file(db).kind(db) == crate::db::FileKind::PythonModel {
            let what = format!("{who} has a contract and is written in Python, which stops dbt");
            found.push(Refusal::new(rows.start_of(model), what, "Take the contract off: only SQL models have one."));
        }
    }
    found
}

/// What dbt demands of a model that is built in batches of time: the setting, what is wrong and what to do.
fn wrong_batches(
    rows: &Rows<'_>,
    model: Node<'_>,
    config: &Map<String, Value>,
) -> Option<(&'static str, &'static str, &'static str)> {
    let db = rows.db;
    let is = |key: &str, value: &str| config.get(key).and_then(Value::as_str) == Some(value);
    let is_custom = || definition(db, model.package(db), "get_incremental_microbatch_sql").is_some();
    if !is("materialized", "incremental") || !is("incremental_strategy", "microbatch") || is_custom() {
        return None;
    }
    let rendered = rendering(db, model);
    if rendered.trace.incomplete || !rendered.errors.is_empty() {
        return None;
    }
    let given = |key: &str| config.get(key).filter(|value| !value.is_null());
    let is_open = |value: &Value| value.as_str().is_some_and(data::is_unknown);
    let is_date =
        |value: &Value| value.as_str().is_some_and(|text| text.bytes().take(4).filter(u8::is_ascii_digit).count() == 4);
    let is_size = |value: &Value| matches!(value.as_str(), Some("hour" | "day" | "month" | "year"));
    let wrong =
        |key: &str, fits: &dyn Fn(&Value) -> bool| given(key).is_none_or(|value| !fits(value) && !is_open(value));
    if wrong("event_time", &Value::is_string) {
        return Some((
            "event_time",
            "is a microbatch model without an `event_time` that names a column, which stops dbt",
            "Set `event_time` to the column that says when a row happened.",
        ));
    }
    if wrong("begin", &is_date) {
        return Some((
            "begin",
            "is a microbatch model without a `begin` that is a date, which stops dbt",
            "Set `begin` to the day of the first batch: '2024-01-01'.",
        ));
    }
    if wrong("batch_size", &is_size) {
        return Some((
            "batch_size",
            "is a microbatch model without a `batch_size` of hour, day, month or year, which stops dbt",
            "Set `batch_size` to hour, day, month or year.",
        ));
    }
    let is_wrong =
        |key: &str, fits: fn(&Value) -> bool| given(key).is_some_and(|value| !fits(value) && !is_open(value));
    if is_wrong("lookback", |value| value.is_i64() || value.is_boolean()) {
        return Some((
            "lookback",
            "is a microbatch model whose `lookback` is not a whole number, which stops dbt",
            "Write how many batches are built again, as 1.",
        ));
    }
    is_wrong("concurrent_batches", Value::is_boolean).then_some((
        "concurrent_batches",
        "is a microbatch model whose `concurrent_batches` is neither true nor false, which stops dbt",
        "Write true or false.",
    ))
}

/// A ref of a node or test that access rules forbid, and the parent that it names.
pub(super) type ForbiddenRef = (Arc<str>, Refusal);

#[salsa::tracked(returns(deref))]
pub(super) fn forbidden_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<ForbiddenRef> {
    let (rows, root) = (&Rows { db }, key.package(db));
    let mut found = Vec::new();
    for child in living(db, key) {
        let trace = child.trace(db);
        for call in trace.refs.iter().filter(|call| !child.is_own_target(db, call) && !trace.unsure.contains(call)) {
            let Resolved::Found(parent) = resolve_ref(db, root, &Reference::of(call)) else { continue };
            let Some(why) = forbidden(rows, root, || group_of(rows, child), parent) else { continue };
            let place = child.call(rows, call.site);
            found.push((unique_id(db, parent).clone(), refused(place, &child.name(db), rows, parent, &why)));
        }
    }
    found
}

of_section!(forbidden_of_section: forbidden_in => ForbiddenRef);

/// Refs to private models of other groups, and to what a package keeps for itself.
fn forbidden_refs(rows: &Rows<'_>, root: Package) -> Vec<Refusal> {
    let db = rows.db;
    let mut found = Vec::new();
    let mut seen: BTreeSet<(Place, Arc<str>)> = BTreeSet::new();
    for (parent, refusal) in sections(db).flat_map(|key| forbidden_of_section(db, key)) {
        if seen.insert((refusal.place.clone(), parent.clone())) {
            found.push(refusal.clone());
        }
    }
    for (exposure, file) in
        resources_of_package(db, root).into_iter().filter(|(it, _)| it.kind == ResourceKind::Exposure)
    {
        for reference in &exposure.named.refs {
            let Resolved::Found(parent) = resolve_ref(db, root, reference) else { continue };
            let Some(why) = forbidden(rows, root, || None, parent) else { continue };
            if enabled(&resource_config(db, root, exposure, file)) {
                let place = super::resources::place(rows, exposure, file, &reference.name);
                found.push(refused(place, &resource_id(db, root, exposure), rows, parent, &why));
            }
        }
    }
    found
}

fn refused(place: Place, child: &str, rows: &Rows<'_>, parent: Node<'_>, why: &str) -> Refusal {
    let what = format!("{child} refs {}, which is {why}; that stops dbt", called(rows, parent));
    Refusal::new(place, what, "Ref another model, put the reader into the same group, or open the model by `access:`.")
}

/// Why a model may not be read, if it may not.
fn forbidden(
    rows: &Rows<'_>,
    root: Package,
    group: impl FnOnce() -> Option<String>,
    parent: Node<'_>,
) -> Option<String> {
    let db = rows.db;
    let seen = openness(db, parent);
    if parent.kind(db) != NodeKind::Model || seen.access.as_ref().is_some_and(|access| !access.is_string()) {
        return None;
    }
    let package = parent.package(db);
    let restricted =
        package != root && project_file(db, package).get("restrict-access").and_then(data::flag).unwrap_or_default();
    let access = seen.access.as_ref().and_then(data::scalar).unwrap_or_else(|| "protected".to_owned());
    match access.as_str() {
        "private" => {
            let own = seen.group;
            let is_one = own.is_some() && group() == own && !restricted;
            let of_group =
                own.map_or_else(|| "its group, which it has none".to_owned(), |own| format!("group '{own}'"));
            (!is_one).then(|| format!("private to {of_group}"))
        }
        "protected" if restricted => Some(format!("not open to others than package {}", package_name(db, package))),
        _ => None,
    }
}

/// A declared test is in the group of what it is declared on.
fn group_of(rows: &Rows<'_>, child: Child<'_>) -> Option<String> {
    let db = rows.db;
    let of_config = |config: &Map<String, Value>| config.get("group").and_then(data::scalar);
    match child {
        Child::Node(node) => of_config(&facts(db, node).config),
        Child::Test(test) => {
            let own = of_config(&test_facts(db, test).config);
            own.or_else(|| openness(db, attached(db, test)?).group)
        }
    }
}

/// Versions that no file is: dbt warns and forgets them.
fn missing_versions(rows: &Rows<'_>, root: Package) -> Vec<Refusal> {
    let db = rows.db;
    let mut found = Vec::new();
    let versioned = |node: Node<'_>| Some((node.name(db).clone(), version(db, node)?.version.clone()));
    let there: BTreeSet<_> = nodes_of_package(db, root).into_iter().filter_map(versioned).collect();
    for ((_, model), patches) in patch_index(db, root).iter().filter(|((kind, _), _)| *kind == PatchKind::Model) {
        let Some((file, patch)) = patches
            .first()
            .and_then(|(file, at)| Some((*file, properties(db, root, *file).patches.get(*at as usize)?)))
        else {
            continue;
        };
        for version in &patch.versions {
            if there.contains(&(model.clone(), version.version.clone())) {
                continue;
            }
            let stem = version.defined_in.clone().unwrap_or_else(|| format!("{model}_v{}", version.version).into());
            let span = entry_span(db, file, PatchKind::Model.key(), patch.index);
            let what = format!("version {} of model '{model}' has no file: no model is called {stem}", version.version);
            let refusal = Refusal::new(
                rows.place(file, span),
                what,
                "Add the file, name it by `defined_in:`, or delete the version.",
            );
            found.push(Refusal { mild: true, ..refusal });
        }
    }
    found.sort_by(|a, b| (&a.place, &a.what).cmp(&(&b.place, &b.what)));
    found
}
