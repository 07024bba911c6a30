//! Projects that scripts begin with.

use super::script::Files;
use harness::files::{Content, Disk, Tree};
use std::path::Path;

/// Every fixture, a project that has what these lack, and one that has each construct there is.
pub fn all() -> Vec<(String, Files)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = root.join("fixtures");
    let names = Disk::new(&fixtures).folders("");
    let mut found: Vec<(String, Files)> = Vec::new();
    for name in names {
        let files = read(&fixtures.join(&name));
        found.push((name, files));
    }
    found.push(("shop".to_owned(), shop()));
    found.push(("whole".to_owned(), read(&root.join("tests/live/whole"))));
    found
}

fn read(folder: &Path) -> Files {
    let disk = Disk::new(folder);
    let paths = disk.list("", &|_, _| false).files.into_iter();
    let files = paths.filter(|path| !path.ends_with("EXPECTED.md"));
    let files = files.filter_map(|path| match disk.read(&path) {
        Content::Text(text) => Some((path, text.to_string())),
        _ => None,
    });
    files.collect()
}

pub fn shop() -> Files {
    SHOP.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

const SHOP: &[(&str, &str)] = &[
    (
        "dbt_project.yml",
        "name: shop\nprofile: shop\non-run-end: \"{{ log(var('noise', 'x')) }}\"\nvars: {limit: 10}\nmodels:\n  shop:\n    \
         +tags: nightly\n    marts: {+materialized: table, +tags: [mart]}\n",
    ),
    (
        "harness.yml",
        "paths: \"models/{layer}/{domain}/**\"\nterminal: [marts]\ndomains: [sales]\nlayers:\n  stg: {reads: [source]}\n  \
         marts: {reads: [stg, marts]}\nstaging: {ctes: [source, final], materialized: view, tags: [\"{source}\"]}\n",
    ),
    ("selectors.yml", "selectors: []\n"),
    (
        "models/shop.yml",
        "sources:\n  - name: raw\n    freshness: {warn_after: {count: 1, period: day}}\n    tables:\n      - name: orders\n        \
         columns: [{name: id, data_type: int, description: key, data_tests: [not_null]}]\n      - {name: events, freshness: null}\n\
         models:\n  - name: orders\n    description: All orders, {{ doc('money') }}.\n    access: public\n    group: finance\n    \
         config: {tags: [pii], meta: {owner: ann, contact: {email: a@b.c}}, unique_key: id}\n    columns:\n      - name: id\n        \
         data_tests:\n          - unique\n          - accepted_values: {arguments: {values: [1, 2]}, config: {where: id > 0}}\n\
         groups:\n  - {name: finance, owner: {email: f@b.c}}\n\
         exposures:\n  - name: board\n    type: dashboard\n    owner: {name: Ann}\n    depends_on: [\"ref('orders')\"]\n\
         metrics:\n  - {name: total, type: simple, type_params: {measure: amount}}\n\
         semantic_models:\n  - {name: sales, model: \"ref('orders')\", measures: [{name: amount}]}\n\
         saved_queries:\n  - {name: weekly, query_params: {metrics: [total]}}\n\
         unit_tests:\n  - {name: adds_up, model: orders}\n",
    ),
    (
        "models/stg/stg_orders.sql",
        "{{ config(materialized='view', tags=['raw'], pre_hook=['select 1']) }}\nselect *, 1e-3 as rate\n\
         from {{ source('raw', 'orders') }}\njoin raw.other on {{ env_var('REGION') }}\n",
    ),
    (
        "models/marts/orders.sql",
        "with final as (select {{ cents('x') }} from {{ ref('stg_orders') }})\nselect * from final\n\
         {% if is_incremental() %}where at > (select max(at) from {{ this }}){% endif %} -- {{ var('from') }}\n",
    ),
    ("models/marts/off.sql", "{{ config(enabled=false) }} select * from {{ ref('orders') }}\n"),
    (
        "models/entries.yml",
        "sources:\n  - name: loaded\n    description: From afar.\n    loader: own scripts\n    tables: [{name: days}]\n\
         models:\n  - name: behind\n    time_spine: {standard_granularity_column: at}\n    \
         columns: [{name: at, constraints: [{type: not_null}]}]\n  - name: rates\n    latest_version: 2\n    \
         versions: [{v: 1}, {v: 2}]\n\
         macros:\n  - name: cents\n    description: Cents.\n    arguments: [{name: x, description: An amount.}]\n",
    ),
    ("models/marts/rates_v1.sql", "select 1 as rate\n"),
    ("models/marts/rates_v2.sql", "select * from {{ ref('rates', v=1) }}\n"),
    ("models/marts/loop_a.sql", "select * from {{ ref('loop_b') }};\n"),
    (
        "models/marts/loop_b.sql",
        "select * from {{ ref('loop_a') }} {{ ref('orders') }} qualify row_number() over (partition by a order by b) = 1\n",
    ),
    ("models/marts/behind.sql", "select 60 * a, b * 60 from {{ ref('loop_a') }} join {{ ref('rates') }} using (a)\n"),
    ("models/notes.md", "{% docs money %}In cents.{% enddocs %}\n"),
    ("tests/no_gaps.sql", "select * from {{ ref('orders') }} where this_is_no_this\n"),
    ("tests/generic/even.sql", "{% test even(model, column_name) %}select 1 from {{ model }}{% endtest %}\n"),
    (
        "macros/cents.sql",
        "{% macro cents(x) %}{{ half(x) }} / 0.158987294928{% endmacro %}\n{% macro half(x) %}{{ x }} / 2{% endmacro %}\n",
    ),
    (
        "snapshots/snap.sql",
        "{% snapshot snap %}{{ config(unique_key='id') }} select * from {{ ref('orders') }}{% endsnapshot %}\n",
    ),
    ("analyses/look.sql", "select * from {{ ref('orders') }}\n"),
    ("seeds/codes.csv", "a\n1\n"),
];
