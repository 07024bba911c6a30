//! The names of all macros of dbt and of its adapters. Only some have behaviour here
//! (`builtins/dbt.sql`); the others are known to exist, and to whom they belong. The list holds names
//! only: those of dbt-core 1.12 and the adapters of its time.

use super::adapters::{UNKNOWN, built_on, names};
use super::packages::DBT;
use super::target;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::LazyLock;

/// One line a package: its name, a colon, its macros.
const NAMES: &str = include_str!("builtins/names.txt");

static PACKAGES: LazyLock<FxHashMap<&'static str, FxHashSet<&'static str>>> = LazyLock::new(|| {
    let lines = NAMES.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(package, names)| (package, names.split_whitespace().collect())).collect()
});

/// The package of each adapter.
static OF_ADAPTERS: LazyLock<FxHashMap<&'static str, &'static str>> =
    LazyLock::new(|| PACKAGES.keys().filter_map(|name| Some((name.strip_prefix("dbt_")?, *name))).collect());

/// dbt's packages for an adapter, most special first.
fn packages(adapter: &str) -> impl Iterator<Item = &'static str> {
    let package = |adapter: &str| OF_ADAPTERS.get(adapter).copied();
    let mut found: Vec<&'static str> =
        package(adapter).into_iter().chain(built_on(adapter).and_then(package)).collect();
    if adapter == UNKNOWN {
        // Where nothing tells the adapter, each may be meant.
        found.extend(names().filter_map(package));
    }
    found.into_iter().chain([DBT])
}

/// Which of dbt's own packages a macro comes from under an adapter: an adapter's macro hides dbt's.
pub fn owner(adapter: &str, name: &str) -> Option<&'static str> {
    let mut owners = packages(adapter).filter(|package| defines(package, name));
    // An adapter that nobody knows hides none of dbt's own.
    if adapter == UNKNOWN && defines(DBT, name) {
        return Some(DBT);
    }
    owners.next()
}

/// What dbt calls by the name alone, beside its macros.
const CONTEXT: [&str; 3] = ["config", "ref", "source"];

/// Whether dbt finds a project's macro by its name: it replaces one of dbt's or of an adapter's own, is a
/// version of one for an adapter, or is a materialization or a generic test.
pub fn is_called_by_dbt(name: &str) -> bool {
    let is_known = |name: &str| CONTEXT.contains(&name) || PACKAGES.values().any(|names| names.contains(name));
    let is_version = || name.match_indices("__").any(|(at, mark)| at > 0 && is_known(&name[at + mark.len()..]));
    name.starts_with("materialization_") || name.starts_with("test_") || is_known(name) || is_version()
}

/// Whether one of dbt's own packages defines a macro.
pub fn defines(package: &str, name: &str) -> bool {
    PACKAGES.get(package).is_some_and(|names| names.contains(name))
}

/// Whether dbt or an adapter has a macro whose name ends so.
pub fn has_ending(ending: &str) -> bool {
    PACKAGES.values().flatten().any(|name| name.ends_with(ending))
}

/// Whether this is the name of one of dbt's own packages in this project.
pub fn is_package(db: &dyn salsa::Database, name: &str) -> bool {
    packages(target::adapter_type(db)).any(|package| package == name)
}

/// The unique_id of one of dbt's macros, by the name a template calls it by: `dateadd`,
/// `dbt.dateadd`.
pub fn unique_id(db: &dyn salsa::Database, called: &str) -> Option<String> {
    let name = called.strip_prefix("dbt.").unwrap_or(called);
    owner(target::adapter_type(db), name).map(|package| format!("macro.{package}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_called_by_dbt() {
        for name in [
            "generate_schema_name",
            "get_where_subquery",
            "default__generate_alias_name",
            "exasol__create_table_as",
            "snowflake__apply_grants",
            "materialization_shelf_default",
            "test_near",
            "ref",
        ] {
            assert!(is_called_by_dbt(name), "{name}");
        }
        for name in ["cents", "stg__orders", "generate_schema_names", "__ref_of", "x__cents"] {
            assert!(!is_called_by_dbt(name), "{name}");
        }
    }

    #[test]
    fn an_adapters_macro_hides_dbts() {
        assert_eq!(owner("clickhouse", "is_incremental"), Some("dbt_clickhouse"));
        assert_eq!(owner("snowflake", "is_incremental"), Some("dbt"));
        assert_eq!(owner("databricks", "spark__create_table_as"), Some("dbt_spark"));
        assert_eq!(owner("snowflake", "nobody_has_this"), None);
    }
}
