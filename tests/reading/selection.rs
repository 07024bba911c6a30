//! What a selection selects is what `dbt ls` lists. `selection/expected.txt` was written by dbt-core
//! 1.12.6 for the project `selection/shop`; `selection/README.md` says how.

use harness::db::{Database, Invocation};
use harness::files::Disk;
use harness::project::selection::{Indirect, Kinds, Spec, check, parse, parse_all, selectors};
use harness::report::list::{Form, render};
use harness::session::{Session, on_large_stacks};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/selection")
}

fn session(folder: &Path) -> Session {
    Session::load(Database::default(), &Disk::new(folder), Default::default(), Invocation::default())
}

/// The values of an option, by any of its names.
fn values(arguments: &[String], names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = false;
    for argument in arguments {
        if argument.starts_with("--") {
            open = names.contains(&argument.as_str());
        } else if open {
            found.push(argument.clone());
        }
    }
    found
}

fn spec(session: &Session, arguments: &[String]) -> Spec {
    let indirect = values(arguments, &["--indirect-selection"]).first().map(|name| Indirect::of(name).unwrap());
    let spec = match values(arguments, &["--selector"]).first() {
        Some(name) => {
            let all = selectors(&session.db).as_ref().unwrap();
            let selector = all.iter().find(|selector| *selector.name == **name).unwrap();
            Spec::new(selector.definition.clone(), indirect)
        }
        None => parse_all(&values(arguments, &["--select"]), &values(arguments, &["--exclude"]), indirect).unwrap(),
    };
    check(&session.db, &spec).unwrap();
    let kinds = Kinds::listed(
        &values(arguments, &["--resource-type", "--resource-types"]),
        &values(arguments, &["--exclude-resource-type", "--exclude-resource-types"]),
    );
    spec.of_kinds(kinds)
}

fn listed(session: &Session, arguments: &[String]) -> String {
    let output = values(arguments, &["--output"]).first().map(|name| name.to_lowercase());
    let form = match output.as_deref() {
        None | Some("selector") => Form::Selector,
        Some("name") => Form::Name,
        Some("path") => Form::Path,
        Some(other) => panic!("{other} is not compared"),
    };
    render(&session.db, &session.select(&spec(session, arguments)), &form)
}

#[test]
fn each_selection_lists_what_dbt_lists_in_its_order() {
    let text = std::fs::read_to_string(folder().join("expected.txt")).unwrap();
    let wrong: Vec<String> = on_large_stacks(2, || {
        let session = session(&folder().join("shop"));
        let cases = text.split("> ").skip(1).map(|case| case.split_once('\n').unwrap());
        let cases: Vec<(&str, &str)> = cases.collect();
        assert!(cases.len() > 200);
        let differs = cases.into_iter().filter_map(|(arguments, expected)| {
            let parsed: Vec<String> = serde_json::from_str(arguments).unwrap();
            let found = listed(&session, &parsed);
            (found.trim() != expected.trim()).then(|| format!("{arguments}\n{found}\nbut dbt:\n{expected}"))
        });
        differs.collect()
    })
    .unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_selection_of_one_text_is_one_of_the_option() {
    on_large_stacks(2, || {
        let session = session(&folder().join("shop"));
        let text = "tag:nightly,staging sales+";
        let alone = session.select(&parse(text).unwrap());
        assert!(alone.contains("model.shop.stg_sales"), "{alone:?}");
        assert_eq!(alone, session.select(&parse_all(&[text.to_owned()], &[], None).unwrap()));
    })
    .unwrap();
}
