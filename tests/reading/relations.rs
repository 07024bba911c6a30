//! The base relations: what they hold, that they hold it once, and where each row stands.

use harness::db::settings::HouseRules;
use harness::db::{Before, Database, Invocation};
use harness::files::{Content, Disk, Memory, Tree};
use harness::relations::places::Place;
use harness::relations::{ALL, Cell, Kind, Type, by_name};
use harness::report::manifest;
use harness::rules::registry::Registry;
use harness::session::{Session, house_rules, on_large_stacks};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A project that has what the fixtures lack.
const SHOP: &[(&str, &str)] = &[
    (
        "dbt_project.yml",
        "name: shop\nprofile: shop\ndocs-paths: [models]\non-run-end: \"{{ log(var('noise', 'x')) }}\"\nmodels:\n  shop:\n    +tags: nightly\n    \
         marts: {+materialized: table, +tags: [mart]}\n",
    ),
    ("selectors.yml", "selectors: []\n"),
    (
        "models/shop.yml",
        "sources:\n  - name: raw\n    freshness: {warn_after: {count: 1, period: day}}\n    tables:\n      - name: orders\n        \
         columns: [{name: id, data_type: int, description: key, data_tests: [not_null]}]\n      - {name: events, freshness: null}\n\
         models:\n  - name: orders\n    description: All orders.\n    access: public\n    group: finance\n    \
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
        "{{ config(materialized='view', tags=['raw'], pre_hook=['select 1']) }}\nselect *, 1e-3 as rate\nfrom {{ source('raw', 'orders') }}\njoin raw.other on {{ env_var('REGION') }}\n",
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
         columns: [{name: at, constraints: [{type: not_null}]}]\n\
         macros:\n  - name: cents\n    description: Cents.\n    arguments: [{name: x, description: An amount.}]\n",
    ),
    ("models/marts/loop_a.sql", "select * from {{ ref('loop_b') }};\n"),
    (
        "models/marts/loop_b.sql",
        "select * from {{ ref('loop_a') }} {{ ref('orders') }} qualify row_number() over (partition by a order by b) = 1\n",
    ),
    ("models/marts/behind.sql", "select 60 * a, b * 60 from {{ ref('loop_a') }}\n"),
    ("models/marts/by_name.sql", "select 1 as a from Dev.ORDERS\n"),
    ("models/notes.md", "{% docs money %}In cents.{% enddocs %}\n"),
    ("tests/no_gaps.sql", "select * from {{ ref('orders') }} where this_is_no_this\n"),
    (
        "macros/cents.sql",
        "{% macro cents(x) %}{{ half(x) }} / 0.158987294928{% endmacro %}\n{% macro half(x) %}{{ x }} / 2{% endmacro %}\n\
         {% test positive(model, column_name) %}select 1{% endtest %}\n",
    ),
    ("seeds/codes.csv", "a\n1\n"),
];

const SHOP_RULES: &str = "paths: \"models/{layer}/{domain}/**\"\nterminal: [marts]\ndomains: [sales]\nlayers:\n  stg: {reads: [source]}\n  marts: {reads: [stg, marts]}\n\
                          staging: {ctes: [source, final], materialized: view, tags: [\"{source}\"]}\n";

/// Runs a test on one project at a time, with its name.
fn on_each(test: impl Fn(&str, &Session) + Sync) {
    let registry = Registry::embedded().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for name in Disk::new(&folder).folders("") {
        let disk = Disk::new(&folder.join(&name));
        let house = match disk.read("harness.yml") {
            Content::Text(text) => house_rules(registry, &text).unwrap(),
            _ => HouseRules::default(),
        };
        on_large_stacks(2, || {
            test(&name, &Session::load(Database::default(), &disk, house, Invocation::default()));
        })
        .unwrap();
    }
    on_shop(|session| test("shop", session));
}

fn on_shop<R: Send>(test: impl FnOnce(&Session) -> R + Send) -> R {
    let house = house_rules(Registry::embedded().unwrap(), SHOP_RULES).unwrap();
    let tree: Memory = SHOP.iter().copied().collect();
    on_large_stacks(2, || {
        let mut session = Session::load(Database::default(), &tree, house, Invocation::default());
        let changed = ["models/marts/behind.sql".into()].into();
        session.compare_with(Some(Before { changed, ..Before::default() }));
        test(&session)
    })
    .unwrap()
}

/// The rows as text, one cell each.
fn rows(db: &dyn salsa::Database, name: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    (by_name(name).unwrap().visit)(db, &mut |row| found.push(row.iter().map(shown).collect()));
    found
}

fn shown(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Text(text) | Cell::Decimal(text) => (*text).to_owned(),
        Cell::Int(number) => number.to_string(),
    }
}

/// The rows with their places.
fn placed(db: &dyn salsa::Database, name: &str) -> Vec<(Vec<String>, Option<Place>)> {
    let relation = by_name(name).unwrap();
    let mut found = Vec::new();
    (relation.visit)(db, &mut |row| found.push((row.iter().map(shown).collect(), (relation.place)(db, row))));
    found
}

/// `path:line:column` of the row that holds all these texts.
fn at(db: &dyn salsa::Database, name: &str, cells: &[&str]) -> String {
    let all = placed(db, name);
    let fits = |row: &[String]| cells.iter().all(|cell| row.iter().any(|own| own == cell));
    let found: Vec<_> = all.iter().filter(|(row, _)| fits(row)).collect();
    let [(_, Some(place))] = found.as_slice() else { panic!("{name} {cells:?}: {found:?}") };
    format!("{}:{}:{}", place.path, place.start.line, place.start.column)
}

#[test]
fn each_relation_has_rows_of_its_schema_in_some_project() {
    let seen = std::sync::Mutex::new(BTreeSet::new());
    on_each(|project, session| {
        for relation in ALL {
            (relation.visit)(&session.db, &mut |row| {
                seen.lock().unwrap().insert(relation.schema.name);
                assert_eq!(row.len(), relation.schema.columns.len(), "{project}");
                for (cell, column) in row.iter().zip(relation.schema.columns) {
                    let fits = match column.of {
                        Type::Int => matches!(cell, Cell::Int(_)),
                        Type::Decimal => matches!(cell, Cell::Decimal(_)),
                        _ => matches!(cell, Cell::Text(_)),
                    };
                    assert!(fits, "{project}: {}.{} {cell:?}", relation.schema.name, column.name);
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    let empty: Vec<&str> =
        ALL.iter().map(|relation| relation.schema.name).filter(|name| !seen.contains(name)).collect();
    assert!(empty.is_empty(), "{empty:?}");
}

#[test]
fn no_row_is_given_twice() {
    on_each(|project, session| {
        for relation in ALL {
            let mut seen = BTreeSet::new();
            for row in rows(&session.db, relation.schema.name) {
                assert!(seen.insert(row.clone()), "{project}: {} {row:?}", relation.schema.name);
            }
        }
    });
}

#[test]
fn every_row_stands_somewhere_but_what_holds_by_custom() {
    on_each(|project, session| {
        let db = &session.db;
        let lines: BTreeMap<String, usize> =
            rows(db, "file").into_iter().map(|row| (row[0].clone(), rows_of(db, &row[0]))).collect();
        let states_layers = !session.project.house_rules(db).layers.is_empty();
        for relation in ALL {
            let name = relation.schema.name;
            for (row, place) in placed(db, name) {
                let Some(place) = place else {
                    let is_custom = !states_layers || name == "terminal";
                    assert!(relation.schema.kind == Kind::Setting && is_custom, "{project}: {name} {row:?}");
                    continue;
                };
                assert!(place.start.line >= 1 && place.start.column >= 1 && place.end >= place.start);
                if let Some(count) = lines.get(&*place.path) {
                    let last = (*count).max(1);
                    assert!(place.start.line as usize <= last, "{project}: {name} {row:?} {place:?}");
                } else {
                    let elsewhere = &*place.path == "harness.yml" || place.path.contains('/');
                    assert!(elsewhere, "{project}: {name} {row:?} {place:?}");
                }
            }
        }
    });
}

fn rows_of(db: &dyn salsa::Database, path: &str) -> usize {
    rows(db, "text").iter().filter(|row| row[0] == path).count()
}

/// The parents by child of the root project, as the manifest's parent_map has them.
fn parent_map(manifest: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let sections = ["nodes", "functions", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests"];
    let root = manifest["nodes"].as_object().unwrap().values().chain(manifest["sources"].as_object().unwrap().values());
    let root: BTreeSet<&str> = root.map(|node| node["package_name"].as_str().unwrap()).collect();
    assert!(!root.is_empty());
    let mut found = BTreeMap::new();
    for node in sections.iter().flat_map(|section| manifest[*section].as_object().unwrap().values()) {
        let parents = node["depends_on"]["nodes"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
        let is_off = node["config"]["enabled"] == Value::Bool(false);
        found.insert(
            node["unique_id"].as_str().unwrap().to_owned(),
            if is_off { BTreeSet::new() } else { parents.collect() },
        );
    }
    found
}

#[test]
fn edges_are_the_manifests() {
    on_each(|project, session| {
        let db = &session.db;
        let manifest: Value = serde_json::from_str(&manifest::render(db)).unwrap();
        let own: BTreeSet<String> = rows(db, "enabled").into_iter().map(|row| row[0].clone()).collect();
        let expected: BTreeSet<(String, String)> = parent_map(&manifest)
            .into_iter()
            .filter(|(child, _)| own.contains(child))
            .flat_map(|(child, parents)| parents.into_iter().map(move |parent| (child.clone(), parent)))
            .collect();
        let found = |name: &str| -> BTreeSet<(String, String)> {
            rows(db, name).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
        };
        assert_eq!(found("depends_on"), expected, "{project}");
        let starts = |id: &str, kinds: &[&str]| kinds.iter().any(|kind| id.starts_with(&format!("{kind}.")));
        let built = |edge: &&(String, String)| starts(&edge.0, &["model", "snapshot"]);
        let nodes = |edge: &&(String, String)| starts(&edge.1, &["model", "seed", "snapshot"]);
        let sources = |edge: &&(String, String)| starts(&edge.1, &["source"]);
        assert_eq!(found("ref"), expected.iter().filter(built).filter(nodes).cloned().collect(), "{project}");
        assert_eq!(
            found("reads_source"),
            expected.iter().filter(built).filter(sources).cloned().collect(),
            "{project}"
        );
    });
}

#[test]
fn every_unique_id_that_a_row_names_is_a_node_or_a_macro() {
    on_each(|project, session| {
        let db = &session.db;
        let mut known: BTreeSet<String> =
            ["node", "macro"].iter().flat_map(|name| rows(db, name)).map(|row| row[0].clone()).collect();
        // What a test is declared on may be absent.
        known.insert(String::new());
        for relation in ALL {
            for row in rows(db, relation.schema.name) {
                for (cell, column) in row.iter().zip(relation.schema.columns) {
                    let is_dbts = cell.starts_with("macro.dbt.") || cell.starts_with("macro.dbt_");
                    let is_known = column.of != Type::Node || known.contains(cell) || is_dbts;
                    assert!(is_known, "{project}: {} {row:?}", relation.schema.name);
                }
            }
        }
    });
}

#[test]
fn a_setting_stands_where_it_is_stated() {
    on_shop(|session| {
        let db = &session.db;
        assert_eq!(at(db, "tag", &["model.shop.stg_orders", "raw"]), "models/stg/stg_orders.sql:1:4");
        assert_eq!(at(db, "tag", &["model.shop.stg_orders", "nightly"]), "dbt_project.yml:7:5");
        assert_eq!(at(db, "tag", &["model.shop.orders", "mart"]), "dbt_project.yml:8:35");
        assert_eq!(at(db, "tag", &["model.shop.orders", "pii"]), "models/shop.yml:13:14");
        assert_eq!(at(db, "materialized", &["model.shop.stg_orders"]), "models/stg/stg_orders.sql:1:4");
        assert_eq!(at(db, "materialized", &["model.shop.orders"]), "dbt_project.yml:8:13");
        assert_eq!(at(db, "own_config", &["pre_hook[0]"]), "models/stg/stg_orders.sql:1:46");
        assert_eq!(at(db, "folder_config", &["model.shop.orders", "materialized"]), "dbt_project.yml:8:13");
        assert_eq!(at(db, "meta", &["contact.email"]), "models/shop.yml:13:27");
        assert_eq!(at(db, "access", &["public"]), "models/shop.yml:11:5");
        assert_eq!(at(db, "description", &["All orders."]), "models/shop.yml:10:5");
        assert_eq!(at(db, "freshness", &["source.shop.raw.orders"]), "models/shop.yml:3:5");
    });
}

#[test]
fn entries_of_yaml_say_more_than_settings() {
    on_shop(|session| {
        let db = &session.db;
        assert_eq!(at(db, "column_constraint", &["model.shop.behind", "at", "not_null"]), "models/entries.yml:9:22");
        assert_eq!(at(db, "time_spine", &["model.shop.behind"]), "models/entries.yml:8:5");
        assert_eq!(at(db, "loader", &["own scripts"]), "models/entries.yml:2:11");
        assert_eq!(at(db, "source_description", &["From afar."]), "models/entries.yml:2:11");
        assert_eq!(at(db, "source_relation", &["loaded", "days"]), "models/entries.yml:5:21");
        assert_eq!(at(db, "owner_field", &["name", "Ann"]), "models/shop.yml:24:5");
        assert_eq!(at(db, "macro_description", &["macro.shop.cents", "Cents."]), "models/entries.yml:11:11");
        assert_eq!(at(db, "described_argument", &["x", "An amount."]), "models/entries.yml:11:11");
        assert_eq!(at(db, "macro_argument", &["macro.shop.half", "x", "0"]), "macros/cents.sql:2:10");
        assert_eq!(at(db, "final_semicolon", &["model.shop.loop_a"]), "models/marts/loop_a.sql:1:34");
        assert_eq!(at(db, "raw_name", &["raw.other"]), "models/stg/stg_orders.sql:4:6");
        assert_eq!(rows(db, "final_semicolon").len(), 1);
        assert_eq!(rows(db, "loader").len(), 1);
    });
}

#[test]
fn edges_calls_and_names_stand_where_they_are_written() {
    on_shop(|session| {
        let db = &session.db;
        assert_eq!(at(db, "ref", &["model.shop.orders", "model.shop.stg_orders"]), "models/marts/orders.sql:1:48");
        assert_eq!(at(db, "reads_source", &["model.shop.stg_orders"]), "models/stg/stg_orders.sql:3:9");
        assert_eq!(at(db, "depends_on", &["exposure.shop.board"]), "models/shop.yml:25:5");
        assert_eq!(at(db, "ref_call", &["model.shop.off"]), "models/marts/off.sql:1:46");
        assert_eq!(at(db, "calls_macro", &["model.shop.orders", "macro.shop.cents"]), "models/marts/orders.sql:1:26");
        assert_eq!(at(db, "calls_macro", &["macro.shop.cents", "macro.shop.half"]), "macros/cents.sql:1:24");
        assert_eq!(at(db, "jinja_call", &["macro.shop.cents", "half"]), "macros/cents.sql:1:24");
        assert_eq!(at(db, "var_read", &["from"]), "models/marts/orders.sql:3:87");
        assert_eq!(at(db, "env_read", &["REGION"]), "models/stg/stg_orders.sql:4:22");
        assert_eq!(at(db, "reads_this", &["model.shop.orders"]), "models/marts/orders.sql:3:61");
        assert_eq!(at(db, "source", &["source.shop.raw.events"]), "models/shop.yml:7:16");
        assert_eq!(at(db, "test", &["unique"]), "models/shop.yml:17:13");
        assert_eq!(at(db, "yaml_column", &["source.shop.raw.orders"]), "models/shop.yml:6:26");
        assert_eq!(at(db, "cte", &["final"]), "models/marts/orders.sql:1:6");
        assert_eq!(at(db, "table_name", &["raw.other"]), "models/stg/stg_orders.sql:4:6");
        assert_eq!(at(db, "literal", &["0.001"]), "models/stg/stg_orders.sql:2:11");
        assert_eq!(at(db, "doc_block", &["money"]), "models/notes.md:1:9");
        assert_eq!(at(db, "known_layer", &["stg"]), "harness.yml:1:1");
        assert_eq!(at(db, "resource_ref", &["exposure.shop.board"]), "models/shop.yml:25:5");
        assert_eq!(at(db, "reads_table", &["raw.other"]), "models/stg/stg_orders.sql:4:6");
        assert_eq!(at(db, "table_maker", &["model.shop.by_name", "ref('orders')"]), "models/marts/by_name.sql:1:20");
        assert_eq!(at(db, "own_tags", &["model.shop.stg_orders"]), "models/stg/stg_orders.sql:1:32");
        assert_eq!(at(db, "own_tags", &["model.shop.off"]), "models/marts/off.sql:1:4");
        assert_eq!(at(db, "test_filter", &["id > 0"]), "models/shop.yml:18:13");
        assert_eq!(at(db, "scaling_macro", &["macro.shop.half"]), "macros/cents.sql:2:10");
        assert_eq!(at(db, "scaled", &["model.shop.behind", "*", "60", "2"]), "models/marts/behind.sql:1:20");
        assert_eq!(at(db, "candidate_key", &["model.shop.loop_b", "partition"]), "models/marts/loop_b.sql:1:63");
        assert_eq!(at(db, "candidate_key", &["model.shop.orders", "unique_key"]), "models/shop.yml:13:72");
    });
}

#[test]
fn the_depth_of_a_node_is_its_longest_chain_and_cycles_have_none() {
    on_shop(|session| {
        let shown: Vec<String> = rows(&session.db, "depth").iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            shown,
            ["model.shop.by_name 0", "model.shop.orders 1", "model.shop.stg_orders 0", "seed.shop.codes 0"]
        );
    });
}

#[test]
fn every_kind_of_thing_is_a_node_of_dbts_resource_type() {
    on_shop(|session| {
        let kinds: BTreeSet<String> = rows(&session.db, "node").into_iter().map(|row| row[1].clone()).collect();
        let expected = [
            "exposure",
            "group",
            "metric",
            "model",
            "operation",
            "saved_query",
            "seed",
            "semantic_model",
            "source",
            "test",
            "unit_test",
        ];
        assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        let tests: Vec<String> = rows(&session.db, "test").iter().map(|row| row[1..].join(" ")).collect();
        let on = "model.shop.orders id";
        assert_eq!(
            tests,
            [&format!("unique  {on}"), &format!("accepted_values  {on}"), "not_null  source.shop.raw.orders id", "   "]
        );
        let arguments: Vec<String> = rows(&session.db, "test_arg").iter().map(|row| row[1..].join("=")).collect();
        assert_eq!(arguments, ["values[0]=1", "values[1]=2"]);
    });
}

#[test]
fn a_configuration_is_shown_leaf_by_leaf() {
    on_shop(|session| {
        let of = |relation: &str, id: &str| -> Vec<String> {
            rows(&session.db, relation).iter().filter(|row| row[0] == id).map(|row| row[1..].join("=")).collect()
        };
        let all = of("config", "model.shop.orders");
        for leaf in ["materialized=table", "tags[2]=pii", "meta.contact.email=a@b.c", "enabled=true", "group=finance"] {
            assert!(all.contains(&leaf.to_owned()), "{leaf} {all:?}");
        }
        assert_eq!(
            of("own_config", "model.shop.stg_orders"),
            ["materialized=view", "tags[0]=raw", "pre_hook[0]=select 1"]
        );
        assert_eq!(of("folder_config", "model.shop.orders"), ["materialized=table", "tags[0]=nightly", "tags[1]=mart"]);
        assert_eq!(of("own_config", "model.shop.off"), ["enabled=false"]);
        assert_eq!(of("owner", "group.shop.finance"), ["f@b.c"]);
        assert_eq!(of("owner", "model.shop.orders"), ["ann"]);
    });
}

#[test]
fn a_comment_gives_no_relation_new_rows() {
    let house = house_rules(Registry::embedded().unwrap(), SHOP_RULES).unwrap();
    let tree: Memory = SHOP.iter().copied().collect();
    on_large_stacks(1, || {
        let mut session = Session::load(Database::counting(), &tree, house, Invocation::default());
        let edit = |session: &mut Session| {
            let root = session.project.root(&session.db);
            let mut files = root.directories(&session.db).iter().flat_map(|directory| directory.files(&session.db));
            let file = *files.find(|file| &**file.path(&session.db) == "models/marts/orders.sql").unwrap();
            let text = format!("-- a comment\n{}", file.content(&session.db).text());
            session.db.set_content(file, Content::Text(text.into()));
            session.db.take_executed();
            ALL.iter().for_each(|relation| (relation.visit)(&session.db, &mut |_| {}));
            session.db.take_executed()
        };
        // The first edit of a model takes it out of the stable files.
        edit(&mut session);
        let executed = edit(&mut session);
        assert_eq!(executed.get("rendering"), Some(&1), "{executed:?}");
        assert!(executed["of_directory"] > 0, "{executed:?}");
        assert_eq!(executed.get("rows"), None, "{executed:?}");
    })
    .unwrap();
}
