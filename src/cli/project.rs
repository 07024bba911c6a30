//! Finding the project, its house rules and its profile; the same for every command.

use super::{Failure, Global, cache, say};
use crate::db::settings::HouseRules;
use crate::db::{Database, Invocation};
use crate::files::{Content, Disk, Tree, absolute, exists, find_above};
use crate::project::profile;
use crate::project::settings::rule_paths;
use crate::report::escaped;
use crate::rules::registry::Registry;
use crate::session::{HOUSE_RULES_FILE, PROJECT_FILE, Session, house_rules, on_large_stacks, with_house_rules};
use crate::syntax::span::{LineIndex, SyntaxError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) fn registry() -> Result<&'static Registry, Failure> {
    Registry::embedded().map_err(|errors| Failure(format!("harness: its own rule files are broken:\n{errors}")))
}

/// The rules that are built in, and those of the project around, if there is one.
pub(super) fn all_rules(global: &Global) -> Result<Registry, Failure> {
    if !is_there(global) {
        return Ok(registry()?.clone());
    }
    let folder = folder(global)?;
    let folders = house_text(global, &folder)?.map(|(_, text)| rule_paths(&text)).unwrap_or_default();
    Ok(with_house_rules(registry()?, &Disk::new(&folder), &folders))
}

/// Whether a project is named or stands around the current folder.
pub(super) fn is_there(global: &Global) -> bool {
    global.project_dir.is_some() || find_above(Path::new("."), PROJECT_FILE).is_some()
}

/// The folder of dbt_project.yml.
pub(super) fn folder(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(folder) = &global.project_dir {
        if !Disk::new(folder).is_file(PROJECT_FILE) {
            return Err(Failure(format!(
                "harness: {} holds no {PROJECT_FILE}.\n  → Give --project-dir the folder that does.",
                folder.display()
            )));
        }
        return Ok(absolute(folder));
    }
    find_above(Path::new("."), PROJECT_FILE).ok_or_else(|| {
        let here = Disk::new(Path::new("."));
        let below = here.folders("").into_iter().find(|name| here.is_file(&format!("{name}/{PROJECT_FILE}")));
        let remedy = match below {
            Some(name) => format!("Name its folder: --project-dir {}", escaped(&name)),
            None => "Go into a dbt project, or name its folder with --project-dir.".to_owned(),
        };
        Failure(format!("harness: no {PROJECT_FILE} in this folder or above it.\n  → {remedy}"))
    })
}

/// The text of the house rules and how their file is called; `None` where there are none.
pub(super) fn house_text(global: &Global, folder: &Path) -> Result<Option<(String, Arc<str>)>, Failure> {
    let (path, shown) = match &global.config {
        Some(path) => (absolute(path), path.display().to_string()),
        None => (folder.join(HOUSE_RULES_FILE), HOUSE_RULES_FILE.to_owned()),
    };
    let above = Disk::new(path.parent().unwrap_or(Path::new("/")));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !exists(&path) {
        let misnamed = "harness.yaml";
        return match global.config {
            None if above.is_file(misnamed) => Err(Failure(format!(
                "harness: {misnamed} is not read.\n  → Rename it to {HOUSE_RULES_FILE}, or give it with --config."
            ))),
            None => Ok(None),
            Some(_) => Err(Failure(format!("harness: {shown} does not exist.\n  → Correct the path after --config."))),
        };
    }
    match above.read(&name) {
        Content::Text(text) => Ok(Some((shown, text))),
        Content::Unreadable(problem) => {
            Err(Failure(format!("harness: {shown}: {}\n  → {}", problem.what, problem.fix)))
        }
        Content::NameOnly => Ok(None),
    }
}

pub(super) fn read_house_rules(global: &Global, folder: &Path, registry: &Registry) -> Result<HouseRules, Failure> {
    let Some((shown, text)) = house_text(global, folder)? else { return Ok(HouseRules::default()) };
    house_rules(registry, &text).map_err(|errors| Failure(located(&shown, &text, &errors)))
}

/// Errors of a file with line and column, the form of findings.
pub(super) fn located(path: &str, text: &str, errors: &[SyntaxError]) -> String {
    let lines = LineIndex::new(text);
    let mut shown = String::new();
    for error in errors {
        let at = lines.position(text, error.span.start);
        let message = escaped(&error.message);
        shown.push_str(&format!("{path}:{}:{}: {message}\n  → {}\n", at.line, at.column, escaped(&error.remedy)));
    }
    shown
}

fn vars(global: &Global) -> Result<BTreeMap<String, serde_json::Value>, Failure> {
    let Some(text) = &global.vars else { return Ok(BTreeMap::new()) };
    let document = crate::syntax::yaml::parse(text);
    match crate::project::data::of(&document.root) {
        serde_json::Value::Object(vars) if document.errors.is_empty() => Ok(vars.into_iter().collect()),
        _ => Err(Failure(format!(
            "harness: --vars is no YAML mapping: {text}\n  → Write it as '{{name: value, other: value}}'."
        ))),
    }
}

/// profiles.yml where dbt looks for it: the folder that was named, the environment's, the project's,
/// the user's. None is needed, so only a folder that was named must hold one. `read` gives a file that is there.
fn profiles(
    global: &Global,
    project: &Path,
    env: &BTreeMap<String, String>,
    read: &dyn Fn(&Path) -> Option<Content>,
) -> Result<Content, Failure> {
    const FILE: &str = "profiles.yml";
    if let Some(named) = &global.profiles_dir {
        return read(&named.join(FILE)).ok_or_else(|| {
            Failure(format!(
                "harness: {} holds no {FILE}.\n  → Correct --profiles-dir, or leave it out: no profile is needed.",
                named.display()
            ))
        });
    }
    let users = env.get("HOME").map(|home| Path::new(home).join(".dbt"));
    let folders = [env.get("DBT_PROFILES_DIR").map(PathBuf::from), Some(project.to_owned()), users];
    Ok(folders.iter().flatten().find_map(|folder| read(&folder.join(FILE))).unwrap_or(Content::NameOnly))
}

/// A file of the disk, if it is there.
pub(super) fn read_if_there(path: &Path) -> Option<Content> {
    let name = path.file_name()?.to_string_lossy();
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = Disk::new(above);
    folder.is_file(&name).then(|| folder.read(&name))
}

/// What an invocation says beside the files of a tree, and what was assumed.
pub(super) fn invocation(
    global: &Global,
    folder: &Path,
    tree: &dyn Tree,
    read: &dyn Fn(&Path) -> Option<Content>,
) -> Result<(Invocation, Vec<String>), Failure> {
    let vars = vars(global)?;
    let choice = profile::Choice { profile: global.profile.clone(), target: global.target.clone() };
    let env: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let profiles = profiles(global, folder, &env, read)?;
    let chosen = profile::choose(tree, profiles.text(), &choice, &env)
        .map_err(|(what, fix)| Failure(format!("harness: {what}\n  → {fix}")))?;
    Ok((Invocation { vars, env, target: chosen.target }, chosen.notes))
}

/// Loads the project and does some work with it, on threads with large stacks.
pub(super) fn with_session<R: Send>(
    global: &Global,
    work: impl FnOnce(&Session, &Registry) -> R + Send,
) -> Result<R, Failure> {
    let registry = all_rules(global)?;
    let house = read_house_rules(global, &folder(global)?, &registry)?;
    with_stated(global, &registry, house, work)
}

/// Says which environment variables are asked for and not set.
pub(super) fn tell_of_environment(session: &Session) {
    for name in session.unset_environment() {
        say(&format!("harness: the environment variable {name} is not set; its value is unknown"));
    }
}

/// The same with house rules that are given.
pub(super) fn with_stated<R: Send>(
    global: &Global,
    registry: &Registry,
    house: HouseRules,
    work: impl FnOnce(&Session, &Registry) -> R + Send,
) -> Result<R, Failure> {
    let folder = folder(global)?;
    let tree = Disk::new(&folder);
    let (invocation, notes) = invocation(global, &folder, &tree, &read_if_there)?;
    if global.verbose {
        notes.iter().for_each(|note| say(&format!("harness: {note}")));
    }
    let verbose = global.verbose;
    on_large_stacks(global.threads, move || {
        let store = cache::open(global, &folder, &tree);
        let db = Database::default();
        store.iter().for_each(|store| store.serve(&db));
        let session = Session::load(db, &tree, house, invocation);
        let result = work(&session, registry);
        store.iter().for_each(|store| cache::save(global, store));
        if verbose {
            tell_of_environment(&session);
        }
        // The program ends soon: to give back each of its parts would cost a tenth of the whole run.
        std::mem::forget(session);
        result
    })
    .map_err(|error| Failure(format!("harness: {error}")))
}
