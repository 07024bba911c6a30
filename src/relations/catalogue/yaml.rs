//! What YAML says beside configuration.

use super::nodes::{living, living_sources, living_whole};
use crate::db::sym;
use crate::project::data::scalar;
use crate::project::graph::{source_id, source_table};
use crate::project::nodes::{columns, facts, unique_id};
use crate::project::{data_tests, nodes};
use crate::relations::things::{Thing, living_in};
use crate::relations::{places, relation};

relation! {
    /// The description of an enabled node as it is written, `doc()` and all. What has none is absent.
    description as "description" (id: Node, text: Text)
    Fact r#"model(m, _, _), !description(m, _)"# at places::of_description;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let text = thing.description(db);
            if !text.is_empty() {
                rows.push((sym(db, &thing.id(db)), sym(db, &text)));
            }
        }
    }
    whole |db, rows| {
        for thing in living_whole(db) {
            let text = thing.description(db);
            if !text.is_empty() {
                rows.push((sym(db, &thing.id(db)), sym(db, &text)));
            }
        }
    }
}

/// Who answers for a thing: its `owner:`, or the one its meta names.
fn owner_of<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>) -> Option<String> {
    if let Thing::Resource(_, _, resource) = thing
        && !resource.owner.is_empty()
    {
        return Some(resource.owner.to_string());
    }
    let meta = thing.setting(db, "meta")?;
    let owner = meta.get("owner")?;
    let said = |key: &str| owner.get(key).and_then(scalar);
    scalar(owner).or_else(|| said("name")).or_else(|| said("email"))
}

relation! {
    /// Who answers for an enabled node: the `owner` of an exposure or group, else `meta.owner`, by name or
    /// else by address. What has neither is absent.
    owner as "owner" (id: Node, owner: Name)
    Fact r#"exposure(id: e), !owner(e, _)"# at places::of_owner;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            if let Some(owner) = owner_of(db, thing) {
                rows.push((sym(db, &thing.id(db)), sym(db, &owner)));
            }
        }
    }
}

relation! {
    /// The YAML file whose entry describes an enabled node or a test that is a file. Of several entries dbt
    /// takes the first. What exists in YAML alone is absent.
    yaml_patch as "yaml_patch" (id: Node, path: Path)
    Fact r#"model(m, _, _), !yaml_patch(m, _)"# at places::of_yaml_patch;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let file = match thing {
                Thing::Node(node) => nodes::facts(db, node).patch_file.map(|(_, file)| file),
                Thing::Test(test) => data_tests::facts(db, test).patch_file,
                _ => None,
            };
            rows.extend(file.map(|file| (sym(db, &thing.id(db)), sym(db, file.path(db)))));
        }
    }
}

relation! {
    /// A column that YAML documents of an enabled node or source table. What is not stated is "".
    yaml_column as "yaml_column" (id: Node, column: Column, data_type: Name, description: Text)
    Fact r#"yaml_column(id: m, column: c, description: "")"# at places::of_yaml_column;
    each |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| facts(db, *node).patch_file.is_some()) {
            let id = sym(db, unique_id(db, node));
            for column in columns(db, node) {
                let [name, data_type, text] = [&column.name, &column.data_type, &column.description].map(|it| sym(db, it));
                rows.push((id, name, data_type, text));
            }
        }
        for source in living_sources(db, package, directory) {
            let id = sym(db, &source_id(db, source));
            for column in source_table(db, source).map(|table| table.columns.as_slice()).unwrap_or_default() {
                let [name, data_type, text] = [&column.name, &column.data_type, &column.description].map(|it| sym(db, it));
                rows.push((id, name, data_type, text));
            }
        }
    }
}
