//! Dates and lengths of time, as a map writes them.

use serde::{Serialize, Serializer};
use toml::value::{Datetime, Offset};

use crate::calendar::{Calendar, DAY_US, EARLIEST_US, LATEST_US, Zone, day_of};

/// No length is more than a thousand years, so that times and lengths add up within 64 bits.
const LONGEST_US: i64 = 1_000 * 366 * DAY_US;

/// An instant, once a zone is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    /// As written: a Gregorian date or time of ISO 8601, or a Jalali date.
    text: String,
    us: i64,
    is_utc: bool,
}

impl Moment {
    /// The instant, µs UTC.
    pub(super) fn instant(&self, zone: &Zone) -> i64 {
        if self.is_utc { self.us } else { zone.from_local_us(self.us) }
    }

    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.us < other.us
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// A date or time of TOML, which is Gregorian.
    pub(super) fn gregorian(written: &Datetime) -> Result<Self, String> {
        let Some(date) = written.date else {
            return Err(format!("{written} has no date; expected one such as 2026-03-21"));
        };
        if (1200..1700).contains(&date.year) {
            return Err(format!(
                "{written} lies outside 1900 to 2199; a Jalali date is written in quotes, as \"{:04}-{:02}-{:02}\"",
                date.year, date.month, date.day
            ));
        }
        let day = day_of(Calendar::Gregorian, i32::from(date.year), date.month, date.day)
            .ok_or_else(|| format!("{written} is no date of the Gregorian calendar"))?;
        let clock = written.time.map_or(0, |time| {
            let seconds =
                (i64::from(time.hour) * 60 + i64::from(time.minute)) * 60 + i64::from(time.second.unwrap_or(0));
            seconds * 1_000_000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000)
        });
        let offset_us = match written.offset {
            Some(Offset::Custom { minutes }) => i64::from(minutes) * 60_000_000,
            Some(Offset::Z) | None => 0,
        };
        let us = i64::from(day) * DAY_US + clock - offset_us;
        if !(EARLIEST_US..LATEST_US).contains(&us) {
            return Err(format!("{written} lies outside 1900 to 2199"));
        }
        Ok(Self { text: written.to_string(), us, is_utc: written.offset.is_some() })
    }

    /// A date in quotes, which is Jalali: year, month and day with hyphens or slashes, in digits of any script of Iran.
    pub(super) fn jalali(written: &str) -> Result<Self, String> {
        let expected = "expected a Jalali date such as \"1405-01-31\" (Gregorian dates are written without quotes)";
        let ascii: String = written.trim().chars().map(ascii_digit).collect();
        let mark = if ascii.contains('/') { '/' } else { '-' };
        let parts: Vec<&str> = ascii.split(mark).collect();
        let number = |text: &str, most: usize| {
            let plain = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<i32>().ok()).flatten()
        };
        let read = match parts.as_slice() {
            [year, month, day] => (number(year, 4), number(month, 2), number(day, 2)),
            _ => (None, None, None),
        };
        let (Some(year), Some(month), Some(day)) = read else {
            return Err(format!("\"{written}\" is no date; {expected}"));
        };
        let found = day_of(Calendar::Jalali, year, month as u8, day as u8);
        let us = found.map(|day| i64::from(day) * DAY_US).ok_or_else(|| {
            let reason = match (year, month) {
                (1700.., _) => "Gregorian dates are written without quotes".to_owned(),
                (..1200, _) => "years are those from 1200 to 1699".to_owned(),
                (_, 1..=12) => {
                    let length = (29..=31).rfind(|&day| day_of(Calendar::Jalali, year, month as u8, day).is_some());
                    format!("month {month} of {year} has {} days", length.unwrap_or_default())
                }
                _ => "months are 1 to 12".to_owned(),
            };
            format!("\"{written}\" is no date of the Jalali calendar: {reason}")
        })?;
        if !(EARLIEST_US..LATEST_US).contains(&us) {
            return Err(format!("\"{written}\" lies outside the Gregorian years 1900 to 2199"));
        }
        Ok(Self { text: format!("{year:04}-{month:02}-{day:02}"), us, is_utc: false })
    }
}

fn ascii_digit(character: char) -> char {
    match character {
        '۰'..='۹' => char::from(b'0' + (character as u32 - '۰' as u32) as u8),
        '٠'..='٩' => char::from(b'0' + (character as u32 - '٠' as u32) as u8),
        other => other,
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A length of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Length {
    text: String,
}

impl Length {
    /// A number and a unit, such as `7d`.
    pub(super) fn parse(written: &str) -> Result<Self, String> {
        let expected = "expected a number and a unit (w weeks, d days, h hours, m minutes, s seconds), such as \"7d\"";
        let text = written.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit_us: i64 = match &text[digits..] {
            "w" => 7 * DAY_US,
            "d" => DAY_US,
            "h" => 3_600_000_000,
            "m" => 60_000_000,
            "s" => 1_000_000,
            _ => return Err(format!("\"{written}\" is no length of time; {expected}")),
        };
        let number: i64 =
            text[..digits].parse().map_err(|_| format!("\"{written}\" is no length of time; {expected}"))?;
        match number.checked_mul(unit_us) {
            Some(1..=LONGEST_US) => Ok(Self { text: text.to_owned() }),
            _ => Err(format!("\"{written}\" is no length of time above 0 and up to 1000 years")),
        }
    }
}

impl Serialize for Length {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
