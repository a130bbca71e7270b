//! Times and calendars without Python: UTC microseconds to and from a zone's wall clock, the consecutive days, weeks or
//! months of a zone in the Gregorian or the Jalali calendar, and ISO 8601 text.
//!
//! Instants are microseconds since 1970-01-01 UTC. A *local* time is the wall clock written as microseconds since its
//! own 1970-01-01 00:00. A *day* is a number of days since 1970-01-01, Arrow's `Date32`.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, did_you_mean};

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

/// The earliest time that a log may hold: 1900-01-01 00:00 UTC.
pub const EARLIEST_US: i64 = -25_567 * DAY_US;

/// The first time that is too late for a log: 2200-01-01 00:00 UTC.
pub const LATEST_US: i64 = 84_006 * DAY_US;

/// Zones know their offsets this far outside of the limits, so that the period around either limit has right bounds.
const MARGIN_US: i64 = 100 * DAY_US;

/// 2^41 µs are 25 days; few buckets of the index hold a change of the clock.
const ZONE_BITS: u32 = 41;

/// A time zone, with every change of its clock between 1900 and 2200.
///
/// Rules that recur without end, as those of Europe do, are unrolled to 2200.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    /// The offset of each step of the clock, in microseconds east of UTC.
    offsets: Vec<i64>,
    /// The first instant of each step.
    utc: Steps,
    /// The first wall clock of each step.
    local: Steps,
}

impl Zone {
    /// The zone of an IANA name ("Asia/Tehran"), "UTC", or a fixed offset ("+03:30", "+0330", "+03").
    ///
    /// The rules are those of the database inside of the library, never those of the machine, so that the same input
    /// gives the same periods everywhere.
    pub fn new(name: &str) -> Result<Self> {
        let name = name.trim();
        if name.eq_ignore_ascii_case("utc") || name == "Z" {
            return Ok(Self::fixed("UTC".to_owned(), 0));
        }
        if let Some((seconds, [])) = offset_seconds(name.as_bytes()) {
            let offset = Offset::from_seconds(seconds).map_err(|_| unknown_zone(name))?;
            let minutes = offset.seconds().abs() / 60;
            let sign = if seconds < 0 { '-' } else { '+' };
            let name = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            return Ok(Self::fixed(name, i64::from(seconds)));
        }
        let zone = TimeZoneDatabase::bundled()
            .get(name)
            .ok()
            .filter(|zone| !zone.is_unknown())
            .ok_or_else(|| unknown_zone(name))?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        let (starts, offsets) = clock_changes(&zone)?;
        let mut local_starts = starts.clone();
        for (at, start) in local_starts.iter_mut().enumerate().skip(1) {
            // Where the clock jumps, the wall clock keeps the old offset to the end of the gap or fold: a skipped time
            // moves forward and a repeated one is the earlier.
            *start += offsets[at].max(offsets[at - 1]);
        }
        Ok(Self::stepped(name, starts, local_starts, offsets))
    }

    fn fixed(name: String, offset_seconds: i64) -> Self {
        Self::stepped(name, vec![i64::MIN], vec![i64::MIN], vec![offset_seconds * 1_000_000])
    }

    fn stepped(name: String, starts: Vec<i64>, local_starts: Vec<i64>, offsets: Vec<i64>) -> Self {
        let steps = |starts| Steps::new(starts, EARLIEST_US - MARGIN_US, LATEST_US + MARGIN_US, ZONE_BITS);
        Self { name, offsets, utc: steps(starts), local: steps(local_starts) }
    }

    /// The name, in the spelling of the IANA database; offsets are written as "+03:30".
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the wall clock is always that of UTC.
    pub fn is_utc(&self) -> bool {
        self.offsets == [0]
    }

    /// The wall clock at an instant.
    #[inline]
    pub fn to_local_us(&self, utc_us: i64) -> i64 {
        utc_us.saturating_add(self.offsets[self.utc.find(utc_us)])
    }

    /// The instant of a wall clock. A time that the clock skips moves forward by the length of the gap; a time that
    /// it shows twice is the earlier one.
    #[inline]
    pub fn from_local_us(&self, local_us: i64) -> i64 {
        local_us.saturating_sub(self.offsets[self.local.find(local_us)])
    }

    /// The first instant of a local day; it isn't midnight where the clock skips midnight, as it did in Tehran each
    /// spring.
    fn day_start(&self, day: i32) -> i64 {
        let local_us = i64::from(day) * DAY_US;
        let step = self.local.find(local_us);
        let utc_us = local_us - self.offsets[step];
        match self.utc.starts.get(step + 1) {
            Some(&change) => utc_us.min(change),
            None => utc_us,
        }
    }
}

/// Ascending times, searched through an index: a look-up is a shift and, mostly, one comparison.
#[derive(Debug, Clone)]
struct Steps {
    starts: Vec<i64>,
    /// The first time of the index.
    from: i64,
    /// A bucket of the index is 2^bits µs.
    bits: u32,
    /// The last step that starts at or before the start of each bucket, or the first step.
    index: Vec<u32>,
}

impl Steps {
    /// The index spans the given times; look-ups outside are right too, and slow only far beyond `to`.
    fn new(starts: Vec<i64>, from: i64, to: i64, bits: u32) -> Self {
        let mut step = 0;
        let index = (0..=(to - from) >> bits)
            .map(|bucket| {
                while starts.get(step + 1).is_some_and(|&next| next <= from + (bucket << bits)) {
                    step += 1;
                }
                step as u32
            })
            .collect();
        Self { starts, from, bits, index }
    }

    /// The last step that starts at or before a time; the first for an earlier time.
    #[inline]
    fn find(&self, time: i64) -> usize {
        if time < self.from {
            return 0;
        }
        let bucket = (time.saturating_sub(self.from) >> self.bits) as usize;
        let mut step = self.index[bucket.min(self.index.len() - 1)] as usize;
        // Added, not branched on: whether a time is before or after the start within its bucket is hard to predict.
        step += usize::from(self.starts.get(step + 1).is_some_and(|&next| next <= time));
        while self.starts.get(step + 1).is_some_and(|&next| next <= time) {
            step += 1;
        }
        step
    }
}

/// The instants at which the offset changes between the limits, and the offset from each on; the first step has no
/// start.
fn clock_changes(zone: &TimeZone) -> Result<(Vec<i64>, Vec<i64>)> {
    let offset_us = |offset: Offset| i64::from(offset.seconds()) * 1_000_000;
    let from = Timestamp::from_microsecond(EARLIEST_US - MARGIN_US)
        .map_err(|error| Error::Internal(format!("the first time of the zone table: {error}")))?;
    let mut starts = vec![i64::MIN];
    let mut offsets = vec![offset_us(zone.to_offset(from))];
    for change in zone.following(from) {
        let (start, offset) = (change.timestamp().as_microsecond(), offset_us(change.offset()));
        if start > LATEST_US + MARGIN_US {
            break;
        }
        // Some changes give the zone a new abbreviation only.
        if offsets.last() != Some(&offset) {
            starts.push(start);
            offsets.push(offset);
        }
    }
    Ok((starts, offsets))
}

fn unknown_zone(name: &str) -> Error {
    let wanted = name.replace(' ', "_");
    let database = TimeZoneDatabase::bundled();
    let zones: Vec<_> = database.available().collect();
    let names = || zones.iter().map(jiff::tz::TimeZoneName::as_str);
    // The city alone is the most frequent slip.
    let city = names().find(|zone| zone.rsplit_once('/').is_some_and(|(_, city)| city.eq_ignore_ascii_case(&wanted)));
    let hint = match city {
        Some(zone) => did_you_mean(zone, std::iter::once(zone)),
        // Longer texts aren't names, and the distance to each name would take quadratic time.
        None if wanted.len() <= 64 => did_you_mean(&wanted, names()),
        None => String::new(),
    };
    Error::Argument(format!(
        "there is no time zone {name:?}{hint} (expected an IANA name such as \"Asia/Tehran\", \"UTC\", or an offset \
         such as \"+03:30\")"
    ))
}

/// A calendar for months. Days and weeks are the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// January to December.
    #[default]
    Gregorian,
    /// Farvardin to Esfand; the year starts at the March equinox.
    Jalali,
}

/// What one calendar period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Period {
    /// A local day.
    Day,
    /// Seven local days.
    Week {
        /// The first day of the week, 0 = Monday to 6 = Sunday.
        start: u8,
    },
    /// A month of the calendar.
    Month,
}

impl Period {
    fn checked(self) -> Result<Self> {
        match self {
            Self::Week { start } if start > 6 => {
                Err(Error::Argument(format!("a week can't start on day {start}; expected 0 (Monday) to 6 (Sunday)")))
            }
            _ => Ok(self),
        }
    }

    /// The largest power of two, in microseconds, that isn't longer than a period, clock changes apart.
    fn bits(self) -> u32 {
        match self {
            // 19 hours, 6 days, 25 days.
            Self::Day => 36,
            Self::Week { .. } => 39,
            Self::Month => 41,
        }
    }

    /// The first day of the period that holds a day.
    pub fn first_day(self, calendar: Calendar, day: i32) -> Result<i32> {
        Ok(match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday, day 3 of a week that starts on Monday.
            Self::Week { start } => day - (day + 3 - i32::from(start)).rem_euclid(7),
            Self::Month => match calendar {
                Calendar::Gregorian => day - i32::from(gregorian_date(day).2) + 1,
                Calendar::Jalali => day - i32::from(jalali_date(day)?.2) + 1,
            },
        })
    }

    /// The first day of the period after the one that starts on `first_day`.
    fn next_first_day(self, calendar: Calendar, first_day: i32) -> Result<i32> {
        match self {
            Self::Day => Ok(first_day + 1),
            Self::Week { .. } => Ok(first_day + 7),
            // No month has more than 31 days, nor two months fewer than 32.
            Self::Month => self.first_day(calendar, first_day + 31),
        }
    }
}

/// The consecutive calendar periods of a zone that cover a range of time.
///
/// A period is the time from its start to the next start, so each instant is in one period only. A day that the zone
/// never had (Samoa skipped 2011-12-30) is a period without length.
#[derive(Debug, Clone)]
pub struct Periods {
    steps: Steps,
    label_days: Vec<i32>,
}

impl Periods {
    /// The periods from the one that holds `first_us` to the one that holds `last_us`, both UTC microseconds within the
    /// limits. The limits hold 109,573 days, which bounds the memory.
    pub fn new(zone: &Zone, period: Period, calendar: Calendar, first_us: i64, last_us: i64) -> Result<Self> {
        let period = period.checked()?;
        if first_us > last_us {
            return Err(Error::Argument(format!(
                "a range of periods can't end at {last_us} µs, before it starts at {first_us} µs"
            )));
        }
        if first_us < EARLIEST_US || last_us >= LATEST_US {
            return Err(Error::Argument(format!(
                "periods are known for times from 1900 to 2199; the range {first_us} to {last_us} (µs since 1970) \
                 isn't within; are its units microseconds?"
            )));
        }
        let local_day = zone.to_local_us(first_us).div_euclid(DAY_US) as i32;
        let mut day = period.first_day(calendar, local_day)?;
        let mut start = zone.day_start(day);
        let (mut starts, mut label_days) = (Vec::new(), Vec::new());
        while start <= last_us {
            let next_day = period.next_first_day(calendar, day)?;
            let next_start = zone.day_start(next_day);
            // A clock set back over midnight shows the end of a day again after the next one has begun.
            if next_start > first_us {
                starts.push(start);
                label_days.push(day);
            }
            (day, start) = (next_day, next_start);
        }
        starts.push(start);
        let steps = Steps::new(starts, first_us, last_us, period.bits());
        Ok(Self { steps, label_days })
    }

    /// The start of each period as UTC microseconds, ascending, and one more: the end of the last.
    pub fn starts(&self) -> &[i64] {
        &self.steps.starts
    }

    /// The first local day of each period.
    pub fn label_days(&self) -> &[i32] {
        &self.label_days
    }

    /// How many periods there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a range holds a time")]
    pub fn len(&self) -> usize {
        self.label_days.len()
    }

    /// The period of an instant; the first or last one for an instant outside of all.
    #[inline]
    pub fn index_of(&self, utc_us: i64) -> usize {
        self.steps.find(utc_us).min(self.len() - 1)
    }

    /// As [`Periods::index_of`], faster if `hint` is the period of a time a little earlier. Any hint gives the same
    /// answer.
    #[inline]
    pub fn advance(&self, hint: usize, utc_us: i64) -> usize {
        match self.starts().get(hint..hint.saturating_add(2)) {
            Some(&[start, end]) if (start..end).contains(&utc_us) => hint,
            _ => self.index_of(utc_us),
        }
    }
}

/// Year, month and day of a day in the Gregorian calendar.
///
/// Howard Hinnant's `civil_from_days`: years start in March, so that the leap day comes last.
pub fn gregorian_date(day: i32) -> (i32, u8, u8) {
    let shifted = i64::from(day) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    let year = era * 400 + year_of_era + next_year;
    (year as i32, month as u8, day_of_month as u8)
}

/// The day of a Gregorian date, or nothing if there is no such date.
pub fn gregorian_day(year: i32, month: u8, day: u8) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u8::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || !(-9_999..=9_999).contains(&year) {
        return None;
    }
    let (year, month_from_march) =
        if month > 2 { (year, i32::from(month) - 3) } else { (year - 1, i32::from(month) + 9) };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5 + i32::from(day) - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// The first Jalali year of the table.
pub const FIRST_JALALI_YEAR: i32 = 1200;

/// The last Jalali year of the table.
pub const LAST_JALALI_YEAR: i32 = 1699;

const JALALI_YEARS: usize = (LAST_JALALI_YEAR - FIRST_JALALI_YEAR + 1) as usize;

/// 1 Farvardin 1200, which is 1821-03-21.
const FIRST_NOWRUZ: i32 = -54_342;

/// One bit for each year from 1200 on, lowest first: set where the year has 366 days.
///
/// All 182,621 days of the years 1200 to 1699 were compared with ICU's Persian calendar (ICU 78.2).
const JALALI_LEAP_YEARS: [u64; 8] = [
    0x8888_8844_4444_4422,
    0x2222_2111_1111_1088,
    0x8888_8444_4444_4222,
    0x2222_1111_1111_0888,
    0x8888_8444_4444_2222,
    0x2221_1111_1110_8888,
    0x8888_4444_4444_2222,
    0x0001_1111_1110_8888,
];

/// The first day of each Jalali year, and of the one after the last.
const NOWRUZ: [i32; JALALI_YEARS + 1] = {
    let mut days = [FIRST_NOWRUZ; JALALI_YEARS + 1];
    let mut year = 0;
    while year < JALALI_YEARS {
        let leap = (JALALI_LEAP_YEARS[year / 64] >> (year % 64)) & 1;
        days[year + 1] = days[year] + 365 + leap as i32;
        year += 1;
    }
    days
};

/// Year, month and day of a day in the Jalali calendar.
pub fn jalali_date(day: i32) -> Result<(i32, u8, u8)> {
    if day < FIRST_NOWRUZ || day >= NOWRUZ[JALALI_YEARS] {
        let (year, month, day) = gregorian_date(day);
        return Err(Error::Argument(format!(
            "the Jalali calendar is known for the years {FIRST_JALALI_YEAR} to {LAST_JALALI_YEAR} (1821-03-21 to \
             2321-03-20); {year:04}-{month:02}-{day:02} isn't within"
        )));
    }
    let year = NOWRUZ.partition_point(|&start| start <= day) - 1;
    let day_of_year = day - NOWRUZ[year];
    // Six months of 31 days, then months of 30.
    let (month, day_of_month) = if day_of_year < 186 {
        (day_of_year / 31, day_of_year % 31)
    } else {
        (6 + (day_of_year - 186) / 30, (day_of_year - 186) % 30)
    };
    Ok((FIRST_JALALI_YEAR + year as i32, month as u8 + 1, day_of_month as u8 + 1))
}

/// The day of a Jalali date.
pub fn jalali_day(year: i32, month: u8, day: u8) -> Result<i32> {
    if !(FIRST_JALALI_YEAR..=LAST_JALALI_YEAR).contains(&year) {
        return Err(Error::Argument(format!(
            "the Jalali calendar is known for the years {FIRST_JALALI_YEAR} to {LAST_JALALI_YEAR}; {year} isn't within"
        )));
    }
    let at = (year - FIRST_JALALI_YEAR) as usize;
    let length = match month {
        1..=6 => 31,
        7..=11 => 30,
        12 => (NOWRUZ[at + 1] - NOWRUZ[at] - 336) as u8,
        _ => 0,
    };
    if !(1..=length).contains(&day) {
        return Err(Error::Argument(format!("there is no Jalali date {year:04}-{month:02}-{day:02}")));
    }
    let month = i32::from(month) - 1;
    Ok(NOWRUZ[at] + 30 * month + month.min(6) + i32::from(day) - 1)
}

/// A time read from text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// The text named its zone: UTC microseconds.
    Utc(i64),
    /// The text is the wall clock of an unnamed zone: microseconds since the local 1970-01-01.
    Local(i64),
    /// The text isn't a time.
    Bad,
}

/// The time of an ISO 8601 text.
///
/// A date, `2024-03-20` or `2024/03/20`, is its first instant. After a `T` or a space may follow `10:30`, `10:30:00`,
/// or `10:30:00.` with up to nine digits, of which six are kept; then `Z`, `+03:30`, `+0330` or `+03`. Spaces around
/// are dropped. Dates and times that no clock shows are bad, and so are hour 24 and second 60. Years are 0000 to
/// 9999: the limits of logs are for the caller to apply.
pub fn parse_time(text: &str) -> Parsed {
    parsed_time(text.trim_ascii().as_bytes()).unwrap_or(Parsed::Bad)
}

fn parsed_time(text: &[u8]) -> Option<Parsed> {
    let (date, rest) = text.split_first_chunk::<10>()?;
    let &[y1, y2, y3, y4, mark, m1, m2, same_mark, d1, d2] = date;
    if mark != same_mark || !matches!(mark, b'-' | b'/') {
        return None;
    }
    let year = i32::from(number(y1, y2)?) * 100 + i32::from(number(y3, y4)?);
    let day = gregorian_day(year, number(m1, m2)?, number(d1, d2)?)?;
    let midnight = i64::from(day) * DAY_US;
    let Some((b'T' | b' ', rest)) = rest.split_first() else {
        return rest.is_empty().then_some(Parsed::Local(midnight));
    };
    let (&[h1, h2, b':', m1, m2], mut rest) = rest.split_first_chunk::<5>()? else {
        return None;
    };
    let (hour, minute) = (number(h1, h2)?, number(m1, m2)?);
    let mut second = 0;
    let mut fraction = 0;
    if let Some((&[b':', s1, s2], after)) = rest.split_first_chunk::<3>() {
        second = number(s1, s2)?;
        rest = after;
        if let Some((b'.', after)) = rest.split_first() {
            let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            let kept = digits.min(6);
            fraction = after[..kept].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
            fraction *= 10_i64.pow(6 - kept as u32);
            rest = &after[digits..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    let local_us = midnight + seconds * 1_000_000 + fraction;
    match rest {
        [] => Some(Parsed::Local(local_us)),
        b"Z" => Some(Parsed::Utc(local_us)),
        _ => match offset_seconds(rest)? {
            (seconds, []) => Some(Parsed::Utc(local_us - i64::from(seconds) * 1_000_000)),
            _ => None,
        },
    }
}

/// The seconds east of UTC that `+03:30`, `+0330` or `+03` says, and what follows in the text.
fn offset_seconds(text: &[u8]) -> Option<(i32, &[u8])> {
    let (&[sign, h1, h2], rest) = text.split_first_chunk::<3>()?;
    let (minute, rest) = match rest {
        [b':', m1, m2, rest @ ..] | [m1, m2, rest @ ..] => (number(*m1, *m2)?, rest),
        _ => (0, rest),
    };
    let hour = number(h1, h2)?;
    if hour > 23 || minute > 59 {
        return None;
    }
    let seconds = i32::from(hour) * 3_600 + i32::from(minute) * 60;
    match sign {
        b'+' => Some((seconds, rest)),
        b'-' => Some((-seconds, rest)),
        _ => None,
    }
}

/// The number of two digits.
#[inline]
fn number(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use super::*;
    use jiff::civil::DateTime;
    use jiff::fmt::temporal::DateTimeParser;
    use proptest::prelude::*;

    const HOUR_US: i64 = 3_600_000_000;

    fn utc(text: &str) -> i64 {
        match parse_time(text) {
            Parsed::Utc(time) | Parsed::Local(time) => time,
            Parsed::Bad => panic!("{text} is a time"),
        }
    }

    fn zone(name: &str) -> Zone {
        Zone::new(name).unwrap()
    }

    fn days(text: &str) -> i32 {
        (utc(text) / DAY_US) as i32
    }

    fn labels(periods: &Periods) -> Vec<String> {
        periods
            .label_days()
            .iter()
            .map(|&day| {
                let (year, month, day) = gregorian_date(day);
                format!("{year:04}-{month:02}-{day:02}")
            })
            .collect()
    }

    /// jiff's wall clock as microseconds.
    fn wall(time: DateTime) -> i64 {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        time.duration_since(epoch).as_micros() as i64
    }

    #[test]
    fn the_limits_are_the_first_days_of_1900_and_2200() {
        assert_eq!(utc("1900-01-01"), EARLIEST_US);
        assert_eq!(utc("2200-01-01"), LATEST_US);
    }

    #[test]
    fn every_zone_of_the_database_agrees_with_jiff_at_and_between_its_changes() {
        for name in TimeZoneDatabase::bundled().available() {
            let name = name.as_str();
            let Ok(ours) = Zone::new(name) else {
                assert_eq!(name, "Etc/Unknown");
                continue;
            };
            let theirs = TimeZoneDatabase::bundled().get(name).unwrap();
            let mut instants: Vec<i64> = ours.utc.starts[1..]
                .iter()
                .flat_map(|&change| [-HOUR_US, -1, 0, 1, HOUR_US].map(|shift| change + shift))
                .collect();
            // A step without a common divisor with days, weeks or years.
            instants.extend((EARLIEST_US..LATEST_US).step_by(3_333_333_333_337_777));
            for instant in instants {
                let timestamp = Timestamp::from_microsecond(instant).unwrap();
                let local = wall(theirs.to_datetime(timestamp));
                assert_eq!(ours.to_local_us(instant), local, "{name} at UTC {timestamp}");
                for local in [local, local + HOUR_US / 2, local + HOUR_US] {
                    let datetime =
                        DateTime::constant(1970, 1, 1, 0, 0, 0, 0) + jiff::SignedDuration::from_micros(local);
                    let expected = theirs.to_timestamp(datetime).unwrap().as_microsecond();
                    assert_eq!(ours.from_local_us(local), expected, "{name} at local {datetime}");
                }
            }
        }
    }

    #[test]
    fn a_day_starts_at_its_first_instant_also_where_the_clock_skips_midnight() {
        for name in [
            "Asia/Tehran",
            "America/Toronto",
            "America/St_Johns",
            "America/Sao_Paulo",
            "America/Havana",
            "Asia/Gaza",
            "Pacific/Apia",
            "Europe/London",
            "Africa/Casablanca",
        ] {
            let ours = zone(name);
            let theirs = TimeZoneDatabase::bundled().get(name).unwrap();
            let date = |instant| {
                let timestamp = Timestamp::from_microsecond(instant).unwrap();
                wall(theirs.to_datetime(timestamp)).div_euclid(DAY_US) as i32
            };
            for day in (EARLIEST_US / DAY_US) as i32..(LATEST_US / DAY_US) as i32 {
                let start = ours.day_start(day);
                assert!(date(start - 1) < day && day <= date(start), "{name} {day}");
            }
        }
        // In 1919 Toronto's clock went from 23:30 to 00:30.
        let toronto = zone("America/Toronto");
        assert_eq!(toronto.day_start(days("1919-03-31")), utc("1919-03-31T04:30Z"));
    }

    #[test]
    fn tehran_has_no_summer_time_after_2022() {
        let tehran = zone("asia/tehran");
        assert_eq!(tehran.name(), "Asia/Tehran");
        assert_eq!(tehran.from_local_us(utc("2022-07-01 12:00")), utc("2022-07-01T07:30Z"));
        assert_eq!(tehran.from_local_us(utc("2023-07-01 12:00")), utc("2023-07-01T08:30Z"));
    }

    #[test]
    fn recurring_rules_hold_until_2200() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.to_local_us(utc("2199-07-01T00:00Z")), utc("2199-07-01 02:00"));
        assert_eq!(berlin.to_local_us(utc("2199-12-01T00:00Z")), utc("2199-12-01 01:00"));
    }

    #[test]
    fn skipped_times_move_forward_and_repeated_times_are_the_earlier() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.from_local_us(utc("2024-03-31 02:30")), utc("2024-03-31T01:30Z"));
        assert_eq!(berlin.from_local_us(utc("2024-10-27 02:30")), utc("2024-10-27T00:30Z"));
    }

    #[test]
    fn offsets_are_zones_with_one_spelling() {
        for text in ["+03:30", "+0330", " +03:30 "] {
            let zone = zone(text);
            assert_eq!(zone.name(), "+03:30");
            assert_eq!(zone.to_local_us(0), 3 * HOUR_US + HOUR_US / 2);
        }
        assert_eq!(zone("-05").name(), "-05:00");
        assert_eq!(zone("-00:30").to_local_us(0), -HOUR_US / 2);
        assert_eq!(zone("-00:30").name(), "-00:30");
        assert_eq!(zone("utc").name(), "UTC");
        assert!(zone("Etc/UTC").is_utc() && zone("+00:00").is_utc());
        assert!(!zone("Europe/London").is_utc() && !zone("-05").is_utc());
        assert_eq!(zone("UTC").from_local_us(i64::MAX), i64::MAX);
        assert_eq!(zone("-05").from_local_us(i64::MAX), i64::MAX);
    }

    #[test]
    fn an_unknown_zone_is_refused_with_near_names() {
        let message = |name: &str| Zone::new(name).unwrap_err().to_string();
        assert!(message("Asia/Teheran").contains("did you mean \"Asia/Tehran\""));
        assert!(message("Tehran").contains("\"Asia/Tehran\""));
        assert!(message("new york").contains("\"America/New_York\""));
        assert!(message("").contains("expected an IANA name such as \"Asia/Tehran\""));
        assert!(!message(&"x".repeat(1000)).contains("did you mean"));
        for name in ["+24:00", "+3", "+03:3", "Etc/Unknown", "٠٣"] {
            assert!(Zone::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn weeks_start_on_the_day_that_was_asked_for() {
        // 2024-03-20 is a Wednesday.
        let time = utc("2024-03-20T10:00Z");
        let first = |start| {
            let week = Period::Week { start };
            let periods = Periods::new(&zone("UTC"), week, Calendar::Gregorian, time, time).unwrap();
            assert_eq!(periods.starts()[1] - periods.starts()[0], 7 * DAY_US);
            labels(&periods).concat()
        };
        assert_eq!(first(0), "2024-03-18");
        assert_eq!(first(2), "2024-03-20");
        assert_eq!(first(3), "2024-03-14");
        assert_eq!(first(5), "2024-03-16");
        assert_eq!(first(6), "2024-03-17");
        let seven = Period::Week { start: 7 };
        assert!(Periods::new(&zone("UTC"), seven, Calendar::Gregorian, time, time).is_err());
    }

    #[test]
    fn months_follow_the_calendar() {
        let tehran = zone("Asia/Tehran");
        let months = |calendar| {
            let (first, last) = (utc("2024-02-10T00:00Z"), utc("2024-04-19T20:30Z"));
            Periods::new(&tehran, Period::Month, calendar, first, last).unwrap()
        };
        let gregorian = months(Calendar::Gregorian);
        assert_eq!(labels(&gregorian), ["2024-02-01", "2024-03-01", "2024-04-01"]);
        // The last instant is midnight in Tehran, the first of Ordibehesht.
        let jalali = months(Calendar::Jalali);
        assert_eq!(labels(&jalali), ["2024-01-21", "2024-02-20", "2024-03-20", "2024-04-20"]);
        assert_eq!(jalali.starts()[2], utc("2024-03-19T20:30Z"));
        assert_eq!(jalali.starts()[4], utc("2024-05-20T20:30Z"));
        assert_eq!(jalali.len(), 4);
    }

    #[test]
    fn a_day_that_the_zone_skipped_has_no_length() {
        let apia = zone("Pacific/Apia");
        let (first, last) = (utc("2011-12-29T12:00Z"), utc("2011-12-31T12:00Z"));
        let periods = Periods::new(&apia, Period::Day, Calendar::Gregorian, first, last).unwrap();
        assert_eq!(labels(&periods), ["2011-12-29", "2011-12-30", "2011-12-31", "2012-01-01"]);
        assert_eq!(periods.starts()[1], periods.starts()[2]);
        assert_eq!(periods.index_of(periods.starts()[1]), 2);
    }

    #[test]
    fn a_range_outside_of_the_limits_or_backwards_is_refused() {
        let periods = |first, last| Periods::new(&zone("UTC"), Period::Day, Calendar::Gregorian, first, last);
        assert!(periods(1, 0).is_err());
        assert!(periods(EARLIEST_US - 1, 0).is_err());
        assert!(periods(0, LATEST_US).is_err());
        assert_eq!(periods(EARLIEST_US, LATEST_US - 1).unwrap().len(), 109_573);
        for calendar in [Calendar::Gregorian, Calendar::Jalali] {
            for name in ["+23:59", "-23:59"] {
                let whole = (EARLIEST_US, LATEST_US - 1);
                let months = Periods::new(&zone(name), Period::Month, calendar, whole.0, whole.1).unwrap();
                assert!((3_600..3_603).contains(&months.len()));
            }
        }
    }

    #[test]
    fn published_nowruz_dates_and_leap_years_hold() {
        for (year, date) in [
            (1375, "1996-03-20"),
            (1399, "2020-03-20"),
            (1400, "2021-03-21"),
            (1403, "2024-03-20"),
            (1404, "2025-03-21"),
            (1405, "2026-03-21"),
        ] {
            assert_eq!(jalali_day(year, 1, 1).unwrap(), days(date), "{year}");
        }
        let leap: Vec<i32> = (1395..1410).filter(|&year| jalali_day(year, 12, 30).is_ok()).collect();
        assert_eq!(leap, [1395, 1399, 1403, 1408]);
        assert_eq!(jalali_date(0).unwrap(), (1348, 10, 11));
        assert_eq!(jalali_date(days("1979-02-11")).unwrap(), (1357, 11, 22));
    }

    #[test]
    fn every_jalali_day_is_that_of_icu() {
        // FNV-1a over year × 10000 + month × 100 + day of each day, computed from ICU 78.2 in Node 20:
        // Intl.DateTimeFormat("en-u-ca-persian-nu-latn", {timeZone: "UTC"}).
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut day = FIRST_NOWRUZ;
        while let Ok((year, month, of_month)) = jalali_date(day) {
            assert_eq!(jalali_day(year, month, of_month).unwrap(), day);
            let date = year as u64 * 10_000 + u64::from(month) * 100 + u64::from(of_month);
            hash = (hash ^ date).wrapping_mul(0x0100_0000_01b3);
            day += 1;
        }
        assert_eq!(day - FIRST_NOWRUZ, 182_621);
        assert_eq!(hash, 0xba5b_15ed_1d31_0169);
    }

    #[test]
    fn jalali_dates_outside_of_the_table_or_the_calendar_are_refused() {
        assert!(jalali_date(FIRST_NOWRUZ - 1).is_err());
        assert!(jalali_date(days("2321-03-21")).is_err());
        assert_eq!(jalali_date(days("2321-03-20")).unwrap(), (1699, 12, 29));
        for (year, month, day) in
            [(1199, 1, 1), (1700, 1, 1), (1403, 13, 1), (1403, 0, 1), (1403, 7, 31), (1402, 12, 30), (1403, 1, 0)]
        {
            assert!(jalali_day(year, month, day).is_err());
        }
    }

    #[test]
    fn times_are_read_in_each_accepted_form() {
        let local = |text| match parse_time(text) {
            Parsed::Local(time) => time,
            other => panic!("{text}: {other:?}"),
        };
        let utc = |text| match parse_time(text) {
            Parsed::Utc(time) => time,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(local("1970-01-02"), DAY_US);
        assert_eq!(local(" 1970/01/02\n"), DAY_US);
        assert_eq!(local("1970-01-01T01:00"), HOUR_US);
        assert_eq!(local("1970/01/01 00:00:01"), 1_000_000);
        assert_eq!(local("1970-01-01 00:00:01.5"), 1_500_000);
        assert_eq!(local("1969-12-31 23:59:59.999999999"), -1);
        assert_eq!(local("2024-02-29"), 19_782 * DAY_US);
        assert_eq!(utc("1970-01-01T00:00Z"), 0);
        assert_eq!(utc("1970-01-01T03:30:00+03:30"), 0);
        assert_eq!(utc("1970-01-01T03:30:00+0330"), 0);
        assert_eq!(utc("1970-01-01T03:00+03"), 0);
        assert_eq!(utc("1969-12-31 19:00:00.000001-05"), 1);
    }

    #[test]
    fn texts_that_no_clock_shows_are_bad() {
        for text in [
            "",
            "2024",
            "2024-02-30",
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-1-1",
            "2024-01/01",
            "24-01-01",
            "+2024-01-01",
            "2024-01-01Z",
            "2024-01-01T",
            "2024-01-01 ",
            "2024-01-01T10",
            "2024-01-01T24:00",
            "2024-01-01T10:60",
            "2024-01-01T23:59:60",
            "2024-01-01T10:00:00.",
            "2024-01-01T10:00:00.1234567890",
            "2024-01-01T10:00.5",
            "2024-01-01T10:00+24",
            "2024-01-01T10:00+03:60",
            "2024-01-01T10:00+3",
            "2024-01-01T10:00+03:",
            "2024-01-01T10:00+03:3",
            "2024-01-01T10:00+03:300",
            "2024-01-01T10:00ZZ",
            "2024-01-01  10:00",
            "۲۰۲۴-۰۱-۰۱",
            "2024-01-01T10:00\u{200c}",
        ] {
            let expected = if text == "2024-01-01 " { Parsed::Local(19_723 * DAY_US) } else { Parsed::Bad };
            assert_eq!(parse_time(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_that_jiff_writes_are_read_back(
            time in EARLIEST_US..LATEST_US,
            digits in 0_usize..=9,
            offset in -1439_i32..1440,
        ) {
            let per_digit = 10_i64.pow(6 - digits.min(6) as u32);
            let time = time.div_euclid(per_digit) * per_digit;
            let zone = TimeZone::fixed(Offset::from_seconds(offset * 60).unwrap());
            let clock = zone.to_datetime(Timestamp::from_microsecond(time).unwrap());
            let text = format!("{clock:.digits$}");
            prop_assert_eq!(
                parse_time(&text),
                Parsed::Local(time + i64::from(offset) * 60_000_000)
            );
            let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs());
            let text = format!("{text}{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            prop_assert_eq!(parse_time(&text), Parsed::Utc(time));
            prop_assert_eq!(parse_time(&text.replace('T', " ")), Parsed::Utc(time));
        }

        #[test]
        fn nearly_right_texts_are_read_only_if_jiff_reads_them_too(
            text in "[0-9]{3}[0-9-]-[0-1][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{1,9})?)?)?"
        ) {
            let theirs = DateTimeParser::new().parse_datetime(&text);
            match parse_time(&text) {
                Parsed::Local(time) => {
                    prop_assert_eq!(time, wall(theirs.unwrap()));
                }
                // jiff takes second 60 as 59.
                Parsed::Bad => prop_assert!(theirs.is_err() || text.contains(":60")),
                Parsed::Utc(_) => prop_assert!(false, "no zone was given"),
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            parse_time(&text);
            let _ = Zone::new(&text);
        }

        #[test]
        fn gregorian_days_and_dates_are_inverse(day in -719_528_i32..2_932_896) {
            let (year, month, of_month) = gregorian_date(day);
            prop_assert_eq!(gregorian_day(year, month, of_month), Some(day));
        }

        #[test]
        fn a_period_holds_its_instants_from_any_hint(
            first in EARLIEST_US..LATEST_US,
            span in 0_i64..4000 * DAY_US,
            at in proptest::collection::vec((0.0..1.0_f64, 0_usize..5000), 1..20),
            kind in 0_usize..4,
        ) {
            let last = (first + span).min(LATEST_US - 1);
            let (period, calendar) = [
                (Period::Day, Calendar::Gregorian),
                (Period::Week { start: 5 }, Calendar::Jalali),
                (Period::Month, Calendar::Gregorian),
                (Period::Month, Calendar::Jalali),
            ][kind];
            let zone = zone("America/Havana");
            let periods = Periods::new(&zone, period, calendar, first, last).unwrap();
            prop_assert!(periods.starts().is_sorted());
            prop_assert_eq!(periods.starts().len(), periods.len() + 1);
            prop_assert_eq!(periods.index_of(first), 0);
            prop_assert_eq!(periods.index_of(last), periods.len() - 1);
            prop_assert!(periods.starts()[0] <= first && last < periods.starts()[periods.len()]);
            for (share, hint) in at {
                let time = first + ((last - first) as f64 * share) as i64;
                let index = periods.index_of(time);
                prop_assert!(periods.starts()[index] <= time);
                prop_assert!(time < periods.starts()[index + 1]);
                prop_assert_eq!(periods.advance(hint, time), index);
                let local = zone.to_local_us(time).div_euclid(DAY_US) as i32;
                let label = period.first_day(calendar, local).unwrap();
                prop_assert_eq!(periods.label_days()[index], label);
            }
        }
    }
}
