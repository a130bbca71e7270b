"""Explanations: every event of the customer, decisions that agree with the counts, and a conclusion."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import SECOND, Event
from strategies import BASE, day_times, logs, observed, public_log
from test_funnel import sequence


def decisions(explanation: safar.Explanation) -> list[str]:
    return list(explanation.to_dict()["decision"])


def test_a_funnel_says_what_each_event_decided() -> None:
    log = public_log(
        [*sequence("A1 D2 B3 X4 C5 C30", "u"), *sequence("A1 A4 B5 C6", "v"), *sequence("B1 C2", "w")],
        observed_until=BASE + 100 * SECOND,
    )
    funnel = log.funnel(["A", "B", "C"], within="20s", exclude="X")
    first = funnel.explain("u")
    assert decisions(first) == [
        'takes step 1 "A": the attempt that counts begins',
        "",
        'takes step 2 "B", 2 s after the step before',
        "must not happen after step 2: ends the attempt",
        'would be step 3 "C", but the attempt was ended before',
        'would be step 3 "C", but comes 29 s after the entry: outside the window of 20 seconds',
    ]
    assert "reached 2 of 3 steps: excluded." in first.conclusion[0]
    second = funnel.explain("v")
    assert (
        decisions(second)[0]
        == "could begin an attempt, but of the attempts the furthest counts, of equals the latest"
    )
    assert second.conclusion[0].endswith("completed after 2 s.")
    third = funnel.explain("w")
    assert decisions(third) == [
        'fills step 2 "B", but no attempt has begun',
        'fills step 3 "C", but no attempt has begun',
    ]
    assert third.conclusion == ('Not in the funnel: no event takes step 1 "A".',)


@given(st.data())
def test_every_funnel_explains_every_customer_as_it_counts_it(data: st.DataObject) -> None:
    rows = [*data.draw(logs(max_events=20)), *sequence("A1 B2 C3 D4", "other")]
    log = public_log(rows, observed_until=observed(data.draw, rows))
    options: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {},
                {"order": "strict"},
                {"order": "any"},
                {"order": "anchored"},
                {"entry": "all"},
                {"entry": "first", "ties": "2s"},
                {"exclude": "D"},
                {"hold": "plan"},
                {"dialect": "clickhouse strict_order"},
                {"step_within": ("1s", "3s")},
            ]
        )
    )
    funnel = log.funnel(["A", "B", "C"], within="6s", **options)
    found = funnel.customers().to_dict()
    reached: dict[str, list[int]] = {}
    for customer, steps in zip(found["customer"], found["reached"], strict=True):
        reached.setdefault(customer, []).append(steps)
    for customer in {row.customer for row in rows}:
        why = funnel.explain(customer)
        assert len(why) == sum(row.customer == customer for row in rows)
        taken = sum("takes step" in each for each in decisions(why))
        assert taken == sum(reached.get(customer, []))
        assert len(why.conclusion) == max(len(reached.get(customer, [])), 1)
        assert ("Not in the funnel" in why.conclusion[0]) == (customer not in reached)


@given(
    logs(day_times(40), max_events=24),
    st.sampled_from(["first_ever", "first", "recurring"]),
    st.sampled_from(["calendar", "rolling"]),
)
def test_retention_explains_every_customer_as_it_counts_it(rows: list[Event], entry: Any, clock: Any) -> None:
    rows = [*rows, Event("x", BASE, "A"), Event("x", BASE, "B")]
    log = public_log(rows)
    result = log.retention("A", "B", period="week", entry=entry, clock=clock, start_time="2024-03-05")
    cells = result.customers().to_dict()
    for customer in {row.customer for row in rows}:
        why = result.explain(customer)
        mine = [
            (c, p)
            for who, c, p in zip(cells["customer"], cells["cohort"], cells["period"], strict=True)
            if who == customer
        ]
        entered = [each for each in decisions(why) if "enters the cohort" in each]
        assert len(entered) == len({cohort for cohort, _ in mine})
        if mine:
            listed = [sentence.rsplit(": ", 1)[1].rstrip(".") for sentence in why.conclusion]
            numbers = sorted(int(n) for each in listed for n in each.split(", "))
            assert numbers == sorted(period for _, period in mine)
        else:
            assert why.conclusion[0].startswith("In no cohort")


def test_an_explanation_shows_itself_in_a_notebook_and_refuses_strangers() -> None:
    funnel = public_log(sequence("A1 B2")).funnel(["A", "B"])
    why = funnel.explain("u")
    assert "takes step 2" in why._repr_html_()
    assert repr(why).startswith("u: Entered at")
    with pytest.raises(safar.SafarError, match="customer='stranger' has no event in this log of 1 customers"):
        funnel.explain("stranger")


def test_times_are_those_of_the_zone_of_the_log() -> None:
    log = safar.EventLog(
        {"customer": ["u", "u"], "time": ["2026-03-01 10:00", "2026-03-01 10:05"], "event": ["A", "B"]},
        customer="customer",
        time="time",
        event="event",
        timezone="Asia/Tehran",
    )
    for result in (log.funnel(["A", "B"]), log.sessions(), log.journeys(), log.retention()):
        why = result.explain("u")
        assert [time.isoformat() for time in why.to_dict()["time"]] == [
            "2026-03-01T10:00:00+03:30",
            "2026-03-01T10:05:00+03:30",
        ]
    customers = log.funnel(["A", "B"]).customers().to_dict()
    assert [customers[name][0].isoformat() for name in ("entry", "last_step")] == [
        "2026-03-01T10:00:00+03:30",
        "2026-03-01T10:05:00+03:30",
    ]
