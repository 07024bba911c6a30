//! The base relations of the root project.

use super::{Column, Schema, Type, relation};
use crate::db::{Directory, DirectoryOf, FileKind, Package, Sym, sym};
use crate::project::graph::{Source, is_source_enabled, parents, source_id};
use crate::project::layout::{Place, place};
use crate::project::nodes::{Node, NodeKind, facts, is_enabled, nodes_of_directory, unique_id};
use crate::project::properties::properties;
use std::sync::Arc;

/// The catalogue, by name.
pub const ALL: [Schema; 14] = [
    depends_on::SCHEMA,
    domain::SCHEMA,
    enabled::SCHEMA,
    layer::SCHEMA,
    layer_folder::SCHEMA,
    materialized::SCHEMA,
    model::SCHEMA,
    node::SCHEMA,
    package_ref::SCHEMA,
    reads_source::SCHEMA,
    reads::SCHEMA,
    source::SCHEMA,
    tag::SCHEMA,
    tenant::SCHEMA,
];

/// The enabled nodes of one directory.
fn living<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Node<'db>> {
    nodes_of_directory(db, package, directory).iter().copied().filter(move |node| is_enabled(db, *node))
}

fn living_models<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Node<'db>> {
    living(db, package, directory).filter(move |node| node.kind(db) == NodeKind::Model)
}

/// The enabled models of one directory with what their places say.
fn placed<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
    said: impl Fn(Place) -> Option<Arc<str>>,
) -> impl Iterator<Item = (Sym<'db>, Sym<'db>)> {
    living_models(db, package, directory)
        .filter_map(move |node| Some((sym(db, unique_id(db, node)), sym(db, &said(place(db, node))?))))
}

fn builds(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Model | NodeKind::Snapshot)
}

relation! {
    /// Every node of the root project, enabled or not.
    node as "node" (id: Node, kind: Name, name: Name, path: Path, package: Name)
    |db, package, directory, rows| {
        for node in nodes_of_directory(db, package, directory) {
            rows.push((
                sym(db, unique_id(db, *node)),
                sym(db, node.kind(db).name()),
                sym(db, node.name(db)),
                sym(db, node.file(db).path(db)),
                sym(db, crate::project::packages::package_name(db, package)),
            ));
        }
    }
}

relation! {
    /// The enabled models of the root project.
    model as "model" (id: Node, name: Name, path: Path)
    |db, package, directory, rows| {
        for node in living_models(db, package, directory) {
            rows.push((sym(db, unique_id(db, node)), sym(db, node.name(db)), sym(db, node.file(db).path(db))));
        }
    }
}

relation! {
    /// Nodes that are not switched off.
    enabled as "enabled" (id: Node)
    |db, package, directory, rows| {
        rows.extend(living(db, package, directory).map(|node| (sym(db, unique_id(db, node)),)));
    }
}

relation! {
    /// How an enabled node is built: view, table, incremental, ephemeral, seed, snapshot.
    materialized as "materialized" (id: Node, value: Name)
    |db, package, directory, rows| {
        for node in living(db, package, directory) {
            rows.push((sym(db, unique_id(db, node)), sym(db, &facts(db, node).materialized)));
        }
    }
}

relation! {
    /// The tags of an enabled node, numbered from 0 in dbt's order.
    tag as "tag" (id: Node, tag: Name, index: Int)
    |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let tags = facts(db, node).tags.iter().enumerate();
            rows.extend(tags.map(|(index, tag)| (sym(db, unique_id(db, node)), sym(db, tag), index as u32)));
        }
    }
}

relation! {
    /// An enabled model or snapshot refs this node; the parent is resolved and enabled.
    reads as "ref" (child: Node, parent: Node)
    |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| builds(node.kind(db))) {
            let own = parents(db, node).nodes.iter().filter(|parent| parent.kind(db).is_refable());
            rows.extend(own.map(|parent| (sym(db, unique_id(db, node)), sym(db, unique_id(db, *parent)))));
        }
    }
}

relation! {
    /// An enabled model or snapshot reads this table of a source.
    reads_source as "reads_source" (child: Node, source: Node)
    |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| builds(node.kind(db))) {
            let own = parents(db, node).sources.iter();
            rows.extend(own.map(|source| (sym(db, unique_id(db, node)), sym(db, &source_id(db, *source)))));
        }
    }
}

relation! {
    /// A ref that leads out of the root project, into an installed package.
    package_ref as "package_ref" (child: Node, parent: Node)
    |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let foreign = parents(db, node).nodes.iter().filter(|parent| parent.package(db) != package);
            rows.extend(foreign.map(|parent| (sym(db, unique_id(db, node)), sym(db, unique_id(db, *parent)))));
        }
    }
}

relation! {
    /// All edges of enabled nodes of the root project, whatever the parent is.
    depends_on as "depends_on" (child: Node, parent: Node)
    |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let child = sym(db, unique_id(db, node));
            let own = parents(db, node);
            rows.extend(own.nodes.iter().map(|parent| (child, sym(db, unique_id(db, *parent)))));
            rows.extend(own.sources.iter().map(|source| (child, sym(db, &source_id(db, *source)))));
        }
    }
}

relation! {
    /// The layer an enabled model stands in.
    layer as "layer" (id: Node, layer: Name)
    |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.layer));
    }
}

relation! {
    /// The folder that gives a model its layer, where harness.yml states what folders mean.
    layer_folder as "layer_folder" (id: Node, folder: Path)
    |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.layer_folder));
    }
}

relation! {
    /// The domain an enabled model belongs to.
    domain as "domain" (id: Node, domain: Name)
    |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.domain));
    }
}

relation! {
    /// The tenant an enabled model belongs to.
    tenant as "tenant" (id: Node, tenant: Name)
    |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.tenant));
    }
}

relation! {
    /// The enabled tables of the root project's sources.
    source as "source" (id: Node, source: Name, table: Name, path: Path)
    |db, package, directory, rows| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_and_each_relation_is_documented() {
        let names: Vec<&str> = ALL.iter().map(|schema| schema.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        assert!(ALL.iter().all(|schema| !schema.doc.trim().is_empty() && !schema.columns.is_empty()));
    }
}
