//! What is wrong with a program: where, and what to do.

use std::fmt::Write;

/// Bytes of the program's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let number = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: number(start), end: number(end) }
    }

    /// The line of a text on which it begins, counted from 1.
    pub fn line_in(self, text: &str) -> u32 {
        let before = text.as_bytes().iter().take(self.start as usize);
        let lines = before.filter(|byte| **byte == b'\n').count();
        u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1)
    }

    pub(super) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub span: Span,
    pub message: String,
    pub remedy: String,
    /// The program runs all the same.
    pub is_warning: bool,
}

impl Diagnostic {
    pub fn error(span: Span, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { span, message: message.into(), remedy: remedy.into(), is_warning: false }
    }

    pub(super) fn warning(span: Span, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { is_warning: true, ..Self::error(span, message, remedy) }
    }

    /// Place, message, the line with what is wrong underlined, and the remedy. `name` is what the
    /// program is called: a file's path, or `query`.
    pub fn shown(&self, name: &str, text: &str) -> String {
        let start = floor(text, self.span.start as usize);
        let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[begin..].lines().next().unwrap_or_default();
        let number = text[..start].matches('\n').count() + 1;
        let column = text[begin..start].chars().count() + 1;
        let within = floor(text, (self.span.end as usize).min(begin + line.len()).max(start));
        let width = text[start..within].chars().count().max(1);
        let kind = if self.is_warning { "warning: " } else { "" };
        let printable = |text: &str| text.chars().map(|x| if x.is_control() { ' ' } else { x }).collect::<String>();
        // A long line is cut around the place.
        let skipped = column.saturating_sub(EXCERPT / 2);
        let excerpt: String = printable(line).chars().skip(skipped).take(EXCERPT).collect();
        let indent = column - 1 - skipped.min(column - 1);
        let marks = width.min(EXCERPT.saturating_sub(indent)).max(1);
        let mut shown = format!("{name}:{number}:{column}: {kind}{}\n", printable(&self.message));
        let _ = writeln!(shown, "  | {}", excerpt.trim_end());
        let _ = writeln!(shown, "  | {}{}", " ".repeat(indent), "^".repeat(marks));
        if !self.remedy.is_empty() {
            let _ = writeln!(shown, "  → {}", printable(&self.remedy));
        }
        shown
    }
}

/// Characters of a line that are shown.
const EXCERPT: usize = 120;

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
