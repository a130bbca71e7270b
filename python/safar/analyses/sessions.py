"""Sessions: visits, cut where a customer paused for longer than a gap, or by events."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from safar import _table
from safar._core import Table
from safar._typing import Duration, DurationUnit
from safar.analyses._cut_explanation import explained
from safar.analyses._cutting import (
    Events,
    Gaps,
    check_cuts,
    counts_of,
    cut_params,
    cut_sentences,
    each_group,
    events_words,
    extent,
    groups_of,
    numbered,
    steps_of,
)
from safar.analyses._spec import Spec, observed, segments
from safar.explanation import Explanation
from safar.language import Length, Said, paragraph
from safar.result import Result, ResultTable

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["Sessions", "SessionsResult", "sessions", "with_sessions"]


class SessionsResult(Result):
    """Every session of every customer.

    Parameters
    ----------
    table
        One row a session: ``segment`` (only with `by`; null where there is no value), ``customer`` (as
        given), ``session`` (from 1 for each customer), ``start``, ``end`` (times of the first and the last
        event; with `duration` the latest end of an event), ``events`` (number), ``open`` (the gap after the last
        event was not over when the data end, and no event ended it, so the session may go on).
    """

    __slots__ = ()

    analysis: ClassVar[str] = "sessions"

    def explain(self, customer: object) -> Explanation:
        """Why do a customer's events stand in the session where they do?

        Parameters
        ----------
        customer
            The id, as the data give it.

        Returns
        -------
        Explanation
            The customer's events with a ``decision`` for each, and the conclusion in words.

        Examples
        --------
        >>> import safar
        >>> log = safar.EventLog(
        ...     {
        ...         "customer": ["ann", "ann", "ann"],
        ...         "time": ["2026-03-01 10:00", "2026-03-01 10:30", "2026-03-01 11:15"],
        ...         "event": ["view", "view", "purchase"],
        ...     },
        ...     customer="customer",
        ...     time="time",
        ...     event="event",
        ... )
        >>> log.sessions("30m").explain("ann").to_dict()["decision"][2]
        'session 2 begins: the pause of 45 min is longer than 30 min'
        """
        return explained(Spec.from_json(self.spec), self._asked(), customer, self.definition)

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
        columns, groups, customers = groups_of(self.table, "session")
        events = _table.integers(self.table, "events")
        columns |= {
            "sessions": np.array([len(rows) for rows in groups], dtype=np.int64),
            "customers": np.array(customers, dtype=np.int64),
            **extent(self.table, groups),
            "open": counts_of(groups, self.table.numpy("open")[0]),
            "single_event_share": each_group(groups, events == 1, np.mean),
        }
        shares = frozenset({"single_event_share"})
        return ResultTable(_table.table_of(columns), self.definition, self.timezone, shares=shares)


@dataclass(frozen=True, slots=True)
class Sessions(Spec[SessionsResult]):
    """The question of `EventLog.sessions`, which describes the arguments.

    Examples
    --------
    >>> import safar
    >>> safar.Sessions("60m", gaps={"call": "2h"}).gaps
    (('call', '2h'),)
    """

    analysis: ClassVar[str] = "sessions"

    gap: Duration = "30m"
    _: KW_ONLY
    gaps: Gaps | None = None
    start_events: Events | None = None
    end_events: Events | None = None
    duration: str | None = None
    duration_unit: DurationUnit = "s"
    by: str | None = None

    def __post_init__(self) -> None:
        check_cuts(self, "start_events", "end_events")

    def plan(self, log: Log) -> dict[str, object]:
        """The kernel's plan, after a check of every name against the log."""
        params = cut_params(self, log, starts="start_events", ends="end_events")
        return {"params": params, "by": self.by, "at": "entry"}

    def finish(self, partial: Table, log: Log) -> SessionsResult:
        """The sessions as the kernel gave them."""
        ends = None
        if self.end_events is not None:
            ends = Said(
                "{event} ends the session it belongs to.", event=events_words(steps_of(self, "end_events"))
            )
        definition = paragraph(
            Said(
                "A session is a run of one customer's events with no pause longer than {gap} (a pause of exactly that "
                "still belongs to it); it is open while that time since its last event was not over at {end}.",
                gap=Length(self.gap),
                end=observed(log),
            ),
            *cut_sentences(self, Said("session")),
            ends,
            segments(self.by, Said("at the first event of the session")),
        )
        return SessionsResult(partial, definition, log.timezone, self.to_json())


def sessions(
    log: Log,
    gap: Duration = "30m",
    *,
    gaps: Gaps | None = None,
    start_events: Events | None = None,
    end_events: Events | None = None,
    duration: str | None = None,
    duration_unit: DurationUnit = "s",
    by: str | None = None,
) -> SessionsResult:
    """What are the sessions of each customer?

    Parameters
    ----------
    gap
        The longest pause inside a session, such as ``"30m"`` (the default, the custom of web analytics) or a
        timedelta. A pause **longer** than this cuts; one of exactly this length does not.
    gaps
        Channels after whose events another gap holds, such as ``{"call centre": "2h"}``; by default `gap` holds
        after all.
    start_events
        Events that begin a new session whatever the pause, such as ``"login"``: a name, `safar.step` with a
        condition, or a list of both. By default none.
    end_events
        Events that end the session that they belong to, such as ``"logout"``; the next event begins a new one. By
        default none.
    duration
        The column of the log that says how long an event lasts, such as a call or a visit to a store: numbers in
        `duration_unit`, or spans of time. A null counts as no time; a negative one is an error. By default events
        take no time.
    duration_unit
        ``"us"``, ``"ms"``, ``"s"`` (default), ``"m"`` minutes, ``"h"`` or ``"d"``.
    by
        A column of the log (``"channel"``, ``"value"`` or an attribute) whose value at the first event of the
        session is given as ``segment``.

    Returns
    -------
    SessionsResult
        One row a session: ``segment`` (only with `by`), ``customer``, ``session`` (from 1 for each customer),
        ``start``, ``end`` (times), ``events`` (number), ``open`` (true where the gap after the last event was
        not over at `observed_until`, and no event ended the session). `SessionsResult.summary` counts and averages
        them, and `EventLog.with_sessions` makes their numbers a column of the log.

    Notes
    -----
    Events at equal times keep their order in the data and, unless `start_events` or `end_events` cut there, belong
    to one session. Every event is in exactly one session. A pause runs from the latest end of the session so far to
    the next event, and the gap is that of the channel of the event with this end (of several, the last one): an
    event during a call does not shorten it. An event that both begins and ends a session is one by itself.

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
    >>> log.sessions("2h", start_events="view").to_dict()["events"]
    [1, 2]
    """
    question = Sessions(
        gap,
        gaps=gaps,
        start_events=start_events,
        end_events=end_events,
        duration=duration,
        duration_unit=duration_unit,
        by=by,
    )
    return question.run(log)


def with_sessions(
    log: EventLog,
    gap: Duration = "30m",
    *,
    gaps: Gaps | None = None,
    start_events: Events | None = None,
    end_events: Events | None = None,
    duration: str | None = None,
    duration_unit: DurationUnit = "s",
    column: str = "session",
) -> EventLog:
    """Which session does each event belong to?

    Parameters
    ----------
    gap, gaps, start_events, end_events, duration, duration_unit
        What makes a session; as of `EventLog.sessions`.
    column
        How the new column is called.

    Returns
    -------
    EventLog
        This log with a column that numbers the sessions of each customer from 1, as the table of `EventLog.sessions`
        does: for conditions, `by` and `hold`, and for `EventLog.per`, which makes sessions the unit of all analyses.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "ann"],
    ...         "time": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 11:00"],
    ...         "event": ["view", "view", "purchase"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> log.with_sessions().funnel(["view", "purchase"], hold="session").completed
    0
    >>> log.with_sessions().per("session").customers
    2
    """
    question = Sessions(
        gap,
        gaps=gaps,
        start_events=start_events,
        end_events=end_events,
        duration=duration,
        duration_unit=duration_unit,
    )
    return numbered(log, question.run(log).table, "session", column)
