"""Other units than customers: sessions, journeys, accounts. Counts of units agree however they come about."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import DAY, SECOND, Event, journeys
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError
from strategies import BASE, big_table, columns_in, in_order, logs, observed, public_log, rows_in, wide_times

NAMES = ["customer", "time", "event", "channel", "value", "plan", "score"]


def events(log: safar.EventLog, names: Sequence[str] = NAMES) -> list[tuple[Any, ...]]:
    return rows_in(log.core.events_table(list(names)))


def rows_of(result: safar.ResultTable, *without: str) -> list[tuple[Any, ...]]:
    return rows_in(result.table, [name for name in result.columns if name not in without])


def stored(rows: Sequence[Event], log: safar.EventLog) -> list[Event]:
    """Return the rows in the order of the log."""
    by_customer = journeys(rows)
    order = columns_in(log.core.customers())["customer"]
    return [event for customer in order for event in by_customer[customer]]


# ------------------------------------------------------------------------------------------- columns of the log


@given(logs(), st.integers(1, 5))
def test_the_column_of_sessions_numbers_them_as_their_table_does(rows: list[Event], gap: int) -> None:
    log = public_log(rows)
    numbered = log.with_sessions(f"{gap}s", column="visit")
    found: dict[tuple[str, int], list[int]] = {}
    for customer, time, number in events(numbered, ["customer", "time", "visit"]):
        found.setdefault((customer, number), []).append(time)
    expected = {
        (customer, session): (start, end, count)
        for customer, session, start, end, count, _ in rows_in(log.sessions(f"{gap}s").table)
    }
    assert {key: (times[0], times[-1], len(times)) for key, times in found.items()} == expected
    assert events(numbered) == events(log)


@given(st.data())
def test_the_column_of_journeys_numbers_them_as_their_table_does(data: st.DataObject) -> None:
    rows = data.draw(logs())
    ends = data.draw(st.sampled_from(sorted({row.event for row in rows})))
    log = public_log(rows)
    table = log.journeys("2s", ends=ends).table
    expected = {
        (customer, number): count
        for customer, number, count in rows_in(table, ["customer", "journey", "events"])
    }
    found: dict[tuple[str, int], int] = {}
    for key in events(log.with_journeys("2s", ends=ends), ["customer", "journey"]):
        found[key[0], key[1]] = found.get((key[0], key[1]), 0) + 1
    assert found == expected


def test_numbers_stand_with_their_events_over_many_tasks() -> None:
    columns = {"customer": "customer", "time": "time", "event": "event"}
    log = safar.EventLog(big_table(400_000, 20_000), **columns)
    sessions = log.sessions("1h").table
    customer, time = (log.core.events_table([name]).numpy(name)[0] for name in ("customer", "time"))
    number = log.with_sessions("1h").core.events_table(["session"]).numpy("session")[0]
    first = np.flatnonzero(np.diff(number, prepend=0) | (customer != np.roll(customer, 1)))
    for name, found in (("customer", customer), ("session", number), ("start", time)):
        assert (sessions.numpy(name)[0] == found[first]).all()
    assert (np.diff(first, append=len(time)) == sessions.numpy("events")[0]).all()


def test_the_column_serves_conditions_and_segments() -> None:
    rows = [Event("u", BASE + second * SECOND, name) for second, name in ((0, "A"), (1, "B"), (100, "A"))]
    log = public_log(rows).with_sessions("10s")
    assert len(log.filter(where="session == 1")) == 2
    assert log.funnel(["A", "B"], by="session", entry="all").to_dict()["segment"] == ["1", "1", "2", "2"]
    with pytest.raises(ArgumentError, match="that is a role of the log"):
        log.with_sessions(column="event")
    with pytest.raises(ArgumentTypeError, match="column=1 is a int; expected text"):
        log.with_journeys(column=1)  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------- laws of units


@given(st.data())
def test_sessions_as_customers_are_as_many_as_sessions_and_hold_the_same_events(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    log = public_log(rows, observed_until=until)
    units = log.with_sessions("2s").per("session")
    sessions = log.sessions("2s")
    assert units.customers == len(sessions)
    assert len(units) == len(log) == sum(sessions.to_dict()["events"])
    assert units.events == log.events
    assert units.observed_until == log.observed_until
    expected = [
        (f"{customer}/{session}", start, end, count)
        for customer, session, start, end, count, _ in rows_in(sessions.table)
    ]
    customers = rows_in(units.core.customers(), ["customer", "first", "last", "events"])
    assert in_order(customers) == in_order(expected)


@given(st.data())
def test_paths_of_sessions_are_paths_of_customers_of_the_log_of_sessions(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    log = public_log(rows, observed_until=until)
    units = log.with_sessions("2s").per("session")
    assert rows_of(log.paths("sessions", gap="2s"), "customers") == rows_of(
        units.paths(inactivity="2s"), "customers"
    )
    for ask in ("steps", "flow"):
        assert in_order(rows_of(getattr(log, ask)("sessions", gap="2s"), "customers")) == in_order(
            rows_of(getattr(units, ask)(inactivity="2s"), "customers")
        )


@given(st.data(), st.integers(1, 4))
def test_attempts_that_hold_the_session_are_attempts_of_the_log_of_sessions(
    data: st.DataObject, within: int
) -> None:
    rows = data.draw(logs(unique_times=True))
    until = observed(data.draw, rows)
    names = sorted({row.event for row in rows})
    steps = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    log = public_log(rows, observed_until=until).with_sessions("2s")
    held = log.funnel(steps, within=f"{within}s", entry="all", hold="session")
    units = log.per("session").funnel(steps, within=f"{within}s", entry="all")
    assert held.to_dict() == units.to_dict()


@given(st.data())
def test_journeys_as_customers_convert_once_and_at_their_end(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    ends = data.draw(st.sampled_from(sorted({row.event for row in rows})))
    log = public_log(rows, observed_until=until)
    result = log.journeys("2s", ends=ends)
    units = log.with_journeys("2s", ends=ends).per("journey")
    converted = result.summary().to_dict()["converted"][0]
    assert units.customers == len(result)
    assert units.events.get(ends, 0) == converted
    assert units.funnel([ends]).completed == converted


# ---------------------------------------------------------------------------------------------------- regroup


@given(logs(wide_times()), st.sampled_from(["plan", "score", "channel"]))
def test_units_within_customers_equal_a_log_with_such_ids(rows: list[Event], column: str) -> None:
    log = public_log(rows)
    kept = [row for row in rows if getattr(row, column) is not None]
    if not kept:
        with pytest.raises(DataError, match=f'no event of this log has a value of "{column}"'):
            log.per(column)
        return
    until = max(row.time for row in rows)
    renamed = [row._replace(customer=f"{row.customer}/{getattr(row, column)}") for row in kept]
    units = log.per(column)
    assert events(units) == events(public_log(renamed, observed_until=until))
    owners = events(units, ["customer", "original_customer"])
    assert all(unit.rsplit("/", 1)[0] == owner for unit, owner in owners)
    assert units.info["filtered"] == len(rows) - len(kept)
    assert units.info["ties"] == public_log(renamed).info["ties"]
    assert (units.observed_until, units.observed_until_given) == (log.observed_until, False)


@given(logs(), st.sampled_from(["plan", "channel"]))
def test_units_across_customers_equal_a_log_with_the_values_as_ids(rows: list[Event], column: str) -> None:
    log = public_log(rows)
    kept = [row for row in stored(rows, log) if getattr(row, column) is not None]
    if not kept:
        return
    until = max(row.time for row in rows)
    renamed = [row._replace(customer=getattr(row, column)) for row in kept]
    units = log.per(column, across_customers=True)
    assert events(units) == events(public_log(renamed, observed_until=until))
    assert units.customers == len({row.customer for row in renamed})


def test_numbers_across_customers_are_ids_as_they_are() -> None:
    rows = [Event(f"c{i}", BASE + i, "A", score=i % 3) for i in range(7)]
    units = public_log(rows).per("score", across_customers=True)
    assert sorted(columns_in(units.core.customers())["customer"]) == [0, 1, 2]
    assert units.filter(customers=[2]).customers == 1
    assert sorted(set(columns_in(units.core.events_table(["original_customer"]))["original_customer"])) == [
        f"c{i}" for i in range(7)
    ]


def test_ids_of_two_units_never_coincide() -> None:
    names = ["a", "a/b", "a~1b", "a~0", "b/c", "~"]
    rows = [Event(customer, BASE, "A", plan=plan) for customer in names for plan in names]
    units = public_log(rows).per("plan")
    assert units.customers == len(rows)
    pairs = events(units, ["customer", "original_customer", "plan"])
    assert all(unit == f"{owner}/{plan.replace('~', '~0').replace('/', '~1')}" for unit, owner, plan in pairs)


def test_the_first_customer_is_kept_and_whole_numbers_stay_numbers() -> None:
    data = {"c": [7, 7, 8], "t": [1, 100, 1], "e": ["a", "b", "a"], "plan": ["x", None, "x"]}
    log = safar.EventLog(data, customer="c", time="t", event="e", time_unit="s", attributes=["plan"])
    once = log.with_sessions("10s").per("session")
    assert sorted(columns_in(once.core.customers())["customer"]) == ["7/1", "7/2", "8/1"]
    assert once.columns["original_customer"] == "Int64"
    assert once.filter(where="original_customer == 7").customers == 2
    twice = once.per("plan", across_customers=True)
    assert (twice.customers, len(twice)) == (1, 2)
    assert sorted(events(twice, ["original_customer"])) == [(7,), (8,)]
    assert twice.info["filtered"] == 1


def test_what_was_given_and_rejected_stays_known() -> None:
    data = {"c": ["u", None, "u"], "t": [1, 1, 2], "e": ["a", "a", "b"]}
    log = safar.EventLog(
        data,
        customer="c",
        time="t",
        event="e",
        time_unit="s",
        observed_until="2026-01-01",
        timezone="Asia/Tehran",
    ).with_sessions("1s")
    units = log.per("session")
    assert (units.rejected, units.timezone) == (log.rejected, "Asia/Tehran")
    assert units.observed_until_given
    assert units.observed_until.date() == datetime.date(2026, 1, 1)
    assert units.info["rows"] == 3


def test_columns_that_cannot_be_units_are_refused_with_the_way_out() -> None:
    log = public_log([Event("u", BASE, "A", value=0.5)])
    with pytest.raises(
        UnknownColumnError, match='column "plans" is not a column of this log; did you mean "plan"'
    ):
        log.per("plans")
    with pytest.raises(DataError, match='no event of this log has a value of "plan"'):
        log.per("plan")
    with pytest.raises((ArgumentTypeError, DataError), match='"value"'):
        log.per("value", across_customers=True)
    with pytest.raises(ArgumentTypeError, match="across_customers='yes' is a str; expected True or False"):
        log.per("value", across_customers="yes")  # type: ignore[arg-type]


def test_events_themselves_may_be_the_units() -> None:
    rows = [Event("u", BASE, "A"), Event("u", BASE + DAY, "B"), Event("v", BASE + 1, "A")]
    assert public_log(rows).per("event").customers == 3
    by_name = public_log(rows).per("event", across_customers=True)
    assert sorted(columns_in(by_name.core.customers())["customer"]) == ["A", "B"]
