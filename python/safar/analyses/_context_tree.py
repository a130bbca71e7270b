"""Contexts and what follows them: Witten–Bell probabilities, pruning, and the loss on customers held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.analyses._evidence import false_discovery

__all__ = ["Cells", "ContextTree", "Loss", "best_loss", "tree_of"]

# χ² says too much of fewer: one rare outcome after a context seen once passes for a rule.
_LEAST_EVENTS = 5
# Contexts by outcomes that are laid out at once.
_CELLS_AT_ONCE = 2_000_000


class Cells(NamedTuple):
    """What followed which context how often: one row a part of the customers, context and outcome."""

    # 0 to learn from; the others are held out.
    part: Integers
    # Codes of outcomes, from 0 without gaps.
    outcome: Integers
    # One column an event back, the latest first; -1 where the journey had not begun.
    before: Integers
    events: Integers


@dataclass(frozen=True, slots=True)
class Level:
    """All contexts of one length, and the rows and outcomes that they have."""

    # Of each row: its context and its pair of context and outcome; -1 where the journey had not begun.
    node: Integers
    edge: Integers
    # Of each context.
    parent: Integers
    symbol: Integers
    events: Integers
    kinds: Integers
    # Of what followed it against what followed the shorter one; NaN where there is nothing to test.
    p_value: Floats
    # Of each pair.
    edge_node: Integers
    edge_outcome: Integers
    edge_events: Integers
    edge_chance: Floats
    # Of each row: the interpolated probability of its outcome after its context, or after the longest shorter one.
    chance: Floats


class Loss(NamedTuple):
    """The loss of one model on the customers held out, in nats an event; NaN where nobody is held out."""

    order: int
    pruned: bool
    contexts: int
    events: int
    loss: float
    # Beside order 0; the interval is of the parts of those held out.
    gain: float
    gain_low: float
    gain_high: float
    # Sums of the loss and events of each part of those held out.
    of_part: Array
    events_of_part: Array


@dataclass(frozen=True, slots=True)
class ContextTree:
    """All contexts up to an order, and which of them are kept at each order."""

    cells: Cells
    outcomes: int
    levels: tuple[Level, ...]
    alpha: float

    def kept(self, order: int, *, pruned: bool = True) -> list[Array]:
        """Which contexts of each length are in the model of an order."""
        kept = [level.events > 0 for level in self.levels[: order + 1]]
        if not pruned or not order:
            return kept
        q_values = false_discovery(np.concatenate([level.p_value for level in self.levels[1 : order + 1]]))
        ends = np.cumsum([len(level.p_value) for level in self.levels[1:order]])
        tells = [np.ones(1, dtype=bool), *(each <= self.alpha for each in np.split(q_values, ends))]
        longer = np.zeros(0, dtype=np.int64)
        for length in range(order, 0, -1):
            kept[length] = tells[length]
            kept[length][longer] = True
            longer = np.unique(self.levels[length].parent[kept[length]])
        return kept

    def chances(self, kept: Sequence[Array]) -> Floats:
        """The probability of each row's outcome by the longest kept context."""
        chance = self.levels[0].chance
        for level, stays in zip(self.levels[1:], kept[1:], strict=False):
            there = level.node >= 0
            there[there] = stays[level.node[there]]
            chance = np.where(there, level.chance, chance)
        return chance

    def losses(self) -> list[Loss]:
        """The loss of every order, with all contexts and pruned, in the order of the lengths."""
        plain = -np.log(self.levels[0].chance)
        found = []
        for order in range(len(self.levels)):
            for pruned in (False, True) if order else (False,):
                kept = self.kept(order, pruned=pruned)
                size = int(sum(stays.sum() for stays in kept))
                found.append(self._loss(order, pruned, size, -np.log(self.chances(kept)), plain))
        return found

    def _loss(self, order: int, pruned: bool, size: int, loss: Floats, plain: Floats) -> Loss:
        held = self.cells.part > 0
        part = self.cells.part[held]
        weight = self.cells.events[held]
        events = np.bincount(part, weights=weight, minlength=1)
        total, better = (
            np.bincount(part, weights=weight * each[held], minlength=1) for each in (loss, plain - loss)
        )
        number = int(events.sum())
        if not number:
            return Loss(order, pruned, size, 0, np.nan, np.nan, np.nan, np.nan, total, events)
        total, better, events = total[events > 0], better[events > 0], events[events > 0]
        gain, half = jackknifed(better, events)
        return Loss(
            order, pruned, size, number, total.sum() / number, gain, gain - half, gain + half, total, events
        )

    def distribution(self, context: Sequence[int], kept: Sequence[Array]) -> tuple[Floats, int]:
        """The probability of every outcome after a context, the latest event first, and the length that counts."""
        chance = np.full(self.outcomes, 1 / self.outcomes)
        node, used = 0, 0
        for length, (level, stays) in enumerate(zip(self.levels, kept, strict=False)):
            if length:
                if length > len(context):
                    break
                found = np.flatnonzero((level.parent == node) & (level.symbol == context[length - 1]))
                if not len(found) or not stays[found[0]]:
                    break
                node, used = int(found[0]), length
            chance = self._interpolated(level, np.array([node]), chance[None, :])[0]
        return chance, used

    def distributions(self, kept: Sequence[Array]) -> Iterator[tuple[int, Integers, Floats]]:
        """Length and places of kept contexts, shorter ones first, and the probability of every outcome after them."""
        at_once = max(_CELLS_AT_ONCE // self.outcomes, 1)
        for length, stays in enumerate(kept):
            nodes = np.flatnonzero(stays) if length else np.zeros(1, dtype=np.int64)
            for start in range(0, len(nodes), at_once):
                some = nodes[start : start + at_once]
                yield length, some, self._chances(length, some)

    def _chances(self, length: int, nodes: Integers) -> Floats:
        """The probability of every outcome after contexts of one length."""
        level = self.levels[length]
        if not length:
            return self._interpolated(level, nodes, np.full((1, self.outcomes), 1 / self.outcomes))
        parents, of_node = np.unique(level.parent[nodes], return_inverse=True)
        return self._interpolated(level, nodes, self._chances(length - 1, parents)[of_node])

    def _interpolated(self, level: Level, nodes: Integers, base: Floats) -> Floats:
        """Witten and Bell's mixture of what followed these contexts and of the shorter contexts' probabilities."""
        counts = np.zeros((len(nodes), self.outcomes))
        # Pairs stand in the order of their contexts.
        first, last = (np.searchsorted(level.edge_node, nodes, side=side) for side in ("left", "right"))
        row = np.repeat(np.arange(len(nodes)), last - first)
        edge = np.arange(len(row)) + np.repeat(first - np.cumsum(last - first) + last - first, last - first)
        counts[row, level.edge_outcome[edge]] = level.edge_events[edge]
        mixed: Floats = _mixture(counts, level.events[nodes, None], level.kinds[nodes, None], base)
        return mixed

    def symbols(self, length: int, node: int) -> list[int]:
        """The symbols of a context, the oldest first."""
        found = []
        while length:
            found.append(int(self.levels[length].symbol[node]))
            node, length = int(self.levels[length].parent[node]), length - 1
        return found

    def longest(self, kept: Sequence[Array]) -> tuple[Integers, Integers]:
        """Length and place of the longest kept context of each row."""
        length = np.zeros(len(self.cells.part), dtype=np.int64)
        place = np.zeros(len(self.cells.part), dtype=np.int64)
        for at, (level, stays) in enumerate(zip(self.levels, kept, strict=False)):
            there = level.node >= 0
            there[there] = stays[level.node[there]]
            length[there], place[there] = at, level.node[there]
        return length, place


def tree_of(cells: Cells, outcomes: int, alpha: float) -> ContextTree:
    """All contexts of these counts."""
    levels: list[Level] = []
    for length in range(cells.before.shape[1] + 1):
        levels.append(_level(cells, outcomes, levels[-1] if levels else None, length))
    return ContextTree(cells, outcomes, tuple(levels), alpha)


def _level(cells: Cells, outcomes: int, shorter: Level | None, length: int) -> Level:
    rows = len(cells.part)
    if shorter is None:
        there = np.ones(rows, dtype=bool)
        parent, symbol = np.zeros(1, dtype=np.int64), np.full(1, -1, dtype=np.int64)
        node = np.zeros(rows, dtype=np.int64)
        before: Floats = np.full(rows, 1 / outcomes)
    else:
        last = cells.before[:, length - 1]
        there = (last >= 0) & (shorter.node >= 0)
        symbols = int(cells.before.max(initial=0)) + 1
        keys, of_row = np.unique(shorter.node[there] * symbols + last[there], return_inverse=True)
        parent, symbol = keys // symbols, keys % symbols
        node = np.full(rows, -1, dtype=np.int64)
        node[there] = of_row
        before = shorter.chance
    pairs, first, of_pair = np.unique(
        node[there] * outcomes + cells.outcome[there], return_index=True, return_inverse=True
    )
    edge = np.full(rows, -1, dtype=np.int64)
    edge[there] = of_pair
    learnt: Floats = np.where(cells.part == 0, cells.events, 0.0)[there]
    edge_events = np.bincount(of_pair, weights=learnt, minlength=len(pairs)).astype(np.int64)
    edge_node = pairs // outcomes
    events = np.bincount(edge_node, weights=edge_events, minlength=len(parent)).astype(np.int64)
    kinds = np.bincount(edge_node, weights=edge_events > 0, minlength=len(parent)).astype(np.int64)
    some_row = np.flatnonzero(there)[first]
    of_edge = _mixture(edge_events, events[edge_node], kinds[edge_node], before[some_row])
    chance = before.copy()
    chance[there] = of_edge[of_pair]
    p_value: Floats = np.full(len(parent), np.nan)
    if shorter is not None:
        wider = shorter.edge_events[shorter.edge[some_row]] / np.maximum(shorter.events[parent[edge_node]], 1)
        p_value = _p_values(edge_node, edge_events, wider, shorter.kinds[parent] - 1, events)
    return Level(
        node,
        edge,
        parent,
        symbol,
        events,
        kinds,
        p_value,
        edge_node,
        pairs % outcomes,
        edge_events,
        of_edge,
        chance,
    )


def _p_values(
    edge_node: Integers, edge_events: Integers, wider: Floats, freedom: Integers, events: Integers
) -> Floats:
    """Whether contexts tell more than shorter ones: the better of two tests, twice its p-value.

    χ² is blunt where there are many more outcomes than events, and wrong where events are few. The likelihood ratio of
    a Dirichlet mixture around what followed the shorter context is an e-value, whose inverse is a p-value at any count.
    """
    from scipy import special

    seen = edge_events > 0
    node, count, share = edge_node[seen], edge_events[seen], wider[seen]
    plain = np.bincount(node, weights=count * np.log(share), minlength=len(events))
    own = np.bincount(node, weights=count * np.log(count / events[node]), minlength=len(events))
    mixed = np.bincount(
        node, weights=special.gammaln(share + count) - special.gammaln(share), minlength=len(events)
    )
    e_value = mixed - special.gammaln(1 + events) - plain
    p_value = np.exp(-np.maximum(e_value, 0))
    chi_squared = special.chdtrc(np.maximum(freedom, 1), 2 * np.maximum(own - plain, 0))
    p_value = np.where(events >= _LEAST_EVENTS, np.minimum(p_value, chi_squared), p_value)
    tested = (freedom > 0) & (events > 1)
    return np.where(tested, np.minimum(2 * p_value, 1), np.nan)


def _mixture(counts: Array, events: Array, kinds: Array, base: Floats) -> Floats:
    """Interpolated Witten–Bell; the base where a context was never seen by those who are learnt from."""
    weight = events + kinds
    mixed: Floats = np.where(weight > 0, (counts + kinds * base) / np.maximum(weight, 1), base)
    return mixed


def jackknifed(sums: Array, events: Array) -> tuple[float, float]:
    """A ratio of sums over parts, and half of its 95 % interval by leaving out each part once; NaN for one part."""
    from scipy import special

    ratio = float(sums.sum() / events.sum())
    parts = len(sums)
    if parts < 2:
        return ratio, np.nan
    without = (sums.sum() - sums) / (events.sum() - events)
    error = np.sqrt((parts - 1) / parts * ((without - without.mean()) ** 2).sum())
    return ratio, float(special.stdtrit(parts - 1, 0.975) * error)


def best_loss(losses: Sequence[Loss]) -> Loss:
    """The shortest pruned model that chance may put on a level with the best, if that is better than order 0."""
    pruned = [each for each in losses if each.pruned and each.gain_low > 0]
    best = min(pruned, key=lambda each: (each.loss, each.order), default=losses[0])
    for each in pruned:
        more, half = jackknifed(each.of_part - best.of_part, best.events_of_part)
        if each.order <= best.order and more - half <= 0:
            return each
    return best
