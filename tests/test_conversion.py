"""Conversion: everybody counts for as long as they were watched, and no longer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import oracles
import safar
from oracles import DAY, SECOND, Event, Wait
from safar import _core
from safar._significance import holm
from safar.analyses._survival import Curve
from strategies import (
    BASE,
    big_log,
    columns_in,
    core_log,
    in_order,
    logs,
    observed,
    plan,
    public_log,
    rows_in,
)

WEEK = 7 * DAY

# Weeks of remission of 42 children with leukaemia (Freireich et al. 1963; Gehan 1965); a star is a child who was still
# in remission when last seen.
SIX_MP = "6 6 6 6* 7 9* 10 10* 11* 13 16 17* 19* 20* 22 23 25* 32* 32* 34* 35*"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def remission_log() -> safar.EventLog:
    rows = []
    for arm, weeks in (("pro", SIX_MP), ("free", PLACEBO)):
        for i, text in enumerate(weeks.split()):
            last = "lost" if text.endswith("*") else "relapse"
            rows.append(Event(f"{arm}{i}", BASE, "remission", plan=arm))
            rows.append(Event(f"{arm}{i}", BASE + int(text.rstrip("*")) * WEEK, last, plan=arm))
    return public_log(rows)


def lines(result: safar.ResultTable) -> list[dict[str, Any]]:
    columns = result.to_dict()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def agree(result: Any, found: Sequence[Wait], events: Sequence[str], **key: str | None) -> None:
    """Assert that the rows of one segment and outcome tell what the oracle tells."""
    rows = [row for row in lines(result) if all(row[name] == value for name, value in key.items())]
    curve = oracles.incidence(found, events)
    assert [round(row["time_seconds"] * SECOND) for row in rows] == sorted(curve)
    for row in rows:
        time = round(row["time_seconds"] * SECOND)
        assert row["at_risk"] == sum(wait.time >= time for wait in found)
        assert row["reached"] == sum(wait.time == time and wait.event in events for wait in found)
        assert row["censored"] == sum(wait.time == time and wait.event is None for wait in found)
        share, variance = map(float, curve[time])
        assert row["share"] == pytest.approx(share, abs=1e-12)
        if 0 < curve[time][0] < 1:
            low, high = oracles.log_log_interval(share, variance)
            assert row["share_low"] == pytest.approx(low, abs=1e-7)
            assert row["share_high"] == pytest.approx(high, abs=1e-7)
            assert row["share_low"] <= row["share"] <= row["share_high"]
        else:
            assert (row["share_low"], row["share_high"]) == (None, None)


# -------------------------------------------------------------------------------------------------- published


def test_the_remission_of_leukaemia_is_as_published() -> None:
    result = remission_log().conversion("relapse", stop="lost", by="plan")
    test = lines(result.log_rank())[0]
    assert test["chi_squared"] == pytest.approx(16.7929, abs=5e-5)
    assert (test["segments"], test["degrees_of_freedom"]) == (2, 1)
    assert test["p_value"] == pytest.approx(4.17e-5, abs=5e-8)
    means = {row["segment"]: row["mean_seconds"] / 604_800 for row in lines(result.restricted_mean("20w"))}
    assert means["pro"] == pytest.approx(16.1165, abs=5e-5)
    assert means["free"] == pytest.approx(8.4286, abs=5e-5)
    medians = {row["segment"]: row["median_seconds"] / 604_800 for row in lines(result.median())}
    assert medians == {"pro": 23, "free": 8}
    # The survival of 6-MP at 6 weeks is .857 [.620, .952] in every textbook that prints the log-log interval.
    six = next(row for row in lines(result.at("6w")) if row["segment"] == "pro")
    assert (six["at_risk"], six["reached"]) == (21, 3)
    assert 1 - six["share"] == pytest.approx(0.857, abs=5e-4)
    assert 1 - six["share_high"] == pytest.approx(0.620, abs=5e-4)
    assert 1 - six["share_low"] == pytest.approx(0.952, abs=5e-4)


def test_scipy_finds_the_same_curve_and_the_same_test() -> None:
    result = remission_log().conversion("relapse", stop="lost", by="plan")

    def sample(weeks: str) -> Any:
        times = {
            star: [int(w.rstrip("*")) for w in weeks.split() if w.endswith("*") == star]
            for star in (True, False)
        }
        return stats.CensoredData(uncensored=times[False], right=times[True])

    survival = stats.ecdf(sample(SIX_MP)).sf
    rows = [row for row in lines(result) if row["segment"] == "pro"]
    assert [row["time_seconds"] / 604_800 for row in rows] == survival.quantiles.tolist()
    np.testing.assert_allclose([1 - row["share"] for row in rows], survival.probabilities, atol=1e-14)
    bounds = survival.confidence_interval(method="log-log")
    for row, low, high in zip(rows, bounds.low.probabilities, bounds.high.probabilities, strict=True):
        assert (1 - row["share_high"], 1 - row["share_low"]) == pytest.approx((low, high), abs=1e-12)
    test = stats.logrank(sample(SIX_MP), sample(PLACEBO))
    found = lines(result.log_rank())[0]
    assert found["chi_squared"] == pytest.approx(test.statistic**2)
    assert found["p_value"] == pytest.approx(test.pvalue)


# ----------------------------------------------------------------------------------------------------- oracle


@given(st.data())
def test_conversion_equals_the_oracle(data: st.DataObject) -> None:
    rows = data.draw(logs())
    names = sorted({row.event for row in rows})
    roles = data.draw(st.permutations(names))
    end, competing, stop = roles[:1], roles[1:2], roles[2:3]
    start = data.draw(st.sampled_from([None, names[:1], names[-2:]]))
    horizon = data.draw(st.sampled_from([None, 1, 4, 40]))
    resolution = data.draw(st.sampled_from([1, 3]))
    until = observed(data.draw, rows)
    found = oracles.waits(
        rows,
        [*end, *competing],
        start=start,
        stop=stop,
        horizon=None if horizon is None else horizon * SECOND,
        resolution=resolution * SECOND,
        observed_until=until,
    )
    result = public_log(rows, observed_until=until).conversion(
        end,
        start=start,
        competing=competing or None,
        stop=stop or None,
        horizon=None if horizon is None else f"{horizon}s",
        resolution=f"{resolution}s",
    )
    for event in (*end, *competing):
        agree(result, list(found.values()), [event], **({"outcome": event} if competing else {}))
    balance = lines(result.balance())[0]
    assert balance["entered"] == len(found) == sum(list(balance.values())[1:])
    assert balance["converted"] == sum(wait.event in end for wait in found.values())
    assert balance["competing"] == sum(wait.event in competing for wait in found.values())


@given(st.data())
def test_segments_part_the_customers_and_the_log_rank_test_equals_the_oracle(data: st.DataObject) -> None:
    rows = data.draw(logs(unique_times=True))
    at = data.draw(st.sampled_from(["entry", "first", "last"]))
    names = sorted({row.event for row in rows})
    start, end = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    found = oracles.waits(rows, [end], start=[start])
    parts: dict[str | None, list[Wait]] = defaultdict(list)
    for customer, journey in oracles.journeys(rows).items():
        if customer in found:
            entry = next(event for event in journey if event.event == start)
            segment = {"entry": entry, "first": journey[0], "last": journey[-1]}[at].plan
            parts[segment].append(found[customer])
    result = public_log(rows).conversion(end, start=start, by="plan", at=at, resolution="1us")
    assert set(columns_in(result.table)["segment"]) == set(parts)
    for segment, members in parts.items():
        agree(result, members, [end], segment=segment)
    named = [parts[segment] for segment in sorted(name for name in parts if name is not None)]
    statistic, degrees = oracles.log_rank(named, [end]) if len(named) > 1 else (math.nan, 0)
    test = lines(result.log_rank())[0]
    assert (test["segments"], test["degrees_of_freedom"]) == (len(named), degrees)
    if degrees:
        assert test["chi_squared"] == pytest.approx(statistic, abs=1e-9)
        assert test["p_value"] == pytest.approx(stats.chi2.sf(statistic, degrees), abs=1e-9)
    else:
        assert (test["chi_squared"], test["p_value"]) == (None, None)


@given(
    st.integers(2, 5), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.booleans()), min_size=1)
)
def test_the_log_rank_test_of_many_groups_equals_the_oracle(
    groups: int, watched: list[tuple[int, int, bool]]
) -> None:
    found: list[list[Wait]] = [[] for _ in range(groups)]
    for group, time, converted in watched:
        found[group % groups].append(Wait(time * SECOND, "B" if converted else None))
    found = [group for group in found if group]
    rows = []
    for i, group in enumerate(found):
        for j, wait in enumerate(group):
            rows.append(Event(f"{i} {j}", BASE, "A", f"group {i}"))
            rows.append(Event(f"{i} {j}", BASE + wait.time, wait.event or "C", f"group {i}"))
    rows += [Event("ends", BASE, name) for name in "ABC"]
    result = public_log(rows).conversion("B", stop="C", by="channel")
    statistic, degrees = oracles.log_rank(found, ["B"]) if len(found) > 1 else (math.nan, 0)
    test = lines(result.log_rank())[0]
    assert test["degrees_of_freedom"] == degrees
    if degrees:
        assert test["chi_squared"] == pytest.approx(statistic, abs=1e-9)
    pairs = lines(result.log_rank_pairs())
    assert len(pairs) == len(found) * (len(found) - 1) // 2
    for row in pairs:
        pair = [found[int(row[name].split()[1])] for name in ("segment", "other")]
        expected, _ = oracles.log_rank(pair, ["B"])
        assert (row["chi_squared"] is None) == math.isnan(expected)
        if row["chi_squared"] is not None:
            assert row["chi_squared"] == pytest.approx(expected, abs=1e-9)
            assert row["p_value"] <= row["p_adjusted"] <= 1


# ----------------------------------------------------------------------------------------- what must hold of it


def curves(draw: st.DrawFn) -> tuple[list[Wait], list[str]]:
    outcome = st.sampled_from(["B", "C", None])
    waits = draw(st.lists(st.builds(Wait, st.integers(0, 9), outcome), min_size=1, max_size=30))
    return waits, ["B"]


def curve_of(found: Sequence[Wait], events: Sequence[str]) -> Curve:
    time = sorted({wait.time for wait in found})

    def count(holds: Any) -> Any:
        return np.array([sum(bool(holds(wait, t)) for wait in found) for t in time])

    return Curve(
        np.array(time, dtype=float),
        count(lambda wait, t: wait.time >= t),
        count(lambda wait, t: wait.time == t and wait.event in events),
        count(lambda wait, t: wait.time == t and wait.event is not None),
        count(lambda wait, t: wait.time == t and wait.event is None),
    )


@given(st.composite(curves)(), st.integers(1, 12))
def test_the_restricted_mean_is_the_area_and_its_variance_the_delta_method(
    drawn: tuple[list[Wait], list[str]], until: int
) -> None:
    found, events = drawn
    mean, variance = curve_of(found, events).restricted_mean(until)
    undecided = 1 - sum(float(oracles.incidence(found, [e])[max(w.time for w in found)][0]) for e in "BC")
    if until > max(wait.time for wait in found) and undecided > 1e-9:
        assert math.isnan(mean)
        return
    curve = oracles.incidence(found, events)
    area = sum(
        1 - max([float(curve[t][0]) for t in curve if t <= second], default=0) for second in range(until)
    )
    assert mean == pytest.approx(area)
    # Nobody is censored before `until`: the estimate is a plain mean, and its variance that of a plain mean.
    if all(wait.event is not None or wait.time >= until for wait in found):
        times = [min(wait.time, until) if wait.event in events else until for wait in found]
        assert mean == pytest.approx(np.mean(times))
        assert variance == pytest.approx(np.var(times) / len(times), abs=1e-12)


@given(st.composite(curves)())
def test_shares_of_all_outcomes_and_of_none_add_up_to_one(drawn: tuple[list[Wait], list[str]]) -> None:
    found, _ = drawn
    total = sum(curve_of(found, [event]).share() for event in "BC")
    np.testing.assert_allclose(total, 1 - curve_of(found, ["B", "C"]).after, atol=1e-12)
    # Taking the other outcome for the end of a watch would count more than happened.
    alone = [[wait if wait.event == event else wait._replace(event=None) for wait in found] for event in "BC"]
    each = sum(curve_of(waits, [event]).share() for waits, event in zip(alone, "BC", strict=True))
    assert (total <= each + 1e-12).all()


def test_without_anybody_censored_the_share_is_the_plain_one() -> None:
    rows = []
    for i in range(50):
        rows.append(Event(f"u{i}", BASE, "A"))
        rows.append(Event(f"u{i}", BASE + (1 + i % 7) * DAY, "B" if i % 3 else "C"))
    result = public_log(rows).conversion("B", competing="C")
    for row in lines(result.at("1d", "3d", "7d")):
        days, want = row["time_seconds"] / 86_400, row["outcome"] == "B"
        plain = sum(1 + i % 7 <= days and bool(i % 3) is want for i in range(50)) / 50
        assert row["share"] == pytest.approx(plain)
        assert row["reached"] == round(plain * 50)


def test_who_was_watched_no_longer_is_not_counted_as_a_no() -> None:
    rows = [Event("ann", BASE, "A"), Event("ann", BASE + 2 * DAY, "B"), Event("bob", BASE + DAY, "A")]
    log = public_log(rows, observed_until=BASE + 2 * DAY)
    assert lines(log.conversion("B").at("2d"))[0]["share"] == 1.0  # and not a half: Bob was watched for a day
    late = lines(log.conversion("B", start="A").at("3d"))[0]
    assert (late["share"], late["at_risk"]) == (1.0, 0)


def test_a_share_beyond_the_longest_watch_is_null_and_not_flat() -> None:
    rows = [Event("ann", BASE, "A"), Event("ann", BASE + DAY, "B"), Event("bob", BASE, "A")]
    result = public_log(rows, observed_until=BASE + 3 * DAY).conversion("B")
    columns = result.at("12h", "1d", "3d", "4d").to_dict()
    assert columns["share"] == [0.0, 0.5, 0.5, None]
    assert columns["share_low"][0] is None
    assert result.restricted_mean("4d").to_dict()["mean_seconds"] == [None]
    assert result.restricted_mean("3d").to_dict()["mean_seconds"] == [2 * 86_400]


def test_a_median_that_was_not_reached_is_null() -> None:
    rows = [Event("ann", BASE, "A"), Event("ann", BASE + DAY, "B")]
    rows += [Event(f"u{i}", BASE, "A") for i in range(2)]
    median = lines(public_log(rows, observed_until=BASE + 9 * DAY).conversion("B").median())[0]
    assert (median["median_seconds"], median["high_seconds"]) == (None, None)
    half = lines(public_log(rows[:3], observed_until=BASE + 9 * DAY).conversion("B").median())[0]
    assert half["median_seconds"] == 86_400


# ------------------------------------------------------------------------------------------------------- edges


def test_one_event_is_one_customer_who_was_not_watched() -> None:
    table = lines(public_log([Event("u", BASE, "A")]).conversion("A"))
    assert len(table) == 1
    assert (table[0]["time_seconds"], table[0]["censored"], table[0]["share"]) == (0.0, 1, 0.0)


def test_an_outcome_at_the_time_of_the_entry_counts_if_it_was_stored_later() -> None:
    after = [Event("u", BASE, "A"), Event("u", BASE, "B")]
    assert lines(public_log(after).conversion("B", start="A"))[0]["reached"] == 1
    assert lines(public_log(after[::-1]).conversion("B", start="A"))[0]["reached"] == 0


def test_the_second_purchase_may_be_asked_for() -> None:
    rows = [Event("u", BASE + i * DAY, "A") for i in range(3)]
    assert public_log(rows).conversion("A", start="A").median().to_dict()["median_seconds"] == [86_400.0]


def test_the_horizon_is_inclusive_and_what_comes_later_is_not_looked_at() -> None:
    rows = [
        Event("u", BASE, "A"),
        Event("u", BASE + DAY, "B"),
        Event("v", BASE, "A"),
        Event("v", BASE + DAY + 1, "B"),
    ]
    result = public_log(rows).conversion("B", horizon="1d")
    assert [(row["reached"], row["censored"]) for row in lines(result)] == [(1, 1)]
    assert lines(result.balance()) == [
        {"entered": 2, "converted": 1, "competing": 0, "stopped": 0, "beyond_horizon": 1, "still_open": 0}
    ]


def test_several_events_may_be_one_outcome() -> None:
    rows = [
        Event("u", BASE, "A"),
        Event("u", BASE + DAY, "B"),
        Event("v", BASE, "A"),
        Event("v", BASE + DAY, "C"),
    ]
    rows += [Event("w", BASE, "A"), Event("w", BASE + DAY, "D")]
    result = public_log(rows).conversion(["B", "C"], competing="D")
    assert [(row["outcome"], row["reached"]) for row in lines(result)] == [("B or C", 2), ("D", 1)]


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "A") for i in range(30_000)] + [Event("u", BASE + DAY, "B")]
    assert lines(public_log(rows).conversion("B"))[0]["time_seconds"] == 86_400.0


def test_a_curve_that_begins_after_the_one_before_has_ended_stays_apart() -> None:
    rows = [Event("u", BASE, "A", "app"), Event("u", BASE + SECOND, "B", "app")]
    rows += [Event("v", BASE, "A", "web"), Event("v", BASE + 2 * SECOND, "B", "web")]
    result = public_log(rows).conversion("B", by="channel")
    assert result.median().to_dict()["median_seconds"] == [1.0, 2.0]


def test_more_times_than_a_table_holds_are_refused_with_the_way_out() -> None:
    params = {"start": None, "outcomes": ["B"], "horizon_us": None, "resolution_us": 1, "max_rows": 100}
    log = big_log(20_000, 5_000)
    with pytest.raises(safar.ArgumentError, match="coarser resolution"):
        _core.run(log, "conversion", plan(params))
    assert _core.run(log, "conversion", plan(params | {"resolution_us": DAY})).num_rows <= 100


def test_the_partial_names_what_decided() -> None:
    rows = [
        Event("u", BASE, "A"),
        Event("u", BASE + 1, "C"),
        Event("v", BASE, "A"),
        Event("w", BASE + DAY, "D"),
    ]
    params = {"start": ["A"], "outcomes": ["B", "C"], "horizon_us": 5, "resolution_us": 2, "max_rows": 9}
    partial = _core.run(core_log(rows), "conversion", plan(params))
    assert in_order(rows_in(partial)) == [(0, "C", 1), (4, "(end)", 1)]


# ---------------------------------------------------------------------------------------------------- questions


def test_an_event_that_means_two_things_is_refused() -> None:
    with pytest.raises(safar.ArgumentError, match='"buy" is given for both end= and competing='):
        safar.Conversion("buy", competing=["call", "buy"])
    with pytest.raises(safar.ArgumentError, match="are both called"):
        safar.Conversion(["a", "b"], competing="a or b")


def test_a_conversion_must_be_named() -> None:
    with pytest.raises(safar.ArgumentTypeError, match="end=None is a NoneType; expected a name"):
        safar.Conversion(None)  # type: ignore[arg-type]


def test_a_wrong_name_is_refused_with_what_was_meant() -> None:
    log = remission_log()
    with pytest.raises(
        safar.UnknownEventError, match='end "relaps" is not an event of this log; did you mean'
    ):
        log.conversion("relaps")
    result = log.conversion("relapse", competing="lost", by="plan")
    with pytest.raises(safar.ArgumentError, match='available: "relapse", "lost"'):
        result.log_rank("los")
    with pytest.raises(safar.ArgumentError, match="by="):
        log.conversion("relapse").log_rank()
    with pytest.raises(safar.ArgumentError, match="at least one time"):
        result.at()


def test_more_pairs_than_anybody_reads_are_refused() -> None:
    rows = [Event(f"u{i}", BASE, "A", f"c{i:03}") for i in range(51)] + [Event("u0", BASE + DAY, "B", "c000")]
    result = public_log(rows).conversion("B", by="channel")
    with pytest.raises(safar.ArgumentError, match="1275 pairs"):
        result.log_rank_pairs()
    assert lines(result.log_rank())[0]["segments"] == 51


def test_the_result_keeps_the_spec_that_replays_it_and_says_what_it_counts() -> None:
    result = remission_log().conversion("relapse", stop="lost", horizon="20w", by="plan", at="first")
    again = safar.Spec.from_json(result.spec).run(remission_log())
    assert again.to_dict() == result.to_dict()
    for text in (
        "first event to the first relapse event",
        "a lost event, or 140 days after it",
        "1 second",
        '"plan"',
    ):
        assert text in result.definition


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, math.nan], [0.02, math.nan]),
        ([], []),
    ],
)
def test_holm_corrects_as_r_does(p_values: list[float], adjusted: list[float]) -> None:
    np.testing.assert_allclose(holm(np.array(p_values, dtype=float)), adjusted)
