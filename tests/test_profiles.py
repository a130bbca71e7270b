"""Profiles of customers beside a log: events have what was known of their customer, nothing is lost in silence."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import SECOND, Event
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError
from strategies import BASE, CUSTOMERS, columns_of, logs

ROLES = {"customer": "customer", "time": "time", "event": "event"}
PROFILED = [*CUSTOMERS, "x1", "x2", None, " "]
Row = tuple[str | None, str | None, int]


def log_of(rows: list[Event]) -> safar.EventLog:
    columns = columns_of(rows)
    data = {name: columns[name] for name in ("time",)}
    frame = {
        "customer": [row.customer for row in rows],
        "time": np.asarray(data["time"]),
        "event": [row.event for row in rows],
        "position": list(range(len(rows))),
    }
    return safar.EventLog(frame, **ROLES, attributes=["position"])


def by_position(log: safar.EventLog, *names: str) -> dict[str, list[Any]]:
    """Columns in the order of the rows that the log was built from."""
    frame = pl.DataFrame(log).sort("position")
    return {name: frame[name].to_list() for name in names}


@st.composite
def profiles(draw: st.DrawFn, *, since: bool) -> list[Row]:
    """Draw rows of a customer, a plan and an instant, without doubles."""
    row = st.tuples(
        st.sampled_from(PROFILED),
        st.sampled_from(["free", "pro", "max", None]),
        st.integers(-2, 14).map(lambda second: BASE + second * SECOND),
    )
    rows = draw(st.lists(row, max_size=14))
    kept, seen = [], set()
    for customer, plan, at in rows:
        missing = customer is None or not customer.strip()
        if missing or (customer, at if since else None) not in seen:
            kept.append((customer, plan, at))
            seen.add((customer, at if since else None))
    return kept


def table_of(rows: list[Row]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "id": [row[0] for row in rows],
            "plan": [row[1] for row in rows],
            "from": [row[2] for row in rows],
            "level": [row[2] % 7 for row in rows],
        },
        schema={"id": pl.String, "plan": pl.String, "from": pl.Int64, "level": pl.Int64},
    )
    return frame.with_columns(pl.col("from").cast(pl.Datetime("us", "UTC")))


@given(logs(), profiles(since=False))
def test_every_event_has_the_profile_of_its_customer(rows: list[Event], known: list[Row]) -> None:
    log = log_of(rows).with_profiles(table_of(known), key="id", columns=["plan", "level"])
    plan = {customer: plan for customer, plan, _ in known}
    level = {customer: at % 7 for customer, _, at in known}
    found = by_position(log, "plan", "level")
    assert found["plan"] == [plan.get(row.customer) for row in rows]
    assert found["level"] == [level.get(row.customer) for row in rows]
    customers = {row.customer for row in rows}
    ids = {customer for customer, _, _ in known if customer is not None and customer.strip()}
    (counts,) = log.profiles
    assert counts["rows"] == len(known)
    assert counts["missing_keys"] == sum(row[0] is None or not row[0].strip() for row in known)
    assert counts["profiles"] == len(ids)
    assert counts["profiles_without_customer"] == len(ids - customers)
    assert counts["customers_with_profile"] == len(ids & customers)
    assert counts["customers_without_profile"] == len(customers - ids)
    assert counts["events_before_first"] is None


@given(logs(), profiles(since=True))
def test_an_event_has_the_last_profile_that_began_at_or_before_it(
    rows: list[Event], known: list[Row]
) -> None:
    log = log_of(rows).with_profiles(table_of(known), key="id", since="from", columns="plan")
    history: dict[str | None, list[tuple[int, str | None]]] = defaultdict(list)
    for customer, plan, at in known:
        history[customer].append((at, plan))
    expected: list[str | None] = []
    before = 0
    for row in rows:
        holding = [(at, plan) for at, plan in history[row.customer] if at <= row.time]
        expected.append(max(holding, key=lambda version: version[0])[1] if holding else None)
        before += not holding and bool(history[row.customer])
    assert by_position(log, "plan")["plan"] == expected
    assert log.profiles[0]["events_before_first"] == before


GOOD: dict[str, Any] = {
    "customer": ["ann", "ann", "bob"],
    "time": ["2026-03-01 10:00", "2026-03-05 10:00", "2026-03-02 09:00"],
    "event": ["view", "purchase", "view"],
}


def small(**more: Any) -> safar.EventLog:
    return safar.EventLog(GOOD, **(ROLES | more))


def test_profiles_are_columns_like_others(tmp_path: Path) -> None:
    log = small().with_profiles({"id": ["bob", "cem"], "plan": ["pro", "free"], "age": [40, 20]}, key="id")
    assert log.columns == {"plan": "Dictionary(UInt32, Utf8)", "age": "Int64"}
    assert log.filter(where="plan = 'pro'").customers == 1
    assert log.filter(where="age is null").profiles == log.profiles
    assert log.sessions(gap="1d", by="plan").to_dict()["segment"] == ["pro", None, None] or len(log) == 3
    assert "of 1 of 2 customers; 1 are of no customer" in log._repr_html_()
    log.save(tmp_path / "log.safar")
    again = safar.open(tmp_path / "log.safar")
    assert again.profiles == log.profiles
    assert again.to_pandas()["age"].dropna().tolist() == [40]
    other = log.with_profiles({"id": ["ann"], "plan": ["max"]}, key="id")
    assert other.filter(where="plan = 'max'").events == {"view": 1, "purchase": 1}
    assert [found["columns"] for found in other.profiles] == [["plan", "age"], ["plan"]]
    per = log.with_sessions(gap="30m").per("session")
    assert per.filter(where="plan = 'pro'").customers == 1


def test_every_kind_of_id_finds_its_customer() -> None:
    text = small()
    for dtype in (pl.Categorical, pl.String):
        frame = pl.DataFrame({"id": pl.Series(["bob", "ann"], dtype=dtype), "x": [1, 2]})
        assert text.with_profiles(frame, key="id").profiles[0]["customers_with_profile"] == 2
    numbers = GOOD | {"customer": [7, 7, 8]}
    log = safar.EventLog(numbers, **ROLES)
    for ids in (np.array([8, 9], dtype=np.uint8), np.array([8, 9], dtype=np.uint64), np.array([8.0, np.nan])):
        found = log.with_profiles({"id": ids, "x": [1, 2]}, key="id").profiles[0]
        assert found["customers_with_profile"] == 1
    large = safar.EventLog(GOOD | {"customer": np.array([2**63 + 5, 2**63 + 5, 1], dtype=np.uint64)}, **ROLES)
    same = large.with_profiles({"id": np.array([2**63 + 5], dtype=np.uint64), "x": [1]}, key="id")
    assert same.profiles[0]["customers_with_profile"] == 1
    signed = large.with_profiles({"id": np.array([5 - 2**63]), "x": [1]}, key="id")
    assert signed.profiles[0]["customers_with_profile"] == 0
    with pytest.raises(
        ArgumentTypeError,
        match=r'column "id" holds text, such as "8", but the customers of this log are whole numbers; convert',
    ):
        log.with_profiles({"id": ["8"], "x": [1]}, key="id")
    with pytest.raises(
        ArgumentTypeError, match=r'column "id" holds whole numbers, such as 8, but .* are text'
    ):
        text.with_profiles({"id": [8], "x": [1]}, key="id")
    # Ids that are all missing are of no kind.
    assert log.with_profiles({"id": [None], "x": [1]}, key="id").profiles[0]["missing_keys"] == 1


def test_ids_are_spelled_as_those_of_the_log() -> None:
    log = safar.EventLog(GOOD | {"customer": ["علي", "علی", "كاوه"]}, **ROLES, normalize="persian")
    assert log.customers == 2
    found = log.with_profiles({"id": ["علي", "کاوه"], "x": [1, 2]}, key="id")
    assert found.profiles[0]["customers_with_profile"] == 2


def test_a_customer_with_two_profiles_is_refused() -> None:
    double = {"id": ["ann", "bob", "ann"], "plan": ["a", "b", "c"], "from": ["2026-01-01"] * 3}
    with pytest.raises(DataError, match=r'"id": ann stands in rows 0 and 2, .* since='):
        small().with_profiles(double, key="id")
    with pytest.raises(
        DataError, match=r'ann has two profiles from the same instant on \(rows 0 and 2, "from"\)'
    ):
        small().with_profiles(double, key="id", since="from")
    # Also of somebody who is no customer.
    with pytest.raises(DataError, match="x stands in rows 1 and 2"):
        small().with_profiles({"id": ["ann", "x", "x"], "plan": ["a", "b", "c"]}, key="id")


def test_what_is_no_time_is_refused() -> None:
    for value in (None, "soon", "0001-01-01", "1404-13-01"):
        crm = {"id": ["bob", "ann"], "plan": ["a", "b"], "from": ["2026-01-01", value]}
        with pytest.raises(DataError, match=r'column "from", row 1: .* is not a time from 1900 to 2199'):
            small().with_profiles(crm, key="id", since="from")
    with pytest.raises(ArgumentError, match="time_unit="):
        small().with_profiles({"id": ["bob"], "p": [1], "from": [1]}, key="id", since="from")
    crm = {"id": ["ann"], "p": [1], "from": [1_772_582_400]}  # 2026-03-04
    log = small().with_profiles(crm, key="id", since="from", time_unit="s")
    assert log.to_pandas().set_index("event")["p"].to_dict()["purchase"] == 1
    assert log.profiles[0]["events_before_first"] == 1


def test_times_without_a_zone_are_those_of_the_log() -> None:
    log = small(timezone="Asia/Tehran")
    crm = {"id": ["bob"] * 2, "p": ["early", "late"], "from": ["2026-03-02 08:59:59", "2026-03-02 09:00:01"]}
    assert log.with_profiles(crm, key="id", since="from").filter(where="p = 'early'").events == {"view": 1}
    utc = crm | {
        "from": [dt.datetime(2026, 3, 2, 5, 30, tzinfo=dt.UTC), dt.datetime(2026, 3, 3, tzinfo=dt.UTC)]
    }
    assert log.with_profiles(utc, key="id", since="from").filter(where="p = 'early'").events == {"view": 1}


def test_columns_that_cannot_be_are_refused() -> None:
    crm = {"id": ["ann"], "channel": ["web"], "plan": ["a"]}
    with pytest.raises(ArgumentError, match='"channel" of the profiles has the name of a role'):
        small().with_profiles(crm, key="id")
    assert small().with_profiles(crm, key="id", columns=["plan"]).columns.keys() == {"plan"}
    with pytest.raises(UnknownColumnError, match='did you mean "plan"'):
        small().with_profiles(crm, key="id", columns="plann")
    with pytest.raises(UnknownColumnError, match='"name"'):
        small().with_profiles(crm, key="name")
    with pytest.raises(ArgumentError, match="leave it out of columns"):
        small().with_profiles(crm, key="id", columns=["id"])
    with pytest.raises(ArgumentError, match="as key and as since"):
        small().with_profiles(crm, key="id", since="id")
    with pytest.raises(ArgumentError, match="have no column beside"):
        small().with_profiles({"id": ["ann"]}, key="id")
    nested = pl.DataFrame({"id": ["ann"], "tags": [["a"]]})
    with pytest.raises(ArgumentTypeError, match='"tags" has the nested type'):
        small().with_profiles(nested, key="id")
    # No profiles at all are no fault: nobody has one.
    empty = small().with_profiles(pl.DataFrame(schema={"id": pl.String, "x": pl.Int64}), key="id")
    assert empty.profiles[0]["customers_without_profile"] == 2
    assert empty.filter(where="x is null").customers == 2


def test_a_map_gives_way_to_stages_of_profiles() -> None:
    journey_map = safar.JourneyMap.from_dict(
        {"stage": [{"id": "s"}], "touchpoint": [{"id": "t", "stage": "s", "event": "view"}]}
    )
    mapped = small().with_map(journey_map)
    assert mapped.with_profiles({"id": ["ann"], "x": [1]}, key="id").map is not None
    assert mapped.with_profiles({"id": ["ann"], "stage": ["x"]}, key="id").map is None


@given(logs(), profiles(since=True), st.sampled_from([None, "from"]))
def test_a_scan_counts_as_a_log_does(rows: list[Event], known: list[Row], since: str | None) -> None:
    if since is None:
        known = list({row[0]: row for row in known}.values())
    data = {
        "customer": [row.customer for row in rows],
        "time": np.array([row.time for row in rows]).astype("datetime64[us]"),
        "event": [row.event for row in rows],
    }
    crm = table_of(known)
    log = safar.EventLog(data, **ROLES).with_profiles(crm, key="id", since=since, columns="plan")
    scan = safar.scan(data, **ROLES).with_profiles(crm, key="id", since=since, columns="plan")
    assert scan.profiles == log.profiles
    assert scan.columns == log.columns
    assert scan.transitions(by="plan").to_dict() == log.transitions(by="plan").to_dict()


def test_a_scan_in_parts_adds_up() -> None:
    data = {
        "customer": np.arange(3_000) % 500,
        "time": np.arange(3_000).astype("datetime64[s]"),
        "event": ["view"] * 3_000,
    }
    crm = {"id": np.arange(250, 900), "group": np.arange(250, 900) % 3}
    scan = safar.scan(data, **ROLES, memory="40 kB").with_profiles(crm, key="id")
    assert len(scan._spill) > 1
    log = safar.EventLog(data, **ROLES).with_profiles(crm, key="id")
    assert scan.profiles == log.profiles
    assert scan.filter(where="group = 1").profiles == log.profiles
    assert scan.filter(where="group = 1").customers == log.filter(where="group = 1").customers
    assert safar.scan(data, **ROLES).profiles == []
    with pytest.raises(ArgumentTypeError, match="are whole numbers"):
        safar.scan(data, **ROLES).with_profiles({"id": ["a"], "x": [1]}, key="id")
