"""Stickiness: on how many days of a week or month customers are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._intervals import student
from safar._typing import At, Calendar, Integers, Period, StickinessUnit
from safar.analyses._cells import CellsResult
from safar.analyses._periods import (
    active_words,
    activity_params,
    check_activity,
    checked_cells,
    observed_periods,
    period_words,
)
from safar.analyses._spec import Spec, at_words, observed, segments
from safar.calendar import period_label
from safar.errors import ArgumentError
from safar.language import Said, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Stickiness", "StickinessResult", "stickiness"]

_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class StickinessResult(CellsResult):
    """On how many days of a week or month, or in how many hours, customers are there.

    Parameters
    ----------
    table
        One row a period and number of units, for each segment: ``segment`` (only with `by`; null where there is no
        value), ``period`` (its first day, a local date), ``units`` (from 1 to those that the period has), ``active``
        (customers with a counted event in the period), ``customers`` (of them, those active in exactly so many units),
        ``share``, ``share_low``, ``share_high`` (customers of active, 0 to 1, with its 95 % Wilson interval),
        ``at_least`` (customers active in so many units or more), ``at_least_share``, ``at_least_share_low``,
        ``at_least_share_high`` (of active), ``complete`` (the data cover the whole period). Shares are null where the
        data do not cover the period and where nobody was active.
    period, calendar, unit
        The kind of period, the calendar and the unit that were counted.
    """

    analysis: ClassVar[str] = "stickiness"

    period: Period
    calendar: Calendar
    unit: StickinessUnit

    def labels(self) -> list[str]:
        """Periods as their calendar writes them: ``2026-03-21``, or ``1405-01`` for a Jalali month; one a row."""
        periods = self.table.numpy("period")[0].tolist()
        label = {
            day: period_label(day, period=self.period, calendar=self.calendar)
            for day in dict.fromkeys(periods)
        }
        return [label[day] for day in periods]

    def ratios(self) -> ResultTable:
        """Which share of a period's customers is there in a unit of it, such as daily of weekly active customers?

        Returns
        -------
        ResultTable
            One row a period, for each segment: ``segment``, ``period``, ``active`` (customers in the period),
            ``units`` (that it has), ``mean_active`` (mean of the customers active in each unit), ``ratio``,
            ``ratio_low``, ``ratio_high`` (mean_active of active, 0 to 1, with its 95 % interval), ``complete``.
            ``mean_active`` and ``ratio`` are null where the data do not cover the period, ``ratio`` also where
            nobody was active.

        Notes
        -----
        The ratio of mean daily to weekly or monthly active customers (DAU/WAU, DAU/MAU) is the mean over the active
        customers of the share of days on which each was there; its interval is that of Student's t for this mean
        (1908, doi:10.2307/2331554), cut at 0 and 1 and null for a single customer. Where others divide the customers of
        one day by those of the 7 or 28 days before, this takes the calendar period, and all of its days.
        """
        units, customers = (_table.integers(self.table, name) for name in ("units", "customers"))
        first = np.flatnonzero(units == 1)
        active = _table.integers(self.table, "active")[first]
        has = np.diff(np.append(first, len(units)))
        complete = self.table.numpy("complete")[0][first].astype(bool)
        total = _sums(units * customers, first)
        squares = _sums(units * units * customers, first)
        known = np.where(complete, active, 0)
        ratio = np.divide(total, has * known, out=np.full(len(first), np.nan), where=known > 0)
        low, high = student(known, total / has, squares / (has * has))
        columns: dict[str, Any] = {
            name: self.table.numpy(name)[0][first] for name in ("segment", "period") if name in self.columns
        }
        columns |= {
            "active": active,
            "units": has,
            "mean_active": _table.nullable(np.where(complete, total / has, np.nan)),
            "ratio": _table.nullable(ratio),
            "ratio_low": _table.nullable(np.maximum(low, 0.0)),
            "ratio_high": _table.nullable(np.minimum(high, 1.0)),
            "complete": complete,
        }
        shares = frozenset({"ratio", "ratio_low", "ratio_high"})
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)

    def totals(self) -> ResultTable:
        """In how many units are customers there, over all periods that the data cover?

        Returns
        -------
        ResultTable
            One row a number of units, for each segment: ``segment``, ``units``, ``active`` (customers that were active
            in a period, summed over the complete periods, so that one customer counts once for each), ``customers``,
            ``share``, ``share_low``, ``share_high``, ``at_least``, ``at_least_share``, ``at_least_share_low``,
            ``at_least_share_high`` as in the result. The intervals take the periods of a customer as independent.
        """
        complete = self.table.numpy("complete")[0].astype(bool)
        segment, segments = _table.segments(self.table)
        units, customers = (_table.integers(self.table, name) for name in ("units", "customers"))
        most = int(units[complete].max(initial=0))
        found = np.unique(segment[complete])
        counts = np.zeros((len(found), most), dtype=np.int64)
        np.add.at(
            counts, (np.searchsorted(found, segment[complete]), units[complete] - 1), customers[complete]
        )
        columns: dict[str, object] = {}
        if "segment" in self.columns:
            columns["segment"] = _table.named(np.repeat(found, most), segments)
        columns["units"] = np.tile(np.arange(1, most + 1), len(found))
        columns |= _histogram(counts.ravel(), np.arange(len(found)) * most, np.ones(counts.size, dtype=bool))
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=_SHARES)


_SHARES = frozenset(f"{name}{end}" for name in ("share", "at_least_share") for end in ("", "_low", "_high"))


def _sums(values: Integers, first: Integers) -> Integers:
    """The sum of each run of rows; `first` is where they begin."""
    return np.add.reduceat(values, first) if len(first) else np.zeros(0, dtype=np.int64)


def _histogram(customers: Integers, first: Integers, complete: Any) -> dict[str, object]:
    """Exactly and at least so many units, of the active ones; `first` is where each histogram begins."""
    has = np.diff(np.append(first, len(customers)))
    active = np.repeat(_sums(customers, first), has)
    # Those with fewer units come before.
    before = np.cumsum(customers) - customers
    at_least = active - (before - np.repeat(before[first], has))
    known = np.where(complete, active, 0)
    columns: dict[str, object] = {"active": active, "customers": customers}
    columns |= share_columns("share", customers, known)
    columns["at_least"] = at_least
    return columns | share_columns("at_least_share", at_least, known)


@dataclass(frozen=True, slots=True)
class Stickiness(Spec[StickinessResult]):
    """The question of `EventLog.stickiness`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Stickiness(period="month", calendar="jalali").unit
    'day'
    """

    analysis: ClassVar[str] = "stickiness"

    events: str | Sequence[str] | None = None
    _: KW_ONLY
    period: Period = "week"
    unit: StickinessUnit = "day"
    calendar: Calendar = "gregorian"
    week_start: int | None = None
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        check_activity(self)
        _args.choice(self.unit, "unit", StickinessUnit)
        if self.period == self.unit == "day":
            raise ArgumentError(
                'period="day" holds one day only; count the hours of a day with unit="hour", or the days of a '
                '"week" or "month"'
            )

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        return {"params": activity_params(self, log) | {"unit": self.unit}, "by": self.by, "at": self.at}

    def finish(self, partial: Table, log: Log) -> StickinessResult:
        """Every number of units of every period of the log, from the counts of those that occur."""
        periods = observed_periods(log, self.period, self.calendar, self.week_start)
        segment, segments = _table.segments(partial)
        many = len(segments) if partial.num_rows or self.by is None else 0
        hours = -((periods.starts - periods.ends) // _HOUR_US)
        has = periods.lengths if self.unit == "day" else hours
        checked_cells(many * int(has.sum()))
        # A row for each unit of each period of each segment; a period begins at its offset.
        offset = np.cumsum(has) - has
        period = periods.index(partial.numpy("period")[0].astype("datetime64[D]"))
        row = segment * int(has.sum()) + offset[period] + _table.integers(partial, "units") - 1
        customers = np.zeros(many * int(has.sum()), dtype=np.int64)
        np.add.at(customers, row, _table.integers(partial, "customers"))
        first = (np.arange(many)[:, None] * int(has.sum()) + offset).ravel()
        # A day that the zone skipped holds no unit and has no row.
        first = first[np.tile(has > 0, many)]

        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = [name for name in segments[:many] for _ in range(int(has.sum()))]
        columns["period"] = np.tile(np.repeat(periods.days, has), many)
        columns["units"] = np.tile(np.arange(int(has.sum())) - np.repeat(offset, has) + 1, many)
        complete = np.tile(np.repeat(periods.complete, has), many)
        columns |= _histogram(customers, first, complete)
        columns["complete"] = complete
        return StickinessResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            self.period,
            self.calendar,
            self.unit,
            shares=_SHARES,
        )

    def _definition(self, log: Log) -> Said:
        period = Said(self.period)
        counted = Said(
            "A customer is active in a {calendar_period} with {event} in it, and in as many units of it as have one (a "
            "unit is {unit}). share is the part of the active customers with exactly so many units, at_least_share "
            "with so many or more, each with its 95 % Wilson interval; both are null where the {period} was not over "
            "at {end}, or began more than a day before the first event of the log.",
            calendar_period=period_words(self.period, self.calendar, self.week_start, log.timezone),
            event=active_words(self.events),
            unit=(
                Said("a local day")
                if self.unit == "day"
                else Said("an hour, counted from the start of the {period}", period=period)
            ),
            period=period,
            end=observed(log),
        )
        return paragraph(counted, segments(self.by, at_words(self.at, Said("at the first counted event"))))


def stickiness(
    log: Log,
    events: str | Sequence[str] | None = None,
    *,
    period: Period = "week",
    unit: StickinessUnit = "day",
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    by: str | None = None,
    at: At = "entry",
) -> StickinessResult:
    """On how many days of a week or month are customers there?

    Parameters
    ----------
    events
        The event, or events, that make a customer active; by default any event.
    period
        Calendar ``"day"``, ``"week"`` (default) or ``"month"`` in the zone of the log.
    unit
        What is counted in it: ``"day"`` (default), local days, or ``"hour"``, hours from the start of the period.
    calendar
        ``"gregorian"`` (default) or ``"jalali"``: which months, and which first day of the week.
    week_start
        First day of the week, 0 (Monday) to 6 (Sunday); by default Monday, and Saturday in the Jalali
        calendar.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart; a customer
        belongs to one value in all periods.
    at
        Which event of a customer gives the value of `by`: the first counted event (default), the customer's
        first event, or the last.
        With ``"profile"``, the value that all of a customer's events with one share, such as a plan; who has several
        is an error.

    Returns
    -------
    StickinessResult
        One row a period and number of units, for each segment: ``segment`` (only with `by`), ``period`` (date),
        ``units`` (1 to 7 for the days of a week), ``active``, ``customers``, ``share``, ``share_low``, ``share_high``,
        ``at_least``, ``at_least_share``, ``at_least_share_low``, ``at_least_share_high``, ``complete``.
        `StickinessResult.ratios` gives daily of weekly active customers, period by period;
        `StickinessResult.totals` takes all complete periods together.

    Notes
    -----
    All shares are of the customers who were active in the period, never of all customers. Several events in one unit
    are one active unit. A period that the data do not cover, at their beginning or end, has counts without shares.
    Intervals are Wilson's score intervals at 95 % (1927, doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann", "bob"],
    ...         "time": ["2026-03-02", "2026-03-02 09:00", "2026-03-05", "2026-03-03"],
    ...         "event": ["visit"] * 4,
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     observed_until="2026-03-09",
    ... )
    >>> result = log.stickiness()
    >>> result.to_dict()["customers"][:7]
    [1, 1, 0, 0, 0, 0, 0]
    >>> print(round(result.ratios().to_dict()["ratio"][0], 3))
    0.214
    """
    return Stickiness(
        events, period=period, unit=unit, calendar=calendar, week_start=week_start, by=by, at=at
    ).run(log)
