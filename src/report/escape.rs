//! Texts that others wrote, made safe to print.

use std::borrow::Cow;

/// The text with nothing in it that moves the cursor, hides, or reorders what stands around it:
/// names and messages come from files that others wrote.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_unsafe(letter) {
            safe.extend(letter.escape_default());
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

/// What begins a command of a GitHub workflow: at the start of a line, or anywhere in it.
const COMMAND: &str = "::";
const OLD_COMMAND: &str = "##[";

/// A whole output for people, safe whoever wrote the names in it: lines and colors stay, all else that moves the
/// cursor, hides or reorders is shown as an escape, and so is what GitHub would take for a command.
pub fn for_people(text: &str) -> Cow<'_, str> {
    let is_command = |line: &str| line.trim_start().starts_with(COMMAND) || line.contains(OLD_COMMAND);
    if !text.chars().any(|letter| is_unsafe(letter) && letter != '\n') && !text.split('\n').any(is_command) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            safe.push('\n');
        }
        let mut own = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(letter) = rest.chars().next() {
            let length = color_at(rest).unwrap_or(0);
            let (head, tail) = rest.split_at(if length > 0 { length } else { letter.len_utf8() });
            rest = tail;
            if length > 0 || !is_unsafe(letter) || letter == '\t' {
                own.push_str(head);
            } else {
                own.extend(letter.escape_default());
            }
        }
        safe.push_str(&without_commands(&own));
    }
    Cow::Owned(safe)
}

/// The length of a color of the terminal at the start of a text.
fn color_at(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    numbers[end..].starts_with('m').then_some(end + 3)
}

/// A line in which GitHub sees no command.
fn without_commands(line: &str) -> Cow<'_, str> {
    let line = match line.trim_start() {
        command if command.starts_with(COMMAND) => {
            let (indent, rest) = line.split_at(line.len() - command.len());
            Cow::Owned(format!("{indent}\\u{{3a}}{}", &rest[1..]))
        }
        _ => Cow::Borrowed(line),
    };
    if line.contains(OLD_COMMAND) { Cow::Owned(line.replace(OLD_COMMAND, "#\\u{23}[")) } else { line }
}

/// The cell of a table for programs: as it is, but for what GitHub would take for a command.
pub(super) fn in_cell(text: &str) -> Cow<'_, str> {
    if !text.contains(COMMAND) && !text.contains(OLD_COMMAND) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(without_commands).collect::<Vec<_>>().join("\n"))
}

/// JSON with the same values, in which no text ends a line for any reader or says anything to GitHub: what is unsafe
/// stands in texts alone, and is written as an escape.
pub fn in_json(json: String) -> String {
    let is_odd = |letter: char| is_unsafe(letter) && letter != '\n' && letter != '\t' && letter != '\r';
    if !json.chars().any(is_odd) && !json.contains(OLD_COMMAND) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for letter in json.replace(OLD_COMMAND, "#\\u0023[").chars() {
        if is_odd(letter) {
            let mut units = [0; 2];
            letter.encode_utf16(&mut units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        } else {
            safe.push(letter);
        }
    }
    safe
}

pub(super) fn is_unsafe(letter: char) -> bool {
    // `is_control` is C0, DEL and C1.
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{feff}'
            // Zero-width marks, joiners, and the marks of direction.
            | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}'
            // Lines and paragraphs, embeddings, overrides, isolates, deprecated formats.
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Annotations and invisible tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_colors_stay_and_all_else_is_an_escape() {
        let text = "\u{1b}[1;31mred\u{1b}[0m\n\ttab\n";
        assert_eq!(for_people(text), text);
        assert_eq!(for_people("a\u{1b}[2Jb\r\u{202e}c\u{1b}]0;t\u{7}"), "a\\u{1b}[2Jb\\r\\u{202e}c\\u{1b}]0;t\\u{7}");
    }

    #[test]
    fn nothing_is_a_command_of_a_workflow() {
        assert_eq!(for_people("a::b\n  ::error::x\n##[error]y\n"), "a::b\n  \\u{3a}:error::x\n#\\u{23}[error]y\n");
        assert_eq!(in_cell("x\n::error::y"), "x\n\\u{3a}:error::y");
        assert_eq!(in_cell("a::b"), "a::b");
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({"a": "\u{2028}\u{85}\u{7f}\u{e0041}##[error]x\n\u{202e}"});
        let text = in_json(format!("{value}\n"));
        assert!(!text.contains("##[") && text.trim_end().chars().all(|letter| !is_unsafe(letter)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
