//! What is read of projects, what is derived and reported, against what dbt and reviewers say.

mod data_tests;
#[path = "../datalog/facts.rs"]
#[allow(dead_code, reason = "each target uses its part")]
mod facts;
mod fixtures;
mod formats;
mod jinja;
mod manifest;
mod packs;
mod queries;
mod relations;
mod selection;
mod twins;
