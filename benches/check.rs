//! How long a cold check of a generated project takes, phase by phase, and a whole one with a cache.
//!
//! `cargo bench --bench check -- [--models 1000,10000] [--runs 7] [--threads 0]` times the phases;
//! with `--write DIR` the first project is only written there, to time the whole program on it.

mod generator;

use harness::db::{Database, FileKind, Invocation, Package, SourceFile};
use harness::derive::cycles::cycles;
use harness::derive::dependencies::dependencies;
use harness::files::{Disk, Tree};
use harness::project::graph::parents;
use harness::project::macros::blocks;
use harness::project::nodes::{facts, nodes_of_package};
use harness::project::packages::{dbt_packages, yaml};
use harness::project::properties::properties;
use harness::report::{self as formats, Format};
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Circumstances, HOUSE_RULES_FILE, Outcome, Session, Store, house_rules, on_large_stacks};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Outcomes<T> = Result<T, Box<dyn Error>>;

/// As large as the stacks of a session's own threads.
const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Items a thread takes at a time.
const BATCH: usize = 8;

const PHASES: [&str; 8] = ["walk and read", "YAML", "macros", "render", "parents", "derive", "rules", "report"];

/// Whole checks, one after another: without a cache, one that fills it, one of the same files, one after
/// an edit.
const CHECKS: [&str; 4] = ["no cache", "fills a cache", "unchanged", "one edit"];

struct Options {
    models: Vec<usize>,
    runs: usize,
    threads: usize,
    write: Option<PathBuf>,
}

fn main() -> Outcomes<()> {
    let options = options(std::env::args().skip(1))?;
    if let Some(folder) = &options.write {
        let models = options.models.first().copied().unwrap_or_default();
        let files = write_project(folder, models)?;
        writeln!(io::stdout(), "{models} models in {files} files written to {}", folder.display())?;
        return Ok(());
    }
    for models in &options.models {
        let folder = std::env::temp_dir().join(format!("harness-bench-{}-{models}", std::process::id()));
        let measured = write_project(&folder, *models).and_then(|_| measure(&folder, *models, &options));
        // What was measured is worth more than a tidy temp folder.
        let _ = std::fs::remove_dir_all(&folder);
        io::stdout().write_all(measured?.as_bytes())?;
    }
    Ok(())
}

fn options(arguments: impl Iterator<Item = String>) -> Outcomes<Options> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { models: vec![1_000, 10_000], runs: 7, threads, write: None };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--models" => {
                options.models = value()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--runs" => options.runs = value()?.parse::<usize>()?.max(1),
            "--threads" => {
                let wanted: usize = value()?.parse()?;
                options.threads = if wanted == 0 { threads } else { wanted };
            }
            "--write" => options.write = Some(value()?.into()),
            // Cargo says so to every benchmark.
            "--bench" => {}
            other => return Err(format!("unknown argument {other}; known: --models --runs --threads --write").into()),
        }
    }
    Ok(options)
}

fn write_project(folder: &Path, models: usize) -> Outcomes<usize> {
    let files = generator::project(models);
    for (path, text) in &files {
        let path = folder.join(path);
        if let Some(above) = path.parent() {
            std::fs::create_dir_all(above)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(files.len())
}

/// Times all phases over some runs, each in a database of its own.
fn measure(folder: &Path, models: usize, options: &Options) -> Outcomes<String> {
    let mut times: [Vec<Duration>; PHASES.len()] = Default::default();
    let mut totals = Vec::new();
    let mut files = 0;
    let mut findings = 0;
    for _ in 0..options.runs {
        let run = on_large_stacks(options.threads, || run(folder, options.threads))??;
        (files, findings) = (run.files, run.findings);
        for (all, one) in times.iter_mut().zip(run.times) {
            all.push(one);
        }
        totals.push(run.times.iter().sum());
    }

    let mut table = format!(
        "{models} models, {files} files, {findings} findings; {} runs, {} threads{}\n{:<14} {:>10} {:>10}\n",
        options.runs,
        options.threads,
        peak_memory(),
        "phase",
        "min ms",
        "median ms"
    );
    let rows = PHASES.iter().zip(times.iter_mut()).chain([(&"total", &mut totals)]);
    for (phase, times) in rows {
        times.sort_unstable();
        let (min, median) = (times.first().copied(), times.get(times.len() / 2).copied());
        let _ = writeln!(table, "{phase:<14} {:>10} {:>10}", milliseconds(min), milliseconds(median));
    }
    let mut times: [Vec<Duration>; CHECKS.len()] = Default::default();
    for _ in 0..options.runs {
        let cache = folder.with_extension("cache");
        for (at, all) in times.iter_mut().enumerate() {
            if CHECKS[at] == "one edit" {
                edit_a_model(folder)?;
            }
            let cache = (CHECKS[at] != "no cache").then_some(cache.as_path());
            let (found, time) = on_large_stacks(options.threads, || timed(|| whole(folder, cache)))?;
            found?;
            all.push(time);
        }
        std::fs::remove_dir_all(&cache)?;
    }
    for (check, times) in CHECKS.iter().zip(times.iter_mut()) {
        times.sort_unstable();
        let (min, median) = (times.first().copied(), times.get(times.len() / 2).copied());
        let _ = writeln!(table, "{check:<14} {:>10} {:>10}", milliseconds(min), milliseconds(median));
    }
    table.push('\n');
    Ok(table)
}

/// Gives the first model one more comment.
fn edit_a_model(folder: &Path) -> Outcomes<()> {
    let listing = Disk::new(folder).list("models", &|_, _| false);
    let model = listing.files.iter().find(|path| path.ends_with(".sql")).ok_or("there is no model")?;
    let path = folder.join(model);
    let text = std::fs::read_to_string(&path)?;
    Ok(std::fs::write(&path, format!("-- edited\n{text}"))?)
}

/// A check as the program does it.
fn whole(folder: &Path, cache: Option<&Path>) -> Result<usize, String> {
    let registry = Registry::embedded().map_err(ToString::to_string)?;
    let store = cache.map(|cache| Store::open(cache, folder, &Disk::new(folder)));
    let db = Database::default();
    store.iter().for_each(|store| store.serve(&db));
    let session = load(db, folder, registry)?;
    let outcome = session.check_once(registry, &Selection::default(), Circumstances::default());
    std::hint::black_box(report(&outcome, registry));
    if let Some(store) = &store {
        store.save()?;
    }
    // The program ends without giving back each part.
    std::mem::forget(session);
    Ok(outcome.findings.len())
}

fn milliseconds(time: Option<Duration>) -> String {
    format!("{:.1}", time.unwrap_or_default().as_secs_f64() * 1000.0)
}

/// The most memory this process ever held, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.map_or_else(String::new, |kilobytes: u64| format!(", at most {} MB so far", kilobytes / 1024))
}

struct Run {
    times: [Duration; PHASES.len()],
    files: usize,
    findings: usize,
}

fn run(folder: &Path, threads: usize) -> Result<Run, String> {
    let registry = Registry::embedded().map_err(ToString::to_string)?;
    let (session, walk) = timed(|| walk_and_read(folder, registry));
    let session = session?;
    let ((), of_yaml) = timed(|| read_yaml(&session, threads));
    let ((), of_macros) = timed(|| read_macros(&session, threads));
    let ((), render) = timed(|| render(&session, threads));
    let ((), resolve) = timed(|| resolve(&session, threads));
    let ((), derive) = timed(|| derive(&session));
    let (outcome, rules) = timed(|| session.check(registry, &Selection::default()));
    let (written, report) = timed(|| report(&outcome, registry));
    std::hint::black_box(written);
    Ok(Run {
        times: [walk, of_yaml, of_macros, render, resolve, derive, rules, report],
        files: session.files,
        findings: outcome.findings.len(),
    })
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn walk_and_read(folder: &Path, registry: &Registry) -> Result<Session, String> {
    load(Database::default(), folder, registry)
}

fn load(db: Database, folder: &Path, registry: &Registry) -> Result<Session, String> {
    let disk = Disk::new(folder);
    let stated = disk.read(HOUSE_RULES_FILE);
    let house = house_rules(registry, stated.text())
        .map_err(|errors| errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "))?;
    Ok(Session::load(db, &disk, house, Invocation::default()))
}

/// The files of all packages but dbt's own.
fn files(session: &Session) -> Vec<(Package, SourceFile)> {
    let db = &session.db;
    let mut files = Vec::new();
    for package in dbt_packages(db) {
        let own = package.directories(db).iter().flat_map(|directory| directory.files(db));
        files.extend(own.map(|file| (package, *file)));
    }
    files
}

fn read_yaml(session: &Session, threads: usize) {
    let db = &session.db;
    let mut files = files(session);
    files.retain(|(_, file)| file.kind(db) == FileKind::Properties);
    on_threads(db, &files, threads, |db, (package, file)| {
        yaml(db, *file);
        properties(db, *package, *file);
    });
}

fn read_macros(session: &Session, threads: usize) {
    let db = &session.db;
    let mut files = files(session);
    files.retain(|(_, file)| matches!(file.kind(db), FileKind::Macro | FileKind::Test | FileKind::Snapshot));
    on_threads(db, &files, threads, |db, (_, file)| {
        blocks(db, *file);
    });
}

fn render(session: &Session, threads: usize) {
    let db = &session.db;
    let nodes = nodes_of_package(db, session.project.root(db));
    on_threads(db, &nodes, threads, |db, node| {
        facts(db, *node);
    });
}

fn resolve(session: &Session, threads: usize) {
    let db = &session.db;
    let nodes = nodes_of_package(db, session.project.root(db));
    on_threads(db, &nodes, threads, |db, node| {
        parents(db, *node);
    });
}

/// The relations and what follows from them. The rules ask for more, the staging pattern above all.
fn derive(session: &Session) {
    dependencies(&session.db);
    cycles(&session.db);
}

fn report(outcome: &Outcome, registry: &Registry) -> [String; 2] {
    let (texts, command) = (BTreeMap::new(), formats::Command::default());
    let run = formats::Run {
        findings: &outcome.findings,
        fixed: &[],
        suppressed: &outcome.suppressed,
        summary: &outcome.summary,
        registry,
        folder: "",
        texts: &texts,
        command: &command,
    };
    [Format::Text, Format::Json].map(|format| formats::render(format, &run, &formats::Options::default()))
}

/// Does the same for each item, on as many threads as asked.
fn on_threads<T: Sync>(db: &Database, items: &[T], threads: usize, work: impl Fn(&Database, &T) + Sync) {
    let next = AtomicUsize::new(0);
    let one = |db: &Database| {
        loop {
            let start = next.fetch_add(BATCH, Ordering::Relaxed);
            let Some(rest) = items.get(start..).filter(|rest| !rest.is_empty()) else { break };
            rest.iter().take(BATCH).for_each(|item| work(db, item));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let (db, one) = (db.clone(), &one);
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            // A thread that cannot start leaves its share to the others.
            let _ = thread.spawn_scoped(scope, move || one(&db));
        }
        one(db);
    });
}
