//! What git leaves in a file that it could not merge.

use super::span::Span;

/// The marks that begin a line; the one between the sides is an underline in Markdown and so none here.
const MARKS: [&str; 3] = ["<<<<<<<", "|||||||", ">>>>>>>"];

/// The first conflict mark of a text.
pub fn conflict_mark(text: &str) -> Option<Span> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let is_mark = |mark: &str| {
            line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r', '\n']))
        };
        if let Some(mark) = MARKS.into_iter().find(|mark| is_mark(mark)) {
            return Some(Span::new(start, start + mark.len()));
        }
        start += line.len();
    }
    None
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
