"""Values per week or day for the tiles, from kernels and vectorised sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np

from safar import _core
from safar._typing import Array, Calendar, Floats, Integers
from safar.analyses._periods import checked_week_start
from safar.pages.series import Series

if TYPE_CHECKING:
    from safar.analyses.retention import RetentionResult
    from safar.analyses.sessions import SessionsResult
    from safar.log import EventLog

__all__ = [
    "Periods",
    "active_customers",
    "events_per_period",
    "periods_of",
    "sessions_per_period",
    "typical_length",
    "value_per_period",
]

_DAY_US = 86_400_000_000
_CHUNK = 1 << 22
_LEAST = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """The calendar weeks or days of a log.

    Parameters
    ----------
    period
        Length of a period.
    calendar
        Whose weeks they are.
    edges
        Start of each period in µs UTC, and the end of the last.
    starts
        First local day of each period.
    complete
        Whether the data covers the whole period.
    """

    period: Literal["day", "week"]
    calendar: Calendar
    edges: Integers
    starts: tuple[date, ...]
    complete: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.starts)

    def series(self, values: Sequence[float | None]) -> Series:
        """Put one value on each period."""
        return Series(self.period, self.starts, tuple(values), self.complete)

    def of(self, times: Integers) -> Integers:
        """Place times in µs UTC: the number of the period that each is in."""
        return np.searchsorted(self.edges, times, side="right") - 1


def periods_of(log: EventLog, calendar: Calendar = "gregorian") -> Periods | None:
    """Choose weeks, or days where there are fewer than three complete weeks.

    Parameters
    ----------
    log
        The log.
    calendar
        Whose weeks: Gregorian ones begin on Monday, Jalali ones on Saturday.

    Returns
    -------
    Periods or None
        None where there are not even three complete days.
    """
    for period in ("week", "day"):
        found = _periods(log, period, calendar)
        if sum(found.complete) >= _LEAST:
            return found
    return None


def _periods(log: EventLog, period: Literal["day", "week"], calendar: Calendar) -> Periods:
    first, last, until = log.info["first_us"], log.info["last_us"], log.observed_until_us
    # One period more than the data, so that the last one has its end.
    ahead = last + 9 * _DAY_US
    week_start = checked_week_start(None, calendar)
    bounds = _core.period_starts(first, ahead, period, log.timezone, calendar, week_start)
    edges = np.array(bounds, dtype=np.int64)
    edges = edges[: int(np.searchsorted(edges, last, side="right")) + 1]
    zone = ZoneInfo(log.timezone)
    starts = tuple(
        (_EPOCH + timedelta(microseconds=int(edge))).astimezone(zone).date() for edge in edges[:-1]
    )
    # Data that begins in the middle of a period does not cover it.
    whole = [
        end <= until and (start >= first or first - start < _DAY_US)
        for start, end in pairwise(edges.tolist())
    ]
    return Periods(period, calendar, edges, starts, tuple(bool(covered) for covered in whole))


def events_per_period(log: EventLog, periods: Periods) -> list[int]:
    """Count the events of each period.

    Parameters
    ----------
    log, periods
        The log and its periods.

    Returns
    -------
    list of int
    """
    times = log.core.view("times")
    total = np.zeros(len(periods), dtype=np.int64)
    for begin in range(0, len(times), _CHUNK):
        total += np.bincount(periods.of(times[begin : begin + _CHUNK]), minlength=len(periods))
    return [int(number) for number in total]


def value_per_period(log: EventLog, periods: Periods, values: Floats) -> list[float]:
    """Sum a value of the events by period.

    Parameters
    ----------
    log, periods
        The log and its periods.
    values
        One number an event, in the order of the log.

    Returns
    -------
    list of float
    """
    times = log.core.view("times")
    total = np.zeros(len(periods), dtype=np.float64)
    for begin in range(0, len(times), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        total += np.bincount(periods.of(times[part]), weights=values[part], minlength=len(periods))
    return [float(number) for number in total]


def active_customers(result: RetentionResult, periods: Periods) -> list[int]:
    """Count the customers of each period who had one of the events that a retention result counts.

    Parameters
    ----------
    result
        Retention by the same periods whose start and back events are the same: a customer of an earlier cohort who is
        back in a period, or whose cohort it is, had such an event in it.
    periods
        The periods.

    Returns
    -------
    list of int
    """
    places = {np.datetime64(start, "D"): place for place, start in enumerate(periods.starts)}
    cohorts = np.array([places[cohort] for cohort in result.table.numpy("cohort")[0].astype("datetime64[D]")])
    when = cohorts + result.table.numpy("period")[0].astype(np.int64)
    returned = result.table.numpy("returned")[0].astype(np.int64)
    inside = when < len(periods)
    total = np.zeros(len(periods), dtype=np.int64)
    np.add.at(total, when[inside], returned[inside])
    return [int(number) for number in total]


def sessions_per_period(result: SessionsResult, periods: Periods) -> tuple[list[int], list[float | None]]:
    """Count the sessions that began in each period, and give the median length of those with several events.

    Parameters
    ----------
    result
        Sessions.
    periods
        The periods.

    Returns
    -------
    list of int, list of float or None
        Sessions, and medians in seconds (None where there is no session of two or more events).
    """
    start, seconds, several = _lengths(result)
    when = periods.of(start)
    counts = np.bincount(when, minlength=len(periods))
    order = np.argsort(when[several], kind="stable")
    ends = np.cumsum(np.bincount(when[several], minlength=len(periods)))[:-1]
    parts = np.split(seconds[several][order], ends)
    medians = [float(np.median(part)) if len(part) else None for part in parts]
    return [int(number) for number in counts], medians


def typical_length(result: SessionsResult) -> tuple[float | None, int]:
    """Give the median length of the sessions with two or more events; a single event has no length to speak of.

    Parameters
    ----------
    result
        Sessions.

    Returns
    -------
    float or None, int
        Seconds, and the number of such sessions.
    """
    _, seconds, several = _lengths(result)
    number = int(several.sum())
    return (float(np.median(seconds[several])) if number else None), number


def _lengths(result: SessionsResult) -> tuple[Integers, Floats, Array]:
    """Take start in µs UTC and length in seconds of each session, and whether it has two or more events."""
    start, end = (
        result.table.numpy(name)[0].astype("datetime64[us]").astype(np.int64) for name in ("start", "end")
    )
    return start, (end - start) / 1e6, result.table.numpy("events")[0] > 1
