//! A folder of files that only this program writes and reads, and that anybody may delete.

use super::disk::read_bytes;
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
    read_bytes(path, MAX_FOLDER_BYTES)?.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))
}

/// Writes a file whole or not at all and makes room for it.
pub fn write_stored(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(name);
    let (part, mut file) = new_part(folder, name)?;
    // What a crash of the machine leaves of it is found to be damaged: waiting for the disk would cost more.
    let written = file.write_all(bytes).and_then(|()| fs::rename(&part, &path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    written?;
    make_room(folder, &path);
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
    for entry in fs::read_dir(folder)?.flatten() {
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

/// What cannot be removed stays: another run may remove it.
fn make_room(folder: &Path, own: &Path) {
    let Ok(mut files) = listed(folder) else { return };
    let Some(now) = files.iter().find(|file| file.path == own).map(|file| file.written) else { return };
    files.sort_by_key(|file| file.path != own);
    let mut sum = 0;
    for file in files {
        let is_part = file.path.extension().is_some_and(|extension| extension == &PART[1..]);
        let is_dead = is_part && file.written.checked_add(DEAD).is_some_and(|end| end < now);
        sum += file.bytes;
        if is_dead || (!is_part && sum > MAX_FOLDER_BYTES && file.path != own) {
            let _ = fs::remove_file(&file.path);
        }
    }
}
