"""Estimates for times that are known only up to the end of observation: curves, restricted means, log-rank tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeAlias

import numpy as np

from safar import _table
from safar._significance import holm
from safar._typing import Array, Floats, Integers
from safar.errors import ArgumentError

Weighting: TypeAlias = Literal["log_rank", "peto"]

# 95 % of a normal distribution lie within this many standard deviations.
Z = 1.959963984540054
# 50 segments make 1,225 pairs.
_MOST_SEGMENTS = 50
# Rows of the largest intermediate matrix of the log-rank test, times segments.
_BLOCK = 1 << 20
NOT_WATCHED = "nobody was watched that long"
_NOTHING_VARIES = "nothing varies in the two segments until then"
# What rounding may add to or take from a share that stands for exactly one half.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Curve:
    """Who reached one outcome by when, in one segment.

    Parameters
    ----------
    time
        Distinct times at which anything happened, rising.
    at_risk
        Customers not yet decided just before each time.
    reached
        Of them, those who reached the outcome at this time.
    left
        Those who reached this or another outcome at this time.
    censored
        Those who were watched no longer than this.
    entered
        Those whose watch began at this time; None where all were there from the beginning.
    """

    time: Floats
    at_risk: Integers
    reached: Integers
    left: Integers
    censored: Integers
    entered: Integers | None = None

    def of_any(self) -> Curve:
        """The curve of this outcome and all others together."""
        return replace(self, reached=self.left)

    @property
    def before(self) -> Floats:
        """Share that is undecided just before each time (Kaplan-Meier)."""
        return np.concatenate([[1.0], self.after[:-1]]) if len(self.time) else self.after

    @property
    def after(self) -> Floats:
        """Share that is undecided just after each time (Kaplan-Meier)."""
        going_on = np.where(self.at_risk > 0, self._rate(self.at_risk - self.left), 1.0)
        return np.cumprod(going_on, dtype=np.float64)

    def share(self) -> Floats:
        """Share that has reached the outcome at each time: Aalen-Johansen, which is Kaplan-Meier for one outcome."""
        if np.array_equal(self.reached, self.left):
            return 1 - self.after
        return np.cumsum(self.before * self._rate(self.reached))

    def hazard(self) -> Floats:
        """Cumulative hazard of the outcome at each time (Nelson-Aalen)."""
        return np.cumsum(self._rate(self.reached))

    def hazard_interval(self, z: float) -> tuple[Floats, Floats]:
        """Bounds of `hazard` on the scale of its logarithm, with Aalen's variance; NaN where it is 0."""
        hazard = self.hazard()
        some = np.where(hazard > 0, hazard, np.nan)
        factor = np.exp(z * np.sqrt(np.cumsum(self._rate(self.reached) / np.maximum(self.at_risk, 1))) / some)
        return some / factor, some * factor

    def variance(self) -> Floats:
        """Variance of `share`: Greenwood's, by the delta method also for one outcome among several."""
        share, (of_all, of_outcome, of_both) = self.share(), self._weights()
        # The sum over earlier times of all (share - share there)² + 2 both (share - share there) + outcome, expanded.
        found = (
            share**2 * np.cumsum(of_all)
            - 2 * share * np.cumsum(of_all * share)
            + np.cumsum(of_all * share**2)
            - 2 * share * np.cumsum(of_both)
            + 2 * np.cumsum(of_both * share)
            + np.cumsum(of_outcome)
        )
        return np.maximum(found, 0.0)

    def interval(self, z: float) -> tuple[Floats, Floats]:
        """Bounds of `share` by the log-log transformation of its complement; NaN where the share is 0 or 1."""
        share = self.share()
        inside = (share > 0) & (share < 1 - _ROUNDING)
        rest = np.where(inside, 1 - share, 0.5)
        half = z * np.sqrt(self.variance()) / (rest * np.abs(np.log(rest)))
        low, high = 1 - rest ** np.exp(-half), 1 - rest ** np.exp(half)
        return np.where(inside, low, np.nan), np.where(inside, high, np.nan)

    def restricted_mean(self, until: float) -> tuple[float, float]:
        """Mean of the time to the outcome, at most `until`, and its variance; NaN where that long was not observed."""
        if not self.known(until):
            return np.nan, np.nan
        inside = self.time < until
        time, share = self.time[inside], self.share()[inside]
        lengths = np.diff(np.append(time, until))
        # What the share adds up to from each time on, beyond its height there.
        area = np.cumsum((share * lengths)[::-1])[::-1]
        rising = area - share * (until - time)
        of_all, of_outcome, of_both = (weights[inside] for weights in self._weights())
        variance = (
            of_all * rising**2 - 2 * of_both * rising * (until - time) + of_outcome * (until - time) ** 2
        ).sum()
        return float(until - area[:1].sum()), float(variance)

    def known(self, until: float) -> bool:
        """Whether anybody was watched as long as this, or nobody needed to be."""
        return bool(len(self.time)) and bool(until <= self.time[-1] or self.left[-1] == self.at_risk[-1])

    def read(self, times: Sequence[float], z: float) -> dict[str, Array]:
        """Customers not decided before each of some times, those who reached the outcome up to it, and the share.

        NaN where nobody was watched that long.
        """
        row = np.searchsorted(self.time, times, side="right")
        later = np.searchsorted(self.time, times, side="left")
        unknown = ~np.array([self.known(time) for time in times], dtype=bool)
        low, high = self.interval(z)
        ends = ((self.share(), 0.0), (low, np.nan), (high, np.nan))
        shares = [np.where(unknown, np.nan, np.append(first, values)[row]) for values, first in ends]
        return {
            "at_risk": np.append(self.at_risk, 0)[later],
            "reached": np.append(0, np.cumsum(self.reached))[row],
            **dict(zip(("share", "share_low", "share_high"), shares, strict=True)),
        }

    def median(self, z: float) -> tuple[float, float, float]:
        """First time at which the share is a half or more, and at which the bounds are; NaN where they never are."""
        low, high = self.interval(z)
        return self._first(self.share()), self._first(high), self._first(low)

    def _first(self, share: Floats) -> float:
        half = np.flatnonzero(share >= 0.5 - _ROUNDING)
        return float(self.time[half[0]]) if len(half) else np.nan

    def _weights(self) -> tuple[Floats, Floats, Floats]:
        """Multinomial variances at each time: of leaving, of reaching the outcome, and between the two."""
        n, d, k = (counts.astype(np.float64) for counts in (self.at_risk, self.left, self.reached))
        before = self.before
        # Where all leave, nobody is left to vary later.
        of_all = np.divide(d, n * (n - d), out=np.zeros(len(n)), where=n > d)
        n = np.maximum(n, 1)
        return of_all, before**2 * k * (n - k) / n**3, before * k / n**2

    def _rate(self, counts: Integers) -> Floats:
        """What part of those at risk; nothing where nobody is, as before others enter."""
        n = np.asarray(self.at_risk, dtype=np.float64)
        return np.divide(counts, n, out=np.zeros(len(n)), where=n > 0)


def log_rank(curves: Sequence[Curve], weighting: Weighting = "log_rank") -> tuple[float, int, float]:
    """Could these curves come from customers who are all alike? Chi-squared, degrees of freedom, p-value; or NaN.

    The log-rank test (Mantel 1966; Peto and Peto 1972, doi:10.2307/2344317) with the hypergeometric variance; R's
    ``survival::survdiff``. With ``"peto"`` each time counts as much as the share of all that is undecided just before
    it, so that early differences count more: Harrington and Fleming's G of rho 1 (1982, doi:10.1093/biomet/69.3.553).
    """
    if len(curves) < 2:
        return np.nan, 0, np.nan
    times = np.unique(np.concatenate([curve.time[curve.reached > 0] for curve in curves]))
    groups = len(curves)
    excess, variance = np.zeros(groups), np.zeros((groups, groups))
    size = max(1, _BLOCK // groups)
    undecided = 1.0
    for start in range(0, len(times), size):
        block = times[start : start + size]
        at_risk = np.stack([_at(curve.time, curve.at_risk, block) for curve in curves], axis=1)
        reached = np.stack([_exactly(curve.time, curve.reached, block) for curve in curves], axis=1)
        n, d = at_risk.sum(axis=1), reached.sum(axis=1)
        share = at_risk / n[:, None]
        counts = np.ones(len(block))
        if weighting == "peto":
            after = undecided * np.cumprod(1 - d / n)
            counts, undecided = np.append(undecided, after[:-1]), float(after[-1])
        excess += counts @ (reached - d[:, None] * share)
        weight = counts**2 * d * (n - d) / np.maximum(n - 1, 1)
        variance += np.diag(weight @ share) - (share * weight[:, None]).T @ share
    # Groups are compared with those alone that they were at risk with, at once or by way of others, since all of some
    # may come after all others have gone. The excesses of such a company add up to 0: one of it says nothing new.
    varying = [group for company in _companies(variance) for group in company[1:]]
    if not varying:
        return np.nan, 0, np.nan
    left = excess[varying]
    statistic = float(left @ np.linalg.solve(variance[np.ix_(varying, varying)], left))
    from scipy.special import chdtrc

    return statistic, len(varying), float(chdtrc(len(varying), statistic))


def _companies(variance: Floats) -> list[Integers]:
    """The groups that were at risk together at an outcome, at once or by way of others."""
    from scipy.sparse.csgraph import connected_components

    number, company = connected_components(variance != 0, directed=False)
    return [np.flatnonzero(company == each) for each in range(number)]


def log_rank_pairs(
    names: Sequence[str], curves: Sequence[Curve], weighting: Weighting = "log_rank"
) -> dict[str, object]:
    """The test of every two curves as columns, with p-values after Holm's correction."""
    pairs = _pairs(names)
    tests = [log_rank(pair, weighting) for pair in combinations(curves, 2)]
    p_values = np.array([p_value for _, _, p_value in tests], dtype=np.float64)
    return {
        **pairs,
        "chi_squared": _table.nullable(np.array([test[0] for test in tests], dtype=np.float64)),
        "p_value": _table.nullable(p_values),
        "p_adjusted": _table.nullable(holm(p_values)),
    }


def restricted_mean_pairs(names: Sequence[str], curves: Sequence[Curve], until: float) -> dict[str, object]:
    """The difference of every two restricted means as columns, with interval, test, and p-values after Holm."""
    pairs = _pairs(names)
    means = np.array([curve.restricted_mean(until) for curve in curves], dtype=np.float64).reshape(-1, 2)
    one, other = (np.array(rows, dtype=np.int64) for rows in np.triu_indices(len(names), 1))
    difference = means[one, 0] - means[other, 0]
    variance = means[one, 1] + means[other, 1]
    error = np.sqrt(np.where(variance > 0, variance, np.nan))
    z = difference / error
    from scipy.special import ndtr

    p_values = np.asarray(2 * ndtr(-np.abs(z)))
    reasons = [
        NOT_WATCHED if np.isnan(apart) else _NOTHING_VARIES if np.isnan(far) else None
        for apart, far in zip(difference, z, strict=True)
    ]
    return {
        **pairs,
        "until": np.full(len(z), until),
        "difference": _table.nullable(difference),
        "difference_low": _table.nullable(difference - Z * error),
        "difference_high": _table.nullable(difference + Z * error),
        "z": _table.nullable(z),
        "p_value": _table.nullable(p_values),
        "p_adjusted": _table.nullable(holm(p_values)),
        "reason": reasons,
    }


def _pairs(names: Sequence[str]) -> dict[str, object]:
    """Every two segments, as columns."""
    if len(names) > _MOST_SEGMENTS:
        raise ArgumentError(
            f"{len(names)} segments make {len(names) * (len(names) - 1) // 2} pairs, more than anybody reads; "
            f"expected at most {_MOST_SEGMENTS} segments: group the values first"
        )
    pairs = list(combinations(names, 2))
    return {"segment": [one for one, _ in pairs], "other": [other for _, other in pairs]}


def _at(time: Floats, at_risk: Integers, wanted: Floats) -> Integers:
    """Customers still at risk just before each wanted time."""
    return np.append(at_risk, 0)[np.searchsorted(time, wanted, side="left")]


def _exactly(time: Floats, counts: Array, wanted: Floats) -> Integers:
    """The counts at each wanted time, 0 where there is none."""
    place = np.minimum(np.searchsorted(time, wanted, side="left"), len(time) - 1)
    return np.where(time[place] == wanted, counts[place], 0)
