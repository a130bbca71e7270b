"""A value per calendar period, and what changed in the last full one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from safar.language import ENGLISH, Locale

__all__ = ["Change", "Period", "Series", "period_name"]

Period = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Change:
    """The last full period against the full period before it.

    Parameters
    ----------
    value
        Relative change, or for a share the difference of the two shares.
    label
        Which period is compared with which.
    """

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Series:
    """One value per calendar period of a log.

    Parameters
    ----------
    period
        Length of a period.
    starts
        First local day of each period.
    values
        Value of each period; None where it is not defined.
    complete
        Whether the data covers the whole period.

    Examples
    --------
    >>> days = tuple(date(2026, 3, d) for d in (2, 9, 16))
    >>> series = Series("week", days, (100.0, 110.0, 3.0), (True, True, False))
    >>> series.full
    [100.0, 110.0]
    >>> change = series.change("count")
    >>> round(change.value, 3), change.label
    (0.1, 'week of 9 Mar vs previous')
    """

    period: Period
    starts: tuple[date, ...]
    values: tuple[float | None, ...]
    complete: tuple[bool, ...]

    @property
    def full(self) -> list[float | None]:
        """Values of the complete periods only."""
        return [value for value, complete in zip(self.values, self.complete, strict=True) if complete]

    def change(self, unit: str, locale: Locale = ENGLISH) -> Change | None:
        """Compare the last full period with the one before; None where either is missing or the earlier is 0.

        Parameters
        ----------
        unit
            ``"share"`` compares by difference, anything else by ratio.
        locale
            How readers are written to.
        """
        full = [place for place, complete in enumerate(self.complete) if complete]
        if len(full) < 2:
            return None
        before, last = self.values[full[-2]], self.values[full[-1]]
        if before is None or last is None or (unit != "share" and before <= 0):
            return None
        value = last - before if unit == "share" else last / before - 1
        start = self.starts[full[-1]]
        name = locale.say("week of {day}", day=locale.short_day(start)) if self.period == "week" else None
        return Change(
            value, locale.say("{period} vs previous", period=name or period_name(start, self.period, locale))
        )

    def name(self, place: int, locale: Locale) -> str:
        """Name a period."""
        return period_name(self.starts[place], self.period, locale)


def period_name(start: date, period: Period, locale: Locale = ENGLISH) -> str:
    """Name the period that begins on a day.

    Examples
    --------
    >>> period_name(date(2026, 3, 2), "week"), period_name(date(2026, 3, 1), "month")
    ('week of 2 Mar 2026', 'Mar 2026')
    """
    if period == "month":
        return locale.month(start)
    return locale.say("week of {day}", day=locale.day(start)) if period == "week" else locale.day(start)
