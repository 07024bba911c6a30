//! What a tree of files holds of a project, and what of the tree that depends on.

use super::is_within;
use crate::db::FileKind;
use crate::files::{Content, Tree, Unreadable, join, normalise};
use crate::project::data;
use crate::project::packages::{Paths, paths};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

pub const PROJECT_FILE: &str = "dbt_project.yml";
pub const HOUSE_RULES_FILE: &str = "harness.yml";
/// Files that name packages; dbt reads the first that exists, and both where both do.
const PACKAGE_FILES: [&str; 2] = ["packages.yml", "dependencies.yml"];
const SELECTORS_FILE: &str = "selectors.yml";

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
    pub problems: Vec<(Arc<str>, Unreadable)>,
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
    if is_left_out || folders.split('/').any(|folder| folder.starts_with('.')) {
        return false;
    }
    if tree.is_file(path) {
        return RESOURCES.iter().any(|resource| kind_of(*resource, path).is_some());
    }
    let listing = tree.list(path, &|_, _| false);
    let holds_nothing = listing.files.is_empty() && listing.problems.is_empty();
    !holds_nothing && !name.starts_with('.')
}

/// A tree that is asked, and what for.
struct Looking<'t> {
    tree: &'t dyn Tree,
    asked: Asked,
    /// Whether a file of a package, which is told by its folder, is to be read.
    is_read: &'t (dyn Fn(&str, &Found) -> bool + Sync),
}

/// Finds the files of a project, and reads those of them that are to be read. What says which files there are
/// is always read.
pub(super) fn find(tree: &dyn Tree, is_read: &(dyn Fn(&str, &Found) -> bool + Sync)) -> FoundProject {
    let mut looking = Looking { tree, asked: Asked::default(), is_read };
    let mut problems = Vec::new();
    let project_file = looking.single("", PROJECT_FILE, FileKind::ProjectFile);
    let own = paths(text(&project_file));
    let files = looking.files("", &own, &mut problems);
    let root = FoundPackage { folder: "".into(), project_file, files };
    let package_files = looking.package_files("");
    let mut inherited = Vec::new();
    let mut packages = Vec::new();
    for folder in looking.package_folders(&own, &package_files) {
        let project_file = looking.single(&folder, PROJECT_FILE, FileKind::ProjectFile);
        let own = paths(text(&project_file));
        // What is wrong inside an installed package is not this project's to mend.
        let files = looking.files(&folder, &own, &mut Vec::new());
        inherited.extend(looking.package_files(&folder));
        packages.push(FoundPackage { folder: folder.into(), project_file, files });
    }
    let selectors = looking.is_file(SELECTORS_FILE).then(|| looking.single("", SELECTORS_FILE, FileKind::Selectors));
    problems.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    FoundProject { root, packages, package_files, inherited, selectors, problems, asked: looking.asked }
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

/// Which of dbt's kinds a file under one of its paths is.
fn kind_of(resource: FileKind, path: &str) -> Option<FileKind> {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension)?;
    match (resource, extension) {
        (_, "yml" | "yaml") => Some(FileKind::Properties),
        (FileKind::Test | FileKind::Function, "md") => None,
        (_, "md") => Some(FileKind::Docs),
        (FileKind::Docs, _) => None,
        (FileKind::Model, "py") => Some(FileKind::PythonModel),
        (FileKind::Seed, "csv") => Some(FileKind::Seed),
        (FileKind::Function, "sql" | "py" | "js") => Some(FileKind::Function),
        (FileKind::Seed, _) => None,
        (kind, "sql") => Some(kind),
        _ => None,
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

    fn files(&mut self, folder: &str, paths: &Paths, problems: &mut Vec<(Arc<str>, Unreadable)>) -> Vec<Found> {
        let ignore = self.dbtignore(folder);
        let target = join(folder, &paths.target);
        let left_out = [&target, &join(folder, &paths.packages)];
        let ignored = |path: &str, is_folder: bool| {
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
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
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
                    let Some(kind) = kind_of(resource, &path).filter(counts) else { continue };
                    if seen.insert((path.clone(), kind)) {
                        let package_path = path.strip_prefix(folder).unwrap_or(&path).trim_start_matches('/').into();
                        let root = root.as_str().into();
                        found.push(Found { package_path, path: path.into(), root, kind, content: None });
                    }
                }
            }
        }
        problems.dedup();
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

    fn dbtignore(&mut self, folder: &str) -> Option<Gitignore> {
        let path = join(folder, ".dbtignore");
        if !self.is_file(&path) {
            return None;
        }
        let mut builder = GitignoreBuilder::new("");
        for line in self.tree.read(&path).text().lines() {
            // A pattern that means nothing ignores nothing, as in dbt.
            let _ = builder.add_line(None, line);
        }
        builder.build().ok()
    }

    /// Installed packages, and local ones that were declared and not installed: they are in the repo.
    fn package_folders(&mut self, paths: &Paths, package_files: &[Found]) -> Vec<String> {
        self.asked.folders.insert(paths.packages.clone());
        let installed = self.tree.folders(&paths.packages).into_iter().map(|name| join(&paths.packages, &name));
        let mut folders: Vec<String> = installed.collect();
        folders.retain(|folder| self.is_package(folder));
        let mut names: BTreeSet<Option<String>> = folders.iter().map(|folder| self.name_of(folder)).collect();
        for file in package_files {
            let root = data::of(&crate::syntax::yaml::parse(text(file)).root);
            for entry in root.get("packages").and_then(|list| list.as_array()).into_iter().flatten() {
                let local = entry.get("local").and_then(data::scalar).map(|folder| normalise(&folder));
                let Some(folder) = local.filter(|folder| !folder.is_empty() && self.is_package(folder)) else {
                    continue;
                };
                if names.insert(self.name_of(&folder)) {
                    folders.push(folder);
                }
            }
        }
        folders
    }

    fn is_package(&mut self, folder: &str) -> bool {
        self.is_file(&join(folder, PROJECT_FILE))
    }

    fn name_of(&self, folder: &str) -> Option<String> {
        let root = crate::syntax::yaml::parse(self.tree.read(&join(folder, PROJECT_FILE)).text()).root;
        root.get("name").and_then(|name| name.as_str().map(str::to_owned))
    }
}
