//! A project and what stands around it, kept up to date. All is an edit: what cannot be used for now is told,
//! and the last that could be is used until then.

use super::super::adoption::BaselineArguments;
use super::super::scope::{ScopeArguments, narrow_to_paths};
use super::super::select::{self, Asked};
use super::super::surroundings::{Surroundings, Written};
use super::super::{Failure, stats};
use crate::files::watch::{Seen, Wanted};
use crate::files::{Tree, absolute};
use crate::report::escaped;
use crate::rules::baseline::Baseline;
use crate::rules::registry::Registry;
use crate::rules::selection::Selection;
use crate::session::{Circumstances, LargeStacks, Outcome, PROJECT_FILE, Session, Touched, changed, is_within};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What can be broken for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Project,
    Rules,
    Profile,
    Baseline,
    Selection,
}

impl Part {
    /// What is said of it in a few words.
    pub(super) fn broken(self) -> &'static str {
        match self {
            Self::Project => "dbt_project.yml is gone",
            Self::Rules => "harness.yml is broken",
            Self::Profile => "profiles.yml is broken",
            Self::Baseline => "the baseline is broken",
            Self::Selection => "the selection is broken",
        }
    }

    fn mended(self) -> &'static str {
        match self {
            Self::Project => "dbt_project.yml is back",
            Self::Rules => "harness.yml and the rules can be used again",
            Self::Profile => "profiles.yml can be used again",
            Self::Baseline => "the baseline can be used again",
            Self::Selection => "the selection can be used again",
        }
    }
}

#[derive(Debug)]
pub(super) struct Live<'a> {
    around: Surroundings<'a>,
    scope: &'a ScopeArguments,
    known: &'a BaselineArguments,
    reading: LargeStacks,
    session: Session,
    asked: Asked,
    paths: Vec<String>,
    /// Each part as it could last be used.
    written: Written,
    registry: Arc<Registry>,
    selection: Selection,
    baseline: Option<Arc<Baseline>>,
    troubles: BTreeMap<Part, String>,
    /// What is to be told of troubles that came or went.
    pub(super) news: Vec<String>,
    /// Files that have changed since this was last taken.
    pub(super) changed: BTreeSet<String>,
    /// A look found no project, so that the next must be at everything.
    has_missed: bool,
    /// The session holds what no look has told of yet.
    has_read_ahead: bool,
}

impl<'a> Live<'a> {
    /// Loads a project. What is wrong with how it was called, or with what stands around it, is an error now.
    pub(super) fn load(
        around: Surroundings<'a>,
        scope: &'a ScopeArguments,
        known: &'a BaselineArguments,
        reading: LargeStacks,
    ) -> Result<(Self, Vec<String>), Failure> {
        let written = around.written()?;
        let registry = around.registry(&written)?;
        let selection = scope.selection(&registry)?;
        let asked = scope.asked()?;
        let baseline = known.read(&around.folder)?.map(Arc::new);
        let house = around.house_rules(&written, &registry)?;
        let (invocation, notes) = around.invocation()?;
        let tree = around.tree();
        let database = around.database();
        let session = reading.run(|| {
            let mut session = Session::load(database, &tree, house, invocation);
            session.follow();
            session
        });
        let paths = scope.paths(&around.folder);
        scope.refuse_nowhere(&paths, &session)?;
        let live = Self {
            around,
            scope,
            known,
            reading,
            session,
            asked,
            paths,
            written,
            registry: Arc::new(registry),
            selection,
            baseline,
            troubles: BTreeMap::new(),
            news: Vec::new(),
            changed: BTreeSet::new(),
            has_missed: false,
            has_read_ahead: false,
        };
        Ok((live, notes))
    }

    /// What was done since this was last asked, where it is wanted.
    pub(super) fn stats(&self) -> Option<String> {
        stats(&self.session)
    }

    /// Looks where something may have changed. Says whether the project is to be checked again.
    pub(super) fn look(&mut self, seen: &Seen) -> bool {
        let tree = self.around.tree();
        if !tree.is_file(PROJECT_FILE) {
            let told = "harness: dbt_project.yml is gone.\n  → Restore it; harness waits until it is back.";
            self.judge(Part::Project, Err::<(), _>(Failure(told.to_owned())));
            self.has_missed = true;
            return false;
        }
        self.judge(Part::Project, Ok(()));
        let seen = if std::mem::take(&mut self.has_missed) { &Seen::Everything } else { seen };
        let mut is_new = std::mem::take(&mut self.has_read_ahead);
        if concerns(seen, &self.around.places_of_rules(&self.written)) {
            is_new |= self.read_rules();
        }
        if concerns(seen, &self.around.places_of_profile()) {
            is_new |= self.read_profile();
        }
        if concerns(seen, &self.place_of_baseline()) {
            is_new |= self.read_baseline();
        }
        let touched = match seen {
            Seen::Everything => Touched::All,
            Seen::Paths(paths) => Touched::Paths(paths),
        };
        let session = &mut self.session;
        let changes = self.reading.run(|| session.update(&tree, touched));
        is_new |= !changes.files.is_empty();
        self.changed.extend(changes.files.iter().map(|file| file.to_string()));
        is_new
    }

    /// Why this cannot go on: the folder that was named is a link, and leads elsewhere now.
    pub(super) fn moved(&self) -> Option<Failure> {
        let link = self.around.link()?;
        let now = absolute(&link);
        (now != self.around.folder).then(|| {
            Failure(format!(
                "harness: {} led to {} when this began, and leads to {} now.\n  → Start `harness watch` again.",
                escaped(&link.to_string_lossy()),
                escaped(&self.around.folder.to_string_lossy()),
                escaped(&now.to_string_lossy())
            ))
        })
    }

    /// Everything to watch.
    pub(super) fn wanted(&self) -> Wanted {
        let mut wanted = self.session.places();
        wanted.files.extend(self.around.link().map(|link| link.to_string_lossy().into_owned()));
        let around =
            [self.around.places_of_rules(&self.written), self.around.places_of_profile(), self.place_of_baseline()];
        for places in around {
            wanted.folders.extend(places.folders);
            wanted.files.extend(places.files);
        }
        wanted
    }

    /// What a check needs, to be done on another thread. A proof runs each rule whole.
    pub(super) fn check(&self, is_proof: bool) -> Check {
        Check {
            is_proof,
            session: self.session.handle(),
            registry: Arc::clone(&self.registry),
            selection: self.selection.clone(),
            asked: self.asked.clone(),
            paths: self.paths.clone(),
            baseline: self.baseline.clone(),
            house: self.written.settings.clone(),
            today: self.known.today(),
        }
    }

    /// Whether it is time to forget what is no more.
    pub(super) fn is_worn(&self) -> bool {
        self.session.is_worn() && self.troubles.is_empty()
    }

    /// Begins again with the project as it is, while nobody waits. Says whether it is as it was at the last look;
    /// if it is not, the next look is at something new.
    pub(super) fn renew(&mut self) -> bool {
        let tree = self.around.tree();
        if !tree.is_file(PROJECT_FILE) {
            return true;
        }
        let before = self.session.contents();
        let session = &mut self.session;
        self.reading.run(|| session.renew(&tree));
        // Of seeds, whose rows nobody reads, only the names count.
        let differing = changed(&before, &self.session.contents(), &|_| false);
        if differing.is_empty() {
            // What it finds is what is shown; the next check goes on from it.
            let check = self.check(false);
            drop(self.reading.run(|| check.run()));
            // It was no look.
            drop(self.stats());
            return true;
        }
        self.changed.extend(differing.iter().map(|path| path.to_string()));
        self.has_read_ahead = true;
        false
    }

    /// Ends a check that is outdated, and waits for its end.
    pub(super) fn cancel(&mut self) {
        salsa::Database::trigger_cancellation(&mut self.session.db);
    }

    pub(super) fn today(&self) -> Date {
        self.known.today()
    }

    /// What cannot be used for now.
    pub(super) fn broken(&self) -> impl Iterator<Item = Part> + '_ {
        self.troubles.keys().copied()
    }

    /// Notes what is wrong with a part, or that nothing is. Gives what there is to use.
    pub(super) fn judge<R>(&mut self, part: Part, result: Result<R, Failure>) -> Option<R> {
        match result {
            Ok(usable) => {
                if self.troubles.remove(&part).is_some() {
                    self.news.push(format!("harness: {}", part.mended()));
                }
                Some(usable)
            }
            Err(Failure(told)) => {
                let told = told.trim_end().to_owned();
                if self.troubles.get(&part) != Some(&told) {
                    self.news.push(told.clone());
                    self.troubles.insert(part, told);
                }
                None
            }
        }
    }

    fn read_rules(&mut self) -> bool {
        let read = self.read_rules_now();
        self.judge(Part::Rules, read).unwrap_or_default()
    }

    /// Nothing is taken over before all of it can be used.
    fn read_rules_now(&mut self) -> Result<bool, Failure> {
        let written = self.around.written()?;
        if written == self.written {
            return Ok(false);
        }
        let registry = self.around.registry(&written)?;
        let selection = self.scope.selection(&registry)?;
        let house = self.around.house_rules(&written, &registry)?;
        if written.settings != self.written.settings {
            self.changed.insert(self.around.name_of_settings());
        }
        self.changed.extend(self.written.rules.changed(&written.rules));
        (self.written, self.registry, self.selection) = (written, Arc::new(registry), selection);
        let session = &mut self.session;
        self.reading.run(|| session.set_house_rules(house));
        Ok(true)
    }

    fn read_profile(&mut self) -> bool {
        let read = self.around.invocation();
        let Some((invocation, _)) = self.judge(Part::Profile, read) else { return false };
        let session = &mut self.session;
        let is_new = self.reading.run(|| session.set_invocation(invocation));
        if is_new {
            self.changed.insert(super::super::surroundings::PROFILES_FILE.to_owned());
        }
        is_new
    }

    fn read_baseline(&mut self) -> bool {
        let read = self.known.read(&self.around.folder);
        let Some(baseline) = self.judge(Part::Baseline, read) else { return false };
        if baseline.as_ref() == self.baseline.as_deref() {
            return false;
        }
        self.changed.extend(baseline.iter().map(|baseline| baseline.path.to_string()));
        self.baseline = baseline.map(Arc::new);
        true
    }

    fn place_of_baseline(&self) -> Wanted {
        let path = self.known.path(&self.around.folder);
        let files = path.map(|path| self.around.named(&path)).into_iter().collect();
        Wanted { files, ..Wanted::default() }
    }
}

/// Whether something that was seen may have changed one of some places.
fn concerns(seen: &Seen, places: &Wanted) -> bool {
    match seen {
        Seen::Everything => true,
        Seen::Paths(paths) => paths.iter().any(|path| {
            places.files.iter().chain(&places.folders).any(|place| is_within(place, path))
                || places.folders.iter().any(|folder| is_within(path, folder))
        }),
    }
}

/// One check of the project as it is now.
#[derive(Debug)]
pub(super) struct Check {
    is_proof: bool,
    session: Session,
    registry: Arc<Registry>,
    selection: Selection,
    asked: Asked,
    paths: Vec<String>,
    baseline: Option<Arc<Baseline>>,
    house: Option<(String, Arc<str>)>,
    pub(super) today: Date,
}

impl Check {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let house = self.house.as_ref().map(|(path, text)| (path.as_str(), &**text));
        let circumstances = Circumstances { today: Some(self.today), baseline: self.baseline.as_deref(), house };
        let selected = select::selected(&self.session, self.asked)?;
        let mut outcome = match self.is_proof {
            true => self.session.check_whole(&self.registry, &self.selection, circumstances),
            false => self.session.check_with(&self.registry, &self.selection, circumstances),
        };
        if let Some(selected) = selected {
            outcome.narrow(|finding| selected.holds(finding));
        }
        narrow_to_paths(&mut outcome, &self.paths);
        outcome.merge_causes();
        Ok(outcome)
    }
}
