//! The form people read: a header per file, a line per finding, and below it what to do about it.

use crate::report::locations::also;
use crate::report::{
    Command, Options, Remedies, Run, Summary, adherence, by_rule, count, escaped, excerpt, shown, totals,
};
use crate::rules::finding::{Finding, Severity};
use anstyle::{AnsiColor, Style};
use std::collections::BTreeMap;

/// How many findings are shown where nobody asked for more.
const TERMINAL_LIMIT: usize = 20;
const PIPED_LIMIT: usize = 50;

/// The rule whose findings are one line.
const PACKAGES: &str = "PACKAGE_NOT_INSTALLED";

/// What excerpts are moved in by.
const INDENT: usize = 4;

pub(super) fn render(findings: &[&Finding], run: &Run<'_>, options: &Options) -> String {
    let mut page = Page { text: String::new(), options: *options };
    if findings.is_empty() {
        page.conventions(run.summary);
        page.totals(findings, run);
        return page.text;
    }
    if options.terminal || options.summary_only {
        page.table(findings);
        page.line("");
    }
    if options.summary_only {
        page.conventions(run.summary);
        page.totals(findings, run);
        return page.text;
    }

    let (packages, findings): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| &*finding.rule == PACKAGES && finding.severity == Severity::Info);
    let all = [&findings[..], &packages].concat();
    let findings = &findings[..];
    let usual = if options.terminal { TERMINAL_LIMIT } else { PIPED_LIMIT };
    let limit = options.limit.or(usual);
    page.files(&files(findings, limit, options.terminal), findings, run);
    let hidden = findings.len().saturating_sub(limit);
    if hidden > 0 {
        if limit > 0 {
            page.line("");
        }
        let what = if limit > 0 { "more finding" } else { "finding" };
        let hidden = count(hidden, what);
        page.line(&format!("{hidden} not shown; see all with `--limit all`."));
    }
    page.packages(&packages);
    page.line("");
    page.conventions(run.summary);
    page.totals(&all, run);
    if options.terminal {
        let command = next(if findings.is_empty() { &all } else { findings }, hidden > 0, run.command);
        page.line(&format!("Next: {command}"));
    }
    page.text
}

/// The findings to show by file. Which are shown is decided by gravity; on a terminal files with
/// the gravest come first too, elsewhere the order of the paths holds, so that two runs compare.
fn files<'f>(findings: &[&'f Finding], limit: usize, worst_first: bool) -> Vec<(&'f str, Vec<&'f Finding>)> {
    let mut files: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in shown(findings, limit) {
        files.entry(&*finding.place.path).or_default().push(finding);
    }
    let mut files: Vec<_> = files.into_iter().collect();
    if worst_first {
        files.sort_by_key(|(_, found)| found.iter().map(|finding| finding.severity).min());
    }
    files
}

/// What to look at next: of the gravest severity there is, the rule with most findings; of one rule
/// alone, the rest of its findings, or what it means.
fn next(findings: &[&Finding], is_cut: bool, command: &Command) -> String {
    let rows = by_rule(findings);
    let Some((_, rule, _)) = rows.first() else { return command.whole.clone() };
    let of_rule = rows.iter().filter(|row| row.1 == *rule).map(|row| row.2).sum::<usize>();
    let rule_name = escaped(rule);
    if of_rule < findings.len() {
        let all = if of_rule > TERMINAL_LIMIT { " --limit all" } else { "" };
        format!("{} --rule {rule_name}{all}", command.plain)
    } else if is_cut {
        format!("{} --limit all", command.whole)
    } else {
        format!("harness explain {rule_name}")
    }
}

struct Page {
    text: String,
    options: Options,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn painted(&self, text: &str, style: Style) -> String {
        if self.options.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn files(&mut self, files: &[(&str, Vec<&Finding>)], all: &[&Finding], run: &Run<'_>) {
        // A header speaks of the file, not of the part of it that is shown.
        let mut gravest: BTreeMap<&str, Severity> = BTreeMap::new();
        for finding in all {
            let entry = gravest.entry(&*finding.place.path).or_insert(finding.severity);
            *entry = (*entry).min(finding.severity);
        }
        let mut remedies = Remedies::new(run);
        for (path, found) in files {
            let severity = gravest.get(path).copied().unwrap_or(Severity::Info);
            let word = match severity {
                Severity::Error => "FAIL",
                Severity::Warning | Severity::Info => "WARN",
            };
            let word = self.painted(word, style(severity).bold());
            let path = self.painted(&escaped(path), Style::new().bold());
            self.line(&format!("{word}: {path}"));
            let mut seen = None;
            for finding in found {
                self.finding(finding);
                // What stands right above is not shown once more.
                let is_new = seen.replace(finding.place.start) != Some(finding.place.start);
                if self.options.terminal && finding.severity == Severity::Error && is_new {
                    self.excerpt(finding, run);
                }
                if let Some(remedy) = remedies.next(finding) {
                    self.line(&format!("    → {}", escaped(remedy)));
                }
            }
        }
    }

    /// What is not here, in one line: it is one cause, and no fault of a file.
    fn packages(&mut self, packages: &[&Finding]) {
        // What is to be done differs between packages and projects.
        let mut by_remedy: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for finding in packages {
            let remedy = finding.remedy.split_inclusive(". ").next().unwrap_or_default().trim_end();
            by_remedy.entry(remedy).or_default().extend(finding.subject.first().map(|name| &**name));
        }
        let part = |(remedy, names): (&str, Vec<&str>)| {
            format!("Not here: {}. {}", escaped(&names.join(", ")), escaped(remedy))
        };
        let parts: Vec<String> = by_remedy.into_iter().map(part).collect();
        if !parts.is_empty() {
            if !self.text.is_empty() {
                self.line("");
            }
            self.line(&parts.join(" "));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let mark = self.painted("✗", style(finding.severity));
        let at = finding.place.start;
        let rule = self.painted(&format!("[{}]", escaped(&finding.rule)), Style::new().dimmed());
        let mut line = format!("  {mark} {}:{} {rule} {}", at.line, at.column, escaped(&finding.message));
        line.push_str(&also(finding));
        self.line(&line);
    }

    fn excerpt(&mut self, finding: &Finding, run: &Run<'_>) {
        let Some(text) = run.texts.get(&finding.place.path) else { return };
        let width = self.options.width.saturating_sub(INDENT);
        for line in excerpt::lines(text, &finding.place, finding.severity, width, self.options.color) {
            self.line(&format!("{:INDENT$}{line}", ""));
        }
    }

    fn table(&mut self, findings: &[&Finding]) {
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

    fn totals(&mut self, findings: &[&Finding], run: &Run<'_>) {
        let line = totals(findings, run.summary, |text, severity| self.painted(text, style(severity).bold()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Limit, Summary, sample};
    use Severity::{Error, Info, Warning};

    const PIPED: Options =
        Options { terminal: false, color: false, width: 100, limit: Limit::Usual, summary_only: false };

    fn rendered(findings: &[Finding], options: Options) -> String {
        let summary = Summary { models: 9, files: 12, ..Summary::of(findings) };
        let command = Command { plain: "harness check".to_owned(), whole: "harness check --skip-rule X".to_owned() };
        let findings: Vec<&Finding> = findings.iter().collect();
        sample::with_run(&summary, &command, |run| render(&findings, run, &options))
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
        let options = Options { terminal: true, limit: Limit::First(3), ..PIPED };
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
             Next: harness check --rule CYCLE\n"
        );
    }

    #[test]
    fn what_is_left_out_of_a_pipe_is_counted_and_never_an_error() {
        assert_eq!(
            rendered(&three(), Options { limit: Limit::First(1), ..PIPED }),
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
        let text = rendered(&found, Options { limit: Limit::First(2), ..PIPED });
        assert!(text.contains("FAIL: models/b.sql\n"), "{text}");
        assert!(!text.contains("TAGS"), "{text}");
    }

    #[test]
    fn the_summary_is_the_table_and_the_totals() {
        let options = Options { summary_only: true, ..PIPED };
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
                let options = Options { terminal, summary_only, ..PIPED };
                assert_eq!(rendered(&[], options), "No findings; 9 models checked, 12 files read.\n");
            }
        }
    }

    #[test]
    fn what_was_not_understood_or_suppressed_is_never_silent() {
        let summary = Summary { models: 1, files: 1, not_understood: 1, suppressed: 2, ..Summary::default() };
        let text = |summary| sample::with_run(summary, &Command::default(), |run| render(&[], run, &PIPED));
        assert_eq!(
            text(&summary),
            "No findings; 1 model checked, 1 file read; 1 file not fully understood; 2 findings suppressed.\n"
        );
        let summary = Summary { models: 1, files: 1, old: 3, fixed: Some(1), ..Summary::default() };
        assert_eq!(text(&summary), "No new findings; 1 model checked, 1 file read; 1 fixed, 3 old not shown.\n");
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
    fn a_remedy_is_printed_where_it_differs_from_the_last_of_its_rule() {
        let mut found = vec![three().remove(0), three().remove(2), three().remove(0), three().remove(0)];
        found[2].remedy = "Or so.".to_owned();
        let text = rendered(&found, PIPED);
        let remedies: Vec<&str> = text.lines().filter(|line| line.contains('→')).collect();
        assert_eq!(
            remedies,
            ["    → Mend MART_REFS_STAGING.", "    → Or so.", "    → Mend MART_REFS_STAGING.", "    → Mend CYCLE."]
        );
    }

    #[test]
    fn color_is_for_those_who_ask_and_changes_no_word() {
        let found = three();
        let options = Options { terminal: true, color: true, ..PIPED };
        let colored = rendered(&found, options);
        assert!(colored.contains("\u{1b}[1m\u{1b}[31mFAIL\u{1b}[0m: \u{1b}[1mmodels/c.sql\u{1b}[0m\n"));
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, code)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = code.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, rendered(&found, Options { color: false, ..options }));
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
