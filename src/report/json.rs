//! The machine's form: one object with every finding, never capped. Names and order of the fields
//! are read by other tools; a field is added at the end or not at all.

use crate::report::Summary;
use crate::rules::adherence::Adherence;
use crate::rules::finding::{Finding, Place};
use serde_json::Value;
use std::sync::Arc;

/// Changes when a reader that knows the former one would be misled.
const VERSION: u64 = 1;

pub(super) fn render(findings: &[&Finding], summary: &Summary) -> String {
    let document = object([
        ("version", VERSION.into()),
        ("findings", findings.iter().map(|shown| finding(shown)).collect()),
        (
            "summary",
            object([
                ("errors", summary.errors.into()),
                ("warnings", summary.warnings.into()),
                ("infos", summary.infos.into()),
                ("by_rule", summary.by_rule.iter().map(|(rule, n)| (rule.to_string(), Value::from(*n))).collect()),
                ("models", summary.models.into()),
                ("files", summary.files.into()),
                ("not_understood", summary.not_understood.into()),
                ("rules_run", names(&summary.rules_run)),
                ("rules_skipped", names(&summary.rules_skipped)),
                ("suppressed", summary.suppressed.into()),
                ("adherence", summary.adherence.iter().map(adherence).collect()),
                ("old", summary.old.into()),
                ("fixed", summary.fixed.map_or(Value::Null, Value::from)),
                ("new", summary.new_findings().map_or(Value::Null, Value::from)),
            ]),
        ),
    ]);
    format!("{document}\n")
}

/// One finding as an object: what every machine format shows of it.
pub fn finding(finding: &Finding) -> Value {
    let place = &finding.place;
    object([
        ("rule", text(&finding.rule)),
        ("severity", text(finding.severity.name())),
        ("path", text(&place.path)),
        ("line", place.start.line.into()),
        ("column", place.start.column.into()),
        ("end_line", place.end.line.into()),
        ("end_column", place.end.column.into()),
        ("node", finding.node.as_deref().map_or(Value::Null, text)),
        ("subject", names(&finding.subject)),
        ("message", text(&finding.message)),
        ("remedy", text(&finding.remedy)),
        ("locations", finding.locations.iter().map(location).collect()),
        ("fingerprint", text(&finding.fingerprint)),
        ("fixable", finding.fixable.into()),
        ("status", text(finding.status.name())),
    ])
}

fn adherence(kept: &Adherence) -> Value {
    object([
        ("rule", text(&kept.rule)),
        ("subjects", kept.subjects.into()),
        ("breaks", kept.breaks.into()),
        ("verdict", text(kept.verdict.name())),
    ])
}

fn location(place: &Place) -> Value {
    object([
        ("path", text(&place.path)),
        ("line", place.start.line.into()),
        ("column", place.start.column.into()),
        ("end_line", place.end.line.into()),
        ("end_column", place.end.column.into()),
    ])
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn names(names: &[Arc<str>]) -> Value {
    names.iter().map(|name| text(name)).collect()
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::rules::finding::Severity;

    #[test]
    fn the_object_has_every_field_in_its_order() {
        let mut first = sample::finding("CYCLE", Severity::Error, "models/a.sql", 5);
        first.message = "says \"no\"\u{1b}é".to_owned();
        first.locations = vec![sample::place("models/b.sql", 7, 2)];
        let mut second = sample::finding("PARSE_ERROR", Severity::Warning, "models/b.yml", 1);
        second.node = None;
        let found = [first, second];
        let summary = Summary {
            models: 3,
            files: 4,
            not_understood: 1,
            rules_run: vec![Arc::from("CYCLE"), Arc::from("PARSE_ERROR")],
            rules_skipped: vec![Arc::from("TAGS_MISSING")],
            suppressed: 2,
            adherence: vec![Adherence::of(&Arc::from("CYCLE"), "models", 3, 1)],
            old: 4,
            fixed: Some(5),
            ..Summary::of(&found)
        };
        let expected = concat!(
            r#"{"version":1,"findings":["#,
            r#"{"rule":"CYCLE","severity":"error","path":"models/a.sql","line":5,"column":18,"#,
            r#""end_line":5,"end_column":21,"node":"model.shop.a","subject":["model.shop.a"],"#,
            r#""message":"says \"no\"\u001bé","remedy":"Mend CYCLE.","#,
            r#""locations":[{"path":"models/b.sql","line":7,"column":2,"end_line":7,"end_column":5}],"#,
            r#""fingerprint":"00000000000000ff","fixable":false,"status":"new"},"#,
            r#"{"rule":"PARSE_ERROR","severity":"warning","path":"models/b.yml","line":1,"column":18,"#,
            r#""end_line":1,"end_column":21,"node":null,"subject":["model.shop.a"],"#,
            r#""message":"breaks PARSE_ERROR.","remedy":"Mend PARSE_ERROR.","locations":[],"#,
            r#""fingerprint":"00000000000000ff","fixable":false,"status":"new"}],"#,
            r#""summary":{"errors":1,"warnings":1,"infos":0,"by_rule":{"CYCLE":1,"PARSE_ERROR":1},"#,
            r#""models":3,"files":4,"not_understood":1,"rules_run":["CYCLE","PARSE_ERROR"],"#,
            r#""rules_skipped":["TAGS_MISSING"],"suppressed":2,"#,
            r#""adherence":[{"rule":"CYCLE","subjects":3,"breaks":1,"verdict":"summary"}],"old":4,"fixed":5,"new":2}}"#,
            "\n"
        );
        assert_eq!(render(&found.each_ref(), &summary), expected);
    }

    #[test]
    fn a_clean_run_has_every_field_too() {
        assert_eq!(
            render(&[], &Summary::default()),
            concat!(
                r#"{"version":1,"findings":[],"summary":{"errors":0,"warnings":0,"infos":0,"#,
                r#""by_rule":{},"models":0,"files":0,"not_understood":0,"rules_run":[],"#,
                r#""rules_skipped":[],"suppressed":0,"adherence":[],"old":0,"fixed":null,"new":null}}"#,
                "\n"
            )
        );
    }
}
