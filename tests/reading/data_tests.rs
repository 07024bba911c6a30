//! Data tests in the manifest: names and hashes as dbt makes them, parents, macros and settings.

use harness::db::settings::HouseRules;
use harness::db::{Database, FileKind, Invocation};
use harness::files::{Content, Memory};
use harness::project::data_tests::{test_span, tests_of_package, unknown_kind};
use harness::report::manifest;
use harness::session::Session;
use serde_json::{Value, json};

const PROJECT: &str = "name: shop
on-run-start: \"{{ greet() }}\"
data_tests:
  shop:
    +tags: nightly
    silent: {+enabled: false}
    sales: {+severity: warn}
models:
  shop:
    old: {+enabled: false}
";

const MACROS: &str = "{% macro greet() %}{% endmacro %}";

const TEST_MACROS: &str = "{% test in_order(model, column_name, steps) %}
{{ config(limit=5) }} select * from {{ model }} join {{ ref('steps') }}
{% endtest %}";

const SALES: &str = "models:
  - name: orders
    columns:
      - name: id
        tags: [keys]
        tests: [unique]
      - name: state
        data_tests:
          - accepted_values: {values: [\"it's\", 1.5, null, 2020-01-31]}
          - shop.in_order:
              arguments: {steps: [a really long first step, and a second one]}
              config: {severity: error, where: \"x > '{{ target.name }}'\"}
          - not_null: {name: state_is_there, severity: error, description: always}
      - name: customer
        tests:
          - relationships: {arguments: {to: ref('customers'), field: id}}
  - name: customers
    tests: [nobodys, elsewhere.thing]
sources:
  - name: crm
    tags: [outside]
    tables:
      - name: people
        columns:
          - {name: id, config: {tags: pii}, data_tests: [not_null]}
unit_tests:
  - {name: adds_up, model: orders, given: [], expect: {rows: []}}
  - {name: of_old, model: gone, given: [], expect: {rows: []}}
data_tests:
  - {name: all_paid, description: nobody owes, config: {tags: money}}
";

const OLD: &str = "models:\n  - name: gone\n    columns: [{name: id, tests: [unique]}]\n";

const SILENT: &str = "models:\n  - name: orders\n    tests: [unique]\n";

fn session() -> Session {
    let files = [
        ("dbt_project.yml", PROJECT),
        ("macros/greet.sql", MACROS),
        ("tests/generic/in_order.sql", TEST_MACROS),
        ("tests/money/all_paid.sql", "select * from {{ ref('orders') }} where {{ greet() }}"),
        ("models/sales/orders.sql", "select 1"),
        ("models/sales/customers.sql", "select 1"),
        ("models/sales/steps.sql", "select 1"),
        ("models/sales/sales.yml", SALES),
        ("models/old/gone.sql", "select 1"),
        ("models/old/old.yml", OLD),
        ("models/silent/silent.yml", SILENT),
    ];
    let tree: Memory = files.into_iter().collect();
    Session::load(Database::counting(), &tree, HouseRules::default(), Invocation::default())
}

fn document(session: &Session) -> Value {
    serde_json::from_str(&manifest::render(&session.db)).unwrap_or_else(|error| panic!("{error}"))
}

fn node(document: &Value, id: &str) -> Value {
    let found = document["nodes"].get(id).cloned();
    found.unwrap_or_else(|| {
        let ids: Vec<_> = document["nodes"].as_object().into_iter().flat_map(|nodes| nodes.keys()).collect();
        panic!("no {id} in {ids:#?}")
    })
}

#[test]
fn names_and_hashes_are_those_dbt_makes() {
    let document = document(&session());
    for id in [
        "test.shop.unique_orders_id.1360ecc70e",
        "test.shop.accepted_values_orders_state__it_s__1_5__None__2020_01_31.679186eafe",
        "test.shop.relationships_orders_customer__id__ref_customers_.dc0677c4a1",
        "test.shop.state_is_there.bcd4ec196b",
        "test.shop.source_not_null_crm_people_id.2f97d3da9f",
    ] {
        node(&document, id);
    }
    let cut =
        node(&document, "test.shop.shop_in_order_orders_state__a_really_long_first_step__and_a_second_one.a41c79f632");
    assert_eq!(cut["alias"], "shop_in_order_orders_939ce1f84bd3547e4eec3bba272c7081");
    assert_eq!(
        cut["test_metadata"],
        json!({"name": "in_order", "namespace": "shop", "kwargs": {
            "steps": ["a really long first step", "and a second one"],
            "column_name": "state",
            "model": "{{ get_where_subquery(ref('orders')) }}",
        }})
    );
    assert_eq!(cut["attached_node"], "model.shop.orders");
    assert_eq!(cut["column_name"], "state");
}

#[test]
fn parents_come_from_arguments_and_from_the_macro_of_the_test() {
    let document = document(&session());
    let depends = |id: &str| node(&document, id)["depends_on"].clone();
    assert_eq!(
        depends("test.shop.relationships_orders_customer__id__ref_customers_.dc0677c4a1"),
        json!({
            "nodes": ["model.shop.orders", "model.shop.customers"],
            "macros": ["macro.dbt.test_relationships", "macro.dbt.get_where_subquery"],
        })
    );
    assert_eq!(
        depends("test.shop.shop_in_order_orders_state__a_really_long_first_step__and_a_second_one.a41c79f632"),
        json!({
            "nodes": ["model.shop.orders", "model.shop.steps"],
            "macros": ["macro.shop.test_in_order", "macro.dbt.get_where_subquery"],
        })
    );
    assert_eq!(
        depends("test.shop.unique_orders_id.1360ecc70e"),
        json!({"nodes": ["model.shop.orders"], "macros": ["macro.dbt.test_unique"]})
    );
    assert_eq!(
        depends("test.shop.source_not_null_crm_people_id.2f97d3da9f")["nodes"],
        json!(["source.shop.crm.people"])
    );
}

#[test]
fn settings_come_from_the_folder_the_macro_and_the_declaration() {
    let document = document(&session());
    let there = node(&document, "test.shop.state_is_there.bcd4ec196b");
    assert_eq!(there["config"]["severity"], "error");
    assert_eq!(there["description"], "always");
    assert_eq!(there["fqn"], json!(["shop", "sales", "state_is_there"]));
    assert_eq!(node(&document, "test.shop.unique_orders_id.1360ecc70e")["config"]["severity"], "warn");
    let cut =
        node(&document, "test.shop.shop_in_order_orders_state__a_really_long_first_step__and_a_second_one.a41c79f632");
    assert_eq!(cut["config"]["limit"], 5);
    assert_eq!(cut["config"]["where"], "x > 'dev'");
    assert_eq!(cut["config"]["severity"], "error");
    let off = document["disabled"].as_object().into_iter().flat_map(|all| all.keys());
    assert!(off.into_iter().any(|id| id.starts_with("test.shop.unique_orders_.")));
}

#[test]
fn tags_are_inherited_from_columns_and_sources_and_not_from_models() {
    let document = document(&session());
    let tags = |id: &str| node(&document, id)["tags"].clone();
    assert_eq!(tags("test.shop.unique_orders_id.1360ecc70e"), json!(["keys", "nightly"]));
    assert_eq!(tags("test.shop.source_not_null_crm_people_id.2f97d3da9f"), json!(["outside", "pii", "nightly"]));
}

#[test]
fn a_test_of_a_disabled_model_stays_and_is_off() {
    let document = document(&session());
    let old = node(&document, "test.shop.unique_gone_id.1b79db12b7");
    assert_eq!(old["config"]["enabled"], false);
    assert_eq!(old["depends_on"]["nodes"], json!([]));
    assert_eq!(old["attached_node"], "model.shop.gone");
}

#[test]
fn a_test_that_nobody_defines_is_known_with_its_place() {
    let session = session();
    let db = &session.db;
    let found = tests_of_package(db, session.project.root(db)).into_iter().filter_map(|test| {
        let kind = unknown_kind(db, test)?;
        Some((kind.to_string(), test_span(db, test).of(SALES).to_owned()))
    });
    let found: Vec<(String, String)> = found.collect();
    // The other one is of a package that nobody declares.
    let expected = [("nobodys", "nobodys"), ("elsewhere.thing", "elsewhere.thing")];
    assert_eq!(found, expected.map(|(kind, text)| (kind.to_owned(), text.to_owned())));
}

#[test]
fn singular_tests_operations_and_unit_tests_are_nodes() {
    let document = document(&session());
    let paid = node(&document, "test.shop.all_paid");
    assert_eq!(paid["fqn"], json!(["shop", "money", "all_paid"]));
    assert_eq!(paid["tags"], json!(["nightly", "money"]));
    assert_eq!(paid["description"], "nobody owes");
    assert_eq!(paid["depends_on"], json!({"nodes": ["model.shop.orders"], "macros": ["macro.shop.greet"]}));
    let operation = node(&document, "operation.shop.shop-on-run-start-0");
    assert_eq!(operation["tags"], json!(["on-run-start"]));
    assert_eq!(operation["depends_on"]["macros"], json!(["macro.shop.greet"]));
    let unit = &document["unit_tests"]["unit_test.shop.orders.adds_up"];
    assert_eq!(unit["depends_on"]["nodes"], json!(["model.shop.orders"]));
    assert!(document["disabled"].get("unit_test.shop.gone.of_old").is_some());
}

/// Tests of one file are queries of their own: an edit of one renders no other again.
#[test]
fn an_edit_of_one_test_renders_no_other() {
    let mut session = session();
    let files = session.project.root(&session.db).directories(&session.db);
    let file = files
        .iter()
        .flat_map(|directory| directory.files(&session.db))
        .find(|file| file.kind(&session.db) == FileKind::Properties && file.path(&session.db).ends_with("sales.yml"));
    let file = *file.unwrap_or_else(|| panic!("no sales.yml"));
    let mut edit = |word: &str| {
        let edited = SALES.replace("a second one", word);
        session.db.set_content(file, Content::Text(edited.into()));
        document(&session);
        session.db.take_executed()
    };
    // A file that was never edited counts as stable, which its first edit ends.
    edit("a third one");
    let executed = edit("a fourth one");
    assert_eq!(executed.get("declared_in"), Some(&1), "{executed:?}");
    assert_eq!(executed.get("called"), Some(&1), "{executed:?}");
    assert_eq!(executed.get("rendering"), Some(&1), "{executed:?}");
}

#[test]
fn each_version_of_a_model_has_tests_and_unit_tests_of_its_own() {
    let yaml = "models:
  - name: items
    columns: [{name: id, tests: [unique]}]
    versions: [{v: 1, columns: [{include: all, exclude: [id]}]}, {v: 2}]
unit_tests:
  - {name: adds_up, model: items, given: [], expect: {rows: []}}
  - {name: is_new, model: items, versions: {exclude: [1]}, given: [], expect: {rows: []}}
";
    let files = [
        ("dbt_project.yml", "name: shop"),
        ("models/items.yml", yaml),
        ("models/items_v1.sql", "select 1"),
        ("models/items_v2.sql", "select 1"),
    ];
    let tree: Memory = files.into_iter().collect();
    let session = Session::load(Database::default(), &tree, HouseRules::default(), Invocation::default());
    let document = document(&session);
    let tests = document["nodes"].as_object().into_iter().flatten().filter(|(id, _)| id.starts_with("test."));
    let tests: Vec<_> = tests.map(|(id, test)| (id.as_str(), test["attached_node"].clone())).collect();
    assert_eq!(tests, [("test.shop.unique_items_v2_id.69113ab0e0", json!("model.shop.items.v2"))]);
    let units: Vec<_> = document["unit_tests"].as_object().into_iter().flat_map(|units| units.keys()).collect();
    assert_eq!(
        units,
        ["unit_test.shop.items.adds_up_v1", "unit_test.shop.items.adds_up_v2", "unit_test.shop.items.is_new_v2",]
    );
}

/// The manifest of a project of a few files.
fn manifest_of(files: &[(&str, &str)]) -> Value {
    let tree: Memory = files.iter().copied().collect();
    document(&Session::load(Database::default(), &tree, HouseRules::default(), Invocation::default()))
}

/// The one test whose id begins like this.
fn test_like(document: &Value, start: &str) -> Value {
    let nodes = document["nodes"].as_object().into_iter().flatten();
    let found: Vec<_> = nodes.filter(|(id, _)| id.starts_with(start)).map(|(_, node)| node.clone()).collect();
    assert_eq!(found.len(), 1, "{start}");
    found.into_iter().next().unwrap_or_default()
}

#[test]
fn an_argument_names_only_macros_that_the_test_itself_leads_to() {
    let document = manifest_of(&[
        ("dbt_project.yml", "name: shop\n"),
        ("models/a.sql", "select 1"),
        ("models/b.sql", "select 1"),
        (
            "models/m.yml",
            "models:\n- name: a\n  tests:\n  - among: {values: \"{{ helper() }}\"}\n  \
             - plain: {values: \"{{ helper() }}\"}\n  - accepted: {values: \"{{ shop.other() }}\"}\n",
        ),
        (
            "macros/m.sql",
            "{% macro helper() %}{{ ref('b') }}{% endmacro %}{% macro other() %}{{ ref('b') }}{% endmacro %}\
             {% test among(model, values) %}{% if execute %}{{ helper() }}{% endif %}{{ model }}{% endtest %}\
             {% test plain(model, values) %}{{ model }}{% endtest %}\
             {% test accepted(model, values) %}{{ model }}{{ helper() }}{% endtest %}",
        ),
    ]);
    let called = |start: &str| test_like(&document, start)["depends_on"].clone();
    let (a, b) = ("model.shop.a", "model.shop.b");
    assert_eq!(
        called("test.shop.among_a_"),
        json!({"nodes": [a, b], "macros": ["macro.shop.test_among", "macro.dbt.get_where_subquery", "macro.shop.helper"]})
    );
    assert_eq!(
        called("test.shop.plain_a_"),
        json!({"nodes": [a], "macros": ["macro.shop.test_plain", "macro.dbt.get_where_subquery"]})
    );
    assert_eq!(
        called("test.shop.accepted_a_"),
        json!({"nodes": [a, b], "macros": ["macro.shop.test_accepted", "macro.dbt.get_where_subquery"]})
    );
}

#[test]
fn a_switch_beside_the_arguments_counts_also_where_it_is_off() {
    let document = manifest_of(&[
        ("dbt_project.yml", "name: shop\n"),
        ("models/a.sql", "select 1"),
        (
            "models/m.yml",
            "models:\n- name: a\n  columns:\n  - {name: x, tests: [not_null: {enabled: false}]}\n  \
             - {name: y, tests: [not_null: {enabled: false, config: {enabled: true}}]}\n",
        ),
    ]);
    let disabled: Vec<_> = document["disabled"].as_object().into_iter().flat_map(|ids| ids.keys()).collect();
    assert_eq!(disabled.len(), 1);
    assert!(disabled[0].starts_with("test.shop.not_null_a_x."));
    test_like(&document, "test.shop.not_null_a_y.");
}

#[test]
fn a_test_has_the_group_of_its_node_and_an_alias_from_the_projects_macro() {
    let document = manifest_of(&[
        ("dbt_project.yml", "name: shop\n"),
        ("models/a.sql", "select 1"),
        ("models/m.yml", "groups: [{name: g, owner: {name: x}}]\nmodels: [{name: a, group: g, tests: [unique]}]\n"),
        ("tests/t.sql", "select * from {{ ref('a') }}"),
        (
            "macros/m.sql",
            "{% macro generate_alias_name(custom_alias_name, node) %}\
             {{ node.resource_type }}_{{ custom_alias_name or node.name }}{% endmacro %}",
        ),
    ]);
    let generic = test_like(&document, "test.shop.unique_a_");
    assert_eq!([&generic["group"], &generic["alias"]], ["g", "test_unique_a_"]);
    assert_eq!(node(&document, "test.shop.t")["alias"], "test_t");
}
