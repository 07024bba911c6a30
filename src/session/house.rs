//! The rules that a repo brings itself.

use super::Session;
use crate::files::{Content, Outside, Tree};
use crate::query::{Families, NoRun, Repo};
use crate::rules::engine;
use crate::rules::registry::Registry;
use crate::rules::rule::RuleError;
use crate::rules::selection::options;
use crate::syntax::span::LineIndex;
use crate::syntax::yaml::{Node, parse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a repo's own rules lie, beside dbt_project.yml.
pub const RULES_FOLDER: &str = "harness/rules";

/// Rule files of one folder.
const MAX_RULES: usize = 10_000;

/// A note about the rules, not one of them.
const README: &str = "README.md";

/// The files of a repo's own rules, as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HouseFiles {
    /// By path.
    texts: BTreeMap<String, Arc<str>>,
    errors: Vec<RuleError>,
    /// The folders, as they are named, that lead out of the repository.
    outside: BTreeSet<String>,
}

impl HouseFiles {
    /// These rules and the repo's own.
    pub fn added_to(&self, registry: &Registry) -> Registry {
        let files = self.texts.iter().map(|(path, text)| (path.clone(), &**text));
        registry.with_house_rules(files).with_broken(self.errors.clone())
    }

    /// Where the settings name folders that lead out of the repository. `path` is what the settings' file is called.
    pub fn outside(&self, path: &str, text: &str) -> Vec<(Arc<str>, Outside)> {
        if self.outside.is_empty() {
            return Vec::new();
        }
        let lines = LineIndex::new(text);
        let at = |node: &Node| {
            let stated = node.as_str().filter(|stated| self.outside.contains(*stated))?.to_owned();
            let at = lines.position(text, node.span.start);
            Some((path.into(), Outside { stated, line: at.line, column: at.column }))
        };
        let root = parse(text).root;
        root.get("rule-paths").and_then(Node::as_seq).unwrap_or_default().iter().filter_map(at).collect()
    }

    /// The files that another look at them found otherwise.
    pub fn changed(&self, now: &Self) -> BTreeSet<String> {
        let paths = self.texts.keys().chain(now.texts.keys());
        let differs = |path: &&String| self.texts.get(*path) != now.texts.get(*path);
        let mut changed: BTreeSet<String> = paths.filter(differs).cloned().collect();
        let broken = |one: &Self, other: &Self| {
            let new = one.errors.iter().filter(|error| !other.errors.contains(error));
            new.map(|error| error.path.clone()).collect::<Vec<_>>()
        };
        changed.extend(broken(self, now).into_iter().chain(broken(now, self)));
        changed
    }
}

/// The rules that lie in the repo, in the usual folder and in those that are named.
pub fn house_files(tree: &dyn Tree, folders: &[String]) -> HouseFiles {
    let mut found = HouseFiles::default();
    for folder in std::iter::once(RULES_FOLDER).chain(folders.iter().map(String::as_str)) {
        let Ok(start) = tree.locate("", folder, false) else {
            found.outside.insert(folder.to_owned());
            continue;
        };
        for path in tree.list(&start, &|_, _| false).files.into_iter().take(MAX_RULES) {
            let file = path.rsplit('/').next().unwrap_or_default();
            if !file.ends_with(".md") || file == README {
                continue;
            }
            match tree.read(&path) {
                Content::Text(text) => {
                    found.texts.insert(path, text);
                }
                Content::Unreadable(problem) => found.errors.push(RuleError { path, line: 1, message: problem.what }),
                Content::NameOnly => {}
            }
        }
    }
    found
}

/// These rules and the ones that lie in the repo.
pub fn with_house_rules(registry: &Registry, tree: &dyn Tree, folders: &[String]) -> Registry {
    house_files(tree, folders).added_to(registry)
}

/// The repo's own rules that cannot be used, those too whose block means nothing here.
pub fn broken_rules(session: &Session, registry: &Registry) -> Vec<RuleError> {
    let house = session.project.house_rules(&session.db);
    let repo = Repo::new(&session.db, Families::Compiled, &NoRun);
    let mut broken = registry.broken().to_vec();
    for rule in registry.house_rules() {
        if let Err(error) = engine::check(rule, &options(rule, house), &repo) {
            broken.push(rule.broken(error.line, &error.what));
        }
    }
    broken.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
    broken
}
