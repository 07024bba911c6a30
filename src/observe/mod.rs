//! What is seen in one place without joining relations: a name that nothing bears, a file that cannot be
//! read, a CTE that is missing. Each kind is a relation whose rows know where they stand; rules report
//! them and questions ask for them.

mod catalogue;
mod child;
mod docs;
mod duplicates;
mod edges;
mod metrics;
mod project;
mod refusals;
mod resources;
mod staging;
mod units;

pub use crate::relations::places::Place;
pub use catalogue::{ALL, Observed, by_name};

use crate::datalog::{Cell, Constant};
use crate::db::SourceFile;
use crate::project::data_tests::Test;
use crate::project::nodes::Node;
use crate::relations::places::{self, place, start_of_file};
use crate::syntax::span::Span;
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock};

/// How grave something is, from the gravest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// What was seen in one run, each kind looked for when it is first asked for.
#[derive(Debug, Default)]
pub struct Observations {
    seen: [OnceLock<Seen>; ALL.len()],
}

#[derive(Debug, Default)]
struct Seen {
    all: Vec<Observation>,
    by_row: FxHashMap<Vec<Constant>, usize>,
}

impl Observations {
    fn seen(&self, db: &dyn salsa::Database, relation: &str) -> Option<(&'static Observed, &Seen)> {
        let at = catalogue::index_of(relation)?;
        let (observed, seen) = (ALL.get(at)?, self.seen.get(at)?);
        let look = || {
            let all = (observed.derive)(&Rows { db });
            let mut by_row = FxHashMap::default();
            for (at, observation) in all.iter().enumerate() {
                let row = observation.cells(observed).into_iter().map(Cell::constant).collect();
                by_row.entry(row).or_insert(at);
            }
            Seen { all, by_row }
        };
        Some((observed, seen.get_or_init(look)))
    }

    /// Gives each row of a relation once.
    pub fn visit(&self, db: &dyn salsa::Database, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        let Some((observed, seen)) = self.seen(db, relation) else { return };
        let mut kept: Vec<usize> = seen.by_row.values().copied().collect();
        kept.sort_unstable();
        for observation in kept.into_iter().filter_map(|at| seen.all.get(at)) {
            row(&observation.cells(observed));
        }
    }

    /// What was seen, by its row.
    pub fn of_row(&self, db: &dyn salsa::Database, relation: &str, row: &[Constant]) -> Option<&Observation> {
        let (_, seen) = self.seen(db, relation)?;
        seen.by_row.get(row).and_then(|at| seen.all.get(*at))
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
