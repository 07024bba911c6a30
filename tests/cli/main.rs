//! What the command line does, prints and refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may stop at what it does not expect, and its modules are its own"
)]

mod adoption;
mod ask;
mod cache;
mod check;
mod defaults;
mod docs;
mod list;
mod old;
mod output;
#[path = "../program/mod.rs"]
mod program;
mod query;
mod readme;
#[path = "../repo/mod.rs"]
mod repo;
mod rules;
mod since;
