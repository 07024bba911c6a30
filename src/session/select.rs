//! What a selection selects of a loaded project.

use super::Session;
use crate::project::data_tests::{self, tested, tests_of_directory};
use crate::project::graph::parents;
use crate::project::nodes::{Node, facts, nodes_of_package};
use crate::project::packages::dbt_packages;
use crate::project::selection::{self, Spec};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Session {
    /// The unique_ids a selection selects. Tests come along with what they test, so all of them are
    /// rendered, on all threads.
    pub fn select(&self, spec: &Spec) -> BTreeSet<Arc<str>> {
        self.prefetch();
        let db = &self.db;
        let nodes: Vec<Node<'_>> =
            dbt_packages(db).into_iter().flat_map(|package| nodes_of_package(db, package)).collect();
        nodes.par_iter().with_min_len(16).for_each_with(db.clone(), |db, node| {
            facts(db, *node);
            parents(db, *node);
        });
        let packages = dbt_packages(db).into_iter();
        let directories: Vec<_> =
            packages.flat_map(|own| own.directories(db).iter().map(move |directory| (own, *directory))).collect();
        directories.par_iter().for_each_with(db.clone(), |db, (package, directory)| {
            for test in tests_of_directory(db, *package, *directory) {
                data_tests::facts(db, *test);
                tested(db, *test);
            }
        });
        selection::evaluate(db, spec)
    }
}
