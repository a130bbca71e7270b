"""Openly licensed sets from outside, against numbers that polars and pandas compute by other ways.

The folder is that of the environment variable SAFAR_DATA, by default `../shared/data` beside the checkout.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import safar
from strategies import columns_in, rows_in

DATA = Path(os.environ.get("SAFAR_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
ECOM = DATA / "retentioneering_ecom" / "ecom.csv.gz"
RETAIL = DATA / "online_retail" / "online_retail.parquet"

pytestmark = pytest.mark.skipif(
    not (ECOM.exists() and RETAIL.exists()),
    reason=f"the data sets are not in {DATA}; set SAFAR_DATA to the folder that holds them",
)


# --------------------------------------------------------------------------------------------- other ways to count


def sessions_of(frame: pd.DataFrame, gap: dt.timedelta) -> pd.DataFrame:
    """Return customer, session, start, end and events of every session, from a frame in order."""
    pause = frame.groupby("customer")["time"].diff()
    number = (pause.isna() | (pause > gap)).groupby(frame["customer"]).cumsum()
    grouped = frame.assign(session=number).groupby(["customer", "session"])["time"]
    return grouped.agg(start="min", end="max", events="size").reset_index()


def levels_of(frame: pl.DataFrame, steps: list[str], within: str) -> list[int]:
    """Return how many customers reach each step of different events, by the first match after every entry."""
    attempts = frame.filter(pl.col("event") == steps[0]).select("customer", entry="time", at="time")
    levels = [attempts["customer"].n_unique()]
    for step in steps[1:]:
        events = frame.filter(pl.col("event") == step).select("customer", next="time").sort("next")
        attempts = (
            attempts.sort("at")
            .join_asof(
                events,
                left_on="at",
                right_on="next",
                by="customer",
                strategy="forward",
                check_sortedness=False,
            )
            .filter(pl.col("next").is_not_null() & (pl.col("next") <= pl.col("entry").dt.offset_by(within)))
            .select("customer", "entry", at="next")
        )
        levels.append(attempts["customer"].n_unique())
    return levels


def edges_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return events, customers, mean, median, min and max seconds of each pair of neighbours, from a frame in order."""
    after = frame.groupby("customer")[["event", "time"]].shift(-1)
    pairs = frame.assign(to=after["event"], seconds=(after["time"] - frame["time"]).dt.total_seconds())
    pairs = pairs.dropna(subset=["to"])
    return pairs.groupby(["event", "to"]).agg(
        events=("customer", "size"),
        customers=("customer", "nunique"),
        mean=("seconds", "mean"),
        median=("seconds", lambda s: s.quantile(0.5, interpolation="lower")),
        low=("seconds", "min"),
        high=("seconds", "max"),
    )


def same_edges(result: Any, frame: pd.DataFrame) -> None:
    expected = edges_of(frame)
    columns = columns_in(result.table)
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    real = {
        (x["from"], x["to"]): x
        for x in lines
        if x["from"] != "(start)" and x["to"] not in ("(end)", "(open)")
    }
    assert set(real) == set(expected.index)
    for edge, row in zip(expected.index, expected.itertuples(index=False), strict=True):
        line = real[edge]
        assert (line["events"], line["customers"]) == (row.events, row.customers)
        assert line["mean_seconds"] == pytest.approx(row.mean, rel=1e-9)
        assert (line["min_seconds"], line["max_seconds"]) == (row.low, row.high)
        assert line["median_seconds"] == pytest.approx(row.median, rel=1 / 128, abs=0)
    customers = frame["customer"].nunique()
    assert sum(x["events"] for x in lines if x["from"] == "(start)") == customers
    assert sum(x["events"] for x in lines if x["to"] in ("(end)", "(open)")) == customers
    assert sum(x["events"] for x in lines if x["from"] != "(start)") == len(frame)


def same_sessions(result: Any, frame: pd.DataFrame, gap: dt.timedelta) -> None:
    expected = sessions_of(frame, gap)
    micro = [expected[name].astype("datetime64[us]").astype("int64").tolist() for name in ("start", "end")]
    wanted = list(zip(expected["customer"], expected["session"], *micro, expected["events"], strict=True))
    assert sorted(rows_in(result.table, ["customer", "session", "start", "end", "events"])) == sorted(wanted)
    until = int(frame["time"].max().value) // 1000
    length = gap // dt.timedelta(microseconds=1)
    open_ones = {row[:2] for row in rows_in(result.table, ["customer", "session", "open"]) if row[2]}
    assert open_ones == {row[:2] for row in wanted if until - row[3] <= length}


def same_retention(result: Any, frame: pd.DataFrame, period: str) -> None:
    """Compare with pandas periods of the local times; `period` is pandas' word for the kind."""
    local = frame["time"].dt.tz_localize("UTC").dt.tz_convert(result.timezone).dt.tz_localize(None)
    active = pd.DataFrame(
        {"customer": frame["customer"], "period": local.dt.to_period(period)}
    ).drop_duplicates()
    cohort = active.groupby("customer")["period"].min().rename("cohort")
    active = active.join(cohort, on="customer")
    active["k"] = [p.ordinal - c.ordinal for p, c in zip(active["period"], active["cohort"], strict=True)]
    returned = active.groupby(["cohort", "k"]).size().to_dict()
    sizes = cohort.value_counts().to_dict()
    last = local.max()
    expected = {}
    for start, size in sizes.items():
        k = 0
        while (start + k).start_time <= last:
            complete = (start + k + 1).start_time <= last
            expected[start.start_time.date(), k] = (size, returned.get((start, k), 0), complete)
            k += 1
    found = rows_in(result.table, ["cohort", "period", "eligible", "returned", "complete", "share"])
    assert {row[:2]: row[2:5] for row in found} == expected
    assert len(found) == len(expected)
    for _, _, eligible, back, complete, share in found:
        assert share == (pytest.approx(back / eligible) if complete else None)


# -------------------------------------------------------------------------------------------------------- ecom


@pytest.fixture(scope="module")
def ecom() -> tuple[safar.EventLog, pd.DataFrame]:
    log = safar.read(
        ECOM,
        customer="user_id",
        time="timestamp",
        event="event",
        channel="acquisition_channel",
        attributes=["platform", "user_lifecycle"],
    )
    frame = pd.read_csv(ECOM, parse_dates=["timestamp"]).rename(
        columns={"user_id": "customer", "timestamp": "time"}
    )
    return log, frame.sort_values(["customer", "time"], kind="stable").reset_index(drop=True)


def test_the_shop_s_log_holds_every_row(ecom: Any) -> None:
    log, frame = ecom
    assert (len(log), log.customers, len(log.events)) == (31_106, 600, 19)
    assert log.rejected == {}
    assert log.events == frame["event"].value_counts().to_dict()
    assert log.channels == frame["acquisition_channel"].value_counts().to_dict()
    raw = pd.read_csv(ECOM)
    assert int(raw.duplicated().sum()) == 30, (
        "exact duplicates are kept, for only the analyst may remove them"
    )
    ties = frame.groupby("customer")["time"].diff() == pd.Timedelta(0)
    assert log.info["ties"] == int(ties.sum())
    names = ["customer", "event", "channel", "platform", "user_lifecycle"]
    found = sorted(rows_in(log.core.events_table(None), names), key=lambda row: row[0])
    columns = ["customer", "event", "acquisition_channel", "platform", "user_lifecycle"]
    assert found == [tuple(row) for row in frame[columns].itertuples(index=False)]


def test_the_shop_s_sessions_are_those_of_pandas(ecom: Any) -> None:
    log, frame = ecom
    for gap in (dt.timedelta(minutes=30), dt.timedelta(hours=1)):
        same_sessions(log.sessions(gap=gap), frame, gap)


def test_the_shop_s_transitions_are_those_of_pandas(ecom: Any) -> None:
    log, frame = ecom
    same_edges(log.transitions(inactivity="7d"), frame)


@pytest.mark.parametrize(("period", "word"), [("day", "D"), ("week", "W-SUN"), ("month", "M")])
def test_the_shop_s_retention_is_that_of_pandas(ecom: Any, period: str, word: str) -> None:
    log, frame = ecom
    same_retention(log.retention(period=period), frame, word)


@pytest.mark.parametrize("within", ["1h", "1d", "7d"])
def test_the_shop_s_funnel_is_that_of_polars(ecom: Any, within: str) -> None:
    log, frame = ecom
    events = pl.DataFrame({name: frame[name].to_numpy() for name in ("customer", "time", "event")})
    for steps in (
        ["product_view", "add_to_cart", "shipping_details", "payment_details", "purchase"],
        ["home", "catalog", "product_view", "add_to_cart"],
        ["search", "product_view"],
    ):
        result = log.funnel(steps, within=within)
        assert columns_in(result.table)["customers"] == levels_of(events, steps, within)
        assert result.entered == result.completed + result.dropped + result.still_open + result.excluded
        parts = log.funnel(steps, within=within, by="channel", at="first")
        sums = pd.DataFrame(parts.to_dict()).groupby("step")["customers"].sum().tolist()
        assert sums == columns_in(result.table)["customers"]


def test_the_one_shot_funnel_of_the_shop_equals_the_log_s(ecom: Any) -> None:
    log, frame = ecom
    once = safar.funnel(
        frame, ["product_view", "add_to_cart"], customer="customer", time="time", event="event", within="1h"
    )
    assert once.to_dict() == log.funnel(["product_view", "add_to_cart"], within="1h").to_dict()


def test_the_quality_of_the_shop_shows_the_payment_errors_of_three_weeks(ecom: Any) -> None:
    log, frame = ecom
    result = log.quality(now="2030-01-01")
    silences = result.silences.to_dict()
    assert set(silences["name"]) == {"payment_error"}
    times = frame.loc[frame["event"] == "payment_error", "time"]
    assert silences["place"] == ["start", "stop"]
    assert silences["to"][0] == times.min().date() - dt.timedelta(days=1)
    assert silences["from"][1] == times.max().date() + dt.timedelta(days=1)
    assert {"look_alike_ids", "coverage_gaps", "bots_in_a_minute", "future_times"} <= set(result.passed)


# ------------------------------------------------------------------------------------------------------ retail


@pytest.fixture(scope="module")
def retail() -> tuple[safar.EventLog, pd.DataFrame]:
    lines = pl.read_parquet(RETAIL).with_columns(
        event=pl.when(pl.col("Quantity") < 0).then(pl.lit("return")).otherwise(pl.lit("purchase")),
        revenue=pl.col("Quantity") * pl.col("UnitPrice"),
    )
    log = safar.EventLog(
        lines,
        customer="CustomerID",
        time="InvoiceDate",
        event="event",
        value="revenue",
        attributes=["Country", "InvoiceNo", "Quantity"],
        timezone="Europe/London",
    )
    known = lines.filter(pl.col("CustomerID").is_not_null())
    frame = pd.DataFrame(
        {
            "customer": known["CustomerID"].to_numpy(),
            "time": known["InvoiceDate"].to_numpy(),
            "event": known["event"].to_list(),
            "value": known["revenue"].to_numpy(),
            "country": known["Country"].to_list(),
        }
    )
    frame["time"] = frame["time"].dt.tz_localize("Europe/London").dt.tz_convert("UTC").dt.tz_localize(None)
    return log, frame.sort_values(["customer", "time"], kind="stable").reset_index(drop=True)


def test_the_quality_of_the_retailer_s_lines(retail: Any) -> None:
    """Repeated lines as polars counts them, and the closed days around New Year as a gap."""
    log, _ = retail
    lines = pl.read_parquet(RETAIL).filter(pl.col("CustomerID").is_not_null())
    columns = ["CustomerID", "InvoiceDate", "InvoiceNo", "StockCode", "Quantity", "UnitPrice", "Country"]
    whole = safar.EventLog(
        lines.with_columns(event=pl.lit("line")),
        customer="CustomerID",
        time="InvoiceDate",
        event="event",
        attributes=columns[2:],
    )
    found = {row[0]: row for row in zip(*whole.quality().to_dict().values(), strict=True)}
    assert found["exact_duplicates"][3] == lines.height - lines.unique(columns).height
    rejected = {row[0]: row for row in zip(*log.quality().to_dict().values(), strict=True)}[
        "customer_missing"
    ]
    assert rejected[1:5] == ("serious", "CustomerID", 135_080, 541_909)
    gap = whole.quality().silences.to_dict()
    assert (gap["of"], gap["from"], gap["to"]) == (["log"], [dt.date(2010, 12, 24)], [dt.date(2011, 1, 3)])


def test_retail_rows_without_a_customer_are_counted_and_kept(retail: Any) -> None:
    log, frame = retail
    assert log.info["rows"] == 541_909
    assert log.customers == 4_372
    assert len(log) == len(frame) == 541_909 - sum(log.rejected.values())
    assert sum(log.rejected.values()) == 135_080
    rejects = log.rejects.to_dict()
    missing = pl.read_parquet(RETAIL, columns=["CustomerID"]).with_row_index()
    assert set(rejects["column"]) == {"CustomerID"}
    expected = missing.filter(pl.col("CustomerID").is_null())["index"].to_list()
    assert rejects["row"] == expected[: len(rejects["row"])]
    assert len(rejects["row"]) == len(expected), "a reject was counted and not kept"


def test_the_events_of_retail_stand_in_their_order(retail: Any) -> None:
    log, frame = retail
    found = log.to_polars().sort("customer", maintain_order=True)
    assert found["customer"].to_list() == frame["customer"].tolist()
    assert found["value"].to_list() == frame["value"].tolist()
    assert found["Country"].to_list() == frame["country"].tolist()
    assert found["time"].dt.convert_time_zone("UTC").dt.timestamp("us").to_list() == (
        frame["time"].astype("datetime64[us]").astype("int64").tolist()
    )


def test_the_sessions_of_retail_are_those_of_pandas(retail: Any) -> None:
    log, frame = retail
    same_sessions(log.sessions(gap="1d"), frame, dt.timedelta(1))


def test_the_transitions_of_retail_are_those_of_pandas(retail: Any) -> None:
    log, frame = retail
    same_edges(log.transitions(), frame)


@pytest.mark.parametrize(("period", "word"), [("week", "W-SUN"), ("month", "M")])
def test_the_retention_of_retail_is_that_of_pandas(retail: Any, period: str, word: str) -> None:
    log, frame = retail
    same_retention(log.retention(period=period), frame, word)


def test_the_funnel_of_retail_is_that_of_polars(retail: Any) -> None:
    log, frame = retail
    events = pl.DataFrame({name: frame[name].to_numpy() for name in ("customer", "time", "event")})
    for within in ("1d", "30d"):
        result = log.funnel(["purchase", "return"], within=within)
        assert columns_in(result.table)["customers"] == levels_of(events, ["purchase", "return"], within)
    # Order lines of one minute are ties: the same event twice needs two lines.
    twice = log.funnel(["purchase", "purchase"], within="1d")
    bought = frame[frame["event"] == "purchase"]
    near = bought.groupby("customer")["time"].diff() <= dt.timedelta(1)
    assert columns_in(twice.table)["customers"] == [
        bought["customer"].nunique(),
        bought.loc[near, "customer"].nunique(),
    ]
    big = log.funnel([safar.step("purchase", where="value > 1000")])
    assert (
        big.entered == frame[(frame["event"] == "purchase") & (frame["value"] > 1000)]["customer"].nunique()
    )


# ------------------------------------------------------------------------------------------------- command line


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        (ECOM, ("user_id", "timestamp", "event")),
        (RETAIL, ("CustomerID", "InvoiceDate", "Country")),
    ],
    ids=["ecom", "retail"],
)
def test_the_report_command_writes_a_page_and_tables(
    path: Path, columns: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "report"
    roles = [
        part
        for name, column in zip(("--customer", "--time", "--event"), columns, strict=True)
        for part in (name, column)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "safar", "report", str(path), *roles, "--out", str(out)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    pages = list(out.rglob("*.html"))
    tables = {file.stem: pl.read_parquet(file) for file in out.rglob("*.parquet")}
    assert len(pages) == 1
    assert pages[0].stat().st_size > 20_000
    text = pages[0].read_text(encoding="utf-8")
    for remote in ('src="http', "src='http", '@import url("http', "cdn.jsdelivr"):
        assert remote not in text, "the page needs the network"
    customers, events, rejects = (600, 31_106, 0) if path == ECOM else (4_372, 406_829, 135_080)
    assert tables.pop("rejects").height == rejects
    assert all(frame.height for frame in tables.values())
    assert tables["sessions"]["customer"].n_unique() == customers
    assert tables["sessions"]["events"].sum() == events
    edges = tables["transitions"]
    assert edges.filter(pl.col("from") == "(start)")["events"].sum() == customers
    assert edges.filter(pl.col("from") != "(start)")["events"].sum() == events
    cohorts = tables["retention"]
    assert cohorts.schema["cohort"] == pl.Date
    assert cohorts.filter(pl.col("period") == 0)["eligible"].sum() == customers
    steps = tables["funnel"]
    assert steps["customers"].is_sorted(descending=True)
    lost = steps["dropped"] + steps["still_open"] + steps["excluded"]
    assert lost.sum() + steps["customers"][-1] == steps["customers"][0]


def test_the_report_command_says_what_is_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "safar",
            "report",
            str(ECOM),
            "--customer",
            "usr_id",
            "--time",
            "timestamp",
            "--event",
            "event",
            "--out",
            str(tmp_path),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "usr_id" in done.stderr
    assert "user_id" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_forecast_of_wholesalers_of_whom_nobody_had_left_is_refused_by_name(retail: Any) -> None:
    log, frame = retail
    worth = safar.lifetime_value(log, model="bg_nbd", draws=0)
    assert len(worth) == frame[frame["event"] == "purchase"]["customer"].nunique()
    said = r"holdout='60d', of the time before it: BG/NBD: .*; or leave holdout= out"
    with pytest.raises(safar.DataError, match=said):
        safar.lifetime_value(log, model="bg_nbd", draws=0, holdout="60d")
