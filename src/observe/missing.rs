//! Names that lead nowhere: what is missing, whether something that is not here may have it, and what was meant.

use crate::db::{FileKind, Package, Project, SourceFile, files_of};
use crate::project::absent::{Elsewhere, absent_ref, absent_source};
use crate::project::graph::{has_source, named, source_names, versions_of};
use crate::project::packages::yaml;
use crate::project::schema_yaml;
use crate::project::shapes::shape_errors;
use crate::similar::nearest;
use std::sync::Arc;

/// What a `ref`, `function` or `source` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) source: Option<Arc<str>>,
    pub(super) package: Option<Arc<str>>,
    pub(super) name: Arc<str>,
    pub(super) version: Option<Arc<str>>,
}

impl Name {
    pub(super) fn of_ref(package: Option<Arc<str>>, name: Arc<str>, version: Option<Arc<str>>) -> Self {
        Self { source: None, package, name, version }
    }

    pub(super) fn of_source(source: Arc<str>, table: Arc<str>) -> Self {
        Self { source: Some(source), package: None, name: table, version: None }
    }

    pub(super) fn shown(&self) -> String {
        match self.source.as_ref().or(self.package.as_ref()) {
            Some(before) => format!("{before}.{}", self.name),
            None => self.name.to_string(),
        }
    }
}

/// A name that is surely or perhaps missing.
pub(super) struct Missing {
    /// What the message adds.
    pub(super) hint: String,
    /// What is missing: findings of the same are one.
    pub(super) what: String,
    /// Something that is not here may have it.
    pub(super) is_unsure: bool,
}

impl Missing {
    /// `None` where what is not here has it, or a YAML file that cannot be read in full may declare it.
    pub(super) fn of(db: &dyn salsa::Database, name: &Name) -> Option<Self> {
        if is_in_broken_yaml(db, name) {
            return None;
        }
        match &name.source {
            Some(source) => Some(Self::source(db, source, name)),
            None => Self::node(db, name),
        }
    }

    fn node(db: &dyn salsa::Database, name: &Name) -> Option<Self> {
        let what = match &name.version {
            Some(version) => format!("{} v{version}", name.shown()),
            None => name.shown(),
        };
        let versions = versions_of(db, name.package.as_deref(), &name.name);
        if let (Some(asked), Some(versions)) = (&name.version, &versions) {
            let has = match versions.as_slice() {
                [] => "it has no versions".to_owned(),
                versions => format!("it has {}", versions.join(", ")),
            };
            return Some(Self { hint: format!(" in version {asked}; {has}"), what, is_unsure: false });
        }
        let elsewhere = absent_ref(db, name.package.as_deref(), &name.name);
        let hint = match &elsewhere {
            Elsewhere::Is => return None,
            // What is not installed is the one cause of all that it may have.
            Elsewhere::MayBe(_) => {
                let hint = elsewhere.hint();
                return Some(Self { what: hint.clone(), hint, is_unsure: true });
            }
            Elsewhere::No if named(db, &name.name).is_empty() => meant(closest_node(db, &name.name)),
            Elsewhere::No => String::new(),
        };
        Some(Self { hint, what, is_unsure: false })
    }

    fn source(db: &dyn salsa::Database, source: &Arc<str>, name: &Name) -> Self {
        let elsewhere = absent_source(db, &name.name);
        if elsewhere != Elsewhere::No {
            let hint = elsewhere.hint();
            return Self { what: hint.clone(), hint, is_unsure: true };
        }
        if !has_source(db, source) {
            let meant = nearest(source, source_names(db).iter().map(|(source, _)| source)).cloned();
            return Self { hint: meant_source(source, meant), what: source.to_string(), is_unsure: false };
        }
        let tables = source_names(db).iter().filter(|(other, _)| other == source).map(|(_, table)| table);
        Self { hint: meant(nearest(&name.name, tables).cloned()), what: name.shown(), is_unsure: false }
    }
}

/// Whether a YAML file may declare a name that cannot be read as it was meant: its error is the cause, and is told.
fn is_in_broken_yaml(db: &dyn salsa::Database, name: &Name) -> bool {
    broken_yaml(db).iter().any(|file| {
        let text = file.content(db).text();
        let may_declare = match &name.source {
            Some(source) => holds_word(text, source),
            None => ["snapshots:", "versions:"].iter().any(|key| text.contains(key)),
        };
        may_declare && holds_word(text, &name.name)
    })
}

/// The YAML files of the root project that are broken.
#[salsa::tracked(returns(deref))]
fn broken_yaml(db: &dyn salsa::Database) -> Vec<SourceFile> {
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let files = files_of(db, root, FileKind::Properties).iter().copied();
    files.filter(|file| is_broken_yaml(db, root, *file)).collect()
}

/// Whether a YAML file has errors that may hide what it declares.
fn is_broken_yaml(db: &dyn salsa::Database, package: Package, file: SourceFile) -> bool {
    !yaml(db, file).errors.is_empty() || !shape_errors(schema_yaml::root(db, package, file)).is_empty()
}

fn holds_word(text: &str, word: &str) -> bool {
    let is_inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_inside) && !text[at + word.len()..].starts_with(is_inside))
}

fn meant(name: Option<Arc<str>>) -> String {
    name.map(|name| format!(" (did you mean '{name}'?)")).unwrap_or_default()
}

fn meant_source(source: &str, other: Option<Arc<str>>) -> String {
    match other {
        Some(other) => format!(" (no table of '{source}' is declared; did you mean '{other}'?)"),
        None => format!(" (no table of '{source}' is declared)"),
    }
}

#[salsa::interned(revisions = usize::MAX)]
struct Wanted<'db> {
    #[returns(ref)]
    name: Arc<str>,
}

#[salsa::tracked(returns(clone))]
fn closest_to<'db>(db: &'db dyn salsa::Database, wanted: Wanted<'db>) -> Option<Arc<str>> {
    nearest(wanted.name(db), crate::project::graph::refable_names(db)).cloned()
}

/// The model, seed or snapshot whose name is nearest to one that nothing bears.
pub(super) fn closest_node(db: &dyn salsa::Database, name: &Arc<str>) -> Option<Arc<str>> {
    closest_to(db, Wanted::new(db, name.clone()))
}
