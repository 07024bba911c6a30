//! What `harness` reports: one fact that a person acts on once.

pub use crate::observe::{Place, Severity};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A finding, which costs nothing to copy. Who changes one has a copy of its own from then on.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Finding(Arc<Told>);

/// What a finding tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Told {
    pub rule: Arc<str>,
    pub severity: Severity,
    pub place: Place,
    /// The unique_id the finding is about, where it is about one.
    pub node: Option<Arc<str>>,
    /// What tells this finding from the rule's others; never a line or a message.
    pub subject: Vec<Arc<str>>,
    pub message: String,
    pub remedy: String,
    /// Further places of the same fact.
    pub locations: Vec<Place>,
    /// 16 hex digits.
    pub fingerprint: String,
    /// Findings of one rule with the same cause are told as one.
    pub cause: Option<Arc<str>>,
    pub fixable: bool,
    pub status: Status,
}

impl Finding {
    /// Whether both are one copy; equal findings may be two.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Told> for Finding {
    fn from(told: Told) -> Self {
        Self(Arc::new(told))
    }
}

impl Deref for Finding {
    type Target = Told;

    fn deref(&self) -> &Told {
        &self.0
    }
}

impl DerefMut for Finding {
    fn deref_mut(&mut self) -> &mut Told {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a baseline, or the commit that is compared with, knows the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Status {
    #[default]
    New,
    Old,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Old => "old",
        }
    }
}

/// A finding that a comment or a `meta` entry in the repo excuses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Suppressed {
    pub finding: Finding,
    /// What the author gives as the reason; may be empty.
    pub reason: String,
    /// Where it is excused.
    pub by: Place,
}
