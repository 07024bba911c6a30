//! YAML as plain data: without places, so that a moved line changes nothing.

use crate::syntax::yaml::{Node, Value};
use memchr::memchr_iter;
use serde::{Deserialize, Serialize};

/// A value in a form that a format without types can hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stored {
    Null,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Stored>),
    Map(Vec<(String, Stored)>),
}

impl Stored {
    pub fn of(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => Self::Int(integer),
                (None, Some(integer)) => Self::Unsigned(integer),
                (None, None) => number.as_f64().map_or(Self::Null, Self::Float),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Json::Object(entries) => Self::Map(Self::entries(entries)),
        }
    }

    pub fn entries(entries: &serde_json::Map<String, serde_json::Value>) -> Vec<(String, Self)> {
        entries.iter().map(|(key, value)| (key.clone(), Self::of(value))).collect()
    }

    pub fn value(self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(flag),
            Self::Int(integer) => Json::from(integer),
            Self::Unsigned(integer) => Json::from(integer),
            Self::Float(float) => serde_json::Number::from_f64(float).map_or(Json::Null, Json::Number),
            Self::Text(text) => Json::String(text),
            Self::List(items) => Json::Array(items.into_iter().map(Self::value).collect()),
            Self::Map(entries) => Json::Object(Self::map(entries)),
        }
    }

    pub fn map(entries: Vec<(String, Self)>) -> serde_json::Map<String, serde_json::Value> {
        entries.into_iter().map(|(key, value)| (key, value.value())).collect()
    }
}

pub fn of(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(integer) => Json::from(*integer),
        Value::Float(float) => serde_json::Number::from_f64(*float).map_or(Json::Null, Json::Number),
        Value::BigInt(text) | Value::Timestamp(text) => Json::String(text.clone()),
        Value::Str(text) => Json::String(text.to_string()),
        Value::Seq(items) => Json::Array(items.iter().map(of).collect()),
        Value::Map(entries) => Json::Object(
            entries.iter().filter_map(|entry| Some((entry.key.key_text()?.into_owned(), of(&entry.value)))).collect(),
        ),
    }
}

/// Texts in a value that hold Jinja, rendered; `skip` names keys whose values stay as they are.
pub fn rendered(
    value: serde_json::Value,
    skip: &dyn Fn(&str) -> bool,
    render: &mut dyn FnMut(&str) -> serde_json::Value,
) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) if has_jinja(&text) => render(&text),
        Json::Array(items) => Json::Array(items.into_iter().map(|item| rendered(item, skip, render)).collect()),
        Json::Object(entries) => Json::Object(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let value = if skip(&key) { value } else { rendered(value, skip, render) };
                    (key, value)
                })
                .collect(),
        ),
        other => other,
    }
}

/// Whether a text holds marks of values that nobody here knows.
pub fn is_unknown(text: &str) -> bool {
    text.contains("__") && ["__unknown__", "__env_"].iter().any(|mark| text.contains(mark))
}

pub fn has_jinja(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr_iter(b'{', bytes).any(|at| matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')))
}

/// What Python takes for true.
pub fn is_true(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => false,
        serde_json::Value::Bool(flag) => *flag,
        serde_json::Value::Number(number) => number.as_f64() != Some(0.0),
        serde_json::Value::String(text) => !text.is_empty(),
        serde_json::Value::Array(items) => !items.is_empty(),
        serde_json::Value::Object(entries) => !entries.is_empty(),
    }
}

/// A list of texts, or one text alone.
pub fn texts(value: Option<&serde_json::Value>) -> Vec<String> {
    match value {
        Some(serde_json::Value::Array(items)) => items.iter().filter_map(scalar).collect(),
        Some(value) => scalar(value).into_iter().collect(),
        None => Vec::new(),
    }
}

/// A scalar as Python prints it; `None` for null, lists and mappings.
pub fn scalar(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(true) => Some("True".to_owned()),
        serde_json::Value::Bool(false) => Some("False".to_owned()),
        _ => None,
    }
}

/// A switch, also where Jinja left it as text.
pub fn flag(value: &serde_json::Value) -> Option<bool> {
    match value {
        serde_json::Value::Bool(flag) => Some(*flag),
        serde_json::Value::String(text) => match text.trim() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
