//! Python models: the calls of `dbt.ref`, `dbt.source` and `dbt.config` with literal arguments.

use super::jinja::run::{ConfigCall, RefCall, SourceCall, Trace};
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
enum Token<'text> {
    Name(&'text str),
    Text(String),
    Sign(char),
}

/// Python's tokens as far as calls need them: comments are gone, strings are whole.
fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'#' => at = text[at..].find('\n').map_or(bytes.len(), |end| at + end),
            quote @ (b'\'' | b'"') => {
                let triple = bytes[at..].starts_with(&[quote; 3]);
                let open = if triple { 3 } else { 1 };
                let mut end = at + open;
                while end < bytes.len() {
                    if bytes[end] == b'\\' {
                        end += 2;
                        continue;
                    }
                    let closes = bytes[end] == quote && (!triple || bytes[end..].starts_with(&[quote; 3]));
                    if closes || (!triple && bytes[end] == b'\n') {
                        break;
                    }
                    end += 1;
                }
                let inner = text.get(at + open..end.min(bytes.len())).unwrap_or_default();
                found.push((start, Token::Text(inner.to_owned())));
                at = (end + open).min(bytes.len());
            }
            byte if byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80 => {
                while at < bytes.len() && (bytes[at] == b'_' || bytes[at].is_ascii_alphanumeric() || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                found.push((start, Token::Name(text.get(start..at).unwrap_or_default())));
            }
            byte => {
                at += 1;
                if !byte.is_ascii_whitespace() {
                    found.push((start, Token::Sign(char::from(byte))));
                }
            }
        }
    }
    found
}

pub fn trace(text: &str) -> Trace {
    let list = tokens(text);
    let mut trace = Trace::default();
    for (index, window) in list.windows(4).enumerate() {
        let [(site, Token::Name("dbt")), (_, Token::Sign('.')), (_, Token::Name(method)), (_, Token::Sign('('))] =
            window
        else {
            continue;
        };
        let (positional, named) = arguments(&list[index + 4..]);
        let site = *site as u32;
        let version =
            ["v", "version"].iter().find_map(|key| named.get(*key).and_then(super::data::scalar)).map(Arc::from);
        match (*method, positional.as_slice()) {
            ("ref", [name]) => {
                trace.refs.push(RefCall { package: None, name: name.clone(), version, site });
            }
            ("ref", [package, name]) => {
                let package = Some(package.clone());
                trace.refs.push(RefCall { package, name: name.clone(), version, site });
            }
            ("source", [source, table]) => {
                trace.sources.push(SourceCall { source: source.clone(), table: table.clone(), site });
            }
            ("config", _) => trace.configs.push(ConfigCall { values: named, site }),
            _ => {}
        }
    }
    trace
}

/// The literal arguments of a call, up to its closing parenthesis.
fn arguments(list: &[(usize, Token<'_>)]) -> (Vec<Arc<str>>, Map<String, Value>) {
    let mut positional = Vec::new();
    let mut named = Map::new();
    let mut key: Option<&str> = None;
    let mut items: Option<Vec<Value>> = None;
    let mut depth = 0usize;
    for (_, token) in list {
        match token {
            Token::Sign(')') if depth == 0 => break,
            Token::Sign('[') if depth == 0 && key.is_some() => {
                depth += 1;
                items = Some(Vec::new());
            }
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => {
                depth -= 1;
                if depth == 0
                    && let (Some(key), Some(items)) = (key.take(), items.take())
                {
                    named.insert(key.to_owned(), Value::Array(items));
                }
            }
            Token::Text(text) => match (&mut items, key, depth) {
                (Some(items), _, 1) => items.push(Value::from(text.as_str())),
                (None, Some(_), 0) => {
                    named.extend(key.take().map(|key| (key.to_owned(), Value::from(text.as_str()))));
                }
                (None, None, 0) => positional.push(text.as_str().into()),
                _ => {}
            },
            Token::Name(name) if depth == 0 => match (key, *name) {
                (Some(_), "True" | "False") => {
                    named.extend(key.take().map(|key| (key.to_owned(), Value::from(*name == "True"))));
                }
                (Some(_), number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
                    let value = number.parse::<i64>().map_or_else(|_| Value::from(number), Value::from);
                    named.extend(key.take().map(|key| (key.to_owned(), value)));
                }
                _ => key = Some(name),
            },
            Token::Sign(',') if depth == 0 => key = None,
            _ => {}
        }
    }
    (positional, named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_calls_are_found_and_comments_are_not() {
        let trace = trace(
            "def model(dbt, session):\n    # dbt.ref('no')\n    dbt.config(materialized='table', tags=[\"a\", 'b'], enabled=False)\n\
             \x20   a = dbt.ref(\"x\")\n    return dbt.source('s', 't').join(dbt.ref('p', 'y', v=2))\n",
        );
        let refs: Vec<_> = trace.refs.iter().map(|call| &*call.name).collect();
        assert_eq!(refs, ["x", "y"]);
        assert_eq!(trace.refs[1].version.as_deref(), Some("2"));
        assert_eq!(&*trace.sources[0].table, "t");
        let config = Value::Object(trace.configs[0].values.clone());
        assert_eq!(config, serde_json::json!({"materialized": "table", "tags": ["a", "b"], "enabled": false}));
    }
}
