//! Arithmetic as Python does it, where minijinja has no operator: on dates, sets and lists that
//! change in place. All else is minijinja's own.

use crate::arguments::failed;
use crate::containers::MAX_HELD;
use crate::date_formats::written;
use crate::dates;
use crate::environment::environment;
use crate::lists::MutList;
use crate::meter;
use crate::sets::MutSet;
use crate::unknown::{Unknown, is_unknown};
use minijinja::value::Rest;
use minijinja::{Environment, Error, Expression, State, Value, context};
use std::sync::LazyLock;

/// Fuel of one operation of the engine's own, which pays for the text it makes.
const FUEL: u64 = 1_000_000;

/// Where the engine's own operators are compiled.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| environment(FUEL));

/// `a + b - c`, given as `a, "+", b, "-", c`.
pub(crate) fn row(state: &State, Rest(parts): Rest<Value>) -> Result<Value, Error> {
    let mut parts = parts.into_iter();
    let mut result = parts.next().unwrap_or_default();
    while let (Some(operator), Some(operand)) = (parts.next(), parts.next()) {
        result = operation(state, operator.as_str().unwrap_or_default(), result, operand)?;
    }
    Ok(result)
}

fn operation(state: &State, operator: &str, left: Value, right: Value) -> Result<Value, Error> {
    if left.is_integer()
        && right.is_integer()
        && let (Some(a), Some(b)) = (left.as_i64(), right.as_i64())
    {
        let result = match operator {
            "+" => a.checked_add(b),
            "-" => a.checked_sub(b),
            "*" => a.checked_mul(b),
            _ => None,
        };
        if let Some(result) = result {
            return Ok(Value::from(result));
        }
    }
    // Nothing else can be taken from a text, or added to it with a difference.
    let may_be_dates =
        operator == "-" || operator == "+" && (left.as_object().is_some() || right.as_object().is_some());
    let dated = |value: Value| match written(&value).filter(|_| may_be_dates) {
        Some(date) => date.value(),
        None => value,
    };
    let (left, right) = (dated(left), dated(right));
    if left.as_object().is_none() && right.as_object().is_none() {
        return plain(operator, left, right);
    }
    if is_unknown(&left) || is_unknown(&right) {
        return Ok(Unknown::value());
    }
    if let Some(result) = dates::operation(operator, &left, &right) {
        return result;
    }
    if operator == "-"
        && let (Some(a), Some(b)) = (left.downcast_object_ref::<MutSet>(), right.downcast_object_ref::<MutSet>())
    {
        return a.without(b);
    }
    let is_list = |value: &Value| value.downcast_object_ref::<MutList>().is_some();
    match operator {
        "+" if is_list(&left) && is_list(&right) => {
            let both = left.try_iter()?.checked().chain(right.try_iter()?.checked());
            made(state, both.collect::<Result<_, _>>()?)
        }
        "*" if is_list(&left) && right.is_integer() => repeated(state, &left, &right),
        "*" if is_list(&right) && left.is_integer() => repeated(state, &right, &left),
        _ => {
            let result = plain(operator, left, right)?;
            if result.is_tuple() {
                meter::tuple(&result)?;
            }
            Ok(result)
        }
    }
}

fn repeated(state: &State, list: &Value, times: &Value) -> Result<Value, Error> {
    let items: Vec<Value> = list.try_iter()?.checked().collect::<Result<_, _>>()?;
    let times = usize::try_from(times.as_i64().unwrap_or_default()).unwrap_or_default();
    if items.len().saturating_mul(times) > MAX_HELD {
        return Err(failed("the list would be too long"));
    }
    made(state, std::iter::repeat_n(items, times).flatten().collect())
}

fn made(state: &State, items: Vec<Value>) -> Result<Value, Error> {
    state.consume_fuel(items.len() as u64 / 16)?;
    meter::spend(items.len() as u64)?;
    if items.len() > MAX_HELD {
        return Err(failed("the list would be too long"));
    }
    Ok(MutList::value(items))
}

/// What minijinja's own operator gives.
fn plain(operator: &str, left: Value, right: Value) -> Result<Value, Error> {
    const OPERATORS: [&str; 5] = ["+", "-", "*", "/", "//"];
    static COMPILED: LazyLock<Vec<Option<Expression<'static, 'static>>>> = LazyLock::new(|| {
        OPERATORS.iter().map(|it| ENGINE.compile_expression_owned(format!("a {it} b")).ok()).collect()
    });
    let at = OPERATORS.iter().position(|it| *it == operator);
    match at.and_then(|at| COMPILED.get(at)).and_then(Option::as_ref) {
        Some(compiled) => compiled.eval(context! { a => left, b => right }),
        None => Err(failed("there is no such operator")),
    }
}

/// `-a`
pub(crate) fn negative(value: Value) -> Result<Value, Error> {
    static COMPILED: LazyLock<Option<Expression<'static, 'static>>> =
        LazyLock::new(|| ENGINE.compile_expression_owned("-a").ok());
    if is_unknown(&value) {
        return Ok(Unknown::value());
    }
    match (dates::negative(&value), &*COMPILED) {
        (Some(negative), _) => Ok(negative),
        (None, Some(compiled)) => compiled.eval(context! { a => value }),
        (None, None) => Err(failed("there is no such operator")),
    }
}
