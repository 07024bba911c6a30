//! The adapters that exist: what each is built on, and the words that betray it.

/// What `target.type` is where nothing tells.
pub const UNKNOWN: &str = "__unknown__";

/// Adapters by their type, each with the one that its macros build on. The package is called
/// `dbt-` and the type.
const ADAPTERS: [(&str, Option<&str>); 53] = [
    ("athena", None),
    ("bigquery", None),
    ("clickhouse", None),
    ("cratedb", Some("postgres")),
    ("databend", None),
    ("databricks", Some("spark")),
    ("db2", None),
    ("decodable", None),
    ("doris", None),
    ("dremio", None),
    ("duckdb", None),
    ("exasol", None),
    ("fabric", None),
    ("fabricspark", None),
    ("firebolt", None),
    ("glue", Some("spark")),
    ("greenplum", Some("postgres")),
    ("hive", None),
    ("hologres", Some("postgres")),
    ("ibmdb2", None),
    ("impala", None),
    ("iomete", Some("spark")),
    ("kinetica", None),
    ("layer_bigquery", Some("bigquery")),
    ("mariadb", Some("mysql")),
    ("materialize", Some("postgres")),
    ("maxcompute", None),
    ("mindsdb", None),
    ("monetdb", None),
    ("motherduck", Some("duckdb")),
    ("mysql", None),
    ("mysql5", Some("mysql")),
    ("netezza", None),
    ("oracle", None),
    ("postgres", None),
    ("presto", None),
    ("redshift", Some("postgres")),
    ("risingwave", Some("postgres")),
    ("rockset", None),
    ("selectdb", Some("doris")),
    ("singlestore", None),
    ("snowflake", None),
    ("spark", None),
    ("sqlite", None),
    ("sqlserver", Some("fabric")),
    ("starburst", Some("trino")),
    ("starrocks", None),
    ("synapse", Some("fabric")),
    ("teradata", None),
    ("tidb", Some("mysql")),
    ("timescaledb", Some("postgres")),
    ("trino", None),
    ("vertica", None),
];

/// Dialects of sqlfluff that are called otherwise than the adapter.
const DIALECTS: [(&str, &str); 3] = [("sparksql", "spark"), ("tsql", "sqlserver"), ("sparksql3", "spark")];

/// Settings of dbt_project.yml that only one adapter has.
const SETTINGS: [(&str, &str); 30] = [
    ("snowflake_warehouse", "snowflake"),
    ("query_tag", "snowflake"),
    ("transient", "snowflake"),
    ("copy_grants", "snowflake"),
    ("target_lag", "snowflake"),
    ("automatic_clustering", "snowflake"),
    ("secure", "snowflake"),
    ("hours_to_expiration", "bigquery"),
    ("kms_key_name", "bigquery"),
    ("require_partition_filter", "bigquery"),
    ("partition_expiration_days", "bigquery"),
    ("grant_access_to", "bigquery"),
    ("maximum_bytes_billed", "bigquery"),
    ("gcs_bucket", "bigquery"),
    ("dist", "redshift"),
    ("sort", "redshift"),
    ("sort_type", "redshift"),
    ("bind", "redshift"),
    ("unlogged", "postgres"),
    ("liquid_clustered_by", "databricks"),
    ("auto_liquid_cluster", "databricks"),
    ("databricks_compute", "databricks"),
    ("databricks_tags", "databricks"),
    ("s3_data_naming", "athena"),
    ("s3_data_dir", "athena"),
    ("s3_tmp_table_dir", "athena"),
    ("lf_tags_config", "athena"),
    ("engine", "clickhouse"),
    ("ttl", "clickhouse"),
    ("glue_version", "glue"),
];

pub fn names() -> impl Iterator<Item = &'static str> {
    ADAPTERS.iter().map(|(name, _)| *name)
}

/// The adapter that another is built on.
pub fn built_on(adapter: &str) -> Option<&'static str> {
    ADAPTERS.iter().find(|(name, _)| *name == adapter)?.1
}

/// The adapter of a name, as it is written here.
fn named(name: &str) -> Option<&'static str> {
    let name = name.trim_matches('_');
    names().find(|adapter| adapter.replace('_', "") == name.replace('_', ""))
}

/// The adapter that a dialect of sqlfluff is meant for.
pub(super) fn of_dialect(dialect: &str) -> Option<&'static str> {
    let dialect = dialect.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let renamed = DIALECTS.iter().find(|(name, _)| *name == dialect).map(|(_, adapter)| *adapter);
    renamed.or_else(|| named(&dialect))
}

/// The adapter that a setting of dbt_project.yml belongs to.
pub(super) fn of_setting(key: &str) -> Option<&'static str> {
    SETTINGS.iter().find(|(name, _)| *name == key).map(|(_, adapter)| *adapter)
}

/// The adapters whose packages a text names: `dbt-snowflake`, `dbt_bigquery[…]`; also the parts in brackets of
/// `dbt-core[snowflake]`. What a named one is built on is not named by itself.
pub(super) fn packages_in(text: &str) -> Vec<&'static str> {
    let text = text.to_ascii_lowercase();
    let mut found: Vec<&'static str> = Vec::new();
    for (at, _) in text.match_indices("dbt") {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        if before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | '-' | '.')) {
            continue;
        }
        let rest = text.get(at + 3..).unwrap_or_default();
        let Some(rest) = rest.strip_prefix(['-', '_']) else { continue };
        let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '-' | '_')).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default().replace('-', "_");
        found.extend(named(&name));
        let extras = (name == "core").then(|| rest.get(end..)?.strip_prefix('[')?.split_once(']')).flatten();
        found.extend(extras.into_iter().flat_map(|(inside, _)| inside.split(',')).filter_map(|it| named(it.trim())));
    }
    found.sort_unstable();
    found.dedup();
    without_bases(found)
}

/// Adapters without those that another of them is built on: who installs Databricks' installs Spark's as well.
pub(super) fn without_bases(found: Vec<&'static str>) -> Vec<&'static str> {
    let bases: Vec<&str> = found.iter().filter_map(|adapter| built_on(adapter)).collect();
    found.into_iter().filter(|adapter| !bases.contains(adapter)).collect()
}

/// The adapters whose types or macros a text names: `'snowflake'`, `bigquery__cast`.
pub(super) fn mentioned_in(text: &str) -> Vec<&'static str> {
    let is_of_word = |it: char| it.is_alphanumeric() || it == '_';
    let mut found: Vec<&'static str> = Vec::new();
    for word in text.split(|it| !is_of_word(it)).filter(|word| word.len() >= 4) {
        let word = word.split_once("__").map_or(word, |(prefix, _)| prefix);
        if let Ok(at) = ADAPTERS.binary_search_by(|(name, _)| (*name).cmp(word)) {
            found.extend(ADAPTERS.get(at).map(|(name, _)| *name));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_are_in_order_and_built_on_known_ones() {
        assert!(ADAPTERS.windows(2).all(|two| two[0].0 < two[1].0));
        assert!(ADAPTERS.iter().filter_map(|(_, base)| *base).all(|base| names().any(|name| name == base)));
    }

    #[test]
    fn the_packages_of_adapters_are_named_in_many_ways() {
        assert_eq!(packages_in("dbt-core==1.9\ndbt-BigQuery~=1.9"), ["bigquery"]);
        assert_eq!(packages_in("name = \"dbt-databricks\"\nname = \"dbt-spark\""), ["databricks"]);
        assert_eq!(packages_in("pip install 'dbt_redshift>=1' dbt-postgres"), ["redshift"]);
        assert_eq!(packages_in("dbt-core[snowflake]"), ["snowflake"]);
        assert_eq!(packages_in("dbt-sqlserver dbt-fabric"), ["sqlserver"]);
        assert_eq!(packages_in("my-dbt-snowflake-project, dbt-utils, dbt-snowflake-utils"), [""; 0]);
        assert_eq!(
            mentioned_in("{% if target.type == 'snowflake' %}{{ bigquery__x() }} spark_x"),
            ["bigquery", "snowflake"]
        );
    }

    #[test]
    fn a_dialect_means_an_adapter() {
        assert_eq!(["tsql", "\"bigquery\"", "ansi"].map(of_dialect), [Some("sqlserver"), Some("bigquery"), None]);
    }
}
