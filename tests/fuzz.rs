//! Damaged texts, made from the fixtures: nothing may panic, hang or nest without a bound.
//!
//! `HARNESS_FUZZ_CASES` says how many texts each target gets (a few in an ordinary run) and
//! `HARNESS_FUZZ_SEED` where the sequence starts. A failure names the seed of its case.
//! `HARNESS_FUZZ_SECONDS` gives each target that much time instead; the number of cases, the slowest
//! one and the process's peak memory are printed then. For a peak of its own, run one target alone:
//! `HARNESS_FUZZ_SECONDS=120 cargo test --test fuzz damaged_yaml -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it does not expect")]

use harness::files::{Content, Disk, Tree};
use harness::project::jinja::run::{Names, Run, Subject};
use harness::rules::registry::Registry;
use harness::session::check_files;
use harness::syntax::jinja::rewrite::{Scope, rewrite};
use harness::syntax::span::Span;
use harness::syntax::{jinja, sql, yaml};
use std::path::Path;
use std::time::{Duration, Instant};

/// A small generator of numbers: the same everywhere for the same seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 33)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// All texts of the fixtures and of the rules' own cases whose names end in one of these.
fn seeds(endings: &[&str]) -> Vec<String> {
    let disk = Disk::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"));
    let listing = disk.list("", &|_, _| false);
    let wanted = listing.files.iter().filter(|path| endings.iter().any(|ending| path.ends_with(ending)));
    let texts = wanted.filter_map(|path| match disk.read(path) {
        Content::Text(text) => Some(text.to_string()),
        _ => None,
    });
    let rules = Registry::embedded().unwrap().rules().iter().flat_map(|rule| &rule.cases);
    let files = rules.flat_map(|case| &case.files);
    let files = files.filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)));
    texts.chain(files.map(|(_, text)| text.clone())).collect()
}

const PIECES: [&str; 48] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    "\\",
    ",",
    ":",
    "|",
    "~",
    "=",
    "\n",
    "\r\n",
    "\t",
    "  ",
    "\u{feff}",
    "é",
    "\u{a0}",
    "\0",
    "&a",
    "*a",
    "<<: *a",
    "!!str",
    "? ",
    "- ",
    "|-",
    ">",
    "#",
    "%",
    "{% if x %}",
    "{% endif %}",
    "{% set x %}",
    "{% raw %}",
    "{% macro m(a, b=a) %}",
    "{{ m(*x, **y) }}",
    "loop.x",
    "ref('a').b.c()",
    "999999999999999999999999999999999999999999",
];

fn damaged(dice: &mut Dice, seeds: &[String]) -> String {
    let mut text: Vec<char> = dice.pick(seeds).chars().collect();
    for _ in 0..=dice.below(6) {
        let at = dice.below(text.len() + 1);
        let end = (at + dice.below(30)).min(text.len());
        match dice.below(5) {
            0 => drop(text.drain(at..end)),
            1 => drop(text.splice(at..at, dice.pick(&PIECES).chars())),
            2 => {
                let copy: Vec<char> = text[at..end].to_vec();
                let to = dice.below(text.len() + 1);
                text.splice(to..to, copy);
            }
            3 => {
                let other: Vec<char> = dice.pick(seeds).chars().collect();
                let from = dice.below(other.len() + 1);
                let until = (from + dice.below(80)).min(other.len());
                text.splice(at..end, other[from..until].iter().copied());
            }
            _ => text.truncate(at.max(1)),
        }
    }
    text.into_iter().collect()
}

/// What one case may take, hanging apart, and what all of them may need.
const SLOWEST: Duration = Duration::from_secs(20);
const PEAK_KB: u64 = 200_000;

/// Runs one target on many texts. The text is printed when the target panics.
fn fuzz(endings: &[&str], usual: u64, target: impl Fn(&str)) {
    fuzz_texts(&endings.join(" "), &seeds(endings), usual, target);
}

/// The same from given texts.
#[allow(clippy::print_stdout, reason = "who asks for a time wants its figures")]
fn fuzz_texts(name: &str, seeds: &[String], usual: u64, target: impl Fn(&str)) {
    assert!(!seeds.is_empty());
    let first = number("HARNESS_FUZZ_SEED", 1);
    let seconds = number("HARNESS_FUZZ_SECONDS", 0);
    let cases = if seconds > 0 { u64::MAX } else { number("HARNESS_FUZZ_CASES", usual) };
    let start = Instant::now();
    let (mut done, mut slowest) = (0, (Duration::ZERO, 0));
    while done < cases && (seconds == 0 || start.elapsed().as_secs() < seconds) {
        let seed = first.wrapping_add(done);
        let text = damaged(&mut Dice(seed), seeds);
        let began = Instant::now();
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&text)));
        assert!(run.is_ok(), "HARNESS_FUZZ_SEED={seed}:\n{text:?}");
        slowest = slowest.max((began.elapsed(), seed));
        done += 1;
    }
    if seconds > 0 {
        let peak = peak_kb();
        println!("{name}: {done} cases, the slowest {:?} (seed {}), peak {peak:?} kB", slowest.0, slowest.1);
        assert!(slowest.0 < SLOWEST, "HARNESS_FUZZ_SEED={} takes {:?}", slowest.1, slowest.0);
        assert!(peak.is_none_or(|peak| peak < PEAK_KB), "{peak:?} kB");
    }
}

/// The most memory the process has held so far, where the system tells.
fn peak_kb() -> Option<u64> {
    let Content::Text(status) = Disk::new(Path::new("/proc/self")).read("status") else { return None };
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().split(' ').next()?.parse().ok()
}

#[test]
fn damaged_yaml_is_read_as_far_as_it_goes() {
    fuzz(&[".yml", ".yaml"], 2_000, |text| {
        for error in yaml::parse(text).errors {
            assert!(error.span.end as usize <= text.len() && !error.remedy.is_empty());
        }
    });
}

#[test]
fn damaged_templates_are_scanned_as_far_as_they_go() {
    fuzz(&[".sql"], 2_000, |text| {
        let whole = Span::new(0, text.len());
        jinja::blocks::blocks(text);
        jinja::config_call::config_calls(text);
        sql::scan(text);
        let rewritten = rewrite(text, whole, Scope::Open);
        for offset in [0, rewritten.text.len() / 2, rewritten.text.len()] {
            assert!(rewritten.original(offset) <= text.len());
        }
    });
}

#[test]
fn damaged_models_and_macros_are_rendered_as_far_as_they_go() {
    fuzz(&[".sql"], 150, |text| {
        let files = [
            ("dbt_project.yml".to_owned(), "name: shop\nvars: {x: 1}\n".to_owned()),
            ("models/a.sql".to_owned(), text.to_owned()),
            ("macros/a.sql".to_owned(), text.to_owned()),
            ("macros/m.sql".to_owned(), "{% macro m(a, b=a) %}{{ return([a, b]) }}{% endmacro %}".to_owned()),
            // The damaged file may hold a macro named ref.
            ("models/canary.sql".to_owned(), "select * from {{ builtins.ref('nowhere') }}".to_owned()),
        ];
        let found = check_files(&files, None).unwrap();
        assert!(found.iter().any(|finding| &*finding.place.path == "models/canary.sql"));
    });
}

#[test]
fn damaged_project_files_stop_nothing() {
    fuzz(&[".yml"], 150, |text| {
        for path in ["dbt_project.yml", "packages.yml", "models/a.yml"] {
            let mut files = vec![
                (path.to_owned(), text.to_owned()),
                ("models/canary.sql".to_owned(), "select * from {{ ref('nowhere') }}".to_owned()),
                ("models/orders.sql".to_owned(), "select 1 as id".to_owned()),
                ("models/orders_v1.sql".to_owned(), "select * from {{ ref('orders') }}".to_owned()),
            ];
            if path != "dbt_project.yml" {
                files.push(("dbt_project.yml".to_owned(), "name: shop".to_owned()));
            }
            check_files(&files, None).unwrap();
        }
    });
}

#[test]
fn damaged_house_rules_are_an_error_with_a_place() {
    let registry = harness::rules::registry::Registry::embedded().unwrap();
    fuzz(&["harness.yml"], 1_000, |text| {
        if let Err(problems) = harness::session::house_rules(registry, text) {
            assert!(problems.iter().all(|problem| problem.span.end as usize <= text.len()));
        }
    });
}

#[test]
fn damaged_rule_files_are_told_and_stop_nothing() {
    let disk = Disk::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/rules"));
    let texts = disk.list("", &|_, _| false).files.into_iter().filter_map(|path| match disk.read(&path) {
        Content::Text(text) => Some(text.to_string()),
        _ => None,
    });
    let seeds: Vec<String> = texts.collect();
    fuzz_texts("rules", &seeds, 150, |text| {
        let files = [
            ("dbt_project.yml", "name: p\n"),
            ("models/a.sql", "with b as (select 1 as id) select * from b"),
            ("models/c.sql", "select * from {{ ref('a') }}"),
            ("harness/rules/my-rule.md", text),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let lines = text.lines().count().max(1) as u32;
        for finding in check_files(&files, None).unwrap() {
            assert!(*finding.rule != *"BROKEN_RULE" || finding.place.start.line <= lines + 1, "{finding:?}");
        }
    });
}

#[test]
fn damaged_baselines_and_selections_are_errors_with_a_place() {
    let baseline = [
        "{\"harness_baseline\":1}\n{\"fingerprint\":\"00032b0f1bf0dd56\",\"rule\":\"CYCLE\",\"node\":\"model.p.a\",\"subject\":[\"a\"]}\n",
        "{\"harness_baseline\":1}\n<<<<<<< HEAD\n=======\n>>>>>>> b\n",
    ];
    fuzz_texts("baseline", &baseline.map(str::to_owned), 2_000, |text| {
        if let Err(wrong) = harness::rules::baseline::Baseline::read("b", text) {
            let lines = text.lines().count().max(1);
            assert!(!wrong.is_empty() && wrong.iter().all(|wrong| wrong.line as usize <= lines), "{wrong:?}");
        }
    });
    let selections = ["2+@tag:nightly,config.meta.x:y+3 path:models/*", "source:a.b+ exposure:* version:latest"];
    fuzz_texts("selection", &selections.map(str::to_owned), 5_000, |text| {
        if let Err(errors) = harness::project::selection::parse(text) {
            assert!(errors.iter().all(|error| error.span.end as usize <= text.len()), "{errors:?}");
        }
    });
}

/// The limits of one rendering hold for what a person could not have meant, too.
#[test]
fn a_run_is_made_for_each_rendering() {
    let db = harness::db::Database::default();
    let file = harness::db::SourceFile::new(
        &db,
        "a".into(),
        "a".into(),
        "".into(),
        harness::db::FileKind::ProjectFile,
        Content::Text("name: a".into()),
    );
    let package = harness::db::Package::new(&db, "".into(), file, Vec::new());
    let run = Run::new(package, Names::Settings, Subject::default());
    let (shown, ended) = run.during(|| harness::project::jinja::run::with_run(|run| run.in_text()));
    assert_eq!((shown, ended.trace.refs.len()), (Some(true), 0));
    assert_eq!(harness::project::jinja::run::with_run(|run| run.in_text()), None);
}
