//! A rule whose rows are mended.

use crate::datalog::{CompiledReports, Constant, Form, Kept, Maintained, Report, Reported, RowNumber, Type};
use crate::db::Database;
use crate::observe;
use crate::query::{Followings, RowOf, standing, stands};
use crate::rules::block::{FINDING, ROW, SUBJECT};
use crate::rules::engine::{Judged, noun, noun_of, violation};
use crate::rules::finding::{Finding, Severity};
use crate::rules::rule::Rule;
use crate::rules::run::Asked;
use crate::rules::violation::{Violation, number, order, told};
use rustc_hash::{FxHashMap, FxHashSet};
use salsa::plumbing::{AsId, FromId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row as it is known from one update to the next: of which report, and its codes.
type Key = (usize, Box<[u32]>);

#[derive(Debug)]
struct Of {
    kept: Kept,
    report: Report,
    types: Vec<Type>,
}

#[derive(Debug)]
pub(super) struct KeptRule {
    reports: Vec<Of>,
    placed: Vec<Placed>,
    subjects: FxHashMap<Box<[u32]>, u32>,
    nouns: BTreeMap<&'static str, usize>,
    /// The relations of what is seen that findings stand at, as they were.
    seen: FxHashMap<String, Option<u64>>,
    came: Vec<(usize, RowNumber)>,
    is_started: bool,
    is_changed: bool,
    is_seen_changed: bool,
    judged: Option<Arc<Judged>>,
}

/// A row that is a finding, with its place.
#[derive(Debug)]
struct Placed {
    key: Key,
    /// What its place was looked up by, and what that gave.
    looked: Vec<(salsa::Id, u64)>,
    is_seen: bool,
    values: Vec<Constant>,
    /// `None` before it was looked up for the first time.
    told: Option<(Violation, Finding)>,
}

impl KeptRule {
    pub(super) fn new(numbers: Vec<Kept>, compiled: &CompiledReports) -> Self {
        let reports = compiled.reports.iter().zip(numbers).enumerate();
        let reports =
            reports.map(|(at, (report, kept))| Of { kept, report: report.clone(), types: compiled.types(at) });
        let reports: Vec<Of> = reports.collect();
        let row = |of: &Of| match &of.report.args.iter().find(|arg| arg.name == ROW)?.form {
            Form::Row(relation, _) => observe::by_name(relation).map(|_| (relation.clone(), None)),
            _ => None,
        };
        Self {
            seen: reports.iter().filter_map(row).collect(),
            reports,
            placed: Vec::new(),
            subjects: FxHashMap::default(),
            nouns: BTreeMap::new(),
            came: Vec::new(),
            is_started: false,
            is_changed: true,
            is_seen_changed: false,
            judged: None,
        }
    }

    /// Takes in what the last update of the rows did.
    pub(super) fn note(&mut self, maintained: &Maintained) {
        if !self.is_started {
            return;
        }
        let mut gone: FxHashSet<Key> = FxHashSet::default();
        for at in 0..self.reports.len() {
            let (came, went) = maintained.changes(self.reports[at].kept);
            match self.reports[at].report.head.as_str() {
                FINDING => {
                    gone.extend(went.into_iter().map(|row| self.key(maintained, at, row)));
                    self.came.extend(came.into_iter().map(|row| (at, row)));
                }
                SUBJECT => {
                    self.count(maintained, at, &went, false);
                    self.count(maintained, at, &came, true);
                }
                _ => {}
            }
        }
        if !gone.is_empty() {
            self.placed.retain(|placed| !gone.contains(&placed.key));
            self.is_changed = true;
        }
        self.is_changed |= !self.came.is_empty();
        self.place_new(maintained);
    }

    fn key(&self, maintained: &Maintained, at: usize, row: RowNumber) -> Key {
        (at, maintained.codes(self.reports[at].kept, row).collect())
    }

    fn count(&mut self, maintained: &Maintained, at: usize, rows: &[RowNumber], came: bool) {
        let kept = self.reports[at].kept;
        for row in rows {
            let codes: Box<[u32]> = maintained.codes(kept, *row).collect();
            let count = self.subjects.entry(codes.clone()).or_default();
            let before = *count;
            *count = if came { before + 1 } else { before.saturating_sub(1) };
            let now = *count;
            if now == 0 {
                self.subjects.remove(&codes);
            }
            if (before == 0) == (now == 0) {
                continue;
            }
            self.is_changed = true;
            let noun = noun_of(&maintained.row(kept, *row));
            let known = self.nouns.entry(noun).or_default();
            *known = if came { *known + 1 } else { known.saturating_sub(1) };
        }
    }

    /// Rows have their numbers only until the next update.
    fn place_new(&mut self, maintained: &Maintained) {
        for (at, row) in std::mem::take(&mut self.came) {
            let key = self.key(maintained, at, row);
            let values = maintained.row(self.reports[at].kept, row);
            self.placed.push(Placed::new(key, values));
        }
    }

    fn start(&mut self, maintained: &Maintained) {
        self.is_started = true;
        for at in 0..self.reports.len() {
            let rows: Vec<RowNumber> = maintained.rows(self.reports[at].kept).collect();
            match self.reports[at].report.head.as_str() {
                FINDING => self.came.extend(rows.into_iter().map(|row| (at, row))),
                SUBJECT => self.count(maintained, at, &rows, true),
                _ => {}
            }
        }
        self.place_new(maintained);
    }

    /// What is seen that it must be known of whether it has changed.
    pub(super) fn reads(&self) -> impl Iterator<Item = &str> {
        self.seen.keys().map(String::as_str)
    }

    pub(super) fn judge(
        &mut self,
        db: &Database,
        asked: &Asked<'_>,
        (maintained, parts): (&Maintained, &Followings),
    ) -> Arc<Judged> {
        if !self.is_started {
            self.start(maintained);
        }
        let unseen = self.judged.as_ref().filter(|judged| !self.is_changed && !asked.is_seen(judged));
        if let Some(judged) = unseen {
            return judged.clone();
        }
        for (relation, stamp) in &mut self.seen {
            let now = parts.parts(relation).map(|(stamp, _)| stamp);
            self.is_seen_changed |= std::mem::replace(stamp, now) != now;
        }
        // Who is interrupted goes on here: what was not looked at again yet is still to be.
        let is_seen_changed = self.is_seen_changed;
        for placed in &mut self.placed {
            if placed.is_placed(db, is_seen_changed) {
                continue;
            }
            let of = &self.reports[placed.key.0];
            self.is_changed |= placed.place(db, asked.rule, &of.report, &of.types);
        }
        self.is_seen_changed = false;
        match &self.judged {
            Some(judged) if !self.is_changed => judged.clone(),
            _ => {
                self.is_changed = false;
                let judged = Arc::new(self.judged());
                self.judged = Some(judged.clone());
                judged
            }
        }
    }

    fn judged(&mut self) -> Judged {
        // Of rows that tell the same, the first counts.
        self.placed.sort_by(|one, other| match (&one.told, &other.told) {
            (Some((_, one)), Some((_, other))) => order(one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        });
        let told: Vec<&(Violation, Finding)> = self.placed.iter().filter_map(|placed| placed.told.as_ref()).collect();
        let mut findings: Vec<Finding> = Vec::with_capacity(told.len());
        let mut first = 0;
        for (at, (violation, finding)) in told.iter().enumerate() {
            if order(&told[first].1, finding).is_ne() {
                first = at;
            }
            if !told[first..at].iter().any(|(other, _)| other == violation) {
                findings.push(finding.clone());
            }
        }
        number(&mut findings);
        let nouns = self.nouns.iter().filter(|(_, count)| **count > 0).map(|(noun, _)| *noun);
        Judged { findings, subjects: self.subjects.len(), noun: noun(nouns) }
    }
}

impl Placed {
    fn new(key: Key, values: Vec<Constant>) -> Self {
        Self { key, looked: Vec::new(), is_seen: false, values, told: None }
    }

    /// Whether its place is known, and nothing that told it has changed.
    fn is_placed(&self, db: &Database, is_seen_changed: bool) -> bool {
        let is_same = |(id, stamp): &(salsa::Id, u64)| stands(db, RowOf::from_id(*id)).stamp == *stamp;
        self.told.is_some() && !(self.is_seen && is_seen_changed) && self.looked.iter().all(is_same)
    }

    /// Looks its place up. Says whether that changed what it tells.
    fn place(&mut self, db: &Database, rule: &Rule, report: &Report, types: &[Type]) -> bool {
        let (looked, is_seen) = (&mut self.looked, &mut self.is_seen);
        looked.clear();
        *is_seen = false;
        let mut look = |relation: &str, row: &[Constant]| {
            // Rows of what is seen have their places among their values.
            if observe::by_name(relation).is_some() {
                *is_seen = true;
                return standing(db, relation, row);
            }
            let key = RowOf::new(db, Arc::<str>::from(relation), row.to_vec());
            let known = stands(db, key);
            looked.push((key.as_id(), known.stamp));
            known.value.clone()
        };
        let made = violation(Reported { report, row: &self.values }, types, &mut look);
        if self.told.as_ref().is_some_and(|(known, _)| *known == made) {
            return false;
        }
        let finding = told(rule, Severity::Error, &made);
        self.told = Some((made, finding));
        true
    }
}
