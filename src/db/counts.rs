//! What queries did: executed, found to hold still, or executed for the same result as before.

use salsa::plumbing::ZalsaDatabase;
use salsa::{DatabaseKeyIndex, Event, EventKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// How often each query was executed, by its name.
pub type Executed = BTreeMap<String, usize>;

/// The tier that a query is of, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// What one text says.
    Text,
    /// What dbt makes of files, nodes and names.
    Project,
    /// Rows of one directory.
    Directory,
    /// Sums over some directories.
    Section,
    /// Sums over the project.
    Sum,
    /// What follows from relations.
    Derived,
    /// Where rows stand.
    Place,
}

/// Queries that read one text and nothing else.
const TEXT: [&str; 7] = ["blocks", "directives", "lines", "macro_syntax", "scan_of_block", "scan_of_file", "yaml"];

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Project => "project",
            Self::Directory => "directory",
            Self::Section => "section",
            Self::Sum => "sum",
            Self::Derived => "derived",
            Self::Place => "place",
        }
    }

    /// By the query's name, and the source file that defines it.
    fn of(name: &str, file: &str) -> Self {
        let file = file.replace('\\', "/");
        let is_in = |folder: &str| file.contains(folder);
        match name {
            name if TEXT.contains(&name) => Self::Text,
            "of_section" | "parts_in" | "section_may_say" => Self::Section,
            name if name.ends_with("_of_section") => Self::Section,
            "of_directory" | "some_may_say" => Self::Directory,
            name if name.ends_with("_in") && !is_in("src/project/") => Self::Directory,
            "stamps_beside" => Self::Sum,
            _ if is_in("src/query/") || is_in("src/relations/places/") => Self::Place,
            _ if is_in("src/derive/") => Self::Derived,
            _ if is_in("src/relations/") || is_in("src/observe/") => Self::Sum,
            _ => Self::Project,
        }
    }
}

/// What the queries of one name did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub executed: usize,
    /// Found to hold still, after something had changed.
    pub reused: usize,
    /// Executed, and the result was the one before: who reads it was not executed for it. Known of queries whose
    /// results are stamped, which are the tiers of relations and the indexes.
    pub early_cut: usize,
}

/// What queries did since somebody looked last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<(Phase, String), Count>);

impl Counts {
    /// Those that were executed, whatever their phase.
    pub fn executed(&self) -> Executed {
        let mut executed = Executed::new();
        for ((_, name), count) in self.0.iter().filter(|(_, count)| count.executed > 0) {
            *executed.entry(name.clone()).or_default() += count.executed;
        }
        executed
    }
}

#[derive(Debug, Clone, Copy)]
enum Noted {
    Executed(DatabaseKeyIndex),
    Reused(DatabaseKeyIndex),
    /// A query's result was stamped: of the stamped queries the thread is in, the innermost ends.
    Stamped(u64),
    /// The result with this stamp is equal to the one before.
    Equal(u64),
}

/// What happened, in order on each thread.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Vec<(ThreadId, Noted)>>);

thread_local! {
    /// The log of the database whose queries this thread executes.
    static OWN: RefCell<Option<Arc<Log>>> = const { RefCell::new(None) };
}

/// Queries whose results are stamped.
const STAMPED: [&str; 17] = [
    "all_said",
    "indexed_disabled_sources",
    "indexed_nodes",
    "indexed_openness",
    "indexed_patches",
    "indexed_sources",
    "meta_excuses",
    "of_directory",
    "of_project",
    "parts",
    "parts_of",
    "seen_beside",
    "seen_in",
    "stamps_beside",
    "stamps_of_section",
    "stands",
    "stated",
];

impl Log {
    pub(super) fn note_event(self: &Arc<Self>, event: &Event) {
        match event.kind {
            EventKind::WillExecute { database_key } => {
                OWN.with_borrow_mut(|own| {
                    if own.as_ref().is_none_or(|own| !Arc::ptr_eq(own, self)) {
                        *own = Some(Arc::clone(self));
                    }
                });
                self.note(Noted::Executed(database_key));
            }
            EventKind::DidValidateMemoizedValue { database_key } => self.note(Noted::Reused(database_key)),
            _ => {}
        }
    }

    fn note(&self, noted: Noted) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((thread::current().id(), noted));
    }

    pub(super) fn take<D: ZalsaDatabase>(&self, db: &D) -> Counts {
        let noted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut names: HashMap<salsa::IngredientIndex, (Phase, String)> = HashMap::new();
        let mut counts = Counts::default();
        let mut within: HashMap<ThreadId, Vec<(Phase, String)>> = HashMap::new();
        let mut stamped: HashMap<u64, (Phase, String)> = HashMap::new();
        for (thread, noted) in noted {
            let mut name = |key: DatabaseKeyIndex| {
                let ingredient = db.zalsa().lookup_ingredient(key.ingredient_index());
                let (name, file) = (ingredient.debug_name(), ingredient.location().file);
                let named = || (Phase::of(name, file), name.to_owned());
                names.entry(key.ingredient_index()).or_insert_with(named).clone()
            };
            match noted {
                Noted::Executed(key) => {
                    let of = name(key);
                    if STAMPED.contains(&of.1.as_str()) {
                        within.entry(thread).or_default().push(of.clone());
                    }
                    counts.0.entry(of).or_default().executed += 1;
                }
                Noted::Reused(key) => counts.0.entry(name(key)).or_default().reused += 1,
                Noted::Stamped(stamp) => {
                    let ended = within.get_mut(&thread).and_then(Vec::pop);
                    stamped.extend(ended.map(|of| (stamp, of)));
                }
                Noted::Equal(stamp) => {
                    let of = stamped.get(&stamp);
                    of.into_iter().for_each(|of| counts.0.entry(of.clone()).or_default().early_cut += 1);
                }
            }
        }
        counts
    }
}

pub(super) fn note_stamp(stamp: u64) {
    note(Noted::Stamped(stamp));
}

pub(super) fn note_equal(stamp: u64) {
    note(Noted::Equal(stamp));
}

fn note(noted: Noted) {
    OWN.with_borrow(|own| own.iter().for_each(|own| own.note(noted)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_of_the_tier_that_its_place_in_the_source_tells() {
        let of = |name: &str, file: &str| Phase::of(name, file).name();
        assert_eq!(of("yaml", "src/project/packages.rs"), "text");
        assert_eq!(of("facts", "src/project/nodes.rs"), "project");
        assert_eq!(of("declared_in", "src/project/data_tests/declared.rs"), "project");
        assert_eq!(of("of_directory", "src/relations/catalogue/edges.rs"), "directory");
        assert_eq!(of("groups_in", "src\\observe\\refusals.rs"), "directory");
        assert_eq!(of("groups_of_section", "src/observe/refusals.rs"), "section");
        assert_eq!(of("parts", "src/relations/catalogue/edges.rs"), "sum");
        assert_eq!(of("cycles", "src/derive/cycles.rs"), "derived");
        assert_eq!(of("stands", "src/query/standing.rs"), "place");
    }
}
