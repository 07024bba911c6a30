//! Where dbt looks for files: the paths of a dbt_project.yml. Known before anything else is read.

use super::data;
use super::early::rendered;
use super::flags::Flags;
use super::jinja::run::Names;
use super::packages::yaml;
use crate::db::{FileKind, Invocation, Package};
use crate::files::normalise;
use crate::syntax::span::SyntaxError;
use crate::syntax::yaml::{Node, parse};

/// dbt's paths for each kind of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    pub models: Vec<String>,
    pub seeds: Vec<String>,
    pub snapshots: Vec<String>,
    pub analyses: Vec<String>,
    pub tests: Vec<String>,
    pub macros: Vec<String>,
    pub functions: Vec<String>,
    pub docs: Vec<String>,
    pub target: String,
    pub packages: String,
    /// What the project's flags say.
    pub flags: Flags,
}

/// The keys of lists of paths, each with its former name, what it is without an entry, and what lies there.
const LISTS: [(&str, &str, &[&str], &[FileKind]); 8] = [
    ("model-paths", "source-paths", &["models"], &[FileKind::Model, FileKind::PythonModel]),
    ("seed-paths", "data-paths", &["seeds"], &[FileKind::Seed]),
    ("snapshot-paths", "snapshot-paths", &["snapshots"], &[FileKind::Snapshot]),
    ("analysis-paths", "analysis-paths", &["analyses"], &[FileKind::Analysis]),
    ("test-paths", "test-paths", &["tests"], &[FileKind::Test]),
    ("macro-paths", "macro-paths", &["macros"], &[FileKind::Macro]),
    ("function-paths", "function-paths", &["functions"], &[FileKind::Function]),
    ("docs-paths", "docs-paths", &[], &[FileKind::Docs]),
];

/// The paths that a dbt_project.yml states, their Jinja rendered as dbt renders it.
pub fn paths(project_file: &str, invocation: &Invocation) -> Paths {
    let document = parse(project_file);
    let root = data::of(&document.root);
    let mut render = |text: &str| rendered(&[text], invocation, Names::ProjectFile).pop().unwrap_or_default();
    let mut value_of = |key: &str| {
        let value = root.get(key).filter(|value| !value.is_null())?;
        Some(data::rendered(value.clone(), &|_| false, &mut render))
    };
    let mut lists = LISTS.map(|(key, old, default, _)| {
        let given = value_of(key).or_else(|| value_of(old)).map(|value| data::texts(Some(&value)));
        let given = given.unwrap_or_else(|| default.iter().map(|path| (*path).to_owned()).collect());
        given.iter().map(|path| normalise(path)).collect::<Vec<_>>()
    });
    let mut list = |at: usize| lists.get_mut(at).map(std::mem::take).unwrap_or_default();
    let (models, seeds, snapshots, analyses) = (list(0), list(1), list(2), list(3));
    let (tests, macros, functions, docs) = (list(4), list(5), list(6), list(7));
    let mut one = |key: &str, default: &str| {
        value_of(key).as_ref().and_then(data::scalar).map_or_else(|| default.to_owned(), |path| normalise(&path))
    };
    let (target, packages) = (one("target-path", "target"), one("packages-install-path", "dbt_packages"));
    let flags = Flags::of(root.get("flags"));
    Paths { models, seeds, snapshots, analyses, tests, macros, functions, docs, target, packages, flags }
}

/// A path that a file of packages states, its Jinja rendered: it sees the vars of the command line alone.
pub fn rendered_path(path: &str, invocation: &Invocation) -> String {
    let value = rendered(&[path], invocation, Names::ProjectFile).pop();
    value.as_ref().and_then(data::scalar).unwrap_or_else(|| path.to_owned())
}

/// Paths of one list that lie within each other: dbt reads what lies there twice and refuses the second.
pub(super) fn overlaps(db: &dyn salsa::Database, package: Package) -> Vec<SyntaxError> {
    let root = &yaml(db, package.project_file(db)).root;
    let mut found = Vec::new();
    for (key, old, _, kinds) in LISTS {
        let Some((key, list)) = [key, old].into_iter().find_map(|key| Some((key, root.get(key)?))) else { continue };
        let items: Vec<(&Node, String)> = list
            .as_seq()
            .unwrap_or_default()
            .iter()
            .filter_map(|item| Some((item, normalise(item.as_str().filter(|text| !data::has_jinja(text))?))))
            .collect();
        for (at, (item, path)) in items.iter().enumerate() {
            let around = items.iter().enumerate().find(|(other, (_, outer))| {
                let is_within = is_below(path, outer);
                *other != at && is_within && (*other < at || path != outer)
            });
            let Some((_, (_, outer))) = around else { continue };
            let mut files = kinds.iter().flat_map(|kind| crate::db::files_of(db, package, *kind));
            if !files.any(|file| is_below(file.package_path(db), path)) {
                continue;
            }
            let shown = item.as_str().unwrap_or_default();
            let (message, remedy) = if path == outer {
                (format!("{key} lists '{shown}' twice"), "Remove one of the two entries.".to_owned())
            } else {
                let shown_outer = if outer.is_empty() { "." } else { outer.as_str() };
                let message = format!("{key} lists '{shown}', which lies in '{shown_outer}' of the same list");
                (message, format!("Remove '{shown}': '{shown_outer}' holds it."))
            };
            let message = format!("{message}; dbt reads its files twice and stops at the second of each name");
            found.push(SyntaxError::new(item.span, message, remedy));
        }
    }
    found
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
