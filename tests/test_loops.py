"""Loops: an event that occurs n times in a unit has n - 1 repeats there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event, Looked
from safar import _core
from strategies import BASE, core_log, logs, observed, plan, public_log
from test_paths import arguments, at, looks, present, unit_params


def lines(result: safar.LoopsResult, segment: Any = None) -> dict[str | None, dict[str, Any]]:
    """Return event -> the columns of its row; None for the row of all."""
    found: dict[str | None, dict[str, Any]] = {}
    for table in (result.to_dict(), result.totals().to_dict()):
        for values in zip(*table.values(), strict=True):
            row = dict(zip(table, values, strict=True))
            if row.pop("segment", None) == segment:
                found[row.pop("event", None)] = row
    return found


def same(got: dict[str | None, dict[str, Any]], expected: dict[str | None, dict[str, int]]) -> None:
    assert set(got) == set(expected)
    for event, row in got.items():
        units, again = expected[event]["units"], expected[event]["repeating_units"]
        repeats = expected[event]["loops"] + expected[event]["returns"]
        low, high = oracles.wilson(again, units)
        assert row == expected[event] | {
            "mean_repeats": pytest.approx(repeats / again) if again else None,
            "share": pytest.approx(again / units),
            "share_low": pytest.approx(low, abs=1e-9),
            "share_high": pytest.approx(high, abs=1e-9),
        }


@given(st.data())
def test_loops_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=40))
    until = observed(data.draw, rows)
    looked = present(rows, data.draw(looks(collapse=False)))
    asked = {name: value for name, value in arguments(looked).items() if name != "collapse"}
    log = public_log(rows, observed_until=until)
    units = looked.units(rows, until)
    if units:
        same(lines(log.loops(**asked)), oracles.loops(units))
    by = data.draw(st.sampled_from(["channel", "plan"]))
    result = log.loops(**asked, by=by)
    for segment in {getattr(unit.first, by) for unit in units}:
        same(lines(result, segment), oracles.loops([u for u in units if getattr(u.first, by) == segment]))


def test_loops_by_hand() -> None:
    rows = at("SSVSP", "ann") + at("SP", "bob") + at("S", "cem", 50)
    log = public_log(rows, observed_until=BASE + 60 * SECOND)
    found = lines(log.loops(inactivity="20s"))
    assert found["S"] | {"share_low": None, "share_high": None} == {
        "units": 3,
        "customers": 3,
        "repeating_units": 1,
        "repeating_customers": 1,
        "open": 1,
        "loop_units": 1,
        "loop_customers": 1,
        "return_units": 1,
        "return_customers": 1,
        "loops": 1,
        "returns": 1,
        "mean_repeats": 2.0,
        "most_repeats": 2,
        "share": pytest.approx(1 / 3),
        "share_low": None,
        "share_high": None,
    }
    assert found["P"]["mean_repeats"] is None


@given(logs(max_events=40))
def test_loops_equal_the_transitions_from_an_event_to_itself(rows: list[Event]) -> None:
    log = public_log(rows)
    edges = log.transitions().to_dict()
    itself = {
        source: (events, customers)
        for source, target, events, customers in zip(
            edges["from"], edges["to"], edges["events"], edges["customers"], strict=True
        )
        if source == target
    }
    columns = log.loops().to_dict()
    counts = zip(columns["loops"], columns["loop_customers"], strict=True)
    found = dict(zip(columns["event"], counts, strict=True))
    assert {event: counts for event, counts in found.items() if counts[0]} == itself


@given(logs(max_events=40))
def test_occurrences_less_units_are_the_repeats(rows: list[Event]) -> None:
    log = public_log(rows)
    columns = log.loops("sessions", gap="2s").to_dict()
    for event, units, loops, returns in zip(
        *(columns[name] for name in ("event", "units", "loops", "returns")), strict=True
    ):
        assert units + loops + returns == log.events[event]


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "AAB"[i % 3]) for i in range(30_000)]
    found = lines(public_log(rows).loops())
    assert (found["A"]["loops"], found["A"]["returns"], found["A"]["most_repeats"]) == (10_000, 9_999, 19_999)


def test_an_empty_answer_has_its_columns() -> None:
    rows = at("AB", "1")
    table = _core.run(core_log(rows), "loops", plan({"units": unit_params(Looked(events=("X",)))}))
    result = safar.Loops().finish(table, public_log(rows))
    assert len(result) == 0
    assert "mean_repeats" in result.columns
    assert len(result.totals()) == 0
