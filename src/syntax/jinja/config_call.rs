//! The `config(…)` calls of a template and the literals they are given, with the place of each:
//! fixes edit these places.

use super::tags::{TagKind, tags};
use super::tokens::{Token, TokenKind, tokens};
use crate::span::Span;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct ConfigCall {
    /// From `config` to the closing parenthesis.
    pub span: Span,
    /// Keyword arguments, and the entries of a dict given instead, in their order.
    pub args: Vec<ConfigArg>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ConfigArg {
    pub name: Arc<str>,
    pub name_span: Span,
    /// The expression as written, quotes and brackets included.
    pub value_span: Span,
    pub value: ConfigValue,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConfigValue {
    Str(Arc<str>),
    /// Each entry with its place, quotes included.
    List(Vec<(Span, ConfigValue)>),
    Bool(bool),
    /// As written.
    Number(Arc<str>),
    /// An expression that only rendering can tell.
    Other,
}

/// Lists in lists deeper than this are not read.
const MAX_DEPTH: usize = 8;

pub fn config_calls(text: &str) -> Vec<ConfigCall> {
    let mut calls = Vec::new();
    for tag in tags(text).tags {
        let code = matches!(tag.kind, TagKind::Expression | TagKind::Statement);
        if !code || !tag.inner.of(text).contains("config") {
            continue;
        }
        let mut tokens = tokens(text, tag.inner.start as usize, tag.inner.end as usize);
        tokens.retain(|token| token.kind != TokenKind::OddSpace);
        let reader = Reader { text, tokens: &tokens };
        let mut at = 0;
        while at < tokens.len() {
            at = match reader.call(at) {
                Some((call, next)) => {
                    calls.push(call);
                    next
                }
                None => at + 1,
            };
        }
    }
    calls
}

struct Reader<'text> {
    text: &'text str,
    tokens: &'text [Token],
}

impl<'text> Reader<'text> {
    fn token(&self, at: usize) -> &'text str {
        self.tokens.get(at).map_or("", |token| token.of(self.text))
    }

    fn span(&self, tokens: &[Token]) -> Span {
        match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => Span::new(first.start, last.end),
            _ => Span::default(),
        }
    }

    /// The call that begins at this token, and the place of the token after it.
    fn call(&self, at: usize) -> Option<(ConfigCall, usize)> {
        if self.token(at) != "config" || self.token(at + 1) != "(" {
            return None;
        }
        let before = at.checked_sub(1).map_or("", |before| self.token(before));
        if matches!(before, "." | "macro") {
            return None;
        }
        let inside = self.tokens.get(at + 2..)?;
        let mut depth = 0_usize;
        let closing = inside.iter().position(|token| match token.of(self.text) {
            "(" | "[" | "{" => {
                depth += 1;
                false
            }
            ")" | "]" | "}" if depth > 0 => {
                depth -= 1;
                false
            }
            bracket => bracket == ")",
        });
        let length = closing.unwrap_or(inside.len());
        let next = (at + 2 + length + 1).min(self.tokens.len());
        let mut args = Vec::new();
        for part in self.parts(inside.get(..length)?) {
            self.argument(part, &mut args);
        }
        let span = self.span(self.tokens.get(at..next)?);
        Some((ConfigCall { span, args }, next))
    }

    /// What commas outside brackets separate; nothing for empty parts.
    fn parts<'tokens>(&self, tokens: &'tokens [Token]) -> Vec<&'tokens [Token]> {
        let mut depth = 0_usize;
        tokens
            .split(|token| match token.of(self.text) {
                "(" | "[" | "{" => {
                    depth += 1;
                    false
                }
                ")" | "]" | "}" => {
                    depth = depth.saturating_sub(1);
                    false
                }
                text => text == "," && depth == 0,
            })
            .filter(|part| !part.is_empty())
            .collect()
    }

    fn argument(&self, part: &[Token], args: &mut Vec<ConfigArg>) {
        match part {
            [name, equals, value @ ..] if name.kind == TokenKind::Name && equals.of(self.text) == "=" => {
                args.push(self.named(name.of(self.text), *name, value));
            }
            [open, entries @ .., close] if open.of(self.text) == "{" && close.of(self.text) == "}" => {
                for entry in self.parts(entries) {
                    if let [name, colon, value @ ..] = entry
                        && name.kind == TokenKind::Text
                        && colon.of(self.text) == ":"
                    {
                        args.push(self.named(&unescaped(name.of(self.text)), *name, value));
                    }
                }
            }
            _ => {}
        }
    }

    fn named(&self, name: &str, token: Token, value: &[Token]) -> ConfigArg {
        let value_span = match value {
            [] => Span::at(token.end),
            _ => self.span(value),
        };
        ConfigArg {
            name: Arc::from(name),
            name_span: Span::new(token.start, token.end),
            value_span,
            value: self.value(value, 0),
        }
    }

    fn value(&self, tokens: &[Token], depth: usize) -> ConfigValue {
        match tokens {
            [one] => match (one.kind, one.of(self.text)) {
                (TokenKind::Text, text) => ConfigValue::Str(Arc::from(unescaped(text))),
                (TokenKind::Integer | TokenKind::Number, text) => ConfigValue::Number(Arc::from(text)),
                (TokenKind::Name, "true" | "True") => ConfigValue::Bool(true),
                (TokenKind::Name, "false" | "False") => ConfigValue::Bool(false),
                _ => ConfigValue::Other,
            },
            [sign, number]
                if sign.of(self.text) == "-" && matches!(number.kind, TokenKind::Integer | TokenKind::Number) =>
            {
                ConfigValue::Number(Arc::from(self.span(tokens).of(self.text)))
            }
            [open, items @ .., close] if self.is_list(*open, items, *close) && depth < MAX_DEPTH => {
                let items = self.parts(items).into_iter();
                ConfigValue::List(items.map(|item| (self.span(item), self.value(item, depth + 1))).collect())
            }
            _ => ConfigValue::Other,
        }
    }

    /// Whether the brackets around `items` belong together: not so in `['a'] + ['b']`.
    fn is_list(&self, open: Token, items: &[Token], close: Token) -> bool {
        if open.of(self.text) != "[" || close.of(self.text) != "]" {
            return false;
        }
        let mut depth = 0_usize;
        items.iter().all(|token| {
            match token.of(self.text) {
                "[" | "(" | "{" => depth += 1,
                "]" | ")" | "}" => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return false,
                },
                _ => {}
            }
            true
        }) && depth == 0
    }
}

/// The text of a string literal.
fn unescaped(literal: &str) -> String {
    let inner = literal.get(1..literal.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains('\\') {
        return inner.to_owned();
    }
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(quoted @ ('\\' | '\'' | '"')) => text.push(quoted),
                // An escape Jinja does not know stays as it is.
                other => {
                    text.push('\\');
                    text.extend(other);
                }
            },
            (plain, false) => text.push(plain),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> ConfigCall {
        let mut calls = config_calls(text);
        assert_eq!(calls.len(), 1, "{text:.60}");
        calls.remove(0)
    }

    #[test]
    fn every_literal_has_its_place() {
        let text = "{{\r\n  config(\r\n    materialized = 'view',\r\n    tags=['a', \"b\",],\r\n  )\r\n}}";
        let call = one(text);
        assert!(call.span.of(text).starts_with("config(") && call.span.of(text).ends_with(')'));
        let shown: Vec<_> =
            call.args.iter().map(|arg| (&*arg.name, arg.name_span.of(text), arg.value_span.of(text))).collect();
        assert_eq!(shown, [("materialized", "materialized", "'view'"), ("tags", "tags", "['a', \"b\",]")]);
        let ConfigValue::List(items) = &call.args[1].value else { panic!("no list") };
        let items: Vec<_> = items.iter().map(|(span, value)| (span.of(text), value)).collect();
        assert_eq!(items, [("'a'", &ConfigValue::Str("a".into())), ("\"b\"", &ConfigValue::Str("b".into()))]);
    }

    #[test]
    fn values_that_are_no_literals_are_told_apart() {
        let call = one("{{ config(a=x, b=['p'] + ['q'], c=-1.5, d=True, e='it\\'s', f=none, **g) }}");
        let values: Vec<_> = call.args.iter().map(|arg| arg.value.clone()).collect();
        assert_eq!(
            values,
            [
                ConfigValue::Other,
                ConfigValue::Other,
                ConfigValue::Number("-1.5".into()),
                ConfigValue::Bool(true),
                ConfigValue::Str("it's".into()),
                ConfigValue::Other,
            ]
        );
    }

    #[test]
    fn a_dict_is_read_as_its_entries() {
        let call = one("{% do config({'materialized': 'table', \"tags\": ['a']}) %}");
        let names: Vec<_> = call.args.iter().map(|arg| &*arg.name).collect();
        assert_eq!(names, ["materialized", "tags"]);
        assert_eq!(call.args[0].value, ConfigValue::Str("table".into()));
    }

    #[test]
    fn only_calls_in_live_jinja_count() {
        assert_eq!(config_calls("config(a=1) {# {{ config(a=1) }} #} {{ config.get('a') }}"), []);
        assert_eq!(config_calls("{{ model.config(a=1) }} {{ \"config(a=1)\" }}"), []);
        assert_eq!(config_calls("-- {{ config(a=1) }}\n{{ config() }}").len(), 2);
    }

    #[test]
    fn an_unfinished_call_is_read_as_far_as_it_goes() {
        let text = "{% do config(tags=['a', materialized='view' %}";
        let call = one(text);
        assert_eq!(call.args[0].value, ConfigValue::Other);
        let deep = format!("{{% do config(a={}1{}) %}}", "[".repeat(100), "]".repeat(100));
        assert!(matches!(one(&deep).args[0].value, ConfigValue::List(_)));
        assert_eq!(one("{{ config(a=) }}").args[0].value, ConfigValue::Other);
    }
}
