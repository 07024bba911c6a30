//! The names a template calls or reads, run or not.

use super::tags::{TagKind, tags};
use super::tokens::{Token, TokenKind, tokens};
use crate::span::Span;

/// Words that may stand before a parenthesis and call nothing.
const WORDS: [&str; 12] = ["if", "elif", "else", "and", "or", "not", "in", "is", "for", "set", "do", "call"];
/// What opens a definition: the name behind it is defined, not called.
const DEFINITIONS: [&str; 5] = ["macro", "test", "data_test", "materialization", "snapshot"];

/// The tokens of each tag of `text[region]`, with offsets into `text`, and whether the tag defines.
fn code(text: &str, region: Span) -> Vec<(bool, Vec<Token>)> {
    let part = region.of(text);
    let base = region.start as usize;
    let mut found = Vec::new();
    for tag in tags(part).tags.iter().filter(|tag| matches!(tag.kind, TagKind::Expression | TagKind::Statement)) {
        let defines = tag.kind == TagKind::Statement && DEFINITIONS.contains(&tag.word(part));
        let list = tokens(text, base + tag.inner.start as usize, base + tag.inner.end as usize);
        found.push((defines, list));
    }
    found
}

/// The calls of a part of a text: where each name stands, as it is written, dots included. Filters,
/// tests and methods of what a call gave are none.
pub fn call_names(text: &str, region: Span) -> Vec<Span> {
    let mut found = Vec::new();
    for (defines, list) in code(text, region) {
        let mut at = if defines { 2 } else { 0 };
        while let Some(token) = list.get(at) {
            let before = at.checked_sub(1).and_then(|at| list.get(at)).map_or("", |before| before.of(text));
            let mut last = at;
            while let (Some(dot), Some(name)) = (list.get(last + 1), list.get(last + 2))
                && dot.of(text) == "."
                && name.kind == TokenKind::Name
            {
                last += 2;
            }
            let is_name = token.kind == TokenKind::Name && !matches!(before, "." | "|" | "is");
            let opens = list.get(last + 1).is_some_and(|open| open.of(text) == "(");
            if is_name && opens && !(last == at && WORDS.contains(&token.of(text))) {
                found.push(Span::new(token.start, list.get(last).map_or(token.end, |last| last.end)));
            }
            at = last + 1;
        }
    }
    found
}

/// Where a part of a text reads a variable of this name.
pub fn reads_of(text: &str, region: Span, name: &str) -> Vec<Span> {
    let mut found = Vec::new();
    for (_, list) in code(text, region) {
        for (at, token) in list.iter().enumerate() {
            let is_attribute = at.checked_sub(1).and_then(|at| list.get(at)).is_some_and(|dot| dot.of(text) == ".");
            let is_keyword = list.get(at + 1).is_some_and(|next| next.of(text) == "=");
            if token.kind == TokenKind::Name && token.of(text) == name && !is_attribute && !is_keyword {
                found.push(Span::new(token.start, token.end));
            }
        }
    }
    found
}

/// Whether a part of a text reads a name before it gives it a value: what Jinja2 asks of `caller`, `varargs`
/// and `kwargs`.
pub fn takes_from_outside(text: &str, region: Span, name: &str) -> bool {
    for (defines, list) in code(text, region) {
        let word = list.first().map_or("", |first| first.of(text));
        for (at, token) in list.iter().enumerate() {
            if token.kind != TokenKind::Name || token.of(text) != name {
                continue;
            }
            let before = at.checked_sub(1).and_then(|at| list.get(at)).map_or("", |before| before.of(text));
            let after = list.get(at + 1).map_or("", |after| after.of(text));
            let is_keyword = after == "=" && matches!(before, "(" | ",") && word != "set";
            if matches!(before, "." | "|") || is_keyword && !defines {
                continue;
            }
            let stop = match word {
                "set" => "=",
                "for" => "in",
                _ if defines => ")",
                _ => return true,
            };
            // A name that stands before the stop is given a value here.
            return list.iter().take(at).any(|token| token.of(text) == stop);
        }
    }
    false
}

/// Where a part of a text calls `function` with this text as an argument.
pub fn call_with(text: &str, region: Span, function: &str, argument: &str) -> Option<Span> {
    for (_, list) in code(text, region) {
        for (at, token) in list.iter().enumerate().filter(|(_, token)| token.of(text) == function) {
            let inside = list.get(at + 1..).unwrap_or_default();
            let inside = inside.iter().take_while(|token| token.of(text) != ")");
            let names = |token: &Token| token.kind == TokenKind::Text && quoted(token.of(text)) == argument;
            if inside.into_iter().any(names) {
                return Some(Span::new(token.start, token.end));
            }
        }
    }
    None
}

fn quoted(literal: &str) -> &str {
    literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        call_names(text, Span::new(0, text.len())).into_iter().map(|span| span.of(text)).collect()
    }

    #[test]
    fn calls_carry_their_dots_and_filters_tests_and_words_are_none() {
        let text = "{{ ref('a') }} {% if (a and not (b)) %}{{ dbt_utils.star(f(x)) | g(1) }}{% elif(c) %}{% endif %}\
                    {% macro m(a=h()) %}{% call s('n') %}{{ x().y() }}{% endcall %}{% endmacro %}{# z() #}{{ a is t(1) }}";
        assert_eq!(names(text), ["ref", "dbt_utils.star", "f", "h", "s", "x"]);
    }

    #[test]
    fn a_name_comes_from_outside_where_it_is_read_first() {
        let takes = |text: &str| takes_from_outside(text, Span::new(0, text.len()), "kwargs");
        for text in ["{{ kwargs }}", "{{ f(kwargs) }}", "{% set x = kwargs.get('a') %}", "{% for k in kwargs %}"] {
            assert!(takes(text), "{text}");
        }
        for text in [
            "{{ 'kwargs' }}",
            "{{ a.kwargs }}",
            "{# kwargs #} kwargs",
            "{% set kwargs = {} %}{{ kwargs }}",
            "{{ f(kwargs=1) }}",
        ] {
            assert!(!takes(text), "{text}");
        }
    }

    #[test]
    fn a_name_is_read_where_it_is_no_attribute_and_no_keyword() {
        let text = "{{ this }} {{ a.this }} {{ f(this=1) }} {% if this.name == 1 %}{% endif %} this";
        assert_eq!(reads_of(text, Span::new(0, text.len()), "this").len(), 2);
        let text = "{{ var('a') }} {{ var(\"b\", 'c') }}";
        assert_eq!(call_with(text, Span::new(0, text.len()), "var", "b").map(|span| span.start), Some(18));
    }
}
