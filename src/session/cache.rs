//! Where the cache of a project lies, and when it is read and written. Whatever is wrong with it, the run
//! goes on as if there were none.

use crate::db::Database;
use crate::db::cache::{BUILD, Cache, Count, Key, MAGIC, Remembered};
use crate::files::{HASH, Mark, Tree, read_stored, reason, store_folder, write_stored};
use crate::session::PROJECT_FILE;
use crate::syntax::yaml::{Node, parse};
use salsa::Durability;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The end of the names of cache files.
const ENDING: &str = ".facts";
/// Characters of a project's name that its files carry.
const NAME: usize = 40;
/// What tells these files from all others.
const MARK: Mark = Mark { ending: ENDING, head: &MAGIC };
/// The folder below one that holds other things.
const BELOW: &str = "harness";

/// The place of one project's cache.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    name: String,
    cache: Arc<Cache>,
    /// Why what is there could not be read.
    pub problem: Option<String>,
}

impl Store {
    /// Reads what is kept for the project in that folder. A worktree that is new starts with what another
    /// one of the same project keeps: whatever is found there is taken only where it is true here.
    pub fn open(folder: &Path, project: &Path, tree: &dyn Tree) -> Self {
        let folder = &store_folder(folder, MARK, BELOW);
        let root = parse(tree.read(PROJECT_FILE).text()).root;
        let named = root.get("name").and_then(Node::as_str).unwrap_or_default();
        let plain = named.chars().filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
        let start = format!("{}.", plain.take(NAME).collect::<String>());
        let end = format!(".{}{ENDING}", short(BUILD.as_bytes()));
        let name = format!("{start}{}{end}", short(project.as_os_str().as_encoded_bytes()));
        let (cache, problem) = match read_stored(folder, &name, (&start, &end)) {
            Ok(bytes) => match Cache::read(bytes) {
                Some(cache) => (cache, None),
                None => (Cache::default(), Some("it is damaged".to_owned())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Cache::default(), None),
            Err(error) => (Cache::default(), Some(reason(&error))),
        };
        Self { folder: folder.to_owned(), name, cache: Arc::new(cache), problem }
    }

    /// Makes a database that is still empty look into the cache.
    pub fn serve(&self, db: &Database) {
        let _ = Remembered::builder(self.cache.clone()).durability(Durability::HIGH).new(db);
    }

    /// Writes what has come, if anything has. Afterwards nothing more is taken: a session that lives on must
    /// not grow.
    pub fn save(&self) -> Result<(), String> {
        let Some(bytes) = self.cache.close() else { return Ok(()) };
        write_stored(&self.folder, &self.name, &bytes, MARK).map_err(|error| reason(&error))
    }

    /// How much was done and how much was found.
    pub fn counts(&self) -> Vec<Count> {
        self.cache.counts()
    }
}

fn short(bytes: &[u8]) -> String {
    Key::of(bytes).to_string()[..HASH].to_owned()
}
