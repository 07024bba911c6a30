//! Only what a question needs is derived: counted on a graph whose closure is far too large.

use crate::facts::{UNBOUNDED, World};
use harness_datalog::{Constant, Library, Statistics, compile};
use std::collections::{BTreeMap, BTreeSet};

const NODES: usize = 10_000;
const EDGES: usize = 50_000;
/// A node in the middle, which reaches thousands and is reached by thousands.
const A: usize = 9_120;

/// A DAG whose edges lead to smaller numbers nearby, in chunks that few edges leave.
struct Graph {
    to: Vec<BTreeSet<usize>>,
    from: Vec<BTreeSet<usize>>,
}

impl Graph {
    fn new() -> Self {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut roll = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 33) as usize % below
        };
        let mut graph = Self { to: vec![BTreeSet::new(); NODES], from: vec![BTreeSet::new(); NODES] };
        let mut count = 0;
        while count < EDGES {
            let child = 1 + roll(NODES - 1);
            let chunk = child / 500 * 500;
            let parent = if chunk == child || roll(2_000) == 0 { child - 1 } else { chunk + roll(child - chunk) };
            if graph.to[child].insert(parent) {
                graph.from[parent].insert(child);
                count += 1;
            }
        }
        graph
    }

    fn walk(edges: &[BTreeSet<usize>], start: usize) -> u64 {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(node) = open.pop() {
            open.extend(edges[node].iter().filter(|next| seen.insert(**next)));
        }
        seen.len() as u64
    }

    fn world(&self) -> World {
        let id = |node: usize| Constant::text(&format!("model.{node}"));
        let edges = self
            .to
            .iter()
            .enumerate()
            .flat_map(|(child, to)| to.iter().map(move |parent| vec![id(child), id(*parent)]));
        let layers = (0..NODES).map(|node| vec![id(node), Constant::text(layer(node))]);
        let mut world = World::default()
            .with("ref(child: node, parent: node)", edges.collect())
            .with("layer(id: node, layer: name)", layers.collect());
        world.nodes = vec![("a".to_owned(), format!("model.{A}"))];
        world
    }
}

fn layer(node: usize) -> &'static str {
    if node.is_multiple_of(2_003) { "marts" } else { "staging" }
}

const LEFT: &str = "reaches(c, a) :- ref(c, a). reaches(c, a) :- reaches(c, b), ref(b, a). ";
const RIGHT: &str = "reaches(c, a) :- ref(c, a). reaches(c, a) :- ref(c, b), reaches(b, a). ";
const BOTH: &str = "reaches(c, a) :- ref(c, a). reaches(c, a) :- reaches(c, b), reaches(b, a). ";

fn library() -> Library {
    let text = ".decl reaches(child: node, ancestor: node)
        reaches(c, a) :- ref(c, a).
        reaches(c, a) :- reaches(c, b), ref(b, a).";
    Library::read([("reaches.dl", text)]).unwrap()
}

/// The question with each definition of `reaches`, and through the library.
fn counts(world: &World, question: &str) -> Vec<(usize, Statistics)> {
    [LEFT, RIGHT, BOTH, ""]
        .into_iter()
        .map(|rules| {
            let (library, program) = match rules {
                "" => (library(), question.to_owned()),
                rules => (Library::default(), format!("{rules}?- {question}.")),
            };
            let compiled = match compile(&program, &library, world, &BTreeMap::new()) {
                Ok(compiled) => compiled,
                Err(errors) => panic!("{}", errors[0].shown("query", &program)),
            };
            let answer = compiled.run(world, &UNBOUNDED).unwrap();
            (answer.rows.len(), answer.statistics)
        })
        .collect()
}

fn derived(statistics: &Statistics, relation: &str) -> u64 {
    statistics.derived.get(relation).copied().unwrap_or_default()
}

#[test]
fn only_what_is_asked_for_is_derived() {
    let graph = Graph::new();
    let world = graph.world();
    let (down, up) = (Graph::walk(&graph.to, A), Graph::walk(&graph.from, A));
    let marts: u64 = (0..NODES).filter(|node| layer(*node) == "marts").map(|node| Graph::walk(&graph.to, node)).sum();
    let marts_count = (0..NODES).filter(|node| layer(*node) == "marts").count();
    assert!(down > 300 && up > 80 && marts > 300, "{down} {up} {marts}");
    let others = NODES - usize::try_from(down).unwrap();
    // Question, its rows, rows of `reaches` that it needs.
    for (question, rows, needed) in [
        ("reaches(@a, x)", usize::try_from(down).unwrap(), down),
        ("reaches(x, @a)", usize::try_from(up).unwrap(), up),
        ("x = @a, reaches(x, y)", usize::try_from(down).unwrap(), down),
        ("layer(x, _), !reaches(@a, x)", others, down),
        ("layer(x, _), !reaches(x, @a)", NODES - usize::try_from(up).unwrap(), up),
        ("n = count : { reaches(@a, _) }", 1, down),
        ("n = count : { reaches(_, @a) }", 1, up),
        ("layer(m, \"marts\"), n = count : { reaches(m, x) }", marts_count, marts),
        ("n = count : { reaches(m, _) }, layer(m, \"marts\")", marts_count, marts),
        ("layer(m, l), l = \"marts\", n = count : { reaches(m, x), layer(x, \"marts\") }", marts_count, marts),
        ("layer(m, \"marts\"), reaches(m, x)", usize::try_from(marts).unwrap(), marts),
    ] {
        for (definition, (found, statistics)) in counts(&world, question).into_iter().enumerate() {
            let place = format!("{question}, definition {definition}: {statistics:?}");
            assert_eq!(found, rows, "{place}");
            assert!(derived(&statistics, "reaches") <= needed, "needed {needed}; {place}");
            assert!(derived(&statistics, "?reaches") <= marts_count as u64, "{place}");
            let all: u64 = statistics.derived.values().sum();
            assert!(all <= needed + rows as u64 + 2 * marts_count as u64, "{place}");
        }
    }
}

#[test]
fn what_both_ends_say_is_derived_from_one_of_them() {
    let graph = Graph::new();
    let world = graph.world();
    let most = Graph::walk(&graph.to, A).max(Graph::walk(&graph.from, A)) + 1;
    for (_, statistics) in counts(&world, "reaches(@a, \"model.9010\")") {
        assert!(derived(&statistics, "reaches") + derived(&statistics, "?reaches") <= 2 * most, "{statistics:?}");
    }
}

#[test]
fn a_rule_between_hands_the_demand_on() {
    let graph = Graph::new();
    let world = graph.world();
    let down = Graph::walk(&graph.to, A);
    let program = format!(
        "{LEFT} wide(c, a) :- reaches(c, a), layer(a, \"staging\"). far(c, a) :- wide(c, a), !ref(c, a). ?- far(@a, x)."
    );
    let compiled = compile(&program, &Library::default(), &world, &BTreeMap::new()).unwrap();
    let statistics = compiled.run(&world, &UNBOUNDED).unwrap().statistics;
    assert!(statistics.derived.values().sum::<u64>() <= 4 * down + 4, "{statistics:?}");
}
