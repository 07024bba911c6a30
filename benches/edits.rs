//! What one edit costs in a live session: from a text that came to findings diffed.
//!
//! `cargo bench --bench edits -- --project-dir DIR [--edits 200] [--threads 0] [--kind comment,…]` takes a folder as the shared
//! generator of projects writes it. Each kind of edit is made so many times, each time in another of a few
//! files that were saved before.

use harness::db::{Database, Invocation, SourceFile};
use harness::files::Disk;
use harness::report::stats::stats;
use harness::rules::finding::Finding;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{HOUSE_RULES_FILE, Session, house_rules, on_large_stacks};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a session forgets goes back to the system: the libraries' own allocators keep most of it where many threads
/// have allocated.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A kind of edit: the files it is made in, and what it makes of a text the nth time.
struct Kind {
    name: &'static str,
    part: &'static str,
    suffix: &'static str,
    edit: fn(&str, usize) -> String,
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "comment",
        part: "intermediate/",
        suffix: ".sql",
        edit: |text, n| format!("-- look {n}\n{}{text}", "\n".repeat(n % 3)),
    },
    Kind {
        name: "body",
        part: "intermediate/",
        suffix: ".sql",
        edit: |text, n| text.replacen("not p0.is_deleted", &format!("p0.quantity > {n}"), 1),
    },
    Kind {
        name: "ref",
        part: "intermediate/",
        suffix: ".sql",
        edit: |text, n| format!("{text}\n-- {{{{ ref('stg_sys{:02}__t{:04}') }}}}\n", n % 7, n % 10),
    },
    Kind {
        name: "test",
        part: "intermediate/",
        suffix: "_models.yml",
        edit: |text, n| {
            let test = format!(
                "    description: once more\n    tests:\n      - dbt_utils.expression_is_true:\n          expression: \"1 = {n}\"\n"
            );
            text.replacen("    description:", &format!("{test}    meta:"), 1)
        },
    },
    Kind {
        name: "description",
        part: "intermediate/",
        suffix: "_models.yml",
        edit: |text, n| text.replacen("one row per", &format!("look {n}, one row per"), 1),
    },
    Kind {
        name: "config",
        part: "intermediate/",
        suffix: ".sql",
        edit: |text, n| {
            format!("{{{{ config(materialized='{}') }}}}\n{text}", if n % 2 == 0 { "table" } else { "view" })
        },
    },
    Kind {
        name: "macro",
        part: "macros/",
        suffix: ".sql",
        edit: |text, n| format!("{text}\n{{% macro look_{n}() %}}{n}{{% endmacro %}}\n"),
    },
];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut folder = PathBuf::new();
    let (mut edits, mut threads, mut kinds, mut shows) = (200, 0, String::new(), false);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--project-dir" => folder = value()?.into(),
            "--edits" => edits = value()?.parse()?,
            "--threads" => threads = value()?.parse()?,
            "--kind" => kinds = value()?,
            "--queries" => shows = true,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let shown = on_large_stacks(threads, move || measure(&folder, edits, &kinds, shows))??;
    std::io::stdout().write_all(shown.as_bytes())?;
    Ok(())
}

fn measure(folder: &std::path::Path, edits: usize, kinds: &str, shows: bool) -> Outcome<String> {
    let registry = Registry::embedded().map_err(ToString::to_string)?;
    let text = std::fs::read_to_string(folder.join(HOUSE_RULES_FILE)).unwrap_or_default();
    let house = house_rules(registry, &text).map_err(|errors| format!("{errors:?}"))?;
    let start = (Instant::now(), cpu());
    let mut session = Session::load(
        if shows { Database::counting() } else { Database::default() },
        &Disk::new(folder),
        house,
        Invocation::default(),
    );
    let selection = Selection::default();
    session.follow();
    let mut findings = session.check(registry, &selection).findings;
    let mut shown = format!("cold {}, {} findings\n", since(start), findings.len());
    let start = (Instant::now(), cpu());
    session.check(registry, &selection);
    let _ = writeln!(shown, "again {}", since(start));
    let _ = writeln!(
        shown,
        "{:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "edit", "first", "p50", "p95", "max", "p50 cpu", "p95 cpu"
    );
    for kind in KINDS.iter().filter(|kind| kinds.is_empty() || kinds.split(',').any(|it| it == kind.name)) {
        let files = files(&session, kind, 5);
        let texts: Vec<_> = files.iter().map(|file| file.content(&session.db).clone()).collect();
        let mut first = Duration::ZERO;
        let mut measured = Vec::new();
        for n in 0..edits + files.len() {
            let (Some(file), Some(text)) = (files.get(n % files.len()), texts.get(n % files.len())) else { continue };
            let edited = (kind.edit)(text.text(), n);
            session.db.take_executed();
            let path = file.path(&session.db).clone();
            let start = (Instant::now(), cpu());
            session.set_text(&path, &edited);
            let now = session.check(registry, &selection).findings;
            let changes = difference(&findings, &now);
            let took = (start.0.elapsed(), cpu() - start.1);
            findings = now;
            if n < files.len() {
                first = first.max(took.0)
            } else {
                measured.push(took)
            }
            if shows && (n == 0 || n == edits + files.len() - 1) {
                let counts = session.db.take_counts();
                let _ = writeln!(shown, "{changes} changes\n{}", stats(&counts, &session.upkeep()));
            }
        }
        for (file, text) in files.iter().zip(texts) {
            let path = file.path(&session.db).clone();
            session.set_text(&path, text.text());
        }
        findings = session.check(registry, &selection).findings;
        let mut wall: Vec<Duration> = measured.iter().map(|it| it.0).collect();
        let mut used: Vec<Duration> = measured.iter().map(|it| it.1).collect();
        wall.sort_unstable();
        used.sort_unstable();
        let at = |sorted: &[Duration], part: f64| {
            sorted.get(((sorted.len() as f64 - 1.0) * part).round() as usize).map_or(0.0, |it| it.as_secs_f64() * 1e3)
        };
        let _ = writeln!(
            shown,
            "{:<12} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            kind.name,
            first.as_secs_f64() * 1e3,
            at(&wall, 0.5),
            at(&wall, 0.95),
            at(&wall, 1.0),
            at(&used, 0.5),
            at(&used, 0.95)
        );
    }
    Ok(shown)
}

/// How many findings came or went.
fn difference(before: &[Finding], now: &[Finding]) -> usize {
    let (mut left, mut right, mut changes) = (before.iter().peekable(), now.iter().peekable(), 0);
    while let (Some(old), Some(new)) = (left.peek(), right.peek()) {
        if old == new {
            left.next();
            right.next();
            continue;
        }
        changes += 1;
        let key = |finding: &Finding| (finding.place.path.clone(), finding.place.start, finding.rule.clone());
        if key(old) <= key(new) {
            left.next();
        } else {
            right.next();
        }
    }
    changes + left.count() + right.count()
}

fn files(session: &Session, kind: &Kind, count: usize) -> Vec<SourceFile> {
    let db = &session.db;
    let all = session.project.root(db).directories(db).iter().flat_map(|directory| directory.files(db)).copied();
    let fit: Vec<SourceFile> =
        all.filter(|file| file.path(db).contains(kind.part) && file.path(db).ends_with(kind.suffix)).collect();
    let step = (fit.len() / count).max(1);
    fit.into_iter().step_by(step).take(count).collect()
}

fn since(start: (Instant, Duration)) -> String {
    format!("{:.1} ms ({:.1} cpu)", start.0.elapsed().as_secs_f64() * 1e3, (cpu() - start.1).as_secs_f64() * 1e3)
}

/// What all threads have computed, where the system tells.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok());
    spent.filter_map(|text| text.split(' ').next()?.parse().ok()).map(Duration::from_nanos).sum()
}
