//! Where the rows of each relation stand.

use super::stands::{stands, start, thing};
use super::{Place, calls, node, own_files, place, settings, start_of, start_of_file};
use crate::db::{Project, SourceFile};
use crate::project::docs::docs_in;
use crate::project::macros::blocks;
use crate::project::nodes::region;
use crate::project::packages::{dbt_packages, package_by_name};
use crate::project::properties::{PatchKind, entry_span, patch};
use crate::relations::Cell;
use crate::relations::scaled_in;
use crate::relations::texts::{Text, config_calls_of, moved, of_node, of_test, scan_of, table_spans};
use crate::relations::things::Thing;
use crate::syntax::jinja::call_names::{call_names, call_with, reads_of};
use crate::syntax::span::{Position, Span};
use crate::syntax::sql::raw_names::raw_names;
use rustc_hash::FxHashMap;
use std::sync::Arc;

const HOUSE_RULES_FILE: &str = "harness.yml";

fn text_at<'a>(row: &[Cell<'a>], at: usize) -> Option<&'a str> {
    row.get(at)?.text()
}

fn number_at(row: &[Cell<'_>], at: usize) -> Option<u32> {
    u32::try_from(row.get(at)?.int()?).ok()
}

fn first<'db>(db: &'db dyn salsa::Database, row: &[Cell<'_>]) -> Option<Thing<'db>> {
    thing(db, text_at(row, 0)?)
}

/// The thing or macro that a row names first.
pub(in crate::relations) fn of_id(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    stands(db, text_at(row, 0)?)
}

/// The same, where the row says in which file: of two things with one unique_id it may be the other.
pub(in crate::relations) fn of_id_and_path(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let place = of_id(db, row)?;
    let texts = || row.iter().skip(1).filter_map(|cell| cell.text());
    if texts().any(|text| *text == *place.path) {
        return Some(place);
    }
    texts().find_map(|text| files_by_path(db).get(text)).map(|file| start_of_file(file.path(db)))
}

/// The first call that makes an edge, else where its child begins.
pub(in crate::relations) fn of_edge(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let child = first(db, row)?;
    let own = match child {
        Thing::Node(node) => calls(db, node, text_at(row, 1)?).into_iter().next(),
        Thing::Resource(..) => settings::of_key(db, child, "depends_on"),
        _ => None,
    };
    Some(own.unwrap_or_else(|| start(db, child)))
}

fn at(path: &str, line: u32, column: u32) -> Place {
    let position = Position { line, column };
    Place { path: path.into(), start: position, end: position }
}

pub(in crate::relations) fn of_ref_call(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let start = Position { line: number_at(row, 3)?, column: number_at(row, 4)? };
    let child = node(db, text_at(row, 0)?);
    let named =
        child.and_then(|child| calls(db, child, text_at(row, 1)?).into_iter().find(|place| place.start == start));
    named.or_else(|| Some(at(text_at(row, 2)?, start.line, start.column)))
}

pub(in crate::relations) fn of_path(_: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    Some(start_of_file(&text_at(row, 0)?.into()))
}

pub(in crate::relations) fn of_line(_: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    Some(at(text_at(row, 0)?, number_at(row, 1)?, 1))
}

pub(in crate::relations) fn of_path_position(_: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    Some(at(text_at(row, 0)?, number_at(row, 2)?, number_at(row, 3)?))
}

pub(in crate::relations) fn of_node_position(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let file = node(db, text_at(row, 0)?)?.file(db);
    Some(at(file.path(db), number_at(row, 2)?, number_at(row, 3)?))
}

/// The files of all packages by path.
#[salsa::tracked(returns(ref))]
fn files_by_path(db: &dyn salsa::Database) -> FxHashMap<Arc<str>, SourceFile> {
    let packages = dbt_packages(db).into_iter();
    let files = packages.flat_map(|package| package.directories(db).iter().flat_map(|directory| directory.files(db)));
    files.copied().chain(own_files(db).iter().copied()).map(|file| (file.path(db).clone(), file)).collect()
}

pub(in crate::relations) fn of_doc_block(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let (name, path) = (text_at(row, 0)?, text_at(row, 1)?);
    let file = *files_by_path(db).get(path)?;
    let block = docs_in(db, file).find(|block| *block.name == *name)?;
    Some(place(db, file, block.name_span))
}

pub(in crate::relations) fn of_enabled(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    first(db, row).map(|thing| settings::of_value(db, thing, "enabled", "true"))
}

fn of_setting(db: &dyn salsa::Database, row: &[Cell<'_>], key: &str, value_at: usize) -> Option<Place> {
    first(db, row).zip(text_at(row, value_at)).map(|(thing, value)| settings::of_value(db, thing, key, value))
}

pub(in crate::relations) fn of_materialized(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    of_setting(db, row, "materialized", 1)
}

pub(in crate::relations) fn of_tag(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    of_setting(db, row, "tags", 1)
}

pub(in crate::relations) fn of_group(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    of_setting(db, row, "group", 1)
}

pub(in crate::relations) fn of_access(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    of_setting(db, row, "access", 1)
}

pub(in crate::relations) fn of_freshness(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let thing = first(db, row)?;
    Some(settings::of_key(db, thing, "freshness").unwrap_or_else(|| settings::of_value(db, thing, "freshness", "")))
}

pub(in crate::relations) fn of_meta(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    of_setting(db, row, "meta", 2)
}

pub(in crate::relations) fn of_config(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    of_setting(db, row, text_at(row, 1)?, 2)
}

/// Of two nodes with one unique_id only one is meant by it; what the other states has no better place
/// than the thing itself.
pub(in crate::relations) fn of_own_config(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let thing = first(db, row)?;
    let own = settings::of_argument(db, thing, text_at(row, 1)?, text_at(row, 2)?);
    Some(own.unwrap_or_else(|| start(db, thing)))
}

pub(in crate::relations) fn of_folder_config(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let root = Project::try_get(db)?.root(db);
    let own = settings::of_folder(db, first(db, row)?, text_at(row, 1)?, text_at(row, 2)?);
    Some(own.unwrap_or_else(|| start_of_file(root.project_file(db).path(db))))
}

pub(in crate::relations) fn of_description(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let thing = first(db, row)?;
    Some(settings::of_key(db, thing, "description").unwrap_or_else(|| start(db, thing)))
}

pub(in crate::relations) fn of_owner(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let (thing, owner) = (first(db, row)?, text_at(row, 1)?);
    let own = matches!(thing, Thing::Resource(..)).then(|| settings::of_key(db, thing, "owner")).flatten();
    Some(own.unwrap_or_else(|| settings::of_value(db, thing, "meta", owner)))
}

pub(in crate::relations) fn of_yaml_patch(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    settings::of_entry(db, first(db, row)?).or_else(|| Some(start_of_file(&text_at(row, 1)?.into())))
}

pub(in crate::relations) fn of_yaml_column(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let thing = first(db, row)?;
    settings::of_column(db, thing, text_at(row, 1)?).or_else(|| settings::of_entry(db, thing))
}

/// The SQL of what a row names first.
fn text_of(db: &dyn salsa::Database, id: &str) -> Option<Text> {
    if id.starts_with("macro.") {
        let place = stands(db, id)?;
        let file = *files_by_path(db).get(&place.path)?;
        let mut all = blocks(db, file).blocks.iter();
        let block = all.find(|block| super::place(db, file, block.name_span) == place)?;
        return Some(Text { id: id.into(), file, region: block.span });
    }
    match thing(db, id)? {
        Thing::Node(node) => of_node(db, node),
        Thing::Test(test) => of_test(db, test),
        _ => None,
    }
}

/// What is found in the text of what a row names first, else where that stands.
fn in_text(db: &dyn salsa::Database, row: &[Cell<'_>], find: impl FnOnce(&str, Span) -> Option<Span>) -> Option<Place> {
    let id = text_at(row, 0)?;
    let found = text_of(db, id).and_then(|text| Some((text.file, find(text.file.content(db).text(), text.region)?)));
    found.map(|(file, span)| place(db, file, span)).or_else(|| stands(db, id))
}

pub(in crate::relations) fn of_calls_macro(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let name = text_at(row, 1)?.rsplit('.').next()?;
    let own = |span: &Span, text: &str| span.of(text).rsplit('.').next().is_some_and(|last| last == name);
    in_text(db, row, |text, region| call_names(text, region).into_iter().find(|span| own(span, text)))
}

pub(in crate::relations) fn of_jinja_call(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let (text, name, line) = (text_of(db, text_at(row, 0)?)?, text_at(row, 1)?, number_at(row, 2)?);
    let content = text.file.content(db).text();
    let calls = call_names(content, text.region).into_iter().filter(|span| span.of(content) == name);
    let mut places = calls.map(|span| place(db, text.file, span));
    places.find(|place| place.start.line == line)
}

pub(in crate::relations) fn of_var_read(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let name = text_at(row, 1)?;
    in_text(db, row, |text, region| call_with(text, region, "var", name))
}

pub(in crate::relations) fn of_env_read(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let name = text_at(row, 1)?;
    in_text(db, row, |text, region| call_with(text, region, "env_var", name))
}

pub(in crate::relations) fn of_reads_this(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    in_text(db, row, |text, region| reads_of(text, region, "this").into_iter().next())
}

pub(in crate::relations) fn of_cte(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let node = node(db, text_at(row, 0)?)?;
    let cte = scan_of(db, node).and_then(|(scan, base)| {
        let cte = scan.ctes.get(number_at(row, 2)? as usize).filter(|cte| Some(&*cte.name) == text_at(row, 1))?;
        Some(place(db, node.file(db), moved(cte.name_span, base)))
    });
    Some(cte.unwrap_or_else(|| start_of(db, node)))
}

/// The tags in a node's config(), else where they could stand: its first config().
pub(in crate::relations) fn of_own_tags(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let node = node(db, text_at(row, 0)?)?;
    let calls = config_calls_of(db, node);
    let tags = calls.iter().flat_map(|call| &call.args).find(|arg| &*arg.name == "tags");
    let tags = tags.map(|arg| Span { start: arg.name_span.start, end: arg.value_span.end });
    let own = tags.or_else(|| calls.first().map(|call| call.span));
    let moved = |span| place(db, node.file(db), moved(span, region(db, node).start));
    Some(own.map_or_else(|| start_of(db, node), moved))
}

/// Where a node's SQL names a table.
pub(super) fn named(db: &dyn salsa::Database, id: &str, table: &str) -> Vec<Place> {
    let Some(node) = node(db, id) else { return Vec::new() };
    let base = scan_of(db, node).map_or(0, |(_, base)| base);
    let spans = table_spans(db, node).get(table).into_iter().flatten();
    spans.map(|span| place(db, node.file(db), moved(*span, base))).collect()
}

pub(in crate::relations) fn of_reads_table(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let (id, table) = (text_at(row, 0)?, text_at(row, 1)?);
    named(db, id, table).into_iter().next().or_else(|| stands(db, id))
}

pub(in crate::relations) fn of_raw_name(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let name = text_at(row, 1)?;
    let id = text_at(row, 0)?;
    let found = text_of(db, id).and_then(|text| {
        let span = raw_spans(db, Region::new(db, text.file, text.region.start, text.region.end)).get(name)?;
        Some(place(db, text.file, moved(*span, text.region.start)))
    });
    found.or_else(|| stands(db, id))
}

/// A part of a file.
#[salsa::interned]
struct Region<'db> {
    #[returns(copy)]
    file: SourceFile,
    #[returns(copy)]
    start: u32,
    #[returns(copy)]
    end: u32,
}

/// Where each raw name of a text stands first, from its beginning on.
#[salsa::tracked(returns(ref))]
fn raw_spans<'db>(db: &'db dyn salsa::Database, region: Region<'db>) -> FxHashMap<String, Span> {
    let span = Span { start: region.start(db), end: region.end(db) };
    let own = span.of(region.file(db).content(db).text());
    let mut found: FxHashMap<String, Span> = FxHashMap::default();
    for span in raw_names(own) {
        found.entry(span.of(own).to_owned()).or_insert(span);
    }
    found
}

pub(in crate::relations) fn of_scaled(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let (node, nth) = (node(db, text_at(row, 0)?)?, number_at(row, 3)?);
    let value = row.get(2)?.constant();
    let mut all = scaled_in(db, node).into_iter();
    let own = all.find(|(_, other, at, _)| *at == nth && Cell::Decimal(other).constant() == value);
    Some(own.map_or_else(|| start_of(db, node), |(.., span)| place(db, node.file(db), span)))
}

pub(in crate::relations) fn of_candidate_key(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    match text_at(row, 2)? {
        "unique_key" => of_setting(db, row, "unique_key", 1),
        kind => {
            let node = node(db, text_at(row, 0)?)?;
            let own = scan_of(db, node).and_then(|(scan, base)| {
                let own = if kind == "partition" { &scan.keys.partition } else { &scan.keys.surrogate };
                own.as_ref().map(|(_, span)| place(db, node.file(db), moved(*span, base)))
            });
            Some(own.unwrap_or_else(|| start_of(db, node)))
        }
    }
}

/// The entry of the source that a table belongs to.
pub(in crate::relations) fn of_source_entry(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    settings::of_entry(db, first(db, row)?)
}

pub(in crate::relations) fn of_time_spine(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    settings::of_key(db, first(db, row)?, "time_spine")
}

pub(in crate::relations) fn of_owner_field(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    settings::of_key(db, first(db, row)?, "owner")
}

/// The entry that describes a macro.
pub(in crate::relations) fn of_macro_entry(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let id = text_at(row, 0)?;
    let (space, name) = id.strip_prefix("macro.")?.split_once('.')?;
    let (file, patch) = patch(db, package_by_name(db, space)?, PatchKind::Macro, &name.into()).as_ref()?;
    Some(place(db, *file, entry_span(db, *file, PatchKind::Macro.key(), patch.index)))
}

pub(in crate::relations) fn of_final_semicolon(db: &dyn salsa::Database, row: &[Cell<'_>]) -> Option<Place> {
    let node = node(db, text_at(row, 0)?)?;
    let (file, region) = (node.file(db), region(db, node));
    let end = region.start as usize + region.of(file.content(db).text()).trim_end().len();
    Some(place(db, file, Span::new(end.saturating_sub(1), end)))
}

fn of_house(is_stated: bool) -> Option<Place> {
    is_stated.then(|| start_of_file(&HOUSE_RULES_FILE.into()))
}

/// harness.yml, where it states layers; the customary ones are stated nowhere.
pub(in crate::relations) fn of_layers(db: &dyn salsa::Database, _: &[Cell<'_>]) -> Option<Place> {
    of_house(Project::try_get(db).is_some_and(|project| !project.house_rules(db).layers.is_empty()))
}

pub(in crate::relations) fn of_staging(db: &dyn salsa::Database, _: &[Cell<'_>]) -> Option<Place> {
    of_house(Project::try_get(db).is_some_and(|project| project.house_rules(db).staging.is_some()))
}

/// The end of the flow, where harness.yml states it.
pub(in crate::relations) fn of_terminal(db: &dyn salsa::Database, _: &[Cell<'_>]) -> Option<Place> {
    of_house(Project::try_get(db).is_some_and(|project| !project.house_rules(db).terminal.is_empty()))
}

pub(in crate::relations) fn of_domains(db: &dyn salsa::Database, _: &[Cell<'_>]) -> Option<Place> {
    of_house(Project::try_get(db).is_some_and(|project| !project.house_rules(db).domains.is_empty()))
}
