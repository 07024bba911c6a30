//! The language of questions: its answers, its errors, its limits.

mod answers;
mod demand;
mod errors;
mod facts;
mod fuzz;
mod limits;
mod maintain;
mod naive;
mod wrong;
