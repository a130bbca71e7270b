"""Names of calendar periods, Gregorian and Jalali, and dates from one calendar in the other.

Data stay Gregorian and ISO; these functions are for display and for input in Jalali dates. The years are 1200
to 1699 of the Jalali calendar (1821 to 2320), as in the table of year starts that the core counts with.
"""

from __future__ import annotations

import datetime as dt

from safar import _core
from safar._typing import Calendar, Period
from safar.errors import ArgumentError

__all__ = ["gregorian_date", "jalali_date", "period_label"]

_EPOCH = dt.date(1970, 1, 1)
_DAY_US = 86_400_000_000


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
    day = dt.date(date.year, date.month, date.day)
    months = [start for start in _month_starts(day - dt.timedelta(days=366), day) if start <= day]
    # Nowruz is on 19 to 22 March, and no other month of the calendar begins in March.
    new_year = max(index for index, start in enumerate(months) if start.month == 3)
    return months[new_year].year - 621, len(months) - new_year, (day - months[-1]).days + 1


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
    if not 1200 <= year <= 1699 or not 1 <= month <= 12:
        raise ArgumentError(
            f"{year}-{month:02d}-{day:02d} is not a Jalali date; years are 1200 to 1699, months 1 to 12"
        )
    first = dt.date(year + 621, 3, 1)
    months = [start for start in _month_starts(first, first + dt.timedelta(days=400)) if start >= first]
    start, following = months[month - 1 : month + 1]
    length = (following - start).days
    if not 1 <= day <= length:
        raise ArgumentError(
            f"{year}-{month:02d}-{day:02d} is not a Jalali date; that month has {length} days"
        )
    return start + dt.timedelta(days=day - 1)


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


def _month_starts(first: dt.date, last: dt.date) -> list[dt.date]:
    """First days of the Jalali months from the one that holds `first` to the one that holds `last`."""
    from_us, to_us = ((day - _EPOCH).days * _DAY_US for day in (first, last))
    starts = _core.period_starts(from_us, to_us, "month", "UTC", "jalali", 0)
    return [_EPOCH + dt.timedelta(microseconds=start) for start in starts]
