//! The arguments of a Python function, by place or by name.

use crate::unknown::is_unknown;
use minijinja::value::{ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, Value};

/// What a call gives: the arguments by place, and those by name.
#[derive(Debug)]
pub struct Given<'args> {
    pub positional: &'args [Value],
    named: Option<&'args Value>,
}

impl<'args> Given<'args> {
    pub fn of(args: &'args [Value]) -> Self {
        match args.split_last() {
            Some((last, rest)) if last.is_kwargs() => Self { positional: rest, named: Some(last) },
            _ => Self { positional: args, named: None },
        }
    }

    /// An argument that can be given by name alone.
    pub fn named(&self, name: &str) -> Option<Value> {
        self.named.and_then(|named| named.get_attr(name).ok()).filter(|value| !value.is_undefined())
    }

    /// An argument that can be given either way.
    pub fn get(&self, at: usize, name: &str) -> Option<Value> {
        self.positional.get(at).cloned().or_else(|| self.named(name))
    }

    /// An argument that is there and is not none.
    pub(crate) fn some(&self, at: usize, name: &str) -> Option<Value> {
        self.get(at, name).filter(|value| !value.is_none() && !value.is_undefined())
    }

    pub fn required(&self, at: usize, name: &str) -> Result<Value, Error> {
        self.get(at, name)
            .ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("the argument {name} is missing")))
    }

    pub(crate) fn integer(&self, at: usize, name: &str) -> Result<Option<i64>, Error> {
        self.some(at, name).map(|value| as_integer(&value)).transpose()
    }

    pub fn is_true(&self, at: usize, name: &str) -> bool {
        self.get(at, name).is_some_and(|value| value.is_true())
    }

    /// Whether an argument stands for something this checkout does not hold; so does the result then.
    pub(crate) fn has_unknown(&self) -> bool {
        self.positional.iter().any(is_unknown)
    }
}

pub(crate) fn as_integer(value: &Value) -> Result<i64, Error> {
    let number = value.as_i64().filter(|_| !matches!(value.kind(), ValueKind::String));
    number.ok_or_else(|| failed(&format!("`{value}` is no integer")))
}

pub(crate) fn failed(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}

/// Arguments as they were given: those by name come last, as one value.
pub fn plain(args: Vec<ValueOrKwargs>) -> Vec<Value> {
    args.into_iter().map(ValueOrKwargs::into_value).collect()
}
