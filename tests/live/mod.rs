//! A session that follows edits, beside a fresh one for each state of the files.

#![allow(dead_code, reason = "each target uses its part")]

pub mod bases;
pub mod dice;
pub mod edits;
pub mod script;
pub mod state;
pub mod yaml;
