//! Values that templates change in place, as Python's lists and dicts, and the value of what
//! nobody knows.
//!
//! A list that held itself could be printed, compared and dropped only by recursion without an end,
//! so none can: what is put into a list or dict must not lead back to it.

use super::given::Given;
use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use rustc_hash::FxHashSet;
use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

/// Containers within containers that one value may hold, and how deep.
pub(super) const MAX_HELD: usize = 200_000;
pub(super) const MAX_DEPTH: u32 = 200;

/// Refuses a value that leads back to the container it is put into, or is too large to follow.
pub(super) fn admit(value: &Value, into: usize) -> Result<(), Error> {
    let mut seen: FxHashSet<usize> = FxHashSet::default();
    let mut work = vec![(value.clone(), 1)];
    let mut steps = 0;
    while let Some((value, depth)) = work.pop() {
        let id = match identity(&value) {
            Some(id) if id == into => return Err(refused("a list or dict cannot hold itself")),
            Some(id) if !seen.insert(id) => continue,
            Some(id) => id,
            None if matches!(value.kind(), ValueKind::Map | ValueKind::Seq) => 0,
            None => continue,
        };
        steps += 1;
        if steps > MAX_HELD || depth > MAX_DEPTH {
            return Err(refused("lists and dicts are nested too deep or hold too much"));
        }
        let inner: Vec<Value> = match (value.downcast_object_ref::<MutList>(), value.downcast_object_ref::<MutDict>()) {
            (Some(list), _) => list.items(),
            (_, Some(dict)) => lock(&dict.0).values().cloned().collect(),
            _ if id == 0 && value.kind() == ValueKind::Map => {
                value.try_iter().into_iter().flatten().filter_map(|key| value.get_item(&key).ok()).collect()
            }
            _ => value.try_iter().into_iter().flatten().collect(),
        };
        work.extend(inner.into_iter().filter(|inner| inner.as_object().is_some()).map(|inner| (inner, depth + 1)));
    }
    Ok(())
}

fn refused(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

/// Drops what a container held without recursion: lists within lists may form a long chain.
fn dismantle(mut work: Vec<Value>) {
    while let Some(value) = work.pop() {
        let (list, dict) = (value.downcast_object::<MutList>(), value.downcast_object::<MutDict>());
        drop(value);
        if let Some(list) = list.and_then(Arc::into_inner) {
            work.append(&mut lock(&list.0));
        }
        if let Some(dict) = dict.and_then(Arc::into_inner) {
            work.extend(std::mem::take(&mut *lock(&dict.0)).into_values());
        }
    }
}

impl Drop for MutList {
    fn drop(&mut self) {
        dismantle(std::mem::take(&mut *lock(&self.0)));
    }
}

impl Drop for MutDict {
    fn drop(&mut self) {
        dismantle(std::mem::take(&mut *lock(&self.0)).into_values().collect());
    }
}

/// Which of our containers a value is.
fn identity(value: &Value) -> Option<usize> {
    let list = value.downcast_object::<MutList>().map(|list| Arc::as_ptr(&list).addr());
    list.or_else(|| value.downcast_object::<MutDict>().map(|dict| Arc::as_ptr(&dict).addr()))
}

/// A value that may be stored anywhere: no namespace, which could come to hold itself.
pub fn storable(value: Value) -> Result<Value, Error> {
    let is_namespace =
        |value: &Value| value.as_object().is_some_and(|object| object.type_name().ends_with("Namespace"));
    if is_namespace(&value) {
        return Err(refused("a namespace cannot hold a namespace"));
    }
    admit(&value, 0)?;
    Ok(value)
}

thread_local! {
    /// How deep the value being printed is nested, and how much of it was printed.
    static PRINTED: Cell<(u32, usize)> = const { Cell::new((0, 0)) };
}

/// Prints one container; one that is shared again and again is cut short instead of printed for
/// ever.
pub(super) fn printed(
    f: &mut fmt::Formatter<'_>,
    print: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let (depth, count) = PRINTED.get();
    if depth >= MAX_DEPTH || count >= MAX_HELD {
        return f.write_str("...");
    }
    PRINTED.set((depth + 1, count + 1));
    let result = print(f);
    let (_, count) = PRINTED.get();
    PRINTED.set((depth, if depth == 0 { 0 } else { count }));
    result
}

/// Whether what is printed now stands in a list or dict, where Python shows how a value is written.
pub(super) fn is_within_container() -> bool {
    PRINTED.get().0 > 0
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
                admit(&item, Arc::as_ptr(self).addr())?;
                lock(&self.0).push(item);
            }
            "extend" => {
                let (more,): (Value,) = from_args(args)?;
                let more = elements(&more)?;
                more.iter().try_for_each(|item| admit(item, Arc::as_ptr(self).addr()))?;
                lock(&self.0).extend(more);
            }
            "insert" => {
                let (at, item): (i64, Value) = from_args(args)?;
                admit(&item, Arc::as_ptr(self).addr())?;
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
                let (item, start, end): (Value, Option<i64>, Option<i64>) = from_args(args)?;
                let items = lock(&self.0);
                let bound = |at: i64| index_of(items.len(), at).unwrap_or(if at < 0 { 0 } else { items.len() });
                let (start, end) = (start.map_or(0, bound), end.map_or(items.len(), bound));
                return match (start..end).find(|at| items[*at] == item) {
                    Some(at) => Ok(Value::from(at)),
                    None => Err(Error::new(ErrorKind::InvalidOperation, "the item is not in the list")),
                };
            }
            "clear" => lock(&self.0).clear(),
            "reverse" => lock(&self.0).reverse(),
            "sort" => {
                let reversed = Given::of(args).is_true(usize::MAX, "reverse");
                lock(&self.0).sort_by(|a, b| if reversed { b.cmp(a) } else { a.cmp(b) });
            }
            "copy" => return Ok(Self::value(self.items())),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printed(f, |f| f.debug_list().entries(self.items()).finish())
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

    /// The same, also of rows of two.
    pub(super) fn of_pairs(value: &Value) -> Result<IndexMap<Value, Value>, Error> {
        if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
            return value.try_iter()?.map(|it| Ok((it.get_item_by_index(0)?, it.get_item_by_index(1)?))).collect();
        }
        Self::of(value)
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
                    let more = Self::of_pairs(part)?;
                    more.values().try_for_each(|item| admit(item, Arc::as_ptr(self).addr()))?;
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
            "popitem" => {
                let (key, value) =
                    lock(&self.0).pop().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the dict is empty"))?;
                return Ok(Value::from(Tuple::from(vec![key, value])));
            }
            "fromkeys" => {
                let (keys, value): (Value, Option<Value>) = from_args(args)?;
                let value = storable(value.unwrap_or_else(|| Value::from(())))?;
                return Ok(Self::value(keys.try_iter()?.map(|key| (key, value.clone())).collect()));
            }
            "setdefault" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                let default = default.unwrap_or_else(|| Value::from(()));
                admit(&default, Arc::as_ptr(self).addr())?;
                return Ok(lock(&self.0).entry(key).or_insert(default).clone());
            }
            "clear" => lock(&self.0).clear(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = lock(&self.0).clone();
        printed(f, |f| f.debug_map().entries(entries).finish())
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
    data_within(value, 0, &mut 0)
}

fn data_within(value: &Value, depth: u32, count: &mut usize) -> serde_json::Value {
    use serde_json::Value as Json;
    *count += 1;
    if depth > MAX_DEPTH || *count > MAX_HELD {
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
        _ => serde_json::to_value(value).unwrap_or(Json::Null),
    }
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
