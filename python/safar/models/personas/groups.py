"""What groups of customers are, whatever finds them, and who belongs to which."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from safar._typing import Floats, Integers
from safar.models.personas.preparing import Points

__all__ = ["STARTED_ROWS", "Clustering", "Placement", "by_distance", "drawn"]

# Among more customers, the best of many starts is looked for in so many of them, and led on in all.
STARTED_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Placement:
    """Where customers belong.

    Parameters
    ----------
    group
        The group, -1 for none.
    distance
        Distance to the middle of the group (of dense regions: to the nearest member), in spreads of a column; of
        medoids Gower's dissimilarity, 0 to 1.
    second
        The second nearest group, -1 where there is none.
    probability
        Of belonging to the group; NaN where the method knows none.
    """

    group: Integers
    distance: Floats
    second: Integers
    probability: Floats


class Clustering(ABC):
    """Groups that customers can be placed in."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of groups."""

    @abstractmethod
    def place(self, points: Points) -> Placement:
        """Say where customers belong."""

    @abstractmethod
    def middles(self) -> Floats:
        """A point for each group, to tell groups of one size apart."""

    @abstractmethod
    def ordered(self, order: Integers) -> Clustering:
        """The same groups in another order."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""


def by_distance(distances: Floats) -> Placement:
    """Everybody with the nearest group, the first of equally near ones; a row a customer, a column a group."""
    rows = np.arange(len(distances))
    group = distances.argmin(axis=1)
    nearest = distances[rows, group]
    second = np.full(len(distances), -1, dtype=np.int64)
    if distances.shape[1] > 1:
        distances[rows, group] = np.inf
        second = distances.argmin(axis=1)
    return Placement(group, nearest, second, np.full(len(distances), np.nan))


def drawn(size: int, most: int, seed: int) -> Integers:
    """At most so many rows, in order."""
    if size <= most:
        return np.arange(size)
    return np.sort(np.random.default_rng([seed, size]).choice(size, most, replace=False))
