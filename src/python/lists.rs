//! Python's lists, which templates change in place.

use crate::arguments::Given;
use crate::containers::{admit, dismantle, is_printable, lock, printed, spend_sort};
use crate::meter::{self, Holding, SLOT, look, spend};
use minijinja::value::{Enumerator, Object, ObjectRepr, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::fmt;
use std::sync::{Arc, Mutex};

/// A list, and what it holds as it is counted.
#[derive(Debug, Default)]
pub struct MutList(Mutex<Vec<Value>>, Holding);

impl MutList {
    pub fn value(items: Vec<Value>) -> Value {
        let holding = Holding::of(items.capacity() * SLOT);
        Value::from_object(Self(Mutex::new(items), holding))
    }

    /// A list of texts that were made for it.
    pub(crate) fn of_texts(items: Vec<Value>) -> Value {
        let texts: usize = items.iter().filter_map(Value::as_str).map(str::len).sum();
        let holding = Holding::of(items.capacity() * SLOT + texts);
        Value::from_object(Self(Mutex::new(items), holding))
    }

    /// A copy of all items, which is paid for; a value that fails where nothing is left.
    pub(crate) fn items(&self) -> Vec<Value> {
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

    /// All items; none is left.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// Work of comparing the texts of a list with another's.
fn texts_in(items: &[Value]) -> u64 {
    items.iter().filter_map(Value::as_str).map(|text| meter::work_of(text.len()) / 64).sum()
}

impl Drop for MutList {
    fn drop(&mut self) {
        dismantle(self.take());
    }
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
