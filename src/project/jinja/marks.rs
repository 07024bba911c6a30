//! What the rewriter writes around names: where a call stands, and what comes of names that nobody defines.
//!
//! In a node's own text dbt lets a name that does not exist be anything while it parses, and fails when the node
//! runs. In macros, in YAML and in docs blocks Jinja2 itself decides: such a name prints nothing, and calls and
//! members of it are errors.

use super::Cause;
use super::ask;
use super::functions::Builtins;
use super::macros::{Adapter, Macro, Space};
use super::run::{FailureKind, Names, with_run};
use crate::python::meter;
use crate::python::unknown::Unknown;
use crate::syntax::jinja::rewrite::{CALL, ITEM, NAME, SPACE};
use crate::syntax::span::SyntaxErrorKind;
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::sync::Arc;

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function(CALL, mark_call);
    environment.add_function(SPACE, mark_space);
    environment.add_function(ITEM, mark_item);
    environment.add_function(NAME, mark_name);
}

/// Names of models and macros that YAML and docs blocks do not have.
const OF_NODES: [&str; 27] = [
    "adapter",
    "api",
    "config",
    "context",
    "database",
    "debug",
    "defer_relation",
    "exceptions",
    "execute",
    "function",
    "graph",
    "load_agate_table",
    "load_result",
    "metric",
    "model",
    "node",
    "ref",
    "render",
    "schema",
    "source",
    "store_raw_result",
    "store_result",
    "submit_python_job",
    "this",
    "try_or_compiler_error",
    "validation",
    "write",
];
/// What a docs block may name: what Jinja2 itself has.
const OF_JINJA: [&str; 7] = ["range", "dict", "lipsum", "cycler", "joiner", "namespace", "caller"];

/// Whether a name exists elsewhere and not in the text that is running.
fn is_out_of_reach(name: &str) -> bool {
    let names = with_run(|run| run.names).unwrap_or(Names::All);
    match names {
        Names::All => false,
        Names::Descriptions => OF_NODES.contains(&name),
        Names::Settings | Names::ProjectFile | Names::Profile => name == "doc" || OF_NODES.contains(&name),
        Names::Nothing => !name.is_empty() && !OF_JINJA.contains(&name),
    }
}

fn undefined(name: &str) -> Error {
    Cause(SyntaxErrorKind::UndefinedName).error(ErrorKind::UndefinedError, format!("`{name}` is undefined"))
}

/// What a member of a name that does not exist comes to: nothing to go on with where Jinja2 decides.
fn read_of_nothing(name: &str) -> Result<Value, Error> {
    if let Some(parameter) = name.strip_prefix('=') {
        missing(parameter)?;
        return Ok(Value::UNDEFINED);
    }
    let is_strict = with_run(|run| run.is_strict()).unwrap_or_default();
    if name.is_empty() || !is_strict {
        return Ok(Value::UNDEFINED);
    }
    let is_of_macro = with_run(|run| run.names == Names::All).unwrap_or_default();
    if is_of_macro && !ask::is_whole() {
        // The name may be that of a package that is not here.
        with_run(|run| run.trace.incomplete = true);
        return Ok(Unknown::value());
    }
    Err(undefined(name))
}

/// Fails where the running macro needs a parameter that it was given nothing for.
fn missing(parameter: &str) -> Result<(), Error> {
    let is_missing = with_run(|run| run.missing().iter().any(|name| &**name == parameter)).unwrap_or_default();
    if !is_missing {
        return Ok(());
    }
    let message = with_run(|run| note_missing(run, parameter)).unwrap_or_default();
    Err(Error::new(ErrorKind::MissingArgument, message))
}

/// Notes that the running macro was called without an argument that it needs.
pub(super) fn note_missing(run: &mut super::run::Run, parameter: &str) -> String {
    let Some((package, name)) = run.running() else { return String::new() };
    let message = format!("calls macro '{name}' without its argument `{parameter}`, which the macro needs");
    let remedy = format!("Give `{parameter}` a value here, or a default in the macro.");
    run.fail(FailureKind::Arguments(package, name), 1, &message, &remedy);
    message
}

/// `name(` in a template: notes where the call stands, and lets nobody's name be called.
fn mark_call(site: u32, name: &str, callee: Value, is_block: Option<bool>) -> Result<Value, Error> {
    meter::check()?;
    let in_text = with_run(|run| {
        run.mark(site);
        if run.in_text() {
            run.set_site(site);
        }
        run.in_text()
    })
    .unwrap_or_default();
    if callee.is_undefined() || is_out_of_reach(name) {
        return call_of_nothing(site, name, is_block == Some(true));
    }
    let callee = match callee.downcast_object_ref::<Macro>() {
        Some(found) => found.called_at(site),
        None => callee,
    };
    Ok(if in_text { Value::from_object(Sited { site, callee }) } else { callee })
}

fn call_of_nothing(site: u32, name: &str, is_block: bool) -> Result<Value, Error> {
    let is_strict = with_run(|run| run.is_strict()).unwrap_or_default();
    if let Some(parameter) = name.strip_prefix('=').filter(|_| is_strict) {
        missing(parameter)?;
        return Ok(Value::from_object(Silent));
    }
    if name == "caller" && is_strict {
        let message = with_run(|run| {
            let (package, name) = run.running()?;
            let message = format!("calls macro '{name}' without a block, which the macro needs as its `caller`");
            let remedy = format!("Call it by `{{% call {name}(…) %}} … {{% endcall %}}`.");
            run.fail(FailureKind::Arguments(package, name), 1, &message, &remedy);
            Some(message)
        });
        return Err(Error::new(ErrorKind::MissingArgument, message.flatten().unwrap_or_default()));
    }
    if name.is_empty() || name == "caller" || name.starts_with('=') {
        return match is_block {
            true => Err(Error::new(ErrorKind::InvalidOperation, "the `call` block calls what does not exist")),
            false => Ok(Value::from_object(Silent)),
        };
    }
    if with_run(|run| run.names != Names::All).unwrap_or_default() {
        return Err(undefined(name));
    }
    with_run(|run| run.unknown(name, site, false, is_strict || is_block));
    Ok(Unknown::value())
}

/// `name.` before a dotted call.
fn mark_space(site: u32, name: &str, space: Value) -> Result<Value, Error> {
    meter::check()?;
    let in_text = with_run(|run| {
        run.mark(site);
        run.in_text()
    })
    .unwrap_or_default();
    if space.is_undefined() || is_out_of_reach(name) {
        let is_of_node = with_run(|run| run.names == Names::All).unwrap_or_default();
        if !name.is_empty() && !name.starts_with('=') && is_of_node {
            return Ok(Value::from_object(Absent { name: name.into(), site }));
        }
        return read_of_nothing(name);
    }
    let space = match (space.downcast_object_ref::<Space>(), space.downcast_object_ref::<Adapter>()) {
        (Some(found), _) => Value::from_object(Space { package: found.package, site: Some(site) }),
        (_, Some(_)) => Value::from_object(Adapter { site: Some(site) }),
        _ if in_text && space.downcast_object_ref::<Builtins>().is_some() => space,
        _ => return Ok(space),
    };
    Ok(if in_text { Value::from_object(Sited { site, callee: space }) } else { space })
}

/// `name[key](`: a member that is called.
fn mark_item(site: u32, name: &str, base: Value, key: Value) -> Result<Value, Error> {
    with_run(|run| {
        run.mark(site);
        if run.in_text() {
            run.set_site(site);
        }
    });
    if base.is_undefined() {
        return call_of_nothing(site, name, false);
    }
    meter::check()?;
    let found = base.get_item(&key)?;
    match (found.is_undefined(), base.downcast_object_ref::<Space>()) {
        (true, Some(space)) => {
            let full = format!("{}.{key}", ask::package_name(space.package));
            with_run(|run| run.unknown(&full, site, false, run.is_strict()));
            Ok(Unknown::value())
        }
        _ => mark_call(site, "", found, None),
    }
}

/// `name.` and `name[` where the name must exist.
fn mark_name(site: u32, name: &str, value: Value) -> Result<Value, Error> {
    with_run(|run| run.mark(site));
    if value.is_undefined() || is_out_of_reach(name) { read_of_nothing(name) } else { Ok(value) }
}

/// A callee that knows where it is called: arguments are evaluated in between, and have calls of
/// their own.
#[derive(Debug)]
struct Sited {
    site: u32,
    callee: Value,
}

impl Object for Sited {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = self.callee.get_item(key).ok().filter(|value| !value.is_undefined())?;
        Some(Value::from_object(Self { site: self.site, callee: found }))
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let outer = with_run(|run| run.set_site(self.site));
        let result = self.callee.call(state, args)?;
        // After an error the site stays: it is where the text failed.
        with_run(|run| outer.map(|outer| run.set_site(outer)));
        Ok(result)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
        let outer = with_run(|run| run.set_site(self.site));
        let result = self.callee.call_method(state, name, args)?;
        with_run(|run| outer.map(|outer| run.set_site(outer)));
        Ok(result)
    }
}

/// The name of a package that is not there, or of nothing at all.
#[derive(Debug)]
struct Absent {
    name: Arc<str>,
    site: u32,
}

impl Object for Absent {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = format!("{}.{}", self.name, key.as_str()?).into();
        Some(Value::from_object(Self { name, site: self.site }))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        with_run(|run| run.unknown(&self.name, self.site, true, run.is_strict()));
        Ok(Unknown::value())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, name: &str, _: &[Value]) -> Result<Value, Error> {
        with_run(|run| run.unknown(&format!("{}.{name}", self.name), self.site, true, run.is_strict()));
        Ok(Unknown::value())
    }
}

/// A variable of the template that holds nothing and is called: dbt lets that pass while parsing.
#[derive(Debug)]
struct Silent;

impl Object for Silent {
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Ok(Value::UNDEFINED)
    }
}
