//! ISO 8601 text.

use super::DAY_US;
use super::gregorian::gregorian_day;

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
pub(super) fn offset_seconds(text: &[u8]) -> Option<(i32, &[u8])> {
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
    use jiff::Timestamp;
    use jiff::fmt::temporal::DateTimeParser;
    use jiff::tz::{Offset, TimeZone};
    use proptest::prelude::*;

    use super::super::tests::{HOUR_US, wall};
    use super::super::{EARLIEST_US, LATEST_US};
    use super::*;

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
        }
    }
}
