//! What lies on the disk and is no ordinary project: links, pipes, folders outside, things of others.

#![cfg(unix)]

use super::program::bounded::{Ended, bounded, bounded_with};
use super::program::{copy, write};
use super::repo::git;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A project with one model that reads what is not there, below a folder that holds nothing else.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "repo/dbt_project.yml", "name: shop\n");
    write(folder.path(), "repo/models/canary.sql", "select * from {{ ref('nowhere') }}\n");
    folder
}

fn check(folder: &TempDir, arguments: &[&str]) -> Ended {
    bounded(&folder.path().join("repo"), &[&["check", "--format", "concise"], arguments].concat())
}

fn pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn an_ordinary_project_fits_into_the_bounds_of_these_tests() {
    let ended = check(&project(), &[]);
    assert_eq!((ended.code, ended.count("UNKNOWN_REF")), (Some(1), 1), "{ended:?}");
}

#[test]
fn a_cache_in_a_folder_of_ones_own_deletes_nothing() {
    let folder = project();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    for name in ["letters.txt", "old.part", "shop.0123456789ab.0123456789ab.facts", "x.1-0.part"] {
        fs::write(own.join(name), name).unwrap();
        fs::File::options().write(true).open(own.join(name)).unwrap().set_len(200 * 1024 * 1024).unwrap();
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(90_000);
        fs::File::options().write(true).open(own.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
    for _ in 0..2 {
        let ended = check(&folder, &["--cache-dir", "../own", "--verbose"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        write(folder.path(), "repo/models/more.sql", "select 1\n");
    }
    let names: Vec<String> =
        fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(fs::read_dir(own.join("harness")).unwrap().count(), 1, "the cache has a folder of its own");
}

#[test]
fn paths_that_lead_out_of_the_project_are_refused_where_they_stand() {
    let folder = project();
    write(folder.path(), "secret/models/hidden.sql", "select 1\n");
    write(folder.path(), "secret/dbt_project.yml", "name: hidden\n");
    let text = "name: shop\nmodel-paths: [models, /, /proc, ../.., \"../secret/../..\"]\n\
                packages-install-path: ../../..\nmacro-paths: [/etc]\n";
    write(folder.path(), "repo/dbt_project.yml", text);
    let outer = folder.path().join("secret").to_str().unwrap().to_owned();
    write(folder.path(), "repo/packages.yml", &format!("packages:\n  - local: {outer}\n  - local: ../../secret\n"));
    git(&folder.path().join("repo"), &["init", "--quiet"]);
    let ended = check(&folder, &[]);
    let told: Vec<&str> = ended.out.lines().filter(|line| line.contains("PATH_OUTSIDE_REPO")).collect();
    assert_eq!(told.len(), 7, "{ended:?}");
    for start in ["dbt_project.yml:2:23", "dbt_project.yml:2:26", "dbt_project.yml:3:24", "dbt_project.yml:4:15"] {
        assert!(told.iter().any(|line| line.starts_with(start)), "{start}: {ended:?}");
    }
    assert!(told.iter().any(|line| line.starts_with("packages.yml:2:12")), "{ended:?}");
    assert_eq!((ended.count("UNKNOWN_REF"), ended.count("hidden")), (1, 0), "{ended:?}");
    assert_eq!(ended.count("PACKAGE_NOT_INSTALLED"), 0, "one cause is one finding: {ended:?}");
}

#[test]
fn links_that_lead_out_are_refused_and_links_within_are_not() {
    let folder = project();
    let repo = folder.path().join("repo");
    write(folder.path(), "secret/hidden.sql", "select * from {{ ref('a_secret') }}\n");
    write(folder.path(), "secret/hidden.yml", "models:\n  - name: [oops\n");
    write(folder.path(), "repo/more/inner.sql", "select * from {{ ref('also_nowhere') }}\n");
    git(&repo, &["init", "--quiet"]);
    symlink("../../secret", repo.join("models/folder")).unwrap();
    symlink("../../secret/hidden.sql", repo.join("models/file.sql")).unwrap();
    symlink("/proc/self/environ", repo.join("models/environ.yml")).unwrap();
    symlink("../more", repo.join("models/own")).unwrap();
    symlink("../secret/hidden.yml", repo.join("packages.yml")).unwrap();
    let ended = check(&folder, &[]);
    assert_eq!(ended.count("PATH_OUTSIDE_REPO"), 4, "{ended:?}");
    assert_eq!((ended.count("UNKNOWN_REF"), ended.count("a_secret"), ended.count("oops")), (2, 0, 0), "{ended:?}");
    // Who says so reads them.
    let ended = check(&folder, &["--allow-outside"]);
    assert_eq!(ended.count("PATH_OUTSIDE_REPO"), 0, "{ended:?}");
    assert!(ended.count("a_secret") > 0, "{ended:?}");
}

#[test]
fn without_a_repository_folders_beside_the_project_are_read_where_it_names_them() {
    let folder = project();
    write(folder.path(), "shared/models/beside.sql", "select * from {{ ref('gone') }}\n");
    write(folder.path(), ".hidden/models/hidden.sql", "select * from {{ ref('hush') }}\n");
    write(folder.path(), "pack/dbt_project.yml", "name: pack\n");
    let text = "name: shop\nmodel-paths: [models, ../shared/models, ../.hidden/models, ..]\n";
    write(folder.path(), "repo/dbt_project.yml", text);
    write(folder.path(), "repo/packages.yml", "packages:\n  - local: ../pack\n");
    let ended = check(&folder, &[]);
    assert_eq!((ended.count("UNKNOWN_REF"), ended.count("hush")), (2, 0), "{ended:?}");
    assert_eq!((ended.count("PATH_OUTSIDE_REPO"), ended.count("PACKAGE_NOT_INSTALLED")), (2, 0), "{ended:?}");
    // Further away only where a repository was copied without its `.git`, which the files of its root tell.
    write(folder.path(), "deep/er/dbt_project.yml", "name: shop\nmodel-paths: [../../shared/models, ../..]\n");
    let deeper = |refused: usize| {
        let ended = bounded(&folder.path().join("deep/er"), &["check", "--format", "concise"]);
        assert_eq!(ended.count("PATH_OUTSIDE_REPO"), refused, "{ended:?}");
        assert_eq!(ended.count("'gone'"), usize::from(refused == 0), "{ended:?}");
    };
    deeper(2);
    write(folder.path(), ".gitignore", "target/\n");
    deeper(0);
    fs::remove_file(folder.path().join(".gitignore")).unwrap();
    // A repository around both is what belongs to the project.
    git(folder.path(), &["init", "--quiet"]);
    let text = "name: shop\nmodel-paths: [models, ../shared/models]\n";
    write(folder.path(), "repo/dbt_project.yml", text);
    let ended = check(&folder, &[]);
    assert_eq!((ended.count("UNKNOWN_REF"), ended.count("PATH_OUTSIDE_REPO")), (2, 0), "{ended:?}");
}

#[test]
fn rules_and_settings_outside_are_not_read() {
    let folder = project();
    let repo = folder.path().join("repo");
    git(&repo, &["init", "--quiet"]);
    write(folder.path(), "secret/rule.md", "hush\n");
    write(folder.path(), "repo/harness.yml", "rule-paths: [../secret]\n");
    let ended = check(&folder, &[]);
    assert_eq!((ended.count("PATH_OUTSIDE_REPO"), ended.count("BROKEN_RULE")), (1, 0), "{ended:?}");
    assert!(ended.out.contains("harness.yml:1:14"), "{ended:?}");
    fs::remove_file(repo.join("harness.yml")).unwrap();
    write(folder.path(), "secret/harness.yml", "extends: hush\n");
    symlink("../secret/harness.yml", repo.join("harness.yml")).unwrap();
    let ended = check(&folder, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("leads out of the repository") && !ended.err.contains("hush"), "{ended:?}");
    // What a person names may lie anywhere.
    write(folder.path(), "secret/harness.yml", "extends: strict\n");
    let ended = check(&folder, &["--config", "../secret/harness.yml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[test]
fn nothing_is_written_through_a_link_that_leads_out() {
    let folder = project();
    let repo = folder.path().join("repo");
    git(&repo, &["init", "--quiet"]);
    write(folder.path(), "home/own.txt", "mine\n");
    for name in ["AGENTS.md", "harness-baseline.ndjson"] {
        symlink("../home/own.txt", repo.join(name)).unwrap();
    }
    for arguments in [&["init", "--agents"][..], &["check", "--write-baseline"]] {
        let ended = bounded(&repo, arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("leads out of the repository"), "{ended:?}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("home/own.txt")).unwrap(), "mine\n");
}

#[test]
fn links_to_folders_of_links_end() {
    let folder = project();
    let repo = folder.path().join("repo");
    for depth in 0..24 {
        fs::create_dir_all(repo.join(format!("models/d{depth}"))).unwrap();
        for side in ["a", "b"] {
            symlink(format!("../d{}", depth + 1), repo.join(format!("models/d{depth}/{side}"))).unwrap();
        }
    }
    write(&repo, "models/d24/leaf.sql", "select 1\n");
    let ended = check(&folder, &[]);
    assert_eq!((ended.code, ended.count("UNKNOWN_REF")), (Some(1), 1), "{ended:?}");
    assert_eq!(ended.count("links to folders"), 1, "{ended:?}");
}

#[test]
fn pipes_and_sockets_where_files_should_be_are_said_and_not_waited_for() {
    let folder = project();
    let repo = folder.path().join("repo");
    for path in ["models/a.sql", "models/b.yml", "macros/c.sql", "packages.yml", "models/d.py", "selectors.yml"] {
        pipe(&repo.join(path));
    }
    for path in ["profiles.yml", "requirements.txt", ".dbtignore", "dbt_packages/p/dbt_project.yml"] {
        pipe(&repo.join(path));
    }
    let ended = check(&folder, &[]);
    assert_eq!((ended.code, ended.count("UNKNOWN_REF")), (Some(1), 1), "{ended:?}");
    assert_eq!(ended.count("not an ordinary file"), 8, "{ended:?}");
    for (path, arguments) in [
        ("harness.yml", &[][..]),
        ("pipe.yml", &["--config", "pipe.yml"]),
        ("base.ndjson", &["--baseline", "base.ndjson"]),
        ("harness-baseline.ndjson", &["--write-baseline"]),
    ] {
        pipe(&repo.join(path));
        let ended = check(&folder, arguments);
        assert_eq!(ended.code, Some(2), "{path}: {ended:?}");
        fs::remove_file(repo.join(path)).unwrap();
    }
    for path in ["/dev/zero", "/proc/kmsg", "/dev/random"] {
        let ended = check(&folder, &["--config", path]);
        assert_eq!(ended.code, Some(2), "{path}: {ended:?}");
    }
    // As a cache it is none.
    fs::remove_file(repo.join("models/a.sql")).unwrap();
    let cache = folder.path().join("cache");
    let first = check(&folder, &["--cache-dir", "../cache"]);
    let file = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&file).unwrap();
    pipe(&file);
    let second = check(&folder, &["--cache-dir", "../cache"]);
    assert_eq!((first.code, first.out), (second.code, second.out));
}

#[test]
fn a_project_file_that_is_a_pipe_or_leads_out_is_one_finding() {
    let folder = project();
    let place = folder.path().join("repo/dbt_project.yml");
    git(&folder.path().join("repo"), &["init", "--quiet"]);
    fs::rename(&place, folder.path().join("outside.yml")).unwrap();
    pipe(&place);
    let ended = check(&folder, &["--project-dir", "."]);
    assert_eq!((ended.count("PARSE_ERROR"), ended.count("not an ordinary file")), (1, 1), "{ended:?}");
    fs::remove_file(&place).unwrap();
    symlink("../outside.yml", &place).unwrap();
    let ended = check(&folder, &[]);
    assert_eq!((ended.count("PARSE_ERROR"), ended.count("PATH_OUTSIDE_REPO")), (0, 1), "{ended:?}");
}

#[test]
fn pipes_under_git_end_with_a_message() {
    let folder = project();
    let repo = folder.path().join("repo");
    git(&repo, &["init", "--quiet"]);
    git(&repo, &["add", "--all"]);
    git(&repo, &["commit", "--quiet", "--message", "x"]);
    let ended = check(&folder, &["--since", "HEAD"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for path in [
        "HEAD",
        "config",
        "packed-refs",
        "shallow",
        "commondir",
        "index",
        "info/exclude",
        "info/attributes",
        "objects/info/alternates",
        "refs/heads/main",
        "refs/heads/other",
        "objects/pack/pack-1.idx",
        "config.worktree",
    ] {
        let other = tempfile::tempdir().unwrap();
        copy(folder.path(), other.path());
        let place = other.path().join("repo/.git").join(path);
        drop(fs::remove_file(&place));
        pipe(&place);
        let ended = check(&other, &["--since", "HEAD"]);
        assert_eq!(ended.code, Some(2), "{path}: {ended:?}");
        assert!(ended.err.contains("not an ordinary file"), "{path}: {ended:?}");
        assert_eq!(check(&other, &[]).code, Some(1), "{path}");
    }
    fs::remove_dir_all(repo.join(".git")).unwrap();
    pipe(&repo.join(".git"));
    assert_eq!(check(&folder, &["--since", "HEAD"]).code, Some(2));
    assert_eq!(check(&folder, &[]).code, Some(1));
}

#[test]
fn a_commit_of_ten_billion_entries_ends_with_a_message() {
    let folder = project();
    let repo = folder.path().join("repo");
    git(&repo, &["init", "--quiet"]);
    let write_tree = |entries: &str| {
        let mut command = Command::new("git");
        command
            .current_dir(&repo)
            .args(["mktree"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), entries.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let blob = git(&repo, &["hash-object", "-w", "models/canary.sql"]);
    let project_file = git(&repo, &["hash-object", "-w", "dbt_project.yml"]);
    let ten = |kind: &str, id: &str, ending: &str| -> String {
        (0..10).map(|n| format!("{kind} {id}\te{n}{ending}\n")).collect()
    };
    let mut tree = write_tree(&ten("100644 blob", &blob, ".sql"));
    for _ in 0..9 {
        tree = write_tree(&ten("040000 tree", &tree, ""));
    }
    let root = write_tree(&format!("100644 blob {project_file}\tdbt_project.yml\n040000 tree {tree}\tmodels\n"));
    let commit = git(&repo, &["commit-tree", "-m", "x", &root]);
    git(&repo, &["update-ref", "HEAD", &commit]);
    let ended = check(&folder, &["--since", "HEAD"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("more files and folders than are looked at"), "{ended:?}");
}

#[test]
fn absurd_numbers_of_threads_are_a_note() {
    let folder = project();
    for threads in ["1000", "100000", "18446744073709551615"] {
        let ended = check(&folder, &["--threads", threads]);
        assert_eq!((ended.code, ended.count("UNKNOWN_REF")), (Some(1), 1), "{ended:?}");
        assert_eq!(ended.err.matches("is more than are of use").count(), 1, "{ended:?}");
    }
}

#[test]
fn a_limit_of_file_sizes_is_an_error_of_the_file() {
    let folder = project();
    let repo = folder.path().join("repo");
    let shell = format!("ulimit -f 0; exec '{}' check --output-file json:out.json", env!("CARGO_BIN_EXE_harness"));
    let output = super::program::run(Command::new("sh").current_dir(&repo).args(["-c", &shell]));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("out.json cannot be written"), "{output:?}");
}

#[test]
fn whoever_watches_and_cannot_be_told_anything_is_told_so() {
    let folder = project();
    let shell = format!("exec '{}' watch <&- >&-", env!("CARGO_BIN_EXE_harness"));
    let repo = folder.path().join("repo");
    let output = super::program::run(Command::new("sh").current_dir(&repo).args(["-c", &shell]));
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nobody would see"), "{output:?}");
}

#[test]
fn twenty_thousand_lines_at_once_are_each_answered() {
    let folder = project();
    fs::write(folder.path().join("lines"), format!("{}{}", "\n".repeat(20_000), "x".repeat(100))).unwrap();
    let program = env!("CARGO_BIN_EXE_harness");
    let shell = format!("exec '{program}' watch --stdin --format ndjson < ../lines");
    let repo = folder.path().join("repo");
    let output = super::program::run(Command::new("timeout").current_dir(&repo).args(["10", "sh", "-c", &shell]));
    assert_eq!(output.status.code(), Some(0), "{:?}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    // The first is of the project as it was found.
    assert_eq!(text.matches("\"event\":\"settled\"").count(), 20_001);
}

#[test]
fn a_project_whose_link_is_turned_elsewhere_is_not_watched_on() {
    use std::io::{BufRead, BufReader, Read, Write};
    let folder = project();
    symlink("repo", folder.path().join("current")).unwrap();
    write(folder.path(), "other/dbt_project.yml", "name: other\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.args(["watch", "--stdin", "--format", "ndjson", "--no-cache", "--project-dir", "current"]);
    command.current_dir(folder.path()).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("settled")));
    fs::remove_file(folder.path().join("current")).unwrap();
    symlink("other", folder.path().join("current")).unwrap();
    // It may have ended already.
    drop(child.stdin.take().unwrap().write_all(b"\n"));
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2), "{text}");
    assert!(text.contains("other now"), "{text}");
}

#[test]
fn a_profile_in_the_repo_that_is_a_link_to_anywhere_is_not_read() {
    let folder = project();
    let repo = folder.path().join("repo");
    git(&repo, &["init", "--quiet"]);
    write(folder.path(), "repo/dbt_project.yml", "name: shop\nprofile: shop\n");
    write(
        folder.path(),
        "home/profiles.yml",
        "shop: {outputs: {dev: {type: duckdb, schema: from_home}}, target: dev}\n",
    );
    symlink("../home/profiles.yml", repo.join("profiles.yml")).unwrap();
    write(folder.path(), "repo/models/named.sql", "select 1\n");
    let schema = |ended: &Ended| ended.out.contains("from_home");
    let arguments = ["export", "--format", "manifest"];
    assert!(!schema(&bounded(&repo, &arguments)));
    assert!(schema(&bounded(&repo, &[&arguments[..], &["--allow-outside"]].concat())));
    let named = folder.path().join("home");
    let named = named.to_str().unwrap();
    assert!(schema(&bounded(&repo, &[&arguments[..], &["--profiles-dir", named]].concat())));
    assert!(schema(&bounded_with(&repo, &arguments, &[("DBT_PROFILES_DIR", named)])));
    assert_eq!(check(&folder, &[]).count("PATH_OUTSIDE_REPO"), 1);
}
