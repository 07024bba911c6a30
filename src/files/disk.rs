//! The real file system below one folder.

use super::bounds::{Bounds, plain, relative};
use super::open::{Links, is_link, read_bytes};
use super::{Content, Listing, MAX_BYTES, Outside, Tree, Unreadable, is_passed_over, join};
use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Deeper trees are a link that leads back up in a way the walk cannot see.
const MAX_DEPTH: usize = 100;
/// Files and folders that one listing looks at.
pub(super) const MAX_ENTRIES: usize = 1_000_000;
/// Links to folders that one listing follows: links that lead to folders of links would never end.
const MAX_LINKS: usize = 1000;
/// Files and folders that one listing sees through links.
const MAX_LINKED: usize = 50_000;
/// Parts that are left over and bear our own process id.
const PARTS: u32 = 8;
/// Problems that one listing names.
const MAX_PROBLEMS: usize = 100;

#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    /// What may be read; all where none are given.
    bounds: Option<Bounds>,
}

impl Disk {
    /// A folder that a person names: whatever it leads to may be read.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), bounds: None }
    }

    /// A project's folder, of which nothing is read that lies outside of its repository.
    pub fn within(root: &Path) -> Self {
        let root = absolute(root);
        Self { bounds: Some(Bounds::of(&root)), root }
    }

    /// A file's bytes; nothing where there is none, one over the limit, or one that may not be read.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.load(path).ok().flatten()
    }

    fn load(&self, path: &str) -> Result<Option<Vec<u8>>, Refused> {
        let path = self.root.join(path);
        let Some(bounds) = &self.bounds else { return Ok(read_bytes(&path, MAX_BYTES, Links::Follow)?) };
        if !path.parent().is_none_or(|folder| bounds.permit_folder(folder)) {
            return Err(Refused::Outside);
        }
        match read_bytes(&path, MAX_BYTES, Links::Refuse) {
            Err(error) if is_link(&error) => {
                let real = fs::canonicalize(&path)?;
                if !bounds.permit(&real) {
                    return Err(Refused::Outside);
                }
                Ok(read_bytes(&real, MAX_BYTES, Links::Refuse)?)
            }
            read => Ok(read?),
        }
    }

    /// All files below a folder; nothing where too much is reached through links.
    fn walk(&self, folder: &str, start: &Path, ignored: &dyn Fn(&str, bool) -> bool, follows: bool) -> Option<Listing> {
        let mut listing = Listing::default();
        let (entries, links, linked) = (Cell::new(0), Cell::new(0), Cell::new(0));
        // How deep the link lies that was followed last.
        let link = Cell::new(None::<usize>);
        let outer = RefCell::new(Vec::new());
        let is_too_much = || follows && (links.get() > MAX_LINKS || linked.get() > MAX_LINKED);
        let walk = WalkDir::new(start).follow_links(true).max_depth(MAX_DEPTH).into_iter().filter_entry(|entry| {
            if entry.depth() == 0 {
                return true;
            }
            entries.set(entries.get() + 1);
            if entries.get() > MAX_ENTRIES || is_too_much() {
                return false;
            }
            let is_folder = entry.file_type().is_dir();
            if is_folder && is_passed_over(&entry.file_name().to_string_lossy()) {
                return false;
            }
            let Some(path) = self.relative(folder, start, entry.path()) else { return false };
            if ignored(&path, is_folder) {
                return false;
            }
            match link.get() {
                Some(depth) if entry.depth() > depth => linked.set(linked.get() + 1),
                _ => link.set(None),
            }
            if !entry.path_is_symlink() {
                return true;
            }
            if !self.leads_within(entry.path()) {
                outer.borrow_mut().push(path);
                return false;
            }
            if is_folder {
                links.set(links.get() + 1);
                link.set(link.get().or(Some(entry.depth())));
            }
            follows || !is_folder
        });
        for entry in walk {
            if entries.get() > MAX_ENTRIES {
                break;
            }
            if is_too_much() {
                return None;
            }
            match entry {
                Ok(entry) if entry.file_type().is_dir() && entry.depth() == MAX_DEPTH => {
                    let path = self.relative(folder, start, entry.path()).unwrap_or_else(|| folder.to_owned());
                    listing.problems.push((path, too_many(MAX_DEPTH, "folders within folders")));
                }
                Ok(entry) if !entry.file_type().is_dir() => {
                    listing.files.extend(self.relative(folder, start, entry.path()));
                }
                Ok(_) => {}
                Err(error) if is_lock(&error) => {}
                Err(error) => {
                    let path = error
                        .path()
                        .and_then(|path| self.relative(folder, start, path))
                        .unwrap_or_else(|| folder.to_owned());
                    listing.problems.push((path, walk_problem(&error)));
                }
            }
        }
        if is_too_much() {
            return None;
        }
        for path in outer.into_inner() {
            let problem = outside(&path, None);
            listing.problems.push((path, problem));
        }
        listing.files.sort_unstable();
        listing.problems.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        listing.problems.truncate(MAX_PROBLEMS);
        if entries.get() > MAX_ENTRIES {
            listing.problems.push((folder.to_owned(), too_many(MAX_ENTRIES, "files and folders")));
        }
        Some(listing)
    }

    /// Whether a link in a listing leads to what may be read.
    fn leads_within(&self, link: &Path) -> bool {
        let Some(bounds) = &self.bounds else { return true };
        // One that leads nowhere is no way out.
        fs::canonicalize(link).map_or(true, |real| bounds.permit(&real))
    }

    pub(super) fn size(&self, path: &str) -> Option<u64> {
        fs::metadata(self.root.join(path)).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
    }

    fn relative(&self, folder: &str, start: &Path, path: &Path) -> Option<String> {
        let below = path.strip_prefix(start).ok()?;
        let mut relative = folder.to_owned();
        for part in below.components() {
            if !relative.is_empty() {
                relative.push('/');
            }
            relative.push_str(&part.as_os_str().to_string_lossy());
        }
        Some(relative)
    }
}

/// Why a file was not read.
enum Refused {
    Outside,
    Failed(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Tree for Disk {
    fn locate(&self, folder: &str, stated: &str, is_named: bool) -> Result<String, String> {
        let path = if Path::new(stated).is_absolute() {
            relative(&absolute(&self.root), &destination(&plain(Path::new(stated))))
        } else {
            join(folder, stated)
        };
        let Some(bounds) = &self.bounds else { return Ok(path) };
        let place = plain(&self.root.join(&path));
        if is_named {
            bounds.name(&place);
        }
        if bounds.permit(&destination(&place)) { Ok(path) } else { Err(path) }
    }

    fn list(&self, folder: &str, ignored: &dyn Fn(&str, bool) -> bool) -> Listing {
        let start = self.root.join(folder);
        if !start.is_dir() {
            return Listing::default();
        }
        if self.bounds.as_ref().is_some_and(|bounds| !bounds.permit_folder(&start)) {
            return Listing { problems: vec![(folder.to_owned(), outside(folder, None))], ..Listing::default() };
        }
        self.walk(folder, &start, ignored, true).unwrap_or_else(|| {
            // What links repeat again and again is not one folder more than what is there.
            let mut listing = self.walk(folder, &start, ignored, false).unwrap_or_default();
            listing.problems.push((folder.to_owned(), too_many(MAX_LINKS, "links to folders")));
            listing
        })
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        let start = self.root.join(folder);
        if self.bounds.as_ref().is_some_and(|bounds| !bounds.permit_folder(&start)) {
            return Vec::new();
        }
        let is_folder = |entry: &fs::DirEntry| match entry.file_type() {
            Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
            kind => kind.is_ok_and(|kind| kind.is_dir()),
        };
        let mut names: Vec<String> = fs::read_dir(start)
            .into_iter()
            .flatten()
            .flatten()
            .take(MAX_ENTRIES)
            .filter(is_folder)
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort_unstable();
        names
    }

    fn is_file(&self, path: &str) -> bool {
        fs::metadata(self.root.join(path)).is_ok_and(|about| !about.is_dir())
    }

    fn read(&self, path: &str) -> Content {
        match self.load(path) {
            Ok(Some(bytes)) => Content::from_bytes(bytes),
            Ok(None) => Content::Unreadable(too_large()),
            Err(Refused::Outside) => Content::Unreadable(outside(path, None)),
            Err(Refused::Failed(error)) => Content::Unreadable(unreadable(&reason(&error))),
        }
    }
}

/// The mark of Emacs beside a file with changes that are not saved: a link to nowhere.
fn is_lock(error: &walkdir::Error) -> bool {
    let name = error.path().and_then(Path::file_name).unwrap_or_default();
    name.to_string_lossy().starts_with(".#") && error.path().is_some_and(Path::is_symlink)
}

fn walk_problem(error: &walkdir::Error) -> Unreadable {
    if error.loop_ancestor().is_some() {
        return circle();
    }
    unread(&error.io_error().map_or_else(|| "unknown reason".to_owned(), reason))
}

/// What is said of a link in a circle.
pub(super) fn circle() -> Unreadable {
    Unreadable {
        what: "the link leads back to a folder above it".to_owned(),
        fix: "Remove the link, or name it in .dbtignore; what lies behind it was read where it really is.".to_owned(),
        at: 0,
        outside: None,
    }
}

/// What is said of a path that leads out of what may be read. `at` is where a file states it, by line and column.
pub fn outside(stated: &str, at: Option<(u32, u32)>) -> Unreadable {
    let (line, column) = at.unwrap_or((1, 1));
    Unreadable {
        what: "it leads out of the repository, so nothing of it was read".to_owned(),
        fix: "Put what belongs to the project into the repository, or give --allow-outside where it may be read."
            .to_owned(),
        at: 0,
        outside: Some(Outside { stated: stated.to_owned(), line, column }),
    }
}

/// What is said of a folder that holds more than is looked at.
pub(super) fn too_many(most: usize, of: &str) -> Unreadable {
    Unreadable {
        what: format!("the folder holds more than {most} {of}, and the rest was not looked at"),
        fix: "Name in .dbtignore what is not part of the project, or narrow the path in dbt_project.yml.".to_owned(),
        at: 0,
        outside: None,
    }
}

/// What is said of a folder or a link that leads nowhere.
pub(super) fn unread(reason: &str) -> Unreadable {
    Unreadable {
        what: format!("the folder or link cannot be read: {reason}"),
        fix: "Make it readable for the user who runs harness, or name it in .dbtignore.".to_owned(),
        at: 0,
        outside: None,
    }
}

/// What is said of a file that cannot be read.
pub(super) fn unreadable(reason: &str) -> Unreadable {
    Unreadable {
        what: format!("the file cannot be read: {reason}"),
        fix: "Make the file readable for the user who runs harness.".to_owned(),
        at: 0,
        outside: None,
    }
}

/// What is said of a file that is too large.
pub(super) fn too_large() -> Unreadable {
    Unreadable {
        what: format!("the file is larger than {} MiB", MAX_BYTES / 1024 / 1024),
        fix: "Split the file, or name it in .dbtignore.".to_owned(),
        at: 0,
        outside: None,
    }
}

/// The error's kind in words that are the same on each machine.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::Unsupported => "it is not an ordinary file, but a pipe, a socket or a device".to_owned(),
        io::ErrorKind::NotADirectory => "a file stands where a folder should be".to_owned(),
        kind => kind.to_string(),
    }
}

/// The path from the file system's root, with links resolved where that is possible.
pub fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Whether a path leads to anything.
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// The nearest folder at or above `start` that holds a file of that name.
pub fn find_above(start: &Path, name: &str) -> Option<PathBuf> {
    absolute(start).ancestors().find(|folder| folder.join(name).is_file()).map(Path::to_owned)
}

/// The nearest folders below `start` that hold a file of this name, sorted. What lies below one of these belongs to
/// it. Hidden folders, links and folders named in `passed` are not looked into; more folders than a repository
/// has are not looked at.
pub fn find_below(start: &Path, name: &str, passed: &[&str]) -> Vec<PathBuf> {
    const MOST_FOLDERS: usize = 20_000;
    const DEEPEST: usize = 12;
    let mut found = Vec::new();
    let mut seen = 0;
    let walk = WalkDir::new(start).min_depth(1).max_depth(DEEPEST).sort_by_file_name().into_iter();
    let mut walk = walk.filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.file_type().is_dir() && !name.starts_with('.') && !passed.contains(&&*name)
    });
    while let Some(entry) = walk.next() {
        let Ok(entry) = entry else { continue };
        seen += 1;
        if seen > MOST_FOLDERS {
            break;
        }
        if entry.path().join(name).is_file() {
            found.push(entry.into_path());
            walk.skip_current_dir();
        }
    }
    found
}

/// The root of the git repository around a folder: where `.git` lies, which is a file in a worktree.
pub fn repository_around(folder: &Path) -> Option<PathBuf> {
    absolute(folder).ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

/// Where a path leads, whether or not anything is there yet.
pub fn destination(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (whole.parent(), whole.file_name()) {
        // `..` goes up from where a link leads, so only a folder that is there can tell.
        (Some(folder), Some(name)) => destination(folder).join(name),
        _ => whole,
    }
}

/// Where a file of a project really lies, links resolved; `None` where that is outside of what belongs to it.
pub fn own_place(project: &Path, path: &Path) -> Option<PathBuf> {
    let place = destination(path);
    Bounds::of(&absolute(project)).permit(&place).then_some(place)
}

/// Writes a file whole or not at all: into a neighbour first, then renamed over it. Folders that are
/// missing are made. What is no file, as a pipe or a terminal, is written to.
pub fn write_whole(path: &Path, content: &str) -> io::Result<()> {
    let path = &destination(path);
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if path.exists() && !path.is_file() {
        return special(path)?.write_all(content.as_bytes());
    }
    by_neighbour(path, content, |part| fs::rename(part, path))
}

/// The same for a file that does not exist yet; one that does stays as it is.
pub fn write_new(path: &Path, content: &str) -> io::Result<()> {
    by_neighbour(path, content, |part| match fs::hard_link(part, path) {
        // Not every file system has links. Between the look and the renaming somebody may still be faster.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => fs::rename(part, path),
        // The first error is the one to report; the neighbour may not even exist.
        linked => linked.inspect(|()| drop(fs::remove_file(part))),
    })
}

fn by_neighbour(path: &Path, content: &str, moved: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (part, mut file) = new_part(path, &name)?;
    let written = (|| {
        file.write_all(content.as_bytes())?;
        if let Ok(former) = fs::metadata(path) {
            file.set_permissions(former.permissions())?;
        }
        file.sync_all()?;
        moved(&part)
    })();
    if written.is_err() {
        // The first error is the one to report; the part may not even exist.
        let _ = fs::remove_file(&part);
    }
    written
}

/// A file beside another that nobody else writes to: what lies there already may be a link to anywhere.
fn new_part(path: &Path, name: &str) -> io::Result<(PathBuf, fs::File)> {
    let mut at = 0;
    loop {
        let part = path.with_file_name(format!(".{name}.{}-{at}.part", std::process::id()));
        match fs::File::create_new(&part) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && at < PARTS => at += 1,
            opened => return opened.map(|file| (part, file)),
        }
    }
}

/// Opens what is no file for writing. A pipe that nobody reads is an error, nothing to wait for.
#[cfg(unix)]
fn special(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    options.write(true);
    drop(options.clone().custom_flags(libc::O_NONBLOCK).open(path)?);
    options.open(path)
}

#[cfg(not(unix))]
fn special(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).open(path)
}

/// Whether what is written there is read by nobody: it is closed, for which the system's null device stands.
#[cfg(unix)]
pub fn leads_nowhere(output: &impl std::os::fd::AsFd) -> bool {
    use std::os::unix::fs::MetadataExt;
    let about = output.as_fd().try_clone_to_owned().and_then(|own| fs::File::from(own).metadata());
    let null = fs::metadata("/dev/null");
    matches!((about, null), (Ok(about), Ok(null)) if about.rdev() != 0 && about.rdev() == null.rdev())
}

#[cfg(not(unix))]
pub fn leads_nowhere<T>(_output: &T) -> bool {
    false
}
