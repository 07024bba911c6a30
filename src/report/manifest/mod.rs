//! The subset of dbt's manifest that this tool can tell from a bare checkout.

mod data_tests;
mod macros;
mod nodes;
mod resources;
mod sources;

use crate::db::{Database, Project, SourceFile};
use crate::project::naming::relation_names;
use crate::project::nodes::{Node, nodes_of_package};
use crate::project::packages::{dbt_packages, package_name, yaml};
use crate::syntax::yaml::Node as Yaml;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The manifest's sections while they fill: what is enabled by section, what is not apart.
#[derive(Debug, Default)]
struct Sections {
    sections: BTreeMap<&'static str, Map<String, Value>>,
    disabled: Map<String, Value>,
    parents: Map<String, Value>,
}

impl Sections {
    fn add(&mut self, section: &'static str, id: String, document: Value) {
        self.sections.entry(section).or_default().insert(id, document);
    }

    /// Of one id there may be several that are switched off.
    fn add_disabled(&mut self, id: String, document: Value) {
        if let Some(list) = self.disabled.entry(id).or_insert_with(|| json!([])).as_array_mut() {
            list.push(document);
        }
    }

    fn add_parents<Id: serde::Serialize>(&mut self, id: &str, parents: &[Id]) {
        self.parents.insert(id.to_owned(), json!(parents));
    }
}

/// The sections that are there even when they are empty.
const SECTIONS: [&str; 11] = [
    "nodes",
    "sources",
    "functions",
    "macros",
    "docs",
    "exposures",
    "groups",
    "metrics",
    "semantic_models",
    "saved_queries",
    "selectors",
];

pub fn render(db: &Database) -> String {
    let mut document = Map::new();
    document.insert("metadata".to_owned(), json!({"generated_by": concat!("harness ", env!("CARGO_PKG_VERSION"))}));
    let Sections { sections, disabled, parents } = sections(db);
    for (name, section) in sections.into_iter().chain([("disabled", disabled), ("parent_map", parents)]) {
        let mut section = section;
        section.sort_keys();
        // Mappings that only differ in their order are equal to whoever keeps them.
        let documents = section.values_mut().filter_map(Value::as_object_mut);
        documents.flat_map(Map::values_mut).for_each(Value::sort_all_objects);
        document.insert(name.to_owned(), Value::Object(section));
    }
    format!("{}\n", Value::Object(document))
}

/// What the manifest says of each thing that is enabled, by unique_id.
pub fn documents(db: &Database) -> Map<String, Value> {
    sections(db).sections.into_values().flatten().collect()
}

fn sections(db: &Database) -> Sections {
    let all: Vec<Node<'_>> = dbt_packages(db).into_iter().flat_map(|package| nodes_of_package(db, package)).collect();
    all.par_iter().with_min_len(16).for_each_with(db.clone(), |db, node| {
        relation_names(db, *node);
    });
    let mut sections = Sections::default();
    for name in SECTIONS {
        sections.sections.entry(name).or_default();
    }
    for package in dbt_packages(db) {
        nodes::add(db, package, &mut sections);
        sources::add(db, package, &mut sections);
        macros::add(db, package, &mut sections);
    }
    add_data_tests(db, &mut sections);
    resources::add(db, &mut sections);
    add_selectors(db, &mut sections);
    sections
}

fn add_data_tests(db: &Database, sections: &mut Sections) {
    let mut nodes = sections.sections.remove("nodes").unwrap_or_default();
    let unit_tests = data_tests::add(db, &mut nodes, &mut sections.disabled, &mut sections.parents);
    sections.sections.insert("nodes", nodes);
    sections.sections.insert("unit_tests", unit_tests);
}

/// The named selections of selectors.yml.
fn add_selectors(db: &Database, sections: &mut Sections) {
    let file = Project::try_get(db).and_then(|project| project.selectors_file(db));
    let list = file.and_then(|file| yaml(db, file).root.get("selectors")?.as_seq()).unwrap_or_default();
    for selector in list {
        if let Some(name) = selector.get("name").and_then(Yaml::as_str) {
            sections.add("selectors", name.to_owned(), crate::project::data::of(selector));
        }
    }
}

/// `package://path`, as dbt's patch_path.
fn file_id(db: &Database, package: crate::db::Package, file: SourceFile) -> String {
    format!("{}://{}", package_name(db, package), file.package_path(db))
}

/// Columns as the manifest shows them: by name.
fn columns(columns: &[crate::project::columns::Column]) -> Value {
    let shown = columns.iter().map(|column| {
        let document = json!({"name": column.name, "description": column.description});
        (column.name.to_string(), document)
    });
    Value::Object(shown.collect())
}
