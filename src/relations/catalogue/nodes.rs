//! What exists, and what each thing is.

use crate::db::{Directory, FileKind, Package, sym};
use crate::project::graph::{Source, is_source_enabled, source_id};
use crate::project::nodes::{Node, NodeKind, facts, is_enabled, nodes_of_directory, unique_id};
use crate::project::packages::package_name;
use crate::project::properties::properties;
use crate::relations::{places, relation};

/// The enabled nodes of one directory.
pub(super) fn living<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Node<'db>> {
    nodes_of_directory(db, package, directory).iter().copied().filter(move |node| is_enabled(db, *node))
}

pub(super) fn living_models<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Node<'db>> {
    living(db, package, directory).filter(move |node| node.kind(db) == NodeKind::Model)
}

relation! {
    /// Every node of the root project, enabled or not.
    node as "node" (id: Node, r#type: Name, name: Name, path: Path, package: Name)
    Fact r#"node(id: n, type: "snapshot")"# at places::of_id;
    each |db, package, directory, rows| {
        for node in nodes_of_directory(db, package, directory) {
            rows.push((
                sym(db, unique_id(db, *node)),
                sym(db, node.kind(db).name()),
                sym(db, node.name(db)),
                sym(db, node.file(db).path(db)),
                sym(db, package_name(db, package)),
            ));
        }
    }
}

relation! {
    /// The enabled models of the root project.
    model as "model" (id: Node, name: Name, path: Path)
    Fact r#"model(m, _, p), contains(p, "/marts/")"# at places::of_id;
    each |db, package, directory, rows| {
        for node in living_models(db, package, directory) {
            rows.push((sym(db, unique_id(db, node)), sym(db, node.name(db)), sym(db, node.file(db).path(db))));
        }
    }
}

relation! {
    /// Nodes that are not switched off.
    enabled as "enabled" (id: Node)
    Fact r#"node(id: n, type: "model"), !enabled(n)"# at places::of_id;
    each |db, package, directory, rows| {
        rows.extend(living(db, package, directory).map(|node| (sym(db, unique_id(db, node)),)));
    }
}

relation! {
    /// How an enabled node is built: view, table, incremental, ephemeral, seed, snapshot.
    materialized as "materialized" (id: Node, value: Name)
    Fact r#"materialized(m, "incremental")"# at places::of_id;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            rows.push((sym(db, unique_id(db, node)), sym(db, &facts(db, node).materialized)));
        }
    }
}

relation! {
    /// The tags of an enabled node, numbered from 0 in dbt's order.
    tag as "tag" (id: Node, tag: Name, index: Int)
    Fact r#"tag(n, "daily", _)"# at places::of_id;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let tags = facts(db, node).tags.iter().enumerate();
            rows.extend(tags.map(|(index, tag)| (sym(db, unique_id(db, node)), sym(db, tag), index as u32)));
        }
    }
}

relation! {
    /// The enabled tables of the root project's sources.
    source as "source" (id: Node, source: Name, table: Name, path: Path)
    Fact r#"source(id: s, source: "erp")"# at places::of_id;
    each |db, package, directory, rows| {
        for file in directory.files(db).iter().filter(|file| file.kind(db) == FileKind::Properties) {
            for table in &properties(db, package, *file).sources {
                let source = Source::new(db, package, table.source.clone(), table.table.clone(), *file);
                if is_source_enabled(db, source) {
                    let names = [&table.source, &table.table].map(|name| sym(db, name));
                    rows.push((sym(db, &source_id(db, source)), names[0], names[1], sym(db, file.path(db))));
                }
            }
        }
    }
}
