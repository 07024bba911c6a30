//! How far edits reach: what a look at the project need not ask again, because no edit since the look before can
//! have changed it.
//!
//! What an edit of a model or of a YAML file that describes some changes is rows of its own directory and of those
//! it describes, as long as these show others what they showed (`Shown`). All other edits reach everything.

use crate::db::{Database, DirectoryOf, FileKind, Project, SourceFile};
use crate::observe::{Declares, Shown};
use crate::project::graph::named;
use crate::project::properties::PatchKind;
use crate::relations::places::{directory_of, some_may_say};
use crate::rules::suppression::{Said, said_in};
use rustc_hash::FxHashSet;
use salsa::Id;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A YAML file that describes nodes of more directories than these is taken to reach everything.
const DIRECTORIES: usize = 16;

/// What may have changed since the last look.
#[derive(Debug, Default)]
pub enum Reach {
    #[default]
    Everything,
    Near(Near),
}

/// What may have changed where not everything can have.
#[derive(Debug, Default)]
pub struct Near {
    pub(super) directories: BTreeSet<u64>,
    /// By what rows name what these directories hold, and held.
    pub(super) texts: FxHashSet<Arc<str>>,
    /// Edges that came, child and parent.
    pub(super) edges: Vec<(Id, Id)>,
    pub(super) are_edges_other: bool,
    /// Digests of what must be there once: those that went and those that came.
    pub(super) names: [Vec<u64>; 2],
    pub(super) are_unknown_macros_other: bool,
    /// Whether macros may fail otherwise.
    pub(super) are_failures_other: bool,
    pub(super) are_refusals_other: bool,
    pub(super) are_wrong_settings_other: bool,
    pub(super) are_used_folders_other: bool,
    pub(super) are_excuses_other: bool,
}

/// What some files' directories show before an edit.
#[derive(Debug)]
pub struct Glimpse {
    files: Vec<(SourceFile, Option<Declares>)>,
    directories: BTreeMap<u64, (Shown, Excused)>,
}

/// The comments of a directory that excuse, and whether its `meta` may.
type Excused = (Vec<Said>, bool);

impl Glimpse {
    /// `None` where an edit of these files may reach anything.
    pub fn of(db: &Database, files: &[SourceFile]) -> Option<Self> {
        let root = Project::try_get(db)?.root(db);
        let mut keys: BTreeSet<u64> = BTreeSet::new();
        let mut declared = Vec::with_capacity(files.len());
        for file in files {
            keys.insert(directory(db, *file)?);
            let declares = match file.kind(db) {
                FileKind::Model | FileKind::PythonModel | FileKind::Analysis => None,
                FileKind::Properties => Some(Declares::of(db, root, *file)?),
                _ => return None,
            };
            for (kind, name) in declares.iter().flat_map(|declares| &declares.patches) {
                for node in named(db, name).iter().filter(|node| node.kind(db).patch_kind() == *kind) {
                    if *kind == PatchKind::Snapshot || node.package(db) != root {
                        return None;
                    }
                    keys.insert(directory(db, node.file(db))?);
                }
                if keys.len() > DIRECTORIES {
                    return None;
                }
            }
            declared.push((*file, declares));
        }
        let directories = keys.into_iter().map(|key| (key, shown(db, key)));
        Some(Self { files: declared, directories: directories.collect() })
    }
}

/// The directory of the root project in which a file lies; `None` where it is another's, or two files share its path.
fn directory(db: &Database, file: SourceFile) -> Option<u64> {
    let directory = directory_of(db, file.path(db)).filter(|directory| directory.files(db).contains(&file))?;
    Some(DirectoryOf::new(db, Project::try_get(db)?.root(db), directory).key())
}

fn shown(db: &Database, key: u64) -> (Shown, Excused) {
    let key = DirectoryOf::of_key(key);
    (Shown::of(db, key), (said_in(db, key).to_vec(), some_may_say(db, key)))
}

impl Reach {
    /// That nothing was edited.
    pub fn nothing() -> Self {
        Self::Near(Near::default())
    }

    pub fn is_everything(&self) -> bool {
        matches!(self, Self::Everything)
    }

    /// Takes in what was edited since a glimpse at it.
    pub fn widen(&mut self, db: &Database, before: Option<Glimpse>) {
        if let (Self::Near(near), Some(before)) = (&mut *self, before)
            && near.takes_in(db, before)
        {
            return;
        }
        *self = Self::Everything;
    }

    pub(super) fn near(&self) -> Option<&Near> {
        match self {
            Self::Everything => None,
            Self::Near(near) => Some(near),
        }
    }
}

impl Near {
    /// Whether a row of these values, or what was told of one at these places, may be told otherwise.
    pub(super) fn concerns<'t>(&self, mut texts: impl Iterator<Item = &'t Arc<str>>) -> bool {
        !self.texts.is_empty() && texts.any(|text| self.texts.contains(text))
    }

    /// Whether anything was edited.
    pub(super) fn is_any(&self) -> bool {
        !self.directories.is_empty()
    }

    /// Whether the project excuses what it excused, there as well.
    pub(super) fn keeps_excuses(&self, is_any_of_meta: bool) -> bool {
        !(self.are_excuses_other || is_any_of_meta && self.is_any())
    }

    /// Whether the edit reaches no further.
    fn takes_in(&mut self, db: &Database, before: Glimpse) -> bool {
        let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return false };
        let mut yaml = before.files.iter().filter_map(|(file, declares)| Some((*file, declares.as_ref()?)));
        if !yaml.all(|(file, declares)| Declares::of(db, root, file).as_ref() == Some(declares)) {
            return false;
        }
        for (key, (shown_before, excused_before)) in before.directories {
            let (shown, excused) = shown(db, key);
            if shown.reaches_others(&shown_before) {
                return false;
            }
            self.texts.extend(Shown::texts(db, DirectoryOf::of_key(key)));
            self.directories.insert(key);
            if shown.edges != shown_before.edges {
                self.are_edges_other = true;
                let known: FxHashSet<&(Id, Id)> = shown_before.edges.iter().collect();
                self.edges.extend(shown.edges.iter().filter(|edge| !known.contains(edge)));
            }
            if shown.names != shown_before.names {
                let [went, came] = &mut self.names;
                went.extend(shown_before.names);
                came.extend(shown.names);
            }
            self.are_unknown_macros_other |= shown.sums.unknown_macros != shown_before.sums.unknown_macros;
            self.are_refusals_other |= shown.sums.refuse_otherwise(&shown_before.sums);
            self.are_wrong_settings_other |= shown.sums.mistype_otherwise(&shown_before.sums);
            self.are_used_folders_other |= shown.sums.use_otherwise(&shown_before.sums);
            self.are_failures_other |= shown.sums.fail_otherwise(&shown_before.sums);
            // What `meta` says where it may say something is not looked at here.
            self.are_excuses_other |= excused != excused_before || excused.1;
        }
        true
    }
}
