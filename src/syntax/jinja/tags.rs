//! Cuts a template into tags, as Jinja2's lexer does: it knows strings, raw blocks, and braces
//! inside expressions. Never fails; what is not closed is an error and ends the scan.

use crate::syntax::span::{Span, SyntaxError};

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

/// A template of this many bytes in one tag is no template: parsers recurse on what it holds.
pub const MAX_TAG_BYTES: usize = 256 * 1024;

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
    found
}

fn next_open(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while at + 1 < bytes.len() {
        at += bytes[at..].iter().position(|byte| *byte == b'{')?;
        if matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn tag_at(text: &str, start: usize, errors: &mut Vec<SyntaxError>) -> Option<Tag> {
    let bytes = text.as_bytes();
    let (kind, close, name) = match bytes[start + 1] {
        b'{' => (TagKind::Expression, b"}}", "expression"),
        b'%' => (TagKind::Statement, b"%}", "statement"),
        _ => (TagKind::Comment, b"#}", "comment"),
    };
    let end = match kind {
        TagKind::Comment => find(bytes, start + 2, close),
        _ => close_of(bytes, start + 2, close),
    };
    let Some(end) = end else {
        let (open, shut) = (&text[start..start + 2], String::from_utf8_lossy(close));
        errors.push(SyntaxError {
            span: Span::new(start, start + 2),
            message: format!("the Jinja {name} that opens with `{open}` is never closed"),
            remedy: format!("Close it with `{shut}`."),
        });
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
    if kind != TagKind::Comment && inner.1 - inner.0 > MAX_TAG_BYTES {
        errors.push(SyntaxError {
            span: tag.span,
            message: format!("one Jinja {name} is longer than {} kB", MAX_TAG_BYTES / 1024),
            remedy: "Split it, or move its data into a seed or a var.".to_owned(),
        });
        // Read as a comment: its length is known, so that what follows it still counts.
        tag.kind = TagKind::Comment;
    } else if kind == TagKind::Statement && tag.word(text) == "raw" {
        tag.kind = TagKind::Raw;
        match end_of_raw(text, end + 2) {
            Some(end) => tag.span = Span::new(start, end),
            None => {
                errors.push(SyntaxError {
                    span: tag.span,
                    message: "the raw block is never closed".to_owned(),
                    remedy: "Close it with `{% endraw %}`.".to_owned(),
                });
                return None;
            }
        }
    }
    Some(tag)
}

fn find(bytes: &[u8], from: usize, needle: &[u8; 2]) -> Option<usize> {
    bytes.get(from..)?.windows(2).position(|pair| pair == needle).map(|at| from + at)
}

/// Where a tag's closing delimiter begins: not inside a string, nor inside braces.
fn close_of(bytes: &[u8], from: usize, close: &[u8; 2]) -> Option<usize> {
    let mut at = from;
    let mut depth = 0usize;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"') => at = string_end(bytes, at, quote)?,
            _ if depth == 0 && bytes[at..].starts_with(close) => return Some(at),
            b'{' | b'(' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            // A statement's end inside open brackets: the bracket is what was forgotten.
            b'%' if close[0] == b'%' && bytes[at..].starts_with(close) => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// Behind the string that starts at `at`.
pub(crate) fn string_end(bytes: &[u8], at: usize, quote: u8) -> Option<usize> {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
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
    fn a_tag_over_the_limit_is_an_error_and_the_rest_is_read() {
        let text = format!("{{{{ {} }}}}{{{{ b }}}}", "a + ".repeat(MAX_TAG_BYTES / 4 + 1));
        let found = tags(&text);
        assert_eq!(found.errors.len(), 1);
        assert_eq!(found.tags.len(), 2);
    }
}
