//! The form coding agents read, who pay by the token. Paths, rules and texts that repeat are printed
//! once: the findings of a rule stand together where that takes fewer tokens, all others below their file.
//! No text is cut.

use crate::report::locations::also;
use crate::report::{Command, Limit, Remedies, Run, Summary, by_rule, count, escaped, kinds, worst};
use crate::rules::finding::{Finding, Severity};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

/// How many findings are shown where nobody asked for more.
const USUAL_LIMIT: usize = 20;

/// Digits of a fingerprint that `harness explain` takes.
const DIGITS: usize = 6;

/// Rules whose findings the verdict counts; the others are counted together.
const RULES_COUNTED: usize = 8;

/// A finding with its texts.
struct Item<'f> {
    finding: &'f Finding,
    path: String,
    /// `LINE:COL`
    at: String,
    digits: &'f str,
    /// The message, and further places.
    message: String,
}

/// What stands together under one head line.
struct Block<'i, 'f> {
    /// The one rule of the block; else it is the block of a file.
    rule: Option<&'f str>,
    items: Vec<&'i Item<'f>>,
}

pub(super) fn render(findings: &[&Finding], run: &Run<'_>, limit: Limit) -> String {
    let shown = worst(findings, limit.or(USUAL_LIMIT));
    let is_cut = shown.len() < findings.len();
    let mut page = format!("{}\n", verdict(findings, run.summary, is_cut.then_some(shown.len())));

    let items: Vec<Item<'_>> = shown.iter().map(|finding| Item::of(finding)).collect();
    let of_rule: BTreeMap<&str, usize> = by_rule(findings).into_iter().fold(BTreeMap::new(), |mut counts, row| {
        *counts.entry(row.1).or_default() += row.2;
        counts
    });
    let mut remedies = Remedies::new(run);
    for block in blocks(&items) {
        match block.rule {
            Some(rule) => block.print_rule(&mut page, of_rule.get(rule).copied().unwrap_or_default(), &mut remedies),
            None => block.print_file(&mut page, &mut remedies),
        }
    }
    if let Some(command) = is_cut.then(|| next(findings, run.command)) {
        let _ = writeln!(page, "Next: {command}");
    }
    page
}

fn verdict(findings: &[&Finding], summary: &Summary, shown: Option<usize>) -> String {
    let mut verdict = match summary.fixed {
        Some(fixed) => format!("{} new, {fixed} fixed, {} old not shown", findings.len(), summary.old),
        None if findings.is_empty() => "0 findings".to_owned(),
        None => kinds(summary, |text, _| text.to_owned()),
    };
    let rules = by_rule(findings);
    for (n, (_, rule, findings)) in rules.iter().take(RULES_COUNTED).enumerate() {
        let _ = write!(verdict, "{} {} {findings}", if n == 0 { ":" } else { "," }, escaped(rule));
    }
    if rules.len() > RULES_COUNTED {
        let _ = write!(verdict, ", {} more", count(rules.len() - RULES_COUNTED, "rule"));
    }
    if summary.not_understood > 0 {
        let _ = write!(verdict, "; {} not understood", count(summary.not_understood, "file"));
    }
    if summary.suppressed > 0 {
        let _ = write!(verdict, "; {} suppressed", summary.suppressed);
    }
    if let Some(shown) = shown {
        let _ = write!(verdict, "; the worst {shown} shown");
    }
    verdict
}

/// How to see what was held back: rule by rule, the gravest and most frequent first.
fn next(findings: &[&Finding], command: &Command) -> String {
    match by_rule(findings).as_slice() {
        [(_, rule, _), rest @ ..] if rest.iter().any(|row| row.1 != *rule) => {
            format!("{} --rule {} --limit all --format agent", command.plain, escaped(rule))
        }
        _ => format!("{} --limit all --format agent", command.whole),
    }
}

/// Divides findings into blocks, the gravest first: of each rule with several findings one block where
/// that takes fewer tokens than naming rule and text at each of them, of each file what is left.
fn blocks<'i, 'f>(items: &'i [Item<'f>]) -> Vec<Block<'i, 'f>> {
    let mut left_in_file: BTreeMap<&str, usize> = BTreeMap::new();
    let mut of_rule: BTreeMap<(Severity, &str), Vec<&Item<'f>>> = BTreeMap::new();
    for item in items {
        *left_in_file.entry(&item.path).or_default() += 1;
        of_rule.entry((item.finding.severity, &item.finding.rule)).or_default().push(item);
    }
    let mut rules: Vec<_> = of_rule.into_iter().filter(|(_, items)| items.len() > 1).collect();
    rules.sort_by_key(|((severity, rule), items)| (std::cmp::Reverse(items.len()), *severity, *rule));

    let mut blocks = Vec::new();
    let mut together: HashSet<(Severity, &str)> = HashSet::new();
    // A file that one rule has left may be left by another for less: the second time decides.
    for _ in 0..2 {
        rules.retain(|(key, items)| {
            let mut in_file: BTreeMap<&str, usize> = BTreeMap::new();
            for item in items {
                *in_file.entry(&item.path).or_default() += 1;
            }
            let block = Block { rule: Some(key.1), items: items.clone() };
            // As a block, each path is needed once more, unless its file has nothing else to show.
            let paths = in_file.iter().filter(|(path, n)| left_in_file.get(*path) != Some(*n));
            let paths: usize = paths.map(|(path, _)| tokens(path)).sum();
            let head = tokens(key.1) + 3;
            let message = block.message().map_or(0, tokens);
            let is_shorter = block.items.len() * (head + message) > head + message + paths;
            if is_shorter {
                for (path, n) in in_file {
                    left_in_file.entry(path).and_modify(|left| *left -= n);
                }
                together.insert(*key);
                blocks.push(block);
            }
            !is_shorter
        });
    }

    let mut files: BTreeMap<&str, Vec<&Item<'f>>> = BTreeMap::new();
    for item in items {
        if !together.contains(&(item.finding.severity, &*item.finding.rule)) {
            files.entry(&item.path).or_default().push(item);
        }
    }
    blocks.extend(files.into_values().map(|items| Block { rule: None, items }));
    // Blocks of rules come first, and else the order holds in which they were made.
    blocks.sort_by_key(|block| block.items.iter().map(|item| item.finding.severity).min());
    blocks
}

impl<'f> Item<'f> {
    fn of(finding: &'f Finding) -> Self {
        let at = finding.place.start;
        Self {
            finding,
            path: escaped(&finding.place.path).into_owned(),
            at: format!("{}:{}", at.line, at.column),
            digits: finding.fingerprint.get(..DIGITS).unwrap_or(&finding.fingerprint),
            message: format!("{}{}", escaped(&finding.message), also(finding)),
        }
    }
}

impl<'f> Block<'_, 'f> {
    /// The message that all findings of the block have.
    fn message(&self) -> Option<&str> {
        let (first, rest) = self.items.split_first()?;
        rest.iter().all(|item| item.message == first.message).then_some(&*first.message)
    }

    /// The rule once, with how many findings it has, and below it the places of each file.
    fn print_rule(&self, page: &mut String, total: usize, remedies: &mut Remedies<'f>) {
        let Some(first) = self.items.first() else { return };
        let message = self.message();
        let _ = write!(page, "{} {} ×{total}", letter(first.finding.severity), escaped(&first.finding.rule));
        if let Some(message) = message {
            let _ = write!(page, " {message}");
        }
        page.push('\n');
        let has_one_remedy = self.items.iter().all(|item| item.finding.remedy == first.finding.remedy);
        if has_one_remedy {
            remedy(page, remedies.next(first.finding));
        }
        let mut path = None;
        for item in &self.items {
            let place = format!("{}#{}", item.at, item.digits);
            let is_same_file = path.replace(&item.path) == Some(&item.path);
            let _ = match (is_same_file, message) {
                (false, _) => write!(page, "  {} {place}", item.path),
                // Nothing but the place is new.
                (true, Some(_)) if has_one_remedy => {
                    page.pop();
                    write!(page, " {place}")
                }
                (true, _) => write!(page, "    {place}"),
            };
            if message.is_none() {
                let _ = write!(page, " {}", item.message);
            }
            page.push('\n');
            if !has_one_remedy {
                remedy(page, remedies.next(item.finding));
            }
        }
    }

    /// The path once, and below it its findings.
    fn print_file(&self, page: &mut String, remedies: &mut Remedies<'f>) {
        let Some(first) = self.items.first() else { return };
        let _ = writeln!(page, "{}", first.path);
        for item in &self.items {
            let (severity, rule) = (letter(item.finding.severity), escaped(&item.finding.rule));
            let _ = writeln!(page, "  {} {severity} {rule}#{} {}", item.at, item.digits, item.message);
            remedy(page, remedies.next(item.finding));
        }
    }
}

fn remedy(page: &mut String, remedy: Option<&str>) {
    if let Some(remedy) = remedy {
        let _ = writeln!(page, "    → {}", escaped(remedy));
    }
}

/// About how many tokens a text has: a word of up to six letters is one, as are three capitals, three
/// digits or a sign; a space or an underscore belongs to the word behind it.
fn tokens(text: &str) -> usize {
    let class = |letter: char| match letter {
        ' ' | '_' => 0,
        'A'..='Z' => 3,
        '0'..='9' => 2,
        _ if letter.is_alphanumeric() => 6,
        _ => 1,
    };
    let letters: Vec<usize> = text.chars().map(class).collect();
    letters
        .chunk_by(|one, other| one == other)
        .map(|run| {
            run.first().map_or(0, |class| match class {
                0 => 0,
                class => run.len().div_ceil(*class),
            })
        })
        .sum()
}

fn letter(severity: Severity) -> char {
    match severity {
        Severity::Error => 'E',
        Severity::Warning => 'W',
        Severity::Info => 'I',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use Severity::{Error, Info, Warning};

    fn rendered(findings: &[Finding], limit: Limit) -> String {
        let command = Command { plain: "harness check".to_owned(), whole: "harness check --skip-rule X".to_owned() };
        let findings: Vec<&Finding> = findings.iter().collect();
        let summary = Summary::of(&findings.iter().map(|finding| (*finding).clone()).collect::<Vec<_>>());
        sample::with_run(&summary, &command, |run| render(&findings, run, limit))
    }

    #[test]
    fn findings_of_a_file_stand_below_its_path_with_their_remedies() {
        let found = [
            sample::finding("CYCLE", Error, "models/a.sql", 5),
            sample::finding("UNUSED_SOURCE", Info, "models/a.sql", 7),
        ];
        assert_eq!(
            rendered(&found, Limit::Usual),
            "1 error, 1 info: CYCLE 1, UNUSED_SOURCE 1\n\
             models/a.sql\n  \
             5:18 E CYCLE#000000 breaks CYCLE.\n    \
             → Mend CYCLE.\n  \
             7:18 I UNUSED_SOURCE#000000 breaks UNUSED_SOURCE.\n    \
             → Mend UNUSED_SOURCE.\n"
        );
    }

    #[test]
    fn a_rule_that_repeats_is_one_line_with_its_places() {
        let mut found = vec![sample::finding("CYCLE", Warning, "models/a.sql", 5)];
        for line in [1, 4] {
            found.push(sample::finding("INTERMEDIATE_AS_VIEW", Warning, "models/a.sql", line));
        }
        found.push(sample::finding("INTERMEDIATE_AS_VIEW", Warning, "models/b.sql", 2));
        assert_eq!(
            rendered(&found, Limit::Usual),
            "4 warnings: INTERMEDIATE_AS_VIEW 3, CYCLE 1\n\
             W INTERMEDIATE_AS_VIEW ×3 breaks INTERMEDIATE_AS_VIEW.\n    \
             → Mend INTERMEDIATE_AS_VIEW.\n  \
             models/a.sql 1:18#000000 4:18#000000\n  \
             models/b.sql 2:18#000000\n\
             models/a.sql\n  \
             5:18 W CYCLE#000000 breaks CYCLE.\n    \
             → Mend CYCLE.\n"
        );
    }

    #[test]
    fn texts_that_differ_stand_at_their_places_whole() {
        let long = "no name, value or list of tags is ever cut, however long the text becomes ".repeat(9);
        let mut found: Vec<Finding> =
            (0..6).map(|n| sample::finding("TAGS_MISSING", Error, &format!("models/m{n}.sql"), 1)).collect();
        for (n, finding) in found.iter_mut().enumerate() {
            finding.message = format!("{n} {long}");
            finding.remedy = format!("Write {}.", n / 3);
        }
        let text = rendered(&found, Limit::Usual);
        assert!(text.starts_with("6 errors: TAGS_MISSING 6\nE TAGS_MISSING ×6\n"), "{text}");
        for finding in &found {
            assert!(text.contains(&format!("  {} 1:18#000000 {}\n", finding.place.path, finding.message)), "{text}");
        }
        assert_eq!(text.matches("→ Write 0.\n").count(), 1, "{text}");
        assert_eq!(text.matches("→ Write 1.\n").count(), 1, "{text}");
        assert!(!text.contains('…') && !text.contains("Next"), "{text}");
    }

    #[test]
    fn what_is_held_back_is_counted_and_the_next_command_shows_it_all() {
        let mut found: Vec<Finding> = (1..=30).map(|n| sample::finding("TAGS", Warning, "models/a.sql", n)).collect();
        let text = rendered(&found, Limit::Usual);
        assert!(text.starts_with("30 warnings: TAGS 30; the worst 20 shown\nW TAGS ×30 breaks TAGS.\n"), "{text}");
        assert!(text.ends_with("\nNext: harness check --skip-rule X --limit all --format agent\n"), "{text}");
        found.push(sample::finding("CYCLE", Error, "models/a.sql", 1));
        let text = rendered(&found, Limit::Usual);
        assert!(text.ends_with("\nNext: harness check --rule CYCLE --limit all --format agent\n"), "{text}");
    }

    #[test]
    fn it_is_never_longer_than_a_line_a_finding_and_the_remedies() {
        for (files, rules) in [(1, 1), (1, 5), (3, 2), (5, 3), (10, 2), (20, 1), (4, 4)] {
            let findings: Vec<Finding> = (0..20)
                .map(|n| {
                    let path = format!("models/intermediate/finance/int_finance__{}.sql", n % files);
                    sample::finding(
                        ["ORPHAN_MODEL", "TAGS", "CYCLE", "COLUMN_GROUPING", "LOADED_AT"][n % rules],
                        Error,
                        &path,
                        1,
                    )
                })
                .collect();
            let text = rendered(&findings, Limit::Usual);
            let remedies: usize =
                text.lines().filter(|line| line.starts_with("    →")).map(|line| line.len() + 1).sum();
            let listed: Vec<&Finding> = findings.iter().collect();
            let concise = crate::report::concise::render(&listed, &Summary::of(&findings), Limit::Usual);
            assert!(text.len() <= concise.len() + remedies, "{files} files, {rules} rules:\n{text}\n{concise}");
        }
    }
}
