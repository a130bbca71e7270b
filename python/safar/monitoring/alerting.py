"""Alerts: which KPIs left what their past lets expect, when, how far and where?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from safar import _args
from safar._typing import Frame
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.language import Listed, Said, paragraph
from safar.monitoring.alert_result import AlertResult, columns_of
from safar.monitoring.judging import REASONS, TARGET, Judgement, Settings, judge
from safar.monitoring.panel import Grid, Panel, called_of, read, typed
from safar.monitoring.raising import raised
from safar.monitoring.season import calendar_of

__all__ = ["AlertResult", "Rule", "alerts"]

Rule: TypeAlias = Literal["chart", "drift", "season", "target"]

_HISTORY = {"day": 28, "week": 12, "month": 12}
_WINDOW = {"day": 56, "week": 26, "month": 24}
_PERIODS_A_FALSE_ALARM = 90


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
    listed = tuple(
        sorted(
            raised(panel, found, quiet),
            key=lambda each: (each.first, each.series, each.against_target, each.side),
        )
    )
    table = typed(columns_of(panel, listed))
    return AlertResult(
        table,
        _definition(panel, found, settings),
        panel.grid.timezone,
        _panel=panel,
        _found=found,
        _alerts=listed,
        _settings=settings,
        called=called_of(kpis),
    )


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


def _definition(panel: Panel, found: Judgement, settings: Settings) -> Said:
    judged = int((found.reason == 0).sum())
    least, last = settings.persistence
    judged_by = Said(
        "Alerts by {rules} over {series} series of {periods} periods, {judged} values judged, each by the periods "
        "before it; at most {budget} false alarms are expected a year.",
        rules=Listed([Said(rule) for rule in settings.rules]),
        series=len(panel.series),
        periods=len(panel.grid),
        judged=judged,
        budget=float(settings.budget),
    )
    waits = Said("{least} of {last} periods in a row must be flagged.", least=least, last=last)
    return paragraph(
        judged_by,
        None if least == 1 else waits,
        Said("What was not judged is in .not_judged with its reason."),
    )
