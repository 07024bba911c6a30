//! Comments that excuse findings: `harness: ignore[RULE, OTHER] until 2027-01-31 reason`. One text is
//! read alone: what its comments say, and which lines each of them speaks of.

mod comments;
mod cover;

pub use comments::{in_docs, in_python, in_template, in_yaml};

use crate::span::Span;
use jiff::civil::Date;
use std::sync::Arc;

/// What begins a comment to this program.
const MARK: &str = "harness:";
const WORD: &str = "ignore";

/// One comment that excuses, or was meant to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// From the mark to the end of what is said.
    pub span: Span,
    /// As they are written.
    pub rules: Vec<Arc<str>>,
    /// May be empty.
    pub reason: Arc<str>,
    pub until: Until,
    pub cover: Cover,
}

/// The last day on which an excuse holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    Ever,
    Day(Date),
    /// What stands there is no day.
    Wrong(Arc<str>),
}

impl Until {
    pub fn read(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Wrong(text.into()), Self::Day)
    }
}

/// The lines a comment speaks of, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    /// The comment itself.
    pub own: (u32, u32),
    /// None where no code follows.
    pub code: Option<(u32, u32)>,
    /// Nothing but comments stands above: what is found at 1:1 is excused, too.
    pub head: bool,
}

impl Cover {
    pub fn has(self, line: u32, column: u32) -> bool {
        let within = |(first, last): (u32, u32)| (first..=last).contains(&line);
        within(self.own) || self.code.is_some_and(within) || (self.head && (line, column) == (1, 1))
    }
}

/// What one comment says, without its delimiters.
struct Said {
    span: Span,
    rules: Vec<Arc<str>>,
    reason: Arc<str>,
    until: Until,
}

/// Whether a text can hold any comment to this program: most hold none.
pub fn may_hold(text: &str) -> bool {
    text.contains(MARK)
}

/// What one line of a comment says; `start` is where the line begins in its file. A second comment
/// mark may stand between other words and this.
fn said(line: &str, start: usize) -> Vec<Said> {
    let opens = |at: usize| {
        let before = line.get(..at).unwrap_or_default().trim_end();
        before.is_empty() || ["--", "#", "*", "{#-", "//"].iter().any(|mark| before.ends_with(mark))
    };
    let marks: Vec<usize> = line.match_indices(MARK).map(|(at, _)| at).filter(|at| opens(*at)).collect();
    let ends = marks.iter().skip(1).copied().chain([line.len()]);
    let parts = marks.iter().copied().zip(ends);
    parts.filter_map(|(at, end)| one(line.get(at..end)?, start + at)).collect()
}

/// What is said from the mark on; nothing where it is no excuse.
fn one(text: &str, start: usize) -> Option<Said> {
    let text = text.trim_end().trim_end_matches("--").trim_end_matches('#').trim_end();
    let span = Span::new(start, start + text.len());
    let rest = text.strip_prefix(MARK)?.trim_start();
    let length = rest.find(|letter: char| !letter.is_alphabetic()).unwrap_or(rest.len());
    let (word, rest) = rest.split_at_checked(length)?;
    let rest = rest.trim_start();
    let listed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    if word != WORD && (listed.is_none() || harness_similar::Typed::new(word).slips(WORD).is_none()) {
        return None;
    }
    let (names, reason) = match listed {
        Some((names, reason)) if word == WORD => (names, reason),
        _ => ("", ""),
    };
    let rules = names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Arc::from).collect();
    let (reason, until) = dated(plain(reason));
    Some(Said { span, rules, reason: reason.into(), until })
}

fn plain(reason: &str) -> &str {
    reason.trim_matches(|letter: char| letter.is_whitespace() || ":-–—,;".contains(letter))
}

/// A reason and the day before or behind it. `until` with anything but digits is a word of the reason.
fn dated(text: &str) -> (&str, Until) {
    let day_of = |rest: &str| {
        let word = rest.split_whitespace().next().unwrap_or_default();
        word.starts_with(|first: char| first.is_ascii_digit())
            .then(|| word.trim_end_matches([',', ';', ':', '.', ')']).to_owned())
    };
    if let Some(rest) = text.strip_prefix("until ")
        && let Some(day) = day_of(rest)
    {
        let rest = rest.trim_start();
        let reason = rest.get(day.len()..).unwrap_or_default();
        return (plain(reason), Until::read(&day));
    }
    if let Some((reason, rest)) = text.rsplit_once("until ")
        && rest.split_whitespace().count() == 1
        && reason.ends_with(|last: char| last.is_whitespace() || last == '(')
        && let Some(day) = day_of(rest)
    {
        return (plain(reason.trim_end_matches('(')), Until::read(&day));
    }
    (text, Until::Ever)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, reason and day of the only excuse in a line.
    fn read(line: &str) -> (Vec<String>, String, String) {
        let all = said(line, 0);
        assert_eq!(all.len(), 1, "{line}");
        let names = all[0].rules.iter().map(|name| name.to_string()).collect();
        let until = match &all[0].until {
            Until::Ever => String::new(),
            Until::Day(day) => day.to_string(),
            Until::Wrong(text) => format!("wrong {text}"),
        };
        (names, all[0].reason.to_string(), until)
    }

    fn names(line: &str) -> Vec<String> {
        read(line).0
    }

    #[test]
    fn rules_are_named_in_brackets_and_the_reason_stands_behind() {
        assert_eq!(names(" harness: ignore[CYCLE] the vendor's"), ["CYCLE"]);
        assert_eq!(names("harness:ignore [A, b-c ,]"), ["A", "b-c"]);
        for line in ["harness: ignore[A] why so", "harness: ignore[A]: why so", "harness: ignore[A] — why so --"] {
            assert_eq!(read(line).1, "why so", "{line}");
        }
        assert_eq!(read("harness: ignore[A]").1, "");
    }

    #[test]
    fn a_day_may_stand_before_or_behind_the_reason() {
        for line in [
            "harness: ignore[A] until 2027-01-31 moves to marts",
            "harness: ignore[A] until 2027-01-31: moves to marts",
            "harness: ignore[A] moves to marts until 2027-01-31",
            "harness: ignore[A] moves to marts (until 2027-01-31)",
        ] {
            assert_eq!(
                read(line),
                (vec!["A".to_owned()], "moves to marts".to_owned(), "2027-01-31".to_owned()),
                "{line}"
            );
        }
        assert_eq!(read("harness: ignore[A] until 2027-01-31").2, "2027-01-31");
    }

    #[test]
    fn until_with_words_is_a_reason_and_with_other_digits_is_wrong() {
        assert_eq!(read("harness: ignore[A] until we move").1, "until we move");
        assert_eq!(read("harness: ignore[A] until 2027-02-30 x").2, "wrong 2027-02-30");
        assert_eq!(read("harness: ignore[A] until 31.1.2027").2, "wrong 31.1.2027");
    }

    #[test]
    fn who_names_no_rule_or_slips_is_told_and_excuses_nothing() {
        for line in
            ["harness: ignore", "harness: ignore[]", "harness: ignore[A", "harness: ingore[A]", "harness: ignores[A]"]
        {
            assert!(names(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn other_words_to_or_about_this_program_are_no_excuse() {
        for line in
            ["harness: checks this", "see harness: ignore[A]", "harness ignore[A]", "harness: todo[A]", "the harness:"]
        {
            assert!(said(line, 0).is_empty(), "{line}");
        }
    }

    #[test]
    fn an_excuse_may_follow_other_words_behind_a_mark_of_its_own() {
        assert_eq!(names("feet to metres -- harness: ignore[A] once"), ["A"]);
        assert_eq!(names("old # harness: ignore[A]"), ["A"]);
        let both = said("-- harness: ignore[A] one -- harness: ignore[B] two", 10);
        let shown: Vec<_> = both.iter().map(|it| (&*it.rules[0], &*it.reason, it.span)).collect();
        assert_eq!(shown, [("A", "one", Span::new(13, 35)), ("B", "two", Span::new(39, 61))]);
    }
}
