"""Features: what is known of each customer at a cut-off, and nothing that came later."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safar
from feature_oracles import MEASURES, Arrival, Asked, Row, population, value
from oracles import DAY, SECOND, Event, Predicate
from safar.errors import ArgumentError, ArgumentTypeError, SafarError, UnknownColumnError, UnknownEventError
from safar.features import GROUPS
from safar.features import MEASURES as KNOWN
from safar.language import Locale
from strategies import BASE, CHANNELS, CONDITIONS, NAMES, columns_in, logs, moment, public_log

# Of all three, the middle one sets its clock while the logs go on.
ZONES = ["UTC", "Europe/Berlin", "Asia/Tehran"]
# By score, how late an event became known, µs; that of the others is not written down.
DELAYS = {0: 1, 1: 5 * DAY, 2: 30 * DAY}
FURTHER: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "column": st.fixed_dictionaries({"column": st.sampled_from(["value", "score"])}),
    "text": st.fixed_dictionaries({"column": st.sampled_from(["plan", "channel", "event"])}),
    "value": st.sampled_from(
        [{"column": "plan", "value": "pro"}, {"column": "channel", "value": "web"}, {"column": "event", "value": "A"}]
    ),
    "hours": st.sampled_from([{"hours": (0, 6)}, {"hours": (2, 3)}, {"hours": (12, 24)}]),
    "weekday": st.fixed_dictionaries({"weekday": st.integers(0, 6)}),
    "days": st.just({"days": ("2024-03-20", "2024-03-31", "2024-04-01")}),
    "sequence": st.fixed_dictionaries({"sequence": st.lists(st.sampled_from(NAMES), min_size=1, max_size=3)}),
    "steps": st.fixed_dictionaries(
        {"steps": st.lists(st.sampled_from(["A", ["B", "C"], "D"]), min_size=1, max_size=4)}
    ),
    "closed": st.sampled_from([{"closed": ["B"]}, {"closed": ["C", "D"]}]),
}  # fmt: skip


def times() -> st.SearchStrategy[int]:
    """Times of eleven weeks with many ties, among them the hours in which clocks are set."""
    return st.builds(
        lambda day, second: BASE + day * DAY + second * SECOND // 2,
        st.integers(0, 76) | st.sampled_from([30, 31]),
        st.sampled_from([0, 3, 2 * 3600, 2 * 5400, 2 * 7200, 2 * 43_170, 2 * 75_600, 2 * 86_399]),
    )


def arrival(event: Event) -> int | None:
    return None if event.score is None else event.time + DELAYS[event.score]


class Question(NamedTuple):
    """What is asked of a log, and what the oracle has to know of it."""

    log: safar.EventLog
    rows: Sequence[Event]
    cutoffs: list[int]
    observe: int | None
    arrived: Arrival | None
    zone: str
    active: tuple[Sequence[str] | None, str | None, Predicate]

    def population(self) -> dict[tuple[str, int], Row]:
        names, _, holds = self.active
        return population(
            self.rows,
            self.cutoffs,
            self.observe,
            lambda e: (names is None or e.event in names) and holds(e),
            self.arrived,
        )

    def options(self) -> dict[str, Any]:
        names, where, _ = self.active
        return {
            "at": [moment(at) for at in self.cutoffs],
            "observe": None if self.observe is None else dt.timedelta(microseconds=self.observe),
            "arrived": None if self.arrived is None else "arrived",
            "active": names,
            "active_where": where,
        }


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Draw a log that has every event, and cut-offs within it, often at the very instant of events."""
    rows = [*draw(logs(times(), max_events=40)), *(Event("c0", BASE + DAY, name) for name in NAMES)]
    first = min(e.time for e in rows)
    until = max(e.time for e in rows) + draw(st.sampled_from([0, 1, 20 * DAY]))
    moments = st.sampled_from(sorted({e.time for e in rows})) | st.integers(first + 1, until + 1)
    cutoffs = sorted(draw(st.sets(moments.filter(lambda at: at > first), min_size=1, max_size=3)))
    longest = cutoffs[0] - first + DAY
    observe = draw(st.none() | st.sampled_from([us for us in (DAY, 7 * DAY, 40 * DAY) if us <= longest]))
    late = draw(st.booleans())
    zone = draw(st.sampled_from(ZONES))
    log = public_log(
        rows, zone=zone, observed_until=until, arrived=[arrival(e) for e in rows] if late else None
    )
    names = draw(st.none() | st.just(["A", "B"]))
    where, holds = draw(st.just((None, lambda _: True)) | st.sampled_from(CONDITIONS))
    return Question(log, rows, cutoffs, observe, arrival if late else None, zone, (names, where, holds))


def further(measure: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw what a measure needs."""
    needs = KNOWN[measure].needs
    if "column" in needs and "value" not in needs:
        texts = measure in ("last_text", "distinct", "entropy", "switches")
        return FURTHER["text" if texts else "column"]
    named = next((need for need in needs if need in FURTHER and need != "column"), None)
    return st.just({}) if named is None else FURTHER[named]


@st.composite
def features(draw: st.DrawFn, question: Question, measure: str) -> tuple[safar.Feature, Asked]:
    """Draw a feature as it is asked for, and as the oracle understands it."""
    more = draw(further(measure))
    names = draw(st.none() | st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
    if measure == "open":
        names = ["A"]
    where, holds = draw(st.just((None, lambda _: True)) | st.sampled_from(CONDITIONS))
    # Weeks of another time than the observation window: `test_weeks_are_those_of_the_time_that_is_looked_at`.
    of_window = measure.startswith("week_")
    history = draw(st.booleans()) and not of_window
    longest = question.cutoffs[0] - min(e.time for e in question.rows) + DAY
    if question.observe is not None and not history:
        longest = question.observe
    lengths = [us for us in (SECOND, DAY, 29 * DAY, 60 * DAY) if us <= longest]
    within = None if of_window else draw(st.none() | st.sampled_from(lengths))
    feature = safar.feature(
        measure, measure, events=names, where=where, history=history,
        within=None if within is None else dt.timedelta(microseconds=within), **more,
    )  # fmt: skip
    return feature, Asked(measure, names, holds, within, history, more, question.zone)


def found_in(result: safar.Result) -> dict[tuple[Any, int], dict[str, Any]]:
    """Return the rows by customer and cut-off."""
    columns = columns_in(result.table)
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    found = {(row.pop("customer"), row.pop("at")): row for row in rows}
    assert len(found) == len(rows)
    return found


def assert_same(found: Any, expected: Any, measure: str) -> None:
    """Assert that a value is that of the oracle; a time of day may stand on either side of midnight."""
    if measure == "mean_hour" and found is not None and expected is not None:
        assert 0 <= found < 24
        assert math.cos((found - expected) * math.pi / 12) == pytest.approx(1)
        return
    if isinstance(expected, float | int):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    else:
        assert found == expected


# --------------------------------------------------------------------------------------------------- measures


def test_every_measure_has_an_oracle() -> None:
    assert set(MEASURES) == set(KNOWN)


@given(st.data())
@settings(max_examples=200)
def test_features_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    question = data.draw(questions())
    chosen = data.draw(st.lists(st.sampled_from(sorted(MEASURES)), min_size=1, max_size=8, unique=True))
    asked = [data.draw(features(question, measure)) for measure in chosen]
    result = question.log.features(**question.options(), features=[feature for feature, _ in asked])
    expected = question.population()
    found = found_in(result)
    assert set(found) == set(expected)
    for key, row in expected.items():
        for feature, oracle in asked:
            assert_same(found[key][feature.name], value(oracle, row), oracle.measure)


def rows_of_a_year() -> list[Event]:
    """Return the events of thirty customers with one to sixty of them, from autumn to spring."""
    draw = random.Random(20)
    rows = []
    for number in range(30):
        at = BASE - draw.randrange(40, 180) * DAY
        for _ in range(draw.choice([1, 2, 3, 6, 12, 30, 60])):
            at += round(draw.expovariate(1 / 3) * DAY) if draw.random() < 0.7 else draw.choice([0, DAY, 1])
            rows.append(
                Event(
                    f"c{number}", at, draw.choice(NAMES), draw.choice(CHANNELS), draw.choice([None, -1.5, 2.0, 7.25]),
                    draw.choice([None, "free", "pro"]), draw.choice([None, 0, 1, 2]),
                )
            )  # fmt: skip
    draw.shuffle(rows)
    return rows


YEAR = rows_of_a_year()
GIVEN: dict[str, Any] = {
    "column": "value",
    "value": "web",
    "hours": (6, 18),
    "weekday": 2,
    "days": [f"2024-02-{day:02}" for day in range(1, 29)],
    "sequence": ["A", "B"],
    "steps": ["A", ["B", "C"], "D", "A"],
    "closed": ["B"],
    "events": ["A"],
}


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_each_measure_tells_customers_apart_as_the_oracle_does(measure: str) -> None:
    needs: Mapping[str, Any] = {need: GIVEN[need] for need in KNOWN[measure].needs}
    if measure in ("share", "last_text", "entropy", "distinct", "switches"):
        needs = needs | {"column": "channel"}
    log = public_log(YEAR, zone="Asia/Tehran")
    at = BASE + 3 * DAY
    result = log.features(moment(at), features=safar.feature("x", measure, **needs))
    names = needs.get("events")
    asked = Asked(
        measure, names, further={k: v for k, v in needs.items() if k != "events"}, zone=log.timezone
    )
    values = set()
    found = found_in(result)
    for key, row in population(YEAR, [at], None).items():
        expected = value(asked, row)
        assert_same(found[key]["x"], expected, measure)
        values.add(expected)
    assert len(values - {None}) > 1


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_each_measure_says_what_it_is_in_both_languages(measure: str) -> None:
    needs = {need: GIVEN[need] for need in KNOWN[measure].needs}
    for options in ({}, {"within": "7d"}, {"history": True, "where": "value > 0"}, {"events": "A"}):
        feature = safar.feature("x", measure, **options | needs)  # type: ignore[arg-type]
        persian = Locale("fa")
        assert Locale("en").say(feature.sentence) == feature.sentence
        said = persian.say(feature.sentence).replace("value > 0", "") + persian.say(feature.unit or "")
        for word in ("B", "A", "C", "D", "value", "web", "Goh", "Barabási", "Kim", "Jo", "s", "m", "n"):
            said = re.sub(rf"\b{word}\b", "", said)
        # Digits stand in formulas alone.
        assert not re.search("[A-Za-z02-9]", said), said


def small(*rows: tuple[Any, ...], **choice: Any) -> safar.EventLog:
    """Build a log of rows of customer, time, event and value."""
    columns = {
        name: [row[place] if place < len(row) else math.nan for row in rows]
        for place, name in enumerate(("customer", "time", "event", "value"))
    }
    roles: dict[str, Any] = {"customer": "customer", "time": "time", "event": "event", "value": "value"}
    return safar.EventLog(columns, **(roles | choice))


def one(log: safar.EventLog, measure: str, at: str, **options: Any) -> Any:
    """Return the only value of a feature."""
    result = log.features(at, features=safar.feature("x", measure, **options))
    (row,) = found_in(result).values()
    return row["x"]


def test_an_event_at_the_very_cutoff_is_of_the_future() -> None:
    log = small(("ann", "2026-03-01", "view"), ("ann", "2026-03-05", "view"), observed_until="2026-03-09")
    assert one(log, "count", "2026-03-05") == 1
    assert one(log, "count", "2026-03-05 00:00:00.000001") == 2
    assert one(log, "days_since_last", "2026-03-05") == 4


def test_a_window_holds_its_beginning() -> None:
    log = small(("ann", "2026-03-01", "view"), ("ann", "2026-03-05", "view"), observed_until="2026-03-09")
    assert one(log, "count", "2026-03-08", within="3d") == 1
    assert one(log, "count", "2026-03-08 00:00:00.000001", within="3d") == 0
    looked = log.features("2026-03-08", observe="7d", features="frequency").to_dict()
    assert looked["events"] == [2]
    assert len(log.features("2026-03-08 01:00", observe="3d", features="frequency")) == 0


def test_not_a_number_is_no_value() -> None:
    log = small(
        ("ann", "2026-03-01", "buy", 5.0),
        ("ann", "2026-03-02", "buy", float("nan")),
        ("ann", "2026-03-03", "buy"),
    )
    found = {
        measure: one(log, measure, "2026-03-03", column="value") for measure in ("sum", "mean", "last", "max")
    }
    assert found == {"sum": 5, "mean": 5, "last": 5, "max": 5}
    # A sum of nothing is 0; of events that have no value it is not known.
    assert one(log, "sum", "2026-03-03", column="value", where="value > 9") == 0
    assert one(log, "sum", "2026-03-03", column="value", within="1d") is None


def test_a_rhythm_that_alternates_has_the_published_numbers() -> None:
    # Goh and Barabási: −1 for equal gaps; Kim and Jo: 1 for one long pause among n whatever n is, and M = −1 for gaps
    # that alternate.
    equal = small(*(("ann", f"2026-03-{day:02}", "view") for day in range(1, 9)))
    assert one(equal, "burstiness", "2026-03-08") == -1
    assert one(equal, "memory", "2026-03-08") is None
    for many in (3, 10):
        burst = small(*[("ann", "2026-03-01", "view")] * many, ("ann", "2026-03-06", "view"))
        assert one(burst, "burstiness_finite", "2026-03-06 00:00:00.000001") == pytest.approx(1)
    days = (1, 2, 5, 6, 9, 10, 13)
    alternating = small(*(("ann", f"2026-03-{day:02}", "view") for day in days))
    assert one(alternating, "memory", "2026-03-13 00:00:00.000001") == pytest.approx(-1)


def test_times_of_day_are_those_of_the_clock_on_the_wall() -> None:
    # On 31 March 2024 the clocks of Berlin go from 2:00 to 3:00, on 27 October from 3:00 back to 2:00.
    rows = [
        ("ann", "2024-03-31 00:30+00:00", "view"),
        ("ann", "2024-03-31 01:30+00:00", "view"),
        ("bob", "2024-10-27 00:30+00:00", "view"),
        ("bob", "2024-10-27 01:30+00:00", "view"),
    ]
    log = small(*rows, timezone="Europe/Berlin", observed_until="2024-11-01")
    result = log.features("2024-11-01", features=[
        safar.feature("two", "hour_share", hours=(2, 3)), safar.feature("mean", "mean_hour"),
        safar.feature("sundays", "weekday_share", weekday=1), safar.feature("days", "active_days"),
    ])  # fmt: skip
    found = {customer: row for (customer, _), row in found_in(result).items()}
    assert [found["ann"][name] for name in ("two", "sundays", "days")] == [0, 1, 1]
    assert [found["bob"][name] for name in ("two", "sundays", "days")] == [1, 1, 1]
    assert found["ann"]["mean"] == pytest.approx(2.5)
    assert found["bob"]["mean"] == pytest.approx(2.5)


def test_hours_that_cancel_have_no_mean() -> None:
    log = small(
        ("ann", "2026-03-01 03:00", "view"), ("ann", "2026-03-01 15:00", "view"), observed_until="2026-03-02"
    )
    assert one(log, "mean_hour", "2026-03-02") is None
    assert one(log, "hour_concentration", "2026-03-02") == pytest.approx(0, abs=1e-12)


def test_an_event_may_follow_itself() -> None:
    log = small(*[("ann", "2026-03-01", "view")] * 3, observed_until="2026-03-02")
    assert one(log, "follows", "2026-03-02", sequence=["view", "view"]) == 2
    assert one(log, "follows", "2026-03-02", sequence=["view"]) == 3


def test_a_step_may_be_a_name_alone() -> None:
    log = small(("ann", "2026-03-01", "view"), observed_until="2026-03-02")
    assert safar.feature("x", "reached", steps="view").steps == (("view",),)
    assert one(log, "reached", "2026-03-02", steps="view") == 1


def test_a_condition_is_one_for_what_opens_and_for_what_closes() -> None:
    rows = [
        ("ann", "2026-03-01", "call", 1.0),
        ("ann", "2026-03-02", "solved"),
        ("ann", "2026-03-03", "call", 3.0),
    ]
    log = small(*rows, observed_until="2026-03-09")
    asked: dict[str, Any] = {"events": "call", "closed": "solved"}
    assert one(log, "open", "2026-03-09", **asked) == 1
    assert one(log, "open", "2026-03-09", where="value > 0", **asked) == 2
    sentence = safar.feature("x", "open", where="value > 0", **asked).sentence
    assert "each solved event with value > 0 closes one" in sentence


def test_persian_names_are_names() -> None:
    log = small(
        ("سارا", "2026-03-01", "خرید حضوری", 5.0),
        ("سارا", "2026-03-02", "بازدید"),
        observed_until="2026-03-09",
    )
    result = log.features("2026-03-09")
    (row,) = found_in(result).values()
    assert row["events_خرید حضوری"] == 1
    assert row["recency_days_بازدید"] == 7
    assert row["last_event"] == "بازدید"
    assert result.to_dict()["customer"] == ["سارا"]


@pytest.mark.parametrize("options", [{"history": True}, {"within": "29d"}, {"within": "10d"}])
def test_weeks_are_those_of_the_time_that_is_looked_at(options: dict[str, Any]) -> None:
    rows = [Event("c0", BASE + day * DAY, "A") for day in (0, 10, 20, 30, 33, 50, 59)]
    at = BASE + 60 * DAY
    result = public_log(rows, observed_until=at).features(
        moment(at), observe="36d", features=safar.feature("x", "week_slope", **options)
    )
    (row,) = population(rows, [at], 36 * DAY).values()
    within = int(options.get("within", "0d")[:-1]) * DAY or None
    expected = value(Asked("week_slope", within=within, history="history" in options), row)
    assert_same(result.to_dict()["x"][0], expected, "week_slope")


# ----------------------------------------------------------------------------------------------------- no leak


# All groups that a log without surveys has, and one feature of one's own.
EVERYTHING = [
    *(group for group in GROUPS if group != "voice"),
    safar.feature("p", "last_text", column="plan"),
]


@given(st.data())
def test_later_events_change_no_value_and_no_column(data: st.DataObject) -> None:
    question = data.draw(questions())
    last = question.cutoffs[-1]
    known = [e for e in question.rows if e.time < last]
    new = st.builds(
        Event,
        st.sampled_from(["c0", "c1", "c9", "مهمان"]),
        st.integers(last, last + 30 * DAY),
        st.sampled_from([*NAMES, "E", "خرید"]),
        st.sampled_from([*CHANNELS, "shop"]),
        st.sampled_from([None, 99.0]),
        st.sampled_from([None, "gold"]),
        st.sampled_from([None, 0]),
    )
    later = data.draw(st.lists(new, min_size=1, max_size=20))
    before = data.draw(st.integers(0, len(later)))
    both = [*later[:before], *known, *later[before:]]
    options = question.options() | {
        "arrived": None,
        "active": None,
        "active_where": None,
        "attributes": ["score"],
    }
    results = [
        public_log(rows, zone=question.zone, observed_until=last + 30 * DAY).features(
            **options, features=EVERYTHING
        )
        for rows in (known, both)
    ]
    assert_equal_results(*results)


@given(st.data())
def test_events_that_arrive_later_change_nothing_however_old_they_are(data: st.DataObject) -> None:
    rows = data.draw(logs(times(), max_events=30))
    first, until = min(e.time for e in rows), max(e.time for e in rows)
    at = data.draw(st.integers(first + 1, until + 1))
    known = [e for e in rows if e.time < at]
    late = [
        Event(f"c{number}", data.draw(st.integers(first - 50 * DAY, at - 1)), name, "shop", 99.0, "gold", 2)
        for number, name in data.draw(
            st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["A", "E"])), min_size=1)
        )
    ]
    results = [
        public_log(
            [*known, *more],
            observed_until=until,
            arrived=[*(e.time for e in known), *(at + 7 * place for place in range(len(more)))],
        ).features(moment(at), features=EVERYTHING, arrived="arrived", attributes=["score", "plan"])
        for more in ([], late)
    ]
    assert_equal_results(*results)


@given(questions())
def test_a_further_cutoff_changes_no_row_of_the_first_and_no_column(question: Question) -> None:
    options = question.options()
    whole = question.log.features(**options)
    alone = question.log.features(**options | {"at": options["at"][0]})
    assert alone.names == whole.names
    rows = found_in(whole)
    assert found_in(alone) == {key: row for key, row in rows.items() if key[1] == question.cutoffs[0]}


def assert_equal_results(one: safar.FeaturesResult, other: safar.FeaturesResult) -> None:
    assert [(entry.name, entry.sentence) for entry in one.entries] == [
        (entry.name, entry.sentence) for entry in other.entries
    ]
    assert one.table.schema == other.table.schema
    assert found_in(one) == found_in(other)


# ----------------------------------------------------------------------------------------------------- groups


def test_the_groups_are_made_of_what_was_before_the_first_cutoff() -> None:
    log = public_log(YEAR)
    result = log.features(moment(BASE - 60 * DAY), observe="60d")
    assert {entry.group for entry in result.entries} == set(GROUPS) - {"voice"}
    assert [name for name in result.names if name.startswith("events_")] == [
        "events_7d", "events_28d", *(name for name in result.names if name in {f"events_{each}" for each in NAMES}),
    ]  # fmt: skip
    assert {f"events_{each}" for each in NAMES} < set(result.names)
    assert {"channel_share_app", "channel_share_web"} < set(result.names)
    assert not [name for name in result.names if "90d" in name]


def test_only_the_commonest_events_have_features_of_their_own() -> None:
    rows = [("ann", f"2026-03-{day:02}", name) for day, name in enumerate("aaabbc", start=1)]
    names = (
        small(*rows, observed_until="2026-03-20").features("2026-03-20", most=2, features="frequency").names
    )
    assert names == ["events", "events_7d", "active_days", "events_a", "events_b"]
    # Before the first cut-off, b is not there yet.
    early = small(*rows, observed_until="2026-03-20").features(
        ["2026-03-04", "2026-03-20"], features="frequency"
    )
    assert early.names == ["events", "active_days", "events_a"]


def test_groups_are_the_features_that_they_name() -> None:
    log = public_log(YEAR, zone="Asia/Tehran")
    at = BASE + DAY
    result = log.features(moment(at))
    for entry in result.entries:
        assert entry.sentence.endswith(".")
    spec = safar.Spec.from_json(result.spec)
    rows = population(YEAR, [at], None)
    found = found_in(result)
    for feature in spec.features:
        given = {name: getattr(feature, name) for name in ("column", "value", "hours", "weekday")}
        asked = Asked(
            feature.measure, feature.events, lambda _: True,
            None if feature.within is None else int(feature.within[:-1]) * DAY,
            feature.history, given, log.timezone,
        )  # fmt: skip
        for key, row in rows.items():
            assert_same(found[key][feature.name], value(asked, row), feature.measure)


def test_attributes_are_the_last_known_values() -> None:
    rows = [
        Event("c0", BASE, "A", plan="free", score=1),
        Event("c0", BASE + DAY, "A", plan="pro"),
        Event("c0", BASE + 5 * DAY, "A", plan="gold"),
    ]
    log = public_log(rows)
    for asked in ({"features": "recency"}, {"features": safar.feature("n", "count")}, {}):
        result = log.features(moment(BASE + 3 * DAY), attributes=["plan", "score"], **asked)
        (row,) = found_in(result).values()
        assert (row["plan"], row["score"]) == ("pro", 1)
        assert result.entries[-1].group == "attributes"


# ------------------------------------------------------------------------------------------------------- specs


@given(questions())
@settings(max_examples=30)
def test_a_question_asked_again_by_its_json_gives_the_same(question: Question) -> None:
    result = question.log.features(**question.options(), attributes="plan")
    again = safar.Spec.from_json(result.spec).run(question.log)
    assert again.spec == result.spec
    assert again.definition == result.definition
    assert_equal_results(again, result)


def test_features_made_for_one_cutoff_are_asked_at_another() -> None:
    log = public_log(YEAR)
    early = safar.Features(moment(BASE - 100 * DAY), observe="30d").expanded(log)
    assert early.expanded(log) is early
    late = safar.Spec.from_json(early.to_json().replace("2023-11-22", "2024-03-01")).run(log)
    assert late.names == early.run(log).names
    assert set(late.to_dict()["at"]) == {moment(BASE)}


def test_data_in_parts_have_the_same_features(tmp_path: Path) -> None:
    import polars as pl

    draw = random.Random(1)
    names = [draw.choice(["view", "cart", "buy", "خرید"]) for _ in range(30_000)]
    frame = pl.DataFrame(
        {
            "who": [f"u{draw.randrange(3_000)}" for _ in names],
            "when": pl.Series([BASE + draw.randrange(90 * DAY) for _ in names]).cast(
                pl.Datetime("us", "UTC")
            ),
            "what": names,
            "where": [draw.choice([None, "web", "app"]) for _ in names],
            "worth": [draw.choice([None, 2.5, 8.0]) for _ in names],
        }
    )
    roles: dict[str, Any] = {
        "customer": "who",
        "time": "when",
        "event": "what",
        "channel": "where",
        "value": "worth",
    }
    log, scan = safar.EventLog(frame, **roles), safar.scan(frame, **roles, memory="1 MB")
    assert scan.info["parts"] > 2
    at = [moment(BASE + day * DAY) for day in (60, 80)]
    for asked in ({"features": None}, {"features": "recency", "active": "buy"}):
        of_log, of_scan = (each.features(at, observe="30d", **asked) for each in (log, scan))
        assert_equal_results(of_log, of_scan)
        assert (of_log.definition, of_log.spec) == (of_scan.definition, of_scan.spec)
    labels = [each.labels("event", at=at, events="buy", predict="9d", value="value") for each in (log, scan)]
    assert found_in(labels[0]) == found_in(labels[1])
    assert labels[0].definition == labels[1].definition


# ------------------------------------------------------------------------------------- profiles and the voice

PEOPLE = small(
    ("ann", "2026-03-01", "view"), ("ann", "2026-03-04", "view"), ("bob", "2026-03-02", "view"),
    observed_until="2026-03-20",
)  # fmt: skip


def test_a_profile_holds_from_its_time_on_and_not_before() -> None:
    profiles = {
        "id": ["ann", "ann", "ann", "bob"],
        "plan": ["free", "pro", "gold", "free"],
        "from": ["2026-02-01", "2026-03-05", "2026-03-10", "2026-03-10"],
    }
    cutoffs = ["2026-03-05", "2026-03-05 00:00:00.000001", "2026-03-10", "2026-03-11"]
    result = PEOPLE.features(cutoffs, features="recency").with_profiles(profiles, key="id", since="from")
    found = found_in(result)
    # What begins at the very cut-off is of the future.
    assert [found[key]["plan"] for key in sorted(found) if key[0] == "ann"] == ["free", "pro", "pro", "gold"]
    assert [found[key]["plan"] for key in sorted(found) if key[0] == "bob"] == [None, None, None, "free"]
    assert result.entries[-1].group == "attributes"
    assert result.names[-1] == "plan"


def test_profiles_of_today_are_marked_as_such() -> None:
    profiles = {"id": ["ann"], "city": ["Shiraz"], "age": [33]}
    result = PEOPLE.features("2026-03-09", features="recency").with_profiles(
        profiles, key="id", columns="city"
    )
    assert {customer: row["city"] for (customer, _), row in found_in(result).items()} == {
        "ann": "Shiraz",
        "bob": None,
    }
    assert result.entries[-1].group == "undated"
    assert "as it is today" in result.entries[-1].sentence
    assert "age" not in result.names
    with pytest.raises(ArgumentError, match='a column "city" already'):
        result.with_profiles(profiles, key="id")
    with pytest.raises(ArgumentError, match="has no row"):
        PEOPLE.features("2026-03-09", features="recency", active_where="value > 0").with_profiles(
            profiles, key="id"
        )


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["c0", "c1", "c2", "nobody"]),
        st.integers(0, 14).map(lambda day: BASE + day * DAY),
        st.sampled_from([None, 0, 1, 4, 10]),
        st.sampled_from(["nps", "csat"]),
    ),
    max_size=12,
)


@given(logs(st.integers(0, 14).map(lambda day: BASE + day * DAY)), ANSWERS, st.integers(1, 14), st.booleans())
def test_the_voice_is_the_last_answer_before_the_cutoff_and_its_age(
    rows: list[Event], answers: list[tuple[str, int, int | None, str]], day: int, windowed: bool
) -> None:
    rows = [*rows, Event("c0", BASE, "A"), Event("c1", BASE, "A")]
    # A kind without any answer on its scale is refused.
    answers = [*answers, ("nobody", BASE, 4, "nps"), ("nobody", BASE, 4, "csat")]
    table = {
        "who": [answer[0] for answer in answers],
        "when": np.array([answer[1] for answer in answers]).astype("datetime64[us]"),
        "score": np.array([np.nan if answer[2] is None else answer[2] for answer in answers]),
        "kind": [answer[3] for answer in answers],
    }
    log = public_log(rows, observed_until=BASE + 20 * DAY).with_scores(
        table, customer="who", time="when", score="score", kind="kind"
    )
    cutoffs = [BASE + day * DAY, BASE + 15 * DAY]
    observe = day * DAY if windowed else None
    result = log.features(
        [moment(at) for at in cutoffs], features=["recency", "voice"],
        observe=None if observe is None else dt.timedelta(microseconds=observe),
    )  # fmt: skip
    found = found_in(result)
    assert set(found) == set(population(rows, cutoffs, observe))
    for kind, scale in (("nps", range(11)), ("csat", range(1, 6))):
        for (customer, at), row in found.items():
            usable = [
                (when, score)
                for who, when, score, of in answers
                if (who, of) == (customer, kind)
                and score in scale
                and when < at
                and (observe is None or when >= at - observe)
            ]
            # Of answers at one time the one that stands last.
            last = max(enumerate(usable), key=lambda each: (each[1][0], each[0]))[1] if usable else None
            assert row[f"{kind}_last"] == (None if last is None else last[1])
            assert row[f"{kind}_age_days"] == (None if last is None else (at - last[0]) / DAY)


def test_the_voice_needs_answers_beside_the_log() -> None:
    assert not [entry for entry in PEOPLE.features("2026-03-09").entries if entry.group == "voice"]
    with pytest.raises(
        ArgumentError, match=r'"voice" needs answers to surveys beside the log: log\.with_scores'
    ):
        PEOPLE.features("2026-03-09", features="voice")


# -------------------------------------------------------------------------------------------------- the result


def test_a_row_is_explained_by_its_events() -> None:
    rows = [
        Event("c0", BASE, "A"),
        Event("c0", BASE + 5 * DAY, "A", score=2),
        Event("c0", BASE + 6 * DAY, "B", score=0),
        Event("c0", BASE + 9 * DAY, "B"),
    ]
    log = public_log(rows, arrived=[arrival(e) for e in rows])
    result = log.features(
        [moment(BASE + 7 * DAY), moment(BASE + 8 * DAY)], observe="3d", arrived="arrived",
        features=safar.feature("n", "count"),
    )  # fmt: skip
    told = result.explain("c0")
    assert told.to_dict()["decision"] == [
        "known, before the observation window",
        "arrived at or after the cut-off: not seen",
        "known, in the observation window",
        "at or after the cut-off: not seen",
    ]
    assert "n = 1" in told.conclusion[0]
    later = result.explain("c0", at=moment(BASE + 8 * DAY))
    assert "2024-03-09 00:00:00" in later.conclusion[0]
    with pytest.raises(ArgumentError, match="is none of the 2 cut-offs"):
        result.explain("c0", at="2024-03-05")
    with pytest.raises(ArgumentError, match="has no event in this log"):
        result.explain("c7")
    nobody = log.features(moment(BASE + 7 * DAY), active="B", observe="12h", features="recency")
    assert "has no row" in nobody.explain("c0").conclusion[0]


def test_the_matrix_holds_the_numbers_and_leaves_texts_out() -> None:
    result = public_log(YEAR).features(moment(BASE), attributes="plan")
    matrix, names = result.matrix()
    assert [name for name in result.names if name not in names] == ["last_event", "last_channel", "plan"]
    columns = columns_in(result.table)
    assert matrix.shape == (len(result), len(names))
    for place, name in enumerate(names):
        expected = [np.nan if cell is None else cell for cell in columns[name]]
        np.testing.assert_array_equal(matrix[:, place], expected)
        np.testing.assert_array_equal(result.values(name), expected)
    assert result.values("last_event").tolist() == columns["last_event"]
    texts = public_log(YEAR).features(moment(BASE), features="state")
    assert texts.matrix()[0].shape == (len(texts), 0)
    with pytest.raises(
        ArgumentError, match='"recency_day" is not a feature of this table; did you mean "recency_days"'
    ):
        result.values("recency_day")


def test_the_dictionary_says_what_each_feature_means() -> None:
    result = public_log(YEAR).features(moment(BASE), attributes=["plan", "score"])
    english, persian = (result.dictionary(language).to_dict() for language in ("en", "fa"))  # type: ignore[arg-type]
    assert english["name"] == persian["name"] == result.names
    kinds = dict(zip(english["name"], english["type"], strict=True))
    assert (kinds["events"], kinds["recency_days"], kinds["plan"], kinds["score"]) == (
        "whole",
        "number",
        "text",
        "number",
    )
    columns = columns_in(result.table)
    for name, missing in zip(english["name"], english["missing"], strict=True):
        assert missing == pytest.approx(sum(cell is None for cell in columns[name]) / len(result))
    for one, other in zip(english["definition"], persian["definition"], strict=True):
        assert one.endswith(".")
        assert any("آ" <= letter <= "ی" for letter in other), other
    assert not any("a" <= letter <= "z" for unit in persian["unit"] for letter in unit)


def test_an_empty_table_of_features_has_its_columns() -> None:
    result = PEOPLE.features("2026-03-09", active_where="value > 0")
    assert len(result) == 0
    assert result.names
    assert result.dictionary().to_dict()["missing"] == [None] * len(result.names)
    assert result.matrix()[0].shape[0] == 0


def test_features_of_today_see_all_events() -> None:
    result = PEOPLE.features(features="recency").to_dict()
    # The instant after the end of the data.
    assert set(result["at"]) == {dt.datetime(2026, 3, 20, 0, 0, 0, 1, tzinfo=dt.UTC)}
    assert sorted(result["recency_days"]) == pytest.approx([16, 18])


# ------------------------------------------------------------------------------------------------------ errors


def own(measure: str, *, name: str = "x", **options: Any) -> safar.Feature:
    return safar.feature(name, measure, **options)


def asked(**options: Any) -> safar.FeaturesResult:
    given: dict[str, Any] = {"at": "2026-03-09", "features": "recency"}
    return PEOPLE.features(**given | options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"at": []}, ArgumentError, r"at=\[\] names no cut-off; expected at least one"),
        ({"at": 5}, ArgumentTypeError, "at=5 is a int; expected a time"),
        ({"at": ["2026-03-09"] * 401}, ArgumentError, "at names 401 cut-offs; expected at most 400"),
        ({"at": ["2026-03-09", "2026-03-09 00:00"]}, ArgumentError, "at names a cut-off twice"),
        ({"at": "soon"}, ArgumentError, "at='soon' is not a time"),
        ({"at": "2026-04-09"}, ArgumentError, r"at='2026-04-09' is after 2026-03-20.*observed_until="),
        ({"at": "2026-03-01"}, ArgumentError, "is not after the first event of the log"),
        ({"observe": "30d"}, ArgumentError, 'begins before the first event .* at most observe="8d"'),
        ({"observe": 3}, ArgumentTypeError, "observe=3 is a int; expected a duration"),
        ({"features": []}, ArgumentError, r"features=\[\] asks for nothing"),
        ({"features": "recensy"}, ArgumentError, 'group "recensy", which is not known; did you mean "recency"'),
        ({"features": [3]}, ArgumentTypeError, "features holds 3, a int"),
        ({"features": {"name": "x"}}, SafarError, "measure"),
        ({"features": {"name": "x", "measure": "count", "evnts": "view"}}, SafarError, "evnts"),
        ({"active": "buy"}, UnknownEventError, 'active "buy" is not an event of this log'),
        ({"active_where": "nothing > 2"}, UnknownColumnError, '"nothing" is not a column'),
        ({"active_where": 3}, ArgumentTypeError, "active_where=3 is a int"),
        ({"arrived": "ingested"}, UnknownColumnError, 'arrived "ingested" is not a column'),
        ({"arrived": "value"}, ArgumentTypeError, 'column "value" has the type .* expected times'),
        ({"attributes": "plam"}, UnknownColumnError, 'attributes "plam" is not a column'),
        ({"attributes": "plam", "features": own("count")}, UnknownColumnError, '"plam"'),
        ({"attributes": "value", "features": own("count", name="value")}, ArgumentError, 'be called "value"'),
        ({"features": [own("count")] * 2}, ArgumentError, 'two columns would be called "x"'),
        ({"features": own("count", name="at")}, ArgumentError, 'two columns would be called "at"'),
        ({"most": 0}, ArgumentError, "most=0 is no number of events"),
        ({"most": "20 MB"}, ArgumentError, "most='20 MB' is no number of events"),
        ({"features": own("count", events="by")}, UnknownEventError, 'feature "x":.* "by" is not an event'),
        ({"features": own("sum", column="worth")}, UnknownColumnError, '"x":.* "worth" is not a column'),
        ({"features": own("sum", column="event")}, SafarError, '"event"'),
        ({"features": own("count", within="30d")}, ArgumentError, 'within="30d" is longer than the history'),
        (
            {"features": own("count", within="6d"), "observe": "5d"},
            ArgumentError,
            'within="6d" is longer than the observation window, observe="5d".* history=True',
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_asked_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        asked(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"measure": "cuont"}, ArgumentError, "measure='cuont' is not known; did you mean \"count\""),
        ({"measure": "sum"}, ArgumentError, 'the measure "sum" needs column='),
        ({"measure": "open", "closed": "b"}, ArgumentError, 'the measure "open" needs events='),
        ({"column": "value"}, ArgumentError, 'the measure "count" takes no column='),
        ({"name": 3}, ArgumentTypeError, "name=3 is a int"),
        ({"name": " "}, ArgumentError, "name=' ' is empty"),
        ({"where": 3}, ArgumentTypeError, "where=3 is a int"),
        ({"within": "3 days"}, ArgumentError, "within='3 days' is not a duration"),
        ({"history": 1}, ArgumentTypeError, "history=1"),
        ({"unit": 3}, ArgumentTypeError, 'feature "x": unit=3 is no text'),
        ({"definition": 3}, ArgumentTypeError, 'feature "x": definition=3 is no text'),
        ({"measure": "share", "column": "a", "value": 3}, ArgumentTypeError, "value=3 is a int"),
        ({"measure": "hour_share", "hours": 5}, ArgumentError, "hours=5 names nothing"),
        ({"measure": "hour_share", "hours": (5, 3)}, ArgumentError, r"hours=\(5, 3\) is no part of a day"),
        ({"measure": "hour_share", "hours": (True, 3)}, ArgumentError, "is no part of a day"),
        ({"measure": "weekday_share", "weekday": 7}, ArgumentError, r"weekday=7 is no day; expected 0 \(Saturday\)"),
        ({"measure": "weekday_share", "weekday": True}, ArgumentError, "weekday=True is no day"),
        ({"measure": "days_share", "days": []}, ArgumentError, r"days=\[\] names nothing; expected a list of days"),
        ({"measure": "days_share", "days": ["2026-03-01 10:00"]}, ArgumentError, "which is an instant; expected a day"),
        ({"measure": "follows", "sequence": []}, ArgumentError, r"sequence=\[\] names nothing"),
        ({"measure": "follows", "sequence": ["a", 3]}, ArgumentTypeError, "sequence"),
        ({"measure": "reached", "steps": []}, ArgumentError, r"steps=\[\] names nothing"),
        ({"measure": "reached", "steps": [[]]}, ArgumentError, "steps is an empty list"),
    ],
)  # fmt: skip
def test_a_feature_that_makes_no_sense_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        safar.feature(**{"name": "x", "measure": "count"} | options)


def test_a_day_alone_is_a_list_of_one() -> None:
    assert safar.feature("x", "days_share", days="2026-03-21").days == ("2026-03-21",)
    assert safar.feature("x", "days_share", days=dt.date(2026, 3, 21)).days == ("2026-03-21",)
