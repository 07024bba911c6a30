//! Names that mean nothing here: refs, sources, macros; and parents that are switched off.

use super::Rows;
use super::child::{Child, living, sections};
use super::resources::{self, Lost};
use super::units;
use crate::db::{DirectoryOf, FileKind, of_section};
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::builtins;
use crate::project::data_tests::{Test, facts, tests_of_directory, unknown_kind};
use crate::project::graph::{Resolved, resolve_function, resolve_ref, resolve_source};
use crate::project::jinja::run::{Owner, Site, UnknownCall};
use crate::project::macros::definition;
use crate::project::nodes::{Node, Reference, unique_id};
use crate::project::packages::{Declared, absent_packages, is_whole, package_by_name};
use crate::syntax::span::Span;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a call names, and how its names resolve.
struct Called<'db> {
    child: Child<'db>,
    shown: String,
    sites: Vec<Site>,
    bare: bool,
    package: Option<Arc<str>>,
    is_source: bool,
    outcome: Outcome<'db>,
}

enum Outcome<'db> {
    Missing,
    Disabled(Option<Node<'db>>),
}

/// All calls of a directory's living nodes that do not lead to an enabled parent, one a child and name.
fn lost<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Called<'db>> {
    let mut all = Vec::new();
    for child in living(db, key) {
        let trace = child.trace(db);
        let from = child.package(db);
        let mut seen: BTreeMap<(bool, String), Called<'db>> = BTreeMap::new();
        let mut note = |shown: String, site: Site, package: Option<Arc<str>>, is_source: bool, outcome| {
            seen.entry((is_source, shown.clone()))
                .or_insert_with(|| Called {
                    child,
                    shown,
                    sites: Vec::new(),
                    bare: package.is_none(),
                    package,
                    is_source,
                    outcome,
                })
                .sites
                .push(site);
        };
        for call in trace.refs.iter().filter(|call| !child.is_own_target(db, call)) {
            let reference = Reference::of(call);
            let shown = match &call.package {
                Some(package) => format!("{package}.{}", call.name),
                None => call.name.to_string(),
            };
            match resolve_ref(db, from, &reference) {
                Resolved::Found(_) => {}
                Resolved::Missing => note(shown, call.site, call.package.clone(), false, Outcome::Missing),
                Resolved::Disabled(parent) => {
                    note(shown, call.site, call.package.clone(), false, Outcome::Disabled(Some(parent)));
                }
            }
        }
        for call in &trace.functions {
            match resolve_function(db, from, call.package.as_deref(), &call.name) {
                Resolved::Found(_) => {}
                Resolved::Missing => {
                    note(call.name.to_string(), call.site, call.package.clone(), false, Outcome::Missing);
                }
                Resolved::Disabled(parent) => {
                    note(
                        call.name.to_string(),
                        call.site,
                        call.package.clone(),
                        false,
                        Outcome::Disabled(Some(parent)),
                    );
                }
            }
        }
        for call in trace.sources.iter().filter(|call| !child.is_own_source(db, call)) {
            let shown = format!("{}.{}", call.source, call.table);
            match resolve_source(db, from, &call.source, &call.table) {
                Resolved::Found(_) => {}
                Resolved::Missing => note(shown, call.site, None, true, Outcome::Missing),
                Resolved::Disabled(_) => note(shown, call.site, None, true, Outcome::Disabled(None)),
            }
        }
        all.extend(seen.into_values());
    }
    all
}

fn places<'db>(rows: &Rows<'db>, child: Child<'db>, sites: &[Site]) -> (Place, Vec<Place>) {
    let sites: BTreeSet<Site> = sites.iter().copied().collect();
    let mut places: Vec<Place> = sites.into_iter().map(|site| child.call(rows, site)).collect();
    places.dedup();
    let first = if places.is_empty() { child.start(rows) } else { places.remove(0) };
    (first, places)
}

/// The names in one directory that lead nowhere.
#[derive(Debug, Clone, PartialEq, Default)]
struct LostNames {
    refs: Vec<Observation>,
    sources: Vec<Observation>,
    disabled: Vec<Observation>,
}

#[salsa::tracked(returns(ref))]
fn lost_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> LostNames {
    let rows = &Rows { db };
    let mut names = LostNames::default();
    for called in lost(db, key) {
        match (&called.outcome, called.is_source) {
            (Outcome::Disabled(_), _) => names.disabled.push(disabled(rows, called)),
            (Outcome::Missing, false) => names.refs.extend(unknown(rows, called)),
            (Outcome::Missing, true) => names.sources.extend(unknown(rows, called)),
        }
    }
    names
}

pub(super) fn unknown_ref_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    lost_in(rows.db, key).refs.clone()
}

pub(super) fn unknown_ref(rows: &Rows<'_>) -> Vec<Observation> {
    let mut found = resources::lost(rows, Lost::Ref);
    found.extend(units::lost(rows, Lost::Ref));
    found
}

pub(super) fn unknown_source_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    lost_in(rows.db, key).sources.clone()
}

pub(super) fn unknown_source(rows: &Rows<'_>) -> Vec<Observation> {
    let mut found = resources::lost(rows, Lost::Source);
    found.extend(units::lost(rows, Lost::Source));
    found
}

fn unknown<'db>(rows: &Rows<'db>, called: Called<'db>) -> Option<Observation> {
    let db = rows.db;
    let absent: Vec<&Declared> = absent_packages(db).collect();
    let names: Vec<&str> = absent.iter().map(|declared| declared.name.as_deref().unwrap_or(&declared.shown)).collect();
    let elsewhere = |package: &str| package_by_name(db, package).is_none() && may_define(&absent, package);
    if called.package.as_deref().is_some_and(elsewhere) {
        // PACKAGE_NOT_INSTALLED says it already.
        return None;
    }
    let unsure = called.bare && !absent.is_empty();
    let hint = if unsure {
        format!("; it may come from a package that is not installed: {}", names.join(", "))
    } else {
        String::new()
    };
    let (place, locations) = places(rows, called.child, &called.sites);
    let child = called.child.id(db);
    Some(Observation {
        node: Some(child.clone()),
        subject: vec![child, called.shown.as_str().into()],
        place,
        locations,
        severity: (unsure || called.child.is_test()).then_some(Severity::Warning),
        args: vec![("name", called.shown), ("child_name", called.child.name(db).to_string()), ("hint", hint)],
    })
}

/// Whether a package that is declared and not installed may bear this name.
fn may_define(absent: &[&Declared], package: &str) -> bool {
    absent.iter().any(|declared| declared.name.as_deref().is_none_or(|name| name == package))
}

pub(super) fn disabled_parent_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    lost_in(rows.db, key).disabled.clone()
}

pub(super) fn disabled_parent(rows: &Rows<'_>) -> Vec<Observation> {
    let mut found = resources::lost(rows, Lost::Disabled);
    found.extend(units::lost(rows, Lost::Disabled));
    found
}

fn disabled<'db>(rows: &Rows<'db>, called: Called<'db>) -> Observation {
    let db = rows.db;
    let (place, locations) = places(rows, called.child, &called.sites);
    let child = called.child.id(db);
    let parent = match called.outcome {
        Outcome::Disabled(Some(parent)) => unique_id(db, parent).clone(),
        Outcome::Disabled(None) | Outcome::Missing => called.shown.as_str().into(),
    };
    Observation {
        node: Some(child.clone()),
        subject: vec![child, parent],
        place,
        locations,
        severity: called.child.is_test().then_some(Severity::Warning),
        args: vec![("child_name", called.child.name(db).to_string()), ("parent_name", called.shown)],
    }
}

/// Where a name is called, and from what: a node's unique_id, where it is one, and a name.
type Callers = BTreeMap<Place, (Option<Arc<str>>, String)>;

/// A macro that is not there, and where it is called from.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownMacro {
    name: Arc<str>,
    place: Place,
    owner: Option<Arc<str>>,
    owner_name: String,
    /// The call in a node's own text through which dbt comes here and stops.
    stops_at: Option<Place>,
}

#[salsa::tracked(returns(deref))]
pub(super) fn unknown_macros_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<UnknownMacro> {
    let rows = &Rows { db };
    let is_whole = is_whole(db);
    let mut found = Vec::new();
    let living = living(db, key);
    // Tests that name nothing else are rendered all the same.
    let known: FxHashSet<Test<'_>> = living.iter().filter_map(|child| child.as_test()).collect();
    let tests = tests_of_directory(db, key.package(db), key.directory(db)).iter().copied();
    let others = tests.filter(|test| !known.contains(test)).map(Child::Test);
    for (child, is_living) in living.iter().map(|child| (*child, true)).chain(others.map(|child| (child, false))) {
        // dbt's own macros exist, also those that have no behaviour here.
        let unknown = child.trace(db).unknown.iter();
        for call in unknown.filter(|call| builtins::unique_id(db, &call.name).is_none()) {
            // An absent package may bring others with it, so no unknown namespace is surely a mistake.
            if call.dotted && !is_whole || !is_living && !call.stops {
                continue;
            }
            let Some((place, owner, owner_name)) = place_of_unknown(rows, child, call) else { continue };
            let stops_at = call.stops.then(|| child.call(rows, call.from));
            found.push(UnknownMacro { name: call.name.clone(), place, owner, owner_name, stops_at });
        }
    }
    // Generic tests whose macro nobody defines; dbt goes on and fails when it runs them.
    for test in tests_of_directory(db, key.package(db), key.directory(db)) {
        let name = unknown_kind(db, *test).filter(|_| facts(db, *test).enabled);
        let child = Child::Test(*test);
        found.extend(name.map(|name| UnknownMacro {
            name,
            place: child.start(rows),
            owner: Some(child.id(db)),
            owner_name: child.name(db).to_string(),
            stops_at: None,
        }));
    }
    found
}

of_section!(unknown_macros_of_section: unknown_macros_in => UnknownMacro);

/// One finding a name, at its first call: who adds or renames the macro mends all of them.
pub(super) fn unknown_macro(rows: &Rows<'_>) -> Vec<Observation> {
    let mut calls: BTreeMap<Arc<str>, (Callers, BTreeSet<Place>)> = BTreeMap::new();
    let all = sections(rows.db).flat_map(|section| unknown_macros_of_section(rows.db, section));
    for UnknownMacro { name, place, owner, owner_name, stops_at } in all {
        let (callers, stops) = calls.entry(name.clone()).or_default();
        callers.entry(place.clone()).or_insert_with(|| (owner.clone(), owner_name.clone()));
        stops.extend(stops_at.clone());
    }
    let violation = |(name, (places, stops)): (Arc<str>, (Callers, BTreeSet<Place>))| {
        // Where a macro makes the call, those that call the macro are told with it.
        let further: Vec<Place> = stops.iter().filter(|place| !places.contains_key(place)).cloned().collect();
        let mut places = places.into_iter();
        let (place, (node, child_name)) = places.next()?;
        Some(Observation {
            node,
            subject: vec![name.clone()],
            place,
            locations: places.map(|(place, _)| place).chain(further).collect(),
            severity: stops.is_empty().then_some(Severity::Warning),
            args: vec![("name", name.to_string()), ("child_name", child_name)],
        })
    };
    calls.into_iter().filter_map(violation).collect()
}

/// Where the call stands; `None` inside of a package, which is not this project's to mend.
fn place_of_unknown<'db>(
    rows: &Rows<'db>,
    child: Child<'db>,
    call: &UnknownCall,
) -> Option<(Place, Option<Arc<str>>, String)> {
    let db = rows.db;
    match &call.owner {
        Owner::Text => Some((child.call(rows, call.site), Some(child.id(db)), child.name(db).to_string())),
        Owner::Macro(package, name) => {
            let root = crate::db::Project::try_get(db)?.root(db);
            let (file, block) = definition(db, *package, name).filter(|_| *package == root)?;
            debug_assert!(matches!(file.kind(db), FileKind::Macro | FileKind::Test));
            let start = (block.span.start + call.site) as usize;
            let length = call.name.len();
            Some((rows.place(file, Span::new(start, start + length)), None, name.to_string()))
        }
    }
}
