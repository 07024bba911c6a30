//! YAML as values that edits change: read, written out again, and what stands where in the projects there are.

use super::dice::Dice;
use super::script::Files;
use harness::project::data;
use harness::syntax::yaml::parse;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::rc::Rc;

pub fn is_yaml(path: &str) -> bool {
    path.ends_with(".yml") || path.ends_with(".yaml")
}

/// What kind of file a path is, as the beginning of the ways into it; property files have none.
pub fn kind(path: &str) -> &'static str {
    match path.rsplit('/').next().unwrap_or_default() {
        "dbt_project.yml" => "project",
        "packages.yml" => "packages",
        "dependencies.yml" => "dependencies",
        "selectors.yml" => "selectors",
        "profiles.yml" => "profiles",
        "harness.yml" => "house",
        "vars.yml" => "vars",
        "package-lock.yml" => "lock",
        "dbt_loom.config.yml" => "loom",
        _ => "",
    }
}

/// A text that can be read: its value, and its mappings and lists, outermost first.
#[derive(Debug)]
pub struct Document {
    pub value: Value,
    pub parts: Vec<Part>,
}

/// By the kind of a file and its text.
type Read = HashMap<(&'static str, String), Option<Rc<Document>>>;

thread_local! {
    static READ: RefCell<Read> = RefCell::default();
}

/// Reads a text. Many edits in a row look at the same texts, so that these are read once.
pub fn document(path: &str, text: &str) -> Option<Rc<Document>> {
    const MOST: usize = 400;
    let read = || {
        let document = parse(text);
        let value = document.errors.is_empty().then(|| data::of(&document.root))?;
        let mut parts = Vec::new();
        collect(&value, kind(path).to_owned(), Vec::new(), &mut parts);
        Some(Rc::new(Document { value, parts }))
    };
    READ.with_borrow_mut(|known| {
        if known.len() > MOST {
            known.clear();
        }
        known.entry((kind(path), text.to_owned())).or_insert_with(read).clone()
    })
}

pub fn value(path: &str, text: &str) -> Option<Value> {
    document(path, text).map(|document| document.value.clone())
}

/// A step from a value to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Key(String),
    At(usize),
}

/// A mapping or a list of a document: the steps to it, and the same as a text in which all entries of a list are
/// `[]`.
#[derive(Debug, Clone)]
pub struct Part {
    pub way: String,
    pub steps: Vec<Step>,
    pub is_map: bool,
}

/// The way to what a key has. Where keys are names that people choose, all of them lead to the same kind of thing.
fn way_below(way: &str, key: &str, value: &Value) -> String {
    const NAMED: [&str; 5] = ["profiles", "profiles.*.outputs", "house.layers", "house.rules", "project.vars"];
    let is_folder = way.starts_with("project.") && !key.starts_with('+') && value.is_object();
    match way.strip_suffix(".*") {
        Some(_) if is_folder => way.to_owned(),
        _ if is_folder || NAMED.contains(&way) => format!("{way}.*"),
        _ => format!("{way}.{key}"),
    }
}

fn collect(value: &Value, way: String, steps: Vec<Step>, found: &mut Vec<Part>) {
    let below = |step: Step| steps.iter().cloned().chain([step]).collect::<Vec<_>>();
    match value {
        Value::Object(entries) => {
            found.push(Part { way: way.clone(), steps: steps.clone(), is_map: true });
            for (key, value) in entries {
                collect(value, way_below(&way, key, value), below(Step::Key(key.clone())), found);
            }
        }
        Value::Array(items) => {
            found.push(Part { way: way.clone(), steps: steps.clone(), is_map: false });
            for (at, item) in items.iter().enumerate() {
                collect(item, format!("{way}[]"), below(Step::At(at)), found);
            }
        }
        _ => {}
    }
}

/// The part of a value that steps lead to.
pub fn part<'value>(root: &'value mut Value, steps: &[Step]) -> Option<&'value mut Value> {
    steps.iter().try_fold(root, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::At(at) => value.get_mut(*at),
    })
}

pub fn map<'value>(root: &'value mut Value, steps: &[Step]) -> Option<&'value mut Map<String, Value>> {
    part(root, steps)?.as_object_mut()
}

/// A value as YAML: in lines down to a depth, in brackets from there on.
pub fn text(root: &Value, lines: usize) -> String {
    let mut text = String::new();
    match root {
        Value::Object(entries) if !entries.is_empty() => in_lines(root, 0, lines.max(1), &mut text),
        _ => {
            text.push_str(&in_brackets(root));
            text.push('\n');
        }
    }
    text
}

/// Writes entries line by line; the first stands where the text ends.
fn in_lines(value: &Value, indent: usize, lines: usize, text: &mut String) {
    let is_long = |value: &Value| match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    let space = " ".repeat(indent);
    match value {
        Value::Object(entries) => {
            for (at, (key, value)) in entries.iter().enumerate() {
                let space = if at == 0 { "" } else { &space };
                let _ = write!(text, "{space}{}:", scalar(key));
                if lines > 1 && is_long(value) {
                    let _ = write!(text, "\n{}", " ".repeat(indent + 2));
                    in_lines(value, indent + 2, lines - 1, text);
                } else {
                    let _ = writeln!(text, " {}", in_brackets(value));
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let space = if at == 0 { "" } else { &space };
                let _ = write!(text, "{space}- ");
                if lines > 1 && is_long(item) {
                    in_lines(item, indent + 2, lines - 1, text);
                } else {
                    let _ = writeln!(text, "{}", in_brackets(item));
                }
            }
        }
        _ => text.push_str(&in_brackets(value)),
    }
}

fn in_brackets(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", scalar(key), in_brackets(value)));
            format!("{{{}}}", joined(entries.collect()))
        }
        Value::Array(items) => format!("[{}]", joined(items.iter().map(in_brackets).collect())),
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// A text without quotes where YAML reads it as one, or as a date.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 12] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf", "none"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./() '".contains(letter))
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_lowercase().as_str());
    let is_date = text.len() == 10
        && text.chars().enumerate().all(|(at, letter)| match at {
            4 | 7 => letter == '-',
            _ => letter.is_ascii_digit(),
        });
    if is_plain || is_date { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

/// What stands where in projects: by the way to a mapping its keys with their values, and by the way to a list its
/// entries. A key that stands in one of the projects is one that edits write.
#[derive(Debug, Default)]
pub struct Vocabulary {
    keys: BTreeMap<String, BTreeMap<String, Vec<Value>>>,
    /// The same by the last part of the way alone, for keys where they do not belong.
    elsewhere: BTreeMap<String, BTreeMap<String, Vec<Value>>>,
    entries: BTreeMap<String, Vec<Value>>,
}

/// The last key of a way, with `[]` where it is an entry of a list.
fn last(way: &str) -> &str {
    way.rsplit('.').next().unwrap_or_default()
}

impl Vocabulary {
    pub fn of<'files>(projects: impl Iterator<Item = &'files Files>) -> Self {
        let mut found = Self::default();
        for (path, text) in projects.flatten().filter(|(path, _)| is_yaml(path)) {
            let Some(document) = document(path, text) else { continue };
            found.add(&document.value, kind(path));
        }
        found
    }

    fn add(&mut self, value: &Value, way: &str) {
        let push = |values: &mut Vec<Value>, value: &Value| {
            if !values.contains(value) {
                values.push(value.clone());
            }
        };
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    for (map, at) in [(&mut self.keys, way), (&mut self.elsewhere, last(way))] {
                        let keys = map.entry(at.to_owned()).or_default();
                        push(keys.entry(key.clone()).or_default(), value);
                    }
                    self.add(value, &way_below(way, key, value));
                }
            }
            Value::Array(items) => {
                for item in items {
                    push(self.entries.entry(way.to_owned()).or_default(), item);
                    self.add(item, &format!("{way}[]"));
                }
            }
            _ => {}
        }
    }

    /// A key with a value for a mapping at a way, mostly one that belongs there.
    pub fn key(&self, dice: &mut Dice, way: &str) -> Option<(String, Value)> {
        let here = self.keys.get(way).filter(|_| dice.in_a_hundred(90));
        let keys: Vec<_> = here.or_else(|| self.elsewhere.get(last(way)))?.iter().collect();
        let (key, values) = dice.some(&keys)?;
        let value = dice.some(values)?;
        Some((key.clone(), short(dice, value)))
    }

    /// Another value for a key.
    pub fn value(&self, dice: &mut Dice, way: &str, key: &str) -> Option<Value> {
        let value = dice.some(self.keys.get(way)?.get(key)?)?;
        Some(short(dice, value))
    }

    pub fn entry(&self, dice: &mut Dice, way: &str) -> Option<Value> {
        dice.some(self.entries.get(way)?)
    }

    /// The lists of a property file.
    pub fn lists(&self) -> Vec<&str> {
        self.entries.keys().filter_map(|way| way.strip_prefix('.')).filter(|list| !list.contains(['.', '['])).collect()
    }
}

/// One or two entries of what is a long list.
fn short(dice: &mut Dice, value: Value) -> Value {
    match value {
        Value::Array(items) if items.len() > 2 => {
            let many = 1 + dice.below(2);
            let from = dice.below(items.len() - many + 1);
            Value::Array(items[from..from + many].to_vec())
        }
        value => value,
    }
}

/// A value of a type that hardly any key takes.
pub fn odd(dice: &mut Dice) -> Value {
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::from(5),
        Value::from(0.5),
        Value::from(""),
        Value::from("a text"),
        Value::from("{{ var('limit') }}"),
        Value::from("{{ unknown_macro_1() }}"),
        Value::from("{{ broken"),
        Value::from("2024-01-31"),
        Value::Array(Vec::new()),
        Value::from(vec![1, 2]),
        Value::from(vec!["a", "b"]),
        serde_json::json!({}),
        serde_json::json!({"a": 1}),
        serde_json::json!([{"name": "a"}]),
    ];
    dice.pick(&values).clone()
}
