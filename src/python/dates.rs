//! Python's dates, times and differences of them. The clock stands still: the same input gives the
//! same output on each day.

use crate::arguments::{Given, as_integer, failed};
use crate::containers::is_within_container;
use crate::date_formats::{format, iso_offset};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use minijinja::value::{DynObject, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

pub(crate) const SECOND: i128 = 1_000_000;
const DAY: i128 = 86_400 * SECOND;
/// Python's own bound.
const MAX_DELTA: i128 = 1_000_000_000 * DAY;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A zone by the name it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    pub name: Arc<str>,
    pub zone: TimeZone,
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self { name: "UTC".into(), zone: TimeZone::UTC }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::utc());
        }
        TimeZone::get(name).ok().map(|zone| Self { name: name.into(), zone })
    }

    pub(crate) fn fixed(seconds: i128) -> Result<Self, Error> {
        let offset = i32::try_from(seconds).ok().and_then(|seconds| Offset::from_seconds(seconds).ok());
        let offset = offset.ok_or_else(|| failed("the offset of a zone is less than a day"))?;
        let name = if seconds == 0 { "UTC".to_owned() } else { format!("UTC{}", iso_offset(seconds)) };
        Ok(Self { name: name.into(), zone: TimeZone::fixed(offset) })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Temporal {
    Date(Date),
    Time(Time),
    DateTime(DateTime, Option<Zone>),
    /// In microseconds.
    Delta(i128),
    Zone(Zone),
}

pub(crate) fn micros_of(at: DateTime) -> i128 {
    let days = i128::from(at.date().since(EPOCH).map(|span| span.get_days()).unwrap_or_default());
    let time = at.time();
    let seconds = i128::from(time.hour()) * 3600 + i128::from(time.minute()) * 60 + i128::from(time.second());
    days * DAY + seconds * SECOND + i128::from(time.subsec_nanosecond() / 1000)
}

pub(crate) fn date_time(micros: i128) -> Result<DateTime, Error> {
    let out_of_range = || failed("the date is out of range");
    let days = i32::try_from(micros.div_euclid(DAY)).map_err(|_| out_of_range())?;
    let rest = micros.rem_euclid(DAY);
    let date = EPOCH.checked_add(jiff::Span::new().try_days(days).map_err(|_| out_of_range())?);
    let date = date.ok().filter(|date| date.year() >= 1).ok_or_else(out_of_range)?;
    let small = |value: i128| i8::try_from(value).unwrap_or_default();
    let seconds = rest / SECOND;
    let nanos = i32::try_from(rest % SECOND * 1000).unwrap_or_default();
    Ok(date.at(small(seconds / 3600), small(seconds / 60 % 60), small(seconds % 60), nanos))
}

impl Temporal {
    pub(crate) fn value(self) -> Value {
        Value::from_object(self)
    }

    pub(crate) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref::<Self>()
    }

    /// The time of every run: 2024-01-01 00:00:00 UTC.
    pub(crate) fn now(zone: Option<Zone>) -> Result<Self, Error> {
        let utc = Date::constant(2024, 1, 1).at(0, 0, 0, 0);
        match zone {
            None => Ok(Self::DateTime(utc, None)),
            Some(zone) => in_zone(micros_of(utc), zone),
        }
    }

    /// What differences and order go by: the time in UTC, where the zone is known.
    fn instant(&self) -> i128 {
        match self {
            Self::Date(date) => micros_of(date.at(0, 0, 0, 0)),
            Self::Time(time) => micros_of(EPOCH.to_datetime(*time)),
            Self::DateTime(at, zone) => micros_of(*at) - zone.as_ref().map_or(0, |zone| offset(zone, *at)) * SECOND,
            Self::Delta(micros) => *micros,
            Self::Zone(_) => 0,
        }
    }

    pub(crate) fn zone(&self) -> Option<&Zone> {
        match self {
            Self::DateTime(_, zone) => zone.as_ref(),
            _ => None,
        }
    }

    /// The civil date and time that the format letters of `strftime` read.
    pub(crate) fn civil(&self) -> Option<DateTime> {
        match self {
            Self::Date(date) => Some(date.at(0, 0, 0, 0)),
            Self::Time(time) => Some(Date::constant(1900, 1, 1).to_datetime(*time)),
            Self::DateTime(at, _) => Some(*at),
            Self::Delta(_) | Self::Zone(_) => None,
        }
    }

    fn part(&self, name: &str) -> Option<Value> {
        if let Self::Delta(micros) = self {
            return Some(match name {
                "days" => whole(micros.div_euclid(DAY)),
                "seconds" => whole(micros.rem_euclid(DAY) / SECOND),
                "microseconds" => whole(micros.rem_euclid(SECOND)),
                _ => return None,
            });
        }
        if let Self::Zone(zone) = self {
            return (name == "zone").then(|| Value::from(&*zone.name));
        }
        let at = self.civil()?;
        let (dated, timed) = (!matches!(self, Self::Time(_)), !matches!(self, Self::Date(_)));
        Some(match name {
            "year" if dated => Value::from(at.year()),
            "month" if dated => Value::from(at.month()),
            "day" if dated => Value::from(at.day()),
            "hour" if timed => Value::from(at.hour()),
            "minute" if timed => Value::from(at.minute()),
            "second" if timed => Value::from(at.second()),
            "microsecond" if timed => Value::from(at.subsec_nanosecond() / 1000),
            "tzinfo" if timed => self.zone().map_or_else(|| Value::from(()), |zone| Self::Zone(zone.clone()).value()),
            "fold" if timed => Value::from(0),
            _ => return None,
        })
    }

    fn isoformat(&self, separator: &str, spec: &str) -> String {
        let at = self.civil().unwrap_or_default();
        let date = at.strftime("%Y-%m-%d").to_string();
        let micros = at.subsec_nanosecond() / 1000;
        let time = match spec {
            "hours" => at.strftime("%H").to_string(),
            "minutes" => at.strftime("%H:%M").to_string(),
            "milliseconds" => format!("{}.{:03}", at.strftime("%H:%M:%S"), micros / 1000),
            "auto" if micros == 0 => at.strftime("%H:%M:%S").to_string(),
            "seconds" => at.strftime("%H:%M:%S").to_string(),
            _ => format!("{}.{micros:06}", at.strftime("%H:%M:%S")),
        };
        match self {
            Self::Date(_) => date,
            Self::Time(_) => time,
            _ => {
                let zone = self.zone().map_or_else(String::new, |zone| iso_offset(offset(zone, at)));
                format!("{date}{separator}{time}{zone}")
            }
        }
    }

    fn written(&self) -> String {
        let at = self.civil().unwrap_or_default();
        let micros = at.subsec_nanosecond() / 1000;
        let tail = match (at.second(), micros) {
            (0, 0) => String::new(),
            (second, 0) => format!(", {second}"),
            (second, micros) => format!(", {second}, {micros}"),
        };
        match self {
            Self::Date(date) => format!("datetime.date({}, {}, {})", date.year(), date.month(), date.day()),
            Self::Time(time) => format!("datetime.time({}, {}{tail})", time.hour(), time.minute()),
            Self::DateTime(_, zone) => {
                let zone = zone.as_ref().map_or_else(String::new, |zone| format!(", tzinfo=<{}>", zone.name));
                let date = format!("{}, {}, {}", at.year(), at.month(), at.day());
                format!("datetime.datetime({date}, {}, {}{tail}{zone})", at.hour(), at.minute())
            }
            Self::Delta(0) => "datetime.timedelta(0)".to_owned(),
            Self::Delta(micros) => {
                let parts = [
                    ("days", micros.div_euclid(DAY)),
                    ("seconds", micros.rem_euclid(DAY) / SECOND),
                    ("microseconds", micros.rem_euclid(SECOND)),
                ];
                let shown = parts.iter().filter(|(_, number)| *number != 0);
                let shown: Vec<String> = shown.map(|(name, number)| format!("{name}={number}")).collect();
                format!("datetime.timedelta({})", shown.join(", "))
            }
            Self::Zone(zone) => format!("<{}>", zone.name),
        }
    }
}

/// The time of every run as a value.
pub fn start() -> Option<Value> {
    Temporal::now(Some(Zone::utc())).ok().map(Temporal::value)
}

/// How many seconds a zone is ahead of UTC at a civil time.
pub(crate) fn offset(zone: &Zone, at: DateTime) -> i128 {
    zone.zone.to_timestamp(at).map_or(0, |timestamp| i128::from(zone.zone.to_offset(timestamp).seconds()))
}

/// The time in a zone that it is then in UTC.
pub(crate) fn in_zone(micros: i128, zone: Zone) -> Result<Temporal, Error> {
    let seconds = i64::try_from(micros.div_euclid(SECOND)).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_second(seconds).map_err(|_| failed("the date is out of range"))?;
    let ahead = i128::from(zone.zone.to_offset(timestamp).seconds());
    Ok(Temporal::DateTime(date_time(micros + ahead * SECOND)?, Some(zone)))
}

fn whole(number: i128) -> Value {
    Value::from(i64::try_from(number).unwrap_or_default())
}

fn delta(micros: i128) -> Result<Temporal, Error> {
    if micros.abs() >= MAX_DELTA {
        return Err(failed("the timedelta is out of range"));
    }
    Ok(Temporal::Delta(micros))
}

fn scaled(micros: i128, factor: f64) -> Result<Temporal, Error> {
    delta((micros as f64 * factor).round_ties_even() as i128)
}

/// What an operation gives where one side is a date or a difference; `None` where Python knows none.
pub(crate) fn operation(operator: &str, left: &Value, right: &Value) -> Option<Result<Value, Error>> {
    use Temporal::{Date, DateTime, Delta};
    let (a, b) = (Temporal::of(left), Temporal::of(right));
    let moved = |at: &Temporal, by: i128| match at {
        Date(date) => {
            Some(date_time(micros_of(date.at(0, 0, 0, 0)) + by.div_euclid(DAY) * DAY).map(|at| Date(at.date())))
        }
        DateTime(at, zone) => Some(date_time(micros_of(*at) + by).map(|at| DateTime(at, zone.clone()))),
        Delta(micros) => Some(delta(micros + by)),
        _ => None,
    };
    let number = |value: &Value| if value.is_number() { f64::try_from(value.clone()).ok() } else { None };
    let result = match (operator, a, b) {
        ("+", Some(at), Some(Delta(by))) | ("+", Some(Delta(by)), Some(at)) => moved(at, *by)?,
        ("-", Some(at), Some(Delta(by))) => moved(at, -by)?,
        ("-", Some(Date(_)), Some(Date(_))) | ("-", Some(DateTime(..)), Some(DateTime(..))) => {
            delta(a?.instant() - b?.instant())
        }
        ("*", Some(Delta(micros)), None) => match right.as_i64() {
            Some(factor) if right.is_integer() => delta(micros.saturating_mul(factor.into())),
            _ => scaled(*micros, number(right)?),
        },
        ("*", None, Some(Delta(_))) => return operation("*", right, left),
        ("/" | "//", Some(Delta(_)), Some(Delta(0))) => Err(failed("division by zero")),
        ("/", Some(Delta(a)), Some(Delta(b))) => return Some(Ok(Value::from(*a as f64 / *b as f64))),
        ("//", Some(Delta(a)), Some(Delta(b))) => return Some(Ok(whole(a.div_euclid(*b)))),
        ("/", Some(Delta(micros)), None) => match number(right)? {
            0.0 => Err(failed("division by zero")),
            divisor => scaled(*micros, 1.0 / divisor),
        },
        ("//", Some(Delta(micros)), None) => match as_integer(right).ok()? {
            0 => Err(failed("division by zero")),
            divisor => delta(micros.div_euclid(divisor.into())),
        },
        _ => return None,
    };
    Some(result.map(Temporal::value))
}

/// `-difference`
pub(crate) fn negative(value: &Value) -> Option<Value> {
    match Temporal::of(value)? {
        Temporal::Delta(micros) => Some(Temporal::Delta(-micros).value()),
        _ => None,
    }
}

fn timetuple(at: DateTime) -> Value {
    let parts = [
        i64::from(at.year()),
        at.month().into(),
        at.day().into(),
        at.hour().into(),
        at.minute().into(),
        at.second().into(),
        at.weekday().to_monday_zero_offset().into(),
        at.date().day_of_year().into(),
        -1,
    ];
    Value::from(Tuple::from(parts.map(Value::from).to_vec()))
}

/// `isocalendar()`: a tuple whose parts have names.
#[derive(Debug)]
struct IsoCalendar([i64; 3]);

impl Object for IsoCalendar {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = match key.as_str() {
            Some("year") => 0,
            Some("week") => 1,
            Some("weekday") => 2,
            Some(_) => return None,
            None => usize::try_from(key.as_i64().map(|at| if at < 0 { at + 3 } else { at })?).ok()?,
        };
        self.0.get(at).copied().map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> minijinja::value::Enumerator {
        minijinja::value::Enumerator::Seq(3)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, week, weekday] = self.0;
        write!(f, "datetime.IsoCalendarDate(year={year}, week={week}, weekday={weekday})")
    }
}

impl Object for Temporal {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.part(key.as_str()?)
    }

    fn is_true(self: &Arc<Self>) -> bool {
        **self != Self::Delta(0)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        let rank = |value: &Self| match value {
            Self::Date(_) => 0,
            Self::DateTime(..) => 1,
            Self::Time(_) => 2,
            Self::Delta(_) => 3,
            Self::Zone(_) => 4,
        };
        if let (Self::Zone(a), Self::Zone(b)) = (&**self, other) {
            return Some(a.name.cmp(&b.name));
        }
        Some(rank(self).cmp(&rank(other)).then_with(|| self.instant().cmp(&other.instant())))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match &**self {
            Self::Delta(micros) => match method {
                "total_seconds" => Ok(Value::from(*micros as f64 / SECOND as f64)),
                _ => Err(Error::from(ErrorKind::UnknownMethod)),
            },
            Self::Zone(zone) => zone_method(zone, method, args),
            _ => self.date_method(method, args),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_within_container() {
            return f.write_str(&self.written());
        }
        match &**self {
            Self::Delta(micros) => {
                let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
                if days != 0 {
                    write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
                }
                let seconds = rest / SECOND;
                write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
                if rest % SECOND == 0 { Ok(()) } else { write!(f, ".{:06}", rest % SECOND) }
            }
            Self::Zone(zone) => f.write_str(&zone.name),
            _ => f.write_str(&self.isoformat(" ", "auto")),
        }
    }
}

fn zone_method(zone: &Zone, method: &str, args: &[Value]) -> Result<Value, Error> {
    let given = Given::of(args);
    let at = || match given.some(0, "dt").as_ref().and_then(Temporal::of) {
        Some(Temporal::DateTime(at, zone)) => Ok((*at, zone.clone())),
        _ => Err(failed(&format!("{method} takes a datetime"))),
    };
    Ok(match method {
        "localize" => Temporal::DateTime(at()?.0, Some(zone.clone())).value(),
        "normalize" => {
            let (at, own) = at()?;
            in_zone(Temporal::DateTime(at, own).instant(), zone.clone())?.value()
        }
        "utcoffset" => delta(offset(zone, at()?.0) * SECOND)?.value(),
        "tzname" => Value::from(format(&Temporal::DateTime(at()?.0, Some(zone.clone())), "%Z")?),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

impl Temporal {
    fn date_method(&self, method: &str, args: &[Value]) -> Result<Value, Error> {
        let given = Given::of(args);
        let at = self.civil().unwrap_or_default();
        let timed = matches!(self, Self::DateTime(..));
        let none = || Value::from(());
        match method {
            "strftime" | "__format__" => {
                let pattern = given.required(0, "format")?;
                return format(self, pattern.as_str().unwrap_or_default()).map(Value::from);
            }
            "isoformat" => {
                let text = |value: Option<Value>, default: &str| {
                    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| default.to_owned())
                };
                let time_at = usize::from(timed);
                let separator = if timed { text(given.some(0, "sep"), "T") } else { "T".to_owned() };
                return Ok(Value::from(self.isoformat(&separator, &text(given.some(time_at, "timespec"), "auto"))));
            }
            "replace" => return self.replaced(&given),
            "__str__" => return Ok(Value::from(self.isoformat(" ", "auto"))),
            _ if matches!(self, Self::Time(_)) => return Err(Error::from(ErrorKind::UnknownMethod)),
            _ => {}
        }
        Ok(match method {
            "weekday" => Value::from(at.weekday().to_monday_zero_offset()),
            "isoweekday" => Value::from(at.weekday().to_monday_one_offset()),
            "isocalendar" => {
                let week = at.date().iso_week_date();
                let parts = [week.year().into(), week.week().into(), week.weekday().to_monday_one_offset().into()];
                Value::from_object(IsoCalendar(parts))
            }
            "toordinal" => whole(micros_of(at).div_euclid(DAY) + 719_163),
            "timetuple" => timetuple(at),
            "ctime" => Value::from(format(self, "%a %b %e %H:%M:%S %Y")?),
            "date" if timed => Self::Date(at.date()).value(),
            "time" | "timetz" if timed => Self::Time(at.time()).value(),
            "utctimetuple" if timed => timetuple(date_time(self.instant())?),
            "timestamp" if timed => Value::from(self.instant() as f64 / SECOND as f64),
            "astimezone" if timed => {
                let zone = match given.some(0, "tz").as_ref().and_then(Self::of) {
                    Some(Self::Zone(zone)) => zone.clone(),
                    _ => Zone::utc(),
                };
                in_zone(self.instant(), zone)?.value()
            }
            "utcoffset" if timed => match self.zone() {
                Some(zone) => delta(offset(zone, at) * SECOND)?.value(),
                None => none(),
            },
            "tzname" if timed => match self.zone() {
                Some(_) => Value::from(format(self, "%Z")?),
                None => none(),
            },
            "dst" if timed => match self.zone() {
                Some(zone) => {
                    let summer = zone.zone.to_timestamp(at).is_ok_and(|at| zone.zone.to_offset_info(at).dst().is_dst());
                    Self::Delta(if summer { 3600 * SECOND } else { 0 }).value()
                }
                None => none(),
            },
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn replaced(&self, given: &Given<'_>) -> Result<Value, Error> {
        let at = self.civil().unwrap_or_default();
        let names: &[&str] = match self {
            Self::Time(_) => &["hour", "minute", "second", "microsecond"],
            _ => &["year", "month", "day", "hour", "minute", "second", "microsecond"],
        };
        let mut parts = parts_of(at);
        let skipped = 7 - names.len();
        for (at, name) in names.iter().enumerate() {
            if let Some(number) = given.integer(at, name)? {
                parts[at + skipped] = number;
            }
        }
        let at = built(parts)?;
        Ok(match self {
            Self::Date(_) => Self::Date(at.date()),
            Self::Time(_) => Self::Time(at.time()),
            _ => {
                let zone = match given.get(7, "tzinfo") {
                    Some(zone) => zone_of(&zone),
                    None => self.zone().cloned(),
                };
                Self::DateTime(at, zone)
            }
        }
        .value())
    }
}

/// Year, month, day, hour, minute, second, microsecond.
pub(crate) fn parts_of(at: DateTime) -> [i64; 7] {
    [
        at.year().into(),
        at.month().into(),
        at.day().into(),
        at.hour().into(),
        at.minute().into(),
        at.second().into(),
        (at.subsec_nanosecond() / 1000).into(),
    ]
}

pub(crate) fn built(parts: [i64; 7]) -> Result<DateTime, Error> {
    let [year, month, day, hour, minute, second, micro] = parts;
    let small = |value: i64| i8::try_from(value).unwrap_or(-1);
    let year = i16::try_from(year).ok().filter(|year| (1..=9999).contains(year));
    let year = year.ok_or_else(|| failed("the year of a date is between 1 and 9999"))?;
    let nanos =
        i32::try_from(micro).ok().filter(|micro| (0..1_000_000).contains(micro)).map_or(-1, |micro| micro * 1000);
    DateTime::new(year, small(month), small(day), small(hour), small(minute), small(second), nanos)
        .map_err(|error| failed(&error.to_string()))
}

pub(crate) fn zone_of(value: &Value) -> Option<Zone> {
    match Temporal::of(value)? {
        Temporal::Zone(zone) => Some(zone.clone()),
        _ => None,
    }
}

/// `timedelta(days=1, hours=2)`
pub(crate) fn timedelta(args: &[Value]) -> Result<Value, Error> {
    const UNITS: [(&str, i128); 7] = [
        ("days", DAY),
        ("seconds", SECOND),
        ("microseconds", 1),
        ("milliseconds", 1000),
        ("minutes", 60 * SECOND),
        ("hours", 3600 * SECOND),
        ("weeks", 7 * DAY),
    ];
    let given = Given::of(args);
    let mut total = 0i128;
    for (at, (name, unit)) in UNITS.into_iter().enumerate() {
        let Some(number) = given.get(at, name).filter(|number| !number.is_undefined()) else { continue };
        total = total.saturating_add(match number.as_i64() {
            Some(number_of) if number.is_integer() => unit.saturating_mul(number_of.into()),
            _ if number.is_number() => {
                (f64::try_from(number).unwrap_or_default() * unit as f64).round_ties_even() as i128
            }
            _ => return Err(failed(&format!("{name} of a timedelta is a number"))),
        });
    }
    delta(total).map(Temporal::value)
}
