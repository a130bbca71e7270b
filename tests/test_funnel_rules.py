"""The funnel under all its rules: order, gaps, exclusions, entries, held values, ties, and the bounds of the entry."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event, FunnelRules, Step
from safar import _core
from strategies import (
    BASE,
    columns_in,
    core_log,
    funnel_params,
    funnel_steps,
    in_order,
    logs,
    observed,
    plan,
    public_log,
    rows_in,
)
from test_funnel import names, sequence

# What may be held, as safar names it and as Python reads it; safar compares values as text.
HELD = {
    "channel": lambda event: event.channel,
    "plan": lambda event: event.plan,
    "score": lambda event: event.score,
}
Outcome = tuple[str, int, str, tuple[int, ...]]


def params(
    steps: Sequence[Step], within: int | None, rules: FunnelRules, hold: Sequence[str]
) -> dict[str, Any]:
    return funnel_params(steps, within) | {
        "order": rules.order,
        "gaps_us": [list(gap) for gap in rules.gaps],
        "exclude": [
            {"what": {"events": list(what.events), "where": what.where}, "from": first, "to": last}
            for what, first, last in rules.exclude
        ],
        "on_exclude": "drop_customer" if rules.drop_customer else "stop_attempt",
        "entry": rules.entry,
        "ties": rules.ties,
        "hold": list(hold),
        "entries_us": list(rules.entries),
    }


def attempts_of(log: _core.EventLog, question: dict[str, Any]) -> list[Outcome]:
    table = _core.run(log, "funnel_attempts", plan(question))
    columns = columns_in(table)
    times = [tuple(int(time.astype("int64")) for time in each) for each in table.numpy("times")[0]]
    return in_order(list(zip(columns["customer"], columns["reached"], columns["status"], times, strict=True)))


def counts_of(log: _core.EventLog, question: dict[str, Any]) -> dict[tuple[Any, ...], int]:
    found = rows_in(_core.run(log, "funnel", plan(question)), ["reached", "status", "customers"])
    return {row[:-1]: row[-1] for row in found if row[-1]}


@st.composite
def short_logs(draw: st.DrawFn) -> list[Event]:
    """Draw a log with at most three events of a customer at one time: the oracle tries all their orders."""
    seen: Counter[tuple[str, int]] = Counter()
    rows = []
    for row in draw(logs(max_events=14)):
        seen[row.customer, row.time] += 1
        if seen[row.customer, row.time] <= 3:
            rows.append(row)
    return rows


@st.composite
def funnel_rules(
    draw: st.DrawFn, rows: Sequence[Event], chosen: Sequence[Step]
) -> tuple[FunnelRules, list[str]]:
    """Draw rules of a funnel over a log, and the names of the columns that are held."""
    steps = len(chosen)
    ties = draw(st.sampled_from(["favour", "against", "stable"]))
    present = {row.event for row in rows}
    if ties != "stable":
        # Which of several events at one time took the step and which excluded is not a question for this test.
        present -= {name for step in chosen for name in step.events}
    gaps = []
    if draw(st.integers(0, 2)) == 0:
        for _ in range(steps - 1):
            least = draw(st.sampled_from([0, 0, 1, 2])) * SECOND
            longest = draw(st.sampled_from([None, 0, 2, 5]))
            gaps.append((least, None if longest is None else least + longest * SECOND))
    exclude = []
    for _ in range(draw(st.sampled_from([0, 0, 1, 2])) if steps > 1 and present else 0):
        first = draw(st.integers(1, steps - 1))
        what = Step((draw(st.sampled_from(sorted(present))),))
        exclude.append((what, first, draw(st.integers(first + 1, steps))))
    bounds = sorted(draw(st.lists(st.integers(0, 12), min_size=2, max_size=2, unique=True)))
    entries = tuple(None if draw(st.integers(0, 3)) else BASE + bound * SECOND for bound in bounds)
    rules = FunnelRules(
        order=draw(st.sampled_from(["ordered", "strict"])),
        gaps=tuple(gaps),
        exclude=tuple(exclude),
        drop_customer=draw(st.booleans()),
        entry=draw(st.sampled_from(["latest", "first", "best", "all"])),
        ties=ties,
        entries=(entries[0], entries[1]),
    )
    hold: list[str] = []
    if draw(st.integers(0, 3)) == 0:
        hold = draw(st.lists(st.sampled_from(sorted(HELD)), min_size=1, max_size=2, unique=True))
    return replace(rules, hold=tuple(HELD[name] for name in hold)), hold


# ----------------------------------------------------------------------------------------------------- oracle


@given(st.data())
def test_every_funnel_equals_the_oracle(data: st.DataObject) -> None:
    rows = data.draw(short_logs())
    until = observed(data.draw, rows)
    steps = data.draw(funnel_steps(rows))
    within = data.draw(st.sampled_from([None, 1, 3, 6]))
    within = None if within is None else within * SECOND
    rules, hold = data.draw(funnel_rules(rows, steps))
    log = core_log(rows, observed_until_us=until)
    question = params(steps, within, rules, hold)
    expected = oracles.funnel_outcomes(rows, steps, within, rules, until)
    assert attempts_of(log, question) == in_order(expected)
    assert counts_of(log, question) == dict(Counter((reached, status) for _, reached, status, _ in expected))


@given(st.data())
def test_the_plain_funnel_is_the_best_of_its_attempts(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    steps = data.draw(funnel_steps(rows))
    within = data.draw(st.integers(1, 8)) * SECOND
    log = core_log(rows, observed_until_us=until)
    question = funnel_params(steps, within)
    counted = Counter((reached, status) for _, reached, status, _ in attempts_of(log, question))
    assert counts_of(log, question) == dict(counted)


@given(st.data())
def test_the_balance_holds_under_every_rule(data: st.DataObject) -> None:
    rows = [*data.draw(logs(max_events=14)), Event("x", BASE, "A"), Event("x", BASE, "B")]
    rules, hold = data.draw(funnel_rules(rows, names("AB")))
    result = public_log(rows).funnel(
        ["A", "B"],
        within="4s",
        order=rules.order,
        entry=rules.entry,
        exclude=[safar.exclusion(*what.events) for what, _, _ in rules.exclude],
        on_exclude="drop_customer" if rules.drop_customer else "stop_attempt",
        ties=rules.ties,
        hold=hold,
    )
    balance = result.balance().to_dict()
    assert balance["entered"][0] == sum(
        balance[name][0] for name in ("completed", "dropped", "still_open", "excluded")
    )
    assert result.entered == len(result.customers())
    for name in ("completed", "dropped", "still_open", "excluded"):
        assert len(result.customers(status=name)) == balance[name][0] == getattr(result, name)
    for step, count in enumerate(result.to_dict()[result.unit], start=1):
        assert len(result.customers(step)) == count
        for name in ("dropped", "still_open", "excluded"):
            assert len(result.customers(step, name)) == result.to_dict()[name][step - 1]


# ------------------------------------------------------------------------------------------------ golden table

STRICT = [
    ("A1 A9 B11", "AB", 5, 2),
    ("A1 B6", "AB", 5, 2),
    ("A1 B7", "AB", 5, 1),
    ("B1 A1", "AB", 5, 2),
    ("A1 B1", "AB", 5, 2),
    ("C1 B1 A1", "ABC", 10, 3),
    ("A1 B2 A3 C4", "ABC", 100, 2),
    ("A1 B2 A3 C4", "ABC", 3, 2),
    ("A1 D2 B3 C4", "ABC", 100, 1),
    ("A1 B2 D3 C4", "ABC", 100, 2),
    ("A1 C2 B3 C4", "ABC", 100, 1),
    ("A1 B2 B3 C4", "ABC", 100, 3),
    ("A1 A2 B3 C4", "ABC", 100, 3),
    ("A1 B2 A50 B51 C52", "ABC", 10, 3),
    ("A1 D2 A3 B4 C5", "ABC", 100, 3),
    ("B1 A2", "AB", 100, 1),
]


@pytest.mark.parametrize(("events", "steps", "within", "expected"), STRICT)
def test_the_golden_table_of_the_strict_funnel(events: str, steps: str, within: int, expected: int) -> None:
    rules = FunnelRules(order="strict")
    question = params(names(steps), within * SECOND, rules, [])
    ((reached, _),) = counts_of(core_log(sequence(events)), question)
    assert reached == expected


EXCLUDED = [
    ("A1 X2 B3", "AB", None, 100, None),
    ("A1 X2", "AB", None, 100, None),
    ("A1 X2 A3", "AB", None, 100, 1),
    ("A1 X2 A3 B4", "AB", None, 100, 2),
    ("X1 A2 B3", "AB", None, 100, 2),
    ("A1 X50 B60", "AB", None, 10, 1),
    ("A1 B2 X3 C4", "ABC", (1, 2), 100, 3),
    ("A1 B2 X3 C4", "ABC", (2, 3), 100, None),
]


@pytest.mark.parametrize(("events", "steps", "between", "within", "expected"), EXCLUDED)
def test_the_golden_table_of_exclusions(
    events: str, steps: str, between: tuple[int, int] | None, within: int, expected: int | None
) -> None:
    log = public_log([*sequence(events), *sequence("X1 B2 C3", "never enters")])
    options = {"within": f"{within}s", "exclude": safar.exclusion("X", between=between)}
    dropped = log.funnel(list(steps), on_exclude="drop_customer", **options)
    counts = dropped.to_dict()["customers"]
    assert sum(counts) == (expected or 0)
    assert dropped.excluded == (expected is None)
    stopped = log.funnel(list(steps), **options)
    assert stopped.to_dict()["customers"][0] == 1
    assert stopped.excluded == dropped.excluded


def test_mixpanel_starts_its_clock_at_the_first_entry() -> None:
    rows = sequence("A3600 A5400 B6300 C8100")
    assert public_log(rows).funnel(list("ABC"), within="1h", entry="first").to_dict()["customers"] == [
        1,
        1,
        0,
    ]
    assert public_log(rows).funnel(list("ABC"), within="1h").to_dict()["customers"] == [1, 1, 1]


@given(st.data())
def test_ties_matter_counts_those_who_differ(data: st.DataObject) -> None:
    rows = [*data.draw(short_logs()), Event("x", BASE, "A"), Event("x", BASE, "B")]
    steps = names("AB")
    ways = []
    for ties in ("favour", "against"):
        outcomes = oracles.funnel_outcomes(rows, steps, 3 * SECOND, FunnelRules(ties=ties))
        ways.append({customer: (reached, status) for customer, reached, status, _ in outcomes})
    differ = sum(ways[0][customer] != ways[1][customer] for customer in ways[0])
    assert public_log(rows).funnel(["A", "B"], within="3s").ties_matter() == differ >= 1


# --------------------------------------------------------------------------------------------------- one by one


def test_a_step_may_come_too_early_and_too_late() -> None:
    log = public_log([*sequence("A1 B2 C9", "u"), *sequence("A1 B2 B5 C7", "v")])
    late = log.funnel(list("ABC"), step_within=[None, "4s"])
    assert late.to_dict()["customers"] == [2, 2, 0]
    early = log.funnel(list("ABC"), step_within=[("3s", None), "4s"])
    assert early.to_dict()["customers"] == [2, 1, 1]
    assert early.customers(3).to_dict()["customer"] == ["v"]


def test_every_attempt_counts_for_itself() -> None:
    log = public_log(
        [*sequence("A1 A2 B3 A4 A9 B10", "u"), *sequence("A1", "v")], observed_until=BASE + 60 * SECOND
    )
    result = log.funnel(list("AB"), within="3s", entry="all")
    assert result.unit == "attempts"
    # u: A1-B3, A4 whose time is over, A9-B10; v: A1.
    assert result.to_dict()["attempts"] == [4, 2]
    assert (result.completed, result.dropped, result.entered) == (2, 2, 4)


def test_the_same_order_number_must_stand_in_all_steps() -> None:
    rows = [
        Event("u", BASE, "A", plan="1"),
        Event("u", BASE + SECOND, "B", plan="2"),
        Event("v", BASE, "A", plan="1"),
        Event("v", BASE + SECOND, "A", plan="2"),
        Event("v", BASE + 2 * SECOND, "B", plan="1"),
        Event("w", BASE, "A"),
    ]
    log = public_log(rows)
    assert log.funnel(["A", "B"]).to_dict()["customers"] == [3, 2]
    assert log.funnel(["A", "B"], hold="plan").to_dict()["customers"] == [2, 1]


def test_times_between_steps_are_exact() -> None:
    rows = [*sequence("A1 B2 C4", "u"), *sequence("A1 B5 C5", "v"), *sequence("A1 B8", "w")]
    times = public_log(rows).funnel(list("ABC")).times().to_dict()
    assert times["step"] == [2, 3, None]
    assert times["customers"] == [3, 2, 2]
    assert times["mean_seconds"] == [4.0, 1.0, 3.5]
    assert times["median_seconds"] == [4.0, 0.0, 3.0]
    assert times["max_seconds"] == [7.0, 2.0, 4.0]


@given(logs(max_events=20))
def test_a_trend_is_a_funnel_of_each_period(rows: list[Event]) -> None:
    day = oracles.DAY
    rows = [row._replace(time=BASE + (row.time - BASE) // SECOND * day // 3) for row in rows]
    log = public_log([*rows, Event("x", BASE, "A"), Event("x", BASE, "B")])
    result = log.funnel(["A", "B"], within="2d")
    trend = result.trend("day").to_dict()
    for i, first in enumerate(trend["period"]):
        alone = log.funnel(["A", "B"], within="2d", start=first, end=first + dt.timedelta(days=1))
        assert trend["entered"][i] == alone.entered > 0
        assert (trend["completed"][i], trend["dropped"][i]) == (alone.completed, alone.dropped)
    entries = [row for row in [*rows, Event("x", BASE, "A")] if row.event == "A"]
    assert sum(trend["entered"]) == len({(row.customer, row.time // day) for row in entries})


def test_a_trend_stays_inside_the_bounds_of_its_funnel() -> None:
    hour = 3_600 * SECOND
    # The base is midnight of 1 March in UTC, and 03:30 in Tehran; the bound is Tehran's own midnight.
    data = {"who": list(range(8)), "when": [BASE + i * 12 * hour for i in range(8)], "what": ["A"] * 8}
    log = safar.EventLog(
        data, customer="who", time="when", event="what", time_unit="us", timezone="Asia/Tehran"
    )
    result = log.funnel(["A"], start="2024-03-03", end="2024-03-04")
    assert result.trend("day").to_dict()["period"] == [dt.date(2024, 3, 3)]
    assert result.trend("day").to_dict()["entered"] == [result.entered] == [2]
    nobody = log.funnel(["A"], start="2031-01-01")
    assert (nobody.entered, len(nobody.trend("day")), len(nobody.customers())) == (0, 0, 0)


def test_ids_of_any_number_may_be_held() -> None:
    orders = 100_001
    data = {
        "customer": [0] * (2 * orders),
        "time": [BASE + i * SECOND for i in range(2 * orders)],
        "event": ["checkout"] * orders + ["purchase"] * orders,
        "order": [*range(orders), *range(orders)],
    }
    log = safar.EventLog(
        data, customer="customer", time="time", event="event", attributes=["order"], time_unit="us"
    )
    held = log.funnel(["checkout", "purchase"], hold="order", entry="all")
    assert held.to_dict()["attempts"] == [orders, orders]
    with pytest.raises(safar.ArgumentError, match="100001 distinct values"):
        log.funnel(["checkout", "purchase"], by="order")


@pytest.mark.parametrize("options", [{"order": "strict"}, {"exclude": safar.exclusion("C", between=(2, 3))}])
def test_many_waiting_attempts_are_not_asked_one_by_one(options: dict[str, Any]) -> None:
    # 300 000 entries wait at step 1 while as many events pass that concern none of them: a square of that never ends.
    many = 300_000
    events = ["A"] * many + (["A"] if "order" in options else ["C"]) * many + ["B", "D"]
    data = {"customer": [0] * len(events), "time": list(range(len(events))), "event": events}
    log = safar.EventLog(data, customer="customer", time="time", event="event", time_unit="s")
    assert log.funnel(["A", "B", "D"], **options).to_dict()["customers"] == [1, 1, 1]


# --------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": "any way"}, "order='any way'"),
        ({"step_within": ["1h", "2h"]}, "step_within holds 2 limits"),
        ({"step_within": ("2h", "1h")}, "least time is longer"),
        ({"exclude": safar.exclusion("C", between=(1, 3))}, "names step 3"),
        ({"exclude": 3}, "exclude=3"),
        ({"on_exclude": "drop"}, "on_exclude='drop'"),
        ({"entry": "last"}, "entry='last'"),
        ({"ties": "random"}, "ties='random'"),
        ({"hold": "order_id"}, 'hold "order_id" is not a column'),
        ({"start": "2024-03-02", "end": "2024-03-01"}, "is not before"),
        ({"start": "yesterday"}, "start='yesterday'"),
        ({"hold": ""}, "empty name"),
        ({"steps": ["A"], "exclude": "C"}, "the funnel has one step"),
        ({"steps": ["A"], "step_within": "1h"}, "the funnel has one step"),
    ],
)
def test_a_wrong_rule_says_what_is_right(options: dict[str, Any], words: str) -> None:
    with pytest.raises(safar.SafarError) as caught:
        public_log(sequence("A1 B2 C3")).funnel(**{"steps": ["A", "B"], **options})
    assert words in str(caught.value)


def test_a_cell_that_does_not_exist_is_refused() -> None:
    result = public_log(sequence("A1 B2")).funnel(["A", "B"])
    with pytest.raises(safar.ArgumentError, match="expected 1 to 2"):
        result.customers(3)
    with pytest.raises(safar.ArgumentError, match="status='open'"):
        result.customers(1, "open")


def test_all_rules_travel_as_json() -> None:
    question = safar.Funnel(
        ["A", safar.step("B", where="value > 0")],
        within="2h",
        order="ordered",
        step_within=[("1s", "1h")],
        entry="best",
        exclude=[safar.exclusion("C", between=(1, 2))],
        on_exclude="drop_customer",
        hold=["plan"],
        ties="against",
        start="2024-03-01",
        end=dt.datetime(2024, 3, 2),
    )
    assert safar.Spec.from_json(question.to_json()) == question
    text = question.run(public_log(sequence("A1 B2 C3"))).definition
    for words in ("2 hours", "at least 1 second and at most 1 hour", "same plan", "C between steps 1 and 2"):
        assert words in text
