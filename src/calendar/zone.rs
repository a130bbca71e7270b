//! Time zones: UTC to and from the wall clock.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use super::steps::Steps;
use super::time_text::offset_seconds;
use super::{DAY_US, EARLIEST_US, LATEST_US};
use crate::error::{Error, Result, did_you_mean};

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
    pub(super) fn day_start(&self, day: i32) -> i64 {
        let local_us = i64::from(day) * DAY_US;
        let step = self.local.find(local_us);
        let utc_us = local_us - self.offsets[step];
        match self.utc.starts.get(step + 1) {
            Some(&change) => utc_us.min(change),
            None => utc_us,
        }
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

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use jiff::civil::DateTime;
    use proptest::prelude::*;

    use super::super::tests::{HOUR_US, days, utc, wall, zone};
    use super::*;

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

    proptest! {
        #[test]
        fn no_name_panics(text in "\\PC{0,40}") {
            let _ = Zone::new(&text);
        }
    }
}
