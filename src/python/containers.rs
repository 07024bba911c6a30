//! What lists, dicts and sets have in common: how much they may hold, what they refuse, and how they are printed.
//!
//! A list that held itself could be printed, compared and dropped only by recursion without an end,
//! so none can: what is put into a list or dict must not lead back to it.

use crate::dicts::MutDict;
use crate::lists::MutList;
use crate::meter::{self, is_looked_at, look, spend};
use crate::rendering::note_unknown;
use crate::unknown::Unknown;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use rustc_hash::FxHashSet;
use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Containers within containers that one value may hold, and how deep.
pub const MAX_HELD: usize = 200_000;
pub(crate) const MAX_DEPTH: u32 = 200;

/// Refuses a value that leads back to the container it is put into, or is too large to follow.
pub(crate) fn admit(value: &Value, into: usize) -> Result<(), Error> {
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
            (_, Some(dict)) => dict.values(),
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
pub(crate) fn dismantle(mut work: Vec<Value>) {
    while let Some(value) = work.pop() {
        let (list, dict) = (value.downcast_object::<MutList>(), value.downcast_object::<MutDict>());
        drop(value);
        if let Some(list) = list.and_then(Arc::into_inner) {
            work.append(&mut list.take());
        }
        if let Some(dict) = dict.and_then(Arc::into_inner) {
            work.extend(dict.take().into_values());
        }
    }
}

/// Which of our containers a value is.
fn identity(value: &Value) -> Option<usize> {
    let list = value.downcast_object::<MutList>().map(|list| Arc::as_ptr(&list).addr());
    list.or_else(|| value.downcast_object::<MutDict>().map(|dict| Arc::as_ptr(&dict).addr()))
}

/// A value that may be stored anywhere. A namespace, which could come to hold itself, is stored as unknown.
pub(crate) fn storable(value: Value) -> Result<Value, Error> {
    let is_namespace =
        |value: &Value| value.as_object().is_some_and(|object| object.type_name().ends_with("Namespace"));
    if is_namespace(&value) {
        // Jinja2 has it. What is read of it later is not known here, and no error.
        note_unknown();
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
pub(crate) fn printed(
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
pub(crate) fn is_within_container() -> bool {
    PRINTED.get().0 > 0
}

/// Counts what an item of a container costs to print; one that is itself a container counts its own.
pub(crate) fn is_printable(item: &Value) -> bool {
    let own = item.downcast_object_ref::<MutList>().is_some() || item.downcast_object_ref::<MutDict>().is_some();
    if own { meter::is_affordable(1) } else { is_looked_at(item) }
}

/// Counts what it costs to sort values: each is compared with some.
pub(crate) fn spend_sort<'a>(values: impl ExactSizeIterator<Item = &'a Value>) -> Result<(), Error> {
    let rounds = u64::from(usize::BITS - values.len().leading_zeros());
    for value in values {
        spend(rounds * (1 + value.as_str().map_or(0, |text| meter::work_of(text.len()) / 4)))?;
        if value.as_object().is_some() {
            (0..rounds).try_for_each(|_| look(value))?;
        }
    }
    Ok(())
}
