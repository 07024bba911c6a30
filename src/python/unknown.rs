//! The value of what nobody knows.

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};
use std::fmt;
use std::sync::Arc;

/// What stands for the result of something this checkout does not hold: it can be called, has every
/// attribute, is empty and false, and prints a name that keeps the SQL readable.
#[derive(Debug)]
pub struct Unknown;

impl Unknown {
    /// What it prints, and what is in each text that was made of it.
    pub const MARK: &'static str = "__unknown__";

    pub fn value() -> Value {
        Value::from_object(Self)
    }
}

impl Object for Unknown {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Self::value())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Ok(Self::value())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, _: &str, _: &[Value]) -> Result<Value, Error> {
        Ok(Self::value())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::MARK)
    }
}

/// How a text begins that stands for a variable of the environment whose value nobody knows.
const VARIABLE: &str = "__env_";

/// Whether a value, or a text that was made of one, stands for something this checkout does not hold.
pub fn is_unknown(value: &Value) -> bool {
    value.downcast_object_ref::<Unknown>().is_some()
        || value.as_str().is_some_and(|text| text.contains(Unknown::MARK) || text.starts_with(VARIABLE))
}
