//! dbt_project.yml of the root and of each package, and the packages a project declares.

use super::absent::projects_in;
use super::data;
use super::jinja::run::{Names, Run, Subject};
use super::jinja::{Minijinja, Renderer};
use super::paths::overlaps;
use crate::db::cache::{KeyMaker, Work, of_text};
use crate::db::{FileKind, Package, Project, SourceFile, files_of};
use crate::files::{Content, join, normalise};
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::{Document, Node, parse};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The name of dbt's own package of macros.
pub const DBT: &str = "dbt";

#[salsa::tracked(returns(ref))]
pub fn yaml(db: &dyn salsa::Database, file: SourceFile) -> Document {
    let text = file.content(db).text();
    of_text(db, Work::Yaml, text, || parse(text))
}

/// A dbt_project.yml, its Jinja rendered but for hooks and vars, as dbt does when it loads it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProjectFile {
    pub name: Arc<str>,
    root: serde_json::Map<String, serde_json::Value>,
}

impl ProjectFile {
    pub fn get(&self, key: &str) -> Option<&serde_json::Value> {
        self.root.get(key)
    }
}

#[salsa::tracked(returns(ref))]
fn project_file_with_errors(db: &dyn salsa::Database, package: Package) -> (ProjectFile, Vec<SyntaxError>) {
    let document = yaml(db, package.project_file(db));
    let mut errors = Vec::new();
    let serde_json::Value::Object(entries) = data::of(&document.root) else {
        // Of a file that cannot be read that is all there is to say.
        let is_read = !matches!(package.project_file(db).content(db), Content::Unreadable(_));
        if document.errors.is_empty() && is_read {
            errors.push(SyntaxError::new(
                Span::default(),
                "dbt_project.yml holds no settings, which stops dbt",
                "Write at least `name: my_project`.",
            ));
        }
        return (ProjectFile { name: package.folder(db).clone(), ..ProjectFile::default() }, errors);
    };
    if document.errors.is_empty() && !entries.contains_key("name") {
        errors.push(SyntaxError::new(
            Span::default(),
            "dbt_project.yml has no `name`, which stops dbt",
            "Write `name: my_project`.",
        ));
    }
    let skip = |key: &str| {
        matches!(
            key,
            "vars"
                | "on-run-start"
                | "on-run-end"
                | "query-comment"
                | "pre-hook"
                | "post-hook"
                | "+pre-hook"
                | "+post-hook"
                | "pre_hook"
                | "post_hook"
                | "+pre_hook"
                | "+post_hook"
        )
    };
    let mut render = |text: &str| {
        let run = Run::new(package, Names::ProjectFile, Subject::default());
        let (value, _) = Minijinja.evaluate(text, run);
        value.unwrap_or_else(|error| {
            errors.push(SyntaxError { span: find_text(&document.root, text).unwrap_or_default(), ..error });
            serde_json::Value::Null
        })
    };
    // The name comes first: rendering asks for it, and it never holds Jinja.
    let name = entries.get("name").and_then(data::scalar).unwrap_or_else(|| package.folder(db).to_string());
    let mut root = match data::rendered(serde_json::Value::Object(entries), &skip, &mut render) {
        serde_json::Value::Object(root) => root,
        _ => serde_json::Map::new(),
    };
    // Directly below a section, and nowhere else, dbt takes null for none.
    for (section, key, none) in [
        ("models", "pre-hook", serde_json::json!([])),
        ("models", "post-hook", serde_json::json!([])),
        ("seeds", "pre-hook", serde_json::json!([])),
        ("seeds", "post-hook", serde_json::json!([])),
        ("seeds", "column_types", serde_json::json!({})),
        ("snapshots", "pre-hook", serde_json::json!([])),
        ("snapshots", "post-hook", serde_json::json!([])),
    ] {
        if let Some(value) =
            root.get_mut(section).and_then(|section| section.get_mut(key)).filter(|value| value.is_null())
        {
            *value = none;
        }
    }
    errors.extend(overlaps(db, package));
    (ProjectFile { name: name.into(), root }, errors)
}

/// Where a scalar of this text stands.
pub fn find_text(node: &Node, text: &str) -> Option<Span> {
    if node.as_str() == Some(text) {
        return Some(node.span);
    }
    let items = node.as_seq().unwrap_or_default().iter();
    let values = node.as_map().unwrap_or_default().iter().map(|entry| &entry.value);
    items.chain(values).find_map(|inner| find_text(inner, text))
}

#[salsa::tracked(returns(ref))]
pub fn project_file(db: &dyn salsa::Database, package: Package) -> ProjectFile {
    project_file_with_errors(db, package).0.clone()
}

/// The vars of a project as written; dbt renders one when it is asked for. Those of the root project may stand in
/// vars.yml.
#[salsa::tracked(returns(ref))]
pub fn vars(db: &dyn salsa::Database, package: Package) -> serde_json::Map<String, serde_json::Value> {
    let of_file = vars_of_file(db);
    if !of_file.is_empty() && home(db, package) == Home::Root {
        return of_file.clone();
    }
    match yaml(db, package.project_file(db)).root.get("vars").map(data::of) {
        Some(serde_json::Value::Object(vars)) => vars,
        _ => serde_json::Map::new(),
    }
}

/// What `vars:` of vars.yml states.
#[salsa::tracked(returns(ref))]
pub fn vars_of_file(db: &dyn salsa::Database) -> serde_json::Map<String, serde_json::Value> {
    let file = Project::try_get(db).and_then(|project| project.vars_file(db));
    file.map(|file| vars_in(&yaml(db, file).root)).unwrap_or_default()
}

/// The vars that a text of a vars.yml states.
pub fn vars_in(root: &Node) -> serde_json::Map<String, serde_json::Value> {
    match root.get("vars").map(data::of) {
        Some(serde_json::Value::Object(vars)) => vars,
        _ => serde_json::Map::new(),
    }
}

/// What dbt refuses of a vars.yml.
pub fn vars_file_errors(db: &dyn salsa::Database) -> Vec<SyntaxError> {
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let Some(file) = project.vars_file(db) else { return Vec::new() };
    let document = yaml(db, file);
    let error = |span: Span, message: String, remedy: &str| vec![SyntaxError::new(span, message, remedy)];
    if !document.errors.is_empty() || !data::is_true(&data::of(&document.root)) {
        return Vec::new();
    }
    if document.root.as_map().is_none() {
        let message = format!("vars.yml is {}, not a mapping, which stops dbt", document.root.kind_name());
        return error(document.root.span, message, "Write `vars:` and the vars below it.");
    }
    let Some(stated) = document.root.get("vars") else { return Vec::new() };
    if stated.as_map().is_none() {
        let message = format!("`vars` of vars.yml is {}, not a mapping, which stops dbt", stated.kind_name());
        return error(stated.span, message, "Write the vars below it as `name: value`, or remove the key.");
    }
    let own = yaml(db, project.root(db).project_file(db)).root.get("vars");
    if !vars_in(&document.root).is_empty() && own.is_some_and(|own| data::is_true(&data::of(own))) {
        let message = "vars stand both in vars.yml and in dbt_project.yml, which stops dbt".to_owned();
        return error(stated.span, message, "Move the vars of dbt_project.yml to this file, or the other way round.");
    }
    Vec::new()
}

/// What could not be rendered of a dbt_project.yml.
pub fn project_file_errors(db: &dyn salsa::Database, package: Package) -> &[SyntaxError] {
    &project_file_with_errors(db, package).1
}

/// Read from the file's own text: names are asked for while dbt_project.yml itself is rendered.
#[salsa::tracked(returns(ref))]
pub fn package_name(db: &dyn salsa::Database, package: Package) -> Arc<str> {
    let root = &yaml(db, package.project_file(db)).root;
    match root.get("name").and_then(Node::as_str) {
        Some(name) => name.into(),
        None => package.folder(db).rsplit('/').next().unwrap_or_default().into(),
    }
}

/// Where a package lies: what it is called by beyond one database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Home {
    Root,
    Builtins,
    Folder(Arc<str>),
}

impl Home {
    pub fn add_to(&self, key: &mut KeyMaker) {
        match self {
            Self::Root => key.number(0),
            Self::Builtins => key.number(1),
            Self::Folder(folder) => {
                key.number(2);
                key.text(folder);
            }
        }
    }
}

pub fn home(db: &dyn salsa::Database, package: Package) -> Home {
    match Project::try_get(db) {
        Some(project) if project.root(db) == package => Home::Root,
        Some(project) if project.builtins(db) == package => Home::Builtins,
        _ => Home::Folder(package.folder(db).clone()),
    }
}

pub fn package_at(db: &dyn salsa::Database, home: &Home) -> Option<Package> {
    let project = Project::try_get(db)?;
    match home {
        Home::Root => Some(project.root(db)),
        Home::Builtins => Some(project.builtins(db)),
        Home::Folder(folder) => project.packages(db).iter().find(|package| package.folder(db) == folder).copied(),
    }
}

/// The root project, then the installed packages, then dbt's own macros.
pub fn all_packages(db: &dyn salsa::Database) -> Vec<Package> {
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let mut all = vec![project.root(db)];
    all.extend_from_slice(project.packages(db));
    all.push(project.builtins(db));
    all
}

/// The root project and the installed packages.
pub fn dbt_packages(db: &dyn salsa::Database) -> Vec<Package> {
    let mut all = all_packages(db);
    all.pop();
    all
}

/// More files of nodes than these share what a project may do.
const MANY_FILES: usize = 64;

/// Whether the project has many files of nodes. Depends on no text.
#[salsa::tracked(returns(copy))]
pub fn has_many_files(db: &dyn salsa::Database) -> bool {
    let kinds = [FileKind::Model, FileKind::Snapshot, FileKind::Analysis, FileKind::Function];
    let of_package = |package: Package| kinds.iter().map(move |kind| files_of(db, package, *kind).len());
    dbt_packages(db).into_iter().flat_map(of_package).sum::<usize>() > MANY_FILES
}

#[salsa::tracked(returns(ref))]
fn packages_by_name(db: &dyn salsa::Database) -> FxHashMap<Arc<str>, Package> {
    // The first of two packages of one name is the one dbt would refuse the second for.
    all_packages(db).into_iter().rev().map(|package| (package_name(db, package).clone(), package)).collect()
}

#[salsa::interned(revisions = usize::MAX)]
struct PackageName<'db> {
    #[returns(ref)]
    name: Arc<str>,
}

#[salsa::tracked(returns(copy))]
fn package_of_name<'db>(db: &'db dyn salsa::Database, name: PackageName<'db>) -> Option<Package> {
    packages_by_name(db).get(name.name(db)).copied()
}

pub fn package_by_name(db: &dyn salsa::Database, name: &str) -> Option<Package> {
    package_of_name(db, PackageName::new(db, name))
}

/// Where a package or a project is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `packages:` of packages.yml or dependencies.yml.
    Package,
    /// package-lock.yml alone: a package of a package.
    Lock,
    /// `projects:` of dependencies.yml, or dbt_loom.config.yml: a project of a mesh.
    Project,
}

/// A package or a project that packages.yml, dependencies.yml or what stands beside them asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// As written: `dbt-labs/dbt_utils`, a git address, a folder.
    pub shown: Arc<str>,
    /// The name its macros are called by, where the declaration tells it.
    pub name: Option<Arc<str>>,
    pub file: SourceFile,
    /// Which entry of the file's list it is.
    pub index: usize,
    pub origin: Origin,
    /// package-lock.yml names it, too.
    pub is_locked: bool,
    pub installed: bool,
}

#[salsa::tracked(returns(ref))]
pub fn declared_packages(db: &dyn salsa::Database) -> Vec<Declared> {
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let files = project.package_files(db);
    let mut found = declared_in(db, files);
    for file in files.iter().filter(|file| file.kind(db) == FileKind::Lock) {
        add_locked(db, *file, &mut found);
    }
    for file in files {
        let projects = projects_in(db, *file).into_iter().enumerate();
        for (index, name) in projects {
            let is_known = |it: &Declared| it.origin == Origin::Project && it.name.as_ref() == Some(&name);
            if !found.iter().any(is_known) {
                let installed = package_by_name(db, &name).is_some();
                let name = Some(name.clone());
                let (origin, shown) = (Origin::Project, name.clone().unwrap_or_default());
                found.push(Declared { shown, name, file: *file, index, origin, is_locked: false, installed });
            }
        }
    }
    found
}

/// Whether every package is there, those that packages ask for included.
#[salsa::tracked(returns(copy))]
pub fn is_whole(db: &dyn salsa::Database) -> bool {
    absent_packages(db).next().is_none() && inherited_packages(db).iter().all(|declared| declared.installed)
}

/// The packages that installed packages ask for.
#[salsa::tracked(returns(deref))]
pub fn inherited_packages(db: &dyn salsa::Database) -> Vec<Declared> {
    Project::try_get(db).map(|project| declared_in(db, project.inherited_package_files(db))).unwrap_or_default()
}

/// Adds what package-lock.yml alone names, and to what others name the names it knows.
fn add_locked(db: &dyn salsa::Database, file: SourceFile, found: &mut Vec<Declared>) {
    let root = data::of(&yaml(db, file).root);
    let entries = root.get("packages").and_then(|list| list.as_array()).map(Vec::as_slice).unwrap_or_default();
    let own = found.len();
    for (index, entry) in entries.iter().enumerate() {
        let Some((shown, name, installed)) = declared(db, entry) else { continue };
        let told: Option<Arc<str>> = entry.get("name").and_then(data::scalar).map(Arc::from);
        let name = told.or(name);
        let is_same = |it: &Declared| it.shown == shown || it.name.is_some() && it.name == name;
        let known = found.iter_mut().take(own).find(|it| is_same(it));
        let installed = installed || name.as_ref().is_some_and(|name| package_by_name(db, name).is_some());
        match known {
            Some(known) => {
                (known.is_locked, known.installed) = (true, known.installed || installed);
                known.name = known.name.take().or(name);
            }
            None => {
                let (origin, is_locked) = (Origin::Lock, true);
                found.push(Declared { shown, name, file, index, origin, is_locked, installed });
            }
        }
    }
}

fn declared_in(db: &dyn salsa::Database, files: &[SourceFile]) -> Vec<Declared> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.kind(db) == FileKind::PackagesFile) {
        let root = data::of(&yaml(db, *file).root);
        let entries = root.get("packages").and_then(|list| list.as_array()).map(Vec::as_slice).unwrap_or_default();
        for (index, entry) in entries.iter().enumerate() {
            found.extend(declared(db, entry).map(|(shown, name, installed)| Declared {
                shown,
                name,
                file: *file,
                index,
                origin: Origin::Package,
                is_locked: false,
                installed,
            }));
        }
    }
    found
}

fn declared(db: &dyn salsa::Database, entry: &serde_json::Value) -> Option<(Arc<str>, Option<Arc<str>>, bool)> {
    let text = |key: &str| entry.get(key).and_then(data::scalar);
    let by_name = |name: &str| package_by_name(db, name).is_some();
    if let Some(package) = text("package") {
        let name = package.rsplit('/').next().unwrap_or_default().to_owned();
        let installed = by_name(&name);
        return Some((package.into(), Some(name.into()), installed));
    }
    if let Some(folder) = text("local") {
        let folder = normalise(&folder);
        let project = Project::try_get(db)?;
        let found = project.packages(db).iter().find(|package| **package.folder(db) == *folder);
        let stem = folder.rsplit('/').next().unwrap_or_default();
        let name = found.map(|package| package_name(db, *package).clone());
        let installed = name.is_some() || by_name(stem) || has_unexplained(db, project);
        return Some((folder.into(), name, installed));
    }
    let told: Option<Arc<str>> = text("name").map(Arc::from);
    let is_told = told.as_ref().is_some_and(|name| by_name(name));
    // package-lock.yml tells the name of a package beside its address.
    let Some(address) = text("git").or_else(|| text("private")).or_else(|| text("tarball")) else {
        return told.map(|name| (name.clone(), Some(name), is_told));
    };
    // Only the package's own dbt_project.yml tells its name. Its repository is mostly called the
    // same but for dashes, or carries `dbt-` in front.
    let stem = address.trim_end_matches('/').trim_end_matches(".git");
    let stem = stem.rsplit(['/', ':']).next().unwrap_or_default().replace('-', "_");
    let subfolder = text("subdirectory").map(|folder| folder.rsplit('/').next().unwrap_or_default().to_owned());
    let guesses = [Some(stem.clone()), stem.strip_prefix("dbt_").map(str::to_owned), subfolder];
    let installed = is_told || guesses.iter().flatten().any(|name| by_name(name)) || {
        // Each installed package that no other declaration explains may be this one.
        let project = Project::try_get(db)?;
        project.packages(db).iter().any(|package| package.folder(db).rsplit('/').next() == Some(&stem))
    };
    Some((address.into(), told, installed))
}

/// Whether a package is installed that no declaration names: a local one may be called otherwise than
/// its folder.
fn has_unexplained(db: &dyn salsa::Database, project: Project) -> bool {
    let files = project.package_files(db).iter().filter(|file| file.kind(db) == FileKind::PackagesFile);
    let roots: Vec<serde_json::Value> = files.map(|file| data::of(&yaml(db, *file).root)).collect();
    let entries = roots.iter().filter_map(|root| root.get("packages")?.as_array()).flatten();
    let entries: Vec<&serde_json::Value> = entries.collect();
    let locals = entries.iter().filter_map(|entry| entry.get("local").and_then(data::scalar));
    let locals: Vec<String> = locals.map(|folder| normalise(&folder)).collect();
    let named = entries.iter().filter_map(|entry| data::scalar(entry.get("package").or_else(|| entry.get("name"))?));
    let named: Vec<String> = named.filter_map(|name| name.rsplit('/').next().map(str::to_owned)).collect();
    // A local package that is read where it lies is the one that this declaration names.
    let others =
        project.packages(db).iter().filter(|package| locals.iter().all(|folder| **folder != **package.folder(db)));
    let names = others.map(|package| package_name(db, *package));
    let mut names = names;
    names.any(|name| named.iter().all(|other| **other != **name))
}

/// The packages that are asked for and not there.
pub fn absent_packages(db: &dyn salsa::Database) -> impl Iterator<Item = &Declared> {
    declared_packages(db).iter().filter(|declared| !declared.installed && declared.origin != Origin::Project)
}

/// Where a declaration stands in its file.
pub fn declaration_span(db: &dyn salsa::Database, declared: &Declared) -> Span {
    let root = &yaml(db, declared.file).root;
    let key = match (declared.origin, declared.file.kind(db)) {
        (Origin::Project, FileKind::Loom) => "manifests",
        (Origin::Project, _) => "projects",
        (Origin::Package | Origin::Lock, _) => "packages",
    };
    let entry = root.get(key).and_then(Node::as_seq).and_then(|list| list.get(declared.index));
    let first = entry.and_then(Node::as_map).and_then(<[_]>::first);
    first.map_or_else(|| entry.map(|entry| entry.span).unwrap_or_default(), |first| first.key.span)
}

/// A path of a package as the root project sees it.
pub fn from_root(db: &dyn salsa::Database, package: Package, path: &str) -> String {
    join(package.folder(db), path)
}
