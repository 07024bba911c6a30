//! Finds what the engine does with values and does not pay for: comparing and hashing them, looking into
//! texts, and tuples. What is looked at goes through a filter that counts it.

use super::rewrite::{LOOK, PART, TUPLE, ends_operand};
use super::tokens::{Token, TokenKind};

/// What to write before and behind the tokens of a tag, by their indices.
#[derive(Debug, Default)]
pub(super) struct Looks {
    before: Vec<(usize, String)>,
    behind: Vec<(usize, String)>,
    /// What to write where the tag ends.
    pub(super) end: &'static str,
}

#[derive(Debug)]
struct Open {
    start: usize,
    bracket: u8,
    /// What stands before it is called or subscripted.
    follows: bool,
    comma: bool,
    /// Nothing but literals stands in it.
    plain: bool,
}

/// Literals one after another that are looked through for their end.
const MAX_LITERALS: usize = 200;

struct Reader<'text> {
    text: &'text str,
    list: &'text [Token],
    statement: bool,
    found: Looks,
}

/// `word`: the name of a statement, which is its first token.
pub(super) fn looks(text: &str, list: &[Token], word: &str) -> Looks {
    let needs = |token: &Token| match token.kind {
        TokenKind::Operator => {
            matches!(token.of(text), "==" | "!=" | "<" | ">" | "<=" | ">=" | "[" | "," | ":")
        }
        TokenKind::Name => token.of(text) == "in",
        _ => false,
    };
    if !list.iter().any(needs) {
        return Looks::default();
    }
    let mut reader = Reader { text, list, statement: !word.is_empty(), found: Looks::default() };
    reader.read(word);
    reader.found.before.sort_by_key(|(index, _)| *index);
    reader.found.behind.sort_by_key(|(index, _)| *index);
    reader.found
}

impl Looks {
    pub(super) fn before(&self, index: usize) -> impl Iterator<Item = &str> {
        of(&self.before, index)
    }

    pub(super) fn behind(&self, index: usize) -> impl Iterator<Item = &str> {
        of(&self.behind, index)
    }
}

fn of(marks: &[(usize, String)], index: usize) -> impl Iterator<Item = &str> {
    let start = marks.partition_point(|(at, _)| *at < index);
    marks[start..].iter().take_while(move |(at, _)| *at == index).map(|(_, mark)| mark.as_str())
}

impl Reader<'_> {
    fn shown(&self, index: usize) -> &str {
        self.list.get(index).map_or("", |token| token.of(self.text))
    }

    /// The token before another that is no odd space.
    fn prior(&self, index: usize) -> Option<usize> {
        self.list.get(..index)?.iter().rposition(|token| token.kind != TokenKind::OddSpace)
    }

    fn is_literal(&self, index: usize) -> bool {
        self.list.get(index).is_some_and(|token| match token.kind {
            TokenKind::Text | TokenKind::Integer | TokenKind::Number => true,
            TokenKind::Name => {
                matches!(token.of(self.text), "true" | "false" | "none" | "True" | "False" | "None")
            }
            _ => false,
        })
    }

    /// Whether an operand ends here that may hold anything.
    fn ends_value(&self, index: usize) -> bool {
        let token = self.list[index];
        ends_operand(self.text, token, self.statement && index == 0) && !self.is_literal(index)
    }

    /// Whether what begins here is a literal, or a list of some.
    fn begins_literal(&self, index: usize) -> bool {
        if matches!(self.shown(index), "[" | "(") {
            let inner = self.list[index + 1..].iter().zip(index + 1..).take(MAX_LITERALS);
            let rest = inner.map(|(_, at)| at).find(|at| !self.is_literal(*at) && self.shown(*at) != ",");
            return rest.is_some_and(|at| matches!(self.shown(at), "]" | ")"));
        }
        self.is_literal(index)
    }

    fn read(&mut self, word: &str) {
        let mut open: Vec<Open> = Vec::new();
        // The targets of a loop and of an assignment are no values.
        let mut in_targets = matches!(word, "for" | "set");
        for index in 0..self.list.len() {
            let token = self.list[index];
            let prior = self.prior(index);
            match (token.kind, token.of(self.text)) {
                (TokenKind::OddSpace, _) => {}
                (TokenKind::Name, "in") if open.is_empty() && in_targets && word == "for" => in_targets = false,
                (TokenKind::Name, "in") => {
                    let negation = prior.filter(|at| self.shown(*at) == "not");
                    let left = negation.map_or(prior, |at| self.prior(at));
                    if left.is_some_and(|left| self.ends_value(left)) && !self.begins_literal(index + 1) {
                        self.look(negation.unwrap_or(index));
                    }
                }
                (TokenKind::Name, _) => {
                    if let Some(inner) = open.last_mut().filter(|_| !self.is_literal(index)) {
                        inner.plain = false;
                    }
                }
                (TokenKind::Operator, shown @ ("(" | "[" | "{")) => {
                    let follows =
                        prior.filter(|at| ends_operand(self.text, self.list[*at], self.statement && *at == 0));
                    if let (Some(end), "[") = (follows, shown) {
                        self.subscript(end, index);
                    }
                    let follows = follows.is_some();
                    open.push(Open { start: index, bracket: shown.as_bytes()[0], follows, comma: false, plain: true });
                }
                (TokenKind::Operator, ")" | "]" | "}") => {
                    let Some(closed) = open.pop() else { return };
                    let targets = in_targets && open.is_empty() || word == "call" && closed.start == 1;
                    let named = self.shown(index + 1) == "=";
                    if closed.bracket == b'(' && closed.comma && !closed.follows && !closed.plain && !targets && !named
                    {
                        self.found.before.push((closed.start, "(".to_owned()));
                        self.found.behind.push((index, format!("|{TUPLE})")));
                    }
                    if let Some(outer) = open.last_mut() {
                        outer.plain &= closed.plain && !closed.follows;
                    }
                }
                (TokenKind::Operator, ",") => {
                    if let Some(inner) = open.last_mut() {
                        inner.comma = true;
                    }
                }
                (TokenKind::Operator, "==" | "!=" | "<" | ">" | "<=" | ">=")
                    if prior.is_some_and(|at| self.ends_value(at)) && !self.begins_literal(index + 1) =>
                {
                    self.look(index);
                }
                (TokenKind::Operator, ":")
                    if open.last().is_some_and(|inner| inner.bracket == b'{')
                        && prior.is_some_and(|at| self.ends_value(at)) =>
                {
                    self.look(index);
                }
                (TokenKind::Operator, "=") if open.is_empty() && in_targets && word == "set" => {
                    in_targets = false;
                    if self.is_bare_tuple(index + 1) {
                        self.found.behind.push((index, "((".to_owned()));
                        self.found.end = ")|__tuple)";
                    }
                }
                _ => {}
            }
        }
    }

    fn look(&mut self, index: usize) {
        self.found.before.push((index, format!("|{LOOK} ")));
    }

    /// `name.part[…]` may look into a text.
    fn subscript(&mut self, end: usize, bracket: usize) {
        let is_name = |at: usize| self.list.get(at).is_some_and(|token| token.kind == TokenKind::Name);
        if !is_name(end) || self.list.get(bracket + 1).is_some_and(|token| token.kind == TokenKind::Text) {
            return;
        }
        let mut start = end;
        while start >= 2 && self.shown(start - 1) == "." && is_name(start - 2) {
            start -= 2;
        }
        let before = start.checked_sub(1).map_or("", |at| self.shown(at));
        if matches!(before, "." | "|" | "is") || start == 0 && self.statement {
            return;
        }
        self.found.before.push((start, "(".to_owned()));
        self.found.behind.push((end, format!("|{PART})")));
    }

    /// Whether `a, b` stands from here to the end of the tag.
    fn is_bare_tuple(&self, from: usize) -> bool {
        let mut depth = 0usize;
        let mut comma = false;
        for index in from..self.list.len() {
            match self.shown(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                "," if depth == 0 => comma = true,
                ":" if depth == 0 => return false,
                _ => {}
            }
        }
        comma
    }
}

#[cfg(test)]
mod tests {
    use crate::jinja::rewrite::{Scope, rewrite};
    use crate::span::Span;

    fn rewritten(text: &str) -> String {
        rewrite(text, Span::new(0, text.len()), Scope::Open).text
    }

    #[test]
    fn what_is_compared_or_is_a_key_is_looked_at() {
        assert_eq!(rewritten("{{ a.b == c }}"), "{{ a.b |__look == c }}");
        assert_eq!(rewritten("{{ a not in b and c in d }}"), "{{ a |__look not in b and c |__look in d }}");
        assert_eq!(rewritten("{{ {a: b} }}"), "{{ __dict({a|__look : b}) }}");
        assert_eq!(rewritten("{% for a in b if a in c %}"), "{% for a in b if a |__look in c %}");
    }

    #[test]
    fn what_is_compared_with_a_literal_is_left_alone() {
        for text in [
            "{{ a == 'x' }}",
            "{{ 1 < a }}",
            "{{ a in ('x', 'y') }}",
            "{{ a is none }}",
            "{{ a == none }}",
            "{{ {'a': 1} }}",
            "{% for a in b %}",
        ] {
            assert_eq!(rewritten(text).replace("__dict({'a': 1})", "{'a': 1}"), text);
        }
    }

    #[test]
    fn tuples_are_looked_at_and_targets_are_none() {
        assert_eq!(rewritten("{{ (a, 1) }}"), "{{ ((a, 1)|__tuple) }}");
        assert_eq!(rewritten("{% set t = t, t %}"), "{% set t =(( t, t)|__tuple) %}");
        for text in
            ["{% for (a, b) in c %}", "{% set (a, b) = c %}", "{% call (a, b) c %}", "{{ ('x', 1) }}", "{{ (a) }}"]
        {
            assert_eq!(rewritten(text), text);
        }
    }

    #[test]
    fn a_subscript_may_look_into_a_text() {
        assert_eq!(rewritten("{{ a.b[0] }}"), "{{ (a.b|__part)[0] }}");
        assert_eq!(rewritten("{{ a['x'] }}"), "{{ a['x'] }}");
    }
}
