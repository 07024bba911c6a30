//! What the scan knows about each bracket that is open.

use super::Select;

/// Whose query stands between two brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    File,
    Cte,
    /// A subquery, an argument list, an index: nothing that is reported.
    Inner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// The body of the CTE at this place of the list.
    Body(usize),
    /// Brackets around a whole branch of a query: `(select …) union all (select …)`.
    Group,
}

/// How far a list of CTEs has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    Absent,
    Name,
    As,
    Body,
    /// Behind a body: a comma, or the query.
    Comma,
    /// Behind something that is no CTE.
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before `select`.
    Start,
    List,
    From,
    /// Behind `from`.
    Rest,
}

pub(crate) struct Frame {
    pub(crate) open: usize,
    pub(crate) bracket: u8,
    pub(crate) level: Level,
    pub(crate) role: Role,
    pub(crate) with: With,
    pub(crate) with_keyword: usize,
    pub(crate) name: (usize, usize),
    pub(crate) phase: Phase,
    /// A table's name comes next.
    pub(crate) expects_table: bool,
    /// A comma is followed by another table.
    pub(crate) in_from: bool,
    pub(crate) expects_alias: bool,
    pub(crate) first_table: bool,
    pub(crate) query: Option<Box<Query>>,
}

/// The select being read where selects are reported.
#[derive(Default)]
pub(crate) struct Query {
    pub(crate) select: Option<Select>,
    pub(crate) item_from: usize,
    /// The token after `from NAME`.
    pub(crate) rest: Option<usize>,
    /// The same, where the name is this query's own and not one of a query in brackets.
    pub(crate) named: Option<usize>,
}

impl Frame {
    pub(crate) fn new(open: usize, level: Level, role: Role) -> Self {
        Self {
            open,
            bracket: b'(',
            level,
            role,
            with: With::Absent,
            with_keyword: 0,
            name: (0, 0),
            phase: Phase::Start,
            expects_table: false,
            in_from: false,
            expects_alias: false,
            first_table: false,
            query: (level != Level::Inner).then(Box::default),
        }
    }
}
