//! What git leaves in a file that it could not merge.

use super::span::Span;
use memchr::{memchr_iter, memmem};

/// The marks that begin a line; the one between the sides is an underline in Markdown and so none here.
const MARKS: [&str; 3] = ["<<<<<<<", "|||||||", ">>>>>>>"];

/// The first conflict mark of a text.
pub fn conflict_mark(text: &str) -> Option<Span> {
    let bytes = text.as_bytes();
    MARKS.iter().find(|mark| memmem::find(bytes, mark.as_bytes()).is_some())?;
    let starts = std::iter::once(0).chain(memchr_iter(b'\n', bytes).map(|end| end + 1));
    starts.filter_map(|start| text.get(start..).map(|line| (start, line))).find_map(|(start, line)| {
        let is_mark = |mark: &&&str| {
            line.strip_prefix(**mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r', '\n']))
        };
        MARKS.iter().find(is_mark).map(|mark| Span::new(start, start + mark.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_begins_its_line_and_has_nothing_or_a_name_behind_it() {
        let start = |text: &str| conflict_mark(text).map(|span| span.start);
        assert_eq!(start("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\n"), Some(2));
        assert_eq!(start("a\n>>>>>>>\r\n"), Some(2));
        assert_eq!(start("a <<<<<<< b\n<<<<<<<< c\n=======\n <<<<<<< HEAD"), None);
    }
}
