//! Where a node is built: its database, schema and alias, by the project's generate_…_name macros.

use super::data;
use super::data_tests::{self, Test};
use super::jinja::run::{Names, Run};
use super::jinja::{Described, call_macro};
use super::macros::in_package;
use super::nodes::{Node, NodeKind, facts, subject};
use super::shown;
use super::target;
use super::versions::version;
use crate::db::{Package, Project};
use salsa::plumbing::AsId;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RelationNames {
    pub database: Option<Arc<str>>,
    pub schema: Option<Arc<str>>,
    pub alias: Option<Arc<str>>,
    /// Nothing that is not known here had a part in them.
    pub known: bool,
    /// A macro of the project returns none for the schema.
    pub has_no_schema: bool,
}

/// Every project's macro may look at the node, so it is asked for each anew.
#[salsa::tracked(returns(ref))]
pub fn relation_names<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> RelationNames {
    let config = &facts(db, node).config;
    let custom = |key: &str| config.get(key).filter(|value| !value.is_null());
    let mut described = Described::new(node.as_id(), shown::of_node);
    let mut names = RelationNames::default();
    let mut known = true;
    // dbt asks in this order, and each macro sees what the ones before it gave.
    for (key, slot) in [("database", &mut names.database), ("schema", &mut names.schema), ("alias", &mut names.alias)] {
        let custom = match key {
            // BigQuery's words for the two.
            "database" => custom("database").or_else(|| custom("project")),
            "schema" => custom("schema").or_else(|| custom("dataset")),
            _ => custom(key),
        };
        *slot = match macro_for(db, node.package(db), key) {
            Some((package, name)) => {
                let custom = custom.cloned().unwrap_or_default();
                let run = Run::new(package, Names::All, subject(db, node));
                let (result, trace) = call_macro(package, &name, &custom, &described, run);
                known &= !trace.incomplete;
                names.has_no_schema |= key == "schema" && !trace.incomplete && result == Ok(Value::Null);
                result.ok().as_ref().and_then(data::scalar).map(|text| text.trim().into())
            }
            None => by_default(db, node, key, custom.and_then(data::scalar).as_deref()),
        };
        described = described.with(key, json!(slot));
    }
    if node.kind(db) == NodeKind::Snapshot {
        let given = |key: &str| config.get(key).and_then(data::scalar).filter(|it| !it.is_empty()).map(Arc::from);
        names.database = given("target_database").or(names.database);
        names.schema = given("target_schema").or(names.schema);
    }
    let parts = [&names.database, &names.schema, &names.alias];
    let is_known = |part: &&Option<Arc<str>>| part.as_ref().is_some_and(|text| !data::is_unknown(text));
    names.known = known && parts.iter().all(is_known);
    names
}

/// The schema of data tests that name none.
const AUDIT: &str = "dbt_test__audit";

/// The alias of a test: the project's macro is asked as for a node.
#[salsa::tracked(returns(ref))]
pub fn test_alias<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Arc<str> {
    let facts = data_tests::facts(db, test);
    let own = test.package(db);
    let Some(alias) = macro_for(db, own, "alias") else { return facts.alias.clone() };
    let described = Described::new(test.as_id(), shown::of_test);
    let call = |(package, name): (Package, String), custom: &Value, described: &Described| {
        let run = Run::new(package, Names::All, data_tests::subject(db, test));
        let (result, _) = call_macro(package, &name, custom, described, run);
        result.ok().as_ref().and_then(data::scalar)
    };
    let custom = facts.config.get("schema").and_then(data::scalar).unwrap_or_else(|| AUDIT.to_owned());
    let schema = match macro_for(db, own, "schema") {
        Some(schema) => call(schema, &custom.into(), &described),
        None => {
            Some(format!("{}_{custom}", target::shown(db).get("schema").and_then(data::scalar).unwrap_or_default()))
        }
    };
    let alias_of_config = facts.config.get("alias").cloned().unwrap_or_default();
    let named = call(alias, &alias_of_config, &described.with("schema", json!(schema)));
    named.map_or_else(|| facts.alias.clone(), |text| text.trim().into())
}

/// A node's alias without asking any macro; `None` where a macro of the project makes it.
pub fn plain_alias<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<Arc<str>> {
    if macro_for(db, node.package(db), "alias").is_some() {
        return None;
    }
    let custom = facts(db, node).config.get("alias").and_then(data::scalar);
    by_default(db, node, "alias", custom.as_deref())
}

/// Whether two nodes of one database, schema and alias have them on every target. Where the target is
/// a guess, another one may keep them apart.
pub fn are_surely_one<'db>(db: &'db dyn salsa::Database, one: Node<'db>, other: Node<'db>) -> bool {
    let (left, right) = (relation_names(db, one), relation_names(db, other));
    let given = Project::try_get(db).is_some_and(|project| project.invocation(db).target.contains_key("schema"));
    let set = |node: Node<'db>| {
        let config = &facts(db, node).config;
        ["database", "project", "schema", "dataset"].map(|key| config.get(key).and_then(data::scalar))
    };
    left.known && left == right && (given || set(one) == set(other))
}

/// The root project's macro for a part of the name: generate_schema_name, or what dbt's own
/// dispatches to.
pub fn project_macro(db: &dyn salsa::Database, part: &str) -> Option<(Package, String)> {
    macro_for(db, Project::try_get(db)?.root(db), part)
}

/// The macro for a part of the name of a package's nodes: the package's own, else the root project's.
fn macro_for(db: &dyn salsa::Database, own: Package, part: &str) -> Option<(Package, String)> {
    let at = PARTS.iter().position(|of| *of == part)?;
    macros_for(db, own).get(at)?.clone()
}

const PARTS: [&str; 3] = ["database", "schema", "alias"];

#[salsa::tracked(returns(ref))]
fn macros_for(db: &dyn salsa::Database, own: Package) -> [Option<(Package, String)>; PARTS.len()] {
    PARTS.map(|part| find_macro_for(db, own, part))
}

fn find_macro_for(db: &dyn salsa::Database, own: Package, part: &str) -> Option<(Package, String)> {
    let root = Project::try_get(db)?.root(db);
    let name = format!("generate_{part}_name");
    if let Some(package) = in_package(db, own, &name).filter(|_| own != root) {
        return Some((package, name));
    }
    let dispatched = target::dispatch_prefixes(db).into_iter().map(|prefix| format!("{prefix}__{name}"));
    let mut names = std::iter::once(name.clone()).chain(dispatched);
    names.find_map(|name| Some((in_package(db, root, &name)?, name)))
}

fn by_default<'db>(
    db: &'db dyn salsa::Database,
    node: Node<'db>,
    part: &str,
    custom: Option<&str>,
) -> Option<Arc<str>> {
    let of_target = |key: &str| target::shown(db).get(key).and_then(data::scalar).unwrap_or_default();
    // dbt takes an empty alias for none.
    let custom = custom.filter(|custom| part != "alias" || !custom.is_empty());
    Some(match (part, custom) {
        ("database", _) if &**target::adapter_type(db) == "clickhouse" => "".into(),
        ("database", None) => of_target("database").into(),
        ("schema", None) => of_target("schema").into(),
        ("schema", Some(custom)) => format!("{}_{}", of_target("schema"), custom.trim()).into(),
        ("alias", None) => match version(db, node) {
            Some(version) => format!("{}_v{}", node.name(db), version.version.replace('.', "_")).into(),
            None => node.name(db).clone(),
        },
        (_, Some(custom)) => custom.trim().into(),
        _ => return None,
    })
}
