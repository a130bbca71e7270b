"""Flow: from which event to which, step by step from the beginning of a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Duration, Per
from safar.analyses._cells import CellsResult
from safar.analyses._spec import Spec, segments
from safar.analyses._units import check_units, segment_words, unit_params, unit_sentence
from safar.language import Said, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Flow", "FlowResult", "flow"]

_MOST_EDGES = 1_000_000
_MOST_POSITIONS = 1_000


class FlowResult(CellsResult):
    """From which event to which, position by position: the data of a Sankey diagram.

    Parameters
    ----------
    table
        One row an edge, for each segment, by position and then the most frequent first: ``segment`` (only with
        `by`; null where there is no value), ``position`` (of ``from``: 0 for ``(start)``, 1 for the first event),
        ``from`` (an event, or ``(start)``), ``to`` (the next event, or ``(end)``, ``(open)``), ``units``,
        ``customers`` (with such a unit), ``share``, ``share_low``, ``share_high`` (of the units that have ``from``
        at the position, 0 to 1, with its 95 % Wilson interval).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "flow"

    def drop_off(self) -> ResultTable:
        """Where do paths end?

        Returns
        -------
        ResultTable
            One row a position, for each segment: ``segment``, ``position`` (from 1), ``units`` (that have an event
            there), ``went_on`` (that have a next event), ``ended``, ``open`` (for which it was the last so far and
            the unit may still go on), ``share``, ``share_low``, ``share_high`` (ended of the units that are not
            open, 0 to 1, with its 95 % Wilson interval; null where all are open). The last position has no row,
            because what follows it is not looked at.
        """
        segment, segments = _table.segments(self.table)
        position, units = (_table.integers(self.table, name) for name in ("position", "units"))
        target = self.table.numpy("to")[0]
        at = position > 0
        width = int(position.max(initial=0)) + 1
        keys, row = np.unique(segment[at] * width + position[at], return_inverse=True)
        ends = {
            name: np.bincount(row, weights=np.where(mask, units[at], 0), minlength=len(keys)).astype(np.int64)
            for name, mask in (
                ("units", np.ones(int(at.sum()), dtype=bool)),
                ("ended", target[at] == "(end)"),
                ("open", target[at] == "(open)"),
            )
        }
        columns: dict[str, object] = {}
        if "segment" in self.columns:
            columns["segment"] = _table.named(keys // width, segments)
        columns |= {
            "position": keys % width,
            "units": ends["units"],
            "went_on": ends["units"] - ends["ended"] - ends["open"],
            "ended": ends["ended"],
            "open": ends["open"],
        }
        columns |= share_columns("share", ends["ended"], ends["units"] - ends["open"])
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=self.shares)


@dataclass(frozen=True, slots=True)
class Flow(Spec[FlowResult]):
    """The question of `EventLog.flow`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Flow("sessions", depth=3).depth
    3
    """

    analysis: ClassVar[str] = "flow"

    per: Per = "customers"
    _: KW_ONLY
    depth: int = 5
    gap: Duration = "30m"
    inactivity: Duration = "30d"
    collapse: bool = False
    events: str | Sequence[str] | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        check_units(self)
        _args.whole(self.depth, "depth", most=_MOST_POSITIONS)
        object.__setattr__(self, "collapse", _args.flag(self.collapse, "collapse"))

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        params = {
            "units": unit_params(self, log, collapse=self.collapse),
            "depth": self.depth,
            "max_edges": _MOST_EDGES,
        }
        return {"params": params, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: Log) -> FlowResult:
        """The shares from the counts of each edge."""
        segment, segments = _table.segments(partial)
        source, sources = partial.codes("from")
        target, targets = partial.codes("to")
        position, units, customers = (
            _table.integers(partial, name) for name in ("position", "units", "customers")
        )
        order = np.lexsort((target, source, -units, position, segment))
        segment, source, target, position, units = (
            x[order] for x in (segment, source, target, position, units)
        )
        width = int(position.max(initial=0)) + 1
        _, node = np.unique((segment * width + position) * max(len(sources), 1) + source, return_inverse=True)
        leaving = np.zeros(len(order), dtype=np.int64)
        np.add.at(leaving, node, units)
        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = _table.named(segment, segments)
        columns |= {
            "position": position,
            "from": _table.named(source, sources),
            "to": _table.named(target, targets),
            "units": units,
            "customers": customers[order],
        }
        columns |= share_columns("share", units, leaving[node])
        return FlowResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            shares=frozenset({"share", "share_low", "share_high"}),
        )

    def _definition(self, log: Log) -> Said:
        return paragraph(
            Said(
                "Every unit flows from (start) to its first event and on to its next ones, up to event {depth}; from a "
                "last event before that it flows to (open) where the unit may still go on, else to (end).",
                depth=self.depth,
            ),
            unit_sentence(self, log, collapse=self.collapse),
            Said(
                "share is the part of the units with the same event at the position, with its 95 % Wilson interval."
            ),
            segments(self.by, segment_words(self)),
        )


def flow(
    log: Log,
    per: Per = "customers",
    *,
    depth: int = 5,
    gap: Duration = "30m",
    inactivity: Duration = "30d",
    collapse: bool = False,
    events: str | Sequence[str] | None = None,
    by: str | None = None,
) -> FlowResult:
    """Which ways do customers take from the beginning, and where do they end?

    Parameters
    ----------
    per
        What is one unit: ``"customers"`` (default), the whole journey of each, or ``"sessions"``.
    depth
        How many events from the beginning are looked at; 5 by default.
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
    FlowResult
        One row an edge, for each segment, by position and then the most frequent first: ``segment`` (only with
        `by`), ``position`` (of ``from``), ``from``, ``to``, ``units``, ``customers``, ``share``, ``share_low``,
        ``share_high`` (0 to 1). `FlowResult.drop_off` says where paths end.

    Notes
    -----
    What flows into an event at a position is what `EventLog.steps` counts there, and all of it flows on or ends.
    Events at equal times follow each other in the order of the data. Shares have Wilson's score interval (1927,
    doi:10.1080/01621459.1927.10502953), taken as if units were independent.

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
    >>> result = log.flow(depth=2).to_dict()
    >>> list(zip(result["position"], result["from"], result["to"], result["units"]))
    [(0, '(start)', 'view', 2), (1, 'view', '(open)', 1), (1, 'view', 'purchase', 1)]
    """
    return Flow(
        per, depth=depth, gap=gap, inactivity=inactivity, collapse=collapse, events=events, by=by
    ).run(log)
