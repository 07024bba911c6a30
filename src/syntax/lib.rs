//! Parsers for one file each: text in, a tree with byte spans out, errors beside it. None of them
//! fails, none knows of other files.

pub mod conflict;
pub mod jinja;
pub mod python;
pub mod shared;
pub mod span;
pub mod sql;
pub mod suppression;
pub mod yaml;
