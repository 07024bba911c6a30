//! The form people read: a header per file, a line per finding, and what to do about it once.

use crate::report::{Summary, adherence};
use crate::rules::finding::{Finding, Place, Severity};
use anstyle::{AnsiColor, Style};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

/// How many findings are shown where nobody asked for more.
pub const TERMINAL_LIMIT: usize = 20;
pub const PIPED_LIMIT: usize = 50;

/// Further places of a finding that its line names.
const PLACES_NAMED: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextOptions {
    /// A person is watching: the table and the worst findings first.
    pub terminal: bool,
    pub color: bool,
    /// `None` shows all.
    pub limit: Option<usize>,
    /// The table alone.
    pub summary_only: bool,
}

pub fn render(findings: &[Finding], summary: &Summary, options: &TextOptions) -> String {
    let mut page = Page { text: String::new(), color: options.color };
    if findings.is_empty() {
        page.conventions(summary);
        page.totals(findings, summary);
        return page.text;
    }
    if options.terminal || options.summary_only {
        page.table(findings);
        page.line("");
    }
    if options.summary_only {
        page.conventions(summary);
        page.totals(findings, summary);
        return page.text;
    }

    let limit = options.limit.unwrap_or(usize::MAX);
    page.files(&files(findings, limit, options.terminal), findings);
    let hidden = findings.len().saturating_sub(limit);
    if hidden > 0 {
        if limit > 0 {
            page.line("");
        }
        let what = if limit > 0 { "more finding" } else { "finding" };
        let hidden = count(hidden, what);
        page.line(&format!("{hidden} not shown; see all with `--limit all`."));
    }
    page.line("");
    page.conventions(summary);
    page.totals(findings, summary);
    if options.terminal
        && let Some(rule) = loudest(findings)
    {
        let all = if hidden > 0 { " --limit all" } else { "" };
        page.line(&format!("Next: harness check --rule {}{all}", escaped(rule)));
    }
    page.text
}

/// The findings to show by file. Which are shown is decided by gravity; on a terminal files with
/// the gravest come first too, elsewhere the order of the paths holds, so that two runs compare.
fn files(findings: &[Finding], limit: usize, worst_first: bool) -> Vec<(&str, Vec<&Finding>)> {
    let mut shown: Vec<(usize, &Finding)> = findings.iter().enumerate().collect();
    shown.sort_by_key(|(at, finding)| (finding.severity, *at));
    shown.truncate(limit);
    shown.sort_by_key(|(at, _)| *at);
    let mut files: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for (_, finding) in shown {
        files.entry(&*finding.place.path).or_default().push(finding);
    }
    let mut files: Vec<_> = files.into_iter().collect();
    if worst_first {
        files.sort_by_key(|(_, found)| found.iter().map(|finding| finding.severity).min());
    }
    files
}

/// The rule to look at next: of the gravest severity there is, the one with most findings.
fn loudest(findings: &[Finding]) -> Option<&str> {
    by_rule(findings).first().map(|row| row.1)
}

/// Severity, rule and number of findings, the gravest and most frequent first.
fn by_rule(findings: &[Finding]) -> Vec<(Severity, &str, usize)> {
    let mut counts: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry((finding.severity, &*finding.rule)).or_default() += 1;
    }
    let mut rows: Vec<_> = counts.into_iter().map(|((grave, rule), n)| (grave, rule, n)).collect();
    rows.sort_by_key(|(severity, rule, n)| (*severity, std::cmp::Reverse(*n), *rule));
    rows
}

struct Page {
    text: String,
    color: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn painted(&self, text: &str, style: Style) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn files(&mut self, files: &[(&str, Vec<&Finding>)], all: &[Finding]) {
        // A header speaks of the file, not of the part of it that is shown.
        let mut gravest: BTreeMap<&str, Severity> = BTreeMap::new();
        for finding in all {
            let entry = gravest.entry(&*finding.place.path).or_insert(finding.severity);
            *entry = (*entry).min(finding.severity);
        }
        let mut told: HashSet<(&str, &str)> = HashSet::new();
        for (path, found) in files {
            let severity = gravest.get(path).copied().unwrap_or(Severity::Info);
            let word = match severity {
                Severity::Error => "FAIL",
                Severity::Warning | Severity::Info => "WARN",
            };
            let word = self.painted(word, style(severity).bold());
            let path = self.painted(&escaped(path), Style::new().bold());
            self.line(&format!("{word}: {path}"));
            for finding in found {
                self.finding(finding);
                // A remedy that reads otherwise is another remedy, though of the same rule.
                if !finding.remedy.is_empty() && told.insert((&finding.rule, &finding.remedy)) {
                    self.line(&format!("    → {}", escaped(&finding.remedy)));
                }
            }
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let mark = self.painted("✗", style(finding.severity));
        let at = finding.place.start;
        let rule = self.painted(&format!("[{}]", escaped(&finding.rule)), Style::new().dimmed());
        let mut line = format!("  {mark} {}:{} {rule} {}", at.line, at.column, escaped(&finding.message));
        if !finding.locations.is_empty() {
            let named: Vec<String> =
                finding.locations.iter().take(PLACES_NAMED).map(|place| short(place, &finding.place.path)).collect();
            line.push_str(&format!(" (also {}", named.join(", ")));
            match finding.locations.len().saturating_sub(PLACES_NAMED) {
                0 => line.push(')'),
                more => line.push_str(&format!(" and {more} more)")),
            }
        }
        self.line(&line);
    }

    fn table(&mut self, findings: &[Finding]) {
        let rows: Vec<(Severity, String, String)> = by_rule(findings)
            .into_iter()
            .map(|(severity, rule, n)| (severity, escaped(rule).into_owned(), n.to_string()))
            .collect();
        let width = |head: &str, cells: &mut dyn Iterator<Item = &str>| {
            cells.map(|cell| cell.chars().count()).fold(head.len(), usize::max)
        };
        let rule_width = width("rule", &mut rows.iter().map(|row| row.1.as_str()));
        let severity_width = width("severity", &mut rows.iter().map(|row| row.0.name()));
        let count_width = width("findings", &mut rows.iter().map(|row| row.2.as_str()));
        let head = format!("{:rule_width$}  {:severity_width$}  {:>count_width$}", "rule", "severity", "findings");
        let head = self.painted(&head, Style::new().bold());
        self.line(&head);
        for (severity, rule, n) in rows {
            let word = self.painted(&format!("{:severity_width$}", severity.name()), style(severity));
            self.line(&format!("{rule:rule_width$}  {word}  {n:>count_width$}"));
        }
    }

    /// What the repo keeps only in part: whose breaks are too many to be shown.
    fn conventions(&mut self, summary: &Summary) {
        let lines = adherence::lines(&summary.adherence, &summary.rules_run);
        if lines.is_empty() {
            return;
        }
        self.line("Kept in part, and not shown:");
        lines.iter().for_each(|line| self.line(line));
        self.line("");
    }

    fn totals(&mut self, findings: &[Finding], summary: &Summary) {
        let files: HashSet<&str> = findings.iter().map(|finding| &*finding.place.path).collect();
        let kinds: Vec<String> = [
            (summary.errors, "error", Severity::Error),
            (summary.warnings, "warning", Severity::Warning),
            (summary.infos, "info", Severity::Info),
        ]
        .into_iter()
        .filter(|(n, _, _)| *n > 0)
        .map(|(n, word, severity)| self.painted(&count(n, word), style(severity).bold()))
        .collect();
        let mut line = if kinds.is_empty() {
            "No findings".to_owned()
        } else {
            format!("{} in {}", kinds.join(", "), count(files.len(), "file"))
        };
        let _ = write!(line, "; {} checked, {} read", count(summary.models, "model"), count(summary.files, "file"));
        if summary.not_understood > 0 {
            let _ = write!(line, "; {} not fully understood", count(summary.not_understood, "file"));
        }
        if summary.suppressed > 0 {
            let _ = write!(line, "; {} suppressed", count(summary.suppressed, "finding"));
        }
        if summary.old > 0 {
            let _ = write!(line, "; {} of the baseline not shown", count(summary.old, "finding"));
        }
        line.push('.');
        self.line(&line);
    }
}

fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Info => AnsiColor::Cyan,
    };
    color.on_default()
}

fn short(place: &Place, path: &str) -> String {
    let at = format!("{}:{}", place.start.line, place.start.column);
    if *place.path == *path { at } else { format!("{}:{at}", escaped(&place.path)) }
}

fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// The text with nothing in it that moves the cursor, hides, or reorders what stands around it:
/// names and messages come from files that others wrote.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_unsafe(letter) {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(letter: char) -> bool {
    // `is_control` is C0, DEL and C1.
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{feff}'
            // Zero-width marks, joiners, and the marks of direction.
            | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}'
            // Lines and paragraphs, embeddings, overrides, isolates, deprecated formats.
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Annotations and invisible tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use Severity::{Error, Info, Warning};

    const PIPED: TextOptions = TextOptions { terminal: false, color: false, limit: None, summary_only: false };

    fn rendered(findings: &[Finding], options: TextOptions) -> String {
        let summary = Summary { models: 9, files: 12, ..Summary::of(findings) };
        render(findings, &summary, &options)
    }

    fn three() -> Vec<Finding> {
        vec![
            sample::finding("MART_REFS_STAGING", Warning, "models/a.sql", 3),
            sample::finding("UNUSED_SOURCE", Info, "models/b.yml", 2),
            sample::finding("CYCLE", Error, "models/c.sql", 1),
            sample::finding("MART_REFS_STAGING", Warning, "models/c.sql", 7),
        ]
    }

    #[test]
    fn the_plans_sample_is_printed_as_the_plan_has_it() {
        let path = "models/operations/applications/wiserock/wiserock_app__jobs.sql";
        let mut finding = sample::finding("DEPENDENCY_DIRECTION", Error, path, 5);
        finding.message = "refs staging model 'stg_wiserock__wv_jobs' directly.".to_owned();
        finding.remedy = "applications may ref marts, intermediate. \
                          Create an intermediate model or ref an existing one."
            .to_owned();
        assert_eq!(
            rendered(&[finding], PIPED),
            "FAIL: models/operations/applications/wiserock/wiserock_app__jobs.sql\n  \
             ✗ 5:18 [DEPENDENCY_DIRECTION] refs staging model 'stg_wiserock__wv_jobs' directly.\n    \
             → applications may ref marts, intermediate. Create an intermediate model or ref an existing one.\n\
             \n\
             1 error in 1 file; 9 models checked, 12 files read.\n"
        );
    }

    #[test]
    fn a_header_tells_the_gravest_of_its_file_and_a_remedy_stands_once() {
        assert_eq!(
            rendered(&three(), PIPED),
            "WARN: models/a.sql\n  \
             ✗ 3:18 [MART_REFS_STAGING] breaks MART_REFS_STAGING.\n    \
             → Mend MART_REFS_STAGING.\n\
             WARN: models/b.yml\n  \
             ✗ 2:18 [UNUSED_SOURCE] breaks UNUSED_SOURCE.\n    \
             → Mend UNUSED_SOURCE.\n\
             FAIL: models/c.sql\n  \
             ✗ 1:18 [CYCLE] breaks CYCLE.\n    \
             → Mend CYCLE.\n  \
             ✗ 7:18 [MART_REFS_STAGING] breaks MART_REFS_STAGING.\n\
             \n\
             1 error, 2 warnings, 1 info in 3 files; 9 models checked, 12 files read.\n"
        );
    }

    #[test]
    fn a_terminal_gets_the_table_the_worst_first_and_the_next_command() {
        let options = TextOptions { terminal: true, limit: Some(3), ..PIPED };
        assert_eq!(
            rendered(&three(), options),
            "rule               severity  findings\n\
             CYCLE              error            1\n\
             MART_REFS_STAGING  warning          2\n\
             UNUSED_SOURCE      info             1\n\
             \n\
             FAIL: models/c.sql\n  \
             ✗ 1:18 [CYCLE] breaks CYCLE.\n    \
             → Mend CYCLE.\n  \
             ✗ 7:18 [MART_REFS_STAGING] breaks MART_REFS_STAGING.\n    \
             → Mend MART_REFS_STAGING.\n\
             WARN: models/a.sql\n  \
             ✗ 3:18 [MART_REFS_STAGING] breaks MART_REFS_STAGING.\n\
             \n\
             1 more finding not shown; see all with `--limit all`.\n\
             \n\
             1 error, 2 warnings, 1 info in 3 files; 9 models checked, 12 files read.\n\
             Next: harness check --rule CYCLE --limit all\n"
        );
    }

    #[test]
    fn what_is_left_out_of_a_pipe_is_counted_and_never_an_error() {
        assert_eq!(
            rendered(&three(), TextOptions { limit: Some(1), ..PIPED }),
            "FAIL: models/c.sql\n  \
             ✗ 1:18 [CYCLE] breaks CYCLE.\n    \
             → Mend CYCLE.\n\
             \n\
             3 more findings not shown; see all with `--limit all`.\n\
             \n\
             1 error, 2 warnings, 1 info in 3 files; 9 models checked, 12 files read.\n"
        );
    }

    #[test]
    fn the_header_of_a_file_counts_the_findings_that_are_not_shown() {
        let found = [
            sample::finding("CYCLE", Error, "models/a.sql", 1),
            sample::finding("CYCLE", Error, "models/b.sql", 1),
            sample::finding("TAGS", Warning, "models/b.sql", 2),
        ];
        let text = rendered(&found, TextOptions { limit: Some(2), ..PIPED });
        assert!(text.contains("FAIL: models/b.sql\n"), "{text}");
        assert!(!text.contains("TAGS"), "{text}");
    }

    #[test]
    fn the_summary_is_the_table_and_the_totals() {
        let options = TextOptions { summary_only: true, ..PIPED };
        assert_eq!(
            rendered(&three()[..1], options),
            "rule               severity  findings\n\
             MART_REFS_STAGING  warning          1\n\
             \n\
             1 warning in 1 file; 9 models checked, 12 files read.\n"
        );
    }

    #[test]
    fn a_clean_run_is_one_line_in_every_mode() {
        for terminal in [false, true] {
            for summary_only in [false, true] {
                let options = TextOptions { terminal, summary_only, ..PIPED };
                assert_eq!(rendered(&[], options), "No findings; 9 models checked, 12 files read.\n");
            }
        }
    }

    #[test]
    fn what_was_not_understood_or_suppressed_or_parked_is_never_silent() {
        let summary = Summary { models: 1, files: 1, not_understood: 1, suppressed: 2, old: 3, ..Summary::default() };
        assert_eq!(
            render(&[], &summary, &PIPED),
            "No findings; 1 model checked, 1 file read; 1 file not fully understood; 2 findings suppressed; \
             3 findings of the baseline not shown.\n"
        );
    }

    #[test]
    fn further_places_are_named_briefly() {
        let mut finding = sample::finding("CYCLE", Error, "models/a.sql", 5);
        finding.remedy = String::new();
        finding.locations = vec![sample::place("models/a.sql", 9, 3), sample::place("models/b.sql", 1, 1)];
        let line = |finding: &Finding| rendered(std::slice::from_ref(finding), PIPED);
        assert!(line(&finding).contains("breaks CYCLE. (also 9:3, models/b.sql:1:1)\n\n"));
        finding.locations = (1..=5).map(|n| sample::place("models/a.sql", n, n)).collect();
        assert!(line(&finding).contains(" (also 1:1, 2:2, 3:3 and 2 more)\n"));
    }

    #[test]
    fn remedies_of_one_rule_that_differ_are_all_told() {
        let mut found = vec![three().remove(2), three().remove(2), three().remove(2)];
        found[1].remedy = "Or so.".to_owned();
        let text = rendered(&found, PIPED);
        assert_eq!(text.matches("→ Mend CYCLE.").count(), 1);
        assert_eq!(text.matches("→ Or so.").count(), 1);
    }

    #[test]
    fn color_is_for_those_who_ask_and_changes_no_word() {
        let found = three();
        let options = TextOptions { terminal: true, color: true, ..PIPED };
        let colored = rendered(&found, options);
        assert!(colored.contains("\u{1b}[1m\u{1b}[31mFAIL\u{1b}[0m: \u{1b}[1mmodels/c.sql\u{1b}[0m\n"));
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, code)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = code.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, rendered(&found, TextOptions { color: false, ..options }));
    }

    #[test]
    fn nothing_in_a_name_can_move_hide_or_reorder_the_line() {
        let mut finding = sample::finding("CYCLE", Error, "models/\u{1b}[2J\u{202e}a.sql", 1);
        finding.message = "one\ntwo\r\u{9b}31m\u{200b}\u{2066}\u{feff} é 表 ✓".to_owned();
        finding.remedy = "\u{7f}x".to_owned();
        let expected = concat!(
            r"FAIL: models/\u{1b}[2J\u{202e}a.sql",
            "\n",
            r"  ✗ 1:18 [CYCLE] one\ntwo\r\u{9b}31m\u{200b}\u{2066}\u{feff} é 表 ✓",
            "\n",
            r"    → \u{7f}x",
            "\n",
        );
        let text = rendered(&[finding], PIPED);
        assert!(text.starts_with(expected), "{text}");
    }
}
