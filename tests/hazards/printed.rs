//! Names and texts that others wrote, as they are printed.

use super::program::bounded::bounded;
use super::program::write;
use tempfile::TempDir;

/// A name that ends its line, begins a command of a workflow, clears a terminal and turns its text around.
const NAME: &str = "x\\n::error::hi\\u202e##[error]y\\x1b[2J\\u2028z\\x85";

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "models/canary.sql", &format!("select * from {{{{ ref(\"{NAME}\") }}}}\n"));
    write(
        folder.path(),
        "models/canary.yml",
        &format!(
            "models:\n  - name: canary\n    description: \"{NAME}\"\n    config: {{tags: [\"{NAME}\"], meta: {{a: \"{NAME}\"}}}}\n\
             sources:\n  - name: \"{NAME}\"\n    tables: [{{name: t}}]\n"
        ),
    );
    write(
        folder.path(),
        "selectors.yml",
        &format!("selectors:\n  - name: \"{NAME}\"\n    default: true\n    definition: \"*\"\n"),
    );
    folder
}

/// What no stream may hold, whoever reads it.
fn is_safe(text: &str) -> bool {
    let is_command = |line: &str| line.trim_start().starts_with("::error::hi") || line.contains("##[");
    text.chars().all(|letter| !matches!(letter, '\u{1b}' | '\u{202e}' | '\u{2028}' | '\u{85}' | '\r'))
        && !text.split('\n').any(is_command)
}

#[test]
fn no_stream_holds_what_a_terminal_or_a_workflow_would_obey() {
    let folder = project();
    write(
        folder.path(),
        "harness/rules/odd.md",
        "---\nseverity: error\nmessage: \"::error::hi {tag}\"\nremedy: \"##[error]y\"\n---\n# Odd\n\n**What it finds.** a\n\n\
         **Why it matters.** a\n\n**How to fix it.** a\n\n**When to ignore it.** a\n\n```datalog\nfinding(node: m, tag: t) :- \
         tag(m, t, _).\n```\n\n## ::error::hi\n```sql models/a.sql\n{{ config(tags=['q']) }} select 1\n```\n```findings\n```\n",
    );
    for format in ["text", "concise", "agent", "json", "ndjson", "sarif", "github"] {
        let ended = bounded(folder.path(), &["check", "--format", format, "--limit", "all"]);
        assert_eq!(ended.code, Some(1), "{format}: {ended:?}");
        assert!(is_safe(&ended.out) && is_safe(&ended.err), "{format}: {ended:?}");
        let lines = ended.out.lines().filter(|_| format == "ndjson");
        lines.for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
    }
    for arguments in [
        &["list", "--resource-type", "source", "--output", "name"][..],
        &["list", "--output", "json"],
        &["list"],
        &["export", "--format", "manifest"],
        &["query", "tag(node, tag, _)"],
        &["query", "tag(node, tag, _)", "--format", "ndjson"],
        &["query", "::error::hi\u{1b}[2J\u{202e}"],
        &["query", "tag(node, tag, _)", "--sort", "::error::hi\u{1b}\n::error::hi"],
        &["explain", "\n::error::hi\u{1b}[2J"],
        &["check", "--select", "\n::error::hi\u{1b}[2J"],
        &["check", "--config", "\n::error::hi\u{1b}[2J"],
        &["check", "--\n::error::hi\u{1b}[2J"],
        &["check", "--vars", "\n::error::hi\u{1b}[2J: ["],
        &["rules"],
        &["rules", "test"],
        &["relations", "tag"],
        &["watch", "--stdin", "--format", "ndjson"],
    ] {
        let ended = bounded(folder.path(), arguments);
        assert!(ended.code.is_some_and(|code| code < 3), "{arguments:?}: {ended:?}");
        assert!(is_safe(&ended.out) && is_safe(&ended.err), "{arguments:?}: {ended:?}");
    }
    // A pipe gets the values as they are, but for what a workflow would obey.
    let ended = bounded(folder.path(), &["query", "tag(node, tag, _)", "--format", "csv"]);
    assert!(ended.out.contains('\u{202e}') && !ended.out.contains("##[") && !ended.out.contains("\n::"), "{ended:?}");
}

#[test]
fn machine_formats_keep_the_values() {
    let folder = project();
    let ended = bounded(folder.path(), &["query", "tag(node, tag, _)", "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(rows[0]["tag"], "x\n::error::hi\u{202e}##[error]y\u{1b}[2J\u{2028}z\u{85}");
}
