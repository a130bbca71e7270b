"""Dialects: other tools' funnels, against what they publish and, for ClickHouse, against the engine itself."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import SECOND, Event
from safar.analyses import dialects
from safar.language.words import words_of
from strategies import BASE, logs, public_log
from test_funnel import sequence

MODES = ("strict_order", "allow_reentry", "strict_deduplication", "strict_increase", "strict_once")
W = 100
# Sequence, steps, window, and the steps reached by: PostHog ordered and strict, ClickHouse in its default mode and in
# strict_order, strict_increase and strict_deduplication.
GOLDEN = [
    ("A1 A9 B11", "AB", 5, (2, 2, 2, 2, 2, 2)),
    ("A1 B6", "AB", 5, (2, 2, 2, 2, 2, 2)),
    ("A1 B7", "AB", 5, (1, 1, 1, 1, 1, 1)),
    ("B1 A1", "AB", 5, (2, 2, 2, 2, 1, 2)),
    ("A1 B1", "AB", 5, (2, 2, 2, 2, 1, 2)),
    ("C1 B1 A1", "ABC", 10, (3, 3, 3, 3, 1, 3)),
    ("A1 B2 A3 C4", "ABC", W, (3, 2, 3, 3, 3, 3)),
    ("A1 B2 A3 C4", "ABC", 3, (3, 2, 3, 3, 3, 3)),
    ("A1 B2 A3 C4", "ABC", 2, (2, 2, 2, 2, 2, 2)),
    ("A1 D2 B3 C4", "ABC", W, (3, 1, 3, 1, 3, 3)),
    ("A1 B2 D3 C4", "ABC", W, (3, 2, 3, 2, 3, 3)),
    ("A1 C2 B3 C4", "ABC", W, (3, 1, 3, 1, 3, 3)),
    ("A1 B2 B3 C4", "ABC", W, (3, 3, 3, 3, 3, 2)),
    ("A1 A2 B3 C4", "ABC", W, (3, 3, 3, 3, 3, 3)),
    ("A1 B2 A50 B51 C52", "ABC", 10, (3, 3, 3, 3, 3, 2)),
    ("A1 D2 A3 B4 C5", "ABC", W, (3, 3, 3, 1, 3, 3)),
    ("B1 A2", "AB", W, (1, 1, 1, 1, 1, 1)),
]
COLUMNS = [
    {"dialect": "posthog"},
    {"dialect": "posthog", "order": "strict"},
    {"dialect": "clickhouse"},
    {"dialect": "clickhouse strict_order"},
    {"dialect": "clickhouse strict_increase"},
    {"dialect": "clickhouse strict_deduplication"},
]


def reached(events: str, steps: Sequence[str], **options: Any) -> int:
    """Return the steps that customer u reaches; another one has all events, so that every name is known."""
    log = public_log([*sequence(events), *sequence("A1 B2 C3 D4", "other")])
    found = log.funnel(list(steps), **options).customers().to_dict()
    return dict(zip(found["customer"], found["reached"], strict=True)).get("u", 0)


@pytest.mark.parametrize(("events", "steps", "within", "expected"), GOLDEN)
def test_the_golden_table_of_the_dialects(
    events: str, steps: str, within: int, expected: tuple[int, ...]
) -> None:
    for options, count in zip(COLUMNS, expected, strict=True):
        assert reached(events, steps, within=f"{within}s", **options) == count, options


@pytest.mark.parametrize(("events", "posthog", "default", "once"), [("A1", 1, 2, 1), ("A1 A1", 2, 2, 2)])
def test_one_event_for_two_steps(events: str, posthog: int, default: int, once: int) -> None:
    assert reached(events, "AA", dialect="posthog") == posthog
    assert reached(events, "AA", dialect="clickhouse") == default
    assert reached(events, "AA", dialect="clickhouse strict_once") == once


def window_funnel(
    rows: Sequence[Event], steps: Sequence[Sequence[str]], within: int, modes: Sequence[str]
) -> dict[str, int]:
    """Ask ClickHouse itself."""
    chdb = pytest.importorskip("chdb", reason="chdb, ClickHouse in the process, is not installed")
    values = ", ".join(f"('{row.customer}', {row.time}, '{row.event}')" for row in rows)
    conditions = ", ".join(f"e IN ({', '.join(repr(name) for name in names)})" for names in steps)
    settings = ", ".join([str(within), *(f"'{mode}'" for mode in modes)])
    answer = chdb.query(
        f"SELECT c, windowFunnel({settings})(t, {conditions}) FROM values('c String, t UInt64, e String', {values}) "
        "GROUP BY c",
        "JSONCompact",
    )
    return {customer: level for customer, level in json.loads(str(answer))["data"] if level}


SETS = [modes for size in range(4) for modes in itertools.combinations(MODES, size)]
SETS = [
    modes
    for modes in SETS
    if ("allow_reentry" not in modes or "strict_order" in modes)
    and ("strict_once" not in modes or set(modes) <= {"strict_once", "strict_increase"})
]


@given(st.data())
def test_the_dialect_of_clickhouse_equals_its_engine(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=20))
    present = sorted({row.event for row in rows})
    steps = data.draw(
        st.lists(
            st.lists(st.sampled_from(present), min_size=1, max_size=2, unique=True), min_size=1, max_size=4
        )
    )
    within = data.draw(st.sampled_from([1, 3, 6, 1000])) * SECOND
    modes = data.draw(st.sampled_from(SETS))
    result = public_log(rows).funnel(steps, within=f"{within}us", dialect=" ".join(["clickhouse", *modes]))
    found = result.customers().to_dict()
    assert dict(zip(found["customer"], found["reached"], strict=True)) == window_funnel(
        rows, steps, within, modes
    )


@pytest.mark.parametrize("modes", SETS)
def test_thousands_of_journeys_are_counted_as_its_engine_does(modes: Sequence[str]) -> None:
    random = np.random.default_rng(len(modes) + 10 * SETS.index(tuple(modes)))
    for steps, within in (("ABC", 6), (["AB", "B", "CA"], 5), (["A", "A", "B", "A"], 1000)):
        times = BASE + random.integers(0, 12, 2000) * SECOND
        customers = random.integers(0, 350, 2000)
        rows = [
            Event(f"c{customer}", int(time), name)
            for customer, time, name in zip(customers, times, random.choice(list("ABCD"), 2000), strict=True)
        ]
        asked = [list(names) for names in steps]
        result = public_log(rows).funnel(asked, within=f"{within}s", dialect=" ".join(["clickhouse", *modes]))
        found = result.customers().to_dict()
        counted = dict(zip(found["customer"], found["reached"], strict=True))
        assert counted == window_funnel(rows, asked, within * SECOND, modes)


def test_mixpanel_and_amplitude_follow_their_published_rules() -> None:
    # The clock starts at the first A and a later one does not start it again.
    assert reached("A3600 A5400 B6300 C8100", "ABC", within="1h", dialect="mixpanel") == 2
    assert reached("A3600 A5400 B6300 C8100", "ABC", within="1h", dialect="amplitude") == 3
    # Two seconds are as one for Mixpanel, the same second for Amplitude.
    log = public_log([*sequence("B1 A3"), *sequence("B1 A1", "v")])
    assert log.funnel(["A", "B"], within="1h", dialect="mixpanel").to_dict()["customers"] == [2, 2]
    assert log.funnel(["A", "B"], within="1h", dialect="amplitude").to_dict()["customers"] == [2, 1]


def test_the_customers_that_move_have_the_rule_that_moves_them() -> None:
    rows = [
        *sequence("A1 A50 B55", "clock"),
        *sequence("B1 A2", "tolerance"),
        *sequence("A1 X4 B8", "excluded"),
        *sequence("A1 B5", "same"),
    ]
    log = public_log(rows)
    result = safar.compare_dialects(log, ["A", "B"], within="10s", exclude="X")
    table = result.to_dict()
    assert table["dialect"] == [name for name in ("safar", "posthog", "mixpanel", "amplitude") for _ in "AB"]
    assert table["customers"] == [4, 2, 3, 2, 4, 2, 4, 2]
    moved = result.moved().to_dict()
    assert list(
        zip(moved["dialect"], moved["customer"], moved["reached"], moved["reached_there"], strict=True)
    ) == [
        ("posthog", "excluded", 1, 0),
        ("mixpanel", "clock", 2, 1),
        ("mixpanel", "tolerance", 1, 2),
    ]
    assert moved["rule"] == [
        "an exclusion takes the customer out of the funnel",
        "only the first entry begins an attempt",
        "events within 2 seconds count in any order",
    ]


def test_clickhouse_moves_customers_by_the_use_of_one_event_for_two_steps() -> None:
    log = public_log([*sequence("A1", "u"), *sequence("A1 A2", "v")])
    result = safar.compare_dialects(
        log, ["A", "A"], within="10s", dialects=["clickhouse", "clickhouse strict_once"]
    )
    assert result.to_dict()["customers"] == [2, 1, 2, 2, 2, 1]
    moved = result.moved().to_dict()
    assert (moved["customer"], moved["rule"]) == (["u"], ["an event may take several steps"])


@given(logs(max_events=16))
def test_the_difference_of_a_dialect_is_that_of_its_moved_customers(rows: list[Event]) -> None:
    rows = [*rows, Event("x", BASE, "A"), Event("x", BASE, "B")]
    result = safar.compare_dialects(public_log(rows), ["A", "B", "A"], within="3s")
    table, moved = result.to_dict(), result.moved().to_dict()
    for dialect, step, difference in zip(table["dialect"], table["step"], table["difference"], strict=True):
        gone = [
            (there >= step) - (here >= step)
            for name, here, there in zip(
                moved["dialect"], moved["reached"], moved["reached_there"], strict=True
            )
            if name == dialect
        ]
        assert sum(gone) == difference


def test_ties_matter_under_a_dialect_as_well_unless_it_has_an_order_of_its_own() -> None:
    log = public_log([*sequence("B1 A1", "u"), *sequence("A1 B5", "v")])
    assert log.funnel(["A", "B"], dialect="posthog").ties_matter() == 1
    with pytest.raises(safar.SafarError, match="has an order of its own"):
        log.funnel(["A", "B"], dialect="clickhouse").ties_matter()


def test_dialects_count_an_optional_step_where_it_is_taken() -> None:
    log = public_log([*sequence("A1 B2 C3", "u"), *sequence("A1 C3", "v")])
    result = safar.compare_dialects(log, ["A", safar.step("B", optional=True), "C"], within="1h")
    table = result.to_dict()
    assert set(table["dialect"]) == {"safar", "posthog", "mixpanel", "amplitude"}
    assert "ClickHouse is left out" in result.definition
    assert table["customers"][:3] == [2, 1, 2]


def test_rules_are_told_in_persian() -> None:
    known = words_of("fa")["texts"]
    for words in [
        *(each for group in dialects._RULES.values() for each in group.values()),
        *dialects._MODES.values(),
    ]:
        assert words in known
    log = safar.datasets.shop(300).log()
    moved = safar.compare_dialects(log, ["visit", "purchase"], within="7d").moved()
    assert moved.to_dict()["rule"][0] == "only the first entry begins an attempt"
    told = moved.told("fa").to_dict()
    assert told["rule"][0] == "تنها نخستین ورود تلاشی را آغاز می‌کند"
    assert told["customer"] == moved.to_dict()["customer"]
