"""A log read from Parquet piece by piece is the log of the same rows as a table, whatever they are like."""

import random
import string
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import safar

ROLES = {"customer": "customer", "time": "time", "event": "event", "channel": "channel"}
START = 1_767_225_600_000_000
IDS = {
    "short text": lambda n: f"c{n:05d}",
    "texts of many lengths": lambda n: "x" * (n % 23) + str(n),
    "long text": lambda n: f"a customer with a name that is long {n}",
    "UUID": lambda n: f"{n:08x}-aaaa-4bbb-8ccc-{n * 7919:012x}",
    "integers": lambda n: n * 1_000_003 - 5_000,
    "whole floats": float,
    "bytes of a UUID": lambda n: n.to_bytes(16, "big"),
    "blank or missing": lambda n: [None, " ", f"c{n}", f"c{n}"][n % 4],
}


def rows(form: str, order: str, seed: int = 1) -> pa.Table:
    """Events of some customers, some rows of which can't be events."""
    draw = random.Random(f"{form}{order}{seed}")
    found = []
    for number in range(300):
        at = START + draw.randrange(10**12)
        for _ in range(draw.randrange(1, 30)):
            at += draw.choice([0, 1, 10**6, 10**10])
            time = draw.choice([at] * 30 + [None, -(10**17), 10**17])
            event = draw.choice([*"abcdef"] * 5 + [None, " "])
            channel = draw.choice(["web", "app", "فروشگاه", None, ""])
            value = draw.choice([None, float("nan"), 1.5, 2.5])
            found.append((IDS[form](number), time, event, channel, value, f"{number}-{len(found)}"))
    if order == "shuffled":
        draw.shuffle(found)
    elif order == "time":
        found.sort(key=lambda row: row[1] or 0)
    columns = list(zip(*found, strict=True))
    ids = pa.array(columns[0], pa.binary(16) if form == "bytes of a UUID" else None)
    return pa.table(
        {
            "customer": ids,
            "time": pa.array(columns[1], pa.timestamp("us")),
            "event": pa.array(columns[2]),
            "channel": pa.array(columns[3]),
            "value": pa.array(columns[4]),
            "note": pa.array(columns[5]),
        }
    )


def same(read: safar.EventLog, built: safar.EventLog) -> None:
    """Two logs agree in everything but where they came from."""
    assert read.to_pandas().equals(built.to_pandas())
    unlike = {"files", "bytes"}
    assert {k: v for k, v in read.info.items() if k not in unlike} == {
        k: v for k, v in built.info.items() if k not in unlike
    }
    assert read.rejects.to_pandas().equals(built.rejects.to_pandas())
    assert read.events == built.events
    assert read.channels == built.channels


def both(table: pa.Table, folder: Path, *, group_rows: int = 700, **more: Any) -> None:
    pq.write_table(table, folder / "events.parquet", row_group_size=group_rows)
    kept = {key: more.pop(key) for key in ("events", "start", "end") if key in more}
    read = safar.read(folder / "events.parquet", **ROLES, **more, **kept)
    built = safar.EventLog(table, **ROLES, **more)
    if not kept:
        same(read, built)
    else:
        expected = built.filter(**kept)
        assert read.to_pandas().equals(expected.to_pandas())
        assert read.observed_until == expected.observed_until


@pytest.mark.parametrize("order", ["customer", "time", "shuffled"])
@pytest.mark.parametrize("form", IDS)
def test_ids_of_every_form_in_every_order(form: str, order: str, tmp_path: Path) -> None:
    table = rows(form, order)
    both(table, tmp_path)
    both(table, tmp_path, value="value", attributes=["note"])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tehran", "America/Havana"])
def test_parts_of_the_rows_and_times_of_every_zone(zone: str, tmp_path: Path) -> None:
    table = rows("short text", "time", seed=2)
    both(table, tmp_path, timezone=zone, events=["a", "d"])
    both(table, tmp_path, timezone=zone, start="2026-01-03", end="2026-01-09", value="value")
    both(table, tmp_path, timezone=zone, observed_until="2026-01-08")


def test_more_names_than_a_record_holds(tmp_path: Path) -> None:
    table = rows("short text", "shuffled", seed=3)
    many = pa.array([f"event {n}" for n in range(table.num_rows)])
    both(table.set_column(2, "event", many), tmp_path)
    both(table.set_column(3, "channel", many), tmp_path)
    # The first rows say nothing of those that follow.
    late = pa.array(["a" if n < 900 else f"event {n % 600}" for n in range(table.num_rows)])
    both(table.set_column(3, "channel", late), tmp_path)


def test_times_that_the_first_rows_do_not_hint_at(tmp_path: Path) -> None:
    table = rows("integers", "time", seed=4)
    times = [START + n * 10**6 if n < 800 else -(10**15) + n for n in range(table.num_rows)]
    both(table.set_column(1, "time", pa.array(times, pa.timestamp("us"))), tmp_path)


def test_names_from_dictionaries_and_views_of_text(tmp_path: Path) -> None:
    table = rows("short text", "shuffled", seed=5)
    coded = table.set_column(2, "event", table["event"].dictionary_encode())
    coded = coded.set_column(0, "customer", coded["customer"].cast(pa.large_string()))
    both(coded, tmp_path)
    both(table.set_column(0, "customer", table["customer"].dictionary_encode()), tmp_path)


def test_ids_that_only_the_last_rows_have(tmp_path: Path) -> None:
    letters = string.ascii_lowercase
    ids = [f"id{n % 50}" if n < 2_000 else f"{letters[n % 26] * 30}{n % 50}" for n in range(3_000)]
    table = pa.table(
        {
            "customer": ids,
            "time": pa.array([START + (n * 7919) % 10**9 for n in range(3_000)], pa.timestamp("us")),
            "event": [letters[n % 5] for n in range(3_000)],
            "channel": ["web"] * 3_000,
        }
    )
    both(table, tmp_path)


def test_refusals_are_those_of_a_table(tmp_path: Path) -> None:
    table = rows("short text", "time", seed=6)
    path = tmp_path / "events.parquet"
    named = pa.array(["a"] * 750 + ["(start)"] + ["a"] * (len(table) - 751))
    pq.write_table(table.set_column(2, "event", named), path, row_group_size=500)
    with pytest.raises(safar.DataError, match=r'row 750: the event name "\(start\)" is reserved'):
        safar.read(path, **ROLES)
    pq.write_table(table, path, row_group_size=500)
    with pytest.raises(safar.UnknownEventError, match='"z" is not an event of the data'):
        safar.read(path, **ROLES, events="z")
    with pytest.raises(safar.DataError, match=r"row \d+: .* cannot be used"):
        safar.read(path, **ROLES, on_bad="raise")
