"""Lifecycle: who is new, who stays, who comes back and who is gone, so that each period adds up to the one before."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, Event, Periods
from strategies import BASE, columns_in, day_times, logs, public_log

ZONES = ["UTC", "America/New_York", "Asia/Tehran"]
EVENTS = st.sampled_from([None, ["A"], ["A", "B"]])


@st.composite
def calendars(draw: st.DrawFn) -> Periods:
    return Periods(
        draw(st.sampled_from(["day", "week", "month"])),
        draw(st.sampled_from(ZONES)),
        draw(st.sampled_from(["gregorian", "jalali"])),
        draw(st.integers(0, 6)),
    )


def lines(table: Any) -> list[dict[str, Any]]:
    columns = columns_in(table)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def asked(rows: list[Event], periods: Periods, until: int, **choice: Any) -> Any:
    log = public_log(rows, zone=periods.zone, observed_until=until)
    return log.lifecycle(
        period=periods.period, calendar=periods.calendar, week_start=periods.week_start, **choice
    )


def present(rows: list[Event], events: list[str] | None) -> list[str] | None:
    """Return those of the names that the log has."""
    found = None if events is None else sorted({row.event for row in rows} & set(events))
    return found or None


@given(st.data())
def test_lifecycle_equals_the_oracle(data: st.DataObject) -> None:
    periods, rows = data.draw(calendars()), data.draw(logs(day_times()))
    events = present(rows, data.draw(EVENTS))
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 1, 3 * DAY, 40 * DAY]))
    found = lines(asked(rows, periods, until, events=events).table)
    expected = oracles.lifecycle(rows, periods, events=events, observed_until=until)
    assert [line["period"] for line in found] == list(expected)
    for number, line in zip(oracles.periods_of_log(rows, periods, until), found, strict=True):
        want = expected[line["period"]]
        assert [line[name] for name in ("new", "returning", "resurrected")] == [
            len(want.new), len(want.returning), len(want.resurrected),
        ]  # fmt: skip
        assert line["previous_active"] == (None if want.previous is None else len(want.previous))
        over = periods.start(number + 1) <= until
        assert line["dormant"] == (len(want.dormant) if over and want.dormant is not None else None)
        assert line["complete"] == oracles.covered(rows, periods, number, until)
        if over and want.previous:
            low, high = oracles.wilson(len(want.returning), len(want.previous))
            assert line["returning_share"] == pytest.approx(len(want.returning) / len(want.previous))
            assert line["returning_share_low"] == pytest.approx(low, abs=1e-9)
            assert line["returning_share_high"] == pytest.approx(high, abs=1e-9)
        else:
            assert line["returning_share"] is line["returning_share_low"] is None


@given(st.data())
def test_each_period_adds_up_to_the_one_before_in_every_segment(data: st.DataObject) -> None:
    periods, rows = data.draw(calendars()), data.draw(logs(day_times()))
    by = data.draw(st.sampled_from([None, "plan", "channel"]))
    at = data.draw(st.sampled_from(["entry", "first", "last"]))
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 40 * DAY]))
    before: dict[str | None, int] = {}
    for line in lines(asked(rows, periods, until, by=by, at=at).table):
        segment = line.get("segment")
        assert line["active"] == line["new"] + line["returning"] + line["resurrected"]
        assert line["previous_active"] == before.get(segment)
        if line["dormant"] is not None:
            assert line["previous_active"] == line["returning"] + line["dormant"]
        before[segment] = line["active"]


@given(st.data())
def test_segments_part_the_customers_at_the_event_that_was_asked_for(data: st.DataObject) -> None:
    rows = data.draw(logs(day_times(25), unique_times=True))
    at = data.draw(st.sampled_from(["entry", "first", "last"]))
    name = data.draw(st.sampled_from(sorted({row.event for row in rows})))
    until = oracles.last_time(rows)
    found = lines(asked(rows, Periods("week"), until, events=name, by="plan", at=at).table)
    parts: dict[str | None, list[Event]] = defaultdict(list)
    for journey in oracles.journeys(rows).values():
        entry = next((event for event in journey if event.event == name), None)
        if entry is not None:
            parts[{"entry": entry, "first": journey[0], "last": journey[-1]}[at].plan] += journey
    assert {line["segment"] for line in found} == set(parts)
    for segment, members in parts.items():
        active = oracles.active_customers(members, Periods("week"), [name])
        assert [line["active"] for line in found if line["segment"] == segment] == [
            len(active.get(number, ())) for number in oracles.periods_of_log(rows, Periods("week"), until)
        ]


def test_new_customers_are_those_of_a_cohort_and_the_active_those_of_retention() -> None:
    rows = [Event(f"u{i % 7}", BASE + (i * i % 90) * DAY, "A") for i in range(60)]
    log = public_log(rows)
    cohorts = log.retention(period="week").to_dict()
    found = log.lifecycle(period="week").to_dict()
    sizes = {
        day: n
        for day, k, n in zip(cohorts["cohort"], cohorts["period"], cohorts["eligible"], strict=True)
        if not k
    }
    assert {day: n for day, n in zip(found["period"], found["new"], strict=True) if n} == sizes


def test_a_shop_of_four_customers_by_hand() -> None:
    # Weeks from Monday 2024-03-04. ann: 1, 2, 3; bob: 1, 3; cem: 2; dan: 1 and 4. The fourth week is not over.
    weeks = {"ann": [0, 1, 2], "bob": [0, 2], "cem": [1], "dan": [0, 3]}
    rows = [Event(who, BASE + (3 + 7 * week) * DAY, "A") for who, when in weeks.items() for week in when]
    result = asked(rows, Periods("week"), BASE + (3 + 7 * 3 + 2) * DAY)
    names = ["active", "new", "returning", "resurrected", "previous_active", "dormant", "complete"]
    columns = columns_in(result.table)
    assert list(zip(*(columns[name] for name in names), strict=True)) == [
        (3, 3, 0, 0, None, None, True),
        (2, 1, 1, 0, 3, 2, True),
        (2, 0, 1, 1, 2, 1, True),
        (1, 0, 0, 1, 2, None, False),
    ]
    assert columns["returning_share"] == [None, pytest.approx(1 / 3), 0.5, None]


def test_one_event_is_one_new_customer() -> None:
    (line,) = lines(asked([Event("u", BASE, "A")], Periods("day"), BASE).table)
    assert (line["active"], line["new"], line["dormant"], line["complete"]) == (1, 1, None, False)


def test_a_week_that_the_data_enter_in_its_middle_is_not_complete() -> None:
    rows = [Event("u", BASE, "A"), Event("u", BASE + 20 * DAY, "A")]  # a Friday
    assert columns_in(asked(rows, Periods("week"), BASE + 24 * DAY).table)["complete"] == [
        False, True, True, True, False,
    ]  # fmt: skip


def test_months_are_those_of_the_calendar() -> None:
    rows = [Event("u", oracles.day_start(date(2025, 3, day), "Asia/Tehran"), "A") for day in (20, 21)]
    result = asked(rows, Periods("month", "Asia/Tehran", "jalali"), rows[1].time)
    assert result.labels() == ["1403-12", "1404-01"]
    assert result.to_dict()["returning"] == [0, 1]


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + hour * 3_600_000_000, "A") for hour in range(30_000)]
    columns = columns_in(asked(rows, Periods("day"), rows[-1].time).table)
    assert columns["new"] == [1] + [0] * 1249
    assert columns["returning"] == [0] + [1] * 1249


def test_the_definition_says_what_was_counted() -> None:
    log = public_log([Event("u", BASE, "A"), Event("u", BASE + DAY, "B")])
    text = log.lifecycle(["A", "B"], period="month", calendar="jalali", by="plan").definition
    for part in (
        "with a A or B event",
        "calendar month (Jalali calendar, UTC)",
        "data begin at 2024-03-01 00:00:00 UTC",
        'values of "plan" at the first counted event',
    ):
        assert part in text


def test_wrong_questions_are_refused_with_the_way_out() -> None:
    log = public_log([Event("u", BASE, "A")])
    for ask, message in (
        (lambda: log.lifecycle("a"), 'did you mean "A"'),
        (lambda: log.lifecycle(period="year"), '"day", "week", "month"'),
        (lambda: log.lifecycle(week_start=7), "Monday"),
        (lambda: log.lifecycle(by="plam"), 'did you mean "plan"'),
    ):
        with pytest.raises(safar.SafarError, match=message):
            ask()
