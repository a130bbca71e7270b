//! The consecutive days, weeks or months of a zone.

use serde::{Deserialize, Serialize};

use super::gregorian::gregorian_date;
use super::jalali::jalali_date;
use super::steps::{StepBits, Steps};
use super::zone::Zone;
use super::{DAY_US, EARLIEST_US, LATEST_US};
use crate::error::{Error, Result};

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
    fn first_day(self, calendar: Calendar, day: i32) -> Result<i32> {
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

    /// The periods as bits of a number, the first period the lowest; none where they are too many for that.
    pub fn as_bits(&self) -> Option<StepBits> {
        self.steps.as_bits()
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

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{labels, utc, zone};
    use super::*;

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

    proptest! {
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
                if let Some(bits) = periods.as_bits() {
                    prop_assert_eq!(bits.of(time), 1 << index);
                }
                let local = zone.to_local_us(time).div_euclid(DAY_US) as i32;
                let label = period.first_day(calendar, local).unwrap();
                prop_assert_eq!(periods.label_days()[index], label);
            }
        }
    }
}
