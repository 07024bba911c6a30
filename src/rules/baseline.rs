//! The findings a team has decided to live with for now: one line each, known by its fingerprint. A
//! line of JSON a finding, sorted, so that two branches rarely touch the same lines and a merge keeps
//! both; the first line says what the file is and is the same for all.

use crate::rules::finding::Finding;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The file beside dbt_project.yml that is meant where none is named.
pub const FILE: &str = "harness-baseline.ndjson";
/// The rule that reports entries which nothing needs any more.
pub const STALE: &str = "STALE_BASELINE";

/// Changes when a reader of the former one would be misled.
const VERSION: u64 = 1;
const HEADER: &str = "harness_baseline";
/// What git leaves where it could not merge.
const MARKS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
/// So many broken lines say enough.
const MOST: usize = 10;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baseline {
    /// As findings name it.
    pub path: Arc<str>,
    entries: BTreeMap<Arc<str>, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    rule: Arc<str>,
    /// What it is about, for people.
    about: Arc<str>,
    /// In the file, from 1.
    line: u32,
}

/// An entry that nothing needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    pub fingerprint: Arc<str>,
    pub rule: Arc<str>,
    pub about: Arc<str>,
    pub path: Arc<str>,
    pub line: u32,
}

/// What is wrong with a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// From 1.
    pub line: u32,
    pub what: String,
    pub fix: String,
}

impl Baseline {
    /// Nothing is taken from a file of which a part is not understood: what it does not say would come
    /// back as new.
    pub fn read(path: &str, text: &str) -> Result<Self, Vec<Wrong>> {
        let text = text.trim_start_matches('\u{feff}');
        let lines = text.lines().enumerate().map(|(at, line)| (u32::try_from(at + 1).unwrap_or(u32::MAX), line.trim()));
        let lines: Vec<(u32, &str)> = lines.filter(|(_, line)| !line.is_empty()).collect();
        if let Some((line, _)) = lines.iter().find(|(_, line)| MARKS.iter().any(|mark| line.starts_with(mark))) {
            return Err(vec![Wrong {
                line: *line,
                what: "a merge left its conflict marks here".to_owned(),
                fix: format!(
                    "Delete the marks and keep the lines of both sides. `{FILE} merge=union` in .gitattributes does so by itself."
                ),
            }]);
        }
        let wrong = |line, what: String, fix: &str| vec![Wrong { line, what, fix: fix.to_owned() }];
        let header = lines.first().and_then(|(_, line)| serde_json::from_str::<Value>(line).ok());
        match header.as_ref().and_then(|header| header.get(HEADER)).map(Value::as_u64) {
            Some(Some(VERSION)) => {}
            Some(version) => {
                let version =
                    version.map_or_else(|| "an unknown version".to_owned(), |version| format!("version {version}"));
                let what = format!("this is a baseline of {version}, and this harness reads version {VERSION}");
                return Err(wrong(1, what, "Use the harness that wrote it, or write it anew with --write-baseline."));
            }
            None if lines.is_empty() => {
                return Err(wrong(1, "the file is empty".to_owned(), "Restore it, or write it with --write-baseline."));
            }
            None => {
                let what = format!("this is no baseline: its first line is not {}", header_line());
                return Err(wrong(1, what, "Name the file that --write-baseline wrote, or restore its first line."));
            }
        }
        let mut found = Self { path: path.into(), entries: BTreeMap::new() };
        let mut problems = Vec::new();
        for (line, text) in lines.into_iter().skip(1) {
            match entry(line, text) {
                // Two branches that wrote the same finding, or the same first line.
                Ok(None) => {}
                Ok(Some((fingerprint, entry))) => drop(found.entries.entry(fingerprint).or_insert(entry)),
                Err(what) => problems.push(Wrong {
                    line,
                    what,
                    fix: "Restore the line from git, or delete it: its finding is then new.".to_owned(),
                }),
            }
        }
        problems.truncate(MOST);
        if problems.is_empty() { Ok(found) } else { Err(problems) }
    }

    pub fn has(&self, fingerprint: &str) -> bool {
        self.entries.contains_key(fingerprint)
    }

    /// All entries, in the order of their lines.
    pub fn entries(&self) -> Vec<Stale> {
        self.without(&[])
    }

    /// The entries that none of these findings needs, in the order of their lines.
    pub fn without(&self, findings: &[Finding]) -> Vec<Stale> {
        let found: BTreeSet<&str> = findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        let rest = self.entries.iter().filter(|(fingerprint, _)| !found.contains(&***fingerprint));
        let mut rest: Vec<Stale> = rest
            .map(|(fingerprint, entry)| Stale {
                fingerprint: fingerprint.clone(),
                rule: entry.rule.clone(),
                about: entry.about.clone(),
                path: self.path.clone(),
                line: entry.line,
            })
            .collect();
        rest.sort_unstable_by_key(|entry| entry.line);
        rest
    }
}

fn header_line() -> String {
    json!({ HEADER: VERSION }).to_string()
}

fn entry(line: u32, text: &str) -> Result<Option<(Arc<str>, Entry)>, String> {
    let value: Value = serde_json::from_str(text).map_err(|_| "the line is no JSON object".to_owned())?;
    if value.get(HEADER).and_then(Value::as_u64) == Some(VERSION) {
        return Ok(None);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let is_digits =
        |text: &&str| text.len() == 16 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let fingerprint = text("fingerprint")
        .filter(is_digits)
        .ok_or_else(|| "the line has no \"fingerprint\" of 16 hex digits".to_owned())?;
    let rule = text("rule").ok_or_else(|| "the line has no \"rule\"".to_owned())?;
    let about = text("node").or_else(|| text("path")).unwrap_or_default();
    Ok(Some((fingerprint.into(), Entry { rule: rule.into(), about: about.into(), line })))
}

/// The file's text. It holds no line, no message and no date: nothing changes that did not change in
/// the project.
pub fn text(findings: &[Finding]) -> String {
    let mut lines: BTreeSet<String> = BTreeSet::new();
    for finding in findings.iter().filter(|finding| &*finding.rule != STALE) {
        let mut entry = Map::new();
        entry.insert("fingerprint".to_owned(), finding.fingerprint.as_str().into());
        entry.insert("rule".to_owned(), (*finding.rule).into());
        match &finding.node {
            Some(node) => entry.insert("node".to_owned(), (**node).into()),
            None => entry.insert("path".to_owned(), (*finding.place.path).into()),
        };
        let subject = finding.subject.iter().map(|part| Value::from(&**part)).collect();
        entry.insert("subject".to_owned(), subject);
        lines.insert(Value::Object(entry).to_string());
    }
    let mut text = header_line();
    for line in lines {
        text.push('\n');
        text.push_str(&line);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::finding::{Place, Severity, Status, Told};
    use crate::syntax::span::Position;

    fn finding(fingerprint: &str, node: Option<&str>, line: u32) -> Finding {
        let at = Position { line, column: 1 };
        Finding::from(Told {
            rule: "CYCLE".into(),
            severity: Severity::Error,
            place: Place { path: "models/été.sql".into(), start: at, end: at },
            node: node.map(Arc::from),
            subject: vec!["model.shop.a".into(), "表 \"x\"".into()],
            message: format!("line {line}"),
            remedy: String::new(),
            locations: Vec::new(),
            fingerprint: fingerprint.to_owned(),
            cause: None,
            fixable: false,
            status: Status::New,
        })
    }

    const A: &str = "00000000000000aa";
    const B: &str = "00000000000000bb";

    fn sample() -> String {
        text(&[finding(B, Some("model.shop.a"), 3), finding(A, None, 5)])
    }

    fn wrong(text: &str) -> String {
        let all = Baseline::read("b.ndjson", text).unwrap_err();
        all.iter().map(|it| format!("{}: {}", it.line, it.what)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_file_is_sorted_and_says_what_a_reviewer_wants_to_know() {
        assert_eq!(
            sample(),
            concat!(
                "{\"harness_baseline\":1}\n",
                "{\"fingerprint\":\"00000000000000aa\",\"rule\":\"CYCLE\",\"path\":\"models/été.sql\",\"subject\":[\"model.shop.a\",\"表 \\\"x\\\"\"]}\n",
                "{\"fingerprint\":\"00000000000000bb\",\"rule\":\"CYCLE\",\"node\":\"model.shop.a\",\"subject\":[\"model.shop.a\",\"表 \\\"x\\\"\"]}\n",
            )
        );
        assert_eq!(text(&[]), "{\"harness_baseline\":1}\n");
    }

    #[test]
    fn moved_lines_and_reworded_messages_change_no_byte_of_it() {
        assert_eq!(text(&[finding(A, None, 99), finding(B, Some("model.shop.a"), 1)]), sample());
    }

    #[test]
    fn what_is_written_is_read_with_the_line_ends_of_windows_too() {
        let plain = Baseline::read("b", &sample()).unwrap();
        assert!(plain.has(A) && plain.has(B) && !plain.has("00000000000000cc"));
        assert_eq!(Baseline::read("b", &format!("\u{feff}{}", sample().replace('\n', "\r\n"))), Ok(plain.clone()));
        assert_eq!(Baseline::read("b", &format!("{}\n\n", sample())), Ok(plain));
    }

    #[test]
    fn a_merge_that_kept_both_sides_is_read_whatever_stands_twice() {
        let both = format!("{}{}", sample(), sample());
        assert_eq!(Baseline::read("b", &both), Baseline::read("b", &sample()));
    }

    #[test]
    fn conflict_marks_are_told_and_nothing_is_trusted() {
        let text = sample().replacen('\n', "\n<<<<<<< HEAD\n", 1);
        assert_eq!(wrong(&text), "2: a merge left its conflict marks here");
        assert_eq!(wrong("=======\n"), "1: a merge left its conflict marks here");
    }

    #[test]
    fn other_files_and_other_versions_are_refused() {
        assert!(wrong("{\"harness_baseline\":2}\n").contains("of version 2, and this harness reads version 1"));
        assert!(wrong("{\"harness_baseline\":\"x\"}\n").contains("an unknown version"));
        assert_eq!(wrong(""), "1: the file is empty");
        assert!(wrong("[]\n").starts_with("1: this is no baseline"));
        assert!(wrong(&sample().replacen("{\"harness_baseline\":1}\n", "", 1)).starts_with("1: this is no baseline"));
    }

    #[test]
    fn every_broken_line_is_told_up_to_ten() {
        let broken = "{\"harness_baseline\":1}\n{\"fingerprint\":\"00\n{\"rule\":\"A\"}\n{\"fingerprint\":\"00000000000000aa\"}\n";
        assert_eq!(
            wrong(broken),
            "2: the line is no JSON object\n3: the line has no \"fingerprint\" of 16 hex digits\n4: the line has no \"rule\""
        );
        assert_eq!(wrong(&format!("{{\"harness_baseline\":1}}\n{}", "x\n".repeat(99))).lines().count(), 10);
    }

    #[test]
    fn entries_that_nothing_needs_come_in_the_order_of_their_lines() {
        let read = Baseline::read("b", &sample()).unwrap();
        let rest: Vec<_> =
            read.without(&[finding(A, None, 1)]).into_iter().map(|it| (it.fingerprint, it.line)).collect();
        assert_eq!(rest, [(Arc::from(B), 3)]);
        assert_eq!(&*read.without(&[])[0].about, "models/été.sql");
    }
}
