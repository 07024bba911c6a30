//! dbt's functions and filters. Each acts on the thread's current run.

use super::ask;
use super::collections::{difference_of_dicts, set, zip};
use super::macros::Adapter;
use super::marks;
use super::relation::Relation;
use super::run::{ConfigCall, FailureKind, FunctionCall, NOTED, Names, RefCall, SourceCall, with_run};
use super::{Cause, value_of};
use crate::project::target::is_secret;
use crate::python::arguments::{Given, plain};
use crate::python::data::{data, mutable};
use crate::python::dump;
use crate::python::meter::{self, spend_text, spend_values};
use crate::python::unknown::{self, Unknown};
use crate::syntax::jinja::rewrite::AGAIN;
use crate::syntax::span::SyntaxErrorKind;
use minijinja::value::{Object, ObjectRepr, Rest, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::sync::Arc;

pub(super) fn add_to(environment: &mut Environment<'static>) {
    marks::add_to(environment);
    environment.add_function("ref", reference);
    environment.add_function("source", source);
    environment.add_function("function", function);
    environment.add_global("var", Value::from_object(Var));
    environment.add_function("env_var", env_var);
    environment
        .add_function("return", |state: &State, Rest(values): Rest<ValueOrKwargs>| give_back(state, plain(values)));
    environment.add_global("config", Value::from_object(Config));
    environment.add_global("builtins", Value::from_object(Builtins));
    environment.add_global("adapter", Value::from_object(Adapter { site: None }));
    environment.add_global("api", Value::from_object(Api("api")));
    environment.add_global("exceptions", Value::from_object(Exceptions));
    environment.add_function("doc", |Rest(args): Rest<ValueOrKwargs>| match args.len() {
        1 | 2 => Ok(""),
        count => {
            let message = format!("`doc` takes a name, or a package and a name, and is given {count} arguments");
            Err(Error::new(ErrorKind::TooManyArguments, message))
        }
    });
    environment.add_function("log", |Rest(_): Rest<ValueOrKwargs>| "");
    environment.add_function("print", |Rest(_): Rest<ValueOrKwargs>| "");
    environment.add_function("debug", |Rest(_): Rest<ValueOrKwargs>| "");
    environment.add_function("write", |Rest(_): Rest<ValueOrKwargs>| "");
    environment.add_function("store_result", |Rest(_): Rest<ValueOrKwargs>| "");
    environment.add_function("store_raw_result", |Rest(_): Rest<ValueOrKwargs>| "");
    environment.add_function("load_result", |Rest(_): Rest<ValueOrKwargs>| Value::from(()));
    environment.add_function("submit_python_job", |Rest(_): Rest<ValueOrKwargs>| Value::from(()));
    environment.add_function("local_md5", |text: &Value| {
        meter::look(text)?;
        Ok::<_, Error>(crate::project::data_tests::naming::md5_hex(&text.to_string()))
    });
    environment.add_function("tojson", |Rest(args): Rest<ValueOrKwargs>| to_text(plain(args), dump::json));
    environment.add_function("fromjson", from_json);
    environment.add_function("toyaml", |Rest(args): Rest<ValueOrKwargs>| to_text(plain(args), dump::yaml));
    environment.add_function("fromyaml", from_yaml);
    environment.add_function("set", |Rest(args): Rest<ValueOrKwargs>| set(&plain(args), false));
    environment.add_function("set_strict", |Rest(args): Rest<ValueOrKwargs>| set(&plain(args), true));
    environment.add_function("zip", |Rest(args): Rest<ValueOrKwargs>| zip(&plain(args), false));
    environment.add_function("zip_strict", |Rest(args): Rest<ValueOrKwargs>| zip(&plain(args), true));
    environment.add_function("diff_of_two_dicts", difference_of_dicts);
    environment.add_function("render", |text: &str| -> Result<Value, Error> {
        if with_run(|run| run.expand()) == Some(false) {
            return Err(Error::new(ErrorKind::OutOfFuel, "the rendered text leads back to itself"));
        }
        let value = value_of(text).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.message));
        with_run(|run| run.expanded());
        Ok(Value::from(value?.to_string()))
    });
    environment.add_function(
        "try_or_compiler_error",
        |state: &mut State, _: Value, Rest(args): Rest<ValueOrKwargs>| match plain(args).split_first() {
            Some((function, args)) => function.call(state, args),
            None => Ok(Value::from(())),
        },
    );
    // A metric is no node that harness follows from a model.
    environment.add_function("metric", |Rest(_): Rest<ValueOrKwargs>| {
        with_run(|run| run.trace.incomplete = true);
        Unknown::value()
    });
    environment.add_function("load_agate_table", |Rest(_): Rest<ValueOrKwargs>| Value::from(()));
    environment.add_function("lipsum", |Rest(_): Rest<ValueOrKwargs>| "");
    for name in ["as_bool", "as_number", "as_native", "as_text"] {
        // In models these filters do nothing; only YAML is typed.
        environment.add_filter(name, move |value: Value| {
            let typed = name != "as_text" && with_run(|run| run.names) != Some(Names::All);
            if typed { super::markers::marked(&value) } else { value }
        });
    }
}

/// `f(x, 1)` and `f(x, default=1)`.
fn default_of(args: Vec<ValueOrKwargs>) -> Option<Value> {
    let first = args.into_iter().next()?.into_value();
    if !first.is_kwargs() {
        return Some(first);
    }
    first.get_attr("default").ok().filter(|value| !value.is_undefined())
}

fn text_of(value: &Value) -> Arc<str> {
    if !meter::is_looked_at(value) {
        return "".into();
    }
    value.to_str().unwrap_or_else(|| value.to_string().into())
}

/// Whether a name was computed from something this checkout does not hold: then nobody knows it.
fn is_unknown(name: &str) -> bool {
    let unknown = name.contains(Unknown::MARK) || (name.contains("__env_") && name.ends_with("__"));
    if unknown {
        with_run(|run| run.trace.incomplete = true);
    }
    unknown
}

fn reference(Rest(args): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let mut args = plain(args);
    let kwargs = args.pop_if(|last| last.is_kwargs());
    let version = kwargs.as_ref().and_then(|kwargs| {
        let given = ["v", "version"].iter().find_map(|key| kwargs.get_attr(key).ok().filter(|it| !it.is_undefined()));
        given.filter(|version| !version.is_none()).map(|version| text_of(&version))
    });
    let (package, name) = match args.as_slice() {
        [name] => (None, name),
        [package, name] => (Some(package), name),
        _ => return Err(Error::new(ErrorKind::InvalidOperation, "ref takes a model's name, or a package and a name")),
    };
    let package = package.filter(|it| !it.is_none()).map(text_of);
    if name.as_str().is_none() && !unknown::is_unknown(name) {
        let kind = if name.is_none() { "none".to_owned() } else { name.kind().to_string() };
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("the name that ref is given is {kind}, not a text"),
        ));
    }
    let name = text_of(name);
    if is_unknown(&name) {
        return Ok(relation("", &name));
    }
    meter::hold(NOTED + name.len());
    with_run(|run| {
        let call = RefCall { package, name: name.clone(), version, site: run.site() };
        run.trace.refs.push(call);
    });
    Ok(relation("", &name))
}

fn source(Rest(args): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args = plain(args);
    let [source, table, ..] = args.as_slice() else {
        return Err(Error::new(ErrorKind::InvalidOperation, "source takes a source's name and a table's name"));
    };
    let (source, table) = (text_of(source), text_of(table));
    if is_unknown(&source) || is_unknown(&table) {
        return Ok(relation(&source, &table));
    }
    meter::hold(NOTED + source.len() + table.len());
    with_run(|run| {
        let call = SourceCall { source: source.clone(), table: table.clone(), site: run.site() };
        run.trace.sources.push(call);
    });
    Ok(relation(&source, &table))
}

fn function(Rest(args): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let mut args = plain(args);
    args.pop_if(|last| last.is_kwargs());
    let (package, name) = match args.as_slice() {
        [name] => (None, text_of(name)),
        [package, name] => (Some(text_of(package)), text_of(name)),
        _ => return Err(Error::new(ErrorKind::InvalidOperation, "function takes a function's name")),
    };
    meter::hold(NOTED + name.len());
    with_run(|run| {
        let call = FunctionCall { package, name: name.clone(), site: run.site() };
        run.trace.functions.push(call);
    });
    Ok(relation("", &name))
}

/// What `ref` and `source` yield. While dbt parses, their database and schema are the target's; what
/// they print is what was asked for, so that the SQL reads as it is written.
fn relation(source: &str, name: &Arc<str>) -> Value {
    let at_target = ask::relation(name);
    let parts = at_target.map(|relation| (relation.database, relation.schema)).unwrap_or_default();
    let printed = if source.is_empty() { name.clone() } else { format!("{source}.{name}").into() };
    let schema = if source.is_empty() { parts.1 } else { source.into() };
    Value::from_object(Relation { database: parts.0, schema, identifier: name.clone(), printed: Some(printed) })
}

fn var(name: &Value, Rest(default): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let (name, default) = (text_of(name), default_of(default));
    let Some((package, names)) = with_run(|run| {
        run.note_var(&name);
        (run.package, run.names)
    }) else {
        return Ok(Value::UNDEFINED);
    };
    let found = match names {
        Names::ProjectFile | Names::Profile => ask::early_var(package, &name),
        Names::All | Names::Settings | Names::Descriptions | Names::Nothing => ask::var(package, &name),
    };
    match found {
        Some(serde_json::Value::String(text)) if text.contains("{{") || text.contains("{%") => {
            if with_run(|run| run.expand()) == Some(false) {
                return Err(Error::new(ErrorKind::OutOfFuel, format!("the var {name} leads back to itself")));
            }
            let value = value_of(&text).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.message));
            with_run(|run| run.expanded());
            // What dbt renders of a var is a text, whatever it says.
            value.map(|value| match value.downcast_object_ref::<Unknown>() {
                Some(_) => value,
                None => Value::from(super::markers::printed(&value)),
            })
        }
        Some(value) => Ok(mutable(&value)),
        // In YAML dbt demands a value; a model may go without while it is parsed.
        None if default.is_none() && matches!(names, Names::Settings | Names::Descriptions) => {
            let message = format!("the var '{name}' has no value, and no default is given here");
            Err(Cause(SyntaxErrorKind::VarWithoutValue).error(ErrorKind::UndefinedError, message))
        }
        None => Ok(default.unwrap_or_else(|| {
            with_run(|run| run.trace.incomplete = true);
            Value::from(())
        })),
    }
}

/// `var(…)` and `var.has_var(…)`
#[derive(Debug)]
struct Var;

impl Object for Var {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match args {
            [] => Err(Error::new(ErrorKind::MissingArgument, "var takes a name")),
            [name, rest @ ..] => var(name, Rest(rest.iter().cloned().map(ValueOrKwargs::from).collect())),
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let (name,): (&Value,) = from_args(args)?;
        let package = with_run(|run| run.package).filter(|_| method == "has_var");
        let package = package.ok_or_else(|| Error::from(ErrorKind::UnknownMethod))?;
        let found = ask::var(package, &text_of(name));
        Ok(Value::from(found.is_some()))
    }
}

fn env_var(name: &str, Rest(default): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    if is_secret(name) && with_run(|run| run.names) != Some(Names::Profile) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "secret environment variables may be read in profiles.yml and packages.yml alone, and this is '{name}'"
            ),
        ));
    }
    let (name, default): (Arc<str>, _) = (name.into(), default_of(default));
    with_run(|run| run.note_env(&name));
    let set = ask::environment_variable(&name);
    Ok(set.map(Value::from).or(default).unwrap_or_else(|| {
        with_run(|run| run.trace.incomplete = true);
        // A text, since templates call its methods and compare it; no one's real value is this.
        Value::from(format!("__env_{name}__"))
    }))
}

/// Unwinds to the macro that is running: its value is this, whatever it has printed.
fn give_back(_: &State, values: Vec<Value>) -> Result<Value, Error> {
    let value = match values.as_slice() {
        [value] if !value.is_kwargs() => value.clone(),
        [named] => named.get_attr("data").unwrap_or_default(),
        [] => return Err(Error::new(ErrorKind::MissingArgument, "return takes a value, and is given none")),
        _ => return Err(Error::new(ErrorKind::TooManyArguments, "return takes one value, and is given more")),
    };
    with_run(|run| run.returned = Some(value));
    Err(Error::new(ErrorKind::InvalidOperation, "return outside of a macro"))
}

/// `tojson(value, default, sort_keys)` and `toyaml`.
fn to_text(args: Vec<Value>, write: fn(&Value, bool) -> Result<String, Error>) -> Result<Value, Error> {
    let given = Given::of(&args);
    write(&given.required(0, "value")?, given.is_true(2, "sort_keys")).map(Value::from)
}

fn from_json(text: &str, Rest(default): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let default = default_of(default);
    spend_text(4 * text.len())?;
    Ok(match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => mutable(&value),
        Err(_) => default.unwrap_or_else(|| Value::from(())),
    })
}

fn from_yaml(text: &str, Rest(default): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let default = default_of(default);
    meter::spend(2 * text.len() as u64)?;
    let document = crate::syntax::yaml::parse(text);
    Ok(if document.errors.is_empty() {
        mutable(&crate::project::data::of(&document.root))
    } else {
        default.unwrap_or_else(|| Value::from(()))
    })
}

/// Texts that print a value become that value.
pub(super) fn native(value: &Value) -> Value {
    match value.as_str() {
        Some("True" | "true") => Value::from(true),
        Some("False" | "false") => Value::from(false),
        Some("None" | "none" | "null") => Value::from(()),
        Some(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(integer), _) => Value::from(integer),
            (_, Ok(float)) => Value::from(float),
            _ => value.clone(),
        },
        None => value.clone(),
    }
}

/// `config(…)` and its methods, which answer nothing while dbt parses.
#[derive(Debug)]
struct Config;

impl Object for Config {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut values = serde_json::Map::new();
        for part in args {
            meter::hold(NOTED);
            if let serde_json::Value::Object(entries) = data(part) {
                // dbt takes hooks with an underscore here and with a dash everywhere else.
                values.extend(entries.into_iter().map(|(key, value)| match key.as_str() {
                    "pre_hook" | "post_hook" => (key.replace('_', "-"), value),
                    _ => (key, value),
                }));
            }
        }
        // A keyword that is given once more is a call of its own.
        let is_again = |key: &String| key.starts_with(AGAIN);
        let again: Vec<String> = values.keys().filter(|key| is_again(key)).cloned().collect();
        let again = again.into_iter().filter_map(|key| {
            let value = values.remove(&key)?;
            let (_, key) = key.strip_prefix(AGAIN)?.split_once("__")?;
            Some([(key.to_owned(), value)].into_iter().collect())
        });
        let again: Vec<serde_json::Map<String, serde_json::Value>> = again.collect();
        with_run(|run| {
            let site = run.site();
            let calls = std::iter::once(values).chain(again).map(|values| ConfigCall { values, site });
            run.trace.configs.extend(calls);
        });
        Ok(Value::from(""))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "persist_relation_docs" | "persist_column_docs" => Value::from(false),
            _ => Value::from(""),
        })
    }
}

/// `builtins.ref`: dbt's own functions, also where the project has macros of these names.
#[derive(Debug)]
pub(super) struct Builtins;

impl Object for Builtins {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        matches!(name, "ref" | "source" | "config" | "var" | "env_var" | "function")
            .then(|| super::current().globals().find(|(global, _)| *global == name).map(|(_, value)| value))
            .flatten()
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
        match self.get_value(&Value::from(name)) {
            Some(function) => function.call(state, args),
            None => Err(Error::new(ErrorKind::UnknownMethod, format!("builtins has no {name}"))),
        }
    }
}

/// `api.Relation`, `api.Column`
#[derive(Debug)]
struct Api(&'static str);

impl Object for Api {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match (self.0, key.as_str()?) {
            ("api", "Relation") => Value::from_object(Self("Relation")),
            ("api", "Column") => Value::from_object(Self("Column")),
            // A kind of relation, `api.Relation.View`, is its own name.
            ("Relation", kind) => Value::from(kind.to_lowercase()),
            _ => Unknown::value(),
        })
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Ok(Unknown::value())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match (self.0, method) {
            ("Column", "translate_type") => {
                let name = args.first().map(ToString::to_string).unwrap_or_default();
                ask::column_type(&name).map(Value::from).unwrap_or_default()
            }
            ("Relation", "create") => {
                let given = args.last().filter(|last| last.is_kwargs()).cloned().unwrap_or_default();
                let part = |name: &str| -> Arc<str> {
                    let value = given.get_attr(name).ok().filter(|it| !it.is_undefined() && !it.is_none());
                    value.map_or_else(|| "".into(), |value| text_of(&value))
                };
                Value::from_object(Relation {
                    database: part("database"),
                    schema: part("schema"),
                    identifier: part("identifier"),
                    printed: None,
                })
            }
            _ => Unknown::value(),
        })
    }
}

#[derive(Debug)]
struct Exceptions;

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        if method.starts_with("warn") {
            return Ok(Value::from(""));
        }
        spend_values(args)?;
        let message = args.first().map(ToString::to_string).unwrap_or_else(|| method.to_owned());
        let message = format!("the project raises an error: {message}");
        with_run(|run| {
            if !run.in_text() {
                let remedy = "Do what the message asks for, or correct the macro that raises it.";
                run.fail(FailureKind::Raised, 0, &message, remedy);
            }
        });
        Err(Error::new(ErrorKind::InvalidOperation, message))
    }
}
