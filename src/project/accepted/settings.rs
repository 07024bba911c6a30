//! What stands in `config:`, in `config()` and below the folders of dbt_project.yml.
//!
//! dbt types a setting when all layers are merged: a value that a nearer layer replaces is never looked at.

use super::Entry;
use super::Form::{self, Any, AnyCase, Bool, Entry as Of, List, Map, Null, Number, Text, Word};
use super::colors::is_color;
use super::entries::{FRESHNESS, PERIODS};
use super::shared::*;
use super::walk::{Fault, Step, Walk, is_open};
use crate::project::data;
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
    ("volatility", &[Word(&["deterministic", "stable", "non-deterministic"]), Null]),
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
const TEST_MERGED: Settings =
    &[("enabled", BOOL), ("store_failures", BOOL_OR_NULL), ("severity", &[AnyCase(&["warn", "error"])])];

/// A setting of a type that dbt does not accept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingFault {
    pub key: String,
    /// A scalar as Python prints it.
    pub value: String,
    pub message: String,
    pub remedy: String,
}

/// Returns what dbt does not accept in a node's own layers of configuration, and in what all layers come to.
pub fn setting_faults<'c>(
    own: impl Iterator<Item = &'c Json<String, Value>>,
    merged: &Json<String, Value>,
) -> Vec<SettingFault> {
    let mut found = Vec::new();
    for layer in own {
        compare(LAYER, layer, &mut found);
        found.extend(layer.get("docs").and_then(wrong_color));
    }
    let mut late = Vec::new();
    compare(MERGED, merged, &mut late);
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

/// Returns what dbt does not accept in what the folders of dbt_project.yml say of a data test or a source.
pub fn folder_setting_faults(merged: &Json<String, Value>) -> Vec<SettingFault> {
    let mut found = Vec::new();
    compare(TEST_MERGED, merged, &mut found);
    found
}

/// Returns what dbt does not accept in one folder of dbt_project.yml, by its keys. `is_top` is the section itself.
pub fn folder_faults(section: &str, level: &Node, is_top: bool) -> Vec<Fault> {
    let mut walk = Walk { path: vec![Step::key(section)], ..Walk::default() };
    let table = match section {
        "models" | "seeds" | "snapshots" => LAYER,
        "tests" | "data_tests" => TEST_LAYER,
        _ => return Vec::new(),
    };
    for entry in level.as_map().unwrap_or_default() {
        let Some(written) = entry.key.as_str() else { continue };
        let (key, has_plus) = match written.strip_prefix('+') {
            Some(key) => (key.trim(), true),
            None => (written, false),
        };
        // Without the plus a mapping is a folder, and directly below a section null is none.
        let is_none = is_top && entry.value.is_null() && matches!(key, "pre-hook" | "post-hook" | "column_types");
        if !has_plus && (entry.value.as_map().is_some() || is_none) {
            continue;
        }
        let key = key.replace("_hook", "-hook");
        if let Some((_, forms)) = table.iter().find(|(name, _)| **name == key) {
            walk.path.push(Step::key(&key));
            // As plain data, whose keys are strings: dbt does not ask of those here.
            walk.value(&entry.key, &placed(data::of(&entry.value), &entry.value), forms);
            if let Some(fault) = wrong_color(&data::of(&entry.value)).filter(|_| key == "docs") {
                walk.report(entry.key.span, fault.message, &fault.remedy);
            }
            walk.path.pop();
        }
    }
    walk.faults
}

fn wrong_color(docs: &Value) -> Option<SettingFault> {
    let color = docs.get("node_color").and_then(data::scalar)?;
    let is_fine = color.is_empty() || is_open(&color) || is_color(&color);
    (!is_fine).then(|| SettingFault {
        key: "docs".to_owned(),
        message: format!(
            "`node_color:` is `{color}`, which stops dbt: it accepts names of CSS (`gray`) and codes (`#ff6600`)"
        ),
        remedy: "Write another color, or delete `node_color:`.".to_owned(),
        value: color,
    })
}

/// Whether a value is of a type without parts that have types of their own.
fn is_plain(value: &Value, forms: &[Form]) -> bool {
    forms.iter().any(|form| match (form, value) {
        (Form::Map, Value::Object(_)) | (Form::Bool, Value::Bool(_)) | (Form::Null, Value::Null) => true,
        (Form::Text, Value::String(_)) | (Form::Number, Value::Number(_)) => true,
        (Form::Any, Value::Object(_)) => false,
        (Form::Any, _) => true,
        _ => false,
    })
}

fn compare(table: Settings, config: &Json<String, Value>, found: &mut Vec<SettingFault>) {
    if config.is_empty() {
        return;
    }
    for (name, forms) in table {
        let with_underline = || name.contains('-').then(|| config.get_key_value(&name.replace('-', "_"))).flatten();
        let written = config.get_key_value(*name).or_else(with_underline);
        let Some((written, value)) = written.filter(|(_, value)| !is_plain(value, forms)) else { continue };
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
