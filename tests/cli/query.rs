//! `harness query` and `harness explain` as a user starts them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.current_dir(fixture("two_tenants")).args(arguments);
    command.env_remove("DBT_PROFILES_DIR").env("HOME", "/nowhere");
    command
}

fn harness(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn answer(arguments: &[&str]) -> String {
    let (code, out, err) = harness(arguments);
    assert_eq!(code, 0, "{err}");
    out
}

#[test]
fn a_question_prints_its_variables_as_columns_and_counts_on_standard_error() {
    let (code, out, err) = harness(&["query", r#"layer(m, "marts"), tenant(m, "south")"#]);
    assert_eq!((code, out.as_str()), (0, "m\ncustoms_clearances\n"));
    assert_eq!(err, "harness: 1 row\n");
}

#[test]
fn the_formats_say_the_same_and_ids_are_given_where_asked_for() {
    let question = r#"layer(m, l), tenant(m, "south"), l = "marts""#;
    assert_eq!(answer(&["query", question, "--format", "csv"]), "m,l\ncustoms_clearances,marts\n");
    let json = answer(&["query", question, "--format", "json", "--ids"]);
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    let id = rows[0]["m"].as_str().unwrap().to_owned();
    assert!(id.starts_with("model.") && id.ends_with(".customs_clearances"));
    assert_eq!(answer(&["query", question, "--format", "ndjson", "--ids"]).trim(), rows[0].to_string());
    // A quoted text where a node is expected is its unique_id.
    assert_eq!(answer(&["query", &format!(r#"layer("{id}", l)"#)]), "l\nmarts\n");
    assert_eq!(answer(&["query", r#"layer("model.no.such", l)"#, "--format", "json"]), "[]\n");
}

#[test]
fn sort_and_top_choose_what_is_printed() {
    let readers = "ref(_, p), n = count : { ref(_, p) }";
    let all = answer(&["query", readers, "--format", "csv"]);
    let most = answer(&["query", readers, "--sort=-n", "--top", "1", "--format", "csv"]);
    let largest = all.lines().skip(1).filter_map(|line| line.rsplit(',').next()?.parse::<u32>().ok()).max();
    assert_eq!(most.lines().nth(1).and_then(|line| line.rsplit(',').next()?.parse().ok()), largest);
    assert_eq!(most.lines().count(), 2);
    // Proofs are of the rows that would be printed.
    let proved = answer(&["query", readers, "--sort=-n", "--top", "1", "--explain"]);
    let named = most.lines().nth(1).and_then(|line| line.split(',').next()).unwrap_or_default();
    assert!(proved.starts_with(&format!("answer({named}, ")), "{proved}");
    let (code, _, err) = harness(&["query", readers, "--sort", "m"]);
    assert_eq!(code, 2);
    assert!(err.contains("no column 'm'") && err.contains("p, n"), "{err}");
}

#[test]
fn a_program_can_stand_in_a_file_and_take_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("by_layer.dl");
    std::fs::write(&path, "// models of a layer\nof(m) :- layer(m, $layer), tenant(m, $tenant).\n").unwrap();
    let path = path.to_str().unwrap();
    let out = answer(&["query", "-f", path, "--arg", "layer=marts", "--arg", "tenant=south"]);
    assert_eq!(out, "m\ncustoms_clearances\n");
    let (code, _, err) = harness(&["query", "-f", path, "--arg", "layer=marts"]);
    assert_eq!(code, 2);
    assert!(err.contains("by_layer.dl:2:") && err.contains("--arg tenant=value"), "{err}");
}

#[test]
fn a_named_question_takes_its_parameters_behind_it() {
    let list = answer(&["query"]);
    assert!(list.contains("readers <node>"), "{list}");
    assert!(answer(&["query", "readers", "stg_portcalls__arrivals"]).contains("dashboard_app__arrivals"));
    for (arguments, told) in [
        (vec!["query", "readers"], "needs a node"),
        (vec!["query", "readers", "a", "b"], "takes 1 values, and 2 are given"),
        (vec!["query", "reader", "a"], "Did you mean readers?"),
        (vec!["query", "readers", "nosuch"], "no node is called 'nosuch'"),
        (vec!["query", "ref(a, b)", "layer(a, l)"], "one pair of quotes"),
    ] {
        let (code, _, err) = harness(&arguments);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(told), "{err}");
    }
}

#[test]
fn a_wrong_question_is_told_with_place_excerpt_and_remedy() {
    let (code, out, err) = harness(&["query", "ref(c, p), layr(p, l)"]);
    assert_eq!((code, out.as_str()), (2, ""));
    insta::assert_snapshot!(err, @r"
    query:1:12: no relation is called 'layr'.
      | ref(c, p), layr(p, l)
      |            ^^^^
      → Did you mean 'layer'? `harness relations` lists all of them.
    ");
}

#[test]
fn what_would_run_for_ever_is_ended_by_its_limits() {
    let (code, _, err) = harness(&["query", "p(0). p(n + 1) :- p(n).", "--timeout", "0.2"]);
    assert_eq!(code, 2);
    assert!(err.contains("ended after 0.2 seconds") && err.contains("--timeout"), "{err}");
    let (code, _, err) = harness(&["query", "p(0). p(n + 1) :- p(n).", "--max-memory", "1"]);
    assert_eq!(code, 2);
    assert!(err.contains("more than 1 MB"), "{err}");
    let (code, _, err) = harness(&["query", "node(id: x), node(id: y)", "--max-rows", "10"]);
    assert_eq!(code, 2);
    assert!(err.contains("--max-rows 10"), "{err}");
}

#[cfg(unix)]
#[test]
fn interrupting_ends_with_130() {
    let endless = ["query", "p(0). p(n + 1) :- p(n).", "--max-memory", "100000"];
    let child = command(&endless).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
}

#[test]
fn findings_can_be_read_as_any_relation() {
    let out = answer(&["query", r#"finding(rule: "CROSS_TENANT", node: m, severity: s)"#]);
    assert!(out.starts_with("m") && out.contains("error"), "{out}");
}

#[test]
fn a_finding_is_explained_by_its_place_and_by_the_beginning_of_its_fingerprint() {
    let by_place = answer(&["explain", "models/north/applications/dashboard/dashboard_app__arrivals.sql:3"]);
    insta::assert_snapshot!(by_place);
    let digits = by_place.split('#').nth(1).unwrap().get(..6).unwrap().to_owned();
    assert_eq!(answer(&["explain", &digits]), by_place);
    let json = answer(&["explain", &digits, "--format", "json"]);
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(tree["relation"], "finding");
    let premises = tree["premises"][0]["premises"].as_array().unwrap();
    let kinds: Vec<&str> = premises.iter().map(|premise| premise["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["fact", "fact", "fact", "setting", "setting", "absence"]);
    assert_eq!((&premises[0]["line"], &premises[0]["column"]), (&3.into(), &22.into()));
}

#[test]
fn a_rule_is_explained_by_what_its_file_says() {
    let out = answer(&["explain", "cross-tenant"]);
    assert!(out.starts_with("CROSS_TENANT (error, group dependencies)") && out.contains("**Why it matters.**"));
    let (code, _, err) = harness(&["explain", "CROS_TENANT"]);
    assert_eq!(code, 2);
    assert!(err.contains("Did you mean CROSS_TENANT?"), "{err}");
    let (code, _, err) = harness(&["explain", "models/north/nothing.sql:1"]);
    assert_eq!(code, 2);
    assert!(err.contains("no finding is at"), "{err}");
}

#[test]
fn why_an_answer_holds_is_printed_as_a_tree() {
    let out = answer(&["query", "reaches(@dashboard_app__arrivals, @stg_portcalls__berths)", "--explain"]);
    insta::assert_snapshot!(out);
}
