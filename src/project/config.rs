//! dbt's configuration hierarchy: dbt_project.yml by folder, then YAML, then `config()`.

use super::data;
use super::packages::project_file;
use crate::db::{Package, Project};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Adds a more special layer: tags and hooks add up, meta merges, all else is replaced.
pub fn merge(config: &mut Map<String, Value>, layer: &Map<String, Value>) {
    for (key, value) in layer {
        let key = match key.as_str() {
            "pre_hook" => "pre-hook",
            "post_hook" => "post-hook",
            key => key,
        };
        match (key, config.get_mut(key)) {
            ("tags" | "pre-hook" | "post-hook", Some(present)) => {
                let mut all = listed(present.take());
                all.extend(listed(value.clone()));
                *present = Value::Array(all);
            }
            ("tags" | "pre-hook" | "post-hook", None) => {
                config.insert(key.to_owned(), Value::Array(listed(value.clone())));
            }
            ("meta" | "docs" | "contract" | "quoting" | "column_types", Some(Value::Object(present))) => {
                if let Value::Object(more) = value {
                    present.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
            }
            _ => {
                config.insert(key.to_owned(), value.clone());
            }
        }
    }
}

pub(super) fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

/// The layers of one section (`models`) of one dbt_project.yml that apply to a node, from the most
/// general on. A key without `+` is a setting where its value is no mapping.
pub(super) fn layers(section: &Value, fqn: &[Arc<str>]) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    let mut level = section.as_object();
    let mut rest = fqn.iter();
    while let Some(here) = level {
        let mut settings = Map::new();
        for (key, value) in here {
            match key.strip_prefix('+') {
                Some(key) => {
                    settings.insert(key.trim().to_owned(), value.clone());
                }
                None if !value.is_object() => {
                    settings.insert(key.clone(), value.clone());
                }
                None => {}
            }
        }
        found.push(settings);
        level = rest.next().and_then(|part| here.get(&**part)?.as_object());
    }
    found
}

/// A resource's whole configuration: its own package's dbt_project.yml, then `own` from the most
/// general on (YAML, then `config()`), then the root project's dbt_project.yml, which overrides all
/// that an installed package says.
pub fn of_resource(
    db: &dyn salsa::Database,
    package: Package,
    sections: &[&str],
    fqn: &[Arc<str>],
    own: &[&Map<String, Value>],
) -> Map<String, Value> {
    let of_file = |package| {
        let file = project_file(db, package);
        sections.iter().filter_map(|section| file.get(section)).flat_map(|section| layers(section, fqn)).collect()
    };
    in_order(db, package, own, &of_file, &merge)
}

/// What one place says of a resource's configuration.
pub(super) type Layer = Map<String, Value>;

/// The layers of a resource's configuration in dbt's order, each put onto those before it: `of_file` gives what a
/// package's dbt_project.yml says.
pub(super) fn in_order(
    db: &dyn salsa::Database,
    package: Package,
    own: &[&Layer],
    of_file: &dyn Fn(Package) -> Vec<Layer>,
    put: &dyn Fn(&mut Layer, &Layer),
) -> Layer {
    let mut config = Map::new();
    of_file(package).iter().for_each(|layer| put(&mut config, layer));
    own.iter().for_each(|layer| put(&mut config, layer));
    if let Some(root) = Project::try_get(db).map(|project| project.root(db)).filter(|root| *root != package) {
        of_file(root).iter().for_each(|layer| put(&mut config, layer));
    }
    config
}

pub fn enabled(config: &Map<String, Value>) -> bool {
    config.get("enabled").and_then(data::flag).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fqn(path: &str) -> Vec<Arc<str>> {
        path.split('.').map(Arc::from).collect()
    }

    fn config(section: &Value, path: &str) -> Value {
        let mut all = Map::new();
        for layer in layers(section, &fqn(path)) {
            merge(&mut all, &layer);
        }
        Value::Object(all)
    }

    #[test]
    fn the_deepest_folder_wins_and_tags_add_up() {
        let section = json!({
            "+tags": "all", "+materialized": "view",
            "shop": {"staging": {"materialized": "table", "+tags": ["stg"], "stg_a": {"+enabled": false}}}
        });
        assert_eq!(
            config(&section, "shop.staging.stg_a"),
            json!({"tags": ["all", "stg"], "materialized": "table", "enabled": false})
        );
        assert_eq!(config(&section, "shop.marts.a"), json!({"tags": ["all"], "materialized": "view"}));
    }

    #[test]
    fn a_mapping_is_a_setting_only_with_a_plus() {
        let section = json!({"shop": {"+meta": {"owner": "a"}, "meta": {"owner": "b"}}});
        assert_eq!(config(&section, "shop.x"), json!({"meta": {"owner": "a"}}));
    }

    #[test]
    fn meta_merges_by_key() {
        let section = json!({"+meta": {"a": 1, "b": 1}, "shop": {"+meta": {"b": 2}}});
        assert_eq!(config(&section, "shop.x"), json!({"meta": {"a": 1, "b": 2}}));
    }
}
