//! Who covers what: which nodes are described, tested, keyed, fresh and read, and which are not.

use super::Derived;
use crate::db::{Sym, sym};
use crate::relations::{
    Cell, Visitor, candidate_key, column_constraint, depends_on, folder, freshness, layer, model, reads, reads_source,
    resource_ref, source, terminal, test, test_filter, yaml_patch,
};
use ascent::ascent;
use rustc_hash::FxHashSet;

ascent! {
    struct Program<'db>;

    // Base relations.
    relation model(Sym<'db>);
    relation yaml_patch(Sym<'db>);
    // A test by its id: its kind, its node, its column. Nothing is "".
    relation declared(Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>);
    // What a test that is a file of its own reads.
    relation singular(Sym<'db>);
    relation test_filter(Sym<'db>);
    // A node, its column, and the kind of constraint; several columns are "".
    relation constraint(Sym<'db>, Sym<'db>, Sym<'db>);
    relation read_by_models(Sym<'db>);
    relation source_read(Sym<'db>);
    relation read_by_resources(Sym<'db>);
    relation layer(Sym<'db>, Sym<'db>);
    relation folder(Sym<'db>, Sym<'db>);
    relation terminal(Sym<'db>);
    relation source(Sym<'db>);
    relation freshness(Sym<'db>);
    relation candidate_key(Sym<'db>, Sym<'db>, Sym<'db>);
    relation nothing(Sym<'db>);

    // The kinds of tests.
    relation unique_test(Sym<'db>);
    relation not_null_test(Sym<'db>);
    relation key_test(Sym<'db>);
    // And of constraints.
    relation unique_constraint(Sym<'db>);
    relation not_null_constraint(Sym<'db>);
    relation key_constraint(Sym<'db>);

    relation described(Sym<'db>);
    described(node) <-- model(node), yaml_patch(node);

    relation tested(Sym<'db>);
    tested(node) <-- declared(_, _, node, _), !nothing(node);
    tested(node) <-- singular(node);

    relation whole_test(Sym<'db>, Sym<'db>, Sym<'db>);
    whole_test(name, node, column) <-- declared(test, name, node, column), !nothing(node), !test_filter(test);

    relation unique(Sym<'db>, Sym<'db>);
    unique(node, column) <-- whole_test(name, node, column), unique_test(name), !nothing(column);
    unique(node, column) <-- constraint(node, column, kind), unique_constraint(kind), !nothing(column);
    relation filled(Sym<'db>, Sym<'db>);
    filled(node, column) <-- whole_test(name, node, column), not_null_test(name);
    filled(node, column) <-- constraint(node, column, kind), not_null_constraint(kind);
    relation key(Sym<'db>, Sym<'db>);
    key(node, column) <-- unique(node, column), filled(node, column);
    key(node, none) <-- whole_test(name, node, _), key_test(name), nothing(none);
    key(node, column) <-- constraint(node, column, kind), key_constraint(kind);
    key(node, none) <-- constraint(node, none, kind), unique_constraint(kind), nothing(none);
    relation keyed(Sym<'db>);
    keyed(node) <-- key(node, _);

    relation has_reader(Sym<'db>);
    has_reader(node) <-- read_by_models(node);
    has_reader(node) <-- read_by_resources(node);

    relation in_layer(Sym<'db>);
    in_layer(model) <-- layer(model, _);
    relation at_the_end(Sym<'db>);
    at_the_end(model) <-- layer(model, layer), terminal(layer);
    at_the_end(model) <-- folder(model, folder), terminal(folder), !in_layer(model);

    relation orphan(Sym<'db>);
    orphan(model) <-- model(model), !has_reader(model), !at_the_end(model);

    relation without_yaml(Sym<'db>);
    without_yaml(model) <-- model(model), !described(model);
    relation without_tests(Sym<'db>);
    without_tests(model) <-- model(model), !tested(model);
    relation yaml_without_tests(Sym<'db>);
    yaml_without_tests(model) <-- described(model), !tested(model);
    relation without_key(Sym<'db>);
    without_key(model) <-- model(model), !keyed(model);

    // The kinds of evidence of a key, best first.
    relation weaker(Sym<'db>, Sym<'db>);
    relation outdone(Sym<'db>, Sym<'db>);
    outdone(node, kind) <-- candidate_key(node, _, better), weaker(kind, better);
    relation likely_key(Sym<'db>, Sym<'db>, Sym<'db>);
    likely_key(node, key, kind) <-- candidate_key(node, key, kind), !outdone(node, kind);

    relation without_freshness(Sym<'db>);
    without_freshness(source) <-- source(source), !freshness(source);
    relation unused_source(Sym<'db>);
    unused_source(source) <-- source(source), !source_read(source);
}

type One<'db> = Vec<(Sym<'db>,)>;
type Two<'db> = Vec<(Sym<'db>, Sym<'db>)>;
type Three<'db> = Vec<(Sym<'db>, Sym<'db>, Sym<'db>)>;

/// What the family is derived from, with the columns that it reads.
#[derive(Debug, Clone, Default)]
pub struct Facts<'db> {
    pub model: One<'db>,
    pub yaml_patch: One<'db>,
    /// A test, its kind, its node and its column; "" is nothing.
    pub test: Vec<(Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>)>,
    pub test_filter: One<'db>,
    /// A node, its column, and the kind of constraint.
    pub column_constraint: Three<'db>,
    pub depends_on: Two<'db>,
    /// Parents alone.
    pub reads: One<'db>,
    pub reads_source: One<'db>,
    pub resource_ref: One<'db>,
    pub layer: Two<'db>,
    pub folder: Two<'db>,
    pub terminal: One<'db>,
    pub source: One<'db>,
    pub freshness: One<'db>,
    /// A node, its key, and the kind of evidence.
    pub candidate_key: Three<'db>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, salsa::SalsaValue)]
pub struct Coverage<'db> {
    pub described: One<'db>,
    pub tested: One<'db>,
    /// node, column; several columns are ""
    pub key: Two<'db>,
    pub has_reader: One<'db>,
    pub at_the_end: One<'db>,
    pub orphan: One<'db>,
    pub without_yaml: One<'db>,
    pub without_tests: One<'db>,
    pub yaml_without_tests: One<'db>,
    pub without_key: One<'db>,
    /// node, key, kind of evidence
    pub likely_key: Three<'db>,
    pub without_freshness: One<'db>,
    pub unused_source: One<'db>,
}

/// The family's relations as rules read them.
pub const RELATIONS: [Derived; 13] = [
    Derived { name: "at_the_end", visit: |db, emit| ones(db, &coverage(db).at_the_end, emit) },
    Derived { name: "described", visit: |db, emit| ones(db, &coverage(db).described, emit) },
    Derived { name: "has_reader", visit: |db, emit| ones(db, &coverage(db).has_reader, emit) },
    Derived { name: "key", visit: |db, emit| coverage(db).key.iter().for_each(|(a, b)| row(db, [*a, *b], emit)) },
    Derived {
        name: "likely_key",
        visit: |db, emit| coverage(db).likely_key.iter().for_each(|(a, b, c)| row(db, [*a, *b, *c], emit)),
    },
    Derived { name: "orphan", visit: |db, emit| ones(db, &coverage(db).orphan, emit) },
    Derived { name: "tested", visit: |db, emit| ones(db, &coverage(db).tested, emit) },
    Derived { name: "unused_source", visit: |db, emit| ones(db, &coverage(db).unused_source, emit) },
    Derived { name: "without_freshness", visit: |db, emit| ones(db, &coverage(db).without_freshness, emit) },
    Derived { name: "without_key", visit: |db, emit| ones(db, &coverage(db).without_key, emit) },
    Derived { name: "without_tests", visit: |db, emit| ones(db, &coverage(db).without_tests, emit) },
    Derived { name: "without_yaml", visit: |db, emit| ones(db, &coverage(db).without_yaml, emit) },
    Derived { name: "yaml_without_tests", visit: |db, emit| ones(db, &coverage(db).yaml_without_tests, emit) },
];

fn row<'db, const N: usize>(db: &'db dyn salsa::Database, row: [Sym<'db>; N], emit: &mut Visitor<'_>) {
    emit(&row.map(|part| Cell::Text(part.text(db))));
}

fn ones<'db>(db: &'db dyn salsa::Database, rows: &One<'db>, emit: &mut Visitor<'_>) {
    rows.iter().for_each(|(node,)| row(db, [*node], emit));
}

const UNIQUE: [&str; 2] = ["unique", "expect_column_values_to_be_unique"];
const NOT_NULL: [&str; 2] = ["not_null", "expect_column_values_to_not_be_null"];
const KEY: [&str; 3] = ["unique_combination_of_columns", "expect_compound_columns_to_be_unique", "primary_key"];
/// The kinds of evidence of a key, best first.
const EVIDENCE: [&str; 3] = ["surrogate key", "partition", "unique_key"];

#[salsa::tracked(returns(ref))]
pub fn coverage<'db>(db: &'db dyn salsa::Database) -> Coverage<'db> {
    let tests = test::rows(db).iter();
    let facts = Facts {
        model: model::rows(db).iter().map(|(id, ..)| (*id,)).collect(),
        yaml_patch: yaml_patch::rows(db).iter().map(|(id, _)| (*id,)).collect(),
        test: tests.map(|(id, name, _, node, column)| (*id, *name, *node, *column)).collect(),
        test_filter: test_filter::rows(db).iter().map(|(id, _)| (*id,)).collect(),
        column_constraint: column_constraint::rows(db).clone(),
        depends_on: depends_on::rows(db).clone(),
        reads: reads::rows(db).iter().map(|(_, parent)| (*parent,)).collect(),
        reads_source: reads_source::rows(db).iter().map(|(_, source)| (*source,)).collect(),
        resource_ref: resource_ref::rows(db).iter().map(|(_, parent)| (*parent,)).collect(),
        layer: layer::rows(db).clone(),
        folder: folder::rows(db).clone(),
        terminal: terminal::rows(db).clone(),
        source: source::rows(db).iter().map(|(id, ..)| (*id,)).collect(),
        freshness: freshness::rows(db).clone(),
        candidate_key: candidate_key::rows(db).clone(),
    };
    derive(db, facts)
}

/// The family's rows, sorted by their texts. `queries/derived/coverage.dl` says the same.
pub fn derive<'db>(db: &'db dyn salsa::Database, facts: Facts<'db>) -> Coverage<'db> {
    let nothing = sym(db, "");
    let files: FxHashSet<Sym<'db>> =
        facts.test.iter().filter(|(_, name, ..)| *name == nothing).map(|(id, ..)| *id).collect();
    let singular = facts.depends_on.iter().filter(|(child, _)| files.contains(child)).map(|(_, parent)| (*parent,));
    let names = |names: &[&str]| names.iter().map(|name| (sym(db, name),)).collect();
    let weaker =
        EVIDENCE.iter().enumerate().flat_map(|(at, better)| EVIDENCE[at + 1..].iter().map(move |it| (it, better)));
    let mut program = Program {
        model: facts.model,
        yaml_patch: facts.yaml_patch,
        singular: singular.collect(),
        declared: facts.test,
        test_filter: facts.test_filter,
        constraint: facts.column_constraint,
        read_by_models: facts.reads,
        source_read: facts.reads_source,
        read_by_resources: facts.resource_ref,
        layer: facts.layer,
        folder: facts.folder,
        terminal: facts.terminal,
        source: facts.source,
        freshness: facts.freshness,
        candidate_key: facts.candidate_key,
        nothing: vec![(nothing,)],
        unique_test: names(&UNIQUE),
        not_null_test: names(&NOT_NULL),
        key_test: names(&KEY),
        unique_constraint: names(&["unique"]),
        not_null_constraint: names(&["not_null"]),
        key_constraint: names(&["primary_key"]),
        weaker: weaker.map(|(kind, better)| (sym(db, kind), sym(db, better))).collect(),
        ..Program::default()
    };
    program.run();
    let one = |mut rows: One<'db>| {
        rows.sort_by_cached_key(|(node,)| node.text(db).clone());
        rows
    };
    program.key.sort_by_cached_key(|(node, column)| (node.text(db).clone(), column.text(db).clone()));
    program.likely_key.sort_by_cached_key(|(node, key, kind)| [node, key, kind].map(|part| part.text(db).clone()));
    Coverage {
        described: one(program.described),
        tested: one(program.tested),
        key: program.key,
        has_reader: one(program.has_reader),
        at_the_end: one(program.at_the_end),
        orphan: one(program.orphan),
        without_yaml: one(program.without_yaml),
        without_tests: one(program.without_tests),
        yaml_without_tests: one(program.yaml_without_tests),
        without_key: one(program.without_key),
        likely_key: program.likely_key,
        without_freshness: one(program.without_freshness),
        unused_source: one(program.unused_source),
    }
}
