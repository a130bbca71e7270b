"""Differences between KPIs of slices and periods, with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from safar import _args, _table
from safar._intervals import newcombe
from safar._significance import holm, two_nps, two_shares
from safar._typing import Array, Floats, Frame, Instant
from safar.errors import ArgumentError, DataError
from safar.language import Said
from safar.monitoring.judging import benjamini_hochberg
from safar.monitoring.panel import Form, Panel, called_of, intervals, read, refuse_unknown, typed, values
from safar.monitoring.season import is_count
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["Correction", "KpiComparisonResult", "compare_kpis", "difference"]

Correction: TypeAlias = Literal["holm", "bh", "none"]

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Parts:
    """The additive parts of KPIs of one form, an entry a comparison."""

    numerator: Floats
    denominator: Floats
    squares: Floats


def difference(
    form: Form, scale: float, ours: Parts, theirs: Parts, *, count: bool = False
) -> tuple[Floats, ...]:
    """Ours less theirs, in the unit: difference, 95 % interval and p-value; NaN where the form has none.

    Shares: Newcombe, and the test of two shares (pooled; Fisher where few are expected). Rates and counts: the hybrid
    of the exact intervals (as Newcombe's is of Wilson's; Donner and Zou 2012), and the exact conditional test of two
    Poisson rates. Means: Welch. Net Promoter Scores: adjusted Wald and z.
    """
    one = values(form, scale, ours.numerator, ours.denominator)
    two = values(form, scale, theirs.numerator, theirs.denominator)
    apart = one - two
    unknown = np.full(len(apart), np.nan)
    if form == "share":
        sides = (ours.numerator, ours.denominator, theirs.numerator, theirs.denominator)
        whole = tuple(np.rint(np.nan_to_num(side)).astype(np.int64) for side in sides)
        low, high = newcombe(*sides)
        return apart, scale * low, scale * high, two_shares(*whole)
    if form == "nps":
        groups = [
            ((part.squares + part.numerator) / 2, (part.squares - part.numerator) / 2)
            for part in (ours, theirs)
        ]
        known = np.isfinite(apart)
        whole_groups = [
            tuple(np.rint(np.nan_to_num(side)).astype(np.int64) for side in group) for group in groups
        ]
        sizes = tuple(np.rint(np.nan_to_num(part.denominator)).astype(np.int64) for part in (ours, theirs))
        _, low, high, p = two_nps(
            (whole_groups[0][0], whole_groups[0][1]),
            (whole_groups[1][0], whole_groups[1][1]),
            (sizes[0], sizes[1]),
        )
        return apart, *(np.where(known, side, np.nan) for side in (scale * low, scale * high, p))
    if form == "mean":
        return apart, *_welch(scale, apart, ours, theirs)
    if form == "rate" or count:
        return apart, *_hybrid(form, scale, ours, theirs, one, two), _conditional(form, ours, theirs)
    return apart, unknown, unknown, unknown


def _welch(scale: float, apart: Floats, ours: Parts, theirs: Parts) -> tuple[Floats, Floats, Floats]:
    from scipy.special import stdtr, stdtrit

    errors, degrees = [], []
    for part in (ours, theirs):
        n = np.where(part.denominator > 1, part.denominator, np.nan)
        variance = np.maximum(part.squares - part.numerator**2 / n, 0.0) / (n - 1)
        errors.append(variance / n)
        degrees.append(n - 1)
    together = errors[0] + errors[1]
    some = together > 0
    within = errors[0] ** 2 / degrees[0] + errors[1] ** 2 / degrees[1]
    freedom = np.divide(together**2, within, out=np.full(len(apart), np.nan), where=some)
    error = scale * np.sqrt(together)
    far = np.divide(np.abs(apart), error, out=np.full(len(apart), np.nan), where=some)
    half = stdtrit(freedom, 0.975) * error
    return apart - half, apart + half, np.asarray(2 * stdtr(freedom, -far))


def _hybrid(
    form: Form, scale: float, ours: Parts, theirs: Parts, one: Floats, two: Floats
) -> tuple[Floats, Floats]:
    bounds = [
        intervals(form, scale, part.numerator, part.denominator, part.squares, count=form == "total")
        for part in (ours, theirs)
    ]
    (low1, high1), (low2, high2) = bounds
    apart = one - two
    return apart - np.hypot(one - low1, high2 - two), apart + np.hypot(high1 - one, two - low2)


def _conditional(form: Form, ours: Parts, theirs: Parts) -> Floats:
    """Two-sided exact test of two Poisson rates: given their sum, the first count is binomial."""
    from scipy.stats import binomtest

    p = np.full(len(ours.numerator), np.nan)
    for at in range(len(p)):
        one, two = ours.numerator[at], theirs.numerator[at]
        sizes = (ours.denominator[at], theirs.denominator[at]) if form == "rate" else (1.0, 1.0)
        if np.isfinite([one, two, *sizes]).all() and min(sizes) > 0:
            total = round(one + two)
            p[at] = 1.0 if not total else binomtest(round(one), total, sizes[0] / sum(sizes)).pvalue
    return p


def adjusted(p: Floats, correction: Correction) -> Floats:
    """P-values that allow for there being many; NaN stays and does not count."""
    if correction == "holm":
        return holm(p)
    if correction == "none":
        return p
    found = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    if len(known):
        found[known] = benjamini_hochberg(p[known])
    return found


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class KpiComparisonResult(ResultTable):
    """How do KPIs differ between slices?

    Parameters
    ----------
    table
        One row a KPI and slice; the columns are listed by `compare_kpis`.
    called
        What KPIs, stages and channels are called, by language and by their text in the table.
    """

    _: KW_ONLY
    _by: str
    _units: tuple[str, ...]
    # Which rows hold shares from 0 to 1.
    _percent: tuple[bool, ...]
    called: Mapping[str, Mapping[str, str]]

    @property
    def by(self) -> str:
        """The column whose slices are compared."""
        return self._by

    def unit(self, row: int) -> tuple[str, bool]:
        """The unit of a row of the table, and whether it holds shares from 0 to 1."""
        return self._units[row], self._percent[row]

    def plot(self, kpi: str | None = None, **options: Any) -> ChartType:
        """The differences of one KPI as an Altair chart; the options are those of `safar.plot.kpi_comparison`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").kpi_comparison(self, kpi, **options)
        return chart


def compare_kpis(
    kpis: Frame,
    *,
    by: str,
    baseline: str | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    correction: Correction = "holm",
    timezone: str | None = None,
) -> KpiComparisonResult:
    """How do KPIs differ between slices, beyond chance?

    Parameters
    ----------
    kpis
        The tidy table of KPIs, as of `safar.alerts`.
    by
        The column whose slices are compared. Rows that another column cuts further are left out: of them there is a
        row of all together.
    baseline
        The slice that the others are compared with; by default the one with the greatest denominators (of a total:
        numerators) over all KPIs that have it.
    start, end
        Compare the periods that begin in ``[start, end)``; by default all. Periods that are not fully observed are
        left out.
    correction
        What the p-values are adjusted by, over all rows: ``"holm"`` for a few comparisons (the chance of one that is
        wrong), ``"bh"`` for long lists (the share of those that are), or ``"none"``.
    timezone
        As of `safar.alerts`.

    Returns
    -------
    KpiComparisonResult
        One row for each KPI and slice but the baseline: ``kpi``, the column of `by`, ``value`` and ``baseline`` (the
        value of the baseline), ``low`` and ``high`` (95 % interval of the value), ``difference`` with its 95 %
        interval (``difference_low``, ``difference_high``), ``p_value``, ``p_adjusted``, all in the unit of the KPI.
        Values are those of all periods together: their parts are summed, so a total is the sum. A ratio, and a total
        that counts nothing, have neither interval nor test: they are null.

    Notes
    -----
    Share: Newcombe's interval (1998) and the test of two shares (Fisher's exact where fewer than 5 are expected).
    Rate and count: the hybrid of the exact Poisson intervals (Donner and Zou 2012, doi:10.1177/0962280210380220)
    and the exact conditional test (Przyborowski and Wilenski 1940, doi:10.2307/2332612). Mean: Welch (1947,
    doi:10.2307/2332510). Net Promoter Score: adjusted Wald and z. All of it takes observations for independent:
    days that differ from each other more than chance makes intervals too narrow.

    Examples
    --------
    >>> kpis = {
    ...     "date": ["2026-03-01", "2026-03-02"] * 2,
    ...     "kpi": ["conversion"] * 4,
    ...     "form": ["share"] * 4,
    ...     "channel": ["app", "app", "web", "web"],
    ...     "numerator": [28, 28, 24, 24],
    ...     "denominator": [35, 35, 40, 40],
    ... }
    >>> found = compare_kpis(kpis, by="channel", baseline="web").to_dict()
    >>> [
    ...     round(found[name][0], 4)
    ...     for name in ("difference", "difference_low", "difference_high")
    ... ]
    [0.2, 0.0524, 0.3339]
    """
    panel = read(kpis, timezone)
    _args.choice(correction, "correction", Correction)
    refuse_unknown(by, panel.cuts, "by")
    at = panel.cuts.index(by)
    inside = between(panel, start, end)
    rows = [
        row
        for row, each in enumerate(panel.series)
        if (
            each.slice[at] is not None
            and all(label is None for place, label in enumerate(each.slice) if place != at)
        )
        or (each.slice[at] is not None and not _has_whole(panel, row, at))
    ]
    usable = panel.complete & panel.present & inside[None, :]
    rows = [row for row in rows if usable[row].any()]
    base = _baseline(panel, rows, at, usable, baseline)
    pairs = [
        (row, other)
        for row in rows
        for other in rows
        if panel.series[other].slice[at] == base
        and panel.series[row].slice[at] != base
        and _alike(panel, row, other, at)
    ]
    if not pairs:
        raise DataError(f'by="{by}": there is no KPI with another slice beside "{base}" in these periods')
    columns = _columns(panel, pairs, usable, at, correction)
    definition = Said(
        'KPIs of the slices of "{column}" beside "{baseline}", over {periods} periods together: difference is the '
        "value less the baseline's, with its 95 % interval; p_adjusted is {correction} over all rows.",
        column=by,
        baseline=base,
        periods=int(inside.sum()),
        correction=Said(_CORRECTIONS[correction]),
    )
    return KpiComparisonResult(
        typed(columns), definition, panel.grid.timezone, _by=by,
        _units=tuple(panel.series[row].unit for row, _ in pairs),
        _percent=tuple(
            each.form == "share" and each.scale == 1 and not each.unit
            for each in (panel.series[row] for row, _ in pairs)
        ),
        called=called_of(kpis),
    )  # fmt: skip


_CORRECTIONS = {"holm": "Holm's", "bh": "Benjamini and Hochberg's", "none": "the p-value itself"}


def between(panel: Panel, start: Instant | None, end: Instant | None) -> Array:
    """Which periods begin in ``[start, end)``."""
    zone = panel.grid.timezone
    starts = panel.grid.instants()[:-1].astype(np.int64)
    inside = np.ones(len(starts), dtype=bool)
    if start is not None:
        inside &= starts >= _args.instant_us(start, "start", zone)
    if end is not None:
        inside &= starts < _args.instant_us(end, "end", zone)
    if not inside.any():
        first, last = panel.grid.dates[0], panel.grid.dates[-2]
        raise ArgumentError(f"start={start!r} and end={end!r} leave no period of {first} to {last}")
    return inside


def _has_whole(panel: Panel, row: int, at: int) -> bool:
    """Whether the slice is there with all other columns together."""
    mine = panel.series[row]
    return any(
        each.kpi == mine.kpi
        and each.slice[at] == mine.slice[at]
        and all(label is None for place, label in enumerate(each.slice) if place != at)
        for each in panel.series
    )


def _alike(panel: Panel, row: int, other: int, at: int) -> bool:
    """Whether two series are of one KPI, and differ by the one column only."""
    one, two = panel.series[row], panel.series[other]
    return one.kpi == two.kpi and one.slice[:at] + one.slice[at + 1 :] == two.slice[:at] + two.slice[at + 1 :]


def _baseline(panel: Panel, rows: Sequence[int], at: int, usable: Array, baseline: str | None) -> str:
    sizes: dict[str, float] = {}
    for row in rows:
        series = panel.series[row]
        size = panel.numerator if series.form == "total" else panel.denominator
        label = str(series.slice[at])
        sizes[label] = sizes.get(label, 0.0) + float(np.nansum(size[row, usable[row]]))
    if not sizes:
        raise DataError(f'no row has a value of "{panel.cuts[at]}" in these periods')
    if baseline is None:
        return max(sizes, key=lambda label: (sizes[label], label))
    refuse_unknown(baseline, list(sizes), "baseline")
    return baseline


def parts_of(panel: Panel, rows: Sequence[int], usable: Array) -> Parts:
    """The parts of some series over their usable periods; NaN where there is none."""
    sums = []
    for matrix in (panel.numerator, panel.denominator, panel.squares):
        mine = [matrix[row, usable[row]] for row in rows]
        sums.append(np.array([each.sum() if len(each) else np.nan for each in mine], dtype=np.float64))
    return Parts(*sums)


def _columns(
    panel: Panel, pairs: Sequence[tuple[int, int]], usable: Array, at: int, correction: Correction
) -> dict[str, object]:
    found = {
        name: np.full(len(pairs), np.nan)
        for name in (
            "value", "low", "high", "baseline", "difference", "difference_low", "difference_high", "p_value",
        )
    }  # fmt: skip
    for number, (row, other) in enumerate(pairs):
        series = panel.series[row]
        ours, theirs = (parts_of(panel, [each], usable) for each in (row, other))
        count = is_count(series, panel.numerator[row]) and is_count(series, panel.numerator[other])
        low, high = intervals(
            series.form, series.scale, ours.numerator, ours.denominator, ours.squares, count=count
        )
        apart = difference(series.form, series.scale, ours, theirs, count=count)
        known = (
            values(series.form, series.scale, ours.numerator, ours.denominator), low, high,
            values(series.form, series.scale, theirs.numerator, theirs.denominator), *apart,
        )  # fmt: skip
        for column, value in zip(found.values(), known, strict=True):
            column[number] = value[0]
    labels = panel.labels([row for row, _ in pairs])
    cut = panel.cuts[at]
    columns = {name: label for name, label in labels.items() if name in ("kpi", cut) or any(_texts(label))}
    columns |= {name: _table.nullable(column) for name, column in found.items()}
    return columns | {"p_adjusted": _table.nullable(adjusted(found["p_value"], correction))}


def _texts(labels: object) -> list[bool]:
    return [label is not None for label in labels] if isinstance(labels, list) else []
