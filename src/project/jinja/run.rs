//! One rendering: what it is for, what it may spend, and the trace of all it asked for.

use super::ask::Asked;
use super::described::Described;
pub use super::scale::Scale;
use crate::db::Package;
use crate::python::meter;
use crate::python::rendering::Rendering;
use minijinja::{Error, ErrorKind, Value};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::sync::Arc;

/// Macro calls of one rendering; real models make some hundreds.
const MAX_CALLS: u32 = 50_000;
/// Vars within vars.
const MAX_EXPANDING: u32 = 20;
/// Macros within macros.
const MAX_DEPTH: u32 = 120;

/// What Jinja may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Everything a model may: macros, `ref`, `config`.
    All,
    /// What YAML may: vars, the environment, the target.
    Settings,
    /// What dbt_project.yml may: of the vars only those of the command line.
    ProjectFile,
    /// What profiles.yml may: the same, and secrets of the environment.
    Profile,
    /// What descriptions may: the same as YAML, and docs blocks.
    Descriptions,
    /// What docs blocks may: nothing of dbt's.
    Nothing,
}

/// The node a text is rendered for, as `model` and `this` show it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Subject {
    pub unique_id: Arc<str>,
    pub resource_type: &'static str,
    pub name: Arc<str>,
    pub package_name: Arc<str>,
    pub path: Arc<str>,
    pub fqn: Vec<Arc<str>>,
}

/// A place in the text that is rendered: a byte offset.
pub type Site = u32;

/// `ref('package', 'name', v=1)`
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefCall {
    pub package: Option<Arc<str>>,
    #[serde(with = "crate::syntax::shared")]
    pub name: Arc<str>,
    pub version: Option<Arc<str>>,
    pub site: Site,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceCall {
    #[serde(with = "crate::syntax::shared")]
    pub source: Arc<str>,
    #[serde(with = "crate::syntax::shared")]
    pub table: Arc<str>,
    pub site: Site,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FunctionCall {
    pub package: Option<Arc<str>>,
    pub name: Arc<str>,
    pub site: Site,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConfigCall {
    pub values: serde_json::Map<String, serde_json::Value>,
    pub site: Site,
}

/// A macro by the package that defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner<Name> {
    /// The text being rendered.
    Text,
    Macro(Package, Name),
}

/// A call of something nobody defines.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnknownCall {
    pub name: Arc<str>,
    /// In whose text the call stands; the site is an offset in that text.
    pub owner: Owner<Arc<str>>,
    pub site: Site,
    /// The name is dotted, so a package that is not installed may define it.
    pub dotted: bool,
    /// dbt stops here while it parses.
    pub stops: bool,
    /// The call in the text itself that led here.
    pub from: Site,
}

/// Why a rendering ended early, where that is not the fault of its own text: a macro failed, or was called with
/// arguments that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    pub kind: FailureKind,
    /// In which texts it happened, the innermost first, with the places there; the text itself is not among them.
    pub calls: Vec<(Package, Arc<str>, Site)>,
    pub message: Arc<str>,
    pub remedy: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A call does not fit the macro that it names.
    Arguments(Package, Arc<str>),
    /// The macro raises an error on purpose.
    Raised,
    /// The macro itself is wrong.
    Broken,
}

/// Everything a rendering asked for, in the order it did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    pub refs: Vec<RefCall>,
    pub sources: Vec<SourceCall>,
    pub functions: Vec<FunctionCall>,
    pub configs: Vec<ConfigCall>,
    /// The macros the text itself calls.
    pub macros: Vec<(Package, Arc<str>)>,
    pub unknown: Vec<UnknownCall>,
    pub vars: Vec<Arc<str>>,
    pub env: Vec<Arc<str>>,
    /// Something this checkout does not hold was asked for, so what follows may differ from dbt's.
    pub incomplete: bool,
    /// The adapter was asked for, and nothing tells which it is.
    pub asks_adapter: bool,
    /// Calls that only some adapters make, where nothing tells which it is: they may lead nowhere.
    pub unsure: Vec<RefCall>,
    pub unsure_sources: Vec<SourceCall>,
    /// The call in the text itself that was evaluated last.
    pub last_site: Site,
    pub failure: Option<Failure>,
}

/// A macro that is running.
#[derive(Debug)]
struct Frame {
    package: Package,
    name: Arc<str>,
    /// The parameters that it was given nothing for and that have no default.
    missing: Vec<Arc<str>>,
    /// The last place in its own text that was marked.
    mark: Site,
}

#[derive(Debug)]
pub struct Run {
    /// Whose names count first.
    pub package: Package,
    pub names: Names,
    /// The adapter that is assumed, where nothing tells which it is.
    pub adapter: Option<&'static str>,
    pub subject: Subject,
    /// What it may look at of its node, where more is known of that than its name.
    pub(super) described: Option<Described>,
    /// The same as `model`, once it was asked for.
    pub(super) model: Option<Value>,
    /// The macros the text itself may name, by unique_id; without it all.
    pub only: Option<Arc<[String]>>,
    /// Texts that went through `as_bool` and the like, and what each amounts to.
    pub marked: Vec<(String, Value)>,
    pub trace: Trace,
    /// The macros being called, outermost first.
    frames: Vec<Frame>,
    /// The call in the text itself that everything now evaluated belongs to.
    site: Site,
    pub returned: Option<Value>,
    calls: u32,
    /// Vars whose own Jinja is being rendered.
    expanding: u32,
    seen: Seen,
    /// How much it may do, where that is less than a node may.
    scale: Option<Scale>,
    /// What it asked the project, where that is noted.
    pub(super) asked: Option<Asked>,
}

/// What is left of a run.
#[derive(Debug, Default)]
pub struct Ended {
    pub trace: Trace,
    /// What it asked the project; nothing where that was not noted.
    pub asked: Option<Asked>,
}

thread_local! {
    static RUNS: RefCell<Vec<Run>> = const { RefCell::new(Vec::new()) };
}

impl Run {
    pub fn new(package: Package, names: Names, subject: Subject) -> Self {
        Self {
            package,
            names,
            adapter: None,
            subject,
            described: None,
            model: None,
            only: None,
            marked: Vec::new(),
            trace: Trace::default(),
            frames: Vec::new(),
            site: 0,
            returned: None,
            calls: 0,
            expanding: 0,
            seen: Seen::default(),
            scale: None,
            asked: None,
        }
    }

    /// Limits what it may do.
    pub fn within(self, scale: Scale) -> Self {
        Self { scale: Some(scale), ..self }
    }

    /// Lets it look at its node.
    pub fn describing(self, node: Described) -> Self {
        Self { described: Some(node), ..self }
    }

    /// Notes that it looks at its node.
    pub(super) fn looks(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.has_looked = true;
        }
    }

    pub(super) fn scale(&self) -> Scale {
        match (self.scale, self.names) {
            (Some(scale), _) => scale,
            (None, Names::All) if super::ask::has_many_files() => Scale::NodeOfMany,
            (None, Names::All) => Scale::Node,
            (None, _) => Scale::Setting,
        }
    }

    /// The same run as it began, under an adapter that is assumed.
    pub fn under(&self, adapter: &'static str) -> Self {
        let run = Self::new(self.package, self.names, self.subject.clone());
        let (described, only) = (self.described.clone(), self.only.clone());
        Self { adapter: Some(adapter), described, only, scale: self.scale, ..run }
    }

    /// Notes from here on what is asked of the project.
    pub(super) fn noting(self) -> Self {
        Self { asked: Some(Asked::default()), ..self }
    }

    /// Makes this the thread's current run while `render` works, and returns what it leaves.
    pub fn during<R>(self, render: impl FnOnce() -> R) -> (R, Ended) {
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                RUNS.with_borrow_mut(|runs| runs.pop());
            }
        }
        fn note_unknown() {
            with_run(|run| run.trace.incomplete = true);
        }
        let scale = self.scale();
        RUNS.with_borrow_mut(|runs| runs.push(Self { scale: Some(scale), ..self }));
        let guard = Guard;
        let rendering = Rendering::begin(scale.fuel(), note_unknown);
        let result = render();
        let ended = with_run(|run| {
            run.trace.last_site = run.site;
            Ended { trace: std::mem::take(&mut run.trace), asked: run.asked.take() }
        })
        .unwrap_or_default();
        drop(rendering);
        drop(guard);
        (result, ended)
    }

    pub fn owner(&self) -> Owner<Arc<str>> {
        match self.frames.last() {
            Some(frame) => Owner::Macro(frame.package, frame.name.clone()),
            None => Owner::Text,
        }
    }

    /// Whether members of what does not exist are an error here, as Jinja2 has it. In a node's own text dbt lets
    /// them be anything.
    pub fn is_strict(&self) -> bool {
        self.names != Names::All || !self.in_text()
    }

    /// Notes a place in the text that is running.
    pub fn mark(&mut self, site: Site) {
        if let Some(frame) = self.frames.last_mut() {
            frame.mark = site;
        }
    }

    /// The last place that was noted in the text that is running.
    pub fn marked_at(&self) -> Site {
        self.frames.last().map_or(self.site, |frame| frame.mark)
    }

    pub fn set_missing(&mut self, missing: Vec<Arc<str>>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.missing = missing;
        }
    }

    /// The parameters of the running macro that it was given nothing for.
    pub fn missing(&self) -> &[Arc<str>] {
        self.frames.last().map_or(&[], |frame| &frame.missing)
    }

    /// The macro that is running.
    pub fn running(&self) -> Option<(Package, Arc<str>)> {
        self.frames.last().map(|frame| (frame.package, frame.name.clone()))
    }

    /// Notes why the rendering ends, unless something further inside is the reason. `up` is how many macros the
    /// place lies above the one that is running.
    pub fn fail(&mut self, kind: FailureKind, up: usize, message: &str, remedy: &str) {
        if self.trace.failure.is_some() {
            return;
        }
        let calls = self.frames.iter().rev().skip(up);
        self.trace.failure = Some(Failure {
            kind,
            calls: calls.map(|frame| (frame.package, frame.name.clone(), frame.mark)).collect(),
            message: message.into(),
            remedy: remedy.into(),
        });
    }

    /// The macros that may be named here, where not all may.
    pub fn limited_to(&self) -> Option<Arc<[String]>> {
        self.only.clone().filter(|_| self.in_text())
    }

    pub fn in_text(&self) -> bool {
        self.frames.is_empty()
    }

    /// The innermost call of the text itself.
    pub fn site(&self) -> Site {
        self.site
    }

    pub fn set_site(&mut self, site: Site) -> Site {
        std::mem::replace(&mut self.site, site)
    }

    pub fn enter(&mut self, package: Package, name: &Arc<str>) -> Result<(), Error> {
        if self.frames.is_empty() {
            let called = (package, name.clone());
            if self.seen.macros.insert(called.clone()) {
                self.trace.macros.push(called);
            }
        }
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(limit(&format!("more than {MAX_CALLS} macro calls")));
        }
        if self.frames.len() as u32 >= MAX_DEPTH {
            return Err(limit(&format!("macros call each other more than {MAX_DEPTH} levels deep")));
        }
        self.frames.push(Frame { package, name: name.clone(), missing: Vec::new(), mark: 0 });
        Ok(())
    }

    pub fn leave(&mut self) {
        self.frames.pop();
    }

    /// Begins to render a var's own Jinja; false where vars lead back to themselves.
    pub fn expand(&mut self) -> bool {
        self.expanding += 1;
        self.expanding <= MAX_EXPANDING
    }

    pub fn expanded(&mut self) {
        self.expanding -= 1;
    }

    pub fn unknown(&mut self, name: &str, site: Site, dotted: bool, stops: bool) {
        // After something that is not known, nobody knows whether dbt comes here.
        let stops = stops && !self.trace.incomplete;
        let call = UnknownCall { name: name.into(), owner: self.owner(), site, dotted, stops, from: self.site };
        self.trace.incomplete = true;
        if self.seen.unknown.insert(call.clone()) {
            meter::hold(NOTED + name.len());
            self.trace.unknown.push(call);
        }
    }
}

/// What a trace holds once, to be found at once.
#[derive(Debug, Default)]
struct Seen {
    macros: FxHashSet<(Package, Arc<str>)>,
    unknown: FxHashSet<UnknownCall>,
    vars: FxHashSet<Arc<str>>,
    env: FxHashSet<Arc<str>>,
}

/// Bytes of one line of a trace, about.
pub(super) const NOTED: usize = 100;

impl Run {
    pub(super) fn note_var(&mut self, name: &Arc<str>) {
        if self.seen.vars.insert(name.clone()) {
            meter::hold(NOTED + name.len());
            self.trace.vars.push(name.clone());
        }
    }

    pub(super) fn note_env(&mut self, name: &Arc<str>) {
        if self.seen.env.insert(name.clone()) {
            meter::hold(NOTED + name.len());
            self.trace.env.push(name.clone());
        }
    }
}

fn limit(what: &str) -> Error {
    Error::new(ErrorKind::OutOfFuel, what.to_owned())
}

/// How much the rendering that runs may do.
pub(super) fn scale() -> Scale {
    with_run(|run| run.scale).flatten().unwrap_or(Scale::Node)
}

/// What the current run answers; `None` outside of any rendering.
pub fn with_run<R>(ask: impl FnOnce(&mut Run) -> R) -> Option<R> {
    RUNS.with_borrow_mut(|runs| runs.last_mut().map(ask))
}
