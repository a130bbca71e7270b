"""Campaigns: whom to contact with what it may cost, beside plain Python, and what contacts reach in a report."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

import safar
from safar import _table
from safar._core import Table
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.models.prediction.campaign import CampaignResult, Limits, campaign_of
from test_said import unsaid

COSTS = safar.Profit(value=60.0, offer=8.0, contact=1.0, accept=(6.0, 14.0))


def scored(probabilities: list[float]) -> Table:
    """A table of scores, whose customers stand in no order."""
    ids = [f"c{(7 * place) % 101}" for place in range(len(probabilities))]
    return _table.table_of(
        {"customer": np.array(ids, dtype=object), "probability": np.array(probabilities, dtype=np.float64)}
    )


def asked(
    probabilities: list[float],
    profit: safar.Profit = COSTS,
    capacity: float | None = None,
    budget: float | None = None,
    values: Any = None,
) -> CampaignResult:
    return campaign_of(scored(probabilities), profit, Limits(capacity, budget), values, "Who leaves.", "UTC")


@given(st.data())
def test_who_is_contacted_is_who_brings_most(data: st.DataObject) -> None:
    chances = data.draw(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=1, max_size=30))
    profit = safar.Profit(
        value=data.draw(st.sampled_from([20.0, 60.0, 200.0])),
        offer=data.draw(st.sampled_from([0.0, 8.0])),
        contact=data.draw(st.sampled_from([0.0, 1.0, 5.0])),
        accept=data.draw(st.sampled_from([(6.0, 14.0), (1.0, 1.0)])),
    )
    capacity = data.draw(st.none() | st.integers(1, 40) | st.sampled_from([0.05, 0.1, 0.5, 1.0]))
    budget = data.draw(st.none() | st.sampled_from([0.0, 3.0, 20.0, 1e6]))
    ids = scored(chances).numpy("customer")[0].tolist()
    worth = {name: data.draw(st.sampled_from([0.0, 15.0, 60.0, None])) for name in ids}
    values = worth if data.draw(st.booleans()) and set(worth.values()) != {None} else None
    stays = profit.accept[0] / sum(profit.accept)
    people = []
    for name, chance in zip(ids, chances, strict=True):
        value = profit.value if values is None else values[name]
        if value is None:
            continue
        # What comes to pass, by what the customer would do and whether the offer is taken.
        gain = cost = 0.0
        for leaves, takes in product((True, False), repeat=2):
            share = (chance if leaves else 1 - chance) * (
                (stays if takes else 1 - stays) if leaves else float(takes)
            )
            paid = profit.contact + (profit.offer if takes else 0.0)
            gain += share * ((value if leaves and takes else 0.0) - paid)
            cost += share * paid
        free = math.copysign(math.inf, gain) if gain else 0.0
        merit = gain if budget is None else gain / cost if cost else free
        people.append((-round(merit, 9), -chance, name, gain, cost))
    people.sort(key=lambda each: (each[0], each[1], each[2]))
    result = asked(chances, profit, capacity, budget, values)
    most = (
        len(ids)
        if capacity is None
        else capacity
        if isinstance(capacity, int)
        else int(capacity * len(ids) + 1e-9)
    )
    expected, spent = [], 0.0
    for _, _, name, gain, cost in people:
        if gain <= 1e-12 or len(expected) == most or (budget is not None and spent + cost > budget + 1e-9):
            break
        expected.append((name, gain, cost))
        spent += cost
    found = result.to_dict()
    assert found["customer"] == [name for name, _, _ in expected]
    assert found["expected_gain"] == pytest.approx([gain for _, gain, _ in expected])
    assert found["expected_cost"] == pytest.approx([cost for _, _, cost in expected])
    assert found["gain_so_far"] == pytest.approx(np.cumsum([gain for _, gain, _ in expected]))
    totals = {name: values[0] for name, values in result.totals.to_dict().items()}
    assert totals["expected_profit"] == pytest.approx(sum(gain for _, gain, _ in expected), abs=1e-9)
    assert totals["expected_costs"] == pytest.approx(spent, abs=1e-9)
    assert totals["most_costs"] >= totals["expected_costs"] - 1e-9
    left = len(people) - len(expected)
    assert (result.stopped_by == "customers") == (left == 0)


def test_no_other_choice_of_as_many_brings_more() -> None:
    draw = np.random.default_rng(1)
    chances = draw.random(40).round(2).tolist()
    values = {name: float(draw.integers(0, 200)) for name in scored(chances).numpy("customer")[0].tolist()}
    best = asked(chances, capacity=7, values=values).totals.to_dict()["expected_profit"][0]
    everybody = asked(chances, values=values).to_dict()
    for _ in range(300):
        some = draw.choice(len(everybody["customer"]), 7, replace=False)
        assert sum(everybody["expected_gain"][place] for place in some) <= best + 1e-9


def test_intervals_are_those_of_their_distributions() -> None:
    few = asked([0.4] * 30, capacity=30, profit=safar.Profit(value=600.0)).totals.to_dict()
    assert (few["cases_low"][0], few["cases_high"][0]) == (
        binom.ppf(0.025, 30, 0.4),
        binom.ppf(0.975, 30, 0.4),
    )
    many = asked([0.4] * 3_000, profit=safar.Profit(value=600.0)).totals.to_dict()
    assert many["cases_low"][0] == pytest.approx(binom.ppf(0.025, 3_000, 0.4), abs=1)
    assert many["cases_high"][0] == pytest.approx(binom.ppf(0.975, 3_000, 0.4), abs=1)
    low, high = beta.ppf([0.025, 0.975], 6, 14)
    chosen = asked([0.9, 0.8]).totals.to_dict()
    for name, share in (("profit_low", low), ("profit_high", high), ("expected_profit", 0.3)):
        assert chosen[name][0] == pytest.approx(1.7 * share * 52 - 0.3 * 8 - 2)


def test_of_equal_customers_the_first_by_id_come_and_the_others_are_counted() -> None:
    found = asked([0.9, 0.9, 0.9, 0.9], capacity=2)
    assert found.to_dict()["customer"] == ["c0", "c14"]
    assert "2 further customers have the expected gain of the last one" in found.definition
    assert "After 2 customers the capacity is used up." in found.definition
    alone = asked([0.9, 0.9, 0.9], capacity=2)
    assert "1 further customer has" in alone.definition


def test_customers_without_a_value_are_left_out_and_counted() -> None:
    values = {"c0": 100.0, "c7": None, "c14": float("nan")}
    found = asked([0.9, 0.9, 0.9, 0.9], values=values)
    assert found.to_dict()["customer"] == ["c0"]
    assert "3 customers without a value are left out." in found.definition
    assert found.stopped_by == "customers"
    assert asked([0.9, 0.9, 0.9, 0.9], values=pd.Series(values)).to_dict() == found.to_dict()


def test_nobody_is_contacted_where_that_brings_nothing() -> None:
    found = asked([0.01, 0.02])
    assert (len(found), found.stopped_by) == (0, "gain")
    assert found.totals.to_dict()["expected_profit"] == [0.0]
    poor = asked([0.9, 0.9], budget=0.5)
    assert (len(poor), poor.stopped_by) == (0, "budget")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"capacity": 0}, ArgumentError, "capacity=0; expected at least 1"),
        ({"capacity": 1.5}, ArgumentError, "capacity=1.5 is no share"),
        ({"capacity": -0.1}, ArgumentError, "no share"),
        ({"capacity": "ten"}, ArgumentTypeError, "capacity='ten' is a str"),
        ({"capacity": True}, ArgumentTypeError, "capacity=True"),
        ({"budget": -1.0}, ArgumentError, "budget"),
        ({"budget": float("nan")}, ArgumentError, "budget"),
        ({"values": 3}, ArgumentTypeError, "values is a int; expected a mapping"),
        ({"values": {"nobody": 3}}, DataError, "names none of the 2 customers"),
        ({"values": {"c0": "much"}}, ArgumentTypeError, "values holds 'much'"),
        ({"values": {"c0": -3}}, DataError, r"worth less than nothing \(such as 'c0': -3\)"),
    ],
)
def test_what_makes_no_campaign_is_refused(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        asked([0.5, 0.6], **options)


@pytest.fixture(scope="module")
def model() -> safar.PredictionModel:
    log = safar.datasets.shop(600).log()
    return safar.churn(log, predict="45d", observe="90d", estimator="logistic", profit=COSTS)


def test_scores_of_a_log_become_a_campaign_worth_of_its_customers(model: safar.PredictionModel) -> None:
    log = safar.datasets.shop(600).log()
    scores = model.score(log, reasons=0)
    worth = safar.lifetime_value(log, draws=0).to_dict()
    values = dict(zip(worth["customer"], worth["lifetime_value"], strict=True))
    found = scores.campaign(COSTS, capacity=20, values=values)
    assert len(found) == 20
    assert found.to_dict()["value"] == [values[name] for name in found.to_dict()["customer"]]
    assert unsaid(found.definition) == []
    with pytest.raises(ArgumentTypeError, match=r"profit=200 is a int; expected .* safar.Profit"):
        scores.campaign(200)  # type: ignore[arg-type]
    chart = found.plot(language="fa").to_dict()
    drawn = [row for rows in chart["datasets"].values() for row in rows]
    assert max(row["profit"] for row in drawn if row["customers"] == 20) == pytest.approx(
        found.totals.to_dict()["expected_profit"][0]
    )


def test_leads_take_an_offer_only_where_they_buy() -> None:
    log = safar.datasets.shop(600).log()
    scores = safar.leads(log, "purchase", predict="45d", estimator="logistic").score(log, reasons=0)
    found = scores.campaign(safar.Profit(value=50, offer=0, contact=1, accept=(1, 4)), capacity=30).to_dict()
    expected = [0.2 * chance * 50 - 1 for chance in found["probability"]]
    assert found["expected_gain"] == pytest.approx(expected)


def test_contacts_of_a_report_are_counted_at_each_score(model: safar.PredictionModel) -> None:
    report = model.report
    assert report is not None
    rows = report.contacts.to_polars().to_dicts()
    last = report.folds.to_polars().to_dicts()[-1]
    assert rows[-1]["customers"] == last["cases"]
    assert rows[-1]["true"] == last["true"]
    assert (rows[-1]["contacted"], rows[-1]["captured"]) == (1.0, 1.0)
    assert sum(row["best"] for row in rows) == 1
    assert max(row["profit"] for row in rows) == next(row["profit"] for row in rows if row["best"])
    base = last["true"] / last["cases"]
    for row, before in zip(rows[1:], rows, strict=False):
        assert row["customers"] > before["customers"]
        assert row["precision"] == pytest.approx(row["true"] / row["customers"])
        assert row["lift"] == pytest.approx(row["precision"] / base)
        assert row["precision_low"] < row["precision"] + 1e-12
        bought = row["true"] * (0.3 * 52 - 1) - (row["customers"] - row["true"]) * 9
        assert row["profit"] == pytest.approx(bought / last["cases"])
    # The table in steps lies on the line through these.
    steps = report.gains.to_polars().to_dicts()
    x, y = [0.0, *(row["contacted"] for row in rows)], [0.0, *(row["captured"] for row in rows)]
    assert [row["captured"] for row in steps] == pytest.approx(
        np.interp([row["contacted"] for row in steps], x, y)
    )
