//! What the rewriter puts in place of Python's literals and operators, and `dict`.

use crate::arguments::plain;
use crate::containers::storable;
use crate::dicts::MutDict;
use crate::lists::MutList;
use crate::meter;
use crate::methods::is_too_wide;
use crate::operators;
use crate::rendering::note_unknown;
use harness_syntax::jinja::rewrite::{BIG, DICT, FORMAT, KEEP, LIST, LOOK, MATH, NEGATIVE, PART, TUPLE};
use indexmap::IndexMap;
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function(BIG, |digits: &str| {
        // What is reckoned with it is not known here.
        note_unknown();
        Value::from(digits)
    });
    environment.add_function(LIST, |list: Value| {
        let items: Vec<Value> = list.try_iter()?.checked().map(meter::walked).collect::<Result<_, _>>()?;
        items.iter().try_for_each(|item| storable(item.clone()).map(|_| ()))?;
        Ok::<_, Error>(MutList::value(items))
    });
    environment.add_function(DICT, |dict: Value| {
        let entries = MutDict::of(&dict)?;
        entries.values().try_for_each(|item| storable(item.clone()).map(|_| ()))?;
        Ok::<_, Error>(MutDict::value(entries))
    });
    environment.add_function(KEEP, storable);
    environment.add_function(MATH, operators::row);
    environment.add_function(NEGATIVE, operators::negative);
    environment.add_function("dict", dict);
    environment.add_filter(LOOK, |value: Value| meter::look(&value).map(|()| value));
    environment.add_filter(PART, |value: Value| meter::check().map(|()| value));
    environment.add_filter(TUPLE, |value: Value| meter::tuple(&value).map(|()| value));
    environment.add_filter(FORMAT, |state: &mut State, text: Value, values: Value| {
        let shown = text.to_string();
        meter::spend_format(&shown, std::slice::from_ref(&values))?;
        if is_too_wide(&shown) {
            return Err(Error::new(ErrorKind::InvalidOperation, "the format asks for too wide a text"));
        }
        let mut args = vec![text];
        match values.is_tuple() {
            true => args.extend(values.try_iter()?),
            false => args.push(values),
        }
        state.apply_filter("format", &args)
    });
}

fn dict(Rest(args): Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let mut entries = IndexMap::new();
    for part in &plain(args) {
        entries.extend(MutDict::of_pairs(part)?);
        meter::room(entries.capacity() * meter::ENTRY)?;
    }
    Ok(MutDict::value(entries))
}
