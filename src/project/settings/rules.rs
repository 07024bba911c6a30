//! What harness.yml says of rules: which packs of them count, how grave each is, with which options,
//! and where it is otherwise.

use super::{Node, Reader};
use crate::db::settings::spelled_as_id;
use crate::db::settings::{Extends, Level, OptionValue, Override, RuleSetting};
use crate::similar::{did_you_mean, nearest, one_of, question};
use crate::syntax::yaml::Value;
use globset::{Glob, GlobBuilder};
use std::collections::BTreeMap;

/// The keys of a rule's setting and of an override.
pub const RULE_KEYS: [&str; 2] = ["severity", "options"];
pub const OVERRIDE_KEYS: [&str; 2] = ["paths", "rules"];
const EXTENDS: [&str; 2] = ["auto", "strict"];
pub const LEVELS: [&str; 5] = ["error", "warning", "info", "off", "auto"];

/// The rules there are, as far as harness.yml may speak of them.
#[derive(Debug, Clone, Default)]
pub struct KnownRules<'r> {
    pub rules: Vec<KnownRule<'r>>,
}

#[derive(Debug, Clone, Default)]
pub struct KnownRule<'r> {
    /// Of a family its template: `CTE_MISSING_{CTE}`.
    pub id: &'r str,
    /// What other tools call it; one name may stand for several rules.
    pub aliases: Vec<&'r str>,
    pub presets: Vec<&'r str>,
    /// Each option with its default, which tells its type.
    pub options: Vec<(&'r str, OptionValue)>,
}

impl<'r> KnownRules<'r> {
    /// The rules a name means, each with the id it is stated under.
    fn named(&'r self, name: &str) -> Vec<(String, &'r KnownRule<'r>)> {
        let own = self.rules.iter().find(|rule| rule.id == name || is_of_family(name, rule.id));
        match own {
            Some(rule) => vec![(name.to_owned(), rule)],
            None => {
                let spelled = spelled_as_id(name);
                let is_called = |alias: &&str| spelled_as_id(alias) == spelled;
                let aliased = self.rules.iter().filter(|rule| rule.aliases.iter().any(is_called));
                aliased.map(|rule| (rule.id.to_owned(), rule)).collect()
            }
        }
    }

    fn names(&self) -> Vec<&'r str> {
        self.rules.iter().flat_map(|rule| std::iter::once(rule.id).chain(rule.aliases.iter().copied())).collect()
    }

    fn presets(&self) -> Vec<&'r str> {
        let mut presets: Vec<&str> = self.rules.iter().flat_map(|rule| rule.presets.iter().copied()).collect();
        presets.sort_unstable();
        presets.dedup();
        presets
    }
}

/// A glob of `overrides`: `*` stays within a folder, and a folder's name alone covers what is in it.
pub fn globs(pattern: &str) -> Result<Vec<Glob>, globset::Error> {
    let glob = |pattern: &str| GlobBuilder::new(pattern).literal_separator(true).build();
    let pattern = pattern.trim_end_matches('/');
    let last = pattern.rsplit('/').next().unwrap_or_default();
    let mut globs = vec![glob(pattern)?];
    if !last.contains(['*', '?', '[', '{']) {
        globs.push(glob(&format!("{pattern}/**"))?);
    }
    Ok(globs)
}

impl<'t> Reader<'t> {
    pub(super) fn extends(&mut self, node: &Node) -> (Extends, Vec<String>) {
        let named = match node.as_seq() {
            Some(_) => self.string_nodes(node, "extends"),
            None => self.string(node, "extends").map(|text| (text, node)).into_iter().collect(),
        };
        let known = self.known.presets();
        let mut extends = None;
        let mut presets: Vec<String> = Vec::new();
        for (text, item) in named {
            let kind = match text {
                "auto" => Some(Extends::Auto),
                "strict" => Some(Extends::Strict),
                _ => None,
            };
            match kind {
                Some(kind) if extends.is_some_and(|other| other != kind) => {
                    self.report(item.span, "`auto` and `strict` exclude each other", "Keep one of the two.");
                }
                Some(kind) => extends = Some(kind),
                None if known.contains(&text) => {
                    if !presets.iter().any(|other| other == text) {
                        presets.push(text.to_owned());
                    }
                }
                None => {
                    let allowed: Vec<&str> = EXTENDS.iter().chain(&known).copied().collect();
                    let message = format!("`{text}` is nothing that can be extended");
                    self.report(item.span, message, did_you_mean(text, &allowed));
                }
            }
        }
        (extends.unwrap_or_default(), presets)
    }

    pub(super) fn rules(&mut self, node: &Node) -> BTreeMap<String, RuleSetting> {
        let mut settings = BTreeMap::new();
        for rule in self.named_rules(node, "rules") {
            let setting = self.setting(&rule);
            settings.extend(rule.ids.into_iter().map(|(id, _)| (id, setting.clone())));
        }
        settings
    }

    pub(super) fn overrides(&mut self, node: &Node) -> Vec<Override> {
        let Some(items) = node.as_seq() else {
            self.wrong_type(node, "overrides", "a list");
            return Vec::new();
        };
        items.iter().map(|item| self.one_override(item)).collect()
    }

    fn one_override(&mut self, node: &Node) -> Override {
        let mut stated = Override { paths: Vec::new(), rules: BTreeMap::new() };
        let before = self.problems.len();
        let entries = self.entries(node, "each item of overrides");
        for (key, entry) in &entries {
            match *key {
                "paths" => stated.paths = self.globs(&entry.value),
                "rules" => {
                    for rule in self.named_rules(&entry.value, "the rules of an override") {
                        let Some(level) = self.level(rule.value, rule.name) else { continue };
                        stated.rules.extend(rule.ids.into_iter().map(|(id, _)| (id, level)));
                    }
                }
                _ => self.unknown_key(entry, key, &OVERRIDE_KEYS),
            }
        }
        if self.problems.len() == before {
            for wanted in OVERRIDE_KEYS {
                if !entries.iter().any(|(key, _)| *key == wanted) {
                    let message = format!("an override does not state `{wanted}`");
                    let remedy = "Write each as `{paths: [models/legacy/**], rules: {MISSING_SCHEMA_YAML: off}}`.";
                    self.report(node.span, message, remedy);
                }
            }
        }
        stated
    }

    fn globs(&mut self, node: &Node) -> Vec<String> {
        let items = self.string_nodes(node, "paths");
        for (pattern, item) in &items {
            let wrong = match *pattern {
                "" => Some("is empty".to_owned()),
                _ if pattern.starts_with('/') || pattern.starts_with("./") => {
                    Some("is not relative to dbt_project.yml".to_owned())
                }
                _ if pattern.contains('\\') => Some("has a `\\`; separate folders by `/`".to_owned()),
                _ => globs(pattern).err().map(|error| format!("is no glob: {}", error.kind())),
            };
            if let Some(wrong) = wrong {
                let remedy = "Write a path as findings show it, with `*` for any name and `**` for any folders.";
                self.report(item.span, format!("the path `{pattern}` {wrong}"), remedy);
            }
        }
        items.into_iter().map(|(pattern, _)| pattern.to_owned()).collect()
    }

    /// The rules that the keys of a mapping mean. An unknown one is reported, and so is one that is
    /// stated under two of its names.
    fn named_rules<'n>(&mut self, node: &'n Node, what: &str) -> Vec<Named<'n, 't>> {
        let known = self.known;
        let mut found: Vec<Named<'n, 't>> = Vec::new();
        for (name, entry) in self.entries(node, what) {
            let ids = known.named(name);
            if ids.is_empty() {
                let remedy = nearest(name, known.names().iter().copied())
                    .map_or_else(|| "`harness rules` lists the rules.".to_owned(), question);
                self.report(entry.key.span, format!("there is no rule `{name}`"), remedy);
            }
            let twice = ids.iter().find_map(|(id, _)| {
                let other = found.iter().find(|other| other.ids.iter().any(|(known, _)| known == id))?;
                Some(format!("`{name}` is {id}, which `{}` states already", other.name))
            });
            if let Some(message) = twice {
                self.report(entry.key.span, message, "Keep one of the two.");
            }
            found.push(Named { name, ids, value: &entry.value });
        }
        found
    }

    fn setting(&mut self, stated: &Named<'_, 't>) -> RuleSetting {
        let mut setting = RuleSetting::default();
        if stated.value.as_map().is_none() {
            setting.level = self.level(stated.value, stated.name);
            return setting;
        }
        for (key, entry) in self.entries(stated.value, stated.name) {
            match key {
                "severity" => setting.level = self.level(&entry.value, stated.name),
                "options" => setting.options = self.options(&entry.value, stated),
                _ => self.unknown_key(entry, key, &RULE_KEYS),
            }
        }
        setting
    }

    fn options(&mut self, node: &Node, stated: &Named<'_, 't>) -> BTreeMap<String, OptionValue> {
        let mut options = BTreeMap::new();
        let declared: Vec<&(&str, OptionValue)> = stated.ids.iter().flat_map(|(_, rule)| &rule.options).collect();
        let names: Vec<&str> = declared.iter().map(|(name, _)| *name).collect();
        for (key, entry) in self.entries(node, "options") {
            let Some((_, default)) = declared.iter().find(|(name, _)| *name == key) else {
                // Of a rule that nobody knows, nobody knows the options either.
                if !stated.ids.is_empty() {
                    let message = format!("{} has no option `{key}`", stated.name);
                    let remedy = match names.as_slice() {
                        [] => "Remove it: the rule has no options.".to_owned(),
                        names => did_you_mean(key, names),
                    };
                    self.report(entry.key.span, message, remedy);
                }
                continue;
            };
            let what = format!("the option `{key}` of {}", stated.name);
            if let Some(value) = self.option(&entry.value, &what, default) {
                options.insert(key.to_owned(), value);
            }
        }
        options
    }

    /// A value of the type the default has.
    fn option(&mut self, node: &Node, what: &str, default: &OptionValue) -> Option<OptionValue> {
        match (default, &node.value) {
            (OptionValue::Switch(_), Value::Bool(flag)) => Some(OptionValue::Switch(*flag)),
            (OptionValue::Number(_), Value::Int(number)) => Some(OptionValue::Number(*number)),
            (OptionValue::Text(_), _) => self.string(node, what).map(|text| OptionValue::Text(text.to_owned())),
            (OptionValue::List(_), _) => Some(OptionValue::List(self.strings(node, what))),
            (OptionValue::Switch(_), _) => {
                self.wrong_type(node, what, "true or false");
                None
            }
            (OptionValue::Number(_), _) => {
                self.wrong_type(node, what, "a whole number");
                None
            }
        }
    }

    fn level(&mut self, node: &Node, rule: &str) -> Option<Level> {
        let text = match &node.value {
            // YAML reads `off` as false.
            Value::Bool(false) => return Some(Level::Off),
            Value::Bool(true) => {
                let message = format!("the severity of {rule} cannot be a bare yes");
                self.report(node.span, message, one_of(&LEVELS));
                return None;
            }
            _ => self.string(node, &format!("the severity of {rule}"))?,
        };
        match text {
            "error" => Some(Level::Error),
            "warning" => Some(Level::Warning),
            "info" => Some(Level::Info),
            "off" => Some(Level::Off),
            "auto" => Some(Level::Auto),
            _ => {
                let message = format!("`{text}` is no severity");
                self.report(node.span, message, did_you_mean(text, &LEVELS));
                None
            }
        }
    }
}

/// A key that names rules, and what is said of them.
struct Named<'n, 't> {
    name: &'n str,
    /// Each with the id it is stated under.
    ids: Vec<(String, &'t KnownRule<'t>)>,
    value: &'n Node,
}

/// Whether a template such as `CTE_MISSING_{CTE}` yields this id.
fn is_of_family(id: &str, template: &str) -> bool {
    let Some((before, rest)) = template.split_once('{') else { return false };
    let Some((_, after)) = rest.split_once('}') else { return false };
    id.strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .is_some_and(|name| !name.is_empty() && name.bytes().all(is_screaming_snake))
}

fn is_screaming_snake(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}
