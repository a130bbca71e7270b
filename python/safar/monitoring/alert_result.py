"""What alerts answer: their table, what was not judged, what was expected, and the slices that a deviation is in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from safar import _args, _table
from safar._typing import Array, Floats, Language
from safar.language import Said, paragraph
from safar.monitoring.contributions import Part, families, parts
from safar.monitoring.judging import REASONS, RULES, Judgement, Settings
from safar.monitoring.panel import Panel, periods_of, refuse_unknown, texts_of, typed
from safar.monitoring.raising import Alert
from safar.monitoring.wording import AlertFacts, sentence
from safar.result import ResultTable

if TYPE_CHECKING:
    from altair.typing import ChartType

__all__ = ["AlertResult", "columns_of"]

_SEVERE = 2.0
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


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AlertResult(ResultTable):
    """Which KPIs left what their past lets expect?

    Parameters
    ----------
    table
        One row an alert; the columns are listed by `alerts`.
    called
        What KPIs, stages and channels are called, by language and by their text in the table.
    """

    _: KW_ONLY
    _panel: Panel
    _found: Judgement
    _alerts: tuple[Alert, ...]
    _settings: Settings
    called: Mapping[str, Mapping[str, str]]

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
        definition = Said(
            "Periods of a KPI that were not judged, and why; they raise no alarm and teach nothing."
        )
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
        expected, low, high = _expectations(found)
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
        definition = paragraph(Said("What was observed and expected in each period."), self.definition)
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
        definition = Said(
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
            What KPIs and slices are called in the sentences, by their text in the table; by default as `called` has
            it, else that text.

        Returns
        -------
        list of str
            In the order of the table.
        """
        _args.choice(language, "language", Language)
        said = (self._said(alert) for alert in self._alerts)
        known = {**self.called.get(language, {}), **({} if names is None else names)}
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

    def label(self, series: int, language: Language = "en") -> str:
        """What a series is called: its KPI and its slice."""
        return self._panel.series[series].label(self.called.get(language, {}))

    def course(self, series: int) -> tuple[list[dict[str, Any]], str, bool]:
        """What is drawn of a series: its periods, its unit, and whether it is a share from 0 to 1."""
        panel, found = self._panel, self._found
        expected, low, high = _expectations(found)
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

    def _said(self, alert: Alert) -> AlertFacts:
        grid = self._panel.grid
        known = not alert.against_target and np.isfinite(alert.low) and np.isfinite(alert.high)
        return AlertFacts(
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

    def _parts(self, alert: Alert) -> dict[str, list[Part]]:
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

    def _most(self, alert: Alert) -> tuple[str, float] | None:
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


def _expectations(found: Judgement) -> tuple[Floats, Floats, Floats]:
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


def _judged_inside(found: Judgement, alert: Alert) -> Array:
    inside = np.array(found.reason[alert.series] == 0, dtype=bool)
    inside[: alert.first] = inside[alert.end :] = False
    return inside


def columns_of(panel: Panel, raised: Sequence[Alert]) -> dict[str, object]:
    """The columns of the table of alerts."""
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


def _severity(alert: Alert, effect: str) -> str:
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
