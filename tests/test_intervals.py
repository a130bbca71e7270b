"""Wilson and Newcombe intervals against published values, and against SciPy or written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

import oracles
from safar._intervals import newcombe, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        # (doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_bounds(successes: int, trials: int, low: float, high: float) -> None:
    found_low, found_high = wilson(np.array([successes]), np.array([trials]))
    assert found_low.round(4).tolist() == [low]
    assert found_high.round(4).tolist() == [high]


@given(
    st.integers(0, 10**12).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))),
    st.sampled_from([0.5, 0.8, 0.95, 0.99]),
)
def test_wilson_agrees_with_scipy(counts: tuple[int, int], confidence: float) -> None:
    successes, trials = counts
    low, high = wilson(np.array([successes]), np.array([trials]), confidence=confidence)
    if trials == 0:
        assert np.isnan(low).all()
        assert np.isnan(high).all()
        return
    expected = binomtest(successes, trials).proportion_ci(confidence_level=confidence, method="wilson")
    assert low[0] == pytest.approx(expected.low, rel=1e-9, abs=1e-12)
    assert high[0] == pytest.approx(expected.high, rel=1e-9, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=20))
def test_bounds_enclose_the_share_inside_0_and_1(counts: list[tuple[int, int]]) -> None:
    successes = np.array([kept for kept, _ in counts], dtype=np.int64)
    trials = successes + np.array([lost for _, lost in counts], dtype=np.int64)
    low, high = wilson(successes, trials)
    some = trials > 0
    share = successes[some] / trials[some]
    assert ((low[some] >= 0) & (low[some] <= share) & (share <= high[some]) & (high[some] <= 1)).all()
    assert (low[some][successes[some] == 0] == 0).all()
    assert (high[some][successes[some] == trials[some]] == 1).all()


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table II, method 10
        # (doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I)
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombe_gives_the_published_bounds(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found_low, found_high = newcombe(*(np.array([count]) for count in (*first, *second)))
    assert found_low.round(4).tolist() == [low]
    assert found_high.round(4).tolist() == [high]


GROUPS = st.integers(0, 60).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@given(GROUPS, GROUPS)
def test_newcombe_is_made_of_two_wilson_intervals(first: tuple[int, int], second: tuple[int, int]) -> None:
    low, high = newcombe(*(np.array([count]) for count in (*first, *second)))
    if first[1] == 0 or second[1] == 0:
        assert np.isnan(low).all()
        assert np.isnan(high).all()
        return
    low1, high1 = oracles.wilson(*first)
    low2, high2 = oracles.wilson(*second)
    share1, share2 = first[0] / first[1], second[0] / second[1]
    difference = share1 - share2
    below = ((share1 - low1) ** 2 + (high2 - share2) ** 2) ** 0.5
    above = ((high1 - share1) ** 2 + (share2 - low2) ** 2) ** 0.5
    assert low[0] == pytest.approx(max(-1.0, difference - below), abs=1e-9)
    assert high[0] == pytest.approx(min(1.0, difference + above), abs=1e-9)
    # The other way round it is the same interval with its sign turned.
    turned = newcombe(*(np.array([count]) for count in (*second, *first)))
    assert (turned[0][0], turned[1][0]) == (pytest.approx(-high[0]), pytest.approx(-low[0]))
    assert low[0] <= difference <= high[0]
