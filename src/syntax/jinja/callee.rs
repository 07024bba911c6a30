//! Names that are called, or whose members are: what the rewriter writes around them.

use super::rewrite::{CALL, NAME, NO_CALL, Names, Rewritten, SPACE};
use super::tokens::{Token, TokenKind};

/// Tokens that are looked through for the end of one operand.
const MAX_OPERAND: usize = 500;

/// Where a tag's names stand.
pub(super) struct Context<'tag> {
    pub(super) part: &'tag str,
    pub(super) base: usize,
    pub(super) names: &'tag Names<'tag>,
    /// The tag is a statement, whose first token is its name.
    pub(super) first_is_name: bool,
    /// A test is named next.
    pub(super) after_is: bool,
}

/// What follows a name.
pub(super) struct Callee<'tag> {
    pub(super) following: &'tag [Token],
    /// A member by a subscript is called, which is written already.
    pub(super) is_item: bool,
    /// The call of a `{% call %}` block.
    pub(super) is_block: bool,
}

impl Context<'_> {
    /// `name…[key](`: the places of its brackets. `marks` is what is written before the name for other reasons:
    /// parentheses around what is subscripted may stand within, others may not.
    pub(super) fn item<'m, M: Iterator<Item = &'m str>>(
        &self,
        list: &[Token],
        index: usize,
        marks: impl FnOnce() -> M,
    ) -> Option<(usize, usize)> {
        let (token, next) = (list.get(index)?, list.get(index + 1)?);
        let before = index.checked_sub(1).and_then(|at| list.get(at)).map_or("", |before| before.of(self.part));
        let is_given = index == 0 && self.first_is_name;
        let is_name = token.kind == TokenKind::Name
            && !is_given
            && !matches!(before, "." | "|" | "is")
            && !self.after_is
            && !NO_CALL.contains(&token.of(self.part));
        if !is_name || !matches!(next.of(self.part), "[" | ".") {
            return None;
        }
        let mut marks = marks();
        if marks.next().is_some_and(|mark| mark != "(") || marks.next().is_some() {
            return None;
        }
        let (open, close) = called_item(self.part, list.get(index + 1..)?)?;
        Some((index + 1 + open, index + 1 + close))
    }

    /// `name(` and `name.….attribute(`, and where names must exist `name.` and `name[`.
    pub(super) fn rewrite_name(&self, token: &Token, callee: &Callee<'_>, out: &mut Rewritten) {
        let name = token.of(self.part);
        let wrapper = match callee.following.first().map(|next| next.of(self.part)) {
            Some("(") => CALL,
            Some(".") if !callee.is_item && is_dotted_call(self.part, callee.following) => SPACE,
            Some("." | "[") if self.names.is_strict && !self.names.locals.contains(name) => NAME,
            _ => {
                out.text.push_str(name);
                return;
            }
        };
        let (offset, shown) = (self.base + token.start, self.names.shown(name));
        out.write(&format!("{wrapper}({offset},\"{shown}\","), 0);
        out.text.push_str(name);
        out.write(if callee.is_block && wrapper == CALL { ",true)" } else { ")" }, 0);
    }
}

/// The brackets of the last subscript of an operand where that is called, by their places behind the name.
fn called_item(part: &str, following: &[Token]) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut last = None;
    while at < MAX_OPERAND {
        match following.get(at).map_or("", |token| token.of(part)) {
            "." if following.get(at + 1).is_some_and(|name| name.kind == TokenKind::Name) => {
                last = None;
                at += 2;
            }
            "(" if last.is_some() => return last,
            open @ ("[" | "(") => {
                let (close, is_plain) = closing_bracket(part, following, at)?;
                last = (open == "[" && is_plain && close > at + 1).then_some((at, close));
                at = close + 1;
            }
            _ => return None,
        }
    }
    None
}

/// The bracket that closes another, and whether no colon and no comma stands between the two.
fn closing_bracket(part: &str, list: &[Token], open: usize) -> Option<(usize, bool)> {
    let mut depth = 0usize;
    let mut is_plain = true;
    for (at, token) in list.iter().enumerate().skip(open).take(MAX_OPERAND) {
        match token.of(part) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some((at, is_plain));
                }
            }
            ":" | "," if depth == 1 => is_plain = false,
            _ => {}
        }
    }
    None
}

/// Whether a name is what a `{% call %}` block calls: `call name(…)` and `call(x) name(…)`.
pub(super) fn opens_call_block(part: &str, list: &[Token], index: usize) -> bool {
    match list.get(..index).unwrap_or_default() {
        [_] => true,
        [_, open, .., close] => {
            let has_one = |tokens: &[Token]| tokens.iter().filter(|token| token.of(part) == "(").count() == 1;
            open.of(part) == "(" && close.of(part) == ")" && index <= MAX_OPERAND && has_one(&list[..index])
        }
        _ => false,
    }
}

fn is_dotted_call(part: &str, following: &[Token]) -> bool {
    let mut rest = following;
    while let [dot, name, tail @ ..] = rest {
        if dot.of(part) != "." || name.kind != TokenKind::Name {
            return false;
        }
        if tail.first().is_some_and(|next| next.of(part) == "(") {
            return true;
        }
        rest = tail;
    }
    false
}
