"""Groups around customers of their own: partitioning around medoids, by Gower's dissimilarity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from safar._typing import Floats, Integers
from safar.models.personas.groups import Clustering, Placement, by_distance
from safar.models.personas.preparing import Points

__all__ = ["MOST_ROWS", "Medoids", "dissimilarities", "medoids", "ranges_of"]

# All dissimilarities between customers are in memory at once.
MOST_ROWS = 5_000
# Candidates whose swaps are weighed at once.
_AT_ONCE = 64
# What rounding may take from a dissimilarity for a swap that gains nothing.
_ROUNDING = 1e-12


def ranges_of(points: Points) -> Floats:
    """How far apart the numbers of each column are; 1 where all are alike."""
    spread = np.ptp(points.numbers, axis=0) if len(points) else np.ones(points.numbers.shape[1])
    return np.where(spread > 0, spread, 1.0)


def dissimilarities(points: Points, others: Points, ranges: Floats) -> Floats:
    """Gower's dissimilarity, 0 to 1: the mean over columns of |x - y| / range, and of whether categories differ."""
    from scipy.spatial.distance import cdist

    numbers, categories = points.numbers.shape[1], points.categories.shape[1]
    found: Floats = np.zeros((len(points), len(others)))
    if numbers:
        found += cdist(points.numbers / ranges, others.numbers / ranges, "cityblock")
    if categories:
        found += categories * cdist(points.categories, others.categories, "hamming")
    found /= numbers + categories
    return found


@dataclass(frozen=True, slots=True)
class Medoids(Clustering):
    """Groups with a customer each in their middle."""

    numbers: Floats
    categories: Integers
    ranges: Floats

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.numbers)

    def place(self, points: Points) -> Placement:
        """Say where customers belong: to the nearest medoid, the first of equally near ones."""
        usable = np.ones(self.size, dtype=bool)
        return by_distance(
            dissimilarities(points, Points(self.numbers, self.categories, usable), self.ranges)
        )

    def middles(self) -> Floats:
        """A point for each group, to tell groups of one size apart."""
        return np.hstack([self.numbers, self.categories])

    def ordered(self, order: Integers) -> Medoids:
        """The same groups in another order."""
        return Medoids(self.numbers[order], self.categories[order], self.ranges)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        fields = ("numbers", "categories", "ranges")
        return {"kind": "medoids", **{name: getattr(self, name).tolist() for name in fields}}


def medoids(points: Points, k: int) -> Medoids:
    """Find k customers from whom all are the least dissimilar on the whole (Kaufman and Rousseeuw 1990)."""
    ranges = ranges_of(points)
    apart = dissimilarities(points, points, ranges)
    found = _swapped(apart, _built(apart, k))
    return Medoids(points.numbers[found], points.categories[found], ranges)


def _built(apart: Floats, k: int) -> Integers:
    """One customer after the other, each the one who brings the others nearest to a medoid."""
    nearest = np.full(len(apart), np.inf)
    found = [int(apart.sum(axis=0).argmin())]
    while len(found) < k:
        nearest = np.minimum(nearest, apart[:, found[-1]])
        left = np.concatenate([np.minimum(block, nearest).sum(axis=1) for _, block in _blocks(apart)])
        left[found] = np.inf
        found.append(int(left.argmin()))
    return np.array(found)


def _blocks(apart: Floats) -> Iterator[tuple[int, Floats]]:
    """Some candidates at a time, a row each, and where they begin."""
    for start in range(0, len(apart), _AT_ONCE):
        yield start, apart[start : start + _AT_ONCE]


def _swapped(apart: Floats, found: Integers) -> Integers:
    """The best swap of a medoid and another customer, again and again, as long as there is one."""
    found = found.copy()
    least = _ROUNDING * apart.sum() / max(len(apart), 1)
    while True:
        near = apart[:, found]
        own = near.argmin(axis=1)
        nearest = near[np.arange(len(apart)), own]
        near[np.arange(len(apart)), own] = np.inf
        second = near.min(axis=1)
        mine = (own[:, None] == np.arange(len(found))).astype(np.float64)
        best, swap = nearest.sum() - least, None
        for start, block in _blocks(apart):
            # With a candidate beside all medoids, and what those lose then whose medoid goes (Schubert and Rousseeuw
            # 2019).
            beside = np.minimum(block, nearest)
            lost = np.minimum(block, second)
            lost -= beside
            cost = beside.sum(axis=1, keepdims=True) + lost @ mine
            place = np.unravel_index(cost.argmin(), cost.shape)
            if cost[place] < best:
                best, swap = float(cost[place]), (int(place[1]), start + int(place[0]))
        if swap is None:
            return found
        found[swap[0]] = swap[1]
