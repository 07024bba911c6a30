//! Values that templates change in place, as Python's lists and dicts, and the value of what
//! nobody knows.

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Tuple, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Default)]
pub struct MutList(Mutex<Vec<Value>>);

impl MutList {
    pub fn value(items: Vec<Value>) -> Value {
        Value::from_object(Self(Mutex::new(items)))
    }

    fn items(&self) -> Vec<Value> {
        lock(&self.0).clone()
    }
}

fn index_of(length: usize, index: i64) -> Option<usize> {
    let at = if index < 0 { index + i64::try_from(length).ok()? } else { index };
    usize::try_from(at).ok().filter(|at| *at < length)
}

fn elements(value: &Value) -> Result<Vec<Value>, Error> {
    if value.is_undefined() || value.is_none() { Ok(Vec::new()) } else { Ok(value.try_iter()?.collect()) }
}

impl Object for MutList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let items = lock(&self.0);
        index_of(items.len(), key.as_i64()?).and_then(|at| items.get(at).cloned())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(lock(&self.0).len())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "append" => {
                let (item,): (Value,) = from_args(args)?;
                lock(&self.0).push(item);
            }
            "extend" => {
                let (more,): (Value,) = from_args(args)?;
                let more = elements(&more)?;
                lock(&self.0).extend(more);
            }
            "insert" => {
                let (at, item): (i64, Value) = from_args(args)?;
                let mut items = lock(&self.0);
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
                items.insert(usize::try_from(at).unwrap_or_default(), item);
            }
            "pop" => {
                let (at,): (Option<i64>,) = from_args(args)?;
                let mut items = lock(&self.0);
                let at = index_of(items.len(), at.unwrap_or(-1))
                    .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "pop from an empty list or past its end"))?;
                return Ok(items.remove(at));
            }
            "remove" => {
                let (item,): (Value,) = from_args(args)?;
                let mut items = lock(&self.0);
                let at = items.iter().position(|other| *other == item);
                let at = at.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the item is not in the list"))?;
                items.remove(at);
            }
            "index" => {
                let (item,): (Value,) = from_args(args)?;
                return match lock(&self.0).iter().position(|other| *other == item) {
                    Some(at) => Ok(Value::from(at)),
                    None => Err(Error::new(ErrorKind::InvalidOperation, "the item is not in the list")),
                };
            }
            "clear" => lock(&self.0).clear(),
            "reverse" => lock(&self.0).reverse(),
            "sort" => lock(&self.0).sort(),
            "copy" => return Ok(Self::value(self.items())),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }
}

#[derive(Debug, Default)]
pub struct MutDict(Mutex<IndexMap<Value, Value>>);

impl MutDict {
    pub fn value(entries: IndexMap<Value, Value>) -> Value {
        Value::from_object(Self(Mutex::new(entries)))
    }

    /// A dict with the entries of any mapping.
    pub fn of(value: &Value) -> Result<IndexMap<Value, Value>, Error> {
        if value.is_undefined() || value.is_none() {
            return Ok(IndexMap::new());
        }
        value.try_iter()?.map(|key| Ok((key.clone(), value.get_item(&key)?))).collect()
    }

    fn pairs(&self) -> Vec<Value> {
        lock(&self.0).iter().map(|(key, value)| Value::from(Tuple::from(vec![key.clone(), value.clone()]))).collect()
    }
}

impl Object for MutDict {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        lock(&self.0).get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(lock(&self.0).keys().cloned().collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(lock(&self.0).len())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" => {
                let (key, default): (&Value, Option<Value>) = from_args(args)?;
                let found = lock(&self.0).get(key).cloned();
                return Ok(found.or(default).unwrap_or_else(|| Value::from(())));
            }
            "items" => return Ok(MutList::value(self.pairs())),
            "keys" => return Ok(MutList::value(lock(&self.0).keys().cloned().collect())),
            "values" => return Ok(MutList::value(lock(&self.0).values().cloned().collect())),
            "copy" => return Ok(Self::value(lock(&self.0).clone())),
            "update" => {
                for part in args {
                    let more = Self::of(part)?;
                    lock(&self.0).extend(more);
                }
            }
            "pop" => {
                let (key, Rest(default)): (&Value, Rest<Value>) = from_args(args)?;
                let removed = lock(&self.0).shift_remove(key);
                return removed
                    .or_else(|| default.first().cloned())
                    .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("the dict has no key {key}")));
            }
            "setdefault" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                let default = default.unwrap_or_else(|| Value::from(()));
                return Ok(lock(&self.0).entry(key).or_insert(default).clone());
            }
            "clear" => lock(&self.0).clear(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }
}

/// A copy of a value whose lists and dicts can be changed in place.
pub fn mutable(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Array(items) => MutList::value(items.iter().map(mutable).collect()),
        serde_json::Value::Object(entries) => {
            MutDict::value(entries.iter().map(|(key, value)| (Value::from(key.as_str()), mutable(value))).collect())
        }
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::from(integer),
            (None, Some(float)) => Value::from(float),
            (None, None) => Value::from(number.to_string()),
        },
    }
}

/// What a template's value is as data; what has no such form is null.
pub fn data(value: &Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or(serde_json::Value::Null)
}

/// What stands for the result of something this checkout does not hold: it can be called, has every
/// attribute, is empty and false, and prints a name that keeps the SQL readable.
#[derive(Debug)]
pub struct Unknown;

impl Unknown {
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

/// What `ref`, `source` and `this` yield: the name of a table, and truthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub database: Arc<str>,
    pub schema: Arc<str>,
    pub identifier: Arc<str>,
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
        for part in [&self.database, &self.schema] {
            if !part.is_empty() {
                write!(f, "{part}.")?;
            }
        }
        f.write_str(&self.identifier)
    }
}
