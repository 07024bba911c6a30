//! What of the disk may be read for a project: what lies in its git repository. Without one it is the project's
//! folder, and folders beside it that the project names. A repository that was copied without its `.git` is known by
//! what else lies in its root; of such a one the project may name all there is.

use super::disk::{absolute, destination, exists, repository_around};
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::{PoisonError, RwLock};

#[derive(Debug)]
pub(super) struct Bounds {
    /// The root of the repository, or the project's folder.
    root: PathBuf,
    /// The folders around the project, nearest first, where no repository is.
    around: Vec<PathBuf>,
    /// How many of these lie in what was a repository.
    copied: usize,
    /// Folders beside the project that it names.
    named: RwLock<BTreeSet<PathBuf>>,
    /// Whether a folder, links resolved, lies within.
    folders: RwLock<HashMap<PathBuf, bool>>,
}

impl Bounds {
    /// The bounds of a project whose folder is given by its real path.
    pub(super) fn of(project: &Path) -> Self {
        let (root, around) = match repository_around(project) {
            Some(root) => (root, Vec::new()),
            None => {
                let around = project.ancestors().skip(1).filter(|above| above.parent().is_some());
                (project.to_owned(), around.take(LEVELS).map(Path::to_owned).collect())
            }
        };
        let copied = around.iter().rposition(|above| is_copied_root(above)).map_or(0, |last| last + 1);
        Self { root, around, copied, named: RwLock::default(), folders: RwLock::default() }
    }

    /// Whether a real path lies within.
    pub(super) fn permit(&self, real: &Path) -> bool {
        let is_named = || {
            let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
            named.iter().any(|folder| real.starts_with(folder))
        };
        real.starts_with(&self.root) || is_named()
    }

    /// Whether a folder lies within. It is asked of the system once.
    pub(super) fn permit_folder(&self, folder: &Path) -> bool {
        if let Some(known) = self.folders.read().unwrap_or_else(PoisonError::into_inner).get(folder) {
            return *known;
        }
        let is_within = self.permit(&destination(folder));
        self.folders.write().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned(), is_within);
        is_within
    }

    /// Permits what a project names beside its folder, as `../shared/models`: all of `../shared`. Hidden folders
    /// hold what belongs to a person or to another program.
    pub(super) fn name(&self, path: &Path) {
        let Some(level) = self.around.iter().position(|above| path.starts_with(above)) else { return };
        let (is_beside, is_copied) = (level == 0, level < self.copied);
        let above = &self.around[level];
        let below = path.strip_prefix(above).ok().and_then(|below| below.components().next());
        let folder = match below {
            Some(Component::Normal(first)) if !first.to_string_lossy().starts_with('.') => above.join(first),
            None if is_copied => above.clone(),
            _ => return,
        };
        if (is_beside || is_copied) && absolute(&folder) == folder {
            self.named.write().unwrap_or_else(PoisonError::into_inner).insert(folder);
            self.folders.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

/// How far above a project the root of its repository lies at most.
const LEVELS: usize = 6;

/// Whether a folder was the root of a repository: it has what only roots have, and is nobody's home.
fn is_copied_root(folder: &Path) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| exists(&folder.join(name)));
    has(&[".github", ".gitlab-ci.yml", ".gitattributes", ".gitignore"])
        && !has(&[".ssh", ".profile", ".bashrc", ".config"])
}

/// How a path is reached from a folder: with `..` where it lies elsewhere. Both are absolute and plain.
pub(super) fn relative(folder: &Path, path: &Path) -> String {
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), path.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from[common..].iter().map(|_| "..".to_owned());
    let down = to[common..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// The path without `.` and `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}
