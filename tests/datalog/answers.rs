//! The language: programs with known answers, errors with places, proofs, demand; and random programs
//! against an evaluator that is too simple to be wrong.

use crate::facts::{UNBOUNDED, World, answer};
use crate::naive;
use crate::naive::{Dice, Random};
use harness_datalog::{Constant, Library, Proof, ProofKind, compile};
use std::collections::{BTreeMap, BTreeSet};

fn edges(pairs: &[(&str, &str)]) -> World {
    let rows = pairs.iter().map(|(from, to)| vec![Constant::text(from), Constant::text(to)]).collect();
    World::default().with("edge(from: node, to: node)", rows)
}

#[test]
fn the_closure_of_a_chain_and_a_cycle() {
    let world = edges(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]);
    for rules in [
        "path(x, y) :- edge(x, y). path(x, z) :- path(x, y), edge(y, z).",
        "path(x, y) :- edge(x, y). path(x, z) :- edge(x, y), path(y, z).",
        "path(x, y) :- edge(x, y). path(x, z) :- path(x, y), path(y, z).",
    ] {
        assert_eq!(answer(&world, &format!(r#"{rules} ?- path("d", x)."#)), ["a", "b", "c"]);
        assert_eq!(answer(&world, &format!(r#"{rules} ?- path(x, "b")."#)), ["a", "b", "c", "d"]);
        assert_eq!(answer(&world, rules).len(), 12);
        assert_eq!(answer(&world, &format!(r#"{rules} ?- path("a", "d")."#)).len(), 0);
        assert_eq!(answer(&world, &format!(r#"{rules} ?- path("d", "c")."#)).len(), 1);
    }
}

#[test]
fn same_generation() {
    let world = World::default().texts(
        "parent(child: name, parent: name)",
        &[&["ann", "carl"], &["bob", "carl"], &["carl", "eve"], &["dan", "fay"], &["fay", "eve"], &["gus", "dan"]],
    );
    let program = "sg(x, x) :- parent(x, _). sg(x, x) :- parent(_, x).
        sg(x, y) :- parent(x, p), sg(p, q), parent(y, q).";
    assert_eq!(answer(&world, &format!(r#"{program} ?- sg("ann", x)."#)), ["ann", "bob", "dan"]);
}

#[test]
fn what_cannot_be_reached() {
    let world = edges(&[("a", "b"), ("b", "c"), ("d", "e")]);
    let program = "node(x) :- edge(x, _). node(x) :- edge(_, x).
        path(x, y) :- edge(x, y). path(x, z) :- edge(x, y), path(y, z).";
    assert_eq!(answer(&world, &format!(r#"{program} ?- node(x), !path("a", x)."#)), ["a", "d", "e"]);
    assert_eq!(
        answer(&world, &format!("{program} lonely(x, y) :- node(x), node(y), !path(x, y), !path(y, x), x != y.")).len(),
        12
    );
}

#[test]
fn shortest_ways_by_min() {
    let world = World::default().with(
        "way(from: name, to: name, cost: int)",
        [("a", "b", 4), ("a", "c", 1), ("c", "b", 2), ("b", "d", 5), ("c", "d", 9)]
            .iter()
            .map(|(from, to, cost)| vec![Constant::text(from), Constant::text(to), Constant::Int(*cost)])
            .collect(),
    );
    let program = "cost(\"a\", 0). cost(y, c + d) :- cost(x, c), way(x, y, d).
        best(x, m) :- cost(x, _), m = min c : { cost(x, c) }.";
    assert_eq!(answer(&world, program), ["a 0", "b 3", "c 1", "d 8"]);
}

#[test]
fn aggregates_over_negation() {
    let world = edges(&[("a", "b"), ("a", "c"), ("b", "c"), ("d", "c")]).texts("tested(id: node)", &[&["c"]]);
    let program = "node(x) :- edge(x, _). node(x) :- edge(_, x).
        open(x) :- node(x), !tested(x).
        ?- node(x), n = count : { edge(y, x), open(y) }, n > 0.";
    assert_eq!(answer(&world, program), ["b 1", "c 3"]);
    assert_eq!(answer(&world, "n = count : { edge(_, x), !tested(x) }"), ["1"]);
    assert_eq!(answer(&world, "n = count : { edge(\"none\", _) }, s = sum 1 : { edge(_, _) }"), ["0 4"]);
    assert_eq!(answer(&world, "m = max x : { edge(x, _) }, k = mean length(x) : { edge(x, _) }"), ["d 1"]);
    assert!(answer(&world, "m = max x : { edge(x, \"none\") }").is_empty());
}

#[test]
fn a_list_has_each_value_once_in_the_order_of_values() {
    let world = edges(&[("a", "c"), ("b", "c"), ("d", "c"), ("a", "b")]);
    assert_eq!(answer(&world, "edge(_, x), l = list y : { edge(y, x) }"), ["b a", "c a, b, d"]);
    assert_eq!(answer(&world, "l = list y : { edge(y, _) }"), ["a, b, d"]);
    assert_eq!(answer(&world, "l = list length(y) * 10 : { edge(y, _) }"), ["10"]);
    assert_eq!(answer(&world, "l = list y : { edge(y, \"none\") }, n = length(l)"), [" 0"]);
    assert_eq!(answer(&world, "n(9). n(10). n(0.5). ?- l = list x : { n(x) }."), ["0.5, 9, 10"]);
}

#[test]
fn mutual_recursion() {
    let world = edges(&[("0", "1"), ("1", "2"), ("2", "3"), ("3", "4")]);
    let program = "even(\"0\"). even(y) :- odd(x), edge(x, y). odd(y) :- even(x), edge(x, y). ?- even(x).";
    assert_eq!(answer(&world, program), ["0", "2", "4"]);
}

#[test]
fn points_to() {
    let world = World::default()
        .texts("new(var: name, object: name)", &[&["p", "o1"], &["q", "o2"], &["r", "o3"]])
        .texts("assign(to: name, from: name)", &[&["s", "p"], &["s", "q"], &["t", "w"]])
        .texts("store(base: name, field: name, from: name)", &[&["s", "f", "r"]])
        .texts("load(to: name, base: name, field: name)", &[&["w", "p", "f"], &["u", "p", "g"]]);
    let program = "
        points(v, o) :- new(v, o).
        points(v, o) :- assign(v, w), points(w, o).
        holds(b, f, o) :- store(v, f, w), points(v, b), points(w, o).
        points(v, o) :- load(v, w, f), points(w, b), holds(b, f, o).
        ?- points(v, o), v != \"p\", v != \"q\", v != \"r\".";
    assert_eq!(answer(&world, program), ["s o1", "s o2", "t o3", "w o3"]);
}

#[test]
fn arguments_by_name_and_texts() {
    let world = World::default().texts(
        "node(id: node, type: name, name: name)",
        &[&["model.a", "model", "a"], &["model.b_x", "model", "b_x"], &["seed.c", "seed", "c"]],
    );
    assert_eq!(answer(&world, r#"node(id: m, type: "model")"#), ["model.a", "model.b_x"]);
    assert_eq!(answer(&world, r#"node(name: n, type: t), t != "model""#), ["c seed"]);
    assert_eq!(answer(&world, r#"node(id: m), ends_with(m, "_x")"#), ["model.b_x"]);
    assert_eq!(answer(&world, r#"node(id: m, name: n), !matches(n, "^[ab]")"#), ["seed.c c"]);
    assert_eq!(
        answer(&world, r#"node(name: n), x = upper(concat(n, "-", length(n))), contains(x, "B")"#),
        ["b_x B_X-3"]
    );
    assert_eq!(answer(&world, r#"node(name: n), (n = "a"; n = "c")"#), ["a", "c"]);
    assert_eq!(answer(&world, r#"node(id: m, name: n), concat("model.", n) = m"#), ["model.a a", "model.b_x b_x"]);
    assert_eq!(answer(&world, r#"x = substring("abcdef", 1, 3), y = replace(x, "b", "-")"#), ["bcd -cd"]);
    assert_eq!(answer(&world, r#"node(name: "a")"#), [""], "a question without variables has one empty row or none");
    assert!(answer(&world, r#"node(name: "z")"#).is_empty());
}

#[test]
fn numbers_are_exact_and_a_division_by_nought_has_no_row() {
    let world = World::default();
    assert_eq!(answer(&world, "x = 0.1 + 0.2, x = 0.3"), ["0.3"]);
    assert_eq!(answer(&world, "x = 7 / 2, y = 6 / 2, z = 7 % 2, w = -(3)"), ["3.5 3 1 -3"]);
    assert!(answer(&world, "x = 1 / 0").is_empty());
    assert_eq!(answer(&world, "p(1). p(10). p(9.5). ?- p(x), x >= 9.5."), ["9.5", "10"]);
}

#[test]
fn facts_and_declarations_in_the_text() {
    let world = edges(&[("a", "b")]);
    let program = "// what is wanted\n.decl wanted(id: node)\nwanted(\"a\"). /* and */ ?- wanted(x), edge(x, y).";
    assert_eq!(answer(&world, program), ["a b"]);
    assert_eq!(answer(&world, "p(\"x\", 2). p(\"y\", 1)."), ["x 2", "y 1"], "the head of the last rule is the answer");
}

#[test]
fn an_aggregate_is_grouped_by_what_stands_outside() {
    let world = edges(&[("a", "b"), ("a", "c"), ("b", "c")]);
    let program = "node(x) :- edge(x, _). node(x) :- edge(_, x).
        ?- node(x), readers = count : { edge(_, x) }, reads = count : { edge(x, y), y != \"b\" }.";
    assert_eq!(answer(&world, program), ["a 0 1", "b 1 1", "c 2 0"]);
    let nested = "node(x) :- edge(x, _). node(x) :- edge(_, x). 
        ?- n = max k : { node(x), k = count : { edge(x, _) } }.";
    assert_eq!(answer(&world, nested), ["2"]);
}

/// The facts of a random program as relations.
fn world_of(random: &Random) -> World {
    let mut world = World::default();
    for rel in 0..random.base {
        let columns: Vec<String> = (0..random.arities[rel]).map(|at| format!("c{at}: int")).collect();
        let rows =
            random.facts[rel].iter().map(|row| row.iter().map(|value| Constant::Int(*value)).collect()).collect();
        world = world.with(&format!("{}({})", naive::name(rel), columns.join(", ")), rows);
    }
    world
}

fn constants(row: &[i64]) -> Vec<Constant> {
    row.iter().map(|value| Constant::Int(*value)).collect()
}

#[test]
fn random_programs_have_the_rows_of_a_naive_evaluator() {
    let mut dice = Dice(0x5eed);
    for number in 0..1_000 {
        let random = Random::roll(&mut dice);
        let (rows, _) = random.solve();
        let world = world_of(&random);
        let text = random.text();
        for (rel, known) in rows.iter().enumerate().skip(random.base) {
            let vars: Vec<String> = (0..random.arities[rel]).map(|at| format!("v{at}")).collect();
            let question = format!("{text}?- {}({}).", naive::name(rel), vars.join(", "));
            let found = run(&world, &question);
            let expected: Vec<Vec<Constant>> = known.iter().map(|row| constants(row)).collect();
            assert_eq!(found, expected, "program {number}\n{question}");
            // With a known value only what it demands is derived.
            let asked = dice.roll(naive::DOMAIN as usize) as i64;
            let at = dice.roll(vars.len());
            let mut args = vars.clone();
            args[at] = asked.to_string();
            let question = format!("{text}?- {}({}).", naive::name(rel), args.join(", "));
            let expected: BTreeSet<Vec<Constant>> = known
                .iter()
                .filter(|row| row[at] == asked)
                .map(|row| {
                    constants(row)
                        .into_iter()
                        .enumerate()
                        .filter(|(other, _)| *other != at)
                        .map(|(_, value)| value)
                        .collect()
                })
                .collect();
            let found: BTreeSet<Vec<Constant>> = run(&world, &question).into_iter().collect();
            assert_eq!(found, expected, "program {number}\n{question}");
        }
    }
}

#[test]
fn each_row_of_a_random_program_has_a_proof_of_minimal_height() {
    let mut dice = Dice(0xbead);
    for number in 0..150 {
        let random = Random::roll(&mut dice);
        let (rows, heights) = random.solve();
        let world = world_of(&random);
        let text = random.text();
        for (rel, known) in rows.iter().enumerate().skip(random.base) {
            let vars: Vec<String> = (0..random.arities[rel]).map(|at| format!("v{at}")).collect();
            let question = format!("{text}?- {}({}).", naive::name(rel), vars.join(", "));
            let compiled = compile(&question, &Library::default(), &world, &BTreeMap::new()).unwrap();
            let all: Vec<Vec<Constant>> = known.iter().map(|row| constants(row)).collect();
            let proofs = compiled.explain_all(&all, &world, &UNBOUNDED).unwrap();
            for (row, proof) in known.iter().zip(proofs) {
                let proof = proof.unwrap_or_else(|| panic!("program {number}: no proof of {row:?}\n{question}"));
                assert_eq!(proof.height, heights[&(rel, row.clone())] + 1, "program {number}: {row:?}\n{question}");
                well_founded(&proof, &world);
            }
            let foreign = vec![Constant::Int(77); vars.len()];
            assert_eq!(compiled.explain(&foreign, &world, &UNBOUNDED).unwrap(), None);
        }
    }
}

/// Each premise is lower than what it proves, and each fact is one.
fn well_founded(proof: &Proof, world: &World) {
    for premise in &proof.premises {
        if matches!(premise.kind, ProofKind::Rule | ProofKind::Above) {
            assert!(premise.height < proof.height);
        }
        if premise.kind == ProofKind::Fact {
            let row: Vec<Constant> = premise.args.iter().map(|(value, _)| value.clone().unwrap()).collect();
            let facts = world.relations.get(&premise.relation);
            assert!(facts.is_none_or(|(_, rows)| rows.contains(&row)), "{premise:?}");
        }
        well_founded(premise, world);
    }
}

fn run(world: &World, program: &str) -> Vec<Vec<Constant>> {
    let compiled = match compile(program, &Library::default(), world, &BTreeMap::new()) {
        Ok(compiled) => compiled,
        Err(errors) => {
            let shown: Vec<String> = errors.iter().map(|error| error.shown("query", program)).collect();
            panic!("{program}\n{}", shown.concat());
        }
    };
    compiled.run(world, &UNBOUNDED).unwrap().rows
}
