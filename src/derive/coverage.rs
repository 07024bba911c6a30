//! Who covers what: which nodes are described, tested, keyed, fresh and read, and which are not. The rules are those
//! of `queries/derived/coverage.dl`.

use super::Derived;
use crate::db::{Sym, sym};
use crate::relations::{self, Cell, Visitor};

include!(concat!(env!("OUT_DIR"), "/coverage.rs"));

#[salsa::tracked(returns(ref))]
pub fn coverage<'db>(db: &'db dyn salsa::Database) -> Rows<'db> {
    derive(db, Facts::of(db))
}
