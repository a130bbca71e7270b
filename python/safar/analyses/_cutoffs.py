"""Cut-offs: which customers are looked at, when, and how far back; shared by features and labels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from safar import _args
from safar._typing import Duration, Instant
from safar.analyses._spec import observed
from safar.errors import ArgumentError, ArgumentTypeError
from safar.language import Length, Listed, Moment, Said, Spoken

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Cutoffs", "checked", "cutoffs_us", "first_us", "plan", "population"]

Cutoffs: TypeAlias = "Instant | Sequence[Instant] | None"

_MOST = 400


def checked(at: Cutoffs) -> str | tuple[str, ...] | None:
    """Cut-offs as a question keeps them."""
    if at is None or isinstance(at, str | dt.date | np.datetime64):
        return None if at is None else _args.instant(at, "at")
    if not isinstance(at, Iterable):
        raise ArgumentTypeError(
            f'at={at!r} is a {type(at).__name__}; expected a time such as "2026-06-01", or a list of such'
        )
    found = tuple(_args.instant(each, "at") for each in at)
    if not found:
        raise ArgumentError('at=[] names no cut-off; expected at least one, such as at="2026-06-01"')
    if len(found) > _MOST:
        raise ArgumentError(f"at names {len(found)} cut-offs; expected at most {_MOST}")
    return found


def cutoffs_us(at: Cutoffs, log: Log) -> list[int]:
    """Cut-offs in µs UTC, rising; one that the data do not surround is refused."""
    last = log.observed_until_us
    if at is None:
        # The first instant after all events.
        return [last + 1]
    given = [at] if isinstance(at, str | dt.date) else list(at)
    found = {_args.instant_us(each, "at", log.timezone): each for each in given}
    if len(found) < len(given):
        raise ArgumentError(f"at names a cut-off twice: {_args.listing(map(str, given))}")
    begin = first_us(log)
    for us, each in found.items():
        if us > last + 1:
            raise ArgumentError(
                f"at={each!r} is after {observed(log)}, where the data end: what customers did until then is not "
                "known; choose an earlier cut-off, or build the log with observed_until= if the data do reach so far"
            )
        if us <= begin:
            raise ArgumentError(
                f"at={each!r} is not after the first event of the log ({_moment(begin, log)}), so that nothing is "
                "known by then; choose a later cut-off"
            )
    return sorted(found)


def first_us(log: Log) -> int:
    """Where the data begin."""
    return int(log.info["first_us"])


def plan(
    log: Log,
    cutoffs: Sequence[int],
    observe: Duration | None,
    active: Sequence[str] | None,
    active_where: str | None,
    arrived: str | None,
) -> dict[str, object]:
    """The part of a kernel's plan that says who is looked at, after a check against the log."""
    if active is not None:
        _args.known_events(active, log.events, "active")
    if arrived is not None:
        _args.known_columns_of_log([arrived], log.columns, "arrived")
    observe_us = None if observe is None else _args.microseconds(observe, "observe")
    begin = first_us(log)
    if observe_us is not None and cutoffs[0] - observe_us < begin - _DAY_US:
        longest = (cutoffs[0] - begin) // _DAY_US
        raise ArgumentError(
            f'observe="{observe}" before the cut-off {_moment(cutoffs[0], log)} begins before the first event of the '
            f"log ({_moment(begin, log)}), so that the window is longer than the history; choose a later cut-off, at "
            f'most observe="{max(longest, 1)}d", or observe=None for all the time before'
        )
    return {
        "at_us": list(cutoffs),
        "observe_us": observe_us,
        "active": None if active is None else list(active),
        "active_where": active_where,
        "arrived": arrived,
    }


_DAY_US = 86_400_000_000


def population(
    log: Log,
    cutoffs: Sequence[int],
    observe: Duration | None,
    active: Sequence[str] | None,
    where: str | None,
) -> Spoken:
    """Who is looked at, for a definition."""
    counted = (
        Said("event") if active is None else Said("{events} event", events=Listed(list(active), last="or"))
    )
    if where is not None:
        counted = Said("{event} with {condition}", event=counted, condition=where)
    moments = [Moment(_args.local_datetime(us, log.timezone)) for us in cutoffs]
    when = moments[0] if len(moments) == 1 else Said(
        "{number} cut-offs from {first} to {last}", number=len(moments), first=moments[0], last=moments[-1]
    )  # fmt: skip
    if observe is None:
        return Said(
            "Customers with at least one {event} before the cut-off ({when}, {timezone}); the observation window is "
            "all the time before it.",
            event=counted, when=when, timezone=log.timezone,
        )  # fmt: skip
    return Said(
        "Customers with at least one {event} in the {length} before the cut-off ({when}, {timezone}), the observation "
        "window.",
        event=counted, length=Length(observe), when=when, timezone=log.timezone,
    )  # fmt: skip


def _moment(us: int, log: Log) -> str:
    return f"{_args.local_datetime(us, log.timezone):%Y-%m-%d %H:%M}"
