//! Values that templates change in place, as Python's lists and dicts, and the value of what
//! nobody knows.
//!
//! A list that held itself could be printed, compared and dropped only by recursion without an end,
//! so none can: what is put into a list or dict must not lead back to it.

pub use super::stand_ins::{Relation, Unknown};

use super::described::Described;
use super::given::Given;
use super::meter::{self, ENTRY, Holding, SLOT, is_looked_at, look, spend};
use super::run::with_run;
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
pub struct MutList(Mutex<Vec<Value>>, Holding);

impl MutList {
    pub fn value(items: Vec<Value>) -> Value {
        let holding = Holding::of(items.capacity() * SLOT);
        Value::from_object(Self(Mutex::new(items), holding))
    }

    /// A list of texts that were made for it.
    pub(super) fn of_texts(items: Vec<Value>) -> Value {
        let texts: usize = items.iter().filter_map(Value::as_str).map(str::len).sum();
        let holding = Holding::of(items.capacity() * SLOT + texts);
        Value::from_object(Self(Mutex::new(items), holding))
    }

    /// A copy of all items, which is paid for; a value that fails where nothing is left.
    fn items(&self) -> Vec<Value> {
        let items = lock(&self.0);
        match spend(items.len() as u64 + texts_in(&items)) {
            Ok(()) => items.clone(),
            Err(error) => vec![Value::from(error)],
        }
    }

    /// The items for a search: each may be compared with all of what is sought, which may be this list.
    fn searched(&self, sought: &Value) -> Result<Vec<Value>, Error> {
        look(sought)?;
        let items = self.items();
        if sought.as_object().is_some() {
            items.iter().try_for_each(look)?;
        }
        meter::check().map(|()| items)
    }

    fn changed(&self, items: &Vec<Value>) -> Result<(), Error> {
        self.1.set(items.capacity() * SLOT);
        meter::check()
    }
}

/// Work of comparing the texts of a list with another's.
fn texts_in(items: &[Value]) -> u64 {
    items.iter().filter_map(Value::as_str).map(|text| meter::work_of(text.len()) / 64).sum()
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
        spend(1)?;
        if steps > MAX_HELD || depth > MAX_DEPTH {
            return Err(refused("lists and dicts are nested too deep or hold too much"));
        }
        let inner: Vec<Value> = match (value.downcast_object_ref::<MutList>(), value.downcast_object_ref::<MutDict>()) {
            (Some(list), _) => list.items(),
            (_, Some(dict)) => dict.entries().values().cloned().collect(),
            _ if id == 0 && value.kind() == ValueKind::Map => {
                value.try_iter().into_iter().flatten().filter_map(|key| value.get_item(&key).ok()).collect()
            }
            _ => value.try_iter().into_iter().flatten().collect(),
        };
        spend(inner.len() as u64)?;
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

/// A value that may be stored anywhere. A namespace, which could come to hold itself, is stored as unknown.
pub fn storable(value: Value) -> Result<Value, Error> {
    let is_namespace =
        |value: &Value| value.as_object().is_some_and(|object| object.type_name().ends_with("Namespace"));
    if is_namespace(&value) {
        // Jinja2 has it. What is read of it later is not known here, and no error.
        with_run(|run| run.trace.incomplete = true);
        return Ok(Unknown::value());
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

/// Counts what an item of a container costs to print; one that is itself a container counts its own.
pub(super) fn is_printable(item: &Value) -> bool {
    let own = item.downcast_object_ref::<MutList>().is_some() || item.downcast_object_ref::<MutDict>().is_some();
    if own { meter::is_affordable(1) } else { is_looked_at(item) }
}

/// Counts what it costs to sort values: each is compared with some.
pub(super) fn spend_sort<'a>(values: impl ExactSizeIterator<Item = &'a Value>) -> Result<(), Error> {
    let rounds = u64::from(usize::BITS - values.len().leading_zeros());
    for value in values {
        spend(rounds * (1 + value.as_str().map_or(0, |text| meter::work_of(text.len()) / 4)))?;
        if value.as_object().is_some() {
            (0..rounds).try_for_each(|_| look(value))?;
        }
    }
    Ok(())
}

fn index_of(length: usize, index: i64) -> Option<usize> {
    let at = if index < 0 { index + i64::try_from(length).ok()? } else { index };
    usize::try_from(at).ok().filter(|at| *at < length)
}

fn elements(value: &Value) -> Result<Vec<Value>, Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(Vec::new());
    }
    if let Some(length) = value.len() {
        meter::room(length * SLOT)?;
    }
    value.try_iter()?.checked().map(|item| spend(1).and(item)).collect()
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
        if method != "append" && !(method == "pop" && args.is_empty()) {
            spend(1 + lock(&self.0).len() as u64)?;
        }
        match method {
            "append" => {
                let (item,): (Value,) = from_args(args)?;
                admit(&item, Arc::as_ptr(self).addr())?;
                let mut items = lock(&self.0);
                items.push(item);
                self.changed(&items)?;
            }
            "extend" => {
                let (more,): (Value,) = from_args(args)?;
                let more = elements(&more)?;
                more.iter().try_for_each(|item| admit(item, Arc::as_ptr(self).addr()))?;
                meter::room(more.len() * SLOT)?;
                let mut items = lock(&self.0);
                items.extend(more);
                self.changed(&items)?;
            }
            "insert" => {
                let (at, item): (i64, Value) = from_args(args)?;
                admit(&item, Arc::as_ptr(self).addr())?;
                let mut items = lock(&self.0);
                let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
                let at = if at < 0 { (at + length).max(0) } else { at.min(length) };
                items.insert(usize::try_from(at).unwrap_or_default(), item);
                self.changed(&items)?;
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
                let at = self.searched(&item)?.iter().position(|other| *other == item);
                let at = at.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the item is not in the list"))?;
                lock(&self.0).remove(at);
            }
            "index" => {
                let (item, start, end): (Value, Option<i64>, Option<i64>) = from_args(args)?;
                let items = self.searched(&item)?;
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
                let mut items = lock(&self.0);
                spend_sort(items.iter())?;
                items.sort_by(|a, b| if reversed { b.cmp(a) } else { a.cmp(b) });
            }
            "copy" => return Ok(Self::value(self.items())),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.items();
        printed(f, |f| f.debug_list().entries(items.iter().take_while(|item| is_printable(item))).finish())
    }
}

/// A dict; one of a node is filled where somebody looks at it.
#[derive(Debug, Default)]
pub struct MutDict(Mutex<IndexMap<Value, Value>>, Holding, Option<Box<Mutex<Option<Described>>>>);

impl MutDict {
    pub fn value(entries: IndexMap<Value, Value>) -> Value {
        let holding = Holding::of(entries.capacity() * ENTRY);
        Value::from_object(Self(Mutex::new(entries), holding, None))
    }

    /// What a template sees of a node.
    pub(super) fn of_node(node: &Described) -> Value {
        let later = Some(Box::new(Mutex::new(Some(node.clone()))));
        Value::from_object(Self(Mutex::default(), Holding::of(0), later))
    }

    fn entries(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        if let Some(node) = self.2.as_ref().and_then(|later| lock(later).take()) {
            let entries = mutable_entries(node.looked_at());
            self.1.set(entries.capacity() * ENTRY);
            *lock(&self.0) = entries;
        }
        lock(&self.0)
    }

    fn changed(&self, entries: &IndexMap<Value, Value>) -> Result<(), Error> {
        self.1.set(entries.capacity() * ENTRY);
        meter::check()
    }

    /// Copies what is taken of each entry, and pays for it.
    fn each(&self, take: impl Fn((&Value, &Value)) -> Value) -> Result<Vec<Value>, Error> {
        let entries = self.entries();
        spend(entries.len() as u64)?;
        meter::room(entries.len() * SLOT)?;
        Ok(entries.iter().map(take).collect())
    }

    /// A dict with the entries of any mapping.
    pub fn of(value: &Value) -> Result<IndexMap<Value, Value>, Error> {
        if value.is_undefined() || value.is_none() {
            return Ok(IndexMap::new());
        }
        value.try_iter()?.checked().map(|key| entry(key?, |key| value.get_item(key))).collect()
    }

    /// The same, also of rows of two.
    pub(super) fn of_pairs(value: &Value) -> Result<IndexMap<Value, Value>, Error> {
        if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
            let pair = |it: Result<Value, Error>| {
                let it = it?;
                entry(it.get_item_by_index(0)?, |_| it.get_item_by_index(1))
            };
            return value.try_iter()?.checked().map(pair).collect();
        }
        Self::of(value)
    }

    fn pairs(&self) -> Result<Vec<Value>, Error> {
        meter::room(self.entries().len() * ENTRY)?;
        self.each(|(key, value)| Value::from(Tuple::from(vec![key.clone(), value.clone()])))
    }
}

/// Counts the hash of a key. What can change in place has none.
fn checked_key(key: &Value) -> Result<(), Error> {
    if key.as_object().is_some() {
        super::sets::hashable(key.clone())?;
    }
    look(key)
}

/// An entry that is put into a dict: its key is hashed.
fn entry(key: Value, value: impl FnOnce(&Value) -> Result<Value, Error>) -> Result<(Value, Value), Error> {
    checked_key(&key)?;
    spend(1)?;
    let value = value(&key)?;
    Ok((key, value))
}

impl Object for MutDict {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if checked_key(key).is_err() {
            return None;
        }
        self.entries().get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(match self.each(|(key, _)| key.clone()) {
            Ok(keys) => keys,
            Err(error) => vec![Value::from(error)],
        })
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries().len())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "get" => {
                let (key, default): (&Value, Option<Value>) = from_args(args)?;
                checked_key(key)?;
                let found = self.entries().get(key).cloned();
                return Ok(found.or(default).unwrap_or_else(|| Value::from(())));
            }
            "items" => return Ok(MutList::value(self.pairs()?)),
            "keys" => return Ok(MutList::value(self.each(|(key, _)| key.clone())?)),
            "values" => return Ok(MutList::value(self.each(|(_, value)| value.clone())?)),
            "copy" => {
                let entries = self.entries();
                spend(2 * entries.len() as u64)?;
                meter::room(entries.capacity() * ENTRY)?;
                return Ok(Self::value(entries.clone()));
            }
            "update" => {
                for part in args {
                    let more = Self::of_pairs(part)?;
                    more.values().try_for_each(|item| admit(item, Arc::as_ptr(self).addr()))?;
                    let mut entries = self.entries();
                    entries.extend(more);
                    self.changed(&entries)?;
                }
            }
            "pop" => {
                let (key, Rest(default)): (&Value, Rest<Value>) = from_args(args)?;
                checked_key(key)?;
                // All that stand behind it move up.
                spend(self.entries().len() as u64 / 8)?;
                let removed = self.entries().shift_remove(key);
                return removed
                    .or_else(|| default.first().cloned())
                    .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("the dict has no key {key}")));
            }
            "popitem" => {
                let (key, value) =
                    self.entries().pop().ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the dict is empty"))?;
                return Ok(Value::from(Tuple::from(vec![key, value])));
            }
            "fromkeys" => {
                let (keys, value): (Value, Option<Value>) = from_args(args)?;
                let value = storable(value.unwrap_or_else(|| Value::from(())))?;
                let keys = keys.try_iter()?.checked();
                let entries = keys.map(|key| entry(key?, |_| Ok(value.clone())));
                return entries.collect::<Result<_, _>>().map(Self::value);
            }
            "setdefault" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                let default = default.unwrap_or_else(|| Value::from(()));
                admit(&default, Arc::as_ptr(self).addr())?;
                checked_key(&key)?;
                let mut entries = self.entries();
                let held = entries.entry(key).or_insert(default).clone();
                return self.changed(&entries).map(|()| held);
            }
            "clear" => self.entries().clear(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries().clone();
        let shown = entries.iter().take_while(|(key, value)| is_printable(key) && is_printable(value));
        printed(f, |f| f.debug_map().entries(shown).finish())
    }
}

fn mutable_entries<'v>(entries: impl Iterator<Item = (&'v str, &'v serde_json::Value)>) -> IndexMap<Value, Value> {
    entries.map(|(key, value)| (Value::from(key), mutable(value))).collect()
}

/// A copy of a value whose lists and dicts can be changed in place.
pub fn mutable(value: &serde_json::Value) -> Value {
    if !meter::is_affordable(1) {
        return Value::from(());
    }
    match value {
        serde_json::Value::Array(items) => MutList::value(items.iter().map(mutable).collect()),
        serde_json::Value::Object(entries) => {
            MutDict::value(mutable_entries(entries.iter().map(|(key, value)| (key.as_str(), value))))
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
