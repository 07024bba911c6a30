//! Where a setting of a thing is stated: its own `config()`, its YAML, a folder of dbt_project.yml.

use super::stands::start;
use super::{Place, place};
use crate::db::{Project, SourceFile};
use crate::project::data_tests;
use crate::project::graph::{source_facts, source_table};
use crate::project::nodes;
use crate::project::packages::yaml;
use crate::project::properties::patch;
use crate::relations::texts::{Text, moved, of_node, of_test};
use crate::relations::things::Thing;
use crate::syntax::jinja::config_call::{ConfigArg, ConfigValue, config_calls};
use crate::syntax::span::Span;
use crate::syntax::yaml::{Entry, Node as Yaml};

/// A place that states a key, and whether it states this very value there.
struct Stated {
    file: SourceFile,
    span: Span,
    says_value: bool,
    /// Where in it the value stands, where that can be told.
    leaf: Option<Span>,
}

/// The outermost key of `meta.owner` or `tags[0]`, with dashes as underscores.
fn outermost(key: &str) -> String {
    let end = key.find(['.', '[']).unwrap_or(key.len());
    key[..end].replace('-', "_")
}

/// Where the value of a key comes from; without a place that states it, where the thing begins.
pub(super) fn of_value<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, key: &str, value: &str) -> Place {
    let key = outermost(key);
    let mut all = in_text(db, thing, &key, value, false);
    all.extend(in_yaml(db, thing, &key, value));
    all.extend(in_project(db, thing, &key, value));
    best(db, &all).unwrap_or_else(|| start(db, thing))
}

/// The value itself where YAML states it, else as `of_value`.
pub(super) fn of_leaf<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, key: &str, value: &str) -> Place {
    let stated = in_yaml(db, thing, key, value).into_iter().chain(in_project(db, thing, key, value));
    let leaf = stated.into_iter().find_map(|stated| Some(place(db, stated.file, stated.leaf?)));
    leaf.unwrap_or_else(|| of_value(db, thing, key, value))
}

/// Where the file itself states it: the argument.
pub(super) fn of_argument<'db>(
    db: &'db dyn salsa::Database,
    thing: Thing<'db>,
    key: &str,
    value: &str,
) -> Option<Place> {
    best(db, &in_text(db, thing, &outermost(key), value, true))
}

/// Where a setting is stated with this value, else where it is stated nearest.
pub fn of_setting<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, key: &str, value: &str) -> Place {
    let key = outermost(key);
    let mut all = in_text(db, thing, &key, value, true);
    all.extend(in_yaml(db, thing, &key, value));
    all.extend(in_project(db, thing, &key, value));
    best(db, &all).unwrap_or_else(|| start(db, thing))
}

/// Where dbt_project.yml states it.
pub(super) fn of_folder<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, key: &str, value: &str) -> Option<Place> {
    best(db, &in_project(db, thing, &outermost(key), value))
}

/// The first place that states the value, else the first that states the key: places come with the one
/// that wins first.
fn best(db: &dyn salsa::Database, all: &[Stated]) -> Option<Place> {
    let found = all.iter().find(|stated| stated.says_value).or(all.first())?;
    Some(place(db, found.file, found.span))
}

fn in_text<'db>(
    db: &'db dyn salsa::Database,
    thing: Thing<'db>,
    key: &str,
    value: &str,
    argument: bool,
) -> Vec<Stated> {
    let text = match thing {
        Thing::Node(node) => of_node(db, node),
        Thing::Test(test) => of_test(db, test),
        _ => None,
    };
    let Some(Text { file, region, .. }) = text else { return Vec::new() };
    let content = region.of(file.content(db).text());
    let mut found = Vec::new();
    for call in config_calls(content) {
        for arg in call.args.iter().filter(|arg| arg.name.replace('-', "_") == key) {
            let span = if argument { Span { start: arg.name_span.start, end: arg.value_span.end } } else { call.span };
            let says_value = says(content, arg, value);
            found.push(Stated { file, span: moved(span, region.start), says_value, leaf: None });
        }
    }
    found.reverse();
    found
}

fn says(text: &str, arg: &ConfigArg, value: &str) -> bool {
    fn holds(held: &ConfigValue, value: &str) -> bool {
        match held {
            ConfigValue::Str(text) | ConfigValue::Number(text) => **text == *value,
            ConfigValue::Bool(flag) => value == if *flag { "true" } else { "false" },
            ConfigValue::List(items) => items.iter().any(|(_, item)| holds(item, value)),
            ConfigValue::Other => false,
        }
    }
    holds(&arg.value, value) || (arg.value == ConfigValue::Other && arg.value_span.of(text).contains(value))
}

/// Where a value of YAML is this text: the value itself or one in it.
fn leaf(node: &Yaml, value: &str) -> Option<Span> {
    let items = node.as_seq().unwrap_or_default().iter();
    let values = node.as_map().unwrap_or_default().iter().map(|entry| &entry.value);
    let is_it = match node.as_bool() {
        Some(flag) => value == if flag { "true" } else { "false" },
        None => node.key_text().is_some_and(|text| *text == *value),
    };
    items.chain(values).find_map(|inner| leaf(inner, value)).or(is_it.then_some(node.span))
}

fn stated(file: SourceFile, entry: &Entry, value: &str) -> Stated {
    let leaf = leaf(&entry.value, value);
    Stated { file, span: entry.key.span, says_value: leaf.is_some(), leaf }
}

fn entry_of<'doc>(node: &'doc Yaml, key: &str) -> impl Iterator<Item = &'doc Entry> {
    let named = move |entry: &&Entry| {
        let own = entry.key.as_str().unwrap_or_default();
        own.strip_prefix('+').unwrap_or(own).trim().replace('-', "_") == key
    };
    node.as_map().unwrap_or_default().iter().filter(named)
}

/// The entry that describes a thing, after the more special ones inside of it.
pub(super) fn entries<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>) -> Option<(SourceFile, Vec<&'db Yaml>)> {
    match thing {
        Thing::Node(node) => {
            let (package, _) = nodes::facts(db, node).patch_file?;
            let kind = node.kind(db).patch_kind();
            let (file, patch) = patch(db, package, kind, node.name(db))?;
            let entry = yaml(db, *file).root.get(kind.key())?.as_seq()?.get(patch.index as usize)?;
            let mut all: Vec<&Yaml> = entry.get("versions").and_then(Yaml::as_seq).unwrap_or_default().iter().collect();
            all.push(entry);
            Some((*file, all))
        }
        Thing::Source(source) => {
            let table = source_table(db, source)?;
            let file = source.file(db);
            let own = yaml(db, file).root.get("sources")?.as_seq()?.get(table.source_index as usize)?;
            let tables = own.get("tables")?.as_seq()?;
            Some((file, vec![tables.get(table.table_index as usize)?, own]))
        }
        Thing::Resource(_, file, _) => super::stands::entry(db, thing).map(|entry| (file, vec![entry])),
        _ => None,
    }
}

fn in_yaml<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, key: &str, value: &str) -> Vec<Stated> {
    let Some((file, entries)) = entries(db, thing) else { return Vec::new() };
    let levels = entries.into_iter().flat_map(|entry| [entry.get("config"), Some(entry)]).flatten();
    levels.flat_map(|level| entry_of(level, key)).map(|entry| stated(file, entry, value)).collect()
}

/// The key of a thing's entry in YAML: where `description` stands.
pub(super) fn of_key<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, key: &str) -> Option<Place> {
    let (file, entries) = entries(db, thing)?;
    let entry = entries.into_iter().flat_map(|entry| entry_of(entry, key)).next()?;
    Some(place(db, file, entry.key.span))
}

/// The name of a column in a thing's entry.
pub(super) fn of_column<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, column: &str) -> Option<Place> {
    let (file, entries) = entries(db, thing)?;
    let columns = entries.iter().filter_map(|entry| entry.get("columns")?.as_seq()).flatten();
    let mut names = columns.filter_map(|entry| entry.get("name"));
    let name = names.find(|name| name.key_text().is_some_and(|text| *text == *column))?;
    Some(place(db, file, name.span))
}

/// The entry of a thing in YAML.
pub(super) fn of_entry<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>) -> Option<Place> {
    let (file, entries) = entries(db, thing)?;
    let entry = entries.last()?;
    Some(place(db, file, entry.get("name").map_or(entry.span, |name| name.span)))
}

/// The folders of dbt_project.yml that state a key, the deepest first.
fn in_project<'db>(db: &'db dyn salsa::Database, thing: Thing<'db>, key: &str, value: &str) -> Vec<Stated> {
    let (sections, fqn): (&[&str], _) = match thing {
        Thing::Node(node) => (node.kind(db).sections(db), &nodes::facts(db, node).fqn),
        Thing::Test(test) => (&["tests", "data_tests"], &data_tests::facts(db, test).fqn),
        Thing::Source(source) => (&["sources"], &source_facts(db, source).fqn),
        _ => return Vec::new(),
    };
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let file = root.project_file(db);
    let mut found = Vec::new();
    for section in sections {
        let mut level = yaml(db, file).root.get(section);
        let mut rest = fqn.iter();
        while let Some(here) = level {
            found.extend(entry_of(here, key).map(|entry| stated(file, entry, value)));
            level = rest.next().and_then(|part| here.get(part));
        }
    }
    found.reverse();
    found
}
