"""Dates of one calendar in the other, names of periods, and the distance from Nowruz."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right

from safar._typing import Calendar, Period
from safar.errors import ArgumentError, ArgumentTypeError

__all__ = ["checked_date", "days_from_nowruz", "gregorian_date", "jalali_date", "nowruz", "period_label"]

_FIRST_YEAR, _LAST_YEAR = 1200, 1699
# One bit for each year from the first on, lowest first: set where the year has 366 days. The core has the same table.
_LEAP_YEARS = (
    0x8888_8844_4444_4422,
    0x2222_2111_1111_1088,
    0x8888_8444_4444_4222,
    0x2222_1111_1111_0888,
    0x8888_8444_4444_2222,
    0x2221_1111_1110_8888,
    0x8888_4444_4444_2222,
    0x0001_1111_1110_8888,
)


def _new_years() -> list[dt.date]:
    """Every Nowruz of the table, and the one after it."""
    starts = [dt.date(1821, 3, 21)]
    for year in range(_LAST_YEAR - _FIRST_YEAR + 1):
        leap = _LEAP_YEARS[year // 64] >> (year % 64) & 1
        starts.append(starts[-1] + dt.timedelta(days=365 + leap))
    return starts


_NOWRUZ = _new_years()


def jalali_date(date: dt.date, /) -> tuple[int, int, int]:
    """What is a Gregorian date in the Jalali calendar?

    Parameters
    ----------
    date
        A Gregorian date.

    Returns
    -------
    tuple
        Jalali year, month (1 to 12) and day (1 to 31).

    Examples
    --------
    >>> import datetime
    >>> jalali_date(datetime.date(2026, 3, 21))
    (1405, 1, 1)
    """
    day = checked_date(date)
    index = _year_index(day)
    of_year = (day - _NOWRUZ[index]).days
    # Six months of 31 days, then months of 30.
    month, of_month = divmod(of_year, 31) if of_year < 186 else divmod(of_year - 6, 30)
    return _FIRST_YEAR + index, month + 1, of_month + 1


def gregorian_date(year: int, month: int, day: int) -> dt.date:
    """What is a Jalali date in the Gregorian calendar?

    Parameters
    ----------
    year, month, day
        Jalali year (1200 to 1699), month (1 to 12) and day (1 to 31).

    Returns
    -------
    datetime.date
        The Gregorian date.

    Examples
    --------
    >>> gregorian_date(1405, 1, 1)
    datetime.date(2026, 3, 21)
    """
    if not _FIRST_YEAR <= year <= _LAST_YEAR or not 1 <= month <= 12:
        raise ArgumentError(
            f"{year}-{month:02d}-{day:02d} is not a Jalali date; years are {_FIRST_YEAR} to {_LAST_YEAR}, months "
            "1 to 12"
        )
    first, following = _NOWRUZ[year - _FIRST_YEAR : year - _FIRST_YEAR + 2]
    length = 31 if month <= 6 else 30 if month <= 11 else (following - first).days - 336
    if not 1 <= day <= length:
        raise ArgumentError(
            f"{year}-{month:02d}-{day:02d} is not a Jalali date; that month has {length} days"
        )
    return first + dt.timedelta(days=30 * (month - 1) + min(month - 1, 6) + day - 1)


def nowruz(year: int, /) -> dt.date:
    """On which Gregorian date does a Jalali year begin?

    Parameters
    ----------
    year
        Jalali year, 1200 to 1699.

    Returns
    -------
    datetime.date
        1 Farvardin, which is Nowruz.

    Examples
    --------
    >>> nowruz(1404)
    datetime.date(2025, 3, 21)
    """
    return gregorian_date(year, 1, 1)


def days_from_nowruz(date: dt.date, /) -> int:
    """How many days is a date after Nowruz, or before it?

    Parameters
    ----------
    date
        A Gregorian date.

    Returns
    -------
    int
        0 on 1 Farvardin, positive after it, negative before it, counted from the nearer Nowruz: -183 to 183. The day of
        a leap year that is as far from both counts from the Nowruz before it.

    Examples
    --------
    >>> import datetime
    >>> days_from_nowruz(datetime.date(2026, 3, 1)), days_from_nowruz(datetime.date(2026, 4, 2))
    (-20, 12)
    """
    day = checked_date(date)
    before = _year_index(day)
    after, ahead = (day - _NOWRUZ[before]).days, (_NOWRUZ[before + 1] - day).days
    return after if after <= ahead else -ahead


def period_label(date: dt.date, /, *, period: Period, calendar: Calendar) -> str:
    """How is the period that begins on a Gregorian date written?

    Parameters
    ----------
    date
        First day of the period, Gregorian.
    period
        A month is written without its day.
    calendar
        The calendar to write it in.

    Returns
    -------
    str
        ``2026-03-21``, ``2026-03``, or the same in Jalali, in ASCII digits.

    Examples
    --------
    >>> import datetime
    >>> period_label(datetime.date(2026, 3, 21), period="month", calendar="jalali")
    '1405-01'
    """
    year, month, day = jalali_date(date) if calendar == "jalali" else (date.year, date.month, date.day)
    return f"{year:04d}-{month:02d}" if period == "month" else f"{year:04d}-{month:02d}-{day:02d}"


def checked_date(date: object, argument: str = "date") -> dt.date:
    """The day of a date or datetime, in its own zone."""
    # A missing time of pandas is a datetime too, and the only one that differs from itself.
    if not isinstance(date, dt.date) or date != date:
        raise ArgumentTypeError(
            f"{argument}={date!r} is a {type(date).__name__}; expected a date, such as datetime.date(2026, 3, 21)"
        )
    return dt.date(date.year, date.month, date.day)


def _year_index(day: dt.date) -> int:
    """The place of the Jalali year of a day in the table."""
    if not _NOWRUZ[0] <= day < _NOWRUZ[-1]:
        raise ArgumentError(
            f"the Jalali calendar is known for the years {_FIRST_YEAR} to {_LAST_YEAR} ({_NOWRUZ[0]} to "
            f"{_NOWRUZ[-1] - dt.timedelta(days=1)}); {day} isn't within"
        )
    return bisect_right(_NOWRUZ, day) - 1
