"""Trends and comparisons of KPIs against scipy, formulas written out and planted truths."""

from __future__ import annotations

import datetime as dt
import math
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

import kpi_tables as tables
import safar
from safar._intervals import newcombe
from safar.errors import ArgumentError, ArgumentTypeError, DataError
from safar.monitoring import compare_kpis, trend
from safar.monitoring.trending import mann_kendall, theil_sen


def rows_of(result: safar.ResultTable) -> list[dict[str, Any]]:
    columns = result.to_dict()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def ratio(values: list[float], **columns: Any) -> pl.DataFrame:
    count = len(values)
    given = {
        "date": tables.days(count),
        "kpi": ["cost"] * count,
        "numerator": values,
        "denominator": [1.0] * count,
    }
    return pl.DataFrame(given | {name: [value] * count for name, value in columns.items()})


# ------------------------------------------------------------------------------------------------------------- trends


@pytest.mark.parametrize("seed", range(5))
def test_the_test_is_that_of_its_formula(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.round(random.normal(0, 2, 30) + 0.05 * np.arange(30) * seed)
    times = np.arange(30.0)
    total = sum(int(np.sign(values[b] - values[a])) for a, b in combinations(range(30), 2))
    ties = [int((values == value).sum()) for value in set(values.tolist())]
    variance = (30 * 29 * 65 - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    far = (abs(total) - 1) / math.sqrt(variance) if total else 0.0
    tau, deviation, p = mann_kendall(times, values, autocorrelation="none")
    assert deviation == pytest.approx(math.sqrt(variance))
    assert p == pytest.approx(2 * stats.norm.sf(far))
    assert tau == pytest.approx(stats.kendalltau(times, values).statistic)
    slope, low, high = theil_sen(times, values, deviation)
    expected = stats.theilslopes(values, times, alpha=0.95)
    assert slope == pytest.approx(expected.slope)
    assert (low, high) == pytest.approx((expected.low_slope, expected.high_slope), abs=0.02)


def test_autocorrelation_is_allowed_for_as_hamed_and_rao_do() -> None:
    random = np.random.default_rng(3)
    values = np.zeros(60)
    for at in range(1, 60):
        values[at] = 0.7 * values[at - 1] + random.normal()
    times = np.arange(60.0)
    slope = float(np.median([(values[b] - values[a]) / (b - a) for a, b in combinations(range(60), 2)]))
    ranks = stats.rankdata(values - slope * times)
    apart = ranks - ranks.mean()
    more = 0.0
    for lag in range(1, 60):
        r = sum(apart[i] * apart[i + lag] for i in range(60 - lag)) / (apart**2).sum()
        if r > stats.norm.ppf(0.975) / math.sqrt(60):
            more += (60 - lag) * (60 - lag - 1) * (60 - lag - 2) * r
    inflation = 1 + 2 / (60 * 59 * 58) * more
    assert inflation > 1.5
    _, plain, _ = mann_kendall(times, values, autocorrelation="none")
    _, wider, _ = mann_kendall(times, values)
    assert wider**2 / plain**2 == pytest.approx(inflation)


def test_autocorrelated_noise_has_a_trend_far_less_often() -> None:
    found = {"hamed_rao": 0, "none": 0}
    for seed in range(200):
        random = np.random.default_rng(seed)
        values = np.zeros(100)
        for at in range(1, 100):
            values[at] = 0.5 * values[at - 1] + random.normal()
        for way in found:
            found[way] += mann_kendall(np.arange(100.0), values, autocorrelation=way)[2] < 0.05  # type: ignore[arg-type]
    assert found["none"] > 45
    # 5 %, and what remains because autocorrelations are estimated: 15 % at most.
    assert found["hamed_rao"] <= 30


def test_a_planted_trend_is_found_with_its_slope_and_its_meaning() -> None:
    random = np.random.default_rng(6)
    values = (50 + 0.3 * np.arange(60) + random.normal(0, 2, 60)).tolist()
    (row,) = rows_of(trend(ratio(values, direction="down")))
    assert (row["trend"], row["effect"], row["periods"]) == ("rising", "bad", 60)
    assert row["slope_low"] < 0.3 < row["slope_high"]
    assert row["slope"] == pytest.approx(stats.theilslopes(values).slope)
    assert (row["value"], row["previous"]) == (values[-1], values[-8])
    assert row["change"] == pytest.approx(values[-1] - values[-8])
    assert row["change_low"] is None
    flat = ratio(random.normal(50, 2, 60).tolist())
    assert rows_of(trend(flat))[0]["trend"] == "none"


def test_the_change_of_a_share_has_newcombes_interval() -> None:
    table = tables.share_rows("conversion", [*[48.0] * 9, 56.0], [*[80.0] * 9, 70.0])
    (row,) = rows_of(trend(table))
    assert (row["change"], row["change_low"], row["change_high"]) == pytest.approx(
        (0.2, 0.0524, 0.3339), abs=1e-4
    )
    assert row["change_p_value"] == pytest.approx(
        stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue, rel=1e-6
    )
    (month,) = rows_of(trend(table, against=20))
    assert month["previous"] is None
    assert month["change"] is None


def test_incomplete_periods_are_left_out_and_few_have_no_trend() -> None:
    table = ratio([1.0, 2, 3, 4, 5, 6, 7, 100]).with_columns(complete=pl.col("numerator") < 50)
    (row,) = rows_of(trend(table))
    assert (row["periods"], row["value"], row["trend"], row["slope"], row["p_value"]) == (
        7,
        7.0,
        None,
        None,
        None,
    )
    with pytest.raises(DataError, match="no KPI has a value in a period that was fully observed"):
        trend(table.with_columns(complete=pl.lit(False)))


def test_p_values_of_a_list_are_adjusted() -> None:
    random = np.random.default_rng(1)
    frames = [ratio(random.normal(size=40).tolist(), channel=f"channel {number}") for number in range(10)]
    rows = rows_of(trend(pl.concat(frames)))
    expected = stats.false_discovery_control([row["p_value"] for row in rows])
    assert [row["p_adjusted"] for row in rows] == pytest.approx(expected)


def test_arguments_of_a_trend_are_checked() -> None:
    table = ratio([1.0, 2, 3, 4])
    with pytest.raises(ArgumentError, match="against=0 is out of range"):
        trend(table, against=0)
    with pytest.raises(ArgumentTypeError, match=r"against=1\.5 is a float"):
        trend(table, against=1.5)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"autocorrelation='hamed' .* did you mean \"hamed_rao\""):
        trend(table, autocorrelation="hamed")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="leave no period of 2025-03-23 to 2025-03-26"):
        trend(table, start="2026-01-01")
    with pytest.raises(DataError, match=r"2,501 periods, .* give start="):
        trend(ratio([1.0] * 2_501))


# -------------------------------------------------------------------------------------------------------- comparisons


def channels(
    form: str, parts: dict[str | None, tuple[list[float], list[float] | None]], **columns: Any
) -> pl.DataFrame:
    frames = []
    for name, (tops, downs) in parts.items():
        count = len(tops)
        given: dict[str, Any] = {
            "date": tables.days(count),
            "kpi": [form] * count,
            "form": [form] * count,
            "channel": [name] * count,
            "numerator": tops,
            "denominator": downs or [None] * count,
        }
        schema = {"channel": pl.String, "numerator": pl.Float64, "denominator": pl.Float64}
        frames.append(pl.DataFrame(given, schema_overrides=schema))
    return pl.concat(frames)


def test_shares_are_compared_by_newcombe_and_holm() -> None:
    table = channels(
        "share", {"app": ([28, 28], [35, 35]), "store": ([1, 4], [50, 50]), "web": ([24, 24], [40, 40])}
    )
    result = compare_kpis(table, by="channel", baseline="web")
    rows = rows_of(result)
    assert [row["channel"] for row in rows] == ["app", "store"]
    low, high = newcombe(np.array([56, 5]), np.array([70, 100]), np.array([48, 48]), np.array([80, 80]))
    assert [row["difference_low"] for row in rows] == pytest.approx(low)
    assert [row["difference_high"] for row in rows] == pytest.approx(high)
    p = [
        stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue,
        stats.chi2_contingency([[5, 95], [48, 32]], correction=False).pvalue,
    ]
    assert [row["p_value"] for row in rows] == pytest.approx(p)
    assert [row["p_adjusted"] for row in rows] == pytest.approx([max(p), 2 * min(p)])
    assert rows_of(compare_kpis(table, by="channel"))[0]["baseline"] == 0.05  # the store has most
    assert result.by == "channel"


def test_rates_and_counts_are_compared_exactly() -> None:
    table = channels("rate", {"app": ([15, 5], [200, 100]), "web": ([30, 30], [250, 250])})
    (row,) = rows_of(compare_kpis(table, by="channel", baseline="web"))
    assert row["difference"] == pytest.approx(20 / 300 - 60 / 500)
    assert row["p_value"] == pytest.approx(stats.binomtest(20, 80, 300 / 800).pvalue)
    low1, high1 = stats.chi2.ppf(0.025, 40) / 2 / 300, stats.chi2.ppf(0.975, 42) / 2 / 300
    low2, high2 = stats.chi2.ppf(0.025, 120) / 2 / 500, stats.chi2.ppf(0.975, 122) / 2 / 500
    assert (row["low"], row["high"]) == pytest.approx((low1, high1))
    apart = 20 / 300 - 60 / 500
    assert row["difference_low"] == pytest.approx(apart - math.hypot(20 / 300 - low1, high2 - 60 / 500))
    assert row["difference_high"] == pytest.approx(apart + math.hypot(high1 - 20 / 300, 60 / 500 - low2))
    (row,) = rows_of(
        compare_kpis(channels("total", {"app": ([20, 22], None), "web": ([30, 30], None)}), by="channel")
    )
    assert (row["channel"], row["difference"]) == ("app", -18)
    assert row["p_value"] == pytest.approx(stats.binomtest(42, 102, 0.5).pvalue)


def test_means_are_compared_as_welch_does() -> None:
    random = np.random.default_rng(2)
    ours, theirs = random.normal(4, 1, 40), random.normal(3.5, 2, 25)
    frames = []
    for name, sample in (("app", ours), ("web", theirs)):
        halves = np.array_split(sample, 2)
        sums = [[float(f(half)) for half in halves] for f in (np.sum, len, lambda half: (half**2).sum())]
        frames.append(channels("mean", {name: (sums[0], sums[1])}).with_columns(squares=pl.Series(sums[2])))
    (row,) = rows_of(compare_kpis(pl.concat(frames), by="channel", baseline="web"))
    expected = stats.ttest_ind(ours, theirs, equal_var=False)
    assert row["p_value"] == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((interval.low, interval.high))


def test_scores_are_compared_as_those_of_surveys_are() -> None:
    surveys = {
        "score": [10] * 30 + [8] * 10 + [2] * 10 + [9] * 20 + [0] * 25,
        "channel": ["app"] * 50 + ["web"] * 45,
    }
    expected = safar.nps(surveys, by="channel").compare(baseline="web").to_dict()
    table = channels("nps", {"app": ([20.0, 0], [40.0, 10.0]), "web": ([-5.0, 0], [45.0, 0.0])})
    table = table.with_columns(squares=pl.Series([40.0, 0, 45.0, 0]), scale=pl.lit(100.0))
    (row,) = rows_of(compare_kpis(table, by="channel", baseline="web"))
    for name in ("difference", "difference_low", "difference_high", "p_value"):
        assert row[name] == pytest.approx(expected[name][0])


def test_what_has_no_interval_is_compared_without_one() -> None:
    table = channels("ratio", {"app": ([500.0, 700], [10.0, 10]), "web": ([900.0, 900], [10.0, 10])})
    (row,) = rows_of(compare_kpis(table, by="channel", baseline="web"))
    assert row["difference"] == -30
    assert [row[name] for name in ("low", "difference_low", "p_value", "p_adjusted")] == [None] * 4


def test_only_one_column_differs_between_those_compared() -> None:
    table = pl.concat(
        [
            channels("share", {"app": ([5.0, 6], [10.0, 10]), "web": ([7.0, 8], [10.0, 10])}).with_columns(
                device=pl.lit(device, dtype=pl.String)
            )
            for device in (None, "mobile")
        ]
    )
    assert len(compare_kpis(table, by="channel")) == 1
    only = table.filter(pl.col("device") == "mobile")
    (row,) = rows_of(compare_kpis(only, by="channel"))
    assert row["device"] == "mobile"


def test_periods_are_chosen_and_what_cannot_be_compared_is_refused() -> None:
    table = channels("share", {"app": ([28, 1], [35, 35]), "web": ([24, 24], [40, 40])})
    (row,) = rows_of(
        compare_kpis(table, by="channel", baseline="web", end=tables.FIRST + dt.timedelta(days=1))
    )
    assert row["value"] == 28 / 35
    with pytest.raises(ArgumentError, match=r"by='chanel' is not in the table; did you mean \"channel\""):
        compare_kpis(table, by="chanel")
    with pytest.raises(ArgumentError, match=r"baseline='wep' is not in the table; did you mean \"web\""):
        compare_kpis(table, by="channel", baseline="wep")
    with pytest.raises(ArgumentError, match=r"correction='fdr' is not a choice"):
        compare_kpis(table, by="channel", correction="fdr")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="there is no KPI with another slice"):
        compare_kpis(table.filter(pl.col("channel") == "app"), by="channel")
