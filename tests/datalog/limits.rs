//! Questions that would run for ever, or need more than there is, are ended by their limits.

use crate::facts::World;
use harness_datalog::{Answer, Constant, Failure, Library, Limits, Stop, compile};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

const ROWS: i64 = 10_000;

fn world() -> World {
    World::default()
        .with("n(x: int)", (0..ROWS).map(|x| vec![Constant::Int(x)]).collect())
        .texts("word(x: text)", &[&["a"], &["b"]])
}

/// Runs a program that may ask `polls` times, and says how often it asked.
fn run(program: &str, memory: usize, polls: u32, stop: Stop) -> (Result<Answer, Failure>, u32) {
    let world = world();
    let compiled = match compile(program, &Library::default(), &world, &BTreeMap::new()) {
        Ok(compiled) => compiled,
        Err(errors) => panic!("{}", errors.iter().map(|error| error.shown("query", program)).collect::<String>()),
    };
    let asked = AtomicU32::new(0);
    let poll = || (asked.fetch_add(1, Ordering::Relaxed) >= polls).then_some(stop);
    (compiled.run(&world, &Limits { memory, poll: &poll }), asked.load(Ordering::Relaxed))
}

/// Each runs for ever, or for longer than anybody waits.
const ENDLESS: [&str; 5] = [
    "p(0). p(n + 1) :- p(n).",
    "n(x), n(y), n(z), x + y + z < 0",
    "c = count : { n(x), n(y), n(z) }",
    "c(x, k) :- n(x), k = count : { n(y), n(z), y * z > x }.",
    "p(\"a\"). p(concat(x, y)) :- p(x), word(y).",
];

#[test]
fn time_ends_what_would_run_for_ever() {
    for program in ENDLESS {
        for stop in [Stop::Timeout, Stop::Interrupted] {
            let (result, asked) = run(program, usize::MAX, 20, stop);
            assert_eq!(result.err(), Some(Failure::Stopped(stop)), "{program}");
            assert_eq!(asked, 21, "{program}");
        }
    }
}

#[test]
fn memory_ends_what_grows_without_end() {
    let bytes = 4 << 20;
    for program in [
        "p(0). p(n + 1) :- p(n).",
        "p(\"a\"). p(concat(x, y)) :- p(x), word(y).",
        "p(\"a\"). p(concat(x, x)) :- p(x). q(x) :- p(x), n(_).\nr(concat(x, y)) :- q(x), n(y).",
        "p(x, y) :- n(x), n(y).",
        "n(x), n(y), 10000000000 + x * 10000 + y < 0",
        "c(x, y, k) :- n(x), n(y), k = count : { n(z), z = x + y }.",
    ] {
        let (result, _) = run(program, bytes, u32::MAX, Stop::Timeout);
        assert_eq!(result.err(), Some(Failure::Memory(bytes)), "{program}");
    }
    // The facts alone may be too many.
    let (result, _) = run("n(x)", 1_000, u32::MAX, Stop::Timeout);
    assert_eq!(result.err(), Some(Failure::Memory(1_000)));
}

#[test]
fn numbers_that_are_too_large_end_the_question() {
    for program in [
        "p(1). p(n * 10) :- p(n).",
        "p(2). p(n * n) :- p(n).",
        "x = 7922816251426433759354395033 * 100",
        "s = sum k : { n(x), k = 7922816251426433759354395033 + x }",
        "p(0 - 1). p(n * 1000) :- p(n).",
    ] {
        let (result, _) = run(program, 64 << 20, u32::MAX, Stop::Timeout);
        assert_eq!(result.err(), Some(Failure::Overflow), "{program}");
    }
}

#[test]
fn texts_that_are_too_long_are_no_values() {
    // Doubling ends at a megabyte: there is no longer text.
    let (result, _) =
        run("p(\"a\"). p(concat(x, x)) :- p(x). c(k) :- k = count : { p(_) }.", 64 << 20, 1_000, Stop::Timeout);
    assert_eq!(result.unwrap().rows, [[Constant::Int(21)]]);
}
