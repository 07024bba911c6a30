//! The type of a scalar: PyYAML's implicit resolvers and its constructors for explicit tags.

use std::sync::Arc;

use granit_parser::Tag;

use super::Value;
use super::timestamp::Timestamp;

/// Python converts no longer run of digits to a number.
const MAX_DIGITS: usize = 4300;
const YAML_NAMESPACE: &str = "tag:yaml.org,2002:";

/// What a scalar is besides its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    None,
    /// A plain `<<`: merges where it is a key and is an error elsewhere.
    Merge,
    /// A plain `=`: a string where it is a key and an error elsewhere.
    Default,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) value: Value,
    pub(super) special: Special,
    pub(super) problem: Option<Problem>,
}

impl Resolved {
    fn plain(value: Value) -> Self {
        Self { value, special: Special::None, problem: None }
    }

    fn special(text: &str, special: Special) -> Self {
        Self { value: string(text), special, problem: None }
    }

    /// The text is kept as a string, so that the rest of the file keeps its meaning.
    fn refused(text: &str, message: String, remedy: &'static str) -> Self {
        let problem = Some(Problem { message, remedy });
        Self { value: string(text), special: Special::None, problem }
    }
}

fn string(text: &str) -> Value {
    Value::Str(Arc::from(text))
}

/// A scalar's value by its text, its style and its tag.
pub(super) fn scalar(text: &str, is_plain: bool, tag: Option<&Tag>) -> Resolved {
    match tag {
        None if is_plain => implicit(text),
        None => Resolved::plain(string(text)),
        // The tag `!` alone makes PyYAML resolve even a quoted scalar, but not an absent one.
        Some(tag) if is_non_specific(tag) && text.is_empty() => Resolved::plain(string(text)),
        Some(tag) if is_non_specific(tag) => implicit(text),
        Some(tag) => explicit(text, tag),
    }
}

pub(super) fn is_non_specific(tag: &Tag) -> bool {
    tag.suffix() == "!" && tag.handle().is_empty()
}

/// What SafeLoader says to a tag on a collection, if it refuses it.
pub(super) fn collection_problem(tag: &Tag, is_mapping: bool) -> Option<Problem> {
    if is_non_specific(tag) {
        return None;
    }
    let name = tag.suffix_in_namespace(YAML_NAMESPACE);
    match (name.as_deref(), is_mapping) {
        (Some("map" | "set"), true) | (Some("seq" | "omap" | "pairs"), false) => None,
        (Some("map" | "set" | "seq" | "omap" | "pairs"), _) => Some(wrong_kind(tag, is_mapping)),
        (Some("str" | "int" | "float" | "bool" | "null" | "timestamp" | "binary"), _) => {
            Some(wrong_kind(tag, is_mapping))
        }
        _ => Some(unknown_tag(tag)),
    }
}

fn wrong_kind(tag: &Tag, is_mapping: bool) -> Problem {
    let kind = if is_mapping { "a mapping" } else { "a list" };
    Problem { message: format!("the tag `{}` does not fit {kind}", tag_text(tag)), remedy: "Remove the tag." }
}

fn unknown_tag(tag: &Tag) -> Problem {
    Problem {
        message: format!("the tag `{}` is unknown", tag_text(tag)),
        remedy: "Remove the tag, or quote the value if the `!` belongs to it.",
    }
}

fn tag_text(tag: &Tag) -> String {
    shortened(&tag.original())
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn explicit(text: &str, tag: &Tag) -> Resolved {
    let value = match tag.suffix_in_namespace(YAML_NAMESPACE).as_deref() {
        Some("str" | "binary") => Some(string(text)),
        Some("null") => Some(Value::Null),
        Some("bool") => boolean(&text.to_lowercase()),
        Some("int") => integer(text.trim()),
        Some("float") => float(text.trim()),
        Some("timestamp") => timestamp(text, Timestamp::parse(text)),
        Some("merge") => return Resolved::special(text, Special::Merge),
        Some("value") => return Resolved::special(text, Special::Default),
        Some("map" | "seq" | "set" | "omap" | "pairs") => None,
        _ => {
            let Problem { message, remedy } = unknown_tag(tag);
            return Resolved::refused(text, message, remedy);
        }
    };
    value.map_or_else(
        || {
            let message = format!("`{}` is no value of the tag `{}`", shortened(text), tag_text(tag));
            Resolved::refused(text, message, "Correct the value, or remove the tag.")
        },
        Resolved::plain,
    )
}

fn implicit(text: &str) -> Resolved {
    let Some(first) = text.bytes().next() else { return Resolved::plain(Value::Null) };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number_or_date(text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            Resolved::plain(word(text).unwrap_or_else(|| string(text)))
        }
        b'~' if text.len() == 1 => Resolved::plain(Value::Null),
        b'<' if text == "<<" => Resolved::special(text, Special::Merge),
        b'=' if text.len() == 1 => Resolved::special(text, Special::Default),
        _ => Resolved::plain(string(text)),
    }
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        "null" | "Null" | "NULL" => Value::Null,
        _ => return None,
    })
}

fn boolean(lower: &str) -> Option<Value> {
    match lower {
        "yes" | "true" | "on" => Some(Value::Bool(true)),
        "no" | "false" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn number_or_date(text: &str) -> Resolved {
    if looks_like_float(text.as_bytes()) {
        return number(text, float(text));
    }
    if looks_like_integer(text.as_bytes()) {
        return number(text, integer(text));
    }
    match Timestamp::parse_implicit(text) {
        Some(parts) => timestamp(text, Some(parts)).map_or_else(
            || {
                let message = format!("`{text}` is no date of the calendar");
                Resolved::refused(text, message, "Correct the date, or quote it if it is meant as text.")
            },
            Resolved::plain,
        ),
        None => Resolved::plain(string(text)),
    }
}

fn number(text: &str, value: Option<Value>) -> Resolved {
    value.map_or_else(
        || {
            let message = format!("`{}` has the form of a number but is none", shortened(text));
            Resolved::refused(text, message, "Correct the number, or quote it if it is meant as text.")
        },
        Resolved::plain,
    )
}

fn timestamp(text: &str, parts: Option<Timestamp>) -> Option<Value> {
    parts.filter(Timestamp::is_on_the_calendar).map(|_| Value::Timestamp(text.to_owned()))
}

fn without_sign(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b'+' | b'-', rest @ ..] => rest,
        _ => bytes,
    }
}

/// How many bytes at the start satisfy a test.
fn run(bytes: &[u8], test: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| test(**byte)).count()
}

fn is_digit_or_line(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// The length of `(:[0-5]?[0-9])+` at the start; nothing where a group is broken.
fn sexagesimal_groups(mut bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let group = match bytes {
            [b':', b'0'..=b'5', b'0'..=b'9', ..] => 3,
            [b':', b'0'..=b'9', ..] => 2,
            _ => return length,
        };
        length += group;
        bytes = bytes.get(group..).unwrap_or_default();
    }
}

fn looks_like_float(bytes: &[u8]) -> bool {
    let unsigned = without_sign(bytes);
    match unsigned {
        b".inf" | b".Inf" | b".INF" => true,
        [b'.', ..] => bytes.len() == unsigned.len() && looks_like_bare_fraction(unsigned),
        [b'0'..=b'9', ..] => {
            let whole = run(unsigned, is_digit_or_line);
            let rest = unsigned.get(whole..).unwrap_or_default();
            let groups = sexagesimal_groups(rest);
            let [b'.', fraction @ ..] = rest.get(groups..).unwrap_or_default() else {
                return false;
            };
            let tail = fraction.get(run(fraction, is_digit_or_line)..).unwrap_or_default();
            tail.is_empty() || (groups == 0 && is_exponent(tail))
        }
        _ => false,
    }
}

/// `.5` and `.nan`, neither of which may carry a sign.
fn looks_like_bare_fraction(bytes: &[u8]) -> bool {
    if matches!(bytes, b".nan" | b".NaN" | b".NAN") {
        return true;
    }
    let [b'.', digits @ ..] = bytes else { return false };
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let tail = digits.get(run(digits, is_digit_or_line)..).unwrap_or_default();
    tail.is_empty() || is_exponent(tail)
}

fn is_exponent(bytes: &[u8]) -> bool {
    match bytes {
        [b'e' | b'E', b'+' | b'-', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn looks_like_integer(bytes: &[u8]) -> bool {
    let all = |rest: &[u8], test: &dyn Fn(u8) -> bool| !rest.is_empty() && rest.iter().all(|byte| test(*byte));
    match without_sign(bytes) {
        b"0" => true,
        [b'0', b'b', rest @ ..] => all(rest, &|byte| matches!(byte, b'0' | b'1' | b'_')),
        [b'0', b'x', rest @ ..] => all(rest, &|byte| byte.is_ascii_hexdigit() || byte == b'_'),
        [b'0', rest @ ..] => all(rest, &|byte| matches!(byte, b'0'..=b'7' | b'_')),
        [b'1'..=b'9', rest @ ..] => {
            let tail = rest.get(run(rest, is_digit_or_line)..).unwrap_or_default();
            sexagesimal_groups(tail) == tail.len()
        }
        _ => false,
    }
}

/// PyYAML's `construct_yaml_int`; nothing where Python raises.
fn integer(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    let negative = digits.starts_with('-');
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    if unsigned.len() > MAX_DIGITS {
        return None;
    }
    if let Some(binary) = unsigned.strip_prefix("0b") {
        in_base(binary, 2, negative)
    } else if let Some(hexadecimal) = unsigned.strip_prefix("0x") {
        in_base(hexadecimal, 16, negative)
    } else if unsigned.starts_with('0') {
        in_base(unsigned.strip_prefix("0o").unwrap_or(unsigned), 8, negative)
    } else if unsigned.contains(':') {
        sexagesimal(unsigned, negative)
    } else {
        in_base(unsigned, 10, negative)
    }
}

fn in_base(digits: &str, base: u32, negative: bool) -> Option<Value> {
    let steps: Option<Vec<_>> = digits.chars().map(|digit| Some((base, digit.to_digit(base)?))).collect();
    steps.filter(|steps| !steps.is_empty()).map(|steps| accumulate(&steps, negative))
}

fn sexagesimal(text: &str, negative: bool) -> Option<Value> {
    let mut steps = Vec::new();
    for (group, part) in text.split(':').enumerate() {
        if group == 0 {
            for digit in part.chars() {
                steps.push((10, digit.to_digit(10)?));
            }
        } else {
            steps.push((60, part.parse().ok()?));
        }
    }
    Some(accumulate(&steps, negative))
}

/// Horner's rule over (multiplier, addend), in 64 bits where the result fits.
fn accumulate(steps: &[(u32, u32)], negative: bool) -> Value {
    let small = steps.iter().try_fold(0_i64, |value, (multiplier, addend)| {
        let value = value.checked_mul(i64::from(*multiplier))?;
        let addend = i64::from(*addend);
        if negative { value.checked_sub(addend) } else { value.checked_add(addend) }
    });
    small.map_or_else(|| Value::BigInt(big_decimal(steps, negative)), Value::Int)
}

fn big_decimal(steps: &[(u32, u32)], negative: bool) -> String {
    const LIMB: u64 = 1_000_000_000;
    let mut limbs: Vec<u64> = Vec::new();
    for (multiplier, addend) in steps {
        let mut carry = u64::from(*addend);
        for limb in &mut limbs {
            let value = *limb * u64::from(*multiplier) + carry;
            *limb = value % LIMB;
            carry = value / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut text = String::from(if negative { "-" } else { "" });
    for (at, limb) in limbs.iter().rev().enumerate() {
        text.push_str(&if at == 0 { limb.to_string() } else { format!("{limb:09}") });
    }
    text
}

/// PyYAML's `construct_yaml_float`; nothing where Python raises.
fn float(text: &str) -> Option<Value> {
    let lower = text.replace('_', "").to_lowercase();
    let sign = if lower.starts_with('-') { -1.0 } else { 1.0 };
    let unsigned = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    let value = match unsigned {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if unsigned.contains(':') => {
            let mut value = 0.0;
            let mut base = 1.0;
            for part in unsigned.rsplit(':') {
                value += part.parse::<f64>().ok()? * base;
                base *= 60.0;
            }
            value
        }
        _ => unsigned.parse().ok()?,
    };
    Some(Value::Float(sign * value))
}

/// A float as Python's `str()` prints it: the shortest digits that read back the same.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, number) = exponent.strip_prefix('-').map_or(('+', exponent), |number| ('-', number));
            format!("{}e{sign}{number:0>2}", digits.strip_suffix(".0").unwrap_or(digits))
        }
        None => text,
    }
}
