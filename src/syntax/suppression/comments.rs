//! The comments of a text, by the language it is in.

use super::cover::{Around, Entries};
use super::{Directive, Said, may_hold, said};
use crate::jinja::tags::{TagKind, tags};
use crate::span::{LineIndex, Span};
use crate::sql::token;

/// SQL with Jinja in it: both have comments.
pub fn in_template(text: &str) -> Vec<Directive> {
    if !may_hold(text) {
        return Vec::new();
    }
    let comments = token::tokens(text).comments;
    with_tags(text, comments)
}

/// Markdown with Jinja in it.
pub fn in_docs(text: &str) -> Vec<Directive> {
    if may_hold(text) { with_tags(text, Vec::new()) } else { Vec::new() }
}

fn with_tags(text: &str, mut comments: Vec<Span>) -> Vec<Directive> {
    let tags = tags(text).tags;
    comments.extend(tags.iter().filter(|tag| tag.kind == TagKind::Comment).map(|tag| tag.span));
    // A raw block is as long as what it leaves alone.
    let printed = |kind: TagKind| matches!(kind, TagKind::Expression | TagKind::Statement);
    let tags: Vec<Span> = tags.iter().filter(|tag| printed(tag.kind)).map(|tag| tag.span).collect();
    around(text, comments, &tags)
}

/// Python, whose strings may hold what looks like a comment.
pub fn in_python(text: &str) -> Vec<Directive> {
    if !may_hold(text) {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    let mut comments = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'#' => {
                let end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| at + length);
                comments.push(Span::new(at, end));
                at = end;
            }
            b'\'' | b'"' => at = string_end(bytes, at, byte),
            _ => at += 1,
        }
    }
    around(text, comments, &[])
}

fn string_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let triple = bytes.get(start..start + 3) == Some(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'\n' if !triple => return at,
            _ if byte == quote && !triple => return at + 1,
            _ if byte == quote && bytes.get(at..at + 3) == Some(&[quote; 3]) => return at + 3,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn around(text: &str, comments: Vec<Span>, tags: &[Span]) -> Vec<Directive> {
    let said = all_said(text, &comments);
    if said.is_empty() {
        return Vec::new();
    }
    let lines = LineIndex::new(text);
    let around = Around::new(text, comments);
    said.into_iter().map(|said| directive(around.cover(text, &lines, tags, said.span), said)).collect()
}

/// YAML; which comments it has, its parser knows.
pub fn in_yaml(text: &str, comments: &[Span]) -> Vec<Directive> {
    if !may_hold(text) {
        return Vec::new();
    }
    let said = all_said(text, comments);
    if said.is_empty() {
        return Vec::new();
    }
    let lines = LineIndex::new(text);
    let entries = Entries::new(text);
    said.into_iter().map(|said| directive(entries.cover(text, &lines, said.span), said)).collect()
}

fn directive(cover: super::Cover, said: Said) -> Directive {
    Directive { span: said.span, rules: said.rules, reason: said.reason, until: said.until, cover }
}

/// In the order of the text, each once: a comment of Jinja may stand in one of SQL.
fn all_said(text: &str, comments: &[Span]) -> Vec<Said> {
    let mut found: Vec<Said> = comments.iter().flat_map(|comment| inside(text, *comment)).collect();
    found.sort_unstable_by_key(|said| said.span);
    found.dedup_by_key(|said| said.span.start);
    found
}

/// What the lines of one comment say.
fn inside(text: &str, comment: Span) -> Vec<Said> {
    let whole = comment.of(text);
    let (open, close): (usize, &str) = if whole.starts_with("{#") {
        (2, "#}")
    } else if whole.starts_with("/*") {
        (2, "*/")
    } else {
        (whole.len() - whole.trim_start_matches(['-', '#', '/']).len(), "")
    };
    let inner = whole.get(open..).unwrap_or_default();
    let inner = inner.strip_suffix(close).unwrap_or(inner);
    let inner = if close == "#}" { inner.trim_end_matches(['-', '+']) } else { inner };
    let skipped = if close == "#}" { inner.len() - inner.trim_start_matches(['-', '+']).len() } else { 0 };
    let inner = inner.get(skipped..).unwrap_or_default();
    let mut start = comment.start as usize + open + skipped;
    let mut found = Vec::new();
    for line in inner.split('\n') {
        found.extend(said(line, start));
        start += line.len() + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    /// `RULE own code head`, one excuse a line.
    fn shown(directives: &[Directive]) -> Vec<String> {
        let one = |it: &Directive| {
            let code = it.cover.code.map_or("none".to_owned(), |(from, to)| format!("{from}-{to}"));
            let head = if it.cover.head { " head" } else { "" };
            format!("{} {}{head}", it.rules.join("+"), code)
        };
        directives.iter().map(one).collect()
    }

    fn sql(text: &str) -> Vec<String> {
        shown(&in_template(text))
    }

    fn yaml(text: &str) -> Vec<String> {
        shown(&in_yaml(text, &parse(text).comments))
    }

    #[test]
    fn a_comment_on_its_own_line_speaks_of_the_next_line_of_code() {
        assert_eq!(sql("select 1,\n-- harness: ignore[A] x\n\n-- more\n  a\n  b\n"), ["A 5-5"]);
        assert_eq!(sql("select\n{# harness: ignore[A] x #}\n/* harness: ignore[B] */\n  a\n"), ["A 4-4", "B 4-4"]);
        assert_eq!(sql("a\n/* harness: ignore[A] */ b\n"), ["A 2-2"]);
        assert_eq!(sql("a\n-- harness: ignore[A]\n"), ["A none"]);
    }

    #[test]
    fn a_comment_behind_code_speaks_of_its_line() {
        assert_eq!(sql("a,\nb, -- harness: ignore[A] x\nc"), ["A 2-2"]);
        assert_eq!(sql("a,\nb, {# y #} -- harness: ignore[A] x\nc"), ["A 2-2"]);
        assert_eq!(sql("a\r\nb {#- harness: ignore[A] -#}\r\nc"), ["A 2-2"]);
        assert_eq!(sql("a /* b\n c */ -- harness: ignore[A]\nd"), ["A 3-3"]);
    }

    #[test]
    fn a_tag_of_several_lines_is_spoken_of_as_a_whole() {
        let config = "{{\n  config(\n    x=1)\n}}";
        assert_eq!(sql(&format!("-- harness: ignore[A]\n{config}\nselect 1")), ["A 2-5 head"]);
        assert_eq!(sql(&format!("{config} -- harness: ignore[A]\nselect 1")), ["A 1-4"]);
        assert_eq!(sql("-- harness: ignore[A]\n{% raw %}\na\n{% endraw %}"), ["A 2-2 head"]);
    }

    #[test]
    fn above_all_code_it_speaks_of_the_file_too() {
        assert_eq!(sql("\u{feff}-- Orders.\n-- harness: ignore[A]\n\nselect 1"), ["A 4-4 head"]);
        assert_eq!(
            sql("/* Orders.\n * harness: ignore[A] x\n * harness: ignore[B]\n */\nselect 1"),
            ["A 5-5 head", "B 5-5 head"]
        );
        assert_eq!(sql("-- harness: ignore[A]"), ["A none head"]);
        let cover = in_template("-- harness: ignore[A]\n\nselect 1\n").remove(0).cover;
        assert!(cover.has(1, 1) && cover.has(1, 9) && cover.has(3, 7) && !cover.has(4, 1));
    }

    #[test]
    fn a_string_is_no_comment() {
        assert!(sql("select '-- harness: ignore[A]', \"/* harness: ignore[A] */\"").is_empty());
        assert!(sql("{{ f('{# harness: ignore[A] #}') }} {% raw %}{# harness: ignore[A] #}{% endraw %}").is_empty());
        assert!(yaml("a: '# harness: ignore[A]'\nb: |\n  # harness: ignore[A]\nc: x# harness: ignore[A]\n").is_empty());
        assert!(shown(&in_python("a = '# harness: ignore[A]'\nb = \"\"\"\n# harness: ignore[A]\n\"\"\"\n")).is_empty());
    }

    #[test]
    fn comments_of_jinja_and_of_sql_may_stand_in_one_another() {
        assert_eq!(sql("a\n-- {# harness: ignore[A] #}\nb"), ["A 3-3"]);
        assert_eq!(sql("a -- {{ ref('x') }} -- harness: ignore[A]\nb"), ["A 1-1"]);
    }

    #[test]
    fn python_and_docs_have_comments_of_their_own() {
        assert_eq!(
            shown(&in_python("# harness: ignore[A]\ndef f():\n    x = 1  # harness: ignore[B]\n")),
            ["A 2-2 head", "B 3-3"]
        );
        assert_eq!(shown(&in_docs("It's {# harness: ignore[A] #}\n-- harness: ignore[B]\n")), ["A 1-1"]);
    }

    #[test]
    fn in_yaml_it_speaks_of_the_entry_that_begins_there() {
        let text = "models:\n  # harness: ignore[A]\n  - name: a\n    columns:\n      - name: x  # harness: ignore[B]\n        \
                    tests: [u]\n      - name: y\n\n  - name: b\n    meta: {}  # harness: ignore[C]\n";
        assert_eq!(yaml(text), ["A 3-7", "B 5-6", "C 10-10"]);
    }

    #[test]
    fn a_list_right_below_its_key_belongs_to_it() {
        let text = "a: 1\n# harness: ignore[A]\nmodels:\n- name: a\n  x: 1\n# harness: ignore[B]\n- name: b\n\nb: 2\n";
        assert_eq!(yaml(text), ["A 3-7", "B 7-7"]);
    }

    #[test]
    fn the_head_of_a_yaml_file_ends_with_its_first_key() {
        assert_eq!(yaml("# harness: ignore[A]\n---\nversion: 2\nmodels:\n"), ["A 3-3 head"]);
        assert_eq!(yaml("version: 2\n# harness: ignore[A]\n"), ["A none"]);
    }
}
