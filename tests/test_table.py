"""Frames in and out: the same events from every kind of frame, and every type back, with and without pyarrow."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import safar
from safar import _table
from safar._core import Table

TEHRAN = ZoneInfo("Asia/Tehran")
TIMES = [
    dt.datetime(2026, 3, 20, 23, 59, 59, 999_999),
    dt.datetime(2026, 3, 21),
    dt.datetime(2026, 3, 21, 0, 0, 1),
]
COLUMNS: dict[str, list[Any]] = {
    "user": ["علی", "ann", "علی"],
    "at": TIMES,
    "what": ["view", "view", "purchase"],
    "source": ["ad", None, "ad"],
    "revenue": [None, 1.5, 2.0],
    "age": [30, 41, 30],
    "member": [True, False, True],
    "unused": [object(), object(), object()],
}
ROLES: dict[str, Any] = {
    "customer": "user",
    "time": "at",
    "event": "what",
    "channel": "source",
    "value": "revenue",
    "attributes": ["age", "member"],
    "timezone": "Asia/Tehran",
}
USED = {name: values for name, values in COLUMNS.items() if name != "unused"}


def as_duckdb(columns: dict[str, list[Any]]) -> Any:
    connection = duckdb.connect()
    connection.register("events", pa.table(columns))
    return connection.sql("select * from events")


FRAMES: dict[str, Callable[[], object]] = {
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas, text as objects": lambda: pd.DataFrame(
        {
            name: pd.Series(values, dtype="object" if name in ("user", "what", "source") else None)
            for name, values in COLUMNS.items()
        }
    ),
    "pandas, Python strings": lambda: pd.DataFrame(COLUMNS).astype(
        dict.fromkeys(("user", "what", "source"), pd.StringDtype("python", na_value=np.nan))
    ),
    "pandas, nullable types": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas, Arrow types": lambda: pd.DataFrame(USED).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, Arrow text beside objects": lambda: (
        pd.DataFrame(COLUMNS)
        .astype({"user": pd.ArrowDtype(pa.string())})
        .assign(what=pd.Series(COLUMNS["what"], dtype="object"))
    ),
    "pandas, categories": lambda: pd.DataFrame(COLUMNS).astype(
        dict.fromkeys(("user", "what", "source", "age"), "category")
    ),
    "pandas, categories with a missing one": lambda: pd.DataFrame(COLUMNS).assign(
        revenue=pd.Series(COLUMNS["revenue"], dtype="category"), at=pd.Series(TIMES, dtype="category")
    ),
    "pandas, every unit of time": lambda: pd.DataFrame(COLUMNS).astype({"at": "datetime64[ns]"}),
    "pandas, an index out of order": lambda: pd.DataFrame(COLUMNS, index=[2, 0, 0]),
    "pandas, one block of numbers": lambda: pd.concat(
        [
            pd.DataFrame(COLUMNS).drop(columns=["age"]),
            pd.DataFrame(np.array([[30, 1], [41, 1], [30, 1]]), columns=["age", "other"]),
        ],
        axis=1,
    ),
    "polars": lambda: pl.DataFrame(USED),
    "polars, categories": lambda: pl.DataFrame(USED).with_columns(
        pl.col("what", "source").cast(pl.Categorical)
    ),
    "pyarrow": lambda: pa.table(USED),
    "pyarrow, chunks": lambda: pa.concat_tables([pa.table(USED).slice(0, 1), pa.table(USED).slice(1)]),
    "pyarrow, one batch": lambda: pa.RecordBatch.from_pydict(USED),
    "duckdb": lambda: as_duckdb(USED),
    "table": lambda: Table(USED),
    "mapping of lists": lambda: COLUMNS,
    "mapping of tuples": lambda: {name: tuple(values) for name, values in COLUMNS.items()},
    "mapping of arrays": lambda: {
        name: np.array(values, dtype="datetime64[us]" if name == "at" else None)
        for name, values in COLUMNS.items()
    },
    "mapping of series": lambda: {name: pd.Series(values) for name, values in COLUMNS.items()},
    "mapping of polars series": lambda: {name: pl.Series(values) for name, values in USED.items()},
    "mapping of Arrow arrays": lambda: {name: pa.chunked_array([values]) for name, values in USED.items()},
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_gives_the_same_log(kind: str) -> None:
    log = safar.EventLog(FRAMES[kind](), **ROLES)
    found = _table.to_lists(log.core.events_table(None), "Asia/Tehran")
    rows = sorted(zip(*found.values(), strict=True), key=lambda row: row[1])
    times = [time.replace(tzinfo=TEHRAN) for time in TIMES]
    assert list(found) == ["customer", "time", "event", "channel", "value", "age", "member"]
    assert rows == [
        ("علی", times[0], "view", "ad", None, 30, True),
        ("ann", times[1], "view", None, 1.5, 41, False),
        ("علی", times[2], "purchase", "ad", 2.0, 30, True),
    ]
    assert log.rejected == {}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tehran", "America/New_York"])
@pytest.mark.parametrize("kind", ["pandas", "pandas objects", "polars", "pyarrow", "mapping"])
def test_times_of_every_unit_and_zone_are_the_same_instants(kind: str, unit: str, zone: str | None) -> None:
    local = [dt.datetime(2026, 3, 8, 1, 30), dt.datetime(2026, 11, 1, 1, 30), None]
    times = [time and time.replace(tzinfo=ZoneInfo(zone) if zone else None) for time in local]
    pandas_times = pd.Series(pd.to_datetime(pd.Series(times))).dt.as_unit(unit)
    column: Any
    if kind == "pandas":
        column = pandas_times
    elif kind == "pandas objects":
        column = pandas_times.astype(object)
    elif kind == "polars":
        # polars has no seconds
        column = pl.Series(times, dtype=pl.Datetime("ms" if unit == "s" else unit, zone))  # type: ignore[arg-type]
    elif kind == "pyarrow":
        column = pa.array(times, pa.timestamp(unit, zone))
    else:
        column = times
    columns = {"user": ["a", "b", "c"], "at": column, "what": ["x"] * 3}
    frame: Any = {
        "pandas": pd.DataFrame,
        "pandas objects": pd.DataFrame,
        "polars": pl.DataFrame,
        "pyarrow": pa.table,
    }
    log = safar.EventLog(
        frame.get(kind, dict)(columns), customer="user", time="at", event="what", timezone="Asia/Tehran"
    )
    expected = [
        time.replace(tzinfo=ZoneInfo(zone or "Asia/Tehran")).astimezone(TEHRAN) for time in local if time
    ]
    assert [log.first, log.last] == expected
    assert log.rejected == {"time_missing": 1}


def test_integer_and_uuid_customers_come_back_as_given() -> None:
    import uuid

    for ids in ([7, 2**40, 7], [uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=1)]):
        log = safar.EventLog(COLUMNS | {"user": ids}, **ROLES)
        found = {
            int(value) if isinstance(value, int) else uuid.UUID(value)
            for value in log.to_pandas()["customer"]
        }
        assert found == set(ids)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint64", ">i4", "bool", "longdouble"])
def test_numbers_of_every_width_and_byte_order_are_read(dtype: str) -> None:
    log = safar.EventLog(COLUMNS | {"age": np.array([1, 0, 1], dtype=dtype)}, **ROLES)
    assert sorted(log.to_polars()["age"].cast(pl.Float64).to_list()) == [0, 1, 1]


def test_masked_arrays_and_strided_arrays_keep_their_rows() -> None:
    columns = COLUMNS | {
        "age": np.ma.array([1, 2, 3], mask=[True, False, False]),
        "member": np.arange(6)[::-2],
    }
    log = safar.EventLog(columns, **ROLES)
    found = log.to_polars().sort("time")
    assert found["age"].to_list() == [None, 2, 3]
    assert found["member"].to_list() == [5, 3, 1]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "mapping"])
def test_a_missing_column_is_named_with_the_nearest_and_all_others(kind: str) -> None:
    data = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table, "mapping": dict}[kind](USED)
    with pytest.raises(
        safar.UnknownColumnError, match=r'no column "usr"; did you mean "user".*"what", "source"'
    ):
        safar.EventLog(data, **(ROLES | {"customer": "usr"}))


def test_the_index_of_a_frame_is_not_a_column_and_the_error_says_how_to_make_it_one() -> None:
    with pytest.raises(safar.UnknownColumnError, match=r"reset_index"):
        safar.EventLog(pd.DataFrame(COLUMNS).set_index("user"), **ROLES)


def test_two_columns_of_one_name_are_refused_only_where_that_name_is_needed() -> None:
    twice = pd.concat([pd.DataFrame(USED), pd.DataFrame({"user": ["x"] * 3})], axis=1)
    with pytest.raises(safar.DataError, match='2 columns named "user"'):
        safar.EventLog(twice, **ROLES)
    with pytest.raises(safar.DataError, match='2 columns named "user"'):
        safar.EventLog(pa.Table.from_arrays([pa.array(["x"])] * 8, ["user", *USED]), **ROLES)
    others = pd.concat([pd.DataFrame(USED), pd.DataFrame([[1, 2]] * 3, columns=["spare", "spare"])], axis=1)
    assert len(safar.EventLog(others, **ROLES)) == 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"user": "a", "at": TIMES[0], "what": "x"}], "pandas.DataFrame"),
        ("events.csv", "safar.read"),
        (pl.LazyFrame(USED), "collect"),
        (None, "NoneType"),
        (3, "a mapping of columns"),
    ],
)
def test_what_is_no_frame_is_refused_with_the_way_out(data: object, message: str) -> None:
    with pytest.raises(safar.ArgumentTypeError, match=message):
        safar.EventLog(data, **ROLES)


def test_columns_of_unequal_length_or_shape_are_refused_by_name() -> None:
    with pytest.raises(safar.DataError, match='"user" 2, "at" 3'):
        safar.EventLog(COLUMNS | {"user": ["a", "b"]}, **ROLES)
    with pytest.raises(safar.DataError, match='column "user" has 2 dimensions'):
        safar.EventLog(COLUMNS | {"user": np.ones((3, 2))}, **ROLES)
    with pytest.raises(safar.ArgumentTypeError, match='column "user" is a str'):
        safar.EventLog(COLUMNS | {"user": "abc"}, **ROLES)


def test_each_of_customer_time_and_event_needs_a_column_of_its_own() -> None:
    with pytest.raises(safar.ArgumentError, match='"user" is given for both customer= and event='):
        safar.EventLog(COLUMNS, **(ROLES | {"event": "user"}))
    with pytest.raises(safar.ArgumentError, match='give it as channel="channel"'):
        safar.EventLog(COLUMNS | {"channel": ["x"] * 3}, **(ROLES | {"attributes": ["channel"]}))
    with pytest.raises(safar.ArgumentError, match="rename the column"):
        safar.EventLog(COLUMNS | {"time": ["x"] * 3}, **(ROLES | {"attributes": ["time"]}))


def every_type() -> Table:
    """A table with each type that results have, each with and without a null."""
    gone = np.array([False, True])
    moments = np.array(["2026-03-21T00:00:00.000001", "2026-03-22"], dtype="datetime64[us]")
    columns: Mapping[str, object] = {
        "text": ["سلام", "b"],
        "text_null": ["a", None],
        "int": np.array([1, 2**62]),
        "int_null": (np.array([1, 2]), {"mask": gone}),
        "uint": np.array([1, 2], dtype=np.uint32),
        "float": np.array([0.5, 1.5]),
        "float_null": (np.array([0.5, 1.5]), {"mask": gone}),
        "bool": np.array([True, False]),
        "bool_null": (np.array([True, False]), {"mask": gone}),
        "date": np.array(["2026-03-21", "2026-03-22"], dtype="datetime64[D]"),
        "time": (moments, {"zone": "UTC"}),
        "naive": moments,
        "category": (np.array([0, -1]), {"categories": ["x", "y"]}),
    }
    return Table(columns)


def test_a_table_comes_out_as_python_values() -> None:
    midnight = dt.datetime(2026, 3, 21, 3, 30, 0, 1, tzinfo=TEHRAN)
    assert _table.to_lists(every_type(), "Asia/Tehran") == {
        "text": ["سلام", "b"],
        "text_null": ["a", None],
        "int": [1, 2**62],
        "int_null": [1, None],
        "uint": [1, 2],
        "float": [0.5, 1.5],
        "float_null": [0.5, None],
        "bool": [True, False],
        "bool_null": [True, None],
        "date": [dt.date(2026, 3, 21), dt.date(2026, 3, 22)],
        "time": [midnight, dt.datetime(2026, 3, 22, 3, 30, tzinfo=TEHRAN)],
        "naive": [dt.datetime(2026, 3, 21, 0, 0, 0, 1), dt.datetime(2026, 3, 22)],
        "category": ["x", None],
    }
    assert _table.to_lists(every_type(), "UTC", 1)["int"] == [1]


def test_a_table_comes_out_as_a_pandas_frame_with_fitting_types() -> None:
    frame = _table.to_pandas(every_type(), "Asia/Tehran")
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "text": "str",
        "text_null": "str",
        "int": "int64",
        "int_null": "Int64",
        "uint": "uint32",
        "float": "float64",
        "float_null": "float64",
        "bool": "bool",
        "bool_null": "boolean",
        "date": "datetime64[s]",
        "time": "datetime64[us, Asia/Tehran]",
        "naive": "datetime64[us]",
        "category": "str",
    }
    nulls = {name for name, count in frame.isna().sum().items() if count}
    assert nulls == {"text_null", "int_null", "float_null", "bool_null", "category"}
    assert frame["time"].tolist() == _table.to_lists(every_type(), "Asia/Tehran")["time"]


def test_a_table_comes_out_as_a_polars_frame_with_fitting_types() -> None:
    frame = _table.to_polars(every_type(), "Asia/Tehran")
    assert frame.schema["time"] == pl.Datetime("us", "Asia/Tehran")
    assert frame.schema["date"] == pl.Date
    assert frame.schema["uint"] == pl.UInt32
    assert frame.to_dict(as_series=False) == _table.to_lists(every_type(), "Asia/Tehran")


def test_a_table_without_rows_keeps_its_types() -> None:
    empty = Table({"count": np.array([], dtype=np.int64), "day": np.array([], dtype="datetime64[D]")})
    assert _table.to_lists(empty, "UTC") == {"count": [], "day": []}
    assert str(_table.to_pandas(empty, "UTC").dtypes["count"]) == "int64"
    assert _table.to_polars(empty, "UTC").schema == {"count": pl.Int64, "day": pl.Date}


def test_texts_become_codes_in_order_with_the_missing_one_last() -> None:
    codes, texts = Table({"text": np.array(["b", None, "a", "b"], dtype=object)}).codes("text")
    assert codes.tolist() == [1, 2, 0, 1]
    assert texts == ["a", "b", None]
    assert Table({"text": _table.named(codes, texts)}).numpy("text")[0].tolist() == ["b", None, "a", "b"]


WITHOUT_PYARROW = textwrap.dedent(
    """
    import sys
    sys.modules["pyarrow"] = None  # importing it fails, as where it is not installed
    import numpy as np
    import pandas as pd
    import safar

    frame = pd.DataFrame({
        "user": ["ann", "bob", "ann"],
        "at": pd.to_datetime(["2026-03-01 10:00", "2026-03-01 11:00", None]).tz_localize("Asia/Tehran"),
        "what": pd.Series(["view", "view", "buy"], dtype="category"),
        "age": pd.array([1, None, 3], dtype="Int64"),
        "member": pd.array([True, None, False], dtype="boolean"),
        "source": pd.Series(["ad", None, pd.NA], dtype="object"),
        "revenue": [1.5, np.nan, 2.0],
    })
    assert str(frame["user"].dtype) == "str", frame.dtypes
    log = safar.EventLog(
        frame, customer="user", time="at", event="what", channel="source", value="revenue",
        attributes=["age", "member"], timezone="Asia/Tehran",
    )
    assert log.rejected == {"time_missing": 1}, log.rejected
    events = log.to_pandas().sort_values("time")
    assert events["customer"].tolist() == ["ann", "bob"]
    assert events["age"].tolist() == [1, pd.NA], events
    assert str(events["time"].iloc[0]) == "2026-03-01 10:00:00+03:30"
    assert log.sessions().to_pandas()["events"].tolist() == [1, 1]
    assert log.retention().to_pandas()["share"].isna().all()
    assert "pyarrow" not in {name for name, module in sys.modules.items() if module is not None}
    """
)


def test_pandas_goes_in_and_out_where_pyarrow_is_not_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_PYARROW], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
