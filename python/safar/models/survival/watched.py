"""Rows of a frame as customers who were watched: from when, until when, and what ended it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safar import _args, _table
from safar._core import Table
from safar._typing import Array, Floats, Frame, Integers
from safar.analyses._survival import Curve
from safar.errors import ArgumentError, DataError

__all__ = ["Watched", "numbers_of", "refuse", "watched_of"]

# What stands in a column of causes where none has come.
_NONE = {None, "", "0", "false"}
_MOST_CUSTOMERS = 10**12


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """How long customers were watched.

    Parameters
    ----------
    entry
        From when: after this time; minus infinity where from the beginning.
    exit
        Until when.
    cause
        What ended it: from 1 the number of a cause, 0 where nothing had come yet.
    weight
        How many customers a row stands for.
    """

    entry: Floats
    exit: Floats
    cause: Integers
    weight: Integers

    def rows(self, chosen: Array) -> Watched:
        """Some of these rows."""
        return Watched(self.entry[chosen], self.exit[chosen], self.cause[chosen], self.weight[chosen])

    def until(self, end: float) -> Watched:
        """The same customers, watched no longer than this; who came later is left out."""
        beyond = self.exit > end
        whole = Watched(self.entry, np.minimum(self.exit, end), np.where(beyond, 0, self.cause), self.weight)
        return whole.rows(self.entry < end)

    def curves(self, causes: int) -> list[Curve]:
        """The curve of each cause."""
        later = np.isfinite(self.entry)
        times = np.unique(np.concatenate([self.exit, self.entry[later]]))
        place = np.searchsorted(times, self.exit)
        counts = np.zeros((len(times), causes + 1), dtype=np.int64)
        np.add.at(counts, (place, self.cause), self.weight)
        entered = np.zeros(len(times), dtype=np.int64)
        np.add.at(entered, np.searchsorted(times, self.entry[later]), self.weight[later])
        gone = counts.sum(axis=1)
        # Those who are there before a time: who came before it and has not gone before it.
        start = int(self.weight[~later].sum())
        at_risk = start + np.cumsum(entered) - entered - np.cumsum(gone) + gone
        left = counts[:, 1:].sum(axis=1)
        return [
            Curve(times, at_risk, counts[:, number], left, counts[:, 0], entered if later.any() else None)
            for number in range(1, causes + 1)
        ]


def watched_of(
    data: Frame,
    *,
    duration: str,
    event: str,
    entry: str | None,
    weights: str | None,
    causes: Sequence[str] = (),
    others: Sequence[str] = (),
) -> tuple[Watched, Table]:
    """The rows of a frame, and the table of all columns that were named."""
    named = {"duration": duration, "event": event, "entry": entry, "weights": weights}
    for argument, name in named.items():
        if name is not None:
            _args.text(name, argument)
    table = _table.to_table(data, [*filter(None, named.values()), *others])
    if not table.num_rows:
        raise DataError("the data have no row; expected one for each customer who was watched")
    until, unknown = numbers_of(table, duration)
    refuse(unknown | ~np.isfinite(until), table, duration, "no number; leave these rows out or fill them in")
    refuse(until < 0, table, duration, "a time before the beginning; expected at least 0")
    since = _entries(table, entry, until, duration)
    weight = np.ones(len(until), dtype=np.int64) if weights is None else _weights(table, weights)
    cause = _events(table, event) if not causes else _causes(table, event, causes)
    return Watched(since, until, cause, weight), table


def numbers_of(table: Table, name: str) -> tuple[Floats, Array]:
    """A column of numbers, or of truths as 1 and 0, and which are missing."""
    return _table.numbers(table, name, "numbers", "iufb")


def refuse(bad: Array, table: Table, name: str, said: str) -> None:
    """Refuse rows of a column, with their number and an example."""
    if not bad.any():
        return
    row = int(np.flatnonzero(bad)[0])
    value = _table.to_lists(table.select([name]).rows(np.array([row])), "UTC")[name][0]
    number = int(bad.sum())
    raise DataError(
        f'column "{name}": {number:,} of {len(bad):,} row{"" if len(bad) == 1 else "s"} '
        f"{'has' if number == 1 else 'have'} {said} (row {row}: {value!r})"
    )


def _entries(table: Table, entry: str | None, until: Floats, duration: str) -> Floats:
    if entry is None:
        return np.full(len(until), -np.inf)
    since, unknown = numbers_of(table, entry)
    refuse(since < 0, table, entry, "an entry before the beginning; expected at least 0, or null for it")
    # Who was there from the beginning is at risk at time 0, too.
    since = np.where(unknown | (since == 0), -np.inf, since)
    said = f'an entry that is not before the end of the watch in "{duration}"; leave these rows out'
    refuse(since >= until, table, entry, said)
    return since


def _weights(table: Table, weights: str) -> Integers:
    values, unknown = numbers_of(table, weights)
    said = (
        "a weight that is no whole number of customers, at least 1; weights here say for how many customers a row "
        "stands, and weights of a sample would need other intervals"
    )
    refuse(unknown | ~(values >= 1) | (values != np.floor(values)), table, weights, said)
    # The sums of larger ones are no longer exact.
    said = f"a weight beyond {_MOST_CUSTOMERS:,} customers; count in thousands, or leave these rows out"
    refuse(values > _MOST_CUSTOMERS, table, weights, said)
    return values.astype(np.int64)


def _events(table: Table, event: str) -> Integers:
    if table.numpy(event)[0].dtype.kind == "O":
        raise ArgumentError(
            f'column "{event}" holds text; expected true or false, or 1 or 0. Where it says what happened, name what '
            "counts in causes=[…]"
        )
    happened, unknown = numbers_of(table, event)
    said = (
        "neither true nor false (1 or 0); who had no event yet is 0, and what may happen goes into causes=[…]"
    )
    refuse(unknown | ((happened != 0) & (happened != 1)), table, event, said)
    return happened.astype(np.int64)


def _causes(table: Table, event: str, causes: Sequence[str]) -> Integers:
    codes, texts = table.codes(event)
    numbers = {name: number for number, name in enumerate(causes, 1)}
    for name in causes:
        if name not in texts:
            raise ArgumentError(
                f'causes: "{name}" stands in no row of the column "{event}"'
                f"{_args.suggestion(name, filter(None, texts))} (available: {_args.listing(filter(None, texts))})"
            )
    meaning = [numbers.get(text or "", 0 if text in _NONE else -1) for text in texts]
    found = np.array(meaning, dtype=np.int64)[codes]
    said = "a value that causes= does not name; name it too, or make it null where nothing had happened yet"
    refuse(found < 0, table, event, said)
    return found
