"""One question straight from the data, which reads less than a log of all events would."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from safar import _core, _table
from safar._files import are_paths, files_of
from safar._typing import At, Duration, Frame, Instant, OnBad, TimeUnit
from safar.analyses._spec import R_co, Spec
from safar.analyses.funnel import Funnel, FunnelResult, StepLike
from safar.analyses.rfm import Rfm, RfmResult
from safar.errors import DataError, UnknownEventError
from safar.log import EventLog, columns_of, roles_of

__all__ = ["funnel", "rfm"]


def funnel(
    data: Frame,
    steps: Sequence[StepLike],
    *,
    customer: str,
    time: str,
    event: str,
    within: Duration | None = None,
    by: str | None = None,
    at: At = "entry",
    channel: str | None = None,
    value: str | None = None,
    attributes: Sequence[str] = (),
    timezone: str = "UTC",
    time_unit: TimeUnit | None = None,
    observed_until: Instant | None = None,
    on_bad: OnBad = "reject",
) -> FunnelResult:
    """How many customers come through these steps, asked of the data directly?

    The same result as ``safar.EventLog(data, ...).funnel(steps, ...)``, in less time and memory, because only
    the events of the steps are kept; of Parquet files only the row groups that may hold one are read. For a second
    question, build a log.

    Parameters
    ----------
    data
        A frame as of `EventLog`, or files as of `safar.read`.
    customer, time, event, channel, value, attributes, timezone, time_unit, observed_until, on_bad
        As of `EventLog`.
    steps, within, by, at
        As of `EventLog.funnel`.

    Returns
    -------
    FunnelResult
        As of `EventLog.funnel`.

    Examples
    --------
    >>> import safar
    >>> data = {
    ...     "user": ["ann", "ann", "bob"],
    ...     "at": ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"],
    ...     "what": ["view", "purchase", "view"],
    ... }
    >>> result = safar.funnel(
    ...     data, ["view", "purchase"], within="1h", customer="user", time="at", event="what"
    ... )
    >>> result.entered, result.completed
    (2, 1)
    """
    question = Funnel(steps, within=within, by=by, at=at)
    roles = roles_of(
        customer=customer,
        time=time,
        event=event,
        channel=channel,
        value=value,
        attributes=attributes,
        timezone=timezone,
        time_unit=time_unit,
        observed_until=observed_until,
        on_bad=on_bad,
        # The value of `by` at a customer's first or last event needs the events outside the steps as well.
        only_events=question.events() if by is None or at == "entry" else None,
    )
    return _asked(question, data, roles)


def rfm(
    data: Frame,
    events: str | Sequence[str] | None = None,
    *,
    customer: str,
    time: str,
    event: str,
    value: str | None = None,
    at: Instant | None = None,
    timezone: str = "UTC",
    time_unit: TimeUnit | None = None,
    observed_until: Instant | None = None,
    on_bad: OnBad = "reject",
) -> RfmResult:
    """How recently, how often and for how much did each customer act, asked of the data directly?

    The same result as ``safar.EventLog(data, ...).rfm(events, ...)``, in less time and memory, because only these
    events are kept; of Parquet files only the row groups that may hold one are read. For a second question, build a
    log.

    Parameters
    ----------
    data
        A frame as of `EventLog`, or files as of `safar.read`.
    customer, time, event, value, timezone, time_unit, observed_until, on_bad
        As of `EventLog`.
    events, at
        As of `EventLog.rfm`.

    Returns
    -------
    RfmResult
        As of `EventLog.rfm`.

    Examples
    --------
    >>> import safar
    >>> data = {
    ...     "user": ["ann", "ann", "bob"],
    ...     "at": ["2026-03-01", "2026-03-02", "2026-03-03"],
    ...     "what": ["view", "purchase", "view"],
    ... }
    >>> safar.rfm(data, "purchase", customer="user", time="at", event="what").to_dict()[
    ...     "recency_days"
    ... ]
    [1.0]
    """
    question = Rfm(events, at=at)
    roles = roles_of(
        customer=customer,
        time=time,
        event=event,
        channel=None,
        value=value,
        attributes=(),
        timezone=timezone,
        time_unit=time_unit,
        observed_until=observed_until,
        on_bad=on_bad,
        only_events=question.events,
    )
    return _asked(question, data, roles)


def _asked(question: Spec[R_co], data: Frame, roles: dict[str, Any]) -> R_co:
    """The answer from a log of the events that the question needs."""
    if roles["on_bad"] == "raise":
        # A row that can't be an event stops the reading whatever event it would have been.
        roles = {**roles, "only_events": None}
    build = _builder(data, roles)
    try:
        return question.run(build(roles))
    except (DataError, UnknownEventError):
        if roles["only_events"] is None:
            raise
    # Only a log of all events can say which name was meant.
    return question.run(build(roles | {"only_events": None}))


def _builder(data: Frame, roles: dict[str, Any]) -> Callable[[dict[str, Any]], EventLog]:
    """What makes a log of the data."""
    if are_paths(data):
        files = files_of(data)
        return lambda roles: EventLog.of_core(_core.EventLog.read(files, json.dumps({"roles": roles})), roles)
    table = _table.to_table(data, columns_of(roles))
    return lambda roles: EventLog.of_table(table, roles)
