//! The named selections of selectors.yml, read by dbt's rules.

use super::parse::{Wrong, checked, method, unchecked};
use super::spec::{Criteria, Definition, Indirect, Operator};
use crate::db::{Package, Project};
use crate::project::data;
use crate::project::jinja::run::{Names, Run, Subject};
use crate::project::jinja::{Minijinja, Renderer};
use crate::project::packages::yaml;
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::Node;
use indexmap::IndexMap;
use serde_json::Value;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    pub name: Arc<str>,
    /// Taken where nothing is selected otherwise.
    pub is_default: bool,
    pub definition: Definition,
}

/// All selectors by name, or all that is wrong with the file. Without a file there are none.
#[salsa::tracked(returns(ref))]
pub fn selectors(db: &dyn salsa::Database) -> Result<Vec<Selector>, Vec<SyntaxError>> {
    let Some((found, mut reader)) = read(db) else { return Ok(Vec::new()) };
    reader.errors.append(&mut reader.late);
    reader.errors.sort_by_key(|error| error.span);
    if reader.errors.is_empty() { Ok(found) } else { Err(reader.errors) }
}

/// What stops dbt when it reads the file, whatever is selected.
#[salsa::tracked(returns(deref))]
pub fn selector_errors(db: &dyn salsa::Database) -> Vec<SyntaxError> {
    read(db).map(|(_, reader)| reader.errors).unwrap_or_default()
}

fn read(db: &dyn salsa::Database) -> Option<(Vec<Selector>, Reader)> {
    let project = Project::try_get(db)?;
    let document = yaml(db, project.selectors_file(db)?);
    let mut reader = Reader { package: project.root(db), errors: document.errors.clone(), late: Vec::new(), depth: 0 };
    let found = reader.file(&document.root);
    Some((found, reader))
}

struct Reader {
    package: Package,
    errors: Vec<SyntaxError>,
    /// What dbt refuses only when the selector is used.
    late: Vec<SyntaxError>,
    /// How deep the definition that is read nests.
    depth: usize,
}

/// How deep definitions may nest.
const DEEPEST: usize = 30;

impl Reader {
    fn wrong(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.errors.push(SyntaxError::new(span, message, remedy));
    }

    fn file(&mut self, root: &Node) -> Vec<Selector> {
        let mut found: IndexMap<Arc<str>, Selector> = IndexMap::new();
        let is_empty = root.is_null() || root.as_seq().is_some_and(<[_]>::is_empty);
        let Some(list) = root.get("selectors") else {
            if self.errors.is_empty() && !is_empty {
                self.wrong(root.span, "selectors: is missing", "Begin the file with selectors: and a list below it.");
            }
            return Vec::new();
        };
        let Some(items) = list.as_seq() else {
            self.wrong(list.span, format!("selectors: is {}, not a list", list.kind_name()), "Write a list below it.");
            return Vec::new();
        };
        for item in items {
            let Some(selector) = self.selector(item) else { continue };
            if selector.is_default && found.values().any(|other| other.is_default && other.name != selector.name) {
                self.wrong(item.span, "a second selector has default: true", "Let one of them have it.");
            }
            // The last of one name counts.
            found.insert(selector.name.clone(), selector);
        }
        let mut found: Vec<Selector> = found.into_values().collect();
        found.sort_by(|left, right| left.name.cmp(&right.name));
        found
    }

    fn selector(&mut self, item: &Node) -> Option<Selector> {
        let Some(Value::String(name)) = item.get("name").map(|name| self.value(name)) else {
            self.wrong(item.span, "a selector has no name", "Give it name: and a text.");
            return None;
        };
        if let Some(description) = item.get("description").filter(|description| description.as_str().is_none()) {
            let message = format!("description: of the selector '{name}' is {}, not a string", description.kind_name());
            self.wrong(description.span, message, "Write a string, or leave it out.");
        }
        let is_known = |key: &str| matches!(key, "name" | "description" | "definition" | "default");
        let other = item.as_map().unwrap_or_default().iter().find(|entry| !entry.key.as_str().is_some_and(is_known));
        if let Some(other) = other {
            let key = other.key.key_text().unwrap_or_default();
            let message = format!("the selector '{name}' has the key {key}:, which dbt does not know");
            self.wrong(other.key.span, message, "Delete it, or move it below definition:.");
        }
        let default = item.get("default").map(|default| (default.span, self.value(default)));
        let is_default = match default {
            None => false,
            Some((_, Value::Bool(flag))) => flag,
            Some((span, _)) => {
                self.wrong(span, "default: is neither true nor false", "Write default: true, or leave it out.");
                false
            }
        };
        let Some(definition) = item.get("definition") else {
            self.wrong(item.span, format!("the selector '{name}' has no definition"), "Give it definition:.");
            return None;
        };
        let keys = definition.as_map().unwrap_or_default();
        let is_group = keys.iter().any(|entry| matches!(entry.key.as_str(), Some("union" | "intersection")));
        if is_group && keys.len() > 1 {
            let remedy = "Put exclude: into the list of the union or intersection.";
            self.wrong(definition.span, "a definition has other keys beside union or intersection", remedy);
            return None;
        }
        Some(Selector { name: name.into(), is_default, definition: self.definition(definition)? })
    }

    /// A text, a union, an intersection, or one criterion.
    fn definition(&mut self, node: &Node) -> Option<Definition> {
        if self.depth >= DEEPEST {
            let remedy = "Give its inner parts names of their own, and name them by method: selector.";
            self.late.push(SyntaxError::new(
                node.span,
                format!("a definition nests more than {DEEPEST} levels deep"),
                remedy,
            ));
            return None;
        }
        self.depth += 1;
        let found = self.definition_within(node);
        self.depth -= 1;
        found
    }

    fn definition_within(&mut self, node: &Node) -> Option<Definition> {
        if let Some(text) = node.as_str() {
            let text = match self.value(node) {
                Value::String(text) => text,
                _ => text.to_owned(),
            };
            let criteria = self.told(node.span, unchecked(&text))?;
            return self.checked(node.span, criteria);
        }
        if node.as_map().is_none() {
            let remedy = "Write a text as tag:nightly, or method: and value:, union: or intersection:.";
            self.wrong(node.span, format!("a definition is {}", node.kind_name()), remedy);
            return None;
        }
        if let Some(list) = node.get("union") {
            return self.group(Operator::Union, "union", list);
        }
        if let Some(list) = node.get("intersection") {
            return self.group(Operator::Intersection, "intersection", list);
        }
        self.criterion(node)
    }

    fn items<'node>(&mut self, key: &str, list: &'node Node) -> &'node [Node] {
        match list.as_seq() {
            Some(items) => items,
            None => {
                self.wrong(list.span, format!("{key}: is {}, not a list", list.kind_name()), "Write a list below it.");
                &[]
            }
        }
    }

    fn group(&mut self, operator: Operator, key: &str, list: &Node) -> Option<Definition> {
        let mut parts = Vec::new();
        let mut excluded = None;
        for item in self.items(key, list) {
            // Beside `exclude` dbt reads nothing else of an item.
            match item.get("exclude") {
                Some(exclude) if excluded.is_some() => {
                    let remedy = "Put both into one list below one exclude:.";
                    self.wrong(exclude.span, format!("a second exclude: stands below {key}:"), remedy);
                }
                Some(exclude) => excluded = self.exclusions(exclude),
                None => parts.extend(self.definition(item)),
            }
        }
        let group = Definition::group(operator, parts, Some(Indirect::Eager));
        Some(without(group, excluded))
    }

    fn exclusions(&mut self, list: &Node) -> Option<Definition> {
        let mut parts = Vec::new();
        for item in self.items("exclude", list) {
            parts.extend(self.definition(item));
        }
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Definition::group(Operator::Union, parts, Some(Indirect::Eager))),
        }
    }

    /// `tag: nightly`, or `method:` and `value:` with what else there is to say.
    fn criterion(&mut self, node: &Node) -> Option<Definition> {
        let entries = node.as_map().unwrap_or_default();
        let (name, value, own) = match (entries, node.get("method"), node.get("value")) {
            ([only], ..) => (&only.key, &only.value, false),
            (_, Some(method), Some(value)) => (method, value, true),
            _ => {
                let remedy = "Write one key as tag: nightly, or method: and value:.";
                self.wrong(node.span, "a criterion has neither one key nor method: and value:", remedy);
                return None;
            }
        };
        let Value::String(text) = self.value(name) else {
            self.wrong(name.span, "a method is no text", "Write the name of a method.");
            return None;
        };
        let method = self.told(name.span, method(&text));
        let read = self.value(value);
        let mut criteria = Criteria::new(method?, read);
        if own {
            let steps = |reader: &mut Self, key: &str| {
                let is_on = node.get(key).is_some_and(|flag| data::is_true(&reader.value(flag)));
                let depth = node.get(&format!("{key}_depth")).map(|depth| (depth.span, reader.value(depth)));
                let depth = depth.and_then(|(span, depth)| reader.depth(span, &depth));
                is_on.then_some(depth)
            };
            criteria.parents = steps(self, "parents");
            criteria.children = steps(self, "children");
            criteria.childrens_parents =
                node.get("childrens_parents").is_some_and(|flag| data::is_true(&self.value(flag)));
            criteria.indirect = node.get("indirect_selection").and_then(|named| self.indirect(named));
        }
        if criteria.childrens_parents && criteria.children.is_some() {
            let remedy = "childrens_parents follows the children already: leave children out.";
            self.wrong(node.span, "a criterion has both childrens_parents and children", remedy);
        }
        let base = self.checked(value.span, criteria)?;
        let excluded = node.get("exclude").filter(|_| own).and_then(|exclude| self.exclusions(exclude));
        Some(without(base, excluded))
    }

    fn indirect(&mut self, node: &Node) -> Option<Indirect> {
        let named = self.value(node);
        // dbt takes the word in small letters alone.
        let found = Indirect::ALL.into_iter().find(|(name, _)| named == *name).map(|(_, indirect)| indirect);
        if found.is_none() {
            let names = Indirect::ALL.map(|(name, _)| name).join(", ");
            let shown = data::scalar(&named).unwrap_or_default();
            self.wrong(node.span, format!("no indirect_selection is called '{shown}'"), format!("There are {names}."));
        }
        found
    }

    /// How many steps; nothing and 0 are without end.
    fn depth(&mut self, span: Span, value: &Value) -> Option<u32> {
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            Value::Null => return None,
            _ => None,
        };
        if number.is_none() {
            self.wrong(span, "a depth is no whole number", "Write how many steps are followed, as 2.");
        }
        let is_text = value.is_string();
        number.filter(|number| is_text || *number > 0).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn checked(&mut self, span: Span, criteria: Criteria) -> Option<Definition> {
        match checked(criteria) {
            Ok(criteria) => Some(Definition::Criteria(criteria)),
            Err((message, remedy)) => {
                self.late.push(SyntaxError::new(span, message, remedy));
                None
            }
        }
    }

    fn told<T>(&mut self, span: Span, result: Result<T, Wrong>) -> Option<T> {
        result.map_err(|(message, remedy)| self.wrong(span, message, remedy)).ok()
    }

    /// A value with its Jinja rendered, as dbt does for the whole file.
    fn value(&mut self, node: &Node) -> Value {
        let value = data::of(node);
        let package = self.package;
        let mut failed = None;
        let mut render = |text: &str| {
            let run = Run::new(package, Names::ProjectFile, Subject::default());
            Minijinja.evaluate(text, run).0.unwrap_or_else(|error| {
                failed = Some(error);
                Value::Null
            })
        };
        let rendered = data::rendered(value, &|_| false, &mut render);
        if let Some(error) = failed {
            self.errors.push(SyntaxError { span: node.span, ..error });
        }
        rendered
    }
}

fn without(base: Definition, excluded: Option<Definition>) -> Definition {
    match excluded {
        None => base,
        Some(excluded) => Definition::group(Operator::Difference, vec![base, excluded], Some(Indirect::Eager)),
    }
}
