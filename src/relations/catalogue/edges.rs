//! Who reads whom.

use super::nodes::living;
use crate::db::sym;
use crate::project::graph::{parents, source_id};
use crate::project::nodes::{NodeKind, unique_id};
use crate::relations::{places, relation};

fn builds(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Model | NodeKind::Snapshot)
}

relation! {
    /// An enabled model or snapshot refs this node, which is found and enabled. Parents may be of
    /// installed packages.
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
    /// An enabled model or snapshot reads this table of a source.
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
    /// All edges of enabled nodes of the root project, whatever the parent is.
    depends_on as "depends_on" (child: Node, parent: Node)
    Fact r#"depends_on(x, @orders)"# at places::of_edge;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let child = sym(db, unique_id(db, node));
            let own = parents(db, node);
            rows.extend(own.nodes.iter().map(|parent| (child, sym(db, unique_id(db, *parent)))));
            rows.extend(own.sources.iter().map(|source| (child, sym(db, &source_id(db, *source)))));
        }
    }
}
