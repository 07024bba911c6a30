//! Every rule on every fixture, in one reviewed snapshot a fixture; and what must hold of each.

use harness::db::{Database, Invocation};
use harness::files::{Content, Disk, Tree};
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Outcome, Session, house_rules, on_large_stacks};
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let disk = Disk::new(&folder);
    disk.folders("").into_iter().map(|name| (name.clone(), folder.join(name))).collect()
}

/// All rules, also those that are off. The packs of other tools have their own cases, and would say much here.
fn check(folder: &Path, threads: usize) -> Outcome {
    let registry = Registry::embedded().unwrap();
    let disk = Disk::new(folder);
    let house = match disk.read("harness.yml") {
        Content::Text(text) => house_rules(registry, &text).unwrap(),
        _ => Default::default(),
    };
    let own = registry.rules().iter().filter(|rule| rule.presets.is_empty());
    let only = own.map(|rule| rule.id.to_string()).collect();
    on_large_stacks(threads, move || {
        let session = Session::load(Database::default(), &disk, house, Invocation::default());
        let mut outcome = session.check(registry, &Selection { only, skip: Vec::new() });
        outcome.merge_causes();
        outcome
    })
    .unwrap()
}

fn shown(outcome: &Outcome) -> String {
    let mut lines: Vec<String> = Vec::new();
    for finding in &outcome.findings {
        let at = finding.place.start;
        let more: Vec<String> =
            finding.locations.iter().map(|place| format!(" +{}:{}", place.path, place.start.line)).collect();
        lines.push(format!(
            "{}:{}:{} {} {} {}{}\n    → {}",
            finding.place.path,
            at.line,
            at.column,
            finding.severity.name(),
            finding.rule,
            finding.message,
            more.concat(),
            finding.remedy
        ));
    }
    lines.extend(outcome.notes.iter().map(|note| format!("note: {note}")));
    let summary = &outcome.summary;
    lines
        .push(format!("{} models, {} files, {} not understood", summary.models, summary.files, summary.not_understood));
    lines.join("\n")
}

#[test]
fn every_rule_on_every_fixture_is_as_reviewed() {
    for (name, folder) in fixtures() {
        insta::assert_snapshot!(name, shown(&check(&folder, 2)));
    }
}

#[test]
fn the_same_bytes_come_out_whatever_the_threads() {
    for (name, folder) in fixtures() {
        let first = check(&folder, 1);
        for threads in [1, 2, 8] {
            assert_eq!(check(&folder, threads), first, "{name} with {threads} threads");
        }
    }
}

#[test]
fn fingerprints_are_unique_within_a_run() {
    for (name, folder) in fixtures() {
        let mut seen = std::collections::BTreeSet::new();
        for finding in check(&folder, 2).findings {
            assert!(seen.insert(finding.fingerprint.clone()), "{name}: {} twice", finding.fingerprint);
        }
    }
}
