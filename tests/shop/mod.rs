//! A project of two layers that tests edit: sixty models a layer, macros, vars and YAML.

pub const HARNESS: &str = "extends: strict
paths: \"models/{layer}/**\"
layers:
  staging: {reads: [source, seed]}
  marts: {reads: [staging, marts]}
";

pub fn project() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = [
        ("dbt_project.yml", "name: shop\nvars: {limit: 10, other: 1}\nmodels: {shop: {+materialized: view}}\n"),
        (
            "macros/money.sql",
            "{% macro cents(x) %}{{ x }} / 100{% endmacro %}\n{% macro unused(x) %}{{ x }}{% endmacro %}\n",
        ),
        ("macros/hub.sql", "{% macro hub() %}{{ ref('stg_0') }}{% endmacro %}\n"),
        ("models/staging/sources.yml", "sources:\n  - name: raw\n    tables: [{name: a}, {name: b}]\n"),
        (
            "models/marts/marts.yml",
            "models:\n  - name: mart_0\n    description: One\n  - name: mart_1\n    description: Two\n",
        ),
        ("models/marts/limited.sql", "select * from {{ ref('stg_0') }} limit {{ var('limit') }}\n"),
        ("models/marts/hubbed.sql", "select * from {{ hub() }}\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .to_vec();
    for n in 0..60 {
        files.push((format!("models/staging/stg_{n}.sql"), "select * from {{ source('raw', 'a') }}\n".to_owned()));
        let text = format!("select {{{{ cents('x') }}}} as x from {{{{ ref('stg_{n}') }}}}\n");
        files.push((format!("models/marts/mart_{n}.sql"), text));
    }
    files
}
