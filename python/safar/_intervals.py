"""Confidence intervals of shares, of their differences and of means."""

from __future__ import annotations

import numpy as np

from safar._typing import Array, Floats


def wilson(successes: Array, trials: Array, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Between which shares does the true one lie?

    Parameters
    ----------
    successes, trials
        Counts of one shape.
    confidence
        Coverage of the interval; 0.95 is the custom of the field.

    Returns
    -------
    tuple of arrays
        Lower and upper bound, 0 to 1; NaN where there were no trials.

    Notes
    -----
    Score interval without continuity correction (Wilson 1927,
    doi:10.1080/01621459.1927.10502953), recommended for all sample sizes by Brown, Cai and DasGupta (2001,
    doi:10.1214/ss/1009213286). Twins: ``statsmodels.stats.proportion.proportion_confint(method="wilson")``,
    R's ``binom::binom.wilson``.

    Examples
    --------
    >>> low, high = wilson(np.array([81]), np.array([263]))
    >>> print(low.round(4), high.round(4))
    [0.2553] [0.3662]
    """
    from statistics import NormalDist

    z = NormalDist().inv_cdf((1 + confidence) / 2)
    k = np.asarray(successes, dtype=np.float64)
    n = np.asarray(trials, dtype=np.float64)
    n = np.where(n > 0, n, np.nan)
    share = k / n
    centre = share + z * z / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The bounds are exactly 0 and 1 at the ends, where rounding would leave 1e-17 or a little more than 1.
    low = np.where(k == 0, 0 * n, (centre - half) / scale)
    high = np.where(k == n, 0 * n + 1, (centre + half) / scale)
    return low, high


def clustered_share(
    part: Array,
    whole: Array,
    *,
    part_squares: Array,
    products: Array,
    whole_squares: Array,
    clusters: Array,
    units: Array,
    confidence: float = 0.95,
) -> tuple[Floats, Floats]:
    """Between which shares does the true one lie, where what is counted comes in clusters, such as customers?

    Parameters
    ----------
    part, whole
        The numerator and the denominator of the share, added up over all clusters; of one shape.
    part_squares, products, whole_squares
        Added up over the clusters: the square of its part, its part times its whole, and the square of its whole.
    clusters
        Number of clusters with anything in the whole.
    units
        Number of what was counted in the whole: there are never more independent draws than this.
    confidence
        Coverage of the interval; 0.95 is the custom of the field.

    Returns
    -------
    tuple of arrays
        Lower and upper bound, 0 to 1; NaN where there are fewer than two clusters.

    Notes
    -----
    Wilson's interval (1927, doi:10.1080/01621459.1927.10502953) at the effective sample size: the number of independent
    draws that would have the variance which the share has as a ratio of sums over clusters (linearised, with
    clusters / (clusters - 1); Kish, Survey Sampling, 1965). Franco, Little, Louis and Slud (2019, PMC6690503) recommend
    it among eight. Where the share is 0 or 1 and so has no variance, each cluster counts as one draw. Twin: R's
    ``survey::svyciprop(method="wilson")`` with normal quantiles.

    Examples
    --------
    Two of four clusters with three events each are all in the part: twelve events say as much as three draws.

    >>> low, high = clustered_share(
    ...     np.array([6]),
    ...     np.array([12]),
    ...     part_squares=np.array([18]),
    ...     products=np.array([18]),
    ...     whole_squares=np.array([36]),
    ...     clusters=np.array([4]),
    ...     units=np.array([12]),
    ... )
    >>> print(low.round(4), high.round(4))
    [0.1253] [0.8747]
    """
    n = np.asarray(clusters, dtype=np.float64)
    n = np.where(n > 1, n, np.nan)
    all_of_it = np.asarray(whole, dtype=np.float64)
    all_of_it = np.where(all_of_it > 0, all_of_it, np.nan)
    share = np.asarray(part, dtype=np.float64) / all_of_it
    squares, mixed, of_whole = (
        np.asarray(each, dtype=np.float64) for each in (part_squares, products, whole_squares)
    )
    residual = squares - 2 * share * mixed + share * share * of_whole
    variance = np.maximum(residual, 0.0) / (all_of_it * all_of_it) * n / (n - 1)
    independent = np.divide(
        share * (1 - share), variance, out=np.full(share.shape, np.inf), where=variance > 0
    )
    draws = np.where((share <= 0) | (share >= 1), n, np.minimum(independent, np.asarray(units)))
    draws = np.where(np.isnan(n * all_of_it), 0.0, draws)
    return wilson(np.where(draws > 0, share, 0.0) * draws, draws, confidence=confidence)


def newcombe(
    successes1: Array, trials1: Array, successes2: Array, trials2: Array, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Between which differences of two shares, the first minus the second, does the true one lie?

    Parameters
    ----------
    successes1, trials1, successes2, trials2
        Counts of two independent groups, of one shape.
    confidence
        Coverage of the interval; 0.95 is the custom of the field.

    Returns
    -------
    tuple of arrays
        Lower and upper bound, -1 to 1; NaN where one of the groups had no trials.

    Notes
    -----
    Hybrid of the two score intervals without continuity correction: method 10 of Newcombe (1998,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I). Twins:
    ``statsmodels.stats.proportion.confint_proportions_2indep(method="newcomb")``,
    R's ``DescTools::BinomDiffCI(method="score")``.

    Examples
    --------
    >>> low, high = newcombe(np.array([56]), np.array([70]), np.array([48]), np.array([80]))
    >>> print(low.round(4), high.round(4))
    [0.0524] [0.3339]
    """
    low1, high1 = wilson(successes1, trials1, confidence=confidence)
    low2, high2 = wilson(successes2, trials2, confidence=confidence)
    trials1, trials2 = (np.where(np.asarray(n) > 0, n, np.nan) for n in (trials1, trials2))
    share1, share2 = np.asarray(successes1) / trials1, np.asarray(successes2) / trials2
    difference = share1 - share2
    low = difference - np.hypot(share1 - low1, high2 - share2)
    high = difference + np.hypot(high1 - share1, share2 - low2)
    return np.clip(low, -1.0, 1.0), np.clip(high, -1.0, 1.0)


def student(count: Array, total: Array, squares: Array, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Between which means does the true one lie?

    Parameters
    ----------
    count, total, squares
        Number of values, their sum and the sum of their squares, of one shape.
    confidence
        Coverage of the interval; 0.95 is the custom of the field.

    Returns
    -------
    tuple of arrays
        Lower and upper bound; NaN where there are fewer than two values.

    Notes
    -----
    Interval of Student's t distribution with ``count - 1`` degrees of freedom (Student 1908, doi:10.2307/2331554). It
    rests on the mean being near normal, which takes the more values the more skewed they are. Twins:
    ``scipy.stats.t.interval``, R's ``t.test``.

    Examples
    --------
    >>> low, high = student(np.array([4]), np.array([10.0]), np.array([30.0]))  # 1, 2, 3 and 4
    >>> print(low.round(4), high.round(4))
    [0.4457] [4.5543]
    """
    from scipy.special import stdtrit

    n = np.asarray(count, dtype=np.float64)
    n = np.where(n > 1, n, np.nan)
    mean = np.asarray(total, dtype=np.float64) / n
    # Rounding may leave a little less than nothing where all values are equal.
    variance = np.maximum(np.asarray(squares, dtype=np.float64) - n * mean * mean, 0.0) / (n - 1)
    half = stdtrit(n - 1, (1 + confidence) / 2) * np.sqrt(variance / n)
    return mean - half, mean + half


def mean_bounds(
    count: Array, total: Array, squares: Array, lowest: float, highest: float, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Between which means does the true one lie, where no value is beyond two ends?

    Parameters
    ----------
    count, total, squares
        As of `student`.
    lowest, highest
        The ends.
    confidence
        Coverage of the interval; 0.95 is the custom of the field.

    Returns
    -------
    tuple of arrays
        Lower and upper bound, from `lowest` to `highest`; NaN where there are fewer than two values.

    Notes
    -----
    Student's interval, cut at the ends. Where all values are equal it has no width; there the share of other values has
    the upper bound of Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404), and they may be as far as the ends.

    Examples
    --------
    >>> low, high = mean_bounds(
    ...     np.array([4, 20]), np.array([10.0, 100.0]), np.array([30.0, 500.0]), 1, 5
    ... )
    >>> print(low.round(2), high.round(2))
    [1.   4.33] [4.55 5.  ]
    """
    n = np.asarray(count, dtype=np.float64)
    n = np.where(n > 1, n, np.nan)
    low, high = student(count, total, squares, confidence=confidence)
    mean = np.asarray(total, dtype=np.float64) / n
    equal = np.asarray(squares, dtype=np.float64) - n * mean * mean <= 1e-12 * np.asarray(squares)
    others = 1 - ((1 - confidence) / 2) ** (1 / n)
    low = np.where(equal, mean - others * (mean - lowest), low)
    high = np.where(equal, mean + others * (highest - mean), high)
    return np.clip(low, lowest, highest), np.clip(high, lowest, highest)


def garwood(count: Array, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Between which means of a Poisson distribution does the true one lie?

    Parameters
    ----------
    count
        Counts, each of one draw.
    confidence
        Coverage of the interval; 0.95 is the custom of the field.

    Returns
    -------
    tuple of arrays
        Lower and upper bound; NaN where the count is NaN.

    Notes
    -----
    Exact interval (Garwood 1936, doi:10.1093/biomet/28.3-4.437). Twins: R's ``poisson.test``,
    ``statsmodels.stats.rates.confint_poisson(method="exact-c")``.

    Examples
    --------
    >>> low, high = garwood(np.array([10.0]))
    >>> print(low.round(4), high.round(4))
    [4.7954] [18.3904]
    """
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    number = np.asarray(count, dtype=np.float64)
    low = np.where(number > 0, gammaincinv(np.maximum(number, 1e-300), tail), 0 * number)
    return low, gammaincinv(number + 1, 1 - tail)


def trinomial(promoters: Array, detractors: Array, answers: Array) -> tuple[Floats, Floats]:
    """Promoters less detractors as a share of the answers, -1 to 1, and its variance; NaN where there are none."""
    n = np.where(np.asarray(answers) > 0, np.asarray(answers, dtype=np.float64), np.nan)
    p, d = np.asarray(promoters) / n, np.asarray(detractors) / n
    return p - d, (p + d - (p - d) ** 2) / n


def adjusted_wald(
    promoters: Array, detractors: Array, answers: Array, *, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Between which values does the true share of promoters less that of detractors lie?

    Parameters
    ----------
    promoters, detractors, answers
        Counts of one shape.
    confidence
        Coverage of the interval; 0.95 is the custom of the field.

    Returns
    -------
    tuple of arrays
        Lower and upper bound, -1 to 1; NaN where there are no answers.

    Notes
    -----
    Wald interval of a trinomial with three quarters of an answer added to promoters and to detractors, and three in all
    (Rocks 2016, doi:10.1080/00031305.2016.1158124): its coverage stays near the nominal one for few answers and
    for scores near the ends, where the plain one covers too little or has no width at all. It is drawn towards 0; that
    of a single answer, which would not hold the score, is widened to it.

    Examples
    --------
    >>> low, high = adjusted_wald(np.array([19]), np.array([5]), np.array([36]))
    >>> print((100 * low).round(1), (100 * high).round(1))
    [13.2] [58.6]
    """
    from statistics import NormalDist

    some = np.asarray(answers) > 0
    more = np.where(some, np.asarray(answers) + 3.0, np.nan)
    score, variance = trinomial(np.asarray(promoters) + 0.75, np.asarray(detractors) + 0.75, more)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(variance)
    plain, _ = trinomial(promoters, detractors, answers)
    low, high = np.minimum(score - half, plain), np.maximum(score + half, plain)
    return np.maximum(low, -1.0), np.minimum(high, 1.0)
