//! From what a tree holds to the database's inputs.

use super::directories::lengths;
use super::load::{Asked, Found, FoundPackage, FoundProject};
use crate::db::{Database, Directory, FileKind, Package, SourceFile};
use crate::files::{Content, Unreadable};
use rustc_hash::{FxHashMap, FxHashSet};
use salsa::{Durability, Setter};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A file of a package, which is told by its folder; one path may be read as two kinds.
type Key = (Arc<str>, Arc<str>, Arc<str>, FileKind);

/// The inputs there are. Those of files and packages that are gone are kept for when they come back: salsa
/// frees none.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// How much has been edited.
    pub wear: usize,
    /// Files that have had another text.
    pub edited: FxHashSet<SourceFile>,
    files: FxHashMap<Key, SourceFile>,
    packages: FxHashMap<Arc<str>, Package>,
    spare: Vec<Directory>,
    /// The files that are there, by their paths.
    pub living: BTreeMap<Arc<str>, Vec<SourceFile>>,
    pub asked: Asked,
}

/// What a project consists of.
#[derive(Debug)]
pub(super) struct Parts {
    pub root: Package,
    pub packages: Vec<Package>,
    pub package_files: Vec<SourceFile>,
    pub inherited: Vec<SourceFile>,
    pub selectors: Option<SourceFile>,
    pub vars: Option<SourceFile>,
    pub problems: Vec<(Arc<str>, Unreadable)>,
    /// How many files there are.
    pub files: usize,
    pub looked_for: Vec<(String, bool)>,
}

/// The paths of files that are not what they were.
pub(super) type Changed = BTreeSet<Arc<str>>;

impl Inputs {
    /// Whether a file is there, so that its text is known.
    pub(super) fn is_known(&self, folder: &str, file: &Found) -> bool {
        let own = self.files.get(&(folder.into(), Arc::clone(&file.root), Arc::clone(&file.path), file.kind));
        own.zip(self.living.get(&file.path)).is_some_and(|(own, living)| living.contains(own))
    }

    /// Makes inputs of what was found, or sets those that are there where they differ.
    pub(super) fn set(&mut self, db: &mut Database, found: FoundProject, changed: &mut Changed) -> Parts {
        let mut living: BTreeMap<Arc<str>, Vec<SourceFile>> = BTreeMap::new();
        let root = self.package(db, found.root, &mut living, changed);
        let mut packages = Vec::with_capacity(found.packages.len());
        for package in found.packages {
            packages.push(self.package(db, package, &mut living, changed));
        }
        let mut single = |inputs: &mut Self, db: &mut Database, file: Found| {
            let folder = file.path.strip_suffix(&*file.package_path).unwrap_or_default().trim_end_matches('/').into();
            inputs.file(db, &folder, file, &mut living, changed)
        };
        let package_files: Vec<SourceFile> =
            found.package_files.into_iter().map(|file| single(self, db, file)).collect();
        let inherited = found.inherited.into_iter().map(|file| single(self, db, file)).collect();
        let selectors = found.selectors.map(|file| single(self, db, file));
        let vars = found.vars.map(|file| single(self, db, file));
        let of_packages = packages.iter().map(|package| 1 + files_of(db, *package));
        let beside = package_files.len() + selectors.iter().len() + vars.iter().len();
        let files = 1 + files_of(db, root) + of_packages.sum::<usize>() + beside;
        let gone = self.living.keys().filter(|path| !living.contains_key(*path));
        changed.extend(gone.cloned());
        changed.extend(living.keys().filter(|path| !self.living.contains_key(*path)).cloned());
        self.living = living;
        self.asked = found.asked;
        Parts {
            root,
            packages,
            package_files,
            inherited,
            selectors,
            vars,
            problems: found.problems,
            files,
            looked_for: found.looked_for,
        }
    }

    fn package(
        &mut self,
        db: &mut Database,
        found: FoundPackage,
        living: &mut BTreeMap<Arc<str>, Vec<SourceFile>>,
        changed: &mut Changed,
    ) -> Package {
        let folder = found.folder;
        let project_file = self.file(db, &folder, found.project_file, living, changed);
        let files: Vec<SourceFile> =
            found.files.into_iter().map(|file| self.file(db, &folder, file, living, changed)).collect();
        let package = self.packages.get(&folder).copied();
        let before = package.map(|package| package.directories(db).to_vec()).unwrap_or_default();
        let directories = self.directories(db, files, before);
        match package {
            Some(package) => {
                if package.directories(db) != directories {
                    package.set_directories(db).to(directories);
                }
                package
            }
            None => {
                let package = Package::builder(Arc::clone(&folder), project_file, directories)
                    .durability(Durability::HIGH)
                    .folder_durability(Durability::NEVER_CHANGE)
                    .project_file_durability(Durability::NEVER_CHANGE)
                    .new(db);
                self.packages.insert(folder, package);
                package
            }
        }
    }

    /// The directories of some files. One keeps its input as long as it keeps its first file.
    fn directories(&mut self, db: &mut Database, files: Vec<SourceFile>, before: Vec<Directory>) -> Vec<Directory> {
        let mut by_first: FxHashMap<Option<SourceFile>, Directory> = FxHashMap::default();
        for directory in before {
            let first = directory.files(db).first().copied();
            self.spare.extend(by_first.insert(first, directory));
        }
        let mut rest = files.as_slice();
        let mut chunks: Vec<(&[SourceFile], Option<Directory>)> = Vec::new();
        for length in lengths(files.iter().map(|file| &**file.path(db))) {
            let (chunk, others) = rest.split_at(length);
            rest = others;
            chunks.push((chunk, by_first.remove(&chunk.first().copied())));
        }
        // By their number: an order of hashes would not be the same in every run.
        let mut spare: Vec<Directory> = by_first.into_values().collect();
        spare.sort_unstable_by_key(salsa::plumbing::AsId::as_id);
        self.spare.extend(spare);
        let mut directories = Vec::with_capacity(chunks.len());
        for (chunk, directory) in chunks {
            directories.push(match directory.or_else(|| self.spare.pop()) {
                Some(directory) => {
                    if directory.files(db) != chunk {
                        directory.set_files(db).to(chunk.to_vec());
                    }
                    directory
                }
                None => Directory::builder(chunk.to_vec()).durability(Durability::HIGH).new(db),
            });
        }
        directories
    }

    fn file(
        &mut self,
        db: &mut Database,
        folder: &Arc<str>,
        found: Found,
        living: &mut BTreeMap<Arc<str>, Vec<SourceFile>>,
        changed: &mut Changed,
    ) -> SourceFile {
        let path = Arc::clone(&found.path);
        let key = (Arc::clone(folder), Arc::clone(&found.root), Arc::clone(&path), found.kind);
        let file = match self.files.get(&key).copied() {
            Some(file) => {
                if found.content.is_some_and(|content| db.set_content(file, content)) {
                    changed.insert(Arc::clone(&path));
                }
                file
            }
            None => {
                let content = found.content.unwrap_or(Content::NameOnly);
                // A file that comes while others are there is being worked on.
                let is_first_look = self.living.is_empty();
                let durability = match is_first_look {
                    true => found.kind.durability_at_first(),
                    false => found.kind.durability_once_edited(db.is_followed()),
                };
                let file = SourceFile::builder(found.path, found.package_path, found.root, found.kind, content)
                    .durability(Durability::NEVER_CHANGE)
                    .content_durability(durability)
                    .new(db);
                self.files.insert(key, file);
                changed.insert(Arc::clone(&path));
                file
            }
        };
        living.entry(path).or_default().push(file);
        file
    }
}

fn files_of(db: &Database, package: Package) -> usize {
    package.directories(db).iter().map(|directory| directory.files(db).len()).sum()
}

/// dbt's own macros, which come with this tool.
pub(super) fn builtins(db: &Database) -> Package {
    let file = |path: &str, kind: FileKind, text: &str| {
        SourceFile::builder(path.into(), path.into(), "".into(), kind, Content::Text(text.into()))
            .durability(Durability::NEVER_CHANGE)
            .new(db)
    };
    let macros = file("dbt.sql", FileKind::Macro, include_str!("../project/builtins/dbt.sql"));
    let directory = Directory::builder(vec![macros]).durability(Durability::NEVER_CHANGE).new(db);
    let project_file = file("dbt/dbt_project.yml", FileKind::ProjectFile, "name: dbt");
    Package::builder("dbt".into(), project_file, vec![directory]).durability(Durability::NEVER_CHANGE).new(db)
}
