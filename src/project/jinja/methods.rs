//! Python's methods on values that are not ours: strings, numbers that are dates, plain sequences.

use super::dates;
use super::values::MutList;
use minijinja::value::{Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

pub(super) fn unknown(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match value.kind() {
        // dbt's own undefined answers every call with itself.
        ValueKind::Undefined => Ok(Value::UNDEFINED),
        ValueKind::Number => dates::method(value, method, args),
        ValueKind::String => text(state, value, method, args),
        ValueKind::Seq | ValueKind::Iterable => sequence(state, value, method, args),
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn text(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let shown = value.as_str().unwrap_or_default();
    if method == "format" && super::functions::is_too_wide(shown) {
        return Err(Error::new(ErrorKind::InvalidOperation, "the format asks for too wide a text"));
    }
    Ok(match method {
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            let (sign, digits) = match shown.strip_prefix(['-', '+']) {
                Some(digits) => (&shown[..1], digits),
                None => ("", shown),
            };
            let width = width.min(10_000).saturating_sub(sign.len());
            Value::from(format!("{sign}{digits:0>width$}"))
        }
        "ljust" | "rjust" | "center" => {
            let (width, fill): (usize, Option<&str>) = from_args(args)?;
            let fill = fill.and_then(|fill| fill.chars().next()).unwrap_or(' ');
            let missing = width.min(10_000).saturating_sub(shown.chars().count());
            let before = match method {
                "ljust" => 0,
                "rjust" => missing,
                _ => missing / 2,
            };
            let pad = |count: usize| fill.to_string().repeat(count);
            Value::from(format!("{}{shown}{}", pad(before), pad(missing - before)))
        }
        "rsplit" => {
            let (separator, limit): (Option<&str>, Option<i64>) = from_args(args)?;
            let limit = limit.and_then(|limit| usize::try_from(limit).ok()).map_or(usize::MAX, |limit| limit + 1);
            let mut parts: Vec<Value> = match separator {
                Some(separator) if !separator.is_empty() => shown.rsplitn(limit, separator).map(Value::from).collect(),
                _ => shown.split_whitespace().rev().map(Value::from).collect(),
            };
            parts.reverse();
            MutList::value(parts)
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
        "casefold" => Value::from(shown.to_lowercase()),
        "index" => {
            let (part,): (&str,) = from_args(args)?;
            match shown.find(part) {
                Some(at) => Value::from(shown[..at].chars().count()),
                None => return Err(Error::new(ErrorKind::InvalidOperation, "substring not found")),
            }
        }
        "encode" | "decode" | "expandtabs" => value.clone(),
        _ => {
            let result = minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)?;
            // Lists a template makes this way are appended to like any other.
            match method {
                "split" | "splitlines" => MutList::value(result.try_iter()?.collect()),
                _ => result,
            }
        }
    })
}

fn sequence(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        // A sequence that minijinja made cannot change in place; dbt's macros take the result of
        // such calls for nothing, so going on is closer to dbt than stopping.
        "append" | "extend" | "insert" | "remove" | "clear" | "sort" | "reverse" => Ok(Value::from(())),
        "copy" => Ok(MutList::value(value.try_iter()?.collect())),
        "index" => {
            let (item,): (Value,) = from_args(args)?;
            let found = value.try_iter()?.position(|other| other == item);
            found.map(Value::from).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the item is not in the list"))
        }
        "pop" => Ok(value.try_iter()?.last().unwrap_or_default()),
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    }
}
