//! The property files: models, sources, exposures and all else that YAML describes or declares.

use super::Form::{Any, Bool, Entry as Of, List, Map, Null, Text, Word};
use super::semantics::{
    COLUMN_DIMENSION, COLUMN_ENTITY, DERIVED, METRIC, MODEL_METRIC, MODEL_SEMANTICS, SAVED_QUERY, SEMANTIC_MODEL,
    TIME_SPINE,
};
use super::settings::{EXPOSURE_CONFIG, GROUP_CONFIG, MACRO_CONFIG, SOURCE_CONFIG, TABLE_CONFIG, UNIT_TEST_CONFIG};
use super::shared::*;
use super::walk::{Fault, Step, Walk, What};
use super::{Entry, Form};
use crate::syntax::yaml::Node;

/// A date may stand without quotes: dbt reads it as a date and takes it for a string.
const DATE: &[Form] = &[Text, Null];

pub(super) const DOCS: Entry =
    Entry { needs: &[], keys: &[("show", BOOL), ("node_color", TEXT_OR_NULL)], is_closed: true };
const DOCS_ONLY: &[Form] = &[Of(&DOCS)];
const QUOTING: Entry = Entry {
    needs: &[],
    keys: &[
        ("database", BOOL_OR_NULL),
        ("schema", BOOL_OR_NULL),
        ("identifier", BOOL_OR_NULL),
        ("column", BOOL_OR_NULL),
    ],
    is_closed: true,
};
pub(super) const PERIODS: &[Form] = &[Word(&["minute", "hour", "day"]), Null];
const TIME: Entry = Entry { needs: &[], keys: &[("count", INT_OR_NULL), ("period", PERIODS)], is_closed: true };
const TIME_OR_NULL: &[Form] = &[Of(&TIME), Null];
pub(super) const FRESHNESS: Entry = Entry {
    needs: &[],
    keys: &[("warn_after", TIME_OR_NULL), ("error_after", TIME_OR_NULL), ("filter", TEXT_OR_NULL)],
    is_closed: true,
};
const FRESHNESS_OR_NULL: &[Form] = &[Of(&FRESHNESS), Null];

const CONSTRAINT: Entry = Entry {
    needs: &["type"],
    keys: &[("type", &[Word(&["check", "not_null", "unique", "primary_key", "foreign_key", "custom"])])],
    is_closed: false,
};
const CONSTRAINTS: &[Form] = &[List(&[Of(&CONSTRAINT)])];
const COLUMN: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", CONSTRAINTS),
        ("docs", DOCS_ONLY),
        ("config", MAP),
        ("data_tests", TESTS),
        ("tests", TESTS),
        ("quote", BOOL_OR_NULL),
        ("tags", TEXTS),
        ("granularity", TEXT_OR_NULL),
        ("dimension", &[Of(&COLUMN_DIMENSION), Text, Null]),
        ("entity", &[Of(&COLUMN_ENTITY), Text, Null]),
    ],
    is_closed: false,
};
const COLUMNS: &[Form] = &[List(&[Of(&COLUMN)])];
const INCLUDE: Entry = Entry {
    needs: &["include"],
    keys: &[("include", &[Word(&["all", "*"]), List(TEXT)]), ("exclude", TEXTS)],
    is_closed: true,
};

const VERSION_ENTRY: Entry = Entry {
    needs: &[],
    keys: &[
        ("v", VERSION),
        ("defined_in", TEXT_OR_NULL),
        ("description", TEXT),
        ("access", TEXT_OR_NULL),
        ("config", MAP),
        ("constraints", CONSTRAINTS),
        ("docs", DOCS_ONLY),
        ("data_tests", TESTS),
        ("tests", TESTS),
        ("columns", &[List(&[Of(&INCLUDE), Of(&COLUMN)])]),
        ("deprecation_date", DATE),
    ],
    is_closed: true,
};
const MODEL: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", CONSTRAINTS),
        ("docs", DOCS_ONLY),
        ("config", MAP),
        ("data_tests", TESTS),
        ("tests", TESTS),
        ("columns", COLUMNS),
        ("quote_columns", BOOL_OR_NULL),
        ("access", TEXT_OR_NULL),
        ("latest_version", VERSION_OR_NULL),
        ("versions", &[List(&[Of(&VERSION_ENTRY)])]),
        ("deprecation_date", DATE),
        ("time_spine", &[Of(&TIME_SPINE), Null]),
        ("semantic_model", &[Of(&MODEL_SEMANTICS), Bool, Null]),
        ("primary_entity", TEXT_OR_NULL),
        ("agg_time_dimension", TEXT_OR_NULL),
        ("metrics", &[List(&[Of(&MODEL_METRIC)]), Null]),
        ("derived_semantics", &[Of(&DERIVED), Null]),
    ],
    is_closed: false,
};
/// Seeds and snapshots.
const NODE: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", MAPS),
        ("docs", DOCS_ONLY),
        ("config", MAP),
        ("data_tests", TESTS),
        ("tests", TESTS),
        ("columns", COLUMNS),
        ("quote_columns", BOOL_OR_NULL),
        ("access", TEXT_OR_NULL),
    ],
    is_closed: false,
};
const PLAIN_COLUMN: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", CONSTRAINTS),
        ("docs", DOCS_ONLY),
        ("config", MAP),
    ],
    is_closed: false,
};
const ANALYSIS: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", MAPS),
        ("docs", DOCS_ONLY),
        ("config", MAP),
        ("columns", &[List(&[Of(&PLAIN_COLUMN)])]),
        ("access", TEXT_OR_NULL),
    ],
    is_closed: false,
};
const MACRO_ARGUMENT: Entry =
    Entry { needs: &["name"], keys: &[("name", TEXT), ("type", TEXT_OR_NULL), ("description", TEXT)], is_closed: true };
const MACRO: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", MAPS),
        ("docs", DOCS_ONLY),
        ("config", MACRO_CONFIG),
        ("arguments", &[List(&[Of(&MACRO_ARGUMENT)])]),
        ("columns", &[List(&[Any]), Null]),
    ],
    is_closed: false,
};
const RETURNS: Entry =
    Entry { needs: &["data_type"], keys: &[("data_type", TEXT), ("description", TEXT_OR_NULL)], is_closed: true };
const FUNCTION_ARGUMENT: Entry = Entry {
    needs: &["name", "data_type"],
    keys: &[("name", TEXT), ("data_type", TEXT), ("description", TEXT_OR_NULL), ("default_value", &[Any])],
    is_closed: true,
};
const FUNCTION_ARGUMENTS: &[Form] = &[List(&[Of(&FUNCTION_ARGUMENT)])];
const OVERLOAD: Entry = Entry {
    needs: &["defined_in"],
    keys: &[
        ("defined_in", TEXT),
        ("arguments", FUNCTION_ARGUMENTS),
        ("returns", &[Of(&RETURNS), Null]),
        ("description", TEXT_OR_NULL),
    ],
    is_closed: true,
};
const FUNCTION: Entry = Entry {
    needs: &["returns"],
    keys: &[
        ("returns", &[Of(&RETURNS)]),
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", MAPS),
        ("docs", DOCS_ONLY),
        ("config", MAP),
        ("access", TEXT_OR_NULL),
        ("arguments", FUNCTION_ARGUMENTS),
        ("overloads", &[List(&[Of(&OVERLOAD)])]),
    ],
    is_closed: false,
};

const PARTITION: Entry = Entry {
    needs: &[],
    keys: &[("name", TEXT), ("description", TEXT), ("data_type", TEXT), ("meta", MAP)],
    is_closed: false,
};
const EXTERNAL: Entry = Entry {
    needs: &[],
    keys: &[
        ("location", TEXT_OR_NULL),
        ("file_format", TEXT_OR_NULL),
        ("row_format", TEXT_OR_NULL),
        ("tbl_properties", TEXT_OR_NULL),
        ("partitions", &[List(&[Of(&PARTITION), Text]), Null]),
    ],
    is_closed: false,
};
const TABLE: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("data_type", TEXT_OR_NULL),
        ("constraints", MAPS),
        ("docs", DOCS_ONLY),
        ("config", TABLE_CONFIG),
        ("data_tests", TESTS),
        ("tests", TESTS),
        ("columns", COLUMNS),
        ("loaded_at_field", TEXT_OR_NULL),
        ("loaded_at_query", TEXT_OR_NULL),
        ("identifier", TEXT_OR_NULL),
        ("quoting", &[Of(&QUOTING)]),
        ("freshness", FRESHNESS_OR_NULL),
        ("external", &[Of(&EXTERNAL), Null]),
        ("tags", TEXTS),
    ],
    is_closed: false,
};
const SOURCE: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT),
        ("meta", MAP),
        ("database", TEXT_OR_NULL),
        ("schema", TEXT_OR_NULL),
        ("loader", TEXT),
        ("quoting", &[Of(&QUOTING)]),
        ("freshness", FRESHNESS_OR_NULL),
        ("loaded_at_field", TEXT_OR_NULL),
        ("loaded_at_query", TEXT_OR_NULL),
        ("tables", &[List(&[Of(&TABLE)]), Null]),
        ("tags", TEXTS),
        ("config", SOURCE_CONFIG),
        // Adapters' own words for the database and the schema.
        ("catalog", TEXT_OR_NULL),
        ("project", TEXT_OR_NULL),
        ("dataset", TEXT_OR_NULL),
        ("data_space", TEXT_OR_NULL),
        ("unrendered_database", TEXT_OR_NULL),
        ("unrendered_schema", TEXT_OR_NULL),
        ("loaded_at_field_present", BOOL_OR_NULL),
    ],
    is_closed: true,
};
/// What a project says of a package's source.
const TABLE_OVERRIDE: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("description", TEXT_OR_NULL),
        ("meta", &[Map, Null]),
        ("data_type", TEXT_OR_NULL),
        ("docs", &[Of(&DOCS), Null]),
        ("loaded_at_field", TEXT_OR_NULL),
        ("loaded_at_field_present", BOOL_OR_NULL),
        ("loaded_at_query", TEXT_OR_NULL),
        ("identifier", TEXT_OR_NULL),
        ("quoting", &[Of(&QUOTING)]),
        ("freshness", FRESHNESS_OR_NULL),
        ("external", &[Of(&EXTERNAL), Null]),
        ("tags", &[List(TEXT), Null]),
        ("data_tests", TESTS),
        ("tests", TESTS),
        ("columns", &[List(&[Of(&COLUMN)]), Null]),
    ],
    is_closed: true,
};
const SOURCE_OVERRIDE: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("overrides", TEXT),
        ("config", MAP),
        ("description", TEXT_OR_NULL),
        ("meta", &[Map, Null]),
        ("database", TEXT_OR_NULL),
        ("schema", TEXT_OR_NULL),
        ("catalog", TEXT_OR_NULL),
        ("project", TEXT_OR_NULL),
        ("dataset", TEXT_OR_NULL),
        ("data_space", TEXT_OR_NULL),
        ("loader", TEXT_OR_NULL),
        ("quoting", &[Of(&QUOTING), Null]),
        ("freshness", FRESHNESS_OR_NULL),
        ("loaded_at_field", TEXT_OR_NULL),
        ("loaded_at_field_present", BOOL_OR_NULL),
        ("loaded_at_query", TEXT_OR_NULL),
        ("tables", &[List(&[Of(&TABLE_OVERRIDE)]), Null]),
        ("tags", &[List(TEXT), Null]),
    ],
    is_closed: true,
};

const OWNER: Entry =
    Entry { needs: &[], keys: &[("name", TEXT_OR_NULL), ("email", TEXT_LIST_OR_NULL)], is_closed: false };
const EXPOSURE: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("type", TEXT),
        ("owner", &[Of(&OWNER)]),
        ("description", TEXT),
        ("label", TEXT_OR_NULL),
        ("maturity", &[Word(&["low", "medium", "high"]), Null]),
        ("meta", MAP),
        ("tags", TEXTS),
        ("url", TEXT_OR_NULL),
        ("depends_on", TEXTS),
        ("config", EXPOSURE_CONFIG),
    ],
    is_closed: true,
};
const GROUP: Entry = Entry {
    needs: &[],
    keys: &[("name", TEXT), ("owner", &[Of(&OWNER)]), ("description", TEXT_OR_NULL), ("config", GROUP_CONFIG)],
    is_closed: true,
};
const ROWS: &[Form] = &[Text, List(MAP), Null];
const FORMAT: &[Form] = &[Word(&["csv", "dict", "sql"])];
const GIVEN: Entry = Entry {
    needs: &["input"],
    keys: &[("input", TEXT), ("rows", ROWS), ("format", FORMAT), ("fixture", TEXT_OR_NULL)],
    is_closed: true,
};
const EXPECT: Entry =
    Entry { needs: &[], keys: &[("rows", ROWS), ("format", FORMAT), ("fixture", TEXT_OR_NULL)], is_closed: true };
const OVERRIDES: Entry =
    Entry { needs: &[], keys: &[("macros", MAP), ("vars", MAP), ("env_vars", MAP)], is_closed: true };
const UNIT_VERSIONS: Entry =
    Entry { needs: &[], keys: &[("include", VERSIONS_OR_NULL), ("exclude", VERSIONS_OR_NULL)], is_closed: true };
const UNIT_TEST: Entry = Entry {
    needs: &["given", "expect"],
    keys: &[
        ("name", TEXT),
        ("model", TEXT),
        ("given", &[List(&[Of(&GIVEN)])]),
        ("expect", &[Of(&EXPECT)]),
        ("description", TEXT),
        ("overrides", &[Of(&OVERRIDES), Null]),
        ("config", UNIT_TEST_CONFIG),
        ("versions", &[Of(&UNIT_VERSIONS), Null]),
    ],
    is_closed: true,
};

/// Each list of a property file, and what its entries are.
const LISTS: &[(&str, &Entry)] = &[
    ("models", &MODEL),
    ("seeds", &NODE),
    ("snapshots", &NODE),
    ("sources", &SOURCE),
    ("macros", &MACRO),
    ("analyses", &ANALYSIS),
    ("exposures", &EXPOSURE),
    ("metrics", &METRIC),
    ("semantic_models", &SEMANTIC_MODEL),
    ("saved_queries", &SAVED_QUERY),
    ("functions", &FUNCTION),
    ("groups", &GROUP),
    ("unit_tests", &UNIT_TEST),
];

/// Returns what dbt does not accept in the entries of a property file. That an entry has a name and is a mapping is
/// asked elsewhere.
pub fn entry_faults(root: &Node) -> Vec<Fault> {
    let mut walk = Walk::default();
    for (list, entry) in LISTS {
        walk.path.push(Step::key(list));
        for (at, item) in root.get(list).and_then(Node::as_seq).unwrap_or_default().iter().enumerate() {
            if item.as_map().is_none() {
                continue;
            }
            let entry: &Entry = match *list {
                "sources" if item.get("overrides").is_some() => &SOURCE_OVERRIDE,
                "metrics" if item.get("type_params").is_none() => &MODEL_METRIC,
                _ => entry,
            };
            walk.path.push(Step::entry(at, item.get("name")));
            walk.entry(item, entry, What::Entry(list));
            walk.path.pop();
        }
        walk.path.pop();
    }
    walk.faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn faults(text: &str) -> Vec<String> {
        entry_faults(&parse(text).root).into_iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect()
    }

    fn each(list: &str, fine: &[&str], wrong: &[&str]) {
        let of = |rest: &str| faults(&format!("{list}:\n  - {{{rest}}}\n"));
        for rest in fine {
            assert_eq!(of(rest), Vec::<String>::new(), "{list}: {rest}");
        }
        for rest in wrong {
            assert_eq!(of(rest).len(), 1, "{list}: {rest}: {:?}", of(rest));
        }
    }

    #[test]
    fn models_have_the_types_that_dbt_accepts() {
        let fine = [
            "name: a, description: '', columns: [], meta: {a: {1: 2}}, docs: {node_color: }, latest_version: , tags: 5",
            "name: 2024-01-01, deprecation_date: 2024-01-01, anything: , quote_columns: , time_spine: , metrics: []",
            "name: a, columns: [{name: b, quote: , data_type: , config: {tags: 5}, dimension: time, anything: 5}]",
            "name: a, versions: [{v: 1, data_tests: , columns: [{include: all, exclude: [b]}, {name: c}]}, {v: '2'}]",
            "name: a, description: '{{ doc(\"a\") }}', columns: [{name: b, constraints: [{type: check, anything: 1}]}]",
            "name: '{{ var(\"a\") }}', semantic_model: true, data_tests: [unique, {unique: {}}]",
        ];
        let wrong = [
            "name: 5",
            "name: a, description: ",
            "name: a, description: 2024-01-01",
            "name: a, columns: ",
            "name: a, columns: {b: {}}",
            "name: a, columns: [b]",
            "name: a, columns: [{name: b, tags: [5]}]",
            "name: a, columns: [{name: b, constraints: [{type: nope}]}]",
            "name: a, meta: {1: 2}",
            "name: a, docs: {show: 'yes'}",
            "name: a, docs: {other: 1}",
            "name: a, config: [{materialized: table}]",
            "name: a, versions: [{v: 1, meta: {}}]",
            "name: a, versions: [1]",
            "name: a, versions: [{v: 1, columns: [{include: b}]}]",
            "name: a, data_tests: [5]",
            "name: a, data_tests: unique",
            "name: a, deprecation_date: 2024",
            "name: a, semantic_model: {other: 1}",
        ];
        each("models", &fine, &wrong);
    }

    #[test]
    fn sources_exposures_and_groups_have_them_too() {
        let fine = [
            "name: a, tables: , freshness: , schema: , tables: [{name: b, external: , freshness: {}, anything: 1}]",
            "name: a, config: {tags: 5, freshness: , anything: 1}, tables: [{name: b, config: {meta: }}]",
            "name: a, overrides: b, description: , tables: ",
        ];
        let wrong = [
            "name: a, description: ",
            "name: a, tags: b",
            "name: a, anything: 1",
            "name: a, quoting: ",
            "name: a, freshness: {warn_after: {count: 1, period: hours}}",
            "name: a, tables: [{name: b, columns: }]",
            "name: a, tables: [b]",
            "name: a, config: {enabled: 'no'}",
            "name: a, config: {meta: }",
        ];
        each("sources", &fine, &wrong);
        each(
            "exposures",
            &[
                "name: a b, type: ml, owner: {name: c, email: [d], slack: 5}, label: , maturity: high, config: {tags: x}",
            ],
            &[
                "name: a, type: ml, owner: {name: 5}",
                "name: a, type: ml, owner: c",
                "name: a, type: ml, owner: {name: c}, maturity: huge",
                "name: a, type: ml, owner: {name: c}, depends_on: ref('b')",
                "name: a, type: ml, owner: {name: c}, config: {meta: }",
            ],
        );
        each("groups", &["name: a, owner: {email: b}, description: "], &["name: a, owner: {email: b}, meta: {}"]);
        each(
            "macros",
            &["name: a, columns: , arguments: [{name: b, type: }], tests: 5"],
            &[
                "name: a, arguments: ",
                "name: a, arguments: [{type: string}]",
                "name: a, arguments: [{name: b, other: 1}]",
            ],
        );
    }

    #[test]
    fn a_fault_names_the_way_to_it() {
        let found = faults("models:\n  - name: orders\n    columns:\n      - name: id\n        description: 5\n");
        assert_eq!(
            found,
            [
                "models.orders.columns.id.description: `description:` is a whole number (5), which stops dbt: it accepts a string"
            ]
        );
    }
}
