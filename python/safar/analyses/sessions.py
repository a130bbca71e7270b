"""Sessions: visits, cut where a customer paused for longer than a gap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Duration, Integers
from safar.analyses._spec import Spec, observed, segmented
from safar.result import Result, ResultTable

if TYPE_CHECKING:
    from safar.log import EventLog

__all__ = ["Sessions", "SessionsResult", "sessions"]


class SessionsResult(Result):
    """Every session of every customer.

    Parameters
    ----------
    table
        One row a session: ``segment`` (only with `by`; null where there is no value), ``customer`` (as
        given), ``session`` (from 1 for each customer), ``start``, ``end`` (times of the first and the last
        event), ``events`` (number), ``open`` (the gap after the last event was not over when the data end, so
        the session may go on).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "sessions"

    def summary(self) -> ResultTable:
        """How many sessions are there, and how long and rich are they?

        Returns
        -------
        ResultTable
            One row, or one a segment: ``segment``, ``sessions``, ``customers``, ``mean_events``,
            ``median_events`` (events a session), ``mean_duration_seconds``, ``median_duration_seconds`` (from
            the first to the last event; 0 for a session of one event), ``open`` (sessions),
            ``single_event_share`` (share of the sessions, 0 to 1). Means, medians and the share are null
            where there is no session. Open sessions are included.
        """
        events = _table.integers(self.table, "events")
        start, end = (self.table.numpy(name)[0].astype(np.int64) for name in ("start", "end"))
        seconds = (end - start) / 1e6
        columns: dict[str, object] = {}
        if "segment" in self.table.names:
            code, segments = _table.factorize(self.table.numpy("segment")[0])
            groups = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
            customer = self.table.numpy("customer")[0]
            customers = [len(set(customer[rows].tolist())) for rows in groups]
            columns["segment"] = segments
        else:
            groups = [np.arange(len(self))]
            # Every customer has exactly one session with the number 1.
            customers = [int((_table.integers(self.table, "session") == 1).sum())]
        is_open = self.table.numpy("open")[0]
        columns |= {
            "sessions": np.array([len(rows) for rows in groups], dtype=np.int64),
            "customers": np.array(customers, dtype=np.int64),
            "mean_events": _each(groups, events, np.mean),
            "median_events": _each(groups, events, np.median),
            "mean_duration_seconds": _each(groups, seconds, np.mean),
            "median_duration_seconds": _each(groups, seconds, np.median),
            "open": np.array([int(is_open[rows].sum()) for rows in groups], dtype=np.int64),
            "single_event_share": _each(groups, events == 1, np.mean),
        }
        shares = frozenset({"single_event_share"})
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)


def _each(
    groups: list[Integers], values: Array, measure: Callable[[Array], Any]
) -> tuple[Array, dict[str, Array]]:
    """The measure of each group, null where the group is empty."""
    measured = [measure(values[rows]) if len(rows) else np.nan for rows in groups]
    return _table.nullable(np.array(measured, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Sessions(Spec[SessionsResult]):
    """The question of `EventLog.sessions`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Sessions("1h").to_json()
    '{"analysis": "sessions", "gap": "1h", "by": null}'
    """

    analysis: ClassVar[str] = "sessions"

    gap: Duration = "30m"
    _: KW_ONLY
    by: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap", _args.duration(self.gap, "gap"))
        if self.by is not None:
            _args.text(self.by, "by")

    def plan(self, log: EventLog) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        _args.known_segment(self.by, log.columns, log.roles)
        return {"params": {"gap_us": _args.microseconds(self.gap)}, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: EventLog) -> SessionsResult:
        """The sessions as the kernel gave them."""
        definition = (
            f"A session is a run of one customer's events with no pause longer than {_args.duration_words(self.gap)} "
            f"(a pause of exactly that still belongs to it); it is open while that time since its last event was not "
            f"over at {observed(log)}.{segmented(self.by, 'at the first event of the session')}"
        )
        return SessionsResult(partial, definition, log.timezone, self.to_json())


def sessions(log: EventLog, gap: Duration = "30m", *, by: str | None = None) -> SessionsResult:
    """What are the sessions of each customer?

    Parameters
    ----------
    gap
        The longest pause inside a session, such as ``"30m"`` (the default, the custom of web analytics) or a
        timedelta. A pause **longer** than this cuts; one of exactly this length does not.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) whose value at the first event of the
        session is given as ``segment``.

    Returns
    -------
    SessionsResult
        One row a session: ``segment`` (only with `by`), ``customer``, ``session`` (from 1 for each customer),
        ``start``, ``end`` (times), ``events`` (number), ``open`` (true where the gap after the last event was
        not over at `observed_until`). `SessionsResult.summary` counts and averages them.

    Notes
    -----
    Events at equal times belong to one session and keep their order in the data. Every event is
    in exactly one session.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann"],
    ...         "time": ["2026-03-01 10:00", "2026-03-01 10:30", "2026-03-01 11:01"],
    ...         "event": ["view", "view", "purchase"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> log.sessions("30m").to_dict()["events"]
    [2, 1]
    """
    return Sessions(gap, by=by).run(log)
