//! Tests, unit tests and operations in the manifest.

use crate::db::{Database, Package};
use crate::project::data;
use crate::project::data_tests::operations::operations;
use crate::project::data_tests::unit::unit_tests;
use crate::project::data_tests::{
    Test, attached, declaration, facts, macro_ids, name, test_id, tested, tests_of_directory, tests_of_package,
};
use crate::project::graph::{Parents, Resolved, source_id};
use crate::project::naming::test_alias;
use crate::project::nodes::{facts as node_facts, unique_id};
use crate::project::packages::{dbt_packages, package_name};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

type Section = Map<String, Value>;

/// Adds what this part of the manifest holds to its sections; returns the unit tests, which have a
/// section of their own.
pub(super) fn add(db: &Database, nodes: &mut Section, disabled: &mut Section, parent_map: &mut Section) -> Section {
    let packages = dbt_packages(db);
    let directories: Vec<_> =
        packages.iter().flat_map(|own| own.directories(db).iter().map(|directory| (*own, *directory))).collect();
    directories.par_iter().for_each_with(db.clone(), |db, (package, directory)| {
        tests_of_directory(db, *package, *directory);
    });
    let tests: Vec<Test<'_>> = packages.iter().flat_map(|package| tests_of_package(db, *package)).collect();
    let documents: Vec<(bool, Value)> = tests
        .par_iter()
        .with_min_len(32)
        .map_with(db.clone(), |db, test| (facts(db, *test).enabled, test_document(db, *test)))
        .collect();
    for (enabled, document) in documents {
        put(document, enabled, nodes, disabled, parent_map);
    }
    let mut units = Section::new();
    for package in packages {
        for (enabled, document) in operation_documents(db, package) {
            put(document, enabled, nodes, disabled, parent_map);
        }
        for (enabled, document) in unit_documents(db, package) {
            put(document, enabled, &mut units, disabled, parent_map);
        }
    }
    units.sort_keys();
    units
}

fn put(document: Value, enabled: bool, into: &mut Section, disabled: &mut Section, parent_map: &mut Section) {
    let Some(id) = document.get("unique_id").and_then(Value::as_str).map(str::to_owned) else { return };
    if enabled {
        let parents = document.pointer("/depends_on/nodes").cloned().unwrap_or_default();
        parent_map.insert(id.clone(), parents);
        into.insert(id, document);
    } else if let Some(list) = disabled.entry(id).or_insert_with(|| json!([])).as_array_mut() {
        list.push(document);
    }
}

fn ids(db: &dyn salsa::Database, parents: &Parents<'_>) -> Vec<Value> {
    let nodes = parents.nodes.iter().map(|node| json!(unique_id(db, *node)));
    nodes.chain(parents.sources.iter().map(|source| json!(source_id(db, *source)))).collect()
}

fn test_document(db: &dyn salsa::Database, test: Test<'_>) -> Value {
    let facts = facts(db, test);
    let tested = tested(db, test);
    let mut config = facts.config.clone();
    config.insert("enabled".to_owned(), json!(facts.enabled && tested.complete));
    config.insert("materialized".to_owned(), json!("test"));
    config.insert("tags".to_owned(), json!(data::texts(facts.config.get("tags"))));
    config.entry("severity").or_insert_with(|| json!("ERROR"));
    let mut document = json!({
        "unique_id": test_id(db, test),
        "resource_type": "test",
        "package_name": package_name(db, test.package(db)),
        "name": name(db, test),
        "alias": test_alias(db, test),
        "original_file_path": test.file(db).package_path(db),
        "fqn": facts.fqn,
        "description": facts.description,
        "tags": facts.tags,
        "config": config,
        "depends_on": {"nodes": ids(db, &tested.parents), "macros": macro_ids(db, test)},
    });
    let Some(document_entries) = document.as_object_mut() else { return document };
    if let Some(file) = facts.patch_file {
        let path = format!("{}://{}", package_name(db, test.package(db)), file.package_path(db));
        document_entries.insert("patch_path".to_owned(), path.into());
    }
    if let Some(declared) = declaration(db, test) {
        let metadata = json!({"name": declared.kind, "namespace": declared.namespace, "kwargs": declared.arguments});
        document_entries.insert("test_metadata".to_owned(), metadata);
        document_entries.insert("column_name".to_owned(), json!(declared.column));
        let attached = attached(db, test);
        let id = attached.map(|node| unique_id(db, node));
        document_entries.insert("attached_node".to_owned(), json!(id));
        if let Some(group) = attached.and_then(|node| node_facts(db, node).config.get("group")) {
            document_entries.insert("group".to_owned(), group.clone());
        }
    }
    document
}

fn operation_documents(db: &Database, package: Package) -> Vec<(bool, Value)> {
    let package_name = package_name(db, package);
    let documents = operations(db, package).iter().map(|operation| {
        let mut config = operation.config.clone();
        config.insert("enabled".to_owned(), json!(operation.enabled));
        config.insert("materialized".to_owned(), json!(operation.materialized));
        let document = json!({
            "unique_id": format!("operation.{package_name}.{}", operation.name),
            "resource_type": "operation",
            "package_name": package_name,
            "name": operation.name,
            "alias": operation.name,
            "original_file_path": "./dbt_project.yml",
            "fqn": operation.fqn,
            "description": "",
            "tags": operation.tags,
            "config": config,
            "depends_on": {
                "nodes": ids(db, &operation.parents(db, package).parents),
                "macros": operation.macro_ids(db),
            },
        });
        (operation.enabled, document)
    });
    documents.collect()
}

fn unit_documents(db: &Database, package: Package) -> Vec<(bool, Value)> {
    let units = unit_tests(db, package).iter();
    let tested = units.flat_map(|unit| unit.tested(db, package).into_iter().map(move |(id, model)| (unit, id, model)));
    let documents = tested.map(|(unit, id, model)| {
        let (enabled, parents) = match model {
            Resolved::Found(model) => (unit.enabled, vec![unique_id(db, model).clone()]),
            Resolved::Disabled(_) => (false, Vec::new()),
            Resolved::Missing => (unit.enabled, Vec::new()),
        };
        let mut config = unit.config.clone();
        config.insert("enabled".to_owned(), json!(enabled));
        config.insert("tags".to_owned(), json!(unit.tags));
        let document = json!({
            "unique_id": id,
            "resource_type": "unit_test",
            "package_name": package_name(db, package),
            "name": unit.name,
            "model": unit.model,
            "original_file_path": unit.file.package_path(db),
            "fqn": unit.fqn,
            "description": unit.description,
            "tags": unit.tags,
            "config": config,
            "depends_on": {"nodes": parents, "macros": Vec::<String>::new()},
        });
        (enabled, document)
    });
    documents.collect()
}
