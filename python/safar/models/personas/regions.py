"""Groups as dense regions of any shape, outside of which nobody belongs to any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from safar._typing import Floats, Integers
from safar.models.personas.groups import Clustering, Placement, drawn
from safar.models.personas.preparing import Points

__all__ = ["Regions", "regions"]

# So many near neighbours make a place dense.
_NEIGHBOURS = 10
# So many members of a group stand for it where only the second nearest group is asked for.
_STANDING = 500


@dataclass(frozen=True, slots=True)
class Regions(Clustering):
    """Groups that are dense regions of any shape, known by the customers they were found in.

    Parameters
    ----------
    members
        The customers as points.
    group
        The group of each, -1 for noise.
    reach
        Of each group how far a member is from its nearest fellow at most.
    """

    members: Floats
    group: Integers
    reach: Floats

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.reach)

    def place(self, points: Points) -> Placement:
        """Say where customers belong: with the nearest known one, if that is no farther than members are apart."""
        from scipy.spatial import KDTree

        unknown = np.full(len(points), np.nan)
        if not self.size:
            nobody = np.full(len(points), -1, dtype=np.int64)
            return Placement(nobody, unknown, nobody, unknown)
        distance, nearest = KDTree(self.members).query(points.numbers)
        group = self.group[nearest]
        noise = group < 0
        if noise.any():
            inside = np.flatnonzero(self.group >= 0)
            distance[noise], nearest = KDTree(self.members[inside]).query(points.numbers[noise])
            group[noise] = self.group[inside[nearest]]
        outside = noise | (distance > self.reach[group])
        return Placement(np.where(outside, -1, group), distance, self._second(points, group), unknown)

    def _second(self, points: Points, group: Integers) -> Integers:
        """The nearest group but the nearest one, by some members of each; -1 where there is none."""
        from sklearn.metrics import pairwise_distances_argmin_min

        if self.size == 1:
            return np.full(len(points), -1, dtype=np.int64)
        near = np.empty((len(points), self.size))
        for each in range(self.size):
            own = self.members[self.group == each]
            near[:, each] = pairwise_distances_argmin_min(
                points.numbers, own[drawn(len(own), _STANDING, each)]
            )[1]
        near[np.arange(len(points)), group] = np.inf
        second: Integers = near.argmin(axis=1)
        return second

    def middles(self) -> Floats:
        """A point for each group, to tell groups of one size apart."""
        return np.array([self.members[self.group == group].mean(axis=0) for group in range(self.size)])

    def ordered(self, order: Integers) -> Regions:
        """The same groups in another order."""
        place = np.append(np.argsort(order), -1)
        return Regions(self.members, place[self.group], self.reach[order])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        fields = ("members", "group", "reach")
        return {"kind": "regions", **{name: getattr(self, name).tolist() for name in fields}}


def regions(points: Points, least: int) -> Regions:
    """Find dense regions with at least so many customers."""
    from scipy.spatial import KDTree
    from sklearn.cluster import HDBSCAN

    least = max(2, least)
    group = (
        HDBSCAN(min_cluster_size=least, min_samples=min(least, _NEIGHBOURS), copy=True)
        .fit(points.numbers)
        .labels_.astype(np.int64)
    )
    group = np.maximum(group, -1)
    reach = np.zeros(int(group.max(initial=-1)) + 1)
    for each in range(len(reach)):
        own = points.numbers[group == each]
        reach[each] = KDTree(own).query(own, k=2)[0][:, 1].max()
    return Regions(points.numbers, group, reach)
