//! dbt's functions `set`, `zip` and `diff_of_two_dicts`.

use crate::python::arguments::Given;
use crate::python::containers::MAX_HELD;
use crate::python::dicts::MutDict;
use crate::python::lists::MutList;
use crate::python::meter::{self, SLOT, look, spend};
use crate::python::sets::MutSet;
use indexmap::IndexMap;
use minijinja::value::Tuple;
use minijinja::{Error, Value};
use std::collections::HashSet;

/// `set` gives its default where `set_strict` fails.
pub(super) fn set(args: &[Value], strict: bool) -> Result<Value, Error> {
    let given = Given::of(args);
    let value = given.required(0, "value")?;
    match MutSet::of(&value) {
        Err(_) if !strict => Ok(given.get(1, "default").unwrap_or_else(|| Value::from(()))),
        result => result,
    }
}

pub(super) fn zip(args: &[Value], strict: bool) -> Result<Value, Error> {
    let given = Given::of(args);
    let columns = given.positional.iter().map(|it| Ok(it.try_iter()?.take(MAX_HELD).collect()));
    match columns.collect::<Result<Vec<Vec<Value>>, Error>>() {
        Ok(columns) => {
            let length = columns.iter().map(Vec::len).min().unwrap_or_default();
            let cells = length.saturating_mul(1 + columns.len());
            spend(cells as u64)?;
            meter::room(cells.saturating_mul(2 * SLOT))?;
            let row = |at: usize| columns.iter().filter_map(|column| column.get(at).cloned()).collect::<Vec<_>>();
            meter::hold(cells * SLOT);
            Ok(MutList::value((0..length).map(|at| Value::from(Tuple::from(row(at)))).collect()))
        }
        Err(_) if !strict => Ok(given.named("default").unwrap_or_else(|| Value::from(()))),
        Err(error) => Err(error),
    }
}

/// The texts that lists of one dict hold and those of another do not.
pub(super) fn difference_of_dicts(first: &Value, second: &Value) -> Result<Value, Error> {
    let mut rest = IndexMap::new();
    for key in first.try_iter()? {
        let items = first.get_item(&key)?;
        look(&items)?;
        look(second)?;
        let name = Value::from(key.to_string().to_lowercase());
        let mut others = HashSet::new();
        for other in second.try_iter()?.filter(|other| other.to_string().to_lowercase() == name.to_string()) {
            others.extend(second.get_item(&other)?.try_iter()?.map(|item| item.to_string().to_lowercase()));
        }
        let kept: Vec<Value> =
            items.try_iter()?.filter(|item| !others.contains(&item.to_string().to_lowercase())).collect();
        if !kept.is_empty() {
            rest.insert(name, MutList::value(kept));
        }
    }
    Ok(MutDict::value(rest))
}
