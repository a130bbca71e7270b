"""Columns added to a log: seen by conditions, segments and filters, and sharing everything else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import Event
from strategies import logs, public_log


def small() -> safar.EventLog:
    return safar.EventLog(
        {
            "customer": ["bob", "ann", "ann"],
            "time": ["2026-03-02", "2026-03-07", "2026-03-01"],
            "event": ["view", "purchase", "view"],
            "city": ["Yazd", "Qom", "Tabriz"],
        },
        customer="customer",
        time="time",
        event="event",
        attributes=["city"],
    )


@given(logs(), st.data())
def test_a_derived_column_answers_as_one_that_came_with_the_data(
    rows: list[Event], data: st.DataObject
) -> None:
    built = public_log(rows)
    labels = data.draw(st.lists(st.sampled_from(["x", "y", None]), min_size=len(built), max_size=len(built)))
    derived = built.with_columns({"label": labels})
    frame = derived.to_pandas()
    again = safar.EventLog(
        frame,
        customer="customer",
        time="time",
        event="event",
        attributes=["label"],
        observed_until=built.observed_until,
        timezone=built.timezone,
    )
    event = next(iter(built.events))
    for ask in (
        lambda log: log.funnel([event], by="label"),
        lambda log: log.funnel([event], hold="label"),
        lambda log: log.transitions(by="label"),
    ):
        assert ask(derived).to_dict() == ask(again).to_dict()


def test_the_order_is_that_of_the_log_and_columns_that_came_with_it_keep_theirs() -> None:
    log = small()
    derived = log.with_columns({"row": np.arange(3)})
    frame = derived.to_pandas()
    assert frame["row"].tolist() == [0, 1, 2]
    assert dict(zip(frame["time"].dt.strftime("%d"), frame["city"], strict=True)) == {
        "01": "Tabriz",
        "07": "Qom",
        "02": "Yazd",
    }
    assert derived.filter(where="row >= 1").to_pandas()["row"].tolist() == [1, 2]


def test_any_frame_gives_columns_and_the_old_log_is_as_it_was() -> None:
    log = small()
    for data in (
        {"a": [1, 2, 3]},
        pd.DataFrame({"a": [1, 2, 3]}),
        pl.DataFrame({"a": [1, 2, 3]}),
        pl.DataFrame({"a": [1, 2, 3]}).to_arrow(),
    ):
        assert log.with_columns(data).columns == {"city": log.columns["city"], "a": "Int64"}
    assert list(log.columns) == ["city"]


def test_a_column_of_the_same_name_gives_way() -> None:
    derived = small().with_columns({"city": ["a", "b", "c"]})
    assert list(derived.columns) == ["city"]
    assert derived.to_pandas()["city"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, 2]}, r'column "a" has 2 values; expected one for each of the 3 events'),
        ({"time": [1, 2, 3]}, r'can\'t be called "time": that is a role'),
        ({"a": [[1], [2], [3]]}, r'column "a"'),
        ({"a": [1, 2], "b": [1, 2, 3]}, r"different lengths"),
    ],
)
def test_what_is_no_column_of_the_log_is_refused(columns: dict[str, object], message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        small().with_columns(columns)


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(safar.SafarError, match="data is a int"):
        small().with_columns(3)  # type: ignore[arg-type]


def test_an_added_column_can_be_added_to() -> None:
    log = small().with_columns({"a": [1, 2, 3]}).with_columns({"b": [4, 5, 6]})
    assert list(log.columns) == ["city", "a", "b"]
    assert log.filter(where="a + b = 7").to_pandas()["a"].tolist() == [2]
