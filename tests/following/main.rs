//! Sessions that follow edits: what runs again, what it costs, and that a fresh session says the same.

mod equivalence;
mod follow;
mod incremental;
#[path = "../live/mod.rs"]
mod live;
mod reach;
#[path = "../shop/mod.rs"]
mod shop;
mod update;
