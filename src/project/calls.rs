//! The calls a template shows literally: what is kept of a file that cannot be rendered.

use super::jinja::run::{RefCall, SourceCall, Trace};
use crate::syntax::jinja::tags::{TagKind, tags};
use crate::syntax::jinja::tokens::{Token, TokenKind, tokens};
use crate::syntax::span::Span;
use std::sync::Arc;

/// Adds the `ref` and `source` calls of `text[region]` that the trace does not hold yet.
pub fn add_literal_calls(text: &str, region: Span, trace: &mut Trace) {
    let part = region.of(text);
    let base = region.start as usize;
    for tag in tags(part).tags {
        if matches!(tag.kind, TagKind::Expression | TagKind::Statement) {
            let list = tokens(part, tag.inner.start as usize, tag.inner.end as usize);
            for (index, token) in list.iter().enumerate().filter(|(_, token)| token.kind == TokenKind::Name) {
                let site = (base + token.start) as u32;
                add_call(part, &list[index..], site, trace);
            }
        }
    }
}

fn add_call(part: &str, list: &[Token], site: u32, trace: &mut Trace) {
    let [name, open, rest @ ..] = list else { return };
    if open.of(part) != "(" {
        return;
    }
    let Some(arguments) = literals(part, rest) else { return };
    match (name.of(part), arguments.as_slice()) {
        ("ref", [name]) => add_ref(trace, None, name, site),
        ("ref", [package, name]) => add_ref(trace, Some(package.clone()), name, site),
        ("source", [source, table]) => {
            let call = SourceCall { source: source.clone(), table: table.clone(), site };
            if !trace.sources.iter().any(|known| known.source == call.source && known.table == call.table) {
                trace.sources.push(call);
            }
        }
        _ => {}
    }
}

fn add_ref(trace: &mut Trace, package: Option<Arc<str>>, name: &Arc<str>, site: u32) {
    if !trace.refs.iter().any(|known| known.name == *name && known.package == package) {
        trace.refs.push(RefCall { package, name: name.clone(), version: None, site });
    }
}

/// Arguments that are all plain strings, up to the closing parenthesis.
fn literals(part: &str, list: &[Token]) -> Option<Vec<Arc<str>>> {
    let mut found = Vec::new();
    let mut rest = list;
    loop {
        let [value, after, tail @ ..] = rest else { return None };
        if value.kind != TokenKind::Text {
            return None;
        }
        found.push(value.of(part).trim_matches(['\'', '"']).into());
        match after.of(part) {
            ")" => return Some(found),
            "," => rest = tail,
            _ => return None,
        }
    }
}
