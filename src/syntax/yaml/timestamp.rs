//! Dates and times in the notation of YAML 1.1.

use std::borrow::Cow;

/// The parts of a timestamp as written, not yet checked against the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp {
    year: u32,
    month: u32,
    day: u32,
    time: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Time {
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
    /// Minutes east of Greenwich.
    offset: Option<i32>,
}

impl Timestamp {
    /// The lenient form an explicit `!!timestamp` accepts (`2001-1-1`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = Cursor(text.as_bytes());
        let year = rest.digits(4, 4)?;
        rest.expect(b'-')?;
        let month = rest.digits(1, 2)?;
        rest.expect(b'-')?;
        let day = rest.digits(1, 2)?;
        let time = if rest.0.is_empty() { None } else { Some(Time::parse(&mut rest)?) };
        rest.0.is_empty().then_some(Self { year, month, day, time })
    }

    /// The form a plain scalar must have: a date alone needs two digits for month and day.
    pub(super) fn parse_implicit(text: &str) -> Option<Self> {
        if text.as_bytes().get(4) != Some(&b'-') {
            return None;
        }
        Self::parse(text).filter(|parts| parts.time.is_some() || text.len() == 10)
    }

    pub(super) fn is_on_the_calendar(&self) -> bool {
        let days = match self.month {
            4 | 6 | 9 | 11 => 30,
            2 if self.is_leap_year() => 29,
            2 => 28,
            1..=12 => 31,
            _ => return false,
        };
        self.year >= 1 && (1..=days).contains(&self.day) && self.time.is_none_or(|time| time.is_on_the_clock())
    }

    fn is_leap_year(&self) -> bool {
        self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400))
    }

    fn text(&self) -> String {
        let mut text = format!("{:04}-{:02}-{:02}", self.year, self.month, self.day);
        if let Some(time) = self.time {
            text.push_str(&time.text());
        }
        text
    }
}

impl Time {
    fn parse(rest: &mut Cursor<'_>) -> Option<Self> {
        if matches!(rest.0.first(), Some(b'T' | b't')) {
            rest.0 = rest.0.get(1..)?;
        } else if rest.blanks() == 0 {
            return None;
        }
        let hour = rest.digits(1, 2)?;
        rest.expect(b':')?;
        let minute = rest.digits(2, 2)?;
        rest.expect(b':')?;
        let second = rest.digits(2, 2)?;
        let micros = rest.fraction();
        let offset = if rest.0.is_empty() { None } else { Some(rest.offset()?) };
        Some(Self { hour, minute, second, micros, offset })
    }

    fn is_on_the_clock(self) -> bool {
        let day = 24 * 60;
        self.hour < 24 && self.minute < 60 && self.second < 60 && self.offset.is_none_or(|offset| offset.abs() < day)
    }

    fn text(self) -> String {
        let mut text = format!(" {:02}:{:02}:{:02}", self.hour, self.minute, self.second);
        if self.micros > 0 {
            text.push_str(&format!(".{:06}", self.micros));
        }
        if let Some(offset) = self.offset {
            let sign = if offset < 0 { '-' } else { '+' };
            text.push_str(&format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60));
        }
        text
    }
}

/// A timestamp as Python's `str()` prints it.
pub(super) fn python_text(text: &str) -> Cow<'_, str> {
    match Timestamp::parse(text) {
        Some(parts) => Cow::Owned(parts.text()),
        None => Cow::Borrowed(text),
    }
}

struct Cursor<'t>(&'t [u8]);

impl Cursor<'_> {
    fn expect(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == byte).then(|| self.0 = rest)
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count).filter(|_| count >= least)?;
        self.0 = rest;
        Some(digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    fn blanks(&mut self) -> usize {
        let count = self.0.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.0 = self.0.get(count..).unwrap_or_default();
        count
    }

    /// Python keeps six digits of a fraction and drops the others.
    fn fraction(&mut self) -> u32 {
        if self.expect(b'.').is_none() {
            return 0;
        }
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        (0..6).fold(0, |value, at| value * 10 + digits.get(at).map_or(0, |digit| u32::from(digit - b'0')))
    }

    fn offset(&mut self) -> Option<i32> {
        self.blanks();
        if self.expect(b'Z').is_some() {
            return Some(0);
        }
        let sign = if self.expect(b'-').is_some() {
            -1
        } else {
            self.expect(b'+')?;
            1
        };
        let hours = self.digits(1, 2)?;
        let minutes = if self.expect(b':').is_some() { self.digits(2, 2)? } else { 0 };
        Some(sign * i32::try_from(hours * 60 + minutes).ok()?)
    }
}
