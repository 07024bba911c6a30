//! All that a rendering asks the project. Each question goes through here and is noted: what came of a
//! rendering holds for as long as the answers stay what they were.

use super::described::Describe;
use super::relation::Relation;
use super::run::with_run;
use crate::db::Package;
use crate::db::cache::{Key, KeyMaker, Work};
use crate::project::macro_calls;
use crate::project::macros::{self, MacroTemplate, Named};
use crate::project::packages;
use crate::project::target;
use crate::project::vars;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use salsa::{Database, Id, with_attached_database};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::hash::BuildHasher;
use std::sync::Arc;

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum What {
    /// What a bare name means to a package.
    Name,
    /// Whether a package defines a macro.
    Macro,
    /// The unique_id a macro would have.
    Id,
    /// A macro's text.
    Text,
    /// The package that holds the macros of a name in unique_ids.
    Space,
    /// Where `adapter.dispatch` looks for a namespace.
    Order,
    /// How a package is called.
    Called,
    /// How the root project is called.
    Root,
    /// Whether all declared packages are here.
    Whole,
    /// The names of a package's macros.
    Names,
    /// The target and all that follows from it.
    Target,
    Var,
    EarlyVar,
    Environment,
}

/// One question. `Of` is what it names a package by: in the database by itself, in the cache by its home.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Question<Of> {
    what: What,
    of: Option<Of>,
    #[serde(with = "crate::syntax::shared")]
    name: Arc<str>,
}

impl<Of> Question<Of> {
    /// The same with another name for the package; nothing where that has none.
    pub fn named<To>(&self, named: impl FnOnce(&Of) -> Option<To>) -> Option<Question<To>> {
        let of = match &self.of {
            None => None,
            Some(of) => Some(named(of)?),
        };
        Some(Question { what: self.what, of, name: self.name.clone() })
    }
}

/// The questions of one rendering, each once.
#[derive(Debug, Default)]
pub struct Asked {
    questions: HashTable<Question<Package>>,
    /// It looked at what it may see of its node.
    pub(super) has_looked: bool,
}

impl Asked {
    /// Most questions of a rendering are asked again and again: these cost nothing to note.
    fn note(&mut self, what: What, of: Option<Package>, name: &str) {
        let hash = FxBuildHasher.hash_one((what, of, name));
        if self.questions.find(hash, |it| it.what == what && it.of == of && *it.name == *name).is_none() {
            let question = Question { what, of, name: name.into() };
            self.questions.insert_unique(hash, question, |it| FxBuildHasher.hash_one((it.what, it.of, &*it.name)));
        }
    }

    /// In an order that is the same for all who ask the same.
    pub fn list(self) -> Vec<Question<Package>> {
        let mut list: Vec<Question<Package>> = self.questions.into_iter().collect();
        list.sort_by_cached_key(|question| {
            (question.name.clone(), FxBuildHasher.hash_one((question.what, question.of)))
        });
        list
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
    let name = &question.name;
    match (question.what, question.of) {
        (What::Name, Some(package)) => match macros::resolve(db, package, name) {
            Named::Nothing => homes(0, &[]),
            Named::Macro(owner) => homes(1, &[owner]),
            Named::Space(space) => homes(2, &[space]),
        },
        (What::Macro, Some(package)) => homes(0, macros::in_package(db, package, name).as_slice()),
        (What::Space, _) => homes(0, macro_calls::macro_space(db, name).as_slice()),
        (What::Order, _) => match macros::search_order(db, name) {
            None => homes(0, &[]),
            Some(order) => homes(1, &order),
        },
        (What::Text, Some(package)) => return macros::digest(db, package, name),
        (What::Target, _) => return target::digest(db),
        (What::Id, Some(package)) => said.text(&macro_calls::macro_id(db, package, name)),
        (What::Called, Some(package)) => said.text(packages::package_name(db, package)),
        (What::Root, _) => said.text(&target::root_name(db)),
        (What::Whole, _) => said.number(usize::from(packages::is_whole(db))),
        (What::Names, Some(package)) => macros::names_in(db, package).iter().for_each(|name| said.text(name)),
        (What::Var, Some(package)) => value(&mut said, vars::var(db, package, name).map(|value| value.to_string())),
        (What::EarlyVar, Some(package)) => {
            value(&mut said, vars::early_var(db, package, name).map(|value| value.to_string()));
        }
        (What::Environment, _) => value(&mut said, target::environment_variable(db, name)),
        // Nobody asks this of no package.
        (
            What::Name | What::Macro | What::Text | What::Id | What::Called | What::Names | What::Var | What::EarlyVar,
            None,
        ) => {}
    }
    said.key()
}

fn value(said: &mut KeyMaker, value: Option<String>) {
    said.number(value.iter().count());
    value.iter().for_each(|value| said.text(value));
}

fn note(what: What, of: Option<Package>, name: &str) {
    with_run(|run| {
        if let Some(asked) = &mut run.asked {
            asked.note(what, of, name);
        }
    });
}

pub(super) fn resolve(package: Package, name: &str) -> Option<Named> {
    note(What::Name, Some(package), name);
    with_attached_database(|db| macros::resolve(db, package, name))
}

pub(super) fn in_package(package: Package, name: &str) -> Option<Package> {
    note(What::Macro, Some(package), name);
    with_attached_database(|db| macros::in_package(db, package, name)).flatten()
}

pub(super) fn macro_id(package: Package, name: &str) -> Option<String> {
    note(What::Id, Some(package), name);
    with_attached_database(|db| macro_calls::macro_id(db, package, name))
}

pub(super) fn template(package: Package, name: &Arc<str>) -> Option<Arc<MacroTemplate>> {
    note(What::Text, Some(package), name);
    with_attached_database(|db| macros::template(db, package, name)).flatten()
}

pub(super) fn macro_space(name: &str) -> Option<Package> {
    note(What::Space, None, name);
    with_attached_database(|db| macro_calls::macro_space(db, name)).flatten()
}

pub(super) fn search_order(space: &str) -> Option<Vec<Package>> {
    note(What::Order, None, space);
    with_attached_database(|db| macros::search_order(db, space)).flatten()
}

pub(super) fn package_name(package: Package) -> Arc<str> {
    note(What::Called, Some(package), "");
    with_attached_database(|db| packages::package_name(db, package).clone()).unwrap_or_default()
}

pub(super) fn is_whole() -> bool {
    note(What::Whole, None, "");
    with_attached_database(packages::is_whole).unwrap_or_default()
}

pub(super) fn macro_names(package: Package) -> Vec<Arc<str>> {
    note(What::Names, Some(package), "");
    with_attached_database(|db| macros::names_in(db, package)).unwrap_or_default()
}

pub(super) fn root_name() -> Option<Arc<str>> {
    note(What::Root, None, "");
    with_attached_database(target::root_name)
}

/// Notes that a run asks for the target, and whether it is one that nobody knows.
fn note_target() {
    note(What::Target, None, "");
    if with_run(|run| run.adapter.is_none()) == Some(true) && with_attached_database(target::is_unknown) == Some(true) {
        with_run(|run| run.trace.asks_adapter = true);
    }
}

/// The adapter that the run assumes, where it assumes one.
pub(super) fn assumed() -> Option<&'static str> {
    with_run(|run| run.adapter).flatten()
}

/// The adapters that may make a difference where nothing tells which it is. A run assumes one of them, which is part
/// of what it is kept by.
pub(super) fn candidates() -> Vec<&'static str> {
    with_attached_database(|db| target::candidates(db).clone()).unwrap_or_default()
}

pub(super) fn target<R>(read: impl FnOnce(&Map<String, Value>) -> R) -> Option<R> {
    note_target();
    with_attached_database(|db| read(target::shown(db)))
}

pub(super) fn relation(name: &Arc<str>) -> Option<Relation> {
    note(What::Target, None, "");
    with_attached_database(|db| target::relation(db, name))
}

pub(super) fn adapter_type() -> Option<Arc<str>> {
    note_target();
    assumed().map(Arc::from).or_else(|| with_attached_database(|db| target::adapter_type(db).clone()))
}

pub(super) fn dispatch_prefixes() -> Vec<String> {
    note_target();
    let owned = |prefixes: Vec<&str>| prefixes.into_iter().map(str::to_owned).collect();
    match assumed() {
        Some(adapter) => owned(target::prefixes_of(adapter)),
        None => with_attached_database(|db| owned(target::dispatch_prefixes(db))).unwrap_or_default(),
    }
}

pub(super) fn column_type(name: &str) -> Option<String> {
    note(What::Target, None, "");
    with_attached_database(|db| target::column_type(db, name))
}

/// What can be seen of the node that a run is for. This is part of what the run is kept by, where it looks at it.
pub(super) fn describe(describe: Describe, node: Id) -> Map<String, Value> {
    with_attached_database(|db| describe(db, node)).unwrap_or_default()
}

/// Whether the project has so many files that each may do less. This is part of what a rendering is kept by.
pub(super) fn has_many_files() -> bool {
    with_attached_database(packages::has_many_files).unwrap_or_default()
}

pub(super) fn var(package: Package, name: &Arc<str>) -> Option<Value> {
    note(What::Var, Some(package), name);
    with_attached_database(|db| vars::var(db, package, name)).flatten()
}

pub(super) fn early_var(package: Package, name: &Arc<str>) -> Option<Value> {
    note(What::EarlyVar, Some(package), name);
    with_attached_database(|db| vars::early_var(db, package, name)).flatten()
}

pub(super) fn environment_variable(name: &Arc<str>) -> Option<String> {
    note(What::Environment, None, name);
    with_attached_database(|db| target::environment_variable(db, name)).flatten()
}
