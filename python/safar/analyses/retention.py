"""Retention: which share of each cohort comes back, period by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _args, _core, _table
from safar._core import Table
from safar._typing import Array, At, Calendar, Integers, Period
from safar.analyses._spec import Spec, observed, segmented
from safar.calendar import period_label
from safar.errors import ArgumentError, ArgumentTypeError
from safar.result import Result, ResultTable, share_columns

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["Retention", "RetentionResult", "retention"]

_AT = {"entry": "at the first start event", "first": "at the first event", "last": "at the last event"}
_DAY_US = 86_400_000_000
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Monday by ISO 8601; Saturday is the first day of the week where the Jalali calendar is used.
_WEEK_STARTS = {"gregorian": 0, "jalali": 5}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RetentionResult(Result):
    """Which share of each cohort came back, period by period.

    Parameters
    ----------
    table
        One row a cohort and period, for each segment: ``segment`` (only with `by`; null where there is no
        value), ``cohort`` (first day of the cohort's calendar period, a local date), ``period`` (number of
        periods since, from 0), ``eligible`` (customers of the cohort), ``returned`` (of them, those seen back
        in that period), ``share``, ``share_low``, ``share_high`` (returned of eligible, 0 to 1, with its 95 %
        Wilson interval; null where the period was not fully observed), ``complete`` (the period was fully
        observed).
    period, calendar
        The kind of period and the calendar that the cohorts were counted by.
    """

    analysis: ClassVar[str] = "retention"

    period: Period
    calendar: Calendar

    def labels(self) -> list[str]:
        """Cohorts as their calendar writes them: ``2026-03-21``, or ``1405-01`` for a Jalali month; one a row."""
        cohorts = self.table.numpy("cohort")[0]
        label = {
            day: period_label(day, period=self.period, calendar=self.calendar)
            for day in np.unique(cohorts).tolist()
        }
        return [label[day] for day in cohorts.tolist()]

    def means(self) -> ResultTable:
        """Which share comes back after so many periods, over all cohorts?

        Returns
        -------
        ResultTable
            One row a period, for each segment: ``segment``, ``period``, ``eligible``, ``returned``
            (customers, summed over the cohorts), ``weighted``, ``weighted_low``, ``weighted_high`` (returned
            of eligible with its 95 % Wilson interval: every customer counts alike), ``simple`` (mean of the
            cohorts' shares: every cohort counts alike), ``cohorts`` (number). Only cells that were fully
            observed are in, and cohorts that nobody came back to are in as well.
        """
        complete = self.table.numpy("complete")[0].astype(bool)
        period, eligible, returned = (
            _table.integers(self.table, name)[complete] for name in ("period", "eligible", "returned")
        )
        segment, segments = _table.segments(self.table)
        width = int(period.max(initial=0)) + 1
        keys, group = np.unique(segment[complete] * width + period, return_inverse=True)
        cohorts, simple = np.bincount(group), np.bincount(group, weights=returned / eligible)
        total = {name: np.zeros(len(keys), dtype=np.int64) for name in ("eligible", "returned")}
        np.add.at(total["eligible"], group, eligible)
        np.add.at(total["returned"], group, returned)
        columns: dict[str, object] = {}
        if "segment" in self.columns:
            columns["segment"] = [segments[index] for index in (keys // width).tolist()]
        columns |= {"period": keys % width, **total}
        columns |= share_columns("weighted", total["returned"], total["eligible"])
        columns |= {"simple": simple / cohorts, "cohorts": cohorts}
        shares = frozenset({"weighted", "weighted_low", "weighted_high", "simple"})
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)

    def matrix(self) -> ResultTable:
        """How do the shares look with a cohort a row and a period a column?

        Returns
        -------
        ResultTable
            One row a cohort, for each segment: ``segment``, ``cohort``, ``eligible`` (customers) and a column
            ``0``, ``1``, … a period, with the share (0 to 1; null where the period was not fully observed).
        """
        period = _table.integers(self.table, "period")
        first = np.flatnonzero(period == 0)
        row = np.cumsum(period == 0) - 1
        share, missing = self.table.numpy("share")
        grid = np.full((len(first), int(period.max(initial=-1)) + 1), np.nan)
        grid[row, period] = share if missing is None else np.where(missing, np.nan, share)
        columns: dict[str, object] = {
            name: self.table.numpy(name)[0][first]
            for name in ("segment", "cohort", "eligible")
            if name in self.columns
        }
        shares = {
            str(number): _table.nullable(np.ascontiguousarray(values)) for number, values in enumerate(grid.T)
        }
        table = _table.table_of(columns | shares)
        return ResultTable(table, self.definition, self.timezone, shares=frozenset(shares))


@dataclass(frozen=True, slots=True)
class Retention(Spec[RetentionResult]):
    """The question of `EventLog.retention`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Retention("signup", "purchase", period="month", calendar="jalali").week_start
    5
    """

    analysis: ClassVar[str] = "retention"

    start: str | Sequence[str] | None = None
    back: str | Sequence[str] | None = None
    _: KW_ONLY
    period: Period = "week"
    calendar: Calendar = "gregorian"
    week_start: int | None = None
    same_period: bool = False
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        for name in ("start", "back"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _args.names(getattr(self, name), name))
        _args.choice(self.period, "period", Period)
        _args.choice(self.calendar, "calendar", Calendar)
        if self.week_start is None:
            object.__setattr__(self, "week_start", _WEEK_STARTS[self.calendar])
        if not isinstance(self.week_start, int) or isinstance(self.week_start, bool):
            raise ArgumentTypeError(
                f"week_start={self.week_start!r} is a {type(self.week_start).__name__}; "
                "expected a number from 0 (Monday) to 6 (Sunday)"
            )
        if not 0 <= self.week_start <= 6:
            raise ArgumentError(
                f"week_start={self.week_start} is not a weekday; expected 0 (Monday) to 6 (Sunday)"
            )
        _args.flag(self.same_period, "same_period")
        if self.by is not None:
            _args.text(self.by, "by")
        _args.choice(self.at, "at", At)

    def plan(self, log: EventLog) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        events = log.events
        for name in ("start", "back"):
            _args.known_events(getattr(self, name) or (), events, name)
        _args.known_segment(self.by, log.columns, log.roles)
        params = {
            "start": self.start,
            "back": self.back,
            "period": self.period,
            "calendar": self.calendar,
            "week_start": self.week_start,
            "same_period": self.same_period,
            "max_periods": None,
        }
        return {"params": params, "by": self.by, "at": self.at}

    def finish(self, partial: Table, log: EventLog) -> RetentionResult:
        """The cohorts from the customers at each cohort and period, where period -1 is the size of the cohort."""
        period, customers = _table.integers(partial, "period"), _table.integers(partial, "customers")
        days = partial.numpy("cohort")[0].astype("datetime64[D]")
        starts, ends = self._periods(days, log)
        cohort = np.searchsorted(starts, days)
        segment, segments = _table.segments(partial)
        # One row a group (a cohort of a segment), in order of both.
        groups, group = np.unique(segment * max(len(starts), 1) + cohort, return_inverse=True)
        counts = np.zeros((len(groups), len(starts) + 1), dtype=np.int64)
        np.add.at(counts, (group, period + 1), customers)
        group_cohort, group_segment = groups % max(len(starts), 1), groups // max(len(starts), 1)
        # A cohort shows the periods from its own to the last that has begun.
        length = len(starts) - group_cohort
        row = np.repeat(np.arange(len(groups)), length)
        number = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        eligible, returned = counts[row, 0], counts[row, number + 1]
        if not self.same_period:
            returned = np.where(number == 0, eligible, returned)
        complete = ends[group_cohort[row] + number] <= log.observed_until_us
        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = [segments[index] for index in group_segment[row].tolist()]
        columns |= {
            "cohort": starts[group_cohort[row]],
            "period": number,
            "eligible": eligible,
            "returned": returned,
        }
        columns |= share_columns("share", returned, np.where(complete, eligible, 0))
        columns["complete"] = complete
        return RetentionResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            self.period,
            self.calendar,
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def _periods(self, cohorts: Array, log: EventLog) -> tuple[Array, Integers]:
        """First days and ends (µs UTC) of the periods from the first cohort to the one that holds `observed_until`."""
        if not len(cohorts):
            return np.array([], dtype="datetime64[D]"), np.array([], dtype=np.int64)
        assert self.week_start is not None
        # Local midnight is within a day of midnight UTC in every zone.
        first = int(cohorts.min().astype(np.int64)) * _DAY_US
        beyond = log.observed_until_us + 32 * _DAY_US
        bounds = _core.period_starts(
            first - _DAY_US, beyond, self.period, log.timezone, self.calendar, self.week_start
        )
        days = np.array(
            [_args.local_datetime(start, log.timezone).date() for start in bounds], dtype="datetime64[D]"
        )
        begun = (days >= cohorts.min()) & (np.array(bounds) <= log.observed_until_us)
        index = np.flatnonzero(begun)
        return days[index], np.array(bounds, dtype=np.int64)[index + 1]

    def _definition(self, log: EventLog) -> str:
        start = "first event" if self.start is None else f"first {' or '.join(self.start)} event"
        back = "any event" if self.back is None else f"a {' or '.join(self.back)} event"
        calendar = "Jalali" if self.calendar == "jalali" else "Gregorian"
        assert self.week_start is not None
        week = f", weeks from {_WEEKDAYS[self.week_start]}" if self.period == "week" else ""
        zero = "counts returns later in the same period" if self.same_period else "is the whole cohort"
        return (
            f"A cohort is the customers whose {start} falls in one calendar {self.period} ({calendar} calendar{week}, "
            f"{log.timezone}); returned in period k are those with {back} later than that in the k-th {self.period} "
            f"after it, and period 0 {zero}. share is returned of eligible (the whole cohort) with its 95 % Wilson "
            f"interval, null where the period was not over at {observed(log)}.{segmented(self.by, _AT[self.at])}"
        )


def retention(
    log: EventLog,
    start: str | Sequence[str] | None = None,
    back: str | Sequence[str] | None = None,
    *,
    period: Period = "week",
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    same_period: bool = False,
    by: str | None = None,
    at: At = "entry",
) -> RetentionResult:
    """Which share of each cohort of customers comes back, period by period?

    Parameters
    ----------
    start
        The event, or events, whose first occurrence puts a customer in a cohort; by default any event.
    back
        The event, or events, that count as coming back; by default any event.
    period
        Length of cohorts and periods: calendar ``"day"``, ``"week"`` (default) or ``"month"`` in the zone of
        the log.
    calendar
        ``"gregorian"`` (default) or ``"jalali"``: which months, and which first day of the week.
    week_start
        First day of the week, 0 (Monday) to 6 (Sunday); by default Monday, and Saturday in the Jalali
        calendar.
    same_period
        What period 0 counts: false (default), the whole cohort; true, those who came back in the period they
        began in.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart.
    at
        Which event of a customer gives the value of `by`: the first start event (default), the customer's
        first event, or the last.

    Returns
    -------
    RetentionResult
        One row a cohort and period, for each segment: ``segment`` (only with `by`), ``cohort`` (date),
        ``period`` (number, from 0), ``eligible``, ``returned`` (customers), ``share``, ``share_low``,
        ``share_high`` (0 to 1), ``complete``. Every period from 0 to the last that began by `observed_until`
        has its row, also where nobody returned. `RetentionResult.means` averages over cohorts,
        `RetentionResult.matrix` lays them out in columns.

    Notes
    -----
    A return counts strictly after the start event in the customer's order of events, so that a
    single event is not its own return. A period that was not over at `observed_until` has no share, because
    its customers may still return; `returned` shows those seen so far. Intervals are Wilson's score intervals
    at 95 % (1927, doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "bob", "ann"],
    ...         "time": ["2026-03-02", "2026-03-03", "2026-03-10"],
    ...         "event": ["visit", "visit", "visit"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     observed_until="2026-03-16",
    ... )
    >>> result = log.retention(period="week")
    >>> result.to_dict()["share"]
    [1.0, 0.5, None]
    """
    return Retention(
        start,
        back,
        period=period,
        calendar=calendar,
        week_start=week_start,
        same_period=same_period,
        by=by,
        at=at,
    ).run(log)
