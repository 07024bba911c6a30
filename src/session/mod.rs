//! One project in one database: loaded from a tree, brought up to date, asked for findings.

mod load;

pub use load::{HOUSE_RULES_FILE, PROJECT_FILE};

use crate::db::settings::HouseRules;
use crate::db::{Database, FileKind, Invocation, Project};
use crate::files::{Memory, Tree};
use crate::project::graph::parents;
use crate::project::macros::blocks;
use crate::project::nodes::{facts, nodes_of_package};
use crate::project::packages::{dbt_packages, yaml};
use crate::project::properties::properties;
use rayon::prelude::*;

/// Parsers and templates recurse on what people wrote.
const STACK_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub struct Session {
    pub db: Database,
    pub project: Project,
    /// Files read.
    pub files: usize,
}

impl Session {
    pub fn load(mut db: Database, tree: &dyn Tree, house_rules: HouseRules, invocation: Invocation) -> Self {
        let loaded = load::load(&mut db, tree, house_rules, invocation);
        Self { db, project: loaded.project, files: loaded.files }
    }

    /// Runs the queries that cost most on all threads. What follows finds their results.
    pub fn prefetch(&self) {
        let db = &self.db;
        let mut files = Vec::new();
        for package in dbt_packages(db) {
            let own = package.directories(db).iter().flat_map(|directory| directory.files(db));
            files.extend(own.map(|file| (package, *file)));
        }
        files.par_iter().with_min_len(8).for_each_with(db.clone(), |db, (package, file)| match file.kind(db) {
            FileKind::Properties => {
                yaml(db, *file);
                properties(db, *package, *file);
            }
            FileKind::Macro | FileKind::Test | FileKind::Snapshot => {
                blocks(db, *file);
            }
            _ => {}
        });
        let nodes = nodes_of_package(db, self.project.root(db));
        nodes.par_iter().with_min_len(8).for_each_with(db.clone(), |db, node| {
            facts(db, *node);
        });
        nodes.par_iter().with_min_len(64).for_each_with(db.clone(), |db, node| {
            parents(db, *node);
        });
    }
}

/// Runs work on threads whose stacks are large enough for what people write; `threads` 0 is one a
/// core.
pub fn on_large_stacks<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> Result<R, String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build();
    match pool {
        Ok(pool) => Ok(pool.install(work)),
        Err(error) => Err(format!("no threads can be started: {error}")),
    }
}

/// A session over files in memory, with the house rules of their harness.yml.
pub fn in_memory(files: &[(String, String)], house_rules: HouseRules) -> Session {
    let tree: Memory = files.iter().map(|(path, text)| (path, text)).collect();
    Session::load(Database::default(), &tree, house_rules, Invocation::default())
}
