//! What makes the table that a name in SQL means: by database, schema and alias, as far as the name gives them.

use super::nodes::{living, living_sources};
use crate::db::{DirectoryOf, Project, of_section};
use crate::project::data::{is_unknown, scalar};
use crate::project::graph::{Source, source_id, source_table};
use crate::project::naming::{plain_alias, relation_names};
use crate::project::nodes::{Node, facts, unique_id};
use crate::project::target;
use crate::project::versions::version;
use rustc_hash::FxHashMap;
use salsa::Id;
use salsa::plumbing::{AsId, FromId};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    Node(Id),
    Source(Id),
}

/// A name as it is compared: in small letters, without quotes.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '"' | '`' | '[' | ']')).collect::<String>().to_lowercase()
}

fn last_word(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or_default()
}

/// The enabled models, seeds, snapshots and tables of sources of the project that a name in SQL means: the unique_id of
/// each and the call that reads it.
pub(super) fn makers_of(db: &dyn salsa::Database, table: &str) -> Vec<(Arc<str>, String)> {
    let table = plain(table);
    let meant = by_last_word(db).get(last_word(&table)).into_iter().flatten().filter(|maker| match maker {
        Maker::Node(id) => words_of_node(db, Node::from_id(*id)).contains(&table),
        Maker::Source(id) => words_of_source(db, Source::from_id(*id)).contains(&table),
    });
    meant
        .map(|maker| match maker {
            Maker::Node(id) => {
                let node = Node::from_id(*id);
                let version = version(db, node).map(|it| format!(", v={}", it.version)).unwrap_or_default();
                (unique_id(db, node).clone(), format!("ref('{}'{version})", node.name(db)))
            }
            Maker::Source(id) => {
                let source = Source::from_id(*id);
                (source_id(db, source), format!("source('{}', '{}')", source.source(db), source.table(db)))
            }
        })
        .collect()
}

/// Most tables are known by their last word not to be meant: no macro is asked for their schema.
#[salsa::tracked(returns(ref))]
fn by_last_word(db: &dyn salsa::Database) -> FxHashMap<Arc<str>, Vec<Maker>> {
    let mut found: FxHashMap<Arc<str>, Vec<Maker>> = FxHashMap::default();
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return found };
    for section in root.sections(db) {
        for (word, maker) in last_words_of_section(db, section) {
            found.entry(word.clone()).or_default().push(*maker);
        }
    }
    found
}

#[salsa::tracked(returns(ref))]
fn last_words_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<(Arc<str>, Maker)> {
    let (package, directory) = (key.package(db), key.directory(db));
    let word = |name: &str| Arc::from(last_word(&plain(name)));
    let nodes = living(db, package, directory).filter(|node| node.kind(db).is_refable()).filter_map(|node| {
        let alias = plain_alias(db, node).or_else(|| relation_names(db, node).alias.clone())?;
        Some((word(&alias), Maker::Node(node.as_id())))
    });
    let sources = living_sources(db, package, directory)
        .filter_map(|source| Some((word(&source_table(db, source)?.identifier), Maker::Source(source.as_id()))));
    nodes.chain(sources).collect()
}

of_section!(last_words_of_section: last_words_in => (Arc<str>, Maker));

/// What the table of a node is called: with what stands before it and without. A schema also as it is stated, without
/// what the target puts before it.
fn words_of_node<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<String> {
    let names = relation_names(db, node);
    let known = |part: &Option<Arc<str>>| part.clone().filter(|text| !text.is_empty() && !is_unknown(text));
    let Some(alias) = known(&names.alias) else { return Vec::new() };
    let config = &facts(db, node).config;
    let stated = ["schema", "dataset"].into_iter().filter_map(|key| config.get(key).and_then(scalar).map(Arc::from));
    words(known(&names.database), known(&names.schema).into_iter().chain(stated), &alias)
}

fn words_of_source<'db>(db: &'db dyn salsa::Database, source: Source<'db>) -> Vec<String> {
    let Some(table) = source_table(db, source) else { return Vec::new() };
    let usual = || target::shown(db).get("database").and_then(scalar).map(Arc::from);
    let database = table.database.clone().or_else(usual).filter(|name: &Arc<str>| !name.is_empty());
    words(database, std::iter::once(table.schema.clone()), &table.identifier)
}

fn words(database: Option<Arc<str>>, schemas: impl Iterator<Item = Arc<str>>, table: &str) -> Vec<String> {
    let mut words = vec![plain(table)];
    for schema in schemas {
        words.push(plain(&format!("{schema}.{table}")));
        words.extend(database.iter().map(|database| plain(&format!("{database}.{schema}.{table}"))));
    }
    words
}
