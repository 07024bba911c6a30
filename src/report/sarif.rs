//! SARIF 2.1.0, which code scanning services read. `tests/reading/formats.rs` holds it against the schema.

use crate::files::join;
use crate::report::Run;
use crate::rules::finding::{Finding, Place, Severity, Suppressed};
use crate::rules::registry::Registry;
use crate::rules::rule::Rule;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The root of the repository, which the reader of the file knows.
const ROOT: &str = "SRCROOT";

/// What a URI's path holds as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Changes when the same finding would get other digits.
const FINGERPRINT: &str = "harness/v1";

pub(super) fn render(findings: &[&Finding], run: &Run<'_>) -> String {
    let rules = rules(findings, run);
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(at, (id, _))| (&**id, at)).collect();
    let is_compared = run.summary.fixed.is_some();
    let of_now = |finding: &Finding, suppressed: Option<&Suppressed>| {
        let mut result = result(finding, &index, run.folder);
        if is_compared {
            let state = if finding.status == crate::rules::finding::Status::Old { "unchanged" } else { "new" };
            result.insert("baselineState".to_owned(), state.into());
        }
        // Either all results of a run tell of suppressions or none does.
        if !run.suppressed.is_empty() {
            let suppressions = suppressed.map(|by| suppression(by, run.folder));
            result.insert("suppressions".to_owned(), suppressions.into_iter().collect());
        }
        Value::Object(result)
    };
    let open = findings.iter().map(|finding| of_now(finding, None));
    let excused = run.suppressed.iter().map(|suppressed| of_now(&suppressed.finding, Some(suppressed)));
    let gone = run.fixed.iter().map(|finding| {
        let mut result = self::result(finding, &index, run.folder);
        result.insert("baselineState".to_owned(), "absent".into());
        if !run.suppressed.is_empty() {
            result.insert("suppressions".to_owned(), Value::Array(Vec::new()));
        }
        Value::Object(result)
    });
    let results: Vec<Value> = open.chain(excused).chain(gone).collect();
    let descriptors: Vec<Value> = rules.iter().map(|(id, rule)| descriptor(id, rule.as_deref())).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "harness",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": descriptors,
            }},
            "invocations": [{"executionSuccessful": true}],
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document}\n")
}

/// The rules that ran, and those of the findings: a family has an id for each of its members.
fn rules(findings: &[&Finding], run: &Run<'_>) -> Vec<(Arc<str>, Option<Arc<Rule>>)> {
    let mut rules = BTreeMap::new();
    for id in &run.summary.rules_run {
        if let Some(rule) = run.registry.get(id).filter(|rule| rule.family.is_none()) {
            rules.insert(Arc::clone(id), Some(Arc::clone(rule)));
        }
    }
    let excused = run.suppressed.iter().map(|suppressed| &suppressed.finding);
    for finding in findings.iter().copied().chain(excused).chain(run.fixed) {
        rules.entry(Arc::clone(&finding.rule)).or_insert_with(|| rule_of(run.registry, &finding.rule));
    }
    rules.into_iter().collect()
}

fn rule_of(registry: &Registry, id: &str) -> Option<Arc<Rule>> {
    registry.get(id).cloned()
}

fn descriptor(id: &str, rule: Option<&Rule>) -> Value {
    let mut descriptor = Map::new();
    descriptor.insert("id".to_owned(), id.into());
    descriptor.insert("name".to_owned(), pascal_case(id).into());
    let Some(rule) = rule else { return Value::Object(descriptor) };
    let what = rule.prose.split("\n\n").next().unwrap_or_default().trim();
    descriptor.insert("shortDescription".to_owned(), json!({"text": rule.title}));
    if !what.is_empty() {
        descriptor.insert("fullDescription".to_owned(), json!({"text": plain(what), "markdown": what}));
        let help = rule.prose.trim();
        descriptor.insert("help".to_owned(), json!({"text": plain(help), "markdown": help}));
    }
    let configuration = match rule.severity {
        Some(severity) => json!({"level": level(severity)}),
        None => json!({"enabled": false}),
    };
    descriptor.insert("defaultConfiguration".to_owned(), configuration);
    descriptor.insert("properties".to_owned(), json!({"tags": [rule.group]}));
    Value::Object(descriptor)
}

fn result(finding: &Finding, index: &BTreeMap<&str, usize>, folder: &str) -> Map<String, Value> {
    let mut location = self::location(&finding.place, folder);
    if let (Some(node), Value::Object(location)) = (&finding.node, &mut location) {
        location.insert("logicalLocations".to_owned(), json!([{"fullyQualifiedName": &**node}]));
    }
    let mut result = Map::new();
    let mut set = |name: &str, value: Value| result.insert(name.to_owned(), value);
    set("ruleId", (&*finding.rule).into());
    if let Some(at) = index.get(&*finding.rule) {
        set("ruleIndex", (*at).into());
    }
    set("level", level(finding.severity).into());
    set("message", json!({"text": finding.message}));
    set("locations", json!([location]));
    if !finding.locations.is_empty() {
        set("relatedLocations", finding.locations.iter().map(|place| self::location(place, folder)).collect());
    }
    set("partialFingerprints", json!({FINGERPRINT: finding.fingerprint}));
    if !finding.remedy.is_empty() {
        set("properties", json!({"remedy": finding.remedy}));
    }
    result
}

fn location(place: &Place, folder: &str) -> Value {
    let path = join(folder, &place.path);
    json!({"physicalLocation": {
        "artifactLocation": {"uri": utf8_percent_encode(&path, PATH).to_string(), "uriBaseId": ROOT},
        "region": {
            "startLine": place.start.line,
            "startColumn": place.start.column,
            "endLine": place.end.line,
            "endColumn": place.end.column,
        },
    }})
}

fn suppression(suppressed: &Suppressed, folder: &str) -> Value {
    let mut suppression = Map::new();
    suppression.insert("kind".to_owned(), "inSource".into());
    if !suppressed.reason.is_empty() {
        suppression.insert("justification".to_owned(), suppressed.reason.as_str().into());
    }
    suppression.insert("location".to_owned(), location(&suppressed.by, folder));
    Value::Object(suppression)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// `CTE_MISSING_FINAL` is `CteMissingFinal`: SARIF wants a name that can be an identifier.
fn pascal_case(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for word in id.split(|letter: char| !letter.is_alphanumeric()) {
        let mut letters = word.chars();
        name.extend(letters.next());
        name.extend(letters.flat_map(char::to_lowercase));
    }
    name
}

/// Markdown without the marks that would stand in the way of a reader who sees the plain text.
fn plain(markdown: &str) -> String {
    markdown.replace("**", "").replace('`', "'")
}
