"""Definitions in the language of the reader: each sentence knows its places and has Persian words."""

from __future__ import annotations

import ast
import copy
import datetime as dt
import inspect
import pickle
import re
import string
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import safar
from safar.analyses import SPECS
from safar.findings import findings
from safar.language import (
    Digits,
    Length,
    Listed,
    Locale,
    Moment,
    Said,
    Share,
    Spoken,
    paragraph,
    quoted,
    so_many,
)
from safar.language.words import words_of
from safar.pages import Section, dashboard, journey_picture
from safar.result import ResultTable
from scored_shop import scored

PERSIAN = Locale("fa")
SOURCES = Path(safar.__file__).parent
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
    return scored(safar.datasets.shop(300))


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
    assert (Digits("24:00"), PERSIAN.say(Digits("24:00"))) == ("24:00", "۲۴:۰۰")
    assert (Share(0.0625), PERSIAN.say(Share(0.0625)), PERSIAN.say(Share(1, 0))) == ("6.2%", "۶٫۲٪", "۱۰۰٪")
    assert PERSIAN.say(Length("90m")) == "۹۰ دقیقه"
    rows = Said("{rows}; {bad} rejected", rows=1200, bad=3)
    assert (Locale().say(rows), PERSIAN.say(rows)) == ("1,200; 3 rejected", "۱٬۲۰۰؛ ۳ ردیف رد شد")
    assert Said("{share} of it", share=4.0625) == "4.06 of it"


def test_a_sentence_about_one_has_a_form_of_its_own() -> None:
    texts = ("1 row says no kind and is left out.", "{number} rows say no kind and are left out.")
    assert so_many(1, *texts) == "1 row says no kind and is left out."
    assert so_many(2000, *texts) == "2,000 rows say no kind and are left out."
    assert PERSIAN.say(so_many(2, *texts)) == "۲ ردیف گونه ندارند و کنار گذاشته شده‌اند."


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
        Digits("09:05"),
        Share(0.25),
        quoted(["a", "b"], "and"),
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


# Every analysis under its rules. What is not here yet fails in the test below.
ASKED: dict[str, list[dict[str, Any]]] = {
    "conformance": [
        {"design": STEPS, "of": "event"},
        {"design": [safar.design.step("visit", within="1h"), "purchase"], "of": "event", "per": "sessions"},
        {"design": ["web", "app"], "of": "channel", "others": "extra", "collapse": False},
        {"goal": "purchase", "score": "score", "by": "channel"},
        {"score": "score"},
    ],
    "conversion": [
        {"end": "purchase"},
        {
            "end": ["purchase", "registration"],
            "start": "visit",
            "horizon": "30d",
            "by": "channel",
            "at": "last",
        },
        {"end": "purchase", "stop": "support_ticket", "competing": ["registration"], "resolution": "1d"},
        {"end": "purchase", "stop": "support_ticket"},
    ],
    "next_events": [
        {"order": 2},
        {"order": 1, "gap": "7d", "by": "channel"},
        {"order": 2, "column": "channel", "at": "2026-03-01", "gap": None},
    ],
    "features": [
        {"at": "2026-01-01"},
        {
            "at": ["2026-01-01", "2026-02-01"],
            "observe": "90d",
            "active": "visit",
            "active_where": "value > 0",
        },
        {"at": "2026-01-01", "active_where": "value > 0", "attributes": "stage"},
    ],
    "flow": [{}, {"per": "sessions", "events": STEPS, "collapse": True, "by": "channel"}],
    "funnel": [{"steps": STEPS, "within": "7d", "by": "channel"}, {"steps": STEPS}],
    "journeys": [
        {},
        {"ends": "purchase", "stops": safar.step("login", where="value is null"), "by": "channel"},
        {
            "gaps": {"web": "2d"},
            "start_events": "visit",
            "duration": "response_minutes",
            "duration_unit": "m",
        },
    ],
    "kpis": [{}, {"by": "channel"}],
    "labels": [
        {"at": "2026-01-01", "predict": "30d"},
        {
            "kind": "event",
            "at": "2026-01-01",
            "predict": "30d",
            "gap": "2d",
            "events": "purchase",
            "where": "value > 0",
        },
        {"kind": "event", "at": "2026-01-01", "predict": "30d", "events": "purchase", "again": True},
        {"kind": "renewal", "at": "2026-01-01", "predict": "30d", "events": "purchase", "term": "30d"},
        {
            "kind": "renewal",
            "at": "2026-01-01",
            "predict": "30d",
            "events": "purchase",
            "term": "30d",
            "grace": "2d",
        },
        {"kind": "renewal", "at": "2026-01-01", "predict": "30d", "where": "value > 0", "term": "30d"},
    ],
    "lifecycle": [
        {},
        {"events": ["visit", "login"], "period": "month", "calendar": "jalali", "by": "channel"},
        {"period": "day", "by": "persona", "at": "profile"},
    ],
    "loops": [{}, {"per": "sessions", "events": STEPS, "by": "channel"}],
    "match": [{"pattern": "visit -> purchase within 2d"}, {"pattern": "visit -> purchase", "by": "channel"}],
    "paths": [
        {},
        {"per": "sessions", "most_events": 3, "top": 5, "collapse": True, "events": STEPS, "by": "channel"},
        {"top": None, "by": "channel"},
    ],
    "retention": [{}, {"by": "channel", "value": True}],
    "rfm": [{}, {"events": ["purchase", "visit"], "at": "2026-01-01", "value": "score", "by": "channel"}],
    "separating_paths": [
        {"goal": "purchase"},
        {"goal": ["purchase", "login"], "within": "7d", "contiguous": True, "events": STEPS, "top": 5},
        {
            "goal": "purchase",
            "per": "sessions",
            "collapse": True,
            "permutations": 10,
            "by": "channel",
            "top": 5,
        },
    ],
    "sessions": [{}, {"by": "channel"}],
    "stages": [{}, {"by": "channel"}],
    "steps": [
        {},
        {"around": ["purchase", "login"], "which": "last", "by": "channel"},
        {"around": "purchase", "which": "each", "per": "sessions"},
        {"around": safar.step("purchase", where="value > 0")},
        {"around": safar.step(match="visit -> purchase")},
    ],
    "stickiness": [{}, {"unit": "hour", "period": "day", "events": "visit", "by": "channel", "at": "first"}],
    "transitions": [{}, {"by": "channel"}],
    "waits": [
        {"of": "event"},
        {"of": "stage", "same": "order_id", "gap": "7d", "duration": "response_minutes", "by": "channel"},
        {"of": "event", "hours": ("09:00", "17:00"), "weekend": ["friday"], "holidays": ["2026-03-21"]},
        {"of": "event", "hours": ("09:00", "17:00"), "weekend": [], "holidays": ["2026-03-21", "2026-03-22"]},
        {"of": "event", "hours": ("09:00", "24:00"), "weekend": []},
        {"of": "event", "expected": {"purchase": "1h"}},
        {},
    ],
}


def tables(result: ResultTable) -> Iterator[tuple[str, str]]:
    """What a result and every table that follows from it without further questions are called, and defined as."""
    yield type(result).__name__, result.definition
    for name in dir(type(result)):
        if name.startswith(("_", "to_")) or name == "plot":
            continue
        found = getattr(result, name)
        if callable(found):
            own = inspect.signature(found).parameters.values()
            if any(each.default is each.empty and each.kind != each.VAR_KEYWORD for each in own):
                continue
            try:
                found = found()
            except safar.SafarError:
                # Nothing to compare, and the like.
                continue
        if isinstance(found, ResultTable):
            yield f"{type(result).__name__}.{name}", found.definition


def test_every_analysis_is_asked_for_its_words() -> None:
    assert sorted(ASKED) == sorted(spec.analysis for spec in SPECS)


@pytest.mark.parametrize("analysis", sorted(ASKED))
def test_every_analysis_and_its_tables_are_defined_in_persian(analysis: str, log: safar.EventLog) -> None:
    for rules in ASKED[analysis]:
        for name, definition in tables(getattr(log, analysis)(**rules)):
            assert unsaid(definition) == [], (name, rules)
            assert re.search("[آ-ی]", PERSIAN.say(definition)), (name, rules)
            assert Locale("en").say(definition) == definition


def further(log: safar.EventLog) -> Iterator[ResultTable]:
    """Tables that need a question of their own, and those that come from no analysis."""
    funnel = log.funnel(STEPS, within="7d")
    yield from (funnel.customers(2), funnel.customers(status="dropped"), funnel.customers(1, "still_open"))
    yield from (funnel.histogram(2), funnel.trend("month"), funnel.compare(log.funnel(STEPS)))
    yield log.match("visit -> purchase").customers("matched")
    yield log.journeys().chains(most_touches=3)
    yield log.retention(by="channel").customers(segment="web", period=3)
    yield safar.compare_dialects(log, STEPS, within="1d").moved()
    yield safar.compare_dialects(log, STEPS, within="1d")
    yield safar.compare_dialects(log, STEPS, within="1d", exclude="login")
    yield safar.compare_dialects(log, ["visit", safar.step("login", optional=True), "purchase"], within="1d")
    yield from (log.rejects, log.quality(), log.scores)
    yield safar.kpi_catalogue()
    kpis = log.kpis(kpis=["conversion_rate", "nps"], period="month", by="channel")
    yield from (safar.trend(kpis), safar.trend(kpis, autocorrelation="none", correction="none"))
    yield from (
        safar.compare_kpis(kpis, by="channel"),
        safar.compare_kpis(kpis, by="channel", correction="none"),
    )
    found = safar.alerts(log.kpis(period="day"))
    yield found
    for ask, group in ((safar.nps, "detractors"), (safar.csat, "satisfied"), (safar.ces, "others")):
        scored = ask(log, by="channel")
        yield scored
        answers = {"score": [1, 5], "comment": ["a", "b"]}
        written = ask(answers, comment="comment")
        yield from (written, written.comments(group=group))
    after = log.after_scores(kind="nps", event="purchase", value="value")
    yield from (after, log.after_scores(kind="ces"))
    yield from (log.emotion_curve(kind="csat"), log.emotion_curve(rescaled=True, at="touched"))
    yield log.map_coverage()
    shop = safar.datasets.shop(100)
    yield from (shop.events, shop.customers, shop.orders, shop.tickets, shop.surveys, shop.campaigns)


def test_further_tables_are_defined_in_persian(log: safar.EventLog) -> None:
    for result in further(log):
        for name, definition in tables(result):
            assert unsaid(definition) == [], name
            assert re.search("[آ-ی]", PERSIAN.say(definition)), name
            assert Locale("en").say(definition) == definition


@pytest.mark.parametrize("customers", [20, 1_000])
def test_what_is_found_of_the_planted_truths_is_said_in_persian(customers: int) -> None:
    shop = safar.datasets.shop(customers)
    found = findings(shop, shop.log())
    assert [line.values["name"] for line in found] == [truth.name for truth in shop.truths]
    for line in found:
        assert unsaid(line) == []
        told = PERSIAN.say(line)
        assert re.search("[آ-ی]", told)
        assert not re.search("[0-9]", told), told


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
