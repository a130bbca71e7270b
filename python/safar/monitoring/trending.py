"""Trends of KPIs: Mann-Kendall, Theil-Sen, and the change from period to period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from safar import _args, _table
from safar._typing import Array, Floats, Frame, Instant, Integers, Language
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Said
from safar.monitoring.comparing import Correction, adjusted, between, difference, parts_of
from safar.monitoring.panel import Panel, called_of, read, typed
from safar.monitoring.season import is_count
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["TrendResult", "mann_kendall", "theil_sen", "trend"]

Autocorrelation: TypeAlias = Literal["hamed_rao", "none"]

_LEAST = 8
_MOST = 2_500
_AGAINST = {"day": 7, "week": 1, "month": 1}
_LEVEL = 0.05
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class TrendResult(ResultTable):
    """Do KPIs rise or fall?

    Parameters
    ----------
    table
        One row a KPI and slice; the columns are listed by `trend`.
    called
        What KPIs, stages and channels are called, by language and by their text in the table.
    """

    _: KW_ONLY
    _panel: Panel
    _rows: tuple[int, ...]
    _usable: Array
    called: Mapping[str, Mapping[str, str]]

    def plot(self, kpi: str | None = None, **options: Any) -> ChartType:
        """The course of one KPI and its trend; the options are those of `safar.plot.trend`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").trend(self, kpi, **options)
        return chart

    def course(self, row: int) -> tuple[list[dict[str, Any]], str, bool]:
        """What is drawn of a row of the table: its periods, its unit, and whether it is a share from 0 to 1."""
        series = self._rows[row]
        usable, values = self._usable[series], self._panel.values()[series]
        columns, at = self.to_dict(), np.arange(len(values))
        slope, *bounds = (columns[name][row] for name in ("slope", "slope_low", "slope_high"))
        if slope is None:
            line = low = high = np.full(len(values), np.nan)
        else:
            line = float(np.median(values[usable] - slope * at[usable])) + slope * at
            # All slopes go through the middle of the periods.
            middle = float(np.median(at[usable]))
            ends = [line + (bound - slope) * (at - middle) for bound in bounds]
            low, high = np.minimum(*ends), np.maximum(*ends)
        periods = [
            {
                "date": self._panel.grid.dates[place],
                "value": float(values[place]),
                "trend": float(line[place]),
                "trend_low": float(low[place]),
                "trend_high": float(high[place]),
            }
            for place in np.flatnonzero(usable).tolist()
        ]
        each = self._panel.series[series]
        return periods, each.unit, each.form == "share" and each.scale == 1 and not each.unit

    def label(self, row: int, language: Language = "en") -> str:
        """What a row of the table is called: its KPI and its slice."""
        return self._panel.series[self._rows[row]].label(self.called.get(language, {}))


def trend(
    kpis: Frame,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    autocorrelation: Autocorrelation = "hamed_rao",
    correction: Correction = "bh",
    against: int | None = None,
    timezone: str | None = None,
) -> TrendResult:
    """Do KPIs rise or fall, how fast, and how does the last period stand beside an earlier one?

    Parameters
    ----------
    kpis
        The tidy table of KPIs, as of `safar.alerts`.
    start, end
        Look at the periods that begin in ``[start, end)``; by default all. Periods that are not fully observed are
        left out, and those without a value.
    autocorrelation
        ``"hamed_rao"`` allows for values that follow one another, which make a trend out of nothing; ``"none"`` takes
        periods for independent.
    correction
        What the p-values of all rows are adjusted by: ``"bh"``, ``"holm"`` or ``"none"``.
    against
        The last period is compared with that so many periods before; by default 7 days, so that weekdays are alike,
        one week or one month.
    timezone
        As of `safar.alerts`.

    Returns
    -------
    TrendResult
        One row for each KPI and slice: ``kpi``, the columns of slices, ``periods`` (with a value), ``slope`` (median
        change a period, in the unit) with its 95 % interval (``slope_low``, ``slope_high``), ``tau`` (Kendall's, of
        value and time), ``p_value``, ``p_adjusted``, ``trend`` (rising, falling, or none where p_adjusted is 0.05 or
        more; null where there are fewer than 8 periods), ``effect`` (good, bad, neutral; null without a trend),
        ``last`` (first instant of the last period), ``value`` of it, ``previous`` (of the period that it is compared
        with), ``change`` with its 95 % interval (``change_low``, ``change_high``) and ``change_p_value``; null
        where that period has no value.

    Notes
    -----
    Trend: test of Mann (1945, doi:10.2307/1907187) and Kendall with ties and continuity correction; with Hamed and
    Rao (1998, doi:10.1016/S0022-1694(97)00125-X), its variance grows with the autocorrelations of the ranks of what
    the slope leaves, those that are positive and significant at 5 % (negative ones do not make it smaller here).
    Slope: Theil (1950) and Sen (1968, doi:10.1080/01621459.1968.10480934), its interval with the same variance.
    Change: as of `safar.compare_kpis`, so Newcombe's interval for shares; days that differ more than chance makes
    are not allowed for.

    Examples
    --------
    >>> kpis = {
    ...     "date": [f"2026-03-{day:02}" for day in range(1, 13)],
    ...     "kpi": ["cost per lead"] * 12,
    ...     "numerator": [50, 52, 51, 54, 53, 55, 57, 56, 58, 60, 59, 61],
    ...     "denominator": [1] * 12,
    ... }
    >>> found = trend(kpis).to_dict()
    >>> found["slope"], found["trend"], found["change"]
    ([1.0], ['rising'], [8.0])
    """
    panel = read(kpis, timezone)
    _args.choice(autocorrelation, "autocorrelation", Autocorrelation)
    _args.choice(correction, "correction", Correction)
    if against is None:
        against = max(_AGAINST[panel.grid.length] // panel.grid.step, 1)
    if isinstance(against, bool) or not isinstance(against, int | np.integer):
        raise ArgumentTypeError(
            f"against={against!r} is a {type(against).__name__}; expected a number of periods"
        )
    if against < 1:
        raise ArgumentError(
            f"against={against!r} is out of range; expected a number of periods of at least 1"
        )
    inside = between(panel, start, end)
    usable = panel.complete & panel.present & inside[None, :] & np.isfinite(panel.values())
    rows = [row for row in range(len(panel.series)) if usable[row].any()]
    if not rows:
        raise DataError("no KPI has a value in a period that was fully observed")
    most = int(usable.sum(axis=1).max())
    if most > _MOST:
        raise DataError(
            f"there are {most:,} periods, and a trend looks at all pairs of at most {_MOST:,}; give "
            "start=, or longer periods"
        )
    figures = [_figures(panel, row, usable[row], autocorrelation) for row in rows]
    changes = [_change(panel, row, usable, int(against)) for row in rows]
    table = typed(_columns(panel, rows, usable, figures, changes, correction))
    definition = Said(
        "Trend of each KPI over {periods} periods: slope is the median change a period (Theil-Sen) with its 95 % "
        "interval, p_value that of Mann-Kendall with {variance}, p_adjusted by {correction} over all rows; change is "
        "the last value less that of {before} before, with its 95 % interval.",
        periods=int(inside.sum()),
        variance=Said(_VARIANCES[autocorrelation]),
        correction=Said(_CORRECTIONS[correction]),
        before=Said(_BEFORE[panel.grid.length], number=int(against) * panel.grid.step),
    )
    return TrendResult(
        table,
        definition,
        panel.grid.timezone,
        _panel=panel,
        _rows=tuple(rows),
        _usable=usable,
        called=called_of(kpis),
    )


_VARIANCES = {"hamed_rao": "Hamed and Rao's variance", "none": "periods taken for independent"}
_CORRECTIONS = {"holm": "Holm", "bh": "Benjamini and Hochberg", "none": "nothing"}
_BEFORE = {"day": "{number} days", "week": "{number} weeks", "month": "{number} months"}


def mann_kendall(
    times: Floats, values: Floats, *, autocorrelation: Autocorrelation = "hamed_rao"
) -> tuple[float, float, float]:
    """Kendall's tau of value and time, the standard deviation of S, and the two-sided p-value."""
    from scipy.special import ndtr

    n = len(values)
    signs = np.sign(values[None, :] - values[:, None])
    total = float(np.triu(signs, 1).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    pairs = n * (n - 1) / 2
    untied = pairs - float((ties * (ties - 1)).sum()) / 2
    tau = total / np.sqrt(pairs * untied) if untied > 0 else 0.0
    if autocorrelation == "hamed_rao" and variance > 0:
        variance *= _inflation(times, values)
    if variance <= 0:
        return float(tau), 0.0, 1.0
    far = max(abs(total) - 1, 0.0) / np.sqrt(variance)
    return float(tau), float(np.sqrt(variance)), float(2 * ndtr(-far))


def _inflation(times: Floats, values: Floats) -> float:
    """How much larger autocorrelation makes the variance of S (Hamed and Rao 1998), never less than 1."""
    from scipy.stats import rankdata

    n = len(values)
    slope = float(np.median(_slopes(times, values)))
    ranks = rankdata(values - slope * times)
    apart = ranks - ranks.mean()
    size = float((apart**2).sum())
    if size == 0:
        return 1.0
    lags = np.arange(1, n)
    correlations = np.array([float((apart[:-lag] * apart[lag:]).sum()) for lag in lags.tolist()]) / size
    counted = correlations > _Z / np.sqrt(n)
    weights = (n - lags) * (n - lags - 1) * (n - lags - 2)
    more = 2 / (n * (n - 1) * (n - 2)) * float((weights * correlations)[counted].sum())
    return max(1 + more, 1.0)


def _slopes(times: Floats, values: Floats) -> Floats:
    above = np.triu_indices(len(values), 1)
    return np.asarray((values[above[1]] - values[above[0]]) / (times[above[1]] - times[above[0]]))


def theil_sen(times: Floats, values: Floats, deviation: float) -> tuple[float, float, float]:
    """Median slope of all pairs and its 95 % interval, from the standard deviation of Mann-Kendall's S."""
    slopes = np.sort(_slopes(times, values))
    count = len(slopes)
    reach = _Z * deviation
    low = int(np.clip(np.rint((count - reach) / 2) - 1, 0, count - 1))
    high = int(np.clip(np.rint((count + reach) / 2), 0, count - 1))
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])


def _figures(panel: Panel, row: int, usable: Array, autocorrelation: Autocorrelation) -> tuple[float, ...]:
    """Slope, its interval, tau and p-value; NaN where there are too few periods."""
    at = np.flatnonzero(usable).astype(np.float64)
    if len(at) < _LEAST:
        return (float("nan"),) * 5
    values = panel.values()[row, usable]
    tau, deviation, p = mann_kendall(at, values, autocorrelation=autocorrelation)
    return *theil_sen(at, values, deviation), tau, p


def _change(panel: Panel, row: int, usable: Array, against: int) -> tuple[float, ...]:
    """Value of the last period, that of the earlier one, their difference with its interval and p-value."""
    series, last = panel.series[row], int(np.flatnonzero(usable[row])[-1])
    values = panel.values()[row]
    before = last - against
    if before < 0 or not usable[row, before]:
        return values[last], *[float("nan")] * 5
    ours, theirs = (
        parts_of(panel, [row], usable & (np.arange(len(panel.grid)) == at)[None, :]) for at in (last, before)
    )
    count = is_count(series, panel.numerator[row])
    apart = difference(series.form, series.scale, ours, theirs, count=count)
    return values[last], values[before], *(float(each[0]) for each in apart)


def _columns(
    panel: Panel,
    rows: Sequence[int],
    usable: Array,
    figures: Sequence[tuple[float, ...]],
    changes: Sequence[tuple[float, ...]],
    correction: Correction,
) -> dict[str, object]:
    slope, low, high, tau, p = (np.array(column, dtype=np.float64) for column in zip(*figures, strict=True))
    adjusted_p = adjusted(p, correction)
    moves: list[str | None] = []
    effects: list[str | None] = []
    for row, steepness, chance in zip(rows, tau.tolist(), adjusted_p.tolist(), strict=True):
        known, there = chance == chance, chance < _LEVEL
        moves.append(("rising" if steepness > 0 else "falling") if there else "none" if known else None)
        wanted = panel.series[row].direction
        good = (wanted == "up") == (steepness > 0)
        effects.append(("neutral" if wanted == "none" else "good" if good else "bad") if there else None)
    last: Integers = np.array([np.flatnonzero(usable[row])[-1] for row in rows], dtype=np.int64)
    named = dict(
        zip(
            ("value", "previous", "change", "change_low", "change_high", "change_p_value"),
            (np.array(column, dtype=np.float64) for column in zip(*changes, strict=True)),
            strict=True,
        )
    )
    numbers = {
        "slope": slope,
        "slope_low": low,
        "slope_high": high,
        "tau": tau,
        "p_value": p,
        "p_adjusted": adjusted_p,
    }
    columns = panel.labels(list(rows))
    columns |= {"periods": usable[list(rows)].sum(axis=1).astype(np.int64)}
    columns |= {name: _table.nullable(column) for name, column in numbers.items()}
    columns |= {"trend": moves, "effect": effects, "last": _table.instants(panel.grid.instants()[last])}
    return columns | {name: _table.nullable(column) for name, column in named.items()}
