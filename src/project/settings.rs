//! Reads harness.yml. Every problem is reported, each with its place: a house's rules are wrong
//! as a whole or right as a whole.

use crate::db::settings::{HouseRules, Layer, Placeholder, Read, Segment, Staging};
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::{self, Entry, Node};
use std::collections::BTreeMap;

mod rules;

use crate::similar::did_you_mean;
pub use rules::{KnownRule, KnownRules, LEVELS, OVERRIDE_KEYS, RULE_KEYS, globs};

/// The keys of a harness.yml, of a layer in it and of its staging pattern.
pub const KEYS: [&str; 10] =
    ["extends", "paths", "layers", "terminal", "tenants", "domains", "staging", "rules", "overrides", "rule-paths"];
pub const LAYER_KEYS: [&str; 3] = ["reads", "folders", "prefixes"];
pub const STAGING_KEYS: [&str; 5] = ["ctes", "materialized", "tags", "exclude", "column_groups"];
const PLACEHOLDERS: [&str; 3] = ["tenant", "layer", "domain"];
/// In `reads`, these are no layers but what dbt calls so.
const RESERVED: [&str; 2] = ["source", "seed"];

/// The rules a harness.yml states. `known` is what there is to be stated of.
pub fn read(text: &str, known: &KnownRules<'_>) -> Result<HouseRules, Vec<SyntaxError>> {
    let document = yaml::parse(text);
    let mut reader = Reader { text, known, problems: document.errors };
    for duplicate in &document.duplicates {
        let message = format!("the key `{}` is stated twice", duplicate.key);
        reader.report(duplicate.last, message, "Keep one of the two.");
    }
    // Part of a tree would look like a file that lacks the rest.
    let house = if reader.problems.is_empty() { reader.house(&document.root) } else { HouseRules::default() };
    if reader.problems.is_empty() {
        return Ok(house);
    }
    reader.problems.sort_by_key(|problem| problem.span);
    Err(reader.problems)
}

/// The folders with rules that a harness.yml names. Asked before it is read whole, since what its
/// other keys may say depends on these rules; of a broken file `read` tells.
pub fn rule_paths(text: &str) -> Vec<String> {
    let root = yaml::parse(text).root;
    let items = root.get("rule-paths").and_then(Node::as_seq).unwrap_or_default();
    items.iter().filter_map(Node::as_str).map(str::to_owned).collect()
}

struct Reader<'t> {
    text: &'t str,
    known: &'t KnownRules<'t>,
    problems: Vec<SyntaxError>,
}

impl Reader<'_> {
    fn report(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(SyntaxError::new(span, message, remedy));
    }

    fn house(&mut self, root: &Node) -> HouseRules {
        let mut house = HouseRules::default();
        if root.is_null() {
            return house;
        }
        for (key, entry) in self.entries(root, "harness.yml") {
            let value = &entry.value;
            match key {
                "extends" => (house.extends, house.presets) = self.extends(value),
                "paths" => house.paths = self.paths(value),
                "layers" => house.layers = self.layers(value),
                "terminal" => house.terminal = self.strings(value, key),
                "tenants" => house.tenants = self.strings(value, key),
                "domains" => house.domains = self.ordered(value, key),
                "staging" => house.staging = self.staging(value),
                "rules" => house.rules = self.rules(value),
                "overrides" => house.overrides = self.overrides(value),
                "rule-paths" => house.rule_paths = self.folders(value, key),
                _ => self.unknown_key(entry, key, &KEYS),
            }
        }
        if self.problems.is_empty() {
            self.belonging_together(root, &house);
        }
        house
    }

    /// A key that has no effect without another is a mistake, not a choice.
    fn belonging_together(&mut self, root: &Node, house: &HouseRules) {
        let places =
            |wanted: Placeholder| house.paths.iter().flatten().any(|segment| *segment == Segment::Placeholder(wanted));
        let span = |key: &str| root.get_entry(key).map(|entry| entry.key.span).unwrap_or_default();
        if !house.layers.is_empty() && house.paths.is_some() && !places(Placeholder::Layer) {
            let message = "`layers` has no effect: `paths` does not say which folder is the layer";
            self.report(span("paths"), message, "Put {layer} into `paths`, or remove `paths`.");
        }
        let prefixed = house.layers.iter().find(|layer| !layer.prefixes.is_empty());
        if let Some(layer) = prefixed.filter(|_| house.paths.is_some()) {
            let stated = root.get("layers").and_then(|layers| layers.get(&layer.name));
            let entry = stated.and_then(|layer| layer.get_entry("prefixes"));
            let message = "`prefixes` has no effect: `paths` says which folder is the layer";
            let span = entry.map(|entry| entry.key.span).unwrap_or_default();
            self.report(span, message, "Remove `prefixes`, or remove `paths`.");
        }
        if !house.tenants.is_empty() && !places(Placeholder::Tenant) {
            let message = "`tenants` has no effect: no folder is said to be the tenant";
            self.report(span("tenants"), message, "Put {tenant} into `paths`.");
        }
        if !house.domains.is_empty() && !places(Placeholder::Domain) {
            let message = "`domains` has no effect: no folder is said to be the domain";
            self.report(span("domains"), message, "Put {domain} into `paths`.");
        }
    }

    /// The entries of a mapping with their keys as text; reports what is no mapping or no text.
    fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(&'n str, &'n Entry)> {
        let Some(entries) = node.as_map() else {
            self.wrong_type(node, what, "a mapping");
            return Vec::new();
        };
        let mut found = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry.key.as_str() {
                Some(key) => found.push((key, entry)),
                None => {
                    let message = format!("a key of {what} must be a string, not {}", entry.key.kind_name());
                    self.report(entry.key.span, message, "Put the key in quotes.");
                }
            }
        }
        found
    }

    fn wrong_type(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("{what} must be {wanted}, not {}", node.kind_name());
        let remedy = match wanted {
            _ if node.is_null() => "Give it a value, or remove its key.",
            "a mapping" => "Write `key: value` lines, indented below it.",
            "a list" => "Write the values in brackets: `[one, two]`.",
            "a whole number" => "Write digits, without quotes.",
            "true or false" => "Write one of the two, without quotes.",
            _ => "Write a text; put it in quotes if YAML takes it for something else.",
        };
        self.report(node.span, message, remedy);
    }

    fn unknown_key(&mut self, entry: &Entry, key: &str, allowed: &[&str]) {
        let message = format!("the key `{key}` is unknown");
        self.report(entry.key.span, message, did_you_mean(key, allowed));
    }

    fn string<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        if node.as_str().is_none() {
            self.wrong_type(node, what, "a string");
        }
        node.as_str()
    }

    fn strings(&mut self, node: &Node, what: &str) -> Vec<String> {
        let items = self.string_nodes(node, what);
        items.into_iter().map(|(text, _)| text.to_owned()).collect()
    }

    /// A list whose order means something: each name has one place in it.
    fn ordered(&mut self, node: &Node, what: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for (name, item) in self.string_nodes(node, what) {
            if found.iter().any(|other| other == name) {
                let message = format!("`{name}` stands in {what} twice");
                self.report(item.span, message, "Keep the place in the order that it has.");
            } else {
                found.push(name.to_owned());
            }
        }
        found
    }

    fn string_nodes<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(&'n str, &'n Node)> {
        let Some(items) = node.as_seq() else {
            self.wrong_type(node, what, "a list");
            return Vec::new();
        };
        let each = format!("each item of {what}");
        items.iter().filter_map(|item| Some((self.string(item, &each)?, item))).collect()
    }

    fn layers(&mut self, node: &Node) -> Vec<Layer> {
        let entries = self.entries(node, "layers");
        let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
        let mut layers = Vec::with_capacity(entries.len());
        for (name, entry) in entries {
            if RESERVED.contains(&name) {
                let message = format!("`{name}` is a reserved word and no layer's name");
                let remedy = format!("Rename the layer; in `reads`, `{name}` needs no layer of its own.");
                self.report(entry.key.span, message, remedy);
            }
            layers.push(self.layer(entry, name, &names));
        }
        if self.problems.is_empty() {
            self.told_apart(node, &layers);
        }
        layers
    }

    fn layer(&mut self, stated: &Entry, name: &str, names: &[&str]) -> Layer {
        let what = format!("the layer `{name}`");
        let before = self.problems.len();
        let mut layer = Layer::new(name, Vec::new());
        let mut reads = None;
        for (key, entry) in self.entries(&stated.value, &what) {
            match key {
                "reads" => reads = Some(&entry.value),
                "folders" => layer.folders = self.strings(&entry.value, key),
                "prefixes" => layer.prefixes = self.strings(&entry.value, key),
                _ => self.unknown_key(entry, key, &LAYER_KEYS),
            }
        }
        let Some(reads) = reads else {
            if self.problems.len() == before {
                let message = format!("{what} does not say what it reads");
                self.report(stated.key.span, message, "Add `reads: [...]`; `reads: []` if it reads nothing.");
            }
            return layer;
        };
        let items = self.string_nodes(reads, "reads");
        layer.reads = items.into_iter().filter_map(|(text, item)| self.read_target(text, item, names)).collect();
        layer
    }

    /// One folder or prefix cannot mean two layers.
    fn told_apart(&mut self, node: &Node, layers: &[Layer]) {
        for (what, names) in
            [("folder", (|layer| &layer.folders) as fn(&Layer) -> &Vec<String>), ("prefix", |layer| &layer.prefixes)]
        {
            let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
            for layer in layers {
                for name in names(layer) {
                    let owner = *owners.entry(name).or_insert(&layer.name);
                    if owner != layer.name {
                        let span = node.get_entry(&layer.name).map_or(node.span, |entry| entry.key.span);
                        let message =
                            format!("the {what} `{name}` is said to be of two layers: `{owner}` and `{}`", layer.name);
                        self.report(span, message, "Keep it at one of them.");
                    }
                }
            }
        }
    }

    fn read_target(&mut self, text: &str, item: &Node, names: &[&str]) -> Option<Read> {
        match text {
            "source" => Some(Read::Source),
            "seed" => Some(Read::Seed),
            _ if names.contains(&text) => Some(Read::Layer(text.to_owned())),
            _ => {
                let allowed: Vec<&str> = names.iter().chain(&RESERVED).copied().collect();
                let message = format!("`{text}` is no layer");
                self.report(item.span, message, did_you_mean(text, &allowed));
                None
            }
        }
    }

    fn staging(&mut self, node: &Node) -> Option<Staging> {
        let mut staging = Staging {
            ctes: Vec::new(),
            materialized: String::new(),
            tags: Vec::new(),
            exclude: Vec::new(),
            column_groups: Staging::default_column_groups(),
        };
        let before = self.problems.len();
        let entries = self.entries(node, "staging");
        for (key, entry) in &entries {
            let value = &entry.value;
            match *key {
                "ctes" => staging.ctes = self.strings(value, key),
                "materialized" => {
                    staging.materialized = self.string(value, key).unwrap_or_default().to_owned();
                }
                "tags" => staging.tags = self.tags(value),
                "exclude" => staging.exclude = self.strings(value, key),
                "column_groups" => {
                    let groups = self.strings(value, key);
                    staging.column_groups = groups.iter().map(|group| group.to_lowercase()).collect();
                }
                _ => self.unknown_key(entry, key, &STAGING_KEYS),
            }
        }
        // A key that is misspelt is not missing as well.
        if self.problems.len() == before {
            for wanted in ["ctes", "materialized", "tags"] {
                if !entries.iter().any(|(key, _)| *key == wanted) {
                    let message = format!("staging does not state `{wanted}`");
                    self.report(node.span, message, format!("Add `{wanted}:` to the staging pattern."));
                }
            }
        }
        Some(staging)
    }

    /// Folders of the project.
    fn folders(&mut self, node: &Node, what: &str) -> Vec<String> {
        let items = self.string_nodes(node, what);
        for (folder, item) in &items {
            let wrong = match *folder {
                "" => Some("has an empty folder name"),
                _ if folder.contains('\\') => Some("has a `\\`"),
                _ if folder.starts_with('/') => Some("must be relative to dbt_project.yml"),
                _ => None,
            };
            if let Some(wrong) = wrong {
                self.report(item.span, format!("{what} {wrong}"), "Write folders as `checks/rules`.");
            }
        }
        items.into_iter().map(|(folder, _)| folder.trim_end_matches('/').to_owned()).collect()
    }

    fn tags(&mut self, node: &Node) -> Vec<String> {
        let items = self.string_nodes(node, "tags");
        for (tag, item) in &items {
            if tag.contains(['{', '}']) && tag.replace("{source}", "").contains(['{', '}']) {
                let message = format!("the tag `{tag}` has a placeholder that is unknown");
                self.report(item.span, message, "Use `{source}`: the folder below staging.");
            }
        }
        items.into_iter().map(|(tag, _)| tag.to_owned()).collect()
    }

    fn paths(&mut self, node: &Node) -> Option<Vec<Segment>> {
        let pattern = self.string(node, "paths")?;
        let mut segments: Vec<Segment> = Vec::new();
        let mut start = 0;
        for part in pattern.split('/') {
            let span = self.part_span(node, pattern, start, part.len());
            start += part.len() + 1;
            if segments.last() == Some(&Segment::Rest) {
                self.report(span, "a folder follows `**` in paths", "Put `**` last, or use `*` for one folder.");
                return None;
            }
            let Some(segment) = self.segment(part, span) else { continue };
            if matches!(segment, Segment::Placeholder(_)) && segments.contains(&segment) {
                let message = format!("the placeholder `{part}` stands in paths twice");
                self.report(span, message, "Keep one; use `*` for a folder of any name.");
            }
            segments.push(segment);
        }
        Some(segments)
    }

    fn segment(&mut self, part: &str, span: Span) -> Option<Segment> {
        match part {
            "" => self.report(span, "paths has an empty folder name", "Remove the extra `/`."),
            "." | ".." => {
                let message = format!("`{part}` in paths is no folder's name");
                self.report(span, message, "Write the pattern relative to dbt_project.yml, as `models/{layer}/**`.");
            }
            "*" => return Some(Segment::Any),
            "**" => return Some(Segment::Rest),
            _ if part.contains('*') => {
                let message = format!("the `*` in `{part}` stands for part of a folder's name");
                self.report(span, message, "Use `*` for one whole folder, `**` for any number of them.");
            }
            _ if part.contains('\\') => {
                self.report(span, "paths has a `\\`", "Separate folders by `/`.");
            }
            _ if part.contains(['{', '}']) => return self.placeholder(part, span),
            _ => return Some(Segment::Literal(part.to_owned())),
        }
        None
    }

    fn placeholder(&mut self, part: &str, span: Span) -> Option<Segment> {
        let name = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = name.filter(|name| !name.contains(['{', '}'])) else {
            let message = format!("the placeholder in `{part}` is not a whole folder's name");
            self.report(span, message, "Let the placeholder be the whole folder: `{layer}`.");
            return None;
        };
        let placeholder = match name {
            "tenant" => Placeholder::Tenant,
            "layer" => Placeholder::Layer,
            "domain" => Placeholder::Domain,
            _ => {
                let message = format!("the placeholder `{{{name}}}` is unknown");
                self.report(span, message, did_you_mean(name, &PLACEHOLDERS));
                return None;
            }
        };
        Some(Segment::Placeholder(placeholder))
    }

    /// The place of a part of a string, where the file spells the string as it is; else the
    /// whole string.
    fn part_span(&self, node: &Node, value: &str, start: usize, length: usize) -> Span {
        let written = node.span.of(self.text);
        match written.find(value) {
            Some(quote) => {
                let start = node.span.start as usize + quote + start;
                Span::new(start, start + length)
            }
            None => node.span,
        }
    }
}

#[cfg(test)]
mod tests;
