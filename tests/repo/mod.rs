//! Git repositories with a dbt project in them, for tests.

#![allow(unreachable_pub, dead_code, reason = "a module of tests; none needs all of it")]

use super::program::write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A git repository with a dbt project in it.
pub struct Repo {
    folder: TempDir,
    /// The project's folder, from the root on.
    pub below: &'static str,
}

/// A command of git that no setting of the machine reaches.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A").env(format!("GIT_{role}_EMAIL"), "a@example.com");
        command.env(format!("GIT_{role}_DATE"), "2026-01-01T00:00:00Z");
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").env("HOME", "/nowhere");
    let usual = ["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always"];
    let output = command.current_dir(folder).args(usual).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const ORDERS: &str = "select * from {{ ref('customers') }}\n";

impl Repo {
    /// A project whose one model reads one that is not there, committed.
    pub fn new() -> Self {
        Self::below("")
    }

    pub fn below(below: &'static str) -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap(), below };
        git(repo.root(), &["init", "--quiet"]);
        repo.write("dbt_project.yml", "name: shop\n");
        repo.write("models/orders.sql", ORDERS);
        repo.commit();
        repo
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn project(&self) -> PathBuf {
        self.root().join(self.below)
    }

    pub fn write(&self, path: &str, text: &str) {
        write(&self.project(), path, text);
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.project().join(path)).unwrap();
    }

    pub fn commit(&self) {
        git(self.root(), &["add", "--all"]);
        git(self.root(), &["commit", "--quiet", "--allow-empty", "--message", "x"]);
    }
}
