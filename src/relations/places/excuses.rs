//! What `meta: {harness: {ignore: […]}}` says, of whom, and where it stands.

use super::settings::{entries, of_leaf};
use super::{Place, place};
use crate::db::{DirectoryOf, Project, Section, SourceFile, Stamped, of_section};
use crate::project::data;
use crate::project::nodes::Part;
use crate::relations::things::{Thing, things_in, things_of_package};
use crate::syntax::yaml::Node as Yaml;
use serde_json::Value;
use std::sync::Arc;

/// What begins in `meta` what is said to this program.
const KEY: &str = "harness";
const LIST: &str = "ignore";

/// Lines of a file, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    pub path: Arc<str>,
    pub first: u32,
    pub last: u32,
}

impl Lines {
    pub fn has(&self, place: &Place) -> bool {
        place.path == self.path && (self.first..=self.last).contains(&place.start.line)
    }
}

/// One entry of the list, as one thing has it: what a folder states, each thing in it has.
#[derive(Debug, Clone, PartialEq)]
pub struct MetaExcuse {
    /// The unique_id of the thing.
    pub id: Arc<str>,
    /// Set where a column's `meta` says it.
    pub column: Option<Arc<str>>,
    /// Where the thing, or the column, is written.
    pub lines: Vec<Lines>,
    pub entry: Value,
    pub place: Place,
}

/// All of the root project.
#[salsa::tracked(returns(ref))]
pub fn meta_excuses(db: &dyn salsa::Database) -> Stamped<Vec<MetaExcuse>> {
    Stamped::new(all(db))
}

fn all(db: &dyn salsa::Database) -> Vec<MetaExcuse> {
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    // Most projects say nothing, and asking each of their things would cost more than reading.
    if !may_say(root.project_file(db).content(db).text()) && !root.sections(db).any(|it| section_may_say(db, it)) {
        return Vec::new();
    }
    let mut found: Vec<MetaExcuse> = root.sections(db).flat_map(|it| meta_of_section(db, it)).cloned().collect();
    for thing in things_of_package(db, root) {
        of_thing(db, thing, &mut found);
    }
    found
}

/// Whether a file of a directory may say so.
#[salsa::tracked(returns(copy))]
fn some_may_say<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> bool {
    key.directory(db).files(db).iter().any(|file| may_say(file.content(db).text()))
}

#[salsa::tracked(returns(copy))]
fn section_may_say<'db>(db: &'db dyn salsa::Database, section: Section<'db>) -> bool {
    section.directories(db).any(|key| some_may_say(db, key))
}

/// Those of the things that a directory holds.
#[salsa::tracked(returns(deref))]
fn meta_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<MetaExcuse> {
    let mut found = Vec::new();
    for thing in things_in(db, key.package(db), key.directory(db)) {
        of_thing(db, thing, &mut found);
    }
    found
}

of_section!(meta_of_section: meta_in => MetaExcuse);

/// Whether the key stands in a text, other than in a comment that excuses.
fn may_say(text: &str) -> bool {
    text.match_indices(KEY).any(|(at, key)| !text[at + key.len()..].starts_with(": ignore["))
}

fn of_thing<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, found: &mut Vec<MetaExcuse>) {
    let meta = thing.setting(db, "meta");
    let own = meta.as_ref().and_then(|meta| meta.get(KEY)?.get(LIST)).map(listed).unwrap_or_default();
    let stated = entries(db, thing);
    if !own.is_empty() {
        let mut lines: Vec<Lines> =
            stated.iter().flat_map(|(file, all)| all.last().map(|it| lines(db, *file, it))).collect();
        if let Thing::Node(node) = thing
            && node.part(db) == Part::Whole
        {
            lines.push(Lines { path: node.file(db).path(db).clone(), first: 1, last: u32::MAX });
        }
        let id = thing.id(db);
        for entry in own {
            let place = of_leaf(db, thing, "meta", &named(&entry));
            found.push(MetaExcuse { id: id.clone(), column: None, lines: lines.clone(), entry, place });
        }
    }
    let Some((file, all)) = stated else { return };
    for column in all.iter().filter_map(|entry| entry.get("columns")?.as_seq()).flatten() {
        let Some(name) = column.get("name").and_then(Yaml::key_text) else { continue };
        let metas = [column.get("meta"), column.get("config").and_then(|config| config.get("meta"))];
        for list in metas.into_iter().flatten().filter_map(|meta| meta.get(KEY)?.get(LIST)) {
            let items = list.as_seq().map_or_else(|| vec![list], |items| items.iter().collect());
            found.extend(items.into_iter().map(|item| MetaExcuse {
                id: thing.id(db),
                column: Some(name.as_ref().into()),
                lines: vec![lines(db, file, column)],
                entry: data::of(item),
                place: place(db, file, item.get("rule").unwrap_or(item).span),
            }));
        }
    }
}

fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    }
}

/// The text by which an entry is found where it is stated.
fn named(entry: &Value) -> String {
    let rule = entry.get("rule").unwrap_or(entry);
    data::texts(Some(rule)).into_iter().next().unwrap_or_default()
}

fn lines(db: &dyn salsa::Database, file: SourceFile, entry: &Yaml) -> Lines {
    let at = place(db, file, entry.span);
    Lines { path: at.path, first: at.start.line, last: at.end.line }
}
