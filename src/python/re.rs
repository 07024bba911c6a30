//! `modules.re`: Python's functions, expressions and matches, on the engine of `patterns`.

use crate::arguments::{Given, failed};
use crate::containers::MAX_HELD;
use crate::dicts::MutDict;
use crate::lists::MutList;
use crate::meter;
use crate::patterns::{Anchor, DOTALL, IGNORECASE, MULTILINE, Piece, VERBOSE, compile, escaped, pieces};
use crate::unknown::Unknown;
use fancy_regex::Regex;
use minijinja::value::{Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

pub(crate) const FUNCTIONS: [&str; 11] = [
    "re.match",
    "re.search",
    "re.fullmatch",
    "re.findall",
    "re.finditer",
    "re.sub",
    "re.subn",
    "re.split",
    "re.escape",
    "re.compile",
    "re.purge",
];

/// Work of one search, beside what the length of the text costs; of one that may go back and try again; and
/// of compiling an expression.
const SEARCH: u64 = 20;
const BACKTRACKING: u64 = 5_000;
const COMPILING: u64 = 20_000;

pub(crate) fn flag(name: &str) -> Option<i64> {
    Some(match name {
        "IGNORECASE" | "I" => IGNORECASE,
        "MULTILINE" | "M" => MULTILINE,
        "DOTALL" | "S" => DOTALL,
        "VERBOSE" | "X" => VERBOSE,
        "LOCALE" | "L" => 4,
        "UNICODE" | "U" => 32,
        "ASCII" | "A" => 256,
        "NOFLAG" => 0,
        _ => return None,
    })
}

/// `re.sub(…)` and the others, with the expression as their first argument.
pub(crate) fn call(state: &mut State, function: &str, args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    if given.has_unknown() {
        return Ok(Unknown::value());
    }
    let first = given.required(0, "pattern");
    match function {
        "purge" => return Ok(Value::from(())),
        "escape" => return Ok(Value::from(escaped(&first?.to_string()))),
        _ => {}
    }
    let flags_at = match function {
        "compile" => 1,
        "split" => 3,
        "sub" | "subn" => 4,
        _ => 2,
    };
    let flags = given.integer(flags_at, "flags")?.unwrap_or_default();
    let first = first?;
    let expression = match first.downcast_object::<Expression>() {
        Some(expression) => expression,
        None => Arc::new(Expression { pattern: text_of(&first)?, flags }),
    };
    match function {
        "compile" => {
            expression.compiled(Anchor::Anywhere)?;
            Ok(Value::from_dyn_object(expression))
        }
        _ => expression.run(state, function, &given, 1),
    }
}

fn text_of(value: &Value) -> Result<Arc<str>, Error> {
    match value.as_str() {
        Some(text) => Ok(text.into()),
        None if value.is_undefined() => Ok("".into()),
        None => Err(failed("expected string or bytes-like object")),
    }
}

/// `re.compile(…)`
#[derive(Debug)]
pub(crate) struct Expression {
    pattern: Arc<str>,
    flags: i64,
}

/// The compiled expressions of one rendering.
pub(crate) type Compiled = FxHashMap<(Arc<str>, i64, Anchor), Arc<Regex>>;
const MAX_COMPILED: usize = 200;

thread_local! {
    /// Those of the rendering that runs; nothing is kept outside of any.
    static COMPILED: RefCell<Option<Compiled>> = const { RefCell::new(None) };
}

/// Keeps expressions in this from now on; gives what they were kept in.
pub(crate) fn keep_compiled(kept: Option<Compiled>) -> Option<Compiled> {
    COMPILED.replace(kept)
}

impl Expression {
    fn compiled(&self, anchor: Anchor) -> Result<Arc<Regex>, Error> {
        let key = (self.pattern.clone(), self.flags, anchor);
        if let Some(found) = COMPILED.with_borrow(|kept| kept.as_ref()?.get(&key).cloned()) {
            return Ok(found);
        }
        meter::spend(COMPILING)?;
        let compiled = compile(&self.pattern, self.flags, anchor);
        let compiled = compiled.map_err(|error| failed(&format!("the regular expression cannot be read: {error}")))?;
        let compiled = Arc::new(compiled);
        COMPILED.with_borrow_mut(|kept| {
            if let Some(kept) = kept {
                if kept.len() >= MAX_COMPILED {
                    kept.clear();
                }
                kept.insert(key, compiled.clone());
            }
        });
        Ok(compiled)
    }

    /// Whether it says what the engine finds by going back and trying again: what stands around, or stood before.
    fn goes_back(&self) -> bool {
        let pattern = self.pattern.as_bytes();
        pattern.windows(3).any(|it| it == b"(?=" || it == b"(?!" || it == b"(?<" || it == b"(?>")
            || pattern.windows(2).any(|it| it[0] == b'\\' && it[1].is_ascii_digit())
            || self.pattern.contains("(?(")
            || self.pattern.contains("(?P=")
    }

    /// Runs a method whose own arguments begin at `at`.
    fn run(self: &Arc<Self>, state: &mut State, method: &str, given: &Given<'_>, at: usize) -> Result<Value, Error> {
        let anchor = match method {
            "match" => Anchor::Start,
            "fullmatch" => Anchor::Whole,
            _ => Anchor::Anywhere,
        };
        let of_text = if method.starts_with("sub") { at + 1 } else { at };
        let text = text_of(&given.required(of_text, "string")?)?;
        meter::spend_text(text.len() / 4)?;
        let search = Search { expression: self.clone(), regex: self.compiled(anchor)?, text };
        let limit = |at, name: &str| -> Result<usize, Error> {
            let limit = given.integer(at, name)?.filter(|limit| *limit > 0);
            Ok(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX))
        };
        Ok(match method {
            "match" | "search" | "fullmatch" => {
                // Only a method takes a place to begin at.
                let start = if at == 0 { given.integer(1, "pos")?.unwrap_or_default() } else { 0 };
                let start = usize::try_from(start).unwrap_or_default();
                let start = search.text.char_indices().nth(start).map_or(search.text.len(), |(at, _)| at);
                match search.from(start)? {
                    Some(spans) => search.found(spans),
                    None => Value::from(()),
                }
            }
            "findall" => {
                let found = search.all(usize::MAX)?;
                MutList::of_texts(found.iter().map(|spans| search.shown(spans)).collect())
            }
            "finditer" => {
                let found = search.all(usize::MAX)?;
                MutList::value(found.into_iter().map(|spans| search.found(spans)).collect())
            }
            "split" => {
                let mut parts = Vec::new();
                let mut done = 0;
                for spans in search.all(limit(at + 1, "maxsplit")?)? {
                    let Some((start, end)) = spans.first().copied().flatten() else { continue };
                    parts.push(Value::from(&search.text[done..start]));
                    parts.extend(spans[1..].iter().map(|span| search.group(*span, &Value::from(()))));
                    done = end;
                }
                parts.push(Value::from(&search.text[done..]));
                MutList::of_texts(parts)
            }
            "sub" | "subn" => {
                let (text, count) = search.replaced(state, &given.required(at, "repl")?, limit(at + 2, "count")?)?;
                match method {
                    "sub" => Value::from(text),
                    _ => Value::from(Tuple::from(vec![Value::from(text), Value::from(count)])),
                }
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}

impl Object for Expression {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let regex = self.compiled(Anchor::Anywhere).ok()?;
        Some(match key.as_str()? {
            "pattern" => Value::from(&*self.pattern),
            "flags" => Value::from(self.flags | 32),
            "groups" => Value::from(regex.captures_len().saturating_sub(1)),
            "groupindex" => {
                let names = regex.capture_names().enumerate();
                let names = names.filter_map(|(at, name)| Some((Value::from(name?), Value::from(at))));
                MutDict::value(names.collect())
            }
            _ => return None,
        })
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let given = Given::of(args);
        if given.has_unknown() {
            return Ok(Unknown::value());
        }
        self.run(state, method, &given, 0)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [(IGNORECASE, "IGNORECASE"), (MULTILINE, "MULTILINE"), (DOTALL, "DOTALL"), (VERBOSE, "VERBOSE")];
        let names = names.iter().filter(|(flag, _)| self.flags & flag != 0);
        let names: Vec<String> = names.map(|(_, name)| format!("re.{name}")).collect();
        let between = if names.is_empty() { "" } else { ", " };
        write!(f, "re.compile({:?}{between}{})", Value::from(&*self.pattern), names.join("|"))
    }
}

/// Whether a value is an expression or a match.
pub(crate) fn is_value(value: &Value) -> bool {
    value.downcast_object_ref::<Expression>().is_some() || value.downcast_object_ref::<Match>().is_some()
}

type Span = Option<(usize, usize)>;

/// One text that is searched.
#[derive(Debug)]
struct Search {
    expression: Arc<Expression>,
    regex: Arc<Regex>,
    text: Arc<str>,
}

impl Search {
    /// The groups of the first match from a byte on.
    fn from(&self, start: usize) -> Result<Option<Vec<Span>>, Error> {
        meter::spend(if self.expression.goes_back() { BACKTRACKING } else { SEARCH })?;
        match self.regex.captures_from_pos(&*self.text, start) {
            Ok(None) => meter::spend_text(self.text.len() - start).map(|()| None),
            Ok(Some(groups)) => {
                let end = groups.get(0).map_or(start, |whole| whole.end());
                meter::spend_text(end.saturating_sub(start))?;
                let groups = (0..self.regex.captures_len()).map(|at| groups.get(at));
                Ok(Some(groups.map(|group| group.map(|group| (group.start(), group.end()))).collect()))
            }
            Err(error) => {
                let pattern = &self.expression.pattern;
                Err(failed(&format!("the regular expression {:?} takes too long: {error}", Value::from(&**pattern))))
            }
        }
    }

    fn all(&self, limit: usize) -> Result<Vec<Vec<Span>>, Error> {
        let mut found: Vec<Vec<Span>> = Vec::new();
        let mut start = 0;
        while found.len() < limit
            && start <= self.text.len()
            && let Some(spans) = self.from(start)?
        {
            let Some((begin, end)) = spans.first().copied().flatten() else { break };
            let step = self.text[end..].chars().next().map_or(1, char::len_utf8);
            start = if begin == end { end + step } else { end };
            meter::spend(spans.len() as u64)?;
            found.push(spans);
            if found.len() > MAX_HELD {
                return Err(failed("the regular expression matches too often"));
            }
        }
        Ok(found)
    }

    fn group(&self, span: Span, default: &Value) -> Value {
        span.map_or_else(|| default.clone(), |(start, end)| Value::from(&self.text[start..end]))
    }

    /// What `findall` gives: the match, its one group, or all its groups.
    fn shown(&self, spans: &[Span]) -> Value {
        let empty = Value::from("");
        match spans {
            [whole] => self.group(*whole, &empty),
            [_, only] => self.group(*only, &empty),
            [_, groups @ ..] => {
                Value::from(Tuple::from(groups.iter().map(|span| self.group(*span, &empty)).collect::<Vec<_>>()))
            }
            [] => empty,
        }
    }

    fn found(&self, spans: Vec<Span>) -> Value {
        Value::from_object(Match {
            search: Self { expression: self.expression.clone(), regex: self.regex.clone(), text: self.text.clone() },
            spans,
        })
    }

    fn replaced(&self, state: &mut State, by: &Value, limit: usize) -> Result<(String, usize), Error> {
        let template = match by.as_str() {
            Some(text) => Some(pieces(text).map_err(|error| failed(&error))?),
            None => None,
        };
        let found = self.all(limit)?;
        let count = found.len();
        let mut out = String::with_capacity(self.text.len());
        let mut done = 0;
        for spans in found {
            let Some((start, end)) = spans.first().copied().flatten() else { continue };
            out.push_str(&self.text[done..start]);
            let before = out.len();
            match &template {
                Some(pieces) => self.expand(pieces, &spans, &mut out)?,
                None => out.push_str(&by.call(state, &[self.found(spans)])?.to_string()),
            }
            meter::spend_text(out.len() - before)?;
            meter::room(out.len())?;
            done = end;
        }
        out.push_str(&self.text[done..]);
        Ok((out, count))
    }

    fn expand(&self, pieces: &[Piece], spans: &[Span], out: &mut String) -> Result<(), Error> {
        for piece in pieces {
            let span = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Group(number) => spans.get(*number),
                Piece::Named(name) => self.named(name).and_then(|at| spans.get(at)),
            };
            match span {
                Some(Some((start, end))) => out.push_str(&self.text[*start..*end]),
                Some(None) => {}
                None => return Err(failed("invalid group reference in the replacement")),
            }
        }
        Ok(())
    }

    fn named(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|own| own == Some(name))
    }

    /// How many characters stand before a byte: Python counts characters.
    fn characters(&self, byte: usize) -> usize {
        self.text[..byte].chars().count()
    }
}

#[derive(Debug)]
struct Match {
    search: Search,
    spans: Vec<Span>,
}

impl Match {
    fn span(&self, group: &Value) -> Result<Span, Error> {
        let at = match group.as_str() {
            Some(name) => self.search.named(name),
            None => group.as_i64().and_then(|at| usize::try_from(at).ok()),
        };
        at.and_then(|at| self.spans.get(at)).copied().ok_or_else(|| failed("no such group"))
    }
}

impl Object for Match {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let names: Vec<Option<&str>> = self.search.regex.capture_names().collect();
        let last = || (1..self.spans.len()).filter_map(|at| self.spans[at].map(|(_, end)| (end, at))).max();
        Some(match key.as_str() {
            Some("string") => Value::from(&*self.search.text),
            Some("re") => Value::from_dyn_object(self.search.expression.clone()),
            Some("pos") => Value::from(0),
            Some("endpos") => Value::from(self.search.characters(self.search.text.len())),
            Some("lastindex") => last().map_or_else(|| Value::from(()), |(_, at)| Value::from(at)),
            Some("lastgroup") => {
                let name = last().and_then(|(_, at)| names.get(at).copied().flatten());
                name.map_or_else(|| Value::from(()), Value::from)
            }
            _ => self.search.group(self.span(key).ok()?, &Value::from(())),
        })
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let given = Given::of(args);
        let whole = Value::from(0);
        let none = Value::from(());
        let group = given.positional.first().unwrap_or(&whole);
        let tuple = |values: Vec<Value>| Value::from(Tuple::from(values));
        let ends = |span: Span| match span {
            Some((start, end)) => {
                let number = |byte| Value::from(self.search.characters(byte));
                (number(start), number(end))
            }
            None => (Value::from(-1), Value::from(-1)),
        };
        Ok(match method {
            "group" if given.positional.len() > 1 => {
                let groups = given.positional.iter().map(|group| Ok(self.search.group(self.span(group)?, &none)));
                tuple(groups.collect::<Result<_, Error>>()?)
            }
            "group" | "__getitem__" => self.search.group(self.span(group)?, &none),
            "groups" => {
                let default = given.get(0, "default").unwrap_or(none);
                tuple(self.spans.iter().skip(1).map(|span| self.search.group(*span, &default)).collect())
            }
            "groupdict" => {
                let default = given.get(0, "default").unwrap_or(none);
                let named = self.search.regex.capture_names().zip(&self.spans);
                let named =
                    named.filter_map(|(name, span)| Some((Value::from(name?), self.search.group(*span, &default))));
                MutDict::value(named.collect())
            }
            "start" => ends(self.span(group)?).0,
            "end" => ends(self.span(group)?).1,
            "span" => {
                let (start, end) = ends(self.span(group)?);
                tuple(vec![start, end])
            }
            "expand" => {
                let template = given.required(0, "template")?;
                let pieces = pieces(&text_of(&template)?).map_err(|error| failed(&error))?;
                let mut out = String::new();
                self.search.expand(&pieces, &self.spans, &mut out)?;
                Value::from(out)
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((start, end)) = self.spans.first().copied().flatten() else { return Ok(()) };
        let (from, to) = (self.search.characters(start), self.search.characters(end));
        write!(f, "<re.Match object; span=({from}, {to}), match={:?}>", Value::from(&self.search.text[start..end]))
    }
}
