//! The semantic layer as it stands in the entries of models: a model that is a semantic model too, and
//! its metrics.

use super::data;
use super::nodes::Reference;
use super::properties::{config_of, entries, text_of};
use super::resources::{Origin, Resource, ResourceKind, metric_type, names_in};
use crate::syntax::yaml::{Node, Value as Yaml};
use serde_json::Value;
use std::sync::Arc;

/// The semantic model of a model's entry and the metrics beside it.
pub(super) fn of_model(index: u32, entry: &Node, render: &mut dyn FnMut(&str) -> Value) -> Vec<Resource> {
    let Some(stated) = entry.get("semantic_model").filter(|stated| is_on(stated)) else { return Vec::new() };
    let Some(model) = entry.get("name").and_then(text_of) else { return Vec::new() };
    // dbt forgets about it where the model has versions.
    if entries(entry, "versions").next().is_some() {
        return Vec::new();
    }
    let name = stated.get("name").and_then(text_of).unwrap_or_else(|| model.clone());
    let model: Arc<str> = model.into();
    let mut semantic_model = Resource::new(ResourceKind::SemanticModel, Origin::OfModel(index), name, entry);
    // Without `config:` dbt takes none of the settings beside it, and of `config:` only this one.
    if let Some(config) = stated.get("config").filter(|config| !config.is_null()) {
        let settings = [("meta", config.get("meta")), ("group", stated.get("group"))];
        let settings = settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), data::of(value?))));
        semantic_model.config.extend(settings.filter(|(_, value)| !value.is_null()));
    }
    semantic_model.named.refs.push(Reference { package: None, name: model.clone(), version: None });
    let mut found = Vec::new();
    for (at, metric) in entries(entry, "metrics") {
        let Some(name) = metric.get("name").and_then(text_of) else { continue };
        let mut resource = Resource::new(ResourceKind::Metric, Origin::MetricOfModel(index, at), name, metric);
        resource.config = config_of(metric, &[], render);
        add_inputs(&mut resource, metric);
        if metric_type(metric) == "simple" {
            resource.semantic_model = Some(semantic_model.name.clone());
        }
        resource.below = Some(model.clone());
        found.push(resource);
    }
    semantic_model.below = Some(model);
    found.insert(0, semantic_model);
    found
}

/// `semantic_model: true`, or a mapping that does not switch it off.
fn is_on(stated: &Node) -> bool {
    match &stated.value {
        Yaml::Bool(flag) => *flag,
        Yaml::Map(_) => stated.get("enabled").and_then(Node::as_bool) != Some(false),
        _ => false,
    }
}

/// What a metric without `type_params:`, which is the newer spelling and has no measures, is made of.
pub(super) fn add_inputs(metric: &mut Resource, entry: &Node) {
    metric.is_terse = true;
    let keys: &[&str] = match metric_type(entry) {
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
        of_model(0, &parse(text).root, &mut |_| Value::Null)
    }

    #[test]
    fn a_model_is_a_semantic_model_only_where_it_says_so() {
        assert!(of("name: a").is_empty());
        assert!(of("{name: a, semantic_model: false, metrics: [{name: b, agg: sum}]}").is_empty());
        assert!(of("{name: a, semantic_model: {enabled: false}}").is_empty());
        assert!(of("{name: a, semantic_model: true, versions: [{v: 1}]}").is_empty());
        assert_eq!(&*of("{name: a, semantic_model: true}")[0].name, "a");
        assert_eq!(&*of("{name: a, semantic_model: {name: b}}")[0].name, "b");
    }

    #[test]
    fn settings_count_only_with_a_config_and_of_that_only_the_meta() {
        assert!(of("{name: a, semantic_model: {group: g}}")[0].config.is_empty());
        let config = of("{name: a, semantic_model: {group: g, config: {meta: {b: 1}, tags: [c]}}}")[0].config.clone();
        assert_eq!(Value::Object(config), serde_json::json!({"meta": {"b": 1}, "group": "g"}));
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
