//! What has changed from one look at a project to the next, and how that is written.

use crate::report::{Summary, count, escaped, in_json, json, kinds};
use crate::rules::finding::{Finding, Severity, Status};
use anstyle::{AnsiColor, Style};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

/// So many changed files are named in a line.
const FILES_NAMED: usize = 2;

/// Findings that are there no longer, and others that were not there before: one of which anything has
/// changed is among both. In the order of the findings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference<'f> {
    pub removed: Vec<&'f Finding>,
    pub added: Vec<&'f Finding>,
}

/// Compares two lists of findings, each in its order.
pub fn difference<'f>(before: &'f [Finding], after: &'f [Finding]) -> Difference<'f> {
    // An edit leaves most of both as it was: what is equal at both ends needs no table.
    let head = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let (before, after) = (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| one == other).count();
    let before = before.get(..before.len() - tail).unwrap_or_default();
    let after = after.get(..after.len() - tail).unwrap_or_default();
    // One that was there twice is still there once.
    let mut rest: HashMap<&Finding, usize> = HashMap::with_capacity(before.len());
    for finding in before {
        *rest.entry(finding).or_default() += 1;
    }
    let mut found = Difference::default();
    for finding in after {
        match rest.get_mut(finding).filter(|n| **n > 0) {
            Some(n) => *n -= 1,
            None => found.added.push(finding),
        }
    }
    for finding in before {
        if let Some(n) = rest.get_mut(finding).filter(|n| **n > 0) {
            *n -= 1;
            found.removed.push(finding);
        }
    }
    found
}

impl<'f> Difference<'f> {
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// What a person sees of it: new findings that came or went, not those whose place or words have changed.
    pub fn for_people(&self) -> Difference<'f> {
        let shown = |findings: &[&'f Finding]| -> Vec<&'f Finding> {
            findings.iter().copied().filter(|finding| finding.status == Status::New).collect()
        };
        let (removed, added) = (shown(&self.removed), shown(&self.added));
        let prints = |findings: &[&'f Finding]| -> BTreeSet<&'f str> {
            findings.iter().map(|finding| finding.fingerprint.as_str()).collect()
        };
        let (gone, come) = (prints(&removed), prints(&added));
        Difference {
            removed: removed.into_iter().filter(|finding| !come.contains(finding.fingerprint.as_str())).collect(),
            added: added.into_iter().filter(|finding| !gone.contains(finding.fingerprint.as_str())).collect(),
        }
    }

    /// An event a line. What is removed is written as it was when it was added.
    pub fn ndjson(&self) -> String {
        let mut text = String::new();
        let events = [("finding_removed", &self.removed), ("finding_added", &self.added)];
        for (event, findings) in events {
            for finding in findings {
                let _ = writeln!(text, "{}", json!({"event": event, "finding": json::finding(finding)}));
            }
        }
        in_json(text)
    }

    /// A line each: `-` went, `+` came. At most `limit` of each.
    pub fn lines(&self, color: bool, limit: usize) -> String {
        let mut text = String::new();
        for (sign, findings, style) in [('-', &self.removed, AnsiColor::Green), ('+', &self.added, AnsiColor::Red)] {
            for finding in findings.iter().take(limit) {
                let at = finding.place.start;
                let place = format!("{sign} {}:{}:{}", escaped(&finding.place.path), at.line, at.column);
                let place = painted(&place, style.on_default(), color);
                let rule = painted(&format!("[{}]", escaped(&finding.rule)), Style::new().dimmed(), color);
                // What has gone is grave no more.
                let grave = if sign == '+' { of(finding.severity) } else { Style::new().dimmed() };
                let severity = painted(finding.severity.name(), grave, color);
                let _ = writeln!(text, "{place} {severity} {rule} {}", escaped(&finding.message));
            }
            if findings.len() > limit {
                let _ = writeln!(text, "{sign} {} more", findings.len() - limit);
            }
        }
        text
    }
}

/// The event that ends each look.
pub fn settled(revision: u64, findings: usize, changed: &BTreeSet<String>, took: Duration) -> String {
    let ms = milliseconds(took);
    let event =
        json!({"event": "settled", "revision": revision, "findings": findings, "changed_files": changed, "ms": ms});
    in_json(format!("{event}\n"))
}

/// The event that tells of findings that were shown wrongly until now, after edits of these files.
pub fn bug(revision: u64, difference: &Difference<'_>, files: &BTreeSet<String>) -> String {
    let event = json!({
        "event": "bug",
        "revision": revision,
        "message": bug_in_words(files),
        "changed_files": files,
        "removed": difference.removed.len(),
        "added": difference.added.len(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    in_json(format!("{event}\n"))
}

/// The same for people.
pub fn bug_in_words(files: &BTreeSet<String>) -> String {
    let files = changed_files(files);
    format!(
        "harness: this is a bug of harness: after edits of {files} other findings were shown than a look at everything \
         finds; what is shown now is right.\n  → Report it, with these files as they were and as they are."
    )
}

/// What was found in all, as `1 error, 2 warnings`.
pub fn counts(summary: &Summary, color: bool) -> String {
    let counts = kinds(summary, |text, severity| painted(text, of(severity), color));
    if counts.is_empty() { "no findings".to_owned() } else { counts }
}

/// What was looked at.
pub fn extent(summary: &Summary) -> String {
    format!("{}, {}", count(summary.models, "model"), count(summary.files, "file"))
}

/// Which files have changed, the first by name.
pub fn changed_files(changed: &BTreeSet<String>) -> String {
    let named: Vec<_> = changed.iter().take(FILES_NAMED).map(|path| escaped(path)).collect();
    match changed.len().saturating_sub(named.len()) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The time a look took, as people read it.
pub fn time(took: Duration) -> String {
    match took.as_millis() {
        0 => "less than 1 ms".to_owned(),
        ms @ 1..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

/// To the microsecond.
fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

fn of(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Info => AnsiColor::Cyan.on_default(),
    }
}

pub fn painted(text: &str, style: Style, color: bool) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn finding(print: &str, line: u32) -> Finding {
        let mut finding = sample::finding("CYCLE", Severity::Error, "models/a.sql", line);
        finding.fingerprint = print.to_owned();
        finding
    }

    fn prints<'f>(findings: &[&'f Finding]) -> Vec<(&'f str, u32)> {
        findings.iter().map(|finding| (finding.fingerprint.as_str(), finding.place.start.line)).collect()
    }

    #[test]
    fn what_came_and_what_went_is_told_in_the_order_of_findings() {
        let before = [finding("a", 1), finding("b", 2), finding("c", 3), finding("d", 4), finding("e", 5)];
        let after = [finding("a", 1), finding("x", 2), finding("c", 3), finding("y", 3), finding("e", 5)];
        let found = difference(&before, &after);
        assert_eq!(prints(&found.removed), [("b", 2), ("d", 4)]);
        assert_eq!(prints(&found.added), [("x", 2), ("y", 3)]);
        assert_eq!(difference(&before, &before), Difference::default());
        assert_eq!(difference(&[], &after).added.len(), 5);
        assert_eq!(difference(&before, &[]).removed.len(), 5);
    }

    #[test]
    fn a_finding_that_stands_twice_is_counted() {
        let (one, two) = ([finding("a", 1), finding("b", 2)], [finding("a", 1), finding("a", 1), finding("b", 2)]);
        assert_eq!(prints(&difference(&one, &two).added), [("a", 1)]);
        assert_eq!(prints(&difference(&two, &one).removed), [("a", 1)]);
    }

    #[test]
    fn a_line_that_moved_is_an_event_for_machines_and_nothing_to_people() {
        let (before, after) = ([finding("a", 1), finding("b", 9)], [finding("a", 2), finding("c", 9)]);
        let found = difference(&before, &after);
        assert_eq!(
            (prints(&found.removed), prints(&found.added)),
            (vec![("a", 1), ("b", 9)], vec![("a", 2), ("c", 9)])
        );
        let people = found.for_people();
        assert_eq!((prints(&people.removed), prints(&people.added)), (vec![("b", 9)], vec![("c", 9)]));
    }

    #[test]
    fn what_the_baseline_learns_of_has_gone_for_people() {
        let mut old = finding("a", 1);
        old.status = Status::Old;
        let (before, after) = ([finding("a", 1)], [old]);
        let people = difference(&before, &after).for_people();
        assert_eq!((prints(&people.removed), people.added.len()), (vec![("a", 1)], 0));
    }

    #[test]
    fn events_are_written_as_documented() {
        let (before, after) = ([finding("a", 1)], [finding("b", 2)]);
        let object = |finding: &Finding| json::finding(finding).to_string();
        assert_eq!(
            difference(&before, &after).ndjson(),
            format!(
                "{{\"event\":\"finding_removed\",\"finding\":{}}}\n{{\"event\":\"finding_added\",\"finding\":{}}}\n",
                object(&before[0]),
                object(&after[0])
            )
        );
        let changed = ["models/b.sql", "models/a.sql"].map(str::to_owned).into();
        assert_eq!(
            settled(3, 7, &changed, Duration::from_micros(1500)),
            "{\"event\":\"settled\",\"revision\":3,\"findings\":7,\"changed_files\":[\"models/a.sql\",\"models/b.sql\"],\"ms\":1.5}\n"
        );
    }

    #[test]
    fn people_read_signs_places_and_rules_and_no_more_than_the_limit() {
        let (before, after) = ([finding("a", 1)], [finding("b", 2), finding("c", 3), finding("d", 4)]);
        let found = difference(&before, &after);
        assert_eq!(
            found.lines(false, 2),
            "- models/a.sql:1:18 error [CYCLE] breaks CYCLE.\n+ models/a.sql:2:18 error [CYCLE] breaks CYCLE.\n\
             + models/a.sql:3:18 error [CYCLE] breaks CYCLE.\n+ 1 more\n"
        );
        let colored = found.lines(true, 9);
        assert!(colored.contains("\u{1b}[32m- models/a.sql:1:18\u{1b}[0m"), "{colored:?}");
        assert!(colored.contains("\u{1b}[31m+ models/a.sql:2:18\u{1b}[0m"), "{colored:?}");
    }

    #[test]
    fn files_and_times_are_told_briefly() {
        let changed = ["a", "b", "c", "d"].map(str::to_owned).into();
        assert_eq!(changed_files(&changed), "a, b and 2 more");
        assert_eq!(time(Duration::from_micros(900)), "less than 1 ms");
        assert_eq!(time(Duration::from_millis(12)), "12 ms");
        assert_eq!(time(Duration::from_millis(1500)), "1.5 s");
    }
}
