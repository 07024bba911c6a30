//! Edges against the layers and tenants.

use super::{Rows, name_of, start_of_file};
use crate::db::settings::{Layer, Read};
use crate::derive::dependencies::{Edge, dependencies};
use crate::project::layout::layout;
use crate::relations::places::calls;
use crate::relations::{layer_folder, model};
use crate::rules::violation::Violation;
use std::collections::BTreeSet;
use std::sync::Arc;

fn edge<'db>(
    rows: &Rows<'db>,
    child: &Arc<str>,
    parent: &Arc<str>,
    args: Vec<(&'static str, String)>,
) -> Option<Violation> {
    let node = rows.node(child)?;
    let mut places = calls(rows.db, node, parent);
    let place = if places.is_empty() { rows.start_of(node) } else { places.remove(0) };
    Some(Violation {
        node: Some(child.clone()),
        subject: vec![child.clone(), parent.clone()],
        place,
        locations: places,
        severity: None,
        args,
    })
}

pub(super) fn dependency_direction(rows: &Rows<'_>) -> Vec<Violation> {
    layered(rows, &dependencies(rows.db).dependency_direction)
}

pub(super) fn mart_reads_staging(rows: &Rows<'_>) -> Vec<Violation> {
    layered(rows, &dependencies(rows.db).mart_reads_staging)
}

fn layered(rows: &Rows<'_>, edges: &[Edge<'_>]) -> Vec<Violation> {
    let db = rows.db;
    let layout = layout(db);
    edges
        .iter()
        .filter_map(|(child, parent, lower, upper)| {
            let (child, parent) = (child.text(db), parent.text(db));
            let args = vec![
                ("child_name", name_of(child).to_owned()),
                ("parent_name", name_of(parent).to_owned()),
                ("layer", lower.text(db).to_string()),
                ("parent_layer", upper.text(db).to_string()),
                ("allowed", layout.layer(lower.text(db)).map(allowed).unwrap_or_default()),
            ];
            edge(rows, child, parent, args)
        })
        .collect()
}

fn allowed(layer: &Layer) -> String {
    let names: Vec<&str> = layer
        .reads
        .iter()
        .map(|read| match read {
            Read::Layer(name) => name.as_str(),
            Read::Source => "source",
            Read::Seed => "seed",
        })
        .collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

pub(super) fn cross_tenant(rows: &Rows<'_>) -> Vec<Violation> {
    let db = rows.db;
    dependencies(db)
        .cross_tenant
        .iter()
        .filter_map(|(child, parent, own, other)| {
            let (child, parent) = (child.text(db), parent.text(db));
            let args = vec![
                ("child_name", name_of(child).to_owned()),
                ("parent_name", name_of(parent).to_owned()),
                ("tenant", own.text(db).to_string()),
                ("parent_tenant", other.text(db).to_string()),
            ];
            edge(rows, child, parent, args)
        })
        .collect()
}

pub(super) fn source_outside_staging(rows: &Rows<'_>) -> Vec<Violation> {
    let db = rows.db;
    dependencies(db)
        .source_outside_staging
        .iter()
        .filter_map(|(child, source, lower)| {
            let (child, source) = (child.text(db), source.text(db));
            let args = vec![
                ("child_name", name_of(child).to_owned()),
                ("source", name_of(source).to_owned()),
                ("layer", lower.text(db).to_string()),
            ];
            edge(rows, child, source, args)
        })
        .collect()
}

pub(super) fn unknown_layer(rows: &Rows<'_>) -> Vec<Violation> {
    let db = rows.db;
    let known: Vec<&str> = layout(db).layers.iter().map(|layer| layer.name.as_str()).collect();
    dependencies(db)
        .unknown_layer
        .iter()
        .filter_map(|(folder, layer, models)| {
            let members = layer_folder::rows(db).iter().filter(|(_, other)| other == folder).map(|(id, _)| *id);
            let members: BTreeSet<&str> = members.map(|id| &**id.text(db)).collect();
            let all = model::rows(db).iter().filter(|(id, ..)| members.contains(&**id.text(db)));
            let first = all.map(|(_, _, path)| path.text(db)).min()?;
            Some(Violation {
                node: None,
                subject: vec![folder.text(db).clone()],
                place: start_of_file(first),
                locations: Vec::new(),
                severity: None,
                args: vec![
                    ("folder", folder.text(db).to_string()),
                    ("layer", layer.text(db).to_string()),
                    ("models", models.to_string()),
                    ("known", known.join(", ")),
                ],
            })
        })
        .collect()
}
