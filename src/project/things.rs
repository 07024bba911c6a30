//! All that has a unique_id, whatever it is: nodes, tests, tables of sources, and what exists in YAML
//! alone.

use crate::db::{Directory, FileKind, Package, SourceFile};
use crate::project::data_tests::operations::{Operation, operations};
use crate::project::data_tests::unit::{UnitTest, unit_tests};
use crate::project::data_tests::{self, Test, living_tests, test_id, tested, tests_of_directory};
use crate::project::graph::{self, Parents, Resolved, Source, source_facts, source_id, source_table};
use crate::project::nodes::{self, Node, living_nodes, nodes_of_directory, unique_id};
use crate::project::packages::package_name;
use crate::project::properties::properties;
use crate::project::resources::{
    Resource, ResourceKind, is_there, resource_config, resource_fqn, resource_id, resources_of_file,
};
use crate::project::{config, data};
use serde_json::{Map, Value};
use std::sync::Arc;

pub type Config = Map<String, Value>;

#[derive(Debug, Clone, Copy)]
pub enum Thing<'db> {
    Node(Node<'db>),
    Test(Test<'db>),
    Source(Source<'db>),
    Resource(Package, SourceFile, &'db Resource),
    Operation(Package, &'db Operation),
    /// One of the models a unit test is for: each has a unique_id.
    Unit(Package, &'db UnitTest, usize),
}

/// What files of a directory hold, kind by kind.
pub fn things_in<'db>(db: &'db dyn salsa::Database, package: Package, directory: Directory) -> Vec<Thing<'db>> {
    let mut found = read_in(db, package, directory);
    found.extend(tests_of_directory(db, package, directory).iter().copied().map(Thing::Test));
    found
}

/// What is enabled of that.
pub fn living_in<'db>(db: &'db dyn salsa::Database, package: Package, directory: Directory) -> Vec<Thing<'db>> {
    let mut found = living_read_in(db, package, directory);
    found.extend(living_tests(db, package, directory).iter().copied().map(Thing::Test));
    found
}

/// The same without tests: who asks for none must not render them.
pub fn living_read_in<'db>(db: &'db dyn salsa::Database, package: Package, directory: Directory) -> Vec<Thing<'db>> {
    let mut found: Vec<Thing<'db>> = living_nodes(db, package, directory).iter().copied().map(Thing::Node).collect();
    found.extend(stated_in(db, package, directory).into_iter().filter(|thing| thing.is_enabled(db)));
    found
}

/// What files of a directory hold without tests: what others may read.
pub fn read_in<'db>(db: &'db dyn salsa::Database, package: Package, directory: Directory) -> Vec<Thing<'db>> {
    let mut found: Vec<Thing<'db>> =
        nodes_of_directory(db, package, directory).iter().copied().map(Thing::Node).collect();
    found.extend(stated_in(db, package, directory));
    found
}

/// What YAML files of a directory declare that is no node and no test.
pub fn stated_in<'db>(db: &'db dyn salsa::Database, package: Package, directory: Directory) -> Vec<Thing<'db>> {
    let mut found = Vec::new();
    for file in directory.files(db).iter().copied().filter(|file| file.kind(db) == FileKind::Properties) {
        for table in &properties(db, package, file).sources {
            found.push(Thing::Source(Source::new(db, package, table.source.clone(), table.table.clone(), file)));
        }
        let resources = resources_of_file(db, package, file).iter().filter(|it| is_there(db, package, it));
        found.extend(resources.map(|resource| Thing::Resource(package, file, resource)));
    }
    found
}

/// What belongs to a package as a whole.
pub fn things_of_package(db: &dyn salsa::Database, package: Package) -> Vec<Thing<'_>> {
    let mut found: Vec<Thing<'_>> =
        operations(db, package).iter().map(|operation| Thing::Operation(package, operation)).collect();
    for unit in unit_tests(db, package) {
        found.extend((0..unit.tested(db, package).len()).map(|at| Thing::Unit(package, unit, at)));
    }
    found
}

impl<'db> Thing<'db> {
    pub fn id(self, db: &'db dyn salsa::Database) -> Arc<str> {
        match self {
            Self::Node(node) => unique_id(db, node).clone(),
            Self::Test(test) => test_id(db, test),
            Self::Source(source) => source_id(db, source),
            Self::Resource(package, _, resource) => resource_id(db, package, resource).into(),
            Self::Operation(package, operation) => {
                format!("operation.{}.{}", package_name(db, package), operation.name).into()
            }
            Self::Unit(package, unit, at) => {
                let tested = unit.tested(db, package);
                tested.into_iter().nth(at).map(|(id, _)| id.into()).unwrap_or_default()
            }
        }
    }

    /// dbt's resource_type.
    pub fn kind(self, db: &'db dyn salsa::Database) -> &'static str {
        match self {
            Self::Node(node) => node.kind(db).name(),
            Self::Test(_) => "test",
            Self::Source(_) => "source",
            Self::Resource(_, _, resource) => resource.kind.name(),
            Self::Operation(..) => "operation",
            Self::Unit(..) => "unit_test",
        }
    }

    pub fn name(self, db: &'db dyn salsa::Database) -> Arc<str> {
        match self {
            Self::Node(node) => node.name(db).clone(),
            Self::Test(test) => data_tests::name(db, test),
            Self::Source(source) => source.table(db).clone(),
            Self::Resource(_, _, resource) => resource.name.clone(),
            Self::Operation(_, operation) => operation.name.clone(),
            Self::Unit(_, unit, _) => unit.name.clone(),
        }
    }

    pub fn file(self, db: &'db dyn salsa::Database) -> SourceFile {
        match self {
            Self::Node(node) => node.file(db),
            Self::Test(test) => test.file(db),
            Self::Source(source) => source.file(db),
            Self::Resource(_, file, _) => file,
            Self::Operation(package, _) => package.project_file(db),
            Self::Unit(_, unit, _) => unit.file,
        }
    }

    pub fn package(self, db: &'db dyn salsa::Database) -> Package {
        match self {
            Self::Node(node) => node.package(db),
            Self::Test(test) => test.package(db),
            Self::Source(source) => source.package(db),
            Self::Resource(package, ..) | Self::Operation(package, _) | Self::Unit(package, ..) => package,
        }
    }

    /// A test is on where all it names is there, and a unit test where its model is.
    pub fn is_enabled(self, db: &'db dyn salsa::Database) -> bool {
        match self {
            Self::Node(node) => nodes::is_enabled(db, node),
            Self::Test(test) => data_tests::facts(db, test).enabled && tested(db, test).complete,
            Self::Source(source) => source_facts(db, source).enabled,
            Self::Resource(package, file, resource) => config::enabled(&resource_config(db, package, resource, file)),
            Self::Operation(_, operation) => operation.enabled,
            Self::Unit(_, unit, _) => unit.enabled && self.unit_model(db).is_some(),
        }
    }

    /// The enabled model a unit test is for.
    fn unit_model(self, db: &'db dyn salsa::Database) -> Option<Node<'db>> {
        let Self::Unit(package, unit, at) = self else { return None };
        match unit.tested(db, package).into_iter().nth(at)? {
            (_, Resolved::Found(model)) => Some(model),
            _ => None,
        }
    }

    /// The whole configuration as the manifest shows it.
    pub fn config(self, db: &'db dyn salsa::Database) -> Config {
        let put = |mut config: Config, more: &[(&str, Value)]| {
            config.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            config.insert("enabled".to_owned(), self.is_enabled(db).into());
            config
        };
        let list = |tags: &[Arc<str>]| Value::from(tags.iter().map(|tag| tag.to_string()).collect::<Vec<_>>());
        match self {
            Self::Node(node) => {
                let facts = nodes::facts(db, node);
                let own = [("materialized", Value::from(&*facts.materialized)), ("tags", list(&facts.tags))];
                put(facts.config.clone(), &own)
            }
            Self::Test(test) => {
                let facts = data_tests::facts(db, test);
                let severity = facts.config.get("severity").cloned().unwrap_or_else(|| "ERROR".into());
                // What it inherits of tags is no setting of its own.
                let tags = Value::from(data::texts(facts.config.get("tags")));
                let own = [("materialized", "test".into()), ("tags", tags), ("severity", severity)];
                put(facts.config.clone(), &own)
            }
            Self::Source(source) => put(source_facts(db, source).config.clone(), &[]),
            Self::Resource(package, file, resource) => put(resource_config(db, package, resource, file), &[]),
            Self::Operation(_, operation) => {
                let tags = Value::from(data::texts(operation.config.get("tags")));
                let own = [("materialized", Value::from(&*operation.materialized)), ("tags", tags)];
                put(operation.config.clone(), &own)
            }
            Self::Unit(_, unit, _) => put(unit.config.clone(), &[("tags", list(&unit.tags))]),
        }
    }

    /// What `meta` and other single settings need of it, which is less.
    pub fn setting(self, db: &'db dyn salsa::Database, key: &str) -> Option<Value> {
        match self {
            Self::Node(node) => nodes::facts(db, node).config.get(key).cloned(),
            Self::Test(test) => data_tests::facts(db, test).config.get(key).cloned(),
            Self::Source(source) => source_facts(db, source).config.get(key).cloned(),
            Self::Resource(package, file, resource) => resource_config(db, package, resource, file).get(key).cloned(),
            Self::Operation(_, operation) => operation.config.get(key).cloned(),
            Self::Unit(_, unit, _) => unit.config.get(key).cloned(),
        }
    }

    /// What the folders of dbt_project.yml alone say of it; nothing is said by folder of the rest.
    pub fn folder_config(self, db: &'db dyn salsa::Database) -> Config {
        match self {
            Self::Node(node) => nodes::folder_config(db, node),
            Self::Test(test) => data_tests::folder_config(db, test),
            Self::Source(source) => graph::source_folder_config(db, source),
            Self::Resource(..) | Self::Operation(..) | Self::Unit(..) => Config::new(),
        }
    }

    pub fn tags(self, db: &'db dyn salsa::Database) -> Vec<Arc<str>> {
        match self {
            Self::Node(node) => nodes::facts(db, node).tags.clone(),
            Self::Test(test) => data_tests::facts(db, test).tags.clone(),
            Self::Operation(_, operation) => operation.tags.clone(),
            Self::Unit(_, unit, _) => unit.tags.clone(),
            Self::Resource(_, _, resource) if resource.kind == ResourceKind::Metric => resource.tags.clone(),
            Self::Source(_) | Self::Resource(..) => {
                data::texts(self.setting(db, "tags").as_ref()).into_iter().map(Arc::from).collect()
            }
        }
    }

    pub fn description(self, db: &'db dyn salsa::Database) -> Arc<str> {
        match self {
            Self::Node(node) => nodes::facts(db, node).description.clone(),
            Self::Test(test) => data_tests::facts(db, test).description.clone(),
            Self::Source(source) => source_table(db, source).map(|table| table.description.clone()).unwrap_or_default(),
            Self::Resource(_, _, resource) => resource.description.clone(),
            Self::Operation(..) => Arc::default(),
            Self::Unit(_, unit, _) => unit.description.clone(),
        }
    }

    /// Its name with all that stands before it: package, folders.
    pub fn fqn(self, db: &'db dyn salsa::Database) -> Vec<Arc<str>> {
        match self {
            Self::Node(node) => nodes::facts(db, node).fqn.clone(),
            Self::Test(test) => data_tests::facts(db, test).fqn.clone(),
            Self::Source(source) => source_facts(db, source).fqn.clone(),
            Self::Resource(package, file, resource) => resource_fqn(db, package, resource, file),
            Self::Operation(_, operation) => operation.fqn.clone(),
            Self::Unit(_, unit, _) => unit.fqn.clone(),
        }
    }

    /// The YAML file that describes it, where that is not the file it is declared in.
    pub fn patch_file(self, db: &'db dyn salsa::Database) -> Option<SourceFile> {
        match self {
            Self::Node(node) => nodes::facts(db, node).patch_file.map(|(_, file)| file),
            Self::Test(test) => data_tests::facts(db, test).patch_file,
            Self::Source(_) | Self::Resource(..) | Self::Operation(..) | Self::Unit(..) => None,
        }
    }

    /// The parents it has by `ref`, `source` and `function`, or as a unit test's model.
    pub fn parents(self, db: &'db dyn salsa::Database) -> Vec<Arc<str>> {
        let ids = |parents: &Parents<'db>| -> Vec<Arc<str>> {
            let nodes = parents.nodes.iter().map(|node| unique_id(db, *node).clone());
            nodes.chain(parents.sources.iter().map(|source| source_id(db, *source))).collect()
        };
        match self {
            Self::Node(node) => ids(graph::parents(db, node)),
            Self::Test(test) => ids(&tested(db, test).parents),
            Self::Resource(package, _, resource) => graph::named_ids(db, package, &resource.named),
            Self::Operation(package, operation) => ids(&operation.parents(db, package).parents),
            Self::Unit(..) => self.unit_model(db).map(|model| unique_id(db, model).clone()).into_iter().collect(),
            Self::Source(_) => Vec::new(),
        }
    }
}

/// The leaves of a value, each with its key: `meta.owner`, `tags[0]`. Null says nothing, and empty lists
/// and mappings have no leaves.
pub fn leaves(key: &str, value: &Value, leaf: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => leaf(key, if *flag { "true" } else { "false" }),
        Value::Number(number) => leaf(key, &number.to_string()),
        Value::String(text) => leaf(key, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(&format!("{key}[{index}]"), item, leaf);
            }
        }
        Value::Object(entries) => entries_of(key, entries, leaf),
    }
}

/// The entries of a mapping by their keys. Mappings that only differ in their order are equal, so whoever keeps one
/// may have it in the order that it once had.
pub fn in_order(entries: &Config) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<(&String, &Value)> = entries.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    sorted
}

/// The same for the entries of a mapping; an empty key stands for the whole.
pub fn entries_of(key: &str, entries: &Config, leaf: &mut dyn FnMut(&str, &str)) {
    for (name, value) in in_order(entries) {
        // dbt takes both spellings and shows the dash.
        let name = match name.as_str() {
            "pre-hook" if key.is_empty() => "pre_hook",
            "post-hook" if key.is_empty() => "post_hook",
            name => name,
        };
        let inner = if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        leaves(&inner, value, leaf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_is_its_leaves() {
        let Value::Object(config) =
            json!({"pre-hook": [{"sql": "x"}, "y"], "meta": {"a": {"b": 1}}, "x": null, "t": []})
        else {
            return;
        };
        let mut found = Vec::new();
        entries_of("", &config, &mut |key, value| found.push(format!("{key}={value}")));
        assert_eq!(found, ["meta.a.b=1", "pre_hook[0].sql=x", "pre_hook[1]=y"]);
    }
}
