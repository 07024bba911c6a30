//! From the rows of a rule to findings.

use crate::datalog::Constant;
use crate::rules::finding::{Finding, Place, Severity, Status, Told};
use crate::rules::fingerprint::Identity;
use crate::rules::rule::Rule;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// One row of a rule's `finding(…)` with all that its texts may name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Violation {
    pub node: Option<Arc<str>>,
    pub subject: Vec<Arc<str>>,
    pub place: Place,
    pub locations: Vec<Place>,
    /// Where this row is milder than its rule; it never makes a finding graver.
    pub severity: Option<Severity>,
    pub args: Vec<(String, String)>,
    /// Which of the block's heads gave it, and its row.
    pub row: (usize, Vec<Constant>),
}

/// The findings of one rule, sorted as they are printed: by path, line, column, rule, subject.
pub fn report(rule: &Rule, severity: Severity, violations: &[Violation]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = violations.iter().map(|violation| told(rule, severity, violation)).collect();
    sort(&mut findings);
    number(&mut findings);
    findings
}

/// One finding of a rule, as if there were no equal one.
pub fn told(rule: &Rule, severity: Severity, violation: &Violation) -> Finding {
    let value = |name: &str| violation.args.iter().find(|arg| arg.0 == name).map(|arg| arg.1.as_str());
    let mut finding = Finding::from(Told {
        rule: rule.finding_id(value),
        // Severities are ordered from the gravest on.
        severity: violation.severity.map_or(severity, |row| row.max(severity)),
        message: rule.message.fill(value),
        remedy: with_lesson(rule.remedy.fill(value), rule.lesson.as_deref()),
        place: violation.place.clone(),
        node: violation.node.clone(),
        subject: violation.subject.clone(),
        locations: violation.locations.clone(),
        fingerprint: String::new(),
        cause: rule.cause.as_ref().map(|cause| cause.fill(value).into()),
        fixable: false,
        status: Status::New,
    });
    finding.fingerprint = identity(&finding).fingerprint(0);
    finding
}

fn identity(finding: &Finding) -> Identity {
    Identity::new(
        Arc::clone(&finding.rule),
        finding.node.clone(),
        Arc::clone(&finding.place.path),
        finding.subject.clone(),
    )
}

/// Tells equals of one rule apart by their order.
pub fn number(findings: &mut [Finding]) {
    let mut seen: FxHashMap<String, u64> = FxHashMap::default();
    seen.reserve(findings.len());
    for finding in findings {
        match seen.get_mut(&finding.fingerprint) {
            None => drop(seen.insert(finding.fingerprint.clone(), 1)),
            Some(ordinal) => {
                finding.fingerprint = identity(finding).fingerprint(*ordinal);
                *ordinal += 1;
            }
        }
    }
}

/// The remedy, and what to read about it.
fn with_lesson(remedy: String, lesson: Option<&str>) -> String {
    match lesson {
        Some(lesson) if remedy.is_empty() => format!("Read {lesson}."),
        Some(lesson) => format!("{remedy} Read {lesson}."),
        None => remedy,
    }
}

/// The order of every output. What follows the subject only settles ties, so that the bytes do not
/// depend on the order in which rows were derived.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(order);
}

pub(super) fn order(left: &Finding, right: &Finding) -> std::cmp::Ordering {
    key(left).cmp(&key(right))
}

fn key(finding: &Finding) -> impl Ord + '_ {
    (
        (&finding.place.path, finding.place.start, &finding.rule, &finding.subject),
        (finding.place.end, &finding.node, &finding.message, finding.severity),
        (&finding.locations, &finding.remedy),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::span::Position;

    fn rule(front: &str) -> Rule {
        let block = "finding(node: m, cte: c, other: c) :- cte(m, c, _).";
        let text = format!("---\nseverity: error\n{front}---\n# T\n```datalog\n{block}\n```\n");
        Rule::parse("queries/rules/g/my-rule.md", &text).unwrap()
    }

    fn row(path: &str, line: u32, column: u32, name: &str) -> Violation {
        let at = Position { line, column };
        Violation {
            node: Some(Arc::from("model.shop.a")),
            subject: vec![Arc::from("model.shop.a"), Arc::from(name)],
            place: Place { path: Arc::from(path), start: at, end: at },
            locations: Vec::new(),
            severity: None,
            args: vec![("name".to_owned(), name.to_owned()), ("cte".to_owned(), name.to_owned())],
            row: (0, Vec::new()),
        }
    }

    #[test]
    fn texts_and_the_id_are_filled_from_the_row() {
        let rule = rule("message: \"no '{name}'.\"\nremedy: \"Write {{{name}}}.\"\nid: MY_{CTE}\n");
        let found = report(&rule, Severity::Error, &[row("a.sql", 1, 1, "final")]);
        assert_eq!(found[0].message, "no 'final'.");
        assert_eq!(found[0].remedy, "Write {final}.");
        assert_eq!(&*found[0].rule, "MY_FINAL");
    }

    #[test]
    fn an_argument_that_the_row_does_not_give_stays_visible() {
        let rule = rule("message: \"no '{other}'.\"\n");
        assert_eq!(report(&rule, Severity::Error, &[row("a", 1, 1, "x")])[0].message, "no '{other}'.");
    }

    #[test]
    fn a_lesson_is_told_with_the_remedy() {
        let remedy = |front: &str| report(&rule(front), Severity::Error, &[row("a", 1, 1, "x")])[0].remedy.clone();
        assert_eq!(remedy("message: m\nremedy: Mend it.\nlesson: docs/hubs.md\n"), "Mend it. Read docs/hubs.md.");
        assert_eq!(remedy("message: m\nlesson: docs/hubs.md\n"), "Read docs/hubs.md.");
        assert_eq!(remedy("message: m\nremedy: Mend it.\n"), "Mend it.");
    }

    #[test]
    fn a_row_can_be_milder_than_its_rule_and_never_graver() {
        let rule = rule("message: m\n");
        let severity = |of_rule, of_row| {
            let row = Violation { severity: Some(of_row), ..row("a", 1, 1, "x") };
            report(&rule, of_rule, &[row])[0].severity
        };
        assert_eq!(severity(Severity::Error, Severity::Warning), Severity::Warning);
        assert_eq!(severity(Severity::Info, Severity::Warning), Severity::Info);
    }

    #[test]
    fn findings_are_sorted_by_place_and_subject_whatever_order_the_rows_have() {
        let rule = rule("message: \"{name}\"\n");
        let rows = || vec![row("b", 1, 1, "x"), row("a", 10, 1, "x"), row("a", 2, 3, "z"), row("a", 2, 3, "y")];
        let found = report(&rule, Severity::Error, &rows());
        let order: Vec<_> = found.iter().map(|x| (&*x.place.path, x.place.start.line, x.message.as_str())).collect();
        assert_eq!(order, [("a", 2, "y"), ("a", 2, "z"), ("a", 10, "x"), ("b", 1, "x")]);
        assert_eq!(report(&rule, Severity::Error, &rows().into_iter().rev().collect::<Vec<_>>()), found);
    }

    #[test]
    fn equals_are_told_apart_by_their_order_and_by_nothing_else() {
        let rule = rule("message: m\n");
        let digits = |rows: Vec<Violation>| {
            report(&rule, Severity::Error, &rows).into_iter().map(|x| x.fingerprint.clone()).collect::<Vec<_>>()
        };
        let two = digits(vec![row("a", 1, 1, "x"), row("a", 5, 1, "x")]);
        assert_ne!(two[0], two[1]);
        assert_eq!(two, digits(vec![row("a", 3, 7, "x"), row("a", 9, 2, "x")]));
        let other = digits(vec![row("a", 1, 1, "x"), row("a", 5, 1, "y")]);
        assert_eq!(other[0], two[0]);
        assert!(!two.contains(&other[1]));
    }
}
