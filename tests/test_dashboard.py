"""The page: its structure, its numbers, and what it must never load, show or leave out."""

from __future__ import annotations

import itertools
import math
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import pytest

import safar
from page_tree import Node, parse
from safar._palette import PALETTES
from safar._typing import Language
from safar.errors import ArgumentError
from safar.language import Locale
from safar.pages import Page, Section, Series, Tile, dashboard
from safar.pages.activity import (
    active_customers,
    events_per_period,
    periods_of,
    sessions_per_period,
    typical_length,
    value_per_period,
)
from safar.pages.choice import choose_conversion, choose_journey, longest_window
from safar.pages.colours import THEMES, PageTheme, contrast, shade, theme_style, tint
from safar.pages.figures import course_figure, flow_figure, funnel_figure
from safar.pages.markup import Markup, element
from safar.pages.paths import main_path, widest_path
from safar.pages.tables import data_table

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a & b's",
    "{{ 7 * 7 }}",
    "خرید حضوری",
]
STEPS = ["view", "cart", "purchase"]


def random_rows(seed: int = 1, customers: int = 60, days: int = 70) -> list[tuple[Any, ...]]:
    """Return rows (customer, time, event, channel, value, stage) over ten weeks from Monday 2026-01-05."""
    random = Random(seed)
    start = datetime(2026, 1, 5, tzinfo=UTC)
    rows: list[tuple[Any, ...]] = [("c0", start, "view", "web", 0.0, "look")]
    for customer in range(customers):
        at = start + timedelta(days=random.uniform(0, days * 0.8))
        for _ in range(random.randint(1, 12)):
            event = random.choice(["view", "view", "cart", "purchase"])
            value = round(random.uniform(5, 90), 2) if event == "purchase" else 0.0
            stage = {"view": "look", "cart": "choose", "purchase": "buy"}[event]
            rows.append((f"c{customer}", at, event, random.choice(["web", "app", None]), value, stage))
            at += timedelta(minutes=random.expovariate(1 / 600))
    end = start + timedelta(days=days)
    return [row for row in rows if row[1] < end]


def log_of(rows: list[tuple[Any, ...]], **options: Any) -> safar.EventLog:
    names = ("customer", "time", "event", "channel", "value", "stage")
    data = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    given: dict[str, Any] = {
        "channel": "channel",
        "value": "value",
        "observed_until": "2026-03-14",
        **options,
    }
    return safar.EventLog(data, customer="customer", time="time", event="event", **given)


@pytest.fixture(scope="module")
def log() -> safar.EventLog:
    return log_of(random_rows())


@pytest.fixture(scope="module")
def page(log: safar.EventLog) -> Page:
    return dashboard(log, title="Spring", funnel_steps=STEPS, within="7d")


@pytest.fixture(scope="module")
def tree(page: Page) -> Node:
    return parse(page.to_html())


def section(tree: Node, title: str) -> Node:
    return next(card for card in tree.all("section") if card.all("h2")[0].text == title)


def table_of(card: Node) -> dict[str, list[object]]:
    """Return the columns of a card's data table: exact numbers where a cell has one, else its text."""
    table = card.all("table", "data")[0]
    heads = [cell.text for cell in table.all("thead")[0].all("th")]
    rows = [[_cell(cell) for cell in row.all("td")] for row in table.all("tbody")[0].all("tr")]
    return {head: [row[i] for row in rows] for i, head in enumerate(heads)}


def _cell(cell: Node) -> object:
    exact = cell.all("data") + cell.all("time")
    if exact:
        value = exact[0].attributes.get("value") or exact[0].attributes.get("datetime")
        return float(value) if exact[0].tag == "data" else value  # type: ignore[arg-type]
    if "missing" in cell.classes:
        return None
    return cell.text if cell.all("bdi") else float(cell.text.replace(",", "").replace("\u2212", "-"))


# ------------------------------------------------------------------------------------------------ the document


def test_the_page_loads_nothing_from_elsewhere(page: Page) -> None:
    html = page.to_html()
    assert not re.search(r"https?:|//[a-z]|\bsrc\s*=|url\(|@import|<iframe|<object|<embed", html)
    links = [node.attributes["href"] for node in parse(html) if "href" in node.attributes]
    assert links == ["data:,"]
    policy = next(node for node in parse(html).all("meta") if node.attributes.get("http-equiv"))
    assert "default-src 'none'" in str(policy.attributes["content"])


def test_the_page_has_its_figures_in_order(tree: Node) -> None:
    titles = [card.all("h2")[0].text for card in tree.all("section")]
    assert titles == [
        "Journey funnel",
        "Active customers per week",
        "Conversion by first channel",
        "Journey flow",
        "Retention by cohort",
        "What comes next",
        "Most frequent transitions",
        "Funnel by entry channel",
        "Events by channel",
        "Length of sessions",
    ]


def test_every_drawing_and_every_section_has_a_label(tree: Node) -> None:
    identities = {node.attributes["id"] for node in tree if "id" in node.attributes}
    for drawing in tree.all("svg"):
        assert drawing.attributes["role"] == "img"
        assert drawing.attributes["aria-label"]
    for card in tree.all("section"):
        assert card.attributes["aria-labelledby"] in identities
    for table in tree.all("table", "heat"):
        assert table.all("caption")[0].text
        assert all(cell.attributes.get("scope") for cell in table.all("th"))


def test_every_figure_has_its_data_and_its_meaning(tree: Node) -> None:
    for card in tree.all("section"):
        assert [detail.all("summary")[0].text for detail in card.all("details")] == [
            "Show data table",
            "How this is counted",
        ]
        assert len(card.all("p", "definition")[0].text) > 40


def test_the_footer_says_what_was_read(tree: Node, log: safar.EventLog) -> None:
    terms = {item.all("dt")[0].text: item.all("dd")[0].text for item in tree.all("footer")[0].all("div")}
    assert terms["Time zone"] == "UTC"
    assert terms["Rows read"] == f"{len(log)}; 0 rejected"
    assert terms["Observed until"] == "2026-03-14 00:00 (as given)"
    assert terms["Made with"] == f"safar {safar.__version__}"
    assert terms["Conversion"] == "purchase (chosen automatically: the event that carries the most value)"


def test_rejected_rows_are_told_with_their_reason() -> None:
    rows = random_rows()
    log = log_of([*rows, (None, rows[0][1], "view", "web", 0.0, "look")])
    terms = parse(dashboard(log).to_html()).all("footer")[0].text
    (reason,) = log.rejected
    assert f"{len(rows) + 1}; 1 rejected: {reason.replace('_', ' ')} 1" in terms


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_the_data_are_text_and_nothing_else(name: str) -> None:
    rows = [
        (name, datetime(2026, 1, 5, tzinfo=UTC), name, name, 1.0, name),
        (name, datetime(2026, 1, 30, tzinfo=UTC), "b", name, 1.0, "other"),
    ]
    log = log_of(rows, attributes=["stage"])
    page = dashboard(log, title=name, funnel_steps=[name, "b"])
    tree = parse(page.to_html())
    assert not tree.all("script") + tree.all("img")
    assert not [key for node in tree for key in node.attributes if key.startswith("on")]
    assert tree.all("h1")[0].text == name
    shown = section(tree, "Most frequent transitions").all("table", "ranking")[0]
    assert shown.all("tbody")[0].all("td")[0].text == name
    assert shown.all("tbody")[0].all("td")[0].all("bdi")
    frame = parse(page._repr_html_())
    assert [node.tag for node in frame] == ["root", "iframe"]
    assert frame.all("iframe")[0].attributes["srcdoc"] == page.to_html()


@pytest.mark.parametrize("sign", ["\0", "\x0b", "\x1f", "\ufffe"])
def test_letters_that_a_page_may_not_hold_are_shown_by_their_pictures(sign: str) -> None:
    name = f"a{sign}b"
    rows = [
        (name, datetime(2026, 1, 5 + day, tzinfo=UTC), [name, "c"][day % 2], name, 1.0, name)
        for day in range(24)
    ]
    log = log_of(rows, attributes=["stage"]).with_map(
        safar.JourneyMap(ONE_STAGE.replace('"view", "cart", "purchase"', '"c"'))
    )
    page = dashboard(log, title=name, conversion=name)
    html = page.to_html()
    picture = "\ufffd" if sign == "\ufffe" else chr(0x2400 + ord(sign))
    assert sign not in html
    assert parse(html).all("h1")[0].text == f"a{picture}b"
    for drawing in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(drawing)
    ElementTree.fromstring(safar.journey_picture(log).to_svg())


@pytest.mark.parametrize(
    ("values", "total", "written"),
    [
        ([math.inf, 2.0], 24.0, "24"),
        ([math.inf, -math.inf], 0.0, "0"),
        ([1e308, 1e308], math.inf, "∞"),
        ([-5.0, 0.1], -58.8, "\u221258.8"),
    ],
)
def test_a_page_stands_values_that_can_not_be_added_up(
    values: list[float], total: float, written: str
) -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    rows = [
        (f"c{i % 5}", start + timedelta(days=2 * i), "order", None, values[i % 2], "s") for i in range(24)
    ]
    page = dashboard(log_of(rows, observed_until=None))
    tile = next(tile for tile in page.tiles if tile.label == "Revenue")
    assert tile.value == pytest.approx(total)
    html = page.to_html()
    assert f">{written}</data>" in html
    assert not re.search(r'"[^"]*\b(nan|inf)\b[^"]*"', re.sub(r'value="[^"]*"', "", html))


def test_saving_replaces_the_file_in_one_move(page: Page, tmp_path: Path) -> None:
    target = tmp_path / "index.html"
    target.write_text("old", encoding="utf-8")
    assert page.save(target) == target
    assert target.read_text(encoding="utf-8") == page.to_html()
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_the_same_log_gives_the_same_page(page: Page) -> None:
    again = dashboard(log_of(random_rows()), title="Spring", funnel_steps=STEPS, within="7d")
    assert again.to_html() == page.to_html()


def test_progress_is_told_for_every_result(log: safar.EventLog) -> None:
    told: list[tuple[str, float]] = []
    page = dashboard(log, progress=lambda what, seconds: told.append((what, seconds)))
    assert {name.replace("_", " ") for name in page.results} <= {what for what, _ in told}
    assert all(seconds >= 0 for _, seconds in told)


def test_a_log_with_too_many_transitions_has_a_page_that_says_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch, log: safar.EventLog
) -> None:
    monkeypatch.setattr("safar.analyses.transitions._MOST_EDGES", 3)
    page = dashboard(log, funnel_steps=STEPS)
    tree = parse(page.to_html())
    assert "transitions" not in page.results
    assert "What comes next" not in [card.all("h2")[0].text for card in tree.all("section")]
    left_out = next(item for item in tree.all("footer")[0].all("div") if item.all("dt")[0].text == "Left out")
    assert "more than the 3 allowed" in left_out.text


def test_results_can_be_given_as_sections(log: safar.EventLog) -> None:
    results = [
        log.funnel(STEPS),
        log.funnel(STEPS, by="channel"),
        log.retention(),
        log.transitions(),
        log.sessions(),
    ]
    tree = parse(Page("Mine", sections=[*results, log.retention(by="channel")]).to_html())
    assert len(tree.all("section")) == 6


def test_charts_can_be_given_as_sections(log: safar.EventLog) -> None:
    pytest.importorskip("vl_convert", reason="charts are drawn by vl-convert (the extra images)")
    import altair as alt

    own = alt.Chart(alt.Data(values=[{"a": 1, "b": 2}, {"a": 2, "b": 3}])).mark_line(clip=True)
    own = own.encode(x="a:Q", y="b:Q").properties(
        title=alt.TitleParams("url(#x) <T>", subtitle=["of two", "lines"])
    )
    chart = log.funnel(["view", "purchase"]).plot()
    page = Page("Charts", sections=[own, own.mark_point(clip=True), Section(title="Mine", figure=chart)])
    html = page.to_html()
    tree = parse(html)
    assert [node.text for node in tree.all("h2")] == ["url(#x) <T>", "url(#x) <T>", "Mine"]
    assert [node.text for node in tree.all("p", "subtitle")] == ["of two lines", "of two lines"]
    drawings = tree.all("svg", "chart")
    assert [each.attributes["aria-label"] for each in drawings] == ["url(#x) <T>", "url(#x) <T>", "Mine"]
    names = re.findall(r'<clipPath id="([^"]*)"', html)
    assert len(set(names)) == len(names) == 2
    assert set(re.findall(r"url\(#(chart[^)]*)\)", html)) == set(names)
    assert "<script" not in html
    # The chart that was given stays as it is.
    assert own.to_dict()["title"]["text"] == "url(#x) <T>"


def test_a_chart_without_its_drawer_says_what_to_install(
    log: safar.EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    section = Section(title="Mine", figure=log.funnel(["view", "purchase"]).plot())
    with pytest.raises(safar.ArgumentError, match=r"pip install safar\[images\]"):
        Page("Charts", sections=[section]).to_html()


def test_a_page_mirrors_for_right_to_left(log: safar.EventLog) -> None:
    languages: tuple[Language, ...] = ("en", "fa")
    trees = {each: parse(dashboard(log, funnel_steps=STEPS, language=each).to_html()) for each in languages}
    assert trees["fa"].all("html")[0].attributes["dir"] == "rtl"
    titles = {each: Locale(each).say("Journey flow") for each in languages}
    bars = {each: section(tree, titles[each]).all("rect") for each, tree in trees.items()}
    width = 640.0
    for left, right in zip(bars["en"], bars["fa"], strict=True):
        x, size = float(left.attributes["x"] or 0), float(left.attributes["width"] or 0)
        assert float(right.attributes["x"] or 0) == pytest.approx(width - x - size, abs=0.02)


# -------------------------------------------------------------------------------------------------- languages


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def bilingual(log: safar.EventLog, told: list[str]) -> Page:
    return dashboard(
        log,
        funnel_steps=STEPS,
        within="7d",
        language=("fa", "en"),
        progress=lambda what, _: told.append(what),
    )


def test_a_page_in_two_languages_is_both_pages_in_one_file(log: safar.EventLog, bilingual: Page) -> None:
    tree = parse(bilingual.to_html())
    assert tree.all("html")[0].attributes["lang"] == "fa"
    assert tree.all("html")[0].attributes["dir"] == "rtl"
    bodies = tree.all("div", "page")
    assert [(each.attributes["lang"], each.attributes["dir"]) for each in bodies] == [
        ("fa", "rtl"),
        ("en", "ltr"),
    ]
    # Where styles are not read, the page in the first language is the page.
    assert ["hidden" in each.attributes for each in bodies] == [False, True]
    languages: tuple[Language, ...] = ("fa", "en")
    for body, language in zip(bodies, languages, strict=True):
        alone = parse(dashboard(log, funnel_steps=STEPS, within="7d", language=language).to_html())
        (expected,) = alone.all("div", "page")
        assert [(node.tag, node.words, node.attributes) for node in body if node.tag != "div"] == [
            (node.tag, node.words, node.attributes) for node in expected if node.tag != "div"
        ]


def test_every_identity_in_a_file_is_of_one_element_and_every_reference_finds_it(bilingual: Page) -> None:
    tree = parse(bilingual.to_html())
    identities = [node.attributes["id"] for node in tree if "id" in node.attributes]
    assert len(set(identities)) == len(identities) > 20
    wanted = [
        node.attributes[name]
        for node in tree
        for name in ("for", "aria-labelledby")
        if name in node.attributes
    ]
    assert len(wanted) > 20
    assert set(wanted) <= set(identities)


def test_a_page_in_one_language_has_no_switch(page: Page) -> None:
    assert not page.others
    tree = parse(page.to_html())
    assert not [node for node in tree if node.attributes.get("id", "").startswith("language-")]
    assert not tree.all("input")


def test_what_depends_on_no_language_is_computed_once(bilingual: Page, told: list[str]) -> None:
    (other,) = bilingual.others
    for name in ("sessions", "transitions", "conversion"):
        assert bilingual.results[name] is other.results[name]
        assert told.count(name) == 1
    # Weeks begin on another day in each calendar.
    assert bilingual.results["retention"].to_dict() != other.results["retention"].to_dict()
    assert told.count("retention") == 2


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("de", "language='de' is not a choice"),
        (("fa", "de"), "language='de' is not a choice"),
        ((), "language is an empty list"),
        (7, "language=7 is a int"),
    ],
)
def test_languages_that_there_are_not_are_refused(log: safar.EventLog, language: Any, message: str) -> None:
    with pytest.raises(safar.SafarError, match=message):
        dashboard(log, language=language)


def test_a_heading_is_one_for_all_languages_or_one_for_each(log: safar.EventLog) -> None:
    def headings(title: Any) -> list[str]:
        made = dashboard(log, title=title, language=("fa", "en"), filters=[])
        return [page.title for page in (made, *made.others)]

    assert headings("Spring") == ["Spring", "Spring"]
    assert headings({"en": "Spring", "fa": "بهار"}) == ["بهار", "Spring"]
    with pytest.raises(ArgumentError, match='title has no heading in "en"'):
        headings({"fa": "بهار"})
    with pytest.raises(ArgumentError, match="title has a heading in 'de', which is no language of the page"):
        headings({"fa": "بهار", "en": "Spring", "de": "Frühling"})


def test_pages_that_can_not_stand_in_one_file_are_refused() -> None:
    persian = Page("a", language="fa")
    with pytest.raises(ArgumentError, match='in the language "fa", in which there is a page already'):
        Page("b", language="fa", others=[persian])
    with pytest.raises(ArgumentError, match="which has others itself"):
        Page("b", language="fa", others=[Page("c", others=[persian])])
    with pytest.raises(ArgumentError, match='with the theme "light", and this page has "dark"'):
        Page("b", theme="dark", others=[persian])


# ---------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Journey funnel", "funnel"),
        ("Retention by cohort", "retention"),
        ("Most frequent transitions", "transitions"),
        ("Funnel by entry channel", "funnel_by_channel"),
    ],
)
def test_the_data_table_is_the_result(page: Page, tree: Node, title: str, name: str) -> None:
    shown = table_of(section(tree, title))
    expected = page.results[name].to_dict()
    assert len(shown) == len(expected)
    for values, (column, wanted) in zip(shown.values(), expected.items(), strict=True):
        if column in ("segment", "name", "from", "to"):
            wanted = ["(missing)" if column == "segment" and value is None else value for value in wanted]
            assert [None if value is None else value for value in values] == [
                value if value != "(missing)" else None for value in wanted
            ] or values == wanted
        elif column == "complete":
            assert values == ["yes" if value else "no" for value in wanted]
        elif column == "cohort":
            assert values == [f"{value:%Y-%m-%d}" for value in wanted]
        else:
            assert values == wanted, column


def test_a_period_that_is_not_over_is_hatched_and_never_a_number(page: Page, tree: Node) -> None:
    cells = page.results["retention"].to_dict()
    heat_table = section(tree, "Retention by cohort").all("table", "heat")[0]
    hatched = heat_table.all("td", "hatched")
    assert len(hatched) == cells["complete"].count(False) > 0
    assert not any(character.isdigit() for cell in hatched for character in cell.text)
    for cell in hatched:
        assert "not over yet" in str(cell.attributes["title"])
        assert cell.classes == ["hatched", "none"]


def test_every_complete_retention_cell_shows_its_share(page: Page, tree: Node) -> None:
    cells = page.results["retention"].to_dict()
    heat_table = section(tree, "Retention by cohort").all("table", "heat")[0]
    shown = [
        [cell for cell in row.all("td")[1:] if cell.attributes.get("title")]
        for row in heat_table.all("tbody")[0].all("tr")
    ]
    wanted: dict[date, list[float | None]] = defaultdict(list)
    for cohort, share in zip(cells["cohort"], cells["share"], strict=True):
        wanted[cohort].append(share)
    assert len(shown) == len(wanted)
    for row, shares in zip(shown, wanted.values(), strict=True):
        assert len(row) == len(shares)
        for cell, share in zip(row, shares, strict=True):
            if share is not None:
                assert cell.text == ("<1" if 0 < share < 0.005 else f"{100 * share:.0f}")


def test_the_matrix_rows_sum_to_their_departures(page: Page, tree: Node) -> None:
    edges = page.results["transitions"].to_dict()
    departures = Counter[str]()
    for source, events in zip(edges["from"], edges["events"], strict=True):
        departures[source] += events
    rows = section(tree, "What comes next").all("table", "heat")[0].all("tbody")[0].all("tr")
    assert len(rows) == 3
    for row in rows:
        hints = [str(cell.attributes["title"]) for cell in row.all("td")]
        counts = [re.search(r": ([\d,]+) of ([\d,]+) departures", hint) for hint in hints]
        numbers = [
            (int(found[1].replace(",", "")), int(found[2].replace(",", ""))) for found in counts if found
        ]
        assert sum(number for number, _ in numbers) == numbers[0][1] == departures[row.all("th")[0].text]


def test_conversion_by_channel_counts_customers_by_their_first_channel(tree: Node) -> None:
    first: dict[str, tuple[datetime, str | None]] = {}
    buyers = set()
    for customer, at, event, channel, _, _ in random_rows():
        if customer not in first or at < first[customer][0]:
            first[customer] = (at, channel)
        if event == "purchase":
            buyers.add(customer)
    customers = Counter(channel for _, channel in first.values())
    converted = Counter(first[customer][1] for customer in buyers)
    shown = table_of(section(tree, "Conversion by first channel"))
    names = [None if name in (None, "(missing)") else name for name in shown["Channel"]]
    assert dict(zip(names, shown["Customers"], strict=True)) == customers
    assert dict(zip(names, shown["Converted"], strict=True)) == {name: converted[name] for name in customers}


def test_tiles_show_counts_and_the_interval(page: Page) -> None:
    rows = random_rows()
    tiles = {tile.label: tile for tile in page.tiles}
    assert list(tiles) == ["Customers", "Events", "Sessions", "Conversion", "Revenue", "Median session"]
    assert tiles["Customers"].value == len({row[0] for row in rows})
    assert tiles["Events"].value == len(rows)
    buyers = {row[0] for row in rows if row[2] == "purchase"}
    assert tiles["Conversion"].value == len(buyers) / len({row[0] for row in rows})
    assert "95%" in str(tiles["Conversion"].detail)
    assert tiles["Revenue"].value == pytest.approx(sum(row[4] for row in rows))


def week_of(at: datetime) -> date:
    day = at.date()
    return day - timedelta(days=day.weekday())


def test_weekly_values_equal_a_plain_count(log: safar.EventLog, page: Page) -> None:
    rows = random_rows()
    weeks = [date(2026, 1, 5) + timedelta(days=7 * i) for i in range(10)]
    by_week: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        by_week[week_of(row[1])].append(row)
    last = max(week_of(row[1]) for row in rows)
    weeks = [week for week in weeks if week <= last]
    tiles = {tile.label: tile.series for tile in page.tiles}
    expected = {
        "Customers": [len({row[0] for row in by_week[week]}) for week in weeks],
        "Events": [len(by_week[week]) for week in weeks],
        "Revenue": [pytest.approx(sum(row[4] for row in by_week[week])) for week in weeks],
        "Conversion": [
            len({row[0] for row in by_week[week] if row[2] == "purchase"})
            / len({row[0] for row in by_week[week]})
            for week in weeks
        ],
    }
    for label, values in expected.items():
        series = tiles[label]
        assert series is not None
        assert list(series.starts) == weeks
        assert list(series.values) == values, label
        # Observed until Saturday 2026-03-14: the week of 9 March is not over.
        assert list(series.complete) == [week < date(2026, 3, 9) for week in weeks]


def test_sessions_of_each_week_equal_a_plain_count(log: safar.EventLog) -> None:
    periods = periods_of(log)
    assert periods is not None
    sessions = log.sessions("30m").to_dict()
    counts: Counter[date] = Counter(week_of(start) for start in sessions["start"])
    lengths: dict[date, list[float]] = defaultdict(list)
    for start, end, events in zip(sessions["start"], sessions["end"], sessions["events"], strict=True):
        if events > 1:
            lengths[week_of(start)].append((end - start).total_seconds())
    numbers, medians = sessions_per_period(log.sessions("30m"), periods)
    several = [length for group in lengths.values() for length in group]
    assert typical_length(log.sessions("30m")) == (pytest.approx(median(several)), len(several))
    assert numbers == [counts[week] for week in periods.starts]
    assert medians == [
        pytest.approx(median(lengths[week])) if lengths[week] else None for week in periods.starts
    ]


def test_weeks_follow_the_zone_of_the_log() -> None:
    # Sunday 20:31 UTC is Monday 00:01 in Tehran.
    rows = [
        (f"c{i}", datetime(2026, 1, 4, 20, 31, tzinfo=UTC) + timedelta(days=7 * i), "a", None, 1.0, "s")
        for i in range(6)
    ]
    log = log_of(rows, timezone="Asia/Tehran", observed_until="2026-02-10", channel=None)
    periods = periods_of(log)
    assert periods is not None
    assert periods.starts == tuple(date(2026, 1, 5) + timedelta(days=7 * i) for i in range(6))
    assert events_per_period(log, periods) == [1] * 6
    assert value_per_period(log, periods, np.ones(6)) == [1.0] * 6
    assert active_customers(log.retention(period="week"), periods) == [1] * 6
    assert periods.complete == (True,) * 5 + (False,)


def test_all_weeks_of_a_persian_page_begin_on_saturday() -> None:
    rows = random_rows()
    page = dashboard(log_of(rows), language="fa", conversion="purchase")
    by_week: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        day = row[1].date()
        by_week[day - timedelta(days=(day.weekday() - 5) % 7)].append(row)
    weeks = sorted(by_week)
    counted = {
        "Customers": [len({row[0] for row in by_week[week]}) for week in weeks],
        "Events": [len(by_week[week]) for week in weeks],
        "Conversion": [
            len({row[0] for row in by_week[week] if row[2] == "purchase"})
            / len({row[0] for row in by_week[week]})
            for week in weeks
        ],
    }
    assert {week.weekday() for week in weeks} == {5}
    tiles = {tile.label: tile.series for tile in page.tiles}
    for label, values in counted.items():
        series = tiles[Locale("fa").say(label)]
        assert series is not None
        assert list(series.starts) == weeks
        assert list(series.values) == values
    assert {cohort.weekday() for cohort in page.results["retention"].to_dict()["cohort"]} == {5}


def test_a_short_log_is_shown_by_day_and_a_very_short_one_without_a_course() -> None:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    days = [(f"c{i}", start + timedelta(days=i), "a", None, 1.0, "s") for i in range(6)]
    log = log_of(days, observed_until=None)
    periods = periods_of(log)
    assert periods is not None
    assert periods.period == "day"
    assert periods.complete == (True,) * 5 + (False,)
    hour = [(f"c{i}", start + timedelta(minutes=i), "a", None, 1.0, "s") for i in range(3)]
    brief = log_of(hour, observed_until=None)
    assert periods_of(brief) is None
    assert "Active customers" not in dashboard(brief).to_html()


def test_the_event_with_the_most_value_is_found_beside_names_of_rejected_rows() -> None:
    day = datetime(2026, 1, 5, tzinfo=UTC)
    rows = [
        ("c1", day, "a", None, 1.0, "s"),
        (None, day, "b", None, 99.0, "s"),
        ("c1", day, "c", None, 2.0, "s"),
    ]
    log = log_of(rows)
    chosen = choose_conversion(log, None)
    assert list(log.events) == ["a", "c"]
    assert chosen is not None
    assert chosen.events == ("c",)


# -------------------------------------------------------------------------------------------------- the change


def weeks(*values: float | None, last_complete: bool = True) -> Series:
    starts = tuple(date(2026, 1, 5) + timedelta(days=7 * i) for i in range(len(values)))
    return Series("week", starts, values, (*(True,) * (len(values) - 1), last_complete))


def test_the_change_compares_the_last_two_full_periods() -> None:
    change = weeks(90.0, 100.0, 110.0, 3.0, last_complete=False).change("count")
    assert change is not None
    assert change.value == pytest.approx(0.1)
    assert change.label == "week of 19 Jan vs previous"


def test_a_share_changes_by_points() -> None:
    change = weeks(0.2, 0.25).change("share")
    assert change is not None
    assert change.value == pytest.approx(0.05)


@pytest.mark.parametrize("values", [(5.0,), (0.0, 5.0), (None, 5.0), (5.0, None)])
def test_a_change_without_a_base_is_not_shown(values: tuple[float | None, ...]) -> None:
    assert weeks(*values).change("count") is None


def test_a_tile_colours_its_change_by_what_is_better() -> None:
    def tones(better: Any) -> list[str]:
        page = Page("x", tiles=[Tile(label="a", value=1, series=weeks(2.0, 1.0), better=better)])
        return parse(page.to_html()).all("p", "change")[0].classes

    assert tones("up") == ["change", "bad"]
    assert tones("down") == ["change", "good"]
    assert tones("neither") == ["change", "even"]


def test_what_the_line_of_a_tile_shows_is_said_only_beside_the_line(page: Page) -> None:
    customers = next(tile for tile in page.tiles if tile.label == "Customers")
    assert customers.detail is None
    assert customers.of_line == "line: customers with any event in the week"
    assert customers.of_line in parse(page.to_html()).text
    for values, shown in (((1.0, 2.0, 3.0), True), ((1.0,), False)):
        tile = Tile(label="a", value=1, of_line="line: each week", series=weeks(*values))
        assert ("line: each week" in Page("x", tiles=[tile]).to_html()) is shown


def test_a_value_that_is_not_defined_is_a_dash() -> None:
    tree = parse(Page("x", tiles=[Tile(label="a", value=None, unit="share")]).to_html())
    assert tree.all("p", "value")[0].text == "–"


# ------------------------------------------------------------------------------------------- what is chosen


def test_stages_come_from_their_column_and_the_page_says_so() -> None:
    log = log_of(random_rows(), attributes=["stage"])
    journey = choose_journey(log, log.transitions(), None)
    assert [step.name for step in journey.steps] == ["Look", "Choose", "Buy"]  # type: ignore[union-attr]
    assert "column “stage”, in the order of how many customers reach them" in journey.said
    assert journey.said in parse(dashboard(log).to_html()).text


def test_stages_of_the_life_cycle_stand_in_its_order() -> None:
    rename = {"look": "advocacy", "choose": "Awareness", "buy": "purchase"}
    log = log_of([(*row[:5], rename[row[5]]) for row in random_rows()], attributes=["stage"])
    journey = choose_journey(log, None, None)
    assert [step.name for step in journey.steps] == ["Awareness", "Purchase", "Advocacy"]  # type: ignore[union-attr]
    assert [step.events for step in journey.steps] == [("cart",), ("purchase",), ("view",)]  # type: ignore[union-attr]


def test_stages_can_be_given_as_events_or_as_an_order() -> None:
    log = log_of(random_rows(), attributes=["stage"])
    mapped = choose_journey(log, None, None, stages={"Interest": ["view", "cart"], "Sale": ["purchase"]})
    assert [step.events for step in mapped.steps] == [("view", "cart"), ("purchase",)]  # type: ignore[union-attr]
    ordered = choose_journey(log, None, None, stages=["buy", "look"])
    assert [step.name for step in ordered.steps] == ["Buy", "Look"]  # type: ignore[union-attr]
    with pytest.raises(ArgumentError, match='"sell"'):
        choose_journey(log, None, None, stages=["sell"])
    with pytest.raises(ArgumentError, match='column "stage"'):
        choose_journey(log_of(random_rows()), None, None, stages=["buy"])


@pytest.mark.parametrize("stages", [{"Sale": "purchase"}, {"Sale": ["purchase"]}, ["buy"], "buy"])
def test_one_stage_is_a_funnel_of_one_step(stages: Any) -> None:
    page = dashboard(log_of(random_rows(), attributes=["stage"]), stages=stages)
    funnel = page.results["funnel"].to_dict()
    assert funnel["name"] == ["Sale" if isinstance(stages, dict) else "Buy"]
    assert funnel["customers"] == [len({row[0] for row in random_rows() if row[2] == "purchase"})]
    assert "Stages as given" in page.to_html()


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({}, "stages is empty"),
        ([], "stages is an empty list"),
        ({"Sale": []}, "stages['Sale'] is an empty list"),
        (
            {"Sale": ["purchas"]},
            'stages[\'Sale\'] "purchas" is not an event of this log; did you mean "purchase"?',
        ),
        ({"Sale": ["purchase", 3]}, "stages['Sale'] holds 3, a int"),
        ({3: ["purchase"]}, "a name in stages=3 is a int"),
        ({" ": ["purchase"]}, "a name in stages=' ' is empty"),
        (["bye"], 'stages holds "bye", which is the stage of no event; did you mean "buy"?'),
        (5, "stages=5 is a int"),
    ],
)
def test_stages_that_can_not_be_used_are_refused(stages: Any, message: str) -> None:
    log = log_of(random_rows(), attributes=["stage"])
    with pytest.raises(safar.SafarError, match=re.escape(message)):
        dashboard(log, stages=stages)


def test_stages_beside_steps_or_of_too_many_events_are_refused(log: safar.EventLog) -> None:
    with pytest.raises(ArgumentError, match="expected one of them"):
        dashboard(log, stages={"Sale": ["purchase"]}, funnel_steps=STEPS)
    rows = [(*row[:2], f"e{i}", *row[3:]) for i, row in enumerate(random_rows())]
    with pytest.raises(ArgumentError, match="more than the 200"):
        choose_journey(log_of(rows, attributes=["stage"]), None, None, stages=["buy"])


def test_names_of_the_other_direction_are_kept_apart_in_the_rule(log: safar.EventLog) -> None:
    said = choose_journey(log, log.transitions(), choose_conversion(log, None), locale=Locale("fa")).said
    assert "«\u2068purchase\u2069»" in said


# ------------------------------------------------------------------------------------------- what is given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"title": 3}, "title=3 is a int; expected text"),
        ({"title": " "}, "title=' ' is empty"),
        ({"language": "de"}, "language='de' is not a choice"),
        ({"progress": 1}, "progress is a int; expected a function"),
        ({"map": 7}, "map is a int; expected a JourneyMap or the path of its file"),
        ({"conversion": []}, "conversion is an empty list"),
        ({"conversion": ["purchase", None]}, "conversion holds None"),
        (
            {"conversion": "purchas"},
            'conversion "purchas" is not an event of this log; did you mean "purchase"?',
        ),
        ({"active": 3}, "active=3 is a int"),
        ({"active": ["veiw"]}, 'active "veiw" is not an event of this log; did you mean "view"?'),
        ({"personas": 3}, "personas=3 is a int"),
        (
            {"personas": "stage"},
            'personas="stage" are journey maps beside that of everybody, and the log has no map',
        ),
        ({"kind": "nps"}, "there are none; give them with surveys="),
        ({"kind": "npz"}, "kind='npz' is not a choice; did you mean \"nps\"?"),
    ],
)
def test_what_is_given_in_a_wrong_way_is_told_at_once(
    log: safar.EventLog, given: dict[str, Any], message: str
) -> None:
    told: list[object] = []
    options: dict[str, Any] = {"progress": lambda *work: told.append(work), **given}
    with pytest.raises(safar.SafarError, match=re.escape(message)):
        dashboard(log, **options)
    assert not told


@pytest.mark.parametrize("other", [None, {"user": ["ann"]}, "events.csv"])
def test_something_else_than_a_log_is_refused(other: Any) -> None:
    with pytest.raises(
        safar.ArgumentTypeError, match=f"log is a {type(other).__name__}; expected an EventLog"
    ):
        dashboard(other)


def test_personas_of_an_unknown_column_are_told_at_once() -> None:
    log = safar.datasets.shop(60).log().with_map(safar.JourneyMap.shop())
    told: list[object] = []
    with pytest.raises(safar.UnknownColumnError, match=r'personas="person" is not a column .*"persona"'):
        dashboard(log, personas="person", progress=lambda *work: told.append(work))
    assert not told


ONE_STAGE = """
version = 1
[[stage]]
id = "all"
[[touchpoint]]
id = "any"
stage = "all"
event = ["view", "cart", "purchase"]
"""
SURVEYS = {
    "customer": [f"c{i}" for i in range(40)],
    "time": [datetime(2026, 3, 1, tzinfo=UTC)] * 40,
    "score": [1, 2, 3, 5] * 10,
}


@pytest.mark.parametrize(("kind", "score"), [("nps", -100.0), ("csat", 0.25), ("ces", 0.25)])
@pytest.mark.parametrize("mapped", [False, True])
def test_surveys_of_one_kind_need_no_column_that_says_so(kind: Any, score: float, mapped: bool) -> None:
    log = log_of(random_rows())
    if mapped:
        log = log.with_map(safar.JourneyMap(ONE_STAGE))
    page = dashboard(log, surveys=SURVEYS, kind=kind)
    assert f"{kind.upper()} over time" in page.to_html()
    assert (f"{kind.upper()}: stage × channel" in page.to_html()) is mapped
    written = Locale().share(score) if kind != "nps" else "\u2212100"
    assert written in parse(page.to_html()).text


def test_scores_that_no_figure_shows_are_told_as_left_out(log: safar.EventLog) -> None:
    other = log.with_scores(SURVEYS, customer="customer", time="time", score="score", scale=(1, 10))
    terms = parse(dashboard(other).to_html()).all("footer")[0].text
    assert "Scores: no survey has answers to an NPS, CSAT or CES question" in terms
    assert "Scores" not in parse(dashboard(log).to_html()).all("footer")[0].text


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({}, None, 'surveys has no column "kind"; say of which kind all of them are, such as kind="nps"'),
        ({"kind": ["nps"] * 40}, "nps", 'surveys has a column "kind" that says it of each row'),
        ({"score": None, "scores": [1] * 40}, "nps", 'surveys has no column "score"; did you mean "scores"?'),
    ],
)
def test_surveys_that_do_not_say_what_they_are_are_refused(
    log: safar.EventLog, change: dict[str, Any], kind: Any, message: str
) -> None:
    surveys = {name: values for name, values in (SURVEYS | change).items() if values is not None}
    with pytest.raises(ArgumentError, match=re.escape(message)):
        dashboard(log, surveys=surveys, kind=kind)


def test_the_widest_path_is_the_best_of_all_paths() -> None:
    random = Random(4)
    names = "abcdef"
    for _ in range(60):
        edges = [
            (s, t, random.randint(1, 20)) for s in names for t in names if s != t and random.random() < 0.5
        ]
        edges.append(("(start)", "a", 25))
        weight = {(s, t): n for s, t, n in edges}

        def widths(path: str, weight: dict[tuple[str, str], int] = weight) -> list[int]:
            here = path[-1]
            if here == "f":
                return [min(weight[pair] for pair in itertools.pairwise(path))]
            return [w for t in names if t not in path and (here, t) in weight for w in widths(path + t)]

        every = widths("a")
        found = widest_path(edges, ["f"])
        assert bool(found) == bool(every)
        if every:
            assert (found[0], found[-1]) == ("a", "f")
            assert len(set(found)) == len(found)
            assert min(weight[pair] for pair in itertools.pairwise(found)) == max(every)


def test_the_main_path_ends_where_few_go_on() -> None:
    edges = [("(start)", "a", 100), ("a", "b", 60), ("b", "a", 50), ("b", "c", 4), ("a", "(end)", 90)]
    assert main_path(edges) == ["a", "b"]


def test_without_steps_the_path_leads_to_the_conversion(log: safar.EventLog) -> None:
    journey = choose_journey(log, log.transitions(), choose_conversion(log, None))
    assert journey.steps[-1] == "purchase"
    assert "narrowest link" in journey.said


def test_a_log_of_one_event_is_followed_by_repeats() -> None:
    rows = [(f"c{i % 4}", datetime(2026, 1, 5 + i, tzinfo=UTC), "order", None, 1.0, "s") for i in range(12)]
    log = log_of(rows)
    journey = choose_journey(log, log.transitions(), choose_conversion(log, None))
    result = log.funnel(journey.steps, within=journey.within).to_dict()
    assert result["name"][:2] == ["1st order", "2nd order"]


def test_the_conversion_is_given_or_carries_value_or_has_a_usual_name_or_is_the_last_step() -> None:
    rows = random_rows()
    log = log_of(rows)
    given = choose_conversion(log, "cart")
    assert given is not None
    assert given.events == ("cart",)
    plain = log_of(rows, value=None)
    usual = choose_conversion(plain, None)
    assert usual is not None
    assert (usual.events, usual.said) == (("purchase",), "chosen automatically by its name")
    renamed = log_of([(*row[:2], f"e_{row[2]}", *row[3:]) for row in rows], value=None)
    assert choose_conversion(renamed, None) is None
    text = parse(dashboard(renamed, funnel_steps=["e_view", "e_cart"]).to_html()).all("footer")[0].text
    assert "e_cart (chosen automatically: the last step of the funnel, e_cart)" in text


def test_the_window_fits_three_times_into_the_data(log: safar.EventLog) -> None:
    assert longest_window(log) == "7d"
    assert longest_window(log, ("30d", "20d")) == "20d"
    assert longest_window(log, ("90d", "60d")) == "60d"


# ------------------------------------------------------------------------------------------------------ drawing


@pytest.mark.parametrize("theme", THEMES)
def test_text_on_every_colour_of_a_theme_can_be_read(theme: Literal["light", "dark"]) -> None:
    colours = THEMES[theme]
    steps = {shade(percent / 100) for percent in range(101)} | {tint(far / 50) for far in range(-50, 51)}
    assert len(steps) == 42
    pairs = [(f"on-{step}", step) for step in [*steps, tint(None), "blue", "notice"]]
    pairs += [(text, paper) for text in ("ink", "muted", "good", "bad") for paper in ("card", "ground")]
    # Numbers stand on the band of the flow, and marks on hatched cells.
    pairs += [("ink", "band"), ("ink", "grey"), ("ink", "stripe")]
    for text, paper in pairs:
        assert contrast(colours[text], colours[paper]) >= 4.5, (text, paper)
    for mark in ("blue", "steel", "rule", "outline"):
        assert contrast(colours[mark], colours["card"]) >= 3, mark
    # The line of feelings runs over the paper of good answers and that of bad ones; its faces stand on both.
    for paper in ("card", "pale", "low"):
        assert contrast(colours["amber"], colours[paper]) >= 3, paper


def test_a_page_has_the_colours_of_the_charts() -> None:
    for theme, palette in PALETTES.items():
        colours = THEMES[theme]
        own = (palette.paper, palette.ink, palette.muted, palette.blue, palette.alarm)
        assert own == tuple(colours[name] for name in ("card", "ink", "muted", "blue", "bad"))
        assert (colours["ramp-0"], colours["ramp-20"]) == (palette.pale, palette.blue)
        assert (colours["score-0"], colours["score-20"]) == (palette.alarm, palette.blue)


@pytest.mark.parametrize(
    ("theme", "media"),
    [("light", []), ("dark", ["screen"]), ("auto", ["screen and (prefers-color-scheme:dark)"])],
)
def test_only_screens_are_dark(theme: PageTheme, media: list[str]) -> None:
    style = theme_style(theme)
    assert re.findall(r"@media ([^{]*)\{", style) == media
    before, *dark = style.split("@media")
    assert "color-scheme:light" in before
    assert PALETTES["light"].paper in before
    assert all("color-scheme:dark" in rules and PALETTES["dark"].paper in rules for rules in dark)


def test_every_colour_of_a_page_has_a_meaning_in_both_themes(page: Page) -> None:
    html = page.to_html()
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", html))
    assert len(used) > 40
    assert used <= set(THEMES["light"])
    assert set(THEMES["light"]) == set(THEMES["dark"])
    body = html[html.index("<body>") :]
    assert not re.search(r'(?:fill|stroke|style)="[^"]*#[0-9a-f]{3}', body)


def test_contrast_equals_published_values() -> None:
    # WCAG 2.2: black on white 21; #767676 is the lightest grey that passes 4.5 on white.
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") > 4.5 > contrast("#777777", "#ffffff")


def test_bars_of_the_funnel_are_in_proportion(log: safar.EventLog) -> None:
    steps = log.funnel(STEPS, within="7d").to_dict()
    bars = parse(funnel_figure(steps)).all("rect")
    widths = [float(bar.attributes["width"] or 0) for bar in bars]
    assert len(widths) == 3
    for width, customers in zip(widths, steps["customers"], strict=True):
        assert width / widths[0] == pytest.approx(customers / steps["customers"][0], abs=0.01)


def test_the_flow_tells_dropped_and_still_open_apart(log: safar.EventLog) -> None:
    steps = log.funnel(STEPS, within="7d").to_dict()
    written = [text.text for text in parse(flow_figure(steps)).all("text")]
    for name in ("dropped", "still_open"):
        assert all(str(number) in written for number in steps[name][:-1] if number)


def test_a_funnel_that_nobody_entered_is_drawn() -> None:
    nothing = {"name": ["a", "b"], "customers": [0, 0], "dropped": [0, 0], "still_open": [0, 0]}
    for column in ("from_previous", "from_first"):
        nothing |= {f"{column}{end}": [None, None] for end in ("", "_low", "_high")}
    for figure in (funnel_figure(nothing), flow_figure(nothing)):
        assert "nan" not in figure.lower()
        assert parse(figure).all("svg")


def test_a_course_draws_an_unfinished_period_apart() -> None:
    drawing = parse(course_figure(weeks(5.0, 6.0, None, 2.0, last_complete=False), label="x"))
    dots = drawing.all("circle")
    assert [dot.attributes["fill"] for dot in dots] == ["var(--blue)", "var(--blue)", "var(--card)"]
    assert "not complete" in dots[-1].text
    assert len(drawing.all("path", "unfinished")) == 1


def test_an_element_escapes_text_and_attributes() -> None:
    assert (
        element("a", "<b>", title='"x"', hidden=True, lang=None)
        == '<a title="&#34;x&#34;" hidden>&lt;b&gt;</a>'
    )
    assert element("p", Markup("<b>x</b>")) == "<p><b>x</b></p>"


def test_numbers_of_a_table_are_written_by_what_they_are() -> None:
    columns = {"drop_off_low": 0.25, "response_rate": 0.5, "csat_high": 0.75, "nps": -12.5, "p_value": 0.0043}
    columns |= {"median_seconds": 90.0, "value": 1234.5}
    table = parse(data_table({name: [value] for name, value in columns.items()}, caption="x"))
    written = ["25.0%", "50.0%", "75.0%", "\u221212.50", "0.0043", "1 min 30 s", "1,234.50"]
    assert [cell.text for cell in table.all("td")] == written


def test_a_table_that_is_cut_says_so(log: safar.EventLog) -> None:
    table = {"number": list(range(450))}
    card = Section(title="Many", figure=Markup(""), table=table)
    caption = parse(Page("x", sections=[card]).to_html()).all("caption")[0].text
    assert re.fullmatch(r"Many: the first (\d+) of 450 rows", caption)


# ------------------------------------------------------------------------------------------------------ browser


@pytest.mark.parametrize("width", [1320, 600])
def test_a_browser_draws_the_page_within_its_width(page: Page, tmp_path: Path, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium here; the page is only parsed, not drawn")
    path = page.save(tmp_path / "index.html")
    picture = tmp_path / "page.png"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--disable-background-networking",
    ]
    subprocess.run(
        [browser, *options, f"--window-size={width},1600", f"--screenshot={picture}", path.as_uri()],
        check=True,
        capture_output=True,
        timeout=120,
    )
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert int.from_bytes(header[16:20]) == width
    # A white page of this size is a few kilobytes.
    assert math.log10(picture.stat().st_size) > 4.3
