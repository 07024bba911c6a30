//! A line a finding, as compilers print them: editors jump to the place, grep counts.

use crate::report::{Limit, Summary, escaped, shown, totals};
use crate::rules::finding::Finding;

pub(super) fn render(findings: &[&Finding], summary: &Summary, limit: Limit) -> String {
    let mut text = String::new();
    let limit = limit.or(usize::MAX);
    for finding in shown(findings, limit) {
        text.push_str(&format!(
            "{}:{}:{} {} {} {}\n",
            escaped(&finding.place.path),
            finding.place.start.line,
            finding.place.start.column,
            finding.severity.name(),
            escaped(&finding.rule),
            escaped(&finding.message),
        ));
    }
    text.push_str(&totals(findings, summary, |text, _| text.to_owned()));
    text.push('\n');
    text
}
