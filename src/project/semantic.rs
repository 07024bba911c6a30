//! The semantic layer as it stands in the entries of models: a model that is a semantic model too, and
//! its metrics.

use super::properties::{config_of, entries, text_of};
use super::resources::{Resource, ResourceKind, names_in};
use crate::syntax::yaml::{Node, Value as Yaml};
use serde_json::Value;
use std::sync::Arc;

/// The semantic model of a model's entry and the metrics beside it.
pub(super) fn of_model(entry: &Node, render: &mut dyn FnMut(&str) -> Value) -> Vec<Resource> {
    let Some(stated) = entry.get("semantic_model").filter(|stated| is_on(stated)) else { return Vec::new() };
    let Some(model) = entry.get("name").and_then(text_of) else { return Vec::new() };
    let name = stated.get("name").and_then(text_of).unwrap_or_else(|| model.clone());
    let model: Arc<str> = model.into();
    let mut semantic_model = Resource::new(ResourceKind::SemanticModel, name, entry);
    // Without `config:` dbt takes none of the settings beside it.
    if stated.get("config").is_some_and(|config| !config.is_null()) {
        semantic_model.config = config_of(stated, &["enabled", "group"], render);
    }
    let mut found = Vec::new();
    for (_, metric) in entries(entry, "metrics") {
        let Some(name) = metric.get("name").and_then(text_of) else { continue };
        let mut resource = Resource::new(ResourceKind::Metric, name, metric);
        resource.config = config_of(metric, &[], render);
        add_inputs(&mut resource, metric);
        if is_simple(metric) {
            resource.semantic_model = Some(semantic_model.name.clone());
        }
        resource.model = Some(model.clone());
        found.push(resource);
    }
    semantic_model.model = Some(model);
    found.insert(0, semantic_model);
    found
}

fn is_on(stated: &Node) -> bool {
    match &stated.value {
        Yaml::Bool(flag) => *flag,
        Yaml::Map(_) => stated.get("enabled").and_then(Node::as_bool) != Some(false),
        _ => false,
    }
}

fn is_simple(metric: &Node) -> bool {
    metric.get("type").and_then(Node::as_str).is_none_or(|kind| kind == "simple")
}

/// The metrics a metric without `type_params:` is made of, by its type.
pub(super) fn add_inputs(metric: &mut Resource, entry: &Node) {
    let keys: &[&str] = match entry.get("type").and_then(Node::as_str).unwrap_or("simple") {
        "derived" => &["input_metrics"],
        "ratio" => &["numerator", "denominator"],
        "conversion" => &["base_metric", "conversion_metric"],
        "cumulative" => &["input_metric"],
        _ => &[],
    };
    metric.metrics = keys.iter().flat_map(|key| names_in(entry.get(key))).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn of(text: &str) -> Vec<Resource> {
        of_model(&parse(text).root, &mut |_| Value::Null)
    }

    #[test]
    fn a_model_is_a_semantic_model_only_where_it_says_so() {
        assert!(of("name: a").is_empty());
        assert!(of("{name: a, semantic_model: false, metrics: [{name: b, agg: sum}]}").is_empty());
        assert!(of("{name: a, semantic_model: {enabled: false}}").is_empty());
        assert_eq!(&*of("{name: a, semantic_model: true}")[0].name, "a");
        assert_eq!(&*of("{name: a, semantic_model: {name: b}}")[0].name, "b");
    }

    #[test]
    fn a_simple_metric_stands_on_the_semantic_model_and_others_on_metrics() {
        let found = of("name: a\nsemantic_model: true\nmetrics:\n- {name: b, type: simple, agg: sum}\n\
                        - {name: c, type: ratio, numerator: b, denominator: {name: d}}\n");
        assert_eq!(found[1].semantic_model.as_deref(), Some("a"));
        assert_eq!(found[2].semantic_model, None);
        assert_eq!(found[2].metrics, ["b".into(), "d".into()]);
    }
}
