"""Conformance: the lived journey against the designed one."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Conformed, Design, Event, Looked
from safar import _core
from safar._significance import two_means, two_shares
from safar.analyses._evidence import false_discovery
from safar.errors import ArgumentError, ArgumentTypeError, UnknownColumnError, UnknownEventError
from strategies import BASE, NAMES, core_log, logs, observed, plan, public_log, rows_in
from test_paths import unit_params

STEP_KINDS = ("step_in_order", "step_late", "step_out_of_order", "step_skipped")
DEVIATIONS = ("late", "out_of_order", "skipped", "extra")


# ----------------------------------------------------------------------------------------------------- designs


@st.composite
def designs(draw: st.DrawFn, *, most: int = 5) -> Design:
    """Draw a design of steps that stand once each, in any blocks."""
    numbers = itertools.count()

    def part(size: int, depth: int) -> Design:
        if size == 1 or depth > 3:
            step: Design = ("step", next(numbers))
            return ("optional", step) if draw(st.integers(0, 3)) == 0 else step
        kind = draw(st.sampled_from(["sequence", "sequence", "parallel", "choice", "loop", "optional"]))
        if kind == "optional":
            return ("optional", part(size, depth + 1))
        if kind == "loop":
            again = draw(st.integers(0, size - 1))
            body = ("sequence", *parts(size - again, depth))
            return ("loop", body, ("sequence", *(parts(again, depth) if again else ())))
        return (kind, *parts(size, depth, least=2))

    def parts(size: int, depth: int, least: int = 1) -> list[Design]:
        number = draw(st.integers(least, min(size, 3)))
        cuts = (
            sorted(draw(st.sets(st.integers(1, size - 1), min_size=number - 1, max_size=number - 1)))
            if number > 1
            else []
        )
        sizes = [two - one for one, two in itertools.pairwise([0, *cuts, size])]
        return [part(each, depth + 1) for each in sizes]

    design: Design = ("sequence", *parts(draw(st.integers(1, most)), 0))
    if oracles.may_be_empty(design):
        design = ("sequence", design, ("step", next(numbers)))
    return design


def steps_of(design: Design) -> Iterator[int]:
    if design[0] == "step":
        yield design[1]
    else:
        for part in design[1:]:
            yield from steps_of(part)


def block(design: Design) -> dict[str, Any]:
    """The design as the kernel reads it."""
    kind, *parts = design
    if kind == "step":
        return {"step": parts[0]}
    if kind == "optional":
        return {"optional": block(parts[0])}
    if kind == "loop":
        return {"loop": [[block(part) for part in each[1:]] for each in parts]}
    return {kind: [block(part) for part in parts]}


def params(
    design: Design,
    labels: Sequence[str],
    *,
    within: dict[int, int] | None = None,
    looked: Looked = Looked(),  # noqa: B008
    collapse: bool = True,
    others: str = "ignore",
    column: str = "event",
    stages: Sequence[str | None] = (),
    goal: list[str] | None = None,
    score: str | None = None,
) -> dict[str, Any]:
    limits = within or {}
    return {
        "units": unit_params(looked),
        "columns": [column],
        "steps": [
            {
                "column": 0,
                "label": label,
                "within_us": limits.get(step),
                "stage": stages[step] if stages else None,
            }
            for step, label in enumerate(labels)
        ],
        "design": block(design),
        "collapse": collapse,
        "others": others,
        "goal": goal,
        "score": score,
    }


@st.composite
def questions(draw: st.DrawFn, *, most: int = 5) -> dict[str, Any]:
    """Draw a design with its labels and rules."""
    design = draw(designs(most=most))
    size = len(list(steps_of(design)))
    labels = draw(st.lists(st.sampled_from(NAMES), min_size=size, max_size=size))
    limits = st.one_of(st.none(), st.integers(1, 4))
    within = {step: limit * SECOND for step in range(size) if (limit := draw(limits)) is not None}
    return {
        "design": design,
        "labels": labels,
        "within": within,
        "looked": Looked(draw(st.sampled_from([None, 2 * SECOND])), draw(st.integers(1, 6)) * SECOND),
        "collapse": draw(st.booleans()),
        "others": draw(st.sampled_from(["ignore", "extra"])),
    }


# --------------------------------------------------------------------------------------------- the kernel's rows


def counts(table: _core.Table) -> dict[tuple[str, int, str], int]:
    rows = rows_in(table, ["kind", "step", "label", "units"])
    return {(kind, step, label): units for kind, step, label, units in rows}


def expected_counts(units: Sequence[Conformed], labels: Sequence[str]) -> dict[tuple[str, int, str], int]:
    found: Counter[tuple[str, int, str]] = Counter()
    found["all", 0, ""] = 0
    for unit in units:
        found[unit.status, 0, ""] += 1
        if unit.status not in ("conforming", "deviating"):
            continue
        found["all", 0, ""] += 1
        for step, label in enumerate(labels):
            here = {
                "out_of_order": step in unit.out_of_order,
                "skipped": step in unit.skipped,
                "late": step in unit.late,
                "in_order": step in unit.done,
            }
            for kind in ("out_of_order", "skipped", "late"):
                found[kind, step + 1, label] += here[kind]
            worst = next((kind for kind, holds in here.items() if holds), None)
            if worst is not None:
                found[f"step_{worst}", step + 1, label] += 1
        for label in unit.extra:
            found["extra", 0, label] += 1
    return {key: count for key, count in found.items() if count or key[0] == "all"}


@settings(max_examples=300)
@given(st.data())
def test_counts_equal_the_oracle_on_random_designs_and_logs(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=20))
    until = observed(data.draw, rows)
    question = data.draw(questions())
    units = oracles.conformed(rows, observed_until=until, **question)
    table = _core.run(core_log(rows, observed_until_us=until), "conformance", plan(params(**question)))
    assert counts(table) == expected_counts(units, question["labels"])
    closed = [unit for unit in units if unit.status in ("conforming", "deviating")]
    sums = {name: sum(value for (value,) in rows_in(table, [name])) for name in table.names[8:]}
    shortest = min(len(oracles.aligned(question["design"], question["labels"], [])), 99)
    fitness = [1 - unit.cost / (unit.length + shortest) for unit in closed]
    assert float(sums["fitness"]) / 1e12 == pytest.approx(sum(fitness), abs=1e-9)
    assert float(sums["fitness_squares"]) / 1e24 == pytest.approx(sum(f * f for f in fitness), abs=1e-9)
    tokens = [sum(unit.tokens[place] for unit in closed) for place in range(4)]
    assert [sums[name] for name in ("missing", "consumed", "remaining", "produced")] == tokens
    replay = [(1 - m / c + 1 - r / p) / 2 for m, c, r, p in (unit.tokens for unit in closed)]
    assert float(sums["replay"]) / 1e12 == pytest.approx(sum(replay), abs=1e-9)
    assert sums["in_order"] == sum(unit.cost == 0 for unit in closed)
    events = [sum(unit.counts[place] for unit in units) for place in range(3)]
    assert [sums[name] for name in ("events", "ignored", "unmapped")] == events


@settings(max_examples=150)
@given(st.data())
def test_moves_are_those_of_the_first_of_the_cheapest_alignments(data: st.DataObject) -> None:
    question = data.draw(questions()) | {
        "others": "ignore",
        "collapse": False,
        "within": {},
        "looked": Looked(),
    }
    design, labels = question["design"], question["labels"]
    trace = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6))
    may_go_on = data.draw(st.booleans())
    rows = [Event("u", BASE + place * SECOND, name) for place, name in enumerate(trace)]
    until = rows[-1].time + (SECOND if may_go_on else DAY)
    table = _core.run(core_log(rows, observed_until_us=until), "conformance_moves", plan(params(**question)))
    found = rows_in(table, ["position", "step", "move"])
    known = [label for label in trace if label in labels]
    moves = oracles.aligned(design, labels, known, may_go_on=may_go_on)
    places = [place for place, label in enumerate(trace) if label in labels]
    expected = [
        (None if move.kind == "skipped" else places[move.place], None if move.step is None else move.step + 1)
        for move in moves
    ]
    assert [(place, step) for place, step, move in found if move != "ignored"] == expected
    kinds = {
        "in_order": "done",
        "skipped": "skipped",
        "due": "skipped",
        "extra": "extra",
        "out_of_order": "extra",
    }
    assert [kinds[move] for _, _, move in found if move != "ignored"] == [move.kind for move in moves]
    assert sum(move == "due" for *_, move in found) == sum(move == "out_of_order" for *_, move in found)


@given(st.data())
def test_replay_finds_nothing_missing_in_what_fits_and_something_in_what_does_not(
    data: st.DataObject,
) -> None:
    design = data.draw(designs())
    size = len(list(steps_of(design)))
    labels = [str(step) for step in range(size)]
    trace = data.draw(st.lists(st.sampled_from(labels), max_size=6))
    missing, _, remaining, _ = oracles.replayed(oracles.net_of(design), labels, trace)
    fits = all(move.kind == "done" for move in oracles.aligned(design, labels, trace))
    assert fits == (missing == remaining == 0)


@settings(max_examples=150)
@given(st.data())
def test_a_unit_that_goes_round_many_times_is_replayed_with_all_of_its_tokens(data: st.DataObject) -> None:
    # Each round leaves tokens behind, so that places hold more of them than one search looks at.
    question = data.draw(questions(most=3)) | {"within": {}, "looked": Looked()}
    turn = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    rows = [Event("u", BASE + place * SECOND, name) for place, name in enumerate((turn * 12)[:12])]
    until = BASE + DAY
    units = oracles.conformed(rows, observed_until=until, **question)
    table = _core.run(core_log(rows, observed_until_us=until), "conformance", plan(params(**question)))
    closed = [unit for unit in units if unit.status in ("conforming", "deviating")]
    tokens = [sum(unit.tokens[place] for unit in closed) for place in range(4)]
    found = [
        sum(value for (value,) in rows_in(table, [name]))
        for name in ("missing", "consumed", "remaining", "produced")
    ]
    assert found == tokens


# ------------------------------------------------------------------------------------- numbers of the literature

CASES = (
    "455 acdeh, 191 abdeg, 177 adceh, 144 abdeh, 111 acdeg, 82 adceg, 56 adbeh, 47 acdefdbeh, 38 adbeg, 33 acdefbdeh, "
    "14 acdefbdeg, 11 acdefdbeg, 9 adcefcdeh, 8 adcefdbeh, 5 adcefbdeg, 3 acdefbdefdbeg, 2 adcefdbeg, 2 adcefbdefbdeg, "
    "1 adcefdbefbdeh, 1 adbefbdefdbeg, 1 adcefdbefcdefdbeg"
)
BLOCKS = safar.design
DECIDE = BLOCKS.choice("g", "h")
PRINTED = {
    "N1": ["a", BLOCKS.loop(BLOCKS.parallel(BLOCKS.choice("b", "c"), "d"), "e", again="f"), DECIDE],
    "N2": ["a", BLOCKS.loop(BLOCKS.choice("b", "c"), "d", "e", again="f"), DECIDE],
    "N3": ["a", BLOCKS.parallel("c", "d"), "e", "h"],
    "N4": ["a", BLOCKS.optional(BLOCKS.loop(BLOCKS.choice("b", "c", "d", "e", "f"))), DECIDE],
}


def cases() -> safar.EventLog:
    rows, number = [], 0
    for case in CASES.split(", "):
        many, letters = case.split()
        for _ in range(int(many)):
            number += 1
            rows += [(number, place, letter) for place, letter in enumerate(letters)]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("case", "time", "activity"))}
    return safar.EventLog(
        columns, customer="case", time="time", event="activity", time_unit="s", observed_until="2026-01-01"
    )


@pytest.mark.parametrize(
    ("net", "tokens", "alignments"),
    [("N1", 1.0, 1.0), ("N2", 0.9504, 0.93888), ("N3", 0.8797, 0.84461), ("N4", 1.0, 1.0)],
)
def test_fitness_is_that_of_the_literature(net: str, tokens: float, alignments: float) -> None:
    log = cases()
    assert log.customers == 1391
    result = log.conformance(PRINTED[net], others="extra").to_dict()
    assert result["token_fitness"][0] == pytest.approx(tokens, abs=5e-5)
    assert result["fitness"][0] == pytest.approx(alignments, abs=5e-6)


# ------------------------------------------------------------------------------------------------- by hand


def at(path: str, customer: str, *, step: int = 1) -> list[Event]:
    return [Event(customer, BASE + place * step * SECOND, name) for place, name in enumerate(path)]


def asked(rows: Sequence[Event], design: Any, **options: Any) -> Any:
    return public_log(rows, observed_until=BASE + 90 * DAY).conformance(design, **options)


def row_of(result: Any) -> dict[str, Any]:
    columns = result.to_dict()
    return {name: values[0] for name, values in columns.items()}


def deviations(result: Any) -> list[tuple[str, int | None, str, int]]:
    found = result.deviations().to_dict()
    return list(zip(found["kind"], found["step"], found["label"], found["units"], strict=True))


def test_what_is_skipped_extra_and_out_of_order() -> None:
    rows = at("ABC", "1") + at("AC", "2") + at("ABAC", "3") + at("BAC", "4") + at("D", "5")
    result = asked(rows, ["A", "B", "C"])
    assert deviations(result) == [
        ("skipped", 2, "B", 1),
        ("out_of_order", 1, "A", 1),
        ("extra", None, "A", 1),
    ]
    found = row_of(result)
    assert (found["units"], found["conforming"], found["outside"], found["ignored"]) == (4, 1, 1, 1)
    low, high = oracles.wilson(1, 4)
    assert (found["share"], found["share_low"], found["share_high"]) == pytest.approx((0.25, low, high))
    fitness = [1, 1 - 1 / 5, 1 - 1 / 7, 1 - 2 / 6]
    assert found["fitness"] == pytest.approx(np.mean(fitness))
    half = 3.182446305284263 * np.std(fitness, ddof=1) / 2
    assert found["fitness_low"] == pytest.approx(np.mean(fitness) - half)
    steps = result.steps().to_dict()
    assert steps["in_order"] == [3, 3, 4]
    assert steps["out_of_order"] == [1, 0, 0]
    assert steps["skipped"] == [0, 1, 0]


def test_labels_that_the_design_lacks_are_extra_if_asked() -> None:
    rows = at("ADDBDC", "1") + at("D", "2")
    assert asked(rows, ["A", "B", "C"]).to_dict()["conforming"] == [1]
    result = asked(rows, ["A", "B", "C"], others="extra")
    assert deviations(result) == [
        ("extra", None, "D", 2),
        *[("skipped", n, "ABC"[n - 1], 1) for n in (1, 2, 3)],
    ]
    # Two runs of D: two extra events; of the other unit one, and three steps skipped.
    assert row_of(result)["fitness"] == pytest.approx((1 - 2 / 8 + 1 - 4 / 4) / 2)
    once = asked(at("ADDBC", "1"), ["A", "B", "C"], others="extra", collapse=False)
    assert row_of(once)["fitness"] == pytest.approx(1 - 2 / 8)


def test_a_step_is_late_after_its_time_from_the_end_of_the_step_before() -> None:
    design = ["A", BLOCKS.step("B", within="3s")]
    for path, step, late in (("AB", 3, 0), ("AB", 4, 1), ("AAB", 2, 0), ("AAB", 4, 1)):
        result = asked(at(path, "1", step=step), design)
        assert result.steps().to_dict()["late"] == [0, late]
        assert row_of(result)["conforming"] == 1 - late
    # Where nothing was done before it, nobody knows how long it took.
    result = asked(at("B", "1") + at("A", "2"), design)
    assert (result.steps().to_dict()["late"], result.steps().to_dict()["skipped"]) == ([0, 0], [1, 1])
    rows = at("AB", "1", step=4)
    assert (row_of(asked(rows, design))["in_order"], row_of(asked(rows, design))["fitness"]) == (1, 1.0)
    assert deviations(asked(rows, design)) == [("late", 2, "B", 1)]


def test_steps_beside_each_other_are_timed_from_the_step_before_the_block() -> None:
    design = ["A", BLOCKS.parallel(BLOCKS.step("B", within="1s"), BLOCKS.step("C", within="2s"))]
    assert asked(at("ABC", "1"), design).steps().to_dict()["late"] == [0, 0, 0]
    assert asked(at("ACB", "1"), design).steps().to_dict()["late"] == [0, 1, 0]


def test_a_branch_that_was_not_taken_and_an_optional_step_are_not_due() -> None:
    design = [BLOCKS.choice("A", "B"), BLOCKS.optional("C"), "D"]
    result = asked(at("AD", "1") + at("BCD", "2") + at("D", "3"), design)
    steps = result.steps().to_dict()
    assert steps["not_due"] == [1, 2, 2, 0]
    assert steps["skipped"] == [1, 0, 0, 0]
    assert steps["share"] == pytest.approx([0.5, 1.0, 1.0, 1.0])


def test_an_open_unit_has_skipped_nothing_yet() -> None:
    rows = at("A", "1") + at("AC", "2") + at("AB", "3") + at("ABC", "4")
    log = public_log(rows)
    found = row_of(log.conformance(["A", "B", "C"]))
    assert (found["units"], found["open"], found["open_deviating"]) == (0, 3, 1)
    assert [found[name] for name in ("share", "fitness", "token_fitness", "replay_fitness_low")] == [None] * 4
    assert log.conformance(["A", "B", "C"]).deviations().to_dict()["kind"] == []
    later = row_of(log.conformance(["A", "B", "C"], inactivity="1s"))
    assert (later["units"], later["open"], later["conforming"], later["open_deviating"]) == (1, 2, 0, 1)


def test_goal_and_score_of_deviations_are_compared_with_the_other_units() -> None:
    rows = []
    for number in range(24):
        names = "ABD" if number % 3 else "AD"
        for place, name in enumerate([*names, *("C" if number % (3 if "B" in names else 2) else "")]):
            rows.append(Event(f"{number}", BASE + place * SECOND, name, score=number % 4 if place else None))
    result = asked(rows, ["A", "B", "D"], goal="C", score="score")
    found = {name: values[0] for name, values in result.deviations().to_dict().items()}
    converted = [any(row.customer == f"{n}" and row.event == "C" for row in rows) for n in range(24)]
    with_ = [n for n in range(24) if n % 3 == 0]
    without = [n for n in range(24) if n % 3]
    assert (found["kind"], found["label"], found["units"]) == ("skipped", "B", 8)
    assert found["converted_with"] == sum(converted[n] for n in with_)
    assert found["converted_without"] == sum(converted[n] for n in without)
    assert found["conversion_difference"] == pytest.approx(
        found["converted_with"] / 8 - found["converted_without"] / 16
    )
    [p] = two_shares(*(np.array([n]) for n in (found["converted_with"], 8, found["converted_without"], 16)))
    assert found["p_value"] == pytest.approx(p) == found["q_value"]
    from scipy import stats

    ours, theirs = [n % 4 for n in with_], [n % 4 for n in without]
    welch = stats.ttest_ind(ours, theirs, equal_var=False)
    low, high = welch.confidence_interval()
    assert (found["score_with"], found["score_without"]) == pytest.approx((np.mean(ours), np.mean(theirs)))
    assert found["score_p_value"] == pytest.approx(welch.pvalue)
    assert (found["score_difference_low"], found["score_difference_high"]) == pytest.approx((low, high))


def test_welch_is_that_of_scipy_and_undefined_where_there_is_nothing_to_compare() -> None:
    from scipy import stats

    ours, theirs = [1.0, 2.0, 4.0, 7.0], [2.0, 2.5, 9.0]
    sums = [
        tuple(np.array([f(x)]) for f in (len, sum, lambda v: sum(y * y for y in v))) for x in (ours, theirs)
    ]
    difference, low, high, p = two_means(*sums)  # type: ignore[arg-type]
    expected = stats.ttest_ind(ours, theirs, equal_var=False)
    assert (difference[0], p[0]) == pytest.approx((np.mean(ours) - np.mean(theirs), expected.pvalue))
    assert (low[0], high[0]) == pytest.approx(tuple(expected.confidence_interval()))
    one = tuple(np.array([x]) for x in (1, 3.0, 9.0))
    assert two_means(one, sums[0])[0][0] == pytest.approx(-0.5)  # type: ignore[arg-type]
    assert math.isnan(two_means(one, sums[0])[3][0])  # type: ignore[arg-type]
    same = tuple(np.array([x]) for x in (2, 6.0, 18.0))
    assert [x[0] for x in two_means(same, same)] == [0, 0, 0, 1]  # type: ignore[arg-type]


@settings(max_examples=60)
@given(logs(max_events=40), st.sampled_from(["ignore", "extra"]))
def test_the_result_of_segments_is_that_of_each_alone(rows: list[Event], others: Any) -> None:
    plans = {row.customer: row.customer[-1] for row in rows}
    rows = [row._replace(plan=plans[row.customer], score=None) for row in rows]
    rows += [Event("x", BASE, name, plan="x") for name in NAMES]
    until = max(row.time for row in rows) + 90 * DAY
    design = ["A", BLOCKS.choice("B", BLOCKS.step("C", within="2s")), "D"]
    whole = public_log(rows, observed_until=until).conformance(design, others=others, goal="D", by="plan")
    tables = {
        "overall": whole.to_pandas(),
        "steps": whole.steps().to_pandas(),
        "deviations": whole.deviations().to_pandas(),
    }
    for name in plans.values():
        log = public_log(rows, observed_until=until).filter(where=f"plan = '{name}'")
        if not set(NAMES) <= set(log.events):
            continue
        one = log.conformance(design, others=others, goal="D")
        for key, table in (("overall", one), ("steps", one.steps()), ("deviations", one.deviations())):
            part = tables[key]
            part = part[part["segment"] == name].drop(columns="segment").reset_index(drop=True)
            assert part.equals(table.to_pandas()), key


# ----------------------------------------------------------------------------------------------------- maps

MAP = """
version = 1
[[stage]]
id = "consideration"
[[stage]]
id = "purchase"
[[stage]]
id = "service"
[[touchpoint]]
id = "page"
stage = "consideration"
event = ["view", "zoom"]
[[touchpoint]]
id = "ad"
stage = "consideration"
event = "ad"
[[touchpoint]]
id = "cart"
stage = "purchase"
event = "cart"
[[touchpoint]]
id = "order"
stage = "purchase"
event = "purchase"
[[touchpoint]]
id = "call"
stage = "service"
event = "call"
[[designed]]
stage = "consideration"
optional = true
[[designed]]
touchpoint = "page"
[[designed]]
choice = [
  { touchpoint = "order", within = "1d" },
  { sequence = [{ touchpoint = "cart" }, { touchpoint = "order", within = "1h" }] },
]
[[designed]]
loop = [{ touchpoint = "call" }]
optional = true
"""


def mapped() -> safar.EventLog:
    paths = {
        "ann": ["ad", "view", "zoom", "login", "cart", "purchase"],
        "bob": ["view", "purchase", "call"],
        "cem": ["cart", "purchase"],
        "dan": ["login"],
        "eva": ["call"],
    }
    rows = [
        (who, f"2026-03-01 1{place}:00", event)
        for who, path in paths.items()
        for place, event in enumerate(path)
    ]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("who", "when", "what"))}
    log = safar.EventLog(columns, customer="who", time="when", event="what", observed_until="2026-06-01")
    return log.with_map(safar.JourneyMap(MAP))


def test_the_designed_journey_of_the_map_is_the_default() -> None:
    result = mapped().conformance()
    found = row_of(result)
    assert (found["units"], found["conforming"], found["outside"]) == (4, 2, 1)
    assert (found["unmapped"], found["ignored"]) == (2, 0)
    steps = result.steps().to_dict()
    assert steps["label"] == ["consideration", "page", "order", "cart", "order", "call"]
    assert steps["stage"] == ["consideration", "consideration", "purchase", "purchase", "purchase", "service"]
    assert steps["within"] == [None, None, "1d", None, "1h", None]
    assert steps["in_order"] == [1, 2, 1, 2, 2, 2]
    stages = result.stages().to_dict()
    assert stages["stage"] == ["consideration", "purchase", "service"]
    assert (stages["reached"], stages["in_order"]) == ([2, 3, 2], [2, 3, 2])
    assert stages["deviating"] == [2, 1, 0]
    assert (
        "consideration? > page > (order within 1d | (cart > order within 1h)) > (call)+?" in result.definition
    )


def test_a_scan_answers_as_the_log_does() -> None:
    log = mapped()
    frame = {name: log.to_pandas()[name].tolist() for name in ("customer", "time", "event")}
    whole = safar.scan(frame, customer="customer", time="time", event="event", observed_until="2026-06-01")
    scanned = whole.with_map(log.map).conformance()
    result = log.conformance()
    assert scanned.to_dict() == result.to_dict()
    for name in ("steps", "stages", "deviations"):
        assert getattr(scanned, name)().to_dict() == getattr(result, name)().to_dict()
    assert sorted(scanned.customers(kind="deviating").to_dict()["customer"]) == ["cem", "eva"]


def test_a_design_of_stages_or_events_can_be_given_beside_the_map() -> None:
    log = mapped()
    stages = ["consideration", "purchase", BLOCKS.optional("service")]
    assert row_of(log.conformance(stages, of="stage"))["conforming"] == 2
    assert row_of(log.conformance(["view", "purchase"], of="event"))["conforming"] == 2
    given = [{"touchpoint": "page"}, {"optional": True, "touchpoint": "cart"}, {"touchpoint": "order"}]
    assert row_of(log.conformance(given))["conforming"] == 2
    with pytest.raises(
        ArgumentError, match=r'"pge" is not a touchpoint of the map journey\.toml; did you mean "page"'
    ):
        log.conformance(["pge"])
    with pytest.raises(ArgumentError, match='for events write of="event"'):
        log.conformance(["view"])
    with pytest.raises(ArgumentError, match='"order" is not a stage'):
        log.conformance(["order"], of="stage")
    with pytest.raises(ArgumentError, match='of="event" says what the steps of a design are'):
        log.conformance(of="event")


def test_an_event_is_at_its_touchpoint_and_else_at_its_stage() -> None:
    rows = [
        (who, f"2026-03-01 1{place}:00", event) for who in ("u", "v") for place, event in enumerate("abcx")
    ]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("who", "when", "what"))}
    columns["touchpoint"] = [{"a": "one", "b": "two", "c": "three"}.get(row[2]) for row in rows]
    columns["stage"] = [{"a": "first", "b": "first", "c": "last"}.get(row[2]) for row in rows]
    log = safar.EventLog(
        columns,
        customer="who",
        time="when",
        event="what",
        attributes=["touchpoint", "stage"],
        observed_until="2026-06-01",
    )
    result = log.conformance([{"touchpoint": "one"}, {"stage": "first"}, {"stage": "last"}])
    assert (row_of(result)["conforming"], row_of(result)["unmapped"]) == (2, 2)
    assert row_of(log.conformance([{"stage": "first"}, {"stage": "last"}]))["conforming"] == 2
    assert row_of(log.conformance([{"stage": "last"}], others="extra"))["ignored"] == 4
    assert deviations(log.conformance([{"stage": "last"}], others="extra")) == [("extra", None, "first", 2)]


def test_events_named_by_stage_give_what_steps_of_stages_give() -> None:
    log = mapped()
    by_stage = log.named_by("stage").conformance(["consideration", "purchase"], of="event")
    given = log.conformance(["consideration", "purchase"], of="stage")
    names = ("units", "conforming", "fitness", "token_fitness", "events", "ignored")
    assert [row_of(by_stage)[name] for name in names] == [row_of(given)[name] for name in names]


def test_who_deviates_is_listed_and_explained() -> None:
    log = mapped()
    result = log.conformance()
    assert sorted(result.customers(kind="conforming").to_dict()["customer"]) == ["ann", "bob"]
    assert sorted(result.customers(kind="skipped", label="page").to_dict()["customer"]) == ["cem", "eva"]
    assert len(result.customers(kind="late")) == 0
    why = result.explain("cem")
    assert why.conclusion == ('Journey 1 skips step 2 ("page").',)
    assert why.to_dict()["decision"] == [
        'step 4 ("cart") in order; before it step 2 ("page") should have been done',
        'step 5 ("order") in order, 1 h after the step before',
    ]
    assert result.explain("dan").conclusion == ("Journey 1 has no event of the design and is left out.",)
    assert result.explain("ann").conclusion == ("Journey 1 conforms.",)
    assert [d for d in result.explain("ann").to_dict()["decision"] if "counts once" in d]
    late = log.conformance([{"touchpoint": "page"}, {"touchpoint": "order", "within": "30m"}], others="extra")
    assert late.explain("bob").conclusion == ('Journey 1 is late at step 2 ("order"); it has 1 extra event.',)


@given(st.data())
def test_as_many_customers_stand_in_each_cell_as_are_counted(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=30)) + at("ABCD", "x")
    log = public_log(rows, observed_until=BASE + DAY)
    result = log.conformance(
        ["A", BLOCKS.parallel("B", BLOCKS.step("C", within="2s"))], inactivity="1s", others="extra"
    )
    listed = Counter(
        zip(*(result.customers().to_dict()[name] for name in ("kind", "step", "label")), strict=True)
    )
    counted = {(kind, step, label): units for kind, step, label, units in deviations(result)}
    assert {key: n for key, n in listed.items() if key[0] in DEVIATIONS} == counted
    found = row_of(result)
    assert listed["conforming", None, None] == found["conforming"]
    assert listed["deviating", None, None] == found["units"] - found["conforming"]
    for customer in {row.customer for row in rows}:
        conforms = customer in result.customers(kind="conforming").to_dict()["customer"]
        assert conforms == (result.explain(customer).conclusion == ("Journey 1 conforms.",))


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ([], "has 0 steps; expected 1 to 64"),
        (["a"] * 65, "has 65 steps"),
        (["a", ""], "is empty"),
        ([BLOCKS.optional("a")], "optional steps only"),
        ([BLOCKS.choice("a", BLOCKS.optional("b"))], "optional steps only"),
        ([{"step": "a", "choice": ["b", "c"]}], "this is several of them"),
        ([{}], "this is none of them"),
        ([{"parallel": ["a"]}], "parallel holds 1 part; expected 2"),
        ([{"step": "a", "again": ["b"]}], "again is what comes between two times of a loop"),
        ([{"choice": ["a", "b"], "within": "1d"}], "a block has no time limit"),
        ([{"touchpoint": "a", "stage": "b"}], "either a touchpoint or a stage, not both"),
        ([{"stp": "a"}], '"stp" is not a field of a part of design; did you mean "step"'),
        ([{"step": "a", "within": "soon"}], "within='soon' is not a duration"),
    ],
)
def test_a_design_that_is_none_is_refused_with_its_reason(design: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        safar.Conformance(design)


def test_arguments_are_checked_by_name() -> None:
    log = public_log(at("ABC", "1"))
    with pytest.raises(ArgumentTypeError, match="design is a str; expected a list of steps"):
        log.conformance("A")
    with pytest.raises(ArgumentTypeError, match="design holds 3, a int"):
        log.conformance(["A", 3])
    with pytest.raises(UnknownEventError, match='design "a" is not an event of this log; did you mean "A"'):
        log.conformance(["a"])
    with pytest.raises(UnknownEventError, match='goal "X"'):
        log.conformance(["A"], goal="X")
    with pytest.raises(
        UnknownColumnError, match='score "scor" is not a column of this log; did you mean "score"'
    ):
        log.conformance(["A"], score="scor")
    with pytest.raises(UnknownColumnError, match='of "stage" is not a column'):
        log.conformance(["A"], of="stage")
    with pytest.raises(ArgumentError, match="others='drop' is not a choice"):
        log.conformance(["A"], others="drop")
    with pytest.raises(ArgumentError, match="this log has no map, so there is no designed journey"):
        log.conformance()
    with pytest.raises(ArgumentError, match=r"journey.toml, has no \[\[designed\]\] steps"):
        log.with_map(safar.JourneyMap('version = 1\n[[stage]]\nid = "a"')).conformance()
    with pytest.raises(safar.SafarError, match="too many orders"):
        log.conformance([BLOCKS.parallel(*"ABCABCABCABCA")])
    with pytest.raises(safar.SafarError, match="expected numbers that can be added up"):
        log.conformance(["A"], score="plan")


def test_a_unit_that_is_too_long_is_refused_and_scores_beyond_reason_are() -> None:
    many = 1_500_000
    columns = {"who": np.zeros(many, dtype=np.int64), "at": np.arange(many), "what": ["a", "b"] * (many // 2)}
    log = safar.EventLog(columns, customer="who", time="at", event="what", time_unit="s")
    with pytest.raises(safar.SafarError, match="too many to be held against its"):
        log.conformance([BLOCKS.loop(*"abababababababab")])
    log = safar.EventLog(
        {"who": [1], "at": [1], "what": ["a"], "score": [1e300]},
        customer="who",
        time="at",
        event="what",
        time_unit="s",
        attributes=["score"],
    )
    with pytest.raises(safar.SafarError, match="a score is 1e300"):
        log.conformance(["a"], score="score")


def test_q_values_are_over_the_deviations_of_one_segment() -> None:
    rows = []
    for number in range(40):
        names = [
            "A",
            *("B" if number % 2 else ""),
            *("C" if number % 3 else ""),
            *("D" if number % 4 else ""),
        ]
        rows += [
            Event(f"{number}", BASE + i * SECOND, name, plan="ab"[number % 5 > 2])
            for i, name in enumerate(names)
        ]
    found = asked(rows, ["A", "B", "C"], goal="D", by="plan").deviations().to_pandas()
    for _, part in found.groupby("segment"):
        assert part["q_value"].to_numpy() == pytest.approx(false_discovery(part["p_value"].to_numpy()))


def test_sessions_are_units_of_their_own() -> None:
    rows = at("AB", "1") + [event._replace(time=event.time + DAY) for event in at("A", "1")]
    result = asked(rows, ["A", "B"], per="sessions", gap="1m")
    assert (row_of(result)["units"], row_of(result)["conforming"]) == (2, 1)
    assert result.explain("1").conclusion == ("Session 1 conforms.", 'Session 2 skips step 2 ("B").')
    assert "a run of one customer's events with no pause longer than 1 minute" in result.definition


def test_a_log_of_other_units_is_held_against_the_design_by_them() -> None:
    rows = [event._replace(score=1) for event in at("AB", "1")] + [
        event._replace(score=2) for event in at("A", "1")
    ]
    log = public_log(rows, observed_until=BASE + 90 * DAY).per("score")
    assert row_of(log.conformance(["A", "B"]))["conforming"] == 1


def test_equal_questions_in_other_words_are_equal() -> None:
    one = safar.Conformance(
        ["a", {"choice": ["b", ["c", "d"]]}, {"step": "e", "within": "24h", "optional": True}]
    )
    two = safar.Conformance(
        ["a", BLOCKS.choice("b", ["c", "d"]), BLOCKS.optional(BLOCKS.step("e", within="1d"))]
    )
    assert one == two
    assert safar.Spec.from_json(one.to_json()) == two
