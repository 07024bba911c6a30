//! A `harness watch --format ndjson` that is running.

use super::{harness, write};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Nothing takes this long; a test that waits in vain must end.
const CAP: Duration = Duration::from_secs(120);

pub const ORDERS: &str = "models/orders.sql";

/// A project with one finding: orders refs what is not there.
pub fn project() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(temporary.path()).unwrap().join("shop");
    write(&folder, "dbt_project.yml", "name: shop\nprofile: shop\n");
    write(&folder, "harness.yml", "extends: strict\nlayers: {models: {reads: [models, source]}}\n");
    write(&folder, "models/customers.sql", "select 1 as id\n");
    write(&folder, ORDERS, "select *\nfrom {{ ref('customer') }}\n");
    (temporary, folder)
}

pub struct Watching {
    pub child: Child,
    folder: PathBuf,
    options: Vec<String>,
    lines: Receiver<String>,
    errors: Receiver<String>,
    /// The findings as they were added, without those that were removed.
    pub findings: Vec<String>,
    pub revision: u64,
}

/// What was told up to a settled.
#[derive(Debug, Default)]
pub struct Told {
    pub removed: Vec<String>,
    pub added: Vec<String>,
    pub changed: Vec<String>,
}

fn pass_on(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            if line.is_err() || sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}

impl Watching {
    /// Starts with further options, and waits for the first settled.
    pub fn start(folder: &Path, mode: &[&str], options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
            .args(["watch", "--format", "ndjson"])
            .args(mode)
            .args(options)
            .current_dir(folder)
            .env_remove("DBT_PROFILES_DIR")
            .env("HOME", "/nowhere")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = pass_on(child.stdout.take().unwrap());
        let errors = pass_on(child.stderr.take().unwrap());
        let mut watching = Self {
            child,
            folder: folder.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            lines,
            errors,
            findings: Vec::new(),
            revision: 0,
        };
        let told = watching.settled();
        assert_eq!((told.removed.len(), told.changed.len()), (0, 0), "{told:?}");
        watching.assert_fresh();
        watching
    }

    /// Asks for a look, and gives what it led to. The findings are those of a fresh run.
    pub fn look(&mut self) -> Told {
        let told = self.look_unequal();
        self.assert_fresh();
        told
    }

    /// The same where no fresh run would give findings.
    pub fn look_unequal(&mut self) -> Told {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        self.settled()
    }

    /// Waits for a line on the standard error that has some words.
    pub fn until_said(&mut self, words: &str) {
        while !self.errors.recv_timeout(CAP).unwrap().contains(words) {}
    }

    /// Reads up to the next settled.
    pub fn settled(&mut self) -> Told {
        let mut told = Told::default();
        loop {
            let line = self.lines.recv_timeout(CAP).unwrap_or_else(|_| {
                let _ = self.child.kill();
                panic!("no settled comes: {}", self.rest_of_errors())
            });
            let event: Value = serde_json::from_str(&line).unwrap();
            let finding = || {
                let object = line.split_once("\"finding\":").unwrap().1;
                object.strip_suffix('}').unwrap().to_owned()
            };
            match event["event"].as_str().unwrap() {
                "finding_removed" => {
                    let finding = finding();
                    let known = self.findings.iter().position(|known| *known == finding);
                    // What is removed was added, byte for byte.
                    self.findings.remove(known.unwrap());
                    told.removed.push(finding);
                }
                "finding_added" => {
                    self.findings.push(finding());
                    told.added.push(finding());
                }
                "settled" => {
                    assert_eq!(event["findings"], self.findings.len());
                    assert!(event["ms"].is_number());
                    self.revision = event["revision"].as_u64().unwrap();
                    let changed = event["changed_files"].as_array().unwrap();
                    told.changed = changed.iter().map(|path| path.as_str().unwrap().to_owned()).collect();
                    return told;
                }
                other => panic!("no event is called {other}"),
            }
        }
    }

    /// Reads until the findings are those of a fresh run, and gives all that was told on the way.
    pub fn until_fresh(&mut self) -> Told {
        let fresh = self.fresh();
        let mut all = Told::default();
        while self.sorted() != fresh || all.changed.is_empty() {
            let told = self.settled();
            all.removed.extend(told.removed);
            all.added.extend(told.added);
            all.changed.extend(told.changed);
        }
        all
    }

    /// Reads until a file is told to have changed.
    pub fn until_changed(&mut self, path: &str) -> Vec<String> {
        let mut changed = Vec::new();
        while !changed.iter().any(|other| other == path) {
            changed.extend(self.settled().changed);
        }
        changed
    }

    /// Reads until the findings are some, which may be at once.
    pub fn until(&mut self, findings: &[String]) {
        while self.sorted() != findings {
            self.settled();
        }
    }

    pub fn sorted(&self) -> Vec<String> {
        let mut sorted = self.findings.clone();
        sorted.sort();
        sorted
    }

    fn fresh(&self) -> Vec<String> {
        self.checked().1
    }

    /// The same where a fresh run can be made: of what is broken around the project, the last that could be used holds.
    pub fn fresh_where_there_is_one(&self) -> Option<Vec<String>> {
        let (code, fresh) = self.checked();
        matches!(code, 0 | 1).then_some(fresh)
    }

    fn checked(&self) -> (i32, Vec<String>) {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let output = harness(&self.folder, &[&["check", "--format", "ndjson"], options.as_slice()].concat());
        let mut fresh: Vec<String> = super::out(&output).lines().map(str::to_owned).collect();
        fresh.sort();
        (super::code(&output), fresh)
    }

    pub fn assert_fresh(&self) {
        assert_eq!(self.sorted(), self.fresh(), "the findings are those of a fresh run");
    }

    /// Waits for a line of standard error that holds a text.
    pub fn said(&self, text: &str) -> String {
        let mut all = String::new();
        while !all.contains(text) {
            let line = self.errors.recv_timeout(CAP);
            all.push_str(&line.unwrap_or_else(|_| panic!("nothing says {text:?}: {all}")));
            all.push('\n');
        }
        all
    }

    /// What else standard error says by the end of the program.
    pub fn rest_of_errors(&self) -> String {
        self.errors.iter().collect::<Vec<_>>().join("\n")
    }

    /// Ends its input, and waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rules of findings and their lines.
pub fn rules(findings: &[String]) -> Vec<String> {
    let shown = |finding: &String| {
        let finding: Value = serde_json::from_str(finding).unwrap();
        format!("{} {}:{}", finding["rule"].as_str().unwrap(), finding["path"].as_str().unwrap(), finding["line"])
    };
    findings.iter().map(shown).collect()
}
