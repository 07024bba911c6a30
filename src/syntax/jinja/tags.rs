//! Cuts a template into tags, as Jinja2's lexer does: it knows strings, raw blocks, and braces
//! inside expressions. Never fails; what is not closed is an error and ends the scan.

use super::tokens::{TokenKind, string_end, tokens};
use crate::span::{Span, SyntaxError, SyntaxErrorKind};
use memchr::memchr_iter;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// `{{ … }}`
    Expression,
    /// `{% … %}`
    Statement,
    /// `{# … #}`
    Comment,
    /// What stands between `{% raw %}` and `{% endraw %}`, both included.
    Raw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    pub kind: TagKind,
    /// With its delimiters.
    pub span: Span,
    /// Without delimiters and whitespace control.
    pub inner: Span,
}

impl Tag {
    /// A statement's first word: `if`, `macro`, `endfor`.
    pub fn word<'text>(&self, text: &'text str) -> &'text str {
        let inner = self.inner.of(text).trim_start();
        let end = inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len());
        &inner[..end]
    }
}

/// A tag of this many bytes is no template any more.
const MAX_TAG_BYTES: usize = 1024 * 1024;
/// Operators in a row, without a comma between them: parsers build a tree as deep as the chain is
/// long. A list of data may be as long as a tag.
const MAX_CHAIN: usize = 4_000;

/// Why a tag is not given to a parser.
fn excess(inner: &str) -> Option<String> {
    if inner.len() > MAX_TAG_BYTES {
        return Some(format!("is longer than {} kB", MAX_TAG_BYTES / 1024));
    }
    // Fewer bytes cannot hold so many operators.
    if inner.len() < MAX_CHAIN {
        return None;
    }
    let mut chain = 0;
    let mut closes = false;
    let mut is_text = false;
    for token in tokens(inner, 0, inner.len()) {
        let shown = token.of(inner);
        let closed = std::mem::replace(&mut closes, matches!(shown, ")" | "]" | "}"));
        let after_text = std::mem::replace(&mut is_text, token.kind == TokenKind::Text);
        match (token.kind, shown) {
            // Texts behind one another are joined.
            (TokenKind::Text, _) => chain += usize::from(after_text),
            (TokenKind::Operator, ",") => chain = 0,
            // Brackets nest, which parsers count; behind one another they chain.
            (TokenKind::Operator, "(" | "[" | "{") => chain += usize::from(closed),
            (TokenKind::Operator, ")" | "]" | "}") => {}
            (TokenKind::Operator, _) | (TokenKind::Name, "and" | "or" | "not" | "if" | "is" | "in") => chain += 1,
            _ => {}
        }
        if chain > MAX_CHAIN {
            return Some(format!("chains more than {MAX_CHAIN} operators"));
        }
    }
    None
}

/// Branches of one `if`: each nests in the one before for a parser.
const MAX_BRANCHES: usize = 1_000;

/// Makes comments of the branches that are too many for one `if`.
fn bound_branches(text: &str, found: &mut Tags) {
    if found.tags.len() <= MAX_BRANCHES {
        return;
    }
    let mut open: Vec<usize> = Vec::new();
    for tag in found.tags.iter_mut().filter(|tag| tag.kind == TagKind::Statement) {
        match tag.word(text) {
            "if" => open.push(0),
            "endif" => drop(open.pop()),
            "elif" => {
                let Some(branches) = open.last_mut() else { continue };
                *branches += 1;
                if *branches == MAX_BRANCHES + 1 {
                    found.errors.push(SyntaxError::new(
                        tag.span,
                        format!("one Jinja `if` has more than {MAX_BRANCHES} branches"),
                        "Look the value up in a dict instead.",
                    ));
                }
                if *branches > MAX_BRANCHES {
                    tag.kind = TagKind::Comment;
                }
            }
            _ => {}
        }
    }
    found.errors.sort_by_key(|error| error.span.start);
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tags {
    pub tags: Vec<Tag>,
    pub errors: Vec<SyntaxError>,
}

pub fn tags(text: &str) -> Tags {
    let bytes = text.as_bytes();
    let mut found = Tags::default();
    let mut at = 0;
    while let Some(start) = next_open(bytes, at) {
        let Some(tag) = tag_at(text, start, &mut found.errors) else { break };
        at = tag.span.end as usize;
        found.tags.push(tag);
    }
    bound_branches(text, &mut found);
    found
}

/// The block that is opened last and never closed: `{% if %}` without `{% endif %}`.
pub fn unclosed_block(text: &str, tags: &[Tag]) -> Option<SyntaxError> {
    let mut open: Vec<(&str, &Tag)> = Vec::new();
    for tag in tags.iter().filter(|tag| tag.kind == TagKind::Statement) {
        let word = tag.word(text);
        match word {
            "if" | "for" | "macro" | "call" | "filter" | "block" | "autoescape" | "with" => open.push((word, tag)),
            // `set x = 1` is whole; `set x` opens a block.
            "set" if !tag.inner.of(text).contains('=') => open.push((word, tag)),
            _ => {
                if let Some(word) = word.strip_prefix("end")
                    && let Some(at) = open.iter().rposition(|(opened, _)| *opened == word)
                {
                    open.truncate(at);
                }
            }
        }
    }
    let (word, tag) = open.pop()?;
    Some(SyntaxError::new(
        Span::new(tag.inner.start as usize + leading_space(tag.inner.of(text)), tag.inner.end as usize),
        format!("the Jinja block `{word}` is never closed"),
        format!("Close it with `{{% end{word} %}}`."),
    ))
}

fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn next_open(bytes: &[u8], from: usize) -> Option<usize> {
    let is_open = |at: &usize| matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#'));
    memchr_iter(b'{', bytes.get(from..)?).map(|at| from + at).find(is_open)
}

fn tag_at(text: &str, start: usize, errors: &mut Vec<SyntaxError>) -> Option<Tag> {
    let bytes = text.as_bytes();
    let (kind, close, name) = match bytes[start + 1] {
        b'{' => (TagKind::Expression, b"}}", "expression"),
        b'%' => (TagKind::Statement, b"%}", "statement"),
        _ => (TagKind::Comment, b"#}", "comment"),
    };
    let mut wrong = None;
    let end = match kind {
        TagKind::Comment => find(bytes, start + 2, close),
        _ => close_of(bytes, start + 2, close, &mut wrong),
    };
    if let (Some((at, expected)), Some(end)) = (wrong, end) {
        errors.push(SyntaxError::new(
            Span::new(at, at + 1),
            format!("unexpected `{}`, expected `{}`", char::from(bytes[at]), char::from(expected)),
            format!("Write `{}` before it.", char::from(expected)),
        ));
        // Read as a comment, so that what follows it still counts.
        let inner = Span::new(start + 2, end);
        return Some(Tag { kind: TagKind::Comment, span: Span::new(start, end + 2), inner });
    }
    let Some(end) = end else {
        let (open, shut) = (&text[start..start + 2], String::from_utf8_lossy(close));
        errors.push(
            SyntaxError::new(
                Span::new(start, start + 2),
                format!("the Jinja {name} that opens with `{open}` is never closed"),
                format!("Close it with `{shut}`."),
            )
            .of(if kind == TagKind::Statement {
                SyntaxErrorKind::UnclosedStatement
            } else {
                SyntaxErrorKind::UnclosedTag
            }),
        );
        return None;
    };
    let mut inner = (start + 2, end);
    if inner.0 < inner.1 && matches!(bytes[inner.0], b'-' | b'+') {
        inner.0 += 1;
    }
    if inner.0 < inner.1 && matches!(bytes[inner.1 - 1], b'-' | b'+') {
        inner.1 -= 1;
    }
    let mut tag = Tag { kind, span: Span::new(start, end + 2), inner: Span::new(inner.0, inner.1) };
    let excess = if kind == TagKind::Comment { None } else { excess(&text[inner.0..inner.1]) };
    if let Some(excess) = excess {
        errors.push(SyntaxError::new(
            tag.span,
            format!("one Jinja {name} {excess}"),
            "Split it, or move its data into a seed or a var.",
        ));
        // Read as a comment: its length is known, so that what follows it still counts.
        tag.kind = TagKind::Comment;
    } else if kind == TagKind::Statement && tag.word(text) == "raw" {
        tag.kind = TagKind::Raw;
        match end_of_raw(text, end + 2) {
            Some(end) => tag.span = Span::new(start, end),
            None => {
                errors.push(
                    SyntaxError::new(tag.span, "the raw block is never closed", "Close it with `{% endraw %}`.")
                        .of(SyntaxErrorKind::UnclosedTag),
                );
                return None;
            }
        }
    }
    Some(tag)
}

fn find(bytes: &[u8], from: usize, needle: &[u8; 2]) -> Option<usize> {
    let is_it = |at: &usize| bytes.get(at + 1) == Some(&needle[1]);
    memchr_iter(needle[0], bytes.get(from..)?).map(|at| from + at).find(is_it)
}

/// Where a tag's closing delimiter begins: not inside a string, nor inside braces. `wrong` is the first bracket that
/// closes another than is open, and what would close that one.
fn close_of(bytes: &[u8], from: usize, close: &[u8; 2], wrong: &mut Option<(usize, u8)>) -> Option<usize> {
    let mut at = from;
    let mut open: Vec<u8> = Vec::new();
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = string_end(bytes, at, quote)?,
            _ if open.is_empty() && bytes[at..].starts_with(close) => return Some(at),
            bracket @ (b'{' | b'(' | b'[') => {
                open.push(match bracket {
                    b'{' => b'}',
                    b'(' => b')',
                    _ => b']',
                });
                at += 1;
            }
            bracket @ (b'}' | b')' | b']') => {
                if let Some(expected) = open.pop().filter(|expected| *expected != bracket) {
                    *wrong = Some((at, expected));
                    return find(bytes, at, close);
                }
                at += 1;
            }
            // A statement's end inside open brackets: the bracket is what was forgotten.
            b'%' if close[0] == b'%' && bytes[at..].starts_with(close) => return Some(at),
            _ => at += 1,
        }
    }
    None
}

fn end_of_raw(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        let open = find(bytes, at, b"{%")?;
        let inner = text[open + 2..].trim_start_matches(['-', '+']).trim_start();
        if let Some(rest) = inner.strip_prefix("endraw") {
            let rest = rest.trim_start().trim_start_matches(['-', '+']);
            if rest.starts_with("%}") {
                return Some(text.len() - rest.len() + 2);
            }
        }
        at = open + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(TagKind, &str)> {
        tags(text).tags.iter().map(|tag| (tag.kind, tag.inner.of(text).trim())).collect()
    }

    #[test]
    fn strings_and_braces_hide_closing_delimiters() {
        assert_eq!(
            shown("{{ {'a': {'b': 1}} }} {%- if '%}' -%} {# {{ no }} #}"),
            [(TagKind::Expression, "{'a': {'b': 1}}"), (TagKind::Statement, "if '%}'"), (TagKind::Comment, "{{ no }}"),]
        );
    }

    #[test]
    fn a_raw_block_is_one_tag() {
        let text = "{% raw %}{{ x {%- endraw -%}{{ y }}";
        assert_eq!(shown(text), [(TagKind::Raw, "raw"), (TagKind::Expression, "y")]);
    }

    #[test]
    fn an_unclosed_tag_is_an_error_at_its_start_and_what_precedes_it_counts() {
        let found = tags("{{ a }} {{ b");
        assert_eq!(found.tags.len(), 1);
        assert_eq!(found.errors[0].span, Span::new(8, 10));
    }

    #[test]
    fn a_bracket_that_closes_another_is_told_there_and_what_follows_counts() {
        let found = tags("{{ f('a' }} {{ g({'b': [1}) }}{{ c }}");
        let told: Vec<_> = found.errors.iter().map(|error| (error.span.start, error.message.as_str())).collect();
        assert_eq!(told, [(9, "unexpected `}`, expected `)`"), (25, "unexpected `}`, expected `]`")]);
        assert_eq!(found.tags.len(), 3);
    }

    #[test]
    fn an_unclosed_block_is_named_at_its_opening() {
        let text = "{% for x in y %}{% if x %}{% endif %}{% set a = 1 %}";
        let error = unclosed_block(text, &tags(text).tags).unwrap();
        assert_eq!(error.span.start, 3);
        assert!(error.message.contains("`for`"));
        let whole = "{% if a %}{% set b %}{% endset %}{% else %}{% endif %}";
        assert_eq!(unclosed_block(whole, &tags(whole).tags), None);
    }

    #[test]
    fn a_tag_over_the_limit_is_an_error_and_the_rest_is_read() {
        let text = format!("{{{{ {} }}}}{{{{ b }}}}", "a + ".repeat(20_000));
        assert!(tags(&format!("{{{{ [{}] }}}}", "('a', 'b'), ".repeat(20_000))).errors.is_empty());
        let found = tags(&text);
        assert_eq!(found.errors.len(), 1);
        assert_eq!(found.tags.len(), 2);
    }
}
