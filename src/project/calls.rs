//! The calls a template shows literally: what is kept of a file that cannot be rendered.

use super::jinja::FAILED_WHILE_RUNNING;
use super::jinja::run::{RefCall, SourceCall, Trace};
use crate::syntax::jinja::tags::{TagKind, tags};
use crate::syntax::jinja::tokens::{Token, TokenKind, tokens};
use crate::syntax::span::{Span, SyntaxError};
use std::sync::Arc;

/// The part of a region that was not rendered: all of it where it could not even be parsed, else what
/// follows the place where the rendering failed.
pub fn unread(region: Span, errors: &[SyntaxError]) -> Span {
    let failed = errors.iter().filter(|error| error.remedy == FAILED_WHILE_RUNNING).map(|error| error.span.start);
    match failed.max() {
        Some(at) if errors.len() == 1 => Span { start: at.clamp(region.start, region.end), end: region.end },
        _ => region,
    }
}

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

/// The environment variables that a text asks for in plain words and gives no default.
pub fn demanded_variables(text: &str) -> Vec<Arc<str>> {
    let mut found = Vec::new();
    for tag in tags(text).tags.iter().filter(|tag| matches!(tag.kind, TagKind::Expression | TagKind::Statement)) {
        let list = tokens(text, tag.inner.start as usize, tag.inner.end as usize);
        for (index, token) in list.iter().enumerate().filter(|(_, token)| token.of(text) == "env_var") {
            let open = list.get(index + 1).is_some_and(|open| open.of(text) == "(");
            let rest = list.get(index + 2..).filter(|_| token.kind == TokenKind::Name && open).unwrap_or_default();
            if let Some([name]) = literals(text, rest).as_deref() {
                found.push(name.clone());
            }
        }
    }
    found
}

/// Arguments that are all plain strings, up to the closing parenthesis.
pub(super) fn literals(part: &str, list: &[Token]) -> Option<Vec<Arc<str>>> {
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

/// The call that begins at an offset: from its name to its closing parenthesis.
pub fn call_span(text: &str, site: u32) -> Span {
    let start = site as usize;
    let bytes = text.as_bytes();
    let mut at = start;
    let mut depth = 0usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' => match crate::syntax::jinja::tokens::string_end(bytes, at, *byte) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => break,
            },
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Span::new(start, at + 1);
                }
            }
            b'\n' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    Span::new(start, at.min(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_at_its_own_parenthesis() {
        let text = "{{ ref('a)', f(1)) }} x";
        assert_eq!(call_span(text, 3).of(text), "ref('a)', f(1))");
    }

    #[test]
    fn literal_calls_are_added_once_and_computed_ones_left_out() {
        let text = "{{ ref('a') }} {{ ref('p', 'b') }} {{ ref(x) }} {{ source('s', 't') }} {{ ref('a') }}";
        let mut trace = Trace::default();
        add_literal_calls(text, Span::new(0, text.len()), &mut trace);
        let names: Vec<_> = trace.refs.iter().map(|call| &*call.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(trace.sources.len(), 1);
        assert_eq!(trace.refs[0].site, 3);
    }
}
