//! Unit tests that name what is not there: dbt refuses to run them, or the whole project.

use super::Rows;
use super::missing::{Missing, Name};
use super::resources::Lost;
use crate::db::{Package, Project};
use crate::observe::Observation;
use crate::observe::Severity;
use crate::project::data_tests::unit::{UnitTest, unit_tests};
use crate::project::graph::{Resolved, resolve_ref, resolve_source};
use crate::project::nodes::unique_id;
use crate::project::resources::named_by;
use crate::project::schema_yaml;
use crate::syntax::span::Span;
use crate::syntax::yaml::Node;
use std::sync::Arc;

/// A name that leads nowhere, where it stands, and the id of what is disabled.
struct Lead {
    name: Name,
    disabled: Option<Arc<str>>,
    span: Span,
}

pub(super) fn lost(rows: &Rows<'_>, wanted: Lost) -> Vec<Observation> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
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
        for Lead { name, disabled, span } in names {
            let missing = match disabled {
                Some(_) => None,
                None => match Missing::of(db, &name) {
                    // What is not here has it.
                    None => continue,
                    missing => missing,
                },
            };
            let is_unsure = missing.as_ref().is_some_and(|missing| missing.is_unsure);
            let shown = name.shown();
            let (hint, what) = missing.map(|missing| (missing.hint, missing.what)).unwrap_or_default();
            found.push(Observation {
                node: Some(id.clone()),
                subject: vec![id.clone(), disabled.unwrap_or_else(|| shown.as_str().into())],
                place: rows.place(unit.file, span),
                locations: Vec::new(),
                severity: is_unsure.then_some(Severity::Warning),
                args: vec![
                    ("name", shown.clone()),
                    ("parent_name", shown),
                    ("child_name", unit.name.to_string()),
                    ("hint", hint),
                    ("missing", what),
                ],
            });
        }
    }
    found
}

fn tested_model(unit: &UnitTest, entry: &Node) -> Vec<Lead> {
    let span = entry.get("model").map_or(entry.span, |model| model.span);
    vec![Lead { name: Name::of_ref(None, unit.model.clone(), None), disabled: None, span }]
}

/// The rows a test is given are those of models and sources, which have to exist.
fn inputs(rows: &Rows<'_>, root: Package, entry: &Node, wanted: Lost) -> Vec<Lead> {
    let db = rows.db;
    let mut found = Vec::new();
    let given = entry.get("given").and_then(Node::as_seq).unwrap_or_default();
    for input in given.iter().filter_map(|given| given.get("input")) {
        let Some(text) = input.as_str().filter(|text| text.trim() != "this") else { continue };
        let named = named_by(root, [text.to_owned()].iter());
        let span = input.span;
        for reference in &named.refs {
            let name = Name::of_ref(reference.package.clone(), reference.name.clone(), reference.version.clone());
            match (resolve_ref(db, root, reference), wanted) {
                (Resolved::Missing, Lost::Ref) => found.push(Lead { name, disabled: None, span }),
                (Resolved::Disabled(node), Lost::Disabled) => {
                    found.push(Lead { name, disabled: Some(unique_id(db, node).clone()), span });
                }
                _ => {}
            }
        }
        for (source, table) in &named.sources {
            let name = Name::of_source(source.clone(), table.clone());
            match (resolve_source(db, root, source, table), wanted) {
                (Resolved::Missing, Lost::Source) => found.push(Lead { name, disabled: None, span }),
                (Resolved::Disabled(_), Lost::Disabled) => {
                    let disabled = Some(name.shown().into());
                    found.push(Lead { name, disabled, span });
                }
                _ => {}
            }
        }
    }
    found
}
