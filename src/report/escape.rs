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
