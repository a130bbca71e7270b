"""What the past lets expect of a period: level, weekday and holidays, by a robust regression on a suitable scale."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.monitoring.panel import Grid, Panel, Series

__all__ = ["Calendar", "Scales", "calendar_of", "robust_z", "scales_of"]

# A weekday departs from its like (workdays, weekend) as if a quarter of a period more had shown no departure.
_SHRINK = 0.25
# Deviations beyond so many standard deviations count as if they were there (Huber).
_HUBER = 2.0
_STEPS = 4
# Days of a holiday that are needed, from before it, to know what it does.
_HOLIDAYS = 3
# A holiday that comes again after fewer days is the same one going on.
_AGAIN_DAYS = 60
_MOST_COUNTED = 10_000

LOGIT, LOG, PLAIN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Scales:
    """On which scale each series is expected, and how much one of its periods tells.

    Attributes
    ----------
    kind : logit (binomial), log (Poisson), or plain (a value with a weight; its logarithm where none is negative).
    count : what was counted; a share's numerator, a count; the value itself on the plain scale.
    size : trials, exposure, or the weight of a value.
    logged : whether the plain value is a logarithm.
    """

    kind: Integers
    count: Floats
    size: Floats
    logged: Array
    factor: Floats

    def known(self) -> Array:
        """Which periods have a number to learn from."""
        return np.isfinite(self.count) & np.isfinite(self.size) & (self.size > 0)

    def back(self, eta: Floats, rows: Array | slice = slice(None)) -> Floats:
        """From the scale to the unit of the KPI; `eta` has a row a series of `rows`."""
        kind, logged, factor = self.kind[rows], self.logged[rows], self.factor[rows]
        shape = (-1,) + (1,) * (eta.ndim - 1)
        kind, logged, factor = kind.reshape(shape), logged.reshape(shape), factor.reshape(shape)
        with np.errstate(over="ignore"):
            found = np.where(
                kind == LOGIT, 1 / (1 + np.exp(-eta)), np.where((kind == LOG) | logged, np.exp(eta), eta)
            )
        return np.asarray(found * factor)


def is_count(series: Series, numerator: Floats) -> bool:
    """Whether a total counts something: whole numbers, none of them large."""
    known = numerator[~np.isnan(numerator)]
    return bool(
        series.form == "total"
        and len(known)
        and (known >= 0).all()
        and (known == np.floor(known)).all()
        and np.median(known) < _MOST_COUNTED
    )


def scales_of(panel: Panel) -> Scales:
    """Choose the scale of each series by its form."""
    shape = panel.numerator.shape
    kind, logged = np.full(shape[0], PLAIN), np.zeros(shape[0], dtype=bool)
    count, size, factor = panel.values(), np.ones(shape), np.ones(shape[0])
    for row, series in enumerate(panel.series):
        if series.form == "share":
            kind[row], factor[row] = LOGIT, series.scale
            count[row], size[row] = panel.numerator[row], panel.denominator[row]
        elif series.form == "rate" or is_count(series, panel.numerator[row]):
            kind[row], factor[row] = LOG, series.scale
            count[row] = panel.numerator[row]
            size[row] = panel.denominator[row] if series.form == "rate" else 1.0
        else:
            if series.form in ("mean", "nps"):
                size[row] = panel.denominator[row]
            known = count[row][np.isfinite(count[row])]
            # Amounts, and means of them, are skew and vary in proportion.
            if series.form != "nps" and len(known) and (known >= 0).all() and np.median(known) > 0:
                logged[row] = True
                count[row] = np.log(np.where(count[row] > 0, count[row], np.nan))
    size = np.where(panel.present & np.isfinite(count), size, np.nan)
    return Scales(kind, count, size, logged, factor)


# -------------------------------------------------------------------------------------------------------- calendar


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is known of each period before it comes.

    Attributes
    ----------
    design : a row a period: level, weekend, and each weekday's departure from its like.
    penalty : how strongly each column is held to 0, in periods.
    weekday : of a day; 0 of longer periods.
    holiday : which name of `names` a period has; -1 without one.
    run : the number of the coherent stretch of its holiday that a period is in; -1 without one.
    """

    design: Floats
    penalty: Floats
    weekday: Integers
    holiday: Integers
    run: Integers
    names: tuple[str, ...]


def calendar_of(grid: Grid, holidays: Mapping[dt.date, str], weekend: frozenset[int]) -> Calendar:
    """Put the calendar beside the periods; a longer period has the holiday that most of its days have."""
    days = grid.dates[:-1]
    daily = grid.length == "day" and grid.step == 1
    weekday = np.array([day.weekday() if daily else 0 for day in days], dtype=np.int64)
    columns = [np.ones(len(days))]
    penalty = [0.0]
    if daily:
        off = np.isin(weekday, sorted(weekend))
        if off.any() and not off.all():
            columns.append(off.astype(np.float64))
            penalty.append(_SHRINK)
        columns.extend((weekday == number).astype(np.float64) for number in range(7))
        penalty.extend([_SHRINK] * 7)
    names = tuple(sorted(set(holidays.values())))
    holiday = np.full(len(days), -1, dtype=np.int64)
    for at, (first, after) in enumerate(zip(days, grid.dates[1:], strict=True)):
        length = (after - first).days
        found = [holidays.get(first + dt.timedelta(days=day)) for day in range(length)]
        named = sorted(
            (name for name in found if name is not None), key=lambda name: (-found.count(name), name)
        )
        # A holiday of a few days colours a week, but not a month.
        if named and 4 * len(named) >= length:
            holiday[at] = names.index(named[0])
    run = np.full(len(days), -1, dtype=np.int64)
    last: dict[int, tuple[dt.date, int]] = {}
    runs = 0
    for at, code in enumerate(holiday.tolist()):
        if code >= 0:
            before = last.get(code)
            if before is None or (days[at] - before[0]).days > _AGAIN_DAYS:
                before, runs = (days[at], runs), runs + 1
            last[code] = (days[at], before[1])
            run[at] = before[1]
    return Calendar(np.stack(columns, axis=1), np.array(penalty), weekday, holiday, run, names)


# ------------------------------------------------------------------------------------------------------ regression


@dataclass(slots=True)
class Regression:
    """The level and the weekdays of all series at once, refitted period by period.

    Iteratively reweighted least squares (binomial, Poisson, or plain), Huber weights on Pearson residuals, and
    weights that halve with every `half_life` periods.
    """

    scales: Scales
    calendar: Calendar
    window: int
    half_life: float
    beta: Floats

    @classmethod
    def of(cls, scales: Scales, calendar: Calendar, window: int) -> Regression:
        """Start with nothing learned."""
        beta = np.full((len(scales.kind), calendar.design.shape[1]), np.nan)
        return cls(scales, calendar, window, float(window), beta)

    def rows(self, usable: Array, at: int) -> tuple[slice, Array]:
        """Which periods before `at` are learned from: the newest `window` usable ones of each series."""
        reach = slice(max(0, at - 2 * self.window), at)
        mine = usable[:, reach]
        newer = np.cumsum(mine[:, ::-1], axis=1)[:, ::-1]
        return reach, mine & (newer <= self.window)

    def expect(self, usable: Array, at: int) -> tuple[Floats, Floats, Floats, Integers]:
        """What is expected of period `at`, on the scale.

        Value; its variance, in units of the noise; how much of that all weekdays have in common; periods used.
        """
        reach, mine = self.rows(usable, at)
        used = mine.sum(axis=1).astype(np.int64)
        design, kind = self.calendar.design[reach], self.scales.kind[:, None]
        count = np.where(mine, self.scales.count[:, reach], 0.0)
        size = np.where(mine, self.scales.size[:, reach], 0.0)
        ages = np.arange(design.shape[0], 0, -1) - 1.0
        recent = np.where(mine, 0.5 ** (ages / self.half_life), 0.0)
        # Half an event more, spread over the window, keeps rates off 0 and 1.
        some = np.where(mine, 0.5 / np.maximum(used, 1)[:, None], 0.0)
        discrete = self.scales.kind != PLAIN
        count = count + np.where(discrete[:, None], some, 0.0)
        size = size + np.where((self.scales.kind == LOGIT)[:, None], 2 * some, 0.0)
        beta = self._start(count, size)
        products = np.einsum("wp,wq->wpq", design, design).reshape(len(design), design.shape[1] ** 2)
        columns = design.shape[1]
        information = np.zeros((len(used), columns, columns))
        for _ in range(_STEPS):
            eta = np.clip(beta @ design.T, -30, 30) if discrete.all() else self._clipped(beta @ design.T)
            mean, weight = mean_and_weight(kind, eta, size)
            raw = count - mean
            pearson = np.divide(raw, np.sqrt(weight), out=np.zeros_like(raw), where=mine & (weight > 0))
            pearson = np.where(kind == PLAIN, raw * np.sqrt(size), pearson)
            spread = _spread(pearson, mine, discrete)
            extreme = np.abs(pearson) / np.maximum(spread, 1e-300)[:, None]
            trust = recent * np.where(extreme > _HUBER, _HUBER / np.maximum(extreme, _HUBER), 1.0)
            weight = np.where(mine, np.maximum(weight, 1e-9 * (size > 0)), 0.0)
            step = np.divide(raw, weight, out=np.zeros_like(raw), where=weight > 0)
            step = np.where(kind == PLAIN, raw, np.clip(step, -3.0, 3.0))
            pull = weight * trust
            typical = pull.sum(axis=1) / np.maximum(trust.sum(axis=1), 1e-300)
            information = (pull @ products).reshape(-1, columns, columns)
            penalty = np.maximum(typical, 1e-12)[:, None] * self.calendar.penalty[None, :]
            information += np.einsum("sp,pq->spq", penalty, np.eye(columns))
            information += 1e-12 * np.eye(columns) * np.maximum(typical, 1e-12)[:, None, None]
            right = (pull * (eta + step)) @ design
            beta = np.linalg.solve(information, right[:, :, None])[:, :, 0]
        self.beta = np.where((used >= 2)[:, None], beta, np.nan)
        now, usual = self.calendar.design[at], self.calendar.design[: at + 1].mean(axis=0)
        sides = np.stack([now, usual], axis=1)
        solved = np.linalg.solve(information, np.broadcast_to(sides, (len(beta), *sides.shape)))
        # Older periods weigh less than they tell, so this is a little more than the variance.
        variance, common = now @ solved[:, :, 0].T, sides[:, 1] @ solved[:, :, 1].T
        return self._clipped(beta @ now), variance, np.minimum(common, variance), used

    def _clipped(self, eta: Floats) -> Floats:
        kind = self.scales.kind.reshape((-1,) + (1,) * (eta.ndim - 1))
        return np.where(kind == PLAIN, eta, np.clip(eta, -30, 30))

    def _start(self, count: Floats, size: Floats) -> Floats:
        beta = self.beta.copy()
        fresh = ~np.isfinite(beta).all(axis=1)
        beta[fresh] = 0.0
        total, exposure = count.sum(axis=1), np.maximum(size.sum(axis=1), 1e-300)
        rate = np.clip(total / exposure, 1e-9, None)
        share = np.clip(rate, 1e-9, 1 - 1e-9)
        plain = (count * size).sum(axis=1) / exposure
        level = np.select(
            [self.scales.kind == LOGIT, self.scales.kind == LOG],
            [np.log(share / (1 - share)), np.log(rate)],
            plain,
        )
        beta[fresh, 0] = level[fresh]
        return beta


def mean_and_weight(kind: Integers, eta: Floats, size: Floats) -> tuple[Floats, Floats]:
    """What is counted on average, and the information of a period about eta."""
    odds = np.exp(np.clip(eta, -30, 30))
    binomial = kind == LOGIT
    rate = size * np.where(binomial, odds / (1 + odds), odds)
    plain = kind == PLAIN
    return np.where(plain, eta, rate), np.where(plain, size, np.where(binomial, rate / (1 + odds), rate))


def _spread(pearson: Floats, mine: Array, discrete: Array) -> Floats:
    """Standard deviation of residuals by their median size; at least that of chance, where it is known."""
    spread = 1.4826 * median_of(np.abs(pearson), mine)
    return np.where(discrete, np.maximum(spread, 1.0), spread)


def median_of(values: Floats, mine: Array) -> Floats:
    """Median of each row over its own entries; 0 of none."""
    ordered = np.sort(np.where(mine, values, np.inf), axis=1)
    number = mine.sum(axis=1)
    if not values.shape[1]:
        return np.zeros(len(values))
    rows = np.arange(len(values))
    low, high = np.maximum((number - 1) // 2, 0), np.minimum(number // 2, values.shape[1] - 1)
    found = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.where(number > 0, found, 0.0)


def link(scales: Scales, at: int) -> Floats:
    """What was observed in period `at`, on the scale, with half an event more on either side."""
    count, size = scales.count[:, at], scales.size[:, at]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.select(
            [scales.kind == LOGIT, scales.kind == LOG],
            [np.log((count + 0.5) / (size - count + 0.5)), np.log((count + 0.5) / size)],
            count,
        )


def holiday_effect(calendar: Calendar, departures: Floats, at: int) -> tuple[Floats, Floats, Integers]:
    """What the holiday of period `at` did before, on the scale: median, variance of one day, number of days.

    Only stretches of the holiday before the present one count.
    """
    before = (calendar.holiday[:at] == calendar.holiday[at]) & (calendar.run[:at] != calendar.run[at])
    past = departures[:, :at][:, before]
    mine = np.isfinite(past)
    number = mine.sum(axis=1)
    if not past.shape[1]:
        return np.zeros(len(past)), np.zeros(len(past)), number
    middle = median_of(np.where(mine, past, 0.0), mine)
    apart = 1.4826 * median_of(np.abs(np.where(mine, past, 0.0) - middle[:, None]), mine)
    return middle, apart**2 * (1 + 1 / np.maximum(number, 1)), number


def known_holiday(number: Integers) -> Array:
    """Whether enough days of a holiday were seen before."""
    return number >= _HOLIDAYS


def robust_z(value: Floats, past: Floats, mine: Array) -> Floats:
    """How far is a value from the median of the past, in robust standard deviations?

    Parameters
    ----------
    value
        One a series.
    past
        Past values, a row a series.
    mine
        Which of them count.

    Returns
    -------
    array
        0.6745 (value - median) / MAD; where the MAD is 0, (value - median) over 1.2533 times the mean absolute
        deviation; NaN where that is 0 as well.

    Notes
    -----
    Iglewicz and Hoaglin (1993), "How to detect and handle outliers", who advise 3.5 as a limit.

    Examples
    --------
    >>> past = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    >>> robust_z(np.array([9.0]), past, np.ones((1, 5), dtype=bool)).round(3)
    array([4.047])
    """
    middle = median_of(past, mine)
    apart = np.abs(np.where(mine, past, 0.0) - middle[:, None])
    spread = median_of(apart, mine) / 0.6745
    mean = 1.253314 * np.where(mine, apart, 0.0).sum(axis=1) / np.maximum(mine.sum(axis=1), 1)
    spread = np.where(spread > 0, spread, mean)
    return np.asarray(np.divide(value - middle, spread, out=np.full(len(value), np.nan), where=spread > 0))
