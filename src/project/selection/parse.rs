//! Reads what `--select` and `--exclude` say.

use super::spec::{Criteria, Definition, Indirect, Method, NEVER_SELECTED, Operator, RESOURCE_TYPES, Spec};
use crate::similar::nearest;
use crate::syntax::span::{Span, SyntaxError};
use regex::Regex;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// dbt's own pattern of one criterion.
static CRITERION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\A(?P<at>@)?(?P<parents>(?P<up>\d*)\+)?(?:(?P<method>[\w.]+):)?(?P<value>.*?)(?P<children>\+(?P<down>\d*))?\z",
    )
    .ok()
});

/// What is selected where nothing is said of it.
const ALL: [Method; 5] = [Method::Fqn, Method::Source, Method::Exposure, Method::Metric, Method::SemanticModel];

/// A selection from one text: what spaces separate is added up, what commas separate must all hold.
pub fn parse(text: &str) -> Result<Spec, Vec<SyntaxError>> {
    let mut errors = Vec::new();
    let parts = union(text, &mut errors);
    if errors.is_empty() { Ok(Spec::new(Definition::group(Operator::Union, parts, None), None)) } else { Err(errors) }
}

/// What the options say together; without `select` all is selected. Errors come with the option and the
/// text they are of.
pub fn parse_all<'text>(
    select: &'text [String],
    exclude: &'text [String],
    indirect: Option<Indirect>,
) -> Result<Spec, Vec<(&'static str, &'text str, SyntaxError)>> {
    let mut all = Vec::new();
    let mut read = |option: &'static str, texts: &'text [String]| {
        let mut parts = Vec::new();
        for text in texts {
            let mut errors = Vec::new();
            parts.extend(union(text, &mut errors));
            all.extend(errors.into_iter().map(|error| (option, text.as_str(), error)));
        }
        Definition::group(Operator::Union, parts, None)
    };
    let included = if select.is_empty() { everything() } else { read("--select", select) };
    let excluded = read("--exclude", exclude);
    if all.is_empty() {
        // dbt lets tests come in late within each of the two, and not once more after the second was taken away.
        let definition = Definition::group(Operator::Difference, vec![included, excluded], Some(Indirect::Eager));
        Ok(Spec::new(definition, indirect))
    } else {
        Err(all)
    }
}

fn everything() -> Definition {
    let parts = ALL.map(|method| Definition::Criteria(Criteria::new(method, "*".into())));
    Definition::group(Operator::Union, parts.into(), None)
}

impl Criteria {
    pub(super) fn new(method: Method, value: Value) -> Self {
        Self { method, value, childrens_parents: false, parents: None, children: None, indirect: None }
    }
}

/// The parts of a text that are added up.
fn union(text: &str, errors: &mut Vec<SyntaxError>) -> Vec<Definition> {
    let mut parts = Vec::new();
    let mut offset = 0;
    for word in text.split(' ') {
        let begin = offset;
        offset += word.len() + 1;
        if word.is_empty() {
            continue;
        }
        let mut all = Vec::new();
        let mut start = begin;
        for part in word.split(',') {
            let span = Span::new(start, start + part.len());
            start += part.len() + 1;
            if part.is_empty() {
                let message = format!("'{word}' has a comma with nothing beside it");
                let remedy = "Write what must all hold without spaces: tag:nightly,path:models/marts.".to_owned();
                errors.push(SyntaxError::new(span, message, remedy));
                continue;
            }
            match criteria(part).and_then(|criteria| meant(criteria, part)) {
                Ok(criteria) => all.push(Definition::Criteria(criteria)),
                Err((message, remedy)) => errors.push(SyntaxError::new(span, message, remedy)),
            }
        }
        parts.push(Definition::group(Operator::Intersection, all, None));
    }
    parts
}

/// What is wrong, and what to do.
pub(super) type Wrong = (String, String);

/// One criterion, as dbt reads it.
pub(super) fn criteria(text: &str) -> Result<Criteria, Wrong> {
    unchecked(text).and_then(checked)
}

/// The same without a look at the value, which dbt takes only when it selects.
pub(super) fn unchecked(text: &str) -> Result<Criteria, Wrong> {
    let found = CRITERION.as_ref().and_then(|pattern| pattern.captures(text));
    let Some(found) = found else {
        return Err((
            format!("'{}' has a line break", text.escape_debug()),
            "Write each criterion in one line.".into(),
        ));
    };
    let group = |name: &str| found.name(name).map(|group| group.as_str());
    let steps = |name: &str| group(name).filter(|digits| !digits.is_empty()).map(number);
    let value = group("value").unwrap_or_default();
    let method = group("method").map_or_else(|| Ok(Method::of_bare(value)), method)?;
    let mut criteria = Criteria::new(method, value.into());
    criteria.childrens_parents = group("at").is_some();
    criteria.parents = group("parents").map(|_| steps("up"));
    criteria.children = group("children").map(|_| steps("down"));
    if criteria.childrens_parents && criteria.children.is_some() {
        return Err(both(text));
    }
    Ok(criteria)
}

fn number(digits: &str) -> u32 {
    digits
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .fold(0, |sum: u32, digit| sum.saturating_mul(10).saturating_add(digit))
}

/// A method by its name and keys.
pub(super) fn method(name: &str) -> Result<Method, Wrong> {
    let mut keys = name.split('.');
    let first = keys.next().unwrap_or_default();
    let keys: Vec<Arc<str>> = keys.map(Arc::from).collect();
    match Method::of(first) {
        Some(Method::Config(_)) if keys.is_empty() => {
            let remedy = "Name it: config.materialized:table, config.meta.owner:finance.";
            Err(("config does not say which setting is meant".to_owned(), remedy.to_owned()))
        }
        Some(Method::Config(_)) => Ok(Method::Config(keys)),
        // dbt takes keys of other methods and does not look at them.
        Some(method) => Ok(method),
        None => Err(unknown_method(first)),
    }
}

/// What is said of a method that looks at what a run left behind.
pub(super) fn of_run(name: &str) -> Wrong {
    let remedy = "Select by what stands in the repo, or by state: and --since by what has changed in it.";
    (format!("{name}: needs the artifacts of a run of dbt, which are not read"), remedy.to_owned())
}

fn unknown_method(name: &str) -> Wrong {
    let near =
        nearest(name, Method::NAMES.iter().copied()).map(|near| format!("Did you mean {near}? ")).unwrap_or_default();
    (format!("no method is called '{name}'"), format!("{near}There are {}.", Method::NAMES.join(", ")))
}

/// Refuses what dbt reads as a name that nothing has. No name holds a colon, and `+` and `@` stand around it.
fn meant(criteria: Criteria, text: &str) -> Result<Criteria, Wrong> {
    use Method::{Exposure, Fqn, Metric, OfRun, SavedQuery, SemanticModel, Source, UnitTest};
    let value = criteria.text();
    match criteria.method {
        OfRun(name) => return Err(of_run(name)),
        Fqn if value.contains(':') => return Err(unknown_method(value.split(':').next().unwrap_or_default())),
        Fqn | Source | Exposure | Metric | SemanticModel | SavedQuery | UnitTest => {}
        _ => return Ok(criteria),
    }
    if value.contains(['+', '@']) {
        let remedy = "Write +name, name+, 2+name, name+2 or @name, each operator once and outermost.";
        return Err((format!("'{text}' has an operator in the wrong place"), remedy.to_owned()));
    }
    if value.is_empty() && text.contains(['+', '@']) {
        let remedy = "Write the name beside it: +orders, orders+, @orders.";
        return Err((format!("'{text}' has an operator and nothing it is for"), remedy.to_owned()));
    }
    Ok(criteria)
}

fn both(text: &str) -> Wrong {
    let remedy = "@ follows the children already: leave the + at the end out.";
    (format!("'{text}' has both @ before it and + behind it"), remedy.to_owned())
}

/// Refuses values that a method never has.
pub(super) fn checked(criteria: Criteria) -> Result<Criteria, Wrong> {
    if matches!(criteria.method, Method::Config(_)) {
        return Ok(criteria);
    }
    let Some(text) = criteria.value.as_str() else {
        let remedy = "Put it into quotes; only values of config may be numbers or true and false.";
        return Err((format!("{} is no text", criteria.value), remedy.to_owned()));
    };
    let parts = text.split('.').count();
    let too_long = |limit: usize, form: &str| {
        let wrong = (format!("'{text}' has more than {limit} parts"), format!("Write {form}."));
        if parts > limit { Err(wrong) } else { Ok(()) }
    };
    let one_of = |what: &str, names: &[&str]| {
        if names.contains(&text) {
            return Ok(());
        }
        let near = nearest(text, names.iter().copied()).map(|near| format!("Did you mean {near}? "));
        let remedy = format!("{}There are {}.", near.unwrap_or_default(), names.join(", "));
        Err((format!("no {what} is called '{text}'"), remedy))
    };
    match criteria.method {
        Method::Source => too_long(3, "source:name, source:name.table or source:package.name.table")?,
        Method::Exposure => too_long(2, "exposure:name or exposure:package.name")?,
        Method::Metric => too_long(2, "metric:name or metric:package.name")?,
        Method::SemanticModel => too_long(2, "semantic_model:name or semantic_model:package.name")?,
        Method::SavedQuery => too_long(2, "saved_query:name or saved_query:package.name")?,
        Method::UnitTest => too_long(2, "unit_test:name or unit_test:package.name")?,
        Method::TestType => one_of("type of test", &["generic", "singular", "data", "unit", "schema"])?,
        Method::Version => one_of("kind of version", &["latest", "prerelease", "old", "none"])?,
        Method::ResourceType if NEVER_SELECTED.contains(&text) => {}
        Method::ResourceType => one_of("resource type", &RESOURCE_TYPES)?,
        Method::State => one_of("state", &Method::STATES)?,
        Method::Path => path(text)?,
        _ => {}
    }
    Ok(criteria)
}

fn path(text: &str) -> Result<(), Wrong> {
    let remedy = "Write it from the folder of dbt_project.yml, as models/staging.".to_owned();
    if text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return Err((format!("'{text}' does not begin in the project"), remedy));
    }
    if text.split('/').all(|part| part.is_empty() || part == ".") {
        return Err((format!("'{text}' names no path"), remedy));
    }
    if text.split('/').any(|part| part.contains("**") && part != "**") {
        return Err((format!("'{text}' has ** beside other letters"), "Let ** stand alone: models/**/stg_*.".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Criteria {
        criteria(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
    }

    fn wrong(text: &str) -> String {
        match parse(text) {
            Ok(spec) => format!("{spec:?}"),
            Err(errors) => {
                let shown = errors.iter().map(|it| format!("{}: {} → {}", it.span.start, it.message, it.remedy));
                shown.collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn a_bare_value_is_a_path_a_file_or_a_name() {
        assert_eq!(one("models/staging").method, Method::Path);
        assert_eq!(one("stg_a.SQL").method, Method::File);
        assert_eq!(one("shop.staging.*").method, Method::Fqn);
    }

    #[test]
    fn operators_say_how_far_relatives_are_followed() {
        assert_eq!((one("+a").parents, one("+a").children), (Some(None), None));
        assert_eq!((one("2+a+30").parents, one("2+a+30").children), (Some(Some(2)), Some(Some(30))));
        assert!(one("@tag:x").childrens_parents && one("@+a").parents.is_some());
        assert_eq!(one("2a").value, "2a");
        assert_eq!(one("tag:c++").value, "c+");
    }

    #[test]
    fn settings_are_named_by_their_keys() {
        assert_eq!(one("config.meta.owner:x").method, Method::Config(vec!["meta".into(), "owner".into()]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_a_remedy() {
        let texts = [
            "a tagg:x",
            "test-type:generic",
            "a+ b++",
            "@a+",
            "+",
            "a, b",
            "source:a.b.c.d",
            "state:modified result:error source_status:fresher+",
            "test_type:generik",
            "version:1 resource_type:models",
            "config:table",
            "path:/etc ../x path:. models/a**",
        ];
        let shown: Vec<String> = texts.iter().map(|text| format!("{text}\n{}", wrong(text))).collect();
        insta::assert_snapshot!(shown.join("\n\n"));
    }
}
