//! Renderings that end early because of a macro: it fails, or is called with arguments that it does not take. One
//! cause is one finding, however many call the macro.

use super::child::{Child, sections};
use super::{Observation, Rows};
use crate::db::{DirectoryOf, Package, Project, of_section};
use crate::observe::Place;
use crate::project::data_tests::{self, called, tests_of_directory};
use crate::project::hooks::hooks_trace;
use crate::project::jinja::run::{Failure, FailureKind, Site};
use crate::project::macro_calls::macro_id;
use crate::project::macros::definition;
use crate::project::naming;
use crate::project::nodes::{nodes_of_directory, rendering};
use crate::syntax::span::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A failure, the call in the text itself that led to it, and whose text that is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failed {
    failure: Failure,
    call: Place,
    child: Arc<str>,
    child_name: Arc<str>,
    is_test: bool,
}

#[salsa::tracked(returns(deref))]
pub(super) fn failures_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Failed> {
    let rows = &Rows { db };
    let mut found = Vec::new();
    let mut add = |child: Child<'db>, failure: &Option<Failure>, call: &dyn Fn() -> Place| {
        found.extend(failure.iter().map(|failure| Failed {
            failure: failure.clone(),
            call: call(),
            child: child.id(db),
            child_name: child.name(db),
            is_test: child.is_test(),
        }));
    };
    for node in nodes_of_directory(db, key.package(db), key.directory(db)).iter().copied() {
        let (child, trace) = (Child::Node(node), &rendering(db, node).trace);
        add(child, &trace.failure, &|| rows.call(node, trace.last_site));
        add(child, &hooks_trace(db, node).failure, &|| rows.start_of(node));
    }
    for test in tests_of_directory(db, key.package(db), key.directory(db)).iter().copied() {
        // What dbt does not render cannot fail.
        let is_rendered = called(db, test).as_ref().is_none_or(|called| called.text.is_some());
        if is_rendered {
            let (child, trace) = (Child::Test(test), data_tests::rendering(db, test));
            add(child, &trace.failure, &|| child.call(rows, trace.last_site));
        }
    }
    found
}

of_section!(failures_of_section: failures_in => Failed);

fn all(db: &dyn salsa::Database) -> impl Iterator<Item = &Failed> {
    sections(db).flat_map(|key| failures_of_section(db, key))
}

/// The innermost call that stands in a macro of this project.
fn own_call(root: Package, failure: &Failure) -> Option<&(Package, Arc<str>, Site)> {
    failure.calls.iter().find(|(package, ..)| *package == root)
}

fn place_in_macro(rows: &Rows<'_>, (package, name, site): &(Package, Arc<str>, Site)) -> Option<Place> {
    let (file, block) = definition(rows.db, *package, name)?;
    let start = (block.span.start + site) as usize;
    let text = file.content(rows.db).text();
    let length = text.get(start..).unwrap_or_default().find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(0);
    Some(rows.place(file, Span::new(start, start + length)))
}

/// A cause: where it is told, what it is whoever meets it, and the calls that do, each with what it is told.
type Causes = BTreeMap<(Option<Place>, String), BTreeMap<Place, String>>;

/// A text without a word.
fn without_word(text: &str, word: &str) -> String {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut left = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        if !text[..at].ends_with(is_part) && !text[end..].starts_with(is_part) {
            left.push_str(&text[done..at]);
            done = end;
        }
    }
    left + &text[done..]
}

/// What is wrong with macros that fail, with its remedy: at the macro, or at the first call of one that is not this
/// project's to change or raises the error on purpose.
pub(super) fn broken_macros(rows: &Rows<'_>) -> Vec<(Place, String, String, Vec<Place>)> {
    let Some(root) = Project::try_get(rows.db).map(|project| project.root(rows.db)) else { return Vec::new() };
    let mut causes: Causes = BTreeMap::new();
    let mut remedies: BTreeMap<String, Arc<str>> = BTreeMap::new();
    for failed in all(rows.db) {
        let failure = &failed.failure;
        let Some((package, name, _)) = failure.calls.first() else { continue };
        let within =
            format!("{} (in macro `{}`)", failure.message, macro_id(rows.db, *package, name).replacen("macro.", "", 1));
        let (place, message) = match failure.kind {
            FailureKind::Arguments(..) => continue,
            FailureKind::Raised => (None, within),
            FailureKind::Broken => {
                let own = own_call(root, failure);
                // How a package's test is rendered here is not dbt's own word.
                if failed.is_test && own.is_none() {
                    continue;
                }
                let is_own = *package == root;
                (
                    own.and_then(|call| place_in_macro(rows, call)),
                    if is_own { failure.message.to_string() } else { within },
                )
            }
        };
        remedies.entry(message.clone()).or_insert_with(|| failure.remedy.clone());
        // Some macros name who calls them in what they raise.
        let cause = without_word(&message, &failed.child_name);
        causes.entry((place, cause)).or_default().insert(failed.call.clone(), message);
    }
    let finding = |((place, _), calls): ((Option<Place>, String), BTreeMap<Place, String>)| {
        let message = calls.values().next()?.clone();
        let mut calls = calls.into_keys();
        let place = place.or_else(|| calls.next())?;
        let remedy = remedies.get(&message).map(|remedy| remedy.to_string()).unwrap_or_default();
        Some((place, message, remedy, calls.collect()))
    };
    causes.into_iter().filter_map(finding).collect()
}

/// Calls of macros with arguments that these do not take.
pub(super) fn macro_arguments(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let mut found: BTreeMap<(Place, String), (Observation, BTreeSet<Place>)> = BTreeMap::new();
    for failed in all(db) {
        let FailureKind::Arguments(package, name) = &failed.failure.kind else { continue };
        let called = macro_id(db, *package, name);
        let own = own_call(root, &failed.failure).and_then(|call| Some((call, place_in_macro(rows, call)?)));
        let (node, caller, caller_name, place) = match &own {
            Some(((package, name, _), place)) => {
                (None, macro_id(db, *package, name).into(), name.clone(), place.clone())
            }
            None => (Some(failed.child.clone()), failed.child.clone(), failed.child_name.clone(), failed.call.clone()),
        };
        let what = failed.failure.message.to_string();
        let observation = || Observation {
            node,
            subject: vec![caller, called.as_str().into()],
            place: place.clone(),
            locations: Vec::new(),
            severity: None,
            args: vec![
                ("name", name.to_string()),
                ("child_name", caller_name.to_string()),
                ("what", what.clone()),
                ("fix", failed.failure.remedy.to_string()),
            ],
        };
        let entry = found.entry((place.clone(), what.clone())).or_insert_with(|| (observation(), BTreeSet::new()));
        if own.is_some() {
            entry.1.insert(failed.call.clone());
        }
    }
    let with_calls = |(observation, calls): (Observation, BTreeSet<Place>)| Observation {
        locations: calls.into_iter().collect(),
        ..observation
    };
    found.into_values().map(with_calls).chain(naming_macros(rows)).collect()
}

/// Macros by which dbt names tables, and which do not take the two arguments it gives them.
fn naming_macros(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Vec::new();
    for key in ["database", "schema", "alias"] {
        let Some((package, name)) = naming::project_macro(db, key) else { continue };
        let Some(template) = crate::project::macros::template(db, package, &name.as_str().into()) else { continue };
        let Some((file, block)) = definition(db, package, &name) else { continue };
        let count = template.parameters.len();
        if count >= 2 || template.uses_varargs {
            continue;
        }
        let id: Arc<str> = macro_id(db, package, &name).into();
        let what =
            format!("'{name}' takes {count} of the 2 arguments that dbt gives it, the custom {key} and the node");
        found.push(Observation {
            node: None,
            subject: vec![id.clone(), id],
            place: rows.place(file, block.name_span),
            locations: Vec::new(),
            severity: None,
            args: vec![
                ("name", name.clone()),
                ("child_name", name.clone()),
                ("what", what),
                ("fix", format!("Define it as `{name}(custom_{key}_name=none, node=none)`.")),
            ],
        });
    }
    found
}
