"""Data larger than memory: the answers of a scan are those of a log, byte by byte."""

from __future__ import annotations

import datetime
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safar
from oracles import Event
from safar import _core
from strategies import columns_of, logs
from test_public import QUESTIONS

ROLES: dict[str, Any] = {"customer": "who", "time": "at", "event": "what", "time_unit": "s"}
FULL = ROLES | {"channel": "where", "value": "worth", "attributes": ["plan", "day"]}


def rows(events: int = 3_000, customers: int = 200, seed: int = 1) -> dict[str, Any]:
    """Columns of a log with nulls, ties and a heavy tail, in no order."""
    random = np.random.default_rng(seed)
    who = np.minimum(random.geometric(8 / customers, events), customers)
    day = random.integers(0, 40, events)
    return {
        "who": [f"customer {number}" for number in who],
        "at": (1_750_000_000 + day * 86_400 + random.integers(0, 40, events) * 600).tolist(),
        "what": random.choice(["view", "cart", "buy", "leave", "order", "cancel", "return"], events).tolist(),
        "where": random.choice([None, "web", "app", "call"], events).tolist(),
        "worth": [None if number < 3 else float(number) for number in random.integers(0, 50, events)],
        "plan": pd.Categorical(random.choice(["free", "pro"], events)),
        "day": [datetime.date(2026, 1, 1) + datetime.timedelta(int(number)) for number in day],
    }


def same(left: Any, right: Any) -> None:
    """Two results in everything that they show."""
    assert left.to_polars().equals(right.to_polars())
    assert left.to_polars().schema == right.to_polars().schema
    assert left.definition == right.definition
    assert left.spec == right.spec


def both(data: dict[str, Any], **options: Any) -> tuple[safar.EventLog, safar.Scan]:
    return safar.EventLog(data, **FULL), safar.scan(data, **FULL, memory="1 MB", **options)


# ------------------------------------------------------------------------------------------------ the same answers


@pytest.fixture(scope="module")
def pair() -> tuple[safar.EventLog, safar.Scan]:
    """The same events in memory and on disk, there in many parts."""
    data = rows(40_000, 4_000)
    log, scan = both(data)
    assert scan.info["parts"] > 4
    return log, scan


ASKED: list[safar.Spec[Any]] = [
    safar.Conformance(
        ["view", safar.design.loop("cart", again="view"), safar.design.optional("order"), "buy"],
        others="extra",
        goal="buy",
        score="value",
        by="channel",
    ),
    safar.Conversion("buy", start="view", competing="cancel", by="plan"),
    safar.Features(observe="20d", attributes=["plan"]),
    safar.Flow("sessions"),
    safar.Funnel(["view", "cart", "buy"], within="7d", by="where"),
    safar.Funnel(["view", "buy"], count="sessions"),
    safar.Funnel(["view", safar.step("buy", where="value > 10")], within="session", count="attempts"),
    safar.Journeys(ends="buy", stops="leave"),
    safar.Kpis(
        [
            {
                "id": "buyers",
                "definition": "",
                "form": "share",
                "count": "customers",
                "numerator": "event = 'buy'",
            }
            | {"denominator": "event = 'view'", "unit": "%", "target": 50.0, "direction": "up"},
            {"id": "worth", "definition": "", "form": "mean", "numerator": "event = 'buy'", "sum": "value"}
            | {"denominator": "event = 'buy' and value is not null"},
            {"id": "back", "definition": "", "form": "share", "count": "customers", "lag": 1}
            | {"numerator": "periods_since_previous = 1", "denominator": "true"},
            {"id": "bounce", "definition": "", "form": "share", "count": "session", "numerator": "true"}
            | {"denominator": "event = 'view'", "most": 1},
        ],
        period="week",
        calendar="jalali",
        by=["channel", ("channel", "plan")],
    ),
    safar.Labels("inactivity", at="2025-07-10", predict="5d"),
    safar.Lifecycle("view", period="week", calendar="jalali"),
    safar.Loops("sessions"),
    safar.Match("view -> (!leave)* -> buy within 2d"),
    safar.NextEvents(order=2, gap="2d"),
    safar.Paths("sessions"),
    safar.Retention(start="view", back="buy", by="plan"),
    safar.Retention(clock="rolling", cohort="all"),
    safar.Rfm(["buy", "order"], by="plan"),
    safar.SeparatingPaths("buy", events=["view", "cart", "order"], longest=2),
    safar.Sessions("1h", gaps={"call": "2h"}, by="channel"),
    safar.Stages("plan", order=["pro"], within="channel", by="channel"),
    safar.Steps(around="buy"),
    safar.Stickiness(),
    safar.Transitions(by="channel"),
    safar.Waits("event", same="plan", gap="2d", hours=("08:00", "16:00"), weekend="friday", by="channel"),
    safar.Waits("event", expected={"buy": "2h", ("view", "buy"): "1h", ("buy", "leave"): "1m"}),
]


def question(spec: safar.Spec[Any]) -> safar.Spec[Any]:
    """The same question with the names of these logs."""
    return safar.Spec.from_json(spec.to_json().replace('"by": "where"', '"by": "channel"'))


@pytest.mark.parametrize("spec", [question(spec) for spec in ASKED], ids=lambda spec: spec.analysis)
def test_a_question_has_the_answer_of_a_log(
    pair: tuple[safar.EventLog, safar.Scan], spec: safar.Spec[Any]
) -> None:
    log, scan = pair
    same(spec.run(log), spec.run(scan))


def test_every_analysis_is_among_the_questions() -> None:
    assert {spec.analysis for spec in ASKED} >= set(QUESTIONS)


def test_questions_in_one_pass_have_the_answers_of_questions_one_by_one(
    pair: tuple[safar.EventLog, safar.Scan],
) -> None:
    log, scan = pair
    specs = [question(spec) for spec in ASKED]
    for spec, result in zip(specs, scan.run(specs), strict=True):
        same(spec.run(log), result)


def test_who_stands_where_and_why_is_that_of_a_log(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    log, scan = pair
    steps = ["view", "cart", "buy"]
    left, right = log.funnel(steps, within="7d"), scan.funnel(steps, within="7d")
    assert left.customers(step=2).to_polars().equals(right.customers(step=2).to_polars())
    customer = left.customers(step=3).to_dict()["customer"][0]
    assert left.explain(customer).to_dict() == right.explain(customer).to_dict()
    assert left.explain(customer).conclusion == right.explain(customer).conclusion
    cells = log.retention().customers(period=1), scan.retention().customers(period=1)
    assert cells[0].to_polars().equals(cells[1].to_polars())
    chains = log.journeys().chains(), scan.journeys().chains()
    assert chains[0].to_polars().equals(chains[1].to_polars())
    with pytest.raises(safar.ArgumentError, match="nobody"):
        right.explain("nobody")


def test_the_scan_knows_what_a_log_knows(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    log, scan = pair
    assert len(scan) == len(log)
    assert scan.customers == log.customers
    assert scan.events == log.events
    assert scan.channels == log.channels
    assert scan.columns == log.columns
    assert (scan.first, scan.last, scan.observed_until) == (log.first, log.last, log.observed_until)
    assert not scan.observed_until_given
    assert scan.timezone == log.timezone
    assert repr(scan) == f"Scan: 40,000 events in {scan.info['parts']} parts, {repr(log).split(', ', 1)[1]}"


# ------------------------------------------------------------------------------------- what is made of the events


def test_what_is_made_of_a_scan_is_what_is_made_of_a_log(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    log, scan = pair
    makings: list[Any] = [
        lambda events: events.filter(with_event="buy", where="value > 5"),
        lambda events: events.filter(sample=0.2).filter(drop="view"),
        lambda events: events.filter(start="2025-06-20", end="2025-07-01"),
        lambda events: events.filter(match="view -> buy within 1d"),
        lambda events: events.with_sessions("2h", start_events="view").per("session"),
        lambda events: events.with_journeys(ends="buy").filter(where="journey == 1"),
        lambda events: events.with_match("view -> buy", per="customer"),
    ]
    for make in makings:
        left, right = make(log), make(scan)
        same(left.transitions(), right.transitions())
        same(left.paths("sessions"), right.paths("sessions"))
        assert len(left) == len(right)
        assert left.customers == right.customers
        assert left.columns == right.columns
        assert left.events == right.events
        assert left.info["filtered"] == right.info["filtered"]
        assert left.observed_until == right.observed_until
        assert left.to_polars().equals(right.collect().to_polars())


def test_units_of_customers_stand_in_the_order_of_a_log(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    log, scan = pair
    for make in (
        lambda events: events.per("plan"),
        lambda events: events.with_sessions("2h").per("session"),
        lambda events: events.with_match("view -> buy").per("match"),
    ):
        left, right = make(log), make(scan)
        for spec in (safar.Sessions("1h", by="channel"), safar.Rfm("buy"), safar.Journeys(ends="buy")):
            same(spec.run(left), spec.run(right))
        funnels = left.funnel(["view", "buy"], by="plan"), right.funnel(["view", "buy"], by="plan")
        assert funnels[0].customers(step=1).to_polars().equals(funnels[1].customers(step=1).to_polars())
        cells = (
            left.transitions().customers(**{"from": "view"}),
            right.transitions().customers(**{"from": "view"}),
        )
        assert cells[0].to_polars().equals(cells[1].to_polars())


def test_conditions_are_kept_as_they_were(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    wanted = ["customer 9"]
    chosen = scan.filter(customers=wanted)
    wanted.append("customer 10")
    assert chosen.customers == 1
    assert scan.filter(customers=(name for name in wanted)).customers == 2


def test_one_customer_is_in_one_part_only(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    log, scan = pair
    some = log.to_polars()["customer"].unique().sort()[:3].to_list()
    left, right = log.filter(customers=some), scan.filter(customers=some)
    assert right.customers == 3
    same(left.sessions(), right.sessions())
    assert repr(right).startswith("Scan: a part of Scan: 40,000 events")


def test_nothing_left_is_an_error(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    with pytest.raises(safar.EmptyLogError, match="no event is left"):
        scan.filter(where="value > 1000").transitions()
    with pytest.raises(safar.EmptyLogError, match="no event is left"):
        scan.run([safar.Transitions(), safar.Sessions()]) and scan.filter(customers="x").run(
            [safar.Sessions()]
        )


def test_names_are_checked_against_all_the_data(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    with pytest.raises(safar.UnknownEventError, match=r"byu.*did you mean \"buy\""):
        scan.funnel(["view", "byu"])
    with pytest.raises(safar.UnknownEventError, match="byu"):
        scan.match("view -> byu")
    with pytest.raises(safar.UnknownColumnError, match="plam"):
        scan.transitions(by="plam")


def test_conditions_are_checked_before_anything_is_read(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    with pytest.raises(safar.ArgumentError, match=r"no condition \"event\"; did you mean \"events\""):
        scan.filter(event="view")
    with pytest.raises(safar.UnknownEventError, match="byu"):
        scan.filter(events="byu")
    with pytest.raises(safar.ArgumentError, match="is not before"):
        scan.filter(start="2026-01-02", end="2026-01-01")
    with pytest.raises(safar.ArgumentError, match="at least one condition"):
        scan.filter()


@pytest.mark.parametrize(
    "make",
    [
        lambda events: events.filter(where="value >"),
        lambda events: events.filter(where="wort > 1"),
        lambda events: events.filter(where="value = 'x'"),
        lambda events: events.filter(where="value"),
        lambda events: events.filter(sample=0.1).filter(where="day > 5"),
        lambda events: events.with_sessions("half an hour"),
        lambda events: events.with_sessions(gaps={"post": "1h"}),
        lambda events: events.with_sessions(start_events="byu"),
        lambda events: events.with_sessions(duration="plan"),
        lambda events: events.with_sessions(column="value"),
        lambda events: events.with_journeys(ends=safar.step("buy", where="wort > 1")),
        lambda events: events.with_journeys(stops=["byu"]),
        lambda events: events.with_match("view ->"),
        lambda events: events.with_match("view -> byu"),
        lambda events: events.with_match("view[wort > 1]"),
        lambda events: events.with_match("view", per="customers"),
        lambda events: events.with_sessions().filter(where="sesion = 1"),
        lambda events: events.with_sessions().filter(where="session = 'first'"),
        lambda events: events.per("plam"),
        lambda events: events.per("plan").filter(where="original_customer > 5"),
        lambda events: (
            events.with_match("view -> buy").per("match").with_sessions(duration="original_customer")
        ),
    ],
)
def test_what_is_made_of_a_scan_is_refused_as_of_a_log_and_at_once(
    pair: tuple[safar.EventLog, safar.Scan], make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, scan = pair
    with pytest.raises(safar.SafarError) as of_log:
        make(log)

    def read(*_: object) -> None:
        raise AssertionError("a part is read")

    monkeypatch.setattr(safar.Scan, "_part", read)
    with pytest.raises(safar.UnknownColumnError, match="plam"):
        scan.filter(customers="nobody").filter(where="plam = 'pro'")
    with pytest.raises(safar.SafarError) as of_scan:
        make(scan)
    assert type(of_scan.value) is type(of_log.value)
    # A pattern is checked against names that no log in memory has at once.
    if "the pattern" not in str(of_scan.value):
        assert str(of_scan.value) == str(of_log.value)


def test_units_keep_the_type_of_their_customers() -> None:
    data = rows() | {"who": np.arange(3_000) % 50}
    log, scan = both(data)
    for make in (
        lambda events: events.per("plan").filter(where="original_customer < 9"),
        lambda events: events.with_match("view -> buy").per("match").filter(where="original_customer < 9"),
    ):
        left, right = make(log), make(scan)
        same(left.transitions(), right.transitions())
        assert left.columns == right.columns


def test_a_scan_shows_what_a_question_reads(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    shown = scan.filter(with_event="buy", where="value > 5").with_sessions("2h")._repr_html_()
    for text in (
        "40,000 of 40,000 rows",
        f"{scan.info['parts']} parts",
        "1.0 MB",
        "with_sessions(",
        "value &gt; 5",
    ):
        assert text in shown
    assert "all events" in scan._repr_html_()
    long = scan.filter(customers=[f"customer {number}" for number in range(500)])._repr_html_()
    assert len(long) < 2_000
    limited = safar.scan(rows(), **FULL, max_events_per_customer=3)
    assert "3,000 of 3,000 rows" in limited._repr_html_()


def test_what_only_a_log_has_is_told_with_the_way_to_one(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    for name in ("quality", "with_columns", "to_pandas", "to_polars", "save"):
        with pytest.raises(AttributeError, match=rf'a scan has no "{name}".*collect'):
            getattr(scan, name)
    with pytest.raises(AttributeError, match="no attribute 'funel'"):
        _ = scan.funel


def test_units_of_several_customers_need_another_scan(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    with pytest.raises(safar.ArgumentError, match=r"scan the data with customer=\"plan\""):
        scan.per("plan", across_customers=True)


def test_what_is_no_question_is_refused(pair: tuple[safar.EventLog, safar.Scan]) -> None:
    _, scan = pair
    with pytest.raises(safar.ArgumentTypeError, match="expected a list of specs"):
        scan.run(safar.Sessions())  # type: ignore[arg-type]
    with pytest.raises(safar.ArgumentTypeError, match="holds a str"):
        scan.run(["sessions"])  # type: ignore[list-item]


# ---------------------------------------------------------------------------------------------- any data, any source


@settings(max_examples=60)
@given(events=logs(max_events=40), seed=st.integers(0, 5))
def test_any_small_log_is_the_same(events: list[Event], seed: int) -> None:
    table = _core.Table(columns_of(events))
    roles: dict[str, Any] = {name: name for name in ("customer", "time", "event", "channel", "value")}
    roles["attributes"] = ["plan", "score"]
    log = safar.EventLog(table, **roles)
    scan = safar.scan(table, **roles, memory=10**seed)
    assert seed or scan.info["parts"] == log.customers
    assert scan.collect().to_polars().equals(log.to_polars())
    same(log.transitions(by="channel"), scan.transitions(by="channel"))
    same(log.sessions("3s"), scan.sessions("3s"))


@pytest.mark.parametrize("kind", ["polars", "pandas", "arrow", "stream", "views", "large", "dictionary"])
def test_every_frame_gives_the_same_log(kind: str) -> None:
    data = rows()
    arrow = pl.DataFrame(data | {"plan": list(data["plan"])}).to_arrow(compat_level=pl.CompatLevel.oldest())
    made: Any = {
        "polars": lambda: pl.DataFrame(arrow),
        "pandas": lambda: pd.DataFrame(data),
        "arrow": lambda: arrow,
        "stream": lambda: arrow.to_reader(max_chunksize=100),
        "views": lambda: pl.DataFrame(arrow).to_arrow(compat_level=pl.CompatLevel.newest()),
        "large": lambda: arrow.set_column(0, "who", arrow["who"].cast(pa.large_utf8())),
        "dictionary": lambda: arrow.set_column(0, "who", arrow["who"].dictionary_encode()),
    }[kind]
    scan, log = safar.scan(made(), **FULL, memory="1 MB"), safar.EventLog(made(), **FULL)
    assert scan.columns == log.columns
    same(log.sessions(by="plan"), scan.sessions(by="plan"))
    assert scan.collect().to_polars().equals(log.to_polars())


@pytest.mark.parametrize("ids", ["int64", "uint64", "int8", "float64", "uuid", "uuid text", "long text"])
def test_every_form_of_id_gives_the_same_log(ids: str) -> None:
    data = rows()
    number = np.array([int(name.split()[1]) for name in data["who"]])
    forms: Any = {
        "uint64": lambda: number.astype(np.uint64) + 2**63,
        "int8": lambda: (number % 100).astype(np.int8),
        "uuid": lambda: pa.array([uuid.UUID(int=int(n) * 7**30).bytes for n in number], pa.binary(16)),
        "uuid text": lambda: [str(uuid.UUID(int=int(n) * 7**30)) for n in number],
        "long text": lambda: [f"a customer whose name is rather long, number {n}" for n in number],
    }
    who = forms[ids]() if ids in forms else number.astype(ids)
    table = pa.table({"who": who, "at": data["at"], "what": data["what"]})
    scan, log = safar.scan(table, **ROLES, memory="1 MB"), safar.EventLog(table, **ROLES)
    assert scan.collect().to_polars().equals(log.to_polars())
    same(log.sessions(), scan.sessions())
    assert scan.sessions().to_polars().schema == log.sessions().to_polars().schema


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "feather"])
def test_files_are_read_in_turn(tmp_path: Path, ending: str) -> None:
    data = pd.DataFrame(rows())
    data["at"] = pd.to_datetime(data["at"], unit="s")
    data["plan"] = data["plan"].astype(str)
    for part in range(3):
        piece = data.iloc[part * 1_000 : (part + 1) * 1_000].reset_index(drop=True)
        path = tmp_path / f"events {part}.{ending}"
        if ending == "parquet":
            pl.DataFrame(piece).write_parquet(path, row_group_size=150)
        elif ending == "feather":
            pl.DataFrame(piece).write_ipc(path, compression="lz4")
        else:
            piece.to_csv(path, index=False)
    roles = FULL | {"time_unit": None}
    pattern = tmp_path / f"*.{ending}"
    scan, log = safar.scan(pattern, **roles, memory="1 MB"), safar.read(pattern, **roles)
    assert scan.info["rows"] == 3_000
    assert scan.collect().to_polars().equals(log.to_polars())
    same(log.transitions(by="plan"), scan.transitions(by="plan"))


# ------------------------------------------------------------------------------------------------------- bad rows


def test_rows_that_are_no_events_are_those_of_a_log() -> None:
    data = rows(2_000)
    data["at"] = pd.to_datetime(data["at"], unit="s").strftime("%Y-%m-%d %H:%M").tolist()
    bad = [("who", None), ("who", "  "), ("at", None), ("at", "soon"), ("what", ""), ("at", "1800-01-01")]
    for row in range(0, 2_000, 50):
        column, value = bad[row // 50 % len(bad)]
        data[column][row] = value
    roles = FULL | {"time_unit": None, "observed_until": "2025-07-10"}
    log = safar.EventLog(data, **roles)
    frame = pl.DataFrame(data | {"plan": list(data["plan"])}).to_arrow()
    for scan in (
        safar.scan(data, **roles, memory="1 MB"),
        safar.scan(frame.to_reader(max_chunksize=333), **roles, memory="1 MB"),
    ):
        assert scan.rejected == log.rejected
        assert set(scan.rejected) >= {"customer_missing", "time_unparsable", "after_observed_until"}
        assert scan.rejects.to_dict() == log.rejects.to_dict()
        assert scan.observed_until_given
        assert f"{sum(log.rejected.values()):,} rows rejected" in repr(scan)
        same(log.transitions(), scan.transitions())


def test_a_bad_row_can_stop_the_reading() -> None:
    data = rows(100)
    data["what"][7] = None
    with pytest.raises(safar.DataError, match=r"column \"what\", row 7: null cannot be used"):
        safar.scan(data, **FULL, on_bad="raise")


def test_data_that_a_log_refuses_a_scan_refuses() -> None:
    data = rows(100)
    refused: list[tuple[dict[str, Any], str]] = [
        (data | {"what": ["(start)"] * 100}, r"\(start\)"),
        (data | {"who": [None] * 100}, "no usable row is left of 100"),
        (data | {"worth": ["dear"] * 100}, "a value is a number"),
        (data | {"who": [0.5] * 100}, "cannot identify a customer"),
    ]
    for bad, message in refused:
        with pytest.raises(safar.SafarError, match=message):
            safar.scan(bad, **FULL)
    whole = pl.DataFrame({name: data[name] for name in ("who", "at", "what")})
    for nothing in (whole[:0], whole[:0].to_arrow().to_reader()):
        with pytest.raises(safar.DataError, match="the data have no rows"):
            safar.scan(nothing, **ROLES)
    zones = ["2026-01-01 10:00"] * 50 + ["2026-01-01 10:00Z"] * 50
    with pytest.raises(
        safar.DataError, match=r"mixes times with a zone \(row 50\) and without one \(row 0\)"
    ):
        safar.scan(data | {"at": zones}, **FULL | {"time_unit": None})


# -------------------------------------------------------------------------------------------------------- memory


def test_a_customer_larger_than_memory_is_told_and_can_be_cut() -> None:
    data = rows(60_000, 300)
    data["who"] = ["giant" if row % 3 else name for row, name in enumerate(data["who"])]
    log, scan = both(data)
    assert scan.info["giants"] == [["giant", 40_000]]
    same(log.transitions(), scan.transitions())
    cut = safar.scan(data, **FULL, memory="1 MB", max_events_per_customer=100)
    events = log.to_polars().group_by("customer", maintain_order=True).head(100)
    assert len(cut) == events.height
    assert cut.info["filtered"] == 60_000 - events.height
    assert cut.collect().to_polars().equals(events)
    assert repr(cut).startswith(f"Scan: {events.height:,} events in ")
    with pytest.raises(safar.ArgumentError, match="max_events_per_customer=0"):
        safar.scan(data, **FULL, max_events_per_customer=0)


@pytest.mark.parametrize(
    ("memory", "expected"),
    [(5_000_000, 5_000_000), ("3 MB", 3_000_000), ("2MiB", 2_097_152), ("0.5 gb", 500_000_000)],
)
def test_the_memory_is_bytes_or_text(memory: int | str, expected: int) -> None:
    assert safar.scan(rows(10), **FULL, memory=memory).info["memory"] == expected


def test_times_beyond_all_years_are_rejected_and_not_left_out() -> None:
    data = {"who": ["ann", "bob", "cem"], "at": [2**62, 1, -(2**62)], "what": ["view"] * 3}
    for unit in ("s", "ms"):
        roles = ROLES | {"time_unit": unit}
        scan, log = safar.scan(data, **roles), safar.EventLog(data, **roles)
        assert scan.rejected == log.rejected == {"time_out_of_range": 2}
        assert scan.rejects.to_dict() == log.rejects.to_dict()
        assert scan.info["filtered"] == 0
        with pytest.raises(safar.DataError, match="row 0"):
            safar.scan(data, **roles, on_bad="raise")


@pytest.mark.parametrize("memory", [0, -1, "much", "", True, 1.5, "10 XB"])
def test_a_memory_that_is_no_size_is_refused(memory: Any) -> None:
    with pytest.raises((safar.ArgumentError, safar.ArgumentTypeError), match="memory="):
        safar.scan(rows(10), **FULL, memory=memory)


def test_the_answers_do_not_depend_on_memory_or_threads(tmp_path: Path) -> None:
    data = pl.DataFrame(rows(20_000, 2_000) | {"plan": None}, strict=False)
    data.write_parquet(tmp_path / "events.parquet", row_group_size=700)
    program = """
        import hashlib, sys, safar
        roles = dict(customer="who", time="at", event="what", time_unit="s", channel="where", value="worth")
        scan = safar.scan(sys.argv[1], memory=sys.argv[2], **roles)
        tables = [r.to_polars() for r in scan.run([safar.Sessions(), safar.Paths(), safar.Transitions()])]
        print(hashlib.sha256(b"".join(table.write_ipc(None).getvalue() for table in tables)).hexdigest())
    """
    said = set()
    for memory in ("1MB", "3MB", "500MB"):
        for threads in ("1", "2", "5"):
            command = [
                sys.executable,
                "-c",
                textwrap.dedent(program),
                str(tmp_path / "events.parquet"),
                memory,
            ]
            environment = os.environ | {"SAFAR_THREADS": threads}
            said.add(
                subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            )
    assert len(said) == 1


# ----------------------------------------------------------------------------------------------- nothing is left behind


def test_no_file_has_a_name(tmp_path: Path) -> None:
    scan = safar.scan(rows(), **FULL, folder=tmp_path)
    assert scan.info["spilled_bytes"] > 10_000
    assert list(tmp_path.iterdir()) == []
    assert scan.transitions().to_dict()
    del scan
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(safar.FileError, match=r"missing.*folder="):
        safar.scan(rows(), **FULL, folder=tmp_path / "missing")


@pytest.mark.skipif(
    not Path("/dev/full").exists() or os.geteuid() != 0, reason="needs root to mount a small disk"
)
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not allow mounts")
    try:
        with pytest.raises(safar.FileError, match=r"small: spilled rows cannot be written.*folder="):
            safar.scan(rows(60_000), **FULL, folder=small)
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


SLOW = """
    import sys, time, pyarrow as pa, safar
    schema = pa.schema({"who": pa.string(), "at": pa.int64(), "what": pa.string()})
    def batches():
        who, what = [f"customer {row % 997}" for row in range(2_000)], ["view"] * 2_000
        for batch in range(10_000):
            if batch == 20:
                print("reading", flush=True)
            at = list(range(batch * 2_000, (batch + 1) * 2_000))
            yield pa.record_batch([who, at, what], schema=schema)
    source = pa.RecordBatchReader.from_batches(schema, batches())
    try:
        safar.scan(source, customer="who", time="at", event="what", time_unit="s", memory="2 MB", folder=sys.argv[1])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_end_half_way_leaves_nothing(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-c", textwrap.dedent(SLOW), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        started = time.monotonic()
        process.send_signal(how)
        said = process.stdout.read()
        assert process.wait(timeout=60) == (0 if how is signal.SIGINT else -how)
    assert said == ("interrupted\n" if how is signal.SIGINT else "")
    assert time.monotonic() - started < 20
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_breaks_off_says_so(tmp_path: Path) -> None:
    schema = pa.schema({"who": pa.string(), "at": pa.int64(), "what": pa.string()})

    def batches() -> Any:
        yield pa.record_batch([["ann"], [1], ["view"]], schema=schema)
        raise OSError("the line is dead")

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(safar.DataError, match=r"the data broke off while they were read.*the line is dead"):
        safar.scan(reader, **ROLES, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
