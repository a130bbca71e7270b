"""Control charts against published examples and formulas written out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from safar.errors import ArgumentError
from safar.monitoring import cusum_chart, ewma_chart, individuals_chart, moving_ranges, p_chart, u_chart

# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2 to 6.3.3.2.
FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
EWMA = [52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, *FLOW]
MEANS = [
    50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36, 49.52, 50.05, 49.38, 49.92,
    50.73, 51.23, 51.94, 51.99,
]  # fmt: skip
CUSUM = [
    324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225, 324.600, 324.625, 325.150,
    328.325, 327.250, 327.825, 328.500, 326.675, 327.775, 326.875, 328.350,
]  # fmt: skip
WAFERS = [
    12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6,
]  # fmt: skip


def test_the_moving_average_of_the_handbook() -> None:
    chart = ewma_chart(EWMA, centre=50.0, sigma=2.0539, weight=0.3, steady=True)
    assert chart.values == pytest.approx(MEANS, abs=0.0051)
    assert (chart.upper[0], chart.lower[0]) == pytest.approx((52.5884, 47.4115), abs=1e-4)
    assert not chart.signals.any()


def test_the_cumulated_sum_of_the_handbook_signals_at_14() -> None:
    chart = cusum_chart(CUSUM, centre=325.0, sigma=1.0, slack=0.3175, limit=4.1959)
    assert chart.above[12:].round(2).tolist() == [3.01, 4.94, 7.45, 10.63, 11.99, 14.44, 16.0, 19.03]
    assert chart.below[:12].round(2).tolist() == [0, 0.01, 0, 0.33, 0, 0, 0.56, 0.72, 0.17, 0.25, 0.31, 0]
    assert int(np.flatnonzero(chart.signals)[0]) + 1 == 14


def test_the_p_chart_of_the_handbook_signals_at_15_and_23() -> None:
    chart = p_chart(WAFERS, [50] * 30)
    assert (chart.centre[0], chart.upper[0], chart.lower[0]) == pytest.approx(
        (0.2313, 0.4102, 0.0524), abs=1e-4
    )
    assert (np.flatnonzero(chart.signals) + 1).tolist() == [15, 23]


def test_the_individuals_chart_of_the_handbook() -> None:
    chart = individuals_chart(FLOW)
    assert (chart.centre[0], chart.upper[0], chart.lower[0]) == pytest.approx(
        (50.81, 55.8041, 45.8159), abs=2e-3
    )
    assert not chart.signals.any()
    ranges = moving_ranges(FLOW)
    assert ranges.centre[0] == pytest.approx(1.8778, abs=1e-4)
    # D4 of ranges of two is 3.267.
    assert ranges.upper[0] == pytest.approx(3.267 * 1.8778, abs=1e-3)


@pytest.mark.parametrize(
    ("limit", "shift", "length"), [(4.0, 1.0, 8.38), (5.0, 1.0, 10.38), (4.0, 0.0, 167.7), (5.0, 0.0, 465.4)]
)
def test_a_cumulated_sum_runs_as_long_as_was_published(limit: float, shift: float, length: float) -> None:
    random, runs = np.random.default_rng(11), 600 if shift else 150
    longest = int(12 * length) + 50
    lengths = []
    for _ in range(runs):
        signals = cusum_chart(random.normal(shift, 1, longest), centre=0, sigma=1, limit=limit).signals
        assert signals.any()
        lengths.append(int(signals.argmax()) + 1)
    assert np.mean(lengths) == pytest.approx(length, abs=4 * np.std(lengths) / np.sqrt(runs))


def test_few_expected_have_exact_limits() -> None:
    chart = p_chart([1, 2, 1, 3, 0, 9], [40] * 6, baseline=5)
    share, alpha = 7 / 200, 2 * stats.norm.sf(3)
    possible = np.arange(41)
    above = possible[stats.binom.sf(possible - 1, 40, share) <= alpha / 2]
    for count in possible:
        signal = p_chart([1, 2, 1, 3, 0, count], [40] * 6, baseline=5).signals[-1]
        assert signal == (count in above), count
    assert chart.signals.tolist() == [False] * 5 + [True]
    for count in range(30):
        signal = u_chart([4, 5, 6, 5, count], [1] * 5, baseline=4).signals[-1]
        tails = stats.poisson.sf(count - 1, 5), stats.poisson.cdf(count, 5)
        assert signal == (min(tails) <= alpha / 2), count


def test_laneys_charts_are_those_of_the_formula() -> None:
    random = np.random.default_rng(3)
    sizes = random.integers(2_000, 9_000, 40)
    counts = random.binomial(sizes, np.clip(random.normal(0.3, 0.03, 40), 0, 1))
    chart = p_chart(counts, sizes, laney=True)
    mean = counts.sum() / sizes.sum()
    z = [(k / n - mean) / (mean * (1 - mean) / n) ** 0.5 for k, n in zip(counts, sizes, strict=True)]
    sigma = sum(abs(b - a) for a, b in pairwise(z)) / 39 / 1.128379
    assert chart.scale == pytest.approx(sigma)
    assert chart.upper[7] == pytest.approx(mean + 3 * sigma * (mean * (1 - mean) / sizes[7]) ** 0.5)
    assert p_chart(counts, sizes).signals.sum() > 10 > 1 >= chart.signals.sum()
    rate = u_chart(counts, sizes, laney=True)
    z = [(k / n - mean) / (mean / n) ** 0.5 for k, n in zip(counts, sizes, strict=True)]
    sigma = sum(abs(b - a) for a, b in pairwise(z)) / 39 / 1.128379
    assert rate.lower[3] == pytest.approx(mean - 3 * sigma * (mean / sizes[3]) ** 0.5)


def test_what_is_unknown_raises_no_signal_and_moves_nothing() -> None:
    nan = float("nan")
    chart = ewma_chart([1.0, nan, 1.0], centre=0.0, sigma=1.0)
    assert chart.values.tolist() == pytest.approx([0.2, 0.2, 0.36])
    assert cusum_chart([2.0, nan, 2.0], centre=0.0, sigma=1.0).above.tolist() == [1.5, 1.5, 3.0]
    assert not p_chart([1, 0, 2], [10, 0, 10]).signals.any()


def test_charts_refuse_what_they_cannot_use() -> None:
    with pytest.raises(ArgumentError, match="numerator has 2 periods and denominator 1"):
        p_chart([1, 2], [3])
    with pytest.raises(ArgumentError, match="at most the denominator"):
        p_chart([4], [3])
    with pytest.raises(ArgumentError, match="baseline=9 is not a number of first periods; expected 2 to 3"):
        u_chart([1, 2, 3], [1, 1, 1], baseline=9)
    with pytest.raises(ArgumentError, match="weight=0"):
        ewma_chart([1.0], centre=0.0, sigma=1.0, weight=0)
    with pytest.raises(ArgumentError, match="expected one number a period"):
        individuals_chart([])
