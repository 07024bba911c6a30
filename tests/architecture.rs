//! The order of the layers, and who may touch what. docs/architecture.md says why.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it does not expect")]

use std::fs;
use std::path::{Path, PathBuf};

/// Crates of their own: that they name nothing above them, the compiler sees to.
const CRATES: [&str; 5] = ["similar", "datalog", "files", "python", "syntax"];

/// From the lowest to the highest: a folder names only what stands before it, and the crates.
const LAYERS: [&str; 10] =
    ["db", "project", "relations", "derive", "observe", "query", "rules", "report", "session", "cli"];

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

/// The code of a file without comments and without its tests.
fn code(text: &str) -> String {
    let mut code = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim_start();
        if bare.starts_with("#[cfg(test)]") {
            // The item ends where rustfmt closes it: at the depth it begins at.
            let end = format!("{}}}", &line[..line.len() - bare.len()]);
            let opens = lines.by_ref().find(|line| !line.trim_start().starts_with("#[")).unwrap_or_default();
            if opens.ends_with('{') {
                lines.by_ref().find(|line| *line == end);
            }
        } else if !bare.starts_with("//") {
            code.push(line);
        }
    }
    code.join("\n")
}

fn all() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    found
        .into_iter()
        .map(|(path, text)| {
            let path = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            let layer = path.split('/').next().unwrap_or_default().to_owned();
            (path, layer, text)
        })
        .collect()
}

#[test]
fn no_layer_names_a_higher_one() {
    let mut seen = 0;
    for (path, layer, text) in all() {
        let Some(own) = LAYERS.iter().position(|name| *name == layer) else {
            if CRATES.contains(&layer.as_str()) {
                continue;
            }
            assert!(matches!(path.as_str(), "lib.rs" | "main.rs"), "{path} belongs to no layer");
            continue;
        };
        seen += 1;
        let code = code(&text);
        for higher in &LAYERS[own + 1..] {
            let named = format!("crate::{higher}");
            assert!(!code.contains(&named), "{path} names {named}, which stands above it");
            // `use crate::{db, cli}` would hide a name from this test.
            assert!(!code.contains("crate::{"), "{path} groups names of the crate: write one `use` a module");
        }
    }
    assert!(seen > 30, "the sources were found");
}

#[test]
fn the_guards_read_a_file_to_its_end() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\n#[cfg(test)]\nmod more;\nfn c() {}\n";
    assert_eq!(code(text), "fn a() {}\nfn c() {}");
}

#[test]
fn only_files_touches_the_file_system() {
    for (path, layer, text) in all() {
        if layer == "files" {
            continue;
        }
        let code = code(&text);
        for forbidden in ["std::fs", "File::open", ".exists()", ".is_dir()", ".canonicalize()", ".read_dir(", "::fs::"]
        {
            assert!(!code.contains(forbidden), "{path} uses {forbidden}");
        }
    }
}

#[test]
fn only_the_command_line_prints_reads_the_environment_or_ends_the_program() {
    for (path, layer, text) in all() {
        if layer == "cli" || path == "main.rs" {
            continue;
        }
        let code = code(&text);
        for forbidden in
            ["println!", "print!(", "eprint", "stdout()", "stderr()", "std::env::", "process::exit", "ExitCode"]
        {
            assert!(!code.contains(forbidden), "{path} uses {forbidden}");
        }
    }
}

#[test]
fn a_rendering_asks_the_project_in_one_place() {
    // What is not noted there is not looked at before a kept rendering is taken.
    for (path, _, text) in all().into_iter().filter(|(path, ..)| path.starts_with("project/jinja/")) {
        if !matches!(path.as_str(), "project/jinja/ask.rs" | "project/jinja/kept.rs") {
            assert!(!code(&text).contains("attached_database"), "{path} asks the database itself");
        }
    }
}

#[test]
fn each_field_of_an_input_counts_in_what_a_whole_check_is_kept_by() {
    let text = |wanted: &str| all().into_iter().find(|(path, ..)| path == wanted).unwrap().2;
    let (inputs, kept) = (text("db/mod.rs"), text("session/once.rs"));
    let mut fields = 0;
    for part in inputs.split("#[salsa::input").skip(1) {
        let body = part.split_once('{').unwrap().1.split_once("\n}").unwrap().0;
        for line in body.lines().filter_map(|line| line.trim().strip_prefix("pub ")) {
            let name = line.split(':').next().unwrap();
            assert!(kept.contains(&format!(".{name}(")), "{name} is no part of the digest in session/once.rs");
            fields += 1;
        }
    }
    let invocation = inputs.split("pub struct Invocation {").nth(1).unwrap().split_once('}').unwrap().0;
    for name in invocation.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next()) {
        assert!(kept.contains(&format!(".{name}")), "{name} is no part of the digest in session/once.rs");
        fields += 1;
    }
    assert!(fields > 15, "the inputs were found");
}

#[test]
fn nothing_below_the_session_asks_the_clock() {
    for (path, layer, text) in all() {
        // When to look at files is a matter of time; what is seen there is not.
        if layer != "cli" && path != "files/watch/mod.rs" {
            for forbidden in ["SystemTime::now", "Instant::now", "Timestamp::now"] {
                assert!(!code(&text).contains(forbidden), "{path} uses {forbidden}");
            }
        }
    }
}

#[test]
fn the_datalog_names_of_relations_are_documented_in_one_place() {
    let catalogue = all().into_iter().filter(|(path, ..)| path.starts_with("relations/catalogue/"));
    let declared: usize = catalogue.map(|(_, _, text)| text.matches("relation! {").count()).sum();
    assert_eq!(declared, harness::relations::ALL.len(), "each declared relation is in ALL");
}

#[test]
fn no_file_is_too_long_to_find_ones_way_in() {
    for (path, _, text) in all() {
        let lines = text.lines().count();
        assert!(lines <= 600, "{path} has {lines} lines: split it by subject");
    }
}

/// The names of tracked functions, and whether their results are stamped.
fn queries() -> Vec<(String, bool)> {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let head = |text: &str| {
        let head = text.split_once("fn ")?.1.split('{').next()?.to_owned();
        let name = head.split(['<', '(']).next()?.to_owned();
        Some((name, head.contains("Stamped<")))
    };
    files
        .iter()
        .flat_map(|(_, text)| text.split("#[salsa::tracked").skip(1).filter_map(head).collect::<Vec<_>>())
        .collect()
}

/// The names of a list of `src/db/counts.rs`.
fn listed(constant: &str) -> Vec<String> {
    let text = fs::read_to_string("src/db/counts.rs").unwrap();
    let list = text.split_once(&format!("const {constant}: [")).unwrap().1.split_once("= [").unwrap().1;
    list.split_once(']').unwrap().0.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn what_is_counted_by_name_is_called_so() {
    let queries = queries();
    let mut stamped: Vec<String> = queries.iter().filter(|(_, is)| *is).map(|(name, _)| name.clone()).collect();
    stamped.sort();
    stamped.dedup();
    assert_eq!(listed("STAMPED"), stamped);
    for name in listed("TEXT") {
        assert!(queries.iter().any(|(other, _)| *other == name), "no query is called {name}");
    }
}
