//! The semantic layer: metrics, semantic models, saved queries, and what of them stands below a model.

use super::Entry;
use super::Form::{self, AnyCase, Bool, Entry as Of, Int, List, Null, Number, Text};
use super::settings::{EXPORT_CONFIG, SAVED_QUERY_CONFIG, SEMANTIC_CONFIG};
use super::shared::*;
use crate::project::semantic_names;

const ENTITIES: &[Form] = &[AnyCase(&["primary", "unique", "foreign", "natural"])];
const DIMENSIONS: &[Form] = &[AnyCase(&["categorical", "time"])];
const AGGREGATIONS: &[Form] =
    &[AnyCase(&["sum", "min", "max", "count_distinct", "sum_boolean", "average", "percentile", "median", "count"])];
const METRICS: &[Form] = &[AnyCase(&["simple", "ratio", "cumulative", "derived", "conversion"])];
const GRANULARITIES: &[Form] = &[AnyCase(&semantic_names::GRANULARITIES)];
const CALCULATIONS: &[Form] = &[AnyCase(&["conversions", "conversion_rate"])];

const VALIDITY: Entry = Entry { needs: &[], keys: &[("is_start", BOOL), ("is_end", BOOL)], is_closed: true };
const VALIDITY_OR_NULL: &[Form] = &[Of(&VALIDITY), Null];
pub(super) const COLUMN_DIMENSION: Entry = Entry {
    needs: &["type"],
    keys: &[
        ("type", TEXT),
        ("name", TEXT_OR_NULL),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("is_partition", BOOL),
        ("config", MAP),
        ("validity_params", VALIDITY_OR_NULL),
    ],
    is_closed: true,
};
pub(super) const COLUMN_ENTITY: Entry = Entry {
    needs: &["type"],
    keys: &[
        ("type", TEXT),
        ("name", TEXT_OR_NULL),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("config", MAP),
    ],
    is_closed: true,
};
const GRANULARITY: Entry =
    Entry { needs: &["name"], keys: &[("name", TEXT), ("column_name", TEXT_OR_NULL)], is_closed: true };
pub(super) const TIME_SPINE: Entry = Entry {
    needs: &["standard_granularity_column"],
    keys: &[("standard_granularity_column", TEXT), ("custom_granularities", &[List(&[Of(&GRANULARITY)])])],
    is_closed: true,
};
const OWN_CONFIG: Entry = Entry { needs: &[], keys: &[("meta", MAP)], is_closed: true };
pub(super) const MODEL_SEMANTICS: Entry = Entry {
    needs: &[],
    keys: &[("name", TEXT_OR_NULL), ("enabled", BOOL), ("group", TEXT_OR_NULL), ("config", &[Of(&OWN_CONFIG), Null])],
    is_closed: true,
};
const DERIVED_ENTITY: Entry = Entry {
    needs: &["type", "expr"],
    keys: &[
        ("type", TEXT),
        ("name", TEXT_OR_NULL),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("config", MAP),
        ("expr", TEXT),
    ],
    is_closed: true,
};
const DERIVED_DIMENSION: Entry = Entry {
    needs: &["type", "expr"],
    keys: &[
        ("type", TEXT),
        ("name", TEXT),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("is_partition", BOOL),
        ("config", MAP),
        ("validity_params", VALIDITY_OR_NULL),
        ("expr", TEXT),
        ("granularity", TEXT_OR_NULL),
    ],
    is_closed: true,
};
pub(super) const DERIVED: Entry = Entry {
    needs: &[],
    keys: &[("entities", &[List(&[Of(&DERIVED_ENTITY)])]), ("dimensions", &[List(&[Of(&DERIVED_DIMENSION)])])],
    is_closed: true,
};

const INPUT_MEASURE: Entry = Entry {
    needs: &["name"],
    keys: &[
        ("name", TEXT),
        ("filter", TEXT_LIST_OR_NULL),
        ("alias", TEXT_OR_NULL),
        ("join_to_timespine", BOOL),
        ("fill_nulls_with", INT_OR_NULL),
    ],
    is_closed: true,
};
const INPUT_METRIC: Entry = Entry {
    needs: &["name"],
    keys: &[
        ("name", TEXT),
        ("filter", TEXT_LIST_OR_NULL),
        ("alias", TEXT_OR_NULL),
        ("offset_window", TEXT_OR_NULL),
        ("offset_to_grain", TEXT_OR_NULL),
    ],
    is_closed: true,
};
const METRIC_OR_NULL: &[Form] = &[Of(&INPUT_METRIC), Text, Null];
const METRICS_OR_NULL: &[Form] = &[List(&[Of(&INPUT_METRIC), Text]), Null];
const CONSTANT: Entry = Entry {
    needs: &["base_property", "conversion_property"],
    keys: &[("base_property", TEXT), ("conversion_property", TEXT)],
    is_closed: true,
};
const CONSTANTS_OR_NULL: &[Form] = &[List(&[Of(&CONSTANT)]), Null];
const CONVERSION: Entry = Entry {
    needs: &["base_measure", "conversion_measure", "entity"],
    keys: &[
        ("base_measure", &[Of(&INPUT_MEASURE), Text]),
        ("conversion_measure", &[Of(&INPUT_MEASURE), Text]),
        ("entity", TEXT),
        ("calculation", CALCULATIONS),
        ("window", TEXT_OR_NULL),
        ("constant_properties", CONSTANTS_OR_NULL),
    ],
    is_closed: true,
};
const CUMULATIVE: Entry = Entry {
    needs: &[],
    keys: &[("window", TEXT_OR_NULL), ("grain_to_date", TEXT_OR_NULL), ("period_agg", TEXT)],
    is_closed: true,
};
const TYPE_PARAMS: Entry = Entry {
    needs: &[],
    keys: &[
        ("measure", &[Of(&INPUT_MEASURE), Text, Null]),
        ("numerator", METRIC_OR_NULL),
        ("denominator", METRIC_OR_NULL),
        ("expr", &[Text, Bool, Null]),
        ("window", TEXT_OR_NULL),
        ("grain_to_date", TEXT_OR_NULL),
        ("metrics", METRICS_OR_NULL),
        ("conversion_type_params", &[Of(&CONVERSION), Null]),
        ("cumulative_type_params", &[Of(&CUMULATIVE), Null]),
    ],
    is_closed: true,
};
pub(super) const METRIC: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("type", METRICS),
        ("label", TEXT),
        ("description", TEXT),
        ("filter", TEXT_LIST_OR_NULL),
        ("time_granularity", TEXT_OR_NULL),
        ("config", SEMANTIC_CONFIG),
        ("type_params", &[Of(&TYPE_PARAMS)]),
        ("meta", MAP),
        ("tags", TEXTS),
    ],
    is_closed: true,
};
const NON_ADDITIVE: Entry = Entry {
    needs: &["name", "window_agg"],
    keys: &[("name", TEXT), ("window_agg", TEXT), ("group_by", TEXTS)],
    is_closed: true,
};
/// A metric of a model, and one at the top without `type_params:`.
pub(super) const MODEL_METRIC: Entry = Entry {
    needs: &[],
    keys: &[
        ("name", TEXT),
        ("type", METRICS),
        ("label", TEXT_OR_NULL),
        ("description", TEXT),
        ("filter", TEXT_LIST_OR_NULL),
        ("time_granularity", TEXT_OR_NULL),
        ("config", SEMANTIC_CONFIG),
        ("hidden", BOOL),
        ("agg", TEXT_OR_NULL),
        ("percentile", &[Number, Null]),
        ("percentile_type", TEXT_OR_NULL),
        ("join_to_timespine", BOOL_OR_NULL),
        ("fill_nulls_with", INT_OR_NULL),
        ("expr", &[Text, Int, Null]),
        ("non_additive_dimension", &[Of(&NON_ADDITIVE), Null]),
        ("agg_time_dimension", TEXT_OR_NULL),
        ("window", TEXT_OR_NULL),
        ("grain_to_date", TEXT_OR_NULL),
        ("period_agg", TEXT),
        ("input_metric", METRIC_OR_NULL),
        ("numerator", METRIC_OR_NULL),
        ("denominator", METRIC_OR_NULL),
        ("input_metrics", METRICS_OR_NULL),
        ("entity", TEXT_OR_NULL),
        ("calculation", TEXT_OR_NULL),
        ("base_metric", METRIC_OR_NULL),
        ("conversion_metric", METRIC_OR_NULL),
        ("constant_properties", CONSTANTS_OR_NULL),
    ],
    is_closed: true,
};
const ENTITY: Entry = Entry {
    needs: &["type"],
    keys: &[
        ("type", ENTITIES),
        ("name", TEXT),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("config", MAP),
        ("role", TEXT_OR_NULL),
        ("expr", TEXT_OR_NULL),
    ],
    is_closed: true,
};
const AGG_PARAMS: Entry = Entry {
    needs: &[],
    keys: &[("percentile", &[Number, Null]), ("use_discrete_percentile", BOOL), ("use_approximate_percentile", BOOL)],
    is_closed: true,
};
const WINDOWED: Entry = Entry {
    needs: &["name", "window_choice"],
    keys: &[("name", TEXT), ("window_choice", TEXT), ("window_groupings", TEXTS)],
    is_closed: true,
};
const MEASURE: Entry = Entry {
    needs: &["name", "agg"],
    keys: &[
        ("name", TEXT),
        ("agg", AGGREGATIONS),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("expr", &[Text, Bool, Int, Null]),
        ("agg_params", &[Of(&AGG_PARAMS), Null]),
        ("non_additive_dimension", &[Of(&WINDOWED), Null]),
        ("agg_time_dimension", TEXT_OR_NULL),
        ("create_metric", BOOL),
        ("config", MAP),
    ],
    is_closed: true,
};
const DIMENSION_PARAMS: Entry = Entry {
    needs: &["time_granularity"],
    keys: &[("time_granularity", GRANULARITIES), ("validity_params", VALIDITY_OR_NULL)],
    is_closed: true,
};
const DIMENSION: Entry = Entry {
    needs: &["type"],
    keys: &[
        ("type", DIMENSIONS),
        ("name", TEXT),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("is_partition", BOOL),
        ("config", MAP),
        ("type_params", &[Of(&DIMENSION_PARAMS), Null]),
        ("expr", TEXT_OR_NULL),
    ],
    is_closed: true,
};
const DEFAULTS: Entry = Entry { needs: &[], keys: &[("agg_time_dimension", TEXT_OR_NULL)], is_closed: true };
pub(super) const SEMANTIC_MODEL: Entry = Entry {
    needs: &["model"],
    keys: &[
        ("name", TEXT),
        ("model", TEXT),
        ("config", SEMANTIC_CONFIG),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("defaults", &[Of(&DEFAULTS), Null]),
        ("entities", &[List(&[Of(&ENTITY)])]),
        ("measures", &[List(&[Of(&MEASURE)])]),
        ("dimensions", &[List(&[Of(&DIMENSION)])]),
        ("primary_entity", TEXT_OR_NULL),
    ],
    is_closed: true,
};
const QUERY_PARAMS: Entry = Entry {
    needs: &[],
    keys: &[
        ("metrics", TEXTS),
        ("group_by", TEXTS),
        ("where", TEXT_LIST_OR_NULL),
        ("order_by", TEXTS),
        ("limit", INT_OR_NULL),
    ],
    is_closed: true,
};
const EXPORT: Entry = Entry { needs: &["name"], keys: &[("name", TEXT), ("config", EXPORT_CONFIG)], is_closed: true };
pub(super) const SAVED_QUERY: Entry = Entry {
    needs: &["query_params"],
    keys: &[
        ("name", TEXT),
        ("query_params", &[Of(&QUERY_PARAMS)]),
        ("description", TEXT_OR_NULL),
        ("label", TEXT_OR_NULL),
        ("exports", &[List(&[Of(&EXPORT)])]),
        ("config", SAVED_QUERY_CONFIG),
        ("tags", TEXT_OR_LIST),
    ],
    is_closed: true,
};
