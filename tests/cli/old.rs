//! What questions, rules and selections know of a change: `old::`, `changed`, SUPPRESSION_ADDED and `state:`.

use crate::program::{code, err, harness, out};
use crate::repo::{Repo, git};
use serde_json::Value;

/// The rows of an answer, values joined.
fn answer(repo: &Repo, program: &str, more: &[&str]) -> Vec<String> {
    let arguments = [&["query", program, "--format", "ndjson", "--ids"], more].concat();
    let output = harness(&repo.project(), &arguments);
    assert_eq!(code(&output), 0, "{program}: {}", err(&output));
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        row.as_object().unwrap().values().map(text).collect::<Vec<_>>().join(" ")
    };
    out(&output).lines().map(row).collect()
}

fn since(repo: &Repo, program: &str) -> Vec<String> {
    answer(repo, program, &["--since", "HEAD"])
}

/// Two models, of which the second was renamed, and a seed that is otherwise.
fn shop() -> Repo {
    let repo = Repo::new();
    repo.write("models/customers.sql", "select 1 as id\n");
    repo.write("seeds/countries.csv", "id\n1\n");
    repo.write("seeds/regions.csv", "id\n1\n");
    repo.commit();
    repo.remove("models/customers.sql");
    repo.write("models/clients.sql", "select 1 as id\n");
    repo.write("models/orders.sql", "select * from {{ ref('clients') }}\n");
    repo.write("seeds/countries.csv", "id\n2\n");
    repo
}

#[test]
fn base_observed_and_derived_relations_have_a_former_state() {
    let repo = shop();
    let edges = since(&repo, "old::ref(c, p)");
    assert_eq!(edges, ["model.shop.orders model.shop.customers"]);
    assert_eq!(since(&repo, "ref(c, p), !old::ref(c, p)"), ["model.shop.orders model.shop.clients"]);
    assert_eq!(
        since(&repo, "old::model(m, n, p), !model(m, _, _)"),
        ["model.shop.customers customers models/customers.sql"]
    );
    // Of a family that Ascent derives, and of one that only questions read.
    assert_eq!(since(&repo, "old::reaches(m, a), !reaches(m, a)"), ["model.shop.orders model.shop.customers"]);
    assert_eq!(since(&repo, "n = count : { old::model(_, _, _) }"), ["2"]);
    repo.write("models/orders.sql", "select * from {{ ref('nobody') }}\n");
    assert_eq!(
        since(&repo, "finding(rule: \"UNKNOWN_REF\", node: m), !old::finding(rule: \"UNKNOWN_REF\", node: m)"),
        ["model.shop.orders"]
    );
}

#[test]
fn changed_names_the_files_that_differ() {
    let repo = shop();
    let changed = ["models/clients.sql", "models/customers.sql", "models/orders.sql", "seeds/countries.csv"];
    assert_eq!(since(&repo, "changed(p)"), changed);
    assert_eq!(since(&repo, "changed(p), node(id: m, path: p)").len(), 3);
    repo.write("harness.yml", "rules: {}\n");
    repo.write("README.md", "x\n");
    assert_eq!(since(&repo, "changed(p)")[0], "harness.yml");
    assert_eq!(since(&repo, "changed(p)").len(), 5);
}

#[test]
fn a_proof_ends_at_what_was_before() {
    let repo = shop();
    let output = harness(repo.root(), &["query", "old::ref(c, p)", "--since", "HEAD", "--explain"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(out(&output).contains("old::ref("), "{}", out(&output));
}

#[test]
fn a_question_about_a_change_needs_a_commit() {
    let repo = shop();
    for program in ["old::ref(c, p)", "changed(p)", "model(m, _, _), !old::model(m, _, _)"] {
        let output = harness(repo.root(), &["query", program]);
        assert_eq!((code(&output), out(&output)), (2, String::new()));
        assert!(
            err(&output).contains("there is nothing to compare with.\n  → Name a commit, as --since main"),
            "{}",
            err(&output)
        );
    }
    let output = harness(repo.root(), &["query", "old::modle(m, n, p)", "--since", "HEAD"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("Did you mean 'old::model'?"), "{}", err(&output));
    let output = harness(repo.root(), &["query", "old::mine(m) :- model(m, _, _). ?- old::mine(m)."]);
    assert!(err(&output).contains("a program cannot add to that"), "{}", err(&output));
}

/// Edges that a change brought, as a rule.
const NEW_EDGE: &str = "---
severity: error
message: \"now reads {other}.\"
---
# Edges that are new

X.
```datalog
finding(node: child, subject: [child, other], other: other) :- ref(child, other), !old::ref(child, other), old::model(child, _, _).
```

## An edge that is new
```sql old::models/a.sql
select 1 as id
```
```sql models/a.sql
select * from {{ ref('b') }}
```
```sql models/b.sql
select 1 as id
```
```findings
models/a.sql:1:1 NEW_EDGE now reads b.
```

## Nothing to compare with
```sql models/a.sql
select * from {{ ref('b') }}
```
```sql models/b.sql
select 1 as id
```
```findings
```
";

#[test]
fn a_rule_may_ask_what_was_before_and_else_finds_nothing() {
    let repo = shop();
    repo.write("harness/rules/new-edge.md", NEW_EDGE);
    let output = harness(repo.root(), &["rules", "test"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    let rules = |more: &[&str]| {
        let output = harness(repo.root(), &[&["check", "--format", "json"], more].concat());
        let document: Value = serde_json::from_str(&out(&output)).unwrap();
        let found = document["findings"].as_array().unwrap().iter();
        let found =
            found.filter(|finding| finding["rule"] == "NEW_EDGE").map(|it| it["message"].clone()).collect::<Vec<_>>();
        let has_run = document["summary"]["rules_run"].as_array().unwrap().contains(&"NEW_EDGE".into());
        (found, has_run)
    };
    assert_eq!(rules(&["--since", "HEAD"]), (vec!["now reads clients.".into()], true));
    assert_eq!(rules(&[]), (Vec::new(), false));
    let output = harness(repo.root(), &["check", "--rule", "NEW_EDGE"]);
    assert_eq!(code(&output), 0);
    assert!(err(&output).contains("NEW_EDGE tells what a change brought: name the commit"), "{}", err(&output));
}

#[test]
fn what_a_change_silenced_is_told_where_it_stands() {
    let repo = Repo::new();
    repo.write("harness.yml", "rules:\n  UNKNOWN_REF: error\n");
    repo.commit();
    repo.write("harness.yml", "rules:\n  UNKNOWN_REF: off\n");
    repo.write("models/orders.sql", "-- harness: ignore[CYCLE] later\nselect * from {{ ref('customers') }}\n");
    let found = |more: &[&str]| {
        let arguments = ["check", "--since", "HEAD", "--rule", "SUPPRESSION_ADDED", "--format", "concise"];
        let output = harness(repo.root(), &[&arguments, more].concat());
        assert_eq!(code(&output), 0, "{}", err(&output));
        let lines = out(&output).lines().map(str::to_owned).collect::<Vec<_>>();
        lines[..lines.len() - 1].to_vec()
    };
    assert_eq!(
        found(&[]),
        [
            "harness.yml:2:16 info SUPPRESSION_ADDED UNKNOWN_REF is off since the change, and was error.",
            "models/orders.sql:1:4 info SUPPRESSION_ADDED this excuses findings of CYCLE since the change.",
        ]
    );
    assert_eq!(code(&harness(repo.root(), &["check", "--write-baseline"])), 0);
    let parked = found(&["--baseline", "harness-baseline.ndjson"]);
    assert!(
        parked[0].starts_with("harness-baseline.ndjson:1:1 info SUPPRESSION_ADDED the baseline came with"),
        "{parked:?}"
    );
    repo.commit();
    assert!(found(&["--baseline", "harness-baseline.ndjson"]).is_empty());
}

/// What a selection lists, names alone.
fn listed(repo: &Repo, selection: &str) -> Vec<String> {
    of_type(repo, "default", selection)
}

fn of_type(repo: &Repo, kind: &str, selection: &str) -> Vec<String> {
    let arguments = ["list", "--since", "HEAD", "--output", "name", "--resource-type", kind, "--select", selection];
    let output = harness(&repo.project(), &arguments);
    assert_eq!(code(&output), 0, "{selection}: {}", err(&output));
    out(&output).lines().map(str::to_owned).collect()
}

fn stateful() -> Repo {
    let repo = Repo::new();
    repo.write("models/customers.sql", "select {{ amount() }} as id\n");
    repo.write("models/orders.sql", "select * from {{ ref('customers') }}\n");
    repo.write("models/gone.sql", "select 1 as id\n");
    repo.write("models/models.yml", MODELS);
    repo.write(
        "macros/amount.sql",
        "{% macro amount() %}{{ one() }}{% endmacro %}\n{% macro one() %}1{% endmacro %}\n",
    );
    repo.write("seeds/countries.csv", "id\n1\n");
    repo.commit();
    repo
}

const MODELS: &str = "models:
  - name: orders
    description: Orders.
    config: {tags: [nightly]}
    columns:
      - name: id
        data_tests: [unique]
sources:
  - name: raw
    tables: [{name: items}]
";

#[test]
fn a_state_is_what_became_of_a_node() {
    let repo = stateful();
    assert!(listed(&repo, "state:modified").is_empty());
    repo.write("models/orders.sql", "select * from {{ ref('customers') }} where true\n");
    repo.write("models/new.sql", "select 1 as id\n");
    repo.remove("models/gone.sql");
    repo.write("seeds/countries.csv", "id\n2\n");
    assert_eq!(listed(&repo, "state:modified"), ["new", "orders", "countries", "unique_orders_id"]);
    assert_eq!(of_type(&repo, "model", "state:modified"), ["new", "orders"]);
    assert_eq!(listed(&repo, "state:new"), ["new"]);
    assert_eq!(of_type(&repo, "model", "state:modified.body"), ["new", "orders"]);
    assert_eq!(of_type(&repo, "model", "state:old"), ["customers", "orders"]);
    assert_eq!(of_type(&repo, "model", "state:unmodified"), ["customers"]);
    // White space around a body is none of it.
    git(repo.root(), &["checkout", "--quiet", "models/orders.sql"]);
    repo.write("models/orders.sql", "\nselect * from {{ ref('customers') }}\n\n");
    assert_eq!(of_type(&repo, "model", "state:modified"), ["new"]);
}

#[test]
fn settings_descriptions_relations_and_contracts_are_states_of_their_own() {
    let repo = stateful();
    let with = |from: &str, to: &str| repo.write("models/models.yml", &MODELS.replace(from, to));
    with("Orders.", "All orders.");
    assert!(listed(&repo, "state:modified").is_empty(), "a description that is not persisted is no change");
    with("{tags: [nightly]}", "{tags: [hourly]}");
    assert!(listed(&repo, "state:modified").is_empty(), "tags are none");
    with("{tags: [nightly]}", "{materialized: table}");
    assert_eq!(of_type(&repo, "model", "state:modified.configs"), ["orders"]);
    assert!(listed(&repo, "state:modified.body").is_empty());
    with("{tags: [nightly]}", "{alias: o}");
    assert_eq!(of_type(&repo, "model", "state:modified.relation"), ["orders"]);
    assert!(listed(&repo, "state:modified.configs").is_empty());
    with("{tags: [nightly]}", "{contract: {enforced: true}}");
    assert_eq!(of_type(&repo, "model", "state:modified.contract"), ["orders"]);
    with("[{name: items}]", "[{name: items, identifier: i}, {name: more}]");
    assert_eq!(of_type(&repo, "source", "state:modified"), ["raw.items"]);
    assert_eq!(of_type(&repo, "source", "state:new"), ["raw.more"]);
    with("[unique]", "[{unique: {config: {severity: warn}}}]");
    assert_eq!(listed(&repo, "state:modified"), ["unique_orders_id"]);
}

#[test]
fn a_macro_modifies_all_that_lead_to_it() {
    let repo = stateful();
    repo.write(
        "macros/amount.sql",
        "{% macro amount() %}{{ one() }}{% endmacro %}\n{% macro one() %}2{% endmacro %}\n",
    );
    assert_eq!(of_type(&repo, "model", "state:modified.macros"), ["customers"]);
    assert_eq!(of_type(&repo, "model", "state:modified+"), ["customers", "orders"]);
}

#[test]
fn check_reports_what_stands_in_modified_nodes() {
    let repo = stateful();
    repo.write("models/customers.sql", "select * from {{ ref('nobody') }}\n");
    let output =
        harness(repo.root(), &["check", "--since", "HEAD", "--select", "state:modified", "--rule", "UNKNOWN_REF"]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(out(&output).contains("models/customers.sql"));
}

#[test]
fn a_state_needs_a_commit_and_a_name() {
    let repo = stateful();
    for command in ["list", "check"] {
        let output = harness(repo.root(), &[command, "--select", "state:modified"]);
        assert_eq!(code(&output), 2);
        assert!(
            err(&output).contains("state: compares with another state, and none is named.\n  → Name the commit"),
            "{}",
            err(&output)
        );
        let output = harness(repo.root(), &[command, "--since", "HEAD", "--select", "state:modifed"]);
        assert_eq!(code(&output), 2);
        assert!(err(&output).contains("no state is called 'modifed'.\n  → Did you mean modified?"), "{}", err(&output));
    }
    let output = harness(repo.root(), &["list", "--since", "HEAD", "--select", "state:new"]);
    assert_eq!(code(&output), 0);
    assert!(err(&output).contains("the selection selects nothing"), "{}", err(&output));
}
