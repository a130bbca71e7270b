"""Lifecycle: how many customers of each period are new, stay, come back after a pause, or are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _table
from safar._core import Table
from safar._typing import At, Calendar, Period
from safar.analyses._cells import CellsResult
from safar.analyses._periods import (
    active_words,
    activity_params,
    check_activity,
    checked_cells,
    observed_periods,
    period_words,
)
from safar.analyses._spec import Column, Spec, at_words, observed, segments
from safar.calendar import period_label
from safar.language import Moment, Said, paragraph
from safar.result import share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Lifecycle", "LifecycleResult", "lifecycle"]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LifecycleResult(CellsResult):
    """How many customers of each period are new, stay, come back after a pause, or are gone.

    Parameters
    ----------
    table
        One row a period, for each segment: ``segment`` (only with `by`; null where there is no value), ``period``
        (its first day, a local date), ``active`` (customers with a counted event in the period), of them ``new`` (the
        first one ever), ``returning`` (active in the period before as well) and ``resurrected`` (active before, but
        not in the period before), ``previous_active`` (customers active in the period before; null in the first
        period), of them ``dormant`` (not active in this one; null in the first period and while it is not over),
        ``returning_share``, ``returning_share_low``, ``returning_share_high`` (returning of previous_active, 0 to 1,
        with its 95 % Wilson interval; null like ``dormant``, and where nobody was active before), ``complete`` (the
        data cover the whole period).
    period, calendar
        The kind of period and the calendar that were counted by.
    """

    analysis: ClassVar[str] = "lifecycle"

    period: Period
    calendar: Calendar

    def labels(self) -> list[str]:
        """Periods as their calendar writes them: ``2026-03-21``, or ``1405-01`` for a Jalali month; one a row."""
        periods = self.table.numpy("period")[0].tolist()
        label = {
            day: period_label(day, period=self.period, calendar=self.calendar)
            for day in dict.fromkeys(periods)
        }
        return [label[day] for day in periods]


@dataclass(frozen=True, slots=True)
class Lifecycle(Spec[LifecycleResult]):
    """The question of `EventLog.lifecycle`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Lifecycle("purchase", period="month").events
    ('purchase',)
    """

    analysis: ClassVar[str] = "lifecycle"

    events: str | Sequence[str] | None = None
    _: KW_ONLY
    period: Period = "week"
    calendar: Calendar = "gregorian"
    week_start: int | None = None
    by: str | None = None
    at: At = "entry"

    def __post_init__(self) -> None:
        check_activity(self)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        return {"params": activity_params(self, log), "by": self.by, "at": self.at}

    @property
    def cell_values(self) -> Mapping[str, Sequence[str]]:
        """A status that nobody has is one nevertheless."""
        return {"status": ("new", "returning", "resurrected", "dormant")}

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        """A row for each period in which a customer was there, and for the one after in which it was not."""
        periods = observed_periods(log, self.period, self.calendar, self.week_start)
        active = ("new", "returning", "resurrected")
        status = np.array(active, dtype=object)[np.argmax([rows[name][0] for name in active], axis=0)]
        customer, missing = rows["customer"]
        index = periods.index(rows["period"][0].astype("datetime64[D]"))
        same = (customer[:-1] == customer[1:]) & (index[:-1] + 1 == index[1:])
        gone = np.append(~same, True) if len(index) else np.zeros(0, dtype=bool)
        # Who may still come in a period that is not over is not dormant.
        gone &= index + 1 < np.searchsorted(periods.ends, log.observed_until_us, side="right")
        order = np.argsort(np.append(np.arange(len(index)), np.flatnonzero(gone) + 0.5), kind="stable")
        cells: dict[str, Column] = {}
        if "segment" in rows:
            segment, absent = rows["segment"]
            mask = None if absent is None else np.append(absent, absent[gone])[order]
            cells["segment"] = (np.append(segment, segment[gone])[order], mask)
        cells["customer"] = (np.append(customer, customer[gone])[order], missing)
        cells["period"] = (periods.days[np.append(index, index[gone] + 1)[order]], None)
        cells["status"] = (np.append(status, np.full(int(gone.sum()), "dormant", dtype=object))[order], None)
        return cells

    def finish(self, partial: Table, log: Log) -> LifecycleResult:
        """Every period of the log from the counts of those in which somebody was there."""
        periods = observed_periods(log, self.period, self.calendar, self.week_start)
        segment, segments = _table.segments(partial)
        many = len(segments) if partial.num_rows or self.by is None else 0
        checked_cells(many * len(periods))
        place = (segment, periods.index(partial.numpy("period")[0].astype("datetime64[D]")))
        counts = {
            name: np.zeros((many, len(periods)), dtype=np.int64)
            for name in ("new", "returning", "resurrected")
        }
        for name, count in counts.items():
            np.add.at(count, place, _table.integers(partial, name))
        active = np.sum(list(counts.values()), axis=0)
        previous = np.zeros_like(active)
        previous[:, 1:] = active[:, :-1]
        # What came before the first period, nobody knows; who may still come is not gone.
        unknown = np.zeros(active.shape, dtype=bool)
        unknown[:, :1] = True
        undecided = unknown | (periods.ends > log.observed_until_us)

        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = [name for name in segments[:many] for _ in range(len(periods))]
        columns |= {"period": np.tile(periods.days, many), "active": active.ravel()}
        columns |= {name: count.ravel() for name, count in counts.items()}
        columns["previous_active"] = _table.nullable(previous.ravel(), unknown.ravel())
        dormant = previous - counts["returning"]
        columns["dormant"] = _table.nullable(dormant.ravel(), undecided.ravel())
        columns |= share_columns(
            "returning_share", counts["returning"].ravel(), np.where(undecided, 0, previous).ravel()
        )
        columns["complete"] = np.tile(periods.complete, many)
        return LifecycleResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            self.period,
            self.calendar,
            shares=frozenset({"returning_share", "returning_share_low", "returning_share_high"}),
        )

    def _definition(self, log: Log) -> Said:
        counted = Said(
            "A customer is active in a {calendar_period} with {event} in it: new in the first such {period} of the "
            "data, returning if active in the {period} before as well, resurrected if active earlier but not in the "
            "one before, and dormant in a {period} without one after an active one. The data begin at {begin} "
            "{timezone}, so customers from before it count as new when they are first seen. returning_share is "
            "returning of previous_active with its 95 % Wilson interval; it and dormant are null in the first {period} "
            "and where the {period} was not over at {end}.",
            calendar_period=period_words(self.period, self.calendar, self.week_start, log.timezone),
            event=active_words(self.events),
            period=Said(self.period),
            begin=Moment(log.first),
            timezone=log.timezone,
            end=observed(log),
        )
        return paragraph(counted, segments(self.by, at_words(self.at, Said("at the first counted event"))))


def lifecycle(
    log: Log,
    events: str | Sequence[str] | None = None,
    *,
    period: Period = "week",
    calendar: Calendar = "gregorian",
    week_start: int | None = None,
    by: str | None = None,
    at: At = "entry",
) -> LifecycleResult:
    """How many customers of each period are new, stay, come back after a pause, or are gone?

    Parameters
    ----------
    events
        The event, or events, that make a customer active; by default any event.
    period
        Calendar ``"day"``, ``"week"`` (default) or ``"month"`` in the zone of the log. Dormant means dormant for one
        of these, so choose one in which a customer who is there is seen.
    calendar
        ``"gregorian"`` (default) or ``"jalali"``: which months, and which first day of the week.
    week_start
        First day of the week, 0 (Monday) to 6 (Sunday); by default Monday, and Saturday in the Jalali
        calendar.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) to count each of its values apart; a customer
        belongs to one value in all periods, so that what is said below holds in each segment.
    at
        Which event of a customer gives the value of `by`: the first counted event (default), the customer's
        first event, or the last.
        With ``"profile"``, the value that all of a customer's events with one share, such as a plan; who has several
        is an error.

    Returns
    -------
    LifecycleResult
        One row a period from the first event of the log to `observed_until`, for each segment: ``segment`` (only with
        `by`), ``period`` (date), ``active``, ``new``, ``returning``, ``resurrected``, ``previous_active``, ``dormant``
        (customers), ``returning_share``, ``returning_share_low``, ``returning_share_high`` (0 to 1), ``complete``.

    Notes
    -----
    In every period active = new + returning + resurrected, and previous_active = returning + dormant wherever dormant
    is known. New is the first counted event in the data: where the history of the business is longer than the data, the
    first periods hold old customers as new. A period that is not over has counts so far, and null where it
    would say who did not come. The interval is Wilson's score interval at 95 % (1927,
    doi:10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "bob", "ann", "bob", "cem"],
    ...         "time": ["2026-03-02", "2026-03-03", "2026-03-10", "2026-03-16", "2026-03-17"],
    ...         "event": ["visit"] * 5,
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ...     observed_until="2026-03-23",
    ... )
    >>> result = log.lifecycle(period="week").to_dict()
    >>> list(zip(result["new"], result["returning"], result["resurrected"], result["dormant"]))
    [(2, 0, 0, None), (0, 1, 0, 1), (1, 0, 1, 1), (0, 0, 0, None)]
    """
    return Lifecycle(events, period=period, calendar=calendar, week_start=week_start, by=by, at=at).run(log)
