//! Facts that come in parts: which parts have changed, and which rows that adds or takes away.

use super::super::schema::{Cell, Facts};
use super::super::store::Table;
use super::super::value::{Value, Values};
use super::Rel;
use rustc_hash::FxHashMap;

/// One part of a relation's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What the part is known by.
    pub key: u64,
    /// Another one whenever the rows may be others.
    pub stamp: u64,
}

/// Facts of which it is known which have changed.
pub trait PartedFacts: Facts {
    /// A stamp for the relation as a whole, and its parts; `None` where it has none.
    fn parts(&self, relation: &str) -> Option<(u64, &[Part])>;
    /// Gives each row of a part; a row may be in several.
    fn visit_part(&self, relation: &str, part: &Part, row: &mut dyn FnMut(&[Cell<'_>]));
}

/// A relation of facts as it was last seen.
pub(super) struct Base {
    pub(super) rel: Rel,
    pub(super) name: String,
    /// How often rows came or went.
    pub(super) changes: u64,
    stamp: Option<u64>,
    parts: FxHashMap<u64, Held>,
    /// Of rows that are in several parts: in how many.
    counts: FxHashMap<Vec<Value>, i64>,
}

struct Held {
    stamp: u64,
    rows: Vec<Value>,
    is_there: bool,
}

impl Base {
    pub(super) fn new(rel: Rel, name: String) -> Self {
        Self { rel, name, changes: 0, stamp: None, parts: FxHashMap::default(), counts: FxHashMap::default() }
    }

    /// Brings the table up to the facts. The numbers of the rows that came or went.
    pub(super) fn update(&mut self, table: &mut Table, values: &mut Values, facts: &dyn PartedFacts) -> Vec<u32> {
        let Some((stamp, parts)) = facts.parts(&self.name) else { return Vec::new() };
        if self.stamp.replace(stamp) == Some(stamp) {
            return Vec::new();
        }
        let before = table.len();
        let arity = table.arity;
        let mut changes: FxHashMap<Vec<Value>, i64> = FxHashMap::default();
        let mut note = |rows: &[Value], by: i64| {
            for row in rows.chunks_exact(arity.max(1)) {
                *changes.entry(row.to_vec()).or_default() += by;
            }
        };
        self.parts.values_mut().for_each(|held| held.is_there = false);
        for part in parts {
            if let Some(held) = self.parts.get_mut(&part.key) {
                held.is_there = true;
                if held.stamp == part.stamp {
                    continue;
                }
            }
            let mut rows: Vec<Value> = Vec::new();
            facts.visit_part(&self.name, part, &mut |cells| encode(values, cells, arity, &mut rows));
            let held = Held { stamp: part.stamp, rows, is_there: true };
            note(&held.rows, 1);
            if let Some(old) = self.parts.insert(part.key, held) {
                note(&old.rows, -1);
            }
        }
        self.parts.retain(|_, held| {
            if !held.is_there {
                note(&held.rows, -1);
            }
            held.is_there
        });
        for (row, by) in changes.into_iter().filter(|(_, by)| *by != 0) {
            let live = table.find(&row).filter(|number| table.is_live(*number));
            let old = live.map_or(0, |_| self.counts.get(&row).copied().unwrap_or(1));
            let new = old + by;
            match live {
                Some(number) if new <= 0 => table.remove(number),
                None if new > 0 => {
                    table.insert(&row);
                }
                _ => {}
            }
            if new > 1 {
                self.counts.insert(row, new);
            } else {
                self.counts.remove(&row);
            }
        }
        let changed = table.changed_since(before);
        self.changes += u64::from(!changed.is_empty());
        changed
    }
}

/// Rows come file by file, so a value is often that of the row before.
fn encode(values: &mut Values, cells: &[Cell<'_>], arity: usize, rows: &mut Vec<Value>) {
    if cells.len() != arity {
        return;
    }
    let last = rows.len().checked_sub(arity);
    for (at, cell) in cells.iter().enumerate() {
        let before = last.and_then(|last| rows.get(last + at)).copied();
        let value = match cell {
            Cell::Text(text) => match before.filter(|it| values.as_text(*it).is_some_and(|it| **it == **text)) {
                Some(before) => before,
                None => values.text(text),
            },
            Cell::Int(number) => values.int(*number),
            Cell::Decimal(_) => values.constant(&cell.constant()),
        };
        rows.push(value);
    }
}
