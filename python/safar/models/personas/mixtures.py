"""Groups as normal distributions, with the probability of belonging to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from safar._typing import Floats, Integers
from safar.models.personas.groups import STARTED_ROWS, Clustering, Placement, drawn
from safar.models.personas.preparing import Points

__all__ = ["Mixture", "mixture"]

_STEPS = 500


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

    few = drawn(len(points), STARTED_ROWS, seed)
    way: dict[str, Any] = {"n_components": k, "random_state": seed, "max_iter": _STEPS, "tol": 1e-4}
    found = GaussianMixture(**way, n_init=starts).fit(points.numbers[few])
    if len(few) < len(points):
        begin = {f"{name}_init": getattr(found, f"{name}_") for name in ("weights", "means", "precisions")}
        found = GaussianMixture(**way, **begin).fit(points.numbers)
    return Mixture(found.weights_, found.means_, found.covariances_)
