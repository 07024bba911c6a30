//! Damaged questions: each compiles or is refused with places that lie inside of its text, and what
//! compiles runs within its limits. Nothing panics or hangs.
//!
//! `HARNESS_FUZZ_CASES` and `HARNESS_FUZZ_SEED` are as in tests/fuzz.rs.

use crate::naive::Dice;
use crate::wrong;
use harness_datalog::{Diagnostic, Library, Limits, Stop, compile};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What the tests ask, the embedding's own programs and what is wrong already.
fn seeds() -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seeds: Vec<String> = Vec::new();
    let tests = std::fs::read_to_string(root.join("tests/datalog/answers.rs")).unwrap();
    // Raw and plain texts of the tests that look like a part of a program.
    for part in tests.split('"').flat_map(|part| part.split("#\"")) {
        if part.contains('(') && part.contains([',', '.']) && !part.contains("assert") && !part.contains("fn ") {
            seeds.push(part.replace("\\\"", "\"").replace("{program} ", "").replace("{rules} ", ""));
        }
    }
    for folder in ["queries/derived", "queries/ask"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            match text.split_once("```datalog") {
                Some((_, rest)) => seeds.push(rest.split("```").next().unwrap_or_default().to_owned()),
                None => seeds.push(text),
            }
        }
    }
    let wrong = [wrong::NAMES, wrong::VARIABLES, wrong::TYPES, wrong::RECURSION, wrong::FUNCTIONS, wrong::SYNTAX];
    seeds.extend(
        wrong.iter().chain([&wrong::SEVERAL]).flat_map(|programs| programs.iter()).map(|(_, text)| (*text).to_owned()),
    );
    seeds.extend(WHOLE.iter().map(|text| (*text).to_owned()));
    seeds
}

/// Programs that run here, so that little damage leaves something to run.
const WHOLE: [&str; 13] = [
    "path(x, y) :- edge(x, y). path(x, z) :- edge(x, y), path(y, z). ?- path(\"d\", x).",
    "sg(x, x) :- edge(x, _). sg(x, y) :- edge(x, p), sg(p, q), edge(y, q). ?- sg(\"a\", x), x != \"b\".",
    "h(x) :- edge(x, _). h(x) :- edge(_, x). path(x, y) :- edge(x, y). path(x, z) :- path(x, y), path(y, z). lonely(x, y) :- h(x), h(y), !path(x, y), x != y.",
    "h(x) :- edge(x, _). ?- n = max k : { h(x), k = count : { edge(x, _) } }, (n = 1; n > 1).",
    "node(id: m, type: t, name: n), x = upper(concat(n, \"-\", length(t))), !matches(x, \"^[ab]\"), size(id: m, lines: l), l * 2 > 0.5",
    "way(m, 1) :- ref(m, p), p = @stg.\nway(m, n + 1) :- way(p, n), ref(m, p), n < 100.\n?- way(m, _), s = min n : { way(m, n) }.",
    "p(x, y) :- ref(x, y). p(x, z) :- p(x, y), p(y, z). ?- p(@orders, x), !ref(x, @orders).",
    "n(0). n(x + 1) :- n(x), x < 50. ?- n(x), n(y), s = sum z : { n(z), z < x }, s > y * 2.",
    "t(\"a\"). t(concat(x, x)) :- t(x), length(x) < 1000. ?- t(x), matches(x, \"^a+$\"), n = length(x).",
    "reaches(x, y), layer(x, $layer), n = count : { reaches(y, _) }, (n > 1; n = 0).",
    "even(0). even(x) :- odd(y), x = y + 1, x < 30. odd(x) :- even(y), x = y + 1. ?- even(x), !odd(x).",
    "best(m, k) :- layer(m, _), k = max n : { size(m, n) }. ?- best(m, k), a = mean n : { size(_, n) }, k >= a / 2.",
    "r(x, y, substring(x, 1, 3)) :- ref(x, y), contains(y, \".\"). q(replace(z, \"o\", \"\"), to_text(4.5 % 2)) :- r(_, _, z).",
];

const PIECES: [&str; 40] = [
    "(",
    ")",
    "{",
    "}",
    ",",
    ".",
    ";",
    ":-",
    "?-",
    "!",
    "=",
    "!=",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "_",
    "\"",
    "'",
    "\\",
    "//",
    "/*",
    "*/",
    "\n",
    "é",
    "\u{feff}",
    "\0",
    "@orders",
    "$layer",
    "count : {",
    "sum x : {",
    "ref(x, y)",
    "!reaches(x, _)",
    "99999999999999999999999999",
    "0.1",
    "x",
    ".decl p(x: node)",
];

fn damaged(dice: &mut Dice, seeds: &[String]) -> String {
    // Half of the texts are programs that run, and half of these are damaged in one place alone.
    let runs = dice.roll(2) == 0;
    let seed = if runs { WHOLE[dice.roll(WHOLE.len())] } else { &seeds[dice.roll(seeds.len())] };
    let mut text: Vec<char> = seed.chars().collect();
    let times = if runs && dice.roll(2) == 0 { 1 } else { 1 + dice.roll(5) };
    for _ in 0..times {
        let at = dice.roll(text.len() + 1);
        let end = (at + dice.roll(12)).min(text.len());
        match dice.roll(12) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, PIECES[dice.roll(PIECES.len())].chars())),
            2 => {
                let copy: Vec<char> = text[at..end].to_vec();
                let to = dice.roll(text.len() + 1);
                text.splice(to..to, copy);
            }
            3 => {
                let other: Vec<char> = seeds[dice.roll(seeds.len())].chars().collect();
                let from = dice.roll(other.len() + 1);
                let until = (from + dice.roll(80)).min(other.len());
                text.splice(at..end, other[from..until].iter().copied());
            }
            // Another whole program in front or behind.
            4 => {
                let other: Vec<char> = seeds[dice.roll(seeds.len())].chars().collect();
                let to = if dice.roll(2) == 0 { 0 } else { text.len() };
                text.splice(to..to, other);
            }
            5 => text.truncate(at.max(1)),
            // One letter or figure for another leaves most of what is written as it was.
            _ => {
                let places: Vec<usize> = (0..text.len()).filter(|at| text[*at].is_ascii_alphanumeric()).collect();
                if !places.is_empty() {
                    let at = places[dice.roll(places.len())];
                    let digits = text[at].is_ascii_digit();
                    text[at] =
                        if digits { ['0', '1', '9'][dice.roll(3)] } else { ['x', 'y', 'n', 'm', 'p'][dice.roll(5)] };
                }
            }
        }
    }
    text.into_iter().collect()
}

fn check(errors: &[Diagnostic], text: &str) {
    for error in errors {
        let (start, end) = (error.span.start as usize, error.span.end as usize);
        assert!(start <= end && text.get(start..end).is_some(), "{error:?}");
        assert!(!error.message.is_empty() && error.message.len() < text.len() + 2_000, "{error:?}");
        assert!(error.shown("query", text).starts_with("query:"), "{error:?}");
    }
}

#[test]
fn damaged_programs_are_refused_with_places_or_run_within_limits() {
    let (library, seeds) = (wrong::library(), seeds());
    let world =
        wrong::world().texts("edge(from: node, to: node)", &[&["a", "b"], &["b", "c"], &["c", "a"], &["d", "a"]]);
    assert!(seeds.len() > 100, "{}", seeds.len());
    let layer = BTreeMap::from([("layer".to_owned(), "marts".to_owned()), ("node".to_owned(), "model.stg".to_owned())]);
    for whole in WHOLE {
        if let Err(errors) = compile(whole, &library, &world, &layer) {
            panic!("{}", errors.iter().map(|error| error.shown("query", whole)).collect::<String>());
        }
    }
    let first = number("HARNESS_FUZZ_SEED", 1);
    let (mut ran, mut rows) = (0_u64, 0);
    let mut slowest = Duration::ZERO;
    for case in 0..number("HARNESS_FUZZ_CASES", 3_000) {
        let seed = first + case;
        let text = damaged(&mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), &seeds);
        let start = Instant::now();
        if std::env::var_os("HARNESS_FUZZ_SHOW").is_some() {
            eprintln!("{text}");
        }
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if let Err(broken) = Library::read([("x.dl", text.as_str())]) {
                assert!(broken.shown.starts_with("x.dl:"));
            }
            let compiled = match compile(&text, &library, &world, &layer) {
                Ok(compiled) => compiled,
                Err(errors) => {
                    assert!(errors.iter().any(|error| !error.is_warning));
                    check(&errors, &text);
                    return;
                }
            };
            check(&compiled.warnings, &text);
            ran += 1;
            let polls = AtomicU32::new(0);
            let poll = || (polls.fetch_add(1, Ordering::Relaxed) >= 60).then_some(Stop::Timeout);
            let limits = Limits { memory: 64 << 20, poll: &poll };
            if let Ok(answer) = compiled.run(&world, &limits)
                && answer.rows.len() < 1_000
            {
                rows += answer.rows.len();
                polls.store(0, Ordering::Relaxed);
                let few = &answer.rows[..answer.rows.len().min(3)];
                if let Ok(proofs) = compiled.explain_all(few, &world, &limits) {
                    assert!(proofs.iter().all(Option::is_some), "an answer has no proof");
                }
            }
        }));
        assert!(run.is_ok(), "HARNESS_FUZZ_SEED={seed}:\n{text}\n{text:?}");
        let took = start.elapsed();
        if took > slowest {
            slowest = took;
            eprintln!("HARNESS_FUZZ_SEED={seed} took {took:?}");
        }
        assert!(took < Duration::from_secs(30), "HARNESS_FUZZ_SEED={seed} took {took:?}:\n{text}");
    }
    eprintln!("{ran} programs ran, {rows} rows");
    assert!(ran > 0);
}
