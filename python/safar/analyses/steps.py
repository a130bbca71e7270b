"""Steps: which event stands at each position of a path, from its beginning or around an event or a pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Duration, Per, Which
from safar.analyses._cells import CellsResult
from safar.analyses._funnel_steps import Step, StepLike
from safar.analyses._spec import Spec, segments
from safar.analyses._units import check_units, segment_words, unit_params, unit_sentence, unit_words
from safar.language import Listed, Said, Spoken, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Steps", "StepsResult", "steps"]

_MOST_CELLS = 1_000_000
_MOST_POSITIONS = 1_000
_VIRTUAL = ("(start)", "(end)", "(open)")


class StepsResult(CellsResult):
    """Which event stands at each position, and for which share.

    Parameters
    ----------
    table
        One row a position and event, for each segment, the most frequent events of a position first and what is
        no event last: ``segment`` (only with `by`; null where there is no value), ``position`` (from 1, or from
        the event in the middle at 0), ``event`` (a name, or ``(start)``, ``(end)``, ``(open)``), ``units``,
        ``customers`` (with such a unit), ``of`` (all units of the position), ``share``, ``share_low``,
        ``share_high`` (units of all, 0 to 1, with its 95 % Wilson interval).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "steps"

    def matrix(self) -> ResultTable:
        """How do the shares look with an event a row and a position a column?

        Returns
        -------
        ResultTable
            One row an event, for each segment, the most frequent first and what is no event last: ``segment``,
            ``event``, and a column a position with the share (0 to 1; 0 where no unit has the event there). A
            column sums to 1.
        """
        segment, segments = _table.segments(self.table)
        event, names = self.table.codes("event")
        position, units, of = (_table.integers(self.table, name) for name in ("position", "units", "of"))
        first = int(position.min()) if len(position) else 1
        keys, row = np.unique(segment * max(len(names), 1) + event, return_inverse=True)
        grid = np.zeros((len(keys), int(position.max(initial=first - 1)) - first + 1))
        grid[row, position - first] = units / of
        total = np.bincount(row, weights=units, minlength=len(keys))
        code, virtual = keys // max(len(names), 1), np.isin(np.array(names, dtype=object), _VIRTUAL)
        label = keys % max(len(names), 1)
        order = np.lexsort((label, -total, virtual[label], code))
        columns: dict[str, object] = {}
        if "segment" in self.columns:
            columns["segment"] = _table.named(code[order], segments)
        columns["event"] = _table.named(label[order], names)
        shares = {
            str(first + index): np.ascontiguousarray(values) for index, values in enumerate(grid[order].T)
        }
        table = _table.table_of(columns | shares)
        return ResultTable(table, self.definition, self.timezone, shares=frozenset(shares))


@dataclass(frozen=True, slots=True)
class Steps(Spec[StepsResult]):
    """The question of `EventLog.steps`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Steps(around="purchase").around
    ('purchase',)
    """

    analysis: ClassVar[str] = "steps"

    per: Per = "customers"
    _: KW_ONLY
    positions: int = 10
    around: StepLike | None = None
    which: Which = "first"
    gap: Duration = "30m"
    inactivity: Duration = "30d"
    collapse: bool = False
    events: str | Sequence[str] | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        check_units(self)
        _args.whole(self.positions, "positions", most=_MOST_POSITIONS)
        if self.around is not None:
            object.__setattr__(self, "around", _middle(self.around))
        _args.choice(self.which, "which", Which)
        object.__setattr__(self, "collapse", _args.flag(self.collapse, "collapse"))

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        around: object = self.around
        if isinstance(self.around, Step):
            _args.known_events(self.around.events, log.events, "around")
            around = {
                "events": list(self.around.events),
                "where": self.around.where,
                "pattern": self.around.match,
            }
            if self.around.match is not None:
                log.check_pattern(self.around.match)
        else:
            _args.known_events(self.around or (), log.events, "around")
        params = {
            "units": unit_params(self, log, collapse=self.collapse),
            "positions": self.positions,
            "around": around,
            "which": self.which,
            "max_cells": _MOST_CELLS,
        }
        return {"params": params, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: Log) -> StepsResult:
        """The shares from the counts of each position."""
        segment, segments = _table.segments(partial)
        event, names = partial.codes("event")
        position, units, customers = (
            _table.integers(partial, name) for name in ("position", "units", "customers")
        )
        virtual = np.isin(np.array(names, dtype=object), _VIRTUAL)[event]
        order = np.lexsort((event, -units, virtual, position, segment))
        segment, event, position, units = (x[order] for x in (segment, event, position, units))
        width = int(np.ptp(position)) + 1 if len(position) else 1
        _, column = np.unique(segment * width + position - position.min(initial=0), return_inverse=True)
        of = np.zeros(len(order), dtype=np.int64)
        np.add.at(of, column, units)
        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = _table.named(segment, segments)
        columns |= {
            "position": position,
            "event": _table.named(event, names),
            "units": units,
            "customers": customers[order],
            "of": of[column],
        }
        columns |= share_columns("share", units, of[column])
        return StepsResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def _middle_words(self, around: Step | Sequence[str]) -> Spoken:
        if not isinstance(around, Step):
            return Listed(around, " or ")
        if around.match is not None:
            return Said("event at which a match of {pattern} ends", pattern=around.match)
        if around.where:
            return Said("{events} [{where}]", events=around.name, where=around.where)
        return Said("{event}", event=around.name)

    def _definition(self, log: Log) -> Said:
        if self.around is None:
            units = unit_words(self)
            counted = Said(
                "Position 1 to {positions} is the event with that number in its unit",
                positions=self.positions,
            )
        else:
            units = Said("occurrences") if self.which == "each" else Said("units with one")
            text = (
                "Position 0 is {which} {middle} of a unit, and positions -{positions} to {positions} are the events "
                "before and after it; units without one are left out"
            )
            counted = Said(
                text,
                which={"first": Said("the first"), "last": Said("the last"), "each": Said("each")}[
                    self.which
                ],
                middle=self._middle_words(self.around),
                positions=self.positions,
            )
        return paragraph(
            Said(
                "{counted}; (start) stands before the first event, and after the last one (open) where the unit may "
                "still go on, else (end).",
                counted=counted,
            ),
            unit_sentence(self, log, collapse=self.collapse),
            Said(
                "share is the part of all {units} that have the event at the position, with its 95 % Wilson interval.",
                units=units,
            ),
            segments(self.by, segment_words(self)),
        )


def _middle(given: object) -> tuple[str, ...] | Step:
    if isinstance(given, Mapping):
        return _args.from_fields(Step, given, "around")
    return given if isinstance(given, Step) else _args.names(given, "around")


def steps(
    log: Log,
    per: Per = "customers",
    *,
    positions: int = 10,
    around: StepLike | None = None,
    which: Which = "first",
    gap: Duration = "30m",
    inactivity: Duration = "30d",
    collapse: bool = False,
    events: str | Sequence[str] | None = None,
    by: str | None = None,
) -> StepsResult:
    """What do customers do first, second, third, or just before and after an event?

    Parameters
    ----------
    per
        What is one unit: ``"customers"`` (default), the whole journey of each, or ``"sessions"``.
    positions
        How many events from the beginning are looked at, or on each side of the one in the middle; 10 by default.
    around
        The event, or events, to put in the middle at position 0, or `safar.step` with a condition or a pattern, such
        as ``safar.step(match="search => search => search")``, whose last event is the middle; by default positions
        count from the beginning.
    which
        Which of a unit's `around` events is the middle: the ``"first"`` (default), the ``"last"``, or ``"each"``,
        where a unit counts once for each.
    gap
        The longest pause inside a session, 30 minutes by default; as of `EventLog.sessions`.
    inactivity
        How long a customer must have been silent at `observed_until` for the journey to be over; up to and
        including this, it is open. 30 days by default. A session is open while its `gap` is not over.
    collapse
        Whether repeats of one event in a row count once; by default every event counts.
    events
        Only these events are looked at; units without any of them are left out. By default all.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute); each unit belongs to the value at its
        first event.

    Returns
    -------
    StepsResult
        One row a position and event that occurs there, for each segment: ``segment`` (only with `by`),
        ``position``, ``event``, ``units`` (or occurrences, with ``which="each"``), ``customers``, ``of``,
        ``share``, ``share_low``, ``share_high`` (0 to 1). `StepsResult.matrix` lays the shares out with a position
        a column.

    Notes
    -----
    Every unit has exactly one event, ``(start)``, ``(end)`` or ``(open)`` at every position, so the shares of a
    position sum to 1. Events at equal times follow each other in the order of the data. Shares have Wilson's score
    interval (1927, doi:10.1080/01621459.1927.10502953), taken as if units were independent. Twin:
    ``retentioneering``'s step matrix.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...         "event": ["view", "purchase", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> result = log.steps(positions=2).to_dict()
    >>> list(zip(result["position"], result["event"], result["units"]))
    [(1, 'view', 2), (2, 'purchase', 1), (2, '(open)', 1)]
    """
    return Steps(
        per,
        positions=positions,
        around=around,
        which=which,
        gap=gap,
        inactivity=inactivity,
        collapse=collapse,
        events=events,
        by=by,
    ).run(log)
