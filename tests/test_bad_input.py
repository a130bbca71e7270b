"""Bad input: an error that names the column, the value, the row and the way out, or a counted reject. Never silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import safar
from safar.errors import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    FileError,
    SafarError,
    UnknownColumnError,
    UnknownEventError,
)
from strategies import rows_in

ROLES = {"customer": "user", "time": "at", "event": "what"}
TIMES = ["2026-03-01 10:00", "2026-03-01 10:05", "2026-03-02 09:00"]
GOOD: dict[str, Any] = {
    "user": ["ann", "ann", "bob"],
    "at": TIMES,
    "what": ["view", "purchase", "view"],
    "plan": ["free", "pro", "free"],
}


def frame(**columns: Any) -> dict[str, Any]:
    return GOOD | columns


def build(data: Any, **choice: Any) -> safar.EventLog:
    return safar.EventLog(data, **(ROLES | choice))


# A column of a type that its role can't have: wrong data to one eye, a wrong argument to another.
WRONG_TYPE = (DataError, ArgumentTypeError)


def refused(kind: type[Exception] | tuple[type[Exception], ...], call: Callable[[], Any], *words: str) -> str:
    """Assert that the call is refused with this class and that the message holds every word; return the message."""
    with pytest.raises(SafarError) as caught:
        call()
    assert isinstance(caught.value, kind), repr(caught.value)
    message = str(caught.value)
    assert message == message.strip()
    assert not message.startswith(("'", '"')) or not message.endswith(("'", '"')), "a quoted repr"
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"
    return message


def rejected(data: Any, column: str, rows: dict[int, str | None], **choice: Any) -> safar.EventLog:
    """Assert that exactly these rows are counted and kept, and that on_bad="raise" names the first of them."""
    log = build(data, **choice)
    found = log.rejects.to_dict()
    assert list(found) == ["row", "column", "reason", "value"]
    assert found["row"] == sorted(rows)
    assert set(found["column"]) == {column}
    for row, value in zip(found["row"], found["value"], strict=True):
        if rows[row] is None:
            assert value is None or not value.strip(), value
        else:
            assert rows[row] in (value or ""), (rows[row], value)
    assert sum(log.rejected.values()) == len(rows)
    assert set(log.rejected) == set(found["reason"])
    assert all(reason.strip() for reason in log.rejected)
    assert "rejected" in repr(log)
    first = min(rows)
    words = [f'"{column}"', str(first)]
    if rows[first] is not None:
        words.append(rows[first])
    refused(DataError, lambda: build(data, on_bad="raise", **choice), *words)
    return log


# ----------------------------------------------------------------------------------------------------- columns


@pytest.mark.parametrize("role", ["customer", "time", "event", "channel", "value"])
@pytest.mark.parametrize("form", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_a_missing_column_is_named_with_a_suggestion(role: str, form: Any) -> None:
    near = {"customer": "usr", "time": "att", "event": "waht", "channel": "plam", "value": "plan_"}[role]
    meant = {"customer": "user", "time": "at", "event": "what", "channel": "plan", "value": "plan"}[role]
    message = refused(
        UnknownColumnError, lambda: build(form(GOOD), **{role: near}), near, meant, "did you mean"
    )
    assert "available" in message
    assert isinstance(UnknownColumnError("x"), KeyError)


def test_a_missing_attribute_is_named() -> None:
    refused(UnknownColumnError, lambda: build(GOOD, attributes=["plna"]), "plna", "plan")
    refused(
        UnknownColumnError, lambda: build(GOOD, attributes=["nothing like it"]), "nothing like it", "user"
    )


def test_a_missing_column_of_a_file_is_named(tmp_path: Any) -> None:
    for path, write in ((tmp_path / "a.csv", "to_csv"), (tmp_path / "a.parquet", "to_parquet")):
        getattr(pd.DataFrame(GOOD), write)(path, index=False)
        refused(
            UnknownColumnError, lambda p=path: safar.read(p, **ROLES | {"customer": "usr"}), "usr", "user"
        )


def test_a_missing_column_of_a_plain_stream_is_named() -> None:
    class Stream:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return pa.table(GOOD).__arrow_c_stream__(requested_schema)

    assert len(build(Stream())) == 3
    refused(UnknownColumnError, lambda: build(Stream(), customer="usr"), "usr", "user")


def test_a_stream_that_breaks_off_is_an_error_of_safar_and_tells_the_cause() -> None:
    whole = pa.table(GOOD)

    def batches() -> Any:
        yield from whole.to_batches()
        raise RuntimeError("the connection was lost")

    reader = pa.RecordBatchReader.from_batches(whole.schema, batches())
    refused(SafarError, lambda: build(reader), "the connection was lost")


def test_text_that_is_not_utf8_is_refused_with_its_column() -> None:
    offsets, data = pa.py_buffer(np.array([0, 3, 5, 8], dtype="int32")), pa.py_buffer(b"ann\xff\xfebob")
    broken = pa.Array.from_buffers(pa.string(), 3, [None, offsets, data])
    for role in ("user", "what", "plan"):
        table = pa.table({**GOOD, role: broken})
        refused(DataError, lambda t=table: build(t, attributes=["plan"]), role)


def test_a_period_of_pandas_is_refused_or_is_its_beginning() -> None:
    data = pd.DataFrame(GOOD).assign(at=pd.period_range("2026-01", periods=3, freq="M"))
    for unit in (None, "s"):
        try:
            assert build(data, time_unit=unit).first == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        except SafarError as error:
            assert "number" not in str(error), "a period is no number"


def test_a_column_in_the_index_is_told_so() -> None:
    refused(
        UnknownColumnError,
        lambda: build(pd.DataFrame(GOOD).set_index("user")),
        "user",
        "index",
        "reset_index",
    )


def test_a_column_that_stands_twice_is_refused() -> None:
    twice = pd.DataFrame(GOOD).set_axis(["user", "at", "what", "user"], axis=1)
    refused(DataError, lambda: build(twice), "user", "2")
    arrow = pa.table([pa.array(v) for v in GOOD.values()], names=["user", "at", "what", "user"])
    refused(DataError, lambda: build(arrow), "user", "2")
    other = pd.DataFrame(GOOD).assign(more=1).set_axis(["user", "at", "what", "plan", "plan"], axis=1)
    assert len(build(other)) == 3, "a column that nobody asked for may stand twice"


def test_one_column_for_two_roles_is_refused() -> None:
    refused(ArgumentError, lambda: build(GOOD, event="user"), "user", "customer", "event")
    refused(ArgumentError, lambda: build(GOOD, attributes=["what"]), "what", "event")
    refused(ArgumentError, lambda: build(frame(customer=[1, 2, 3]), attributes=["customer"]), "customer")


NESTED: dict[str, pa.Array] = {
    "list": pa.array([[1], [2], None]),
    "struct": pa.array([{"a": 1}, {"a": 2}, None]),
    "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    "list of text": pa.array([["a"], ["b"], None]),
}


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("role", ["customer", "time", "event", "channel", "value", "attributes"])
def test_a_nested_column_is_refused(kind: str, role: str) -> None:
    table = pa.table(GOOD).append_column("deep", NESTED[kind])
    choice: dict[str, Any] = {role: ["deep"] if role == "attributes" else "deep"}
    refused(WRONG_TYPE, lambda: build(table, **choice), "deep")


WRONG: dict[str, tuple[str, Any]] = {
    "a boolean customer": ("customer", pa.array([True, False, True])),
    "a time as customer": ("customer", pa.array([dt.datetime(2026, 1, 1)] * 3)),
    "a boolean time": ("time", pa.array([True, False, True])),
    "a duration as time": ("time", pa.array([dt.timedelta(1)] * 3)),
    "a time as event": ("event", pa.array([dt.datetime(2026, 1, 1)] * 3)),
    "text as value": ("value", pa.array(["1", "2", "x"])),
    "a time as value": ("value", pa.array([dt.datetime(2026, 1, 1)] * 3)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_column_of_the_wrong_kind_is_refused(case: str) -> None:
    role, values = WRONG[case]
    table = pa.table(GOOD).append_column("odd", values)
    refused(WRONG_TYPE, lambda: build(table, **{role: "odd"}), "odd")


def test_mixed_kinds_in_a_column_are_refused_with_the_row() -> None:
    refused(DataError, lambda: build(frame(user=["ann", 7, "bob"])), "user", "7", "1")
    refused(DataError, lambda: build(frame(what=["view", "view", 3.5])), "what", "3.5", "2")
    refused(DataError, lambda: build(pd.DataFrame(frame(user=["ann", 7, "bob"]))), "user", "7", "1")
    refused(WRONG_TYPE, lambda: build(frame(plan=["a", {"b": 1}, "c"]), attributes=["plan"]), "plan", "1")


def test_columns_of_different_lengths_are_refused() -> None:
    refused(DataError, lambda: build(frame(user=["ann", "bob"])), "user", "2", "3")


def test_what_is_no_frame_is_refused_with_the_way_out(tmp_path: Any) -> None:
    for data in (None, 7, "events.csv", [1, 2], [{"user": "ann"}], pl.LazyFrame(GOOD), np.zeros(3), object()):
        refused(ArgumentTypeError, lambda d=data: build(d))
    refused(ArgumentTypeError, lambda: build("events.csv"), "safar.read")
    refused(FileError, lambda: safar.read(tmp_path / "nothing.parquet", **ROLES), "nothing.parquet")
    refused(FileError, lambda: safar.read(str(tmp_path / "*.parquet"), **ROLES), "*.parquet")
    (tmp_path / "events.xlsx").write_bytes(b"PK")
    refused(
        SafarError, lambda: safar.read(tmp_path / "events.xlsx", **ROLES), "events.xlsx", ".parquet", ".csv"
    )
    for name in ("broken.parquet", "broken.arrow", "broken.csv.gz"):
        (tmp_path / name).write_bytes(b"this is not what its name says")
        refused(FileError, lambda n=name: safar.read(tmp_path / n, **ROLES), name)
    (tmp_path / "empty.csv").write_bytes(b"")
    refused(SafarError, lambda: safar.read(tmp_path / "empty.csv", **ROLES))


# ---------------------------------------------------------------------------------------------------- customers


@pytest.mark.parametrize("missing", [None, "", "   ", "\t\n"])
@pytest.mark.parametrize("form", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_a_null_or_blank_customer_is_a_counted_reject(missing: Any, form: Any) -> None:
    log = rejected(form(frame(user=["ann", missing, "bob"])), "user", {1: None})
    assert log.customers == 2
    assert log.events == {"view": 2}


def test_missing_numbers_are_missing_customers() -> None:
    for column in (pd.array([1, None, 2], dtype="Int64"), pd.array([1.0, np.nan, 2.0])):
        rejected(pd.DataFrame(frame(user=column)), "user", {1: None})
    rejected(pl.DataFrame(frame(user=[1, None, 2])), "user", {1: None})


def test_a_null_or_blank_event_is_a_counted_reject() -> None:
    for missing in (None, "", "  "):
        log = rejected(frame(what=["view", missing, "view"]), "what", {1: None})
        assert log.events == {"view": 2}


# -------------------------------------------------------------------------------------------------------- times


def test_a_null_time_is_a_counted_reject() -> None:
    rejected(frame(at=[TIMES[0], None, TIMES[2]]), "at", {1: None})
    rejected(pd.DataFrame(frame(at=pd.to_datetime([TIMES[0], None, TIMES[2]]))), "at", {1: None})
    zoned = pd.to_datetime([TIMES[0], None, TIMES[2]]).tz_localize("Asia/Tehran")
    rejected(pd.DataFrame(frame(at=zoned)), "at", {1: None})
    rejected(
        pl.DataFrame(frame(at=[dt.datetime(2026, 3, 1), None, dt.datetime(2026, 3, 2)])), "at", {1: None}
    )
    rejected(frame(at=np.array(["2026-03-01", "NaT", "2026-03-02"], dtype="datetime64[s]")), "at", {1: None})
    rejected(frame(at=[1.7e9, float("nan"), 1.7e9]), "at", {1: None}, time_unit="s")


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "03/01/2026",
        "2026-13-01",
        "2026-02-30",
        "2026-03-01 25:00",
        "2026-03-01T10:00+99:00",
        "20260301x",
        "1405-01-01x",
        "2026-03-01 10:00 AM",
        "۲۰۲۶-۱۳-۰۱",
        "",
        "2026-03-01T10:00:00ZZ",
        "2026",
        "NaN",
    ],
)
def test_a_time_that_can_not_be_read_is_a_counted_reject(text: str) -> None:
    rejected(frame(at=[TIMES[0], text, TIMES[2]]), "at", {1: text or None})


@pytest.mark.parametrize(
    "text",
    ["1899-12-31 23:59:59", "2200-01-01 00:00:01", "0001-01-01", "9999-12-31", "2626-03-01", "1403-01-01"],
)
def test_a_time_outside_1900_to_2200_is_a_counted_reject(text: str) -> None:
    rejected(frame(at=[TIMES[0], text, TIMES[2]]), "at", {1: text[:4]})
    column = pl.Series([TIMES[0], text[:10] + " 00:00", TIMES[2]]).str.to_datetime(
        "%Y-%m-%d %H:%M", time_unit="us"
    )
    if text < "2200-01-01 00:00:01" or text[:4] != "2200":
        rejected(pl.DataFrame(frame(at=column)), "at", {1: text[:4]})


def test_a_unit_that_is_wrong_shows_in_the_rejects() -> None:
    milliseconds = [1_772_360_000_000 + i for i in range(3)]
    message = refused(DataError, lambda: build(frame(at=milliseconds), time_unit="s"), "at")
    assert "time_unit" in message or "1900" in message


def test_numbers_as_times_ask_for_their_unit() -> None:
    refused(SafarError, lambda: build(frame(at=[1, 2, 3])), "at", "time_unit", '"ms"')
    refused(ArgumentError, lambda: build(frame(at=[1, 2, 3]), time_unit="minutes"), "minutes", "ms")


def test_extreme_numbers_as_times_are_rejected_and_do_not_wrap() -> None:
    for unit in ("s", "ms", "us", "ns"):
        extremes = [0, 2**63 - 1, -(2**63), 0]
        data = {"user": list("abcd"), "at": extremes, "what": ["A"] * 4}
        log = build(data, time_unit=unit)
        kept = {row for (row,) in rows_in(log.core.events_table(None), ["customer"])}
        # 2**63 ns lie past 2200 (in 2262) and before 1900 (in 1677), as do all the longer units
        assert kept == {"a", "d"}, unit
        assert log.rejects.to_dict()["row"] == [1, 2]
    table = pa.table(
        {"user": ["a", "b"], "at": pa.array([0, 2**63 - 1], pa.timestamp("s")), "what": ["A", "A"]}
    )
    assert build(table).rejects.to_dict()["row"] == [1]
    table = pa.table(
        {"user": ["a", "b"], "at": pa.array([0, 2**31 - 1], pa.int32()).cast(pa.date32()), "what": ["A", "A"]}
    )
    assert build(table).rejects.to_dict()["row"] == [1]


@pytest.mark.parametrize(
    ("times", "value"),
    [
        (pa.array([2**63 - 1], pa.timestamp("us")), str(2**63 - 1)),
        (pa.array([-(2**63)], pa.timestamp("s", "UTC")), str(-(2**63))),
        (pa.array([213_503_982 + 20_000], pa.date32()), str(213_503_982 + 20_000)),
        (pa.array([2**63 - 1], pa.date64()), str(2**63 - 1)),
        (pa.array([4_102_444_800 * 1_000], pa.timestamp("s")), "131970-01-01T00:00:00"),
    ],
    ids=str,
)
def test_a_time_that_no_calendar_has_is_shown_as_the_number_that_it_is(times: pa.Array, value: str) -> None:
    usual = pa.array([0], times.type)
    data = pa.table({"who": ["a", "b"], "when": pa.concat_arrays([usual, times]), "what": ["x", "x"]})
    log = safar.EventLog(data, customer="who", time="when", event="what")
    assert log.rejected == {"time_out_of_range": 1}
    found = log.rejects.to_dict()["value"]
    assert found == [value] or value == "131970-01-01T00:00:00"
    assert "rror" not in found[0]


def test_mixed_zones_are_refused() -> None:
    aware, naive = dt.datetime(2026, 3, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 1)
    for times in ([aware, naive, aware], [naive, aware, None]):
        refused(DataError, lambda t=times: build(frame(at=t)), "at", "zone")
        refused(
            DataError, lambda t=times: build(pd.DataFrame(frame(at=pd.Series(t, dtype=object)))), "at", "zone"
        )


def test_text_with_and_without_offsets_is_not_silently_mixed() -> None:
    data = frame(at=["2026-03-01T10:00:00Z", "2026-03-01T10:00:00", "2026-03-01T10:00:00+03:30"])
    try:
        log = build(data, timezone="Asia/Tehran")
    except DataError as error:
        assert "at" in str(error)
        return
    assert log.rejects.to_dict()["row"] == [1]


# -------------------------------------------------------------------------------------------- nothing to count


@pytest.mark.parametrize("form", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_an_empty_frame_is_refused(form: Any) -> None:
    empty = {name: values[:0] for name, values in GOOD.items()}
    if form is pl.DataFrame:
        data = pl.DataFrame(GOOD).clear()
    elif form is pd.DataFrame:
        data = pd.DataFrame(GOOD).iloc[:0]
    elif form is pa.table:
        data = pa.table(GOOD).slice(0, 0)
    else:
        data = empty
    refused(DataError, lambda: build(data), "no")


def test_a_frame_of_bad_rows_only_is_refused_with_the_reasons() -> None:
    message = refused(DataError, lambda: build(frame(user=[None, "", " "])), "user", "3")
    assert "row" in message
    refused(DataError, lambda: build(frame(at=["x", "y", "z"])), "at", "x")


def test_no_row_of_the_asked_events_is_refused() -> None:
    refused(SafarError, lambda: safar.funnel(GOOD, ["cart", "checkout"], **ROLES), "cart")


# ------------------------------------------------------------------------------------------------------- events


@pytest.mark.parametrize("name", ["(start)", "(end)", "(open)"])
def test_a_reserved_name_is_never_counted_as_an_event(name: str) -> None:
    data = frame(what=["view", name, "view"])
    try:
        log = build(data)
    except DataError as error:
        assert all(word in str(error) for word in ("what", name, "1"))
        return
    rejected(data, "what", {1: name})
    assert log.events == {"view": 2}


@pytest.mark.parametrize("missing", [float("nan"), np.float32("nan"), np.nan])
def test_a_list_of_missing_numbers_is_a_column_of_numbers(missing: Any) -> None:
    data = {"who": ["a", "a"], "when": [1, 2], "what": ["x", "y"], "worth": [missing, None]}
    roles: dict[str, Any] = {"customer": "who", "time": "when", "event": "what", "time_unit": "s"}
    log = safar.EventLog(data, **roles, value="worth", attributes=["worth"][:0])
    assert log.columns == {"value": "Float64"}
    assert log.to_pandas()["value"].isna().all()
    # As names, missing numbers are missing names.
    assert safar.EventLog(data, **roles, channel="worth").channels == {}
    assert safar.EventLog(pd.DataFrame(data), **roles, channel="worth").channels == {}
    with pytest.raises(safar.SafarError, match="text"):
        safar.EventLog(data | {"worth": [missing, 1.5]}, **roles, channel="worth")


def test_a_condition_without_a_name_is_told_its_name() -> None:
    data = {"who": ["a", "b"], "when": [1, 2], "what": ["x", "y"], "worth": [1.0, 2.0], "flag": [True, False]}
    roles: dict[str, Any] = {"customer": "who", "time": "when", "event": "what", "time_unit": "s"}
    roles |= {"value": "worth", "attributes": ["flag"]}
    for log in (safar.EventLog(data, **roles), safar.scan(data, **roles)):
        for given, way_out in (
            ("x", 'events="x"'),
            ("value", 'where="value is not null"'),
            ("flag", 'where="flag"'),
            ("value > 1", "where='value > 1'"),
            (["x"], "events="),
        ):
            with pytest.raises(safar.ArgumentTypeError) as caught:
                log.filter(given)
            assert way_out in str(caught.value)
    assert len(safar.EventLog(data, **roles).filter(where="flag")) == 1
    assert len(safar.EventLog(data, **roles).filter(where="value is not null")) == 2


def test_an_unknown_event_is_named_with_a_suggestion() -> None:
    log = build(GOOD)
    calls: list[Callable[[], Any]] = [
        lambda: log.funnel(["view", "purchse"]),
        lambda: log.funnel(["view", ["purchse", "view"]]),
        lambda: log.funnel([safar.step("view"), safar.step("purchse")]),
        lambda: log.retention(start="purchse"),
        lambda: log.retention(back=["view", "purchse"]),
        lambda: safar.funnel(GOOD, ["view", "purchse"], **ROLES),
    ]
    for call in calls:
        message = refused(UnknownEventError, call, "purchse", "did you mean", "purchase")
        assert "2 events" in message
    assert isinstance(UnknownEventError("x"), KeyError)
    refused(UnknownEventError, lambda: log.funnel(["entirely other"]), "entirely other", "view", "purchase")


def test_one_customer_with_all_rows_is_fine() -> None:
    number = 50_000
    log = build(
        {"user": ["ann"] * number, "at": np.arange(number), "what": ["view", "buy"] * (number // 2)},
        time_unit="s",
    )
    assert (log.customers, len(log)) == (1, number)
    assert log.funnel(["view", "buy"]).completed == 1
    assert len(log.sessions()) == 1


# ---------------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize("window", ["-1d", "0s", dt.timedelta(-1), dt.timedelta(0), "-0.5h"])
def test_a_negative_or_empty_window_is_refused(window: Any) -> None:
    log = build(GOOD)
    for name, call in (
        ("within", lambda: log.funnel(["view"], within=window)),
        ("gap", lambda: log.sessions(window)),
        ("inactivity", lambda: log.transitions(inactivity=window)),
    ):
        refused(ArgumentError, call, name)


@pytest.mark.parametrize("window", ["7 days", "soon", "", "7", "d", "1e3d", "7D", "nan h", "99999999999w"])
def test_a_text_that_is_no_duration_is_refused(window: str) -> None:
    refused(ArgumentError, lambda: build(GOOD).funnel(["view"], within=window), "within", repr(window)[1:-1])


@pytest.mark.parametrize("window", [7, 7.5, True, ["7d"], np.timedelta64("NaT")])
def test_a_number_is_no_duration(window: Any) -> None:
    refused(ArgumentTypeError, lambda: build(GOOD).funnel(["view"], within=window), "within")


def test_choices_name_what_is_allowed() -> None:
    log = build(GOOD)
    refused(ArgumentError, lambda: log.retention(period="weak"), "period", "weak", "week", "month", "day")
    refused(ArgumentError, lambda: log.retention(calendar="persian"), "calendar", "jalali", "gregorian")
    refused(ArgumentError, lambda: log.funnel(["view"], at="middle"), "at", "entry", "first", "last")
    refused(ArgumentError, lambda: build(GOOD, on_bad="ignore"), "on_bad", "reject", "raise")
    refused(ArgumentError, lambda: build(GOOD, timezone="Asia/Teheran"), "timezone", "Asia/Tehran")
    for week_start in (7, -1, "someday", 2.5):
        refused(SafarError, lambda w=week_start: log.retention(week_start=w), "week_start")


def test_a_funnel_without_steps_is_refused() -> None:
    log = build(GOOD)
    refused(SafarError, lambda: log.funnel([]), "steps")
    refused(SafarError, lambda: log.funnel(["view", []]))
    refused(SafarError, lambda: log.funnel(["view", 7]), "7")
    refused(SafarError, lambda: log.funnel("view"), "steps")
    refused(SafarError, lambda: log.funnel(["view", ""]))
    refused(SafarError, lambda: log.funnel(["view"] * 10_000), "steps")


def test_a_segment_that_is_no_column_is_named() -> None:
    log = build(GOOD, attributes=["plan"])
    for call in (
        lambda: log.funnel(["view"], by="plam"),
        lambda: log.retention(by="plam"),
        lambda: log.sessions(by="plam"),
        lambda: log.transitions(by="plam"),
    ):
        refused(UnknownColumnError, call, "plam", "plan")
    refused(UnknownColumnError, lambda: build(GOOD).funnel(["view"], by="plan"), "plan", "attributes")
    assert set(log.funnel(["view"], by="plan").to_dict()["segment"]) == {"free"}


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("plam == 'pro'", ["plam", "plan"]),
        ("plan == ", []),
        ("plan = = 'pro'", []),
        ("plan == 'pro", []),
        ("(plan == 'pro'", []),
        ("plan", ["plan"]),
        ("plan > 3", ["plan"]),
        ("plan + 1 > 3", ["plan"]),
        ("1 + 1", []),
        ("import os", []),
        ("__import__('os')", []),
        ("plan == 'pro'; drop", []),
        ("plan in ()", []),
        ("", []),
        ("   ", []),
    ],
)
def test_a_condition_that_can_not_be_read_is_refused(where: str, words: list[str]) -> None:
    log = build(GOOD, attributes=["plan"])
    refused(SafarError, lambda: log.funnel([safar.step("view", where=where)]), *words)


def test_events_after_the_observed_end_are_counted_rejects() -> None:
    log = rejected(GOOD, "at", {1: "10:05", 2: "03-02"}, observed_until="2026-03-01 10:02")
    assert (len(log), log.last < log.observed_until) == (1, True)
    assert build(GOOD, observed_until="2026-03-02 09:00").rejected == {}
    refused(DataError, lambda: build(GOOD, observed_until="2026-02-01"), "3")


@pytest.mark.parametrize("value", ["soon", 7, "2026-02-30", "", True])
def test_an_observed_end_that_is_no_time_is_refused(value: Any) -> None:
    refused(SafarError, lambda: build(GOOD, observed_until=value), "observed_until")


def test_a_spec_that_is_nonsense_is_refused() -> None:
    for text in (
        "",
        "[]",
        "{}",
        '{"analysis": "funel"}',
        '{"analysis": "funnel"}',
        '{"analysis": "sessions", "gab": 1}',
        '{"analysis": "funnel", "steps": [3]}',
        '{"analysis": "sessions", "gap": "-1d"}',
    ):
        refused(SafarError, lambda t=text: safar.Spec.from_json(t))


def test_every_error_of_safar_is_one_of_its_family() -> None:
    from safar import errors

    parents: dict[str, type[Exception]] = {
        "ArgumentError": ValueError,
        "ArgumentTypeError": TypeError,
        "DataError": ValueError,
        "FileError": OSError,
        "InternalError": RuntimeError,
        "UnknownColumnError": KeyError,
        "UnknownEventError": KeyError,
    }
    assert set(parents) <= set(errors.__all__)
    assert all(issubclass(getattr(errors, name), SafarError) for name in errors.__all__)
    for name, parent in parents.items():
        kind = getattr(errors, name)
        assert issubclass(kind, SafarError)
        assert issubclass(kind, parent)
        assert getattr(safar, name) is kind
        assert str(kind('a "word" here')) == 'a "word" here'
