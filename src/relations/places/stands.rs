//! Where the thing with a unique_id stands.

use super::{Place, place, start_of, start_of_file};
use crate::db::{Package, SourceFile};
use crate::project::data_tests::{Place as TestPlace, Test, test_id, test_span, tests_of_package};
use crate::project::graph::{Source, source_id, source_table, sources_of_package};
use crate::project::macros::definition;
use crate::project::packages::{dbt_packages, package_by_name, yaml};
use crate::project::properties::table_span;
use crate::project::resources::{
    ResourceKind, is_there, resource_entry, resource_id, resource_span, resources_of_file, resources_of_package,
};
use crate::relations::things::{Thing, things_of_package};
use crate::syntax::span::Span;
use crate::syntax::yaml::Node as Yaml;
use rustc_hash::FxHashMap;
use std::sync::Arc;

#[salsa::tracked(returns(ref))]
fn tests_by_id<'db>(db: &'db dyn salsa::Database) -> FxHashMap<Arc<str>, Test<'db>> {
    let tests = dbt_packages(db).into_iter().rev().flat_map(|package| tests_of_package(db, package).into_iter().rev());
    tests.map(|test| (test_id(db, test), test)).collect()
}

#[salsa::tracked(returns(ref))]
fn sources_by_id<'db>(db: &'db dyn salsa::Database) -> FxHashMap<Arc<str>, Source<'db>> {
    let packages = dbt_packages(db).into_iter().rev();
    let sources = packages.flat_map(|package| sources_of_package(db, package).iter().rev());
    sources.map(|source| (source_id(db, *source), *source)).collect()
}

/// A resource by its package, its file and its place among the file's.
type ResourceAt = (Package, SourceFile, usize);

#[salsa::tracked(returns(ref))]
fn resources_by_id(db: &dyn salsa::Database) -> FxHashMap<Arc<str>, ResourceAt> {
    let mut found: FxHashMap<Arc<str>, ResourceAt> = FxHashMap::default();
    for package in dbt_packages(db) {
        let mut files: Vec<SourceFile> = resources_of_package(db, package).into_iter().map(|(_, file)| file).collect();
        files.dedup();
        for file in files {
            let all = resources_of_file(db, package, file).iter().enumerate();
            for (at, resource) in all.filter(|(_, resource)| is_there(db, package, resource)) {
                let id: Arc<str> = resource_id(db, package, resource).into();
                found.entry(id).or_insert((package, file, at));
            }
        }
    }
    found
}

/// What a unique_id means; none for a macro.
pub(super) fn thing<'db>(db: &'db dyn salsa::Database, id: &str) -> Option<Thing<'db>> {
    let kind = id.split('.').next()?;
    match kind {
        "test" => tests_by_id(db).get(id).copied().map(Thing::Test),
        "source" => sources_by_id(db).get(id).copied().map(Thing::Source),
        "operation" | "unit_test" => {
            let all = dbt_packages(db).into_iter().flat_map(|package| things_of_package(db, package));
            all.into_iter().find(|thing| *thing.id(db) == *id)
        }
        kind if ResourceKind::ALL.iter().any(|resource| resource.name() == kind) => {
            let (package, file, at) = *resources_by_id(db).get(id)?;
            resources_of_file(db, package, file).get(at).map(|resource| Thing::Resource(package, file, resource))
        }
        _ => super::node(db, id).map(Thing::Node),
    }
}

/// Where a thing or a macro stands.
pub(super) fn stands(db: &dyn salsa::Database, id: &str) -> Option<Place> {
    match id.strip_prefix("macro.") {
        Some(rest) => {
            let (space, name) = rest.split_once('.')?;
            let (file, block) = definition(db, package_by_name(db, space)?, name)?;
            Some(place(db, file, block.name_span))
        }
        None => thing(db, id).map(|thing| start(db, thing)),
    }
}

pub(super) fn start<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>) -> Place {
    let file = thing.file(db);
    let span = match thing {
        Thing::Node(node) => return start_of(db, node),
        Thing::Test(test) => match test.place(db) {
            TestPlace::Declared(_) => Some(test_span(db, test)),
            TestPlace::File => None,
        },
        Thing::Source(source) => {
            let table = source_table(db, source);
            table.map(|table| table_span(db, file, table.source_index, table.table_index))
        }
        Thing::Resource(_, file, resource) => Some(resource_span(db, resource, file)),
        Thing::Unit(..) => entry(db, thing).map(name_span),
        Thing::Operation(_, operation) => {
            let (key, index) = operation.hook;
            let hooks = yaml(db, file).root.get(key);
            hooks.map(|hooks| hooks.as_seq().and_then(|list| list.get(index)).unwrap_or(hooks).span)
        }
    };
    span.map_or_else(|| start_of_file(file.path(db)), |span| place(db, file, span))
}

fn name_span(entry: &Yaml) -> Span {
    entry.get("name").map_or(entry.span, |name| name.span)
}

/// The entry of a YAML file that makes a resource or a unit test; of a metric that a measure creates,
/// the measure.
pub(super) fn entry<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>) -> Option<&'db Yaml> {
    match thing {
        Thing::Resource(_, file, resource) => resource_entry(db, resource, file),
        Thing::Unit(_, unit, _) => yaml(db, unit.file).root.get("unit_tests")?.as_seq()?.get(unit.index as usize),
        _ => None,
    }
}
