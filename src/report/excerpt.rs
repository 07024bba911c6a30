//! The line of a file that a finding is about, with a mark below what is meant.

use crate::report::escape::is_unsafe;
use crate::rules::finding::{Place, Severity};
use crate::syntax::span::Position;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// What is shown of one line, before and after the place. Nobody reads on in what a program wrote.
const AROUND: usize = 400;

/// A narrower terminal wraps.
const NARROWEST: usize = 40;

/// Lines to print below a finding; none where the place is the file itself or lies outside its text.
pub(super) fn lines(text: &str, place: &Place, severity: Severity, width: usize, color: bool) -> Vec<String> {
    let (start, end) = (place.start, place.end);
    if start == Position::START && end <= start {
        return Vec::new();
    }
    let at = (start.line as usize).saturating_sub(1);
    let Some(line) = text.split('\n').nth(at) else { return Vec::new() };
    // A byte order mark is no column.
    let line = line.strip_suffix('\r').unwrap_or(line).trim_start_matches('\u{feff}');
    let from = (start.column as usize).saturating_sub(1);
    let to = if end.line > start.line { usize::MAX } else { (end.column as usize).saturating_sub(1) };

    let mut shown = String::new();
    let mut marked = None;
    let mut end_of_mark = None;
    let last = to.min(from.saturating_add(AROUND)).saturating_add(AROUND);
    for (column, letter) in line.chars().enumerate().take(last).skip(from.saturating_sub(AROUND)) {
        if column == from {
            marked = Some(shown.len());
        }
        if column == to {
            end_of_mark = Some(shown.len());
        }
        // The library shows the other controls as pictures; a mark of its own width keeps the rest
        // of the line above what points at it.
        shown.push(if is_unsafe(letter) && !letter.is_ascii() { '\u{fffd}' } else { letter });
    }
    // A place beyond the line's end points behind it.
    let marked = marked.unwrap_or(shown.len());
    let span = marked..end_of_mark.unwrap_or(shown.len()).max(marked);

    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let snippet = Snippet::source(shown)
        .line_start(start.line as usize)
        .fold(false)
        .annotation(AnnotationKind::Primary.span(span));
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let picture = renderer.term_width(width.max(NARROWEST)).render(&[Group::with_level(level).element(snippet)]);
    picture.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn place(line: u32, column: u32, end_line: u32, end_column: u32) -> Place {
        Place {
            path: Arc::from("models/a.sql"),
            start: Position { line, column },
            end: Position { line: end_line, column: end_column },
        }
    }

    fn shown(text: &str, place: &Place) -> String {
        lines(text, place, Severity::Error, 80, false).join("\n")
    }

    #[test]
    fn the_line_stands_above_a_mark_of_what_is_meant() {
        let text = "select 1\nfrom {{ ref('a') }}\n";
        let expected = "  |\n2 | from {{ ref('a') }}\n  |         ^^^^^^^^";
        assert_eq!(shown(text, &place(2, 9, 2, 17)), expected);
        assert_eq!(shown(&text.replace('\n', "\r\n"), &place(2, 9, 2, 17)), expected);
    }

    #[test]
    fn tabs_and_wide_letters_move_the_mark_by_their_width() {
        assert_eq!(shown("\ta\tb", &place(1, 4, 1, 5)), "  |\n1 |     a    b\n  |          ^");
        assert_eq!(shown("\u{feff}表表 x表 y", &place(1, 4, 1, 6)), "  |\n1 | 表表 x表 y\n  |      ^^^");
    }

    #[test]
    fn nothing_in_a_line_can_move_hide_or_reorder_it() {
        let text = "a\u{1b}[2Jb\u{202e}c\u{200b}d\u{9b}\re";
        assert_eq!(shown(text, &place(1, 6, 1, 7)), "  |\n1 | a␛[2Jb�c�d�␍e\n  |      ^");
    }

    #[test]
    fn a_place_outside_the_text_points_behind_it_or_shows_nothing() {
        assert_eq!(shown("a", &place(1, 9, 1, 10)), "  |\n1 | a\n  |  ^");
        assert_eq!(shown("a\n", &place(2, 1, 2, 1)), "  |\n2 |\n  | ^");
        assert_eq!(shown("a\n", &place(9, 1, 9, 1)), "");
        assert_eq!(shown("a\n", &place(0, 0, 0, 0)), "  |\n0 | a\n  | ^");
    }

    #[test]
    fn a_place_that_is_the_file_itself_shows_nothing_and_of_several_lines_the_first_stands() {
        assert_eq!(shown("select a,\n b", &place(1, 1, 1, 1)), "");
        assert_eq!(shown("select a,\n b", &place(1, 8, 2, 2)), "  |\n1 | select a,\n  |        ^^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let long = format!("{}HERE{}", "x ".repeat(500_000), " y".repeat(500_000));
        for to in [1_000_005, 1_900_000] {
            let text = shown(&long, &place(1, 1_000_001, 1, to));
            assert!(text.contains("x HERE y"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
        // A narrow terminal is no reason to fail.
        assert!(!lines(&long, &place(1, 1, 1, 5), Severity::Error, 0, true).is_empty());
    }
}
