//! The questions with a name: each is whole, runs on every fixture, and three give what they should.

use harness::query::ask::{Question, embedded};
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.join("dbt_project.yml").is_file());
    all.sort();
    all
}

/// What `harness query` prints to both streams, and whether it ended well.
fn query(fixture: &Path, args: &[&str]) -> (String, String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    let output = command.arg("query").args(args).arg("--project-dir").arg(fixture).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.success())
}

fn rows(fixture: &str, args: &[&str]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
    let (out, err, is_well) = query(&folder, &[args, &["--format", "csv"]].concat());
    assert!(is_well, "{err}");
    out.lines().skip(1).map(str::to_owned).collect()
}

/// A value for each parameter that has no default; a node of the fixture where a node is asked for.
fn values(question: &Question, fixture: &Path) -> Vec<String> {
    let node = || {
        let program = r#"node(id: n, type: "model"), enabled(n)"#;
        let (out, err, is_well) = query(fixture, &[program, "--ids", "--format", "csv", "--top", "1"]);
        assert!(is_well, "{err}");
        out.lines().nth(1).unwrap_or_else(|| panic!("{} has no model", fixture.display())).to_owned()
    };
    let open = question.parameters.iter().filter(|parameter| parameter.default.is_none());
    open.map(|parameter| if parameter.node { node() } else { "select".to_owned() }).collect()
}

#[test]
fn every_question_has_a_title_and_prose_and_uses_its_parameters() {
    let questions = embedded().unwrap();
    assert!(questions.len() >= 15, "{}", questions.len());
    for question in questions {
        assert!(question.title.ends_with('?'), "{}: the title is a question", question.name);
        assert!(question.prose.ends_with('.'), "{}: has no prose", question.name);
        for parameter in &question.parameters {
            let is_used = question.program.contains(&format!("${}", parameter.name));
            assert!(is_used, "{}: ${} is not used", question.name, parameter.name);
            assert!(parameter.doc.ends_with('.'), "{}: ${} has no words", question.name, parameter.name);
        }
    }
}

#[test]
fn every_question_runs_on_every_fixture_without_a_word_of_warning() {
    for fixture in fixtures() {
        for question in embedded().unwrap() {
            let values = values(question, &fixture);
            let args: Vec<&str> =
                [question.name.as_str()].into_iter().chain(values.iter().map(String::as_str)).collect();
            let (out, err, is_well) = query(&fixture, &args);
            let context = format!("{} {args:?}\n{out}\n{err}", fixture.display());
            assert!(is_well && !err.contains("warning"), "{context}");
        }
    }
}

#[test]
fn readers_are_told_with_the_shortest_way_to_each() {
    let expected = [
        "berth_calendar,1",
        "int_arrivals_at_berths,1",
        "board_berths,2",
        "customs_clearances,2",
        "int_berth_days,2",
        "port_calls,2",
        "board_port_calls,3",
        "dashboard_app__arrivals,3",
    ];
    assert_eq!(rows("two_tenants", &["readers", "stg_portcalls__berths"]), expected);
}

#[test]
fn layers_are_counted_by_who_reads_whom() {
    let expected = [
        "marts,intermediate,12",
        "marts,marts,12",
        "intermediate,staging,8",
        "marts,staging,5",
        "intermediate,intermediate,4",
        "intermediate,marts,1",
        "staging,intermediate,1",
    ];
    assert_eq!(rows("ordinary", &["layer-edges"]), expected);
}

#[test]
fn the_longest_chain_is_shown_from_its_beginning() {
    let expected = [
        "0,stg_portcalls__arrivals",
        "0,stg_portcalls__berths",
        "1,int_arrivals_at_berths",
        "2,port_calls",
        "3,board_port_calls",
    ];
    assert_eq!(rows("two_tenants", &["longest-chain", "board_port_calls"]), expected);
}
