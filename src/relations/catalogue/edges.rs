//! Who reads whom.

use super::nodes::{living, living_whole};
use crate::db::{Project, Sym, sym};
use crate::project::config;
use crate::project::data_tests::living_tests;
use crate::project::graph::{Resolved, parents, resolve_ref, source_id};
use crate::project::nodes::{NodeKind, Reference, nodes_of_package, rendering, unique_id};
use crate::project::resources::{resource_config, resource_id, resource_parents, resources_of_package, semantic_layer};
use crate::relations::places::{call, node};
use crate::relations::things::Thing;
use crate::relations::{Cell, places, relation, tiers};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

fn builds(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Model | NodeKind::Snapshot)
}

/// The edges of nodes alone, for what must not wait for tests.
pub mod node_edges {
    use super::*;

    tiers! {
        (Node, Node)
        each |db, package, directory, rows| {
            for node in living(db, package, directory) {
                let child = sym(db, unique_id(db, node));
                let own = parents(db, node);
                rows.extend(own.nodes.iter().map(|parent| (child, sym(db, unique_id(db, *parent)))));
                rows.extend(own.sources.iter().map(|source| (child, sym(db, &source_id(db, *source)))));
            }
        }
    }
}

relation! {
    /// An enabled model or snapshot refs this model, seed or snapshot, which is found and enabled. Parents may
    /// be of installed packages; what refs inside of packages is absent.
    reads as "ref" (child: Node, parent: Node)
    Fact r#"ref(c, @orders)"# at places::of_edge;
    each |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| builds(node.kind(db))) {
            let own = parents(db, node).nodes.iter().filter(|parent| parent.kind(db).is_refable());
            rows.extend(own.map(|parent| (sym(db, unique_id(db, node)), sym(db, unique_id(db, *parent)))));
        }
    }
}

relation! {
    /// An enabled model or snapshot reads this table of a source, which is found and enabled.
    reads_source as "reads_source" (child: Node, source: Node)
    Fact r#"reads_source(m, s), !layer(m, "staging")"# at places::of_edge;
    each |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| builds(node.kind(db))) {
            let own = parents(db, node).sources.iter();
            rows.extend(own.map(|source| (sym(db, unique_id(db, node)), sym(db, &source_id(db, *source)))));
        }
    }
}

relation! {
    /// An enabled exposure, semantic model, metric or saved query names this node, source or metric, which is
    /// found and enabled.
    resource_ref as "resource_ref" (child: Node, parent: Node)
    Fact r#"exposure(id: e), resource_ref(e, m), !description(m, _)"# at places::of_edge;
    whole |db, rows| {
        let root = Project::try_get(db).map(|project| project.root(db));
        let layer = semantic_layer(db);
        for (root, (resource, file)) in root.into_iter().flat_map(|root| resources_of_package(db, root).into_iter().map(move |it| (root, it))) {
            if config::enabled(&resource_config(db, root, resource, file)) {
                let child = sym(db, &resource_id(db, root, resource));
                let own = resource_parents(db, root, resource, &layer);
                rows.extend(own.iter().map(|parent| (child, sym(db, parent))));
            }
        }
    }
}

relation! {
    /// An enabled node names a node of an installed package.
    package_ref as "package_ref" (child: Node, parent: Node)
    Fact r#"package_ref(m, p)"# at places::of_edge;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let foreign = parents(db, node).nodes.iter().filter(|parent| parent.package(db) != package);
            rows.extend(foreign.map(|parent| (sym(db, unique_id(db, node)), sym(db, unique_id(db, *parent)))));
        }
    }
}

relation! {
    /// What dbt lists as the parents of an enabled node of any kind: models, tests, exposures, metrics, saved
    /// queries, unit tests, operations. Parents are found and enabled.
    depends_on as "depends_on" (child: Node, parent: Node)
    Fact r#"depends_on(x, @orders)"# at places::of_edge;
    each |db, package, directory, rows| {
        let tests = living_tests(db, package, directory).iter().map(|test| Thing::Test(*test));
        for thing in living(db, package, directory).map(Thing::Node).chain(tests) {
            let child = sym(db, &thing.id(db));
            rows.extend(thing.parents(db).iter().map(|parent| (child, sym(db, parent))));
        }
    }
    whole |db, rows| {
        for thing in living_whole(db) {
            let child = sym(db, &thing.id(db));
            rows.extend(thing.parents(db).iter().map(|parent| (child, sym(db, parent))));
        }
        rows.extend_from_slice(resource_ref::rows(db));
    }
}

relation! {
    /// Each call of ref that names a node which is there and enabled, with its place. The calling node may be
    /// switched off; a call in a macro stands where the node calls the macro.
    ref_call as "ref_call" (child: Node, parent: Node, path: Path, line: Int, column: Int)
    Fact r#"ref_call(c, @orders, path, line, _)"# at places::of_ref_call;
    stream |db, emit| {
        let root = Project::try_get(db).map(|project| project.root(db));
        let nodes = root.into_iter().flat_map(|root| nodes_of_package(db, root));
        for own in nodes.filter(|own| node(db, unique_id(db, *own)) == Some(*own)) {
            let mut found = BTreeSet::new();
            for named in &rendering(db, own).trace.refs {
                if let Resolved::Found(parent) = resolve_ref(db, own.package(db), &Reference::of(named)) {
                    let at = call(db, own, named.site);
                    found.insert((at.start, unique_id(db, parent)));
                }
            }
            let (child, path) = (Cell::Text(unique_id(db, own)), Cell::Text(own.file(db).path(db)));
            for (at, parent) in found {
                let [line, column] = [at.line, at.column].map(|number| Cell::Int(i64::from(number)));
                emit(&[child, Cell::Text(parent), path, line, column]);
            }
        }
    }
}

/// The longest chain of edges that ends in each node, by the order in which all parents are known. Nodes
/// on a cycle or behind one are never reached.
fn depths<'db>(nodes: impl IntoIterator<Item = Sym<'db>>, edges: &[(Sym<'db>, Sym<'db>)]) -> Vec<(Sym<'db>, u32)> {
    let mut at: FxHashMap<Sym<'db>, usize> = FxHashMap::default();
    let mut all: Vec<Sym<'db>> = Vec::new();
    for node in nodes.into_iter().chain(edges.iter().flat_map(|(child, parent)| [*child, *parent])) {
        at.entry(node).or_insert_with(|| {
            all.push(node);
            all.len() - 1
        });
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    let mut waits: Vec<usize> = vec![0; all.len()];
    for (child, parent) in edges {
        if let (Some(child), Some(parent)) = (at.get(child), at.get(parent)) {
            children[*parent].push(*child);
            waits[*child] += 1;
        }
    }
    let mut depth: Vec<u32> = vec![0; all.len()];
    let mut done: Vec<usize> = (0..all.len()).filter(|node| waits[*node] == 0).collect();
    let mut next = 0;
    while let Some(parent) = done.get(next).copied() {
        next += 1;
        for child in &children[parent] {
            depth[*child] = depth[*child].max(depth[parent] + 1);
            waits[*child] -= 1;
            if waits[*child] == 0 {
                done.push(*child);
            }
        }
    }
    done.sort_unstable();
    done.into_iter().map(|node| (all[node], depth[node])).collect()
}

relation! {
    /// How many refs the longest chain has that leads to an enabled model, seed or snapshot from one without
    /// parents, which has 0. Nodes on a cycle or behind one have none; sources do not count.
    depth as "depth" (id: Node, n: Int)
    Fact r#"depth(m, n), n > 10"# at places::of_id;
    whole |db, rows| {
        let root = Project::try_get(db).map(|project| project.root(db));
        let directories = root.into_iter().flat_map(|root| root.directories(db).iter().map(move |own| (root, *own)));
        let nodes = directories.flat_map(|(root, directory)| living(db, root, directory));
        let nodes = nodes.filter(|node| node.kind(db).is_refable()).map(|node| sym(db, unique_id(db, node)));
        rows.extend(depths(nodes, reads::rows(db)));
    }
}
