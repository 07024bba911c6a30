//! What a query itself shows of its key: the surrogate key it makes, and the columns by which it drops
//! doubled rows.

use super::item::unquoted;
use super::keyword::Keyword;
use super::token::{Kind, Token};
use crate::jinja::tokens::{TokenKind, tokens as jinja_tokens};
use crate::span::Span;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Keys {
    /// The name of the first column that a macro for surrogate keys fills.
    pub surrogate: Option<(Arc<str>, Span)>,
    /// The columns of the last `partition by` of which one row is kept.
    pub partition: Option<(Arc<str>, Span)>,
}

/// A part of the name of macros that make surrogate keys.
const SURROGATE: &str = "surrogate_key";
/// The macro of dbt_utils that keeps one row of each partition, and its argument.
const DEDUPLICATE: (&str, &str) = ("deduplicate", "partition_by");

pub(super) fn keys(text: &str, tokens: &[Token]) -> Keys {
    let all: Vec<Token> = tokens.iter().filter(|token| !token.is_block()).copied().collect();
    let reader = Reader { text, tokens: &all };
    let at = |kind: Kind| (0..all.len()).filter(move |at| reader.kind(*at) == Some(kind));
    let span = |at: usize| all.get(at).map(|token| token.span()).unwrap_or_default();
    let surrogate = at(Kind::Jinja).find_map(|at| Some((reader.surrogate(at)?, span(at))));
    let windows = at(Kind::Word).filter_map(|at| Some((at, reader.deduplication(at)?)));
    let macros = at(Kind::Jinja).filter_map(|at| Some((at, reader.deduplicated(at)?)));
    let partition = windows.chain(macros).max_by_key(|(at, _)| *at);
    let partition = partition.map(|(at, columns)| (columns, span(at)));
    Keys { surrogate, partition }
}

#[derive(Clone, Copy)]
struct Reader<'text> {
    text: &'text str,
    tokens: &'text [Token],
}

impl<'text> Reader<'text> {
    fn token(self, at: usize) -> &'text str {
        self.tokens.get(at).map_or("", |token| token.span().of(self.text))
    }

    fn kind(self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn keyword(self, at: usize) -> Keyword {
        self.tokens.get(at).map_or(Keyword::None, |token| token.keyword)
    }

    fn is(self, at: usize, word: &str) -> bool {
        self.token(at).eq_ignore_ascii_case(word)
    }

    /// The names and texts inside a tag, where it has this word.
    fn inside(self, at: usize, word: &str) -> Vec<(TokenKind, &'text str)> {
        if !self.token(at).contains(word) {
            return Vec::new();
        }
        let span = self.tokens.get(at).map(|token| token.span()).unwrap_or_default();
        let (from, to) = (span.start as usize + 2, (span.end as usize).saturating_sub(2));
        let inner = if from < to { jinja_tokens(self.text, from, to) } else { Vec::new() };
        inner.into_iter().map(|token| (token.kind, token.of(self.text))).collect()
    }

    fn surrogate(self, at: usize) -> Option<Arc<str>> {
        let makes = |(kind, name): &(TokenKind, &str)| *kind == TokenKind::Name && name.contains(SURROGATE);
        let next = if self.keyword(at + 1) == Keyword::As { at + 2 } else { return None };
        let is_name = self.tokens.get(next).is_some_and(|token| token.is_name());
        (is_name && self.inside(at, SURROGATE).iter().any(makes)).then(|| unquoted(self.token(next)).into())
    }

    fn deduplicated(self, at: usize) -> Option<Arc<str>> {
        let inner = self.inside(at, DEDUPLICATE.0);
        inner.iter().find(|(kind, name)| *kind == TokenKind::Name && *name == DEDUPLICATE.0)?;
        let argument = inner.windows(3).find(|part| part[0].1 == DEDUPLICATE.1 && part[1].1 == "=")?;
        let (TokenKind::Text, text) = argument[2] else { return None };
        let text = text.trim_matches(['\'', '"']).trim();
        (!text.is_empty()).then(|| text.into())
    }

    /// The columns of `row_number() over (partition by …)` here, where only its first row is kept.
    fn deduplication(self, at: usize) -> Option<Arc<str>> {
        let opens = [(1, "("), (2, ")"), (3, "over"), (4, "("), (5, "partition"), (6, "by")];
        if !self.is(at, "row_number") || !opens.iter().all(|(by, word)| self.is(at + by, word)) {
            return None;
        }
        let begin = at + 7;
        let mut columns: Vec<String> = Vec::new();
        let (mut depth, mut start, mut place, mut listed) = (0_usize, begin, begin, true);
        let end = loop {
            let kind = self.kind(place)?;
            let closes = depth == 0 && matches!(kind, Kind::Close(_));
            let orders = depth == 0 && self.is(place, "order") && self.is(place + 1, "by");
            if listed && (closes || orders || (depth == 0 && kind == Kind::Comma)) {
                columns.push(self.column(start, place)?);
                (start, listed) = (place + 1, listed && !orders);
            }
            match kind {
                _ if closes => break place,
                Kind::Open(_) => depth += 1,
                Kind::Close(_) => depth -= 1,
                _ => {}
            }
            place += 1;
        };
        let named = if self.keyword(end + 1) == Keyword::As { end + 2 } else { end + 1 };
        let is_name = self.tokens.get(named).is_some_and(|token| token.is_name());
        let kept = self.keeps_first(end + 1)
            || (is_name
                && (named + 1..self.tokens.len()).any(|at| self.is(at, self.token(named)) && self.keeps_first(at + 1)));
        kept.then(|| columns.join(", ").into())
    }

    /// Whether a comparison here holds for the first row alone.
    fn keeps_first(self, at: usize) -> bool {
        match (self.token(at), self.token(at + 1)) {
            ("=", "1") | ("<", "2") => true,
            ("<", "=") => self.token(at + 2) == "1",
            _ => false,
        }
    }

    /// A column's bare name; an expression as it is written. What a template prints is not known here.
    fn column(self, start: usize, end: usize) -> Option<String> {
        let tokens = self.tokens.get(start..end).filter(|tokens| !tokens.is_empty())?;
        if tokens.iter().any(|token| token.kind == Kind::Jinja) {
            return None;
        }
        let (first, last) = (tokens.first()?, tokens.last()?);
        if tokens.iter().all(|token| token.is_name() || token.kind == Kind::Dot) {
            return Some(unquoted(last.span().of(self.text)).to_owned());
        }
        let written = Span { start: first.start, end: last.end }.of(self.text);
        Some(written.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::scan;

    fn surrogate(sql: &str) -> Option<String> {
        scan(sql).keys.surrogate.map(|(key, _)| key.to_string())
    }

    fn partition(sql: &str) -> Option<String> {
        scan(sql).keys.partition.map(|(key, _)| key.to_string())
    }

    #[test]
    fn the_first_column_that_a_surrogate_macro_fills_is_the_key() {
        let sql =
            "select {{ dbt_utils.generate_surrogate_key(['a', 'b']) }} as order_sk, {{ surrogate_key('c') }} as c_sk";
        assert_eq!(surrogate(sql).as_deref(), Some("order_sk"));
        assert_eq!(surrogate("select {{ generate_surrogate_key(['a']) }} AS \"Key\"").as_deref(), Some("Key"));
        assert_eq!(surrogate("select {# {{ surrogate_key('a') }} as a, #} 1 as b"), None);
        assert_eq!(surrogate("select {{ 'surrogate_key' }} as a, {{ surrogate_key('a') }} = b"), None);
    }

    #[test]
    fn a_partition_of_which_one_row_is_kept_is_a_key() {
        let over = "row_number() over (partition by t.\"ID\", b order by c desc)";
        assert_eq!(partition(&format!("select * from t qualify {over} = 1")).as_deref(), Some("ID, b"));
        assert_eq!(partition(&format!("select * from t qualify {over} <= 1")).as_deref(), Some("ID, b"));
        assert_eq!(
            partition(&format!("select {over} as rn from t) select * from x where x.rn = 1")).as_deref(),
            Some("ID, b")
        );
        assert_eq!(
            partition("qualify ROW_NUMBER() OVER (PARTITION BY lower( a ), b) = 1").as_deref(),
            Some("lower( a ), b")
        );
        assert_eq!(
            partition("{{ dbt_utils.deduplicate(relation=x, partition_by='a, b', order_by='c') }}").as_deref(),
            Some("a, b")
        );
    }

    #[test]
    fn a_partition_of_which_more_is_kept_is_none() {
        assert_eq!(partition("select row_number() over (partition by a order by b) as rn from t"), None);
        assert_eq!(partition("select * from t qualify row_number() over (partition by a order by b) <= 3"), None);
        assert_eq!(partition("select * from t qualify row_number() over (order by b) = 1"), None);
        assert_eq!(partition("select rank() over (partition by a order by b) = 1"), None);
        assert_eq!(partition("qualify row_number() over (partition by a"), None);
        assert_eq!(partition("qualify row_number() over (partition by {{ keys }}) = 1"), None);
    }

    #[test]
    fn the_last_of_several_is_the_models() {
        let one =
            |column: &str| format!("select * from t qualify row_number() over (partition by {column} order by z) = 1");
        assert_eq!(partition(&format!("with a as ({}), b as ({}) select 1", one("x"), one("y"))).as_deref(), Some("y"));
    }
}
