//! From a tree of files to the database's inputs.

use crate::db::{Database, Directory, FileKind, Invocation, Package, Project, SourceFile, settings::HouseRules};
use crate::files::{Content, Tree, Unreadable, join, normalise};
use crate::project::data;
use crate::project::packages::{Paths, paths};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rayon::prelude::*;
use salsa::Durability;
use std::collections::BTreeSet;
use std::sync::Arc;

pub const PROJECT_FILE: &str = "dbt_project.yml";
pub const HOUSE_RULES_FILE: &str = "harness.yml";
/// Files that name packages; dbt reads the first that exists, and both where both do.
const PACKAGE_FILES: [&str; 2] = ["packages.yml", "dependencies.yml"];
const SELECTORS_FILE: &str = "selectors.yml";
/// Files a directory input holds. An edit costs one directory's rows, and a fresh look one step a
/// directory: this is about where the two meet.
const FILES_A_DIRECTORY: usize = 48;

/// A file that was found and read, before it is an input.
struct Found {
    path: Arc<str>,
    package_path: Arc<str>,
    root: Arc<str>,
    kind: FileKind,
    content: Content,
}

/// The inputs of one load.
#[derive(Debug)]
pub(super) struct Loaded {
    pub project: Project,
    pub files: usize,
}

/// Reads a project into an empty database.
pub(super) fn load(db: &mut Database, tree: &dyn Tree, house_rules: HouseRules, invocation: Invocation) -> Loaded {
    let project_text = tree.read(PROJECT_FILE);
    let own = paths(project_text.text());
    let mut problems = Vec::new();
    let mut root = find_files(tree, "", &own, &mut problems);
    read_all(tree, &mut root);
    let package_files = package_files_of(tree, "");
    let folders = package_folders(tree, &own, &package_files);
    let mut files = root.len() + package_files.len() + 1;
    let mut inherited = Vec::new();
    let packages: Vec<Package> = folders
        .into_iter()
        .map(|folder| {
            let project_file = single(tree, &folder, PROJECT_FILE, FileKind::ProjectFile);
            let own = paths(project_file.content.text());
            // What is wrong inside an installed package is not this project's to mend.
            let mut found = find_files(tree, &folder, &own, &mut Vec::new());
            read_all(tree, &mut found);
            files += found.len() + 1;
            inherited.extend(package_files_of(tree, &folder));
            new_package(db, &folder, project_file, found)
        })
        .collect();
    let project_file = Found {
        path: PROJECT_FILE.into(),
        package_path: PROJECT_FILE.into(),
        root: "".into(),
        kind: FileKind::ProjectFile,
        content: project_text,
    };
    let root = new_package(db, "", project_file, root);
    let builtins = new_builtins(db);
    let [package_files, inherited] =
        [package_files, inherited].map(|files| files.into_iter().map(|file| new_file(db, file)).collect::<Vec<_>>());
    let selectors = tree.is_file(SELECTORS_FILE).then(|| single(tree, "", SELECTORS_FILE, FileKind::Selectors));
    files += selectors.iter().len();
    let selectors = selectors.map(|file| new_file(db, file));
    problems.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    let project = Project::builder(
        root,
        packages,
        builtins,
        package_files,
        inherited,
        selectors,
        problems,
        house_rules,
        invocation,
        None,
    )
    .durability(Durability::HIGH)
    .new(db);
    Loaded { project, files }
}

/// The files that name packages, of one folder.
fn package_files_of(tree: &dyn Tree, folder: &str) -> Vec<Found> {
    let there = PACKAGE_FILES.iter().filter(|path| tree.is_file(&join(folder, path)));
    there.map(|path| single(tree, folder, path, FileKind::PackagesFile)).collect()
}

fn single(tree: &dyn Tree, folder: &str, path: &str, kind: FileKind) -> Found {
    let whole = join(folder, path);
    let content = tree.read(&whole);
    Found { path: whole.into(), package_path: path.into(), root: "".into(), kind, content }
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

fn find_files(tree: &dyn Tree, folder: &str, paths: &Paths, problems: &mut Vec<(Arc<str>, Unreadable)>) -> Vec<Found> {
    let ignore = dbtignore(tree, folder);
    let left_out = [join(folder, &paths.target), join(folder, &paths.packages)];
    let ignored = |path: &str, is_folder: bool| {
        if is_folder && left_out.iter().any(|other| other == path) {
            return true;
        }
        let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
        // Paths outside the project are nobody's to ignore.
        !below.starts_with("..")
            && ignore.as_ref().is_some_and(|ignore| ignore.matched_path_or_any_parents(below, is_folder).is_ignore())
    };
    let resources = [
        (FileKind::Model, &paths.models),
        (FileKind::Seed, &paths.seeds),
        (FileKind::Snapshot, &paths.snapshots),
        (FileKind::Analysis, &paths.analyses),
        (FileKind::Macro, &paths.macros),
        (FileKind::Test, &paths.tests),
        (FileKind::Function, &paths.functions),
        (FileKind::Docs, &paths.docs),
    ];
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (resource, roots) in resources {
        for root in roots {
            let start = join(folder, root);
            let listing = tree.list(&start, &ignored);
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
                    let content = Content::NameOnly;
                    found.push(Found { package_path, path: path.into(), root: root.as_str().into(), kind, content });
                }
            }
        }
    }
    problems.dedup();
    found.sort_unstable_by(|left, right| (&left.path, left.kind).cmp(&(&right.path, right.kind)));
    found
}

fn read_all(tree: &dyn Tree, files: &mut [Found]) {
    files
        .par_iter_mut()
        .with_min_len(32)
        .filter(|file| file.kind != FileKind::Seed)
        .for_each(|file| file.content = tree.read(&file.path));
}

fn dbtignore(tree: &dyn Tree, folder: &str) -> Option<Gitignore> {
    let path = join(folder, ".dbtignore");
    if !tree.is_file(&path) {
        return None;
    }
    let mut builder = GitignoreBuilder::new("");
    for line in tree.read(&path).text().lines() {
        // A pattern that means nothing ignores nothing, as in dbt.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok()
}

/// Installed packages, and local ones that were declared and not installed: they are in the repo.
fn package_folders(tree: &dyn Tree, paths: &Paths, package_files: &[Found]) -> Vec<String> {
    let is_package = |folder: &String| tree.is_file(&join(folder, PROJECT_FILE));
    let mut folders: Vec<String> =
        tree.folders(&paths.packages).into_iter().map(|name| join(&paths.packages, &name)).filter(is_package).collect();
    let name_of = |folder: &str| {
        let root = crate::syntax::yaml::parse(tree.read(&join(folder, PROJECT_FILE)).text()).root;
        root.get("name").and_then(|name| name.as_str().map(str::to_owned))
    };
    let mut names: BTreeSet<Option<String>> = folders.iter().map(|folder| name_of(folder)).collect();
    for file in package_files {
        let root = data::of(&crate::syntax::yaml::parse(file.content.text()).root);
        for entry in root.get("packages").and_then(|list| list.as_array()).into_iter().flatten() {
            let local = entry.get("local").and_then(data::scalar).map(|folder| normalise(&folder));
            let Some(folder) = local.filter(|folder| !folder.is_empty()).filter(is_package) else { continue };
            if names.insert(name_of(&folder)) {
                folders.push(folder);
            }
        }
    }
    folders
}

fn new_file(db: &Database, file: Found) -> SourceFile {
    SourceFile::builder(file.path, file.package_path, file.root, file.kind, file.content)
        .durability(Durability::HIGH)
        .new(db)
}

fn new_package(db: &Database, folder: &str, project_file: Found, files: Vec<Found>) -> Package {
    let project_file = new_file(db, project_file);
    let files: Vec<SourceFile> = files.into_iter().map(|file| new_file(db, file)).collect();
    let directories = files
        .chunks(FILES_A_DIRECTORY)
        .map(|chunk| Directory::builder(chunk.to_vec()).durability(Durability::HIGH).new(db))
        .collect();
    Package::builder(folder.into(), project_file, directories).durability(Durability::HIGH).new(db)
}

fn new_builtins(db: &Database) -> Package {
    let file = |path: &str, kind: FileKind, text: &str| Found {
        path: path.into(),
        package_path: path.into(),
        root: "".into(),
        kind,
        content: Content::Text(text.into()),
    };
    let macros = file("dbt.sql", FileKind::Macro, include_str!("../project/builtins/dbt.sql"));
    new_package(db, "dbt", file("dbt/dbt_project.yml", FileKind::ProjectFile, "name: dbt"), vec![macros])
}
