//! What stands in `config:`, in `config()` and below the folders of dbt_project.yml.
//!
//! dbt types a setting when all layers are merged: a value that a nearer layer replaces is never looked at.

use super::Entry;
use super::Form::{self, Any, Bool, Entry as Of, List, Map, Null, Number, Text, Word};
use super::entries::{FRESHNESS, PERIODS};
use super::shared::*;
use super::walk::{Fault, Walk};
use crate::project::schema_yaml::placed;
use crate::syntax::span::Span;
use crate::syntax::yaml::Node;
use serde_json::{Map as Json, Value};

const HOOK: Entry =
    Entry { needs: &["sql"], keys: &[("sql", &[Any]), ("transaction", BOOL), ("index", &[Any])], is_closed: false };
const HOOKS: &[Form] = &[List(&[Of(&HOOK), Text]), Of(&HOOK), Text];
const CONTRACT: Entry = Entry { needs: &[], keys: &[("enforced", BOOL), ("alias_types", BOOL)], is_closed: false };
const SHOWN: Entry = Entry { needs: &[], keys: &[("show", BOOL)], is_closed: false };
const BUILD_AFTER: Entry = Entry {
    needs: &[],
    keys: &[("count", INT_OR_NULL), ("period", PERIODS), ("updates_on", &[Word(&["all", "any"])])],
    is_closed: false,
};
const MODEL_FRESHNESS: Entry = Entry { needs: &[], keys: &[("build_after", &[Of(&BUILD_AFTER)])], is_closed: false };

type Settings = &'static [(&'static str, &'static [Form])];

/// Asked of each layer: dbt cannot merge anything else.
const LAYER: Settings = &[
    ("meta", MAP),
    ("docs", MAP),
    ("contract", MAP),
    ("quoting", MAP),
    ("column_types", MAP),
    ("grants", MAP),
    ("persist_docs", MAP),
    ("latest_version_pointer", MAP),
    ("pre-hook", HOOKS),
    ("post-hook", HOOKS),
    ("freshness", &[Of(&MODEL_FRESHNESS), Any]),
    ("access", &[Word(&["private", "protected", "public"])]),
    ("snapshot_meta_column_names", MAP),
    ("on_error", &[Word(&["skip_children", "continue"]), Null]),
    ("on_configuration_change", &[Word(&["apply", "continue", "fail"])]),
];
const TEST_LAYER: Settings = &[("meta", MAP)];
/// Asked of what all layers come to. dbt makes strings of whatever stands where it wants a string.
const MERGED: Settings = &[
    ("enabled", BOOL),
    ("full_refresh", BOOL_OR_NULL),
    ("docs", &[Of(&SHOWN), Any]),
    ("contract", &[Of(&CONTRACT), Any]),
    ("quote_columns", BOOL_OR_NULL),
    ("group", &[Text, Number, Bool, Null]),
];
const TEST_MERGED: Settings = &[("enabled", BOOL), ("store_failures", BOOL_OR_NULL)];

/// A setting of a type that dbt does not accept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingFault {
    pub key: String,
    /// A scalar as Python prints it.
    pub value: String,
    pub message: String,
    pub remedy: String,
}

/// Returns what dbt does not accept in the layers of a configuration, and in what they come to.
pub fn setting_faults<'c>(
    is_test: bool,
    layers: impl Iterator<Item = &'c Json<String, Value>>,
    merged: &Json<String, Value>,
) -> Vec<SettingFault> {
    let (of_layer, of_merged) = if is_test { (TEST_LAYER, TEST_MERGED) } else { (LAYER, MERGED) };
    let mut found = Vec::new();
    layers.for_each(|layer| compare(of_layer, layer, &mut found));
    let mut late = Vec::new();
    compare(of_merged, merged, &mut late);
    if let Some(after) = merged.get("freshness").and_then(|freshness| freshness.get("build_after"))
        && after.get("count").is_some_and(|count| !count.is_null())
        && after.get("period").is_none_or(Value::is_null)
    {
        late.push(SettingFault {
            key: "freshness".to_owned(),
            value: String::new(),
            message: "`build_after:` has a `count:` and no `period:`, which stops dbt".to_owned(),
            remedy: "Add `period: hour`, or minute or day.".to_owned(),
        });
    }
    late.retain(|fault| found.iter().all(|known| known.key != fault.key));
    found.append(&mut late);
    found.sort();
    found.dedup();
    found
}

fn compare(table: Settings, config: &Json<String, Value>, found: &mut Vec<SettingFault>) {
    for (name, forms) in table {
        let written = [*name, &name.replace('-', "_")].into_iter().find_map(|name| config.get_key_value(name));
        let Some((written, value)) = written else { continue };
        let mut walk = Walk::default();
        let at = Node { span: Span::default(), value: crate::syntax::yaml::Value::Null };
        let key = placed(Value::String(written.clone()), &at);
        walk.value(&key, &placed(value.clone(), &at), forms);
        let shown = placed(value.clone(), &at).key_text().unwrap_or_default().into_owned();
        let fault = |fault: Fault| SettingFault {
            key: (*name).to_owned(),
            value: shown.clone(),
            message: fault.message,
            remedy: fault.remedy,
        };
        found.extend(walk.faults.into_iter().map(fault));
    }
}

/// Settings of what only YAML declares, which nothing nearer replaces.
const SOURCE: Entry = Entry {
    needs: &[],
    keys: &[("enabled", BOOL), ("freshness", &[Of(&FRESHNESS), Null]), ("meta", MAP)],
    is_closed: false,
};
/// Of a table, dbt takes null for no meta.
const TABLE: Entry = Entry {
    needs: &[],
    keys: &[("enabled", BOOL), ("freshness", &[Of(&FRESHNESS), Null]), ("meta", &[Map, Null])],
    is_closed: false,
};
const EXPOSURE: Entry =
    Entry { needs: &[], keys: &[("enabled", BOOL), ("tags", TEXT_OR_LIST), ("meta", MAP)], is_closed: false };
const SEMANTIC: Entry = Entry { needs: &[], keys: &[("enabled", BOOL), ("meta", MAP)], is_closed: false };
const CACHE: Entry = Entry { needs: &[], keys: &[("enabled", BOOL)], is_closed: true };
const SAVED_QUERY: Entry = Entry {
    needs: &[],
    keys: &[
        ("enabled", BOOL),
        ("meta", MAP),
        ("export_as", &[Word(&["table", "view"]), Null]),
        ("cache", &[Of(&CACHE)]),
    ],
    is_closed: false,
};
const GROUP: Entry = Entry { needs: &[], keys: &[("meta", MAP)], is_closed: false };
const MACRO_DOCS: Entry = Entry { needs: &[], keys: &[("show", &[Any]), ("node_color", &[Any])], is_closed: true };
const MACRO: Entry = Entry { needs: &[], keys: &[("meta", MAP), ("docs", &[Of(&MACRO_DOCS), Null])], is_closed: false };
const UNIT_TEST: Entry = Entry { needs: &[], keys: &[("enabled", BOOL), ("meta", MAP)], is_closed: false };
const EXPORT: Entry = Entry { needs: &[], keys: &[("export_as", &[Word(&["table", "view"])])], is_closed: false };
pub(super) const EXPORT_CONFIG: &[Form] = &[Of(&EXPORT)];
pub(super) const SOURCE_CONFIG: &[Form] = &[Of(&SOURCE)];
pub(super) const TABLE_CONFIG: &[Form] = &[Of(&TABLE)];
pub(super) const EXPOSURE_CONFIG: &[Form] = &[Of(&EXPOSURE)];
pub(super) const SEMANTIC_CONFIG: &[Form] = &[Of(&SEMANTIC)];
pub(super) const SAVED_QUERY_CONFIG: &[Form] = &[Of(&SAVED_QUERY)];
pub(super) const GROUP_CONFIG: &[Form] = &[Of(&GROUP)];
pub(super) const MACRO_CONFIG: &[Form] = &[Of(&MACRO)];
pub(super) const UNIT_TEST_CONFIG: &[Form] = &[Of(&UNIT_TEST)];
