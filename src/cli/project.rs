//! Finding the project and loading it; the same for every command.

use super::surroundings::Surroundings;
use super::{Failure, Global, cache, say, stats};
use crate::db::settings::HouseRules;
use crate::files::{Disk, Tree, absolute, find_above, find_below};
use crate::report::escaped;
use crate::rules::registry::Registry;
use crate::session::{PROJECT_FILE, Session, on_large_stacks};
use crate::syntax::span::{LineIndex, SyntaxError};
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

pub(super) fn registry() -> Result<&'static Registry, Failure> {
    Registry::embedded().map_err(|errors| Failure(format!("harness: its own rule files are broken:\n{errors}")))
}

/// The rules that are built in, and those of the project around, if there is one.
pub(super) fn all_rules(global: &Global) -> Result<Registry, Failure> {
    if !is_there(global) {
        return Ok(registry()?.clone());
    }
    let around = Surroundings::find(global)?;
    around.registry(&around.written()?)
}

/// Whether a project is named, stands around the current folder, or is the only one below it.
pub(super) fn is_there(global: &Global) -> bool {
    global.project_dir.is_some() || find_above(Path::new("."), PROJECT_FILE).is_some() || below().len() == 1
}

/// Folders in which no project of the repo's own lies.
const PASSED: [&str; 8] =
    ["dbt_packages", "dbt_modules", "node_modules", "site-packages", "target", "logs", "venv", "__pycache__"];
/// More projects than these are not named.
const NAMED: usize = 10;

/// The projects below the current folder, where none stands around it.
fn below() -> &'static [PathBuf] {
    static BELOW: OnceLock<Vec<PathBuf>> = OnceLock::new();
    BELOW.get_or_init(|| find_below(Path::new("."), PROJECT_FILE, &PASSED))
}

/// A folder as a person gives it.
fn shown(folder: &Path) -> String {
    escaped(&folder.strip_prefix(".").unwrap_or(folder).to_string_lossy().replace('\\', "/")).into_owned()
}

/// The folder of dbt_project.yml.
pub(super) fn folder(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(folder) = &global.project_dir {
        if !Disk::new(folder).is_file(PROJECT_FILE) {
            return Err(Failure(format!(
                "harness: {} holds no {PROJECT_FILE}.\n  → Give --project-dir the folder that does.",
                escaped(&folder.display().to_string())
            )));
        }
        return Ok(absolute(folder));
    }
    if let Some(folder) = find_above(Path::new("."), PROJECT_FILE) {
        return Ok(folder);
    }
    let here = format!("harness: no {PROJECT_FILE} in this folder or above it");
    match below() {
        [] => Err(Failure(format!("{here}.\n  → Go into a dbt project, or name its folder with --project-dir."))),
        [only] => {
            // Some commands ask for the folder more than once.
            static SAID: Once = Once::new();
            SAID.call_once(|| say(&format!("{here}; taking {}, the only project below", shown(only))));
            Ok(absolute(only))
        }
        several => {
            let mut names: Vec<String> = several.iter().take(NAMED).map(|folder| shown(folder)).collect();
            if several.len() > NAMED {
                names.push(format!("and {} more", several.len() - NAMED));
            }
            let first = several.first().map(|folder| shown(folder)).unwrap_or_default();
            Err(Failure(format!(
                "{here}; {} projects lie below: {}.\n  → Name one: --project-dir {first}",
                several.len(),
                names.join(", ")
            )))
        }
    }
}

/// Errors of a file with line and column, the form of findings.
pub(super) fn located(path: &str, text: &str, errors: &[SyntaxError]) -> String {
    let lines = LineIndex::new(text);
    let (path, mut shown) = (escaped(path), String::new());
    for error in errors {
        let at = lines.position(text, error.span.start);
        let message = escaped(&error.message);
        shown.push_str(&format!("{path}:{}:{}: {message}\n  → {}\n", at.line, at.column, escaped(&error.remedy)));
    }
    shown
}

/// Loads the project and does some work with it, on threads with large stacks.
pub(super) fn with_session<R: Send>(
    global: &Global,
    work: impl FnOnce(&Session, &Registry) -> R + Send,
) -> Result<R, Failure> {
    let around = Surroundings::find(global)?;
    let written = around.written()?;
    let registry = around.registry(&written)?;
    let house = around.house_rules(&written, &registry)?;
    with_stated(global, &registry, house, work)
}

/// Says which environment variables are asked for and not set.
pub(super) fn tell_of_environment(session: &Session) {
    for name in session.unset_environment() {
        say(&format!("harness: the environment variable {} is not set; its value is unknown", escaped(&name)));
    }
}

/// The same with house rules that are given.
pub(super) fn with_stated<R: Send>(
    global: &Global,
    registry: &Registry,
    house: HouseRules,
    work: impl FnOnce(&Session, &Registry) -> R + Send,
) -> Result<R, Failure> {
    let around = Surroundings::find(global)?;
    let (invocation, notes) = around.invocation()?;
    if global.verbose {
        notes.iter().for_each(|note| say(&format!("harness: {}", escaped(note))));
    }
    let tree = around.tree();
    let verbose = global.verbose;
    on_large_stacks(global.threads, move || {
        let store = cache::open(global, &around.folder, &tree);
        let db = global.database();
        store.iter().for_each(|store| store.serve(&db));
        let session = Session::load(db, &tree, house, invocation);
        let result = work(&session, registry);
        store.iter().for_each(|store| cache::save(global, store));
        if verbose {
            tell_of_environment(&session);
        }
        stats(&session).iter().for_each(|stats| say(stats));
        // The program ends soon: to give back each of its parts would cost a tenth of the whole run.
        std::mem::forget(session);
        result
    })
    .map_err(|error| Failure(format!("harness: {error}")))
}
