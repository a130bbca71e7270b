"""How many groups customers crowd into: normal mixtures, with those components as one that no valley parts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from safar._typing import Floats
from safar.models.personas.preparing import Points

__all__ = ["Normals", "groups_of_mixtures"]

# Columns are blurred by so much of their spread: extremes that were cut stand on one value, and are no group.
_BLUR = 0.1
# Places where the way between two peaks is looked at.
_STEPS = 51
# One covariance of all components, variances of each, a covariance of each; and starts, where groups overlap more.
_KINDS = {"tied": 5, "diag": 2, "full": 2}
# So many numbers of components in turn that fit worse than a smaller one end the search: more seldom fit better again.
_PATIENCE = 4
# Each of fewer customers is soon a distribution of its own.
_LEAST_CUSTOMERS = 50


@dataclass(frozen=True, slots=True)
class Normals:
    """A mixture of normal distributions: weights, means, and the inverses of covariances."""

    weights: Floats
    means: Floats
    precisions: Floats

    def hills(self, depth: float) -> int:
        """How many groups of components there are with valleys between them, whose density is `depth` at most."""
        from scipy.sparse.csgraph import connected_components

        size = len(self.weights)
        joined = np.eye(size, dtype=bool)
        for one, other in combinations(range(size), 2):
            joined[one, other] = self.valley(one, other) > depth
        return int(connected_components(joined, directed=False)[0])

    def valley(self, one: int, other: int) -> float:
        """The density in the valley between two components, to that of the lower peak; 1 where there is none."""
        heights = self._heights(self._ridgeline(one, other))
        before = np.maximum.accumulate(heights)
        after = np.maximum.accumulate(heights[::-1])[::-1]
        return float(np.exp((heights - np.minimum(before, after)).min()))

    def _ridgeline(self, one: int, other: int) -> Floats:
        """The way from one mean to the other on which their common density has its peaks and its pass."""
        share = np.linspace(0, 1, _STEPS)[:, None]
        first, second = self.precisions[one], self.precisions[other]
        pull = (1 - share) * (first @ self.means[one]) + share * (second @ self.means[other])
        weighed = (1 - share[..., None]) * first + share[..., None] * second
        way: Floats = np.linalg.solve(weighed, pull[..., None])[..., 0]
        return way

    def _heights(self, way: Floats) -> Floats:
        """Logarithm of the density of the whole mixture, but for a constant."""
        apart = way[:, None] - self.means
        squares = np.einsum("skd,kde,ske->sk", apart, self.precisions, apart)
        scale = np.log(self.weights) + 0.5 * np.linalg.slogdet(self.precisions)[1]
        heights: Floats = np.logaddexp.reduce(scale - 0.5 * squares, axis=1)
        return heights


def groups_of_mixtures(points: Points, most: int, depth: float, seed: int) -> int | None:
    """How many groups the mixture of normal distributions shows that fits best; None of categories and few customers.

    Between two groups is a valley whose density is to that of the lower peak as `depth` to 1, or less.
    Skewed, long or heavy-tailed groups take several components each, which have one hill in common. Where one
    covariance fits all components best, or variances of their own need no fewer, each component is a group: nothing but
    groups asks for several.
    """
    if points.categories.shape[1] or len(points) < _LEAST_CUSTOMERS:
        return None
    blurred = _blurred(points.numbers, np.random.default_rng([seed, 3]))
    best = {kind: _best(blurred, kind, min(most, len(points) - 1), seed) for kind in _KINDS}
    kind = min(best, key=lambda each: best[each][0])
    components = {each: len(mixture.weights) for each, (_, mixture) in best.items()}
    hills = best[kind][1].hills(depth)
    alike = kind != "full" and components[kind] == components["tied"]
    return components[kind] if alike and hills > 1 else hills


def _best(numbers: Floats, kind: str, most: int, seed: int) -> tuple[float, Normals]:
    """Of the mixtures of one kind the least criterion (BIC), and the mixture."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    way: dict[str, Any] = {"covariance_type": kind, "n_init": _KINDS[kind], "random_state": seed}
    best, least = None, np.inf
    with warnings.catch_warnings():
        # Of fewer different customers than groups, and of a maximum that was not reached, the criterion is only worse.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for k in range(1, most + 1):
            fitted = GaussianMixture(k, **way).fit(numbers)
            criterion = float(fitted.bic(numbers))
            if best is None or criterion < least:
                best, least = fitted, criterion
            elif k - best.n_components >= _PATIENCE:
                break
    return least, _normals(best)


def _normals(mixture: Any) -> Normals:
    size, width = mixture.means_.shape
    precisions = mixture.precisions_
    if mixture.covariance_type == "diag":
        precisions = precisions[:, None] * np.eye(width)
    return Normals(mixture.weights_, mixture.means_, np.broadcast_to(precisions, (size, width, width)))


def _blurred(numbers: Floats, random: np.random.Generator) -> Floats:
    """Numbers without steps: spread over the way to their neighbours, and a little more."""
    found = numbers + random.normal(scale=_BLUR, size=numbers.shape)
    for place, column in enumerate(numbers.T):
        values, own = np.unique(column, return_inverse=True)
        if len(values) > 1:
            ways = np.diff(values)
            width = np.minimum(np.append(ways[0], ways), np.append(ways, ways[-1]))
            found[:, place] += random.uniform(-0.5, 0.5, len(column)) * width[own]
    return found
