"""Survival: who is at risk when, and what follows of it, beside a count of every customer in exact fractions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, Event, Wait
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError, UnknownEventError
from strategies import BASE, logs, observed, public_log
from test_conversion import PLACEBO, SIX_MP, lines
from test_said import unsaid


def remission(**more: Any) -> dict[str, list[Any]]:
    """Weeks of remission of 42 children (Gehan 1965), as the tests of conversion have them."""
    weeks = [
        (arm, text)
        for arm, all_of_it in (("6-MP", SIX_MP), ("placebo", PLACEBO))
        for text in all_of_it.split()
    ]
    return {
        "weeks": [int(text.rstrip("*")) for _, text in weeks],
        "relapse": [not text.endswith("*") for _, text in weeks],
        "arm": [arm for arm, _ in weeks],
    } | more


def of_remission(**options: Any) -> safar.SurvivalResult:
    return safar.survival(remission(), duration="weeks", event="relapse", unit="week", **options)


# -------------------------------------------------------------------------------------------------- published


def test_the_remission_of_leukaemia_is_as_published() -> None:
    result = of_remission(by="arm")
    test = lines(result.compare())[0]
    assert test["chi_squared"] == pytest.approx(16.7929, abs=5e-5)
    assert (test["segments"], test["degrees_of_freedom"], test["reason"]) == (2, 1, None)
    medians = {
        row["segment"]: (row["median"], row["median_low"], row["median_high"])
        for row in lines(result.medians())
    }
    # R prints 23 [13, NA] and 8 [4, 11] for conf.type="log-log".
    assert medians == {"6-MP": (23, 13, None), "placebo": (8, 4, 11)}
    means = {row["segment"]: row["mean"] for row in lines(result.rmst(20))}
    assert means == {"6-MP": pytest.approx(16.1165, abs=5e-5), "placebo": pytest.approx(8.4286, abs=5e-5)}
    six = lines(result.at(6))[0]
    assert (six["at_risk"], six["events"]) == (21, 3)
    assert six["survival"] == pytest.approx(0.857, abs=5e-4)
    assert (six["survival_low"], six["survival_high"]) == pytest.approx((0.620, 0.952), abs=5e-4)


def test_the_peto_weighting_is_that_of_lifelines_and_r() -> None:
    # lifelines 0.30.3: logrank_test(..., weightings="fleming-harrington", p=1, q=0); R prints 14.5 for rho=1.
    found = lines(of_remission(by="arm").compare(weighting="peto"))[0]
    assert found["chi_squared"] == pytest.approx(14.457150818717132, rel=1e-12)
    assert found["p_value"] == pytest.approx(0.0001433844448193902, rel=1e-9)


LATE = {
    "days": [4, 6, 6, 9, 9, 11, 12, 12, 13, 15, 18, 20],
    "gone": [1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 0, 1],
    "from": [0, 0, 3, 5, 0, 2, 6, 0, 8, 4, None, 1],
}


def test_delayed_entry_is_that_of_lifelines() -> None:
    # lifelines 0.30.3: KaplanMeierFitter().fit(days, gone, entry) and NelsonAalenFitter(nelson_aalen_smoothing=False).
    rows = {
        row["time"]: row for row in lines(safar.survival(LATE, duration="days", event="gone", entry="from"))
    }
    assert [rows[day]["at_risk"] for day in (4, 6, 9, 11, 12, 15, 20)] == [8, 9, 9, 7, 6, 3, 1]
    expected = {4: 0.875, 6: 0.777778, 9: 0.691358, 11: 0.592593, 12: 0.395062, 15: 0.263374, 20: 0.0}
    assert {day: rows[day]["survival"] for day in expected} == pytest.approx(expected, abs=5e-7)
    assert rows[6]["survival_low"] == pytest.approx(0.364751, abs=5e-7)
    assert rows[15]["survival_high"] == pytest.approx(0.559005, abs=5e-7)
    assert rows[20]["cumulative_hazard"] == pytest.approx(2.156746, abs=5e-7)
    ignored = {row["time"]: row for row in lines(safar.survival(LATE, duration="days", event="gone"))}
    assert ignored[4]["survival"] > rows[4]["survival"]


# ----------------------------------------------------------------------------------------------------- oracle


class Member(NamedTuple):
    """One customer: watched after `entry` (None: from the beginning) until `exit`, ended by a cause or not."""

    entry: int | None
    exit: int
    cause: str | None


def members() -> st.SearchStrategy[list[Member]]:
    def member(drawn: tuple[int | None, int, str | None]) -> Member:
        entry, length, cause = drawn
        return Member(entry, length if entry is None else entry + 1 + length, cause)

    each = st.tuples(
        st.none() | st.integers(1, 4), st.integers(0, 5), st.sampled_from([None, "left", "debt"])
    )
    return st.lists(each.map(member), min_size=1, max_size=25)


def frame_of(found: Sequence[Member], weights: Sequence[int] | None = None) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [getattr(each, name) for each in found] for name in Member._fields}
    columns["gone"] = [each.cause is not None for each in found]
    return columns if weights is None else columns | {"customers": list(weights)}


def at_risk(found: Sequence[Member], time: int) -> int:
    return sum((each.entry is None or each.entry < time) and each.exit >= time for each in found)


def went(found: Sequence[Member], time: int, *causes: str) -> int:
    return sum(each.exit == time and each.cause in causes for each in found)


class Estimates(NamedTuple):
    survival: Fraction
    greenwood: Fraction
    hazard: Fraction
    aalen: Fraction
    incidence: Fraction


def estimated(found: Sequence[Member], time: int, *causes: str) -> Estimates:
    """The estimates by their definitions, in fractions; greenwood is the sum of d/(n(n-d))."""
    survival, greenwood, hazard, aalen, incidence = (Fraction(each) for each in (1, 0, 0, 0, 0))
    for moment in range(time + 1):
        n, d = at_risk(found, moment), went(found, moment, "left", "debt")
        if not d:
            continue
        own = went(found, moment, *causes)
        hazard += Fraction(own, n)
        aalen += Fraction(own, n * n)
        incidence += survival * Fraction(own, n)
        survival *= 1 - Fraction(d, n)
        greenwood += Fraction(d, n * (n - d)) if n > d else 0
    return Estimates(survival, greenwood, hazard, aalen, incidence)


@given(members())
def test_curves_equal_the_definitions_in_fractions(found: list[Member]) -> None:
    rows = lines(safar.survival(frame_of(found), duration="exit", event="gone", entry="entry"))
    entries = {each.entry for each in found if each.entry is not None}
    assert [row["time"] for row in rows] == sorted(entries | {each.exit for each in found})
    for row in rows:
        time = int(row["time"])
        assert row["at_risk"] == at_risk(found, time)
        assert row["few"] is (row["at_risk"] < 10)
        assert row["events"] == went(found, time, "left", "debt")
        assert row["censored"] == sum(each.exit == time and each.cause is None for each in found)
        assert row["entered"] == sum(each.entry == time for each in found)
        known = estimated(found, time, "left", "debt")
        assert row["survival"] == pytest.approx(float(known.survival), abs=1e-12)
        assert row["cumulative_hazard"] == pytest.approx(float(known.hazard))
        if 0 < known.survival < 1:
            s = float(known.survival)
            reach = 1.959963984540054 * math.sqrt(known.greenwood) / math.log(s)
            bounds = (s ** math.exp(-reach), s ** math.exp(reach))
            assert (row["survival_low"], row["survival_high"]) == pytest.approx(bounds, abs=1e-7)
        else:
            assert (row["survival_low"], row["survival_high"]) == (None, None)
        if known.hazard:
            reach = math.exp(1.959963984540054 * math.sqrt(known.aalen) / known.hazard)
            bounds = (float(known.hazard) / reach, float(known.hazard) * reach)
            assert (row["cumulative_hazard_low"], row["cumulative_hazard_high"]) == pytest.approx(bounds)
        else:
            assert (row["cumulative_hazard_low"], row["cumulative_hazard_high"]) == (None, None)


@given(members().filter(lambda found: {"left", "debt"} <= {each.cause for each in found}))
def test_incidences_equal_the_definition_and_add_up_with_survival(found: list[Member]) -> None:
    causes = ("left", "debt")
    rows = lines(
        safar.survival(frame_of(found), duration="exit", event="cause", entry="entry", causes=causes)
    )
    for row in rows:
        known = estimated(found, int(row["time"]), row["cause"])
        assert row["incidence"] == pytest.approx(float(known.incidence), abs=1e-12)
        assert row["cumulative_hazard"] == pytest.approx(float(known.hazard))
        assert row["events"] == went(found, int(row["time"]), row["cause"])
    left, debt = ([row for row in rows if row["cause"] == cause] for cause in causes)
    for one, other in zip(left, debt, strict=True):
        assert one["survival"] == other["survival"]
        assert one["incidence"] + other["incidence"] + one["survival"] == pytest.approx(1)


@given(members(), st.data())
def test_a_weight_is_as_many_rows(found: list[Member], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(1, 4), min_size=len(found), max_size=len(found)))
    options: dict[str, Any] = {"duration": "exit", "event": "gone", "entry": "entry"}
    weighted = safar.survival(frame_of(found, weights), weights="customers", **options)
    repeated = [each for each, weight in zip(found, weights, strict=True) for _ in range(weight)]
    assert weighted.to_dict() == safar.survival(frame_of(repeated), **options).to_dict()


@given(members(), st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(found: list[Member], random: Any) -> None:
    options: dict[str, Any] = {"duration": "exit", "event": "gone", "entry": "entry", "by": "cause"}
    shuffled = random.sample(found, len(found))
    one, other = (safar.survival(frame_of(each), **options) for each in (found, shuffled))
    assert one.to_dict() == other.to_dict()


@given(members(), st.integers(1, 7))
def test_what_comes_after_until_changes_nothing_before(found: list[Member], until: int) -> None:
    options: dict[str, Any] = {"duration": "exit", "event": "gone", "entry": "entry"}
    whole = lines(safar.survival(frame_of(found), **options))
    cut = lines(safar.survival(frame_of(found), until=until, **options)) if at_risk(found, 0) else []
    kept = [row for row in whole if row["time"] < until]
    assert not cut or [row for row in cut if row["time"] < until] == kept
    assert all(row["time"] <= until for row in cut)


@given(members(), members())
def test_the_log_rank_test_of_late_customers_equals_the_definition(
    one: list[Member], other: list[Member]
) -> None:
    groups = [one, other]
    excess = {False: Fraction(0), True: Fraction(0)}
    variance = dict(excess)
    for time in range(12):
        n = [at_risk(group, time) for group in groups]
        d = [went(group, time, "left", "debt") for group in groups]
        if not sum(d):
            continue
        before = estimated([*one, *other], time - 1, "left").survival
        for peto in (False, True):
            weight = before if peto else Fraction(1)
            excess[peto] += weight * (d[0] - Fraction(sum(d) * n[0], sum(n)))
            if sum(n) > 1:
                spread = Fraction(sum(d) * n[0] * n[1] * (sum(n) - sum(d)), sum(n) ** 2 * (sum(n) - 1))
                variance[peto] += weight**2 * spread
    columns = frame_of([*one, *other]) | {"group": ["one"] * len(one) + ["other"] * len(other)}
    result = safar.survival(columns, duration="exit", event="gone", entry="entry", by="group")
    for peto in (False, True):
        found = lines(result.compare(weighting="peto" if peto else "log_rank"))[0]
        if variance[peto] > 0:
            statistic = float(excess[peto] ** 2 / variance[peto])
            assert found["chi_squared"] == pytest.approx(statistic, abs=1e-9)
        elif variance[False] == 0:
            assert (found["chi_squared"], found["p_value"]) == (None, None)
            assert found["reason"] == "no two segments with customers at risk at an event"


# ------------------------------------------------------------------------------------------------------- a log


@given(st.data())
def test_a_log_has_the_curve_of_its_waits(data: st.DataObject) -> None:
    rows = data.draw(logs())
    names = sorted({row.event for row in rows})
    end, *others = data.draw(st.permutations(names))
    until = observed(data.draw, rows)
    found = oracles.waits(rows, [end, *others[:1]], start=names[:1], observed_until=until)
    log = public_log(rows, observed_until=until)
    result = safar.survival(
        log, start=names[0], end=end, causes=others[:1] or None, resolution="1us", unit="second"
    )
    table = lines(result)
    for event in (end, *others[:1]):
        curve = oracles.incidence(list(found.values()), [event])
        own = [row for row in table if row.get("cause", end) == event]
        assert [round(row["time"] * oracles.SECOND) for row in own] == sorted(curve)
        for row, time in zip(own, sorted(curve), strict=True):
            share = row["incidence"] if others else 1 - row["survival"]
            assert share == pytest.approx(float(curve[time][0]), abs=1e-12)
            assert row["entered"] == 0


def signups(*lengths: int) -> list[Event]:
    return [
        Event(f"u{number}", BASE + (day if name == "cancel" else 0) * DAY, name)
        for number, day in enumerate(lengths)
        for name in ("signup", "cancel")
        if day or name == "signup"
    ]


def test_open_customers_count_until_the_end_of_the_data() -> None:
    log = public_log(signups(3, 7, 0), observed_until=BASE + 10 * DAY)
    result = safar.survival(log, start="signup", end="cancel")
    assert result.to_dict()["time"] == [3.0, 7.0, 10.0]
    assert result.to_dict()["censored"] == [0, 0, 1]
    cut = safar.survival(log, start="signup", end="cancel", until="5d", unit="week")
    assert cut.to_dict()["time"] == [pytest.approx(3 / 7), pytest.approx(5 / 7)]
    assert "signup" in result.definition
    assert "5 days after it" in cut.definition


def test_segments_of_a_log_are_those_of_its_conversion() -> None:
    rows = [
        event._replace(channel="web" if int(event.customer[1:]) % 2 else None)
        for event in signups(3, 7, 0, 4)
    ]
    log = public_log(rows, observed_until=BASE + 10 * DAY)
    result = safar.survival(log, start="signup", end="cancel", by="channel")
    asked = log.conversion("cancel", start="signup", by="channel")
    assert result.to_dict()["segment"] == asked.to_dict()["segment"]
    assert {None, "web"} == set(result.to_dict()["segment"])
    assert result.compare().to_dict()["segments"] == [1]


# ------------------------------------------------------------------------------------------------------- edges


def test_an_event_at_time_0_counts_for_who_was_there_from_the_beginning() -> None:
    found = safar.survival(
        {"d": [0, 0, 2], "e": [1, 0, 1], "f": [0, None, 0]}, duration="d", event="e", entry="f"
    )
    assert found.to_dict()["at_risk"] == [3, 1]
    assert found.to_dict()["survival"] == [pytest.approx(2 / 3), 0]


def test_an_event_comes_before_the_end_of_a_watch_at_the_same_time() -> None:
    assert safar.survival({"d": [5, 5], "e": [1, 0]}, duration="d", event="e").to_dict()["survival"] == [0.5]


def test_without_any_event_the_median_is_null_with_its_reason() -> None:
    result = safar.survival({"d": [1, 2], "e": [0, 0]}, duration="d", event="e")
    assert result.to_dict()["survival"] == [1.0, 1.0]
    assert lines(result.medians())[0]["median"] is None
    assert lines(result.medians())[0]["reason"] == "survival stays above one half"
    assert lines(result.rmst(2))[0]["mean"] == 2.0
    beyond = lines(result.rmst(3))[0]
    assert (beyond["mean"], beyond["reason"]) == (None, "nobody was watched that long")


def test_a_risk_set_that_empties_early_is_told() -> None:
    data = {"d": [2, 9], "e": [1, 1], "f": [0, 5]}
    result = safar.survival(data, duration="d", event="e", entry="f")
    assert result.to_dict()["survival"] == [0.0, 0.0, 0.0]
    assert "At 2 days everybody at risk had the event while others were yet to enter" in result.definition
    assert "yet to enter" not in safar.survival(data, duration="d", event="e").definition


def test_times_are_numbers_of_the_unit_or_durations() -> None:
    result = of_remission()
    assert result.at(10).to_dict() == result.at("70d").to_dict()
    assert result.rmst(20).to_dict() == result.rmst("20w").to_dict()
    months = safar.survival({"d": [1, 2], "e": [1, 1]}, duration="d", event="e", unit="month")
    assert months.at(1).to_dict()["survival"] == [0.5]
    with pytest.raises(ArgumentTypeError, match="time='30d' is a str; expected a number of months"):
        months.at("30d")
    with pytest.raises(ArgumentError, match=r"time=-1; expected a number of months, at least 0"):
        months.at(-1)


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame])
def test_any_frame_gives_the_same_curves(frame: Any) -> None:
    found = safar.survival(frame(remission()), duration="weeks", event="relapse", unit="week", by="arm")
    assert found.to_dict() == of_remission(by="arm").to_dict()


def test_all_pairs_are_compared_with_holms_correction() -> None:
    data = remission(third=[["a", "b", "c"][place % 3] for place in range(42)])
    result = safar.survival(data, duration="weeks", event="relapse", by="third")
    pairs = lines(result.compare(pairs=True))
    assert [(row["segment"], row["other"]) for row in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    waits = {
        name: [
            Wait(week, "x" if relapse else None)
            for week, relapse, third in zip(data["weeks"], data["relapse"], data["third"], strict=True)
            if third == name
        ]
        for name in "abc"
    }
    for row in pairs:
        statistic, _ = oracles.log_rank([waits[row["segment"]], waits[row["other"]]], ["x"])
        assert row["chi_squared"] == pytest.approx(statistic)
        assert row["p_value"] <= row["p_adjusted"]


# ------------------------------------------------------------------------------------ differences of restricted means


def area(rows: list[tuple[int, bool]], until: int) -> tuple[Fraction, Fraction]:
    """The area under the curve up to a time and Greenwood's variance of it, by their definitions."""
    times = sorted({time for time, event in rows if event and time <= until})
    share, curve = Fraction(1), [(0, Fraction(1))]
    for time in times:
        left = sum(1 for each, _ in rows if each >= time)
        share *= 1 - Fraction(sum(1 for each, event in rows if event and each == time), left)
        curve.append((time, share))

    def beyond(start: int) -> Fraction:
        edges = [*(time for time, _ in curve), until]
        return sum(
            (
                each * max(0, end - max(begin, start))
                for (begin, each), end in zip(curve, edges[1:], strict=True)
            ),
            Fraction(0),
        )

    variance = Fraction(0)
    for time in times:
        left = sum(1 for each, _ in rows if each >= time)
        gone = sum(1 for each, event in rows if event and each == time)
        variance += beyond(time) ** 2 * Fraction(gone, left * (left - gone)) if left > gone else 0
    return beyond(0), variance


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.booleans()), min_size=3, max_size=30),
    st.integers(1, 10),
)
def test_differences_of_restricted_means_equal_their_definition(
    rows: list[tuple[int, int, bool]], until: int
) -> None:
    data = {
        "d": [time for _, time, _ in rows],
        "e": [event for *_, event in rows],
        "g": ["abc"[group] for group, *_ in rows],
    }
    found = lines(safar.survival(data, duration="d", event="e", by="g").rmst_differences(until))
    names = sorted(set(data["g"]))
    assert [(row["segment"], row["other"]) for row in found] == [*itertools.combinations(names, 2)]
    for row in found:
        own, other = (
            [(time, event) for group, time, event in rows if "abc"[group] == row[key]]
            for key in ("segment", "other")
        )
        # Beyond the last watch the curve is known where the last one left.
        known = all(
            until <= max(part)[0] or all(event for time, event in part if time == max(part)[0])
            for part in (own, other)
        )
        if not known:
            assert (row["difference"], row["p_value"], row["reason"]) == (
                None,
                None,
                "nobody was watched that long",
            )
            continue
        (mean, variance), (mean_other, variance_other) = area(own, until), area(other, until)
        assert row["difference"] == pytest.approx(float(mean - mean_other), abs=1e-9)
        error = math.sqrt(variance + variance_other)
        if not error:
            assert (row["z"], row["reason"]) == (None, "nothing varies in the two segments until then")
            continue
        assert row["difference_low"] == pytest.approx(row["difference"] - 1.959963984540054 * error, abs=1e-9)
        assert row["difference_high"] == pytest.approx(
            row["difference"] + 1.959963984540054 * error, abs=1e-9
        )
        assert row["z"] == pytest.approx(row["difference"] / error, abs=1e-9)
        assert row["p_value"] == pytest.approx(math.erfc(abs(row["z"]) / math.sqrt(2)), abs=1e-12)
        assert row["p_adjusted"] >= row["p_value"]


def test_the_test_of_restricted_means_is_wrong_as_often_as_it_says() -> None:
    draw = np.random.default_rng(6)
    alarms = 0
    for _ in range(300):
        until, watch = draw.exponential(10, 160), draw.uniform(2, 30, 160)
        data = {"d": np.minimum(until, watch), "e": until <= watch, "g": ["a", "b"] * 80}
        row = lines(safar.survival(data, duration="d", event="e", by="g").rmst_differences(12))[0]
        alarms += row["p_value"] < 0.05
    # Within three standard errors of 5 % of 300.
    assert 4 <= alarms <= 26


def test_restricted_means_of_one_segment_have_no_difference() -> None:
    with pytest.raises(ArgumentError, match="one segment; give by="):
        of_remission().rmst_differences(10)
    with pytest.raises(ArgumentError, match="until=0 is the beginning"):
        of_remission(by="arm").rmst_differences(0)


# ----------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d": [1, None]}, r'column "d": 1 of 2 rows has no number; .* \(row 1: None\)'),
        ({"d": [1, -2]}, r'column "d": 1 of 2 rows has a time before the beginning'),
        ({"d": [1, float("inf")]}, r'column "d": 1 of 2 rows has no number'),
        ({"e": [1, 2]}, r'column "e": 1 of 2 rows has neither true nor false'),
        ({"e": [1, None]}, r'column "e": 1 of 2 rows has neither true nor false'),
        (
            {"f": [0, 4]},
            r'column "f": 1 of 2 rows has an entry that is not before the end of the watch in "d"',
        ),
        ({"f": [-1, 0]}, r'column "f": 1 of 2 rows has an entry before the beginning'),
        ({"w": [1, 0.5]}, r'column "w": 1 of 2 rows has a weight that is no whole number'),
        ({"w": [0, 1]}, r'column "w": 1 of 2 rows has a weight that is no whole number'),
        ({"w": [1, float("inf")]}, r'column "w": 1 of 2 rows has a weight beyond .* \(row 1: inf\)'),
        ({"d": [], "e": [], "f": [], "w": []}, "the data have no row"),
    ],
)
def test_rows_that_mean_nothing_are_refused_with_an_example(change: dict[str, Any], message: str) -> None:
    data = {"d": [3, 4], "e": [1, 0], "f": [0, 1], "w": [1, 2]}
    with pytest.raises(DataError, match=message):
        safar.survival(data | change, duration="d", event="e", entry="f", weights="w")


def test_wrong_arguments_are_refused_with_the_way_out() -> None:
    data = {"d": [3, 4], "e": [1, 0], "why": ["left", None]}
    log = public_log(signups(3))
    with pytest.raises(UnknownColumnError, match='no column "day"'):
        safar.survival(data, duration="day", event="e")
    with pytest.raises(ArgumentError, match="a frame needs duration="):
        safar.survival(data, duration="d")
    with pytest.raises(
        ArgumentError, match=r"start='signup' is an argument for a log; a frame takes duration="
    ):
        safar.survival(data, duration="d", event="e", start="signup")
    with pytest.raises(ArgumentError, match="entry='f' is an argument for a frame; a log takes start="):
        safar.survival(log, end="cancel", entry="f")
    with pytest.raises(ArgumentError, match="end=None; expected the event"):
        safar.survival(log)
    with pytest.raises(UnknownEventError, match="did you mean"):
        safar.survival(log, end="cancl")
    with pytest.raises(
        ArgumentError, match=r'unit="month" has no fixed length; for a log choose of "second"'
    ):
        safar.survival(log, end="cancel", unit="month")
    with pytest.raises(ArgumentError, match="unit='days' is not a choice; did you mean"):
        safar.survival(data, duration="d", event="e", unit="days")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r'column "why" holds text.*causes='):
        safar.survival(data, duration="d", event="why")
    with pytest.raises(ArgumentError, match=r'causes: "lef" stands in no row .* did you mean "left"'):
        safar.survival(data, duration="d", event="why", causes=["lef"])
    with pytest.raises(DataError, match=r'column "why": 1 of 2 rows has a value that causes= does not name'):
        safar.survival(data | {"why": ["left", "debt"]}, duration="d", event="why", causes=["left"])
    result = safar.survival(data, duration="d", event="e")
    with pytest.raises(
        ArgumentError, match='until=3: nobody was watched before it; the first entry in "f" is at 5'
    ):
        safar.survival({"d": [9, 8], "e": [1, 0], "f": [5, 6]}, duration="d", event="e", entry="f", until=3)
    with pytest.raises(ArgumentError, match="one segment; give by="):
        result.compare()
    with pytest.raises(ArgumentError, match="needs at least one time"):
        result.at()
    with pytest.raises(ArgumentError, match="until=0 is the beginning"):
        result.rmst(0)
    by = safar.survival(data, duration="d", event="why", causes=["left"], by="e")
    with pytest.raises(ArgumentError, match=r"cause='lef' is not a cause of this result; did you mean"):
        by.compare(cause="lef")


def test_segments_that_never_met_are_compared_with_those_alone_that_they_met() -> None:
    # Of two stores that closed before two others opened, nothing says who would have stayed longer.
    early = {"d": [1, 2, 3, 4, 5, 6], "e": [1] * 6, "f": [0] * 6, "g": list("ababab")}
    late = {"d": [21, 22, 23, 24, 25, 26], "e": [1] * 6, "f": [20] * 6, "g": list("cddcdc")}
    both = {name: [*early[name], *late[name]] for name in early}
    one, other, all_of_them = (
        lines(safar.survival(each, duration="d", event="e", entry="f", by="g").compare())[0]
        for each in (early, late, both)
    )
    assert all_of_them["degrees_of_freedom"] == 2
    assert all_of_them["chi_squared"] == pytest.approx(one["chi_squared"] + other["chi_squared"])
    assert all_of_them["p_value"] == pytest.approx(math.exp(-all_of_them["chi_squared"] / 2))


def test_a_million_customers_take_no_minute() -> None:
    draw = np.random.default_rng(3)
    data = {"d": draw.integers(1, 2_000, 1_000_000), "e": draw.random(1_000_000) < 0.4}
    found = safar.survival(data, duration="d", event="e")
    assert len(found) == 1_999
    assert found.to_dict()["at_risk"][0] == 1_000_000


def test_definitions_are_said_in_persian() -> None:
    log = public_log(signups(3, 7, 0), observed_until=BASE + 10 * DAY)
    data = {"d": [2, 9], "e": [1, 1], "f": [0, 5], "w": [1, 2], "why": ["left", None], "by": ["a", "b"]}
    options: dict[str, Any] = {"duration": "d", "entry": "f", "weights": "w", "by": "by", "until": 8}
    found = [
        safar.survival(log, start="signup", end="cancel", until="5d", by="channel", unit="hour"),
        safar.survival(log, end="cancel", stop="signup"),
        safar.survival(data, event="e", unit="month", **options),
        safar.survival(data, event="why", causes=["left"], unit="year", **options),
        safar.survival({"d": [2, 9], "e": [1, 1], "f": [0, 5]}, duration="d", event="e", entry="f"),
    ]
    for result in found:
        assert unsaid(result.definition) == []
