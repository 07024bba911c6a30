//! SQL as text: the CTEs, the select lists, the tables and the numbers of a query or of a template
//! of one. Nothing here can fail, and all of it takes linear time.

mod branch;
mod dialect;
pub mod factor;
mod frame;
mod item;
mod keys;
mod keyword;
pub mod raw_names;
mod scan;
mod tables;
pub mod token;

pub use dialect::Dialect;
pub use item::unquoted;
pub use scan::{scan, scan_of};

use self::factor::Scale;
pub use self::keys::Keys;
use crate::span::Span;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Scan {
    /// The CTEs of the file's own `with`; those inside other CTEs are part of their bodies.
    pub ctes: Vec<Cte>,
    /// The names of those inside.
    pub inner_ctes: Vec<Arc<str>>,
    /// The last select of the file itself.
    pub final_select: Option<Select>,
    /// The `with` that introduces the CTEs.
    pub with: Option<Span>,
    /// SQL comments; Jinja's are none.
    pub comments: Vec<Span>,
    pub literals: Vec<Literal>,
    pub tables: Vec<TableName>,
    pub keys: Keys,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cte {
    /// As written, without quotes; where Jinja is part of the name, its tags are, too.
    #[serde(with = "crate::shared")]
    pub name: Arc<str>,
    pub name_span: Span,
    /// Inside the parentheses.
    pub body: Span,
    /// The last select of the body itself.
    pub select: Option<Select>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Select {
    /// The keyword.
    pub span: Span,
    pub items: Vec<Item>,
    /// The first table, where it is a plain name.
    pub from: Option<FromName>,
    /// Nothing is joined to that name, and it has no alias.
    pub alone: bool,
    /// Nothing but whitespace, comments and a semicolon comes after `from NAME`.
    pub clean_end: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FromName {
    pub span: Span,
    /// One part: without quotes. Dotted: as written.
    #[serde(with = "crate::shared")]
    pub name: Arc<str>,
}

/// One entry of a select list; `distinct` and its kind are not part of the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub span: Span,
    /// Given by `as`, or by a name behind the expression; without quotes.
    pub alias: Option<Arc<str>>,
    /// `*`, `t.*`, also with `except (…)` behind.
    pub is_star: bool,
}

/// A number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Literal {
    pub span: Span,
    #[serde(with = "crate::shared")]
    pub text: Arc<str>,
    /// Whether something is multiplied or divided by it.
    pub scale: Option<Scale>,
}

/// A table read by its name: no CTE, no function, no Jinja.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableName {
    pub span: Span,
    #[serde(with = "crate::shared")]
    pub text: Arc<str>,
}
