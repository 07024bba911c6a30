//! A folder of files that only this program writes and reads, and that anybody may delete. Whatever else lies there
//! is somebody's own: it is never touched.

use super::open::{Links, read_bytes, read_head};
use std::cmp::Reverse;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What all files of a folder may hold together; the oldest go first.
pub const MAX_FOLDER_BYTES: u64 = 256 * 1024 * 1024;
/// What was begun this long before another file was finished will not be finished itself.
const DEAD: Duration = Duration::from_secs(60 * 60);
const PART: &str = ".part";
/// Parts that are left over and bear our own process id.
const PARTS: u32 = 8;
/// Files of a folder that are looked at.
const MAX_FILES: usize = 100_000;

/// What tells the files of a store from all others: how their names end, and their first bytes.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub ending: &'static str,
    pub head: &'static [u8],
}

impl Mark {
    /// Whether a file is called as this store calls its own: `NAME.DIGITS.DIGITS` and the ending, perhaps as a part.
    fn names(self, name: &str) -> bool {
        let whole = match name.strip_suffix(PART) {
            None => name,
            Some(part) => match part.rsplit_once('.') {
                Some((whole, number)) if number.split('-').all(|it| !it.is_empty() && it.bytes().all(is_digit)) => {
                    whole
                }
                _ => return false,
            },
        };
        let Some(stem) = whole.strip_suffix(self.ending) else { return false };
        let mut parts = stem.rsplitn(3, '.');
        let mut is_hash = || {
            parts.next().is_some_and(|part| part.len() >= HASH && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        };
        is_hash() && is_hash()
    }

    /// Whether the file is one of the store's, by name and head.
    fn is_on(self, path: &Path) -> bool {
        let is_named = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| self.names(name));
        is_named && read_head(path, self.head.len() as u64).is_ok_and(|head| head == self.head)
    }
}

/// Digits of a hash in a name.
pub const HASH: usize = 12;

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// The folder itself, where it holds nothing but files of the store, or does not exist; else one below it.
pub fn store_folder(folder: &Path, mark: Mark, below: &str) -> PathBuf {
    let Ok(entries) = fs::read_dir(folder) else { return folder.to_owned() };
    let is_own = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            name.to_str().is_some_and(|name| mark.names(name))
        })
    };
    if entries.take(MAX_FILES).all(is_own) { folder.to_owned() } else { folder.join(below) }
}

/// The file of that name; without it the youngest whose name begins and ends like this.
pub fn read_stored(folder: &Path, name: &str, alike: (&str, &str)) -> io::Result<Vec<u8>> {
    match read(&folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let is_alike = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            name.len() >= alike.0.len() + alike.1.len() && name.starts_with(alike.0) && name.ends_with(alike.1)
        })
    };
    let youngest = listed(folder)?.into_iter().find(|file| is_alike(&file.path));
    youngest.map_or_else(|| Err(io::Error::from(io::ErrorKind::NotFound)), |file| read(&file.path))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = read_bytes(path, MAX_FOLDER_BYTES, Links::Follow)?;
    bytes.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))
}

/// Writes a file whole or not at all and makes room for it.
pub fn write_stored(folder: &Path, name: &str, bytes: &[u8], mark: Mark) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(name);
    if fs::symlink_metadata(&path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::from(io::ErrorKind::Unsupported));
    }
    let (part, mut file) = new_part(folder, name)?;
    // What a crash of the machine leaves of it is found to be damaged: waiting for the disk would cost more.
    let written = file.write_all(bytes).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    written?;
    make_room(folder, &path, mark);
    Ok(())
}

/// A file that nobody else writes to, also where others have the same process id.
fn new_part(folder: &Path, name: &str) -> io::Result<(PathBuf, fs::File)> {
    let mut at = 0;
    loop {
        let part = folder.join(format!("{name}.{}-{at}{PART}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        // It holds what templates made of the environment.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&part) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && at < PARTS => at += 1,
            opened => return opened.map(|file| (part, file)),
        }
    }
}

struct Stored {
    path: PathBuf,
    bytes: u64,
    written: SystemTime,
}

/// The files of the folder, the youngest first.
fn listed(folder: &Path) -> io::Result<Vec<Stored>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.flatten().take(MAX_FILES) {
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() {
            let written = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Stored { path: entry.path(), bytes: about.len(), written });
        }
    }
    found.sort_unstable_by(|left, right| {
        (Reverse(left.written), &left.path).cmp(&(Reverse(right.written), &right.path))
    });
    Ok(found)
}

/// Removes what is dead, and the oldest where all are too large. What cannot be removed stays: another run may
/// remove it.
fn make_room(folder: &Path, own: &Path, mark: Mark) {
    let Ok(mut files) = listed(folder) else { return };
    let Some(now) = files.iter().find(|file| file.path == own).map(|file| file.written) else { return };
    files.retain(|file| mark.is_on(&file.path));
    files.sort_by_key(|file| file.path != own);
    let mut sum = 0;
    for file in files {
        let is_part = file.path.extension().is_some_and(|extension| extension == &PART[1..]);
        let is_dead = is_part && file.written.checked_add(DEAD).is_some_and(|end| end < now);
        sum += file.bytes;
        let is_too_much = !is_part && sum > MAX_FOLDER_BYTES && file.path != own;
        if is_dead || is_too_much {
            let _ = fs::remove_file(&file.path);
        }
    }
}
