"""All ways to find groups of customers, by name."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from safar.models.personas.groups import Clustering
from safar.models.personas.medoids import Medoids, medoids
from safar.models.personas.mixtures import Mixture, mixture
from safar.models.personas.preparing import Points
from safar.models.personas.prototypes import Prototypes, kmeans, kprototypes
from safar.models.personas.regions import Regions

__all__ = ["Method", "cluster", "clustering_from"]

Method: TypeAlias = Literal["kmeans", "kprototypes", "pam", "mixture", "hdbscan"]


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
        if method == "pam":
            return medoids(points, k)
        return mixture(points, k, seed, starts)


def clustering_from(given: dict[str, Any]) -> Clustering:
    """Read what `to_dict` wrote."""
    kind = given["kind"]
    if kind == "prototypes":
        centres = np.array(given["centres"], dtype=np.float64)
        modes = np.array(given["modes"], dtype=np.int64).reshape(len(centres), -1)
        return Prototypes(centres, modes, given["gamma"])
    if kind == "medoids":
        numbers = np.array(given["numbers"], dtype=np.float64)
        categories = np.array(given["categories"], dtype=np.int64).reshape(len(numbers), -1)
        return Medoids(numbers, categories, np.array(given["ranges"], dtype=np.float64))
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
