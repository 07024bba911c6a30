//! Scripts of edits: run on a live session, compared after each step, and made short where they fail.

use super::dice::Dice;
use super::edits::{Found, World};
use super::state::{self, Settings, State, difference};
use harness::db::Invocation;
use harness::files::{Content, Memory, Tree};
use harness::project::profile::{Choice, choose};
use harness::rules::baseline;
use harness::session::{HOUSE_RULES_FILE, Session, Touched};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Paths and texts.
pub type Files = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    Write(String, String),
    Remove(String),
    /// One of the fixed invocations.
    Invocation(usize),
}

/// What the session is told of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The paths of the files.
    Paths,
    /// The folders they lie in.
    Folders,
    Nothing,
}

/// What the session is asked after an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: more is edited before anybody looks.
    Nothing,
    /// The findings, as `harness watch` asks.
    Findings,
    /// All there is to say.
    All,
}

#[derive(Debug, Clone)]
pub struct Step {
    pub what: &'static str,
    pub ops: Vec<Op>,
    pub told: Told,
    pub asked: Asked,
}

impl Step {
    /// Whether it is of what a project is set up by, or of much at once. The next look at all files mends what is wrong
    /// after such a step, so that it must be seen before.
    fn reaches_far(&self) -> bool {
        let is_far = |op: &Op| match op {
            Op::Write(path, _) | Op::Remove(path) => !path.contains('/') || path.starts_with("dbt_packages/"),
            Op::Invocation(_) => true,
        };
        self.ops.len() > 1 || self.ops.iter().any(is_far)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} (told: {:?}, asked: {:?})", self.what, self.told, self.asked)?;
        for op in &self.ops {
            match op {
                Op::Write(path, text) => writeln!(out, "    write {path}: {text:?}")?,
                Op::Remove(path) => writeln!(out, "    remove {path}")?,
                Op::Invocation(which) => writeln!(out, "    invocation {which}")?,
            }
        }
        Ok(())
    }
}

/// How many invocations there are.
pub const INVOCATIONS: usize = 6;

/// An invocation with the target that the files state.
fn invocation(which: usize, tree: &Memory) -> Invocation {
    let mut invocation = stated(which);
    let profiles = tree.read("profiles.yml");
    if let (Content::Text(text), true) = (profiles, invocation.target.is_empty())
        && let Ok(chosen) = choose(tree, &[], &text, &Choice::default(), &invocation.env)
    {
        invocation.target = chosen.target;
    }
    invocation
}

fn stated(which: usize) -> Invocation {
    let mut invocation = Invocation::default();
    let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, serde_json::Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    };
    match which {
        1 => invocation.vars = text(&[("limit", "7"), ("start_date", "2020-01-01"), ("place", "models/marts")]),
        2 => {
            invocation.env =
                [("REGION", "eu"), ("DRAFTS", "tests")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        }
        3 => invocation.target = text(&[("name", "prod"), ("schema", "live"), ("type", "snowflake")]),
        4 => invocation.vars = text(&[("start_date", "2024-02-30"), ("noise", "{{ x }}"), ("place", "models/staging")]),
        5 => {
            invocation.env =
                [("REGION".to_owned(), "us".to_owned()), ("DBT_TARGET".to_owned(), "prod".to_owned())].into();
            invocation.env.insert("DRAFTS".to_owned(), "models".to_owned());
            invocation.shows_environment = true;
        }
        _ => {}
    }
    invocation
}

/// A live session and the files it follows.
pub struct Live {
    pub tree: Memory,
    pub session: Session,
    pub settings: Settings,
    invocation: usize,
    steps: usize,
}

/// After so many steps the session is renewed, as `harness watch` does where it is worn: after a comparison, so that
/// nothing wrong is mended unseen.
const RENEWED: usize = 30;

impl Live {
    pub fn start(files: &Files) -> Self {
        let tree: Memory = files.iter().collect();
        let mut settings = Settings::of(&tree, None, true);
        let mut session = state::fresh(&tree, &settings, invocation(0, &tree));
        session.follow();
        settings.park(&session);
        Self { tree, session, settings, invocation: 0, steps: 0 }
    }

    /// Applies a step to the files and brings the session up to them.
    pub fn apply(&mut self, step: &Step) {
        let mut paths: BTreeSet<String> = BTreeSet::new();
        let mut are_rules_touched = false;
        for op in &step.ops {
            match op {
                Op::Write(path, text) => self.tree.insert(path, text),
                Op::Remove(path) => self.tree.remove(path),
                Op::Invocation(which) => self.invocation = *which,
            }
            if let Op::Write(path, _) | Op::Remove(path) = op {
                are_rules_touched |= path.ends_with(".md") || path == HOUSE_RULES_FILE;
                paths.insert(if step.told == Told::Folders { self.folder_told(op, path) } else { path.clone() });
            }
        }
        self.session.set_invocation(invocation(self.invocation, &self.tree));
        self.settings = Settings::of(&self.tree, Some(&self.settings), are_rules_touched);
        self.session.set_house_rules(self.settings.house.clone());
        let touched = if step.told == Told::Nothing { Touched::All } else { Touched::Paths(&paths) };
        self.session.update(&self.tree, touched);
        self.steps += 1;
        if self.session.is_worn() || (self.steps > 1 && self.steps % RENEWED == 1) {
            self.session.renew(&self.tree);
        }
    }

    /// The folder that is told of instead of a file: the one it lies in, or the whole one that went with it.
    fn folder_told(&self, op: &Op, path: &str) -> String {
        let above = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        let mut folder = above(path);
        let is_gone = |folder: &str| !folder.is_empty() && self.tree.list(folder, &|_, _| false).files.is_empty();
        while matches!(op, Op::Remove(_)) && is_gone(&folder) && is_gone(&above(&folder)) {
            folder = above(&folder);
        }
        folder
    }

    pub fn fresh(&self) -> Session {
        state::fresh(&self.tree, &self.settings, invocation(self.invocation, &self.tree))
    }

    /// Asks as a step says, and tells what is found.
    fn look(&self, asked: Asked, all_rules: bool) -> Vec<Found> {
        if asked == Asked::Nothing {
            return Vec::new();
        }
        let found = state::found(&self.session, &self.settings, all_rules);
        if asked == Asked::All {
            state::state(&self.session, &self.settings, all_rules);
        }
        found.iter().map(Found::of).collect()
    }

    /// Where the findings differ from those of a fresh session.
    fn difference_of_findings(&self, all_rules: bool) -> Option<String> {
        let [live, fresh] = [&self.session, &self.fresh()].map(|session| {
            let found = state::findings(session, &self.settings, all_rules);
            State::from([("findings".to_owned(), found)])
        });
        difference(&live, &fresh)
    }

    pub fn states(&self, all_rules: bool) -> [State; 2] {
        [&self.session, &self.fresh()].map(|session| state::state(session, &self.settings, all_rules))
    }

    pub fn difference(&self, all_rules: bool) -> Option<String> {
        let [live, fresh] = self.states(all_rules);
        difference(&live, &fresh)
    }
}

/// A script that ends in a difference.
pub struct Failure {
    pub files: Files,
    pub steps: Vec<Step>,
    pub difference: String,
    pub all_rules: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "the live session differs from a fresh one (all rules: {})", self.all_rules)?;
        writeln!(out, "{}", self.difference)?;
        writeln!(out, "files at first:")?;
        for (path, text) in &self.files {
            writeln!(out, "    {path}: {text:?}")?;
        }
        for (at, step) in self.steps.iter().enumerate() {
            write!(out, "{}. {step}", at + 1)?;
        }
        Ok(())
    }
}

/// A script that is made up while it runs.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub steps: usize,
    pub all_rules: bool,
    /// After so many steps the session is compared with a fresh one.
    pub compared: usize,
}

/// Makes up edits and applies them. After each the session is asked for its findings; where it is compared, for all
/// there is. Of what reaches far the findings are compared more often.
pub fn run(files: &Files, plan: Plan, mut each: impl FnMut(usize, &Step)) -> Result<(), Failure> {
    let Plan { seed, steps, all_rules, compared } = plan;
    let mut world = World::new(files.clone());
    let mut dice = Dice(seed);
    let mut live = Live::start(files);
    world.found = live.look(Asked::All, all_rules);
    let mut script = Vec::new();
    for at in 1..=steps {
        let is_compared = at.is_multiple_of(compared) || at == steps;
        let mut step = world.step(&mut dice);
        let is_invocation = step.ops.iter().any(|op| matches!(op, Op::Invocation(_)));
        let is_looked_at = is_compared || is_invocation || (step.reaches_far() && at % 3 == 0);
        step.asked = match (is_compared, is_looked_at) {
            (true, _) => Asked::All,
            (_, true) => Asked::Findings,
            _ => step.asked,
        };
        let asked = step.asked;
        each(at, &step);
        live.apply(&step);
        script.push(step);
        if asked == Asked::Nothing {
            continue;
        }
        let found = state::found(&live.session, &live.settings, all_rules);
        world.found = found.iter().map(Found::of).collect();
        if !is_looked_at {
            continue;
        }
        world.baseline = baseline::text(&found);
        let differs = if is_compared { live.difference(all_rules) } else { live.difference_of_findings(all_rules) };
        if let Some(difference) = differs {
            let failure = Failure { files: files.clone(), steps: script, difference, all_rules };
            return Err(shrunk(failure));
        }
    }
    Ok(())
}

/// The difference at the end of a script, each step of which is looked at by the live session.
pub fn replayed(files: &Files, steps: &[Step], all_rules: bool) -> Option<String> {
    let mut live = Live::start(files);
    live.look(Asked::All, all_rules);
    let (last, before) = steps.split_last()?;
    for step in before {
        live.apply(step);
        live.look(step.asked, all_rules);
    }
    live.apply(last);
    live.difference(all_rules)
}

/// Drops halves, quarters and single steps as long as the rest still fails, then files.
fn shrunk(mut failure: Failure) -> Failure {
    // Mostly the last steps are enough.
    for many in [1, 2, 4, 8, 16] {
        let Some(from) = failure.steps.len().checked_sub(many) else { break };
        let mut files = failure.files.clone();
        let mut which = 0;
        for op in failure.steps[..from].iter().flat_map(|step| &step.ops) {
            match op {
                Op::Write(path, text) => drop(files.insert(path.clone(), text.clone())),
                Op::Remove(path) => drop(files.remove(path)),
                Op::Invocation(other) => which = *other,
            }
        }
        let mut steps = failure.steps[from..].to_vec();
        if which != 0 {
            let ops = vec![Op::Invocation(which)];
            steps.insert(0, Step { what: "invocation", ops, told: Told::Paths, asked: Asked::All });
        }
        if let Some(difference) = replayed(&files, &steps, failure.all_rules) {
            failure = Failure { files, steps, difference, ..failure };
            break;
        }
    }
    let mut size = failure.steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        // The last step shows the difference.
        while at + size < failure.steps.len() {
            let mut steps = failure.steps.clone();
            steps.drain(at..at + size);
            match replayed(&failure.files, &steps, failure.all_rules) {
                Some(difference) => failure = Failure { steps, difference, ..failure },
                None => at += size,
            }
        }
        size /= 2;
    }
    for step in 0..failure.steps.len() {
        let mut at = 0;
        while failure.steps[step].ops.len() > 1 && at < failure.steps[step].ops.len() {
            let mut steps = failure.steps.clone();
            steps[step].ops.remove(at);
            match replayed(&failure.files, &steps, failure.all_rules) {
                Some(difference) => failure = Failure { steps, difference, ..failure },
                None => at += 1,
            }
        }
    }
    let paths: Vec<String> = failure.files.keys().cloned().collect();
    let mut size = paths.len() / 2;
    while size > 0 {
        for part in paths.chunks(size) {
            let mut files = failure.files.clone();
            files.retain(|path, _| !part.contains(path));
            if files.len() == failure.files.len() {
                continue;
            }
            if let Some(difference) = replayed(&files, &failure.steps, failure.all_rules) {
                failure = Failure { files, difference, ..failure };
            }
        }
        size /= 2;
    }
    failure
}
