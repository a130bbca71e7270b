"""One definition, one number: where two analyses count the same thing, they agree."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event
from safar import _core
from safar.analyses import separating_paths
from strategies import NAMES, day_times, logs, observed, public_log

# Anybody's next event is within this time of any other one, so that every journey is open or none is.
EVER = "1000d"
# Every example asks many questions.
FEW = settings(max_examples=30)


def lines(table: safar.ResultTable) -> list[dict[str, Any]]:
    columns = table.to_dict()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def two_of(draw: st.DrawFn, rows: Sequence[Event]) -> tuple[str, str]:
    names = st.sampled_from(sorted({row.event for row in rows}))
    return draw(names), draw(names)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[safar.EventLog, str, str]:
    """Draw a log full of ties and two of its events, which may be the same."""
    rows = draw(logs(max_events=40))
    return public_log(rows, observed_until=observed(draw, rows)), *two_of(draw, rows)


@st.composite
def calendar_logs(draw: st.DrawFn) -> tuple[safar.EventLog, str]:
    """Draw a log over some weeks and one of its events."""
    rows = draw(logs(day_times(), max_events=40))
    log = public_log(rows, zone="Asia/Tehran", observed_until=observed(draw, rows, spread=20 * oracles.DAY))
    return log, two_of(draw, rows)[0]


def followed(log: safar.EventLog, first: str, second: str) -> int:
    """Return the customers who come from one event to another later on, by the funnel."""
    return log.funnel([first, second], ties="stable").completed


# ------------------------------------------------------------------------------------------- who has an event


@FEW
@given(pairs())
def test_customers_of_a_one_step_funnel_are_those_of_the_filter_the_cohorts_and_the_entries(
    case: tuple[safar.EventLog, str, str],
) -> None:
    log, event, other = case
    having = log.filter(with_event=event).customers
    assert log.funnel([event]).entered == having
    assert log.conversion(other, start=event).balance().to_dict()["entered"] == [having]
    assert sum(log.retention(start=event, cohort="all").to_dict()["customers"][:1]) == having
    assert {row["event"]: row["customers"] for row in lines(log.loops())}[event] == having
    judged = log.separating_paths(event).totals().to_dict()
    assert judged["converted"][0] + judged["at_once"][0] == having


@FEW
@given(pairs())
def test_a_step_of_two_events_has_the_customers_of_the_filter_with_either(
    case: tuple[safar.EventLog, str, str],
) -> None:
    log, event, other = case
    assert log.funnel([(event, other)]).entered == log.filter(with_event=[event, other]).customers
    without = log.customers - log.funnel([(event, other)]).entered
    if without:
        assert log.filter(without_event=[event, other]).customers == without


# ---------------------------------------------------------------------------------- from one event to another


@FEW
@given(pairs())
def test_a_funnel_without_window_completes_for_the_paths_that_contain_it(
    case: tuple[safar.EventLog, str, str],
) -> None:
    log, first, second = case
    paths = log.paths(top=None)
    containing = [
        units
        for path, units in zip(paths.sequences(), paths.to_dict()["units"], strict=True)
        if oracles.is_part((first, second), path, contiguous=False)
    ]
    assert followed(log, first, second) == sum(containing)


@FEW
@given(pairs())
def test_a_strict_funnel_of_two_steps_completes_for_the_customers_of_the_transition(
    case: tuple[safar.EventLog, str, str],
) -> None:
    log, first, second = case
    edges = {(row["from"], row["to"]): row["customers"] for row in lines(log.transitions())}
    strict = log.funnel([first, second], order="strict", ties="stable")
    assert strict.completed == edges.get((first, second), 0)


@FEW
@given(pairs())
def test_the_conversions_of_the_curve_are_those_of_the_funnel(case: tuple[safar.EventLog, str, str]) -> None:
    log, first, second = case
    curve = log.conversion(second, start=first)
    assert sum(curve.to_dict()["reached"]) == followed(log, first, second)
    assert curve.balance().to_dict()["converted"] == [followed(log, first, second)]


@FEW
@given(pairs(), st.integers(1, 12))
def test_the_conversions_up_to_a_horizon_are_those_of_the_funnel_from_the_first_entry(
    case: tuple[safar.EventLog, str, str], seconds: int
) -> None:
    log, first, second = case
    funnel = log.funnel([first, second], within=f"{seconds}s", entry="first", ties="stable")
    curve = log.conversion(second, start=first, horizon=f"{seconds}s")
    assert sum(curve.to_dict()["reached"]) == funnel.completed


@FEW
@given(pairs())
def test_a_return_in_any_period_is_a_funnel_without_window(case: tuple[safar.EventLog, str, str]) -> None:
    log, first, second = case
    for clock in ("calendar", "rolling"):
        returned = log.retention(
            start=first,
            back=second,
            same_period=True,
            brackets=[(0, 100)],
            cohort="all",
            clock=clock,
        ).to_dict()["returned"]
        assert returned == [followed(log, first, second)]


@FEW
@given(pairs())
def test_a_return_on_the_day_of_the_start_is_a_funnel_of_that_day_where_all_happens_on_one(
    case: tuple[safar.EventLog, str, str],
) -> None:
    log, first, second = case
    cells = lines(log.retention(start=first, back=second, same_period=True, period="day"))
    assert [cell["returned"] for cell in cells if cell["period"] == 0] == [followed(log, first, second)]


@FEW
@given(pairs())
def test_a_sub_path_of_a_converted_unit_is_a_funnel_that_ends_in_the_goal(
    case: tuple[safar.EventLog, str, str],
) -> None:
    log, event, goal = case
    # A goal of its own at the end of every other journey, so that nothing follows it.
    rows = log.to_polars().to_dicts()
    last = max(row["time"].timestamp() for row in rows)
    converting = sorted({row["customer"] for row in rows})[::2]
    data = {
        "customer": [row["customer"] for row in rows] + converting,
        "time": [row["time"].timestamp() * 1e6 for row in rows] + [(last + 1) * 1e6] * len(converting),
        "event": [row["event"] for row in rows] + ["goal"] * len(converting),
    }
    data["time"] = [round(time) for time in data["time"]]
    whole = safar.EventLog(
        data, customer="customer", time="time", event="event", time_unit="us", observed_until="2200-01-01"
    )
    spec = safar.SeparatingPaths("goal")
    counts = [segment for _, segment in _segments(spec, whole)]
    assert len(counts) == 1
    place = counts[0].paths.index((event, goal)) if (event, goal) in counts[0].paths else None
    with_, converted_with = (
        (0, 0)
        if place is None
        else (int(counts[0].with_[place].sum()), int(counts[0].converted_with[place].sum()))
    )
    assert with_ == followed(whole, event, goal)
    assert converted_with == whole.funnel([event, goal, "goal"], ties="stable").completed


def _segments(spec: safar.SeparatingPaths, log: safar.EventLog) -> list[Any]:
    """Return the counts of all sub-paths, before any of them is left out."""
    partial = _core.run(log.core, spec.analysis, json.dumps(spec.plan(log)))
    return list(separating_paths._segments(partial))


# ------------------------------------------------------------------------------------------- units and events


@FEW
@given(pairs(), st.integers(1, 6))
def test_sessions_are_counted_alike_by_sessions_paths_steps_and_flow(
    case: tuple[safar.EventLog, str, str], seconds: int
) -> None:
    log, gap = case[0], f"{seconds}s"
    sessions = log.sessions(gap).to_dict()
    paths = log.paths("sessions", gap=gap).totals().to_dict()
    assert paths["units"] == [len(sessions["customer"])]
    assert paths["open"] == [sum(sessions["open"])]
    steps = lines(log.steps("sessions", gap=gap, positions=1))
    flow = [row for row in lines(log.flow("sessions", gap=gap, depth=1)) if row["position"] == 0]
    assert sum(row["units"] for row in steps) == sum(row["units"] for row in flow) == paths["units"][0]
    assert {row["event"]: row["units"] for row in steps} == {row["to"]: row["units"] for row in flow}
    judged = log.separating_paths(case[1], per="sessions", gap=gap).totals().to_dict()
    assert judged["units"][0] + judged["open"][0] + judged["at_once"][0] == paths["units"][0]


@FEW
@given(pairs())
def test_journeys_are_as_many_as_customers_in_every_analysis(case: tuple[safar.EventLog, str, str]) -> None:
    log, event, _ = case
    assert log.paths(top=None).units == log.customers
    edges = lines(log.transitions(inactivity=EVER))
    assert sum(row["events"] for row in edges if row["from"] == "(start)") == log.customers
    assert sum(row["events"] for row in edges if row["to"] in ("(end)", "(open)")) == log.customers
    first = {row["to"]: row["customers"] for row in edges if row["from"] == "(start)"}
    assert {row["event"]: row["units"] for row in lines(log.steps(positions=1))} == first
    judged = log.separating_paths(event, inactivity=EVER).totals().to_dict()
    assert judged["units"][0] + judged["open"][0] + judged["at_once"][0] == log.customers
    assert judged["at_once"][0] == first.get(event, 0)


@FEW
@given(pairs(), st.integers(1, 8))
def test_open_journeys_are_as_many_in_transitions_paths_and_steps(
    case: tuple[safar.EventLog, str, str], seconds: int
) -> None:
    log, inactivity = case[0], f"{seconds}s"
    edges = lines(log.transitions(inactivity=inactivity))
    still = sum(row["events"] for row in edges if row["to"] == "(open)")
    assert log.paths(inactivity=inactivity).totals().to_dict()["open"] == [still]
    most = max(len(path) for path in log.paths(top=None).sequences())
    after = lines(log.steps(positions=most + 1, inactivity=inactivity))
    at_the_end = {row["event"]: row["units"] for row in after if row["position"] == most + 1}
    assert at_the_end.get("(open)", 0) == still


@FEW
@given(pairs())
def test_every_event_is_counted_once_by_transitions_sessions_and_paths(
    case: tuple[safar.EventLog, str, str],
) -> None:
    log = case[0]
    into: Counter[str] = Counter()
    for row in lines(log.transitions()):
        if row["to"] not in ("(end)", "(open)"):
            into[row["to"]] += row["events"]
    assert dict(into) == log.events
    assert sum(log.sessions("2s").to_dict()["events"]) == len(log)
    in_paths: Counter[str] = Counter()
    paths = log.paths(top=None)
    for path, units in zip(paths.sequences(), paths.to_dict()["units"], strict=True):
        for name in path:
            in_paths[name] += units
    assert dict(in_paths) == log.events


@FEW
@given(pairs(), st.integers(1, 6))
def test_flow_into_an_event_is_what_the_steps_count_there(
    case: tuple[safar.EventLog, str, str], depth: int
) -> None:
    log = case[0]
    into: Counter[tuple[int, str]] = Counter()
    for row in lines(log.flow(depth=depth)):
        into[row["position"] + 1, row["to"]] += row["units"]
    steps = {(row["position"], row["event"]): row["units"] for row in lines(log.steps(positions=depth))}
    # Units that ended before stay at the end in the steps, and do not flow.
    assert {key: n for key, n in into.items() if key[0] <= depth and key[1] in NAMES} == {
        key: n for key, n in steps.items() if key[1] in NAMES
    }


# ------------------------------------------------------------------------------------------- calendar periods


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("calendar", ["gregorian", "jalali"])
@FEW
@given(case=calendar_logs())
def test_active_customers_are_those_of_stickiness_and_of_recurring_cohorts(
    period: Any, calendar: Any, case: tuple[safar.EventLog, str]
) -> None:
    log, event = case
    of: dict[str, Any] = {"period": period, "calendar": calendar}
    lifecycle = {row["period"]: row for row in lines(log.lifecycle(event, **of))}
    active = {start: row["active"] for start, row in lifecycle.items() if row["active"]}
    unit: Any = "hour" if period == "day" else "day"
    sticky = lines(log.stickiness(event, unit=unit, **of))
    assert {row["period"]: row["active"] for row in sticky if row["active"]} == active
    cohorts = {
        row["cohort"]: row["eligible"]
        for row in lines(log.retention(start=event, entry="recurring", **of))
        if row["period"] == 0
    }
    assert cohorts == active
    new = {start: row["new"] for start, row in lifecycle.items() if row["new"]}
    first = {
        row["cohort"]: row["eligible"]
        for row in lines(log.retention(start=event, **of))
        if row["period"] == 0
    }
    assert first == new


@FEW
@given(calendar_logs())
def test_those_who_return_are_those_of_recurring_cohorts_in_the_next_period(
    case: tuple[safar.EventLog, str],
) -> None:
    log, event = case
    returning = {row["period"]: row["returning"] for row in lines(log.lifecycle(event, period="day"))}
    retained = lines(log.retention(start=event, back=event, entry="recurring", period="day"))
    for row in retained:
        if row["period"] == 1:
            following = sorted(returning)[sorted(returning).index(row["cohort"]) + 1]
            assert row["returned"] == returning[following]


@FEW
@given(calendar_logs())
def test_the_customers_of_a_day_are_those_of_a_log_of_that_day(case: tuple[safar.EventLog, str]) -> None:
    log, event = case
    days = {row["period"]: row["active"] for row in lines(log.lifecycle(event, period="day"))}
    ordered = sorted(days)
    for day, following in itertools.pairwise(ordered):
        if days[day]:
            assert log.filter(events=event, start=day, end=following).customers == days[day]


@FEW
@given(calendar_logs())
def test_a_funnel_of_one_step_by_day_has_the_active_customers_of_the_day(
    case: tuple[safar.EventLog, str],
) -> None:
    log, event = case
    trend = {
        row["period"]: row["entered"] for row in lines(log.funnel([event]).trend("day")) if row["entered"]
    }
    active = {
        row["period"]: row["active"] for row in lines(log.lifecycle(event, period="day")) if row["active"]
    }
    assert trend == active


@FEW
@given(pairs())
def test_segments_of_every_analysis_add_up_to_the_whole(case: tuple[safar.EventLog, str, str]) -> None:
    log, event, goal = case
    by = {"by": "channel"}
    assert log.funnel([event], **by).entered == log.funnel([event]).entered
    assert log.paths(top=None, **by).units == log.customers
    for name in ("units", "converted", "open", "at_once"):
        whole, parts = (
            log.separating_paths(goal, inactivity=f"{SECOND}us", **options).totals().to_dict()[name]
            for options in ({}, by)
        )
        assert sum(parts) == sum(whole)
    edges = Counter(
        (row["from"], row["to"]) for row in lines(log.transitions()) for _ in range(row["events"])
    )
    parts_of_edges = Counter(
        (row["from"], row["to"]) for row in lines(log.transitions(**by)) for _ in range(row["events"])
    )
    assert parts_of_edges == edges
