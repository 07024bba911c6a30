//! Two sides of a change: what a session is asked for before it is brought up to another tree, and what
//! became of its findings.

use super::ask::Asked;
use super::{Circumstances, Outcome, Session, not_understood};
use crate::datalog::{Cell, Constant, old_names};
use crate::db::{Before, Rows, SourceFile};
use crate::files::Content;
use crate::project::packages::dbt_packages;
use crate::query::{Families, Repo, Run, library, of_the_run};
use crate::report::Summary;
use crate::rules::cause::merged;
use crate::rules::finding::{Finding, Status};
use crate::rules::registry::Registry;
use crate::rules::run::Given;
use crate::rules::selection::Selection;
use crate::rules::stated::Stated;
use crate::rules::suppression::excuses;
use salsa::{Durability, Setter};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// The texts of all files that a session has read, by path.
pub type Contents = BTreeMap<Arc<str>, Content>;

/// The relations that a program reads of the side before.
pub fn old_relations(program: &str) -> BTreeSet<String> {
    let is_base = |name: &str| crate::derive::by_name(name).is_some();
    library::embedded().map(|library| old_names(program, library, &is_base)).unwrap_or_default()
}

/// The same of all rules.
pub fn old_relations_of(registry: &Registry) -> BTreeSet<String> {
    registry.rules().iter().flat_map(|rule| old_relations(rule.program.text())).collect()
}

impl Session {
    /// What each file holds.
    pub fn contents(&self) -> Contents {
        let db = &self.db;
        let packages = dbt_packages(db).into_iter();
        let files = packages.flat_map(|package| {
            let own = package.directories(db).iter().flat_map(|directory| directory.files(db)).copied();
            own.chain([package.project_file(db)])
        });
        let others = self.project.package_files(db).iter().chain(self.project.inherited_package_files(db)).copied();
        let all = files.chain(others).chain(self.project.selectors_file(db)).chain(self.project.vars_file(db));
        all.map(|file: SourceFile| (file.path(db).clone(), file.content(db).clone())).collect()
    }

    /// The rows of relations, to be kept when the session looks at another tree. `run` gives those that a
    /// run gives.
    pub fn rows_of(&self, relations: &BTreeSet<String>, run: &dyn Run) -> BTreeMap<String, Arc<Rows>> {
        let is_quick = |relation: &String| crate::query::is_plain(relation) || of_the_run(relation).is_some();
        if !relations.iter().all(is_quick) {
            self.prefetch();
        }
        let repo = Repo::new(&self.db, Families::Compiled, run);
        let rows = |relation: &String| {
            let mut rows: Rows = Vec::new();
            let mut keep =
                |row: &[Cell<'_>]| rows.push(row.iter().map(|cell| cell.constant()).collect::<Vec<Constant>>());
            crate::datalog::Facts::visit(&repo, relation, &mut keep);
            (relation.clone(), Arc::new(rows))
        };
        relations.iter().map(rows).collect()
    }

    /// What this side is asked for once another is looked at: the rows of relations, and what was found.
    pub fn past(
        &self,
        registry: &Registry,
        selection: &Selection,
        circumstances: Circumstances<'_>,
        relations: &BTreeSet<String>,
    ) -> (Before, Vec<Finding>) {
        let outcome = self.check_once(registry, selection, circumstances);
        if relations.is_empty() {
            return (Before::default(), outcome.findings);
        }
        let stated = self.stated(registry, circumstances);
        let given = Given::of(outcome.findings.clone(), registry.broken().to_vec(), outcome.problems, stated);
        (Before { rows: self.rows_of(relations, &given.view()), ..Before::default() }, outcome.findings)
    }

    /// The same of a session that nobody has run the rules of yet.
    pub fn before_of(&self, registry: &Registry, relations: &BTreeSet<String>) -> Before {
        let run = Asked { session: self, registry, given: OnceCell::new() };
        Before { rows: self.rows_of(relations, &run), ..Before::default() }
    }

    /// What the repo states about its findings.
    pub fn stated(&self, registry: &Registry, circumstances: Circumstances<'_>) -> Stated {
        Stated::of(registry, self.project.house_rules(&self.db), circumstances, &excuses(&self.db, registry))
    }

    /// Says what the files are compared with.
    pub fn compare_with(&mut self, before: Option<Before>) {
        let before = before.map(Arc::new);
        if *self.project.before(&self.db) != before {
            self.project.set_before(&mut self.db).with_durability(Durability::HIGH).to(before);
        }
    }

    /// What the files are compared with.
    pub fn before(&self) -> Option<&Arc<Before>> {
        self.project.before(&self.db).as_ref()
    }
}

/// The paths that only one side has, or whose texts differ. Of a file whose text nobody read `differs` tells.
pub fn changed(old: &Contents, new: &Contents, differs: &dyn Fn(&str) -> bool) -> BTreeSet<Arc<str>> {
    let is_other = |path: &Arc<str>, then: &Content, now: &Content| match (then, now) {
        (Content::NameOnly, Content::NameOnly) => differs(path),
        (then, now) => then != now,
    };
    let gone = old.keys().filter(|path| !new.contains_key(*path));
    let other = new.iter().filter(|(path, now)| old.get(*path).is_none_or(|then| is_other(path, then, now)));
    gone.chain(other.map(|(path, _)| path)).cloned().collect()
}

/// Marks what was found before the change, too, and keeps apart what no longer is: a finding is known by
/// its fingerprint.
pub fn compare(outcome: &mut Outcome, before: Vec<Finding>) {
    let known: HashSet<&str> = before.iter().map(|finding| finding.fingerprint.as_str()).collect();
    for finding in &mut outcome.findings {
        if known.contains(finding.fingerprint.as_str()) {
            finding.status = Status::Old;
        }
    }
    let found: HashSet<&str> = outcome.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
    outcome.fixed =
        Some(before.iter().filter(|finding| !found.contains(finding.fingerprint.as_str())).cloned().collect());
    outcome.count();
}

impl Outcome {
    /// Keeps some findings; the totals are those of what is kept.
    pub fn narrow(&mut self, is_kept: impl Fn(&Finding) -> bool) {
        self.findings.retain(&is_kept);
        self.suppressed.retain(|it| is_kept(&it.finding));
        if let Some(fixed) = &mut self.fixed {
            fixed.retain(&is_kept);
        }
        let excused = self.suppressed.iter().map(|it| &it.finding);
        self.summary.not_understood = not_understood(self.findings.iter().chain(excused));
        self.count();
    }

    /// Makes one finding of those that have one cause. Comes after all that marks or leaves out single findings.
    pub fn merge_causes(&mut self) {
        self.findings = merged(std::mem::take(&mut self.findings));
        self.fixed = self.fixed.take().map(merged);
        self.count();
    }

    /// The totals once more.
    pub fn count(&mut self) {
        let counted = Summary::of(&self.findings);
        let summary = &mut self.summary;
        (summary.errors, summary.warnings, summary.infos) = (counted.errors, counted.warnings, counted.infos);
        (summary.by_rule, summary.old, summary.suppressed) = (counted.by_rule, counted.old, self.suppressed.len());
        if let Some(fixed) = &self.fixed {
            summary.fixed = Some(fixed.len());
        }
    }
}
