//! One project in one database: loaded from a tree, brought up to date, asked for findings.

mod ask;
mod cache;
mod cases;
mod directories;
mod house;
mod init;
mod inputs;
mod load;
mod mask;
mod once;
mod select;
mod since;
mod stacks;
mod state;
mod update;
mod watched;

pub use ask::{Answered, Unanswered};
pub use cache::Store;
pub use cases::{CaseFailure, case_failure, case_failures, check_files, check_files_with};
pub use house::{HouseFiles, RULES_FOLDER, broken_rules, house_files, with_house_rules};
pub use init::Proposal;
pub use load::{HOUSE_RULES_FILE, PROJECT_FILE};
pub use mask::{MASK, Mask};
pub use since::{Contents, changed, compare, old_relations, old_relations_of};
pub use stacks::{LargeStacks, Stopped, most_threads, on_large_stacks};
pub use state::{Modified, State};
pub use update::{Changes, Touched};
pub use watched::counts;

use crate::db::settings::HouseRules;
use crate::db::{Database, FileKind, Package, Project, SourceFile};
use crate::files::Content;
use crate::observe;
use crate::project::calls::demanded_variables;
use crate::project::data::is_unknown;
use crate::project::data_tests::{self, tests_of_directory, tests_of_package};
use crate::project::graph::parents;
use crate::project::layout::layout;
use crate::project::macros::blocks;
use crate::project::nodes::{NodeKind, facts, nodes_of_package, rendering};
use crate::project::packages::dbt_packages;
use crate::project::properties::properties;
use crate::project::schema_yaml;
use crate::project::settings;
use crate::project::settled::Known;
use crate::project::target;
use crate::report::Summary;
use crate::rules::about::{About, about};
pub use crate::rules::adoption::Circumstances;
use crate::rules::finding::{Finding, Suppressed};
use crate::rules::live::Live;
use crate::rules::registry::Registry;
use crate::rules::run::run;
use crate::rules::selection::Selection;
use crate::rules::suppression::Problem;
use crate::syntax::span::SyntaxError;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug)]
pub struct Session {
    pub db: Database,
    pub project: Project,
    /// Files read.
    pub files: usize,
    /// Where no models were found, each with whether it exists; nothing where there are models.
    looked_for: Vec<(String, bool)>,
    /// The invocation changed after the last look at the files, and paths may depend on it.
    may_lie_elsewhere: bool,
    inputs: inputs::Inputs,
    /// The rules of the last check, where the next one follows it.
    live: Option<Arc<Mutex<Live>>>,
    /// What the settled indexes come from.
    settled_from: Known,
    /// Much is to be computed.
    is_cold: Arc<AtomicBool>,
}

impl Session {
    fn files_of_packages(&self) -> Vec<(Package, SourceFile)> {
        let db = &self.db;
        let mut files = Vec::new();
        for package in dbt_packages(db) {
            let own = package.directories(db).iter().flat_map(|directory| directory.files(db));
            files.extend(own.map(|file| (package, *file)));
        }
        files
    }

    /// Reads the texts of YAML files and macros on all threads.
    fn prefetch_texts(&self) {
        let db = &self.db;
        self.files_of_packages().par_iter().with_min_len(8).for_each_with(db.clone(), |db, (package, file)| match file
            .kind(db)
        {
            FileKind::Properties => {
                schema_yaml::root(db, *package, *file);
            }
            FileKind::Macro | FileKind::Test | FileKind::Snapshot => {
                blocks(db, *file);
            }
            _ => {}
        });
    }

    /// Reads what YAML files declare. One file may replace parts of what another declares, so whoever is first asks
    /// for the texts of all of them.
    fn prefetch_properties(&self) {
        let db = &self.db;
        let mut files = self.files_of_packages();
        files.retain(|(_, file)| file.kind(db) == FileKind::Properties);
        files.par_iter().with_min_len(8).for_each_with(db.clone(), |db, (package, file)| {
            properties(db, *package, *file);
        });
    }

    /// Runs the queries that cost most on all threads. What follows finds their results.
    pub fn prefetch(&self) {
        self.prefetch_texts();
        self.prefetch_properties();
        let db = &self.db;
        let nodes = nodes_of_package(db, self.project.root(db));
        nodes.par_iter().with_min_len(8).for_each_with(db.clone(), |db, node| {
            facts(db, *node);
        });
        nodes.par_iter().with_min_len(64).for_each_with(db.clone(), |db, node| {
            parents(db, *node);
        });
        let root = self.project.root(db);
        root.directories(db).par_iter().for_each_with(db.clone(), |db, directory| {
            tests_of_directory(db, root, *directory);
        });
        let tests = tests_of_package(db, root);
        tests.par_iter().with_min_len(32).for_each_with(db.clone(), |db, test| observe::prefetch_test(db, *test));
        // Reads every model's place first, which is cheap and shared.
        layout(db);
        nodes.par_iter().with_min_len(16).for_each_with(db.clone(), |db, node| observe::prefetch(db, *node));
    }
}

/// What one run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub findings: Vec<Finding>,
    pub suppressed: Vec<Suppressed>,
    /// What is wrong with the excuses.
    pub problems: Vec<Problem>,
    pub summary: Summary,
    /// What was found before the change and is no longer, where two sides are compared.
    pub fixed: Option<Vec<Finding>>,
    /// Why a group of rules said nothing, where a user would wonder.
    pub notes: Vec<String>,
}

impl Session {
    /// Runs the rules, without a day or a baseline.
    pub fn check(&self, registry: &Registry, selection: &Selection) -> Outcome {
        self.check_with(registry, selection, Circumstances::default())
    }

    /// Runs the rules.
    pub fn check_with(&self, registry: &Registry, selection: &Selection, circumstances: Circumstances<'_>) -> Outcome {
        self.check_by(self.live.as_ref(), registry, selection, circumstances)
    }

    /// Runs the rules, each whole, whatever rows are kept of earlier runs.
    pub fn check_whole(&self, registry: &Registry, selection: &Selection, circumstances: Circumstances<'_>) -> Outcome {
        self.check_by(None, registry, selection, circumstances)
    }

    fn check_by(
        &self,
        live: Option<&Arc<Mutex<Live>>>,
        registry: &Registry,
        selection: &Selection,
        circumstances: Circumstances<'_>,
    ) -> Outcome {
        let db = &self.db;
        let house = self.project.house_rules(db);
        if self.is_cold.load(Ordering::Relaxed) {
            self.prefetch();
            self.is_cold.store(false, Ordering::Relaxed);
        }
        let found = match live {
            Some(live) => {
                let mut kept = live.lock().unwrap_or_else(PoisonError::into_inner);
                // A run that salsa ends half-way leaves nothing behind that could be taken for whole.
                let mut own = std::mem::take(&mut *kept);
                let found = own.run(db, registry, house, selection, circumstances);
                *kept = own;
                found
            }
            None => run(db, registry, house, selection, circumstances),
        };
        let about = about(db);
        let excused = found.suppressed.iter().map(|suppressed| &suppressed.finding);
        let summary = Summary {
            models: about.models,
            files: self.files,
            not_understood: not_understood(found.findings.iter().chain(excused)),
            rules_run: found.run,
            rules_skipped: found.skipped,
            suppressed: found.suppressed.len(),
            adherence: found.adherence,
            fixed: circumstances.baseline.map(|_| found.fixed),
            ..Summary::of(&found.findings)
        };
        let notes = self.notes(registry, selection, about);
        let (findings, suppressed, problems) = (found.findings, found.suppressed, found.problems);
        let mut outcome = Outcome { findings, suppressed, problems, summary, fixed: None, notes };
        self.mask(&mut outcome);
        outcome
    }

    /// What a user would wonder about: rules that ran and could not find anything.
    fn notes(&self, registry: &Registry, selection: &Selection, about: About) -> Vec<String> {
        let house = self.project.house_rules(&self.db);
        let mut notes = Vec::new();
        if about.models == 0 {
            notes.push(self.why_no_models());
            return notes;
        }
        notes.extend(self.why_unknown_adapter());
        if !about.has_edges && about.models > 1 {
            notes.push(
                "no model uses ref() or source(), so dbt knows no order of the models and no dependency rule could \
                 judge any; name models by ref() and raw tables by source()"
                    .to_owned(),
            );
        } else if !about.has_layers {
            notes.push(
                "no layers can be recognized from folders or prefixes, so no dependency rule ran; \
                 `harness init` proposes them by how models read each other, or state them under layers: in harness.yml"
                    .to_owned(),
            );
        } else if about.is_none_placed {
            notes.push(
                "no model stands in a layer, so no dependency rule judged any: paths: or layers: in harness.yml \
                 do not fit the folders of this project"
                    .to_owned(),
            );
        }
        if let Some(rule) = selection.only.iter().filter_map(|id| registry.get(id)).find(|rule| rule.program.compares())
            && self.before().is_none()
        {
            notes.push(format!(
                "{} tells what a change brought: name the commit to compare with, as --since main",
                rule.id
            ));
        }
        let asked = selection.only.iter().filter_map(|id| registry.get(id)).find(|rule| &*rule.group == "staging");
        if let Some(rule) = asked.filter(|_| house.staging.is_none()) {
            notes.push(format!("{} judges a pattern that harness.yml does not state: write a staging: block", rule.id));
        }
        notes
    }

    /// Why a project has no models: where they were looked for, and what is there.
    fn why_no_models(&self) -> String {
        let (db, root) = (&self.db, self.project.root(&self.db));
        let nodes = nodes_of_package(db, root);
        let models = nodes.iter().filter(|node| node.kind(db) == NodeKind::Model).count();
        if models > 0 {
            return format!("no model is enabled: the project has {models} and disables all of them");
        }
        let stated = &self.looked_for;
        if stated.is_empty() {
            return "no model was found: model-paths of dbt_project.yml is empty; name the folders of the models there"
                .to_owned();
        }
        let why = stated.iter().map(|(path, exists)| match exists {
            _ if is_unknown(path) => format!("'{path}', which an environment variable that is not set is part of"),
            true => format!("'{}', which holds no .sql or .py file", if path.is_empty() { "." } else { path.as_str() }),
            false => format!("'{path}', which does not exist"),
        });
        let why: Vec<String> = why.collect();
        format!("no model was found: model-paths of dbt_project.yml is {}", why.join("; "))
    }

    /// What would settle which adapter it is, where nothing tells and something hangs on it.
    fn why_unknown_adapter(&self) -> Option<String> {
        let db = &self.db;
        if !target::is_unknown(db) {
            return None;
        }
        let root = self.project.root(db);
        let nodes = nodes_of_package(db, root);
        let asking = nodes.iter().filter(|node| rendering(db, **node).trace.asks_adapter).count();
        let models = if asking == 1 { "1 model asks" } else { "models ask" };
        (asking > 0).then(|| {
            format!(
                "nothing tells which adapter this project runs on, and {} for it: each branch counts as possible; \
                 a profiles.yml (--profiles-dir) or a requirements.txt with dbt-<adapter> settles it",
                if asking == 1 { models.to_owned() } else { format!("{asking} {models}") }
            )
        })
    }

    /// Environment variables that templates and YAML ask for and nobody set: their values are unknown.
    pub fn unset_environment(&self) -> BTreeSet<Arc<str>> {
        let db = &self.db;
        let root = self.project.root(db);
        let set = &self.project.invocation(db).env;
        let nodes = nodes_of_package(db, root).into_iter().flat_map(|node| &rendering(db, node).trace.env);
        let tests = tests_of_package(db, root).into_iter().flat_map(|test| &data_tests::rendering(db, test).env);
        let files = root.directories(db).iter().flat_map(|directory| directory.files(db));
        let yaml = files.filter(|file| file.kind(db) == FileKind::Properties).copied().chain([root.project_file(db)]);
        let stated = yaml.flat_map(|file| demanded_variables(file.content(db).text()));
        nodes.chain(tests).cloned().chain(stated).filter(|name| !set.contains_key(&**name)).collect()
    }

    /// Whether a path of the project is a file that was read, or a folder of such files.
    pub fn holds(&self, path: &str) -> bool {
        self.own_files().any(|file| is_within(file.path(&self.db), path))
    }

    /// The texts of those of the files that were read.
    pub fn texts(&self, paths: &BTreeSet<Arc<str>>) -> BTreeMap<Arc<str>, Arc<str>> {
        let db = &self.db;
        let wanted = self.own_files().filter(|file| paths.contains(file.path(db)));
        let text = |file: SourceFile| match file.content(db) {
            Content::Text(text) => Some((Arc::clone(file.path(db)), Arc::clone(text))),
            Content::Unreadable(_) | Content::NameOnly => None,
        };
        wanted.filter_map(text).collect()
    }

    /// The files of the project itself, packages apart.
    fn own_files(&self) -> impl Iterator<Item = SourceFile> {
        let db = &self.db;
        let root = self.project.root(db);
        let files = root.directories(db).iter().flat_map(|directory| directory.files(db));
        let beside = [root.project_file(db)].into_iter().chain(self.project.vars_file(db));
        files.chain(self.project.package_files(db)).copied().chain(beside)
    }
}

/// Whether a file is a path or lies below it; the empty path is the project's folder.
pub fn is_within(file: &str, path: &str) -> bool {
    path.is_empty() || file == path || file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
}

/// How many files could not be read in full.
pub fn not_understood<'f>(findings: impl Iterator<Item = &'f Finding>) -> usize {
    let broken = findings.filter(|finding| &*finding.rule == "PARSE_ERROR");
    broken.map(|finding| &finding.place.path).collect::<BTreeSet<_>>().len()
}

/// The house rules a harness.yml states.
pub fn house_rules(registry: &Registry, text: &str) -> Result<HouseRules, Vec<SyntaxError>> {
    settings::read(text, &registry.known())
}
