//! Texts that dbt reads without Jinja: models in which nothing is called but `ref`, `source` and `config` with
//! arguments that are written out. A keyword may stand twice there.

use super::tags::{TagKind, tags};
use super::tokens::{Token, TokenKind, tokens};

/// Whether dbt's parser of plain models reads a text.
pub fn is_static(text: &str) -> bool {
    let found = tags(text);
    found.errors.is_empty()
        && found.tags.iter().all(|tag| match tag.kind {
            TagKind::Comment => true,
            TagKind::Statement | TagKind::Raw => false,
            TagKind::Expression => {
                let (start, end) = (tag.inner.start as usize, tag.inner.end as usize);
                // It knows no signs that take away whitespace.
                let has_no_signs = tag.span.start + 2 == tag.inner.start && tag.inner.end + 2 == tag.span.end;
                has_no_signs && is_plain(text, &tokens(text, start, end))
            }
        })
}

fn is_plain(text: &str, list: &[Token]) -> bool {
    match list {
        [one] => one.kind == TokenKind::Text,
        [name, open, inside @ .., close] if open.of(text) == "(" && close.of(text) == ")" => {
            let takes = match name.of(text) {
                "ref" => |token: &Token, text: &str| token.kind == TokenKind::Text || matches!(token.of(text), ","),
                "source" | "config" => |token: &Token, text: &str| {
                    token.kind == TokenKind::Text
                        || token.kind == TokenKind::Name
                        || matches!(token.of(text), "," | "=" | "[" | "]" | "{" | "}" | ":")
                },
                _ => return false,
            };
            // A name is a keyword or one of Python's constants.
            let is_known = |(at, token): (usize, &Token)| {
                let is_keyword = inside.get(at + 1).is_some_and(|next| next.of(text) == "=");
                let shown = token.of(text);
                let is_excluded = matches!(shown, "pre_hook" | "post_hook");
                token.kind != TokenKind::Name || is_keyword && !is_excluded || matches!(shown, "True" | "False")
            };
            inside.iter().all(|token| takes(token, text)) && inside.iter().enumerate().all(is_known)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_with_arguments_written_out_are_plain() {
        for text in [
            "select 1",
            "{{ config(tags=['x'], tags='y', meta={'a': ['b']}, enabled=True) }} {{ ref('a', 'b') }} {# c #}",
            "{{ source('a', 'b') }}{{ 'x' }}",
        ] {
            assert!(is_static(text), "{text}");
        }
        for text in [
            "{{ config(a=1) }}",
            "{{ config(enabled=true) }}",
            "{{ config(pre_hook='x') }}",
            "{{- config(tags='x') }}",
            "{{ ref('a', v=1) }}",
            "{{ ref('a') | upper }}",
            "{% set x = 1 %}",
            "{{ this }}",
            "{{ config(alias='a' ~ 'b') }}",
            "{{ m() }}",
        ] {
            assert!(!is_static(text), "{text}");
        }
    }
}
