//! What a run says, one file per format. A format of findings only writes: what is a finding, and how
//! grave, was settled before. `manifest` writes what the database knows of the project itself.

pub mod adherence;
pub mod agents;
pub mod answer;
pub mod json;
pub mod list;
pub mod manifest;
pub mod proof;
pub mod text;

use crate::rules::adherence::Adherence;
use crate::rules::finding::{Finding, Severity, Status};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The totals of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    pub errors: usize,
    pub warnings: usize,
    pub infos: usize,
    pub by_rule: BTreeMap<Arc<str>, usize>,
    /// Enabled models of the root project.
    pub models: usize,
    /// Files read.
    pub files: usize,
    /// Files of which a part could not be read.
    pub not_understood: usize,
    pub rules_run: Vec<Arc<str>>,
    pub rules_skipped: Vec<Arc<str>>,
    pub suppressed: usize,
    /// How well the conventions are kept that the run judged, by rule.
    pub adherence: Vec<Adherence>,
    /// Findings that a baseline knows; none of the counts above has them.
    pub old: usize,
    /// Entries of the baseline that no finding has any more.
    pub fixed: usize,
}

impl Summary {
    /// Counts the findings; what was read and run is the caller's to add.
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            if finding.status == Status::Old {
                summary.old += 1;
                continue;
            }
            *match finding.severity {
                Severity::Error => &mut summary.errors,
                Severity::Warning => &mut summary.warnings,
                Severity::Info => &mut summary.infos,
            } += 1;
            *summary.by_rule.entry(Arc::clone(&finding.rule)).or_default() += 1;
        }
        summary
    }
}

#[cfg(test)]
pub(crate) mod sample {
    use crate::rules::finding::{Finding, Place, Severity, Status};
    use crate::syntax::span::Position;
    use std::sync::Arc;

    pub(crate) fn place(path: &str, line: u32, column: u32) -> Place {
        let start = Position { line, column };
        Place { path: Arc::from(path), start, end: Position { line, column: column + 3 } }
    }

    pub(crate) fn finding(rule: &str, severity: Severity, path: &str, line: u32) -> Finding {
        Finding {
            rule: Arc::from(rule),
            severity,
            place: place(path, line, 18),
            node: Some(Arc::from("model.shop.a")),
            subject: vec![Arc::from("model.shop.a")],
            message: format!("breaks {rule}."),
            remedy: format!("Mend {rule}."),
            locations: Vec::new(),
            fingerprint: "00000000000000ff".to_owned(),
            fixable: false,
            status: Status::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_by_severity_and_by_rule() {
        let found = [
            sample::finding("CYCLE", Severity::Error, "a.sql", 1),
            sample::finding("CYCLE", Severity::Warning, "b.sql", 1),
            sample::finding("UNUSED", Severity::Info, "b.sql", 1),
        ];
        let summary = Summary::of(&found);
        assert_eq!((summary.errors, summary.warnings, summary.infos), (1, 1, 1));
        assert_eq!(summary.by_rule["CYCLE"], 2);
    }

    #[test]
    fn what_a_baseline_knows_is_counted_apart() {
        let mut old = sample::finding("CYCLE", Severity::Error, "a.sql", 1);
        old.status = Status::Old;
        let summary = Summary::of(&[old, sample::finding("CYCLE", Severity::Error, "b.sql", 1)]);
        assert_eq!((summary.errors, summary.old, summary.by_rule["CYCLE"]), (1, 1, 1));
    }
}
