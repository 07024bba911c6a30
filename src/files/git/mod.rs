//! The tree of a commit, read from git's objects: nothing is checked out, and neither the work tree nor the
//! index is written.

mod ignored;
mod preflight;
mod revision;
mod tree;

pub use revision::{NoRevision, Revision, at};

use gix::ThreadSafeRepository;
use std::path::Path;

/// Opens a repository by its root. Only its own settings count, without files that these include; no object is read
/// that is far larger than what is asked for.
fn open(root: &Path) -> Option<ThreadSafeRepository> {
    let options = gix::open::Options::isolated().config_overrides([MOST_OF_ONE_OBJECT]);
    ThreadSafeRepository::open_opts(root, options).ok()
}

const MOST_OF_ONE_OBJECT: &str = "gitoxide.objects.allocLimit=134217728";
pub use tree::Commit;
