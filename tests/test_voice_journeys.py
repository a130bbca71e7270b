"""Surveys beside a log, against plain Python: what was touched before an answer, and what was done after it."""

from __future__ import annotations

import math
from collections import defaultdict
from statistics import fmean, stdev
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import safar
from oracles import SECOND, Event, journeys
from safar._significance import welch
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError, UnknownEventError
from strategies import BASE, CUSTOMERS, logs

ROLES = {"customer": "customer", "time": "time", "event": "event"}
SURVEY = {"customer": "who", "time": "at", "score": "score"}
LOOKBACK = 4 * SECOND


class Answer(NamedTuple):
    """One row of a table of surveys."""

    who: str | None
    at: int | None
    score: float | None
    kind: str = "nps"


def log_of(rows: list[Event], **more: Any) -> safar.EventLog:
    data = {
        "customer": [row.customer for row in rows],
        "time": np.array([row.time for row in rows]).astype("datetime64[us]"),
        "event": [row.event for row in rows],
        "plan": [row.plan for row in rows],
        "value": np.array([math.nan if row.value is None else row.value for row in rows]),
    }
    return safar.EventLog(data, **ROLES, value="value", attributes=["plan"], **more)


def table_of(answers: list[Answer]) -> pl.DataFrame:
    schema = {"who": pl.String, "at": pl.Int64, "score": pl.Float64, "kind": pl.String}
    frame = pl.DataFrame([tuple(answer) for answer in answers], schema=schema, orient="row")
    return frame.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))


answered = st.builds(
    Answer,
    st.sampled_from([*CUSTOMERS, "x", None]),
    st.one_of(st.none(), st.integers(-3, 16).map(lambda second: BASE + second * SECOND)),
    st.sampled_from([None, 11.0, 0.5, *map(float, range(11))]),
)
surveys = st.lists(answered, min_size=1, max_size=16).filter(
    lambda rows: any(row.score in range(11) for row in rows)
)


def touched(rows: list[Event], answer: Answer, ignored: set[str]) -> list[Event]:
    """Return the events of the customer in the lookback before an answer, in their order."""
    own = [] if answer.who is None else journeys(rows).get(answer.who, [])
    at = answer.at
    if at is None:
        return []
    return [e for e in own if at - LOOKBACK <= e.time <= at and e.event not in ignored]


def counted(groups: dict[Any, list[float | None]]) -> dict[Any, tuple[int, int, int, int]]:
    """Return by segment: answers, promoters, detractors, rejected."""
    found = {}
    for name, scores in groups.items():
        usable = [score for score in scores if score is not None and score in range(11)]
        found[name] = (
            len(usable),
            sum(score >= 9 for score in usable),
            sum(score <= 6 for score in usable),
            sum(score is not None for score in scores) - len(usable),
        )
    return found


def found_in(result: safar.ResultTable, *names: str) -> dict[Any, tuple[int, int, int, int]]:
    columns = result.to_dict()
    keys = list(zip(*(columns[name] for name in names), strict=True))
    facts = zip(*(columns[name] for name in ("answers", "promoters", "detractors", "rejected")), strict=True)
    found = dict(zip([key[0] if len(names) == 1 else key for key in keys], facts, strict=True))
    assert len(found) == len(keys)
    return found


@given(logs(), surveys, st.booleans())
def test_segments_are_those_of_the_last_event_at_or_before_the_answer(
    rows: list[Event], said: list[Answer], ignoring: bool
) -> None:
    ignored = {rows[0].event} if ignoring else set()
    log = log_of(rows).with_scores(table_of(said), **SURVEY, scale="nps", answer_events=sorted(ignored))
    for name in ("event", "plan"):
        groups: dict[Any, list[float | None]] = defaultdict(list)
        for answer in said:
            last = touched(rows, answer, ignored)[-1:]
            groups[getattr(last[0], name) if last else None].append(answer.score)
        assert found_in(safar.nps(log, by=name, lookback="4s"), name) == counted(groups)


@given(logs(), surveys, st.booleans())
def test_an_answer_counts_once_for_all_that_was_touched(
    rows: list[Event], said: list[Answer], ignoring: bool
) -> None:
    ignored = {rows[0].event} if ignoring else set()
    log = log_of(rows).with_scores(table_of(said), **SURVEY, scale="nps", answer_events=sorted(ignored))
    groups: dict[Any, list[float | None]] = defaultdict(list)
    for answer in said:
        for pair in {(e.event, e.plan) for e in touched(rows, answer, ignored)} or {(None, None)}:
            groups[pair].append(answer.score)
    result = safar.nps(log, by=["event", "plan"], at="touched", lookback="4s")
    assert found_in(result, "event", "plan") == counted(groups)


@given(logs(), surveys)
def test_what_has_no_journey_counts_nevertheless(rows: list[Event], said: list[Answer]) -> None:
    log = log_of(rows).with_scores(table_of(said), **SURVEY, scale="nps")
    customers = {row.customer for row in rows}
    usable = [answer for answer in said if answer.score is not None and answer.score in range(11)]
    (facts,) = pl.DataFrame(log.scores).to_dicts()
    assert facts["rows"] == len(said)
    assert facts["answers"] == len(usable) == safar.nps(log).to_dict()["answers"][0]
    assert facts["unanswered"] == sum(answer.score is None for answer in said)
    assert facts["rejected"] == len(log.scores.rejects) == len(said) - len(usable) - facts["unanswered"]
    assert facts["without_customer"] == sum(answer.who not in customers for answer in usable)
    assert facts["without_time"] == sum(answer.at is None for answer in usable)


@given(logs(), surveys, st.sampled_from([None, "A", "B"]), st.integers(0, 12))
def test_what_is_done_after_an_answer(
    rows: list[Event], said: list[Answer], wanted: str | None, later: int
) -> None:
    if wanted is not None and wanted not in {row.event for row in rows}:
        wanted = None
    within = 5 * SECOND
    until = max(row.time for row in rows) + later * SECOND
    log = log_of(rows, observed_until=np.datetime64(until, "us")).with_scores(
        table_of(said), **SURVEY, scale="nps"
    )
    groups: dict[str, list[float]] = {name: [] for name in ("detractor", "passive", "promoter")}
    came = dict.fromkeys(groups, 0)
    still_open = dict.fromkeys(groups, 0)
    for answer in said:
        own = journeys(rows).get(answer.who or "", [])
        if answer.score not in range(11) or not own or answer.at is None:
            continue
        assert answer.score is not None
        name = "promoter" if answer.score >= 9 else "detractor" if answer.score <= 6 else "passive"
        if answer.at + within > until:
            still_open[name] += 1
            continue
        after = [e for e in own if answer.at < e.time <= answer.at + within]
        after = [e for e in after if wanted is None or e.event == wanted]
        came[name] += bool(after)
        groups[name].append(sum(e.value or 0.0 for e in after))
    found = log.after_scores("5s", event=wanted, value="value").to_dict()
    assert found["group"] == list(groups)
    assert found["answers"] == [len(sums) for sums in groups.values()]
    assert found["still_open"] == list(still_open.values())
    assert found["returned"] == list(came.values())
    for at, sums in enumerate(groups.values()):
        if not sums:
            assert found["spend"][at] is found["share"][at] is None
            continue
        low, high = stats.binomtest(found["returned"][at], len(sums)).proportion_ci(method="wilson")
        assert (found["share_low"][at], found["share_high"][at]) == pytest.approx((low, high), abs=1e-12)
        assert found["spend"][at] == pytest.approx(fmean(sums))
        if len(set(sums)) == 1:
            assert found["spend_low"][at] is found["spend_high"][at] is None
        else:
            half = stats.t.ppf(0.975, len(sums) - 1) * stdev(sums) / math.sqrt(len(sums))
            assert found["spend_low"][at] == pytest.approx(fmean(sums) - half, abs=1e-6)


@given(logs(), surveys, st.booleans())
def test_the_emotion_curve_is_the_mean_of_each_stage(
    rows: list[Event], said: list[Answer], every: bool
) -> None:
    log = log_of(rows).with_scores(table_of(said), **SURVEY, scale="nps")
    log = log.with_columns({"stage": log.to_polars()["event"].cast(pl.String)})
    groups: dict[str, list[float]] = {name: [] for name in "DCBA"}
    for answer in said:
        if answer.score is None or answer.score not in range(11):
            continue
        events = [e.event for e in touched(rows, answer, set())]
        for name in set(events) if every else events[-1:]:
            groups[name].append(answer.score)
    curve = log.emotion_curve(order=list("DCBA"), at="touched" if every else "last", lookback="4s")
    found = curve.to_dict()
    assert found["stage"] == list("DCBA")
    assert found["answers"] == [len(scores) for scores in groups.values()]
    for at, scores in enumerate(groups.values()):
        assert found["mean"][at] == (pytest.approx(fmean(scores)) if scores else None)
        if len(scores) < 2:
            assert found["mean_low"][at] is None
            continue
        half = stats.t.ppf(0.975, len(scores) - 1) * stdev(scores) / math.sqrt(len(scores))
        high = fmean(scores) + half
        if len(set(scores)) == 1:
            # At most so many others are there, and they may be as far as the end.
            others = stats.binomtest(0, len(scores)).proportion_ci(method="exact").high
            high = scores[0] + others * (10.0 - scores[0])
        assert found["mean_high"][at] == pytest.approx(min(high, 10.0), abs=1e-6)


# ------------------------------------------------------------------------------------------------- by hand

GOOD: dict[str, Any] = {
    "customer": ["ann", "ann", "bob", "cem"],
    "time": ["2026-03-01 10:00", "2026-03-05 10:00", "2026-03-02 09:00", "2026-03-03 09:00"],
    "event": ["view", "purchase", "call", "view"],
    "stage": ["look", "buy", "help", "look"],
}
SAID: dict[str, Any] = {
    "who": ["ann", "bob", "cem", "zoe", "ann", "bob"],
    "at": ["2026-03-06", "2026-03-02 09:00", "2026-03-20", "2026-03-06", "2026-03-04", "2026-03-25"],
    "kind": ["nps", "CSAT", "nps", "csat ", "csat", "nps"],
    "score": [10, 2, 3, 5, 4, None],
}


def small(**more: Any) -> safar.EventLog:
    return safar.EventLog(GOOD, **ROLES, attributes=["stage"], **more)


def scored(**more: Any) -> safar.EventLog:
    return small(observed_until="2026-05-01").with_scores(SAID, **SURVEY, kind="kind", **more)


def test_kinds_stand_beside_each_other() -> None:
    log = scored()
    assert log.scores.kinds == {"csat": (1, 5), "nps": (0, 10)}
    assert "csat (3 answers), nps (2 answers)" in log._repr_html_()
    by = safar.nps(log, by="stage").to_dict()
    assert (by["stage"], by["answers"], by["asked"]) == (["buy", "help", "look"], [1, 0, 1], [1, 1, 1])
    assert safar.csat(log, by="stage").to_dict()["stage"] == ["help", "look", None]
    # The answer at the very time of the event comes after it.
    assert safar.csat(log, by="event", lookback="1s").to_dict()["event"] == ["call", None]
    with pytest.raises(ArgumentError, match='no scores of the kind "ces"'):
        safar.ces(log)
    assert safar.csat(scored(scale={"csat": (1, 7)}), top=3).to_dict()["csat"] == [1 / 3]
    assert safar.csat(scored(direction={"csat": "low"})).to_dict()["satisfied"] == [1]
    assert safar.csat(log, kind="nps", top=1).to_dict()["satisfied"] == [1]
    assert "1 row is of no customer of the log" in safar.csat(log).definition


def test_scores_over_time_are_by_calendar_periods() -> None:
    log = scored()
    found = safar.csat(log, period="day").to_dict()
    assert found["period"] == [f"2026-03-0{day}" for day in range(2, 7)]
    assert found["answers"] == [1, 0, 1, 0, 1]
    assert found["csat"] == [0.0, None, 1.0, None, 1.0]
    assert found["csat_low"][1] is found["mean"][1] is found["response_rate"][1] is None
    jalali = safar.nps(log, period="month", calendar="jalali").to_dict()
    assert (jalali["period"], jalali["answers"], jalali["asked"]) == (["1404-12", "1405-01"], [2, 0], [2, 1])
    both = safar.nps(log, by="stage", period="month").to_dict()
    assert list(zip(both["stage"], both["period"], strict=True)) == [
        ("buy", "2026-03"), ("help", "2026-03"), ("look", "2026-03"),
    ]  # fmt: skip
    days = safar.nps(log, by="stage", period="day").to_dict()
    assert len(days["stage"]) == 3 * 20
    assert (sum(days["answers"]), sum(days["asked"])) == (2, 3)
    assert days["nps"].count(None) == 58
    # Where no answer has a time there is no period.
    timeless = small().with_scores(SAID | {"at": [None] * 6}, **SURVEY, scale="nps")
    assert safar.nps(timeless, period="day").to_dict()["period"] == [None]
    weeks = safar.nps(log, period="week", week_start=6).to_dict()["period"]
    assert weeks == ["2026-03-01", "2026-03-08", "2026-03-15", "2026-03-22"]
    with pytest.raises(ArgumentError, match="week_start=7"):
        safar.nps(log, period="week", week_start=7)


def test_who_does_not_answer() -> None:
    asked = {
        "score": [9] * 60 + [None] * 40 + [8] * 30 + [None] * 70,
        "where": ["app"] * 100 + ["store"] * 100,
    }
    found = safar.nps(asked, by="where").non_response(baseline="app").to_dict()
    assert (found["unanswered"], found["share"]) == ([40, 70], [0.4, 0.7])
    low, high = stats.binomtest(70, 100).proportion_ci(method="wilson")
    assert (found["share_low"][1], found["share_high"][1]) == pytest.approx((low, high))
    assert found["difference"] == [None, pytest.approx(0.3)]
    table = [[70, 30], [40, 60]]
    assert found["p_adjusted"][1] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    with pytest.raises(ArgumentError, match="there is one segment"):
        safar.nps(asked).non_response()
    by = safar.nps(scored(), by="stage").non_response().to_dict()
    assert by["unanswered"] == [0, 1, 0]


def test_welch_is_that_of_scipy() -> None:
    one, two = [3.0, 5.5, 1.0, 9.0], [2.0, 2.5, 8.0]
    sides = [(np.array([len(x)]), np.array([sum(x)]), np.array([sum(v * v for v in x)])) for x in (one, two)]
    difference, low, high, p = welch(sides[0], sides[1])
    expected = stats.ttest_ind(one, two, equal_var=False)
    interval = expected.confidence_interval()
    assert difference[0] == pytest.approx(fmean(one) - fmean(two))
    assert p[0] == pytest.approx(expected.pvalue)
    assert (low[0], high[0]) == pytest.approx((interval.low, interval.high))


def test_a_mixed_curve_is_refused_unless_rescaled() -> None:
    log = scored()
    order = ["look", "buy", "help", "use"]
    with pytest.raises(
        ArgumentError, match=r'several kinds \("csat", "nps"\), whose scales are not mixed in one curve'
    ):
        log.emotion_curve(order=order)
    curve = log.emotion_curve(rescaled=True, order=order)
    # look: nps 3 of 0 to 10 and csat 4 of 1 to 5; buy: nps 10; help: csat 2.
    assert curve.to_dict()["mean"] == [pytest.approx((0.3 + 0.75) / 2), 1.0, 0.25, None]
    assert (curve.low, curve.high) == (0.0, 1.0)
    assert "rescaled from 0 (the worst answer) to 1 (the best)" in curve.definition
    assert "1 of 5 answers are at none" in curve.definition
    falling = scored(direction={"csat": "low"}).emotion_curve(kind="csat", rescaled=True, order=order)
    assert falling.to_dict()["mean"] == [0.25, None, 0.75, None]
    assert log.emotion_curve(kind="csat", order=order).to_dict()["mean"] == [4.0, None, 2.0, None]


def test_the_order_of_stages_is_that_of_the_map() -> None:
    journey_map = safar.JourneyMap.from_dict(
        {
            "stage": [
                {"id": "help"},
                {"id": "buy", "name": {"en": "Purchase", "fa": "خرید"}},
                {"id": "leave"},
                {"id": "look"},
            ],
            "touchpoint": [
                {"id": "page", "stage": "look", "event": "view"},
                {"id": "order", "stage": "buy", "event": "purchase"},
                {"id": "phone", "stage": "help", "event": "call"},
            ],
        }
    )
    log = scored().with_map(journey_map)
    curve = log.emotion_curve(kind="nps")
    assert curve.to_dict()["stage"] == ["help", "buy", "leave", "look"]
    assert curve.to_dict()["mean"] == [None, 10.0, None, 3.0]
    assert curve.names("fa")[1] == "خرید"
    assert curve.names()[:2] == ["help", "Purchase"]
    touchpoints = log.emotion_curve(kind="nps", along="touchpoint").to_dict()
    assert touchpoints["touchpoint"] == ["page", "order", "phone"]
    with pytest.raises(ArgumentError, match="no journey map that says in which order its stages come"):
        scored().emotion_curve(kind="nps")
    with pytest.raises(UnknownColumnError, match='by="touchpoint" is not a column'):
        scored().emotion_curve(kind="nps", along="touchpoint", order=["x"])


def test_groups_of_other_scales() -> None:
    log = small(observed_until="2026-05-01").with_scores(
        SAID | {"score": [1, 5, 4, 2, 3, None]}, **SURVEY, scale=(1, 5), direction="low"
    )
    assert log.scores.kinds == {"score": (1, 5)}
    found = log.after_scores("30d")
    assert found.to_dict()["group"] == ["5", "4", "3", "2", "1"]
    assert found.to_dict()["returned"] == [0, 0, 1, 0, 0]
    compared = found.compare(baseline="3").to_dict()
    assert compared["group"] == ["5", "4", "2", "1"]
    assert compared["difference"] == [-1.0, -1.0, None, -1.0]
    csat = scored().after_scores("30d", kind="csat").to_dict()
    assert (csat["group"], csat["answers"], csat["returned"]) == (["1 to 3", "4 to 5"], [1, 1], [0, 1])
    with pytest.raises(ArgumentError, match='did you mean "3"'):
        found.compare(baseline="3 ")


def test_answers_that_stand_in_the_log_are_no_behaviour() -> None:
    data = {
        "customer": ["ann"] * 3,
        "time": ["2026-03-01", "2026-03-02", "2026-03-03"],
        "event": ["call", "survey", "survey"],
    }
    plain = safar.EventLog(data, **ROLES, observed_until="2026-04-01")
    said = {"who": ["ann"], "at": ["2026-03-02"], "score": [3]}
    log = plain.with_scores(said, **SURVEY, scale="nps", answer_events="survey")
    assert safar.nps(log, by="event").to_dict()["event"] == ["call"]
    assert log.after_scores("7d").to_dict()["returned"] == [0, 0, 0]
    assert log.after_scores("7d", event="survey").to_dict()["returned"] == [1, 0, 0]
    # Also where events are called by another column.
    renamed = log.with_columns({"place": ["phone", "mail", "mail"]}).named_by("place")
    assert safar.nps(renamed, by="event").to_dict()["event"] == ["phone"]
    assert renamed.after_scores("7d").to_dict()["returned"] == [0, 0, 0]
    naive = plain.with_scores(said, **SURVEY, scale="nps")
    assert safar.nps(naive, by="event").to_dict()["event"] == ["survey"]
    assert naive.after_scores("7d").to_dict()["returned"] == [1, 0, 0]


def test_scores_go_with_the_log() -> None:
    log = scored()
    assert log.with_columns({"x": [1, 2, 3, 4]}).scores is log.scores
    assert log.with_sessions(gap="1d").scores is log.scores
    part = log.filter(customers=["ann", "cem"])
    assert safar.nps(part).to_dict()["answers"] == [2]
    assert safar.csat(part).to_dict()["answers"] == [1]
    assert safar.csat(part, by="stage").to_dict()["stage"] == ["look"]
    with pytest.raises(ArgumentError, match="no customer of this part of the log"):
        safar.csat(log.filter(customers=["cem"]))
    assert log.per("stage").scores is None
    profiled = log.with_profiles({"id": ["ann", "cem"], "persona": ["loyal", "rare"]}, key="id")
    assert safar.nps(profiled, by="persona").to_dict()["persona"] == ["loyal", "rare", None]


def test_bad_surveys_are_refused_or_counted() -> None:
    def surveys(**changes: Any) -> dict[str, Any]:
        return SAID | changes

    log = small()
    with pytest.raises(ArgumentError, match=r'scale= is missing: .* "nps", "csat", "ces"'):
        log.with_scores(SAID, **SURVEY)
    with pytest.raises(ArgumentError, match="scale='npss' is not a known scale; did you mean \"nps\""):
        log.with_scores(SAID, **SURVEY, scale="npss")
    with pytest.raises(
        ArgumentError, match=r'the kind "effort" is not known; say it: scale=\{"effort": \(1, 10\)\}'
    ):
        log.with_scores(surveys(kind=["effort"] * 6), **SURVEY, kind="kind")
    with pytest.raises(ArgumentTypeError, match="expected a mapping by kind"):
        log.with_scores(SAID, **SURVEY, kind="kind", scale=(1, 5))
    with pytest.raises(
        ArgumentError, match='scale names the kind "cast", which no row has; did you mean "csat"'
    ):
        log.with_scores(SAID, **SURVEY, kind="kind", scale={"cast": (1, 5)})
    with pytest.raises(ArgumentError, match="a Net Promoter Score has the answers 0 to 10"):
        log.with_scores(SAID, **SURVEY, kind="kind", scale={"nps": (1, 10)})
    with pytest.raises(ArgumentError, match="direction='up'"):
        log.with_scores(SAID, **SURVEY, scale="nps", direction="up")
    with pytest.raises(
        DataError, match=r'none of the 3 answers of the kind "nps" is a whole number from 0 to 10, such as 55'
    ):
        log.with_scores(
            {"who": ["ann"] * 3, "at": ["2026-03-01"] * 3, "score": [55, 60, -1]}, **SURVEY, scale="nps"
        )
    with pytest.raises(ArgumentTypeError, match="expected the answers as numbers"):
        log.with_scores(surveys(score=["ten"] * 6), **SURVEY, scale="nps")
    with pytest.raises(DataError, match="the surveys have no rows"):
        log.with_scores({"who": [], "at": [], "score": []}, **SURVEY, scale="nps")
    with pytest.raises(ArgumentTypeError, match='column "who" holds whole numbers, such as 1'):
        log.with_scores(surveys(who=[1] * 6), **SURVEY, scale="nps")
    with pytest.raises(UnknownEventError, match='answer_events "cal"'):
        log.with_scores(SAID, **SURVEY, scale="nps", answer_events="cal")
    with pytest.raises(ArgumentError, match="each needs its own"):
        log.with_scores(SAID, customer="who", time="who", score="score", scale="nps")
    # Some rows are wrong: counted, with the row.
    some = log.with_scores(surveys(score=[10, 11, 2.5, 5, -1, None]), **SURVEY, scale="nps")
    assert some.scores.rejects.to_dict() == {
        "row": [1, 2, 4],
        "kind": ["nps"] * 3,
        "score": [11.0, 2.5, -1.0],
    }
    assert safar.nps(some).to_dict()["rejected"] == [3]
    # A date of another calendar, or none, is no time of a log.
    times = surveys(at=["1404/12/15", "1404-12-15", None, "2026-03-06", "2026-03-04", "2026-13-01"])
    some = log.with_scores(times, **SURVEY, scale="nps")
    assert some.scores.to_dict()["without_time"] == [3]
    assert safar.nps(some, period="month").to_dict()["period"] == ["2026-03", None]
    assert safar.nps(some, by="stage").to_dict()["stage"] == ["look", None]


def test_what_a_log_and_a_frame_are_asked() -> None:
    log = scored()
    with pytest.raises(ArgumentError, match="this log has no scores; give it surveys first"):
        safar.nps(small())
    with pytest.raises(
        ArgumentError, match=r"lookback= is for a log with scores, because a frame has no journeys"
    ):
        safar.nps(SAID, kind="kind", lookback="7d")
    with pytest.raises(ArgumentError, match="score='score2' is for a frame"):
        safar.nps(log, score="score2")
    with pytest.raises(ArgumentError, match="the log knows the scale"):
        safar.csat(log, scale=(1, 5))
    with pytest.raises(
        ArgumentError, match='kind="npss" is not a kind of score of this log; did you mean "nps"'
    ):
        safar.nps(log, kind="npss")
    with pytest.raises(ArgumentError, match="are 1 to 5; a Net Promoter Score needs 0 to 10"):
        safar.nps(log, kind="csat")
    with pytest.raises(UnknownColumnError, match='did you mean "stage"'):
        safar.nps(log, by="stag")
    with pytest.raises(ArgumentError, match='by has the column "score"'):
        safar.nps(log, by="score")
    with pytest.raises(ArgumentError, match="say which one is meant"):
        log.after_scores()
    with pytest.raises(UnknownEventError, match='did you mean "purchase"'):
        log.after_scores(kind="nps", event="purchas")
    with pytest.raises(UnknownColumnError, match='value "spend" is not a column'):
        log.after_scores(kind="nps", value="spend")
    with pytest.raises(ArgumentError, match="expected numbers that can be added up"):
        log.after_scores(kind="csat", value="stage")
    with pytest.raises(ArgumentError, match="this log has no scores; give it surveys first"):
        safar.nps(safar.scan(GOOD, **ROLES))


# ------------------------------------------------------------------------------------------------- the demo


@pytest.fixture(scope="module")
def shop() -> Any:
    return safar.datasets.shop(3_000, seed=7)


def test_the_slow_call_centre_is_found_in_the_journeys(shop: Any) -> None:
    log = shop.log().with_scores(
        shop.surveys,
        customer="customer_id",
        time="time",
        score="score",
        kind="kind",
        answer_events=["nps_answer", "csat_answer", "ces_answer"],
    )
    assert log.scores.kinds == {"ces": (1, 7), "csat": (1, 5), "nps": (0, 10)}
    assert set(log.scores.to_dict()["without_customer"]) == {0}
    # Where the customer had been last: who called says less good things than who wrote.
    compared = safar.nps(log, by="channel", lookback="7d").compare(baseline="web").to_dict()
    at = compared["channel"].index("call_center")
    assert compared["difference_high"][at] < 0
    assert compared["p_adjusted"][at] < 0.001
    # The longer the wait in the week before, the lower the score.
    minutes = log.to_polars()["response_minutes"]
    edges = [("under 5 min", 5.0), ("5 to 15 min", 15.0), ("15 to 30 min", 30.0), ("over 30 min", math.inf)]
    wait = [
        None if value is None else next(name for name, edge in edges if value < edge)
        for value in minutes.to_list()
    ]
    waited = safar.nps(log.with_columns({"wait": wait}), by="wait", at="touched", lookback="7d").to_dict()
    score = dict(zip(waited["wait"], waited["nps"], strict=True))
    falling = [score[name] for name, _ in edges]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] - falling[-1] > 40


def test_scores_and_later_behaviour_of_the_shop(shop: Any) -> None:
    log = shop.log().with_scores(
        shop.surveys,
        customer="customer_id",
        time="time",
        score="score",
        kind="kind",
        answer_events="nps_answer",
    )
    found = log.after_scores("90d", kind="nps", event="purchase", value="value")
    columns = found.to_dict()
    answers = shop.surveys.to_polars().filter(pl.col("kind") == "nps")
    assert sum(columns["answers"]) + sum(columns["still_open"]) == len(answers)
    assert len(found.compare()) == 2
