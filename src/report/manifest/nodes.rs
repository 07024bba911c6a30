//! Models, seeds, snapshots, analyses and functions.

use super::{Sections, columns, file_id};
use crate::db::{Database, Package};
use crate::project::data;
use crate::project::graph::parent_ids;
use crate::project::macro_calls::called_by_node;
use crate::project::naming::relation_names;
use crate::project::nodes::{self, Node, NodeKind, facts, is_enabled, nodes_of_package, unique_id};
use crate::project::packages::package_name;
use crate::project::versions::version;
use serde_json::{Map, Value, json};

pub(super) fn add(db: &Database, package: Package, sections: &mut Sections) {
    for node in nodes_of_package(db, package) {
        let id = unique_id(db, node).to_string();
        let document = document(db, package, node);
        if !is_enabled(db, node) {
            sections.add_disabled(id, document);
            continue;
        }
        sections.add_parents(&id, &parent_ids(db, node));
        let section = if node.kind(db) == NodeKind::Function { "functions" } else { "nodes" };
        sections.add(section, id, document);
    }
}

fn document(db: &Database, package: Package, node: Node<'_>) -> Value {
    let facts = facts(db, node);
    let names = relation_names(db, node);
    let mut config = facts.config.clone();
    config.insert("enabled".to_owned(), Value::Bool(facts.enabled));
    config.insert("materialized".to_owned(), json!(facts.materialized));
    config.insert("tags".to_owned(), json!(data::texts(facts.config.get("tags"))));
    let patch = facts.patch_file.map(|(package, file)| file_id(db, package, file));
    let macros = called_by_node(db, node);
    let mut document = Map::new();
    let mut put = |key: &str, value: Value| document.insert(key.to_owned(), value);
    put("unique_id", json!(unique_id(db, node)));
    put("resource_type", json!(node.kind(db).name()));
    put("package_name", json!(package_name(db, package)));
    put("name", json!(node.name(db)));
    put("original_file_path", json!(node.file(db).package_path(db)));
    put("patch_path", json!(patch));
    put("fqn", json!(facts.fqn));
    put("database", json!(names.database));
    put("schema", json!(names.schema));
    put("alias", json!(names.alias));
    put("description", json!(facts.description));
    put("columns", columns(nodes::columns(db, node)));
    put("tags", json!(facts.tags));
    put("meta", facts.config.get("meta").cloned().unwrap_or_else(|| json!({})));
    put("group", facts.config.get("group").cloned().unwrap_or_default());
    if node.kind(db) == NodeKind::Model {
        put("access", facts.config.get("access").cloned().unwrap_or_else(|| "protected".into()));
        put("version", json!(version(db, node).map(|version| &version.value)));
        put("latest_version", json!(version(db, node).map(|version| &version.latest_value)));
        put("contract", facts.config.get("contract").cloned().unwrap_or_else(|| json!({"enforced": false})));
    }
    put("config", Value::Object(config));
    put("depends_on", json!({"nodes": parent_ids(db, node), "macros": macros}));
    Value::Object(document)
}
