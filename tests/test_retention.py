"""Retention: calendar periods in a zone, only what was fully observed, and nothing counted twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Cell, Event, Periods
from safar import _core
from strategies import (
    BASE,
    columns_in,
    core_log,
    day_times,
    in_order,
    logs,
    moment,
    plan,
    public_log,
    rows_in,
    wide_times,
)

HOUR = 3600 * SECOND


def params(
    periods: Periods, start: Any = None, back: Any = None, same_period: bool = False
) -> dict[str, Any]:
    return {
        "start": start,
        "back": back,
        "period": periods.period,
        "calendar": periods.calendar,
        "week_start": periods.week_start,
        "same_period": same_period,
        "max_periods": None,
    }


def counted(
    rows: Sequence[Event],
    periods: Periods,
    start: Any = None,
    back: Any = None,
    same_period: bool = False,
    until: int | None = None,
) -> dict[tuple[date, int], int]:
    """Return (cohort, period) -> customers from the core; period -1 is the size of the cohort."""
    log = core_log(rows, timezone=periods.zone, observed_until_us=until)
    partial = _core.run(log, "retention", plan(params(periods, start, back, same_period)))
    found = rows_in(partial, ["cohort", "period", "customers"])
    assert len({row[:2] for row in found}) == len(found), "a cell stands twice"
    return {(cohort, period): n for cohort, period, n in found if n != 0}


def expected_counts(cells: dict[tuple[date, int], Cell]) -> dict[tuple[date, int], int]:
    found = {key: cell.returned for key, cell in cells.items() if cell.returned}
    found.update({(cohort, -1): cell.eligible for (cohort, _), cell in cells.items()})
    return found


def finished(result: Any, segment: str | None = None) -> dict[tuple[date, int], dict[str, Any]]:
    """Return the cells of a finished table by cohort and period."""
    columns = columns_in(result.table)
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = [line for line in lines if line.get("segment") == segment]
    cells = {(line["cohort"], line["period"]): line for line in lines}
    assert len(cells) == len(lines), "a cell stands twice"
    return cells


def agree(result: Any, cells: dict[tuple[date, int], Cell], segment: str | None = None) -> None:
    """Assert that a finished table tells what the oracle tells, nulls and intervals included."""
    found = finished(result, segment)
    assert set(found) == set(cells)
    for key, cell in cells.items():
        line = found[key]
        assert (line["eligible"], line["returned"], line["complete"]) == cell
        if cell.complete:
            low, high = oracles.wilson(cell.returned, cell.eligible)
            assert line["share"] == pytest.approx(cell.returned / cell.eligible)
            assert line["share_low"] == pytest.approx(low, abs=1e-9)
            assert line["share_high"] == pytest.approx(high, abs=1e-9)
        else:
            assert (line["share"], line["share_low"], line["share_high"]) == (None, None, None)


def when(text: str) -> int:
    """Return an ISO text with its offset as microseconds."""
    return oracles.instant(datetime.fromisoformat(text))


@st.composite
def calendars(draw: st.DrawFn, zones: Sequence[str]) -> Periods:
    period = draw(st.sampled_from(["day", "week", "month"]))
    calendar = draw(st.sampled_from(["gregorian", "jalali"]))
    return Periods(period, draw(st.sampled_from(list(zones))), calendar, draw(st.integers(0, 6)))


ZONES = ["UTC", "America/New_York", "Asia/Tehran", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"]
CHOICES = st.sampled_from([None, ["A"], ["B"], ["A", "B"]])


# ---------------------------------------------------------------------------------------------------- oracles


def test_the_33_year_rule_of_the_oracle_is_the_sun_s() -> None:
    doubtful = 0
    for year in range(1279, 1580):
        day, minutes = oracles.nowruz_by_equinox(year)
        if abs(minutes) < 2:
            doubtful += 1
        else:
            assert day == oracles.nowruz(year)
    assert doubtful <= 1


def test_the_oracle_knows_famous_jalali_days() -> None:
    assert oracles.to_jalali(date(1979, 2, 11)) == (1357, 11, 22)
    assert oracles.to_jalali(date(2000, 1, 1)) == (1378, 10, 11)
    assert oracles.to_jalali(date(2025, 3, 20)) == (1403, 12, 30)
    assert oracles.to_jalali(date(2025, 3, 21)) == (1404, 1, 1)
    assert oracles.from_jalali(1404, 7, 1) == date(2025, 9, 23)
    day = date(1900, 1, 1)
    while day < date(2200, 1, 1):
        assert oracles.from_jalali(*oracles.to_jalali(day)) == day
        day += timedelta(days=17)


# ---------------------------------------------------------------------------------------------- period starts


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("calendar", ["gregorian", "jalali"])
def test_period_starts_equal_the_oracle(zone: str, period: str, calendar: str) -> None:
    for first, last in (
        ("2011-11-20T00:00+00:00", "2012-04-10T05:00+00:00"),
        ("2021-01-01T07:00+00:00",) * 2,
    ):
        start, end = when(first), when(last)
        for week_start in (0, 5, 6):
            periods = Periods(period, zone, calendar, week_start)
            numbers = range(periods.of(start), periods.of(end) + 1)
            starts = [periods.start(number) for number in numbers]
            found = _core.period_starts(start, end, period, zone, calendar, week_start)
            # Whether the end of the last period is told too is the function's own choice.
            assert list(found)[: len(starts)] == starts
            assert len(found) - len(starts) in (0, 1)
            if len(found) > len(starts):
                assert found[-1] == periods.start(numbers[-1] + 1)


@pytest.mark.parametrize("calendar", ["gregorian", "jalali"])
def test_period_starts_equal_the_oracle_over_three_centuries(calendar: str) -> None:
    periods = Periods("month", "UTC", calendar)
    start, end = when("1900-01-01T00:00+00:00"), when("2199-12-31T23:59+00:00")
    expected = [periods.start(n) for n in range(periods.of(start), periods.of(end) + 1)]
    assert list(_core.period_starts(start, end, "month", "UTC", calendar, 0))[: len(expected)] == expected


# ----------------------------------------------------------------------------------------------------- oracle


@given(st.data())
def test_retention_equals_the_oracle(data: st.DataObject) -> None:
    periods = data.draw(calendars(ZONES))
    rows = data.draw(logs(day_times()))
    start, back, same = data.draw(CHOICES), data.draw(CHOICES), data.draw(st.booleans())
    names = {row.event for row in rows}
    start = None if start is None or not names & set(start) else sorted(names & set(start))
    back = None if back is None or not names & set(back) else sorted(names & set(back))
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 1, HOUR, 3 * DAY, 40 * DAY]))
    cells = oracles.retention(rows, periods, start=start, back=back, same_period=same, observed_until=until)
    assert counted(rows, periods, start, back, same, until) == expected_counts(cells)


@given(logs(wide_times()), st.sampled_from(["gregorian", "jalali"]))
def test_retention_equals_the_oracle_over_three_centuries(rows: list[Event], calendar: str) -> None:
    periods = Periods("month", "UTC", calendar)
    found = counted(rows, periods)
    members: dict[date, int] = defaultdict(int)
    returned: dict[tuple[date, int], set[str]] = defaultdict(set)
    for customer, journey in oracles.journeys(rows).items():
        cohort = periods.of(journey[0].time)
        members[periods.first_day(cohort)] += 1
        for event in journey:
            returned[periods.first_day(cohort), periods.of(event.time) - cohort].add(customer)
    expected = {key: len(customers) for key, customers in returned.items()}
    expected.update({(cohort, -1): number for cohort, number in members.items()})
    assert found == expected


@given(st.data())
def test_the_finished_table_equals_the_oracle(data: st.DataObject) -> None:
    periods = data.draw(calendars(["UTC", "America/New_York", "Asia/Tehran"]))
    rows = data.draw(logs(day_times(25)))
    same = data.draw(st.booleans())
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 1, HOUR, 3 * DAY, 40 * DAY]))
    result = public_log(rows, zone=periods.zone, observed_until=until).retention(
        period=periods.period,
        calendar=periods.calendar,
        week_start=periods.week_start,
        same_period=same,
    )
    agree(result, oracles.retention(rows, periods, same_period=same, observed_until=until))


@given(st.data())
def test_segments_part_the_customers_at_their_start_event(data: st.DataObject) -> None:
    rows = data.draw(logs(day_times(25), unique_times=True))
    at = data.draw(st.sampled_from(["entry", "first", "last"]))
    names = sorted({row.event for row in rows})
    start = data.draw(st.sampled_from(names))
    until = oracles.last_time(rows)
    result = public_log(rows).retention(start=start, period="week", by="plan", at=at)
    parts: dict[str | None, list[Event]] = defaultdict(list)
    for journey in oracles.journeys(rows).values():
        entry = next((event for event in journey if event.event == start), None)
        if entry is not None:
            parts[{"entry": entry, "first": journey[0], "last": journey[-1]}[at].plan] += journey
    assert set(columns_in(result.table)["segment"]) == set(parts)
    for segment, members in parts.items():
        cells = oracles.retention(members, Periods("week"), start=[start], observed_until=until)
        agree(result, cells, segment)


# ------------------------------------------------------------------------------------------------ means, edges


@given(st.data())
def test_means_take_complete_cells_only(data: st.DataObject) -> None:
    rows = data.draw(logs(day_times(25)))
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 5 * DAY]))
    result = public_log(rows, observed_until=until).retention(period="week")
    cells = oracles.retention(rows, Periods("week"), observed_until=until)
    columns = result.means().to_dict()
    found = {
        period: {name: columns[name][i] for name in columns} for i, period in enumerate(columns["period"])
    }
    for period in {k for _, k in cells}:
        whole = [cell for (_, k), cell in cells.items() if k == period and cell.complete]
        if not whole:
            if period in found:
                assert found[period]["weighted"] is None
                assert found[period]["cohorts"] == 0
            continue
        line = found[period]
        eligible, returned = sum(c.eligible for c in whole), sum(c.returned for c in whole)
        low, high = oracles.wilson(returned, eligible)
        assert (line["eligible"], line["returned"], line["cohorts"]) == (eligible, returned, len(whole))
        assert line["weighted"] == pytest.approx(returned / eligible)
        assert line["weighted_low"] == pytest.approx(low, abs=1e-9)
        assert line["weighted_high"] == pytest.approx(high, abs=1e-9)
        assert line["simple"] == pytest.approx(sum(c.returned / c.eligible for c in whole) / len(whole))


def test_only_customers_whose_day_7_was_observed_stand_below_the_line() -> None:
    # 18 customers; day 7 is over for 14 of them, 7 came back on it: 7/14 = .50 [.268, .732], and never 7/18 = .389.
    rows = []
    for i in range(14):
        first = BASE + (i % 4) * DAY + 9 * HOUR
        rows.append(Event(f"old{i}", first, "open"))
        if i % 2:
            rows.append(Event(f"old{i}", first + 7 * DAY + HOUR, "open"))
        else:
            rows += [Event(f"old{i}", first + 6 * DAY, "open"), Event(f"old{i}", first + 8 * DAY, "open")]
    rows += [Event(f"new{i}", BASE + 6 * DAY + i * HOUR, "open") for i in range(4)]
    until = BASE + 13 * DAY - 1
    result = public_log(rows, observed_until=until).retention(period="day")
    columns = result.means().to_dict()
    i = list(columns["period"]).index(7)
    assert (columns["eligible"][i], columns["returned"][i]) == (14, 7)
    assert columns["weighted"][i] == pytest.approx(0.5)
    assert columns["weighted_low"][i] == pytest.approx(0.268, abs=5e-4)
    assert columns["weighted_high"][i] == pytest.approx(0.732, abs=5e-4)


def test_a_cell_is_complete_from_the_instant_its_period_ends() -> None:
    rows = [Event("u", BASE, "A"), Event("u", BASE + DAY, "A")]  # the base is a midnight in UTC
    for until, complete in ((2 * DAY - 1, [True, False]), (2 * DAY, [True, True, False])):
        cells = finished(public_log(rows, observed_until=BASE + until).retention(period="day"))
        assert [cells[key]["complete"] for key in sorted(cells)] == complete


def test_a_period_without_a_return_is_zero_and_not_missing() -> None:
    rows = [Event("u", BASE, "A"), Event("v", BASE + 10 * DAY, "A")]
    cells = finished(public_log(rows).retention(period="day"))
    day = date(2024, 3, 1)
    assert [cells[day, k]["returned"] for k in range(11)] == [1] + [0] * 10
    assert cells[day, 5]["share"] == 0.0
    assert cells[day, 10]["share"] is None


def test_one_event_is_one_cohort_of_one() -> None:
    assert counted([Event("u", BASE, "A")], Periods("day")) == {
        (date(2024, 3, 1), -1): 1,
        (date(2024, 3, 1), 0): 1,
    }


def test_a_return_comes_after_the_start_in_stored_order() -> None:
    day = Periods("day")
    before = [Event("u", BASE, "B"), Event("u", BASE + 1, "A")]
    after = [Event("u", BASE, "A"), Event("u", BASE + 1, "B")]
    key = (date(2024, 3, 1), 0)
    assert key not in counted(before, day, ["A"], ["B"], True)
    assert counted(after, day, ["A"], ["B"], True)[key] == 1
    assert counted(before, day, ["A"], ["B"], False)[key] == 1


def test_the_start_event_is_not_its_own_return() -> None:
    rows = [Event("u", BASE, "A"), Event("v", BASE, "A"), Event("v", BASE + HOUR, "A")]
    assert counted(rows, Periods("day"), ["A"], ["A"], True) == {
        (date(2024, 3, 1), -1): 2,
        (date(2024, 3, 1), 0): 1,
    }


def test_many_returns_in_one_period_are_one_customer() -> None:
    rows = [Event("u", BASE + i * HOUR, "A") for i in range(1, 70)]
    assert set(counted(rows, Periods("day")).values()) == {1}


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * HOUR, "A") for i in range(30_000)]
    found = counted(rows, Periods("day"))
    assert found == {(date(2024, 3, 1), k): 1 for k in range(-1, 1250)}


def test_a_log_of_more_periods_than_a_table_holds_is_refused_with_the_way_out() -> None:
    rows = [Event("u", BASE - 20_000 * DAY, "A"), Event("u", BASE, "A")]
    with pytest.raises(safar.ArgumentError, match="longer period"):
        counted(rows, Periods("day"))
    assert counted(rows, Periods("week"))[date(2024, 3, 1) - timedelta(20_003), -1] == 1


def test_a_customer_without_a_start_event_is_in_no_cohort() -> None:
    rows = [Event("u", BASE, "B"), Event("v", BASE, "A")]
    assert counted(rows, Periods("day"), ["A"])[date(2024, 3, 1), -1] == 1


# ------------------------------------------------------------------------------------------- zones, calendars


def test_days_of_23_and_25_hours_are_one_day() -> None:
    zone = "America/New_York"
    spring = [  # clocks go from 02:00 to 03:00 on 2026-03-08
        Event("u", when("2026-03-08T00:00-05:00"), "A"),
        Event("u", when("2026-03-08T23:59-04:00"), "A"),
        Event("v", when("2026-03-07T23:59-05:00"), "A"),
        Event("v", when("2026-03-09T00:00-04:00"), "A"),
    ]
    assert counted(spring, Periods("day", zone)) == {
        (date(2026, 3, 8), -1): 1,
        (date(2026, 3, 8), 0): 1,
        (date(2026, 3, 7), -1): 1,
        (date(2026, 3, 7), 0): 1,
        (date(2026, 3, 7), 2): 1,
    }
    autumn = [  # and back on 2026-11-01
        Event("u", when("2026-11-01T00:00-04:00"), "A"),
        Event("u", when("2026-11-01T23:59-05:00"), "A"),
        Event("u", when("2026-11-02T00:00-05:00"), "A"),
    ]
    assert counted(autumn, Periods("day", zone), same_period=True) == {
        (date(2026, 11, 1), -1): 1,
        (date(2026, 11, 1), 0): 1,
        (date(2026, 11, 1), 1): 1,
    }


def test_a_day_whose_midnight_was_skipped_starts_at_one() -> None:
    # Until 2022 Iran set its clocks from 00:00 to 01:00: 2021-03-22 had no midnight.
    start = when("2021-03-21T20:30+00:00")
    found = _core.period_starts(start, start + 1, "day", "Asia/Tehran", "gregorian", 0)
    assert found[0] == start
    assert oracles.local(start, "Asia/Tehran").hour == 1
    rows = [Event("u", start - 1, "A"), Event("u", start, "A")]
    cells = counted(rows, Periods("day", "Asia/Tehran"), same_period=True)
    assert cells == {(date(2021, 3, 21), -1): 1, (date(2021, 3, 21), 1): 1}


def test_a_day_that_was_skipped_loses_nobody() -> None:
    # Samoa went from 2011-12-29 straight to 2011-12-31.
    rows = [Event("u", when("2011-12-29T12:00-10:00"), "A"), Event("u", when("2011-12-31T12:00+14:00"), "A")]
    rows.append(Event("v", when("2012-01-02T12:00+14:00"), "A"))
    cells = finished(public_log(rows, zone="Pacific/Apia").retention(period="day"))
    first = {k: line["returned"] for (cohort, k), line in cells.items() if cohort == date(2011, 12, 29)}
    assert (first[0], sum(first.values())) == (1, 2)
    assert {cohort for cohort, _ in cells} == {date(2011, 12, 29), date(2012, 1, 2)}


def test_a_tehran_evening_belongs_to_the_tehran_day() -> None:
    rows = [Event("u", when("2026-05-01T20:31+00:00"), "A"), Event("u", when("2026-05-02T20:29+00:00"), "A")]
    assert counted(rows, Periods("day", "Asia/Tehran"), same_period=True) == {
        (date(2026, 5, 2), -1): 1,
        (date(2026, 5, 2), 0): 1,
    }


def test_jalali_months_turn_at_nowruz() -> None:
    zone = "Asia/Tehran"
    rows = [
        Event("u", when("2025-03-20T23:59+03:30"), "A"),  # 30 Esfand 1403, a leap day
        Event("u", when("2025-03-21T00:00+03:30"), "A"),  # 1 Farvardin 1404
        Event("u", when("2025-04-20T23:59+03:30"), "A"),  # 31 Farvardin
        Event("u", when("2025-04-21T00:00+03:30"), "A"),  # 1 Ordibehesht
        Event("u", when("2025-09-23T00:00+03:30"), "A"),  # 1 Mehr
    ]
    assert counted(rows, Periods("month", zone, "jalali"), same_period=True) == {
        (date(2025, 2, 19), -1): 1,
        (date(2025, 2, 19), 1): 1,
        (date(2025, 2, 19), 2): 1,
        (date(2025, 2, 19), 7): 1,
    }


def test_weeks_start_on_the_day_that_is_asked_for() -> None:
    friday, saturday, monday = BASE, BASE + DAY, BASE + 3 * DAY
    rows = [Event("u", day, "A") for day in (friday, saturday, monday)]
    found = counted(rows, Periods("week", week_start=5), same_period=True)
    assert found == {(date(2024, 2, 24), -1): 1, (date(2024, 2, 24), 1): 1}
    found = counted(rows, Periods("week", week_start=0), same_period=True)
    assert found == {(date(2024, 2, 26), -1): 1, (date(2024, 2, 26), 0): 1, (date(2024, 2, 26), 1): 1}


def test_persian_weeks_start_on_saturday_unless_told() -> None:
    log = public_log([Event("u", BASE, "A"), Event("u", BASE + DAY, "A")])
    assert set(columns_in(log.retention(calendar="jalali").table)["cohort"]) == {date(2024, 2, 24)}
    assert set(columns_in(log.retention().table)["cohort"]) == {date(2024, 2, 26)}


# --------------------------------------------------------------------------------------------- further laws


@given(logs(day_times(), unique_times=True))
def test_what_happens_after_the_observed_end_changes_nothing(rows: list[Event]) -> None:
    until = oracles.last_time(rows)
    later = [
        Event(customer, until + (i + 1) * DAY, "A") for i, customer in enumerate(("c0", "c1", "somebody new"))
    ]
    expected = counted(rows, Periods("week"), until=until)
    assert counted(rows + later, Periods("week"), until=until) == expected


def test_period_zero_is_the_cohort_and_agrees_with_the_funnel() -> None:
    rows = [Event(f"u{i}", BASE + i * HOUR, "A") for i in range(60)]
    rows += [Event(f"u{i}", BASE + 5 * DAY + i * HOUR, "B") for i in range(0, 60, 3)]
    log = public_log(rows, observed_until=BASE + 30 * DAY)
    cells = finished(log.retention(start="A", period="week"))
    funnel = log.funnel(["A", "B"], within="30d")
    assert sum(line["returned"] for (_, k), line in cells.items() if k == 0) == funnel.entered == 60


def test_the_result_keeps_the_spec_that_replays_it() -> None:
    rows = [Event(f"u{i % 7}", BASE + i * 5 * HOUR, "AB"[i % 2], "web") for i in range(200)]
    log = public_log(rows, zone="Asia/Tehran")
    result = log.retention(start="A", back="B", period="month", calendar="jalali", by="channel", at="first")
    again = safar.Spec.from_json(result.spec).run(log)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec
    assert in_order(rows_in(again.table)) == in_order(rows_in(result.table))


def test_the_default_end_of_observation_is_the_last_event() -> None:
    log = public_log([Event("u", BASE, "A"), Event("u", BASE + DAY, "A")])
    assert log.observed_until == moment(BASE + DAY)
    assert log.observed_until.astimezone(UTC) == log.last.astimezone(UTC)


# ------------------------------------------------------------------------------------------ retention in full


MODES = ["on", "on_or_after", "on_or_before", "streak"]


@st.composite
def options(draw: st.DrawFn, rows: list[Event]) -> dict[str, Any]:
    """Draw a question that may use every option, with names that the log has."""
    names = sorted({row.event for row in rows})
    pick = st.one_of(
        st.none(), st.lists(st.sampled_from(names), min_size=1, unique=True).map(lambda found: sorted(found))
    )
    same = draw(st.booleans())
    brackets = draw(
        st.sampled_from([None, None, [(0, 0), (1, 1), (2, 7)], [(1, 2), (5, 9)], [(3, 3)], [(0, 0), (4, 30)]])
    )
    if same and draw(st.booleans()):
        brackets = [(0, 2), (4, 8)]
    begin, end = (draw(st.one_of(st.none(), day_times(45))) for _ in range(2))
    if begin is not None and end is not None and begin >= end:
        end = None
    return {
        "start": draw(pick),
        "back": draw(pick),
        "same_period": same,
        "entry": draw(st.sampled_from(["first_ever", "first", "recurring"])),
        "start_time": begin,
        "end_time": end,
        "clock": draw(st.sampled_from(["calendar", "rolling"])),
        "mode": draw(st.sampled_from(MODES)),
        "brackets": brackets,
        "minimum": draw(st.sampled_from([1, 1, 2, 3])),
        "cohort": draw(st.sampled_from(["period", "all"])),
    }


def asked(rows: list[Event], periods: Periods, until: int, choice: dict[str, Any], **more: Any) -> Any:
    """Ask the question of a log that a user built."""
    instants = {
        name: None if choice.get(name) is None else moment(choice[name])
        for name in ("start_time", "end_time")
    }
    return public_log(rows, zone=periods.zone, observed_until=until).retention(
        period=periods.period,
        calendar=periods.calendar,
        week_start=periods.week_start,
        **(choice | instants | more),
    )


def lines_of(table: Any, segment: str | None = None) -> dict[tuple[date | None, int], dict[str, Any]]:
    """Return the lines of a finished table by cohort (None for all) and period."""
    columns = columns_in(table)
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = [line for line in lines if line.get("segment") == segment]
    found = {(line.get("cohort"), line["period"]): line for line in lines}
    assert len(found) == len(lines), "a cell stands twice"
    return found


def agree_in_full(
    found: dict[tuple[date | None, int], dict[str, Any]],
    cells: dict[tuple[date | None, int], oracles.FullCell],
) -> None:
    assert set(found) == set(cells)
    for key, cell in cells.items():
        line = found[key]
        assert line.get("customers", cell.customers) == cell.customers
        assert (line["eligible"], line["returned"]) == (cell.eligible, cell.returned)
        assert line["complete"] == cell.complete
        if cell.complete:
            low, high = oracles.wilson(cell.returned, cell.eligible)
            assert line["share"] == pytest.approx(cell.returned / cell.eligible)
            assert line["share_low"] == pytest.approx(low, abs=1e-9)
            assert line["share_high"] == pytest.approx(high, abs=1e-9)
        else:
            assert (line["share"], line["share_low"], line["share_high"]) == (None, None, None)


@given(st.data())
def test_every_kind_of_retention_equals_the_oracle(data: st.DataObject) -> None:
    periods = data.draw(calendars(["UTC", "America/New_York", "Asia/Tehran"]))
    rows = data.draw(logs(day_times()))
    choice = data.draw(options(rows))
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 1, HOUR, 3 * DAY, 40 * DAY]))
    cells = oracles.retention_in_full(rows, periods, **choice, observed_until=until)
    agree_in_full(lines_of(asked(rows, periods, until, choice).table), cells)


@given(st.data())
def test_values_and_their_means_equal_the_oracle_and_scipy(data: st.DataObject) -> None:
    from scipy import stats

    periods = Periods(data.draw(st.sampled_from(["day", "week"])))
    rows = data.draw(logs(day_times(25)))
    choice = data.draw(options(rows))
    until = oracles.last_time(rows) + data.draw(st.sampled_from([0, 3 * DAY]))
    cells = oracles.retention_in_full(rows, periods, **choice, observed_until=until)
    found = lines_of(asked(rows, periods, until, choice, value=True).table)
    agree_in_full(found, cells)
    for key, cell in cells.items():
        for name, values in (("value", cell.values), ("cumulative_value", cell.cumulative)):
            line = found[key]
            assert line[name] == pytest.approx(sum(values), abs=1e-9)
            if not cell.complete:
                assert line[f"mean_{name}"] is line[f"mean_{name}_low"] is line[f"mean_{name}_high"] is None
                continue
            mean = sum(values) / len(values)
            assert line[f"mean_{name}"] == pytest.approx(mean, abs=1e-9)
            if len(values) == 1:
                assert line[f"mean_{name}_low"] is None
            elif len(set(values)) == 1:
                assert line[f"mean_{name}_low"] == line[f"mean_{name}_high"] == pytest.approx(mean)
            else:
                low, high = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=stats.sem(values))
                assert line[f"mean_{name}_low"] == pytest.approx(low, abs=1e-6)
                assert line[f"mean_{name}_high"] == pytest.approx(high, abs=1e-6)


@given(st.data())
def test_segments_of_every_kind_part_the_starts(data: st.DataObject) -> None:
    rows = data.draw(logs(day_times(25), unique_times=True))
    choice = data.draw(options(rows))
    until = oracles.last_time(rows)
    at = data.draw(st.sampled_from(["first", "last"]))
    result = asked(rows, Periods("week"), until, choice, by="plan", at=at)
    parts: dict[str | None, list[Event]] = defaultdict(list)
    for journey in oracles.journeys(rows).values():
        parts[journey[0 if at == "first" else -1].plan] += journey
    for segment in {*parts, *columns_in(result.table)["segment"]}:
        cells = oracles.retention_in_full(parts[segment], Periods("week"), **choice, observed_until=until)
        agree_in_full(lines_of(result.table, segment), cells)


@given(st.data())
def test_means_and_matrix_of_every_kind_repeat_the_complete_cells(data: st.DataObject) -> None:
    rows = data.draw(logs(day_times(25)))
    choice = data.draw(options(rows))
    result = asked(rows, Periods("week"), oracles.last_time(rows) + 3 * DAY, choice, value=True)
    found = lines_of(result.table)
    means = result.means().to_dict()
    for i, period in enumerate(means["period"]):
        whole = [line for (_, k), line in found.items() if k == period and line["complete"]]
        returned, eligible = (sum(line[name] for line in whole) for name in ("returned", "eligible"))
        assert (means["returned"][i], means["eligible"][i]) == (returned, eligible)
        assert means["weighted"][i] == pytest.approx(returned / eligible)
        assert means["simple"][i] == pytest.approx(sum(line["share"] for line in whole) / len(whole))
        value = sum(line["cumulative_value"] for line in whole)
        assert means["mean_cumulative_value"][i] == pytest.approx(value / eligible, abs=1e-9)
    assert set(means["period"]) == {k for (_, k), line in found.items() if line["complete"]}
    matrix = result.matrix().to_dict()
    headings = dict(zip(columns_in(result.table)["period"], result.period_labels(), strict=True))
    for (cohort, k), line in found.items():
        row = 0 if cohort is None else matrix["cohort"].index(cohort)
        assert matrix[headings[k]][row] == line["share"]


@given(st.data())
def test_the_plain_question_and_the_general_one_have_one_answer(data: st.DataObject) -> None:
    periods, rows = data.draw(calendars(ZONES)), data.draw(logs(day_times()))
    same = data.draw(st.booleans())
    plain = params(periods, ["A"], ["B"], same)
    # A start of the range before all data asks nothing, but takes the other way through the kernel.
    general = plain | {"start_time_us": -(2**62), "entry": "first_ever"}
    rows = [*rows, Event("anchor", BASE, "A"), Event("anchor", BASE, "B")]
    log = core_log(rows, timezone=periods.zone)
    first, second = (_core.run(log, "retention", plan(asks)) for asks in (plain, general))
    assert rows_in(first) == rows_in(second)


def test_a_rolling_clock_has_its_own_denominator_for_each_period() -> None:
    # Four customers of one calendar month; until day 20 the 7-day periods 0, 1 of all are over, period 2 of two.
    starts = {"ann": 0, "bob": 1, "cem": 2, "dan": 5}
    rows = [Event(who, BASE + day * DAY, "A") for who, day in starts.items()]
    rows += [Event("ann", BASE + 15 * DAY, "A"), Event("dan", BASE + 19 * DAY, "A")]
    until = BASE + 22 * DAY
    result = asked(rows, Periods("week"), until, {"clock": "rolling", "cohort": "all"}).to_dict()
    names = ("period", "customers", "eligible", "returned", "complete")
    # ann comes back on the 15th day of her own clock, dan on his 14th: both in period 2, and dan's is not over.
    assert list(zip(*(result[name] for name in names), strict=True)) == [
        (0, 4, 4, 4, True),
        (1, 4, 4, 0, True),
        (2, 4, 2, 1, True),
        (3, 4, 2, 0, False),
    ]
    assert result["share"] == [1.0, 0.0, 0.5, None]


def test_a_rolling_day_ends_after_24_hours_to_the_microsecond() -> None:
    rows = [Event("u", BASE + HOUR, "A"), Event("v", BASE + HOUR, "A")]
    rows += [Event("u", BASE + HOUR + DAY - 1, "A"), Event("v", BASE + HOUR + DAY, "A")]
    for until, complete in ((2 * DAY - 1, [True, False]), (2 * DAY, [True, True, False])):
        found = asked(
            rows, Periods("day"), BASE + HOUR + until, {"clock": "rolling", "same_period": True}
        ).to_dict()
        assert found["complete"] == complete
        assert found["returned"][:2] == [1, 1]


def test_a_recurring_customer_is_in_a_cohort_for_each_week_with_a_start() -> None:
    weeks = [0, 1, 3]
    rows = [Event("u", BASE + (3 + 7 * week) * DAY + i, "A") for week in weeks for i in range(3)]
    rows.append(Event("v", BASE + 3 * DAY, "B"))
    result = asked(
        rows, Periods("week"), BASE + (3 + 7 * 4) * DAY, {"entry": "recurring", "start": "A", "cohort": "all"}
    ).to_dict()
    assert result["customers"][0] == 3
    # After weeks 0, 1 and 3 the next one was seen once, and the one after that once of the two that are over.
    assert list(zip(result["eligible"], result["returned"], strict=True))[:4] == [
        (3, 3),
        (2, 1),
        (2, 1),
        (1, 1),
    ]


def test_the_value_of_the_start_event_is_in_the_cumulative_value() -> None:
    rows = [
        Event("u", BASE, "buy", value=10.0),
        Event("u", BASE + 8 * DAY, "buy", value=5.0),
        Event("u", BASE + 8 * DAY, "look", value=99.0),
        Event("u", BASE + 9 * DAY, "buy", value=None),
        Event("v", BASE, "buy", value=2.0),
    ]
    result = asked(
        rows,
        Periods("week"),
        BASE + 30 * DAY,
        {"start": "buy", "back": "buy", "clock": "rolling", "value": True},
    ).to_dict()
    assert result["value"][:3] == [12.0, 5.0, 0.0]
    assert result["cumulative_value"][:3] == [12.0, 17.0, 17.0]
    assert result["mean_cumulative_value"][:3] == [6.0, 8.5, 8.5]
    assert result["returned"][:2] == [2, 1]


def test_cells_after_a_skipped_day_stand_under_their_own_day() -> None:
    rows = [Event("u", when("2011-12-29T12:00-10:00"), "A"), Event("v", when("2011-12-31T12:00+14:00"), "A")]
    rows.append(Event("v", when("2012-01-01T12:00+14:00"), "A"))
    cells = finished(public_log(rows, zone="Pacific/Apia").retention(period="day"))
    assert {k: line["returned"] for (cohort, k), line in cells.items() if cohort == date(2011, 12, 31)} == {
        0: 1,
        1: 1,
    }


def test_a_definition_says_how_the_cohorts_periods_and_returns_were_counted() -> None:
    log = public_log([Event("u", BASE, "A", value=1.0), Event("u", BASE + DAY, "B")])
    text = log.retention(
        "A",
        "B",
        entry="recurring",
        start_time="2024-03-01",
        end_time="2024-04-01",
        clock="rolling",
        mode="streak",
        minimum=2,
        value=True,
        cohort="all",
    ).definition
    for part in (
        "customers with a A event from 2024-03-01 until before 2024-04-01 in one calendar week",
        "once for each such week",
        "all cohorts are taken together",
        "at least 2 B events later than the first of them in the week in the k-th 7 days from it on",
        "and in every earlier one from period 1 on",
        "the customers whose period was over",
        "that one included",
    ):
        assert part in text, part
    assert (
        "the brackets are periods 1 to 2; period k is the k-th week after it"
        in log.retention(brackets=[(1, 2)]).definition
    )


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"entry": "often"}, '"first_ever", "first", "recurring"'),
        ({"mode": "onn"}, 'did you mean "on"'),
        ({"clock": "roling"}, 'did you mean "rolling"'),
        ({"cohort": "none"}, '"period", "all"'),
        ({"minimum": 0}, "expected 1 or more"),
        ({"minimum": 1.5}, "whole number"),
        ({"brackets": []}, "empty list"),
        ({"brackets": 3}, "expected pairs"),
        ({"brackets": [3]}, "expected pairs"),
        ({"brackets": [(3, 1)]}, "last not before"),
        ({"brackets": [(1, 3), (2, 5)]}, "do not overlap"),
        ({"brackets": [(0, 3)]}, r"\(0, 0\) and \(1, 3\)"),
        ({"start_time": "yesterday"}, "ISO 8601"),
        ({"start_time": "2024-03-02", "end_time": "2024-03-02"}, "holds no instant"),
        ({"value": 1}, "True or False"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(choice: dict[str, Any], message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        public_log([Event("u", BASE, "A")]).retention(**choice)


def test_value_needs_the_value_of_events() -> None:
    log = safar.EventLog(
        {"c": [1], "t": ["2026-03-01"], "e": ["a"]}, customer="c", time="t", event="e", attributes=()
    )
    with pytest.raises(safar.UnknownColumnError, match='value="revenue"'):
        log.retention(value=True)
    with pytest.raises(safar.errors.SafarError, match="brackets is"):
        _core.run(log.core, "retention", plan(params(Periods("day")) | {"brackets": [[2, 1]]}))


def test_many_starts_of_one_customer_take_time_in_proportion() -> None:
    # 1,250 days with a start each, and 30,000 events: every start sees at most 1,250 periods.
    rows = [Event("u", BASE + i * HOUR, "A", value=1.0) for i in range(30_000)]
    until = BASE + 1250 * DAY
    for clock in ("calendar", "rolling"):
        result = asked(
            rows,
            Periods("day"),
            until,
            {"entry": "recurring", "clock": clock, "cohort": "all", "brackets": [(0, 0), (1, 1), (2, 2000)]},
        ).to_dict()
        assert result["customers"] == [1250] * 3
        assert result["share"] == [1.0, 1.0, None]
