//! What can be selected: all that has a unique_id and is enabled, and who depends on whom.

use crate::db::{Package, Project, SourceFile};
use crate::project::data_tests::declaration;
use crate::project::packages::{dbt_packages, package_name};
use crate::project::resources::{ResourceKind, SemanticLayer, resource_parents, semantic_layer};
use crate::project::things::{Thing, things_in, things_of_package};
use crate::project::versions::version;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Members by their numbers, which follow the order of unique_ids.
pub(super) type Ids = BTreeSet<usize>;

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub id: Arc<str>,
    /// dbt's resource_type.
    pub kind: &'static str,
    pub package: Arc<str>,
    pub name: Arc<str>,
    /// Of a table, its source.
    pub source: Option<Arc<str>>,
    pub fqn: Vec<Arc<str>>,
    pub tags: Vec<Arc<str>>,
    pub config: Map<String, Value>,
    /// dbt's original_file_path, from the folder of its package on.
    pub path: Arc<str>,
    /// The YAML file that describes it, likewise.
    pub patch: Option<Arc<str>>,
    /// The same two files, from the folder of the project on.
    pub files: Vec<Arc<str>>,
    /// Of a data test that YAML declares, its kind: `not_null`.
    pub test_kind: Option<Arc<str>>,
    /// A unit test's name with the version of the model it is for; else the name.
    pub versioned_name: Arc<str>,
    /// Of a versioned model, its version and the latest.
    pub version: Option<(Arc<str>, Arc<str>)>,
    pub(super) parents: Vec<usize>,
    pub(super) children: Vec<usize>,
}

/// All members in the order of their unique_ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members {
    pub all: Vec<Member>,
    numbers: FxHashMap<Arc<str>, usize>,
    /// The name of the root project.
    pub(super) project: Arc<str>,
    /// Files that dbt reads in the root project, and the folders they lie in.
    pub(super) files: FxHashSet<Arc<str>>,
    pub(super) folders: FxHashSet<Arc<str>>,
}

impl Members {
    pub fn get(&self, id: &str) -> Option<&Member> {
        self.numbers.get(id).and_then(|at| self.all.get(*at))
    }

    pub(super) fn having(&self, test: impl Fn(&Member) -> bool) -> Ids {
        self.all.iter().enumerate().filter(|(_, member)| test(member)).map(|(at, _)| at).collect()
    }
}

#[salsa::tracked(returns(ref))]
pub fn members(db: &dyn salsa::Database) -> Members {
    let layer = semantic_layer(db);
    let mut found: Vec<(Member, Vec<Arc<str>>)> = Vec::new();
    for package in dbt_packages(db) {
        let in_directories = package.directories(db).iter().flat_map(|own| things_in(db, package, *own));
        let things = in_directories.chain(things_of_package(db, package));
        let is_selectable = |thing: &Thing<'_>| {
            let is_group = matches!(thing, Thing::Resource(_, _, it) if it.kind == ResourceKind::Group);
            !is_group && thing.is_enabled(db)
        };
        found.extend(things.filter(is_selectable).map(|thing| (member(db, thing), parents(db, thing, &layer))));
    }
    found.sort_by(|(left, _), (right, _)| left.id.cmp(&right.id));
    found.dedup_by(|(right, _), (left, _)| left.id == right.id);
    let numbers: FxHashMap<Arc<str>, usize> =
        found.iter().enumerate().map(|(at, (member, _))| (member.id.clone(), at)).collect();
    let mut members = Members { numbers, ..Members::default() };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); found.len()];
    for (at, (mut member, parents)) in found.into_iter().enumerate() {
        let known: BTreeSet<usize> = parents.iter().filter_map(|id| members.numbers.get(id).copied()).collect();
        known.iter().filter_map(|parent| children.get_mut(*parent).map(|own: &mut Vec<_>| own.push(at))).for_each(drop);
        member.parents = known.into_iter().collect();
        members.all.push(member);
    }
    for (member, own) in members.all.iter_mut().zip(children) {
        member.children = own;
    }
    if let Some(root) = Project::try_get(db).map(|project| project.root(db)) {
        members.project = package_name(db, root).clone();
        add_files(db, root, &mut members);
    }
    members
}

fn add_files(db: &dyn salsa::Database, root: Package, members: &mut Members) {
    let files = root.directories(db).iter().flat_map(|directory| directory.files(db));
    for path in files.chain([&root.project_file(db)]).map(|file| file.package_path(db)) {
        let mut rest: &str = path;
        while let Some((folder, _)) = rest.rsplit_once('/') {
            if !members.folders.insert(folder.into()) {
                break;
            }
            rest = folder;
        }
        members.files.insert(path.clone());
    }
    members.folders.insert("".into());
}

fn parents(db: &dyn salsa::Database, thing: Thing<'_>, layer: &SemanticLayer) -> Vec<Arc<str>> {
    match thing {
        Thing::Resource(package, _, resource) => {
            resource_parents(db, package, resource, layer).into_iter().map(Arc::from).collect()
        }
        thing => thing.parents(db),
    }
}

fn member<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>) -> Member {
    let path = |file: SourceFile| file.package_path(db).clone();
    let package = package_name(db, thing.package(db)).clone();
    let id = thing.id(db);
    let patch = thing.patch_file(db);
    let name = thing.name(db);
    let (mut tags, mut source, mut test_kind, mut versions) = (thing.tags(db), None, None, None);
    match thing {
        Thing::Source(own) => source = Some(own.source(db).clone()),
        Thing::Test(test) => test_kind = declaration(db, test).map(|declared| declared.kind.clone()),
        Thing::Node(node) => versions = version(db, node).map(|own| (own.version.clone(), own.latest.clone())),
        // dbt has no tags of semantic models.
        Thing::Resource(_, _, resource) if resource.kind == ResourceKind::SemanticModel => tags.clear(),
        Thing::Resource(..) | Thing::Operation(..) | Thing::Unit(..) => {}
    }
    let versioned_name = match thing {
        // One test is as many as its model has versions, and says which it is for.
        Thing::Unit(_, unit, _) => id.strip_prefix(&*format!("unit_test.{package}.{}.", unit.model)).map(Arc::from),
        _ => None,
    };
    Member {
        kind: thing.kind(db),
        versioned_name: versioned_name.unwrap_or_else(|| name.clone()),
        name,
        source,
        fqn: thing.fqn(db),
        tags,
        config: thing.config(db),
        path: path(thing.file(db)),
        patch: patch.map(path),
        files: [thing.file(db)].into_iter().chain(patch).map(|file| file.path(db).clone()).collect(),
        test_kind,
        version: versions,
        parents: Vec::new(),
        children: Vec::new(),
        package,
        id,
    }
}
