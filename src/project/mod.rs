//! What dbt makes of a repo: packages, configuration, macros, nodes and the edges between them.
//! Knows nothing of findings.

pub mod accepted;
pub mod builtins;
pub mod calls;
pub mod columns;
pub mod config;
pub mod data;
pub mod data_tests;
pub mod docs;
pub mod freshness;
pub mod graph;
pub mod hooks;
pub mod jinja;
pub mod layout;
pub mod macro_calls;
pub mod macros;
pub mod naming;
pub mod nodes;
pub mod overrides;
pub mod packages;
pub mod profile;
pub mod properties;
pub mod python;
pub mod resources;
pub mod schema_yaml;
pub mod selection;
mod semantic;
pub mod semantic_names;
pub mod settings;
pub mod settled;
pub mod shapes;
pub mod staging;
pub mod target;
pub mod things;
pub mod vars;
pub mod versions;
