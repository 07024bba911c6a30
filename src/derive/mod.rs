//! What follows from the base relations: one Ascent program a family, run inside a tracked function
//! that reads the relations the family needs and no others. Rows are sorted by their texts before
//! they are returned, so that equal results are equal.

pub mod cycles;
pub mod dependencies;
