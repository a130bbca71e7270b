"""Separating paths: presence in each unit before the goal, compared among units of one length."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event, Judged, Looked, Square
from safar import _core
from safar.analyses import _evidence
from safar.errors import ArgumentError, ArgumentTypeError, UnknownEventError
from strategies import BASE, core_log, logs, observed, plan, public_log, rows_in
from test_paths import at, looks, present, unit_params

Path = tuple[str, ...]


def subpath_params(
    looked: Looked = Looked(),  # noqa: B008
    goal: Sequence[str] = ("C",),
    *,
    within: int | None = None,
    longest: int = 2,
    contiguous: bool = False,
) -> dict[str, Any]:
    return {
        "units": unit_params(looked),
        "goal": list(goal),
        "within_us": within,
        "longest": longest,
        "contiguous": contiguous,
    }


def partial(
    rows: Sequence[Event], until: int | None = None, *, most_cells: int = 100_000, **subpaths: Any
) -> _core.Table:
    params = {"subpaths": subpath_params(**subpaths), "support": None, "most_cells": most_cells}
    return _core.run(core_log(rows, observed_until_us=until), "separating_paths", plan(params))


def counts(table: _core.Table) -> dict[tuple[Path | None, int], tuple[int, int, int]]:
    """Return (path, length from) -> units, converted, open; no path for all units."""
    columns = ["path", "events_from", "units", "converted", "open"]
    found = {}
    for path, length, *numbers in rows_in(table, columns):
        key = (None if path is None else tuple(path), length)
        assert key not in found, "a sub-path stands twice"
        found[key] = tuple(numbers)
    return found


def expected_counts(units: Sequence[Judged]) -> dict[tuple[Path | None, int], tuple[int, int, int]]:
    cells: dict[tuple[Path | None, int], list[bool]] = defaultdict(list)
    cells[None, 0] = [True for unit in units if unit.outcome == "at once"]
    for unit in units:
        if unit.outcome == "closed":
            length = oracles.length_from(unit.events)
            for path in [None, *unit.has]:
                cells[path, length].append(unit.converted)
    unknown = sum(unit.outcome == "open" for unit in units)
    return {key: (len(cell), sum(cell), unknown if key == (None, 0) else 0) for key, cell in cells.items()}


@st.composite
def questions(draw: st.DrawFn, rows: Sequence[Event]) -> dict[str, Any]:
    """Draw how units and sub-paths are made."""
    names = sorted({row.event for row in rows})
    return {
        "looked": present(rows, draw(looks())),
        "goal": draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)),
        "within": draw(st.sampled_from([None, SECOND, 4 * SECOND])),
        "longest": draw(st.integers(1, 3)),
        "contiguous": draw(st.booleans()),
    }


def arguments(question: dict[str, Any]) -> dict[str, Any]:
    looked, within = question["looked"], question["within"]
    return {
        "goal": question["goal"],
        "per": "customers" if looked.gap is None else "sessions",
        "within": None if within is None else f"{within}us",
        "longest": question["longest"],
        "contiguous": question["contiguous"],
        "gap": f"{looked.gap or SECOND}us",
        "inactivity": f"{looked.inactivity}us",
        "collapse": looked.collapse,
        "events": looked.events,
    }


# ------------------------------------------------------------------------------------------------------ counts


@given(st.data())
def test_counts_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=40))
    until = observed(data.draw, rows)
    question = data.draw(questions(rows))
    units = oracles.judged(rows, **question, observed_until=until)
    assert counts(partial(rows, until, **question)) == expected_counts(units)


@given(st.data())
def test_rows_of_units_tell_which_sub_paths_each_has(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=40))
    until = observed(data.draw, rows)
    question = data.draw(questions(rows))
    units = [u for u in oracles.judged(rows, **question, observed_until=until) if u.outcome == "closed"]
    paths = sorted({path for unit in units for path in unit.has}) or [("A",)]
    params = {"subpaths": subpath_params(**question), "paths": paths, "most_words": 100_000}
    table = _core.run(core_log(rows, observed_until_us=until), "separating_paths_units", plan(params))
    width = -(-len(paths) // 64)
    words = table.numpy("present")[0].reshape(-1, width).tolist()
    lengths = table.numpy("events_from")[0].tolist()[::width]
    converted = table.numpy("converted")[0].tolist()[::width]
    found = [
        (length, reached, frozenset(p for i, p in enumerate(paths) if row[i // 64] >> (i % 64) & 1))
        for row, length, reached in zip(words, lengths, converted, strict=True)
    ]
    assert sorted(map(repr, found)) == sorted(
        repr((oracles.length_from(u.events), u.converted, frozenset(p for p in paths if p in u.has)))
        for u in units
    )
    assert sum(table.numpy("first_of_customer")[0].tolist()[::width]) == len({u.customer for u in units})


def test_a_long_journey_stands_in_a_stratum_of_lengths_that_are_near() -> None:
    rows = [Event(f"u{n}", BASE + i * SECOND, "A") for n in (7, 9, 17, 100) for i in range(n)]
    found = counts(partial(rows, BASE + 10**9 * SECOND, longest=1, goal=["B"]))
    assert {length for path, length in found if path == ("A",)} == {7, 8, 16, 96}


def test_more_sub_paths_than_allowed_are_refused_with_a_way_out() -> None:
    rows = at("ABCDABCD", "ann")
    with pytest.raises(ArgumentError, match=r"more than 5 different sub-paths .* longest=.* events="):
        partial(rows, BASE + 10**9 * SECOND, goal=["X"], most_cells=5)
    params = {"subpaths": subpath_params(goal=["X"]), "paths": [["A"]] * 65, "most_words": 1}
    log = core_log(rows, observed_until_us=BASE + 10**9 * SECOND)
    with pytest.raises(ArgumentError, match="more than the 1 numbers allowed"):
        _core.run(log, "separating_paths_units", plan(params))


# ------------------------------------------------------------------------------------------------------- tests


def strata(units: Sequence[Judged], path: Path) -> list[Square]:
    """Return one two-by-two table for each length of unit."""
    found = []
    for length in sorted({oracles.length_from(unit.events) for unit in units}):
        mine = [unit for unit in units if oracles.length_from(unit.events) == length]
        having = [unit.converted for unit in mine if path in unit.has]
        lacking = [unit.converted for unit in mine if path not in unit.has]
        found.append(Square(sum(having), len(having), sum(lacking), len(lacking)))
    return found


def together(tables: Sequence[Square]) -> Square:
    return Square(*(sum(numbers) for numbers in zip(*tables, strict=True)))


def stratified_p(tables: Sequence[Square]) -> float:
    """Return the p-value of Cochran, Mantel and Haenszel, or the exact one where Mantel and Fleiss ask for it."""
    excess, variance, *_ = oracles.mantel_haenszel(tables)
    expected = sum(table.converted_with for table in tables) - excess
    ends = [sum(end(oracles.hypergeometric(table)) for table in tables) for end in (min, max)]
    if min(expected - ends[0], ends[1] - expected) < 5:
        return float(oracles.exact_stratified(tables))
    return math.erfc(math.sqrt(float(excess * excess / variance) / 2))


def expected_rows(units: Sequence[Judged], support: float, *, contiguous: bool) -> dict[Path, dict[str, Any]]:
    """Return the sub-paths that are tested, with what the oracle knows of each."""
    units = [unit for unit in units if unit.outcome == "closed"]
    having = {
        path: frozenset(i for i, unit in enumerate(units) if path in unit.has)
        for path in {path for unit in units for path in unit.has}
    }
    having = {path: members for path, members in having.items() if len(members) >= support * len(units)}
    closed = [
        path
        for path, members in having.items()
        if not any(
            path != other and members == others and oracles.is_part(path, other, contiguous=contiguous)
            for other, others in having.items()
        )
    ]
    tables = {path: strata(units, path) for path in closed}
    smallest = [oracles.smallest_p(together(tables[path])) for path in closed]
    tested = [path for path, able in zip(closed, oracles.tarone(smallest), strict=True) if able]
    p_values = [float(oracles.fisher(together(tables[path]))) for path in tested]
    q_values = oracles.benjamini_hochberg(p_values)
    rows = {}
    for path, p_value, q_value in zip(tested, p_values, q_values, strict=True):
        whole = together(tables[path])
        excess, variance, difference, odds_ratio = oracles.mantel_haenszel(tables[path])
        rows[path] = {
            "length": len(path),
            "units_with": whole.with_,
            "converted_with": whole.converted_with,
            "units_without": whole.without,
            "converted_without": whole.converted_without,
            "difference": whole.converted_with / whole.with_ - whole.converted_without / whole.without,
            "difference_stratified": None if difference is None else float(difference),
            "direction": None if excess == 0 else "more" if excess > 0 else "less",
            "odds_ratio": None if odds_ratio is None else float(odds_ratio),
            "p_value": p_value,
            "q_value": q_value,
            "p_stratified": stratified_p(tables[path]) if variance else None,
        }
    return rows


def lines(result: safar.SeparatingPathsResult, segment: Any = None) -> dict[Path, dict[str, Any]]:
    """Return path -> the columns of its row."""
    columns = result.to_dict()
    found = {}
    for names, values in zip(result.sequences(), zip(*columns.values(), strict=True), strict=True):
        row = dict(zip(columns, values, strict=True))
        if row.pop("segment", None) == segment:
            found[names] = row
    return found


def same(got: dict[Path, dict[str, Any]], expected: dict[Path, dict[str, Any]]) -> None:
    assert set(got) == set(expected)
    for path, row in got.items():
        for name, value in expected[path].items():
            wanted = pytest.approx(value, rel=1e-7, abs=1e-9) if isinstance(value, float) else value
            assert row[name] == wanted, (path, name)


@st.composite
def crowds(draw: st.DrawFn) -> list[Event]:
    """Draw a few journeys, each taken by several customers, so that something can come out."""
    journey = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 2)), min_size=1, max_size=5)
    kinds = draw(st.lists(st.tuples(journey, st.booleans(), st.integers(1, 9)), min_size=2, max_size=7))
    rows = []
    for kind, (path, converts, times) in enumerate(kinds):
        for number in range(times):
            time, channel = BASE, draw(st.sampled_from(["web", "web", None]))
            for event, pause in [*path, *([("D", 1)] if converts else [])]:
                time += pause * SECOND
                rows.append(Event(f"{kind} {number}", time, event, channel))
    return rows


@settings(max_examples=100)
@given(st.data())
def test_the_result_equals_the_oracle(data: st.DataObject) -> None:
    rows = data.draw(crowds())
    until = max(row.time for row in rows) + data.draw(st.sampled_from([0, 3, 100])) * SECOND
    question = data.draw(questions(rows))
    if {row.event for row in rows} >= {"A", "D"} and data.draw(st.booleans()):
        question["goal"] = ["D"]
    support = data.draw(st.sampled_from([0.01, 0.25]))
    log = public_log(rows, observed_until=until)
    result = log.separating_paths(**arguments(question), support=support, top=None)
    units = oracles.judged(rows, **question, observed_until=until)
    same(lines(result), expected_rows(units, support, contiguous=question["contiguous"]))
    totals = {name: values[0] for name, values in result.totals().to_dict().items()}
    closed = [unit for unit in units if unit.outcome == "closed"]
    assert totals["units"] == len(closed)
    assert totals["converted"] == sum(unit.converted for unit in closed)
    assert totals["open"] == sum(unit.outcome == "open" for unit in units)
    assert totals["at_once"] == sum(unit.outcome == "at once" for unit in units)
    assert totals["candidates"] == len({path for unit in closed for path in unit.has})
    assert totals["tested"] == len(result)
    by = log.separating_paths(**arguments(question), support=support, top=None, by="channel")
    for segment in {unit.first.channel for unit in units}:
        mine = [unit for unit in units if unit.first.channel == segment]
        same(lines(by, segment), expected_rows(mine, support, contiguous=question["contiguous"]))


def planted(seed: int, customers: int = 400, effect: float = 0.5) -> list[Event]:
    """Return journeys of random events; those with P before C convert more often by `effect`."""
    draw = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        path = [*draw.choice(list("ABCDP"), draw.integers(2, 12))]
        has = "C" in path[path.index("P") :] if "P" in path else False
        if draw.random() < 0.25 + effect * has:
            path.append("goal")
        rows += [Event(f"u{customer}", BASE + i * SECOND, str(name)) for i, name in enumerate(path)]
    return rows


LATE = BASE + 10**9 * SECOND


def test_a_planted_sub_path_is_the_first_of_the_list() -> None:
    result = public_log(planted(1), observed_until=LATE).separating_paths("goal", permutations=200)
    first = next(iter(lines(result).values()))
    assert result.sequences()[0] == ("P", "C")
    assert first["direction"] == "more"
    assert first["q_stratified"] < 1e-6
    assert first["p_adjusted"] == 1 / 201
    assert first["difference_stratified_low"] < 0.5 < first["difference_stratified_high"]


def test_of_random_outcomes_few_are_found() -> None:
    found, wrong = [], []
    for seed in range(120):
        columns = (
            public_log(planted(seed, 120, 0.0), observed_until=LATE)
            .separating_paths("goal", permutations=59 if seed < 60 else 0)
            .to_dict()
        )
        found.append(any(q is not None and q <= 0.05 for q in columns["q_stratified"]))
        wrong += [any(p <= 0.05 for p in columns["p_adjusted"])] if seed < 60 else []
    # All is chance here, so anything found is a false discovery: 5 % of 120, and 5 % of 60, give or take three errors.
    assert sum(found) <= 13
    assert sum(wrong) <= 8


def test_length_alone_separates_nothing_among_units_of_one_length() -> None:
    # Long journeys convert and hold more of everything.
    draw = np.random.default_rng(9)
    rows = []
    for customer in range(600):
        length = int(draw.integers(2, 14))
        path = [str(name) for name in draw.choice(list("ABCDEF"), length)]
        path += ["goal"] if draw.random() < length / 16 else []
        rows += [Event(f"u{customer}", BASE + i * SECOND, name) for i, name in enumerate(path)]
    columns = public_log(rows, observed_until=LATE).separating_paths("goal", top=None).to_dict()
    assert len(columns["path"]) > 30
    assert sum(q <= 0.05 for q in columns["q_value"]) > 30
    assert sum(q <= 0.05 for q in columns["q_stratified"]) == 0


def test_the_campaign_without_buyers_is_found_in_the_demo_shop() -> None:
    data = safar.datasets.shop(4_000)
    frame = data.log().to_polars().to_dict(as_series=False)
    events = [
        f"{event} {campaign}" if event == "ad_click" else event
        for event, campaign in zip(frame["event"], frame["campaign"], strict=True)
    ]
    log = safar.EventLog(
        frame | {"event": events}, customer="customer", time="time", event="event", timezone="Asia/Tehran"
    )
    truth = next(truth for truth in data.truths if truth.name == "campaign_without_buyers")
    result = lines(log.separating_paths("purchase", per="sessions", longest=1, support=0.002))
    clicks = {path[0]: row for path, row in result.items() if path[0].startswith("ad_click")}
    worst = min(clicks, key=lambda name: clicks[name]["p_stratified"])
    assert worst == f"ad_click {truth.where['campaign']}"
    assert clicks[worst]["direction"] == "less"
    assert clicks[worst]["q_stratified"] < 1e-6
    assert clicks[worst]["share_with"] < 0.02 < clicks[worst]["share_without"]


# ------------------------------------------------------------------------------------------------------- edges


def test_what_follows_the_goal_is_not_looked_at() -> None:
    rows = at("APB", "ann") + at("AC", "bob") + at("PA", "cem") + at("A", "dan")
    result = public_log(rows, observed_until=LATE).separating_paths("P", support=0.01)
    assert result.totals().to_dict() == {
        "units": [3],
        "converted": [1],
        "open": [0],
        "at_once": [1],
        "candidates": [3],
        "supported": [3],
        "closed": [2],
        "tested": [0],
    }
    assert "Of 3 journeys, 1 converted." in result.definition
    assert '1 with "P" as first event' in result.definition
    assert "Of 3 sub-paths, 0 were tested" in result.definition
    assert len(result) == 0
    assert "p_stratified" in result.columns


def test_a_window_that_is_not_over_leaves_a_unit_out_whatever_it_did() -> None:
    rows = at("AP", "ann") + at("A", "bob") + at("AP", "cem", 90) + at("A", "dan", 90)
    log = public_log(rows, observed_until=BASE + 100 * SECOND)
    assert log.separating_paths("P", within="50s").totals().to_dict()["open"] == [2]
    assert log.separating_paths("P", within="10s").totals().to_dict()["open"] == [0]
    # Without a window, it is known that cem converted.
    assert log.separating_paths("P", inactivity="20s").totals().to_dict()["open"] == [1]


def test_of_equal_evidence_the_names_decide() -> None:
    rows = [row for i in range(10) for row in at("ABG", f"x{i}") + at("BA", f"y{i}")]
    assert public_log(rows, observed_until=LATE).separating_paths("G").sequences() == [("A", "B"), ("B", "A")]


def test_permutations_are_the_same_with_the_same_seed_and_bounded_in_number() -> None:
    log = public_log(planted(3, 150), observed_until=LATE)
    one, same_seed, other = (
        log.separating_paths("goal", permutations=50, seed=seed, by="channel").to_dict() for seed in (1, 1, 2)
    )
    assert one == same_seed
    assert one["p_adjusted"] != other["p_adjusted"]
    # More permutations begin with the same ones: the number of stronger ones only grows.
    more = log.separating_paths("goal", permutations=100, seed=1, by="channel").to_dict()
    for few, many in zip(one["p_adjusted"], more["p_adjusted"], strict=True):
        assert many * 101 >= few * 51 - 1e-9


def test_too_many_units_for_permutations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from safar.analyses import separating_paths

    monkeypatch.setattr(separating_paths, "_MOST_WORDS", 10)
    log = public_log(planted(3, 150), observed_until=LATE)
    with pytest.raises(ArgumentError, match=r"150 units .* log\.filter\(sample=0\.1\)"):
        log.separating_paths("goal", permutations=50)


def test_parts_of_a_dataset_give_the_result_of_the_whole() -> None:
    rows = planted(5, 200)
    whole = public_log(rows, observed_until=LATE)
    spec = safar.SeparatingPaths("goal", support=0.05)
    parts = [
        _core.run(public_log(part, observed_until=LATE).core, spec.analysis, json.dumps(spec.plan(whole)))
        for part in (
            [row for row in rows if row.customer.endswith("7")],
            [row for row in rows if not row.customer.endswith("7")],
        )
    ]
    assert spec.finish(_core.merge(parts), whole).to_dict() == spec.run(whole).to_dict()
    with pytest.raises(ArgumentError, match="permutations=0"):
        safar.SeparatingPaths("goal", permutations=9).finish(_core.merge(parts), whole)


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "ABC"[i % 3]) for i in range(30_000)] + [
        Event("u", BASE + 30_000 * SECOND, "goal")
    ]
    totals = public_log(rows).separating_paths("goal", longest=3).totals().to_dict()
    assert (totals["units"], totals["candidates"], totals["tested"]) == ([1], [39], [0])


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"goal": "buy"}, UnknownEventError, 'goal "buy" is not an event'),
        ({"goal": []}, ArgumentError, "goal is an empty list"),
        ({"longest": 4}, ArgumentError, "longest=4; expected a whole number from 1 to 3"),
        ({"support": 0.0}, ArgumentError, "support=0.0; expected a share"),
        ({"support": "1%"}, ArgumentTypeError, "support='1%' is a str"),
        ({"permutations": -1}, ArgumentError, "permutations=-1"),
        ({"seed": 0.5}, ArgumentTypeError, "seed=0.5"),
        ({"within": "x"}, ArgumentError, "within='x'"),
        ({"contiguous": 1}, ArgumentTypeError, "contiguous=1"),
        ({"per": "visits"}, ArgumentError, "per='visits'"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(
    given: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says.replace("(", r"\(")):
        public_log(planted(1, 5)).separating_paths(**({"goal": "goal"} | given))


def test_what_is_undefined_is_null() -> None:
    # All units of two events convert and none of three: no units of one length differ.
    rows = [row for i in range(9) for row in at("ABG", f"x{i}") + at("BAC", f"y{i}")]
    result = lines(public_log(rows, observed_until=LATE).separating_paths("G"))
    for row in result.values():
        assert row["p_stratified"] is row["q_stratified"] is row["odds_ratio"] is row["direction"] is None
        assert not math.isnan(row["p_value"])


def test_the_evidence_is_named_in_the_definition() -> None:
    result = public_log(planted(1, 50)).separating_paths("goal", contiguous=True, permutations=5, by="plan")
    for said in (
        "Fisher",
        "Cochran-Mantel-Haenszel",
        "Tarone",
        "Westfall and Young",
        "Newcombe",
        "Association",
    ):
        assert said in result.definition
    assert _evidence.attainable(np.array([0]), 10, 5).tolist() == [False]
