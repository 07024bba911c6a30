//! The arguments of a Python function, by place or by name.

use super::values::Unknown;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

#[derive(Debug)]
pub(super) struct Given<'args> {
    pub positional: &'args [Value],
    named: Option<&'args Value>,
}

impl<'args> Given<'args> {
    pub(super) fn of(args: &'args [Value]) -> Self {
        match args.split_last() {
            Some((last, rest)) if last.is_kwargs() => Self { positional: rest, named: Some(last) },
            _ => Self { positional: args, named: None },
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<Value> {
        self.named.and_then(|named| named.get_attr(name).ok()).filter(|value| !value.is_undefined())
    }

    pub(super) fn get(&self, at: usize, name: &str) -> Option<Value> {
        self.positional.get(at).cloned().or_else(|| self.named(name))
    }

    /// An argument that is there and is not none.
    pub(super) fn some(&self, at: usize, name: &str) -> Option<Value> {
        self.get(at, name).filter(|value| !value.is_none() && !value.is_undefined())
    }

    pub(super) fn required(&self, at: usize, name: &str) -> Result<Value, Error> {
        self.get(at, name)
            .ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("the argument {name} is missing")))
    }

    pub(super) fn integer(&self, at: usize, name: &str) -> Result<Option<i64>, Error> {
        self.some(at, name).map(|value| as_integer(&value)).transpose()
    }

    pub(super) fn is_true(&self, at: usize, name: &str) -> bool {
        self.get(at, name).is_some_and(|value| value.is_true())
    }

    /// Whether an argument stands for something this checkout does not hold; so does the result then.
    pub(super) fn has_unknown(&self) -> bool {
        self.positional.iter().any(is_unknown)
    }
}

pub(super) fn is_unknown(value: &Value) -> bool {
    value.downcast_object_ref::<Unknown>().is_some()
        || value.as_str().is_some_and(|text| text.contains(Unknown::MARK) || text.starts_with("__env_"))
}

pub(super) fn as_integer(value: &Value) -> Result<i64, Error> {
    let number = value.as_i64().filter(|_| !matches!(value.kind(), ValueKind::String));
    number.ok_or_else(|| failed(&format!("`{value}` is no integer")))
}

pub(super) fn failed(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}
