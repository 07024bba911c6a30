//! Values as data without types of their own, which JSON can hold, and of such data.

use crate::containers::{MAX_DEPTH, MAX_HELD};
use crate::dicts::MutDict;
use crate::lists::MutList;
use crate::meter;
use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::ValueKind;

/// The entries of a dict, of names and values as data.
pub fn entries<'v>(entries: impl Iterator<Item = (&'v str, &'v serde_json::Value)>) -> IndexMap<Value, Value> {
    entries.map(|(key, value)| (Value::from(key), mutable(value))).collect()
}

/// A copy of a value whose lists and dicts can be changed in place.
pub fn mutable(value: &serde_json::Value) -> Value {
    if !meter::is_affordable(1) {
        return Value::from(());
    }
    match value {
        serde_json::Value::Array(items) => MutList::value(items.iter().map(mutable).collect()),
        serde_json::Value::Object(object) => {
            MutDict::value(entries(object.iter().map(|(key, value)| (key.as_str(), value))))
        }
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::String(text) => {
            meter::hold(text.len());
            Value::from(text.as_str())
        }
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::from(integer),
            (None, Some(float)) => Value::from(float),
            (None, None) => Value::from(number.to_string()),
        },
    }
}

/// What a template's value is as data; what has no such form is null.
pub fn data(value: &Value) -> serde_json::Value {
    data_within(value, 0, &mut 0)
}

/// Bytes of a value as data, about.
const JSON: usize = 80;

fn data_within(value: &Value, depth: u32, count: &mut usize) -> serde_json::Value {
    use serde_json::Value as Json;
    *count += 1;
    meter::hold(JSON);
    if depth > MAX_DEPTH || *count > MAX_HELD || !meter::is_affordable(1) {
        return Json::Null;
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().into_iter().flatten();
            Json::Array(items.map(|item| data_within(&item, depth + 1, count)).collect())
        }
        ValueKind::Map => {
            let mut entries = serde_json::Map::new();
            for key in value.try_iter().into_iter().flatten() {
                let held = value.get_item(&key).unwrap_or_default();
                entries.insert(key.to_string(), data_within(&held, depth + 1, count));
            }
            Json::Object(entries)
        }
        ValueKind::Plain => Json::String(value.to_string()),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            if meter::room(text.len()).is_err() {
                return Json::Null;
            }
            meter::hold(text.len());
            Json::String(text.to_owned())
        }
        _ => serde_json::to_value(value).unwrap_or(Json::Null),
    }
}
