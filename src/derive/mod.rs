//! What follows from the base relations: one Ascent program a family, run inside a tracked function
//! that reads the relations the family needs and no others. Rows are sorted by their texts before
//! they are returned, so that equal results are equal.
//!
//! Rules read what is derived here; questions and proofs read its twin in `queries/derived`, which has the
//! relations' columns and what they mean.

pub mod coverage;
pub mod cycles;
pub mod dependencies;

use crate::relations::Visitor;

/// A relation of a family.
#[derive(Debug, Clone, Copy)]
pub struct Derived {
    /// As its twin is called.
    pub name: &'static str,
    /// Gives each row once, sorted.
    pub visit: fn(&dyn salsa::Database, &mut Visitor<'_>),
}

/// The relations of all families.
pub fn all() -> impl Iterator<Item = &'static Derived> {
    [coverage::RELATIONS.as_slice(), dependencies::RELATIONS.as_slice()].into_iter().flatten()
}

pub fn by_name(name: &str) -> Option<&'static Derived> {
    all().find(|derived| derived.name == name)
}
