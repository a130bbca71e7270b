"""Funnels in free order, with optional steps, with a tolerance for ties, by a step's segment, and of other units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import SECOND, Event, FunnelRules, Step
from strategies import BASE, core_log, funnel_steps, in_order, logs, observed, public_log
from test_funnel import names, sequence
from test_funnel_rules import HELD, attempts_of, counts_of, params


def expected_of(outcomes: Sequence[tuple[Any, ...]]) -> list[Any]:
    return in_order([(c, r, s, tuple(t for t in times if t is not None)) for c, r, s, times in outcomes])


@st.composite
def few_a_customer(draw: st.DrawFn) -> list[Event]:
    """Draw a log in which nobody has more than six events: the oracle tries every way to deal them."""
    seen: Counter[str] = Counter()
    rows = []
    for row in draw(logs(max_events=16)):
        seen[row.customer] += 1
        if seen[row.customer] <= 6:
            rows.append(row)
    return rows


@given(st.data())
def test_a_funnel_in_free_order_equals_the_oracle(data: st.DataObject) -> None:
    rows = data.draw(few_a_customer())
    until = observed(data.draw, rows)
    order = data.draw(st.sampled_from(["any", "anchored"]))
    steps = data.draw(funnel_steps(rows))
    if order == "anchored" and len(steps) == 1:
        steps = [*steps, *data.draw(funnel_steps(rows))][:4]
    within = data.draw(st.sampled_from([None, 1, 3, 6]))
    within = None if within is None else within * SECOND
    entry = data.draw(st.sampled_from(["latest", "first", "best", "all"]))
    ties = data.draw(st.sampled_from(["favour", "against", "stable"]))
    if entry == "all":
        # Which of several events at one time an attempt took decides where the next begins.
        seen = set()
        rows = [
            row
            for row in rows
            if (row.customer, row.time) not in seen and not seen.add((row.customer, row.time))
        ]
    hold = data.draw(st.sampled_from([[], [], ["plan"]]))
    rules = FunnelRules(order=order, entry=entry, ties=ties, hold=tuple(HELD[name] for name in hold))
    question = params(steps, within, rules, hold)
    log = core_log(rows, observed_until_us=until)
    expected = expected_of(oracles.funnel_outcomes(rows, steps, within, rules, until))
    assert attempts_of(log, question) == expected
    assert counts_of(log, question) == dict(Counter((row[1], row[2]) for row in expected))


@given(st.data())
def test_optional_steps_equal_the_oracle(data: st.DataObject) -> None:
    rows = data.draw(logs(max_events=16))
    until = observed(data.draw, rows)
    steps = [*data.draw(funnel_steps(rows)), *data.draw(funnel_steps(rows)), *data.draw(funnel_steps(rows))][
        :5
    ]
    optional = frozenset(data.draw(st.sets(st.integers(1, len(steps) - 2))) if len(steps) > 2 else ())
    within = data.draw(st.sampled_from([None, 3, 6]))
    within = None if within is None else within * SECOND
    present = sorted({row.event for row in rows})
    exclude = (
        [(Step((data.draw(st.sampled_from(present)),)), 1, len(steps))] if data.draw(st.booleans()) else []
    )
    rules = FunnelRules(
        order=data.draw(st.sampled_from(["ordered", "strict"])),
        entry=data.draw(st.sampled_from(["latest", "first", "best", "all"])),
        ties="stable",
        exclude=tuple(exclude),
        optional=optional,
    )
    question = params(steps, within, rules, []) | {"optional": [step + 1 for step in optional]}
    log = core_log(rows, observed_until_us=until)
    outcomes = oracles.funnel_outcomes(rows, steps, within, rules, until)
    assert attempts_of(log, question) == expected_of(outcomes)


def test_an_optional_step_holds_nobody_back_and_counts_where_it_is_taken() -> None:
    log = public_log(
        [
            *sequence("A1 B2 C3", "u"),
            *sequence("A1 C3", "v"),
            *sequence("A1 C2 B3", "w"),
            *sequence("A1", "x"),
        ]
    )
    result = log.funnel(["A", safar.step("B", optional=True), "C"])
    assert result.to_dict()["customers"] == [4, 1, 3]
    assert result.to_dict()["from_previous"][1:] == [0.25, 0.75]
    assert sorted(result.customers(2).to_dict()["customer"]) == ["u"]
    times = result.times().to_dict()
    # From C the step before is B for u, and A for v and w.
    assert times["customers"] == [1, 3, 3]
    assert times["max_seconds"] == [1.0, 2.0, 2.0]
    assert (result.entered, result.completed) == (4, 3)


def test_in_the_customers_favour_required_steps_come_before_optional_ones() -> None:
    # One event for B? and C at the same time as A: it must take C.
    steps = [Step(("A",)), Step(("B", "D")), Step(("D",))]
    rows = [Event("u", BASE, "A"), Event("u", BASE, "D")]
    question = params(steps, None, FunnelRules(), []) | {"optional": [2]}
    assert counts_of(core_log(rows), question) == {(3, "completed"): 1}


@pytest.mark.parametrize(
    ("events", "tolerance", "reached"),
    [
        ("B1 A3", "2s", 2),
        ("B1 A4", "2s", 1),
        ("B1 A1", "1s", 2),
        ("A1 B2", "1s", 2),
        # The group begins at its first event: A and B are in two.
        ("D1 B2 A4", "2s", 2),
        ("B1 B2 A4", "2s", 1),
    ],
)
def test_what_lies_within_the_tolerance_counts_in_any_order(
    events: str, tolerance: str, reached: int
) -> None:
    log = public_log([*sequence(events), *sequence("A50", "other")])
    counts = log.funnel(["A", "B"], within="1h", ties=tolerance).to_dict()["customers"]
    assert counts == [2, reached - 1]


def test_the_same_second_is_that_of_the_clock() -> None:
    half = SECOND // 2
    same = [Event("u", BASE, "B"), Event("u", BASE + half, "A")]
    apart = [Event("v", BASE + half, "B"), Event("v", BASE + SECOND, "A")]
    log = public_log([*same, *apart])
    assert log.funnel(["A", "B"], ties="same second").to_dict()["customers"] == [2, 1]
    assert log.funnel(["A", "B"], ties="500ms").to_dict()["customers"] == [2, 2]


@given(logs(max_events=16))
def test_a_tolerance_of_a_microsecond_is_no_tolerance(rows: list[Event]) -> None:
    rows = [*rows, Event("x", BASE, "A"), Event("x", BASE, "B")]
    log = public_log(rows)
    without = log.funnel(["A", "B"], within="3s")
    assert log.funnel(["A", "B"], within="3s", ties="1us").to_dict() == without.to_dict()


def test_the_segment_may_be_that_of_a_step() -> None:
    rows = [
        Event("u", BASE, "A", channel="web"),
        Event("u", BASE + SECOND, "B", channel="app"),
        Event("v", BASE, "A", channel="web"),
    ]
    log = public_log(rows)
    by_entry = log.funnel(["A", "B"], by="channel").to_dict()
    assert (by_entry["segment"], by_entry["customers"]) == (["web", "web"], [2, 1])
    by_step = log.funnel(["A", "B"], by="channel", at="step 2").to_dict()
    # v did not come to step 2: the furthest step before it decides.
    assert by_step["segment"] == ["app", "app", "web", "web"]
    assert by_step["customers"] == [1, 1, 1, 0]


def test_free_orders_say_what_their_rows_are() -> None:
    log = public_log([*sequence("C1 A2 B3", "u"), *sequence("A1 C2 D4", "v")])
    free = log.funnel(["A", "B", "C"], order="any")
    assert free.to_dict()["name"] == ["any 1 of 3", "any 2 of 3", "all 3"]
    assert free.to_dict()["customers"] == [2, 2, 1]
    anchored = log.funnel(["A", "C", "B", "D"], order="anchored")
    assert anchored.to_dict()["name"] == ["A", "1 of 2 between", "2 of 2 between", "D"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "any", "exclude": "C"}, "exclude speaks of one step after the other"),
        ({"order": "anchored", "step_within": "1h"}, "step_within speaks of one step"),
        ({"count": "attempts", "entry": "first"}, "counts every attempt"),
        ({"ties": "soon"}, "neither a choice"),
        ({"at": "step 3"}, '"step 1" to "step 2"'),
        ({"at": "middle"}, "is not a choice"),
        ({"dialect": "mixpanell"}, 'did you mean "mixpanel"'),
        ({"dialect": "posthog strict_order"}, "not a mode of posthog"),
        ({"dialect": "mixpanel", "entry": "best"}, "sets entry='first'"),
        ({"dialect": "clickhouse", "exclude": "C"}, "leave out one of the two"),
        ({"count": "plam"}, 'did you mean "plan"'),
    ],
)
def test_options_that_contradict_one_another_are_refused(options: dict[str, Any], message: str) -> None:
    log = public_log(sequence("A1 B2 C3"))
    with pytest.raises(safar.SafarError, match=message):
        log.funnel(["A", "B"], **options)


def test_the_first_and_the_last_step_are_never_optional() -> None:
    log = public_log(sequence("A1 B2 C3"))
    for steps in (["A", safar.step("B", optional=True)], [safar.step("A", optional=True), "B"]):
        with pytest.raises(safar.SafarError, match="begin and end an attempt"):
            log.funnel(steps)
    with pytest.raises(safar.SafarError, match="no order to leave it out of"):
        log.funnel(["A", safar.step("B", optional=True), "C"], order="any")


# ------------------------------------------------------------------------------------------------------ times


@given(st.data())
def test_the_bins_of_a_histogram_hold_every_time_once(data: st.DataObject) -> None:
    rows = [*data.draw(logs(max_events=20)), Event("x", BASE, "A"), Event("x", BASE + SECOND, "B")]
    result = public_log(rows).funnel(["A", "B"], within="8s", entry="all")
    outcomes = oracles.funnel_outcomes(rows, names("AB"), 8 * SECOND, FunnelRules(entry="all"))
    spans = np.array([times[1] - times[0] for _, reached, _, times in outcomes if reached == 2]) / SECOND
    bins = result.histogram(bins=["1s", "4s"]).to_dict()
    assert bins["low_seconds"] == [0.0, 1.0, 4.0]
    assert bins["high_seconds"] == [1.0, 4.0, None]
    assert bins["attempts"] == [
        int((spans < 1).sum()),
        int(((spans >= 1) & (spans < 4)).sum()),
        int((spans >= 4).sum()),
    ]
    chosen = data.draw(st.integers(1, 6))
    assert sum(result.histogram(2, bins=chosen).to_dict()["attempts"]) == len(spans)


def test_quantiles_may_be_chosen() -> None:
    log = public_log([row for i in range(1, 11) for row in sequence(f"A1 B{1 + i}", f"u{i}")])
    times = log.funnel(["A", "B"]).times(quantiles=(0.25, 0.95)).to_dict()
    assert times["p25_seconds"] == [3.0, 3.0]
    assert times["p95_seconds"] == [10.0, 10.0]


# ------------------------------------------------------------------------------------------------- comparison


def test_segments_compare_as_two_shares() -> None:
    rows = []
    for index in range(80):
        channel = "web" if index < 50 else "app"
        customer = f"u{index}"
        rows.append(Event(customer, BASE, "A", channel=channel))
        if (index < 50 and index % 2 == 0) or (index >= 50 and index % 10 == 0):
            rows.append(Event(customer, BASE + SECOND, "B", channel=channel))
    table = public_log(rows).funnel(["A", "B"], by="channel").compare().to_dict()
    assert table["segment"] == ["app"]
    assert table["share"] == [0.1]
    assert table["baseline_share"] == [0.5]
    from scipy.stats import chi2_contingency

    # The square-and-add interval of Newcombe, of Wilson's for 3 of 30 and 25 of 50.
    first, second = [(0.0346, 0.2562), (0.3664, 0.6336)]
    low = -0.4 - ((0.1 - first[0]) ** 2 + (second[1] - 0.5) ** 2) ** 0.5
    high = -0.4 + ((first[1] - 0.1) ** 2 + (0.5 - second[0]) ** 2) ** 0.5
    assert table["difference_low"][0] == pytest.approx(low, abs=1e-4)
    assert table["difference_high"][0] == pytest.approx(high, abs=1e-4)
    p = chi2_contingency([[3, 27], [25, 25]], correction=False)[1]
    assert table["p_value"][0] == pytest.approx(p) == table["p_adjusted"][0]


def test_few_are_compared_exactly_and_many_comparisons_are_corrected() -> None:
    from scipy.stats import fisher_exact

    rows = []
    for channel, entered, reached in (("a", 9, 6), ("b", 8, 1), ("c", 4, 0)):
        for index in range(entered):
            rows.append(Event(f"{channel}{index}", BASE, "A", channel=channel))
            if index < reached:
                rows.append(Event(f"{channel}{index}", BASE + SECOND, "B", channel=channel))
    table = public_log(rows).funnel(["A", "B"], by="channel").compare().to_dict()
    expected = [fisher_exact([[1, 7], [6, 3]])[1], fisher_exact([[0, 4], [6, 3]])[1]]
    assert table["p_value"] == pytest.approx(expected)
    small, large = sorted(expected)
    adjusted = {small: min(2 * small, 1.0), large: max(min(2 * small, 1.0), large)}
    assert table["p_adjusted"] == pytest.approx([adjusted[p] for p in expected])


def test_two_funnels_compare_and_mismatches_are_refused() -> None:
    log = public_log([*sequence("A1 B2", "u"), *sequence("A1", "v"), *sequence("A100 B101", "w")])
    split = BASE + 50 * SECOND
    early = log.funnel(["A", "B"], end=oracles.local(split, "UTC"))
    late = log.funnel(["A", "B"], start=oracles.local(split, "UTC"))
    table = late.compare(early).to_dict()
    assert (table["share"], table["baseline_share"]) == ([1.0], [0.5])
    with pytest.raises(safar.SafarError, match="2 and 3 steps"):
        early.compare(log.funnel(["A", "B", "A"]))
    with pytest.raises(safar.SafarError, match="has no segments to compare"):
        early.compare()


# ------------------------------------------------------------------------------------------------------ units


def cut(rows: Sequence[Event], gap: int) -> list[Event]:
    """Return the rows with the session in the place of the customer, in the way of the oracle."""
    found = []
    for customer, journey in oracles.journeys(rows).items():
        number, before = 0, None
        for event in journey:
            number += before is None or event.time - before > gap
            before = event.time
            found.append(event._replace(customer=f"{customer}/{number}"))
    return found


@given(logs(max_events=20))
def test_a_funnel_of_sessions_is_that_of_their_events(rows: list[Event]) -> None:
    rows = [*rows, Event("x", BASE, "A"), Event("x", BASE, "B")]
    until = max(row.time for row in rows) + 3600 * SECOND
    log = public_log(rows, observed_until=until)
    sessions = public_log(cut(rows, 2 * SECOND), observed_until=until)
    found = log.funnel(["A", "B", "A"], within="1h", count="sessions", gap="2s")
    expected = sessions.funnel(["A", "B", "A"], within="1h")
    assert found.unit == "sessions"
    assert found.to_dict()["sessions"] == expected.to_dict()["customers"]
    assert sorted(found.customers().to_dict()["customer"]) == sorted(
        expected.customers().to_dict()["customer"]
    )


@given(logs(max_events=20))
def test_a_window_of_one_session_holds_all_steps_in_it(rows: list[Event]) -> None:
    rows = [*rows, Event("x", BASE, "A"), Event("x", BASE, "B")]
    log = public_log(rows)
    found = log.funnel(["A", "B"], within="session", gap="2s").customers().to_dict()
    best: dict[str, int] = {}
    sessions = public_log(cut(rows, 2 * SECOND)).funnel(["A", "B"]).customers().to_dict()
    for session, reached in zip(sessions["customer"], sessions["reached"], strict=True):
        customer = session.split("/")[0]
        best[customer] = max(best.get(customer, 0), reached)
    assert dict(zip(found["customer"], found["reached"], strict=True)) == best


def test_the_values_of_a_column_may_be_the_units() -> None:
    rows = [
        Event("u", BASE, "A", plan="1"),
        Event("v", BASE + SECOND, "B", plan="1"),
        Event("w", BASE, "A", plan="2"),
        Event("w", BASE + SECOND, "B"),
    ]
    log = public_log(rows)
    found = log.funnel(["A", "B"], count="plan")
    assert found.to_dict()["units"] == [2, 1]
    assert 'A unit is a value of "plan"' in found.definition
    assert found.customers(2).to_dict()["customer"] == ["1"]
    assert found.explain("1").to_dict()["event"] == ["A", "B"]


def test_a_funnel_of_sessions_explains_each_of_a_customer() -> None:
    log = public_log([*sequence("A1 B2 A5000 C5001", "u"), *sequence("A1", "v")])
    why = log.funnel(["A", "B"], within="1h", count="sessions").explain("u")
    assert why.to_dict()["event"] == ["A", "B", "A", "C"]
    assert why.to_dict()["decision"] == [
        'u/1: takes step 1 "A": the attempt that counts begins',
        'u/1: takes step 2 "B", 1 s after the step before; the funnel is completed',
        'u/2: takes step 1 "A": the attempt that counts begins',
        "",
    ]
    assert len(why.conclusion) == 2


def test_a_profile_is_the_value_that_all_events_of_a_customer_share() -> None:
    rows = [
        Event("u", BASE, "A"),
        Event("u", BASE + SECOND, "B", plan="1"),
        Event("v", BASE, "A", plan="2"),
        Event("w", BASE, "A"),
    ]
    log = public_log(rows)
    table = log.funnel(["A", "B"], by="plan", at="profile").to_dict()
    assert (table["segment"], table["customers"]) == (["1", "1", "2", "2", None, None], [1, 1, 1, 0, 1, 0])
    assert log.retention(by="plan", at="profile").means().to_dict()["eligible"] == []
    several = public_log([*rows, Event("u", BASE + 2 * SECOND, "C", plan="2")])
    with pytest.raises(safar.SafarError, match='"plan" is no profile: customer u has both "1" and "2"'):
        several.funnel(["A", "B"], by="plan", at="profile")


def test_a_comparison_with_an_empty_funnel_is_null_and_one_with_something_else_is_refused() -> None:
    log = public_log([*sequence("A1 B2", "u"), *sequence("A1 B2", "v")])
    funnel = log.funnel(["A", "B"])
    empty = log.funnel(["A", "B"], start="2030-01-01", end="2030-02-01")
    assert funnel.compare(empty).to_dict()["p_value"] == [None]
    for other, message in (
        ("x", "other is a str"),
        (log.transitions(), "other is a TransitionsResult"),
        (log.funnel(["A", "B"], count="sessions"), "counts customers, the other sessions"),
    ):
        with pytest.raises(safar.SafarError, match=message):
            funnel.compare(other)
    for quantiles, message in ((0.5, "is a float"), ("0.5", "is a str"), ([0.5, 0.5], "names one twice")):
        with pytest.raises(safar.SafarError, match=message):
            funnel.times(quantiles)


def test_funnels_of_other_units_know_all_events_of_the_log_and_can_be_drawn() -> None:
    log = public_log([Event("u", BASE, "A"), Event("u", BASE + SECOND, "B", plan="1")])
    with pytest.raises(safar.SafarError, match='"C" is not an event of this log'):
        log.funnel(["A", "C"], count="plan")
    assert log.funnel(["B"], count="plan").to_dict()["units"] == [1]
    assert log.funnel(["A", "B"], count="plan").entered == 0
    for count in ("sessions", "plan"):
        assert log.funnel(["B", "B"], count=count).plot() is not None
