"""Alerts: truths that are planted are found, years without any are quiet, and what is not judged is listed."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

import kpi_tables as tables
import safar
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError
from safar.monitoring import AlertResult, alerts
from safar.monitoring.judging import benjamini_hochberg, exact_tail
from safar.monitoring.season import robust_z

SEASONS_OF_THE_SHOP = {
    dt.date.fromisoformat(first) + dt.timedelta(days=day): name
    for name, first, days in (
        ("ashura", "2025-07-05", 2),
        ("school", "2025-09-06", 22),
        ("black friday", "2025-11-19", 10),
        ("yalda", "2025-12-16", 6),
        ("nowruz", "2026-02-19", 43),
    )
    for day in range(days)
}


def rows_of(result: safar.ResultTable) -> list[dict[str, Any]]:
    columns = result.to_dict()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def steady(count: int = 90, *, size: int = 400, share: float = 0.4, seed: int = 1) -> list[float]:
    return np.random.default_rng(seed).binomial(size, share, count).astype(float).tolist()


# ------------------------------------------------------------------------------------------------------- false alarms


@pytest.mark.parametrize("budget", [12.0, 120.0])
def test_a_year_in_which_nothing_happens_stays_within_the_budget(budget: float) -> None:
    # One judged year: 28 days of history, then 365. Flagged tests are what the budget bounds; alerts are fewer.
    runs, flagged, raised = 3, 0, 0
    for seed in range(runs):
        result = alerts(
            tables.clean_shops(seed, count=393, shops=3), budget=budget, holidays=tables.SEASON, history=28
        )
        flagged += int(result._found.flagged.sum())
        raised += len(result)
        assert len(result) <= result._found.flagged.sum()
    # The mean of a Poisson count with the budget as its mean, and three standard deviations.
    assert flagged <= runs * budget + 3 * (runs * budget) ** 0.5
    assert raised <= flagged


def test_p_values_of_a_quiet_year_are_no_smaller_than_chance_makes_them() -> None:
    found = alerts(tables.clean_shops(99, count=393, shops=8), holidays=tables.SEASON)._found
    for p in found.p:
        known = p[np.isfinite(p)]
        for level in (0.1, 0.01, 0.001):
            if not len(known):
                continue
            # Tests of one series are nearly independent, so the share below a level has about this error.
            assert (known < level).mean() <= level + 4 * (level / max(len(known), 1)) ** 0.5


def test_flagged_is_what_is_below_its_part_of_the_budget() -> None:
    result = alerts(tables.clean_shops(5, count=120, shops=3), budget=50, rules=("chart", "season"))
    found = result._found
    limit = 50 / 365.2425 / np.maximum(found.tests, 1)
    expected = np.nan_to_num(found.p, nan=1.0) <= limit
    assert (found.flagged == expected).all()
    assert (found.tests == np.isfinite(found.p).sum(axis=(0, 1))).all()


def test_a_growing_overdispersed_shop_is_quiet_as_well() -> None:
    random = np.random.default_rng(8)
    level = 300 * np.exp(np.arange(393) * 0.001 + np.cumsum(random.normal(0, 0.01, 393)))
    counts = random.poisson(level * np.exp(random.normal(0, 0.1, 393))).astype(float)
    table = {"date": tables.days(393), "kpi": ["orders"] * 393, "form": ["total"] * 393, "numerator": counts}
    assert len(alerts(table | {"denominator": [None] * 393}, rules=("chart", "season"))) <= 12


# ---------------------------------------------------------------------------------------------------- planted truths


@pytest.fixture(scope="module")
def shop() -> pl.DataFrame:
    return tables.shop_table(safar.datasets.shop(10_000, seed=7))


@pytest.fixture(scope="module")
def of_shop(shop: pl.DataFrame) -> AlertResult:
    return alerts(shop)


def test_the_broken_mobile_checkout_is_found_with_its_dates_and_its_slice(of_shop: AlertResult) -> None:
    found = [row for row in rows_of(of_shop) if row["kpi"] == "conversion"]
    assert [row["device"] for row in found] == [None, "mobile"]
    for row in found:
        # From the first broken day to the last, give or take one.
        assert abs((row["start"].date() - dt.date(2025, 10, 12)).days) <= 1
        assert abs((row["end"].date() - dt.date(2025, 10, 24)).days) <= 1
        assert (row["side"], row["effect"], row["severity"]) == ("below", "bad", "high")
        assert row["observed"] < row["expected_low"] < row["expected"] < row["expected_high"]
    mobile = found[1]
    assert mobile["observed"] == pytest.approx(0.34, abs=0.05)
    assert mobile["expected"] == pytest.approx(0.79, abs=0.06)


def test_a_year_of_the_shop_without_incidents_stays_within_the_budget() -> None:
    flagged, runs = 0, 3
    for seed in range(runs):
        data = safar.datasets.shop(10_000, seed=seed, incidents=False)
        shares = tables.shop_table(data).filter(pl.col("kpi") == "conversion")
        found = alerts(shares, budget=12)
        flagged += int(found._found.flagged.sum())
        first, last = dt.date(2025, 10, 12), dt.date(2025, 10, 24)
        assert not any(row["start"].date() < last and row["end"].date() > first for row in rows_of(found))
    # As above: the mean of a Poisson count, and three standard deviations.
    assert flagged <= 12 * runs + 3 * (12 * runs) ** 0.5


def test_the_slice_that_broke_makes_up_the_fall(of_shop: AlertResult) -> None:
    parts = [row for row in rows_of(of_shop.contributions()) if row["by"] == "device"]
    assert {row["slice"] for row in parts} == {"desktop", "mobile"}
    mobile = next(row for row in parts if row["slice"] == "mobile")
    assert mobile["share"] > 0.85
    whole = rows_of(of_shop)[mobile["alert"]]
    total = sum(row["deviation"] for row in parts if row["alert"] == mobile["alert"])
    assert total == pytest.approx(whole["observed"] - whole["expected"], abs=1e-12)
    text = next(text for text in of_shop.sentences() if text.startswith("Conversion fell"))
    assert "from 12 to 23 October 2025" in text
    assert text.endswith("of the fall is in mobile.")


def test_nowruz_alarms_unless_its_season_is_known(shop: pl.DataFrame, of_shop: AlertResult) -> None:
    def in_nowruz(result: AlertResult) -> list[dict[str, Any]]:
        first, last = dt.date(2026, 2, 20), dt.date(2026, 4, 2)
        return [
            row
            for row in rows_of(result)
            if row["kpi"] == "orders" and row["start"].date() <= last and row["end"].date() > first
        ]

    (peak,) = in_nowruz(of_shop)
    assert peak["side"] == "above"
    assert peak["effect"] == "good"
    assert peak["observed"] > 1.8 * peak["expected"]
    known = alerts(shop, holidays=SEASONS_OF_THE_SHOP)
    assert not in_nowruz(known)
    listed = [row for row in rows_of(known.not_judged) if row["reason"] == "new_holiday"]
    assert any(row["start"].date() == dt.date(2026, 2, 19) and row["periods"] == 43 for row in listed)


def test_a_season_that_was_seen_is_expected_and_its_absence_is_found() -> None:
    quiet = tables.clean_shops(3, count=470, shops=1, first=dt.date(2025, 1, 1))
    result = alerts(quiet, holidays=tables.SEASON)
    second = [row for row in rows_of(result.periods()) if row["date"].date() == dt.date(2026, 3, 10)]
    assert all(row["reason"] is None for row in second)
    visits = next(row for row in second if row["kpi"] == "visits")
    before = next(
        row
        for row in rows_of(result.periods())
        if row["date"].date() == dt.date(2026, 2, 17) and row["kpi"] == "visits"
    )
    # The run-up is 2.2 times a usual day; the day is another weekday.
    assert visits["expected"] / before["expected"] == pytest.approx(2.2, rel=0.25)
    lost = (
        (pl.col("date") >= dt.date(2026, 2, 20))
        & (pl.col("date") < dt.date(2026, 3, 20))
        & (pl.col("kpi") == "visits")
    )
    halved = quiet.with_columns(
        pl.when(lost).then((pl.col("numerator") / 2.2).round()).otherwise("numerator").alias("numerator")
    )
    found = [row for row in rows_of(alerts(halved, holidays=tables.SEASON)) if row["kpi"] == "visits"]
    assert any(row["side"] == "below" and row["start"].date() >= dt.date(2026, 2, 19) for row in found)


def test_a_small_lasting_shift_is_found_by_the_drift_more_often_than_by_the_chart() -> None:
    # From day 70 on each day is one and a half standard deviations lower: no single one is out of the ordinary.
    random, frames = np.random.default_rng(4), []
    shares = np.where(np.arange(110) < 70, 0.4, 0.4 - 1.5 * (0.24 / 400) ** 0.5)
    for number in range(24):
        counts = random.binomial(400, shares).tolist()
        frames.append(tables.share_rows(f"conversion {number:02}", counts, [400.0] * 110))
    found = {}
    for rule in ("chart", "drift"):
        rows = [
            row
            for row in rows_of(alerts(pl.concat(frames), rules=[rule], budget=12))
            if row["side"] == "below"
        ]
        since = tables.FIRST + dt.timedelta(days=63)
        found[rule] = {row["kpi"] for row in rows if row["start"].date() >= since}
    assert len(found["drift"]) >= 12 > 2 * len(found["chart"])


def test_a_change_that_stays_becomes_the_new_normal() -> None:
    table = tables.share_rows("conversion", [*steady(60), *steady(120, share=0.2, seed=2)], [400.0] * 180)
    result = alerts(table)
    (row,) = rows_of(result)
    start = tables.FIRST + dt.timedelta(days=60)
    assert row["start"].date() == start
    assert 28 <= (row["end"].date() - start).days <= 30
    last = rows_of(result.periods())[-1]
    assert last["expected"] == pytest.approx(0.2, abs=0.02)


def test_limits_come_from_the_past_only() -> None:
    table = tables.clean_shops(12, count=150, shops=2)
    early = table.filter(pl.col("date") < tables.FIRST + dt.timedelta(days=100))
    names = ["kpi", "shop", "date", "expected", "expected_low", "chart", "drift", "season", "alarm"]
    whole = alerts(table).periods().to_polars().select(names)
    part = alerts(early).periods().to_polars().select(names)
    both = part.join(whole, on=["kpi", "shop", "date"], how="left", suffix="_later")
    for name in names[3:]:
        one, two = both[name].to_numpy(), both[f"{name}_later"].to_numpy()
        assert np.array_equal(one, two, equal_nan=name != "alarm"), name


def test_the_table_of_a_log_is_read_with_its_names_and_its_slices() -> None:
    log = safar.datasets.shop(10_000, seed=7).log()
    kpis = log.kpis(kpis=["cart_abandonment", "nps"], period="day", by="device")
    found = safar.alerts(kpis)
    rows = [row for row in rows_of(found) if row["kpi"] == "cart_abandonment" and row["device"] == "mobile"]
    (row,) = [row for row in rows if row["start"].date() <= dt.date(2025, 10, 20) < row["end"].date()]
    assert (row["side"], row["effect"], row["stage"]) == ("above", "bad", "purchase")
    at = rows_of(found).index(row)
    assert found.sentences()[at].startswith("Cart abandonment (mobile) rose to ")
    assert " (mobile) از " in found.sentences("fa")[at]
    assert "cart_abandonment" not in found.sentences("fa")[at]


# ------------------------------------------------------------------------------------------------------------- rules


def test_the_whole_interval_must_miss_the_target() -> None:
    def raised(target: float, **columns: Any) -> list[dict[str, Any]]:
        table = tables.share_rows("conversion", steady(), [400.0] * 90, target=target, **columns)
        return [row for row in rows_of(alerts(table)) if row["rule"] == "target"]

    assert not raised(0.41)
    (row,) = raised(0.60)
    assert (row["start"].date(), row["alarms"], row["effect"]) == (tables.FIRST, 90, "bad")
    assert row["expected"] == pytest.approx(0.6)
    assert row["expected_low"] is None
    assert row["observed"] == pytest.approx(sum(steady()) / (400 * 90))
    low, high = stats.binomtest(int(sum(steady())), 400 * 90).proportion_ci(method="wilson")
    assert (row["observed_low"], row["observed_high"]) == pytest.approx((low, high))


def test_noise_around_a_target_breaches_it_no_more_than_the_budget_allows() -> None:
    frames = [
        tables.share_rows(f"kpi {seed}", steady(393, seed=seed), [400.0] * 393, target=0.4)
        for seed in range(12)
    ]
    flagged = alerts(pl.concat(frames), budget=12)._found.flagged[3].sum()
    assert flagged <= 12


def test_a_target_without_an_interval_or_a_direction_is_listed() -> None:
    table = tables.share_rows("cost per lead", steady(), [400.0] * 90, target=1.0).with_columns(
        form=pl.lit("ratio")
    )
    listed = rows_of(alerts(table).not_judged)
    assert {"no_interval", "short_history"} == {row["reason"] for row in listed}
    neutral = tables.share_rows("share of app", steady(), [400.0] * 90, target=0.5).with_columns(
        direction=pl.lit("none")
    )
    result = alerts(neutral)
    assert "no_direction" in {row["reason"] for row in rows_of(result.not_judged)}
    assert not len(result)


@pytest.mark.parametrize(
    ("direction", "effect", "severity"),
    [("up", "bad", "high"), ("down", "good", "low"), ("none", "neutral", "medium")],
)
def test_severity_is_by_size_and_direction(direction: str, effect: str, severity: str) -> None:
    counts = [*steady(60), 60.0]
    table = tables.share_rows("conversion", counts, [400.0] * 61).with_columns(direction=pl.lit(direction))
    (row,) = rows_of(alerts(table))
    assert (row["effect"], row["severity"]) == (effect, severity)
    assert (row["expected"] - row["observed"]) / (row["expected"] - row["expected_low"]) >= 2
    near = tables.share_rows("conversion", [*steady(60), 124.0], [400.0] * 61).with_columns(
        direction=pl.lit(direction)
    )
    (row,) = rows_of(alerts(near))
    assert row["severity"] == {"up": "medium", "down": "low", "none": "low"}[direction]


def test_persistence_waits_for_m_of_n() -> None:
    once = tables.share_rows("conversion", [*steady(60), 60.0, *steady(5, seed=9)], [400.0] * 66)
    assert len(alerts(once)) == 1
    assert len(alerts(once, persistence=(2, 3))) == 0
    counts = [*steady(60), 60.0, 155.0, 60.0, *steady(5, seed=9)]
    twice = tables.share_rows("conversion", counts, [400.0] * 68)
    (row,) = rows_of(alerts(twice, persistence=(2, 3)))
    assert (row["start"].date(), row["alarms"]) == (tables.FIRST + dt.timedelta(days=60), 2)
    assert len(alerts(twice, persistence=(3, 3))) == 0


def test_alarms_with_few_periods_between_them_are_one_alert() -> None:
    counts = [*steady(60), 60.0, 160.0, 160.0, 160.0, 160.0, 60.0]
    table = tables.share_rows("conversion", counts, [400.0] * 66)
    assert len(alerts(table, rules=["chart"], quiet=2)) == 2
    assert len(alerts(table, rules=["chart"], quiet=4)) == 1


def test_q_values_are_those_of_scipy() -> None:
    p = np.random.default_rng(2).uniform(size=50) ** 3
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_the_robust_z_is_that_of_its_formula() -> None:
    past = np.random.default_rng(5).normal(3, 2, (2, 41))
    z = robust_z(np.array([9.0, -1.0]), past, np.ones(past.shape, dtype=bool))
    mad = stats.median_abs_deviation(past, axis=1)
    assert z == pytest.approx(0.6745 * (np.array([9.0, -1.0]) - np.median(past, axis=1)) / mad, rel=1e-12)
    mostly = np.array([[1.0] * 9 + [2.0], [1.0] * 10])
    found = robust_z(np.array([3.0, 3.0]), mostly, np.ones(mostly.shape, dtype=bool))
    assert found[0] == pytest.approx(2 / (1.253314 * 0.1))
    assert np.isnan(found[1])


def test_exact_tails_are_those_of_the_mixture() -> None:
    # An error of nothing leaves the binomial and the Poisson distribution.
    binomial = exact_tail(
        np.array([True]), np.array([1.0]), np.array([30.0]), np.array([-1.0]), np.array([0.0])
    )
    share = 1 / (1 + np.exp(1.0))
    assert binomial == pytest.approx(min(1, 2 * stats.binom.cdf(1, 30, share)))
    poisson = exact_tail(
        np.array([False]), np.array([9.0]), np.array([2.0]), np.array([0.3]), np.array([0.0])
    )
    assert poisson == pytest.approx(2 * stats.poisson.sf(8, 2 * np.exp(0.3)))
    # With one, the mean over it, here by a fine sum.
    mixed = exact_tail(np.array([False]), np.array([9.0]), np.array([2.0]), np.array([0.3]), np.array([0.09]))
    grid = np.linspace(-6, 6, 4001)
    weights = stats.norm.pdf(grid) / stats.norm.pdf(grid).sum()
    assert mixed == pytest.approx(
        2 * (weights * stats.poisson.sf(8, 2 * np.exp(0.3 + 0.3 * grid))).sum(), rel=1e-3
    )


# --------------------------------------------------------------------------------------------------------------- gate


def test_what_is_not_judged_is_listed_with_its_reason() -> None:
    counts, sizes = steady(70), [400.0] * 70
    counts[40], sizes[40] = 9.0, 20.0
    counts[45], sizes[45] = 0.0, 0.0
    table = tables.share_rows("conversion", counts, sizes).with_columns(complete=pl.lit(True))
    table = table.with_columns(
        complete=pl.col("date") < tables.FIRST + dt.timedelta(days=69),
    ).filter(pl.col("date") != tables.FIRST + dt.timedelta(days=50))
    result = alerts(table, holidays={tables.FIRST + dt.timedelta(days=55): "feast"})
    assert not len(result)
    listed = [
        (row["reason"], (row["start"].date() - tables.FIRST).days, row["periods"])
        for row in rows_of(result.not_judged)
    ]
    assert listed == [
        ("short_history", 0, 28),
        ("no_volume", 40, 1),
        ("undefined", 45, 1),
        ("missing", 50, 1),
        ("new_holiday", 55, 1),
        ("incomplete", 69, 1),
    ]
    judged = [row for row in rows_of(result.periods()) if row["reason"] is None]
    assert len(judged) + sum(periods for reason, _, periods in listed if reason != "missing") == len(table)


def test_a_weekday_on_which_nothing_ever_happens_is_no_alarm() -> None:
    random = np.random.default_rng(6)
    calls = [0.0 if day.weekday() == 4 else float(random.poisson(60)) for day in tables.days(90)]
    calls[74] = 0.0
    table = {"date": tables.days(90), "kpi": ["calls"] * 90, "form": ["total"] * 90, "numerator": calls}
    result = alerts(table | {"denominator": [None] * 90})
    assert not len(result)
    reasons = {(row["reason"], row["start"].date().weekday()) for row in rows_of(result.not_judged)}
    assert ("closed", 4) in reasons
    assert ("no_volume", tables.days(90)[74].weekday()) in reasons


def test_a_past_that_never_varied_weighs_nothing() -> None:
    table = {
        "date": tables.days(60),
        "kpi": ["cost"] * 60,
        "numerator": [5.0] * 59 + [6.0],
        "denominator": [1.0] * 60,
    }
    with pytest.raises(DataError, match=r"none of the 60 periods can be judged .* no_variation 32"):
        alerts(table)


# -------------------------------------------------------------------------------------------------------------- slices


def test_parts_of_a_ratio_add_up_to_its_deviation_exactly() -> None:
    random = np.random.default_rng(14)
    names = ["app", "web", "store"]
    tops, downs = {name: [] for name in names}, {name: [] for name in names}
    for day in range(80):
        for name, usual, share in zip(names, (300, 200, 100), (0.5, 0.3, 0.1), strict=True):
            late = day >= 70
            size = random.poisson(usual * (2 if late and name == "store" else 1))
            downs[name].append(float(size))
            tops[name].append(float(random.binomial(size, share * (0.5 if late and name == "app" else 1))))
    frames = [tables.share_rows("conversion", tops[name], downs[name], channel=name) for name in names]
    whole = [[sum(values) for values in zip(*side.values(), strict=True)] for side in (tops, downs)]
    frames.append(tables.share_rows("conversion", *whole).with_columns(channel=pl.lit(None, dtype=pl.String)))
    result = alerts(pl.concat(frames), budget=1)
    at = next(at for at, row in enumerate(rows_of(result)) if row["channel"] is None)
    row = rows_of(result)[at]
    parts = [part for part in rows_of(result.contributions()) if part["alert"] == at]
    assert [part["slice"] for part in parts] == sorted(names)
    assert sum(part["deviation"] for part in parts) == pytest.approx(
        row["observed"] - row["expected"], abs=1e-12
    )
    assert sum(part["share"] for part in parts) == pytest.approx(1)
    for part in parts:
        assert part["rate"] + part["mix"] == pytest.approx(part["deviation"], abs=1e-15)
    rates = {part["slice"]: part["rate"] for part in parts}
    mixes = {part["slice"]: part["mix"] for part in parts}
    assert rates["app"] < -10 * max(abs(rates["web"]), abs(rates["store"]))
    assert mixes["store"] < 0  # more of what converts least
    # The observed values are those of the days of the alert, by whole numbers.
    days = slice((row["start"].date() - tables.FIRST).days, (row["end"].date() - tables.FIRST).days)
    for part in parts:
        exact = Fraction(int(sum(tops[part["slice"]][days])), int(sum(downs[part["slice"]][days])))
        assert part["observed"] == pytest.approx(float(exact))


def test_parts_of_a_total_add_up_and_slices_that_do_not_are_left_out() -> None:
    random = np.random.default_rng(15)
    app = [float(random.poisson(200 if day < 70 else 100)) for day in range(75)]
    web = [float(random.poisson(100)) for day in range(75)]
    base = {
        "date": tables.days(75),
        "kpi": ["orders"] * 75,
        "form": ["total"] * 75,
        "denominator": [None] * 75,
    }
    schema = {"numerator": pl.Float64, "denominator": pl.Float64, "channel": pl.String}

    def table(whole: list[float]) -> pl.DataFrame:
        parts = [("app", app), ("web", web), (None, whole)]
        return pl.concat(
            [
                pl.DataFrame(base | {"numerator": counts, "channel": [name] * 75}, schema_overrides=schema)
                for name, counts in parts
            ]
        )

    result = alerts(table([a + b for a, b in zip(app, web, strict=True)]))
    at = next(at for at, row in enumerate(rows_of(result)) if row["channel"] is None)
    row, parts = (
        rows_of(result)[at],
        [part for part in rows_of(result.contributions()) if part["alert"] == at],
    )
    assert sum(part["deviation"] for part in parts) == pytest.approx(
        row["observed"] - row["expected"], abs=1e-9
    )
    assert parts[0]["share"] > 0.8
    assert len(alerts(table([a + b + 7 for a, b in zip(app, web, strict=True)])).contributions()) == 0


# ----------------------------------------------------------------------------------------------------------- the words


def test_sentences_are_in_both_languages() -> None:
    counts = [*steady(60), *[60.0] * 3, *steady(10, seed=3)]
    table = tables.share_rows(
        "conversion", counts, [400.0] * 73, first=dt.date(2026, 1, 20), device="mobile", target=0.7
    )
    result = alerts(table.with_columns(target=pl.when(pl.col("numerator") == 60).then(0.3)))
    change, target = result.sentences()
    assert change.startswith("Conversion (mobile) fell to 15 % (expected ")
    assert change.endswith(" from 21 to 23 March 2026.")
    assert target == "Conversion (mobile) was below its target of 30 %, at 15 %, from 21 to 23 March 2026."
    change, target = result.sentences("fa", names={"conversion": "نرخ تبدیل", "mobile": "موبایل"})
    assert change.startswith("نرخ تبدیل (موبایل) از ۱ تا ۳ فروردین ۱۴۰۵ به ۱۵٪ کاهش یافت (مورد انتظار: ")
    assert target == "نرخ تبدیل (موبایل) از ۱ تا ۳ فروردین ۱۴۰۵ ۱۵٪ بود، پایین‌تر از هدف ۳۰٪."
    assert not any(character in "0123456789" for character in change + target)
    with pytest.raises(ArgumentError, match="language='de' is not a choice"):
        result.sentences("de")  # type: ignore[arg-type]


def test_the_definition_says_what_was_judged() -> None:
    result = alerts(tables.share_rows("conversion", steady(), [400.0] * 90), budget=6, persistence=(2, 3))
    assert "62 values judged" in result.definition
    assert "at most 6 false alarms are expected a year" in result.definition
    assert "2 of 3 periods" in result.definition
    assert result.budget == 6


# ------------------------------------------------------------------------------------------------------- other periods


@pytest.mark.parametrize("jalali", [False, True])
def test_months_are_judged_in_both_calendars(jalali: bool) -> None:
    months = [divmod(at, 12) for at in range(40)]
    if jalali:
        dates = [safar.calendar.gregorian_date(1402 + year, month + 1, 1) for year, month in months]
    else:
        dates = [dt.date(2023 + year, month + 1, 1) for year, month in months]
    counts = np.random.default_rng(3).poisson(5_000, 40).astype(float)
    counts[30] = 2_000.0
    table = {"date": dates, "kpi": ["orders"] * 40, "form": ["total"] * 40, "numerator": counts}
    result = alerts(table | {"denominator": [None] * 40})
    (row,) = rows_of(result)
    assert (row["start"].date(), row["end"].date()) == (dates[30], dates[31])


def test_weeks_are_judged_and_midnights_of_a_zone_are_days() -> None:
    counts = np.random.default_rng(3).poisson(500, 60).astype(float)
    counts[40] = 900.0
    saturday = dt.date(2025, 3, 22)
    starts = [saturday + dt.timedelta(weeks=week) for week in range(60)]
    table = pl.DataFrame(
        {
            "date": starts,
            "kpi": ["orders"] * 60,
            "form": ["total"] * 60,
            "numerator": counts,
            "denominator": [None] * 60,
        },
        schema_overrides={"denominator": pl.Float64},
    ).with_columns(pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Asia/Tehran"))
    (row,) = rows_of(alerts(table))
    assert row["start"] == table["date"][40]
    assert (row["end"] - row["start"]).days == 7
    utc = table.with_columns(pl.col("date").dt.convert_time_zone("UTC"))
    with pytest.raises(DataError, match=r"is no midnight in the zone UTC; .* give timezone="):
        alerts(utc)
    assert len(alerts(utc, timezone="Asia/Tehran")) == 1


# ------------------------------------------------------------------------------------------------------------ bad input


def test_input_that_cannot_be_used_is_refused_with_a_way_out() -> None:
    table = tables.share_rows("conversion", steady(), [400.0] * 90)
    with pytest.raises(UnknownColumnError, match='no column "numerator"; did you mean "numerators"'):
        alerts(table.rename({"numerator": "numerators"}))
    with pytest.raises(DataError, match='"shares" is not a form; did you mean "share"'):
        alerts(table.with_columns(form=pl.lit("shares")))
    with pytest.raises(
        DataError, match=r'rows 0 and 90 are both of "conversion" on 2025-03-23; expected one row'
    ):
        alerts(pl.concat([table, table.head(1)]))
    odd = [tables.FIRST + dt.timedelta(days=7 * week + (week > 40)) for week in range(90)]
    with pytest.raises(DataError, match="dates are not equally spaced: most are 7 days apart, but"):
        alerts(table.with_columns(date=pl.Series(odd)))
    with pytest.raises(DataError, match="is no midnight"):
        alerts(
            table.with_columns(
                date=pl.col("date").cast(pl.Datetime("us")) + pl.duration(hours=pl.int_range(90))
            )
        )
    with pytest.raises(DataError, match=r"none of the 20 periods can be judged .* needs 28 before it"):
        alerts(table.head(20))
    with pytest.raises(DataError, match="all rows are of one period"):
        alerts(table.head(1))
    with pytest.raises(DataError, match="has no rows"):
        alerts(table.head(0))
    forms = ["rate" if row == 7 else "share" for row in range(90)]
    with pytest.raises(
        DataError, match='column "form", row 7: the KPI "conversion" is a rate here and a share'
    ):
        alerts(table.with_columns(form=pl.Series(forms)))
    with pytest.raises(DataError, match='column "direction", row 0: "better" is none'):
        alerts(table.with_columns(direction=pl.lit("better")))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"budget": 0}, ArgumentError, "budget=0 is out of range"),
        ({"budget": "few"}, ArgumentTypeError, "budget='few' is a str"),
        ({"rules": ["charts"]}, ArgumentError, 'did you mean "chart"'),
        ({"rules": []}, ArgumentError, "rules is an empty list"),
        ({"persistence": (4, 3)}, ArgumentError, "persistence=4 is out of range; expected 1 to 3"),
        ({"persistence": 2}, ArgumentTypeError, "is no pair"),
        ({"holidays": ["2026-03-21"]}, ArgumentTypeError, "expected a mapping of dates to names"),
        ({"holidays": {"2026-03-21": "nowruz"}}, ArgumentTypeError, "expected a datetime.date"),
        ({"weekend": "fryday"}, ArgumentError, 'did you mean "friday"'),
        ({"weekend": [None]}, ArgumentTypeError, "expected names of weekdays"),
        ({"weekend": [7]}, ArgumentError, "weekend=7 is out of range"),
        ({"history": 3}, ArgumentError, "history=3 is out of range"),
        ({"window": 9}, ArgumentError, "window=9 is out of range"),
        ({"quiet": -1}, ArgumentError, "quiet=-1 is out of range"),
        ({"timezone": "Asia/Teheran"}, ArgumentError, 'did you mean "Asia/Tehran"'),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    table = tables.share_rows("conversion", steady(), [400.0] * 90)
    with pytest.raises(error, match=message):
        alerts(table, **options)


def test_a_table_with_the_four_columns_alone_is_enough() -> None:
    random = np.random.default_rng(1)
    costs = random.normal(5000, 200, 80)
    costs[60:63] = 9000.0
    table = {"date": [str(day) for day in tables.days(80)], "kpi": ["cost per lead"] * 80}
    result = alerts(table | {"numerator": costs, "denominator": [100.0] * 80}, budget=1)
    (row,) = rows_of(result)
    assert (row["side"], row["effect"], row["observed"]) == ("above", "neutral", 90.0)
    assert row["observed_low"] is None
    assert all(later >= earlier for earlier, later in pairwise(result.to_dict()["start"]))
