//! The tree of a commit, read from git's objects: nothing is checked out, and neither the work tree nor the
//! index is written.

mod ignored;
mod revision;
mod tree;

pub use revision::{NoRevision, Revision, at};
pub use tree::Commit;
