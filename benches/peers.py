"""Measure safar side by side with chdb, duckdb and polars on one seeded event log.

    python benches/peers.py --rows 10M --rounds 7

Six questions are asked of every engine, each in two ways:

* T1 funnel: four steps within seven days; customers who reached each step.
* T2 retention: customers by week of their first event and number of weeks since.
* T3 sessions: the whole table of sessions, cut by a gap of more than 30 minutes.
* T4 transitions: events and mean time of every pair of successive events.
* T5 paths: the 100 most frequent sequences of events of a session, and how many different ones there are.
* T6 rfm: of every customer who bought, the time since the last purchase, the number of purchases and their sum.

``one shot`` starts with an Arrow table in memory and ends with the answer in the engine's own result object, every
conversion included. ``warm`` starts with the data in the form that suits the engine best (its load is not counted).

Every engine lives in a process of its own that holds the data and answers one request at a time, so that the thread
pools, caches and allocators of one engine neither disturb the others nor enter their processor time, and every engine
may use all cores. Where several formulations of a question are known, the fastest on this machine is used, found
before the measurement. The rounds are interleaved (safar, peer, safar, next peer, …), and a ratio compares a peer's
call with safar's call just before it, so that noise from other work on the machine meets both alike. Before anything
is measured all answers are compared; a difference ends the run with an error.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import math
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

DAY = 86_400_000_000
WEEK = 7 * DAY
GAP = 30 * 60 * 1_000_000
DAYS = 90
ORIGIN_DAY = date(2026, 1, 5)  # a Monday
ORIGIN = int(np.datetime64(ORIGIN_DAY, "us").astype(np.int64))
STEPS = ["view_product", "add_to_cart", "checkout", "purchase"]
TASKS = {"T1": "funnel", "T2": "retention", "T3": "sessions", "T4": "transitions", "T5": "paths", "T6": "rfm"}
MODES = {"oneshot": "one shot", "warm": "warm"}
# How much faster than the best peer safar must be and aims to be, in wall and in processor time, at ten million rows.
MUST = {
    "oneshot": {"T1": 1.5, "T2": 0.9, "T3": 1.7, "T4": 4.0, "T5": 4.0, "T6": 1.3},
    "warm": {"T1": 3.0, "T2": 6.0, "T3": 1.0, "T4": 4.0, "T5": 6.0, "T6": 1.0},
}
AIM = {
    "oneshot": {"T1": 2.5, "T2": 1.3, "T3": 3.0, "T4": 8.0, "T5": 8.0, "T6": 2.0},
    "warm": {"T1": 7.0, "T2": 18.0, "T3": 1.8, "T4": 10.0, "T5": 18.0, "T6": 3.0},
}

# ------------------------------------------------------------------------------------------------ the event log

CHANNELS = ["search", "direct", "email", "social", "partner", "display", "store", "referral"]
WALK = """
    arrive browse look_up view_product add_to_cart checkout purchase open_category zoom read_review set_filter
    set_order next_page sign_in sign_out register save_item unsave_item remove_item open_cart enter_code
    code_refused edit_address pick_delivery pick_payment payment_refused track_order send_back ask_help chat
    help_solved read_faq read_blog subscribe mail_opened mail_clicked push_opened push_closed share compare
    size_table find_store stock_alert write_review rate edit_profile reset_password options video_started
    video_ended follow_hint follow_banner close_popup scroll_end app_front app_back missing_page server_error
    gift_card invite
""".split()
FOLLOWS = {
    "arrive": {"browse": 0.35},
    "browse": {"look_up": 0.30},
    "look_up": {"view_product": 0.45},
    "open_category": {"view_product": 0.45},
    "view_product": {"add_to_cart": 0.12, "view_product": 0.16, "zoom": 0.09},
    "add_to_cart": {"open_cart": 0.13, "checkout": 0.27},
    "open_cart": {"checkout": 0.25},
    "checkout": {"pick_delivery": 0.09, "purchase": 0.40},
    "pick_delivery": {"pick_payment": 0.5},
    "pick_payment": {"purchase": 0.5},
}


def walk_probabilities() -> np.ndarray:
    """Cumulative probability of the next event (column) after an event (row) of a session."""
    base = 1.0 / np.arange(1, len(WALK) + 1) ** 1.05
    for name, weight in {
        "arrive": 0.002,
        "view_product": 0.9,
        "add_to_cart": 0.05,
        "checkout": 0.01,
        "purchase": 0.0005,
    }.items():
        base[WALK.index(name)] = weight
    base /= base.sum()
    matrix = np.empty((len(WALK), len(WALK)))
    for row, name in enumerate(WALK):
        likely = FOLLOWS.get(name, {})
        matrix[row] = base * (1.0 - sum(likely.values()))
        for following, share in likely.items():
            matrix[row, WALK.index(following)] += share
    cumulative = matrix.cumsum(axis=1)
    cumulative[:, -1] = 1.0
    return cumulative


def make_log(rows: int, seed: int) -> Any:
    """Return an Arrow table of ``rows`` events of about ``rows / 20`` customers, in the order of time.

    Sessions per customer are log-normal (a few customers have thousands of events, half have fewer than ten); a session
    walks a chain of 60 events; its events follow each other by half a minute or so; activity starts on a day of the
    customer's own and fades. A customer never has two events at one instant, so that all engines see one order.
    """
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    customers = max(1, rows // 20)
    mean_sessions, spread = 3.9, 1.3
    while True:
        sessions = (
            np.rint(rng.lognormal(math.log(mean_sessions) - spread**2 / 2, spread, customers))
            .clip(1)
            .astype(np.int64)
        )
        length = 1 + rng.lognormal(math.log(4.2) - 0.32, 0.8, int(sessions.sum())).astype(np.int64).clip(
            0, 199
        )
        if length.sum() >= rows:
            break
        mean_sessions *= 1.05
    owner = np.repeat(np.arange(customers), sessions)
    kept = rng.permutation(len(owner))
    kept = np.sort(kept[: np.searchsorted(length[kept].cumsum(), rows) + 1])
    owner, length = owner[kept], length[kept]
    excess = int(length.sum()) - rows
    while excess:  # shorten the last sessions until the number of rows is exact
        cut = min(excess, int(length[-1]))
        length[-1] -= cut
        excess -= cut
        if length[-1] == 0:
            owner, length = owner[:-1], length[:-1]

    joined = np.where(rng.random(customers) < 0.35, 0.0, rng.random(customers)) * (DAYS - 1)
    day = (joined[owner] + (DAYS - 1 - joined[owner]) * rng.random(len(owner)) ** 1.6).astype(np.int64)
    clock = np.mod(rng.normal(14.5, 4.2, len(owner)), 24.0) * 3_600e6
    weights = 1.0 / np.arange(1, len(CHANNELS) + 1) ** 0.9
    channel = rng.choice(len(CHANNELS), len(owner), p=weights / weights.sum()).astype(np.int8)

    first = length.cumsum() - length
    event = np.empty(rows, np.int8)
    event[first] = 0
    chain = (walk_probabilities() + np.arange(len(WALK))[:, None]).ravel()
    running = np.arange(len(owner))
    state = np.zeros(len(owner), np.int64)
    for step in range(1, int(length.max())):
        more = length[running] > step
        running, state = running[more], state[more]
        state = np.searchsorted(chain, state + rng.random(len(running)), side="right") - state * len(WALK)
        state = state.clip(0, len(WALK) - 1)
        event[first[running] + step] = state

    wait = rng.lognormal(math.log(20e6), 1.2, rows).astype(np.int64) + 1
    wait[first] = 0
    elapsed = wait.cumsum()
    at = np.repeat(day * DAY + clock.astype(np.int64) - elapsed[first], length) + elapsed
    at = at.clip(0, DAYS * DAY - 1)
    customer = np.repeat(rng.permutation(customers)[owner], length)
    channel = np.repeat(channel, length)

    order = np.lexsort((at, customer))
    customer, at, event, channel = customer[order], at[order], event[order], channel[order]
    while True:  # one event an instant: a later one of the same instant moves on by a microsecond
        same = np.flatnonzero((customer[1:] == customer[:-1]) & (at[1:] <= at[:-1])) + 1
        if len(same) == 0:
            break
        at[same] = at[same - 1] + 1
    order = np.argsort(at, kind="stable")
    customer, at, event, channel = customer[order], at[order], event[order], channel[order]

    bought = event == WALK.index("purchase")
    revenue = np.zeros(rows)
    revenue[bought] = np.rint(rng.lognormal(math.log(40.0), 0.9, int(bought.sum())) * 100) / 100

    names = pa.array([f"c{number:08d}" for number in range(customers)])
    parts = [names.take(pa.array(customer[start : start + 1_000_000])) for start in range(0, rows, 1_000_000)]
    return pa.table(
        {
            "customer": pa.chunked_array(parts),
            "time": pa.array(at + ORIGIN).cast(pa.timestamp("us")),
            "event": pa.DictionaryArray.from_arrays(pa.array(event.astype(np.int32)), pa.array(WALK)),
            "channel": pa.DictionaryArray.from_arrays(pa.array(channel.astype(np.int32)), pa.array(CHANNELS)),
            "revenue": pa.array(revenue, mask=~bought),
        }
    )


def log_file(rows: int, seed: int, folder: Path) -> Path:
    """Return the Parquet file of the log, writing it if it is not there yet."""
    import pyarrow.parquet as pq

    path = folder / f"shop-{rows}-{seed}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        partial = path.with_suffix(f".{os.getpid()}")
        pq.write_table(make_log(rows, seed), partial, row_group_size=1_000_000)
        partial.replace(path)
        print(f"made {path} in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return path


# ------------------------------------------------------------------------------------------------ the engines

Answer = Any
Sessions = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def numbers(names: Iterable[Any]) -> np.ndarray:
    """Turn customer names into their numbers (``c00000042`` → 42)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = names if isinstance(names, (pa.Array, pa.ChunkedArray)) else pa.array(names)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        array = array.cast(pa.string())
    return pc.cast(pc.utf8_slice_codeunits(array, 1), pa.int64()).to_numpy()


def microseconds(column: Any) -> np.ndarray:
    """Return an Arrow column of times as int64 microseconds."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    return column.to_numpy().astype(np.int64)


def sessions_digest(
    customer: np.ndarray, number: np.ndarray, start: np.ndarray, end: np.ndarray, events: np.ndarray
) -> dict[str, int]:
    """Sums that two tables of sessions share only if they hold the same rows, whatever their order."""
    customer, number, start, end, events = (
        x.astype(np.uint64) for x in (customer, number, start - ORIGIN, end - ORIGIN, events)
    )
    with np.errstate(over="ignore"):
        row = customer * np.uint64(0x9E3779B97F4A7C15) + number
        for part in (start, end, events):
            row = (row ^ (row >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + part
        return {
            "sessions": len(row),
            "events": int(events.sum()),
            "longest": int(events.max()),
            "duration": int((end - start).sum()),
            "numbers": int(number.sum()),
            "rows": int(row.sum()),
        }


def rfm_digest(
    customer: np.ndarray, recency: np.ndarray, frequency: np.ndarray, monetary: np.ndarray
) -> dict[str, int]:
    """Sums that two tables of customers share only if they hold the same rows; money in cents."""
    cents = np.rint(monetary.astype(np.float64) * 100)
    customer, recency, frequency, cents = (x.astype(np.uint64) for x in (customer, recency, frequency, cents))
    with np.errstate(over="ignore"):
        row = customer * np.uint64(0x9E3779B97F4A7C15)
        for part in (recency, frequency, cents):
            row = (row ^ (row >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + part
        return {
            "customers": len(row),
            "recency": int(recency.sum()),
            "purchases": int(frequency.sum()),
            "cents": int(cents.sum()),
            "rows": int(row.sum()),
        }


TOP = 100


def ranked(rows: Iterable[tuple[str, int]], variants: int) -> Answer:
    """The number of different paths, and the most frequent ones; equal ones by name."""
    return [
        int(variants),
        sorted(([str(p), int(n)] for p, n in rows), key=lambda row: (-row[1], row[0]))[:TOP],
    ]


class Engine:
    """One contestant: ``oneshot`` starts with ``self.table``, ``warm`` with whatever ``load`` has laid ready."""

    package = ""

    def __init__(self, path: Path, mode: str) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self.mode = mode
        self.table = pq.read_table(path)
        self.load()
        if mode == "warm":
            self.table = None
            gc.collect()

    def load(self) -> None:
        """Lay the data ready in the engine's best form."""

    def variants(self, task: str) -> list[str]:
        """Name the formulations of a task, in the order in which they are written down."""
        return [name for name in vars(type(self)) if name.startswith(task.lower() + "_")]

    def answer(self, task: str, result: Any) -> Answer:
        """Bring the engine's result into the form in which answers are compared."""
        plain = getattr(self, "plain_" + task.lower())(result)
        digest = {"T3": sessions_digest, "T6": rfm_digest}.get(task)
        return plain if digest is None else digest(*plain)


class Safar(Engine):
    package = "safar"

    def load(self) -> None:
        import safar

        self.safar = safar
        self.roles = {"customer": "customer", "time": "time", "event": "event"}
        if self.mode == "warm":
            self.built = safar.EventLog(self.table, value="revenue", **self.roles)

    def log(self) -> Any:
        return self.built if self.mode == "warm" else self.safar.EventLog(self.table, **self.roles)

    def t1_funnel(self) -> Any:
        if self.mode == "warm":
            return self.built.funnel(STEPS, within="7d")
        return self.safar.funnel(self.table, STEPS, within="7d", **self.roles)

    def plain_t1(self, result: Any) -> Answer:
        return [int(n) for n in result.to_dict()["customers"]]

    def t2_retention(self) -> Any:
        return self.log().retention(period="week")

    def plain_t2(self, result: Any) -> Answer:
        columns = result.to_dict()
        cells = []
        for cohort, period, returned in zip(
            columns["cohort"], columns["period"], columns["returned"], strict=True
        ):
            day = np.datetime64(cohort, "D").astype(object)
            if returned:
                cells.append([(day - ORIGIN_DAY).days // 7, int(period), int(returned)])
        return sorted(cells)

    def t3_sessions(self) -> Any:
        return self.log().sessions(gap="30m")

    def plain_t3(self, result: Any) -> Sessions:
        import pyarrow as pa

        table = pa.table(result)
        return (
            numbers(table["customer"]),
            table["session"].to_numpy(),
            microseconds(table["start"]),
            microseconds(table["end"]),
            table["events"].to_numpy(),
        )

    def t4_transitions(self) -> Any:
        return self.log().transitions(quantiles=False)

    def plain_t4(self, result: Any) -> Answer:
        columns = result.to_dict()
        rows = zip(columns["from"], columns["to"], columns["events"], columns["mean_seconds"], strict=True)
        return sorted(
            [a, b, int(n), float(mean)]
            for a, b, n, mean in rows
            if not (a.startswith("(") or b.startswith("("))
        )

    def t5_paths(self) -> Any:
        return self.log().paths("sessions", gap="30m", top=TOP)

    def plain_t5(self, result: Any) -> Answer:
        paths = (">".join(path) for path in result.sequences())
        return ranked(zip(paths, result.to_dict()["units"], strict=True), result.variants)

    def t6_rfm(self) -> Any:
        if self.mode == "warm":
            return self.built.rfm("purchase")
        return self.safar.rfm(self.table, "purchase", value="revenue", **self.roles)

    def plain_t6(self, result: Any) -> Rows:
        import pyarrow as pa

        table = pa.table(result)
        recency = np.rint(table["recency_days"].to_numpy() * DAY)
        return (
            numbers(table["customer"]),
            recency,
            table["frequency"].to_numpy(),
            table["monetary"].to_numpy(),
        )


class Chdb(Engine):
    package = "chdb"

    def load(self) -> None:
        from chdb.session import Session

        # An open session saves chdb most of a tenth of a second a question, which `chdb.query` spends on starting anew.
        self.folder = tempfile.mkdtemp(prefix="safar-peers-chdb-")
        session = Session(self.folder)
        at = "toUnixTimestamp64Micro(time)"
        if self.mode == "warm":
            session.query("CREATE DATABASE peers")
            session.query(
                "CREATE TABLE peers.log (customer String, time DateTime64(6), event LowCardinality(String),"
                " channel LowCardinality(String), revenue Nullable(Float64))"
                " ENGINE = MergeTree ORDER BY (customer, time)"
            )
            session.query(
                "INSERT INTO peers.log SELECT customer, time, event, channel, revenue FROM"
                f" file('{self.path}', Parquet)"
            )
            session.query("OPTIMIZE TABLE peers.log FINAL")
            self.source, self.customer, self.at = "peers.log", "customer", at
            settings = " SETTINGS optimize_aggregation_in_order = 1"
        else:
            # The table function finds the Arrow table by the name of a variable.
            globals()["arrow_log"] = self.table
            self.source = "Python(arrow_log)"
            self.customer, self.at = "assumeNotNull(customer)", f"assumeNotNull({at})"
            settings = ""
        self.ask = lambda sql: session.query(sql + settings, "ArrowTable")

    def funnel(self, where: str) -> Any:
        conditions = ", ".join(f"event = '{step}'" for step in STEPS)
        return self.ask(
            "SELECT countIf(level >= 1), countIf(level >= 2), countIf(level >= 3), countIf(level >= 4) FROM ("
            f"SELECT {self.customer} AS who, windowFunnel({WEEK})(toUInt64({self.at}), {conditions}) AS level"
            f" FROM {self.source} {where} GROUP BY who)"
        )

    def t1_filtered(self) -> Any:
        return self.funnel(f"WHERE event IN ({', '.join(repr(step) for step in STEPS)})")

    def t1_unfiltered(self) -> Any:
        return self.funnel("")

    def plain_t1(self, result: Any) -> Answer:
        return [int(column[0].as_py()) for column in result.columns]

    def t2_bits(self) -> Any:
        week = f"toUInt8(intDiv({self.at} - {ORIGIN}, {WEEK}))"
        return self.ask(
            "SELECT weeks[1] AS cohort, arrayJoin(weeks) - weeks[1] AS later, sum(people) FROM ("
            "SELECT bitPositionsToArray(seen) AS weeks, count() AS people FROM ("
            f"SELECT {self.customer} AS who, groupBitOr(bitShiftLeft(toUInt32(1), {week})) AS seen"
            f" FROM {self.source} GROUP BY who) GROUP BY seen) GROUP BY cohort, later"
        )

    def t2_arrays(self) -> Any:
        return self.ask(
            "SELECT arrayMin(weeks) AS cohort, arrayJoin(weeks) - cohort AS later, count() FROM ("
            f"SELECT {self.customer} AS who, groupUniqArray(toInt32(intDiv({self.at} - {ORIGIN}, {WEEK}))) AS weeks"
            f" FROM {self.source} GROUP BY who) GROUP BY cohort, later"
        )

    def plain_t2(self, result: Any) -> Answer:
        return sorted(
            [int(x) for x in row] for row in zip(*(c.to_pylist() for c in result.columns), strict=True)
        )

    def t3_split(self) -> Any:
        return self.ask(
            "SELECT who AS customer, toUInt32(number) AS session, piece[1] AS start, piece[-1] AS end,"
            " toUInt32(length(piece)) AS events FROM ("
            f"SELECT {self.customer} AS who, arraySort(groupArray({self.at})) AS times,"
            f" arraySplit((t, wait) -> wait > {GAP}, times, arrayDifference(times)) AS pieces"
            f" FROM {self.source} GROUP BY who) ARRAY JOIN pieces AS piece, arrayEnumerate(pieces) AS number"
        )

    def t3_windows(self) -> Any:
        return self.ask(
            "SELECT who AS customer, toUInt32(number) AS session, min(at) AS start, max(at) AS end,"
            " toUInt32(count()) AS events FROM (SELECT who, at, sum(cut) OVER (PARTITION BY who ORDER BY at"
            " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number FROM ("
            f"SELECT {self.customer} AS who, {self.at} AS at, at - lagInFrame(at, 1, toInt64(0)) OVER (PARTITION BY who"
            f" ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) > {GAP} AS cut"
            f" FROM {self.source})) GROUP BY who, number"
        )

    def plain_t3(self, result: Any) -> Sessions:
        start, end, session, events = (
            result[name].to_numpy() for name in ("start", "end", "session", "events")
        )
        return numbers(result["customer"]), session, start.astype(np.int64), end.astype(np.int64), events

    def t4_tuples(self) -> Any:
        return self.ask(
            "SELECT one.2 AS source, two.2 AS target, count(), avg(two.1 - one.1) / 1e6 FROM ("
            f"SELECT arraySort(x -> x.1, groupArray(({self.at}, assumeNotNull(event)))) AS path FROM {self.source}"
            f" GROUP BY {self.customer}) ARRAY JOIN arrayPopBack(path) AS one, arrayPopFront(path) AS two"
            " GROUP BY source, target"
        )

    def t4_arrays(self) -> Any:
        return self.ask(
            "SELECT source, target, count(), avg(wait) / 1e6 FROM ("
            f"SELECT arraySort(groupArray(({self.at}, assumeNotNull(event)))) AS path, path.1 AS times, path.2 AS names"
            f" FROM {self.source} GROUP BY {self.customer}) ARRAY JOIN arrayPopBack(names) AS source,"
            " arrayPopFront(names) AS target, arrayPopFront(arrayDifference(times)) AS wait GROUP BY source, target"
        )

    def plain_t4(self, result: Any) -> Answer:
        text = lambda x: x.decode() if isinstance(x, bytes) else str(x)  # noqa: E731
        rows = zip(*(column.to_pylist() for column in result.columns), strict=True)
        return sorted([text(a), text(b), int(n), float(mean)] for a, b, n, mean in rows)

    def t5_arrays(self) -> Any:
        return self.ask(
            "SELECT arrayStringConcat(path, '>') AS name, times, variants FROM (SELECT path, count() AS times,"
            " count() OVER () AS variants FROM (SELECT arrayJoin(arraySplit((name, wait) -> wait > "
            f"{GAP}, both.2, arrayDifference(both.1))) AS path FROM (SELECT arraySort(x -> x.1,"
            f" groupArray(({self.at}, toString(assumeNotNull(event))))) AS both FROM {self.source}"
            f" GROUP BY {self.customer})) GROUP BY path) ORDER BY times DESC, name LIMIT {TOP}"
        )

    def t5_codes(self) -> Any:
        # numbers of one byte instead of names; the winners and those equal to the last of them are named
        names = "[" + ", ".join(f"'{name}'" for name in sorted(WALK)) + "]"
        return self.ask(
            f"SELECT arrayStringConcat(arrayMap(code -> arrayElement({names}, code), path), '>') AS name, times,"
            " variants FROM (SELECT path, count() AS times, count() OVER () AS variants FROM (SELECT"
            f" arrayJoin(arraySplit((code, wait) -> wait > {GAP}, both.2, arrayDifference(both.1))) AS path FROM ("
            f"SELECT arraySort(x -> x.1, groupArray(({self.at}, toUInt8(indexOf({names}, toString(event)))))) AS both"
            f" FROM {self.source} GROUP BY {self.customer})) GROUP BY path ORDER BY times DESC LIMIT {TOP} WITH TIES)"
            f" ORDER BY times DESC, name LIMIT {TOP}"
        )

    def plain_t5(self, result: Any) -> Answer:
        text = lambda x: x.decode() if isinstance(x, bytes) else str(x)  # noqa: E731
        paths, times, variants = (column.to_pylist() for column in result.columns)
        return ranked(zip(map(text, paths), times, strict=True), variants[0])

    def t6_group(self) -> Any:
        return self.ask(
            f"SELECT {self.customer} AS who, (SELECT max({self.at}) FROM {self.source}) - max({self.at}) AS recency,"
            f" count() AS frequency, sum(revenue) AS monetary FROM {self.source} WHERE event = 'purchase' GROUP BY who"
        )

    def plain_t6(self, result: Any) -> Rows:
        recency, frequency, monetary = (
            result[name].to_numpy() for name in ("recency", "frequency", "monetary")
        )
        return numbers(result["who"]), recency, frequency, monetary


class Duckdb(Engine):
    package = "duckdb"

    def load(self) -> None:
        import duckdb

        self.folder = tempfile.mkdtemp(prefix="safar-peers-duckdb-")
        self.connection = duckdb.connect()
        for setting in ("enable_progress_bar = false", f"temp_directory = '{self.folder}'"):
            self.connection.execute("SET " + setting)
        if self.mode == "warm":
            # whole numbers for customers, enumerations for names, clustered by customer and time
            run = self.connection.execute
            run(f"CREATE TEMP TABLE raw AS FROM read_parquet('{self.path}')")
            run("CREATE TYPE event_name AS ENUM (SELECT DISTINCT event::VARCHAR FROM raw ORDER BY 1)")
            run("CREATE TYPE channel_name AS ENUM (SELECT DISTINCT channel::VARCHAR FROM raw ORDER BY 1)")
            run(
                "CREATE TEMP TABLE people AS SELECT customer AS name,"
                " (row_number() OVER (ORDER BY customer))::INTEGER - 1 AS customer"
                " FROM (SELECT DISTINCT customer FROM raw)"
            )
            run(
                "CREATE TEMP TABLE log AS SELECT people.customer, time, event::event_name AS event,"
                " channel::channel_name AS channel, revenue FROM raw JOIN people ON people.name = raw.customer"
                " ORDER BY people.customer, time"
            )
            run("DROP TABLE raw")
            self.people = numbers(
                self.connection.sql("SELECT name FROM people ORDER BY customer").to_arrow_table()["name"]
            )
        else:
            self.connection.register("log", self.table)
        self.connection.execute("SET preserve_insertion_order = false")  # after the load, which sorts

    def t1_asof(self) -> Any:
        # every later step takes over the newest start of its customer that reached the step before
        chain = ["reached1 AS (SELECT customer, time, time AS start FROM log WHERE event = 'view_product')"]
        for k, step in enumerate(STEPS[1:], start=2):
            chain.append(
                f"reached{k} AS (SELECT * FROM (SELECT e.customer, e.time, p.start FROM"
                f" (SELECT customer, time FROM log WHERE event = '{step}') e ASOF JOIN reached{k - 1} p"
                " ON e.customer = p.customer AND e.time >= p.time) WHERE time <= start + INTERVAL 7 DAY)"
            )
        counts = ", ".join(f"(SELECT count(DISTINCT customer) FROM reached{k})" for k in (1, 2, 3, 4))
        return self.connection.execute(f"WITH {', '.join(chain)} SELECT {counts}").fetchall()

    def t1_windows(self) -> Any:
        # the same idea with running maxima over the steps of a customer
        query = f"SELECT customer, time, event FROM log WHERE event IN ({', '.join(repr(step) for step in STEPS)})"
        over = "OVER (PARTITION BY customer ORDER BY time ROWS UNBOUNDED PRECEDING)"
        query = (
            f"SELECT *, max(CASE WHEN event = 'view_product' THEN time END) {over} AS start1 FROM ({query})"
        )
        for k, step in enumerate(STEPS[1:], start=2):
            query = (
                f"SELECT *, CASE WHEN event = '{step}' AND time <= start{k - 1} + INTERVAL 7 DAY THEN start{k - 1} END"
                f" AS hit{k} FROM ({query})"
            )
            query = f"SELECT *, max(hit{k}) {over} AS start{k} FROM ({query})"
        counts = ", ".join(f"count(start{k})" for k in (1, 2, 3, 4))
        last = ", ".join(f"max(start{k}) AS start{k}" for k in (1, 2, 3, 4))
        return self.connection.execute(
            f"SELECT {counts} FROM (SELECT {last} FROM ({query}) GROUP BY customer)"
        ).fetchall()

    def plain_t1(self, result: Any) -> Answer:
        return [int(n) for n in result[0]]

    def t2_bits(self) -> Any:
        week = f"((epoch_us(time) - {ORIGIN}) // {WEEK})::INTEGER"
        return self.connection.execute(
            f"WITH people AS (SELECT bit_or(1::BIGINT << {week}) AS seen, min({week}) AS cohort"
            " FROM log GROUP BY customer),"
            " kinds AS (SELECT cohort, seen, count(*) AS people FROM people GROUP BY ALL)"
            " SELECT cohort, later, sum(people)::BIGINT FROM kinds, range(0, 16) AS r(later)"
            " WHERE (seen >> (cohort + later::INTEGER)) & 1 = 1 GROUP BY ALL"
        ).fetchall()

    def t2_distinct(self) -> Any:
        return self.connection.execute(
            f"WITH weeks AS (SELECT DISTINCT customer, ((epoch_us(time) - {ORIGIN}) // {WEEK})::INTEGER AS week"
            " FROM log),"
            " first AS (SELECT customer, min(week) AS cohort FROM weeks GROUP BY customer)"
            " SELECT cohort, week - cohort, count(*) FROM weeks JOIN first USING (customer) GROUP BY ALL"
        ).fetchall()

    def plain_t2(self, result: Any) -> Answer:
        return sorted([int(a), int(b), int(n)] for a, b, n in result)

    def t3_starts(self) -> Any:
        # only the first events of sessions survive; what follows is arithmetic on their row numbers
        return self.connection.sql(
            "WITH marked AS (SELECT customer, time, lag(time) OVER w AS before, row_number() OVER w AS number,"
            " count(*) OVER (PARTITION BY customer) AS total, max(time) OVER (PARTITION BY customer) AS last FROM log"
            " WINDOW w AS (PARTITION BY customer ORDER BY time)),"
            " starts AS (FROM marked WHERE before IS NULL OR time - before > INTERVAL 30 MINUTE)"
            " SELECT customer, (row_number() OVER w)::INTEGER AS session, time AS start,"
            ' coalesce(lead(before) OVER w, last) AS "end",'
            " (coalesce(lead(number) OVER w, total + 1) - number)::INTEGER AS events"
            " FROM starts WINDOW w AS (PARTITION BY customer ORDER BY time)"
        ).to_arrow_table()

    def t3_group(self) -> Any:
        return self.connection.sql(
            "WITH marked AS (SELECT customer, time, coalesce(time - lag(time) OVER w > INTERVAL 30 MINUTE, true) AS cut"
            " FROM log WINDOW w AS (PARTITION BY customer ORDER BY time)),"
            " numbered AS (SELECT customer, time, sum(cut::INTEGER) OVER (PARTITION BY customer ORDER BY time"
            " ROWS UNBOUNDED PRECEDING) AS session FROM marked)"
            ' SELECT customer, session::INTEGER AS session, min(time) AS start, max(time) AS "end",'
            " count(*)::INTEGER AS events FROM numbered GROUP BY customer, session"
        ).to_arrow_table()

    def plain_t3(self, result: Any) -> Sessions:
        customer = (
            self.people[result["customer"].to_numpy()] if self.mode == "warm" else numbers(result["customer"])
        )
        start, end = microseconds(result["start"]), microseconds(result["end"])
        return customer, result["session"].to_numpy(), start, end, result["events"].to_numpy()

    def t4_windows(self) -> Any:
        return self.connection.execute(
            "WITH pairs AS (SELECT event AS source, lead(event) OVER w AS target,"
            " epoch_us(lead(time) OVER w) - epoch_us(time) AS wait FROM log"
            " WINDOW w AS (PARTITION BY customer ORDER BY time))"
            " SELECT source::VARCHAR, target::VARCHAR, count(*), avg(wait) / 1e6 FROM pairs WHERE target IS NOT NULL"
            " GROUP BY source, target"
        ).fetchall()

    def plain_t4(self, result: Any) -> Answer:
        return sorted([a, b, int(n), float(mean)] for a, b, n, mean in result)

    def variants_of(self, gathered: str, name: str) -> Any:
        return self.connection.execute(
            "WITH marked AS (SELECT customer, time, event, coalesce(time - lag(time) OVER w > INTERVAL 30 MINUTE, true)"
            " AS cut FROM log WINDOW w AS (PARTITION BY customer ORDER BY time)),"
            " numbered AS (SELECT customer, time, event, sum(cut::INTEGER) OVER (PARTITION BY customer ORDER BY time"
            " ROWS UNBOUNDED PRECEDING) AS session FROM marked),"
            f" paths AS (SELECT {gathered} AS path FROM numbered GROUP BY customer, session),"
            " kinds AS MATERIALIZED (SELECT path, count(*) AS times FROM paths GROUP BY path),"
            f" bound AS (SELECT min(times) AS least FROM (SELECT times FROM kinds ORDER BY times DESC LIMIT {TOP}))"
            f" SELECT {name} AS name, times, (SELECT count(*) FROM kinds) FROM kinds, bound WHERE times >= least"
            f" ORDER BY times DESC, name LIMIT {TOP}"
        ).fetchall()

    def t5_texts(self) -> Any:
        return self.variants_of("string_agg(event::VARCHAR, '>' ORDER BY time)", "path")

    def t5_lists(self) -> Any:
        return self.variants_of("list(event ORDER BY time)", "array_to_string(path::VARCHAR[], '>')")

    def plain_t5(self, result: Any) -> Answer:
        return ranked([(path, times) for path, times, _ in result], result[0][2])

    def t6_group(self) -> Any:
        return self.connection.sql(
            "SELECT customer, epoch_us((SELECT max(time) FROM log)) - epoch_us(max(time)) AS recency,"
            " count(*) AS frequency, sum(revenue) AS monetary FROM log WHERE event = 'purchase' GROUP BY customer"
        ).to_arrow_table()

    def plain_t6(self, result: Any) -> Rows:
        customer = (
            self.people[result["customer"].to_numpy()] if self.mode == "warm" else numbers(result["customer"])
        )
        recency, frequency, monetary = (
            result[name].to_numpy() for name in ("recency", "frequency", "monetary")
        )
        return customer, recency, frequency, monetary


class Polars(Engine):
    package = "polars"

    def load(self) -> None:
        import polars as pl

        self.pl = pl
        if self.mode == "warm":
            frame = pl.read_parquet(self.path)
            frame = frame.with_columns(
                name="customer", customer=pl.col("customer").rank("dense").cast(pl.UInt32) - 1
            )
            self.people = numbers(
                frame.group_by("customer").agg(pl.col("name").first()).sort("customer")["name"].to_arrow()
            )
            self.frame = frame.drop("name").sort("customer", "time").rechunk()

    def lazy(self, *columns: str) -> Any:
        frame = self.frame if self.mode == "warm" else self.pl.from_arrow(self.table)
        return frame.lazy().select(*columns)

    def ordered(self, frame: Any) -> Any:
        return frame if self.mode == "warm" else frame.sort("customer", "time")

    def steps(self) -> Any:
        return self.lazy("customer", "time", "event").filter(self.pl.col("event").is_in(STEPS))

    def t1_asof(self) -> Any:
        pl = self.pl
        steps = self.steps().collect().sort("time")
        reached = steps.filter(pl.col("event") == STEPS[0]).select("customer", "time", start="time")
        counts = [reached["customer"].n_unique()]
        for step in STEPS[1:]:
            here = steps.filter(pl.col("event") == step).select("customer", "time")
            reached = here.join_asof(
                reached, on="time", by="customer", strategy="backward", check_sortedness=False
            )
            reached = reached.filter(pl.col("time") - pl.col("start") <= timedelta(days=7))
            counts.append(reached["customer"].n_unique())
        return counts

    def carried(self, engine: str) -> Any:
        # carry the newest start of every level, with its customer, forward over the sorted steps
        pl = self.pl
        frame = self.ordered(self.steps()).with_columns(
            who=pl.col("customer").rle_id(), at=pl.col("time").to_physical()
        )
        hit = pl.col("event") == STEPS[0]
        frame = frame.with_columns(hit.alias("hit1"), pl.when(hit).then("who").forward_fill().alias("who1"))
        frame = frame.with_columns(pl.when(hit).then("at").forward_fill().alias("start1"))
        for k, step in enumerate(STEPS[1:], start=2):
            in_time = pl.col("at") - pl.col(f"start{k - 1}") <= WEEK
            frame = frame.with_columns(
                ((pl.col("event") == step) & (pl.col(f"who{k - 1}") == pl.col("who")) & in_time).alias(
                    f"hit{k}"
                )
            )
            frame = frame.with_columns(
                pl.when(f"hit{k}").then("who").forward_fill().alias(f"who{k}"),
                pl.when(f"hit{k}").then(f"start{k - 1}").forward_fill().alias(f"start{k}"),
            )
        counts = [pl.col("who").filter(pl.col(f"hit{k}")).n_unique().alias(str(k)) for k in (1, 2, 3, 4)]
        return frame.select(counts).collect(engine=engine).row(0)

    def t1_carried(self) -> Any:
        return self.carried("in-memory")

    def t1_carried_streaming(self) -> Any:
        return self.carried("streaming")

    def plain_t1(self, result: Any) -> Answer:
        return [int(n) for n in result]

    def week(self) -> Any:
        return ((self.pl.col("time").dt.epoch("us") - ORIGIN) // WEEK).cast(self.pl.Int64)

    def bits(self, engine: str) -> Any:
        pl = self.pl
        seen = pl.lit(2, pl.Int64).pow(self.week()).cast(pl.Int64)
        people = (
            self.lazy("customer", "time")
            .select("customer", seen=seen)
            .group_by("customer")
            .agg(pl.col("seen").bitwise_or())
        )
        cells: dict[tuple[int, int], int] = {}
        for bits, count in people.group_by("seen").len().collect(engine=engine).rows():
            cohort = (bits & -bits).bit_length() - 1
            for later in range(bits.bit_length() - cohort):
                if bits >> (cohort + later) & 1:
                    cells[cohort, later] = cells.get((cohort, later), 0) + count
        return [(cohort, later, count) for (cohort, later), count in cells.items()]

    def t2_bits(self) -> Any:
        return self.bits("in-memory")

    def t2_bits_streaming(self) -> Any:
        return self.bits("streaming")

    def t2_distinct(self) -> Any:
        pl = self.pl
        weeks = self.lazy("customer", "time").select("customer", week=self.week()).unique()
        first = weeks.group_by("customer").agg(cohort=pl.col("week").min())
        cells = (
            weeks.join(first, on="customer").group_by("cohort", later=pl.col("week") - pl.col("cohort")).len()
        )
        return cells.collect(engine="streaming").rows()

    def plain_t2(self, result: Any) -> Answer:
        return sorted([int(a), int(b), int(n)] for a, b, n in result)

    def starts(self, engine: str) -> Any:
        # only the first events of sessions survive; what follows is arithmetic on their row numbers
        pl = self.pl
        frame = self.ordered(self.lazy("customer", "time")).with_columns(before=pl.col("time").shift(1))
        someone_new = (pl.col("customer") != pl.col("customer").shift(1)).fill_null(value=True)
        frame = frame.with_columns(
            someone_new=someone_new, last=pl.col("time").last(), total=pl.len().cast(pl.UInt32)
        )
        frame = frame.with_row_index("row").filter(
            pl.col("someone_new") | (pl.col("time") - pl.col("before") > timedelta(minutes=30))
        )
        frame = frame.with_row_index("number").with_columns(
            first=pl.when("someone_new").then("number").forward_fill()
        )
        return frame.select(
            "customer",
            session=pl.col("number") - pl.col("first") + 1,
            start="time",
            end=pl.coalesce(pl.col("before").shift(-1), "last"),
            events=pl.coalesce(pl.col("row").shift(-1), "total") - pl.col("row"),
        ).collect(engine=engine)

    def t3_starts(self) -> Any:
        return self.starts("in-memory")

    def t3_starts_streaming(self) -> Any:
        return self.starts("streaming")

    def plain_t3(self, result: Any) -> Sessions:
        pl = self.pl
        customer = (
            self.people[result["customer"].to_numpy()]
            if self.mode == "warm"
            else numbers(result["customer"].to_arrow())
        )
        start, end = (
            result[name].cast(pl.Datetime("us")).to_physical().to_numpy() for name in ("start", "end")
        )
        return customer, result["session"].to_numpy(), start, end, result["events"].to_numpy()

    def shifted(self, engine: str) -> Any:
        pl = self.pl
        frame = self.ordered(self.lazy("customer", "time", "event"))
        frame = frame.with_columns(
            target=pl.col("event").shift(-1),
            wait=(pl.col("time").shift(-1) - pl.col("time")).to_physical(),
            next_customer=pl.col("customer").shift(-1),
        )
        pairs = frame.filter(pl.col("next_customer") == pl.col("customer")).group_by("event", "target")
        return pairs.agg(pl.len(), mean=pl.col("wait").mean() / 1e6).collect(engine=engine)

    def t4_shifted(self) -> Any:
        return self.shifted("in-memory")

    def t4_shifted_streaming(self) -> Any:
        return self.shifted("streaming")

    def plain_t4(self, result: Any) -> Answer:
        return sorted([str(a), str(b), int(n), float(mean)] for a, b, n, mean in result.rows())

    def session_paths(self, event: Any, path: Callable[[Any], Any], engine: str) -> Any:
        pl = self.pl
        frame = self.ordered(self.lazy("customer", "time", "event"))
        someone_new = (pl.col("customer") != pl.col("customer").shift(1)).fill_null(value=True)
        cut = someone_new | (pl.col("time") - pl.col("time").shift(1) > timedelta(minutes=30))
        frame = frame.select(session=cut.cum_sum().cast(pl.UInt32), event=event)
        paths = frame.group_by("session", maintain_order=False).agg(path=path(pl.col("event")))
        kinds = paths.group_by("path").agg(times=pl.len()).collect(engine=engine)
        least = kinds["times"].top_k(min(TOP, kinds.height)).min()
        return kinds.filter(pl.col("times") >= least), kinds.height

    def texts(self, engine: str) -> Any:
        # a letter an event; the winners are spelled out
        pl = self.pl
        letters = {name: chr(48 + code) for code, name in enumerate(sorted(WALK))}
        event = pl.col("event").cast(pl.String).replace_strict(letters, return_dtype=pl.String)
        best, variants = self.session_paths(event, lambda events: events.str.join(""), engine)
        name = {letter: name for name, letter in letters.items()}
        return [(">".join(name[letter] for letter in path), times) for path, times in best.rows()], variants

    def t5_texts(self) -> Any:
        return self.texts("in-memory")

    def t5_texts_streaming(self) -> Any:
        return self.texts("streaming")

    def t5_lists(self) -> Any:
        pl = self.pl
        names = sorted(WALK)
        event = pl.col("event").cast(pl.String).cast(pl.Enum(names)).to_physical()
        best, variants = self.session_paths(event, lambda events: events, "in-memory")
        return [(">".join(names[code] for code in path), times) for path, times in best.rows()], variants

    def plain_t5(self, result: Any) -> Answer:
        return ranked(*result)

    def grouped(self, engine: str) -> Any:
        pl = self.pl
        frame = self.lazy("customer", "time", "event", "revenue")
        latest = frame.select(pl.col("time").max()).collect(engine=engine).item()
        bought = frame.filter(pl.col("event") == "purchase").group_by("customer")
        return bought.agg(
            recency=latest - pl.col("time").max(), frequency=pl.len(), monetary=pl.col("revenue").sum()
        ).collect(engine=engine)

    def t6_grouped(self) -> Any:
        return self.grouped("in-memory")

    def t6_grouped_streaming(self) -> Any:
        return self.grouped("streaming")

    def plain_t6(self, result: Any) -> Rows:
        customer = (
            self.people[result["customer"].to_numpy()]
            if self.mode == "warm"
            else numbers(result["customer"].to_arrow())
        )
        recency = result["recency"].dt.total_microseconds().to_numpy()
        return customer, recency, result["frequency"].to_numpy(), result["monetary"].to_numpy()


ENGINES: dict[str, type[Engine]] = {"safar": Safar, "chdb": Chdb, "duckdb": Duckdb, "polars": Polars}

# ------------------------------------------------------------------------------------------------ measuring


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return a call's result, its wall seconds and the processor seconds of all threads of this process."""
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    result = call()
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    return result, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def serve(name: str, path: Path, mode: str) -> None:
    """Hold one engine and obey the lines that come in: ``prepare`` a task, ``run`` it, or end."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever an engine prints goes to standard error
    engine = ENGINES[name](path, mode)
    chosen: dict[str, str] = {}

    def reply(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    reply({"ready": True, "version": importlib.import_module(engine.package).__version__})
    for line in sys.stdin:
        verb, task = line.split()
        if verb == "end":
            break
        if verb == "prepare":
            answers, walls = {}, {}
            for variant in engine.variants(task):
                call = getattr(engine, variant)
                result, first, _ = timed(call)
                answers[variant] = engine.answer(task, result)
                result = None
                walls[variant] = min(first, *(timed(call)[1] for _ in range(2)))
            chosen[task] = min(walls, key=walls.__getitem__)
            reply({"answers": answers, "chosen": chosen[task]})
        else:
            result, wall, cpu = timed(getattr(engine, chosen[task]))
            result = None
            reply({"wall": wall, "cpu": cpu})
    folder = getattr(engine, "folder", None)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    replies.flush()
    os._exit(0)  # engines' own clean-up at exit is not what is measured, and may take seconds


class Contestant:
    """The other end of ``serve``."""

    def __init__(self, name: str, path: Path, mode: str) -> None:
        self.name = name
        command = [sys.executable, __file__, "--serve", name, "--file", str(path), "--mode", mode]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self.receive()["version"]

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with status {self.process.wait()}; its message is above")
        return dict(json.loads(line))

    def ask(self, verb: str, task: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{verb} {task}\n")
        self.process.stdin.flush()
        return self.receive()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("end -\n")
        self.process.stdin.close()
        self.process.wait()


def difference(one: Any, two: Any) -> str | None:
    """Say where two answers differ; whole numbers and names must be equal, means agree to nine digits."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        found = ((f"{key}: ", difference(one[key], two[key])) for key in one)
    elif isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            return f"{len(one)} entries against {len(two)}"
        found = (
            (f"entry {index}: ", difference(x, y)) for index, (x, y) in enumerate(zip(one, two, strict=True))
        )
    elif isinstance(one, float) and isinstance(two, float):
        return None if math.isclose(one, two, rel_tol=1e-9, abs_tol=1e-9) else f"{one!r} against {two!r}"
    else:
        return None if one == two else f"{one!r} against {two!r}"
    return next((where + what for where, what in found if what), None)


def compare(task: str, mode: str, answers: dict[str, Answer]) -> None:
    """End the run where two answers to one question differ."""
    names = list(answers)
    for name in names[1:]:
        what = difference(answers[names[0]], answers[name])
        if what:
            raise SystemExit(f"{task} {MODES[mode]}: {names[0]} and {name} answer differently: {what}")


def measure(contestants: Sequence[Contestant], task: str, rounds: int) -> dict[str, dict[str, Any]]:
    """Return, by engine, the medians of wall and processor time and of the ratios to safar's call just before."""
    runs: dict[str, list[dict[str, float]]] = {contestant.name: [] for contestant in contestants}
    ratios: dict[str, list[tuple[float, float]]] = {contestant.name: [] for contestant in contestants}
    base = next((c for c in contestants if c.name == "safar"), None)
    for _ in range(rounds):
        for contestant in contestants:
            if contestant is base:
                continue
            ours = base.ask("run", task) if base else None
            theirs = contestant.ask("run", task)
            runs[contestant.name].append(theirs)
            if base and ours:
                runs[base.name].append(ours)
                ratios[contestant.name].append(
                    (theirs["wall"] / ours["wall"], theirs["cpu"] / max(ours["cpu"], 1e-6))
                )
        if len(contestants) == 1 and base:
            runs[base.name].append(base.ask("run", task))
    table: dict[str, dict[str, Any]] = {}
    for name, calls in runs.items():
        table[name] = {"wall": median(c["wall"] for c in calls), "cpu": median(c["cpu"] for c in calls)}
        if ratios[name]:
            table[name]["wall_ratio"] = median(wall for wall, _ in ratios[name])
            table[name]["cpu_ratio"] = median(cpu for _, cpu in ratios[name])
    return table


def report(task: str, mode: str, table: dict[str, dict[str, Any]], chosen: dict[str, str]) -> list[str]:
    """Lay one question out as rows of a Markdown table."""
    lines = []
    rivals = [name for name in table if "wall_ratio" in table[name]]
    for name, row in table.items():
        cells = [f"{task} {TASKS[task]}", MODES[mode], name, chosen[name].removeprefix(task.lower() + "_")]
        cells += [f"{row['wall'] * 1e3:.1f}", f"{row['cpu'] * 1e3:.1f}"]
        cells += [f"{row['wall_ratio']:.2f}", f"{row['cpu_ratio']:.2f}"] if name in rivals else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def verdict(task: str, mode: str, table: dict[str, dict[str, Any]]) -> str | None:
    """Compare the smallest ratios with what safar must reach and aims at."""
    rivals = [row for row in table.values() if "wall_ratio" in row]
    if not rivals:
        return None
    wall, cpu = min(row["wall_ratio"] for row in rivals), min(row["cpu_ratio"] for row in rivals)
    worse, must, aim = min(wall, cpu), MUST[mode][task], AIM[mode][task]
    word = "aim reached" if worse >= aim else "must reached" if worse >= must else "BELOW"
    return f"| {task} {TASKS[task]} | {MODES[mode]} | {wall:.2f} | {cpu:.2f} | {must} | {aim} | {word} |"


def row_count(text: str) -> int:
    """Read a number of rows such as ``10M`` or ``250k``."""
    factor = {"k": 10**3, "m": 10**6, "g": 10**9}.get(text[-1:].lower())
    return int(float(text[:-1]) * factor) if factor else int(text)


def arguments() -> argparse.Namespace:
    summary = (__doc__ or "").split("\n", 1)[0]
    parser = argparse.ArgumentParser(
        description=summary, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rows", type=row_count, default="10M", help="events in the log")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds")
    parser.add_argument("--tasks", default=",".join(TASKS), help="questions, separated by commas")
    parser.add_argument(
        "--peers", default="chdb,duckdb,polars", help="engines beside safar, separated by commas"
    )
    parser.add_argument("--modes", default=",".join(MODES), help="ways to ask, separated by commas")
    parser.add_argument("--seed", type=int, default=7, help="seed of the log")
    parser.add_argument(
        "--data", type=Path, default=Path(tempfile.gettempdir()) / "safar-peers", help="folder of the log"
    )
    parser.add_argument("--without-safar", action="store_true", help="only compare the peers with each other")
    parser.add_argument("--serve", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--mode", choices=MODES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    for option, known in (("tasks", TASKS), ("peers", ENGINES), ("modes", MODES)):
        values = [value for value in getattr(chosen, option).split(",") if value]
        for value in values:
            if value not in known:
                parser.error(f"--{option}: {value!r} is not one of {', '.join(known)}")
        setattr(chosen, option, values)
    return chosen


def processor() -> str:
    """Name the machine's processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main() -> None:
    options = arguments()
    if options.serve:
        serve(options.serve, options.file, options.mode)
        return
    path = log_file(options.rows, options.seed, options.data)
    names = ([] if options.without_safar else ["safar"]) + [name for name in options.peers if name != "safar"]
    lines, verdicts, versions = [], [], {}
    # All questions of one mode are asked of the same processes, so that each engine loads its data once a mode.
    for mode in options.modes:
        contestants = [Contestant(name, path, mode) for name in names]
        versions = {contestant.name: contestant.version for contestant in contestants}
        for task in options.tasks:
            prepared = {contestant.name: contestant.ask("prepare", task) for contestant in contestants}
            compare(
                task, mode, {f"{n} ({v})": a for n, p in prepared.items() for v, a in p["answers"].items()}
            )
            table = measure(contestants, task, options.rounds)
            lines += report(task, mode, table, {name: p["chosen"] for name, p in prepared.items()})
            line = verdict(task, mode, table)
            verdicts += [line] if line else []
            print(f"{task} {MODES[mode]}: answers equal, measured", file=sys.stderr)
        for contestant in contestants:
            contestant.end()
    print(
        f"{options.rows:,} events, {options.rounds} interleaved rounds, medians; {datetime.now(UTC):%Y-%m-%d}"
    )
    print(f"{processor()}, {os.cpu_count()} cores; Python {platform.python_version()}; ", end="")
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print("\nAll answers are equal. A ratio above 1 means that safar is faster.\n")
    print(
        "| task | mode | engine | formulation | wall ms | CPU ms | wall ratio | CPU ratio |\n"
        "|---|---|---|---|--:|--:|--:|--:|"
    )
    print("\n".join(lines))
    if verdicts:
        print("\nThe best peer against safar:\n")
        print("| task | mode | wall ratio | CPU ratio | must | aim | |\n|---|---|--:|--:|--:|--:|---|")
        print("\n".join(verdicts))


if __name__ == "__main__":
    main()
