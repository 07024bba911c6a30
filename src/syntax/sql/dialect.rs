//! What dialects read differently in one and the same text: where a string or a comment ends.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// Decided by what stands around.
    #[default]
    Unknown,
    /// Strings as the standard has them: a backslash is a letter.
    Standard,
    BigQuery,
    ClickHouse,
    /// Spark, Databricks, Hive.
    Hive,
    MySql,
    Snowflake,
    /// Names in square brackets.
    TSql,
}

impl Dialect {
    /// The dialect of one of dbt's adapters.
    pub fn of_adapter(adapter: &str) -> Self {
        match adapter {
            "bigquery" => Self::BigQuery,
            "clickhouse" => Self::ClickHouse,
            "databricks" | "spark" | "hive" | "impala" | "glue" | "maxcompute" => Self::Hive,
            "mysql" | "mariadb" | "singlestore" | "tidb" | "doris" | "starrocks" => Self::MySql,
            "snowflake" => Self::Snowflake,
            "sqlserver" | "fabric" | "synapse" => Self::TSql,
            "postgres" | "duckdb" | "trino" | "athena" | "materialize" | "risingwave" | "greenplum" | "oracle"
            | "sqlite" | "exasol" | "vertica" | "teradata" | "dremio" | "crate" | "firebolt" => Self::Standard,
            _ => Self::Unknown,
        }
    }

    /// Its number, by which results of one text in several dialects are told apart.
    pub fn digit(self) -> u8 {
        self as u8
    }

    /// Whether `#` begins a comment wherever it stands.
    pub(crate) fn has_hash_comments(self) -> bool {
        matches!(self, Self::BigQuery | Self::MySql | Self::ClickHouse)
    }

    /// Whether `//` begins a comment wherever it stands.
    pub(crate) fn has_slash_comments(self) -> bool {
        self == Self::Snowflake
    }

    /// Whether a backslash in a string escapes what follows; `None` where that is not known.
    pub(crate) fn escapes_by_backslash(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Standard | Self::TSql => Some(false),
            Self::BigQuery | Self::ClickHouse | Self::Hive | Self::MySql | Self::Snowflake => Some(true),
        }
    }

    /// Whether three quotes begin a string that one quote does not end.
    pub(crate) fn has_triple_quotes(self) -> bool {
        self == Self::BigQuery
    }
}
