//! Renderings that a former run did. One is found by all that is given to it, and taken only where the
//! project answers all that it asked as it did then: the questions are asked again, through queries, so
//! that whoever takes the result depends on what it was made of, as if it had run.

use super::ask::{Asked, Question, answer};
use super::described::Described;
use super::run::{
    Failure, FailureKind, FunctionCall, Names, Owner, RefCall, Run, Site, SourceCall, Trace, UnknownCall,
};
use crate::db::Package;
use crate::db::cache::{Cache, Key, KeyMaker, Work, cache};
use crate::project::data::Stored;
use crate::project::packages::{Home, home, package_at};
use crate::syntax::span::SyntaxError;
use salsa::{Database, with_attached_database};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// What is kept of a rendering.
pub(super) trait Kept: Sized {
    /// Without what is only this database's.
    type Form: Serialize + DeserializeOwned;
    fn form(&self, db: &dyn Database) -> Self::Form;
    fn of(db: &dyn Database, form: Self::Form) -> Option<Self>;
}

/// The result of a run, taken from the cache or else made now. `given` adds what the run itself does not hold.
pub(super) fn kept<T: Kept>(
    work: Work,
    run: Run,
    given: impl FnOnce(&mut KeyMaker),
    make: impl FnOnce(Run) -> (T, Option<Asked>),
) -> T {
    let Some((cache, mut key)) =
        with_attached_database(|db| Some((cache(db)?.clone(), key(db, work, &run, given)))).flatten()
    else {
        return make(run).0;
    };
    let described = run.described.clone();
    let looking = |key: Key| described.as_ref().map(|described| seeing(work, key, described));
    let mut has_looked = false;
    if cache.get(key) == Some(LOOKS)
        && let Some(seeing) = looking(key)
    {
        (key, has_looked) = (seeing, true);
    }
    if let Some(found) = with_attached_database(|db| look_up(db, &cache, key)).flatten() {
        cache.count_found(work);
        return found;
    }
    cache.count_done(work);
    if !cache.is_open() {
        return make(run).0;
    }
    let (result, asked) = make(run.noting());
    if !has_looked
        && asked.as_ref().is_some_and(|asked| asked.has_looked)
        && let Some(seeing) = looking(key)
    {
        cache.put(key, LOOKS.to_vec());
        key = seeing;
    }
    with_attached_database(|db| keep(db, &cache, key, &result, asked));
    result
}

/// Stands for the result of a run that looks at its node: that is kept by what it sees as well.
const LOOKS: &[u8] = &[1];

/// By what the result of a run is kept that looks at its node.
fn seeing(work: Work, key: Key, described: &Described) -> Key {
    let mut seeing = KeyMaker::new(work);
    key.to_bytes().into_iter().for_each(|byte| seeing.number(usize::from(byte)));
    for (name, value) in described.members() {
        seeing.text(name);
        seeing.text(&value.to_string());
    }
    seeing.key()
}

/// The same of what asks the project nothing.
pub(super) fn kept_text<T: Serialize + DeserializeOwned>(
    work: Work,
    given: impl FnOnce(&mut KeyMaker),
    make: impl FnOnce() -> T,
) -> T {
    let Some(cache) = with_attached_database(|db| cache(db).cloned()).flatten() else { return make() };
    let mut key = KeyMaker::new(work);
    given(&mut key);
    cache.kept(work, key.key(), make)
}

/// Adds where a package lies to what a run is given.
pub(super) fn add_home(package: Package, key: &mut KeyMaker) {
    let home = with_attached_database(|db| home(db, package));
    home.iter().for_each(|home| home.add_to(key));
}

fn key(db: &dyn Database, work: Work, run: &Run, given: impl FnOnce(&mut KeyMaker)) -> Key {
    let mut key = KeyMaker::new(work);
    home(db, run.package).add_to(&mut key);
    key.number(match run.names {
        Names::All => 0,
        Names::Settings => 1,
        Names::ProjectFile => 2,
        Names::Profile => 3,
        Names::Descriptions => 4,
        Names::Nothing => 5,
    });
    key.number(run.scale() as usize);
    let subject = &run.subject;
    for part in [&subject.unique_id, &subject.name, &subject.package_name, &subject.path] {
        key.text(part);
    }
    key.text(run.adapter.unwrap_or_default());
    key.text(subject.resource_type);
    key.number(subject.fqn.len());
    for part in &subject.fqn {
        key.text(part);
    }
    match &run.only {
        None => key.number(0),
        Some(only) => {
            key.number(1 + only.len());
            for id in only.iter() {
                key.text(id);
            }
        }
    }
    given(&mut key);
    key.key()
}

fn look_up<T: Kept>(db: &dyn Database, cache: &Cache, key: Key) -> Option<T> {
    let (guard, form) = cache.get(key)?.split_first_chunk()?;
    let form = postcard::from_bytes(form).ok()?;
    holds(db, Guard::new(db, Key::from_bytes(*guard))).then(|| T::of(db, form)).flatten()
}

fn keep<T: Kept>(db: &dyn Database, cache: &Cache, key: Key, result: &T, asked: Option<Asked>) {
    // What was not noted cannot be asked again.
    let Some(asked) = asked.map(Asked::list) else { return };
    // What cannot be written is made again each time.
    let Some(guard) = guard(db, Questions::new(db, asked)) else { return };
    if let Ok(bytes) = postcard::to_extend(&result.form(db), guard.to_bytes().to_vec()) {
        cache.put(key, bytes);
    }
}

/// The questions of one rendering and of all that ask the same.
#[salsa::interned]
struct Questions<'db> {
    #[returns(ref)]
    list: Vec<Question<Package>>,
}

type Answers = Vec<(Question<Home>, [u8; 16])>;

/// Keeps questions with what is answered now, under the hash of both.
#[salsa::tracked(returns(copy))]
fn guard<'db>(db: &'db dyn Database, questions: Questions<'db>) -> Option<Key> {
    let with_answer = |question: &Question<Package>| {
        let named = question.named(|package| Some(home(db, *package)))?;
        Some((named, answer(db, question).to_bytes()))
    };
    let answers: Answers = questions.list(db).iter().map(with_answer).collect::<Option<_>>()?;
    let bytes = postcard::to_stdvec(&answers).ok()?;
    let key = Key::of(&bytes);
    cache(db)?.put(key, bytes);
    Some(key)
}

/// Questions that were kept, by their hash.
#[salsa::interned]
struct Guard<'db> {
    #[returns(copy)]
    key: Key,
}

/// Whether the project answers as it did. One query for all renderings that asked the same.
#[salsa::tracked(returns(copy))]
fn holds<'db>(db: &'db dyn Database, guard: Guard<'db>) -> bool {
    let answers = cache(db).and_then(|cache| postcard::from_bytes::<Answers>(cache.get(guard.key(db))?).ok());
    answers.is_some_and(|answers| {
        answers.iter().all(|(question, said)| {
            let question = question.named(|home| package_at(db, home));
            question.is_some_and(|question| answer(db, &question).to_bytes() == *said)
        })
    })
}

/// A trace with packages by where they lie.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TraceForm {
    refs: Vec<RefCall>,
    sources: Vec<SourceCall>,
    functions: Vec<FunctionCall>,
    configs: Vec<(Vec<(String, Stored)>, Site)>,
    macros: Vec<(Home, Arc<str>)>,
    unknown: Vec<UnknownForm>,
    vars: Vec<Arc<str>>,
    env: Vec<Arc<str>>,
    incomplete: bool,
    asks_adapter: bool,
    last_site: Site,
    failure: Option<FailureForm>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FailureForm {
    /// What is called with arguments that it does not take.
    called: Option<(Home, Arc<str>)>,
    is_raised: bool,
    calls: Vec<(Home, Arc<str>, Site)>,
    message: Arc<str>,
    remedy: Arc<str>,
}

impl FailureForm {
    fn new(db: &dyn Database, failure: &Failure) -> Self {
        let called = match &failure.kind {
            FailureKind::Arguments(package, name) => Some((home(db, *package), name.clone())),
            FailureKind::Raised | FailureKind::Broken => None,
        };
        let calls = failure.calls.iter().map(|(package, name, site)| (home(db, *package), name.clone(), *site));
        Self {
            called,
            is_raised: failure.kind == FailureKind::Raised,
            calls: calls.collect(),
            message: failure.message.clone(),
            remedy: failure.remedy.clone(),
        }
    }

    fn failure(self, db: &dyn Database) -> Option<Failure> {
        let kind = match self.called {
            Some((home, name)) => FailureKind::Arguments(package_at(db, &home)?, name),
            None if self.is_raised => FailureKind::Raised,
            None => FailureKind::Broken,
        };
        let calls = self.calls.into_iter().map(|(home, name, site)| Some((package_at(db, &home)?, name, site)));
        Some(Failure { kind, calls: calls.collect::<Option<_>>()?, message: self.message, remedy: self.remedy })
    }
}

/// A call of something nobody defines, likewise; without an owner it stands in the text itself.
#[derive(Debug, Serialize, Deserialize)]
struct UnknownForm {
    name: Arc<str>,
    owner: Option<(Home, Arc<str>)>,
    site: Site,
    dotted: bool,
    stops: bool,
    from: Site,
}

impl Kept for Trace {
    type Form = TraceForm;

    fn form(&self, db: &dyn Database) -> TraceForm {
        let unknown = |call: &UnknownCall| UnknownForm {
            name: call.name.clone(),
            owner: match &call.owner {
                Owner::Text => None,
                Owner::Macro(package, name) => Some((home(db, *package), name.clone())),
            },
            site: call.site,
            dotted: call.dotted,
            stops: call.stops,
            from: call.from,
        };
        TraceForm {
            refs: self.refs.clone(),
            sources: self.sources.clone(),
            functions: self.functions.clone(),
            configs: self.configs.iter().map(|call| (Stored::entries(&call.values), call.site)).collect(),
            macros: self.macros.iter().map(|(package, name)| (home(db, *package), name.clone())).collect(),
            unknown: self.unknown.iter().map(unknown).collect(),
            vars: self.vars.clone(),
            env: self.env.clone(),
            incomplete: self.incomplete,
            asks_adapter: self.asks_adapter,
            last_site: self.last_site,
            failure: self.failure.as_ref().map(|failure| FailureForm::new(db, failure)),
        }
    }

    fn of(db: &dyn Database, form: TraceForm) -> Option<Self> {
        let mut unknown = Vec::with_capacity(form.unknown.len());
        for UnknownForm { name, owner, site, dotted, stops, from } in form.unknown {
            let owner = match owner {
                None => Owner::Text,
                Some((home, name)) => Owner::Macro(package_at(db, &home)?, name),
            };
            unknown.push(UnknownCall { name, owner, site, dotted, stops, from });
        }
        let macros = form.macros.into_iter().map(|(home, name)| Some((package_at(db, &home)?, name)));
        let config = |(values, site)| super::run::ConfigCall { values: Stored::map(values), site };
        Some(Self {
            refs: form.refs,
            sources: form.sources,
            functions: form.functions,
            configs: form.configs.into_iter().map(config).collect(),
            macros: macros.collect::<Option<_>>()?,
            unknown,
            vars: form.vars,
            env: form.env,
            incomplete: form.incomplete,
            asks_adapter: form.asks_adapter,
            // What is kept is one run: what may be otherwise in others follows from all of them.
            unsure: Vec::new(),
            unsure_sources: Vec::new(),
            last_site: form.last_site,
            failure: match form.failure {
                Some(failure) => Some(failure.failure(db)?),
                None => None,
            },
        })
    }
}

impl Kept for (Trace, Vec<SyntaxError>) {
    type Form = (TraceForm, Vec<SyntaxError>);

    fn form(&self, db: &dyn Database) -> Self::Form {
        (self.0.form(db), self.1.clone())
    }

    fn of(db: &dyn Database, (trace, errors): Self::Form) -> Option<Self> {
        Some((Trace::of(db, trace)?, errors))
    }
}

impl Kept for (Result<Value, SyntaxError>, Trace) {
    type Form = (Result<Stored, SyntaxError>, TraceForm);

    fn form(&self, db: &dyn Database) -> Self::Form {
        (self.0.as_ref().map(Stored::of).map_err(Clone::clone), self.1.form(db))
    }

    fn of(db: &dyn Database, (value, trace): Self::Form) -> Option<Self> {
        Some((value.map(Stored::value), Trace::of(db, trace)?))
    }
}

/// Texts that were found in what is printed.
impl Kept for Vec<Arc<str>> {
    type Form = Self;

    fn form(&self, _: &dyn Database) -> Self {
        self.clone()
    }

    fn of(_: &dyn Database, form: Self) -> Option<Self> {
        Some(form)
    }
}
