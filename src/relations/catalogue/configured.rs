//! How things are configured, and where that is said.

use super::nodes::{living, living_sources, living_whole};
use crate::db::sym;
use crate::project::data::scalar;
use crate::project::freshness::has_threshold;
use crate::project::graph::{source_facts, source_id};
use crate::project::nodes::{NodeKind, facts, nodes_of_directory, unique_id};
use crate::project::staging::own_tags as stated_tags;
use crate::relations::texts::{config_calls_of, of_node};
use crate::relations::things::{entries_of, in_order, leaves, living_in};
use crate::relations::{places, relation};
use crate::syntax::jinja::config_call::ConfigValue;

relation! {
    /// A setting of an enabled node as the manifest has it: dbt_project.yml, YAML and config() together.
    /// One row a leaf: `meta.owner`, `tags[0]`, `pre_hook[0]`. Null is no row, and dbt's unstated defaults are absent.
    config as "config" (id: Node, key: Name, value: Text)
    Fact r#"config(m, "schema", s)"# at places::of_config;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let id = sym(db, &thing.id(db));
            entries_of("", &thing.config(db), &mut |key, value| rows.push((id, sym(db, key), sym(db, value))));
        }
    }
    whole |db, rows| {
        for thing in living_whole(db) {
            let id = sym(db, &thing.id(db));
            entries_of("", &thing.config(db), &mut |key, value| rows.push((id, sym(db, key), sym(db, value))));
        }
    }
}

relation! {
    /// A setting that the folders of dbt_project.yml give an enabled model, seed, snapshot, test or source,
    /// before YAML and the file itself say anything. One row a leaf, as in `config`.
    folder_config as "folder_config" (id: Node, key: Name, value: Text)
    Fact r#"own_config(m, key, value), folder_config(m, key, value)"# at places::of_folder_config;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let id = sym(db, &thing.id(db));
            entries_of("", &thing.folder_config(db), &mut |key, value| rows.push((id, sym(db, key), sym(db, value))));
        }
    }
}

fn own_leaves(key: &str, value: &ConfigValue, leaf: &mut dyn FnMut(&str, &str)) {
    match value {
        ConfigValue::Str(text) | ConfigValue::Number(text) => leaf(key, text),
        ConfigValue::Bool(flag) => leaf(key, if *flag { "true" } else { "false" }),
        ConfigValue::List(items) => {
            for (index, (_, item)) in items.iter().enumerate() {
                own_leaves(&format!("{key}[{index}]"), item, leaf);
            }
        }
        ConfigValue::Other => {}
    }
}

relation! {
    /// A literal argument of a config() call in the node's own file, enabled or not. One row a leaf, as in
    /// `config`; expressions and mappings, which only rendering can tell, are absent.
    own_config as "own_config" (id: Node, key: Name, value: Text)
    Fact r#"own_config(m, "materialized", "table")"# at places::of_own_config;
    each |db, package, directory, rows| {
        for node in nodes_of_directory(db, package, directory) {
            let Some(text) = of_node(db, *node) else { continue };
            let id = sym(db, &text.id);
            for arg in config_calls_of(db, *node).iter().flat_map(|call| &call.args) {
                let mut add = |key: &str, value: &str| rows.push((id, sym(db, key), sym(db, value)));
                own_leaves(&arg.name.replace('-', "_"), &arg.value, &mut add);
            }
        }
    }
}

relation! {
    /// The tags that a node's own file states in config(), in order and with a comma between; "" where it
    /// states none. The node may be switched off. Absent is what has no SQL, and where only rendering can
    /// tell the tags.
    own_tags as "own_tags" (id: Node, tags: Text)
    Fact r#"own_tags(m, ""), layer(m, "staging")"# at places::of_own_tags;
    each |db, package, directory, rows| {
        for node in nodes_of_directory(db, package, directory) {
            let Some(text) = of_node(db, *node) else { continue };
            let tags = stated_tags(config_calls_of(db, *node));
            rows.extend(tags.map(|tags| (sym(db, &text.id), sym(db, &tags))));
        }
    }
}

relation! {
    /// A leaf of an enabled node's meta, merged from all that states it: `owner`, `contact.email`, `list[0]`.
    meta as "meta" (id: Node, key: Name, value: Text)
    Fact r#"meta(n, "owner", who)"# at places::of_meta;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            if let Some(serde_json::Value::Object(meta)) = thing.setting(db, "meta") {
                let id = sym(db, &thing.id(db));
                let mut add = |key: &str, value: &str| rows.push((id, sym(db, key), sym(db, value)));
                in_order(&meta).into_iter().for_each(|(key, value)| leaves(key, value, &mut add));
            }
        }
    }
    whole |db, rows| {
        for thing in living_whole(db) {
            if let Some(serde_json::Value::Object(meta)) = thing.setting(db, "meta") {
                let id = sym(db, &thing.id(db));
                let mut add = |key: &str, value: &str| rows.push((id, sym(db, key), sym(db, value)));
                in_order(&meta).into_iter().for_each(|(key, value)| leaves(key, value, &mut add));
            }
        }
    }
}

relation! {
    /// A tag of an enabled node, numbered from 0 in dbt's order: dbt_project.yml, YAML, config().
    tag as "tag" (id: Node, tag: Name, index: Int)
    Fact r#"tag(n, "daily", _)"# at places::of_tag;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            let id = sym(db, &thing.id(db));
            rows.extend(thing.tags(db).iter().enumerate().map(|(index, tag)| (id, sym(db, tag), index as u32)));
        }
    }
    whole |db, rows| {
        for thing in living_whole(db) {
            let id = sym(db, &thing.id(db));
            rows.extend(thing.tags(db).iter().enumerate().map(|(index, tag)| (id, sym(db, tag), index as u32)));
        }
    }
}

relation! {
    /// The group an enabled node belongs to; most belong to none.
    group as "group" (id: Node, group: Name)
    Fact r#"group(m, "finance")"# at places::of_group;
    each |db, package, directory, rows| {
        for thing in living_in(db, package, directory) {
            if let Some(group) = thing.setting(db, "group").as_ref().and_then(scalar) {
                rows.push((sym(db, &thing.id(db)), sym(db, &group)));
            }
        }
    }
}

relation! {
    /// Who may ref an enabled model: private, protected or public; protected where nobody says it.
    access as "access" (id: Node, access: Name)
    Fact r#"access(m, "public")"# at places::of_access;
    each |db, package, directory, rows| {
        for node in living(db, package, directory).filter(|node| node.kind(db) == NodeKind::Model) {
            let access = facts(db, node).config.get("access").and_then(scalar);
            rows.push((sym(db, unique_id(db, node)), sym(db, access.as_deref().unwrap_or("protected"))));
        }
    }
}

relation! {
    /// An enabled source table that must be fresh: it, its source or dbt_project.yml gives it a threshold.
    /// `loaded_at_field` alone is none, and `freshness: null` takes one away.
    freshness as "freshness" (id: Node)
    Fact r#"source(id: s, source: "erp"), !freshness(s)"# at places::of_freshness;
    each |db, package, directory, rows| {
        let fresh = living_sources(db, package, directory).filter(|own| has_threshold(&source_facts(db, *own).config));
        rows.extend(fresh.map(|source| (sym(db, &source_id(db, source)),)));
    }
}
