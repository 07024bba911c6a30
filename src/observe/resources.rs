//! Exposures, metrics and saved queries that name what is not there: dbt refuses the project.

use super::Rows;
use crate::db::{Project, SourceFile};
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::config::enabled;
use crate::project::graph::{Resolved, resolve_ref, resolve_source};
use crate::project::nodes::unique_id;
use crate::project::packages::absent_packages;
use crate::project::resources::{
    Resource, resource_config, resource_entry, resource_id, resource_span, resources_of_package,
};
use std::sync::Arc;

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Ref,
    Source,
    Disabled,
}

/// The names of one kind of mistake, as the rules about nodes report them.
pub(super) fn lost(rows: &Rows<'_>, wanted: Lost) -> Vec<Observation> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let is_whole = absent_packages(db).next().is_none();
    let mut found = Vec::new();
    for (resource, file) in resources_of_package(db, root) {
        if !enabled(&resource_config(db, root, resource, file)) {
            continue;
        }
        let mut add = |shown: String, word: &str, parent: Arc<str>| {
            let id: Arc<str> = resource_id(db, root, resource).into();
            let hint = if is_whole { "" } else { "; it may come from a package that is not installed" };
            found.push(Observation {
                node: Some(id.clone()),
                subject: vec![id, parent],
                place: place(rows, resource, file, word),
                locations: Vec::new(),
                severity: (!is_whole && wanted != Lost::Disabled).then_some(Severity::Warning),
                args: vec![
                    ("name", shown.clone()),
                    ("parent_name", shown),
                    ("child_name", resource.name.to_string()),
                    ("hint", hint.to_owned()),
                ],
            });
        };
        for reference in &resource.named.refs {
            match (resolve_ref(db, root, reference), wanted) {
                (Resolved::Missing, Lost::Ref) if reference.package.is_none() => {
                    add(reference.name.to_string(), &reference.name, reference.name.clone());
                }
                (Resolved::Disabled(parent), Lost::Disabled) => {
                    add(reference.name.to_string(), &reference.name, unique_id(db, parent).clone());
                }
                _ => {}
            }
        }
        for (source, table) in &resource.named.sources {
            let shown = format!("{source}.{table}");
            match (resolve_source(db, root, source, table), wanted) {
                (Resolved::Missing, Lost::Source) | (Resolved::Disabled(_), Lost::Disabled) => {
                    add(shown.clone(), table, shown.as_str().into());
                }
                _ => {}
            }
        }
    }
    found
}

/// The text of the resource's entry that is the name or holds it in quotes; else the entry's own name.
pub(super) fn place(rows: &Rows<'_>, resource: &Resource, file: SourceFile, word: &str) -> Place {
    let name = resource_span(rows.db, resource, file);
    let own = rows.place(file, name);
    let Some(entry) = resource_entry(rows.db, resource, file) else { return own };
    let quoted = [format!("'{word}'"), format!("\"{word}\"")];
    let mut work = vec![entry];
    while let Some(node) = work.pop() {
        let is_named = |text: &str| text == word || quoted.iter().any(|quoted| text.contains(quoted.as_str()));
        if node.span != name && node.as_str().is_some_and(is_named) {
            return rows.place(file, node.span);
        }
        work.extend(node.as_seq().unwrap_or_default());
        work.extend(node.as_map().unwrap_or_default().iter().map(|entry| &entry.value));
    }
    own
}
