//! `--since`: the same project at a commit, and what became of it.

use super::surroundings::{Surroundings, read_if_there};
use super::{Failure, Global, cache, project, say, stats};
use crate::db::settings::HouseRules;
use crate::db::{Before, Invocation};
use crate::files::git::{Revision, at};
use crate::files::{Content, Tree};
use crate::project::paths::paths;
use crate::project::settings::rule_paths;
use crate::report::escaped;
use crate::rules::registry::Registry;
use crate::session::{
    HOUSE_RULES_FILE, PROJECT_FILE, RULES_FOLDER, Session, Touched, changed, house_rules, on_large_stacks,
    with_house_rules,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct SinceArguments {
    /// Compare with a commit: a branch, a tag, HEAD~1; `main...` for where this history has left that of main.
    #[arg(long, value_name = "REF")]
    since: Option<String>,
}

/// One side of a comparison: its rules, and all that is not a file of the project.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) registry: Registry,
    /// The name and text of its harness.yml, where it has one.
    pub(super) house: Option<(String, Arc<str>)>,
    rules: HouseRules,
    invocation: Invocation,
}

/// The side before.
#[derive(Debug)]
pub(super) struct Since {
    /// As it was called.
    pub(super) name: String,
    pub(super) revision: Revision,
    side: Side,
    /// Whether the project was there.
    pub(super) is_there: bool,
}

impl SinceArguments {
    pub(super) fn is_given(&self) -> bool {
        self.since.is_some()
    }

    /// The side before, where one is named.
    pub(super) fn read(&self, global: &Global) -> Result<Option<Since>, Failure> {
        let Some(name) = &self.since else { return Ok(None) };
        let around = Surroundings::find(global)?;
        let revision = at(&around.folder, name, global.allow_outside)
            .map_err(|no| Failure(format!("harness: --since: {}.\n  → {}", escaped(&no.what), escaped(&no.fix))))?;
        let tree = &revision.tree;
        let project_file = |tree: &dyn Tree| tree.is_file(PROJECT_FILE).then(|| tree.read(PROJECT_FILE));
        let (invocation, _) = around.invocation()?;
        for side in [&around.tree() as &dyn Tree, tree] {
            let text = project_file(side).unwrap_or(Content::NameOnly);
            tree.is_installed(&paths(text.text(), &invocation).packages);
        }
        let is_there = tree.has(PROJECT_FILE);
        let side = side(global, &around, &revision)?;
        whole(&revision)?;
        if !is_there {
            say(&format!("harness: note: {} has no {PROJECT_FILE} in this folder, so all is new", escaped(name)));
        }
        Ok(Some(Since { name: name.clone(), revision, side, is_there }))
    }
}

/// Refuses a commit of which a part is not in the clone: what is not read would seem to be new.
fn whole(revision: &Revision) -> Result<(), Failure> {
    if revision.tree.is_too_large() {
        return Err(Failure(format!(
            "harness: --since: the commit {} holds more files and folders than are looked at.\n  → Name another commit, or leave out --since.",
            revision.commit
        )));
    }
    revision.tree.missing().map_or(Ok(()), |object| {
        Err(Failure(format!(
            "harness: --since: the commit {} is not whole in this clone: the object {object} is missing.\n  → Fetch it: `git fetch --refetch` in a clone that was made with --filter, `git fetch --unshallow` in a shallow one.",
            revision.commit
        )))
    })
}

/// The rules and settings of the commit. Of what it has none or a broken one, those of now hold.
fn side(global: &Global, around: &Surroundings<'_>, revision: &Revision) -> Result<Side, Failure> {
    let tree = &revision.tree;
    let house = match &global.config {
        None => match tree.is_file(HOUSE_RULES_FILE).then(|| tree.read(HOUSE_RULES_FILE)) {
            Some(Content::Text(text)) => Some((HOUSE_RULES_FILE.to_owned(), text)),
            _ => None,
        },
        Some(path) => match tree.within(path).filter(|path| tree.has(path)).map(|path| tree.read(&path)) {
            Some(Content::Text(text)) => Some((path.display().to_string(), text)),
            _ => around.settings()?,
        },
    };
    let with_rules = |text: Option<&str>, tree: &dyn Tree| {
        let folders = text.map(rule_paths).unwrap_or_default();
        project::registry().map(|registry| with_house_rules(registry, tree, &folders))
    };
    let mut registry = with_rules(house.as_ref().map(|(_, text)| &**text), tree)?;
    let mut house = house;
    let rules = match house.as_ref().map(|(_, text)| house_rules(&registry, text)) {
        None => HouseRules::default(),
        Some(Ok(rules)) => rules,
        Some(Err(_)) => {
            say("harness: note: harness.yml was broken at that commit, so its findings are those of today's rules");
            house = around.settings()?;
            let text = house.as_ref().map(|(_, text)| &**text);
            registry = with_rules(text, &around.tree())?;
            text.and_then(|text| house_rules(&registry, text).ok()).unwrap_or_default()
        }
    };
    let read = |path: &Path| match tree.within(path) {
        Some(path) => tree.is_file(&path).then(|| tree.read(&path)),
        None => read_if_there(path),
    };
    let (invocation, _) = around.invocation_of(tree, &read).or_else(|_| around.invocation())?;
    Ok(Side { registry, house, rules, invocation })
}

/// Loads the project, and where a commit is named first as it was there: `look` sees that side and says what
/// to keep of it; `by_state` asks for what has become of each node. Both are sides of one session.
pub(super) fn with_sides<R: Send, T: Send>(
    global: &Global,
    since: Option<&Since>,
    by_state: bool,
    look: impl FnOnce(&Session, &Side) -> (Before, T) + Send,
    work: impl FnOnce(&Session, &Registry, Option<T>) -> R + Send,
) -> Result<R, Failure> {
    let Some(since) = since else {
        return project::with_session(global, |session, registry| work(session, registry, None));
    };
    let around = Surroundings::find(global)?;
    let written = around.written()?;
    let registry = around.registry(&written)?;
    let house = around.house_rules(&written, &registry)?;
    let disk = around.tree();
    let (invocation, notes) = around.invocation()?;
    if global.verbose {
        notes.iter().for_each(|note| say(&format!("harness: {}", escaped(note))));
        say(&format!("harness: {} is the commit {}", escaped(&since.name), since.revision.commit));
    }
    let tree = &since.revision.tree;
    on_large_stacks(global.threads, || {
        let side = &since.side;
        let store = cache::open(global, &around.folder, &disk);
        let db = global.database();
        store.iter().for_each(|store| store.serve(&db));
        let mut session = Session::load(db, tree, side.rules.clone(), side.invocation.clone());
        whole(&since.revision)?;
        let contents = session.contents();
        let state = by_state.then(|| session.state());
        let (mut before, kept) = look(&session, side);
        // What the commit was asked for is all that both sides have in common.
        session.set_house_rules(house);
        session.set_invocation(invocation);
        session.update(&disk, Touched::Paths(&tree.otherwise()));
        let contents = if since.is_there { contents } else { Default::default() };
        before.changed = changed(&contents, &session.contents(), &|path| tree.differs(path));
        before.changed.extend(changed_rules(tree, &disk));
        if before.changed.is_empty() {
            say(&format!("harness: note: nothing differs from {}, so nothing is new", escaped(&since.name)));
        }
        if let Some(state) = state {
            before.states = Some(session.state().since(&state, &before.changed));
        }
        session.compare_with(Some(before));
        let result = work(&session, &registry, Some(kept));
        whole(&since.revision)?;
        store.iter().for_each(|store| cache::save(global, store));
        if global.verbose {
            project::tell_of_environment(&session);
        }
        stats(&session).iter().for_each(|stats| say(stats));
        Ok(result)
    })
    .map_err(|error| Failure(format!("harness: {error}")))?
}

/// The house rules and rule files that differ.
fn changed_rules(then: &dyn Tree, now: &dyn Tree) -> BTreeSet<Arc<str>> {
    let mut paths: BTreeSet<String> = [HOUSE_RULES_FILE.to_owned()].into();
    for tree in [then, now] {
        let text = tree.is_file(HOUSE_RULES_FILE).then(|| tree.read(HOUSE_RULES_FILE));
        let folders = text.map(|text| rule_paths(text.text())).unwrap_or_default();
        let stated = folders.iter().map(String::as_str).chain([RULES_FOLDER]);
        for folder in stated.filter_map(|folder| tree.locate("", folder, false).ok()) {
            paths.extend(tree.list(&folder, &|_, _| false).files.into_iter().filter(|path| path.ends_with(".md")));
        }
    }
    let content = |tree: &dyn Tree, path: &str| tree.is_file(path).then(|| tree.read(path));
    paths.into_iter().filter(|path| content(then, path) != content(now, path)).map(Arc::from).collect()
}
