//! Jinja2's filters and tests that minijinja lacks, or has with other arguments.

use crate::arguments::{Given, failed, plain};
use crate::containers::{MAX_HELD, spend_sort};
use crate::dates::Temporal;
use crate::lists::MutList;
use crate::meter::{self, SLOT, look, spend, spend_text, spend_values};
use crate::unknown::is_unknown;
use crate::{dump, operators, re, urls};
use minijinja::value::{Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use std::cmp::Ordering;

type Filter = fn(&Value, &Given<'_>) -> Result<Value, Error>;

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    let filters: [(&str, Filter); 22] = [
        ("center", |value, given| Ok(Value::from(center(&value.to_string(), given)?))),
        ("dictsort", dictsort),
        ("float", |value, given| {
            let read = || value.as_str().and_then(|text| text.trim().replace('_', "").parse::<f64>().ok());
            let number = if value.as_str().is_some() { read() } else { f64::try_from(value.clone()).ok() };
            Ok(number.map_or_else(|| given.get(0, "default").unwrap_or_else(|| Value::from(0.0)), Value::from))
        }),
        ("filesizeformat", |value, given| file_size(value, given.is_true(0, "binary"))),
        ("e", escape),
        ("escape", escape),
        ("forceescape", |value, _| Ok(Value::from_safe_string(escaped(&value.to_string())))),
        ("indent", indent),
        ("int", int),
        ("list", |value, _| match value.try_iter() {
            Ok(items) => {
                meter::room(value.len().unwrap_or_default() * SLOT)?;
                Ok(MutList::value(items.checked().map(meter::walked).collect::<Result<_, _>>()?))
            }
            Err(_) => Ok(MutList::value(Vec::new())),
        }),
        ("max", |value, given| extreme(value, given, Ordering::Greater)),
        ("min", |value, given| extreme(value, given, Ordering::Less)),
        ("pprint", |value, _| Ok(Value::from(format!("{value:?}")))),
        // The same input gives the same output: one item is as random as another.
        ("random", |value, _| Ok(value.try_iter()?.next().unwrap_or_default())),
        ("sort", sort),
        ("tojson", dump::json_filter),
        ("truncate", truncate),
        ("unique", unique),
        ("urlencode", |value, _| Ok(Value::from(urls::encoded(value)))),
        ("urlize", |value, _| Ok(Value::from(urlize(&value.to_string())))),
        ("wordwrap", |value, given| Ok(Value::from(wordwrap(&value.to_string(), given)?))),
        ("xmlattr", xmlattr),
    ];
    for (name, filter) in filters {
        environment.add_filter(name, move |value: &Value, Rest(args): Rest<ValueOrKwargs>| {
            let args = plain(args);
            look(value)?;
            spend_values(&args)?;
            filter(value, &Given::of(&args))
        });
    }
    add_tests(environment);
    environment.add_filter("sum", |state: &State, value: &Value, Rest(args): Rest<ValueOrKwargs>| {
        sum(state, value, &Given::of(&plain(args)))
    });
    // In Python a text and a dict have a length and items, too; a set has none.
    environment.add_test("sequence", |value: &Value| {
        matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Undefined)
    });
    environment.add_test("callable", |value: &Value| {
        let called = matches!(value.kind(), ValueKind::Plain) || is_unknown(value);
        called && value.as_str().is_none() && Temporal::of(value).is_none() && !re::is_value(value)
    });
}

/// What Jinja2 compares: without the case of texts, unless that is asked for.
fn folded(value: Value, case_sensitive: bool) -> Value {
    match value.as_str() {
        Some(text) if !case_sensitive => Value::from(text.to_lowercase()),
        _ => value,
    }
}

/// `attribute='a.b'` of an item; more than one give a tuple.
fn attribute(item: &Value, path: Option<&Value>) -> Value {
    let Some(path) = path else { return item.clone() };
    let Some(text) = path.as_str() else { return item.get_item(path).unwrap_or_default() };
    let one = |path: &str| {
        path.split('.').fold(item.clone(), |value, name| {
            let key = name.parse::<i64>().map_or_else(|_| Value::from(name), Value::from);
            value.get_item(&key).unwrap_or_default()
        })
    };
    match text.contains(',') {
        true => Value::from(Tuple::from(text.split(',').map(one).collect::<Vec<_>>())),
        false => one(text),
    }
}

fn folded_attribute(item: &Value, path: Option<&Value>, case_sensitive: bool) -> Value {
    let found = attribute(item, path);
    if found.is_tuple() {
        let parts = found.try_iter().into_iter().flatten().map(|part| folded(part, case_sensitive));
        return Value::from(Tuple::from(parts.collect::<Vec<_>>()));
    }
    folded(found, case_sensitive)
}

/// The engine's tests that compare two values or walk a text, which it does not pay for.
fn add_tests(environment: &mut Environment<'static>) {
    type Comparison = fn(&Value, &Value) -> bool;
    let comparisons: [(&str, Comparison); 15] = [
        ("eq", |a, b| a == b),
        ("equalto", |a, b| a == b),
        ("==", |a, b| a == b),
        ("ne", |a, b| a != b),
        ("!=", |a, b| a != b),
        ("lt", |a, b| a < b),
        ("lessthan", |a, b| a < b),
        ("<", |a, b| a < b),
        ("le", |a, b| a <= b),
        ("<=", |a, b| a <= b),
        ("gt", |a, b| a > b),
        ("greaterthan", |a, b| a > b),
        (">", |a, b| a > b),
        ("ge", |a, b| a >= b),
        (">=", |a, b| a >= b),
    ];
    for (name, compare) in comparisons {
        environment.add_test(name, move |value: &Value, other: &Value| look(value).map(|()| compare(value, other)));
    }
    environment.add_test("lower", |value: &Value| look(value).map(|()| minijinja::tests::is_lower(value)));
    environment.add_test("upper", |value: &Value| look(value).map(|()| minijinja::tests::is_upper(value)));
}

fn sort(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let case_sensitive = given.is_true(1, "case_sensitive");
    let path = given.some(2, "attribute");
    let key = |item: Value| (folded_attribute(&item, path.as_ref(), case_sensitive), item);
    let mut items: Vec<(Value, Value)> = items(value)?.into_iter().map(key).collect();
    spend_sort(items.iter().map(|(key, _)| key))?;
    items.sort_by(|(a, _), (b, _)| if given.is_true(0, "reverse") { b.cmp(a) } else { a.cmp(b) });
    Ok(MutList::value(items.into_iter().map(|(_, item)| item).collect()))
}

fn items(value: &Value) -> Result<Vec<Value>, Error> {
    if value.is_undefined() {
        Ok(Vec::new())
    } else {
        value.try_iter()?.checked().take(MAX_HELD).map(meter::walked).collect()
    }
}

fn extreme(value: &Value, given: &Given<'_>, wanted: Ordering) -> Result<Value, Error> {
    let case_sensitive = given.is_true(0, "case_sensitive");
    let path = given.some(1, "attribute");
    let mut best: Option<(Value, Value)> = None;
    for item in items(value)? {
        let key = folded_attribute(&item, path.as_ref(), case_sensitive);
        if best.as_ref().is_none_or(|(other, _)| key.cmp(other) == wanted) {
            best = Some((key, item));
        }
    }
    Ok(best.map(|(_, item)| item).unwrap_or_default())
}

fn unique(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let case_sensitive = given.is_true(0, "case_sensitive");
    let path = given.some(1, "attribute");
    let mut seen = indexmap::IndexSet::new();
    let mut kept = Vec::new();
    for item in items(value)? {
        if seen.insert(folded_attribute(&item, path.as_ref(), case_sensitive)) {
            kept.push(item);
        }
    }
    Ok(MutList::value(kept))
}

fn sum(state: &State, value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let path = given.some(0, "attribute");
    let start = given.get(1, "start").unwrap_or_else(|| Value::from(0));
    let add = |total, item| operators::row(state, Rest(vec![total, Value::from("+"), attribute(item, path.as_ref())]));
    items(value)?.iter().try_fold(start, add)
}

fn dictsort(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let case_sensitive = given.is_true(0, "case_sensitive");
    let by_value = match given.get(1, "by").as_ref().and_then(Value::as_str) {
        None | Some("key") => false,
        Some("value") => true,
        Some(other) => return Err(failed(&format!("dictsort goes by key or value, not by {other}"))),
    };
    let mut entries = Vec::new();
    for key in items(value)? {
        let held = value.get_item(&key)?;
        let by = folded(if by_value { held.clone() } else { key.clone() }, case_sensitive);
        entries.push((by, Value::from(Tuple::from(vec![key, held]))));
    }
    spend_sort(entries.iter().map(|(by, _)| by))?;
    entries.sort_by(|(a, _), (b, _)| if given.is_true(2, "reverse") { b.cmp(a) } else { a.cmp(b) });
    Ok(MutList::value(entries.into_iter().map(|(_, entry)| entry).collect()))
}

fn int(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let base = given.integer(1, "base")?.and_then(|base| u32::try_from(base).ok()).unwrap_or(10);
    let written = |text: &str| {
        let text = text.trim().replace('_', "").to_lowercase();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.strip_prefix('+').unwrap_or(&text)),
        };
        let prefix = match base {
            16 => "0x",
            8 => "0o",
            2 => "0b",
            _ => "",
        };
        let digits = format!("{sign}{}", digits.strip_prefix(prefix).unwrap_or(digits));
        let number = (2..=36).contains(&base).then(|| i64::from_str_radix(&digits, base).ok()).flatten();
        number.or_else(|| text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number as i64))
    };
    let number = match value.as_str() {
        Some(text) => written(text),
        None => value.as_i64().or_else(|| f64::try_from(value.clone()).ok().map(|number| number as i64)),
    };
    if let Some(number) = number {
        return Ok(Value::from(number));
    }
    // An integer too large for a machine is an integer still.
    if value.is_integer() {
        return Ok(value.clone());
    }
    Ok(given.get(0, "default").unwrap_or_else(|| Value::from(0)))
}

/// How wide people print; a width is never longer than that.
const MAX_WIDTH: usize = 10_000;

fn width(given: &Given<'_>, at: usize, name: &str, default: usize) -> Result<usize, Error> {
    let width = given.integer(at, name)?.map(|width| usize::try_from(width).unwrap_or_default());
    Ok(width.unwrap_or(default).min(MAX_WIDTH))
}

fn center(text: &str, given: &Given<'_>) -> Result<String, Error> {
    let width = width(given, 0, "width", 80)?;
    let length = text.chars().count();
    let missing = width.saturating_sub(length);
    spend_text(missing)?;
    // Python puts the odd space in front where the width is odd.
    let before = missing / 2 + (missing & width & 1);
    Ok(format!("{}{text}{}", " ".repeat(before), " ".repeat(missing - before)))
}

fn indent(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let by = match given.some(0, "width") {
        Some(text) if text.as_str().is_some() => text.to_string(),
        _ => " ".repeat(width(given, 0, "width", 4)?),
    };
    let (first, blank) = (given.is_true(1, "first"), given.is_true(2, "blank"));
    let text = value.to_string();
    let mut out = String::with_capacity(text.len() + by.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        spend_text(by.len())?;
        meter::room(out.len() + by.len())?;
        if at == 0 && first || at > 0 && (blank || !line.is_empty()) {
            out.push_str(&by);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

fn truncate(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let text = value.to_string();
    let length = width(given, 0, "length", 255)?;
    let end = given.some(2, "end").map_or_else(|| "...".to_owned(), |end| end.to_string());
    let leeway = width(given, 3, "leeway", 5)?;
    if text.chars().count() <= length + leeway {
        return Ok(Value::from(text));
    }
    let kept: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    let kept = match kept.rsplit_once(' ') {
        Some((before, _)) if !given.is_true(1, "killwords") => before.to_owned(),
        _ => kept,
    };
    Ok(Value::from(kept + &end))
}

fn wordwrap(text: &str, given: &Given<'_>) -> Result<String, Error> {
    let width = width(given, 0, "width", 79)?.max(1);
    let breaks_words = given.get(1, "break_long_words").is_none_or(|given| given.is_true());
    let between = given.some(2, "wrapstring").map_or_else(|| "\n".to_owned(), |between| between.to_string());
    let at_hyphens = given.get(3, "break_on_hyphens").is_none_or(|given| given.is_true());
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut wrapped: Vec<String> = Vec::new();
            let mut current = String::new();
            let mut length = 0;
            for mut chunk in chunks(line, at_hyphens) {
                let is_space = chunk.trim().is_empty();
                if length == 0 && is_space && !wrapped.is_empty() {
                    continue;
                }
                let is_longer = |chunk: &str, than: usize| chunk.chars().nth(than).is_some();
                if length > 0 && is_longer(chunk, width.saturating_sub(length)) {
                    wrapped.push(std::mem::take(&mut current).trim_end().to_owned());
                    length = 0;
                    if is_space {
                        continue;
                    }
                }
                while breaks_words && is_longer(chunk, width) {
                    spend(1)?;
                    let cut = chunk.char_indices().nth(width).map_or(chunk.len(), |(at, _)| at);
                    wrapped.push(chunk[..cut].to_owned());
                    chunk = &chunk[cut..];
                }
                current.push_str(chunk);
                length += chunk.chars().count();
            }
            if !current.trim().is_empty() {
                wrapped.push(current.trim_end().to_owned());
            }
            spend_text(wrapped.len() * between.len())?;
            meter::room(wrapped.len() * between.len())?;
            Ok(wrapped.join(&between))
        })
        .collect::<Result<_, Error>>()?;
    spend_text(lines.len() * between.len())?;
    meter::room(lines.len() * between.len())?;
    Ok(lines.join(&between))
}

/// Words, the spaces between them, and the parts of words with hyphens.
fn chunks(line: &str, at_hyphens: bool) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut previous = None;
    for (at, character) in line.char_indices() {
        let cut = previous.is_some_and(|before: char| {
            before.is_whitespace() != character.is_whitespace()
                || at_hyphens && before == '-' && character.is_alphabetic() && at > start + 1
        });
        if cut {
            found.push(&line[start..at]);
            start = at;
        }
        previous = Some(character);
    }
    found.push(&line[start..]);
    found.retain(|chunk| !chunk.is_empty());
    found
}

fn file_size(value: &Value, binary: bool) -> Result<Value, Error> {
    let size = value.as_str().and_then(|text| text.trim().parse().ok()).or_else(|| f64::try_from(value.clone()).ok());
    let Some(size) = size else { return Err(failed(&format!("`{value}` is no number of bytes"))) };
    let base = if binary { 1024.0 } else { 1000.0 };
    if size < base {
        return Ok(Value::from(if size == 1.0 { "1 Byte".to_owned() } else { format!("{} Bytes", size.trunc()) }));
    }
    let mut scaled = size / base;
    let mut units = "kMGTPEZY".chars().peekable();
    let mut unit = units.next().unwrap_or_default();
    while scaled >= base
        && let Some(next) = units.next()
    {
        unit = next;
        scaled /= base;
    }
    Ok(Value::from(match binary {
        true => format!("{scaled:.1} {}iB", unit.to_uppercase()),
        false => format!("{scaled:.1} {unit}B"),
    }))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&#34;").replace('\'', "&#39;")
}

fn escape(value: &Value, _: &Given<'_>) -> Result<Value, Error> {
    Ok(if value.is_safe() { value.clone() } else { Value::from_safe_string(escaped(&value.to_string())) })
}

fn xmlattr(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let mut parts = Vec::new();
    for key in items(value)? {
        let held = value.get_item(&key)?;
        if !held.is_none() && !held.is_undefined() {
            parts.push(format!("{}=\"{}\"", escaped(&key.to_string()), escaped(&held.to_string())));
        }
    }
    let spaced = given.get(0, "autospace").is_none_or(|given| given.is_true()) && !parts.is_empty();
    Ok(Value::from(format!("{}{}", if spaced { " " } else { "" }, parts.join(" "))))
}

fn urlize(text: &str) -> String {
    let mut out = String::new();
    for chunk in chunks(text, false) {
        let shown = escaped(chunk);
        if chunk.starts_with("http://") || chunk.starts_with("https://") {
            out.push_str(&format!("<a href=\"{shown}\" rel=\"noopener\">{shown}</a>"));
        } else if chunk.starts_with("www.") {
            out.push_str(&format!("<a href=\"https://{shown}\" rel=\"noopener\">{shown}</a>"));
        } else {
            out.push_str(&shown);
        }
    }
    out
}
