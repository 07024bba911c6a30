//! The subset of dbt's manifest: what nodes are called, how they are configured, what they read.

use harness::db::settings::HouseRules;
use harness::db::{Database, Invocation};
use harness::files::Memory;
use harness::session::{Session, on_large_stacks};
use serde_json::{Value, json};

fn manifest(files: &[(&str, &str)]) -> Value {
    manifest_with(files, Invocation::default())
}

fn manifest_with(files: &[(&str, &str)], invocation: Invocation) -> Value {
    let mut all = vec![("dbt_project.yml", "name: shop\nprofile: shop\n")];
    all.retain(|(path, _)| files.iter().all(|(other, _)| other != path));
    all.extend_from_slice(files);
    let tree: Memory = all.into_iter().collect();
    let rendered = on_large_stacks(1, move || {
        let session = Session::load(Database::default(), &tree, HouseRules::default(), invocation);
        harness::report::manifest::render(&session.db)
    });
    serde_json::from_str(&rendered.unwrap()).unwrap()
}

fn ids(section: &Value) -> Vec<&str> {
    section.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn an_unversioned_ref_means_the_latest_version() {
    let shown = manifest(&[
        (
            "models/m.yml",
            "models:\n- name: a\n  latest_version: 1\n  config: {tags: [x]}\n  columns: [{name: id}]\n  \
             versions: [{v: 1}, {v: 2, defined_in: other, config: {alias: b}}]\n",
        ),
        ("models/a_v1.sql", "select 1"),
        ("models/other.sql", "select 1"),
        ("models/reads.sql", "select * from {{ ref('a') }} {{ log('x', info=True) }} {{ ref('a', v=2) }}"),
    ]);
    let nodes = &shown["nodes"];
    assert_eq!(ids(nodes), ["model.shop.a.v1", "model.shop.a.v2", "model.shop.reads"]);
    assert_eq!(nodes["model.shop.reads"]["depends_on"]["nodes"], json!(["model.shop.a.v1", "model.shop.a.v2"]));
    let second = &nodes["model.shop.a.v2"];
    assert_eq!(second["fqn"], json!(["shop", "a", "v2"]));
    assert_eq!([&second["alias"], &nodes["model.shop.a.v1"]["alias"]], ["b", "a_v1"]);
    assert_eq!([&second["version"], &second["latest_version"]], [2, 1]);
    assert_eq!(second["tags"], json!(["x"]));
    assert_eq!(ids(&second["columns"]), ["id"]);
}

#[test]
fn the_projects_own_macros_name_what_is_built() {
    let shown = manifest(&[
        ("models/m/a.sql", "{{ config(schema='s', database='d') }} select 1"),
        ("models/b.sql", "select 1"),
        (
            "macros/names.sql",
            "{% macro generate_schema_name(custom, node) %}\n  {% if custom is none %} {{ var('s', default=target.schema) }} \
             {% else %}{{ node.fqn[1] }}_{{ custom }}{% endif %}\n{% endmacro %}\
             {% macro generate_alias_name(custom, node) %}{{ return(node.name | upper) }}{% endmacro %}",
        ),
    ]);
    let names = |id: &str| ["database", "schema", "alias"].map(|key| shown["nodes"][id][key].clone());
    assert_eq!(names("model.shop.a"), ["d", "m_s", "A"]);
    assert_eq!(names("model.shop.b"), ["dev", "dev", "B"]);
}

#[test]
fn hooks_of_the_hierarchy_call_macros_and_name_parents() {
    let shown = manifest(&[
        (
            "dbt_project.yml",
            "name: shop\nmodels:\n  +post-hook: \"{{ audit('x') }}\"\n  shop:\n    +pre-hook: {sql: \"{{ stamp() }}\"}\n",
        ),
        ("models/a.sql", "select 1"),
        ("seeds/log.csv", "x\n1\n"),
        ("macros/m.sql", "{% macro audit(x) %}{{ ref('log') }}{% endmacro %}{% macro stamp() %}{% endmacro %}"),
    ]);
    let depends = &shown["nodes"]["model.shop.a"]["depends_on"];
    assert_eq!(depends["macros"], json!(["macro.shop.stamp", "macro.shop.audit"]));
    assert_eq!(depends["nodes"], json!(["seed.shop.log"]));
}

#[test]
fn the_semantic_layer_and_exposures_stand_on_each_other() {
    let shown = manifest(&[
        ("models/a.sql", "select 1"),
        (
            "models/m.yml",
            "semantic_models:\n- name: s\n  model: ref('a')\n  measures: [{name: n, create_metric: true}, {name: k}]\n\
             metrics:\n- {name: m, type: simple, type_params: {measure: k}}\n\
             - {name: r, type: ratio, type_params: {numerator: m, denominator: n}}\n\
             saved_queries:\n- name: q\n  query_params: {metrics: [r]}\n\
             exposures:\n- {name: e, type: dashboard, depends_on: [ref('a'), metric('m')]}\n\
             groups:\n- name: g\n  owner: {name: x}\n",
        ),
    ]);
    let parents = &shown["parent_map"];
    assert_eq!(parents["semantic_model.shop.s"], json!(["model.shop.a"]));
    assert_eq!(parents["metric.shop.m"], json!(["semantic_model.shop.s"]));
    assert_eq!(parents["metric.shop.r"], json!(["metric.shop.m", "metric.shop.n"]));
    assert_eq!(parents["saved_query.shop.q"], json!(["metric.shop.r"]));
    assert_eq!(parents["exposure.shop.e"], json!(["model.shop.a", "metric.shop.m"]));
    assert_eq!(ids(&shown["groups"]), ["group.shop.g"]);
}

/// As dbt 1.12 has it: of an exposure's and a model's tags the manifest makes one list.
#[test]
fn a_metrics_tags_stand_beside_its_config_and_what_a_test_inherits_is_no_setting_of_its_own() {
    let shown = manifest(&[
        ("models/a.sql", "select 1"),
        (
            "models/m.yml",
            "sources:\n- name: s\n  tags: [raw]\n  tables: [{name: t, columns: [{name: c, data_tests: [unique]}]}]\n\
             semantic_models:\n- {name: s, model: ref('a'), measures: [{name: k}]}\n\
             metrics:\n- {name: m, type: simple, type_params: {measure: k}, tags: [x], config: {tags: [y]}}\n\
             exposures:\n- {name: e, type: dashboard, tags: [x], config: {tags: [y]}}\n",
        ),
    ]);
    let metric = &shown["metrics"]["metric.shop.m"];
    assert_eq!([&metric["tags"], &metric["config"]["tags"]], [&json!(["x"]), &json!(["y"])]);
    assert_eq!(shown["exposures"]["exposure.shop.e"]["tags"], json!(["x", "y"]));
    let test = &shown["nodes"].as_object().unwrap().values().find(|node| node["resource_type"] == "test").unwrap();
    assert_eq!([&test["tags"], &test["config"]["tags"]], [&json!(["raw"]), &json!([])]);
}

/// `semantic_model:` and `metrics:` in an entry of `models:`, as dbt 1.12 reads them.
#[test]
fn what_stands_below_a_model_is_its_semantic_layer() {
    let shown = manifest(&[
        ("models/orders.sql", "select 1"),
        ("models/items_v1.sql", "select 1"),
        (
            "models/m.yml",
            "models:\n- name: orders\n  semantic_model: {name: sales, config: {meta: {a: 1}}}\n  metrics:\n  \
             - {name: sold, agg: sum, config: {meta: {b: 1}}}\n  \
             - {name: twice, type: derived, expr: sold * 2, input_metrics: [sold]}\n  \
             - {name: week, type: cumulative, input_metric: {name: sold}}\n\
             - name: gone\n  semantic_model: true\n\
             - name: items\n  semantic_model: true\n  versions: [{v: 1}]\n\
             metrics:\n- {name: share, type: ratio, numerator: sold, denominator: twice}\n",
        ),
    ]);
    assert_eq!(ids(&shown["semantic_models"]), ["semantic_model.shop.sales"]);
    assert_eq!(shown["semantic_models"]["semantic_model.shop.sales"]["config"]["meta"], json!({"a": 1}));
    let parents = |id: &str| shown["metrics"][id]["depends_on"]["nodes"].clone();
    assert_eq!(parents("metric.shop.sold"), json!(["semantic_model.shop.sales"]));
    assert_eq!(parents("metric.shop.twice"), json!(["metric.shop.sold"]));
    assert_eq!(parents("metric.shop.week"), json!(["metric.shop.sold"]));
    assert_eq!(parents("metric.shop.share"), json!(["metric.shop.sold", "metric.shop.twice"]));
    let sold = &shown["metrics"]["metric.shop.sold"];
    assert_eq!([&sold["meta"], &sold["config"]["meta"]], [&json!({}), &json!({"b": 1})]);
}

#[test]
fn a_project_replaces_parts_of_a_packages_source() {
    let shown = manifest(&[
        ("packages.yml", "packages:\n- local: pk\n"),
        ("pk/dbt_project.yml", "name: pk\n"),
        (
            "pk/models/s.yml",
            "sources:\n- name: crm\n  schema: raw\n  config: {tags: [x]}\n  tables:\n  \
             - {name: a, description: old, identifier: old_a, columns: [{name: id, data_tests: [unique]}]}\n  \
             - {name: b}\n",
        ),
        (
            "models/s.yml",
            "sources:\n- name: crm\n  overrides: pk\n  schema: other\n  tables:\n  \
             - {name: a, identifier: new_a, columns: [{name: id, data_tests: [not_null]}]}\n  - {name: nowhere}\n",
        ),
        ("models/m.sql", "select * from {{ source('crm', 'a') }}"),
    ]);
    let sources = &shown["sources"];
    assert_eq!(ids(sources), ["source.pk.crm.a", "source.pk.crm.b"]);
    let table = &sources["source.pk.crm.a"];
    assert_eq!([&table["schema"], &table["identifier"], &table["description"]], ["other", "new_a", "old"]);
    assert_eq!([&table["tags"], &sources["source.pk.crm.b"]["schema"]], [&json!([]), &json!("other")]);
    let tests = ids(&shown["nodes"]).into_iter().filter(|id| id.starts_with("test.")).collect::<Vec<_>>();
    assert!(matches!(tests.as_slice(), [id] if id.starts_with("test.pk.source_not_null_crm_a_id.")), "{tests:?}");
}

#[test]
fn macros_show_what_they_call_and_where_a_dispatch_leads() {
    let shown = manifest(&[
        (
            "macros/m.sql",
            "{% macro a() %}{{ return(adapter.dispatch('a')()) }}{{ dbt.dateadd('d', 1, x) }}{{ b() }}{% endmacro %}\
             {% macro default__a() %}{% endmacro %}{% macro b() %}{{ ref('x') }}{{ nobody() }}{% endmacro %}",
        ),
        ("tests/generic/t.sql", "{% test even(model) %}select 1{% endtest %}"),
        ("tests/t.sql", "{% macro not_read() %}{% endmacro %}select 1"),
        ("models/d.md", "{% docs one %}text{% enddocs %}"),
        ("selectors.yml", "selectors:\n- {name: nightly, definition: 'tag:x'}\n"),
    ]);
    let macros = &shown["macros"];
    assert_eq!(ids(macros), ["macro.shop.a", "macro.shop.b", "macro.shop.default__a", "macro.shop.test_even"]);
    assert_eq!(
        macros["macro.shop.a"]["depends_on"]["macros"],
        json!(["macro.shop.default__a", "macro.dbt.dateadd", "macro.shop.b"])
    );
    assert_eq!(macros["macro.shop.b"]["depends_on"]["macros"], json!([]));
    assert_eq!(ids(&shown["docs"]), ["doc.shop.one"]);
    assert_eq!(ids(&shown["selectors"]), ["nightly"]);
}

#[test]
fn a_name_that_is_jinja_is_rendered_before_anything_is_made_of_it() {
    let shown = manifest(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\nvars: {raw: landing}\n"),
        ("models/a.sql", "select * from {{ source('landing', 'orders') }}"),
        (
            "models/m.yml",
            "sources:\n- name: \"{{ var('raw') }}\"\n  tables:\n  - name: \"or{{ 'ders' }}\"\n    \
             columns: [{name: \"{{ 'id' }}\", description: \"{{ doc('x') }}\", tests: [not_null]}]\n\
             groups: [{name: \"{{ var('raw') }}\", owner: {name: x}}]\n",
        ),
    ]);
    let source = &shown["sources"]["source.shop.landing.orders"];
    assert_eq!([&source["schema"], &source["identifier"]], ["landing", "orders"]);
    assert_eq!(source["columns"]["id"]["description"], "{{ doc('x') }}");
    assert_eq!(shown["parent_map"]["model.shop.a"], json!(["source.shop.landing.orders"]));
    assert_eq!(ids(&shown["groups"]), ["group.shop.landing"]);
    assert!(ids(&shown["nodes"]).iter().any(|id| id.starts_with("test.shop.source_not_null_landing_orders_id.")));
}

#[test]
fn a_switch_in_yaml_is_a_text_within_an_expression() {
    let shown = manifest(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels:\n  shop:\n    \
             a: {+enabled: \"{{ var('off', false) | as_bool }}\"}\n    \
             b: {+enabled: \"{{ (var('off', false) | as_bool) and (var('on', true) | as_bool) }}\"}\n    \
             c: {+enabled: \"{{ target.name == 'dev' | as_bool() }}\"}\n    \
             d: {+enabled: \"{{ target.name in ['prod', 'dev'] | as_bool }}\"}\n    \
             e: {+enabled: \"{{ target.name in ['prod'] | as_bool }}\"}\n",
        ),
        ("models/a.sql", "select 1"),
        ("models/b.sql", "select 1"),
        ("models/c.sql", "select 1"),
        ("models/d.sql", "select 1"),
        ("models/e.sql", "select 1"),
    ]);
    assert_eq!(ids(&shown["nodes"]), ["model.shop.b", "model.shop.c", "model.shop.d"]);
    assert_eq!(ids(&shown["disabled"]), ["model.shop.a", "model.shop.e"]);
}

#[test]
fn a_dispatch_into_no_package_looks_as_if_it_named_none() {
    let shown = manifest(&[
        (
            "macros/m.sql",
            "{% macro a() %}{{ return(adapter.dispatch('b', 'nobody')()) }}{% endmacro %}\
             {% macro default__b() %}{{ ref('x') }}{% endmacro %}",
        ),
        ("models/x.sql", "select 1"),
        ("models/y.sql", "select * from {{ a() }}"),
    ]);
    assert_eq!(shown["macros"]["macro.shop.a"]["depends_on"]["macros"], json!(["macro.shop.default__b"]));
    assert_eq!(shown["parent_map"]["model.shop.y"], json!(["model.shop.x"]));
}

#[test]
fn an_argument_may_default_to_one_before_it_and_stand_behind_others_with_defaults() {
    let shown = manifest(&[
        (
            "macros/m.sql",
            "{% macro either(first, sep=',', second=first, third='z') %}{{ ref(second) }}{{ ref(third) }}{% endmacro %}",
        ),
        ("models/x.sql", "select 1"),
        ("models/z.sql", "select 1"),
        ("models/one.sql", "{{ either('x') }}"),
        ("models/two.sql", "{{ either('x', second='z') }}"),
    ]);
    assert_eq!(shown["parent_map"]["model.shop.one"], json!(["model.shop.x", "model.shop.z"]));
    assert_eq!(shown["parent_map"]["model.shop.two"], json!(["model.shop.z"]));
}

#[test]
fn a_model_may_be_a_semantic_model_with_metrics_of_its_own() {
    let shown = manifest(&[
        ("models/a.sql", "select 1"),
        (
            "models/m.yml",
            "models:\n- name: a\n  semantic_model: {name: s}\n  metrics:\n  - {name: m, type: simple, agg: sum, expr: x}\n  \
             - {name: c, type: cumulative, input_metric: m}\n\
             - {name: gone, semantic_model: true, metrics: [{name: n, type: simple, agg: sum}]}\n\
             metrics:\n- {name: d, type: derived, expr: m - c, input_metrics: [m, {name: c}]}\n",
        ),
    ]);
    let parents = &shown["parent_map"];
    assert_eq!(ids(&shown["semantic_models"]), ["semantic_model.shop.s"]);
    assert_eq!(parents["semantic_model.shop.s"], json!(["model.shop.a"]));
    assert_eq!(parents["metric.shop.m"], json!(["semantic_model.shop.s"]));
    assert_eq!(parents["metric.shop.c"], json!(["metric.shop.m"]));
    assert_eq!(parents["metric.shop.d"], json!(["metric.shop.m", "metric.shop.c"]));
    assert_eq!(ids(&shown["metrics"]).len(), 3);
}

#[test]
fn a_var_that_is_jinja_is_a_text_whatever_it_says() {
    let shown = manifest(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\nvars: {never: \"{{ 1 == 2 }}\"}\n"),
        ("models/a.sql", "select 1"),
        ("models/b.sql", "{% if var('never') == 'False' and var('never') %}select * from {{ ref('a') }}{% endif %}"),
    ]);
    assert_eq!(shown["parent_map"]["model.shop.b"], json!(["model.shop.a"]));
}

#[test]
fn extensions_count_in_any_case_and_names_of_editors_do_not() {
    let shown = manifest(&[
        ("models/Loud.SQL", "select 1"),
        ("models/p.Py", "select 1"),
        ("models/x.y.sql", "select * from {{ ref('Loud') }}"),
        ("models/.kept/deep.sql", "select 1"),
        ("models/~a.sql", "select 1"),
        ("models/#b.sql", "select 1"),
        ("models/.c.sql", "select 1"),
        ("models/j.sql.j2", "select 1"),
        ("models/.git/g.sql", "select 1"),
        ("models/Y.YML", "models: [{name: Loud, description: told}]"),
        ("seeds/S.Csv", "a\n1\n"),
    ]);
    let names = ["model.shop.Loud", "model.shop.deep", "model.shop.p", "model.shop.x.y", "seed.shop.S"];
    assert_eq!(ids(&shown["nodes"]), names);
    assert_eq!(shown["nodes"]["model.shop.Loud"]["description"], "told");
    assert_eq!(shown["nodes"]["model.shop.x.y"]["depends_on"]["nodes"], json!(["model.shop.Loud"]));
}

#[test]
fn an_extension_of_jinja_counts_where_the_flag_says_so() {
    let shown = manifest(&[
        ("dbt_project.yml", "name: shop\nflags: {allow_jinja_file_extensions: true}\n"),
        ("models/a.sql.j2", "select 1"),
        ("models/b.sql.JINJA", "select 1"),
        ("models/c.jinja.sql", "select 1"),
        ("models/d.yml.j2", "models: nothing"),
        ("models/ver_v1.sql.jinja2", "select 1"),
        ("models/ver.yml", "models: [{name: ver, versions: [{v: 1}]}]"),
    ]);
    assert_eq!(ids(&shown["nodes"]), ["model.shop.a", "model.shop.b.sql", "model.shop.c.jinja", "model.shop.ver.v1"]);
}

#[test]
fn vars_may_stand_in_a_file_of_their_own_which_dbt_project_yml_sees() {
    let shown = manifest(&[
        (
            "dbt_project.yml",
            "name: shop\nmodel-paths: [\"{{ var('where') }}\"]\nmodels: {+schema: \"{{ var('side') }}\"}\n",
        ),
        ("vars.yml", "vars: {where: ./code/, side: attic, shop: {deep: yes_}}\n"),
        ("code/a.sql", "{{ config(alias=var('deep')) }} select 1"),
        ("models/b.sql", "select 1"),
    ]);
    let nodes = &shown["nodes"];
    assert_eq!(ids(nodes), ["model.shop.a"]);
    assert_eq!([&nodes["model.shop.a"]["schema"], &nodes["model.shop.a"]["alias"]], ["dev_attic", "yes_"]);
}

#[test]
fn macros_that_make_names_see_the_node_as_dbt_shows_it() {
    let shown = manifest(&[
        (
            "dbt_project.yml",
            "name: shop\nmodels: {shop: {+tags: [daily], sub: {+tags: [daily, core], +schema: \"{{ 'b' }}\"}}}\n",
        ),
        (
            "macros/names.sql",
            "{% macro generate_alias_name(custom, node) %}{{ return([node.path, node.tags | join('+'), \
             node.unrendered_config.get('schema'), node.unrendered_config.alias, node.config.enabled, \
             node.config.database is none, node.version is number, node.description, node.language, \
             node.refs | map(attribute='name') | join('+')] | join('|')) }}{% endmacro %}",
        ),
        ("models/sub/a.sql", "{{ config(alias='al' ~ 'ias', tags='x') }} select * from {{ ref('b') }}"),
        ("models/b.sql", "{{ config(schema='own') }} select 1"),
        (
            "models/b.yml",
            "models: [{name: b, description: told, config: {tags: [yaml, daily]}, columns: [{name: id, data_tests: [unique]}]}]",
        ),
        ("models/v.yml", "models: [{name: v, versions: [{v: 1}]}]"),
        ("models/v_v1.sql", "select 1"),
    ]);
    let nodes = &shown["nodes"];
    let alias = |id: &str| nodes[id]["alias"].as_str().unwrap().to_owned();
    assert_eq!(alias("model.shop.a"), "sub/a.sql|daily+core+x|{{ 'b' }}|'al' ~ 'ias'|True|True|False||sql|b");
    assert_eq!(alias("model.shop.b"), "b.sql|daily+yaml|own||True|True|False||sql|");
    assert_eq!(alias("model.shop.v.v1"), "v_v1.sql|daily|None||True|True|True||sql|");
    let test = ids(nodes).into_iter().find(|id| id.starts_with("test.")).unwrap();
    assert!(alias(test).starts_with("unique_b_id.sql|"), "{}", alias(test));
    assert_eq!(nodes["model.shop.a"]["tags"], json!(["daily", "core", "x"]));
}

#[test]
fn analyses_have_paths_and_settings_of_their_own_where_the_flag_says_so() {
    let files = |flags: &str| {
        let project = format!("name: shop\n{flags}models: {{+tags: m}}\nanalyses: {{+tags: a}}\n");
        manifest(&[("dbt_project.yml", project.as_str()), ("analyses/deep/q.sql", "select 1")])["nodes"]["analysis.shop.q"].clone()
    };
    let (old, new) = (files(""), files("flags: {require_corrected_analysis_fqns: true}\n"));
    assert_eq!([&old["fqn"], &new["fqn"]], [&json!(["shop", "analysis", "deep", "q"]), &json!(["shop", "deep", "q"])]);
    assert_eq!([&old["tags"], &new["tags"]], [&json!(["m"]), &json!(["a"])]);
}

#[test]
fn where_nothing_tells_the_adapter_the_edges_of_all_branches_are_there() {
    let unknown = || Invocation { target: [("type".to_owned(), json!("__unknown__"))].into(), ..Invocation::default() };
    let files = [
        ("models/a.sql", "select 1"),
        ("models/b.sql", "select 1"),
        ("models/c.sql", "select 1"),
        (
            "models/reads.sql",
            "{{ config(alias='x' if target.type == 'snowflake' else 'y') }}\n\
          {% if target.type == 'snowflake' %}{{ ref('a') }}{% else %}{{ ref('b') }}{% endif %} {{ pick() }}{{ ref('d') }}",
        ),
        ("models/d.sql", "select 1"),
        (
            "macros/pick.sql",
            "{% macro pick() %}{{ adapter.dispatch('pick')() }}{% endmacro %}\n\
          {% macro default__pick() %}{{ exceptions.raise_compiler_error('no') }}{% endmacro %}\n\
          {% macro bigquery__pick() %}{{ ref('c') }}{% endmacro %}",
        ),
    ];
    let shown = manifest_with(&files, unknown());
    let reads = &shown["nodes"]["model.shop.reads"];
    let parents: std::collections::BTreeSet<&str> =
        reads["depends_on"]["nodes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(
        parents.into_iter().collect::<Vec<_>>(),
        ["model.shop.a", "model.shop.b", "model.shop.c", "model.shop.d"]
    );
    assert_eq!(reads["alias"], "__unknown__");
}

#[test]
fn paths_of_packages_may_hold_jinja_and_packages_see_no_vars_of_the_project() {
    let shown = manifest(&[
        ("dbt_project.yml", "name: shop\npackages-install-path: \"{{ env_var('NOWHERE_SET', 'pk') }}\"\n"),
        ("packages.yml", "packages: [{local: \"{{ env_var('NOWHERE_SET', 'libs') }}/own\"}]\n"),
        ("vars.yml", "vars: {where: other}\n"),
        ("pk/a/dbt_project.yml", "name: a\nmodel-paths: [\"{{ var('where', 'models') }}\"]\n"),
        ("pk/a/models/m.sql", "select 1"),
        ("pk/a/other/n.sql", "select 1"),
        ("libs/own/dbt_project.yml", "name: own\n"),
        ("libs/own/models/o.sql", "select 1"),
        ("models/reads.sql", "select * from {{ ref('m') }} {{ ref('own', 'o') }}"),
    ]);
    let parents = json!(["model.a.m", "model.own.o"]);
    assert_eq!(shown["nodes"]["model.shop.reads"]["depends_on"]["nodes"], parents);
    assert!(shown["nodes"]["model.a.n"].is_null());
}
