"""Results: what they show, what they say, and where they go."""

from __future__ import annotations

import datetime as dt
import html
import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import safar
from safar import _table
from safar._core import Table
from safar.result import Result, ResultTable

ROLES: dict[str, Any] = {"customer": "user", "time": "at", "event": "what", "channel": "source"}
MARKUP = "<script>alert('خرید')</script>"


def make_log(**choice: Any) -> safar.EventLog:
    """Three customers: Ann buys, Bob comes back later, and Zoe (who has no channel) looks once at the very end."""
    rows = [
        ("ann", "2026-03-02 10:00:00", "view", "web"),
        ("ann", "2026-03-02 10:20:00", MARKUP, "web"),
        ("bob", "2026-03-03 10:00:00", "view", "app"),
        ("bob", "2026-03-12 11:00:00", "view", "app"),
        ("zoe", "2026-03-20 23:00:00", "view", None),
    ]
    columns = dict(zip(("user", "at", "what", "source"), map(list, zip(*rows, strict=True)), strict=True))
    return safar.EventLog(columns, **(ROLES | choice))


RESULTS = {
    "sessions": lambda log: log.sessions(),
    "funnel": lambda log: log.funnel(["view", MARKUP], within="1d"),
    "retention": lambda log: log.retention(),
    "transitions": lambda log: log.transitions(),
    "lifecycle": lambda log: log.lifecycle(),
    "stickiness": lambda log: log.stickiness(),
    "retention in full": lambda log: log.retention(
        "view", start_time="2026-03-01", clock="rolling", brackets=[(0, 0), (1, 2)], cohort="all"
    ),
    "sessions by channel": lambda log: log.sessions(by="channel"),
    "funnel by channel": lambda log: log.funnel(["view", MARKUP], by="channel"),
    "retention by channel": lambda log: log.retention(by="channel"),
    "lifecycle by channel": lambda log: log.lifecycle(by="channel"),
    "stickiness by channel": lambda log: log.stickiness(by="channel"),
    "transitions by channel": lambda log: log.transitions(by="channel", quantiles=False),
}


@pytest.fixture(params=RESULTS)
def result(request: pytest.FixtureRequest) -> Result:
    return RESULTS[request.param](make_log(timezone="Asia/Tehran"))


def test_a_result_is_the_same_table_everywhere(result: Result, tmp_path: Path) -> None:
    values = result.to_dict()
    assert len(result) == len(next(iter(values.values()))) > 0
    assert list(values) == result.columns
    assert result.to_polars().to_dict(as_series=False) == values
    arrow = pa.table(result)
    assert arrow.column_names == result.columns
    result.table.write_parquet(str(tmp_path / "result.parquet"))
    assert pq.read_table(tmp_path / "result.parquet").to_pylist() == arrow.to_pylist()
    frame = result.to_pandas()
    assert list(frame.columns) == result.columns
    for name, column in values.items():
        assert frame[name].isna().tolist() == [value is None for value in column]
        assert [value for value in frame[name].tolist() if not pd.isna(value)] == [
            pd.Timestamp(value) if type(value) is dt.date else value for value in column if value is not None
        ]


def test_a_result_replays_from_its_spec(result: Result) -> None:
    again = safar.Spec.from_json(result.spec).run(make_log(timezone="Asia/Tehran"))
    assert type(again) is type(result)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec
    assert again.definition == result.definition


def test_a_result_is_frozen(result: Result) -> None:
    with pytest.raises(FrozenInstanceError):
        result.table = Table({})  # type: ignore[misc]


def test_a_definition_says_where_the_data_end(result: Result) -> None:
    assert "2026-03-20 23:00:00 Asia/Tehran (the latest event)" in result.definition or (
        result.analysis == "funnel" and "no time limit" in result.definition
    )
    given = make_log(observed_until="2026-03-21", timezone="Asia/Tehran")
    assert "2026-03-21 00:00:00 Asia/Tehran (as given)" in given.sessions().definition


def test_definitions_are_built_from_what_was_asked() -> None:
    log = make_log()
    funnel = log.funnel(
        [safar.step("view", name="Look"), ["view", MARKUP]], within="90m", by="channel", at="last"
    )
    assert "came through Look → view or <script>" in funnel.definition
    assert "within 90 minutes of the entry (inclusive)" in funnel.definition
    assert 'Segments are the values of "channel" at the last event.' in funnel.definition
    retention = log.retention("view", period="month", calendar="jalali", same_period=True)
    for part in (
        "first view event",
        "calendar month (Jalali calendar, UTC)",
        "any event later",
        "same period",
    ):
        assert part in retention.definition
    assert "weeks from Saturday" in log.retention(calendar="jalali").definition
    assert "pause longer than 2 hours" in log.sessions("2h").definition
    assert "within 7 days of" in log.transitions(inactivity="7d").definition


def test_text_in_a_result_is_escaped_and_finds_its_own_direction(result: Result) -> None:
    page = result._repr_html_()
    assert "<script>" not in page
    assert html.escape(result.definition) in page
    if result.analysis in ("funnel", "transitions"):
        assert f'<td dir="auto" style="text-align:start">{html.escape(MARKUP)}</td>' in page


def test_a_log_shows_itself_with_its_text_escaped() -> None:
    log = make_log()
    page = log._repr_html_()
    assert "<script>" not in page
    for part in ("customers", "5 of 2 kinds", "2026-03-02 10:00", "the latest event", "view (4)", "none"):
        assert part in page
    assert repr(log) == "EventLog: 5 events of 3 customers, 2026-03-02 10:00 to 2026-03-20 23:00 UTC"


def test_numbers_are_shown_for_a_reader_and_kept_exact_in_the_data() -> None:
    columns = {
        "name": ["a", None],
        "count": np.array([1_234_567, 0]),
        "share": _table.nullable(np.array([0.12345, np.nan])),
        "wait_seconds": np.array([5_400.0, 0.25]),
        "mean": np.array([1_234.5678, 0.0]),
        "open": np.array([True, False]),
        "day": np.array(["2026-03-21", "2026-03-22"], dtype="datetime64[D]"),
        "at": (np.array([0, 1], dtype="datetime64[us]"), {"zone": "UTC"}),
    }
    shown = ResultTable(Table(columns), "What it means.", "Asia/Tehran", shares=frozenset({"share"}))
    cells, right = shown._cells()
    assert cells == [
        ["a", "1,234,567", "12.3%", "1.5 h", "1,234.57", "yes", "2026-03-21", "1970-01-01 03:30:00"],
        ["–", "0", "–", "0.25 s", "0", "no", "2026-03-22", "1970-01-01 03:30:00"],
    ]
    assert right == [False, True, True, True, True, False, False, False]
    assert shown.to_dict()["count"] == [1_234_567, 0]
    lines = repr(shown).splitlines()
    assert lines[0] == "ResultTable: 2 rows"
    assert lines[-1] == "What it means."
    assert len({line.index("%") for line in lines if "%" in line}) == 1


def test_a_long_result_shows_its_first_rows_and_says_so() -> None:
    shown = ResultTable(Table({"n": np.arange(1_000)}), "", "UTC")
    assert repr(shown).startswith("ResultTable: 1,000 rows, the first 10 shown\n")
    assert shown._repr_html_().count("<tr>") == 11
    assert len(shown.to_dict()["n"]) == 1_000


def test_the_funnel_balances_in_all_and_in_each_segment() -> None:
    log = make_log()
    whole = log.funnel(["view", MARKUP], within="1d")
    assert (whole.entered, whole.completed, whole.dropped, whole.still_open, whole.excluded) == (
        3,
        1,
        1,
        1,
        0,
    )
    assert whole.balance().to_dict() == {
        "entered": [3], "completed": [1], "dropped": [1], "still_open": [1], "excluded": [0],
    }  # fmt: skip
    apart = log.funnel(["view", MARKUP], within="1d", by="channel")
    assert apart.balance().to_polars().rows() == [
        ("app", 1, 0, 1, 0, 0),
        ("web", 1, 1, 0, 0, 0),
        (None, 1, 0, 0, 1, 0),
    ]
    assert apart.entered == whole.entered
    assert apart.to_dict()["from_previous"] == [None, 0.0, None, 1.0, None, 0.0]


def test_the_summary_of_sessions_counts_and_averages_them() -> None:
    log = make_log()
    whole = log.sessions().summary().to_dict()
    assert whole == {
        "sessions": [4],
        "customers": [3],
        "mean_events": [1.25],
        "median_events": [1.0],
        "mean_duration_seconds": [300.0],
        "median_duration_seconds": [0.0],
        "open": [1],
        "single_event_share": [0.75],
    }
    apart = log.sessions(by="channel").summary().to_dict()
    assert apart["segment"] == ["app", "web", None]
    assert apart["sessions"] == [2, 1, 1]
    assert apart["customers"] == [1, 1, 1]
    assert apart["mean_duration_seconds"] == [0.0, 1_200.0, 0.0]


def test_retention_has_means_a_matrix_and_labels() -> None:
    result = make_log().retention()
    first, second, third = dt.date(2026, 3, 2), dt.date(2026, 3, 9), dt.date(2026, 3, 16)
    assert result.to_polars().select("cohort", "period", "eligible", "returned", "complete").rows() == [
        (first, 0, 2, 2, True),
        (first, 1, 2, 1, True),
        (first, 2, 2, 0, False),
        (third, 0, 1, 1, False),
    ]
    means = result.means().to_dict()
    assert means["period"] == [0, 1]
    assert means["weighted"] == means["simple"] == [1.0, 0.5]
    assert means["cohorts"] == [1, 1]
    assert result.matrix().to_dict() == {
        "cohort": [first, third],
        "eligible": [2, 1],
        "0": [1.0, None],
        "1": [0.5, None],
        "2": [None, None],
    }
    assert "50.0%" in repr(result.matrix())
    assert second not in result.to_dict()["cohort"]
    jalali = make_log().retention(period="month", calendar="jalali")
    assert jalali.labels() == ["1404-12"] * len(jalali)
    assert jalali.to_dict()["cohort"][0] == dt.date(2026, 2, 20)


def test_means_weigh_by_customers_or_by_cohorts_and_keep_cohorts_that_nobody_returned_to() -> None:
    users = [*("a" * 2), "b", "c", "d"]
    times = ["2026-03-02", "2026-03-09", "2026-03-02", "2026-03-02", "2026-03-09"]
    log = safar.EventLog(
        {"user": users, "at": times, "what": ["x"] * 5},
        customer="user", time="at", event="what", observed_until="2026-03-23",
    )  # fmt: skip
    means = log.retention().means().to_dict()
    assert means["period"] == [0, 1, 2]
    assert means["eligible"] == [4, 4, 3]
    assert means["returned"] == [4, 1, 0]
    assert means["weighted"] == [1.0, 1 / 4, 0.0]
    assert means["simple"] == [1.0, pytest.approx((1 / 3 + 0) / 2), 0.0]
    assert means["cohorts"] == [2, 2, 1]


def test_times_of_transitions_come_from_the_histogram_within_its_error() -> None:
    draw = np.random.default_rng(7)
    gaps = np.sort(draw.lognormal(8, 2, 1_001))
    start = dt.datetime(2026, 3, 1)
    times = [moment for gap in gaps for moment in (start, start + dt.timedelta(seconds=float(gap)))]
    log = safar.EventLog(
        {"user": np.arange(len(times)) // 2, "at": times, "what": ["a", "b"] * len(gaps)},
        customer="user", time="at", event="what",
    )  # fmt: skip
    [row] = log.transitions().to_polars().filter((pl.col("from") == "a") & (pl.col("to") == "b")).to_dicts()
    assert row["median_seconds"] == pytest.approx(gaps[500], rel=0.008)
    assert row["p90_seconds"] == pytest.approx(gaps[900], rel=0.008)
    assert row["mean_seconds"] == pytest.approx(gaps.mean(), rel=1e-6)
    assert row["min_seconds"] == pytest.approx(gaps[0], abs=1e-6)
    assert row["max_seconds"] == pytest.approx(gaps[-1], abs=1e-6)
    assert (row["events"], row["customers"], row["share"]) == (1_001, 1_001, 1.0)


def test_shares_out_of_every_event_sum_to_one() -> None:
    frame = make_log().transitions().to_polars()
    assert frame.group_by("from").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0] * 3)
    virtual = frame.filter(pl.col("to").is_in(["(end)", "(open)"]) | (pl.col("from") == "(start)"))
    assert virtual.select(pl.col("^.*_seconds$").is_null().all()).row(0) == (True,) * 5


def test_rejected_rows_are_a_table_of_their_own() -> None:
    log = safar.EventLog(
        {"user": ["a", None, "c"], "at": ["2026-03-01", "2026-03-01", "soon"], "what": ["x", "x", "x"]},
        customer="user", time="at", event="what",
    )  # fmt: skip
    assert log.rejected == {"customer_missing": 1, "time_unparsable": 1}
    assert log.rejects.to_pandas()["row"].tolist() == [1, 2]
    assert log.rejects.to_dict()["value"] == [None, "soon"]
    assert "2 rows rejected" in repr(log)
    assert "customer_missing (1)" in log._repr_html_()


def test_a_spec_is_plain_json_and_reads_what_a_person_writes() -> None:
    written = {
        "analysis": "funnel",
        "steps": ["view", ["cart", "basket"], {"events": "buy", "where": "value > 0"}],
    }
    spec = safar.Spec.from_json(json.dumps(written | {"within": "1w"}))
    assert spec == safar.Funnel(
        ["view", ["cart", "basket"], safar.step("buy", where="value > 0")], within="7d"
    )
    assert json.loads(spec.to_json())["within"] == "7d"
    assert hash(spec) == hash(safar.Spec.from_json(spec.to_json()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", 'field "analysis"'),
        ("{}", 'field "analysis"'),
        ('{"analysis": "funel"}', 'did you mean "funnel".*"retention"'),
        ('{"analysis": "funnel"}', 'lacks the field "steps"'),
        ('{"analysis": "funnel", "steps": ["a"], "withn": "7d"}', 'did you mean "within".*"steps"'),
        ('{"analysis": "funnel", "steps": [{"event": "a"}]}', 'did you mean "events"'),
        ('{"analysis": "funnel", "steps": [{"where": "x"}]}', "has neither events nor match="),
        ('{"analysis": "retention", "period": "year"}', '"day", "week", "month"'),
        ('{"analysis": "retention", "week_start": 7}', "Monday"),
        ('{"analysis": "retention", "same_period": 1}', "True or False"),
        ('{"analysis": "sessions", "gap": "-30m"}', "longer than 0"),
        ('{"analysis": "transitions", "inactivity": 30}', '"30m"'),
    ],
)
def test_a_spec_with_a_fault_is_refused_with_the_way_out(text: str, message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        safar.Spec.from_json(text)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("view", "expected one such as"),
        ([], "holds 0 steps"),
        (["view"] * 65, "holds 65 steps; expected 1 to 64"),
        (["view", 3], "step 2 is 3, a int"),
        (["view", []], "step 2 is an empty list"),
        (["view", [3]], "step 2 holds 3"),
        ([""], "step 1 holds an empty name"),
        (None, "is not a list"),
    ],
)
def test_a_funnel_with_impossible_steps_is_refused(steps: Any, message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        safar.Funnel(steps)


@pytest.mark.parametrize("within", ["-1d", "0s", dt.timedelta(0)])
def test_a_window_without_length_is_refused(within: Any) -> None:
    with pytest.raises(safar.ArgumentError, match=r"within=.*longer than 0"):
        make_log().funnel(["view"], within=within)


def test_asking_the_data_directly_equals_asking_a_log() -> None:
    rows = {"user": ["a", "a", "b", "b", "c"], "at": [f"2026-03-0{day}" for day in (1, 2, 3, 4, 9)]}
    rows |= {"what": ["view", "buy", "view", "other", "other"], "source": ["web", "app", "app", "web", "web"]}
    for choice in ({}, {"by": "channel"}, {"by": "channel", "at": "first"}, {"by": "channel", "at": "last"}):
        question: Any = {"steps": ["view", "buy"], "within": "3d", **choice}
        direct = safar.funnel(rows, **question, **ROLES)
        assert direct.to_dict() == safar.EventLog(rows, **ROLES).funnel(**question).to_dict()
        assert direct.definition == safar.EventLog(rows, **ROLES).funnel(**question).definition


@pytest.mark.parametrize("steps", [["view", "byu"], ["byu"]])
def test_an_unknown_event_asked_of_the_data_directly_is_compared_with_all_events(steps: list[str]) -> None:
    rows = {"user": ["a", "a"], "at": ["2026-03-01", "2026-03-02"], "what": ["view", "buy"]}
    with pytest.raises(safar.UnknownEventError, match=r'did you mean "buy"\? \(2 events'):
        safar.funnel(rows, steps, customer="user", time="at", event="what")
