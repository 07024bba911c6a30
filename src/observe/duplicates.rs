//! Resources that share a name, a table or a YAML entry which only one of them may have.

use super::child::Child;
use super::{Rows, place};
use crate::db::{DirectoryOf, FileKind, Package, Project, SourceFile, files_of, of_section};
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::config::enabled;
use crate::project::data_tests::unit::unit_tests;
use crate::project::data_tests::{self, Test, test_id, tests_of_directory, tests_of_package};
use crate::project::docs::docs_blocks;
use crate::project::flags::flag;
use crate::project::graph::{Resolved, is_source_enabled, named, resolve_ref, source_id, sources_of_package};
use crate::project::macros::{blocks, definition, macros_of_package};
use crate::project::naming::{are_surely_one, plain_alias, relation_names};
use crate::project::nodes::{
    Node, Part, Reference, is_enabled, is_surely_enabled, living_nodes, nodes_of_package, unique_id,
};
use crate::project::overrides::overriding;
use crate::project::packages::{dbt_packages, package_name};
use crate::project::properties::{Patch, PatchKind, entry_span, patch_index, properties, table_span};
use crate::project::resources::{resource_config, resource_span, resources_of_file, resources_of_package};
use crate::project::versions::version;
use rustc_hash::{FxHashMap, FxHasher};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Things that share a name they must not share: kind, name, and where each stands.
type Declarations = BTreeMap<(&'static str, String), Vec<Place>>;

pub(super) fn duplicate_resource(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let root = project.root(db);
    if !may_repeat(db) {
        return Vec::new();
    }
    let mut declared: Declarations = BTreeMap::new();
    add_nodes(rows, root, &mut declared);
    add_sources(rows, root, &mut declared);
    add_entries(rows, root, &mut declared);
    add_tests(rows, root, &mut declared);
    let mut found = Vec::new();
    let copies = Copies::of(&declared);
    found.extend(copies.findings(&declared));
    for ((kind, name), mut places) in declared.into_iter().filter(|(_, places)| places.len() > 1) {
        places.sort();
        let first = places.remove(0);
        let (shown, plain) = match kind.strip_suffix("!") {
            Some(kind) => ("YAML entry", kind),
            None => (kind, kind),
        };
        for place in places.into_iter().filter(|place| !copies.tell(kind, &first, place)) {
            let subject = vec![plain.into(), name.as_str().into()];
            found.push(violation(subject, &format!("{shown} '{name}'"), &first, place));
        }
    }
    found.extend(names_of_two_kinds(rows, root));
    found.extend(shared_tables(rows, root));
    found
}

/// The kind of what is declared again, the first file and the later one.
type CopiedFile = (&'static str, Arc<str>, Arc<str>);

/// YAML files that declare over again what others do: a copied file is one mistake, however much is in it.
#[derive(Debug, Default)]
struct Copies {
    /// By kind, first file and later file: where each entry stands that is there again.
    repeated: BTreeMap<CopiedFile, Vec<(Place, Place)>>,
}

impl Copies {
    fn of(declared: &Declarations) -> Self {
        let mut copies = Self::default();
        for ((kind, _), places) in declared.iter().filter(|((kind, _), _)| is_copied(kind)) {
            let Some(first) = places.iter().min() else { continue };
            for place in places.iter().filter(|place| place.path != first.path) {
                let key = (*kind, first.path.clone(), place.path.clone());
                copies.repeated.entry(key).or_default().push((first.clone(), place.clone()));
            }
        }
        copies
    }

    /// Whether a duplicate is told with others, or follows from one of them: the tests of what is there twice are
    /// there twice.
    fn tell(&self, kind: &str, first: &Place, place: &Place) -> bool {
        let of_files = |key: &&(&'static str, Arc<str>, Arc<str>)| key.1 == first.path && key.2 == place.path;
        match kind {
            "data test" => self.repeated.keys().any(|key| of_files(&key)),
            _ => self.repeated.iter().any(|(key, places)| key.0 == kind && of_files(&key) && places.len() > 1),
        }
    }

    fn findings(&self, declared: &Declarations) -> Vec<Observation> {
        let mut found = Vec::new();
        for ((kind, first, later), places) in self.repeated.iter().filter(|(_, places)| places.len() > 1) {
            let Some((first_place, place)) = places.iter().min_by_key(|(_, place)| place) else { continue };
            let holds = |place: &Place| place.path == *first;
            let all = declared.iter().filter(|((of, _), places)| of == kind && places.iter().any(holds)).count();
            let noun = match kind.strip_suffix('!') {
                Some(kind) => format!("entries of `{kind}:`"),
                None => format!("{kind}s"),
            };
            let amount = if all == places.len() { format!("all {all}") } else { format!("{} of {all}", places.len()) };
            let what = format!("{later} repeats {amount} {noun} of {first}; the first");
            let subject = vec![kind.trim_end_matches('!').into(), later.clone(), first.clone()];
            let mut violation = violation(subject, &what, first_place, place.clone());
            violation.locations = places.iter().map(|(_, place)| place.clone()).filter(|it| it != place).collect();
            violation.locations.sort_unstable();
            found.push(violation);
        }
        found
    }
}

/// What is declared in files that people copy.
fn is_copied(kind: &str) -> bool {
    kind == "source table" || kind.ends_with('!') && kind != "macros!"
}

/// Whether any two things may share what they must not. In most projects none do, and where nothing came or
/// went that is known without a look at each.
#[salsa::tracked(returns(copy))]
fn may_repeat(db: &dyn salsa::Database) -> bool {
    let mut names = all_names(db);
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// What must be there once, of all that there is, as digests.
fn all_names(db: &dyn salsa::Database) -> Vec<u64> {
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let root = project.root(db);
    let mut names: Vec<u64> = Vec::new();
    for package in dbt_packages(db) {
        names.extend(package.sections(db).flat_map(|section| names_of_section(db, section)));
    }
    names.extend(macros_of_package(db, root).iter().map(|(name, _)| digest("macro", name)));
    names.extend(docs_blocks(db, root).map(|(block, _)| digest("docs block", &block.name)));
    names.extend(unit_tests(db, root).iter().map(|unit| digest("unit test", &format!("{}.{}", unit.model, unit.name))));
    names
}

fn digest(kind: &str, name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    (kind, name).hash(&mut hasher);
    hasher.finish()
}

/// The same of what a directory holds; of packages, their tables.
#[salsa::tracked(returns(deref))]
pub(super) fn names_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<u64> {
    let (package, directory) = (key.package(db), key.directory(db));
    let is_root = Project::try_get(db).is_some_and(|project| project.root(db) == package);
    let mut names = Vec::new();
    for node in living_nodes(db, package, directory).iter().copied() {
        if node.kind(db).is_refable() {
            match plain_alias(db, node) {
                Some(alias) => names.push(digest("alias", &alias)),
                None => {
                    let it = relation_names(db, node);
                    names.push(digest("table", &format!("{:?} {:?} {:?}", it.database, it.schema, it.alias)));
                }
            }
        }
        if !is_root {
            continue;
        }
        // Versions of one model share its name.
        let ref_name = digest("ref", node.name(db));
        if node.kind(db).is_refable() && (version(db, node).is_none() || !names.contains(&ref_name)) {
            names.push(ref_name);
        }
        let suffix = version(db, node).map(|version| version.suffix()).unwrap_or_default();
        names.push(digest(node.kind(db).name(), &format!("{}.{suffix}", node.name(db))));
    }
    if !is_root {
        return names;
    }
    names
        .extend(tests_of_directory(db, package, directory).iter().map(|test| digest("data test", &test_id(db, *test))));
    for file in directory.files(db).iter().filter(|file| file.kind(db) == FileKind::Properties) {
        let properties = properties(db, package, *file);
        names
            .extend(properties.sources.iter().map(|it| digest("source table", &format!("{}.{}", it.source, it.table))));
        names.extend(overriding(db, package, *file).iter().map(|(_, name)| digest("sources!", name)));
        let is_entry = |patch: &&Patch| patch.kind != PatchKind::Snapshot || patch.relation.is_none();
        names.extend(properties.patches.iter().filter(is_entry).map(|it| digest(entry_kind(it.kind), &it.name)));
        names.extend(resources_of_file(db, package, *file).iter().map(|it| digest(it.kind.label(), &it.name)));
    }
    names
}

of_section!(names_of_section: names_in => u64);

fn violation(subject: Vec<Arc<str>>, what: &str, first: &Place, place: Place) -> Observation {
    let args = vec![("what", what.to_owned()), ("first_place", format!("{}:{}", first.path, first.start.line))];
    Observation { node: None, subject, place, locations: vec![first.clone()], severity: None, args }
}

fn living<'db>(db: &'db dyn salsa::Database, package: Package) -> impl Iterator<Item = Node<'db>> {
    nodes_of_package(db, package).into_iter().filter(move |node| is_surely_enabled(db, *node))
}

fn add_nodes(rows: &Rows<'_>, root: Package, declared: &mut Declarations) {
    let db = rows.db;
    for node in living(db, root) {
        let name = match version(db, node) {
            Some(version) => format!("{}.{}", node.name(db), version.suffix()),
            None => node.name(db).to_string(),
        };
        declared.entry((node.kind(db).name(), name)).or_default().push(start(rows, node));
    }
    for (name, (file, index)) in macros_of_package(db, root) {
        let span = blocks(db, *file).blocks.get(*index as usize).map(|block| block.name_span).unwrap_or_default();
        declared.entry(("macro", name.to_string())).or_default().push(place(db, *file, span));
    }
    for (block, file) in docs_blocks(db, root) {
        declared.entry(("docs block", block.name.to_string())).or_default().push(place(db, file, block.name_span));
    }
}

/// Where a node begins: of some in one file each at its own name.
fn start<'db>(rows: &Rows<'db>, node: Node<'db>) -> Place {
    let (db, file) = (rows.db, node.file(rows.db));
    match node.part(db) {
        Part::Block(index) => match blocks(db, file).blocks.get(index as usize) {
            Some(block) => place(db, file, block.name_span),
            None => rows.start_of(node),
        },
        Part::Whole | Part::Entry(_) => rows.start_of(node),
    }
}

/// By source and table of one file: the indexes of the entries that declare it.
type SourceEntries<'a> = FxHashMap<(&'a str, &'a str), Vec<(u32, u32)>>;

fn add_sources(rows: &Rows<'_>, root: Package, declared: &mut Declarations) {
    let db = rows.db;
    let mut by_file: FxHashMap<SourceFile, SourceEntries<'_>> = FxHashMap::default();
    for source in sources_of_package(db, root).iter().filter(|source| is_source_enabled(db, **source)) {
        let file = source.file(db);
        let tables = by_file.entry(file).or_insert_with(|| {
            let mut tables: FxHashMap<(&str, &str), Vec<(u32, u32)>> = FxHashMap::default();
            for table in &properties(db, root, file).sources {
                let at = (table.source_index, table.table_index);
                tables.entry((&*table.source, &*table.table)).or_default().push(at);
            }
            tables
        });
        let own = tables.get(&(&**source.source(db), &**source.table(db))).into_iter().flatten();
        let places = own.map(|(source, table)| place(db, file, table_span(db, file, *source, *table)));
        let id = source_id(db, *source);
        let name = id.splitn(3, '.').nth(2).unwrap_or_default().to_owned();
        let known = declared.entry(("source table", name)).or_default();
        for place in places {
            if !known.contains(&place) {
                known.push(place);
            }
        }
    }
}

/// What YAML alone declares, and what it says of other resources.
fn add_entries(rows: &Rows<'_>, root: Package, declared: &mut Declarations) {
    let db = rows.db;
    for (resource, file) in resources_of_package(db, root) {
        if enabled(&resource_config(db, root, resource, file)) {
            let span = resource_span(db, resource, file);
            let known = declared.entry((resource.kind.label(), resource.name.to_string())).or_default();
            known.push(place(db, file, span));
        }
    }
    for unit in unit_tests(db, root).iter().filter(|unit| unit.enabled) {
        let name = format!("{}.{}", unit.model, unit.name);
        let span = entry_span(db, unit.file, "unit_tests", unit.index);
        declared.entry(("unit test", name)).or_default().push(place(db, unit.file, span));
    }
    for file in files_of(db, root, FileKind::Properties) {
        for (index, name) in overriding(db, root, *file) {
            let span = entry_span(db, *file, "sources", index);
            declared.entry(("sources!", name)).or_default().push(place(db, *file, span));
        }
    }
    for ((kind, name), patches) in patch_index(db, root) {
        // Of entries for nothing, and for what is disabled, dbt takes any number.
        let is_described = match kind {
            PatchKind::Macro => definition(db, root, name).is_some(),
            _ => named(db, name).iter().any(|node| node.kind(db).patch_kind() == *kind && is_enabled(db, *node)),
        };
        let yaml_snapshots = *kind == PatchKind::Snapshot;
        for (nth, (file, at)) in patches.iter().filter(|_| is_described).enumerate() {
            let patch = properties(db, root, *file).patches.get(*at as usize);
            let Some(patch) = patch.filter(|patch| !(yaml_snapshots && patch.relation.is_some())) else { continue };
            // Versions that another entry lists take no notice of it.
            if nth > 0 && !patch.versions.is_empty() {
                continue;
            }
            let span = entry_span(db, *file, kind.key(), patch.index);
            declared.entry((entry_kind(*kind), name.to_string())).or_default().push(place(db, *file, span));
        }
    }
}

/// Tests of one file name, and tests that are declared twice in the same words on the same column.
fn add_tests(rows: &Rows<'_>, root: Package, declared: &mut Declarations) {
    let db = rows.db;
    let mut by_id: BTreeMap<Arc<str>, Vec<Test<'_>>> = BTreeMap::new();
    for test in tests_of_package(db, root) {
        by_id.entry(test_id(db, test)).or_default().push(test);
    }
    for tests in by_id.into_values().filter(|tests| tests.len() > 1) {
        for test in tests.into_iter().filter(|test| data_tests::facts(db, *test).enabled) {
            let name = data_tests::name(db, test).to_string();
            declared.entry(("data test", name)).or_default().push(Child::Test(test).start(rows));
        }
    }
}

/// A seed and a model of one name are as ambiguous as two models. dbt refuses them only where they
/// are one table too or a flag asks for it, and else warns.
fn names_of_two_kinds(rows: &Rows<'_>, root: Package) -> Vec<Observation> {
    let db = rows.db;
    let mut by_name: BTreeMap<Arc<str>, Vec<(Place, Node<'_>)>> = BTreeMap::new();
    for node in living(db, root).filter(|node| node.kind(db).is_refable()) {
        by_name.entry(node.name(db).clone()).or_default().push((start(rows, node), node));
    }
    let strict = flag(db, "require_unique_project_resource_names");
    let mut found = Vec::new();
    for (name, mut nodes) in by_name.into_iter().filter(|(_, nodes)| nodes.len() > 1) {
        nodes.sort_by(|a, b| a.0.cmp(&b.0));
        let Some((first_place, first)) = nodes.first().cloned() else { continue };
        let is_versioned = |node: Node<'_>| version(db, node).is_some();
        let other = |node: Node<'_>| node.kind(db) != first.kind(db) || is_versioned(node) != is_versioned(first);
        let Some((place, second)) = nodes.into_iter().find(|(_, node)| other(*node)) else { continue };
        let both_models = second.kind(db) == first.kind(db);
        let grave = both_models || strict || are_surely_one(db, first, second);
        let subject = vec![unique_id(db, first).clone(), unique_id(db, second).clone()];
        let mut violation = violation(subject, &format!("model '{name}'"), &first_place, place);
        if !grave {
            violation.severity = Some(Severity::Warning);
            let means = match resolve_ref(db, root, &Reference { package: None, name: name.clone(), version: None }) {
                Resolved::Found(node) => format!("; ref('{name}') means the {}", node.kind(db).name()),
                Resolved::Disabled(_) | Resolved::Missing => String::new(),
            };
            let at = format!("{}:{}, by a {}{means}", first_place.path, first_place.start.line, first.kind(db).name());
            violation.args =
                vec![("what", format!("the name of {} '{name}'", second.kind(db).name())), ("first_place", at)];
        }
        found.push(violation);
    }
    found
}

/// Two nodes that would be built as one table.
fn shared_tables(rows: &Rows<'_>, root: Package) -> Vec<Observation> {
    let db = rows.db;
    // dbt counts ephemeral models, too.
    let is_built = |node: &Node<'_>| node.kind(db).is_refable();
    let mut by_alias: BTreeMap<Option<Arc<str>>, Vec<Node<'_>>> = BTreeMap::new();
    for node in living(db, root).filter(is_built) {
        by_alias.entry(plain_alias(db, node)).or_default().push(node);
    }
    // Of packages' nodes only those are looked at that have an alias of the project's.
    for package in dbt_packages(db).into_iter().filter(|package| *package != root) {
        for node in nodes_of_package(db, package) {
            if is_built(&node)
                && is_enabled(db, node)
                && let Some(known) = by_alias.get_mut(&plain_alias(db, node))
            {
                known.push(node);
            }
        }
    }
    let mut by_relation: BTreeMap<Vec<Arc<str>>, Vec<Node<'_>>> = BTreeMap::new();
    for node in by_alias.into_values().filter(|nodes| nodes.len() > 1).flatten() {
        let names = relation_names(db, node);
        let parts = [&names.database, &names.schema, &names.alias];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty()).cloned().collect();
        by_relation.entry(parts).or_default().push(node);
    }
    let mut found = Vec::new();
    for (parts, nodes) in by_relation {
        let mut nodes: Vec<_> =
            nodes.into_iter().map(|node| (node.package(db) == root, start(rows, node), node)).collect();
        nodes.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let Some((_, first_place, first)) = nodes.first().cloned() else { continue };
        for (is_own, place, node) in nodes.into_iter().skip(1) {
            let same_name = first.package(db) == node.package(db) && first.name(db) == node.name(db);
            let both_versions = version(db, first).is_some() && version(db, node).is_some();
            if !is_own || (same_name && !both_versions) || !are_surely_one(db, first, node) {
                continue;
            }
            let what = format!("the table {} of {}", parts.join("."), called(db, node));
            let subject = vec![unique_id(db, first).clone(), unique_id(db, node).clone()];
            let mut violation = violation(subject, &what, &first_place, place);
            violation.node = Some(unique_id(db, node).clone());
            let at = format!("{}:{}, by {}", first_place.path, first_place.start.line, called(db, first));
            violation.args = vec![("what", what), ("first_place", at)];
            found.push(violation);
        }
    }
    found
}

fn called(db: &dyn salsa::Database, node: Node<'_>) -> String {
    let name = match version(db, node) {
        Some(version) => format!("{}.{}", node.name(db), version.suffix()),
        None => node.name(db).to_string(),
    };
    let shown = format!("{} '{name}'", node.kind(db).name());
    match Project::try_get(db).is_some_and(|project| project.root(db) == node.package(db)) {
        true => shown,
        false => format!("{shown} of package {}", package_name(db, node.package(db))),
    }
}

/// Entries of two kinds may share a name; the mark keeps them apart from the resources themselves.
fn entry_kind(kind: PatchKind) -> &'static str {
    match kind {
        PatchKind::Model => "models!",
        PatchKind::Seed => "seeds!",
        PatchKind::Snapshot => "snapshots!",
        PatchKind::Analysis => "analyses!",
        PatchKind::Function => "functions!",
        PatchKind::Macro => "macros!",
    }
}
