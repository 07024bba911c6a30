//! Does a session that follows edits say what fresh ones say? Three long looks, for which `cargo test` has no time.
//!
//! `cargo bench --bench equivalence -- random [--steps 10000] [--seed N]`: random edits of every fixture and of a
//! generated project, compared after each step. A failure is made short and printed.
//!
//! `… -- memory [--steps 10000] [--models 1000]`: resident memory after 100 edits and after all of them, each as the median of the last 50.
//!
//! `… -- history --repo PATH --from REV [--to REV] [--folder FOLDER] [--config FILE]`: every commit of a git
//! repository as one edit, compared after each.

mod generator;
#[path = "../tests/live/mod.rs"]
#[allow(clippy::unwrap_used, unreachable_pub, reason = "a module of tests")]
mod live;

use harness::session::on_large_stacks;
use live::dice::Dice;
use live::edits::World;
use live::script::{Asked, Files, Live, Op, Plan, Step, Told, run};
use live::{bases, state};
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What a session forgets goes back to the system: the libraries' own allocators keep most of it where many threads
/// have allocated.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcomes<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Steps of one script: then another project, so that edits meet something whole again.
const STEPS_A_SCRIPT: usize = 60;

fn main() -> Outcomes<()> {
    let mut options: BTreeMap<String, String> = BTreeMap::new();
    let mut what = String::new();
    // Cargo says `--bench` to every benchmark.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix("--") {
            Some(name) => {
                let value = arguments.next().ok_or_else(|| format!("--{name} needs a value"))?;
                options.insert(name.to_owned(), value);
            }
            None => what = argument,
        }
    }
    let number = |name: &str, default: usize| options.get(name).map_or(Ok(default), |text| text.parse());
    match what.as_str() {
        // Without a word, as `cargo bench` calls it: a short look.
        "" => random(200, 0x5eed),
        "random" => random(number("steps", 10_000)?, number("seed", 0x5eed)? as u64),
        "memory" => memory(number("steps", 10_000)?, number("models", 1_000)?),
        "history" => history(&options),
        other => Err(format!("unknown {other}; known: random, memory, history").into()),
    }
}

fn say(text: &str) {
    // A reader that is gone is no failure.
    let _ = writeln!(io::stdout(), "{text}");
}

fn random(steps: usize, seed: u64) -> Outcomes<()> {
    let mut projects = bases::all();
    projects.push(("generated".to_owned(), generator::project(40).into_iter().collect()));
    let mut dice = Dice(seed);
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let (mut done, mut failures) = (0, 0);
    let start = Instant::now();
    while done < steps && failures < 5 {
        let (name, files) = dice.pick(&projects);
        let own = dice.next();
        let many = STEPS_A_SCRIPT.min(steps - done);
        let all_rules = dice.in_a_hundred(30);
        // A look at all there is asks for more than `harness watch` does: every other script is asked now and then.
        let compared = *dice.pick(&[1, 4]);
        let ran = on_large_stacks(0, || {
            let plan = Plan { seed: own, steps: many, all_rules, compared };
            run(files, plan, |_, step| *counts.entry(step.what).or_default() += 1)
        })?;
        done += many;
        if let Err(failure) = ran {
            failures += 1;
            say(&format!("{name}, seed {own}: {failure}"));
        }
        if done % 600 < STEPS_A_SCRIPT {
            say(&format!("{done} steps, {failures} differences, {:.0} s", start.elapsed().as_secs_f64()));
        }
    }
    for (what, count) in counts {
        say(&format!("{count:>6} {what}"));
    }
    say(&format!("{done} steps, {failures} differences"));
    if failures == 0 { Ok(()) } else { Err("the live session differs".into()) }
}

/// Resident memory in MiB.
fn resident() -> Outcomes<f64> {
    let pages: f64 = std::fs::read_to_string("/proc/self/statm")?.split(' ').nth(1).ok_or("no statm")?.parse()?;
    Ok(pages * 4096.0 / 1024.0 / 1024.0)
}

/// An edit of what reaches everything holds the results before and after it until the next edit, so one sample
/// alone says little: what counts is the median after so many edits.
const SAMPLES: usize = 50;

fn median(samples: &VecDeque<f64>) -> f64 {
    let mut sorted: Vec<f64> = samples.iter().copied().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Each edit is taken back by the next, so that the project is as large in the end as at first.
fn memory(steps: usize, models: usize) -> Outcomes<()> {
    let files: Files = generator::project(models).into_iter().collect();
    on_large_stacks(0, || -> Outcomes<()> {
        let mut live = Live::start(&files);
        let mut world = World::new(files.clone());
        let mut dice = Dice(0x5eed);
        let look = |live: &Live| state::findings(&live.session, &live.settings, false).len();
        look(&live);
        say(&format!("{models} models: {:.1} MiB when loaded", resident()?));
        let (mut at_first, mut last) = (0.0, VecDeque::new());
        let start = Instant::now();
        for at in 1..=steps.div_ceil(2) {
            let before = world.files.clone();
            let step = world.step(&mut dice);
            let undo = undo(&before, &step);
            for step in [&step, &undo] {
                live.apply(step);
                look(&live);
                last.push_back(resident()?);
            }
            last.drain(..last.len().saturating_sub(SAMPLES));
            for op in &undo.ops {
                world.apply(op);
            }
            if at * 2 == 100 {
                at_first = median(&last);
            }
            if (at * 2).is_power_of_two() || at * 2 % 1_000 == 0 || at * 2 == 100 {
                let (now, seconds) = (resident()?, start.elapsed().as_secs_f64());
                say(&format!("{:>6} edits: {now:.1} MiB, median {:.1}, {seconds:.0} s", at * 2, median(&last)));
            }
        }
        let at_last = median(&last);
        say(&format!("{:+.1} % from 100 edits on", (at_last / at_first - 1.0) * 100.0));
        Ok(())
    })?
}

fn undo(before: &Files, step: &Step) -> Step {
    let paths = step.ops.iter().filter_map(|op| match op {
        Op::Write(path, _) | Op::Remove(path) => Some(path),
        Op::Invocation(_) => None,
    });
    let back = |path: &String| match before.get(path) {
        Some(text) => Op::Write(path.clone(), text.clone()),
        None => Op::Remove(path.clone()),
    };
    let mut ops: Vec<Op> = paths.map(back).collect();
    ops.push(Op::Invocation(0));
    Step { what: "taken back", ops, told: Told::Paths, asked: Asked::Findings }
}

struct Repository<'a> {
    path: &'a str,
    /// Where the dbt project lies, with a `/` behind, or nothing.
    folder: String,
}

impl Repository<'_> {
    fn git(&self, arguments: &[&str]) -> Outcomes<Vec<u8>> {
        let output = Command::new("git").arg("-C").arg(self.path).args(arguments).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("git {arguments:?} failed").into());
        }
        Ok(output.stdout)
    }

    /// The texts of blobs; what is no UTF-8 is replaced, for both sessions alike.
    fn texts(&self, blobs: &[String]) -> Outcomes<Vec<String>> {
        let mut child = Command::new("git")
            .args(["-C", self.path, "cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().ok_or("no input")?;
        let wanted = blobs.iter().map(|blob| format!("{blob}\n")).collect::<String>();
        let writer = std::thread::spawn(move || input.write_all(wanted.as_bytes()));
        let mut output = Vec::new();
        child.stdout.take().ok_or("no output")?.read_to_end(&mut output)?;
        writer.join().map_err(|_| "git ended early")??;
        child.wait()?;
        let mut texts = Vec::new();
        let mut rest = output.as_slice();
        for _ in blobs {
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or("a blob is missing")?;
            let size: usize = String::from_utf8_lossy(&rest[..end]).rsplit(' ').next().unwrap_or_default().parse()?;
            texts.push(String::from_utf8_lossy(&rest[end + 1..end + 1 + size]).into_owned());
            rest = &rest[end + 2 + size..];
        }
        Ok(texts)
    }

    /// What changes from one tree to another.
    fn ops(&self, from: &str, to: &str) -> Outcomes<Vec<Op>> {
        let changes = self.git(&["diff-tree", "-r", "-z", "--no-renames", from, to])?;
        let changes = String::from_utf8_lossy(&changes);
        let mut parts = changes.split('\0').filter(|part| !part.is_empty());
        let (mut ops, mut written, mut blobs) = (Vec::new(), Vec::new(), Vec::new());
        while let (Some(meta), Some(path)) = (parts.next(), parts.next()) {
            let meta: Vec<&str> = meta.split(' ').collect();
            let [_, mode, _, blob, status] = meta.as_slice() else { return Err("git says something new".into()) };
            let Some(path) = path.strip_prefix(&self.folder) else { continue };
            if *status == "D" {
                ops.push(Op::Remove(path.to_owned()));
            } else if mode.starts_with("100") {
                written.push(path.to_owned());
                blobs.push((*blob).to_owned());
            }
        }
        let texts = self.texts(&blobs)?;
        ops.extend(written.into_iter().zip(texts).map(|(path, text)| Op::Write(path, text)));
        Ok(ops)
    }
}

fn history(options: &BTreeMap<String, String>) -> Outcomes<()> {
    let option = |name: &str| options.get(name).map(String::as_str);
    let mut folder = option("folder").unwrap_or_default().trim_matches('/').to_owned();
    if !folder.is_empty() {
        folder.push('/');
    }
    let repository = Repository { path: option("repo").ok_or("--repo is missing")?, folder };
    let from = option("from").ok_or("--from is missing")?;
    let to = option("to").unwrap_or("HEAD");
    let mut commits = vec![from.to_owned()];
    let range = format!("{from}..{to}");
    let listed = repository.git(&["rev-list", "--reverse", "--topo-order", &range])?;
    commits.extend(String::from_utf8_lossy(&listed).lines().map(str::to_owned));
    let house = option("config").map(std::fs::read_to_string).transpose()?;
    let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let mut files = Files::new();
    for op in repository.ops(empty, from)? {
        if let Op::Write(path, text) = op {
            files.insert(path, text);
        }
    }
    if let Some(house) = &house {
        files.insert("harness.yml".to_owned(), house.clone());
    }
    let mut failures = 0;
    let start = Instant::now();
    on_large_stacks(0, || -> Outcomes<()> {
        let mut live = Live::start(&files);
        for (at, pair) in commits.windows(2).enumerate() {
            let [before, commit] = pair else { continue };
            let mut ops = repository.ops(before, commit)?;
            ops.retain(|op| {
                house.is_none() || !matches!(op, Op::Write(path, _) | Op::Remove(path) if path == "harness.yml")
            });
            let edited = ops.len();
            live.apply(&Step { what: "a commit", ops, told: Told::Paths, asked: Asked::All });
            let found = live.difference(at % 4 == 0);
            failures += usize::from(found.is_some());
            if found.is_some() || at % 20 == 0 {
                say(&format!(
                    "{} of {}: {commit}, {edited} files, {:.0} s",
                    at + 1,
                    commits.len() - 1,
                    start.elapsed().as_secs_f64()
                ));
            }
            if let Some(found) = found {
                say(&found);
            }
        }
        Ok(())
    })??;
    say(&format!("{} commits, {failures} differences", commits.len() - 1));
    if failures == 0 { Ok(()) } else { Err("the live session differs".into()) }
}
