//! One text under each adapter it may be, where nothing tells which: what all of them ask for is sure, the rest is
//! possible.

use super::ask;
use super::run::{ConfigCall, RefCall, Run, SourceCall, Trace};
use crate::project::adapters::{UNKNOWN, mentioned_in};
use crate::project::config::merge;
use crate::syntax::span::SyntaxError;
use serde_json::{Map, Value};

/// Settings that add up or are shown alone: of two of them the first is taken.
const KEPT: [&str; 5] = ["tags", "meta", "pre-hook", "post-hook", "materialized"];

/// Runs something, and again under each adapter that may make a difference if it asked for the adapter.
pub(super) fn under_each<T>(
    run: Run,
    text: &str,
    trace_of: impl Fn(&T) -> &Trace,
    mut make: impl FnMut(Run) -> T,
) -> Vec<T> {
    let again = run.under(UNKNOWN);
    let first = make(run);
    if !trace_of(&first).asks_adapter {
        return vec![first];
    }
    let mut adapters = mentioned_in(text);
    adapters.extend(ask::candidates());
    adapters.sort_unstable();
    adapters.dedup();
    let others = adapters.into_iter().map(|adapter| make(again.under(adapter)));
    std::iter::once(first).chain(others).collect()
}

/// What some runs of one text ask for together.
pub(super) fn either(traces: Vec<Trace>) -> Trace {
    let mut traces = traces.into_iter();
    let Some(mut all) = traces.next() else { return Trace::default() };
    let others: Vec<Trace> = traces.collect();
    if others.iter().all(|other| is_same(&all, other)) {
        return all;
    }
    let in_all = |first: bool, is_in: &dyn Fn(&Trace) -> bool| first && others.iter().all(is_in);
    let own = all.clone();
    for other in &others {
        add(&mut all.refs, &other.refs);
        add(&mut all.sources, &other.sources);
        add(&mut all.functions, &other.functions);
        add(&mut all.macros, &other.macros);
        add(&mut all.vars, &other.vars);
        add(&mut all.env, &other.env);
    }
    let is_sure = |call: &RefCall| in_all(own.refs.contains(call), &|other: &Trace| other.refs.contains(call));
    all.unsure = all.refs.iter().filter(|call| !is_sure(call)).cloned().collect();
    let is_sure = |call: &SourceCall| in_all(own.sources.contains(call), &|other: &Trace| other.sources.contains(call));
    all.unsure_sources = all.sources.iter().filter(|call| !is_sure(call)).cloned().collect();
    if others.iter().any(|other| other.failure != own.failure) {
        all.failure = None;
    }
    all.unknown.retain(|call| others.iter().all(|other| other.unknown.contains(call)));
    let differing = differing(&own, &others);
    if !differing.is_empty() {
        let site = own.configs.first().map(|call| call.site).unwrap_or_default();
        all.configs.push(ConfigCall { values: differing, site });
    }
    all.incomplete = true;
    all.asks_adapter = true;
    all
}

/// Errors of some runs: those that all of them have.
pub(super) fn errors_of_all(runs: &[Vec<SyntaxError>]) -> Vec<SyntaxError> {
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    first.iter().filter(|error| others.iter().all(|other| other.contains(error))).cloned().collect()
}

/// One value of some: what they have in common, else nobody knows.
pub(super) fn value_of(values: Vec<Result<Value, SyntaxError>>) -> Result<Value, SyntaxError> {
    let mut values = values.into_iter();
    let Some(first) = values.next() else { return Ok(Value::Null) };
    if values.all(|value| value == first) { first } else { Ok(Value::from(UNKNOWN)) }
}

fn is_same(one: &Trace, other: &Trace) -> bool {
    one.refs == other.refs
        && one.sources == other.sources
        && one.functions == other.functions
        && one.macros == other.macros
        && one.unknown == other.unknown
        && one.configs == other.configs
        && one.vars == other.vars
        && one.env == other.env
        && one.failure == other.failure
}

fn add<T: PartialEq + Clone>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

/// The settings that are not the same in all runs, as unknown.
fn differing(own: &Trace, others: &[Trace]) -> Map<String, Value> {
    let whole = |trace: &Trace| {
        let mut whole = Map::new();
        trace.configs.iter().for_each(|call| merge(&mut whole, &call.values));
        whole
    };
    let own = whole(own);
    let mut found = Map::new();
    for other in others.iter().map(whole) {
        for key in own.keys().chain(other.keys()) {
            if !KEPT.contains(&key.as_str()) && own.get(key) != other.get(key) {
                found.insert(key.clone(), UNKNOWN.into());
            }
        }
    }
    found
}
