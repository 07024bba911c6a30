//! Tables of sources.

use super::{Sections, columns, file_id};
use crate::db::{Database, Package};
use crate::project::graph::{Source, source_facts, source_id, source_table, sources_of_package};
use crate::project::packages::package_name;
use crate::project::properties::SourceTable;
use crate::project::target;
use serde_json::{Value, json};

pub(super) fn add(db: &Database, package: Package, sections: &mut Sections) {
    for source in sources_of_package(db, package) {
        let Some(table) = source_table(db, *source) else { continue };
        let id = source_id(db, *source).to_string();
        let document = document(db, package, *source, table);
        if source_facts(db, *source).enabled {
            sections.add("sources", id, document);
        } else {
            sections.add_disabled(id, document);
        }
    }
}

fn document(db: &Database, package: Package, source: Source<'_>, table: &SourceTable) -> Value {
    let facts = source_facts(db, source);
    let of_config = |key: &str| facts.config.get(key).cloned().unwrap_or_default();
    let tags = crate::project::data::texts(facts.config.get("tags"));
    let mut config = facts.config.clone();
    config.insert("enabled".to_owned(), Value::Bool(facts.enabled));
    json!({
        "unique_id": source_id(db, source),
        "resource_type": "source",
        "package_name": package_name(db, package),
        "original_file_path": source.file(db).package_path(db),
        "path": file_id(db, package, source.file(db)),
        "fqn": facts.fqn,
        "source_name": table.source,
        "name": table.table,
        "identifier": table.identifier,
        "schema": table.schema,
        "database": table.database.as_deref().map_or_else(|| default_database(db), Value::from),
        "description": table.description,
        "columns": columns(&table.columns),
        "tags": tags,
        "meta": facts.config.get("meta").cloned().unwrap_or_else(|| json!({})),
        "freshness": of_config("freshness"),
        "loaded_at_field": of_config("loaded_at_field"),
        "loaded_at_query": of_config("loaded_at_query"),
        "config": config,
    })
}

fn default_database(db: &Database) -> Value {
    target::shown(db).get("database").cloned().unwrap_or_default()
}
