//! `modules.datetime`: a date is a plain number of seconds, so that minijinja's arithmetic works on
//! it; its methods and parts come from here. The clock stands still: the same input gives the same
//! output on each day.

use super::values::{MutList, Unknown};
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};
use minijinja::value::{Kwargs, Object, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::sync::Arc;

/// 2024-01-01 00:00:00 UTC, the time of every run.
pub(super) const NOW: i64 = 1_704_067_200;
const DAY: i64 = 86_400;

fn civil(seconds: &Value) -> Option<DateTime> {
    let seconds = seconds.as_i64().or_else(|| f64::try_from(seconds.clone()).ok().map(|it| it.floor() as i64))?;
    Some(Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).datetime())
}

fn seconds(date: DateTime) -> Option<i64> {
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

pub(super) fn part(value: &Value, name: &str) -> Option<i64> {
    let date = civil(value)?;
    Some(match name {
        "year" => date.year().into(),
        "month" => date.month().into(),
        "day" => date.day().into(),
        "hour" => date.hour().into(),
        "minute" => date.minute().into(),
        "second" => date.second().into(),
        _ => 0,
    })
}

/// The methods of dates and differences, which are numbers here.
pub(super) fn method(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let unknown = || Error::from(ErrorKind::UnknownMethod);
    let date = civil(value).ok_or_else(unknown)?;
    let shown = |format: &str| Value::from(date.strftime(format).to_string());
    Ok(match method {
        "strftime" => {
            let (format,): (&str,) = from_args(args)?;
            let text = jiff::fmt::strtime::format(format, &date.to_zoned(TimeZone::UTC).map_err(|_| unknown())?);
            Value::from(text.unwrap_or_else(|_| Unknown::MARK.to_owned()))
        }
        "isoformat" => shown("%Y-%m-%dT%H:%M:%S"),
        "date" => Value::from(seconds(date).unwrap_or_default().div_euclid(DAY) * DAY),
        "weekday" => Value::from(date.weekday().to_monday_zero_offset()),
        "isoweekday" => Value::from(date.weekday().to_monday_one_offset()),
        "replace" => {
            let (kwargs,): (Kwargs,) = from_args(args)?;
            let mut with = date.with();
            for (name, number) in kwargs.args().filter_map(|name| Some((name, kwargs.peek::<i64>(name).ok()?))) {
                let small = i8::try_from(number).unwrap_or_default();
                with = match name {
                    "year" => with.year(i16::try_from(number).unwrap_or_default()),
                    "month" => with.month(small),
                    "day" => with.day(small),
                    "hour" => with.hour(small),
                    "minute" => with.minute(small),
                    "second" => with.second(small),
                    _ => with,
                };
            }
            Value::from(with.build().ok().and_then(seconds).unwrap_or_default())
        }
        "timestamp" | "total_seconds" | "astimezone" | "utctimetuple" | "timetuple" | "localize" => value.clone(),
        _ => return Err(unknown()),
    })
}

fn from_parts(args: &[Value]) -> Result<Value, Error> {
    let parts = args;
    let number = |at: usize, name: &str| {
        let named = parts.last().and_then(|last| last.get_attr(name).ok());
        parts.get(at).and_then(Value::as_i64).or_else(|| named.and_then(|it| it.as_i64()))
    };
    let small = |at, name, default| i8::try_from(number(at, name).unwrap_or(default)).unwrap_or_default();
    let year = i16::try_from(number(0, "year").unwrap_or(1970)).unwrap_or(1970);
    let date = DateTime::new(
        year,
        small(1, "month", 1),
        small(2, "day", 1),
        small(3, "hour", 0),
        small(4, "minute", 0),
        small(5, "second", 0),
        0,
    );
    let date = date.map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    Ok(Value::from(seconds(date).unwrap_or_default()))
}

fn difference(args: &[Value]) -> Result<Value, Error> {
    let units = [
        ("days", 86_400.0),
        ("seconds", 1.0),
        ("microseconds", 1e-6),
        ("milliseconds", 1e-3),
        ("minutes", 60.0),
        ("hours", 3600.0),
        ("weeks", 604_800.0),
    ];
    let mut total = 0.0;
    for (at, (name, factor)) in units.iter().enumerate() {
        let given = args.get(at).filter(|it| it.is_number()).cloned();
        let given = given.or_else(|| args.last().and_then(|last| last.get_attr(name).ok()));
        total += given.and_then(|it| f64::try_from(it).ok()).unwrap_or_default() * factor;
    }
    Ok(Value::from(total.round() as i64))
}

fn parsed(args: &[Value]) -> Result<Value, Error> {
    let (text, format): (&str, Option<&str>) = from_args(args)?;
    let date = match format {
        Some(format) => jiff::fmt::strtime::parse(format, text)
            .ok()
            .and_then(|it| it.to_datetime().or_else(|_| it.to_date().map(|date| date.at(0, 0, 0, 0))).ok()),
        None => text.parse().ok(),
    };
    match date.and_then(seconds) {
        Some(seconds) => Ok(Value::from(seconds)),
        None => Err(Error::new(ErrorKind::InvalidOperation, format!("`{text}` is no date of that format"))),
    }
}

/// `modules`, `modules.datetime`, `modules.datetime.datetime` and so on, by path.
#[derive(Debug)]
pub(super) struct Module(pub &'static str);

impl Object for Module {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let inner = match (self.0, key.as_str()?) {
            ("modules", "datetime") => "datetime",
            ("modules", "pytz") => "pytz",
            ("modules", "re") => "re",
            ("modules", "itertools") => "itertools",
            ("datetime", "datetime" | "date") => "date",
            ("datetime", "timedelta") => "timedelta",
            ("datetime", "time") => "time",
            ("datetime", "timezone") => "pytz",
            ("date", "min") => return Some(Value::from(0)),
            ("date", "max") => return Some(Value::from(253_402_300_799_i64)),
            _ => return Some(Unknown::value()),
        };
        Some(Value::from_object(Self(inner)))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match self.0 {
            "date" => from_parts(args),
            "timedelta" => difference(args),
            _ => Ok(Unknown::value()),
        }
    }

    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (self.0, method) {
            ("date", "now" | "utcnow" | "today") => Ok(Value::from(NOW)),
            ("date", "strptime" | "fromisoformat") => parsed(args),
            ("date", "fromtimestamp" | "utcfromtimestamp") => Ok(args.first().cloned().unwrap_or_default()),
            ("date", "combine") => Ok(args.first().cloned().unwrap_or_default()),
            ("datetime", "datetime" | "date") => from_parts(args),
            ("datetime", "timedelta") => difference(args),
            ("itertools", "chain") => {
                let mut all = Vec::new();
                for part in args {
                    all.extend(part.try_iter()?);
                }
                Ok(MutList::value(all))
            }
            _ => Value::from_object(Unknown).call(state, args),
        }
    }
}
