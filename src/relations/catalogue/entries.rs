//! What entries of YAML say beside configuration, columns' names and descriptions of nodes.

use super::nodes::{living, living_models, living_sources};
use crate::db::{Directory, Package, sym};
use crate::project::graph::{source_id, source_table};
use crate::project::macro_calls::macro_id;
use crate::project::macros::{BlockAt, blocks, is_read, macros_in, parameter_names};
use crate::project::nodes::{columns, constraints, facts, region, unique_id};
use crate::project::properties::{Patch, PatchKind, patch};
use crate::project::target;
use crate::relations::things::{Thing, living_read_in};
use crate::relations::{places, relation};
use std::sync::Arc;

relation! {
    /// A constraint of a column that YAML states of an enabled node, at the column or at the node: not_null,
    /// unique, primary_key and so on. "" stands for several columns together.
    column_constraint as "column_constraint" (id: Node, column: Column, r#type: Name)
    Fact r#"column_constraint(m, column, "not_null")"# at places::of_yaml_column;
    each |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| facts(db, *node).patch_file.is_some()) {
            let id = sym(db, unique_id(db, node));
            for column in columns(db, node) {
                let name = sym(db, &column.name);
                rows.extend(column.constraints.iter().map(|constraint| (id, name, sym(db, constraint))));
            }
            let whole = constraints(db, node).iter();
            rows.extend(whole.map(|constraint| (id, sym(db, &constraint.column), sym(db, &constraint.kind))));
        }
    }
}

relation! {
    /// An enabled model that the semantic layer counts days by: its YAML has `time_spine`.
    time_spine as "time_spine" (id: Node)
    Fact r#"model(m, _, _), !depends_on(m, _), !time_spine(m)"# at places::of_time_spine;
    each |db, package, directory, rows| {
        for node in living_models(db, package, directory) {
            let own = facts(db, node).patch_file.and_then(|(package, _)| patch(db, package, PatchKind::Model, node.name(db)));
            if own.is_some_and(|(_, patch)| patch.is_time_spine) {
                rows.push((sym(db, unique_id(db, node)),));
            }
        }
    }
}

relation! {
    /// The table in the warehouse that an enabled table of a source is. The database is the target's where
    /// nobody says it, and "" where that is unknown.
    source_relation as "source_relation" (id: Node, database: Name, schema: Name, identifier: Name)
    Fact r#"source_relation(s, db, schema, t), source_relation(other, db, schema, t), other != s"# at places::of_id;
    each |db, package, directory, rows| {
        let usual = target::shown(db).get("database").and_then(|name| name.as_str()).unwrap_or_default();
        for source in living_sources(db, package, directory) {
            let Some(table) = source_table(db, source) else { continue };
            let database = sym(db, table.database.as_deref().unwrap_or(usual));
            rows.push((sym(db, &source_id(db, source)), database, sym(db, &table.schema), sym(db, &table.identifier)));
        }
    }
}

relation! {
    /// The description of the source that an enabled table belongs to, as it is written. Without one: absent.
    source_description as "source_description" (id: Node, text: Text)
    Fact r#"source(id: s), !source_description(s, _)"# at places::of_source_entry;
    each |db, package, directory, rows| {
        for source in living_sources(db, package, directory) {
            let text = source_table(db, source).map(|table| &table.source_description);
            rows.extend(text.filter(|text| !text.is_empty()).map(|text| (sym(db, &source_id(db, source)), sym(db, text))));
        }
    }
}

relation! {
    /// What loads an enabled table of a source, by `loader` of its source. Without one: absent.
    loader as "loader" (id: Node, loader: Text)
    Fact r#"source(id: s), !loader(s, _)"# at places::of_source_entry;
    each |db, package, directory, rows| {
        for source in living_sources(db, package, directory) {
            let loader = source_table(db, source).map(|table| &table.loader);
            rows.extend(loader.filter(|it| !it.is_empty()).map(|it| (sym(db, &source_id(db, source)), sym(db, it))));
        }
    }
}

relation! {
    /// What `owner` of an enabled exposure or group says: `name`, `email` and other keys.
    owner_field as "owner_field" (id: Node, key: Name, value: Text)
    Fact r#"exposure(id: e), !owner_field(e, "email", _)"# at places::of_owner_field;
    each |db, package, directory, rows| {
        for thing in living_read_in(db, package, directory) {
            if let Thing::Resource(_, _, resource) = thing {
                let id = sym(db, &thing.id(db));
                rows.extend(resource.owner_fields.iter().map(|(key, value)| (id, sym(db, key), sym(db, value))));
            }
        }
    }
}

type Macro<'db> = (Arc<str>, BlockAt, Option<&'db Patch>);

/// The macros of a directory that are read, with what YAML says of them.
fn described_macros(
    db: &dyn salsa::Database,
    package: Package,
    directory: Directory,
) -> impl Iterator<Item = Macro<'_>> {
    let all = macros_in(db, directory).iter().filter(|(_, at)| is_read(db, *at));
    all.map(move |(name, at)| (name.clone(), *at, patch(db, package, PatchKind::Macro, name).map(|(_, patch)| patch)))
}

relation! {
    /// The description of a macro of the project, as it is written. Without one: absent.
    macro_description as "macro_description" (r#macro: Node, text: Text)
    Fact r#"macro(id: m, package: p), own_package(p), !macro_description(m, _)"# at places::of_macro_entry;
    each |db, package, directory, rows| {
        for (name, _, patch) in described_macros(db, package, directory) {
            let text = patch.map(|patch| &patch.description).filter(|text| !text.is_empty());
            rows.extend(text.map(|text| (sym(db, &macro_id(db, package, &name)), sym(db, text))));
        }
    }
}

relation! {
    /// A parameter in the signature of a macro of the project, numbered from 0. Materializations have none.
    macro_argument as "macro_argument" (r#macro: Node, name: Name, index: Int)
    Fact r#"macro_argument(m, name, _), !described_argument(m, name, _)"# at places::of_id;
    each |db, package, directory, rows| {
        for (name, (file, index), _) in described_macros(db, package, directory) {
            let Some(block) = blocks(db, file).blocks.get(index as usize) else { continue };
            if name.starts_with("materialization_") {
                continue;
            }
            let id = sym(db, &macro_id(db, package, &name));
            let names = parameter_names(file.content(db).text(), block).into_iter().enumerate();
            rows.extend(names.map(|(at, name)| (id, sym(db, &name), at as u32)));
        }
    }
}

relation! {
    /// An argument of a macro of the project that YAML lists, and its description, "" without one.
    described_argument as "described_argument" (r#macro: Node, name: Name, description: Text)
    Fact r#"described_argument(m, name, ""), macro_argument(m, name, _)"# at places::of_macro_entry;
    each |db, package, directory, rows| {
        for (name, _, patch) in described_macros(db, package, directory) {
            let id = sym(db, &macro_id(db, package, &name));
            let arguments = patch.map(|patch| patch.arguments.as_slice()).unwrap_or_default();
            rows.extend(arguments.iter().map(|(name, text)| (id, sym(db, name), sym(db, text))));
        }
    }
}

relation! {
    /// An enabled node whose own text ends with a semicolon.
    final_semicolon as "final_semicolon" (id: Node)
    Fact r#"final_semicolon(m), model(m, _, _)"# at places::of_final_semicolon;
    each |db, package, directory, rows| {
        let own = living(db, package, directory).filter(|node| {
            let path = node.file(db).path(db);
            crate::project::nodes::is_sql_path(path) || path.ends_with(".py")
        });
        let ends = own.filter(|node| region(db, *node).of(node.file(db).content(db).text()).trim_end().ends_with(';'));
        rows.extend(ends.map(|node| (sym(db, unique_id(db, node)),)));
    }
}
