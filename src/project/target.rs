//! What Jinja sees of the profile and the environment.

use super::adapters::{self, UNKNOWN, built_on};
use super::jinja::relation::Relation;
use super::packages::{dbt_packages, package_name};
use crate::db::cache::{Key, cache};
use crate::db::{FileKind, Project, files_of};
use crate::syntax::sql::Dialect;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

#[salsa::tracked(returns(ref))]
fn values(db: &dyn salsa::Database) -> serde_json::Map<String, serde_json::Value> {
    let mut shown = serde_json::Map::new();
    for (key, value) in [("name", "dev"), ("schema", "dev"), ("type", "postgres"), ("database", "dev")] {
        shown.insert(key.to_owned(), value.into());
    }
    shown.insert("threads".to_owned(), 1.into());
    if let Some(project) = Project::try_get(db) {
        let given = &project.invocation(db).target;
        shown.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
        match given.get("type").and_then(|kind| kind.as_str()) {
            // ClickHouse's databases are dbt's schemas.
            Some("clickhouse") => drop(shown.insert("database".to_owned(), "".into())),
            // A DuckDB database is called like its file.
            Some("duckdb") if !given.contains_key("database") => {
                let path = given.get("path").and_then(|path| path.as_str()).unwrap_or(":memory:");
                let file = path.rsplit('/').next().unwrap_or_default();
                let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
                let name = if path == ":memory:" { "memory" } else { stem };
                shown.insert("database".to_owned(), name.into());
            }
            _ => {}
        }
        if given.get("type").and_then(|kind| kind.as_str()) == Some("duckdb") && !given.contains_key("schema") {
            shown.insert("schema".to_owned(), "main".into());
        }
        // BigQuery's words for the two, and the word of those with catalogs.
        for (key, alias) in [("project", "database"), ("dataset", "schema"), ("catalog", "database")] {
            if let Some(value) = given.get(key) {
                shown.insert(alias.to_owned(), value.clone());
            }
        }
        let name = shown.get("name").cloned().unwrap_or_default();
        shown.insert("target_name".to_owned(), name);
    }
    shown
}

/// The target and all that follows from it, as a number.
#[salsa::tracked(returns(copy))]
pub fn digest(db: &dyn salsa::Database) -> Key {
    Key::of(serde_json::Value::Object(values(db).clone()).to_string().as_bytes())
}

pub fn shown(db: &dyn salsa::Database) -> &serde_json::Map<String, serde_json::Value> {
    values(db)
}

fn text<'db>(db: &'db dyn salsa::Database, key: &str) -> &'db str {
    values(db).get(key).and_then(|value| value.as_str()).unwrap_or_default()
}

#[salsa::tracked(returns(ref))]
fn adapter(db: &dyn salsa::Database) -> Arc<str> {
    text(db, "type").into()
}

pub fn adapter_type(db: &dyn salsa::Database) -> &Arc<str> {
    adapter(db)
}

/// The dialect of SQL, where the target is known.
#[salsa::tracked(returns(copy))]
pub fn dialect(db: &dyn salsa::Database) -> Dialect {
    let given = Project::try_get(db).map(|project| &project.invocation(db).target);
    let adapter = given.and_then(|target| target.get("type")?.as_str());
    adapter.map(Dialect::of_adapter).unwrap_or_default()
}

/// The prefixes of `adapter.dispatch`, most special first.
pub fn dispatch_prefixes(db: &dyn salsa::Database) -> Vec<&str> {
    let own: &str = adapter(db);
    prefixes_of(own)
}

/// The same under an adapter that is named.
pub fn prefixes_of(adapter: &str) -> Vec<&str> {
    let own = Some(adapter).filter(|adapter| *adapter != UNKNOWN);
    [own, built_on(adapter), Some("default")].into_iter().flatten().collect()
}

/// The same with the prefixes of all adapters that it may be.
pub fn possible_prefixes(db: &dyn salsa::Database) -> Vec<&str> {
    match is_unknown(db) {
        true => adapters::names().chain(["default"]).collect(),
        false => dispatch_prefixes(db),
    }
}

/// Whether nothing tells which adapter it is.
pub fn is_unknown(db: &dyn salsa::Database) -> bool {
    &**adapter(db) == UNKNOWN
}

/// Where nothing tells the adapter: those that may make a difference, as macros and dbt_project.yml name them.
#[salsa::tracked(returns(ref))]
pub fn candidates(db: &dyn salsa::Database) -> Vec<&'static str> {
    let mut found = Vec::new();
    for package in dbt_packages(db) {
        let kinds = [FileKind::Macro, FileKind::Test];
        let files = kinds.iter().flat_map(|kind| files_of(db, package, *kind)).copied();
        for file in files.chain([package.project_file(db)]) {
            found.extend(adapters::mentioned_in(file.content(db).text()));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether the adapter takes a word for `database` or `schema`.
pub(super) fn renames(db: &dyn salsa::Database, word: &str) -> bool {
    match word {
        "project" | "dataset" => &**adapter(db) == "bigquery",
        "catalog" => matches!(&**adapter(db), "databricks" | "trino" | "athena" | "spark"),
        _ => false,
    }
}

pub fn root_name(db: &dyn salsa::Database) -> Arc<str> {
    Project::try_get(db).map(|project| package_name(db, project.root(db)).clone()).unwrap_or_default()
}

/// How the names of variables begin that only a profile may read.
const SECRET: &str = "DBT_ENV_SECRET";

/// Whether a variable is one that only a profile may read, and whose value is shown nowhere.
pub fn is_secret(name: &str) -> bool {
    name.starts_with(SECRET)
}

/// Keys of the target that say who connects, and where to.
pub fn is_of_connection(key: &str) -> bool {
    matches!(key, "user" | "host" | "account" | "http_path" | "cluster" | "port" | "token" | "key" | "password")
}

/// Names of environment variables that any template has read, since the process began.
static READ: Mutex<BTreeSet<Arc<str>>> = Mutex::new(BTreeSet::new());

/// The environment variables that templates have read so far.
pub fn environment_read() -> Vec<Arc<str>> {
    READ.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

pub fn environment_variable(db: &dyn salsa::Database, name: &str) -> Option<String> {
    {
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if !read.contains(name) {
            read.insert(name.into());
        }
    }
    if let Some(cache) = cache(db) {
        cache.note_environment(name);
    }
    Project::try_get(db)?.invocation(db).env.get(name).cloned()
}

/// The relation a node of that name would be built as.
pub fn relation(db: &dyn salsa::Database, name: &Arc<str>) -> Relation {
    Relation {
        database: text(db, "database").into(),
        schema: text(db, "schema").into(),
        identifier: name.clone(),
        printed: None,
    }
}

/// The adapter's word for one of dbt's column types.
pub fn column_type(db: &dyn salsa::Database, name: &str) -> String {
    let adapter: &str = adapter(db);
    let upper = name.to_uppercase();
    match (adapter, upper.as_str()) {
        ("bigquery", "TEXT" | "STRING") => "STRING".to_owned(),
        ("bigquery", "INTEGER" | "INT" | "BIGINT") => "INT64".to_owned(),
        ("bigquery", "FLOAT") => "FLOAT64".to_owned(),
        ("databricks" | "spark", "TEXT" | "STRING") => "STRING".to_owned(),
        ("clickhouse", "TEXT" | "STRING") => "String".to_owned(),
        (_, "STRING") => "TEXT".to_owned(),
        (_, "INTEGER") => "INT".to_owned(),
        _ => name.to_owned(),
    }
}
