//! How fresh a source must be: said of the source and of its tables, beside `config:` and in it.

use super::data;
use crate::syntax::yaml::Node;
use serde_json::{Map, Value};

const TIMES: [&str; 2] = ["warn_after", "error_after"];

/// Puts what a source and one of its tables say of freshness into the table's settings, as far as
/// they say it: a null there switches off what dbt_project.yml says, silence does not.
pub(super) fn add_to(config: &mut Map<String, Value>, source: &Node, table: &Node) {
    config.remove("freshness");
    match of(source, table) {
        None => {
            config.insert("freshness".to_owned(), Value::Null);
        }
        Some(thresholds) if thresholds.values().any(is_set) => {
            config.insert("freshness".to_owned(), Value::Object(thresholds));
        }
        Some(_) => {}
    }
    for key in ["loaded_at_field", "loaded_at_query"] {
        let at = |node: &Node| {
            let beside = node.get(key).map(data::of).filter(|value| !value.is_null());
            beside.or_else(|| node.get("config")?.get(key).map(data::of).filter(|value| !value.is_null()))
        };
        // A null beside a table's name takes the source's away.
        let taken_away = table.get(key).is_some_and(Node::is_null);
        match at(table).or_else(|| at(source).filter(|_| !taken_away)) {
            Some(value) => config.insert(key.to_owned(), value),
            None if taken_away => config.insert(key.to_owned(), Value::Null),
            None => config.remove(key),
        };
    }
}

/// The thresholds that hold; `None` where they are switched off.
fn of(source: &Node, table: &Node) -> Option<Map<String, Value>> {
    let stages = [source, table].into_iter().flat_map(|node| [Some(node), node.get("config")]);
    let mut stages = stages.map(|node| stated(node.and_then(|node| node.get("freshness"))));
    let mut current = stages.next().flatten();
    for update in stages {
        current = match (current, update) {
            (Some(base), Some(update)) => Some(merged(base, update)),
            (None, Some(update)) if update.values().any(is_set) => Some(update),
            _ => None,
        };
    }
    current
}

fn stated(node: Option<&Node>) -> Option<Map<String, Value>> {
    let empty = || Value::Object(Map::new());
    let given = match node.map(data::of) {
        None => Map::new(),
        Some(Value::Object(given)) => given,
        Some(_) => return None,
    };
    Some(TIMES.iter().map(|key| ((*key).to_owned(), given.get(*key).cloned().unwrap_or_else(empty))).collect())
}

fn merged(mut base: Map<String, Value>, update: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in update {
        let present = base.remove(&key).unwrap_or_default();
        let value = match (present, value) {
            (_, Value::Null) => Value::Null,
            (Value::Object(mut present), Value::Object(more)) => {
                present.extend(more);
                Value::Object(present)
            }
            (_, value) => value,
        };
        base.insert(key, value);
    }
    base
}

/// Whether settings hold a threshold.
pub fn has_threshold(config: &Map<String, Value>) -> bool {
    let times = config.get("freshness").and_then(Value::as_object);
    times.is_some_and(|times| TIMES.iter().filter_map(|key| times.get(*key)).any(is_set))
}

fn is_set(time: &Value) -> bool {
    time.get("count").is_some_and(|count| !count.is_null()) && time.get("period").is_some_and(|it| !it.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;
    use serde_json::json;

    fn config(source: &str, table: &str) -> Value {
        let mut config = Map::new();
        add_to(&mut config, &parse(source).root, &parse(table).root);
        Value::Object(config)
    }

    #[test]
    fn a_table_takes_the_sources_freshness_unless_it_has_its_own() {
        let source = "freshness: {warn_after: {count: 1, period: day}}\nloaded_at_field: at";
        let one_day = json!({"warn_after": {"count": 1, "period": "day"}, "error_after": {}});
        assert_eq!(config(source, "name: t"), json!({"freshness": one_day, "loaded_at_field": "at"}));
        assert_eq!(
            config(source, "freshness: null\nloaded_at_field: null"),
            json!({"freshness": null, "loaded_at_field": null})
        );
        assert_eq!(config("name: s", "name: t"), json!({}));
        let two = "config: {freshness: {warn_after: {count: 2, period: hour}}}";
        assert_eq!(config(source, two)["freshness"]["warn_after"], json!({"count": 2, "period": "hour"}));
    }
}
