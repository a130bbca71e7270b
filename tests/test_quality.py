"""Quality: every planted defect is found with its count and an example, and a clean log has none."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Event
from safar.errors import ArgumentError, UnknownColumnError
from safar.language import Locale
from safar.language.words import words_of
from safar.quality.checks import CHECKS
from strategies import BASE, logs, moment, public_log

NOW = "2030-01-01"
HOUR = 3_600 * SECOND


def clean_rows(days: int = 60, customers: int = 40) -> list[Event]:
    """Return rows of customers who visit every few days at odd times: nothing to complain about."""
    draw = np.random.default_rng(11)
    rows = []
    for customer in range(customers):
        for day in sorted(draw.choice(days, days // 2, replace=False)):
            time = BASE + int(day) * DAY + 8 * HOUR + int(draw.integers(1, 10 * HOUR))
            for name in ("view", "cart", "view", "purchase")[: int(draw.integers(1, 5))]:
                time += int(draw.integers(1, 600 * SECOND))
                channel = ("web", "app")[int(draw.integers(0, 2))]
                plan = ("free", "pro")[customer % 2]
                score = int(draw.integers(0, 5))
                rows.append(Event(f"c{customer}", time, name, channel, float(draw.normal()), plan, score))
    return sorted(rows, key=lambda row: row.time)


CLEAN = clean_rows()


def looked_at(rows: Sequence[Event], **choice: Any) -> safar.QualityResult:
    return public_log(rows).quality(**({"now": NOW} | choice))


def finding(result: safar.QualityResult, name: str, column: str | None = None) -> dict[str, Any]:
    """Return the one row of a finding."""
    columns = result.to_dict()
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    found = [row for row in rows if row["finding"] == name and column in (None, row["column"])]
    assert len(found) == 1, result
    return found[0]


def names(result: safar.QualityResult) -> list[str]:
    return list(result.to_dict()["finding"])


# ------------------------------------------------------------------------------------------------------ as a whole


def test_a_clean_log_has_no_finding_and_says_what_was_looked_at() -> None:
    result = looked_at(CLEAN)
    assert names(result) == []
    status = dict(zip(*(result.checks.to_dict()[name] for name in ("check", "status")), strict=True))
    assert status.pop("same_id") == "not asked"
    assert set(status.values()) == {"passed"}
    assert result.passed == list(status)
    assert repr(result) == "QualityResult: 0 findings; 26 of 27 checks passed"


def test_the_result_is_a_table_of_one_shape_whatever_was_found() -> None:
    empty, full = looked_at(CLEAN), looked_at([*CLEAN, CLEAN[0]])
    assert empty.table.schema == full.table.schema
    assert empty.silences.table.schema == full.silences.table.schema
    for result in (empty, full):
        assert result.to_pandas().shape == (len(result), 9)
        assert result.to_polars().shape == (len(result), 9)
        assert "checks passed" in result._repr_html_()
        assert result.definition.startswith("2,96")
    assert "exact_duplicates" in repr(full)


def test_the_gravest_finding_stands_first() -> None:
    rows = [*CLEAN, *CLEAN[:100], Event("C1", BASE, "view")]
    severity = looked_at(rows).to_dict()["severity"]
    assert severity == sorted(severity, key=["serious", "warning", "info"].index)
    assert severity[0] == "serious"


def test_a_share_decides_between_serious_and_warning() -> None:
    assert finding(looked_at([*CLEAN, CLEAN[0]]), "exact_duplicates")["severity"] == "warning"
    assert finding(looked_at(CLEAN * 2), "exact_duplicates")["severity"] == "serious"


def test_one_event_and_one_customer_can_be_looked_at() -> None:
    assert "events_seen_once" in names(looked_at([Event("a", BASE + 1, "view")]))
    assert "ties" in names(looked_at([Event("a", BASE, "view")] * 1_000))


# ----------------------------------------------------------------------------------------------- rows and duplicates


def test_rejected_rows_are_counted_by_reason_with_the_first_of_each() -> None:
    columns = {
        "who": ["ann", None, "bob", " ", "cem"],
        "when": ["2026-03-01 10:00:01", "2026-03-01", "yesterday", "2026-03-02", "2026-03-02 11:30"],
        "what": ["view", "view", "cart", "view", "view"],
    }
    log = safar.EventLog(columns, customer="who", time="when", event="what")
    result = log.quality(now=NOW)
    row = finding(result, "customer_missing")
    assert (row["column"], row["count"], row["of"], row["example"]) == ("who", 2, 5, "row 1: null")
    assert (row["share"], row["severity"]) == (0.4, "serious")
    row = finding(result, "time_unparsable")
    assert (row["column"], row["count"], row["example"]) == ("when", 1, 'row 2: "yesterday"')


@given(logs())
def test_duplicates_ties_and_order_are_counted_as_the_oracle_counts_them(rows: list[Event]) -> None:
    duplicates = repeats = ties = late = 0
    for events in oracles.journeys(rows).values():
        whole = Counter(events)
        duplicates += sum(count - 1 for count in whole.values())
        named = Counter((e.time, e.event) for e in whole)
        repeats += sum(count - 1 for count in named.values())
        ties += sum(count - 1 for count in Counter(e.time for e in events).values())
    for customer in {row.customer for row in rows}:
        came = [row.time for row in rows if row.customer == customer]
        late += sum(time < max(came[: i + 1]) for i, time in enumerate(came))
    result = looked_at(rows)
    found = dict(zip(*(result.to_dict()[name] for name in ("finding", "count")), strict=True))
    expected = {
        "exact_duplicates": duplicates,
        "repeated_events": repeats,
        "ties": ties,
        "out_of_order": late,
    }
    assert {name: found.get(name, 0) for name in expected} == expected
    info = public_log(rows).info
    assert (info["ties"], info["out_of_order"], info["already_ordered"]) == (ties, late, late == 0)


def test_an_exact_duplicate_is_shown_with_customer_time_and_event() -> None:
    copied = CLEAN[7]
    row = finding(looked_at([*CLEAN, copied, copied]), "exact_duplicates")
    at = f"{moment(copied.time):%Y-%m-%d %H:%M:%S}"
    assert (row["count"], row["of"]) == (2, len(CLEAN) + 2)
    assert row["example"] == f'customer "{copied.customer}", {at}, "{copied.event}"'


def test_an_event_that_differs_in_an_attribute_is_no_exact_duplicate() -> None:
    changed = CLEAN[7]._replace(score=99)
    result = looked_at([*CLEAN, changed])
    assert "exact_duplicates" not in names(result)
    assert finding(result, "repeated_events")["count"] == 1
    # Without the columns that differ, nothing tells the two apart.
    bare = pl.DataFrame({"who": ["a", "a"], "when": [1, 1], "what": ["x", "x"], "n": [1, 2]})
    roles: dict[str, Any] = {"customer": "who", "time": "when", "event": "what", "time_unit": "s"}
    assert "exact_duplicates" in names(safar.EventLog(bare, **roles).quality(now=NOW))
    assert "exact_duplicates" not in names(safar.EventLog(bare, attributes=["n"], **roles).quality(now=NOW))


def test_the_same_id_twice_is_found_where_it_is_named() -> None:
    frame = pl.DataFrame(
        {
            "who": ["a", "b", "c", "d", "e"],
            "when": [f"2026-03-0{day} 10:00:01" for day in range(1, 6)],
            "what": ["view"] * 5,
            "number": ["e1", "e2", "e1", None, "e1"],
        }
    )
    log = safar.EventLog(frame, customer="who", time="when", event="what", attributes=["number"])
    row = finding(log.quality(id="number", now=NOW), "same_id")
    assert (row["column"], row["count"], row["of"], row["severity"]) == ("number", 2, 4, "serious")
    assert row["example"].startswith('"e1": 3 events, such as customer "')
    assert "same_id" not in names(log.quality(now=NOW))
    with pytest.raises(UnknownColumnError, match="numbers"):
        log.quality(id="numbers")


def test_an_event_that_came_late_is_shown() -> None:
    rows = [
        Event("a", BASE + 2 * SECOND, "x"),
        Event("a", BASE + SECOND, "y"),
        Event("a", BASE + 3 * SECOND, "x"),
    ]
    row = finding(looked_at(rows), "out_of_order")
    assert (row["count"], row["of"], row["severity"]) == (1, 3, "info")
    assert row["example"] == 'customer "a": the event of 2024-03-01 00:00:01 came after a later one'


# ------------------------------------------------------------------------------------------------------------ times


def test_times_that_cannot_be_are_found() -> None:
    future = moment(BASE + 400 * DAY)
    rows = [
        *CLEAN,
        CLEAN[0]._replace(time=BASE + 400 * DAY),
        Event("c1", 0, "view"),
        Event("c1", 5 * DAY, "view"),
    ]
    result = looked_at(rows, now=future - dt.timedelta(seconds=1))
    row = finding(result, "future_times")
    assert (row["count"], row["of"], row["severity"]) == (1, len(rows), "warning")
    assert f"{future:%Y-%m-%d}" in row["example"]
    assert finding(result, "epoch_times")["example"] == 'customer "c1", 1970-01-01 00:00:00, "view"'
    row = finding(result, "ancient_times")
    assert (row["count"], row["example"]) == (1, 'customer "c1", 1970-01-06 00:00:00, "view"')
    assert "future_times" not in names(looked_at(rows, now=future))
    # What lies far away is no reason to call all days between silent.
    assert "coverage_gaps" not in names(result)
    assert "late_starts" not in names(result)


def test_the_beginning_of_1970_is_also_that_of_the_zone() -> None:
    rows = [*CLEAN, Event("c1", -3 * HOUR - HOUR // 2, "view")]
    log = public_log(rows, zone="Asia/Tehran")
    assert finding(log.quality(now=NOW), "epoch_times")["count"] == 1


def test_an_old_log_as_a_whole_is_not_ancient() -> None:
    rows = [row._replace(time=row.time - 30 * 365 * DAY) for row in CLEAN]
    assert names(looked_at(rows)) == []


def test_dates_without_a_time_of_day_are_told_from_times() -> None:
    dates = [row._replace(time=row.time // DAY * DAY) for row in CLEAN]
    row = finding(looked_at(dates), "midnight_times")
    assert (row["count"], row["share"]) == (len(CLEAN), 1)
    log = public_log(dates, zone="Asia/Tehran")
    assert "midnight_times" not in names(log.quality(now=NOW))
    # A few dates may be a few rows that somebody wrote.
    assert "midnight_times" not in names(looked_at(dates[:9]))
    assert "midnight_times" in names(looked_at(dates[:10]))


def test_a_few_events_with_one_value_are_no_constant_column() -> None:
    equal = [row._replace(channel="web", plan="free") for row in CLEAN[:100]]
    assert "near_constant_columns" not in names(looked_at(equal[:99]))
    finding(looked_at(equal), "near_constant_columns", "channel")


# --------------------------------------------------------------------------------------------------------- silence


def test_a_run_of_days_without_an_event_is_a_gap() -> None:
    rows = [row for row in CLEAN if not BASE + 20 * DAY <= row.time < BASE + 30 * DAY]
    result = looked_at(rows)
    row = finding(result, "coverage_gaps")
    assert (row["count"], row["of"], row["severity"]) == (10, 60, "serious")
    assert row["example"].startswith("10 days from 2024-03-21 to 2024-03-30 without an event")
    assert finding(result, "days_without_events")["count"] == 10
    # Nobody's channel is silent where everything is.
    assert "channel_gaps" not in names(result)
    assert result.silences.to_dict()["of"] == ["log"]


def test_single_days_without_an_event_are_told_and_no_gap() -> None:
    rows = [row for row in CLEAN if (row.time - BASE) // DAY % 7 != 5]
    result = looked_at(rows)
    assert "coverage_gaps" not in names(result)
    assert finding(result, "days_without_events")["severity"] == "info"


def test_a_few_stray_events_do_not_hide_a_gap() -> None:
    stray = Event("c1", BASE + 25 * DAY + 9 * HOUR + 1, "view", "web", 0.5, "free", 1)
    gap = [row for row in CLEAN if not BASE + 20 * DAY <= row.time < BASE + 30 * DAY]
    rows = sorted([*gap, stray], key=lambda row: row.time)
    row = finding(looked_at(rows), "coverage_gaps")
    assert (row["count"], row["of"]) == (9, 60)
    assert row["example"].startswith(
        "10 days from 2024-03-21 to 2024-03-30 without an event, but for a few on 1 of them"
    )
    # A day like any other is no stray event.
    busy = [row for row in CLEAN if BASE + 25 * DAY <= row.time < BASE + 26 * DAY]
    result = looked_at(sorted([*gap, *busy], key=lambda row: row.time))
    assert "coverage_gaps" not in names(result)


def test_what_was_observed_after_the_last_event_is_a_gap() -> None:
    def observed(until: str, **choice: Any) -> safar.QualityResult:
        end = dt.datetime.fromisoformat(until).replace(tzinfo=dt.UTC)
        log = public_log(CLEAN, observed_until=int(end.timestamp()) * SECOND)
        return log.quality(**({"now": NOW} | choice))

    row = finding(observed("2024-05-10"), "coverage_gaps")
    assert (row["count"], row["of"]) == (10, 70)
    assert row["example"].startswith(
        "10 days from 2024-04-30 to 2024-05-09 without an event, the end of what was observed"
    )
    silences = observed("2024-05-10").silences.to_dict()
    assert (silences["of"], silences["place"], silences["days"]) == (["log"], ["stop"], [10])
    # Neither the last hours of a day nor the future are a silence, nor what nobody said was observed.
    for until in ("2024-04-30", "2024-05-01", "2024-05-01 23:00"):
        assert "coverage_gaps" not in names(observed(until)), until
    assert "coverage_gaps" not in names(observed("2024-05-10", now="2024-05-01"))
    assert finding(observed("2500-01-01", now="2600-01-01"), "coverage_gaps")["count"] > 60_000
    assert "coverage_gaps" not in names(looked_at(CLEAN))


def test_a_channel_that_falls_silent_for_a_while_is_found() -> None:
    def other(row: Event) -> Event:
        return row._replace(channel="web") if BASE + 20 * DAY <= row.time < BASE + 30 * DAY else row

    result = looked_at([other(row) for row in CLEAN])
    row = finding(result, "channel_gaps", "channel")
    assert (row["count"], row["of"]) == (1, 2)
    assert row["example"].startswith('channel "app", ')
    assert row["example"].endswith("none in 10 days from 2024-03-21 to 2024-03-30")


def test_a_frequent_event_that_begins_late_or_ends_early_is_found() -> None:
    rows = [row for row in CLEAN if row.event != "cart" or row.time >= BASE + 20 * DAY]
    rows = [row for row in rows if row.event != "view" or row.time < BASE + 40 * DAY]
    result = looked_at(rows)
    assert finding(result, "late_starts", "event")["example"].endswith(
        "none in 20 days from 2024-03-01 to 2024-03-20"
    )
    assert '"view"' in finding(result, "early_stops", "event")["example"]
    assert result.silences.to_dict()["place"] == ["stop", "start"]


def test_rare_events_may_begin_and_end_when_they_like() -> None:
    rows = [
        *CLEAN,
        *(Event(f"c{i}", BASE + (30 + i) * DAY + 1, "survey", "web", 0.5, "pro", i) for i in range(5)),
    ]
    assert names(looked_at(sorted(rows, key=lambda row: row.time))) == []


# ------------------------------------------------------------------------------------------------------------ bots


def test_customers_who_do_what_people_do_not_are_found() -> None:
    fast = [
        Event("fast", BASE + 7 * HOUR + i * SECOND // 4, "view", "web", i / 7, "pro", i % 5)
        for i in range(121)
    ]
    result = looked_at([*CLEAN, *fast])
    row = finding(result, "bots_in_a_minute")
    assert (row["count"], row["of"], row["column"]) == (1, 41, "customer")
    assert row["example"] == 'customer "fast": 121 events within a minute from 2024-03-01 07:00:00 on'
    assert "bots_in_a_minute" not in names(looked_at([*CLEAN, *fast], bot_events_per_minute=121))
    row = finding(looked_at([*CLEAN, *fast], bot_events_per_day=120), "bots_in_a_day")
    assert row["example"] == 'customer "fast": 121 events within 24 hours from 2024-03-01 07:00:00 on'


def test_equal_pauses_are_those_of_a_machine() -> None:
    def every(pause: int, jitter: int = 0) -> list[Event]:
        times = [BASE + HOUR + i * pause + i % 2 * jitter for i in range(60)]
        return [Event("monitor", time, "view", "web", i / 7, "pro", i % 5) for i, time in enumerate(times)]

    for rows in (every(600 * SECOND), every(600 * SECOND, SECOND), every(SECOND)):
        row = finding(looked_at([*CLEAN, *rows]), "bots_at_regular_times")
        assert (row["count"], row["of"]) == (1, 41)
        assert row["example"].startswith('customer "monitor": 60 events at equal pauses')
    for rows in (every(600 * SECOND, 60 * SECOND), every(DAY), every(600 * SECOND)[:49]):
        assert "bots_at_regular_times" not in names(looked_at([*CLEAN, *rows]))


# --------------------------------------------------------------------------------------------------- ids and names


def test_ids_that_look_alike_are_found() -> None:
    pairs = [("C1 ", 1), ("13995", 0), ("13995.0", 1), ("007", 0), ("7", 1), ("۷", 1), ("علي", 0), ("علی", 1)]
    extra = [CLEAN[i]._replace(customer=id) for i, (id, _) in enumerate(pairs)]
    row = finding(looked_at([*CLEAN, *extra]), "look_alike_ids")
    assert (row["column"], row["count"], row["of"]) == ("customer", sum(one for _, one in pairs), 48)
    assert " and " in row["example"]


def test_whole_numbers_never_look_alike() -> None:
    frame = pl.DataFrame({"who": [1, 10, 100], "when": [1, 2, 3], "what": ["a"] * 3})
    log = safar.EventLog(frame, customer="who", time="when", event="what", time_unit="s")
    assert "look_alike_ids" not in names(log.quality(now=NOW))


def test_names_that_look_alike_are_found_in_events_and_channels() -> None:
    extra = [CLEAN[0]._replace(event="Purchase"), CLEAN[1]._replace(channel="Web ")]
    result = looked_at([*CLEAN, *extra])
    assert finding(result, "look_alike_names", "event")["example"] == 'events "Purchase" and "purchase"'
    assert finding(result, "look_alike_names", "channel")["example"] == 'channels "Web " and "web"'


def test_persian_spelling_is_mended_on_request_and_reported() -> None:
    columns = {
        "who": ["علي", "علی", "كاربر ۱", "کاربر 1"],
        "when": [f"2026-03-0{day} 10:30" for day in range(1, 5)],
        "what": ["بازديد", "بازدید", "می‌خرد", "می‌خرد"],
        "where": ["وب", "وب", "تلفن", "شماره ٣"],
    }
    roles: dict[str, Any] = {"customer": "who", "time": "when", "event": "what", "channel": "where"}
    for data in (
        columns,
        pl.DataFrame(columns),
        pl.DataFrame(columns).cast(pl.Categorical).with_columns(when="when"),
    ):
        data = data if isinstance(data, dict) else data.with_columns(when=pl.Series(columns["when"]))
        plain = safar.EventLog(data, **roles)
        assert plain.customers == 4
        assert plain.info["normalized"] == {}
        log = safar.EventLog(data, normalize="persian", **roles)
        assert log.customers == 2
        assert log.events == {"بازدید": 2, "می‌خرد": 2}
        assert set(log.channels) == {"وب", "تلفن", "شماره 3"}
        assert log.info["normalized"] == {"who": 2, "what": 1, "where": 1}
        row = finding(log.quality(now=NOW), "normalized_values", "who")
        assert (row["count"], row["of"], row["severity"]) == (2, 4, "info")
        assert "look_alike_ids" in names(plain.quality(now=NOW))
        assert "look_alike_ids" not in names(log.quality(now=NOW))
    with pytest.raises(ArgumentError, match="persian"):
        safar.EventLog(columns, normalize="arabic", **roles)  # type: ignore[arg-type]


def test_a_bad_row_keeps_the_text_as_it_was_given() -> None:
    columns = {"who": ["ann", "bob"], "when": ["2026-03-01", "٢٠٢٦"], "what": ["كتاب", "كتاب"]}
    log = safar.EventLog(columns, customer="who", time="when", event="what", normalize="persian")
    assert log.rejects.to_dict()["value"] == ["٢٠٢٦"]
    assert list(log.events) == ["کتاب"]


# --------------------------------------------------------------------------------------------------------- columns


def test_columns_of_little_use_are_found() -> None:
    rows = len(CLEAN)
    draw = np.random.default_rng(3)
    log = public_log(CLEAN).with_columns(
        {
            "number": [f"e{i}" for i in range(rows)],
            "amount": draw.normal(size=rows),
            "country": ["IR"] * (rows - 1) + ["TR"],
            "empty": np.full(rows, np.nan),
            "half": [None if i % 2 else "x" for i in range(rows)],
        }
    )
    result = log.quality(now=NOW)
    row = finding(result, "nearly_unique_columns")
    assert (row["column"], row["count"], row["of"]) == ("number", rows, rows)
    row = finding(result, "near_constant_columns")
    assert (row["column"], row["count"], row["example"]) == ("country", rows - 1, '"IR"')
    row = finding(result, "empty_columns")
    assert (row["column"], row["count"]) == ("empty", rows)
    assert len(result) == 3


def test_a_column_that_is_the_wrong_one_for_its_role_is_found() -> None:
    rows = [Event(f"visit {i}", BASE + i * 977 * SECOND, f"page {i}") for i in range(200)]
    result = looked_at(rows)
    assert finding(result, "one_event_customers")["count"] == 200
    assert finding(result, "event_names_as_ids")["severity"] == "serious"


def test_events_seen_once_are_named() -> None:
    row = finding(
        looked_at([*CLEAN, Event("c1", BASE + 9 * HOUR, "purchse", "web", 0.5, "pro", 1)]), "events_seen_once"
    )
    assert (row["count"], row["of"], row["example"]) == (1, 4, '"purchse"')


@given(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=30))
def test_values_are_counted_in_every_type_that_holds_them(values: list[str | None]) -> None:
    numbers = [None if value is None else ord(value) for value in values]
    frame = pl.DataFrame(
        {
            "who": ["u"] * len(values),
            "when": range(len(values)),
            "what": ["x"] * len(values),
            "text": pl.Series(values, dtype=pl.String),
            "category": pl.Series(values, dtype=pl.Categorical),
            "integer": pl.Series(numbers, dtype=pl.Int32),
            "float": pl.Series(numbers, dtype=pl.Float32),
            "decimal": pl.Series(numbers, dtype=pl.Decimal(10, 2)),
            "date": pl.Series(numbers, dtype=pl.Int32).cast(pl.Date),
        }
    )
    carried = [name for name in frame.columns if name not in ("who", "when", "what")]
    log = safar.EventLog(frame, customer="who", time="when", event="what", time_unit="s", attributes=carried)
    thresholds = (
        '{"now_us": 0, "ancient_us": 1, "events_per_minute": 100, "events_per_day": 100, "regular_events": 100,'
        ' "unlikely": 1e-6}'
    )
    known = Counter(value for value in values if value is not None)
    for column in json.loads(log.core.quality(thresholds))["columns"]:
        assert column["nulls"] == values.count(None)
        most = max(known.values(), default=0)
        assert column["distinct"] == (None if column["measure"] else len(known))
        assert column["commonest"] == (0 if column["measure"] and most * 2 <= len(values) else most)
        assert (
            column["example"] is None
            or known[column["example"][0]] == most
            or column["name"] not in ("text", "category")
        )


# -------------------------------------------------------------------------------------------------------- arguments


def test_the_definitions_name_every_check() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "definitions.md").read_text(encoding="utf-8")
    section = page.split("\n## Quality\n")[1].split("\n## ")[0]
    missing = [check for check in CHECKS if f"`{check}`" not in section]
    assert not missing, f"add it: docs/definitions.md, section Quality, lacks {missing}"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("bot_events_per_minute", 0),
        ("bot_events_per_day", 1.5),
        ("bot_regular_events", True),
        ("bot_events_per_minute", 2**32),
        ("bot_events_per_day", 10**30),
        ("bot_regular_events", -(10**30)),
        ("unlikely", 0),
        ("near_constant", 1.0),
        ("nearly_unique", 2),
        ("ancient", "soon"),
        ("now", "soon"),
    ],
)
def test_thresholds_are_checked(argument: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=argument):
        public_log(CLEAN[:3]).quality(**{argument: value})  # type: ignore[arg-type]


def test_the_same_log_has_the_same_findings_in_parts_of_any_order() -> None:
    rows = [*CLEAN, *CLEAN[:50]]
    draw = np.random.default_rng(1)
    shuffled = [rows[i] for i in draw.permutation(len(rows))]
    one, other = looked_at(rows).to_dict(), looked_at(shuffled).to_dict()
    places = [i for i, name in enumerate(other["finding"]) if name != "out_of_order"]
    for name in ("finding", "count", "of"):
        assert [other[name][i] for i in places] == [
            value for value, found in zip(one[name], one["finding"], strict=True) if found != "out_of_order"
        ]


def test_the_channel_is_no_number_of_events() -> None:
    data = {
        "who": ["ann"] * 2,
        "at": ["2026-03-01", "2026-03-02"],
        "what": ["view"] * 2,
        "where": ["web"] * 2,
    }
    log = safar.EventLog(data, customer="who", time="at", event="what", channel="where")
    with pytest.raises(safar.ArgumentError, match='id="channel"'):
        log.quality(id="channel")


# -------------------------------------------------------------------------------------------------- in Persian


def test_findings_are_told_in_persian() -> None:
    data = {
        "customer": ["ann", "ann", "Ann"],
        "time": ["2026-03-01 10:00", "2026-03-01 10:00", "2026-03-02"],
        "event": ["view", "view", "buy"],
    }
    log = safar.EventLog(data, customer="customer", time="time", event="event")
    found = log.quality(now="2026-04-01")
    told = found.told("fa")
    assert told.to_dict()["finding"] == found.to_dict()["finding"]
    assert told.to_dict()["count"] == found.to_dict()["count"]
    words = {name: told.to_dict()[name] for name in ("severity", "done", "advice")}
    words |= {name: told.checks.to_dict()[name] for name in ("question", "status")}
    for name, texts in words.items():
        assert all(re.search("[آ-ی]", text) for text in texts), name
    by_name = dict(zip(told.to_dict()["finding"], told.to_dict()["example"], strict=True))
    assert by_name["exact_duplicates"] == ("مشتری «\u2068ann\u2069»، ۱۴۰۴/۱۲/۱۰ ۱۰:۰۰:۰۰، «\u2068view\u2069»")
    assert repr(told).splitlines()[0] == (
        f"QualityResult: {Locale('fa').count(len(found))} یافته؛ {Locale('fa').count(len(found.passed))} بررسی از "
        f"{Locale('fa').count(len(found.checks))} درست بود"
    )
    assert told.passed == found.passed
    assert 'dir="rtl"' in told._repr_html_()
    assert repr(told.told("en")) == repr(found)


def test_every_sentence_of_the_checks_has_persian_words() -> None:
    known = words_of("fa")["texts"]
    for check in CHECKS.values():
        for text in (check.question, check.done, check.advice, check.low, check.high):
            assert text in known
