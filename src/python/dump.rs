//! Values as JSON and YAML, as Python's `json.dumps` and PyYAML's `safe_dump` write them.

use crate::arguments::Given;
use crate::containers::{MAX_DEPTH, MAX_HELD};
use crate::dates::Temporal;
use crate::meter;
use harness_syntax::yaml;
use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use std::fmt::Write;

/// Where PyYAML breaks a line of text.
const WIDTH: usize = 80;

fn too_large() -> Error {
    Error::new(ErrorKind::InvalidOperation, "the value is nested too deep or holds too much")
}

/// The entries of a dict as texts, in their order or sorted.
fn entries(value: &Value, sorted: bool, key: impl Fn(&Value) -> String) -> Result<Vec<(String, Value)>, Error> {
    let mut entries = Vec::new();
    for name in value.try_iter()?.checked() {
        let name = meter::walked(name)?;
        let held = value.get_item(&name)?;
        entries.push((key(&name), held));
    }
    if sorted {
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    Ok(entries)
}

fn items(value: &Value) -> Result<Vec<Value>, Error> {
    value.try_iter()?.checked().take(MAX_HELD + 1).map(meter::walked).collect()
}

/// A float as Python writes it.
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = number.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

struct Writer {
    out: String,
    sorted: bool,
    /// Spaces of one level; none on one line.
    indent: Option<usize>,
    count: usize,
}

impl Writer {
    fn new(sorted: bool) -> Self {
        Self { out: String::new(), sorted, indent: None, count: 0 }
    }

    fn step(&mut self, depth: u32) -> Result<(), Error> {
        self.count += 1;
        meter::spend(2)?;
        meter::room(self.out.len())?;
        if depth > MAX_DEPTH || self.count > MAX_HELD { Err(too_large()) } else { Ok(()) }
    }
}

/// `json.dumps(value, sort_keys=…)`
pub fn json(value: &Value, sorted: bool) -> Result<String, Error> {
    let mut writer = Writer::new(sorted);
    writer.json(value, 0)?;
    Ok(writer.out)
}

/// Jinja2's own filter: sorted, and with nothing that HTML would take for its own.
pub(crate) fn json_filter(value: &Value, given: &Given<'_>) -> Result<Value, Error> {
    let indent = given.integer(0, "indent")?;
    let mut writer = Writer::new(true);
    writer.indent = indent.and_then(|indent| usize::try_from(indent).ok()).map(|indent| indent.min(100));
    writer.json(value, 0)?;
    let safe = writer.out.replace('<', "\\u003c").replace('>', "\\u003e");
    Ok(Value::from(safe.replace('&', "\\u0026").replace('\'', "\\u0027")))
}

fn json_key(key: &Value) -> String {
    match key.kind() {
        ValueKind::None | ValueKind::Undefined => "null".to_owned(),
        ValueKind::Bool => key.is_true().to_string(),
        ValueKind::Number if !key.is_integer() => float(f64::try_from(key.clone()).unwrap_or_default()),
        _ => key.to_string(),
    }
}

impl Writer {
    fn json(&mut self, value: &Value, depth: u32) -> Result<(), Error> {
        self.step(depth)?;
        match value.kind() {
            ValueKind::None | ValueKind::Undefined => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number if value.is_integer() => self.out.push_str(&value.to_string()),
            ValueKind::Number => self.out.push_str(&float(f64::try_from(value.clone())?)),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = items(value)?;
                self.json_row("[", "]", depth, items, |writer, item| writer.json(&item, depth + 1))?;
            }
            ValueKind::Map => {
                let entries = entries(value, self.sorted, json_key)?;
                self.json_row("{", "}", depth, entries, |writer, (key, held)| {
                    writer.json_text(&key)?;
                    writer.out.push_str(": ");
                    writer.json(&held, depth + 1)
                })?;
            }
            _ => {
                let text = value.to_string();
                self.json_text(&text)?;
            }
        }
        Ok(())
    }

    fn json_row<Item>(
        &mut self,
        open: &str,
        close: &str,
        depth: u32,
        items: Vec<Item>,
        mut write: impl FnMut(&mut Self, Item) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push_str(open);
        let empty = items.is_empty();
        for (at, item) in items.into_iter().enumerate() {
            match (self.indent, at) {
                (None, 0) => {}
                (None, _) => self.out.push_str(", "),
                (Some(_), 0) => {}
                (Some(_), _) => self.out.push(','),
            }
            self.break_line(depth + 1)?;
            write(self, item)?;
        }
        if !empty {
            self.break_line(depth)?;
        }
        self.out.push_str(close);
        Ok(())
    }

    fn break_line(&mut self, depth: u32) -> Result<(), Error> {
        if let Some(indent) = self.indent {
            meter::spend_text(indent * depth as usize)?;
            self.out.push('\n');
            self.out.push_str(&" ".repeat(indent * depth as usize));
        }
        Ok(())
    }

    fn json_text(&mut self, text: &str) -> Result<(), Error> {
        meter::spend_text(2 * text.len())?;
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                ' '..='~' => self.out.push(character),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let _ = write!(self.out, "\\u{unit:04x}");
                    }
                }
            }
        }
        self.out.push('"');
        Ok(())
    }
}

/// `yaml.safe_dump(value, sort_keys=…)`
pub fn yaml(value: &Value, sorted: bool) -> Result<String, Error> {
    let mut writer = Writer::new(sorted);
    writer.yaml(value, 0, 0, Place::Top)?;
    if matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable) {
        if !writer.out.ends_with('\n') {
            writer.out.push('\n');
        }
    } else if writer.out.starts_with(['\'', '"']) {
        writer.out.push('\n');
    } else {
        writer.out.push_str("\n...\n");
    }
    Ok(writer.out)
}

/// What a YAML value stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Key,
    Dash,
}

impl Writer {
    fn yaml(&mut self, value: &Value, depth: u32, indent: usize, place: Place) -> Result<(), Error> {
        self.step(depth)?;
        // Each text is read once more, to see whether it needs quotes.
        meter::spend(40 + value.as_str().map_or(0, |text| text.len() as u64) + indent as u64 / 16)?;
        let dash = |writer: &mut Self, at: usize, indent: usize| {
            if at > 0 || place == Place::Key {
                writer.out.push('\n');
                writer.out.push_str(&" ".repeat(indent));
            }
        };
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable if value.len() != Some(0) => {
                for (at, item) in items(value)?.into_iter().enumerate() {
                    dash(self, at, indent);
                    self.out.push_str("- ");
                    self.yaml(&item, depth + 1, indent + 2, Place::Dash)?;
                }
            }
            ValueKind::Map if value.len() != Some(0) => {
                for (at, (key, held)) in entries(value, self.sorted, scalar)?.into_iter().enumerate() {
                    dash(self, at, indent);
                    let start = self.column();
                    self.out.push_str(&folded(&key, start, indent + 2));
                    self.out.push(':');
                    let is_list = matches!(held.kind(), ValueKind::Seq | ValueKind::Iterable);
                    let block = (is_list || held.kind() == ValueKind::Map) && held.len() != Some(0);
                    if !block {
                        self.out.push(' ');
                    }
                    // A list stands below its key, not further in.
                    let inner = if is_list { indent } else { indent + 2 };
                    self.yaml(&held, depth + 1, inner, Place::Key)?;
                }
            }
            ValueKind::Seq | ValueKind::Iterable => self.out.push_str("[]"),
            ValueKind::Map => self.out.push_str("{}"),
            _ => {
                let start = self.column();
                let inner = if place == Place::Dash { indent } else { indent.max(2) };
                let text = folded(&scalar(value), start, inner);
                self.out.push_str(&text);
            }
        }
        Ok(())
    }

    fn column(&self) -> usize {
        self.out.rsplit('\n').next().map_or(0, |line| line.chars().count())
    }
}

/// A value on one line, quoted where YAML would read something else.
fn scalar(value: &Value) -> String {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => "null".to_owned(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number if value.is_integer() => value.to_string(),
        ValueKind::Number => match float(f64::try_from(value.clone()).unwrap_or_default()).as_str() {
            "NaN" => ".nan".to_owned(),
            "Infinity" => ".inf".to_owned(),
            "-Infinity" => "-.inf".to_owned(),
            text if text.contains('e') && !text.contains('.') => text.replace('e', ".0e"),
            text => text.to_owned(),
        },
        _ if Temporal::of(value).is_some() => value.to_string(),
        _ => text_scalar(&value.to_string()),
    }
}

fn text_scalar(text: &str) -> String {
    let odd = |c: char| !matches!(c, ' '..='~' | '\n');
    let spaced_break = text.contains(" \n");
    if text.chars().any(odd) || spaced_break {
        return double_quoted(text);
    }
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        let code = u32::from(character);
        let _ = match character {
            '"' => write!(out, "\\\""),
            '\\' => write!(out, "\\\\"),
            '\n' => write!(out, "\\n"),
            '\t' => write!(out, "\\t"),
            '\r' => write!(out, "\\r"),
            '\u{a0}' => write!(out, "\\_"),
            ' '..='~' => write!(out, "{character}"),
            _ if code <= 0xff => write!(out, "\\x{code:02X}"),
            _ if code <= 0xffff => write!(out, "\\u{code:04X}"),
            _ => write!(out, "\\U{code:08X}"),
        };
    }
    out.push('"');
    out
}

/// Whether a text needs no quotes: it reads as itself, and nothing in it means anything to YAML.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    let edge = text.starts_with(' ') || text.ends_with(' ') || text.contains('\n');
    let Some(first) = first.filter(|_| !edge) else { return false };
    let begins_something = "#,[]{}&*!|>'\"%@`".contains(first)
        || text.starts_with("---")
        || text.starts_with("...")
        || "?:-".contains(first) && text[1..].chars().next().is_none_or(|next| next == ' ' || next == '\t');
    let within = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    if begins_something || within || text == "=" || text == "<<" {
        return false;
    }
    let document = yaml::parse(text);
    let is_itself = match &document.root.value {
        yaml::Value::Str(read) => **read == *text,
        yaml::Value::BigInt(read) | yaml::Value::Timestamp(read) => *read == text,
        _ => false,
    };
    document.errors.is_empty() && is_itself && !is_date(text)
}

/// What YAML takes for a date: dates are texts for the rest of harness.
fn is_date(text: &str) -> bool {
    let digits = |text: &str, least: usize, most: usize| {
        (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let day = day.split(['T', 't', ' ']).next().unwrap_or_default();
    digits(year, 4, 4) && digits(month, 1, 2) && digits(day, 1, 2)
}

/// A text whose lines PyYAML breaks at spaces where they grow too long.
fn folded(text: &str, start: usize, indent: usize) -> String {
    let double = text.starts_with('"');
    if start + text.len() <= WIDTH && !text.contains('\n') {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut column = start;
    let quoted = text.starts_with('\'');
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(character) = characters.get(at).copied() {
        let alone = character == ' '
            && at > usize::from(quoted || double)
            && characters.get(at + 1).is_some_and(|next| *next != ' ')
            && characters.get(at.wrapping_sub(1)).is_some_and(|before| *before != ' ')
            && at + 2 < characters.len();
        if character == '\n' {
            // Within single quotes an empty line is a line break.
            let run = characters[at..].iter().take_while(|it| **it == '\n').count();
            out.push_str(&"\n".repeat(run + 1));
            out.push_str(&" ".repeat(indent));
            column = indent;
            at += run;
            continue;
        }
        if alone && column > WIDTH && !double {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            out.push(character);
            column += 1;
        }
        at += 1;
    }
    out
}
