//! `harness watch`, as programs and people use it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may stop at what it does not expect, and its modules are its own"
)]

mod edits;
mod generated;
#[path = "../live/mod.rs"]
mod live;
mod long;
#[path = "../program/mod.rs"]
mod program;
