"""Gregorian and Jalali dates, weekends and holidays.

Data stay Gregorian and ISO; these functions are for display, for input in Jalali dates, and for what makes days differ.
The years are 1200 to 1699 of the Jalali calendar (1821 to 2320), as in the core's table of year
starts.
"""

from __future__ import annotations

from safar.calendar.dates import days_from_nowruz, gregorian_date, jalali_date, nowruz, period_label
from safar.calendar.days import holidays, is_weekend

__all__ = [
    "days_from_nowruz",
    "gregorian_date",
    "holidays",
    "is_weekend",
    "jalali_date",
    "nowruz",
    "period_label",
]
