"""Surveys with columns of their own, saved with a log, beside a scan, and as the world hands them over."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

import safar
from oracles import Event
from safar.errors import ArgumentError, ArgumentTypeError, DataError, FileError, UnknownColumnError
from strategies import logs
from test_voice_journeys import ROLES, SAID, SURVEY, Answer, log_of, small, surveys, table_of

ORDER = ["look", "buy", "help", "use"]
KEPT = SAID | {
    "agent": ["sara", "omid", None, "sara", "omid", "omid"],
    "text": ["great", " ", "slow", None, "fine", "no time"],
    "branch": [1, 2, 10, 1, None, 2],
    "stage": ["x", "y", "x", "y", "x", "y"],
}


def kept(log: Any = None, **more: Any) -> Any:
    log = small(observed_until="2026-05-01") if log is None else log
    options = {"columns": ["agent", "branch"], "comment": "text"} | more
    return log.with_scores(KEPT, **SURVEY, kind="kind", **options)


def rows_of(result: Any) -> list[tuple[Any, ...]]:
    return list(zip(*result.to_dict().values(), strict=True))


def same(left: Any, right: Any) -> None:
    """Two answers in everything that they show."""
    assert left.to_dict() == right.to_dict()
    assert left.to_polars().schema == right.to_polars().schema
    assert left.definition == right.definition
    assert left.timezone == right.timezone


# ------------------------------------------------------------------------------------------ columns of the surveys


@given(logs(), st.lists(st.tuples(surveys, st.sampled_from(["sara", "omid", None]))), surveys)
def test_answers_are_split_by_what_the_survey_says(
    rows: list[Event], groups: list[tuple[list[Answer], str | None]], more: list[Answer]
) -> None:
    said = [(answer, agent) for answers, agent in [*groups, (more, "sara")] for answer in answers]
    frame = table_of([answer for answer, _ in said]).with_columns(
        pl.Series("agent", [agent for _, agent in said], dtype=pl.String)
    )
    log = log_of(rows).with_scores(frame, **SURVEY, scale="nps", columns="agent")
    expected: dict[str | None, list[float]] = defaultdict(list)
    asked: dict[str | None, int] = defaultdict(int)
    for answer, agent in said:
        usable = answer.score is not None and answer.score in range(11)
        asked[agent] += answer.score is None or usable
        expected[agent] += [answer.score] if usable and answer.score is not None else []
    found = safar.nps(log, by="agent").to_dict()
    assert found["agent"] == sorted(expected, key=lambda name: (name is None, name or ""))
    assert found["answers"] == [len(expected[name]) for name in found["agent"]]
    assert found["asked"] == [asked[name] for name in found["agent"]]
    assert found["promoters"] == [sum(score >= 9 for score in expected[name]) for name in found["agent"]]
    # The same as of the frame, with all that follows.
    plain = safar.nps(frame, by="agent")
    assert plain.to_dict() == safar.nps(log, by="agent").to_dict()
    # Beside a column of the log, rows add up.
    both = safar.nps(log, by=["agent", "plan"], lookback="4s").to_dict()
    assert sum(both["answers"]) == sum(found["answers"])
    touched = safar.nps(log, by="agent", at="touched", lookback="4s").to_dict()
    assert touched == found


def test_who_asked_is_compared_as_any_segment() -> None:
    log = small(observed_until="2026-05-01")
    said = {
        "who": ["ann"] * 200,
        "at": ["2026-03-06"] * 200,
        "score": [5] * 60 + [2] * 40 + [5] * 20 + [1] * 40 + [None] * 40,
        "agent": ["omid"] * 100 + ["sara"] * 100,
    }
    scored = log.with_scores(said, **SURVEY, scale="csat", columns="agent")
    by = safar.csat(scored, by="agent")
    expected = stats.chi2_contingency([[60, 40], [20, 40]], correction=False).pvalue
    assert by.compare(baseline="omid").to_dict()["p_value"] == pytest.approx([expected])
    assert by.non_response().to_dict()["unanswered"] == [0, 40]
    assert safar.csat(scored, by=["agent", "stage"]).to_dict()["stage"] == ["buy", "buy"]
    assert "what the survey says itself" in by.definition
    assert "last event" not in by.definition


def test_kept_columns_are_of_any_plain_type(tmp_path: Path) -> None:
    log = kept(columns={"agent": "agent", "branch": "branch", "survey_stage": "stage"})
    twice = kept(columns={"who_asked": "agent", "agent": "agent"})
    twice.save(tmp_path / "log.safar")
    same(safar.nps(safar.open(tmp_path / "log.safar"), by="who_asked"), safar.nps(twice, by="who_asked"))
    assert log.scores.kept == {"agent": "agent", "branch": "branch", "survey_stage": "stage"}
    assert safar.nps(log, by="branch").to_dict()["branch"] == ["1", "10", "2"]
    found = safar.nps(log, by=["stage", "survey_stage"]).to_dict()
    assert list(zip(found["stage"], found["survey_stage"], strict=True)) == [
        ("buy", "x"),
        ("help", "y"),
        ("look", "x"),
    ]
    flag = KEPT | {
        "flag": [True, False, None, True, False, True],
        "day": np.array(["2026-03-01"] * 6, "M8[D]"),
    }
    flagged = small().with_scores(flag, **SURVEY, kind="kind", columns=["flag", "day"])
    assert safar.csat(flagged, by=["flag", "day"]).to_dict()["flag"] == ["false", "true"]
    # Floats are segments as everywhere: NaN is missing, and -0.0 is 0.0.
    floats = pl.DataFrame(KEPT).with_columns(size=pl.Series([0.0, 1.5, float("nan"), 1.0, 1.5, -0.0]))
    sized = safar.nps(small().with_scores(floats, **SURVEY, kind="kind", columns="size"), by="size")
    assert sized.to_dict()["size"] == ["0.0", None]
    assert safar.nps(floats, kind="kind", by="size").to_dict()["size"] == ["0.0", None]
    nothing = KEPT | {"agent": [None] * 6, "text": [None] * 6}
    empty = small().with_scores(nothing, **SURVEY, kind="kind", columns="agent", comment="text")
    assert safar.nps(empty, by="agent").to_dict()["agent"] == [None]
    assert len(safar.nps(empty, by="agent").comments()) == 0
    category = pl.DataFrame(KEPT).with_columns(pl.col("agent").cast(pl.Categorical)).to_pandas()
    assert safar.nps(
        small().with_scores(category, **SURVEY, kind="kind", columns="agent"), by="agent"
    ).to_dict()["agent"] == ["omid", "sara", None]


def test_a_name_means_one_column() -> None:
    with pytest.raises(
        ArgumentError, match=r'"stage" of the surveys would be called "stage" like a column of the log'
    ):
        kept(columns="stage")
    with pytest.raises(ArgumentError, match=r'columns=\{"survey_stage": "stage"\}'):
        kept(columns="stage")
    with pytest.raises(
        ArgumentError, match='"agent" of the surveys would be called "period" like what the result says'
    ):
        kept(columns={"period": "agent"})
    log = kept()
    with pytest.raises(ArgumentError, match='"agent" of the surveys would be called "agent"'):
        log.with_columns({"agent": ["x"] * 4})
    with pytest.raises(ArgumentError, match='"agent" of the surveys would be called "agent"'):
        log.with_profiles({"id": ["ann"], "agent": ["x"]}, key="id")
    with pytest.raises(ArgumentError, match='"agent" of the surveys would be called "session"'):
        kept(columns={"session": "agent"}).with_sessions(gap="1d")
    with pytest.raises(ArgumentError, match="given as kind= and in columns="):
        kept(columns="kind")
    with pytest.raises(ArgumentError, match="given as score= and in comment="):
        kept(comment="score")
    with pytest.raises(UnknownColumnError, match='did you mean "agent"'):
        kept(columns="agnet")
    with pytest.raises(
        UnknownColumnError, match=r'by="agnt" is a column neither .* did you mean "agent".*columns=\["agnt"\]'
    ):
        safar.nps(log, by="agnt")
    with pytest.raises(ArgumentTypeError, match="columns=7 is a int"):
        kept(columns=7)
    nested = pl.DataFrame(KEPT | {"tags": [["a"]] * 6})
    with pytest.raises(ArgumentTypeError, match='column "tags" has the nested type'):
        small().with_scores(nested, **SURVEY, kind="kind", columns="tags")
    with pytest.raises(ArgumentTypeError, match='column "tags" has the nested type'):
        safar.nps(nested.filter(pl.col("kind") == "nps"), by="tags")


def test_comments_stand_beside_the_numbers() -> None:
    log = kept()
    found = safar.nps(log, by="stage").comments()
    assert found.columns == ["stage", "score", "comment", "customer", "time"]
    columns = found.to_dict()
    assert (columns["stage"], columns["score"]) == (["buy", "help", "look"], [10.0, None, 3.0])
    assert columns["comment"] == ["great", "no time", "slow"]
    assert columns["customer"] == ["ann", "bob", "cem"]
    assert str(columns["time"][0]) == "2026-03-06 00:00:00+00:00"
    nps = safar.nps(log, by="agent")
    assert nps.comments(group="detractors").to_dict()["comment"] == ["slow"]
    assert nps.comments("sara").to_dict()["comment"] == ["great"]
    assert nps.comments("sara", group="detractors").to_dict()["comment"] == []
    csat = safar.csat(log)
    assert csat.comments(group="satisfied").to_dict()["comment"] == ["fine"]
    assert csat.comments(group="others").to_dict()["comment"] == []
    with pytest.raises(ArgumentError, match=r"group='detractor' .* did you mean \"detractors\""):
        nps.comments(group="detractor")
    with pytest.raises(ArgumentError, match="segment='sarah' is not a segment"):
        nps.comments("sarah")
    with pytest.raises(ArgumentError, match="no comments were kept"):
        safar.nps(kept(comment=None)).comments()
    with pytest.raises(ArgumentError, match="comment='text' is for a frame"):
        safar.nps(log, comment="text")
    # Of a frame, and where low answers are the good ones.
    frame = {
        "score": [7, 1, 4, 9, None],
        "text": ["hard", "easy", "", "wrong", "busy"],
        "where": list("aabbb"),
    }
    effort = safar.ces(frame, comment="text", easiest="low")
    assert effort.comments().to_dict() == {"score": [7.0, 1.0, None], "comment": ["hard", "easy", "busy"]}
    assert effort.comments(group="easy").to_dict()["comment"] == ["easy"]
    assert safar.ces(frame, comment="text", by="where").comments("b").to_dict()["comment"] == ["busy"]
    with pytest.raises(ArgumentError, match='"text" is given as comment and in by'):
        safar.ces(frame, comment="text", by="text")
    # A comment stands in each segment that was touched, and numbers of customers stay numbers.
    numbers = safar.EventLog(
        {"c": [7, 7], "t": ["2026-03-01", "2026-03-02"], "e": ["a", "b"]}, customer="c", time="t", event="e"
    )
    touched = numbers.with_scores(
        {"who": [7, 8], "at": ["2026-03-03", None], "score": [1, 2], "text": ["x", "y"]},
        **SURVEY,
        scale="nps",
        comment="text",
    )
    found = safar.nps(touched, by="event", at="touched").comments().to_dict()
    assert (found["event"], found["comment"], found["customer"]) == (
        ["a", "b", None],
        ["x", "x", "y"],
        [7, 7, 8],
    )
    assert found["time"][2] is None


def test_any_column_of_the_log_splits_answers() -> None:
    data = {
        "customer": ["ann", "ann", "bob", "cem"],
        "time": ["2026-03-01", "2026-03-05", "2026-03-02", "2026-03-03"],
        "event": ["view", "buy", "call", "view"],
        "where": ["web", "app", None, "web"],
        "worth": [1.5, 2.0, 2.0, None],
        "size": [10, 2, 2, None],
        "new": [True, False, False, None],
        "day": np.array(["2026-03-01"] * 4, "M8[D]"),
    }
    log = safar.EventLog(
        data,
        **ROLES,
        channel="where",
        value="worth",
        attributes=["size", "new", "day"],
        observed_until="2026-05-01",
    )
    crm = {
        "id": ["ann", "ann", "cem"],
        "persona": ["new", "loyal", "rare"],
        "age": [30, 31, 50],
        "from": ["2026-01-01", "2026-03-04", "2026-01-01"],
    }
    log = log.with_profiles(crm, key="id", since="from").with_scores(
        KEPT, **SURVEY, kind="kind", columns="agent"
    )
    answers = {
        "channel": ["app", "web", None],
        "value": ["2.0", None],
        "size": ["2", None],
        "new": ["false", None],
        "day": ["2026-03-01"],
        "persona": ["loyal", "rare", None],
        "age": ["31", "50", None],
        "event": ["buy", "call", "view"],
    }
    for name, expected in answers.items():
        assert safar.nps(log, by=name).to_dict()[name] == expected
    # csat: ann answers before her profile changes again, and is whoever she was then.
    assert safar.csat(log, by="persona").to_dict()["persona"] == ["new", None]
    four = safar.nps(log, by=["channel", "persona", "new", "agent"], period="month")
    assert four.by == ("channel", "persona", "new", "agent", "period")
    assert sum(four.to_dict()["answers"]) == 2


# ------------------------------------------------------------------------------------------------- saved logs


def asked(log: Any) -> list[Any]:
    """Everything that surveys beside a log answer."""
    found = [log.scores, log.scores.rejects]
    for by in (None, "stage", "agent", ["agent", "stage"], "event"):
        for score in (safar.nps, safar.csat):
            for at in ("last", "touched"):
                result = score(log, by=by, at=at)
                found += [result, result.distribution(), result.comments()]
    found += [safar.nps(log, period=period, calendar="jalali") for period in ("day", "week", "month")]
    found += [safar.csat(log, by="stage", period="day"), safar.nps(log, by="agent").compare(baseline="omid")]
    found += [
        log.emotion_curve(kind="nps", order=ORDER),
        log.emotion_curve(rescaled=True, at="touched", order=ORDER),
    ]
    found += [
        log.after_scores("7d", kind="nps"),
        log.after_scores("1d", kind="csat", event=next(iter(log.events))),
    ]
    return found


def test_surveys_are_saved_with_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log.safar"
    wrong = KEPT | {"score": [10, 2, 11, 5, 4, None]}
    options = {"kind": "kind", "columns": {"agent": "agent"}, "comment": "text", "answer_events": "call"}
    logs = [
        kept(),
        small().with_scores(wrong, **SURVEY, **options),
        kept().with_columns({"more": [1, 2, 3, 4]}),
        kept().named_by("stage").with_columns({"stage": ["look"] * 4}),
    ]
    for log in logs:
        log.save(path)
        again = safar.open(path)
        for left, right in zip(asked(log), asked(again), strict=True):
            same(left, right)
        assert again.scores.kinds == log.scores.kinds
        assert again.scores.kept == log.scores.kept
        assert again.roles == log.roles
        assert again._repr_html_() == log._repr_html_()
        # And once more.
        again.save(tmp_path / "other.safar")
        same(safar.nps(safar.open(tmp_path / "other.safar")), safar.nps(log))
    # Without surveys the layout is that of old.
    small().save(path)
    assert safar.open(path).scores is None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=logs(), said=surveys)
def test_any_surveys_come_back_as_they_were(tmp_path: Path, rows: list[Event], said: list[Answer]) -> None:
    log = log_of(rows).with_scores(table_of(said), **SURVEY, scale="nps", columns={"what": "kind"})
    log.save(tmp_path / "log.safar")
    again = safar.open(tmp_path / "log.safar")
    same(again.scores, log.scores)
    same(again.scores.rejects, log.scores.rejects)
    for by in ("event", ["plan", "what"]):
        same(safar.nps(again, by=by, lookback="4s"), safar.nps(log, by=by, lookback="4s"))
    same(again.after_scores("5s", value="value"), log.after_scores("5s", value="value"))


def test_a_saved_part_has_the_surveys_of_its_customers_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "part.safar"
    part = kept().filter(customers=["ann", "cem"])
    assert part.scores.to_dict()["rows"] == [1, 2]
    part.save(path)
    again = safar.open(path)
    same(again.scores, part.scores)
    same(safar.nps(again, by="stage").comments(), safar.nps(part, by="stage").comments())
    content = path.read_bytes()
    assert b"great" in content
    assert b"no time" not in content
    assert b"zoe" not in content
    # Nor behind the dictionary of a column, or in the buffers of a view.
    plain = pl.DataFrame(KEPT)
    names = ("who", "agent", "text", "kind")
    for frame in (plain, plain.with_columns(pl.col(names).cast(pl.Categorical))):
        polars = small().with_scores(frame, **SURVEY, kind="kind", columns="agent", comment="text")
        polars.filter(customers=["ann"]).save(path)
        assert b"great" in path.read_bytes()
        for other in (b"no time", b"zoe", b"slow"):
            assert other not in path.read_bytes()
        same(
            safar.nps(safar.open(path), by="agent").comments(),
            safar.nps(kept().filter(customers=["ann"]), by="agent").comments(),
        )
    # Rejected rows keep the number that they had.
    wrong = KEPT | {"score": [10, 2, 11, 5, 4, None]}
    rejected = small().with_scores(wrong, **SURVEY, kind="kind").filter(customers=["cem"])
    rejected.save(path)
    assert safar.open(path).scores.rejects.to_dict() == {"row": [2], "kind": ["nps"], "score": [11.0]}
    # A part of whom nobody was asked.
    nobody = small().with_scores({"who": ["ann"], "at": ["2026-03-06"], "score": [3]}, **SURVEY, scale="nps")
    nobody.filter(customers=["bob"]).save(path)
    assert safar.open(path).scores.to_dict()["rows"] == [0]
    with pytest.raises(ArgumentError, match="no customer of this part of the log"):
        safar.nps(safar.open(path))


def test_kpis_and_the_rest_are_untouched_by_surveys(tmp_path: Path) -> None:
    shop = safar.datasets.shop(300, seed=7)
    log = shop.log().with_map(safar.JourneyMap.shop())
    scored = log.with_scores(
        shop.surveys,
        customer="customer_id",
        time="time",
        score="score",
        kind="kind",
        answer_events="nps_answer",
    )
    scored.save(tmp_path / "log.safar")
    again = safar.open(tmp_path / "log.safar")
    same(again.kpis(period="month"), scored.kpis(period="month"))
    same(again.emotion_curve(kind="csat"), scored.emotion_curve(kind="csat"))
    same(safar.ces(again, by="channel"), safar.ces(scored, by="channel"))
    assert again.map is not None


def test_a_damaged_note_of_surveys_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.safar"
    kept().save(path)
    content = path.read_bytes()
    for old, new in (
        (b'\\"score\\": \\"score\\"', b'\\"score\\": \\"scorn\\"'),
        (b'\\"scales\\": [[', b'\\"scalps\\": [['),
        (b'\\"rows\\": null', b'\\"rows\\": [11]'),
        (b'\\"agent\\": \\"agent\\"', b'\\"agent\\": \\"agnet\\"'),
    ):
        assert old in content
        path.unlink()
        path.write_bytes(content.replace(old, new))
        with pytest.raises(FileError, match="damaged: its surveys do not fit"):
            safar.open(path)


# -------------------------------------------------------------------------------------------------------- scans


def events(customers: int = 400) -> dict[str, Any]:
    random = np.random.default_rng(3)
    number = 5_000
    stage = random.choice(["look", "buy", "help"], number)
    return {
        "customer": [f"c{n}" for n in random.integers(0, customers, number)],
        "time": (np.datetime64("2026-03-01", "us") + random.integers(0, 60 * 86_400, number).astype("m8[s]")),
        "event": [{"look": "view", "buy": "purchase", "help": "call"}[name] for name in stage],
        "stage": stage.tolist(),
        "value": random.integers(0, 90, number).astype(float),
    }


def questions(customers: int = 430) -> dict[str, Any]:
    random = np.random.default_rng(5)
    number = 900
    score = random.integers(-1, 12, number).astype(float)
    return {
        "who": [None if n == 0 else f"c{n}" for n in random.integers(0, customers, number)],
        "at": np.datetime64("2026-03-01", "us") + random.integers(0, 75 * 86_400, number).astype("m8[s]"),
        "score": np.where(score < 0, np.nan, score),
        "kind": random.choice(["nps", "csat"], number).tolist(),
        "agent": random.choice(["sara", "omid", None], number).tolist(),
        "text": random.choice(["good", "slow", "", None], number).tolist(),
    }


def test_a_scan_answers_as_a_log_does() -> None:
    data, said = events(), questions()
    roles = ROLES | {"value": "value", "attributes": ["stage"], "timezone": "Asia/Tehran"}
    options = {**SURVEY, "kind": "kind", "columns": "agent", "comment": "text", "answer_events": "call"}
    log, scan = safar.EventLog(data, **roles), safar.scan(data, **roles, memory="60 kB")
    assert len(scan._spill) > 2
    steps: list[Any] = [
        lambda events: events.with_scores(said, **options),
        lambda events: events.with_scores(said, **options).filter(with_event="purchase"),
        lambda events: events.filter(start="2026-04-01").with_scores(said, **options),
        lambda events: events.with_scores(said, **options).with_sessions(gap="1d"),
        lambda events: events.with_scores(said, **options).filter(customers=[f"c{n}" for n in range(20)]),
    ]
    for step in steps:
        whole, parts = step(log), step(scan)
        for left, right in zip(asked(whole), asked(parts), strict=True):
            same(left, right)
        same(
            whole.after_scores("20d", kind="csat", event="purchase", value="value"),
            parts.after_scores("20d", kind="csat", event="purchase", value="value"),
        )
        # Collected it is a log with them.
        same(safar.nps(parts.collect(), by="agent"), safar.nps(whole, by="agent"))
        assert parts.transitions().to_dict() == whole.transitions().to_dict()
    assert scan.with_scores(said, **options).per("stage").scores is None
    assert scan.scores is None
    assert "with_scores(&#x27;csat&#x27;, &#x27;nps&#x27;)" in scan.with_scores(said, **options)._repr_html_()


def test_profiles_of_a_scan_split_its_scores() -> None:
    data, said = events(), questions()
    crm = {"id": [f"c{n}" for n in range(300)], "persona": ["loyal", "rare", "new"] * 100}
    found = [
        safar.nps(
            events_of.with_profiles(crm, key="id").with_scores(said, **SURVEY, kind="kind", columns="agent"),
            by=["persona", "agent"],
        )
        for events_of in (safar.EventLog(data, **ROLES), safar.scan(data, **ROLES, memory="60 kB"))
    ]
    same(*found)
    assert set(found[0].to_dict()["persona"]) == {"loyal", "rare", "new", None}


def test_bad_surveys_of_a_scan_are_refused_at_once() -> None:
    scan = safar.scan(events(), **ROLES, attributes=["stage"])
    with pytest.raises(ArgumentTypeError, match='column "who" holds whole numbers'):
        scan.with_scores({"who": [1], "at": ["2026-03-01"], "score": [1]}, **SURVEY, scale="nps")
    with pytest.raises(ArgumentError, match='would be called "stage" like a column of the log'):
        scan.with_scores(KEPT, **SURVEY, kind="kind", columns="stage")
    scored = scan.with_scores(KEPT, **SURVEY, kind="kind", columns="agent")
    with pytest.raises(ArgumentError, match='"agent" of the surveys would be called "agent"'):
        scored.with_profiles({"id": ["c1"], "agent": ["x"]}, key="id")
    with pytest.raises(UnknownColumnError, match='did you mean "agent"'):
        safar.nps(scored, by="agnt")


# ------------------------------------------------------------------------------------- as the world hands them over


def test_answers_that_stand_twice_or_come_too_late_are_counted() -> None:
    said = {
        "who": ["ann", "ann", "ann", "zoe", "zoe", None, None, "bob", "ann"],
        "at": ["2026-03-06"] * 7 + ["2026-04-01", "2026-03-06 00:00:01"],
        "score": [9, 9, 3, 1, 1, 5, 5, None, 9],
    }
    log = small(observed_until="2026-03-10").with_scores(said, **SURVEY, scale="nps")
    facts = {name: values[0] for name, values in log.scores.to_dict().items()}
    # Two of ann, who may have thought better of it, and one of zoe; whoever has no name is nobody in particular.
    assert facts["repeated"] == 3
    assert facts["answers"] == 8
    assert facts["after_end"] == 0
    said["score"][7] = 2
    late = small(observed_until="2026-03-10").with_scores(said, **SURVEY, scale="nps")
    assert late.scores.to_dict()["after_end"] == [1]
    assert "1 answer came after the log ends" in safar.nps(late, by="stage").definition
    assert "came after the log ends" not in safar.nps(late).definition


def test_an_answer_before_the_first_event_has_no_segment() -> None:
    said = {"who": ["ann", "ann"], "at": ["2026-02-01", "2026-03-01 10:00"], "score": [9, 9]}
    log = small().with_scores(said, **SURVEY, scale="nps")
    assert rows_of(safar.nps(log, by="stage"))[1][0] is None
    assert safar.nps(log, by="stage").to_dict()["answers"] == [1, 1]


def test_times_without_a_zone_are_wall_clock_of_the_log() -> None:
    data = {"customer": ["ann"], "time": ["2026-03-20 23:30"], "event": ["view"]}
    log = safar.EventLog(data, **ROLES, timezone="Asia/Tehran", observed_until="2026-05-01")
    said = {"who": ["ann"] * 2, "at": ["2026-03-20 23:29", "2026-03-20 23:31"], "score": [1, 9]}
    wall = log.with_scores(said, **SURVEY, scale="nps")
    assert safar.nps(wall, by="event").to_dict()["event"] == ["view", None]
    # The same instants in UTC, of which one day of Tehran is made: the last of 1404.
    utc = said | {"at": ["2026-03-20T19:59:00Z", "2026-03-20T20:01:00Z"]}
    instants = log.with_scores(utc, **SURVEY, scale="nps")
    for period in ("day", "week", "month"):
        same(
            safar.nps(instants, period=period, calendar="jalali"),
            safar.nps(wall, period=period, calendar="jalali"),
        )
    assert safar.nps(wall, period="day", calendar="jalali").to_dict()["period"] == ["1404-12-29"]
    midnight = said | {"at": ["2026-03-20 23:59:59", "2026-03-21 00:00:00"]}
    nowruz = safar.nps(log.with_scores(midnight, **SURVEY, scale="nps"), period="month", calendar="jalali")
    assert nowruz.to_dict()["period"] == ["1404-12", "1405-01"]


def test_nobody_answered() -> None:
    silent = {"who": ["ann", "bob"], "at": ["2026-03-06"] * 2, "score": [None, None]}
    log = small(observed_until="2026-05-01").with_scores(silent, **SURVEY, scale="nps")
    facts = log.scores.to_dict()
    assert (facts["rows"], facts["answers"], facts["unanswered"]) == ([2], [0], [2])
    found = safar.nps(log, by="stage", period="day").to_dict()
    assert found["nps"] == found["nps_low"] == [None, None]
    assert found["response_rate"] == [0.0, 0.0]
    assert log.emotion_curve(order=["look", "buy"]).to_dict()["mean"] == [None, None]
    assert log.after_scores("7d").to_dict()["share"] == [None] * 3
    assert safar.nps(log, by="stage").non_response().to_dict()["unanswered"] == [1, 1]
    compared = safar.nps(log, by="stage").compare().to_dict()
    assert compared["difference"] == compared["p_adjusted"] == [None]


def test_equal_answers_leave_doubt() -> None:
    five = {name: values[0] for name, values in safar.csat({"score": [5] * 20}).to_dict().items()}
    others = stats.binomtest(0, 20).proportion_ci(method="exact").high
    assert five["mean_low"] == pytest.approx(5 - 4 * others)
    assert (five["mean"], five["mean_high"]) == (5.0, 5.0)
    three = {name: values[0] for name, values in safar.csat({"score": [3] * 2}).to_dict().items()}
    assert three["mean_low"] < 3 < three["mean_high"]
    one = {name: values[0] for name, values in safar.csat({"score": [3]}).to_dict().items()}
    assert one["mean_low"] is one["mean_high"] is None
    assert one["csat_low"] == 0.0 < one["csat_high"] < 1.0
    nps = {name: values[0] for name, values in safar.nps({"score": [10]}).to_dict().items()}
    assert nps["nps_low"] < nps["nps_high"]
    # No mean of answers lies beyond the ends of its scale.
    few = safar.csat({"score": [5, 5, 1]}).to_dict()
    assert (few["mean_low"], few["mean_high"]) == ([1.0], [5.0])
    # Nobody came back: that the mean is nothing is not known to the penny.
    log = small(observed_until="2026-05-01").with_columns({"spent": [1.0] * 4})
    said = {"who": ["ann", "bob", "cem"], "at": ["2026-03-06"] * 3, "score": [1, 2, 3]}
    after = log.with_scores(said, **SURVEY, scale="nps").after_scores("7d", value="spent").to_dict()
    assert (after["spend"][0], after["spend_low"][0], after["spend_high"][0]) == (0.0, None, None)


def test_scales_are_neither_mixed_nor_left() -> None:
    said = {
        "who": ["ann"] * 6,
        "at": ["2026-03-06"] * 6,
        "score": [0, 5, 6, 4.5, np.inf, 3],
        "kind": ["csat"] * 6,
    }
    log = small().with_scores(said, **SURVEY, kind="kind")
    facts = {name: values[0] for name, values in log.scores.to_dict().items()}
    assert (facts["answers"], facts["rejected"]) == (2, 4)
    assert safar.csat(log).to_dict()["rejected"] == [4]
    assert log.scores.rejects.to_dict()["row"] == [0, 2, 3, 4]
    with pytest.raises(DataError, match="none of the 2 answers of the kind"):
        small().with_scores(
            {"who": ["ann"] * 2, "at": ["2026-03-06"] * 2, "score": [9, 10]}, **SURVEY, scale="csat"
        )
