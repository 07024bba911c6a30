//! The subset of dbt's manifest that this tool can tell from a bare checkout.

mod data_tests;

use crate::db::{Database, Package};
use crate::project::graph::{is_source_enabled, parent_ids, source_id, source_table, sources_of_package};
use crate::project::nodes::{Node, NodeKind, facts, is_enabled, nodes_of_package, rendering, unique_id};
use crate::project::packages::{dbt_packages, package_name};
use serde_json::{Map, Value, json};

pub fn render(db: &Database) -> String {
    let mut nodes = Map::new();
    let mut functions = Map::new();
    let mut sources = Map::new();
    let mut disabled: Map<String, Value> = Map::new();
    let mut parent_map = Map::new();
    for package in dbt_packages(db) {
        for node in nodes_of_package(db, package) {
            let id = unique_id(db, node).to_string();
            let document = node_document(db, package, node);
            if !is_enabled(db, node) {
                if let Some(list) = disabled.entry(id).or_insert_with(|| json!([])).as_array_mut() {
                    list.push(document);
                }
                continue;
            }
            parent_map.insert(id.clone(), json!(parent_ids(db, node)));
            let section = if node.kind(db) == NodeKind::Function { &mut functions } else { &mut nodes };
            section.insert(id, document);
        }
        for source in sources_of_package(db, package) {
            let Some(table) = source_table(db, *source) else { continue };
            let id = source_id(db, *source).to_string();
            let document = json!({
                "unique_id": id,
                "resource_type": "source",
                "package_name": package_name(db, package),
                "original_file_path": source.file(db).package_path(db),
                "source_name": table.source,
                "name": table.table,
                "identifier": table.identifier,
                "schema": table.schema,
                "database": table.database,
                "description": table.description,
                "config": {"enabled": is_source_enabled(db, *source)},
            });
            if is_source_enabled(db, *source) {
                sources.insert(id, document);
            } else if let Some(list) = disabled.entry(id).or_insert_with(|| json!([])).as_array_mut() {
                list.push(document);
            }
        }
    }
    let unit_tests = data_tests::add(db, &mut nodes, &mut disabled, &mut parent_map);
    for section in [&mut nodes, &mut functions, &mut sources, &mut disabled, &mut parent_map] {
        section.sort_keys();
    }
    let document = json!({
        "metadata": {"generated_by": concat!("harness ", env!("CARGO_PKG_VERSION"))},
        "nodes": nodes,
        "sources": sources,
        "functions": functions,
        "unit_tests": unit_tests,
        "disabled": disabled,
        "parent_map": parent_map,
    });
    format!("{document}\n")
}

fn node_document(db: &Database, package: Package, node: Node<'_>) -> Value {
    let facts = facts(db, node);
    let mut config = facts.config.clone();
    config.insert("enabled".to_owned(), Value::Bool(facts.enabled));
    config.insert("materialized".to_owned(), json!(facts.materialized));
    config.insert("tags".to_owned(), json!(facts.tags));
    let called = rendering(db, node).trace.macros.iter();
    let macros: Vec<String> =
        called.map(|(package, name)| format!("macro.{}.{name}", package_name(db, *package))).collect();
    json!({
        "unique_id": unique_id(db, node),
        "resource_type": node.kind(db).name(),
        "package_name": package_name(db, package),
        "name": node.name(db),
        "original_file_path": node.file(db).package_path(db),
        "fqn": facts.fqn,
        "description": facts.description,
        "tags": facts.tags,
        "config": config,
        "depends_on": {"nodes": parent_ids(db, node), "macros": macros},
    })
}
