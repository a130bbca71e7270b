"""How far each parameter may move before the data speak against it: the profile of a likelihood."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from safar._typing import Floats
from safar.errors import DataError
from safar.models.value.maximum import LogLikelihood, best_of, per_customer

__all__ = ["profile_bounds"]

# By the logarithm of a parameter, so a thousandfold; a bound beyond it is as good as none.
_FARTHEST = 7.0
_WIDER = 1.6
_TOLERANCE = 1e-7
_LEFT = 1e-8
# Relative difference of two likelihoods of the same data.
_SAME = 1e-9


def profile_bounds(
    function: LogLikelihood, at: Floats, height: float, covariance: Floats, customers: float, level: float
) -> Floats:
    """The lower and the upper bound of each position, one row each; NaN where the data set none.

    A bound is where the highest likelihood that the other positions can reach falls short of `height` by half the
    quantile of χ² with one degree of freedom.
    """
    from scipy.stats import chi2

    found = function(at)[0]
    if abs(found - height) > _SAME * max(abs(height), 1.0):
        raise DataError(
            f"the log-likelihood of these data at the estimates is {found:,.6f}, and that of the fit is "
            f"{height:,.6f}: they are other data; give those that the model was fitted to"
        )
    drop = float(chi2.ppf(level, 1)) / 2 / customers
    scaled = per_customer(function, customers)
    return np.array([list(_bounds(scaled, at, covariance, place, drop)) for place in range(len(at))])


def _bounds(
    function: LogLikelihood, at: Floats, covariance: Floats, place: int, drop: float
) -> Iterator[float]:
    from scipy.optimize import brentq

    free = np.delete(np.arange(len(at)), place)
    lowest = function(at)[0]
    # Where the others go when this one moves, were the likelihood normal.
    along = covariance[free, place] / covariance[place, place]

    def short(position: float) -> float:
        """By how much the best that the others can do is beyond what is allowed."""

        def others(values: Floats) -> tuple[float, Floats]:
            value, slopes = function(np.insert(values, place, position))
            return value, slopes[free]

        start = at[free] + along * (position - at[place])
        found = best_of(others, [start], _LEFT)
        return np.inf if found is None else found[1] - lowest - drop

    step = 2 * np.sqrt(covariance[place, place])
    for side in (-1, 1):
        inner, outer = at[place], at[place] + side * step
        while abs(outer - at[place]) < _FARTHEST and short(outer) < 0:
            inner, outer = outer, at[place] + _WIDER * (outer - at[place])
        near = abs(outer - at[place]) < _FARTHEST
        yield brentq(short, inner, outer, xtol=_TOLERANCE) if near else np.nan
