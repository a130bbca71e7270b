"""Logs as files: what is opened is what was saved, and nothing else is taken for a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pytest
from hypothesis import HealthCheck, given, settings

import safar
from oracles import Event
from safar import _core
from strategies import columns_of, logs
from test_scan import ASKED, FULL, question, rows, same

ROLES: dict[str, Any] = {name: name for name in ("customer", "time", "event", "channel", "value")}
ROLES["attributes"] = ["plan", "score"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=logs())
def test_any_log_comes_back_as_it_was(tmp_path: Path, events: list[Event]) -> None:
    log = safar.EventLog(_core.Table(columns_of(events)), **ROLES, timezone="Asia/Tehran")
    log.save(tmp_path / "log.safar")
    again = safar.open(tmp_path / "log.safar")
    assert again.to_polars().equals(log.to_polars())
    assert again.info == log.info | {"bytes": again.info["bytes"]}
    assert again.roles == log.roles
    assert again.columns == log.columns
    for view in ("offsets", "times", "events"):
        assert np.array_equal(again.core.view(view), log.core.view(view))
        assert again.core.view(view).dtype == log.core.view(view).dtype


def test_an_opened_log_has_the_same_answers_and_rejects(tmp_path: Path) -> None:
    data = rows()
    data["who"][5], data["what"][9] = None, " "
    log = safar.EventLog(data, **FULL, observed_until="2025-07-20")
    path = tmp_path / "log.safar"
    log.save(path)
    again = safar.open(path)
    assert again.rejects.to_dict() == log.rejects.to_dict()
    assert again.rejected == log.rejected
    for spec in ASKED:
        same(question(spec).run(log), question(spec).run(again))
    parts = [log.filter(with_event="buy"), log.with_sessions(), log.with_sessions().per("session")]
    for part in parts:
        part.save(path)
        same(part.transitions(), safar.open(path).transitions())
        assert safar.open(path).to_polars().equals(part.to_polars())
    # What was opened before the file was replaced is still there.
    same(log.transitions(), again.transitions())


@pytest.mark.parametrize("ids", ["int64", "uint64", "int16"])
def test_ids_keep_their_type(tmp_path: Path, ids: str) -> None:
    data = {"who": np.arange(90).astype(ids) % 7, "at": np.arange(90), "what": [f"e{n}" for n in range(90)]}
    log = safar.EventLog(data, customer="who", time="at", event="what", time_unit="s")
    log.save(tmp_path / "log.safar")
    again = safar.open(tmp_path / "log.safar").to_polars()
    assert again.equals(log.to_polars())
    assert again.schema == log.to_polars().schema


def test_names_beyond_one_byte_come_back(tmp_path: Path) -> None:
    for names in (256, 257, 70_000):
        data = {"who": [1] * names, "at": np.arange(names), "what": [f"event {n}" for n in range(names)]}
        log = safar.EventLog(data, customer="who", time="at", event="what", time_unit="s")
        log.save(tmp_path / "log.safar")
        again = safar.open(tmp_path / "log.safar")
        assert again.core.view("events").dtype == log.core.view("events").dtype
        assert again.events == log.events


def test_every_reader_of_arrow_can_look_into_it(tmp_path: Path) -> None:
    log = safar.EventLog(rows(), **FULL)
    log.save(tmp_path / "log.safar")
    with pa.ipc.open_file(tmp_path / "log.safar") as file:
        [row] = file.read_all().to_pylist()
    assert row["event names"] == sorted(log.events)
    assert len(row["times"]) == len(log)
    assert len(row["offsets"]) == log.customers + 1


def test_a_half_written_log_never_stands_under_the_name(tmp_path: Path) -> None:
    log = safar.EventLog(rows(), **FULL)
    path = tmp_path / "log.safar"
    log.save(path)
    before = path.read_bytes()
    with pytest.raises(safar.FileError, match="missing"):
        log.save(tmp_path / "missing" / "log.safar")
    directory = tmp_path / "directory"
    directory.mkdir()
    with pytest.raises(safar.FileError, match="directory"):
        log.save(directory)
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["directory", "log.safar"]


def test_what_is_no_saved_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.arrow"
    with pytest.raises(safar.FileError, match=r"events\.arrow"):
        safar.open(path)
    path.write_bytes(b"")
    with pytest.raises(safar.FileError, match=r"events\.arrow"):
        safar.open(path)
    path.write_text("user,at,what\nann,2026-01-01,view\n")
    with pytest.raises(safar.FileError, match="no Arrow file, or a damaged one"):
        safar.open(path)
    for frame in (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1, 2]})):
        frame.write_ipc(path, compression="uncompressed")
        with pytest.raises(safar.FileError, match=r"no saved log.*safar\.read"):
            safar.open(path)


def test_a_log_of_another_layout_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log.safar"
    safar.EventLog(rows(), **FULL).save(path)
    with pa.ipc.open_file(path) as file:
        table = file.read_all()
    facts = json.loads(table.schema.metadata[b"safar.log"]) | {"version": 99}
    table = table.replace_schema_metadata({"safar.log": json.dumps(facts)})
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(safar.FileError, match="layout 99"):
        safar.open(path)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("offsets", [0, 5, 3, 60]),
        ("offsets", [0, 2**63, 60, 60]),
        ("offsets", []),
        ("times", [5] + [4] * 59),
        ("times", [2**62] * 60),
        ("events", [200] * 60),
        ("events", [0] * 59),
        ("event names", ["b", "a"]),
        ("customers", ["ann"]),
        ("reject reasons", ["no reason"]),
        ("column 0", [1.0]),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path: Path, column: str, values: list[Any]) -> None:
    path = tmp_path / "log.safar"
    data = {
        "who": ["ann", "bob", "cem"] * 20,
        "at": list(range(60)),
        "what": ["a", "b"] * 30,
        "worth": [1.0] * 60,
    }
    data["what"].append(" ")
    data = {name: [*values, values[0]][:61] if name != "what" else values for name, values in data.items()}
    roles = {"customer": "who", "time": "at", "event": "what", "value": "worth", "time_unit": "s"}
    safar.EventLog(data, **roles).save(path)
    with pa.ipc.open_file(path) as file:
        table = file.read_all()
    place = table.schema.get_field_index(column)
    changed = pa.array([values], table.schema.field(place).type)
    table = table.set_column(place, table.schema.field(place), changed)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(safar.FileError, match="damaged"):
        safar.open(path)


def test_damaged_files_are_errors_or_logs_and_never_more(tmp_path: Path) -> None:
    path = tmp_path / "log.safar"
    safar.EventLog(rows(300), **FULL).save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(11)
    opened = 0
    for trial in range(400):
        damaged = bytearray(whole)
        if trial % 4 == 0:
            damaged = damaged[: random.integers(0, len(whole))]
        else:
            # The description at the end and at the beginning is where nonsense does harm.
            place = (
                random.integers(0, len(whole))
                if trial % 4 == 1
                else len(whole) - 1 - random.integers(0, 6_000)
            )
            damaged[place] = random.integers(0, 256)
        path.unlink()
        path.write_bytes(damaged)
        try:
            log = safar.open(path)
            log.transitions()
            log.to_polars()
            opened += 1
        except safar.SafarError as problem:
            assert not isinstance(problem, safar.InternalError), problem
    assert opened > 20


def test_opening_reads_nothing_that_is_not_needed(tmp_path: Path) -> None:
    log = safar.EventLog(rows(20_000), **FULL)
    log.save(tmp_path / "log.safar")
    again = safar.open(tmp_path / "log.safar")
    with Path("/proc/self/maps").open() as maps:
        assert any("log.safar" in line for line in maps)
    (tmp_path / "log.safar").unlink()
    same(log.transitions(), again.transitions())
