//! Runs dbt's Jinja at parse time: `execute` is false, nothing is asked of a warehouse, and every
//! `ref`, `source`, `config`, macro, var and environment variable is traced.
//!
//! The template language is minijinja's; what it lacks against Jinja2 is done by
//! `syntax::jinja::rewrite` before and by the values of `python` and the functions here. The rest of the crate sees
//! `Renderer` only.

mod ask;
mod collections;
mod context;
mod described;
mod either;
mod functions;
mod kept;
mod macros;
mod markers;
mod marks;
pub mod relation;
pub mod run;
mod scale;

pub use described::Described;
pub use macros::forget_macros;

use crate::db::cache::{KeyMaker, Work};
use crate::project::calls;
use crate::project::macros::{Named, twice};
use crate::python::data::{data, mutable};
use crate::python::dicts::MutDict;
use crate::python::{self, meter};
use crate::syntax::jinja::rewrite::{Rewritten, Scope, rewrite};
use crate::syntax::jinja::static_text::is_static;
use crate::syntax::jinja::tags::{TagKind, tags, unclosed_block};
use crate::syntax::span::{Span, SyntaxError, SyntaxErrorKind};
use ask::Asked;
use either::{either, errors_of_all, under_each};
use kept::{add_home, kept, kept_text};
use minijinja::{Environment, Error, ErrorKind, Value};
use run::{Ended, Names, Run, Scale, Trace};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, LazyLock};

/// The remedy of what is wrong only when it runs, which tells it from what cannot be parsed.
pub(in crate::project) const FAILED_WHILE_RUNNING: &str = "Correct the expression here, or the macro it calls.";

/// A stretch of rendered text and the stretch of the template it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub output: Span,
    pub source: Span,
    /// The output is the source, character for character.
    pub verbatim: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rendered {
    pub text: String,
    pub segments: Vec<Segment>,
    pub trace: Trace,
    pub errors: Vec<SyntaxError>,
}

/// Renders a part of a text. Never fails: what went wrong is in the result, with what was found
/// until then.
pub trait Renderer {
    fn render(&self, text: &str, region: Span, run: Run) -> Rendered;

    /// The same for those who need no text: a former run may know it.
    fn trace(&self, text: &str, region: Span, run: Run) -> (Trace, Vec<SyntaxError>);

    /// The same for those who look for something in the text, `work` says what.
    fn search(
        &self,
        part: (&str, Span),
        run: Run,
        work: Work,
        find: &dyn Fn(&Rendered) -> Vec<Arc<str>>,
    ) -> Vec<Arc<str>>;

    /// What is wrong with a part of a text before anything runs. Offsets are the text's.
    fn check(&self, text: &str, region: Span) -> Vec<SyntaxError>;

    /// The value of a text as dbt's YAML gives it: one lone expression keeps its type.
    fn evaluate(&self, text: &str, run: Run) -> (Result<serde_json::Value, SyntaxError>, Trace);
}

/// The engine at work: minijinja.
#[derive(Debug, Clone, Copy, Default)]
pub struct Minijinja;

/// One for each scale.
static ENVIRONMENTS: [LazyLock<Environment<'static>>; Scale::COUNT] = [
    LazyLock::new(|| environment(Scale::of(0))),
    LazyLock::new(|| environment(Scale::of(1))),
    LazyLock::new(|| environment(Scale::of(2))),
    LazyLock::new(|| environment(Scale::of(3))),
    LazyLock::new(|| environment(Scale::of(4))),
];

/// The one of the rendering that runs.
fn current() -> &'static Environment<'static> {
    &ENVIRONMENTS[run::scale() as usize]
}

fn environment(scale: Scale) -> Environment<'static> {
    let mut environment = python::environment::environment(scale.fuel());
    environment.set_loader(|name| Ok(macros::pending(name)));
    functions::add_to(&mut environment);
    environment
}

thread_local! {
    /// How many guards this thread is within.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
}

/// Whether a panic on this thread will be turned into an error.
pub fn is_guarded() -> bool {
    GUARDS.get() > 0
}

/// The engine has states it takes for unreachable and that odd templates reach. Such a template is an
/// error like any other; what salsa unwinds with goes on.
fn guarded<R>(work: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    GUARDS.set(GUARDS.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDS.set(GUARDS.get() - 1);
    match result {
        Ok(result) => result,
        Err(payload) if payload.is::<salsa::Cancelled>() => resume_unwind(payload),
        Err(_) => Err(Error::new(ErrorKind::SyntaxError, "the template engine cannot read this template")),
    }
}

impl Renderer for Minijinja {
    fn render(&self, text: &str, region: Span, run: Run) -> Rendered {
        render(text, region, run).0
    }

    fn trace(&self, text: &str, region: Span, run: Run) -> (Trace, Vec<SyntaxError>) {
        let make = |run| {
            kept(Work::Rendering, run, given(text, region), |run| {
                let (rendered, asked) = render(text, region, run);
                ((rendered.trace, rendered.errors), asked)
            })
        };
        let runs: Vec<(Trace, Vec<SyntaxError>)> = under_each(run, text, |(trace, _)| trace, make);
        let (mut traces, errors): (Vec<Trace>, Vec<Vec<SyntaxError>>) = runs.into_iter().unzip();
        let shared = errors_of_all(&errors);
        let is_cut = |errors: &Vec<SyntaxError>| errors.len() > shared.len();
        for (trace, errors) in traces.iter_mut().zip(&errors).filter(|(_, errors)| is_cut(errors)) {
            // A run that failed half-way would have asked for the rest as well.
            calls::add_literal_calls(text, calls::unread(region, errors), trace);
        }
        let mut trace = either(traces);
        trace.incomplete |= errors.iter().any(is_cut);
        (trace, shared)
    }

    fn search(
        &self,
        (text, region): (&str, Span),
        run: Run,
        work: Work,
        find: &dyn Fn(&Rendered) -> Vec<Arc<str>>,
    ) -> Vec<Arc<str>> {
        kept(work, run, given(text, region), |run| {
            let (rendered, asked) = render(text, region, run);
            (find(&rendered), asked)
        })
    }

    fn check(&self, text: &str, region: Span) -> Vec<SyntaxError> {
        let check = || {
            let rewritten = rewrite(text, region, Scope::Open);
            match guarded(|| current().template_from_named_str("text", &rewritten.text).map(|_| ())) {
                Ok(()) => Vec::new(),
                // What was cut short at an unclosed tag is told by who looks for tags.
                Err(_) if !rewritten.errors.is_empty() => Vec::new(),
                Err(error) => vec![located(&error, text, region, &rewritten)],
            }
        };
        kept_text(Work::Syntax, given(text, region), check)
    }

    fn evaluate(&self, text: &str, run: Run) -> (Result<serde_json::Value, SyntaxError>, Trace) {
        let make = |run: Run| {
            kept(
                Work::Value,
                run,
                |key: &mut KeyMaker| key.text(text),
                |run| {
                    let is_yaml = run.names != Names::All;
                    // YAML has no value that does not exist: it prints as nothing.
                    let printed = |value: Value| if is_yaml && value.is_undefined() { Value::from("") } else { value };
                    let (result, ended) = run.during(|| {
                        let data = data(&printed(markers::unmarked(value_of(text)?)));
                        meter::check().map(|()| data).map_err(|error| syntax_error(&error, 0, &Rewritten::default()))
                    });
                    ((result, ended.trace), ended.asked)
                },
            )
        };
        let runs: Vec<(Result<serde_json::Value, SyntaxError>, Trace)> =
            under_each(run, text, |(_, trace)| trace, make);
        let (values, traces): (Vec<_>, Vec<Trace>) = runs.into_iter().unzip();
        (either::value_of(values), either(traces))
    }
}

/// All of a text counts: what stands around a part may be looked at.
fn given(text: &str, region: Span) -> impl FnOnce(&mut KeyMaker) {
    move |key| {
        key.span(region.start, region.end);
        key.text(text);
    }
}

fn render(text: &str, region: Span, run: Run) -> (Rendered, Option<Asked>) {
    let rewritten = rewrite(text, region, scope_of(&run));
    let base = region.start as usize;
    let (package, is_model) = (run.package, run.subject.resource_type == "model");
    let mut repeated = rewritten.repeated.first().map(|(span, name)| twice(*span, name));
    let (result, Ended { trace, asked }) = run.during(|| {
        // dbt's own parser of plain models takes what Python refuses.
        repeated.take_if(|_| is_model && is_static(region.of(text)) && !has_own_functions(package));
        if repeated.is_some() {
            return Ok(Default::default());
        }
        guarded(|| {
            let template = current().template_from_named_str("text", &rewritten.text)?;
            let rendered = template.render_with_spans(context::root())?;
            meter::check().map(|()| rendered)
        })
    });
    let mut rendered = Rendered { trace, errors: rewritten.errors.clone(), ..Rendered::default() };
    rendered.errors.extend(repeated);
    let original = |range: std::ops::Range<usize>| {
        Span::new(base + rewritten.original(range.start), base + rewritten.original(range.end))
    };
    match result {
        Ok((text, spans)) => {
            rendered.text = text;
            rendered.segments = spans
                .iter()
                .map(|span| Segment {
                    output: Span::new(span.output_range().start, span.output_range().end),
                    source: original(span.source_range()),
                    verbatim: span.kind() == minijinja::OutputSpanKind::Raw,
                })
                .collect();
        }
        // What was cut short at an unclosed tag fails in some way; the tag is the reason.
        Err(error) if error.kind() == ErrorKind::SyntaxError && !rewritten.errors.is_empty() => {}
        // A macro is to blame, or the arguments it was given.
        Err(_) if rendered.trace.failure.is_some() => {}
        Err(error) => {
            // Python's integers have no limit.
            rendered.trace.incomplete |= is_overflow(&error);
            let mut found = located(&error, text, region, &rewritten);
            if error.name().is_some_and(|name| name != "text") {
                found.span = Span::at(rendered.trace.last_site as usize);
            }
            rendered.errors.push(found);
        }
    }
    (rendered, asked)
}

/// Whose names a text reads that stands in no macro.
fn scope_of(run: &Run) -> Scope<'static> {
    if run.names == Names::All { Scope::Open } else { Scope::Strict }
}

/// Whether the project or the package has macros instead of those of dbt's functions that its parser of plain
/// models knows.
fn has_own_functions(package: crate::db::Package) -> bool {
    ["ref", "source", "config"].iter().any(|name| matches!(ask::resolve(package, name), Some(Named::Macro(_))))
}

/// What a macro that makes a name gives for a node: the value it returns, or the text it prints.
pub fn call_macro(
    package: crate::db::Package,
    name: &str,
    custom: &serde_json::Value,
    node: &Described,
    run: Run,
) -> (Result<serde_json::Value, SyntaxError>, Trace) {
    let given = |key: &mut KeyMaker| {
        add_home(package, key);
        key.text(name);
        key.text(&custom.to_string());
    };
    let make = |run: Run| {
        kept(Work::Macro, run, given, |run| {
            let (result, ended) = run_macro(package, name, [mutable(custom), node.value()], run);
            ((result, ended.trace), ended.asked)
        })
    };
    let runs: Vec<(Result<serde_json::Value, SyntaxError>, Trace)> =
        under_each(run.within(Scale::Call).describing(node.clone()), "", |(_, trace)| trace, make);
    let (values, traces): (Vec<_>, Vec<Trace>) = runs.into_iter().unzip();
    (either::value_of(values), either(traces))
}

fn run_macro(
    package: crate::db::Package,
    name: &str,
    [custom, node]: [Value; 2],
    run: Run,
) -> (Result<serde_json::Value, SyntaxError>, Ended) {
    let given = [("custom", custom), ("node", node), ("called", macros::Macro::value(package, name))];
    let context = MutDict::value(given.into_iter().map(|(name, value)| (Value::from(name), value)).collect());
    let (result, ended) = run.during(|| {
        let text = "{% set __value = called(custom, node) %}";
        let captured = current().template_from_named_str("value", text)?.render_captured(context)?;
        let data = data(&captured.state().lookup("__value").unwrap_or_default());
        meter::check().map(|()| data)
    });
    let failed = |error: Error| syntax_error(&error, 0, &Rewritten::default());
    (result.map_err(failed), ended)
}

/// The value of a text within the current run.
fn value_of(text: &str) -> Result<Value, SyntaxError> {
    let trimmed = text.trim();
    let whole = Span::new(0, trimmed.len());
    let found = tags(trimmed);
    let scope = run::with_run(|run| scope_of(run)).unwrap_or(Scope::Open);
    let rewritten = rewrite(trimmed, whole, scope);
    let repeated = rewritten.repeated.first().map(|(span, name)| twice(*span, name));
    if let Some(error) = found.errors.into_iter().chain(repeated).next() {
        return Err(error);
    }
    let failed = |error: Error| syntax_error(&error, 0, &rewritten);
    match found.tags.as_slice() {
        [tag] if tag.span == whole && tag.kind == TagKind::Expression => {
            let inner = rewritten.text[2..rewritten.text.len() - 2].trim_matches(['-', '+']).to_owned();
            let template = format!("{{% set __value = ({inner}) %}}");
            guarded(|| {
                let template = current().template_from_named_str("value", &template)?;
                let captured = template.render_captured(context::root())?;
                meter::spend(captured.state().fuel_levels().map_or(0, |(spent, _)| spent))?;
                Ok(captured.state().lookup("__value").unwrap_or_default())
            })
            .map_err(failed)
        }
        _ => guarded(|| {
            let template = current().template_from_named_str("value", &rewritten.text)?;
            let captured = template.render_captured(context::root())?;
            meter::spend(captured.state().fuel_levels().map_or(0, |(spent, _)| spent))?;
            Ok(Value::from(captured.into_output()))
        })
        .map_err(failed),
    }
}

/// An error of a template; the engine tells of a block that is never closed only where the text ends.
fn located(error: &Error, text: &str, region: Span, rewritten: &Rewritten) -> SyntaxError {
    let at_end = error.detail().is_some_and(|detail| detail.contains("unexpected end of input"));
    if error.kind() == ErrorKind::SyntaxError && at_end {
        let part = region.of(text);
        if let Some(found) = unclosed_block(part, &tags(part).tags) {
            let base = region.start as usize;
            let span = Span::new(base + found.span.start as usize, base + found.span.end as usize);
            return SyntaxError { span, ..found };
        }
    }
    syntax_error(error, region.start as usize, rewritten)
}

fn syntax_error(error: &Error, base: usize, rewritten: &Rewritten) -> SyntaxError {
    let own = error.name().is_some_and(|name| name == "text");
    let span = match error.range().filter(|_| own) {
        Some(range) => Span::new(base + rewritten.original(range.start), base + rewritten.original(range.end)),
        None => {
            let line = error.line().filter(|_| own).unwrap_or(1);
            let start: usize = rewritten.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
            Span::at(base + rewritten.original(start))
        }
    };
    let detail = words(error);
    let is_macro = |name: &&str| name.contains('.');
    let within = match error.name().filter(|_| !own).filter(is_macro) {
        Some(name) => format!(" (in {})", macros::shown_name(name)),
        None => String::new(),
    };
    SyntaxError::new(span, format!("Jinja: {detail}{within}"), remedy_of(error)).of(kind_of(error))
}

/// What kind of fault an error is that is raised here; the engine has no kind for it.
#[derive(Debug, Clone, Copy)]
struct Cause(SyntaxErrorKind);

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Cause {}

impl Cause {
    fn error(self, kind: ErrorKind, detail: String) -> Error {
        Error::new(kind, detail).with_source(self)
    }
}

fn kind_of(error: &Error) -> SyntaxErrorKind {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let known = causes.filter_map(|cause| cause.downcast_ref::<Cause>()).map(|cause| cause.0).last();
    known.unwrap_or(if error.kind() == ErrorKind::SyntaxError {
        SyntaxErrorKind::Syntax
    } else {
        SyntaxErrorKind::Failed
    })
}

/// What is wrong, in words that Jinja2 has for it.
fn words(error: &Error) -> String {
    let detail = match (error.detail(), error.kind()) {
        (Some(detail), _) => detail.to_owned(),
        (None, ErrorKind::OutOfFuel) => "the template does more work than one rendering may".to_owned(),
        (None, kind) => kind.to_string(),
    };
    if let Some((operator, types)) =
        detail.strip_prefix("tried to use ").and_then(|rest| rest.split_once(" operator on unsupported types "))
    {
        return format!("`{operator}` cannot be used with {}", types.replace(" and ", " and with "));
    }
    if let Some(named) =
        detail.strip_prefix("value of type undefined is not callable (").and_then(|it| it.strip_suffix(')'))
    {
        return named.to_owned();
    }
    detail
}

/// Whether an integer becomes larger than the engine's.
fn is_overflow(error: &Error) -> bool {
    error.detail().is_some_and(|detail| detail.starts_with("unable to calculate ") && !detail.ends_with(" 0"))
}

fn remedy_of(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::SyntaxError => "Correct the Jinja syntax here.",
        ErrorKind::OutOfFuel => "Look for a loop or a recursion that does not end.",
        _ => FAILED_WHILE_RUNNING,
    }
}
