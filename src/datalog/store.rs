//! Rows of relations, and indexes on them that are made when they are first needed. Rows are only
//! added, so a range of row numbers is what was added in one round. A table that is maintained from one
//! state of the facts to the next can lose rows as well: they stay where they are until `bury`.

use super::value::Value;
use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;

pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Table {
    pub arity: usize,
    /// All rows that the facts have are here.
    is_loaded: bool,
    rows: Vec<Value>,
    length: u32,
    /// Which rows there are: pairs by themselves, all else by row numbers.
    pairs: Pairs,
    numbered: HashTable<u32>,
    /// Some rows are in none of the sets yet.
    is_unsettled: bool,
    indexes: Vec<Index>,
    /// What became of each row, where rows can go.
    fates: Option<Fates>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Live,
    /// It went since the last burial, and may come back.
    Dying,
    Dead,
}

#[derive(Debug, Default)]
struct Fates {
    of: Vec<Fate>,
    dying: Vec<u32>,
    dead: u32,
    sees_dying: bool,
}

/// More dead rows than these, and than a quarter of the living, are thrown out.
const DEAD: u32 = 256;

/// The rows with the same values in some columns are a chain, from the newest to the oldest.
#[derive(Debug)]
struct Index {
    columns: Vec<usize>,
    /// Rows up to here are in it.
    upto: u32,
    heads: Heads,
    next: Vec<u32>,
}

/// The newest row of each chain.
#[derive(Debug)]
enum Heads {
    /// One column of interned values: by their codes.
    Direct(Vec<u32>),
    Hashed(HashTable<u32>),
}

fn hash(values: impl Iterator<Item = Value>) -> u64 {
    let mut hasher = FxHasher::default();
    values.for_each(|value| hasher.write_u32(value.0));
    hasher.finish()
}

/// A set of pairs, by their first values. Rounds yield rows with the same first value one after the
/// other, so what they are looked up in is small and near.
#[derive(Debug, Default)]
struct Pairs {
    of: FxHashMap<u32, usize>,
    seconds: Vec<HashTable<u32>>,
    /// The first value that was looked up last, and its set.
    last: Option<(u32, usize)>,
}

impl Pairs {
    /// Says whether the pair is new.
    fn insert(&mut self, first: Value, second: Value) -> bool {
        let at = match self.last {
            Some((last, at)) if last == first.0 => at,
            _ => {
                let at = *self.of.entry(first.0).or_insert_with(|| {
                    self.seconds.push(HashTable::new());
                    self.seconds.len() - 1
                });
                self.last = Some((first.0, at));
                at
            }
        };
        let entry = self.seconds[at].entry(hash_one(&second.0), |other| *other == second.0, hash_one);
        let hashbrown::hash_table::Entry::Vacant(vacant) = entry else { return false };
        vacant.insert(second.0);
        true
    }

    fn contains(&self, first: Value, second: Value) -> bool {
        let set = self.of.get(&first.0).map(|at| &self.seconds[*at]);
        set.is_some_and(|set| set.find(hash_one(&second.0), |other| *other == second.0).is_some())
    }
}

fn hash_one(code: &u32) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(*code);
    hasher.finish()
}

impl Table {
    pub(super) fn new(arity: usize) -> Self {
        Self { arity, ..Self::default() }
    }

    /// A table whose rows can go.
    pub(super) fn maintained(arity: usize) -> Self {
        Self { arity, fates: Some(Fates::default()), ..Self::default() }
    }

    pub(super) fn is_seen(&self, number: u32) -> bool {
        self.fates.as_ref().is_none_or(|fates| match fates.of[number as usize] {
            Fate::Live => true,
            Fate::Dying => fates.sees_dying,
            Fate::Dead => false,
        })
    }

    /// Whether it holds any row.
    pub(super) fn has_any(&self) -> bool {
        (0..self.length).any(|number| self.is_seen(number))
    }

    /// How many rows live.
    pub(super) fn live(&self) -> usize {
        let gone = self.fates.as_ref().map_or(0, |fates| {
            let dying = fates.dying.iter().filter(|at| fates.of[**at as usize] == Fate::Dying).count();
            dying + fates.dead as usize
        });
        self.length as usize - gone
    }

    pub(super) fn is_live(&self, number: u32) -> bool {
        self.fates.as_ref().is_none_or(|fates| fates.of[number as usize] == Fate::Live)
    }

    /// Whether rows that went since the last burial are found like others.
    pub(super) fn see_dying(&mut self, sees: bool) {
        if let Some(fates) = &mut self.fates {
            fates.sees_dying = sees;
        }
    }

    /// The number of a row of a maintained table that is there, or that went since the last burial.
    pub(super) fn find(&self, row: &[Value]) -> Option<u32> {
        self.numbered.find(hash(row.iter().copied()), |other| self.row(*other) == row).copied()
    }

    /// Takes a row of a maintained table away.
    pub(super) fn remove(&mut self, number: u32) {
        let Some(fates) = &mut self.fates else { return };
        let fate = &mut fates.of[number as usize];
        if *fate == Fate::Live {
            *fate = Fate::Dying;
            fates.dying.push(number);
        }
    }

    /// The rows that went since the last burial, and the living ones from a number on.
    pub(super) fn changed_since(&self, number: u32) -> Vec<u32> {
        let Some(fates) = &self.fates else { return Vec::new() };
        let is = |fate: Fate| move |at: &u32| fates.of[*at as usize] == fate;
        let gone = fates.dying.iter().copied().filter(is(Fate::Dying)).filter(|at| *at < number);
        gone.chain((number..self.length).filter(is(Fate::Live))).collect()
    }

    /// Forgets the rows that went. Says whether the others got new numbers.
    pub(super) fn bury(&mut self) -> bool {
        let Some(mut fates) = self.fates.take() else { return false };
        for number in std::mem::take(&mut fates.dying) {
            if fates.of[number as usize] == Fate::Dying {
                fates.of[number as usize] = Fate::Dead;
                fates.dead += 1;
                let code = hash(self.row(number).iter().copied());
                if let Ok(entry) = self.numbered.find_entry(code, |other| *other == number) {
                    entry.remove();
                }
            }
        }
        let crowded = fates.dead > DEAD.max((self.length - fates.dead) / 4);
        self.fates = Some(fates);
        if crowded {
            self.compact();
        }
        crowded
    }

    fn compact(&mut self) {
        let (rows, length) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.length));
        let fates = self.fates.replace(Fates::default());
        self.numbered = HashTable::new();
        for index in &mut self.indexes {
            *index = Index::new(std::mem::take(&mut index.columns));
        }
        for number in 0..length as usize {
            if fates.as_ref().is_none_or(|fates| fates.of[number] == Fate::Live) {
                self.insert(&rows[number * self.arity..(number + 1) * self.arity]);
            }
        }
        self.refresh();
    }

    pub(super) fn note_loaded(&mut self) {
        self.is_loaded = true;
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    pub(super) fn len(&self) -> u32 {
        self.length
    }

    pub(super) fn row(&self, number: u32) -> &[Value] {
        let start = number as usize * self.arity;
        &self.rows[start..start + self.arity]
    }

    pub(super) fn get(&self, number: u32, column: usize) -> Value {
        self.rows[number as usize * self.arity + column]
    }

    /// Says whether the row is new.
    pub(super) fn insert(&mut self, row: &[Value]) -> bool {
        debug_assert_eq!(row.len(), self.arity);
        if let ([first, second], None) = (row, &self.fates) {
            if !self.pairs.insert(*first, *second) {
                return false;
            }
        } else {
            let (rows, arity) = (&self.rows, self.arity);
            let of = |number: &u32| &rows[*number as usize * arity..(*number as usize + 1) * arity];
            let code = hash(row.iter().copied());
            let entry = self.numbered.entry(code, |other| of(other) == row, |other| hash(of(other).iter().copied()));
            match entry {
                hashbrown::hash_table::Entry::Vacant(vacant) => vacant.insert(self.length),
                hashbrown::hash_table::Entry::Occupied(known) => {
                    // A row that just went comes back.
                    let fate = self.fates.as_mut().map(|fates| &mut fates.of[*known.get() as usize]);
                    return fate.is_some_and(|fate| std::mem::replace(fate, Fate::Live) == Fate::Dying);
                }
            };
        }
        self.rows.extend_from_slice(row);
        self.length += 1;
        if let Some(fates) = &mut self.fates {
            fates.of.push(Fate::Live);
        }
        true
    }

    /// Adds a row that is known to be new, and may stay out of the sets until `settle`.
    pub(super) fn append(&mut self, row: &[Value]) {
        debug_assert_eq!(row.len(), self.arity);
        self.rows.extend_from_slice(row);
        self.length += 1;
        self.is_unsettled = true;
    }

    /// Makes `contains` and `insert` know the rows that were appended.
    pub(super) fn settle(&mut self) {
        if !std::mem::take(&mut self.is_unsettled) {
            return;
        }
        let (rows, length) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.length));
        for number in 0..length as usize {
            self.insert(&rows[number * self.arity..(number + 1) * self.arity]);
        }
    }

    pub(super) fn contains(&self, row: &[Value]) -> bool {
        debug_assert!(!self.is_unsettled);
        if let ([first, second], None) = (row, &self.fates) {
            return self.pairs.contains(*first, *second);
        }
        self.find(row).is_some_and(|number| self.is_seen(number))
    }

    /// The number of the index on these columns; it is made where there is none.
    pub(super) fn index(&mut self, columns: &[usize]) -> usize {
        if let Some(at) = self.indexes.iter().position(|index| index.columns == columns) {
            return at;
        }
        self.indexes.push(Index::new(columns.to_vec()));
        self.indexes.len() - 1
    }

    /// Takes the newest rows into all indexes.
    pub(super) fn refresh(&mut self) {
        let mut indexes = std::mem::take(&mut self.indexes);
        for index in &mut indexes {
            index.extend(self);
        }
        self.indexes = indexes;
    }

    /// The newest row with this key, or `NONE`.
    pub(super) fn first(&self, index: usize, key: &[Value]) -> u32 {
        let number = self.head(index, key);
        if number == NONE || self.is_seen(number) { number } else { self.next(index, number) }
    }

    fn head(&self, index: usize, key: &[Value]) -> u32 {
        let index = &self.indexes[index];
        match &index.heads {
            Heads::Direct(heads) => key.first().map_or(NONE, |key| heads.get(slot(*key)).copied().unwrap_or(NONE)),
            Heads::Hashed(heads) => {
                let same = |number: &u32| {
                    index.columns.iter().zip(key).all(|(column, key)| self.get(*number, *column) == *key)
                };
                heads.find(hash(key.iter().copied()), same).copied().unwrap_or(NONE)
            }
        }
    }

    pub(super) fn next(&self, index: usize, number: u32) -> u32 {
        let next = &self.indexes[index].next;
        let mut number = next[number as usize];
        while number != NONE && !self.is_seen(number) {
            number = next[number as usize];
        }
        number
    }
}

/// Small numbers and interned values lie in two dense ranges: they take turns.
fn slot(value: Value) -> usize {
    const MIDDLE: u32 = (1 << 31) + (1 << 30);
    if value.0 >> 31 == 0 {
        return value.0 as usize * 2;
    }
    let distance = value.0.abs_diff(MIDDLE) as usize;
    distance * 4 + if value.0 < MIDDLE { 1 } else { 3 }
}

/// Slots beyond this are not worth an array.
fn is_dense(slot: usize, rows: u32) -> bool {
    slot <= (rows as usize).saturating_mul(8).saturating_add(1 << 16)
}

impl Index {
    fn new(columns: Vec<usize>) -> Self {
        let heads = match columns.as_slice() {
            [_] => Heads::Direct(Vec::new()),
            _ => Heads::Hashed(HashTable::new()),
        };
        Self { columns, upto: 0, heads, next: Vec::new() }
    }

    fn extend(&mut self, table: &Table) {
        self.next.reserve((table.length - self.upto) as usize);
        if let Heads::Direct(heads) = &mut self.heads
            && let [column] = self.columns.as_slice()
        {
            let largest = (self.upto..table.length).map(|number| slot(table.get(number, *column))).max();
            match largest {
                Some(largest) if !is_dense(largest, table.length) => {
                    self.heads = Heads::Hashed(HashTable::new());
                    self.upto = 0;
                    self.next.clear();
                }
                Some(largest) if largest >= heads.len() => heads.resize(largest + 1, NONE),
                _ => {}
            }
        }
        for number in self.upto..table.length {
            match &mut self.heads {
                Heads::Direct(heads) => {
                    let head = &mut heads[slot(table.get(number, self.columns[0]))];
                    self.next.push(std::mem::replace(head, number));
                }
                Heads::Hashed(heads) => {
                    let columns = &self.columns;
                    let code = |number: &u32| hash(columns.iter().map(|column| table.get(*number, *column)));
                    let same = |other: &u32| {
                        columns.iter().all(|column| table.get(*other, *column) == table.get(number, *column))
                    };
                    match heads.entry(code(&number), same, code) {
                        hashbrown::hash_table::Entry::Occupied(mut head) => {
                            self.next.push(std::mem::replace(head.get_mut(), number));
                        }
                        hashbrown::hash_table::Entry::Vacant(vacant) => {
                            vacant.insert(number);
                            self.next.push(NONE);
                        }
                    }
                }
            }
        }
        self.upto = table.length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(table: &Table, index: usize, key: &[u32]) -> Vec<u32> {
        let key: Vec<Value> = key.iter().copied().map(Value).collect();
        let mut found = Vec::new();
        let mut at = table.first(index, &key);
        while at != NONE {
            found.push(at);
            at = table.next(index, at);
        }
        found
    }

    #[test]
    fn rows_are_a_set_and_chains_go_from_the_newest() {
        for arity in [2, 3] {
            let mut table = Table::new(arity);
            let add = |table: &mut Table, row: [u32; 3]| table.insert(&row.map(Value)[..arity]);
            assert!(add(&mut table, [1, 2, 0]));
            assert!(!add(&mut table, [1, 2, 0]));
            assert!(add(&mut table, [1, 3, 0]));
            let one = table.index(&[0]);
            let both = table.index(&[0, 1]);
            table.refresh();
            assert!(add(&mut table, [1, 4, 0]));
            assert_eq!(chain(&table, one, &[1]), [1, 0], "the index is as old as its last refresh");
            table.refresh();
            assert_eq!(chain(&table, one, &[1]), [2, 1, 0]);
            assert_eq!(chain(&table, both, &[1, 3]), [1]);
            assert!(chain(&table, both, &[3, 1]).is_empty());
            assert!(table.contains(&[1, 4, 0].map(Value)[..arity]));
        }
    }

    #[test]
    fn sparse_codes_are_hashed() {
        let mut table = Table::new(1);
        let index = table.index(&[0]);
        for code in [0, 7, 1 << 31, (1 << 31) + (1 << 30), (1 << 31) + (1 << 30) - 1, u32::MAX, 1 << 30] {
            table.insert(&[Value(code)]);
            table.refresh();
            assert_eq!(chain(&table, index, &[code]).len(), 1);
        }
        assert!(chain(&table, index, &[8]).is_empty());
        assert!(matches!(table.indexes[0].heads, Heads::Hashed(_)));
    }

    #[test]
    fn rows_that_were_appended_are_known_once_they_are_settled() {
        for arity in [0, 2, 3] {
            let mut table = Table::new(arity);
            let row = [1, 2, 3].map(Value);
            table.append(&row[..arity]);
            table.settle();
            assert!(table.contains(&row[..arity]) && !table.insert(&row[..arity]));
            assert_eq!(table.len(), 1);
        }
    }

    #[test]
    fn rows_of_a_maintained_table_go_and_come_back() {
        for arity in [1, 2, 3] {
            let mut table = Table::maintained(arity);
            let row = |n: u32| [1, n, 0].map(Value)[3 - arity..].to_vec();
            let row = |n: u32| if arity == 3 { row(n) } else { [n, 1].map(Value)[..arity].to_vec() };
            for n in 0..2000 {
                table.insert(&row(n));
            }
            let last = arity - 1;
            let index = table.index(&[0]);
            table.refresh();
            table.remove(table.find(&row(7)).unwrap());
            table.remove(table.find(&row(8)).unwrap());
            assert!(!table.contains(&row(7)));
            table.see_dying(true);
            assert!(table.contains(&row(7)));
            table.see_dying(false);
            assert!(table.insert(&row(8)) && table.contains(&row(8)));
            assert_eq!(table.changed_since(table.len()), [7]);
            assert!(!table.bury() && table.find(&row(7)).is_none());
            for n in 100..1000 {
                table.remove(table.find(&row(n)).unwrap());
            }
            assert!(table.bury(), "{last}");
            assert_eq!(table.len(), 1099);
            assert!(table.contains(&row(1500)) && !table.contains(&row(500)));
            assert!(table.insert(&row(500)) && !table.insert(&row(1500)));
            table.refresh();
            let key = row(500)[0];
            assert!(table.first(index, &[key]) != NONE);
        }
    }

    #[test]
    fn a_relation_without_columns_holds_one_row_at_most() {
        let mut table = Table::new(0);
        assert!(!table.contains(&[]));
        assert!(table.insert(&[]));
        assert!(!table.insert(&[]));
        assert_eq!(table.len(), 1);
    }
}
