//! Data tests.

use crate::db::sym;
use crate::project::data::scalar;
use crate::project::data_tests::declared::Target;
use crate::project::data_tests::{Test, attached, declaration, facts, living_tests, test_id};
use crate::project::graph::{Resolved, resolve_source, source_id};
use crate::relations::things::{in_order, leaves};
use crate::relations::{places, relation};
use std::sync::Arc;

/// What a test is declared on.
fn tested_id<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Option<Arc<str>> {
    match &declaration(db, test)?.target {
        Target::Node { .. } => attached(db, test).map(|node| crate::project::nodes::unique_id(db, node).clone()),
        Target::Source { source, table } => match resolve_source(db, test.package(db), source, table) {
            Resolved::Found(source) => Some(source_id(db, source)),
            Resolved::Disabled(_) | Resolved::Missing => None,
        },
    }
}

relation! {
    /// An enabled data test: its kind (`not_null`), the namespace before it (`dbt_utils`), the node it is
    /// declared on, and the column it is declared on or given as `column_name`. What is absent is "": a test
    /// that is a file of its own has only an id.
    test as "test" (id: Node, name: Name, namespace: Name, node: Node, column: Column)
    Fact r#"test(name: "unique", node: m, column: c), test(name: "not_null", node: m, column: c)"# at places::of_id;
    each |db, package, directory, rows| {
        for test in living_tests(db, package, directory).iter().copied() {
            let declared = declaration(db, test);
            let name = declared.map(|it| &*it.kind).unwrap_or_default();
            let namespace = declared.and_then(|it| it.namespace.as_deref()).unwrap_or_default();
            let given = declared.and_then(|it| it.arguments.get("column_name")?.as_str());
            let column = declared.and_then(|it| it.column.as_deref()).or(given).unwrap_or_default();
            let node = tested_id(db, test).unwrap_or_default();
            rows.push((sym(db, &test_id(db, test)), sym(db, name), sym(db, namespace), sym(db, &node), sym(db, column)));
        }
    }
}

relation! {
    /// An argument of an enabled data test, one row a leaf: `to`, `field`, `values[0]`. The model and the
    /// column are columns of `test`.
    test_arg as "test_arg" (id: Node, key: Name, value: Text)
    Fact r#"test(id: t, name: "relationships", node: m), test_arg(t, "to", parent)"# at places::of_id;
    each |db, package, directory, rows| {
        for test in living_tests(db, package, directory).iter().copied() {
            let arguments = declaration(db, test).map(|declared| in_order(&declared.arguments));
            let id = sym(db, &test_id(db, test));
            for (key, value) in arguments.into_iter().flatten() {
                if !matches!(key.as_str(), "model" | "column_name") {
                    leaves(key, value, &mut |key, value| rows.push((id, sym(db, key), sym(db, value))));
                }
            }
        }
    }
}

relation! {
    /// The condition of an enabled data test that looks at some rows alone: its `where`.
    test_filter as "test_filter" (id: Node, condition: Text)
    Fact r#"test(id: t, name: "unique", node: m), test_filter(t, w)"# at places::of_id;
    each |db, package, directory, rows| {
        for test in living_tests(db, package, directory).iter().copied() {
            let condition = facts(db, test).config.get("where").and_then(scalar);
            rows.extend(condition.map(|condition| (sym(db, &test_id(db, test)), sym(db, &condition))));
        }
    }
}
