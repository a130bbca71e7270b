"""Explanations: every event of the customer, decisions that agree with the counts, and a conclusion."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from oracles import SECOND, Event
from safar.language import Spoken
from safar.language.words import words_of
from scored_shop import scored
from strategies import BASE, day_times, logs, observed, public_log
from test_funnel import sequence
from test_said import unsaid


def decisions(explanation: safar.Explanation) -> list[str]:
    return list(explanation.to_dict()["decision"])


def test_a_funnel_says_what_each_event_decided() -> None:
    log = public_log(
        [*sequence("A1 D2 B3 X4 C5 C30", "u"), *sequence("A1 A4 B5 C6", "v"), *sequence("B1 C2", "w")],
        observed_until=BASE + 100 * SECOND,
    )
    funnel = log.funnel(["A", "B", "C"], within="20s", exclude="X")
    first = funnel.explain("u")
    assert decisions(first) == [
        'takes step 1 "A": the attempt that counts begins',
        "",
        'takes step 2 "B", 2 s after the step before',
        "must not happen after step 2: ends the attempt",
        'would be step 3 "C", but the attempt was ended before',
        'would be step 3 "C", but comes 29 s after the entry: outside the window of 20 seconds',
    ]
    assert "reached 2 of 3 steps: excluded." in first.conclusion[0]
    second = funnel.explain("v")
    assert (
        decisions(second)[0]
        == "could begin an attempt, but of the attempts the furthest counts, of equals the latest"
    )
    assert second.conclusion[0].endswith("completed after 2 s.")
    third = funnel.explain("w")
    assert decisions(third) == [
        'fills step 2 "B", but no attempt has begun',
        'fills step 3 "C", but no attempt has begun',
    ]
    assert third.conclusion == ('Not in the funnel: no event takes step 1 "A".',)


@given(st.data())
def test_every_funnel_explains_every_customer_as_it_counts_it(data: st.DataObject) -> None:
    rows = [*data.draw(logs(max_events=20)), *sequence("A1 B2 C3 D4", "other")]
    log = public_log(rows, observed_until=observed(data.draw, rows))
    options: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {},
                {"order": "strict"},
                {"order": "any"},
                {"order": "anchored"},
                {"entry": "all"},
                {"entry": "first", "ties": "2s"},
                {"exclude": "D"},
                {"hold": "plan"},
                {"dialect": "clickhouse strict_order"},
                {"step_within": ("1s", "3s")},
            ]
        )
    )
    funnel = log.funnel(["A", "B", "C"], within="6s", **options)
    found = funnel.customers().to_dict()
    reached: dict[str, list[int]] = {}
    for customer, steps in zip(found["customer"], found["reached"], strict=True):
        reached.setdefault(customer, []).append(steps)
    for customer in {row.customer for row in rows}:
        why = funnel.explain(customer)
        assert len(why) == sum(row.customer == customer for row in rows)
        taken = sum("takes step" in each for each in decisions(why))
        assert taken == sum(reached.get(customer, []))
        assert len(why.conclusion) == max(len(reached.get(customer, [])), 1)
        assert ("Not in the funnel" in why.conclusion[0]) == (customer not in reached)


@given(
    logs(day_times(40), max_events=24),
    st.sampled_from(["first_ever", "first", "recurring"]),
    st.sampled_from(["calendar", "rolling"]),
)
def test_retention_explains_every_customer_as_it_counts_it(rows: list[Event], entry: Any, clock: Any) -> None:
    rows = [*rows, Event("x", BASE, "A"), Event("x", BASE, "B")]
    log = public_log(rows)
    result = log.retention("A", "B", period="week", entry=entry, clock=clock, start_time="2024-03-05")
    cells = result.customers().to_dict()
    for customer in {row.customer for row in rows}:
        why = result.explain(customer)
        mine = [
            (c, p)
            for who, c, p in zip(cells["customer"], cells["cohort"], cells["period"], strict=True)
            if who == customer
        ]
        entered = [each for each in decisions(why) if "enters the cohort" in each]
        assert len(entered) == len({cohort for cohort, _ in mine})
        if mine:
            listed = [sentence.rsplit(": ", 1)[1].rstrip(".") for sentence in why.conclusion]
            numbers = sorted(int(n) for each in listed for n in each.split(", "))
            assert numbers == sorted(period for _, period in mine)
        else:
            assert why.conclusion[0].startswith("In no cohort")


def test_an_explanation_shows_itself_in_a_notebook_and_refuses_strangers() -> None:
    funnel = public_log(sequence("A1 B2")).funnel(["A", "B"])
    why = funnel.explain("u")
    assert "takes step 2" in why._repr_html_()
    assert repr(why).startswith("u: Entered at")
    with pytest.raises(safar.SafarError, match="customer='stranger' has no event in this log of 1 customers"):
        funnel.explain("stranger")


def test_times_are_those_of_the_zone_of_the_log() -> None:
    log = safar.EventLog(
        {"customer": ["u", "u"], "time": ["2026-03-01 10:00", "2026-03-01 10:05"], "event": ["A", "B"]},
        customer="customer",
        time="time",
        event="event",
        timezone="Asia/Tehran",
    )
    for result in (log.funnel(["A", "B"]), log.sessions(), log.journeys(), log.retention()):
        why = result.explain("u")
        assert [time.isoformat() for time in why.to_dict()["time"]] == [
            "2026-03-01T10:00:00+03:30",
            "2026-03-01T10:05:00+03:30",
        ]
    customers = log.funnel(["A", "B"]).customers().to_dict()
    assert [customers[name][0].isoformat() for name in ("entry", "last_step")] == [
        "2026-03-01T10:00:00+03:30",
        "2026-03-01T10:05:00+03:30",
    ]


def test_a_funnel_of_sessions_explains_customers_who_never_came_to_a_step() -> None:
    log = public_log([*sequence("A1 B2", "u"), *sequence("A1", "v")])
    why = log.funnel(["A", "B"], within="1h", count="sessions").explain("v")
    assert decisions(why) == ['takes step 1 "A": the attempt that counts begins']


# ------------------------------------------------------------------------------------------------- in Persian

STEPS = ["visit", "view_product", "purchase"]
WEB = safar.design.step("visit", within="1h")
# What explains customers, under the rules that change what is said; an analysis stands here with all its ways.
EXPLAINED: dict[str, Callable[[safar.EventLog], Any]] = {
    "conformance": lambda log: log.conformance(STEPS, of="event"),
    "conformance of a map": lambda log: log.conformance(),
    "conformance of sessions": lambda log: log.conformance([WEB, "purchase"], of="event", per="sessions"),
    "conformance of channels": lambda log: log.conformance(["web", "app"], of="channel", others="extra"),
    "contact times": lambda log: safar.contact_times(log, contact="email_sent", response="visit", quiet=None),
    "contact times by channel": lambda log: safar.contact_times(
        log, contact="email_sent", response="email_opened", by="channel", slots="weekday_hour"
    ),
    "contact times by part": lambda log: safar.contact_times(
        log, contact="visit", response="purchase", slots="part", holidays=["2025-07-05", "2026-01-03"]
    ),
    "features": lambda log: log.features("2026-01-01", observe="90d"),
    "funnel": lambda log: log.funnel(STEPS, within="1d"),
    "funnel in any order": lambda log: log.funnel(STEPS, order="any", entry="all", within="session"),
    "funnel in strict order": lambda log: log.funnel(STEPS, order="strict", entry="best"),
    "funnel of held values": lambda log: log.funnel(STEPS, hold=["channel", "persona"], start="2025-09-01"),
    "funnel of sessions": lambda log: log.funnel(STEPS, count="sessions", within="1h"),
    "funnel with exclusions": lambda log: log.funnel(
        STEPS, exclude="search", on_exclude="drop_customer", entry="first", ties="against"
    ),
    "funnel with gaps": lambda log: log.funnel(STEPS, step_within=["1d", ("1h", "2d")], end="2026-01-01"),
    "journeys": lambda log: log.journeys(ends="purchase"),
    "next events": lambda log: log.next_events(order=3),
    "next events of the past": lambda log: log.next_events("2026-01-01", by="channel", gap=None),
    "retention": lambda log: log.retention("visit", "purchase", period="week", minimum=2),
    "retention by Jalali month": lambda log: log.retention(
        period="month", calendar="jalali", entry="recurring", mode="streak"
    ),
    "retention in a range": lambda log: log.retention(
        "visit", period="month", start_time="2025-09-01", mode="on_or_before"
    ),
    "sessions": lambda log: log.sessions("30m", start_events="login", end_events="purchase"),
    "tenures": lambda log: safar.tenures(log, start="login", end="purchase", stop="return"),
    "features that models foretell": lambda log: log.features("2026-01-01", observe="90d", features="model"),
    "value by opportunities": lambda log: safar.lifetime_value(
        log, purchase=["visit", "login", "purchase"], model="bg_bb", unit="month", calendar="jalali", draws=0
    ),
    "value": lambda log: safar.lifetime_value(
        log, purchase=["visit", "login", "purchase"], model="bg_nbd", value="value", draws=0
    ),
}


@pytest.fixture(scope="module")
def shop() -> safar.EventLog:
    return scored(safar.datasets.shop(300))


@pytest.fixture(scope="module")
def names(shop: safar.EventLog) -> set[str]:
    """What stands in a Persian sentence as it is: names of the data, of steps, of features and of a model."""
    steps = shop.conformance().steps().to_dict()["label"]
    features = shop.features("2026-01-01", observe="90d").names
    return {
        *shop.events,
        *shop.channels,
        *shop.columns,
        *map(str, steps),
        *features,
        "p_alive",
        "expected_steps",
        "BG/BB",
        "BG/NBD",
    }


@pytest.mark.parametrize("name", EXPLAINED)
def test_every_explanation_is_told_in_persian(name: str, shop: safar.EventLog, names: set[str]) -> None:
    result = EXPLAINED[name](shop)
    told = 0
    for customer in shop.core.customers().numpy("customer")[0][:40].tolist():
        why = result.explain(customer)
        english = [*why.words["decision"], *why.conclusion]
        assert [text for text in english if not isinstance(text, Spoken)] == []
        assert [each for text in english for each in unsaid(text)] == []
        persian = why.told("fa")
        for sentence in [*decisions(persian), *persian.conclusion]:
            # A name of the data is kept apart from the direction of the sentence.
            kept = {
                re.sub(f"^{customer}/\\d+$", customer, name)
                for name in re.findall("\u2068(.*?)\u2069", sentence)
            }
            assert kept <= {customer, *names}, sentence
            own = re.sub("\u2068.*?\u2069", "", sentence)
            assert not re.search("[A-Za-z0-9{}]", own), sentence
            told += bool(sentence)
        assert len(decisions(persian)) == len(why)
        assert [bool(each) for each in decisions(persian)] == [bool(each) for each in decisions(why)]
    assert told > 40


def test_everything_that_explains_is_told_in_persian() -> None:
    callers = {
        path.name
        for path in Path(safar.__file__).parent.rglob("*.py")
        if "import Explanation, explanation" in path.read_text(encoding="utf-8")
    }
    assert callers == {
        "_conformance_explanation.py", "_cut_explanation.py", "_funnel_explanation.py",
        "_retention_explanation.py", "explaining.py", "features.py", "followed.py", "next_events.py", "times.py",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        *Path(safar.__file__).parent.rglob("*_explanation.py"),
        *Path(safar.__file__).parent.rglob("explaining.py"),
    ],
    ids=lambda path: str(path.name),
)
def test_no_sentence_of_an_explanation_lacks_persian_words(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
    }
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
    }
    sentences = {text for text in texts if re.search("[a-z] |[a-z]: ", text)} - {"tuple[Step, ...]"}
    assert len(sentences) > 5
    assert sorted(sentences - set(words_of("fa")["texts"])) == []


def test_an_explanation_says_in_persian_what_it_says_in_english() -> None:
    log = safar.EventLog(
        {
            "customer": ["u"] * 4,
            "time": ["2026-03-21 10:00", "2026-03-21 10:05", "2026-03-24 13:05", "2026-03-25 09:00"],
            "event": ["دیدن", "buy", "دیدن", "buy"],
        },
        customer="customer",
        time="time",
        event="event",
        timezone="Asia/Tehran",
    )
    why = log.funnel(["دیدن", "buy"], within="1d", entry="first").explain("u")
    told = why.told("fa")
    assert decisions(told) == [
        "گام ۱ «دیدن» را برمی‌دارد: تلاشی که به شمار می‌آید آغاز می‌شود",
        "گام ۲ «\u2068buy\u2069» را ۵ دقیقه پس از گام پیش برمی‌دارد؛ قیف به پایان می‌رسد",
        "گام ۱ «دیدن» را پر می‌کند، ولی قیف پیش از آن به پایان رسیده بود",
        "گام ۲ «\u2068buy\u2069» را پر می‌کند، ولی قیف پیش از آن به پایان رسیده بود",
    ]
    assert told.conclusion == (
        "در ۱۴۰۵/۰۱/۰۱ ۱۰:۰۰:۰۰ وارد شد و به ۲ گام از ۲ گام رسید: پس از ۵ دقیقه به پایان رسید.",
    )
    assert told.columns == why.columns
    assert told.to_dict()["time"] == why.to_dict()["time"]
    assert told.definition.startswith("مشتریانی که")
    assert decisions(log.sessions().explain("u").told("fa"))[2] == (
        "نشست ۲ آغاز می‌شود: وقفهٔ ۳ روز و ۳ ساعت درازتر از ۳۰ دقیقه است"
    )


def test_what_was_told_goes_back_to_english() -> None:
    why = public_log(sequence("A1 B2")).funnel(["A", "B"]).explain("u")
    assert why.told("en") is why
    assert why.told() is why
    assert why.told("fa").told("en") is why
    assert why.told("fa").told("fa").conclusion == why.told("fa").conclusion
    with pytest.raises(safar.ArgumentError, match="language='de'"):
        why.told("de")  # type: ignore[arg-type]


def test_an_explanation_in_persian_shows_itself_from_right_to_left() -> None:
    why = public_log(sequence("A1 B2")).funnel(["A", "B"]).explain("u")
    assert 'dir="rtl"' not in why._repr_html_()
    shown = why.told("fa")._repr_html_()
    assert shown.startswith('<div lang="fa" dir="rtl">')
    text = re.sub("<[^>]*>", " ", shown)
    assert "۲ ردیف" in text
    assert "تصمیم" in text
    assert set(re.findall("[A-Za-z0-9]+", text)) == {"A", "B", "UTC"}
    assert repr(why.told("fa")).startswith("u: در ")
