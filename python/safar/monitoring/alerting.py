"""Alerts: which KPIs left what their past lets expect, when, how far and where?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from safar import _args, _table
from safar._typing import Array, Floats, Frame, Integers, Language
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.monitoring.contributions import Part, families, parts
from safar.monitoring.judging import REASONS, RULES, TARGET, Judgement, Settings, judge
from safar.monitoring.panel import (
    Grid,
    Panel,
    intervals,
    periods_of,
    read,
    refuse_unknown,
    texts_of,
    typed,
    values,
)
from safar.monitoring.season import LOG, LOGIT, calendar_of, is_count
from safar.monitoring.wording import Said, sentence
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["AlertResult", "Rule", "alerts"]

Rule: TypeAlias = Literal["chart", "drift", "season", "target"]

_HISTORY = {"day": 28, "week": 12, "month": 12}
_WINDOW = {"day": 56, "week": 26, "month": 24}
_PERIODS_A_FALSE_ALARM = 90
_SEVERE = 2.0
# How many periods before and after its alarms an alert may reach at most.
_REACH = 14
_LEAST_SCORE = 2.0
# A slice is named in a sentence if it is at least this share of the deviation.
_NAMED = 0.5

_WORDS = {
    "missing": "no row for the period",
    "incomplete": "the period is not fully observed yet",
    "undefined": "there is no value: nothing to divide by, or parts that contradict each other",
    "closed": "nothing ever happens on this weekday",
    "no_volume": "next to nothing came in, less than a tenth of the usual: check the data first",
    "short_history": "too few periods before it to expect anything",
    "new_holiday": "a season that was not seen before, so that nothing is known of it",
    "no_variation": "the past never varied, so that no departure from it can be weighed",
    "no_interval": "not compared with its target: the value has no interval",
    "no_direction": "not compared with its target: it is not said which side of it is wrong",
}


@dataclass(frozen=True, slots=True)
class _Alert:
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
        return self.rule == TARGET


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AlertResult(ResultTable):
    """Which KPIs left what their past lets expect?

    Parameters
    ----------
    table
        One row an alert; the columns are listed by `alerts`.
    """

    _: KW_ONLY
    _panel: Panel
    _found: Judgement
    _alerts: tuple[_Alert, ...]
    _settings: Settings
    # What KPIs are called, by language; empty where the table does not say.
    _names: Mapping[str, Mapping[str, str]]

    @property
    def budget(self) -> float:
        """The false alarms a year that are expected at most."""
        return self._settings.budget

    @property
    def not_judged(self) -> ResultTable:
        """Which periods were not judged, and why not?

        Returns
        -------
        ResultTable
            One row a stretch of periods of one KPI, slice and reason: ``kpi``, the columns of slices, ``start`` and
            ``end`` (first instant, and that after the last), ``periods``, ``reason``, ``meaning``. The reasons are
            missing, incomplete, undefined, closed, no_volume, short_history, new_holiday, no_variation; and of the
            rule ``target`` alone no_interval and no_direction.
        """
        panel, rows = self._panel, list(_unjudged(self._panel, self._found, self._settings))
        starts = panel.grid.instants()
        columns = panel.labels([row for row, _, _, _ in rows])
        columns |= {
            "start": _table.instants(starts[[first for _, first, _, _ in rows]]),
            "end": _table.instants(starts[[end for _, _, end, _ in rows]]),
            "periods": np.array([end - first for _, first, end, _ in rows], dtype=np.int64),
            "reason": [reason for *_, reason in rows],
            "meaning": [_WORDS[reason] for *_, reason in rows],
        }
        definition = "Periods of a KPI that were not judged, and why; they raise no alarm and teach nothing."
        return ResultTable(typed(columns), definition, self.timezone)

    def periods(self) -> ResultTable:
        """What was observed and expected in each period?

        Returns
        -------
        ResultTable
            One row for each KPI, slice and period with a row in the data: ``kpi``, the columns of slices, ``date``,
            ``observed``, ``expected`` with the 95 % interval of one period (``expected_low``, ``expected_high``),
            ``target``, the p-value of each rule (``chart``, ``drift``, ``season``, ``target_p``), ``alarm``, and
            ``reason`` where it was not judged.
        """
        panel, found = self._panel, self._found
        rows, at = np.nonzero(panel.present)
        expected, low, high = expectations(found)
        columns = panel.labels(rows.tolist())
        columns |= {"date": _table.instants(panel.grid.instants()[at])}
        numbers = {
            "observed": panel.values(),
            "expected": expected,
            "expected_low": low,
            "expected_high": high,
            "target": panel.target,
        }
        numbers |= {
            name if name != "target" else "target_p": found.p[rule] for rule, name in enumerate(RULES)
        }
        columns |= {name: _table.nullable(matrix[rows, at]) for name, matrix in numbers.items()}
        reasons = found.reason[rows, at].tolist()
        columns |= {
            "alarm": np.asarray(found.alarm.any(axis=0))[rows, at],
            "reason": [REASONS[code] or None for code in reasons],
        }
        definition = f"What was observed and expected in each period. {self.definition}"
        return ResultTable(typed(columns), definition, self.timezone)

    def contributions(self) -> ResultTable:
        """Which slices make up the deviation of each alert?

        Returns
        -------
        ResultTable
            One row for each alert, column that cuts its slice further, and slice: ``alert`` (its row, from 0),
            ``by``, ``slice``, ``observed``, ``expected``, ``deviation`` (what the slice adds to observed less
            expected of the whole, in its unit), ``rate`` (what its own value adds) and ``mix`` (what its weight
            adds), ``share`` (of the whole deviation; shares of one alert and column add up to 1 and may be
            negative). Only where the slices of the table sum to the whole in every period of the alert.

        Notes
        -----
        Of a total, the expected value is dealt to the slices as they shared it in the periods of the baseline. Of
        what has a denominator, deviations split into rate and mix by the symmetric decomposition (Kitagawa 1955,
        doi:10.1080/01621459.1955.10501299), against the values and weights of the slices in the baseline, moved by
        one constant to make up the expected value of the whole. Both sum to observed less expected exactly.
        """
        panel = self._panel
        rows = [
            (number, cut, panel.series[part.series].slice[panel.cuts.index(cut)], part, alert)
            for number, alert in enumerate(self._alerts)
            for cut, found in self._parts(alert).items()
            for part in found
        ]
        deviations = np.array([part.deviation for *_, part, _ in rows])
        whole = np.array([alert.observed - alert.expected for *_, alert in rows])
        columns: dict[str, object] = {
            "alert": np.array([number for number, *_ in rows], dtype=np.int64),
            "by": texts_of([cut for _, cut, *_ in rows]),
            "slice": texts_of([label for _, _, label, *_ in rows]),
            "observed": np.array([part.observed for *_, part, _ in rows], dtype=np.float64),
            "expected": np.array([part.expected for *_, part, _ in rows], dtype=np.float64),
            "deviation": deviations.astype(np.float64),
            "rate": np.array([part.rate for *_, part, _ in rows], dtype=np.float64),
            "mix": np.array([part.mix for *_, part, _ in rows], dtype=np.float64),
            "share": _table.nullable(_shares(deviations.astype(np.float64), whole.astype(np.float64))),
        }
        definition = (
            "What each slice adds to observed less expected of an alert, exactly: rate by its own value, mix by its "
            "weight."
        )
        return ResultTable(_table.table_of(columns), definition, self.timezone, shares=frozenset({"share"}))

    def sentences(self, language: Language = "en", *, names: Mapping[str, str] | None = None) -> list[str]:
        """What happened, in a sentence an alert.

        Parameters
        ----------
        language
            ``"en"``, with Gregorian dates, or ``"fa"``, with Jalali dates and Persian digits.
        names
            What KPIs and slices are called in the sentences, by their text in the table; by default that text, and
            for KPIs of `log.kpis` the name that they have there.

        Returns
        -------
        list of str
            In the order of the table.
        """
        _args.choice(language, "language", Language)
        said = (self._said(alert) for alert in self._alerts)
        known = {**self._names.get(language, {}), **({} if names is None else names)}
        return [sentence(each, language, known) for each in said]

    def plot(self, alert: int | None = None, **options: Any) -> ChartType:
        """The chart of one alert's KPI, by default of the most severe; the options are those of `safar.plot.alerts`."""
        # Charts stand above results, so they are looked up when one is asked for.
        chart: ChartType = import_module("safar.plot").alerts(self, alert, **options)
        return chart

    def series_of(self, what: int | str) -> int:
        """The number of the series that an alert is of, or that a KPI is with all slices together.

        Parameters
        ----------
        what
            Row of the table of alerts, or the name of a KPI.
        """
        if isinstance(what, int):
            return self._alerts[what].series
        rows = [row for row, each in enumerate(self._panel.series) if each.kpi == what]
        refuse_unknown(what, sorted({each.kpi for each in self._panel.series}), "kpi")
        # The one with the fewest columns that cut it.
        return min(rows, key=lambda row: sum(label is not None for label in self._panel.series[row].slice))

    def label(self, series: int) -> str:
        """What a series is called: its KPI and its slice."""
        return self._panel.series[series].name

    def course(self, series: int) -> tuple[list[dict[str, Any]], str, bool]:
        """What is drawn of a series: its periods, its unit, and whether it is a share from 0 to 1."""
        panel, found = self._panel, self._found
        expected, low, high = expectations(found)
        alarm, values = np.asarray(found.alarm.any(axis=0)), panel.values()
        periods = [
            {
                "date": panel.grid.dates[at],
                "observed": float(values[series, at]),
                "expected": float(expected[series, at]),
                "expected_low": float(low[series, at]),
                "expected_high": float(high[series, at]),
                "target": float(panel.target[series, at]),
                "alarm": bool(alarm[series, at]),
                "reason": REASONS[found.reason[series, at]] or None,
            }
            for at in range(len(panel.grid))
        ]
        each = panel.series[series]
        return periods, each.unit, each.form == "share" and each.scale == 1 and not each.unit

    def stretches(self, series: int) -> list[tuple[dt.date, dt.date]]:
        """From when to before when the alerts of a series last."""
        dates = self._panel.grid.dates
        return [(dates[each.first], dates[each.end]) for each in self._alerts if each.series == series]

    def _said(self, alert: _Alert) -> Said:
        grid = self._panel.grid
        known = not alert.against_target and np.isfinite(alert.low) and np.isfinite(alert.high)
        return Said(
            series=self._panel.series[alert.series],
            first=grid.dates[alert.first],
            last=grid.dates[alert.end] - dt.timedelta(days=1),
            rose=alert.side > 0,
            against_target=alert.against_target,
            observed=alert.observed,
            expected=alert.expected,
            low=alert.low if known else None,
            high=alert.high if known else None,
            most=self._most(alert),
        )

    def _parts(self, alert: _Alert) -> dict[str, list[Part]]:
        if alert.against_target:
            return {}
        panel, found = self._panel, self._found
        inside = _judged_inside(found, alert)
        before = np.array(found.usable[alert.series], dtype=bool)
        before[alert.first :] = False
        before[: max(0, alert.first - 2 * self._settings.window)] = False
        split = {
            cut: parts(panel, alert.series, members, inside, before, alert.expected)
            for cut, members in families(panel, alert.series).items()
        }
        return {cut: found for cut, found in split.items() if found}

    def _most(self, alert: _Alert) -> tuple[str, float] | None:
        """The slice with the most of the deviation, and its share."""
        whole = alert.observed - alert.expected
        found = [
            (part.deviation / whole, str(self._panel.series[part.series].slice[self._panel.cuts.index(cut)]))
            for cut, split in self._parts(alert).items()
            for part in split
            if whole != 0
        ]
        if not found:
            return None
        share, label = max(found)
        return (label, share) if share >= _NAMED else None


def _shares(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole != 0))


# -------------------------------------------------------------------------------------------------------- the question


def alerts(
    kpis: Frame,
    *,
    rules: Sequence[Rule] = ("chart", "drift", "season", "target"),
    budget: float | None = None,
    persistence: tuple[int, int] = (1, 1),
    quiet: int = 2,
    holidays: Mapping[dt.date, str] | None = None,
    weekend: str | int | Collection[str | int] = ("thursday", "friday"),
    history: int | None = None,
    window: int | None = None,
    relearn: int | None = None,
    timezone: str | None = None,
) -> AlertResult:
    """Which KPIs left what their past lets expect, when, how far and where?

    Parameters
    ----------
    kpis
        The tidy table of KPIs: a row for each period, slice and KPI, with the columns ``date``, ``kpi``,
        ``numerator`` and ``denominator``. Read as well, where they are there: ``form`` (share, rate, mean, nps,
        total, ratio, level; by default ratio), ``unit``, ``direction`` (up: more is better, down, none), ``scale``,
        ``squares``, ``target``, ``complete``. All other columns of text are slices; null is all of them together.
        `log.kpis` gives such a table. Periods are days, weeks or months; their length is that of the dates.
    rules
        Which rules may raise an alarm:

        * ``"chart"``: the control chart of the form. Share: p chart, exact binomial where fewer than 10 of
          either kind are expected, Laney's p' otherwise. Rate and counted total (whole numbers, median below
          10,000): u chart, exact Poisson where fewer than 20 are expected, Laney's u' otherwise. Mean, Net Promoter
          Score, ratio, level and any other total: individuals chart of the residuals (of a mean or a score: times the
          root of the denominator), those of logarithms where no value is negative.
        * ``"drift"``: exponentially weighted mean (weight 0.2) of the normal scores of the chart, none beyond 3,
          for small deviations that last.
        * ``"season"``: robust z of the residuals, 0.6745 (x - median) / MAD.
        * ``"target"``: the whole 95 % interval on the wrong side of the target, and so far that chance is ruled out.

    budget
        False alarms a year that are expected at most, over all KPIs, slices and rules together; by default one in 90
        periods, which is four a year of days.
    persistence
        (m, n): an alarm needs m of n periods in a row that are flagged on the same side. (1, 1) waits for nothing.
        More makes false alarms rarer than the budget, and later.
    quiet
        Alarms with at most so many periods between them are one alert.
    holidays
        Date → name, for all days that are not like others: holidays, and seasons such as the weeks before Nowruz.
        Days of one name are expected to depart from an ordinary day as they did in earlier years. Before three of
        them have been seen in an earlier stretch (more than 60 days ago), they are not judged, and listed.
    weekend
        Days that are like each other, as of `datetime.date.weekday` (Monday is 0); Thursday and Friday by default.
    history
        Periods that must have been seen before one is judged; by default 28 days, 12 weeks or 12 months.
    window
        How many of the newest periods the baseline is made of; by default 56 days, 26 weeks or 24 months. Weights
        halve from one end of it to the other.
    relearn
        After so many flagged periods in a row on one side, they are the new normal, and what was before is
        forgotten; by default as `history`.
    timezone
        Zone of the dates; by default that of the column, and UTC where it has none.

    Returns
    -------
    AlertResult
        One row an alert, in the order of their start: ``kpi``, the columns of slices, ``start`` and ``end`` (first
        instant of the first period, and that after the last; from the likely beginning of the change to its likely
        end, up to 14 periods around the alarms), ``peak`` (the period with the least p-value), ``alarms`` (periods
        that raised it), ``side`` (above, below), ``effect`` (good, bad, neutral, by the direction of the KPI),
        ``severity``, ``rule`` (that with the least p-value) and ``rules`` (all that raised it), ``observed`` from
        start to end with its 95 % interval where the form has one (``observed_low``, ``observed_high``),
        ``expected`` with the 95 % interval of what was to be observed (``expected_low``, ``expected_high``; of the
        rule target the target, and null), ``p_value`` and ``q_value`` (Benjamini-Hochberg over all tests of the
        period) at the peak. A total is the mean of a period, anything else one value over the whole alert. Severity
        is by the size of the deviation in half-widths of the expected interval (of the rule target, of the observed
        one): ``high`` if it is at least 2 and the effect is bad; ``medium`` if it is bad and smaller, or neutral
        and at least 2; ``low`` otherwise.

    Notes
    -----
    Each period is expected from periods before it only, and one added later changes none that was judged (unless it
    changes what kind of number the KPI is, as a first negative value does): level, weekday and holidays by a robust
    (Huber) regression, binomial for shares, Poisson for counts, plain otherwise. The noise is what past departures
    from such expectations had, the greater of their root mean square and Laney's sigma_z from the moving range, at
    least that of pure chance for counts. Tails are those of Student's t with the degrees of freedom of that
    estimate. Flagged periods, holidays and incomplete periods teach nothing.

    Guaranteed is this: a test that is exact, or errs on the safe side, flags a period with probability
    budget / (periods a year x tests in the period) at most if nothing has changed, so the expected number of flagged
    tests a year, and with it that of alerts, is at most `budget`, however KPIs depend on each other (Bonferroni
    within a period, spent evenly over the year). It rests on the tails: residuals with tails heavier than Student's
    t have more. q-values are for reading; they decide nothing.

    The gate comes first: what is missing, incomplete, undefined, next to nothing of the usual volume, or without
    enough past is not judged, and stands in `AlertResult.not_judged` with its reason.

    References: Laney (2002, doi:10.1081/QEN-120006708); Roberts (1959, doi:10.1080/00401706.1959.10489860); Iglewicz
    and Hoaglin (1993).

    Examples
    --------
    >>> import datetime
    >>> days = [datetime.date(2026, 1, 1) + datetime.timedelta(day) for day in range(60)]
    >>> kpis = {
    ...     "date": days,
    ...     "kpi": ["conversion"] * 60,
    ...     "form": ["share"] * 60,
    ...     "direction": ["up"] * 60,
    ...     "numerator": [40, 42, 38, 41, 39] * 11 + [12, 10, 11, 40, 41],
    ...     "denominator": [100] * 60,
    ... }
    >>> found = alerts(kpis)
    >>> found.sentences()
    ['Conversion fell to 11 % (expected 40.1 %, 33.9 to 46.7) from 25 to 27 February 2026.']
    >>> found.to_dict()["severity"]
    ['high']
    """
    panel = read(kpis, timezone)
    settings = _settings(panel.grid, rules, budget, persistence, history, window, relearn)
    quiet = _whole(quiet, "quiet", 0, 366)
    calendar = calendar_of(panel.grid, _holidays(holidays), frozenset(_args.weekdays(weekend, "weekend")))
    found = judge(panel, calendar, settings)
    if not (found.reason == 0).any() and not np.isfinite(found.p[TARGET]).any():
        raise DataError(_nothing(panel, found, settings))
    raised = tuple(
        sorted(
            _raised(panel, found, quiet),
            key=lambda each: (each.first, each.series, each.against_target, each.side),
        )
    )
    table = typed(_columns(panel, raised))
    return AlertResult(
        table,
        _definition(panel, found, settings),
        panel.grid.timezone,
        _panel=panel,
        _found=found,
        _alerts=raised,
        _settings=settings,
        _names=_names_of(kpis),
    )


def _names_of(kpis: Frame) -> dict[str, dict[str, str]]:
    """What the KPIs are called in each language, where the table comes with their definitions."""
    definitions = getattr(kpis, "definitions", None)
    if not isinstance(definitions, ResultTable):
        return {}
    columns = definitions.to_dict()
    return {
        language: {
            kpi: name
            for kpi, name in zip(columns["kpi"], columns[f"name_{language}"], strict=True)
            if name is not None
        }
        for language in ("en", "fa")
    }


def _whole(value: object, argument: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentTypeError(f"{argument}={value!r} is a {type(value).__name__}; expected a whole number")
    if not least <= value <= most:
        raise ArgumentError(f"{argument}={value!r} is out of range; expected {least} to {most}")
    return int(value)


def _settings(
    grid: Grid,
    rules: object,
    budget: object,
    persistence: object,
    history: int | None,
    window: int | None,
    relearn: int | None,
) -> Settings:
    chosen = _args.names(rules, "rules")
    for rule in chosen:
        _args.choice(rule, "rules", Rule)
    if budget is None:
        budget = grid.a_year / _PERIODS_A_FALSE_ALARM
    if isinstance(budget, bool) or not isinstance(budget, int | float | np.number):
        raise ArgumentTypeError(
            f"budget={budget!r} is a {type(budget).__name__}; expected false alarms a year"
        )
    if not 0 < budget <= 366:
        raise ArgumentError(
            f"budget={budget!r} is out of range; expected false alarms a year, above 0 and at most 366"
        )
    pair = persistence if isinstance(persistence, tuple | list) else ()
    if len(pair) != 2:
        raise ArgumentTypeError(
            f"persistence={persistence!r} is no pair (m, n), such as (2, 3): 2 of 3 periods"
        )
    last = _whole(pair[1], "persistence", 1, 31)
    least = _whole(pair[0], "persistence", 1, last)
    if history is None:
        history = max(_HISTORY[grid.length] // grid.step, 8)
    if window is None:
        window = max(_WINDOW[grid.length] // grid.step, 2 * 8, history)
    history = _whole(history, "history", 8, 1_000)
    window = _whole(window, "window", history, 2_000)
    relearn = _whole(history if relearn is None else relearn, "relearn", history // 2, 2_000)
    return Settings(chosen, float(budget), (least, last), history, window, relearn)


def _holidays(holidays: object) -> Mapping[dt.date, str]:
    if holidays is None:
        return {}
    if not isinstance(holidays, Mapping):
        raise ArgumentTypeError(
            f"holidays={holidays!r} is a {type(holidays).__name__}; expected a mapping of dates to names"
        )
    for day, name in holidays.items():
        if not isinstance(day, dt.date) or isinstance(day, dt.datetime) or not isinstance(name, str):
            raise ArgumentTypeError(
                f"holidays has {day!r}: {name!r}; expected a datetime.date and the name of what is on it"
            )
    return holidays


def _nothing(panel: Panel, found: Judgement, settings: Settings) -> str:
    codes, counts = np.unique(found.reason, return_counts=True)
    listed = ", ".join(
        f"{REASONS[code]} {count:,}" for code, count in zip(codes, counts, strict=True) if code
    )
    return (
        f"none of the {found.reason.size:,} periods can be judged ({listed}); a period needs {settings.history} before "
        f"it (history=), and the table has {len(panel.grid)}"
    )


# ------------------------------------------------------------------------------------------ what is found


def expectations(found: Judgement) -> tuple[Floats, Floats, Floats]:
    """What was expected of each period, in the unit of the KPI, with the 95 % interval of one period."""
    from scipy.special import stdtrit

    scales = found.scales
    half = stdtrit(found.degrees, 0.975) * np.sqrt(found.known_variance + found.noise_variance)
    return scales.back(found.eta), scales.back(found.eta - half), scales.back(found.eta + half)


def _unjudged(panel: Panel, found: Judgement, settings: Settings) -> Iterator[tuple[int, int, int, str]]:
    for row, series in enumerate(panel.series):
        runs = [
            (row, first, end, reason)
            for code, reason in enumerate(REASONS)
            if code
            for first, end in periods_of(panel.grid, found.reason[row] == code)
        ]
        if "target" in settings.rules:
            runs += [(row, *run, "no_interval") for run in periods_of(panel.grid, found.no_interval[row])]
            if series.direction == "none":
                mine = np.isfinite(panel.target[row]) & ~found.no_interval[row]
                runs += [(row, *run, "no_direction") for run in periods_of(panel.grid, mine)]
        yield from sorted(runs, key=lambda run: run[1])


def _raised(panel: Panel, found: Judgement, quiet: int) -> Iterator[_Alert]:
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
) -> _Alert:
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
    return _Alert(
        row, first, end, peak, len(periods), side, rule,
        tuple(int(each) + rules.start for each in np.flatnonzero(alarm.any(axis=1))),
        float(p[best, place]), float(found.q[rule, row, peak]),
        observed, observed_low, observed_high, expected, low, high,
    )  # fmt: skip


def _judged_inside(found: Judgement, alert: _Alert) -> Array:
    inside = np.array(found.reason[alert.series] == 0, dtype=bool)
    inside[: alert.first] = inside[alert.end :] = False
    return inside


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


def _severity(alert: _Alert, effect: str) -> str:
    if alert.against_target:
        half = alert.observed_high - alert.observed if alert.side < 0 else alert.observed - alert.observed_low
    else:
        half = alert.high - alert.expected if alert.side > 0 else alert.expected - alert.low
    severe = abs(alert.observed - alert.expected) >= _SEVERE * half
    if effect == "bad":
        return "high" if severe else "medium"
    return "medium" if effect == "neutral" and severe else "low"


def _effect(direction: str, side: int) -> str:
    if direction == "none":
        return "neutral"
    return "good" if (direction == "up") == (side > 0) else "bad"


def _columns(panel: Panel, raised: Sequence[_Alert]) -> dict[str, object]:
    starts = panel.grid.instants()
    effects = [_effect(panel.series[each.series].direction, each.side) for each in raised]
    columns = panel.labels([each.series for each in raised])
    columns |= {
        "start": _table.instants(starts[[each.first for each in raised]]),
        "end": _table.instants(starts[[each.end for each in raised]]),
        "peak": _table.instants(starts[[each.peak for each in raised]]),
        "alarms": np.array([each.alarms for each in raised], dtype=np.int64),
        "side": ["above" if each.side > 0 else "below" for each in raised],
        "effect": effects,
        "severity": [_severity(each, effect) for each, effect in zip(raised, effects, strict=True)],
        "rule": [RULES[each.rule] for each in raised],
        "rules": [", ".join(RULES[rule] for rule in each.rules) for each in raised],
    }
    numbers = {
        "observed": [each.observed for each in raised],
        "observed_low": [each.observed_low for each in raised],
        "observed_high": [each.observed_high for each in raised],
        "expected": [each.expected for each in raised],
        "expected_low": [each.low for each in raised],
        "expected_high": [each.high for each in raised],
        "p_value": [each.p for each in raised],
        "q_value": [each.q for each in raised],
    }
    return columns | {
        name: _table.nullable(np.array(column, dtype=np.float64)) for name, column in numbers.items()
    }


def _definition(panel: Panel, found: Judgement, settings: Settings) -> str:
    judged = int((found.reason == 0).sum())
    least, last = settings.persistence
    waits = "" if least == 1 else f" {least} of {last} periods in a row must be flagged."
    return (
        f"Alerts by {', '.join(settings.rules)} over {len(panel.series):,} series of {len(panel.grid):,} periods, "
        f"{judged:,} values judged, each by the periods before it; at most {settings.budget:.3g} false alarms are "
        f"expected a year.{waits} What was not judged is in .not_judged with its reason."
    )
