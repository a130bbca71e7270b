"""Tests of many two-by-two tables: against exact fractions, SciPy and published numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import oracles
from oracles import Square
from safar.analyses import _evidence as evidence


def squares(most: int = 12) -> st.SearchStrategy[Square]:
    """Draw two-by-two tables of any margins."""
    size = st.integers(0, most)
    return st.tuples(size, size).flatmap(
        lambda n: st.builds(Square, st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
    )


def column(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def of_strata(tables: list[Square]) -> evidence.Stratified:
    with_, converted_with = ([table[i] for table in tables] for i in (1, 0))
    return evidence.stratified(
        column(*with_)[None],
        column(*converted_with)[None],
        column(*(table.with_ + table.without for table in tables)),
        column(*(table.converted_with + table.converted_without for table in tables)),
    )


# ---------------------------------------------------------------------------------------------------- Fisher


@given(squares(25).filter(lambda table: table.with_ + table.without > 0))
def test_fisher_s_test_equals_the_sum_of_exact_fractions(table: Square) -> None:
    converted = table.converted_with + table.converted_without
    found = evidence.fisher(
        column(table.with_), column(table.converted_with), table.with_ + table.without, converted
    )
    assert found[0] == pytest.approx(float(oracles.fisher(table)), rel=1e-9)


def test_fisher_s_test_of_the_lady_who_tasted_tea() -> None:
    # Fisher 1935, The Design of Experiments: 3 of 4 cups right, two-sided 34 of 70.
    assert evidence.fisher(column(4), column(3), 8, 4)[0] == pytest.approx(34 / 70)


def test_fisher_s_test_equals_scipy_on_large_tables() -> None:
    draw = np.random.default_rng(5)
    units, converted = 200_000, 31_234
    with_ = draw.integers(1, units, 40)
    seen = np.round(with_ * converted / units + draw.normal(0, 60, 40)).astype(np.int64)
    seen = np.clip(seen, np.maximum(0, with_ + converted - units), np.minimum(with_, converted))
    found = evidence.fisher(with_, seen, units, converted)
    for p_value, n1, a in zip(found, with_.tolist(), seen.tolist(), strict=True):
        table = [[a, n1 - a], [converted - a, units - converted - n1 + a]]
        assert p_value == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-6)


# ------------------------------------------------------------------------------------------- Mantel-Haenszel

# Bickel, Hammel and O'Connell 1975 (doi:10.1126/science.187.4175.398): admitted of men, of women, by department.
BERKELEY = [
    Square(512, 825, 89, 108),
    Square(353, 560, 17, 25),
    Square(120, 325, 202, 593),
    Square(138, 417, 131, 375),
    Square(53, 191, 94, 393),
    Square(22, 373, 24, 341),
]


def test_the_stratified_test_gives_the_numbers_of_r_for_berkeley() -> None:
    found = of_strata(BERKELEY)
    # mantelhaen.test(UCBAdmissions): with the correction that is left out here 1.4269, odds ratio 0.9046968
    # (0.7719074, 1.0603298).
    corrected = (abs(found.excess[0]) - 0.5) ** 2 / found.deviation[0] ** 2
    assert corrected == pytest.approx(1.4269, abs=5e-5)
    assert found.odds_ratio[0] == pytest.approx(0.9046968, abs=5e-8)
    assert found.odds_ratio_low[0] == pytest.approx(0.7719074, abs=5e-8)
    assert found.odds_ratio_high[0] == pytest.approx(1.0603298, abs=5e-8)
    statistic = (found.excess[0] / found.deviation[0]) ** 2
    assert found.p_value[0] == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-12)


@given(st.lists(squares().filter(lambda table: table.with_ + table.without > 0), min_size=1, max_size=4))
def test_the_stratified_test_equals_exact_fractions(tables: list[Square]) -> None:
    found = of_strata(tables)
    excess, variance, difference, odds_ratio = oracles.mantel_haenszel(tables)
    assert found.excess[0] == pytest.approx(float(excess), abs=1e-9)
    for got, expected in ((found.difference[0], difference), (found.odds_ratio[0], odds_ratio)):
        assert math.isnan(got) if expected is None else got == pytest.approx(float(expected), abs=1e-9)
    if variance == 0:
        assert math.isnan(found.p_value[0])
        return
    assert found.deviation[0] == pytest.approx(float(variance) ** 0.5)
    most = sum(max(oracles.hypergeometric(table)) for table in tables)
    least = sum(min(oracles.hypergeometric(table)) for table in tables)
    expected = sum(table.converted_with for table in tables) - excess
    if min(expected - least, most - expected) < 5:
        assert found.p_value[0] == pytest.approx(float(oracles.exact_stratified(tables)), rel=1e-9)
    else:
        assert found.p_value[0] == pytest.approx(stats.chi2.sf(float(excess**2 / variance), 1))


@given(squares(40).filter(lambda table: table.with_ > 0 and table.without > 0))
def test_of_one_stratum_the_mean_difference_is_the_difference(table: Square) -> None:
    found = of_strata([table])
    first, second = (
        Fraction(table.converted_with, table.with_),
        Fraction(table.converted_without, table.without),
    )
    assert found.difference[0] == pytest.approx(float(first - second), abs=1e-12)
    if not math.isnan(found.difference_low[0]):
        assert -1 <= found.difference_low[0] <= found.difference[0] <= found.difference_high[0] <= 1
        # The variance of a difference of two shares, which that of Sato, Greenland and Robins is for one stratum.
        spread = first * (1 - first) / table.with_ + second * (1 - second) / table.without
        low = max(-1.0, float(first - second) - 1.959963984540054 * float(spread) ** 0.5)
        assert found.difference_low[0] == pytest.approx(low, abs=1e-9)


def test_the_interval_of_the_mean_difference_covers_the_truth_as_often_as_it_says() -> None:
    draw = np.random.default_rng(11)
    with_, without = np.array([30, 60, 20, 90]), np.array([80, 40, 50, 60])
    base, effect = np.array([0.1, 0.3, 0.5, 0.2]), 0.12
    covered = []
    for _ in range(2_000):
        a, c = draw.binomial(with_, base + effect), draw.binomial(without, base)
        found = evidence.stratified(with_[None], a[None], with_ + without, a + c)
        covered.append(found.difference_low[0] <= effect <= found.difference_high[0])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


# ------------------------------------------------------------------------------------------------ many tests


@given(st.lists(st.integers(0, 14), min_size=1, max_size=12), st.integers(1, 13))
def test_tarone_s_tables_are_those_that_could_come_out(with_: list[int], converted: int) -> None:
    smallest = [
        oracles.smallest_p(
            Square(max(0, n - 14 + converted), n, converted - max(0, n - 14 + converted), 14 - n)
        )
        for n in with_
    ]
    found = evidence.attainable(column(*with_), 14, converted)
    assert found.tolist() == oracles.tarone(smallest)


def test_tarone_leaves_out_what_is_too_rare() -> None:
    # Of 20 units 10 converted: what one or two units have, or all but one, cannot come out at 5 %; what five have
    # can (2 * 252 / 15504), but not at half of it.
    assert evidence.attainable(column(1, 2, 8, 19), 20, 10).tolist() == [False, False, True, False]
    assert evidence.attainable(column(1, 5), 20, 10).tolist() == [False, True]
    assert evidence.attainable(column(8, 5), 20, 10).tolist() == [True, False]


@given(st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), max_size=20))
def test_q_values_are_those_of_benjamini_and_hochberg(p_values: list[float]) -> None:
    found = evidence.false_discovery(np.array(p_values, dtype=np.float64))
    known = [p for p in p_values if not math.isnan(p)]
    expected = iter(oracles.benjamini_hochberg(known))
    for p, q in zip(p_values, found.tolist(), strict=True):
        assert math.isnan(q) if math.isnan(p) else q == pytest.approx(next(expected))
    if known:
        assert [q for q in found if not math.isnan(q)] == pytest.approx(stats.false_discovery_control(known))


# ---------------------------------------------------------------------------------------------- permutations


def permuted(
    present: np.ndarray, converted: np.ndarray, first: np.ndarray, stratum: np.ndarray, permutations: int
) -> np.ndarray:
    strata = np.unique(stratum)
    within = stratum[:, None] == strata
    found = evidence.stratified(
        present.astype(np.int64) @ within,
        (present & converted).astype(np.int64) @ within,
        within.sum(axis=0),
        (converted[:, None] & within).sum(axis=0),
    )
    words = np.zeros((present.shape[1], -(-len(present) // 64)), dtype=np.uint64)
    for i, flags in enumerate(present):
        words[flags, i // 64] |= np.uint64(1 << (i % 64))
    places = np.arange(len(present))
    return evidence.family_wise(
        words, places, converted, first, stratum, found, permutations=permutations, seed=3
    )


def test_one_path_alone_has_the_exact_p_value() -> None:
    draw = np.random.default_rng(2)
    stratum = np.repeat([2, 3, 5], [30, 40, 25])
    present, converted = draw.random((1, 95)) < 0.4, draw.random(95) < 0.4
    tables = []
    for value in np.unique(stratum):
        mine = stratum == value
        with_, reached = present[0, mine], converted[mine]
        tables.append(
            Square(
                int((with_ & reached).sum()),
                int(with_.sum()),
                int((~with_ & reached).sum()),
                int((~with_).sum()),
            )
        )
    # Ordered by the distance from the expected number, as the statistic of the test is.
    chances = {0: Fraction(1)}
    for table in tables:
        more: dict[int, Fraction] = {}
        for so_far, chance in chances.items():
            for k, of_k in oracles.hypergeometric(table).items():
                more[so_far + k] = more.get(so_far + k, Fraction(0)) + chance * of_k
        chances = more
    seen = sum(table.converted_with for table in tables)
    expected = seen - oracles.mantel_haenszel(tables)[0]
    exact = sum(chance for k, chance in chances.items() if abs(k - expected) >= abs(seen - expected))
    found = permuted(present, converted, np.ones(95, dtype=bool), stratum, 4_000)
    assert found[0] == pytest.approx(float(exact), abs=0.03)


def test_a_stronger_path_has_no_larger_adjusted_p_value_and_many_paths_cost_something() -> None:
    draw = np.random.default_rng(4)
    converted = draw.random(200) < 0.5
    present = draw.random((70, 200)) < 0.5
    present[7] = converted ^ (draw.random(200) < 0.2)
    stratum = draw.integers(1, 4, 200)
    first = np.ones(200, dtype=bool)
    found = permuted(present, converted, first, stratum, 200)
    assert found[7] == found.min() == 1 / 201
    alone = np.array([permuted(present[i : i + 1], converted, first, stratum, 200)[0] for i in range(70)])
    assert (found >= alone - 0.08).all()
    assert np.median(found) > np.median(alone)
    assert (permuted(present, converted, first, stratum, 200) == found).all()


def test_outcomes_of_one_customer_are_exchanged_together() -> None:
    first = np.array([1, 0, 1, 0, 1, 0, 0, 1, 1], dtype=bool)
    stratum = np.array([2, 1, 1, 2, 1, 1, 2, 3, 3])
    blocks = evidence._exchangeable(first, stratum)
    # The first two customers have a unit of each of the same two lengths, the last two one unit of the same length.
    assert [block.tolist() for block in blocks] == [[[7], [8]], [[1, 0], [2, 3]]]


def test_customers_with_all_or_nothing_do_not_count_as_many() -> None:
    # 12 customers with 10 units of one length each: a path that 6 have in all units, and these convert always.
    customer = np.repeat(np.arange(12), 10)
    first = np.diff(customer, prepend=-1) > 0
    converted = customer < 5
    present = (customer < 6)[None]
    found = permuted(present, converted, first, np.ones(120, dtype=np.int64), 3_000)
    # Of 792 ways to choose the 5 that convert, the 6 have all of them in 6, and none in 6 (as far from 2.5).
    assert found[0] == pytest.approx(12 / 792, abs=0.006)
    apart = permuted(present, converted, np.ones(120, dtype=bool), np.ones(120, dtype=np.int64), 3_000)
    assert apart[0] == 1 / 3_001
