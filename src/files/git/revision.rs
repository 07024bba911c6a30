//! From what a person calls a commit to the commit.

use super::tree::Commit;
use super::{open, preflight};
use crate::{Disk, absolute, repository_around};
use gix::bstr::ByteSlice;
use gix::{ObjectId, Repository};
use std::path::Path;

/// What asks for the commit where two histories part.
const SINCE_PARTING: &str = "...";
/// Names of branches and tags that a mistyped one is compared with.
const MOST_NAMES: usize = 20_000;

/// Why there is no such commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRevision {
    /// What is wrong, as a clause.
    pub what: String,
    /// What to do about it, as a sentence.
    pub fix: String,
}

impl NoRevision {
    pub(super) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

/// A commit that was asked for, and its files.
#[derive(Debug)]
pub struct Revision {
    /// All digits of the commit.
    pub commit: String,
    pub tree: Commit,
}

/// The commit that `name` means in the repository around a folder. `main...` means the commit where the
/// history of HEAD has left that of main. `may_leave` is whether files outside of the repository may be read.
pub fn at(folder: &Path, name: &str, may_leave: bool) -> Result<Revision, NoRevision> {
    let folder = absolute(folder);
    let none = || {
        NoRevision::new(
            "this project lies in no git repository that can be read",
            "Leave out --since, or check where the repository's history is there.",
        )
    };
    let around = repository_around(&folder).ok_or_else(none)?;
    preflight::check(&around, (!may_leave).then_some(around.as_path()))?;
    let shared = open(&around).ok_or_else(none)?;
    let repo = shared.to_thread_local();
    // Its settings may name another one.
    if repo.workdir().map(absolute).as_ref() != Some(&around) {
        return Err(NoRevision::new("the repository has no work tree here", "Check in a clone that is not bare."));
    }
    let root = around;
    let commit = commit(&repo, name)?;
    let tree_of = |id: ObjectId| repo.find_commit(id).ok().and_then(|commit| Some(commit.tree_id().ok()?.detach()));
    let Some(tree) = tree_of(commit) else { return Err(absent(&repo, name)) };
    let head = repo.head_id().ok().and_then(|id| tree_of(id.detach()));
    let below = folder.strip_prefix(&root).unwrap_or(Path::new(""));
    let below = below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    drop(repo);
    let disk = if may_leave { Disk::new(&folder) } else { Disk::within(&folder) };
    Ok(Revision { commit: commit.to_string(), tree: Commit::new(shared, root, below, disk, tree, head) })
}

fn commit(repo: &Repository, name: &str) -> Result<ObjectId, NoRevision> {
    if name.is_empty() || name.starts_with('-') {
        return Err(NoRevision::new(
            format!("'{name}' names no commit"),
            "Name a branch, a tag or a commit, as --since main or --since HEAD~1.",
        ));
    }
    let Some((with, own)) = name.split_once(SINCE_PARTING) else {
        if name.contains("..") {
            return Err(NoRevision::new(
                format!("'{name}' names a range"),
                "Name one commit: it is compared with the files as they are now. `main...` names the one where this \
                 history left that of main.",
            ));
        }
        return single(repo, name);
    };
    let (with, own) = (if with.is_empty() { "HEAD" } else { with }, if own.is_empty() { "HEAD" } else { own });
    let (with, own) = (single(repo, with)?, single(repo, own)?);
    match repo.merge_base(with, own) {
        Ok(Some(base)) => Ok(base.detach()),
        _ if is_shallow(repo) => Err(shallow(format!("the commit that '{name}' means is not in this clone"))),
        Ok(None) => Err(NoRevision::new(
            format!("the two histories of '{name}' have no commit in common"),
            "Name a commit of this history.",
        )),
        Err(_) => Err(absent(repo, name)),
    }
}

fn single(repo: &Repository, name: &str) -> Result<ObjectId, NoRevision> {
    let found = repo.rev_parse_single(name.as_bytes().as_bstr()).ok();
    let object = found.and_then(|id| id.object().ok()).and_then(|object| object.peel_to_commit().ok());
    object.map(|commit| commit.id).ok_or_else(|| absent(repo, name))
}

fn is_shallow(repo: &Repository) -> bool {
    repo.is_shallow().unwrap_or(false)
}

fn shallow(what: String) -> NoRevision {
    NoRevision::new(
        format!("{what}, which is shallow: its history is cut off"),
        "Fetch the rest with `git fetch --unshallow`; on GitHub, give actions/checkout `fetch-depth: 0`.",
    )
}

/// What is said of a commit that is not there.
fn absent(repo: &Repository, name: &str) -> NoRevision {
    let what = format!("no commit is called '{name}' here");
    let names = names(repo);
    let remote = names.iter().find(|other| other.split_once('/').is_some_and(|(_, rest)| rest == name));
    let near = harness_similar::nearest(name, &names);
    if let Some(other) = remote.or(near) {
        return NoRevision::new(
            what,
            format!("Did you mean {other}? `git branch --all` lists branches, `git tag` tags."),
        );
    }
    if is_shallow(repo) {
        return shallow(format!("no commit is called '{name}' in this clone"));
    }
    NoRevision::new(what, "Fetch it with `git fetch`, or name a branch, a tag or a commit that is here.")
}

/// Branches and tags, sorted.
fn names(repo: &Repository) -> Vec<String> {
    let Ok(platform) = repo.references() else { return Vec::new() };
    let Ok(all) = platform.all() else { return Vec::new() };
    let mut names: Vec<String> =
        all.take(MOST_NAMES).flatten().map(|reference| reference.name().shorten().to_string()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
