//! Jinja2's `urlencode`.

use minijinja::Value;
use minijinja::value::ValueKind;
use std::fmt::Write;

/// One text, or pairs as a query has them.
pub(crate) fn encoded(value: &Value) -> String {
    let pair = |key: &Value, value: &Value| format!("{}={}", quoted(key, ""), quoted(value, ""));
    let items = || value.try_iter().into_iter().flatten();
    let pairs: Vec<String> = match value.kind() {
        ValueKind::Map => items().map(|key| pair(&key, &value.get_item(&key).unwrap_or_default())).collect(),
        ValueKind::Seq | ValueKind::Iterable => {
            let part = |item: &Value, at: usize| item.get_item_by_index(at).unwrap_or_default();
            items().map(|item| pair(&part(&item, 0), &part(&item, 1))).collect()
        }
        _ => return quoted(value, "/"),
    };
    pairs.join("&")
}

fn quoted(value: &Value, safe: &str) -> String {
    let mut out = String::new();
    for byte in value.to_string().bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || "_.-~".contains(letter) || safe.contains(letter) {
            out.push(letter);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    // In a query a space is a plus.
    if safe.is_empty() { out.replace("%20", "+") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_pairs_are_encoded() {
        assert_eq!(encoded(&Value::from("a b/c?é")), "a%20b/c%3F%C3%A9");
        assert_eq!(encoded(&Value::from(vec![vec!["k/", "v w"], vec!["x", "y"]])), "k%2F=v+w&x=y");
    }
}
