//! Where the rows of relations stand.

use super::of_the_run;
use crate::datalog::{Constant, with_cells};
use crate::db::Stamped;
use crate::observe::{self, Severity};
use crate::relations;
use crate::relations::places::{self, Place};
use std::sync::Arc;

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The one that matters most first.
    pub places: Vec<Place>,
    /// Of what was seen, what tells it from others.
    pub subject: Option<Vec<Arc<str>>>,
    /// Of what was seen, where it is milder than others of its kind.
    pub severity: Option<Severity>,
}

/// Where a row of a relation stands; the row of no relation is the unique_id of a thing.
pub fn standing(db: &dyn salsa::Database, relation: &str, row: &[Constant]) -> Standing {
    let at = |places: Vec<Place>| Standing { places, ..Standing::default() };
    if let ("", [Constant::Text(id)]) = (relation, row) {
        return at(places::of_thing(db, id).into_iter().collect());
    }
    if let Some(seen) = observe::by_name(relation).and_then(|observed| observed.of_row(db, row)) {
        let places = std::iter::once(&seen.place).chain(&seen.locations).cloned().collect();
        return Standing { places, subject: Some(seen.subject.clone()), severity: seen.severity };
    }
    if let Some(of_the_run) = of_the_run(relation) {
        return at(of_the_run.place(row).into_iter().collect());
    }
    let relation = relations::by_name(relation);
    at(relation.map(|relation| with_cells(row, |cells| places::all(db, relation, cells))).unwrap_or_default())
}

/// A row, as a key of queries.
#[salsa::interned(revisions = usize::MAX)]
pub struct RowOf<'db> {
    /// Its relation; empty for a thing with a unique_id.
    #[returns(ref)]
    pub relation: Arc<str>,
    #[returns(ref)]
    pub values: Vec<Constant>,
}

/// Where a row stands, remembered.
#[salsa::tracked(returns(ref))]
pub fn stands<'db>(db: &'db dyn salsa::Database, row: RowOf<'db>) -> Stamped<Standing> {
    Stamped::new(standing(db, row.relation(db), row.values(db)))
}
