"""Paths: which sequences of events customers take, and how often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Duration, Per
from safar.analyses._cells import CellsResult
from safar.analyses._spec import Column, Spec, segments
from safar.analyses._units import (
    check_units,
    segment_words,
    top_sentence,
    unit_params,
    unit_sentence,
    unit_words,
)
from safar.language import Said, paragraph
from safar.result import ResultTable, share_columns

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Paths", "PathsResult", "paths"]

# Where parts of a dataset are counted apart, every path is kept; of more than this, most occur once and say little.
_MOST_VARIANTS = 1_000_000
# Longer lists and longer paths are read by nobody.
_MOST_ROWS = 1_000_000
_MOST_EVENTS = 1_000_000
_BETWEEN = " > "
_CUT = "…"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PathsResult(CellsResult):
    """Which sequences of events there are, and how often each occurs.

    Parameters
    ----------
    table
        One row a path, for each segment, the most frequent first: ``segment`` (only with `by`; null where there
        is no value), ``path`` (the names of its events, as `sequences` reads them), ``length`` (events that the
        path shows), ``units`` (that took exactly this path), ``customers`` (with such a unit), ``open`` (of the
        units, those that may still go on), ``share``, ``share_low``, ``share_high`` (of all units, 0 to 1, with
        its 95 % Wilson interval), ``coverage`` (share of all units that took this path or one above it).
    all_units
        The table that `totals` shows.
    """

    analysis: ClassVar[str] = "paths"

    all_units: Table

    @property
    def units(self) -> int:
        """Units that have a path, also those whose path is not in the table."""
        return int(_table.integers(self.all_units, "units").sum())

    @property
    def variants(self) -> int:
        """Different paths, also those that are not in the table; segments are added up."""
        return int(_table.integers(self.all_units, "variants").sum())

    def totals(self) -> ResultTable:
        """How many units and how many different paths are there in all?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``segment``, ``units``, ``customers``, ``open`` (units that may still go
            on), ``variants`` (different paths).
        """
        return ResultTable(self.all_units, self.definition, self.timezone)

    def sequences(self) -> list[tuple[str, ...]]:
        """The paths as tuples of event names, one a row; a path that was cut ends with ``"…"``.

        In the column ``path``, `` > `` stands between two events. A ``>`` or backslash that belongs to a name has a
        backslash before it, and so has a name that is ``…`` itself; here names are as they are in the log.
        """
        return [path_names(text) for text in self.table.numpy("path")[0].tolist()]


@dataclass(frozen=True, slots=True)
class Paths(Spec[PathsResult]):
    """The question of `EventLog.paths`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Paths("sessions", gap="1h").gap
    '1h'
    """

    analysis: ClassVar[str] = "paths"

    per: Per = "customers"
    _: KW_ONLY
    top: int | None = 100
    gap: Duration = "30m"
    inactivity: Duration = "30d"
    collapse: bool = False
    events: str | Sequence[str] | None = None
    most_events: int | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        check_units(self)
        object.__setattr__(self, "collapse", _args.flag(self.collapse, "collapse"))
        if self.top is not None:
            _args.whole(self.top, "top", most=_MOST_ROWS)
        if self.most_events is not None:
            _args.whole(self.most_events, "most_events", most=_MOST_EVENTS)

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan that keeps every path, so that parts of a dataset may be counted apart and merged."""
        return self._plan(log, None)

    def _plan_alone(self, log: Log) -> dict[str, object]:
        """The plan for the whole of the data, of which only the top paths need to become text."""
        return self._plan(log, self.top)

    def _plan(self, log: Log, top: int | None) -> dict[str, object]:
        params = {
            "units": unit_params(self, log, collapse=self.collapse),
            "most_events": self.most_events,
            "top": top,
            "most_variants": _MOST_VARIANTS,
        }
        return {"params": params, "by": self.by, "at": "entry"}

    def _cells(self, rows: dict[str, Column], log: Log) -> dict[str, Column]:
        events, missing = rows["events"]
        stands = np.ones(len(events), dtype=bool) if missing is None else ~missing
        cut = rows["cut"][0].astype(bool)
        paths = [path_text(events[row], cut=bool(cut[row])) for row in np.flatnonzero(stands)]
        cells: dict[str, Column] = {}
        for name in ("segment", "customer", "units", "open"):
            if name in rows:
                values, absent = rows[name]
                cells[name] = (values[stands], None if absent is None else absent[stands])
        return {**cells, "path": (np.array(paths, dtype=object), None)}

    def finish(self, partial: Table, log: Log) -> PathsResult:
        """The top paths of each segment, and the totals from the rows without a path."""
        events, missing = partial.numpy("events")
        is_total = np.zeros(len(events), dtype=bool) if missing is None else missing
        cut = partial.numpy("cut")[0].astype(bool)
        counts = {name: _table.integers(partial, name) for name in ("units", "customers", "open")}
        segment, segments = _table.segments(partial)
        units = counts["units"]
        kept: list[int] = []
        for code in range(len(segments)):
            rows = np.flatnonzero((segment == code) & ~is_total)
            if self.top is not None and self.top < len(rows):
                # Ties with the last one are looked at by name.
                least = np.partition(units[rows], len(rows) - self.top)[len(rows) - self.top]
                rows = rows[units[rows] >= least]
            ranked = sorted(rows.tolist(), key=lambda row: (-units[row], tuple(events[row]), cut[row]))
            kept += ranked[: self.top]
        order = np.array(kept, dtype=np.int64)
        totals = np.flatnonzero(is_total)[np.argsort(segment[is_total], kind="stable")]
        distinct = np.bincount(segment[~is_total], minlength=len(segments))[segment[totals]]
        if "variants" in partial.names:
            distinct = _table.integers(partial, "variants")[totals]
        all_units = np.zeros(len(segments), dtype=np.int64)
        all_units[segment[totals]] = units[totals]

        columns: dict[str, object] = {}
        if self.by is not None:
            columns["segment"] = _table.named(segment[order], segments)
        columns["path"] = [path_text(events[row], cut=bool(cut[row])) for row in kept]
        columns["length"] = np.array([len(events[row]) for row in kept], dtype=np.int64)
        columns |= {name: counts[name][order] for name in ("units", "customers", "open")}
        of_all = all_units[segment[order]]
        columns |= share_columns("share", units[order], of_all)
        running = np.cumsum(units[order])
        starts = np.flatnonzero(np.diff(segment[order], prepend=-1))
        before = np.repeat(running[starts] - units[order][starts], np.diff(starts, append=len(order)))
        columns["coverage"] = (running - before) / of_all

        whole: dict[str, object] = {}
        if self.by is not None:
            whole["segment"] = _table.named(segment[totals], segments)
        whole |= {name: counts[name][totals] for name in ("units", "customers", "open")}
        whole["variants"] = distinct
        return PathsResult(
            _table.table_of(columns),
            self._definition(log),
            log.timezone,
            self.to_json(),
            _table.table_of(whole),
            shares=frozenset({"share", "share_low", "share_high", "coverage"}),
        )

    def _definition(self, log: Log) -> Said:
        cut = "Paths longer than {most} events are cut there and end with {mark}."
        share = Said(
            "share is the part of all {units} that took exactly this path, with its 95 % Wilson interval; an open unit "
            "counts with its path so far. coverage adds up the shares from the top.",
            units=unit_words(self),
        )
        return paragraph(
            Said("A path is the sequence of all events of a unit."),
            unit_sentence(self, log, collapse=self.collapse),
            None if self.most_events is None else Said(cut, most=self.most_events, mark=_CUT),
            share,
            top_sentence(self.top, self.by, _TOP),
            segments(self.by, segment_words(self)),
        )


_TOP = (
    "The table holds the {top} most frequent paths.",
    "The table holds the {top} most frequent paths of each segment.",
)


def path_text(names: Sequence[str], *, cut: bool = False) -> str:
    """A path as text that `path_names` reads back."""
    parts = [
        f"\\{name}" if name == _CUT else name.replace("\\", "\\\\").replace(">", "\\>") for name in names
    ]
    return _BETWEEN.join([*parts, _CUT] if cut else parts)


def path_names(text: str) -> tuple[str, ...]:
    """The names of the events of a path that `path_text` wrote."""
    return tuple(re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL) for name in text.split(_BETWEEN))


def paths(
    log: Log,
    per: Per = "customers",
    *,
    top: int | None = 100,
    gap: Duration = "30m",
    inactivity: Duration = "30d",
    collapse: bool = False,
    events: str | Sequence[str] | None = None,
    most_events: int | None = None,
    by: str | None = None,
) -> PathsResult:
    r"""Which sequences of events do customers take, and how often?

    Parameters
    ----------
    per
        What is one unit: ``"customers"`` (default), the whole journey of each, or ``"sessions"``. Long journeys
        are nearly all different; sessions, `events`, `collapse` or `most_events` bring out what they share.
    top
        How many of the most frequent paths are given, of each segment; 100 by default, ``None`` for all, of which
        there may be a million.
    gap
        The longest pause inside a session, 30 minutes by default; as of `EventLog.sessions`.
    inactivity
        How long a customer must have been silent at `observed_until` for the journey to be over; up to and
        including this, it is open. 30 days by default. A session is open while its `gap` is not over.
    collapse
        Whether repeats of one event in a row count once; by default every event counts.
    events
        Only these events are looked at; units without any of them are left out. By default all. Sessions are cut
        by all events in either case.
    most_events
        Longer paths are cut after so many events and marked with ``…``; by default paths are whole.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute); each unit belongs to the value at its
        first event.

    Returns
    -------
    PathsResult
        One row a path, for each segment, the most frequent first: ``segment`` (only with `by`), ``path``,
        ``length`` (events), ``units``, ``customers``, ``open`` (units), ``share``, ``share_low``, ``share_high``,
        ``coverage`` (0 to 1). `PathsResult.sequences` gives the paths as tuples, `PathsResult.totals` the number
        of all units and of all different paths.

    Notes
    -----
    These are the variants of process mining. Paths of equal frequency stand in the order of the names of their
    events, one after the other. Events at equal times follow each other in the order of the data. An open unit
    may still become another path, so a recent end of the data favours short paths: ``open`` says how much. Shares
    have Wilson's score interval (1927, doi:10.1080/01621459.1927.10502953), taken as if units were independent.
    Where parts of a dataset are counted apart and merged, every path is kept, and more than 1,000,000 different
    ones in a part are refused. Twins: ``pm4py.get_variants``, R's ``bupaR::traces``.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob", "bob", "cem"],
    ...         "time": [f"2026-03-01 10:0{minute}" for minute in range(5)],
    ...         "event": ["view", "purchase", "view", "purchase", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> result = log.paths()
    >>> list(zip(result.to_dict()["path"], result.to_dict()["units"]))
    [('view > purchase', 2), ('view', 1)]
    >>> (result.units, result.variants)
    (3, 2)
    """
    return Paths(
        per,
        top=top,
        gap=gap,
        inactivity=inactivity,
        collapse=collapse,
        events=events,
        most_events=most_events,
        by=by,
    ).run(log)
