"""Customer value of a log: purchases counted by hand, figures by the models alone, holdout, reasons and refusals."""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from safar.models import BgNbd, FittedModel, GammaGamma, MbgNbd, ParetoNbd
from test_customer_value import cdnow_log, customers, needs_cdnow, simulated

TEHRAN = zoneinfo.ZoneInfo("Asia/Tehran")


def shop() -> safar.EventLog:
    """Purchases of 600 customers, some of several a day, with values, and views in between."""
    chance = np.random.default_rng(5)
    rows: list[tuple[str, dt.datetime, str, float | None]] = []
    for customer in range(600):
        rate, stop, mean = chance.gamma(0.8, 1 / 15), chance.beta(0.9, 3), chance.gamma(6, 5)
        time = dt.datetime(2026, 1, 1, 9) + dt.timedelta(days=float(chance.uniform(0, 60)))
        while time < dt.datetime(2026, 9, 1):
            rows.append((f"c{customer:03}", time, "purchase", round(float(chance.gamma(6, mean / 6)), 2)))
            rows.append((f"c{customer:03}", time + dt.timedelta(seconds=30), "view", None))
            if chance.random() < 0.1:
                rows.append((f"c{customer:03}", time + dt.timedelta(minutes=1), "purchase", 3.0))
            if chance.random() < stop:
                break
            time += dt.timedelta(days=float(chance.exponential(1 / rate)))
    data = dict(zip(("customer", "time", "event", "value"), map(list, zip(*rows, strict=True)), strict=True))
    return safar.EventLog(
        data,
        customer="customer",
        time="time",
        event="event",
        value="value",
        timezone="Asia/Tehran",
        observed_until="2026-09-01",
    )


@pytest.fixture(scope="module")
def log() -> safar.EventLog:
    return shop()


@pytest.fixture(scope="module")
def result(log: safar.EventLog) -> safar.LifetimeValueResult:
    return safar.lifetime_value(log, holdout="60d")


# --------------------------------------------------------------------------------------------------------- counting


def counted(rows: list[tuple[Any, ...]], events: set[str], at: dt.datetime) -> dict[Any, tuple[Any, ...]]:
    """Days with purchases of each customer by hand: repeats, first to last, first to the end, valued, mean value."""
    days: dict[Any, dict[dt.date, list[float]]] = defaultdict(lambda: defaultdict(list))
    for customer, time, event, value in rows:
        if event in events and time <= at:
            known = days[customer][time.astimezone(TEHRAN).date()]
            known.extend([] if value is None else [value])
    found = {}
    for customer, own in days.items():
        first, last = min(own), max(own)
        sums = [sum(values) for day, values in own.items() if values and day != first]
        mean = sum(sums) / len(sums) if sums else None
        age = (at.astimezone(TEHRAN).date() - first).days
        found[customer] = (len(own) - 1, (last - first).days, age, len(sums), mean)
    return found


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 20 * 24),
            st.sampled_from("abc"),
            st.one_of(st.none(), st.integers(-5, 50).map(float)),
        ),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 20 * 24),
    st.sampled_from([1, 7]),
)
def test_purchases_are_days_of_the_zone(rows: list[tuple[Any, ...]], at: int, unit_days: int) -> None:
    start = dt.datetime(2026, 3, 19, tzinfo=dt.UTC)
    events = [
        (customer, start + dt.timedelta(hours=hour), event, value) for customer, hour, event, value in rows
    ]
    names = ("customer", "time", "event", "value")
    data: dict[str, Any] = dict(zip(names, map(list, zip(*events, strict=True)), strict=True))
    data["value"] = np.array(data["value"], dtype=np.float64)
    log = safar.EventLog(
        data,
        customer="customer",
        time="time",
        event="event",
        value="value",
        timezone="Asia/Tehran",
    )
    end = start + dt.timedelta(hours=at)
    at_us = int(end.timestamp()) * 1_000_000
    params = {"events": ["a", "b"], "at_us": at_us, "value": "value", "unit_days": unit_days}
    table = safar.ResultTable(
        log.ask("rfm_purchases", {"params": params, "by": None, "at": "entry"}), "", "UTC"
    )
    expected = counted(events, {"a", "b"}, end)
    columns = table.to_dict()
    assert sorted(columns["customer"]) == sorted(expected)
    for row in zip(*columns.values(), strict=True):
        customer, repeats, recency, age, valued, mean = row
        own = expected[customer]
        assert (repeats, recency * unit_days, age * unit_days, valued) == pytest.approx(own[:4])
        assert mean == (None if own[4] is None else pytest.approx(own[4]))


# ---------------------------------------------------------------------------------------------------------- figures


def test_a_customer_s_figures_are_those_of_the_models(result: safar.LifetimeValueResult) -> None:
    columns = result.to_dict()
    assert result.spending is not None
    rows = {name: columns[name] for name in ("frequency", "recency", "age")}
    assert columns["probability_alive"] == pytest.approx(result.model.probability_alive(rows))
    assert columns["expected_purchases"] == pytest.approx(result.model.expected_purchases(rows, 365))
    values = {"frequency": columns["valued"], "mean_value": columns["mean_value"]}
    expected = result.spending.expected_value(values)
    assert columns["expected_value"] == pytest.approx(expected)
    worth, before = np.zeros(len(result)), np.zeros(len(result))
    for end in [*range(30, 365, 30), 365]:
        until = result.model.expected_purchases(rows, end)
        worth += (until - before) * expected / 1.1 ** (end / 365)
        before = until
    assert columns["lifetime_value"] == pytest.approx(worth)
    assert columns["reason"] == [None] * len(result)


def test_discount_margin_and_horizon_change_what_they_say(log: safar.EventLog) -> None:
    plain = safar.lifetime_value(log, discount=0, draws=0).to_dict()
    half = safar.lifetime_value(log, discount=0, margin=0.5, draws=0).to_dict()
    later = safar.lifetime_value(log, discount=0.2, draws=0).to_dict()
    assert half["lifetime_value"] == pytest.approx(np.array(plain["lifetime_value"]) / 2)
    product = np.array(plain["expected_value"]) * plain["expected_purchases"]
    assert plain["lifetime_value"] == pytest.approx(product)
    ratio = np.array(later["lifetime_value"]) / plain["lifetime_value"]
    assert ((ratio > 1 / 1.2) & (ratio < 1)).all()
    assert plain["lifetime_value_low"] == [None] * len(plain["customer"])


def test_weeks_and_days_give_the_same_figures(log: safar.EventLog) -> None:
    days, weeks = (safar.lifetime_value(log, unit=unit, draws=0).to_dict() for unit in ("day", "week"))
    assert np.array(weeks["age"]) * 7 == pytest.approx(np.array(days["age"]))
    for name in ("probability_alive", "expected_purchases", "lifetime_value"):
        assert weeks[name] == pytest.approx(days[name], rel=1e-4)


def test_intervals_hold_the_estimate_and_are_the_same_for_one_seed(
    log: safar.EventLog, result: safar.LifetimeValueResult
) -> None:
    columns = result.to_dict()
    for name in ("probability_alive", "expected_purchases", "lifetime_value"):
        value, low, high = (np.array(columns[name + end]) for end in ("", "_low", "_high"))
        assert ((low < high) & (low > 0)).all()
        assert np.mean((low <= value) & (value <= high)) > 0.99
    again = safar.lifetime_value(log, seed=0).to_dict()
    other = safar.lifetime_value(log, seed=1).to_dict()
    assert again["lifetime_value_low"] == columns["lifetime_value_low"]
    assert other["lifetime_value_low"] != columns["lifetime_value_low"]
    # Rows with the same history have the same intervals, as quantiles of the draws by NumPy have them.
    from safar.models.value.fitted import drawn

    draws = drawn(result.model, 200, 0)[1:]
    row = {name: [columns[name][7]] for name in ("frequency", "recency", "age")}
    found = [MbgNbd(tuple(draw)).expected_purchases(row, 365)[0] for draw in draws.tolist()]
    low, high = np.quantile(found, [0.025, 0.975])
    assert columns["expected_purchases_low"][7] == pytest.approx(low)
    assert columns["expected_purchases_high"][7] == pytest.approx(high)
    found = [MbgNbd(tuple(draw)).probability_alive(row)[0] for draw in draws.tolist()]
    low, high = np.quantile(found, [0.025, 0.975])
    assert columns["probability_alive_low"][7] == pytest.approx(low)
    assert columns["probability_alive_high"][7] == pytest.approx(high)
    # With a discount in each draw of its own, the interval of the worth is the same to a hundredth.
    assert result.spending is not None
    means = drawn(result.spending, 200, 1)[1:]
    values = {"frequency": [columns["valued"][7]], "mean_value": [columns["mean_value"][7]]}
    worth = []
    for draw, mean in zip(draws.tolist(), means.tolist(), strict=True):
        model = MbgNbd(tuple(draw))
        until = [model.expected_purchases(row, end)[0] for end in [0, *range(30, 365, 30), 365]]
        discounted = np.diff(until) @ [1.1 ** (-end / 365) for end in [*range(30, 365, 30), 365]]
        worth.append(discounted * GammaGamma(tuple(mean)).expected_value(values)[0])
    low, high = np.quantile(worth, [0.025, 0.975])
    assert columns["lifetime_value_low"][7] == pytest.approx(low, rel=0.01)
    assert columns["lifetime_value_high"][7] == pytest.approx(high, rel=0.01)


@pytest.mark.parametrize(("model", "kind"), [("bg_nbd", BgNbd), ("pareto_nbd", ParetoNbd)])
def test_every_model_of_purchases_can_be_chosen(
    log: safar.EventLog, model: Any, kind: type[FittedModel]
) -> None:
    found = safar.lifetime_value(log, model=model, draws=10)
    assert type(found.model) is kind
    assert kind.words in found.definition
    assert ("alive by construction" in found.definition) == (kind is BgNbd)


def test_a_summary_gives_the_figures_of_its_log(log: safar.EventLog) -> None:
    of_log = safar.lifetime_value(log, draws=20)
    names = ["customer", "frequency", "recency", "age", "valued", "mean_value"]
    columns = of_log.to_dict()
    of_summary = safar.lifetime_value({name: columns[name] for name in names}, draws=20)
    assert of_summary.to_dict() == columns
    pandas = of_log.to_pandas()[names]
    assert safar.lifetime_value(pandas, draws=20).to_dict() == columns


def test_a_log_in_parts_gives_the_figures_of_the_whole(log: safar.EventLog, tmp_path: Any) -> None:
    path = tmp_path / "events.parquet"
    log.to_polars().write_parquet(path)
    parts = safar.scan(
        path, customer="customer", time="time", event="event", value="value", timezone="Asia/Tehran",
        observed_until="2026-09-01",
    )  # fmt: skip
    whole, found = (safar.lifetime_value(each, draws=0).to_polars().sort("customer") for each in (log, parts))
    assert found["customer"].to_list() == whole["customer"].to_list()
    assert found["lifetime_value"].to_list() == pytest.approx(whole["lifetime_value"].to_list(), rel=1e-6)


def test_customers_without_a_usable_value_have_a_reason() -> None:
    data = simulated(3_000, 8)
    chance = np.random.default_rng(1)
    mean = chance.gamma(6, chance.gamma(4, 2, 3_000))
    mean[:5] = [0, -3, 10, 10, 10]
    data["frequency"][:5] = [2, 3, 0, 2, 1]
    data["recency"][:5] = [10, 20, 0, 30, 5]
    summary = {"customer": np.arange(3_000), **data, "mean_value": mean}
    found = safar.lifetime_value(summary, draws=0)
    columns = found.to_dict()
    assert columns["reason"][:5] == ["mean value not above 0", "mean value not above 0", None, None, None]
    assert columns["lifetime_value"][:2] == columns["expected_value"][:2] == [None, None]
    assert columns["expected_purchases"][0] > 0
    assert found.spending is not None
    # Of who bought once nothing is known but the mean of all.
    everyone = found.spending.estimates[0] * found.spending.estimates[2] / (found.spending.estimates[1] - 1)
    assert columns["expected_value"][2] == pytest.approx(everyone)
    assert "2 customers whose mean value is not above 0 have none" in found.definition


def test_without_values_there_are_purchases_and_no_worth() -> None:
    summary = {"customer": np.arange(3_000), **simulated(3_000, 8)}
    found = safar.lifetime_value(summary, draws=0)
    columns = found.to_dict()
    assert found.spending is found.correlation is None
    assert set(columns["reason"]) == {"no values"}
    assert set(columns["lifetime_value"]) == {None}
    assert min(columns["expected_purchases"]) > 0
    assert len(found.parameters) == 4


def test_a_tie_of_frequency_and_value_is_told() -> None:
    data = simulated(3_000, 8)
    chance = np.random.default_rng(1)
    mean = (1 + data["frequency"]) * chance.gamma(6, 1, 3_000)
    found = safar.lifetime_value({"customer": np.arange(3_000), **data, "mean_value": mean}, draws=0)
    assert found.correlation is not None
    assert found.correlation > 0.3
    assert "values of frequent buyers are off" in found.definition


def test_outcomes_of_single_customers_are_wider_than_intervals_of_their_mean(
    result: safar.LifetimeValueResult,
) -> None:
    columns = result.to_dict()
    first, second = np.argsort(columns["expected_purchases"])[-2:].tolist()
    first, second = sorted((first, second))
    chosen = [columns["customer"][place] for place in (second, first)]
    found = result.outcomes(chosen, draws=4_000, level=0.9).to_dict()
    assert found["customer"] == chosen[::-1]
    assert result.spending is not None
    for place, row in enumerate((first, second)):
        assert (
            found["purchases_low"][place]
            <= columns["expected_purchases"][row]
            <= found["purchases_high"][place]
        )
        assert found["value_low"][place] <= found["value_median"][place] <= found["value_high"][place]
        assert found["value_high"][place] > columns["lifetime_value_high"][row]
    table = result.table.rows(np.array([first, second]))
    draws = np.random.default_rng(2).random((7, 60_000))
    purchases = result.model.drawn(table, 365, draws)
    spent = result.spending.drawn(table, "valued", purchases, draws)
    means = [columns["expected_purchases"][row] * columns["expected_value"][row] for row in (first, second)]
    assert spent.mean(axis=1) == pytest.approx(means, rel=0.03)
    # Worth today: what a discount leaves of the mean, of each value alike.
    left = [columns["lifetime_value"][row] / mean for row, mean in zip((first, second), means, strict=True)]
    assert np.quantile(spent, 0.95, axis=1) * left == pytest.approx(found["value_high"], rel=0.05)


def test_outcomes_without_a_value_have_their_reason() -> None:
    data = simulated(3_000, 8)
    chance = np.random.default_rng(1)
    mean = chance.gamma(6, chance.gamma(4, 2, 3_000))
    data["frequency"][:2], data["recency"][:2], mean[:2] = [2, 30], [10, 199], [0, 20]
    summary = {"customer": np.arange(3_000), **data, "mean_value": mean}
    found = safar.lifetime_value(summary, draws=0).outcomes([0, 1]).to_dict()
    assert found["reason"] == ["mean value not above 0", None]
    assert found["value_high"][0] is None
    assert found["value_high"][1] > 0
    plain = safar.lifetime_value({name: summary[name] for name in ("customer", *data)}, draws=0)
    assert plain.outcomes([1]).to_dict()["value_high"] == [None]
    with pytest.raises(safar.ArgumentError, match="customers=7777: no row of these 3,000"):
        plain.outcomes([1, 7777])
    with pytest.raises(safar.ArgumentError, match=r"customers=\[\]"):
        plain.outcomes([])


# ---------------------------------------------------------------------------------------------------------- holdout


def test_a_holdout_counts_what_came_and_forecasts_by_the_time_before(
    log: safar.EventLog, result: safar.LifetimeValueResult
) -> None:
    assert result.holdout is not None
    columns = result.holdout.to_dict()
    start = dt.datetime(2026, 7, 3, tzinfo=TEHRAN)
    before = safar.lifetime_value(log, at=start.isoformat(), draws=0)
    assert result.holdout.model == before.model
    known = before.to_dict()
    rows = {name: known[name] for name in ("frequency", "recency", "age")}
    assert columns["week"] == list(range(1, 10))
    assert columns["until"][-1] == dt.datetime(2026, 9, 1, tzinfo=TEHRAN)
    for place, week in enumerate((7, 14, 21)):
        forecast = before.model.expected_purchases(rows, week).sum()
        assert columns["forecast_so_far"][place] == pytest.approx(forecast)
    assert columns["forecast_so_far"][-1] == pytest.approx(before.model.expected_purchases(rows, 60).sum())
    assert np.cumsum(columns["forecast"]) == pytest.approx(columns["forecast_so_far"])
    # Days with purchases after the start, of customers who had bought by then.
    events = log.to_pandas()
    bought = events[events["event"] == "purchase"].assign(day=lambda frame: frame["time"].dt.date)
    days = bought.drop_duplicates(["customer", "day"])
    mine = days[days["customer"].isin(known["customer"]) & (days["time"] > start)]
    assert columns["actual_so_far"][-1] == len(mine)
    assert columns["actual"][0] == (mine["time"] <= start + dt.timedelta(days=7)).sum()
    by = result.holdout.by_frequency.to_dict()
    assert sum(by["customers"]) == len(before)
    total = sum(number * each for number, each in zip(by["customers"], by["actual"], strict=True))
    assert total == pytest.approx(len(mine))
    assert result.holdout.correlation is not None
    assert result.holdout.correlation > 0.2


@needs_cdnow
def test_the_forecast_of_cdnow_is_close_to_what_came() -> None:
    found = safar.lifetime_value(
        cdnow_log(), model="bg_nbd", at="1998-06-30", unit="week", holdout="273d", draws=0
    ).holdout
    assert found is not None
    by = found.by_frequency.to_dict()
    # Fader, Hardie and Lee 2005, figure 6: purchases in weeks 40 to 78 by those in weeks 1 to 39.
    assert by["customers"] == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert by["forecast"][0] == pytest.approx(0.23, abs=0.01)
    assert by["actual"][0] == pytest.approx(0.24, abs=0.01)
    columns = found.to_dict()
    assert columns["forecast_so_far"][-1] == pytest.approx(columns["actual_so_far"][-1], rel=0.2)


# ------------------------------------------------------------------------------------------------- around the table


def test_a_customer_is_explained(log: safar.EventLog, result: safar.LifetimeValueResult) -> None:
    row = result.to_dict()
    place = next(place for place, number in enumerate(row["frequency"]) if number == 3)
    customer = row["customer"][place]
    told = result.explain(customer)
    decisions = told.to_dict()["decision"]
    assert [each for each in decisions if "purchase" in each and each[0] in "fr"] == [
        "first purchase",
        "repeat purchase 1",
        "repeat purchase 2",
        "repeat purchase 3",
    ]
    assert decisions.count("no purchase") == sum(event == "view" for event in told.to_dict()["event"])
    said = " ".join(told.conclusion)
    assert f"{row['probability_alive'][place]:.1%}" in said
    assert f"{row['expected_value'][place]:,.2f}" in said
    end = told.to_dict()["time"][0] + dt.timedelta(seconds=1)
    early = safar.lifetime_value(log, at=max(end.isoformat(), "2026-05-01"), draws=0).explain(customer)
    late = [time > max(end, dt.datetime(2026, 5, 1, tzinfo=TEHRAN)) for time in early.to_dict()["time"]]
    purchases = [event == "purchase" for event in early.to_dict()["event"]]
    assert [each == "after the end of observation" for each in early.to_dict()["decision"]] == [
        after and bought for after, bought in zip(late, purchases, strict=True)
    ]
    with pytest.raises(safar.ArgumentError, match="no event in this log"):
        result.explain("nobody")


def test_the_question_travels_as_json(result: safar.LifetimeValueResult, log: safar.EventLog) -> None:
    asked = json.loads(result.spec)
    assert asked.pop("question") == "lifetime_value"
    again = safar.lifetime_value(log, **asked)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec


def test_parameters_of_both_models_are_told(result: safar.LifetimeValueResult) -> None:
    columns = result.parameters.to_dict()
    assert columns["model"] == ["MBG/NBD"] * 4 + ["Gamma-Gamma"] * 3
    assert columns["parameter"] == ["r", "alpha", "a", "b", "p", "q", "v"]
    assert all(
        low < each < high
        for low, each, high in zip(columns["low"], columns["estimate"], columns["high"], strict=True)
    )
    assert isinstance(result.spending, GammaGamma)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"purchase": "buy"}, 'purchase "buy" is not an event'),
        ({"model": "bgnbd"}, 'model=.* did you mean "bg_nbd"'),
        ({"unit": "month"}, 'unit="month" has no fixed length'),
        ({"margin": 0}, "margin=0; expected a share"),
        ({"margin": 1.5}, "margin=1.5; expected a share"),
        ({"discount": -0.1}, "discount=-0.1; expected a number of at least 0"),
        ({"draws": 2.5}, "draws=2.5 is a float"),
        ({"draws": -1}, "draws=-1 is out of range"),
        ({"at": "2027-01-01"}, "at='2027-01-01' is after"),
        ({"at": "2020-01-01"}, "no customer has an event"),
        ({"value": "revenue"}, 'value "revenue" is not a column'),
        ({"holdout": "300d"}, 'holdout="300d" leaves no purchase before it'),
        ({"horizon": "soon"}, "horizon='soon'"),
    ],
)
def test_arguments_that_cannot_be_are_refused(
    log: safar.EventLog, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(safar.SafarError, match=message):
        safar.lifetime_value(log, **options)


def test_a_summary_has_no_time_to_hold_out_and_needs_its_columns() -> None:
    summary = {"customer": [1, 2], **customers((1, 2, 5), (0, 0, 5))}
    with pytest.raises(safar.ArgumentError, match="needs the events of a log"):
        safar.lifetime_value(summary, holdout="30d")
    with pytest.raises(safar.ArgumentError, match="is for a log"):
        safar.lifetime_value(summary, at="2026-01-01")
    with pytest.raises(safar.UnknownColumnError, match='no column "age"'):
        safar.lifetime_value({name: summary[name] for name in ("customer", "frequency", "recency")})
    with pytest.raises(safar.DataError, match="no customers"):
        safar.lifetime_value({name: np.array([], dtype=np.float64) for name in summary})
    found = safar.lifetime_value({"customer": np.arange(3_000), **simulated(3_000, 8)}, draws=0)
    with pytest.raises(safar.ArgumentError, match="comes from a summary"):
        found.explain(1)
