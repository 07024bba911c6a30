//! What relations look like, and what the language asks of whoever keeps the facts.

use super::value::Constant;
use std::sync::Arc;

/// What a column holds. A `Text` may hold any text, so it meets each of the other kinds of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A unique_id.
    Node,
    /// A column of a table.
    Column,
    /// A file of the project, relative to its folder.
    Path,
    Name,
    Text,
    Int,
    /// A number with its digits as written.
    Decimal,
}

impl Type {
    pub const ALL: [Self; 7] = [Self::Node, Self::Column, Self::Path, Self::Name, Self::Text, Self::Int, Self::Decimal];

    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Column => "column",
            Self::Path => "path",
            Self::Name => "name",
            Self::Text => "text",
            Self::Int => "int",
            Self::Decimal => "decimal",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.name() == name)
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Decimal)
    }

    /// What a value of both types is; `None` where there can be none.
    pub(super) fn meet(self, other: Self) -> Option<Self> {
        match (self, other) {
            (left, right) if left == right => Some(left),
            (Self::Text, text) | (text, Self::Text) if !text.is_number() => Some(text),
            (Self::Name, Self::Column) | (Self::Column, Self::Name) => Some(Self::Name),
            (left, right) if left.is_number() && right.is_number() => Some(Self::Decimal),
            _ => None,
        }
    }

    /// What a column holds that is filled with both.
    pub(super) fn join(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Text, text) | (text, Self::Text) if !text.is_number() => Some(Self::Text),
            (left, right) => left.meet(right),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub of: Type,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    pub name: String,
    pub columns: Vec<Column>,
}

impl Schema {
    /// `ref(child: node, parent: node)`
    pub fn shown(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|column| format!("{}: {}", column.name, column.of.name())).collect();
        format!("{}({})", self.name, columns.join(", "))
    }
}

/// The relations that exist without a program, and the nodes that a program may name.
pub trait Catalogue {
    fn schema(&self, relation: &str) -> Option<Schema>;
    /// All relations, for suggestions.
    fn names(&self) -> Vec<String>;
    /// The ids of the nodes that bear a name: for `@name`.
    fn nodes(&self, name: &str) -> Vec<Arc<str>>;
    /// A name like this one that some node bears.
    fn similar_node(&self, name: &str) -> Option<String>;
}

/// Where the rows of base relations come from.
pub trait Facts {
    /// Gives each row of a relation once.
    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>]));

    /// Whether the relation has the same rows for all programs that share a [`super::Loaded`].
    fn is_lasting(&self, _relation: &str) -> bool {
        true
    }
}

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell<'a> {
    Text(&'a str),
    Int(i64),
    /// A number as it is spelled.
    Decimal(&'a str),
}

impl<'a> Cell<'a> {
    /// The text of a cell that is one; a decimal's digits.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) | Self::Decimal(text) => Some(text),
            Self::Int(_) => None,
        }
    }

    pub fn int(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::Text(_) | Self::Decimal(_) => None,
        }
    }

    pub fn constant(self) -> Constant {
        match self {
            Self::Text(text) => Constant::text(text),
            Self::Int(number) => Constant::Int(number),
            Self::Decimal(spelled) => Constant::number(spelled).unwrap_or_else(|| Constant::text(spelled)),
        }
    }
}

/// Gives a row of constants to some work in the form in which facts come.
pub fn with_cells<R>(row: &[Constant], work: impl FnOnce(&[Cell<'_>]) -> R) -> R {
    let spelled: Vec<String> = row.iter().map(ToString::to_string).collect();
    let cell = |(value, spelled)| match value {
        &Constant::Int(number) => Cell::Int(number),
        Constant::Text(text) => Cell::Text(text),
        Constant::Decimal(_) => Cell::Decimal(spelled),
    };
    let cells: Vec<Cell<'_>> = row.iter().zip(spelled.iter().map(String::as_str)).map(cell).collect();
    work(&cells)
}
