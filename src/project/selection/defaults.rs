//! The settings dbt has where nobody states one, as far as a text can be compared with them. The manifest
//! leaves them out, and selection by `config` sees them.

use serde_json::Value;

/// The default of a setting of a resource type.
pub(super) fn default_of(kind: &str, keys: &[&str]) -> Option<Value> {
    let of_test = match keys {
        ["schema"] => "dbt_test__audit",
        ["fail_calc"] => "count(*)",
        ["warn_if" | "error_if"] => "!= 0",
        _ => "",
    };
    match (kind, keys) {
        ("test", _) => Some(of_test).filter(|text| !text.is_empty()).map(Value::from),
        ("source", _) => None,
        ("model", ["access"]) => Some("protected".into()),
        ("seed", ["delimiter"]) => Some(",".into()),
        (_, ["on_schema_change"]) => Some("ignore".into()),
        (_, ["on_configuration_change"]) => Some("apply".into()),
        (_, ["lookback"]) => Some(1.into()),
        (_, ["docs", "show"] | ["contract", "alias_types"]) => Some(true.into()),
        (_, ["contract", "enforced"]) => Some(false.into()),
        _ => None,
    }
}
