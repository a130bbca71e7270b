"""KPIs against a count in plain Python, against other analyses, and against published intervals."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safar
from oracles import DAY, EPOCH, SECOND, Event, journeys
from safar import _core
from safar._intervals import garwood
from safar.analyses.kpis import MISSING
from safar.kpi import catalogue
from strategies import core_log, day_times, logs, plan, public_log, rows_in

# ----------------------------------------------------------------------------------------------------- the oracle

Holds = Callable[[Event, dict[str, Any]], bool]

# Conditions as the analyst writes them, and as Python understands them of an event and what is derived of it.
CONDITIONS: list[tuple[str, Holds]] = [
    ("event = 'A'", lambda e, d: e.event == "A"),
    ("event in ('A', 'B')", lambda e, d: e.event in ("A", "B")),
    ("value > 0", lambda e, d: e.value is not None and e.value > 0),
    ("true", lambda e, d: True),
    ("nth_event = 1", lambda e, d: d["nth_event"] == 1),
    ("nth_of_event > 1", lambda e, d: d["nth_of_event"] > 1),
    ("seconds_since_same <= 90000", lambda e, d: d["same"] is not None and d["same"] <= 90_000),
    (
        "seconds_until_same is null or seconds_until_same > 90000",
        lambda e, d: d["until"] is None or d["until"] > 90_000,
    ),
    ("periods_since_previous = 1", lambda e, d: d["periods"] == 1),
    ("periods_since_first = 0", lambda e, d: d["periods_first"] == 0),
    ("nth_ref = 2", lambda e, d: d["nth_ref"] == 2),
    ("seconds_since_last_ref <= 90000", lambda e, d: d["last_ref"] is not None and d["last_ref"] <= 90_000),
    ("seconds_since_first_ref > 90000", lambda e, d: d["first_ref"] is not None and d["first_ref"] > 90_000),
    ("seconds_until_next_ref is null", lambda e, d: d["next_ref"] is None),
    ("periods_since_last_ref = 1", lambda e, d: d["periods_ref"] == 1),
    ("seconds_since_first_of_plan = 0", lambda e, d: d["first"] == 0),
    ("nth_of_event_and_plan = 2", lambda e, d: d["nth_plan"] == 2),
]
SUMS: list[tuple[str | None, Callable[[Event, dict[str, Any]], float | None]]] = [
    (None, lambda e, d: 1.0),
    ("value", lambda e, d: e.value),
    ("score * 2 + 1", lambda e, d: None if e.score is None else e.score * 2.0 + 1),
    ("seconds_since_previous", lambda e, d: d["previous"]),
    ("seconds_since_previous_of_plan", lambda e, d: d["previous_plan"]),
]
UNITS: list[tuple[Any, Callable[[Event, int], Any]]] = [
    ("events", lambda e, number: number),
    ("customers", lambda e, number: 0),
    ({"column": "plan"}, lambda e, number: e.plan),
]
CUTS: list[tuple[str, ...]] = [(), ("channel",), ("plan", "channel")]


def day_of(time: int) -> dt.date:
    return (EPOCH + dt.timedelta(microseconds=time)).date()


def first_day(time: int, period: str) -> dt.date:
    day = day_of(time)
    if period == "week":
        return day - dt.timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def number_of(time: int, period: str) -> int:
    day = first_day(time, period)
    return (
        day.year * 12 + day.month if period == "month" else day.toordinal() // (7 if period == "week" else 1)
    )


def meets(event: Event) -> bool:
    """Return whether an event is one of the reference, as `REFERENCES` has it."""
    return event.event in ("A", "C")


REFERENCES = {"ref": "event in ('A', 'C')"}


def derived(events: Sequence[Event], period: str, within: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for at, event in enumerate(events):
        before = events[:at]
        same = [e for e in before if e.event == event.event]
        after = [e for e in events[at + 1 :] if e.event == event.event]
        plan = [e for e in before if e.plan == event.plan]

        def seconds(other: Event, event: Event = event) -> float:
            return (event.time - other.time) / 1e6

        def alike(other: Event, event: Event = event) -> bool:
            if within is None:
                return True
            return getattr(event, within) is not None and getattr(other, within) == getattr(event, within)

        earlier = [e for e in before if meets(e) and alike(e)]
        later = [e for e in events[at + 1 :] if meets(e) and alike(e)]
        own = meets(event) and alike(event)
        found.append(
            {
                "periods_first": number_of(event.time, period) - number_of(events[0].time, period),
                "nth_ref": len(earlier) + 1 if own else None,
                "last_ref": seconds(earlier[-1]) if earlier else None,
                "first_ref": seconds(earlier[0]) if earlier else None,
                "next_ref": later[0].time - event.time if later else None,
                "periods_ref": number_of(event.time, period) - number_of(earlier[-1].time, period)
                if earlier
                else None,
                "nth_event": at + 1,
                "nth_of_event": len(same) + 1,
                "previous": seconds(before[-1]) if before else None,
                "same": seconds(same[-1]) if same else None,
                "until": (after[0].time - event.time) / 1e6 if after else None,
                "periods": number_of(event.time, period) - number_of(before[-1].time, period)
                if before
                else None,
                "first": None if event.plan is None else seconds([*plan, event][0]),
                "previous_plan": seconds(plan[-1]) if plan and event.plan is not None else None,
                "nth_plan": None if event.plan is None else 1 + sum(e.event == event.event for e in plan),
            }
        )
    return found


def kpi_cells(rows: Sequence[Event], period: str, measure: dict[str, Any]) -> dict[Any, list[float]]:
    """Return numerator, squares and denominator by cut, slice and period."""
    numerator, minus, denominator = (measure[name] for name in ("numerator", "minus", "denominator"))
    unit, amount = measure["unit"], measure["amount"]
    cells: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for events in journeys(rows).values():
        facts = derived(events, period, measure["within"])
        for cut in CUTS:
            units: dict[Any, list[tuple[Event, dict[str, Any]]]] = defaultdict(list)
            for number, (event, fact) in enumerate(zip(events, facts, strict=True)):
                if (key := unit(event, number)) is not None:
                    place = (cut, tuple(getattr(event, name) for name in cut), first_day(event.time, period))
                    units[place, key].append((event, fact))
            for (place, _), own in units.items():
                base = denominator is not None and any(denominator(e, d) for e, d in own)
                taken = [
                    (sign, value)
                    for e, d in own
                    for sign in [numerator(e, d) - (minus is not None and minus(e, d))]
                    if numerator(e, d) or (minus is not None and minus(e, d))
                    for value in [amount(e, d)]
                    if value is not None
                ]
                touched = base or any(numerator(e, d) or (minus is not None and minus(e, d)) for e, d in own)
                if not touched:
                    continue
                if measure["count"] == "events":
                    value = sum(sign * value for sign, value in taken)
                elif denominator is not None and not base:
                    continue
                elif measure["least"] <= len(taken) <= measure["most"]:
                    value = sum(value for _, value in taken) if measure["summed"] else 1.0
                else:
                    value = 0.0
                cell = cells[place]
                cell[0] += value
                cell[1] += value * value
                cell[2] += base
    return cells


@pytest.mark.parametrize("period", ["day", "week", "month"])
@settings(max_examples=60)
@given(data=st.data())
def test_the_kernel_counts_what_plain_python_counts(period: str, data: st.DataObject) -> None:
    rows = data.draw(logs(day_times()))
    count, unit = data.draw(st.sampled_from(UNITS))
    numerator, denominator = (
        data.draw(st.sampled_from(CONDITIONS)),
        data.draw(st.one_of(st.none(), st.sampled_from(CONDITIONS))),
    )
    minus = data.draw(st.one_of(st.none(), st.sampled_from(CONDITIONS))) if count == "events" else None
    text, amount = data.draw(st.sampled_from(SUMS))
    least, most = (1, None) if count == "events" else data.draw(st.sampled_from([(1, None), (0, 0), (2, 3)]))
    within = data.draw(st.sampled_from([None, "plan"]))
    measure = {
        "count": count,
        "numerator": numerator[0],
        "minus": None if minus is None else minus[0],
        "denominator": None if denominator is None else denominator[0],
        "sum": text,
        "least": least,
        "most": most,
        "references": REFERENCES,
        "within": within,
    }
    params = {
        "period": period,
        "calendar": "gregorian",
        "week_start": 0,
        "cuts": [list(cut) for cut in CUTS],
        "measures": [measure],
        "max_cells": 100_000,
    }
    expected = kpi_cells(
        rows,
        period,
        {
            "count": count,
            "unit": unit,
            "numerator": numerator[1],
            "minus": None if minus is None else minus[1],
            "denominator": None if denominator is None else denominator[1],
            "amount": amount,
            "summed": text is not None,
            "least": least,
            "most": 10**9 if most is None else most,
            "within": within,
        },
    )
    found = rows_in(_core.run(core_log(rows), "kpis", plan(params)))
    cells = {
        (CUTS[cut], tuple(json.loads(labels)), day): [numerator, squares, denominator]
        for cut, _, labels, day, numerator, squares, denominator in found
    }
    assert cells.keys() == expected.keys()
    for place, sums in expected.items():
        assert cells[place] == pytest.approx(sums, rel=1e-9, abs=1e-9), place


# -------------------------------------------------------------------------------------------- against other analyses


@pytest.fixture(scope="module")
def shop() -> Any:
    return safar.datasets.shop(2_000)


@pytest.fixture(scope="module")
def log(shop: Any) -> safar.EventLog:
    return shop.log()


def by_date(result: safar.KpisResult, kpi: str) -> pl.DataFrame:
    return result.to_polars().filter(pl.col("kpi") == kpi).sort("date")


def test_conversion_is_what_a_frame_says(shop: Any, log: safar.EventLog) -> None:
    found = by_date(safar.kpis(log, kpis="conversion_rate"), "conversion_rate")
    events = shop.events.to_polars().with_columns(pl.col("time").dt.truncate("1mo").dt.date().alias("month"))
    by_customer = events.group_by("month", "customer_id").agg(
        (pl.col("event") == "visit").any().alias("visited"),
        (pl.col("event") == "purchase").any().alias("bought"),
    )
    expected = (
        by_customer.filter("visited").group_by("month").agg(pl.len(), pl.col("bought").sum()).sort("month")
    )
    assert found["denominator"].to_list() == expected["len"].to_list()
    assert found["numerator"].to_list() == expected["bought"].to_list()
    assert found["value"].to_list() == pytest.approx((100 * expected["bought"] / expected["len"]).to_list())


def test_retention_is_that_of_the_lifecycle(log: safar.EventLog) -> None:
    everything = {"active": "true"}
    asked = log.kpis(kpis=["retention_rate", "churn_rate"], period="week", inputs=everything)
    found = by_date(asked, "retention_rate")
    lifecycle = log.lifecycle(period="week").to_polars().sort("period").head(len(found))
    assert found["numerator"].to_list() == lifecycle["returning"].to_list()
    assert found["denominator"].to_list() == lifecycle["previous_active"].to_list()
    churn = by_date(asked, "churn_rate")
    both = (churn["value"] + found["value"]).drop_nulls()
    assert both.to_list() == pytest.approx([100.0] * len(both))
    assert found["value"][0] is None
    assert found["reason"][0] == "nothing in the denominator"


def test_nps_is_that_of_the_answers(shop: Any, log: safar.EventLog) -> None:
    found = log.kpis(kpis=["nps", "csat", "ces"], period="month").to_polars()
    surveys = shop.surveys.to_polars()
    for kind, ask in (("nps", safar.nps), ("csat", safar.csat), ("ces", safar.ces)):
        mine = found.filter(pl.col("kpi") == kind)
        scores = surveys.filter(pl.col("kind") == kind)["score"]
        assert mine["denominator"].sum() == len(scores)
        whole = ask({"score": scores.to_list()}).to_dict()[kind][0]
        top = mine["numerator"].sum() / mine["denominator"].sum()
        assert top == pytest.approx(whole / 100 if kind == "nps" else whole)


def test_money_is_added_up_with_its_squares(shop: Any, log: safar.EventLog) -> None:
    found = by_date(log.kpis(kpis="average_order_value"), "average_order_value")
    orders = shop.events.to_polars().filter(pl.col("event") == "purchase")
    values = orders["value"].drop_nulls()
    assert found["denominator"].sum() == len(values)
    assert found["numerator"].sum() == pytest.approx(values.sum())
    assert found["squares"].sum() == pytest.approx((values**2).sum())
    march = orders.filter(pl.col("time").dt.strftime("%Y-%m") == "2026-03")["value"].drop_nulls().to_numpy()
    row = found.filter(pl.col("date") == dt.date(2026, 3, 1))
    from scipy import stats

    low, high = stats.t.interval(0.95, len(march) - 1, march.mean(), stats.sem(march))
    assert row["value"][0] == pytest.approx(march.mean())
    assert (row["low"][0], row["high"][0]) == pytest.approx((low, high))


def test_sessions_bounce_and_last_as_the_sessions_say(log: safar.EventLog) -> None:
    found = log.kpis(kpis=["bounce_rate", "session_time", "pages_per_session"]).to_polars()
    rows = log.with_sessions().to_polars()
    # A session that spans two months has a part in each, and is one in each.
    local = rows.with_columns(pl.col("time").dt.strftime("%Y-%m").alias("month"))
    parts = local.group_by("month", "customer", "session").agg(
        pl.len(), (pl.col("event") == "visit").any().alias("visited")
    )
    visited = parts.filter("visited")
    bounce = found.filter(pl.col("kpi") == "bounce_rate")
    assert bounce["denominator"].sum() == len(visited)
    assert bounce["numerator"].sum() == (visited["len"] == 1).sum()
    assert found.filter(pl.col("kpi") == "session_time")["denominator"].sum() == len(visited)


def test_rows_of_slices_of_events_add_up(log: safar.EventLog) -> None:
    found = log.kpis(kpis=["orders", "revenue", "email_open_rate"], by=["channel", ("channel", "device")])
    table = found.to_polars()
    assert found.definitions.to_dict()["adds_up"] == [True, True, True]
    for kpi in ("orders", "revenue", "email_open_rate"):
        rows = table.filter(pl.col("kpi") == kpi)
        whole = rows.filter(pl.col("channel").is_null()).sort("date")
        by_channel = rows.filter(pl.col("channel").is_not_null() & pl.col("device").is_null())
        crossed = rows.filter(pl.col("device").is_not_null())
        for parts in (by_channel, crossed):
            summed = parts.group_by("date").agg(pl.col("numerator").sum()).sort("date")
            assert summed["numerator"].to_list() == pytest.approx(whole["numerator"].to_list())
    assert MISSING in table["device"].unique().to_list()


# ------------------------------------------------------------------------------------------------ values and intervals


def test_the_intervals_are_the_published_ones() -> None:
    # Garwood's exact limits of a Poisson count, as tables have them.
    low, high = garwood(np.array([0.0, 1.0, 10.0]))
    assert low.tolist() == pytest.approx([0.0, 0.0253, 4.7954], abs=5e-5)
    assert high.tolist() == pytest.approx([3.6889, 5.5716, 18.3904], abs=5e-5)
    rows = [
        Event("c", index * SECOND, "A", score=score)
        for index, score in enumerate([10] * 19 + [7] * 12 + [3] * 5)
    ]
    nps = {
        "id": "nps",
        "definition": "",
        "form": "nps",
        "numerator": "score >= 9",
        "minus": "score <= 6",
        "denominator": "score is not null",
    }
    share = nps | {"id": "share", "form": "share", "minus": None, "unit": "%"}
    table = safar.Kpis([nps, share], period="day").run(public_log(rows)).to_polars()
    assert (table["low"][0], table["high"][0]) == pytest.approx((13.2, 58.6), abs=0.05)
    assert table["value"][0] == pytest.approx(38.9, abs=0.05)
    assert table["value"][1] == pytest.approx(100 * 19 / 36)


@pytest.mark.parametrize(
    ("direction", "target", "status"),
    [
        ("up", 20.0, "met"),
        ("up", 60.0, "missed"),
        ("up", 31.0, "unclear"),
        ("down", 60.0, "met"),
        ("down", 10.0, "missed"),
    ],
)
def test_a_target_is_met_or_missed_by_the_whole_interval(direction: str, target: float, status: str) -> None:
    rows = [Event(f"c{index}", 0, "A" if index < 81 else "B") for index in range(263)]
    formula = {
        "id": "k",
        "definition": "",
        "form": "share",
        "unit": "%",
        "direction": direction,
        "numerator": "event = 'A'",
        "denominator": "true",
        "target": target,
    }
    table = safar.Kpis([formula], period="day").run(public_log(rows, observed_until=DAY)).to_polars()
    assert (table["low"][0], table["high"][0]) == pytest.approx((25.53, 36.62), abs=0.005)
    assert table["status"].to_list() == [status]


def test_what_is_undefined_is_null_with_a_reason() -> None:
    rows = [Event("c", 0, "A"), Event("c", 3 * DAY, "B"), Event("c", 3 * DAY, "B")]
    fields: dict[str, Any] = {"definition": ""}
    asked = [
        fields | {"id": "share", "form": "share", "numerator": "event = 'B'", "denominator": "event = 'A'"},
        fields
        | {
            "id": "beyond",
            "form": "share",
            "numerator": "true",
            "denominator": "event = 'B' and nth_event = 2",
        },
        fields
        | {
            "id": "mean",
            "form": "mean",
            "numerator": "event = 'A'",
            "denominator": "event = 'A'",
            "sum": "2",
        },
    ]
    until = 10 * DAY + SECOND
    table = safar.Kpis(asked, period="day").run(public_log(rows, observed_until=until)).to_polars()
    share = table.filter(pl.col("kpi") == "share")
    assert share["value"].to_list()[:2] == [0.0, None]
    assert share["reason"].to_list()[1] == "nothing in the denominator"
    beyond = table.filter((pl.col("kpi") == "beyond") & pl.col("value").is_not_null())
    assert beyond["value"].to_list() == [2.0]
    assert beyond["low"].to_list() == [None]
    assert beyond["reason"].to_list() == ["no interval: the numerator is beyond the denominator"]
    mean = table.filter((pl.col("kpi") == "mean") & pl.col("value").is_not_null())
    assert mean["reason"].to_list() == ["no interval: fewer than two units"]
    # The last day had only begun when the data ended.
    assert share["complete"].to_list() == [True] * (len(share) - 1) + [False]


# ------------------------------------------------------------------------------------------------- catalogue and map


def test_every_formula_of_the_catalogue_is_read_and_named_in_both_languages() -> None:
    known = catalogue()
    assert len(known.formulas) >= 40
    for formula in known.formulas.values():
        assert formula.name_en
        assert formula.name_fa
        assert formula.unit
        assert formula.stage
        for name in formula.inputs:
            assert name in known.inputs, (formula.id, name)
    listed = safar.kpi_catalogue().to_dict()
    assert listed["kpi"] == list(known.formulas)


def test_the_demo_shop_has_most_of_the_catalogue_and_lists_the_rest(log: safar.EventLog) -> None:
    found = log.kpis(kpis="all", period="month")
    measured, missing = set(found.to_polars()["kpi"]), set(found.missing.to_dict()["kpi"])
    assert measured.isdisjoint(missing)
    assert measured | missing == set(catalogue().formulas)
    assert {"nps", "churn_rate", "first_response_time", "resolution_time", "store_close_rate"} <= measured
    assert {"cost_per_click", "share_of_voice", "email_forward_rate", "complaint_rate"} <= missing
    reasons = dict(zip(found.missing.to_dict()["kpi"], found.missing.to_dict()["reason"], strict=True))
    assert "given=" in reasons["cost_per_click"]
    assert "complaint" in reasons["complaint_rate"]
    assert "inputs=" in reasons["complaint_rate"]


def test_response_and_resolution_times_are_those_of_the_tickets(shop: Any, log: safar.EventLog) -> None:
    found = log.kpis(kpis=["first_response_time", "resolution_time"]).to_polars()
    tickets = shop.tickets.to_polars()
    first = found.filter(pl.col("kpi") == "first_response_time")
    answered = tickets.filter(pl.col("answered").is_not_null())
    assert first["denominator"].sum() == len(answered)
    minutes = (answered["answered"] - answered["opened"]).dt.total_seconds() / 60
    assert first["numerator"].sum() == pytest.approx(minutes.sum(), rel=1e-6)


def test_series_from_elsewhere_are_added_up_by_period_and_slice(log: safar.EventLog) -> None:
    cost = {
        "date": ["2026-03-05", "1404-12-20", "2026-04-02"],
        "cost": [100.0, 50.0, 80.0],
        "channel": ["web", "web", "app"],
    }
    found = log.kpis(kpis=["cost_per_click", "cost_per_lead"], given={"cost": cost}, by="channel").to_polars()
    rows = found.filter((pl.col("kpi") == "cost_per_click") & (pl.col("date") == dt.date(2026, 3, 1)))
    assert rows.filter(pl.col("channel").is_null())["numerator"].to_list() == [150.0]
    assert rows.filter(pl.col("channel") == "web")["numerator"].to_list() == [150.0]
    app = found.filter((pl.col("kpi") == "cost_per_click") & (pl.col("channel") == "app"))
    assert app.filter(pl.col("date") == dt.date(2026, 4, 1))["numerator"].to_list() == [80.0]
    january = found.filter((pl.col("kpi") == "cost_per_lead") & (pl.col("date") == dt.date(2026, 1, 1)))
    assert january["value"].to_list() == [None] * len(january)


def test_the_kpis_of_a_map_are_measured_against_their_targets(log: safar.EventLog) -> None:
    mapped = log.with_map(safar.JourneyMap.shop())
    found = mapped.kpis(period="week")
    table = found.to_polars()
    assert set(table["kpi"]) == {kpi.id for kpi in safar.JourneyMap.shop().kpis}
    failed = table.filter(pl.col("kpi") == "failed payments")
    broken = failed.filter(pl.col("date") == dt.date(2025, 10, 13))
    assert broken["status"].to_list() == ["missed"]
    assert broken["stage"].to_list() == ["purchase"]
    assert broken["touchpoint"].to_list() == ["checkout"]
    # The same without with_map: the log is read through the map first.
    assert safar.kpis(log, safar.JourneyMap.shop(), period="week").to_dict() == found.to_dict()


def test_a_map_says_what_inputs_are_and_what_is_added_up() -> None:
    text = """
    version = 1
    [inputs]
    purchase = "event = 'C'"
    value = "score"
    [[stage]]
    id = "s"
    [[touchpoint]]
    id = "t"
    stage = "s"
    event = "A"
    [[kpi]]
    id = "spent"
    definition = "Points of each customer"
    numerator = "touchpoint = 't'"
    denominator = "nth_event > 0"
    sum = "score"
    [[kpi]]
    id = "takings"
    definition = "Revenue"
    catalogue = "revenue"
    """
    rows = [Event("a", 0, "A", score=2), Event("a", SECOND, "C", score=1), Event("b", 0, "C", score=2)]
    found = public_log(rows).kpis(safar.JourneyMap(text), period="day").to_polars()
    assert dict(zip(found["kpi"], found["value"], strict=True)) == {"spent": 1.0, "takings": 3.0}


def test_columns_with_strange_names_stand_for_inputs() -> None:
    log = safar.EventLog(
        {
            "c": ["a", "a", "b", "b"],
            "t": ["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-03"],
            "e": ["ask", "close", "ask", "ask"],
            "paid in `all`": [1.0, 2.0, 3.0, 4.0],
            "in": ["x", "x", "x", "y"],
        },
        customer="c",
        time="t",
        event="e",
        attributes=["paid in `all`", "in"],
        observed_until="2026-12-31",
    )
    inputs = {
        "value": "paid in `all`",
        "purchase": "true",
        "ticket": "in",
        "contact": "event = 'ask'",
        "closed": "event = 'close'",
    }
    found = log.kpis(kpis=["revenue", "resolution_time"], inputs=inputs).to_polars()
    january = found.filter(pl.col("date") == dt.date(2026, 1, 1))
    values = dict(zip(january["kpi"], january["value"], strict=True))
    assert values == {"revenue": 10.0, "resolution_time": 24.0}


def test_a_value_called_missing_beside_nulls_is_refused() -> None:
    rows = {"c": ["a", "a", "b"], "t": ["2026-01-01", "2026-01-02", "2026-01-03"], "e": ["x", "x", "x"]}
    names = {"customer": "c", "time": "t", "event": "e", "attributes": ["k"]}
    mixed = safar.EventLog(rows | {"k": ["(missing)", None, "z"]}, **names)  # type: ignore[arg-type]
    with pytest.raises(safar.DataError, match=r'column "k": there are events without a value and others'):
        mixed.kpis(kpis=["orders"], by="k", inputs={"purchase": "true"})
    alone = safar.EventLog(rows | {"k": ["(missing)", "z", "z"]}, **names)  # type: ignore[arg-type]
    found = alone.kpis(kpis=["orders"], by="k", inputs={"purchase": "true"}).to_polars()
    assert set(found["k"]) == {None, "(missing)", "z"}


def test_who_stands_in_a_cell_can_be_asked(log: safar.EventLog) -> None:
    found = log.kpis(kpis="nps", period="month")
    row = found.to_polars().filter(pl.col("date") == dt.date(2026, 3, 1))
    who = found.customers(kpi="nps", date=dt.date(2026, 3, 1)).to_polars()
    assert who["numerator"].sum() == row["numerator"][0]
    assert who["denominator"].sum() == row["denominator"][0]


def test_the_spec_replays_and_a_scan_answers_the_same(shop: Any, log: safar.EventLog) -> None:
    found = log.kpis(kpis=["nps", "bounce_rate", "retention_rate"], by="channel")
    assert safar.Spec.from_json(found.spec).run(log).to_dict() == found.to_dict()
    scan = safar.scan(
        shop.events,
        customer="customer_id",
        time="time",
        event="event",
        channel="channel",
        value="value",
        attributes=["score", "device"],
        timezone="Asia/Tehran",
        observed_until=shop.observed_until,
    )
    again = scan.kpis(kpis=["nps", "bounce_rate", "retention_rate"], by="channel")
    assert again.to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kpis": "convresion_rate"}, 'did you mean "conversion_rate"'),
        ({"kpis": ["nps"], "inputs": {"nps_anser": "true"}}, 'did you mean "nps_answer"'),
        ({"kpis": ["nps"], "by": "chanel"}, 'did you mean "channel"'),
        ({"kpis": ["cost_per_click"]}, 'needs "cost"'),
        ({"kpis": ["cost_per_click"], "given": {"cost": {"date": ["2026-01-01"]}}}, "no column"),
        (
            {"kpis": ["cost_per_click"], "given": {"cost": {"date": ["x"], "value": [1.0]}}},
            "row 0: date is 'x'",
        ),
        (
            {"kpis": ["cost_per_click"], "given": {"cost": {"date": ["1404-13-01"], "value": [1.0]}}},
            "is not a Jalali date",
        ),
        ({"kpis": ["nps"], "period": "year"}, "day"),
        ({"kpis": ["nps"], "inputs": {"score": "scor"}}, 'did you mean "score"'),
        ({"kpis": ["nps"], "inputs": {"cost": "score"}}, "give it in given="),
        (
            {"kpis": ["clicks"], "inputs": {"click": "event = 'x') or (true"}},
            r'inputs\["click"\]: can.t read',
        ),
        ({"kpis": ["nps"], "by": "status"}, "another name first"),
        ({"kpis": ["nps"], "by": "stage"}, "another name first"),
        ({"kpis": ["clicks"], "given": {"costs": {"date": [], "value": []}}}, 'did you mean "cost"'),
        ({"kpis": ["cost_per_click"], "given": [1]}, "expected a mapping"),
    ],
)
def test_bad_arguments_are_named(log: safar.EventLog, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        log.kpis(**arguments)


def test_readings_outside_of_the_log_are_listed(log: safar.EventLog) -> None:
    cost = {"date": ["2026-03-05", "2062-03-05"], "cost": [1.0, 2.0]}
    missing = log.kpis(kpis=["cost_per_click"], given={"cost": cost}).missing.to_dict()
    assert "1 of 2 readings lie outside of the log, such as that of 2062-03-05" in missing["reason"][0]


def test_purchases_of_several_kinds_are_ranked_together() -> None:
    rows = [
        Event("a", 0, "order", score=0),
        Event("a", 40 * DAY, "order", score=1),
        Event("b", 40 * DAY, "order", score=1),
    ]
    inputs = {"purchase": "event = 'order' and score = 1"}
    cost = {"cost": {"date": ["1970-02-10"], "cost": [100.0]}}
    found = public_log(rows, observed_until=100 * DAY).kpis(
        kpis=["repeat_purchase_rate", "cost_per_acquisition"], inputs=inputs, given=cost
    )
    table = found.to_polars().filter(pl.col("date") == dt.date(1970, 2, 1))
    assert dict(zip(table["kpi"], table["numerator"] / table["denominator"], strict=True)) == {
        "repeat_purchase_rate": 0.0,
        "cost_per_acquisition": 50.0,
    }


def test_times_of_support_are_of_questions_that_are_known() -> None:
    hour = 3_600 * SECOND
    rows = [
        ("k0", "ticket_closed", 0),
        ("k1", "support_ticket", 0),
        ("k1", "support_answered", hour // 2),
        ("k1", "call_answered", 2 * hour),
        ("k1", "ticket_closed", 10 * hour),
        ("k1", "ticket_closed", 20 * hour),
        ("k2", "support_answered", 0),
    ]
    data = {"who": ["a"] * 7, "when": [when for *_, when in rows], "what": [what for _, what, _ in rows]}
    data["ticket_id"] = [ticket for ticket, *_ in rows]
    log = safar.EventLog(
        data, customer="who", time="when", event="what", attributes=["ticket_id"], time_unit="us"
    )
    table = log.kpis(kpis=["first_response_time", "resolution_time"], period="day").to_polars()
    assert table["denominator"].to_list() == [1.0, 1.0]
    assert table["value"].to_list() == [30.0, 10.0]


def test_what_is_not_over_has_no_status() -> None:
    formula = {
        "id": "k",
        "definition": "",
        "form": "total",
        "direction": "up",
        "numerator": "true",
        "target": 1.0,
    }
    log = public_log([Event("a", 0, "A"), Event("a", 3 * DAY, "A")])
    daily = safar.Kpis([formula], period="day").run(log).to_dict()
    assert daily["status"] == ["met", "missed", "missed", None]
    monthly = safar.Kpis([formula | {"review": "month"}], period="day").run(log).to_dict()
    assert monthly["status"] == [None] * 4


def test_who_stayed_is_asked_of_the_lifecycle(log: safar.EventLog) -> None:
    found = log.kpis(kpis=["churn_rate", "nps"])
    with pytest.raises(safar.ArgumentError, match="lifecycle"):
        found.customers(kpi="churn_rate")
    assert set(found.customers().to_dict()["kpi"]) == {"nps"}


def test_two_kpis_of_one_id_are_refused() -> None:
    formula = {"id": "k", "definition": "", "form": "total", "numerator": "true"}
    with pytest.raises(safar.ArgumentError, match="ids are different"):
        safar.Kpis([formula, formula])
