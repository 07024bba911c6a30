//! Which tokens of a template to read where an `if` offers alternatives.
//!
//! Alternatives that close their own brackets are all read, one after the other. Where they open
//! or close brackets of the text around them (`{% if a %} f( {% else %} g( {% endif %} x )`),
//! reading more than the first would count a bracket twice.

use super::token::{Block, Kind, Token};
use std::ops::Range;

struct Open {
    /// The first token of the alternative being read.
    begin: usize,
    /// Brackets below this height belong to what stands around the alternative.
    floor: usize,
    /// The first alternative, whose brackets count.
    first: bool,
    /// It has closed a bracket that it did not open.
    unbalanced: bool,
}

/// The token ranges not to read, in order and without overlap.
pub(crate) fn unread(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut open: Vec<Open> = Vec::new();
    let mut height = 0_usize;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open(_) => height += 1,
            Kind::Close(_) => {
                let floor = open.last().map_or(0, |branch| branch.floor);
                if height > floor {
                    height -= 1;
                } else if let Some(branch) = open.last_mut() {
                    branch.unbalanced = true;
                }
            }
            Kind::Block(Block::Branches) => {
                let floor = open.last().map_or(0, |branch| branch.floor);
                open.push(Open { begin: at + 1, floor, first: true, unbalanced: false });
            }
            Kind::Block(Block::Alternative) => {
                if let Some(branch) = open.last_mut() {
                    height = finish(branch, at, height, &mut ranges);
                    *branch = Open { begin: at + 1, floor: height, first: false, unbalanced: false };
                }
            }
            Kind::Block(Block::EndBranches) => {
                if let Some(branch) = open.pop() {
                    height = finish(&branch, at, height, &mut ranges);
                    // A bracket lost inside is lost to the alternative around it, too.
                    if branch.first
                        && branch.unbalanced
                        && let Some(outer) = open.last_mut()
                    {
                        outer.unbalanced = true;
                    }
                }
            }
            _ => {}
        }
    }
    ranges
}

/// Ends an alternative: the height of brackets behind it.
fn finish(branch: &Open, end: usize, height: usize, ranges: &mut Vec<Range<usize>>) -> usize {
    if branch.first || (!branch.unbalanced && height == branch.floor) {
        return height;
    }
    while ranges.last().is_some_and(|range| range.start >= branch.begin) {
        ranges.pop();
    }
    ranges.push(branch.begin..end);
    branch.floor
}
