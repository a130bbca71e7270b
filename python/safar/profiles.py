"""Attributes of customers beside their events: from a CRM, a loyalty programme, a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from safar import _args, _table
from safar._core import Table
from safar._typing import Frame, TimeUnit
from safar.errors import ArgumentError

if TYPE_CHECKING:
    from safar._log import Log
    from safar.log import EventLog

__all__ = ["merged", "profiles_of", "with_profiles"]

_ROLES = ("customer", "time", "event", "channel", "value")


def with_profiles(
    log: EventLog,
    customers: Frame,
    *,
    key: str,
    columns: str | Sequence[str] | None = None,
    since: str | None = None,
    time_unit: TimeUnit | None = None,
) -> EventLog:
    """What is known of the customers: their attributes as columns of their events.

    Parameters
    ----------
    customers
        One row a customer, or with `since` one row for each profile that a customer had: a frame as of `EventLog`.
    key
        The column with the customers' ids, as the log has them: text or whole numbers.
    columns
        The columns that the log gets; by default all others.
    since
        The column with the time from which a profile holds, until the customer's next one begins. By default a
        customer has one profile, which holds for all of the events.
    time_unit
        What a number in `since` counts since 1970: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``.

    Returns
    -------
    EventLog
        A log with these columns, for `by`, conditions, `hold` and `per`; text is a dictionary in it. They are null for
        customers without a profile and, with `since`, before the first one. A column that the log had under the same
        name gives way. `EventLog.profiles` counts what did not find its other half.

    Raises
    ------
    DataError
        If a customer has two profiles, or with `since` two from the same instant on: the message names id and rows.

    Notes
    -----
    An event gets the last profile with ``since <= time``: one that begins at the very instant of an event holds for it.
    Without `since` an attribute is what it is today, also for events of the past; whoever explains the past by it may
    look at its consequences.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "customer": ["ann", "ann", "bob"],
    ...         "time": ["2026-03-01", "2026-03-07", "2026-03-02"],
    ...         "event": ["view", "purchase", "view"],
    ...     },
    ...     customer="customer",
    ...     time="time",
    ...     event="event",
    ... )
    >>> crm = {
    ...     "id": ["ann", "ann", "cem"],
    ...     "plan": ["free", "pro", "pro"],
    ...     "from": ["2026-01-01", "2026-03-05", "2026-01-01"],
    ... }
    >>> profiled = log.with_profiles(crm, key="id", since="from")
    >>> profiled.to_pandas().sort_values("time")["plan"].tolist()
    ['free', nan, 'pro']
    >>> profiled.profiles[0]["customers_without_profile"]
    1
    """
    return log.profiled(
        *profiles_of(log, customers, key=key, columns=columns, since=since, time_unit=time_unit)
    )


def profiles_of(
    log: Log,
    customers: Frame,
    *,
    key: str,
    columns: str | Sequence[str] | None,
    since: str | None,
    time_unit: TimeUnit | None,
) -> tuple[Table, dict[str, Any]]:
    """The table of profiles and how its rows find their events, as the core takes them."""
    _args.text(key, "key")
    if since is not None and _args.text(since, "since") == key:
        raise ArgumentError(
            f'the column "{key}" is given as key and as since; each needs a column of its own'
        )
    if time_unit is not None:
        _args.choice(time_unit, "time_unit", TimeUnit)
        if since is None:
            raise ArgumentError("time_unit= is for the column of since=, and none is given; leave it out")
    reading = [key] if since is None else [key, since]
    if columns is None:
        table = _table.to_table(customers)
        _table.to_table(table, reading)
        names = tuple(name for name in table.names if name not in reading)
        if not names:
            raise ArgumentError(
                f"the profiles have no column beside {_args.listing(reading)}; the log would get none from them"
            )
    else:
        names = _args.names(columns, "columns")
        for name in names:
            if name in reading:
                raise ArgumentError(
                    f'the column "{name}" is given in columns= and as {"key" if name == key else "since"}=; leave it '
                    "out of columns"
                )
        table = _table.to_table(customers, [*reading, *names])
    for name in names:
        if name in _ROLES:
            raise ArgumentError(
                f'the column "{name}" of the profiles has the name of a role of the log; rename it, or say with '
                "columns=[…] which ones the log gets"
            )
    return table, {
        "key": key,
        "since": since,
        "time_unit": time_unit,
        "columns": list(names),
        "normalize": log.roles.get("normalize"),
    }


def merged(parts: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """What was found in parts that share no customer."""
    found = []
    for entries in zip(*parts, strict=True):
        first = dict(entries[0])
        for name in ("customers_with_profile", "customers_without_profile", "events_before_first"):
            if first[name] is not None:
                first[name] = sum(entry[name] for entry in entries)
        first["profiles_without_customer"] = first["profiles"] - first["customers_with_profile"]
        found.append(first)
    return found
