//! Rewrites a template so that minijinja runs it as Jinja2 would, and keeps the way back to the
//! original offsets.
//!
//! Only what stands inside tags changes, so raw text merely shifts:
//! - `name(` becomes `__call(OFFSET, "name", name)(`: a call knows where it stands, and a name that
//!   nobody knows is a value like any other, not an error;
//! - `name.` becomes `__space(OFFSET, "name", name).` before a dotted call, for the same reasons;
//! - `name[key](` becomes `__item(OFFSET, "name", name, key)(`: what is not there can be called, as in dbt;
//! - in macros, where dbt lets nobody read a name that does not exist, `name.` and `name[` become
//!   `__name(OFFSET, "name", name)`; a parameter's name is given as `=name` in all of these;
//! - list and dict literals become `__list([…])` and `__dict({…})`, which can be changed in place;
//! - arithmetic becomes `__math(a, "+", b)`, as `operators` finds it;
//! - what is compared, is a key or is subscripted, and tuples go through filters, as `looks` finds them;
//! - `do`, `print`, unary plus, `'…' % values`, a trailing colon, odd whitespace, adjacent strings and
//!   integers of more than 38 digits are put in the words minijinja knows.

use super::callee::{Callee, Context, opens_call_block};
use super::looks::looks;
use super::operators;
use super::tags::{Tag, TagKind, tags};
use super::tokens::{Token, TokenKind, tokens};
use crate::span::{Span, SyntaxError};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// The names the rewritten text calls; `project::jinja` defines them.
pub const CALL: &str = "__call";
pub const SPACE: &str = "__space";
pub const LIST: &str = "__list";
pub const DICT: &str = "__dict";
/// The filter that does what `'…' % values` does in Python.
pub const FORMAT: &str = "__format";
/// Wraps what is stored in a namespace.
pub const KEEP: &str = "__keep";
/// A member by a subscript that is called.
pub const ITEM: &str = "__item";
/// A name whose members are read.
pub const NAME: &str = "__name";
/// What dbt calls the macro of a template that is no macro file: `{% macro m() %}`.
pub const RENAMED: &str = "dbt_macro__";
/// An integer of more digits than the engine has: its text, with which nobody can reckon.
pub const BIG: &str = "__big";
/// What a keyword is called that a call gives once more.
pub const AGAIN: &str = "__again__";
/// Arithmetic with what may be a date, a set or a list: `__math(a, "+", b, "-", c)`.
pub const MATH: &str = "__math";
pub const NEGATIVE: &str = "__negative";
/// Filters for what is compared or hashed, for what is subscripted, and for tuples: they count what is looked at.
pub const LOOK: &str = "__look";
pub const PART: &str = "__part";
pub const TUPLE: &str = "__tuple";

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rewritten {
    pub text: String,
    /// Offsets in `text` from which on the original lies this many bytes further back.
    pub shifts: Shifts,
    pub errors: Vec<SyntaxError>,
    /// Keywords that a call gives once more, which Python refuses.
    pub repeated: Vec<(Span, Arc<str>)>,
}

/// Offsets in a rewritten text from which on the original lies this many bytes further back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shifts(Vec<(u32, i64)>);

impl Shifts {
    /// The offset in the original text of an offset in the rewritten one.
    pub fn original(&self, offset: usize) -> usize {
        let at = self.0.partition_point(|(from, _)| *from as usize <= offset);
        let shift = at.checked_sub(1).and_then(|at| self.0.get(at)).map_or(0, |(_, shift)| *shift);
        // Within what was written here, nothing behind it is meant.
        let next = self.0.get(at).map_or(i64::MAX, |(from, shift)| i64::from(*from) - shift);
        usize::try_from((offset as i64 - shift).min(next)).unwrap_or_default()
    }
}

impl Rewritten {
    /// The offset in the original text of an offset in `text`.
    pub fn original(&self, offset: usize) -> usize {
        self.shifts.original(offset)
    }

    /// `__list(`, apart from a keyword that stands right before it: `in[1, 2]`.
    fn open(&mut self, wrapper: &str) {
        if self.text.ends_with(|last: char| last == '_' || last.is_alphanumeric()) {
            self.write(" ", 0);
        }
        self.write(wrapper, 0);
        self.write("(", 0);
    }

    pub(super) fn write(&mut self, text: &str, removed: usize) {
        let shift = self.shifts.0.last().map_or(0, |(_, shift)| *shift) + text.len() as i64 - removed as i64;
        self.text.push_str(text);
        if text.len() != removed {
            self.shifts.0.push((u32::try_from(self.text.len()).unwrap_or(u32::MAX), shift));
        }
    }
}

/// Names that are no call although a parenthesis follows, or that minijinja itself must see.
pub(super) const NO_CALL: [&str; 21] = [
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "elif",
    "for",
    "set",
    "call",
    "filter",
    "macro",
    "super",
    "loop",
    "self",
    "range",
    "namespace",
    "dict",
    "true",
    "false",
];

/// Whose names a template reads.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'names> {
    /// A node's own text: dbt lets a name that does not exist be anything.
    Open,
    /// YAML and docs blocks: members of what does not exist are an error.
    Strict,
    /// A macro with these parameters, likewise.
    Macro(&'names [Arc<str>]),
}

/// The names that a template itself gives a value.
pub(super) struct Names<'text> {
    pub(super) locals: FxHashSet<&'text str>,
    parameters: &'text [Arc<str>],
    pub(super) is_strict: bool,
}

impl Names<'_> {
    /// What a name is called in a mark: nothing for a variable of the template, which may well hold nothing.
    pub(super) fn shown(&self, name: &str) -> String {
        match self.locals.contains(name) {
            true => String::new(),
            false if self.parameters.iter().any(|parameter| &**parameter == name) => format!("={name}"),
            false => name.to_owned(),
        }
    }
}

/// Rewrites `text[region]`; offsets written into calls are `text`'s own.
pub fn rewrite(text: &str, region: Span, scope: Scope<'_>) -> Rewritten {
    let part = region.of(text);
    let base = region.start as usize;
    let found = tags(part);
    let mut locals = FxHashSet::default();
    for tag in found.tags.iter().filter(|tag| tag.kind == TagKind::Statement) {
        assigned(part, tag, &mut locals);
    }
    let (parameters, is_strict) = match scope {
        Scope::Open => (&[] as &[_], false),
        Scope::Strict => (&[] as &[_], true),
        Scope::Macro(parameters) => (parameters, true),
    };
    let names = Names { locals, parameters, is_strict };
    let mut out = Rewritten { text: String::with_capacity(part.len() * 5 / 4), ..Rewritten::default() };
    out.errors = found.errors.into_iter().map(|error| shifted(error, base)).collect();
    let mut done = 0;
    for tag in &found.tags {
        let (start, end) = (tag.inner.start as usize, tag.inner.end as usize);
        match tag.kind {
            TagKind::Expression | TagKind::Statement => {
                out.text.push_str(&part[done..start]);
                rewrite_tag(part, base, tag, &names, &mut out);
                done = end;
            }
            // minijinja reads both as Jinja2 does. A tag that is too long was turned into a comment
            // and must not be parsed.
            TagKind::Comment if part.as_bytes().get(tag.span.start as usize + 1) != Some(&b'#') => {
                out.text.push_str(&part[done..tag.span.start as usize]);
                out.write("", tag.span.range().len());
                done = tag.span.end as usize;
            }
            TagKind::Comment | TagKind::Raw => {}
        }
    }
    let rest = &part[done..];
    match out.errors.iter().find(|error| error.kind.is_cut()) {
        // What follows an unclosed tag is not template text any more.
        Some(error) => {
            let until = (error.span.start as usize).saturating_sub(base).clamp(done, part.len());
            out.text.push_str(&part[done..until]);
        }
        None => out.text.push_str(rest),
    }
    out
}

fn shifted(error: SyntaxError, base: usize) -> SyntaxError {
    let span = Span::new(error.span.start as usize + base, error.span.end as usize + base);
    SyntaxError { span, ..error }
}

fn rewrite_tag(part: &str, base: usize, tag: &Tag, names: &Names<'_>, out: &mut Rewritten) {
    let (start, end) = (tag.inner.start as usize, tag.inner.end as usize);
    let list = tokens(part, start, end);
    let statement = tag.kind == TagKind::Statement;
    let mut done = start;
    let mut closing: Vec<Bracket> = Vec::new();
    // Subscripts that are called: where they open and close.
    let (mut opened, mut closed) = (FxHashSet::default(), FxHashSet::default());
    let mut after_is = false;
    let mut kept = false;
    let mut formatted: Vec<usize> = Vec::new();
    let rows = operators::rows(part, &list, statement);
    let word = if statement { list.first().map_or("", |token| token.of(part)) } else { "" };
    let looks = looks(part, &list, word);
    for (index, token) in list.iter().enumerate() {
        let before = list[..index].iter().rfind(|token| token.kind != TokenKind::OddSpace).copied();
        let after = list.get(index + 1).copied();
        let shown = token.of(part);
        out.text.push_str(&part[done..token.start]);
        for _ in 0..rows.opened_at(index) {
            out.open(MATH);
        }
        done = token.end;
        let context = Context { part, base, names, first_is_name: statement, after_is };
        let item = context.item(&list, index, || looks.before(index));
        if let Some((open, close)) = item {
            let name = names.shown(shown);
            out.write(&format!("{ITEM}({},\"{name}\",", base + token.start), 0);
            opened.insert(open);
            closed.insert(close);
        }
        looks.before(index).for_each(|mark| out.write(mark, 0));
        match token.kind {
            TokenKind::OddSpace => out.write(" ", token.end - token.start),
            TokenKind::Integer if shown.len() > 38 => out.write(&format!("{BIG}('{shown}')"), shown.len()),
            TokenKind::Text if before.is_some_and(|before| before.kind == TokenKind::Text) => {
                out.write("~ ", 0);
                out.text.push_str(shown);
            }
            TokenKind::Name if index == 0 && statement && shown == "do" => out.write("set __done =", 2),
            // What the statement prints is lost; what it calls is not.
            TokenKind::Name if index == 0 && statement && shown == "print" => out.write("set __done =", 5),
            TokenKind::Name => {
                let defines = statement && index <= 1 && matches!(word, "macro" | "filter");
                let first = statement && index == 0;
                let named = before.is_some_and(|before| matches!(before.of(part), "." | "|")) || defines || first;
                let tested = before.is_some_and(|before| before.of(part) == "is") || after_is;
                let is_keyword = after.is_some_and(|after| after.of(part) == "=")
                    && before.is_some_and(|before| matches!(before.of(part), "(" | ","));
                if is_keyword && let Some(Bracket::Call(given)) = closing.last_mut() {
                    if !given.insert(shown) {
                        out.repeated.push((Span::new(base + token.start, base + token.end), shown.into()));
                        out.write(&format!("{AGAIN}{}__", out.repeated.len()), 0);
                    }
                    out.text.push_str(shown);
                } else if defines && word == "macro" && index == 1 {
                    out.write(RENAMED, 0);
                    out.text.push_str(shown);
                } else if !named && !tested && !NO_CALL.contains(&shown) {
                    let is_block = word == "call" && opens_call_block(part, &list, index);
                    let callee = Callee { following: &list[index + 1..], is_item: item.is_some(), is_block };
                    context.rewrite_name(token, &callee, out);
                } else {
                    out.text.push_str(shown);
                }
            }
            TokenKind::Operator => match shown {
                _ if rows.has_operator(index) => out.write(&format!(",\"{shown}\","), shown.len()),
                "[" if opened.contains(&index) => {
                    out.write(",", 1);
                    closing.push(Bracket::Other(false));
                }
                "]" if closed.contains(&index) => {
                    closing.pop();
                    out.write(")", 1);
                }
                "[" => {
                    let literal = !before.is_some_and(|before| ends_operand(part, before, statement && index == 1));
                    if literal {
                        out.open(LIST);
                    }
                    out.text.push('[');
                    closing.push(Bracket::Other(literal));
                }
                // minijinja knows no unary plus.
                "+" if !before.is_some_and(|before| ends_operand(part, before, statement && index == 1)) => {
                    out.write(" ", 1);
                }
                "-" if !before.is_some_and(|before| ends_operand(part, before, statement && index == 1))
                    && after.is_some_and(|after| after.kind == TokenKind::Name || after.of(part) == "(") =>
                {
                    out.write("", 1);
                    out.open(NEGATIVE);
                    formatted.push(operand_end(part, &list, index + 1));
                }
                "%" if before.is_some_and(|before| before.kind == TokenKind::Text) => {
                    let end = operand_end(part, &list, index + 1);
                    out.write(&format!("|{FORMAT}("), 1);
                    formatted.push(end);
                }
                "{" => {
                    out.open(DICT);
                    out.text.push('{');
                    closing.push(Bracket::Other(true));
                }
                "(" => {
                    out.text.push('(');
                    let calls = before.is_some_and(|before| ends_operand(part, before, statement && index == 1));
                    closing.push(if calls { Bracket::Call(FxHashSet::default()) } else { Bracket::Other(false) });
                }
                "]" | "}" | ")" => {
                    out.text.push_str(shown);
                    if matches!(closing.pop(), Some(Bracket::Other(true))) {
                        out.write(")", 0);
                    }
                }
                // `set ns.a = …`: what is stored is looked at first.
                "=" if word == "set"
                    && !kept
                    && closing.is_empty()
                    && list.get(2).is_some_and(|it| it.of(part) == ".") =>
                {
                    out.text.push('=');
                    out.write(KEEP, 0);
                    out.write("(", 0);
                    kept = true;
                }
                ":" if after.is_none() && statement && closing.is_empty() => out.write(" ", 1),
                _ => out.text.push_str(shown),
            },
            _ => out.text.push_str(shown),
        }
        looks.behind(index).for_each(|mark| out.write(mark, 0));
        while formatted.last().is_some_and(|end| *end <= index) {
            formatted.pop();
            out.write(")", 0);
        }
        for _ in 0..rows.closed_at(index) {
            out.write(")", 0);
        }
        after_is = token.kind == TokenKind::Name && shown == "not" && before.is_some_and(|it| it.of(part) == "is");
    }
    out.write(looks.end, 0);
    if kept {
        out.write(")", 0);
    }
    out.text.push_str(&part[done..end]);
}

/// What a bracket that is open belongs to.
enum Bracket<'text> {
    /// A call, with the keywords given so far.
    Call(FxHashSet<&'text str>),
    /// Anything else; a literal is wrapped in a call of its own.
    Other(bool),
}

/// The names a statement gives a value: `set a, b = …`, `for x in …`, `macro m(a, b)`, `call(x) …`.
fn assigned<'text>(part: &'text str, tag: &Tag, locals: &mut FxHashSet<&'text str>) {
    let word = tag.word(part);
    let stop = match word {
        "set" => "=",
        "for" => "in",
        "macro" | "call" => ")",
        _ => return,
    };
    let list = tokens(part, tag.inner.start as usize, tag.inner.end as usize);
    if word == "call" && list.get(1).is_none_or(|token| token.of(part) != "(") {
        return;
    }
    // A macro's own name is not a variable: dbt gives it another.
    let skipped = if word == "macro" { 2 } else { 1 };
    let names = list.iter().skip(skipped).take_while(|token| token.of(part) != stop);
    locals.extend(names.filter(|token| token.kind == TokenKind::Name).map(|token| token.of(part)));
}

/// The last token of the operand that begins at a token: a name or literal with all its calls,
/// subscripts and attributes, or what stands in parentheses.
fn operand_end(part: &str, list: &[Token], start: usize) -> usize {
    let mut at = start;
    let mut depth = 0usize;
    while list.get(at).is_some_and(|token| token.of(part) == "-") {
        at += 1;
    }
    while let Some(token) = list.get(at) {
        match token.of(part) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let next = list.get(at + 1).map_or("", |next| next.of(part));
        let goes_on = matches!(next, "." | "(" | "[") || token.of(part) == ".";
        if depth == 0 && !goes_on {
            break;
        }
        at += 1;
    }
    at.min(list.len().saturating_sub(1))
}

/// Whether a bracket after this token is a subscript.
pub(super) fn ends_operand(part: &str, token: Token, is_word: bool) -> bool {
    match token.kind {
        TokenKind::Name => {
            !is_word
                && !matches!(token.of(part), "in" | "and" | "or" | "not" | "is" | "if" | "else" | "elif" | "return")
        }
        TokenKind::Text | TokenKind::Integer | TokenKind::Number => true,
        TokenKind::Operator => matches!(token.of(part), ")" | "]" | "}"),
        TokenKind::OddSpace | TokenKind::Unclosed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        rewrite(text, Span::new(0, text.len()), Scope::Open).text
    }

    #[test]
    fn calls_carry_their_offset_and_name() {
        assert_eq!(rewritten("a {{ ref('x') }}"), "a {{ __call(5,\"ref\",ref)('x') }}");
        assert_eq!(
            rewritten("{{ dbt_utils.star(f(1)) }}"),
            "{{ __space(3,\"dbt_utils\",dbt_utils).star(__call(18,\"f\",f)(1)) }}"
        );
    }

    #[test]
    fn a_variable_of_the_template_is_no_unknown_name() {
        assert_eq!(rewritten("{% set f = x %}{{ f() }}"), "{% set f = x %}{{ __call(18,\"\",f)() }}");
        assert_eq!(rewritten("{% for c in x %}{{ c.m() }}"), "{% for c in x %}{{ __space(19,\"\",c).m() }}");
    }

    #[test]
    fn filters_tests_keywords_and_definitions_are_no_calls() {
        for text in [
            "{{ a|join(',') }}",
            "{% if a is divisibleby(3) and not (b) %}",
            "{% if a is not divisibleby(3) %}",
            "{% call(x) y %}",
            "{{ a['b':](1) }}",
        ] {
            assert_eq!(rewritten(text), text);
        }
    }

    #[test]
    fn a_subscript_that_is_called_is_looked_up_first() {
        assert_eq!(rewritten("{{ a['b'](1) }}"), "{{ __item(3,\"a\",a,'b')(1) }}");
        assert_eq!(rewritten("{{ a.b(1)['c'](2) }}"), "{{ __item(3,\"a\",a.b(1),'c')(2) }}");
        assert_eq!(rewritten("{{ f(a['b']) }}"), "{{ __call(3,\"f\",f)(a['b']) }}");
    }

    #[test]
    fn members_of_a_name_are_marked_where_the_name_must_exist() {
        let given = [Arc::from("p")];
        let text = "{% set x = 1 %}{{ a.b }}{{ p['k'] }}{{ x.y }}{{ p.q() }}{{ loop.index }}";
        let out = rewrite(text, Span::new(0, text.len()), Scope::Macro(&given)).text;
        let expected = "{% set x = 1 %}{{ __name(18,\"a\",a).b }}{{ __name(27,\"=p\",p)['k'] }}{{ x.y }}\
                        {{ __space(48,\"=p\",p).q() }}{{ loop.index }}";
        assert_eq!(out, expected);
    }

    #[test]
    fn a_keyword_given_twice_is_told_and_both_are_kept() {
        let out = rewrite("{{ f(a=1, b=g(a=2), a=3) }}", Span::new(0, 27), Scope::Open);
        assert_eq!(out.text, "{{ __call(3,\"f\",f)(a=1, b=__call(12,\"g\",g)(a=2), __again__1__a=3) }}");
        assert_eq!(out.repeated, [(Span::new(20, 21), Arc::from("a"))]);
    }

    #[test]
    fn a_macro_of_a_template_has_dbts_name_and_a_call_block_says_so() {
        assert_eq!(rewritten("{% macro m(a, b) %}"), "{% macro dbt_macro__m(a, b) %}");
        assert_eq!(rewritten("{% call(x) m(f(1)) %}"), "{% call(x) __call(11,\"m\",m,true)(__call(13,\"f\",f)(1)) %}");
    }

    #[test]
    fn literals_become_mutable_and_subscripts_stay() {
        assert_eq!(rewritten("{% set a = [1, {'b': [2]}] %}"), "{% set a = __list([1, __dict({'b': __list([2])})]) %}");
        assert_eq!(rewritten("{{ a[0] }}{{ a()[0] }}"), "{{ (a|__part)[0] }}{{ __call(13,\"a\",a)()[0] }}");
        assert_eq!(rewritten("{% for x in [1] %}"), "{% for x in __list([1]) %}");
        assert_eq!(rewritten("{% if x in['a'] %}"), "{% if x in __list(['a']) %}");
    }

    #[test]
    fn what_python_allows_is_put_in_minijinjas_words() {
        assert_eq!(rewritten("{% do a.append(1) %}"), "{% set __done = __space(6,\"a\",a).append(1) %}");
        assert_eq!(rewritten("{% if x: %}"), "{% if x  %}");
        assert_eq!(rewritten("{{ a\u{a0}~ 'b' 'c' }}"), "{{ a ~ 'b' ~ 'c' }}");
    }

    #[test]
    fn pythons_string_formatting_becomes_a_filter() {
        assert_eq!(rewritten("{{ '%s!' % x.y[0] ~ 'z' }}"), "{{ '%s!' |__format( (x.y|__part)[0]) ~ 'z' }}");
        assert_eq!(rewritten("{{ '%s %s' % (a, 'b') }}"), "{{ '%s %s' |__format( ((a, 'b')|__tuple)) }}");
        assert_eq!(rewritten("{{ 7 % 2 }}"), "{{ 7 % 2 }}");
    }

    #[test]
    fn what_a_namespace_stores_is_looked_at_first() {
        assert_eq!(rewritten("{% set ns.a = b + 1 %}"), "{% set ns.a =__keep( b + 1) %}");
        assert_eq!(rewritten("{% set a = b.c %}"), "{% set a = b.c %}");
    }

    #[test]
    fn offsets_lead_back_to_the_original() {
        let text = "x {{ ref('é') }} tail {{ [1] }} end";
        let out = rewrite(text, Span::new(0, text.len()), Scope::Open);
        for word in ["tail", "end", "'é'"] {
            let at = out.text.find(word).unwrap();
            assert_eq!(out.original(at), text.find(word).unwrap(), "{word}");
        }
    }

    #[test]
    fn text_after_an_unclosed_tag_is_dropped() {
        let out = rewrite("a {{ b }} c {{ d", Span::new(0, 16), Scope::Open);
        assert_eq!(out.text, "a {{ b }} c ");
        assert_eq!(out.errors.len(), 1);
    }
}
