//! Macros as values: found by name, compiled when first called, run with the caller's names.

use super::ask;
use super::context::{self, name_of};
use super::meter::{self, Scale};
use super::run::with_run;
use super::values::{MutDict, Unknown};
use crate::db::Package;
use crate::project::macros::{MacroTemplate, Named};
use minijinja::value::{Kwargs, Object, ObjectRepr, Tuple};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

/// A macro that asks its caller for more than this many texts does not end.
const MAX_CALLER_RUNS: usize = 200;

thread_local! {
    /// The macro the environment is about to load: its key and its source.
    static PENDING: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Keeps each text of each macro that was called, compiled, until it is forgotten.
static TEMPLATES: LazyLock<RwLock<Templates>> = LazyLock::new(|| RwLock::new(fresh()));

/// One environment for each scale.
type Templates = Arc<[Environment<'static>; Scale::COUNT]>;

fn fresh() -> Templates {
    Arc::new(std::array::from_fn(|index| super::environment(Scale::of(index))))
}

/// Lets go of what macros were, and are: those that are called again are compiled again.
pub fn forget_macros() {
    let fresh = fresh();
    *TEMPLATES.write().unwrap_or_else(PoisonError::into_inner) = fresh;
}

/// The source of the template that `compiled` asks for.
pub(super) fn pending(name: &str) -> Option<String> {
    PENDING.with_borrow_mut(|slot| slot.take_if(|(key, _)| key == name)).map(|(_, source)| source)
}

/// A template key as a person reads it.
pub(super) fn shown_name(key: &str) -> String {
    match key.split('#').next() {
        Some(name) if name.contains('.') => format!("macro `{name}`"),
        _ => key.to_owned(),
    }
}

#[derive(Debug)]
pub(super) struct Macro {
    package: Package,
    name: Arc<str>,
}

impl Macro {
    pub(super) fn value(package: Package, name: &str) -> Value {
        Value::from_object(Self { package, name: name.into() })
    }

    fn run(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let found = ask::template(self.package, &self.name);
        let Some(found) = found else {
            return Ok(Unknown::value());
        };
        let mut arguments = Arguments::new(args)?;
        let caller = arguments.caller.take().map(|original| (original, Arc::new(Caller::default())));
        loop {
            let args = arguments.bind(&found, caller.as_ref().map(|(_, proxy)| Value::from_dyn_object(proxy.clone())));
            let spent = state.fuel_levels().map_or(0, |(spent, _)| spent);
            let result = meter::waiting(spent, || self.once(state, &found, &args));
            let Some((original, proxy)) = &caller else { return result };
            let Some(asked) = proxy.take_asked() else { return result };
            let text = original.call(state, &asked)?;
            proxy.answer(text)?;
        }
    }

    fn once(&self, state: &mut State<'_, '_>, found: &MacroTemplate, args: &[Value]) -> Result<Value, Error> {
        PENDING.set(Some((found.key.clone(), found.source.clone())));
        let environments = TEMPLATES.read().unwrap_or_else(PoisonError::into_inner).clone();
        let template = environments[meter::scale() as usize].get_template(&found.key);
        PENDING.set(None);
        let mut captured = template?.render_captured(context::root())?;
        let (result, spent) = captured.with_state_mut(|inner| {
            let result = inner.call_macro(&found.symbol, args);
            (result, inner.fuel_levels().map_or(0, |(spent, _)| spent))
        });
        // Each template has a tank of its own; what the callee spent is spent for the caller too.
        state.consume_fuel(spent)?;
        match (with_run(|run| run.returned.take()).flatten(), result) {
            (Some(value), Err(_)) => Ok(value),
            (_, result) => result.map(Value::from),
        }
    }
}

impl Object for Macro {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        with_run(|run| run.enter(self.package, &self.name)).unwrap_or(Ok(()))?;
        let result = self.run(state, args);
        with_run(|run| run.leave());
        result
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<macro {}>", self.name)
    }
}

struct Arguments {
    positional: Vec<Value>,
    named: Vec<(String, Value)>,
    caller: Option<Value>,
}

impl Arguments {
    fn new(args: &[Value]) -> Result<Self, Error> {
        let mut this = Self { positional: args.to_vec(), named: Vec::new(), caller: None };
        if let Some(last) = args.last().filter(|last| last.is_kwargs()) {
            this.positional.pop();
            for key in last.try_iter()? {
                let name = key.as_str().unwrap_or_default().to_owned();
                let value = last.get_item(&key)?;
                if name == "caller" { this.caller = Some(value) } else { this.named.push((name, value)) }
            }
        }
        Ok(this)
    }

    /// What the macro takes under its own names; the surplus goes into `varargs` and `kwargs`,
    /// which Jinja2 gives to each macro that mentions them.
    fn bind(&self, found: &MacroTemplate, caller: Option<Value>) -> Vec<Value> {
        let known = |name: &str| found.parameters.iter().any(|parameter| &**parameter == name);
        let (own, surplus) = self.positional.split_at(self.positional.len().min(found.parameters.len()));
        let mut named: Vec<(String, Value)> = self.named.iter().filter(|(name, _)| known(name)).cloned().collect();
        if found.uses_varargs {
            named.push(("varargs".to_owned(), Value::from(Tuple::from(surplus.to_vec()))));
        }
        if found.uses_kwargs {
            let rest = self.named.iter().filter(|(name, _)| !known(name));
            let rest = rest.map(|(name, value)| (Value::from(name.as_str()), value.clone())).collect();
            named.push(("kwargs".to_owned(), MutDict::value(rest)));
        }
        if found.uses_caller {
            named.extend(caller.map(|caller| ("caller".to_owned(), caller)));
        }
        let mut args = own.to_vec();
        if !named.is_empty() {
            args.push(named.into_iter().collect::<Kwargs>().into());
        }
        args
    }
}

/// The body of a `{% call %}` block, which minijinja runs only within the template it stands in.
/// When the macro asks for a text that is not there yet, it is stopped, the body is run where it
/// belongs, and the macro starts again.
#[derive(Debug, Default)]
struct Caller {
    texts: Mutex<(Vec<Value>, usize, Option<Vec<Value>>)>,
}

impl Caller {
    fn take_asked(&self) -> Option<Vec<Value>> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.1 = 0;
        texts.2.take()
    }

    fn answer(&self, text: Value) -> Result<(), Error> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.0.push(text);
        if texts.0.len() > MAX_CALLER_RUNS {
            return Err(Error::new(ErrorKind::OutOfFuel, "the macro asks for its caller's text again and again"));
        }
        Ok(())
    }
}

impl Object for Caller {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let at = texts.1;
        if let Some(text) = texts.0.get(at).cloned() {
            texts.1 += 1;
            return Ok(text);
        }
        texts.2 = Some(args.to_vec());
        Err(Error::new(ErrorKind::InvalidOperation, "the caller's text is not there yet"))
    }
}

/// `dbt_utils` in `dbt_utils.star(…)`: the macros of one package.
#[derive(Debug)]
pub(super) struct Space {
    pub package: Package,
}

impl Space {
    fn find(&self, name: &str) -> Option<Value> {
        if let Some(only) = with_run(|run| run.limited_to()).flatten() {
            let id = ask::macro_id(self.package, name)?;
            only.contains(&id).then_some(())?;
        }
        let found = ask::in_package(self.package, name)?;
        Some(Macro::value(found, name))
    }
}

impl Object for Space {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
        match self.find(name) {
            Some(found) => found.call(state, args),
            None => {
                let full = format!("{}.{name}", name_of(self.package));
                with_run(|run| run.unknown(&full, run.site(), false));
                Ok(Unknown::value())
            }
        }
    }
}

/// `adapter`
#[derive(Debug)]
pub(super) struct Adapter;

impl Object for Adapter {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Unknown::value())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "dispatch" => dispatch(args)?,
            "type" => ask::adapter_type().map(Value::from).unwrap_or_default(),
            "quote" => Value::from(format!("\"{}\"", args.first().map(ToString::to_string).unwrap_or_default())),
            "quote_as_configured" | "quote_seed_column" => args.first().cloned().unwrap_or_default(),
            "get_columns_in_relation"
            | "get_missing_columns"
            | "list_relations"
            | "list_relations_without_caching"
            | "get_column_schema_from_query"
            | "expand_target_column_types" => super::values::MutList::value(Vec::new()),
            // At parse time dbt answers each question to the warehouse with nothing.
            _ => Value::from(()),
        })
    }
}

/// dbt's search: each package of the search order, and in it the macro of the adapter, of the
/// adapter it builds on, and the default.
fn dispatch(args: &[Value]) -> Result<Value, Error> {
    let arguments = Arguments::new(args)?;
    let argument = |at: usize, names: &[&str]| {
        let named = arguments.named.iter().find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value);
        arguments.positional.get(at).or(named).filter(|value| !value.is_none() && !value.is_undefined()).cloned()
    };
    let name = argument(0, &["macro_name"]).unwrap_or_default().to_string();
    let space = argument(1, &["macro_namespace", "packages"]).and_then(|value| value.as_str().map(str::to_owned));
    let Some(package) = with_run(|run| run.package) else { return Ok(Unknown::value()) };
    let names: Vec<String> = ask::dispatch_prefixes().iter().map(|prefix| format!("{prefix}__{name}")).collect();
    let found = match space.as_deref().and_then(ask::search_order) {
        None => names.iter().find_map(|name| match ask::resolve(package, name) {
            Some(Named::Macro(owner)) => Some(Macro::value(owner, name)),
            _ => None,
        }),
        Some(searched) => searched.into_iter().find_map(|package| {
            names.iter().find_map(|name| Some(Macro::value(ask::in_package(package, name)?, name)))
        }),
    };
    Ok(found.unwrap_or_else(|| {
        with_run(|run| run.trace.incomplete = true);
        Unknown::value()
    }))
}
