//! Python's methods on values that are not ours: strings, numbers, plain sequences.

use crate::arguments::{Given, failed};
use crate::date_formats::written;
use crate::dicts::MutDict;
use crate::lists::MutList;
use crate::meter::{self, SLOT, spend_text, spend_values};
use minijinja::value::{Kwargs, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

pub(crate) fn unknown(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        // Where a project is parsed, what is undefined answers every call with itself.
        ValueKind::Undefined => Ok(Value::UNDEFINED),
        ValueKind::Number => number(value, method),
        ValueKind::String => {
            spend_text(value.as_str().map_or(0, str::len))?;
            spend_values(args)?;
            text(state, value, method, args)
        }
        ValueKind::Seq | ValueKind::Iterable => sequence(state, value, method, args),
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn number(value: &Value, method: &str) -> Result<Value, Error> {
    match method {
        "is_integer" => Ok(Value::from(f64::try_from(value.clone()).is_ok_and(|number| number.fract() == 0.0))),
        "bit_length" if value.is_integer() => {
            let bits = value.as_i64().map_or(64, |number| 64 - number.unsigned_abs().leading_zeros());
            Ok(Value::from(bits))
        }
        "conjugate" => Ok(value.clone()),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// A text that fills no more than a screen could show.
const MAX_WIDTH: usize = 10_000;

/// Formats of a width nobody prints: a text of a gigabyte from ten characters.
pub(crate) fn is_too_wide(format: &str) -> bool {
    let mut digits = 0;
    format.bytes().any(|byte| {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        digits > 4
    }) && format.contains(['%', '{'])
}

/// The part of a text between two characters, and how many stand before it.
fn within<'text>(shown: &'text str, given: &Given<'_>) -> Result<(usize, &'text str), Error> {
    let (start, end) = (given.integer(1, "start")?, given.integer(2, "end")?);
    if start.is_none() && end.is_none() {
        return Ok((0, shown));
    }
    let length = shown.chars().count();
    let bound = |at: i64| {
        let at = if at < 0 { at.saturating_add(i64::try_from(length).unwrap_or(i64::MAX)) } else { at };
        usize::try_from(at.max(0)).unwrap_or(length).min(length)
    };
    let (start, end) = (start.map_or(0, bound), end.map_or(length, bound));
    let byte = |at: usize| shown.char_indices().nth(at).map_or(shown.len(), |(at, _)| at);
    Ok((start, shown.get(byte(start)..byte(end.max(start))).unwrap_or_default()))
}

/// `find`, `count`, `startswith` and the others that look for a text in a part of another.
fn search(shown: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    let wanted = given.required(0, "sub")?;
    let (before, part) = within(shown, &given)?;
    if matches!(method, "startswith" | "endswith") {
        let matches = |wanted: &Value| match wanted.as_str() {
            Some(wanted) if method == "startswith" => Ok(part.starts_with(wanted)),
            Some(wanted) => Ok(part.ends_with(wanted)),
            None => Err(failed(&format!("{method} takes texts"))),
        };
        if wanted.as_str().is_some() {
            return matches(&wanted).map(Value::from);
        }
        for wanted in wanted.try_iter()?.checked().map(meter::walked) {
            let wanted = wanted?;
            if matches(&wanted)? {
                return Ok(Value::from(true));
            }
        }
        return Ok(Value::from(false));
    }
    let wanted = wanted.as_str().ok_or_else(|| failed(&format!("{method} takes a text")))?;
    if method == "count" {
        return Ok(Value::from(part.matches(wanted).count()));
    }
    let found = if method.starts_with('r') { part.rfind(wanted) } else { part.find(wanted) };
    match found {
        Some(at) => Ok(Value::from(before + part[..at].chars().count())),
        None if method.ends_with("find") => Ok(Value::from(-1)),
        None => Err(failed("substring not found")),
    }
}

fn split(shown: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    let limit = given.integer(1, "maxsplit")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.map_or(usize::MAX, |limit| limit.saturating_add(1));
    let separator = given.some(0, "sep");
    let separator = separator.as_ref().map(|it| it.as_str().ok_or_else(|| failed("the separator is no text")));
    let separator = separator.transpose()?;
    // What is cut is copied, part by part.
    let cuts = match separator {
        Some(separator) if !separator.is_empty() => shown.matches(separator).take(limit).count(),
        _ => shown.len() / 2,
    };
    meter::spend(cuts as u64)?;
    meter::room(cuts.saturating_mul(SLOT + size_of::<&str>()))?;
    let mut parts: Vec<&str> = match separator {
        Some("") => return Err(failed("empty separator")),
        Some(separator) if from_right => shown.rsplitn(limit, separator).collect(),
        Some(separator) => shown.splitn(limit, separator).collect(),
        None => {
            let mut parts = Vec::new();
            let trim = if from_right { str::trim_end } else { str::trim_start };
            let mut rest = trim(shown);
            while !rest.is_empty() {
                let end = if from_right { rest.rfind(char::is_whitespace) } else { rest.find(char::is_whitespace) };
                match end.filter(|_| parts.len() + 1 < limit) {
                    Some(at) if from_right => {
                        let step = rest[at..].chars().next().map_or(1, char::len_utf8);
                        parts.push(&rest[at + step..]);
                        rest = trim(&rest[..at]);
                    }
                    Some(at) => {
                        parts.push(&rest[..at]);
                        rest = trim(&rest[at..]);
                    }
                    None => {
                        parts.push(rest);
                        rest = "";
                    }
                }
            }
            parts
        }
    };
    if from_right {
        parts.reverse();
    }
    Ok(MutList::of_texts(parts.into_iter().map(Value::from).collect()))
}

fn splitlines(shown: &str, keep: bool) -> Result<Value, Error> {
    let is_break = |c: char| {
        matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let mut lines = Vec::new();
    let mut rest = shown;
    while !rest.is_empty() {
        meter::spend(2)?;
        meter::room(lines.len() * SLOT)?;
        let Some(at) = rest.find(is_break) else {
            lines.push(Value::from(rest));
            break;
        };
        let step = if rest[at..].starts_with("\r\n") { 2 } else { rest[at..].chars().next().map_or(1, char::len_utf8) };
        lines.push(Value::from(&rest[..if keep { at + step } else { at }]));
        rest = &rest[at + step..];
    }
    Ok(MutList::of_texts(lines))
}

/// A letter that follows no letter is large, all others are small.
fn titled(shown: &str) -> String {
    let mut out = String::with_capacity(shown.len());
    let mut within = false;
    for character in shown.chars() {
        if within {
            out.extend(character.to_lowercase())
        } else {
            out.extend(character.to_uppercase())
        }
        within = character.is_alphabetic();
    }
    out
}

fn is_titled(shown: &str) -> bool {
    shown.chars().any(char::is_alphabetic) && titled(shown) == shown
}

/// What a text is made of.
fn made_of(shown: &str, method: &str) -> Option<bool> {
    let all = |test: fn(char) -> bool| !shown.is_empty() && shown.chars().all(test);
    Some(match method {
        "isdecimal" => all(|c| c.is_ascii_digit()),
        "isdigit" => all(|c| c.is_ascii_digit() || matches!(c, '²' | '³' | '¹')),
        "isnumeric" => all(char::is_numeric),
        "isidentifier" => all(|c| c == '_' || c.is_alphanumeric()) && !shown.starts_with(|c: char| c.is_numeric()),
        "isprintable" => shown.chars().all(|c| !c.is_control()),
        "istitle" => is_titled(shown),
        _ => return None,
    })
}

fn text(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let shown = value.as_str().unwrap_or_default();
    if let Some(is_it) = made_of(shown, method) {
        return Ok(Value::from(is_it));
    }
    if method.starts_with("format") {
        if is_too_wide(shown) {
            return Err(failed("the format asks for too wide a text"));
        }
        meter::spend_format(shown, args)?;
    }
    Ok(match method {
        "find" | "rfind" | "index" | "rindex" | "count" | "startswith" | "endswith" => {
            return search(shown, method, args);
        }
        "split" | "rsplit" => return split(shown, method == "rsplit", args),
        "splitlines" => splitlines(shown, Given::of(args).is_true(0, "keepends"))?,
        "title" => Value::from(titled(shown)),
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = match shown.strip_prefix(['-', '+']) {
                Some(digits) => (&shown[..1], digits),
                None => ("", shown),
            };
            let width = width.min(MAX_WIDTH).saturating_sub(sign.len());
            spend_text(width)?;
            Value::from(format!("{sign}{digits:0>width$}"))
        }
        "ljust" | "rjust" | "center" => {
            let (width, fill): (usize, Option<&str>) = from_args(args)?;
            let fill = fill.and_then(|fill| fill.chars().next()).unwrap_or(' ');
            let missing = width.min(MAX_WIDTH).saturating_sub(shown.chars().count());
            spend_text(missing)?;
            let before = match method {
                "ljust" => 0,
                "rjust" => missing,
                // Python puts the odd one in front where the width is odd.
                _ => missing / 2 + (missing & width & 1),
            };
            let pad = |count: usize| fill.to_string().repeat(count);
            Value::from(format!("{}{shown}{}", pad(before), pad(missing - before)))
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let found = if method == "partition" { shown.split_once(separator) } else { shown.rsplit_once(separator) };
            let parts = match (found, method) {
                (Some((before, after)), _) => [before, separator, after],
                (None, "partition") => [shown, "", ""],
                (None, _) => ["", "", shown],
            };
            Value::from(Tuple::from(parts.into_iter().map(Value::from).collect::<Vec<_>>()))
        }
        "removeprefix" => Value::from(shown.strip_prefix(from_args::<(&str,)>(args)?.0).unwrap_or(shown)),
        "removesuffix" => Value::from(shown.strip_suffix(from_args::<(&str,)>(args)?.0).unwrap_or(shown)),
        "swapcase" => Value::from(
            shown
                .chars()
                .map(|c| if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() })
                .collect::<String>(),
        ),
        "casefold" => Value::from(shown.to_lowercase().replace('ß', "ss")),
        "expandtabs" => {
            let size = Given::of(args).integer(0, "tabsize")?.unwrap_or(8).clamp(0, 100);
            let tabs = shown.bytes().filter(|byte| *byte == b'\t').count();
            let size = usize::try_from(size).unwrap_or(8);
            spend_text(tabs * size)?;
            meter::room(tabs * size)?;
            Value::from(expanded(shown, size))
        }
        "format_map" => {
            let (given,): (Value,) = from_args(args)?;
            let named: Kwargs =
                MutDict::of(&given)?.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
            minijinja_contrib::pycompat::unknown_method_callback(state, value, "format", &[named.into()])?
        }
        "join" => joined(shown, args)?,
        "maketrans" => maketrans(args)?,
        "translate" => {
            let (table,): (Value,) = from_args(args)?;
            Value::from(translated(shown, &table)?)
        }
        "encode" | "decode" => value.clone(),
        "strftime" | "isoformat" | "weekday" | "isoweekday" | "isocalendar" | "date" | "timetuple" | "toordinal" => {
            match written(value) {
                Some(date) => date.value().call_method(state, method, args)?,
                None => return Err(Error::from(ErrorKind::UnknownMethod)),
            }
        }
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)?,
    })
}

fn expanded(shown: &str, size: usize) -> String {
    let mut out = String::with_capacity(shown.len());
    let mut column = 0;
    for character in shown.chars() {
        match character {
            '\t' => {
                let spaces = size.saturating_sub(column % size.max(1));
                out.push_str(&" ".repeat(spaces));
                column += spaces;
            }
            _ => {
                out.push(character);
                column = if matches!(character, '\n' | '\r') { 0 } else { column + 1 };
            }
        }
    }
    out
}

/// What `str.maketrans` gives: a dict by the numbers of characters.
fn maketrans(args: &[Value]) -> Result<Value, Error> {
    let code = |character: char| Value::from(u32::from(character));
    let (from, to, gone): (Value, Option<&str>, Option<&str>) = from_args(args)?;
    let mut table = indexmap::IndexMap::new();
    match to {
        None => {
            for (key, held) in MutDict::of(&from)? {
                let key = key.as_str().and_then(|text| text.chars().next()).map_or(key.clone(), code);
                table.insert(key, held);
            }
        }
        Some(to) => table.extend(from.to_string().chars().map(code).zip(to.chars().map(code))),
    }
    table.extend(gone.unwrap_or_default().chars().map(|character| (code(character), Value::from(()))));
    Ok(MutDict::value(table))
}

fn translated(shown: &str, table: &Value) -> Result<String, Error> {
    let mut out = String::with_capacity(shown.len());
    for character in shown.chars() {
        let by = table.get_item(&Value::from(u32::from(character))).unwrap_or_default();
        match by.as_i64().and_then(|code| char::from_u32(u32::try_from(code).ok()?)) {
            Some(other) => out.push(other),
            None if by.is_undefined() => out.push(character),
            None if by.is_none() => {}
            None => {
                meter::look(&by)?;
                meter::room(out.len())?;
                out.push_str(&by.to_string());
            }
        }
    }
    Ok(out)
}

/// `', '.join(values)`
fn joined(shown: &str, args: &[Value]) -> Result<Value, Error> {
    let (values,): (&Value,) = from_args(args)?;
    let mut out = String::new();
    for (at, value) in values.try_iter()?.checked().map(meter::walked).enumerate() {
        let value = value?;
        spend_text(shown.len())?;
        meter::look(&value)?;
        let length = value.as_str().map_or(0, str::len);
        meter::room(out.len() + shown.len() + length)?;
        if at > 0 {
            out.push_str(shown);
        }
        match value.as_str() {
            Some(text) => out.push_str(text),
            None => out.push_str(&value.to_string()),
        }
    }
    Ok(Value::from(out))
}

fn sequence(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    meter::spend(value.len().unwrap_or_default() as u64)?;
    match method {
        // A sequence that minijinja made cannot change in place. Templates take the result of such calls for
        // nothing, so going on is closer to Python than stopping.
        "append" | "extend" | "insert" | "remove" | "clear" | "sort" | "reverse" => Ok(Value::from(())),
        "copy" => Ok(MutList::value(value.try_iter()?.collect())),
        "index" => {
            let (item,): (Value,) = from_args(args)?;
            meter::look(value)?;
            let found = value.try_iter()?.position(|other| other == item);
            found.map(Value::from).ok_or_else(|| failed("the item is not in the list"))
        }
        "pop" => Ok(value.try_iter()?.last().unwrap_or_default()),
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    }
}
