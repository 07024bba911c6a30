//! Sessions that follow edits: what runs again, what it costs, and that a fresh session says the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may stop at what it does not expect, and its modules are its own"
)]

mod equivalence;
mod follow;
mod generator;
mod incremental;
#[path = "../live/mod.rs"]
mod live;
mod reach;
#[path = "../shop/mod.rs"]
mod shop;
mod update;
