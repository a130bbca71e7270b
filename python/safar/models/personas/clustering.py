"""Groups of customers: k-means and k-prototypes, Gaussian mixtures, dense regions; and who belongs to which."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from safar._typing import Floats, Integers
from safar.models.personas.preparing import Points

__all__ = [
    "Clustering",
    "Method",
    "Placement",
    "Prototypes",
    "cluster",
    "clustering_from",
    "drawn",
    "embedded",
    "gamma_of",
    "regions",
]

Method: TypeAlias = Literal["kmeans", "kprototypes", "mixture", "hdbscan"]

_STEPS = 100
# Among more customers, the best of many starts is looked for in so many of them, and led on in all.
_STARTED_ROWS = 5_000
# So many near neighbours make a place dense.
_NEIGHBOURS = 10


@dataclass(frozen=True, slots=True)
class Placement:
    """Where customers belong.

    Parameters
    ----------
    group
        The group, -1 for none.
    distance
        Distance to the middle of the group (of dense regions: to the nearest member), in spreads of a column.
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


def drawn(size: int, most: int, seed: int) -> Integers:
    """At most so many rows, in order."""
    if size <= most:
        return np.arange(size)
    return np.sort(np.random.default_rng([seed, size]).choice(size, most, replace=False))


# ------------------------------------------------------------------------------------------------------ distances


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


# ------------------------------------------------------------------------------------- k-means and k-prototypes


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
        squares = self.squares(points)
        group = squares.argmin(axis=1)
        rows = np.arange(len(points))
        nearest = squares[rows, group]
        second = np.full(len(points), -1, dtype=np.int64)
        if self.size > 1:
            squares[rows, group] = np.inf
            second = squares.argmin(axis=1)
        return Placement(group, np.sqrt(nearest), second, np.full(len(points), np.nan))

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

    few = drawn(len(points), _STARTED_ROWS, seed)
    found = KMeans(k, n_init=starts, random_state=seed, max_iter=_STEPS).fit(points.numbers[few])
    if len(few) < len(points):
        found = KMeans(k, n_init=1, init=found.cluster_centers_, max_iter=_STEPS).fit(points.numbers)
    return Prototypes(found.cluster_centers_, np.empty((k, 0), dtype=np.int64), 0.0)


def kprototypes(points: Points, k: int, seed: int, starts: int, gamma: float | None = None) -> Prototypes:
    """Find k groups with the least Σ‖x−m‖² + γ·mismatches to their prototypes (Huang 1998)."""
    mixed = _Mixed.of(points, gamma_of(points) if gamma is None else gamma)
    few = mixed.some(drawn(len(points), _STARTED_ROWS, seed))
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


# ---------------------------------------------------------------------------------------------------------- mixtures


@dataclass(frozen=True, slots=True)
class Mixture(Clustering):
    """Groups that are normal distributions with covariances of their own."""

    weights: Floats
    means: Floats
    covariances: Floats

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.weights)

    def densities(self, points: Points) -> Floats:
        """Logarithms of weight times density, a row a customer, a column a group."""
        found = np.empty((len(points), self.size))
        constant = self.means.shape[1] * np.log(2 * np.pi)
        for group, (weight, mean, covariance) in enumerate(
            zip(self.weights, self.means, self.covariances, strict=True)
        ):
            lower = np.linalg.cholesky(covariance)
            apart = np.linalg.solve(lower, (points.numbers - mean).T)
            size = 2 * np.log(np.diag(lower)).sum()
            found[:, group] = np.log(weight) - 0.5 * (constant + size + (apart**2).sum(axis=0))
        return found

    def place(self, points: Points) -> Placement:
        """Say where customers belong: to the likeliest group, the first of equally likely ones."""
        from scipy.special import logsumexp

        densities = self.densities(points)
        rows = np.arange(len(points))
        group = densities.argmax(axis=1)
        probability = np.exp(densities[rows, group] - logsumexp(densities, axis=1))
        distance = np.sqrt(((points.numbers - self.means[group]) ** 2).sum(axis=1))
        second = np.full(len(points), -1, dtype=np.int64)
        if self.size > 1:
            densities[rows, group] = -np.inf
            second = densities.argmax(axis=1)
        return Placement(group, distance, second, probability)

    def middles(self) -> Floats:
        """A point for each group, to tell groups of one size apart."""
        return self.means

    def ordered(self, order: Integers) -> Mixture:
        """The same groups in another order."""
        return Mixture(self.weights[order], self.means[order], self.covariances[order])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        fields = ("weights", "means", "covariances")
        return {"kind": "mixture", **{name: getattr(self, name).tolist() for name in fields}}


def mixture(points: Points, k: int, seed: int, starts: int) -> Mixture:
    """Find the likeliest mixture of k normal distributions."""
    from sklearn.mixture import GaussianMixture

    few = drawn(len(points), _STARTED_ROWS, seed)
    way: dict[str, Any] = {"n_components": k, "random_state": seed, "max_iter": 5 * _STEPS, "tol": 1e-4}
    found = GaussianMixture(**way, n_init=starts).fit(points.numbers[few])
    if len(few) < len(points):
        begin = {f"{name}_init": getattr(found, f"{name}_") for name in ("weights", "means", "precisions")}
        found = GaussianMixture(**way, **begin).fit(points.numbers)
    return Mixture(found.weights_, found.means_, found.covariances_)


# ----------------------------------------------------------------------------------------------------- dense regions


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


# ---------------------------------------------------------------------------------------------------------- all of them


def cluster(method: Method, points: Points, k: int, *, seed: int, starts: int) -> Clustering:
    """Find k groups by a method that is told their number."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Resampled customers may be fewer different ones than groups; such groups are empty, and so seen as unstable.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if method == "kmeans":
            return kmeans(points, k, seed, starts)
        if method == "kprototypes":
            return kprototypes(points, k, seed, starts)
        return mixture(points, k, seed, starts)


def clustering_from(given: dict[str, Any]) -> Clustering:
    """Read what `to_dict` wrote."""
    kind = given["kind"]
    if kind == "prototypes":
        centres = np.array(given["centres"], dtype=np.float64)
        modes = np.array(given["modes"], dtype=np.int64).reshape(len(centres), -1)
        return Prototypes(centres, modes, given["gamma"])
    if kind == "mixture":
        return Mixture(
            *(np.array(given[name], dtype=np.float64) for name in ("weights", "means", "covariances"))
        )
    width = len(given["members"][0]) if given["members"] else 0
    return Regions(
        np.array(given["members"], dtype=np.float64).reshape(-1, width),
        np.array(given["group"], dtype=np.int64),
        np.array(given["reach"], dtype=np.float64),
    )
