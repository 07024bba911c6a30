//! All that a rendering asks the project. Each question goes through here and is noted: what came of a
//! rendering holds for as long as the answers stay what they were.

use super::run::with_run;
use super::values::Relation;
use crate::db::Package;
use crate::db::cache::{Key, KeyMaker, Work};
use crate::project::macro_calls;
use crate::project::macros::{self, MacroTemplate, Named};
use crate::project::packages;
use crate::project::target;
use crate::project::vars;
use salsa::{Database, with_attached_database};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// One question. `Of` is what it names a package by: in the database by itself, in the cache by its home.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Question<Of> {
    /// What a bare name means to a package.
    Name(Of, Arc<str>),
    /// Whether a package defines a macro.
    Macro(Of, Arc<str>),
    /// The unique_id a macro would have.
    Id(Of, Arc<str>),
    /// A macro's text.
    Text(Of, Arc<str>),
    /// The package that holds the macros of a name in unique_ids.
    Space(Arc<str>),
    /// Where `adapter.dispatch` looks for a namespace.
    Order(Arc<str>),
    /// How a package is called.
    Called(Of),
    /// How the root project is called.
    Root,
    /// The target and all that follows from it.
    Target,
    Var(Of, Arc<str>),
    CommandLineVar(Arc<str>),
    Environment(Arc<str>),
}

impl<Of> Question<Of> {
    /// The same with another name for each package; nothing where one has none.
    pub fn named<To>(&self, mut named: impl FnMut(&Of) -> Option<To>) -> Option<Question<To>> {
        Some(match self {
            Self::Name(of, name) => Question::Name(named(of)?, name.clone()),
            Self::Macro(of, name) => Question::Macro(named(of)?, name.clone()),
            Self::Id(of, name) => Question::Id(named(of)?, name.clone()),
            Self::Text(of, name) => Question::Text(named(of)?, name.clone()),
            Self::Space(name) => Question::Space(name.clone()),
            Self::Order(name) => Question::Order(name.clone()),
            Self::Called(of) => Question::Called(named(of)?),
            Self::Root => Question::Root,
            Self::Target => Question::Target,
            Self::Var(of, name) => Question::Var(named(of)?, name.clone()),
            Self::CommandLineVar(name) => Question::CommandLineVar(name.clone()),
            Self::Environment(name) => Question::Environment(name.clone()),
        })
    }
}

/// What the project answers, as a number.
pub(super) fn answer(db: &dyn Database, question: &Question<Package>) -> Key {
    let mut said = KeyMaker::new(Work::Answers);
    let mut homes = |kind: usize, packages: &[Package]| {
        said.number(kind);
        said.number(packages.len());
        packages.iter().for_each(|package| packages::home(db, *package).add_to(&mut said));
    };
    match question {
        Question::Name(package, name) => match macros::resolve(db, *package, name) {
            Named::Nothing => homes(0, &[]),
            Named::Macro(owner) => homes(1, &[owner]),
            Named::Space(space) => homes(2, &[space]),
        },
        Question::Macro(package, name) => homes(0, macros::in_package(db, *package, name).as_slice()),
        Question::Space(name) => homes(0, macro_calls::macro_space(db, name).as_slice()),
        Question::Order(name) => match macros::search_order(db, name) {
            None => homes(0, &[]),
            Some(order) => homes(1, &order),
        },
        Question::Text(package, name) => return macros::digest(db, *package, name),
        Question::Target => return target::digest(db),
        Question::Id(package, name) => said.text(&macro_calls::macro_id(db, *package, name)),
        Question::Called(package) => said.text(packages::package_name(db, *package)),
        Question::Root => said.text(&target::root_name(db)),
        Question::Var(package, name) => value(&mut said, vars::var(db, *package, name).map(|value| value.to_string())),
        Question::CommandLineVar(name) => {
            value(&mut said, vars::command_line_var(db, name).map(|value| value.to_string()));
        }
        Question::Environment(name) => value(&mut said, target::environment_variable(db, name)),
    }
    said.key()
}

fn value(said: &mut KeyMaker, value: Option<String>) {
    said.number(value.iter().count());
    value.iter().for_each(|value| said.text(value));
}

fn note(question: impl FnOnce() -> Question<Package>) {
    with_run(|run| run.note(question));
}

pub(super) fn resolve(package: Package, name: &str) -> Option<Named> {
    note(|| Question::Name(package, name.into()));
    with_attached_database(|db| macros::resolve(db, package, name))
}

pub(super) fn in_package(package: Package, name: &str) -> Option<Package> {
    note(|| Question::Macro(package, name.into()));
    with_attached_database(|db| macros::in_package(db, package, name)).flatten()
}

pub(super) fn macro_id(package: Package, name: &str) -> Option<String> {
    note(|| Question::Id(package, name.into()));
    with_attached_database(|db| macro_calls::macro_id(db, package, name))
}

pub(super) fn template(package: Package, name: &Arc<str>) -> Option<Arc<MacroTemplate>> {
    note(|| Question::Text(package, name.clone()));
    with_attached_database(|db| macros::template(db, package, name)).flatten()
}

pub(super) fn macro_space(name: &str) -> Option<Package> {
    note(|| Question::Space(name.into()));
    with_attached_database(|db| macro_calls::macro_space(db, name)).flatten()
}

pub(super) fn search_order(space: &str) -> Option<Vec<Package>> {
    note(|| Question::Order(space.into()));
    with_attached_database(|db| macros::search_order(db, space)).flatten()
}

pub(super) fn package_name(package: Package) -> Arc<str> {
    note(|| Question::Called(package));
    with_attached_database(|db| packages::package_name(db, package).clone()).unwrap_or_default()
}

pub(super) fn root_name() -> Option<Arc<str>> {
    note(|| Question::Root);
    with_attached_database(target::root_name)
}

pub(super) fn target<R>(read: impl FnOnce(&Map<String, Value>) -> R) -> Option<R> {
    note(|| Question::Target);
    with_attached_database(|db| read(target::shown(db)))
}

pub(super) fn relation(name: &Arc<str>) -> Option<Relation> {
    note(|| Question::Target);
    with_attached_database(|db| target::relation(db, name))
}

pub(super) fn adapter_type() -> Option<Arc<str>> {
    note(|| Question::Target);
    with_attached_database(|db| target::adapter_type(db).clone())
}

pub(super) fn dispatch_prefixes() -> Vec<String> {
    note(|| Question::Target);
    let prefixes = |db: &dyn Database| target::dispatch_prefixes(db).into_iter().map(str::to_owned).collect();
    with_attached_database(prefixes).unwrap_or_default()
}

pub(super) fn column_type(name: &str) -> Option<String> {
    note(|| Question::Target);
    with_attached_database(|db| target::column_type(db, name))
}

pub(super) fn var(package: Package, name: &Arc<str>) -> Option<Value> {
    note(|| Question::Var(package, name.clone()));
    with_attached_database(|db| vars::var(db, package, name)).flatten()
}

pub(super) fn command_line_var(name: &Arc<str>) -> Option<Value> {
    note(|| Question::CommandLineVar(name.clone()));
    with_attached_database(|db| vars::command_line_var(db, name)).flatten()
}

pub(super) fn environment_variable(name: &Arc<str>) -> Option<String> {
    note(|| Question::Environment(name.clone()));
    with_attached_database(|db| target::environment_variable(db, name)).flatten()
}
