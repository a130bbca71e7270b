"""Tests of many two-by-two tables at once: Fisher, Cochran-Mantel-Haenszel, Tarone, Benjamini-Hochberg, Westfall-Young.

A table crosses what is looked at (with, without) and an outcome (converted, not). Rows of an array are tables; where an
array has a second axis, it holds strata.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from safar._typing import Array, Floats, Integers

# Two tables are equally likely if their probabilities differ by no more than rounding; R's fisher.test takes the same.
_EQUAL = 1 + 1e-7

# Permutations and units that are looked at together: what fits the cache.
_AT_ONCE = 128
_UNITS = 4096

# From here on the distribution of the Mantel-Haenszel statistic is near enough to its limit.
_MANTEL_FLEISS = 5.0


def fisher(with_: Integers, converted_with: Integers, units: int, converted: int) -> Floats:
    """Two-sided p-values of Fisher's exact test: all tables with these margins no likelier than the one seen."""
    from scipy.stats import hypergeom

    seen = np.asarray(converted_with)
    with np.errstate(all="ignore"):
        likely = hypergeom.logpmf(seen, units, converted, with_) + np.log(_EQUAL)
        least, most = np.maximum(0, with_ + converted - units), np.minimum(with_, converted)
        mode = np.clip((with_ + 1) * (converted + 1) // (units + 2), least, most)
        # Probabilities rise up to the mode and fall after it, so each tail begins where a search finds it.
        below = _last(
            lambda at: hypergeom.logpmf(at, units, converted, with_) <= likely, least, np.minimum(mode, most)
        )
        above = _last(
            lambda at: hypergeom.logpmf(-at, units, converted, with_) <= likely,
            -most,
            -np.maximum(mode, least),
        )
        tails = np.where(below >= least, hypergeom.cdf(below, units, converted, with_), 0.0)
        tails += np.where(-above <= most, hypergeom.sf(-above - 1, units, converted, with_), 0.0)
    # The two tails meet where every table is no likelier than the one seen.
    return np.where(-above <= below, 1.0, np.clip(tails, 0.0, 1.0))


def _last(holds: Callable[[Integers], Array], low: Integers, high: Integers) -> Integers:
    """The last number from `low` to `high` up to which a condition holds that does not come back; `low - 1` if none."""
    good, bad = low - 1, high + 1
    while (bad - good > 1).any():
        middle = (good + bad) // 2
        open_ = bad - good > 1
        found = holds(np.where(open_, middle, low))
        good = np.where(open_ & found, middle, good)
        bad = np.where(open_ & ~found, middle, bad)
    return good


def attainable(with_: Integers, units: int, converted: int, *, level: float = 0.05) -> Array:
    """Which tables could come out at this level if it is shared among all that could? Tarone (1990)."""
    from scipy.stats import hypergeom

    least, most = np.maximum(0, with_ + converted - units), np.minimum(with_, converted)
    ends = [hypergeom.pmf(end, units, converted, with_) for end in (least, most)]
    smallest = np.minimum(*ends)
    # Where both ends are equally likely, a two-sided test adds them up.
    smallest = np.where(np.maximum(*ends) <= smallest * _EQUAL, 2 * smallest, smallest)
    smallest = np.where(least == most, 1.0, smallest)
    ordered = np.sort(smallest)
    share = 1
    while np.searchsorted(ordered, level / share, side="right") > share:
        share += 1
    return smallest <= level / share


def false_discovery(p_values: Floats) -> Floats:
    """Benjamini and Hochberg's q-values; NaN stays NaN and does not count."""
    q_values = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    raised = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    q_values[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q_values


class Stratified(NamedTuple):
    """What tables say when only units of one stratum are compared with each other."""

    expected: Floats
    deviation: Floats
    excess: Floats
    p_value: Floats
    difference: Floats
    difference_low: Floats
    difference_high: Floats
    odds_ratio: Floats
    odds_ratio_low: Floats
    odds_ratio_high: Floats


def stratified(
    with_: Integers,
    converted_with: Integers,
    units: Integers,
    converted: Integers,
    *,
    confidence: float = 0.95,
) -> Stratified:
    """The Cochran-Mantel-Haenszel test, with Mantel and Haenszel's difference of shares and odds ratio.

    `units` and `converted` have one number a stratum.
    """
    from statistics import NormalDist

    from scipy.special import erfc

    n, m = units.astype(np.float64), converted.astype(np.float64)
    n1, a = with_.astype(np.float64), converted_with.astype(np.float64)
    expected = n1 * m / n
    spread = np.where(n > 1, n1 * (n - n1) * m * (n - m) / (n * n * np.maximum(n - 1, 1)), 0.0)
    variance = spread.sum(axis=1)
    excess = (a - expected).sum(axis=1)
    # What is left of a sum that is exactly zero.
    excess[np.abs(excess) < 1e-9 * np.maximum(1.0, a.sum(axis=1))] = 0.0
    deviation = np.where(variance > 0, np.sqrt(variance), np.nan)
    p_value = erfc(np.abs(excess) / deviation / np.sqrt(2))

    least, most = np.maximum(0, with_ + converted - units), np.minimum(with_, converted)
    room = np.minimum((expected - least).sum(axis=1), (most - expected).sum(axis=1))
    for row in np.flatnonzero((room < _MANTEL_FLEISS) & (variance > 0)):
        p_value[row] = _exact(
            with_[row], int(converted_with[row].sum()), units, converted, least[row], most[row]
        )

    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n0, b, c = n - n1, n1 - a, m - a
    d = n0 - c
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = (n1 * n0 / n).sum(axis=1)
        weight[weight == 0] = np.nan
        difference = excess / weight
        # Sato, Greenland and Robins (1989).
        first = ((n1 * n1 * c - n0 * n0 * a + n1 * n0 * (n0 - n1) / 2) / (n * n)).sum(axis=1)
        second = ((a * d + b * c) / (2 * n)).sum(axis=1)
        half = z * np.sqrt(np.maximum(difference * first + second, 0.0)) / weight
        # Without any spread the formula knows no error, which is no knowledge.
        half[half == 0] = np.nan
        difference_low, difference_high = (np.clip(difference + sign * half, -1.0, 1.0) for sign in (-1, 1))

    r, s = a * d / n, b * c / n
    p, q = (a + d) / n, (b + c) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        rs, ss = r.sum(axis=1), s.sum(axis=1)
        ratio = np.where((rs > 0) & (ss > 0), rs / ss, np.nan)
        error = np.sqrt(
            (p * r).sum(axis=1) / (2 * rs**2)
            + (p * s + q * r).sum(axis=1) / (2 * rs * ss)
            + (q * s).sum(axis=1) / (2 * ss**2)
        )
        low, high = ratio * np.exp(-z * error), ratio * np.exp(z * error)
    return Stratified(
        expected.sum(axis=1),
        deviation,
        excess,
        p_value,
        difference,
        difference_low,
        difference_high,
        ratio,
        low,
        high,
    )


def _exact(
    with_: Integers, seen: int, units: Integers, converted: Integers, least: Integers, most: Integers
) -> float:
    """The exact conditional p-value: the sum over strata is a convolution of hypergeometric distributions."""
    from scipy.stats import hypergeom

    likely = np.ones(1)
    for stratum in np.flatnonzero(most > least):
        at = np.arange(least[stratum], most[stratum] + 1)
        likely = np.convolve(likely, hypergeom.pmf(at, units[stratum], converted[stratum], with_[stratum]))
    of_seen = likely[seen - int(least.sum())]
    return float(min(1.0, likely[likely <= of_seen * _EQUAL].sum()))


def family_wise(
    present: Array,
    places: Integers,
    converted: Array,
    first: Array,
    stratum: Integers,
    of: Stratified,
    *,
    permutations: int,
    seed: int,
) -> Floats:
    """Westfall and Young's step-down adjusted p-values of the stratified test.

    `present` has a row a unit, in words of 64 bits of which each path has its own (`places`); `converted`, `first` (of
    its customer) and `stratum` have one value a unit. The outcomes of customers whose units lie in the same strata are
    exchanged as wholes.
    """
    known = np.flatnonzero(of.deviation > 0)
    # The strongest first: each is compared with the strongest of itself and the weaker ones.
    order = known[np.argsort(-np.abs(of.excess / of.deviation)[known], kind="stable")]
    places, expected, deviation = places[order], of.expected[order], of.deviation[order]
    seen = np.abs(of.excess[order] / deviation)
    blocks = _exchangeable(first, stratum)
    reached = np.zeros(len(order), dtype=np.int64)
    for start in range(0, permutations, _AT_ONCE):
        shuffled = np.repeat(converted[None], min(_AT_ONCE, permutations - start), axis=0)
        for number, outcomes in enumerate(shuffled, start=start):
            # Each permutation has a generator of its own, so that more of them begin with the same ones.
            draw = np.random.default_rng([seed, number])
            for block in blocks:
                outcomes[block] = converted[block[draw.permutation(len(block))]]
        drawn = np.abs(_both(present, shuffled)[:, places] - expected) / deviation
        strongest = np.maximum.accumulate(drawn[:, ::-1], axis=1)[:, ::-1]
        reached += (strongest >= seen * (1 - 1e-9)).sum(axis=0)
    adjusted = np.full(len(of.deviation), np.nan)
    adjusted[order] = np.maximum.accumulate((1 + reached) / (1 + permutations))
    return adjusted


def _both(present: Array, flags: Array) -> Floats:
    """In how many units a flag and a bit are both set: a row a row of flags, a column a bit."""
    count = np.zeros((len(flags), present.shape[1] * 64))
    for start in range(0, len(present), _UNITS):
        words = np.ascontiguousarray(present[start : start + _UNITS], dtype="<u8")
        bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
        # Whole numbers far below 2**24, which the product of two matrices therefore adds up exactly.
        count += flags[:, start : start + _UNITS].astype(np.float32) @ bits.astype(np.float32)
    return count


def _exchangeable(first: Array, stratum: Integers) -> list[Integers]:
    """Groups of customers that may exchange their outcomes: positions of their units, one row a customer."""
    customer = np.cumsum(first) - 1
    order = np.lexsort((np.arange(len(stratum)), stratum, customer))
    starts = np.flatnonzero(np.diff(customer, prepend=-1))
    sizes = np.diff(starts, append=len(stratum))
    blocks: list[Integers] = []
    for size in np.unique(sizes):
        rows = order[starts[sizes == size, None] + np.arange(size)]
        _, kind = np.unique(stratum[rows], axis=0, return_inverse=True)
        by_kind = np.argsort(kind.ravel(), kind="stable")
        ends = np.flatnonzero(np.diff(kind.ravel()[by_kind])) + 1
        blocks += [rows[part] for part in np.split(by_kind, ends) if len(part) > 1]
    return blocks
