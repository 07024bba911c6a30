//! Values of the environment and of the profile's connection that would stand in what is printed. Whoever wrote the
//! repo is not always whom its secrets belong to: a check of a fork's pull request prints to a public log.
//!
//! A value is masked as a whole and in longer parts, in any case and backwards. What the repo's own files say is
//! not masked: its author knows it.

use super::{Outcome, Session};
use crate::datalog::{Constant, Type};
use crate::db::Invocation;
use crate::project::target::{environment_read, is_of_connection, is_secret};
use crate::query::Tree;
use crate::rules::finding::Finding;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What stands in place of a value, as dbt has it.
pub const MASK: &str = "*****";
/// Shorter values are words like any other: `dev`, `1`.
const MIN: usize = 4;
/// Of a value of this length or more parts count as well.
const LONG: usize = 8;
/// The shortest part that counts.
const MIN_PART: usize = 6;
/// What everybody connects as, or to, and what switches say: nothing is learned from it.
const COMMON: [&str; 9] = ["root", "admin", "user", "test", "true", "false", "localhost", "default", "postgres"];
/// Longer values are no credentials, and too long to be compared.
const MAX: usize = 16 * 1024;

/// The values that must not be printed.
#[derive(Debug, Default)]
pub struct Mask {
    values: Vec<Vec<u8>>,
    /// Where in which value four bytes stand.
    starts: FxHashMap<[u8; MIN], Vec<(usize, usize)>>,
}

impl Mask {
    /// The values that a run of this invocation has read so far; none where they may be shown.
    pub fn of(invocation: &Invocation) -> Self {
        if invocation.shows_environment {
            return Self::default();
        }
        let read = environment_read();
        let of_environment = read.iter().filter_map(|name| invocation.env.get(&**name)).map(String::as_str);
        let of_connection = invocation.target.iter().filter(|(key, _)| is_of_connection(key));
        let of_connection = of_connection.filter_map(|(_, value)| value.as_str());
        // As dbt has it, vars may be secrets by their names.
        let of_vars =
            invocation.vars.iter().filter(|(name, _)| is_secret(name)).filter_map(|(_, value)| value.as_str());
        let all: BTreeSet<&str> =
            of_environment.chain(of_connection).chain(of_vars).filter(|value| *value != MASK).collect();
        let mut mask = Self::default();
        let is_telling = |value: &&str| (MIN..=MAX).contains(&value.len()) && !COMMON.contains(value);
        for value in all.into_iter().filter(is_telling) {
            let value = value.to_ascii_lowercase().into_bytes();
            let backwards = value.iter().rev().copied().collect();
            mask.add(value);
            mask.add(backwards);
        }
        mask
    }

    fn add(&mut self, value: Vec<u8>) {
        let number = self.values.len();
        for (at, start) in value.windows(MIN).enumerate() {
            if let Some(start) = start.first_chunk() {
                self.starts.entry(*start).or_default().push((number, at));
            }
        }
        self.values.push(value);
    }

    /// The text without the values, or nothing where it has none. `is_known` says whether the repo itself says a part.
    pub fn masked(&self, text: &str, is_known: &dyn Fn(&str) -> bool) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let lower = text.to_ascii_lowercase().into_bytes();
        let mut shown = String::new();
        let (mut copied, mut at) = (0, 0);
        while at < lower.len() {
            let length = self.match_at(&lower, at);
            let part = text.get(at..at + length).filter(|part| !part.is_empty());
            match part {
                Some(part) if !is_known(part) => {
                    shown.push_str(text.get(copied..at).unwrap_or_default());
                    shown.push_str(MASK);
                    at += length;
                    copied = at;
                }
                Some(_) => at += length,
                None => at += 1,
            }
        }
        (copied > 0).then(|| shown + text.get(copied..).unwrap_or_default())
    }

    /// How much of a value stands there; 0 where that is none, or a part that counts for nothing.
    fn match_at(&self, text: &[u8], at: usize) -> usize {
        let Some(start) = text.get(at..).and_then(<[u8]>::first_chunk::<MIN>) else { return 0 };
        let places = self.starts.get(start).map(Vec::as_slice).unwrap_or_default();
        let length_at = |(number, from): &(usize, usize)| {
            let value = &self.values[*number];
            let equal = value[*from..].iter().zip(&text[at..]).take_while(|(one, other)| one == other).count();
            let least = if value.len() < LONG { value.len() } else { MIN_PART.max(value.len() / 2) };
            if equal >= least { equal } else { 0 }
        };
        places.iter().map(length_at).max().unwrap_or_default()
    }
}

impl Session {
    /// Masks what an outcome says.
    pub(super) fn mask(&self, outcome: &mut Outcome) {
        let mask = Mask::of(self.project.invocation(&self.db));
        if mask.values.is_empty() {
            return;
        }
        let known = RefCell::new(FxHashMap::<String, bool>::default());
        let is_known = |part: &str| self.is_known(part, &known);
        let masked = |text: &mut String| {
            if let Some(shown) = mask.masked(text, &is_known) {
                *text = shown;
            }
        };
        let of_finding = |finding: &mut Finding| {
            let is_clean = |text: &str| mask.masked(text, &is_known).is_none();
            if is_clean(&finding.message) && is_clean(&finding.remedy) && finding.subject.iter().all(|it| is_clean(it))
            {
                return;
            }
            masked(&mut finding.message);
            masked(&mut finding.remedy);
            for part in &mut finding.subject {
                if let Some(shown) = mask.masked(part, &is_known) {
                    *part = Arc::from(shown);
                }
            }
        };
        outcome.findings.iter_mut().for_each(of_finding);
        for suppressed in &mut outcome.suppressed {
            of_finding(&mut suppressed.finding);
            masked(&mut suppressed.reason);
        }
        outcome.fixed.iter_mut().flatten().for_each(of_finding);
        outcome.notes.iter_mut().for_each(masked);
    }

    /// Masks what a proof shows beside nodes and paths.
    pub(super) fn mask_tree(&self, tree: &mut Tree) {
        let mask = Mask::of(self.project.invocation(&self.db));
        if !mask.values.is_empty() {
            let known = RefCell::new(FxHashMap::default());
            mask_args(tree, &mask, &|part| self.is_known(part, &known));
        }
    }

    /// Whether a file of the project or of a package says it.
    fn is_known(&self, part: &str, known: &RefCell<FxHashMap<String, bool>>) -> bool {
        if let Some(known) = known.borrow().get(part) {
            return *known;
        }
        let db = &self.db;
        let of_packages = self.files_of_packages().into_iter().map(|(_, file)| file);
        let mut files = self.own_files().chain(of_packages);
        let is = files.any(|file| file.path(db).contains(part) || file.content(db).text().contains(part));
        known.borrow_mut().insert(part.to_owned(), is);
        is
    }
}

fn mask_args(tree: &mut Tree, mask: &Mask, is_known: &dyn Fn(&str) -> bool) {
    for (value, of) in &mut tree.args {
        if let (Some(Constant::Text(text)), true) = (&*value, !matches!(of, Type::Node | Type::Path))
            && let Some(shown) = mask.masked(text, is_known)
        {
            *value = Some(Constant::text(&shown));
        }
    }
    tree.premises.iter_mut().for_each(|premise| mask_args(premise, mask, is_known));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(values: &[&str]) -> Mask {
        let mut mask = Mask::default();
        for value in values {
            mask.add(value.to_ascii_lowercase().into_bytes());
            mask.add(value.to_ascii_lowercase().bytes().rev().collect());
        }
        mask
    }

    #[test]
    fn values_are_masked_whole_in_parts_in_any_case_and_backwards() {
        let mask = mask(&["hunter2-Long", "abcde"]);
        let shown = |text: &str| mask.masked(text, &|_| false);
        assert_eq!(shown("refs 'hunter2-Long', which is not there").unwrap(), "refs '*****', which is not there");
        assert_eq!(shown("HUNTER2-LONG and hunter2_x").unwrap(), "***** and *****_x");
        assert_eq!(shown("gnol-2retnuh").unwrap(), "*****");
        assert_eq!(shown("abcde abcd").unwrap(), "***** abcd");
        assert_eq!(shown("é hunts"), None);
        assert_eq!(mask.masked("hunter2-Long", &|part| part == "hunter2-Long"), None);
    }
}
