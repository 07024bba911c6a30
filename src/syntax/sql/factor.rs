//! Numbers that scale something: what a query or a macro multiplies and divides by.

use super::keyword::Keyword;
use super::token::{Kind, Token, tokens};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a number does to the expression beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scale {
    Multiplies,
    Divides,
}

impl Scale {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Multiplies => "*",
            Self::Divides => "/",
        }
    }
}

/// What the number at this place does: it stands behind `/`, or on either side of a `*` that is no
/// `select *`.
pub(super) fn scale(text: &str, tokens: &[Token], at: usize) -> Option<Scale> {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    if before.is_some_and(|before| is_slash(text, *before)) {
        return Some(Scale::Divides);
    }
    let operand = at.checked_sub(2).and_then(|before| tokens.get(before)).is_some_and(|token| ends_operand(*token));
    let behind = before.is_some_and(|before| before.kind == Kind::Star) && operand;
    let ahead = tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Star);
    (behind || ahead).then_some(Scale::Multiplies)
}

fn is_slash(text: &str, token: Token) -> bool {
    token.kind == Kind::Punctuation && token.span().of(text) == "/"
}

fn ends_operand(token: Token) -> bool {
    match token.kind {
        Kind::Word => matches!(token.keyword, Keyword::None | Keyword::End | Keyword::Ending),
        Kind::Quoted | Kind::Text | Kind::Number | Kind::Close(_) | Kind::Jinja => true,
        _ => false,
    }
}

/// The numbers by which a macro's body multiplies or divides its parameter itself: `{{ x }} / 0.3048`,
/// brackets and casts around it included. A number that others are multiplied or divided with is none.
pub fn factors(body: &str, parameter: &str) -> Vec<(Scale, Arc<str>)> {
    let mut all = tokens(body).tokens;
    all.retain(|token| !token.is_block());
    let mut found = Vec::new();
    for (at, _) in all.iter().enumerate().filter(|(_, token)| prints(body, **token, parameter)) {
        let (before, behind) = around(&all, body, at);
        let number = |at: usize| all.get(at).filter(|token| token.kind == Kind::Number);
        let operator = |at: usize| all.get(at).map_or("", |token| token.span().of(body));
        let chained = |at: Option<usize>| at.is_some_and(|at| matches!(operator(at), "*" | "/"));
        let scales = match operator(behind) {
            "/" => Some(Scale::Divides),
            "*" => Some(Scale::Multiplies),
            _ => None,
        };
        if let (Some(scale), Some(number)) = (scales, number(behind + 1))
            && !chained(Some(behind + 2))
            && !chained(before)
        {
            found.push((scale, number.span().of(body).into()));
        } else if scales.is_none()
            && let Some(before) = before.filter(|before| operator(*before) == "*")
            && let Some(place) = before.checked_sub(1)
            && let Some(number) = number(place)
            && !chained(place.checked_sub(1))
        {
            found.push((Scale::Multiplies, number.span().of(body).into()));
        }
    }
    found
}

/// Whether a tag prints a name and nothing else.
fn prints(text: &str, token: Token, name: &str) -> bool {
    let inner = token.span().of(text).strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    token.kind == Kind::Jinja
        && inner.is_some_and(|inner| inner.trim_matches(['-', '+', ' ', '\n', '\r', '\t']) == name)
}

/// The casts that leave a number what it is.
const CASTS: [&str; 3] = ["cast", "try_cast", "safe_cast"];

/// The tokens before and behind the operand at this place, with the brackets and casts that are around it
/// alone: those of any other function make another number of it.
fn around(tokens: &[Token], text: &str, at: usize) -> (Option<usize>, usize) {
    let kind = |at: usize| tokens.get(at).map(|token| token.kind);
    let is_cast = |at: usize| {
        tokens.get(at).is_some_and(|token| CASTS.iter().any(|it| it.eq_ignore_ascii_case(token.span().of(text))))
    };
    let is_name =
        |at: usize| tokens.get(at).is_some_and(|token| token.kind == Kind::Word && token.keyword == Keyword::None);
    let (mut before, mut behind) = (at.checked_sub(1), at + 1);
    loop {
        if kind(behind) == Some(Kind::Colon)
            && kind(behind + 1) == Some(Kind::Colon)
            && kind(behind + 2) == Some(Kind::Word)
        {
            behind += 3;
            continue;
        }
        let Some(open) = before.filter(|before| kind(*before) == Some(Kind::Open(b'('))) else {
            return (before, behind);
        };
        let called = open.checked_sub(1).filter(|called| is_name(*called));
        let closes = match called {
            // `as type`
            Some(called) if is_cast(called) && kind(behind + 1) == Some(Kind::Word) => behind + 2,
            Some(_) => return (before, behind),
            None => behind,
        };
        if kind(closes) != Some(Kind::Close(b'(')) {
            return (before, behind);
        }
        before = called.unwrap_or(open).checked_sub(1);
        behind = closes + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan;
    use super::*;

    fn scaled(sql: &str) -> Vec<(&'static str, String)> {
        let literals = scan(sql).literals.into_iter();
        literals.filter_map(|literal| Some((literal.scale?.sign(), literal.text.to_string()))).collect()
    }

    fn of(expected: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        expected.iter().map(|(sign, text)| (*sign, (*text).to_owned())).collect()
    }

    #[test]
    fn a_number_scales_what_it_multiplies_or_divides() {
        assert_eq!(
            scaled("select depth / 0.3048, a * 2, 3 * a, f(x)*4"),
            of(&[("/", "0.3048"), ("*", "2"), ("*", "3"), ("*", "4")])
        );
        assert_eq!(scaled("select {{ x }} / 0.3048"), of(&[("/", "0.3048")]));
        assert_eq!(scaled("select \"a b\" / -- metres\n 0.3048"), of(&[("/", "0.3048")]));
    }

    #[test]
    fn a_number_that_is_added_or_listed_scales_nothing() {
        assert_eq!(scaled("select *, 12 as a, b + 0.3048, 7 / b, count(*) - 3 from t limit 5"), of(&[]));
        assert_eq!(scaled("select a -- b / 0.3048\n"), of(&[]));
    }

    fn found(body: &str) -> Vec<(&'static str, String)> {
        factors(body, "x").into_iter().map(|(scale, text)| (scale.sign(), text.to_string())).collect()
    }

    #[test]
    fn a_macro_scales_its_parameter() {
        for body in [
            "{# / 2 #} {{ x }} / 0.3048",
            "({{x}}) / 0.3048",
            "{{- x -}}::float / 0.3048",
            "round(cast({{ x }} as float) / 0.3048, 2)",
            "{% if true %}{{ x }} / 0.3048{% endif %}",
        ] {
            assert_eq!(found(body), of(&[("/", "0.3048")]), "{body}");
        }
        assert_eq!(found("0.3048 * ({{ x }})"), of(&[("*", "0.3048")]));
        assert_eq!(found("{{ x }} / 0.555555555555556 + 32"), of(&[("/", "0.555555555555556")]));
    }

    #[test]
    fn other_numbers_of_a_macro_are_no_factor() {
        for body in [
            "{{ x }} + 0.3048",
            "{{ y }} / 0.3048",
            "{{ x | upper }} / 0.3048",
            "{{ x }} / 0.3048 * 12",
            "12 * {{ x }} / 0.3048",
            "1 / {{ x }}",
            "({{ x }} - 32) / 1.8",
            "case when {{ x }} > 1 then 2 / 3 end",
            "extract(hour from {{ x }}) * 3600",
            "length({{ x }}) / 60",
            "coalesce({{ x }}, 0) / 60",
            "({{ x }} + {{ x }}) / 60",
        ] {
            assert_eq!(found(body), of(&[]), "{body}");
        }
    }
}
