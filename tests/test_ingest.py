"""Ingest: any frame in, every event kept in its place. The oracle is a stable sort by customer and time."""

from __future__ import annotations

import datetime as dt
import gc
import itertools
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

import oracles
import safar
from oracles import DAY, SECOND
from safar import _core
from strategies import BASE, columns_in, core_log, logs, rows_in

ROLES = {"customer": "customer", "time": "time", "event": "event"}


def build(data: Any, attributes: Sequence[str] = ("row",), **choice: Any) -> safar.EventLog:
    return safar.EventLog(data, **(ROLES | {"attributes": list(attributes)} | choice))


def events_of(log: safar.EventLog, *names: str) -> list[tuple[Any, ...]]:
    return rows_in(log.core.events_table(None), names)


def same_events(log: safar.EventLog, expected: Iterable[tuple[Any, int, str, int]]) -> None:
    """Assert that the log holds these (customer, time, event, row) sorted stably, each customer in one piece."""
    expected = sorted(expected, key=lambda e: (str(e[0]), e[1]))
    found = events_of(log, "customer", "time", "event", "row")
    pieces = 1 + sum(a[0] != b[0] for a, b in itertools.pairwise(found))
    assert pieces == len({e[0] for e in expected}) == log.customers
    assert sorted(found, key=lambda e: str(e[0])) == expected
    assert len(log) == len(expected)


def frame_of(
    ids: Any, times: Any | None = None, events: Any | None = None, number: int | None = None
) -> tuple[pa.Table, list[int], list[str]]:
    """Return a table over these ids, and the times and events that it has."""
    number = len(ids) if number is None else number
    draw = random.Random(number)
    when = [BASE + draw.randrange(6) * SECOND for _ in range(number)] if times is None else times
    what = [draw.choice("ABC") for _ in range(number)] if events is None else events
    table = pa.table(
        {
            "customer": ids,
            "time": pa.array(when, pa.timestamp("us", "UTC")),
            "event": what,
            "row": range(number),
        }
    )
    return table, when, what


# -------------------------------------------------------------------------------------------------------- ids

TEXTS = [
    "a",
    "b",
    "customer-0000001",  # longer than what an inline string holds
    "customer-0000002",
    "customer-00000010",
    "customer",
    "کاربر ۱",
    "كاربر ۱",  # Arabic kaf: another id
    "می‌روم",  # with a zero-width non-joiner
    "میروم",
    "A",
    " a",
    "a ",
    "007",
    "7",
    "x" * 15,
    "x" * 16,
    "x" * 12,
    "x" * 13,
    "x" * 500,
    "x" * 499 + "y",
    "null",
    "NaN",
    "-1",
    "0",
    "a\x00b",
    "a\x00c",
    "🙂" * 9,
]
IDS = [random.Random(1).choice(TEXTS) for _ in range(600)]

TEXT_FORMS: dict[str, Callable[[list[str]], Any]] = {
    "string": lambda ids: pa.array(ids, pa.string()),
    "large_string": lambda ids: pa.array(ids, pa.large_string()),
    "string_view": lambda ids: pa.array(ids, pa.string_view()),
    "dictionary of int8": lambda ids: (
        pa.array(ids).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))
    ),
    "dictionary of int32": lambda ids: pa.array(ids).dictionary_encode(),
    "dictionary of large_string": lambda ids: pa.array(ids, pa.large_string()).dictionary_encode(),
    "chunks": lambda ids: pa.chunked_array([ids[:1], ids[1:7], [], ids[7:300], ids[300:]], pa.string()),
    "chunks with dictionaries of their own": lambda ids: pa.chunked_array(
        [pa.array(ids[i : i + 50]).dictionary_encode() for i in range(0, len(ids), 50)]
    ),
    "a slice": lambda ids: pa.array(["head", *ids, "tail", "tail"]).slice(1, len(ids)),
    "a slice of a view": lambda ids: pa.array(["head", *ids, "tail"], pa.string_view()).slice(1, len(ids)),
    "a slice of a dictionary": lambda ids: pa.array(["head", *ids]).dictionary_encode().slice(1),
}


@pytest.mark.parametrize("form", TEXT_FORMS)
def test_text_ids_come_back_as_given_in_every_arrow_form(form: str) -> None:
    table, when, what = frame_of(TEXT_FORMS[form](IDS))
    same_events(build(table), zip(IDS, when, what, range(len(IDS)), strict=True))


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integer_ids_come_back_as_integers(kind: str) -> None:
    limits = np.iinfo(kind)
    some = [limits.min, limits.max, 0, 1, 2, 100, limits.max - 1]
    if kind == "uint64":
        some = [0, 1, 2, 100, 2**63 - 1]
    ids = [random.Random(2).choice(some) for _ in range(7)] + some * 30
    table, when, what = frame_of(pa.array(ids, pa.type_for_alias(kind)))
    same_events(build(table), zip(ids, when, what, range(len(ids)), strict=True))


def test_an_unsigned_id_that_int64_does_not_hold_is_kept_or_refused() -> None:
    ids = [1, 2**64 - 1, 2**63, 2**63 + 1, 1]
    table, when, what = frame_of(pa.array(ids, pa.uint64()))
    try:
        log = build(table)
    except safar.errors.SafarError as error:
        assert "customer" in str(error)
        return
    kept = [e for e in zip(ids, when, what, range(len(ids)), strict=True) if e[0] < 2**63]
    if sum(log.rejected.values()):
        assert sum(log.rejected.values()) == 3
        same_events(log, kept)
    else:
        assert log.customers == 4


def test_numbers_that_a_hash_of_the_low_bits_would_mix_stay_apart() -> None:
    ids = [i << shift for i in range(1, 200) for shift in (0, 8, 16, 32, 48)]
    table, when, what = frame_of(pa.array(ids, pa.int64()))
    same_events(build(table), zip(ids, when, what, range(len(ids)), strict=True))


def test_uuids_in_binary_come_back_as_text() -> None:
    ids = [uuid.UUID(int=random.Random(i % 9).getrandbits(128)) for i in range(200)]
    ids += [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]
    table, when, what = frame_of(pa.array([i.bytes for i in ids], pa.binary(16)))
    same_events(build(table), zip(map(str, ids), when, what, range(len(ids)), strict=True))


def test_uuids_as_text_come_back_in_the_letters_they_had() -> None:
    one = "6f1c0f0e-8d5a-4f0e-9a57-0d4d3f1b2c3d"
    forms = [
        one,
        one.upper(),
        one.replace("-", ""),
        "{" + one + "}",
        one[:-1] + "e",
        one.replace("6f1c", "6F1c"),
    ]
    ids = forms * 20
    table, when, what = frame_of(pa.array(ids))
    same_events(build(table), zip(ids, when, what, range(len(ids)), strict=True))


def test_uuid_objects_in_a_list_come_back_as_text() -> None:
    ids = [uuid.UUID(int=i % 3) for i in range(12)]
    times = [BASE + i for i in range(12)]
    log = build(
        {
            "customer": ids,
            "time": np.array(times).astype("datetime64[us]"),
            "event": ["A"] * 12,
            "row": range(12),
        }
    )
    same_events(log, zip(map(str, ids), times, ["A"] * 12, range(12), strict=True))


def test_the_empty_text_is_no_customer() -> None:
    table, when, what = frame_of(["a", "", "  ", None, "b", "\t\n", "\u00a0"])
    log = build(table)
    kept = [e for e in zip(["a", "", "", "", "b"], when, what, range(5), strict=False) if e[0]]
    assert log.customers == 2
    same_events(log, kept)
    assert sum(log.rejected.values()) == 5


def test_hundreds_of_thousands_of_customers_are_not_mixed() -> None:
    number = 300_000
    ids = np.arange(number) * 2_654_435_761
    for column in (ids, [f"user-{i:x}" for i in ids]):
        log = build(
            pl.DataFrame(
                {"customer": column, "time": np.full(number, BASE), "event": ["A"] * number, "row": ids}
            ).with_columns(pl.col("time").cast(pl.Datetime("us")))
        )
        assert log.customers == number
        found = events_of(log, "customer", "row")
        wanted = dict(zip(column if isinstance(column, list) else column.tolist(), ids.tolist(), strict=True))
        assert dict(found) == wanted


def test_float_ids_that_are_whole_are_integers_and_others_are_refused() -> None:
    # Spreadsheets and older pandas turn integer ids with gaps into 13995.0.
    whole = pd.DataFrame(
        {
            "customer": [13995.0, 7.0, np.nan, 13995.0],
            "time": pd.to_datetime(["2024-03-01"] * 4),
            "event": list("ABAC"),
            "row": range(4),
        }
    )
    log = build(whole)
    assert {customer for (customer,) in events_of(log, "customer")} == {13995, 7}
    assert log.rejects.to_dict()["row"] == [2]
    broken = whole.assign(customer=[13995.0, 7.5, 1.0, 2.0])
    try:
        rejected = build(broken).rejects.to_dict()
        assert rejected["row"] == [1]
        assert "7.5" in rejected["value"][0]
    except safar.errors.SafarError as error:
        assert "7.5" in str(error)
        assert "customer" in str(error)


# ------------------------------------------------------------------------------------------------------ times


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tehran", "+05:45"])
def test_arrow_timestamps_of_every_unit_mean_their_instant(unit: str, zone: str | None) -> None:
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    seconds = [BASE // SECOND, -1, 0, 1, -86_400 * 365 * 60, 86_400 * 365 * 200, -1]
    ticks = [s * per_second for s in seconds]
    table = pa.table(
        {
            "customer": ["u"] * 7,
            "time": pa.array(ticks, pa.timestamp(unit, zone)),
            "event": list("ABCDEFG"),
            "row": range(7),
        }
    )
    same_events(build(table), zip(["u"] * 7, [s * SECOND for s in seconds], "ABCDEFG", range(7), strict=True))


def test_nanoseconds_fall_to_the_microsecond_below() -> None:
    ticks = [1_999, 1_000, 999, 0, -1, -1_000, -1_001]
    table = pa.table(
        {"customer": list("abcdefg"), "time": pa.array(ticks, pa.timestamp("ns", "UTC")), "event": ["A"] * 7}
    )
    found = dict(events_of(build(table, []), "customer", "time"))
    assert [found[c] for c in "abcdefg"] == [1, 1, 0, 0, -1, -1, -2]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tehran", "America/New_York"])
def test_a_date_is_its_local_midnight(kind: pa.DataType, zone: str) -> None:
    days = [dt.date(2026, 3, 1), dt.date(1950, 1, 1), dt.date(2026, 7, 1), dt.date(2021, 3, 22)]
    table = pa.table({"customer": list("abcd"), "time": pa.array(days, kind), "event": ["A"] * 4})
    found = dict(events_of(build(table, [], timezone=zone), "customer", "time"))
    assert [found[c] for c in "abcd"] == [oracles.day_start(day, zone) for day in days]


@pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("kind", ["int64", "uint64", "int32"])
def test_epoch_integers_are_read_in_their_declared_unit(unit: str, per_second: int, kind: str) -> None:
    if kind == "int32" and unit != "s":
        pytest.skip("32 bits hold seconds only")
    seconds = [1_700_000_000, 1_700_000_001, 0]
    table = pa.table(
        {
            "customer": list("abc"),
            "time": pa.array([s * per_second for s in seconds], pa.type_for_alias(kind)),
            "event": ["A"] * 3,
        }
    )
    found = dict(events_of(build(table, [], time_unit=unit), "customer", "time"))
    assert [found[c] for c in "abc"] == [s * SECOND for s in seconds]


ISO = {
    "2026-03-01": "2026-03-01T00:00:00",
    "2026-03-01 10:05": "2026-03-01T10:05:00",
    "2026-03-01T10:05": "2026-03-01T10:05:00",
    "2026-03-01 10:05:07": "2026-03-01T10:05:07",
    "2026-03-01T10:05:07.5": "2026-03-01T10:05:07.500000",
    "2026-03-01T10:05:07.123456": "2026-03-01T10:05:07.123456",
    "2026-03-01 10:05:07.123456789": "2026-03-01T10:05:07.123456",
    "1950-12-31T23:59:59": "1950-12-31T23:59:59",
}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tehran", "America/New_York"])
@pytest.mark.parametrize("form", [pa.string(), pa.large_string(), pa.string_view()])
def test_iso_text_without_an_offset_is_the_wall_clock_of_the_log(zone: str, form: pa.DataType) -> None:
    table = pa.table({"customer": list(ISO), "time": pa.array(list(ISO), form), "event": ["A"] * len(ISO)})
    log = build(table, [], timezone=zone)
    assert not log.rejected
    found = dict(events_of(log, "customer", "time"))
    for text, meant in ISO.items():
        wall = dt.datetime.fromisoformat(meant).replace(tzinfo=ZoneInfo(zone))
        assert found[text] == oracles.instant(wall), text


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tehran"])
def test_iso_text_with_offsets_means_its_instant(zone: str) -> None:
    texts = {
        "2026-03-01T10:05:07Z": 0,
        "2026-03-01T10:05:07+00:00": 0,
        "2026-03-01 13:35:07+03:30": 0,
        "2026-03-01T05:05:07-05:00": 0,
        "2026-03-01T10:05:07.25Z": 250_000,
        "2026-03-01T13:35:07.250+0330": 250_000,
    }
    table = pa.table({"customer": list(texts), "time": list(texts), "event": ["A"] * len(texts)})
    log = build(table, [], timezone=zone)
    assert not log.rejected
    base = oracles.instant(dt.datetime(2026, 3, 1, 10, 5, 7, tzinfo=dt.UTC))
    assert dict(events_of(log, "customer", "time")) == {text: base + us for text, us in texts.items()}


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tehran", "Australia/Lord_Howe", "Europe/London"])
def test_naive_times_are_wall_clock_times_of_the_zone(zone: str) -> None:
    draw = random.Random(11)
    walls = [
        dt.datetime(1985, 1, 1) + dt.timedelta(minutes=draw.randrange(60 * 24 * 365 * 60))
        for _ in range(3000)
    ]
    frame = pl.DataFrame({"customer": range(3000), "time": walls, "event": ["A"] * 3000})
    found = dict(events_of(build(frame, [], timezone=zone), "customer", "time"))
    tz = ZoneInfo(zone)
    for customer, wall in enumerate(walls):
        early, late = (oracles.instant(wall.replace(tzinfo=tz, fold=fold)) for fold in (0, 1))
        if early == late:
            assert found[customer] == early
        else:  # a time that the clocks showed twice or never: an hour of doubt, not more
            assert min(early, late) <= found[customer] <= max(early, late)


def test_a_zoned_pandas_column_means_its_instants() -> None:
    times = pd.date_range("2026-03-07 20:00", periods=9, freq="h", tz="America/New_York")
    frame = pd.DataFrame({"customer": list("abcdefghi"), "time": times, "event": "A"})
    found = dict(events_of(build(frame, []), "customer", "time"))
    assert [found[c] for c in "abcdefghi"] == [int(t.timestamp()) * SECOND for t in times]


def test_python_datetimes_in_a_list_are_read() -> None:
    tehran = dt.timezone(dt.timedelta(hours=3, minutes=30))
    aware = [dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC), dt.datetime(2026, 3, 1, 10, tzinfo=tehran), None]
    log = build({"customer": ["a", "b", "c"], "time": aware, "event": ["A"] * 3}, [])
    base = oracles.instant(aware[0])
    assert dict(events_of(log, "customer", "time")) == {"a": base, "b": base - 12_600 * SECOND}
    naive = [dt.datetime(2026, 3, 1, 10), dt.datetime(2026, 3, 1, 11)]
    log = build({"customer": ["a", "b"], "time": naive, "event": ["A"] * 2}, [], timezone="Asia/Tehran")
    assert dict(events_of(log, "customer", "time")) == {
        "a": base - 12_600 * SECOND,
        "b": base - 9_000 * SECOND,
    }


def test_times_from_1900_to_2200_are_in_range() -> None:
    table = pa.table(
        {"customer": ["a", "b"], "time": ["1900-01-01", "2199-12-31T23:59:59.999999"], "event": ["A", "A"]}
    )
    log = build(table, [])
    assert not log.rejected
    assert log.first == dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
    assert log.last == dt.datetime(2199, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC)


# ----------------------------------------------------------------------------------------------- batches, order


def random_columns(number: int, customers: int, seed: int = 5) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer": np.minimum(draw.zipf(1.2, number), customers).astype("int64"),
            "time": (BASE + draw.integers(0, 5_000, number) * SECOND).astype("datetime64[us]"),
            "event": draw.choice(["A", "B", "C"], number).astype(object),
            "row": np.arange(number),
            "score": draw.normal(size=number),
            "label": draw.choice(["x", "y", None], number),
        }
    )


def same_as_pandas(log: safar.EventLog, frame: pd.DataFrame) -> None:
    """Assert that the events table is the frame in a stable sort by customer and time, attributes included."""
    expected = frame.sort_values(["customer", "time"], kind="stable")
    found = log.core.events_table(None)
    columns = {name: found.numpy(name) for name in expected.columns}
    order = np.argsort(columns["customer"][0], kind="stable")
    for name in expected.columns:
        values, mask = columns[name]
        left, right = values[order], expected[name].to_numpy()
        if name == "label":
            assert [v for v in left] == [None if pd.isna(v) else v for v in right]  # noqa: C416
        elif name == "event":
            assert left.tolist() == right.tolist()
        else:
            assert mask is None
            np.testing.assert_array_equal(left, right)
    changes = np.count_nonzero(np.diff(columns["customer"][0])) + 1
    assert changes == frame["customer"].nunique() == log.customers


ORDERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it comes": lambda f: f,
    "by time": lambda f: f.sort_values("time", kind="stable"),
    "by time, backwards": lambda f: f.sort_values("time", ascending=False, kind="stable"),
    "by customer": lambda f: f.sort_values("customer", kind="stable"),
    "by customer and time": lambda f: f.sort_values(["customer", "time"], kind="stable"),
    "by customer and time but the last row": lambda f: pd.concat(
        [
            f.sort_values(["customer", "time"], kind="stable").iloc[1:],
            f.sort_values(["customer", "time"]).iloc[:1],
        ]
    ),
    "customers in two pieces": lambda f: pd.concat(
        [
            part.sort_values(["customer", "time"], kind="stable")
            for part in (f.iloc[: len(f) // 2], f.iloc[len(f) // 2 :])
        ]
    ),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("number", "customers"), [(1, 1), (700, 20), (150_000, 9_000), (60_000, 1), (50_000, 10**9)]
)
def test_the_events_table_is_a_stable_sort_whatever_the_order_of_the_input(
    order: str, number: int, customers: int
) -> None:
    frame = ORDERS[order](random_columns(number, customers)).reset_index(drop=True)
    frame["row"] = np.arange(number)
    log = build(frame, ["row", "score", "label"])
    same_as_pandas(log, frame)
    assert len(log) == number


def test_many_small_batches_are_one_log() -> None:
    frame = random_columns(20_000, 700)
    whole = pa.Table.from_pandas(frame)
    edges = sorted({0, 20_000, *random.Random(4).sample(range(20_000), 800)})
    batches = [whole.slice(a, b - a).combine_chunks() for a, b in itertools.pairwise(edges)]
    batches.insert(5, whole.slice(0, 0))
    same_as_pandas(build(pa.concat_tables(batches), ["row", "score", "label"]), frame)
    slices = [whole.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    same_as_pandas(build(pa.concat_tables(slices), ["row", "score", "label"]), frame)


def test_a_record_batch_reader_is_read_once() -> None:
    frame = random_columns(5_000, 100)
    whole = pa.Table.from_pandas(frame, preserve_index=False)
    reader = pa.RecordBatchReader.from_batches(whole.schema, whole.to_batches(max_chunksize=333))
    same_as_pandas(build(reader, ["row", "score", "label"]), frame)


def test_batches_may_have_dictionaries_of_their_own() -> None:
    draw = random.Random(8)
    names = [draw.choice(["A", "B", "C", "D", "E", None]) for _ in range(900)]
    labels = [draw.choice(["x", "y", "z", None]) for _ in range(900)]
    names = [n or "A" for n in names]

    def coded(values: list[Any]) -> pa.ChunkedArray:
        pieces = [values[i : i + 90] for i in range(0, 900, 90)]
        arrays = []
        for piece in pieces:
            words = [*sorted({v for v in piece if v is not None}, key=lambda _: draw.random()), "unused"]
            codes = [None if v is None else words.index(v) for v in piece]
            arrays.append(pa.DictionaryArray.from_arrays(pa.array(codes, pa.int16()), words))
        return pa.chunked_array(arrays)

    customers = [draw.choice("uvw") for _ in range(900)]
    times = [BASE + draw.randrange(50) for _ in range(900)]
    table = pa.table(
        {
            "customer": customers,
            "time": pa.array(times, pa.timestamp("us")),
            "event": coded(names),
            "row": range(900),
            "label": coded(labels),
            "channel": coded(labels),
        }
    )
    log = build(table, ["row", "label"], channel="channel")
    same_events(log, zip(customers, times, names, range(900), strict=True))
    assert {row: (label, channel) for row, label, channel in events_of(log, "row", "label", "channel")} == {
        row: (labels[row], labels[row]) for row in range(900)
    }
    assert log.events == dict(Counter(names))
    assert "unused" not in log.events


def test_both_kinds_of_null_in_a_dictionary_are_null() -> None:
    coded = pa.DictionaryArray.from_arrays(
        pa.array([0, None, 1, 2, 0], pa.int8()), pa.array(["A", None, "B"])
    )
    table = pa.table(
        {
            "customer": list("abcde"),
            "time": pa.array([BASE] * 5, pa.timestamp("us")),
            "event": ["E"] * 5,
            "label": coded,
            "channel": coded,
        }
    )
    log = build(table, ["label"], channel="channel")
    found = {row[0]: row[1:] for row in events_of(log, "customer", "label", "channel")}
    assert found == {"a": ("A", "A"), "b": (None, None), "c": (None, None), "d": ("B", "B"), "e": ("A", "A")}
    for role in ("customer", "event"):
        spoiled = table.set_column(table.column_names.index(role), role, coded)
        log = build(spoiled, [])
        assert log.rejects.to_dict()["row"] == [1, 2]
        assert len(log) == 3


def test_a_dictionary_that_repeats_a_word_is_one_word() -> None:
    coded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 1], pa.int8()), pa.array(["A", "A", "B"]))
    table = pa.table({"customer": coded, "time": pa.array([BASE] * 4, pa.timestamp("us")), "event": coded})
    log = build(table, [])
    assert log.events == {"A": 3, "B": 1}
    assert log.customers == 2


# ------------------------------------------------------------------------------------------------ event names


@pytest.mark.parametrize("number", [1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_any_number_of_event_names_keeps_its_names(number: int) -> None:
    names = [f"event {i}" for i in range(number)]
    table = pa.table(
        {
            "customer": np.arange(number) % 7,
            "time": pa.array([BASE] * number, pa.timestamp("us")),
            "event": names,
            "row": range(number),
        }
    )
    log = build(table)
    assert dict(events_of(log, "row", "event")) == dict(enumerate(names))
    assert len(log.events) == number


def test_a_million_event_names_work_or_are_refused_with_the_reason() -> None:
    number = 1_000_000
    names = pa.array(np.char.add("event ", np.arange(number).astype(str)))
    table = pa.table(
        {
            "customer": np.arange(number) % 1000,
            "time": pa.array([BASE] * number, pa.timestamp("us")),
            "event": names,
        }
    )
    try:
        log = build(table, [])
    except safar.errors.SafarError as error:
        assert "event" in str(error)
        return
    assert len(log.events) == number
    assert len(log.sessions()) == 1000
    with pytest.raises(safar.errors.UnknownEventError):
        log.funnel(["event 1", "evnet 2"])


def test_event_names_are_kept_to_the_letter() -> None:
    names = ["خرید", "خريد", "view", "View", " view", "view ", "a\nb", "x" * 10_000, "🙂", "(start", "start"]
    table = pa.table(
        {
            "customer": ["u"] * len(names),
            "time": pa.array(range(len(names)), pa.timestamp("s")),
            "event": names,
        }
    )
    log = build(table, [])
    assert [name for (name,) in events_of(log, "event")] == names
    assert set(log.events) == set(names)


# ------------------------------------------------------------------------------------------------- attributes

MOMENT = dt.datetime(2026, 3, 1, 10, 5)
ATTRIBUTES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int8": (pa.int8(), [1, None, -128]),
    "uint8": (pa.uint8(), [255, None, 0]),
    "int16": (pa.int16(), [1, None, -5]),
    "int32": (pa.int32(), [2**31 - 1, None, 0]),
    "int64": (pa.int64(), [2**62, None, -(2**62)]),
    "uint64": (pa.uint64(), [2**63 + 1, None, 0]),
    "float32": (pa.float32(), [0.5, None, -2.25]),
    "float64": (pa.float64(), [0.1, None, 1e300]),
    "bool": (pa.bool_(), [True, None, False]),
    "string": (pa.string(), ["ا", None, ""]),
    "large_string": (pa.large_string(), ["long " * 9, None, ""]),
    "string_view": (pa.string_view(), ["long " * 9, None, ""]),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["p", None, "q"]),
    "decimal128": (pa.decimal128(12, 2), [Decimal("10.25"), None, Decimal("-0.50")]),
    "date32": (pa.date32(), [dt.date(2026, 3, 1), None, dt.date(1950, 1, 1)]),
}


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_attributes_of_every_kind_follow_their_events(kind: str) -> None:
    arrow_type, values = ATTRIBUTES[kind]
    number = 300
    draw = random.Random(6)
    column = [draw.choice(values) for _ in range(number)]
    customers = [draw.choice("uvwxyz") for _ in range(number)]
    times = [BASE + draw.randrange(9) for _ in range(number)]
    if arrow_type == pa.dictionary(pa.int8(), pa.string()):
        array = pa.array(column).dictionary_encode().cast(arrow_type)
    else:
        array = pa.array(column, arrow_type)
    table = pa.table(
        {
            "customer": customers,
            "time": pa.array(times, pa.timestamp("us")),
            "event": ["A"] * number,
            "row": range(number),
            "extra": array,
        }
    )
    found = dict(events_of(build(table, ["row", "extra"]), "row", "extra"))
    plain = [float(v) if isinstance(v, Decimal) else v for v in column]
    assert found == dict(enumerate(plain))
    frame = build(table, ["row", "extra"]).to_polars().sort("row")
    assert [float(v) if isinstance(v, Decimal) else v for v in frame["extra"].to_list()] == plain


def test_columns_that_were_not_named_are_not_looked_at() -> None:
    table = pa.table(
        {
            "customer": ["a"],
            "time": pa.array([BASE], pa.timestamp("us")),
            "event": ["A"],
            "nested": [[1, 2]],
            "deep": [{"a": 1}],
        }
    )
    log = build(table, [])
    assert set(log.columns) == set()
    assert len(log) == 1


@pytest.mark.parametrize("values", [[1, 2, None], [Decimal("1.50"), Decimal("2.25"), None], [1.5, 2.5, None]])
def test_a_value_may_be_any_number(values: list[Any]) -> None:
    table = pa.table(
        {
            "customer": list("abc"),
            "time": pa.array([BASE] * 3, pa.timestamp("us")),
            "event": ["A"] * 3,
            "revenue": values,
        }
    )
    log = build(table, [], value="revenue")
    assert "value" in log.columns
    limit = float(values[0])
    assert log.funnel([safar.step("A", where=f"value > {limit}")]).entered == 1
    assert log.funnel([safar.step("A", where="value is null")]).entered == 1


# ------------------------------------------------------------------------------------------------- any frame in


def frames() -> dict[str, Callable[[], Any]]:
    columns = {
        "customer": ["b", "a", "b", "a"],
        "time": [dt.datetime(2026, 3, 1, 10, i) for i in (3, 2, 1, 2)],
        "event": ["A", "B", "C", "D"],
        "row": [0, 1, 2, 3],
    }

    def duck() -> Any:
        duckdb = pytest.importorskip("duckdb")
        frame = pl.DataFrame(columns)
        return duckdb.sql("select * from frame").arrow() if frame is not None else None

    return {
        "a mapping of lists": lambda: columns,
        "a mapping of arrays": lambda: (
            columns
            | {"time": np.array(columns["time"], dtype="datetime64[ms]"), "row": np.arange(4, dtype="uint16")}
        ),
        "pandas": lambda: pd.DataFrame(columns),
        "pandas of objects": lambda: pd.DataFrame(columns, dtype=object),
        "pandas with a category": lambda: pd.DataFrame(columns).astype(
            {"event": "category", "customer": "category"}
        ),
        "pandas over arrow": lambda: pa.table(columns).to_pandas(types_mapper=pd.ArrowDtype),
        "pandas nullable": lambda: pd.DataFrame(columns).convert_dtypes(),
        "polars": lambda: pl.DataFrame(columns),
        "polars in chunks": lambda: pl.concat(
            [pl.DataFrame(columns)[:1], pl.DataFrame(columns)[1:]], rechunk=False
        ),
        "polars with a categorical": lambda: pl.DataFrame(columns).with_columns(
            pl.col("event").cast(pl.Categorical)
        ),
        "polars with an enum": lambda: pl.DataFrame(columns).with_columns(
            pl.col("event").cast(pl.Enum(list("DCBA")))
        ),
        "pyarrow": lambda: pa.table(columns),
        "a record batch": lambda: pa.RecordBatch.from_pydict(columns),
        "duckdb": duck,
    }


@pytest.mark.parametrize("kind", frames())
def test_any_frame_makes_the_same_log(kind: str) -> None:
    times = [BASE + 730 * DAY + (36_000 + 60 * i) * SECOND for i in (3, 2, 1, 2)]
    same_events(build(frames()[kind]()), zip("baba", times, "ABCD", range(4), strict=True))


@given(logs(max_events=40))
def test_the_log_is_the_stable_sort_of_its_rows(rows: list[oracles.Event]) -> None:
    found = rows_in(
        core_log(rows).events_table(None),
        ["customer", "time", "event", "channel", "value", "plan", "score"],
    )
    expected = oracles.journeys(rows)
    assert sorted(found, key=lambda row: row[0]) == [tuple(e) for c in sorted(expected) for e in expected[c]]


# -------------------------------------------------------------------------------------------------- what is told


def test_the_log_tells_what_it_holds() -> None:
    frame = random_columns(5_000, 300)
    log = build(frame.rename(columns={"label": "way"}), ["score"], channel="way")
    assert (len(log), log.customers) == (5_000, frame["customer"].nunique())
    assert log.events == {name: int(n) for name, n in frame["event"].value_counts().items()}
    assert list(log.events.values()) == sorted(log.events.values(), reverse=True)
    assert log.channels == {name: int(n) for name, n in frame["label"].value_counts().items()}
    assert log.first == frame["time"].min().tz_localize("UTC").to_pydatetime()
    assert log.last == log.observed_until == frame["time"].max().tz_localize("UTC").to_pydatetime()
    assert log.info["rows"] == 5_000
    ties = (
        frame.sort_values(["customer", "time"])
        .groupby("customer")["time"]
        .apply(lambda t: (t.diff() == pd.Timedelta(0)).sum())
    )
    assert log.info["ties"] == int(ties.sum())
    customers = log.core.customers()
    found = {row[0]: row[1:] for row in rows_in(customers, ["customer", "events", "first", "last"])}
    grouped = frame.groupby("customer")["time"]
    expected = {
        customer: (len(times), int(times.min().value) // 1000, int(times.max().value) // 1000)
        for customer, times in ((c, t.astype("datetime64[ns]")) for c, t in grouped)
    }
    assert found == expected


def test_input_in_order_is_seen_to_be_in_order() -> None:
    frame = random_columns(5_000, 300)
    ordered = frame.sort_values(["customer", "time"], kind="stable")
    assert build(ordered).info["already_ordered"] is True
    assert build(frame).info["already_ordered"] is False


def test_views_share_the_memory_of_the_log_and_can_not_be_written() -> None:
    frame = random_columns(5_000, 300)
    log = build(frame, [], channel="label")
    core = log.core
    offsets, times, events = (core.view(name) for name in ("offsets", "times", "events"))
    assert offsets.dtype == np.uint64
    assert times.dtype == np.int64
    assert events.dtype == np.uint8
    assert (offsets[0], offsets[-1], len(offsets)) == (0, 5_000, log.customers + 1)
    for view in (offsets, times, events, core.view("channels")):
        assert not view.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.flags.writeable = True
    again = core.view("times")
    assert again.__array_interface__["data"][0] == times.__array_interface__["data"][0]
    table = core.events_table(None)
    np.testing.assert_array_equal(times, table.numpy("time")[0].astype("datetime64[us]").astype("int64"))
    copy = times.copy()
    del log, core, again, table
    gc.collect()
    np.testing.assert_array_equal(times, copy)
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        assert start < end
        assert (np.diff(times[start:end]) >= 0).all()


@pytest.mark.parametrize(
    ("number", "kind"), [(256, np.uint8), (257, np.uint16), (65_536, np.uint16), (65_537, np.uint32)]
)
def test_event_codes_are_as_narrow_as_their_number_allows(number: int, kind: Any) -> None:
    table = pa.table(
        {
            "customer": np.zeros(number, dtype="int64"),
            "time": pa.array([BASE] * number, pa.timestamp("us")),
            "event": [f"e{i}" for i in range(number)],
        }
    )
    codes = build(table, []).core.view("events")
    assert codes.dtype.itemsize <= np.dtype(kind).itemsize * (2 if number in (256, 65_536) else 1)
    assert len(set(codes.tolist())) == number


def test_the_input_is_not_changed() -> None:
    frame = random_columns(500, 30)
    before = frame.copy(deep=True)
    build(frame, ["row", "score", "label"])
    pd.testing.assert_frame_equal(frame, before)


def test_events_go_out_as_pandas_polars_and_arrow_alike() -> None:
    frame = random_columns(500, 30)
    log = build(frame, ["row", "score", "label"], timezone="Asia/Tehran")
    pandas, polars, arrow = log.to_pandas(), log.to_polars(), pa.table(log)
    assert list(pandas.columns) == polars.columns == arrow.column_names
    assert list(pandas.columns) == ["customer", "time", "event", "row", "score", "label"]
    assert pandas["row"].tolist() == polars["row"].to_list() == arrow["row"].to_pylist()
    assert [t.timestamp() for t in pandas["time"]] == [t.timestamp() for t in polars["time"]]
    assert [t.timestamp() for t in arrow["time"].to_pylist()] == [t.timestamp() for t in polars["time"]]
    assert str(pandas["time"].dtype.tz) == "Asia/Tehran"
    again = build(polars, ["row", "score", "label"])
    assert events_of(again, "row") == events_of(log, "row")


# -------------------------------------------------------------------------------------------------------- tables


def test_a_table_gives_back_what_it_was_given() -> None:
    table = _core.Table(
        {
            "int": np.array([1, 2, 3], dtype="int16"),
            "masked": (np.array([1.5, 2.5, 3.5]), {"mask": np.array([False, True, False])}),
            "codes": (np.array([1, -1, 0], dtype="int8"), {"categories": ["x", "y"]}),
            "text": ["a", None, "ب"],
            "objects": np.array(["a", None, float("nan")], dtype=object),
            "naive": np.array(["2026-03-01T10:00", "NaT", "1950-01-01"], dtype="datetime64[s]"),
            "zoned": (np.array([0, 1, 2], dtype="datetime64[ms]"), {"zone": "Asia/Tehran"}),
            "flag": [True, None, False],
            "strided": np.arange(6, dtype="int64")[::2],
        }
    )
    assert table.num_rows == 3
    assert columns_in(table) == {
        "int": [1, 2, 3],
        "masked": [1.5, None, 3.5],
        "codes": ["y", None, "x"],
        "text": ["a", None, "ب"],
        "objects": ["a", None, None],
        "naive": [oracles.instant(dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)), None, -631_152_000 * SECOND],
        "zoned": [0, 1_000, 2_000],
        "flag": [True, None, False],
        "strided": [0, 2, 4],
    }
    assert (table.zone("naive"), table.zone("zoned")) == (None, "Asia/Tehran")
    assert [name for name, _ in table.schema] == table.names
    assert table.select(["text", "int"]).names == ["text", "int"]
    again = _core.Table.from_stream(pa.table(table), ["zoned", "codes"])
    assert columns_in(again) == {"zoned": [0, 1_000, 2_000], "codes": ["y", None, "x"]}
    assert pl.DataFrame(table)["naive"].to_list()[0] == dt.datetime(2026, 3, 1, 10)


def test_a_table_written_as_parquet_reads_the_same(tmp_path: Any) -> None:
    log = build(random_columns(2_000, 50), ["row", "score", "label"], timezone="Asia/Tehran")
    table = log.core.events_table(None)
    table.write_parquet(str(tmp_path / "events.parquet"))
    again = _core.Table.read([str(tmp_path / "events.parquet")], None)
    assert rows_in(again) == rows_in(table)
    assert pl.read_parquet(tmp_path / "events.parquet")["row"].to_list() == [row[3] for row in rows_in(table)]


def test_a_dictionary_without_words_is_all_null() -> None:
    nothing = (np.array([-1, -1], dtype="int32"), {"categories": []})
    times = np.array([0, 1], dtype="datetime64[us]")
    assert columns_in(_core.Table({"a": nothing})) == {"a": [None, None]}
    log = build(_core.Table({"customer": ["u", "v"], "time": times, "event": ["A", "B"], "row": nothing}))
    assert events_of(log, "row") == [(None,), (None,)]
    assert log.sessions(by="row").to_dict()["segment"] == [None, None]
    frame = pd.DataFrame(
        {"customer": ["u"], "time": times[:1], "event": ["A"], "row": pd.Categorical([None])}
    )
    assert build(frame).to_pandas()["row"].isna().all()


def test_nonsense_makes_no_table_and_no_crash() -> None:
    for columns in (
        {"a": [1, "x"]},
        {"a": [object()]},
        {"a": (np.zeros(2), {"mask": np.zeros(3, dtype=bool)})},
        {"a": (np.zeros(2, dtype="int8"), {"categories": []})},
        {"a": (np.array([5], dtype="int8"), {"categories": ["x"]})},
        {"a": np.zeros((2, 2))},
        {"a": np.zeros(2, dtype=complex)},
        {"a": np.zeros(2, dtype=[("x", int)])},
        {"a": [1, 2], "b": [1]},
        {"a": 7},
        {"a": None},
        {"a": ["\ud800"]},
        {"a": [2**70]},
    ):
        with pytest.raises((safar.SafarError, TypeError)) as caught:
            _core.Table(columns)
        assert not isinstance(caught.value, safar.InternalError)


# -------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz", ".tsv", ".arrow", ".feather"])
def test_a_file_makes_the_same_log_as_its_frame(suffix: str, tmp_path: Any) -> None:
    frame = random_columns(2_000, 100)
    expected = build(frame, ["row", "score"])
    path = tmp_path / f"events{suffix}"
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    if suffix == ".parquet":
        frame.to_parquet(path)
    elif suffix in (".arrow", ".feather"):
        import pyarrow.feather

        pyarrow.feather.write_feather(arrow, path, compression="uncompressed")
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    log = safar.read(path, **ROLES, attributes=["row", "score"])
    # Text files have no types, and 007 must stay apart from 7: their customers are text.
    kind: Any = str if suffix.startswith((".csv", ".tsv")) else int
    names = ("customer", "time", "event", "row", "score")
    found = sorted(events_of(log, *names), key=lambda e: e[0])
    assert found == sorted([(kind(e[0]), *e[1:]) for e in events_of(expected, *names)], key=lambda e: e[0])


def test_several_files_are_one_log(tmp_path: Any) -> None:
    frame = random_columns(2_000, 100)
    for i in range(4):
        frame.iloc[i * 500 : (i + 1) * 500].to_parquet(tmp_path / f"part-{i}.parquet")
    expected = events_of(build(frame, ["row"]), "customer", "time", "event", "row")
    paths = sorted(tmp_path.glob("*.parquet"))
    for source in (str(tmp_path / "part-*.parquet"), paths, [str(p) for p in paths]):
        log = safar.read(source, **ROLES, attributes=["row"])
        assert events_of(log, "customer", "time", "event", "row") == expected


def test_a_csv_with_a_byte_order_mark_quotes_and_line_breaks_is_read(tmp_path: Any) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(
        '\ufeffcustomer,time,event,note\r\n007,2026-03-01 10:00,"a,b","two\nlines"\r\n'
        '7,2026-03-01 10:01,خرید,"he said ""no"""\r\n'.encode()
    )
    log = safar.read(path, **ROLES, attributes=["note"])
    assert set(log.events) == {"a,b", "خرید"}
    assert {note for (note,) in events_of(log, "note")} == {"two\nlines", 'he said "no"'}
    assert log.customers == 2, "007 and 7 are two customers"


ID_FORMS: dict[str, Callable[[int], Any]] = {
    "short text": lambda n: f"c{n:05d}",
    "long text": lambda n: f"a customer with a long name {n:05d}",
    "UUID": lambda n: f"{n:08x}-0000-4000-8000-{n * 7:012x}",
    "integer": lambda n: n * 31 - 7,
    "missing": lambda n: None if n % 3 == 0 else f"c{n}",
}


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("form", ID_FORMS)
def test_rows_that_stand_together_by_customer_make_the_log_of_any_order(form: str, kept: bool) -> None:
    draw = random.Random(form)
    rows: list[tuple[Any, int, str, float]] = [
        (ID_FORMS[form](number), at, draw.choice("abcd"), draw.random())
        for number in range(150)
        for at in sorted(draw.sample(range(10**6), draw.randint(1, 40)))
    ]
    rank = {customer: n for n, customer in enumerate(dict.fromkeys(row[0] for row in rows))}
    orders = {
        "by customer": rows,
        "by customer, latest first": sorted(rows, key=lambda row: (rank[row[0]], -row[1])),
        # Each customer in several runs, which are far apart.
        "in runs": sorted(rows, key=lambda row: (row[1] // 300_000, rank[row[0]], row[1])),
        "shuffled": draw.sample(rows, len(rows)),
    }
    expected = {c: sorted(row[1:] for row in rows if row[0] == c) for c in rank if c is not None}
    for order, given_rows in orders.items():
        who, when, what, paid = zip(*given_rows, strict=True)
        table = pa.table({"who": who, "when": pa.array(when, pa.timestamp("us")), "what": what, "paid": paid})
        roles = {"customer": "who", "time": "when", "event": "what"} | ({"value": "paid"} if kept else {})
        log = safar.EventLog(table, **roles)
        columns = log.to_polars()
        times = columns["time"].to_physical().to_list()
        values = columns["value"].to_list() if kept else [0.0] * len(times)
        found: dict[Any, list[tuple[int, str, float]]] = {}
        for customer, at, event, value in zip(
            columns["customer"], times, columns["event"], values, strict=True
        ):
            found.setdefault(customer, []).append((at, event, value))
        wanted = {c: [(at, event, value * kept) for at, event, value in own] for c, own in expected.items()}
        assert found == wanted, order
        assert sum(log.rejected.values()) == sum(row[0] is None for row in rows), order
