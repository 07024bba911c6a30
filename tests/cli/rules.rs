//! A repo's own rules: written, tested, run, and told when they are broken.

use crate::program;
use crate::program::{err, out};
use std::fs;
use std::path::Path;
use std::process::Output;

struct Project(tempfile::TempDir);

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.write("dbt_project.yml", "name: shop\nversion: '1.0'\nmodel-paths: [models]\n");
        project.write("models/staging/stg_orders.sql", "select 1 as id\n");
        project.write("models/marts/orders.sql", "select * from {{ ref('stg_orders') }}\n");
        project.write("models/marts/returns.sql", "select * from {{ ref('stg_orders') }}\n");
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    fn write(&self, path: &str, text: &str) {
        program::write(self.0.path(), path, text);
    }

    fn harness(&self, arguments: &[&str]) -> Output {
        program::harness(self.0.path(), arguments)
    }
}

const HUB: &str = "---
severity: error
message: \"{name} is read by {readers} models.\"
remedy: \"Split it.\"
options:
  readers: {default: 1, doc: More readers than this are too many.}
---
# A hub

```datalog
finding(node: m, readers: n) :- model(m, _, _), n = count : { ref(_, m) }, n > $readers.
```

## Two readers
```sql models/a.sql
select 1 as id
```
```sql models/b.sql
select * from {{ ref('a') }}
```
```sql models/c.sql
select * from {{ ref('a') }}
```
```findings
models/a.sql:1:1 HUB_MODEL a is read by 2 models.
```

## One reader
```sql models/a.sql
select 1 as id
```
```sql models/b.sql
select * from {{ ref('a') }}
```
```findings
```
";

/// The same rule with another id.
fn hub(id: &str) -> String {
    HUB.replace("HUB_MODEL", id)
}

#[test]
fn a_rule_of_the_repo_runs_like_any_other() {
    let project = Project::new(&[("harness/rules/hub-model.md", HUB)]);
    let check = project.harness(&["check", "--rule", "hub-model"]);
    assert_eq!(check.status.code(), Some(1), "{}", err(&check));
    assert!(out(&check).contains("1:1 [HUB_MODEL] stg_orders is read by 2 models."), "{}", out(&check));
    assert!(out(&project.harness(&["rules"])).contains("HUB_MODEL"));
    let page = project.harness(&["explain", "HUB_MODEL"]);
    for part in ["# A hub", "- `readers: 1` More readers than this are too many.", "```datalog\nfinding(node: m"] {
        assert!(out(&page).contains(part), "{}", out(&page));
    }
    let proof = project.harness(&["explain", "models/staging/stg_orders.sql:1"]);
    assert!(out(&proof).contains("count"), "{}{}", out(&proof), err(&proof));
    let query = project.harness(&["query", "finding(rule: \"HUB_MODEL\", node: m)"]);
    assert!(out(&query).contains("stg_orders"), "{}{}", out(&query), err(&query));
}

#[test]
fn a_rule_of_the_repo_is_tested_by_its_cases() {
    let project = Project::new(&[("harness/rules/hub-model.md", HUB)]);
    let test = project.harness(&["rules", "test"]);
    assert_eq!((test.status.code(), &*out(&test)), (Some(0), ""), "{}", err(&test));
    assert!(err(&test).contains("1 rules, 2 cases passed, 0 failed"), "{}", err(&test));
    project.write("harness/rules/hub-model.md", &HUB.replace("n > $readers", "n > 0"));
    let test = project.harness(&["rules", "test", "hub-model"]);
    assert_eq!(test.status.code(), Some(1));
    assert_eq!(
        out(&test),
        "harness/rules/hub-model.md:28: One reader\n  not expected: models/a.sql:1:1 HUB_MODEL a is read by 1 models.\n"
    );
    let unknown = project.harness(&["rules", "test", "nothing"]);
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn a_broken_rule_is_a_finding_at_its_line_and_the_others_run() {
    let project = Project::new(&[
        ("harness/rules/hub-model.md", HUB),
        ("harness/rules/broken-one.md", &hub("BROKEN_ONE").replace("ref(_, m)", "refs(_, m)")),
        ("harness/rules/broken-two.md", &hub("BROKEN_TWO").replace("severity: error", "severity: fatal")),
        ("harness/rules/cycle.md", &hub("CYCLE")),
        ("harness/rules/README.md", "Notes.\n"),
    ]);
    let check = project.harness(&["check", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out(&check)).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let places: Vec<String> = findings
        .iter()
        .map(|x| format!("{}:{} {}", x["path"].as_str().unwrap(), x["line"], x["rule"].as_str().unwrap()))
        .collect();
    assert_eq!(
        places,
        [
            "harness/rules/broken-one.md:11 BROKEN_RULE",
            "harness/rules/broken-two.md:2 BROKEN_RULE",
            "harness/rules/cycle.md:1 BROKEN_RULE",
            "models/staging/stg_orders.sql:1 HUB_MODEL"
        ]
    );
    let test = project.harness(&["rules", "test"]);
    assert_eq!(test.status.code(), Some(1));
    assert!(
        out(&test).contains("harness/rules/broken-one.md:11: datalog: no relation is called 'refs'."),
        "{}",
        out(&test)
    );
}

#[test]
fn a_new_rule_is_a_file_with_a_case_that_fails() {
    let project = Project::new(&[]);
    let question = "layer(m, \"marts\"), ref(m, p), layer(p, \"staging\")";
    let new = project.harness(&["rules", "new", "marts-read-marts", "--from", question]);
    assert_eq!((new.status.code(), &*out(&new)), (Some(0), "harness/rules/marts-read-marts.md\n"), "{}", err(&new));
    let text = fs::read_to_string(project.0.path().join("harness/rules/marts-read-marts.md")).unwrap();
    assert!(text.contains("finding(node: m, p: p) :-\n    layer(m, \"marts\")"), "{text}");
    let test = project.harness(&["rules", "test"]);
    assert_eq!(test.status.code(), Some(1), "{}", err(&test));
    assert!(out(&test).contains("What it must find"), "{}", out(&test));
    let check = project.harness(&["check", "--rule", "MARTS_READ_MARTS", "--format", "json"]);
    assert_eq!(out(&check).matches("\"rule\":\"MARTS_READ_MARTS\"").count(), 2, "{}", out(&check));
    assert_eq!(project.harness(&["rules", "new", "marts-read-marts"]).status.code(), Some(2), "it is not overwritten");
    assert_eq!(project.harness(&["rules", "new", "cycle"]).status.code(), Some(2), "the id is taken");
    assert_eq!(project.harness(&["rules", "new", "x", "--from", "modle(m)"]).status.code(), Some(2));
    assert!(!Path::new(project.0.path()).join("harness/rules/x.md").exists());
}

#[test]
fn a_rule_may_read_the_findings_of_others_and_no_circle_is_waited_for() {
    let reader = |rule: &str, read: &str| {
        format!(
            "---\nseverity: warning\nmessage: \"{rule} {{name}}\"\n---\n# T\n\n```datalog\n\
             finding(node: m) :- finding(rule: \"{read}\", node: m).\n```\n"
        )
    };
    let project = Project::new(&[
        ("harness/rules/hub-model.md", &HUB.replace("severity: error", "severity: off")),
        ("harness/rules/above-hub.md", &reader("above", "HUB_MODEL")),
        ("harness/rules/one-way.md", &reader("one", "OTHER_WAY")),
        ("harness/rules/other-way.md", &reader("other", "ONE_WAY")),
        (
            "harness/rules/all-findings.md",
            "---\nseverity: info\nmessage: \"{rule}\"\n---\n# T\n\n```datalog\n\
             finding(node: m, rule: r) :- finding(rule: r, node: m), model(m, _, _).\n```\n",
        ),
    ]);
    let check = project.harness(&["check", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out(&check)).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let seen: Vec<(&str, &str)> =
        findings.iter().map(|x| (x["rule"].as_str().unwrap(), x["message"].as_str().unwrap())).collect();
    assert!(seen.contains(&("ABOVE_HUB", "above stg_orders")), "a rule that is off is read by its name: {seen:?}");
    assert!(!seen.iter().any(|(rule, _)| *rule == "HUB_MODEL"), "{seen:?}");
    let circle = seen.iter().filter(|(rule, text)| *rule == "BROKEN_RULE" && text.contains("read its own"));
    assert_eq!(circle.count(), 2, "{seen:?}");
    assert!(!seen.iter().any(|(rule, text)| *rule == "ALL_FINDINGS" && *text == "ALL_FINDINGS"), "{seen:?}");
}

#[test]
fn the_rule_that_the_docs_show_passes_its_own_tests() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md")).unwrap();
    let (_, rest) = docs.split_once("````markdown harness/rules/hub-model.md\n").unwrap();
    let (rule, _) = rest.split_once("````\n").unwrap();
    let project = Project::new(&[("harness/rules/hub-model.md", rule)]);
    let test = project.harness(&["rules", "test"]);
    assert_eq!((test.status.code(), &*out(&test)), (Some(0), ""), "{}", err(&test));
    assert!(err(&test).contains("2 cases passed"), "{}", err(&test));
}
