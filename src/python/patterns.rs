//! Python's regular expressions in the words of the `fancy-regex` crate.

use fancy_regex::{Regex, RegexBuilder};

/// Steps back that one search may take: enough for what people write, some milliseconds at worst.
const MAX_STEPS: usize = 50_000;
/// Bytes of a compiled expression, and of a written one.
const MAX_COMPILED: usize = 1 << 20;
const MAX_WRITTEN: usize = 20_000;

pub(crate) const IGNORECASE: i64 = 2;
pub(crate) const MULTILINE: i64 = 8;
pub(crate) const DOTALL: i64 = 16;
pub(crate) const VERBOSE: i64 = 64;

/// How much of the text an expression must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Anchor {
    Anywhere,
    Start,
    Whole,
}

pub(crate) fn compile(pattern: &str, flags: i64, anchor: Anchor) -> Result<Regex, String> {
    if pattern.len() > MAX_WRITTEN {
        return Err(format!("the regular expression is longer than {} kB", MAX_WRITTEN / 1000));
    }
    let (inline, body) = global_flags(pattern);
    let flags = flags | inline;
    let body = translated(body, flags);
    let whole = match anchor {
        Anchor::Anywhere => body,
        Anchor::Start => format!("\\G(?:{body})"),
        Anchor::Whole => format!("\\G(?:{body})\\z"),
    };
    RegexBuilder::new(&whole)
        .case_insensitive(flags & IGNORECASE != 0)
        .multi_line(flags & MULTILINE != 0)
        .dot_matches_new_line(flags & DOTALL != 0)
        .backtrack_limit(MAX_STEPS)
        .delegate_size_limit(MAX_COMPILED)
        .delegate_dfa_size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| error.to_string())
}

/// `(?im)` at the very beginning, which counts for the whole expression.
fn global_flags(pattern: &str) -> (i64, &str) {
    let Some((letters, rest)) = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')')) else {
        return (0, pattern);
    };
    let mut flags = 0;
    for letter in letters.chars() {
        flags |= match letter {
            'i' => IGNORECASE,
            'm' => MULTILINE,
            's' => DOTALL,
            'x' => VERBOSE,
            'a' | 'u' | 'L' => 0,
            _ => return (0, pattern),
        };
    }
    (flags, rest)
}

fn translated(pattern: &str, flags: i64) -> String {
    let characters: Vec<char> = pattern.chars().collect();
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut at = 0;
    // Where the class begins that we are in.
    let mut class: Option<usize> = None;
    while let Some(character) = characters.get(at).copied() {
        let next = characters.get(at + 1).copied();
        at += 1;
        match (character, class) {
            ('\\', _) => {
                at += 1;
                match next {
                    Some('Z') if class.is_none() => out.push_str("\\z"),
                    Some('0') => out.push_str("\\x00"),
                    // Python has no other meaning for these; the crate has.
                    Some(letter @ ('<' | '>')) => out.push(letter),
                    Some(letter) => out.extend(['\\', letter]),
                    None => out.push('\\'),
                }
            }
            (']', Some(start)) if at - 1 > start => {
                class = None;
                out.push(']');
            }
            (']' | '[' | '&' | '~', Some(_)) => out.extend(['\\', character]),
            ('-', Some(_)) if next == Some('-') => out.push_str("\\-"),
            (_, Some(_)) => out.push(character),
            ('[', None) => {
                out.push('[');
                if next == Some('^') {
                    out.push('^');
                    at += 1;
                }
                class = Some(at);
            }
            ('(', None) if characters[at..].starts_with(&['?', '#']) => {
                at += characters[at..].iter().position(|it| *it == ')').map_or(characters.len() - at, |end| end + 1);
            }
            // Before a line break at the very end, too.
            ('$', None) if flags & MULTILINE == 0 => out.push_str("(?=\\n?\\z)"),
            ('{', None) => match quantifier(&characters[at..]) {
                Some((text, length)) => {
                    out.push_str(&text);
                    at += length;
                }
                None => out.push_str("\\{"),
            },
            ('}', None) => out.push_str("\\}"),
            ('#', None) if flags & VERBOSE != 0 => {
                at += characters[at..].iter().position(|it| *it == '\n').unwrap_or(characters.len() - at);
            }
            (space, None) if flags & VERBOSE != 0 && space.is_whitespace() => {}
            (other, None) => out.push(other),
        }
    }
    out
}

/// `2,3}` behind a brace, as the crate writes it, and its length.
fn quantifier(rest: &[char]) -> Option<(String, usize)> {
    let end = rest.iter().position(|it| *it == '}')?;
    let inner: String = rest[..end].iter().collect();
    let (low, high) = inner.split_once(',').unwrap_or((&inner, "0"));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(low) || !is_number(high) || inner.is_empty() || inner == "," {
        return None;
    }
    let zero = if low.is_empty() { "0" } else { "" };
    Some((format!("{{{zero}{inner}}}"), end + 1))
}

/// `re.escape`
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// One part of a replacement: a text, or what a group matched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Group(usize),
    Named(String),
}

/// `\1` and `\g<name>` in a replacement.
pub(crate) fn pieces(template: &str) -> Result<Vec<Piece>, String> {
    let mut found = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(letter) = rest.chars().next() else {
            text.push('\\');
            break;
        };
        let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let group = if letter == 'g' {
            let (name, after) = rest
                .strip_prefix("g<")
                .and_then(|rest| rest.split_once('>'))
                .ok_or("the replacement has \\g without a group's name")?;
            rest = after;
            Some(name.parse().map_or_else(|_| Piece::Named(name.to_owned()), Piece::Group))
        } else if letter == '0' {
            rest = &rest[digits..];
            text.push('\0');
            None
        } else if digits > 0 {
            let number = rest[..digits].parse().unwrap_or_default();
            rest = &rest[digits..];
            Some(Piece::Group(number))
        } else {
            rest = &rest[letter.len_utf8()..];
            match letter {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                '\\' => text.push('\\'),
                letter if letter.is_ascii_alphabetic() => return Err(format!("bad escape \\{letter}")),
                letter => text.extend(['\\', letter]),
            }
            None
        };
        if let Some(group) = group {
            if !text.is_empty() {
                found.push(Piece::Text(std::mem::take(&mut text)));
            }
            found.push(group);
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        found.push(Piece::Text(text));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_python_writes_is_put_in_the_crates_words() {
        let plain = |pattern: &str| translated(pattern, 0);
        assert_eq!(plain(r"a\Z"), r"a\z");
        assert_eq!(plain("[]a[]"), r"[\]a\[]");
        assert_eq!(plain("[^]&&]"), r"[^\]\&\&]");
        assert_eq!(plain("{{ a }}{2,}{,3}"), r"\{\{ a \}\}{2,}{0,3}");
        assert_eq!(plain("a(?#no)b$"), r"ab(?=\n?\z)");
        assert_eq!(translated("a b # c\n[ #]", VERBOSE), "ab[ #]");
        assert_eq!(translated("a$", MULTILINE), "a$");
        assert_eq!(global_flags("(?im)a"), (IGNORECASE | MULTILINE, "a"));
        assert_eq!(global_flags("(?:a)"), (0, "(?:a)"));
    }

    #[test]
    fn a_replacement_names_groups_by_number_and_by_name() {
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            pieces(r"a\1-\g<n>\g<2>\\b"),
            Ok(vec![text("a"), Piece::Group(1), text("-"), Piece::Named("n".to_owned()), Piece::Group(2), text("\\b")])
        );
        assert!(pieces(r"\q").is_err());
    }

    #[test]
    fn an_expression_without_an_end_is_an_error() {
        let hostile = compile(r"(?=(a+)+\1$)b|(a|aa)+(?!x)c", 0, Anchor::Anywhere).unwrap();
        assert!(hostile.is_match(&"a".repeat(5_000)).is_err());
        assert!(compile("((a{1000}){1000}){1000}", 0, Anchor::Anywhere).is_err());
        assert!(compile(&"(".repeat(5_000), 0, Anchor::Anywhere).is_err());
        assert!(compile(&"(?:".repeat(5_000), 0, Anchor::Anywhere).is_err());
    }
}
