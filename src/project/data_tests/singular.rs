//! Singular tests: SQL files under the test paths, and what YAML says of them under `data_tests:`.

use super::declared::text;
use crate::db::{FileKind, Package, SourceFile, files_of};
use crate::project::config::merge;
use crate::project::data;
use crate::project::jinja::run::{Names, Run, Subject};
use crate::project::jinja::{Minijinja, Renderer};
use crate::project::nodes::folders;
use crate::project::schema_yaml;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Folders directly below a test path that hold no singular tests.
const OTHERS: [&str; 2] = ["generic", "fixtures"];

/// Whether dbt runs a file of a test path as a test of its own.
pub(super) fn is_singular(db: &dyn salsa::Database, file: SourceFile) -> bool {
    let is_other = folders(db, file).first().is_some_and(|folder| OTHERS.contains(&&**folder));
    !is_other && !file.content(db).text().trim().is_empty()
}

/// What YAML says of a singular test.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TestPatch {
    pub config: Map<String, Value>,
    pub description: Arc<str>,
}

type Patches = FxHashMap<Arc<str>, (SourceFile, TestPatch)>;

#[salsa::tracked(returns(ref))]
fn patches(db: &dyn salsa::Database, package: Package) -> Patches {
    let mut found = Patches::default();
    for file in files_of(db, package, FileKind::Properties) {
        for entry in super::declared::items(schema_yaml::root(db, package, *file), "data_tests") {
            let Some(name) = text(entry, "name") else { continue };
            let mut config = Map::new();
            if let Some(meta) = entry.get("meta") {
                config.insert("meta".to_owned(), data::of(meta));
            }
            if let Some(Value::Object(stated)) = entry.get("config").map(data::of) {
                merge(&mut config, &stated);
            }
            let mut render = |text: &str| {
                let run = Run::new(package, Names::Settings, Subject::default());
                Minijinja.evaluate(text, run).0.unwrap_or(Value::Null)
            };
            let config = match data::rendered(Value::Object(config), &|_| false, &mut render) {
                Value::Object(config) => config,
                _ => Map::new(),
            };
            let description = text(entry, "description").unwrap_or_default();
            found.entry(name).or_insert((*file, TestPatch { config, description }));
        }
    }
    found
}

pub(super) fn patch<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    name: &str,
) -> Option<&'db (SourceFile, TestPatch)> {
    patches(db, package).get(name)
}
