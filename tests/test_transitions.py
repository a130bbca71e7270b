"""Transitions: every event has one way out, and the times between are exact."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import END, OPEN, SECOND, START, Edge, Event
from safar import _core
from strategies import (
    BASE,
    columns_in,
    core_log,
    in_order,
    logs,
    observed,
    plan,
    public_log,
    rows_in,
    wide_times,
)

VIRTUAL = {START, END, OPEN}
RELATIVE_ERROR = 1 / 128  # what a quantile of the times may be off by


def partial(
    rows: Sequence[Event], inactivity: int, until: int | None = None, quantiles: bool = False, **choice: Any
) -> _core.Table:
    log = core_log(rows, observed_until_us=until)
    params = {"inactivity_us": inactivity, "quantiles": quantiles, "max_edges": 1_000_000}
    return _core.run(log, "transitions", plan(params, **choice))


def totals(table: _core.Table) -> dict[tuple[str, str], list[Any]]:
    """Return edge -> events, customers, sum and, where the table has them, min and max of the times."""
    columns = columns_in(table)
    names = ["events", "customers", "time_sum_us", "time_min_us", "time_max_us"]
    found = {}
    for i, edge in enumerate(zip(columns["from"], columns["to"], strict=True)):
        assert edge not in found, "an edge stands twice"
        found[edge] = [columns[name][i] for name in names if name in columns]
    assert ("time_min_us" in columns) == ("time_histogram" in columns)
    return found


def expected_totals(edges: dict[tuple[str, str], Edge]) -> dict[tuple[str, str], list[Any]]:
    return {
        edge: [
            found.events,
            found.customers,
            *(f(found.times) if found.times else None for f in (sum, min, max)),
        ]
        for edge, found in edges.items()
    }


def same_totals(got: dict[tuple[str, str], list[Any]], edges: dict[tuple[str, str], Edge]) -> None:
    expected = expected_totals(edges)
    assert set(got) == set(expected)
    for edge, totals in got.items():
        assert totals == expected[edge][: len(totals)]


def finished(result: Any, segment: str | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    columns = columns_in(result.table)
    lines = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = [line for line in lines if line.get("segment") == segment]
    edges = {(line["from"], line["to"]): line for line in lines}
    assert len(edges) == len(lines), "an edge stands twice"
    return edges


# ----------------------------------------------------------------------------------------------------- oracle


@given(st.data())
def test_transitions_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    inactivity = data.draw(st.integers(1, 8)) * SECOND
    quantiles = data.draw(st.booleans())
    same_totals(
        totals(partial(rows, inactivity, until, quantiles)), oracles.transitions(rows, inactivity, until)
    )


@given(logs(wide_times()), st.sampled_from([1, oracles.DAY, 100_000 * oracles.DAY]))
def test_transitions_equal_the_oracle_over_three_centuries(rows: list[Event], inactivity: int) -> None:
    same_totals(totals(partial(rows, inactivity)), oracles.transitions(rows, inactivity))


@given(st.data())
def test_the_finished_table_equals_the_oracle(data: st.DataObject) -> None:
    rows = data.draw(logs(wide_times() if data.draw(st.booleans()) else None, max_events=40))
    until = observed(data.draw, rows)
    result = public_log(rows, observed_until=until).transitions(inactivity="3s")
    agree(finished(result), oracles.transitions(rows, 3 * SECOND, until))


def agree(lines: dict[tuple[str, str], dict[str, Any]], edges: dict[tuple[str, str], Edge]) -> None:
    from scipy.stats import binomtest

    assert set(lines) == set(edges)
    outgoing: dict[str, int] = defaultdict(int)
    for (source, _), edge in edges.items():
        outgoing[source] += edge.events
    for (source, target), edge in edges.items():
        line = lines[source, target]
        assert (line["events"], line["customers"]) == edge[:2]
        bounds = binomtest(edge.events, outgoing[source]).proportion_ci(method="wilson")
        assert line["share"] == pytest.approx(edge.events / outgoing[source])
        assert line["share_low"] == pytest.approx(bounds.low, abs=1e-9)
        assert line["share_high"] == pytest.approx(bounds.high, abs=1e-9)
        times = [time / SECOND for time in edge.times]
        if not times:
            for name in ("mean", "median", "p90", "min", "max"):
                assert line[f"{name}_seconds"] is None
            continue
        assert line["mean_seconds"] == pytest.approx(sum(edge.times) / len(times) / SECOND, rel=1e-12)
        assert (line["min_seconds"], line["max_seconds"]) == (times[0], times[-1])
        near_a_quantile(line["median_seconds"], times, 50)
        near_a_quantile(line["p90_seconds"], times, 90)


def near_a_quantile(found: float, times: Sequence[float], percent: int) -> None:
    """Assert that a value is within the relative error of the least time that so many do not exceed."""
    exact = sorted(times)[-(-percent * len(times) // 100) - 1]
    assert found == pytest.approx(exact, rel=RELATIVE_ERROR, abs=0)
    assert min(times) <= found <= max(times)


@given(st.data())
def test_segments_part_the_customers(data: st.DataObject) -> None:
    rows = data.draw(logs(unique_times=True))
    at = data.draw(st.sampled_from(["first", "last"]))
    until = oracles.last_time(rows)
    parts: dict[str | None, list[Event]] = defaultdict(list)
    for journey in oracles.journeys(rows).values():
        parts[journey[0 if at == "first" else -1].channel] += journey
    table = partial(rows, 2 * SECOND, by="channel", at=at)
    assert table.names[0] == "segment"
    assert set(columns_in(table)["segment"]) == set(parts)
    columns = columns_in(table)
    for segment, members in parts.items():
        keep = [i for i, cell in enumerate(columns["segment"]) if cell == segment]
        found = {
            (columns["from"][i], columns["to"][i]): (columns["events"][i], columns["customers"][i])
            for i in keep
        }
        edges = oracles.transitions(members, 2 * SECOND, until)
        assert found == {edge: tuple(count[:2]) for edge, count in edges.items()}


# ----------------------------------------------------------------------------------------------- identities


@given(logs(max_events=60), st.integers(1, 8))
def test_every_event_goes_in_once_and_out_once(rows: list[Event], seconds: int) -> None:
    found = totals(partial(rows, seconds * SECOND))
    customers = len({row.customer for row in rows})
    ends = {edge for edge in found if edge[1] in (END, OPEN)}
    assert sum(found[edge][0] for edge in found if edge[0] == START) == customers
    assert sum(found[edge][0] for edge in ends) == customers
    assert sum(found[edge][0] for edge in found if edge[0] != START) == len(rows)
    assert sum(found[edge][0] for edge in found if edge not in ends) == len(rows)
    assert all(edge[0] not in (END, OPEN) and edge[1] != START for edge in found)
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row.event] += 1
    for name, number in counts.items():
        assert sum(found[edge][0] for edge in found if edge[0] == name) == number
        assert sum(found[edge][0] for edge in found if edge[1] == name) == number


@given(logs(max_events=60))
def test_shares_of_what_leaves_a_node_sum_to_one(rows: list[Event]) -> None:
    shares: dict[str, float] = defaultdict(float)
    for (source, _), line in finished(public_log(rows).transitions(inactivity="2s")).items():
        assert 0 <= line["share_low"] <= line["share"] <= line["share_high"] <= 1
        shares[source] += line["share"]
    assert all(total == pytest.approx(1) for total in shares.values())
    assert set(shares) == {START, *(row.event for row in rows)}


# ------------------------------------------------------------------------------------------------------ edges


def test_a_last_event_is_open_while_its_inactivity_is_not_over() -> None:
    rows = [Event("u", BASE, "A")]
    for until, node in ((0, OPEN), (10, OPEN), (11, END)):
        found = totals(partial(rows, 10 * SECOND, BASE + until * SECOND))
        assert set(found) == {(START, "A"), ("A", node)}


def test_equal_times_keep_their_stored_order() -> None:
    rows = [Event("u", BASE, name) for name in "BABC"]
    found = totals(partial(rows, SECOND))
    assert set(found) == {(START, "B"), ("B", "A"), ("A", "B"), ("B", "C"), ("C", OPEN)}
    assert found["A", "B"][:3] == [1, 1, 0]


def test_a_loop_counts_its_customers_once() -> None:
    rows = [Event("u", BASE + i * SECOND, "A") for i in range(10)] + [Event("v", BASE, "A")]
    assert totals(partial(rows, SECOND))["A", "A"] == [9, 1, 9 * SECOND]


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "ABC"[i % 3]) for i in range(60_000)]
    found = totals(partial(rows, SECOND))
    assert found["A", "B"][:2] == [20_000, 1]
    assert found["C", "A"][:2] == [19_999, 1]


def test_the_mean_of_very_long_pauses_does_not_overflow() -> None:
    century = 36_525 * oracles.DAY
    rows = []
    for i in range(5_000):
        rows += [Event(f"u{i}", BASE - century, "A"), Event(f"u{i}", BASE + century, "B")]
    line = finished(public_log(rows).transitions())["A", "B"]
    assert line["mean_seconds"] == 2 * century / SECOND
    assert line["median_seconds"] == pytest.approx(2 * century / SECOND, rel=RELATIVE_ERROR)


def test_sums_beyond_a_word_are_exact() -> None:
    # 3 000 customers with three centuries between two events: 2.8 × 10¹⁹ µs in one edge, more than 64 bits hold.
    century = 100 * 365 * oracles.DAY
    rows = []
    for i in range(3_000):
        rows += [Event(f"u{i}", BASE - century, "A"), Event(f"u{i}", BASE + century + i, "B")]
    totals_of = totals(partial(rows, SECOND, quantiles=bool(len(rows) % 2)))
    exact = sum(2 * century + i for i in range(3_000))
    assert totals_of["A", "B"][2] == pytest.approx(exact, rel=1e-15)
    assert exact > 2**64
    parts = [
        partial([row for row in rows if int(row.customer[1:]) % 2 == half], SECOND, BASE * 9)
        for half in (0, 1)
    ]
    assert totals(_core.merge(parts))["A", "B"] == totals_of["A", "B"]


def test_quantiles_of_many_times_are_within_their_error() -> None:
    import random

    draw = random.Random(3)
    times = sorted(int(draw.lognormvariate(8, 3) * SECOND) for _ in range(20_000))
    rows = []
    for i, time in enumerate(times):
        rows += [Event(f"u{i}", BASE, "A"), Event(f"u{i}", BASE + time, "B")]
    line = finished(public_log(rows).transitions())["A", "B"]
    exact = [time / SECOND for time in times]
    near_a_quantile(line["median_seconds"], exact, 50)
    near_a_quantile(line["p90_seconds"], exact, 90)
    assert line["median_seconds"] == pytest.approx(statistics.median(exact), rel=0.02)
    assert line["mean_seconds"] == pytest.approx(sum(times) / len(times) / SECOND, rel=1e-12)
    assert (line["min_seconds"], line["max_seconds"]) == (exact[0], exact[-1])


def test_quantiles_of_times_of_few_microseconds_are_exact() -> None:
    rows = []
    for i, time in enumerate([0, 0, 0, 1, 2, 3, 3, 5, 64, 100]):
        rows += [Event(f"u{i}", BASE, "A"), Event(f"u{i}", BASE + time, "B")]
    line = finished(public_log(rows).transitions())["A", "B"]
    assert line["median_seconds"] == pytest.approx(2e-6)
    assert line["p90_seconds"] == pytest.approx(64e-6, rel=RELATIVE_ERROR)
    rows = [e for i in range(9) for e in (Event(f"u{i}", BASE, "A"), Event(f"u{i}", BASE + i // 5, "B"))]
    assert finished(public_log(rows).transitions())["A", "B"]["median_seconds"] == 0


def test_without_quantiles_the_means_stay_exact() -> None:
    rows = [Event("u", BASE, "A"), Event("u", BASE + 3 * SECOND, "B"), Event("v", BASE, "A")]
    rows += [Event("v", BASE + 4 * SECOND, "B")]
    line = finished(public_log(rows).transitions(quantiles=False))["A", "B"]
    assert line["mean_seconds"] == 3.5
    assert not {"median_seconds", "p90_seconds", "min_seconds", "max_seconds"} & set(line)


def test_the_result_keeps_the_spec_that_replays_it() -> None:
    rows = [Event(f"u{i % 7}", BASE + i * SECOND, "ABC"[i % 3], "web") for i in range(200)]
    log = public_log(rows)
    result = log.transitions(inactivity="1h", by="channel")
    again = safar.Spec.from_json(result.spec).run(log)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec
    assert in_order(rows_in(again.table)) == in_order(rows_in(result.table))
