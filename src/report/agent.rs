//! The form coding agents read, who pay by the token: the verdict, the worst findings, what to do
//! about each rule once, and the command to go on with. A text is rather cut than a finding left out.

use crate::report::{Command, Limit, Run, Summary, by_rule, count, escaped, kinds, worst};
use crate::rules::finding::Finding;
use std::collections::HashSet;

/// How many findings are shown where nobody asked for more.
const USUAL_LIMIT: usize = 20;

/// What all lines together may cost a finding: 40 tokens, of which one is about four characters.
const CHARACTERS_A_FINDING: usize = 40 * 4;

/// Digits of a fingerprint that `harness explain` takes.
const DIGITS: usize = 6;

/// Messages and remedies are not cut below this: paths may be too long for any budget.
const SHORTEST_MESSAGE: usize = 24;
const SHORTEST_REMEDY: usize = 40;

/// One line of the output.
struct Line {
    /// What is never cut.
    head: String,
    text: String,
    is_remedy: bool,
}

pub(super) fn render(findings: &[&Finding], run: &Run<'_>, limit: Limit) -> String {
    let shown = worst(findings, limit.or(USUAL_LIMIT));
    let is_cut = shown.len() < findings.len();
    let verdict = verdict(findings, run.summary, is_cut.then_some(shown.len()));
    let next = format!("Next: {}", next(findings, is_cut, run.command));

    let mut told: HashSet<&str> = HashSet::new();
    let mut lines = Vec::new();
    for finding in &shown {
        let place = &finding.place;
        let digits = finding.fingerprint.get(..DIGITS).unwrap_or(&finding.fingerprint);
        let (path, rule) = (escaped(&place.path), escaped(&finding.rule));
        let head = format!("{path}:{}:{} {rule}#{digits} ", place.start.line, place.start.column);
        lines.push(Line { head, text: escaped(&finding.message).into_owned(), is_remedy: false });
        if !finding.remedy.is_empty() && told.insert(&finding.rule) {
            lines
                .push(Line { head: "  → ".to_owned(), text: escaped(&finding.remedy).into_owned(), is_remedy: true });
        }
    }
    let frame = length(&verdict) + length(&next) + 2;
    fit(&mut lines, (shown.len() * CHARACTERS_A_FINDING).saturating_sub(frame));

    let mut page = format!("{verdict}\n");
    for line in lines {
        page.push_str(&format!("{}{}\n", line.head, line.text));
    }
    page.push_str(&next);
    page.push('\n');
    page
}

fn verdict(findings: &[&Finding], summary: &Summary, shown: Option<usize>) -> String {
    let mut verdict = match summary.fixed {
        Some(fixed) => format!("{} new, {fixed} fixed, {} old not shown", findings.len(), summary.old),
        None if findings.is_empty() => "0 findings".to_owned(),
        None => kinds(summary, |text, _| text.to_owned()),
    };
    verdict.push_str(&format!("; {} not understood", count(summary.not_understood, "file")));
    if summary.suppressed > 0 {
        verdict.push_str(&format!("; {} suppressed", summary.suppressed));
    }
    if let Some(shown) = shown {
        verdict.push_str(&format!("; the worst {shown} shown"));
    }
    verdict
}

/// What was left out is seen rule by rule, the gravest and most frequent first; else the same check
/// tells what is left after an edit.
fn next(findings: &[&Finding], is_cut: bool, command: &Command) -> String {
    match by_rule(findings).as_slice() {
        [(_, rule, _), rest @ ..] if is_cut && rest.iter().any(|row| row.1 != *rule) => {
            format!("{} --rule {} --format agent", command.plain, escaped(rule))
        }
        _ => format!("{} --format agent", command.whole),
    }
}

/// Cuts texts until the lines have the given number of characters, as far as they can be cut. The
/// first sentence of a remedy says what to do; of messages the longest lose most.
fn fit(lines: &mut [Line], budget: usize) {
    if total(lines) <= budget {
        return;
    }
    for line in lines.iter_mut().filter(|line| line.is_remedy) {
        if let Some(end) = line.text.find(". ") {
            line.text.truncate(end + 1);
        }
    }
    cut(lines, budget, false, SHORTEST_MESSAGE);
    cut(lines, budget, true, SHORTEST_REMEDY);
}

/// Gives all messages, or all remedies, the greatest common length that fits.
fn cut(lines: &mut [Line], budget: usize, is_remedy: bool, shortest: usize) {
    let all = total(lines);
    let lengths: Vec<usize> =
        lines.iter().filter(|line| line.is_remedy == is_remedy).map(|line| length(&line.text)).collect();
    let longest = lengths.iter().copied().max().unwrap_or_default();
    if all <= budget || longest <= shortest {
        return;
    }
    let fits = |cap: usize| {
        let saved = lengths.iter().map(|length| length.saturating_sub(cap)).sum::<usize>();
        all.saturating_sub(saved) <= budget
    };
    // Of two lengths the first fits, or is as short as it gets, and the second does not.
    let (mut cap, mut too_long) = (shortest, longest);
    while cap + 1 < too_long {
        let middle = usize::midpoint(cap, too_long);
        if fits(middle) { cap = middle } else { too_long = middle }
    }
    for line in lines.iter_mut().filter(|line| line.is_remedy == is_remedy) {
        line.text = shortened(&line.text, cap);
    }
}

/// At most so many characters of a text. What is in quotes says most: the first name stays, whole where
/// that is possible.
fn shortened(text: &str, cap: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= cap {
        return text.to_owned();
    }
    let quote = |from: usize| letters.iter().skip(from).position(|letter| *letter == '\'').map(|at| from + at);
    let name = quote(0).and_then(|start| Some((start, quote(start + 1)? + 1))).filter(|(_, end)| *end >= cap);
    let Some((start, end)) = name else {
        return letters.iter().take(cap.saturating_sub(1)).chain(&['…']).collect();
    };
    let room = cap.saturating_sub(end - start + 1);
    if room == 0 {
        return ['…'].iter().chain(letters.iter().skip(start).take(cap.saturating_sub(2))).chain(&['…']).collect();
    }
    let head: String = letters.iter().take(room.min(start)).collect();
    let head = head.rsplit_once(' ').map_or("", |(words, _)| words);
    head.chars().chain(['…']).chain(letters[start..end].iter().copied()).collect()
}

fn total(lines: &[Line]) -> usize {
    lines.iter().map(|line| length(&line.head) + length(&line.text) + 1).sum()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_keeps_the_name_it_is_about() {
        let text = "refs staging model 'stg_wells__daily' directly.";
        assert_eq!(shortened(text, 47), text);
        assert_eq!(shortened(text, 46), "refs staging model 'stg_wells__daily' directl…");
        assert_eq!(shortened(text, 36), "refs staging…'stg_wells__daily'");
        assert_eq!(shortened(text, 24), "refs…'stg_wells__daily'");
        assert_eq!(shortened(text, 19), "…'stg_wells__daily'");
        assert_eq!(shortened(text, 12), "…'stg_wells…");
        assert_eq!(shortened("it's not a name in here", 10), "it's not …");
        assert_eq!(shortened("表表表表", 3), "表表…");
    }
}
