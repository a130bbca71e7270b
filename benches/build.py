"""Measure how a log is built: of every form of customer ids, and of rows in every order.

    python benches/build.py --rows 10M --rounds 5

The events are those of ``benches/peers.py``. Each case lives in a process of its own, which makes the Arrow table,
builds one log unmeasured, and then builds logs one at a time. Printed are the medians of wall and processor time for
an event, the memory that a log holds, and the most memory that building takes above the caller's table, in bytes an
event (as the kernel counts resident pages, after the allocator has given back what it keeps for later; Linux only).
Every case must give the same log as the first one.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from peers import log_file, row_count

MIX = 0x9E3779B97F4A7C15
COLUMNS = ["customer", "time", "event", "channel"]

# name: (form of the ids, order of the rows, columns carried along)
CASES: dict[str, tuple[str, str, list[str]]] = {
    "text": ("text", "time", []),
    "text, by customer": ("text", "customer", []),
    "text, shuffled": ("text", "shuffled", []),
    "text, a value kept": ("text", "time", ["revenue"]),
    "text, by customer, a value kept": ("text", "customer", ["revenue"]),
    "large text": ("large text", "time", []),
    "text view": ("view", "time", []),
    "dictionary": ("dictionary", "time", []),
    "integer": ("integer", "time", []),
    "integer, by customer": ("integer", "customer", []),
    "integer, shuffled": ("integer", "shuffled", []),
    "UUID text": ("uuid", "time", []),
    "UUID text, by customer": ("uuid", "customer", []),
    "UUID text, shuffled": ("uuid", "shuffled", []),
    "UUID of 16 bytes": ("uuid bytes", "time", []),
    "text of 40 bytes": ("long", "time", []),
    "text of 40 bytes, by customer": ("long", "customer", []),
}


def uuids(numbers: np.ndarray) -> np.ndarray:
    """The 16 bytes of a made-up UUID for every number."""
    with np.errstate(over="ignore"):
        halves = np.stack(
            [numbers * np.uint64(MIX), (numbers + np.uint64(1)) * np.uint64(MIX ^ 0xFFFF)], axis=1
        )
    return np.ascontiguousarray(halves).view(np.uint8).reshape(len(numbers), 16)


def hyphenated(raw: np.ndarray) -> list[str]:
    """The texts of UUIDs."""
    digits = raw.tobytes().hex()
    whole = [digits[at : at + 32] for at in range(0, len(digits), 32)]
    return [f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}" for d in whole]


def customers_as(form: str, customer: Any) -> Any:
    """The ids ``c00000042`` in another form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if form == "text":
        return customer
    if form in ("large text", "view"):
        return customer.cast(pa.large_string() if form == "large text" else pa.string_view())
    if form == "dictionary":
        return customer.dictionary_encode().unify_dictionaries()
    numbers = pc.cast(pc.utf8_slice_codeunits(customer, 1), pa.int64())
    if form == "integer":
        return numbers
    if form == "uuid bytes":
        parts = [uuids(chunk.to_numpy().astype(np.uint64)) for chunk in numbers.chunks]
        return pa.chunked_array(
            [
                pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(p), [None, pa.py_buffer(p)])
                for p in parts
            ]
        )
    if form == "long":
        names = pa.array([f"customer-of-the-online-shop-in-tehran-{n:02x}" for n in range(256)])
        wide = pc.cast(pc.bit_wise_and(numbers, 255), pa.int64())
        return pc.binary_join_element_wise(names.take(wide.combine_chunks()), customer.combine_chunks(), "/")
    most = pc.max(numbers).as_py()
    texts = pa.array(hyphenated(uuids(np.arange(most + 1, dtype=np.uint64))))
    return pa.chunked_array([texts.take(chunk) for chunk in numbers.chunks])


def table_of(path: Path, case: str) -> Any:
    """The table of a case."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    form, order, carried = CASES[case]
    table = pq.read_table(path, columns=COLUMNS + carried)
    if order == "customer":
        table = table.sort_by([("customer", "ascending"), ("time", "ascending")])
    elif order == "shuffled":
        table = table.take(pa.array(np.random.default_rng(11).permutation(table.num_rows)))
    return table.set_column(0, "customer", customers_as(form, table["customer"]))


def memory(field: str) -> int:
    """A line of ``/proc/self/status`` in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def log_digest(log: Any) -> str:
    """What two logs of the same events share, whatever the ids look like."""
    edges = log.transitions(quantiles=False).to_pandas()
    edges = edges.sort_values(list(edges.columns[:2])).to_json(double_precision=9)
    counts = [
        log.info["customers"],
        log.events,
        log.channels,
        log.funnel(["view_product", "purchase"]).completed,
    ]
    return hashlib.sha256((json.dumps(counts) + edges).encode()).hexdigest()


def measure(path: Path, case: str, rounds: int) -> dict[str, Any]:
    """Build the log of one case again and again."""
    import safar

    carried = CASES[case][2]
    table = table_of(path, case)
    roles = dict(zip(["customer", "time", "event", "channel", "value"], COLUMNS + carried, strict=False))
    build = lambda: safar.EventLog(table, **roles)  # noqa: E731
    digest = log_digest(build())
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    log = build()
    peak = memory("VmHWM") - before
    ctypes.CDLL(None).malloc_trim(0)
    held = memory("VmRSS") - before
    del log
    wall, cpu = [], []
    for _ in range(rounds):
        started, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        log = build()
        wall.append(time.perf_counter() - started)
        now = resource.getrusage(resource.RUSAGE_SELF)
        cpu.append(now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)
        del log
    rows = table.num_rows
    per_event = [median(wall) * 1e9 / rows, median(cpu) * 1e9 / rows, held / rows, peak / rows]
    return {"case": case, "digest": digest, "figures": per_event}


def main() -> None:
    """Measure each case in a process of its own and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=row_count, default="10M")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    path = log_file(given.rows, given.seed, Path(tempfile.gettempdir()) / "safar-peers")
    if given.case:
        print(json.dumps(measure(path, given.case, given.rounds)))
        return
    print("| customer ids | wall ns | CPU ns | bytes held | bytes at the peak |\n|---|--:|--:|--:|--:|")
    first = None
    for case in given.cases:
        command = [sys.executable, __file__, "--case", case, "--rounds", str(given.rounds)]
        command += ["--rows", str(given.rows), "--seed", str(given.seed)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        first = first or found["digest"]
        if found["digest"] != first:
            raise SystemExit(f"{case}: another log than that of {given.cases[0]}")
        wall, cpu, held, peak = found["figures"]
        print(f"| {case} | {wall:.1f} | {cpu:.1f} | {held:.1f} | {peak:.1f} |", flush=True)


if __name__ == "__main__":
    main()
