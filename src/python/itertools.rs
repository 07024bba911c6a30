//! `modules.itertools`. Python's are lazy; here each gives a list, which may not be longer than a list
//! of a template may be. Only `count` and `cycle`, which never end, are lazy.

use crate::arguments::{Given, as_integer, failed};
use crate::containers::MAX_HELD;
use crate::lists::MutList;
use crate::meter::{self, SLOT};
use crate::operators;
use crate::unknown::{Unknown, is_unknown};
use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, Tuple};
use minijinja::{Error, ErrorKind, State, Value};
use std::sync::Arc;

pub(crate) const FUNCTIONS: [&str; 20] = [
    "itertools.accumulate",
    "itertools.chain",
    "itertools.combinations",
    "itertools.combinations_with_replacement",
    "itertools.compress",
    "itertools.count",
    "itertools.cycle",
    "itertools.dropwhile",
    "itertools.filterfalse",
    "itertools.groupby",
    "itertools.islice",
    "itertools.pairwise",
    "itertools.permutations",
    "itertools.product",
    "itertools.repeat",
    "itertools.starmap",
    "itertools.takewhile",
    "itertools.tee",
    "itertools.zip_longest",
    "itertools.batched",
];

fn too_much() -> Error {
    Error::new(ErrorKind::OutOfFuel, format!("the iterator would give more than {MAX_HELD} items"))
}

/// What never ends: `count` adds a step, `cycle` begins again. Whoever walks it to the limit gets an
/// error there.
#[derive(Debug)]
enum Endless {
    Count(i64, i64),
    Cycle(Vec<Value>),
}

impl Endless {
    fn at(&self, index: usize) -> Value {
        match self {
            Self::Count(start, step) => {
                let steps = i64::try_from(index).unwrap_or(i64::MAX);
                Value::from(start.saturating_add(step.saturating_mul(steps)))
            }
            Self::Cycle(items) => {
                index.checked_rem(items.len()).and_then(|at| items.get(at)).cloned().unwrap_or_default()
            }
        }
    }
}

impl Object for Endless {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let this = self.clone();
        let items = (0..MAX_HELD).map(move |index| this.at(index));
        Enumerator::Iter(Box::new(items.chain(std::iter::once_with(|| Value::from(too_much())))))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
}

/// The items of an argument; those of what never ends as far as `limit`.
fn items(value: &Value, limit: Option<usize>) -> Result<Vec<Value>, Error> {
    if let Some(endless) = value.downcast_object_ref::<Endless>() {
        let limit = limit.filter(|limit| *limit <= MAX_HELD).ok_or_else(too_much)?;
        meter::spend(limit as u64)?;
        return Ok((0..limit).map(|index| endless.at(index)).collect());
    }
    let items: Vec<Value> =
        value.try_iter()?.checked().take(MAX_HELD + 1).map(meter::walked).collect::<Result<_, _>>()?;
    if items.len() > MAX_HELD { Err(too_much()) } else { Ok(items) }
}

fn tuple(items: Vec<Value>) -> Value {
    Value::from(Tuple::from(items))
}

/// A list that is being made, as long as a list may be.
#[derive(Default)]
struct Made {
    items: Vec<Value>,
    cells: usize,
}

impl Made {
    fn push(&mut self, item: Value) -> Result<(), Error> {
        let cells = 1 + if item.is_tuple() { item.len().unwrap_or_default() } else { 0 };
        self.cells += cells;
        meter::spend(cells as u64)?;
        meter::room(self.cells * 2 * SLOT)?;
        if self.items.len() >= MAX_HELD || self.cells > 4 * MAX_HELD {
            return Err(too_much());
        }
        self.items.push(item);
        Ok(())
    }

    fn rows(mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> Result<Value, Error> {
        rows.into_iter().try_for_each(|row| self.push(tuple(row)))?;
        Ok(self.done())
    }

    fn done(self) -> Value {
        meter::hold(self.cells * SLOT);
        MutList::value(self.items)
    }
}

/// Rows of indices into `length` items, in Python's order; `next` tells which may follow a beginning.
struct Indices<Next> {
    row: Vec<usize>,
    length: usize,
    width: usize,
    next: Next,
    begun: bool,
}

impl<Next: Fn(&[usize], usize) -> bool> Indices<Next> {
    fn new(length: usize, width: usize, next: Next) -> Self {
        Self { row: Vec::new(), length, width, next, begun: false }
    }

    /// Puts the first index from `from` on that may stand behind the row.
    fn extend(&mut self, from: usize) -> bool {
        match (from..self.length).find(|index| (self.next)(&self.row, *index)) {
            Some(index) => {
                self.row.push(index);
                true
            }
            None => false,
        }
    }
}

impl<Next: Fn(&[usize], usize) -> bool> Iterator for Indices<Next> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let mut from = 0;
        if self.begun {
            from = self.row.pop()? + 1;
        } else {
            self.begun = true;
        }
        while self.row.len() < self.width {
            if self.extend(from) {
                from = 0;
            } else {
                from = self.row.pop()? + 1;
            }
        }
        Some(self.row.clone())
    }
}

pub(crate) fn call(state: &mut State, function: &str, args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    if given.positional.iter().any(is_unknown) {
        return Ok(Unknown::value());
    }
    let first = || given.required(0, "iterable");
    let width = |at: usize, name: &str, default: Option<usize>| match (given.integer(at, name)?, default) {
        (Some(width), _) => usize::try_from(width).map_err(|_| failed(&format!("{name} must not be negative"))),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(failed(&format!("the argument {name} is missing"))),
    };
    let mut made = Made::default();
    match function {
        "chain" | "chain.from_iterable" => {
            let parts = match function {
                "chain" => given.positional.to_vec(),
                _ => items(&first()?, None)?,
            };
            for part in parts {
                items(&part, None)?.into_iter().try_for_each(|item| made.push(item))?;
            }
        }
        "product" => {
            let repeat = given.integer(usize::MAX, "repeat")?.unwrap_or(1);
            let repeat = usize::try_from(repeat).map_err(|_| failed("repeat must not be negative"))?;
            let pools: Vec<Vec<Value>> = given.positional.iter().map(|it| items(it, None)).collect::<Result<_, _>>()?;
            if pools.len().saturating_mul(repeat) > 1000 {
                return Err(too_much());
            }
            let pools: Vec<&Vec<Value>> = (0..repeat).flat_map(|_| &pools).collect();
            if pools.iter().any(|pool| pool.is_empty()) {
                return Ok(made.done());
            }
            let count = pools.iter().try_fold(1usize, |count, pool| count.checked_mul(pool.len()));
            let count = count.filter(|count| *count <= MAX_HELD).ok_or_else(too_much)?;
            return made.rows((0..count).map(|mut number| {
                let mut row: Vec<Value> = Vec::with_capacity(pools.len());
                for pool in pools.iter().rev() {
                    row.push(pool[number % pool.len()].clone());
                    number /= pool.len();
                }
                row.reverse();
                row
            }));
        }
        "permutations" | "combinations" | "combinations_with_replacement" => {
            let pool = items(&first()?, None)?;
            let default = (function == "permutations").then_some(pool.len());
            let width = width(1, "r", default)?;
            if width > pool.len() && (function != "combinations_with_replacement" || pool.is_empty()) {
                return Ok(made.done());
            }
            if width > 200 {
                return Err(too_much());
            }
            let row = |row: Vec<usize>| row.into_iter().map(|at| pool[at].clone()).collect::<Vec<_>>();
            let length = pool.len();
            return match function {
                "permutations" => {
                    made.rows(Indices::new(length, width, |row: &[usize], at| !row.contains(&at)).map(row))
                }
                // Enough must be left for the rest of the row.
                "combinations" => {
                    let next = move |row: &[usize], at: usize| {
                        row.last().is_none_or(|last| at > *last) && length - at >= width - row.len()
                    };
                    made.rows(Indices::new(length, width, next).map(row))
                }
                _ => {
                    let next = |row: &[usize], at: usize| row.last().is_none_or(|last| at >= *last);
                    made.rows(Indices::new(length, width, next).map(row))
                }
            };
        }
        "zip_longest" => {
            let fill = given.named("fillvalue").unwrap_or_else(|| Value::from(()));
            let columns: Vec<Vec<Value>> =
                given.positional.iter().map(|it| items(it, None)).collect::<Result<_, _>>()?;
            let length = columns.iter().map(Vec::len).max().unwrap_or_default();
            let row = |at: usize| columns.iter().map(|column| column.get(at).unwrap_or(&fill).clone()).collect();
            return made.rows((0..length).map(row));
        }
        "islice" => {
            let numbers = given.positional.get(1..).unwrap_or_default();
            let number = |at: usize| match numbers.get(at) {
                Some(value) if !value.is_none() => {
                    let number = usize::try_from(as_integer(value)?);
                    number.map(Some).map_err(|_| failed("islice takes no negative numbers"))
                }
                _ => Ok(None),
            };
            let (start, stop, step) = match numbers.len() {
                0 | 1 => (None, number(0)?, None),
                _ => (number(0)?, number(1)?, number(2)?),
            };
            let stop_at = stop.unwrap_or(usize::MAX);
            let all = items(&first()?, stop)?;
            let step = step.unwrap_or(1).max(1);
            for item in all.into_iter().take(stop_at).skip(start.unwrap_or_default()).step_by(step) {
                made.push(item)?;
            }
        }
        "repeat" => {
            let (item, times) = (given.required(0, "object")?, given.integer(1, "times")?);
            match times {
                Some(times) => (0..times.max(0)).try_for_each(|_| made.push(item.clone()))?,
                None => return Ok(Value::from_object(Endless::Cycle(vec![item]))),
            }
        }
        "count" => {
            let (start, step) = (given.integer(0, "start")?, given.integer(1, "step")?);
            return Ok(Value::from_object(Endless::Count(start.unwrap_or(0), step.unwrap_or(1))));
        }
        "cycle" => {
            let all = items(&first()?, None)?;
            return Ok(if all.is_empty() { made.done() } else { Value::from_object(Endless::Cycle(all)) });
        }
        "compress" => {
            let (data, selectors) = (items(&given.required(0, "data")?, None)?, given.required(1, "selectors")?);
            let selectors = items(&selectors, Some(data.len()))?;
            let kept = data.into_iter().zip(selectors).filter(|(_, wanted)| wanted.is_true());
            kept.map(|(item, _)| item).try_for_each(|item| made.push(item))?;
        }
        "pairwise" => return made.rows(items(&first()?, None)?.windows(2).map(<[Value]>::to_vec)),
        "batched" => {
            return made.rows(items(&first()?, None)?.chunks(width(1, "n", None)?.max(1)).map(<[Value]>::to_vec));
        }
        "tee" => {
            let all = items(&first()?, None)?;
            let copies = width(1, "n", Some(2))?;
            if all.len().saturating_mul(copies) > MAX_HELD {
                return Err(too_much());
            }
            meter::spend((all.len() * copies) as u64)?;
            return Ok(tuple((0..copies).map(|_| MutList::value(all.clone())).collect()));
        }
        _ => return with_function(state, function, &given),
    }
    Ok(made.done())
}

/// Those that call a function of the template: a macro, whose text is its result.
fn with_function(state: &mut State, name: &str, given: &Given<'_>) -> Result<Value, Error> {
    let iterable_first = matches!(name, "accumulate" | "groupby");
    let (function, iterable) = match iterable_first {
        true => (given.some(1, if name == "groupby" { "key" } else { "func" }), given.required(0, "iterable")?),
        false => (given.some(0, "function"), given.required(1, "iterable")?),
    };
    let all = items(&iterable, None)?;
    meter::spend(all.len() as u64)?;
    let asked = |state: &mut State, args: &[Value]| match &function {
        Some(function) => function.call(state, args),
        None => Ok(args.first().cloned().unwrap_or_default()),
    };
    let mut out = Vec::new();
    match name {
        "starmap" => {
            for row in all {
                out.push(asked(state, &items(&row, None)?)?);
            }
        }
        "accumulate" => {
            let mut total = given.named("initial").filter(|value| !value.is_none());
            out.extend(total.clone());
            for item in all {
                let next = match (total, &function) {
                    (None, _) => item,
                    (Some(total), Some(function)) => function.call(state, &[total, item])?,
                    (Some(total), None) => operators::row(state, Rest(vec![total, Value::from("+"), item]))?,
                };
                total = Some(next.clone());
                out.push(next);
            }
        }
        "groupby" => {
            let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
            for item in all {
                let key = asked(state, std::slice::from_ref(&item))?;
                match groups.last_mut().filter(|(last, _)| *last == key) {
                    Some((_, group)) => group.push(item),
                    None => groups.push((key, vec![item])),
                }
            }
            out.extend(groups.into_iter().map(|(key, group)| tuple(vec![key, MutList::value(group)])));
        }
        "takewhile" | "dropwhile" | "filterfalse" => {
            let mut within = true;
            for item in all {
                if within || name == "filterfalse" {
                    within = asked(state, std::slice::from_ref(&item))?.is_true();
                }
                match name {
                    "takewhile" if !within => break,
                    "takewhile" => out.push(item),
                    _ if within => {}
                    _ => out.push(item),
                }
            }
        }
        _ => return Ok(Unknown::value()),
    }
    Ok(MutList::value(out))
}
