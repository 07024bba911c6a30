//! Names in the semantic layer: of what dbt hands to MetricFlow, which has a narrower idea of names.

use super::data;
use super::properties::entries;
use crate::syntax::span::SyntaxError;
use crate::syntax::yaml::Node;

/// The granularities of time.
pub(super) const GRANULARITIES: [&str; 11] =
    ["nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
/// What MetricFlow calls columns of its own: like granularities, no name may be it.
const RESERVED: [&str; 2] = ["metric_time", "mf_internal_uuid"];

fn is_reserved(name: &str) -> bool {
    GRANULARITIES.contains(&name) || RESERVED.contains(&name)
}

/// Parts of a semantic model that have names.
const PARTS: [(&str, &str); 3] = [("entities", "entity"), ("dimensions", "dimension"), ("measures", "measure")];

/// Returns what is wrong with the names of metrics, semantic models and their parts, and saved queries.
pub fn semantic_name_errors(root: &Node) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    for (list, what) in [("semantic_models", "semantic model"), ("metrics", "metric"), ("saved_queries", "saved query")]
    {
        for (_, entry) in entries(root, list).filter(|(_, entry)| is_enabled(entry)) {
            check(entry, what, &mut errors);
            if list == "semantic_models" {
                parts(entry, &mut errors);
            }
        }
    }
    for (_, model) in entries(root, "models") {
        for (_, metric) in entries(model, "metrics").filter(|(_, entry)| is_enabled(entry)) {
            check(metric, "metric", &mut errors);
        }
    }
    errors
}

fn is_enabled(entry: &Node) -> bool {
    entry.get("config").and_then(|config| config.get("enabled")).is_none_or(|enabled| enabled.as_bool() == Some(true))
}

fn parts(model: &Node, errors: &mut Vec<SyntaxError>) {
    let mut seen: Vec<&str> = Vec::new();
    for (list, what) in PARTS {
        for (_, part) in entries(model, list) {
            check(part, what, errors);
            let Some((node, name)) = part.get("name").and_then(|node| Some((node, node.as_str()?))) else { continue };
            if seen.contains(&name) {
                errors.push(SyntaxError::new(
                    node.span,
                    format!("{what} '{name}' has the name of another part of its semantic model, which stops dbt"),
                    "Rename one of the two; `expr:` says what it is made of.",
                ));
            }
            seen.push(name);
        }
    }
}

fn check(entry: &Node, what: &str, errors: &mut Vec<SyntaxError>) {
    let Some((node, name)) = entry.get("name").and_then(|node| Some((node, node.as_str()?))) else { return };
    if data::has_jinja(name) || data::is_unknown(name) {
        return;
    }
    let (why, remedy) = if is_reserved(&name.to_lowercase()) {
        ("is a word of MetricFlow's own", "Give it another name.".to_owned())
    } else if !is_valid(name) {
        let why = "is not a name that MetricFlow accepts: two or more lower-case letters, digits and single `_`, a letter first and no `_` last";
        (why, fitting(name).map_or_else(|| "Give it a longer name.".to_owned(), |fit| format!("Call it `{fit}`.")))
    } else {
        return;
    };
    errors.push(SyntaxError::new(node.span, format!("`{name}` of a {what} {why}; that stops dbt"), remedy));
}

fn is_valid(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    name.len() > 1
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.chars().all(is_letter)
}

/// The nearest name that fits.
fn fitting(name: &str) -> Option<String> {
    let lower: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' })
        .collect();
    let words: Vec<&str> = lower.split('_').filter(|word| !word.is_empty()).collect();
    let fit = words.join("_");
    is_valid(&fit).then_some(fit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    #[test]
    fn names_of_the_semantic_layer_are_lower_case_and_long_enough() {
        let errors = |text: &str| semantic_name_errors(&parse(text).root).len();
        assert_eq!(errors("metrics: [{name: total_km}, {name: km2}]"), 0);
        assert_eq!(errors("metrics: [{name: k}, {name: Km}, {name: km_}, {name: k__m}, {name: 2km}, {name: day}]"), 6);
        assert_eq!(errors("metrics: [{name: K, config: {enabled: false}}]"), 0);
        assert_eq!(errors("semantic_models: [{name: trips, entities: [{name: t}], dimensions: [{name: Kind}]}]"), 2);
        assert_eq!(errors("semantic_models: [{name: trips, entities: [{name: trip}], measures: [{name: trip}]}]"), 1);
        assert_eq!(fitting("Total  KM-"), Some("total_km".to_owned()));
    }
}
