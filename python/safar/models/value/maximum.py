"""The highest point of a log-likelihood: several starts, Newton's last steps, and a refusal where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from safar._typing import Floats, Integers
from safar.errors import DataError

__all__ = ["LogLikelihood", "Maximum", "best_of", "every", "maximum", "per_customer"]

# The log-likelihood of positions, and its slope by each of them.
LogLikelihood = Callable[[Floats], tuple[float, Floats]]

# The largest slope a customer that counts as level.
LEVEL_GROUND = 1e-6
_STEP = 1e-4
_POLISH = 20
# Rows on which starts are tried, where there are many more.
_SOME = 20_000
_LEVEL_ENOUGH = 1e-9
# What a search leaves of the slope: little, or as little as the highest point of some rows tells of that of all.
_LEFT = 1e-8
_LEFT_OF_SOME = 1e-5
# Parameters are searched by their logarithms: beyond e^±20 there is an edge, not a maximum.
_FAR = 20.0


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where a log-likelihood is highest, how high, how level the ground is, and the inverse of its curvature."""

    at: Floats
    height: float
    gradient_norm: float
    covariance: Floats


def maximum(
    function: LogLikelihood,
    starts: Sequence[Floats],
    customers: float,
    names: Sequence[str],
    model: str,
    *,
    rough: tuple[LogLikelihood, float] | None = None,
) -> Maximum:
    """Find the highest point from several starts.

    A search that ends on a slope, at an edge, or where the ground is level in some direction has found nothing:
    that is an error, so that no start is ever taken for an estimate. Where there is a rough likelihood, of some of the
    customers, the starts are tried on it, and only the best point is a start for all.
    """
    scaled = per_customer(function, customers)
    sketch = scaled if rough is None else per_customer(*rough)
    near = _best(sketch, starts, model, _LEFT if rough is None else _LEFT_OF_SOME)
    at, here = _polished(scaled, near, _curvature(sketch, near))
    if rough is not None and float(np.abs(here[1]).max()) > LEVEL_GROUND:
        at = _best(scaled, [at], model, _LEFT)
    curvature = _curvature(scaled, at)
    at, (value, slopes) = _polished(scaled, at, curvature)
    norm = float(np.abs(slopes).max())
    if norm > LEVEL_GROUND or not _bends(curvature) or np.abs(at).max() > _FAR:
        shown = ", ".join(f"{name} near {np.exp(each):.3g}" for name, each in zip(names, at, strict=False))
        raise DataError(
            f"{model}: these data have no highest likelihood ({shown}; slope {norm:.1e} a customer); some parameters "
            "run to an edge, as when nobody stops buying or all buy alike. Take more customers, a longer observation "
            "or a model with fewer parts"
        )
    covariance = np.asarray(np.linalg.inv(curvature) / customers, dtype=np.float64)
    return Maximum(at, -value * customers, norm, covariance)


def every(rows: int) -> Integers | None:
    """Positions of some of many rows, evenly over them all; None where there are so few that all may be looked at."""
    return None if rows <= 2 * _SOME else np.arange(0, rows, rows // _SOME)


def per_customer(function: LogLikelihood, customers: float) -> LogLikelihood:
    """The negative log-likelihood a customer."""

    def scaled(at: Floats) -> tuple[float, Floats]:
        if np.abs(at).max() > 2 * _FAR:
            return np.inf, np.zeros(len(at))
        height, slopes = function(at)
        if not np.isfinite(height):
            return np.inf, np.zeros(len(at))
        return -height / customers, -slopes / customers

    return scaled


def best_of(function: LogLikelihood, starts: Sequence[Floats], slope: float) -> tuple[Floats, float] | None:
    """The lowest point that BFGS finds from any start, down to some slope, and how low it is; None without one."""
    from scipy.optimize import minimize

    options = {"gtol": slope}
    found = [minimize(function, start, jac=True, method="BFGS", options=options) for start in starts]
    finite = [each for each in found if np.isfinite(each.fun) and np.isfinite(each.x).all()]
    if not finite:
        return None
    lowest = min(finite, key=lambda each: float(each.fun))
    return np.asarray(lowest.x, dtype=np.float64), float(lowest.fun)


def _best(function: LogLikelihood, starts: Sequence[Floats], model: str, slope: float) -> Floats:
    found = best_of(function, starts, slope)
    if found is None:
        raise DataError(f"{model}: the likelihood of these data can't be computed from any start")
    return found[0]


def _bends(curvature: Floats) -> bool:
    """Whether the ground rises in every direction."""
    return bool(np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature).min() > 1e-9)


def _polished(function: LogLikelihood, at: Floats, curvature: Floats) -> tuple[Floats, tuple[float, Floats]]:
    """The point after steps of Newton with one curvature, each taken only where it makes the ground more level."""
    here = function(at)
    for _ in range(_POLISH):
        if np.abs(here[1]).max() < _LEVEL_ENOUGH or not np.isfinite(curvature).all():
            break
        step = np.linalg.lstsq(curvature, here[1], rcond=None)[0]
        there = function(at - step)
        if not np.isfinite(there[0]) or np.abs(there[1]).max() >= np.abs(here[1]).max():
            break
        at, here = at - step, there
    return at, here


def _curvature(function: LogLikelihood, at: Floats) -> Floats:
    """The second derivatives, by differences of the slopes."""
    steps = _STEP * np.eye(len(at))
    rows = [(function(at + step)[1] - function(at - step)[1]) / (2 * _STEP) for step in steps]
    found = np.array(rows)
    return (found + found.T) / 2
