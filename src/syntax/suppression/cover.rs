//! Which lines a comment speaks of.

use super::Cover;
use crate::span::{LineIndex, Span};

/// Comments that overlap none, in order, with what stands around each. One pass either way, whatever
/// the number of comments.
pub(super) struct Around {
    comments: Vec<Span>,
    /// Whether code stands before the comment on its line.
    trails: Vec<bool>,
    /// The first code behind it.
    next: Vec<Option<usize>>,
    first_code: Option<usize>,
}

impl Around {
    /// `comments` may be in any order, and within one another.
    pub(super) fn new(text: &str, mut comments: Vec<Span>) -> Self {
        comments.sort_unstable_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut outer: Vec<Span> = Vec::with_capacity(comments.len());
        for span in comments {
            match outer.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => outer.push(span),
            }
        }
        let code = |from: usize, to: usize| code_in(text, from, to);
        let mut trails: Vec<bool> = Vec::with_capacity(outer.len());
        let mut last_end = 0;
        for span in &outer {
            let start = span.start as usize;
            let line = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            let goes_on = last_end > line && trails.last().copied().unwrap_or_default();
            let on_this_line = outer.get(trails.len().wrapping_sub(1)).is_some_and(|last| last.start as usize >= line);
            trails.push(code(line.max(last_end), start).is_some() || (goes_on && on_this_line));
            last_end = span.end as usize;
        }
        let mut next: Vec<Option<usize>> = vec![None; outer.len()];
        let mut later = None;
        let mut until = text.len();
        for (at, span) in outer.iter().enumerate().rev() {
            later = code(span.end as usize, until).or(later);
            next[at] = later;
            until = span.start as usize;
        }
        let first_code = code(0, until).or(later);
        Self { comments: outer, trails, next, first_code }
    }

    /// The comment that holds an offset.
    fn at(&self, offset: u32) -> Option<usize> {
        let at = self.comments.partition_point(|span| span.end <= offset);
        self.comments.get(at).filter(|span| span.start <= offset).map(|_| at)
    }

    /// What a comment speaks of: with code before it, its own line; else the next line of code. A tag
    /// of several lines counts as one line.
    pub(super) fn cover(&self, text: &str, lines: &LineIndex, tags: &[Span], said: Span) -> Cover {
        let line = |offset: usize| lines.position(text, u32::try_from(offset).unwrap_or(u32::MAX)).line;
        let own = (line(said.start as usize), line((said.end as usize).max(said.start as usize + 1) - 1));
        let Some(at) = self.at(said.start) else { return Cover { own, code: None, head: false } };
        let comment = self.comments[at];
        let head = self.first_code.is_none_or(|first| (comment.start as usize) < first);
        let target = if self.trails[at] { Some(comment.start as usize) } else { self.next[at] };
        let code = target.map(|offset| {
            let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
            let end = text.get(offset..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| offset + length);
            let first = tags.partition_point(|tag| tag.end as usize <= start);
            let on_it = tags.iter().skip(first).take_while(|tag| (tag.start as usize) < end);
            let (mut from, mut to) = (line(offset), line(offset));
            for tag in on_it {
                if self.trails[at] {
                    from = from.min(line(tag.start as usize));
                }
                to = to.max(line((tag.end as usize).saturating_sub(1)));
            }
            (from, to)
        });
        Cover { own, code, head }
    }
}

/// The first code in a part of a text that holds no comment.
fn code_in(text: &str, from: usize, to: usize) -> Option<usize> {
    let part = text.get(from..to)?;
    part.find(|letter: char| !letter.is_whitespace() && letter != '\u{feff}').map(|at| from + at)
}

/// The lines of a YAML text, by their indentation: an entry goes on to the next line that is indented
/// no more than its first. Without a tree, so that it holds in a file that is broken further down.
pub(super) struct Entries {
    /// For each line, from 0: the line on which the entry ends that begins there; none for lines
    /// without content.
    ends: Vec<Option<u32>>,
    /// The next line with content, itself included.
    next: Vec<Option<u32>>,
}

impl Entries {
    pub(super) fn new(text: &str) -> Self {
        let depths: Vec<Option<usize>> = text.trim_start_matches('\u{feff}').lines().map(depth).collect();
        let count = depths.len();
        let mut ends: Vec<Option<u32>> = vec![None; count];
        let mut next: Vec<Option<u32>> = vec![None; count];
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut last = 0;
        for (at, depth) in depths.iter().enumerate() {
            let Some(depth) = *depth else { continue };
            while let Some((begin, _)) = open.pop_if(|(_, other)| *other >= depth) {
                ends[begin] = Some(number(last));
            }
            open.push((at, depth));
            last = at;
        }
        for (begin, _) in open {
            ends[begin] = Some(number(last));
        }
        let mut later = None;
        for at in (0..count).rev() {
            if depths[at].is_some() {
                later = Some(number(at));
            }
            next[at] = later;
        }
        Self { ends, next }
    }

    pub(super) fn cover(&self, text: &str, lines: &LineIndex, said: Span) -> Cover {
        let at = lines.position(text, said.start).line;
        let index = at.saturating_sub(1) as usize;
        let target = self.next.get(index).copied().flatten();
        let end = target.and_then(|target| self.ends.get(target as usize).copied().flatten());
        let head = self.next.first().copied().flatten().is_none_or(|first| index < first as usize);
        Cover { own: (at, at), code: target.zip(end).map(|(from, to)| (from + 1, to + 1)), head }
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// How deep a line with content stands. A dash stands deeper than a key of the same column: a list may
/// begin right below its key.
fn depth(line: &str) -> Option<usize> {
    let content = line.trim_start();
    if content.is_empty() || content.starts_with(['#', '%']) || content.starts_with("---") {
        return None;
    }
    let dashed = content == "-" || content.starts_with("- ");
    Some((line.len() - content.len()) * 2 + usize::from(dashed))
}
