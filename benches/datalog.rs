//! The Datalog against the same programs compiled by Ascent, on a generated graph of 10,000 nodes and
//! about 50,000 edges: `cargo bench --bench datalog`.
//!
//! Ours reads its facts as texts and compiles its program within the time that is measured.

use ascent::ascent;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use harness::datalog::{Answer, Catalogue, Cell, Column, Constant, Facts, Library, Limits, Schema, Type, compile};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const NODES: u32 = 10_000;

mod closure {
    #![allow(missing_debug_implementations, unreachable_pub, reason = "what the macro makes")]
    super::ascent! {
        pub struct Closure;
        relation edge(u32, u32);
        relation path(u32, u32);
        path(x, y) <-- edge(x, y);
        path(x, z) <-- path(x, y), edge(y, z);
    }
}

mod join {
    #![allow(missing_debug_implementations, unreachable_pub, reason = "what the macro makes")]
    super::ascent! {
        pub struct Join;
        relation edge(u32, u32);
        relation layer(u32, u32);
        relation joined(u32, u32, u32);
        joined(x, y, z) <-- edge(x, y), edge(y, z), layer(x, l), layer(z, l);
    }
}

/// A DAG like that of a large project: most edges go to nodes nearby, many of them to the same few.
struct Graph {
    edges: Vec<(u32, u32)>,
    layers: Vec<(u32, u32)>,
    ids: Vec<String>,
}

impl Graph {
    fn new() -> Self {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut roll = |below: u32| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            u32::try_from((seed >> 33) % u64::from(below)).unwrap_or_default()
        };
        let mut edges = Vec::new();
        for child in 1..NODES {
            for _ in 0..5 {
                let low = child.saturating_sub(400);
                let parent = low + roll((child - low).max(1));
                edges.push((child, if roll(16) == 0 { parent } else { parent / 40 * 40 % child }));
            }
        }
        edges.sort_unstable();
        edges.dedup();
        let layers = (0..NODES).map(|node| (node, node % 4)).collect();
        let ids = (0..NODES).map(|node| format!("model.project.some_model_{node}")).collect();
        Self { edges, layers, ids }
    }

    fn run(&self, program: &str) -> Option<Answer> {
        let compiled = compile(program, &Library::default(), self, &BTreeMap::new()).ok()?;
        compiled.run(self, &Limits { memory: usize::MAX, poll: &|| None }).ok()
    }
}

impl Catalogue for Graph {
    fn schema(&self, relation: &str) -> Option<Schema> {
        let column = |name: &str, of| Column { name: name.to_owned(), of };
        let columns = match relation {
            "edge" => vec![column("from", Type::Node), column("to", Type::Node)],
            "layer" => vec![column("id", Type::Node), column("layer", Type::Int)],
            _ => return None,
        };
        Some(Schema { name: relation.to_owned(), columns })
    }

    fn names(&self) -> Vec<String> {
        vec!["edge".to_owned(), "layer".to_owned()]
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        vec![name.into()]
    }

    fn similar_node(&self, _: &str) -> Option<String> {
        None
    }
}

impl Facts for Graph {
    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        let id = |node: u32| Cell::Text(&self.ids[node as usize]);
        match relation {
            "edge" => self.edges.iter().for_each(|(from, to)| row(&[id(*from), id(*to)])),
            _ => self.layers.iter().for_each(|(node, layer)| row(&[id(*node), Cell::Int(i64::from(*layer))])),
        }
    }
}

const CLOSURE: &str = "path(x, y) :- edge(x, y). path(x, z) :- path(x, y), edge(y, z).
    ?- n = count : { path(_, _) }.";
const JOIN: &str = "joined(x, y, z) :- edge(x, y), edge(y, z), layer(x, l), layer(z, l).
    ?- n = count : { joined(_, _, _) }.";
const BOUND: &str = r#"path(x, y) :- edge(x, y). path(x, z) :- path(x, y), edge(y, z).
    ?- path("model.project.some_model_9000", y)."#;
const LOAD: &str = r#"edge(x, "none")"#;

fn count(answer: Option<Answer>) -> Option<Constant> {
    answer?.rows.first()?.first().cloned()
}

fn benches(criterion: &mut Criterion) {
    let graph = Graph::new();
    let ascent_closure = || {
        let mut program = closure::Closure::default();
        program.edge = graph.edges.clone();
        program.run();
        program.path.len()
    };
    let ascent_join = || {
        let mut program = join::Join::default();
        program.edge = graph.edges.clone();
        program.layer = graph.layers.clone();
        program.run();
        program.joined.len()
    };
    let size = |rows: usize| i64::try_from(rows).ok().map(Constant::Int);
    assert_eq!(count(graph.run(CLOSURE)), size(ascent_closure()));
    assert_eq!(count(graph.run(JOIN)), size(ascent_join()));

    let mut group = criterion.benchmark_group("datalog");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(500));
    group.bench_function("closure", |run| run.iter(|| black_box(graph.run(CLOSURE))));
    group.bench_function("closure, Ascent", |run| run.iter(|| black_box(ascent_closure())));
    group.bench_function("join", |run| run.iter(|| black_box(graph.run(JOIN))));
    group.bench_function("join, Ascent", |run| run.iter(|| black_box(ascent_join())));
    group.bench_function("what one node reaches", |run| run.iter(|| black_box(graph.run(BOUND))));
    group.bench_function("loading alone", |run| run.iter(|| black_box(graph.run(LOAD))));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
