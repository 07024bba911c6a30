//! How long it takes from a saved file to the printed line, through the real watcher.
//!
//! `cargo bench --bench watch -- [--models 5000] [--saves 200] [--debounce 20] [--folder DIR]` starts
//! `harness watch` on a generated project, or on the one in DIR, edits its models, and tells how long
//! until the line that ends each look is read, and where the time went.

#![allow(clippy::expect_used, reason = "a measurement that goes wrong ends")]

mod generator;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

type Outcomes<T> = Result<T, Box<dyn Error>>;

struct Options {
    models: usize,
    saves: usize,
    debounce: String,
    folder: Option<PathBuf>,
}

/// Ends the program with the measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() -> Outcomes<()> {
    let options = options(std::env::args().skip(1))?;
    if let Some(folder) = &options.folder {
        return measure(folder, &options);
    }
    let folder = std::env::temp_dir().join(format!("harness-watch-{}-{}", std::process::id(), options.models));
    for (path, text) in generator::project(options.models) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        std::fs::write(path, text)?;
    }
    let measured = measure(&folder, &options);
    // What was measured is worth more than a tidy temp folder.
    let _ = std::fs::remove_dir_all(&folder);
    measured
}

fn options(mut arguments: impl Iterator<Item = String>) -> Outcomes<Options> {
    let mut options = Options { models: 5000, saves: 200, debounce: "20".to_owned(), folder: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} takes a value"));
        match argument.as_str() {
            "--models" => options.models = value()?.parse()?,
            "--saves" => options.saves = value()?.parse()?,
            "--debounce" => options.debounce = value()?,
            "--folder" => options.folder = Some(value()?.into()),
            // Cargo says so to every bench.
            "--bench" => {}
            other => return Err(format!("no option is called {other}").into()),
        }
    }
    Ok(options)
}

fn models(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            models(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(path);
        }
    }
    Ok(())
}

fn lines(from: impl io::Read + Send + 'static) -> Receiver<(Instant, String)> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    });
    lines
}

/// Reads to the end of a look. Gives when that was and what it counts.
fn settled(lines: &Receiver<(Instant, String)>) -> Outcomes<(Instant, serde_json::Value)> {
    loop {
        let (at, line) = lines.recv_timeout(Duration::from_secs(300))?;
        if line.starts_with("{\"event\":\"settled\"") {
            return Ok((at, serde_json::from_str(&line)?));
        }
    }
}

fn measure(folder: &Path, options: &Options) -> Outcomes<()> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["watch", "--format", "ndjson", "--verbose", "--debounce", &options.debounce])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let out = lines(child.stdout.take().ok_or("no output")?);
    let errors = lines(child.stderr.take().ok_or("no errors")?);
    let _child = Ended(child);
    let (_, first) = settled(&out)?;
    let mut found = Vec::new();
    models(&folder.join("models"), &mut found)?;
    let mut parts: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let kinds = ["comment", "ref", "body"];
    // The first save of each file costs more than those after it.
    let few: Vec<&PathBuf> = found.iter().step_by((found.len() / 20).max(1)).collect();
    for at in 0..options.saves {
        let (path, kind) = (few[at % few.len()], kinds[at % kinds.len()]);
        let text = std::fs::read_to_string(path)?;
        let text = match kind {
            "comment" => format!("{text}-- {at}\n"),
            "ref" => format!("{text}-- {{{{ ref('gone_{at}') }}}}\n"),
            _ => format!("{text}, {at} as x_{at}\n"),
        };
        // The watcher has settled down; saves of people are further apart.
        thread::sleep(Duration::from_millis(30));
        while errors.try_recv().is_ok() {}
        let save = if at % 2 == 0 {
            let begin = Instant::now();
            std::fs::write(path, &text)?;
            begin
        } else {
            let part = path.with_extension("tmp");
            std::fs::write(&part, &text)?;
            let begin = Instant::now();
            std::fs::rename(&part, path)?;
            begin
        };
        let (read, _) = settled(&out)?;
        let wall = (read - save).as_secs_f64() * 1000.0;
        parts.entry("0 saved to printed".to_owned()).or_default().push(wall);
        let first = at < few.len();
        let name = if first { "1 of these, the first of a file".to_owned() } else { format!("2 of these, {kind}") };
        parts.entry(name).or_default().push(wall);
        let (_, spent) = errors.recv_timeout(Duration::from_secs(5))?;
        let spent = spent.strip_prefix("harness: ").unwrap_or(&spent);
        for part in spent.split(", ") {
            let mut words = part.split(' ');
            if let (Some(what), Some(Ok(us))) = (words.next(), words.next().map(str::parse::<f64>)) {
                parts.entry(format!("3 {what}")).or_default().push(us / 1000.0);
            }
        }
    }
    let mut shown = format!("{} models, first look {} ms, {} saves\n", found.len(), first["ms"], options.saves);
    for (part, mut times) in parts {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
        let (half, most, last) = (at(0.5), at(0.95), at(1.0));
        shown.push_str(&format!("{:34} p50 {half:8.2} ms  p95 {most:8.2} ms  max {last:8.2} ms\n", &part[2..]));
    }
    io::stdout().write_all(shown.as_bytes())?;
    Ok(())
}
