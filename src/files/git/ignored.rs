//! What git ignores: files that are never in a commit, as installed packages.

use crate::MAX_BYTES;
use crate::open::{Links, read_bytes};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const FILE: &str = ".gitignore";
/// Patterns of one file.
const MAX_PATTERNS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Ignored {
    root: PathBuf,
    /// What holds where no file of the work tree says otherwise: the repository's own, then the user's.
    others: [Gitignore; 2],
    /// The patterns of a folder, from the root of the work tree on; nothing where it has none.
    folders: Mutex<HashMap<String, Option<Arc<Gitignore>>>>,
}

impl Ignored {
    pub(super) fn new(root: &Path, common: &Path) -> Self {
        let mut own = GitignoreBuilder::new(root);
        // Without the file nothing is excluded.
        let _ = own.add(common.join("info").join("exclude"));
        let own = own.build().unwrap_or_else(|_| Gitignore::empty());
        let (users, _) = Gitignore::global();
        Self { root: root.to_owned(), others: [own, users], folders: Mutex::default() }
    }

    /// The path or the folder above it that is ignored, the topmost of them. Paths begin at the root of the
    /// work tree.
    pub(super) fn topmost<'p>(&self, path: &'p str, is_folder: bool) -> Option<&'p str> {
        let ends = path.match_indices('/').map(|(end, _)| (end, true)).chain([(path.len(), is_folder)]);
        ends.map(|(end, is_folder)| (&path[..end], is_folder))
            .find(|(path, is_folder)| self.is(path, *is_folder))
            .map(|it| it.0)
    }

    /// Whether the patterns ignore a path by its own name: the nearest that speaks of it counts.
    fn is(&self, path: &str, is_folder: bool) -> bool {
        let mut folder = path;
        while !folder.is_empty() {
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            if let Some(patterns) = self.of_folder(folder) {
                let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
                match patterns.matched(below, is_folder) {
                    Match::None => {}
                    other => return other.is_ignore(),
                }
            }
        }
        let said = self.others.iter().map(|patterns| patterns.matched(path, is_folder)).find(|said| !said.is_none());
        said.is_some_and(|said| said.is_ignore())
    }

    fn of_folder(&self, folder: &str) -> Option<Arc<Gitignore>> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let patterns = folders.entry(folder.to_owned()).or_insert_with(|| {
            let path = self.root.join(folder).join(FILE);
            // As git has it, a link does not count.
            let bytes = read_bytes(&path, MAX_BYTES, Links::Refuse).ok()??;
            // Patterns are relative to their folder, which the caller takes off.
            let mut builder = GitignoreBuilder::new("");
            for line in String::from_utf8(bytes).unwrap_or_default().lines().take(MAX_PATTERNS) {
                // A pattern that means nothing ignores nothing.
                let _ = builder.add_line(None, line);
            }
            builder.build().ok().map(Arc::new)
        });
        patterns.clone()
    }
}
