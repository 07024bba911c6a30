//! What a repo states about its findings, as rows: what it excuses and parks, and how grave it lets rules be.

use crate::datalog::{Cell, Constant, with_cells};
use crate::db::settings::{HouseRules, OptionValue};
use crate::project::data;
use crate::rules::adoption::Circumstances;
use crate::rules::registry::Registry;
use crate::rules::selection::{Course, House, Selection};
use crate::rules::suppression::{Excuse, written};
use crate::syntax::span::LineIndex;
use crate::syntax::yaml::{Node, parse};
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Default)]
pub struct Stated {
    rows: BTreeMap<&'static str, Vec<Vec<Constant>>>,
}

fn text(text: &str) -> Constant {
    Constant::text(text)
}

fn number(number: impl Into<i64>) -> Constant {
    Constant::Int(number.into())
}

impl Stated {
    pub const RELATIONS: [&'static str; 5] =
        ["baseline_entry", "house_setting", "rule_option", "rule_severity", "suppression"];

    pub fn of(registry: &Registry, house: &HouseRules, circumstances: Circumstances<'_>, excuses: &[Excuse]) -> Self {
        let mut stated = Self::default();
        stated.suppressions(excuses);
        for entry in circumstances.baseline.map(|baseline| baseline.entries()).unwrap_or_default() {
            stated.row(
                "baseline_entry",
                vec![
                    text(&entry.fingerprint),
                    text(&entry.rule),
                    text(&entry.about),
                    text(&entry.path),
                    number(entry.line),
                ],
            );
        }
        let all = Selection::default();
        let judged = House::new(house, &all);
        for rule in registry.rules() {
            let severity = match judged.decide(rule).course {
                Course::Off => "off",
                Course::On(severity) | Course::ByAdherence(severity) => severity.name(),
            };
            stated.row("rule_severity", vec![text(&rule.id), text(severity)]);
            for (name, value) in judged.options(rule) {
                for value in values(&value) {
                    stated.row("rule_option", vec![text(&rule.id), text(&name), text(&value)]);
                }
            }
        }
        if let Some((path, written)) = circumstances.house {
            Settings { stated: &mut stated, registry, path, lines: LineIndex::new(written), written }.read();
        }
        stated
    }

    /// Gives the rows of a relation that is one of these.
    pub fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        self.rows.get(relation).into_iter().flatten().for_each(|kept| with_cells(kept, &mut *row));
    }

    fn row(&mut self, relation: &'static str, row: Vec<Constant>) {
        self.rows.entry(relation).or_default().push(row);
    }

    fn suppressions(&mut self, excuses: &[Excuse]) {
        let mut seen: HashMap<_, i64> = HashMap::new();
        for excuse in written(excuses) {
            let at = excuse.place.start;
            let key = (excuse.rule.clone(), excuse.place.path.clone(), excuse.reason.clone());
            let index = seen.entry(key).and_modify(|index| *index += 1).or_default();
            let row = vec![
                text(&excuse.rule),
                text(&excuse.place.path),
                text(&excuse.reason),
                number(*index),
                number(at.line),
                number(at.column),
            ];
            self.row("suppression", row);
        }
    }
}

fn values(value: &OptionValue) -> Vec<String> {
    match value {
        OptionValue::Switch(switch) => vec![switch.to_string()],
        OptionValue::Number(number) => vec![number.to_string()],
        OptionValue::Text(text) => vec![text.clone()],
        OptionValue::List(list) => list.clone(),
    }
}

/// What a harness.yml says, entry by entry.
struct Settings<'s> {
    stated: &'s mut Stated,
    registry: &'s Registry,
    path: &'s str,
    written: &'s str,
    lines: LineIndex,
}

impl Settings<'_> {
    fn read(&mut self) {
        let root = parse(self.written).root;
        let entries = |key: &str| root.get(key).and_then(Node::as_map).unwrap_or_default();
        for entry in entries("rules") {
            let Some(about) = entry.key.as_str().map(|name| self.meant(name)) else { continue };
            self.level(&about, "severity", "", entry.value.get("severity").unwrap_or(&entry.value));
            for option in entry.value.get("options").and_then(Node::as_map).unwrap_or_default() {
                let name = option.key.as_str().unwrap_or_default();
                self.each("option", &about, name, &option.value);
            }
        }
        for stated in root.get("overrides").and_then(Node::as_seq).unwrap_or_default() {
            let globs = texts(stated.get("paths"));
            for entry in stated.get("rules").and_then(Node::as_map).unwrap_or_default() {
                let about = self.meant(entry.key.as_str().unwrap_or_default());
                globs.iter().for_each(|glob| self.level(&about, "override", glob, &entry.value));
            }
        }
        for entry in entries("layers") {
            let reads = entry.value.get("reads").unwrap_or(&entry.value);
            self.each("reads", entry.key.as_str().unwrap_or_default(), "", reads);
        }
        let lists =
            [("terminal", root.get("terminal")), ("exclude", root.get("staging").and_then(|it| it.get("exclude")))];
        for (kind, node) in lists {
            node.into_iter().for_each(|node| self.each(kind, "", "", node));
        }
    }

    /// The id that a name means.
    fn meant(&self, name: &str) -> String {
        let id = crate::db::settings::spelled_as_id(name);
        match self.registry.get(&id) {
            Some(rule) if !rule.owns(&id) => rule.id.to_string(),
            _ => id,
        }
    }

    fn level(&mut self, about: &str, kind: &str, key: &str, node: &Node) {
        // `off` is false in YAML's old reading.
        let value = match node.as_bool() {
            Some(false) => "off".to_owned(),
            _ => data::scalar(&data::of(node)).unwrap_or_default(),
        };
        if !value.is_empty() {
            self.row(kind, about, key, &value, node);
        }
    }

    fn each(&mut self, kind: &str, about: &str, key: &str, node: &Node) {
        let items = node.as_seq().unwrap_or(std::slice::from_ref(node));
        for item in items {
            if let Some(value) = data::scalar(&data::of(item)) {
                self.row(kind, about, key, &value, item);
            }
        }
    }

    fn row(&mut self, kind: &str, about: &str, key: &str, value: &str, node: &Node) {
        let at = self.lines.position(self.written, node.span.start);
        let [kind, about, key, value, path] = [kind, about, key, value, self.path].map(text);
        self.stated.row("house_setting", vec![kind, about, key, value, path, number(at.line), number(at.column)]);
    }
}

fn texts(node: Option<&Node>) -> Vec<String> {
    let items = node.and_then(Node::as_seq).unwrap_or_default();
    items.iter().filter_map(Node::as_str).map(str::to_owned).collect()
}
