//! The texts that relations look into: which part of which file each node, test and macro is.

use crate::db::cache::{Work, of_text_as};
use crate::db::{FileKind, Package, Project, SourceFile};
use crate::project::data_tests::{Place, Test, test_id, tests_of_package};
use crate::project::macro_calls::macro_id;
use crate::project::macros::{blocks, definition, is_read, macros_of_package};
use crate::project::nodes::{
    Node, NodeKind, Part, found_in_printed, is_sql_path, nodes_of_package, region, rendering, unique_id,
};
use crate::project::target::dialect;
use crate::relations::places::node;
use crate::syntax::jinja::config_call::{ConfigCall, config_calls};
use crate::syntax::span::Span;
use crate::syntax::sql::{Scan, TableName, scan_of as scan, unquoted};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// A text with the unique_id of what it is.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub id: Arc<str>,
    pub file: SourceFile,
    pub region: Span,
}

pub(super) fn is_sql(db: &dyn salsa::Database, file: SourceFile) -> bool {
    is_sql_path(file.path(db))
}

/// A node's SQL; none of seeds, of Python and of what YAML defines.
pub(super) fn of_node<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<Text> {
    let is_text = node.kind(db) != NodeKind::Seed && !matches!(node.part(db), Part::Entry(_));
    let file = node.file(db);
    (is_text && is_sql(db, file)).then(|| Text { id: unique_id(db, node).clone(), file, region: region(db, node) })
}

/// The SQL of a test that is a file of its own.
pub(super) fn of_test<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> Option<Text> {
    let file = test.file(db);
    let whole = Span::new(0, file.content(db).text().len());
    (test.place(db) == Place::File).then(|| Text { id: test_id(db, test), file, region: whole })
}

/// The nodes of a package with SQL, enabled or not. Of several with one unique_id only the one that is
/// meant by it.
pub(super) fn nodes_with_text<'db>(db: &'db dyn salsa::Database, package: Package) -> Vec<(Node<'db>, Text)> {
    let nodes = nodes_of_package(db, package).into_iter().filter(|own| node(db, unique_id(db, *own)) == Some(*own));
    nodes.filter_map(|node| Some((node, of_node(db, node)?))).collect()
}

/// The texts of the root project: nodes, tests that are files, macros.
pub(super) fn all(db: &dyn salsa::Database) -> Vec<Text> {
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let mut found: Vec<Text> = nodes_with_text(db, root).into_iter().map(|(_, text)| text).collect();
    found.extend(tests_of_package(db, root).into_iter().filter_map(|test| of_test(db, test)));
    for (name, at) in macros_of_package(db, root) {
        let Some(block) = blocks(db, at.0).blocks.get(at.1 as usize) else { continue };
        let is_meant = definition(db, root, name).is_some_and(|(file, own)| file == at.0 && own.span == block.span);
        if is_meant && is_read(db, *at) {
            found.push(Text { id: macro_id(db, root, name).into(), file: at.0, region: block.span });
        }
    }
    found
}

/// The SQL files of the root project, each once: two of dbt's paths may hold the same file.
pub(super) fn sql_files(db: &dyn salsa::Database) -> Vec<SourceFile> {
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let files = root.directories(db).iter().flat_map(|directory| directory.files(db)).copied();
    let mut seen = FxHashSet::default();
    files.filter(|file| is_sql(db, *file) && file.kind(db) != FileKind::Seed && seen.insert(file.path(db))).collect()
}

/// The calls of config() in a node's own SQL, their spans counted from where that begins.
#[salsa::tracked(returns(ref))]
pub(super) fn config_calls_of<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<ConfigCall> {
    let text = of_node(db, node);
    text.map(|text| config_calls(text.region.of(text.file.content(db).text()))).unwrap_or_default()
}

/// What SQL a file holds. One query a file, whoever asks.
#[salsa::tracked(returns(ref))]
pub(super) fn scan_of_file(db: &dyn salsa::Database, file: SourceFile) -> Scan {
    let text = file.content(db).text();
    scan_as(db, text)
}

/// What SQL a text holds in the target's dialect.
fn scan_as(db: &dyn salsa::Database, text: &str) -> Scan {
    let dialect = dialect(db);
    of_text_as(db, Work::Sql, text, usize::from(dialect.digit()), || scan(text, dialect))
}

#[salsa::tracked(returns(ref))]
fn scan_of_block<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Scan {
    let text = region(db, node).of(node.file(db).content(db).text());
    scan_as(db, text)
}

/// What SQL a node holds, and the offset that its spans count from.
pub(super) fn scan_of<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<(&'db Scan, u32)> {
    let text = of_node(db, node)?;
    Some(match node.part(db) {
        Part::Block(_) => (scan_of_block(db, node), text.region.start),
        Part::Whole | Part::Entry(_) => (scan_of_file(db, text.file), 0),
    })
}

pub(super) fn moved(span: Span, by: u32) -> Span {
    Span::new((span.start + by) as usize, (span.end + by) as usize)
}

/// The tables that a node's SQL names, without those that turn out to be CTEs once macros have printed
/// theirs.
pub(super) fn named_tables<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<&'db TableName> {
    let Some((scan, _)) = scan_of(db, node).filter(|(scan, _)| !scan.tables.is_empty()) else { return Vec::new() };
    let printed = printed_ctes(db, node);
    let is_table = |table: &&TableName| match printed {
        Some(ctes) => !ctes.contains(&unquoted(&table.text).to_lowercase()),
        // Somebody absent may have printed it; a name with dots is never a CTE.
        None => table.text.contains('.'),
    };
    scan.tables.iter().filter(is_table).collect()
}

/// Where each of them stands, by name.
#[salsa::tracked(returns(ref))]
pub(super) fn table_spans<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> FxHashMap<Arc<str>, Vec<Span>> {
    let mut found: FxHashMap<Arc<str>, Vec<Span>> = FxHashMap::default();
    for table in named_tables(db, node) {
        found.entry(table.text.clone()).or_default().push(table.span);
    }
    found
}

/// The names of all CTEs of a node's rendered SQL, in small letters; nothing where a macro is absent.
#[salsa::tracked(returns(as_ref))]
fn printed_ctes<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Option<FxHashSet<String>> {
    if rendering(db, node).trace.incomplete {
        return None;
    }
    let dialect = dialect(db);
    let ctes = found_in_printed(db, node, Work::Printed, &|printed| {
        let scan = scan(printed, dialect);
        scan.ctes.into_iter().map(|cte| cte.name).chain(scan.inner_ctes).collect()
    });
    Some(ctes.iter().map(|name| name.to_lowercase()).collect())
}
