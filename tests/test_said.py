"""Definitions in the language of the reader: each sentence knows its places and has Persian words."""

from __future__ import annotations

import ast
import copy
import datetime as dt
import pickle
import re
import string
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import safar
from safar.language import Length, Listed, Locale, Moment, Said, Spoken, paragraph
from safar.language.words import words_of
from safar.pages import Section, dashboard, journey_picture

PERSIAN = Locale("fa")
SOURCES = Path(safar.__file__).parent
KINDS = ["nps_answer", "csat_answer", "ces_answer"]
STEPS = ["visit", "view_product", "purchase"]
# What stays as it is: names of the data, tools and places in the code.
NAMES = {
    "NPS",
    "CSAT",
    "CES",
    "ClickHouse",
    "windowFunnel",
    "result",
    "definitions",
    "missing",
    "not_judged",
    "k",
}


@pytest.fixture(scope="module")
def log() -> safar.EventLog:
    shop = safar.datasets.shop(300)
    log = shop.log().with_map(safar.JourneyMap.shop())
    found: safar.EventLog = log.with_scores(
        shop.surveys, customer="customer_id", time="time", score="score", kind="kind", answer_events=KINDS
    )
    return found


def parts(text: str) -> Iterator[Said]:
    """Every text with places within a text."""
    if isinstance(text, Said):
        yield text
        for value in text.values.values():
            yield from parts(value)
    if isinstance(text, Listed):
        for item in text.items:
            yield from parts(item)


def words(template: str) -> str:
    """A template without its places."""
    return "".join(literal for literal, *_ in string.Formatter().parse(template))


def unsaid(definition: str) -> list[str]:
    """What of a definition has no Persian words."""
    assert isinstance(definition, Spoken), f"can't be said in another language: {definition}"
    known = words_of("fa")["texts"]
    return [
        each.template
        for each in parts(definition)
        if re.search("[A-Za-z]", words(each.template)) and each.template not in known
    ]


# ------------------------------------------------------------------------------------------------------- texts


def test_a_text_is_said_with_what_stands_in_its_places() -> None:
    said = Said(
        "{one} ends at {end}",
        one=Listed(["a", "b"], " or "),
        end=Moment(dt.datetime(2026, 3, 21, 10)),
    )
    assert said == "a or b ends at 2026-03-21 10:00:00"
    assert PERSIAN.say(said.values["one"]) == "\u2068a\u2069 یا \u2068b\u2069"
    assert PERSIAN.say(said.values["end"]) == "۱۴۰۵/۰۱/۰۱ ۱۰:۰۰:۰۰"
    assert PERSIAN.say(Moment(dt.date(2026, 3, 21))) == "۱۴۰۵/۰۱/۰۱"
    assert PERSIAN.say(Length("90m")) == "۹۰ دقیقه"
    rows = Said("{rows}; {bad} rejected", rows=1200, bad=3)
    assert (Locale().say(rows), PERSIAN.say(rows)) == ("1,200; 3 rejected", "۱٬۲۰۰؛ ۳ ردیف رد شد")
    assert Said("{share} of it", share=4.0625) == "4.06 of it"


def test_names_of_the_data_may_hold_braces() -> None:
    name = "{drop} {0} {"
    assert Said("{events} event", events=name) == f"{name} event"
    assert name in PERSIAN.say(Said("{events} event", events=name))


def test_a_paragraph_leaves_out_what_there_is_not() -> None:
    assert paragraph(Said("One."), None, Said("Two.")) == "One. Two."
    assert paragraph(None, "") == ""


@pytest.mark.parametrize(
    "text",
    [
        Said("{rows}; {bad} rejected", rows=1, bad=2),
        Length("90m"),
        Moment(dt.date(2026, 3, 21)),
        Listed(["a", "b"], last="and"),
        paragraph(Said("any event"), Said("event")),
    ],
)
def test_texts_keep_their_places_when_they_are_copied(text: Spoken) -> None:
    for same in (pickle.loads(pickle.dumps(text)), copy.copy(text), copy.deepcopy(text)):
        assert (same, type(same)) == (text, type(text))
        assert PERSIAN.say(same) == PERSIAN.say(text)


def test_every_text_with_places_has_persian_words() -> None:
    known = words_of("fa")["texts"]
    found = 0
    for path in SOURCES.rglob("*.py"):
        if path.parent.name == "language":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Said" and node.args):
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant) and re.search("[A-Za-z]", words(first.value)):
                found += 1
                assert first.value in known, (path.name, first.value)
    assert found > 90


# ------------------------------------------------------------------------------------------------- definitions


def questions(log: safar.EventLog) -> Iterator[str]:
    """Definitions under all rules of the analyses that a page shows."""
    for order, entry, within in product(
        ("ordered", "strict", "any", "anchored"), ("latest", "first", "best", "all"), (None, "7d", "session")
    ):
        yield log.funnel(STEPS, order=order, entry=entry, within=within).definition  # type: ignore[arg-type]
    further: list[dict[str, Any]] = [
        {"by": "channel", "at": "first"}, {"by": "channel", "at": "step 2"}, {"hold": ["channel", "persona"]},
        {"step_within": ["1d", ("1h", "2d")]}, {"step_within": [None, ("1h", None)]}, {"count": "sessions"},
        {"count": "order_id"}, {"exclude": ["search", "login"]}, {"ties": "against"}, {"ties": "stable"},
        {"ties": "2s"}, {"exclude": "search", "on_exclude": "drop_customer"}, {"start": "2025-07-01"},
        {"end": "2026-01-01"}, {"start": "2025-07-01", "end": "2026-01-01"}, {"dialect": "posthog"},
        {"dialect": "clickhouse"}, {"dialect": "clickhouse strict_once"}, {"dialect": "clickhouse strict_order"},
    ]  # fmt: skip
    for rules in further:
        yield log.funnel(STEPS, **{"within": "7d"} | rules).definition
    optional = [safar.step("visit", "login", name="in"), safar.step("search", optional=True), "purchase"]
    yield log.funnel(optional, within="7d").definition
    for mode, clock, entry, brackets in product(
        ("on", "on_or_after", "on_or_before", "streak"),
        ("calendar", "rolling"),
        ("first_ever", "first", "recurring"),
        (None, [(0, 0), (1, 2)], [(1, 1), (2, 4)]),
    ):
        rules = {"mode": mode, "clock": clock, "entry": entry, "brackets": brackets}
        yield log.retention("visit", "purchase", **rules).definition
        yield log.retention(period="month", calendar="jalali", **rules).definition
    for rules in (
        {"minimum": 3}, {"start_time": "2025-07-01"}, {"end_time": "2026-02-01"}, {"same_period": True},
        {"value": True}, {"start_time": "2025-07-01", "end_time": "2026-02-01"}, {"cohort": "all"},
        {"by": "channel"}, {"period": "day"},
    ):  # fmt: skip
        for entry in ("first_ever", "recurring"):
            yield log.retention(None, "purchase", entry=entry, **rules).definition
    rules = {
        "start_events": ["visit", "login"],
        "end_events": "purchase",
        "gaps": {"web": "2h"},
        "by": "channel",
    }
    yield log.sessions("30m", **rules).definition
    yield log.transitions(by="channel").definition
    yield log.stages(by="channel").definition
    yield log.kpis(by=["channel", ["channel", "persona"]]).definition
    for ask in (safar.nps, safar.csat, safar.ces):
        yield ask(log, by="channel").definition
        yield ask(log, by="channel", at="touched", period="week").definition
    yield safar.alerts(log.kpis(period="day"), persistence=(2, 3)).definition
    yield journey_picture(log, by="persona").definition


def test_every_definition_under_every_rule_can_be_said_in_persian(log: safar.EventLog) -> None:
    definitions = list(questions(log))
    assert len(set(definitions)) > 150
    for definition in definitions:
        assert unsaid(definition) == []
        assert re.search("[آ-ی]", PERSIAN.say(definition))
        assert Locale("en").say(definition) == definition


def test_every_definition_on_a_persian_page_is_persian(log: safar.EventLog) -> None:
    page = dashboard(log, language="fa", conversion="purchase", personas="persona", active=["visit"])
    html = page.to_html()
    data = {*log.events, *log.columns, "channel", "score", "stage", "Asia", "Tehran"}
    sections = [each for each in page.sections if isinstance(each, Section) and each.definition]
    assert len(sections) > 12
    said = re.findall(r'<p class="definition"[^>]*>(.*?)</p>', html)
    assert len(said) == len(sections)
    for text in said:
        latin = set(re.findall("[A-Za-z_]+", re.sub("&#?[a-z0-9]+;", "", text)))
        assert latin <= data | NAMES, text
        assert not re.search("[0-9]", text), text


def test_results_on_a_page_of_ones_own_are_counted_in_its_language(log: safar.EventLog) -> None:
    result = log.transitions()
    for language, words in (("fa", "یک گذار است"), ("en", "is one transition")):
        page = safar.pages.Page("x", sections=[result], language=language)  # type: ignore[arg-type]
        assert words in page.to_html()
