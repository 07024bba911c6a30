//! The rules that a repo brings itself.

use super::Session;
use crate::files::{Content, Tree, join};
use crate::query::{Families, NoRun, Repo};
use crate::rules::engine;
use crate::rules::registry::Registry;
use crate::rules::rule::RuleError;
use crate::rules::selection::options;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a repo's own rules lie, beside dbt_project.yml.
pub const RULES_FOLDER: &str = "harness/rules";

/// A note about the rules, not one of them.
const README: &str = "README.md";

/// These rules and the ones that lie in the repo, in the usual folder and in those that are named.
pub fn with_house_rules(registry: &Registry, tree: &dyn Tree, folders: &[String]) -> Registry {
    let mut texts: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let mut errors: Vec<RuleError> = Vec::new();
    for folder in std::iter::once(RULES_FOLDER).chain(folders.iter().map(String::as_str)) {
        for path in tree.list(&join("", folder), &|_, _| false).files {
            let file = path.rsplit('/').next().unwrap_or_default();
            if !file.ends_with(".md") || file == README {
                continue;
            }
            match tree.read(&path) {
                Content::Text(text) => {
                    texts.insert(path, text);
                }
                Content::Unreadable(problem) => errors.push(RuleError { path, line: 1, message: problem.what }),
                Content::NameOnly => {}
            }
        }
    }
    let files = texts.iter().map(|(path, text)| (path.clone(), &**text));
    registry.with_house_rules(files).with_broken(errors)
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
