"""Patterns: what is a match, what is refused, and what agrees with funnels and transitions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracles
import safar
from oracles import (
    DIRECTLY,
    LATER,
    SECOND,
    Absent,
    Arrow,
    Either,
    Event,
    Joined,
    Limited,
    Only,
    Single,
    Times,
)
from safar import _core
from strategies import BASE, CONDITIONS, core_log, logs, moment, observed, plan, public_log, rows_in

NAMES = "ABC"
KINDS = [
    *(Single(name, lambda e, name=name: e.event == name) for name in NAMES),
    *(Single(f"(!{name})", lambda e, name=name: e.event != name) for name in NAMES),
    Single(".", lambda e: True),
    Single("channel:web", lambda e: e.channel == "web"),
    Single("A[value > 1]", lambda e: e.event == "A" and e.value is not None and e.value > 1),
    Single("(!(A | B[plan = 'pro']))", lambda e: e.event != "A" and not (e.event == "B" and e.plan == "pro")),
]
ABSENCES = [
    ("A", lambda e: e.event == "A"),
    ("B", lambda e: e.event == "B"),
    ("(A | C)", lambda e: e.event in "AC"),
    (".", lambda e: True),
    (".[score = 2]", lambda e: e.score == 2),
]
# What a random pattern may be refused for, and rightly so.
REFUSED = (
    "has no beginning",
    "joined with a plain",
    "needs one on each side",
    "met by no event",
    "begins with an event",
    "no time of its own",
    "can't be repeated",
)


@st.composite
def arrows(draw: st.DrawFn) -> Arrow:
    kind = draw(st.integers(0, 7))
    if kind > 3:
        return LATER
    if kind == 3:
        return DIRECTLY
    least, more = draw(st.integers(1, 3)), draw(st.integers(0, 3))
    return [
        Arrow(f"->[{least}s]", longest=least * SECOND),
        Arrow(f"->[{least}s..]", least=least * SECOND),
        Arrow(f"->[{least}s..{least + more}s]", least=least * SECOND, longest=(least + more) * SECOND),
    ][kind]


@st.composite
def parts(draw: st.DrawFn, depth: int) -> Any:
    kind = draw(st.integers(0, 11))
    if kind == 0:
        text, holds = draw(st.sampled_from(ABSENCES))
        within = draw(st.integers(1, 4))
        return Absent(f"!{text} within {within}s", holds, within * SECOND)
    inner = draw(st.sampled_from(KINDS)) if kind > 4 or depth == 0 else draw(groups(depth - 1))
    how = draw(st.integers(0, 9))
    if how == 0:
        return Only(inner)
    if how == 1:
        least, most = draw(st.sampled_from([(0, 1), (1, None), (2, 2), (1, 2), (2, None)]))
        return Times(inner, least, most)
    return inner


@st.composite
def groups(draw: st.DrawFn, depth: int) -> Any:
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return Either((draw(sequences(depth)), draw(sequences(depth))))
    inner = draw(sequences(depth))
    if kind == 1:
        return limited(draw, inner)
    return Either((inner,))


def limited(draw: st.DrawFn, inner: Any) -> Any:
    within = draw(st.integers(1, 5))
    return Limited(inner, f"{within}s", within * SECOND)


@st.composite
def sequences(draw: st.DrawFn, depth: int) -> Any:
    items = [draw(parts(depth))]
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        after = draw(parts(depth))
        items += [LATER if isinstance(after, Absent) else draw(arrows()), after]
    return Joined(tuple(items))


@st.composite
def patterns(draw: st.DrawFn) -> Any:
    """Draw a pattern of a few parts, as text and for the oracle."""
    inner = draw(sequences(1))
    return limited(draw, inner) if draw(st.integers(0, 2)) == 0 else inner


def size(node: Any) -> int:
    match node:
        case Joined():
            return sum(map(size, node.items))
        case Either():
            return sum(map(size, node.branches))
        case Only() | Times() | Limited():
            return size(node.inner)
    return int(isinstance(node, Single))


def loops(node: Any) -> int:
    match node:
        case Joined():
            return sum(map(loops, node.items))
        case Either():
            return sum(map(loops, node.branches))
        case Only():
            return 1 + loops(node.inner)
        case Times():
            return 1 + loops(node.inner)
        case Limited():
            return loops(node.inner)
    return 0


def counted(log: _core.EventLog, pattern: str) -> dict[str, tuple[str, list[tuple[int, int, int]]]]:
    found: dict[str, tuple[str, list[tuple[int, int, int]]]] = {
        customer: (status, [])
        for customer, status, _ in rows_in(
            _core.run(log, "match_customers", plan({"pattern": pattern})), ["customer", "status", "matches"]
        )
    }
    table = _core.run(log, "match_rows", plan({"pattern": pattern}))
    for customer, _, start, end, events in rows_in(table, ["customer", "match", "start", "end", "events"]):
        found[customer][1].append((start, end, events))
    return found


@settings(max_examples=300)
@given(st.data())
def test_matches_equal_the_oracle(data: st.DataObject) -> None:
    # Two customers, so that one has several events.
    rows = [
        row._replace(customer=min(row.customer, "c1")) for row in data.draw(logs(max_events=9, names=NAMES))
    ]
    until = observed(data.draw, rows)
    pattern = data.draw(patterns())
    assume(1 <= size(pattern) <= 4 and loops(pattern) <= 2)
    same = data.draw(st.sampled_from([None, None, None, "plan"]))
    text = pattern.text + (f" same {same}" if same else "")
    try:
        _core.check_pattern(text)
    except safar.ArgumentError as refusal:
        assert any(reason in str(refusal) for reason in REFUSED), refusal
        assume(False)
    expected = oracles.pattern_matches(
        rows, pattern, same=(lambda e: e.plan) if same else None, observed_until=until
    )
    assert counted(core_log(rows, observed_until_us=until), text) == expected


def at(events: str, customer: str = "u", **columns: Any) -> list[Event]:
    """Return events such as ``A0 B5``: a name and a second."""
    return [
        Event(customer, BASE + int(float(event[1:]) * SECOND), event[0], **columns)
        for event in events.split()
    ]


def found_in(events: str, pattern: str, until: float | None = None) -> tuple[str, list[tuple[float, float]]]:
    """Return the status of one customer, and start and end of each match in seconds."""
    observed_until = None if until is None else BASE + int(until * SECOND)
    log = core_log([*at(events), Event("other", BASE, "E")], observed_until_us=observed_until)
    status, found = counted(log, pattern)["u"]
    return status, [((start - BASE) / SECOND, (end - BASE) / SECOND) for start, end, _ in found]


def matched_in(events: str, pattern: str, until: float | None = None) -> bool:
    return found_in(events, pattern, until)[0] == "matched"


# ----------------------------------------------------------------------------------------------------- meaning


def test_the_match_that_began_last_counts_and_the_search_goes_on_behind_it() -> None:
    assert found_in("A0 A1 B2 B3 A4 B5", "A -> B") == ("matched", [(1, 2), (4, 5)])
    assert found_in("A0 A1 A2", "A -> A") == ("matched", [(0, 1)])
    assert found_in("A0 A1 A2 A3", "A{2}") == ("matched", [(0, 1), (2, 3)])


def test_directly_means_that_nothing_stands_between() -> None:
    assert matched_in("A0 B1", "A => B")
    assert not matched_in("A0 C1 B2", "A => B")
    assert matched_in("A0 C1 A2 B3", "A => B")
    assert matched_in("A0 C1 B2", "A => C => B")


def test_a_part_with_a_star_says_what_may_stand_between() -> None:
    for pattern in ("A -> (!C)* -> B", "A => (!C)* => B"):
        assert matched_in("A0 B1", pattern)
        assert matched_in("A0 D1 D2 B3", pattern)
        assert not matched_in("A0 D1 C2 B3", pattern)
    assert matched_in("A0 C1 D2 C3 D4 B5", "A -> (C => D)* -> B")
    assert not matched_in("A0 C1 D2 C3 B5", "A -> (C => D)* -> B")


def test_a_part_that_is_left_out_takes_the_arrow_before_it_along() -> None:
    assert matched_in("A0 D1 B2", "A => C? -> B")
    assert not matched_in("A0 D1 B2", "A -> C? => B")


def test_an_event_exactly_at_a_limit_counts() -> None:
    assert matched_in("A0 B5", "A -> B within 5s")
    assert not matched_in("A0 B5.1", "A -> B within 5s")
    assert matched_in("A0 B2", "A ->[2s..5s] B")
    assert not matched_in("A0 B1.9", "A ->[2s..5s] B")
    assert not matched_in("A0 B5.1", "A ->[..5s] B")


def test_a_limit_of_a_group_runs_from_its_first_event_to_its_last() -> None:
    assert matched_in("A0 B50 C52", "A -> (B -> C within 2s)")
    assert not matched_in("A0 B50 C53", "A -> (B -> C within 2s)")
    # Of two beginnings of the group only the earlier one has the least time behind it.
    assert matched_in("A0 B1 B3 C4 D9", "A -> (B ->[3s..] C within 4s) -> D")


def test_an_absence_is_broken_up_to_and_including_its_end() -> None:
    assert not matched_in("A0 B2 E9", "A -> !B within 2s")
    assert matched_in("A0 B2.1 E9", "A -> !B within 2s")
    assert found_in("A0 A1 E9", "A -> !B within 2s") == ("matched", [(0, 0), (1, 1)])
    assert matched_in("A0 C1 B3", "A -> !B within 2s -> B")
    assert not matched_in("A0 B2", "A -> !C within 2s -> B")
    assert matched_in("A0", "A -> !. within 2s", until=2)


def test_what_may_still_come_is_open_and_what_cannot_is_not() -> None:
    assert found_in("A0", "A -> B")[0] == "open"
    assert found_in("A0 C1", "A => B")[0] == "unmatched"
    assert found_in("C0 A1", "A => B")[0] == "open"
    for until, status in ((4.9, "open"), (5, "unmatched")):
        assert found_in("A0", "A -> B within 5s", until)[0] == status
        assert found_in("A0", "A ->[1s..5s] B", until)[0] == status
    assert found_in("A0", "A -> !B within 5s", 4.9)[0] == "open"
    assert found_in("A0", "A -> !B within 5s", 5)[0] == "matched"
    # The rest needs more time than is left.
    assert found_in("A0 B1", "A -> B ->[4s..] C within 6s", 3)[0] == "open"
    assert found_in("A0 B1", "A -> B ->[4s..] C within 4s", 3)[0] == "unmatched"


def test_events_at_one_time_count_as_they_are_stored() -> None:
    assert matched_in("A1 B1", "A -> B")
    assert not matched_in("B1 A1", "A -> B")


def test_same_looks_at_the_events_of_each_value_alone() -> None:
    rows = [*at("A0 B4", plan="free"), *at("A1", plan="pro"), *at("C2"), *at("B3", plan="pro")]
    rows += at("A0 B9", customer="v")
    found = counted(core_log(rows), "A => B same plan")
    assert found["u"] == ("matched", [(BASE, BASE + 4 * SECOND, 2), (BASE + SECOND, BASE + 3 * SECOND, 2)])
    assert found["v"] == ("unmatched", [])


def test_one_giant_customer_is_searched_in_time() -> None:
    rows = [Event("u", BASE + i * SECOND, "AB"[i % 2]) for i in range(200_001)]
    result = public_log(rows).match("A -> B within 1s").to_dict()
    assert (result["customers"], result["matched"], result["matches"]) == ([1], [1], [100_000])
    assert result["mean_seconds"] == result["median_seconds"] == result["max_seconds"] == [1.0]


def test_many_beginnings_under_way_are_followed_in_time() -> None:
    # Each A stays of use for 40 minutes, so that more than two thousand are under way at any time.
    rows = [Event("u", BASE + i * SECOND, "A") for i in range(30_000)]
    rows += [Event("u", BASE + i * SECOND + 1, "B") for i in range(5_000, 30_000, 1_000)]
    found = counted(core_log(rows), "A ->[20m..40m] B")["u"][1]
    assert {(end - start - 1) // SECOND for start, end, _ in found} == {1_200}
    silent = counted(core_log([*rows, Event("u", BASE + 31_000 * SECOND, "C")]), "A -> !B within 15m")["u"][1]
    # No B comes within 900 seconds after the first 4,101, a hundred of each thousand, and those after the last B.
    assert len(silent) == 4_101 + 24 * 100 + 999


def test_too_many_beginnings_under_way_are_refused_with_a_way_out() -> None:
    rows = [Event("u", BASE + i, "A") for i in range(70_000)] + at("B9000")
    with pytest.raises(safar.ArgumentError, match=r"more than 65536 beginnings under way .* shorter"):
        public_log(rows).match("A ->[1h..] B")


# --------------------------------------------------------------------------------------------- laws and numbers


@given(st.data())
def test_a_plain_sequence_counts_as_the_funnel_does(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=30))
    steps = data.draw(st.lists(st.sampled_from(sorted({row.event for row in rows})), min_size=1, max_size=4))
    within = data.draw(st.integers(1, 12))
    log = public_log(rows, observed_until=observed(data.draw, rows))
    text = f"{' -> '.join(steps)} within {within}s"
    for hold, same in (((), ""), ("plan", " same plan")):
        funnel = log.funnel(steps, within=f"{within}s", ties="stable", hold=hold)
        table = log.match(text + same).to_dict()
        assert table["matched"] == [funnel.completed]
        assert table["still_open"] == [funnel.still_open]


@given(logs(max_events=30))
def test_directly_after_agrees_with_the_transitions(rows: list[Event]) -> None:
    log = public_log(rows)
    edges = log.transitions(quantiles=False).to_dict()
    taken = dict(zip(zip(edges["from"], edges["to"], strict=True), edges["customers"], strict=True))
    for source in log.events:
        for target in log.events:
            found = log.match(f"{source} => {target}").to_dict()["matched"]
            assert found == [taken.get((source, target), 0)]


@given(logs(max_events=30, names="ABC"))
def test_who_is_silent_has_no_next_event_in_time(rows: list[Event]) -> None:
    until = BASE + 100 * SECOND
    silent = counted(
        core_log([*rows, *at("A0", customer="anchor")], observed_until_us=until), "A -> !. within 3s"
    )
    for customer, journey in oracles.journeys(rows).items():
        times = [event.time for event in journey] + [until + 1]
        pauses = [times[i + 1] - event.time for i, event in enumerate(journey) if event.event == "A"]
        assert (silent[customer][0] == "matched") == any(pause > 3 * SECOND for pause in pauses)


@given(logs(max_events=30), st.sampled_from(["channel", "plan"]), st.sampled_from(["entry", "first", "last"]))
def test_segments_add_up_to_the_whole(rows: list[Event], by: str, where: Any) -> None:
    log = public_log([*rows, *at("A0 B1")])
    whole, parts = log.match("A -> B").to_dict(), log.match("A -> B", by=by, at=where).to_dict()
    for name in ("customers", "matched", "still_open", "matches"):
        assert sum(parts[name]) == whole[name][0]


def test_a_segment_is_by_default_the_value_where_the_first_match_begins() -> None:
    log = public_log(at("A0", channel="web") + at("A1 B2", channel="app"))
    assert log.match("A -> B", by="channel").to_dict()["segment"] == ["app"]
    assert log.match("A -> B", by="channel", at="first").to_dict()["segment"] == ["web"]


def test_the_interval_is_that_of_wilson() -> None:
    rows = [event for i in range(10) for event in at("A0 B1" if i < 3 else "A0 A1", customer=f"u{i}")]
    table = public_log(rows).match("A => B").to_dict()
    assert table["share"] == [0.3]
    # prop.test(3, 10, correct = FALSE) in R.
    assert table["share_low"][0] == pytest.approx(0.1077913, abs=1e-6)
    assert table["share_high"][0] == pytest.approx(0.6032219, abs=1e-6)


def test_times_of_matches_are_null_where_there_is_none() -> None:
    table = public_log(at("A0 B1")).match("B -> A").to_dict()
    assert table["matches"] == [0]
    assert [table[f"{name}_seconds"] for name in ("mean", "median", "min", "max")] == [[None]] * 4


def test_customers_and_matches_can_be_listed() -> None:
    log = public_log([*at("A0 B1 A2 B4"), *at("A0", customer="v"), *at("B0", customer="w")])
    result = log.match("A -> B", by="channel")
    statuses: Any = ("matched", "still_open", "unmatched")
    assert [result.customers(status).to_dict()["customer"] for status in statuses] == [["u"], ["v"], ["w"]]
    assert result.matches().to_dict()["match"] == [1, 2]
    assert sorted(result.customers().to_dict()["matches"]) == [0, 0, 2]
    with pytest.raises(safar.ArgumentError, match="still_open"):
        result.customers("open")  # type: ignore[arg-type]


def test_the_result_keeps_the_spec_that_replays_it() -> None:
    log = public_log(at("A0 B1"))
    result = log.match("A -> B", by="channel")
    assert safar.Spec.from_json(result.spec).run(log).to_dict() == result.to_dict()
    assert json.loads(result.spec)["pattern"] == "A -> B"


# ------------------------------------------------------------------------------------- filter, steps, columns


@given(logs(max_events=30), st.sampled_from(["A -> B", "A -> !B within 2s", "A => B same plan"]))
def test_a_filter_keeps_those_who_match_or_the_others(rows: list[Event], pattern: str) -> None:
    rows = [*rows, *at("A0 B1 A9", customer="yes", plan="pro"), *at("B5", customer="no")]
    log = public_log(rows, observed_until=BASE + 100 * SECOND)
    matched = log.match(pattern).customers("matched").to_dict()["customer"]
    kept, left = log.filter(match=pattern), log.filter(without_match=pattern)
    assert set(kept.to_pandas()["customer"]) == set(matched)
    assert kept.customers + left.customers == log.customers
    assert len(kept) + len(left) == len(log)


ONE_EVENT = [
    *KINDS,
    *(Single(f".[{text}]", holds) for text, holds in CONDITIONS),
    Single("(!.[value > 1])", lambda e: e.value is None or e.value <= 1),
    Single("(.[value > 1] | A)", lambda e: e.event == "A" or (e.value is not None and e.value > 1)),
    Single("(.[value > 1] | .[score = 2])", lambda e: e.score == 2 or (e.value is not None and e.value > 1)),
]


@settings(max_examples=300)
@given(
    logs(max_events=12, names=NAMES), st.sampled_from(ONE_EVENT), st.sampled_from([0, 61, 63, 64, 65, 128])
)
def test_a_filter_by_one_event_keeps_those_who_have_it(rows: list[Event], one: Single, before: int) -> None:
    # Conditions are kept as bits, 64 to a word: those of a long journey come before or behind the others.
    long = [Event("c0", BASE + i, "C", plan="pro") for i in range(before)]
    rows = [*rows, *long, *at("A0 B1 C2", customer="all")]
    log = public_log(rows)
    customers = {row.customer for row in rows}
    having = {row.customer for row in rows if one.holds(row)}
    for argument, expected in (("match", having), ("without_match", customers - having)):
        asked: dict[str, Any] = {argument: one.text}
        if expected:
            part = log.filter(**asked)
            assert set(part.to_pandas()["customer"]) == expected
            assert len(part) == sum(row.customer in expected for row in rows)
        else:
            with pytest.raises(safar.DataError, match="no event is left"):
                log.filter(**asked)


def test_a_step_of_a_funnel_may_be_where_a_match_ends() -> None:
    log = public_log(at("A0 B1 C2 B3 D4") + at("B0 D1", customer="v") + at("A0 B5", customer="w"))
    paid = log.funnel([safar.step(match="A -> B within 2s"), "D"])
    assert paid.to_dict()["name"] == ["A -> B within 2s", "D"]
    assert paid.to_dict()["customers"] == [1, 1]
    assert paid.customers().to_dict()["entry"][0].second == 1
    named = safar.step(match="A -> B", where="plan is null", name="Came")
    assert log.funnel(["A", named]).to_dict()["customers"] == [2, 2]
    assert safar.Spec.from_json(paid.spec).run(log).to_dict() == paid.to_dict()


@given(logs(max_events=30))
def test_a_step_that_is_the_pattern_of_one_event_is_a_step_of_that_event(rows: list[Event]) -> None:
    log = public_log(rows)
    first, last = next(iter(log.events)), list(log.events)[-1]
    plain = log.funnel([first, last], within="3s").to_dict()
    assert log.funnel([safar.step(match=first), safar.step(match=last)], within="3s").to_dict() == plain


def test_a_funnel_asked_of_a_frame_keeps_the_events_that_its_patterns_need() -> None:
    data = {"who": ["u"] * 3, "when": [0, 1, 2], "what": ["A", "X", "B"]}

    def completed(pattern: str) -> int:
        steps: list[Any] = ["A", safar.step(match=pattern)]
        return safar.funnel(data, steps, customer="who", time="when", event="what", time_unit="s").completed

    assert (completed("A -> B"), completed("A => B"), completed("A => X -> B")) == (1, 0, 1)


def test_a_step_has_events_or_a_pattern() -> None:
    with pytest.raises(safar.ArgumentError, match="either events or match"):
        safar.step("A", match="A -> B")
    with pytest.raises(safar.ArgumentError, match="expected an event, the pattern ends"):
        safar.step(match="A ->")


def test_columns_of_matches_are_units_and_segments() -> None:
    log = public_log(at("A0 C1 B2 C3 A4 B5") + at("A0 A1", customer="v")).with_match("A -> B", column="visit")
    frame = log.to_pandas()
    assert frame[frame["customer"] == "u"]["visit"].fillna(0).tolist() == [1, 1, 1, 0, 2, 2]
    assert frame[frame["customer"] == "v"]["visit"].isna().all()
    assert log.funnel(["A", "B"], hold="visit", entry="all").completed == 2
    who = log.with_match("A -> B", column="came", per="customer").match("A", by="came").to_dict()
    assert (who["segment"], who["customers"]) == (["false", "true"], [1, 1])


def test_a_column_of_matches_with_a_shared_value_leaves_other_values_out() -> None:
    log = public_log([*at("A0 B3", plan="pro"), *at("A1 B2", plan="free"), *at("C1.5")])
    frame = log.with_match("A -> B same plan").to_pandas().sort_values("time")
    assert frame["match"].fillna(0).tolist() == [1, 2, 0, 2, 1]


# ------------------------------------------------------------------------------------------------------ syntax

SYNTAX = {
    "": "expected an event, the pattern ends",
    "a -> ": "expected an event, the pattern ends",
    "a b": "names of several words stand in quotes",
    "a, b": 'parts are joined with "->"',
    "a → b": 'write "->" for later',
    "a | b": "alternatives stand in parentheses",
    "a -> (b": 'or ")", the pattern ends',
    "a -> b)": "this parenthesis was never opened",
    "a -> 'b": "expected a closing ' for this one",
    "a -> ''": "expected an event between the quotes",
    "a -> “b”": "write names between ' or \"",
    "a[value > 0 -> b": "expected a closing ] for this one",
    "a[value >] -> b": "can't read the condition",
    "`a`": "backquotes are for columns",
    "a**": "a part has one count",
    "a{3,2}": "the smaller number first",
    "a{0}": "the smaller number first",
    "a{x}": "expected a count such as",
    "a{2000}": "a count up to 1000",
    "a{60} -> b{60}": "longer than 64 events",
    "a*": "met by no event at all",
    "(a | b?)": "met by no event at all",
    "a -> b*": "so it needs one on each side",
    "b* -> a": "so it needs one on each side",
    "a ->[2h] b* -> c": "no time of its own",
    "!a within 2h": "an absence alone has no beginning",
    "!a within 2h -> b": "begins with an event, not with an absence",
    "(a | !b within 2h) -> c": "begins with an event, not with an absence",
    "a => !b within 2h": 'joined with a plain "->"',
    "a -> (!b within 2h)*": "an absence can't be repeated",
    "!!a": "two negations",
    "!.": "no event is other than any event",
    "!(a -> b)": "only single events can be negated",
    "within -> a": 'an event of that name is written "within"',
    "a -> b within": "expected a time such as 30m, 2h or 7d",
    "a -> b within 2": "expected a number and a unit",
    "a -> b within 0s": "longer than 0",
    "a -> b within 99999w": "not be longer than 1000 years",
    "a -> b within 1h within 2h": "within is given twice",
    "(a -> b) within 1h -> c": "a limit for some parts goes into their parentheses",
    "(a -> b same x) -> c": "write it at the end",
    "a ->[] b": "expected a longest time such as 2h",
    "a ->[2h..1h] b": "the least time is longer",
    "a ->[1h b": 'expected "]" after the time',
}


@pytest.mark.parametrize("pattern", list(SYNTAX))
def test_what_makes_no_sense_is_refused_with_a_caret_and_the_way_out(pattern: str) -> None:
    with pytest.raises(safar.ArgumentError) as refusal:
        _core.check_pattern(pattern)
    assert SYNTAX[pattern] in str(refusal.value)
    _, line, carets = str(refusal.value).split("\n")
    assert set(carets.strip()) == {"^"}
    assert "condition" in SYNTAX[pattern] or line.strip() == pattern.strip()
    assert len(carets) <= max(len(line), 2 + len(pattern)) + 1


def test_the_caret_stands_under_the_character_in_persian_too() -> None:
    with pytest.raises(safar.ArgumentError) as refusal:
        _core.check_pattern("سبد\u200cخرید -> پرداخت ; پشتیبانی")
    _, line, carets = str(refusal.value).split("\n")
    assert line[carets.index("^")] == ";"


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "\n a\n -> b\twithin 2h ",
        "a->b=>c",
        "add-to-cart -> page.view",
        "'say ''hi''' -> \"x\"",
        "'پشتیبانی تلفنی' -> سبد\u200cخرید",
        'channel:web -> campaign:"spring sale" -> score:3',
        "a[value > 1 and plan in ('x]', \"y\")] -> .[time > '2026-01-01']",
        "a -> !(b | c[value > 1]) within 1.5h -> !d within 1d -> e",
        "(a -> b within 1h | c){2,}",
        "(a -> b | c within 1h){2,} ->[1d..] d? -> e+ WITHIN 4w SAME x, `y z`",
    ],
)
def test_what_makes_sense_is_read(pattern: str) -> None:
    if pattern.startswith("(a -> b within 1h |"):
        with pytest.raises(safar.ArgumentError, match="a limit stands at the end of a group"):
            _core.check_pattern(pattern)
    else:
        _core.check_pattern(pattern)


def test_names_that_the_log_lacks_are_refused_with_a_suggestion() -> None:
    log = public_log([Event("u", BASE, "purchase"), Event("u", BASE, "view")])
    with pytest.raises(
        safar.UnknownEventError, match=r'"purchse" is not an event .* did you mean "purchase"'
    ):
        log.match("view -> purchse")
    with pytest.raises(safar.UnknownColumnError, match=r'"plam" is not a column .* did you mean "plan"'):
        log.match("view -> purchase same plam")
    with pytest.raises(safar.UnknownEventError):
        log.filter(match="veiw")
    with pytest.raises(safar.UnknownEventError):
        log.funnel(["view", safar.step(match="veiw")])
    with pytest.raises(safar.UnknownColumnError):
        log.match("view -> shop:x")


@given(
    st.lists(st.sampled_from([*"aب.!()[]{}*+?|,:'\"`<>=-0129mh ", "->", "=>", "within", "same"]), max_size=14)
)
def test_any_text_is_read_or_refused(pieces: list[str]) -> None:
    try:
        _core.check_pattern("".join(pieces))
    except safar.ArgumentError as refusal:
        assert "\n" in str(refusal)


def test_names_of_a_pattern_are_told() -> None:
    assert _core.check_pattern("a -> (b | a)") == (["a", "b"], False)
    for text in ("a => b", "a -> !b -> c", "a -> .", "a -> (!b)* -> c", "a -> channel:web"):
        assert _core.check_pattern(text)[1]


# -------------------------------------------------------------------------------------------------- worked examples

PAGE = (Path(__file__).parent.parent / "docs" / "patterns.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```pattern\n(.*?)\n\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
UNITS = {"m": 60, "h": 3_600, "d": 86_400}


def seconds(text: str) -> float:
    return float(text[:-1]) * UNITS[text[-1]]


def test_the_page_has_its_worked_examples() -> None:
    assert len(EXAMPLES) == 15


@pytest.mark.parametrize(("pattern", "lines"), EXAMPLES)
def test_a_worked_example_of_the_page_is_true(pattern: str, lines: str) -> None:
    rows: list[dict[str, Any]] = []
    expected: dict[str, Any] = {}
    until = None
    for line in lines.splitlines():
        if line.startswith("until "):
            until = seconds(line.split()[1])
            continue
        customer, events, result = line.split(" | ")
        found = [tuple(map(seconds, match.split(".."))) for match in result.split(", ") if ".." in match]
        expected[customer] = {"open": "still_open", "none": "unmatched"}.get(result, found)
        for event in re.findall(r'(?:"[^"]*"|[^,])+', events):
            name, time, *columns = re.findall(r'"[^"]*"|\S+', event)
            rows.append({"customer": customer, "event": name.strip('"'), "time": seconds(time)})
            rows[-1] |= dict(column.split("=") for column in columns)
    given = set().union(*rows)
    frame: dict[str, Any] = {name: [row.get(name) for row in rows] for name in given - {"time", "value"}}
    frame["time"] = [BASE + int(row["time"] * SECOND) for row in rows]
    frame["value"] = np.array([float(row.get("value", "nan")) for row in rows])
    log = safar.EventLog(
        frame,
        customer="customer",
        time="time",
        event="event",
        channel="channel" if "channel" in given else None,
        value="value",
        attributes=["order_id"] if "order_id" in given else [],
        time_unit="us",
        observed_until=None if until is None else moment(BASE + int(until * SECOND)),
    )
    answer = log.match(pattern)
    who = answer.customers().to_dict()
    got: dict[str, Any] = {
        customer: [] if status == "matched" else status
        for customer, status in zip(who["customer"], who["status"], strict=True)
    }
    matches = answer.matches().to_dict()
    for customer, *bounds in zip(matches["customer"], matches["start"], matches["end"], strict=True):
        got[customer].append(tuple((each - moment(BASE)).total_seconds() for each in bounds))
    assert got == expected


def test_true_and_false_stand_for_themselves_in_a_condition_of_a_column() -> None:
    log = safar.EventLog(
        {"who": [1, 2], "at": ["2026-01-01", "2026-01-01"], "what": ["a", "a"], "new": [True, False]},
        customer="who",
        time="at",
        event="what",
        attributes=["new"],
    )
    assert log.match("new:true").matches().to_dict()["customer"] == [1]
    assert log.match("new:false").matches().to_dict()["customer"] == [2]
