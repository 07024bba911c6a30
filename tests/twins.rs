//! What Ascent derives and what `queries/derived` says are one; and each finding has a proof that
//! stands on its leaves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at what it does not expect"
)]

#[path = "datalog/facts.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod facts;

use facts::{UNBOUNDED, World, answer_with};
use harness::datalog::{Catalogue, Cell, Constant, Facts, Schema, with_cells};
use harness::db::settings::HouseRules;
use harness::db::{Database, Invocation, sym};
use harness::derive::cycles::cycles;
use harness::derive::dependencies::{self as family, Dependencies, dependencies};
use harness::files::{Content, Disk, Tree};
use harness::query::{Kind, Repo, Tree as Proof, absences, leaves, library, tree};
use harness::rules::engine;
use harness::rules::finding::Finding;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::rules::selection::options;
use harness::rules::violation::Violation;
use harness::session::{Session, house_rules, on_large_stacks};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    Disk::new(&folder).folders("").into_iter().map(|name| folder.join(name)).collect()
}

fn with_fixture<R: Send>(folder: &Path, work: impl FnOnce(&Session, &'static Registry) -> R + Send) -> R {
    let registry = Registry::embedded().unwrap();
    let disk = Disk::new(folder);
    let house = match disk.read("harness.yml") {
        Content::Text(text) => house_rules(registry, &text).unwrap(),
        _ => Default::default(),
    };
    on_large_stacks(2, move || {
        let session = Session::load(Database::default(), &disk, house, Invocation::default());
        session.prefetch();
        work(&session, registry)
    })
    .unwrap()
}

/// The rows of the compiled family as lines, by relation.
fn compiled<'db>(db: &'db dyn salsa::Database, rows: &Dependencies<'db>) -> BTreeMap<&'static str, BTreeSet<String>> {
    let edges = |rows: &[family::Edge<'db>]| {
        rows.iter().map(|(a, b, c, d)| [a, b, c, d].map(|part| part.text(db).to_string()).join(" ")).collect()
    };
    let outside = rows.source_outside_staging.iter();
    let outside = outside.map(|(a, b, c)| [a, b, c].map(|part| part.text(db).to_string()).join(" "));
    let unknown = rows.unknown_layer.iter();
    let unknown = unknown.map(|(folder, name, count)| format!("{} {} {count}", folder.text(db), name.text(db)));
    BTreeMap::from([
        ("dependency_direction", edges(&rows.dependency_direction)),
        ("mart_reads_staging", edges(&rows.mart_reads_staging)),
        ("cross_tenant", edges(&rows.cross_tenant)),
        ("source_outside_staging", outside.collect()),
        ("unknown_layer", unknown.collect()),
    ])
}

fn columns_of(relation: &str) -> String {
    let schema = library::embedded().unwrap().schema(relation).unwrap();
    schema.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_compiled_families_and_their_twins_agree_on_every_fixture() {
    let mut rows_seen = 0;
    for folder in fixtures() {
        with_fixture(&folder, |session, registry| {
            let db = &session.db;
            for (relation, expected) in compiled(db, dependencies(db)) {
                let question = format!("?- {relation}({}).", columns_of(relation));
                let answered = session.ask(registry, &question, &BTreeMap::new(), &UNBOUNDED, None, 0).unwrap();
                let lines = answered
                    .answer
                    .rows
                    .iter()
                    .map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
                assert_eq!(lines.collect::<BTreeSet<_>>(), expected, "{relation} in {}", folder.display());
                rows_seen += expected.len();
            }
            let circular: BTreeSet<String> =
                cycles(db).iter().flatten().map(|node| node.text(db).to_string()).collect();
            let answered = session.ask(registry, "cycle(n)", &BTreeMap::new(), &UNBOUNDED, None, 0).unwrap();
            let found: BTreeSet<String> = answered.answer.rows.iter().map(|row| row[0].to_string()).collect();
            // One way round each knot is shown; all of it lies on cycles.
            assert!(circular.is_subset(&found) && circular.is_empty() == found.is_empty(), "{}", folder.display());
        });
    }
    assert!(rows_seen > 10);
}

/// A stream of numbers that depends on its seed alone.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn pairs(&mut self, most: usize, left: &[&'static str], right: &[&'static str]) -> Vec<[&'static str; 2]> {
        let count = self.roll(most);
        let mut pairs: Vec<_> =
            (0..count).map(|_| [left[self.roll(left.len())], right[self.roll(right.len())]]).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

#[test]
fn the_compiled_families_and_their_twins_agree_on_a_thousand_random_sets_of_facts() {
    const MODELS: [&str; 7] = ["m.a", "m.b", "m.c", "m.d", "m.e", "m.f", "m.g"];
    const SOURCES: [&str; 2] = ["s.x", "s.y"];
    const LAYERS: [&str; 4] = ["staging", "intermediate", "marts", "platinum"];
    const FOLDERS: [&str; 3] = ["models/staging", "models/platinum", "models/marts"];
    const TENANTS: [&str; 2] = ["north", "south"];
    let mut dice = Dice(0x7717);
    let library = library::embedded().unwrap();
    let db = Database::default();
    let mut derived = 0;
    for _ in 0..1_000 {
        let reads = dice.pairs(40, &MODELS, &MODELS);
        let reads_source = dice.pairs(12, &MODELS, &SOURCES);
        let layer = dice.pairs(20, &MODELS, &LAYERS);
        let folder = dice.pairs(16, &MODELS, &FOLDERS);
        let tenant = dice.pairs(16, &MODELS, &TENANTS);
        let may_read = dice.pairs(8, &LAYERS, &LAYERS);
        let known: Vec<&str> = LAYERS.into_iter().filter(|_| dice.roll(3) > 0).collect();
        let on_sources: Vec<&str> = LAYERS.into_iter().filter(|_| dice.roll(3) == 0).collect();
        let two =
            |pairs: &[[&'static str; 2]]| pairs.iter().map(|[a, b]| (sym(&db, a), sym(&db, b))).collect::<Vec<_>>();
        let one = |names: &[&'static str]| names.iter().map(|name| (sym(&db, name),)).collect::<Vec<_>>();
        let facts = family::Facts {
            reads: two(&reads),
            reads_source: two(&reads_source),
            layer: two(&layer),
            layer_folder: two(&folder),
            tenant: two(&tenant),
            known: one(&known),
            may_read: two(&may_read),
            stands_on_sources: one(&on_sources),
        };
        let expected = compiled(&db, &family::derive(&db, facts));
        let rows = |pairs: &[[&'static str; 2]]| pairs.iter().map(|pair| pair.map(Constant::text).to_vec()).collect();
        let names = |names: &[&'static str]| names.iter().map(|name| vec![Constant::text(name)]).collect();
        let world = World::default()
            .with("ref(child: node, parent: node)", rows(&reads))
            .with("reads_source(child: node, source: node)", rows(&reads_source))
            .with("layer(id: node, layer: name)", rows(&layer))
            .with("layer_folder(id: node, folder: path)", rows(&folder))
            .with("tenant(id: node, tenant: name)", rows(&tenant))
            .with("may_read(layer: name, other: name)", rows(&may_read))
            .with("known_layer(layer: name)", names(&known))
            .with("reads_sources(layer: name)", names(&on_sources));
        for (relation, expected) in expected {
            let found: BTreeSet<String> =
                answer_with(&world, library, &format!("?- {relation}({}).", columns_of(relation)))
                    .into_iter()
                    .collect();
            assert_eq!(found, expected, "{relation}\n{world:?}");
            derived += found.len();
        }
    }
    assert!(derived > 5_000);
}

/// A repo without one row of a relation, or with one more.
struct Changed<'r, 'a> {
    repo: &'r Repo<'a>,
    relation: String,
    removed: Option<Vec<Constant>>,
    added: Option<Vec<Constant>>,
}

impl Catalogue for Changed<'_, '_> {
    fn schema(&self, relation: &str) -> Option<Schema> {
        self.repo.schema(relation)
    }

    fn names(&self) -> Vec<String> {
        self.repo.names()
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        self.repo.nodes(name)
    }

    fn similar_node(&self, name: &str) -> Option<String> {
        self.repo.similar_node(name)
    }
}

impl Facts for Changed<'_, '_> {
    fn visit(&self, relation: &str, visit: &mut dyn FnMut(&[Cell<'_>])) {
        let is_changed = relation == self.relation;
        self.repo.visit(relation, &mut |row| {
            let same = |removed: &Vec<Constant>| row.iter().map(|cell| cell.constant()).eq(removed.iter().cloned());
            if !is_changed || !self.removed.as_ref().is_some_and(same) {
                visit(row);
            }
        });
        if let Some(added) = self.added.as_ref().filter(|_| is_changed) {
            with_cells(added, |cells| visit(cells));
        }
    }
}

#[test]
fn every_finding_has_a_proof_that_stands_on_its_leaves() {
    let mut counted = 0;
    for folder in fixtures() {
        let before = counted;
        counted = with_fixture(&folder, |session, registry| {
            let only = registry.rules().iter().map(|rule| rule.id.to_string()).collect();
            // Rules that are off are judged too.
            let findings = session.check(registry, &Selection { only, skip: Vec::new() }).findings;
            let proofs = session.explain(registry, &findings, &UNBOUNDED).unwrap();
            session.with_repo(registry, |repo| {
                for (finding, proof) in findings.iter().zip(&proofs) {
                    let shown = format!("{} {:?} in {}", finding.rule, finding.subject, folder.display());
                    assert_eq!((proof.kind, proof.relation.as_str()), (Kind::Rule, "finding"), "{shown}");
                    assert!(!proof.premises.is_empty(), "no proof: {shown}");
                    stands_on_its_leaves(repo, registry, finding, proof, &shown);
                }
            });
            before + findings.len()
        });
    }
    assert!(counted > 65, "{counted}");
}

fn stands_on_its_leaves(repo: &Repo<'_>, registry: &Registry, finding: &Finding, proof: &Proof, shown: &str) {
    let rule = registry.get(&finding.rule).unwrap();
    let options = options(rule, &HouseRules::default());
    let all = engine::evaluate(rule, &options, repo).unwrap().violations;
    let is_it = |violation: &&Violation| {
        (&violation.node, &violation.subject, &violation.place) == (&finding.node, &finding.subject, &finding.place)
    };
    let (report, row) = &all.iter().find(is_it).unwrap().row;
    let mut changes: Vec<Changed<'_, '_>> = Vec::new();
    for (relation, row) in leaves(proof) {
        changes.push(Changed { repo, relation: relation.to_owned(), removed: Some(row), added: None });
    }
    for (relation, row) in absences(proof) {
        let filled = row.into_iter().map(|value| value.unwrap_or_else(|| Constant::text("anything"))).collect();
        changes.push(Changed { repo, relation: relation.to_owned(), removed: None, added: Some(filled) });
    }
    assert!(!changes.is_empty(), "no leaves: {shown}");
    for changed in changes {
        let scoped = engine::Scoped { facts: &changed, options: &options };
        let compiled = engine::compile(rule, &scoped).unwrap();
        let Some(other) = compiled.explain(*report, row, &scoped, &UNBOUNDED).unwrap() else { continue };
        let other = tree(repo, &other);
        let removed = changed.removed.clone();
        let still =
            leaves(&other).into_iter().any(|(relation, row)| relation == changed.relation && Some(row) == removed);
        assert!(!still, "the removed row proves it still: {shown}");
        assert!(
            removed.is_some() || other.premises != proof.premises,
            "an absence that is filled proves it still: {shown}"
        );
    }
}
