//! What the programs made of `queries/derived` derive and what the interpreter makes of it are one: what
//! `build/ascent.rs` translates means the same. And each finding has a proof that stands on its leaves.

use crate::facts::{UNBOUNDED, World, answer_with};
use harness::datalog::{Catalogue, Cell, Constant, Facts, Schema, compile, with_cells};
use harness::db::settings::HouseRules;
use harness::db::{Database, Invocation, sym};
use harness::derive::cycles::cycles;
use harness::derive::{self, Derived, coverage, dependencies};
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

/// Gives the rows of one relation.
type Visit<'v> = dyn FnMut(&[Cell<'_>]) + 'v;

/// The rows of a compiled family as lines, by relation.
fn compiled<'r>(
    relations: impl IntoIterator<Item = &'r Derived>,
    visit: impl Fn(&Derived, &mut Visit<'_>),
) -> BTreeMap<&'static str, BTreeSet<String>> {
    let lines = |derived: &Derived| {
        let mut lines = BTreeSet::new();
        visit(derived, &mut |row| {
            let cells: Vec<String> = row.iter().map(|cell| cell.constant().to_string()).collect();
            assert!(lines.insert(cells.join(" ")), "given twice: {} {cells:?}", derived.name);
        });
        (derived.name, lines)
    };
    relations.into_iter().map(lines).collect()
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
            for (relation, expected) in compiled(derive::all(), |derived, emit| (derived.visit)(db, emit)) {
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
        let before = dice.pairs(6, &LAYERS, &LAYERS);
        let known: Vec<&str> = LAYERS.into_iter().filter(|_| dice.roll(3) > 0).collect();
        let on_sources: Vec<&str> = LAYERS.into_iter().filter(|_| dice.roll(3) == 0).collect();
        let two =
            |pairs: &[[&'static str; 2]]| pairs.iter().map(|[a, b]| (sym(&db, a), sym(&db, b))).collect::<Vec<_>>();
        let one = |names: &[&'static str]| names.iter().map(|name| (sym(&db, name),)).collect::<Vec<_>>();
        let facts = dependencies::Facts {
            ref_rows: two(&reads),
            reads_source: two(&reads_source),
            layer: two(&layer),
            layer_folder: two(&folder),
            tenant: two(&tenant),
            known_layer: one(&known),
            may_read: two(&may_read),
            layer_before: two(&before),
            reads_sources: one(&on_sources),
        };
        let rows = dependencies::derive(&db, facts);
        let expected = compiled(&dependencies::RELATIONS, |derived, emit| rows.visit(&db, derived.name, emit));
        let rows = |pairs: &[[&'static str; 2]]| pairs.iter().map(|pair| pair.map(Constant::text).to_vec()).collect();
        let names = |names: &[&'static str]| names.iter().map(|name| vec![Constant::text(name)]).collect();
        let world = World::default()
            .with("ref(child: node, parent: node)", rows(&reads))
            .with("reads_source(child: node, source: node)", rows(&reads_source))
            .with("layer(id: node, layer: name)", rows(&layer))
            .with("layer_folder(id: node, folder: path)", rows(&folder))
            .with("tenant(id: node, tenant: name)", rows(&tenant))
            .with("may_read(layer: name, other: name)", rows(&may_read))
            .with("layer_before(layer: name, other: name)", rows(&before))
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

#[test]
fn coverage_and_its_twin_agree_on_a_thousand_random_sets_of_facts() {
    const MODELS: [&str; 6] = ["m.a", "m.b", "m.c", "m.d", "m.e", "m.f"];
    const SOURCES: [&str; 3] = ["s.x", "s.y", "s.z"];
    const TESTS: [&str; 12] = ["t.1", "t.2", "t.3", "t.4", "t.5", "t.6", "t.7", "t.8", "t.9", "t.10", "t.11", "t.12"];
    const KINDS: [&str; 6] = ["unique", "not_null", "unique", "not_null", "primary_key", "accepted_values"];
    const COLUMNS: [&str; 3] = ["", "id", "code"];
    const LAYERS: [&str; 3] = ["staging", "marts", "platinum"];
    const EVIDENCE: [&str; 4] = ["surrogate key", "partition", "unique_key", "partition"];
    const CONSTRAINTS: [&str; 4] = ["unique", "not_null", "primary_key", "check"];
    let mut dice = Dice(0xc0_7e4a);
    let library = library::embedded().unwrap();
    let db = Database::default();
    let mut derived: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..1_000 {
        let mut some = |names: &[&'static str]| -> Vec<[&'static str; 1]> {
            names.iter().filter(|_| dice.roll(2) > 0).map(|name| [*name]).collect()
        };
        let (models, sources, fresh) = (some(&MODELS), some(&SOURCES), some(&SOURCES));
        let (described, terminal, filters) = (some(&MODELS), some(&LAYERS), some(&TESTS[..4]));
        let mut tests = Vec::new();
        for id in some(&TESTS).into_iter().map(|[id]| id) {
            // Every fourth is a file of its own.
            tests.push(match dice.roll(4) {
                0 => [id, "", "", ""],
                _ => [id, KINDS[dice.roll(6)], MODELS[dice.roll(6)], COLUMNS[dice.roll(3)]],
            });
        }
        let constraints: Vec<_> = dice
            .pairs(6, &MODELS, &CONSTRAINTS)
            .into_iter()
            .map(|[id, kind]| [id, COLUMNS[dice.roll(3)], kind])
            .collect();
        let depends_on = dice.pairs(12, &TESTS, &MODELS);
        let reads = dice.pairs(6, &MODELS, &MODELS);
        let reads_source = dice.pairs(4, &MODELS, &SOURCES);
        let named = dice.pairs(3, &["e.1"], &MODELS);
        let layer = dice.pairs(6, &MODELS, &LAYERS);
        let folder = dice.pairs(6, &MODELS, &LAYERS);
        let candidates: Vec<_> = dice
            .pairs(8, &MODELS, &EVIDENCE)
            .into_iter()
            .map(|[id, kind]| [id, COLUMNS[1 + dice.roll(2)], kind])
            .collect();
        let second = |pairs: &[[&'static str; 2]]| pairs.iter().map(|[_, b]| (sym(&db, b),)).collect::<Vec<_>>();
        let two =
            |pairs: &[[&'static str; 2]]| pairs.iter().map(|[a, b]| (sym(&db, a), sym(&db, b))).collect::<Vec<_>>();
        let one = |names: &[[&'static str; 1]]| names.iter().map(|[name]| (sym(&db, name),)).collect::<Vec<_>>();
        let facts = coverage::Facts {
            model: one(&models),
            yaml_patch: one(&described),
            test: tests.iter().map(|row| row.map(|part| sym(&db, part)).into()).collect(),
            test_filter: one(&filters),
            column_constraint: constraints.iter().map(|row| row.map(|part| sym(&db, part)).into()).collect(),
            depends_on: two(&depends_on),
            ref_rows: second(&reads),
            reads_source: second(&reads_source),
            resource_ref: second(&named),
            layer: two(&layer),
            folder: two(&folder),
            terminal: one(&terminal),
            source: one(&sources),
            freshness: one(&fresh),
            candidate_key: candidates.iter().map(|row| row.map(|part| sym(&db, part)).into()).collect(),
        };
        fn rows<const N: usize>(rows: &[[&'static str; N]], more: usize) -> Vec<Vec<Constant>> {
            let filled = |row: &[&str; N]| row.iter().copied().chain(vec!["-"; more]).map(Constant::text).collect();
            rows.iter().map(filled).collect()
        }
        let derived_rows = coverage::derive(&db, facts);
        let expected = compiled(&coverage::RELATIONS, |derived, emit| derived_rows.visit(&db, derived.name, emit));
        let declared: Vec<[&str; 5]> =
            tests.iter().map(|[id, kind, node, column]| [*id, kind, "", node, column]).collect();
        let world = World::default()
            .with("model(id: node, name: name, path: path)", rows(&models, 2))
            .with("yaml_patch(id: node, path: path)", rows(&described, 1))
            .with("test(id: node, name: name, namespace: name, node: node, column: column)", rows(&declared, 0))
            .with("test_filter(id: node, condition: text)", rows(&filters, 1))
            .with("column_constraint(id: node, column: column, type: name)", rows(&constraints, 0))
            .with("depends_on(child: node, parent: node)", rows(&depends_on, 0))
            .with("ref(child: node, parent: node)", rows(&reads, 0))
            .with("reads_source(child: node, source: node)", rows(&reads_source, 0))
            .with("resource_ref(child: node, parent: node)", rows(&named, 0))
            .with("layer(id: node, layer: name)", rows(&layer, 0))
            .with("folder(id: node, folder: name)", rows(&folder, 0))
            .with("terminal(layer: name)", rows(&terminal, 0))
            .with("source(id: node, source: name, table: name, path: path)", rows(&sources, 3))
            .with("freshness(id: node)", rows(&fresh, 0))
            .with("candidate_key(id: node, key: text, kind: name)", rows(&candidates, 0));
        for (relation, expected) in expected {
            let question = format!("?- {relation}({}).", columns_of(relation));
            let found: BTreeSet<String> = answer_with(&world, library, &question).into_iter().collect();
            assert_eq!(found, expected, "{relation}\n{world:?}");
            *derived.entry(relation).or_default() += found.len();
        }
    }
    assert!(derived.values().all(|rows| *rows > 300), "{derived:?}");
}

/// A repo without one row of a relation, or with one more.
struct Changed<'r, 'a> {
    repo: &'r Repo<'a>,
    relation: String,
    removed: Option<Vec<Constant>>,
    added: Option<Vec<Constant>>,
    /// The rows of a relation of the library, which are facts then.
    derived: Option<Vec<Vec<Constant>>>,
}

impl Catalogue for Changed<'_, '_> {
    fn schema(&self, relation: &str) -> Option<Schema> {
        let is_fact = self.derived.is_some() && relation == self.relation;
        let given = || library::embedded().unwrap().schema(relation).filter(|_| is_fact).cloned();
        self.repo.schema(relation).or_else(given)
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
        let is_removed = |row: &&Vec<Constant>| self.removed.as_ref() == Some(*row);
        for row in self.derived.iter().flatten().filter(|row| is_changed && !is_removed(row)) {
            with_cells(row, |cells| visit(cells));
        }
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

/// The rows of a relation that is to be changed, where the library derives it; nothing where it is the rule's
/// own, which cannot be changed from outside.
fn derived_rows(repo: &Repo<'_>, relation: &str) -> Option<Option<Vec<Vec<Constant>>>> {
    if repo.schema(relation).is_some() {
        return Some(None);
    }
    library::embedded().unwrap().schema(relation)?;
    let question = format!("?- {relation}({}).", columns_of(relation));
    let compiled = compile(&question, library::embedded().unwrap(), repo, &BTreeMap::new()).unwrap();
    Some(Some(compiled.run(repo, &UNBOUNDED).unwrap().rows))
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
        if let Some(derived) = derived_rows(repo, relation) {
            changes.push(Changed { repo, relation: relation.to_owned(), removed: Some(row), added: None, derived });
        }
    }
    for (relation, row) in absences(proof) {
        let filled = row.into_iter().map(|value| value.unwrap_or_else(|| Constant::text("anything"))).collect();
        let Some(derived) = derived_rows(repo, relation) else { continue };
        changes.push(Changed { repo, relation: relation.to_owned(), removed: None, added: Some(filled), derived });
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
