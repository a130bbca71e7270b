"""Patterns: what is a match, what is refused, and what agrees with funnels and transitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DIRECTLY, LATER, SECOND, Absent, Arrow, Either, Event, Joined, Limited, Only, Single, Times
from safar import _core
from strategies import BASE, columns_in, core_log, in_order, logs, observed, plan, public_log, rows_in

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
REFUSED = ("has no beginning", "joined with a plain", "needs one on each side", "met by no event", "begins with an event", "no time of its own", "can't be repeated")


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
    found = {
        customer: (status, [])
        for customer, status, _ in rows_in(
            _core.run(log, "match_customers", plan({"pattern": pattern})), ["customer", "status", "matches"]
        )
    }
    table = _core.run(log, "match_rows", plan({"pattern": pattern}))
    for customer, _, start, end, events in rows_in(table, ["customer", "match", "start", "end", "events"]):
        found[customer][1].append((start, end, events))
    return found


@given(st.data())
def test_matches_equal_the_oracle(data: st.DataObject) -> None:
    # Two customers, so that one has several events.
    rows = [row._replace(customer=min(row.customer, "c1")) for row in data.draw(logs(max_events=9, names=NAMES))]
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
