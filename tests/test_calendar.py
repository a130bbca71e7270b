"""Dates, weekends and holidays against ICU, a published calendar and a library."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar import _core, calendar
from safar.errors import ArgumentError, ArgumentTypeError

FIRST, LAST = dt.date(1821, 3, 21), dt.date(2321, 3, 20)
days = st.dates(FIRST, LAST)


def test_every_date_of_the_range_is_that_of_icu() -> None:
    # FNV-1a over year × 10000 + month × 100 + day of each day, computed from ICU 78.2 in Node:
    # Intl.DateTimeFormat("en-u-ca-persian-nu-latn", {timeZone: "UTC"}).
    hashed, day = 0xCBF2_9CE4_8422_2325, FIRST
    for year in range(1200, 1700):
        assert calendar.nowruz(year) == day
        beyond = LAST + dt.timedelta(days=1) if year == 1699 else calendar.nowruz(year + 1)
        while day < beyond:
            _, month, of_month = calendar.jalali_date(day)
            date = year * 10_000 + month * 100 + of_month
            hashed = ((hashed ^ date) * 0x0100_0000_01B3) % 2**64
            day += dt.timedelta(days=1)
    assert day == LAST + dt.timedelta(days=1)
    assert hashed == 0xBA5B_15ED_1D31_0169


def test_months_are_those_of_the_core() -> None:
    epoch, day_us = dt.date(1970, 1, 1), 86_400_000_000
    bounds = [(date - epoch).days * day_us for date in (dt.date(1900, 3, 21), dt.date(2199, 3, 1))]
    for start in _core.period_starts(*bounds, "month", "UTC", "jalali", 0):
        day = epoch + dt.timedelta(microseconds=start)
        assert calendar.jalali_date(day)[2] == 1
        assert calendar.jalali_date(day - dt.timedelta(days=1))[2] > 28


@given(days)
def test_a_date_goes_to_the_other_calendar_and_back(day: dt.date) -> None:
    year, month, of_month = calendar.jalali_date(day)
    assert calendar.gregorian_date(year, month, of_month) == day
    assert calendar.jalali_date(dt.datetime(day.year, day.month, day.day, 23, 59)) == (year, month, of_month)


@given(days)
def test_days_from_nowruz_are_those_to_the_nearer_one(day: dt.date) -> None:
    near = [calendar.nowruz(year) for year in range(max(day.year - 622, 1200), min(day.year - 619, 1700))]
    apart = [(day - nowruz).days for nowruz in near]
    if day > calendar.nowruz(1699):
        apart.append((day - LAST).days - 1)
    nearest = min(map(abs, apart))
    expected = nearest if nearest in apart else -nearest
    assert calendar.days_from_nowruz(day) == expected


def test_nowruz_and_its_neighbours() -> None:
    assert calendar.nowruz(1403) == dt.date(2024, 3, 20)
    found = [
        calendar.days_from_nowruz(calendar.nowruz(1404) + dt.timedelta(days=days))
        for days in (-1, 0, 1, 13, 182, 183)
    ]
    assert found == [-1, 0, 1, 13, 182, -182]
    # The middle day of a leap year counts from the Nowruz before it.
    assert calendar.days_from_nowruz(calendar.nowruz(1403) + dt.timedelta(days=183)) == 183
    assert calendar.days_from_nowruz(FIRST) == 0
    assert calendar.days_from_nowruz(LAST) == -1


def test_dates_outside_of_the_range_are_refused() -> None:
    for date in (FIRST - dt.timedelta(days=1), LAST + dt.timedelta(days=1)):
        with pytest.raises(ArgumentError, match="the Jalali calendar is known for the years 1200 to 1699"):
            calendar.days_from_nowruz(date)
    with pytest.raises(ArgumentError, match="1700-01-01 is not a Jalali date; years are 1200 to 1699"):
        calendar.nowruz(1700)
    with pytest.raises(ArgumentError, match="that month has 29 days"):
        calendar.gregorian_date(1404, 12, 30)
    with pytest.raises(ArgumentTypeError, match="date='2026-03-21' is a str"):
        calendar.days_from_nowruz("2026-03-21")  # type: ignore[arg-type]


def test_weekends_are_a_setting() -> None:
    week = [dt.date(2026, 3, 16) + dt.timedelta(days=day) for day in range(7)]  # from Monday

    def weekend(**choice: object) -> list[str]:
        return [f"{day:%a}" for day in week if calendar.is_weekend(day, **choice)]  # type: ignore[arg-type]

    assert weekend() == ["Thu", "Fri"]
    assert weekend(weekend="friday") == ["Fri"]
    assert weekend(weekend=["saturday", "friday"]) == ["Fri", "Sat"]
    assert weekend(weekend=("saturday", "sunday")) == ["Sat", "Sun"]
    with pytest.raises(ArgumentError, match="weekend='fryday' is not a choice; did you mean \"friday\""):
        weekend(weekend="fryday")


def test_solar_holidays_of_a_year() -> None:
    found = calendar.holidays("2024-03-20", "2025-03-21")  # 1403, a leap year
    assert [calendar.jalali_date(day)[1:] for day in found] == [
        *((1, day) for day in (1, 2, 3, 4, 12, 13)), (3, 14), (3, 15), (11, 22), (12, 29), (12, 30),
    ]  # fmt: skip
    assert found[dt.date(2025, 2, 10)] == "Islamic Revolution Day"
    assert calendar.holidays("2025-03-21", "2025-03-22", language="fa") == {dt.date(2025, 3, 21): "جشن نوروز"}
    assert dt.date(2026, 3, 20) in calendar.holidays("2026-03-20", "2026-03-21", solar=True)
    assert calendar.holidays("2026-04-10", "2026-04-20") == {}
    # The first year of the table, before the 14th of Khordad was one.
    first = calendar.holidays("1980-03-21", "1981-03-21")
    assert dt.date(1980, 6, 5) in first
    assert dt.date(1980, 6, 4) not in first


def test_a_span_holds_its_start_and_not_its_end() -> None:
    assert list(calendar.holidays("2025-04-01", "2025-04-02")) == [dt.date(2025, 4, 1)]
    with pytest.raises(ArgumentError, match="the span holds start, but not end"):
        calendar.holidays("2025-04-01", "2025-04-01")


def test_own_holidays_stand_beside_the_others() -> None:
    own = {dt.date(2025, 4, 1): "Sale", dt.date(2025, 4, 5): "Launch", dt.date(2030, 1, 1): "far away"}
    assert calendar.holidays("2025-04-01", "2025-04-06", further=own) == {
        dt.date(2025, 4, 1): "Islamic Republic Day; Sale",
        dt.date(2025, 4, 2): "Nature Day",
        dt.date(2025, 4, 5): "Launch",
    }
    with pytest.raises(ArgumentTypeError, match="further is a list; expected a mapping"):
        calendar.holidays("2025-04-01", "2025-04-06", further=[])  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="further='2025-04-01' is a str"):
        calendar.holidays("2025-04-01", "2025-04-06", further={"2025-04-01": "x"})  # type: ignore[dict-item]


def test_what_is_no_span_is_refused() -> None:
    with pytest.raises(ArgumentError, match="known from 1980-03-21"):
        calendar.holidays("1970-01-01", "1990-01-01")
    with pytest.raises(ArgumentError, match="start='1404/01/01' is not a date"):
        calendar.holidays("1404/01/01", "2026-01-01")
    with pytest.raises(ArgumentError, match="language='de' is not a choice"):
        calendar.holidays("2025-01-01", "2026-01-01", language="de")  # type: ignore[arg-type]


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "holidays", None)
    with pytest.raises(ArgumentError, match=r'pip install "safar\[holidays\]"'):
        calendar.holidays("2025-01-01", "2026-01-01", countries="IR")


def test_lunar_holidays_of_iran_come_from_the_library() -> None:
    pytest.importorskip("holidays")
    found = calendar.holidays("2024-03-20", "2025-03-21", countries="IR")
    # As the official calendar of 1403 has them: 22 Farvardin, 26 Tir, 4 Shahrivar.
    assert found[dt.date(2024, 4, 10)] == "Eid al-Fitr"
    assert found[dt.date(2024, 7, 16)] == "Ashura"
    assert found[dt.date(2024, 8, 25)] == "Arbaeen"
    # Both of a day, the solar one by our name only.
    assert found[dt.date(2024, 4, 1)] == "Nature Day; Martyrdom of Imam Ali"
    assert found[dt.date(2024, 3, 20)] == "Nowruz"
    assert found[dt.date(2025, 3, 20)] == "Last day of the year"
    alone = calendar.holidays("2024-03-20", "2025-03-21", countries="IR", solar=False, language="fa")
    assert alone[dt.date(2024, 3, 20)] == "جشن نوروز"
    assert len(alone) == len(found)


def test_the_solar_table_is_that_of_the_library() -> None:
    library = pytest.importorskip("holidays")
    for year in range(1981, 2100):
        start, end = dt.date(year, 3, 22), dt.date(year + 1, 3, 22)
        ours = set(calendar.holidays(start, end))
        with_both = calendar.holidays(start, end, countries="IR")
        theirs = {day for day in library.country_holidays("IR", years=(year, year + 1)) if start <= day < end}
        assert set(with_both) == theirs
        assert ours <= theirs
        # Whatever else they have is of the lunar calendar, or was declared once.
        doubled = [name for name in with_both.values() if name.count("Nowruz") > 1 or "Nature's" in name]
        assert not doubled


def test_other_countries_come_from_the_library() -> None:
    pytest.importorskip("holidays")
    both = calendar.holidays("2025-01-01", "2026-01-01", countries=["IR", "TR"])
    assert "Republic Day" in both[dt.date(2025, 10, 29)]
    assert all(a < b for a, b in itertools.pairwise(both))
    with pytest.raises(ArgumentError, match='"XX" is not a country that the library'):
        calendar.holidays("2025-01-01", "2026-01-01", countries="XX")
    with pytest.raises(ArgumentError, match="knows those of IR until 2100"):
        calendar.holidays("2100-01-01", "2102-01-01", countries="IR")
