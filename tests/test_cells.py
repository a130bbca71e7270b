"""Who stands in a cell: as many customers as the cell counts, in every analysis that counts customers in cells."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import SECOND, Event
from strategies import BASE, day_times, logs, public_log


def rows_of(table: Any, *names: str) -> list[tuple[Any, ...]]:
    columns = table.to_dict()
    return list(zip(*(columns[name] for name in names), strict=True))


def people(result: Any, *names: str) -> Counter[tuple[Any, ...]]:
    """Count the customers of each cell."""
    return Counter(row[1:] for row in set(rows_of(result.customers(), "customer", *names)))


@given(logs(max_events=30), st.sampled_from([None, "channel"]))
def test_as_many_customers_take_a_transition_as_its_edge_counts(rows: list[Event], by: str | None) -> None:
    result = public_log(rows).transitions(quantiles=False, by=by)
    cell = [*(["segment"] if by else []), "from", "to"]
    found = people(result, *cell)
    assert {row[:-1]: row[-1] for row in rows_of(result, *cell, "customers")} == dict(found)
    some = rows_of(result, "from", "to")[0]
    named = dict(zip(("from", "to"), some, strict=True))
    assert len(result.customers(**named)) == sum(n for key, n in found.items() if key[-2:] == some)


@given(
    logs(day_times(40), max_events=30),
    st.sampled_from(["on", "on_or_after", "on_or_before", "streak"]),
    st.sampled_from([None, ((0, 0), (1, 2), (4, 6))]),
    st.sampled_from(["calendar", "rolling"]),
    st.sampled_from(["period", "all"]),
    st.sampled_from([None, "channel"]),
)
def test_as_many_customers_came_back_as_a_cohort_counts(
    rows: list[Event], mode: Any, brackets: Any, clock: Any, cohort: Any, by: Any
) -> None:
    log = public_log(rows)
    result = log.retention(period="week", mode=mode, brackets=brackets, clock=clock, cohort=cohort, by=by)
    cell = [*(["segment"] if by else []), *(["cohort"] if cohort == "period" else []), "period"]
    found = people(result, *cell)
    counted = {row[:-1]: row[-1] for row in rows_of(result, *cell, "returned") if row[-1]}
    assert counted == dict(found)


@given(logs(day_times(40), max_events=30))
def test_a_customer_may_come_back_to_several_cohorts(rows: list[Event]) -> None:
    result = public_log(rows).retention(period="week", entry="recurring")
    found = people(result, "cohort", "period")
    assert {row[:-1]: row[-1] for row in rows_of(result, "cohort", "period", "returned") if row[-1]} == dict(
        found
    )


@given(logs(day_times(40), max_events=30), st.sampled_from([None, "plan"]))
def test_as_many_customers_live_through_a_period_as_it_counts(rows: list[Event], by: str | None) -> None:
    result = public_log(rows).lifecycle(period="week", by=by)
    cell = [*(["segment"] if by else []), "period"]
    found = people(result, *cell, "status")
    for status in ("new", "returning", "resurrected", "dormant"):
        for *key, count in rows_of(result, *cell, status):
            if count is not None:
                assert found[(*key, status)] == count
    assert sum(found.values()) == len(result.customers())


@given(logs(day_times(40), max_events=30))
def test_as_many_customers_are_there_on_so_many_days_as_stickiness_counts(rows: list[Event]) -> None:
    result = public_log(rows).stickiness(period="week")
    found = people(result, "period", "units")
    assert {row[:-1]: row[-1] for row in rows_of(result, "period", "units", "customers") if row[-1]} == dict(
        found
    )


@given(logs(max_events=30))
def test_as_many_customers_take_a_path_a_step_an_edge_and_a_loop_as_are_counted(rows: list[Event]) -> None:
    log = public_log(rows)
    for result, cell in (
        (log.paths(per="sessions", gap="3s", top=None), ("path",)),
        (log.steps(), ("position", "event")),
        (log.flow(), ("position", "from", "to")),
        (log.loops(), ("event",)),
    ):
        found = people(result, *cell)
        counted = {row[:-1]: row[-1] for row in rows_of(result, *cell, "customers") if row[-1]}
        assert counted == {key: found[key] for key in counted}


@given(logs(max_events=30))
def test_as_many_customers_convert_as_the_curve_counts(rows: list[Event]) -> None:
    rows = [*rows, Event("x", BASE, "A"), Event("x", BASE + SECOND, "B")]
    result = public_log(rows).conversion("B", start="A")
    outcomes = Counter(result.customers().to_dict()["outcome"])
    assert outcomes["B"] == sum(result.to_dict()["reached"])


def test_a_cell_is_named_by_columns_and_a_date_may_be_text() -> None:
    rows = [Event("u", BASE, "A"), Event("u", BASE + 8 * 86_400 * SECOND, "A"), Event("v", BASE, "A")]
    result = public_log(rows).retention(period="week")
    (cohort,) = set(result.to_dict()["cohort"])
    assert result.customers(cohort=str(cohort), period=1).to_dict()["customer"] == ["u"]
    assert result.customers(cohort=cohort, period=1).to_dict()["customer"] == ["u"]
    with pytest.raises(safar.SafarError, match='"peroid" says no cell of this result; did you mean "period"'):
        result.customers(peroid=1)
    with pytest.raises(safar.SafarError, match="is not a date"):
        result.customers(cohort="soon")
    with pytest.raises(safar.SafarError, match="period='x' is a str; expected a number"):
        result.customers(period="x")
    lifecycle = public_log(rows).lifecycle(period="week")
    assert len(lifecycle.customers(status="returning")) == 1
    assert len(public_log(rows[-1:]).lifecycle().customers(status="resurrected")) == 0
    with pytest.raises(safar.SafarError, match='did you mean "dormant"'):
        lifecycle.customers(status="dorment")
