//! What is read of projects, what is derived and reported, against what dbt and reviewers say.

mod data_tests;
#[path = "../datalog/facts.rs"]
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
