//! Exposures, metrics and saved queries that name what is not there: dbt refuses the project.

use super::Rows;
use super::missing::{Missing, Name};
use crate::db::{Project, SourceFile};
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::config::enabled;
use crate::project::graph::{Resolved, resolve_ref, resolve_source};
use crate::project::nodes::unique_id;
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
    let mut found = Vec::new();
    for (resource, file) in resources_of_package(db, root) {
        if !enabled(&resource_config(db, root, resource, file)) {
            continue;
        }
        let mut add = |name: &Name, disabled: Option<Arc<str>>| {
            let missing = match disabled {
                Some(_) => None,
                None => Some(Missing::of(db, name)),
            };
            // What is not here has it.
            let Some(missing) = missing.map_or(Some(None), |missing| missing.map(Some)) else { return };
            let id: Arc<str> = resource_id(db, root, resource).into();
            let is_unsure = missing.as_ref().is_some_and(|missing| missing.is_unsure);
            let shown = name.shown();
            let (hint, what) = missing.map(|missing| (missing.hint, missing.what)).unwrap_or_default();
            found.push(Observation {
                node: Some(id.clone()),
                subject: vec![id, disabled.unwrap_or_else(|| shown.as_str().into())],
                place: place(rows, resource, file, &name.name),
                locations: Vec::new(),
                severity: is_unsure.then_some(Severity::Warning),
                args: vec![
                    ("name", shown.clone()),
                    ("parent_name", shown),
                    ("child_name", resource.name.to_string()),
                    ("hint", hint),
                    ("missing", what),
                ],
            });
        };
        for reference in &resource.named.refs {
            let name = Name::of_ref(reference.package.clone(), reference.name.clone(), reference.version.clone());
            match (resolve_ref(db, root, reference), wanted) {
                (Resolved::Missing, Lost::Ref) => add(&name, None),
                (Resolved::Disabled(parent), Lost::Disabled) => add(&name, Some(unique_id(db, parent).clone())),
                _ => {}
            }
        }
        for (source, table) in &resource.named.sources {
            let name = Name::of_source(source.clone(), table.clone());
            match (resolve_source(db, root, source, table), wanted) {
                (Resolved::Missing, Lost::Source) => add(&name, None),
                (Resolved::Disabled(_), Lost::Disabled) => add(&name, Some(name.shown().into())),
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
