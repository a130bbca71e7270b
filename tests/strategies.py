"""Random logs, and the way from their rows to an event log and back to rows."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

import safar
from oracles import DAY, SECOND, Event, Step
from safar import _core

BASE = 19_783 * DAY  # 2024-03-01T00:00:00Z
EARLIEST = -2_208_988_800 * SECOND  # 1900-01-01
LATEST = 7_258_118_400 * SECOND - 1  # the last microsecond of 2199

CUSTOMERS = ["c0", "c1", "c2", "c3", "c4"]
NAMES = ["A", "B", "C", "D"]
CHANNELS = [None, "web", "app"]
PLANS = [None, "free", "pro"]
VALUES = [None, -1.5, 0.0, 2.0, 7.25]
SCORES = [None, 0, 1, 2]

# Conditions of a step, as the analyst writes them and as Python understands them; null satisfies no comparison.
CONDITIONS = [
    ("value > 1", lambda e: e.value is not None and e.value > 1),
    ("value <= 0", lambda e: e.value is not None and e.value <= 0),
    ("value is null", lambda e: e.value is None),
    ("plan == 'pro'", lambda e: e.plan == "pro"),
    (
        "plan is not null and score >= 1",
        lambda e: e.plan is not None and e.score is not None and e.score >= 1,
    ),
    ("channel == 'web' or score == 2", lambda e: e.channel == "web" or e.score == 2),
]


def small_times() -> st.SearchStrategy[int]:
    """Seconds 0..12 after the base: many ties, many equalities with windows and gaps."""
    return st.integers(0, 12).map(lambda s: BASE + s * SECOND)


def wide_times() -> st.SearchStrategy[int]:
    """Any microsecond that a log accepts, and clusters of near ones."""
    near = st.builds(lambda d, us: BASE + d * DAY + us, st.integers(-400, 400), st.integers(0, DAY - 1))
    return st.one_of(near, st.integers(EARLIEST, LATEST))


def day_times(days: int = 40) -> st.SearchStrategy[int]:
    """Hours and odd minutes over some weeks, for calendar periods."""
    return st.builds(
        lambda d, m: BASE + d * DAY + m * 60 * SECOND,
        st.integers(0, days),
        st.sampled_from([0, 1, 719, 1260, 1439]),
    )


@st.composite
def logs(
    draw: st.DrawFn,
    times: st.SearchStrategy[int] | None = None,
    *,
    max_events: int = 24,
    names: Sequence[str] = NAMES,
    unique_times: bool = False,
) -> list[Event]:
    """Draw the rows of one log in any order."""
    row = st.builds(
        Event,
        st.sampled_from(CUSTOMERS),
        small_times() if times is None else times,
        st.sampled_from(list(names)),
        st.sampled_from(CHANNELS),
        st.sampled_from(VALUES),
        st.sampled_from(PLANS),
        st.sampled_from(SCORES),
    )
    unique_by = (lambda e: (e.customer, e.time)) if unique_times else None
    return draw(st.lists(row, min_size=1, max_size=max_events, unique_by=unique_by))


@st.composite
def funnel_steps(draw: st.DrawFn, rows: Sequence[Event], *, most: int = 4) -> list[Step]:
    """Draw 1..`most` steps over the events of a log: one name or several, with or without a condition."""
    present = sorted({row.event for row in rows})
    steps = []
    for _ in range(draw(st.integers(1, most))):
        names = draw(st.lists(st.sampled_from(present), min_size=1, max_size=2, unique=True))
        if draw(st.integers(0, 3)) == 0:
            text, holds = draw(st.sampled_from(CONDITIONS))
            steps.append(Step(tuple(names), text, holds))
        else:
            steps.append(Step(tuple(names)))
    return steps


def observed(draw: st.DrawFn, rows: Sequence[Event], *, spread: int = 10 * SECOND) -> int:
    """Draw an `observed_until` at or after the last event."""
    return max(row.time for row in rows) + draw(st.one_of(st.just(0), st.integers(0, spread)))


# -------------------------------------------------------------------------------------------- rows into a log


def columns_of(rows: Sequence[Event]) -> dict[str, Any]:
    """Return the columns of a core table: every type a log may hold, with nulls."""

    def codes(values: Sequence[str | None]) -> tuple[Any, dict[str, list[str]]]:
        categories = sorted({v for v in values if v is not None})
        found = np.array([-1 if v is None else categories.index(v) for v in values], dtype=np.int32)
        return found, {"categories": categories}

    def numbers(values: Sequence[float | None], dtype: str) -> tuple[Any, dict[str, Any]]:
        filled = np.array([0 if v is None else v for v in values], dtype=dtype)
        return filled, {"mask": np.array([v is None for v in values])}

    return {
        "customer": np.array([row.customer for row in rows], dtype=object),
        "time": np.array([row.time for row in rows], dtype="int64").astype("datetime64[us]"),
        "event": np.array([row.event for row in rows], dtype=object),
        "channel": codes([row.channel for row in rows]),
        "value": numbers([row.value for row in rows], "float64"),
        "plan": codes([row.plan for row in rows]),
        "score": numbers([row.score for row in rows], "int64"),
    }


ROLES: dict[str, Any] = {
    "customer": "customer",
    "time": "time",
    "event": "event",
    "channel": "channel",
    "value": "value",
    "attributes": ["plan", "score"],
    "timezone": "UTC",
    "time_unit": None,
    "observed_until_us": None,
    "on_bad": "reject",
    "only_events": None,
}


def core_log(rows: Sequence[Event], **roles: Any) -> _core.EventLog:
    """Build the core's event log from rows in their order."""
    columns = columns_of(rows)
    zone = roles.get("timezone", "UTC")
    columns["time"] = (columns["time"], {"zone": zone})
    return _core.EventLog.build(_core.Table(columns), json.dumps(ROLES | roles))


def big_table(events: int, customers: int, seed: int = 7) -> _core.Table:
    """Return a table of random events: a few giants among many small customers, and many equal times."""
    draw = np.random.default_rng(seed)
    return _core.Table(
        {
            "customer": np.minimum(draw.zipf(1.3, events), customers).astype("int64"),
            "time": (BASE + draw.integers(0, 40 * 86_400, events) * SECOND).astype("datetime64[us]"),
            "event": (draw.integers(0, 4, events).astype("int32"), {"categories": NAMES}),
            "channel": (draw.integers(-1, 2, events).astype("int32"), {"categories": ["web", "app"]}),
            "value": (draw.normal(size=events), {"mask": draw.random(events) < 0.1}),
            "plan": (draw.integers(-1, 2, events).astype("int32"), {"categories": ["free", "pro"]}),
            "score": draw.integers(0, 3, events),
        }
    )


def big_log(events: int, customers: int, seed: int = 7) -> _core.EventLog:
    """Return the core's event log of `big_table`."""
    return _core.EventLog.build(big_table(events, customers, seed), json.dumps(ROLES))


def public_log(
    rows: Sequence[Event],
    *,
    zone: str = "UTC",
    observed_until: int | None = None,
    arrived: Sequence[int | None] | None = None,
) -> safar.EventLog:
    """Build the log that a user builds, from a polars frame of the rows in their order."""
    import polars as pl

    instant = pl.Datetime("us", "UTC")
    late = {} if arrived is None else {"arrived": pl.Series(arrived, dtype=pl.Int64).cast(instant)}

    frame = pl.DataFrame(
        {
            "customer": [row.customer for row in rows],
            "time": pl.Series([row.time for row in rows], dtype=pl.Int64).cast(instant),
            "event": [row.event for row in rows],
            "channel": pl.Series([row.channel for row in rows], dtype=pl.String),
            "value": pl.Series([row.value for row in rows], dtype=pl.Float64),
            "plan": pl.Series([row.plan for row in rows], dtype=pl.String),
            "score": pl.Series([row.score for row in rows], dtype=pl.Int64),
            **late,
        }
    )
    return safar.EventLog(
        frame,
        customer="customer",
        time="time",
        event="event",
        channel="channel",
        value="value",
        attributes=["plan", "score", *late],
        timezone=zone,
        observed_until=None if observed_until is None else moment(observed_until),
    )


def moment(time: int) -> datetime.datetime:
    """Return microseconds since 1970 as an aware datetime."""
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=time)


def plan(params: dict[str, Any], by: str | None = None, at: str = "entry") -> str:
    """Return the plan text of an analysis."""
    return json.dumps({"params": params, "by": by, "at": at})


def funnel_params(steps: Sequence[Step], within: int | None) -> dict[str, Any]:
    """Return the parameters of the funnel kernel."""
    return {
        "steps": [{"events": list(s.events), "where": s.where, "name": " or ".join(s.events)} for s in steps],
        "within_us": within,
        "order": "ordered",
    }


def plain(value: Any) -> Any:
    """Return a cell as plain Python: None for null and NaN, microseconds for instants, a date for days."""
    if value is None:
        return None
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            return None
        if np.datetime_data(value)[0] == "D":
            return value.item()
        return int(value.astype("datetime64[us]").astype("int64"))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value != value:
        return None
    return value


def columns_in(table: _core.Table) -> dict[str, list[Any]]:
    """Return a core table as name -> plain values."""
    found: dict[str, list[Any]] = {}
    for name, kind in table.schema:
        if kind.startswith("List"):  # a histogram, which has no NumPy column of its own
            import pyarrow as pa

            lists = pa.table(table.select([name])).column(0).to_pylist()
            found[name] = [None if cell is None else tuple(cell) for cell in lists]
            continue
        values, mask = table.numpy(name)
        cells = [plain(value) for value in values]
        if mask is not None:
            cells = [None if missing else cell for cell, missing in zip(cells, mask, strict=True)]
        found[name] = cells
    return found


def rows_in(table: _core.Table, names: Sequence[str] | None = None) -> list[tuple[Any, ...]]:
    """Return the rows of a core table in its order."""
    if "features" in table.names:
        # Columns that a plan names stand in one of structures.
        table = table.unnest("features")
    columns = columns_in(table)
    return list(zip(*(columns[name] for name in (table.names if names is None else names)), strict=True))


def in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Sort rows of mixed and missing cells."""
    return sorted(rows, key=lambda row: [(cell is not None, str(type(cell)), cell) for cell in row])


def distinct_rows(rows: Sequence[tuple[Any, ...]]) -> bool:
    """Return whether no row stands twice."""
    return len(set(rows)) == len(rows)
