//! The files of a commit as a [`Tree`].

use super::ignored::Ignored;
use super::preflight;
use crate::disk;
use crate::{Content, Disk, Listing, MAX_BYTES, Tree, is_passed_over, join};
use gix::object::tree::EntryKind;
use gix::{ObjectId, Repository, ThreadSafeRepository};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Links followed for one path, as operating systems have it.
const MOST_LINKS: usize = 40;
/// As deep as the disk is walked.
const MAX_DEPTH: usize = 100;
/// Files and folders that one listing of a commit looks at.
const MAX_ENTRIES: usize = 200_000;
/// How the pointers of Git LFS begin.
const LARGE_FILE: &str = "version https://git-lfs.github.com/spec/";

/// The entries of one folder.
type Folder = BTreeMap<String, (EntryKind, ObjectId)>;

/// What a path leads to.
enum Found {
    /// A file of a repository.
    File(usize, ObjectId),
    Folder(Standing),
    /// Out of the repositories: what lies there now is all that is known.
    Beyond,
    Nothing,
}

/// Submodules by path and commit: their repositories and trees.
type Modules = HashMap<(String, ObjectId), Option<(usize, ObjectId)>>;

/// A folder of a commit, links resolved.
#[derive(Clone)]
struct Standing {
    /// From the root of the work tree on.
    path: Vec<String>,
    repository: usize,
    folder: Arc<Folder>,
}

/// A repository: the one around the project, or a submodule.
struct Opened {
    shared: ThreadSafeRepository,
    /// Handles that no thread holds.
    idle: Mutex<Vec<Repository>>,
}

/// The files of a commit, seen from the project's folder. What git ignores is in no commit: as installed
/// packages it is taken from the disk.
pub struct Commit {
    /// The root of the work tree.
    root: PathBuf,
    /// The project's folder, from there.
    below: Vec<String>,
    disk: Disk,
    tree: ObjectId,
    head: Option<ObjectId>,
    ignored: Ignored,
    /// Folders whose files are taken from the disk where the commit has none there.
    installed: Mutex<BTreeSet<String>>,
    repositories: Mutex<Vec<Arc<Opened>>>,
    modules: Mutex<Modules>,
    folders: Mutex<HashMap<(usize, ObjectId), Arc<Folder>>>,
    /// Objects that the commit names and the clone lacks.
    missing: Mutex<BTreeSet<String>>,
    /// Folders hold more than is looked at.
    is_too_large: AtomicBool,
    /// Paths at which the disk was seen to be otherwise.
    otherwise: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commit").field("root", &self.root).field("tree", &self.tree).finish_non_exhaustive()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Commit {
    pub(super) fn new(
        shared: ThreadSafeRepository,
        root: PathBuf,
        below: Vec<String>,
        disk: Disk,
        tree: ObjectId,
        head: Option<ObjectId>,
    ) -> Self {
        let common = shared.to_thread_local().common_dir().to_owned();
        Self {
            ignored: Ignored::new(&root, &common),
            disk,
            installed: Mutex::default(),
            repositories: Mutex::new(vec![Arc::new(Opened { shared, idle: Mutex::default() })]),
            modules: Mutex::default(),
            folders: Mutex::default(),
            missing: Mutex::default(),
            is_too_large: AtomicBool::new(false),
            otherwise: Mutex::default(),
            root,
            below,
            tree,
            head,
        }
    }

    /// A folder of packages that are installed, whether or not git is told to ignore them.
    pub fn is_installed(&self, folder: &str) {
        held(&self.installed).insert(folder.to_owned());
    }

    /// An object that the commit needs and this clone lacks, if there is any.
    pub fn missing(&self) -> Option<String> {
        held(&self.missing).first().cloned()
    }

    /// Whether the commit holds more files than are looked at: its folders may name one another again and again.
    pub fn is_too_large(&self) -> bool {
        self.is_too_large.load(Ordering::Relaxed)
    }

    /// Where the disk is otherwise than what was asked of the commit so far.
    pub fn otherwise(&self) -> BTreeSet<String> {
        held(&self.otherwise).clone()
    }

    fn note(&self, path: &str) {
        held(&self.otherwise).insert(path.to_owned());
    }

    /// The path of a file outside of the project as the commit's tree may have it.
    pub fn within(&self, path: &Path) -> Option<String> {
        let path = crate::absolute(path);
        let below = path.strip_prefix(&self.root).ok()?;
        let up = "../".repeat(self.below.len());
        Some(join("", &format!("{up}{}", below.to_string_lossy())))
    }

    /// Whether the commit itself has a file there, not the disk.
    pub fn has(&self, path: &str) -> bool {
        matches!(self.find(path), Found::File(..))
    }

    /// Whether the disk has other bytes than a file of the commit; false where only one of them has it.
    pub fn differs(&self, path: &str) -> bool {
        let (Found::File(at, id), Some(size)) = (self.find(path), self.disk.size(path)) else { return false };
        let Some(now) = self.disk.bytes(path) else {
            // Too large to be read: a file of the same size is taken for the same.
            let header = self.with_repository(at, |repository| repository.find_header(id).map(|it| it.size()).ok());
            return header.flatten() != Some(size);
        };
        if gix::objs::compute_hash(id.kind(), gix::objs::Kind::Blob, &now).ok() == Some(id) {
            return false;
        }
        let then = self.bytes(at, id).unwrap_or_default();
        match (String::from_utf8(then), String::from_utf8(now)) {
            (Ok(then), Ok(now)) if is_equal_but_for_line_ends(&then, &now) => false,
            // A commit holds a pointer to what lies elsewhere.
            (Ok(then), _) if then.starts_with(LARGE_FILE) => !then.contains(&format!("\nsize {size}\n")),
            _ => true,
        }
    }

    fn with_repository<R>(&self, at: usize, work: impl FnOnce(&Repository) -> R) -> Option<R> {
        let opened = held(&self.repositories).get(at).cloned()?;
        let idle = held(&opened.idle).pop();
        let repository = idle.unwrap_or_else(|| opened.shared.to_thread_local());
        let result = work(&repository);
        held(&opened.idle).push(repository);
        Some(result)
    }

    fn folder(&self, at: usize, id: ObjectId) -> Arc<Folder> {
        if let Some(known) = held(&self.folders).get(&(at, id)) {
            return known.clone();
        }
        let read = self.with_repository(at, |repository| -> Option<Folder> {
            let size = repository.find_header(id).ok()?.size();
            if size > MAX_BYTES {
                self.is_too_large.store(true, Ordering::Relaxed);
                return Some(Folder::new());
            }
            let tree = repository.find_tree(id).ok()?;
            let entries = tree.decode().ok()?.entries;
            let entry = |entry: gix::objs::tree::EntryRef<'_>| {
                (entry.filename.to_string(), (entry.mode.kind(), entry.oid.to_owned()))
            };
            Some(entries.into_iter().map(entry).collect())
        });
        let folder = Arc::new(read.flatten().unwrap_or_else(|| {
            held(&self.missing).insert(id.to_string());
            Folder::new()
        }));
        held(&self.folders).entry((at, id)).or_insert(folder).clone()
    }

    fn bytes(&self, at: usize, id: ObjectId) -> Option<Vec<u8>> {
        let read =
            self.with_repository(at, |repository| repository.find_blob(id).ok().map(|mut blob| blob.take_data()));
        let read = read.flatten();
        if read.is_none() {
            held(&self.missing).insert(id.to_string());
        }
        read
    }

    /// The repository of a submodule and the tree of the commit it stood at; nothing where it was not fetched.
    fn module(&self, path: &str, commit: ObjectId) -> Option<(usize, ObjectId)> {
        let key = (path.to_owned(), commit);
        if let Some(known) = held(&self.modules).get(&key) {
            return *known;
        }
        let place = self.root.join(path);
        let is_own = crate::absolute(&place) == place && preflight::check(&place, Some(&self.root)).is_ok();
        let opened = if is_own { super::open(&place) } else { None };
        let tree = opened
            .as_ref()
            .and_then(|it| Some(it.to_thread_local().find_commit(commit).ok()?.tree_id().ok()?.detach()));
        let found = opened.zip(tree).map(|(shared, tree)| {
            let mut all = held(&self.repositories);
            all.push(Arc::new(Opened { shared, idle: Mutex::default() }));
            (all.len() - 1, tree)
        });
        *held(&self.modules).entry(key).or_insert(found)
    }

    /// The parts of a path from the root of the work tree on; nothing where it leads out of it.
    fn parts(&self, path: &str) -> Option<Vec<String>> {
        let mut parts = self.below.clone();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part.to_owned()),
            }
        }
        Some(parts)
    }

    fn find(&self, path: &str) -> Found {
        self.parts(path).map_or(Found::Beyond, |parts| self.resolve(self.tree, &[], parts))
    }

    /// Where parts lead from a folder on, of which links are resolved.
    fn resolve(&self, tree: ObjectId, from: &[String], parts: Vec<String>) -> Found {
        let mut links = 0;
        let mut rest: Vec<String> = parts.into_iter().rev().collect();
        rest.extend(from.iter().rev().cloned());
        let mut stack = vec![Standing { path: Vec::new(), repository: 0, folder: self.folder(0, tree) }];
        while let Some(part) = rest.pop() {
            let Some(here) = stack.last() else { return Found::Beyond };
            if part == ".." {
                stack.pop();
                if stack.is_empty() {
                    return Found::Beyond;
                }
                continue;
            }
            let Some((kind, id)) = here.folder.get(&part).copied() else { return Found::Nothing };
            let (at, path) = (here.repository, here.path.iter().cloned().chain([part]).collect::<Vec<_>>());
            match kind {
                EntryKind::Tree => {
                    let folder = self.folder(at, id);
                    stack.push(Standing { path, repository: at, folder });
                }
                EntryKind::Commit => {
                    let Some((repository, tree)) = self.module(&path.join("/"), id) else { return Found::Beyond };
                    stack.push(Standing { path, repository, folder: self.folder(repository, tree) });
                }
                EntryKind::Blob | EntryKind::BlobExecutable if rest.is_empty() => return Found::File(at, id),
                EntryKind::Blob | EntryKind::BlobExecutable => return Found::Nothing,
                EntryKind::Link => {
                    links += 1;
                    let target = self.bytes(at, id).and_then(|bytes| String::from_utf8(bytes).ok());
                    let Some(target) = target.filter(|_| links <= MOST_LINKS) else { return Found::Nothing };
                    let inside = match Path::new(&target).is_absolute() {
                        false => target,
                        true => match Path::new(&target).strip_prefix(&self.root) {
                            Ok(below) => {
                                stack.truncate(1);
                                below.to_string_lossy().into_owned()
                            }
                            Err(_) => return Found::Beyond,
                        },
                    };
                    let parts = inside.split(['/', '\\']).filter(|part| !matches!(*part, "" | "."));
                    rest.extend(parts.map(str::to_owned).collect::<Vec<_>>().into_iter().rev());
                }
            }
        }
        stack.pop().map_or(Found::Beyond, Found::Folder)
    }

    /// Whether a path that the commit lacks is nevertheless what it was: git ignores it, or packages are
    /// installed there. What is tracked by now has been added.
    fn is_from_disk(&self, path: &str, is_folder: bool) -> bool {
        let Some(parts) = self.parts(path) else { return true };
        let whole = parts.join("/");
        let installed = {
            let installed = held(&self.installed);
            let above =
                installed.iter().find(|own| path.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/')));
            // One package is from here or from there, never a mixture.
            above.and_then(|own| {
                let name = path[own.len() + 1..].split('/').next()?;
                Some(self.parts(&join(own, name))?.join("/"))
            })
        };
        let topmost = installed.or_else(|| self.ignored.topmost(&whole, is_folder).map(str::to_owned));
        let Some(topmost) = topmost else { return false };
        let split = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let lacks = |tree: ObjectId, path: &str| matches!(self.resolve(tree, &[], split(path)), Found::Nothing);
        lacks(self.tree, &topmost) && self.head.is_none_or(|head| lacks(head, &whole))
    }

    fn walk(&self, walk: &mut Walk<'_>, path: &str, here: &Standing, above: &mut Vec<Vec<String>>) {
        if above.len() > MAX_DEPTH {
            return;
        }
        for (name, (kind, _)) in &*here.folder {
            walk.entries += 1;
            if walk.entries > MAX_ENTRIES {
                self.is_too_large.store(true, Ordering::Relaxed);
                return;
            }
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let found = match kind {
                EntryKind::Blob | EntryKind::BlobExecutable => {
                    walk.file(path);
                    continue;
                }
                // Where a link leads depends on where it really lies.
                _ => self.resolve(self.tree, &here.path, vec![name.clone()]),
            };
            match found {
                Found::File(..) => walk.file(path),
                Found::Folder(there)
                    if *kind == EntryKind::Link && (above.contains(&there.path) || here.path == there.path) =>
                {
                    walk.listing.problems.push((path, disk::circle()));
                }
                Found::Folder(_) if is_passed_over(name) || (walk.ignored)(&path, true) => {}
                Found::Folder(there) => {
                    above.push(here.path.clone());
                    self.walk(walk, &path, &there, above);
                    above.pop();
                }
                Found::Beyond if self.disk.is_file(&path) => walk.file(path),
                Found::Beyond => walk.listing.files.extend(self.disk.list(&path, walk.ignored).files),
                Found::Nothing => walk.listing.problems.push((path, disk::unread("it does not exist"))),
            }
        }
    }
}

struct Walk<'w> {
    ignored: &'w dyn Fn(&str, bool) -> bool,
    listing: Listing,
    entries: usize,
}

impl Walk<'_> {
    fn file(&mut self, path: String) {
        if !(self.ignored)(&path, false) {
            self.listing.files.push(path);
        }
    }
}

impl Tree for Commit {
    fn locate(&self, folder: &str, stated: &str, is_named: bool) -> Result<String, String> {
        self.disk.locate(folder, stated, is_named)
    }

    fn list(&self, folder: &str, ignored: &dyn Fn(&str, bool) -> bool) -> Listing {
        let mut walk = Walk { ignored, listing: Listing::default(), entries: 0 };
        match self.find(folder) {
            Found::Folder(here) => self.walk(&mut walk, folder, &here, &mut Vec::new()),
            Found::Beyond => return self.disk.list(folder, ignored),
            Found::File(..) | Found::Nothing => {}
        }
        if walk.entries > MAX_ENTRIES {
            return Listing::default();
        }
        let mut listing = walk.listing;
        let now = self.disk.list(folder, ignored);
        let known: BTreeSet<&str> = listing.files.iter().map(String::as_str).collect();
        let (beside, added): (Vec<&String>, Vec<&String>) = now
            .files
            .iter()
            .filter(|path| !known.contains(path.as_str()))
            .partition(|path| self.is_from_disk(path, false));
        added.into_iter().for_each(|path| self.note(path));
        let still: BTreeSet<&str> = now.files.iter().map(String::as_str).collect();
        known.difference(&still).for_each(|path| self.note(path));
        let problems = |one: &Listing, other: &Listing| {
            one.problems.iter().filter(|it| !other.problems.contains(it)).for_each(|it| self.note(&it.0));
        };
        problems(&listing, &now);
        problems(&now, &listing);
        let beside: Vec<String> = beside.into_iter().cloned().collect();
        listing.files.extend(beside);
        listing.files.sort_unstable();
        listing.problems.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        listing
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        let mut names = BTreeSet::new();
        match self.find(folder) {
            Found::Folder(here) => names.extend(here.folder.iter().filter_map(|(name, (kind, _))| {
                let is_folder = match kind {
                    EntryKind::Tree => true,
                    EntryKind::Blob | EntryKind::BlobExecutable => false,
                    _ => match self.resolve(self.tree, &here.path, vec![name.clone()]) {
                        Found::Folder(_) => true,
                        Found::Beyond => !self.disk.is_file(&join(folder, name)),
                        Found::File(..) | Found::Nothing => false,
                    },
                };
                (is_folder && !name.starts_with('.')).then(|| name.clone())
            })),
            Found::Beyond => return self.disk.folders(folder),
            Found::File(..) | Found::Nothing => {}
        }
        let now = self.disk.folders(folder);
        names.iter().filter(|name| !now.contains(name)).for_each(|name| self.note(&join(folder, name)));
        for name in now.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>() {
            let path = join(folder, &name);
            if self.is_from_disk(&path, true) {
                names.insert(name);
            } else {
                self.note(&path);
            }
        }
        names.into_iter().collect()
    }

    fn is_file(&self, path: &str) -> bool {
        let now = self.disk.is_file(path);
        let then = match self.find(path) {
            Found::File(..) => true,
            Found::Folder(_) => false,
            Found::Beyond => now,
            Found::Nothing => now && self.is_from_disk(path, false),
        };
        if then != now {
            self.note(path);
        }
        then
    }

    fn read(&self, path: &str) -> Content {
        let (at, id) = match self.find(path) {
            Found::File(at, id) => (at, id),
            Found::Beyond => return self.disk.read(path),
            Found::Nothing if self.is_from_disk(path, false) => return self.disk.read(path),
            Found::Folder(_) | Found::Nothing => {
                if self.disk.is_file(path) {
                    self.note(path);
                }
                return Content::Unreadable(disk::unreadable("it does not exist"));
            }
        };
        // Most files are what they were: their digest costs less than their object.
        let now = if self.disk.is_file(path) { self.disk.read(path) } else { Content::NameOnly };
        let digest = |text: &str| gix::objs::compute_hash(id.kind(), gix::objs::Kind::Blob, text.as_bytes()).ok();
        if let Content::Text(text) = &now
            && digest(text) == Some(id)
        {
            return now;
        }
        let size = self.with_repository(at, |repository| repository.find_header(id).map(|header| header.size()).ok());
        if size.flatten().is_some_and(|size| size > MAX_BYTES) {
            return Content::Unreadable(disk::too_large());
        }
        let then = self.bytes(at, id).map_or(Content::NameOnly, Content::from_bytes);
        // A checkout may write other line ends than a commit holds, as .gitattributes and settings say.
        if let (Content::Text(then), Content::Text(text)) = (&then, &now)
            && is_equal_but_for_line_ends(then, text)
        {
            return now;
        }
        if then != now {
            self.note(path);
        }
        then
    }
}

/// Whether the texts differ in their line ends alone.
fn is_equal_but_for_line_ends(one: &str, other: &str) -> bool {
    one.contains('\r') != other.contains('\r') && one.replace("\r\n", "\n") == other.replace("\r\n", "\n")
}
