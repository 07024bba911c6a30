//! What was before a change: of the side that `--since` names, what questions and rules ask of it.

use crate::datalog::Constant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rows of a relation, each once.
pub type Rows = Vec<Vec<Constant>>;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Before {
    /// By relation, the rows it had. Only what is read as `old::` is kept.
    pub rows: BTreeMap<String, Arc<Rows>>,
    /// Paths of files that are new, gone or otherwise by now.
    pub changed: BTreeSet<Arc<str>>,
    /// By unique_id, the values of `state:` that hold; where somebody selects by them.
    pub states: Option<BTreeMap<Arc<str>, BTreeSet<&'static str>>>,
}
