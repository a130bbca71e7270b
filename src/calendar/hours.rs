//! Time in which somebody works: opening hours of the days that are neither of the weekend nor holidays.

use std::collections::HashSet;

use serde::Deserialize;

use super::{DAY_US, Zone};
use crate::error::{Error, Result};

/// When somebody works.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Local time of day at which work begins and ends, in µs.
    open_us: i64,
    close_us: i64,
    /// Days of the week without work, 0 = Monday to 6 = Sunday.
    weekend: Vec<u8>,
    /// Further days without work, as days since 1970.
    holidays: Vec<i32>,
}

/// Working time of a zone, added up from the first day of a span.
#[derive(Debug)]
pub struct WorkingTime {
    zone: Zone,
    first_day: i32,
    open: i64,
    close: i64,
    /// Working time before each day, one more for the end.
    before: Vec<i64>,
}

impl WorkingTime {
    /// The working time of all days that the instants from `first_us` to `last_us` touch.
    pub fn new(hours: &Hours, zone: &Zone, first_us: i64, last_us: i64) -> Result<Self> {
        let Hours { open_us: open, close_us: close, .. } = *hours;
        if !(0 <= open && open < close && close <= DAY_US) {
            return Err(Error::Argument(format!(
                "working hours from {open} to {close} µs of a day are none; the end comes after the beginning, both \
                 within one day"
            )));
        }
        if hours.weekend.iter().any(|&day| day > 6) || (0..7).all(|day| hours.weekend.contains(&day)) {
            return Err(Error::Argument(format!(
                "a weekend of the days {:?} is none; expected some, but not all, of 0 (Monday) to 6 (Sunday)",
                hours.weekend
            )));
        }
        let day = |us: i64| zone.to_local_us(us).div_euclid(DAY_US) as i32;
        let (first_day, last_day) = (day(first_us), day(last_us));
        let holidays: HashSet<i32> = hours.holidays.iter().copied().collect();
        let mut before = vec![0];
        for day in first_day..=last_day {
            // 1970-01-01 was a Thursday, day 3 of a week that starts on Monday.
            let is_free = hours.weekend.contains(&((day + 3).rem_euclid(7) as u8)) || holidays.contains(&day);
            before.push(before[before.len() - 1] + if is_free { 0 } else { close - open });
        }
        Ok(Self { zone: zone.clone(), first_day, open, close, before })
    }

    /// Working time from one instant to a later one. Hours are those of the wall clock, so that a day on which clocks
    /// change is as long as any other.
    pub fn between(&self, from_us: i64, to_us: i64) -> i64 {
        (self.until(to_us) - self.until(from_us)).max(0)
    }

    fn until(&self, us: i64) -> i64 {
        let local = self.zone.to_local_us(us);
        let day = local.div_euclid(DAY_US) as i32 - self.first_day;
        let Ok(day) = usize::try_from(day) else { return 0 };
        if day + 1 >= self.before.len() {
            return self.before[self.before.len() - 1];
        }
        let worked = (local.rem_euclid(DAY_US) - self.open).clamp(0, self.close - self.open);
        self.before[day] + worked.min(self.before[day + 1] - self.before[day])
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{HOUR_US, days, utc, zone};
    use super::*;

    fn hours(weekend: &[u8], holidays: &[i32]) -> Hours {
        Hours { open_us: 9 * HOUR_US, close_us: 17 * HOUR_US, weekend: weekend.to_vec(), holidays: holidays.to_vec() }
    }

    fn worked(hours: &Hours, from: &str, to: &str) -> i64 {
        let (from, to) = (utc(from), utc(to));
        WorkingTime::new(hours, &zone("UTC"), from, to).unwrap().between(from, to)
    }

    #[test]
    fn nights_weekends_and_holidays_are_no_working_time() {
        // 2026-03-18 is a Wednesday; Thursday and Friday are the weekend.
        let iran = hours(&[3, 4], &[]);
        assert_eq!(worked(&iran, "2026-03-18T16:00Z", "2026-03-21T10:00Z"), 2 * HOUR_US);
        assert_eq!(worked(&iran, "2026-03-18T03:00Z", "2026-03-18T12:30Z"), 7 * HOUR_US / 2);
        assert_eq!(worked(&iran, "2026-03-19T10:00Z", "2026-03-20T10:00Z"), 0);
        let holiday = hours(&[3, 4], &[days("2026-03-21T00:00Z")]);
        assert_eq!(worked(&holiday, "2026-03-18T16:00Z", "2026-03-22T09:30Z"), 3 * HOUR_US / 2);
    }

    #[test]
    fn hours_that_are_none_are_refused() {
        let wrong = Hours { open_us: 5, close_us: 5, weekend: vec![], holidays: vec![] };
        assert!(WorkingTime::new(&wrong, &zone("UTC"), 0, 1).is_err());
        assert!(WorkingTime::new(&hours(&[7], &[]), &zone("UTC"), 0, 1).is_err());
        assert!(WorkingTime::new(&hours(&[0, 1, 2, 3, 4, 5, 6], &[]), &zone("UTC"), 0, 1).is_err());
    }

    proptest! {
        #[test]
        fn working_time_is_the_minutes_counted_one_by_one(from in 0_i64..40_000, minutes in 0_i64..30_000) {
            let hours = hours(&[5, 6], &[3, 17]);
            let minute = HOUR_US / 60;
            let (from, to) = (from * minute, (from + minutes) * minute);
            let time = WorkingTime::new(&hours, &zone("Asia/Tehran"), from, to).unwrap();
            let tehran = zone("Asia/Tehran");
            let counted = (0..minutes).filter(|at| {
                let local = tehran.to_local_us(from + at * minute);
                let day = local.div_euclid(DAY_US);
                let hour = local.rem_euclid(DAY_US) / HOUR_US;
                (9..17).contains(&hour) && ![5, 6].contains(&(day + 3).rem_euclid(7)) && ![3, 17].contains(&day)
            });
            prop_assert_eq!(time.between(from, to), counted.count() as i64 * minute);
        }
    }
}
