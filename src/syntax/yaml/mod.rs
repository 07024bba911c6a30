//! YAML as dbt reads it: the values PyYAML's `SafeLoader` gives, each with its place in the text.
//!
//! Where PyYAML refuses a whole file, this reader keeps what it could compose and says what is
//! wrong. Three things differ on purpose: an alias to a collection that still is open is an error
//! (PyYAML builds an object that contains itself), `!!binary` keeps its text, and the limits of
//! `compose` hold.

mod compose;
mod mapping;
mod messages;
mod resolve;
mod timestamp;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

use crate::span::{Span, SyntaxError};

/// One value and the bytes it stands in. The span of an alias is the alias; its children keep
/// the places where the anchor has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number beyond 64 bits: decimal digits with a `-` where negative.
    BigInt(String),
    Float(f64),
    /// A date or a date with a time, as written.
    Timestamp(String),
    Str(#[serde(with = "crate::shared")] Arc<str>),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a mapping with its value. Where the file repeats a key, this is the last one, at
/// the first one's position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub key: Node,
    pub value: Node,
}

/// A key that one mapping states more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateKey {
    pub key: String,
    /// The mapping that holds the key, such as `models[2].columns[0]`; empty for the outermost.
    pub path: String,
    pub first: Span,
    pub last: Span,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Null for an empty file.
    pub root: Node,
    pub errors: Vec<SyntaxError>,
    pub duplicates: Vec<DuplicateKey>,
    /// Each comment with its `#`, without its line break.
    pub comments: Vec<Span>,
}

/// Reads one YAML file: never fails, returns what it could compose up to the first error that
/// hides the rest.
pub fn parse(text: &str) -> Document {
    compose::compose(text)
}

impl Node {
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self.value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// The value of a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.get_entry(key).map(|entry| &entry.value)
    }

    pub fn get_entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key.as_str() == Some(key))
    }

    /// A scalar as Python's `str()` prints it (`True`, `None`, `1.5`); nothing for collections.
    pub fn key_text(&self) -> Option<Cow<'_, str>> {
        Some(match &self.value {
            Value::Null => Cow::Borrowed("None"),
            Value::Bool(true) => Cow::Borrowed("True"),
            Value::Bool(false) => Cow::Borrowed("False"),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::BigInt(digits) => Cow::Borrowed(digits),
            Value::Float(value) => Cow::Owned(resolve::float_text(*value)),
            Value::Timestamp(text) => timestamp::python_text(text),
            Value::Str(text) => Cow::Borrowed(text),
            Value::Seq(_) | Value::Map(_) => return None,
        })
    }

    /// What this is, for a message such as "must be a mapping, not a list".
    pub fn kind_name(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::BigInt(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Timestamp(_) => "a date",
            Value::Str(_) => "a string",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
