"""Tests: could a difference be chance?"""

from __future__ import annotations

import numpy as np

from safar._intervals import trinomial
from safar._typing import Array, Floats, Integers


def two_shares(taken: Integers, entered: Integers, base_taken: Integers, base_entered: Integers) -> Floats:
    """Two-sided p-values of equal shares; NaN where one side is empty."""
    from scipy.special import ndtr
    from scipy.stats import fisher_exact

    both = (entered > 0) & (base_entered > 0)
    total = np.where(both, entered + base_entered, 1)
    pooled = np.where(both, taken + base_taken, 0) / total
    variance = pooled * (1 - pooled) * (1 / np.maximum(entered, 1) + 1 / np.maximum(base_entered, 1))
    apart = taken / np.maximum(entered, 1) - base_taken / np.maximum(base_entered, 1)
    z = np.divide(np.abs(apart), np.sqrt(variance), out=np.zeros(len(total)), where=variance > 0)
    p = np.where(both, 2 * ndtr(-z), np.nan)
    least = np.minimum(entered, base_entered) * np.minimum(pooled, 1 - pooled)
    for row in np.flatnonzero(both & (least < 5)):
        table = [
            [taken[row], entered[row] - taken[row]],
            [base_taken[row], base_entered[row] - base_taken[row]],
        ]
        p[row] = fisher_exact(table)[1]
    return p


def holm(p: Array) -> Floats:
    """P-values that allow for having been the smallest of many (Holm 1979); NaN stays and does not count."""
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1.0)
    return adjusted


def two_nps(
    ours: tuple[Integers, Integers], theirs: tuple[Integers, Integers], answers: tuple[Integers, Integers]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Differences of Net Promoter Scores from promoters and detractors: difference, interval and p-value.

    The interval is that of adjusted scores (three quarters of an answer more for promoters and for detractors, three in
    all), and holds the difference; the p-value is that of a z test whose variance is that of all answers together, as
    they are if the two scores are equal. The variances of each group would call ten promoters among ten answers sure.
    """
    from statistics import NormalDist

    from scipy.special import ndtr

    (one, _), (two, _) = (trinomial(*group, n) for group, n in zip((ours, theirs), answers, strict=True))
    difference = one - two
    n1, n2 = (np.where(n > 0, n, np.nan).astype(np.float64) for n in answers)
    _, of_mean = trinomial(ours[0] + theirs[0], ours[1] + theirs[1], n1 + n2)
    variance = np.nan_to_num(of_mean * (n1 + n2) * (1 / n1 + 1 / n2))
    z = np.divide(
        np.abs(difference), np.sqrt(variance), out=np.zeros(np.shape(difference)), where=variance > 0
    )
    p = np.where(np.isnan(difference), np.nan, 2 * ndtr(-z))
    adjusted = [
        trinomial(group[0] + 0.75, group[1] + 0.75, np.where(n > 0, n + 3.0, np.nan))
        for group, n in zip((ours, theirs), answers, strict=True)
    ]
    centre = adjusted[0][0] - adjusted[1][0]
    half = NormalDist().inv_cdf(0.975) * np.sqrt(adjusted[0][1] + adjusted[1][1])
    low, high = np.minimum(centre - half, difference), np.maximum(centre + half, difference)
    return difference, np.maximum(low, -2.0), np.minimum(high, 2.0), p


def welch(
    ours: tuple[Integers, Floats, Floats],
    theirs: tuple[Integers, Floats, Floats],
    *,
    confidence: float = 0.95,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Differences of means from counts, sums and sums of squares: difference, interval and p-value (Welch 1947).

    NaN where a side has fewer than two values. Where nothing varies, the interval has no width and the p-value is 1 or
    0.
    """
    from scipy.special import stdtr, stdtrit

    means, variances, weights = [], [], []
    for count, total, squares in (ours, theirs):
        n = np.where(np.asarray(count) > 1, np.asarray(count, dtype=np.float64), np.nan)
        mean = np.asarray(total, dtype=np.float64) / n
        # Rounding may leave a little less than nothing where all values are equal.
        variance = np.maximum(np.asarray(squares, dtype=np.float64) - n * mean * mean, 0.0) / (n - 1) / n
        means.append(mean)
        variances.append(variance)
        weights.append(variance * variance / (n - 1))
    difference, variance = means[0] - means[1], variances[0] + variances[1]
    free = np.divide(variance**2, weights[0] + weights[1], out=np.ones_like(variance), where=variance > 0)
    half = stdtrit(free, (1 + confidence) / 2) * np.sqrt(variance)
    t = np.divide(
        np.abs(difference), np.sqrt(variance), out=np.where(difference == 0, 0.0, np.inf), where=variance > 0
    )
    p = np.where(np.isnan(difference), np.nan, 2 * stdtr(free, -t))
    return difference, difference - half, difference + half, p


def heterogeneity(promoters: Integers, detractors: Integers, answers: Integers) -> float:
    """Whether groups have one Net Promoter Score: the p-value; NaN for one group, and 1 where all answers are alike.

    The squared distances of the scores from that of all answers, over the variance of all answers, with the chi-squared
    distribution of the same mean and variance (Box and Andersen 1955, doi:10.1111/j.2517-6161.1955.tb00176.x): groups
    of few answers of a skewed scale vary more than the usual one says. No group is asked for a variance of its own.
    """
    from scipy.special import chdtrc

    some = answers > 0
    groups = int(some.sum())
    if groups < 2:
        return float("nan")
    n = answers[some].astype(np.float64)
    up, down = promoters[some].sum() / n.sum(), detractors[some].sum() / n.sum()
    mean = up - down
    variance = up + down - mean**2
    if not variance > 0:
        return 1.0
    distance = (n * ((promoters[some] - detractors[some]) / n - mean) ** 2).sum() / variance
    fourth = up * (1 - mean) ** 4 + down * (1 + mean) ** 4 + (1 - up - down) * mean**4
    excess = fourth / variance**2 - 3
    spread = 2 * (groups - 1) + excess * ((1 / n).sum() - (2 * groups - 1) / n.sum())
    scale = max(spread, 1e-9) / (2 * (groups - 1))
    return float(chdtrc((groups - 1) / scale, distance / scale))


def cliff(ours: Integers, theirs: Integers) -> float:
    """Cliff's delta of two groups from their numbers of answers by score, -1 to 1; NaN where one is empty."""
    if not ours.sum() or not theirs.sum():
        return float("nan")
    below = np.concatenate(([0], np.cumsum(theirs)[:-1]))
    above = theirs.sum() - below - theirs
    return float((ours * (below - above)).sum() / (float(ours.sum()) * float(theirs.sum())))


def mann_whitney(ours: Integers, theirs: Integers) -> float:
    """The p-value of the Mann-Whitney test from numbers of answers by score: ties and continuity corrected."""
    from scipy.special import ndtr

    one, two = float(ours.sum()), float(theirs.sum())
    if not one or not two:
        return float("nan")
    below = np.concatenate(([0], np.cumsum(theirs)[:-1]))
    u = float((ours * (below + theirs / 2)).sum())
    tied = (ours + theirs).astype(np.float64)
    total = one + two
    variance = one * two / 12 * ((total + 1) - (tied**3 - tied).sum() / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(abs(u - one * two / 2) - 0.5, 0.0) / np.sqrt(variance)
    return float(min(2 * ndtr(-z), 1.0))


def two_means(
    ours: tuple[Array, Array, Array], theirs: tuple[Array, Array, Array]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Differences of means from counts, sums and sums of squares: difference, 95 % interval and p-value (Welch 1947).

    NaN where a group has fewer than two values; the difference itself only where one has none.
    """
    from scipy.special import stdtr, stdtrit

    means, variances, freedoms = [], [], []
    for count, total, squares in (ours, theirs):
        n = np.where(count > 0, count, np.nan).astype(np.float64)
        mean = total / n
        more = np.where(n > 1, n, np.nan)
        # Rounding may leave a little less than nothing where all values are equal.
        variance = np.maximum(squares - n * mean * mean, 0.0) / (more - 1) / more
        means.append(mean)
        variances.append(variance)
        freedoms.append(variance * variance / (more - 1))
    difference, variance = means[0] - means[1], variances[0] + variances[1]
    some = variance > 0
    freedom = np.divide(variance**2, sum(freedoms), out=np.full(len(variance), np.inf), where=some)
    deviation = np.sqrt(variance)
    t = np.divide(np.abs(difference), deviation, out=np.where(difference == 0, 0.0, np.inf), where=some)
    known = ~np.isnan(variance)
    degrees = np.where(known & some, np.minimum(freedom, 1e9), 1.0)
    half = np.where(known, stdtrit(degrees, 0.975) * deviation, np.nan)
    p = np.where(
        known,
        np.where(some, 2 * stdtr(degrees, -np.where(some, t, 0.0)), np.where(difference == 0, 1.0, 0.0)),
        np.nan,
    )
    return difference, difference - half, difference + half, p
