//! What one rendering has done and holds. The engine counts its own instructions and the bytes it writes
//! as fuel; what the values and functions here do besides is counted as work, by what they touch.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the lists, dicts and traces of one rendering hold together.
const HELD: usize = 64 << 20;
/// Work by fuel of one template: an item that is visited, or 16 bytes of a text.
const WORK: u64 = 5;
/// Fuel of a template and all that it calls, by that of one. Of 110 public projects one needs a million, all others
/// less than 100,000.
const MACROS: u64 = 8;
/// Work of one tuple: the engine prints, compares and drops these by itself.
const TUPLE: u64 = 100_000;
/// How deep tuples may nest.
const TUPLE_DEPTH: usize = 200;
/// Bytes of a value in a list, and of an entry in a dict.
pub const SLOT: usize = 24;
pub(crate) const ENTRY: usize = 80;
/// Work of compiling a macro's call.
const CALL: u64 = 50;
/// Work at which a value that `format` writes is weighed no further.
const FORMATTED: u64 = 5_000_000;

/// Why a rendering is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excess {
    Work,
    Memory,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    /// Work that is left.
    left: u64,
    held: usize,
    most: usize,
    /// Fuel that templates have spent which wait for the macro they called, and how much that may be.
    waiting: u64,
    tank: u64,
    /// Fuel that macros have left.
    fuel: u64,
    excess: Option<Excess>,
}

impl Meter {
    /// Outside of any rendering nothing is counted.
    const OPEN: Self =
        Self { left: u64::MAX, held: 0, most: usize::MAX, waiting: 0, tank: u64::MAX, fuel: u64::MAX, excess: None };

    /// What a rendering may do each of whose templates has so much fuel.
    pub(crate) const fn full(fuel: u64) -> Self {
        let (left, all) = (fuel.saturating_mul(WORK), fuel.saturating_mul(MACROS));
        Self { left, held: 0, most: HELD, waiting: 0, tank: fuel, fuel: all, excess: None }
    }

    /// Counts by this from now on; gives what was counted by.
    pub(crate) fn begin(self) -> Self {
        METER.replace(self)
    }
}

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(Meter::OPEN) };
}

fn error(excess: Excess) -> Error {
    let what = match excess {
        Excess::Work => "the template does more work than one rendering may",
        Excess::Memory => "the template holds more than 64 MB of values",
    };
    Error::new(ErrorKind::OutOfFuel, what)
}

/// Counts work; false where there is none left.
pub(crate) fn is_affordable(work: u64) -> bool {
    let mut meter = METER.get();
    match meter.left.checked_sub(work) {
        Some(left) => meter.left = left,
        None => {
            meter.left = 0;
            meter.excess = meter.excess.or(Some(Excess::Work));
        }
    }
    METER.set(meter);
    meter.excess.is_none()
}

/// Counts work, and fails where there is none left.
pub fn spend(work: u64) -> Result<(), Error> {
    if is_affordable(work) { Ok(()) } else { check() }
}

/// Fails where a rendering is over.
pub fn check() -> Result<(), Error> {
    METER.get().excess.map_or(Ok(()), |excess| Err(error(excess)))
}

/// Counts a step to an item.
pub(crate) fn walked(item: Result<Value, Error>) -> Result<Value, Error> {
    spend(1).and(item)
}

/// Counts the look at a text.
pub fn spend_text(length: usize) -> Result<(), Error> {
    spend(work_of(length))
}

pub(crate) fn work_of(length: usize) -> u64 {
    length as u64 / 16
}

/// Counts the look at all of some values.
pub fn spend_values<'a>(values: impl IntoIterator<Item = &'a Value>) -> Result<(), Error> {
    values.into_iter().try_for_each(look)
}

/// Counts the look at all of a value.
pub fn look(value: &Value) -> Result<(), Error> {
    if is_looked_at(value) { Ok(()) } else { check() }
}

/// The same where nothing can fail.
pub fn is_looked_at(value: &Value) -> bool {
    match (value.as_str(), value.as_object()) {
        (Some(text), _) => is_affordable(work_of(text.len())),
        (None, None) => true,
        (None, Some(_)) => {
            let most = METER.get().left.saturating_add(1);
            is_affordable(weight(value, most, usize::MAX).0)
        }
    }
}

/// Items and sixteenths of texts in a value, what it holds twice counted twice; no further than `most`. Says
/// also whether it nests deeper than `depth`.
fn weight(value: &Value, most: u64, depth: usize) -> (u64, bool) {
    let mut sum = 0u64;
    let mut is_deep = false;
    let mut open = vec![(value.clone(), 0)];
    while let Some((value, level)) = open.pop() {
        sum += 1 + value.as_str().map_or(0, |text| work_of(text.len()));
        if sum > most {
            break;
        }
        if value.as_object().is_none() {
            continue;
        }
        if level > depth {
            is_deep = true;
            break;
        }
        let mut add = |item: Value| {
            // What is flat need not wait for its turn.
            match item.as_object() {
                None => sum += 1 + item.as_str().map_or(0, |text| work_of(text.len())),
                Some(_) => open.push((item, level + 1)),
            }
            sum <= most
        };
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => value.try_iter().into_iter().flatten().all(add),
            ValueKind::Map => {
                value.try_iter().into_iter().flatten().all(|key| value.get_item(&key).is_ok_and(&mut add) && add(key))
            }
            _ => true,
        };
    }
    (sum, is_deep)
}

/// Looks at a tuple that a template writes: the engine will print and compare it by itself.
pub(crate) fn tuple(value: &Value) -> Result<(), Error> {
    let (weight, is_deep) = weight(value, TUPLE, TUPLE_DEPTH);
    if weight > TUPLE || is_deep {
        return Err(Error::new(ErrorKind::OutOfFuel, "the tuple is nested too deep or holds too much"));
    }
    spend(weight)
}

/// Whether a value of so many bytes may be made.
pub fn room(bytes: usize) -> Result<(), Error> {
    let meter = METER.get();
    match meter.held.checked_add(bytes) {
        Some(held) if held <= meter.most => check(),
        _ => {
            METER.set(Meter { excess: meter.excess.or(Some(Excess::Memory)), ..meter });
            check()
        }
    }
}

/// Counts bytes that are held until the rendering ends.
pub fn hold(bytes: usize) {
    let meter = METER.get();
    let held = meter.held.saturating_add(bytes);
    let excess = if held > meter.most { meter.excess.or(Some(Excess::Memory)) } else { meter.excess };
    METER.set(Meter { held, excess, ..meter });
}

fn release(bytes: usize) {
    let meter = METER.get();
    METER.set(Meter { held: meter.held.saturating_sub(bytes), ..meter });
}

/// Counts what `format` may write: each field any of the values.
pub(crate) fn spend_format(pattern: &str, values: &[Value]) -> Result<(), Error> {
    spend_values(values)?;
    let longest = values.iter().map(|value| weight(value, FORMATTED, usize::MAX).0).max().unwrap_or_default();
    let fields = pattern.bytes().filter(|byte| matches!(byte, b'{' | b'%')).count() as u64;
    let work = longest.saturating_mul(fields).saturating_add(work_of(pattern.len()));
    spend(work)?;
    room(usize::try_from(work.saturating_mul(16)).unwrap_or(usize::MAX))
}

/// The bytes that one list or dict holds.
#[derive(Debug, Default)]
pub(crate) struct Holding(AtomicUsize);

impl Holding {
    pub(crate) fn of(bytes: usize) -> Self {
        hold(bytes);
        Self(AtomicUsize::new(bytes))
    }

    pub(crate) fn set(&self, bytes: usize) {
        let before = self.0.swap(bytes, Ordering::Relaxed);
        match bytes.checked_sub(before) {
            Some(0) => {}
            Some(more) => hold(more),
            None => release(before - bytes),
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        release(*self.0.get_mut());
    }
}

/// Counts the fuel of a macro that has ended.
pub fn spend_fuel(fuel: u64) -> Result<(), Error> {
    let meter = METER.get();
    let (left, excess) = match meter.fuel.checked_sub(fuel) {
        Some(left) => (left, meter.excess),
        None => (0, meter.excess.or(Some(Excess::Work))),
    };
    METER.set(Meter { fuel: left, excess, ..meter });
    check()
}

/// Lets a template that has spent so much fuel wait for a macro it calls. All that wait together have no more fuel than one.
pub fn waiting<R>(spent: u64, call: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    spend(CALL)?;
    let before = METER.get();
    let waiting = before.waiting + spent;
    if waiting > before.tank {
        METER.set(Meter { excess: before.excess.or(Some(Excess::Work)), ..before });
        check()?;
    }
    METER.set(Meter { waiting, ..before });
    let result = call();
    METER.set(Meter { waiting: before.waiting, ..METER.get() });
    result
}
