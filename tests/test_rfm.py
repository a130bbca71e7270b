"""Recency, frequency and monetary value: how long ago, how often and for how much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Event
from safar.errors import ArgumentError, ArgumentTypeError, UnknownColumnError, UnknownEventError
from strategies import BASE, NAMES, PLANS, in_order, logs, moment, observed, public_log, rows_in, wide_times

COLUMNS = ["customer", "recency_days", "frequency", "monetary", "without_value", "first", "last"]


def same(result: safar.ResultTable, expected: Sequence[oracles.Rfm]) -> None:
    """Assert that the rows are those of the oracle; sums of floats in the order of time are equal to the last bit."""
    assert in_order(rows_in(result.table, COLUMNS)) == in_order([tuple(row) for row in expected])


@given(st.data())
def test_rfm_equals_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    present = sorted({row.event for row in rows})
    names = data.draw(st.none() | st.lists(st.sampled_from(present), min_size=1, unique=True))
    at = data.draw(st.none() | st.integers(BASE // SECOND, until // SECOND).map(lambda s: s * SECOND))
    amount = data.draw(st.sampled_from(["value", "score"]))
    result = public_log(rows, observed_until=until).rfm(
        names, at=None if at is None else moment(at), value=amount
    )
    expected = oracles.rfm(rows, names, until if at is None else at, lambda e: getattr(e, amount))
    same(result, expected)


@given(logs(wide_times()))
def test_rfm_equals_the_oracle_over_three_centuries(rows: list[Event]) -> None:
    same(public_log(rows).rfm(), oracles.rfm(rows, None, oracles.last_time(rows), lambda e: e.value))


@given(logs(unique_times=True), st.sampled_from(NAMES))
def test_a_segment_is_the_value_at_the_first_counted_event(rows: list[Event], name: str) -> None:
    if name not in {row.event for row in rows}:
        return
    result = public_log(rows).rfm(name, by="plan")
    for row in rows_in(result.table, ["segment", "customer", "first"]):
        assert row[0] in PLANS
        assert row[0] == next(e.plan for e in rows if (e.customer, e.time) == row[1:])


def log_of(*rows: tuple[Any, ...], **choice: Any) -> safar.EventLog:
    names = ("customer", "time", "event", "value")
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return safar.EventLog(
        columns, customer="customer", time="time", event="event", **({"value": "value"} | choice)
    )


SHOP = log_of(
    ("ann", "2026-03-01 12:00", "purchase", 20.0),
    ("ann", "2026-03-05 00:00", "purchase", 12.5),
    ("ann", "2026-03-08 00:00", "view", None),
    ("bob", "2026-03-02 06:00", "purchase", None),
    ("cem", "2026-03-09 00:00", "view", None),
)


def rows_of(result: safar.ResultTable) -> dict[str, tuple[Any, ...]]:
    columns = result.to_dict()
    return {row[0]: row[1:] for row in zip(*(columns[name] for name in COLUMNS), strict=True)}


def test_who_has_no_such_event_has_no_row() -> None:
    assert sorted(rows_of(SHOP.rfm("purchase"))) == ["ann", "bob"]
    assert sorted(rows_of(SHOP.rfm())) == ["ann", "bob", "cem"]


def test_recency_is_counted_in_days_of_24_hours_to_the_end_of_the_data() -> None:
    found = rows_of(SHOP.rfm("purchase"))
    assert (found["ann"][0], found["bob"][0]) == (4.0, 6.75)
    assert rows_of(SHOP.rfm())["cem"][0] == 0


def test_a_sum_without_any_known_value_is_null_and_the_unknown_ones_are_counted() -> None:
    found = rows_of(SHOP.rfm("purchase"))
    assert found["ann"][1:4] == (2, 32.5, 0)
    assert found["bob"][1:4] == (1, None, 1)
    assert rows_of(SHOP.rfm())["ann"][1:4] == (3, 32.5, 1)


def test_a_log_without_values_has_no_monetary_value() -> None:
    log = log_of(("ann", "2026-03-01", "purchase", 1.0), value=None)
    assert rows_of(log.rfm())["ann"][1:4] == (1, None, None)
    assert "monetary is null" in log.rfm().definition


def test_not_a_number_is_no_value_and_refunds_lower_the_sum() -> None:
    log = log_of(
        ("ann", "2026-03-01", "purchase", 5.0),
        ("ann", "2026-03-02", "refund", -5.0),
        ("ann", "2026-03-03", "purchase", float("nan")),
    )
    assert rows_of(log.rfm())["ann"][1:4] == (3, 0.0, 1)


def test_what_happened_after_the_instant_is_not_looked_at() -> None:
    found = rows_of(SHOP.rfm("purchase", at="2026-03-05"))
    assert found["ann"][:3] == (0.0, 2, 32.5)
    earlier = rows_of(SHOP.rfm("purchase", at=dt.date(2026, 3, 2)))
    assert list(earlier) == ["ann"]
    assert earlier["ann"][:3] == (0.5, 1, 20.0)
    assert len(SHOP.rfm("purchase", at="2026-02-01")) == 0


def test_an_instant_that_the_data_do_not_reach_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"at='2026-04-01' is after 2026-03-09.*observed_until="):
        SHOP.rfm(at="2026-04-01")
    late = log_of(("ann", "2026-03-01", "purchase", 1.0), observed_until="2026-04-01")
    assert rows_of(late.rfm())["ann"][0] == 31


def test_one_customer_may_hold_the_whole_log_and_all_at_one_time() -> None:
    log = log_of(*[("ann", "2026-03-01", "purchase", 0.1)] * 1_000)
    assert rows_of(log.rfm())["ann"][:2] == (0.0, 1_000)
    assert rows_of(log.rfm())["ann"][2] == sum([0.1] * 1_000)


def test_amounts_may_stand_in_any_column_of_numbers() -> None:
    columns = {
        "who": ["ann", "ann", "bob"],
        "when": ["2026-03-01", "2026-03-02", "2026-03-02"],
        "what": ["buy", "buy", "buy"],
        "items": [2, 3, 4],
        "plan": ["free", "pro", "pro"],
    }
    log = safar.EventLog(columns, customer="who", time="when", event="what", attributes=["items", "plan"])
    assert sorted(log.rfm(value="items").to_dict()["monetary"]) == [4.0, 5.0]
    for value in ("plan", "weight", 3):
        with pytest.raises((ArgumentTypeError, UnknownColumnError), match=r"plan|weight|expected"):
            log.rfm(value=value)  # type: ignore[arg-type]
    with pytest.raises(UnknownEventError, match="buy"):
        log.rfm("by")


def test_a_large_log_in_any_order_gives_the_numbers_of_polars() -> None:
    draw = np.random.default_rng(5)
    rows = 300_000
    frame = pl.DataFrame(
        {
            "who": draw.integers(0, 20_000, rows),
            "when": pl.Series(BASE + draw.integers(0, 90 * DAY, rows)).cast(pl.Datetime("us", "UTC")),
            "what": np.array(["view", "cart", "buy"])[draw.integers(0, 3, rows)],
            "sum": np.where(draw.random(rows) < 0.3, np.nan, draw.integers(0, 500, rows)),
        }
    )
    log = safar.EventLog(frame, customer="who", time="when", event="what", value="sum")
    found = pl.DataFrame(log.rfm("buy").to_polars()).sort("customer")
    until = frame["when"].max()
    number = pl.col("sum").fill_nan(None)
    expected = (
        frame.filter(pl.col("what") == "buy")
        .group_by(customer="who")
        .agg(
            recency_days=(until - pl.col("when").max()).dt.total_microseconds() / DAY,
            frequency=pl.len().cast(pl.Int64),
            monetary=pl.when(number.count() > 0).then(number.sum()),
            without_value=number.null_count().cast(pl.Int64),
        )
        .sort("customer")
    )
    for name in expected.columns:
        ours, theirs = found[name].to_list(), expected[name].to_list()
        assert ours == (pytest.approx(theirs, rel=1e-15) if name == "recency_days" else theirs)


def test_asked_of_the_data_directly_it_has_the_same_answer() -> None:
    columns = {
        "who": ["ann", "bob", "ann", "cem"],
        "when": ["2026-03-01", "2026-03-02", "2026-03-04", "2026-03-05"],
        "what": ["buy", "view", "buy", "buy"],
        "sum": [1.5, None, 2.0, 4.0],
    }
    roles: dict[str, Any] = {"customer": "who", "time": "when", "event": "what", "value": "sum"}
    for events in (None, "buy", ["buy", "view"]):
        direct = safar.rfm(columns, events, **roles)
        asked = safar.EventLog(columns, **roles).rfm(events)
        assert rows_of(direct) == rows_of(asked)
        assert (direct.definition, direct.spec) == (asked.definition, asked.spec)
    with pytest.raises(UnknownEventError, match="did you mean"):
        safar.rfm(columns, "bui", **roles)


def test_the_segments_add_up() -> None:
    rows = [Event(f"c{i}", BASE + i * SECOND, "A", "web" if i % 3 else None, 1.0) for i in range(9)]
    result = public_log(rows).rfm(by="channel").to_dict()
    assert sorted(map(str, result["segment"])) == ["None"] * 3 + ["web"] * 6


def test_a_definition_says_what_was_counted() -> None:
    definition = SHOP.rfm("purchase", at="2026-03-05").definition
    assert definition.startswith("Customers with at least one purchase event up to 2026-03-05 00:00:00 UTC:")


def test_a_bad_row_of_another_event_stops_a_question_of_the_data() -> None:
    data = {"who": ["ann", None], "at": ["2026-03-01", "2026-03-02"], "what": ["buy", "view"]}
    roles: dict[str, Any] = {"customer": "who", "time": "at", "event": "what"}
    assert safar.rfm(data, "buy", **roles).to_dict()["frequency"] == [1]
    for question in (
        lambda: safar.rfm(data, "buy", **roles, on_bad="raise"),
        lambda: safar.funnel(data, ["buy"], **roles, on_bad="raise"),
    ):
        with pytest.raises(safar.DataError, match="row 1"):
            question()


def test_files_are_asked_directly_as_frames_are(tmp_path: Path) -> None:
    data = pa.table(
        {
            "user": ["ann", "bob", "ann", "cem"],
            "at": pa.array([10**15, 10**15 + 5, 10**15 + 9, 10**15 + 11], pa.timestamp("us")),
            "what": ["purchase", "view", "view", "purchase"],
            "paid": [3.5, None, None, 2.0],
        }
    )
    path = tmp_path / "events.parquet"
    pq.write_table(data, path, row_group_size=1)
    roles = {"customer": "user", "time": "at", "event": "what"}
    asked = safar.rfm(path, "purchase", value="paid", **roles)
    assert asked.to_dict() == safar.rfm(data, "purchase", value="paid", **roles).to_dict()
    steps = ["view", "purchase"]
    assert safar.funnel([path], steps, **roles).to_dict() == safar.funnel(data, steps, **roles).to_dict()
    with pytest.raises(safar.UnknownEventError, match='did you mean "purchase"'):
        safar.rfm(str(path), "purchse", **roles)
