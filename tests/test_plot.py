"""Charts: what they carry equals the result, and what is not known is not drawn."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest

import safar
from safar import plot
from safar._palette import PALETTES, Theme
from safar._typing import Language
from safar.analyses import SPECS
from safar.errors import ArgumentError
from safar.pages import colours


def shop_log(**options: Any) -> safar.EventLog:
    """Return a log of four customers over five weeks, with a Persian event name."""
    rows = [
        ("ann", "2026-03-02 10:00", "view", "web", 0.0),
        ("ann", "2026-03-02 10:05", "cart", "web", 0.0),
        ("ann", "2026-03-02 10:20", "purchase", "web", 30.0),
        ("ann", "2026-03-11 09:00", "view", "app", 0.0),
        ("bob", "2026-03-03 12:00", "view", "app", 0.0),
        ("bob", "2026-03-03 12:50", "cart", "app", 0.0),
        ("cyd", "2026-03-10 08:00", "view", None, 0.0),
        ("cyd", "2026-03-24 08:00", "خرید حضوری", "store", 12.5),
        ("dan", "2026-03-30 20:00", "view", "web", 0.0),
    ]
    names = ("customer", "time", "event", "channel", "value")
    data = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    given: dict[str, Any] = {"observed_until": "2026-04-01", **options}
    return safar.EventLog(
        data, customer="customer", time="time", event="event", channel="channel", value="value", **given
    )


LANGUAGES: tuple[Language, ...] = ("en", "fa")
STEPS = ["view", "cart", "purchase"]
# What an analysis can't be asked without.
ASKED: dict[str, tuple[Any, ...]] = {
    "conformance": (STEPS,),
    "conversion": ("purchase",),
    "funnel": (STEPS,),
    "match": ("view -> cart within 1h",),
    "separating_paths": ("purchase",),
    "stages": ("event",),
    "waits": ("event",),
}

# What has no place but a name.
NAMED: dict[str, dict[str, Any]] = {
    "features": {"at": "2026-03-20"},
    "labels": {"at": ["2026-03-05", "2026-03-20"], "predict": "10d"},
    # Of so few customers nobody might be held out.
    "next_events": {"order": 1, "held_out": 0.5},
}


def asked_of(log: safar.EventLog, name: str, **options: Any) -> Any:
    """Ask a question of a log, with what it can't be asked without."""
    return getattr(log, name)(*ASKED.get(name, ()), **NAMED.get(name, {}), **options)


def rows_of(chart: Any) -> list[dict[str, Any]]:
    """Return the rows that a chart carries, as they are in its JSON."""
    written = json.loads(chart.to_json())
    sets = list(written.get("datasets", {}).values()) or [written["data"]["values"]]
    assert len(sets) == 1
    return list(sets[0])


def sets_of(chart: Any, column: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the two sets of rows that a chart carries, first the one with the column."""
    one, other = json.loads(chart.to_json())["datasets"].values()
    return (one, other) if column in one[0] else (other, one)


def bare(text: str) -> str:
    """Return a text without its marks of direction."""
    return re.sub("[\u200e\u200f\u2066-\u2069]", "", text)


def table_rows(result: safar.ResultTable) -> list[dict[str, Any]]:
    columns = result.to_dict()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_the_list_of_charts_is_sorted_and_has_every_analysis() -> None:
    assert list(plot.CHARTS) == sorted(spec.analysis for spec in SPECS)


def test_a_result_draws_its_own_chart() -> None:
    result = shop_log().funnel(STEPS, within="7d")
    assert result.plot(title="Three steps").title.text == "Three steps"


def test_a_conversion_chart_starts_at_nothing_and_carries_the_numbers_of_the_result() -> None:
    result = shop_log().conversion("purchase")
    rows = rows_of(plot.conversion(result))
    assert (rows[0]["time"], rows[0]["share"], rows[0]["at_risk"]) == (0, 0, 4)
    names = ["at_risk", "reached", "censored", "share", "share_low", "share_high"]
    assert [{name: row[name] for name in names} for row in rows[1:]] == [
        {name: row[name] for name in names} for row in table_rows(result)
    ]


def test_a_conversion_chart_has_a_panel_for_each_outcome() -> None:
    chart = plot.conversion(shop_log().conversion("purchase", competing="cart", by="channel"))
    assert isinstance(chart, alt.FacetChart)
    assert {row["outcome"] for row in rows_of(chart)} == {"purchase", "cart"}
    assert {row["segment"] for row in rows_of(chart)} == {"web", "app", "(missing)"}


def test_a_conversion_chart_of_many_times_stays_small_and_keeps_the_ends() -> None:
    rows = [("u", "a", 0)]
    for i in range(5_000):
        rows += [(f"u{i}", "a", 0), (f"u{i}", "b", i)]
    data = {name: [row[i] for row in rows] for i, name in enumerate(("customer", "event", "time"))}
    log = safar.EventLog(data, customer="customer", time="time", event="event", time_unit="s")
    result = log.conversion("b")
    drawn, table = rows_of(plot.conversion(result)), table_rows(result)
    assert len(drawn) <= 1_002
    assert drawn[-1]["share"] == table[-1]["share"]
    assert all(row["share"] in {row["share"] for row in table} for row in drawn[1:])


def test_a_funnel_chart_carries_the_numbers_of_the_result() -> None:
    result = shop_log().funnel(STEPS, within="7d")
    rows, expected = rows_of(plot.funnel(result)), table_rows(result)
    steps = [row for row in rows if row["place"] == 0]
    assert [{name: row[name] for name in expected[0]} for row in steps] == expected
    assert [row["of_step_before"] for row in steps] == [None, 4, 2]
    assert [row["written"] for row in steps] == ["4", "2  (50.0%)", "1  (50.0%)"]
    parts = [[row["number"] for row in rows if row["step"] == step] for step in (1, 2, 3)]
    assert [sum(each) for each in parts] == [4, 2, 1]
    assert [each[1:] for each in parts] == [[row["still_open"], row["dropped"]] for row in expected]


def test_a_funnel_by_segments_has_a_panel_for_each() -> None:
    result = shop_log().funnel(STEPS, within="7d", by="channel")
    chart = plot.funnel(result)
    rows = rows_of(chart)
    assert isinstance(chart, alt.FacetChart)
    assert {row["segment"] for row in rows} == {"web", "app", "(missing)"}
    assert sum(row["customers"] for row in rows if row["step"] == 1 and row["place"] == 0) == 4


def test_a_retention_chart_carries_null_for_periods_that_are_not_over() -> None:
    result = shop_log().retention(period="week")
    rows = rows_of(plot.retention(result))
    assert [(row["share"], row["complete"]) for row in rows] == [
        (row["share"], row["complete"]) for row in table_rows(result)
    ]
    unfinished = [row for row in rows if not row["complete"]]
    assert unfinished
    assert {row["share"] for row in unfinished} == {None}
    assert not any(character.isdigit() for row in unfinished for character in row["written"])


def test_a_retention_chart_shades_only_complete_cells() -> None:
    layers = json.loads(plot.retention(shop_log().retention(period="week")).to_json())["layer"]
    shaded = [layer for layer in layers if layer["encoding"].get("color", {}).get("field") == "share"]
    assert [layer["transform"] for layer in shaded] == [[{"filter": "datum.complete"}]]


def test_a_retention_chart_writes_brackets_and_segments_of_all_cohorts() -> None:
    brackets = [(0, 0), (1, 1), (2, 7)]
    result = shop_log().retention(
        period="day", clock="rolling", brackets=brackets, cohort="all", by="channel"
    )
    chart = plot.retention(result)
    rows = rows_of(chart)
    assert isinstance(chart, alt.LayerChart)
    assert {row["number"] for row in rows} == {"0", "1", "2-7"}
    assert {row["label"] for row in rows} == {"web", "app", "(missing)"}
    assert [row["share"] for row in rows] == [row["share"] for row in table_rows(result)]


def test_a_lifecycle_chart_stacks_the_active_and_puts_the_dormant_below_zero() -> None:
    result = shop_log().lifecycle(period="week")
    rows = rows_of(plot.lifecycle(result))
    for line in table_rows(result):
        shown = {row["kind"]: row["shown"] for row in rows if row["period"] == line["period"].isoformat()}
        assert sum(number for kind, number in shown.items() if kind != "dormant") == line["active"]
        assert shown.get("dormant") == (None if line["dormant"] is None else -line["dormant"])
    by_channel = plot.lifecycle(shop_log().lifecycle(by="channel"))
    assert {row["segment"] for row in rows_of(by_channel)} == {"web", "app", "(missing)"}


def test_a_stickiness_chart_carries_the_totals() -> None:
    result = shop_log().stickiness(period="week")
    rows = rows_of(plot.stickiness(result))
    assert [{name: row[name] for name in result.totals().columns} for row in rows] == table_rows(
        result.totals()
    )
    by_channel = plot.stickiness(shop_log().stickiness(by="channel"))
    assert isinstance(by_channel, alt.FacetChart)
    assert {row["segment"] for row in rows_of(by_channel)} == {"web", "app", "(missing)"}


def test_a_features_chart_counts_the_known_values_in_bars_beside_each_other() -> None:
    result = safar.datasets.shop(200).log().features("2026-02-01", observe="90d")
    chart = plot.features(result)
    panels = [panel for line in chart.vconcat for panel in line.hconcat]
    names = [panel.title.text[0] for panel in panels]
    groups = [entry.group for entry in result.entries if entry.name in names]
    assert [groups.count(group) for group in dict.fromkeys(groups)] == [2] * 7
    for panel, name in zip(panels, names, strict=True):
        values = result.values(name)
        known = values[~np.isnan(values)]
        rows = panel.data.values
        assert sum(row["rows"] for row in rows) == len(known)
        assert sum(row["share"] for row in rows) == pytest.approx(1)
        for row, after in itertools.pairwise(rows):
            assert row["to"] == after["from"]
            # Sums of steps such as 0.1 end in the last digit.
            inside = (known >= row["from"] - 1e-9) & (known < row["to"] - 1e-9)
            assert row["rows"] == inside.sum()
        missing = int((np.isnan(values)).sum()) / len(values)
        assert f"{100 * missing:.1f}%" in panel.title.subtitle


@pytest.mark.parametrize("values", [[3.0], [0.0, 1.0], [0.5, 0.5], [-7.25, 0.0, 1e9], [1e-9, 2e-9], [np.nan]])
def test_bars_of_features_hold_all_values_whatever_these_are(values: list[float]) -> None:
    customers = range(len(values))
    data = {"who": list(customers), "when": ["2026-03-01"] * len(values), "what": ["a"] * len(values)}
    log = safar.EventLog(data | {"much": values}, customer="who", time="when", event="what", value="much")
    result = log.features(features=safar.feature("m", "max", column="value"))
    rows = rows_of(plot.features(result))
    assert sum(row["rows"] for row in rows) == int((~np.isnan(values)).sum())
    assert len(rows) <= 13
    if rows:
        assert rows[0]["from"] <= min(values) + 1e-15
        assert rows[-1]["to"] >= max(values) or rows[-1]["bin"].endswith("and more")


def test_a_features_chart_draws_what_is_named_and_numbers_alone() -> None:
    result = shop_log().features("2026-03-20")
    chart = plot.features(result, names=["tenure_days", "events"])
    assert [panel.title.text[0] for panel in chart.vconcat[0].hconcat] == ["tenure_days", "events"]
    with pytest.raises(ArgumentError, match='names: "last_event" is a text'):
        plot.features(result, names="last_event")
    with pytest.raises(ArgumentError, match='"event" is not a feature; did you mean "events"'):
        plot.features(result, names="event")
    with pytest.raises(ArgumentError, match="none of the features is a number"):
        plot.features(shop_log().features("2026-03-20", features="state"))


def test_a_labels_chart_carries_the_totals_of_each_cutoff() -> None:
    result = asked_of(shop_log(), "labels")
    totals = table_rows(result.totals())
    assert len(totals) == 2
    names = ("customers", "eligible", "labelled", "share", "share_low", "share_high")
    rows = rows_of(plot.labels(result))
    assert [[row[name] for name in names] for row in rows] == [
        [row[name] for name in names] for row in totals
    ]
    assert [row["cut_off"] for row in rows] == ["2026-03-05 00:00", "2026-03-20 00:00"]
    assert [row["said"] for row in rows] == ["n = 2", "n = 3"]


def test_a_transitions_chart_carries_departures_that_include_the_ends() -> None:
    result = shop_log().transitions(inactivity="7d")
    rows = rows_of(plot.transitions(result))
    expected = {(row["from"], row["to"]): row for row in table_rows(result)}
    assert len(rows) == len(expected)
    for row in rows:
        assert row["share"] == expected[row["from"], row["to"]]["share"]
        assert row["share"] == row["events"] / row["departures"]


@pytest.mark.parametrize("what", ["matrix", "graph"])
def test_a_transitions_chart_without_quantiles_is_the_same_without_medians(what: Any) -> None:
    log = shop_log()
    plain, timed = (plot.transitions(log.transitions(quantiles=each), what=what) for each in (False, True))

    def rows(chart: Any) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if "median" not in name} for row in rows_of(chart)
        ]

    assert rows(plain) == rows(timed)
    assert "median" in timed.to_json()
    assert "median" not in plain.to_json()
    with pytest.raises(safar.ArgumentError, match=r'weight="median_seconds" needs times.*quantiles=True'):
        plot.transitions(log.transitions(quantiles=False), what=what, weight="median_seconds")


def test_a_transitions_chart_keeps_the_commonest_events_and_says_so() -> None:
    chart = plot.transitions(shop_log().transitions(), events=2)
    rows = rows_of(chart)
    assert {row["from"] for row in rows} <= {"(start)", "view", "cart"}
    assert "the 2 commonest of 4 events" in chart.title.subtitle[0]


def test_a_transitions_graph_has_a_way_for_each_transition_in_layers_by_position() -> None:
    result = shop_log().transitions()
    shapes = rows_of(plot.transitions(result, what="graph", weight="events"))
    drawn = {(row["from"], row["to"]): row["events"] for row in shapes if row.get("point") == 0}
    assert drawn == {(row["from"], row["to"]): row["events"] for row in table_rows(result)}
    layer = {row["event"]: row["x"] for row in shapes if row["part"] == "node"}
    assert layer["(start)"] == 0
    assert layer["(start)"] < layer["view"] < layer["cart"] < layer["purchase"] < layer["(open)"]
    thick = {row["edge"]: row["thickness"] for row in shapes if row.get("point") == 0}
    assert sorted(thick.values()) == sorted(drawn.values())
    ends = [row["thickness"] for row in shapes if row["part"] == "edge" and row["point"] == 16]
    assert sorted(ends) == [number / 4 for number in sorted(drawn.values())]
    assert (
        len(
            {
                row["edge"]
                for row in rows_of(plot.transitions(result, what="graph", most=2))
                if row["part"] == "edge"
            }
        )
        == 2
    )


def test_a_transitions_graph_of_touchpoints_is_layered_by_stage() -> None:
    journey_map = safar.JourneyMap.shop()
    log = safar.datasets.shop(100).log().with_map(journey_map)
    shapes = rows_of(plot.transitions(log.named_by("touchpoint").transitions(), what="graph", most=1_000))
    layer = {row["event"]: row["x"] for row in shapes if row["part"] == "node"}
    place = {stage.id: at for at, stage in enumerate(journey_map.stages)}
    stages = {each.name.en or each.id: place[each.stage] for each in journey_map.touchpoints}
    shown = [name for name in layer if not name.startswith("(")]
    assert len(shown) > 5
    for one in shown:
        for other in shown:
            assert (layer[one] < layer[other]) == (stages[one] < stages[other])


def two_channels() -> safar.EventLog:
    """Return a log of two channels: after `view` comes `cart` in one and `call` in the other, `purchase` alike."""
    after = {"app": ["cart"] * 45 + ["call"] * 5, "web": ["cart"] * 10 + ["call"] * 40}
    rows = [
        (f"{channel}{customer}", f"2026-03-0{day}", event, channel)
        for channel, events in after.items()
        for customer, second in enumerate(events)
        for day, event in enumerate(["view", second, "purchase"][: 3 if customer % 2 else 2], start=1)
    ]
    data = {
        name: [row[at] for row in rows] for at, name in enumerate(("customer", "time", "event", "channel"))
    }
    return safar.EventLog(
        data, customer="customer", time="time", event="event", channel="channel", observed_until="2027-01-01"
    )


def test_a_difference_of_transitions_is_masked_where_it_could_be_chance() -> None:
    result = two_channels().transitions(by="channel")
    rows = {
        (row["from"], row["to"]): row for row in rows_of(plot.transitions(result, compare=("app", "web")))
    }
    cart, purchase = rows["view", "cart"], rows["cart", "purchase"]
    assert (cart["ours"], cart["theirs"], cart["ours_of"], cart["theirs_of"]) == (0.9, 0.2, 50, 50)
    assert cart["difference"] == pytest.approx(0.7)
    # Newcombe's hybrid of the Wilson intervals of 45/50 and 10/50, by hand.
    low = 0.7 - np.hypot(0.9 - 0.7863976, 0.3303557 - 0.2)
    high = 0.7 + np.hypot(0.9565235 - 0.9, 0.2 - 0.1124375)
    assert (cart["difference_low"], cart["difference_high"]) == pytest.approx((low, high), abs=1e-4)
    assert (cart["certain"], cart["written"], cart["kind"]) == (True, "+70", "more often: app")
    assert (purchase["certain"], purchase["written"], purchase["kind"]) == (False, "", "could be chance")
    back = {
        (row["from"], row["to"]): row for row in rows_of(plot.transitions(result, compare=("web", "app")))
    }
    assert back["view", "cart"]["difference"] == -cart["difference"]
    assert back["view", "cart"]["p_adjusted"] == pytest.approx(cart["p_adjusted"])
    shapes = rows_of(plot.transitions(result, compare=("app", "web"), what="graph"))
    assert {row["kind"]: row["thickness"] > 0 for row in shapes if row.get("point") == 0} == {
        "more often: app": True, "more often: web": True, "could be chance": False
    }  # fmt: skip


def test_a_comparison_of_transitions_needs_two_segments_that_are_there() -> None:
    result = two_channels().transitions(by="channel")
    with pytest.raises(ArgumentError, match="compare: 'store' is not a segment"):
        plot.transitions(result, compare=("app", "store"))
    with pytest.raises(ArgumentError, match="must be two different segments"):
        plot.transitions(result, compare=("app", "app"))
    with pytest.raises(ArgumentError, match="by= a column"):
        plot.transitions(two_channels().transitions(), compare=("app", "web"))


def test_retention_curves_carry_the_means_and_the_complete_cells_of_cohorts() -> None:
    result = shop_log().retention(period="week")
    means, single = sets_of(plot.retention(result, what="curves"), "weighted")
    names = ("period", "weighted", "weighted_low", "weighted_high", "eligible")
    assert [[row[name] for name in names] for row in means] == [
        [row[name] for name in names] for row in table_rows(result.means())
    ]
    assert [row["share"] for row in single] == [row["share"] for row in table_rows(result) if row["complete"]]


def test_a_survival_curve_is_what_is_left_of_conversion() -> None:
    result = shop_log().conversion("purchase")
    rows = rows_of(plot.conversion(result, what="waiting"))
    assert rows[0]["share"] == 1
    for row, whole in zip(rows[1:], table_rows(result), strict=True):
        assert (row["share"], row["share_low"], row["share_high"]) == (
            1 - whole["share"], 1 - whole["share_high"], 1 - whole["share_low"]
        )  # fmt: skip


def test_tiles_of_paths_are_the_events_of_each() -> None:
    result = shop_log().paths()
    tiles = rows_of(plot.paths(result, what="tiles"))
    for row in table_rows(result):
        own = [tile["event"] for tile in tiles if tile["path"] == row["path"]]
        assert own == row["path"].split(" > ")


def test_bars_of_nps_are_its_groups() -> None:
    result = safar.nps({"score": [10, 9, 3, 7], "channel": ["app", "app", "app", "web"]}, by="channel")
    rows = rows_of(plot.scores(result, what="groups"))
    app = {row["group"]: (row["number"], row["share"]) for row in rows if row["segment"] == "app"}
    assert app == {"Detractors": (1, 1 / 3), "Passives": (0, 0), "Promoters": (2, 2 / 3)}
    with pytest.raises(ArgumentError, match="is for NPS, and this result is of CSAT"):
        safar.csat({"score": [5]}).plot(what="groups")


def test_a_trend_has_the_band_of_its_slopes() -> None:
    result = safar.trend(kpi_table())
    rows = rows_of(result.plot())
    columns = result.to_dict()
    for bound, name in (("trend_low", "slope_high"), ("trend_high", "slope_low")):
        assert (rows[10][bound] - rows[0][bound]) / 10 == pytest.approx(columns[name][0])
    assert all(row["trend_low"] <= row["trend"] <= row["trend_high"] for row in rows)


def test_a_sessions_chart_counts_each_session_once() -> None:
    result = shop_log().sessions("30m")
    lengths, events = (panel.data.values for panel in plot.sessions(result).hconcat)
    # By hand: ann 20 min and 0, bob 0 and 0 (a pause of 50 min), cyd 0 and 0, dan 0.
    assert [row["sessions"] for row in lengths] == [6, 0, 0, 0, 1, 0, 0]
    assert [row["sessions"] for row in events] == [6, 0, 1, 0, 0, 0, 0]
    assert [row["share"] for row in events] == [6 / 7, 0, 1 / 7, 0, 0, 0, 0]


def test_a_paths_chart_carries_the_most_frequent_paths_of_each_segment() -> None:
    result = shop_log().paths("sessions", by="channel")
    rows = rows_of(plot.paths(result, most=1))
    assert [(row["segment"], row["path"], row["units"]) for row in rows] == [
        ("app", "view", 2),
        ("web", "view", 1),
        ("(missing)", "view", 1),
        ("store", "خرید حضوری", 1),
    ]
    rows = rows_of(plot.paths(shop_log().paths()))
    assert [row["coverage"] for row in rows][-1] == 1


def test_a_steps_chart_carries_shares_that_add_up() -> None:
    rows = rows_of(plot.steps(shop_log().steps(positions=3)))
    for position in (1, 2, 3):
        assert sum(row["share"] for row in rows if row["position"] == position) == pytest.approx(1)
    assert {row["event"] for row in rows_of(plot.steps(shop_log().steps(positions=3), events=1))} == {
        "view",
        "(open)",
    }


def test_a_flow_chart_carries_the_edges_after_the_start() -> None:
    result = shop_log().flow(depth=3)
    shapes = rows_of(plot.flow(result))
    rows = [row for row in shapes if row.get("point") == 0]
    expected = [row for row in table_rows(result) if row["position"] > 0]
    drawn = [{name: row[name] for name in expected[0]} for row in rows]
    assert sorted(drawn, key=str) == sorted(expected, key=str)
    # A ribbon is as high as it has units, at both ends, and boxes hold their ribbons.
    for row in shapes:
        assert row["y_end"] - row["y"] == pytest.approx(row["units"])
    boxes = {(row["position"], row["to"]): row for row in shapes if row["part"] == "node"}
    for row in rows:
        box = boxes[row["position"], row["from"]]
        assert box["y"] <= row["y"] < row["y_end"] <= box["y_end"] + 1e-9
    assert {event for _, event in boxes} >= {"(open)"}


def test_a_flow_chart_puts_rare_events_together() -> None:
    log = shop_log()
    shapes = rows_of(plot.flow(log.flow(depth=3), events=1))
    sums = [
        sum(
            row["units"]
            for row in rows_of(plot.flow(log.flow(depth=3), events=events))
            if row.get("point") == 0
        )
        for events in (1, 9)
    ]
    assert sums[0] == sums[1]
    assert "other events" in {row["to"] for row in shapes}
    assert all(
        row["share"] is None
        for row in shapes
        if row["part"] == "ribbon" and "other events" in (row["from"], row["to"])
    )


def test_a_loops_chart_carries_the_numbers_of_the_result() -> None:
    result = shop_log().loops()
    rows = rows_of(plot.loops(result))
    assert rows == table_rows(result)
    assert rows[0]["event"] == "view"
    assert rows[0]["repeating_units"] == 1


def test_a_journeys_chart_carries_what_became_of_the_journeys_of_each_chain() -> None:
    log = shop_log()
    rows = rows_of(plot.journeys(log.journeys("10d", ends="purchase")))
    found = {(row["chain"], row["outcome"]): row["number"] for row in rows}
    # By hand: ann's journey converts, her view in the app and the others' last events end without, dan's is open.
    assert found == {
        ("app", "not converted"): 2,
        ("web", "converted"): 1,
        ("web", "open"): 1,
        ("(none)", "not converted"): 1,
        ("store", "open"): 1,
    }
    by_channel = plot.journeys(log.journeys(by="channel"))
    assert isinstance(by_channel, alt.FacetChart)
    assert {row["segment"] for row in rows_of(by_channel)} == {"web", "app", "(missing)"}


def test_a_separating_paths_chart_carries_the_strongest_of_the_result() -> None:
    paths = {"buyer": ["view", "review", "purchase"], "leaver": ["review", "view"], "other": ["view", "call"]}
    rows = [
        (f"{kind}{i}", f"2026-03-0{day}", event, kind[0] > "b")
        for kind, path in paths.items()
        for i in range(12)
        for day, event in enumerate(path, start=1)
    ]
    names = ("customer", "time", "event", "channel")
    data = {name: [str(row[i]) for row in rows] for i, name in enumerate(names)}
    log = safar.EventLog(
        data, customer="customer", time="time", event="event", channel="channel", observed_until="2027-01-01"
    )
    result = log.separating_paths("purchase")
    drawn = rows_of(plot.separating_paths(result, most=2))
    assert [{name: row[name] for name in result.columns} for row in drawn] == table_rows(result)[:2]
    with pytest.raises(ArgumentError, match="most=0"):
        plot.separating_paths(result, most=0)


def test_a_separating_paths_chart_has_a_panel_for_each_segment() -> None:
    chart = shop_log().separating_paths("purchase", by="channel").plot()
    assert isinstance(chart, alt.FacetChart)


@pytest.mark.parametrize("name", ["flow", "loops", "paths", "steps"])
def test_charts_of_paths_have_a_panel_for_each_segment(name: str) -> None:
    chart = getattr(shop_log(), name)(by="channel").plot()
    assert isinstance(chart, alt.FacetChart)


@pytest.mark.parametrize("name", list(plot.CHARTS))
def test_every_chart_mirrors_for_right_to_left(name: str) -> None:
    log = shop_log()
    result = asked_of(log, name)
    charts = {language: plot.plot(result, language=language).to_dict() for language in LANGUAGES}
    assert charts["en"]["title"]["anchor"] == "start"
    assert charts["fa"]["title"]["anchor"] == "end"
    # The boxes of a flow are named where they stand; all others have an axis where reading begins.
    at_the_right = '"reverse": true}, "title": "جایگاه"' if name == "flow" else '"orient": "right"'
    assert at_the_right in json.dumps(charts["fa"], ensure_ascii=False)
    assert at_the_right not in json.dumps(charts["en"])


def test_a_language_or_theme_that_is_none_is_refused() -> None:
    with pytest.raises(ArgumentError, match="language='de' is not a choice"):
        plot.funnel(shop_log().funnel(STEPS), language="de")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="theme='blue' is not a choice"):
        plot.funnel(shop_log().funnel(STEPS), theme="blue")  # type: ignore[arg-type]


def test_charts_leave_the_theme_of_the_user_alone() -> None:
    before = alt.theme.active
    shop_log().retention().plot()
    assert alt.theme.active == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_charts_and_page_have_the_same_colours(theme: Theme) -> None:
    palette = PALETTES[theme]
    named = (colours.BLUE, colours.PALE, colours.STEEL)
    assert tuple(colours.resolved(name, theme) for name in named) == (
        palette.blue,
        palette.pale,
        palette.steel,
    )


def test_charts_need_neither_pandas_nor_polars_nor_pyarrow() -> None:
    code = """
import sys
for name in ("pandas", "polars", "pyarrow"):
    sys.modules[name] = None
import safar
data = {"c": [1, 1], "t": ["2026-03-01", "2026-03-02"], "e": ["a", "b"]}
log = safar.EventLog(data, customer="c", time="t", event="e")
for result in (log.funnel(["a", "b"]), log.retention(), log.sessions(), log.transitions(),
               log.lifecycle(), log.stickiness()):
    assert '"$schema"' in result.plot().to_json()
"""
    package = str(Path(safar.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", list(plot.CHARTS))
def test_every_chart_compiles_to_a_picture(name: str) -> None:
    convert = pytest.importorskip("vl_convert", reason="needs the extra [images]")
    log = shop_log()
    result = asked_of(log, name)
    assert convert.vegalite_to_svg(plot.plot(result).to_json()).startswith("<svg")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chart_of_scores_carries_the_numbers_of_the_result(language: Language) -> None:
    surveys = {
        "score": [10, 9, 3, None, 8, 8, 1],
        "channel": ["app", "app", "store", "store", None, None, None],
        "stage": ["فروش"] * 7,
    }
    result = safar.nps(surveys, by=["stage", "channel"])
    chart = result.plot(language=language)
    expected = [(row["nps"], row["nps_low"], row["answers"]) for row in table_rows(result)]
    assert [(row["score"], row["low"], row["answers"]) for row in rows_of(chart)] == expected
    missing = {"en": "(missing)", "fa": "(نامشخص)"}[language]
    shown = [bare(row["segment"]) for row in rows_of(chart)]
    assert shown == ["فروش · app", "فروش · store", f"فروش · {missing}"]
    title = {"en": "Net Promoter Score", "fa": "شاخص خالص مروّجان"}[language]
    assert chart.to_dict()["title"]["text"] == title
    dots = next(layer for layer in chart.to_dict()["layer"] if layer["encoding"]["x"].get("field") == "score")
    assert dots["encoding"]["x"]["scale"] == {"domain": [-100, 100], "reverse": language == "fa"}


def test_a_chart_of_scores_shows_the_segments_with_the_most_answers() -> None:
    surveys = {"score": [5, 4, 5, None], "channel": ["a", "b", "b", "c"]}
    result = safar.csat(surveys, by="channel")
    assert [row["segment"] for row in rows_of(result.plot())] == ["a", "b"]
    fewer = result.plot(segments=1)
    assert [row["segment"] for row in rows_of(fewer)] == ["b"]
    assert "The 1 of 2 segments with the most answers" in fewer.to_dict()["title"]["subtitle"]
    with pytest.raises(ArgumentError, match="segments=0 must be at least 1"):
        result.plot(segments=0)


def kpi_table() -> dict[str, list[Any]]:
    """Return sixty days of a share with three bad ones, in two channels."""
    days = [str(day) for day in np.arange("2026-01-01", "2026-03-02", dtype="datetime64[D]")]
    usual = [40, 42, 38, 41, 39] * 12
    return {
        "date": days * 2,
        "kpi": ["conversion"] * 120,
        "form": ["share"] * 120,
        "direction": ["up"] * 120,
        "channel": ["وب"] * 60 + ["app"] * 60,
        "numerator": [*usual[:50], 9, 10, 11, *usual[53:], *[count + 4 for count in usual]],
        "denominator": [100] * 120,
        "target": [0.35] * 120,
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chart_of_alerts_carries_what_was_observed_and_expected(language: Language) -> None:
    result = safar.alerts(kpi_table(), rules=["chart"])
    chart = result.plot(language=language)
    data = json.loads(chart.to_json())["datasets"].values()
    rows = next(rows for rows in data if "observed" in rows[0])
    expected = [row for row in table_rows(result.periods()) if row["channel"] == "وب"]
    for name in ("observed", "expected", "expected_low", "expected_high", "target", "alarm", "reason"):
        assert [row[name] for row in rows] == [row[name] for row in expected]
    assert [row["date"] for row in rows if row["alarm"]] == ["2026-02-20", "2026-02-21", "2026-02-22"]
    assert [row["end"] for rows in data for row in rows if "end" in row] == ["2026-02-23"]
    title = chart.to_dict()["title"]
    assert bare(title["text"]) == "conversion · وب"
    assert bare(title["subtitle"][0]) == bare(result.sentences(language)[0])
    encodings = json.dumps(chart.to_dict())
    assert ('"reverse": true' in encodings) == (language == "fa")
    assert ('"orient": "right"' in encodings) == (language == "fa")


def test_which_alert_a_chart_shows_can_be_chosen() -> None:
    result = safar.alerts(kpi_table(), rules=["chart"])
    assert result.plot(0).to_dict() == result.plot().to_dict()
    assert result.plot(kpi="conversion", title="All").title.text == "All"
    with pytest.raises(ArgumentError, match="alert=1 is not a row of the alerts; expected 0 to 0"):
        result.plot(1)
    with pytest.raises(ArgumentError, match=r"kpi='conversions' .* did you mean \"conversion\""):
        result.plot(kpi="conversions")
    with pytest.raises(ArgumentError, match="both say what is drawn"):
        result.plot(0, kpi="conversion")
    quiet = {name: column[60:] for name, column in kpi_table().items()}
    with pytest.raises(ArgumentError, match="there is no alert to draw"):
        safar.alerts(quiet, rules=["chart"]).plot()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chart_of_a_trend_carries_its_line(language: Language) -> None:
    result = safar.trend(kpi_table())
    assert result.to_dict()["channel"] == ["app", "وب"]
    rows = rows_of(result.plot(language=language))
    assert [row["value"] for row in rows] == [count / 100 for count in kpi_table()["numerator"][60:]]
    slope = result.to_dict()["slope"][0]
    assert rows[-1]["trend"] - rows[0]["trend"] == pytest.approx(59 * slope)
    assert rows_of(result.plot(row=1))[51]["value"] == 0.1
    with pytest.raises(ArgumentError, match="row=2 is not a row of the trends; expected 0 to 1"):
        result.plot(row=2)
    with pytest.raises(ArgumentError, match="kpi='orders' is not in this result"):
        result.plot("orders")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chart_of_a_comparison_carries_the_numbers_of_the_result(language: Language) -> None:
    result = safar.compare_kpis(kpi_table(), by="channel", baseline="app")
    chart = result.plot(language=language)
    (row,) = [
        row for rows in json.loads(chart.to_json())["datasets"].values() for row in rows if "slice" in row
    ]
    (expected,) = table_rows(result)
    assert row["slice"] == "وب"
    for name in ("difference", "difference_low", "difference_high", "p_adjusted"):
        assert row[name] == expected[name]
    assert bare(row["said"]) == {"en": "p < 0.001", "fa": "پی کمتر از ۰٫۰۰۱"}[language]
    assert chart.to_dict()["title"]["anchor"] == ("end" if language == "fa" else "start")
    with pytest.raises(ArgumentError, match="kpi='orders' is not in this result"):
        result.plot("orders")


def test_charts_of_kpis_become_pictures() -> None:
    convert = pytest.importorskip("vl_convert", reason="needs the extra [images]")
    charts = [
        safar.alerts(kpi_table()).plot(),
        safar.trend(kpi_table()).plot(),
        safar.compare_kpis(kpi_table(), by="channel").plot(),
    ]
    for chart in charts:
        assert convert.vegalite_to_svg(chart.to_json()).startswith("<svg")


def test_a_conformance_chart_carries_the_commonest_deviations_and_what_became_of_each_step() -> None:
    result = shop_log(observed_until="2026-06-01").conformance(STEPS, goal="purchase", score="value")
    found = table_rows(result.deviations())
    drawn = rows_of(plot.conformance(result, most=2))
    assert [(row["kind"], row["units"], row["share"]) for row in drawn] == [
        (row["kind"], row["units"], row["share"]) for row in found[:2]
    ]
    assert drawn[0]["name"] == "3 purchase: skipped"
    steps = rows_of(plot.conformance(result, what="steps"))
    assert [row["units"] for row in steps if row["name"] == "2 cart"] == [
        table_rows(result.steps())[1][name]
        for name in ("in_order", "late", "out_of_order", "skipped", "not_due")
    ]
    assert {
        sum(row["units"] for row in steps if row["name"] == name) for name in ("1 view", "3 purchase")
    } == {4}
    assert "1 of 4 units conform" not in plot.conformance(result).to_dict()["title"]["subtitle"][0]
    with pytest.raises(ArgumentError, match="most=0 must be at least 1"):
        plot.conformance(result, most=0)
    with pytest.raises(ArgumentError, match="what='stages' is not a choice"):
        plot.conformance(result, what="stages")  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["deviations", "steps"])
def test_a_conformance_chart_has_a_panel_for_each_segment(what: Any) -> None:
    result = shop_log(observed_until="2026-06-01").conformance(STEPS, by="channel")
    chart = plot.conformance(result, what=what)
    assert isinstance(chart, alt.FacetChart)
    assert {row["segment"] for row in rows_of(chart)} == {"web", "app", "(missing)"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_emotion_curve_has_a_gap_where_nobody_answered(language: Language) -> None:
    data = {"who": [1, 2, 3], "at": ["2026-03-01"] * 3, "what": list("aab"), "stage": ["look", "look", "buy"]}
    log = safar.EventLog(data, customer="who", time="at", event="what", attributes=["stage"])
    surveys = {"who": [1, 2, 3], "at": ["2026-03-02"] * 3, "score": [2, 4, 5]}
    scored = log.with_scores(surveys, customer="who", time="at", score="score", scale="csat")
    curve = scored.emotion_curve(order=["look", "use", "buy"])
    chart = curve.plot(language=language)
    expected = [(row["stage"], row["mean"], row["mean_low"], row["answers"]) for row in table_rows(curve)]
    assert [(row["name"], row["mean"], row["low"], row["answers"]) for row in rows_of(chart)] == expected
    x = chart.to_dict()["layer"][0]["encoding"]["x"]
    assert x["sort"] == (["buy", "use", "look"] if language == "fa" else ["look", "use", "buy"])
    y = chart.to_dict()["layer"][0]["encoding"]["y"]
    assert y["scale"]["domain"] == [1.0, 5.0]
    assert y["axis"]["orient"] == ("right" if language == "fa" else "left")
    convert = pytest.importorskip("vl_convert", reason="needs the extra [images]")
    assert convert.vegalite_to_svg(chart.to_json()).startswith("<svg")


@pytest.mark.parametrize("language", ["en", "fa"])
def test_a_curve_keeps_its_height_until_the_next_step_in_both_directions(language: Language) -> None:
    convert = pytest.importorskip("vl_convert", reason="needs the extra [images]")
    found = safar.survival({"days": [2, 5, 9], "gone": [1, 1, 1]}, duration="days", event="gone")
    scene = convert.vegalite_to_scenegraph(found.plot(what="hazard", language=language).to_json())[
        "scenegraph"
    ]

    def marks(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for item in node.get("items", []):
            if node["marktype"] == "line":
                yield item
            for mark in item.get("items", []) if node["marktype"] == "group" else []:
                yield from marks(mark)

    points = list(marks(scene))
    heights = {"step-after": points[:-1], "step-before": points[1:]}[points[0]["interpolate"]]
    # Where a step begins is where time is less: at the left in English, at the right in Persian.
    begin = min if language == "en" else max
    assert len(points) == 4
    for (one, other), height in zip(itertools.pairwise(points), heights, strict=True):
        assert height["y"] == begin(one, other, key=lambda point: point["x"])["y"]


def test_a_chart_of_survival_begins_with_everybody_and_says_who_is_at_risk() -> None:
    watched = {"days": [1, 2, 3, 4, 5] * 4, "gone": [1, 0] * 10}
    found = safar.survival(watched, duration="days", event="gone")
    curve, numbers = (part.data["values"] for part in found.plot().vconcat)
    assert (curve[0]["time"], curve[0]["survival"]) == (0.0, 1.0)
    assert {row["time"]: row["survival"] for row in curve[1:]} == dict(
        zip(found.to_dict()["time"], found.to_dict()["survival"], strict=True)
    )
    # The curve turns pale at day 4, where 8 are at risk; the step there is drawn in both parts.
    assert [(row["time"], row["part"], row["few"]) for row in curve[3:6]] == [
        (3.0, 0, False),
        (4.0, 0, False),
        (4.0, 1, True),
    ]
    assert {row["time"]: row["number"] for row in numbers}[3] == 12
    with pytest.raises(ArgumentError, match='what="incidence" needs several causes'):
        found.plot(what="incidence")
