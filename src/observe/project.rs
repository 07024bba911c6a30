//! What keeps dbt from reading the project, and what it reads other than was meant.

use super::refusals::refusals;
use super::{Rows, metrics, place, start_of_file};
use crate::db::{FileKind, Project, SourceFile};
use crate::derive::cycles::cycles;
use crate::files::Content;
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::data_tests::{Place as TestPlace, tests_of_package, text_errors};
use crate::project::graph::{Resolved, resolve_ref};
use crate::project::macros::{blocks, macro_errors};
use crate::project::nodes::{Node, Reference, nodes_of_package, rendering, unique_id};
use crate::project::packages::{absent_packages, declaration_span, project_file_errors, yaml};
use crate::project::properties::null_tests;
use crate::project::schema_yaml;
use crate::project::shapes::shape_errors;
use crate::relations::places::own_files;
use crate::syntax::span::SyntaxError;
use std::collections::BTreeMap;
use std::sync::Arc;

fn is_yaml(kind: FileKind) -> bool {
    matches!(kind, FileKind::ProjectFile | FileKind::PackagesFile | FileKind::Properties)
}

pub(super) fn parse_error(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let mut found: BTreeMap<(Place, String), Observation> = BTreeMap::new();
    let mut report = |place: Place, what: &str, fix: &str, severity: Option<Severity>| {
        let violation = Observation {
            node: None,
            subject: vec![place.path.clone()],
            place: place.clone(),
            locations: Vec::new(),
            severity,
            args: vec![("what", what.to_owned()), ("fix", fix.to_owned())],
        };
        found.entry((place, what.to_owned())).or_insert(violation);
    };
    for refusal in refusals(rows) {
        let severity = refusal.mild.then_some(Severity::Warning);
        report(refusal.place, &refusal.what, &refusal.fix, severity);
    }
    let mut add = |place: Place, what: &str, fix: &str| report(place, what, fix, None);
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let root = project.root(db);
    for (path, problem) in project.problems(db) {
        add(start_of_file(path), &problem.what, &problem.fix);
    }
    let mut add_all = |file: SourceFile, errors: &[SyntaxError]| {
        for error in errors {
            add(place(db, file, error.span), &error.message, &error.remedy);
        }
    };
    for file in own_files(db) {
        let kind = file.kind(db);
        if is_yaml(kind) {
            add_all(file, &yaml(db, file).errors);
        }
        match kind {
            FileKind::ProjectFile => add_all(file, project_file_errors(db, root)),
            FileKind::Properties => {
                let entries = schema_yaml::root(db, root, file);
                add_all(file, &null_tests(entries));
                add_all(file, &shape_errors(entries));
            }
            FileKind::Macro | FileKind::Test | FileKind::Snapshot => add_all(file, &blocks(db, file).errors),
            _ => {}
        }
    }
    for (file, error) in macro_errors(db, root) {
        add_all(file, &[error]);
    }
    for node in nodes_of_package(db, root) {
        add_all(node.file(db), &rendering(db, node).errors);
    }
    for test in tests_of_package(db, root).into_iter().filter(|test| test.place(db) == TestPlace::File) {
        add_all(test.file(db), text_errors(db, test));
    }
    for file in own_files(db) {
        if let Content::Unreadable(problem) = file.content(db) {
            add(start_of_file(file.path(db)), &problem.what, &problem.fix);
        }
    }
    found.into_values().collect()
}

pub(super) fn duplicate_yaml_key(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Vec::new();
    for file in own_files(db).into_iter().filter(|file| is_yaml(file.kind(db))) {
        for duplicate in &yaml(db, file).duplicates {
            let later = place(db, file, duplicate.last);
            found.push(Observation {
                node: None,
                subject: vec![file.path(db).clone(), duplicate.key.as_str().into()],
                place: place(db, file, duplicate.first),
                args: vec![
                    ("key", duplicate.key.clone()),
                    ("mapping", duplicate.path.clone()),
                    ("later_line", later.start.line.to_string()),
                ],
                locations: vec![later],
                severity: None,
            });
        }
    }
    found
}

pub(super) fn package_not_installed(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    absent_packages(db)
        .map(|declared| {
            let name = declared.name.as_ref().unwrap_or(&declared.shown);
            Observation {
                node: None,
                subject: vec![name.clone()],
                place: place(db, declared.file, declaration_span(db, declared)),
                locations: Vec::new(),
                severity: None,
                args: vec![("package", name.to_string())],
            }
        })
        .collect()
}

pub(super) fn cycle(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Vec::new();
    for cycle in cycles(db) {
        let ids: Vec<&Arc<str>> = cycle.iter().map(|node| node.text(db)).collect();
        let Some(first) = ids.first().and_then(|id| rows.node(id)) else { continue };
        let next = ids.get(1).or(ids.first()).map(|id| &***id).unwrap_or_default();
        let path: Vec<&str> = ids.iter().chain(ids.first()).map(|id| super::name_of(id)).collect();
        found.push(Observation {
            node: Some(unique_id(db, first).clone()),
            subject: ids.iter().map(|id| (*id).clone()).collect(),
            place: first_call(rows, first, next),
            locations: Vec::new(),
            severity: None,
            args: vec![("way", path.join(" → "))],
        });
    }
    found.extend(metrics::circular(rows));
    found
}

fn first_call<'db>(rows: &Rows<'db>, child: Node<'db>, parent: &str) -> Place {
    let db = rows.db;
    let calls = rendering(db, child).trace.refs.iter().filter(|call| {
        let reference =
            Reference::of(call);
        matches!(resolve_ref(db, child.package(db), &reference), Resolved::Found(node) if **unique_id(db, node) == *parent)
    });
    calls.map(|call| call.site).min().map_or_else(|| rows.start_of(child), |site| rows.call(child, site))
}
