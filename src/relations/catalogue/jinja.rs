//! What templates call and read.

use super::nodes::{installed, living, living_whole};
use crate::db::{Package, Project, Sym, sym};
use crate::project::builtins::is_called_by_dbt;
use crate::project::data_tests::{self, operations::operations};
use crate::project::jinja::run::Trace;
use crate::project::macro_calls::{called_by, called_by_node, macro_id};
use crate::project::macros::{BlockAt, is_read, macros_in, macros_of_package};
use crate::project::nodes::{rendering, unique_id};
use crate::project::packages::package_name;
use crate::relations::texts::{all, of_node, of_test};
use crate::relations::things::{Thing, living_in};
use crate::relations::{Cell, places, relation};
use crate::syntax::jinja::call_names::{call_names, reads_of};
use crate::syntax::span::LineIndex;
use rustc_hash::FxHashSet;
use std::sync::Arc;

fn macro_row<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    (name, at): &(Arc<str>, BlockAt),
) -> Option<(Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>)> {
    let space = sym(db, package_name(db, package));
    let id = is_read(db, *at).then(|| macro_id(db, package, name))?;
    Some((sym(db, &id), sym(db, name), sym(db, at.0.path(db)), space))
}

relation! {
    /// A macro of the project or of an installed package, by dbt's name: a generic test is `test_…`, a
    /// materialization `materialization_…`. dbt's own macros are absent, also where others call them.
    macros as "macro" (id: Node, name: Name, path: Path, package: Name)
    Fact r#"macro(id: m, path: p), !calls_macro(_, m)"# at places::of_id_and_path;
    each |db, package, directory, rows| {
        rows.extend(macros_in(db, directory).iter().filter_map(|own| macro_row(db, package, own)));
    }
    whole |db, rows| {
        for package in installed(db) {
            rows.extend(macros_of_package(db, package).iter().filter_map(|own| macro_row(db, package, own)));
        }
    }
}

fn calls<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    (name, at): &(Arc<str>, BlockAt),
) -> Vec<(Sym<'db>, Sym<'db>)> {
    if !is_read(db, *at) {
        return Vec::new();
    }
    let id = sym(db, &macro_id(db, package, name));
    called_by(db, package, name, *at).iter().map(|called| (id, sym(db, called))).collect()
}

relation! {
    /// A macro that an enabled node, a test or another macro calls itself, as dbt's depends_on lists it. Of
    /// macros every call in the text counts, of nodes those that run. Macros of packages call as well.
    calls_macro as "calls_macro" (id: Node, r#macro: Node)
    Fact r#"calls_macro(x, m), macro(m, "cents", _, _)"# at places::of_calls_macro;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let called = match thing {
                Thing::Node(node) => called_by_node(db, node),
                Thing::Test(test) => data_tests::macro_ids(db, test),
                _ => continue,
            };
            let id = sym(db, &thing.id(db));
            rows.extend(called.iter().map(|called| (id, sym(db, called))));
        }
        rows.extend(macros_in(db, directory).iter().flat_map(|own| calls(db, package, own)));
    }
    whole |db, rows| {
        let root = Project::try_get(db).map(|project| project.root(db));
        for (package, operation) in root.into_iter().flat_map(|root| operations(db, root).iter().map(move |it| (root, it))) {
            let id = sym(db, &Thing::Operation(package, operation).id(db));
            rows.extend(operation.macro_ids(db).iter().map(|called| (id, sym(db, called))));
        }
        for package in installed(db) {
            rows.extend(macros_of_package(db, package).iter().flat_map(|own| calls(db, package, own)));
        }
    }
}

relation! {
    /// A call in the text of a node, a test that is a file or a macro, run or not: the name as written, dots
    /// included, and its line. Enabled or not; filters and Python are absent.
    jinja_call as "jinja_call" (id: Node, name: Name, line: Int)
    Fact r#"jinja_call(m, "run_query", line)"# at places::of_jinja_call;
    stream |db, emit| {
        for text in all(db) {
            let content = text.file.content(db).text();
            let lines = LineIndex::new(content);
            let mut seen = FxHashSet::default();
            for span in call_names(content, text.region) {
                let line = lines.position(content, span.start).line;
                if seen.insert((span.of(content), line)) {
                    emit(&[Cell::Text(&text.id), Cell::Text(span.of(content)), Cell::Int(i64::from(line))]);
                }
            }
        }
    }
}

relation! {
    /// A macro of the project that dbt finds by its name, whoever calls it: it replaces one of dbt's or of an
    /// adapter's own, or is an adapter's version of one, a materialization or a generic test.
    dbt_calls as "dbt_calls" (r#macro: Node)
    Fact r#"macro(id: m), !calls_macro(_, m), !dbt_calls(m)"# at places::of_id;
    each |db, package, directory, rows| {
        let named = macros_in(db, directory).iter().filter(|(name, _)| is_called_by_dbt(name));
        rows.extend(named.filter_map(|own| Some((macro_row(db, package, own)?.0,))));
    }
}

/// What a thing asked for when it was rendered.
fn trace<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>) -> Option<&'db Trace> {
    match thing {
        Thing::Node(node) => Some(&rendering(db, node).trace),
        Thing::Test(test) => Some(data_tests::rendering(db, test)),
        Thing::Operation(_, operation) => Some(operation.trace()),
        _ => None,
    }
}

relation! {
    /// A var that the rendering of an enabled node or test asked for, itself or in a macro, stated or not.
    /// Vars in YAML and dbt_project.yml belong to no node.
    var_read as "var_read" (id: Node, name: Name)
    Fact r#"var_read(m, "start_date")"# at places::of_var_read;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let names = trace(db, thing).map(|trace| trace.vars.as_slice()).unwrap_or_default();
            rows.extend(names.iter().map(|name| (sym(db, &thing.id(db)), sym(db, name))));
        }
    }
    whole |db, rows| {
        for thing in living_whole(db) {
            let names = trace(db, thing).map(|trace| trace.vars.as_slice()).unwrap_or_default();
            rows.extend(names.iter().map(|name| (sym(db, &thing.id(db)), sym(db, name))));
        }
    }
}

relation! {
    /// An environment variable that the rendering of an enabled node or test asked for, itself or in a macro,
    /// set or not.
    env_read as "env_read" (id: Node, name: Name)
    Fact r#"env_read(m, name)"# at places::of_env_read;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let names = trace(db, thing).map(|trace| trace.env.as_slice()).unwrap_or_default();
            rows.extend(names.iter().map(|name| (sym(db, &thing.id(db)), sym(db, name))));
        }
    }
    whole |db, rows| {
        for thing in living_whole(db) {
            let names = trace(db, thing).map(|trace| trace.env.as_slice()).unwrap_or_default();
            rows.extend(names.iter().map(|name| (sym(db, &thing.id(db)), sym(db, name))));
        }
    }
}

relation! {
    /// An enabled node or test whose own text reads `this`, also in a branch that dbt only takes when it runs.
    reads_this as "reads_this" (id: Node)
    Fact r#"materialized(m, "incremental"), !reads_this(m)"# at places::of_reads_this;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let text = match thing {
                Thing::Node(node) => of_node(db, node),
                Thing::Test(test) => of_test(db, test),
                _ => None,
            };
            let Some(text) = text else { continue };
            if !reads_of(text.file.content(db).text(), text.region, "this").is_empty() {
                rows.push((sym(db, &text.id),));
            }
        }
        let python = living(db, package, directory).filter(|node| node.file(db).path(db).ends_with(".py"));
        let reads = |text: &str| text.contains("dbt.this");
        rows.extend(python.filter(|node| reads(node.file(db).content(db).text())).map(|node| (sym(db, unique_id(db, node)),)));
    }
}
