//! What exists: files, nodes, sources, exposures, docs.

use crate::db::{Directory, FileKind, Package, Project, sym};
use crate::project::data;
use crate::project::docs::docs_in;
use crate::project::graph::{Source, is_source_enabled, source_id};
use crate::project::naming::relation_names;
use crate::project::nodes::{Node, NodeKind, facts, living_nodes, unique_id};
use crate::project::packages::{dbt_packages, package_name};
use crate::project::resources::ResourceKind;
use crate::relations::places::own_files;
use crate::relations::things::{Thing, living_in, living_read_in, read_in, stated_in, things_in, things_of_package};
use crate::relations::{Cell, places, relation};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// The enabled nodes of one directory.
pub(super) fn living<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Node<'db>> {
    living_nodes(db, package, directory).iter().copied()
}

pub(super) fn living_models<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Node<'db>> {
    living(db, package, directory).filter(move |node| node.kind(db) == NodeKind::Model)
}

/// The enabled tables of sources of one directory.
pub(super) fn living_sources<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Source<'db>> {
    let sources = stated_in(db, package, directory).into_iter().filter_map(|thing| match thing {
        Thing::Source(source) => Some(source),
        _ => None,
    });
    sources.filter(move |source| is_source_enabled(db, *source))
}

/// What is enabled of all that belongs to no directory.
pub(super) fn living_whole(db: &dyn salsa::Database) -> Vec<Thing<'_>> {
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let all = things_of_package(db, project.root(db)).into_iter();
    all.filter(|thing| thing.is_enabled(db)).collect()
}

/// The packages that are installed.
pub(super) fn installed(db: &dyn salsa::Database) -> impl Iterator<Item = Package> {
    let root = Project::try_get(db).map(|project| project.root(db));
    dbt_packages(db).into_iter().filter(move |package| Some(*package) != root)
}

relation! {
    /// The table in the warehouse that an enabled model, seed or snapshot makes, as generate_…_name name it. ""
    /// where that is unknown.
    node_relation as "node_relation" (id: Node, database: Name, schema: Name, alias: Name)
    Fact r#"node_relation(m, _, schema, alias), node_relation(other, _, schema, alias), other != m"# at places::of_id;
    each |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| node.kind(db).is_refable()) {
            let names = relation_names(db, node);
            let part = |part: &Option<Arc<str>>| {
                let known = part.as_deref().filter(|text| !data::is_unknown(text));
                sym(db, known.unwrap_or_default())
            };
            let [database, schema, alias] = [&names.database, &names.schema, &names.alias].map(part);
            rows.push((sym(db, unique_id(db, node)), database, schema, alias));
        }
    }
}

relation! {
    /// A file of the project that was read. Kinds: model, python_model, snapshot, seed, analysis, macro,
    /// test, function, properties (YAML), docs, project, packages, selectors. Files of installed packages
    /// and what dbt does not read are absent.
    file as "file" (path: Path, kind: Name)
    Fact r#"file(p, "macro")"# at places::of_path;
    whole |db, rows| {
        rows.extend(own_files(db).iter().map(|file| (sym(db, file.path(db)), sym(db, file.kind(db).name()))));
    }
}

relation! {
    /// A file that is new, gone or otherwise than at the commit after `--since`; installed packages, harness.yml and
    /// rule files count. Without `--since` a question that reads this is refused, and a rule finds nothing.
    changed as "changed" (path: Path)
    Fact r#"changed(p), node(id: m, path: p)"# at places::of_path;
    whole |db, rows| {
        let before = Project::try_get(db).and_then(|project| project.before(db).as_ref());
        rows.extend(before.into_iter().flat_map(|before| &before.changed).map(|path| (sym(db, path),)));
    }
}

relation! {
    /// A line of a file, numbered from 1. The rows of seeds and files that cannot be read have no text.
    text as "text" (path: Path, line: Int, content: Text)
    Fact r#"text(p, line, content), contains(content, "TODO")"# at places::of_line;
    stream |db, emit| {
        let mut seen = FxHashSet::default();
        for file in own_files(db).iter().copied().filter(|file| seen.insert(file.path(db))) {
            let path: &str = file.path(db);
            let content = file.content(db).text().trim_start_matches('\u{feff}');
            for (at, line) in content.lines().enumerate() {
                emit(&[Cell::Text(path), Cell::Int(at as i64 + 1), Cell::Text(line)]);
            }
        }
    }
}

relation! {
    /// All that has a unique_id, enabled or not; the type is dbt's resource_type. What installed packages
    /// bring is there as well, but for their tests. Macros and docs blocks are no nodes.
    node as "node" (id: Node, r#type: Name, name: Name, path: Path, package: Name)
    Fact r#"node(id: n, type: "snapshot")"# at places::of_id_and_path;
    each |db, package, directory, rows| {
        let space = sym(db, package_name(db, package));
        for thing in things_in(db, package, directory) {
            let (id, name) = (sym(db, &thing.id(db)), sym(db, &thing.name(db)));
            rows.push((id, sym(db, thing.kind(db)), name, sym(db, thing.file(db).path(db)), space));
        }
    }
    whole |db, rows| {
        let root = Project::try_get(db).map(|project| project.root(db));
        let mut more: Vec<Thing<'_>> = root.map(|root| things_of_package(db, root)).unwrap_or_default();
        for package in installed(db) {
            more.extend(package.directories(db).iter().flat_map(|directory| read_in(db, package, *directory)));
        }
        for thing in more {
            let (id, name) = (sym(db, &thing.id(db)), sym(db, &thing.name(db)));
            let space = sym(db, package_name(db, thing.package(db)));
            rows.push((id, sym(db, thing.kind(db)), name, sym(db, thing.file(db).path(db)), space));
        }
    }
}

relation! {
    /// The enabled models of the project itself.
    model as "model" (id: Node, name: Name, path: Path)
    Fact r#"model(m, _, p), contains(p, "/marts/")"# at places::of_id_and_path;
    each |db, package, directory, rows| {
        for node in living_models(db, package, directory) {
            rows.push((sym(db, unique_id(db, node)), sym(db, node.name(db)), sym(db, node.file(db).path(db))));
        }
    }
}

relation! {
    /// A node of the project that is not switched off. A test is on where all it names is there and on;
    /// nodes of packages are not listed.
    enabled as "enabled" (id: Node)
    Fact r#"node(id: n, type: "model"), !enabled(n)"# at places::of_enabled;
    each |db, package, directory, rows| {
        rows.extend(living_in(db, package, directory).into_iter().map(|thing| (sym(db, &thing.id(db)),)));
    }
    whole |db, rows| {
        rows.extend(living_whole(db).into_iter().map(|thing| (sym(db, &thing.id(db)),)));
    }
}

relation! {
    /// How an enabled model, seed, snapshot, analysis or function is built: view, table, incremental,
    /// ephemeral, seed, snapshot and so on. Where nobody says it, dbt's default.
    materialized as "materialized" (id: Node, value: Name)
    Fact r#"materialized(m, "incremental")"# at places::of_materialized;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            rows.push((sym(db, unique_id(db, node)), sym(db, &facts(db, node).materialized)));
        }
    }
}

relation! {
    /// An enabled table of a source of the project: the source's name, the table's, and the YAML file.
    source as "source" (id: Node, source: Name, table: Name, path: Path)
    Fact r#"source(id: s, source: "erp")"# at places::of_id_and_path;
    each |db, package, directory, rows| {
        for source in living_sources(db, package, directory) {
            let [source_name, table] = [source.source(db), source.table(db)].map(|name| sym(db, name));
            rows.push((sym(db, &source_id(db, source)), source_name, table, sym(db, source.file(db).path(db))));
        }
    }
}

relation! {
    /// An enabled exposure: its type (dashboard, notebook and so on), its YAML file and its owner's name
    /// or address. What is not stated is "".
    exposure as "exposure" (id: Node, name: Name, r#type: Name, path: Path, owner: Name)
    Fact r#"exposure(id: e, type: "dashboard")"# at places::of_id;
    each |db, package, directory, rows| {
        for thing in living_read_in(db, package, directory) {
            if let Thing::Resource(_, file, resource) = thing
                && resource.kind == ResourceKind::Exposure
            {
                let [name, of, owner] = [&resource.name, &resource.of, &resource.owner].map(|text| sym(db, text));
                rows.push((sym(db, &thing.id(db)), name, of, sym(db, file.path(db)), owner));
            }
        }
    }
}

relation! {
    /// A docs block of a Markdown file, of the project or of an installed package.
    doc_block as "doc_block" (name: Name, path: Path, package: Name)
    Fact r#"doc_block(name, path, _)"# at places::of_doc_block;
    each |db, package, directory, rows| {
        let space = sym(db, package_name(db, package));
        for file in directory.files(db).iter().filter(|file| file.kind(db) == FileKind::Docs) {
            rows.extend(docs_in(db, *file).map(|block| (sym(db, &block.name), sym(db, file.path(db)), space)));
        }
    }
    whole |db, rows| {
        for package in installed(db) {
            let space = sym(db, package_name(db, package));
            for file in package.directories(db).iter().flat_map(|directory| directory.files(db)) {
                rows.extend(docs_in(db, *file).map(|block| (sym(db, &block.name), sym(db, file.path(db)), space)));
            }
        }
    }
}
