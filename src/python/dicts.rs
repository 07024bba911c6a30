//! Python's dicts, which templates change in place.

use crate::containers::{admit, dismantle, is_printable, lock, printed, storable};
use crate::lists::MutList;
use crate::meter::{self, ENTRY, Holding, SLOT, look, spend};
use crate::sets::hashable;
use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

/// A dict, what it holds as it is counted, and what makes its entries where nobody has looked at it.
#[derive(Debug, Default)]
pub struct MutDict(Mutex<IndexMap<Value, Value>>, Holding, Option<Box<Later>>);

type Make = Box<dyn FnOnce() -> IndexMap<Value, Value> + Send>;

struct Later(Mutex<Option<Make>>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

impl MutDict {
    pub fn value(entries: IndexMap<Value, Value>) -> Value {
        let holding = Holding::of(entries.capacity() * ENTRY);
        Value::from_object(Self(Mutex::new(entries), holding, None))
    }

    /// A dict whose entries are made where somebody looks at it.
    pub fn later(make: impl FnOnce() -> IndexMap<Value, Value> + Send + 'static) -> Value {
        let later = Some(Box::new(Later(Mutex::new(Some(Box::new(make))))));
        Value::from_object(Self(Mutex::default(), Holding::of(0), later))
    }

    fn entries(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        if let Some(make) = self.2.as_ref().and_then(|later| lock(&later.0).take()) {
            let entries = make();
            self.1.set(entries.capacity() * ENTRY);
            *lock(&self.0) = entries;
        }
        lock(&self.0)
    }

    /// A copy of all values.
    pub(crate) fn values(&self) -> Vec<Value> {
        self.entries().values().cloned().collect()
    }

    /// All entries, unless they are still to be made; none is left.
    pub(crate) fn take(&self) -> IndexMap<Value, Value> {
        std::mem::take(&mut *lock(&self.0))
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
    pub(crate) fn of(value: &Value) -> Result<IndexMap<Value, Value>, Error> {
        if value.is_undefined() || value.is_none() {
            return Ok(IndexMap::new());
        }
        value.try_iter()?.checked().map(|key| entry(key?, |key| value.get_item(key))).collect()
    }

    /// The same, also of rows of two.
    pub(crate) fn of_pairs(value: &Value) -> Result<IndexMap<Value, Value>, Error> {
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

impl Drop for MutDict {
    fn drop(&mut self) {
        dismantle(self.take().into_values().collect());
    }
}

/// Counts the hash of a key. What can change in place has none.
fn checked_key(key: &Value) -> Result<(), Error> {
    if key.as_object().is_some() {
        hashable(key.clone())?;
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
