//! The flags of dbt_project.yml that change what dbt parses.

use super::data;
use super::packages::yaml;
use crate::db::Project;
use serde_json::{Map, Value};

/// A flag, and what it is without an entry.
const SWITCHES: [(&str, bool); 22] = [
    ("require_batched_execution_for_custom_microbatch_strategy", true),
    ("require_event_names_in_deprecations", false),
    ("require_explicit_package_overrides_for_builtin_materializations", true),
    ("require_resource_names_without_spaces", true),
    ("source_freshness_run_project_hooks", true),
    ("skip_nodes_if_on_run_start_fails", true),
    ("state_modified_compare_more_unrendered_values", true),
    ("state_modified_compare_vars", false),
    ("require_yaml_configuration_for_mf_time_spines", true),
    ("require_nested_cumulative_type_params", true),
    ("validate_macro_args", true),
    ("require_all_warnings_handled_by_warn_error", true),
    ("require_generic_test_arguments_property", true),
    ("require_unique_project_resource_names", false),
    ("require_ref_searches_node_package_before_root", false),
    ("require_valid_schema_from_generate_schema_name", false),
    ("allow_jinja_file_extensions", false),
    ("require_sql_header_in_test_configs", false),
    ("support_custom_ref_kwargs", false),
    ("require_corrected_analysis_fqns", false),
    ("require_source_and_semantic_model_names_without_spaces", false),
    ("latest_version_pointer_enabled_by_default", false),
];

/// The flags as dbt takes them: from the text of `flags:`, without Jinja. One of another type than a switch, and
/// dbt forgets all of them without a word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    stated: Vec<(&'static str, bool)>,
    /// Which warnings of dbt's are errors.
    fatal: Fatal,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Fatal {
    all: bool,
    named: Vec<String>,
    /// Named as warnings, or as nothing, whatever the rest says.
    spared: Vec<String>,
}

impl Fatal {
    fn of(stated: &Map<String, Value>) -> Self {
        let options = stated.get("warn_error_options");
        let names = |keys: &[&str]| -> Vec<String> {
            keys.iter().flat_map(|key| data::texts(options.and_then(|options| options.get(*key)))).collect()
        };
        let named = names(&["error", "include"]);
        let all = stated.get("warn_error").and_then(Value::as_bool).unwrap_or_default();
        let all = all || named.iter().any(|name| matches!(name.as_str(), "all" | "*"));
        Self { all, named, spared: names(&["warn", "exclude", "silence"]) }
    }
}

impl Flags {
    pub fn of(flags: Option<&Value>) -> Self {
        let Some(Value::Object(stated)) = flags else { return Self::default() };
        let known = SWITCHES.iter().filter_map(|(name, _)| Some((*name, stated.get(*name)?)));
        let read: Option<Vec<_>> = known.map(|(name, value)| Some((name, value.as_bool()?))).collect();
        read.map(|read| Self { stated: read, fatal: Fatal::of(stated) }).unwrap_or_default()
    }

    /// Whether dbt stops at a warning of this name.
    fn stops_at(&self, event: &str) -> bool {
        let Fatal { all, named, spared } = &self.fatal;
        let is_in = |list: &[String]| list.iter().any(|name| name == event);
        (*all || is_in(named)) && !is_in(spared)
    }

    pub fn get(&self, name: &str) -> bool {
        let stated = self.stated.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
        let default = || SWITCHES.iter().any(|(own, default)| *own == name && *default);
        stated.unwrap_or_else(default)
    }
}

#[salsa::tracked(returns(ref))]
fn of_project(db: &dyn salsa::Database) -> Flags {
    let Some(project) = Project::try_get(db) else { return Flags::default() };
    let root = &yaml(db, project.root(db).project_file(db)).root;
    Flags::of(root.get("flags").map(data::of).as_ref())
}

/// Whether a flag is on: those of the root project count for packages, too.
pub fn flag(db: &dyn salsa::Database, name: &str) -> bool {
    of_project(db).get(name)
}

/// Whether the flags make an error of one of dbt's warnings.
pub fn stops_at(db: &dyn salsa::Database, event: &str) -> bool {
    of_project(db).stops_at(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_flag_of_a_wrong_type_switches_all_back() {
        let flags = Flags::of(Some(&json!({"allow_jinja_file_extensions": true, "validate_macro_args": false})));
        assert!(flags.get("allow_jinja_file_extensions") && !flags.get("validate_macro_args"));
        let flags = Flags::of(Some(&json!({"allow_jinja_file_extensions": true, "validate_macro_args": "no"})));
        assert!(!flags.get("allow_jinja_file_extensions") && flags.get("validate_macro_args"));
    }

    #[test]
    fn warnings_are_errors_where_flags_say_so() {
        let stops = |flags: Value| Flags::of(Some(&flags)).stops_at("NodeNotFoundOrDisabled");
        assert!(stops(json!({"warn_error": true})));
        assert!(stops(json!({"warn_error_options": {"error": "all"}})));
        assert!(stops(json!({"warn_error_options": {"include": ["NodeNotFoundOrDisabled"]}})));
        assert!(!stops(json!({"warn_error_options": {"error": "all", "warn": ["NodeNotFoundOrDisabled"]}})));
        assert!(!stops(json!({"warn_error_options": {"error": ["Other"]}})));
    }
}
