//! What a team with old findings does: park them in a baseline, excuse single ones, and let a script or
//! a hook stop what is new.

use crate::program::{code, copy, err, harness, out, write};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const FILE: &str = "harness-baseline.ndjson";

fn read(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap()
}

/// A copy of a fixture with errors, warnings and infos.
fn harbour() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/two_tenants"), folder.path());
    folder
}

/// A project with one model that reads two which are not there.
fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(
        folder.path(),
        "models/orders.sql",
        "select * from {{ ref('customers') }}\nunion all\nselect * from {{ ref('payments') }}\n",
    );
    folder
}

fn parked(folder: &Path) {
    let output = harness(folder, &["check", "--write-baseline"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
}

/// What a check with more options gives, as JSON.
fn check(folder: &Path, more: &[&str]) -> Value {
    let output = harness(folder, &[&["check", "--format", "json"], more].concat());
    assert!(code(&output) < 2, "{}", err(&output));
    serde_json::from_str(&out(&output)).unwrap()
}

/// How many findings there are without a baseline.
fn findings(folder: &Path) -> usize {
    check(folder, &[])["findings"].as_array().unwrap().len()
}

/// `RULE status` of each finding.
fn found(document: &Value) -> Vec<String> {
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|it| format!("{} {}", text(it, "rule"), text(it, "status"))).collect()
}

fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    let settings =
        ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.autocrlf=false", "-c", "init.defaultBranch=main"];
    command.current_dir(folder).args(settings).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap()
}

fn commit(folder: &Path, message: &str) {
    assert!(git(folder, &["add", "-A"]).status.success());
    assert!(git(folder, &["commit", "-q", "-m", message]).status.success());
}

// ---- the baseline

#[test]
fn a_baseline_parks_what_is_there_and_lets_through_what_is_new() {
    let folder = harbour();
    let folder = folder.path();
    let all = findings(folder);
    let output = harness(folder, &["check", "--write-baseline"]);
    assert_eq!((code(&output), out(&output).as_str()), (0, ""));
    let told = format!("{all} findings written to harness-baseline.ndjson");
    assert!(err(&output).contains(&told), "{}", err(&output));
    let output = harness(folder, &["check", "--baseline", FILE, "--fail-on", "info"]);
    assert_eq!(code(&output), 0);
    let told = format!("No new findings; 15 models checked, 25 files read; 0 fixed, {all} old not shown.\n");
    assert_eq!(out(&output), told);

    write(folder, "models/north/marts/operations/new.sql", "select * from {{ ref('nowhere') }}\n");
    let output = harness(folder, &["check", "--baseline", FILE]);
    assert_eq!(code(&output), 1);
    assert!(out(&output).contains("[UNKNOWN_REF]") && !out(&output).contains("CROSS_TENANT"), "{}", out(&output));
    assert!(out(&output).contains("1 error") && out(&output).contains(" in 1 file"), "{}", out(&output));

    let document = check(folder, &["--baseline", FILE]);
    let statuses = found(&document);
    assert_eq!(statuses.iter().filter(|it| it.ends_with(" old")).count(), all);
    assert!(statuses.contains(&"UNKNOWN_REF new".to_owned()), "{statuses:?}");
    let summary = &document["summary"];
    assert_eq!((&summary["errors"], &summary["old"], &summary["fixed"]), (&1.into(), &all.into(), &0.into()));
}

#[test]
fn without_a_baseline_option_the_file_changes_nothing() {
    let folder = harbour();
    let before = harness(folder.path(), &["check", "--format", "json"]).stdout;
    parked(folder.path());
    assert_eq!(harness(folder.path(), &["check", "--format", "json"]).stdout, before);
}

#[test]
fn what_is_parked_stays_parked_when_lines_move_files_move_and_texts_are_formatted() {
    let folder = harbour();
    let folder = folder.path();
    let all = findings(folder);
    parked(folder);
    let moved = "models/north/marts/operations/berth_calendar.sql";
    let text = read(folder, moved);
    fs::remove_file(folder.join(moved)).unwrap();
    write(
        folder,
        "models/north/marts/harbour/berth_calendar.sql",
        &format!("-- Days.\r\n\r\n{}", text.replace('\n', "\r\n")),
    );
    let other = "models/south/marts/customs/customs_clearances.sql";
    write(folder, other, &read(folder, other).replace("{{ ref(", "\n\n    {{ref( ").replace("from", "FROM"));
    let document = check(folder, &["--baseline", FILE]);
    let new: Vec<String> = found(&document).into_iter().filter(|it| it.ends_with(" new")).collect();
    assert!(new.is_empty(), "{new:?}");
    assert_eq!(document["summary"]["old"], all);
}

#[test]
fn a_baseline_is_written_the_same_whatever_the_order_and_read_with_the_line_ends_of_windows() {
    let folder = harbour();
    let folder = folder.path();
    let all = findings(folder);
    parked(folder);
    let first = read(folder, FILE);
    let lines: Vec<&str> = first.lines().collect();
    assert_eq!(lines[0], "{\"harness_baseline\":1}");
    assert!(lines[1..].is_sorted() && lines[1].starts_with("{\"fingerprint\":\""), "{first}");
    parked(folder);
    assert_eq!(read(folder, FILE), first);
    write(folder, FILE, &format!("\u{feff}{}", first.replace('\n', "\r\n")));
    assert_eq!(check(folder, &["--baseline", FILE])["summary"]["old"], all);
    let leftovers: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".part"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn names_beyond_ascii_are_written_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "models/été.sql", "select * from {{ ref('表') }}\n");
    parked(folder.path());
    assert!(read(folder.path(), FILE).contains("\"node\":\"model.shop.été\",\"subject\":[\"model.shop.été\",\"表\"]"));
    assert_eq!(found(&check(folder.path(), &["--baseline", FILE])), ["UNKNOWN_REF old"]);
}

#[test]
fn the_file_may_lie_elsewhere_and_is_found_from_where_one_stands_and_from_the_project() {
    let folder = harbour();
    let folder = folder.path();
    let all = findings(folder);
    fs::create_dir(folder.join("ci")).unwrap();
    let output = harness(folder, &["check", "--write-baseline", "--baseline", "ci/old.ndjson"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(!folder.join(FILE).exists());
    assert_eq!(check(folder, &["--baseline", "ci/old.ndjson"])["summary"]["old"], all);
    assert_eq!(check(&folder.join("models"), &["--baseline", "../ci/old.ndjson"])["summary"]["old"], all);
    assert_eq!(check(&folder.join("models"), &["--baseline", "ci/old.ndjson"])["summary"]["old"], all);
    let from_below = harness(&folder.join("models"), &["check", "--write-baseline"]);
    assert_eq!(code(&from_below), 0);
    assert!(folder.join(FILE).is_file());
}

#[test]
fn a_baseline_that_cannot_be_trusted_stops_the_run_with_its_place() {
    let folder = shop();
    let folder = folder.path();
    parked(folder);
    let good = read(folder, FILE);
    let header = "{\"harness_baseline\":1}\n";
    for (text, line, what) in [
        (good.replacen('\n', "\n<<<<<<< HEAD\n", 1), 2, "conflict marks"),
        (format!("{good}=======\n"), 4, "conflict marks"),
        (good.replacen('1', "7", 1), 1, "version 7"),
        (good.replacen(header, "", 1), 1, "is no baseline"),
        (String::new(), 1, "is empty"),
        (format!("{good}{{\"fingerprint\":\n"), 4, "no JSON object"),
        (format!("{good}{{\"fingerprint\":\"XYZ\",\"rule\":\"A\"}}\n"), 4, "16 hex digits"),
        (format!("{header}{{\"fingerprint\":\"00000000000000aa\"}}\n"), 2, "no \"rule\""),
    ] {
        write(folder, FILE, &text);
        let output = harness(folder, &["check", "--baseline", FILE]);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{text}");
        let told = err(&output);
        assert!(
            told.starts_with(&format!("{FILE}:{line}: ")) && told.contains(what) && told.contains("→"),
            "{text}\n{told}"
        );
    }
    fs::write(folder.join(FILE), [0xff, 0xfe, b'{', 0]).unwrap();
    let output = harness(folder, &["check", "--baseline", FILE]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("not UTF-8"), "{}", err(&output));
    for missing in ["nowhere.ndjson", "models"] {
        let output = harness(folder, &["check", "--baseline", missing]);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{missing}");
        assert!(err(&output).contains(missing) && err(&output).contains("→"), "{}", err(&output));
    }
}

#[test]
fn a_broken_baseline_can_be_written_anew() {
    let folder = shop();
    write(folder.path(), FILE, "<<<<<<< HEAD\n");
    parked(folder.path());
    assert_eq!(check(folder.path(), &["--baseline", FILE])["summary"]["old"], 2);
}

#[test]
fn what_stands_twice_in_a_baseline_counts_once() {
    let folder = shop();
    parked(folder.path());
    let good = read(folder.path(), FILE);
    write(folder.path(), FILE, &format!("{good}\n{good}"));
    assert_eq!(check(folder.path(), &["--baseline", FILE])["summary"]["old"], 2);
}

#[test]
fn a_part_of_the_project_is_never_written_as_if_it_were_all() {
    let folder = harbour();
    parked(folder.path());
    let before = read(folder.path(), FILE);
    for more in [&["models/south"][..], &["--rule", "CYCLE"], &["--skip-rule", "CYCLE"]] {
        let output = harness(folder.path(), &[&["check", "--write-baseline"], more].concat());
        assert_eq!((code(&output), out(&output).as_str()), (2, ""), "{more:?}");
        assert!(err(&output).contains("whole project") && err(&output).contains("→"), "{}", err(&output));
    }
    assert_eq!(read(folder.path(), FILE), before);
}

#[test]
fn a_baseline_that_cannot_be_written_is_told() {
    let folder = shop();
    let output = harness(folder.path(), &["check", "--write-baseline", "--baseline", "dbt_project.yml/old.ndjson"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("cannot be written") && err(&output).contains("→"), "{}", err(&output));
}

#[test]
fn an_entry_that_nothing_needs_is_told_where_the_whole_project_was_checked() {
    let folder = shop();
    let folder = folder.path();
    parked(folder);
    let line = 1 + read(folder, FILE).lines().position(|line| line.contains("payments")).unwrap();
    write(folder, "models/orders.sql", "select * from {{ ref('customers') }}\n");
    let document = check(folder, &["--baseline", FILE]);
    assert_eq!(found(&document), ["STALE_BASELINE new", "UNKNOWN_REF old"]);
    assert_eq!((&document["findings"][0]["path"], &document["findings"][0]["line"]), (&FILE.into(), &line.into()));
    assert_eq!(document["findings"][0]["subject"].as_array().unwrap().len(), 1);
    assert_eq!(document["summary"]["fixed"], 1);
    // Neither what was not asked for nor what does not stand in PATHS is judged.
    for more in [&["--rule", "UNKNOWN_REF"][..], &["--skip-rule", "UNKNOWN_REF"], &["models"]] {
        let found = found(&check(folder, &[&["--baseline", FILE], more].concat()));
        assert!(!found.iter().any(|it| it.starts_with("STALE")), "{more:?} {found:?}");
    }
    write(folder, "harness.yml", "rules: {UNKNOWN_REF: off}\n");
    assert!(found(&check(folder, &["--baseline", FILE])).is_empty());
    write(folder, "harness.yml", "rules: {STALE_BASELINE: error}\n");
    assert_eq!(code(&harness(folder, &["check", "--baseline", FILE])), 1);
    // It is not a finding to live with.
    write(folder, "harness.yml", "");
    parked(folder);
    assert_eq!(read(folder, FILE).lines().count(), 2);
}

#[test]
fn two_branches_may_both_write_the_baseline() {
    let folder = shop();
    let folder = folder.path();
    assert!(git(folder, &["init", "-q"]).status.success());
    parked(folder);
    commit(folder, "one");
    for (branch, name) in [("left", "a"), ("right", "b")] {
        assert!(git(folder, &["checkout", "-q", "-b", branch, "main"]).status.success());
        write(folder, &format!("models/{name}.sql"), "select * from {{ ref('gone') }}\n");
        parked(folder);
        commit(folder, branch);
    }
    let merged = git(folder, &["merge", "-q", "-m", "m", "left"]);
    if !merged.status.success() {
        let output = harness(folder, &["check", "--baseline", FILE]);
        assert_eq!(code(&output), 2);
        assert!(err(&output).contains("conflict marks"), "{}", err(&output));
        assert!(git(folder, &["merge", "--abort"]).status.success());
        // What its remedy says.
        write(folder, ".gitattributes", "harness-baseline.ndjson merge=union\n");
        commit(folder, "attributes");
        assert!(git(folder, &["merge", "-q", "-m", "m", "left"]).status.success());
    }
    let document = check(folder, &["--baseline", FILE]);
    // Two of the four lines are readers of one missing name.
    assert_eq!((&document["summary"]["old"], &document["summary"]["errors"]), (&3.into(), &0.into()));
}

// ---- excuses

#[test]
fn what_is_excused_is_counted_and_does_not_fail() {
    let folder = shop();
    let folder = folder.path();
    write(
        folder,
        "models/orders.sql",
        "select * from {{ ref('customers') }} -- harness: ignore[UNKNOWN_REF] comes with release 7\n\
         union all\n{# harness: ignore[unknown-ref] so does this #}\nselect * from {{ ref('payments') }}\n",
    );
    let output = harness(folder, &["check"]);
    assert_eq!(
        (code(&output), out(&output).as_str()),
        (0, "No findings; 1 model checked, 2 files read; 2 findings suppressed.\n")
    );
    let document = check(folder, &[]);
    assert_eq!((&document["summary"]["suppressed"], found(&document).len()), (&2.into(), 0));
    // Who asks why gets an answer all the same.
    assert_eq!(code(&harness(folder, &["explain", "models/orders.sql:1"])), 0);
    // It is not parked as well.
    parked(folder);
    assert_eq!(read(folder, FILE).lines().count(), 1);
    let narrowed = check(folder, &["dbt_project.yml"]);
    assert_eq!(narrowed["summary"]["suppressed"], 0);
}

#[test]
fn an_excuse_ends_with_its_day() {
    let folder = shop();
    let folder = folder.path();
    write(
        folder,
        "models/orders.sql",
        "select * from {{ ref('customers') }} -- harness: ignore[UNKNOWN_REF] until 2027-01-31 release 7\n",
    );
    let on = |day: &str| found(&check(folder, &["--today", day]));
    assert!(on("2027-01-31").is_empty());
    assert_eq!(on("2027-02-01"), ["UNKNOWN_REF new", "UNUSED_SUPPRESSION new"]);
    assert_eq!(code(&harness(folder, &["check", "--today", "tomorrow"])), 2);
}

#[test]
fn a_file_that_cannot_be_read_may_be_excused_in_sql_and_in_yaml() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "dbt_project.yml", "name: shop\n");
    write(folder, "models/a.sql", "select 1\n-- harness: ignore[PARSE_ERROR] a draft\n{% endif %}\n");
    write(folder, "models/a.yml", "# harness: ignore[PARSE_ERROR] a draft\nmodels:\n  - name: a\n    tags: [daily\n");
    let document = check(folder, &[]);
    assert!(found(&document).is_empty(), "{document}");
    assert_eq!(document["summary"]["suppressed"], 2);
    // They are still not understood.
    assert_eq!(document["summary"]["not_understood"], 2);
}

#[test]
fn a_comment_at_or_above_an_entry_of_yaml_excuses_what_stands_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "dbt_project.yml", "name: shop\n");
    write(folder, "models/a.sql", "select 1 as id\n");
    let yaml = |above: &str, at: &str, below: &str| {
        format!(
            "models:\n{above}  - name: a{at}\n    columns:\n      - name: id\n        tests:\n          \
             - relationships: {{to: ref('gone'), field: id}}{below}\n  - name: a2\n"
        )
    };
    let excuse = "# harness: ignore[UNKNOWN_REF] comes with release 7";
    for (text, suppressed) in [
        (yaml("", "", ""), 0),
        (yaml(&format!("  {excuse}\n"), "", ""), 1),
        (yaml("", &format!("  {excuse}"), ""), 1),
        (yaml("", "", &format!("  {excuse}")), 1),
        (format!("{}    {excuse}\n    description: x\n", yaml("", "", "")), 0),
    ] {
        write(folder, "models/a.yml", &text);
        let document = check(folder, &[]);
        assert_eq!(document["summary"]["suppressed"], suppressed, "{text}");
        let unused = found(&document).iter().filter(|it| it.starts_with("UNUSED")).count();
        assert_eq!(unused, usize::from(text.contains("harness") && suppressed == 0), "{text}");
    }
}

#[test]
fn meta_excuses_a_model_a_column_a_source_and_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let none = |meta: &str| format!("name: shop\nmodels:\n  shop:\n    old:\n      +meta: {meta}\n");
    let orders = "select * from {{ ref('customers') }}\n";
    write(folder, "dbt_project.yml", "name: shop\n");
    write(folder, "models/old/orders.sql", orders);
    assert_eq!(found(&check(folder, &[])), ["UNKNOWN_REF new"]);

    write(folder, "dbt_project.yml", &none("{harness: {ignore: [UNKNOWN_REF]}}"));
    assert_eq!(check(folder, &[])["summary"]["suppressed"], 1);
    // What another key of meta says takes nothing away.
    write(folder, "models/old/orders.yml", "models:\n  - name: orders\n    meta: {owner: ann}\n");
    assert_eq!(check(folder, &[])["summary"]["suppressed"], 1);

    write(folder, "dbt_project.yml", "name: shop\n");
    for entry in [
        "    meta: {harness: {ignore: UNKNOWN_REF}}\n",
        "    meta: {harness: {ignore: [{rule: UNKNOWN_REF, reason: soon, until: 2027-01-31}]}}\n",
        "    config: {meta: {harness: {ignore: [unknown-ref]}}}\n",
    ] {
        write(folder, "models/old/orders.yml", &format!("models:\n  - name: orders\n{entry}"));
        let document = check(folder, &["--today", "2026-01-01"]);
        assert_eq!((&document["summary"]["suppressed"], found(&document).len()), (&1.into(), 0), "{entry}");
    }
    let late = check(folder, &["--today", "2028-01-01"]);
    assert_eq!(late["summary"]["suppressed"], 1, "the last of them has no day");
    write(folder, "models/old/orders.yml", "");
    write(
        folder,
        "models/old/orders.sql",
        &format!("{{{{ config(meta={{'harness': {{'ignore': ['UNKNOWN_REF']}}}}) }}}}\n{orders}"),
    );
    assert_eq!(check(folder, &[])["summary"]["suppressed"], 1);
}

#[test]
fn a_family_may_be_excused_as_a_whole_or_by_one_of_its_members() {
    let folder = harbour();
    let folder = folder.path();
    let path = "models/north/staging/portcalls/stg_portcalls__tugs.sql";
    let text = read(folder, path);
    let missing = |document: &Value| -> Vec<String> {
        found(document).into_iter().filter(|it| it.starts_with("CTE_MISSING")).collect()
    };
    assert_eq!(missing(&check(folder, &[path])), ["CTE_MISSING_ENHANCED new", "CTE_MISSING_FILTERED new"]);
    for name in ["CTE_MISSING_*", "CTE_MISSING_{CTE}", "cte-missing-*"] {
        write(folder, path, &text.replace("with source", &format!("-- harness: ignore[{name}] a lookup\nwith source")));
        let document = check(folder, &[path]);
        assert_eq!((missing(&document).len(), &document["summary"]["suppressed"]), (0, &2.into()), "{name}");
    }
    let one = "with source as ( -- harness: ignore[CTE_MISSING_FILTERED, CTE_MISSING_FINAL] a lookup\n";
    write(folder, path, &text.replace("with source as (\n", one));
    let document = check(folder, &[path]);
    assert_eq!(missing(&document), ["CTE_MISSING_ENHANCED new"]);
    let unused: Vec<&Value> =
        document["findings"].as_array().unwrap().iter().filter(|it| it["rule"] == "UNUSED_SUPPRESSION").collect();
    assert_eq!((unused.len(), &unused[0]["subject"][0]), (1, &"CTE_MISSING_FINAL".into()));
    write(folder, "harness.yml", &read(folder, "harness.yml").replace("rules: {", "rules: {CTE_MISSING_FINAL: off, "));
    assert!(!found(&check(folder, &[path])).contains(&"UNUSED_SUPPRESSION new".to_owned()));
}

#[test]
fn above_all_code_a_comment_speaks_of_the_file_as_a_whole() {
    let folder = harbour();
    let folder = folder.path();
    let path = "models/north/staging/portcalls/stg_portcalls__pilots.sql";
    let text = read(folder, path);
    let of_file = |text: &str| {
        write(folder, path, text);
        found(&check(folder, &[path])).into_iter().any(|it| it == "CTE_PATTERN new")
    };
    assert!(of_file(&text));
    assert!(!of_file(&format!("-- Pilots.\n-- harness: ignore[CTE_PATTERN] a lookup\n\n{text}")));
    assert!(!of_file(&format!("{{#- harness: ignore[CTE_PATTERN] a lookup -#}}\n{text}")));
    assert!(of_file(&format!("{text}-- harness: ignore[CTE_PATTERN] a lookup\n")));
}

#[test]
fn what_excuses_nothing_is_not_judged_where_its_rule_did_not_run() {
    let folder = shop();
    let folder = folder.path();
    write(folder, "models/orders.sql", "-- harness: ignore[UNKNOWN_REF] gone\nselect 1 as id\n");
    assert_eq!(found(&check(folder, &[])), ["UNUSED_SUPPRESSION new"]);
    assert_eq!(found(&check(folder, &["--rule", "unused-suppression"])), ["UNUSED_SUPPRESSION new"]);
    assert!(found(&check(folder, &["--rule", "UNKNOWN_REF"])).is_empty());
    assert!(found(&check(folder, &["--skip-rule", "UNKNOWN_REF"])).is_empty());
    write(folder, "harness.yml", "rules: {UNKNOWN_REF: off}\n");
    assert!(found(&check(folder, &[])).is_empty());
    write(folder, "harness.yml", "rules: {UNUSED_SUPPRESSION: off}\n");
    assert!(found(&check(folder, &[])).is_empty());
}

#[test]
fn where_a_path_switches_a_rule_off_what_excuses_nothing_and_what_is_parked_are_not_judged() {
    let folder = shop();
    let folder = folder.path();
    parked(folder);
    write(folder, "models/other.sql", "-- harness: ignore[UNKNOWN_REF] gone\nselect 1 as id\n");
    let off = |paths: &str| format!("overrides:\n  - paths: [\"{paths}\"]\n    rules: {{UNKNOWN_REF: off}}\n");
    write(folder, "harness.yml", &off("models/**"));
    assert!(found(&check(folder, &["--baseline", FILE])).is_empty());
    write(folder, "harness.yml", &off("models/orders.sql"));
    assert_eq!(found(&check(folder, &["--baseline", FILE])), ["UNUSED_SUPPRESSION new"]);
}

#[test]
fn a_house_may_demand_reasons() {
    let folder = shop();
    let folder = folder.path();
    let excused =
        |reason: &str| format!("select * from {{{{ ref('gone') }}}} -- harness: ignore[UNKNOWN_REF]{reason}\n");
    write(folder, "models/orders.sql", &excused(""));
    assert!(found(&check(folder, &[])).is_empty());
    write(folder, "harness.yml", "rules: {UNUSED_SUPPRESSION: {options: {require_reason: true}}}\n");
    assert_eq!(found(&check(folder, &[])), ["UNUSED_SUPPRESSION new"]);
    write(folder, "models/orders.sql", &excused(" comes with release 7"));
    assert!(found(&check(folder, &[])).is_empty());
}

#[test]
fn an_excuse_that_comes_and_goes_may_excuse_itself() {
    let folder = shop();
    write(
        folder.path(),
        "models/orders.sql",
        "-- harness: ignore[UNKNOWN_REF, UNUSED_SUPPRESSION] by target\nselect 1 as id\n",
    );
    assert!(found(&check(folder.path(), &[])).is_empty());
}

// ---- scripts

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name)
}

fn bash(folder: &Path, name: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new("bash");
    command.current_dir(folder).arg(script(name)).args(arguments).env("HARNESS", env!("CARGO_BIN_EXE_harness"));
    command.env_remove("DBT_PROFILES_DIR").env("HOME", "/nowhere");
    // The form for agents, which the hook asks for, comes with another build.
    if !out(&harness(folder, &["check", "--help"])).contains("agent") {
        command.env("HARNESS_FORMAT", "text");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
#[cfg(unix)]
fn the_ci_script_stops_what_is_new_and_nothing_else() {
    let repo = tempfile::tempdir().unwrap();
    let repo = repo.path();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/two_tenants"), &repo.join("warehouse"));
    assert!(git(repo, &["init", "-q"]).status.success());
    commit(repo, "as it was");
    assert_eq!(code(&bash(repo, "ci-check.sh", &["warehouse"], "")), 1);
    parked(&repo.join("warehouse"));
    commit(repo, "the baseline");

    let clean = bash(repo, "ci-check.sh", &["warehouse"], "");
    assert_eq!(code(&clean), 0, "{}", out(&clean));
    assert!(out(&clean).starts_with("No new findings"), "{}", out(&clean));

    write(repo, "warehouse/models/south/marts/customs/fees.sql", "select * from {{ ref('port_calls') }}\n");
    commit(repo, "a mart of the other tenant");
    let stopped = bash(repo, "ci-check.sh", &["warehouse"], "");
    assert_eq!(code(&stopped), 1);
    assert!(
        out(&stopped).contains("[CROSS_TENANT]") && !out(&stopped).contains("customs_clearances"),
        "{}",
        out(&stopped)
    );
    let table = bash(repo, "ci-check.sh", &["warehouse", "--summary"], "");
    assert!(out(&table).starts_with("rule "), "{}", out(&table));

    write(repo, "warehouse/harness.yml", "ruels: {}\n");
    assert_eq!(code(&bash(repo, "ci-check.sh", &["warehouse"], "")), 2);
}

#[test]
#[cfg(unix)]
fn the_hook_tells_an_agent_of_what_its_edit_broke() {
    let repo = tempfile::tempdir().unwrap();
    let project = repo.path().join("ware house");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/two_tenants"), &project);
    parked(&project);
    let edited = project.join("models/south/marts/customs/customs_clearances.sql");
    let event = serde_json::json!({
        "hook_event_name": "PostToolUse", "tool_name": "Edit", "cwd": repo.path(),
        "tool_input": {"file_path": edited, "old_string": "\"a\"", "new_string": "b"}
    })
    .to_string();
    let well = bash(repo.path(), "agent-hook.sh", &[], &event);
    assert_eq!((code(&well), out(&well), err(&well)), (0, String::new(), String::new()));

    let text = fs::read_to_string(&edited).unwrap();
    fs::write(&edited, format!("{text}\n-- {{{{ ref('nowhere') }}}}\n")).unwrap();
    for output in [
        bash(repo.path(), "agent-hook.sh", &[], &event),
        bash(repo.path(), "agent-hook.sh", &[edited.to_str().unwrap(), edited.to_str().unwrap()], ""),
        bash(repo.path(), "agent-hook.sh", &["ware house/models/gone.sql"], ""),
    ] {
        assert_eq!((code(&output), out(&output).as_str()), (2, ""));
        assert_eq!(err(&output).matches(" UNKNOWN_REF#").count(), 1, "{}", err(&output));
        assert!(!err(&output).contains("CROSS_TENANT"), "{}", err(&output));
    }

    // What is no file of a dbt project is none of its business.
    for input in ["{\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"ls\"}}", "{}"] {
        assert_eq!(code(&bash(repo.path(), "agent-hook.sh", &[], input)), 0, "{input}");
    }
    assert_eq!(code(&bash(repo.path(), "agent-hook.sh", &["README.txt", "/a/b.sql"], "")), 0);
    // A hook that fails does not stop the agent.
    assert_eq!(code(&bash(repo.path(), "agent-hook.sh", &[], "no json")), 1);
    fs::write(project.join("harness.yml"), "ruels: {}\n").unwrap();
    let failed = bash(repo.path(), "agent-hook.sh", &[edited.to_str().unwrap()], "");
    assert_eq!(code(&failed), 1);
    assert!(err(&failed).contains("rules"), "{}", err(&failed));
}
