//! The values of rows: texts and exact numbers, interned. Equal values have equal codes, whatever way
//! they were written: 2, 2.0 and 4 / 2 are one value.

use hashbrown::HashTable;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use rustc_hash::FxHasher;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A code: a small number itself, or a place in a table of constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(super) u32);

const SMALL: u32 = 1 << 31;
const BIAS: i64 = 1 << 30;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Constant {
    Text(Arc<str>),
    Int(i64),
    /// Never a whole number that an `Int` can hold.
    Decimal(Decimal),
}

impl Constant {
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }

    /// The number that a text spells, as a literal would.
    pub fn number(text: &str) -> Option<Self> {
        let plain = text.strip_prefix('-').unwrap_or(text);
        let spelled = plain.starts_with(|first: char| first.is_ascii_digit())
            && plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        Decimal::from_str_exact(text).ok().filter(|_| spelled).map(Self::decimal)
    }

    pub fn decimal(number: Decimal) -> Self {
        match number.to_i64().filter(|_| number.is_integer()) {
            Some(whole) => Self::Int(whole),
            None => Self::Decimal(number.normalize()),
        }
    }

    pub fn as_decimal(&self) -> Option<Decimal> {
        match self {
            Self::Text(_) => None,
            Self::Int(number) => Some(Decimal::from(*number)),
            Self::Decimal(number) => Some(*number),
        }
    }

    fn code(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Numbers by size, texts by their letters, numbers before texts.
impl Ord for Constant {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Int(left), Self::Int(right)) => left.cmp(right),
            (Self::Text(_), _) => Ordering::Greater,
            (_, Self::Text(_)) => Ordering::Less,
            (left, right) => left.as_decimal().cmp(&right.as_decimal()),
        }
    }
}

impl PartialOrd for Constant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
        }
    }
}

/// The table of constants.
#[derive(Debug, Default, Clone)]
pub(crate) struct Values {
    all: Vec<Constant>,
    codes: HashTable<u32>,
    /// What they take, about.
    pub(super) bytes: usize,
}

/// Bytes that a constant takes beside its letters: in the table, and its code.
const CONSTANT: usize = 32;

fn text_code(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Values {
    pub(super) fn text(&mut self, text: &str) -> Value {
        let code = text_code(text);
        let same = |at: &u32| matches!(&self.all[*at as usize], Constant::Text(other) if **other == *text);
        match self.codes.find(code, same) {
            Some(at) => Value(*at),
            None => self.add(code, Constant::text(text)),
        }
    }

    pub(super) fn int(&mut self, number: i64) -> Value {
        if (-BIAS..BIAS).contains(&number)
            && let Ok(biased) = u32::try_from(number + BIAS)
        {
            return Value(SMALL | biased);
        }
        self.constant(&Constant::Int(number))
    }

    pub(super) fn constant(&mut self, constant: &Constant) -> Value {
        match constant {
            Constant::Text(text) => return self.text(text),
            Constant::Int(number) if (-BIAS..BIAS).contains(number) => return self.int(*number),
            _ => {}
        }
        let code = constant.code();
        match self.codes.find(code, |at| self.all[*at as usize] == *constant) {
            Some(at) => Value(*at),
            None => self.add(code, constant.clone()),
        }
    }

    fn add(&mut self, code: u64, constant: Constant) -> Value {
        // 2^31 constants do not fit into memory.
        let at = u32::try_from(self.all.len()).unwrap_or(SMALL - 1);
        self.bytes += CONSTANT + if let Constant::Text(text) = &constant { text.len() } else { 0 };
        self.all.push(constant);
        let all = &self.all;
        self.codes.insert_unique(code, at, |at| match &all[*at as usize] {
            Constant::Text(text) => text_code(text),
            other => other.code(),
        });
        Value(at)
    }

    pub(super) fn get(&self, value: Value) -> Constant {
        if value.0 & SMALL != 0 {
            return Constant::Int(i64::from(value.0 & !SMALL) - BIAS);
        }
        self.all[value.0 as usize].clone()
    }

    /// The text of a value that is one.
    pub(super) fn as_text(&self, value: Value) -> Option<&Arc<str>> {
        match self.all.get(value.0 as usize) {
            Some(Constant::Text(text)) if value.0 & SMALL == 0 => Some(text),
            _ => None,
        }
    }

    pub(super) fn compare(&self, left: Value, right: Value) -> Ordering {
        if left == right {
            return Ordering::Equal;
        }
        if left.0 & right.0 & SMALL != 0 {
            return left.0.cmp(&right.0);
        }
        match (self.as_text(left), self.as_text(right)) {
            (Some(left), Some(right)) => left.cmp(right),
            _ => self.get(left).cmp(&self.get(right)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_one_value_however_they_are_written() {
        let mut values = Values::default();
        let mut code = |text: &str| values.constant(&Constant::number(text).unwrap());
        assert_eq!(code("2"), code("2.0"));
        assert_eq!(code("0.10"), code("0.1"));
        assert_ne!(code("0.1589873"), code("0.158987294928"));
        assert_ne!(code("9223372036854775807"), code("9223372036854775806"));
        assert_eq!(code("-1073741825"), code("-1073741825.00"));
    }

    #[test]
    fn values_have_the_order_people_expect() {
        let mut values = Values::default();
        let mut code = |constant: Constant| values.constant(&constant);
        let [two, ten, half, big] = [2, 10, 0, i64::MAX].map(|number| code(Constant::Int(number)));
        let tenth = code(Constant::number("0.1").unwrap());
        let [a, b] = ["a", "b"].map(|text| code(Constant::text(text)));
        for (left, right) in [(two, ten), (half, tenth), (tenth, two), (ten, big), (a, b), (big, a)] {
            assert_eq!(values.compare(left, right), Ordering::Less);
            assert_eq!(values.compare(right, left), Ordering::Greater);
        }
    }

    #[test]
    fn a_text_that_spells_no_number_is_none() {
        for text in ["", "x", "1x", "+1", "1e3", "--1", ".5", "99999999999999999999999999999999"] {
            assert_eq!(Constant::number(text), None, "{text}");
        }
    }
}
