//! The names a template may use, found one by one when it asks for them: a rendering depends on the
//! names it used and on no others.

use super::ask;
use super::macros::{Macro, Space};
use super::relation::Relation;
use super::run::{Names, with_run};
use crate::project::macro_calls::split_id;
use crate::project::macros::Named;
use crate::python::data::mutable;
use crate::python::dates;
use crate::python::dicts::MutDict;
use crate::python::lists::MutList;
use crate::python::modules::modules;
use crate::python::unknown::Unknown;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use std::sync::{Arc, LazyLock};

#[derive(Debug)]
struct Root;

/// The context every template is rendered with.
pub(super) fn root() -> Value {
    static ROOT: LazyLock<Value> = LazyLock::new(|| Value::from_object(Root));
    ROOT.clone()
}

impl Object for Root {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        // The rewriter's own names are nobody's to define.
        if name.starts_with("__") || name.starts_with("dbt_macro__") {
            return None;
        }
        let (package, names) = with_run(|run| (run.package, run.names))?;
        if names == Names::All {
            let only = with_run(|run| run.limited_to()).flatten();
            let named = match &only {
                Some(only) => among(only, name),
                None => ask::resolve(package, name)?,
            };
            match named {
                Named::Macro(owner) => return Some(Macro::value(owner, name)),
                Named::Space(space) => return Some(Value::from_object(Space { package: space, site: None })),
                Named::Nothing => {}
            }
        }
        member(name, names)
    }
}

/// What a name means where only these macros may be named; the last of that name counts.
fn among(only: &[String], name: &str) -> Named {
    let mut spaces = false;
    let mut owner = None;
    for id in only {
        if let Some((space, called)) = split_id(id) {
            spaces |= space == name;
            owner = if called == name { Some(space) } else { owner };
        }
    }
    match owner.map(ask::macro_space) {
        Some(Some(package)) => Named::Macro(package),
        _ if spaces => ask::macro_space(name).map_or(Named::Nothing, Named::Space),
        _ => Named::Nothing,
    }
}

/// `context`: all names by their texts, `context['my_macro']()`.
#[derive(Debug)]
struct Context;

impl Object for Context {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        root().get_item(key).ok().filter(|value| !value.is_undefined())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("get", [name, rest @ ..]) => {
                let default = rest.first().cloned().unwrap_or_else(|| Value::from(()));
                Ok(self.get_value(name).unwrap_or(default))
            }
            _ => match self.get_value(&Value::from(method)) {
                Some(found) => found.call(state, args),
                None => Err(Error::from(ErrorKind::UnknownMethod)),
            },
        }
    }
}

fn member(name: &str, names: Names) -> Option<Value> {
    match name {
        "target" | "env" => return shown_target(),
        "project_name" if !matches!(names, Names::ProjectFile | Names::Profile) => {
            return ask::root_name().map(|name| Value::from(&*name));
        }
        "modules" => return Some(modules()),
        "run_started_at" => return dates::start(),
        "dbt_version" => return Some(Value::from("1.12.0")),
        "otel_trace_id" | "otel_span_id" => return Some(Value::from("")),
        "thread_id" => return Some(Value::from("MainThread")),
        "invocation_id" => return Some(Value::from("00000000-0000-0000-0000-000000000000")),
        "True" => return Some(Value::from(true)),
        "False" => return Some(Value::from(false)),
        "None" | "none" => return Some(Value::from(())),
        _ => {}
    }
    if names != Names::All {
        return (name == "flags").then(flags);
    }
    Some(match name {
        "execute" => Value::from(false),
        "context" => Value::from_object(Context),
        "this" => Value::from_object(this()?),
        "model" | "node" => model()?,
        "schema" | "database" => shown_target()?.get_attr(name).ok()?,
        "graph" => {
            let groups = ["nodes", "sources", "exposures", "metrics", "groups", "semantic_models", "saved_queries"];
            dict(groups.map(|key| (key, dict([]))))
        }
        "selected_resources" | "pre_hooks" | "post_hooks" => MutList::value(Vec::new()),
        "flags" => flags(),
        "invocation_args_dict" => dict([("which", Value::from("parse"))]),
        "dbt_metadata_envs" | "dbt_args" => dict([]),
        "validation" | "adapter_macro" | "column" | "context_macro_stack" | "sql_now" | "_sql_results" => {
            Unknown::value()
        }
        "sql" | "compiled_code" | "defer_relation" => Value::from(()),
        _ => return None,
    })
}

/// `target`
fn shown_target() -> Option<Value> {
    ask::target(|shown| {
        let mut shown = shown.clone();
        if let Some(adapter) = ask::assumed() {
            shown.insert("type".to_owned(), adapter.into());
        }
        mutable(&serde_json::Value::Object(shown))
    })
}

/// What `flags` shows of a plain `dbt parse`.
fn flags() -> Value {
    let on = ["PRINT", "PARTIAL_PARSE", "STATIC_PARSER", "VERSION_CHECK", "INTROSPECT", "USE_COLORS", "POPULATE_CACHE"];
    let off = [
        "FULL_REFRESH",
        "STORE_FAILURES",
        "EMPTY",
        "DEBUG",
        "QUIET",
        "DEFER",
        "FAVOR_STATE",
        "FAIL_FAST",
        "WARN_ERROR",
        "USE_EXPERIMENTAL_PARSER",
        "CACHE_SELECTED_ONLY",
    ];
    let flags = on.into_iter().map(|name| (name, true)).chain(off.into_iter().map(|name| (name, false)));
    let flags = flags.map(|(name, flag)| (Value::from(name), Value::from(flag)));
    let texts = [("WHICH", "parse"), ("INVOCATION_COMMAND", "dbt parse"), ("LOG_FORMAT", "default")];
    MutDict::value(flags.chain(texts.map(|(name, text)| (Value::from(name), Value::from(text)))).collect())
}

fn dict<const N: usize>(entries: [(&str, Value); N]) -> Value {
    MutDict::value(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

fn this() -> Option<Relation> {
    let name = with_run(|run| run.subject.name.clone())?;
    ask::relation(&name)
}

fn model() -> Option<Value> {
    if let Some(model) = with_run(|run| run.model.clone()).flatten() {
        return Some(model);
    }
    let (subject, described) = with_run(|run| (run.subject.clone(), run.described.clone()))?;
    if let Some(described) = described {
        let model = described.value();
        with_run(|run| run.model = Some(model.clone()));
        return Some(model);
    }
    let text = |text: &str| Value::from(text);
    let fqn = MutList::value(subject.fqn.iter().map(|part| text(part)).collect());
    let relation = this()?;
    Some(dict([
        ("unique_id", text(&subject.unique_id)),
        ("name", text(&subject.name)),
        ("alias", text(&subject.name)),
        ("resource_type", text(subject.resource_type)),
        ("package_name", text(&subject.package_name)),
        ("path", text(&subject.path)),
        ("original_file_path", text(&subject.path)),
        ("fqn", fqn),
        ("database", text(&relation.database)),
        ("schema", text(&relation.schema)),
        ("tags", MutList::value(Vec::new())),
        ("meta", dict([])),
        ("columns", dict([])),
        ("description", text("")),
        ("language", text("sql")),
        ("group", Value::from(())),
        ("refs", MutList::value(Vec::new())),
        ("sources", MutList::value(Vec::new())),
        ("metrics", MutList::value(Vec::new())),
        ("depends_on", dict([("macros", MutList::value(Vec::new())), ("nodes", MutList::value(Vec::new()))])),
        ("config", dict([("materialized", text("view")), ("tags", MutList::value(Vec::new())), ("meta", dict([]))])),
    ]))
}

/// The name of the package whose macro is running, for messages.
pub(super) fn name_of(package: crate::db::Package) -> Arc<str> {
    ask::package_name(package)
}
