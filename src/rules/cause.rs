//! Findings of one cause, made one finding.

use super::finding::{Finding, Place};
use super::violation::{order, sort};
use rustc_hash::FxHashMap;

/// The findings, sorted, with one for all of a rule that have the same cause and status. The gravest of them stands for
/// all, of equals the first by place; the places of the others are its further locations.
///
/// Comes after suppressions, baselines, paths and selections: these judge each place on its own.
pub fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut groups: FxHashMap<_, Vec<&Finding>> = FxHashMap::default();
    for finding in &findings {
        if let Some(cause) = &finding.cause {
            groups.entry((&finding.rule, cause, finding.status)).or_default().push(finding);
        }
    }
    if groups.values().all(|group| group.len() == 1) {
        return findings;
    }
    let mut all: Vec<Finding> = groups.into_values().filter_map(one).collect();
    all.extend(findings.iter().filter(|finding| finding.cause.is_none()).cloned());
    sort(&mut all);
    all
}

fn one(group: Vec<&Finding>) -> Option<Finding> {
    let first =
        *group.iter().min_by(|one, other| (one.severity.cmp(&other.severity)).then_with(|| order(one, other)))?;
    let mut finding = first.clone();
    if group.len() > 1 {
        let places = group.iter().flat_map(|it| std::iter::once(&it.place).chain(&it.locations));
        let mut locations: Vec<Place> = places.filter(|place| **place != first.place).cloned().collect();
        locations.sort_unstable();
        locations.dedup();
        finding.locations = locations;
    }
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::finding::{Severity, Status, Told};
    use crate::syntax::span::Position;

    fn finding(path: &str, cause: Option<&str>, severity: Severity) -> Finding {
        let start = Position { line: 2, column: 5 };
        Finding::from(Told {
            rule: "UNKNOWN_REF".into(),
            severity,
            place: Place { path: path.into(), start, end: start },
            node: None,
            subject: vec![path.into()],
            message: String::new(),
            remedy: String::new(),
            locations: Vec::new(),
            fingerprint: path.to_owned(),
            cause: cause.map(Into::into),
            fixable: false,
            status: Status::New,
        })
    }

    fn shown(findings: &[Finding]) -> Vec<String> {
        let places = |it: &Finding| it.locations.iter().map(|place| place.path.to_string()).collect::<Vec<_>>();
        findings.iter().map(|it| format!("{} {:?}", it.fingerprint, places(it))).collect()
    }

    #[test]
    fn the_gravest_stands_for_all_and_the_others_are_its_locations() {
        let (error, warning) = (Severity::Error, Severity::Warning);
        let all = vec![
            finding("a", Some("x"), warning),
            finding("b", None, error),
            finding("c", Some("x"), error),
            finding("d", Some("x"), error),
            finding("e", Some("y"), error),
        ];
        assert_eq!(shown(&merged(all)), ["b []", "c [\"a\", \"d\"]", "e []"]);
    }

    #[test]
    fn what_is_known_and_what_is_new_of_one_cause_stay_apart() {
        let mut old = finding("a", Some("x"), Severity::Error);
        old.status = Status::Old;
        let all = vec![old, finding("b", Some("x"), Severity::Error), finding("c", Some("x"), Severity::Error)];
        assert_eq!(shown(&merged(all)), ["a []", "b [\"c\"]"]);
    }
}
