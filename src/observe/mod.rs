//! What is seen in one place without joining relations: a name that nothing bears, a file that cannot be
//! read, a CTE that is missing. Each kind is a relation whose rows know where they stand; rules report
//! them and questions ask for them.

mod catalogue;
mod child;
mod config_paths;
mod docs;
mod duplicates;
mod edges;
mod failures;
mod metrics;
mod missing;
mod patches;
mod project;
mod refusals;
mod resources;
mod staging;
mod test_settings;
mod units;
mod values;

pub use crate::relations::places::Place;
pub(crate) use catalogue::index_of;
pub use catalogue::{ALL, Observed, by_name};

use crate::datalog::{Cell, Constant, Part};
use crate::db::{DirectoryOf, Project, Section, SourceFile, Stamped};
use crate::project::data_tests::Test;
use crate::project::nodes::Node;
use crate::relations::WHOLE;
use crate::relations::places::{self, place, start_of_file};
use crate::syntax::span::Span;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How grave something is, from the gravest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        [Self::Error, Self::Warning, Self::Info].into_iter().find(|severity| severity.name() == name)
    }
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub node: Option<Arc<str>>,
    pub subject: Vec<Arc<str>>,
    pub place: Place,
    pub locations: Vec<Place>,
    /// Where it is milder than others of its kind.
    pub severity: Option<Severity>,
    pub args: Vec<(&'static str, String)>,
}

impl Observation {
    /// Its row in the relation.
    pub fn cells(&self, observed: &Observed) -> Vec<Cell<'_>> {
        let arg = |name: &str| self.args.iter().find(|arg| arg.0 == name).map_or("", |arg| arg.1.as_str());
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(observed.columns.len() + 3);
        for (name, _) in observed.columns {
            cells.push(Cell::Text(match *name {
                "node" => self.node.as_deref().unwrap_or_default(),
                "severity" => self.severity.map_or("", Severity::name),
                name => arg(name),
            }));
        }
        let start = self.place.start;
        cells.extend([
            Cell::Text(&self.place.path),
            Cell::Int(i64::from(start.line)),
            Cell::Int(i64::from(start.column)),
        ]);
        cells
    }
}

/// What was seen in a part of the project, with the rows that it makes.
#[derive(Debug, Clone, PartialEq, Default)]
struct Seen {
    all: Vec<Observation>,
    /// The first of each row, by its row.
    by_row: FxHashMap<Vec<Constant>, usize>,
}

impl Seen {
    fn new(observed: &Observed, all: Vec<Observation>) -> Stamped<Self> {
        let mut by_row = FxHashMap::default();
        for (at, observation) in all.iter().enumerate() {
            let row = observation.cells(observed).into_iter().map(Cell::constant).collect();
            by_row.entry(row).or_insert(at);
        }
        Stamped::new(Self { all, by_row })
    }

    /// The first observation of each row, in their order.
    fn rows(&self) -> impl Iterator<Item = &Observation> {
        let mut kept: Vec<usize> = self.by_row.values().copied().collect();
        kept.sort_unstable();
        kept.into_iter().filter_map(|at| self.all.get(at))
    }
}

/// A kind of what is seen, by its place in the list.
#[salsa::interned(revisions = usize::MAX)]
struct KindOf<'db> {
    #[returns(copy)]
    number: usize,
}

#[salsa::tracked(returns(ref))]
fn seen_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>, kind: usize) -> Stamped<Seen> {
    let each = ALL.get(kind).and_then(|observed| Some((observed, observed.each?)));
    each.map_or_else(|| Stamped::new(Seen::default()), |(observed, each)| Seen::new(observed, each(&Rows { db }, key)))
}

#[salsa::tracked(returns(ref))]
fn seen_beside<'db>(db: &'db dyn salsa::Database, kind: KindOf<'db>) -> Stamped<Seen> {
    let whole = ALL.get(kind.number(db)).and_then(|observed| Some((observed, observed.whole?)));
    whole.map_or_else(|| Stamped::new(Seen::default()), |(observed, whole)| Seen::new(observed, whole(&Rows { db })))
}

#[salsa::tracked(returns(ref))]
fn parts_in<'db>(db: &'db dyn salsa::Database, section: Section<'db>, kind: usize) -> Vec<Part> {
    section.directories(db).map(|key| Part { key: key.key(), stamp: seen_in(db, key, kind).stamp }).collect()
}

/// One a directory, and what belongs to none.
#[salsa::tracked(returns(ref))]
fn parts_of<'db>(db: &'db dyn salsa::Database, of: KindOf<'db>) -> Stamped<Vec<Part>> {
    let kind = of.number(db);
    let observed = ALL.get(kind);
    let each = observed.is_some_and(|observed| observed.each.is_some());
    let sections = Project::try_get(db).filter(|_| each).into_iter().flat_map(|project| project.root(db).sections(db));
    let mut parts: Vec<Part> = sections.flat_map(|section| parts_in(db, section, kind)).copied().collect();
    if observed.is_some_and(|observed| observed.whole.is_some()) {
        parts.push(Part { key: WHOLE, stamp: seen_beside(db, of).stamp });
    }
    Stamped::new(parts)
}

/// What was seen in a part.
fn part<'db>(db: &'db dyn salsa::Database, kind: KindOf<'db>, part: &Part) -> &'db Seen {
    match part.key {
        WHOLE => &seen_beside(db, kind).value,
        key => &seen_in(db, DirectoryOf::of_key(key), kind.number(db)).value,
    }
}

/// What was seen, part by part.
fn each_part(db: &dyn salsa::Database, kind: usize) -> impl Iterator<Item = &Seen> {
    let kind = KindOf::new(db, kind);
    parts_of(db, kind).value.iter().map(move |it| part(db, kind, it))
}

impl Observed {
    fn number(&self) -> Option<usize> {
        catalogue::index_of(self.name)
    }

    /// The parts its rows come in.
    pub fn parts<'db>(&self, db: &'db dyn salsa::Database) -> Option<&'db Stamped<Vec<Part>>> {
        self.number().map(|kind| parts_of(db, KindOf::new(db, kind)))
    }

    /// The stamp of what a directory holds; `None` where all rows belong to none.
    pub(crate) fn stamp_in(&self, db: &dyn salsa::Database, key: DirectoryOf<'_>) -> Option<u64> {
        let kind = self.number().filter(|_| self.each.is_some())?;
        Some(seen_in(db, key, kind).stamp)
    }

    /// The stamp of what belongs to no directory; `None` where nothing does.
    pub(crate) fn stamp_beside(&self, db: &dyn salsa::Database) -> Option<u64> {
        let kind = self.number().filter(|_| self.whole.is_some())?;
        Some(seen_beside(db, KindOf::new(db, kind)).stamp)
    }

    /// Gives each row of a part.
    pub fn visit_part(&self, db: &dyn salsa::Database, of: &Part, row: &mut dyn FnMut(&[Cell<'_>])) {
        let seen = self.number().map(|kind| part(db, KindOf::new(db, kind), of));
        seen.into_iter().flat_map(Seen::rows).for_each(|observation| row(&observation.cells(self)));
    }

    /// Gives each row once.
    pub fn visit(&self, db: &dyn salsa::Database, row: &mut dyn FnMut(&[Cell<'_>])) {
        let parts: Vec<&Seen> = self.number().into_iter().flat_map(|kind| each_part(db, kind)).collect();
        for (at, seen) in parts.iter().enumerate() {
            for observation in seen.rows() {
                let cells = observation.cells(self);
                let is_new = |key: &Vec<Constant>| !parts[..at].iter().any(|other| other.by_row.contains_key(key));
                if at == 0 || is_new(&cells.iter().copied().map(Cell::constant).collect()) {
                    row(&cells);
                }
            }
        }
    }

    /// What was seen, by its row.
    pub fn of_row<'db>(&self, db: &'db dyn salsa::Database, row: &[Constant]) -> Option<&'db Observation> {
        let find = |seen: &'db Seen| seen.by_row.get(row).and_then(|at| seen.all.get(*at));
        let kind = self.number()?;
        // Most stand in the file that they are about.
        if let (Some(Constant::Text(path)), Some(root), true) =
            (row.len().checked_sub(3).and_then(|at| row.get(at)), Project::try_get(db), self.each.is_some())
            && let Some(directory) = places::directory_of(db, path)
            && let Some(found) = find(&seen_in(db, DirectoryOf::new(db, root.root(db), directory), kind).value)
        {
            return Some(found);
        }
        each_part(db, kind).find_map(find)
    }
}

/// What those who look share.
pub struct Rows<'db> {
    db: &'db dyn salsa::Database,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl<'db> Rows<'db> {
    fn node(&self, id: &str) -> Option<Node<'db>> {
        places::node(self.db, id)
    }

    fn place(&self, file: SourceFile, span: Span) -> Place {
        place(self.db, file, span)
    }

    fn start_of(&self, node: Node<'db>) -> Place {
        places::start_of(self.db, node)
    }

    fn call(&self, node: Node<'db>, site: u32) -> Place {
        places::call(self.db, node, site)
    }
}

/// Runs what is local to one node; many threads may do so at once.
pub fn prefetch<'db>(db: &'db dyn salsa::Database, node: Node<'db>) {
    staging::prefetch(db, node);
}

/// The same for one data test.
pub fn prefetch_test<'db>(db: &'db dyn salsa::Database, test: Test<'db>) {
    child::prefetch(db, test);
}

/// The last part of a node's unique_id, which people call it by.
fn name_of(id: &str) -> &str {
    id.splitn(3, '.').nth(2).unwrap_or(id)
}
