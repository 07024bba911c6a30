//! The operating system's files, and the only place that touches them. Knows nothing of dbt.

mod bounds;
mod disk;
pub mod git;
mod memory;
mod open;
mod store;
pub mod watch;

pub use disk::{
    Disk, absolute, destination, exists, find_above, find_below, leads_nowhere, outside, own_place, reason,
    repository_around, write_new, write_whole,
};
pub use memory::Memory;
pub use store::{HASH, MAX_FOLDER_BYTES, Mark, read_stored, store_folder, write_stored};

use std::sync::Arc;

/// Files above this size are not read: no template or YAML file of a person is that large, and one
/// generated file must not cost the whole run its memory.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Folders that no walk goes into: what git and Python keep beside a project. dbt reads other folders with a dot.
pub fn is_passed_over(name: &str) -> bool {
    matches!(
        name,
        ".git" | ".hg" | ".svn" | ".venv" | ".tox" | ".nox" | ".mypy_cache" | ".pytest_cache" | ".ruff_cache"
    )
}

/// Why a file or folder could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unreadable {
    /// What is wrong, as a clause.
    pub what: String,
    /// What to do about it, as a sentence.
    pub fix: String,
    /// Where the text stops being UTF-8, in bytes; 0 where the file could not be read at all.
    pub at: usize,
    /// What leads out of the repository; `None` for all other reasons.
    pub outside: Option<Outside>,
}

/// A path that leads out of the repository, as it is written, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outside {
    pub stated: String,
    pub line: u32,
    pub column: u32,
}

/// A file's text, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    Text(Arc<str>),
    Unreadable(Unreadable),
    /// Only the file's name counts (a seed's rows).
    NameOnly,
}

impl Content {
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Unreadable(_) | Self::NameOnly => "",
        }
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Self::Unreadable(Unreadable {
                    what: format!("the file is not UTF-8: byte {at} starts no character"),
                    fix: "Save the file as UTF-8, or move it out of the project's paths if it is no text.".to_owned(),
                    at,
                    outside: None,
                })
            }
        }
    }
}

/// What lies below one folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Paths relative to the tree's root, with `/`, sorted.
    pub files: Vec<String>,
    /// Folders and links that could not be followed.
    pub problems: Vec<(String, Unreadable)>,
}

/// A tree of files: the disk, or memory for a rule's test case.
pub trait Tree: Sync {
    /// The path, from the tree's root on, that a file of the project states: relative to `folder` or absolute. An
    /// error where what lies there may not be read. `is_named` is whether a file of dbt states it.
    fn locate(&self, folder: &str, stated: &str, is_named: bool) -> Result<String, String>;

    /// All files below `folder`, which may start with `../`. Folders whose names start with a dot
    /// are left out, and so is what `ignored` says of a path.
    fn list(&self, folder: &str, ignored: &dyn Fn(&str, bool) -> bool) -> Listing;

    /// The folders directly in `folder`, by name.
    fn folders(&self, folder: &str) -> Vec<String>;

    fn is_file(&self, path: &str) -> bool;

    fn read(&self, path: &str) -> Content;
}

/// `a/./b/../c` is `a/c`; leading `..` stay, and so does the `/` of an absolute path.
pub fn normalise(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let plain = parts.join("/");
    if is_absolute { format!("/{plain}") } else { plain }
}

/// `folder/path`, where either may be empty; an absolute path stays as it is.
pub fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() || path.starts_with('/') { normalise(path) } else { normalise(&format!("{folder}/{path}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_without_leaving_the_leading_dots() {
        assert_eq!(normalise("./models//a/../b/"), "models/b");
        assert_eq!(normalise("../../sources"), "../../sources");
        assert_eq!(join("dbt_packages/x", "../y"), "dbt_packages/y");
        assert_eq!(join("", "models"), "models");
        assert_eq!((normalise("/a/../../b/"), normalise("/"), normalise("")), ("/b".into(), "/".into(), String::new()));
        assert_eq!(join("dbt_packages/x", "/models"), "/models");
    }
}
