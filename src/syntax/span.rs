//! Byte ranges in a text, and the line and column a person reads for them.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A half-open byte range of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: clamp(start), end: clamp(end.max(start)) }
    }

    pub fn at(offset: usize) -> Self {
        Self::new(offset, offset)
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text this span covers; empty where it does not lie on character boundaries.
    pub fn of(self, text: &str) -> &str {
        text.get(self.range()).unwrap_or_default()
    }
}

/// A place in a file: line and column from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub const START: Self = Self { line: 1, column: 1 };
}

/// Where the lines of a text begin: turns byte offsets into positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<u32>,
    /// Of lines that are long: how many characters stand before each step of bytes, counted from the text's start.
    steps: Vec<u32>,
}

/// Bytes between two counts of characters.
const STEP: usize = 4096;

impl LineIndex {
    pub fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)),
        );
        // A file of one line may be looked up as often as it has calls.
        let is_long = |pair: &[u32]| pair[1] - pair[0] > 4 * STEP as u32;
        let last = starts.last().copied().unwrap_or_default();
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let steps = if starts.windows(2).any(is_long) || is_long(&[last, end.max(last)]) {
            let mut sum = 0;
            let counts = text.as_bytes().chunks(STEP).map(|part| {
                let before = sum;
                sum += part.iter().filter(|byte| is_first(**byte)).count() as u32;
                before
            });
            counts.collect()
        } else {
            Vec::new()
        };
        Self { starts, steps }
    }

    /// How many characters begin before a byte.
    fn characters_before(&self, text: &str, offset: usize) -> usize {
        let step = (offset / STEP).min(self.steps.len().saturating_sub(1));
        let rest = text.as_bytes().get(step * STEP..offset).unwrap_or_default();
        let before = self.steps.get(step).map_or(0, |count| *count as usize);
        before + rest.iter().filter(|byte| is_first(**byte)).count()
    }

    /// The position of a byte offset of `text`, which must be the text this index was made from.
    pub fn position(&self, text: &str, offset: u32) -> Position {
        let mut offset = (offset as usize).min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start as usize <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default() as usize;
        // A byte order mark is no column: editors do not show one.
        let marked = text.get(start..offset).unwrap_or_default();
        let before = marked.trim_start_matches('\u{feff}');
        let column = if self.steps.is_empty() || before.len() <= STEP {
            before.chars().count()
        } else {
            let start = start + marked.len() - before.len();
            self.characters_before(text, offset) - self.characters_before(text, start)
        };
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }
}

/// Whether a byte begins a character.
fn is_first(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SyntaxError {
    pub kind: SyntaxErrorKind,
    pub span: Span,
    /// What is wrong, as a clause that can follow "cannot be read: ".
    pub message: String,
    /// What to do about it, as a sentence.
    pub remedy: String,
}

/// What kind of thing is wrong: who goes on differently for it looks at this and never at the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SyntaxErrorKind {
    /// The text breaks the rules of its language, or those of dbt.
    Syntax,
    /// A `{{`, a `{#` or the text of `raw` has no end: what follows it cannot be seen.
    UnclosedTag,
    /// A `{%` has no end: what follows it cannot be seen.
    UnclosedStatement,
    /// A block, a macro for one, has no name.
    NamelessBlock,
    /// A template names what there is not where it stands.
    UndefinedName,
    /// A var has neither a value nor a default.
    VarWithoutValue,
    /// A template that Jinja can read failed while it ran.
    Failed,
}

impl SyntaxErrorKind {
    /// Whether nothing after it can be seen.
    pub fn is_cut(self) -> bool {
        matches!(self, Self::UnclosedTag | Self::UnclosedStatement)
    }

    /// Whether it shows only while a template runs.
    pub fn is_of_run(self) -> bool {
        matches!(self, Self::UndefinedName | Self::VarWithoutValue | Self::Failed)
    }
}

impl SyntaxError {
    /// An error of kind [`SyntaxErrorKind::Syntax`].
    pub fn new(span: Span, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind: SyntaxErrorKind::Syntax, span, message: message.into(), remedy: remedy.into() }
    }

    pub fn of(self, kind: SyntaxErrorKind) -> Self {
        Self { kind, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_a_long_line_are_counted_as_those_of_a_short_one() {
        let text = format!("ab\n\u{feff}{}\nc", "é x€".repeat(20_000));
        let index = LineIndex::new(&text);
        assert!(!index.steps.is_empty());
        for offset in (0..text.len()).step_by(997).filter(|offset| text.is_char_boundary(*offset)) {
            let short = LineIndex { starts: index.starts.clone(), steps: Vec::new() };
            assert_eq!(index.position(&text, offset as u32), short.position(&text, offset as u32));
        }
    }

    #[test]
    fn columns_count_characters_and_skip_the_byte_order_mark() {
        let text = "\u{feff}é = 1\r\n  x";
        let index = LineIndex::new(text);
        let at = |needle: &str| index.position(text, text.find(needle).map_or(0, |at| at as u32));
        assert_eq!(at("="), Position { line: 1, column: 3 });
        assert_eq!(at("x"), Position { line: 2, column: 3 });
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        let index = LineIndex::new("ab\n");
        assert_eq!(index.position("ab\n", 99), Position { line: 2, column: 1 });
    }
}
