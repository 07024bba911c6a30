//! What the language says where a program is wrong: each kind of error with its place and remedy.

use crate::wrong;
use harness_datalog::compile;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Each program with all that is said about it.
fn told(programs: &[(&str, &str)]) -> String {
    let (world, library) = (wrong::world(), wrong::library());
    let parameters = BTreeMap::from([("layer".to_owned(), "marts".to_owned()), ("many".to_owned(), "x".to_owned())]);
    let mut out = String::new();
    for (class, program) in programs {
        let found = match compile(program, &library, &world, &parameters) {
            Ok(compiled) => compiled.warnings,
            Err(errors) => errors,
        };
        assert!(!found.is_empty(), "nothing is said about: {program}");
        for error in &found {
            let (start, end) = (error.span.start as usize, error.span.end as usize);
            assert!(program.get(start..end).is_some(), "{error:?} lies outside of: {program}");
            assert!(error.message.ends_with('.') && !error.remedy.is_empty(), "{error:?}");
        }
        let shown: Vec<String> = found.iter().map(|error| error.shown("query", program)).collect();
        let _ = writeln!(out, "# {class}\n{}", shown.join("\n"));
    }
    out
}

#[test]
fn names() {
    insta::assert_snapshot!(told(wrong::NAMES));
}

#[test]
fn variables() {
    insta::assert_snapshot!(told(wrong::VARIABLES));
}

#[test]
fn types() {
    insta::assert_snapshot!(told(wrong::TYPES));
}

#[test]
fn recursion() {
    insta::assert_snapshot!(told(wrong::RECURSION));
}

#[test]
fn functions() {
    insta::assert_snapshot!(told(wrong::FUNCTIONS));
}

#[test]
fn syntax() {
    insta::assert_snapshot!(told(wrong::SYNTAX));
}

#[test]
fn limits() {
    let nested = format!("x = {}1{}", "(".repeat(300), ")".repeat(300));
    let minus = format!("x = {}1", "-".repeat(300));
    let calls = format!("x = {}\"a\"{}", "lower(".repeat(300), ")".repeat(300));
    let alternatives = format!("ref(x, y), {}", ["(x = \"a\"; x = \"b\")"; 9].join(", "));
    let long = vec!["ref(_, _)"; 600].join(", ");
    let sum = format!("x = {}", vec!["1"; 600].join(" + "));
    insta::assert_snapshot!(told(&[
        ("nested too deep", &nested),
        ("minus too deep", &minus),
        ("calls too deep", &calls),
        ("more than 256 alternatives", &alternatives),
        ("too long", &long),
        ("a sum too long", &sum),
        ("too many digits", "x = 12345678901234567890123456789012345"),
    ]));
    let large = " ".repeat(1 << 21);
    assert!(told(&[("too large", &large)]).contains("the program is longer than 1 MB."));
}

#[test]
fn several_errors_are_told_at_once() {
    insta::assert_snapshot!(told(wrong::SEVERAL));
}
