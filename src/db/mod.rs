//! The salsa database: its inputs, and the counters that tell which queries ran.
//!
//! Everything the tool knows enters here; a query reads inputs and other queries and nothing else,
//! never the disk, the clock or the environment.

mod before;
pub mod cache;
mod counts;
pub mod settings;

pub use before::{Before, Rows};
pub use counts::{Count, Counts, Executed, Phase};

use self::counts::Log;

use crate::files::{Content, Unreadable};
use salsa::plumbing::{AsId, FromId};
use salsa::{Durability, Setter};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What dbt reads a file as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    ProjectFile,
    PackagesFile,
    /// package-lock.yml.
    Lock,
    /// dbt_loom.config.yml.
    Loom,
    /// The manifest of another project.
    Manifest,
    Selectors,
    Vars,
    HouseRules,
    Model,
    PythonModel,
    Snapshot,
    Seed,
    Analysis,
    Macro,
    Test,
    Function,
    Properties,
    Docs,
}

impl FileKind {
    /// Its name in the relation `file`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProjectFile => "project",
            Self::PackagesFile => "packages",
            Self::Lock => "package_lock",
            Self::Loom => "dbt_loom",
            Self::Manifest => "manifest",
            Self::Selectors => "selectors",
            Self::Vars => "vars",
            Self::HouseRules => "house_rules",
            Self::Model => "model",
            Self::PythonModel => "python_model",
            Self::Snapshot => "snapshot",
            Self::Seed => "seed",
            Self::Analysis => "analysis",
            Self::Macro => "macro",
            Self::Test => "test",
            Self::Function => "function",
            Self::Properties => "properties",
            Self::Docs => "docs",
        }
    }

    /// How stable the text of a file is that was found at the start: those that people edit all day are less so.
    pub fn durability_at_first(self) -> Durability {
        match self {
            Self::Model | Self::PythonModel | Self::Analysis => Durability::MEDIUM,
            _ => Durability::HIGH,
        }
    }

    /// How stable the text of a file is that was edited or made while the program ran: low where no other
    /// file's meaning depends on it. Of YAML that is so where a session follows its project.
    pub fn durability_once_edited(self, is_followed: bool) -> Durability {
        match self {
            Self::Model | Self::PythonModel | Self::Analysis => Durability::LOW,
            Self::Properties if is_followed => Durability::LOW,
            other => other.durability_at_first(),
        }
    }
}

#[salsa::input(debug)]
pub struct SourceFile {
    /// Relative to the root project's folder, with `/`.
    #[returns(ref)]
    pub path: Arc<str>,
    /// Relative to the package's folder, with `/`.
    #[returns(ref)]
    pub package_path: Arc<str>,
    /// The resource path (`models`) the file was found under, relative to the package's folder.
    #[returns(ref)]
    pub root: Arc<str>,
    #[returns(copy)]
    pub kind: FileKind,
    #[returns(ref)]
    pub content: Content,
}

/// Some tens of files. Relations are collected per directory first, so that one edited file makes
/// one directory's rows anew.
#[salsa::input(debug)]
pub struct Directory {
    #[returns(deref)]
    pub files: Vec<SourceFile>,
}

/// The root project or an installed package.
#[salsa::input(debug)]
pub struct Package {
    /// Relative to the root project's folder; empty for the root project itself.
    #[returns(ref)]
    pub folder: Arc<str>,
    #[returns(copy)]
    pub project_file: SourceFile,
    #[returns(deref)]
    pub directories: Vec<Directory>,
}

/// A directory as a key: of which package it is decides what its files mean.
#[salsa::interned(revisions = usize::MAX)]
pub struct DirectoryOf<'db> {
    #[returns(copy)]
    pub package: Package,
    #[returns(copy)]
    pub directory: Directory,
}

impl DirectoryOf<'_> {
    /// Its number as a part of relations.
    pub fn key(self) -> u64 {
        self.as_id().as_bits()
    }

    /// The one whose number it is.
    pub fn of_key(key: u64) -> Self {
        Self::from_id(salsa::Id::from_bits(key))
    }
}

/// Some directories of a package, in their order. What is summed up over all of them is summed up section by
/// section first, so that whoever asks whether the sum still holds need not ask each directory.
#[salsa::interned(revisions = usize::MAX)]
pub struct Section<'db> {
    #[returns(copy)]
    package: Package,
    #[returns(copy)]
    number: usize,
}

/// A look after an edit asks every section, and each directory of those where files were edited: this many is right where some are.
const SECTION: usize = 12;

impl Package {
    pub fn sections(self, db: &dyn salsa::Database) -> impl Iterator<Item = Section<'_>> {
        let count = self.directories(db).len().div_ceil(SECTION);
        (0..count).map(move |number| Section::new(db, self, number))
    }
}

/// Which files of a package are of a kind, in their order. Depends on no text.
#[salsa::tracked(returns(deref))]
pub fn files_of(db: &dyn salsa::Database, package: Package, kind: FileKind) -> Vec<SourceFile> {
    let files = package.directories(db).iter().flat_map(|directory| directory.files(db));
    files.filter(|file| file.kind(db) == kind).copied().collect()
}

impl<'db> Section<'db> {
    pub fn directories(self, db: &'db dyn salsa::Database) -> impl Iterator<Item = DirectoryOf<'db>> {
        let package = self.package(db);
        let all = package.directories(db).chunks(SECTION).nth(self.number(db)).unwrap_or_default();
        all.iter().map(move |directory| DirectoryOf::new(db, package, *directory))
    }
}

/// A query that sums up, for a section, what another gives for a directory.
macro_rules! of_section {
    ($(#[$doc:meta])* $name:ident: $each:path => $item:ty) => {
        $(#[$doc])*
        #[salsa::tracked(returns(deref))]
        fn $name<'db>(db: &'db dyn salsa::Database, section: $crate::db::Section<'db>) -> Vec<$item> {
            section.directories(db).flat_map(|key| $each(db, key)).cloned().collect()
        }
    };
}
pub(crate) use of_section;

/// A file as a key, likewise.
#[salsa::interned(revisions = usize::MAX)]
pub struct FileOf<'db> {
    #[returns(copy)]
    pub package: Package,
    #[returns(copy)]
    pub file: SourceFile,
}

/// What one invocation says beside the files: dbt's command line, profile and environment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Invocation {
    /// `--vars`, as JSON values.
    pub vars: BTreeMap<String, serde_json::Value>,
    pub env: BTreeMap<String, String>,
    /// What Jinja's `target` holds.
    pub target: BTreeMap<String, serde_json::Value>,
    /// Whether messages may show values of the environment and of the profile's connection.
    pub shows_environment: bool,
}

#[salsa::input(singleton, debug)]
pub struct Project {
    #[returns(copy)]
    pub root: Package,
    /// Installed packages, by folder.
    #[returns(deref)]
    pub packages: Vec<Package>,
    /// dbt's own macros, which come with this tool.
    #[returns(copy)]
    pub builtins: Package,
    /// packages.yml and dependencies.yml, package-lock.yml, dbt_loom.config.yml and the manifests it names, where
    /// they exist.
    #[returns(deref)]
    pub package_files: Vec<SourceFile>,
    /// The same files of the installed packages.
    #[returns(deref)]
    pub inherited_package_files: Vec<SourceFile>,
    /// selectors.yml, where it exists.
    #[returns(copy)]
    pub selectors_file: Option<SourceFile>,
    /// vars.yml, where it exists.
    #[returns(copy)]
    pub vars_file: Option<SourceFile>,
    /// Folders and links that could not be read.
    #[returns(deref)]
    pub problems: Vec<(Arc<str>, Unreadable)>,
    #[returns(ref)]
    pub house_rules: settings::HouseRules,
    #[returns(ref)]
    pub invocation: Invocation,
    /// What the files are compared with, where they are.
    #[returns(ref)]
    pub before: Option<Arc<Before>>,
}

/// A name in the database: cheap to copy, compare and hash.
#[salsa::interned(debug, revisions = usize::MAX)]
pub struct Sym<'db> {
    #[returns(ref)]
    pub text: Arc<str>,
}

pub fn sym<'db>(db: &'db dyn salsa::Database, text: &str) -> Sym<'db> {
    Sym::new(db, text)
}

/// A value with a number that no other value has had: whoever knows the number knows the value. Equal
/// values are equal whatever their numbers.
#[derive(Debug, Clone, salsa::SalsaValue)]
pub struct Stamped<T> {
    pub stamp: u64,
    pub value: T,
}

/// A number that nothing was stamped with yet.
pub fn fresh_stamp() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl<T> Stamped<T> {
    /// To be called by queries, with their results.
    pub fn new(value: T) -> Self {
        let stamp = fresh_stamp();
        counts::note_stamp(stamp);
        Self { stamp, value }
    }
}

impl<T: PartialEq> PartialEq for Stamped<T> {
    fn eq(&self, other: &Self) -> bool {
        let is_equal = self.value == other.value;
        if is_equal {
            counts::note_equal(self.stamp.max(other.stamp));
        }
        is_equal
    }
}

#[salsa::db]
#[derive(Clone)]
pub struct Database {
    storage: salsa::Storage<Self>,
    log: Option<Arc<Log>>,
    /// Indexes over YAML files are settled after each change.
    is_followed: bool,
}

#[salsa::db]
impl salsa::Database for Database {}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { storage: salsa::Storage::new(None), log: None, is_followed: false }
    }
}

impl Database {
    /// A database that counts what its queries do.
    pub fn counting() -> Self {
        let log: Arc<Log> = Arc::default();
        let noted = log.clone();
        let note = move |event: salsa::Event| noted.note_event(&event);
        Self { storage: salsa::Storage::new(Some(Box::new(note))), log: Some(log), is_followed: false }
    }

    /// An empty database that counts where this one does.
    pub fn another(&self) -> Self {
        if self.is_counting() { Self::counting() } else { Self::default() }
    }

    /// Takes a file for one that will be edited, before anything was asked.
    pub fn expect_edits(&mut self, file: SourceFile) {
        let durability = file.kind(self).durability_once_edited(self.is_followed);
        let content = file.content(self).clone();
        file.set_content(self).with_durability(durability).to(content);
    }

    /// That indexes over YAML files are settled after each change.
    pub fn follow(&mut self) {
        self.is_followed = true;
    }

    pub fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// What was executed since the last call; empty for a database that does not count.
    pub fn take_executed(&self) -> Executed {
        self.take_counts().executed()
    }

    /// What was done since the last call; nothing for a database that does not count.
    pub fn take_counts(&self) -> Counts {
        self.log.as_ref().map(|log| log.take(self)).unwrap_or_default()
    }

    pub fn is_counting(&self) -> bool {
        self.log.is_some()
    }

    /// Gives a file new text. Says whether anything changed: an equal text starts no revision.
    ///
    /// A model that is edited will be edited again, so it leaves the files that are taken for
    /// stable, and so does YAML where a session follows: from then on a look at everything after
    /// its next edit passes over all others. That first time salsa doubts all that is as stable,
    /// which whoever follows asks only where the edit reaches further. Macros and project files
    /// reach everything, so they stay among the stable ones: each edit of them walks over all
    /// there is, and runs again only what really changed.
    pub fn set_content(&mut self, file: SourceFile, content: Content) -> bool {
        if *file.content(self) == content {
            return false;
        }
        let durability = file.kind(self).durability_once_edited(self.is_followed);
        file.set_content(self).with_durability(durability).to(content);
        true
    }
}
