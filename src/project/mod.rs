//! What dbt makes of a repo: packages, configuration, macros, nodes and the edges between them.
//! Knows nothing of findings.

pub mod calls;
pub mod config;
pub mod data;
pub mod data_tests;
pub mod graph;
pub mod jinja;
pub mod layout;
pub mod macros;
pub mod nodes;
pub mod packages;
pub mod profile;
pub mod properties;
pub mod python;
pub mod settings;
pub mod staging;
pub mod target;
pub mod vars;
