"""Values and intervals of KPIs from their additive parts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from safar._intervals import adjusted_wald, student, wilson
from safar._typing import Array, Floats, Integers
from safar.kpi.formula import Form

__all__ = ["REASONS", "Measured", "garwood", "status_of", "value_and_interval"]

# Why there is no value or no interval; the code is the place, and the last one is that of none.
REASONS: list[str | None] = [
    "nothing in the denominator",
    "nothing is known of the numerator",
    "no interval: the numerator is beyond the denominator",
    "no interval: fewer than two units",
    "no interval: this form has none",
    None,
]
_EMPTY, _UNKNOWN, _BEYOND, _FEW, _FORM, _FINE = range(6)


class Measured(NamedTuple):
    """Value and interval, NaN where there is none, and the code of the reason in `REASONS`."""

    value: Floats
    low: Floats
    high: Floats
    reason: Integers


def garwood(count: Floats, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of the mean of a Poisson count (Garwood 1936, doi:10.1093/biomet/28.3-4.437)."""
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    low = np.where(count > 0, gammaincinv(np.maximum(count, 1), tail), 0.0)
    return low, gammaincinv(count + 1, 1 - tail)


def value_and_interval(form: Form, sums: tuple[Floats, Floats, Floats]) -> Measured:
    """The quotient of a form and its 95 % interval, before any scale."""
    numerator, denominator, squares = sums
    nothing = np.full(len(numerator), np.nan)
    reason = np.full(len(numerator), _FINE, dtype=np.int64)
    if form == "total":
        reason[:] = _FORM
        reason[np.isnan(numerator)] = _UNKNOWN
        return Measured(numerator, nothing, nothing, reason)
    empty = ~(denominator > 0)
    value = np.divide(numerator, denominator, out=nothing.copy(), where=~empty)
    if form == "share":
        beyond = (numerator > denominator) | (numerator < 0)
        low, high = wilson(np.where(beyond, 0, numerator), np.where(empty, 0, denominator))
        low, high = np.where(beyond, np.nan, low), np.where(beyond, np.nan, high)
        reason[beyond] = _BEYOND
    elif form == "rate":
        low, high = (bound / np.where(empty, np.nan, denominator) for bound in garwood(numerator))
    elif form == "mean":
        low, high = student(denominator, numerator, squares)
        reason[denominator < 2] = _FEW
    elif form == "nps":
        promoters, detractors = (squares + numerator) / 2, (squares - numerator) / 2
        low, high = adjusted_wald(promoters, detractors, np.where(empty, 0, denominator))
    else:
        low, high = nothing, nothing
        reason[:] = _FORM
    reason[np.isnan(numerator)] = _UNKNOWN
    reason[empty] = _EMPTY
    return Measured(value, low, high, reason)


def status_of(value: Floats, low: Floats, high: Floats, target: Floats, direction: Any) -> Any:
    """Whether a target is met: by the whole interval, or by the value where there is no interval."""
    from safar import _table

    up = np.array([each == "up" for each in direction], dtype=bool)
    known = ~np.isnan(target) & ~np.isnan(value)
    least, most = np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)
    met: Array = np.where(up, least >= target, most <= target)
    missed: Array = np.where(up, most < target, least > target)
    codes = np.where(met, 0, np.where(missed, 1, 2))
    return _table.named(np.where(known, codes, 3).astype(np.int64), ["met", "missed", "unclear", None])
