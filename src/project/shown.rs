//! A resource as dbt shows it while it parses: to the macros that make its names, and to its hooks.

use super::config::{listed, merge};
use super::data;
use super::data_tests::declared::Target;
use super::data_tests::{self, Place, Test};
use super::jinja::run::RefCall;
use super::nodes::{self, Named, Node, NodeKind, Part, folders, region, rendering, subject};
use super::packages::yaml;
use super::properties::{PatchKind, entries};
use super::target;
use super::versions::version;
use super::{config, nodes::facts};
use crate::db::{FileKind, Package};
use crate::syntax::jinja::config_call::{ConfigCall, ConfigValue, config_calls};
use crate::syntax::yaml::Node as Yaml;
use salsa::Id;
use salsa::plumbing::FromId;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A node as `generate_…_name` gets it. dbt asks before it knows what YAML describes: descriptions and columns
/// are empty by then.
pub(super) fn of_node(db: &dyn salsa::Database, node: Id) -> Map<String, Value> {
    let node = Node::from_id(node);
    let (facts, subject) = (facts(db, node), subject(db, node));
    let (file, kind) = (node.file(db), node.kind(db));
    let mut below = folders(db, file);
    let path = match (kind, node.part(db)) {
        (_, Part::Entry(_)) => format!("{}.sql", node.name(db)),
        (kind, _) => {
            if kind == NodeKind::Analysis && !nodes::has_analyses(db) {
                below.insert(0, "analysis".into());
            }
            below.push(file.path(db).rsplit('/').next().unwrap_or_default().into());
            below.join("/")
        }
    };
    let called = called_config(db, node);
    let config = whole_config(kind.name(), &facts.materialized, &facts.config);
    let versioned = version(db, node);
    let first_alias = match versioned {
        Some(_) => nodes::stem(file.path(db)),
        None => node.name(db).clone(),
    };
    let named = own_parents(db, node);
    let refs: Vec<Value> = named
        .refs
        .iter()
        .map(|call| json!({"name": call.name, "package": call.package, "version": call.version}))
        .collect();
    let sources: Vec<Value> = named.sources.iter().map(|(source, table)| json!([source, table])).collect();
    let language = if file.kind(db) == FileKind::PythonModel { "python" } else { "sql" };
    let shown = json!({
        "unique_id": subject.unique_id,
        "name": subject.name,
        "alias": first_alias,
        "identifier": first_alias,
        "resource_type": subject.resource_type,
        "package_name": subject.package_name,
        "path": path,
        "original_file_path": subject.path,
        "fqn": subject.fqn,
        "tags": facts.tags,
        "config_call_dict": called,
        "unrendered_config": unrendered(db, node, &called),
        "language": language,
        "is_refable": kind.is_refable(),
        "is_relational": kind != NodeKind::Analysis,
        "refs": refs,
        "sources": sources,
        "functions": [],
        "search_name": versioned.map_or_else(|| node.name(db).to_string(), |it| format!("{}.{}", it.model, it.suffix())),
        "is_versioned": versioned.is_some(),
    });
    let mut shown = with_common(db, shown, config);
    if kind == NodeKind::Model {
        let access = shown.get("config").and_then(|config| config.get("access")).cloned();
        shown.insert("access".to_owned(), access.unwrap_or_else(|| "protected".into()));
        shown.insert("version".to_owned(), versioned.map_or(Value::Null, |it| it.value.clone()));
        shown.insert("latest_version".to_owned(), versioned.map_or(Value::Null, |it| it.latest_value.clone()));
        shown.insert("is_latest_version".to_owned(), versioned.is_some_and(|it| it.is_latest).into());
        for key in ["deprecation_date", "time_spine"] {
            shown.insert(key.to_owned(), Value::Null);
        }
        for key in ["constraints", "primary_key"] {
            shown.insert(key.to_owned(), json!([]));
        }
    }
    shown
}

/// A data test, likewise.
pub(super) fn of_test(db: &dyn salsa::Database, test: Id) -> Map<String, Value> {
    let test = Test::from_id(test);
    let (facts, subject) = (data_tests::facts(db, test), data_tests::subject(db, test));
    let declared = data_tests::declaration(db, test);
    let path = match (test.place(db), declared) {
        (Place::Declared(_), Some(declared)) => format!("{}.sql", declared.compiled),
        _ => {
            let mut below = folders(db, test.file(db));
            below.push(format!("{}.sql", subject.name).into());
            below.join("/")
        }
    };
    let config = whole_config("test", "test", &facts.config);
    let calls = data_tests::rendering(db, test).configs.iter().map(|call| &call.values);
    let called = as_called(calls.chain(declared.map(|declared| &declared.config)));
    let refs: Vec<Value> = data_tests::rendering(db, test).refs.iter().map(shown_ref).collect();
    let unrendered = layers_unrendered(db, test.package(db), &["tests", "data_tests"], &facts.fqn, &[&called]);
    let shown = json!({
        "unique_id": subject.unique_id,
        "name": subject.name,
        "alias": subject.name,
        "identifier": subject.name,
        "resource_type": subject.resource_type,
        "package_name": subject.package_name,
        "path": path,
        "original_file_path": subject.path,
        "fqn": subject.fqn,
        "tags": facts.tags,
        "config_call_dict": called,
        "unrendered_config": unrendered,
        "language": "sql",
        "is_refable": false,
        "is_relational": false,
        "refs": refs,
        "sources": [],
        "functions": [],
        "search_name": subject.name,
        "is_versioned": false,
    });
    let mut shown = with_common(db, shown, config);
    if let Some(declared) = declared {
        let name = match &declared.target {
            Target::Node { name, .. } => format!("models.{name}"),
            Target::Source { source, .. } => format!("sources.{source}"),
        };
        shown.insert("file_key_name".to_owned(), name.into());
        shown.insert("column_name".to_owned(), json!(declared.column));
        shown.insert("attached_node".to_owned(), Value::Null);
        shown.insert("test_node_type".to_owned(), "generic".into());
        let metadata = json!({"name": declared.kind, "namespace": declared.namespace, "kwargs": {}});
        shown.insert("test_metadata".to_owned(), metadata);
    }
    shown
}

/// What follows from the configuration, and what is the same for all.
fn with_common(db: &dyn salsa::Database, shown: Value, config: Map<String, Value>) -> Map<String, Value> {
    let Value::Object(mut shown) = shown else { return Map::new() };
    let of_config = |key: &str, default: Value| config.get(key).filter(|it| !it.is_null()).cloned().unwrap_or(default);
    let materialized = config.get("materialized").and_then(Value::as_str).unwrap_or_default();
    let is_ephemeral = materialized == "ephemeral";
    let of_target = |key: &str| target::shown(db).get(key).cloned().unwrap_or_default();
    let mut put = |key: &str, value: Value| drop(shown.insert(key.to_owned(), value));
    put("meta", of_config("meta", json!({})));
    put("group", of_config("group", Value::Null));
    put("docs", of_config("docs", json!({"show": true, "node_color": null})));
    put("contract", of_config("contract", json!({"enforced": false, "alias_types": true, "checksum": null})));
    put("is_ephemeral", is_ephemeral.into());
    put("is_ephemeral_model", is_ephemeral.into());
    put("should_store_failures", of_config("store_failures", false.into()));
    put("schema", of_target("schema"));
    put("database", of_target("database"));
    put("description", "".into());
    for key in ["columns", "unrendered_config_call_dict", "quoting_dict"] {
        put(key, json!({}));
    }
    for key in ["doc_blocks", "metrics", "depends_on_nodes", "depends_on_macros"] {
        put(key, json!([]));
    }
    put("depends_on", json!({"macros": [], "nodes": []}));
    for key in ["patch_path", "relation_name", "build_path", "compiled_path", "compiled_code", "defer_relation"] {
        put(key, Value::Null);
    }
    // A text that changes with every edit is not part of a name; what is made of it is not known.
    put("raw_code", "__unknown__".into());
    put("config", Value::Object(config));
    shown
}

/// Settings that not all kinds have.
const OF_OTHERS: [&str; 43] = [
    "incremental_strategy",
    "batch_size",
    "lookback",
    "begin",
    "persist_docs",
    "post_hook",
    "pre_hook",
    "quoting",
    "column_types",
    "full_refresh",
    "unique_key",
    "on_schema_change",
    "on_configuration_change",
    "grants",
    "packages",
    "docs",
    "contract",
    "event_time",
    "concurrent_batches",
    "access",
    "freshness",
    "on_error",
    "severity",
    "store_failures",
    "store_failures_as",
    "sql_header",
    "where",
    "limit",
    "fail_calc",
    "warn_if",
    "error_if",
    "delimiter",
    "quote_columns",
    "strategy",
    "target_schema",
    "target_database",
    "updated_at",
    "check_cols",
    "hard_deletes",
    "partition_by",
    "cluster_by",
    "transient",
    "file_format",
];

/// A configuration as dbt's object has it: each of its own keys is there, set or not.
fn whole_config(resource: &str, materialized: &str, stated: &Map<String, Value>) -> Map<String, Value> {
    let of_all = json!({
        "enabled": true, "alias": null, "schema": null, "database": null, "tags": [], "meta": {}, "group": null,
        "static_analysis": null, "materialized": null,
    });
    let of_built = json!({
        "incremental_strategy": null, "batch_size": null, "lookback": 1, "begin": null, "persist_docs": {},
        "post_hook": [], "pre_hook": [], "quoting": {}, "column_types": {}, "full_refresh": null, "unique_key": null,
        "on_schema_change": "ignore", "on_configuration_change": "apply", "grants": {}, "packages": [],
        "docs": {"show": true, "node_color": null}, "contract": {"enforced": false, "alias_types": true},
        "event_time": null, "concurrent_batches": null,
    });
    let more = match resource {
        "test" => json!({
            "schema": "dbt_test__audit", "severity": "ERROR", "store_failures": null, "store_failures_as": null,
            "sql_header": null, "where": null, "limit": null, "fail_calc": "count(*)", "warn_if": "!= 0",
            "error_if": "!= 0",
        }),
        "model" => json!({"access": "protected", "freshness": null, "on_error": null}),
        "seed" => json!({"delimiter": ",", "quote_columns": null}),
        "snapshot" => json!({
            "strategy": null, "target_schema": null, "target_database": null, "updated_at": null, "check_cols": null,
            "snapshot_meta_column_names": {}, "dbt_valid_to_current": null,
        }),
        _ => json!({}),
    };
    // dbt answers none for a setting of another kind.
    let mut config: Map<String, Value> = OF_OTHERS.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
    let layers = [of_all, if resource == "test" { json!({}) } else { of_built }, more];
    for layer in layers {
        if let Value::Object(layer) = layer {
            config.extend(layer);
        }
    }
    for (key, value) in stated {
        let key = match key.as_str() {
            "pre-hook" => "pre_hook",
            "post-hook" => "post_hook",
            key => key,
        };
        let value = match (key, value) {
            ("pre_hook" | "post_hook", value) => listed(value.clone()).into_iter().map(hook).collect(),
            ("tags", value) => Value::Array(listed(value.clone())),
            ("docs" | "contract", Value::Object(own)) => {
                let mut whole = config.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
                whole.extend(own.clone());
                Value::Object(whole)
            }
            (_, value) => value.clone(),
        };
        config.insert(key.to_owned(), value);
    }
    config.insert("materialized".to_owned(), materialized.into());
    config
}

fn hook(written: Value) -> Value {
    match written {
        Value::Object(mut parts) => {
            parts.entry("transaction").or_insert(true.into());
            parts.entry("index").or_insert(Value::Null);
            Value::Object(parts)
        }
        other => json!({"sql": other, "transaction": true, "index": null}),
    }
}

/// The parents that a node's own text names, without its hooks.
#[salsa::tracked(returns(ref))]
fn own_parents<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Named {
    Named::of([&rendering(db, node).trace])
}

/// What the `config()` calls of a node's text come to.
fn called_config<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Map<String, Value> {
    as_called(rendering(db, node).trace.configs.iter().map(|call| &call.values))
}

/// What some calls come to: a setting that one of them alone has stays as it is written.
fn as_called<'map>(calls: impl Iterator<Item = &'map Map<String, Value>>) -> Map<String, Value> {
    let mut all = Map::new();
    for call in calls {
        let (repeated, new): (Vec<_>, Vec<_>) = call.iter().partition(|(key, _)| all.contains_key(*key));
        let owned = |(key, value): (&String, &Value)| (key.clone(), value.clone());
        let repeated: Map<String, Value> = repeated.into_iter().map(owned).collect();
        all.extend(new.into_iter().map(owned).map(|(key, value)| match key.as_str() {
            "pre-hook" | "post-hook" => (key, Value::Array(listed(value))),
            _ => (key, value),
        }));
        merge(&mut all, &repeated);
    }
    all
}

fn shown_ref(call: &RefCall) -> Value {
    json!({"name": call.name, "package": call.package, "version": call.version})
}

/// `node.unrendered_config`: each layer as it is written, a later one in place of an earlier.
fn unrendered<'db>(db: &'db dyn salsa::Database, node: Node<'db>, called: &Map<String, Value>) -> Map<String, Value> {
    let kind = node.kind(db);
    // dbt has no such layer for functions and takes that of models.
    let sections: &[&str] = if kind == NodeKind::Function { &["models"] } else { kind.sections(db) };
    let written = written_call(db, node);
    let mut stated = nodes::stated_config(db, node);
    if let Some(written) = written_entry(db, node) {
        merge_deep(&mut stated, &written);
    }
    let call = if written.is_empty() { called } else { written };
    layers_unrendered(db, node.package(db), sections, &nodes::facts(db, node).fqn, &[&stated, call])
}

fn layers_unrendered(
    db: &dyn salsa::Database,
    package: Package,
    sections: &[&str],
    fqn: &[Arc<str>],
    own: &[&Map<String, Value>],
) -> Map<String, Value> {
    let of_file = |package: Package| {
        let file = written_project(db, package);
        let sections = sections.iter().filter_map(|section| file.get(section));
        sections.flat_map(|section| config::layers(section, fqn)).collect()
    };
    let mut all = config::in_order(db, package, own, &of_file, &|all, layer| all.extend(layer.clone()));
    for (words, key) in [(["project", "catalog"], "database"), (["dataset", "dataset"], "schema")] {
        for word in words {
            if let Some(value) = all.shift_remove(word).filter(|_| target::renames(db, word)) {
                all.insert(key.to_owned(), value);
            }
        }
    }
    all
}

/// dbt_project.yml as it is written.
#[salsa::tracked(returns(ref))]
fn written_project(db: &dyn salsa::Database, package: Package) -> Value {
    data::of(&yaml(db, package.project_file(db)).root)
}

fn merge_deep(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge_deep(into, from),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

/// `config:` of the YAML entry of a node as it is written, its Jinja not rendered.
fn written_entry<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<Map<String, Value>> {
    let (_, file) = facts(db, node).patch_file?;
    let (kind, name) = (node.kind(db).patch_kind(), node.name(db));
    let key: &str = PatchKind::key(kind);
    let is_own = |entry: &&Yaml| entry.get("name").and_then(super::properties::text_of).as_deref() == Some(&**name);
    let entry = entries(&yaml(db, file).root, key).map(|(_, entry)| entry).find(is_own)?;
    match entry.get("config").map(data::of) {
        Some(Value::Object(config)) => Some(config),
        _ => None,
    }
}

/// The first `config()` call of a text as it is written; nothing where dbt reads the text without running it.
#[salsa::tracked(returns(ref))]
fn written_call<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Map<String, Value> {
    let file = node.file(db);
    let is_text = !matches!(node.part(db), Part::Entry(_)) && node.kind(db) != NodeKind::Seed;
    if !is_text || file.kind(db) == FileKind::PythonModel {
        return Map::new();
    }
    let text = region(db, node).of(file.content(db).text());
    let trace = &rendering(db, node).trace;
    let asks = !trace.macros.is_empty() || !trace.vars.is_empty() || !trace.env.is_empty() || !trace.unknown.is_empty();
    let calls = config_calls(text);
    let is_plain = |call: &ConfigCall| call.args.iter().all(|arg| is_literal(&arg.value));
    let is_read_statically = node.kind(db) == NodeKind::Model && !asks && !text.contains("{%");
    let Some(first) = calls.first().filter(|_| !is_read_statically || !calls.iter().all(is_plain)) else {
        return Map::new();
    };
    let args = first.args.iter().map(|arg| {
        let written = match &arg.value {
            ConfigValue::Str(text) => text.to_string(),
            value => repr(value).unwrap_or_else(|| arg.value_span.of(text).to_owned()),
        };
        (arg.name.to_string(), Value::from(written))
    });
    args.collect()
}

fn is_literal(value: &ConfigValue) -> bool {
    match value {
        ConfigValue::List(items) => items.iter().all(|(_, item)| is_literal(item)),
        ConfigValue::Other => false,
        ConfigValue::Str(_) | ConfigValue::Bool(_) | ConfigValue::Number(_) => true,
    }
}

/// A literal as Python prints it.
fn repr(value: &ConfigValue) -> Option<String> {
    Some(match value {
        ConfigValue::Str(text) if text.contains('\'') && !text.contains('"') => format!("\"{text}\""),
        ConfigValue::Str(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        ConfigValue::Bool(true) => "True".to_owned(),
        ConfigValue::Bool(false) => "False".to_owned(),
        ConfigValue::Number(number) => number.to_string(),
        ConfigValue::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(|(_, item)| repr(item)).collect();
            format!("[{}]", items?.join(", "))
        }
        ConfigValue::Other => return None,
    })
}
