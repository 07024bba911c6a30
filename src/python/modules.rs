//! `modules`: the parts of Python's standard library, and pytz, that templates are given.

use crate::arguments::{Given, failed};
use crate::date_formats::{parse, parse_iso};
use crate::dates::{SECOND, Temporal, Zone, built, date_time, in_zone, micros_of, timedelta, zone_of};
use crate::unknown::Unknown;
use crate::{itertools, re};
use jiff::civil::{Date, DateTime};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};
use std::fmt;
use std::sync::Arc;

/// `modules`, `modules.datetime`, `modules.datetime.datetime` and so on: by the Python name.
#[derive(Debug)]
pub(crate) struct Module(pub &'static str);

/// `modules` itself.
pub fn modules() -> Value {
    Value::from_object(Module("modules"))
}

/// The functions and classes of each module, by the module's name.
const MEMBERS: [(&str, &[&str]); 4] = [
    ("modules", &["datetime", "pytz", "re", "itertools"]),
    (
        "datetime",
        &[
            "datetime.date",
            "datetime.datetime",
            "datetime.time",
            "datetime.timedelta",
            "datetime.timezone",
            "datetime.tzinfo",
        ],
    ),
    ("re", &re::FUNCTIONS),
    ("itertools", &itertools::FUNCTIONS),
];

impl Object for Module {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(value) = constant(self.0, name) {
            return Some(value);
        }
        let members = MEMBERS.iter().find(|(module, _)| *module == self.0).map(|(_, members)| *members);
        let is_it = |member: &&&'static str| member.rsplit('.').next() == Some(name);
        Some(match members.unwrap_or_default().iter().find(is_it) {
            Some(member) => Value::from_object(Self(member)),
            None => Unknown::value(),
        })
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if let Some((module, function)) = self.0.split_once('.') {
            return match module {
                "re" => re::call(state, function, args),
                "itertools" => itertools::call(state, function, args),
                _ => construct(function, args),
            };
        }
        Ok(Unknown::value())
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match self.0 {
            "datetime" => construct(method, args),
            "datetime.date" | "datetime.datetime" | "datetime.time" => class_method(self.0, method, args),
            "pytz" if method == "timezone" => timezone(args),
            "pytz" if method == "FixedOffset" => {
                let minutes = Given::of(args).integer(0, "offset")?.unwrap_or_default();
                Ok(Temporal::Zone(Zone::fixed(i128::from(minutes) * 60)?).value())
            }
            "re" => re::call(state, method, args),
            "itertools" => itertools::call(state, method, args),
            "itertools.chain" if method == "from_iterable" => itertools::call(state, "chain.from_iterable", args),
            _ => Ok(Unknown::value()),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<module '{}'>", self.0)
    }
}

fn constant(module: &str, name: &str) -> Option<Value> {
    let at = |parts| built(parts).ok();
    let (first, last) = (at([1, 1, 1, 0, 0, 0, 0])?, at([9999, 12, 31, 23, 59, 59, 999_999])?);
    Some(match (module, name) {
        ("re", _) => return re::flag(name).map(Value::from),
        ("pytz", "utc" | "UTC") | ("datetime.timezone", "utc") | ("datetime", "UTC") => {
            Temporal::Zone(Zone::utc()).value()
        }
        ("datetime.date", "min") => Temporal::Date(first.date()).value(),
        ("datetime.date", "max") => Temporal::Date(last.date()).value(),
        ("datetime.datetime", "min") => Temporal::DateTime(first, None).value(),
        ("datetime.datetime", "max") => Temporal::DateTime(last, None).value(),
        ("datetime.time", "min") => Temporal::Time(first.time()).value(),
        ("datetime.time", "max") => Temporal::Time(last.time()).value(),
        ("datetime", "MINYEAR") => Value::from(1),
        ("datetime", "MAXYEAR") => Value::from(9999),
        _ => return None,
    })
}

fn timezone(args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    if given.has_unknown() {
        return Ok(Unknown::value());
    }
    let name = given.required(0, "zone")?.to_string();
    match Zone::named(&name) {
        Some(zone) => Ok(Temporal::Zone(zone).value()),
        None => Err(failed(&format!("pytz knows no time zone `{name}`"))),
    }
}

/// `datetime.date(2024, 1, 1)` and the like.
fn construct(class: &str, args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    if given.has_unknown() {
        return Ok(Unknown::value());
    }
    const NAMES: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
    let parts = |names: &[&str], skipped: usize, mut parts: [i64; 7]| -> Result<DateTime, Error> {
        for (at, name) in names.iter().enumerate() {
            match given.integer(at, name)? {
                Some(number) => parts[at + skipped] = number,
                None if at < 3 && skipped == 0 => return Err(failed(&format!("a date needs its {name}"))),
                None => {}
            }
        }
        built(parts)
    };
    let zeros = [1, 1, 1, 0, 0, 0, 0];
    Ok(match class {
        "date" => Temporal::Date(parts(&NAMES[..3], 0, zeros)?.date()).value(),
        "time" => Temporal::Time(parts(&NAMES[3..], 3, zeros)?.time()).value(),
        "datetime" => {
            let zone = given.some(7, "tzinfo").as_ref().and_then(zone_of);
            Temporal::DateTime(parts(&NAMES, 0, zeros)?, zone).value()
        }
        "timedelta" => return timedelta(args),
        "timezone" => match given.required(0, "offset").ok().as_ref().and_then(Temporal::of) {
            Some(Temporal::Delta(micros)) => Temporal::Zone(Zone::fixed(micros / SECOND)?).value(),
            _ => return Err(failed("a timezone takes a timedelta")),
        },
        _ => Unknown::value(),
    })
}

fn class_method(class: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    if given.has_unknown() {
        return Ok(Unknown::value());
    }
    let dates_only = class == "datetime.date";
    // What is made by the class `date` has no time.
    let made = |value: Temporal| match (dates_only, value.civil()) {
        (true, Some(at)) => Temporal::Date(at.date()).value(),
        _ => value.value(),
    };
    let zone = |at, name| given.some(at, name).as_ref().and_then(zone_of);
    let text = |at, name| Ok::<_, Error>(given.required(at, name)?.to_string());
    Ok(match method {
        "now" => made(Temporal::now(zone(0, "tz"))?),
        "today" | "utcnow" => made(Temporal::now(None)?),
        "strptime" => made(parse(&text(0, "date_string")?, &text(1, "format")?)?),
        "fromisoformat" if class == "datetime.time" => {
            let at = parse_iso(&format!("1900-01-01T{}", text(0, "time_string")?))?;
            Temporal::Time(at.civil().unwrap_or_default().time()).value()
        }
        "fromisoformat" => made(parse_iso(&text(0, "date_string")?)?),
        "fromtimestamp" | "utcfromtimestamp" => {
            let seconds = given.required(0, "timestamp")?;
            let micros = match seconds.as_i64().filter(|_| seconds.is_integer()) {
                Some(seconds) => i128::from(seconds) * SECOND,
                None => (f64::try_from(seconds)? * SECOND as f64).round_ties_even() as i128,
            };
            match zone(1, "tz") {
                Some(zone) => made(in_zone(micros, zone)?),
                None => made(Temporal::DateTime(date_time(micros)?, None)),
            }
        }
        "fromordinal" => {
            let days = given.integer(0, "ordinal")?.unwrap_or_default();
            made(Temporal::DateTime(date_time((i128::from(days) - 719_163) * 86_400 * SECOND)?, None))
        }
        "fromisocalendar" => {
            let number = |at, name| given.integer(at, name).map(Option::unwrap_or_default);
            let (year, week, day) = (number(0, "year")?, number(1, "week")?, number(2, "day")?);
            let fourth =
                Date::new(i16::try_from(year).unwrap_or_default(), 1, 4).map_err(|it| failed(&it.to_string()))?;
            let first = micros_of(fourth.at(0, 0, 0, 0))
                - i128::from(fourth.weekday().to_monday_zero_offset()) * 86_400 * SECOND;
            let days = i128::from(week.clamp(1, 53) - 1) * 7 + i128::from(day.clamp(1, 7) - 1);
            made(Temporal::DateTime(date_time(first + days * 86_400 * SECOND)?, None))
        }
        "combine" => {
            let (date, time) = (given.required(0, "date")?, given.required(1, "time")?);
            match (Temporal::of(&date).and_then(Temporal::civil), Temporal::of(&time)) {
                (Some(date), Some(Temporal::Time(time))) => {
                    Temporal::DateTime(date.date().to_datetime(*time), zone(2, "tzinfo")).value()
                }
                _ => return Err(failed("combine takes a date and a time")),
            }
        }
        // The methods of a value, called as the class's own: `datetime.date.strftime(d, '%Y')`.
        _ => return Ok(Unknown::value()),
    })
}
