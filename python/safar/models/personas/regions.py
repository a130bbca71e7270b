"""Groups as dense regions of any shape, outside of which nobody belongs to any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from safar._typing import Floats, Integers
from safar.models.personas.groups import Clustering, Placement
from safar.models.personas.preparing import Points

__all__ = ["Regions", "regions"]

# So many near neighbours make a place dense.
_NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Regions(Clustering):
    """Groups that are dense regions of any shape, known by their members."""

    members: Floats
    group: Integers
    reach: Floats

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.reach)

    def place(self, points: Points) -> Placement:
        """Say where customers belong: to the nearest member's group, if that is no farther than members are apart."""
        from scipy.spatial import KDTree

        near = np.full((len(points), self.size), np.inf)
        for group in range(self.size):
            near[:, group] = KDTree(self.members[self.group == group]).query(points.numbers)[0]
        rows = np.arange(len(points))
        if not self.size:
            nobody = np.full(len(points), -1, dtype=np.int64)
            unknown = np.full(len(points), np.nan)
            return Placement(nobody, unknown, nobody, unknown)
        group = near.argmin(axis=1)
        distance = near[rows, group]
        reached = distance <= self.reach[group]
        second = np.full(len(points), -1, dtype=np.int64)
        if self.size > 1:
            near[rows, group] = np.inf
            second = near.argmin(axis=1)
        return Placement(np.where(reached, group, -1), distance, second, np.full(len(points), np.nan))

    def middles(self) -> Floats:
        """A point for each group, to tell groups of one size apart."""
        return np.array([self.members[self.group == group].mean(axis=0) for group in range(self.size)])

    def ordered(self, order: Integers) -> Regions:
        """The same groups in another order."""
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return Regions(self.members, place[self.group], self.reach[order])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        fields = ("members", "group", "reach")
        return {"kind": "regions", **{name: getattr(self, name).tolist() for name in fields}}


def regions(points: Points, least: int) -> tuple[Regions, Integers]:
    """Find dense regions with at least so many customers, and the region of each customer, -1 for noise."""
    from scipy.spatial import KDTree
    from sklearn.cluster import HDBSCAN

    least = max(2, least)
    group = (
        HDBSCAN(min_cluster_size=least, min_samples=min(least, _NEIGHBOURS), copy=True)
        .fit(points.numbers)
        .labels_.astype(np.int64)
    )
    group = np.maximum(group, -1)
    kept = group >= 0
    reach = np.zeros(int(group.max(initial=-1)) + 1)
    for each in range(len(reach)):
        own = points.numbers[group == each]
        reach[each] = KDTree(own).query(own, k=2)[0][:, 1].max()
    return Regions(points.numbers[kept], group[kept], reach), group
