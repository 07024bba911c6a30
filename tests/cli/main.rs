//! What the command line does, prints and refuses.

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
