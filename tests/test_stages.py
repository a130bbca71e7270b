"""Stages against a count in plain Python, and against the funnel and the transitions."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

import safar
from oracles import DAY, SECOND, Event, clustered, journeys, mean_interval
from strategies import logs, observed, public_log

INACTIVITY = 4 * SECOND
COSTS = {"A": 2.5, "B": 0.0, "C": 10.0}


def visits_of(events: Sequence[Event]) -> list[list[Event]]:
    """Return the runs of events with one value of `plan`; events without are passed over."""
    staged = [event for event in events if event.plan is not None]
    return [list(run) for _, run in itertools.groupby(staged, key=lambda event: event.plan)]


def counted(rows: Sequence[Event], until: int) -> dict[str, Any]:
    """Return what `log.stages("plan")` must say, customer by customer."""
    own: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(float))
    each: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    mix: dict[str, list[Counter[str | None]]] = defaultdict(list)
    flow: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, set(), []])
    later: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    stages = sorted({row.plan for row in rows if row.plan is not None})
    for customer, events in journeys(rows).items():
        visits = visits_of(events)
        if not visits:
            continue
        is_open = until - visits[-1][-1].time <= INACTIVITY
        names = [visit[0].plan for visit in visits]
        for visit in visits:
            stage = own[visit[0].plan]
            stage["entries"] += 1
            stage["events"] += len(visit)
            stage["active"] += visit[-1].time - visit[0].time
            each[visit[0].plan]["active_seconds"].append((visit[-1].time - visit[0].time) / 1e6)
        for name in set(names):
            own[name]["customers"] += 1
            value = sum(e.value for visit in visits for e in visit if e.plan == name and e.value is not None)
            own[name]["value"] += value
            there = [event for event in events if event.plan == name]
            each[name]["value_per_customer"].append(value)
            each[name]["entries_per_customer"].append(names.count(name))
            each[name]["cost_per_customer"].append(sum(COSTS.get(event.event, 0.0) for event in there))
            mix[name].append(Counter(event.channel for event in there))
        steps = ["(start)", *names, "(open)" if is_open else "(end)"]
        for at, (start, end) in enumerate(itertools.pairwise(steps)):
            way = flow[start, end]
            way[0] += 1
            way[1].add(customer)
            if 0 < at < len(names):
                span = visits[at][0].time - visits[at - 1][0].time
                way[2].append(span)
                each[start]["mean_seconds"].append(span / 1e6)
        for start in set(names):
            after = names[names.index(start) + 1 :]
            for end in stages:
                if end in after:
                    later[start, end][0] += 1
                elif is_open:
                    later[start, end][1] += 1
    return {"own": own, "flow": flow, "later": later, "each": each, "mix": mix}


def student(freedom: int) -> float:
    """Return the quantile of Student's t to 0.975."""
    return float(t.ppf(0.975, freedom))


def mean_of(row: dict[str, Any], name: str) -> list[Any]:
    """Return a mean and its interval as they stand in a row."""
    return [row[name], row[f"{name}_low"], row[f"{name}_high"]]


def near(numbers: Sequence[float | None]) -> list[Any]:
    """Return what is near these numbers, where there are any."""
    return [None if number is None else pytest.approx(number, abs=1e-6) for number in numbers]


@settings(max_examples=150)
@given(data=st.data())
def test_stages_are_what_plain_python_counts(data: st.DataObject) -> None:
    rows = [*data.draw(logs()), Event("sure", max(row.time for row in data.draw(logs())), "A", plan="free")]
    until = observed(data.draw, rows)
    expected = counted(rows, until)
    log = public_log(rows, observed_until=until)
    log = log.with_columns({"touchpoint": log.to_polars()["event"].cast(pl.String).to_list()})
    costs = {name: cost for name, cost in COSTS.items() if name in {row.event for row in rows if row.plan}}
    found = log.stages("plan", inactivity="4s", costs=costs)
    table = {row["stage"]: row for row in found.to_polars().to_dicts()}
    assert set(table) == set(expected["own"])
    for name, own in expected["own"].items():
        row = table[name]
        assert row["customers"] == own["customers"]
        assert row["entries"] == own["entries"] == row["went_on"] + row["dropped"] + row["open"]
        assert row["events"] == own["events"]
        assert row["active_seconds"] == pytest.approx(own["active"] / 1e6 / own["entries"])
        assert row["value"] == pytest.approx(own["value"])
        for mean in ("entries_per_customer", "active_seconds", "mean_seconds", "value_per_customer"):
            assert mean_of(row, mean) == near(mean_interval(expected["each"][name][mean], student))
        if costs:
            spent = expected["each"][name]["cost_per_customer"]
            assert mean_of(row, "cost_per_customer") == near(mean_interval(spent, student))
            assert row["cost"] == pytest.approx(sum(spent))
    for row in found.mix("channel").to_polars().to_dicts():
        customers = expected["mix"][row["stage"]]
        parts, wholes = (
            [each[row["channel"]] for each in customers],
            [sum(each.values()) for each in customers],
        )
        assert row["events"] == sum(parts)
        assert row["customers"] == sum(part > 0 for part in parts)
        assert row["share"] == pytest.approx(sum(parts) / sum(wholes))
        interval = clustered(parts, wholes, sum(wholes))
        assert mean_of(row, "share")[1:] == near(interval)
    flow = {(row["from"], row["to"]): row for row in found.flow().to_polars().to_dicts()}
    assert set(flow) == set(expected["flow"])
    for pair, (times, customers, spans) in expected["flow"].items():
        assert flow[pair]["entries"] == times
        assert flow[pair]["customers"] == len(customers)
        assert mean_of(flow[pair], "mean_seconds") == near(
            mean_interval([span / 1e6 for span in spans], student)
        )
    later = {(row["from"], row["to"]): row for row in found.conversion().to_polars().to_dicts()}
    for pair, row in later.items():
        assert [row["reached"], row["open"]] == expected["later"].get(pair, [0, 0])
        assert row["customers"] == expected["own"][pair[0]]["customers"]


@settings(max_examples=60)
@given(data=st.data())
def test_stages_agree_with_the_transitions_and_the_funnel(data: st.DataObject) -> None:
    rows = [*data.draw(logs()), Event("sure", 0, "A", plan="free")]
    until = observed(data.draw, rows)
    log = public_log(rows, observed_until=until)
    found = log.stages("plan", inactivity="4s")
    named = log.named_by("plan")
    edges = named.transitions(inactivity="4s").to_polars().filter(pl.col("from") != pl.col("to"))
    ways = found.flow().to_polars()
    assert sorted(edges.select("from", "to", "events").rows()) == sorted(
        ways.select("from", "to", "entries").rows()
    )
    present = found.to_dict()["stage"]
    pairs = found.conversion().to_polars()
    for start, end in itertools.permutations(present, 2):
        row = pairs.filter((pl.col("from") == start) & (pl.col("to") == end))
        funnel = named.funnel([start, end], ties="stable").to_dict()
        assert [row["customers"][0], row["reached"][0]] == funnel["customers"]


@given(data=st.data())
@settings(max_examples=40)
def test_a_log_named_by_a_column_has_its_values_as_events(data: st.DataObject) -> None:
    rows = [*data.draw(logs()), Event("sure", 0, "A", plan="free")]
    log = public_log(rows)
    named = log.named_by("plan").to_polars()
    kept = log.to_polars().filter(pl.col("plan").is_not_null())
    assert named["event"].to_list() == kept["plan"].to_list()
    assert named["original_event"].to_list() == kept["event"].to_list()
    assert named.drop("event", "original_event").equals(kept.drop("event"))
    assert log.named_by("plan").observed_until == log.observed_until


def test_names_that_no_event_may_bear_are_refused() -> None:
    rows = {"c": ["a"], "t": ["2026-01-01"], "e": ["x"], "p": ["(end)"]}
    log = safar.EventLog(rows, customer="c", time="t", event="e", attributes=["p"])
    with pytest.raises(safar.DataError, match=r'"\(end\)"'):
        log.named_by("p")
    with pytest.raises(safar.UnknownColumnError, match="q"):
        log.named_by("q")


@pytest.fixture(scope="module")
def mapped() -> safar.EventLog:
    return safar.datasets.shop(1_000).log().with_map(safar.JourneyMap.shop())


def test_the_stages_of_a_map_stand_in_its_order_with_value_and_cost(mapped: safar.EventLog) -> None:
    found = mapped.stages()
    table = found.to_polars()
    assert table["stage"].to_list() == [stage.id for stage in safar.JourneyMap.shop().stages]
    purchases = mapped.to_polars().filter(pl.col("stage") == "purchase")["value"].sum()
    assert table.filter(pl.col("stage") == "purchase")["value"][0] == pytest.approx(purchases)
    costs = {each.id: each.cost or 0.0 for each in safar.JourneyMap.shop().touchpoints}
    events = mapped.to_polars().with_columns(
        pl.col("touchpoint").cast(pl.String).replace_strict(costs, default=0.0).alias("cost")
    )
    spent = dict(events.group_by("stage").agg(pl.col("cost").sum()).rows())
    for stage, cost in zip(table["stage"], table["cost"], strict=True):
        assert cost == pytest.approx(spent[stage])


def test_the_mix_of_a_stage_adds_up_to_its_events(mapped: safar.EventLog) -> None:
    found = mapped.stages()
    for column in ("channel", "touchpoint"):
        parts = (
            found.mix(column).to_polars().group_by("stage").agg(pl.col("events").sum(), pl.col("share").sum())
        )
        assert dict(parts.select("stage", "events").rows()) == dict(
            found.to_polars().select("stage", "events").rows()
        )
        assert parts["share"].to_list() == pytest.approx([1.0] * len(parts))
    with pytest.raises(safar.ArgumentError, match='did you mean "channel"'):
        found.mix("chanel")


def test_segments_have_stages_of_their_own(mapped: safar.EventLog) -> None:
    found = mapped.stages(by="device")
    whole = mapped.stages().to_polars()
    parts = found.to_polars().group_by("stage").agg(pl.col("customers").sum(), pl.col("entries").sum())
    assert sorted(parts.rows()) == sorted(whole.select("stage", "customers", "entries").rows())
    shares = found.flow().to_polars().group_by("segment", "from").agg(pl.col("share").sum())
    assert shares["share"].to_list() == pytest.approx([1.0] * len(shares))


def test_the_interval_of_a_median_lies_between_order_statistics() -> None:
    # Times 1 to 100 seconds: ranks 40 and 61 of 100 (Conover's table of the sign interval).
    rows = [
        event
        for index in range(1, 101)
        for event in (
            Event(f"c{index}", 0, "A", plan="free"),
            Event(f"c{index}", index * SECOND, "A", plan="pro"),
        )
    ]
    found = public_log(rows, observed_until=100 * DAY).stages("plan").flow().to_polars()
    row = found.filter((pl.col("from") == "free") & (pl.col("to") == "pro")).to_dicts()[0]
    assert row["median_seconds"] == pytest.approx(50, rel=0.01)
    assert row["median_seconds_low"] == pytest.approx(40, rel=0.01)
    assert row["median_seconds_high"] == pytest.approx(61, rel=0.01)


def test_who_was_at_a_stage_can_be_asked(mapped: safar.EventLog) -> None:
    found = mapped.stages()
    advocates = found.customers(stage="advocacy")
    row = found.to_polars().filter(pl.col("stage") == "advocacy")
    assert len(advocates) == row["customers"][0]
    assert sum(advocates.to_dict()["entries"]) == row["entries"][0]


def test_without_a_map_the_way_out_is_said() -> None:
    log = public_log([Event("a", 0, "A")])
    with pytest.raises(safar.ArgumentError, match="with_map"):
        log.stages()


def test_a_column_of_ids_is_no_stage() -> None:
    rows = {"c": ["a"] * 70, "t": ["2026-01-01"] * 70, "e": ["x"] * 70, "id": [str(n) for n in range(70)]}
    log = safar.EventLog(rows, customer="c", time="t", event="e", attributes=["id"])
    with pytest.raises(safar.ArgumentError, match="64 stages"):
        log.stages("id")


def test_the_interval_of_a_mix_is_that_of_ten_customers_and_not_of_their_hundred_events() -> None:
    # Five customers use the web only and five the phone only: ten draws, less one for the mean.
    rows = [
        Event(f"c{customer}", at * SECOND, "A", "web" if customer < 5 else "phone", plan="free")
        for customer in range(10)
        for at in range(10)
    ]
    found = public_log(rows).stages("plan").mix("channel").to_dict()
    assert found["share"] == [0.5, 0.5]
    for low, high in zip(found["share_low"], found["share_high"], strict=True):
        # Wilson's interval at one half: 1.959964 / (2 sqrt(9 + 1.959964 ** 2)) to either side.
        assert (low, high) == pytest.approx((0.5 - 0.273471, 0.5 + 0.273471), abs=1e-6)


@pytest.mark.parametrize("by", [None, "channel"])
def test_names_that_no_stage_and_no_touchpoint_has_are_refused(by: str | None) -> None:
    rows = [Event("a", 0, "call", "web", plan="free"), Event("b", 1, "visit", "app", plan="pro")]
    log = public_log(rows)
    with pytest.raises(
        safar.ArgumentError, match=r'order "fre" is no stage.*did you mean "free".*"free", "pro"'
    ):
        log.stages("plan", order=["fre", "pro"], by=by)
    with pytest.raises(safar.ArgumentError, match=r"no touchpoints.*with_map"):
        log.stages("plan", costs={"call": 1}, by=by)
    log = log.with_columns({"touchpoint": ["call", "visit"]})
    with pytest.raises(safar.ArgumentError, match=r'costs "cal" is no touchpoint.*did you mean "call"'):
        log.stages("plan", costs={"cal": 1}, by=by)
    found = log.stages("plan", order=["pro"], costs={"call": 1}, by=by).to_dict()
    assert sorted(zip(found["stage"], found["cost"], strict=True)) == [("free", 1.0), ("pro", 0.0)]


def test_names_of_the_map_may_be_absent(mapped: safar.EventLog) -> None:
    part = mapped.filter(where="stage == 'consideration' or stage == 'purchase'")
    found = part.stages()
    assert found.to_dict()["stage"] == ["consideration", "purchase"]
    assert "cost" in found.columns
    named = part.stages(order=[stage.id for stage in safar.JourneyMap.shop().stages], costs={"delivery": 3.0})
    assert named.to_dict()["stage"] == ["consideration", "purchase"]
    replayed = safar.Spec.from_json(found.spec).run(part)
    assert replayed.to_dict() == found.to_dict()


@pytest.mark.parametrize("name", ["(start)", "(end)", "(open)"])
def test_stages_that_are_called_as_the_ends_are_refused(name: str) -> None:
    rows = [Event("a", 0, "A", plan="free"), Event("a", 1, "A", plan=name)]
    log = public_log(rows)
    with pytest.raises(
        safar.DataError, match=rf'column "plan" has the value "\({name[1:-1]}\)".*log\.filter'
    ):
        log.stages("plan")
    kept = log.filter(where=f"plan != '{name}'").stages("plan")
    assert kept.to_dict()["stage"] == ["free"]
