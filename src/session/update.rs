//! A session's inputs, made and brought up to what a tree holds.

use super::inputs::{Changed, Inputs, builtins};
use super::load::{Found, find};
use super::{Session, is_within};
use crate::datalog::Upkeep;
use crate::db::{Database, FileKind, Invocation, Project, SourceFile, settings::HouseRules};
use crate::files::{Content, Memory, Tree, normalise};
use crate::project::jinja::forget_macros;
use crate::project::settled::{Known, settle, settle_overrides};
use rayon::prelude::*;
use salsa::{Durability, Setter};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

/// Where a look at the files is needed.
#[derive(Debug, Clone, Copy)]
pub enum Touched<'a> {
    All,
    /// Relative to the project's folder, with `/`; a folder means all below it.
    Paths(&'a BTreeSet<String>),
}

/// What a look at the files changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// New, gone or with another text; folders that could not be read before or cannot now. Sorted.
    pub files: Vec<Arc<str>>,
}

/// What more changed files than these concern is worth all threads.
const FEW: usize = 16;

/// How much one edit of what reaches everything counts, where one of a model counts 1.
const WEAR_OF_ALL: usize = 8;
/// From how much on a small project is worn.
const WORN: usize = 256;

impl Session {
    /// From now on a check costs what has changed since the one before.
    pub fn follow(&mut self) {
        self.live = Some(Arc::default());
        self.db.follow();
        self.prefetch_texts();
        settle_overrides(&mut self.db, &mut self.settled_from);
        self.prefetch_properties();
        settle(&mut self.db, &mut self.settled_from, true);
    }

    /// What the last check did to rows, where it followed another.
    pub fn upkeep(&self) -> Upkeep {
        let live = self.live.as_ref().map(|live| live.lock().unwrap_or_else(PoisonError::into_inner));
        live.map(|live| live.upkeep().clone()).unwrap_or_default()
    }

    /// Gives a file of the project another text, as an update would that found it on the disk.
    pub fn set_text(&mut self, path: &str, text: &str) -> bool {
        let files = self.inputs.living.get(path).cloned().unwrap_or_default();
        let content = Content::Text(text.into());
        let differs = files.into_iter().filter(|file| *file.content(&self.db) != content);
        let edits: Vec<_> = differs.map(|file| (file, content.clone())).collect();
        let differs = !edits.is_empty();
        self.edit(edits);
        differs
    }

    /// Gives files other texts.
    fn edit(&mut self, edits: Vec<(SourceFile, Content)>) {
        if edits.is_empty() {
            return;
        }
        for (file, content) in edits {
            self.db.set_content(file, content);
            self.was_edited(file);
        }
        self.settled();
    }

    /// After the first edit of a file, or any of one that is never taken for edited, salsa looks at all there is.
    fn was_edited(&mut self, file: SourceFile) {
        let once = file.kind(&self.db).durability_once_edited(self.db.is_followed());
        self.inputs.wear += if once == Durability::LOW { 1 } else { WEAR_OF_ALL };
        if self.inputs.edited.insert(file) || once != Durability::LOW {
            self.is_cold.store(true, Ordering::Relaxed);
        }
    }

    /// Whether so much was edited that what is left of former texts and files takes a part of the memory: salsa
    /// frees none of it.
    pub fn is_worn(&self) -> bool {
        self.inputs.wear > WORN.max(self.files / 4)
    }

    /// Reads the project into another database, and forgets all that is no more. The next check costs what a first
    /// one costs. Nobody else may hold a handle of this session.
    pub fn renew(&mut self, tree: &dyn Tree) {
        let house = self.project.house_rules(&self.db).clone();
        let invocation = self.project.invocation(&self.db).clone();
        let before = self.before().map(|before| before.as_ref().clone());
        let edited: Vec<Arc<str>> = self.inputs.edited.iter().map(|file| Arc::clone(file.path(&self.db))).collect();
        let (is_followed, db) = (self.db.is_followed(), self.db.another());
        forget_macros();
        // The old one goes before the new one comes.
        let nothing = Self::load(Database::default(), &Memory::default(), HouseRules::default(), Invocation::default());
        drop(std::mem::replace(self, nothing));
        *self = Self::load(db, tree, house, invocation);
        self.compare_with(before);
        if !is_followed {
            return;
        }
        self.db.follow();
        // What was edited will be again. While nothing was asked yet, that costs nothing.
        for path in edited {
            for file in self.inputs.living.get(&path).cloned().unwrap_or_default() {
                self.db.expect_edits(file);
                self.inputs.edited.insert(file);
            }
        }
        self.follow();
    }

    /// To be called after inputs were set.
    fn settled(&mut self) {
        if self.db.is_followed() {
            settle(&mut self.db, &mut self.settled_from, self.is_cold.load(Ordering::Relaxed));
        }
    }

    /// Reads a project into an empty database.
    pub fn load(mut db: Database, tree: &dyn Tree, house_rules: HouseRules, invocation: Invocation) -> Self {
        let mut inputs = Inputs::default();
        let found = find(tree, &invocation, &|_, _| true);
        let parts = inputs.set(&mut db, found, &mut Changed::new());
        let builtins = builtins(&db);
        let project = Project::builder(
            parts.root,
            parts.packages,
            builtins,
            parts.package_files,
            parts.inherited,
            parts.selectors,
            parts.vars,
            parts.problems,
            house_rules,
            invocation,
            None,
        )
        .durability(Durability::HIGH)
        .root_durability(Durability::NEVER_CHANGE)
        .builtins_durability(Durability::NEVER_CHANGE)
        .new(&db);
        Self {
            db,
            project,
            files: parts.files,
            looked_for: parts.looked_for,
            may_lie_elsewhere: false,
            inputs,
            live: None,
            settled_from: Known::default(),
            is_cold: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Brings the inputs up to what a tree holds now. What is equal is not set.
    pub fn update(&mut self, tree: &dyn Tree, touched: Touched<'_>) -> Changes {
        let mut changed = Changed::new();
        match touched {
            Touched::All => self.look(tree, None, &mut changed),
            Touched::Paths(paths) => {
                let paths: BTreeSet<String> = paths.iter().map(|path| normalise(path)).collect();
                let is_elsewhere = std::mem::take(&mut self.may_lie_elsewhere);
                match self.known(tree, &paths).filter(|_| !is_elsewhere) {
                    Some(files) => self.read_again(tree, &files, &mut changed),
                    None => self.look(tree, Some(&paths), &mut changed),
                }
            }
        }
        if changed.len() > FEW {
            self.is_cold.store(true, Ordering::Relaxed);
        }
        Changes { files: changed.into_iter().collect() }
    }

    /// Says whether they are other house rules than before.
    pub fn set_house_rules(&mut self, house: HouseRules) -> bool {
        let differs = *self.project.house_rules(&self.db) != house;
        if differs {
            self.project.set_house_rules(&mut self.db).to(house);
            self.inputs.wear += WEAR_OF_ALL;
        }
        differs
    }

    /// Says whether it is another invocation than before.
    pub fn set_invocation(&mut self, invocation: Invocation) -> bool {
        let differs = *self.project.invocation(&self.db) != invocation;
        if differs {
            self.project.set_invocation(&mut self.db).to(invocation);
            self.may_lie_elsewhere = true;
            self.inputs.wear += WEAR_OF_ALL;
            self.settled();
        }
        differs
    }

    /// The files that stand at some paths, where nothing can have happened there but that they have another text.
    fn known(&self, tree: &dyn Tree, paths: &BTreeSet<String>) -> Option<Vec<SourceFile>> {
        let mut found = Vec::new();
        for path in paths {
            let living = self.inputs.living.get(path.as_str());
            let may_change_files = match living {
                Some(_) => self.inputs.asked.names(path) || !tree.is_file(path),
                None => self.has_below(path) || self.inputs.asked.concerns(tree, path),
            };
            if may_change_files {
                return None;
            }
            found.extend(living.into_iter().flatten().filter(|file| file.kind(&self.db) != FileKind::Seed));
        }
        Some(found)
    }

    /// Whether a folder held files or could not be read.
    fn has_below(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let next = self.inputs.living.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded)).next();
        let mut problems = self.project.problems(&self.db).iter();
        next.is_some_and(|(file, _)| file.starts_with(&below))
            || problems.any(|(at, _)| is_within(at, path) || is_within(path, at))
    }

    fn read_again(&mut self, tree: &dyn Tree, files: &[SourceFile], changed: &mut Changed) {
        let paths: Vec<(SourceFile, Arc<str>)> =
            files.iter().map(|file| (*file, Arc::clone(file.path(&self.db)))).collect();
        let read: Vec<_> =
            paths.into_par_iter().with_min_len(8).map(|(file, path)| (file, tree.read(&path), path)).collect();
        let mut edits = Vec::new();
        for (file, content, path) in read.into_iter().filter(|(file, content, _)| file.content(&self.db) != content) {
            edits.push((file, content));
            changed.insert(path);
        }
        self.edit(edits);
    }

    /// Looks for all files, and reads those that are new or touched.
    fn look(&mut self, tree: &dyn Tree, touched: Option<&BTreeSet<String>>, changed: &mut Changed) {
        let revision = salsa::plumbing::current_revision(&self.db);
        let inputs = &self.inputs;
        let is_touched = |path: &str| touched.is_none_or(|paths| is_touched(paths, path));
        let invocation = self.project.invocation(&self.db);
        let is_read = |folder: &str, file: &Found| is_touched(&file.path) || !inputs.is_known(folder, file);
        let found = find(tree, invocation, &is_read);
        let parts = self.inputs.set(&mut self.db, found, changed);
        self.inputs.wear += changed.len();
        let (db, project) = (&mut self.db, self.project);
        if project.packages(db) != parts.packages {
            project.set_packages(db).to(parts.packages);
        }
        if project.package_files(db) != parts.package_files {
            project.set_package_files(db).to(parts.package_files);
        }
        if project.inherited_package_files(db) != parts.inherited {
            project.set_inherited_package_files(db).to(parts.inherited);
        }
        if project.selectors_file(db) != parts.selectors {
            project.set_selectors_file(db).to(parts.selectors);
        }
        if project.vars_file(db) != parts.vars {
            project.set_vars_file(db).to(parts.vars);
        }
        let before = project.problems(db);
        if before != parts.problems {
            let differing = |one: &[_], other: &[(Arc<str>, _)]| -> Vec<Arc<str>> {
                one.iter().filter(|problem| !other.contains(problem)).map(|problem| Arc::clone(&problem.0)).collect()
            };
            changed.extend(differing(before, &parts.problems));
            changed.extend(differing(&parts.problems, before));
            project.set_problems(db).to(parts.problems);
        }
        self.files = parts.files;
        self.looked_for = parts.looked_for;
        if salsa::plumbing::current_revision(&self.db) != revision {
            self.settled();
        }
    }
}

/// Whether a path or a folder above it is one of the touched.
fn is_touched(touched: &BTreeSet<String>, path: &str) -> bool {
    let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    touched.contains(path) || touched.contains("") || folders.into_iter().any(|folder| touched.contains(folder))
}
