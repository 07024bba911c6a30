//! What `ref`, `source` and `this` yield.

use crate::python::dicts::MutDict;
use crate::python::unknown::Unknown;
use minijinja::value::{Enumerator, Object};
use minijinja::{Error, State, Value};
use std::fmt;
use std::sync::Arc;

/// The name of a table, and truthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub database: Arc<str>,
    pub schema: Arc<str>,
    pub identifier: Arc<str>,
    /// What it prints, where that is less than all its parts.
    pub printed: Option<Arc<str>>,
}

impl Relation {
    fn part(&self, name: &str) -> Option<Value> {
        Some(match name {
            "database" => Value::from(&*self.database),
            "schema" => Value::from(&*self.schema),
            "identifier" | "name" | "table" => Value::from(&*self.identifier),
            "type" | "metadata" => Unknown::value(),
            "is_table" | "is_view" | "is_cte" => Value::from(false),
            _ => return None,
        })
    }
}

impl Object for Relation {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.part(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["database", "schema", "identifier"])
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            // dbt's macros ask a value whether it is a relation through its metadata's type.
            "get" if args.first().and_then(Value::as_str) == Some("metadata") => {
                MutDict::value([(Value::from("type"), Value::from("Relation"))].into_iter().collect())
            }
            "get" => args.first().and_then(Value::as_str).and_then(|name| self.part(name)).unwrap_or_default(),
            "render" => Value::from(self.to_string()),
            _ => Value::from_dyn_object(self.clone()),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(printed) = &self.printed {
            return f.write_str(printed);
        }
        for part in [&self.database, &self.schema] {
            if !part.is_empty() {
                write!(f, "{part}.")?;
            }
        }
        f.write_str(&self.identifier)
    }
}
