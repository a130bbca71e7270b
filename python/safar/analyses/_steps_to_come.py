"""What a journey has still to come, by the Markov chain of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from safar import _table
from safar._core import Table
from safar._typing import Array, Floats, Integers
from safar.analyses.next_events import END, NextEvents
from safar.errors import DataError
from safar.features import Feature

if TYPE_CHECKING:
    from safar._log import Log

__all__ = ["Chain", "values"]

# The square of their number is laid out.
_MOST_NAMES = 2_000


class Chain(NamedTuple):
    """How often which event was followed by which, and by the end of the journey."""

    followed: Integers
    ended: Integers

    def expected_steps(self) -> Floats:
        """The number of events that are still to come after each one, NaN where that is not known."""
        onward = self._onward()
        return self._solved(onward, onward.sum(axis=1), self._ending(self.ended > 0))

    def reach_probability(self, goals: Array) -> Floats:
        """The probability that one of some events is still to come after each one, NaN where that is not known."""
        onward = self._onward()
        passing = np.where(goals, 0.0, onward)
        reached = onward[:, goals].sum(axis=1)
        return self._solved(passing, reached, self._ending((self.ended > 0) | (reached > 0), passing > 0))

    def _onward(self) -> Floats:
        """The probability of each next event; NaN after events that nothing followed yet."""
        total = (self.followed.sum(axis=1) + self.ended).astype(np.float64)
        return np.asarray(self.followed / np.where(total > 0, total, np.nan)[:, None])

    def _ending(self, absorbed: Array, passing: Array | None = None) -> Array:
        """From which events every way leads to the end at last: those from which no way leads to one without an end."""
        ways = self.followed > 0 if passing is None else passing
        endless = ~_leading_to(ways, absorbed)
        return ~_leading_to(ways, endless)

    @staticmethod
    def _solved(passing: Floats, gained: Floats, known: Array) -> Floats:
        """What is gained on all ways: now, and after each event that is passed."""
        found = np.full(len(gained), np.nan)
        inner = passing[np.ix_(known, known)]
        found[known] = np.linalg.solve(np.eye(len(inner)) - inner, gained[known])
        return found


def values(known: Log, feature: Feature, cutoff: int) -> Table:
    """The measure of the event that each customer did last, 0 where the journey is over."""
    question = NextEvents(order=1) if feature.gap is None else NextEvents(order=1, gap=feature.gap)
    names = sorted(known.events)
    if len(names) > _MOST_NAMES:
        raise DataError(
            f"{len(names):,} different events make a chain of more than {_MOST_NAMES:,} states; call events by a "
            "column of their kinds first (log.named_by)"
        )
    chain = _chain_of(question, known, names)
    goals = np.isin(names, list(feature.events or ()))
    of_event = chain.reach_probability(goals) if feature.events else chain.expected_steps()
    params = {"chain": question.chain(known), "contexts": [[], *([name] for name in names)]}
    rows = known.ask("next_events_customers", {"params": params, "by": None, "at": "entry"})
    last = _table.integers(rows, "context") - 1
    found = np.where(rows.numpy("over")[0].astype(bool), 0.0, of_event[last])
    if feature.events and not goals.any():
        # What nobody has done yet says nothing of who will.
        found[:] = np.nan
    return rows.select(["customer"]).beside(_table.table_of({feature.name: _table.nullable(found)}))


def _chain_of(question: NextEvents, known: Log, names: list[str]) -> Chain:
    """What followed what in all journeys so far."""
    cells = known.ask(question.analysis, question.plan(known))
    (before, texts), (after, outcomes) = cells.codes("before_1"), cells.codes("next")
    place: dict[str | None, int] = {name: number for number, name in enumerate([*names, END])}
    origin, target = (
        np.array([place.get(text, -1) for text in labels], dtype=np.int64)[codes]
        for labels, codes in ((texts, before), (outcomes, after))
    )
    counts = np.zeros((len(names), len(names) + 1), dtype=np.int64)
    # What began a journey followed nothing.
    inside = origin >= 0
    np.add.at(counts, (origin[inside], target[inside]), _table.integers(cells, "events")[inside])
    return Chain(counts[:, :-1], counts[:, -1])


def _leading_to(ways: Array, goals: Array) -> Array:
    """From which places a way leads to one of the goals, these among them."""
    found = goals.copy()
    while True:
        more = found | (ways & found).any(axis=1)
        if (more == found).all():
            return found
        found = more
