"""Journeys and sessions under all rules that cut: pauses by channel, start and end events, durations, conversions."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Cuts, Event, Piece, Step
from safar import _core
from safar.errors import ArgumentError, ArgumentTypeError, DataError, UnknownColumnError, UnknownEventError
from strategies import (
    BASE,
    CONDITIONS,
    NAMES,
    core_log,
    in_order,
    logs,
    observed,
    plan,
    public_log,
    rows_in,
    wide_times,
)

COLUMNS = [
    "customer",
    "journey",
    "start",
    "end",
    "status",
    "settled",
    "events",
    "channels",
    "switches",
    "value",
    "first_touch",
    "last_touch",
    "conversion",
]


@st.composite
def cuts(draw: st.DrawFn) -> Cuts:
    """Draw rules, most of them absent."""

    def steps() -> tuple[Step, ...]:
        found = []
        for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
            names = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)))
            condition = draw(st.sampled_from([None, *CONDITIONS]))
            found.append(Step(names) if condition is None else Step(names, *condition))
        return tuple(found)

    gaps = draw(st.dictionaries(st.sampled_from(["web", "app"]), st.integers(1, 6), max_size=2))
    return Cuts(
        draw(st.integers(1, 5)) * SECOND,
        tuple((channel, gap * SECOND) for channel, gap in sorted(gaps.items())),
        steps(),
        steps(),
        steps(),
        draw(st.sampled_from([0, SECOND, 3 * SECOND])),
    )


def params(rules: Cuts) -> dict[str, Any]:
    found: dict[str, Any] = {"gap_us": rules.gap, "gaps_us": rules.gaps}
    for part in ("starts", "ends", "stops"):
        found[part] = [{"events": step.events, "where": step.where} for step in getattr(rules, part)]
    if rules.unit:
        found["duration"] = {"column": "score", "unit_us": rules.unit}
    return found


def session_row(piece: Piece) -> tuple[Any, ...]:
    start = piece.events[0].time
    is_open = piece.status == "open"
    return piece.customer, piece.number, start, piece.end, len(piece.events), is_open


def journey_row(piece: Piece) -> tuple[Any, ...]:
    events = piece.events
    found = [event.channel for event in events if event.channel is not None]
    values = [event.value for event in events if event.value is not None]
    return (
        piece.customer,
        piece.number,
        events[0].time,
        piece.end,
        piece.status,
        piece.settled,
        len(events),
        len(set(found)),
        max(len(oracles.touches(events)) - 1, 0),
        sum(values) if values else None,
        events[0].channel,
        events[-1].channel,
        events[-1].event if piece.status == "converted" else None,
    )


def run(rows: Sequence[Event], kernel: str, rules: Cuts, until: int | None = None) -> _core.Table:
    return _core.run(core_log(rows, observed_until_us=until), kernel, plan(params(rules)))


def at(path: str, customer: str = "u", start: int = 0, *, pause: int = SECOND) -> list[Event]:
    return [Event(customer, BASE + start + i * pause, name) for i, name in enumerate(path)]


# --------------------------------------------------------------------------------------------------- oracles


@given(st.data())
def test_journeys_equal_the_oracle_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows, rules = data.draw(logs()), data.draw(cuts())
    until = observed(data.draw, rows)
    expected = [journey_row(piece) for piece in rules.pieces(rows, until)]
    assert in_order(rows_in(run(rows, "journeys", rules, until), COLUMNS)) == in_order(expected)


@given(st.data())
def test_sessions_under_all_rules_equal_the_oracle(data: st.DataObject) -> None:
    rows, rules = data.draw(logs()), data.draw(cuts())
    until = observed(data.draw, rows)
    expected = [session_row(piece) for piece in rules.pieces(rows, until)]
    names = ["customer", "session", "start", "end", "events", "open"]
    assert in_order(rows_in(run(rows, "sessions", rules, until), names)) == in_order(expected)


@given(logs(wide_times()), cuts())
def test_journeys_equal_the_oracle_over_three_centuries(rows: list[Event], rules: Cuts) -> None:
    expected = [journey_row(piece) for piece in rules.pieces(rows)]
    assert in_order(rows_in(run(rows, "journeys", rules), COLUMNS)) == in_order(expected)


@given(st.data())
def test_what_each_event_decides_equals_the_oracle(data: st.DataObject) -> None:
    rows, rules = data.draw(logs()), data.draw(cuts())
    until = observed(data.draw, rows)
    expected: dict[str, list[tuple[Any, ...]]] = {}
    last: tuple[Event, ...] = ()
    for piece in rules.pieces(rows, until):
        of_customer = expected.setdefault(piece.customer, [])
        for place, event in enumerate(piece.events):
            before = piece.events[:place] or last
            end, gap = rules.last_to_end(before) if of_customer else (None, rules.gap)
            pause = None if end is None else event.time - end
            fates = [
                name
                for name, steps in (("converted", rules.ends), ("stopped", rules.stops))
                if any(step.matches(event) for step in steps)
            ]
            cause = None if place else piece.cause
            of_customer.append((piece.number, cause, pause, gap, fates[0] if fates else None))
        last = piece.events
    names = ["session", "cause", "pause_us", "gap_us", "status"]
    found: dict[str, list[tuple[Any, ...]]] = {}
    for customer, *decision in rows_in(run(rows, "sessions_events", rules, until), ["customer", *names]):
        found.setdefault(customer, []).append(tuple(decision))
    assert found == expected


@given(st.data(), st.sampled_from([None, 1, 2]))
def test_chains_equal_the_oracle(data: st.DataObject, most: int | None) -> None:
    rows, rules = data.draw(logs()), data.draw(cuts())
    until = observed(data.draw, rows)
    found: dict[tuple[tuple[str, ...], bool], list[Piece]] = {}
    for piece in rules.pieces(rows, until):
        chain = oracles.touches(piece.events)
        found.setdefault((chain[:most], most is not None and len(chain) > most), []).append(piece)
    expected = {
        chain: (
            len(pieces),
            len({piece.customer for piece in pieces}),
            sum(piece.status == "open" for piece in pieces),
            sum(piece.status == "converted" for piece in pieces),
            sum(piece.settled for piece in pieces),
            sum(piece.settled and piece.status == "converted" for piece in pieces),
        )
        for chain, pieces in found.items()
    }
    question = {"cut": params(rules), "most_touches": most, "most_chains": 1_000}
    table = _core.run(core_log(rows, observed_until_us=until), "journeys_chains", plan(question))
    assert table.num_rows == len(expected)
    got = {
        (tuple(chain), bool(cut)): tuple(int(number) for number in numbers)
        for chain, cut, *numbers in zip(*(table.numpy(name)[0] for name in table.names), strict=True)
    }
    assert got == expected


@given(logs(unique_times=True), cuts(), st.sampled_from(["channel", "plan", "score"]))
def test_a_segment_is_the_value_at_the_first_event_of_the_journey(
    rows: list[Event], rules: Cuts, by: str
) -> None:
    def label(event: Event) -> str | None:
        value = getattr(event, by)
        return None if value is None else str(value)

    expected = [(label(piece.events[0]), *journey_row(piece)) for piece in rules.pieces(rows)]
    got = _core.run(core_log(rows), "journeys", plan(params(rules), by))
    assert in_order(rows_in(got, ["segment", *COLUMNS])) == in_order(expected)


@given(st.data())
def test_the_summary_and_the_chains_count_what_the_table_holds(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    names = sorted({row.event for row in rows})
    ends = data.draw(st.sampled_from(names))
    pieces = Cuts(2 * SECOND, ends=(Step((ends,)),)).pieces(rows, until)
    result = public_log(rows, observed_until=until).journeys("2s", ends=ends)
    summary = {name: cells[0] for name, cells in result.summary().to_dict().items()}
    status = Counter(piece.status for piece in pieces)
    assert summary["journeys"] == len(pieces) == len(result)
    assert summary["customers"] == len({piece.customer for piece in pieces})
    assert {name: summary[name] for name in ("converted", "stopped", "ended", "open")} == {
        name: status[name] for name in ("converted", "stopped", "ended", "open")
    }
    settled = [piece for piece in pieces if piece.settled]
    converted = sum(piece.status == "converted" for piece in settled)
    assert (summary["settled"], summary["settled_converted"]) == (len(settled), converted)
    if settled:
        low, high = oracles.wilson(converted, len(settled))
        assert summary["converted_share"] == converted / len(settled)
        assert summary["converted_share_low"] == pytest.approx(low, abs=1e-12)
        assert summary["converted_share_high"] == pytest.approx(high, abs=1e-12)
    else:
        assert summary["converted_share"] is None
    values = [event.value for piece in pieces for event in piece.events if event.value is not None]
    assert summary["value"] == (pytest.approx(sum(values)) if values else None)
    assert summary["mean_events"] == pytest.approx(len(rows) / len(pieces))

    chains = result.chains(None).to_dict()
    for name in ("journeys", "open", "converted", "settled", "settled_converted"):
        assert sum(chains[name]) == summary[name]
    assert chains["coverage"][-1] == 1
    assert chains["journeys"] == sorted(chains["journeys"], reverse=True)
    top = result.chains(1).to_dict()
    assert {name: cells[:1] for name, cells in chains.items()} == top


def test_many_journeys_over_many_tasks_equal_the_oracle() -> None:
    draw = random.Random(5)
    rows = [
        Event(
            f"u{draw.randrange(9_000)}",
            BASE + draw.randrange(40 * 86_400) * SECOND,
            draw.choice("ABCD"),
            draw.choice([None, "web", "app"]),
            draw.choice([None, 1.0, 2.5]),
            None,
            draw.choice([None, 0, 3]),
        )
        for _ in range(300_000)
    ]
    rules = Cuts(
        DAY, (("app", 2 * DAY),), (), (Step(("B",)),), (Step(("C",), "value > 1", _above_one),), 60 * SECOND
    )
    expected = [journey_row(piece) for piece in rules.pieces(rows)]
    assert in_order(rows_in(run(rows, "journeys", rules), COLUMNS)) == in_order(expected)


def _above_one(event: Event) -> bool:
    return event.value is not None and event.value > 1


# --------------------------------------------------------------------------------------------- rules, by hand


def test_a_conversion_ends_its_journey_and_the_next_event_begins_one() -> None:
    journeys = public_log(at("ABAB")).journeys(ends="B").to_dict()
    assert journeys["status"] == ["converted", "converted"]
    assert journeys["events"] == [2, 2]
    assert journeys["conversion"] == ["B", "B"]


def test_conversions_at_equal_times_follow_the_stored_order() -> None:
    rows = [Event("u", BASE, name) for name in "BAB"]
    journeys = public_log(rows).journeys(ends="B").to_dict()
    assert (journeys["events"], journeys["status"]) == ([1, 2], ["converted", "converted"])


def test_an_event_that_converts_and_stops_converts() -> None:
    log = public_log([Event("u", BASE, "B", None, 2.0)])
    ends = safar.step("B", where="value > 1")
    assert log.journeys(ends=ends, stops="B").to_dict()["status"] == ["converted"]
    with pytest.raises(ArgumentError, match='"B" stands in ends and in stops'):
        log.journeys(ends="B", stops=["A", "B"])


def test_a_journey_is_open_until_its_gap_is_over_unless_an_event_ended_it() -> None:
    for pause, status, settled in ((0, "open", False), (10, "open", False), (11, "ended", True)):
        log = public_log(at("A"), observed_until=BASE + pause * SECOND)
        journeys = log.journeys("10s").to_dict()
        assert (journeys["status"], journeys["settled"]) == ([status], [settled])
        journeys = log.journeys("10s", ends="A").to_dict()
        assert (journeys["status"], journeys["settled"]) == (["converted"], [settled])


def test_a_start_event_cuts_whatever_the_pause_and_the_journey_before_is_ended() -> None:
    journeys = public_log(at("BAAB")).journeys(start_events="A").to_dict()
    assert journeys["events"] == [1, 1, 2]
    assert journeys["status"] == ["ended", "ended", "open"]
    assert journeys["settled"] == [False, False, False]


def test_an_event_that_begins_and_ends_is_a_unit_by_itself() -> None:
    sessions = public_log(at("BABB")).sessions(start_events="A", end_events="A").to_dict()
    assert sessions["events"] == [1, 1, 2]


def test_the_gap_after_an_event_is_that_of_its_channel() -> None:
    rows = [
        Event("u", BASE, "A", "web"),
        Event("u", BASE + 60 * SECOND, "A", "call"),
        Event("u", BASE + 160 * SECOND, "A", "web"),
        Event("u", BASE + 221 * SECOND, "A", None),
        Event("u", BASE + 281 * SECOND, "A", None),
    ]
    assert public_log(rows).sessions("60s", gaps={"call": "100s"}).to_dict()["events"] == [3, 2]
    assert public_log(rows).sessions("60s").to_dict()["events"] == [2, 1, 2]


def test_a_pause_runs_from_the_latest_end_so_far() -> None:
    # A call of an hour with a page in it: half an hour after the call is over the session still goes on.
    rows = [
        Event("u", BASE, "call", score=60),
        Event("u", BASE + 600 * SECOND, "view", score=None),
        Event("u", BASE + 5_400 * SECOND, "view", score=0),
    ]
    sessions = public_log(rows).sessions("30m", duration="score", duration_unit="m")
    assert sessions.to_dict()["events"] == [3]
    assert public_log(rows[:2]).sessions("30m", duration="score", duration_unit="m").to_dict()["end"] == [
        safar.EventLog(
            {"c": [1], "t": [BASE + 3_600 * SECOND], "e": ["x"]},
            customer="c",
            time="t",
            event="e",
            time_unit="us",
        ).first
    ]
    assert public_log(rows).sessions("30m").to_dict()["events"] == [2, 1]
    late = [*rows[:2], rows[2]._replace(time=rows[2].time + 1)]
    assert public_log(late).sessions("30m", duration="score", duration_unit="m").to_dict()["events"] == [2, 1]


def test_of_events_that_end_together_the_gap_of_the_last_counts() -> None:
    rows = [
        Event("u", BASE, "A", "call", score=10),
        Event("u", BASE + 10 * SECOND, "A", "web", score=0),
        Event("u", BASE + 20 * SECOND, "A", "web", score=0),
    ]
    gaps = {"call": "60s"}
    assert len(public_log(rows).sessions("5s", gaps=gaps, duration="score")) == 2
    rows[0] = rows[0]._replace(score=11)
    assert len(public_log(rows).sessions("5s", gaps=gaps, duration="score")) == 1


def test_spans_of_time_and_numbers_say_the_same() -> None:
    import polars as pl

    frame = {
        "c": ["u"] * 3,
        "t": [BASE, BASE + 100 * SECOND, BASE + 300 * SECOND],
        "e": ["A"] * 3,
        "seconds": [90.5, None, float("nan")],
    }
    spans = pl.DataFrame(frame).with_columns(span=pl.Series([90_500, None, 0], dtype=pl.Duration("ms")))
    log = safar.EventLog(
        spans, customer="c", time="t", event="e", time_unit="us", attributes=["seconds", "span"]
    )
    for gap in ("9s", "9500ms", "300s"):
        by_number = log.sessions(gap, duration="seconds").to_dict()
        assert by_number == log.sessions(gap, duration="span").to_dict()
    assert log.sessions("9s", duration="seconds").to_dict()["events"] == [1, 1, 1]
    assert log.sessions("9500ms", duration="seconds").to_dict()["events"] == [2, 1]


@pytest.mark.parametrize(
    ("value", "reason"), [(-1, "can't end before it begins"), (10**15, "thousand years")]
)
def test_a_duration_that_cannot_be_is_named_with_customer_and_time(value: int, reason: str) -> None:
    rows = [*at("AAA", "ann"), Event("bob", BASE + SECOND, "A", score=value), *at("A", "cem")]
    with pytest.raises(
        DataError,
        match=rf'"score" of the event of customer bob at 2024-03-01T00:00:01 UTC is {value}; .*{reason}',
    ):
        public_log(rows).sessions(duration="score")


def test_a_duration_must_be_a_column_of_numbers() -> None:
    log = public_log(at("A"))
    with pytest.raises(ArgumentTypeError, match='duration="plan" has the type'):
        public_log([Event("u", BASE, "A", plan="pro")]).sessions(duration="plan")
    with pytest.raises(
        UnknownColumnError, match='duration "scores" is not a column of this log; did you mean "score"'
    ):
        log.sessions(duration="scores")
    with pytest.raises(ArgumentError, match="duration_unit='m' is given without duration="):
        log.journeys(duration_unit="m")
    with pytest.raises(ArgumentError, match="duration_unit='minutes' is not a choice"):
        log.journeys(duration="score", duration_unit="minutes")  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------- journeys


def test_one_event_is_one_journey() -> None:
    journeys = public_log([Event("u", BASE, "A", "web", 2.0)]).journeys().to_dict()
    del journeys["start"], journeys["end"]
    assert {name: cells[0] for name, cells in journeys.items()} == {
        "customer": "u",
        "journey": 1,
        "status": "open",
        "settled": False,
        "events": 1,
        "channels": 1,
        "switches": 0,
        "value": 2.0,
        "first_touch": "web",
        "last_touch": "web",
        "conversion": None,
    }


def test_one_customer_may_hold_the_whole_log() -> None:
    rows = [Event("u", BASE + i * SECOND, "AAB"[i % 3]) for i in range(60_000)]
    journeys = public_log(rows).journeys(ends="B")
    assert len(journeys) == 20_000
    assert journeys.summary().to_dict()["customers"] == [1]


def test_without_channels_and_values_their_numbers_are_null_and_events_are_touched() -> None:
    data = {"c": ["u"] * 3, "t": [1, 2, 3], "e": ["view", "view", "buy"]}
    log = safar.EventLog(data, customer="c", time="t", event="e", time_unit="s")
    result = log.journeys(ends="buy")
    journeys = result.to_dict()
    assert [journeys[name] for name in ("channels", "switches", "value")] == [[None]] * 3
    assert (journeys["first_touch"], journeys["last_touch"]) == (["view"], ["buy"])
    assert result.chains().to_dict()["chain"] == ["view → buy"]
    assert "the events of a journey" in result.chains().definition
    assert result.summary().to_dict()["value"] == [None]
    with pytest.raises(ArgumentError, match="gaps= needs channels, and this log has none"):
        log.journeys(gaps={"web": "1d"})


def test_without_conversions_there_is_no_share() -> None:
    result = public_log(at("AB"), observed_until=BASE + DAY).journeys("1s")
    assert result.summary().to_dict()["settled"] == [1]
    assert result.summary().to_dict()["converted_share"] == [None]
    assert result.chains().to_dict()["converted_share"] == [None]


def test_the_share_does_not_favour_conversions_where_the_data_end() -> None:
    # Each journey is one event, and a quarter of them convert, at any time; by hand, the true share is 1/4.
    draw = np.random.default_rng(11)
    rows = [
        Event(f"u{i}", BASE + int(day * DAY), "buy" if buys else "view")
        for i, (day, buys) in enumerate(
            zip(draw.uniform(0, 60, 20_000), draw.random(20_000) < 0.25, strict=True)
        )
    ]
    summary = public_log(rows, observed_until=BASE + 60 * DAY).journeys("30d", ends="buy").summary().to_dict()
    low, share, high = (summary[f"converted_share{bound}"][0] for bound in ("_low", "", "_high"))
    assert low < 0.25 < high
    assert share == pytest.approx(0.25, abs=0.015)
    closed = summary["converted"][0] + summary["ended"][0]
    assert summary["converted"][0] / closed > 0.35  # what the share of all closed journeys would have said


def test_chains_are_cut_marked_and_refused_where_there_are_too_many() -> None:
    channels = ["web", "a → b", "…", "web", None, "store"]
    rows = [Event("u", BASE + i, "A", channel) for i, channel in enumerate(channels)]
    rows.append(Event("v", BASE, "A", "web"))
    result = public_log(rows).journeys()
    assert result.chains().to_dict()["chain"] == ["web", "web → a \\→ b → \\… → web → store"]
    cut = result.chains(most_touches=1).to_dict()
    assert (cut["chain"], cut["touches"]) == (["web", "web → …"], [1, 1])
    question = {"cut": {"gap_us": DAY}, "most_touches": None, "most_chains": 1}
    with pytest.raises(ArgumentError, match=r"more than 1 different chains.*most_touches="):
        _core.run(core_log(rows), "journeys_chains", plan(question))
    with pytest.raises(ArgumentError, match="top=0; expected a whole number"):
        result.chains(0)


def test_arguments_that_make_no_sense_are_refused() -> None:
    log = public_log([Event("u", BASE, "A", "web"), Event("u", BASE, "B", "web")])
    with pytest.raises(UnknownEventError, match='ends "a" is not an event of this log; did you mean "A"'):
        log.journeys(ends="a")
    with pytest.raises(ArgumentError, match="stops is an empty list"):
        log.journeys(stops=[])
    with pytest.raises(ArgumentTypeError, match="ends holds 1, a int"):
        log.journeys(ends=["A", 1])  # type: ignore[list-item]
    with pytest.raises(ArgumentError, match="ends holds an optional step"):
        log.journeys(ends=safar.step("A", optional=True))
    with pytest.raises(ArgumentTypeError, match="start_events=3 is a int"):
        log.sessions(start_events=3)  # type: ignore[arg-type]
    with pytest.raises(
        ArgumentError, match='gaps names "wep", which is not a channel of this log; did you mean "web"'
    ):
        log.sessions(gaps={"wep": "1h"})
    with pytest.raises(ArgumentError, match="gaps is empty"):
        log.sessions(gaps={})
    with pytest.raises(ArgumentError, match="gaps of \"web\"='soon' is not a duration"):
        log.sessions(gaps={"web": "soon"})
    with pytest.raises(ArgumentTypeError, match="gaps='web' is a str"):
        log.sessions(gaps="web")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="hold more than 64 conditions"):
        log.journeys(ends=[safar.step("A", where=f"value > {i}") for i in range(65)])


@pytest.mark.parametrize("method", ["sessions", "journeys"])
def test_the_result_keeps_the_spec_that_replays_it(method: str) -> None:
    rows = [Event(f"u{i % 7}", BASE + i * SECOND, "ABC"[i % 3], "web", 1.0, None, 1) for i in range(200)]
    log = public_log(rows)
    ends = {"sessions": "end_events", "journeys": "ends"}[method]
    options: dict[str, Any] = {
        "gaps": {"web": "8s"},
        "start_events": safar.step("A", where="value > 0"),
        ends: ["B", safar.step("C", where="value > 5")],
        "duration": "score",
        "duration_unit": "ms",
        "by": "channel",
    }
    result = getattr(log, method)("5s", **options)
    again = safar.Spec.from_json(result.spec).run(log)
    assert again.to_dict() == result.to_dict()
    assert again.spec == result.spec
    assert json.loads(result.spec)["gaps"] == [["web", "8s"]]
    for words in (
        '"web" 8 seconds',
        'An event "A" where value > 0 begins',
        'An event "B", or "C" where value > 5 ends',
    ):
        assert words in result.definition


# ------------------------------------------------------------------------------------------------ explanations


@given(st.data())
def test_each_event_is_explained_by_the_unit_that_the_oracle_puts_it_in(data: st.DataObject) -> None:
    rows = data.draw(logs())
    until = observed(data.draw, rows)
    ends = data.draw(st.sampled_from(sorted({row.event for row in rows})))
    customer = data.draw(st.sampled_from(sorted({row.customer for row in rows})))
    log = public_log(rows, observed_until=until)
    pieces = Cuts(2 * SECOND, ends=(Step((ends,)),)).pieces(rows, until)
    mine = [piece for piece in pieces if piece.customer == customer]
    for unit, result in (
        ("journey", log.journeys("2s", ends=ends)),
        ("session", log.sessions("2s", end_events=ends)),
    ):
        why = result.explain(customer)
        begins = {"first": "the customer's first event", "after": f'"{ends}" ended the one before'}
        columns = why.to_dict()
        assert columns["event"] == [event.event for piece in mine for event in piece.events]
        said = iter(columns["decision"])
        for piece in mine:
            for place, event in enumerate(piece.events):
                sentence = next(said)
                if place:
                    assert sentence.startswith(f"belongs to {unit} {piece.number}: ")
                else:
                    assert sentence.startswith(
                        f"{unit} {piece.number} begins: {begins.get(piece.cause, 'the pause of')}"
                    )
                assert ("it ends with it" in sentence) == (event.event == ends)
        assert why.conclusion[0].startswith(f"{len(mine)} {unit}")
        assert (len(why.conclusion) == 2) == (mine[-1].status == "open")


def test_an_explanation_names_pause_gap_and_events() -> None:
    rows = [
        Event("ann", BASE, "login", "web", score=0),
        Event("ann", BASE + 60 * SECOND, "call", "call centre", score=50),
        Event("ann", BASE + 120 * SECOND, "view", "web", score=None),
        Event("ann", BASE + 120 * SECOND + 3_600 * SECOND, "view", "web", score=0),
        Event("ann", BASE + 9_000 * SECOND, "logout", "web", score=0),
        Event("ann", BASE + 9_000 * SECOND, "view", "web", score=0),
        Event("ann", BASE + 9_060 * SECOND, "login", "web", score=0),
        Event("bob", BASE, "pay", "web", score=0),
    ]
    log = public_log(rows, observed_until=BASE + 10_000 * SECOND)
    sessions = log.sessions(
        "30m",
        gaps={"call centre": "1h"},
        start_events="login",
        end_events=["logout", "pay"],
        duration="score",
        duration_unit="m",
    )
    why = sessions.explain("ann")
    assert why.to_dict()["decision"] == [
        "session 1 begins: the customer's first event",
        "belongs to session 1: the pause of 1 min is not longer than 30 min",
        "belongs to session 1: what came before is not over for another 49 min",
        "belongs to session 1: the pause of 11 min is not longer than 1 h",
        "session 2 begins: the pause of 1 h 28 min is longer than 30 min; it ends with it",
        'session 3 begins: "logout" ended the one before',
        'session 4 begins: "login" begins one',
    ]
    assert why.conclusion == (
        "4 sessions.",
        "The gap after the end of session 4, 2024-03-01 02:31:00, is not over at 2024-03-01 02:46:40, so it is open.",
    )
    assert log.journeys(ends="pay").explain("bob").conclusion == ("1 journey: 1 converted.",)
    assert (
        log.journeys(ends="pay", stops="call")
        .explain("ann")
        .to_dict()["decision"][1]
        .endswith("; it ends with it, so it is stopped")
    )
    with pytest.raises(ArgumentError, match="customer='cem' has no event in this log"):
        sessions.explain("cem")
