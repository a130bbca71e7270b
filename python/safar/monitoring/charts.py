"""Control charts: which periods lie outside of what the past lets expect?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safar._typing import Array, Floats
from safar.errors import ArgumentError

__all__ = [
    "ControlChart",
    "cusum_chart",
    "ewma_chart",
    "individuals_chart",
    "p_chart",
    "u_chart",
]

# Expected value of the moving range of two normal values, in standard deviations.
_MOVING_RANGE = 1.128379167095513
# Three standard deviations, as a probability on both sides.
_THREE_SIGMA = 0.002699796063260207
_EXACT_SHARE, _EXACT_COUNT = 10.0, 20.0


@dataclass(frozen=True, slots=True, eq=False)
class ControlChart:
    """A control chart, an entry a period.

    Attributes
    ----------
    values : what is plotted.
    centre, lower, upper : the expected value and the limits; a value outside of the limits is a signal.
    signals : which periods are signals; False where the value is unknown.
    scale : the standard deviation of the chart: sigma_z of Laney's charts, sigma of the others.
    """

    values: Floats
    centre: Floats
    lower: Floats
    upper: Floats
    signals: Array
    scale: float


def _chart(values: Floats, centre: Floats, lower: Floats, upper: Floats, scale: float) -> ControlChart:
    # A value on its limit is none beyond it, whatever rounding says.
    near = 1e-12 * np.maximum(np.abs(upper), np.abs(lower))
    signals = (values > upper + near) | (values < lower - near)
    return ControlChart(values, centre, lower, upper, signals, scale)


def moving_range_sigma(values: Floats) -> float:
    """Standard deviation from the mean moving range of two; NaN of fewer than two values."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return float("nan")
    return float(np.abs(np.diff(known)).mean() / _MOVING_RANGE)


def _floats(values: object, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise ArgumentError(f"{name} has the shape {array.shape}; expected one number a period")
    return array


def _first(baseline: int | None, count: int) -> slice:
    if baseline is None:
        return slice(None)
    if not 2 <= baseline <= count:
        raise ArgumentError(
            f"baseline={baseline!r} is not a number of first periods; expected 2 to {count}, or None for all"
        )
    return slice(baseline)


def _pair(numerator: object, denominator: object, share: bool) -> tuple[Floats, Floats]:
    k, n = _floats(numerator, "numerator"), _floats(denominator, "denominator")
    if k.shape != n.shape:
        raise ArgumentError(f"numerator has {len(k)} periods and denominator {len(n)}")
    if (k < 0).any() or (share and (k > n).any()):
        raise ArgumentError(
            "expected a numerator of at least 0" + (" and at most the denominator" if share else "")
        )
    return k, np.where(n > 0, n, np.nan)


def _centre(k: Floats, n: Floats) -> float:
    total = np.nansum(n)
    return float(np.nansum(k) / total) if total > 0 else float("nan")


def _deviations(alpha: float) -> float:
    """How many standard deviations from the centre a limit is."""
    from statistics import NormalDist

    return -NormalDist().inv_cdf(alpha / 2)


def p_chart(
    numerator: object,
    denominator: object,
    *,
    baseline: int | None = None,
    laney: bool = False,
    alpha: float = _THREE_SIGMA,
) -> ControlChart:
    """In which periods is a share outside of its limits?

    Parameters
    ----------
    numerator, denominator
        Counts, one a period; the denominators may differ.
    baseline
        How many of the first periods give the centre line and sigma_z; by default all.
    laney
        Laney's p' chart: limits that are sigma_z times as far, for shares that vary more than binomially. sigma_z is
        from the mean moving range of the standardised values.
    alpha
        Probability of a signal on either side together, where nothing changed; three standard deviations by default.

    Returns
    -------
    ControlChart
        Limits of the normal distribution; where fewer than 10 of either kind are expected, those of the binomial
        distribution: the least share that is no signal, and the greatest. A p' chart has normal limits throughout.

    Notes
    -----
    Shewhart's p chart with varying n (NIST/SEMATECH e-Handbook 6.3.3.2); p' chart of Laney (2002,
    doi:10.1081/QEN-120006708).

    Examples
    --------
    >>> chart = p_chart([5, 6, 4, 15], [50, 50, 50, 50], baseline=3)
    >>> chart.signals.tolist()
    [False, False, False, True]
    """
    k, n = _pair(numerator, denominator, share=True)
    first = _first(baseline, len(k))
    centre = _centre(k[first], n[first])
    share, deviation = k / n, np.sqrt(centre * (1 - centre) / n)
    sigma = _laney(((share - centre) / deviation)[first]) if laney else 1.0
    half = _deviations(alpha) * sigma * deviation
    lower, upper = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
    if not laney:
        from scipy.stats import binom

        few = n * min(centre, 1 - centre) < _EXACT_SHARE
        rounded = np.rint(n)[few]
        lower[few] = binom.ppf(alpha / 2, rounded, centre) / n[few]
        upper[few] = binom.isf(alpha / 2, rounded, centre) / n[few]
    return _chart(share, np.full(len(k), centre), lower, upper, sigma)


def u_chart(
    numerator: object,
    denominator: object,
    *,
    baseline: int | None = None,
    laney: bool = False,
    alpha: float = _THREE_SIGMA,
) -> ControlChart:
    """In which periods is a count for its exposure outside of its limits?

    Parameters
    ----------
    numerator
        Counts, one a period.
    denominator
        Their exposures: customers, days, orders.
    baseline, laney, alpha
        As of `p_chart`; the limits are exact, those of the Poisson distribution, where fewer than 20 are expected.

    Returns
    -------
    ControlChart

    Notes
    -----
    Shewhart's u chart (NIST/SEMATECH e-Handbook 6.3.3.1); u' chart of Laney (2002, doi:10.1081/QEN-120006708).

    Examples
    --------
    >>> u_chart([5, 7, 6, 18], [1, 1, 1, 1], baseline=3).signals.tolist()
    [False, False, False, True]
    """
    k, n = _pair(numerator, denominator, share=False)
    first = _first(baseline, len(k))
    centre = _centre(k[first], n[first])
    rate, deviation = k / n, np.sqrt(centre / n)
    sigma = _laney(((rate - centre) / deviation)[first]) if laney else 1.0
    half = _deviations(alpha) * sigma * deviation
    lower, upper = np.maximum(centre - half, 0.0), centre + half
    if not laney:
        from scipy.stats import poisson

        few = n * centre < _EXACT_COUNT
        lower[few] = poisson.ppf(alpha / 2, n[few] * centre) / n[few]
        upper[few] = poisson.isf(alpha / 2, n[few] * centre) / n[few]
    return _chart(rate, np.full(len(k), centre), lower, upper, sigma)


def _laney(z: Floats) -> float:
    return moving_range_sigma(np.where(np.isfinite(z), z, np.nan))


def individuals_chart(values: object, *, baseline: int | None = None, sigmas: float = 3.0) -> ControlChart:
    """In which periods is a measure outside of its limits?

    Parameters
    ----------
    values
        One a period.
    baseline
        How many of the first periods give the centre line and the moving range; by default all.
    sigmas
        How many standard deviations the limits are from the centre.

    Returns
    -------
    ControlChart
        The X of an XmR chart; `moving_ranges` has the other half.

    Notes
    -----
    Sigma is the mean moving range of two over 1.128 (NIST/SEMATECH e-Handbook 6.3.2.2).

    Examples
    --------
    >>> individuals_chart([10, 11, 10, 9, 10, 20], baseline=5).signals.tolist()
    [False, False, False, False, False, True]
    """
    x = _floats(values, "values")
    first = _first(baseline, len(x))
    centre, sigma = float(np.nanmean(x[first])), moving_range_sigma(x[first])
    middle = np.full(len(x), centre)
    return _chart(x, middle, middle - sigmas * sigma, middle + sigmas * sigma, sigma)


def moving_ranges(values: object, *, baseline: int | None = None) -> ControlChart:
    """Between which periods did a measure jump further than usual?

    Parameters
    ----------
    values, baseline
        As of `individuals_chart`.

    Returns
    -------
    ControlChart
        The mR of an XmR chart: the first entry is unknown, the upper limit is 3.267 times the mean moving range.

    Examples
    --------
    >>> moving_ranges([10, 11, 10, 9, 10, 20], baseline=5).signals.tolist()
    [False, False, False, False, False, True]
    """
    x = _floats(values, "values")
    sigma = moving_range_sigma(x[_first(baseline, len(x))])
    ranges = np.concatenate(([np.nan], np.abs(np.diff(x))))
    mean = sigma * _MOVING_RANGE
    # D4 for ranges of two: 1 + 3 d3 / d2.
    upper = mean * (1 + 3 * 0.8525024664 / _MOVING_RANGE)
    return _chart(ranges, np.full(len(x), mean), np.zeros(len(x)), np.full(len(x), upper), sigma)


def ewma_chart(
    values: object,
    *,
    centre: float,
    sigma: float,
    weight: float = 0.2,
    sigmas: float = 3.0,
    steady: bool = False,
) -> ControlChart:
    """In which periods has a measure drifted from its centre?

    Parameters
    ----------
    values
        One a period.
    centre, sigma
        The centre line and the standard deviation of one value, from the past.
    weight
        Weight of the newest value, 0.2 to 0.3 by custom; the smaller, the smaller the drifts that are seen.
    sigmas
        How many standard deviations of the weighted mean the limits are from the centre.
    steady
        Limits of the long run from the beginning on, as in the NIST handbook, instead of those that widen at first.

    Returns
    -------
    ControlChart
        Of exponentially weighted moving means; an unknown value leaves the mean as it was.

    Notes
    -----
    Roberts (1959, doi:10.1080/00401706.1959.10489860); NIST/SEMATECH e-Handbook 6.3.2.4.

    Examples
    --------
    >>> chart = ewma_chart(
    ...     [52.0, 47.0, 53.0], centre=50.0, sigma=2.0539, weight=0.3, steady=True
    ... )
    >>> chart.values.round(2).tolist()
    [50.6, 49.52, 50.56]
    """
    x = _floats(values, "values")
    if not 0 < weight <= 1:
        raise ArgumentError(f"weight={weight!r}; expected a number above 0 and at most 1, such as 0.2")
    mean, spread = centre, 0.0
    means, spreads = np.empty(len(x)), np.empty(len(x))
    for at, value in enumerate(x.tolist()):
        if value == value:
            mean = weight * value + (1 - weight) * mean
            spread = weight**2 + (1 - weight) ** 2 * spread
        means[at], spreads[at] = mean, spread
    if steady:
        spreads[:] = weight / (2 - weight)
    half = sigmas * sigma * np.sqrt(spreads)
    return _chart(means, np.full(len(x), float(centre)), centre - half, centre + half, sigma)


@dataclass(frozen=True, slots=True, eq=False)
class Cusum:
    """A two-sided tabular CUSUM, an entry a period.

    Attributes
    ----------
    above, below : the sums of what is above and below the centre, in standard deviations, never under 0.
    signals : which periods have a sum above the limit.
    limit : the limit, in standard deviations.
    """

    above: Floats
    below: Floats
    signals: Array
    limit: float


def cusum_chart(
    values: object, *, centre: float, sigma: float, slack: float = 0.5, limit: float = 5.0
) -> Cusum:
    """In which periods have small deviations from the centre added up?

    Parameters
    ----------
    values
        One a period.
    centre, sigma
        The centre line and the standard deviation of one value, from the past.
    slack
        How many standard deviations a value may be off without adding to the sum: half of the shift to be seen.
    limit
        The sum, in standard deviations, above which a period is a signal.

    Returns
    -------
    Cusum

    Notes
    -----
    Page (1954, doi:10.2307/2333009), in the tabular form of the NIST/SEMATECH e-Handbook 6.3.2.3. With a slack of
    0.5, two-sided, a false signal comes on average every 168 periods at a limit of 4 and every 465 at 5, and a
    shift of one standard deviation is seen after 8.38 and 10.38.

    Examples
    --------
    >>> cusum_chart([0.0, 2.0, 2.0, 2.0, 2.0], centre=0.0, sigma=1.0).above.tolist()
    [0.0, 1.5, 3.0, 4.5, 6.0]
    """
    z = (_floats(values, "values") - centre) / sigma
    above, below = np.empty(len(z)), np.empty(len(z))
    high = low = 0.0
    for at, value in enumerate(z.tolist()):
        if value == value:
            high, low = max(0.0, high + value - slack), max(0.0, low - value - slack)
        above[at], below[at] = high, low
    return Cusum(above, below, (above > limit) | (below > limit), limit)
