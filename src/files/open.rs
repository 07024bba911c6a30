//! Opening files for reading. Only an ordinary file is read, and only up to a limit: a pipe or a device could
//! keep the program waiting, or give bytes without end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Whether the last part of a path may be a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    Refuse,
}

/// Reads a whole file. `None` where it is over the limit, which holds while reading, for a file that grows.
pub(super) fn read_bytes(path: &Path, limit: u64, links: Links) -> io::Result<Option<Vec<u8>>> {
    let (file, about) = open(path, links)?;
    if about.len() > limit {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default() + 1);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Reads the first bytes of a file, at most `most`.
pub(super) fn read_head(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, Links::Refuse)?.0.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens an ordinary file.
fn open(path: &Path, links: Links) -> io::Result<(File, fs::Metadata)> {
    let file = options(links).open(path)?;
    let about = file.metadata()?;
    if !is_empty_device(&about) {
        ordinary(&about)?;
    }
    Ok((file, about))
}

/// Whether it is `/dev/null`, by which people say that there is nothing.
#[cfg(unix)]
fn is_empty_device(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    about.rdev() != 0 && fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == about.rdev())
}

#[cfg(not(unix))]
fn is_empty_device(_about: &fs::Metadata) -> bool {
    false
}

/// Refuses what is not an ordinary file.
pub(super) fn ordinary(about: &fs::Metadata) -> io::Result<()> {
    if about.is_file() {
        return Ok(());
    }
    Err(io::Error::from(if about.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::Unsupported }))
}

/// A pipe without a writer is opened at once, and not read.
#[cfg(unix)]
fn options(links: Links) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let refuse = if links == Links::Refuse { libc::O_NOFOLLOW } else { 0 };
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | refuse);
    options
}

#[cfg(not(unix))]
fn options(_links: Links) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Whether a file was not opened because it is a link.
#[cfg(unix)]
pub(super) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

#[cfg(not(unix))]
pub(super) fn is_link(_error: &io::Error) -> bool {
    false
}
