"""Parts of a log: filtering it is the same as filtering the rows and building anew."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Event
from safar import _core
from strategies import (
    BASE,
    CONDITIONS,
    CUSTOMERS,
    NAMES,
    ROLES,
    big_log,
    big_table,
    columns_in,
    logs,
    moment,
    observed,
    public_log,
    rows_in,
)

# What a log says of its building, where a part and a log built anew differ.
BUILDING = {"rows", "filtered", "already_ordered", "out_of_order", "normalized", "bytes", "rejected"}


def same(left: safar.EventLog, right: safar.EventLog) -> None:
    """Assert that two logs hold the same and answer the same."""
    tables = [log.core.events_table(None) for log in (left, right)]
    assert rows_in(tables[0]) == rows_in(tables[1])
    assert tables[0].names == tables[1].names
    told = [{key: value for key, value in log.info.items() if key not in BUILDING} for log in (left, right)]
    assert told[0] == told[1]
    for view in ("offsets", "times", "events", "channels"):
        values = [log.core.view(view) for log in (left, right)]
        assert values[0].dtype == values[1].dtype
        assert values[0].tolist() == values[1].tolist()
    for column in ("event", "channel"):
        assert rows_in(left.core.names(column)) == rows_in(right.core.names(column))
    for by in ("plan", "score", "value"):
        assert left.sessions(by=by).to_dict() == right.sessions(by=by).to_dict()


def kept(rows: Sequence[Event], **asked: Any) -> list[Event]:
    """Filter the rows of a log, condition by condition."""

    def has(customer: str, names: Sequence[str]) -> bool:
        return any(row.customer == customer and row.event in names for row in rows)

    holds = dict(CONDITIONS)
    rules = {
        "customers": lambda row, ids: row.customer in ids,
        "with_event": lambda row, names: has(row.customer, names),
        "without_event": lambda row, names: not has(row.customer, names),
        "events": lambda row, names: row.event in names,
        "drop": lambda row, names: row.event not in names,
        "start": lambda row, time: row.time >= time,
        "end": lambda row, time: row.time < time,
        "where": lambda row, text: holds[text](row),
    }
    return [row for row in rows if all(rules[name](row, value) for name, value in asked.items())]


@st.composite
def questions(draw: st.DrawFn, rows: Sequence[Event]) -> dict[str, Any]:
    names = st.lists(st.sampled_from(sorted({row.event for row in rows})), min_size=1, unique=True)
    times = st.integers(0, 13).map(lambda second: BASE + second * SECOND)
    asked = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "customers": st.lists(st.sampled_from([*CUSTOMERS, "nobody"]), min_size=1),
                "with_event": names,
                "without_event": names,
                "events": names,
                "drop": names,
                "start": times,
                "end": times,
                "where": st.sampled_from([text for text, _ in CONDITIONS]),
            },
        ).filter(bool)
    )
    if "start" in asked and "end" in asked and asked["start"] >= asked["end"]:
        del asked["start"]
    return asked


@given(st.data())
def test_filtering_a_log_equals_filtering_its_rows_and_building_anew(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    asked = data.draw(questions(rows))
    log = public_log(rows, observed_until=until)
    if data.draw(st.booleans()):
        log.sessions(by="plan")  # brings a column into order, which the part may then use
    written = {k: moment(value) if k in ("start", "end") else value for k, value in asked.items()}
    expected = kept(rows, **asked)
    if not expected:
        with pytest.raises(safar.DataError, match=f"no event is left of {len(rows)}"):
            log.filter(**written)
        return
    part = log.filter(**written)
    same(part, public_log(expected, observed_until=min(until, asked.get("end", until))))
    assert part.info["filtered"] == len(rows) - len(expected)
    assert part.info["rows"] == len(rows)
    # And a part of a part.
    again = kept(expected, events=[expected[0].event])
    same(
        part.filter(events=expected[0].event),
        public_log(again, observed_until=min(until, asked.get("end", until))),
    )


@given(logs())
def test_a_condition_that_all_meet_leaves_the_log_as_it_was(rows: list[Event]) -> None:
    log = public_log(rows, observed_until=oracles.last_time(rows))
    same(log.filter(sample=1.0), log)
    same(log.filter(where="event is not null"), log)


# ------------------------------------------------------------------------------------------------------ sample


def customers_of(log: _core.EventLog) -> list[Any]:
    return columns_in(log.customers())["customer"]


def sampled(log: _core.EventLog, share: float) -> _core.EventLog:
    return log.filter(json.dumps({"sample": share}))


def test_a_sample_has_about_its_share_and_a_smaller_one_lies_within() -> None:
    rows = [Event(f"customer {i}", BASE + i, "A") for i in range(20_000)]
    log = public_log(rows).core
    tenth, fifth = customers_of(sampled(log, 0.1)), customers_of(sampled(log, 0.2))
    # Four standard deviations of a binomial number.
    assert abs(len(tenth) - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5
    assert abs(len(fifth) - 4_000) < 4 * (20_000 * 0.2 * 0.8) ** 0.5
    assert set(tenth) < set(fifth)


def test_every_part_of_the_data_keeps_the_same_customers() -> None:
    rows = [Event(f"u{i % 500}", BASE + i, "AB"[i % 2]) for i in range(3_000)]
    whole = set(customers_of(sampled(public_log(rows).core, 0.3)))
    for part in (rows[:1_000], rows[1_500:], [row for row in rows if row.event == "A"]):
        here = {row.customer for row in part}
        assert set(customers_of(sampled(public_log(part).core, 0.3))) == whole & here


def test_an_id_is_in_or_out_whatever_its_width() -> None:
    found = []
    for kind in ("int16", "int64", "uint64"):
        table = _core.Table(
            {
                "customer": np.arange(1_000, dtype=kind),
                "time": np.full(1_000, BASE).astype("datetime64[us]"),
                "event": np.array(["A"] * 1_000, dtype=object),
            }
        )
        roles = ROLES | {"channel": None, "value": None, "attributes": []}
        found.append(customers_of(sampled(_core.EventLog.build(table, json.dumps(roles)), 0.2)))
    assert found[0] == found[1] == found[2]


# --------------------------------------------------------------------------------------------------- customers


def log_of_ids(ids: Any) -> safar.EventLog:
    data = {"who": ids, "when": ["2026-03-01"] * len(ids), "what": ["A"] * len(ids)}
    return safar.EventLog(data, customer="who", time="when", event="what")


def test_customers_are_found_by_number_text_and_uuid() -> None:
    numbers = log_of_ids(np.array([3, -5, 2**62]))
    assert numbers.filter(customers=[-5, 2**62]).customers == 2
    assert numbers.filter(customers=np.array([3])).customers == 1
    assert log_of_ids(np.array([3, 2**64 - 1], dtype=np.uint64)).filter(customers=2**64 - 1).customers == 1
    assert log_of_ids(["007", "7"]).filter(customers="007").to_pandas()["customer"].tolist() == ["007"]
    ids = [uuid.UUID(int=i) for i in range(3)]
    assert log_of_ids([str(each) for each in ids]).filter(customers=ids[1:]).customers == 2


def test_ids_of_another_kind_are_refused_and_not_merely_missed() -> None:
    with pytest.raises(safar.ArgumentTypeError, match='holds "3", but the ids of this log are whole numbers'):
        log_of_ids(np.array([3])).filter(customers=["3"])
    with pytest.raises(safar.ArgumentTypeError, match="holds 7, but the ids of this log are text"):
        log_of_ids(["7"]).filter(customers=[7])


# ------------------------------------------------------------------------------------------------------- edges


def test_dates_are_half_open_and_wall_clock_of_the_log() -> None:
    times = ["2026-03-01 23:59:59", "2026-03-02 00:00", "2026-03-02 23:59:59", "2026-03-03 00:00"]
    data = {"who": list("abcd"), "when": times, "what": ["A"] * 4}
    log = safar.EventLog(data, customer="who", time="when", event="what", timezone="Asia/Tehran")
    part = log.filter(start="2026-03-02", end="2026-03-03")
    assert sorted(part.to_pandas()["customer"]) == ["b", "c"]
    assert part.observed_until.isoformat() == "2026-03-03T00:00:00+03:30"


def test_what_was_cut_off_at_the_end_is_open_and_not_dropped() -> None:
    rows = [Event("u", BASE, "A"), Event("u", BASE + DAY, "C"), Event("u", BASE + 5 * DAY, "B")]
    log = public_log(rows, observed_until=BASE + 30 * DAY)
    assert log.funnel(["A", "C", "B"], within="7d").completed == 1
    part = log.filter(end=moment(BASE + 3 * DAY))
    assert part.observed_until == moment(BASE + 3 * DAY)
    assert part.funnel(["A", "C", ("A", "C")], within="7d").still_open == 1
    assert log.filter(end=moment(BASE + 60 * DAY)).observed_until == log.observed_until
    assert log.filter(drop="B").observed_until == log.observed_until


def test_a_part_keeps_nothing_of_the_whole_alive() -> None:
    log = _core.EventLog.build(big_table(200_000, 20_000), json.dumps(ROLES))
    part = log.filter(json.dumps({"sample": 0.01, "events": ["A"]}))
    told, of = json.loads(part.info()), json.loads(log.info())
    assert told["bytes"] < of["bytes"] / 50
    assert columns_in(part.names("event")) == {"name": ["A"], "events": [told["events"]]}


def test_labels_that_no_event_bears_are_left_behind() -> None:
    import pyarrow as pa

    kinds = pa.array(["x", None, "z"]).dictionary_encode()
    table = pa.table({"who": [1, 2, 3], "when": ["2026-03-01"] * 3, "what": list("ABC"), "kind": kinds})
    log = safar.EventLog(table, customer="who", time="when", event="what", attributes=["kind"])
    part = log.filter(drop="C")
    assert part.events == {"A": 1, "B": 1}
    column = pa.table(part)["kind"].combine_chunks()
    assert column.type == kinds.type
    assert column.dictionary.to_pylist() == ["x"]
    assert set(column.to_pylist()) == {"x", None}
    nothing = pa.table(log.filter(events="B"))["kind"].combine_chunks()
    assert (nothing.dictionary.to_pylist(), nothing.to_pylist()) == ([], [None])
    assert pa.table(log.filter(events="B").filter(events="B"))["kind"].to_pylist() == [None]


def test_a_part_merges_with_other_parts() -> None:
    rows = [Event(f"u{i}", BASE + i * SECOND, "AB"[i % 2]) for i in range(100)]
    log = public_log(rows)
    first = [f"u{i}" for i in range(40)]
    second = [f"u{i}" for i in range(40, 100)]
    question = safar.Sessions("1h")
    plan = json.dumps(question.plan(log))
    parts = [_core.run(log.filter(customers=ids).core, "sessions", plan) for ids in (first, second)]
    assert _core.merge(parts).num_rows == 100


def test_a_big_log_gives_the_same_part_as_the_rows() -> None:
    log = big_log(600_000, 50_000)
    part = log.filter(json.dumps({"where": "score = 1", "drop": ["A"], "sample": 0.5}))
    rows = rows_in(log.events_table(None))
    inside = set(customers_of(sampled(log, 0.5)))
    names = log.events_table(None).names
    who, what, score = (names.index(name) for name in ("customer", "event", "score"))
    expected = [row for row in rows if row[who] in inside and row[what] != "A" and row[score] == 1]
    assert rows_in(part.events_table(None)) == expected


# ---------------------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({}, safar.ArgumentError, "at least one condition"),
        (
            {"events": "AA"},
            safar.UnknownEventError,
            'events "AA" is not an event of this log; did you mean "A"',
        ),
        ({"without_event": []}, safar.ArgumentError, "without_event is an empty list"),
        ({"sample": 10}, safar.ArgumentError, "for 10 per cent write 0.1"),
        ({"sample": 0}, safar.ArgumentError, "above 0"),
        ({"sample": "all"}, safar.ArgumentTypeError, "expected a share"),
        ({"customers": []}, safar.ArgumentError, "empty list"),
        ({"customers": [1.5]}, safar.ArgumentTypeError, "customers holds 1.5, a float"),
        ({"customers": 1.5}, safar.ArgumentTypeError, "expected an id or a list of ids"),
        ({"customers": [2**70]}, safar.ArgumentError, "does not fit 64 bits"),
        ({"start": "2026-03-02", "end": "2026-03-01"}, safar.ArgumentError, "is not before end"),
        ({"start": "soon"}, safar.ArgumentError, "start='soon' is not a time"),
        ({"where": "revenue > 0"}, safar.UnknownColumnError, '"revenue" is not a column'),
        ({"where": "value >"}, safar.ArgumentError, "value >"),
    ],
)
def test_a_wrong_question_is_refused_with_the_way_out(
    asked: dict[str, Any], error: type[Exception], message: str
) -> None:
    rows = [Event("u", BASE + i, name) for i, name in enumerate(NAMES)]
    with pytest.raises(error, match=message):
        public_log(rows).filter(**asked)


def test_conditions_of_one_call_look_at_the_whole_log() -> None:
    rows = [Event("u", BASE, "A"), Event("u", BASE + 1, "B"), Event("v", BASE, "A")]
    log = public_log(rows)
    assert log.filter(events="A", with_event="B").customers == 1
    with pytest.raises(safar.UnknownEventError):
        log.filter(events="A").filter(with_event="B")


def test_the_customers_of_a_cell_make_a_log_of_their_own() -> None:
    data = {
        "who": [1, 1, 2, 3, 3],
        "at": [f"2026-03-0{day}" for day in (1, 2, 1, 1, 3)],
        "what": ["view", "buy", "view", "view", "view"],
    }
    log = safar.EventLog(data, customer="who", time="at", event="what", observed_until="2026-05-01")
    funnel = log.funnel(["view", "buy"], within="7d", entry="all")
    part = log.filter(customers=funnel.customers(step=1, status="dropped"))
    assert (part.customers, len(part)) == (2, 3)
    with pytest.raises(safar.SafarError, match="a table without a row"):
        log.filter(customers=funnel.customers(step=2, status="dropped"))
    with pytest.raises(safar.SafarError, match='without the column "customer"'):
        log.filter(customers=funnel)


@given(logs(), st.data())
def test_a_part_that_shares_columns_holds_and_answers_the_same(
    rows: list[Event], data: st.DataObject
) -> None:
    log = public_log(rows)
    if data.draw(st.booleans()):
        # Columns that were asked for stand in the order of the log already.
        log.core.events_table(None)
    for _ in range(data.draw(st.integers(1, 3))):
        event = data.draw(st.sampled_from(sorted(log.events)))
        asked = data.draw(st.sampled_from([{"events": [event]}, {"with_event": [event]}, {"sample": 1.0}]))
        plain, log = log.selected(asked), log.selected(asked | {"shared": True})
        same(log, plain)
