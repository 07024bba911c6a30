//! `as_bool` and the like as YAML has them: a text that is read as a value where it is all there is.
//! So `x | as_bool` counts as true in a condition, whatever `x` is.

use super::functions::native;
use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, ValueKind};
use std::fmt;
use std::sync::Arc;

#[derive(Debug)]
struct Marker {
    text: String,
    value: Value,
}

impl Object for Marker {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.text.is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn marked(value: &Value) -> Value {
    if value.downcast_object_ref::<Marker>().is_some() {
        return value.clone();
    }
    let text = match value.kind() {
        ValueKind::Bool if value.is_true() => "True".to_owned(),
        ValueKind::Bool => "False".to_owned(),
        ValueKind::None => "None".to_owned(),
        _ => value.to_string(),
    };
    Value::from_object(Marker { text, value: native(value) })
}

/// What a text amounts to whose whole value this is.
pub(super) fn unmarked(value: Value) -> Value {
    value.downcast_object_ref::<Marker>().map_or(value.clone(), |marker| marker.value.clone())
}
