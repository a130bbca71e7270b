"""Values and intervals of KPIs from their additive parts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from safar import _table
from safar._intervals import adjusted_wald, garwood, student, wilson
from safar._typing import Array, Floats, Integers
from safar.kpi.formula import Form

__all__ = ["REASONS", "Measured", "interval", "status_of", "value_and_interval"]

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


def interval(
    form: Form, sums: tuple[Floats, Floats, Floats], *, count: bool = False
) -> tuple[Floats, Floats]:
    """95 % interval of a form from numerator, denominator and squares, before any scale; NaN where there is none.

    Wilson for a share, exact for a rate and for a total that is a `count`, Student's t for a mean, adjusted Wald for a
    Net Promoter Score; a ratio, a level, and a total that counts nothing, have none.
    """
    numerator, denominator, squares = sums
    some = denominator > 0
    if form == "share":
        beyond = (numerator < 0) | (numerator > denominator) | np.isnan(numerator)
        low, high = wilson(np.where(beyond, 0, numerator), np.where(some & ~beyond, denominator, 0))
    elif form == "rate":
        exposure = np.where(some, denominator, np.nan)
        low, high = (bound / exposure for bound in garwood(numerator))
    elif form == "mean":
        low, high = student(denominator, numerator, squares)
    elif form == "nps":
        promoters, detractors = (squares + numerator) / 2, (squares - numerator) / 2
        low, high = adjusted_wald(promoters, detractors, np.where(some, denominator, 0))
    elif form == "total" and count:
        low, high = garwood(numerator)
    else:
        low = high = np.full(np.shape(numerator), np.nan)
    return low, high


def value_and_interval(form: Form, sums: tuple[Floats, Floats, Floats]) -> Measured:
    """The quotient of a form and its 95 % interval, before any scale."""
    numerator, denominator, _ = sums
    nothing = np.full(len(numerator), np.nan)
    reason = np.full(len(numerator), _FINE, dtype=np.int64)
    low, high = interval(form, sums)
    if form == "total":
        reason[:] = _FORM
        reason[np.isnan(numerator)] = _UNKNOWN
        return Measured(numerator, nothing, nothing, reason)
    empty = ~(denominator > 0)
    value = np.divide(numerator, denominator, out=nothing.copy(), where=~empty)
    if form == "share":
        reason[(numerator > denominator) | (numerator < 0)] = _BEYOND
    elif form == "mean":
        reason[denominator < 2] = _FEW
    elif form in ("ratio", "level"):
        reason[:] = _FORM
    reason[np.isnan(numerator)] = _UNKNOWN
    reason[empty] = _EMPTY
    return Measured(value, low, high, reason)


def status_of(value: Floats, low: Floats, high: Floats, target: Floats, direction: Any) -> Any:
    """Whether a target is met: by the whole interval, or by the value where there is no interval."""
    up = np.array([each == "up" for each in direction], dtype=bool)
    known = ~np.isnan(target) & ~np.isnan(value)
    least, most = np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)
    met: Array = np.where(up, least >= target, most <= target)
    missed: Array = np.where(up, most < target, least > target)
    codes = np.where(met, 0, np.where(missed, 1, 2))
    return _table.named(np.where(known, codes, 3).astype(np.int64), ["met", "missed", "unclear", None])
