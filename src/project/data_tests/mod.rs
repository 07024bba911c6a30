//! Data tests: the generic ones that YAML declares and the singular ones that are SQL files of their
//! own. Also what is like them: unit tests, and the operations of a project's hooks.

pub mod call;
pub mod declared;
pub mod naming;
pub mod operations;
mod shapes;
pub mod singular;
pub mod unit;

use self::call::Called;
use self::declared::{Declared, Target};
pub use self::declared::{nests_arguments, takes_spaces};
pub use self::shapes::test_errors;
use crate::db::{Directory, DirectoryOf, FileKind, Package, Section, SourceFile};
use crate::project::absent::is_absent_package;
use crate::project::config;
use crate::project::data;
use crate::project::graph::{Parents, Resolved, resolve_function, resolve_ref, resolve_source};
use crate::project::jinja::run::{Names, Run, Scale, Subject, Trace};
use crate::project::jinja::{Minijinja, Renderer};
use crate::project::macro_calls::nameable_from;
use crate::project::macros::{MacroName, is_builtin, twice};
use crate::project::nodes::{Node, Reference, folders, once_each, stem};
use crate::project::packages::{dbt_packages, package_name};
use crate::project::{calls, jinja};
use crate::syntax::jinja::rewrite::{Scope, rewrite};
use crate::syntax::span::{Span, SyntaxError};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Which part of its file a test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// One of those a YAML file declares.
    Declared(u32),
    /// The SQL file itself.
    File,
}

#[salsa::interned(revisions = usize::MAX)]
pub struct Test<'db> {
    #[returns(copy)]
    pub package: Package,
    #[returns(copy)]
    pub file: SourceFile,
    #[returns(copy)]
    pub place: Place,
}

impl std::fmt::Debug for Test<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Test").field(&salsa::plumbing::AsId::as_id(self)).finish()
    }
}

#[salsa::tracked(returns(deref))]
fn tests_of<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Test<'db>> {
    let package = key.package(db);
    let mut found = Vec::new();
    for file in key.directory(db).files(db) {
        match file.kind(db) {
            FileKind::Properties => {
                let count = declared::declared(db, package, *file).len() as u32;
                found.extend((0..count).map(|index| Test::new(db, package, *file, Place::Declared(index))));
            }
            FileKind::Test if singular::is_singular(db, *file) => {
                found.push(Test::new(db, package, *file, Place::File));
            }
            _ => {}
        }
    }
    found
}

/// The data tests of one directory of a package, in the order of its files.
pub fn tests_of_directory<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> &'db [Test<'db>] {
    if is_builtin(db, package) {
        return &[];
    }
    tests_of(db, DirectoryOf::new(db, package, directory))
}

#[salsa::tracked(returns(deref))]
fn living_tests_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Test<'db>> {
    tests_of(db, key).iter().copied().filter(|test| facts(db, *test).enabled && tested(db, *test).complete).collect()
}

/// Those that are enabled and whose parents are.
pub fn living_tests<'db>(db: &'db dyn salsa::Database, package: Package, directory: Directory) -> &'db [Test<'db>] {
    if is_builtin(db, package) {
        return &[];
    }
    living_tests_in(db, DirectoryOf::new(db, package, directory))
}

/// All data tests of a package, in the order of their files.
pub fn tests_of_package<'db>(db: &'db dyn salsa::Database, package: Package) -> Vec<Test<'db>> {
    let sections = package.sections(db).filter(|_| !is_builtin(db, package));
    sections.flat_map(|section| tests_of_section(db, section)).copied().collect()
}

#[salsa::tracked(returns(deref))]
fn tests_of_section<'db>(db: &'db dyn salsa::Database, section: Section<'db>) -> Vec<Test<'db>> {
    section.directories(db).flat_map(|key| tests_of(db, key)).copied().collect()
}

/// Where a test stands in its file: the name of its kind, or the file's beginning.
pub fn test_span<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Span {
    match test.place(db) {
        Place::Declared(index) => {
            let spans = declared::spans(db, test.package(db), test.file(db));
            spans.get(index as usize).copied().unwrap_or_default()
        }
        Place::File => Span::default(),
    }
}

/// The name of a generic test that nobody defines, not even a package that is only absent. dbt goes
/// on and would fail when it runs the test.
pub fn unknown_kind<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Option<Arc<str>> {
    let declared = declaration(db, test)?;
    let is_nowhere = |called: &call::Called| match &declared.namespace {
        Some(space) if called.is_elsewhere => !is_absent_package(db, space),
        _ => called.macro_id.is_none(),
    };
    let nobodys = called(db, test).as_ref().is_some_and(is_nowhere);
    nobodys.then(|| match &declared.namespace {
        Some(space) => format!("{space}.{}", declared.kind).into(),
        None => declared.kind.clone(),
    })
}

/// One query a test: a change of one declaration reaches this test and no other of its file.
#[salsa::tracked(returns(as_ref))]
pub fn declaration<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Option<Declared> {
    match test.place(db) {
        Place::Declared(index) => declared::declared(db, test.package(db), test.file(db)).get(index as usize).cloned(),
        Place::File => None,
    }
}

/// dbt's name of a test: the whole one, also where the table's is cut.
pub fn name<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Arc<str> {
    match declaration(db, test) {
        Some(declared) => declared.name.clone(),
        None => stem(test.file(db).path(db)),
    }
}

pub fn test_id<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Arc<str> {
    let id = format!("test.{}.{}", package_name(db, test.package(db)), name(db, test));
    match declaration(db, test) {
        Some(declared) => format!("{id}.{}", declared.hash).into(),
        None => id.into(),
    }
}

fn fqn<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Vec<Arc<str>> {
    let file = test.file(db);
    let mut fqn = vec![package_name(db, test.package(db)).clone()];
    match test.place(db) {
        Place::File => fqn.extend(folders(db, file)),
        // Below the first folder of the path, whatever resource path that belongs to.
        Place::Declared(_) => {
            let path: &str = file.package_path(db);
            if let Some((folders, _)) = path.rsplit_once('/') {
                fqn.extend(folders.split('/').skip(1).map(Arc::from));
            }
        }
    }
    fqn.push(name(db, test));
    fqn
}

/// What dbt renders for a generic test, or why it renders nothing.
#[salsa::tracked(returns(ref))]
pub fn called<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Option<Called> {
    declaration(db, test).map(|declared| call::called(db, test.package(db), declared))
}

/// A test as its own Jinja sees it.
pub fn subject<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Subject {
    let file = test.file(db);
    Subject {
        unique_id: test_id(db, test),
        resource_type: "test",
        name: name(db, test),
        package_name: package_name(db, test.package(db)).clone(),
        path: file.package_path(db).clone(),
        fqn: fqn(db, test),
    }
}

/// What a test asked for when it was rendered. Offsets of a generic test mean nothing: its text is
/// made here.
#[salsa::tracked(returns(ref))]
pub fn rendering<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Trace {
    let file = test.file(db);
    let made = match (test.place(db), called(db, test)) {
        (Place::Declared(_), Some(called)) => match &called.text {
            Some(text) => Some(text),
            None => return Trace::default(),
        },
        (Place::Declared(_), None) => return Trace::default(),
        (Place::File, _) => None,
    };
    let text = made.map_or_else(|| file.content(db).text(), String::as_str);
    let mut run = Run::new(test.package(db), Names::All, subject(db, test)).within(Scale::Call);
    if let (Some(Called { names_from: Some(owner), .. }), Some(declared)) = (called(db, test), declaration(db, test)) {
        let name = MacroName::new(db, *owner, format!("test_{}", declared.kind).as_str());
        run.only = Some(nameable_from(db, name).clone());
    }
    traced(text, run)
}

/// What is wrong in the text of a test that is a file of its own.
#[salsa::tracked(returns(deref))]
pub fn text_errors<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Vec<SyntaxError> {
    let text = test.file(db).content(db).text();
    let whole = Span::new(0, text.len());
    let repeated = rewrite(text, whole, Scope::Open).repeated;
    let mut errors = Minijinja.check(text, whole);
    errors.extend(repeated.iter().map(|(span, name)| twice(*span, name)));
    errors
}

/// Renders a whole text for what it asks for; where that fails, with what the text shows literally.
fn traced(text: &str, run: Run) -> Trace {
    let whole = Span::new(0, text.len());
    let (mut trace, errors) = Minijinja.trace(text, whole, run);
    if !errors.is_empty() || trace.failure.is_some() {
        let unread = match trace.failure {
            Some(_) => Span { start: trace.last_site.min(whole.end), end: whole.end },
            None => calls::unread(whole, &errors),
        };
        calls::add_literal_calls(text, unread, &mut trace);
    }
    if trace.incomplete {
        // Something that is not in this checkout was in play.
        trace.failure = None;
    }
    trace
}

/// What a test is, without places.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub config: Map<String, Value>,
    /// What its configuration says. A test whose parents are missing does not run either.
    pub enabled: bool,
    pub tags: Vec<Arc<str>>,
    pub fqn: Vec<Arc<str>>,
    pub alias: Arc<str>,
    pub description: Arc<str>,
    pub patch_file: Option<SourceFile>,
}

#[salsa::tracked(returns(ref))]
pub fn facts<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Facts {
    let fqn = fqn(db, test);
    let declared = declaration(db, test);
    let patch = match test.place(db) {
        Place::File => singular::patch(db, test.package(db), &name(db, test)),
        Place::Declared(_) => None,
    };
    let mut called = Map::new();
    for call in &rendering(db, test).configs {
        config::merge(&mut called, &call.values);
    }
    let patched = patch.map(|(_, patch)| &patch.config);
    let own: Vec<_> = [patched, Some(&called), declared.map(|it| &it.config)].into_iter().flatten().collect();
    let config = config::of_resource(db, test.package(db), &["tests", "data_tests"], &fqn, &own);
    let inherited = declared.map(|declared| declared.tags.clone()).unwrap_or_default();
    let mut tags = inherited;
    tags.extend(data::texts(declared.and_then(|it| it.config.get("tags"))).into_iter().map(Arc::from));
    tags.sort();
    tags.extend(data::texts(config.get("tags")).into_iter().map(Arc::from));
    let tags = once_each(tags);
    let alias = config.get("alias").and_then(data::scalar).map_or_else(|| name(db, test), Arc::from);
    let described = declared.map(|declared| declared.description.clone());
    Facts {
        enabled: config::enabled(&config),
        tags,
        fqn,
        alias,
        description: described.or_else(|| Some(patch?.1.description.clone())).unwrap_or_default(),
        patch_file: patch.map(|(file, _)| *file),
        config,
    }
}

/// What the folders of dbt_project.yml alone say of a test.
pub fn folder_config<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Map<String, Value> {
    config::of_resource(db, test.package(db), &["tests", "data_tests"], &fqn(db, test), &[])
}

/// A test's parents.
#[derive(Debug, Clone, PartialEq, Eq, Default, salsa::SalsaValue)]
pub struct Tested<'db> {
    pub parents: Parents<'db>,
    /// Each parent it names is there and enabled; otherwise dbt switches the test off.
    pub complete: bool,
}

#[salsa::tracked(returns(ref))]
pub fn tested<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Tested<'db> {
    let shortcut = called(db, test).as_ref().is_some_and(|called| called.text.is_none());
    if shortcut && let Some(declared) = declaration(db, test) {
        let mut trace = Trace::default();
        match &declared.target {
            Target::Node { name, version } => trace.refs.push(jinja::run::RefCall {
                package: None,
                name: name.clone(),
                version: version.clone(),
                site: 0,
            }),
            Target::Source { source, table } => {
                trace.sources.push(jinja::run::SourceCall { source: source.clone(), table: table.clone(), site: 0 });
            }
        }
        return resolved(db, test.package(db), &trace);
    }
    resolved(db, test.package(db), rendering(db, test))
}

/// The parents a trace names. Only what is enabled is a parent.
fn resolved<'db>(db: &'db dyn salsa::Database, from: Package, trace: &Trace) -> Tested<'db> {
    let mut tested = Tested { parents: Parents::default(), complete: true };
    let (nodes, sources) = (&mut tested.parents.nodes, &mut tested.parents.sources);
    let mut found = |node: Resolved<_>| match node {
        Resolved::Found(node) if nodes.contains(&node) => true,
        Resolved::Found(node) => {
            nodes.push(node);
            true
        }
        Resolved::Disabled(_) | Resolved::Missing => false,
    };
    let mut complete = true;
    for call in &trace.refs {
        let reference = Reference::of(call);
        complete &= found(resolve_ref(db, from, &reference));
    }
    for call in &trace.functions {
        complete &= found(resolve_function(db, from, call.package.as_deref(), &call.name));
    }
    for call in &trace.sources {
        match resolve_source(db, from, &call.source, &call.table) {
            Resolved::Found(source) if sources.contains(&source) => {}
            Resolved::Found(source) => sources.push(source),
            Resolved::Disabled(_) | Resolved::Missing => complete = false,
        }
    }
    tested.complete = complete;
    tested
}

/// The node a generic test is declared on: of its own package, or a disabled one of any.
pub fn attached<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Option<Node<'db>> {
    let Target::Node { name, version } = &declaration(db, test)?.target else { return None };
    let own = test.package(db);
    let mut packages = vec![own];
    packages.extend(dbt_packages(db));
    packages.into_iter().find_map(|package| {
        let package_name = Some(package_name(db, package).clone());
        let reference = Reference { package: package_name, name: name.clone(), version: version.clone() };
        match resolve_ref(db, own, &reference) {
            Resolved::Found(node) if package == own => Some(node),
            Resolved::Disabled(node) => Some(node),
            Resolved::Found(_) | Resolved::Missing => None,
        }
    })
}

/// The macros a test calls itself, as dbt's depends_on lists them.
pub fn macro_ids<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Vec<String> {
    let mut ids: Vec<String> = called(db, test).iter().filter_map(|called| called.macro_id.clone()).collect();
    let limited = called(db, test).as_ref().is_some_and(|called| called.names_from.is_some());
    let trace = rendering(db, test);
    let named = if limited { found_ids(db, trace).collect() } else { ids_of(db, trace) };
    for id in named {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The macros a text itself calls; those of absent packages by the names they are called by.
fn ids_of(db: &dyn salsa::Database, trace: &Trace) -> Vec<String> {
    let absent = trace
        .unknown
        .iter()
        .filter(|call| call.dotted && call.owner == jinja::run::Owner::Text && call.name.matches('.').count() == 1);
    found_ids(db, trace).chain(absent.map(|call| format!("macro.{}", call.name))).collect()
}

fn found_ids(db: &dyn salsa::Database, trace: &Trace) -> impl Iterator<Item = String> {
    trace.macros.iter().map(|(package, name)| format!("macro.{}.{name}", package_name(db, *package)))
}
