//! What a `from` begins, and whether it begins anything.

use super::super::frame::{Level, With};
use super::super::keyword::Keyword;
use super::super::token::{Kind, Token};
use super::Walk;

/// How far a select list is read ahead.
const MAX_LIST: usize = 400;

impl Walk<'_> {
    /// Whether a query begins with its `from`, as DuckDB and BigQuery's pipes let it.
    pub(super) fn is_from_first(&self, at: usize) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        let begins = |token: Token| {
            token.kind == Kind::Semicolon || matches!(token.keyword, Keyword::SetOperator | Keyword::All)
        };
        if frame.level == Level::Inner {
            // Not `trim(from x)`.
            let before = frame.open.checked_sub(1).and_then(|at| self.tokens.get(at));
            let calls = before.is_some_and(|token| token.is_name() && token.keyword == Keyword::None);
            return frame.open + 1 == at && !calls && frame.bracket == b'(';
        }
        match frame.with {
            With::Absent => self.previous.is_none_or(|previous| {
                begins(previous)
                    || previous.kind == Kind::Jinja
                    || frame.open + 1 == at && previous.kind == Kind::Open(b'(')
            }),
            With::Comma => self.previous.is_some_and(|previous| matches!(previous.kind, Kind::Close(_))),
            _ => false,
        }
    }

    /// Whether a `from` in a select list is one of `nth_value(x, 2) from first`.
    pub(super) fn is_from_end(&self, at: usize) -> bool {
        let word = |at: usize| self.tokens.get(at).map(|token| token.span().of(self.text)).unwrap_or_default();
        let is = |at: usize, words: &[&str]| words.iter().any(|other| word(at).eq_ignore_ascii_case(other));
        let called = self.previous.is_some_and(|previous| previous.kind == Kind::Close(b'('));
        if !called || !is(at + 1, &["first", "last"]) {
            return false;
        }
        if is(at + 2, &["over", "respect", "ignore"]) {
            return true;
        }
        // Behind a comma the select list goes on where there is another `from`.
        let mut depth = 0_usize;
        let rest = self.tokens.get(at + 2..).unwrap_or_default().iter().take(MAX_LIST);
        for token in rest {
            match (token.kind, token.keyword) {
                (Kind::Open(_), _) => depth += 1,
                (Kind::Close(_), _) if depth == 0 => return false,
                (Kind::Close(_), _) => depth -= 1,
                (_, Keyword::From) if depth == 0 => return true,
                (Kind::Semicolon, _) | (_, Keyword::SetOperator | Keyword::Clause) if depth == 0 => return false,
                _ => {}
            }
        }
        false
    }

    /// Whether a word before a table's name is none itself.
    pub(super) fn is_before_table(&self, at: usize) -> bool {
        let get = |at: usize| self.tokens.get(at).copied();
        let word = get(at).map(|token| token.span().of(self.text)).unwrap_or_default();
        let Some(next) = get(at + 1) else { return false };
        match word.to_ascii_lowercase().as_str() {
            "rows" => next.keyword == Keyword::From,
            "only" | "stream" => next.is_name() && next.keyword == Keyword::None,
            _ => false,
        }
    }
}
