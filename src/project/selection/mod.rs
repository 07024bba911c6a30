//! dbt's node selection: `--select`, `--exclude` and the selectors of selectors.yml.
//!
//! `parse` and `parse_all` read what the command line says, `selectors` what selectors.yml does; both give
//! a `Spec`, without asking the project. `check` tells which selectors a spec names that nobody wrote, and
//! `evaluate` gives the unique_ids it selects. Rules see the whole project all the same: who filters what
//! by a selection is up to the caller.

mod defaults;
mod evaluate;
mod member;
mod methods;
mod parse;
mod patterns;
mod selector;
mod spec;

pub use evaluate::{check, evaluate, missing};
pub use member::{Member, Members, members};
pub use parse::{parse, parse_all};
pub use selector::{Selector, selector_errors, selectors};
pub use spec::{Criteria, Definition, Indirect, Kinds, Method, Operator, RESOURCE_TYPES, Spec};
