//! Dates of the Jalali calendar, also called Persian or Solar Hijri.

use super::gregorian::gregorian_date;
use crate::error::{Error, Result};

/// The first year of the table.
const FIRST_YEAR: i32 = 1200;

/// The last year of the table.
const LAST_YEAR: i32 = 1699;

const YEARS: usize = (LAST_YEAR - FIRST_YEAR + 1) as usize;

/// 1 Farvardin 1200, which is 1821-03-21.
const FIRST_NOWRUZ: i32 = -54_342;

/// One bit for each year from 1200 on, lowest first: set where the year has 366 days.
///
/// All 182,621 days of the years 1200 to 1699 were compared with ICU's Persian calendar (ICU 78.2).
const LEAP_YEARS: [u64; 8] = [
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
const NOWRUZ: [i32; YEARS + 1] = {
    let mut days = [FIRST_NOWRUZ; YEARS + 1];
    let mut year = 0;
    while year < YEARS {
        let leap = (LEAP_YEARS[year / 64] >> (year % 64)) & 1;
        days[year + 1] = days[year] + 365 + leap as i32;
        year += 1;
    }
    days
};

/// Year, month and day of a day in the Jalali calendar.
pub(super) fn jalali_date(day: i32) -> Result<(i32, u8, u8)> {
    if day < FIRST_NOWRUZ || day >= NOWRUZ[YEARS] {
        let (year, month, day) = gregorian_date(day);
        return Err(Error::Argument(format!(
            "the Jalali calendar is known for the years {FIRST_YEAR} to {LAST_YEAR} (1821-03-21 to \
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
    Ok((FIRST_YEAR + year as i32, month as u8 + 1, day_of_month as u8 + 1))
}

/// The day of a Jalali date, or nothing if there is no such date within the years of the table.
pub(super) fn jalali_day(year: i32, month: u8, day: u8) -> Option<i32> {
    let known = usize::try_from(year - FIRST_YEAR).ok().filter(|&year| year < YEARS)?;
    let leap = NOWRUZ[known + 1] - NOWRUZ[known] == 366;
    let length = match month {
        1..=6 => 31,
        7..=11 => 30,
        12 => 29 + u8::from(leap),
        _ => return None,
    };
    let month_start = i32::from(month - 1) * 30 + i32::from(month - 1).min(6);
    (1..=length).contains(&day).then(|| NOWRUZ[known] + month_start + i32::from(day) - 1)
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use super::super::tests::days;
    use super::*;

    #[test]
    fn every_day_of_the_table_has_one_date_and_the_date_that_day() {
        for day in FIRST_NOWRUZ..NOWRUZ[YEARS] {
            let (year, month, of_month) = jalali_date(day).unwrap();
            assert_eq!(jalali_day(year, month, of_month), Some(day));
        }
        for (year, month, day) in
            [(1199, 1, 1), (1700, 1, 1), (1404, 0, 1), (1404, 13, 1), (1404, 7, 31), (1404, 12, 30), (1404, 1, 0)]
        {
            assert_eq!(jalali_day(year, month, day), None, "{year}-{month}-{day}");
        }
        assert_eq!(jalali_day(1403, 12, 30), Some(days("2025-03-20")));
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
            assert_eq!(jalali_date(days(date)).unwrap(), (year, 1, 1), "{date}");
        }
        let dates = (days("2016-03-20")..days("2031-03-21")).map(|day| jalali_date(day).unwrap());
        let leap: Vec<i32> =
            dates.filter_map(|(year, month, day)| ((month, day) == (12, 30)).then_some(year)).collect();
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
            let date = year as u64 * 10_000 + u64::from(month) * 100 + u64::from(of_month);
            hash = (hash ^ date).wrapping_mul(0x0100_0000_01b3);
            day += 1;
        }
        assert_eq!(day - FIRST_NOWRUZ, 182_621);
        assert_eq!(hash, 0xba5b_15ed_1d31_0169);
    }

    #[test]
    fn days_outside_of_the_table_are_refused() {
        assert!(jalali_date(FIRST_NOWRUZ - 1).is_err());
        assert!(jalali_date(days("2321-03-21")).is_err());
        assert_eq!(jalali_date(days("2321-03-20")).unwrap(), (1699, 12, 29));
    }
}
