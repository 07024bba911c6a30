//! The program as a user starts it: exit codes, streams, options.

use crate::program::{code, err, fixture, harness, out, write};
use std::fs;

#[test]
fn errors_make_the_exit_code_1_and_fail_on_moves_the_line() {
    assert_eq!(code(&harness(&fixture("two_tenants"), &["check"])), 1);
    assert_eq!(code(&harness(&fixture("two_tenants"), &["check", "--fail-on", "never"])), 0);
    assert_eq!(code(&harness(&fixture("ordinary"), &["check"])), 0);
    assert_eq!(code(&harness(&fixture("ordinary"), &["check", "--fail-on", "warning"])), 1);
}

#[test]
fn the_text_is_the_plans_form() {
    let output = harness(&fixture("two_tenants"), &["check", "--rule", "DEPENDENCY_DIRECTION"]);
    insta::assert_snapshot!(out(&output));
}

#[test]
fn json_is_one_object_with_everything_in_it() {
    let output = harness(&fixture("ordinary"), &["check", "--format", "json"]);
    insta::assert_snapshot!(out(&output));
    let document: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(document["version"], 1);
}

#[test]
fn the_project_is_found_from_any_folder_below_it() {
    let from_below = harness(&fixture("ordinary").join("models/marts"), &["check", "--format", "json"]);
    let from_project = harness(&fixture("ordinary"), &["check", "--format", "json"]);
    assert_eq!(out(&from_below), out(&from_project));
}

#[test]
fn paths_narrow_what_is_reported_and_not_what_is_read() {
    let all = harness(&fixture("ordinary"), &["check", "models/staging", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out(&all)).unwrap();
    let paths: Vec<&str> =
        document["findings"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["models/staging/stg_rental__repairs.sql"]);
    assert_eq!(document["summary"]["models"], 20);
    let unknown = harness(&fixture("ordinary"), &["check", "models/nowhere"]);
    assert_eq!(code(&unknown), 2);
    assert!(err(&unknown).contains("models/nowhere"));
}

#[test]
fn a_rule_that_does_not_exist_is_an_error_with_a_suggestion() {
    let output = harness(&fixture("ordinary"), &["check", "--rule", "DEPENDENCY_DIRECTON"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("Did you mean DEPENDENCY_DIRECTION?"), "{}", err(&output));
    assert_eq!(out(&output), "");
}

#[test]
fn a_rule_runs_alone_and_another_can_be_left_out() {
    let alone = out(&harness(&fixture("two_tenants"), &["check", "--rule", "cross-tenant", "--summary"]));
    assert!(alone.contains("CROSS_TENANT") && !alone.contains("TAGS_MISSING"), "{alone}");
    let without = out(&harness(&fixture("two_tenants"), &["check", "--skip-rule", "CROSS_TENANT", "--summary"]));
    assert!(!without.contains("CROSS_TENANT") && without.contains("TAGS_MISSING"), "{without}");
    let member = out(&harness(&fixture("two_tenants"), &["check", "--rule", "CTE_MISSING_FILTERED", "--summary"]));
    assert!(member.contains("CTE_MISSING_FILTERED") && !member.contains("CTE_MISSING_ENHANCED"), "{member}");
}

#[test]
fn a_wrong_harness_yml_stops_the_run_and_names_each_place() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(
        folder.path(),
        "harness.yml",
        "extend: strict\nlayers:\n  staging: {reads: [sorce]}\nrules: {CYCEL: error}\n",
    );
    let output = harness(folder.path(), &["check"]);
    assert_eq!(code(&output), 2);
    assert_eq!(out(&output), "");
    insta::assert_snapshot!(err(&output));
}

#[test]
fn no_project_is_an_error_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let output = harness(folder.path(), &["check"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("no dbt_project.yml") && err(&output).contains("→"), "{}", err(&output));
    let output = harness(folder.path(), &["check", "--project-dir", "."]);
    assert_eq!(code(&output), 2);
}

#[test]
fn the_only_project_below_is_checked_and_several_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "repo/a/b/dbt/dbt_project.yml", "name: shop\n");
    write(folder.path(), "repo/a/b/dbt/models/m.sql", "select * from {{ ref('gone') }}\n");
    // Not the repo's own: what lies in a project, is installed or hidden.
    for other in ["a/b/dbt/integration_tests", "node_modules/x", ".venv/y", "dbt_packages/z"] {
        write(folder.path(), &format!("repo/{other}/dbt_project.yml"), "name: other\n");
    }
    let output = harness(folder.path(), &["check"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let note = "harness: no dbt_project.yml in this folder or above it; taking repo/a/b/dbt, the only project below\n";
    assert_eq!(err(&output).matches(note).count(), 1, "{}", err(&output));
    assert!(out(&output).contains("models/m.sql"), "{}", out(&output));
    assert_eq!(code(&harness(folder.path(), &["init"])), 0);
    assert!(folder.path().join("repo/a/b/dbt/harness.yml").exists());
    write(folder.path(), "repo/c/dbt_project.yml", "name: second\n");
    let output = harness(folder.path(), &["check"]);
    assert_eq!((code(&output), out(&output)), (2, String::new()));
    assert_eq!(
        err(&output),
        "harness: no dbt_project.yml in this folder or above it; 2 projects lie below: repo/a/b/dbt, repo/c.\n  \
         → Name one: --project-dir repo/a/b/dbt\n"
    );
}

#[test]
fn a_project_without_models_is_clean_and_says_where_they_were_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    let output = harness(folder.path(), &["check"]);
    let why = "harness: note: no model was found: model-paths of dbt_project.yml is 'models', which does not exist\n";
    assert_eq!((code(&output), err(&output)), (0, why.to_owned()));
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_back_up_is_a_finding_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "models/a.sql", "select * from {{ ref('nowhere') }}\n");
    std::os::unix::fs::symlink(folder.path().join("models"), folder.path().join("models/loop")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", folder.path().join("models/dangling.sql")).unwrap();
    let output = harness(folder.path(), &["check", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let rules: Vec<(&str, &str)> =
        findings.iter().map(|it| (it["path"].as_str().unwrap(), it["rule"].as_str().unwrap())).collect();
    assert_eq!(
        rules,
        [("models/a.sql", "UNKNOWN_REF"), ("models/dangling.sql", "PARSE_ERROR"), ("models/loop", "PARSE_ERROR")]
    );
}

#[test]
#[cfg(unix)]
fn a_folder_nobody_may_read_is_a_finding_and_the_rest_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "models/a.sql", "select * from {{ ref('nowhere') }}\n");
    write(folder.path(), "models/closed/b.sql", "select 1\n");
    let closed = folder.path().join("models/closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read_dir(&closed).is_ok();
    let output = harness(folder.path(), &["check"]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(out(&output).contains("UNKNOWN_REF"));
    // The superuser may read everything.
    assert!(readable || out(&output).contains("models/closed"), "{}", out(&output));
}

#[test]
fn a_file_over_the_limit_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "models/large.sql", &"-- comment\n".repeat(1_600_000));
    let output = harness(folder.path(), &["check"]);
    assert_eq!(code(&output), 1);
    assert!(out(&output).contains("larger than 16 MiB"), "{}", out(&output));
}

#[test]
fn the_house_rules_of_another_place_can_be_used() {
    let config = fixture("two_tenants").join("harness.yml");
    let output = harness(&fixture("ordinary"), &["check", "--config", config.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", out(&output));
    let output = harness(&fixture("ordinary"), &["check", "--config", "nowhere.yml"]);
    assert_eq!(code(&output), 2);
}

#[test]
fn a_profile_is_used_where_there_is_one_and_its_secrets_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\nprofile: shop\n");
    write(
        folder.path(),
        "models/a.sql",
        "{{ config(schema=target.name ~ target.type, alias=target.password) }} select 1\n",
    );
    write(
        folder.path(),
        "profiles/profiles.yml",
        "shop: {target: ci, outputs: {ci: {type: duckdb, schema: s, password: hush}, prod: {type: duckdb}}}\n",
    );
    let export = |more: &[&str]| {
        let mut arguments = vec!["export", "--format", "manifest", "--profiles-dir", "profiles"];
        arguments.extend(more);
        harness(folder.path(), &arguments)
    };
    let shown = out(&export(&[]));
    assert!(shown.contains("ciduckdb") && !shown.contains("hush"), "{shown}");
    assert!(out(&export(&["--target", "prod"])).contains("prodduckdb"));
    let wrong = export(&["--target", "nowhere"]);
    assert_eq!(code(&wrong), 2);
    assert!(err(&wrong).contains("Its targets are: ci, prod."), "{}", err(&wrong));
    let none = harness(folder.path(), &["check", "--profiles-dir", "elsewhere"]);
    assert_eq!(code(&none), 2);
}

#[test]
fn twenty_runs_print_the_same_bytes() {
    let first = harness(&fixture("two_tenants"), &["check", "--format", "json", "--threads", "1"]);
    for run in 0..20 {
        let threads = ["1", "2", "8"][run % 3];
        let again = harness(&fixture("two_tenants"), &["check", "--format", "json", "--threads", threads]);
        assert_eq!(again.stdout, first.stdout);
    }
}

#[test]
fn the_rules_are_listed_with_their_titles() {
    let output = harness(&fixture("ordinary"), &["rules"]);
    assert_eq!(code(&output), 0);
    insta::assert_snapshot!(out(&output));
}

#[test]
fn the_relations_are_listed_with_what_they_mean_and_how_many_rows_are_here() {
    let output = harness(&fixture("ordinary"), &["relations"]);
    assert_eq!(code(&output), 0);
    insta::assert_snapshot!(out(&output));
    let nowhere = tempfile::tempdir().unwrap();
    let output = harness(nowhere.path(), &["relations"]);
    let ruled = harness::query::library::embedded().unwrap().names().len()
        + harness::query::OF_THE_RUN.len()
        + harness::observe::ALL.len();
    // Between the two lists stand a title and two empty lines.
    assert_eq!((code(&output), out(&output).lines().count()), (0, harness::relations::ALL.len() + ruled + 3));
    let output = harness(&fixture("ordinary"), &["relations", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(list.as_array().unwrap().len(), harness::relations::ALL.len() + ruled);
}

#[test]
fn a_relation_that_rules_give_is_shown_with_their_file() {
    let output = harness(&fixture("ordinary"), &["relations", "reaches"]);
    assert_eq!(code(&output), 0);
    assert!(out(&output).starts_with("reaches(child, ancestor)\n"), "{}", out(&output));
    assert!(out(&output).ends_with("rules    queries/derived/reaches.dl\n"), "{}", out(&output));
    let output = harness(&fixture("ordinary"), &["relations", "stand_on"]);
    assert!(err(&output).contains("Did you mean stands_on?"), "{}", err(&output));
}

#[test]
fn one_relation_is_shown_with_its_columns_an_example_and_rows() {
    let output = harness(&fixture("ordinary"), &["relations", "node"]);
    assert_eq!(code(&output), 0);
    insta::assert_snapshot!(out(&output));
    let output = harness(&fixture("ordinary"), &["relations", "node", "--format", "json"]);
    let one: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(one["columns"][1], serde_json::json!({"name": "type", "type": "name"}));
    assert_eq!(one["first"].as_array().unwrap().len(), 3);
    let output = harness(&fixture("ordinary"), &["relations", "materialised"]);
    assert_eq!((code(&output), out(&output).as_str()), (2, ""));
    assert!(err(&output).contains("Did you mean materialized?"), "{}", err(&output));
}

#[test]
fn the_manifest_holds_the_edges() {
    let output = harness(&fixture("macros"), &["export", "--format", "manifest"]);
    let document: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    let parents = document["parent_map"].as_object().unwrap();
    let shown: Vec<String> = parents
        .iter()
        .map(|(child, parents)| {
            let parents: Vec<&str> = parents.as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
            format!("{child} <- {}", parents.join(", "))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}
