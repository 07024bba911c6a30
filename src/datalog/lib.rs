//! A Datalog for questions about a repo: parsed with places, checked, planned, evaluated semi-naively,
//! and explained. It knows neither dbt nor the database: relations come from a [`Catalogue`] and
//! [`Facts`], rules that everybody may read from a [`Library`].

mod aggregate;
mod answer;
mod ast;
mod compile;
mod demand;
mod diagnostic;
mod eval;
mod functions;
mod infer;
pub mod ir;
mod lexer;
mod library;
mod loaded;
mod lower;
mod maintain;
mod old;
mod parser;
mod plan;
mod proof;
mod reports;
mod resolve;
mod schema;
mod sizes;
mod store;
mod strata;
mod value;
mod variables;

pub use answer::{Answer, Rows, Statistics};
pub use compile::{Compiled, check, compile};
pub use diagnostic::{Diagnostic, Span};
pub use eval::{Failure, Limits, Stop};
pub use functions::FUNCTIONS;
pub use library::{BrokenLibrary, Library};
pub use loaded::Loaded;
pub use maintain::{Kept, Maintained, Part, PartedFacts, Programs, Refused, RowNumber, Upkeep};
pub use old::{OLD, former, is_of_a_change, old_names};
pub use proof::{Proof, ProofKind};
pub use reports::{Arg, CompiledReports, Form, Forms, Report, Reported, Reports};
pub use schema::{Catalogue, Cell, Column, Facts, Schema, Type, with_cells};
pub use strata::components;
pub use value::Constant;
