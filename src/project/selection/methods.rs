//! What each method selects.

use super::defaults::default_of;
use super::member::{Ids, Member, Members};
use super::patterns::{PathPattern, Pattern};
use super::spec::{Criteria, Method};
use crate::project::columns::compare_versions;
use serde_json::Value;
use std::cmp::Ordering;
use std::sync::Arc;

/// dbt's manifest has these beside its nodes.
const BESIDE_NODES: [&str; 7] =
    ["source", "exposure", "metric", "semantic_model", "saved_query", "unit_test", "function"];

impl Member {
    /// Whether dbt's manifest lists it among the nodes.
    pub(super) fn is_node(&self) -> bool {
        !BESIDE_NODES.contains(&self.kind)
    }

    pub(super) fn is_test(&self) -> bool {
        matches!(self.kind, "test" | "unit_test")
    }
}

/// The members that a criterion names, without relatives. What names selectors is the caller's.
pub(super) fn search(members: &Members, criteria: &Criteria) -> Ids {
    let text = criteria.text();
    let pattern = Pattern::new(text);
    match &criteria.method {
        Method::Fqn => {
            let name = Name::new(text);
            members.having(|member| member.kind != "source" && name.is(&member.fqn, member.version.is_some()))
        }
        Method::Tag => members.having(|member| member.tags.iter().any(|tag| pattern.matches(tag))),
        Method::Group => members.having(|member| {
            let group = member.config.get("group").and_then(Value::as_str);
            (member.is_node() || member.kind == "metric") && group.is_some_and(|group| pattern.matches(group))
        }),
        Method::Access => members.having(|member| {
            member.kind == "model" && setting(member, &["access"]).as_ref().and_then(Value::as_str) == Some(text)
        }),
        Method::Source => sources(members, text),
        Method::Path => paths(members, text),
        Method::File => members.having(|member| {
            let name = member.path.rsplit('/').next().unwrap_or_default();
            pattern.matches(name) || pattern.matches(stem(name))
        }),
        Method::Package => {
            let own = if text == "this" { Pattern::new(&members.project) } else { pattern };
            members.having(|member| own.matches(&member.package))
        }
        Method::Config(keys) => configured(members, keys, &criteria.value),
        Method::TestName => members.having(|member| match member.kind {
            "test" => member.test_kind.as_ref().is_some_and(|kind| pattern.matches(kind)),
            kind => kind == "unit_test" && pattern.matches(&member.name),
        }),
        Method::TestType => members.having(|member| match text {
            "generic" | "schema" => member.test_kind.is_some(),
            "singular" => member.kind == "test" && member.test_kind.is_none(),
            "data" => member.kind == "test",
            _ => member.kind == "unit_test",
        }),
        Method::ResourceType => members.having(|member| member.kind == text),
        Method::Exposure => named(members, "exposure", text),
        Method::Metric => named(members, "metric", text),
        Method::SemanticModel => named(members, "semantic_model", text),
        Method::SavedQuery => named(members, "saved_query", text),
        Method::UnitTest => named(members, "unit_test", text),
        Method::Version => members.having(|member| member.kind == "model" && is_version(member, text)),
        Method::Selector | Method::State | Method::OfRun(_) => Ids::new(),
    }
}

/// `name` or `package.name`.
fn named(members: &Members, kind: &str, text: &str) -> Ids {
    let (package, name) = text.split_once('.').unwrap_or(("*", text));
    let (package, name) = (Pattern::new(package), Pattern::new(name));
    members.having(|member| member.kind == kind && package.matches(&member.package) && name.matches(&member.name))
}

/// `source`, `source.table` or `package.source.table`.
fn sources(members: &Members, text: &str) -> Ids {
    let parts: Vec<&str> = text.split('.').collect();
    let (package, source, table) = match parts.as_slice() {
        [package, source, table] => (*package, *source, *table),
        [source, table] => ("*", *source, *table),
        _ => ("*", text, "*"),
    };
    let (package, source, table) = (Pattern::new(package), Pattern::new(source), Pattern::new(table));
    members.having(|member| {
        let is_source = member.source.as_ref().is_some_and(|own| source.matches(own));
        is_source && package.matches(&member.package) && table.matches(&member.name)
    })
}

/// dbt looks for the pattern in the folder of the root project, and compares what it finds there with the
/// paths of all packages, which begin in their own folders.
fn paths(members: &Members, text: &str) -> Ids {
    let pattern = PathPattern::new(text);
    let is_file = |path: &str| members.files.contains(path) && pattern.matches_file(path);
    let is_folder = |path: &str| members.folders.contains(path) && pattern.matches_folder(path);
    members.having(|member| {
        let path = member.path.trim_start_matches("./");
        let above = std::iter::successors(Some(path), |path| match path.rsplit_once('/') {
            Some((folder, _)) => Some(folder),
            None if path.is_empty() => None,
            None => Some(""),
        });
        let is_patched = member.patch.as_ref().is_some_and(|patch| is_file(patch));
        is_file(path) || is_patched || above.skip(1).any(is_folder)
    })
}

/// A file's name without its last extension, as Python's pathlib has it.
fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, rest)) if !stem.is_empty() && !rest.is_empty() => stem,
        _ => name,
    }
}

fn is_version(member: &Member, text: &str) -> bool {
    let Some((version, latest)) = &member.version else { return text == "none" };
    let order = compare_versions(version, latest);
    match text {
        "latest" => version == latest,
        "prerelease" => order == Ordering::Greater,
        "old" => order == Ordering::Less,
        _ => false,
    }
}

/// A setting by its keys, stated or dbt's own.
fn setting(member: &Member, keys: &[&str]) -> Option<Value> {
    let (first, rest) = keys.split_first()?;
    // dbt makes objects of hooks, which are equal to no text.
    if matches!(*first, "pre_hook" | "post_hook" | "pre-hook" | "post-hook") {
        return None;
    }
    let stated = member.config.get(*first).and_then(|value| rest.iter().try_fold(value, |value, key| value.get(*key)));
    stated.cloned().or_else(|| default_of(member.kind, keys))
}

fn configured(members: &Members, keys: &[Arc<str>], wanted: &Value) -> Ids {
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let is_severity = keys == ["severity"];
    members.having(|member| {
        if !member.is_node() && member.kind != "source" {
            return false;
        }
        let Some(value) = setting(member, &keys) else { return false };
        match (&value, wanted) {
            (Value::Array(items), _) => items.iter().any(|item| is_value(item, wanted)),
            (Value::String(own), Value::String(wanted)) if is_severity => own.eq_ignore_ascii_case(wanted),
            _ => is_value(&value, wanted),
        }
    })
}

/// Equality as Python has it, and `true` and `false` as texts mean what they say.
fn is_value(own: &Value, wanted: &Value) -> bool {
    let number = |value: &Value| value.as_bool().map(f64::from).or_else(|| value.as_f64());
    match (own, wanted) {
        (Value::Bool(own), Value::String(wanted)) => wanted.eq_ignore_ascii_case(if *own { "true" } else { "false" }),
        (Value::Bool(_) | Value::Number(_), Value::Bool(_) | Value::Number(_)) => number(own) == number(wanted),
        _ => own == wanted,
    }
}

/// A qualified name, as `fqn` compares it with names of nodes.
struct Name<'text> {
    text: &'text str,
    parts: Vec<&'text str>,
    /// From the first part with a wildcard on.
    wild: Option<(usize, Pattern)>,
    whole: Pattern,
}

impl<'text> Name<'text> {
    fn new(text: &'text str) -> Self {
        let parts: Vec<&str> = text.split('.').collect();
        let at = parts.iter().position(|part| part.contains(['*', '?', '[', ']']));
        let rest = |at: usize| Pattern::new(&parts.get(at..).unwrap_or_default().join("."));
        Self { text, wild: at.map(|at| (at, rest(at))), whole: Pattern::new(text), parts }
    }

    /// With or without the package in front.
    fn is(&self, fqn: &[Arc<str>], is_versioned: bool) -> bool {
        self.fits(fqn, is_versioned) || fqn.split_first().is_some_and(|(_, rest)| self.fits(rest, is_versioned))
    }

    fn fits(&self, fqn: &[Arc<str>], is_versioned: bool) -> bool {
        // The last part of a versioned model is its version.
        let leaf = fqn.len().checked_sub(if is_versioned { 2 } else { 1 }).and_then(|at| fqn.get(at));
        let Some(leaf) = leaf else { return false };
        if **leaf == *self.text || (is_versioned && self.is_version(fqn)) {
            return true;
        }
        let flat: Vec<&str> = fqn.iter().flat_map(|part| part.split('.')).collect();
        if flat.len() < self.parts.len() {
            return false;
        }
        let fixed = self.wild.as_ref().map_or(self.parts.len(), |(at, _)| *at);
        if !flat.iter().zip(&self.parts).take(fixed).all(|(own, part)| own == part) {
            return false;
        }
        let Some((at, pattern)) = &self.wild else { return true };
        let rest = flat.get(*at..).unwrap_or_default().join(".");
        pattern.matches(&rest) || (self.parts.len() == 1 && self.whole.matches(leaf))
    }

    /// `model.v2` and `model_v2` are both the version.
    fn is_version(&self, fqn: &[Arc<str>]) -> bool {
        let own = fqn.get(fqn.len().saturating_sub(2)..).unwrap_or_default().join("_");
        own == self.parts.get(self.parts.len().saturating_sub(2)..).unwrap_or_default().join("_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(name: &str, fqn: &str, is_versioned: bool) -> bool {
        let fqn: Vec<Arc<str>> = fqn.split('/').map(Arc::from).collect();
        Name::new(name).is(&fqn, is_versioned)
    }

    #[test]
    fn a_name_is_the_last_part_or_a_beginning() {
        assert!(is("orders", "shop/marts/orders", false) && is("shop.marts", "shop/marts/orders", false));
        assert!(is("marts", "shop/marts/orders", false) && is("marts.*", "shop/marts/orders", false));
        assert!(!is("mart", "shop/marts/orders", false) && !is("finance", "shop/marts/finance/orders", false));
        assert!(is("stg_*", "shop/staging/stg_a", false) && !is("a.stg_*", "shop/staging/stg_a", false));
        assert!(is("marts.a.b", "shop/marts/a.b", false));
    }

    #[test]
    fn a_versioned_model_is_found_with_and_without_its_version() {
        assert!(is("orders", "shop/marts/orders/v2", true) && is("orders.v2", "shop/marts/orders/v2", true));
        assert!(is("orders_v2", "shop/marts/orders/v2", true) && !is("orders_v1", "shop/marts/orders/v2", true));
        assert!(is("ord*", "shop/marts/orders/v2", true));
    }

    #[test]
    fn settings_are_equal_as_in_python() {
        assert!(is_value(&Value::from(true), &Value::from("TRUE")) && is_value(&Value::from(1), &Value::from(true)));
        assert!(!is_value(&Value::from(1), &Value::from("1")) && is_value(&Value::from("a"), &Value::from("a")));
    }
}
