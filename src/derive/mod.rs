//! What follows from the base relations: one Ascent program a family, run inside a tracked function
//! that reads the relations the family needs and no others. Rows are sorted by their texts before
//! they are returned, so that equal results are equal.
//!
//! A family is written once, in `queries/derived`, which has its relations' columns and what they mean. The build
//! makes the Ascent program of it (`build/ascent.rs`), which rules read; questions and proofs read what the
//! interpreter derives from the same text.

pub mod coverage;
pub mod cycles;
pub mod dependencies;

use crate::relations::Visitor;

/// A relation of a family.
#[derive(Debug, Clone, Copy)]
pub struct Derived {
    /// As its file declares it.
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

/// How many rows agree, as the language counts.
pub fn count(rows: impl Iterator<Item = ()>) -> impl Iterator<Item = i64> {
    std::iter::once(i64::try_from(rows.count()).unwrap_or(i64::MAX))
}
