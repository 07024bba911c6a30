//! Python's sets. The order of a set is that in which the items came, so that the same input prints the same.

use crate::arguments::failed;
use crate::containers::{MAX_HELD, is_printable, lock, printed};
use crate::dicts::MutDict;
use crate::lists::MutList;
use crate::meter::{self, ENTRY, Holding, look, spend};
use indexmap::IndexSet;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex};

/// A set, and what it holds as it is counted.
#[derive(Debug, Default)]
pub struct MutSet(Mutex<IndexSet<Value>>, Holding);

/// What can change in place has no hash, and no set may hold it.
pub(crate) fn hashable(value: Value) -> Result<Value, Error> {
    let kind = if value.downcast_object_ref::<MutList>().is_some() {
        "list"
    } else if value.downcast_object_ref::<MutDict>().is_some() {
        "dict"
    } else if value.downcast_object_ref::<MutSet>().is_some() {
        "set"
    } else {
        if value.is_tuple() {
            value.try_iter()?.try_for_each(|item| hashable(item).map(|_| ()))?;
        }
        return Ok(value);
    };
    Err(failed(&format!("unhashable type: '{kind}'")))
}

fn items_of(value: &Value) -> Result<IndexSet<Value>, Error> {
    let mut items = IndexSet::new();
    for item in value.try_iter()?.checked() {
        let item = hashable(item?)?;
        look(&item)?;
        spend(1)?;
        items.insert(item);
        if items.len() > MAX_HELD {
            return Err(failed("the set would hold too much"));
        }
    }
    Ok(items)
}

impl MutSet {
    fn made(items: IndexSet<Value>) -> Value {
        let holding = Holding::of(items.capacity() * ENTRY);
        Value::from_object(Self(Mutex::new(items), holding))
    }

    /// A set of the items of any value that has some; what can change in place is none.
    pub fn of(value: &Value) -> Result<Value, Error> {
        items_of(value).map(Self::made)
    }

    /// A copy of all items, which is paid for.
    fn items(&self) -> Result<IndexSet<Value>, Error> {
        let items = lock(&self.0);
        spend(2 * items.len() as u64)?;
        meter::room(items.capacity() * ENTRY)?;
        Ok(items.clone())
    }

    pub(crate) fn without(&self, other: &Self) -> Result<Value, Error> {
        let (mine, theirs) = (self.items()?, other.items()?);
        Ok(Self::made(mine.difference(&theirs).cloned().collect()))
    }
}

impl Object for MutSet {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let items = lock(&self.0);
        Enumerator::Values(match spend(items.len() as u64) {
            Ok(()) => items.iter().cloned().collect(),
            Err(error) => vec![Value::from(error)],
        })
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(lock(&self.0).len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let (mine, theirs) = (self.items().ok()?, other.downcast_ref::<Self>()?.items().ok()?);
        if mine == theirs {
            return Some(Ordering::Equal);
        }
        match (mine.is_subset(&theirs), mine.is_superset(&theirs)) {
            (true, _) => Some(Ordering::Less),
            (_, true) => Some(Ordering::Greater),
            _ => None,
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let others = || args.iter().map(items_of).collect::<Result<Vec<_>, _>>();
        let other = || from_args::<(Value,)>(args).and_then(|(other,)| items_of(&other));
        let changed = |items: IndexSet<Value>| {
            if items.len() > MAX_HELD {
                return Err(failed("the set would hold too much"));
            }
            self.1.set(items.capacity() * ENTRY);
            *lock(&self.0) = items;
            meter::check().map(|()| Value::from(()))
        };
        // One item is looked up, all others are walked.
        match method {
            "add" => {
                let (item,): (Value,) = from_args(args)?;
                let item = hashable(item)?;
                look(&item)?;
                let mut mine = lock(&self.0);
                mine.insert(item);
                if mine.len() > MAX_HELD {
                    return Err(failed("the set would hold too much"));
                }
                self.1.set(mine.capacity() * ENTRY);
                return meter::check().map(|()| Value::from(()));
            }
            "discard" | "remove" => {
                let (item,): (&Value,) = from_args(args)?;
                look(&hashable(item.clone())?)?;
                // All that stand behind it move up.
                spend(lock(&self.0).len() as u64 / 8)?;
                let removed = lock(&self.0).shift_remove(item);
                if !removed && method == "remove" {
                    return Err(failed(&format!("the set does not hold {item:?}")));
                }
                return Ok(Value::from(()));
            }
            _ => {}
        }
        let mine = self.items()?;
        let union =
            |mine: IndexSet<Value>| Ok::<_, Error>(mine.into_iter().chain(others()?.into_iter().flatten()).collect());
        let in_all = |item: &Value, others: &[IndexSet<Value>]| others.iter().all(|other| other.contains(item));
        let in_none = |item: &Value, others: &[IndexSet<Value>]| !others.iter().any(|other| other.contains(item));
        match method {
            "pop" => lock(&self.0).shift_remove_index(0).ok_or_else(|| failed("pop from an empty set")),
            "clear" => changed(IndexSet::new()),
            "copy" => Ok(Self::made(mine)),
            "union" => Ok(Self::made(union(mine)?)),
            "update" => changed(union(mine)?),
            "intersection" | "intersection_update" | "difference" | "difference_update" => {
                let others = others()?;
                let wanted = if method.starts_with('i') { in_all } else { in_none };
                let kept = mine.into_iter().filter(|item| wanted(item, &others)).collect();
                if method.ends_with("update") { changed(kept) } else { Ok(Self::made(kept)) }
            }
            "symmetric_difference" | "symmetric_difference_update" => {
                let either = mine.symmetric_difference(&other()?).cloned().collect();
                if method.ends_with("update") { changed(either) } else { Ok(Self::made(either)) }
            }
            "issubset" => Ok(Value::from(mine.is_subset(&other()?))),
            "issuperset" => Ok(Value::from(mine.is_superset(&other()?))),
            "isdisjoint" => Ok(Value::from(mine.is_disjoint(&other()?))),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<Value> = lock(&self.0).iter().cloned().collect();
        match items.is_empty() {
            true => f.write_str("set()"),
            false => printed(f, |f| f.debug_set().entries(items.iter().take_while(|it| is_printable(it))).finish()),
        }
    }
}
