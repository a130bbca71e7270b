"""Retention: which share of each cohort comes back, period by period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._intervals import student
from safar._typing import (
    Array,
    At,
    Calendar,
    Floats,
    Instant,
    Integers,
    Period,
    PeriodClock,
    PeriodCohort,
    RetentionEntry,
    RetentionMode,
)
from safar.analyses._cells import CellsResult
from safar.analyses._periods import checked_cells, checked_week_start, observed_periods, period_words
from safar.analyses._retention_explanation import explained
from safar.analyses._spec import Column, Spec, at_words, observed, segments
from safar.calendar import period_label
from safar.errors import ArgumentError, ArgumentTypeError, UnknownColumnError
from safar.explanation import Explanation
from safar.language import Listed, Said, Spoken, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Retention", "RetentionResult", "retention"]

_DAY_US = 86_400_000_000
# What period k is the k-th of, and what returns are later than.
_AFTER = {
    ("calendar", "day"): Said("day after it"),
    ("calendar", "week"): Said("week after it"),
    ("calendar", "month"): Said("month after it"),
    ("rolling", "day"): Said("24 hours from it on"),
    ("rolling", "week"): Said("7 days from it on"),
    ("rolling", "month"): Said("30 days from it on"),
}
_FIRST_OF = {
    "day": Said("the first of them in the day"),
    "week": Said("the first of them in the week"),
    "month": Said("the first of them in the month"),
}
# Who returned in a period, or in a bracket of periods, by the mode.
_RETURNED = {
    (False, "on"): "returned in period k are those with {back} later than {start} in the k-th {after}",
    (
        False,
        "on_or_after",
    ): "returned in period k are those with {back} later than {start} in the k-th {after} or in a "
    "later one so far",
    (
        False,
        "on_or_before",
    ): "returned in period k are those with {back} later than {start} in the k-th {after} or in an "
    "earlier one from period 1 on",
    (
        False,
        "streak",
    ): "returned in period k are those with {back} later than {start} in the k-th {after} and in every "
    "earlier one from period 1 on",
    (True, "on"): "returned in a bracket are those with {back} later than {start} in it",
    (
        True,
        "on_or_after",
    ): "returned in a bracket are those with {back} later than {start} in it or in a later one so far",
    (
        True,
        "on_or_before",
    ): "returned in a bracket are those with {back} later than {start} in it or in an earlier one "
    "from the first after period 0 on",
    (
        True,
        "streak",
    ): "returned in a bracket are those with {back} later than {start} in it and in every earlier one from "
    "the first after period 0 on",
}
_LONGEST_BRACKET = 5_000
_VALUES = ("value", "value_squares", "cumulative_value", "cumulative_value_squares")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class RetentionResult(CellsResult):
    """Which share of each cohort came back, period by period.

    Parameters
    ----------
    table
        One row a cohort and period, for each segment: ``segment`` (only with `by`; null where there is no
        value), ``cohort`` (first day of the cohort's calendar period, a local date; not with ``cohort="all"``),
        ``period`` (number of periods since, from 0; with `brackets` the first of the bracket, and ``period_end`` the
        last), ``customers`` (of the cohort; only with ``clock="rolling"`` or ``cohort="all"``, where it may be
        more than the next), ``eligible`` (customers of the cohort whose period was fully observed; where it was for
        nobody, those whose period has begun), ``returned`` (of them, those seen back), ``share``, ``share_low``,
        ``share_high`` (returned of eligible, 0 to 1, with its 95 % Wilson interval; null where the period was
        not fully observed), ``complete`` (the period was fully observed). With `value` further ``value`` (sum in
        the period), ``mean_value``, ``mean_value_low``, ``mean_value_high`` (of the eligible, with the 95 %
        interval of Student's t), ``cumulative_value`` (sum from the start to the end of the period),
        ``mean_cumulative_value``, ``mean_cumulative_value_low``, ``mean_cumulative_value_high``; the means are
        null where the period was not fully observed.
    period, calendar
        The kind of period and the calendar that the cohorts were counted by.
    clock
        Whether periods are calendar periods or begin with each customer's own start.
    """

    analysis: ClassVar[str] = "retention"

    period: Period
    calendar: Calendar
    clock: PeriodClock

    def labels(self) -> list[str]:
        """Cohorts as their calendar writes them: ``2026-03-21``, or ``1405-01`` for a Jalali month; one a row."""
        if "cohort" not in self.columns:
            return ["all"] * len(self)
        cohorts = self.table.numpy("cohort")[0]
        label = {
            day: period_label(day, period=self.period, calendar=self.calendar)
            for day in np.unique(cohorts).tolist()
        }
        return [label[day] for day in cohorts.tolist()]

    def period_labels(self) -> list[str]:
        """Periods as a heading writes them, ``3`` or, for a bracket, ``2-7``; one a row."""
        first = _table.integers(self.table, "period").tolist()
        if "period_end" not in self.columns:
            return [str(number) for number in first]
        last = _table.integers(self.table, "period_end").tolist()
        return [str(low) if low == high else f"{low}-{high}" for low, high in zip(first, last, strict=True)]

    def means(self) -> ResultTable:
        """Which share comes back after so many periods, over all cohorts?

        Returns
        -------
        ResultTable
            One row a period, for each segment: ``segment``, ``period``, ``period_end`` (with `brackets`),
            ``eligible``, ``returned`` (customers, summed over the cohorts), ``weighted``, ``weighted_low``,
            ``weighted_high`` (returned of eligible with its 95 % Wilson interval: every customer counts alike),
            ``simple`` (mean of the cohorts' shares: every cohort counts alike), ``cohorts`` (number) and, with `value`,
            ``value``, ``mean_value``, ``cumulative_value``, ``mean_cumulative_value`` (sums, and means of the
            eligible). Only cells that were fully observed are in, and cohorts that nobody came back to are in as well.
        """
        complete = self.table.numpy("complete")[0].astype(bool)
        period, eligible, returned = (
            _table.integers(self.table, name)[complete] for name in ("period", "eligible", "returned")
        )
        segment, segments = _table.segments(self.table)
        width = int(period.max(initial=0)) + 1
        keys, first, group = np.unique(
            segment[complete] * width + period, return_index=True, return_inverse=True
        )
        cohorts, simple = np.bincount(group), np.bincount(group, weights=returned / eligible)
        total = {name: np.zeros(len(keys), dtype=np.int64) for name in ("eligible", "returned")}
        np.add.at(total["eligible"], group, eligible)
        np.add.at(total["returned"], group, returned)
        columns: dict[str, object] = {}
        if "segment" in self.columns:
            columns["segment"] = _table.named(keys // width, segments)
        columns["period"] = keys % width
        if "period_end" in self.columns:
            columns["period_end"] = _table.integers(self.table, "period_end")[complete][first]
        columns |= total
        columns |= share_columns("weighted", total["returned"], total["eligible"])
        columns |= {"simple": simple / cohorts, "cohorts": cohorts}
        for name in ("value", "cumulative_value") if "value" in self.columns else ():
            sums = np.bincount(group, weights=self.table.numpy(name)[0][complete], minlength=len(keys))
            columns |= {name: sums, f"mean_{name}": sums / total["eligible"]}
        shares = frozenset({"weighted", "weighted_low", "weighted_high", "simple"})
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)

    def explain(self, customer: object) -> Explanation:
        """Why does a customer count as it does?

        Parameters
        ----------
        customer
            The id, as the data give it.

        Returns
        -------
        Explanation
            The customer's events, with the cohort that each enters or the period that it is back in, and the periods
            in which the customer counts.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann"],
        ...         "time": ["2026-03-02", "2026-03-10"],
        ...         "event": ["view", "view"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> log.retention(period="week").explain("ann").to_dict()["decision"]
        ['start event: enters the cohort of 2026-03-02', 'back in period 1']
        """
        question = cast("Retention", Spec.from_json(self.spec))
        return explained(question, self._asked(), customer, self.definition)

    def matrix(self) -> ResultTable:
        """How do the shares look with a cohort a row and a period a column?

        Returns
        -------
        ResultTable
            One row a cohort, for each segment: ``segment``, ``cohort``, ``eligible`` (customers; ``customers`` instead
            with ``clock="rolling"`` or ``cohort="all"``) and a column ``0``, ``1``, … a period, or ``2-7`` a bracket,
            with the share (0 to 1; null where the period was not fully observed).
        """
        period = _table.integers(self.table, "period")
        numbers, column = np.unique(period, return_inverse=True)
        # Every cohort has its first column, or no row at all.
        first = np.flatnonzero(column == 0)
        row = np.cumsum(column == 0) - 1
        share, missing = self.table.numpy("share")
        grid = np.full((len(first), len(numbers)), np.nan)
        grid[row, column] = share if missing is None else np.where(missing, np.nan, share)
        size = "customers" if "customers" in self.columns else "eligible"
        columns: dict[str, object] = {
            name: self.table.numpy(name)[0][first]
            for name in ("segment", "cohort", size)
            if name in self.columns
        }
        heading = dict(zip(period.tolist(), self.period_labels(), strict=True))
        shares = {
            heading[number]: _table.nullable(np.ascontiguousarray(values))
            for number, values in zip(numbers.tolist(), grid.T, strict=True)
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
    entry: RetentionEntry = "first_ever"
    start_time: Instant | None = None
    end_time: Instant | None = None
    clock: PeriodClock = "calendar"
    mode: RetentionMode = "on"
    brackets: Sequence[tuple[int, int]] | None = None
    minimum: int = 1
    value: bool = False
    cohort: PeriodCohort = "period"
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        for name in ("start", "back"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _args.names(getattr(self, name), name))
        _args.choice(self.period, "period", Period)
        _args.choice(self.calendar, "calendar", Calendar)
        object.__setattr__(self, "week_start", checked_week_start(self.week_start, self.calendar))
        object.__setattr__(self, "same_period", _args.flag(self.same_period, "same_period"))
        _args.choice(self.entry, "entry", RetentionEntry)
        for name in ("start_time", "end_time"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _instant_text(getattr(self, name), name))
        _args.choice(self.clock, "clock", PeriodClock)
        _args.choice(self.mode, "mode", RetentionMode)
        if self.brackets is not None:
            object.__setattr__(self, "brackets", _brackets(self.brackets, self.same_period))
        object.__setattr__(self, "minimum", _minimum(self.minimum))
        object.__setattr__(self, "value", _args.flag(self.value, "value"))
        _args.choice(self.cohort, "cohort", PeriodCohort)
        if self.by is not None:
            _args.text(self.by, "by")
        _args.choice(self.at, "at", At)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        events = log.events
        for name in ("start", "back"):
            _args.known_events(getattr(self, name) or (), events, name)
        _args.known_segment(self.by, log.columns, log.roles)
        if self.value and "value" not in log.columns:
            raise UnknownColumnError(
                'value=True adds up the value of events, and this log has none; build the log with value="revenue" '
                "(the name of the column with the numbers)"
            )
        return self.plan_of_part(log)

    def plan_of_part(self, log: Log) -> dict[str, object]:
        """The kernel's plan for a part of a log, which need not have every event."""
        begin, end = self.bounds(log.timezone)
        if begin is not None and end is not None and begin >= end:
            raise ArgumentError(
                f'end_time="{self.end_time}" is not after start_time="{self.start_time}"; the range from start_time to '
                "before end_time holds no instant"
            )
        params = {
            "start": self.start,
            "back": self.back,
            "period": self.period,
            "calendar": self.calendar,
            "week_start": self.week_start,
            "same_period": self.same_period,
            "max_periods": None,
            "entry": self.entry,
            "start_time_us": begin,
            "end_time_us": end,
            "clock": self.clock,
            "mode": self.mode,
            "brackets": self.brackets,
            "minimum": self.minimum,
            "value": self.value,
        }
        return {"params": params, "by": self.by, "at": self.at}

    def bounds(self, timezone: str) -> tuple[int | None, int | None]:
        """The range of the start, µs UTC."""
        begin, end = (
            None if text is None else _args.instant_us(text, name, timezone)
            for name, text in (("start_time", self.start_time), ("end_time", self.end_time))
        )
        return begin, end

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        """A row for each period in which a customer counts as returned."""
        period = rows["period"][0]
        # The rows of one customer and cohort stand together, the size of the cohort (period -1) first.
        starts = np.flatnonzero(period == -1)
        group = np.cumsum(period == -1) - 1
        days = rows["cohort"][0].astype("datetime64[D]")[starts]
        over = rows["observed"][0].astype(np.int64)[starts] if "observed" in rows else None
        cohort, all_days, over = self._cohorts(days, over, log)
        widest = max(int(period.max(initial=-1)), int(over.max(initial=-1))) + 1
        if self.brackets is None:
            first = last = np.arange(widest)
        else:
            first, last = np.array(self.brackets, dtype=np.int64).T
        checked_cells(len(starts) * len(first))
        counts = np.zeros((len(starts), len(first)), dtype=np.int64)
        counts[group[period >= 0], period[period >= 0]] = 1
        returned = self._returned(counts, first)
        if not self.same_period and len(first) and first[0] == 0:
            returned[:, 0] = 1
        # As in the table: those whose period is over; where it is for nobody in the row, those whose period has begun.
        segment = (
            Table({"segment": rows["segment"][0][starts]}).codes("segment")[0]
            if "segment" in rows
            else np.zeros_like(cohort)
        )
        row = segment * max(len(all_days), 1) + (cohort if self.cohort == "period" else 0)
        is_over, has_begun = over[:, None] > last, over[:, None] >= first
        complete = np.zeros((int(row.max(initial=-1)) + 1, len(first)), dtype=bool)
        np.logical_or.at(complete, row, is_over)
        at, column = np.nonzero((returned > 0) & np.where(complete[row], is_over, has_begun))
        cells: dict[str, Column] = {}
        if "segment" in rows:
            labels, absent = rows["segment"]
            cells["segment"] = (labels[starts][at], None if absent is None else absent[starts][at])
        cells["customer"] = (rows["customer"][0][starts][at], None)
        if self.cohort == "period":
            cells["cohort"] = (days[at], None)
        cells["period"] = (first[column], None)
        return cells

    def finish(self, partial: Table, log: Log) -> RetentionResult:
        """The cohorts from the sums of each cohort and period, where period -1 holds the size of the cohort."""
        segment, segments = _table.segments(partial)
        of_rows = partial.numpy("cohort")[0].astype("datetime64[D]")
        over_of_rows = _table.integers(partial, "observed") if self.clock == "rolling" else None
        cohort, days, complete_periods = self._cohorts(of_rows, over_of_rows, log)
        # A group is the customers of a segment and a cohort with the same number of complete periods.
        most = int(complete_periods.max(initial=-1)) + 1
        key = (segment * max(len(days), 1) + cohort) * max(most, 1) + complete_periods
        groups, group = np.unique(key, return_inverse=True)
        over = groups % max(most, 1)
        if self.brackets is None:
            first = last = np.arange(most)
        else:
            first, last = np.array(self.brackets, dtype=np.int64).T
        checked_cells(len(groups) * len(first))
        place = (group, _table.integers(partial, "period") + 1)
        counts = np.zeros((len(groups), len(first) + 1), dtype=np.int64)
        np.add.at(counts, place, _table.integers(partial, "customers"))
        size, returned = counts[:, :1], self._returned(counts[:, 1:], first)
        if not self.same_period and len(first) and first[0] == 0:
            returned[:, 0] = size[:, 0]

        # A row of the table gathers the groups of its cohort, or of all cohorts.
        of_row = groups // max(most, 1)
        rows, row = np.unique(
            of_row if self.cohort == "period" else of_row // max(len(days), 1), return_inverse=True
        )
        is_over, has_begun = over[:, None] > last, over[:, None] >= first
        shape = (len(rows), len(first))

        def gathered(values: Array, which: Array) -> Array:
            total = np.zeros(shape, dtype=values.dtype)
            np.add.at(total, row, np.where(which, values, 0))
            return total

        complete = gathered(size, is_over) > 0
        at, column = np.nonzero(gathered(size, has_begun))

        def cells(values: Array) -> Array:
            """The values of those whose period is over; where it is for nobody, of those whose period has begun."""
            chosen: Array = np.where(complete, gathered(values, is_over), gathered(values, has_begun))[
                at, column
            ]
            return chosen

        columns: dict[str, object] = {}
        by_cohort = self.cohort == "period"
        if self.by is not None:
            of_segment = rows // max(len(days), 1) if by_cohort else rows
            columns["segment"] = _table.named(of_segment[at], segments)
        if by_cohort:
            columns["cohort"] = days[(rows % max(len(days), 1))[at]]
        columns["period"] = first[column]
        if self.brackets is not None:
            columns["period_end"] = last[column]
        if self.clock == "rolling" or not by_cohort:
            columns["customers"] = gathered(size, np.ones(shape[1:], dtype=bool))[at, column]
        eligible, is_complete = cells(size), complete[at, column]
        known = np.where(is_complete, eligible, 0)
        columns |= {"eligible": eligible, "returned": cells(returned)}
        columns |= share_columns("share", cells(returned), known)
        columns["complete"] = is_complete
        if self.value:
            sums = {name: np.zeros((len(groups), len(first) + 1)) for name in _VALUES}
            for name, total in sums.items():
                np.add.at(total, place, partial.numpy(name)[0])
                sums[name] = total[:, 1:]
            for name in ("value", "cumulative_value"):
                total, squares = sums[name], sums[f"{name}_squares"]
                if name == "cumulative_value":
                    total, squares = np.cumsum(total, axis=1), np.cumsum(squares, axis=1)
                columns |= _mean_columns(name, known, cells(total), cells(squares))
        return RetentionResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            self.period,
            self.calendar,
            self.clock,
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def _cohorts(self, cohorts: Array, over: Integers | None, log: Log) -> tuple[Integers, Array, Integers]:
        """For each cohort of a row its number and how many periods after it are over; and the days of all cohorts."""
        if not len(cohorts):
            return np.zeros(0, dtype=np.int64), cohorts, np.zeros(0, dtype=np.int64)
        # Local midnight is within a day of midnight UTC in every zone.
        begin = (int(cohorts.min().astype(np.int64)) - 1) * _DAY_US
        periods = observed_periods(log, self.period, self.calendar, self.week_start, begin)
        index = periods.index(cohorts)
        if over is None:
            over = np.searchsorted(periods.ends, log.observed_until_us, side="right") - index
        return index, periods.days, over

    def _returned(self, counts: Integers, first: Integers) -> Integers:
        """Who counts as returned in each column, where the kernel counts the first, the last or the end of a streak."""
        later = int(len(first) > 0 and first[0] == 0)
        if self.mode == "on_or_after":
            counts = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
        elif self.mode != "on":
            run = counts[:, later:]
            run = run.cumsum(axis=1) if self.mode == "on_or_before" else run[:, ::-1].cumsum(axis=1)[:, ::-1]
            counts = np.hstack([counts[:, :later], run])
        return counts

    def _definition(self, log: Log) -> Spoken:
        period = period_words(self.period, self.calendar, self.week_start, log.timezone)
        if self.entry == "recurring":
            event = (
                Said("any event")
                if self.start is None
                else Said("a {events} event", events=_any_of(self.start))
            )
            who = Said(
                "customers with {event} in one {period}, once for each such {name}",
                event=self._ranged(event),
                period=period,
                name=Said(self.period),
            )
            start = _FIRST_OF[self.period]
        else:
            event = (
                Said("event") if self.start is None else Said("{events} event", events=_any_of(self.start))
            )
            first = self._ranged(event) if self.entry == "first" else event
            who = Said("customers whose first {event} falls in one {period}", event=first, period=period)
            who = who if self.entry == "first" else self._within(who)
            start = Said("that")
        text = "A cohort is the {customers}; {returned}."
        if self.cohort != "period":
            text = "A cohort is the {customers}, and all cohorts are taken together; {returned}."
        return paragraph(
            Said(text, customers=who, returned=self._returned_words(self._back(), start)),
            self._share(log),
            self._values(),
            segments(self.by, at_words(self.at, Said("at the first start event"))),
        )

    def _ranged(self, event: Said) -> Said:
        """Events of the range of time that is asked for."""
        if self.start_time is not None:
            event = Said("{event} from {start}", event=event, start=str(self.start_time))
        if self.end_time is not None:
            event = Said("{event} until before {end}", event=event, end=str(self.end_time))
        return event

    def _within(self, who: Said) -> Said:
        """Customers whose first event of all lies in the range of time that is asked for."""
        start, end = str(self.start_time), str(self.end_time)
        if self.start_time is not None and self.end_time is not None:
            return Said(
                "{customers} and lies from {start} until before {end}", customers=who, start=start, end=end
            )
        if self.start_time is not None:
            return Said("{customers} and lies from {start}", customers=who, start=start)
        return (
            who
            if self.end_time is None
            else Said("{customers} and lies until before {end}", customers=who, end=end)
        )

    def _back(self) -> Said:
        """What a customer comes back with."""
        if self.minimum > 1 and self.back is not None:
            return Said("at least {minimum} {events} events", minimum=self.minimum, events=_any_of(self.back))
        if self.minimum > 1:
            return Said("at least {minimum} events", minimum=self.minimum)
        return Said("any event") if self.back is None else Said("a {events} event", events=_any_of(self.back))

    def _returned_words(self, back: Said, start: Said) -> Said:
        after = _AFTER[self.clock, self.period]
        said = Said(_RETURNED[self.brackets is not None, self.mode], back=back, start=start, after=after)
        if self.brackets is not None:
            listed = [
                Said("{low}", low=low) if low == high else Said("{low} to {high}", low=low, high=high)
                for low, high in self.brackets
            ]
            text = "{returned} (the brackets are periods {listed}; period k is the k-th {after})"
            said = Said(text, returned=said, listed=Listed(listed), after=after)
            if self.brackets[0][0] > 0:
                return said
        if self.same_period:
            return Said("{returned}, and period 0 counts returns later in the same period", returned=said)
        return Said("{returned}, and period 0 is the whole cohort", returned=said)

    def _share(self, log: Log) -> Said:
        if self.clock == "rolling" or self.cohort == "all":
            return Said(
                "share is returned of eligible (the customers whose period was over at {end}) with its 95 % Wilson "
                "interval, null where it was over for nobody.",
                end=observed(log),
            )
        return Said(
            "share is returned of eligible (the whole cohort) with its 95 % Wilson interval, null where the period was "
            "not over at {end}.",
            end=observed(log),
        )

    def _values(self) -> Said | None:
        if not self.value:
            return None
        events = (
            Said("all events")
            if self.back is None
            else Said("the {events} events", events=_any_of(self.back))
        )
        return Said(
            "value is the sum over {events} from the start event on, that one included, in the period, and "
            "cumulative_value until its end; an event without a value adds 0; means are of the eligible, with the 95 % "
            "interval of Student's t.",
            events=events,
        )


def _any_of(events: Sequence[str]) -> Listed:
    return Listed(events, " or ")


def _instant_text(value: object, argument: str) -> str:
    """The instant as text, so that the question travels as JSON; without a zone it is wall clock of the log's."""
    _args.instant_us(value, argument, "UTC")
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    return value.isoformat() if isinstance(value, dt.date) else str(value).strip()


def _minimum(value: object) -> int:
    """The least number of returns, if it is one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ArgumentTypeError(
            f"minimum={value!r} is a {type(value).__name__}; expected a whole number from 1"
        )
    if not 1 <= value < 1 << 31:
        raise ArgumentError(f"minimum={value} is no number of returns; expected 1 or more")
    return value


def _brackets(given: object, same_period: bool) -> tuple[tuple[int, int], ...]:
    """The brackets, if they are ascending pairs of periods that do not overlap."""
    expected = "expected pairs of a first and a last period, such as [(0, 0), (1, 1), (2, 7)]"
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ArgumentTypeError(f"brackets={given!r} is a {type(given).__name__}; {expected}")
    brackets: list[tuple[int, int]] = []
    for pair in given:
        if (
            isinstance(pair, str)
            or not isinstance(pair, Sequence)
            or len(pair) != 2
            or any(not isinstance(number, int) or isinstance(number, bool) for number in pair)
        ):
            raise ArgumentTypeError(f"brackets holds {pair!r}; {expected}")
        low, high = pair
        if not 0 <= low <= high < _LONGEST_BRACKET:
            raise ArgumentError(
                f"brackets holds ({low}, {high}); the first period is 0 or more, the last not before it and below "
                f"{_LONGEST_BRACKET}"
            )
        if brackets and low <= brackets[-1][1]:
            raise ArgumentError(
                f"brackets holds ({low}, {high}) after {brackets[-1]}; brackets ascend and do not overlap (for "
                'everything up to a period use mode="on_or_before")'
            )
        brackets.append((low, high))
    if not brackets:
        raise ArgumentError(f"brackets is an empty list; {expected}")
    if brackets[0][0] == 0 < brackets[0][1] and not same_period:
        raise ArgumentError(
            f"the bracket {brackets[0]} joins period 0, which is the whole cohort, with later ones; split it into "
            f"(0, 0) and (1, {brackets[0][1]}), or count returns in period 0 with same_period=True"
        )
    return tuple(brackets)


def _mean_columns(name: str, trials: Integers, total: Floats, squares: Floats) -> dict[str, object]:
    """A sum, its mean over the customers and its 95 % interval, null where nobody was fully observed."""
    mean = np.divide(total, trials, out=np.full(len(trials), np.nan), where=trials > 0)
    low, high = student(trials, total, squares)
    columns = {f"mean_{name}": mean, f"mean_{name}_low": low, f"mean_{name}_high": high}
    return {name: total} | {column: _table.nullable(values) for column, values in columns.items()}


def retention(
    log: Log,
    start: str | Sequence[str] | None = None,
    back: str | Sequence[str] | None = None,
    *,
    period: Period = "week",
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    same_period: bool = False,
    entry: RetentionEntry = "first_ever",
    start_time: Instant | None = None,
    end_time: Instant | None = None,
    clock: PeriodClock = "calendar",
    mode: RetentionMode = "on",
    brackets: Sequence[tuple[int, int]] | None = None,
    minimum: int = 1,
    value: bool = False,
    cohort: PeriodCohort = "period",
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
    entry
        Which start event puts a customer in a cohort: ``"first_ever"`` (default), the first of all, so that nobody
        counts twice; ``"first"``, the first one in the range from `start_time` to before `end_time`;
        ``"recurring"``, the first one of each period in that range, so that a customer is in a cohort for each.
    start_time, end_time
        Only start events from the one to before the other count (datetime, date or ISO 8601 text, by default all);
        returns are counted up to `observed_until`. With ``entry="first_ever"``, customers whose first start event is
        not in the range are in no cohort.
    clock
        Where periods lie: ``"calendar"`` (default), calendar periods counted from the cohort's; ``"rolling"``, clocks
        that begin with each customer's own start event and tick every 24 hours, 7 days or 30 days.
    mode
        When a customer counts as returned in period k: ``"on"`` (default), back in it; ``"on_or_after"``, back in it
        or in any later one so far; ``"on_or_before"``, back in any of the periods 1 to k; ``"streak"``, back in every
        one of them.
    brackets
        Pairs of a first and a last period, such as ``[(0, 0), (1, 1), (2, 7)]``, that take the place of the periods:
        each is one long period. They ascend and do not overlap; between them may be gaps that nothing is counted in.
    minimum
        How many `back` events a customer needs in a period, or bracket, to count as back in it; 1 by default.
    value
        Whether to add up the value of the `back` events, in each period and since the start.
    cohort
        ``"period"`` (default), a cohort a calendar period; ``"all"``, all customers in one, or one for each value of
        `by`.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart.
    at
        Which event of a customer gives the value of `by`: the start event that puts them in the cohort (default), the
        customer's first event, or the last.
        With ``"profile"``, the value that all of a customer's events with one share, such as a plan; who has several
        is an error.

    Returns
    -------
    RetentionResult
        One row a cohort and period, for each segment: ``segment`` (only with `by`), ``cohort`` (date),
        ``period`` (number, from 0), ``period_end`` (only with `brackets`), ``customers`` (only with
        ``clock="rolling"`` or ``cohort="all"``), ``eligible``, ``returned`` (customers), ``share``, ``share_low``,
        ``share_high`` (0 to 1), ``complete`` and, with `value`, ``value``, ``mean_value``, ``mean_value_low``,
        ``mean_value_high``, ``cumulative_value``, ``mean_cumulative_value``, ``mean_cumulative_value_low``,
        ``mean_cumulative_value_high``. Every period from 0 to the last that began by `observed_until` has its row,
        also where nobody returned. `RetentionResult.means` averages over cohorts, `RetentionResult.matrix` lays
        them out in columns.

    Notes
    -----
    A return counts strictly after the start event in the customer's order of events, so that a
    single event is not its own return. A period that was not over at `observed_until` has no share, because
    its customers may still return; `returned` shows those seen so far. With rolling clocks that is said of each
    customer: the share of period k is that of the customers who started early enough for it to be over, so its
    denominator shrinks with k, and with ``cohort="all"`` it is so under calendar periods as well. ``"on_or_after"`` can
    still rise after the period is over, as later returns are found. With ``entry="recurring"`` and ``cohort="all"`` a
    customer counts once for each period with a start event, and intervals take these as independent.

    Intervals of shares are Wilson's score intervals at 95 % (1927, doi:10.1080/01621459.1927.10502953), those of mean
    values Student's t intervals (1908, doi:10.2307/2331554), null for a single customer. The value of the start event
    counts where it is a `back` event, so that the cumulative value is what customers brought from their entry on.

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
    >>> log.retention(
    ...     period="day", clock="rolling", brackets=[(1, 6), (7, 13)], cohort="all"
    ... ).to_dict()["returned"]
    [0, 1]
    """
    return Retention(
        start,
        back,
        period=period,
        calendar=calendar,
        week_start=week_start,
        same_period=same_period,
        entry=entry,
        start_time=start_time,
        end_time=end_time,
        clock=clock,
        mode=mode,
        brackets=brackets,
        minimum=minimum,
        value=value,
        cohort=cohort,
        by=by,
        at=at,
    ).run(log)
