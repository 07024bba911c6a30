//! The shapes of data tests in YAML, and what dbt refuses in their settings.

use super::declared::{SETTINGS, identifier, is_true, items, name_parts};
use crate::project::data;
use crate::syntax::span::{Span, SyntaxError};
use crate::syntax::yaml::{Entry, Node, Value};

/// Lists of a property file whose entries have data tests.
const LISTS: [&str; 3] = ["models", "seeds", "snapshots"];

/// Returns what stops dbt in the data tests of a property file. That each is a string or a mapping is asked elsewhere.
pub fn test_errors(root: &Node, nests_arguments: bool, takes_spaces: bool) -> Vec<SyntaxError> {
    let mut found = Shapes { nests_arguments, takes_spaces, errors: Vec::new() };
    for entry in LISTS.iter().flat_map(|list| items(root, list)) {
        found.described(entry);
        for version in items(entry, "versions") {
            found.described(version);
        }
    }
    for table in items(root, "sources").iter().flat_map(|source| items(source, "tables")) {
        found.described(table);
    }
    found.errors
}

struct Shapes {
    nests_arguments: bool,
    takes_spaces: bool,
    errors: Vec<SyntaxError>,
}

impl Shapes {
    fn report(&mut self, span: Span, message: String, remedy: &str) {
        self.errors.push(SyntaxError::new(span, message, remedy));
    }

    fn described(&mut self, entry: &Node) {
        self.tests(entry);
        for column in items(entry, "columns") {
            self.tests(column);
        }
    }

    fn tests(&mut self, entry: &Node) {
        if let (Some(older), Some(newer)) = (entry.get_entry("tests"), entry.get_entry("data_tests"))
            && is_true(&data::of(&older.value))
        {
            let later = if older.key.span > newer.key.span { older } else { newer };
            self.report(
                later.key.span,
                "`tests:` and `data_tests:` stand in one entry, which stops dbt".to_owned(),
                "Join the two lists below `data_tests:`.",
            );
            return;
        }
        for test in ["tests", "data_tests"].iter().flat_map(|key| items(entry, key)) {
            self.test(test);
        }
    }

    fn test(&mut self, test: &Node) {
        if let Some(name) = test.as_str() {
            self.name(name, test.span);
            return;
        }
        let Some(entries) = test.as_map() else { return };
        if let Some(name) = test.get_entry("test_name") {
            match name.value.as_str() {
                Some(text) => self.name(text, name.value.span),
                None => self.report(
                    name.key.span,
                    format!("`test_name:` is {}, which stops dbt: it accepts a string", name.value.kind_name()),
                    "Write the name of a generic test.",
                ),
            }
            self.arguments(test, name.value.as_str().unwrap_or_default());
            return;
        }
        match entries {
            [only] => self.called(only),
            [] => self.report(test.span, "a data test is an empty mapping, which stops dbt".to_owned(), "Delete it."),
            [first, rest @ ..] => {
                let names: Vec<_> = entries.iter().filter_map(|entry| entry.key.key_text()).collect();
                let remedy = if first.value.is_null() {
                    format!("Indent `{}:` and what follows below `{}:`.", shown(rest.first()), shown(Some(first)))
                } else {
                    "Begin each test with a dash of its own, and put its settings below its name.".to_owned()
                };
                let message = format!(
                    "a data test has {} keys (`{}`), which stops dbt: it wants the test's name alone, and all else below it",
                    entries.len(),
                    names.join("`, `")
                );
                self.report(first.key.span, message, &remedy);
            }
        }
    }

    fn called(&mut self, entry: &Entry) {
        // A key that is not a string is of a wrong type.
        let Some(name) = entry.key.as_str() else { return };
        if entry.value.as_map().is_some() {
            self.name(name, entry.key.span);
            self.arguments(&entry.value, name);
            return;
        }
        let remedy = match &entry.value.value {
            Value::Null => format!("Write `- {name}` without a colon, or put arguments below it."),
            Value::Seq(_) => "Name the argument that the list is for: `arguments: {values: […]}`.".to_owned(),
            _ => format!("Write `- {name}`, or put arguments below it by their names."),
        };
        let message = format!(
            "the arguments of data test `{name}` are {}, which stops dbt: it accepts a mapping",
            entry.value.kind_name()
        );
        self.report(entry.key.span, message, &remedy);
    }

    fn name(&mut self, name: &str, span: Span) {
        if !data::has_jinja(name) && name_parts(name).is_none() {
            let remedy = match identifier(name.trim_start()) {
                Some(fitting) => format!("Write `{fitting}`."),
                None => "Write the name of a generic test: letters, digits and `_`, and no digit first.".to_owned(),
            };
            self.report(span, format!("`{name}` is not a name that a data test can have, which stops dbt"), &remedy);
        }
    }

    fn arguments(&mut self, given: &Node, name: &str) {
        if let Some(key) = given.as_map().unwrap_or_default().iter().find(|entry| entry.key.as_str().is_none()) {
            self.report(
                key.key.span,
                format!("an argument of data test `{name}` is named by {}, which stops dbt", key.key.kind_name()),
                "Name it by a string.",
            );
            return;
        }
        let nested = given.get("arguments").filter(|_| self.nests_arguments);
        let model = [Some(given), nested].into_iter().flatten().find_map(|given| given.get_entry("model"));
        if let Some(model) = model {
            self.report(
                model.key.span,
                format!(
                    "data test `{name}` is given `model`, which stops dbt: it passes what the test stands on by itself"
                ),
                "Delete `model:`.",
            );
        }
        for key in ["name", "description"] {
            let entry = nested.and_then(|nested| nested.get_entry(key)).or_else(|| given.get_entry(key));
            if let Some(entry) = entry.filter(|_| key == "name" && !self.takes_spaces)
                && let Some(own) = entry.value.as_str().filter(|own| own.contains(' ') && !data::has_jinja(own))
            {
                self.report(
                    entry.value.span,
                    format!("the name `{own}` of data test `{name}` has a space, which stops dbt"),
                    &format!("Call it `{}`.", own.replace(' ', "_")),
                );
            }
            if let Some(entry) = entry.filter(|entry| entry.value.as_str().is_none()) {
                self.report(
                    entry.key.span,
                    format!(
                        "`{key}:` of data test `{name}` is {}, which stops dbt: it accepts a string",
                        entry.value.kind_name()
                    ),
                    &format!("Write a string, or delete `{key}:`."),
                );
            }
        }
        let config = given.get_entry("config");
        if let Some(config) = config.filter(|config| config.value.as_map().is_none()) {
            self.report(
                config.key.span,
                format!(
                    "`config:` of data test `{name}` is {}, which stops dbt: it accepts a mapping",
                    config.value.kind_name()
                ),
                "Put settings below it, or delete `config:`.",
            );
            return;
        }
        for key in SETTINGS {
            let (alone, nested) = (given.get_entry(key), config.and_then(|config| config.value.get_entry(key)));
            let alone = alone.filter(|entry| config.is_none() || is_true(&data::of(&entry.value)));
            match (alone, nested) {
                (Some(alone), Some(_)) => self.report(
                    alone.key.span,
                    format!("data test `{name}` has `{key}:` both in `config:` and beside it, which stops dbt"),
                    &format!("Delete `{key}:` beside `config:`."),
                ),
                (Some(entry), None) | (None, Some(entry)) => self.setting(key, entry, name),
                (None, None) => {}
            }
        }
    }

    fn setting(&mut self, key: &str, entry: &Entry, name: &str) {
        let value = &entry.value;
        if value.is_null() || value.as_str().is_some_and(|text| data::has_jinja(text) || data::is_unknown(text)) {
            return;
        }
        let accepts = match key {
            "severity" if !value.as_str().is_some_and(is_severity) => "`warn` or `error`",
            "enabled" | "store_failures" if value.as_bool().is_none() => "true or false",
            "meta" if value.as_map().is_none() => "a mapping",
            "limit" if !is_number(value) => "a whole number",
            "tags" if !is_tags(value) => "a string or a list of strings",
            _ => return,
        };
        let is = match value.key_text() {
            Some(text) => format!("`{text}` ({})", value.kind_name()),
            None => value.kind_name().to_owned(),
        };
        self.report(
            entry.key.span,
            format!("`{key}:` of data test `{name}` is {is}, which stops dbt: it accepts {accepts}"),
            &format!("Write {accepts}, or delete `{key}:`."),
        );
    }
}

pub(super) fn is_severity(text: &str) -> bool {
    text.eq_ignore_ascii_case("warn") || text.eq_ignore_ascii_case("error")
}

/// Whatever Python's `int()` takes.
fn is_number(value: &Node) -> bool {
    match &value.value {
        Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_) => true,
        Value::Str(text) => text.trim().replace('_', "").parse::<i128>().is_ok(),
        _ => false,
    }
}

fn is_tags(value: &Node) -> bool {
    match &value.value {
        Value::Str(_) => true,
        Value::Seq(tags) => tags.iter().all(|tag| tag.as_str().is_some()),
        _ => false,
    }
}

fn shown(entry: Option<&Entry>) -> String {
    entry.and_then(|entry| entry.key.key_text()).unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    fn errors(test: &str) -> Vec<String> {
        let text =
            format!("models:\n  - name: a\n    columns:\n      - name: id\n        data_tests:\n          - {test}\n");
        test_errors(&parse(&text).root, true, false).into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn a_data_test_is_a_name_with_a_mapping_of_arguments() {
        for fine in [
            "unique",
            "{unique: {}}",
            "unique whatever is written here",
            "{unique: {arguments: 5}}",
            "{test_name: unique, name: x}",
            "{unique: {where: 5, config: {fail_calc: 5}}}",
            "{unique: {severity: , config: {severity: WARN}}}",
            "{unique: {config: {limit: '5', enabled: '{{ var(1) }}'}}}",
        ] {
            assert_eq!(errors(fine), Vec::<String>::new(), "{fine}");
        }
        for wrong in [
            "{}",
            "{unique: }",
            "{unique: abc}",
            "{accepted_values: [1, 2]}",
            "{unique: {}, config: {}}",
            "{test_name: 5}",
            "1unique",
            "{unique: {config: }}",
            "{unique: {config: {severity: 5}}}",
            "{unique: {severity: warn, config: {severity: error}}}",
            "{unique: {tags: 5}}",
            "{unique: {tags: [5]}}",
            "{unique: {limit: x}}",
            "{unique: {enabled: 'false'}}",
            "{unique: {meta: 5}}",
            "{unique: {name: 5}}",
            "{unique: {name: a b}}",
            "{unique: {description: }}",
            "{unique: {model: x}}",
            "{unique: {arguments: {model: x}}}",
            "{unique: {1: 2}}",
        ] {
            assert_eq!(errors(wrong).len(), 1, "{wrong}: {:?}", errors(wrong));
        }
    }

    #[test]
    fn both_words_for_tests_stand_in_one_entry() {
        let both = |text: &str| test_errors(&parse(text).root, true, false).len();
        assert_eq!(both("models: [{name: a, tests: [unique], data_tests: []}]"), 1);
        assert_eq!(both("models: [{name: a, tests: [], data_tests: [unique]}]"), 0);
        assert_eq!(both("sources: [{name: s, tables: [{name: t, tests: [unique], data_tests: [unique]}]}]"), 1);
    }
}
