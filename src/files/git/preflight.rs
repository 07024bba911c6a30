//! Looks at a git directory before it is read: its files are ordinary ones and none is larger than it can be of
//! itself. Whoever wrote the repository may have put pipes or devices there, which would never end.

use super::NoRevision;
use crate::open::{Links, ordinary, read_bytes};
use crate::{MAX_BYTES, absolute};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files and folders of a git directory that are looked at.
const MAX_ENTRIES: usize = 2_000_000;
/// How deep its folders are: names of branches have slashes.
const MAX_DEPTH: usize = 40;
/// Git directories that lead to one another.
const MAX_LINKED: usize = 16;
/// References in one file.
const MAX_REFERENCES: u64 = 256 * 1024 * 1024;
/// What no reader of commits looks into.
const NOT_READ: [&str; 5] = ["hooks", "lfs", "annex", "modules", "rr-cache"];

/// Refuses a repository whose `.git` cannot be read without harm. `within` is where all of it must lie, but for what a
/// work tree shares with the repository that knows of it.
pub(super) fn check(root: &Path, within: Option<&Path>) -> Result<(), NoRevision> {
    let git = directory(&root.join(".git"))?;
    let is_within = |path: &Path| within.is_none_or(|within| absolute(path).starts_with(within));
    let is_linked = !is_within(&git) && is_work_tree(&git, root);
    let common = stated(&git.join("commondir")).map(|path| git.join(path));
    for path in [Some(&git), common.as_ref()].into_iter().flatten() {
        if !is_linked && !is_within(path) {
            return Err(outside(path));
        }
    }
    let within = within.filter(|_| !is_linked);
    let mut wanted = vec![git];
    let mut seen = BTreeSet::new();
    let mut left = MAX_ENTRIES;
    while let Some(folder) = wanted.pop() {
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        if !seen.insert(folder.clone()) {
            continue;
        }
        if seen.len() > MAX_LINKED {
            return Err(refused(&folder, "leads to too many other git directories"));
        }
        walk(&folder, &folder, 0, &mut left, within)?;
        // What a work tree shares with others, and objects that are borrowed.
        wanted.extend(stated(&folder.join("commondir")).map(|path| folder.join(path)));
        let objects = folder.join("objects");
        let borrowed = text(&objects.join("info").join("alternates"));
        wanted.extend(borrowed.lines().filter(|line| !line.is_empty()).map(|line| objects.join(line)));
    }
    Ok(())
}

/// The git directory that `.git` is or names.
fn directory(path: &Path) -> Result<PathBuf, NoRevision> {
    let about = fs::metadata(path).map_err(|_| refused(path, "cannot be read"))?;
    if about.is_dir() {
        return Ok(path.to_owned());
    }
    ordinary(&about).map_err(|_| special(path))?;
    let named = text(path);
    let named = named.trim_end().strip_prefix("gitdir: ").ok_or_else(|| refused(path, "names no git directory"))?;
    Ok(path.parent().unwrap_or(Path::new("/")).join(named))
}

/// Whether a git directory knows a folder as a work tree or a submodule of its own.
fn is_work_tree(git: &Path, root: &Path) -> bool {
    let leads_to = |stated: &str, place: &Path| absolute(&git.join(stated)) == absolute(place);
    let settings = text(&git.join("config"));
    let mut trees =
        settings.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| key.trim() == "worktree");
    stated(&git.join("gitdir")).is_some_and(|path| leads_to(&path, &root.join(".git")))
        || trees.any(|(_, path)| leads_to(path.trim(), root))
}

fn walk(top: &Path, folder: &Path, depth: usize, left: &mut usize, within: Option<&Path>) -> Result<(), NoRevision> {
    if depth > MAX_DEPTH {
        return Err(refused(folder, "has too many folders within folders"));
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        *left = left.checked_sub(1).ok_or_else(|| refused(top, "holds too many files"))?;
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            let is_read = depth > 0 || NOT_READ.iter().all(|name| entry.file_name() != *name);
            if is_read {
                walk(top, &path, depth + 1, left, within)?;
            }
        } else if kind.is_symlink() {
            // One that leads nowhere is not there; a folder is one of git's own, shared by work trees.
            match fs::metadata(&path) {
                Ok(about) if !about.is_file() && !about.is_dir() => return Err(special(&path)),
                Ok(_) if within.is_some_and(|within| !absolute(&path).starts_with(within)) => {
                    return Err(outside(&path));
                }
                _ => {}
            }
        } else if !kind.is_file() {
            return Err(special(&path));
        } else if depth == 0 && entry.metadata().is_ok_and(|about| about.len() > limit(&path)) {
            return Err(refused(&path, "is larger than it can be"));
        }
    }
    Ok(())
}

fn limit(path: &Path) -> u64 {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("packed-refs") => MAX_REFERENCES,
        // It is not read to find a commit, and mapped, not copied, where it is.
        Some("index") => u64::MAX,
        _ => MAX_BYTES,
    }
}

/// The one path that a small file of git's own states.
fn stated(path: &Path) -> Option<String> {
    Some(text(path).trim_end().to_owned()).filter(|stated| !stated.is_empty())
}

fn text(path: &Path) -> String {
    let bytes = read_bytes(path, MAX_BYTES, Links::Follow).ok().flatten().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn outside(path: &Path) -> NoRevision {
    NoRevision::new(
        format!("the repository cannot be read: {} leads out of it", path.display()),
        "Clone the repository anew, or give --allow-outside where that may be read.",
    )
}

fn special(path: &Path) -> NoRevision {
    refused(path, "is not an ordinary file, but a pipe, a socket or a device")
}

fn refused(path: &Path, why: &str) -> NoRevision {
    NoRevision::new(
        format!("the repository cannot be read: {} {why}", path.display()),
        "Clone the repository anew, or leave out --since.",
    )
}
