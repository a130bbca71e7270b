//! Times and calendars without Python: UTC microseconds to and from a zone's wall clock, the consecutive days, weeks or
//! months of a zone in the Gregorian or the Jalali calendar, and ISO 8601 text.
//!
//! Instants are microseconds since 1970-01-01 UTC. A *local* time is the wall clock written as microseconds since its
//! own 1970-01-01 00:00. A *day* is a number of days since 1970-01-01, Arrow's `Date32`.

mod gregorian;
mod hours;
mod jalali;
mod periods;
mod steps;
mod time_text;
mod zone;

pub use hours::{Hours, WorkingTime};
pub use periods::{Calendar, Period, Periods};
pub use steps::StepBits;
pub use time_text::{Parsed, parse_time};
pub use zone::Zone;

/// Microseconds in a day.
pub const DAY_US: i64 = 86_400_000_000;

/// The day of a date of one of the calendars, or nothing if it has no such date; Jalali years are those from 1200 to 1699.
pub fn day_of(calendar: Calendar, year: i32, month: u8, day: u8) -> Option<i32> {
    match calendar {
        Calendar::Gregorian => gregorian::gregorian_day(year, month, day),
        Calendar::Jalali => jalali::jalali_day(year, month, day),
    }
}

/// The earliest time that a log may hold: 1900-01-01 00:00 UTC.
pub const EARLIEST_US: i64 = -25_567 * DAY_US;

/// The first time that is too late for a log: 2200-01-01 00:00 UTC.
pub const LATEST_US: i64 = 84_006 * DAY_US;

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use jiff::civil::DateTime;

    use super::gregorian::gregorian_date;
    use super::*;

    pub(super) const HOUR_US: i64 = 3_600_000_000;

    pub(super) fn utc(text: &str) -> i64 {
        match parse_time(text) {
            Parsed::Utc(time) | Parsed::Local(time) => time,
            Parsed::Bad => panic!("{text} is a time"),
        }
    }

    pub(super) fn zone(name: &str) -> Zone {
        Zone::new(name).unwrap()
    }

    pub(super) fn days(text: &str) -> i32 {
        (utc(text) / DAY_US) as i32
    }

    pub(super) fn labels(periods: &Periods) -> Vec<String> {
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
    pub(super) fn wall(time: DateTime) -> i64 {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        // Rounded down like ours; a duration of its own rounds towards zero.
        time.duration_since(epoch).as_nanos().div_euclid(1_000) as i64
    }

    #[test]
    fn the_limits_are_the_first_days_of_1900_and_2200() {
        assert_eq!(utc("1900-01-01"), EARLIEST_US);
        assert_eq!(utc("2200-01-01"), LATEST_US);
    }
}
