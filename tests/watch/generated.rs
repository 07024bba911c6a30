//! Generated edits through the real `harness watch`: whatever is saved, what was told adds up to the findings of a
//! fresh check. Each script is of a fixed seed or of one of this run, which a failure prints.

use crate::live::bases;
use crate::live::dice::Dice;
use crate::live::edits::{Found, World};
use crate::live::script::Op;
use crate::program::watching::Watching;
use crate::program::{harness, write};
use harness::rules::baseline;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// The steps of a script.
const STEPS: usize = 40;
const FIXED: u64 = 0x5eed;

/// All rules are on, and what a file parks is parked.
const OPTIONS: [&str; 2] = ["--baseline", baseline::FILE];

/// Saves what a step does. A folder that holds nothing any more goes with its last file.
fn save(folder: &Path, ops: &[Op]) {
    for op in ops {
        match op {
            Op::Write(path, text) => write(folder, path, text),
            Op::Remove(path) => {
                let file = folder.join(path);
                let _ = fs::remove_file(&file);
                let above = file.ancestors().skip(1).take_while(|above| *above != folder);
                let _ = above.map(fs::remove_dir).take_while(Result::is_ok).count();
            }
            // Nobody changes the command line of what runs.
            Op::Invocation(_) => {}
        }
    }
}

fn found(findings: &[String]) -> Vec<Found> {
    let read = |finding: &String| {
        let finding: Value = serde_json::from_str(finding).unwrap();
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        Found { rule: text("rule"), path: text("path"), line: finding["line"].as_u64().unwrap_or_default() as u32 }
    };
    findings.iter().map(read).collect()
}

fn of_this_run() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into()
}

/// After each step the findings are those of a fresh check, where one can be made. With events the program notices by
/// itself; else it is asked to look.
fn follows(project: &str, seed: u64, with_events: bool) {
    let (_, files) = bases::all().into_iter().find(|(name, _)| name == project).unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(temporary.path()).unwrap().join("project");
    files.iter().for_each(|(path, text)| write(&folder, path, text));
    harness(&folder, &["check", "--write-baseline"]);
    let parked = fs::read_to_string(folder.join(baseline::FILE)).unwrap();

    let mode: &[&str] = if with_events { &[] } else { &["--stdin"] };
    let mut watching = Watching::start(&folder, mode, &OPTIONS);
    let mut world = World::new(files);
    world.baseline = parked.clone();
    world.apply(&Op::Write(baseline::FILE.to_owned(), parked));
    let mut dice = Dice(seed);
    for at in 1..=STEPS {
        world.found = found(&watching.findings);
        let step = world.step(&mut dice);
        save(&folder, &step.ops);
        if !with_events {
            watching.look_unequal();
        }
        let Some(fresh) = watching.fresh_where_there_is_one() else { continue };
        if with_events {
            watching.until(&fresh);
        }
        assert_eq!(watching.sorted(), fresh, "{project}, seed {seed}, step {at}: {step}");
    }
}

#[test]
fn whatever_is_saved_a_look_tells_what_a_fresh_check_finds() {
    for (project, seed) in [("whole", FIXED), ("shop", FIXED), ("ordinary", of_this_run())] {
        follows(project, seed, false);
    }
}

#[test]
fn whatever_is_saved_is_noticed_and_ends_in_what_a_fresh_check_finds() {
    for (project, seed) in [("whole", of_this_run()), ("packages", FIXED)] {
        follows(project, seed, true);
    }
}
