//! Unit tests that name what is not there: dbt refuses to run them, or the whole project.

use super::Rows;
use super::resources::Lost;
use crate::db::{Package, Project};
use crate::observe::Observation;
use crate::observe::Severity;
use crate::project::data_tests::unit::{UnitTest, unit_tests};
use crate::project::graph::{Resolved, resolve_ref, resolve_source};
use crate::project::nodes::unique_id;
use crate::project::packages::absent_packages;
use crate::project::resources::named_by;
use crate::project::schema_yaml;
use crate::syntax::span::Span;
use crate::syntax::yaml::Node;
use std::sync::Arc;

/// A name that leads nowhere, and where it stands.
struct Name {
    shown: String,
    parent: Arc<str>,
    span: Span,
}

pub(super) fn lost(rows: &Rows<'_>, wanted: Lost) -> Vec<Observation> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let is_whole = absent_packages(db).next().is_none();
    let hint = if is_whole { "" } else { "; it may come from a package that is not installed" };
    let mut found = Vec::new();
    for unit in unit_tests(db, root).iter().filter(|unit| unit.enabled) {
        let tested = unit.tested(db, root);
        let Some((id, model)) = tested.first() else { continue };
        let entry = schema_yaml::root(db, root, unit.file).get("unit_tests").and_then(Node::as_seq);
        let Some(entry) = entry.and_then(|list| list.get(unit.index as usize)) else { continue };
        let names = match model {
            Resolved::Missing if wanted == Lost::Ref => tested_model(unit, entry),
            Resolved::Found(_) => inputs(rows, root, entry, wanted),
            // A test of a disabled model is off with it.
            _ => continue,
        };
        let id: Arc<str> = id.as_str().into();
        found.extend(names.into_iter().map(|name| Observation {
            node: Some(id.clone()),
            subject: vec![id.clone(), name.parent],
            place: rows.place(unit.file, name.span),
            locations: Vec::new(),
            severity: (!is_whole && wanted != Lost::Disabled).then_some(Severity::Warning),
            args: vec![
                ("name", name.shown.clone()),
                ("parent_name", name.shown),
                ("child_name", unit.name.to_string()),
                ("hint", hint.to_owned()),
            ],
        }));
    }
    found
}

fn tested_model(unit: &UnitTest, entry: &Node) -> Vec<Name> {
    let span = entry.get("model").map_or(entry.span, |model| model.span);
    vec![Name { shown: unit.model.to_string(), parent: unit.model.clone(), span }]
}

/// The rows a test is given are those of models and sources, which have to exist.
fn inputs(rows: &Rows<'_>, root: Package, entry: &Node, wanted: Lost) -> Vec<Name> {
    let db = rows.db;
    let mut found = Vec::new();
    let given = entry.get("given").and_then(Node::as_seq).unwrap_or_default();
    for input in given.iter().filter_map(|given| given.get("input")) {
        let Some(text) = input.as_str().filter(|text| text.trim() != "this") else { continue };
        let named = named_by(root, [text.to_owned()].iter());
        for reference in named.refs.iter().filter(|reference| reference.package.is_none()) {
            let (shown, span) = (reference.name.to_string(), input.span);
            match (resolve_ref(db, root, reference), wanted) {
                (Resolved::Missing, Lost::Ref) => found.push(Name { shown, parent: reference.name.clone(), span }),
                (Resolved::Disabled(node), Lost::Disabled) => {
                    found.push(Name { shown, parent: unique_id(db, node).clone(), span });
                }
                _ => {}
            }
        }
        for (source, table) in &named.sources {
            let (shown, span) = (format!("{source}.{table}"), input.span);
            match (resolve_source(db, root, source, table), wanted) {
                (Resolved::Missing, Lost::Source) | (Resolved::Disabled(_), Lost::Disabled) => {
                    found.push(Name { parent: shown.as_str().into(), shown, span });
                }
                _ => {}
            }
        }
    }
    found
}
