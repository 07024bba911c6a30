//! The shape dbt demands of YAML files beside the resources: lists of mappings that have names.

use super::data;
use super::properties::entries;
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::{Node, Value};

/// The keys of a YAML file that dbt reads.
const LISTS: [&str; 13] = [
    "models",
    "seeds",
    "snapshots",
    "sources",
    "macros",
    "analyses",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "functions",
    "groups",
    "unit_tests",
];

/// What must stand in an entry beside its name.
const DEMANDED: [(&str, &str); 4] =
    [("exposures", "type"), ("exposures", "owner"), ("groups", "owner"), ("unit_tests", "model")];

const EXPOSURES: [&str; 5] = ["dashboard", "notebook", "analysis", "ml", "application"];

/// What stops dbt when it reads a YAML file, beyond its syntax.
pub fn shape_errors(root: &Node) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    if root.as_map().is_none() && !root.is_null() {
        errors.push(SyntaxError::new(
            root.as_seq().and_then(<[_]>::first).map_or(root.span, start_of),
            format!("the file is {} where dbt wants a mapping, which stops dbt", root.kind_name()),
            "Begin it with the list that its entries belong to: `models:`.",
        ));
    }
    for entry in root.as_map().unwrap_or_default() {
        let Some(key) = entry.key.as_str().filter(|key| LISTS.contains(key)) else { continue };
        let Some(items) = entry.value.as_seq() else {
            errors.push(SyntaxError::new(
                entry.key.span,
                format!("`{key}:` must be a list and is {}, which stops dbt", entry.value.kind_name()),
                format!("Write a list of entries (`- name: …`), or delete `{key}:`."),
            ));
            continue;
        };
        for item in items {
            if is_named(item, key, &mut errors) {
                check_entry(item, key, &mut errors);
            }
        }
    }
    errors
}

fn is_named(item: &Node, key: &str, errors: &mut Vec<SyntaxError>) -> bool {
    if item.get("name").is_some() {
        return true;
    }
    let what = match item.as_map() {
        Some(_) => "has no name".to_owned(),
        None => format!("is {} where a mapping belongs", item.kind_name()),
    };
    errors.push(SyntaxError::new(
        start_of(item),
        format!("an entry of `{key}:` {what}, which stops dbt"),
        "Give the entry a `name:`, or delete it.",
    ));
    false
}

/// An entry is as long as all that it says; the finding is about its first line.
fn start_of(item: &Node) -> Span {
    item.as_map().and_then(<[_]>::first).map_or(item.span, |first| first.key.span)
}

fn check_entry(item: &Node, key: &str, errors: &mut Vec<SyntaxError>) {
    for (_, demanded) in DEMANDED.iter().filter(|(list, demanded)| *list == key && item.get(demanded).is_none()) {
        errors.push(SyntaxError::new(
            item.get("name").map_or(item.span, |name| name.span),
            format!("an entry of `{key}:` has no `{demanded}:`, which stops dbt"),
            format!("Add `{demanded}:`."),
        ));
    }
    let wrong = |node: &Node, message: String, remedy: &str| {
        SyntaxError::new(node.span, format!("{message}, which stops dbt"), remedy)
    };
    let kind = item.get("type").filter(|_| key == "exposures");
    if let Some((node, kind)) = kind.and_then(|node| Some((node, node.as_str()?)))
        && !EXPOSURES.contains(&kind)
        && !is_open(kind)
    {
        errors.push(wrong(
            node,
            format!("an exposure is no `{kind}`"),
            &format!("Write one of: {}.", EXPOSURES.join(", ")),
        ));
    }
    let owner = item.get("owner").filter(|_| matches!(key, "exposures" | "groups"));
    let is_empty = |owner: &&Node| {
        owner.as_map().is_some() && ["name", "email"].iter().all(|key| owner.get(key).is_none_or(Node::is_null))
    };
    if let Some(owner) = owner.filter(is_empty) {
        errors.push(wrong(owner, "an owner has neither name nor email".to_owned(), "Add a `name:` or an `email:`."));
    }
    if matches!(key, "models" | "seeds" | "snapshots" | "analyses" | "functions") {
        stated_twice(item, errors);
    }
    // What is not a mapping there is of a wrong type, which `accepted` reports.
    for (_, column) in entries(item, "columns").filter(|(_, column)| column.as_map().is_some()) {
        is_named(column, "columns", errors);
    }
    if matches!(key, "sources" | "tables")
        && let Some(field) = item.get_entry("loaded_at_field").filter(|field| field.value.as_str() == Some(""))
    {
        errors.push(SyntaxError::new(
            field.key.span,
            "`loaded_at_field:` is empty, which stops dbt",
            "Name the column, or delete `loaded_at_field:`.",
        ));
    }
    if key == "sources" {
        for (_, table) in entries(item, "tables").filter(|(_, table)| table.as_map().is_some()) {
            if is_named(table, "tables", errors) {
                check_entry(table, "tables", errors);
            }
        }
    }
    if key == "models" {
        check_versions(item, errors);
        check_date(item, errors);
        check_time_spine(item, errors);
    }
    if let Some(relation) = item.get_entry("relation").filter(|_| key == "snapshots")
        && !relation.value.as_str().is_some_and(is_relation)
    {
        errors.push(SyntaxError::new(
            relation.key.span,
            format!("`relation:` is {}, which stops dbt: it accepts one ref or source", shown(&relation.value)),
            "Write it without braces: `relation: ref('model')` or `relation: source('source', 'table')`.",
        ));
    }
    if key == "unit_tests" {
        check_fixtures(item, errors);
    }
    if key == "exposures" {
        for (_, call) in entries(item, "depends_on") {
            check_call(call, errors);
        }
    }
}

/// `ref` or `source` of literal names.
pub(super) fn is_relation(text: &str) -> bool {
    let text = text.trim();
    let called = ["ref", "source"].iter().find_map(|name| text.strip_prefix(name)?.trim_start().strip_prefix('('));
    let inner = called.and_then(|rest| rest.strip_suffix(')')).map(str::trim_start);
    inner.is_some_and(|inner| inner.starts_with(['\'', '"']))
}

/// `deprecation_date:` that no one can read as a date.
fn check_date(entry: &Node, errors: &mut Vec<SyntaxError>) {
    let Some(date) = entry.get("deprecation_date") else { return };
    let Some(text) =
        date.as_str().filter(|text| !is_open(text) && !text.contains(|letter: char| letter.is_ascii_digit()))
    else {
        return;
    };
    errors.push(SyntaxError::new(
        date.span,
        format!("`deprecation_date:` is `{text}`, which is not a date; that stops dbt"),
        "Write a date: 2030-01-31.",
    ));
}

/// The column that a time spine counts by is one of the model's, with a granularity.
fn check_time_spine(model: &Node, errors: &mut Vec<SyntaxError>) {
    let Some(named) = model.get("time_spine").and_then(|spine| spine.get("standard_granularity_column")) else {
        return;
    };
    let Some(name) = named.as_str().filter(|name| !is_open(name) && model.get("versions").is_none()) else { return };
    let mut columns = entries(model, "columns").map(|(_, column)| column);
    let column = columns.find(|column| column.get("name").and_then(Node::as_str) == Some(name));
    let (span, message, remedy) = match column {
        None => (
            named.span,
            format!("the time spine's column '{name}' is not among the model's `columns:`, which stops dbt"),
            format!("Add `- name: {name}` with a `granularity:` below `columns:`."),
        ),
        Some(column) if column.get("granularity").is_none_or(Node::is_null) => (
            column.get("name").map_or(named.span, |name| name.span),
            format!("the time spine's column '{name}' has no `granularity:`, which stops dbt"),
            "Add `granularity: day`, or what the rows stand for.".to_owned(),
        ),
        Some(_) => return,
    };
    errors.push(SyntaxError::new(span, message, remedy));
}

/// One expression that an exposure depends on. dbt renders all of them as one text, so that one stops them all.
fn check_call(call: &Node, errors: &mut Vec<SyntaxError>) {
    let Some(text) = call.as_str().filter(|text| !is_open(text)) else { return };
    let (message, remedy) = match arguments(text) {
        None if text.trim().is_empty() => {
            ("an exposure depends on an empty text, which stops dbt".to_owned(), "Delete it.".to_owned())
        }
        None => (
            format!("`{text}` cannot be read: its brackets or quotes do not close; that stops dbt"),
            "Write `ref('model')` or `source('source', 'table')`.".to_owned(),
        ),
        Some(("ref", 0 | 3..)) => {
            (format!("`{text}` names no model, or too much, which stops dbt"), "Write `ref('model')`.".to_owned())
        }
        Some(("source", given)) if given != 2 => (
            format!("`{text}` gives `source` {given} names where it takes 2, which stops dbt"),
            "Write `source('source', 'table')`.".to_owned(),
        ),
        // `ref(orders)` asks for a variable of that name, and there is none.
        Some(("ref" | "source", _)) if !text.contains(['\'', '"']) => (
            format!("`{text}` names nothing: names belong in quotes; that stops dbt"),
            "Write `ref('model')` or `source('source', 'table')`.".to_owned(),
        ),
        Some(_) => return,
    };
    errors.push(SyntaxError::new(call.span, message, remedy));
}

/// The function of a call and how many arguments without a keyword it is given; nothing where it cannot be read.
fn arguments(text: &str) -> Option<(&str, usize)> {
    let text = text.trim();
    let (mut open, mut quote) = (Vec::new(), None);
    let (mut given, mut is_argument, mut is_named) = (0, false, false);
    for letter in text.chars() {
        if let Some(closing) = quote {
            if letter == closing {
                quote = None;
            }
            continue;
        }
        match letter {
            '\'' | '"' => quote = Some(letter),
            '(' | '[' | '{' => open.push(letter),
            ')' | ']' | '}' => {
                let fits = matches!((open.pop(), letter), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}'));
                if !fits {
                    return None;
                }
            }
            '=' if open.len() == 1 => is_named = true,
            _ => {}
        }
        let ends = letter == ',' && open.len() == 1 || letter == ')' && open.is_empty();
        if ends {
            given += usize::from(is_argument && !is_named);
            (is_argument, is_named) = (false, false);
        } else {
            let is_first = letter == '(' && open.len() == 1;
            is_argument |= !open.is_empty() && !letter.is_whitespace() && !is_first;
        }
    }
    let is_whole = open.is_empty() && quote.is_none() && !text.is_empty();
    let function = text.split('(').next().unwrap_or_default().trim();
    // What follows a call is not counted.
    let is_call = text.ends_with(')') && text.matches('(').count() == 1;
    is_whole.then_some(if is_call { (function, given) } else { ("", 0) })
}

/// The rows of a unit test by their format.
fn check_fixtures(unit: &Node, errors: &mut Vec<SyntaxError>) {
    let listed = |key: &str| {
        unit.get("versions")?.get_entry(key).filter(|names| names.value.as_seq().is_some_and(|names| !names.is_empty()))
    };
    if let (Some(_), Some(excluded)) = (listed("include"), listed("exclude")) {
        errors.push(SyntaxError::new(
            excluded.key.span,
            "a unit test includes versions and excludes some, which stops dbt",
            "Keep `include:` or `exclude:`.",
        ));
    }
    let given = entries(unit, "given").map(|(_, given)| ("an input", given));
    let expected = unit.get("expect").into_iter().map(|expected| ("`expect:`", expected));
    for (what, fixture) in given.chain(expected) {
        let format = fixture.get("format").and_then(Node::as_str).unwrap_or("dict");
        if !matches!(format, "dict" | "csv" | "sql") {
            continue;
        }
        let Some(rows) = fixture.get_entry("rows").filter(|rows| !rows.value.is_null()) else {
            if what == "`expect:`" && fixture.as_map().is_some() && fixture.get("fixture").is_none_or(Node::is_null) {
                errors.push(SyntaxError::new(
                    unit.get("name").map_or(unit.span, |name| name.span),
                    "a unit test expects neither `rows:` nor a `fixture:`, which stops dbt",
                    "Write `rows: []` below `expect:` where nothing is expected.",
                ));
            }
            continue;
        };
        let (fits, wanted) = match format {
            "dict" => (rows.value.as_seq().is_some(), "a list of mappings"),
            _ => (rows.value.as_str().is_some(), "one string"),
        };
        let is_scalar = rows.value.as_str().is_some() || rows.value.as_seq().is_some();
        if !fits && is_scalar {
            errors.push(SyntaxError::new(
                rows.key.span,
                format!(
                    "the rows of {what} are {}, and its format is {format}; that stops dbt",
                    rows.value.kind_name()
                ),
                format!("Write {wanted}, or another `format:`."),
            ));
        }
    }
}

/// What dbt moves from an entry into its `config:`, and refuses where it stands in both.
const MOVED: [&str; 5] = ["meta", "docs", "group", "contract", "access"];

fn stated_twice(item: &Node, errors: &mut Vec<SyntaxError>) {
    let Some(config) = item.get("config") else { return };
    for entry in MOVED.iter().filter_map(|key| item.get_entry(key)) {
        let key = entry.key.as_str().unwrap_or_default();
        if config.get(key).is_some() {
            errors.push(SyntaxError::new(
                entry.key.span,
                format!("`{key}:` stands both in `config:` and beside it, which stops dbt"),
                format!("Delete `{key}:` beside `config:`, or join the two there."),
            ));
        }
    }
}

fn check_versions(model: &Node, errors: &mut Vec<SyntaxError>) {
    let mut seen = Vec::new();
    for (_, version) in entries(model, "versions").filter(|(_, version)| version.as_map().is_some()) {
        check_rules(version, errors);
        check_date(version, errors);
        let columns = entries(version, "columns").map(|(_, column)| column);
        for column in columns.filter(|column| column.as_map().is_some() && column.get("include").is_none()) {
            is_named(column, "columns", errors);
        }
        let Some(number) = version.get("v") else {
            errors.push(SyntaxError::new(
                start_of(version),
                "a version has no `v:`, which stops dbt",
                "Give the version its number: `v: 1`.",
            ));
            continue;
        };
        // dbt compares what is printed: 1 and "1" are one version.
        if seen.iter().any(|known: &&Node| known.key_text() == number.key_text()) {
            errors.push(SyntaxError::new(
                number.span,
                format!("version {} is listed twice, which stops dbt", shown(number)),
                "Delete one of the two.",
            ));
        }
        seen.push(number);
    }
    let Some(latest) = model.get("latest_version") else { return };
    let open = |node: &Node| node.as_str().is_some_and(is_open);
    let is_known = |latest: &Node| seen.iter().any(|version| is_one(&version.value, &latest.value));
    // dbt asks no further where it is nothing, 0 or empty.
    let is_nothing = match &latest.value {
        Value::Null | Value::Bool(_) | Value::Int(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::Seq(_) | Value::Map(_) => true,
        _ => false,
    };
    if is_nothing || open(latest) || seen.iter().any(|version| open(version)) || is_known(latest) {
        return;
    }
    let (what, remedy) = match model.get("versions").and_then(Node::as_seq) {
        None | Some([]) => (
            "and the model has no `versions:`",
            "Add `versions:`, or delete `latest_version:`: a model without versions is its own latest.",
        ),
        Some(_) => ("which is none of the versions", "Name one of the versions, or add it to the list."),
    };
    errors.push(SyntaxError::new(
        latest.span,
        format!("`latest_version:` is {}, {what}; that stops dbt", shown(latest)),
        remedy,
    ));
}

/// `include:` and `exclude:` among a version's columns: one rule at most, and exceptions only from all.
fn check_rules(version: &Node, errors: &mut Vec<SyntaxError>) {
    let rules = entries(version, "columns").map(|(_, rule)| rule).filter(|rule| rule.get("include").is_some());
    for (nth, rule) in rules.enumerate() {
        if nth > 0 {
            errors.push(SyntaxError::new(
                start_of(rule),
                "a version has two rules that include columns, which stops dbt",
                "Join the two into one.",
            ));
        }
        let Some(excluded) = rule.get_entry("exclude").filter(|_| rule.get("include").and_then(Node::as_seq).is_some())
        else {
            continue;
        };
        if excluded.value.as_seq().is_some_and(|names| !names.is_empty()) {
            errors.push(SyntaxError::new(
                excluded.key.span,
                "`exclude:` stands beside a list of columns to include, which stops dbt",
                "Write `include: all`, or delete `exclude:`.",
            ));
        }
    }
}

/// Equality as Python has it: 1 is 1.0, and not "1".
fn is_one(left: &Value, right: &Value) -> bool {
    match (left, right) {
        #[allow(clippy::cast_precision_loss, reason = "versions are small")]
        (Value::Int(whole), Value::Float(number)) | (Value::Float(number), Value::Int(whole)) => {
            *whole as f64 == *number
        }
        // Rendering makes a string of a date.
        (Value::Str(text), Value::Timestamp(date)) | (Value::Timestamp(date), Value::Str(text)) => **text == **date,
        _ => left == right,
    }
}

/// Whether a text is one that only dbt knows.
fn is_open(text: &str) -> bool {
    data::has_jinja(text) || data::is_unknown(text)
}

fn shown(node: &Node) -> String {
    node.key_text().map_or_else(|| node.kind_name().to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn errors(text: &str) -> Vec<String> {
        shape_errors(&parse(text).root).into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn lists_entries_columns_and_tables_have_their_shape() {
        assert_eq!(errors("models: {name: a}"), ["`models:` must be a list and is a mapping, which stops dbt"]);
        assert_eq!(errors("models:\nother: 1\nsources:").len(), 2);
        assert_eq!(errors("seeds: [a, {description: b}, {name: c, columns: [{quote: true}]}]").len(), 3);
        assert_eq!(errors("sources: [{name: a, tables: [{identifier: b}, {name: c, columns: [{name: d}]}]}]").len(), 1);
        assert_eq!(errors("exposures: [{name: a}]\ngroups: [{name: a, owner: {}}]").len(), 3);
        assert_eq!(errors("exposures: [{name: a, type: film, owner: {email: b}}]").len(), 1);
    }

    #[test]
    fn what_an_exposure_depends_on_is_a_call_that_can_be_read() {
        assert_eq!(arguments(" ref( 'a' ) "), Some(("ref", 1)));
        assert_eq!(arguments("ref('a, b', 'c', v=1)"), Some(("ref", 2)));
        assert_eq!(arguments("source('a', \"b\")"), Some(("source", 2)));
        assert_eq!(arguments("ref()"), Some(("ref", 0)));
        assert_eq!(arguments("ref('a').x"), Some(("", 0)));
        assert_eq!([arguments("ref('a'"), arguments("ref('a)"), arguments("  ")], [None, None, None]);
        let errors = |call: &str| {
            errors(&format!("exposures: [{{name: e, type: ml, owner: {{name: a}}, depends_on: [\"{call}\"]}}]")).len()
        };
        assert_eq!([errors("ref('a')"), errors("a"), errors("ref('a') + ref('b')")], [0, 0, 0]);
        assert_eq!([errors("ref()"), errors("source('a')"), errors(""), errors("ref(a)")], [1, 1, 1, 1]);
        assert_eq!(errors("ref('a'"), 1);
    }

    #[test]
    fn versions_have_numbers_of_their_own_and_the_latest_is_one() {
        let model = |rest: &str| errors(&format!("models:\n  - name: a\n    {rest}\n"));
        assert!(model("versions: [{v: 1}, {v: 2, columns: [{include: all}]}]\n    latest_version: 1").is_empty());
        assert!(model("latest_version: 0").is_empty());
        assert_eq!(model("latest_version: 3").len(), 1);
        assert_eq!(model("versions: [{v: 1}]\n    latest_version: 2").len(), 1);
        assert_eq!(model("versions: [{v: 1}, {v: 1}, {config: {}}]").len(), 2);
        assert_eq!(model("versions: [{v: 1}, {v: '1'}]").len(), 1);
    }
}
