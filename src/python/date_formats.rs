//! Dates as texts: Python's `strftime`, `strptime` and ISO 8601.

use crate::arguments::failed;
use crate::dates::{SECOND, Temporal, Zone, built, offset};
use jiff::civil::{Date, DateTime};
use minijinja::{Error, Value};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `+02:00`, and seconds where there are some.
pub(crate) fn iso_offset(seconds: i128) -> String {
    let (sign, ahead) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let rest = if ahead % 60 == 0 { String::new() } else { format!(":{:02}", ahead % 60) };
    format!("{sign}{:02}:{:02}{rest}", ahead / 3600, ahead / 60 % 60)
}

/// A format of `strftime` for each letter that stands for several.
fn expansion(letter: char) -> Option<&'static str> {
    Some(match letter {
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'T' | 'X' => "%H:%M:%S",
        'F' => "%Y-%m-%d",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        _ => return None,
    })
}

pub(crate) fn format(value: &Temporal, pattern: &str) -> Result<String, Error> {
    let at = value.civil().unwrap_or_default();
    let mut out = String::new();
    write(value, at, pattern, &mut out);
    Ok(out)
}

fn write(value: &Temporal, at: DateTime, pattern: &str, out: &mut String) {
    let mut letters = pattern.chars();
    while let Some(character) = letters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let Some(mut letter) = letters.next() else {
            out.push('%');
            break;
        };
        let flag = Some(letter).filter(|letter| matches!(letter, '-' | '_' | '0' | '^'));
        if let Some(flag) = flag {
            match letters.next() {
                Some(next) => letter = next,
                None => {
                    out.extend(['%', flag]);
                    break;
                }
            }
        }
        if let Some(longer) = expansion(letter) {
            write(value, at, longer, out);
            continue;
        }
        let shown = shown(value, at, letter).unwrap_or_else(|| format!("%{letter}"));
        match flag {
            Some('-') => {
                let trimmed = shown.trim_start_matches(['0', ' ']);
                out.push_str(if trimmed.is_empty() && !shown.is_empty() { "0" } else { trimmed });
            }
            Some('_') => {
                let zeros = shown.len() - shown.trim_start_matches('0').len();
                let zeros = zeros.min(shown.len().saturating_sub(1));
                out.push_str(&" ".repeat(zeros));
                out.push_str(&shown[zeros..]);
            }
            Some('^') => out.push_str(&shown.to_uppercase()),
            _ => out.push_str(&shown),
        }
    }
}

fn shown(value: &Temporal, at: DateTime, letter: char) -> Option<String> {
    let weekday = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default();
    let month = usize::try_from(at.month() - 1).unwrap_or_default();
    let hour = (at.hour() + 11) % 12 + 1;
    let day_of_year = i32::from(at.date().day_of_year());
    let since_sunday = i32::from(at.weekday().to_sunday_zero_offset());
    let since_monday = i32::from(at.weekday().to_monday_zero_offset());
    let week = at.date().iso_week_date();
    Some(match letter {
        'a' => DAYS.get(weekday)?[..3].to_owned(),
        'A' => (*DAYS.get(weekday)?).to_owned(),
        'b' | 'h' => MONTHS.get(month)?[..3].to_owned(),
        'B' => (*MONTHS.get(month)?).to_owned(),
        'd' => format!("{:02}", at.day()),
        'e' => format!("{:2}", at.day()),
        'm' => format!("{:02}", at.month()),
        'y' => format!("{:02}", at.year() % 100),
        'Y' => at.year().to_string(),
        'C' => format!("{:02}", at.year() / 100),
        'H' => format!("{:02}", at.hour()),
        'I' => format!("{hour:02}"),
        'k' => format!("{:2}", at.hour()),
        'l' => format!("{hour:2}"),
        'M' => format!("{:02}", at.minute()),
        'S' => format!("{:02}", at.second()),
        'p' => (if at.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        'P' => (if at.hour() < 12 { "am" } else { "pm" }).to_owned(),
        'f' => format!("{:06}", at.subsec_nanosecond() / 1000),
        'j' => format!("{day_of_year:03}"),
        'U' => format!("{:02}", (day_of_year + 6 - since_sunday) / 7),
        'W' => format!("{:02}", (day_of_year + 6 - since_monday) / 7),
        'w' => since_sunday.to_string(),
        'u' => (since_monday + 1).to_string(),
        'G' => week.year().to_string(),
        'g' => format!("{:02}", week.year() % 100),
        'V' => format!("{:02}", week.week()),
        's' => (crate::dates::micros_of(at) / SECOND).to_string(),
        'z' => value.zone().map_or_else(String::new, |zone| iso_offset(offset(zone, at)).replace(':', "")),
        'Z' => value.zone().map_or_else(String::new, |zone| abbreviation(zone, at)),
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        '%' => "%".to_owned(),
        _ => return None,
    })
}

fn abbreviation(zone: &Zone, at: DateTime) -> String {
    // A fixed zone has no letters of its own.
    if zone.name.starts_with("UTC") {
        return zone.name.to_string();
    }
    let timestamp = zone.zone.to_timestamp(at).unwrap_or_default();
    zone.zone.to_offset_info(timestamp).abbreviation().to_owned()
}

/// What a text has of a date and time; the rest is 1900-01-01 00:00:00, as in Python.
struct Reading<'text> {
    rest: &'text str,
    parts: [i64; 7],
    afternoon: Option<bool>,
    day_of_year: Option<i64>,
    zone: Option<Zone>,
}

pub(crate) fn parse(text: &str, pattern: &str) -> Result<Temporal, Error> {
    let mismatch = || failed(&format!("time data '{text}' does not match format '{pattern}'"));
    let mut reading =
        Reading { rest: text, parts: [1900, 1, 1, 0, 0, 0, 0], afternoon: None, day_of_year: None, zone: None };
    reading.pattern(pattern, 0).ok_or_else(mismatch)?;
    if !reading.rest.is_empty() {
        return Err(failed(&format!("unconverted data remains: {}", reading.rest)));
    }
    if let Some(afternoon) = reading.afternoon {
        reading.parts[3] = reading.parts[3] % 12 + if afternoon { 12 } else { 0 };
    }
    let mut at = built(reading.parts)?;
    if let Some(day) = reading.day_of_year {
        let date = Date::new(at.year(), 1, 1)
            .and_then(|first| first.with().day_of_year(i16::try_from(day).unwrap_or_default()).build());
        at = date.map_err(|_| mismatch())?.to_datetime(at.time());
    }
    Ok(Temporal::DateTime(at, reading.zone))
}

impl Reading<'_> {
    fn pattern(&mut self, pattern: &str, depth: u32) -> Option<()> {
        let mut letters = pattern.chars();
        while let Some(character) = letters.next() {
            if character.is_whitespace() {
                let trimmed = self.rest.trim_start();
                if trimmed.len() == self.rest.len() && !self.rest.is_empty() {
                    return None;
                }
                self.rest = trimmed;
            } else if character != '%' {
                self.rest = self.rest.strip_prefix(character).or_else(|| {
                    let lower: String = character.to_lowercase().collect();
                    let first = self.rest.chars().next()?;
                    (first.to_lowercase().collect::<String>() == lower).then(|| &self.rest[first.len_utf8()..])
                })?;
            } else {
                let mut letter = letters.next()?;
                if letter == '-' {
                    letter = letters.next()?;
                }
                match expansion(letter).filter(|_| depth == 0) {
                    Some(longer) => self.pattern(longer, depth + 1)?,
                    None => self.directive(letter)?,
                }
            }
        }
        Some(())
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let length = self.rest.bytes().take(digits).take_while(u8::is_ascii_digit).count();
        let number = self.rest.get(..length)?.parse().ok()?;
        self.rest = &self.rest[length..];
        Some(number)
    }

    fn word(&mut self, words: &[&str]) -> Option<i64> {
        let matches = |word: &str| self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let at = words.iter().position(|word| matches(word))?;
        self.rest = &self.rest[words[at].len()..];
        i64::try_from(at).ok()
    }

    fn directive(&mut self, letter: char) -> Option<()> {
        let within = |number: i64, low: i64, high: i64| (low..=high).contains(&number).then_some(number);
        match letter {
            'Y' => {
                let digits = self.rest.len();
                self.parts[0] = self.number(4)?;
                (digits - self.rest.len() == 4).then_some(())?;
            }
            'y' => {
                let year = self.number(2)?;
                self.parts[0] = if year < 69 { 2000 + year } else { 1900 + year };
            }
            'm' => self.parts[1] = self.number(2).and_then(|it| within(it, 1, 12))?,
            'd' | 'e' => self.parts[2] = self.number(2).and_then(|it| within(it, 1, 31))?,
            'H' => self.parts[3] = self.number(2).and_then(|it| within(it, 0, 23))?,
            'I' => {
                self.parts[3] = self.number(2).and_then(|it| within(it, 1, 12))?;
                self.afternoon.get_or_insert(false);
            }
            'M' => self.parts[4] = self.number(2).and_then(|it| within(it, 0, 59))?,
            'S' => self.parts[5] = self.number(2).and_then(|it| within(it, 0, 61))?.min(59),
            'f' => {
                let before = self.rest.len();
                let number = self.number(6)?;
                let digits = u32::try_from(before - self.rest.len()).ok()?;
                self.parts[6] = number * 10i64.pow(6 - digits.min(6));
            }
            'j' => self.day_of_year = Some(self.number(3)?),
            'p' => self.afternoon = Some(self.word(&["am", "pm"])? == 1),
            'b' | 'h' | 'B' => {
                let short = MONTHS.map(|month| &month[..3]);
                self.parts[1] = self.word(&MONTHS).or_else(|| self.word(&short))? + 1;
            }
            'a' | 'A' => {
                let short = DAYS.map(|day| &day[..3]);
                self.word(&DAYS).or_else(|| self.word(&short))?;
            }
            'U' | 'W' | 'w' | 'u' => {
                self.number(2)?;
            }
            'z' => self.zone = Some(self.offset()?),
            'Z' => {
                self.word(&["UTC", "GMT"])?;
            }
            '%' => self.rest = self.rest.strip_prefix('%')?,
            _ => return None,
        }
        Some(())
    }

    /// `Z`, `+0200` or `+02:00`
    fn offset(&mut self) -> Option<Zone> {
        if let Some(rest) = self.rest.strip_prefix(['Z', 'z']) {
            self.rest = rest;
            return Some(Zone::utc());
        }
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let hours = self.number(2)?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let minutes = self.number(2).unwrap_or_default();
        Zone::fixed(i128::from(sign * (hours * 3600 + minutes * 60))).ok()
    }
}

/// `fromisoformat`: a date, and a time behind it where there is one.
pub(crate) fn parse_iso(text: &str) -> Result<Temporal, Error> {
    let refused = || failed(&format!("Invalid isoformat string: '{text}'"));
    let mut reading =
        Reading { rest: text, parts: [1900, 1, 1, 0, 0, 0, 0], afternoon: None, day_of_year: None, zone: None };
    let dashed = text.as_bytes().get(4) == Some(&b'-');
    reading.pattern(if dashed { "%Y-%m-%d" } else { "%Y%m%d" }, 0).ok_or_else(refused)?;
    if !reading.rest.is_empty() {
        let separator = reading.rest.chars().next().map_or(0, char::len_utf8);
        reading.rest = &reading.rest[separator..];
        iso_time(&mut reading).ok_or_else(refused)?;
    }
    match reading.rest {
        "" => Ok(Temporal::DateTime(built(reading.parts)?, reading.zone)),
        _ => Err(refused()),
    }
}

/// The date that a text of YAML is: there it is no text but one of Python's dates.
pub(crate) fn written(value: &Value) -> Option<Temporal> {
    let text = value.as_str().filter(|text| text.len() >= 10 && text.as_bytes().get(4) == Some(&b'-'))?;
    match parse_iso(text).ok()? {
        Temporal::DateTime(at, None) if text.len() == 10 => Some(Temporal::Date(at.date())),
        other => Some(other),
    }
}

fn iso_time(reading: &mut Reading<'_>) -> Option<()> {
    reading.directive('H')?;
    for letter in ['M', 'S'] {
        let rest = reading.rest.strip_prefix(':').unwrap_or(reading.rest);
        if !rest.starts_with(|next: char| next.is_ascii_digit()) {
            break;
        }
        reading.rest = rest;
        reading.directive(letter)?;
    }
    if let Some(rest) = reading.rest.strip_prefix(['.', ',']) {
        reading.rest = rest;
        reading.directive('f')?;
        reading.rest = reading.rest.trim_start_matches(|next: char| next.is_ascii_digit());
    }
    if !reading.rest.is_empty() {
        reading.directive('z')?;
    }
    Some(())
}
