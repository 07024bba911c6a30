//! The template engine, computing as Python and Jinja2 do.

use crate::{dump, filters, literals, meter, methods};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, escape_formatter};

/// An engine whose templates have so much fuel each. It knows no function but Jinja2's own.
pub fn environment(fuel: u64) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(fuel));
    environment.set_debug(true);
    minijinja_contrib::add_to_environment(&mut environment);
    // Jinja2 has neither.
    environment.remove_filter("zip");
    environment.remove_filter("chain");
    environment.set_unknown_method_callback(methods::unknown);
    environment.set_formatter(|out, state, value| {
        meter::check()?;
        // Python writes very large and very small floats in another way than Rust.
        match f64::try_from(value.clone()).ok().filter(|_| value.is_number() && !value.is_integer()) {
            Some(number) => escape_formatter(out, state, &Value::from(dump::float(number))),
            None => escape_formatter(out, state, value),
        }
    });
    literals::add_to(&mut environment);
    filters::add_to(&mut environment);
    environment
}
