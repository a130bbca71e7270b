"""Files in: whatever wrote them and however they lie, the log is that of the frame they hold."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import safar
from safar import _core
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

ROLES = {"customer": "customer", "time": "time", "event": "event"}
ALL: dict[str, Any] = {**ROLES, "channel": "channel", "value": "value", "attributes": ["row"]}
NAMES = ["customer", "time", "event", "channel", "value", "row"]


def events(number: int = 3_000, seed: int = 7) -> pd.DataFrame:
    """Draw a frame of events whose times rise in general, as those of exports do."""
    draw = np.random.default_rng(seed)
    minutes = np.sort(draw.integers(0, 60 * 24 * 60, number))
    return pd.DataFrame(
        {
            "customer": [f"مشتری-{i}" for i in draw.integers(0, 200, number)],
            "time": pd.to_datetime("2026-01-01") + pd.to_timedelta(minutes, unit="min"),
            "event": draw.choice(["view", "cart", "خرید", "visit, again"], number),
            "channel": draw.choice(["web", "app", None], number),
            "value": draw.choice([0.5, 12.25, np.nan, -3.0], number),
            "row": np.arange(number),
        }
    )


def contents(log: safar.EventLog) -> list[tuple[Any, ...]]:
    """Return all that the log holds, in the order of its events."""
    return rows_in(log.core.events_table(NAMES))


def of_frame(frame: pd.DataFrame, **choice: Any) -> safar.EventLog:
    return safar.EventLog(frame, **ALL | choice)


def parquet_by_pandas(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, row_group_size=500)


def parquet_by_polars(frame: pd.DataFrame, path: Path) -> None:
    pl.from_pandas(frame).write_parquet(path, row_group_size=500, compression="zstd")


def parquet_by_duckdb(frame: pd.DataFrame, path: Path) -> None:
    duckdb.from_df(frame).write_parquet(str(path), compression="gzip")


def parquet_without_dictionaries(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table, path, row_group_size=700, use_dictionary=False, compression="lz4")


def parquet_of_dictionaries(frame: pd.DataFrame, path: Path) -> None:
    frame.astype({"event": "category", "channel": "category", "customer": "category"}).to_parquet(path)


def parquet_of_nanoseconds(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame.astype({"time": "datetime64[ns]"}), preserve_index=False)
    pq.write_table(table, path, version="1.0", use_deprecated_int96_timestamps=True)


def feather(compression: str) -> Callable[[pd.DataFrame, Path], None]:
    def write(frame: pd.DataFrame, path: Path) -> None:
        table = pa.Table.from_pandas(
            frame.astype({"event": "category", "channel": "category"}), preserve_index=False
        )
        pyarrow.feather.write_feather(table, path, compression=compression, chunksize=400)

    return write


def arrow_stream(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame.astype({"event": "category"}), preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=300):
            writer.write_batch(batch)


def csv(separator: str = ",", **choice: Any) -> Callable[[pd.DataFrame, Path], None]:
    return lambda frame, path: frame.to_csv(path, index=False, sep=separator, **choice)


WRITERS: dict[str, tuple[str, Callable[[pd.DataFrame, Path], None]]] = {
    "parquet by pandas": (".parquet", parquet_by_pandas),
    "parquet by polars": (".pq", parquet_by_polars),
    "parquet by duckdb": (".parquet", parquet_by_duckdb),
    "parquet without dictionaries": (".parquet", parquet_without_dictionaries),
    "parquet of dictionaries": (".parquet", parquet_of_dictionaries),
    "parquet of int96": (".parquet", parquet_of_nanoseconds),
    "feather": (".feather", feather("uncompressed")),
    "feather in lz4": (".feather", feather("lz4")),
    "feather in zstd": (".arrow", feather("zstd")),
    "arrow by polars": (".ipc", lambda frame, path: pl.from_pandas(frame).write_ipc(path)),
    "arrow stream": (".arrows", arrow_stream),
    "csv": (".csv", csv()),
    "csv with a byte-order mark": (".csv", csv(";", encoding="utf-8-sig")),
    "csv with bars": (".csv", csv("|")),
    "csv with all in quotes": (".csv", csv(quoting=1)),
    "csv with line ends of Windows": (".csv", csv(lineterminator="\r\n")),
    "csv packed": (".csv.gz", csv("\t")),
    "csv by polars": (".csv", lambda frame, path: pl.from_pandas(frame).write_csv(path)),
    "tsv": (".tsv", csv("\t")),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_s_file_makes_the_log_of_its_frame(writer: str, tmp_path: Path) -> None:
    ending, write = WRITERS[writer]
    frame = events()
    write(frame, tmp_path / f"events{ending}")
    log = safar.read(tmp_path / f"events{ending}", **ALL)
    expected = of_frame(frame)
    assert contents(log) == contents(expected)
    assert (log.info["rows"], log.info["filtered"], log.rejected) == (3_000, 0, {})
    start, end = dt.date(2026, 1, 20), "2026-02-10 12:00"
    part = safar.read(tmp_path / f"events{ending}", **ALL, start=start, end=end)
    same_as_filtered(part, expected.filter(start=start, end=end))


def same_as_filtered(log: safar.EventLog, expected: safar.EventLog) -> None:
    """Assert that what was read is what the filter leaves of all."""
    assert contents(log) == contents(expected)
    for name in ("customers", "events", "rows", "filtered", "first_us", "last_us", "ties", "rejected"):
        assert log.info[name] == expected.info[name], name
    assert log.observed_until_us == expected.observed_until_us
    assert log.observed_until_given == expected.observed_until_given
    assert (log.events, log.channels) == (expected.events, expected.channels)


# ---------------------------------------------------------------------------------- which files, in which order


def test_a_directory_is_all_known_files_below_it_and_hidden_ones_are_none(tmp_path: Path) -> None:
    frame = events(1_000)
    names = ["a/1.parquet", "a/2.parquet", "b/c/3.feather", "b/4.parquet"]
    for i, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        part = frame.iloc[i * 250 : (i + 1) * 250]
        part.to_parquet(tmp_path / name) if "parquet" in name else part.to_feather(tmp_path / name)
    for name in ("_SUCCESS", ".hidden.parquet", "a/_metadata.parquet", "notes.txt", ".git/x.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no data")
    expected = contents(of_frame(pd.concat([frame[:500], frame[750:], frame[500:750]])))
    for given_as in (
        tmp_path,
        str(tmp_path) + "/",
        [tmp_path / "a", tmp_path / "b"],
        [
            tmp_path / "a" / "1.parquet",
            tmp_path / "a" / "2.*",
            str(tmp_path / "b" / "*.*"),
            tmp_path / "b" / "c",
        ],
        [tmp_path / "a", tmp_path / "a" / "*.parquet", tmp_path / "b" / "*", tmp_path / "b" / "c" / "3*"],
    ):
        log = safar.read(given_as, **ALL)
        assert contents(log) == expected, given_as
    assert log.info["files"]["kinds"] == {"arrow": 1, "parquet": 3}
    everything = safar.read(tmp_path / "**" / "*.p*", **ALL)
    with pytest.raises(FileError, match="hidden"):
        safar.read(tmp_path / ".hidden*", **ALL)
    assert everything.info["files"]["files"] == 3


def test_paths_that_name_nothing_are_refused_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    for path, told in (
        (tmp_path, "notes.txt"),
        (tmp_path / "*.csv", "no file matches"),
        (tmp_path / "x", "x"),
    ):
        with pytest.raises(FileError, match=told):
            safar.read(path, **ROLES)
    with pytest.raises(ArgumentError, match="empty list"):
        safar.read([], **ROLES)
    with pytest.raises(ArgumentTypeError, match="expected a path"):
        safar.read(7, **ROLES)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------- Hive partitions


def hive(frame: pd.DataFrame, folder: Path) -> None:
    table = pa.Table.from_pandas(frame.assign(month=frame["time"].dt.month), preserve_index=False)
    pa.dataset.write_dataset(
        table,
        folder,
        format="parquet",
        partitioning=pa.dataset.partitioning(
            pa.schema([("month", pa.int64()), ("channel", pa.string())]), flavor="hive"
        ),
    )


def test_hive_folders_are_columns_of_any_role(tmp_path: Path) -> None:
    frame = events().assign(channel=lambda f: f["channel"].replace({"web": "وب / شبکه=1"}))
    hive(frame, tmp_path)
    log = safar.read(tmp_path, **ALL | {"attributes": ["row", "month"]})
    found = {row[5]: row for row in contents(log)}
    assert [found[row] for row in range(len(frame))] == sorted(contents(of_frame(frame)), key=lambda e: e[5])
    theirs = pa.dataset.dataset(tmp_path, partitioning="hive").to_table(columns=NAMES).to_pandas()
    assert len(theirs) == len(log)
    assert log.columns["month"] == "Dictionary(Int32, Utf8)"
    counts = log.sessions(by="month").to_dict()
    assert set(counts["segment"]) == {"1", "2", "3"}
    assert log.info["files"]["partitions"] == ["channel", "month"]
    # An event, a customer and a time in the path.
    by_path = safar.read(tmp_path, customer="channel", time="time", event="month", attributes=["row"])
    assert by_path.events == {
        str(m): n for m, n in frame["time"].dt.month[frame["channel"].notna()].value_counts().items()
    }
    assert by_path.rejected == {"customer_missing": int(frame["channel"].isna().sum())}


def test_files_are_left_out_by_their_folders(tmp_path: Path) -> None:
    frame = events(600).assign(day=lambda f: f["time"].dt.date.astype(str))
    for (day, event), part in frame.groupby(["day", "event"]):
        folder = tmp_path / f"day={day}" / f"event={event.replace(' ', '%20')}"
        folder.mkdir(parents=True)
        part.drop(columns=["event", "day"]).to_csv(folder / "part.csv", index=False)
    for damaged in tmp_path.glob("day=2026-02*/*/part.csv"):
        damaged.write_bytes(b"\xff\xfe")
    roles: dict[str, Any] = {**ALL, "time": "day"}
    log = safar.read(tmp_path, **roles, end="2026-01-31", events=["view", "visit, again"])
    expected = frame[(frame["day"] < "2026-01-31") & frame["event"].isin(["view", "visit, again"])]
    assert sorted(row for *_, row in contents(log)) == sorted(expected["row"])
    told = log.info["files"]
    assert told["files"] > told["files_read"]
    assert told["files_read"] == len(frame[frame["day"] < "2026-01-31"].groupby(["day", "event"]))
    assert log.observed_until.isoformat() == "2026-01-31T00:00:00+00:00"
    # Which events there are later decides how long the log was observed, unless that is given.
    until = safar.read(tmp_path, **roles, observed_until="2026-01-31", end="2026-01-31", events="view")
    assert until.info["files"]["files_read"] == len(expected[expected["event"] == "view"].groupby("day"))
    assert len(until) == (expected["event"] == "view").sum()
    with pytest.raises(DataError, match="none of the"):
        safar.read(tmp_path, **roles, start="2027-01-01")


def test_parquet_files_of_other_events_are_left_out_and_still_say_how_long_was_observed(
    tmp_path: Path,
) -> None:
    frame = events(600)
    for event, part in frame.groupby("event"):
        folder = tmp_path / f"event={event.replace(' ', '%20')}"
        folder.mkdir()
        part.drop(columns="event").to_parquet(folder / "part.parquet")
    for name in ("view", "cart", "visit, again"):
        log = safar.read(tmp_path, **ALL, events=name)
        expected = of_frame(frame).filter(events=name, start="2020-01-01")
        assert log.observed_until_us == expected.observed_until_us
        assert contents(log) == contents(expected)
        assert log.info["filtered"] == expected.info["filtered"]
        assert log.info["files"]["row_groups_read"] == 1
    with pytest.raises(UnknownEventError, match='did you mean "cart"'):
        safar.read(tmp_path, **ALL, events=["carts"])


def test_a_column_of_the_file_comes_before_its_folder_and_a_folder_that_lacks_it_is_named(
    tmp_path: Path,
) -> None:
    frame = events(100)
    for folder in ("channel=from the path", "other=1"):
        (tmp_path / folder).mkdir()
        frame.to_parquet(tmp_path / folder / "part.parquet")
    assert contents(safar.read(tmp_path / "channel=from the path", **ALL)) == contents(of_frame(frame))
    (tmp_path / "event=other").mkdir()
    frame.to_parquet(tmp_path / "event=other" / "part.parquet")
    assert set(safar.read(tmp_path / "event=other", **ALL, events="view").events) == {"view"}
    (tmp_path / "event=other" / "part.parquet").unlink()
    with pytest.raises(UnknownColumnError, match=r"channel=from the path.*other.*columns: .*channel"):
        safar.read(tmp_path, **ALL | {"attributes": ["other"]})


# ------------------------------------------------------------------------------------------ a range of times


TIME_FORMS: dict[str, tuple[Callable[[pd.Series], Any], dict[str, Any]]] = {
    "instants": (lambda t: t.dt.tz_localize("UTC"), {}),
    "instants of Tehran": (lambda t: t.dt.tz_localize("UTC").dt.tz_convert("Asia/Tehran"), {}),
    "nanoseconds": (lambda t: t.astype("datetime64[ns]"), {}),
    "milliseconds": (lambda t: t.astype("datetime64[ms]"), {}),
    "wall clock of Tehran": (lambda t: t, {"timezone": "Asia/Tehran"}),
    "wall clock of New York": (lambda t: t, {"timezone": "America/New_York"}),
    "dates": (lambda t: t.dt.date, {"timezone": "Asia/Tehran"}),
    "seconds": (lambda t: t.astype("datetime64[s]").astype("int64"), {"time_unit": "s"}),
    "milliseconds in floats": (
        lambda t: t.astype("datetime64[ms]").astype("int64").astype(float),
        {"time_unit": "ms"},
    ),
    "text": (lambda t: t.dt.strftime("%Y-%m-%dT%H:%M:%S+03:30"), {}),
}


@pytest.mark.parametrize("form", TIME_FORMS)
def test_a_range_of_times_is_what_the_filter_leaves_and_row_groups_outside_are_not_read(
    form: str, tmp_path: Path
) -> None:
    make, choice = TIME_FORMS[form]
    frame = events()
    frame = frame.assign(time=make(frame["time"]))
    frame.to_parquet(tmp_path / "events.parquet", row_group_size=100)
    frame.to_csv(tmp_path / "events.csv", index=False)
    whole = safar.read(tmp_path / "events.parquet", **ALL | choice)
    for start, end in (
        ("2026-01-20", "2026-01-22 11:00"),
        ("2026-02-27", None),
        (None, "2026-01-02"),
        (None, "2026-08-01"),
        ("2020-01-01", None),
    ):
        expected = whole.filter(start=start, end=end)
        log = safar.read(tmp_path / "events.parquet", **ALL | choice, start=start, end=end)
        same_as_filtered(log, expected)
        told = log.info["files"]
        assert told["row_groups"] == 30
        if form not in ("text", "milliseconds in floats"):
            assert told["row_groups_read"] <= (30 if len(expected) == len(whole) else 5)
        same_as_filtered(safar.read(tmp_path / "events.csv", **ALL | choice, start=start, end=end), expected)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    times=st.lists(st.one_of(st.none(), st.integers(-3, 40)), min_size=1, max_size=24),
    size=st.integers(1, 5),
    start=st.one_of(st.none(), st.integers(-2, 40)),
    length=st.one_of(st.none(), st.integers(1, 20)),
    until=st.one_of(st.none(), st.integers(0, 40)),
)
def test_pruning_never_shows(
    times: list[int | None],
    size: int,
    start: int | None,
    length: int | None,
    until: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    day = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    at = lambda days: None if days is None else day + dt.timedelta(days=days)  # noqa: E731
    table = pa.table(
        {
            "customer": [f"c{i % 3}" if i % 7 != 5 else None for i in range(len(times))],
            "time": pa.array(list(map(at, times)), pa.timestamp("us", "UTC")),
            "event": ["ABC"[i % 3] for i in range(len(times))],
        }
    )
    pq.write_table(table, folder / "some.parquet", row_group_size=size)
    end = None if length is None else at((start or 0) + length)
    choice: dict[str, Any] = {} if until is None else {"observed_until": at(until)}
    read = lambda **more: safar.read(folder / "some.parquet", **ROLES, **choice, **more)  # noqa: E731
    try:
        whole = read()
        expected = whole if start is None and end is None else whole.filter(start=at(start), end=end)
    except DataError:
        with pytest.raises(DataError):
            read(start=at(start), end=end)
        return
    log = read(start=at(start), end=end)
    assert rows_in(log.core.events_table(None)) == rows_in(expected.core.events_table(None))
    assert log.observed_until_us == expected.observed_until_us
    assert log.info["rows"] == len(times)
    # A row outside the range is filtered, whatever else is wrong with it; the others keep their numbers.
    outside = {
        i
        for i, t in enumerate(times)
        if t is not None
        and ((start is not None and t < start) or (end is not None and day + dt.timedelta(days=t) >= end))
    }
    rejects = [row for row in whole.rejects.to_dict()["row"] if row not in outside]
    assert log.rejects.to_dict()["row"] == rejects
    assert log.info["filtered"] == len(outside)


def test_events_are_picked_while_reading_and_row_groups_without_them_are_not_read(tmp_path: Path) -> None:
    frame = events().sort_values("event", kind="stable").assign(when=lambda f: f["time"].astype(str))
    frame.to_parquet(tmp_path / "events.parquet", row_group_size=100)
    log = safar.read(tmp_path / "events.parquet", **ALL, events=["cart", "view"], start="2026-01-15")
    expected = of_frame(frame).filter(events=["cart", "view"], start="2026-01-15")
    same_as_filtered(log, expected)
    assert log.info["files"]["row_groups_read"] < 20
    text = safar.read(tmp_path / "events.parquet", **ALL | {"time": "when"}, events=["cart"])
    assert text.info["files"]["row_groups_read"] == 30, "texts of times do not say how long was observed"
    assert text.observed_until_us == of_frame(frame).observed_until_us
    given = {"time": "when", "observed_until": "2026-06-01"}
    assert (
        safar.read(tmp_path / "events.parquet", **ALL | given, events=["cart"]).info["files"][
            "row_groups_read"
        ]
        < 12
    )
    assert safar.read(tmp_path / "events.parquet", **ALL, events="cart").events == {
        "cart": int((frame["event"] == "cart").sum())
    }
    with pytest.raises(UnknownEventError, match='did you mean "cart"'):
        safar.read(tmp_path / "events.parquet", **ALL, events=["carts"])


def test_a_range_that_holds_nothing_says_so(tmp_path: Path) -> None:
    events(100).to_parquet(tmp_path / "events.parquet")
    with pytest.raises(DataError, match=r"100 .*not between start and end"):
        safar.read(tmp_path / "events.parquet", **ALL, start="2030-01-01")
    with pytest.raises(ArgumentError, match="is not before end"):
        safar.read(tmp_path / "events.parquet", **ALL, start="2026-03-01", end="2026-03-01")


# ------------------------------------------------------------------------------------------------------- CSV


def test_the_delimiter_is_found_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    for separator in ",;\t|":
        others = "".join(set(",;\t|") - {separator})
        path.write_text(
            f'customer{separator}time{separator}event\n"a{separator}{others}\n"{separator}2026-03-01{separator}'
            f'"say ""{separator}"""\nb{separator}2026-03-02{separator}{others}\n'
        )
        log = safar.read(path, **ROLES)
        assert log.info["files"]["delimiters"] == [separator]
        assert set(log.events) == {f'say "{separator}"', others}
    path.write_text("customer:time:event\na:2026-03-01:view\n")
    assert safar.read(path, **ROLES, delimiter=":").events == {"view": 1}
    with pytest.raises(UnknownColumnError, match="delimiter="):
        safar.read(path, **ROLES)
    for wrong in ("", "::", "؛", 7):
        with pytest.raises(ArgumentError, match="delimiter"):
            safar.read(path, **ROLES, delimiter=wrong)  # type: ignore[arg-type]


def test_packed_text_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(gzip.compress(b"customer,time,event\na,2026-03-01,x\n"))
    log = safar.read(path, **ROLES)
    assert log.events == {"x": 1}
    assert log.info["files"]["compression"] == ["gzip"]
    assert safar.scan(path, **ROLES).events == {"x": 1}


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r", "\0"])
def test_what_can_not_stand_between_fields_is_refused(delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("customer,time,event\na,2026-03-01,x\n")
    for read in (safar.read, safar.scan):
        with pytest.raises(safar.ArgumentError, match=r"delimiter=.*can't stand between fields"):
            read(path, **ROLES, delimiter=delimiter)  # type: ignore[operator]


def test_persian_and_arabic_digits_are_read_in_times_numbers_and_ids(tmp_path: Path) -> None:
    path = tmp_path / "رویدادها.csv"
    path.write_text(
        "customer;time;event;value;note\n"
        "۰۰۷;۲۰۲۶-۰۳-۰۱ ۱۰:۰۵;خرید;۱۲۳٫۵;۱\n"
        "007;٢٠٢٦/٠٣/٠٢;خرید;−۱٬۲۳۴٫۵;۲\n"
        "کاربر ۱;2026-03-03 00:00;۱;;۳\n"
        "7;۱۴۰۵-۰۱-۰۱;خرید;۷;۴\n",
        encoding="utf-8",
    )
    log = safar.read(path, **ROLES, value="value", attributes=["note"])
    found = rows_in(log.core.events_table(["customer", "event", "value", "note"]))
    assert sorted(found, key=lambda e: e[3]) == [
        ("007", "خرید", 123.5, "۱"),
        ("007", "خرید", -1234.5, "۲"),
        ("کاربر ۱", "۱", None, "۳"),
    ]
    assert log.first.isoformat() == "2026-03-01T10:05:00+00:00"
    # Text is Gregorian: a Jalali year is no year of a log.
    assert log.rejected == {"time_out_of_range": 1}
    path.write_text("customer,time,event\na,۱۷۷۲۳۵۹۵۰۰,x\nb,1772359500.5,x\nc,٫,x\n", encoding="utf-8")
    log = safar.read(path, **ROLES, time_unit="s")
    assert [t for (t,) in rows_in(log.core.events_table(["time"]))] == [1772359500_000000, 1772359500_500000]
    assert log.rejected == {"time_unparsable": 1}
    path.write_text("customer,time,event\na,1772359500,x\n")
    with pytest.raises(ArgumentError, match=r'looks like "s"'):
        safar.read(path, **ROLES)


def test_values_that_are_no_numbers_are_named_with_column_and_line(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    head = 'customer;time;event;value\na;2026-03-01;"two\nlines";1\n\n'
    for value in ("free", "1,5", "1.234,5", "۱,۵", "12 €", "1 2"):
        path.write_text(head + f"a;2026-03-01;x;{value}\n", encoding="utf-8")
        with pytest.raises(DataError, match=r'events.csv, line 5: column "value"') as caught:
            safar.read(path, **ROLES, value="value")
        assert f'"{value}"' in str(caught.value)
        assert ("decimal" in str(caught.value)) == ("," in value)
    path.write_text(head + "a;2026-03-01;x;nan\na;2026-03-01;x; \na;2026-03-01;x; 1e3 \n")
    log = safar.read(path, **ROLES, value="value")
    assert [v for (v,) in rows_in(log.core.events_table(["value"]))] == [1.0, None, None, 1000.0]


def test_attributes_are_what_their_texts_are_and_a_late_misfit_makes_them_text(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    rows = 70_000
    frame = pd.DataFrame(
        {
            "customer": "a",
            "time": "2026-03-01",
            "event": "x",
            "whole": range(rows),
            "number": [0.5, *range(rows - 1)],
            "flag": [True, False] * (rows // 2),
            "zip": ["00123"] * rows,
            "none": [None] * rows,
            "late": [*range(rows - 1), "x9"],
            "zeros": [*range(rows - 1), "09"],
        }
    )
    frame.to_csv(path, index=False)
    log = safar.read(path, **ROLES, attributes=list(frame.columns[3:]))
    assert log.columns == {
        "whole": "Int64",
        "number": "Float64",
        "flag": "Boolean",
        "zip": "Utf8",
        "none": "Utf8",
        "late": "Utf8",
        "zeros": "Utf8",
    }
    last = rows_in(log.core.events_table(["whole", "number", "flag", "zip", "none", "late", "zeros"]))[-1]
    assert last == (rows - 1, float(rows - 2), False, "00123", None, "x9", "09")


def test_what_is_wrong_with_a_text_file_is_said_with_its_line_and_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    good = 'customer,time,event\na,2026-03-01,"x\ny"\n'

    def refused(content: bytes, *told: str, error: type[SafarError] = SafarError) -> None:
        path.write_bytes(content)
        with pytest.raises(error) as caught:
            safar.read(path, **ROLES)
        assert not isinstance(caught.value, safar.InternalError)
        for text in ("events.csv", *told):
            assert text in str(caught.value)

    refused(
        (good + "\nb,2026-03-01\n").encode(), "line 5", "2 fields", "3 columns", "quotes", error=DataError
    )
    refused((good + "b,2026-03-01,x,y\n").encode(), "line 4", "4 fields")
    refused((good * 3_000 + "b\n").encode(), "1 field ")
    refused(b"", "empty", error=FileError)
    refused(b"\xef\xbb\xbf\n\n", "empty", error=FileError)
    refused(good.encode("utf-16"), "UTF-16", "iconv", error=FileError)
    refused(good.encode("utf-16-le"), "UTF-16", error=FileError)
    refused((good + "b,2026-03-01,شراء\n").encode("cp1256"), "line 4", "cp1256", "iconv", error=FileError)
    unclosed = good + 'b,2026-03-01,"x\nc,2026-03-02,y\n'
    refused(unclosed.encode(), "line 4", "never closed", error=DataError)
    refused((unclosed + good * 30_000).replace("\n", "\r\n").encode(), "line 4", "quote")
    refused(b'customer,time,"event\na,2026-03-01,x\n', "line 1", "never closed", error=DataError)
    refused((good + 'b,"2026-03-01,x\nc,2026-03-02,"y"\n').encode(), "line 4", "quote", error=DataError)
    refused((good + "b,2026-03-01,x\0\n").encode(), "line 4", "byte of zero", "tr -d", error=FileError)
    refused((good * 60_000 + "b,2026-03-01,\0x\n").encode(), "line 180001", "byte of zero", error=FileError)
    refused(b"customer,time,ev\0ent\na,2026-03-01,x\n", "line 1", "byte of zero", error=FileError)
    refused(b"PK\x03\x04\x14\0\x06\0", "zip archive", "Excel", error=FileError)
    refused(b"PAR1" + bytes(100), "Parquet", error=FileError)
    refused("زبون,time,event\na,b,c\n".encode("cp1256"), "line 1", "cp1256", error=FileError)
    refused(b"customer,time,event,event\na,2026-03-01,x,y\n", "event", "twice")
    path.write_text("customer,time,event\n")
    with pytest.raises(DataError, match="no rows"):
        safar.read(path, **ROLES)
    (tmp_path / "more.csv").write_text(good)
    assert len(safar.read([path, tmp_path / "more.csv"], **ROLES)) == 1


# -------------------------------------------------------------------------------------- one schema of many files


def test_columns_are_found_by_name_and_the_wider_type_wins(tmp_path: Path) -> None:
    frame = events(900).assign(score=range(900))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    kinds = [
        {"row": pa.int32(), "value": pa.float32(), "time": pa.timestamp("ms"), "customer": pa.string()},
        {"row": pa.int64(), "time": pa.timestamp("ns"), "customer": pa.large_string(), "score": pa.int8()},
        {"row": pa.uint16(), "time": pa.timestamp("us"), "customer": pa.string_view(), "score": pa.float64()},
    ]
    for i, kind in enumerate(kinds):
        part = table.slice(300 * i, 300)
        for name, to in kind.items():
            values = pa.array(np.arange(300) % 100) if name == "score" else part[name]
            part = part.set_column(part.column_names.index(name), name, values.cast(to))
        part = part.select(random.Random(i).sample(part.column_names, len(part.column_names)))
        part = part.append_column(f"only {i}", pa.array([i] * 300))
        pq.write_table(part, tmp_path / f"{i}.parquet")
    log = safar.read(tmp_path, **ALL | {"attributes": ["row", "score"]})
    assert contents(log) == contents(of_frame(frame))
    assert log.columns["row"] == "Int64"
    assert log.columns["score"] == "Float64"


def test_files_that_do_not_agree_are_named_with_their_types(tmp_path: Path) -> None:
    frame = events(10)
    frame.to_parquet(tmp_path / "a.parquet")
    for change, told in (
        ({"customer": range(10)}, ["customer", "Int64", "Utf8", "a.parquet", "b.parquet"]),
        ({"time": frame["time"].dt.tz_localize("UTC")}, ["time", "UTC", "a.parquet", "b.parquet"]),
        ({"value": "free"}, ["value", "b.parquet"]),
    ):
        frame.assign(**change).to_parquet(tmp_path / "b.parquet")
        with pytest.raises(DataError) as caught:
            safar.read(tmp_path, **ALL)
        for text in told:
            assert text in str(caught.value)
    frame.drop(columns="channel").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(UnknownColumnError, match=r'b\.parquet has no column "channel"'):
        safar.read(tmp_path, **ALL)


def test_csv_files_agree_on_text_where_they_do_not_agree_on_numbers(tmp_path: Path) -> None:
    for i, (whole, mixed, empty) in enumerate([("1", "2", ""), ("1.5", "x", "7"), ("3", "007", "")]):
        (tmp_path / f"{i}.csv").write_text(
            f"customer,time,event,whole,mixed,empty\na,2026-03-0{i + 1},x,{whole},{mixed},{empty}\n"
        )
    log = safar.read(tmp_path, **ROLES, attributes=["whole", "mixed", "empty"])
    assert log.columns == {"whole": "Float64", "mixed": "Utf8", "empty": "Int64"}
    assert rows_in(log.core.events_table(["whole", "mixed", "empty"])) == [
        (1.0, "2", None),
        (1.5, "x", 7),
        (3.0, "007", None),
    ]


def test_a_table_of_files_has_all_columns_and_folders(tmp_path: Path) -> None:
    for year in (2025, 2026):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(pa.table({"a": [year], "b": ["x"]}), tmp_path / f"year={year}" / "0.parquet")
    paths = sorted(map(str, tmp_path.rglob("*.parquet")))
    table = _core.Table.read(paths)
    assert rows_in(table) == [(2025, "x", "2025"), (2026, "x", "2026")]
    pq.write_table(pa.table({"a": [1], "b": ["x"], "c": [1]}), paths[1])
    with pytest.raises(DataError, match='"c"'):
        _core.Table.read(paths)


# ------------------------------------------------------------------------------------------------- damaged files


DAMAGED = [
    "parquet by polars",
    "parquet by pandas",
    "feather",
    "feather in lz4",
    "feather in zstd",
    "arrow stream",
]
DAMAGED += ["csv", "csv packed"]


@pytest.mark.parametrize("writer", DAMAGED)
@pytest.mark.parametrize("how", ["cut", "flipped", "stretched"])
def test_a_damaged_file_is_read_or_refused_by_name_and_never_a_crash(
    writer: str, how: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ending, write = WRITERS[writer]
    path = tmp_path / f"events{ending}"
    write(events(300), path)
    whole = path.read_bytes()
    draw = random.Random(writer + how)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        if how == "cut":
            damaged = damaged[: draw.randrange(len(whole))]
        else:
            # The ends of a file hold what says how to read the rest.
            for _ in range(draw.choice([1, 1, 4])):
                place = draw.choice(
                    [draw.randrange(len(whole)), len(whole) - 1 - draw.randrange(min(900, len(whole)))]
                )
                damaged[place] = (
                    draw.choice([0xFF, 0x7F, 0x80, draw.randrange(256)]) if how == "flipped" else 0xFF
                )
                if how == "stretched":
                    damaged[place - 3 : place] = b"\xff\xff\x7f"
        path.write_bytes(damaged)
        try:
            safar.read(path, **ALL)
        except safar.InternalError as error:
            raise AssertionError(f"a defect: {error}") from error
        except SafarError as error:
            refused += 1
            if isinstance(error, FileError):
                assert path.name in str(error)
    assert refused > (0 if ending == ".csv" else 10)
    assert capfd.readouterr() == ("", ""), "nothing prints"


def test_an_unknown_ending_and_a_file_that_is_not_what_it_says_are_refused(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.arrow", "a.feather", "a.csv.gz"):
        for content in (b"", b"x", b"PAR1", b"ARROW1", b"ARROW1\0\0" + b"\xff" * 40, gzip.compress(b"")[:-3]):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(FileError, match=name):
                safar.read(tmp_path / name, **ROLES)
    with pytest.raises(FileError):
        safar.read(tmp_path / "b.parquet", **ROLES)
