"""Each customer of a log followed from a beginning to what ends it, or to the end of the watch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from safar._typing import Array, Integers
from safar.errors import DataError
from safar.log import EventLog

__all__ = ["GONE", "LATER", "UNKNOWN", "Asked", "Part"]

# Why a customer has no row.
UNKNOWN, LATER, GONE = range(3)


class Asked(NamedTuple):
    """What is asked of each part of the data."""

    start: tuple[str, ...]
    since: str | None
    end: tuple[str, ...]
    causes: tuple[str, ...]
    stop: tuple[str, ...]
    columns: tuple[str, ...]
    watched_us: int
    until_us: int

    @property
    def names(self) -> tuple[str, ...]:
        """What may end the time of a customer, where there are several such things."""
        return (" or ".join(self.end), *self.causes) if self.causes else ()


class Part(NamedTuple):
    """The customers of a part of the data, one place each."""

    # Whether there is a beginning, and when it was, µs UTC.
    begins: Array
    began: Integers
    # The position of the event that is the beginning, and of that which ends the watch; -1 where there is none.
    start: Integers
    last: Integers
    # When the watch ends, and the number of the cause that ended it, 0 where none did.
    over: Integers
    cause: Integers
    # Why there is no row, -1 where there is one.
    left_out: Integers

    @classmethod
    def of(cls, log: EventLog, asked: Asked) -> Part:
        """Follow each customer of the log."""
        offsets = log.core.view("offsets").astype(np.int64)
        times = log.core.view("times")
        codes, names = log.core.events_table(["event"]).codes("event")
        owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        position = np.arange(len(times))
        kinds = _kinds(names, asked)
        if asked.since is None:
            begins_here = np.ones(len(times), dtype=bool) if not asked.start else kinds["start"][codes]
            start = _first(begins_here, owner, len(offsets) - 1)
            begins = start >= 0
            began = np.where(begins, times[start], 0)
            later = position > start[owner]
            unknown = np.zeros(len(start), dtype=bool)
        else:
            start = np.full(len(offsets) - 1, -1)
            began, unknown = _since(log, asked.since, offsets[:-1])
            begins = np.ones(len(start), dtype=bool)
            later = times >= began[owner]
        cause = kinds["cause"][codes]
        # Of whom no beginning is known, there is no end either.
        later &= (begins & ~unknown)[owner]
        last = _first(later & ((cause > 0) | kinds["stop"][codes]), owner, len(offsets) - 1)
        found = last >= 0
        over = np.where(found, times[last], asked.until_us)
        left_out = np.full(len(start), -1)
        # Who began before the watch and had gone by then was never seen.
        left_out[(began < asked.watched_us) & (over <= asked.watched_us)] = GONE
        left_out[began > asked.until_us] = LATER
        left_out[unknown] = UNKNOWN
        return cls(begins, began, start, last, over, np.where(found, cause[last], 0), left_out)


def _kinds(names: Sequence[str | None], asked: Asked) -> dict[str, Array]:
    """By code of an event: whether it is a beginning, the number of its cause (0 for none), whether it ends a watch."""
    causes: dict[str | None, int] = {name: number for number, name in enumerate(asked.causes, 2)}
    causes |= dict.fromkeys(asked.end, 1)
    return {
        "start": np.array([name in asked.start for name in names], dtype=bool),
        "cause": np.array([causes.get(name, 0) for name in names], dtype=np.int64),
        "stop": np.array([name in asked.stop for name in names], dtype=bool),
    }


def _first(chosen: Array, owner: Integers, customers: int) -> Integers:
    """The position of each customer's first chosen event, -1 where there is none."""
    found = np.full(customers, -1, dtype=np.int64)
    places = np.flatnonzero(chosen)[::-1]
    # In the order of time from the last one on, so that the first one stays.
    found[owner[places]] = places
    return found


def _since(log: EventLog, column: str, first: Integers) -> tuple[Integers, Array]:
    """The instants in a column, at the first event of each customer, µs UTC; and where there is none."""
    rows = log.core.customers().select(["customer"]).beside(log.core.events_table([column], first))
    place = {"customer": "customer", "time": column, "normalize": log.roles.get("normalize")}
    located = log.core.locate(rows, json.dumps(place))
    time, missing = located.numpy("time")
    missing = np.zeros(len(first), dtype=bool) if missing is None else missing
    given = rows.numpy(column)
    known = np.ones(len(first), dtype=bool) if given[1] is None else ~given[1]
    if given[0].dtype.kind == "O":
        known &= np.array([value is not None for value in given[0].tolist()], dtype=bool)
    unreadable = np.flatnonzero(known & missing)
    if len(unreadable):
        value = given[0][unreadable[0]]
        raise DataError(
            f'column "{column}": {len(unreadable):,} customers have a value that is no instant (such as {value!r}); '
            'expected dates or times, such as "2024-05-01"'
        )
    return np.where(missing, 0, time.astype(np.int64)), missing
