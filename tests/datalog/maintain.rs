//! Rows that are kept up to date equal those of a fresh evaluation, whatever facts come and go.

#![allow(dead_code, reason = "the helpers serve other tests as well")]

use crate::facts::{UNBOUNDED, World};
use crate::naive;
use crate::naive::{Dice, Literal, Random, Rule, Term};
use harness_datalog::{
    Catalogue, Cell, Constant, Facts, Forms, Kept, Library, Maintained, Part, PartedFacts, Programs, Refused, Reports,
    Schema, with_cells,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const FORMS: Forms<'static> = Forms { heads: &["finding"], row: "at" };

/// Facts in parts, which may share rows.
struct Parted {
    schemas: World,
    relations: BTreeMap<String, Vec<Vec<Vec<Constant>>>>,
    stamps: BTreeMap<String, (u64, Vec<Part>)>,
    clock: u64,
}

impl Parted {
    fn new(random: &Random, dice: &mut Dice) -> Self {
        let mut schemas = World::default();
        let (mut relations, mut stamps) = (BTreeMap::new(), BTreeMap::new());
        for rel in 0..random.base {
            let columns: Vec<String> = (0..random.arities[rel]).map(|column| format!("c{column}: int")).collect();
            schemas = schemas.with(&format!("{}({})", naive::name(rel), columns.join(", ")), Vec::new());
            let mut parts = vec![Vec::new(); 3];
            for row in &random.facts[rel] {
                parts[dice.roll(3)].push(row.iter().copied().map(Constant::Int).collect::<Vec<_>>());
            }
            relations.insert(naive::name(rel), parts);
            stamps.insert(naive::name(rel), (0, (0..3).map(|key| Part { key, stamp: 0 }).collect::<Vec<_>>()));
        }
        Self { schemas, relations, stamps, clock: 0 }
    }

    /// A row comes or goes somewhere.
    fn change(&mut self, random: &Random, dice: &mut Dice) {
        let rel = dice.roll(random.base);
        let at = dice.roll(3);
        self.clock += 1;
        let part = &mut self.relations.get_mut(&naive::name(rel)).unwrap()[at];
        if dice.roll(2) == 0 && !part.is_empty() {
            part.remove(dice.roll(part.len()));
        } else {
            let roll = |_| Constant::Int(dice.roll(naive::DOMAIN as usize) as i64);
            part.push((0..random.arities[rel]).map(roll).collect());
        }
        let stamps = self.stamps.get_mut(&naive::name(rel)).unwrap();
        stamps.0 = self.clock;
        stamps.1[at].stamp = self.clock;
    }
}

impl Facts for Parted {
    fn visit(&self, relation: &str, visit: &mut dyn FnMut(&[Cell<'_>])) {
        let rows: BTreeSet<&Vec<Constant>> = self.relations[relation].iter().flatten().collect();
        rows.into_iter().for_each(|row| with_cells(row, |cells| visit(cells)));
    }
}

impl PartedFacts for Parted {
    fn parts(&self, relation: &str) -> Option<(u64, &[Part])> {
        self.stamps.get(relation).map(|(stamp, parts)| (*stamp, parts.as_slice()))
    }

    fn visit_part(&self, relation: &str, part: &Part, visit: &mut dyn FnMut(&[Cell<'_>])) {
        self.relations[relation][part.key as usize].iter().for_each(|row| with_cells(row, |cells| visit(cells)));
    }
}

impl Catalogue for Parted {
    fn schema(&self, relation: &str) -> Option<Schema> {
        self.schemas.schema(relation)
    }

    fn names(&self) -> Vec<String> {
        self.schemas.names()
    }

    fn nodes(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn similar_node(&self, _: &str) -> Option<String> {
        None
    }
}

/// Makes relations read only those before them.
fn straighten(random: &mut Random, dice: &mut Dice) {
    let arities = random.arities.clone();
    for rule in &mut random.rules {
        let head = rule.head;
        for literal in &mut rule.body {
            if let Literal::Atom { rel, args, .. } = literal
                && *rel >= head
            {
                let fit: Vec<usize> = (0..head).filter(|rel| arities[*rel] >= args.len()).collect();
                *rel = if fit.is_empty() { 0 } else { fit[dice.roll(fit.len())] };
                args.resize(arities[*rel].max(args.len()), Term::Any);
            }
        }
    }
    random.rules.retain(|rule| {
        rule.body
            .iter()
            .all(|literal| !matches!(literal, Literal::Atom { rel, args, .. } if arities[*rel] != args.len()))
    });
    for rel in random.base..arities.len() {
        if random.rules.iter().all(|rule| rule.head != rel) {
            let args = vec![Term::Const(1); arities[rel]];
            let body = vec![Literal::Atom { negated: false, rel: 0, args: vec![Term::Any; arities[0]] }];
            random.rules.push(Rule { head: rel, args, body, vars: 0 });
        }
    }
}

/// The program with a report of each derived relation.
fn reports(random: &Random) -> (String, Reports) {
    let mut text = random.text();
    for rel in random.base..random.arities.len() {
        let vars: Vec<String> = (0..random.arities[rel]).map(|var| format!("x{var}")).collect();
        let vars = vars.join(", ");
        text.push_str(&format!("finding({vars}) :- {}({vars}).\n", naive::name(rel)));
    }
    let reports = Reports::parse(&text, FORMS).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    (text, reports)
}

fn rows(maintained: &Maintained, kept: &[Kept]) -> Vec<BTreeSet<Vec<Constant>>> {
    let of = |kept: &Kept| maintained.rows(*kept).map(|row| maintained.row(*kept, row)).collect();
    kept.iter().map(of).collect()
}

fn fresh(reports: &Reports, parted: &Parted) -> Vec<BTreeSet<Vec<Constant>>> {
    let compiled = reports.compile(&Library::default(), parted, &BTreeMap::new()).unwrap();
    let (answers, _) = compiled.run(parted, &UNBOUNDED).unwrap();
    answers.into_iter().map(|rows| rows.into_iter().collect()).collect()
}

#[test]
fn maintained_rows_equal_fresh_ones_whatever_comes_and_goes() {
    let library = Library::default();
    let (mut maintained_programs, mut refused) = (0, 0);
    for seed in 1..120 {
        let mut dice = Dice(seed * 7919);
        let mut random = Random::roll(&mut dice);
        if seed % 20 > 0 {
            straighten(&mut random, &mut dice);
        }
        let mut parted = Parted::new(&random, &mut dice);
        let (text, reports) = reports(&random);
        let mut programs = Programs::new(&library);
        let compiled = reports.compile_on(&library, &parted, &BTreeMap::new(), &mut programs.values()).unwrap();
        let kept = match programs.add("test", &compiled, &[], &|_| true) {
            Ok(kept) => kept,
            Err(Refused::Recursion) => {
                refused += 1;
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
        maintained_programs += 1;
        let mut maintained = programs.start(&parted).unwrap();
        assert_eq!(rows(&maintained, &kept), fresh(&reports, &parted), "seed {seed} at the start\n{text}");
        for step in 0..25 {
            let before = rows(&maintained, &kept);
            for _ in 0..1 + dice.roll(3) {
                parted.change(&random, &mut dice);
            }
            maintained.update(&parted).unwrap();
            let now = rows(&maintained, &kept);
            assert_eq!(now, fresh(&reports, &parted), "seed {seed} step {step}\n{text}");
            for (at, kept) in kept.iter().enumerate() {
                let values = |rows: Vec<u32>| rows.into_iter().map(|row| maintained.row(*kept, row)).collect();
                let (came, went): (BTreeSet<_>, BTreeSet<_>) = {
                    let (came, went) = maintained.changes(*kept);
                    (values(came), values(went))
                };
                assert_eq!(came, &now[at] - &before[at], "seed {seed} step {step}");
                assert_eq!(went, &before[at] - &now[at], "seed {seed} step {step}");
                assert_eq!(maintained.count(*kept), now[at].len());
            }
        }
    }
    assert!(maintained_programs > 90 && refused > 0, "{maintained_programs} {refused}");
}

#[test]
fn facts_that_are_held_are_those_there_are_and_have_another_version_when_rows_came_or_went() {
    let library = Library::default();
    let (mut same, mut other) = (0, 0);
    for seed in 1..40 {
        let mut dice = Dice(seed * 104_729);
        let random = Random::roll(&mut dice);
        let mut parted = Parted::new(&random, &mut dice);
        let (text, reports) = reports(&random);
        let mut programs = Programs::new(&library);
        let compiled = reports.compile_on(&library, &parted, &BTreeMap::new(), &mut programs.values()).unwrap();
        programs.hold(&compiled, &|_| true);
        let mut maintained = programs.start(&parted).unwrap();
        let held: Vec<String> = maintained.facts().map(str::to_owned).collect();
        for step in 0..20 {
            let before: Vec<_> = held.iter().map(|name| (rows_of(&parted, name), maintained.version(name))).collect();
            parted.change(&random, &mut dice);
            maintained.update(&parted).unwrap();
            for (name, (rows, version)) in held.iter().zip(before) {
                let mut now = BTreeSet::new();
                assert!(maintained.visit(name, &mut |row| {
                    now.insert(row.iter().copied().map(Cell::constant).collect::<Vec<_>>());
                }));
                assert_eq!(now, rows_of(&parted, name), "seed {seed} step {step} {name}\n{text}");
                assert_eq!(maintained.version(name) == version, now == rows, "seed {seed} step {step} {name}");
                *(if now == rows { &mut same } else { &mut other }) += 1;
            }
        }
        assert!(!maintained.visit("nobody", &mut |_| ()) && maintained.version("nobody").is_none());
    }
    assert!(same > 100 && other > 100, "{same} {other}");
}

fn rows_of(parted: &Parted, relation: &str) -> BTreeSet<Vec<Constant>> {
    parted.relations[relation].iter().flatten().cloned().collect()
}
