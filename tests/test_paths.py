"""Paths: every unit has exactly one, and the top ones are those of the whole table."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event, Looked
from safar import _core
from safar.errors import ArgumentError, ArgumentTypeError, UnknownEventError
from strategies import BASE, core_log, logs, observed, plan, public_log, rows_in, wide_times


@st.composite
def looks(draw: st.DrawFn, *, collapse: bool = True) -> Looked:
    """Draw a way to make units of journeys."""
    return Looked(
        draw(st.sampled_from([None, SECOND, 3 * SECOND])),
        draw(st.integers(1, 8)) * SECOND,
        collapse and draw(st.booleans()),
        draw(st.sampled_from([None, None, ("A",), ("B", "D")])),
    )


def unit_params(looked: Looked) -> dict[str, Any]:
    return {
        "per": "customers" if looked.gap is None else "sessions",
        "gap_us": looked.gap or SECOND,
        "inactivity_us": looked.inactivity,
        "events": looked.events and list(looked.events),
        "collapse": looked.collapse,
    }


def arguments(looked: Looked) -> dict[str, Any]:
    return {
        "per": "customers" if looked.gap is None else "sessions",
        "gap": f"{looked.gap or SECOND}us",
        "inactivity": f"{looked.inactivity}us",
        "events": looked.events,
        "collapse": looked.collapse,
    }


def present(rows: Sequence[Event], looked: Looked) -> Looked:
    """Look only at events that the log has, or at all."""
    names = {row.event for row in rows}
    if looked.events is None or names >= set(looked.events):
        return looked
    return Looked(looked.gap, looked.inactivity, looked.collapse)


def partial(
    rows: Sequence[Event],
    looked: Looked = Looked(),  # noqa: B008
    until: int | None = None,
    *,
    most_events: int | None = None,
    top: int | None = None,
    most_variants: int = 1_000_000,
    by: str | None = None,
) -> _core.Table:
    params = {
        "units": unit_params(looked),
        "most_events": most_events,
        "top": top,
        "most_variants": most_variants,
    }
    return _core.run(core_log(rows, observed_until_us=until), "paths", plan(params, by))


COLUMNS = ["events", "cut", "units", "customers", "open"]


def counts(table: _core.Table) -> dict[Any, tuple[int, ...]]:
    """Return (path, cut) -> units, customers, open; None for the row of all."""
    found: dict[Any, tuple[int, ...]] = {}
    for events, cut, *numbers in rows_in(table, COLUMNS):
        key = None if events is None else (events, cut)
        assert key not in found, "a path stands twice"
        found[key] = tuple(numbers)
    return found


def with_total(units: Sequence[oracles.Unit], most_events: int | None = None) -> dict[Any, tuple[int, ...]]:
    expected: dict[Any, tuple[int, ...]] = dict(oracles.paths(units, most_events))
    if units:
        customers = len({unit.customer for unit in units})
        expected[None] = (len(units), customers, sum(unit.open for unit in units))
    return expected


# ----------------------------------------------------------------------------------------------------- oracle


@given(st.data())
def test_paths_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=40))
    until = observed(data.draw, rows)
    looked = data.draw(looks())
    most = data.draw(st.sampled_from([None, 1, 2, 5, 20]))
    got = counts(partial(rows, looked, until, most_events=most))
    assert got == with_total(looked.units(rows, until), most)


@given(logs(wide_times()), st.sampled_from([None, 1, oracles.DAY]))
def test_paths_equal_the_oracle_over_three_centuries(rows: list[Event], gap: int | None) -> None:
    looked = Looked(gap, oracles.DAY)
    assert counts(partial(rows, looked)) == with_total(looked.units(rows))


@pytest.mark.parametrize("names", [3, 300, 66_000], ids=["one byte", "two bytes", "four bytes"])
def test_long_and_short_paths_of_any_width_of_code_equal_the_oracle(names: int) -> None:
    # So many names that codes take one, two or four bytes; paths of 1 to 20 events around what a key holds.
    draw = random.Random(names)
    rows = [Event("rare", BASE + i * 5 * SECOND, f"n{i:05}") for i in range(names)]
    for number in range(2_000):
        path = draw.choices(["n00000", "n00001", "n00002"], [8, 1, 1], k=draw.randint(1, 20))
        rows += [
            Event(f"u{number % 50}", BASE + number * 100 * SECOND + i, name) for i, name in enumerate(path)
        ]
    looked = Looked(SECOND)
    assert counts(partial(rows, looked)) == with_total(looked.units(rows))


@given(st.data())
def test_the_finished_table_equals_the_oracle(data: st.DataObject) -> None:
    from scipy.stats import binomtest

    rows = data.draw(logs(max_events=40))
    until = observed(data.draw, rows)
    looked = present(rows, data.draw(looks()))
    top = data.draw(st.sampled_from([1, 3, 100, None]))
    most = data.draw(st.sampled_from([None, 1, 3]))
    by = data.draw(st.sampled_from([None, "channel", "plan"]))
    log = public_log(rows, observed_until=until)
    result = log.paths(**arguments(looked), top=top, most_events=most, by=by)
    columns = result.to_dict()
    units = looked.units(rows, until)
    segments = {None if by is None else getattr(unit.first, by) for unit in units}
    expected = []
    for segment in sorted(segments, key=lambda value: (value is None, value or "")):
        mine = [unit for unit in units if by is None or getattr(unit.first, by) == segment]
        ranked = sorted(oracles.paths(mine, most).items(), key=lambda item: (-item[1][0], item[0]))
        above = 0
        for (path, cut), (number, customers, still) in ranked[:top]:
            above += number
            bounds = binomtest(number, len(mine)).proportion_ci(method="wilson")
            text = " > ".join([*path, "…"] if cut else path)
            row = (*([segment] if by else []), text, len(path), number, customers, still)
            shares = (number / len(mine), bounds.low, bounds.high, above / len(mine))
            expected.append((*row, *(pytest.approx(share, abs=1e-9) for share in shares)))
    assert list(zip(*columns.values(), strict=True)) == expected
    assert result.units == len(units)
    if by is None:
        assert result.variants == len(oracles.paths(units, most))
        assert result.sequences() == [tuple(path.split(" > ")) for path in columns["path"]]


@given(st.data())
def test_the_top_of_one_log_equals_the_top_of_merged_parts(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=40))
    looked = present(rows, data.draw(looks()))
    log = public_log(rows, observed_until=BASE + 20 * SECOND)
    by = data.draw(st.sampled_from([None, "channel"]))
    spec = safar.Paths(**arguments(looked), top=data.draw(st.integers(1, 6)), by=by)
    whole = spec.finish(_core.run(log.core, "paths", json.dumps(spec.plan(log))), log)
    direct = spec.run(log)
    assert direct.to_dict() == whole.to_dict()
    assert direct.totals().to_dict() == whole.totals().to_dict()
    assert direct.definition == whole.definition


# --------------------------------------------------------------------------------------------- reconciliation


@given(logs(max_events=40), st.sampled_from(["1s", "3s"]))
def test_paths_of_sessions_add_up_to_the_table_of_sessions(rows: list[Event], gap: str) -> None:
    log = public_log(rows)
    sessions, result = log.sessions(gap), log.paths("sessions", gap=gap, top=None)
    columns = result.to_dict()
    assert sum(columns["units"]) == result.units == len(sessions)
    assert sum(columns["open"]) == sum(sessions.to_dict()["open"])
    lengths = Counter(sessions.to_dict()["events"])
    found: Counter[int] = Counter()
    for length, number in zip(columns["length"], columns["units"], strict=True):
        found[length] += number
    assert found == lengths
    assert columns["coverage"][-1] == 1


@given(logs(max_events=40))
def test_transitions_counted_from_paths_equal_the_transitions(rows: list[Event]) -> None:
    log = public_log(rows)
    result = log.paths(top=None, inactivity="3s")
    edges: Counter[tuple[str, str]] = Counter()
    columns = result.to_dict()
    for path, number, still in zip(result.sequences(), columns["units"], columns["open"], strict=True):
        for edge in itertools.pairwise(("(start)", *path)):
            edges[edge] += number
        edges[path[-1], "(open)"] += still
        edges[path[-1], "(end)"] += number - still
    asked = log.transitions(inactivity="3s").to_dict()
    assert +edges == Counter(
        dict(zip(zip(asked["from"], asked["to"], strict=True), asked["events"], strict=True))
    )


# -------------------------------------------------------------------------------------------------- edge cases


def at(path: str, customer: str, start: int = 0) -> list[Event]:
    return [Event(customer, BASE + (start + i) * SECOND, name) for i, name in enumerate(path)]


def test_equal_frequencies_stand_in_the_order_of_their_names() -> None:
    rows = at("B", "1") + at("AB", "2") + at("A", "3") + at("AAC", "4") + at("CD", "5") + at("CD", "6")
    result = public_log(rows).paths(top=4)
    assert result.to_dict()["path"] == ["C > D", "A", "A > A > C", "A > B"]
    assert result.variants == 5


def test_a_path_that_was_cut_is_not_the_one_that_ended_there() -> None:
    rows = at("AB", "1") + at("ABC", "2") + at("ABD", "3")
    columns = public_log(rows).paths(most_events=2).to_dict()
    assert columns["path"] == ["A > B > …", "A > B"]
    assert (columns["units"], columns["length"]) == ([2, 1], [2, 2])


def test_names_that_hold_the_separator_are_read_back_as_they_were() -> None:
    names = ["a > b", "a", "b", "\\", ">", "…", "\\…", "x\n> y", " > "]
    paths = [(one, two) for one in names for two in names]
    rows = [Event(f"{i}", BASE + j, name) for i, path in enumerate(paths) for j, name in enumerate(path)]
    result = public_log(rows).paths(top=None)
    assert sorted(result.sequences()) == sorted(paths)
    assert len(set(result.to_dict()["path"])) == len(paths)
    cut = public_log(rows).paths(top=None, most_events=1)
    assert sorted(cut.sequences()) == sorted((name, "…") for name in names)


def test_one_event_is_one_path() -> None:
    result = public_log(at("A", "u")).paths()
    assert result.to_dict() == {
        "path": ["A"],
        "length": [1],
        "units": [1],
        "customers": [1],
        "open": [1],
        "share": [1.0],
        "share_low": [pytest.approx(oracles.wilson(1, 1)[0])],
        "share_high": [1.0],
        "coverage": [1.0],
    }


def test_equal_times_keep_their_stored_order() -> None:
    rows = [Event("u", BASE, name) for name in "BABC"]
    assert public_log(rows).paths().to_dict()["path"] == ["B > A > B > C"]


def test_a_customer_who_takes_one_path_often_counts_once() -> None:
    rows = [event for i in range(10) for event in at("AB", "u", 100 * i)] + at("AB", "v")
    columns = public_log(rows).paths("sessions", gap="5s").to_dict()
    assert (columns["units"], columns["customers"]) == ([11], [2])


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "ABC"[i % 3]) for i in range(60_000)]
    assert public_log(rows).paths().to_dict()["length"] == [60_000]
    assert public_log(rows).paths("sessions", gap="500ms").to_dict()["units"] == [20_000] * 3


def test_many_paths_over_many_tasks_equal_the_oracle() -> None:
    draw = random.Random(5)
    rows: list[Event] = []
    for customer in range(60_000):
        path = draw.choices("ABCD", [6, 3, 2, 1], k=draw.choice([1, 2, 3, 5, 14, 15, 16, 17]))
        rows += [Event(f"u{customer}", BASE + i, name) for i, name in enumerate(path)]
    assert counts(partial(rows)) == with_total(Looked().units(rows))


def test_only_the_chosen_events_are_looked_at_and_other_units_are_left_out() -> None:
    rows = at("ADDB", "1") + at("AB", "2") + at("DD", "3")
    result = public_log(rows).paths(events=["A", "B"])
    assert result.to_dict()["path"] == ["A > B"]
    assert result.totals().to_dict() == {"units": [2], "customers": [2], "open": [2], "variants": [1]}
    assert "units without any are left out" in result.definition


def test_no_unit_with_a_chosen_event_gives_an_empty_table() -> None:
    table = partial(at("AB", "1"), Looked(events=("X",)), top=3)
    log = public_log(at("AB", "1"))
    result = safar.Paths(events="X", top=3).finish(table, log)
    assert len(result) == 0
    assert (result.units, result.variants) == (0, 0)


def test_more_paths_than_allowed_are_refused_with_the_way_out() -> None:
    rows = at("A", "1") + at("B", "2") + at("C", "3")
    with pytest.raises(ArgumentError, match=r"3 different paths, more than the 2 allowed.*most_events="):
        partial(rows, most_variants=2)
    assert partial(rows, most_variants=2, top=2).num_rows == 3


def test_the_top_of_parts_is_refused_because_it_is_not_the_top_of_the_whole() -> None:
    parts = [partial(at("A", name), until=BASE, top=1) for name in ("1", "2")]
    with pytest.raises(ArgumentError, match="holds for one whole log only"):
        _core.merge(parts)
    assert rows_in(_core.merge(parts[:1])) == rows_in(parts[0])


def test_arguments_that_make_no_sense_are_refused() -> None:
    log = public_log(at("AB", "1"))
    with pytest.raises(ArgumentError, match="per='user' is not a choice"):
        log.paths("user")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="top=0; expected a whole number"):
        log.paths(top=0)
    with pytest.raises(ArgumentTypeError, match="most_events=True is a bool"):
        log.paths(most_events=True)
    with pytest.raises(UnknownEventError, match='events "a" is not an event of this log; did you mean "A"'):
        log.paths(events="a")


def test_the_result_keeps_the_spec_that_replays_it() -> None:
    rows = [Event(f"u{i % 7}", BASE + i * SECOND, "ABC"[i % 3], "web") for i in range(200)]
    log = public_log(rows)
    result = log.paths("sessions", gap="8s", collapse=True, most_events=3, by="channel")
    again = safar.Spec.from_json(result.spec).run(log)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec
