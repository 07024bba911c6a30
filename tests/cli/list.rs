//! `harness list`, and selection in `harness check`, as a user starts them.

use crate::program::{err, harness, out, write};
use std::path::{Path, PathBuf};

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/selection/shop")
}

/// Two models that break the same rule, one YAML file for both, and a macro file that cannot be read.
fn broken(selectors: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: p\nversion: '1'\n");
    write(folder.path(), "models/a.sql", "select * from {{ ref('nowhere') }}");
    write(folder.path(), "models/b.sql", "select * from {{ ref('nowhere') }}");
    write(folder.path(), "models/below/c.sql", "select * from {{ ref('b') }}");
    write(folder.path(), "models/ab.yml", "models:\n  - name: a\n  - name: a\n  - name: b\n  - name: gone\n");
    write(folder.path(), "macros/m.sql", "{% macro m() %}");
    if !selectors.is_empty() {
        write(folder.path(), "selectors.yml", selectors);
    }
    folder
}

#[test]
fn list_prints_selectors_names_paths_or_json() {
    let list = |output: &str| {
        let arguments = ["list", "--select", "stg_sales+1,tag:nightly", "source:till.items", "--output", output];
        out(&harness(&shop(), &arguments))
    };
    insta::assert_snapshot!(["selector", "name", "path", "json"].map(list).join("\n"));
    let keys = ["ls", "-s", "revenue", "--output", "json", "--resource-type", "model", "--output-keys"];
    let keys = [&keys[..], &["name", "config.materialized", "config.nothing"]].concat();
    assert_eq!(out(&harness(&shop(), &keys)), "{\"name\": \"revenue\", \"config.materialized\": \"incremental\"}\n");
}

#[test]
fn what_is_wrong_with_a_selection_is_exit_code_2_with_all_places_and_remedies() {
    let cases: [&[&str]; 8] = [
        &["--select", "stg_sales tagg:x", "@revenue+", "--exclude", "+"],
        &["--select", "state:modified+", "result:error", "source_status:fresher"],
        &["--select", "test-type:unit"],
        &["--select", "a, b"],
        &["--select", "version:newest", "source:a.b.c.d", "resource_type:models", "config:table"],
        &["--selector", "nightli"],
        &["--select", "selector:finance_top"],
        &["--select", "path:../other", "path:/etc"],
    ];
    let mut shown = String::new();
    for arguments in cases {
        for command in ["list", "check"] {
            let output = harness(&shop(), &[&[command], arguments].concat());
            assert_eq!(output.status.code(), Some(2), "{command} {arguments:?}");
            assert_eq!(out(&output), "");
            if command == "list" {
                shown.push_str(&format!("{arguments:?}\n{}\n", err(&output)));
            }
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_selection_of_nothing_is_no_failure_and_is_told() {
    for command in ["list", "check"] {
        let output = harness(&shop(), &[command, "--select", "no_such_model"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(err(&output).contains("the selection selects nothing"), "{}", err(&output));
    }
    assert_eq!(out(&harness(&shop(), &["list", "--select", "no_such_model"])), "");
}

#[test]
fn a_selector_and_options_of_selection_exclude_each_other() {
    let output = harness(&shop(), &["list", "--selector", "nightly", "--exclude", "stg_sales"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_default_selector_is_what_list_lists_and_hides_no_findings() {
    let folder = broken("selectors:\n  - {name: one, default: true, definition: a}\n");
    let listed = harness(folder.path(), &["list"]);
    assert_eq!((out(&listed).as_str(), err(&listed).contains("the selector one")), ("p.a\n", true));
    assert_eq!(out(&harness(folder.path(), &["list", "--select", "b"])), "p.b\n");
    assert!(out(&harness(folder.path(), &["check"])).contains("models/b.sql"));
}

#[test]
fn all_that_is_wrong_with_selectors_yml_is_told_with_its_places() {
    let folder = broken(
        "selectors:\n  - name: one\n    definition: tagg:x\n  - name: two\n    definition:\n      union: [a]\n      exclude: [b]\n\
         \x20 - name: three\n    definition: {method: fqn, value: 1}\n  - name: four\n    definition: [a]\n  - definition: a\n\
         \x20 - name: five\n  - name: six\n    default: perhaps\n    definition:\n      union:\n        - exclude: [a]\n        - exclude: [b]\n\
         \x20       - {method: fqn, value: a, indirect_selection: bold, parents: true, parents_depth: some}\n\
         \x20       - {method: fqn, other: a}\n        - {method: fqn, value: a, children: true, childrens_parents: true}\n\
         \x20 - {name: seven, default: true, definition: a}\n  - {name: eight, default: true, definition: a}\n",
    );
    let output = harness(folder.path(), &["list"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(err(&output));
    // Who does not ask for it is not stopped by it.
    assert_eq!(out(&harness(folder.path(), &["list", "--select", "a"])), "p.a\n");
    assert_eq!(harness(folder.path(), &["check", "--fail-on", "never"]).status.code(), Some(0));
}

#[test]
fn selectors_that_lead_back_to_themselves_are_refused() {
    let folder = broken(
        "selectors:\n  - {name: one, definition: {method: selector, value: two}}\n  - {name: two, definition: 'selector:o*'}\n",
    );
    for arguments in [["list", "--selector", "one"], ["list", "--select", "selector:two"]] {
        let output = harness(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains("leads back to itself"), "{}", err(&output));
    }
}

#[test]
fn check_reports_what_is_selected_and_what_stands_in_its_files() {
    let folder = broken("");
    let places = |arguments: &[&str]| {
        let output = harness(folder.path(), &[&["check", "--format", "json"], arguments].concat());
        let document: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
        let findings = document["findings"].as_array().unwrap().clone();
        let mut found: Vec<String> = findings
            .iter()
            .map(|it| format!("{} {}", it["path"].as_str().unwrap(), it["rule"].as_str().unwrap()))
            .collect();
        found.sort();
        found.dedup();
        (output.status.code(), found)
    };
    let all = places(&[]).1;
    let (code, of_a) = places(&["--select", "a"]);
    assert_eq!(code, Some(1));
    assert!(of_a.contains(&"models/a.sql UNKNOWN_REF".to_owned()), "{of_a:?}");
    assert!(of_a.iter().all(|it| !it.contains("b.sql") && !it.contains("macros/")), "{of_a:?}");
    // An entry of nobody stands in the file that describes the model.
    assert!(all.iter().any(|it| it.starts_with("models/ab.yml")), "{all:?}");
    assert!(of_a.iter().any(|it| it.starts_with("models/ab.yml")), "{of_a:?}");
    let (code, of_c) = places(&["--select", "c"]);
    assert_eq!((code, of_c.iter().filter(|it| it.starts_with("models/ab.yml")).count()), (Some(0), 0), "{of_c:?}");
    // The rules saw all of the project: b is there for c.
    assert!(of_c.iter().all(|it| !it.contains("UNKNOWN_REF")), "{of_c:?}");
    assert!(places(&["--select", "+c"]).1.contains(&"models/b.sql UNKNOWN_REF".to_owned()));
    assert_eq!(places(&["--exclude", "a", "b"]).1.iter().filter(|it| it.contains("UNKNOWN_REF")).count(), 0);
    assert_eq!(places(&["models/a.sql", "--select", "b"]).1, Vec::<String>::new());
}
