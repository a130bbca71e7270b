"""Sessions: a pause greater than the gap cuts, and an unfinished session says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event
from safar import _core
from strategies import (
    BASE,
    columns_in,
    core_log,
    in_order,
    logs,
    observed,
    plan,
    public_log,
    rows_in,
    wide_times,
)

COLUMNS = ["customer", "session", "start", "end", "events", "open"]


def counted(rows: Sequence[Event], gap: int, until: int | None = None) -> list[tuple[Any, ...]]:
    log = core_log(rows, observed_until_us=until)
    return rows_in(_core.run(log, "sessions", plan({"gap_us": gap})), COLUMNS)


def at(*seconds: float, customer: str = "u") -> list[Event]:
    return [Event(customer, BASE + int(s * SECOND), "A") for s in seconds]


@given(st.data())
def test_sessions_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    gap = data.draw(st.integers(1, 5)) * SECOND
    assert in_order(counted(rows, gap, until)) == in_order(
        [tuple(s) for s in oracles.sessions(rows, gap, until)]
    )


@given(logs(wide_times()), st.sampled_from([1, SECOND, oracles.DAY, 400 * oracles.DAY]))
def test_sessions_equal_the_oracle_over_three_centuries(rows: list[Event], gap: int) -> None:
    assert in_order(counted(rows, gap)) == in_order([tuple(s) for s in oracles.sessions(rows, gap)])


@given(
    logs(unique_times=True), st.sampled_from(["channel", "plan", "score"]), st.sampled_from(["first", "last"])
)
def test_a_segment_is_the_value_at_the_customers_first_or_last_event(
    rows: list[Event], by: str, where: str
) -> None:
    segment = {}
    for customer, events in oracles.journeys(rows).items():
        value = getattr(events[0 if where == "first" else -1], by)
        segment[customer] = None if value is None else str(value)
    expected = [(segment[s.customer], *s) for s in oracles.sessions(rows, 2 * SECOND)]
    got = _core.run(core_log(rows), "sessions", plan({"gap_us": 2 * SECOND}, by, where))
    assert got.names[0] == "segment"
    assert in_order(rows_in(got, ["segment", *COLUMNS])) == in_order(expected)


@given(logs(unique_times=True), st.sampled_from(["channel", "plan", "score"]))
def test_a_segment_is_by_default_the_value_at_the_first_event_of_the_session(
    rows: list[Event], by: str
) -> None:
    expected = []
    for session in oracles.sessions(rows, 2 * SECOND):
        first = next(e for e in rows if (e.customer, e.time) == (session.customer, session.start))
        value = getattr(first, by)
        expected.append((None if value is None else str(value), *session))
    result = public_log(rows).sessions("2s", by=by)
    assert in_order(rows_in(result.table, ["segment", *COLUMNS])) == in_order(expected)


def test_sessions_of_one_customer_stand_together_and_count_from_one() -> None:
    rows = at(0, 100, 200, customer="a") + at(0, 50, customer="b")
    for customer, number in (("a", 3), ("b", 2)):
        found = [row for row in counted(rows, SECOND) if row[0] == customer]
        assert [row[1] for row in found] == list(range(1, number + 1))


def test_a_pause_equal_to_the_gap_stays_and_a_greater_one_cuts() -> None:
    gap = 30 * 60 * SECOND
    rows = at(0, 1800)
    assert len(counted(rows, gap)) == 1
    rows = [Event("u", BASE, "A"), Event("u", BASE + gap + 1, "A")]
    assert len(counted(rows, gap)) == 2


def test_one_event_is_one_session() -> None:
    assert counted(at(0), SECOND) == [("u", 1, BASE, BASE, 1, True)]


def test_equal_times_are_one_session() -> None:
    assert counted(at(*[7] * 50), 1) == [("u", 1, BASE + 7 * SECOND, BASE + 7 * SECOND, 50, True)]


def test_a_session_is_open_until_its_gap_is_over() -> None:
    gap = 10 * SECOND
    for until, is_open in ((0, True), (gap, True), (gap + 1, False), (oracles.DAY, False)):
        assert counted(at(0), gap, BASE + until) == [("u", 1, BASE, BASE, 1, is_open)]


def test_only_the_last_session_of_a_customer_can_be_open() -> None:
    rows = at(0, 20, 40)
    assert [row[-1] for row in sorted(counted(rows, 10 * SECOND))] == [False, False, True]


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = at(*range(0, 90_000, 3))
    found = counted(rows, 2 * SECOND)
    assert len(found) == 30_000
    assert max(row[1] for row in found) == 30_000
    assert counted(rows, 3 * SECOND) == [("u", 1, rows[0].time, rows[-1].time, 30_000, True)]


@given(logs(max_events=40))
def test_every_event_lies_in_exactly_one_session(rows: list[Event]) -> None:
    found = counted(rows, SECOND)
    assert sum(row[4] for row in found) == len(rows)
    assert {row[0] for row in found} == {row.customer for row in rows}


@pytest.mark.parametrize(
    ("gap", "text"), [(30 * 60 * SECOND, "30m"), (2 * 3600 * SECOND, "2h"), (SECOND, "1s")]
)
def test_the_public_analysis_tells_the_same(gap: int, text: str) -> None:
    rows = at(0, 0.5, 1, 3, 1800, 3601, 7300, 20_000, customer="a") + at(5, 5, 9_000, customer="b")
    result = public_log(rows).sessions(gap=text)
    columns = columns_in(result.table)
    found = list(zip(*(columns[name] for name in COLUMNS), strict=True))
    assert in_order(found) == in_order([tuple(s) for s in oracles.sessions(rows, gap)])
    assert len(result) == len(found)


def test_the_summary_counts_what_the_table_holds() -> None:
    rows = at(0, 1, 2, 100, 300, 301, customer="a") + at(0, 301, customer="b")
    result = public_log(rows).sessions(gap="10s")
    expected = oracles.sessions(rows, 10 * SECOND)
    summary = {name: cells[0] for name, cells in result.summary().to_dict().items()}
    durations = sorted((s.end - s.start) / SECOND for s in expected)
    assert summary["sessions"] == 5
    assert summary["customers"] == 2
    assert summary["mean_events"] == pytest.approx(8 / 5)
    assert summary["median_events"] == 1
    assert summary["mean_duration_seconds"] == pytest.approx(sum(durations) / 5)
    assert summary["median_duration_seconds"] == pytest.approx(durations[2])
    assert summary["open"] == 2
    assert summary["single_event_share"] == pytest.approx(3 / 5)


def test_the_result_keeps_the_spec_that_replays_it() -> None:
    log = public_log(at(0, 1, 50, 51, 52))
    result = log.sessions(gap="5s")
    again = safar.Spec.from_json(result.spec).run(log)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec
