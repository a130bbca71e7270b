"""Alerts from judged periods: which alarms are one alert, how long it lasts, and what was seen and expected then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.monitoring.judging import TARGET, Judgement
from safar.monitoring.panel import Panel, intervals, values
from safar.monitoring.season import LOG, LOGIT, is_count

__all__ = ["Alert", "raised"]

# How many periods before and after its alarms an alert may reach at most.
_REACH = 14
_LEAST_SCORE = 2.0


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: a series, the periods from `first` until before `end`, and what was found there."""

    series: int
    first: int
    end: int
    peak: int
    alarms: int
    side: int
    rule: int
    rules: tuple[int, ...]
    p: float
    q: float
    observed: float
    observed_low: float
    observed_high: float
    expected: float
    low: float
    high: float

    @property
    def against_target(self) -> bool:
        """Whether the rule of the target raised it."""
        return self.rule == TARGET


def raised(panel: Panel, found: Judgement, quiet: int) -> Iterator[Alert]:
    """Find the alerts of all series; alarms with at most `quiet` periods between them are one."""
    changes = np.asarray(found.alarm[:TARGET].any(axis=0))
    for row, series in enumerate(panel.series):
        for side in (-1, 1):
            mine = changes[row] & (found.side[row] == side)
            score = np.nan_to_num(side * found.score[row])
            for bounds, periods in _lasting(_groups(mine, quiet), score):
                yield _alert(panel, found, row, periods, bounds, side, slice(0, TARGET))
        wrong = -1 if series.direction == "up" else 1
        for periods in _groups(found.alarm[TARGET, row], quiet):
            bounds = (int(periods[0]), int(periods[-1]) + 1)
            yield _alert(panel, found, row, periods, bounds, wrong, slice(TARGET, TARGET + 1))


def _groups(mine: Array, quiet: int) -> list[Integers]:
    """The true periods, put together where at most `quiet` others stand between them."""
    at = np.flatnonzero(mine)
    return np.split(at, np.flatnonzero(np.diff(at) > quiet + 1) + 1) if len(at) else []


def _lasting(groups: list[Integers], score: Floats) -> list[tuple[tuple[int, int], Integers]]:
    """From when to when each group of alarms lasts; groups that touch are one.

    The stretch grows from the alarms to either side for as long as it gains in evidence: the sum of the scores, each
    less half of what they are on average in the alarms, and less 2 at most (the most likely change point of a shift).
    """
    found: list[tuple[tuple[int, int], Integers]] = []
    for number, periods in enumerate(groups):
        least = min(float(score[periods].mean()) / 2, _LEAST_SCORE)
        # The weighted mean of the drift stays out for a while after the change is over.
        periods = periods[: int(np.flatnonzero(score[periods] >= least)[-1]) + 1]
        first, last = int(periods[0]), int(periods[-1])
        floor = max(0, first - _REACH, found[-1][0][1] if found else 0)
        ceiling = min(
            last + 1 + _REACH, int(groups[number + 1][0]) if number + 1 < len(groups) else len(score)
        )
        start = first - _gain(np.cumsum((score[floor:first] - least)[::-1]))
        end = last + 1 + _gain(np.cumsum(score[last + 1 : ceiling] - least))
        if found and start <= found[-1][0][1]:
            (start, _), earlier = found.pop()
            periods = np.concatenate((earlier, periods))
        found.append(((start, end), periods))
    return found


def _gain(sums: Floats) -> int:
    """How many entries make the greatest sum; none where no sum is above 0."""
    return int(sums.argmax()) + 1 if len(sums) and sums.max() > 0 else 0


def _alert(
    panel: Panel,
    found: Judgement,
    row: int,
    periods: Integers,
    bounds: tuple[int, int],
    side: int,
    rules: slice,
) -> Alert:
    alarm, p = found.alarm[rules, row][:, periods], found.p[rules, row][:, periods]
    p = np.where(alarm, p, np.inf)
    best, place = divmod(int(p.argmin()), len(periods))
    rule, peak = best + rules.start, int(periods[place])
    first, end = bounds
    weekday = np.array([day.weekday() for day in panel.grid.dates[:-1]])
    inside = np.zeros(len(panel.grid), dtype=bool)
    inside[first:end] = True
    inside &= (
        np.isfinite(panel.target[row]) & panel.complete[row] if rule == TARGET else found.reason[row] == 0
    )
    observed, observed_low, observed_high, weights = _together(panel, row, inside)
    if rule == TARGET:
        expected, low, high = float((weights * panel.target[row, inside]).sum()), np.nan, np.nan
    else:
        expected, low, high = _expected_together(found, row, inside, weights, weekday)
    return Alert(
        row, first, end, peak, len(periods), side, rule,
        tuple(int(each) + rules.start for each in np.flatnonzero(alarm.any(axis=1))),
        float(p[best, place]), float(found.q[rule, row, peak]),
        observed, observed_low, observed_high, expected, low, high,
    )  # fmt: skip


def _together(panel: Panel, row: int, inside: Array) -> tuple[float, float, float, Floats]:
    """One value over some periods with its 95 % interval, and the weights of the periods in it."""
    series = panel.series[row]
    top, down, squares = (
        matrix[row, inside] for matrix in (panel.numerator, panel.denominator, panel.squares)
    )
    count = len(top)
    size = np.full(count, 1.0) if series.form == "total" else np.nan_to_num(down)
    weights = size / size.sum() if size.sum() > 0 else np.full(count, 1 / count)
    sums = [np.array([part.sum()]) for part in (top, down, squares)]
    value = values(series.form, series.scale, sums[0], sums[1])
    low, high = intervals(series.form, series.scale, *sums, count=is_count(series, panel.numerator[row]))
    each = count if series.form == "total" else 1
    return float(value[0]) / each, float(low[0]) / each, float(high[0]) / each, weights


def _expected_together(
    found: Judgement, row: int, inside: Array, weights: Floats, weekday: Integers
) -> tuple[float, float, float]:
    """What was expected of some periods together.

    Noise is each period's own, the error of the level is that of all of them, and that of a weekday of its days.
    """
    from scipy.special import stdtrit

    scales, rows = found.scales, np.array([row])
    value = scales.back(found.eta[row, inside][None, :], rows)[0]
    slope = _slope(found, row, value)
    common, known = found.common_variance[row, inside], found.known_variance[row, inside]
    shared = float((weights * slope * np.sqrt(common)).sum()) ** 2
    apart = weights * slope * np.sqrt(known - common)
    shared += sum(float(apart[weekday[inside] == day].sum()) ** 2 for day in range(7))
    own = float(((weights * slope) ** 2 * found.noise_variance[row, inside]).sum())
    expected = float((weights * value).sum())
    half = float(stdtrit(found.degrees[row, inside].mean(), 0.975)) * np.sqrt(shared + own)
    here = half / float(_slope(found, row, np.array([expected]))[0])
    unit = expected / scales.factor[row]
    if scales.kind[row] == LOGIT:
        unit = float(np.clip(unit, 1e-12, 1 - 1e-12))
        eta = np.log(unit / (1 - unit))
    else:
        eta = np.log(unit) if scales.kind[row] == LOG or scales.logged[row] else unit
    low, high = (float(scales.back(np.array([[eta + sign * here]]), rows)[0, 0]) for sign in (-1, 1))
    return expected, low, high


def _slope(found: Judgement, row: int, value: Floats) -> Floats:
    """How fast the value in its unit grows with that on the scale."""
    scales = found.scales
    unit = value / scales.factor[row]
    if scales.kind[row] == LOGIT:
        return np.asarray(np.maximum(value * (1 - unit), 1e-300))
    grows = scales.kind[row] == LOG or scales.logged[row]
    return np.asarray(np.maximum(value, 1e-300) if grows else np.ones_like(value))
