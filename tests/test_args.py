"""Arguments: durations, instants, choices and names, and the way out that their errors show."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, get_args
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from safar import _args, errors
from safar._typing import At, Calendar, OnBad, Period, TimeUnit

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        ("30m", 30 * MINUTE),
        (" 2 h ", 120 * MINUTE),
        ("7d", 7 * DAY),
        ("1w", 7 * DAY),
        ("90s", 90_000_000),
        ("1.5h", 90 * MINUTE),
        ("0.1s", 100_000),
        ("250ms", 250_000),
        ("5us", 5),
        (dt.timedelta(days=7), 7 * DAY),
        (pd.Timedelta("30min"), 30 * MINUTE),
        (np.timedelta64(90, "m"), 90 * MINUTE),
    ],
)
def test_a_duration_is_a_number_with_a_unit_or_a_timedelta(given_as: object, expected: int) -> None:
    assert _args.microseconds(given_as) == expected


@given(st.timedeltas(min_value=dt.timedelta(microseconds=1), max_value=dt.timedelta(days=300_000)))
def test_a_duration_has_one_text_that_reads_back(length: dt.timedelta) -> None:
    text = _args.duration(length, "within")
    assert _args.microseconds(text) == length // dt.timedelta(microseconds=1)
    assert _args.duration(text, "within") == text


def test_equal_durations_have_equal_texts_and_words() -> None:
    assert {_args.duration(text, "within") for text in ("168h", "7d", "1w", "10080m")} == {"7d"}
    assert [_args.duration_words(text) for text in ("7d", "1d", "90m", "1.5s")] == [
        "7 days",
        "1 day",
        "90 minutes",
        "1500 milliseconds",
    ]


@pytest.mark.parametrize(
    ("given_as", "kind", "message"),
    [
        ("soon", errors.ArgumentError, "within='soon' is not a duration.*\"30m\""),
        ("7 days", errors.ArgumentError, "d days"),
        ("", errors.ArgumentError, "is not a duration"),
        ("-7d", errors.ArgumentError, "longer than 0"),
        ("0s", errors.ArgumentError, "longer than 0"),
        (dt.timedelta(0), errors.ArgumentError, "longer than 0"),
        (dt.timedelta.max, errors.ArgumentError, "longer than 1000 years"),
        ("9" * 30 + "w", errors.ArgumentError, "longer than 1000 years"),
        (30, errors.ArgumentTypeError, 'is a int.*write "30m"'),
        (np.timedelta64("NaT"), errors.ArgumentTypeError, "expected a duration"),
        (None, errors.ArgumentTypeError, "expected a duration"),
    ],
)
def test_what_is_no_duration_is_refused_with_an_example(
    given_as: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        _args.duration(given_as, "within")


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [
        (dt.date(2026, 3, 21), "2026-03-20T20:30:00+00:00"),
        (dt.datetime(2026, 3, 21, 12), "2026-03-21T08:30:00+00:00"),
        (dt.datetime(2026, 3, 21, 12, tzinfo=dt.UTC), "2026-03-21T12:00:00+00:00"),
        ("2026-03-21", "2026-03-20T20:30:00+00:00"),
        ("2026-03-21 12:00:00.000001", "2026-03-21T08:30:00.000001+00:00"),
        ("2026-03-21T12:00:00Z", "2026-03-21T12:00:00+00:00"),
        ("2026-03-21T12:00:00+02:00", "2026-03-21T10:00:00+00:00"),
        (pd.Timestamp("2026-03-21 12:00", tz="Europe/Paris"), "2026-03-21T11:00:00+00:00"),
        (np.datetime64("2026-03-21T12:00"), "2026-03-21T08:30:00+00:00"),
        (np.datetime64("2026-03-21"), "2026-03-20T20:30:00+00:00"),
    ],
)
def test_an_instant_without_a_zone_is_wall_clock_of_the_log(given_as: object, expected: str) -> None:
    found = _args.instant_us(given_as, "observed_until", "Asia/Tehran")
    assert dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(
        microseconds=found
    ) == dt.datetime.fromisoformat(expected)


@pytest.mark.parametrize("given_as", ["yesterday", "", pd.NaT, np.datetime64("NaT"), 1_700_000_000, None])
def test_what_is_no_instant_is_refused(given_as: Any) -> None:
    with pytest.raises(errors.SafarError, match=r"observed_until=.*(ISO 8601|datetime)"):
        _args.instant_us(given_as, "observed_until", "UTC")


def test_an_instant_comes_back_in_the_zone_of_the_log() -> None:
    noon = dt.datetime(2026, 3, 21, 12, tzinfo=ZoneInfo("Asia/Tehran"))
    found = _args.local_datetime(_args.instant_us(noon, "observed_until", "UTC"), "Asia/Tehran")
    assert found == noon
    assert found.utcoffset() == dt.timedelta(hours=3.5)


@pytest.mark.parametrize(
    ("given_as", "message"),
    [
        ("Asia/Teheran", 'did you mean "Asia/Tehran"'),
        ("", "not a time zone"),
        ("../etc/passwd", "not a time zone"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_near_one(given_as: str, message: str) -> None:
    with pytest.raises(errors.ArgumentError, match=message):
        _args.zone(given_as)
    with pytest.raises(errors.ArgumentTypeError, match="expected the name of a time zone"):
        _args.zone(ZoneInfo("UTC"))


@pytest.mark.parametrize("literal", [At, Calendar, OnBad, Period, TimeUnit])
def test_a_choice_is_one_of_its_literals_and_the_error_lists_them(literal: Any) -> None:
    for allowed in get_args(literal):
        assert _args.choice(allowed, "given", literal) == allowed
    with pytest.raises(errors.ArgumentError, match="given='no such'") as refused:
        _args.choice("no such", "given", literal)
    assert all(f'"{allowed}"' in str(refused.value) for allowed in get_args(literal))
    with pytest.raises(errors.ArgumentError, match="given=3"):
        _args.choice(3, "given", literal)


def test_names_are_one_or_several_and_repeats_count_once() -> None:
    assert _args.names("view", "start") == ("view",)
    assert _args.names(["view", "cart", "view"], "start") == ("view", "cart")
    for refused in ([], [""], [3], 3, None, {"view"}):
        with pytest.raises(errors.SafarError, match="start"):
            _args.names(refused, "start")


def test_text_and_flags_are_what_they_say() -> None:
    assert _args.text("a", "by") == "a"
    assert _args.flag(True, "same_period") is True
    assert _args.flag(np.False_, "same_period") is False
    for refused in ("", "  ", 3):
        with pytest.raises(errors.SafarError, match="by"):
            _args.text(refused, "by")
    for unclear in (1, "yes", None):
        with pytest.raises(errors.ArgumentTypeError, match="expected True or False"):
            _args.flag(unclear, "same_period")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("by", "buy"), ("Purchase", "purchase"), (" view", "view"), ("خريد", "خرید"), ("zzzz", None)],
)
def test_a_suggestion_is_the_nearest_name_or_none(name: str, expected: str | None) -> None:
    found = _args.suggestion(name, ["buy", "purchase", "view", "خرید"])
    assert found == ("" if expected is None else f'; did you mean "{expected}"?')


def test_suggestions_stay_quick_among_a_million_names() -> None:
    many = [f"event {number}" for number in range(1_000_000)]
    assert _args.suggestion("EVENT 999999", many) == '; did you mean "event 999999"?'


def test_a_long_list_is_cut_with_a_count() -> None:
    assert _args.listing(["a", "b"]) == '"a", "b"'
    assert _args.listing("abcde", most=2) == '"a", "b" and 3 more'


def test_an_unknown_event_is_named_with_the_nearest_one_and_the_number_of_events() -> None:
    log = safar.EventLog(
        {"customer": ["a"] * 3, "time": ["2026-03-01"] * 3, "event": ["buy", "view", "cart"]},
        customer="customer",
        time="time",
        event="event",
    )
    expected = (
        'step 2 "by" is not an event of this log; did you mean "buy"? (3 events: "buy", "cart", "view")'
    )
    with pytest.raises(errors.UnknownEventError, match=re.escape(expected)):
        log.funnel(["view", ["cart", "by"]])
    with pytest.raises(errors.UnknownEventError, match=re.escape('back "by" is not an event of this log')):
        log.retention("view", ["buy", "by"])


def test_an_unknown_segment_is_refused_with_what_is_available() -> None:
    log = safar.EventLog(
        {"customer": ["a"], "time": ["2026-03-01"], "event": ["buy"], "source": ["ad"], "city": ["Yazd"]},
        customer="customer",
        time="time",
        event="event",
        channel="source",
        attributes=["city"],
    )
    with pytest.raises(
        errors.UnknownColumnError, match=r'did you mean "city".*"channel", "city".*attributes='
    ):
        log.sessions(by="citi")
    with pytest.raises(errors.UnknownColumnError, match='is the channel of this log; write by="channel"'):
        log.sessions(by="source")
    assert log.sessions(by="city").to_dict()["segment"] == ["Yazd"]


def test_errors_are_the_builtin_kind_too_and_read_as_sentences() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, errors.SafarError)
        assert str(kind("a column's name")) == "a column's name"
    assert issubclass(errors.UnknownEventError, KeyError)
    assert issubclass(errors.UnknownColumnError, KeyError)
    assert issubclass(errors.DataError, ValueError)
    assert issubclass(errors.FileError, OSError)
    assert issubclass(errors.ArgumentError, ValueError)
    assert issubclass(errors.ArgumentTypeError, TypeError)
    assert issubclass(errors.InternalError, RuntimeError)
