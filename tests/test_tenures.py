"""Tenures: since when customers of a log are ones, from when on they are watched, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import DAY, Event, journeys
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError, UnknownEventError
from strategies import BASE, logs, moment
from test_said import unsaid


def frame_of(rows: Sequence[Event], since: dict[str, int | None], text: bool = False) -> pl.DataFrame:
    instant = pl.Datetime("us", "UTC")
    begin = pl.Series([since.get(row.customer) for row in rows], dtype=pl.Int64).cast(instant)
    return pl.DataFrame(
        {
            "customer": [row.customer for row in rows],
            "time": pl.Series([row.time for row in rows], dtype=pl.Int64).cast(instant),
            "event": [row.event for row in rows],
            "plan": pl.Series([row.plan for row in rows], dtype=pl.String),
            "since": begin.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ") if text else begin,
        }
    )


ROLES: dict[str, Any] = {
    "customer": "customer",
    "time": "time",
    "event": "event",
    "attributes": ["plan", "since"],
}


class Tenure(NamedTuple):
    """What the definition says of one customer."""

    began: int
    entry: int
    duration: int
    cause: str | None


def tenure(
    journey: Sequence[Event],
    begins: int,
    first: int,
    ends: set[str],
    stops: set[str],
    watched: int,
    until: int,
) -> Tenure | str:
    """Follow one customer from `begins` on, whose events count from position `first`."""
    if begins > until:
        return "began after the data end"
    last = next((e for e in journey[first:] if e.event in ends | stops), None)
    over = until if last is None else last.time
    if begins < watched and over <= watched:
        return "gone before the watch began"
    cause = last.event if last is not None and last.event in ends else None
    return Tenure(begins, max(0, watched - begins), over - begins, cause)


@given(st.data())
def test_tenures_since_an_instant_equal_their_definition(data: st.DataObject) -> None:
    times = st.integers(0, 40).map(lambda step: BASE + step * DAY // 4)
    rows = data.draw(logs(times))
    names = sorted({row.event for row in rows})
    end, *others = data.draw(st.permutations(names))
    causes, stop = (others[:1], others[1:2]) if data.draw(st.booleans()) else ([], others[:1])
    last = max(row.time for row in rows)
    until = last + data.draw(st.sampled_from([0, DAY]))
    watched = data.draw(st.none() | times.filter(lambda time: time < until))
    customers = journeys(rows)
    since = {
        name: data.draw(st.none() | st.integers(-40, 60).map(lambda step: BASE + step * DAY // 4))
        for name in customers
    }
    log = safar.EventLog(
        frame_of(rows, since, text=data.draw(st.booleans())), **ROLES, observed_until=moment(until)
    )
    asked: dict[str, Any] = {
        "since": "since", "end": end, "causes": causes or None, "stop": stop or None, "columns": "plan",
        "watched_from": None if watched is None else moment(watched), "unit": "second",
    }  # fmt: skip
    expected: dict[str, Tenure] = {}
    missing = dict.fromkeys(
        ["no beginning known", "began after the data end", "gone before the watch began", "never began"], 0
    )
    begin = min(row.time for row in rows) if watched is None else watched
    for name, journey in customers.items():
        at = since[name]
        if at is None:
            missing["no beginning known"] += 1
            continue
        first = next((place for place, e in enumerate(journey) if e.time >= at), len(journey))
        found = tenure(journey, at, first, {end, *causes}, set(stop), begin, until)
        if isinstance(found, str):
            missing[found] += 1
        else:
            expected[name] = found
    if not expected:
        with pytest.raises(DataError, match="no customer is left"):
            safar.tenures(log, **asked)
        return
    result = safar.tenures(log, **asked)
    table = result.to_dict()
    assert dict(zip(*result.left_out.to_dict().values(), strict=True)) == missing
    assert sorted(table["customer"]) == sorted(expected)
    for place, name in enumerate(table["customer"]):
        found = expected[name]
        assert table["began"][place] == moment(found.began)
        assert table["entry"][place] == pytest.approx(found.entry / 1e6)
        assert table["duration"][place] == pytest.approx(found.duration / 1e6)
        assert table["event"][place] == (found.cause if causes else found.cause is not None)
        assert table["plan"][place] == customers[name][0].plan
    rows_of_survival = safar.survival(
        log, **{key: value for key, value in asked.items() if key != "columns"}, by="plan"
    )
    assert set(rows_of_survival.to_dict()["segment"]) == {customers[name][0].plan for name in expected}


@given(st.data())
def test_tenures_since_an_event_are_the_waits_of_a_conversion(data: st.DataObject) -> None:
    rows = data.draw(logs())
    names = sorted({row.event for row in rows})
    start, end = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    until = max(row.time for row in rows) + DAY
    log = safar.EventLog(frame_of(rows, {}), **ROLES, observed_until=moment(until))
    found = safar.tenures(log, start=start, end=end, unit="second")
    curve = safar.survival(found, duration="duration", event="event", entry="entry", unit="second")
    asked = safar.survival(log, start=start, end=end, resolution="1us", unit="second")
    for name in ("time", "at_risk", "events", "survival"):
        assert curve.to_dict()[name] == pytest.approx(asked.to_dict()[name], nan_ok=True)
    assert found.left_out.to_dict()["customers"][-1] == len({row.customer for row in rows}) - len(found)


def members(seed: int = 0, customers: int = 4_000) -> tuple[pl.DataFrame, float]:
    """Customers of two years who leave at one rate a day, of which the log holds the last year, and that rate."""
    random = np.random.default_rng(seed)
    rate = 1 / 300
    came = random.uniform(0, 730, customers)
    pro = random.random(customers) < 0.5
    left = came + random.exponential(1 / (rate * np.where(pro, 0.5, 1.0)))
    rows: list[tuple[str, float, str, float, str]] = []
    for number in range(customers):
        if left[number] <= 365:
            continue
        name, plan = f"u{number}", "pro" if pro[number] else "free"
        rows.append((name, max(came[number], 365 + random.random()), "visit", came[number], plan))
        if left[number] < 730:
            rows.append((name, left[number], "cancel", came[number], plan))
    frame = pl.DataFrame(rows, schema=["customer", "day", "event", "came", "plan"], orient="row")
    instant = (pl.col("day") * DAY + BASE).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    since = (pl.col("came") * DAY + BASE).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    return frame.with_columns(time=instant, since=since), rate


def test_customers_who_were_there_before_the_log_count_from_its_beginning_on() -> None:
    frame, rate = members()
    log = safar.EventLog(frame, **ROLES, observed_until=moment(BASE + 730 * DAY))
    asked: dict[str, Any] = {"since": "since", "end": "cancel", "watched_from": moment(BASE + 365 * DAY)}
    found = safar.survival(log, **asked, by="plan")
    at = {row["segment"]: row for row in found.at(200, 400).to_polars().to_dicts() if row["time"] == 400}
    for plan, factor in (("free", 1.0), ("pro", 0.5)):
        assert at[plan]["survival_low"] < np.exp(-rate * factor * 400) < at[plan]["survival_high"]
    rows = safar.tenures(log, **asked, columns="plan")
    ignored = safar.survival(rows, duration="duration", event="event", by="plan").at(400).to_dict()
    assert min(ignored["survival_low"]) > np.exp(-rate * 400)
    # The ratio of the rates, of Cox's model.
    model = safar.cox(rows, duration="duration", event="event", entry="entry", columns=["plan"]).to_dict()
    ratio = 2.0 if model["column"] == ["plan = free"] else 0.5
    assert model["hazard_ratio_low"][0] < ratio < model["hazard_ratio_high"][0]


def test_a_customer_is_explained_in_both_languages() -> None:
    rows = [
        Event("u", BASE - DAY, "visit"), Event("u", BASE + DAY, "visit"), Event("u", BASE + 3 * DAY, "cancel"),
        Event("u", BASE + 4 * DAY, "visit"), Event("u", BASE + 5 * DAY, "leave"),
        Event("v", BASE, "visit"), Event("v", BASE + DAY, "cancel"),
    ]  # fmt: skip
    log = safar.EventLog(
        frame_of(rows, {"u": BASE, "v": None}), **ROLES, observed_until=moment(BASE + 9 * DAY)
    )
    found = safar.tenures(log, since="since", end="cancel", watched_from=moment(BASE + DAY))
    why = found.explain("u")
    assert why.to_dict()["decision"] == [
        "before the beginning", "", "ends the time of the customer", *["after the end: not looked at"] * 2,
    ]  # fmt: skip
    assert "3 d after the beginning: an event ended it." in " ".join(why.conclusion)
    nobody = found.explain("v")
    assert "no beginning known" in " ".join(nobody.conclusion)
    assert set(nobody.to_dict()["decision"]) == {""}
    began = safar.tenures(log, start="visit", end="cancel")
    assert began.explain("u").to_dict()["decision"][:2] == ["the beginning", ""]
    late = safar.tenures(log, start="leave", end="visit")
    assert "never began" in " ".join(late.explain("v").conclusion)
    assert set(late.explain("v").to_dict()["decision"]) == {""}
    for each in (found.definition, began.definition, *why.conclusion, *found.explain("v").conclusion):
        assert unsaid(each) == []
    assert why.told("fa").to_dict()["decision"][2] == "زمان مشتری را پایان می‌دهد"


def test_data_in_parts_have_the_same_tenures() -> None:
    frame, _ = members(3)
    log = safar.EventLog(frame, **ROLES, observed_until=moment(BASE + 730 * DAY))
    scan = safar.scan(frame, **ROLES, observed_until=moment(BASE + 730 * DAY), memory="100 kB")
    assert scan.info["parts"] > 1
    found = [
        safar.tenures(each, since="since", end="cancel", columns="plan").to_polars().sort("customer")
        for each in (log, scan)
    ]
    assert found[0].equals(found[1])


@given(st.data())
def test_renewals_are_counted_customer_by_customer(data: st.DataObject) -> None:
    rows = data.draw(logs(st.integers(0, 60).map(lambda step: BASE + step * DAY // 2)))
    names = sorted({row.event for row in rows})
    start, end = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    stop = data.draw(st.sampled_from([None, *(name for name in names if name != end)]))
    until = max(row.time for row in rows) + data.draw(st.sampled_from([0, DAY]))
    log = safar.EventLog(frame_of(rows, {}), **ROLES, observed_until=moment(until))
    expected: dict[tuple[int, int], int] = {}
    for journey in journeys(rows).values():
        first = next((place for place, e in enumerate(journey) if e.event == start), None)
        if first is None:
            continue
        began = journey[first].time
        last = next((e for e in journey[first + 1 :] if e.event in {end, stop}), None)
        gone = last.time if last is not None and last.event == end else None
        seen = until if last is None or gone is not None else last.time
        cohort = (seen - began) // (3 * DAY)
        for period in range(cohort + 1):
            there = period == 0 or gone is None or gone - began > period * 3 * DAY
            expected[cohort, period] = expected.get((cohort, period), 0) + there
    found = safar.tenures(log, start=start, end=end, stop=stop).renewals("3d").to_dict()
    assert (
        dict(zip(zip(found["cohort"], found["period"], strict=True), found["customers"], strict=True))
        == expected
    )


def test_a_model_of_contracts_is_fitted_to_a_log() -> None:
    random = np.random.default_rng(4)
    leaves = random.beta(0.7, 1.2, 4_000)
    lasts = random.geometric(leaves)
    came = random.integers(0, 6, 4_000)
    rows = [
        event
        for number, (first, months) in enumerate(zip(came.tolist(), lasts.tolist(), strict=True))
        for event in (
            Event(f"u{number}", BASE + first * 30 * DAY, "join"),
            Event(f"u{number}", BASE + (first + months) * 30 * DAY, "cancel"),
        )
        if event.time <= BASE + 300 * DAY
    ]
    log = safar.EventLog(frame_of(rows, {}), **ROLES, observed_until=moment(BASE + 300 * DAY))
    renewals = safar.tenures(log, start="join", end="cancel").renewals("30d")
    assert unsaid(renewals.definition) == []
    model = safar.models.ShiftedBetaGeometric.fit(renewals, unit="month")
    parameters = model.parameters.to_dict()
    for low, planted, high in zip(parameters["low"], (0.7, 1.2), parameters["high"], strict=True):
        assert low < planted < high
    frame, _ = members()
    late = safar.EventLog(frame, **ROLES, observed_until=moment(BASE + 730 * DAY))
    with pytest.raises(ArgumentError, match="customers began before the watch"):
        safar.tenures(late, since="since", end="cancel").renewals()


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"since": "sinse"}, UnknownColumnError, "since"),
        ({"since": "number"}, ArgumentTypeError, r'since="number" is a column of numbers \(Int64\)'),
        ({"since": "plan"}, DataError, r'column "plan": 2 customers have a value that is no instant .*pro'),
        ({"end": "cancle"}, UnknownEventError, "cancel"),
        ({"start": "visit"}, ArgumentError, "both say when a customer begins"),
        ({"stop": "cancel"}, ArgumentError, '"cancel" stands in end= and in stop='),
        ({"causes": "visit", "stop": "visit"}, ArgumentError, '"visit" stands in causes= and in stop='),
        ({"columns": "came"}, UnknownColumnError, "came"),
        ({"watched_from": "2030-01-01"}, ArgumentError, "is not before"),
        ({"unit": "month"}, ArgumentError, "unit='month'"),
    ],
)
def test_wrong_questions_are_refused(options: dict[str, Any], error: type[Exception], said: str) -> None:
    rows = [Event("u", BASE, "visit", plan="pro"), Event("v", BASE + DAY, "cancel", plan="pro")]
    frame = frame_of(rows, {"u": BASE, "v": BASE}).with_columns(number=pl.lit(3, dtype=pl.Int64))
    log = safar.EventLog(frame, **ROLES | {"attributes": ["plan", "since", "number"]})
    with pytest.raises(error, match=said):
        safar.tenures(log, **{"since": "since", "end": "cancel"} | options)


def test_arguments_of_the_other_beginning_are_refused() -> None:
    rows = [Event("u", BASE, "visit"), Event("v", BASE + DAY, "cancel")]
    log = safar.EventLog(frame_of(rows, {"u": BASE, "v": BASE}), **ROLES)
    with pytest.raises(ArgumentError, match="with since= times are as they are"):
        safar.survival(log, since="since", end="cancel", resolution="1h")
    with pytest.raises(ArgumentError, match="watched_from"):
        safar.survival(log, start="visit", end="cancel", watched_from="2020-01-01")
    with pytest.raises(ArgumentError, match="argument for a log"):
        safar.survival({"d": [1], "e": [1]}, duration="d", event="e", since="since")
