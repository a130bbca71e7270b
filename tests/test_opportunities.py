"""BG/BB on a log: periods of the calendar as opportunities to buy, each taken once or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safar
from oracles import DAY, EPOCH, Event, journeys
from safar.calendar import jalali_date
from safar.errors import ArgumentError, DataError
from safar.models.value.counts import Opportunities, purchases_of
from strategies import BASE, logs, moment, public_log
from test_said import unsaid

ZONES = ["UTC", "Europe/Berlin", "Asia/Tehran"]


def opportunity(period: str, calendar: str, week_start: int) -> Callable[[dt.date], object]:
    """Say by which day opportunities are told apart."""
    if period == "day":
        return lambda day: day
    if period == "week":
        return lambda day: day - dt.timedelta(days=(day.weekday() - week_start) % 7)
    return (lambda day: jalali_date(day)[:2]) if calendar == "jalali" else lambda day: (day.year, day.month)


def local_day(time: int, zone: str) -> dt.date:
    return (EPOCH + dt.timedelta(microseconds=time)).astimezone(ZoneInfo(zone)).date()


@given(st.data())
@settings(max_examples=60)
def test_counts_equal_their_definition(data: st.DataObject) -> None:
    rows = data.draw(logs(st.integers(0, 300).map(lambda step: BASE + step * DAY // 2), max_events=40))
    period = data.draw(st.sampled_from(["day", "week", "month"]))
    calendar = data.draw(st.sampled_from(["gregorian", "jalali"]))
    week_start = data.draw(st.integers(0, 6))
    zone = data.draw(st.sampled_from(ZONES))
    last = max(row.time for row in rows)
    until = last + data.draw(st.sampled_from([0, 1, 12 * 3_600_000_000, 40 * DAY - 1]))
    at = data.draw(st.sampled_from([until, last]) | st.integers(min(row.time for row in rows), until))
    of_day = opportunity(period, calendar, week_start)
    days = [local_day(min(row.time for row in rows), zone)]
    while days[-1] < local_day(at, zone) + dt.timedelta(days=1):
        days.append(days[-1] + dt.timedelta(days=1))
    # The last one counts if its last instant has been seen.
    every = list(dict.fromkeys(of_day(day) for day in days[:-1]))
    if of_day(local_day(at + 1, zone)) == every[-1]:
        every.pop()
    expected = {}
    for name, journey in journeys(rows).items():
        bought = [e for e in journey if e.event == "A" and e.time <= at]
        taken = [every.index(own) for e in bought if (own := of_day(local_day(e.time, zone))) in every]
        if not taken:
            continue
        worth = zip(taken, (e.value for e in bought), strict=False)
        later = [(place, value) for place, value in worth if place > taken[0] and value is not None]
        valued = len({place for place, _ in later})
        expected[name] = (
            len(set(taken)) - 1, max(taken) - min(taken), len(every) - 1 - taken[0], valued,
            sum(value for _, value in later) / valued if valued else None,
        )  # fmt: skip
    if "A" not in {row.event for row in rows}:
        return
    log = public_log(rows, zone=zone, observed_until=until)
    asked = Opportunities(period, calendar, week_start)  # type: ignore[arg-type]
    table = purchases_of(log, ["A"], "value", at, period, asked)  # type: ignore[arg-type]
    names = table.numpy("customer")[0].tolist()
    found = {}
    for place, name in enumerate(names):
        means, missing = table.numpy("mean_value")
        mean = None if missing is not None and missing[place] else means[place]
        counts = [table.numpy(column)[0][place] for column in ("frequency", "recency", "age", "valued")]
        found[name] = (*counts, None if mean is None else pytest.approx(mean))
    assert found == expected


def subscribers(seed: int = 4, customers: int = 1_500, months: int = 24) -> list[Event]:
    """Return customers who buy within a month with a chance of their own until they leave before one."""
    draw = np.random.default_rng(seed)
    starts = [
        dt.datetime(2022 + month // 12, 1 + month % 12, 1, tzinfo=dt.UTC) for month in range(months + 1)
    ]
    rows = []
    for number in range(customers):
        first = int(draw.integers(0, 6))
        buys, stops = draw.beta(1.2, 0.75), draw.beta(0.66, 2.8)
        for month in range(first, months):
            if month > first and draw.random() < stops:
                break
            if month == first or draw.random() < buys:
                for _ in range(int(draw.integers(1, 3))):
                    span = (starts[month + 1] - starts[month]).total_seconds()
                    time = starts[month] + dt.timedelta(seconds=float(draw.random() * span))
                    rows.append(
                        Event(
                            f"u{number}", round(time.timestamp() * 1e6), "bill", value=float(draw.gamma(6, 5))
                        )
                    )
    return rows


BILLS = subscribers()
UNTIL = dt.datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
MONTHLY: dict[str, Any] = {"purchase": "bill", "model": "bg_bb", "unit": "month"}


def bills(until: dt.datetime = UNTIL) -> safar.EventLog:
    return public_log(BILLS, observed_until=round(until.timestamp() * 1e6))


def test_a_log_of_months_is_the_summary_of_its_months() -> None:
    log = bills()
    found = safar.lifetime_value(log, **MONTHLY)
    table = found.to_dict()
    summary = {
        name: table[name] for name in ("customer", "frequency", "recency", "age", "valued", "mean_value")
    }
    again = safar.lifetime_value(summary, model="bg_bb", unit="month", horizon=12)
    for name in ("probability_alive", "expected_purchases", "expected_purchases_low", "lifetime_value"):
        assert again.to_dict()[name] == pytest.approx(table[name], nan_ok=True)
    model = safar.models.BgBb.fit(summary, unit="month")
    assert model.estimates == pytest.approx(found.model.estimates)
    assert table["expected_purchases"] == pytest.approx(model.expected_purchases(summary, 12).tolist())
    assert max(table["age"]) == 23
    # As planted, with the errors of 1,500 customers.
    parameters = found.model.parameters.to_dict()
    for low, planted, high in zip(parameters["low"], (1.2, 0.75, 0.66, 2.8), parameters["high"], strict=True):
        assert low < planted < high


def test_a_value_is_discounted_by_the_month() -> None:
    found = safar.lifetime_value(bills(), **MONTHLY, horizon=3, discount=0.21, margin=0.5, draws=0)
    table = found.to_dict()
    ahead = [[0.0] * len(found), *(found.model.expected_purchases(found, months) for months in (1, 2, 3))]
    for place, worth in enumerate(table["lifetime_value"]):
        if worth is None:
            continue
        expected = sum(
            0.5 * 1.21 ** (-month / 12) * (now[place] - before[place])
            for month, (before, now) in enumerate(pairwise(ahead), 1)
        )
        assert worth == pytest.approx(table["expected_value"][place] * expected)


def test_a_month_that_is_not_over_does_not_count() -> None:
    early = bills(UNTIL - dt.timedelta(microseconds=1))
    assert max(safar.lifetime_value(early, **MONTHLY, draws=0).to_dict()["age"]) == 22
    december = [event for event in BILLS if event.time >= moment_us(2023, 12)]
    assert december
    without = public_log(
        [e for e in BILLS if e.time < moment_us(2023, 12)], observed_until=moment_us(2023, 12) + DAY
    )
    names = ("frequency", "recency", "age", "mean_value")
    one, other = (safar.lifetime_value(each, **MONTHLY, draws=0).to_dict() for each in (early, without))
    assert {name: sorted(map(str, one[name])) for name in names} == {
        name: sorted(map(str, other[name])) for name in names
    }


def moment_us(year: int, month: int) -> int:
    return round(dt.datetime(year, month, 1, tzinfo=dt.UTC).timestamp() * 1e6)


def test_the_forecast_of_months_held_out_is_near_what_came() -> None:
    held = safar.lifetime_value(bills(), **MONTHLY, draws=0, holdout="184d").holdout
    assert held is not None
    table = held.to_dict()
    assert table["month"] == [1, 2, 3, 4, 5, 6]
    assert table["until"][-1] == UNTIL
    assert table["forecast_so_far"][-1] == pytest.approx(table["actual_so_far"][-1], rel=0.05)
    # Of the customers who had bought by then, months with a bill from July on.
    before = {e.customer for e in BILLS if e.time < moment_us(2023, 7)}
    came = {
        (e.customer, jalali_month(e.time))
        for e in BILLS
        if e.time >= moment_us(2023, 7) and e.customer in before
    }
    assert table["actual_so_far"][-1] == len(came)
    assert "ماه" in held.plot(language="fa").to_json(ensure_ascii=False)


def jalali_month(time: int) -> tuple[int, int]:
    """A Gregorian month; opportunities are those of the default calendar."""
    day = local_day(time, "UTC")
    return day.year, day.month


def test_a_customer_is_explained_by_opportunities() -> None:
    rows = [
        Event("u", moment_us(2023, 1) + DAY, "bill"), Event("u", moment_us(2023, 1) + 9 * DAY, "bill"),
        Event("u", moment_us(2023, 3), "bill"), Event("u", moment_us(2023, 12) + 2 * DAY, "bill"),
    ]  # fmt: skip
    log = public_log([*rows, *BILLS], observed_until=moment_us(2023, 12) + 5 * DAY)
    found = safar.lifetime_value(log, **MONTHLY, draws=0)
    why = found.explain("u")
    assert why.to_dict()["decision"] == [
        "first purchase", "part of the purchase of that opportunity", "repeat purchase 1",
        "after the end of observation",
    ]  # fmt: skip
    said = " ".join(why.conclusion)
    assert "1 repeat purchases, the last 2 months after the first, and 8 months of silence since." in said
    assert "to be expected within 12 months" in said
    assert "Gregorian months that were over then" in found.definition
    for each in (found.definition, *why.conclusion):
        assert unsaid(each) == []
    row = found.outcomes(["u"]).to_dict()
    assert 0 <= row["purchases_low"][0] <= row["purchases_high"][0] <= 12


def test_jalali_months_are_opportunities_too() -> None:
    found = safar.lifetime_value(bills(), **MONTHLY, calendar="jalali", draws=0)
    assert "Jalali months" in found.definition
    assert max(found.to_dict()["age"]) == 23  # from Dey 1400 to Azar 1402, the last that was over


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"horizon": "90d"}, ArgumentError, "differ in length; give one, such as horizon=12"),
        (
            {"horizon": "10d", "unit": "week"},
            ArgumentError,
            "1.42857 weeks; BG/BB counts whole opportunities",
        ),
        ({"horizon": 0}, ArgumentError, "horizon=0"),
        ({"model": "bg_nbd"}, ArgumentError, 'unit="month" has no fixed length'),
        ({"model": "bg_nbd", "unit": "day", "calendar": "jalali"}, ArgumentError, "leave them out"),
        ({"week_start": 9}, ArgumentError, "week_start=9"),
        ({"holdout": "10d"}, ArgumentError, 'holdout="10d" holds no month'),
        ({"at": "2022-01-15"}, DataError, "in a month that was over then"),
    ],
)
def test_what_makes_no_opportunity_is_refused(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    log = bills(UNTIL - dt.timedelta(days=12))
    with pytest.raises(error, match=said):
        safar.lifetime_value(log, **MONTHLY | {"draws": 0} | options)


def test_a_year_is_one_however_it_is_written() -> None:
    log = bills()
    found = [
        safar.lifetime_value(log, **MONTHLY, draws=0, horizon=horizon).to_dict()["expected_purchases"]
        for horizon in (12, "365d", dt.timedelta(days=365))
    ]
    assert found[0] == found[1] == found[2]


def test_weeks_begin_where_they_are_said_to() -> None:
    log = public_log(
        [
            Event(name, BASE + day * DAY, "bill")
            for number, name in enumerate("abcdef")
            for day in range(number % 3, 70, 1 + number)
        ],
        observed_until=BASE + 71 * DAY,
    )
    ages = {
        start: purchases_of(
            log, ["bill"], None, BASE + 71 * DAY, "week", Opportunities("week", "gregorian", start)
        )
        .numpy("age")[0]
        .tolist()
        for start in (4, 5)
    }
    assert ages[4] != ages[5]
    assert moment(BASE).weekday() == 4
