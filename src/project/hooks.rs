//! What a node's hooks call: dbt renders them with the node's own names, and what they name counts
//! as the node's.

use super::data::scalar;
use super::jinja::run::{Names, Run, Trace};
use super::jinja::{Described, Minijinja, Renderer};
use super::naming::relation_names;
use super::nodes::{Node, facts, subject};
use super::shown;
use crate::syntax::span::Span;
use salsa::Id;
use salsa::plumbing::{AsId, FromId};
use serde_json::{Map, Value, json};

/// What the hooks of a node's whole configuration ask for. The offsets in it mean nothing.
#[salsa::tracked(returns(ref))]
pub fn hooks_trace<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Trace {
    let config = &facts(db, node).config;
    let hooks = ["pre-hook", "post-hook"].iter().filter_map(|key| config.get(*key)?.as_array()).flatten();
    let mut all = Trace::default();
    let mut hooks = hooks.filter_map(text_of).filter(|text| super::data::has_jinja(text)).peekable();
    if hooks.peek().is_none() {
        return all;
    }
    let described = Described::new(node.as_id(), as_built);
    // Each by itself: one that fails must not hide what the others call.
    for text in hooks {
        let run = Run::new(node.package(db), Names::All, subject(db, node)).describing(described.clone());
        let trace = Minijinja.trace(&text, Span::new(0, text.len()), run).0;
        all.refs.extend(trace.refs);
        all.sources.extend(trace.sources);
        all.functions.extend(trace.functions);
        all.macros.extend(trace.macros);
        all.unknown.extend(trace.unknown);
        if !trace.incomplete {
            all.failure = all.failure.or(trace.failure);
        }
        all.incomplete |= trace.incomplete;
        all.asks_adapter |= trace.asks_adapter;
        all.unsure.extend(trace.unsure);
        all.unsure_sources.extend(trace.unsure_sources);
    }
    all
}

/// A node with the names of its table.
fn as_built(db: &dyn salsa::Database, node: Id) -> Map<String, Value> {
    let mut shown = shown::of_node(db, node);
    let names = relation_names(db, Node::from_id(node));
    for (key, name) in [("database", &names.database), ("schema", &names.schema), ("alias", &names.alias)] {
        shown.insert(key.to_owned(), json!(name));
    }
    shown
}

/// A hook is its SQL, or a mapping that holds it.
fn text_of(hook: &Value) -> Option<String> {
    hook.get("sql").and_then(scalar).or_else(|| scalar(hook))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_a_text_or_a_mapping_with_one() {
        assert_eq!(text_of(&json!("grant x")).as_deref(), Some("grant x"));
        assert_eq!(text_of(&json!({"sql": "grant x", "transaction": false})).as_deref(), Some("grant x"));
        assert_eq!(text_of(&json!(null)), None);
    }
}
