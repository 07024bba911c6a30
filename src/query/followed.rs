//! Which parts of relations have changed since somebody looked last.

use crate::datalog::Part;
use crate::db::{Database, DirectoryOf, Project, Section, Stamped, fresh_stamp};
use crate::observe;
use crate::relations::{self, WHOLE};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// So many relations are asked for together. More at once ask less, fewer leave more to other threads.
const TOGETHER: usize = 16;

/// A relation by its place in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Followed {
    Base(usize),
    Seen(usize),
}

impl Followed {
    fn of(name: &str) -> Option<Self> {
        let base = relations::index_of(name).filter(|at| relations::ALL[*at].parts.is_some()).map(Self::Base);
        base.or_else(|| observe::index_of(name).map(Self::Seen))
    }

    /// The stamp of what a directory holds; `None` where all rows belong to none.
    fn stamp_in(self, db: &dyn salsa::Database, key: DirectoryOf<'_>) -> Option<u64> {
        match self {
            Self::Base(at) => relations::ALL[at].parts.and_then(|parts| (parts.stamp_in)(db, key)),
            Self::Seen(at) => observe::ALL[at].stamp_in(db, key),
        }
    }

    /// The stamp of what belongs to no directory; `None` where nothing does.
    fn stamp_beside(self, db: &dyn salsa::Database) -> Option<u64> {
        match self {
            Self::Base(at) => relations::ALL[at].parts.and_then(|parts| (parts.stamp_beside)(db)),
            Self::Seen(at) => observe::ALL[at].stamp_beside(db),
        }
    }
}

/// Relations that are asked for together: whether what a directory holds has changed is asked once for all of them.
#[salsa::interned(revisions = usize::MAX)]
struct Group<'db> {
    #[returns(deref)]
    relations: Vec<Followed>,
}

type Stamps = Vec<Option<u64>>;

#[salsa::tracked(returns(deref))]
fn stamps_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>, of: Group<'db>) -> Stamps {
    of.relations(db).iter().map(|relation| relation.stamp_in(db, key)).collect()
}

/// Of each directory, by its number.
#[salsa::tracked(returns(ref))]
fn stamps_of_section<'db>(
    db: &'db dyn salsa::Database,
    section: Section<'db>,
    of: Group<'db>,
) -> Stamped<Vec<(u64, Stamps)>> {
    Stamped::new(section.directories(db).map(|key| (key.key(), stamps_in(db, key, of).to_vec())).collect())
}

#[salsa::tracked(returns(ref))]
fn stamps_beside<'db>(db: &'db dyn salsa::Database, of: Group<'db>) -> Stamped<Stamps> {
    Stamped::new(of.relations(db).iter().map(|relation| relation.stamp_beside(db)).collect())
}

/// The parts of relations as they were last seen.
#[derive(Debug, Default)]
pub struct Followings {
    groups: Vec<Known>,
    at: FxHashMap<String, (usize, usize)>,
}

/// A group as it was last seen.
#[derive(Debug)]
struct Known {
    names: Vec<String>,
    /// The stamps of its sections, and of what belongs to no directory.
    sections: Vec<u64>,
    beside: u64,
    relations: Vec<Parts>,
}

#[derive(Debug, Default)]
struct Parts {
    /// Another one whenever one of the parts has another.
    stamp: u64,
    all: Vec<Part>,
}

impl Followings {
    /// Whether it is known of a relation which of its parts have changed.
    pub fn may_follow(relation: &str) -> bool {
        Followed::of(relation).is_some()
    }

    /// That these relations are followed: none of them was seen yet.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut names: Vec<&str> = names.into_iter().filter(|name| Followed::of(name).is_some()).collect();
        names.sort_unstable();
        names.dedup();
        let group = |names: &[&str]| Known {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            sections: Vec::new(),
            beside: fresh_stamp(),
            relations: names.iter().map(|_| Parts::default()).collect(),
        };
        let groups: Vec<Known> = names.chunks(TOGETHER).map(group).collect();
        let mut at = FxHashMap::default();
        for (number, group) in groups.iter().enumerate() {
            at.extend(group.names.iter().enumerate().map(|(place, name)| (name.clone(), (number, place))));
        }
        Self { groups, at }
    }

    /// Brings what is known up to what is there.
    pub fn look(&mut self, db: &Database) {
        self.groups.par_iter_mut().with_max_len(1).for_each_with(db.clone(), |db, group| group.look(db));
    }

    /// A stamp for a relation as a whole, and its parts; `None` where it is not followed.
    pub fn parts(&self, relation: &str) -> Option<(u64, &[Part])> {
        let (group, place) = self.at.get(relation)?;
        let parts = self.groups.get(*group)?.relations.get(*place)?;
        Some((parts.stamp, &parts.all))
    }
}

impl Known {
    fn look(&mut self, db: &Database) {
        let Some(project) = Project::try_get(db) else { return };
        let group = Group::new(db, self.names.iter().filter_map(|name| Followed::of(name)).collect::<Vec<_>>());
        let sections: Vec<Section<'_>> = project.root(db).sections(db).collect();
        let stamped = sections
            .par_iter()
            .with_min_len(4)
            .map_with(db.clone(), |db, section| stamps_of_section(db, *section, group).stamp);
        let now: Vec<u64> = stamped.collect();
        let beside = stamps_beside(db, group);
        if now == self.sections && beside.stamp == self.beside {
            return;
        }
        // Nothing is taken in before all is known: who is interrupted knows what was known before.
        let all: Vec<&(u64, Stamps)> =
            sections.iter().flat_map(|section| &stamps_of_section(db, *section, group).value).collect();
        for (place, known) in self.relations.iter_mut().enumerate() {
            let own = all.iter().filter_map(|(key, stamps)| Some((*key, (*stamps.get(place)?)?)));
            let own = own.chain(beside.value.get(place).copied().flatten().map(|stamp| (WHOLE, stamp)));
            let parts: Vec<Part> = own.map(|(key, stamp)| Part { key, stamp }).collect();
            if known.all != parts {
                *known = Parts { stamp: fresh_stamp(), all: parts };
            }
        }
        (self.sections, self.beside) = (now, beside.stamp);
    }
}
