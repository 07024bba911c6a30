//! Unit tests, as YAML declares them under `unit_tests:`.

use super::declared::{items, text};
use crate::db::{FileKind, Package, SourceFile, files_of};
use crate::project::config;
use crate::project::data;
use crate::project::graph::{Resolved, resolve_ref};
use crate::project::jinja::run::{Names, Run, Subject};
use crate::project::jinja::{Minijinja, Renderer};
use crate::project::nodes::{Node, Reference, is_enabled, nodes_of_package};
use crate::project::packages::package_name;
use crate::project::schema_yaml;
use crate::project::versions::version;
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct UnitTest {
    pub name: Arc<str>,
    /// As written: a name, and a version after a space.
    pub model: Arc<str>,
    pub file: SourceFile,
    /// Its place in the file's list.
    pub index: u32,
    pub description: Arc<str>,
    pub config: Map<String, Value>,
    pub tags: Vec<Arc<str>>,
    pub fqn: Vec<Arc<str>>,
    /// What its configuration says. It is off as well where its model is.
    pub enabled: bool,
    /// The versions of its model that it is for; without any, all but the excluded.
    include: Vec<Arc<str>>,
    exclude: Vec<Arc<str>>,
}

#[salsa::tracked(returns(deref))]
pub fn unit_tests(db: &dyn salsa::Database, package: Package) -> Vec<UnitTest> {
    let mut found = Vec::new();
    for file in files_of(db, package, FileKind::Properties) {
        for (index, entry) in items(schema_yaml::root(db, package, *file), "unit_tests").iter().enumerate() {
            let (Some(name), Some(model)) = (text(entry, "name"), text(entry, "model")) else { continue };
            let path: &str = file.package_path(db);
            let mut fqn = vec![package_name(db, package).clone()];
            if let Some((folders, _)) = path.rsplit_once('/') {
                fqn.extend(folders.split('/').skip(1).map(Arc::from));
            }
            fqn.extend([model.clone(), name.clone()]);
            let mut render = |text: &str| {
                let run = Run::new(package, Names::Settings, Subject::default());
                Minijinja.evaluate(text, run).0.unwrap_or(Value::Null)
            };
            let stated = entry.get("config").map(|node| data::rendered(data::of(node), &|_| false, &mut render));
            let own: Vec<_> = stated.iter().filter_map(Value::as_object).collect();
            let config = config::of_resource(db, package, &["unit_tests"], &fqn, &own);
            let listed = |key: &str| {
                let list = entry.get("versions").map(|versions| items(versions, key)).unwrap_or_default();
                list.iter().filter_map(|item| Some(Arc::from(item.key_text()?))).collect::<Vec<_>>()
            };
            found.push(UnitTest {
                name,
                model,
                file: *file,
                index: index as u32,
                description: text(entry, "description").unwrap_or_default(),
                tags: data::texts(config.get("tags")).into_iter().map(Arc::from).collect(),
                fqn,
                enabled: config::enabled(&config),
                config,
                include: listed("include"),
                exclude: listed("exclude"),
            });
        }
    }
    found
}

impl UnitTest {
    /// The models it tests, each with the unique_id it has there: one for each version of a model.
    pub fn tested<'db>(&self, db: &'db dyn salsa::Database, package: Package) -> Vec<(String, Resolved<Node<'db>>)> {
        let id = format!("unit_test.{}.{}.{}", package_name(db, package), self.model, self.name);
        let (name, asked) = match self.model.split_once(' ') {
            Some((name, version)) => (name.into(), Some(version.trim().into())),
            None => (self.model.clone(), None),
        };
        let model = resolve_ref(db, package, &Reference { package: None, name, version: asked });
        let Resolved::Found(found) = model else { return vec![(id, model)] };
        if version(db, found).is_none() {
            return vec![(id, model)];
        }
        let versions = nodes_of_package(db, found.package(db)).into_iter().filter_map(|node| {
            let version = version(db, node)?;
            let is_meant = if self.exclude.is_empty() {
                self.include.is_empty() || self.include.contains(&version.version)
            } else {
                !self.exclude.contains(&version.version)
            };
            let is_tested = node.name(db) == found.name(db) && is_enabled(db, node) && is_meant;
            is_tested.then(|| (format!("{id}_{}", version.suffix()), Resolved::Found(node)))
        });
        versions.collect()
    }
}
