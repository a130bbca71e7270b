"""Measure data larger than memory: transitions of many events from a Parquet file, by engines that may use the disk.

    python benches/scan.py --rows 50M

safar scans the file under two budgets and reads it into memory; DuckDB has a memory limit and a folder for what does
not fit; Polars streams. Every contestant is a process of its own and answers once, reading included. Printed are wall
and processor time, the most memory that the process held above an idle one with the same packages, and what it
was asked to keep to. All answers must be equal.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import Duckdb, Polars, Safar, difference, log_file, row_count

ROLES = {"customer": "customer", "time": "time", "event": "event"}


class DuckdbFile(Duckdb):
    """DuckDB over the file, within a limit."""

    def __init__(self, path: Path, limit: str) -> None:
        import duckdb

        self.path, self.mode = path, "oneshot"
        self.folder = tempfile.mkdtemp(prefix="safar-scan-duckdb-")
        self.connection = duckdb.connect()
        for setting in (f"temp_directory = '{self.folder}'", f"memory_limit = '{limit}'"):
            self.connection.execute("SET " + setting)
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute(f"CREATE VIEW log AS FROM read_parquet('{path}')")


class PolarsFile(Polars):
    """Polars over the file, streaming."""

    def __init__(self, path: Path) -> None:
        import polars as pl

        self.pl, self.path, self.mode = pl, path, "oneshot"

    def lazy(self, *columns: str) -> Any:
        return self.pl.scan_parquet(self.path).select(*columns)


def scanned(path: Path, memory: str) -> Any:
    import safar

    return safar.scan(path, **ROLES, memory=memory).transitions(quantiles=False)


def read(path: Path) -> Any:
    import safar

    return safar.read(path, **ROLES).transitions(quantiles=False)


CONTESTANTS: dict[str, tuple[str, Callable[[Path], tuple[type[Any], Callable[[], Any]]]]] = {
    "safar.scan, 100 MB": ("100 MB", lambda path: (Safar, lambda: scanned(path, "100 MB"))),
    "safar.scan, 400 MB": ("400 MB", lambda path: (Safar, lambda: scanned(path, "400 MB"))),
    "safar.read, in memory": ("none", lambda path: (Safar, lambda: read(path))),
    "duckdb, 1 GB": ("1 GB", lambda path: (Duckdb, DuckdbFile(path, "1GB").t4_windows)),
    "duckdb, 400 MB": ("400 MB", lambda path: (Duckdb, DuckdbFile(path, "400MB").t4_windows)),
    "polars, streaming": ("none", lambda path: (Polars, PolarsFile(path).t4_shifted_streaming)),
}


def high_water() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise KeyError("VmHWM")


def measure(path: Path, name: str) -> dict[str, Any]:
    import pyarrow  # noqa: F401, for the imports of all contestants to be alike

    engine, ask = CONTESTANTS[name][1](path)
    before, used, started = high_water(), resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    try:
        result = ask()
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    wall, now = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    peak = high_water() - before
    return {"wall": wall, "cpu": cpu, "peak": peak, "answer": engine.plain_t4(engine, result)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=row_count, default="50M")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--contestants", nargs="*", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    parser.add_argument("--contestant", choices=list(CONTESTANTS), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contestant:
        print(json.dumps(measure(given.file, given.contestant)))
        return
    path = log_file(given.rows, given.seed, Path(tempfile.gettempdir()) / "safar-peers")
    print("| | memory asked for | wall s | CPU s | peak MB |\n|---|--:|--:|--:|--:|")
    first = None
    for name in given.contestants:
        command = [sys.executable, __file__, "--contestant", name, "--file", str(path)]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(run.stdout.splitlines()[-1])
        if "failed" in found:
            print(f"| {name} | {CONTESTANTS[name][0]} | failed: {found['failed']} | | |", flush=True)
            continue
        first = first or found["answer"]
        what = difference(first, found["answer"])
        if what:
            raise SystemExit(f"{given.contestants[0]} and {name} answer differently: {what}")
        figures = f"{found['wall']:.1f} | {found['cpu']:.1f} | {found['peak'] / 1e6:.0f}"
        print(f"| {name} | {CONTESTANTS[name][0]} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
