//! What exists in YAML alone: exposures, groups and the semantic layer.

use super::Sections;
use crate::db::Database;
use crate::project::packages::{dbt_packages, package_name};
use crate::project::resources::{
    ResourceKind, resource_config, resource_fqn, resource_id, resource_parents, resources_of_package, semantic_layer,
};
use crate::project::{config, data};
use serde_json::{Map, Value, json};

pub(super) fn add(db: &Database, sections: &mut Sections) {
    let layer = semantic_layer(db);
    for package in dbt_packages(db) {
        for (resource, file) in resources_of_package(db, package) {
            let id = resource_id(db, package, resource);
            let mut config = resource_config(db, package, resource, file);
            let enabled = config::enabled(&config);
            config.insert("enabled".to_owned(), Value::Bool(enabled));
            let mut document = Map::new();
            let mut put = |key: &str, value: Value| document.insert(key.to_owned(), value);
            put("unique_id", json!(id));
            put("resource_type", json!(resource.kind.name()));
            put("package_name", json!(package_name(db, package)));
            put("name", json!(resource.name));
            put("original_file_path", json!(file.package_path(db)));
            put("description", json!(resource.description));
            if resource.kind == ResourceKind::Group {
                put("config", Value::Object(config));
                sections.add("groups", id, Value::Object(document));
                continue;
            }
            let parents = resource_parents(db, package, resource, &layer);
            put("fqn", json!(resource_fqn(db, package, resource, file)));
            let shown = |key: &str| config.get(key).filter(|_| !resource.is_terse);
            let is_metric = resource.kind == ResourceKind::Metric;
            put("tags", if is_metric { json!(resource.tags) } else { json!(data::texts(shown("tags"))) });
            put("meta", shown("meta").cloned().unwrap_or_else(|| json!({})));
            put("group", config.get("group").cloned().unwrap_or_default());
            put("depends_on", json!({"nodes": parents, "macros": []}));
            put("config", Value::Object(config));
            if enabled {
                sections.add_parents(&id, &parents);
                sections.add(resource.kind.section(), id, Value::Object(document));
            } else {
                sections.add_disabled(id, Value::Object(document));
            }
        }
    }
}
