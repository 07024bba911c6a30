//! The real file system below one folder.

use super::{Content, Listing, MAX_BYTES, Tree, Unreadable};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Deeper trees are a link that leads back up in a way the walk cannot see.
const MAX_DEPTH: usize = 100;

#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A file's bytes; nothing where there is none, or one over the limit.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        read_bytes(&self.root.join(path), MAX_BYTES).ok().flatten()
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

impl Tree for Disk {
    fn list(&self, folder: &str, ignored: &dyn Fn(&str, bool) -> bool) -> Listing {
        let start = self.root.join(folder);
        let mut listing = Listing::default();
        if !start.is_dir() {
            return listing;
        }
        let walk = WalkDir::new(&start).follow_links(true).max_depth(MAX_DEPTH).into_iter().filter_entry(|entry| {
            if entry.depth() == 0 {
                return true;
            }
            let is_folder = entry.file_type().is_dir();
            if is_folder && entry.file_name().to_string_lossy().starts_with('.') {
                return false;
            }
            self.relative(folder, &start, entry.path()).is_some_and(|path| !ignored(&path, is_folder))
        });
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    listing.files.extend(self.relative(folder, &start, entry.path()));
                }
                Ok(_) => {}
                Err(error) => {
                    let path = error
                        .path()
                        .and_then(|path| self.relative(folder, &start, path))
                        .unwrap_or_else(|| folder.to_owned());
                    listing.problems.push((path, walk_problem(&error)));
                }
            }
        }
        listing.files.sort_unstable();
        listing.problems.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        listing
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort_unstable();
        names
    }

    fn is_file(&self, path: &str) -> bool {
        self.root.join(path).is_file()
    }

    fn read(&self, path: &str) -> Content {
        match read_bytes(&self.root.join(path), MAX_BYTES) {
            Ok(Some(bytes)) => Content::from_bytes(bytes),
            Ok(None) => Content::Unreadable(too_large()),
            Err(error) => Content::Unreadable(unreadable(&reason(&error))),
        }
    }
}

/// `None` where the file is over the limit. The limit holds while reading, for a file that grows
/// or has no size (a pipe).
pub(super) fn read_bytes(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    if size > limit {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
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
    }
}

/// What is said of a folder or a link that leads nowhere.
pub(super) fn unread(reason: &str) -> Unreadable {
    Unreadable {
        what: format!("the folder or link cannot be read: {reason}"),
        fix: "Make it readable for the user who runs harness, or name it in .dbtignore.".to_owned(),
        at: 0,
    }
}

/// What is said of a file that cannot be read.
pub(super) fn unreadable(reason: &str) -> Unreadable {
    Unreadable {
        what: format!("the file cannot be read: {reason}"),
        fix: "Make the file readable for the user who runs harness.".to_owned(),
        at: 0,
    }
}

/// What is said of a file that is too large.
pub(super) fn too_large() -> Unreadable {
    Unreadable {
        what: format!("the file is larger than {} MiB", MAX_BYTES / 1024 / 1024),
        fix: "Split the file, or name it in .dbtignore.".to_owned(),
        at: 0,
    }
}

/// The error's kind in words that are the same on each machine.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
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

/// Writes a file whole or not at all: into a neighbour first, then renamed over it. Folders that are
/// missing are made. What is no file, as a pipe or a terminal, is written to.
pub fn write_whole(path: &Path, content: &str) -> io::Result<()> {
    let path = &destination(path);
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if path.exists() && !path.is_file() {
        return fs::OpenOptions::new().write(true).open(path)?.write_all(content.as_bytes());
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
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = fs::File::create(&part).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        if let Ok(former) = fs::metadata(path) {
            file.set_permissions(former.permissions())?;
        }
        file.sync_all()?;
        moved(&part)
    });
    if written.is_err() {
        // The first error is the one to report; the part may not even exist.
        let _ = fs::remove_file(&part);
    }
    written
}
