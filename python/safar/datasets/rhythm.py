"""When things happen: the year of the demo shop, hour by hour, in Tehran time.

Every moment is an int64 number of milliseconds since the start of the year, and every step from one moment to another
is integer arithmetic, so the same seed gives the same times on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from safar._typing import Array, Floats, Integers

START = np.datetime64("2025-06-01")
END = np.datetime64("2026-06-01")
NOWRUZ = np.datetime64("2026-03-21")
BLACK_FRIDAY = (np.datetime64("2025-11-21"), np.datetime64("2025-11-29"))
YALDA = np.datetime64("2025-12-21")
ASHURA = np.datetime64("2025-07-06")
SCHOOL = (np.datetime64("2025-09-13"), np.datetime64("2025-09-28"))

DAYS = int((END - START).astype(np.int64))
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_MS = DAYS * DAY_MS
# Tehran has kept UTC+03:30 all year since 2022.
UTC_OFFSET_MS = 3 * HOUR_MS + HOUR_MS // 2

# What an average day weighs; big enough that a moment within an hour is sharp to a few milliseconds.
DAY_WEIGHT = 10_000_000

_ONLINE_HOURS = (30, 18, 10, 6, 5, 7, 14, 24, 38, 52, 62, 66, 64, 60, 54, 52, 56, 62, 70, 80, 92, 100, 92, 60)
_STORE_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 40, 60, 62, 44, 26, 30, 58, 86, 100, 98, 74, 36, 0, 0)
_CALL_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 60, 96, 100, 92, 80, 70, 66, 70, 64, 52, 42, 34, 0, 0, 0, 0)
_COURIER_HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 90, 100, 96, 70, 60, 76, 90, 92, 70, 40, 10, 0, 0, 0)

# Monday first, as in `(day - 1969-12-29) % 7`; the weekend of Iran is Thursday and Friday.
_ONLINE_WEEK = (0.96, 0.96, 0.98, 1.10, 1.12, 1.00, 0.96)
_STORE_WEEK = (0.90, 0.92, 1.05, 1.55, 0.75, 0.92, 0.90)
_CALL_WEEK = (1.15, 1.10, 1.10, 0.70, 0.0, 1.35, 1.20)
_COURIER_WEEK = (1.15, 1.15, 1.15, 0.90, 0.0, 1.25, 1.20)


@dataclass(frozen=True)
class Rhythm:
    """How busy each hour of the year is: the cumulative weight at the end of every hour, starting with 0."""

    cumulative: Integers

    @cached_property
    def total(self) -> int:
        """The weight of the whole year."""
        return int(self.cumulative[-1])

    def position(self, moment: Integers) -> Integers:
        """Cumulative weight up to a moment of the year."""
        inside = np.clip(moment, 0, YEAR_MS - 1)
        hour = inside // HOUR_MS
        below = self.cumulative[hour]
        weight = self.cumulative[hour + 1] - below
        return np.where(moment >= YEAR_MS, self.total, below + weight * (inside - hour * HOUR_MS) // HOUR_MS)

    def moment(self, position: Integers) -> Integers:
        """The moment at which the cumulative weight is reached; the end of the year if it never is."""
        inside = np.minimum(position, self.total - 1)
        hour = np.searchsorted(self.cumulative, inside, side="right") - 1
        below = self.cumulative[hour]
        weight = self.cumulative[hour + 1] - below
        found = hour * HOUR_MS + (inside - below) * HOUR_MS // weight
        return np.where(position >= self.total, YEAR_MS, found)

    def between(self, random: np.random.Generator, first: Integers, last: Integers) -> Integers:
        """One random moment in each `[first, last)`, denser where it is busy."""
        low, high = self.position(first), self.position(last)
        return self.moment(low + (random.random(len(low)) * (high - low)).astype(np.int64))

    def after(self, moment: Integers, days: Floats) -> Integers:
        """The moment that is so many *busy* days later: a night or a closed Friday takes no time."""
        position = self.position(moment) + np.rint(days * DAY_WEIGHT).astype(np.int64)
        # Positions are rounded down, which would step back by a few milliseconds where no time passes.
        return np.maximum(self.moment(position), moment)


def _days() -> Array:
    return START + np.arange(DAYS)


def season(nowruz: float) -> Floats:
    """How busy each day of the year is, 1 on an ordinary day and `nowruz` just before the New Year."""
    day = _days()
    factor = np.ones(DAYS)
    until = (NOWRUZ - day).astype(np.int64)
    ramp = (until >= 3) & (until <= 30)
    factor[ramp] = 1.0 + (nowruz - 1.0) * np.sqrt((31 - until[ramp]) / 28.0)
    factor[(until >= 1) & (until <= 2)] = 1.0 + (nowruz - 1.0) * 0.4
    factor[(until <= 0) & (until > -13)] = 0.55
    yalda = (YALDA - day).astype(np.int64)
    factor[(yalda >= 0) & (yalda <= 5)] = 1.4
    factor[(day >= BLACK_FRIDAY[0]) & (day < BLACK_FRIDAY[1])] = 1.45
    factor[(day >= SCHOOL[0]) & (day < SCHOOL[1])] = 1.15
    factor[(day == ASHURA) | (day == ASHURA - 1)] = 0.5
    return factor


def _rhythm(hours: tuple[int, ...], week: tuple[float, ...], nowruz: float) -> Rhythm:
    weekday = (_days() - np.datetime64("1969-12-29")).astype(np.int64) % 7
    day_weight = season(nowruz) * np.array(week)[weekday]
    weight = day_weight[:, None] * (np.array(hours) / sum(hours))[None, :]
    exact = np.rint(weight.ravel() * (DAY_WEIGHT * DAYS / weight.sum())).astype(np.int64)
    return Rhythm(np.concatenate(([0], np.cumsum(exact))))


NOWRUZ_FACTOR = 2.3

ONLINE = _rhythm(_ONLINE_HOURS, _ONLINE_WEEK, NOWRUZ_FACTOR)
GIFTS = _rhythm(_ONLINE_HOURS, _ONLINE_WEEK, 5.0)
STORE = _rhythm(_STORE_HOURS, _STORE_WEEK, NOWRUZ_FACTOR)
CALLS = _rhythm(_CALL_HOURS, _CALL_WEEK, 1.0)
COURIER = _rhythm(_COURIER_HOURS, _COURIER_WEEK, 1.0)


def moment_of(day: np.datetime64) -> int:
    """Milliseconds from the start of the year to a local midnight."""
    return int((day.astype("datetime64[ms]") - START.astype("datetime64[ms]")).astype(np.int64))


def utc(moment: Integers) -> Array:
    """Moments of the year as UTC instants (datetime64[us])."""
    start_ms = int(START.astype("datetime64[ms]").astype(np.int64)) - UTC_OFFSET_MS
    return ((moment + start_ms) * 1_000).view("datetime64[us]")


def milliseconds(random: np.random.Generator, median_seconds: float, sigma: float, count: int) -> Integers:
    """Log-normal pauses, whole milliseconds, never longer than 20 minutes."""
    pause = np.exp(random.standard_normal(count) * sigma) * (median_seconds * 1_000.0)
    return np.minimum(pause, 1_200_000.0).astype(np.int64) + 1
