//! Macros as values: found by name, compiled when first called, run with the caller's names.

use super::ask;
use super::context::{self, name_of};
use super::marks::note_missing;
use super::run::{self, FailureKind, Scale, Site, with_run};
use crate::db::Package;
use crate::project::macros::{MacroTemplate, Named, lost_name};
use crate::python::dicts::MutDict;
use crate::python::lists::MutList;
use crate::python::meter;
use crate::python::unknown::Unknown;
use crate::syntax::jinja::rewrite::AGAIN;
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Tuple};
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
    /// Where it is called.
    site: Option<Site>,
}

impl Macro {
    pub(super) fn value(package: Package, name: &str) -> Value {
        Value::from_object(Self { package, name: name.into(), site: None })
    }

    /// The same macro where it is called.
    pub(super) fn called_at(&self, site: Site) -> Value {
        Value::from_object(Self { package: self.package, name: self.name.clone(), site: Some(site) })
    }

    fn run(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let found = ask::template(self.package, &self.name);
        let Some(found) = found else {
            return Ok(Unknown::value());
        };
        if let Some(error) = &found.repeated {
            with_run(|run| {
                run.mark(error.span.start);
                run.fail(FailureKind::Broken, 0, &error.message, &error.remedy);
            });
            return Err(Error::new(ErrorKind::SyntaxError, error.message.clone()));
        }
        let mut arguments = Arguments::new(args)?;
        if let Some(message) = arguments.misfit(&self.name, &found) {
            let kind = FailureKind::Arguments(self.package, self.name.clone());
            let remedy = "Give the macro what its definition lists, or change the definition.";
            with_run(|run| run.fail(kind, 1, &message, remedy));
            return Err(Error::new(ErrorKind::TooManyArguments, message));
        }
        with_run(|run| run.set_missing(arguments.missing(&found)));
        let is_call = |value: &Value| value.as_object().is_some();
        let caller = arguments.caller.take_if(|caller| is_call(caller));
        let is_block = caller.as_ref().is_some_and(is_block);
        let caller = caller.map(|original| (original, Arc::new(Caller::default())));
        loop {
            let args = arguments.bind(&found, caller.as_ref().map(|(_, proxy)| Value::from_dyn_object(proxy.clone())));
            let spent = state.fuel_levels().map_or(0, |(spent, _)| spent);
            let result = meter::waiting(spent, || self.once(&found, &args));
            let Some((original, proxy)) = &caller else { return result };
            let Some(asked) = proxy.take_asked() else {
                return match result {
                    // Jinja2 joins what blocks give as texts.
                    Ok(value) if is_block && !is_text(&value) => {
                        let message = "the macro of a `call` block returns what is not a text";
                        Err(Error::new(ErrorKind::InvalidOperation, message))
                    }
                    result => result,
                };
            };
            // The macro did not fail: it is stopped until the block has run.
            with_run(|run| run.trace.failure = None);
            match original.call(state, &asked) {
                Ok(text) => proxy.answer(text)?,
                // A block that returns ends the macro that asked for it.
                Err(error) => match with_run(|run| run.returned.take()).flatten() {
                    Some(value) if !is_block || is_text(&value) => return Ok(value),
                    _ => return Err(error),
                },
            }
        }
    }

    fn once(&self, found: &MacroTemplate, args: &[Value]) -> Result<Value, Error> {
        PENDING.set(Some((found.key.clone(), found.source.clone())));
        let environments = TEMPLATES.read().unwrap_or_else(PoisonError::into_inner).clone();
        let template = environments[run::scale() as usize].get_template(&found.key);
        PENDING.set(None);
        let template = match template {
            Ok(template) => template,
            // What is wrong in the text of an own macro is told of the macro itself.
            Err(_) if ask::root_name() == Some(ask::package_name(self.package)) => {
                with_run(|run| run.trace.incomplete = true);
                return Ok(Unknown::value());
            }
            Err(error) => {
                note_failure(&error, found);
                return Err(error);
            }
        };
        let mut captured = template.render_captured(context::root())?;
        let (result, spent) = captured.with_state_mut(|inner| {
            let result = inner.call_macro(&found.symbol, args);
            (result, inner.fuel_levels().map_or(0, |(spent, _)| spent))
        });
        // Each template has a tank of its own.
        meter::spend_fuel(spent)?;
        match (with_run(|run| run.returned.take()).flatten(), result) {
            (Some(value), Err(_)) => Ok(value),
            (_, result) => result.map(Value::from).inspect_err(|error| note_failure(error, found)),
        }
    }
}

/// Notes where a macro failed, unless something that it called did.
fn note_failure(error: &Error, found: &MacroTemplate) {
    let at = error.range().filter(|_| error.name() == Some(&*found.key)).map(|range| found.original(range.start));
    let detail = super::words(error);
    with_run(|run| {
        run.trace.incomplete |= super::is_overflow(error);
        if let Some(at) = at {
            run.mark(at);
        }
        let needed = run.missing().first().cloned().filter(|_| detail.contains("undefined"));
        match needed {
            Some(parameter) => drop(note_missing(run, &parameter)),
            None => run.fail(FailureKind::Broken, 0, &format!("Jinja: {detail}"), super::remedy_of(error)),
        }
    });
}

/// Whether a caller is the block of a `{% call %}`, and not what a macro was given and gives on.
fn is_block(caller: &Value) -> bool {
    caller.downcast_object_ref::<Caller>().is_none() && caller.downcast_object_ref::<Macro>().is_none()
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some() || value.downcast_object_ref::<Unknown>().is_some()
}

impl Object for Macro {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        with_run(|run| {
            if let Some(site) = self.site {
                run.mark(site);
            }
            run.enter(self.package, &self.name)
        })
        .unwrap_or(Ok(()))?;
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

    /// Why the macro does not take these arguments, in the order in which Jinja2 looks.
    fn misfit(&self, name: &str, found: &MacroTemplate) -> Option<String> {
        let count = found.parameters.len();
        let own = found.parameters.get(self.positional.len()..).unwrap_or_default();
        let takes = |key: &str| own.iter().any(|parameter| &**parameter == key);
        let surplus = self.named.iter().find(|(key, _)| !takes(key)).filter(|_| !found.uses_kwargs);
        if let Some((key, _)) = surplus {
            let shown = key.rsplit("__").next().filter(|_| key.starts_with(AGAIN)).unwrap_or(key);
            let is_given = found.parameters.iter().any(|parameter| **parameter == *shown);
            return Some(match is_given {
                true => format!("gives macro '{name}' the argument `{shown}` twice"),
                false => format!("gives macro '{name}' the argument `{shown}`, which it does not take"),
            });
        }
        if self.caller.is_some() && !found.uses_caller && !found.uses_kwargs {
            return Some(format!("gives macro '{name}' a block, but the macro never asks for its `caller`"));
        }
        let given = self.positional.len();
        let is_over = given > count && !found.uses_varargs;
        let takes = |count: usize| if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") };
        is_over.then(|| format!("gives macro '{name}' {}, and it takes no more than {count}", takes(given)))
    }

    /// The parameters that nothing is given for and that have no default.
    fn missing(&self, found: &MacroTemplate) -> Vec<Arc<str>> {
        let rest = found.parameters.iter().zip(&found.has_default).skip(self.positional.len());
        let is_missing = |name: &str| !self.named.iter().any(|(key, _)| key == name) && name != "caller";
        rest.filter(|(name, has_default)| !**has_default && is_missing(name)).map(|(name, _)| name.clone()).collect()
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
    /// Where a macro of it is called.
    pub site: Option<Site>,
}

impl Space {
    fn find(&self, name: &str) -> Option<Value> {
        if let Some(only) = with_run(|run| run.limited_to()).flatten() {
            let id = ask::macro_id(self.package, name)?;
            only.contains(&id).then_some(())?;
        }
        let found = ask::in_package(self.package, name)?;
        Some(Value::from_object(Macro { package: found, name: name.into(), site: self.site }))
    }

    /// The names of its macros.
    fn names(&self) -> Vec<Value> {
        ask::macro_names(self.package).iter().map(|name| Value::from(&**name)).collect()
    }

    fn pairs(&self) -> Vec<Value> {
        let pair = |name: &Arc<str>| Some(Value::from(Tuple::from(vec![Value::from(&**name), self.find(name)?])));
        ask::macro_names(self.package).iter().filter_map(pair).collect()
    }
}

impl Object for Space {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.names())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<macros of {}>", name_of(self.package))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
        match (self.find(name), name, args) {
            (Some(found), ..) => found.call(state, args),
            (None, "get", [key, rest @ ..]) => {
                let found = key.as_str().and_then(|key| self.find(key));
                Ok(found.or_else(|| rest.first().cloned()).unwrap_or_else(|| Value::from(())))
            }
            (None, "keys", []) => Ok(MutList::value(self.names())),
            (None, "items", []) => Ok(MutList::value(self.pairs())),
            (None, "values", []) => {
                let values = self.pairs().into_iter().filter_map(|pair| pair.get_item_by_index(1).ok());
                Ok(MutList::value(values.collect()))
            }
            (None, ..) => {
                let full = format!("{}.{name}", name_of(self.package));
                with_run(|run| {
                    let site = self.site.unwrap_or_else(|| run.marked_at());
                    run.unknown(&full, site, false, run.is_strict());
                });
                Ok(Unknown::value())
            }
        }
    }
}

/// `adapter`
#[derive(Debug)]
pub(super) struct Adapter {
    /// Where a member of it is called.
    pub site: Option<Site>,
}

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
            "dispatch" => dispatch(args, self.site)?,
            "type" => ask::adapter_type().map(Value::from).unwrap_or_default(),
            "quote" => Value::from(format!("\"{}\"", args.first().map(ToString::to_string).unwrap_or_default())),
            "quote_as_configured" | "quote_seed_column" => args.first().cloned().unwrap_or_default(),
            "get_columns_in_relation"
            | "get_missing_columns"
            | "list_relations"
            | "list_relations_without_caching"
            | "get_column_schema_from_query"
            | "expand_target_column_types" => MutList::value(Vec::new()),
            // At parse time dbt answers each question to the warehouse with nothing.
            _ => Value::from(()),
        })
    }
}

/// dbt's search: each package of the search order, and in it the macro of the adapter, of the
/// adapter it builds on, and the default.
fn dispatch(args: &[Value], site: Option<Site>) -> Result<Value, Error> {
    let found_in = |package: Package, name: &str| Macro { package, name: name.into(), site };
    let arguments = Arguments::new(args)?;
    let argument = |at: usize, names: &[&str]| {
        let named = arguments.named.iter().find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value);
        arguments.positional.get(at).or(named).filter(|value| !value.is_none() && !value.is_undefined()).cloned()
    };
    let name = argument(0, &["macro_name"]).unwrap_or_default().to_string();
    let space = argument(1, &["macro_namespace", "packages"]).and_then(|value| value.as_str().map(str::to_owned));
    let Some(package) = with_run(|run| run.package) else { return Ok(Unknown::value()) };
    let names: Vec<String> = ask::dispatch_prefixes().iter().map(|prefix| format!("{prefix}__{name}")).collect();
    let order = space.as_deref().and_then(ask::search_order);
    let searched = order.clone().unwrap_or_else(|| vec![package]);
    let found = match order {
        None => names.iter().find_map(|name| match ask::resolve(package, name) {
            Some(Named::Macro(owner)) => Some(found_in(owner, name)),
            _ => None,
        }),
        Some(searched) => searched
            .into_iter()
            .find_map(|package| names.iter().find_map(|name| Some(found_in(ask::in_package(package, name)?, name)))),
    };
    Ok(found.map(Value::from_object).unwrap_or_else(|| {
        // The target may be a guess: a macro for another adapter is one as well.
        let ending = format!("__{name}");
        let is_for_adapter = |package: &Package| ask::macro_names(*package).iter().any(|it| it.ends_with(&ending));
        let exists = name.contains(Unknown::MARK) || searched.iter().any(is_for_adapter);
        with_run(|run| match exists {
            true => run.trace.incomplete = true,
            false => {
                let site = site.unwrap_or_else(|| run.marked_at());
                run.unknown(&lost_name(&name), site, true, true);
            }
        });
        Unknown::value()
    }))
}
