//! Unit tests, as YAML declares them under `unit_tests:`.

use super::declared::{items, text};
use crate::db::{FileKind, Package, SourceFile};
use crate::project::config;
use crate::project::data;
use crate::project::graph::{Resolved, resolve_ref};
use crate::project::jinja::run::{Names, Run, Subject};
use crate::project::jinja::{Minijinja, Renderer};
use crate::project::nodes::{Node, Reference};
use crate::project::packages::{package_name, yaml};
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct UnitTest {
    pub name: Arc<str>,
    /// As written: a name, and a version after a space.
    pub model: Arc<str>,
    pub file: SourceFile,
    pub description: Arc<str>,
    pub config: Map<String, Value>,
    pub tags: Vec<Arc<str>>,
    pub fqn: Vec<Arc<str>>,
    /// What its configuration says. It is off as well where its model is.
    pub enabled: bool,
}

#[salsa::tracked(returns(deref))]
pub fn unit_tests(db: &dyn salsa::Database, package: Package) -> Vec<UnitTest> {
    let mut found = Vec::new();
    let files = package.directories(db).iter().flat_map(|directory| directory.files(db));
    for file in files.filter(|file| file.kind(db) == FileKind::Properties) {
        for entry in items(&yaml(db, *file).root, "unit_tests") {
            let (Some(name), Some(model)) = (text(entry, "name"), text(entry, "model")) else { continue };
            let path: &str = file.package_path(db);
            let mut fqn = vec![package_name(db, package).clone()];
            if let Some((folders, _)) = path.rsplit_once('/') {
                fqn.extend(folders.split('/').skip(1).map(Arc::from));
            }
            fqn.extend([model.clone(), name.clone()]);
            let mut own = Map::new();
            if let Some(stated) = entry.get("config").map(data::of) {
                let mut render = |text: &str| {
                    let run = Run::new(package, Names::Settings, Subject::default());
                    Minijinja.evaluate(text, run).0.unwrap_or(Value::Null)
                };
                if let Value::Object(stated) = data::rendered(stated, &|_| false, &mut render) {
                    own = stated;
                }
            }
            let config = config::of_resource(db, package, &["unit_tests"], &fqn, &[&own]);
            found.push(UnitTest {
                name,
                model,
                file: *file,
                description: text(entry, "description").unwrap_or_default(),
                tags: data::texts(config.get("tags")).into_iter().map(Arc::from).collect(),
                fqn,
                enabled: config::enabled(&config),
                config,
            });
        }
    }
    found
}

impl UnitTest {
    pub fn unique_id(&self, db: &dyn salsa::Database, package: Package) -> String {
        format!("unit_test.{}.{}.{}", package_name(db, package), self.model, self.name)
    }

    /// The model it tests.
    pub fn tested<'db>(&self, db: &'db dyn salsa::Database, package: Package) -> Resolved<Node<'db>> {
        let (name, version) = match self.model.split_once(' ') {
            Some((name, version)) => (name.into(), Some(version.trim().into())),
            None => (self.model.clone(), None),
        };
        resolve_ref(db, package, &Reference { package: None, name, version })
    }
}
