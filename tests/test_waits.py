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

import safar
from oracles import DAY, EPOCH, SECOND, Event, journeys
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
    free = ([3, 4], [(EPOCH + dt.timedelta(microseconds=BASE)).date()])

    def time(start: int, end: int) -> int:
        return worked(start, max(start, end), *free) if hours else max(0, end - start)

    for events in journeys(rows).values():
        chains: dict[Any, list[Event]] = defaultdict(list)
        for event in events:
            if event.plan is not None and not (same and event.channel is None):
                chains[event.channel if same else 0].append(event)
        for chain in chains.values():
            ends = [e.time + (e.score or 0) * MINUTE * lasting for e in chain]
            for at, event in enumerate(chain):
                if lasting:
                    found["service"][event.plan].append(time(event.time, ends[at]))
                if at:
                    end, before = ends[at - 1], chain[at - 1].plan
                    if gap is not None and event.time - end > gap:
                        found["pause"][before].append(time(end, end + gap))
                    else:
                        found["pair"][before, event.plan].append(time(end, event.time))
            last = ends[-1]
            if gap is not None and until - last > gap:
                found["silent"][chain[-1].plan].append(time(last, last + gap))
            else:
                found["open"][chain[-1].plan].append(time(last, max(last, until)))
    return found


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
    ]
    until = observed(data.draw, rows, spread=3 * DAY)
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
    )
    pairs = {(row["from"], row["to"]): row for row in found.to_polars().to_dicts()}
    assert set(pairs) == set(expected["pair"])
    whole = sum(sum(times) for part in ("pair", "service") for times in expected[part].values())
    for pair, times in expected["pair"].items():
        row = pairs[pair]
        assert row["count"] == len(times)
        assert row["total_seconds"] == pytest.approx(sum(times) / 1e6)
        assert row["share"] == (None if not whole else pytest.approx(sum(times) / whole))
        middle = sorted(times)[(len(times) + 1) // 2 - 1] / 1e6
        assert row["median_seconds"] == pytest.approx(middle, rel=1 / 128, abs=1e-6)
    if lasting:
        service = dict(found.service().to_polars().select("plan", "total_seconds").rows())
        assert service == {
            name: pytest.approx(sum(times) / 1e6) for name, times in expected["service"].items()
        }
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
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    log = public_log([Event("a", 0, "A"), Event("a", SECOND, "B")])
    with pytest.raises(safar.SafarError, match=message):
        log.waits(**arguments)


def test_the_spec_replays() -> None:
    log = public_log([Event("a", 0, "A"), Event("a", SECOND, "B")])
    found = log.waits("event", hours=("00:00", "24:00"), holidays=[dt.date(2026, 3, 21)])
    assert safar.Spec.from_json(found.spec).run(log).to_dict() == found.to_dict()
    who = found.customers(**{"from": "A", "to": "B"}).to_dict()
    assert who["customer"] == ["a"]
