"""Steps: every unit has one place at every position, and what flows in flows on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import END, OPEN, SECOND, START, Event, Looked
from safar.errors import ArgumentError, UnknownEventError
from strategies import BASE, logs, observed, public_log
from test_paths import arguments, at, looks, present


def cells(result: safar.Result) -> dict[tuple[int, str], tuple[int, int]]:
    columns = result.to_dict()
    keys = zip(columns["position"], columns["event"], strict=True)
    found = dict(zip(keys, zip(columns["units"], columns["customers"], strict=True), strict=True))
    assert len(found) == len(result), "a cell stands twice"
    return found


def edges(result: safar.Result) -> dict[tuple[int, str, str], tuple[int, int]]:
    columns = result.to_dict()
    keys = zip(columns["position"], columns["from"], columns["to"], strict=True)
    found = dict(zip(keys, zip(columns["units"], columns["customers"], strict=True), strict=True))
    assert len(found) == len(result), "an edge stands twice"
    return found


def drawn(data: st.DataObject) -> tuple[safar.EventLog, Looked, list[oracles.Unit], Sequence[Event]]:
    rows = data.draw(logs(max_events=40))
    until = observed(data.draw, rows)
    looked = present(rows, data.draw(looks()))
    return public_log(rows, observed_until=until), looked, looked.units(rows, until), rows


# ----------------------------------------------------------------------------------------------------- oracle


@given(st.data())
def test_steps_from_the_beginning_equal_the_oracle(data: st.DataObject) -> None:
    log, looked, units, _ = drawn(data)
    positions = data.draw(st.integers(1, 6))
    assert cells(log.steps(**arguments(looked), positions=positions)) == oracles.steps(units, positions)


@given(st.data())
def test_steps_around_an_event_equal_the_oracle(data: st.DataObject) -> None:
    log, looked, units, rows = drawn(data)
    names = sorted({row.event for row in rows})
    around = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    which: Any = data.draw(st.sampled_from(["first", "last", "each"]))
    positions = data.draw(st.integers(1, 4))
    got = log.steps(**arguments(looked), positions=positions, around=around, which=which)
    assert cells(got) == oracles.steps(units, positions, around, which)


@given(st.data())
def test_flow_equals_the_oracle(data: st.DataObject) -> None:
    log, looked, units, _ = drawn(data)
    depth = data.draw(st.integers(1, 6))
    assert edges(log.flow(**arguments(looked), depth=depth)) == oracles.flow(units, depth)


@given(st.data())
def test_segments_are_counted_apart_by_the_first_event_of_the_unit(data: st.DataObject) -> None:
    log, looked, units, _ = drawn(data)
    by = data.draw(st.sampled_from(["channel", "plan"]))
    steps = log.steps(**arguments(looked), positions=3, by=by).to_dict()
    flow = log.flow(**arguments(looked), depth=3, by=by).to_dict()
    for segment in {getattr(unit.first, by) for unit in units}:
        mine = [unit for unit in units if getattr(unit.first, by) == segment]
        for columns, names, expected in (
            (steps, ("position", "event"), oracles.steps(mine, 3)),
            (flow, ("position", "from", "to"), oracles.flow(mine, 3)),
        ):
            rows = zip(*(columns[name] for name in ("segment", *names, "units", "customers")), strict=True)
            found = {row[1:-2]: row[-2:] for row in rows if row[0] == segment}
            assert found == expected


@given(st.data())
def test_shares_are_of_the_position_and_have_wilson_intervals(data: st.DataObject) -> None:
    log, looked, units, _ = drawn(data)
    columns = log.steps(**arguments(looked), positions=3).to_dict()
    for number, of, *shares in zip(
        *(columns[name] for name in ("units", "of", "share", "share_low", "share_high")), strict=True
    ):
        assert of == len(units)
        assert shares == [pytest.approx(x) for x in (number / of, *oracles.wilson(number, of))]
    matrix = log.steps(**arguments(looked), positions=3).matrix().to_dict()
    for position in ("1", "2", "3") if units else ():
        assert sum(matrix[position]) == pytest.approx(1)


# --------------------------------------------------------------------------------------------- reconciliation


@given(st.data())
def test_what_flows_into_a_position_is_what_steps_counts_there(data: st.DataObject) -> None:
    log, looked, _, _ = drawn(data)
    flow = log.flow(**arguments(looked), depth=4)
    steps = cells(log.steps(**arguments(looked), positions=4))
    into: Counter[tuple[int, str]] = Counter()
    out: Counter[tuple[int, str]] = Counter()
    for (position, source, target), (units, _) in edges(flow).items():
        into[position + 1, target] += units
        out[position, source] += units
    for position in range(1, 5):
        ended = [sum(into[earlier, name] for earlier in range(2, position + 1)) for name in (END, OPEN)]
        assert [steps.get((position, name), (0, 0))[0] for name in (END, OPEN)] == ended
    events = {key: units for key, (units, _) in steps.items() if key[1] not in (END, OPEN)}
    assert {key: units for key, units in into.items() if key[1] not in (END, OPEN)} == events
    assert {key: units for key, units in out.items() if key[0] > 0} == {
        key: units for key, units in events.items() if key[0] < 4
    }


@given(logs(max_events=40))
def test_the_first_position_holds_the_first_events(rows: list[Event]) -> None:
    log = public_log(rows)
    first = Counter(journey[0].event for journey in oracles.journeys(rows).values())
    found = cells(log.steps(positions=1))
    assert {name: units for (_, name), (units, _) in found.items()} == first
    entries = {key[2]: units for key, (units, _) in edges(log.flow(depth=1)).items()}
    assert entries == first


# -------------------------------------------------------------------------------------------------- edge cases


def test_a_matrix_by_hand() -> None:
    # ann: A B A; bob: A B; cem: B, and all have ended.
    rows = at("ABA", "ann") + at("AB", "bob") + at("B", "cem")
    log = public_log(rows, observed_until=BASE + 100 * SECOND)
    matrix = log.steps(positions=3, inactivity="5s").matrix().to_dict()
    third = pytest.approx(1 / 3)
    assert matrix == {
        "event": ["A", "B", END],
        "1": [pytest.approx(2 / 3), third, 0],
        "2": [0, pytest.approx(2 / 3), third],
        "3": [third, 0, pytest.approx(2 / 3)],
    }
    around = cells(log.steps(positions=1, around="B", inactivity="5s"))
    assert around == {
        (-1, "A"): (2, 2),
        (-1, START): (1, 1),
        (0, "B"): (3, 3),
        (1, "A"): (1, 1),
        (1, END): (2, 2),
    }


def test_each_occurrence_is_a_middle_of_its_own() -> None:
    log = public_log(at("ABAB", "u"))
    result = log.steps(positions=1, around="B", which="each")
    assert cells(result) == {(-1, "A"): (2, 1), (0, "B"): (2, 1), (1, "A"): (1, 1), (1, OPEN): (1, 1)}
    assert "occurrences" in result.definition


def test_drop_off_says_who_ended_and_who_may_go_on() -> None:
    rows = at("AB", "1") + at("A", "2") + at("ABC", "3") + at("A", "4", 90)
    log = public_log(rows, observed_until=BASE + 100 * SECOND)
    columns = log.flow(depth=3, inactivity="20s").drop_off().to_dict()
    assert {name: columns[name] for name in ("position", "units", "went_on", "ended", "open")} == {
        "position": [1, 2],
        "units": [4, 2],
        "went_on": [2, 1],
        "ended": [1, 1],
        "open": [1, 0],
    }
    assert columns["share"] == [pytest.approx(1 / 3), 0.5]


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "ABC"[i % 3]) for i in range(30_000)]
    found = cells(public_log(rows).steps("sessions", gap="500ms", positions=2))
    assert found[1, "A"] == (10_000, 1)
    assert found[2, END] == (29_999, 1)
    assert found[2, OPEN] == (1, 1)


def test_arguments_that_make_no_sense_are_refused() -> None:
    log = public_log(at("AB", "1"))
    with pytest.raises(ArgumentError, match="positions=0; expected a whole number"):
        log.steps(positions=0)
    with pytest.raises(ArgumentError, match="depth=2000; expected a whole number from 1 to 1,000"):
        log.flow(depth=2000)
    with pytest.raises(ArgumentError, match="which='second' is not a choice"):
        log.steps(which="second")  # type: ignore[arg-type]
    with pytest.raises(UnknownEventError, match='around "b" is not an event of this log'):
        log.steps(around="b")


def test_an_empty_answer_has_its_columns() -> None:
    from safar import _core
    from strategies import core_log, plan
    from test_paths import unit_params

    log = public_log(at("AB", "1"))
    units = unit_params(Looked(events=("X",)))
    parts = {
        "steps": {"units": units, "positions": 2, "around": None, "which": "first", "max_cells": 9},
        "flow": {"units": units, "depth": 2, "max_edges": 9},
    }
    for name, spec in (("steps", safar.Steps()), ("flow", safar.Flow())):
        table = _core.run(core_log(at("AB", "1")), name, plan(parts[name]))
        result = spec.finish(table, log)
        assert len(result) == 0
        if isinstance(result, safar.StepsResult):
            assert len(result.matrix()) == 0
        if isinstance(result, safar.FlowResult):
            assert len(result.drop_off()) == 0


def test_a_condition_or_the_end_of_a_pattern_may_be_the_middle() -> None:
    rows = [
        Event("u", BASE, "A"),
        Event("u", BASE + SECOND, "B", value=1.0),
        Event("u", BASE + 2 * SECOND, "B", value=3.0),
        Event("u", BASE + 3 * SECOND, "C"),
        Event("v", BASE, "B", value=1.0),
        Event("v", BASE + SECOND, "A"),
    ]
    log = public_log(rows)
    dear = log.steps(positions=1, around=safar.step("B", where="value > 2"))
    assert cells(dear) == {(-1, "B"): (1, 1), (0, "B"): (1, 1), (1, "C"): (1, 1)}
    twice = log.steps(positions=1, around=safar.step(match="A -> B => B"))
    assert cells(twice) == cells(dear)
    assert "event at which a match of A -> B => B ends" in twice.definition
    assert safar.Spec.from_json(twice.spec).run(log).to_dict() == twice.to_dict()
    # Of repeats that count once, either is the middle.
    once = log.steps(positions=1, around=safar.step("B", where="value > 2"), collapse=True)
    assert cells(once) == {(-1, "A"): (1, 1), (0, "B"): (1, 1), (1, "C"): (1, 1)}
