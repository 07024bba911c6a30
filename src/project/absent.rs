//! What a project asks for and does not hold: packages that are not installed, and projects of a mesh. What these
//! have is unknown, so a name that leads nowhere may be theirs.

use super::data;
use super::packages::{
    Declared, Origin, absent_packages, declared_packages, inherited_packages, package_by_name, yaml,
};
use crate::db::{FileKind, Project, SourceFile};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Packages that hold macros and tests and no model, seed, snapshot or source, nor do the packages they bring; with
/// the models that some version of one had. So a `ref` that nothing here answers is a mistake even before `dbt deps`.
const MACROS_ALONE: [(&str, &[&str]); 12] = [
    ("audit_helper", &[]),
    ("automate_dv", &[]),
    ("codegen", &[]),
    ("dbt_constraints", &[]),
    ("dbt_date", &["dates", "dim_date", "dim_date_fiscal"]),
    ("dbt_expectations", &["dates", "dim_date", "dim_date_fiscal"]),
    ("dbt_external_tables", &[]),
    ("dbt_profiler", &[]),
    ("dbt_utils", &[]),
    ("dbtvault", &[]),
    ("spark_utils", &[]),
    ("tsql_utils", &[]),
];

/// Whether a name that nothing here bears may be one of what is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// Something that is not here has it, or is asked for it by name.
    Is,
    /// One of these may have it.
    MayBe(Vec<Arc<str>>),
    No,
}

impl Elsewhere {
    /// What a message adds, where only an absent package or project could have the name.
    pub fn hint(&self) -> String {
        match self {
            Self::MayBe(names) => format!("; it may come from a package that is not installed: {}", names.join(", ")),
            Self::Is | Self::No => String::new(),
        }
    }
}

/// The packages that are asked for and not here, those that installed packages ask for last.
fn absent(db: &dyn salsa::Database) -> impl Iterator<Item = &Declared> {
    absent_packages(db).chain(inherited_packages(db).iter().filter(|declared| !declared.installed))
}

/// Where a model, seed or snapshot may be.
pub fn absent_ref(db: &dyn salsa::Database, package: Option<&str>, name: &str) -> Elsewhere {
    let models = mesh_models(db);
    match package {
        None if models.values().any(|names| names.contains(name)) => Elsewhere::Is,
        None => may_be(absent(db).filter(|it| may_have(it, name)).chain(absent_projects(db))),
        Some(package) if package_by_name(db, package).is_some() => Elsewhere::No,
        Some(package) => match models.get(package) {
            Some(names) if names.contains(name) => Elsewhere::Is,
            Some(_) => Elsewhere::No,
            None => in_package(db, package),
        },
    }
}

/// Where a source may be declared.
pub fn absent_source(db: &dyn salsa::Database, table: &str) -> Elsewhere {
    may_be(absent(db).filter(|it| may_have(it, table)))
}

/// Where a docs block may be.
pub fn absent_docs(db: &dyn salsa::Database, package: Option<&str>) -> Elsewhere {
    match package {
        None => may_be(absent(db)),
        Some(package) if package_by_name(db, package).is_some() => Elsewhere::No,
        Some(package) => in_package(db, package),
    }
}

/// Whether a package that is not here may bear a name.
pub fn is_absent_package(db: &dyn salsa::Database, name: &str) -> bool {
    package_by_name(db, name).is_none() && in_package(db, name) != Elsewhere::No
}

fn in_package(db: &dyn salsa::Database, package: &str) -> Elsewhere {
    let bears = |it: &Declared| it.name.as_deref().is_none_or(|name| name == package);
    if absent(db).chain(absent_projects(db)).any(bears) {
        return Elsewhere::Is;
    }
    // Packages bring others, whose names only package-lock.yml tells.
    if is_locked(db) {
        return Elsewhere::No;
    }
    // Those of macros alone bring no others than such.
    let is_of_macros = of_macros_alone(package).is_some();
    may_be(absent(db).filter(|it| is_of_macros || it.name.as_deref().and_then(of_macros_alone).is_none()))
}

fn may_be<'a>(absent: impl Iterator<Item = &'a Declared>) -> Elsewhere {
    let mut names: Vec<Arc<str>> = Vec::new();
    for name in absent.map(|it| it.name.as_ref().unwrap_or(&it.shown)) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.is_empty() { Elsewhere::No } else { Elsewhere::MayBe(names) }
}

/// Whether a package may hold a model or source of a name.
fn may_have(declared: &Declared, name: &str) -> bool {
    declared.name.as_deref().and_then(of_macros_alone).is_none_or(|models| models.contains(&name))
}

/// The models of a package that has hardly any.
fn of_macros_alone(package: &str) -> Option<&'static [&'static str]> {
    MACROS_ALONE.iter().find(|(name, _)| *name == package).map(|(_, models)| *models)
}

/// The projects of a mesh whose models nobody here knows.
pub fn absent_projects(db: &dyn salsa::Database) -> impl Iterator<Item = &Declared> {
    let is_known = |it: &Declared| it.name.as_ref().is_some_and(|name| mesh_models(db).contains_key(&**name));
    declared_packages(db).iter().filter(move |it| it.origin == Origin::Project && !it.installed && !is_known(it))
}

/// Whether package-lock.yml names all packages there are: it has each that is declared.
fn is_locked(db: &dyn salsa::Database) -> bool {
    let mut files = Project::try_get(db).into_iter().flat_map(|project| project.package_files(db));
    files.any(|file| file.kind(db) == FileKind::Lock)
        && absent(db).all(|it| it.name.is_some() && (it.origin == Origin::Lock || it.is_locked))
}

/// The public models of the manifests that dbt_loom.config.yml names and that lie here, by project.
#[salsa::tracked(returns(ref))]
fn mesh_models(db: &dyn salsa::Database) -> BTreeMap<Arc<str>, BTreeSet<Arc<str>>> {
    let mut models: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    let Some(project) = Project::try_get(db) else { return models };
    for file in project.package_files(db).iter().filter(|file| file.kind(db) == FileKind::Manifest) {
        let Some(manifest) = manifest(db, *file) else { continue };
        if let Some(name) = manifest.metadata.project_name {
            models.entry(name.into()).or_default();
        }
        // A versioned model is called by its name and by the name of each version.
        for node in manifest.nodes.into_values().filter(|node| node.is_public()) {
            let names = models.entry(node.package_name.into()).or_default();
            names.insert(node.name.into());
        }
    }
    models
}

#[derive(Debug, Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    nodes: BTreeMap<String, ManifestNode>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    project_name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ManifestNode {
    #[serde(default)]
    name: String,
    #[serde(default)]
    package_name: String,
    #[serde(default)]
    resource_type: String,
    #[serde(default)]
    access: Option<String>,
    #[serde(default)]
    config: ManifestConfig,
}

#[derive(Debug, Default, Deserialize)]
struct ManifestConfig {
    #[serde(default)]
    access: Option<String>,
}

impl ManifestNode {
    fn is_public(&self) -> bool {
        let access = self.access.as_deref().or(self.config.access.as_deref());
        self.resource_type == "model" && access == Some("public")
    }
}

fn manifest(db: &dyn salsa::Database, file: SourceFile) -> Option<Manifest> {
    serde_json::from_str(file.content(db).text()).ok()
}

/// The manifests that a dbt_loom.config.yml names: the name of each, and its path where it is a plain file.
pub fn loom_manifests(root: &serde_json::Value) -> Vec<(Arc<str>, Option<String>)> {
    let entries = root.get("manifests").and_then(|list| list.as_array()).map(Vec::as_slice).unwrap_or_default();
    let entry = |entry: &serde_json::Value| {
        let name = entry.get("name").and_then(data::scalar)?;
        let is_file = entry.get("type").and_then(data::scalar).is_some_and(|kind| kind == "file");
        let path = entry.get("config").and_then(|config| config.get("path")).and_then(data::scalar);
        let is_plain = |path: &String| !path.contains("://") && !path.contains('$') && path.ends_with(".json");
        Some((name.into(), path.filter(|path| is_file && is_plain(path))))
    };
    entries.iter().filter_map(entry).collect()
}

/// The projects of a mesh that a file names.
pub(super) fn projects_in(db: &dyn salsa::Database, file: SourceFile) -> Vec<Arc<str>> {
    let root = data::of(&yaml(db, file).root);
    if file.kind(db) == FileKind::Loom {
        return loom_manifests(&root).into_iter().map(|(name, _)| name).collect();
    }
    let entries = root.get("projects").and_then(|list| list.as_array()).map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| Some(entry.get("name").and_then(data::scalar)?.into())).collect()
}
