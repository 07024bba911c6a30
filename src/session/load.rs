//! What a tree of files holds of a project, and what of the tree that depends on.

use super::is_within;
use crate::db::{FileKind, Invocation};
use crate::files::{Content, Tree, Unreadable, is_passed_over, join, normalise, outside};
use crate::project::absent::loom_manifests;
use crate::project::data;
use crate::project::flags::Flags;
use crate::project::packages::vars_in;
use crate::project::paths::{Paths, paths, rendered_path};
use crate::syntax::span::{LineIndex, Span};
use crate::syntax::yaml::{Node, parse};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rayon::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub const PROJECT_FILE: &str = "dbt_project.yml";
pub const HOUSE_RULES_FILE: &str = "harness.yml";
/// Files that name packages; dbt reads the first that exists, and both where both do.
const PACKAGE_FILES: [&str; 2] = ["packages.yml", "dependencies.yml"];
const LOCK_FILE: &str = "package-lock.yml";
const LOOM_FILE: &str = "dbt_loom.config.yml";
const SELECTORS_FILE: &str = "selectors.yml";
/// Where `dbt deps` puts packages, unless the project says otherwise.
const PACKAGES_FOLDER: &str = "dbt_packages";
/// Read beside the project, by the command line: what is wrong with it is said here.
const PROFILES_FILE: &str = "profiles.yml";
/// Files and folders that one look at a project sees, however often its paths name them.
const MAX_ENTRIES: usize = 2_000_000;
/// Paths of one kind that are said to lead out of the repository.
const MAX_REFUSED: usize = 100;
/// Patterns of one .dbtignore.
const MAX_PATTERNS: usize = 10_000;
/// Packages that are looked for: more folders are not what `dbt deps` leaves.
const MAX_PACKAGES: usize = 2_000;
const VARS_FILE: &str = "vars.yml";

/// A file that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub path: Arc<str>,
    pub package_path: Arc<str>,
    pub root: Arc<str>,
    pub kind: FileKind,
    /// `None` where nobody asked for it.
    pub content: Option<Content>,
}

#[derive(Debug)]
pub(super) struct FoundPackage {
    pub folder: Arc<str>,
    pub project_file: Found,
    /// In the order of their paths.
    pub files: Vec<Found>,
}

/// What a tree holds of a project.
#[derive(Debug)]
pub(super) struct FoundProject {
    pub root: FoundPackage,
    pub packages: Vec<FoundPackage>,
    pub package_files: Vec<Found>,
    pub inherited: Vec<Found>,
    pub selectors: Option<Found>,
    pub vars: Option<Found>,
    pub problems: Vec<(Arc<str>, Unreadable)>,
    /// Where models were looked for and none found, each with whether it exists.
    pub looked_for: Vec<(String, bool)>,
    pub asked: Asked,
}

/// What a look at a tree asked it for, beside the texts of the files it found: where this is as it was, there
/// are the same files.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Single files, whether or not they are there.
    pub files: BTreeSet<String>,
    /// Folders of which all is listed that dbt may read, each with a folder that is left out.
    pub listed: BTreeSet<(String, String)>,
    /// Folders of which the folders are listed.
    pub folders: BTreeSet<String>,
}

impl Asked {
    /// Whether there may be other files since something happened at a path that is none of the known ones.
    pub(super) fn concerns(&self, tree: &dyn Tree, path: &str) -> bool {
        let touches = |folder: &String| is_within(path, folder) || is_within(folder, path);
        self.names(path)
            || self.folders.iter().any(touches)
            || self.listed.iter().any(|(folder, left_out)| {
                is_within(folder, path) || (is_within(path, folder) && is_listed(tree, folder, left_out, path))
            })
    }

    /// Whether a file was asked for by its name, at or below a path.
    pub(super) fn names(&self, path: &str) -> bool {
        self.files.iter().any(|file| is_within(file, path))
    }
}

/// Whether anything at a path below a folder may be in its listing.
fn is_listed(tree: &dyn Tree, folder: &str, left_out: &str, path: &str) -> bool {
    let is_left_out = left_out != folder && is_within(left_out, folder) && is_within(path, left_out);
    let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
    let (folders, name) = below.rsplit_once('/').unwrap_or(("", below));
    if is_left_out || folders.split('/').any(is_passed_over) {
        return false;
    }
    if tree.is_file(path) {
        return RESOURCES.iter().any(|resource| kind_of(*resource, path, true).is_some());
    }
    let listing = tree.list(path, &|_, _| false);
    let holds_nothing = listing.files.is_empty() && listing.problems.is_empty();
    !holds_nothing && !is_passed_over(name)
}

/// A tree that is asked, and what for.
struct Looking<'t> {
    tree: &'t dyn Tree,
    asked: Asked,
    problems: Vec<(Arc<str>, Unreadable)>,
    /// Files and folders that may still be looked at.
    left: Cell<usize>,
    /// Whether a file of a package, which is told by its folder, is to be read.
    is_read: &'t (dyn Fn(&str, &Found) -> bool + Sync),
    /// The root project's, which count for packages as well.
    flags: Flags,
}

/// Finds the files of a project, and reads those of them that are to be read. What says which files there are
/// is always read.
pub(super) fn find(
    tree: &dyn Tree,
    invocation: &Invocation,
    is_read: &(dyn Fn(&str, &Found) -> bool + Sync),
) -> FoundProject {
    let left = Cell::new(MAX_ENTRIES);
    let flags = Flags::default();
    let mut looking = Looking { tree, asked: Asked::default(), problems: Vec::new(), left, is_read, flags };
    let project_file = looking.single("", PROJECT_FILE, FileKind::ProjectFile);
    let vars = looking.is_file(VARS_FILE).then(|| looking.single("", VARS_FILE, FileKind::Vars));
    let own = paths(text(&project_file), &with_vars(invocation, vars.as_ref()));
    let own = looking.located("", own, &project_file, true);
    looking.flags = own.flags.clone();
    let package_files = looking.package_files("");
    // What they name is known before anything is read that a link may lead to.
    let local = looking.local_packages(&package_files, invocation);
    let files = looking.files("", &own, true);
    let looked_for = looking.looked_for(&own, &files);
    let root = FoundPackage { folder: "".into(), project_file, files };
    let mut inherited = Vec::new();
    let mut packages = Vec::new();
    for folder in looking.package_folders(&own, local) {
        let project_file = looking.single(&folder, PROJECT_FILE, FileKind::ProjectFile);
        // What is wrong inside an installed package is not this project's to mend.
        // dbt shows packages no vars while it reads their dbt_project.yml.
        let without_vars = Invocation { vars: BTreeMap::new(), ..invocation.clone() };
        let own = paths(text(&project_file), &without_vars);
        let own = looking.located(&folder, own, &project_file, false);
        let files = looking.files(&folder, &own, false);
        inherited.extend(looking.package_files(&folder));
        packages.push(FoundPackage { folder: folder.into(), project_file, files });
    }
    let mut package_files = package_files;
    package_files.extend(looking.files_of_a_mesh());
    let selectors = looking.is_file(SELECTORS_FILE).then(|| looking.single("", SELECTORS_FILE, FileKind::Selectors));
    if looking.is_file(PROFILES_FILE)
        && let Content::Unreadable(problem) = tree.read(PROFILES_FILE)
    {
        looking.problems.push((PROFILES_FILE.into(), problem));
    }
    let Looking { mut problems, asked, .. } = looking;
    problems.sort_unstable_by(|left, right| (&left.0, &left.1.outside).cmp(&(&right.0, &right.1.outside)));
    problems.dedup();
    FoundProject { root, packages, package_files, inherited, selectors, vars, problems, looked_for, asked }
}

/// An invocation with the vars of a vars.yml, which those of the command line hide.
fn with_vars(invocation: &Invocation, vars: Option<&Found>) -> Invocation {
    let mut whole = invocation.clone();
    if let Some(file) = vars {
        for (name, value) in vars_in(&parse(text(file)).root) {
            whole.vars.entry(name).or_insert(value);
        }
    }
    whole
}

fn text(file: &Found) -> &str {
    file.content.as_ref().map_or("", Content::text)
}

const RESOURCES: [FileKind; 8] = [
    FileKind::Model,
    FileKind::Seed,
    FileKind::Snapshot,
    FileKind::Analysis,
    FileKind::Macro,
    FileKind::Test,
    FileKind::Function,
    FileKind::Docs,
];

/// Where files of a kind lie.
fn roots(paths: &Paths, resource: FileKind) -> &[String] {
    match resource {
        FileKind::Model => &paths.models,
        FileKind::Seed => &paths.seeds,
        FileKind::Snapshot => &paths.snapshots,
        FileKind::Analysis => &paths.analyses,
        FileKind::Macro => &paths.macros,
        FileKind::Test => &paths.tests,
        FileKind::Function => &paths.functions,
        FileKind::Docs => &paths.docs,
        _ => &[],
    }
}

/// Where the value stands in a YAML file that states a path, by line and column: that very text, or else the first
/// with Jinja in it, which may have given the path.
fn place_of(file: &str, root: &Node, stated: &str) -> Option<(u32, u32)> {
    fn find(node: &Node, is: &dyn Fn(&str) -> bool) -> Option<Span> {
        if node.as_str().is_some_and(is) {
            return Some(node.span);
        }
        let items = node.as_seq().unwrap_or_default().iter();
        items.chain(node.as_map().unwrap_or_default().iter().map(|entry| &entry.value)).find_map(|node| find(node, is))
    }
    let entries = root.as_map().unwrap_or_default().iter();
    let of_paths = entries.filter(|entry| entry.key.as_str().is_some_and(|key| key.contains("path")));
    let values: Vec<&Node> = of_paths.map(|entry| &entry.value).collect();
    let own = values.iter().find_map(|value| find(value, &|text| normalise(text) == stated));
    let span = own.or_else(|| values.iter().find_map(|value| find(value, &data::has_jinja)))?;
    let at = LineIndex::new(file).position(file, span.start);
    Some((at.line, at.column))
}

/// What may follow the extension of a template where a flag allows it.
const JINJA_EXTENSIONS: [&str; 3] = ["j2", "jinja2", "jinja"];

/// Which of dbt's kinds a file under one of its paths is. Extensions count in any case; files whose names begin as
/// those of editors do (`.`, `#`, `~`) do not.
fn kind_of(resource: FileKind, path: &str, with_jinja: bool) -> Option<FileKind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.starts_with(['.', '#', '~']) {
        return None;
    }
    let (stem, written) = name.rsplit_once('.')?;
    let lower = written.to_ascii_lowercase();
    let inner = stem.rsplit_once('.').map(|(_, inner)| inner.to_ascii_lowercase());
    let of_template = inner.filter(|_| with_jinja && JINJA_EXTENSIONS.contains(&lower.as_str()));
    let extension = match &of_template {
        Some(inner) if matches!(inner.as_str(), "sql" | "md") => inner,
        _ => &lower,
    };
    match (resource, extension.as_str()) {
        (_, "yml" | "yaml") => Some(FileKind::Properties),
        (FileKind::Test | FileKind::Function, "md") => None,
        (_, "md") => Some(FileKind::Docs),
        (FileKind::Docs, _) => None,
        // One that is spelled otherwise is read as SQL.
        (FileKind::Model, "py") if written == "py" => Some(FileKind::PythonModel),
        (FileKind::Model, "py") => Some(FileKind::Model),
        (FileKind::Seed, "csv") => Some(FileKind::Seed),
        (FileKind::Function, "sql" | "py" | "js") => Some(FileKind::Function),
        (FileKind::Seed, _) => None,
        (kind, "sql") => Some(kind),
        _ => None,
    }
}

/// What is said of a project whose paths lead to more than is looked at.
fn too_many(most: usize) -> Unreadable {
    Unreadable {
        what: format!("its paths lead to more than {most} files and folders, and the rest was not looked at"),
        fix: "Narrow the paths, or name in .dbtignore what is not part of the project.".to_owned(),
        at: 0,
        outside: None,
    }
}

impl Looking<'_> {
    fn is_file(&mut self, path: &str) -> bool {
        self.asked.files.insert(path.to_owned());
        self.tree.is_file(path)
    }

    fn single(&mut self, folder: &str, path: &str, kind: FileKind) -> Found {
        let whole = join(folder, path);
        self.asked.files.insert(whole.clone());
        let content = Some(self.tree.read(&whole));
        Found { path: whole.into(), package_path: path.into(), root: "".into(), kind, content }
    }

    /// The files that name packages, of one folder.
    fn package_files(&mut self, folder: &str) -> Vec<Found> {
        let mut found = Vec::new();
        for path in PACKAGE_FILES {
            if self.is_file(&join(folder, path)) {
                found.push(self.single(folder, path, FileKind::PackagesFile));
            }
        }
        found
    }

    /// The paths as the tree knows them. Those that lead out of what may be read are left out, and said of the
    /// project itself.
    fn located(&mut self, folder: &str, paths: Paths, file: &Found, is_root: bool) -> Paths {
        let mut document = None;
        let mut refused: BTreeSet<String> = BTreeSet::new();
        let mut problems = Vec::new();
        let tree = self.tree;
        let mut place = |stated: &str| match tree.locate(folder, stated, true) {
            // From the package's own folder on, as others are.
            Ok(path) if stated.starts_with('/') => Some("../".repeat(folder.split_terminator('/').count()) + &path),
            Ok(_) => Some(stated.to_owned()),
            Err(_) => {
                if is_root && refused.len() < MAX_REFUSED && refused.insert(stated.to_owned()) {
                    let text = text(file);
                    let root = &document.get_or_insert_with(|| parse(text)).root;
                    problems.push((Arc::clone(&file.path), outside(stated, place_of(text, root, stated))));
                }
                None
            }
        };
        let mut all = |stated: Vec<String>| {
            let mut seen = BTreeSet::new();
            stated.iter().filter_map(|path| place(path)).filter(|path| seen.insert(path.clone())).collect::<Vec<_>>()
        };
        let paths = Paths {
            models: all(paths.models),
            seeds: all(paths.seeds),
            snapshots: all(paths.snapshots),
            analyses: all(paths.analyses),
            tests: all(paths.tests),
            macros: all(paths.macros),
            functions: all(paths.functions),
            docs: all(paths.docs),
            packages: all(vec![paths.packages]).pop().unwrap_or_else(|| PACKAGES_FOLDER.to_owned()),
            ..paths
        };
        self.problems.extend(problems);
        paths
    }

    /// What says more of packages and projects than packages.yml does.
    fn files_of_a_mesh(&mut self) -> Vec<Found> {
        let mut found = Vec::new();
        if self.is_file(LOCK_FILE) {
            found.push(self.single("", LOCK_FILE, FileKind::Lock));
        }
        if self.is_file(LOOM_FILE) {
            let loom = self.single("", LOOM_FILE, FileKind::Loom);
            let root = data::of(&parse(text(&loom)).root);
            found.push(loom);
            let stated = loom_manifests(&root).into_iter().filter_map(|(_, path)| path).take(MAX_PACKAGES);
            // What leads out of the repository is as unknown as what is not there.
            for path in stated.filter_map(|path| self.tree.locate("", &path, false).ok()).collect::<Vec<_>>() {
                let is_new = !found.iter().any(|other| *other.path == *path);
                if is_new && self.is_file(&path) {
                    found.push(self.single("", &path, FileKind::Manifest));
                }
            }
        }
        found
    }

    fn files(&mut self, folder: &str, paths: &Paths, is_root: bool) -> Vec<Found> {
        let ignore = self.dbtignore(folder);
        let target = join(folder, &paths.target);
        let left_out = [&target, &join(folder, &paths.packages)];
        let left = &self.left;
        let ignored = |path: &str, is_folder: bool| {
            left.set(left.get().saturating_sub(1));
            if left.get() == 0 {
                return true;
            }
            if is_folder && left_out.iter().any(|other| *other == path) {
                return true;
            }
            let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
            // Paths outside the project are nobody's to ignore.
            !below.starts_with("..")
                && ignore
                    .as_ref()
                    .is_some_and(|ignore| ignore.matched_path_or_any_parents(below, is_folder).is_ignore())
        };
        let with_jinja = self.flags.get("allow_jinja_file_extensions");
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let mut problems = Vec::new();
        for resource in RESOURCES {
            for root in roots(paths, resource) {
                let start = join(folder, root);
                let listing = self.tree.list(&start, &ignored);
                self.asked.listed.insert((start, target.clone()));
                problems.extend(listing.problems.into_iter().map(|(path, problem)| (path.into(), problem)));
                for path in listing.files {
                    // Of the docs paths only the docs count, and where there are any, docs nowhere else.
                    let counts = |kind: &FileKind| match resource {
                        FileKind::Docs => *kind == FileKind::Docs,
                        _ => *kind != FileKind::Docs || paths.docs.is_empty(),
                    };
                    let Some(kind) = kind_of(resource, &path, with_jinja).filter(counts) else { continue };
                    if seen.insert((path.clone(), kind)) {
                        let package_path = path.strip_prefix(folder).unwrap_or(&path).trim_start_matches('/').into();
                        let root = root.as_str().into();
                        found.push(Found { package_path, path: path.into(), root, kind, content: None });
                    }
                }
            }
        }
        if is_root {
            self.problems.extend(problems);
            if left.get() == 0 {
                self.problems.push((PROJECT_FILE.into(), too_many(MAX_ENTRIES)));
            }
        }
        found.sort_unstable_by(|left, right| (&left.path, left.kind).cmp(&(&right.path, right.kind)));
        let (tree, is_read) = (self.tree, self.is_read);
        found.par_iter_mut().with_min_len(32).for_each(|file| {
            if file.kind == FileKind::Seed {
                file.content = Some(Content::NameOnly);
            } else if is_read(folder, file) {
                file.content = Some(tree.read(&file.path));
            }
        });
        found
    }

    /// The model paths of a project that has no model in them, each with whether there is such a folder.
    fn looked_for(&mut self, paths: &Paths, files: &[Found]) -> Vec<(String, bool)> {
        if files.iter().any(|file| matches!(file.kind, FileKind::Model | FileKind::PythonModel)) {
            return Vec::new();
        }
        let exists = |path: &String| {
            let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
            path.is_empty() || self.tree.folders(above).iter().any(|folder| folder == name)
        };
        paths.models.iter().map(|path| (path.clone(), exists(path))).collect()
    }

    fn dbtignore(&mut self, folder: &str) -> Option<Gitignore> {
        let path = join(folder, ".dbtignore");
        if !self.is_file(&path) {
            return None;
        }
        let mut builder = GitignoreBuilder::new("");
        let content = self.tree.read(&path);
        if let Content::Unreadable(problem) = &content
            && folder.is_empty()
        {
            self.problems.push((path.into(), problem.clone()));
        }
        for line in content.text().lines().take(MAX_PATTERNS) {
            // A pattern that means nothing ignores nothing, as in dbt.
            let _ = builder.add_line(None, line);
        }
        builder.build().ok()
    }

    /// The folders of local packages that the project's own files name.
    fn local_packages(&mut self, package_files: &[Found], invocation: &Invocation) -> Vec<String> {
        let mut folders = Vec::new();
        for file in package_files {
            let document = parse(text(file));
            let entries = document.root.get("packages").and_then(Node::as_seq).unwrap_or_default();
            for stated in entries.iter().filter_map(|entry| entry.get("local")) {
                let Some(path) = data::scalar(&data::of(stated)) else { continue };
                let path = normalise(&rendered_path(&path, invocation));
                match self.tree.locate("", &path, true) {
                    Ok(path) if !path.is_empty() => folders.push(path),
                    Ok(_) => {}
                    Err(_) if self.problems.len() >= MAX_REFUSED => {}
                    Err(_) => {
                        let at = LineIndex::new(text(file)).position(text(file), stated.span.start);
                        self.problems.push((Arc::clone(&file.path), outside(&path, Some((at.line, at.column)))));
                    }
                }
            }
        }
        folders
    }

    /// Installed packages, and local ones that were declared and not installed: they are in the repo.
    fn package_folders(&mut self, paths: &Paths, local: Vec<String>) -> Vec<String> {
        self.asked.folders.insert(paths.packages.clone());
        let installed = self.tree.folders(&paths.packages).into_iter().map(|name| join(&paths.packages, &name));
        let mut folders: Vec<String> = installed.take(MAX_PACKAGES).collect();
        folders.retain(|folder| self.is_package(folder));
        let mut names: BTreeSet<Option<String>> = folders.iter().map(|folder| self.name_of(folder)).collect();
        for folder in local.into_iter().take(MAX_PACKAGES) {
            if self.is_package(&folder) && names.insert(self.name_of(&folder)) {
                folders.push(folder);
            }
        }
        folders
    }

    /// Whether a folder holds a package that may be read.
    fn is_package(&mut self, folder: &str) -> bool {
        let file = join(folder, PROJECT_FILE);
        if !self.is_file(&file) {
            return false;
        }
        match self.tree.read(&file) {
            Content::Unreadable(problem) if problem.outside.is_some() => {
                self.problems.push((folder.into(), problem));
                false
            }
            _ => true,
        }
    }

    fn name_of(&self, folder: &str) -> Option<String> {
        let root = crate::syntax::yaml::parse(self.tree.read(&join(folder, PROJECT_FILE)).text()).root;
        root.get("name").and_then(|name| name.as_str().map(str::to_owned))
    }
}
