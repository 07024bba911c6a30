//! Folders of dbt_project.yml that no resource lies in: their settings reach nothing.

use super::{Rows, place};
use crate::db::{DirectoryOf, Project, of_section};
use crate::observe::Observation;
use crate::project::packages::{absent_packages, dbt_packages, declared_packages, package_name, yaml};
use crate::project::things::{Thing, read_in, things_in};
use crate::similar;
use crate::syntax::span::Span;
use crate::syntax::yaml::Node as Yaml;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Sections with the dbt kind of what they configure.
const SECTIONS: [(&str, &[&str]); 11] = [
    ("models", &["model", "analysis"]),
    ("seeds", &["seed"]),
    ("snapshots", &["snapshot"]),
    ("sources", &["source"]),
    ("data_tests", &["test"]),
    ("tests", &["test"]),
    ("exposures", &["exposure"]),
    ("metrics", &["metric"]),
    ("semantic-models", &["semantic_model"]),
    ("saved-queries", &["saved_query"]),
    ("functions", &["function"]),
];

/// Settings whose value is a mapping, which dbt takes for a folder where the `+` is missing.
const MAPPINGS: [&str; 10] = [
    "column_types",
    "contract",
    "docs",
    "freshness",
    "grants",
    "meta",
    "persist_docs",
    "post-hook",
    "pre-hook",
    "quoting",
];

/// A folder that some setting is stated below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    section: usize,
    pub(super) path: Vec<Arc<str>>,
    span: Span,
}

impl Folder {
    pub(super) fn section(&self) -> &'static str {
        SECTIONS.get(self.section).map(|(section, _)| *section).unwrap_or_default()
    }
}

#[salsa::tracked(returns(deref))]
pub(super) fn folders(db: &dyn salsa::Database) -> Vec<Folder> {
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let file = &yaml(db, root.project_file(db)).root;
    let mut found = Vec::new();
    for (section, (key, _)) in SECTIONS.iter().enumerate() {
        if let Some(settings) = file.get(key) {
            // The section itself is the folder that all resources of its kind lie in.
            found.push(Folder { section, path: Vec::new(), span: Span::default() });
            add_folders(section, settings, &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Adds the folders below a level, and says whether any setting stands in it.
fn add_folders(section: usize, level: &Yaml, path: &mut Vec<Arc<str>>, found: &mut Vec<Folder>) -> bool {
    let mut has_settings = false;
    for entry in level.as_map().unwrap_or_default() {
        let Some(key) = entry.key.as_str() else { continue };
        if key.starts_with('+') || entry.value.as_map().is_none() {
            has_settings = true;
            continue;
        }
        path.push(key.into());
        let at = found.len();
        found.push(Folder { section, path: path.clone(), span: entry.key.span });
        let is_used = add_folders(section, &entry.value, path, found);
        if !is_used {
            found.truncate(at);
        }
        has_settings |= is_used;
        path.pop();
    }
    has_settings
}

/// The places of folders in the list, by their path.
#[salsa::tracked(returns(ref))]
fn folders_by_path(db: &dyn salsa::Database) -> FxHashMap<Vec<Arc<str>>, Vec<usize>> {
    let mut found: FxHashMap<Vec<Arc<str>>, Vec<usize>> = FxHashMap::default();
    for (at, folder) in folders(db).iter().enumerate() {
        found.entry(folder.path.clone()).or_default().push(at);
    }
    found
}

/// The folders that a directory's resources lie in, by their places in the list.
#[salsa::tracked(returns(deref))]
pub(super) fn used_folders_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<usize> {
    let (folders, by_path) = (folders(db), folders_by_path(db));
    let mut used = BTreeSet::new();
    if folders.is_empty() {
        return Vec::new();
    }
    for thing in things_in(db, key.package(db), key.directory(db)) {
        if matches!(thing, Thing::Operation(..) | Thing::Unit(..)) {
            continue;
        }
        let (kind, fqn) = (thing.kind(db), thing.fqn(db));
        // dbt does not ask of what kind a disabled resource is.
        let is_disabled = !thing.is_enabled(db);
        let is_meant = |at: &usize| {
            let section = folders.get(*at).and_then(|folder| SECTIONS.get(folder.section));
            is_disabled || section.is_some_and(|(_, kinds)| kinds.contains(&kind))
        };
        // A folder is listed after those it lies in.
        for length in 0..=fqn.len() {
            match fqn.get(..length).and_then(|path| by_path.get(path)) {
                Some(all) => used.extend(all.iter().copied().filter(is_meant)),
                None if length == 0 => {}
                None => break,
            }
        }
    }
    used.into_iter().collect()
}

of_section!(used_folders_of_section: used_folders_in => usize);

/// The folders that some resource lies in, by their places in the list.
pub(super) fn used_folders(db: &dyn salsa::Database) -> BTreeSet<usize> {
    let packages = dbt_packages(db);
    let sections = packages.iter().flat_map(|package| package.sections(db));
    sections.flat_map(|section| used_folders_of_section(db, section)).copied().collect()
}

pub(super) fn unused_config_path(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let packages = dbt_packages(db);
    let used = used_folders(db);
    let names: Vec<Arc<str>> = packages.iter().map(|package| package_name(db, *package).clone()).collect();
    let borne: Vec<&str> = names.iter().map(|name| &**name).collect();
    let mut told: Vec<&Folder> = Vec::new();
    let mut found = Vec::new();
    for (at, folder) in folders(db).iter().enumerate() {
        let is_told = told.iter().any(|above| above.section == folder.section && folder.path.starts_with(&above.path));
        let [first, ..] = folder.path.as_slice() else { continue };
        // It may be a package that is not installed.
        // A name that nothing here bears may be that of a package: of one that is not installed, or is called
        // otherwise than its folder. It is a slip where it is near to a name that is borne.
        let is_open = absent_packages(db).any(|absent| absent.name.as_ref() == Some(first))
            || !names.contains(first)
                && !declared_packages(db).is_empty()
                && similar::nearest(first, borne.iter().copied()).is_none();
        if used.contains(&at) || is_told || is_open {
            continue;
        }
        told.push(folder);
        let (section, kinds) = SECTIONS.get(folder.section).copied().unwrap_or_default();
        let path = format!("{section}.{}", folder.path.join("."));
        let kind = match kinds.first() {
            Some(&"test") => "data test".to_owned(),
            kind => kind.map(|kind| kind.replace('_', " ")).unwrap_or_default(),
        };
        let what = match folder.path.as_slice() {
            [package] if !names.contains(package) => {
                format!("`{package}` is the name of no package, so the settings of `{path}` reach no {kind}")
            }
            _ => format!("no {kind} lies in `{path}`, so its settings have no effect"),
        };
        found.push(Observation {
            node: None,
            subject: vec![path.as_str().into()],
            place: place(db, root.project_file(db), folder.span),
            locations: Vec::new(),
            severity: None,
            args: vec![("name", path.clone()), ("what", what), ("fix", remedy(rows, folder, &names))],
        });
    }
    found
}

fn remedy(rows: &Rows<'_>, folder: &Folder, packages: &[Arc<str>]) -> String {
    let db = rows.db;
    let Some((last, above)) = folder.path.split_last() else { return String::new() };
    if MAPPINGS.contains(&&**last) {
        return format!("Write `+{last}:`: without the plus dbt takes it for a folder.");
    }
    // Data tests lie in the folders of what they test.
    let kinds: &[&str] = match SECTIONS.get(folder.section) {
        Some((_, ["test"])) => &["model", "seed", "snapshot", "source"],
        Some((_, kinds)) => kinds,
        None => &[],
    };
    let mut siblings: BTreeSet<Arc<str>> = BTreeSet::new();
    if above.is_empty() {
        siblings.extend(packages.iter().cloned());
    }
    for package in dbt_packages(db).into_iter().filter(|_| !above.is_empty()) {
        for directory in package.directories(db) {
            for thing in read_in(db, package, *directory).into_iter().filter(|thing| kinds.contains(&thing.kind(db))) {
                let fqn = thing.fqn(db);
                siblings.extend(fqn.strip_prefix(above).and_then(|rest| rest.first()).cloned());
            }
        }
    }
    let siblings: Vec<&str> = siblings.iter().map(|name| &**name).collect();
    let near = similar::nearest(last, siblings.iter().copied()).map(similar::question);
    near.unwrap_or_else(|| {
        "Correct the path: the project's name, then the folders below the path of the kind. Or delete it.".to_owned()
    })
}
