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

/// Messages are not cut below this.
const SHORTEST: usize = 24;

/// What they are cut to where no cut is enough: what frames a few findings costs more than they do.
const WHERE_NONE_IS_ENOUGH: usize = 48;

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
        if !finding.remedy.is_empty() && told.insert(run.rule_of(finding)) {
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
/// first clause of a remedy says what to do; of all texts the longest lose most.
fn fit(lines: &mut [Line], budget: usize) {
    if total(lines) <= budget {
        return;
    }
    for line in lines.iter_mut().filter(|line| line.is_remedy) {
        let clause = [". ", "; "].into_iter().filter_map(|end| line.text.find(end)).min();
        if let Some(end) = clause {
            line.text.truncate(end);
            line.text.push('.');
        }
    }
    // A remedy serves all findings of its rule, so it may be half as long again.
    let cap_of = |line: &Line, cap: usize| if line.is_remedy { cap + cap / 2 } else { cap };
    let fits = |lines: &[Line], cap: usize| {
        let saved: usize = lines.iter().map(|line| length(&line.text).saturating_sub(cap_of(line, cap))).sum();
        total(lines).saturating_sub(saved) <= budget
    };
    let longest = lines.iter().map(|line| length(&line.text)).max().unwrap_or_default();
    let mut cap = WHERE_NONE_IS_ENOUGH;
    if fits(lines, SHORTEST) {
        // The first of the two lengths always fits.
        let mut too_long = longest + 1;
        cap = SHORTEST;
        while cap + 1 < too_long {
            let middle = usize::midpoint(cap, too_long);
            if fits(lines, middle) { cap = middle } else { too_long = middle }
        }
    }
    for line in lines {
        line.text = shortened(&line.text, cap_of(line, cap));
    }
}

/// At most so many characters of a text. What is in quotes says most: the first name stays, whole where
/// that is possible.
fn shortened(text: &str, cap: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= cap {
        return text.to_owned();
    }
    let is_quote = |at: usize| letters.get(at) == Some(&'\'');
    // An apostrophe has a letter on the side where a quote has none; in code a quote follows a sign.
    let opens = |at: &usize| is_quote(*at) && at.checked_sub(1).is_none_or(|before| letters[before] == ' ');
    let closes = |at: &usize| is_quote(*at) && !letters.get(at + 1).is_some_and(|letter| letter.is_alphanumeric());
    let name = (0..letters.len())
        .find(opens)
        .and_then(|start| Some((start, (start + 1..letters.len()).find(closes)? + 1)))
        .filter(|(_, end)| *end >= cap);
    let Some((start, end)) = name else {
        let kept = cap.saturating_sub(1);
        let word = letters.iter().take(kept).rposition(|letter| *letter == ' ');
        let kept = word.filter(|at| at * 2 > kept).unwrap_or(kept);
        return letters.iter().take(kept).chain(&['…']).collect();
    };
    let Some(room) = cap.checked_sub(end - start + 1) else {
        return ['…'].iter().chain(letters.iter().skip(start).take(cap.saturating_sub(2))).chain(&['…']).collect();
    };
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
        assert_eq!(shortened(text, 46), "refs staging model 'stg_wells__daily'…");
        assert_eq!(shortened(text, 36), "refs staging…'stg_wells__daily'");
        assert_eq!(shortened(text, 24), "refs…'stg_wells__daily'");
        assert_eq!(shortened(text, 19), "…'stg_wells__daily'");
        assert_eq!(shortened(text, 12), "…'stg_wells…");
        assert_eq!(shortened("it's no model's name in here", 10), "it's no…");
        assert_eq!(shortened("no config(x='view') in it", 12), "no config(x…");
        assert_eq!(shortened("表表表表", 3), "表表…");
    }
}
