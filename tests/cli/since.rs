//! What a change causes: `--since` compares the work tree with a commit. Each comparison is held against two
//! fresh runs, one on a checkout of the commit and one on the work tree.

use crate::program::{code, err, harness, out, write};
use crate::repo::{Repo, git};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What `--since` says of a repository.
trait Since {
    fn since(&self, name: &str) -> Compared;
    fn since_with(&self, name: &str, more: &[&str]) -> Compared;
}

impl Since for Repo {
    /// What is new, old and fixed since a commit, as `rule path`; the same as two fresh runs say.
    fn since(&self, name: &str) -> Compared {
        self.since_with(name, &[])
    }

    fn since_with(&self, name: &str, more: &[&str]) -> Compared {
        let output = harness(&self.project(), &[&["check", "--since", name, "--format", "json"], more].concat());
        let fail = format!("{}{}", out(&output), err(&output));
        assert!(code(&output) < 2, "{fail}");
        let document: Value = serde_json::from_str(&out(&output)).unwrap();
        let found = document["findings"].as_array().unwrap();
        let with = |status: &str| {
            let with = found.iter().filter(|finding| finding["status"] == status);
            with.map(|finding| (text(finding, "fingerprint"), shown(finding))).collect::<BTreeMap<_, _>>()
        };
        let (new, old) = (with("new"), with("old"));
        let is_grave = |finding: &Value| finding["status"] == "new" && finding["severity"] == "error";
        assert_eq!(code(&output) == 1, found.iter().any(is_grave), "only new errors count: {fail}");
        let summary = &document["summary"];
        assert_eq!((&summary["new"], &summary["old"]), (&new.len().into(), &old.len().into()));

        let checkout = tempfile::tempdir().unwrap();
        let there = checkout.path().join("tree");
        let commit = match name.split_once("...") {
            Some((with, _)) => git(self.root(), &["merge-base", with, "HEAD"]),
            None => name.to_owned(),
        };
        git(self.root(), &["worktree", "add", "--quiet", "--detach", &there.to_string_lossy(), &commit]);
        let then = fresh(&there.join(self.below), more);
        let now = fresh(&self.project(), more);
        git(self.root(), &["worktree", "remove", "--force", &there.to_string_lossy()]);
        type Fresh = BTreeMap<String, (String, usize)>;
        let without = |one: &Fresh, other: &Fresh| {
            one.iter().filter(|it| !other.contains_key(it.0)).map(|(key, it)| (key.clone(), it.0.clone())).collect()
        };
        // Of one cause some readers may be gone and others not.
        let is_less = |(key, it): (&String, &(String, usize))| now.get(key).is_some_and(|left| left.1 < it.1);
        let partly = then.iter().filter(|it| is_less(*it)).count();
        let gone: BTreeMap<String, String> = without(&then, &now);
        // What is told of the change itself has no place in a run that knows of none.
        let told: BTreeMap<String, String> =
            new.clone().into_iter().filter(|(_, shown)| !shown.starts_with("SUPPRESSION_ADDED")).collect();
        assert_eq!(told, without(&now, &then), "new is what only the second run finds");
        assert_eq!(summary["fixed"], gone.len() + partly, "fixed is what only the first run finds");
        assert_eq!(old.len() + told.len(), now.len(), "old is the rest");
        let list = |all: BTreeMap<String, String>| {
            let mut all: Vec<String> = all.into_values().collect();
            all.sort();
            all
        };
        Compared { new: list(new), old: list(old), fixed: list(gone), said: err(&output) }
    }
}

#[derive(Debug)]
struct Compared {
    new: Vec<String>,
    old: Vec<String>,
    fixed: Vec<String>,
    said: String,
}

fn text(finding: &Value, key: &str) -> String {
    finding[key].as_str().unwrap_or_default().to_owned()
}

fn shown(finding: &Value) -> String {
    format!("{} {}", text(finding, "rule"), text(finding, "path"))
}

/// All findings of a run that compares with nothing; none where there is no project.
fn fresh(project: &Path, more: &[&str]) -> BTreeMap<String, (String, usize)> {
    if !project.join("dbt_project.yml").is_file() {
        return BTreeMap::new();
    }
    let output = harness(project, &[&["check", "--format", "json", "--project-dir", "."], more].concat());
    assert!(code(&output) < 2, "{}", err(&output));
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    let all = document["findings"].as_array().unwrap().iter();
    let further = |finding: &Value| finding["locations"].as_array().map_or(0, Vec::len);
    all.map(|finding| (text(finding, "fingerprint"), (shown(finding), further(finding)))).collect()
}

/// What a call says that is wrong.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = harness(folder, arguments);
    assert_eq!((code(&output), out(&output)), (2, String::new()), "{}", err(&output));
    err(&output)
}

#[test]
fn a_change_is_blamed_for_what_it_caused_wherever_it_stands() {
    let repo = Repo::new();
    repo.write("models/customers.sql", "select 1 as id\n");
    repo.write("models/payments.sql", "select * from {{ ref('refunds') }}\n");
    repo.commit();
    let compared = repo.since("HEAD~1");
    assert!(compared.new.contains(&"UNKNOWN_REF models/payments.sql".to_owned()), "{compared:?}");
    assert!(compared.fixed.contains(&"UNKNOWN_REF models/orders.sql".to_owned()), "{compared:?}");
    // Nobody touched orders in what follows, and it breaks.
    git(repo.root(), &["mv", "models/customers.sql", "models/clients.sql"]);
    repo.commit();
    let compared = repo.since("HEAD~1");
    assert!(compared.new.contains(&"UNKNOWN_REF models/orders.sql".to_owned()), "{compared:?}");
    assert!(compared.old.contains(&"UNKNOWN_REF models/payments.sql".to_owned()), "{compared:?}");
}

#[test]
fn edits_that_are_not_committed_count_and_so_do_new_and_deleted_files() {
    let repo = Repo::new();
    repo.write("models/orders.sql", "select * from {{ ref('clients') }}\n");
    repo.write("models/payments.sql", "select * from {{ ref('refunds') }}\n");
    let compared = repo.since("HEAD");
    assert!(compared.new.contains(&"UNKNOWN_REF models/orders.sql".to_owned()), "{compared:?}");
    assert!(compared.new.contains(&"UNKNOWN_REF models/payments.sql".to_owned()), "{compared:?}");
    git(repo.root(), &["add", "--all"]);
    assert_eq!(repo.since("HEAD").new, compared.new, "the index changes nothing");
    repo.remove("models/payments.sql");
    repo.remove("models/orders.sql");
    let compared = repo.since("HEAD");
    assert!(compared.fixed.contains(&"UNKNOWN_REF models/orders.sql".to_owned()), "{compared:?}");
}

#[test]
fn neither_the_work_tree_nor_the_index_is_touched() {
    let repo = Repo::new();
    repo.write("models/orders.sql", "select 1 as id\n");
    repo.write("models/new.sql", "select 1 as id\n");
    let state = || (git(repo.root(), &["status", "--porcelain"]), fs::read(repo.root().join(".git/index")).unwrap());
    let before = state();
    assert_eq!(code(&harness(repo.root(), &["check", "--since", "HEAD"])), 0);
    assert_eq!(before.1, fs::read(repo.root().join(".git/index")).unwrap());
    assert_eq!(before.0, state().0);
}

#[test]
fn a_renamed_file_keeps_its_findings() {
    let repo = Repo::new();
    fs::create_dir_all(repo.root().join("models/sales")).unwrap();
    git(repo.root(), &["mv", "models/orders.sql", "models/sales/orders.sql"]);
    let compared = repo.since("HEAD");
    assert!(compared.old.contains(&"UNKNOWN_REF models/sales/orders.sql".to_owned()), "{compared:?}");
    assert!(!compared.new.iter().any(|it| it.starts_with("UNKNOWN_REF")), "{compared:?}");
}

#[test]
fn nothing_that_differs_is_a_note_and_no_failure() {
    let repo = Repo::new();
    let compared = repo.since("HEAD");
    assert_eq!(compared.new.len(), 0);
    assert!(compared.said.starts_with("harness: note: nothing differs from HEAD, so nothing is new\n"), "{compared:?}");
    assert!(compared.old.contains(&"UNKNOWN_REF models/orders.sql".to_owned()));
    // A file that dbt does not read makes no difference.
    repo.write("README.md", "x");
    assert!(repo.since("HEAD").said.contains("nothing differs"));
}

#[test]
fn text_shows_what_is_new_and_counts_the_rest() {
    let repo = Repo::new();
    repo.write("models/payments.sql", "select * from {{ ref('refunds') }}\n");
    let output = harness(repo.root(), &["check", "--since", "HEAD", "--rule", "UNKNOWN_REF"]);
    assert_eq!(code(&output), 1);
    let shown = out(&output);
    assert!(shown.contains("models/payments.sql") && !shown.contains("models/orders.sql"), "{shown}");
    assert!(
        shown.ends_with("1 error in 1 file; 2 models checked, 3 files read; 0 fixed, 1 old not shown.\n"),
        "{shown}"
    );
    let output = harness(repo.root(), &["check", "--since", "HEAD", "--rule", "UNKNOWN_REF", "--format", "agent"]);
    assert!(out(&output).starts_with("1 new, 0 fixed, 1 old not shown: UNKNOWN_REF 1\n"), "{}", out(&output));
}

#[test]
fn sarif_tells_what_is_new_unchanged_and_absent() {
    let repo = Repo::new();
    repo.write("models/payments.sql", "select * from {{ ref('refunds') }}\n");
    repo.commit();
    repo.write("models/orders.sql", "select * from {{ ref('clients') }}\n");
    let output = harness(repo.root(), &["check", "--since", "HEAD", "--rule", "UNKNOWN_REF", "--format", "sarif"]);
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    let results = document["runs"][0]["results"].as_array().unwrap();
    let mut states: Vec<&str> = results.iter().map(|result| result["baselineState"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["absent", "new", "unchanged"]);
}

#[test]
fn a_project_below_the_root_reads_beside_itself_and_through_links() {
    let repo = Repo::below("transform/shop");
    repo.write("dbt_project.yml", "name: shop\nmodel-paths: [models, ../shared]\n");
    write(repo.root(), "transform/shared/dates.sql", "select * from {{ ref('calendar') }}\n");
    write(repo.root(), "elsewhere/sales/sums.sql", "select * from {{ ref('numbers') }}\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink("../../../elsewhere/sales", repo.project().join("models/linked")).unwrap();
    repo.commit();
    write(repo.root(), "transform/shared/dates.sql", "select * from {{ ref('kalender') }}\n");
    let compared = repo.since("HEAD");
    assert!(compared.new.contains(&"UNKNOWN_REF ../shared/dates.sql".to_owned()), "{compared:?}");
    #[cfg(unix)]
    assert!(compared.old.contains(&"UNKNOWN_REF models/linked/sums.sql".to_owned()), "{compared:?}");
    write(repo.root(), "elsewhere/sales/sums.sql", "select * from {{ ref('ciphers') }}\n");
    #[cfg(unix)]
    assert!(repo.since("HEAD").new.contains(&"UNKNOWN_REF models/linked/sums.sql".to_owned()));
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_and_to_nowhere_are_what_they_are_on_the_disk() {
    let repo = Repo::new();
    std::os::unix::fs::symlink("..", repo.project().join("models/up")).unwrap();
    std::os::unix::fs::symlink("nowhere", repo.project().join("models/lost.sql")).unwrap();
    repo.commit();
    let compared = repo.since("HEAD");
    assert_eq!((compared.new.len(), compared.fixed.len()), (0, 0), "{compared:?}");
    fs::remove_file(repo.project().join("models/up")).unwrap();
    assert_ne!(repo.since("HEAD").fixed.len(), 0);
}

#[test]
fn a_worktree_compares_with_its_own_repository() {
    let repo = Repo::new();
    let other = tempfile::tempdir().unwrap();
    let there = other.path().join("branch");
    git(repo.root(), &["worktree", "add", "--quiet", "-b", "branch", &there.to_string_lossy()]);
    write(&there, "models/payments.sql", "select * from {{ ref('refunds') }}\n");
    let output = harness(&there, &["check", "--since", "main", "--rule", "UNKNOWN_REF"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(out(&output).contains("0 fixed, 1 old not shown"), "{}", out(&output));
}

#[test]
fn a_submodule_is_read_at_the_commit_it_stood_at() {
    let shared = Repo::new();
    shared.write("dbt_project.yml", "name: shared\n");
    shared.write("models/orders.sql", "select 1 as id\n");
    shared.write("macros/m.sql", "{% macro amount() %}1{% endmacro %}\n");
    shared.commit();
    let repo = Repo::new();
    git(repo.root(), &["submodule", "--quiet", "add", &shared.root().to_string_lossy(), "shared"]);
    repo.write("packages.yml", "packages:\n  - local: shared\n");
    repo.write("models/payments.sql", "select {{ shared.amount() }} as id\n");
    repo.commit();
    let module = repo.root().join("shared");
    write(&module, "macros/m.sql", "{% macro sum() %}1{% endmacro %}\n");
    git(&module, &["commit", "--quiet", "--all", "--message", "x"]);
    let output = harness(repo.root(), &["check", "--since", "HEAD", "--format", "json"]);
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    let new: Vec<String> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["status"] == "new")
        .map(shown)
        .collect();
    assert_eq!(new, ["UNKNOWN_MACRO models/payments.sql"], "{}", err(&output));
}

#[test]
fn installed_packages_are_those_of_the_disk_on_both_sides() {
    let repo = Repo::new();
    repo.write("packages.yml", "packages:\n  - package: a/tools\n    version: 1.0.0\n");
    repo.write("models/orders.sql", "select {{ tools.amount() }} as id\n");
    repo.commit();
    repo.write("dbt_packages/tools/dbt_project.yml", "name: tools\n");
    repo.write("dbt_packages/tools/macros/m.sql", "{% macro amount() %}1{% endmacro %}\n");
    let compared = |text: &str| {
        repo.write("models/orders.sql", text);
        let output = harness(repo.root(), &["check", "--since", "HEAD", "--format", "json"]);
        let document: Value = serde_json::from_str(&out(&output)).unwrap();
        (document["summary"]["new"].clone(), document["summary"]["fixed"].clone(), err(&output))
    };
    let installed = compared("select {{ tools.amount() }} as id\n");
    assert_eq!((installed.0, installed.1), (0.into(), 0.into()));
    assert!(installed.2.contains("nothing differs"), "{}", installed.2);
    repo.write(".gitignore", "dbt_packages/\n");
    let ignored = compared("select {{ tools.amount() }} as id\n");
    assert_eq!((ignored.0, ignored.1), (0.into(), 0.into()));
    assert_eq!(compared("select {{ tools.sum() }} as id\n").0, 1);
}

#[test]
fn what_is_ignored_was_there_before_and_what_is_tracked_by_now_was_not() {
    let repo = Repo::new();
    repo.write(".gitignore", "models/scratch/\n/models/draft.sql\n");
    repo.commit();
    repo.write("models/scratch/a.sql", "select * from {{ ref('x') }}\n");
    repo.write("models/draft.sql", "select * from {{ ref('y') }}\n");
    let compare = || {
        let output = harness(repo.root(), &["check", "--since", "HEAD~1", "--format", "json", "--rule", "UNKNOWN_REF"]);
        let document: Value = serde_json::from_str(&out(&output)).unwrap();
        (document["summary"]["new"].clone(), document["summary"]["old"].clone())
    };
    assert_eq!(compare(), (0.into(), 3.into()));
    git(repo.root(), &["add", "--force", "models/draft.sql"]);
    git(repo.root(), &["commit", "--quiet", "--message", "x"]);
    git(repo.root(), &["commit", "--quiet", "--allow-empty", "--message", "x"]);
    let output = harness(repo.root(), &["check", "--since", "HEAD~2", "--format", "json", "--rule", "UNKNOWN_REF"]);
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((&document["summary"]["new"], &document["summary"]["old"]), (&1.into(), &2.into()));
}

#[test]
fn each_side_is_judged_by_its_own_rules() {
    let repo = Repo::new();
    repo.write("harness.yml", "rules:\n  UNKNOWN_REF: off\n");
    repo.commit();
    repo.write("harness.yml", "rules:\n  UNKNOWN_REF: error\n");
    let compared = repo.since("HEAD");
    assert!(compared.new.contains(&"UNKNOWN_REF models/orders.sql".to_owned()), "{compared:?}");
    repo.commit();
    repo.write(
        "harness/rules/short-name.md",
        "---\nseverity: error\nmessage: \"too short.\"\n---\n# Names\n\nX.\n```datalog\nfinding(node: m) :- model(m, n, _), length(n) < 9.\n```\n",
    );
    let compared = repo.since("HEAD");
    assert!(compared.new.contains(&"SHORT_NAME models/orders.sql".to_owned()), "{compared:?}");
    repo.commit();
    repo.remove("harness/rules/short-name.md");
    let compared = repo.since("HEAD");
    assert!(compared.fixed.contains(&"SHORT_NAME models/orders.sql".to_owned()), "{compared:?}");
}

#[test]
fn house_rules_that_were_broken_are_replaced_by_those_of_now() {
    let repo = Repo::new();
    repo.write("harness.yml", "rulez: {}\n");
    repo.commit();
    repo.write("harness.yml", "rules: {}\n");
    let output = harness(repo.root(), &["check", "--since", "HEAD"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(err(&output).contains("harness.yml was broken at that commit"), "{}", err(&output));
}

#[test]
fn a_parked_finding_is_old_though_the_change_made_it() {
    let repo = Repo::new();
    repo.write("models/payments.sql", "select * from {{ ref('refunds') }}\n");
    assert_eq!(code(&harness(repo.root(), &["check", "--write-baseline"])), 0);
    let output = harness(repo.root(), &["check", "--since", "HEAD", "--baseline", "harness-baseline.ndjson"]);
    assert_eq!(code(&output), 0, "{}", out(&output));
    assert_eq!(code(&harness(repo.root(), &["check", "--since", "HEAD"])), 1);
}

#[test]
fn a_project_that_was_not_there_is_all_new() {
    let repo = Repo::new();
    write(repo.root(), "other/dbt_project.yml", "name: other\n");
    write(repo.root(), "other/models/a.sql", "select * from {{ ref('b') }}\n");
    let output = harness(&repo.root().join("other"), &["check", "--since", "HEAD", "--rule", "UNKNOWN_REF"]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("HEAD has no dbt_project.yml in this folder, so all is new"), "{}", err(&output));
    assert!(out(&output).contains("0 fixed, 0 old not shown"), "{}", out(&output));
}

#[test]
fn three_dots_mean_where_the_histories_have_parted() {
    let repo = Repo::new();
    git(repo.root(), &["switch", "--quiet", "--create", "branch"]);
    repo.write("models/payments.sql", "select * from {{ ref('refunds') }}\n");
    repo.commit();
    git(repo.root(), &["switch", "--quiet", "main"]);
    repo.write("models/customers.sql", "select 1 as id\n");
    repo.commit();
    git(repo.root(), &["switch", "--quiet", "branch"]);
    // Main has mended a finding by now that this branch still has.
    let direct = repo.since("main");
    assert!(direct.new.contains(&"UNKNOWN_REF models/orders.sql".to_owned()), "{direct:?}");
    let parted = repo.since("main...");
    assert!(!parted.new.contains(&"UNKNOWN_REF models/orders.sql".to_owned()), "{parted:?}");
    assert!(parted.new.contains(&"UNKNOWN_REF models/payments.sql".to_owned()), "{parted:?}");
    assert_eq!(repo.since("main...HEAD").new, parted.new);
}

#[test]
fn what_names_no_commit_is_refused_with_what_may_be_meant() {
    let repo = Repo::new();
    git(repo.root(), &["tag", "release-1"]);
    for (name, said) in [
        ("mian", "no commit is called 'mian' here.\n  → Did you mean main?"),
        ("relase-1", "Did you mean release-1?"),
        ("nothing-of-the-kind", "Fetch it with `git fetch`, or name a branch"),
        ("main..HEAD", "'main..HEAD' names a range.\n  → Name one commit"),
        ("HEAD~99", "no commit is called 'HEAD~99' here"),
        ("HEAD:models", "no commit is called 'HEAD:models' here"),
        ("", "'' names no commit"),
    ] {
        let told = refused(repo.root(), &["check", &format!("--since={name}")]);
        assert!(told.starts_with("harness: --since: ") && told.contains(said), "{name}: {told}");
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    let told = refused(folder.path(), &["check", "--since", "HEAD"]);
    assert!(told.contains("lies in no git repository") && told.contains("→ Leave out --since"), "{told}");
    git(folder.path(), &["init", "--quiet"]);
    let told = refused(folder.path(), &["check", "--since", "HEAD"]);
    assert!(told.contains("no commit is called 'HEAD'"), "{told}");
}

#[test]
fn a_branch_that_only_the_remote_has_is_named() {
    let origin = Repo::new();
    git(origin.root(), &["branch", "release"]);
    let clone = tempfile::tempdir().unwrap();
    git(clone.path(), &["clone", "--quiet", &origin.root().to_string_lossy(), "here"]);
    let told = refused(&clone.path().join("here"), &["check", "--since", "release"]);
    assert!(told.contains("Did you mean origin/release?"), "{told}");
}

#[test]
fn a_shallow_clone_says_how_to_fetch_the_rest() {
    let origin = Repo::new();
    origin.write("models/payments.sql", "select 1 as id\n");
    origin.commit();
    git(origin.root(), &["switch", "--quiet", "--create", "branch", "HEAD~1"]);
    origin.write("models/refunds.sql", "select 1 as id\n");
    origin.commit();
    let clone = tempfile::tempdir().unwrap();
    let url = format!("file://{}", origin.root().display());
    git(clone.path(), &["clone", "--quiet", "--depth", "1", "--no-single-branch", &url, "here"]);
    let here = clone.path().join("here");
    for name in ["HEAD~1", "origin/main..."] {
        let told = refused(&here, &["check", "--since", name]);
        assert!(told.contains("shallow") && told.contains("git fetch --unshallow"), "{name}: {told}");
        assert!(told.contains("fetch-depth: 0"), "{told}");
    }
    // What is there is compared with.
    assert_eq!(code(&harness(&here, &["check", "--since", "origin/main"])), 0);
}

#[test]
fn objects_that_a_clone_lacks_are_never_taken_for_new() {
    let repo = Repo::new();
    repo.write("models/orders.sql", "select 1 as id\n");
    repo.commit();
    let blob = git(repo.root(), &["rev-parse", "HEAD~1:models/orders.sql"]);
    let object = repo.root().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    fs::remove_file(object).unwrap();
    let told = refused(repo.root(), &["check", "--since", "HEAD~1"]);
    assert!(told.contains(&format!("the object {blob} is missing")) && told.contains("git fetch"), "{told}");
}

#[test]
fn line_ends_that_a_checkout_wrote_are_no_change() {
    let repo = Repo::new();
    repo.write("models/orders.sql", "select * from {{ ref('customers') }}\r\n");
    git(repo.root(), &["config", "core.autocrlf", "true"]);
    let output = harness(repo.root(), &["check", "--since", "HEAD"]);
    assert!(err(&output).contains("nothing differs"), "{}", err(&output));
}

#[test]
fn a_baseline_of_the_changes_is_not_written() {
    let repo = Repo::new();
    let told = refused(repo.root(), &["check", "--since", "HEAD", "--write-baseline"]);
    assert!(told.contains("--since would leave a part of it out"), "{told}");
}
