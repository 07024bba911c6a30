//! The machine's form for streams: one finding a line, as in JSON, and no totals.

use crate::report::json;
use crate::rules::finding::Finding;

pub(super) fn render(findings: &[&Finding]) -> String {
    findings.iter().map(|finding| format!("{}\n", json::finding(finding))).collect()
}
