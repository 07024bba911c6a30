//! Names of tables as a search through the raw text finds them: comments of Jinja are text, those of lines
//! are not. dbt-project-evaluator looks for hard-coded references so, and finds what this finds.

use crate::span::Span;
use regex::Regex;
use std::sync::LazyLock;

/// A name in quotes of some dialect or in none.
const PART: &str = r#"[\[`"']?\w+-?\w*[\]`"']?"#;

/// What may stand behind `from` or `join`, and whether white space or the end must follow.
static NAMES: LazyLock<Vec<(Regex, bool)>> = LazyLock::new(|| {
    let var = |rest: &str| format!(r#"\{{\{{\s*var\s*\(\s*['"]?[^)'"]+['"]?\s*{rest}\)\s*\}}\}}"#);
    let names = [
        (var(""), false),
        (var(r#",\s*['"]?[^)'"]+['"]?\s*"#), false),
        (format!(r"{PART}\.{PART}"), true),
        (format!(r"{PART}\.{PART}\.{PART}"), true),
        (r#"[\[`"']\w+-?\w+[\]`"']"#.to_owned(), true),
    ];
    let compiled = names.into_iter().map(|(name, ends)| (Regex::new(&format!(r"(?i)(?:from|join)\s+({name})")), ends));
    compiled.filter_map(|(regex, ends)| Some((regex.ok()?, ends))).collect()
});

/// The places of all names, in the order of the text.
pub fn raw_names(text: &str) -> Vec<Span> {
    let text = without_line_comments(text);
    let mut found: Vec<Span> = Vec::new();
    for (regex, ends) in &*NAMES {
        let mut from = 0;
        while let Some(groups) = regex.captures_at(&text, from) {
            let (Some(whole), Some(name)) = (groups.get(0), groups.get(1)) else { break };
            let follows = text[name.end()..].chars().next();
            if (*ends && follows.is_some_and(|next| !next.is_whitespace())) || is_compared(&text[..whole.start()]) {
                // The next character of `from` or `join` is ASCII.
                from = whole.start() + 1;
                continue;
            }
            found.push(Span::new(name.start(), name.end()));
            from = whole.end();
        }
    }
    found.sort_unstable_by_key(|span| (span.start, span.end));
    found
}

/// Whether `is distinct` stands before a `from`.
fn is_compared(before: &str) -> bool {
    let mut letters = before.char_indices().rev();
    let Some((at, _)) = letters.next().filter(|(_, space)| space.is_whitespace()) else { return false };
    before[..at].to_ascii_lowercase().ends_with("distinct")
}

/// The text with blanks for its line comments, so that all else stays where it is.
fn without_line_comments(text: &str) -> String {
    let mut blank = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (end, rest) = line.find("--").map_or((line.len(), 0), |at| {
            let comment = line[at..].trim_end_matches('\n').len();
            (at, comment)
        });
        blank.push_str(&line[..end]);
        blank.extend(std::iter::repeat_n(' ', rest));
        blank.push_str(&line[end + rest..]);
    }
    blank
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&str> {
        raw_names(text).into_iter().map(|span| span.of(text)).collect()
    }

    #[test]
    fn every_expression_can_be_compiled() {
        assert_eq!(NAMES.len(), 5);
    }

    #[test]
    fn names_with_dots_or_quotes_and_vars_are_found() {
        assert_eq!(
            names("from a.b\njoin `c-d`.e.f\nFROM [x].[y] from \"one\""),
            ["a.b", "`c-d`.e.f", "[x].[y]", "\"one\""]
        );
        let vars = "from {{ var('a') }} join {{var(\"a\", 'b')}}";
        assert_eq!(names(vars), ["{{ var('a') }}", "{{var(\"a\", 'b')}}"]);
        assert_eq!(names("{# from größe.a #}"), ["größe.a"]);
    }

    #[test]
    fn plain_names_line_comments_and_comparisons_are_none() {
        assert_eq!(names("from a join b.c.d.e from f.g)"), Vec::<&str>::new());
        assert_eq!(names("-- from a.b ü\nfrom c.d -- from e.f"), ["c.d"]);
        assert_eq!(names("a is distinct from b.c"), Vec::<&str>::new());
        assert_eq!(names("a is distinct  from b.c"), ["b.c"]);
    }
}
