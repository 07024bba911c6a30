//! The operations dbt makes of `on-run-start` and `on-run-end`: one node a hook.

use super::{Tested, ids_of, resolved, traced};
use crate::db::Package;
use crate::project::config;
use crate::project::data;
use crate::project::jinja::run::{Names, Run, Subject, Trace};
use crate::project::packages::{package_name, project_file};
use serde_json::{Map, Value};
use std::sync::Arc;

const HOOKS: [&str; 2] = ["on-run-start", "on-run-end"];
/// Each operation carries the hooks of models as well, for dbt configures it as one.
const MODEL_HOOKS: [&str; 2] = ["pre-hook", "post-hook"];

#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub name: Arc<str>,
    pub config: Map<String, Value>,
    pub enabled: bool,
    pub materialized: Arc<str>,
    pub tags: Vec<Arc<str>>,
    pub fqn: Vec<Arc<str>>,
    /// The key of dbt_project.yml that lists it, and its place there.
    pub hook: (&'static str, usize),
    trace: Trace,
}

/// The hooks of one project file, in its order.
#[salsa::tracked(returns(deref))]
pub fn operations(db: &dyn salsa::Database, package: Package) -> Vec<Operation> {
    let file = project_file(db, package);
    let mut found = Vec::new();
    for kind in HOOKS {
        for (index, text) in data::texts(file.get(kind)).iter().enumerate() {
            found.push(operation(db, package, kind, index, text));
        }
    }
    found
}

fn operation(db: &dyn salsa::Database, package: Package, kind: &'static str, index: usize, text: &str) -> Operation {
    let package_name = package_name(db, package);
    let name: Arc<str> = format!("{package_name}-{kind}-{index}").into();
    let fqn = vec![package_name.clone(), "hooks".into(), name.clone()];
    let config = config::of_resource(db, package, &["models"], &fqn, &[]);
    let subject = Subject {
        unique_id: format!("operation.{package_name}.{name}").into(),
        resource_type: "operation",
        name: name.clone(),
        package_name: package_name.clone(),
        path: format!("hooks/{name}.sql").into(),
        fqn: fqn.clone(),
    };
    let run = |text: &str| traced(text, Run::new(package, Names::All, subject.clone()));
    let mut trace = run(text);
    let hooks = MODEL_HOOKS.iter().filter_map(|key| config.get(*key)?.as_array()).flatten();
    for hook in hooks {
        if let Some(text) = hook.as_str().or_else(|| hook.get("sql")?.as_str()) {
            let more = run(text);
            trace.refs.extend(more.refs);
            trace.sources.extend(more.sources);
            trace.functions.extend(more.functions);
            trace
                .macros
                .extend(more.macros.into_iter().filter(|called| !trace.macros.contains(called)).collect::<Vec<_>>());
        }
    }
    let mut tags: Vec<Arc<str>> = vec![kind.into()];
    tags.extend(data::texts(config.get("tags")).into_iter().map(Arc::from));
    let materialized = config.get("materialized").and_then(data::scalar);
    Operation {
        name,
        enabled: config::enabled(&config),
        materialized: materialized.as_deref().unwrap_or("view").into(),
        tags,
        fqn,
        hook: (kind, index),
        config,
        trace,
    }
}

impl Operation {
    pub fn parents<'db>(&self, db: &'db dyn salsa::Database, package: Package) -> Tested<'db> {
        resolved(db, package, &self.trace)
    }

    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    pub fn macro_ids(&self, db: &dyn salsa::Database) -> Vec<String> {
        ids_of(db, &self.trace)
    }
}
