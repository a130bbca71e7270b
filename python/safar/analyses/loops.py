"""Loops: which events are repeated within a unit, at once or after others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _table
from safar._core import Table
from safar._typing import Array, Duration, Per
from safar.analyses._cells import CellsResult
from safar.analyses._spec import Spec, segments
from safar.analyses._units import check_units, segment_words, unit_params, unit_sentence
from safar.language import Said, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Loops", "LoopsResult", "loops"]

_COUNTS = (
    "units",
    "customers",
    "repeating_units",
    "repeating_customers",
    "open",
    "loop_units",
    "loop_customers",
    "return_units",
    "return_customers",
    "loops",
    "returns",
)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LoopsResult(CellsResult):
    """Which events are repeated, by how many, and how often.

    Parameters
    ----------
    table
        One row an event, for each segment, those that most units repeat first: ``segment`` (only with `by`; null
        where there is no value), ``event``, ``units``, ``customers`` (that have it), ``repeating_units``,
        ``repeating_customers`` (that have it again), ``open`` (units that have it once so far and may still go
        on), ``loop_units``, ``loop_customers`` (that have it twice in a row), ``return_units``,
        ``return_customers`` (that come back to it after other events), ``loops``, ``returns`` (number of such
        repeats), ``mean_repeats`` (of a repeating unit; null where there is none), ``most_repeats`` (of one unit),
        ``share``, ``share_low``, ``share_high`` (repeating units of the units, 0 to 1, with its 95 % Wilson
        interval).
    any_event
        The table that `totals` shows.
    """

    analysis: ClassVar[str] = "loops"

    any_event: Table

    def totals(self) -> ResultTable:
        """How many units repeat any event at all?

        Returns
        -------
        ResultTable
            One row, or one a segment, with the columns of the table but ``event``: a unit repeats where it has
            any event again, and its repeats are those of all its events together.
        """
        return ResultTable(self.any_event, self.definition, self.timezone, shares=self.shares)


@dataclass(frozen=True, slots=True)
class Loops(Spec[LoopsResult]):
    """The question of `EventLog.loops`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Loops("sessions", events="search").events
    ('search',)
    """

    analysis: ClassVar[str] = "loops"

    per: Per = "customers"
    _: KW_ONLY
    gap: Duration = "30m"
    inactivity: Duration = "30d"
    events: str | Sequence[str] | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        check_units(self)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        return {"params": {"units": unit_params(self, log)}, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: Log) -> LoopsResult:
        """The means and shares from the counts, and the totals from the rows without an event."""
        events, missing = partial.numpy("event")
        total = np.zeros(len(events), dtype=bool) if missing is None else missing
        segment, segments = _table.segments(partial)
        event, _ = partial.codes("event")
        repeating = _table.integers(partial, "repeating_units")
        order = np.lexsort((event, -repeating, segment))
        rows, totals = order[~total[order]], order[total[order]]

        def table(chosen: Array, names: dict[str, object]) -> Table:
            columns: dict[str, object] = {}
            if self.by is not None:
                columns["segment"] = _table.named(segment[chosen], segments)
            columns |= names
            counts = {name: _table.integers(partial, name)[chosen] for name in _COUNTS}
            columns |= counts
            repeats, units = counts["loops"] + counts["returns"], counts["repeating_units"]
            mean = np.divide(repeats, units, out=np.full(len(chosen), np.nan), where=units > 0)
            columns["mean_repeats"] = _table.nullable(mean)
            columns["most_repeats"] = _table.integers(partial, "most_repeats")[chosen]
            columns |= share_columns("share", units, counts["units"])
            return _table.table_of(columns)

        return LoopsResult(
            table(rows, {"event": events[rows].tolist()}),
            self._definition(log),
            log.timezone,
            self.to_json(),
            table(totals, {}),
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def _definition(self, log: Log) -> Said:
        return paragraph(
            Said(
                "A repeat is an event that its unit had before: a loop where it is also the event just before, a "
                "return where others came between."
            ),
            unit_sentence(self, log),
            Said(
                "share is the part of the units with the event that repeat it, with its 95 % Wilson interval; units "
                "that have not repeated it so far but may still go on are among them and counted in open."
            ),
            segments(self.by, segment_words(self)),
        )


def loops(
    log: Log,
    per: Per = "customers",
    *,
    gap: Duration = "30m",
    inactivity: Duration = "30d",
    events: str | Sequence[str] | None = None,
    by: str | None = None,
) -> LoopsResult:
    """Which events do customers repeat, at once or after others?

    Parameters
    ----------
    per
        What is one unit: ``"customers"`` (default), the whole journey of each, or ``"sessions"``.
    gap
        The longest pause inside a session, 30 minutes by default; as of `EventLog.sessions`.
    inactivity
        How long a customer must have been silent at `observed_until` for the journey to be over; up to and
        including this, it is open. 30 days by default. A session is open while its `gap` is not over.
    events
        Only these events are looked at, also as those that come between; units without any of them are left out.
        By default all.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute); each unit belongs to the value at its
        first event.

    Returns
    -------
    LoopsResult
        One row an event, for each segment, those that most units repeat first: ``segment`` (only with `by`),
        ``event``, ``units``, ``customers``, ``repeating_units``, ``repeating_customers``, ``open``,
        ``loop_units``, ``loop_customers``, ``return_units``, ``return_customers``, ``loops``, ``returns``,
        ``mean_repeats``, ``most_repeats``, ``share``, ``share_low``, ``share_high`` (0 to 1).
        `LoopsResult.totals` counts units that repeat any event.

    Notes
    -----
    Process mining calls this rework. An event that occurs n times in a unit has n − 1 repeats there, each of which
    is a loop or a return. Events at equal times follow each other in the order of the data. Shares have Wilson's
    score interval (1927, doi:10.1080/01621459.1927.10502953), taken as if units were independent. Twins: R's
    ``bupaR::number_of_repetitions``, ``bupaR::number_of_selfloops``.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann"] * 5,
    ...         "time": [f"2026-03-01 10:0{minute}" for minute in range(5)],
    ...         "event": ["search", "search", "view", "search", "purchase"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> result = log.loops().to_dict()
    >>> list(zip(result["event"], result["loops"], result["returns"]))
    [('search', 1, 1), ('purchase', 0, 0), ('view', 0, 0)]
    """
    return Loops(per, gap=gap, inactivity=inactivity, events=events, by=by).run(log)
