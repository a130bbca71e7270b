"""Scores and segments of recency, frequency and monetary value, and the movement between segments."""

from __future__ import annotations

import gzip
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracles
import safar
from oracles import DAY, SECOND, Event
from safar.errors import ArgumentError, ArgumentTypeError, DataError, FileError
from strategies import BASE, logs, moment, observed, public_log
from test_conversion import lines
from test_real_data import DATA
from test_said import unsaid

MEASURES = ("recency", "frequency", "monetary")
COLUMNS = ("recency_days", "frequency", "monetary")


def score(value: Any, values: Sequence[Any], bins: int, *, low_is_good: bool = False) -> int | None:
    """The score by its definition, in fractions; None where it is undefined."""
    known = [each for each in values if each is not None]
    if value is None or len(set(known)) < 2:
        return None
    worse = sum(each > value if low_is_good else each < value for each in known)
    return 1 + int(bins * Fraction(worse, len(known)))


def scores_of(found: safar.ResultTable, bins: int) -> dict[Any, tuple[int | None, ...]]:
    """By customer the three scores that the definition gives."""
    columns = found.to_dict()
    each = [
        [score(value, columns[name], bins, low_is_good=name == "recency_days") for value in columns[name]]
        for name in COLUMNS
    ]
    return dict(zip(columns["customer"], zip(*each, strict=True), strict=True))


def given_scores(found: safar.ResultTable) -> dict[Any, tuple[int | None, ...]]:
    return {row["customer"]: tuple(row[f"{name}_score"] for name in MEASURES) for row in lines(found)}


# ----------------------------------------------------------------------------------------------------- scores


@given(st.data())
def test_scores_equal_the_definition_on_logs_full_of_ties(data: st.DataObject) -> None:
    rows = data.draw(logs())
    bins = data.draw(st.integers(2, 7))
    found = public_log(rows, observed_until=observed(data.draw, rows)).rfm()
    assert given_scores(found.scores(bins)) == scores_of(found, bins)


def buyers(*bought: Sequence[int]) -> list[Event]:
    """Customers u0, u1 … who buy on these days."""
    return [Event(f"u{who}", BASE + day * DAY, "buy") for who, days in enumerate(bought) for day in days]


def test_where_most_bought_once_they_all_have_a_1() -> None:
    # Three of five bought once: a score of 2 or 3 has nobody, and who bought twice has 1 + floor(5 · 3/5).
    found = public_log(buyers([1], [2], [3], [1, 4], [1, 2, 5])).rfm().scores()
    assert [given_scores(found)[f"u{who}"][1] for who in range(5)] == [1, 1, 1, 4, 5]


def test_a_measure_that_is_the_same_for_all_has_no_score_and_says_so() -> None:
    found = public_log(buyers([1], [2])).rfm().scores()
    assert [row["frequency_score"] for row in lines(found)] == [None, None]
    assert "All customers have the same frequency, so that it has no score." in found.definition
    assert "same recency" not in found.definition


def test_five_times_a_share_is_not_rounded_to_the_wrong_side() -> None:
    # 0.6 · 5 is 3 and a little less as floats may have it.
    log = public_log(buyers(*[[1] * (1 + number) for number in range(25)]))
    found = given_scores(log.rfm().scores())
    assert [found[f"u{number}"][1] for number in range(25)] == [1 + number // 5 for number in range(25)]


# ---------------------------------------------------------------------------------------------------- segments


def test_the_rules_cover_every_cell_of_the_grid_exactly_once() -> None:
    rules = safar.rfm_rules()
    for recency, frequency in itertools.product(range(1, 6), repeat=2):
        holding = [
            name
            for name, rule in rules.items()
            if rule["recency"][0] <= recency <= rule["recency"][1]
            and rule["frequency"][0] <= frequency <= rule["frequency"][1]
        ]
        assert len(holding) == 1, (recency, frequency)
    assert len({rule["name_fa"] for rule in rules.values()}) == len(rules) == 11
    assert all(re.search("[آ-ی]", rule["name_fa"]) for rule in rules.values())


@given(st.data())
def test_every_customer_is_in_the_first_segment_that_holds(data: st.DataObject) -> None:
    rows = data.draw(logs())
    found = public_log(rows, observed_until=observed(data.draw, rows)).rfm()
    expected = scores_of(found, 5)
    if any(scores[0] is None or scores[1] is None for scores in expected.values()):
        with pytest.raises(DataError, match=r"can't be told apart by (recency|frequency), which is the same"):
            found.segments()
        return
    rules = safar.rfm_rules()
    names = {
        customer: next(
            name
            for name, rule in rules.items()
            if all(rule[m][0] <= scores[i] <= rule[m][1] for i, m in enumerate(MEASURES[:2]))
        )
        for customer, scores in expected.items()
    }
    segments = found.segments()
    assert {row["customer"]: row["rfm_segment"] for row in lines(segments.customers())} == names
    counts = Counter(names.values())
    values = {row["customer"]: row for row in lines(found)}
    for row in lines(segments):
        members = [values[customer] for customer, name in names.items() if name == row["rfm_segment"]]
        assert row["customers"] == counts[row["rfm_segment"]] == len(members)
        assert row["share"] == pytest.approx(len(members) / len(names))
        low, high = oracles.wilson(len(members), len(names))
        assert (row["share_low"], row["share_high"]) == pytest.approx((low, high), abs=1e-12)
        recencies = sorted(member["recency_days"] for member in members)
        middle = recencies[(len(recencies) - 1) // 2 : len(recencies) // 2 + 1]
        assert row["median_recency_days"] == (pytest.approx(sum(middle) / len(middle)) if members else None)
    assert sum(row["customers"] for row in lines(segments.grid())) == len(names)
    for name in counts:
        assert {row["customer"] for row in lines(segments.customers(name))} == {
            customer for customer, own in names.items() if own == name
        }


@given(logs(), st.randoms(use_true_random=False))
def test_the_order_of_rows_moves_nobody(rows: list[Event], random: Any) -> None:
    one = public_log(rows).rfm()
    other = public_log(random.sample(rows, len(rows))).rfm()
    assert given_scores(one.scores()) == given_scores(other.scores())


def test_rules_may_look_at_amounts_and_leave_who_has_none_without_a_segment() -> None:
    rows = [
        Event(f"u{who}", BASE + who * DAY, "buy", value=value)
        for who, value in enumerate([5.0, 9.0, None, 1.0])
    ]
    rules = {"big": {"monetary": [4, 5]}, "others": {}}
    found = public_log(rows).rfm().segments(rules)
    assert [(row["rfm_segment"], row["customers"]) for row in lines(found)] == [
        ("big", 1),
        ("others", 2),
        (None, 1),
    ]
    assert {row["rfm_segment"] for row in lines(found.grid())} == {None}
    assert sum(row["share"] for row in lines(found)) == pytest.approx(1)
    with pytest.raises(ArgumentError, match='what="grid" has recency and frequency alone'):
        found.plot(what="grid")
    assert found.plot().to_dict()["title"]["text"]


def test_rules_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('[here]\nname_fa = "اینجا"\nrecency = [3, 5]\n\n[gone]\n', encoding="utf-8")
    found = public_log(buyers([1], [2], [3], [4])).rfm().segments(file)
    assert found.to_dict()["customers"] == [2, 2]
    assert found.called == {"fa": {"here": "اینجا"}}
    file.write_text("here = [", encoding="utf-8")
    with pytest.raises(FileError, match="these are no rules in TOML"):
        public_log(buyers([1], [2])).rfm().segments(file)
    with pytest.raises(FileError, match=r"nowhere.toml: No such file"):
        public_log(buyers([1], [2])).rfm().segments("nowhere.toml")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"a": {"recency": [2, 5]}}, r"no segment has recency 1 \(1 of 5 cells are in none\)"),
        ({}, "no segment has any scores"),
        ({"a": {}, "b": {"recency": [1, 1]}}, 'nobody can be of "b", because earlier segments'),
        ({"a": {"recensy": [1, 5]}}, 'has the field "recensy"; did you mean "recency"'),
        ({"a": {"recency": [0, 5]}}, r'recency of "a" is \[0, 5\]; expected rising scores from 1 to 5'),
        ({"a": {"recency": [5, 1]}}, "expected rising scores"),
        ({"a": {"recency": 5}}, r"expected the first and the last score, such as \[4, 5\]"),
        ({"a": [1, 5]}, 'rules: "a" is a list; expected ranges'),
        (["a"], "expected a mapping as of safar.rfm_rules"),
    ],
)
def test_rules_that_can_not_be_meant_are_refused(rules: Any, message: str) -> None:
    found = public_log(buyers([1], [2], [2, 3])).rfm()
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        found.segments(rules)


def test_wrong_arguments_are_refused_with_the_way_out() -> None:
    found = public_log(buyers([1], [2], [2, 3])).rfm()
    with pytest.raises(ArgumentError, match="bins=4: the rules that come with safar are for 5 scores"):
        found.segments(bins=4)
    with pytest.raises(ArgumentError, match="bins=1 is out of range; expected 2 to 100"):
        found.scores(1)
    with pytest.raises(ArgumentTypeError, match="bins='5' is a str"):
        found.scores("5")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"segment='champion' is not a segment; did you mean"):
        found.segments().customers("champion")
    with pytest.raises(DataError, match="1 customers can't be told apart by recency"):
        public_log(buyers([1])).rfm().segments()


def test_a_segment_is_a_column_of_the_log_that_it_came_from() -> None:
    log = public_log(buyers([1], [2], [3], [1, 4], [1, 2, 5]))
    members = log.rfm().segments().customers()
    profiled = log.with_profiles(members, key="customer", columns="rfm_segment")
    by = {row["customer"]: row["segment"] for row in lines(profiled.rfm(by="rfm_segment"))}
    assert by == {row["customer"]: row["rfm_segment"] for row in lines(members)}


# ---------------------------------------------------------------------------------------------------- movement


@given(st.data())
def test_movement_is_the_cross_table_of_two_dates(data: st.DataObject) -> None:
    rows = data.draw(logs())
    log = public_log(rows)
    seconds = sorted({row.time // SECOND for row in rows})
    ends = (
        data.draw(st.lists(st.sampled_from(seconds), min_size=2, max_size=3, unique=True).map(sorted))
        if (len(seconds) > 1)
        else []
    )
    at = [moment(second * SECOND) for second in ends]
    # Rules that need no measure to differ, so that every date has segments.
    rules: dict[str, dict[str, Any]] = {"all": {}}
    if len(at) < 2:
        return
    found = lines(log.rfm_movement(at=at, rules=rules))
    for place, (start, end) in enumerate(itertools.pairwise(at)):
        before = {row["customer"] for row in lines(log.rfm(at=start))}
        after = {row["customer"] for row in lines(log.rfm(at=end))}
        own = found[2 * place : 2 * place + 2]
        assert [(row["from_segment"], row["customers"]) for row in own] == [
            ("all", len(before)),
            (None, len(after - before)),
        ]
        assert {(row["from_at"], row["to_at"]) for row in own} == {(start, end)}
        assert before <= after


def test_movement_says_who_went_where() -> None:
    log = public_log(buyers([1], [1, 2, 3], [2, 3, 8], [3, 9], [7], [8, 9]), observed_until=BASE + 10 * DAY)
    dates = [moment(BASE + day * DAY) for day in (5, 10)]
    result = log.rfm_movement("buy", at=dates)
    names = [
        {row["customer"]: row["rfm_segment"] for row in lines(log.rfm("buy", at=at).segments().customers())}
        for at in dates
    ]
    expected = Counter((names[0].get(customer), segment) for customer, segment in names[1].items())
    found = {(row["from_segment"], row["to_segment"]): row for row in lines(result)}
    assert {key: row["customers"] for key, row in found.items() if row["customers"]} == expected
    for (start, _), row in found.items():
        of = sum(number for (own, _), number in expected.items() if own == start)
        if of:
            assert row["share"] == pytest.approx(row["customers"] / of)
            low, high = oracles.wilson(row["customers"], of)
            assert (row["share_low"], row["share_high"]) == pytest.approx((low, high), abs=1e-12)
        else:
            assert row["share"] is None
    assert sum(row["customers"] for row in found.values()) == 6
    assert [len(each.customers()) for each in result.segments] == [4, 6]


def test_dates_that_say_nothing_are_refused() -> None:
    log = public_log(buyers([1], [2, 3], [2, 3, 4]))
    for at in (["2026-03-01"], ["2026-03-02", "2026-03-01"], []):
        with pytest.raises(ArgumentError, match="expected two or more instants, each after the one before"):
            log.rfm_movement(at=at)
    with pytest.raises(ArgumentTypeError, match="at='2026-03-01' is a str; expected a list of instants"):
        log.rfm_movement(at="2026-03-01")
    early = [moment(BASE - DAY), moment(BASE + 3 * DAY)]
    with pytest.raises(DataError, match="no customer had a counted event up to"):
        log.rfm_movement(at=early)


def test_definitions_are_said_in_persian() -> None:
    log = public_log(buyers([1], [1, 2, 3], [2, 3, 8], [3, 9], [7], [8, 9]), observed_until=BASE + 10 * DAY)
    result = log.rfm("buy", by="channel")
    moved = log.rfm_movement(at=[moment(BASE + day * DAY) for day in (5, 10)])
    tied = public_log(buyers([1], [2])).rfm().scores()
    for found in (
        result,
        result.scores(),
        result.segments(),
        moved,
        tied,
        log.rfm(at=moment(BASE + 5 * DAY)),
    ):
        assert unsaid(found.definition) == []


# --------------------------------------------------------------------------------------------------- real data


def test_the_buyers_of_cdnow_are_scored_as_the_definition_says() -> None:
    path = DATA / "cdnow" / "CDNOW_sample.txt.gz"
    if not path.exists():
        pytest.skip(
            f"the data of CDNOW are not in {path.parent}; set SAFAR_DATA to the folder that holds them"
        )
    rows = [line.split() for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    columns = {
        "customer": [row[1] for row in rows],
        "time": [f"{row[2][:4]}-{row[2][4:6]}-{row[2][6:]}" for row in rows],
        "event": ["buy"] * len(rows),
        "value": [float(row[4]) for row in rows],
    }
    log = safar.EventLog(columns, customer="customer", time="time", event="event", value="value")
    found = log.rfm("buy")
    assert len(found) == 2_357
    assert given_scores(found.scores()) == scores_of(found, 5)
    once = sum(number == 1 for number in found.to_dict()["frequency"])
    frequency = Counter(scores[1] for scores in given_scores(found.scores()).values())
    assert frequency[1] == once > 2_357 / 2
    # Nobody is between those who bought once, more than half of all, and the rest.
    assert 2 not in frequency
    segments = found.segments()
    assert sum(segments.to_dict()["customers"]) == 2_357
    counts = {row["rfm_segment"]: row["customers"] for row in lines(segments)}
    assert (
        counts["new"]
        + counts["promising"]
        + counts["about_to_sleep"]
        + counts["hibernating"]
        + counts["lost"]
        == once
    )
