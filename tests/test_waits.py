"""Waits against a count in plain Python."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

import safar
from oracles import DAY, EPOCH, SECOND, Event, clustered, journeys, mean_interval, wilson
from safar import design
from strategies import BASE, day_times, logs, observed, public_log

MINUTE = 60 * SECOND


def worked(start: int, end: int, weekend: Sequence[int], holidays: Sequence[dt.date]) -> int:
    """Return the working time from 09:00 to 17:00 between two instants, day by day."""
    total, day = 0, start // DAY
    while day * DAY < end:
        date = (EPOCH + dt.timedelta(days=day)).date()
        if date.weekday() not in weekend and date not in holidays:
            opens, closes = day * DAY + 9 * 60 * MINUTE, day * DAY + 17 * 60 * MINUTE
            total += max(0, min(end, closes) - max(start, opens))
        day += 1
    return total


def counted(
    rows: Sequence[Event], gap: int | None, until: int, *, same: bool, lasting: bool, hours: bool
) -> dict[str, Any]:
    """Return pairs, service and open waits in microseconds."""
    parts = ("pair", "pause", "service", "open", "silent")
    found: dict[str, Any] = {part: defaultdict(list) for part in parts}
    # Time of each customer by what it was spent on.
    found["spent"] = []
    free = ([3, 4], [(EPOCH + dt.timedelta(microseconds=BASE)).date()])

    def time(start: int, end: int) -> int:
        return worked(start, max(start, end), *free) if hours else max(0, end - start)

    for events in journeys(rows).values():
        chains: dict[Any, list[Event]] = defaultdict(list)
        spent: list[tuple[Any, int]] = []
        for event in events:
            if event.plan is not None and not (same and event.channel is None):
                chains[event.channel if same else 0].append(event)
        for chain in chains.values():
            ends = [e.time + (e.score or 0) * MINUTE * lasting for e in chain]
            for at, event in enumerate(chain):
                if lasting:
                    found["service"][event.plan].append(time(event.time, ends[at]))
                    spent.append((event.plan, time(event.time, ends[at])))
                if at:
                    end, before = ends[at - 1], chain[at - 1].plan
                    if gap is not None and event.time - end > gap:
                        found["pause"][before].append(time(end, end + gap))
                    else:
                        found["pair"][before, event.plan].append(time(end, event.time))
                        spent.append(((before, event.plan), time(end, event.time)))
            last = ends[-1]
            if gap is not None and until - last > gap:
                found["silent"][chain[-1].plan].append(time(last, last + gap))
            else:
                found["open"][chain[-1].plan].append(time(last, max(last, until)))
        found["spent"] += [spent] if spent else []
    return found


def share_of(expected: dict[str, Any], wanted: Any) -> list[Any]:
    """Return the share of the time that was spent on something, with its interval, and what is near it."""

    def time(spent: Sequence[tuple[Any, int]], on: Any) -> float:
        return sum(length for what, length in spent if on is None or on(what)) / 1e6

    parts, wholes = ([time(spent, on) for spent in expected["spent"]] for on in (wanted, None))
    units = sum(len(spent) for spent in expected["spent"])
    share = sum(parts) / sum(wholes) if sum(wholes) else None
    return near([share, *clustered(parts, wholes, units)])


def student(freedom: int) -> float:
    """Return the quantile of Student's t to 0.975."""
    return float(t.ppf(0.975, freedom))


def near(numbers: Sequence[float | None]) -> list[Any]:
    """Return what is near these numbers, where there are any."""
    return [None if number is None else pytest.approx(number, rel=1e-6, abs=1e-6) for number in numbers]


def with_bounds(row: dict[str, Any], name: str) -> list[Any]:
    """Return a number and its interval as they stand in a row."""
    return [row[name], row[f"{name}_low"], row[f"{name}_high"]]


# What is expected, as the analyst writes it.
EXPECTED: list[dict[Any, str]] = [
    {"pro": "1d", "free": "90m"},
    {"pro": "1d", ("free", "pro"): "90m", ("pro", "free"): "12h", ("pro", "pro"): "1m"},
]
UNITS = {"d": DAY, "h": 60 * MINUTE, "m": MINUTE}


def bucket(time: int) -> int:
    """Return the lower end of the bucket that a time is counted in."""
    octave = max(time.bit_length() - 8, 0)
    return time >> octave << octave


def median_of(over: Sequence[int], still: Sequence[int]) -> float:
    """Return the time at which the estimate of Kaplan and Meier reaches one half, of times to 1/128 of their length."""
    over, still = [bucket(time) for time in over], [bucket(time) for time in still]
    survival, at_risk = 1.0, len(over) + len(still)
    for value in sorted(set(over) | set(still)):
        survival *= 1 - over.count(value) / at_risk
        if survival <= 0.5 + 1e-12:
            return value
        at_risk -= over.count(value) + still.count(value)
    return math.nan


@settings(max_examples=150)
@given(data=st.data())
def test_waits_are_what_plain_python_counts(data: st.DataObject) -> None:
    rows = [
        *data.draw(logs(day_times(12))),
        *(Event("sure", BASE + at * DAY, "A", "web", None, "free") for at in (0, 1)),
        Event("sure", BASE + 3 * DAY, "A", "web", None, "pro"),
    ]
    until = observed(data.draw, rows, spread=3 * DAY)
    wanted = data.draw(st.sampled_from(EXPECTED))
    longest = {
        key if isinstance(key, tuple) else (None, key): int(time[:-1]) * UNITS[time[-1]]
        for key, time in wanted.items()
    }
    same, lasting, hours = (data.draw(st.booleans()) for _ in range(3))
    gap = data.draw(st.sampled_from([None, 2 * DAY]))
    expected = counted(rows, gap, until, same=same, lasting=lasting, hours=hours)
    found = public_log(rows, observed_until=until).waits(
        "plan",
        same="channel" if same else None,
        gap=None if gap is None else "2d",
        duration="score" if lasting else None,
        duration_unit="m" if lasting else "s",
        hours=("09:00", "17:00") if hours else None,
        weekend=(3, 4) if hours else (),
        holidays=["2024-03-01"] if hours else (),
        expected=wanted,
    )
    pairs = {(row["from"], row["to"]): row for row in found.to_polars().to_dicts()}
    overdue = {
        pair: sum(time > limit for time in expected["open"].get(pair[0], ()))
        for pair, limit in longest.items()
        if pair[0] is not None
    }
    assert set(pairs) == set(expected["pair"]) | {pair for pair, times in overdue.items() if times}
    for pair, row in pairs.items():
        limit = longest.get(pair, longest.get((None, pair[1])) if pair[0] != pair[1] else None)
        if limit is None:
            assert [row[name] for name in ("expected_seconds", "late", "late_open", "late_share")] == [
                None
            ] * 4
            continue
        over = [time > limit for time in expected["pair"].get(pair, ())]
        late = sum(over) + overdue.get(pair, 0)
        assert row["expected_seconds"] == limit / 1e6
        assert [row["count"], row["late"], row["late_open"]] == [len(over), late, overdue.get(pair, 0)]
        shares = late / (late + over.count(False)), *wilson(late, late + over.count(False))
        assert with_bounds(row, "late_share") == near(shares)
    for pair, times in expected["pair"].items():
        row = pairs[pair]
        assert row["count"] == len(times)
        assert row["total_seconds"] == pytest.approx(sum(times) / 1e6)
        assert with_bounds(row, "share") == share_of(expected, lambda what, pair=pair: what == pair)
        assert with_bounds(row, "mean_seconds") == near(
            mean_interval([time / 1e6 for time in times], student)
        )
        middle = sorted(times)[(len(times) + 1) // 2 - 1] / 1e6
        assert row["median_seconds"] == pytest.approx(middle, rel=1 / 128, abs=1e-6)
    if lasting:
        service = dict(found.service().to_polars().select("plan", "total_seconds").rows())
        assert service == {
            name: pytest.approx(sum(times) / 1e6) for name, times in expected["service"].items()
        }
    efficiency = found.efficiency().to_polars().to_dicts()[0]
    served = share_of(expected, lambda what: isinstance(what, str))
    assert with_bounds(efficiency, "flow_efficiency") == (served if lasting else [None] * 3)
    for row in found.until_next().to_polars().to_dicts():
        over = [
            time for (start, _), times in expected["pair"].items() if start == row["from"] for time in times
        ]
        still, pauses, silent = (expected[part].get(row["from"], []) for part in ("open", "pause", "silent"))
        assert (row["count"], row["open"]) == (len(over), len(still))
        assert (row["pauses"], row["silent"]) == (len(pauses), len(silent))
        median = median_of(over, still + pauses + silent)
        assert (row["median_seconds"] is None) == math.isnan(median)
        if row["median_seconds"] is not None:
            assert row["median_seconds"] == pytest.approx(median / 1e6, rel=1 / 64, abs=1e-6)


@given(data=st.data())
@settings(max_examples=60)
def test_service_and_waits_are_all_the_time_from_first_to_last(data: st.DataObject) -> None:
    rows = [*data.draw(logs(day_times(), unique_times=True)), Event("sure", 0, "A"), Event("sure", DAY, "A")]
    found = public_log(rows).waits("event", gap=None)
    spans = [events[-1].time - events[0].time for events in journeys(rows).values()]
    assert found.efficiency().to_dict()["total_seconds"] == [pytest.approx(sum(spans) / 1e6)]
    assert found.efficiency().to_dict()["flow_efficiency"] == [None]
    assert sum(found.to_dict()["share"]) == pytest.approx(1.0)


def test_hand_overs_are_those_with_another_channel() -> None:
    rows = [
        Event("a", 0, "A", "web"),
        Event("a", 10 * SECOND, "B", "phone"),
        Event("a", 40 * SECOND, "C", "phone"),
        Event("b", 0, "A", "web"),
        Event("b", 30 * SECOND, "B", "phone"),
    ]
    found = public_log(rows).waits("event", cost_per_hour=360.0)
    table = {(row["from"], row["to"]): row for row in found.to_polars().to_dicts()}
    assert table["A", "B"]["handed_over"] == 2
    assert table["B", "C"]["handed_over"] == 0
    assert table["A", "B"]["cost"] == pytest.approx(4.0)
    channels = {(row["from"], row["to"]): row for row in found.channels().to_polars().to_dicts()}
    assert channels["web", "phone"]["count"] == 2
    assert channels["web", "phone"]["total_seconds"] == 40.0
    assert channels["phone", "phone"]["share"] == 1.0


def test_the_slow_call_centre_is_where_time_is_lost() -> None:
    shop = safar.datasets.shop(3_000)
    found = shop.log().waits("event", same="ticket_id").to_polars()
    median = dict(
        found.filter(pl.col("to").is_in(["call_answered", "support_answered"]))
        .filter(pl.col("from").is_in(["call_started", "support_ticket"]))
        .select("from", "median_seconds")
        .rows()
    )
    assert median["call_started"] > 3 * median["support_ticket"]
    tickets = shop.tickets.to_polars().filter(pl.col("answered").is_not_null())
    calls = tickets.filter(pl.col("channel") == "call_center")["response_minutes"].median() * 60
    assert median["call_started"] == pytest.approx(calls, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "with_map"),
        ({"of": "evnt"}, 'did you mean "event"'),
        ({"of": "event", "same": "ticket"}, "ticket"),
        ({"of": "event", "hours": ("17:00", "09:00")}, "before they begin"),
        ({"of": "event", "hours": ("9", "17:00")}, "no time of day"),
        ({"of": "event", "weekend": (3,)}, "hours="),
        ({"of": "event", "hours": ("09:00", "17:00"), "weekend": (7,)}, "0 .Monday. to 6"),
        (
            {"of": "event", "hours": ("09:00", "17:00"), "holidays": ["x"]},
            "holidays holds a value that is 'x'",
        ),
        ({"of": "event", "cost_per_hour": -1}, "cost_per_hour"),
        ({"of": "event", "gap": "0d"}, "gap"),
        ({"of": "event", "expected": {"B": "2 hours"}}, 'expected of "B"'),
        ({"of": "event", "expected": {"B": "30d"}}, "no wait but a pause"),
        ({"of": "event", "expected": {("A", "B", "C"): "1d"}}, "mapping"),
        ({"of": "event", "expected": {"BB": "1d"}}, 'did you mean "B"'),
        ({"of": "event", "expected": {("a", "B"): "1d"}}, 'expected "a" is no value of "event".*"A", "B"'),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    log = public_log([Event("a", 0, "A"), Event("a", SECOND, "B")])
    with pytest.raises(safar.SafarError, match=message):
        log.waits(**arguments)


def test_the_spec_replays() -> None:
    log = public_log([Event("a", 0, "A"), Event("a", SECOND, "B")])
    found = log.waits(
        "event", hours=("00:00", "24:00"), holidays=[dt.date(2026, 3, 21)], expected={("A", "B"): "1ms"}
    )
    assert safar.Spec.from_json(found.spec).run(log).to_dict() == found.to_dict()
    who = found.customers(**{"from": "A", "to": "B"}).to_dict()
    assert (who["customer"], who["late"]) == (["a"], [1])


MAP = """
version = 1
name = "Support"

[[stage]]
id = "help"
name = "Help"

[[touchpoint]]
id = "question"
name = "Question"
stage = "help"
event = "ask"

[[touchpoint]]
id = "chat"
name = "Chat"
stage = "help"
event = "chat"

[[touchpoint]]
id = "answer"
name = "Answer"
stage = "help"
event = "reply"

[[touchpoint]]
id = "solved"
name = "Solved"
stage = "help"
event = "solve"

[[designed]]
touchpoint = "question"

[[designed]]
touchpoint = "chat"
optional = true
within = "5m"

[[designed]]
touchpoint = "answer"
within = "2h"

[[designed]]
touchpoint = "solved"
within = "60d"
"""


def supported(paths: Sequence[Sequence[tuple[str, int]]], end: int) -> safar.EventLog:
    """Return a log with the map, of customers who do something at some minutes."""
    rows = [Event(f"c{number}", at * MINUTE, name) for number, path in enumerate(paths) for name, at in path]
    return public_log(rows, observed_until=end * MINUTE).with_map(safar.JourneyMap(MAP))


def test_waits_are_held_against_the_times_of_the_map() -> None:
    log = supported(
        [
            [("ask", 0), ("reply", 60), ("solve", 100)],
            [("ask", 0), ("reply", 120)],
            [("ask", 0), ("reply", 121)],
            [("ask", 0), ("chat", 10), ("reply", 30), ("reply", 600)],
            # Open for five hours, and for a quarter of one.
            [("ask", 700)],
            [("ask", 985)],
        ],
        end=1000,
    )
    rows = {(row["from"], row["to"]): row for row in log.waits().to_polars().to_dicts()}
    shown = ("expected_seconds", "count", "late", "late_open", "late_share")
    assert [rows["question", "answer"][name] for name in shown] == [7200, 3, 2, 1, 0.5]
    # A chat may be left out, so no open question is a late chat.
    assert [rows["question", "chat"][name] for name in shown] == [300, 1, 1, 0, 1.0]
    assert [rows["chat", "answer"][name] for name in shown] == [7200, 1, 0, 0, 0.0]
    # From an answer to an answer is a repeat, and 60 days are longer than any wait.
    assert [rows["answer", "answer"][name] for name in shown] == [None, 1, None, None, None]
    assert [rows["answer", "solved"][name] for name in shown] == [None, 1, None, None, None]
    longer = {(row["from"], row["to"]): row for row in log.waits(gap=None).to_polars().to_dicts()}
    assert longer["answer", "solved"]["expected_seconds"] == 60 * 86_400
    assert "late" not in log.waits(hours=("09:00", "17:00")).columns
    assert "late" not in log.waits("event").columns
    assert "late" not in log.waits(expected={}).columns
    who = log.waits().customers(**{"from": "question", "to": "answer"}).to_polars()
    assert sorted(who.filter(pl.col("late") > 0)["customer"]) == ["c2", "c4"]


def test_what_never_came_is_late_as_well() -> None:
    log = supported([[("ask", 0)], [("ask", 0), ("chat", 1)], [("chat", 90)]], end=200)
    rows = {(row["from"], row["to"]): row for row in log.waits().to_polars().to_dicts()}
    assert [rows["question", "answer"][name] for name in ("count", "late", "late_share")] == [0, 1, 1.0]
    assert rows["question", "answer"]["median_seconds"] is None
    assert [rows["chat", "answer"][name] for name in ("count", "late", "late_open")] == [0, 1, 1]
    assert "late" in log.waits().definition
    assert log.waits().plot().to_dict()


@pytest.mark.parametrize(
    ("steps", "ways"),
    [
        (["a", "b", "c"], "ab bc"),
        (["a", design.optional("o"), "b"], "ab ob"),
        (["a", design.parallel("b", "c"), "d"], "ab ac bd cd"),
        (["a", design.parallel("b", design.optional("c")), "d"], "ab bd cd"),
        (["a", design.choice("b", "c"), "d"], "bd cd"),
        (["a", design.choice("b", ["c", "d"]), "e"], "be de"),
        (["a", design.loop("b", "c", again="r"), "d"], "ab bc rb cd"),
        (["a", design.optional("o", "p"), "b"], "ab pb"),
    ],
)
def test_what_is_due_after_a_step_of_the_design(steps: list[Any], ways: str) -> None:
    found = design.ways_into(design.blocks_of(steps, "design"))
    assert sorted(f"{before.step}{step.step}" for before, step in found) == sorted(ways.split())
