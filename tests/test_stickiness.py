"""Stickiness: on how many days of a period its customers are there, and never a share of days nobody could see."""

from __future__ import annotations

from datetime import date
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Event, Periods
from strategies import BASE, columns_in, day_times, logs, public_log

HOUR = 3600 * SECOND
ZONES = ["UTC", "America/New_York", "Asia/Tehran"]


@st.composite
def questions(draw: st.DrawFn) -> tuple[Periods, str]:
    unit = draw(st.sampled_from(["day", "hour"]))
    period = draw(st.sampled_from(["week", "month"] if unit == "day" else ["day", "week"]))
    calendar = draw(st.sampled_from(["gregorian", "jalali"]))
    return Periods(period, draw(st.sampled_from(ZONES)), calendar, draw(st.integers(0, 6))), unit


def lines(table: Any) -> list[dict[str, Any]]:
    columns = columns_in(table)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def asked(rows: list[Event], periods: Periods, until: int, **choice: Any) -> Any:
    log = public_log(rows, zone=periods.zone, observed_until=until)
    return log.stickiness(
        period=periods.period, calendar=periods.calendar, week_start=periods.week_start, **choice
    )


def units_in(periods: Periods, number: int, unit: str) -> int:
    """Return how many units a period has."""
    if unit == "day":
        return (periods.first_day(number + 1) - periods.first_day(number)).days
    return -((periods.start(number) - periods.start(number + 1)) // HOUR)


@given(st.data())
def test_stickiness_equals_the_oracle(data: st.DataObject) -> None:
    (periods, unit), rows = data.draw(questions()), data.draw(logs(day_times()))
    events = data.draw(st.sampled_from([None, ["A"], ["A", "B"]]))
    events = None if events is None else sorted({row.event for row in rows} & set(events)) or None
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 1, 3 * DAY, 40 * DAY]))
    result = asked(rows, periods, until, unit=unit, events=events)
    expected = oracles.stickiness(rows, periods, unit=unit, events=events, observed_until=until)
    found = lines(result.table)
    numbers = oracles.periods_of_log(rows, periods, until)
    ratios = lines(result.ratios().table)
    assert [line["period"] for line in ratios] == list(expected)
    for number, ratio in zip(numbers, ratios, strict=True):
        day = periods.first_day(number)
        want = expected[day]
        cells = [line for line in found if line["period"] == day]
        has = units_in(periods, number, unit)
        assert [line["units"] for line in cells] == list(range(1, has + 1))
        covered = oracles.covered(rows, periods, number, until)
        for line in cells:
            exactly = len([n for n in want.values() if n == line["units"]])
            at_least = len([n for n in want.values() if n >= line["units"]])
            assert (line["active"], line["customers"], line["at_least"]) == (len(want), exactly, at_least)
            assert line["complete"] == covered
            for name, count in (("share", exactly), ("at_least_share", at_least)):
                if covered and want:
                    low, high = oracles.wilson(count, len(want))
                    assert line[name] == pytest.approx(count / len(want))
                    assert line[f"{name}_low"] == pytest.approx(low, abs=1e-9)
                    assert line[f"{name}_high"] == pytest.approx(high, abs=1e-9)
                else:
                    assert line[name] is line[f"{name}_low"] is line[f"{name}_high"] is None
        assert (ratio["active"], ratio["units"], ratio["complete"]) == (len(want), has, covered)
        assert ratio["mean_active"] == (pytest.approx(sum(want.values()) / has) if covered else None)
        ask = covered and want
        assert ratio["ratio"] == (pytest.approx(mean(want.values()) / has) if ask else None)


@given(st.data())
def test_totals_are_the_sums_over_the_complete_periods(data: st.DataObject) -> None:
    rows = data.draw(logs(day_times()))
    by = data.draw(st.sampled_from([None, "plan"]))
    result = asked(rows, Periods("month"), oracles.last_time(rows) + 31 * DAY, by=by)
    found = lines(result.totals().table)
    complete = [line for line in lines(result.table) if line["complete"]]
    for line in found:
        same = [
            cell
            for cell in complete
            if cell["units"] == line["units"] and cell.get("segment") == line.get("segment")
        ]
        assert line["customers"] == sum(cell["customers"] for cell in same)
        assert line["at_least"] == sum(cell["at_least"] for cell in same)
    for first in (line for line in found if line["units"] == 1):
        assert first["active"] == first["at_least"]


@given(st.data())
def test_segments_add_up_to_the_whole(data: st.DataObject) -> None:
    rows = data.draw(logs(day_times(25), unique_times=True))
    at = data.draw(st.sampled_from(["entry", "first", "last"]))
    until = oracles.last_time(rows)
    whole = lines(asked(rows, Periods("week"), until).table)
    parts = lines(asked(rows, Periods("week"), until, by="plan", at=at).table)
    for line in whole:
        same = [p for p in parts if (p["period"], p["units"]) == (line["period"], line["units"])]
        assert sum(part["customers"] for part in same) == line["customers"]
        assert sum(part["active"] for part in same) == line["active"]


def test_the_ratio_and_its_interval_are_those_of_scipy() -> None:
    from scipy import stats

    days = {"ann": [0, 1, 2, 3, 4], "bob": [0], "cem": [1, 6], "dan": [2, 4, 5]}
    rows = [Event(who, BASE + (3 + day) * DAY, "A") for who, when in days.items() for day in when]
    result = asked(rows, Periods("week"), BASE + 10 * DAY)
    shares = [len(when) / 7 for when in days.values()]
    (week, rest) = lines(result.ratios().table)
    low, high = stats.t.interval(0.95, 3, loc=mean(shares), scale=stats.sem(shares))
    assert week["ratio"] == pytest.approx(mean(shares)) == pytest.approx(11 / 28)
    assert (week["ratio_low"], week["ratio_high"]) == (pytest.approx(max(low, 0)), pytest.approx(high))
    assert week["mean_active"] == pytest.approx(11 / 7)
    assert (rest["ratio"], rest["mean_active"], rest["complete"]) == (None, None, False)


def test_many_events_of_a_day_are_one_day_and_a_day_is_local() -> None:
    zone = "Asia/Tehran"
    midnight = oracles.day_start(date(2026, 5, 2), zone)  # a Saturday
    rows = [Event("u", midnight - 1, "A"), Event("v", midnight - 1, "A"), Event("v", midnight, "A")]
    rows += [Event("w", midnight + i, "A") for i in range(5)]
    weeks = oracles.stickiness(rows, Periods("week", zone), observed_until=midnight + 4)
    assert list(weeks.values()) == [{"u": 1, "v": 2, "w": 1}]
    found = asked(rows, Periods("week", zone), midnight + 4).to_dict()
    assert found["customers"] == [2, 1, 0, 0, 0, 0, 0]


def test_the_days_of_a_month_are_those_of_its_calendar() -> None:
    rows = [Event("u", oracles.day_start(date(2025, 2, 19), "Asia/Tehran"), "A")]
    result = asked(rows, Periods("month", "Asia/Tehran", "jalali"), rows[0].time + 60 * DAY)
    # Esfand 1403 is a leap month of 30 days, Farvardin has 31; the third month has begun.
    assert [line["units"] for line in lines(result.ratios().table)][:2] == [30, 31]
    assert result.labels()[0] == "1403-12"


def test_hours_are_counted_through_the_days_of_23_and_25_hours() -> None:
    zone = "America/New_York"
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25)):
        start = oracles.day_start(day, zone)
        rows = [Event("u", start + i * HOUR // 2, "A") for i in range(2 * hours)]
        found = asked(rows, Periods("day", zone), start + hours * HOUR, unit="hour").ratios().to_dict()
        assert (found["units"][0], found["ratio"][0]) == (hours, 1.0)


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + (3 * 24 + hour) * HOUR, "A") for hour in range(24 * 7 * 50)]
    found = asked(rows, Periods("week"), rows[-1].time + HOUR)
    columns = columns_in(found.table)
    assert columns["customers"] == [0, 0, 0, 0, 0, 0, 1] * 50 + [0] * 7
    assert set(found.ratios().to_dict()["ratio"][:-1]) == {1.0}


def test_one_event_has_counts_and_no_shares() -> None:
    result = asked([Event("u", BASE, "A")], Periods("week"), BASE)
    columns = columns_in(result.table)
    assert columns["customers"] == [1, 0, 0, 0, 0, 0, 0]
    assert set(columns["share"]) == {None}
    assert len(result.totals()) == 0


def test_wrong_questions_are_refused_with_the_way_out() -> None:
    log = public_log([Event("u", BASE, "A")])
    for ask, message in (
        (lambda: log.stickiness("a"), 'did you mean "A"'),
        (lambda: log.stickiness(unit="week"), '"hour", "day"'),
        (lambda: log.stickiness(period="day"), 'unit="hour"'),
        (lambda: log.stickiness(by="plam"), 'did you mean "plan"'),
    ):
        with pytest.raises(safar.SafarError, match=message):
            ask()
