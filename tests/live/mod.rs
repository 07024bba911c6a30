//! A session that follows edits, beside a fresh one for each state of the files.

#![allow(unreachable_pub, reason = "a module of tests")]
#![allow(dead_code, reason = "each target uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it does not expect")]

pub mod bases;
pub mod dice;
pub mod edits;
pub mod script;
pub mod state;
