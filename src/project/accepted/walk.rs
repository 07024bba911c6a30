//! Compares values with the types that a table accepts.

use super::{Entry, Form};
use crate::project::data;
use crate::similar;
use crate::syntax::span::Span;
use crate::syntax::yaml::{self, Node, Value};
use std::fmt;
use std::sync::Arc;

/// A value of a type that dbt does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub span: Span,
    /// The keys that lead to the value, list entries by their names: `models.orders.columns.id.description`.
    pub key: String,
    pub message: String,
    pub remedy: String,
}

#[derive(Default)]
pub(super) struct Walk {
    pub(super) path: Vec<Step>,
    pub(super) faults: Vec<Fault>,
}

/// A key on the way to a value, or the number of a list's entry.
pub(super) enum Step {
    Key(Arc<str>),
    At(usize),
}

impl Step {
    pub(super) fn key(text: &str) -> Self {
        Self::Key(text.into())
    }

    /// An entry of a list, by its name where it has one.
    pub(super) fn entry(at: usize, name: Option<&Node>) -> Self {
        match name.map(|name| (&name.value, name.key_text())) {
            Some((Value::Str(text), _)) => Self::Key(text.clone()),
            Some((_, Some(text))) => Self::key(&text),
            _ => Self::At(at),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(text) => f.write_str(text),
            Self::At(at) => write!(f, "{at}"),
        }
    }
}

/// What has the keys that are compared, in words.
#[derive(Clone, Copy)]
pub(super) enum What<'text> {
    As(&'text str),
    /// The value of a key.
    Value(&'text str),
    /// An entry of a list.
    Entry(&'text str),
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::As(text) => f.write_str(text),
            Self::Value(key) => write!(f, "`{key}:`"),
            Self::Entry(list) => write!(f, "an entry of `{list}:`"),
        }
    }
}

impl Walk {
    pub(super) fn report(&mut self, span: Span, message: String, remedy: &str) {
        let remedy = remedy.to_owned();
        let key = self.shown_path();
        self.faults.push(Fault { span, key, message, remedy });
    }

    pub(super) fn shown_path(&self) -> String {
        self.path.iter().map(Step::to_string).collect::<Vec<_>>().join(".")
    }

    /// Compares the value of each key of a mapping.
    pub(super) fn entry(&mut self, node: &Node, entry: &Entry, what: What<'_>) {
        let keys = node.as_map().unwrap_or_default();
        // A key that is misspelled is reported once, as that.
        let is_known = |key: &yaml::Entry| key.key.as_str().is_some_and(|name| entry.forms_of(name).is_some());
        let is_misspelled = entry.is_closed && !keys.iter().all(is_known);
        for needed in entry.needs.iter().filter(|needed| !is_misspelled && node.get(needed).is_none()) {
            self.report(
                start_of(node),
                format!("{what} has no `{needed}:`, which stops dbt"),
                &format!("Add `{needed}:`."),
            );
        }
        let mut unknown = Vec::new();
        for yaml::Entry { key, value } in keys {
            let Value::Str(name) = &key.value else {
                self.report(
                    key.span,
                    format!("the key `{}` is {}, and dbt accepts only strings as keys", shown(key), key.kind_name()),
                    "Put the key in quotes.",
                );
                continue;
            };
            self.path.push(Step::Key(name.clone()));
            match entry.forms_of(name) {
                Some(forms) => self.value(key, value, forms),
                None if entry.is_closed => unknown.push(key),
                None => {}
            }
            self.path.pop();
        }
        self.unknown_keys(&unknown, entry, what);
    }

    /// Keys of an entry that dbt refuses, once for all of them.
    fn unknown_keys(&mut self, unknown: &[&Node], entry: &Entry, what: What<'_>) {
        let Some((first, more)) = unknown.split_first() else { return };
        let name = first.as_str().unwrap_or_default();
        let known: Vec<&str> = entry.keys.iter().map(|(name, _)| *name).collect();
        let (keys, them) = match more {
            [] => (format!("the key `{name}:`"), "it"),
            _ => {
                let names: Vec<String> =
                    unknown.iter().filter_map(|key| Some(format!("`{}:`", key.as_str()?))).collect();
                (format!("the keys {}", names.join(", ")), "them")
            }
        };
        let near = similar::nearest(name, known.iter().copied()).map(similar::question);
        let remedy = near.unwrap_or_else(|| format!("Delete {them}, or write {them} where dbt reads {them}."));
        self.path.push(Step::key(name));
        self.report(first.span, format!("{what} has {keys}, which dbt does not know and refuses"), &remedy);
        self.path.pop();
    }

    /// Compares the value of a key with the types it accepts.
    pub(super) fn value(&mut self, key: &Node, value: &Node, forms: &[Form]) {
        let name = key.as_str().unwrap_or_default();
        let is_late_date = name == "description" && matches!(value.value, Value::Timestamp(_));
        if is_late_date || !self.fits(value, forms, name) {
            let span = if value.as_seq().is_some() || value.as_map().is_some() || value.is_null() {
                key.span
            } else {
                value.span
            };
            self.report(span, wrong(What::Value(name), value, forms), &remedy(Some(name), value, forms));
        }
    }

    /// Whether the value is of one of the types; what is wrong inside of it is reported.
    fn fits(&mut self, value: &Node, forms: &[Form], name: &str) -> bool {
        match &value.value {
            Value::Str(_) if forms.iter().any(|form| accepts(form, &value.value)) => return true,
            Value::Str(text) => return is_open(text),
            Value::Map(keys) => {
                if let Some(entry) = chosen(value, forms) {
                    self.entry(value, entry, What::Value(name));
                    return true;
                }
                if forms.iter().any(|form| matches!(form, Form::Map)) {
                    if let Some(key) = keys.iter().map(|entry| &entry.key).find(|key| key.as_str().is_none()) {
                        self.report(
                            key.span,
                            format!(
                                "the key `{}` below `{name}:` is {}, and dbt accepts only strings as keys",
                                shown(key),
                                key.kind_name()
                            ),
                            "Put the key in quotes.",
                        );
                    }
                    return true;
                }
            }
            Value::Seq(items) => {
                let lists = forms.iter().filter_map(|form| match form {
                    Form::List(items) => Some(*items),
                    _ => None,
                });
                if let Some(forms) = lists.into_iter().next() {
                    for (at, item) in items.iter().enumerate() {
                        self.item(at, item, forms, name);
                    }
                    return true;
                }
            }
            _ => {}
        }
        forms.iter().any(|form| accepts(form, &value.value))
    }

    pub(super) fn item(&mut self, at: usize, item: &Node, forms: &[Form], list: &str) {
        self.path.push(Step::entry(at, item.get("name").or(item.get("v"))));
        // Data tests are not rendered, which would make a string of a date.
        let is_late_date = matches!(list, "tests" | "data_tests") && matches!(item.value, Value::Timestamp(_));
        if let Some(entry) = chosen(item, forms) {
            self.entry(item, entry, What::Entry(list));
        } else if is_late_date || !self.fits(item, forms, list) {
            self.report(start_of(item), wrong(What::Entry(list), item, forms), &remedy(None, item, forms));
        }
        self.path.pop();
    }
}

/// The table of a mapping: the one whose needed keys it has, else the last.
fn chosen(value: &Node, forms: &[Form]) -> Option<&'static Entry> {
    value.as_map()?;
    let tables = || {
        forms.iter().filter_map(|form| match form {
            Form::Entry(entry) => Some(*entry),
            _ => None,
        })
    };
    tables()
        .find(|entry| entry.needs.first().is_some_and(|key| value.get(key).is_some()))
        .or_else(|| tables().next_back())
}

fn accepts(form: &Form, value: &Value) -> bool {
    match (form, value) {
        (Form::Any, _)
        | (Form::Null, Value::Null)
        // Rendering makes a string of a date.
        | (Form::Text, Value::Str(_) | Value::Timestamp(_))
        | (Form::Bool, Value::Bool(_))
        | (Form::Int | Form::Number, Value::Int(_) | Value::BigInt(_))
        | (Form::Number, Value::Float(_)) => true,
        (Form::Int, Value::Float(number)) => number.fract() == 0.0,
        (Form::Word(words), Value::Str(text)) => words.contains(&&**text),
        (Form::AnyCase(words), Value::Str(text)) => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
        _ => false,
    }
}

/// Whether only dbt knows what a text comes to.
pub(super) fn is_open(text: &str) -> bool {
    data::has_jinja(text) || data::is_unknown(text)
}

/// The place of a list's entry: its first key, where it is a mapping.
pub(super) fn start_of(item: &Node) -> Span {
    item.as_map().and_then(<[_]>::first).map_or(item.span, |first| first.key.span)
}

pub(super) fn shown(node: &Node) -> String {
    const LONGEST: usize = 40;
    let text = node.key_text().map_or_else(|| node.kind_name().to_owned(), std::borrow::Cow::into_owned);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn wrong(what: What<'_>, value: &Node, forms: &[Form]) -> String {
    let is = match &value.value {
        Value::Str(text) if forms.iter().any(|form| matches!(form, Form::Word(_) | Form::AnyCase(_))) => {
            format!("`{text}`")
        }
        Value::Str(_) => format!("the string `{}`", shown(value)),
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Timestamp(_) => {
            format!("{} ({})", value.kind_name(), shown(value))
        }
        _ => value.kind_name().to_owned(),
    };
    format!("{what} is {is}, which stops dbt: it accepts {}", accepted(forms))
}

/// The accepted types in words.
fn accepted(forms: &[Form]) -> String {
    let mut names: Vec<String> = Vec::new();
    for form in forms {
        let name = match form {
            Form::Any => "anything".to_owned(),
            Form::Null => continue,
            Form::Text => "a string".to_owned(),
            Form::Word(words) | Form::AnyCase(words) => format!("`{}`", words.join("`, `")),
            Form::Bool => "true or false".to_owned(),
            Form::Int => "a whole number".to_owned(),
            Form::Number => "a number".to_owned(),
            Form::Map | Form::Entry(_) => "a mapping".to_owned(),
            Form::List(_) => "a list".to_owned(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "null".to_owned(),
    }
}

fn remedy(key: Option<&str>, value: &Node, forms: &[Form]) -> String {
    let takes = |wanted: fn(&Form) -> bool| forms.iter().any(wanted);
    let is_scalar = !matches!(value.value, Value::Null | Value::Seq(_) | Value::Map(_));
    let delete = key.map_or_else(|| "or delete it".to_owned(), |key| format!("or delete `{key}:`"));
    match &value.value {
        Value::Str(text)
            if takes(|form| matches!(form, Form::Bool))
                && data::flag(&serde_json::Value::String(text.to_string())).is_some() =>
        {
            "Take the quotes away.".to_owned()
        }
        Value::Str(text) if takes(|form| matches!(form, Form::Word(_) | Form::AnyCase(_))) => {
            let words: Vec<&str> = forms
                .iter()
                .flat_map(|form| match form {
                    Form::Word(words) | Form::AnyCase(words) => *words,
                    _ => &[],
                })
                .copied()
                .collect();
            similar::did_you_mean(text, &words)
        }
        _ if is_scalar && takes(|form| matches!(form, Form::Text)) => {
            format!("Put it in quotes: \"{}\".", shown(value))
        }
        Value::Str(_) if takes(|form| matches!(form, Form::List(_))) => format!("Make it a list: [{}].", shown(value)),
        _ => format!("Write {}, {delete}.", accepted(forms)),
    }
}
