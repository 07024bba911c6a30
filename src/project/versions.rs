//! Versions of models: which file is which version of which model.

use super::columns::{Version, compare_versions};
use super::nodes::{Node, NodeKind, stem};
use super::properties::{PatchKind, patch_index, properties};
use super::settled::Settled;
use crate::db::{FileKind, Package, Stamped, files_of};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use std::sync::Arc;

/// A file's place among the versions of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The model's name, without the version.
    pub model: Arc<str>,
    pub version: Arc<str>,
    pub latest: Arc<str>,
    /// A `ref` without a version means this one.
    pub is_latest: bool,
    /// The two as YAML has them: a number where it is one.
    pub value: Value,
    pub latest_value: Value,
    /// Its place in the list of the model's versions.
    index: usize,
}

/// The versions a package's YAML states, by the names of their files without extensions.
pub(super) type Versions = FxHashMap<Arc<str>, Versioned>;

fn versions_of_package(db: &dyn salsa::Database, package: Package) -> &Versions {
    let settled = Settled::try_get(db).and_then(|settled| settled.versions(db).get(&package));
    settled.unwrap_or_else(|| &stated(db, package).value)
}

#[salsa::tracked(returns(ref))]
pub(super) fn stated(db: &dyn salsa::Database, package: Package) -> Stamped<Versions> {
    let mut found = FxHashMap::default();
    let mut stems = None;
    for ((kind, name), places) in patch_index(db, package) {
        let Some((file, at)) = places.first().filter(|_| *kind == PatchKind::Model) else { continue };
        let Some(patch) = properties(db, package, *file).patches.get(*at as usize) else { continue };
        let highest = patch.versions.iter().map(|it| &it.version).max_by(|a, b| compare_versions(a, b));
        let Some(latest) = patch.latest_version.as_ref().or(highest) else { continue };
        let latest_value = patch.versions.iter().find(|it| it.version == *latest).map(|it| it.value.clone());
        let latest_value = latest_value.unwrap_or_else(|| Value::from(&**latest));
        for (index, version) in patch.versions.iter().enumerate() {
            let is_latest = version.version == *latest;
            let file = version.defined_in.clone().unwrap_or_else(|| format!("{name}_v{}", version.version).into());
            // The latest version's file may do without a suffix.
            let stems = stems.get_or_insert_with(|| model_stems(db, package));
            let file = if is_latest && !stems.contains(&file) { name.clone() } else { file };
            let versioned = Versioned {
                model: name.clone(),
                version: version.version.clone(),
                latest: latest.clone(),
                is_latest,
                value: version.value.clone(),
                latest_value: latest_value.clone(),
                index,
            };
            found.insert(file, versioned);
        }
    }
    Stamped::new(found)
}

fn model_stems(db: &dyn salsa::Database, package: Package) -> FxHashSet<Arc<str>> {
    let models = [FileKind::Model, FileKind::PythonModel].into_iter().flat_map(|kind| files_of(db, package, kind));
    models.map(|file| stem(file.path(db))).collect()
}

/// Which version of which model a file of this name is.
pub fn of_file<'db>(db: &'db dyn salsa::Database, package: Package, stem: &str) -> Option<&'db Versioned> {
    versions_of_package(db, package).get(stem)
}

/// Which version of its model a node is.
pub fn version<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<&'db Versioned> {
    match node.kind(db) {
        NodeKind::Model => of_file(db, node.package(db), &stem(node.file(db).path(db))),
        _ => None,
    }
}

impl Versioned {
    /// What YAML says of this version, among all it says of the model's.
    pub fn stated<'list>(&self, versions: &'list [Version]) -> Option<&'list Version> {
        versions.get(self.index)
    }

    /// `v2`, the last part of unique_id and fqn.
    pub fn suffix(&self) -> String {
        format!("v{}", self.version)
    }
}
