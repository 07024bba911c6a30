//! Architecture checks for dbt repos, from a bare checkout.
//!
//! *Files become facts, Ascent derives, rules report, questions ask.* A project is read into one salsa database.
//! Its inputs are texts of files and what the command line says; all else is a query, which runs
//! again only when something it read has changed. docs/architecture.md says more.
//!
//! # Modules, in order of dependency
//!
//! Each names only those before it. [`similar`] to [`python`] are crates, so there the compiler holds it; for the rest
//! `tests/architecture.rs` fails otherwise.
//!
//! - [`similar`]: which name a mistyped one means
//! - [`datalog`]: the language of questions: parser, checks, planner, evaluation, upkeep of rows, proofs; it
//!   knows neither dbt nor the database
//! - [`files`]: the operating system's files, what happens to them, and the only place that touches them
//! - [`syntax`]: one text in, a tree with byte spans and errors out: YAML, Jinja, SQL, Python
//! - [`python`]: what templates compute with as Python does, and how much of it one rendering may
//! - [`db`]: the salsa database, its inputs, and counters of what queries do
//! - [`project`]: what dbt makes of a repo: profile and target, packages, configuration, macros,
//!   rendering, nodes, data tests, YAML resources, edges; node selection; harness.yml, layers, the
//!   staging pattern
//! - [`relations`]: the base relations, each declared once, by directory and in sum
//! - [`mod@derive`]: what follows from them: one Ascent program a family, and cycles
//! - [`observe`]: what is seen in one place, as relations whose rows know where they stand
//! - [`query`]: questions about a repo: the relations as facts, the rules of `queries/derived`, the
//!   named questions of `queries/ask`, places of proofs
//! - [`rules`]: the Markdown files of `queries/rules` and of the repo, which of them run, their Datalog, findings
//!   with places; excuses and the baseline
//! - [`report`]: what a run says, one file a format, from text to SARIF; answers, proofs and lists; and the
//!   subset of dbt's manifest
//! - [`session`]: a project loaded into a database, the run of the rules on it, answers to questions
//! - [`cli`]: the command line, one file a command; the only place that prints
//!
//! # What holds everywhere
//!
//! - Queries read inputs and queries: never the disk, the clock or the environment.
//! - Facts have no places. What is derived stays when a line moves; a finding looks its place up
//!   when it is made.
//! - A rendering depends on the macros, names and vars that it asked for, found or not.
//! - No parser fails: it returns what it understood, and errors with place and remedy. What is wrong
//!   in a dbt repo is a finding, and the rest goes on.
//! - What nobody can know, because a package is absent, is unknown, and never said to be missing.
//! - The same input gives the same bytes: rows and findings are sorted by their texts.
//!
//! # A check in code
//!
//! [`session::check_files`] checks a project that is given as paths and texts. For a folder, load a
//! [`session::Session`] from [`files::Disk`] inside [`session::on_large_stacks`], and call
//! [`session::Session::check`] with [`rules::registry::Registry::embedded`].

pub mod cli;
pub mod db;
pub mod derive;
pub mod observe;
pub mod project;
pub mod query;
pub mod relations;
pub mod report;
pub mod rules;
pub mod session;

pub use harness_datalog as datalog;
pub use harness_files as files;
pub use harness_python as python;
pub use harness_similar as similar;
pub use harness_syntax as syntax;
