"""Labels: what became of each customer after a cut-off, by plain computation."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import safar
from feature_oracles import Future, Label, label, population
from oracles import DAY, Event, journeys
from safar.errors import ArgumentError, ArgumentTypeError, SafarError, UnknownColumnError, UnknownEventError
from strategies import BASE, CONDITIONS, columns_in, logs, moment, public_log, rows_in

# Whole days, so that events stand at the very ends of windows and terms.
DAYS = st.integers(0, 30).map(lambda day: BASE + day * DAY)
END = BASE + 60 * DAY


def rows_of(result: safar.LabelsResult) -> dict[tuple[str, int], Label]:
    """Return the labels by customer and cut-off."""
    columns = columns_in(result.table)
    columns.setdefault("value", [None] * len(result))
    names = ("customer", "at", "label", "events", "first", "value")
    found = {row[:2]: Label(*row[2:]) for row in zip(*(columns[name] for name in names), strict=True)}
    assert len(found) == len(result)
    return found


def days(us: int) -> dt.timedelta | None:
    return dt.timedelta(microseconds=us) if us else None


@st.composite
def futures(draw: st.DrawFn, rows: list[Event]) -> tuple[Future, dict[str, Any]]:
    """Draw what is waited for, as the oracle understands it and as it is asked for."""
    kind = draw(st.sampled_from(["inactivity", "event", "renewal"]))
    present = sorted({row.event for row in rows})
    names = draw(st.lists(st.sampled_from(present), min_size=1, max_size=2, unique=True))
    if kind == "inactivity":
        names = draw(st.none() | st.just(names))
    where, holds = draw(st.just((None, lambda _: True)) | st.sampled_from(CONDITIONS))
    predict, gap = (draw(st.integers(least, 10)) * DAY for least in (1, 0))
    again = kind == "event" and draw(st.booleans())
    term, grace = (draw(st.integers(least, 12)) * DAY if kind == "renewal" else 0 for least in (1, 0))
    future = Future(
        kind, predict, lambda e: (names is None or e.event in names) and holds(e), gap, again, term, grace
    )
    asked = {
        "predict": days(predict), "events": names, "where": where, "gap": days(gap), "again": again,
        "term": days(term), "grace": days(grace),
    }  # fmt: skip
    return future, asked


@given(st.data())
def test_labels_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs(DAYS, max_events=30))
    first = min(e.time for e in rows)
    future, asked = data.draw(futures(rows))
    moments = st.integers(1, 30).map(lambda day: first + day * DAY)
    cutoffs = sorted(data.draw(st.sets(moments, min_size=1, max_size=3)))
    observe = data.draw(st.none() | st.just(2 * DAY))
    if observe is not None and cutoffs[0] - observe < first - DAY:
        observe = None
    late = data.draw(st.booleans())
    # Known at once, four days later, or not written down.
    arrived = [None if e.score is None else e.time + e.score * 4 * DAY for e in rows]
    log = public_log(rows, observed_until=END + 30 * DAY, arrived=arrived)
    population_asked: dict[str, Any] = {
        "at": [moment(at) for at in cutoffs],
        "observe": None if observe is None else days(observe),
        "arrived": "arrived" if late else None,
        "active_where": "plan is not null",
    }
    result = log.labels(future.kind, **asked, **population_asked, value="value")  # type: ignore[arg-type]
    looked = population(
        rows,
        cutoffs,
        observe,
        lambda e: e.plan is not None,
        (lambda e: None if e.score is None else e.time + e.score * 4 * DAY) if late else None,
    )
    whole = journeys(rows)
    assert rows_of(result) == {(who, at): label(future, whole[who], at) for who, at in looked}
    features = log.features(**population_asked, features="recency")
    same = ["customer", "at"]
    assert rows_in(features.table, same) == rows_in(result.table, same)
    assert len(result.values()) == len(features.matrix()[0])


@given(logs(DAYS), st.integers(1, 20))
def test_totals_count_the_labels_of_each_cutoff(rows: list[Event], day: int) -> None:
    first = min(e.time for e in rows)
    cutoffs = [first + day * DAY, first + (day + 5) * DAY]
    result = public_log(rows, observed_until=END).labels(
        "event", at=[moment(at) for at in cutoffs], predict="6d", events=[rows[0].event]
    )
    totals = result.totals().to_dict()
    labels = rows_of(result)
    assert totals["at"] == [moment(at) for at in sorted({at for _, at in labels})]
    for place, at in enumerate(sorted({at for _, at in labels})):
        here = [row.label for (_, when), row in labels.items() if when == at]
        eligible = [each for each in here if each is not None]
        assert totals["customers"][place] == len(here)
        assert totals["eligible"][place] == len(eligible)
        assert totals["labelled"][place] == sum(eligible)
        if not eligible:
            assert totals["share"][place] is None
            continue
        wilson = stats.binomtest(sum(eligible), len(eligible)).proportion_ci(method="wilson")
        found = [totals[name][place] for name in ("share", "share_low", "share_high")]
        assert found == pytest.approx([sum(eligible) / len(eligible), wilson.low, wilson.high])


def shop(*rows: tuple[str, str, str], until: str = "2026-05-01") -> safar.EventLog:
    columns = dict(zip(("customer", "time", "event"), zip(*rows, strict=True), strict=True))
    return safar.EventLog(
        {name: list(values) for name, values in columns.items()},
        customer="customer",
        time="time",
        event="event",
        observed_until=until,
    )


SHOP = shop(
    ("ann", "2026-03-01", "renew"), ("bob", "2026-03-01", "renew"), ("bob", "2026-04-01", "renew"),
    ("cem", "2026-03-01", "renew"), ("cem", "2026-04-05", "renew"), ("dan", "2026-03-20", "renew"),
    ("eve", "2026-03-01", "view"), ("eve", "2026-03-31", "renew"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("grace", "cem"),
    [(None, True), ("3d", True), ("4d", False)],
)
def test_a_renewal_is_in_time_up_to_the_end_of_its_grace(grace: str | None, cem: bool) -> None:
    result = SHOP.labels("renewal", at="2026-03-25", predict="10d", events="renew", term="31d", grace=grace)
    found = {customer: row.label for (customer, _), row in rows_of(result).items()}
    # Dan's term ends later; eve had none before the cut-off.
    assert found == {"ann": True, "bob": False, "cem": cem, "dan": None, "eve": None}


def test_an_event_in_the_gap_is_of_neither_window_but_renews() -> None:
    result = SHOP.labels("inactivity", at="2026-03-28", gap="5d", predict="2d", events="renew")
    assert {row.label for row in rows_of(result).values()} == {True}
    renewal = SHOP.labels("renewal", at="2026-03-28", gap="4d", predict="2d", events="renew", term="31d")
    assert {who: row.label for (who, _), row in rows_of(renewal).items()}["bob"] is False


def test_values_are_numbers_with_nan_for_who_is_not_eligible() -> None:
    result = SHOP.labels("renewal", at="2026-03-25", predict="10d", events="renew", term="31d")
    found = dict(zip(result.to_dict()["customer"], result.values().tolist(), strict=True))
    assert (found["ann"], found["bob"]) == (1.0, 0.0)
    assert np.isnan(found["dan"])


def test_a_future_that_is_not_seen_yet_is_refused_to_the_instant() -> None:
    log = shop(("ann", "2026-03-01", "view"), until="2026-03-20")
    # The last instant of the window is the last that was observed.
    at = "2026-03-15 00:00:00.000001"
    assert len(log.labels(at=at, predict="5d")) == 1
    for further in ({"at": "2026-03-15 00:00:00.000002"}, {"gap": "1us"}):
        with pytest.raises(
            ArgumentError, match=r"cut-off of at latest 2026-03-1\d \d\d:\d\d or a shorter predict="
        ):
            log.labels(**{"at": at, "predict": "5d"} | further)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="at latest 2026-03-13 00:00"):
        log.labels("renewal", at="2026-03-14", predict="5d", events="view", term="20d", grace="2d")
    with pytest.raises(ArgumentError, match="longer than the data; choose a shorter predict="):
        log.labels(at="2026-03-15", predict="30d")


@given(logs(DAYS), st.integers(1, 10))
def test_a_question_asked_again_by_its_json_gives_the_same(rows: list[Event], day: int) -> None:
    log = public_log(rows, observed_until=END)
    at = moment(min(e.time for e in rows) + day * DAY)
    result = log.labels("event", at=at, predict="5d", events=[rows[0].event], gap="1d", value="value")
    again = safar.Spec.from_json(result.spec).run(log)
    assert (again.definition, again.spec) == (result.definition, result.spec)
    assert rows_of(again) == rows_of(result)


def test_a_definition_says_when_a_label_is_true() -> None:
    definition = SHOP.labels("event", at="2026-03-25", predict="10d", events="renew", gap="2d").definition
    assert definition == (
        "Customers with at least one event before the cut-off (2026-03-25 00:00:00, UTC); the observation window is "
        "all the time before it. The prediction window begins 2 days after the cut-off and lasts 10 days. The label is "
        "true where a customer has at least one renew event in it; those who had one before the cut-off are not "
        "eligible."
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "inactivty"}, ArgumentError, 'did you mean "inactivity"'),
        ({"at": None}, ArgumentError, 'labels need a cut-off with data after it: at="2026-06-01"'),
        ({"at": 5}, ArgumentTypeError, "at=5 is a int"),
        ({"predict": None}, ArgumentTypeError, "predict=None is a NoneType; expected a duration"),
        ({"predict": "0d"}, ArgumentError, "predict='0d' must be longer than 0"),
        ({"gap": "-1d"}, ArgumentError, "gap='-1d' must be longer than 0"),
        ({"kind": "event"}, ArgumentError, 'kind="event" needs events='),
        ({"kind": "renewal"}, ArgumentError, 'kind="renewal" needs events='),
        ({"kind": "renewal", "events": "renew"}, ArgumentError, 'kind="renewal" needs term='),
        ({"term": "3d"}, ArgumentError, 'kind="inactivity" takes no term='),
        ({"grace": "3d"}, ArgumentError, 'kind="inactivity" takes no grace='),
        ({"again": True}, ArgumentError, 'kind="inactivity" takes no again='),
        ({"again": 1}, ArgumentTypeError, "again=1"),
        ({"events": "buy"}, UnknownEventError, 'events "buy" is not an event of this log'),
        ({"where": "nothing > 1"}, UnknownColumnError, '"nothing" is not a column'),
        ({"where": 3}, ArgumentTypeError, "where=3 is a int"),
        ({"value": "worth"}, UnknownColumnError, 'value "worth" is not a column'),
        ({"active": "buy"}, UnknownEventError, 'active "buy" is not an event of this log'),
        ({"arrived": "known"}, UnknownColumnError, 'arrived "known" is not a column'),
        ({"observe": "90d"}, ArgumentError, "begins before the first event of the log"),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_refused(
    options: dict[str, Any], error: type[SafarError], message: str
) -> None:
    with pytest.raises(error, match=message):
        SHOP.labels(**{"at": "2026-03-25", "predict": "10d"} | options)
