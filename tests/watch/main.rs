//! `harness watch`, as programs and people use it.

mod edits;
mod long;
#[path = "../program/mod.rs"]
mod program;
