"""Groups with a middle each: k-means and k-prototypes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from safar._typing import Floats, Integers
from safar.models.personas.groups import STARTED_ROWS, Clustering, Placement, by_distance, drawn
from safar.models.personas.preparing import Points

__all__ = ["Prototypes", "embedded", "gamma_of", "kmeans", "kprototypes"]

_STEPS = 100


def gamma_of(points: Points) -> float:
    """How much a different category weighs beside numbers: half of their mean spread (Huang 1998); 1 without any."""
    return 0.5 * float(points.numbers.std(axis=0).mean()) if points.numbers.shape[1] else 1.0


def embedded(points: Points, gamma: float) -> Floats:
    """The points in a space whose squared distance is that of k-prototypes: Σ(x−y)² + γ·mismatches."""
    if not points.categories.shape[1]:
        return points.numbers
    blocks = [points.numbers]
    for codes in points.categories.T:
        flags = codes[:, None] == np.arange(codes.max(initial=0) + 1)
        blocks.append(np.sqrt(gamma / 2) * flags)
    return np.hstack(blocks)


@dataclass(frozen=True, slots=True)
class Prototypes(Clustering):
    """Groups with a middle each: means of numbers and commonest categories."""

    centres: Floats
    modes: Integers
    gamma: float

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.centres)

    def squares(self, points: Points) -> Floats:
        """Squared distances, a row a customer, a column a group."""
        found = np.empty((len(points), self.size))
        for group in range(self.size):
            found[:, group] = ((points.numbers - self.centres[group]) ** 2).sum(axis=1)
            found[:, group] += self.gamma * (points.categories != self.modes[group]).sum(axis=1)
        return found

    def place(self, points: Points) -> Placement:
        """Say where customers belong: to the nearest middle, the first of equally near ones."""
        return by_distance(np.sqrt(self.squares(points)))

    def middles(self) -> Floats:
        """A point for each group, to tell groups of one size apart."""
        return np.hstack([self.centres, self.modes])

    def ordered(self, order: Integers) -> Prototypes:
        """The same groups in another order."""
        return Prototypes(self.centres[order], self.modes[order], self.gamma)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "kind": "prototypes",
            "centres": self.centres.tolist(),
            "modes": self.modes.tolist(),
            "gamma": self.gamma,
        }


def kmeans(points: Points, k: int, seed: int, starts: int) -> Prototypes:
    """Find k groups with the least sum of squared distances to their means."""
    from sklearn.cluster import KMeans

    few = drawn(len(points), STARTED_ROWS, seed)
    found = KMeans(k, n_init=starts, random_state=seed, max_iter=_STEPS).fit(points.numbers[few])
    if len(few) < len(points):
        found = KMeans(k, n_init=1, init=found.cluster_centers_, max_iter=_STEPS).fit(points.numbers)
    return Prototypes(found.cluster_centers_, np.empty((k, 0), dtype=np.int64), 0.0)


def kprototypes(points: Points, k: int, seed: int, starts: int, gamma: float | None = None) -> Prototypes:
    """Find k groups with the least Σ‖x−m‖² + γ·mismatches to their prototypes (Huang 1998)."""
    mixed = _Mixed.of(points, gamma_of(points) if gamma is None else gamma)
    few = mixed.some(drawn(len(points), STARTED_ROWS, seed))
    best, least = None, np.inf
    for start in range(starts):
        found, cost = few.descend(few.first(k, np.random.default_rng([seed, start])))
        if best is None or cost < least * (1 - 1e-12):
            best, least = found, cost
    assert best is not None, "there is at least one start"
    if len(few.rows) < len(mixed.rows):
        best, _ = mixed.descend(best)
    return mixed.prototypes(best)


@dataclass(frozen=True, slots=True)
class _Mixed:
    """Points as one matrix: numbers, then a flag for each category, so that distances are products of matrices.

    A prototype is a row of the same form. ‖x−m‖² + γ·mismatches is ‖x‖² − 2x·m + ‖m‖² on numbers, and on flags
    γ·(columns − common flags).
    """

    rows: Floats
    # The part of all distances that no prototype changes.
    constant: Floats
    numbers: int
    # Where the flags of each column with categories begin and end.
    blocks: tuple[tuple[int, int], ...]
    gamma: float

    @classmethod
    def of(cls, points: Points, gamma: float) -> _Mixed:
        flags = [codes[:, None] == np.arange(codes.max() + 1) for codes in points.categories.T]
        edges = np.cumsum([points.numbers.shape[1], *(each.shape[1] for each in flags)]).tolist()
        rows = np.hstack([points.numbers, *flags])
        constant = (points.numbers**2).sum(axis=1, keepdims=True) + gamma * len(flags)
        return cls(rows, constant, points.numbers.shape[1], tuple(pairwise(edges)), gamma)

    def some(self, positions: Integers) -> _Mixed:
        """Some of the points."""
        return replace(self, rows=self.rows[positions], constant=self.constant[positions])

    def squares(self, prototypes: Floats) -> Floats:
        """Squared distances, a row a customer, a column a prototype."""
        middle = prototypes[:, : self.numbers]
        weights = np.hstack([-2 * middle, -self.gamma * prototypes[:, self.numbers :]])
        found: Floats = self.rows @ weights.T
        found += self.constant
        found += (middle**2).sum(axis=1)
        return np.maximum(found, 0.0, out=found)

    def first(self, k: int, random: np.random.Generator) -> Floats:
        """Customers that lie far from each other, drawn as k-means++ draws them."""
        chosen = [int(random.integers(len(self.rows)))]
        nearest = np.full(len(self.rows), np.inf)
        while len(chosen) < k:
            nearest = np.minimum(nearest, self.squares(self.rows[chosen[-1:]])[:, 0])
            edges = np.cumsum(nearest)
            place = np.searchsorted(edges, random.random() * edges[-1], side="right")
            chosen.append(min(int(place), len(self.rows) - 1))
        return self.rows[chosen]

    def descend(self, prototypes: Floats) -> tuple[Floats, float]:
        """Assign and move in turns, until nobody changes the group."""
        before: Integers | None = None
        for _ in range(_STEPS):
            squares = self.squares(prototypes)
            group = squares.argmin(axis=1)
            # A group that lost everybody begins anew at the customer who is farthest from all.
            for empty in np.flatnonzero(np.bincount(group, minlength=len(prototypes)) == 0):
                far = int(squares[np.arange(len(group)), group].argmax())
                group[far], squares[far, empty] = empty, 0.0
            if before is not None and (group == before).all():
                break
            before = group
            prototypes = self._middles(group, len(prototypes))
        return prototypes, float(self.squares(prototypes).min(axis=1).sum())

    def _middles(self, group: Integers, k: int) -> Floats:
        """Means of numbers, and the flag of the commonest category, the first of equally common ones."""
        members = (group == np.arange(k)[:, None]).astype(np.float64)
        found: Floats = members @ self.rows / np.maximum(members.sum(axis=1), 1)[:, None]
        for start, end in self.blocks:
            commonest = found[:, start:end].argmax(axis=1)
            found[:, start:end] = commonest[:, None] == np.arange(end - start)
        return found

    def prototypes(self, rows: Floats) -> Prototypes:
        """Prototypes with their categories by number."""
        modes = [rows[:, start:end].argmax(axis=1) for start, end in self.blocks]
        codes = np.stack(modes, axis=1) if modes else np.empty((len(rows), 0), dtype=np.int64)
        return Prototypes(rows[:, : self.numbers], codes, self.gamma)
