//! A mapping under construction: unique keys in the order of a Python dict, and merge keys.

use rustc_hash::FxHashMap;
use std::sync::Arc;

use super::{Entry, Node, Value};
use crate::span::Span;

/// Up to here comparing keys one by one is faster than hashing them.
const UNHASHED_KEYS: usize = 8;

/// A key by Python's equality, where 1, 1.0 and True are one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Null,
    Int(i64),
    Big(String),
    Float(u64),
    Time(String),
    Text(Arc<str>),
}

impl Key {
    /// Nothing for the collections, which no dict takes as keys.
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Int(i64::from(*value)),
            Value::Int(value) => Self::Int(*value),
            Value::BigInt(digits) => Self::Big(digits.clone()),
            Value::Float(value) => Self::of_float(*value),
            Value::Timestamp(text) => Self::Time(text.clone()),
            Value::Str(text) => Self::Text(Arc::clone(text)),
            Value::Seq(_) | Value::Map(_) => return None,
        })
    }

    /// Every `.nan` of PyYAML is the same object, and so one key.
    fn of_float(value: f64) -> Self {
        // Beyond 2^53 a float may equal a whole number that i64 as f64 cannot tell apart.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            #[allow(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
            let whole = value as i64;
            Self::Int(whole)
        } else {
            Self::Float(if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
        }
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => left == right,
        (Value::Str(_), _) | (_, Value::Str(_)) => false,
        _ => Key::of(left).is_some_and(|left| Some(left) == Key::of(right)),
    }
}

/// Entries with unique keys: the last value wins, at the first one's position.
#[derive(Debug, Default)]
pub(super) struct UniqueEntries {
    entries: Vec<Entry>,
    positions: FxHashMap<Key, usize>,
}

/// What a repeated key replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replaced {
    pub(super) position: usize,
    pub(super) earlier: Span,
}

impl UniqueEntries {
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Replaced> {
        let position = self.position_or_reserve(&entry.key.value);
        let Some(existing) = position.and_then(|at| self.entries.get_mut(at)) else {
            self.entries.push(entry);
            if self.entries.len() == UNHASHED_KEYS {
                self.hash_all();
            }
            return None;
        };
        let earlier = existing.key.span;
        // A dict keeps the first key object; the place shown is that of the value that counts.
        existing.key.span = entry.key.span;
        existing.value = entry.value;
        position.map(|position| Replaced { position, earlier })
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Where the key stands; a key not yet there is noted for the next free place.
    fn position_or_reserve(&mut self, key: &Value) -> Option<usize> {
        if self.entries.len() < UNHASHED_KEYS {
            return self.entries.iter().position(|entry| equal(&entry.key.value, key));
        }
        let next = self.entries.len();
        let position = *self.positions.entry(Key::of(key)?).or_insert(next);
        (position < next).then_some(position)
    }

    fn hash_all(&mut self) {
        for (at, entry) in self.entries.iter().enumerate() {
            if let Some(key) = Key::of(&entry.key.value) {
                self.positions.insert(key, at);
            }
        }
    }
}

/// A key that waits for its value.
#[derive(Debug)]
pub(super) enum Pending {
    Key(Node),
    Merge,
    /// No dict takes this key: its value is read and dropped.
    Unusable,
}

#[derive(Debug, Default)]
pub(super) struct Mapping {
    own: UniqueEntries,
    /// In the order in which PyYAML puts them before the mapping's own entries.
    merged: Vec<Entry>,
    pub(super) pending: Option<Pending>,
    /// Position of a repeated key to its place among the document's duplicates.
    pub(super) reported: FxHashMap<usize, usize>,
}

impl Mapping {
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Replaced> {
        self.own.insert(entry)
    }

    pub(super) fn key_text(&self, position: usize) -> String {
        let key = self.own.entries.get(position).and_then(|entry| entry.key.key_text());
        key.unwrap_or_default().into_owned()
    }

    /// Takes in the value of a merge key, or tells the place of what is no mapping there.
    pub(super) fn merge(&mut self, value: Node) -> Result<(), Span> {
        match value.value {
            Value::Map(entries) => self.merged.extend(entries),
            Value::Seq(items) => {
                if let Some(wrong) = items.iter().find(|item| item.as_map().is_none()) {
                    return Err(wrong.span);
                }
                // The first mapping of the list wins, so it is inserted last.
                for item in items.into_iter().rev() {
                    if let Value::Map(entries) = item.value {
                        self.merged.extend(entries);
                    }
                }
            }
            _ => return Err(value.span),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Entry> {
        if self.merged.is_empty() {
            return self.own.into_entries();
        }
        let mut all = UniqueEntries::default();
        for entry in self.merged.into_iter().chain(self.own.into_entries()) {
            all.insert(entry);
        }
        all.into_entries()
    }
}
