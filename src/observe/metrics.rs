//! Metrics, and what is made of them, that name metrics and measures which are not there.

use super::Rows;
use super::refusals::Refusal;
use super::resources::place;
use crate::db::Project;
use crate::derive::cycles::circles;
use crate::observe::Observation;
use crate::project::config::enabled;
use crate::project::packages::absent_packages;
use crate::project::resources::{
    Resource, ResourceKind, resource_config, resource_id, resource_span, resources_of_package, semantic_layer,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Inputs that nothing enabled bears the name of. A package that is absent may define any.
pub(super) fn unknown_inputs(rows: &Rows<'_>) -> Vec<Refusal> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    if absent_packages(db).next().is_some() {
        return Vec::new();
    }
    let layer = semantic_layer(db);
    let mut found = Vec::new();
    for (resource, file) in resources_of_package(db, root) {
        let metrics = resource.metrics.iter().filter(|name| !layer.has_metric(name)).map(|name| ("metric", name));
        let measures = resource.measures.iter().filter(|name| !layer.has_measure(name)).map(|name| ("measure", name));
        let measures = measures.filter(|_| resource.kind == ResourceKind::Metric);
        for (kind, name) in metrics.chain(measures) {
            if !enabled(&resource_config(db, root, resource, file)) {
                continue;
            }
            found.push(Refusal {
                place: place(rows, resource, file, name),
                what: format!(
                    "{} '{}' is made of {kind} '{name}', which nobody defines or which is disabled; that stops dbt",
                    resource.kind.label(),
                    resource.name
                ),
                fix: format!("Correct the name, or define the {kind}."),
                mild: false,
            });
        }
    }
    found
}

/// Metrics that are computed from themselves.
pub(super) fn circular(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let metrics = resources_of_package(db, root).into_iter().filter(|(it, _)| it.kind == ResourceKind::Metric);
    let metrics: Vec<(&Resource, _)> = metrics.collect();
    let index: BTreeMap<&Arc<str>, usize> = metrics.iter().enumerate().map(|(at, (it, _))| (&it.name, at)).collect();
    let edges = metrics.iter().map(|(it, _)| it.metrics.iter().filter_map(|name| index.get(name).copied()).collect());
    let names: Vec<&str> = metrics.iter().map(|(it, _)| &*it.name).collect();
    let mut found = Vec::new();
    for circle in circles(&names, edges.collect()) {
        let Some((first, file)) = circle.first().and_then(|at| metrics.get(*at)) else { continue };
        let ids: Vec<Arc<str>> = circle.iter().map(|at| resource_id(db, root, metrics[*at].0).into()).collect();
        let path: Vec<&str> = circle.iter().chain(circle.first()).map(|at| names[*at]).collect();
        found.push(Observation {
            node: ids.first().cloned(),
            subject: ids,
            place: rows.place(*file, resource_span(db, first, *file)),
            locations: Vec::new(),
            severity: None,
            args: vec![("way", path.join(" → "))],
        });
    }
    found
}
