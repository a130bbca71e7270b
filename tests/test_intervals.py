"""Wilson intervals against published values and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from safar._intervals import wilson


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
