//! Entries of property files for what does not exist or is of another kind: dbt warns once and forgets them.

use super::{Rows, place};
use crate::db::{DirectoryOf, FileKind};
use crate::observe::Observation;
use crate::project::data;
use crate::project::data_tests::name as test_name;
use crate::project::data_tests::{Place as TestPlace, tests_of_package};
use crate::project::graph::named;
use crate::project::macros::{definition, macros_of_package};
use crate::project::nodes::{Node, NodeKind, is_enabled, nodes_of_package};
use crate::project::packages::is_whole;
use crate::project::properties::PatchKind;
use crate::project::schema_yaml;
use crate::similar;
use crate::syntax::yaml::Node as Yaml;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The key below which singular tests are described.
const TESTS: &str = "data_tests";

/// Entries of a directory's property files that dbt drops.
pub(super) fn unknown_patch_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Vec::new();
    for file in key.directory(db).files(db).iter().filter(|file| file.kind(db) == FileKind::Properties) {
        let root = schema_yaml::root(db, key.package(db), *file);
        let entries = |list: &str| root.get(list).and_then(Yaml::as_seq).unwrap_or_default();
        let mut add = |list: &str, entry: &Yaml, name: &str, what: String, hint: Option<String>| {
            let span = entry.get("name").map(|name| name.span).unwrap_or(entry.span);
            found.push(Observation {
                node: None,
                subject: vec![file.path(db).clone(), list.into(), name.into()],
                place: place(db, *file, span),
                locations: Vec::new(),
                severity: None,
                args: vec![
                    ("name", name.to_owned()),
                    ("kind", list.to_owned()),
                    ("what", what),
                    ("fix", hint.unwrap_or_else(|| "Correct the name, or delete the entry.".to_owned())),
                ],
            });
        };
        for kind in PatchKind::ALL {
            for entry in entries(kind.key()) {
                let Some(name) = own_name(entry) else { continue };
                let is_made_here = kind == PatchKind::Snapshot && entry.get("relation").is_some();
                if is_made_here || !versions(entry).is_empty() {
                    continue;
                }
                match fate(rows, key, kind, name) {
                    Fate::Applied => {}
                    Fate::Other(other) => {
                        let what = format!(
                            "'{name}' is a {}, and an entry of `{}:` does not describe it: dbt ignores the entry",
                            other.name(),
                            kind.key()
                        );
                        let fix = format!("Move the entry below `{}:`.", other.patch_kind().key());
                        add(kind.key(), entry, name, what, Some(fix));
                    }
                    Fate::Lost => {
                        let tests = match tests_below(entry) {
                            0 => String::new(),
                            1 => " and its data test".to_owned(),
                            count => format!(" and its {count} data tests"),
                        };
                        let what = format!("no {} is called '{name}': dbt ignores the entry{tests}", word(kind));
                        add(kind.key(), entry, name, what, near(rows, key, kind, name));
                    }
                }
            }
        }
        for entry in entries(TESTS) {
            let Some(name) = own_name(entry) else { continue };
            let tests = tests_of_package(db, key.package(db)).into_iter();
            let mut singular = tests.filter(|test| test.place(db) == TestPlace::File);
            if !singular.any(|test| *test_name(db, test) == *name) {
                let what = format!("no singular data test is called '{name}': dbt ignores the entry");
                add(TESTS, entry, name, what, None);
            }
        }
    }
    found
}

/// A name that is known here.
fn own_name(entry: &Yaml) -> Option<&str> {
    entry.get("name").and_then(Yaml::as_str).filter(|name| !data::has_jinja(name) && !data::is_unknown(name))
}

fn versions(entry: &Yaml) -> &[Yaml] {
    entry.get("versions").and_then(Yaml::as_seq).unwrap_or_default()
}

fn word(kind: PatchKind) -> &'static str {
    match kind {
        PatchKind::Model => "model",
        PatchKind::Seed => "seed",
        PatchKind::Snapshot => "snapshot",
        PatchKind::Analysis => "analysis",
        PatchKind::Function => "function",
        PatchKind::Macro => "macro",
    }
}

/// What becomes of an entry.
enum Fate {
    Applied,
    /// A node of another kind bears the name.
    Other(NodeKind),
    Lost,
}

fn fate<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>, kind: PatchKind, name: &str) -> Fate {
    let db = rows.db;
    if kind == PatchKind::Macro {
        // dbt looks into the entry's own package alone.
        return if definition(db, key.package(db), name).is_some() { Fate::Applied } else { Fate::Lost };
    }
    let all = named(db, name);
    if all.iter().any(|node| node.kind(db).patch_kind() == kind) {
        return Fate::Applied;
    }
    let is_one_lookup = matches!(kind, PatchKind::Model | PatchKind::Seed | PatchKind::Snapshot);
    let mut others = all.iter().filter(|node| node.kind(db).is_refable() && is_enabled(db, **node));
    match others.next().filter(|_| is_one_lookup) {
        Some(other) => Fate::Other(other.kind(db)),
        None if is_whole(db) => Fate::Lost,
        // A package that is not installed may have it.
        None => Fate::Applied,
    }
}

/// How many data tests an entry declares.
fn tests_below(entry: &Yaml) -> usize {
    let own = |entry: &Yaml| -> usize {
        ["tests", TESTS].iter().filter_map(|key| entry.get(key)?.as_seq()).map(<[_]>::len).sum()
    };
    let columns = entry.get("columns").and_then(Yaml::as_seq).unwrap_or_default();
    own(entry) + columns.iter().map(own).sum::<usize>()
}

fn near<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>, kind: PatchKind, name: &str) -> Option<String> {
    let db = rows.db;
    let package = key.package(db);
    let names: BTreeSet<Arc<str>> = match kind {
        PatchKind::Macro => macros_of_package(db, package).iter().map(|(name, _)| name.clone()).collect(),
        _ => {
            let is_kind = |node: &Node<'db>| node.kind(db).patch_kind() == kind;
            nodes_of_package(db, package).into_iter().filter(is_kind).map(|node| node.name(db).clone()).collect()
        }
    };
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    similar::nearest(name, names.iter().copied()).map(similar::question)
}
