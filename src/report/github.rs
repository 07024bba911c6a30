//! Annotations of a GitHub workflow, as its runner reads them from a step's output.

use crate::files::join;
use crate::report::{Limit, count, escaped, shown};
use crate::rules::finding::{Finding, Severity};
use std::fmt::Write as _;

/// GitHub shows this many errors of one step, as many warnings and as many notices, and drops the rest
/// without a word.
const SHOWN_OF_A_KIND: usize = 10;

/// `folder` is the project's, from the root of the repository on: annotations name files from there.
pub(super) fn render(findings: &[&Finding], folder: &str, limit: Limit) -> String {
    let chosen = match limit {
        Limit::Usual => usual(findings),
        Limit::All => findings.to_vec(),
        Limit::First(limit) => shown(findings, limit),
    };
    let mut text = String::new();
    let hidden = findings.len().saturating_sub(chosen.len());
    if hidden > 0 {
        // First, so that it is among the notices that are shown.
        let _ = writeln!(
            text,
            "::notice title=harness::{}",
            data(&format!("{} not shown here; `harness check` prints them.", count(hidden, "more finding")))
        );
    }
    for finding in chosen {
        annotation(&mut text, finding, folder);
    }
    text
}

/// As many as GitHub shows, with room for the notice of what is left out.
fn usual<'f>(findings: &[&'f Finding]) -> Vec<&'f Finding> {
    let of_kind = |severity: Severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let is_cut =
        [Severity::Error, Severity::Warning, Severity::Info].into_iter().any(|kind| of_kind(kind) > SHOWN_OF_A_KIND);
    let (mut errors, mut warnings) = (SHOWN_OF_A_KIND, SHOWN_OF_A_KIND);
    let mut infos = SHOWN_OF_A_KIND - usize::from(is_cut);
    let mut chosen = findings.to_vec();
    chosen.retain(|finding| {
        let left = match finding.severity {
            Severity::Error => &mut errors,
            Severity::Warning => &mut warnings,
            Severity::Info => &mut infos,
        };
        let is_shown = *left > 0;
        *left = left.saturating_sub(1);
        is_shown
    });
    chosen
}

fn annotation(text: &mut String, finding: &Finding, folder: &str) {
    let word = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let (start, end) = (finding.place.start, finding.place.end);
    let _ = write!(text, "::{word} file={},line={}", property(&join(folder, &finding.place.path)), start.line);
    if end.line > start.line {
        // The runner takes no columns of a place with several lines.
        let _ = write!(text, ",endLine={}", end.line);
    } else {
        let _ = write!(text, ",col={},endColumn={}", start.column, end.column);
    }
    let _ = write!(text, ",title={}::{}", property(&finding.rule), data(&finding.message));
    if !finding.remedy.is_empty() {
        let _ = write!(text, "%0A{}", data(&finding.remedy));
    }
    text.push('\n');
}

/// The value of a property, in which commas and colons end it.
fn property(value: &str) -> String {
    data(value).replace(':', "%3A").replace(',', "%2C")
}

fn data(value: &str) -> String {
    escaped(value).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A").replace("##[", "#%23[")
}
