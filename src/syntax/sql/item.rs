//! What one entry of a select list is called.

use super::Item;
use super::keyword::Keyword;
use super::token::{Kind, Token};
use crate::span::Span;
use std::sync::Arc;

/// A name without the quotes around it.
pub fn unquoted(name: &str) -> &str {
    let pairs = [('"', '"'), ('`', '`'), ('[', ']')];
    pairs.into_iter().find_map(|(open, close)| name.strip_prefix(open)?.strip_suffix(close)).unwrap_or(name)
}

/// How many tokens of a select list's beginning are no part of its first entry.
pub(crate) fn modifiers(tokens: &[Token]) -> usize {
    let live = |from: usize| {
        let rest = tokens.get(from..).unwrap_or_default();
        rest.iter().position(|token| !token.is_block()).map(|offset| from + offset)
    };
    let mut begin = 0;
    while let Some(at) = live(begin) {
        let Some(token) = tokens.get(at) else { break };
        begin = match token.keyword {
            Keyword::Distinct if tokens.get(at + 1).is_some_and(|next| next.keyword == Keyword::On) => {
                closing(tokens, at + 2)
            }
            Keyword::Distinct | Keyword::All => at + 1,
            Keyword::Top if tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Number) => at + 2,
            // BigQuery's `select as struct`.
            Keyword::As => at + 2,
            _ => break,
        };
    }
    begin.min(tokens.len())
}

/// Behind the bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// The entry these tokens make; none where they print nothing.
pub(crate) fn item(text: &str, tokens: &[Token]) -> Option<Item> {
    let first = tokens.iter().position(|token| !token.is_block())?;
    let last = tokens.iter().rposition(|token| !token.is_block())?;
    let tokens = tokens.get(first..=last)?;
    let (begin, end) = (tokens.first()?, tokens.last()?);
    Some(Item {
        span: Span { start: begin.start, end: end.end },
        alias: alias(tokens).map(|alias| Arc::from(unquoted(alias.span().of(text)))),
        is_star: is_star(tokens),
    })
}

fn is_star(tokens: &[Token]) -> bool {
    let mut names = tokens.iter();
    let mut expects_name = true;
    loop {
        let Some(token) = names.next() else { return false };
        match token.kind {
            Kind::Star => return expects_name,
            Kind::Dot => expects_name = true,
            Kind::Word | Kind::Quoted | Kind::Jinja => expects_name = false,
            Kind::Block(_) => {}
            _ => return false,
        }
    }
}

fn alias(tokens: &[Token]) -> Option<Token> {
    let mut back = tokens.iter().rev().filter(|token| !token.is_block());
    let last = *back.next()?;
    let before = *back.next()?;
    if !last.is_name() || (before.kind == Kind::Jinja && before.end == last.start) {
        return None;
    }
    if before.keyword == Keyword::As {
        return Some(last);
    }
    if matches!(last.keyword, Keyword::End | Keyword::Ending | Keyword::Operator) {
        return None;
    }
    let follows = match before.kind {
        Kind::Quoted | Kind::Text | Kind::Number | Kind::Jinja | Kind::Close(_) => true,
        Kind::Word => {
            !matches!(before.keyword, Keyword::Operator | Keyword::Is | Keyword::Distinct | Keyword::Interval)
        }
        _ => false,
    };
    // In `interval '1' day` the name is a unit.
    let unit = back.next().is_some_and(|token| token.keyword == Keyword::Interval);
    (follows && !unit).then_some(last)
}
