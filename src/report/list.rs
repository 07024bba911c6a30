//! What is selected, one line each, as `dbt ls` prints it.

use super::{escaped, in_json, manifest};
use crate::db::Database;
use crate::project::selection::{Member, members};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

/// What is printed of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// What selects it.
    Selector,
    Name,
    Path,
    /// These keys of what the manifest says; without any, dbt's choice.
    Json(Vec<String>),
}

/// The keys `dbt ls` shows.
const USUAL_KEYS: [&str; 10] = [
    "alias",
    "name",
    "package_name",
    "depends_on",
    "tags",
    "config",
    "resource_type",
    "source_name",
    "original_file_path",
    "unique_id",
];

pub fn render(db: &Database, ids: &BTreeSet<Arc<str>>, form: &Form) -> String {
    let members = members(db);
    let documents = if matches!(form, Form::Json(_)) { manifest::documents(db) } else { Map::new() };
    let mut shown = String::new();
    for member in ids.iter().filter_map(|id| members.get(id)) {
        match form {
            Form::Selector => shown.push_str(&escaped(&selector(member))),
            Form::Name => shown.push_str(&escaped(&name(member))),
            Form::Path => shown.push_str(&escaped(&member.path)),
            Form::Json(keys) => {
                let document = documents.get(&*member.id).map(|document| chosen(document, keys)).unwrap_or_default();
                shown.push_str(&line(&document));
            }
        }
        shown.push('\n');
    }
    shown
}

fn selector(member: &Member) -> String {
    let package = &member.package;
    match (member.kind, &member.source) {
        ("source", Some(source)) => format!("source:{package}.{source}.{}", member.name),
        (kind @ ("exposure" | "metric" | "saved_query" | "semantic_model"), _) => {
            format!("{kind}:{package}.{}", member.name)
        }
        ("unit_test", _) => format!("unit_test:{package}.{}", member.versioned_name),
        _ => member.fqn.join("."),
    }
}

/// dbt's search_name.
fn name(member: &Member) -> String {
    match (&member.source, &member.version) {
        (Some(source), _) => format!("{source}.{}", member.name),
        (None, Some((version, _))) => format!("{}.v{version}", member.name),
        (None, None) => member.name.to_string(),
    }
}

fn chosen(document: &Value, keys: &[String]) -> Map<String, Value> {
    if keys.is_empty() {
        let entries = document.as_object().into_iter().flatten();
        let usual = entries.filter(|(key, _)| USUAL_KEYS.contains(&key.as_str()));
        return usual.map(|(key, value)| (key.clone(), value.clone())).collect();
    }
    let value = |key: &String| {
        let found = key.split('.').try_fold(document, |value, key| value.get(key))?;
        // dbt leaves null out where a key leads into a mapping.
        (!key.contains('.') || !found.is_null()).then(|| (key.clone(), found.clone()))
    };
    keys.iter().filter_map(value).collect()
}

/// JSON with the spaces that Python puts in.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

fn line(document: &Map<String, Value>) -> String {
    let mut bytes = Vec::new();
    let written = document.serialize(&mut Serializer::with_formatter(&mut bytes, Spaced));
    in_json(written.ok().and_then(|()| String::from_utf8(bytes).ok()).unwrap_or_default())
}
