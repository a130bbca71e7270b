"""How many groups there are: silhouette, gap and stability for each number of them, and the rule that chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from safar._typing import Array, Floats, Integers
from safar.models.personas.clustering import Method, cluster
from safar.models.personas.groups import Clustering, drawn
from safar.models.personas.hills import groups_of_mixtures
from safar.models.personas.medoids import dissimilarities, ranges_of
from safar.models.personas.preparing import Points
from safar.models.personas.prototypes import Prototypes, embedded, gamma_of
from safar.models.personas.regions import regions

__all__ = [
    "RESAMPLED_ROWS",
    "SILHOUETTE_ROWS",
    "STABLE",
    "Choose",
    "Looked",
    "Tried",
    "gap_rule",
    "jaccard_of_regions",
    "look",
    "silhouette",
]

Choose: TypeAlias = Literal["stability", "gap", "silhouette"]

# Hennig (2007): below it, a group is not one that the data have.
STABLE = 0.75
_REFERENCES = 20
_BOOTSTRAPS = 25
# Starts of each clustering within a gap or a bootstrap, where many are averaged.
_FEW = 5
# Up to here the gap rule looks at all numbers below a given one.
_FOLLOWED = 8
# A few groups that are skewed take many normal distributions.
_LEAST_COMPONENTS = 9
# In a valley between groups are so many customers at most, to those at the lower peak; fewer where the gap rule says 1.
_VALLEY = 0.5
_DEEP_VALLEY = 0.3
_NAN = float("nan")
# Silhouettes need all distances between customers, gaps and bootstraps many clusterings.
SILHOUETTE_ROWS = 4_000
RESAMPLED_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Tried:
    """What speaks for one number of groups.

    Parameters
    ----------
    k
        Number of groups.
    silhouette, gap, gap_error
        Mean silhouette; gap statistic and the standard error it is judged by. NaN where there is none.
    stability
        Mean Jaccard similarity of each group with its likest one in bootstraps.
    smallest
        Share of the smallest group.
    clustering
        The groups; None of a single one.
    """

    k: int
    silhouette: float
    gap: float
    gap_error: float
    stability: Floats
    smallest: float
    clustering: Clustering | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at to choose a number of groups.

    Parameters
    ----------
    tried
        What speaks for each number.
    by_mixture
        How many groups normal mixtures show; None of categories and of few customers.
    """

    tried: tuple[Tried, ...]
    by_mixture: int | None

    @property
    def by_gap(self) -> int | None:
        """What the gap rule says."""
        return gap_rule(self.tried)

    @property
    def told_apart(self) -> int | None:
        """How many groups are more than slices of one; None where nothing says so."""
        return self.by_gap if self.by_mixture is None else self.by_mixture

    def chosen(self, choose: Choose, minimum: float) -> tuple[int, str | None]:
        """The number of groups; where it is 1, with the reason."""
        by_gap = choose == "gap" or self.by_mixture is None
        most = self.by_gap if by_gap else self.by_mixture
        if most == 1:
            return 1, "gap" if by_gap else "mixture"
        able = [each for each in self.tried if each.clustering is not None]
        stable = [each for each in able if np.nanmean(each.stability) >= STABLE]
        if not stable:
            return 1, "stability"
        fit = [each for each in stable if each.smallest >= minimum]
        if not fit:
            return 1, "minimum"
        if choose == "silhouette":
            return max(fit, key=lambda each: (each.silhouette, -each.k)).k, None
        apart = [each for each in fit if most is None or each.k <= most] or fit[:1]
        return (apart[-1] if choose == "gap" else _finest(apart)).k, None


def look(method: Method, points: Points, ks: Sequence[int], *, seed: int, starts: int) -> Looked:
    """Look at each number of groups; also at one group, and at the other numbers whose gaps the rule looks at."""
    # Limits hold for libraries that are loaded, so scikit-learn comes first.
    import sklearn.cluster  # noqa: F401
    from threadpoolctl import threadpool_limits

    few = points.rows(drawn(len(points), RESAMPLED_ROWS, seed))
    numbers = sorted({1, 2, *range(3, min(max(ks), _FOLLOWED)), *ks, *(k + 1 for k in ks)})
    # Threads of the libraries below change the last digits, and stand in each other's way in thousands of small fits.
    with threadpool_limits(1):
        found = [
            Tried(k, _NAN, *gap, np.empty(0), _NAN, None)
            for k, gap in zip(numbers, _gaps(few, numbers, seed), strict=True)
        ]
        depth = _VALLEY if gap_rule(found) != 1 else _DEEP_VALLEY
        by_mixture = groups_of_mixtures(few, max(_LEAST_COMPONENTS, *numbers), depth, seed)
        tried = (_one(method, points, few, each, seed, starts) if each.k in ks else each for each in found)
        return Looked(tuple(tried), by_mixture)


def _one(method: Method, points: Points, few: Points, known: Tried, seed: int, starts: int) -> Tried:
    k = known.k
    clustering = cluster(method, points, k, seed=seed, starts=starts)
    sizes = np.bincount(clustering.place(points).group, minlength=k)
    clustering = clustering.ordered(_order(sizes, clustering))
    return replace(
        known,
        silhouette=silhouette(method, points, clustering.place(points).group, seed),
        stability=_stability(method, few, clustering, seed),
        smallest=float(sizes.min() / len(points)),
        clustering=clustering,
    )


def _order(sizes: Integers, clustering: Clustering) -> Integers:
    """The groups by size, the largest first; equal ones by their middles."""
    return np.lexsort((*clustering.middles().T[::-1], -sizes))


def silhouette(method: Method, points: Points, group: Array, seed: int) -> float:
    """How much nearer customers are to their own group than to the next, -1 to 1; NaN with fewer than two groups."""
    from sklearn.metrics import silhouette_score

    members = np.flatnonzero(group >= 0)
    rows = members[drawn(len(members), SILHOUETTE_ROWS, seed)]
    groups = len(np.unique(group[rows]))
    if groups < 2 or groups >= len(rows):
        return float("nan")
    some = points.rows(rows)
    if method == "pam":
        apart = dissimilarities(some, some, ranges_of(points))
        return float(silhouette_score(apart, group[rows], metric="precomputed"))
    return float(silhouette_score(embedded(some, gamma_of(points)), group[rows]))


# --------------------------------------------------------------------------------------------------------------- gap


def _gaps(points: Points, ks: Sequence[int], seed: int) -> list[tuple[float, float]]:
    """Gap statistics of numbers of groups and their standard errors (Tibshirani, Walther and Hastie 2001)."""
    ks = [min(k, len(points) - 1) for k in ks]
    seen = np.array([_spread(points, k, seed) for k in ks])
    expected = np.empty((_REFERENCES, len(ks)))
    for number in range(_REFERENCES):
        reference = _reference(points, np.random.default_rng([seed, 1, number]))
        expected[number] = [_spread(reference, k, seed) for k in ks]
    errors = expected.std(axis=0) * np.sqrt(1 + 1 / _REFERENCES)
    return list(zip((expected.mean(axis=0) - seen).tolist(), errors.tolist(), strict=True))


def _spread(points: Points, k: int, seed: int) -> float:
    """Logarithm of the squared distances within k groups."""
    method: Method = "kprototypes" if points.categories.shape[1] else "kmeans"
    found = cluster(method, points, k, seed=seed, starts=_FEW)
    assert isinstance(found, Prototypes), "both methods give prototypes"
    within = found.squares(points).min(axis=1).sum()
    return float(np.log(max(within, 1e-300)))


def _reference(points: Points, random: np.random.Generator) -> Points:
    """As many customers without groups: numbers even in the box of the principal axes, categories by their shares."""
    numbers = np.empty_like(points.numbers)
    if numbers.shape[1]:
        centre = points.numbers.mean(axis=0)
        axes = np.linalg.svd(points.numbers - centre, full_matrices=False)[2]
        turned = (points.numbers - centre) @ axes.T
        box = random.uniform(turned.min(axis=0), turned.max(axis=0), turned.shape)
        numbers = box @ axes + centre
    categories = np.empty_like(points.categories)
    for place, codes in enumerate(points.categories.T):
        categories[:, place] = random.permutation(codes)
    return Points(numbers, categories, points.usable)


# --------------------------------------------------------------------------------------------------------- stability


def _stability(method: Method, points: Points, clustering: Clustering, seed: int) -> Floats:
    """How alike the groups of resampled customers are to the groups: the mean Jaccard similarity of each."""
    group = clustering.place(points).group
    found = np.full((_BOOTSTRAPS, clustering.size), np.nan)
    for number in range(_BOOTSTRAPS):
        rows = np.sort(np.random.default_rng([seed, 2, number]).integers(len(points), size=len(points)))
        again = cluster(
            method, points.rows(rows), clustering.size, seed=seed, starts=1 if method == "mixture" else _FEW
        )
        there = np.unique(rows)
        found[number] = _jaccard(group[there], again.place(points.rows(there)).group, clustering.size)
    return _mean(found)


def jaccard_of_regions(points: Points, group: Integers, least: int, seed: int) -> Floats:
    """How alike the dense regions of resampled customers are to the regions."""
    few = drawn(len(points), RESAMPLED_ROWS, seed)
    size = int(group.max(initial=-1)) + 1
    found = np.full((_BOOTSTRAPS, size), np.nan)
    fewest = max(2, round(least * len(few) / max(len(points), 1)))
    for number in range(_BOOTSTRAPS):
        # Resampled twice, a customer would be a dense region alone; half of the customers are as random.
        rows = np.sort(np.random.default_rng([seed, 2, number]).choice(few, len(few) // 2, replace=False))
        if len(rows) > fewest:
            again = regions(points.rows(rows), max(2, fewest // 2))
            found[number] = _jaccard(group[rows], again.group, size)
    return _mean(found)


def _jaccard(ours: Integers, theirs: Integers, size: int) -> Floats:
    """Of each of our groups the greatest Jaccard similarity with one of theirs; NaN of a group that has nobody here."""
    others = int(theirs.max(initial=-1)) + 1
    both = np.zeros((size, others))
    known = (ours >= 0) & (theirs >= 0)
    np.add.at(both, (ours[known], theirs[known]), 1)
    own = np.bincount(ours[ours >= 0], minlength=size)[:, None]
    other = np.bincount(theirs[theirs >= 0], minlength=others)[None]
    union = own + other - both
    best = np.divide(both, union, out=np.zeros_like(both), where=union > 0).max(axis=1, initial=0.0)
    return np.where(own[:, 0] > 0, best, np.nan)


def _mean(found: Floats) -> Floats:
    known = np.isfinite(found)
    total = np.where(known, found, 0.0).sum(axis=0)
    counted = known.sum(axis=0)
    mean: Floats = np.divide(total, counted, out=np.full(found.shape[1], np.nan), where=counted > 0)
    return mean


# -------------------------------------------------------------------------------------------------------------- rule


def gap_rule(found: Sequence[Tried]) -> int | None:
    """The least number of groups whose gap is not clearly below the next one's; None if gaps grow on and on.

    It ends at the first dip, also where gaps of more groups are greater: those grow in one skewed or long cloud too.
    """
    for one, following in pairwise(found):
        if following.k == one.k + 1 and one.gap >= following.gap - following.gap_error:
            return one.k
    return None


def _finest(found: Sequence[Tried]) -> Tried:
    """The most groups that are all stable; where there are none, the most stable ones."""
    whole = [each for each in found if each.stability.min() >= STABLE]
    return whole[-1] if whole else max(found, key=lambda each: (float(each.stability.mean()), -each.k))
