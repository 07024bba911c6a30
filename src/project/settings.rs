//! Reads harness.yml. Every problem is reported, each with its place: a house's rules are wrong
//! as a whole or right as a whole.

use crate::db::settings::{Extends, HouseRules, Layer, Level, Placeholder, Read, Segment, Staging};
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::{self, Entry, Node, Value};

const KEYS: [&str; 8] = ["extends", "paths", "layers", "terminal", "tenants", "domains", "staging", "rules"];
const LAYER_KEYS: [&str; 1] = ["reads"];
const STAGING_KEYS: [&str; 5] = ["ctes", "materialized", "tags", "exclude", "column_groups"];
const EXTENDS: [&str; 2] = ["auto", "strict"];
const LEVELS: [&str; 5] = ["error", "warning", "info", "off", "auto"];
const PLACEHOLDERS: [&str; 3] = ["tenant", "layer", "domain"];
/// In `reads`, these are no layers but what dbt calls so.
const RESERVED: [&str; 2] = ["source", "seed"];

/// The rules a harness.yml states. `known_rules` are rule ids and templates of families
/// (`CTE_MISSING_{CTE}`).
pub fn read(text: &str, known_rules: &[&str]) -> Result<HouseRules, Vec<SyntaxError>> {
    let document = yaml::parse(text);
    let mut reader = Reader { text, known_rules, problems: document.errors };
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

struct Reader<'t> {
    text: &'t str,
    known_rules: &'t [&'t str],
    problems: Vec<SyntaxError>,
}

impl Reader<'_> {
    fn report(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(SyntaxError { span, message: message.into(), remedy: remedy.into() });
    }

    fn house(&mut self, root: &Node) -> HouseRules {
        let mut house = HouseRules::default();
        if root.is_null() {
            return house;
        }
        for (key, entry) in self.entries(root, "harness.yml") {
            let value = &entry.value;
            match key {
                "extends" => house.extends = self.extends(value).unwrap_or_default(),
                "paths" => house.paths = self.paths(value),
                "layers" => house.layers = self.layers(value),
                "terminal" => house.terminal = self.strings(value, key),
                "tenants" => house.tenants = self.strings(value, key),
                "domains" => house.domains = self.ordered(value, key),
                "staging" => house.staging = self.staging(value),
                "rules" => self.rules(value, &mut house),
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

    fn extends(&mut self, node: &Node) -> Option<Extends> {
        let text = self.string(node, "extends")?;
        match text {
            "auto" => Some(Extends::Auto),
            "strict" => Some(Extends::Strict),
            _ => {
                let message = format!("`{text}` is nothing that can be extended");
                self.report(node.span, message, did_you_mean(text, &EXTENDS));
                None
            }
        }
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
            let reads = self.reads(entry, name, &names);
            layers.push(Layer { name: name.to_owned(), reads });
        }
        layers
    }

    fn reads(&mut self, layer: &Entry, name: &str, names: &[&str]) -> Vec<Read> {
        let what = format!("the layer `{name}`");
        let before = self.problems.len();
        let mut stated = None;
        for (key, entry) in self.entries(&layer.value, &what) {
            match key {
                "reads" => stated = Some(&entry.value),
                _ => self.unknown_key(entry, key, &LAYER_KEYS),
            }
        }
        let Some(stated) = stated else {
            if self.problems.len() == before {
                let message = format!("{what} does not say what it reads");
                self.report(layer.key.span, message, "Add `reads: [...]`; `reads: []` if it reads nothing.");
            }
            return Vec::new();
        };
        let items = self.string_nodes(stated, "reads");
        items.into_iter().filter_map(|(text, item)| self.read_target(text, item, names)).collect()
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

    fn rules(&mut self, node: &Node, house: &mut HouseRules) {
        for (id, entry) in self.entries(node, "rules") {
            if !self.is_known_rule(id) {
                let message = format!("there is no rule `{id}`");
                let remedy = nearest(id, self.known_rules)
                    .map_or_else(|| "`harness rules` lists the rules.".to_owned(), question);
                self.report(entry.key.span, message, remedy);
            }
            if let Some(level) = self.level(&entry.value, id) {
                house.rules.insert(id.to_owned(), level);
            }
        }
    }

    fn is_known_rule(&self, id: &str) -> bool {
        self.known_rules.iter().any(|known| *known == id || is_of_family(id, known))
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

fn did_you_mean(text: &str, allowed: &[&str]) -> String {
    nearest(text, allowed).map_or_else(|| one_of(allowed), question)
}

fn question(name: &str) -> String {
    format!("Did you mean `{name}`?")
}

fn one_of(allowed: &[&str]) -> String {
    match allowed {
        [only] => format!("Use `{only}`."),
        _ => format!("Use one of `{}`.", allowed.join("`, `")),
    }
}

/// The name a typing mistake away, if there is one; case and `-` for `_` are no mistakes.
fn nearest<'a>(text: &str, allowed: &[&'a str]) -> Option<&'a str> {
    // Comparing costs the product of the lengths, and no name is that long.
    const LONGEST: usize = 100;
    if text.len() > LONGEST {
        return None;
    }
    let normal = |name: &str| name.to_lowercase().replace('-', "_");
    let typed = normal(text);
    let tolerated = (typed.chars().count() / 3).max(1);
    let distance = |name: &str| {
        let name = normal(name);
        // `warn` for `warning` is cut short, not mistyped.
        if typed.len() > 2 && name.starts_with(&typed) { 0 } else { strsim::damerau_levenshtein(&typed, &name) }
    };
    allowed
        .iter()
        .map(|name| (distance(name), *name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests;
