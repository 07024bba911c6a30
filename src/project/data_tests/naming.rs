//! The names and hashes dbt gives to generic tests. They are made of Python's own notation of the
//! arguments, so that notation is reproduced here.

use crate::syntax::yaml::{Node, Value};
use md5::{Digest, Md5};
use std::fmt::Write;
use std::sync::Arc;

/// From this length on a name is cut and its hash appended.
const LONGEST: usize = 64;
/// What remains of a name that is cut.
const KEPT: usize = 30;
/// Hexadecimal digits of a unique_id's hash.
const HASH_DIGITS: usize = 10;

/// One argument of a test by its name.
pub type Argument = (Arc<str>, Node);

/// The two names of a test that was given none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Fits into a table's name.
    pub short: String,
    pub full: String,
}

pub fn md5_hex(text: &str) -> String {
    let mut hex = String::with_capacity(32);
    for byte in Md5::digest(text.as_bytes()) {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Names a test after its kind (`source_not_null`), what it tests and its arguments.
pub fn synthesized(kind: &str, target: &str, arguments: &[Argument]) -> Names {
    let mut parts = Vec::new();
    for (name, value) in sorted(arguments) {
        if &**name == "model" {
            continue;
        }
        match &value.value {
            Value::Map(entries) => parts.extend(entries.iter().map(|entry| str_of(&entry.value))),
            Value::Seq(items) => parts.extend(items.iter().map(str_of)),
            _ => parts.push(str_of(value)),
        }
    }
    let parts: Vec<String> = parts.iter().map(|part| squeezed(part)).collect();
    let identifier = format!("{kind}_{target}");
    let full = format!("{identifier}_{}", parts.join("__"));
    let short = if full.chars().count() >= LONGEST {
        let kept: String = identifier.chars().take(KEPT).collect();
        format!("{kept}_{}", md5_hex(&full))
    } else {
        full.clone()
    };
    Names { short, full }
}

/// The digits that tell a test from others of its name.
pub fn hash(title: &str, namespace: Option<&str>, name: &str, arguments: &[Argument]) -> String {
    let mut text = title.to_owned();
    text.push_str("{'kwargs': {");
    for (at, (name, value)) in sorted(arguments).into_iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        write_quoted(name, &mut text);
        text.push_str(": ");
        write_hashable(value, &mut text);
    }
    text.push_str("}, 'name': ");
    write_quoted(name, &mut text);
    text.push_str(", 'namespace': ");
    write_quoted(namespace.unwrap_or("None"), &mut text);
    text.push('}');
    let hex = md5_hex(&text);
    hex[hex.len() - HASH_DIGITS..].to_owned()
}

fn sorted(arguments: &[Argument]) -> Vec<&Argument> {
    let mut sorted: Vec<&Argument> = arguments.iter().collect();
    sorted.sort_by(|left, right| left.0.cmp(&right.0));
    sorted
}

/// Every run of characters that no name may hold becomes one `_`.
fn squeezed(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    let mut in_run = false;
    for letter in text.chars() {
        let fits = letter.is_ascii_alphanumeric() || letter == '_';
        match (fits, in_run) {
            (true, _) => squeezed.push(letter),
            (false, false) => squeezed.push('_'),
            (false, true) => {}
        }
        in_run = !fits;
    }
    squeezed
}

/// Lists and mappings in Python's notation, their innermost values all as texts.
fn write_hashable(node: &Node, out: &mut String) {
    match &node.value {
        Value::Seq(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_hashable(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|entry| entry.key.key_text());
            out.push('{');
            for (at, entry) in entries.into_iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_repr(&entry.key, out);
                out.push_str(": ");
                write_hashable(&entry.value, out);
            }
            out.push('}');
        }
        _ => write_quoted(&str_of(node), out),
    }
}

/// Python's `str()`.
fn str_of(node: &Node) -> String {
    match node.key_text() {
        Some(text) => text.into_owned(),
        None => {
            let mut text = String::new();
            write_repr(node, &mut text);
            text
        }
    }
}

/// Python's `repr()`.
fn write_repr(node: &Node, out: &mut String) {
    match &node.value {
        Value::Str(text) => write_quoted(text, out),
        Value::Seq(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_repr(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (at, entry) in entries.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_repr(&entry.key, out);
                out.push_str(": ");
                write_repr(&entry.value, out);
            }
            out.push('}');
        }
        Value::Timestamp(_) => write_time(&str_of(node), out),
        _ => out.push_str(&str_of(node)),
    }
}

/// `datetime.date(2020, 1, 31)`; a time of day follows in the same way.
fn write_time(text: &str, out: &mut String) {
    let (date, time) = text.split_once(' ').map_or((text, None), |(date, time)| (date, Some(time)));
    let number = |part: &str| part.trim_start_matches('0').parse::<u32>().unwrap_or(0).to_string();
    let mut parts: Vec<String> = date.split('-').map(number).collect();
    let Some(time) = time else {
        out.push_str(&format!("datetime.date({})", parts.join(", ")));
        return;
    };
    let time = time.split(['+', '-']).next().unwrap_or_default();
    let mut clock: Vec<String> = time.split([':', '.']).map(number).collect();
    if clock.len() == 3 && clock.last().is_some_and(|seconds| seconds == "0") {
        clock.pop();
    }
    parts.extend(clock);
    out.push_str(&format!("datetime.datetime({})", parts.join(", ")));
}

/// A text in the quotes Python prefers, with its escapes.
fn write_quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            _ if is_shown(letter) => out.push(letter),
            _ => {
                let code = u32::from(letter);
                let escaped = match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                };
                out.push_str(&escaped);
            }
        }
    }
    out.push(quote);
}

/// Whether Python prints a letter as it is: no control, no space but the plain one, no mark of
/// direction or format.
fn is_shown(letter: char) -> bool {
    !letter.is_control()
        && (letter == ' ' || !letter.is_whitespace())
        && !matches!(u32::from(letter),
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e
            | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfeff | 0xfff9..=0xfffb | 0xe0001..=0xe007f | 0xf0000..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn arguments(text: &str) -> Vec<Argument> {
        let root = parse(text).root;
        let entries = root.as_map().unwrap_or_default().iter();
        entries.map(|entry| (entry.key.as_str().unwrap_or_default().into(), entry.value.clone())).collect()
    }

    fn full(text: &str) -> String {
        synthesized("k", "t", &arguments(text)).full
    }

    #[test]
    fn arguments_are_put_in_the_order_of_their_names_and_squeezed() {
        assert_eq!(full("{values: [a b, 'c--d'], column_name: x, model: m}"), "k_t_x__a_b__c_d");
        assert_eq!(full("{to: \"ref('y')\", field: id}"), "k_t_id__ref_y_");
        assert_eq!(full("{}"), "k_t_");
    }

    #[test]
    fn values_are_named_as_python_prints_them() {
        assert_eq!(full("{a: [1, 1.0, true, null, 2020-01-31]}"), "k_t_1__1_0__True__None__2020_01_31");
        assert_eq!(full("{a: {x: 1, y: [b, 2]}}"), "k_t_1___b_2_");
    }

    #[test]
    fn a_name_of_64_characters_is_cut() {
        let kind = "a".repeat(60);
        assert_eq!(synthesized(&kind, "t", &[]).short, format!("{kind}_t_"));
        let cut = synthesized(&format!("{kind}b"), "t", &[]);
        assert_eq!(cut.short, format!("{}_{}", "a".repeat(30), md5_hex(&cut.full)));
    }

    #[test]
    fn an_md5_is_the_known_one() {
        assert_eq!(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn python_quotes_and_escapes_are_reproduced() {
        let shown = |text: &str| {
            let mut out = String::new();
            write_quoted(text, &mut out);
            out
        };
        assert_eq!(shown("a"), "'a'");
        assert_eq!(shown("it's"), "\"it's\"");
        assert_eq!(shown("it's \"x\"\n"), "'it\\'s \"x\"\\n'");
        assert_eq!(shown("é\u{a0}\u{200b}"), "'é\\xa0\\u200b'");
    }

    #[test]
    fn a_hash_covers_all_values_as_texts() {
        let of = |text: &str| hash("n", None, "k", &arguments(text));
        assert_eq!(of("{a: 1}"), of("{a: '1'}"));
        assert_ne!(of("{a: 1}"), of("{a: 1.0}"));
        let whole = "n{'kwargs': {'a': ['1', {'b': 'None'}]}, 'name': 'k', 'namespace': 'None'}";
        assert_eq!(of("{a: [1, {b: null}]}"), md5_hex(whole)[22..]);
        assert_eq!(of("{a: [1, {b: null}]}").len(), 10);
    }

    #[test]
    fn dates_inside_lists_are_shown_as_their_constructors() {
        assert_eq!(str_of(&parse("[2020-01-05, x]").root), "[datetime.date(2020, 1, 5), 'x']");
    }
}
