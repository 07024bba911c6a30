//! What is read of projects, what is derived and reported, against what dbt and reviewers say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may stop at what it does not expect, and its modules are its own"
)]

mod data_tests;
#[path = "../datalog/facts.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod facts;
mod fixtures;
mod formats;
mod generator;
mod jinja;
mod manifest;
mod packs;
mod queries;
mod relations;
mod selection;
mod twins;
