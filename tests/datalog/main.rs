//! The language of questions: its answers, its errors, its limits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may stop at what it does not expect, and its modules are its own"
)]

mod answers;
mod demand;
mod errors;
mod facts;
mod fuzz;
mod limits;
mod maintain;
mod naive;
mod wrong;
