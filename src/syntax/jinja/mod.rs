//! Jinja as text: tags, blocks, the arguments of `config(…)`, and the rewriting that lets minijinja
//! run what Jinja2 runs. Running it is `project::jinja`.

pub mod blocks;
pub mod call_names;
mod callee;
pub mod config_call;
mod looks;
mod operators;
pub mod rewrite;
pub mod static_text;
pub mod tags;
pub mod tokens;
