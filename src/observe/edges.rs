//! Names that mean nothing here: refs, sources, macros; and parents that are switched off.

use super::Rows;
use super::child::{Child, living, sections};
use super::missing::{Missing, Name};
use super::resources::{self, Lost};
use super::units;
use crate::db::{DirectoryOf, FileKind, SourceFile, of_section};
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::absent::is_absent_package;
use crate::project::builtins;
use crate::project::data_tests::{Test, facts, tests_of_directory, unknown_kind};
use crate::project::flags::stops_at;
use crate::project::graph::{Resolved, resolve_function, resolve_ref, resolve_source};
use crate::project::jinja::run::{Owner, RefCall, Site, SourceCall, UnknownCall};
use crate::project::macro_calls::lost_dispatches;
use crate::project::macros::{blocks, definition};
use crate::project::nodes::{Node, Reference, unique_id};
use crate::project::packages::is_whole;
use crate::syntax::jinja::blocks::BlockKind;
use crate::syntax::span::Span;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a call names, and how its names resolve.
struct Called<'db> {
    child: Child<'db>,
    name: Name,
    sites: Vec<Site>,
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
        let mut seen: BTreeMap<(bool, String, Option<Arc<str>>), Called<'db>> = BTreeMap::new();
        let mut note = |name: Name, site: Site, outcome| {
            let key = (name.source.is_some(), name.shown(), name.version.clone());
            let called = seen.entry(key).or_insert_with(|| Called { child, name, sites: Vec::new(), outcome });
            called.sites.push(site);
        };
        let is_sure = |call: &&RefCall| !trace.unsure.contains(call);
        for call in trace.refs.iter().filter(is_sure).filter(|call| !child.is_own_target(db, call)) {
            let name = Name::of_ref(call.package.clone(), call.name.clone(), call.version.clone());
            match resolve_ref(db, from, &Reference::of(call)) {
                Resolved::Found(_) => {}
                Resolved::Missing => note(name, call.site, Outcome::Missing),
                Resolved::Disabled(parent) => note(name, call.site, Outcome::Disabled(Some(parent))),
            }
        }
        for call in &trace.functions {
            let name = Name::of_ref(call.package.clone(), call.name.clone(), None);
            match resolve_function(db, from, call.package.as_deref(), &call.name) {
                Resolved::Found(_) => {}
                Resolved::Missing => note(name, call.site, Outcome::Missing),
                Resolved::Disabled(parent) => note(name, call.site, Outcome::Disabled(Some(parent))),
            }
        }
        let is_sure = |call: &&SourceCall| !trace.unsure_sources.contains(call);
        for call in trace.sources.iter().filter(is_sure).filter(|call| !child.is_own_source(db, call)) {
            let name = Name::of_source(call.source.clone(), call.table.clone());
            match resolve_source(db, from, &call.source, &call.table) {
                Resolved::Found(_) => {}
                Resolved::Missing => note(name, call.site, Outcome::Missing),
                Resolved::Disabled(_) => note(name, call.site, Outcome::Disabled(None)),
            }
        }
        all.extend(seen.into_values());
    }
    all
}

fn places<'db>(rows: &Rows<'db>, called: &Called<'db>) -> (Place, Vec<Place>) {
    let (child, sites) = (called.child, called.sites.iter().copied().collect::<BTreeSet<Site>>());
    let mut places: Vec<Place> = match called.child.arguments_that_name(rows, &called.name) {
        found if found.is_empty() => sites.into_iter().map(|site| child.call(rows, site)).collect(),
        found => found,
    };
    places.dedup();
    let first = if places.is_empty() { child.start(rows) } else { places.remove(0) };
    (first, places)
}

/// Whether dbt only warns of a name that leads nowhere: in a test, unless flags make an error of it.
fn is_mild(rows: &Rows<'_>, child: Child<'_>) -> bool {
    child.is_test() && !stops_at(rows.db, "NodeNotFoundOrDisabled")
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
        match (&called.outcome, called.name.source.is_some()) {
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
    let missing = Missing::of(db, &called.name)?;
    let (place, locations) = places(rows, &called);
    let child = called.child.id(db);
    Some(Observation {
        node: Some(child.clone()),
        subject: vec![child, called.name.shown().into()],
        place,
        locations,
        severity: (missing.is_unsure || is_mild(rows, called.child)).then_some(Severity::Warning),
        args: vec![
            ("name", called.name.shown()),
            ("child_name", called.child.name(db).to_string()),
            ("hint", missing.hint),
            ("missing", missing.what),
        ],
    })
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
    let (place, locations) = places(rows, &called);
    let child = called.child.id(db);
    let shown = called.name.shown();
    let parent = match called.outcome {
        Outcome::Disabled(Some(parent)) => unique_id(db, parent).clone(),
        Outcome::Disabled(None) | Outcome::Missing => shown.as_str().into(),
    };
    Observation {
        node: Some(child.clone()),
        subject: vec![child, parent],
        place,
        locations,
        severity: is_mild(rows, called.child).then_some(Severity::Warning),
        args: vec![("child_name", called.child.name(db).to_string()), ("parent_name", shown)],
    }
}

/// A name and what calls it: a node's unique_id where it is a node, and the caller's own name.
type Caller = (Arc<str>, Option<Arc<str>>, String);

/// A macro that is not there, and where it is called from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UnknownMacro {
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
            if call.dotted && !is_whole && may_be_absent(db, &call.name) || !is_living && !call.stops {
                continue;
            }
            let Some((place, owner, owner_name)) = place_of_unknown(rows, child, call) else { continue };
            let stops_at = call.stops.then(|| child.call(rows, call.from));
            found.push(UnknownMacro { name: call.name.clone(), place, owner, owner_name, stops_at });
        }
    }
    let is_macro_file = |file: &&SourceFile| matches!(file.kind(db), FileKind::Macro | FileKind::Test);
    for file in key.directory(db).files(db).iter().filter(is_macro_file) {
        for block in blocks(db, *file).blocks.iter().filter(|block| block.kind != BlockKind::Docs) {
            for (at, name) in lost_dispatches(db, *file, block.span) {
                let place = rows.place(*file, Span::new(at, at + name.len()));
                let owner_name = block.name.to_string();
                found.push(UnknownMacro { name, place: place.clone(), owner: None, owner_name, stops_at: Some(place) });
            }
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

/// Each name once a caller, at its first call.
pub(super) fn unknown_macro(rows: &Rows<'_>) -> Vec<Observation> {
    let mut calls: BTreeMap<Caller, (BTreeSet<Place>, BTreeSet<Place>)> = BTreeMap::new();
    let all = sections(rows.db).flat_map(|section| unknown_macros_of_section(rows.db, section));
    for UnknownMacro { name, place, owner, owner_name, stops_at } in all {
        let (places, stops) = calls.entry((name.clone(), owner.clone(), owner_name.clone())).or_default();
        places.insert(place.clone());
        stops.extend(stops_at.clone());
    }
    let violation = |((name, node, child_name), (places, stops)): (Caller, (BTreeSet<Place>, BTreeSet<Place>))| {
        // Where a macro makes the call, those that call the macro are told with it.
        let further: Vec<Place> = stops.iter().filter(|place| !places.contains(place)).cloned().collect();
        let mut places = places.into_iter();
        let place = places.next()?;
        Some(Observation {
            node,
            subject: vec![name.clone()],
            place,
            locations: places.chain(further).collect(),
            severity: stops.is_empty().then_some(Severity::Warning),
            args: vec![("name", name.to_string()), ("child_name", child_name)],
        })
    };
    calls.into_iter().filter_map(violation).collect()
}

/// Whether a dotted name may be a macro of a package that is not here.
fn may_be_absent(db: &dyn salsa::Database, name: &str) -> bool {
    name.split('.').next().is_none_or(|space| is_absent_package(db, space))
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
