"""Features that a model foretells: by the chain of events and the model of purchases, fitted to the past alone."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safar
from feature_oracles import population
from oracles import DAY, Event
from safar.errors import ArgumentError, DataError, UnknownEventError
from safar.features import FORETOLD, MEASURES
from safar.language import Locale
from strategies import BASE, logs, moment, public_log

GAP = 3 * DAY
GIVEN: dict[str, dict[str, Any]] = {
    "probability_alive": {"events": "A"},
    "expected_steps": {"gap": "3d"},
    "reach_probability": {"events": ["A", "B"], "gap": "3d"},
}


def foretold(name: str) -> safar.Feature:
    return safar.feature(name, name, **GIVEN[name])


# ------------------------------------------------------------------------------------------------- the chain


def chain_of(journeys: Sequence[Sequence[Event]], at: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Count what followed what, "" for the end, and say where each customer stands."""
    followed: dict[str, Counter[str]] = {}
    stands = []
    for events in journeys:
        for one, other in pairwise(events):
            next_event = "" if other.time - one.time > GAP else other.event
            followed.setdefault(one.event, Counter())[next_event] += 1
        over = at - events[-1].time > GAP
        if over:
            followed.setdefault(events[-1].event, Counter())[""] += 1
        stands.append("" if over else events[-1].event)
    return followed, stands


def solved(followed: dict[str, Counter[str]], goals: set[str] | None) -> dict[str, Fraction | None]:
    """Solve for the events to come, or for the chance of a goal, by elimination with whole numbers."""
    names = sorted({*followed, *(name for counts in followed.values() for name in counts if name)})
    stop = {"", *(goals or ())}

    def onward(name: str) -> set[str]:
        return set(followed.get(name, ())) - stop

    def reached(name: str) -> set[str]:
        found, todo = {name}, [name]
        while todo:
            new = onward(todo.pop()) - found
            found |= new
            todo += new
        return found

    ends = {name for name in names if any(set(followed.get(each, ())) & stop for each in reached(name))}
    known = [name for name in names if reached(name) <= ends]
    rows = []
    for name in known:
        total = sum(followed[name].values())
        chance = {other: Fraction(count, total) for other, count in followed[name].items()}
        gain = sum(
            (share for other, share in chance.items() if (other in goals if goals is not None else other)),
            Fraction(0),
        )
        passed = {other: share for other, share in chance.items() if other in onward(name)}
        rows.append(
            [Fraction(int(name == other)) - passed.get(other, Fraction(0)) for other in known] + [gain]
        )
    for i in range(len(rows)):
        pivot = next(j for j in range(i, len(rows)) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for j in range(len(rows)):
            if j != i and rows[j][i]:
                factor = rows[j][i]
                rows[j] = [value - factor * other for value, other in zip(rows[j], rows[i], strict=True)]
    return dict.fromkeys(names) | {name: row[-1] for name, row in zip(known, rows, strict=True)}


@given(logs(st.integers(0, 60).map(lambda step: BASE + step * DAY // 3), max_events=50), st.integers(1, 61))
@settings(max_examples=150)
def test_steps_to_come_equal_the_chain_solved_by_whole_numbers(rows: list[Event], step: int) -> None:
    at = BASE + step * DAY // 3
    known = population(rows, [at], None)
    log = public_log(rows, observed_until=BASE + 61 * DAY)
    if not known or min(e.time for e in rows) >= at:
        return
    wanted = [foretold("expected_steps"), foretold("reach_probability")]
    if missing := {"A", "B"} - set(log.events):
        with pytest.raises(UnknownEventError, match=sorted(missing)[0]):
            log.features(moment(at), features=wanted)
        return
    found = log.features(moment(at), features=wanted).to_dict()
    followed, stands = chain_of([row.known for row in known.values()], at)
    happened = {event.event for row in known.values() for event in row.known}
    expected = {
        "expected_steps": solved(followed, None),
        "reach_probability": solved(followed, {"A", "B"}),
    }
    places = {customer: place for place, customer in enumerate(found["customer"])}
    assert len(places) == len(known)
    for (customer, _), stand in zip(known, stands, strict=True):
        for name, of_event in expected.items():
            value = of_event.get(stand) if stand else Fraction(0)
            if name == "reach_probability" and not happened & {"A", "B"}:
                value = None
            given = found[name][places[customer]]
            assert given == (None if value is None else pytest.approx(float(value), rel=1e-9))


def test_a_chain_that_can_be_reckoned_by_hand() -> None:
    # Two of three views are followed by a cart, which is bought once and left once; one view is the last.
    ways = [["view", "cart", "buy"], ["view", "cart"], ["view"], ["view"]]
    rows = [
        Event(f"c{number}", BASE + (0 if number < 3 else 8 * DAY) + place, name)
        for number, way in enumerate(ways)
        for place, name in enumerate(way)
    ]
    log = public_log(rows, observed_until=BASE + 9 * DAY)
    asked = [
        safar.feature("steps", "expected_steps", gap="3d"),
        safar.feature("buys", "reach_probability", events="buy", gap="3d"),
    ]
    found = log.features(moment(BASE + 9 * DAY), features=asked).to_dict()
    rows_of = dict(zip(found["customer"], zip(found["steps"], found["buys"], strict=True), strict=True))
    assert rows_of["c3"] == pytest.approx((2 / 3 * (1 + 1 / 2), 2 / 3 * 1 / 2))
    assert rows_of["c0"] == (0, 0)  # over


def test_a_journey_of_which_no_end_was_seen_is_undefined() -> None:
    rows = [Event("c0", BASE + place, "AB"[place % 2]) for place in range(6)]
    log = public_log(rows, observed_until=BASE + DAY)
    found = log.features(
        moment(BASE + DAY), features=[foretold("expected_steps"), foretold("reach_probability")]
    )
    assert found.to_dict()["expected_steps"] == [None]
    assert found.to_dict()["reach_probability"] == [1.0]


# ------------------------------------------------------------------------------------------------- being alive


def buyers(seed: int, customers: int = 600) -> list[Event]:
    """Return purchases and visits of customers who buy at rates of their own until they leave."""
    draw = random.Random(seed)
    rows = []
    for number in range(customers):
        name, at, rate = f"c{number}", BASE + draw.randrange(60) * DAY, draw.gammavariate(1, 0.08)
        leaves = draw.betavariate(0.6, 1.5)
        rows.append(Event(name, at, "view"))
        if draw.random() < 0.9:
            rows.append(Event(name, at + 5, "buy", value=draw.uniform(1, 9)))
            while (
                draw.random() > leaves and (at := at + round(draw.expovariate(rate) * DAY)) < BASE + 200 * DAY
            ):
                rows.append(Event(name, at, "buy", value=draw.uniform(1, 9)))
    return rows


PURCHASES = buyers(3)
ALIVE = safar.feature("alive", "probability_alive", events="buy")


def test_being_alive_is_what_the_model_of_purchases_says_of_the_past() -> None:
    log = public_log(PURCHASES, zone="Asia/Tehran", observed_until=BASE + 200 * DAY)
    at = moment(BASE + 120 * DAY + 7)
    found = log.features(at, features=ALIVE).to_dict()
    value = safar.lifetime_value(log, purchase="buy", at=at, draws=0).to_dict()
    alive = dict(zip(value["customer"], value["probability_alive"], strict=True))
    assert {
        customer
        for customer, share in zip(found["customer"], found["alive"], strict=True)
        if share is not None
    } == {*alive}
    assert None in found["alive"]
    assert {**alive, **dict.fromkeys(set(found["customer"]) - set(alive))} == pytest.approx(
        dict(zip(found["customer"], found["alive"], strict=True))
    )


def test_each_cutoff_has_a_model_of_its_own() -> None:
    log = public_log(PURCHASES, observed_until=BASE + 200 * DAY)
    asked = [ALIVE, "recency", safar.feature("steps", "expected_steps")]
    cutoffs = [moment(BASE + day * DAY) for day in (100, 130, 160)]
    both = log.features(cutoffs, features=asked).to_polars()
    for at in cutoffs:
        alone = log.features(at, features=asked).to_polars()
        assert both.filter(pl.col("at") == alone["at"][0]).equals(alone)
    assert both.columns[2] == "alive"
    assert both.columns[-1] == "steps"


# ------------------------------------------------------------------------------------------- nothing of the future

EVERYTHING = [
    ALIVE,
    safar.feature("steps", "expected_steps", gap="20d"),
    safar.feature("buys", "reach_probability", events="buy", gap="20d"),
]


def test_later_events_change_nothing() -> None:
    at = BASE + 120 * DAY
    known = [e for e in PURCHASES if e.time < at]
    later = [Event(e.customer, e.time + at - BASE, e.event) for e in PURCHASES]
    results = [
        public_log(rows, observed_until=BASE + 400 * DAY)
        .features(moment(at), features=EVERYTHING)
        .to_polars()
        for rows in (known, [*later[:50], *known, *later[50:]])
    ]
    assert results[0].equals(results[1])


def test_events_that_arrive_later_change_nothing() -> None:
    at = BASE + 120 * DAY
    known = [e for e in PURCHASES if e.time < at]
    late = [Event(e.customer, e.time - 30 * DAY, "buy") for e in known[::3]]
    arrived = [None if place % 5 == 0 else e.time for place, e in enumerate(known)]
    results = [
        public_log([*known, *more], observed_until=at, arrived=[*arrived, *([at] * len(more))])
        .features(moment(at), features=EVERYTHING, arrived="arrived")
        .to_polars()
        for more in ([], late)
    ]
    assert results[0].equals(results[1])
    seen = public_log([*known, *late], observed_until=at).features(moment(at), features=EVERYTHING)
    assert not seen.to_polars().equals(results[1])


# --------------------------------------------------------------------------------------------- wherever it is asked


def test_data_in_parts_have_the_same_values() -> None:
    rows = buyers(5, 2_000)
    frame = pl.DataFrame(
        {
            "who": [e.customer for e in rows],
            "when": pl.Series([e.time for e in rows]).cast(pl.Datetime("us", "UTC")),
            "what": [e.event for e in rows],
        }
    )
    roles: dict[str, Any] = {"customer": "who", "time": "when", "event": "what"}
    log, scan = safar.EventLog(frame, **roles), safar.scan(frame, **roles, memory="100 kB")
    assert scan.info["parts"] > 1
    at = moment(BASE + 120 * DAY)
    found = [
        each.features(at, features=[*EVERYTHING, "recency"]).to_polars().sort("customer")
        for each in (log, scan)
    ]
    assert found[0].drop("alive").equals(found[1].drop("alive"))
    assert found[0]["alive"].to_list() == pytest.approx(found[1]["alive"].to_list(), nan_ok=True)


def test_the_group_is_made_where_it_is_asked_for_and_a_question_travels() -> None:
    shop = safar.datasets.shop(400).log()
    at = "2026-01-01"
    assert not {"p_alive", "expected_steps"} & set(shop.features(at, observe="90d").names)
    found = shop.features(at, observe="90d", features=["model", "recency"])
    assert found.names[:3] == ["p_alive", "expected_steps", "recency_days"]
    assert [entry.group for entry in found.entries[:2]] == ["model", "model"]
    again = safar.Spec.from_json(found.spec).run(shop)
    assert again.to_polars().equals(found.to_polars())
    assert any("p_alive = " in text for text in [str(found.explain(found.to_dict()["customer"][0]))])


def test_churn_learns_from_them_and_scores_with_them(tmp_path: Path) -> None:
    shop = safar.datasets.shop(1_500).log()
    options: dict[str, Any] = {"observe": "90d", "predict": "30d", "cutoffs": 4, "every": "30d"}
    model = safar.churn(shop, features=["recency", "model"], estimator="logistic", **options)
    assert "p_alive" in model.predictor.encoder.names
    model.save(tmp_path / "churn.safar")
    again = safar.PredictionModel.load(tmp_path / "churn.safar")
    assert again.score(shop).to_polars().equals(model.score(shop).to_polars())


# --------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("measure", "options", "said"),
    [
        ("probability_alive", {"where": "value > 0"}, "takes no where="),
        ("probability_alive", {"within": "30d"}, "takes no within="),
        ("probability_alive", {"gap": "30d"}, "takes no gap="),
        ("expected_steps", {"events": "A"}, "takes no events="),
        ("expected_steps", {"history": True}, "takes no history="),
        ("expected_steps", {"gap": "soon"}, "gap='soon'"),
        ("reach_probability", {}, "needs events="),
        ("count", {"gap": "30d"}, "takes no gap="),
        ("probability_of_life", {}, 'not known; did you mean "probability_alive"'),
    ],
)
def test_what_makes_no_sense_is_refused(measure: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(said)):
        safar.feature("x", measure, **options)


def test_a_model_that_cannot_be_fitted_names_the_feature_and_the_cutoff() -> None:
    log = public_log([Event("c0", BASE, "A"), Event("c1", BASE + DAY, "A"), Event("c1", BASE + 9 * DAY, "B")])
    said = 'feature "x" at the cut-off 2024-03-03 .*bought again.*or leave the feature out'
    assert f"{moment(BASE + 2 * DAY):%Y-%m-%d}" == "2024-03-03"
    for events in ("A", "B"):
        with pytest.raises(DataError, match=said if events == "A" else 'nobody had "B" by then'):
            log.features(
                moment(BASE + 2 * DAY), features=safar.feature("x", "probability_alive", events=events)
            )


def test_of_what_nobody_did_yet_nothing_is_known() -> None:
    rows = [Event("c0", BASE, "A"), Event("c0", BASE + 1, "B"), Event("c0", BASE + 90 * DAY, "C")]
    asked = safar.feature("x", "reach_probability", events="C", gap="3d")
    for days in (2, 20):
        assert public_log(rows).features(moment(BASE + days * DAY), features=asked).to_dict()["x"] == [None]


def test_all_events_are_meant_where_none_is_named() -> None:
    log = public_log(PURCHASES, observed_until=BASE + 200 * DAY)
    found = log.features(
        moment(BASE + 120 * DAY),
        features=[
            safar.feature("any", "probability_alive"),
            safar.feature("both", "probability_alive", events=["buy", "view"]),
        ],
    ).to_dict()
    assert found["any"] == found["both"]
    assert None not in found["any"]


def test_a_chain_of_too_many_events_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safar.analyses._steps_to_come._MOST_NAMES", 1)
    with pytest.raises(
        DataError, match=r'feature "x" .*2 different events .* more than 1 states; call events by'
    ):
        public_log(PURCHASES).features(
            moment(BASE + 120 * DAY), features=safar.feature("x", "expected_steps")
        )


@pytest.mark.parametrize("measure", sorted(FORETOLD))
def test_each_says_what_it_is_in_both_languages(measure: str) -> None:
    assert measure not in MEASURES
    feature = foretold(measure)
    assert Locale("en").say(feature.sentence) == feature.sentence
    said = Locale("fa").say(feature.sentence) + Locale("fa").say(feature.unit or "")
    assert not re.search("[A-Za-z0-9]", re.sub(r"\b(A|B|MBG/NBD)\b", "", said)), said
