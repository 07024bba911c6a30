//! Which edges go against the layers and tenants of the house. The rules are those of
//! `queries/derived/dependencies.dl`.

use super::{Derived, count};
use crate::db::{Sym, sym};
use crate::relations::{self, Cell, Visitor};

include!(concat!(env!("OUT_DIR"), "/dependencies.rs"));

#[salsa::tracked(returns(ref))]
pub fn dependencies<'db>(db: &'db dyn salsa::Database) -> Rows<'db> {
    derive(db, Facts::of(db))
}
