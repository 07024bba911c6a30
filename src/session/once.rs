//! A check that nothing comes after: where all that counts is as it was, a former run's result is the result.

use super::{Circumstances, Outcome, Session};
use crate::db::SourceFile;
use crate::db::cache::{Cache, Key, KeyMaker, Work, cache};
use crate::files::{Content, Unreadable};
use crate::rules::registry::Registry;
use crate::rules::selection::Selection;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A result with the environment variables that had a part in it.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    environment: BTreeSet<String>,
    values: [u8; 16],
    outcome: Outcome,
}

impl Session {
    /// What `check_with` gives. Nothing is parsed, rendered or derived where a former run was asked the same
    /// of the same files; a session that goes on to follow edits is better off with `check_with`.
    pub fn check_once(&self, registry: &Registry, selection: &Selection, circumstances: Circumstances<'_>) -> Outcome {
        let Some(cache) = cache(&self.db) else {
            return self.check_with(registry, selection, circumstances);
        };
        let key = self.digest(registry, selection, circumstances);
        if let Some(outcome) = self.kept(cache, key) {
            cache.count_found(Work::Check);
            return outcome;
        }
        cache.count_done(Work::Check);
        let outcome = self.check_with(registry, selection, circumstances);
        let environment = cache.environment();
        let values = self.values(&environment).to_bytes();
        let kept = Kept { environment, values, outcome };
        // What cannot be written is made again each time.
        if let Ok(bytes) = postcard::to_stdvec(&kept) {
            cache.put_briefly(key, bytes);
        }
        kept.outcome
    }

    fn kept(&self, cache: &Cache, key: Key) -> Option<Outcome> {
        let kept: Kept = postcard::from_bytes(cache.get(key)?).ok()?;
        (self.values(&kept.environment).to_bytes() == kept.values).then_some(kept.outcome)
    }

    /// The values of environment variables, as a number: they may be secrets.
    fn values(&self, names: &BTreeSet<String>) -> Key {
        let set = &self.project.invocation(&self.db).env;
        let mut said = KeyMaker::new(Work::Check);
        for name in names {
            said.text(name);
            said.number(set.get(name).iter().count());
            set.get(name).iter().for_each(|value| said.text(value));
        }
        said.key()
    }

    /// All that a check depends on but for the environment: every field of every input, and what it is asked.
    fn digest(&self, registry: &Registry, selection: &Selection, circumstances: Circumstances<'_>) -> Key {
        let (db, project) = (&self.db, self.project);
        let mut said = KeyMaker::new(Work::Check);
        registry.digest().add_to(&mut said);
        said.text(&format!("{selection:?}{circumstances:?}{:?}", project.house_rules(db)));
        let invocation = project.invocation(db);
        said.text(&format!("{:?}{:?}{}", invocation.vars, invocation.target, invocation.shows_environment));
        said.text(&format!("{:?}{:?}{:?}", project.problems(db), project.before(db), self.looked_for));
        let mut files: Vec<SourceFile> = Vec::new();
        let mut list = |of: &[SourceFile]| {
            said.number(of.len());
            files.extend_from_slice(of);
        };
        list(project.package_files(db));
        list(project.inherited_package_files(db));
        list(project.selectors_file(db).as_slice());
        list(project.vars_file(db).as_slice());
        for package in [project.root(db), project.builtins(db)].iter().chain(project.packages(db)) {
            list(&[package.project_file(db)]);
            package.directories(db).iter().for_each(|directory| list(directory.files(db)));
        }
        for package in project.packages(db) {
            said.text(package.folder(db));
        }
        let keys: Vec<Key> =
            files.par_iter().with_min_len(32).map_with(db.clone(), |db, file| of_file(db, *file)).collect();
        keys.into_iter().for_each(|key| key.add_to(&mut said));
        said.key()
    }
}

fn of_file(db: &dyn salsa::Database, file: SourceFile) -> Key {
    let mut said = KeyMaker::new(Work::Check);
    for part in [file.path(db), file.package_path(db), file.root(db)] {
        said.text(part);
    }
    said.text(file.kind(db).name());
    match file.content(db) {
        Content::NameOnly => said.number(0),
        Content::Text(text) => {
            said.number(1);
            said.text(text);
        }
        Content::Unreadable(Unreadable { what, fix, at, outside }) => {
            said.number(2);
            said.text(&format!("{outside:?}"));
            said.number(*at);
            said.text(what);
            said.text(fix);
        }
    }
    said.key()
}
