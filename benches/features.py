"""Measure what features at a cut-off take, beside pandas and polars for the few that are quickly written there.

    python benches/features.py --rows 10M --rounds 5

The log is the demo shop. The peers are asked for recency, tenure, counts in three windows, active days and a count and
a recency for each event, over the same window and customers, from frames of the log's columns in memory; safar is
asked for the same, for all groups, and for what models foretell. Printed are the medians of wall and CPU time in ms;
rows and sums are compared.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

import safar
from peers import row_count

EVENTS_OF_A_CUSTOMER = 32.5
AT, OBSERVE = "2026-03-01", 180
FEW = ["recency", "frequency"]


def timed(work: Callable[[], Any], rounds: int) -> tuple[float, float, Any]:
    walls, cpus, found = [], [], None
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    return median(walls), median(cpus), found


def with_polars(frame: Any) -> Callable[[], Any]:
    import polars as pl

    at = pl.lit(AT).str.to_datetime(time_zone="Asia/Tehran", time_unit="us")
    events = frame["event"].unique().sort().to_list()

    def work() -> Any:
        known = frame.lazy().filter(pl.col("time") < at)
        window = known.filter(pl.col("time") >= at - pl.duration(days=OBSERVE))
        days = pl.col("time").dt.date()
        own = [
            pl.len().alias("events"),
            pl.col("time").max().alias("last"),
            days.n_unique().alias("active_days"),
            *[
                (pl.col("time") >= at - pl.duration(days=number)).sum().alias(f"events_{number}d")
                for number in (7, 28, 90)
            ],
            *[(pl.col("event") == name).sum().alias(f"events_{name}") for name in events],
            *[pl.col("time").filter(pl.col("event") == name).max().alias(f"last_{name}") for name in events],
        ]
        first = known.group_by("customer").agg(pl.col("time").min().alias("first"))
        return window.group_by("customer").agg(own).join(first, on="customer").collect()

    return work


def with_pandas(frame: Any) -> Callable[[], Any]:
    import pandas as pd

    at = pd.Timestamp(AT, tz="Asia/Tehran")

    def work() -> Any:
        known = frame[frame["time"] < at]
        window = known[known["time"] >= at - pd.Timedelta(days=OBSERVE)]
        groups = window.groupby("customer", observed=True, sort=False)
        found = groups["time"].agg(["size", "max"]).rename(columns={"size": "events", "max": "last"})
        days = window.assign(day=window["time"].dt.normalize()).groupby(
            "customer", observed=True, sort=False
        )["day"]
        found["active_days"] = days.nunique()
        for number in (7, 28, 90):
            recent = window[window["time"] >= at - pd.Timedelta(days=number)]
            found[f"events_{number}d"] = recent.groupby("customer", observed=True, sort=False).size()
        by_event = window.groupby(["customer", "event"], observed=True, sort=False)["time"]
        found = found.join(by_event.size().unstack("event").add_prefix("events_"))
        found = found.join(by_event.max().unstack("event").add_prefix("last_"))
        found["first"] = known.groupby("customer", observed=True, sort=False)["time"].min()
        return found

    return work


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=row_count, default=row_count("10M"), help="events, such as 10M")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    log = safar.datasets.shop(int(options.rows / EVENTS_OF_A_CUSTOMER)).log()
    print(log, flush=True)
    few = lambda: log.features(AT, observe=f"{OBSERVE}d", features=FEW, most=100)  # noqa: E731
    every = lambda: log.features(AT, observe=f"{OBSERVE}d")  # noqa: E731
    print(f"{'':34}{'wall ms':>9}{'CPU ms':>9}{'rows':>10}{'columns':>9}")

    def show(name: str, measured: tuple[float, float, Any], columns: int) -> Any:
        wall, cpu, found = measured
        print(f"{name:34}{wall:9.0f}{cpu:9.0f}{len(found):10,}{columns:9}", flush=True)
        return found

    found = show("safar, recency and frequency", timed(few, options.rounds), len(few().names))
    show("safar, all groups", timed(every, options.rounds), len(every().names))
    foretold = lambda: log.features(AT, observe=f"{OBSERVE}d", features="model")  # noqa: E731
    show("safar, what models foretell", timed(foretold, options.rounds), len(foretold().names))
    events = int(np.nansum(found.values("events")))
    frame = log.to_polars()
    theirs = show("polars, the same", timed(with_polars(frame), options.rounds), len(found.names))
    assert (len(theirs), theirs["events"].sum()) == (len(found), events)
    pandas = log.to_pandas()
    theirs = show(
        "pandas, the same", timed(with_pandas(pandas), max(options.rounds // 2, 1)), len(found.names)
    )
    assert (len(theirs), int(theirs["events"].sum())) == (len(found), events)


if __name__ == "__main__":
    main()
