//! Where findings go: formats, files, limits, and the command to go on with.

use crate::program::{code, err, out};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FORMATS: [&str; 7] = ["text", "concise", "json", "ndjson", "agent", "github", "sarif"];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/two_tenants")
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.current_dir(folder).arg("check").args(arguments).env("HOME", "/nonexistent").output().unwrap()
}

/// A project with one error, in a folder of a repository.
fn project_in(root: &Path, folder: &str) -> PathBuf {
    let project = root.join(folder);
    fs::create_dir_all(project.join("models")).unwrap();
    fs::write(project.join("dbt_project.yml"), "name: shop\nmodel-paths: [models]\n").unwrap();
    fs::write(project.join("models/a.sql"), "select * from {{ ref('nobody') }}\n").unwrap();
    project
}

#[test]
fn a_format_changes_what_is_printed_and_not_how_the_run_ends() {
    for format in FORMATS {
        let output = check(&fixture(), &["--format", format]);
        assert_eq!(code(&output), 1, "{format}");
        assert!(out(&output).contains("DEPENDENCY_DIRECTION"), "{format}");
        assert_eq!(code(&check(&fixture(), &["--format", format, "--fail-on", "never"])), 0, "{format}");
    }
    let output = check(&fixture(), &["--format", "xml"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("[possible values: text, concise, json, ndjson, agent, github, sarif]"));
}

#[test]
fn files_hold_what_their_format_prints_whatever_goes_to_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["--format".to_owned(), "concise".to_owned()];
    let path = |format: &str| folder.path().join(format!("reports/new/harness.{format}"));
    for format in FORMATS {
        arguments.push(format!("--output-file={format}:{}", path(format).display()));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = check(&fixture(), &arguments);
    assert_eq!(code(&output), 1);
    assert_eq!(out(&output), out(&check(&fixture(), &["--format", "concise"])));
    for format in FORMATS {
        assert_eq!(
            fs::read_to_string(path(format)).unwrap(),
            out(&check(&fixture(), &["--format", format])),
            "{format}"
        );
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("reports/new")).unwrap().collect();
    assert_eq!(left.len(), FORMATS.len(), "nothing half-written is left");
}

#[test]
fn a_file_that_cannot_be_written_costs_no_finding() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "").unwrap();
    let bad = format!("--output-file=sarif:{}", folder.path().join("taken/harness.sarif").display());
    let good = format!("--output-file=json:{}", folder.path().join("good.json").display());
    let a_folder = format!("--output-file=ndjson:{}", folder.path().display());
    let output = check(&fixture(), &["--format", "concise", &bad, &a_folder, &good]);
    assert_eq!(code(&output), 2);
    assert_eq!(out(&output), out(&check(&fixture(), &["--format", "concise"])));
    let told = err(&output);
    assert!(told.contains("taken/harness.sarif cannot be written: "), "{told}");
    assert!(told.contains(" cannot be written: it is a folder.\n  → Give --output-file a path"), "{told}");
    assert!(folder.path().join("good.json").is_file());
}

#[test]
fn two_formats_in_one_file_are_refused_before_anything_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    let one = format!("--output-file=json:{}", folder.path().join("x").display());
    let two = format!("--output-file=sarif:{}", folder.path().join("out/../x").display());
    let output = check(&fixture(), &[&one, &two]);
    assert_eq!((code(&output), out(&output).as_str()), (2, ""));
    assert!(err(&output).contains("two --output-file lead to one file"), "{}", err(&output));
    assert!(!folder.path().join("x").exists());
}

#[test]
fn an_output_file_that_is_none_is_told_with_the_formats_there_are() {
    for (wrong, told) in [
        ("sarif", "write FORMAT:PATH, where FORMAT is one of text, concise, json, ndjson, agent, github, sarif"),
        ("sarif:", "write FORMAT:PATH"),
        ("xml:a", "no format is called 'xml'; there are text, concise"),
    ] {
        let output = check(&fixture(), &["--output-file", wrong]);
        assert_eq!((code(&output), out(&output).as_str()), (2, ""));
        assert!(err(&output).contains(told), "{}", err(&output));
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_one_and_what_is_no_file_is_written_to() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.txt"), folder.path().join("link.txt"));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let through_link = format!("--output-file=concise:{}", link.display());
    let output = check(&fixture(), &["--format", "github", &through_link, "--output-file=ndjson:/dev/stdout"]);
    assert_eq!(code(&output), 1);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(&real).unwrap(), out(&check(&fixture(), &["--format", "concise"])));
    let printed = out(&output);
    assert!(printed.contains("::error file=") && printed.contains("{\"rule\":"), "{printed}");
}

#[test]
fn code_hosts_get_paths_from_the_root_of_the_repository() {
    let root = tempfile::tempdir().unwrap();
    let project = project_in(root.path(), "transform/my shop");
    let github = |folder: &Path| out(&check(folder, &["--format", "github"]));
    assert!(github(&project).starts_with("::error file=models/a.sql,line=1,"), "there is no repository");
    // A file, as in a worktree, leads there as well as a folder.
    fs::write(root.path().join(".git"), "gitdir: elsewhere\n").unwrap();
    assert!(
        github(&project).starts_with("::error file=transform/my shop/models/a.sql,line=1,"),
        "{}",
        github(&project)
    );
    let sarif: serde_json::Value = serde_json::from_str(&out(&check(&project, &["--format", "sarif"]))).unwrap();
    let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(location["uri"], "transform/my%20shop/models/a.sql");
    assert_eq!(location["uriBaseId"], "SRCROOT");
    assert!(out(&check(&project, &["--format", "concise"])).starts_with("models/a.sql:1:"));
}

#[test]
fn a_limit_holds_for_text_and_the_table_stands_alone_where_asked() {
    let findings = |arguments: &[&str]| out(&check(&fixture(), arguments)).matches("✗").count();
    assert_eq!(findings(&["--limit", "3"]), 3);
    assert!(findings(&["--limit", "all"]) > 20);
    let table = out(&check(&fixture(), &["--summary"]));
    assert!(table.starts_with("rule ") && !table.contains('✗'), "{table}");
    assert_eq!(code(&check(&fixture(), &["--limit", "some"])), 2);
}

#[test]
fn the_next_command_keeps_what_the_run_was_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let project = project_in(root.path(), "my shop");
    let folder = project.display().to_string();
    for name in ["one", "two"] {
        fs::write(project.join(format!("models/{name}.sql")), "select * from {{ ref('nowhere') }}").unwrap();
    }
    let arguments =
        ["--format", "agent", "--project-dir", &folder, "--vars", "{a: 1}", "--rule", "unknown-ref", "models"];
    let all = out(&check(root.path(), &arguments));
    assert!(!all.contains("Next"), "nothing was held back: {all}");
    let cut = out(&check(root.path(), &[&arguments[..], &["--limit", "1"]].concat()));
    let last = cut.lines().last().unwrap();
    assert_eq!(
        last,
        format!(
            "Next: harness check --project-dir '{folder}' --vars '{{a: 1}}' models --rule unknown-ref --limit all \
             --format agent"
        )
    );
}
