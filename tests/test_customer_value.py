"""Models of customer value: published numbers, quadrature over individual customers, and what they refuse."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, optimize, special, stats

import safar
from safar import _core
from safar.models import (
    BetaDiscreteWeibull,
    BgBb,
    BgNbd,
    FittedModel,
    GammaGamma,
    MbgNbd,
    ParetoNbd,
    ShiftedBetaGeometric,
)
from safar.models.value.purchases import PurchaseModel

DATA = Path(os.environ.get("SAFAR_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
CDNOW = DATA / "cdnow" / "cdnow_customers_summary.csv"
needs_cdnow = pytest.mark.skipif(
    not CDNOW.exists(), reason=f"CDNOW is not in {DATA}; set SAFAR_DATA to the folder that holds it"
)

# Donors by repeat donations, the last of them, and opportunities (Fader, Hardie and Shang 2010, table 1).
DONORS = [
    (0, 0, 3464), (1, 1, 1091), (1, 2, 277), (2, 2, 613), (1, 3, 129), (2, 3, 255), (3, 3, 322), (1, 4, 78),
    (2, 4, 155), (3, 4, 181), (4, 4, 240), (1, 5, 119), (2, 5, 173), (3, 5, 225), (4, 5, 284), (5, 5, 335),
    (1, 6, 129), (2, 6, 234), (3, 6, 357), (4, 6, 512), (5, 6, 728), (6, 6, 1203),
]  # fmt: skip
# Customers who are left of 1000 after 0 to 12 years (Fader and Hardie 2007, table 1).
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394]


def customers(*rows: tuple[float, float, float]) -> dict[str, NDArray[np.float64]]:
    return dict(zip(("frequency", "recency", "age"), np.array(rows, dtype=np.float64).T, strict=True))


@pytest.fixture(scope="module")
def cdnow() -> dict[str, Any]:
    with CDNOW.open() as file:
        rows = list(csv.DictReader(file))
    return customers(*((float(row["frequency"]), float(row["recency"]), float(row["T"])) for row in rows))


# ------------------------------------------------------------------------------------------------ published numbers


@needs_cdnow
def test_bg_nbd_of_cdnow_is_the_published_fit(cdnow: dict[str, Any]) -> None:
    model = BgNbd.fit(cdnow, unit="week")
    assert model.estimates == pytest.approx((0.2425929, 4.4135314, 0.7928861, 2.4257534), rel=2e-6)
    assert model.log_likelihood == pytest.approx(-9582.42556, abs=2e-4)
    errors = model.parameters.to_dict()["standard_error"]
    assert errors == pytest.approx([0.01256, 0.3782, 0.1857, 0.7053], rel=4e-4)
    assert model.converged
    assert model.customers == 2357
    published = BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426)
    assert published.log_likelihood_of(cdnow) < model.log_likelihood


@needs_cdnow
def test_mbg_nbd_of_cdnow_is_the_known_fit(cdnow: dict[str, Any]) -> None:
    model = MbgNbd.fit(cdnow, unit="week")
    assert model.estimates == pytest.approx((0.5248379, 6.1829920, 0.8913563, 1.6139997), rel=2e-6)
    assert model.log_likelihood == pytest.approx(-9582.13268, abs=1e-5)


@needs_cdnow
def test_pareto_nbd_of_cdnow_is_the_published_fit(cdnow: dict[str, Any]) -> None:
    model = ParetoNbd.fit(cdnow, unit="week")
    assert model.estimates == pytest.approx((0.5532755, 10.577612, 0.6062136, 11.667912), rel=1e-5)
    assert model.log_likelihood == pytest.approx(-9594.97393, abs=1e-5)
    assert model.parameters.to_dict()["standard_error"][3] == pytest.approx(6.2, abs=0.05)


def test_bg_nbd_scores_the_published_customers() -> None:
    model = BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
    known = customers((2, 30.43, 38.86), (26, 30.86, 31), (0, 0, 38.86))
    assert model.probability_alive(known) == pytest.approx([0.7265786, 0.9689156, 1], abs=5e-8)
    assert model.expected_purchases(known, 39)[:2] == pytest.approx([1.2260282, 20.7497261], abs=5e-8)
    btyd = BgNbd.of(r=0.2425967, alpha=4.413659, a=0.7929869, b=2.426164)
    active = customers((26, 216 / 7, 31))
    assert btyd.expected_purchases(active, 52) == pytest.approx([25.75659], abs=2e-5)
    assert btyd.probability_alive(active) == pytest.approx([0.9688523], abs=2e-7)
    assert btyd.expected_purchases_of_new_customer(52) == pytest.approx(1.444004, abs=5e-7)


def test_mbg_nbd_scores_the_known_customers() -> None:
    model = MbgNbd.of(r=0.5248379, alpha=6.1829920, a=0.8913563, b=1.6139997, unit="week")
    known = customers((2, 30.43, 38.86), (0, 0, 38.86), (0, 0, 0))
    assert model.probability_alive(known) == pytest.approx(
        [0.7062023, 0.3897351, 1.6139997 / (0.8913563 + 1.6139997)], abs=1e-4
    )
    assert model.expected_purchases(known, 39)[0] == pytest.approx(1.2629606, abs=4e-4)


def test_pareto_nbd_scores_the_known_customers() -> None:
    model = ParetoNbd.of(r=0.5532755, alpha=10.577612, s=0.6062136, beta=11.667912, unit="week")
    known = customers((2, 30.43, 38.86), (26, 30.86, 31))
    assert model.probability_alive(known) == pytest.approx([0.8691676, 0.9979187], abs=1e-4)
    assert model.expected_purchases(known, 39) == pytest.approx([1.4551232, 20.1170261], rel=1e-4)
    assert model.expected_purchases(known, 52)[1] == pytest.approx(25.456, abs=2e-3)
    assert model.expected_purchases_of_new_customer(52) == pytest.approx(1.473434, abs=1e-5)
    assert model.discounted_expected_purchases(known, 0.0027)[0] == pytest.approx(6.4837736, rel=3e-4)
    # The paradox of increasing frequency: of a customer who was silent for long, more purchases say that it is gone.
    silent = customers(*((x, 20, 39) for x in (10, 15, 20, 25)))
    assert model.expected_purchases(silent, 52) == pytest.approx([0.706, 0.144, 0.0225, 0.0031], abs=6e-4)


def test_bg_bb_of_the_donors_is_the_published_fit() -> None:
    x, last, number = np.array(DONORS).T
    data = {"frequency": x, "recency": last, "age": np.full(len(x), 6), "donors": number}
    model = BgBb.fit(data, weights="donors", unit="year")
    assert model.estimates == pytest.approx((1.204, 0.750, 0.657, 2.783), abs=6e-4)
    assert model.log_likelihood == pytest.approx(-33225.58, abs=5e-3)
    assert model.customers == 11104
    assert model.expected_purchases(customers((0, 0, 6), (4, 5, 6)), 10) == pytest.approx(
        [0.1302169, 3.627858], abs=2e-4
    )
    assert model.expected_purchases_of_new_customer(10) == pytest.approx(3.179805, abs=3e-5)


@needs_cdnow
def test_gamma_gamma_of_cdnow_is_the_published_fit() -> None:
    log = cdnow_log()
    result = safar.lifetime_value(log, at="1997-09-30", unit="week", draws=0)
    assert result.spending is not None
    assert result.spending.customers == 946
    # The published fit has values rounded to cents in the mean.
    assert result.spending.estimates == pytest.approx((6.25, 3.74, 15.44), abs=5e-3)
    assert result.spending.log_likelihood == pytest.approx(-4055.92324, abs=1e-2)
    assert result.correlation == pytest.approx(0.1139, abs=5e-5)


def cdnow_log() -> safar.EventLog:
    import gzip

    with gzip.open(CDNOW.with_name("CDNOW_sample.txt.gz"), "rt") as file:
        rows = [line.split() for line in file]
    data = {
        "customer": [row[1] for row in rows],
        "time": [f"{row[2][:4]}-{row[2][4:6]}-{row[2][6:]}" for row in rows],
        "event": ["purchase"] * len(rows),
        "value": [float(row[4]) for row in rows],
    }
    return safar.EventLog(data, customer="customer", time="time", event="event", value="value")


@pytest.mark.parametrize(
    ("left", "estimates", "log_likelihood"),
    [(HIGH_END, (0.66809, 3.80610), -1611.1581), (REGULAR, (0.70408, 1.18204), -1680.2652)],
)
def test_contracts_of_the_published_customers(
    left: list[int], estimates: tuple[float, float], log_likelihood: float
) -> None:
    model = ShiftedBetaGeometric.fit({"period": range(8), "customers": left[:8]}, unit="year")
    assert model.estimates == pytest.approx(estimates, abs=6e-6)
    assert model.log_likelihood == pytest.approx(log_likelihood, abs=5e-5)


def test_contracts_of_five_cohorts() -> None:
    left = [10_000, 8_000, 6_480, 5_307, 4_391]
    rows = [(cohort, period, left[period]) for cohort in range(5) for period in range(5 - cohort)]
    data = dict(zip(("cohort", "period", "customers"), np.array(rows).T, strict=True))
    model = ShiftedBetaGeometric.fit(data)
    assert model.estimates == pytest.approx((3.7981, 15.1919), abs=6e-5)
    assert model.customers == 50_000


def test_duration_dependence_forecasts_the_regular_customers() -> None:
    model = BetaDiscreteWeibull.fit({"period": range(8), "customers": REGULAR[:8]})
    assert model.estimates == pytest.approx((0.4556, 0.7793, 1.2835), abs=6e-5)
    assert 100 * model.survival(range(8, 13)) == pytest.approx([22.3, 20.9, 19.7, 18.6, 17.7], abs=0.05)


def test_a_contract_is_worth_the_sum_of_its_periods() -> None:
    model = ShiftedBetaGeometric.of(alpha=0.668, beta=3.806)
    periods = np.arange(400)
    discounted = model.survival(periods) / 1.1**periods
    assert model.expected_lifetime(0.1) == pytest.approx(discounted.sum(), rel=1e-10)
    # Just before the third renewal: it is made or not, and the periods after it follow.
    later = model.survival(periods + 3) / model.survival(2) / 1.1**periods
    assert model.expected_lifetime(0.1, renewals=3) == pytest.approx(later.sum(), rel=1e-10)
    assert ShiftedBetaGeometric.of(alpha=3, beta=4).expected_lifetime(0) == pytest.approx(3)
    assert model.retention([1, 7]) == pytest.approx(
        [(3.806 + t - 1) / (0.668 + 3.806 + t - 1) for t in (1, 7)]
    )


# -------------------------------------------------------------------------------------------- profile of a likelihood


def test_a_profile_bound_is_where_the_best_of_the_others_falls_short() -> None:
    data = {"period": range(8), "customers": REGULAR[:8]}
    model = ShiftedBetaGeometric.fit(data)
    columns = model.profile_intervals(data, level=0.9).to_dict()
    left = -np.diff([*REGULAR[:8], 0])

    def height(alpha: float, beta: float) -> float:
        survival = special.beta(alpha, beta + np.arange(8)) / special.beta(alpha, beta)
        return float(left @ np.log([*-np.diff(survival), survival[-1]]))

    assert model.log_likelihood == pytest.approx(height(*model.estimates))
    for place in (0, 1):
        assert columns["low"][place] < model.estimates[place] < columns["high"][place]
        for bound in (columns["low"][place], columns["high"][place]):

            def lost(other: float, place: int = place, bound: float = bound) -> float:
                return -height(*((bound, other) if place == 0 else (other, bound)))

            best = optimize.minimize_scalar(
                lost, bounds=(0.01, 10), options={"xatol": 1e-10}, method="bounded"
            )
            assert 2 * (height(*model.estimates) + best.fun) == pytest.approx(
                stats.chi2.ppf(0.9, 1), rel=1e-5
            )


@needs_cdnow
def test_profiles_of_cdnow_are_lopsided_where_the_likelihood_is(cdnow: dict[str, Any]) -> None:
    model = BgNbd.fit(cdnow, unit="week")
    profile, normal = model.profile_intervals(cdnow).to_dict(), model.parameters.to_dict()
    assert profile["parameter"] == ["r", "alpha", "a", "b"]
    # The likelihood of r is nearly normal, that of b is not: it falls more slowly above.
    assert profile["low"][0] == pytest.approx(normal["low"][0], rel=1e-3)
    assert profile["high"][0] == pytest.approx(normal["high"][0], rel=1e-3)
    assert profile["low"][3] > normal["low"][3] * 1.02
    assert profile["high"][3] > normal["high"][3] * 1.02


def test_a_parameter_without_an_end_has_no_bound() -> None:
    # Nearly the same share leaves each time, so that customers may as well be all alike.
    data = {"period": range(5), "customers": [50, 40, 33, 27, 23]}
    columns = ShiftedBetaGeometric.fit(data).profile_intervals(data).to_dict()
    assert columns["high"] == [None, None]
    assert min(columns["low"]) > 0


def test_a_profile_is_of_the_data_of_the_fit() -> None:
    data = {"period": range(8), "customers": REGULAR[:8]}
    model = ShiftedBetaGeometric.fit(data)
    with pytest.raises(safar.DataError, match="they are other data; give those that the model was fitted to"):
        model.profile_intervals({"period": range(8), "customers": HIGH_END[:8]})
    with pytest.raises(safar.ArgumentError, match="takes no weights"):
        model.profile_intervals(data, weights="customers")
    with pytest.raises(safar.ArgumentError, match="level=95; expected a number above 0 and below 1"):
        model.profile_intervals(data, level=95)
    with pytest.raises(safar.ArgumentError, match="were given, not fitted"):
        ShiftedBetaGeometric.of(alpha=1, beta=1).profile_intervals(data)
    chance, number = np.random.default_rng(2), np.arange(600) % 5 + 1
    values = {
        "frequency": number,
        "mean_value": chance.gamma(6 * number) / number / chance.gamma(4, 1 / 15, 600),
    }
    spending = GammaGamma.fit(values)
    low, high = (spending.profile_intervals(values).to_dict()[name][0] for name in ("low", "high"))
    assert low < spending.estimates[0] < high
    rows = {**simulated(2_000, 2), "n": np.full(2_000, 2), "z": np.arange(2_000) % 2}
    weighted = MbgNbd.fit(rows, weights="n", purchase_covariates="z")
    names = weighted.profile_intervals(rows, weights="n").to_dict()
    assert names["parameter"][-1] == "purchase: z"
    assert names["low"][-1] < weighted.estimates[-1] < names["high"][-1]


# --------------------------------------------------------------------------------------- oracle: customers one by one

Individual = Callable[[Any, Any], Any]


def of_gamma(shape: float, rate: float, nodes: int = 120) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points, weights = special.roots_genlaguerre(nodes, shape - 1)
    return points / rate, weights / special.gamma(shape)


def of_beta(a: float, b: float, nodes: int = 60) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    # Where a + b = 1, scipy divides by 0 what it then leaves out.
    with np.errstate(invalid="ignore"):
        points, weights = special.roots_jacobi(nodes, b - 1, a - 1)
    return (1 + points) / 2, weights / weights.sum()


def averaged(one: Any, other: Any, function: Individual) -> float:
    """The mean of a function of two traits over customers."""
    (first, first_weights), (second, second_weights) = one, other
    return float(first_weights @ function(first[:, None], second[None, :]) @ second_weights)


def geometric(x: float, last: float, age: float, coins: int) -> tuple[Individual, Individual]:
    """Likelihoods of a history and of being alive besides; the first stops are coins after purchases."""

    def alive(rate: Any, p: Any) -> Any:
        return (1 - p) ** (x + coins) * rate**x * np.exp(-rate * age)

    def history(rate: Any, p: Any) -> Any:
        tossed = x + coins > 0
        return alive(rate, p) + tossed * p * (1 - p) ** max(x + coins - 1, 0) * rate**x * np.exp(-rate * last)

    return history, alive


@pytest.mark.parametrize(("kind", "coins"), [(BgNbd, 0), (MbgNbd, 1)])
@pytest.mark.parametrize("history", [(0, 0, 5), (1, 2, 5), (4, 4.5, 5), (2, 1, 9)])
# The last one is where the published form divides 0 by 0.
@pytest.mark.parametrize(("a", "b"), [(0.7, 1.6), (1.0, 1.6), (2.5, 1.6), (0.25, 0.75)])
def test_beta_geometric_scores_are_means_over_customers(
    kind: type[BgNbd], coins: int, history: tuple[float, float, float], a: float, b: float
) -> None:
    r, alpha, horizon = 0.9, 6.0, 3.0
    model = kind.of(r=r, alpha=alpha, a=a, b=b)
    whole, alive = geometric(*history, coins)
    rates, stops = of_gamma(r, alpha), of_beta(a, b)
    total, living = averaged(rates, stops, whole), averaged(rates, stops, alive)
    ahead = averaged(rates, stops, lambda rate, p: alive(rate, p) * -np.expm1(-rate * p * horizon) / p)
    again = averaged(rates, stops, lambda rate, p: alive(rate, p) * -np.expm1(-rate * horizon))
    row = customers(history)
    assert model.log_likelihood_of(row) == pytest.approx(np.log(total), abs=1e-9)
    assert model.probability_alive(row) == pytest.approx([living / total], rel=1e-9)
    assert model.expected_purchases(row, horizon) == pytest.approx([ahead / total], rel=1e-8)
    assert model.probability_of_purchase(row, horizon) == pytest.approx([again / total], rel=1e-8)


@pytest.mark.parametrize("history", [(0, 0, 5), (1, 2, 5), (4, 4.5, 5), (3, 5, 5)])
@pytest.mark.parametrize(("alpha", "beta"), [(6.0, 9.0), (9.0, 6.0), (7.0, 7.0)])
@pytest.mark.parametrize("s", [1.0, 2.3])
def test_pareto_scores_are_means_over_customers(
    history: tuple[float, float, float], alpha: float, beta: float, s: float
) -> None:
    r, horizon = 1.4, 3.0
    x, last, age = history
    model = ParetoNbd.of(r=r, alpha=alpha, s=s, beta=beta)
    rates, ends = of_gamma(r, alpha), of_gamma(s, beta)

    def alive(rate: Any, end: Any) -> Any:
        return rate**x * np.exp(-(rate + end) * age)

    def ended(rate: Any, end: Any) -> Any:
        both = rate + end
        return rate**x * end / both * (np.exp(-both * last) - np.exp(-both * age))

    living = averaged(rates, ends, alive)
    total = living + averaged(rates, ends, ended)
    ahead = averaged(rates, ends, lambda rate, end: alive(rate, end) * rate * -np.expm1(-end * horizon) / end)
    again = averaged(
        rates,
        ends,
        lambda rate, end: alive(rate, end) * rate * -np.expm1(-(rate + end) * horizon) / (rate + end),
    )
    row = customers(history)
    # Where both rates are near 0 their share has no polynomial, so quadrature is less sure than the model.
    assert model.log_likelihood_of(row) == pytest.approx(np.log(total), abs=1e-5)
    assert model.probability_alive(row) == pytest.approx([living / total], rel=1e-5)
    assert model.expected_purchases(row, horizon) == pytest.approx([ahead / total], rel=1e-5)
    assert model.probability_of_purchase(row, horizon) == pytest.approx([again / total], rel=1e-5)


@pytest.mark.parametrize("history", [(0, 0, 6), (1, 2, 6), (4, 5, 6), (6, 6, 6), (0, 0, 0)])
def test_bg_bb_scores_are_means_over_customers(history: tuple[int, int, int]) -> None:
    x, last, age = history
    horizon = 4
    model = BgBb.of(alpha=1.2, beta=0.75, gamma=0.66, delta=2.8)
    buys, stops = of_beta(1.2, 0.75), of_beta(0.66, 2.8)

    def alive(p: Any, q: Any) -> Any:
        return p**x * (1 - p) ** (age - x) * (1 - q) ** age

    def whole(p: Any, q: Any) -> Any:
        ends = (p**x * (1 - p) ** (seen - x) * q * (1 - q) ** seen for seen in range(last, age))
        return alive(p, q) + sum(ends)

    def ahead(p: Any, q: Any) -> Any:
        return alive(p, q) * sum(p * (1 - q) ** (step + 1) for step in range(horizon))

    def none(p: Any, q: Any) -> Any:
        # No purchase in the horizon: gone before one of its opportunities, or none taken.
        gone = sum((1 - p) ** step * (1 - q) ** step * q for step in range(horizon))
        return whole(p, q) - alive(p, q) * (1 - gone - ((1 - p) * (1 - q)) ** horizon)

    total = averaged(buys, stops, whole)
    row = customers(history)
    assert model.log_likelihood_of(row) == pytest.approx(np.log(total), abs=1e-9)
    living = averaged(buys, stops, lambda p, q: alive(p, q) * (1 - q))
    assert model.probability_alive(row) == pytest.approx([living / total], rel=1e-9)
    assert model.expected_purchases(row, horizon) == pytest.approx(
        [averaged(buys, stops, ahead) / total], rel=1e-9
    )
    silent = averaged(buys, stops, none) / total
    assert model.probability_of_purchase(row, horizon) == pytest.approx([1 - silent], rel=1e-8)


def test_expected_values_are_means_over_customers() -> None:
    model = GammaGamma.of(p=6.25, q=3.74, v=15.44)
    for number, mean in ((0, None), (1, 20.0), (5, 63.2)):

        def own(rate: float, number: int = number, mean: float = mean or 1.0) -> float:
            """How likely a customer of this rate is, with this mean of its purchases."""
            return float(rate ** (3.74 - 1 + 6.25 * number) * np.exp(-rate * (15.44 + number * mean)))

        total = integrate.quad(own, 0, np.inf, epsabs=0)[0]
        expected = integrate.quad(lambda rate: own(rate) * 6.25 / rate, 0, np.inf, epsabs=0)[0] / total
        found = model.expected_value({"frequency": [number], "mean_value": [mean]})
        assert found == pytest.approx([expected], rel=1e-7)


def test_long_horizons_and_frequent_buyers_are_numbers() -> None:
    # The published form overflows here.
    model = BgNbd.of(r=0.243, alpha=4.414, a=1.0, b=2.426)
    rows = customers((5000, 30.0, 31.0), (0, 0, 0), (300, 299, 300))
    for horizon in (39, 5_200, 52_000):
        found = model.expected_purchases(rows, horizon)
        assert np.isfinite(found).all()
        assert (found > 0).all()


# ----------------------------------------------------------------------------------------------------- invariants

MODELS: list[PurchaseModel] = [
    BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426),
    MbgNbd.of(r=0.525, alpha=6.183, a=0.891, b=1.614),
    ParetoNbd.of(r=0.553, alpha=10.58, s=0.606, beta=11.67),
]


@pytest.mark.parametrize(
    "model", [*MODELS, BgBb.of(alpha=1.2, beta=0.8, gamma=0.7, delta=2.8)], ids=lambda model: model.model
)
def test_customers_are_scored_together_as_each_alone(model: PurchaseModel) -> None:
    chance = np.random.default_rng(3)
    # Most purchases and ages come up again, with other recencies, and many more than are remembered at a time.
    age, frequency = chance.integers(20, 2_000, 9_000), chance.integers(0, 4, 9_000)
    recency = np.where(frequency > 0, chance.integers(4, 20, 9_000), 0)
    alone = np.arange(0, 9_000, 150)
    together = model.expected_purchases(customers(*zip(frequency, recency, age, strict=True)), 30)
    for place in alone:
        row = customers((frequency[place], recency[place], age[place]))
        assert model.expected_purchases(row, 30) == pytest.approx([together[place]], rel=1e-14)
    cohort = customers(*((2, last, 50) for last in range(4, 50)))
    chances = model.probability_of_purchase(cohort, 30) / model.probability_alive(cohort)
    assert chances == pytest.approx(np.full(46, chances[0]), rel=1e-9)


@pytest.mark.parametrize(
    "model", [*MODELS, BgBb.of(alpha=1.2, beta=0.8, gamma=0.7, delta=2.8)], ids=lambda model: model.model
)
def test_drawn_lives_have_the_means_of_the_formulas(model: PurchaseModel) -> None:
    rows = customers((0, 0, 6), (1, 2, 6), (4, 5, 6), (6, 6, 6), (0, 0, 0))
    lives = model.drawn(_core.Table(rows), 7, np.random.default_rng(1).random((7, 40_000)))
    error = lives.std(axis=1) / 200
    assert (np.abs(lives.mean(axis=1) - model.expected_purchases(rows, 7)) < 4 * error).all()
    assert (lives > 0).mean(axis=1) == pytest.approx(model.probability_of_purchase(rows, 7), abs=0.01)
    found = model.outcomes(rows, 7, draws=4_000, level=0.8).to_dict()
    for name, share in (("low", 0.1), ("median", 0.5), ("high", 0.9)):
        ordered = np.sort(lives, axis=1)
        # A quantile of whole numbers is found again but where the share just changes from one to the next.
        near = ordered[:, [int((share - 0.01) * 40_000), int((share + 0.01) * 40_000)]]
        assert ((near[:, 0] <= found[f"purchases_{name}"]) & (found[f"purchases_{name}"] <= near[:, 1])).all()
    turned = {name: column[::-1] for name, column in rows.items()}
    again = model.outcomes(turned, 7, draws=4_000, level=0.8).to_dict()
    assert again["purchases_high"][::-1] == found["purchases_high"]


def test_single_customers_stay_within_their_intervals_as_often_as_said() -> None:
    chance = np.random.default_rng(6)
    rate, stop = chance.gamma(0.6, 1 / 20, 8_000), chance.beta(0.9, 2, 8_000)
    times = chance.exponential(1 / rate[:, None], (8_000, 90)).cumsum(axis=1)
    alive = (chance.random((8_000, 90)) > stop[:, None]).cumprod(axis=1)
    made = np.hstack([np.ones((8_000, 1)), alive[:, :-1]]) > 0
    before, after = made & (times < 200), made & (times >= 200) & (times < 300)
    data = {
        "frequency": before.sum(axis=1),
        "recency": np.where(before, times, 0).max(axis=1),
        "age": np.full(8_000, 200.0),
    }
    found = BgNbd.fit(data).outcomes(data, 100, level=0.8, draws=300).to_dict()
    low, high = (np.array(found[f"purchases_{name}"]) for name in ("low", "high"))
    came = after.sum(axis=1)
    busy = data["frequency"] > 4
    assert 0.78 < ((low <= came) & (came <= high))[busy].mean() < 0.95
    assert (came > high).mean() < 0.11
    assert (came < low).mean() < 0.11


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 0}, "draws=0"),
        ({"level": 1}, "level=1"),
        ({"seed": -1}, "seed=-1"),
        ({"horizon": -1}, "horizon=-1"),
    ],
)
def test_lives_that_can_not_be_drawn_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        MODELS[0].outcomes(customers((1, 2, 5)), **({"horizon": 5} | options))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.model)
@given(
    x=st.integers(0, 40),
    last=st.floats(0.01, 100),
    silence=st.floats(0, 100),
    horizon=st.floats(0.01, 500),
    scale=st.floats(0.01, 100),
)
def test_scores_keep_their_laws(
    model: Any, x: int, last: float, silence: float, horizon: float, scale: float
) -> None:
    recency = last if x else 0.0
    rows = customers((x, recency, recency + silence), (x, recency, recency + silence + 1))
    alive = model.probability_alive(rows)
    ahead = [model.expected_purchases(rows, each)[0] for each in (0, horizon, 2 * horizon)]
    chance = [model.probability_of_purchase(rows, each)[0] for each in (0, horizon, 2 * horizon)]
    assert ((alive >= 0) & (alive <= 1)).all()
    assert alive[0] >= alive[1]
    assert ahead[0] == chance[0] == 0
    assert ahead == sorted(ahead)
    assert all(chance[place] <= chance[place + 1] + 1e-12 for place in (0, 1))
    # No more often than once can somebody buy at least once.
    assert all(0 <= one <= min(many, alive[0]) + 1e-9 for one, many in zip(chance, ahead, strict=True))
    times = {"alpha", "beta"}
    slower = type(model).of(
        **{
            name: value * (scale if name in times else 1)
            for name, value in zip(model.names, model.estimates, strict=True)
        }
    )
    stretched = {name: column * (1 if name == "frequency" else scale) for name, column in rows.items()}
    assert slower.probability_alive(stretched) == pytest.approx(alive, rel=1e-6, abs=1e-12)
    assert slower.expected_purchases(stretched, horizon * scale)[0] == pytest.approx(
        ahead[1], rel=1e-6, abs=1e-12
    )


@pytest.mark.parametrize("kind", ["bg_nbd", "mbg_nbd", "pareto_nbd"])
@settings(max_examples=30)
@given(
    logs=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
    rows=st.lists(st.tuples(st.integers(0, 8), st.floats(0.1, 30), st.floats(0, 30)), min_size=1, max_size=8),
)
def test_the_gradient_is_that_of_small_steps(
    kind: str, logs: list[float], rows: list[tuple[int, float, float]]
) -> None:
    data = customers(*((x, last if x else 0, last * (x > 0) + silence) for x, last, silence in rows))
    table = _core.Table({**data, "customers": np.arange(1.0, len(rows) + 1)})

    def at(point: list[float]) -> NDArray[np.float64]:
        params = json.dumps({"logarithms": point})
        return np.asarray(_core.score(table, f"{kind}_likelihood", params).numpy("value")[0])

    exact = at(logs)
    for parameter in range(4):
        steps = [[*logs[:parameter], logs[parameter] + by, *logs[parameter + 1 :]] for by in (1e-5, -1e-5)]
        slope = (at(steps[0])[0] - at(steps[1])[0]) / 2e-5
        assert exact[1 + parameter] == pytest.approx(slope, rel=1e-5, abs=1e-5 * (1 + abs(exact[0])))


def simulated(number: int, seed: int, **columns: Any) -> dict[str, Any]:
    """Customers of BG/NBD with r 0.6, alpha 20, a 0.9 and b 2 over 200 days; `rate` multiplies their rates."""
    chance = np.random.default_rng(seed)
    rate = chance.gamma(0.6, 1 / 20, number) * columns.pop("rate", 1.0)
    stop = chance.beta(0.9, 2, number)
    times = chance.exponential(1 / rate[:, None], (number, 60)).cumsum(axis=1)
    alive = (chance.random((number, 60)) > stop[:, None]).cumprod(axis=1)
    # The purchase after which a customer stops is made.
    alive = np.hstack([np.ones((number, 1)), alive[:, :-1]])
    inside = (times < 200) & (alive > 0)
    return {
        "frequency": inside.sum(axis=1),
        "recency": np.where(inside, times, 0).max(axis=1),
        "age": np.full(number, 200.0),
        **columns,
    }


def test_a_fit_finds_the_parameters_that_made_the_data() -> None:
    model = BgNbd.fit(simulated(20_000, 1))
    found = model.parameters.to_dict()
    for truth, low, high in zip((0.6, 20, 0.9, 2), found["low"], found["high"], strict=True):
        assert low * 0.9 < truth < high * 1.1


def test_twice_the_customers_double_the_likelihood_and_leave_the_estimates() -> None:
    data = simulated(2_000, 2)
    once = MbgNbd.fit(data)
    twice = MbgNbd.fit({name: np.tile(column, 2) for name, column in data.items()})
    weighted = MbgNbd.fit({**data, "n": np.full(2_000, 2)}, weights="n")
    for model in (twice, weighted):
        assert model.estimates == pytest.approx(once.estimates, rel=1e-5)
        assert once.log_likelihood is not None
        assert model.log_likelihood == pytest.approx(2 * once.log_likelihood, rel=1e-12)
        assert model.customers == 4_000


def test_starts_that_some_customers_try_lead_to_the_same_point(monkeypatch: pytest.MonkeyPatch) -> None:
    from safar.models.value import maximum

    data, chance = simulated(5_000, 4), np.random.default_rng(4)
    values = {"frequency": data["frequency"], "mean_value": chance.gamma(6, chance.gamma(4, 2, 5_000))}
    whole = [*(kind.fit(data) for kind in (BgNbd, MbgNbd, ParetoNbd)), GammaGamma.fit(values)]
    monkeypatch.setattr(maximum, "_SOME", 400)
    rough = [*(kind.fit(data) for kind in (BgNbd, MbgNbd, ParetoNbd)), GammaGamma.fit(values)]
    assert maximum.every(5_000) is not None
    for one, other in zip(whole, rough, strict=True):
        assert one.estimates == pytest.approx(other.estimates, rel=1e-5)
        assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-7)


def test_a_covariate_that_multiplies_the_rate_is_found() -> None:
    group = np.arange(20_000) % 2
    data = simulated(20_000, 3, rate=np.exp(0.5 * group))
    model = BgNbd.fit(
        {**data, "channel": group}, purchase_covariates="channel", dropout_covariates=["channel"]
    )
    found = model.parameters.to_dict()
    assert found["parameter"] == ["r", "alpha", "a", "b", "purchase: channel", "dropout: channel"]
    assert found["estimate"][4] == pytest.approx(0.5, abs=3 * found["standard_error"][4])
    assert found["estimate"][5] == pytest.approx(0, abs=3 * found["standard_error"][5])
    assert found["standard_error"][4] < 0.1
    # A covariate of 0 leaves the parameters, and one of 1 multiplies the rate.
    rows = {**customers((2, 30, 40), (2, 30, 40)), "channel": [0, 1]}
    r, alpha, a, b, faster, leaving = model.estimates
    own = [
        BgNbd.of(r=r, alpha=alpha * np.exp(-faster * z), a=a * np.exp(leaving * z), b=b * np.exp(leaving * z))
        for z in (0, 1)
    ]
    expected = [each.expected_purchases(customers((2, 30, 40)), 50)[0] for each in own]
    assert model.expected_purchases(rows, 50) == pytest.approx(expected, rel=1e-12)
    assert FittedModel.from_json(model.to_json()) == model


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd, ParetoNbd])
def test_covariates_act_as_other_parameters_of_each_customer(kind: type[PurchaseModel]) -> None:
    base = next(model for model in MODELS if type(model) is kind)
    rows = customers((0, 0, 9), (2, 3, 8), (5, 7, 30), (1, 20, 30))
    z, w = np.array([0.0, 1.0, -0.5, 2.0]), np.array([1.0, 0.0, 2.0, -1.0])
    model = kind((*base.estimates, 0.4, -0.7), purchase_covariates=("z",), dropout_covariates=("w",))
    covered = {**rows, "z": z, "w": w}
    # A higher rate of purchases divides alpha; an earlier end multiplies a and b, or divides beta.
    leaving = {BgNbd: ("a", "b"), MbgNbd: ("a", "b"), ParetoNbd: ("beta",)}[kind]
    sign = -1 if kind is ParetoNbd else 1
    alone = []
    for place in range(4):
        own = dict(zip(kind.names, base.estimates, strict=True))
        own["alpha"] *= np.exp(-0.4 * z[place])
        for name in leaving:
            own[name] *= np.exp(sign * -0.7 * w[place])
        alone.append((kind.of(**own), {name: column[[place]] for name, column in rows.items()}))
    total = sum(each.log_likelihood_of(row) for each, row in alone)
    assert model.log_likelihood_of(covered) == pytest.approx(total, rel=1e-12)
    for asked in ("expected_purchases", "probability_of_purchase"):
        expected = [getattr(each, asked)(row, 20)[0] for each, row in alone]
        assert getattr(model, asked)(covered, 20) == pytest.approx(expected, rel=1e-12)
    assert model.probability_alive(covered) == pytest.approx(
        [each.probability_alive(row)[0] for each, row in alone]
    )
    drawn = [each.outcomes(row, 20).to_dict()["purchases_high"][0] for each, row in alone]
    assert model.outcomes(covered, 20).to_dict()["purchases_high"] == drawn


def test_a_covariate_of_the_end_is_found_by_pareto_nbd() -> None:
    chance, group = np.random.default_rng(12), np.arange(4_000) % 2
    rate, end = chance.gamma(0.7, 1 / 10, 4_000), chance.gamma(1.2, 1 / 60, 4_000) * np.exp(0.6 * group)
    life = np.minimum(chance.exponential(1 / end), 200.0)
    times = chance.exponential(1 / rate[:, None], (4_000, 120)).cumsum(axis=1)
    inside = times < life[:, None]
    data = {
        "frequency": inside.sum(axis=1),
        "recency": np.where(inside, times, 0).max(axis=1),
        "age": np.full(4_000, 200.0),
        "group": group,
    }
    model = ParetoNbd.fit(data, purchase_covariates="group", dropout_covariates="group")
    found = model.parameters.to_dict()
    for place, truth in ((4, 0.0), (5, 0.6)):
        assert found["estimate"][place] == pytest.approx(truth, abs=3 * found["standard_error"][place])
    assert found["standard_error"][5] < 0.2


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((-1, 2, 5), "negative"),
        ((1.5, 2, 5), "no whole number of purchases"),
        ((1, 6, 5), "recency above their age"),
        ((0, 2, 5), "no repeat purchase and yet a recency above 0"),
        ((2, 0, 5), "repeat purchases and yet a recency of 0"),
        ((2, float("nan"), 5), "no number"),
        ((2, 3, float("inf")), "no number"),
    ],
)
def test_a_history_that_cannot_be_is_refused_by_fits_and_scores(
    row: tuple[float, float, float], message: str
) -> None:
    data = customers((1, 2, 5), row)
    with pytest.raises(safar.DataError, match=rf"1 .*{message} .*row 1"):
        BgNbd.fit(data)
    with pytest.raises(safar.DataError, match=message):
        MODELS[1].probability_alive(data)  # type: ignore[attr-defined]


def test_opportunities_are_whole_and_hold_one_purchase_each() -> None:
    model = BgBb.of(alpha=1.2, beta=0.75, gamma=0.66, delta=2.8)
    with pytest.raises(safar.DataError, match="no whole number of opportunities"):
        model.probability_alive(customers((1, 1.5, 6)))
    with pytest.raises(safar.DataError, match="more purchases than opportunities"):
        model.probability_alive(customers((3, 2, 6)))
    with pytest.raises(safar.ArgumentError, match="counts opportunities"):
        model.expected_purchases(customers((1, 1, 6)), 1.5)


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd, ParetoNbd, BgBb])
def test_data_without_a_repeat_purchase_are_refused(kind: type[BgNbd]) -> None:
    with pytest.raises(safar.DataError, match="none of the 2 customers bought again"):
        kind.fit(customers((0, 0, 5), (0, 0, 9)))


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd, ParetoNbd])
def test_data_without_a_highest_likelihood_are_refused(kind: type[BgNbd]) -> None:
    # All customers alike: their rates do not vary, so r and alpha run away.
    with pytest.raises(safar.DataError, match="no highest likelihood"):
        kind.fit(customers(*[(5, 50, 55)] * 40))


def test_weights_and_covariates_are_checked() -> None:
    data = {**customers((1, 2, 5), (0, 0, 5)), "n": [1, -1], "kind": ["a", "b"], "z": [1.0, None]}
    with pytest.raises(safar.DataError, match=r'weight of at least 0 in column "n" .*row 1: -1'):
        BgNbd.fit(data, weights="n")
    with pytest.raises(safar.ArgumentTypeError, match='"kind" holds no numbers'):
        BgNbd.fit(data, purchase_covariates="kind")
    with pytest.raises(safar.DataError, match='"z" lacks a number in 1 rows'):
        BgNbd.fit(data, dropout_covariates="z")
    with pytest.raises(safar.ArgumentError, match="BG/BB takes no covariates"):
        BgBb.fit(data, purchase_covariates="z")


def test_values_that_gamma_gamma_has_no_place_for_are_refused() -> None:
    with pytest.raises(
        safar.DataError, match=r"1 customers have purchases and no mean value above 0 \(the first is row 1"
    ):
        GammaGamma.fit({"frequency": [2, 1], "mean_value": [20.0, -3.0]})
    with pytest.raises(safar.DataError, match="no customer has a repeat purchase"):
        GammaGamma.fit({"frequency": [0, 0], "mean_value": [None, None]})
    with pytest.raises(safar.DataError, match="spend the same"):
        GammaGamma.fit({"frequency": [2, 1], "mean_value": [20.0, 20.0]})
    heavy = np.exp(3 * np.random.default_rng(1).standard_cauchy(500).clip(-8, 8))
    with pytest.raises(safar.DataError, match=r"infinite unless|no highest likelihood"):
        GammaGamma.fit({"frequency": np.full(500, 3), "mean_value": heavy})


@pytest.mark.parametrize("number", [-1.0, 1.5, float("nan"), float("inf"), None])
def test_a_number_of_purchases_that_is_none_is_never_taken_for_no_purchase(number: float | None) -> None:
    data = {"frequency": [1, number, number], "mean_value": [20.0, 30.0, 30.0]}
    message = (
        r'column "frequency": 2 rows have no number of purchases \(the first is row 1: .*\); expected whole'
    )
    for ask in (GammaGamma.fit, GammaGamma.of(p=6.25, q=3.74, v=15.44).expected_value):
        with pytest.raises(safar.DataError, match=message):
            ask(data)
    summary = {"customer": np.arange(3_000), **simulated(3_000, 8), "mean_value": np.full(3_000, 5.0)}
    summary["valued"] = np.where(
        summary["customer"] == 7, np.nan if number is None else number, summary["frequency"]
    )
    with pytest.raises(safar.DataError, match=r'column "valued": 1 row has no number of purchases .*row 7'):
        safar.lifetime_value(summary, draws=0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 100), (2, 80)], "expected 0, 1, 2"),
        ([(0, 100), (1, 120)], "120 customers in period 1 after 100"),
        ([(0, 100), (1, 100)], "no customer left"),
        ([(0, -1), (1, -2)], "at least 0"),
    ],
)
def test_cohorts_that_cannot_be_are_refused(rows: list[tuple[int, int]], message: str) -> None:
    period, number = zip(*rows, strict=True)
    with pytest.raises(safar.DataError, match=message):
        ShiftedBetaGeometric.fit({"period": list(period), "customers": list(number)})


def test_a_lifetime_without_end_is_refused() -> None:
    with pytest.raises(safar.ArgumentError, match="no end unless alpha is above 1"):
        ShiftedBetaGeometric.of(alpha=0.7, beta=1.2).expected_lifetime(0)
    with pytest.raises(safar.ArgumentError, match="no end"):
        ParetoNbd.of(r=1, alpha=1, s=1, beta=1).discounted_expected_purchases(customers((1, 1, 2)), 0)


def test_parameters_and_models_are_checked_by_name() -> None:
    with pytest.raises(
        safar.ArgumentError, match='"alfa" is not a parameter of BG/NBD; did you mean "alpha"'
    ):
        BgNbd.of(r=1, alfa=1, a=1, b=1)
    with pytest.raises(safar.ArgumentError, match='lacks "b"'):
        BgNbd.of(r=1, alpha=1, a=1)
    with pytest.raises(safar.ArgumentError, match="are above 0"):
        BgNbd.of(r=1, alpha=0, a=1, b=1)
    with pytest.raises(safar.ArgumentError, match='"bgnbd" is not a model; did you mean "bg_nbd"'):
        FittedModel.from_json('{"model": "bgnbd"}')
    with pytest.raises(safar.ArgumentError, match="the fields of BG/NBD"):
        FittedModel.from_json('{"model": "bg_nbd", "colour": 1}')
    for text in ("{", "[]"):
        with pytest.raises(safar.ArgumentError, match="the model is not"):
            FittedModel.from_json(text)


def test_given_parameters_have_no_errors_and_did_not_converge() -> None:
    model = MODELS[0]
    assert not model.converged
    assert model.parameters.to_dict()["standard_error"] == [None] * 4


def test_an_unknown_score_names_those_there_are() -> None:
    with pytest.raises(safar.ArgumentError, match=r'"bgnbd" is not a score; did you mean "bg_nbd"'):
        _core.score(_core.Table({"frequency": np.zeros(1)}), "bgnbd", "{}")


# ------------------------------------------------------------------------------------------------------------- charts


@pytest.mark.parametrize(
    "model", [*MODELS, BgBb.of(alpha=1.2, beta=0.8, gamma=0.7, delta=2.8)], ids=lambda model: model.model
)
@pytest.mark.parametrize("what", ["alive", "purchases"])
def test_a_chart_has_every_history_that_can_be(model: PurchaseModel, what: Any) -> None:
    rows = model.plot(24, what=what, horizon=12, most=5).data.values
    for row in rows:
        history = customers((row["frequency"], row["recency"], 24))
        own = model.probability_alive(history) if what == "alive" else model.expected_purchases(history, 12)
        assert row["value"] == pytest.approx(own[0])
        assert 0 <= row["share"] <= 1
    cells = {(row["frequency"], row["recency"]) for row in rows}
    times = [2 * step for step in range(1, 13)]
    possible = {
        (bought, last) for bought in range(1, 6) for last in times if not model.counted or bought <= last
    }
    assert cells == {(0, 0), *possible}
    assert len(cells) == len(rows)


def test_a_chart_of_a_model_with_covariates_is_of_customers_without() -> None:
    model = BgNbd((0.243, 4.414, 0.793, 2.426, 0.5), purchase_covariates=("app",))
    plain = BgNbd.of(r=0.243, alpha=4.414, a=0.793, b=2.426)
    assert model.plot(30).data.values == plain.plot(30).data.values


def test_a_chart_of_a_contract_has_its_survival_and_retention() -> None:
    model = ShiftedBetaGeometric.of(alpha=0.668, beta=3.806, unit="year")
    rows = model.plot(12).data.values
    assert [row["survival"] for row in rows] == pytest.approx(model.survival(range(13)))
    assert [row["retention"] for row in rows[1:]] == pytest.approx(model.retention(range(1, 13)))
    assert rows[0] == {"period": 0, "survival": 1.0, "retention": None}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: MODELS[0].plot(0), "age=0; expected a time above 0"),
        (lambda: MODELS[0].plot(10, horizon=-1), "horizon=-1"),
        (lambda: MODELS[0].plot(10, what="both"), "what='both' is not a choice"),
        (lambda: MODELS[0].plot(10, most=100), "most=100"),
        (lambda: ShiftedBetaGeometric.of(alpha=1, beta=1).plot(0), "periods=0"),
    ],
)
def test_charts_of_models_refuse_what_they_cannot_draw(ask: Any, said: str) -> None:
    with pytest.raises(safar.ArgumentError, match=said):
        ask()
