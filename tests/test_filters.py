"""The choice of customers on a page: its sums against the same questions to a part of the log, and its script."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import safar
from page_tree import parse
from safar.kpi.values import status_of
from safar.language import ENGLISH, MISSING, Live, Locale, heading, joined, of_all
from safar.pages import Page, dashboard, journey_picture
from safar.pages.activity import active_customers, periods_of
from safar.pages.colours import STEPS, shade
from safar.pages.cube import Cube, cube_of, ratio, summed
from safar.pages.customers import channel_names
from safar.pages.filtered import (
    Totals,
    followed_active,
    followed_channels,
    followed_entries,
    followed_events,
    followed_facts,
    followed_funnel,
    followed_kpis,
    followed_lengths,
    followed_retention,
    followed_scores,
    followed_stages,
    followed_totals,
    followed_transitions,
)
from safar.pages.map_sections import STATUS
from safar.voice.journeys import Cut
from scored_shop import scored

PLAIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹٬٫−", "0123456789,.-")
TOKEN = re.compile("\ue000([^;]*);([^\ue001]*)\ue001")


@pytest.fixture(scope="module")
def log() -> safar.EventLog:
    return scored(safar.datasets.shop(1500))


@pytest.fixture(scope="module")
def cube(log: safar.EventLog) -> Cube:
    found = cube_of(log, ["persona", "channel", "period"], None, ENGLISH)
    assert found is not None
    return found


def some_groups(cube: Cube, **wanted: int) -> np.ndarray[Any, Any]:
    """Groups that have these places in dimensions."""
    names = [dimension.name for dimension in cube.dimensions]
    mask = np.ones(len(cube), dtype=bool)
    for name, place in wanted.items():
        mask &= np.array(cube.places)[:, names.index(name)] == place
    assert mask.any()
    return mask


CHOICES = [
    {"persona": 1},
    {"channel": 0},
    {"period": 2},
    {"persona": 0, "channel": 1},
    {"persona": 3, "period": 0},
]


@pytest.fixture(scope="module", params=CHOICES, ids=str)
def chosen(request: pytest.FixtureRequest, cube: Cube) -> np.ndarray[Any, Any]:
    return some_groups(cube, **request.param)


def part_of(log: safar.EventLog, cube: Cube, chosen: np.ndarray[Any, Any]) -> safar.EventLog:
    ids = log.core.customers().numpy("customer")[0][chosen[cube.codes]]
    return log.filter(customers=ids)


def same(
    cube: Cube, chosen: Any, found: dict[str, list[Any]], expected: dict[str, list[Any]], keys: Sequence[str]
) -> int:
    """Compare every number that follows with that of the same row of another answer; how many there are."""
    rows = {key: row for row, key in enumerate(zip(*(expected[name] for name in keys), strict=True))}
    compared = 0
    for row, key in enumerate(zip(*(found[name] for name in keys), strict=True)):
        for name, values in found.items():
            if not isinstance(values[row], Live):
                continue
            value = cube.evaluate(values[row].recipe, chosen)
            other = expected[name][rows[key]] if key in rows else None
            if other is None:
                # Nothing of it is in the part: a count is 0, and of nothing there is no share.
                # The upper end of the interval of none in many is above 0.
                assert value == 0 or math.isnan(value) or name.endswith("_high"), (name, key, value)
            else:
                assert value == pytest.approx(other, rel=1e-9, abs=1e-12), (name, key)
                compared += 1
    return compared


def test_groups_share_no_customer_and_hold_all(log: safar.EventLog, cube: Cube) -> None:
    events = log.to_polars().sort("customer", "time", maintain_order=True)
    first = events.group_by("customer", maintain_order=True).first()
    named = channel_names(log, ENGLISH)
    expected = {
        customer: (persona, named[channel], time.strftime("%b %Y"))
        for customer, persona, channel, time in first.select(
            "customer", "persona", "channel", "time"
        ).iter_rows()
    }
    ids = log.core.customers().numpy("customer")[0].tolist()
    assert len(ids) == len(cube.codes)
    for customer, group in zip(ids, cube.codes.tolist(), strict=True):
        places = cube.places[group]
        said = tuple(d.choices[place] for d, place in zip(cube.dimensions, places, strict=True))
        assert said == expected[customer]


def test_a_funnel_follows(log: safar.EventLog, cube: Cube, chosen: Any) -> None:
    ask = lambda log, by: log.funnel(["visit", "add_to_cart", "purchase"], within="30d", by=by)  # noqa: E731
    columns = followed_funnel(cube, ask(log, None), ask)
    assert same(cube, chosen, columns, ask(part_of(log, cube, chosen), None).to_dict(), ["step"]) >= 20


@pytest.mark.parametrize("period", ["week", "month"])
def test_retention_follows(log: safar.EventLog, cube: Cube, chosen: Any, period: str) -> None:
    ask = lambda log, by: log.retention(period=period, by=by)  # noqa: E731
    columns, means = followed_retention(cube, ask(log, None), ask)
    part = ask(part_of(log, cube, chosen), None)
    assert same(cube, chosen, columns, part.to_dict(), ["cohort", "period"]) > 40
    # Periods of which all cohorts of the part are complete are those of the whole; others have fewer cohorts.
    assert same(cube, chosen, means, part.means().to_dict(), ["period"]) > 10


def test_stages_and_channels_within_them_follow(log: safar.EventLog, cube: Cube, chosen: Any) -> None:
    ask = lambda log, by: log.stages(by=by)  # noqa: E731
    columns = followed_stages(cube, ask(log, None), ask)
    part = part_of(log, cube, chosen)
    assert same(cube, chosen, columns, ask(part, None).to_dict(), ["stage"]) > 60
    whole = journey_picture(log, kind="nps").journeys[0]
    facts = followed_facts(cube, log.stages(), ask, whole, "30d")
    own = journey_picture(part, kind="nps").journeys[0]
    answered = 0
    for key, cell in facts.cells.items():
        other = own.cells.get(key)
        for name in ("events", "customers"):
            number = getattr(cell, name)
            assert isinstance(number, Live)
            assert cube.evaluate(number.recipe, chosen) == (0 if other is None else getattr(other, name))
        if cell.score is None:
            continue
        score = None if other is None else other.score
        for name in ("answers", "value", "low", "high"):
            number, expected = getattr(cell.score, name), getattr(score, name, None)
            assert isinstance(number, Live)
            value = cube.evaluate(number.recipe, chosen)
            if expected is None:
                assert value == 0 or math.isnan(value)
            else:
                assert value == pytest.approx(expected)
                answered += 1
    assert answered >= 8
    assert facts.score is not None
    assert own.score is not None
    for name in ("answers", "value", "low", "high"):
        assert cube.evaluate(getattr(facts.score, name).recipe, chosen) == pytest.approx(
            getattr(own.score, name)
        )


@pytest.mark.parametrize("kind", ["csat", "ces"])
def test_shares_of_good_answers_follow(log: safar.EventLog, cube: Cube, chosen: Any, kind: Any) -> None:
    whole = journey_picture(log, kind=kind).journeys[0]
    facts = followed_facts(cube, log.stages(), lambda log, by: log.stages(by=by), whole, "30d")
    own = journey_picture(part_of(log, cube, chosen), kind=kind).journeys[0]
    assert facts.score is not None
    assert own.score is not None
    for name in ("answers", "value", "low", "high"):
        assert cube.evaluate(getattr(facts.score, name).recipe, chosen) == pytest.approx(
            getattr(own.score, name)
        )


def test_kpis_follow(log: safar.EventLog, cube: Cube, chosen: Any) -> None:
    ask = lambda log, by: log.kpis(period="month", by=by or ())  # noqa: E731
    columns = followed_kpis(cube, ask(log, None), ask)
    assert same(cube, chosen, columns, ask(part_of(log, cube, chosen), None).to_dict(), ["kpi", "date"]) > 50
    following = {
        kpi for kpi, value in zip(columns["kpi"], columns["value"], strict=True) if isinstance(value, Live)
    }
    assert following == set(columns["kpi"])


def totals_of(log: safar.EventLog) -> Totals:
    sessions = log.sessions("30m").table
    single = int((sessions.numpy("events")[0] == 1).sum())
    values = log.to_polars()["value"].drop_nulls()
    buyers = log.funnel(["purchase"]).entered
    return Totals(log.customers, len(log), len(sessions), single, buyers, values.sum(), len(values))


def test_tiles_and_channels_follow(log: safar.EventLog, cube: Cube, chosen: Any) -> None:
    amounts = log.to_polars()["value"].fill_null(math.nan).to_numpy()
    totals = followed_totals(cube, totals_of(log), log.sessions("30m"), ["purchase"], amounts)
    part = part_of(log, cube, chosen)
    own = totals_of(part)
    for name in Totals.__slots__:
        assert cube.evaluate(getattr(totals, name).recipe, chosen) == pytest.approx(getattr(own, name))

    def by_channel(log: safar.EventLog) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {"channel": [], "customers": [], "converted": []}
        events = log.to_polars().sort("customer", "time", maintain_order=True)
        for (channel,), own in (
            events.group_by("customer", maintain_order=True)
            .agg(pl.col("channel").first(), (pl.col("event") == "purchase").any().alias("bought"))
            .group_by("channel")
        ):
            for name, value in zip(columns, (channel, len(own), own["bought"].sum()), strict=True):
                columns[name].append(value)
        columns["share"] = [k / n for k, n in zip(columns["converted"], columns["customers"], strict=True)]
        return columns

    columns = followed_channels(cube, ["purchase"], by_channel(log))
    assert same(cube, chosen, columns, by_channel(part), ["channel"]) >= 3


def test_active_customers_follow(log: safar.EventLog, cube: Cube, chosen: Any) -> None:
    periods = periods_of(log, "gregorian")
    assert periods is not None
    ask = lambda log, by: log.retention(period=periods.period, by=by)  # noqa: E731
    counts: list[float | None] = [float(number) for number in active_customers(ask(log, None), periods)]
    found = followed_active(cube, periods, counts, ask)
    events = part_of(log, cube, chosen).to_polars()
    weeks = events.with_columns(events["time"].dt.truncate("1w").dt.date().alias("week"))
    expected = dict(weeks.group_by("week").agg(pl.col("customer").n_unique()).iter_rows())
    assert len(found) == len(periods.starts)
    for start, number in zip(periods.starts, found, strict=True):
        assert isinstance(number, Live)
        assert cube.evaluate(number.recipe, chosen) == expected.get(start, 0)


def test_events_of_channels_and_lengths_of_sessions_follow(
    log: safar.EventLog, cube: Cube, chosen: Any
) -> None:
    part = part_of(log, cube, chosen)
    sizes = followed_events(cube, dict(log.channels))
    total = ratio(sizes["app"], summed(list(sizes.values())))
    assert isinstance(total, Live)
    assert cube.evaluate(total.recipe, chosen) == pytest.approx(part.channels.get("app", 0) / len(part))
    for name, number in sizes.items():
        assert isinstance(number, Live)
        assert cube.evaluate(number.recipe, chosen) == part.channels.get(str(name), 0)
    place = [
        np.minimum(each.sessions("30m").table.numpy("events")[0].astype(np.int64), 5) for each in (log, part)
    ]
    counts, expected = (np.bincount(each, minlength=6).tolist() for each in place)
    found = followed_lengths(cube, log.sessions("30m"), place[0], counts)
    assert [cube.evaluate(each.recipe, chosen) for each in found] == expected  # type: ignore[attr-defined]


def test_funnels_by_channel_follow(log: safar.EventLog, cube: Cube, chosen: Any) -> None:
    ask = lambda log, by: log.funnel(["visit", "add_to_cart"], within="30d", by=by or "channel")  # noqa: E731
    columns = followed_entries(cube, ask(log, None), ask)
    assert (
        same(cube, chosen, columns, ask(part_of(log, cube, chosen), None).to_dict(), ["segment", "step"]) > 10
    )


@pytest.mark.parametrize(("kind", "ask"), [("nps", safar.nps), ("csat", safar.csat), ("ces", safar.ces)])
def test_scores_over_time_follow(log: safar.EventLog, cube: Cube, chosen: Any, kind: Any, ask: Any) -> None:
    columns = followed_scores(cube, ask(log, period="month"), kind, Cut(period="month"))
    part = ask(part_of(log, cube, chosen), period="month")
    assert same(cube, chosen, columns, part.to_dict(), ["period"]) >= 4


def test_transitions_follow(log: safar.EventLog, cube: Cube, chosen: Any) -> None:
    ask = lambda log, by: log.transitions(inactivity="30d", by=by)  # noqa: E731
    whole = ask(log, None)
    columns = followed_transitions(cube, whole, ask)(whole.to_dict())
    assert same(cube, chosen, columns, ask(part_of(log, cube, chosen), None).to_dict(), ["from", "to"]) > 300


# ------------------------------------------------------------------------------------------------ random logs

events = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", "e"]),
        st.integers(0, 100),
        st.sampled_from(["view", "cart", "order"]),
        st.sampled_from(["web", "app", None]),
        st.sampled_from(["x", "y", "z", None]),
    ),
    min_size=2,
    max_size=40,
)


@given(events, st.data())
@settings(max_examples=150, deadline=None)
def test_parts_of_any_log_follow(
    rows: list[tuple[str, int, str, str | None, str | None]], data: st.DataObject
) -> None:
    start = datetime(2026, 1, 1)
    log = safar.EventLog(
        {
            "c": [row[0] for row in rows], "t": [start + timedelta(days=row[1]) for row in rows],
            "e": [row[2] for row in rows], "h": [row[3] for row in rows], "p": [row[4] for row in rows],
        },
        customer="c", time="t", event="e", channel="h", attributes=["p"],
    )  # fmt: skip
    names = [name for name in ("p", "channel", "period") if name != "channel" or log.channels]
    cube = cube_of(log, names, None, ENGLISH)
    if cube is None:
        return
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=len(cube), max_size=len(cube))))
    if not chosen.any():
        return
    part = part_of(log, cube, chosen)
    assume({"view", "order"} <= part.events.keys())
    for ask, follow, keys in (
        (lambda log, by: log.funnel(["view", "order"], within="9d", by=by), followed_funnel, ["step"]),
        (
            lambda log, by: log.retention(period="month", by=by),
            lambda *given: followed_retention(*given)[0],
            ["cohort", "period"],
        ),
    ):
        columns: dict[str, list[Any]] = follow(cube, ask(log, None), ask)  # type: ignore[no-untyped-call]
        same(cube, chosen, columns, ask(part, None).to_dict(), keys)  # type: ignore[no-untyped-call]


# ------------------------------------------------------------------------------------------------ what it is made of


def test_a_number_follows_only_where_its_parts_add_up(cube: Cube) -> None:
    parts = cube.per_customer()
    assert isinstance(cube.sum(parts.sum(), parts), Live)
    assert not isinstance(cube.sum(parts.sum() + 1, parts), Live)
    whole, half = cube.sum(parts.sum(), parts), cube.sum((parts // 2).sum(), parts // 2)
    assert isinstance(cube.made("r", half / whole, half, whole), Live)
    assert not isinstance(cube.made("r", 0.1, half, whole), Live)
    assert cube.made("r", None, half, whole) is None


def test_equal_sums_stand_in_the_page_once(cube: Cube) -> None:
    parts = cube.per_customer()
    assert cube.sum(parts.sum(), parts).recipe == cube.sum(parts.sum(), parts.copy()).recipe


def test_what_is_said_of_all_alone_vanishes_from_a_sentence() -> None:
    number = ENGLISH.count(Live(12, "n:3"))
    assert joined("; ", [number, of_all("p = 0.3", Live(12, "n:3"))]).recipes == number.recipes  # type: ignore[attr-defined]
    assert joined("; ", ["a", "b"]) == "a; b"


def test_filters_are_chosen(log: safar.EventLog) -> None:
    plain = dashboard(log, filters=[])
    assert plain.filters is None
    for absent in ("<script", "<form", "data-live"):
        assert absent not in plain.to_html()
    page = dashboard(log, filters="device")
    assert page.filters is not None
    fields = parse(str(page.filters.form())).all("select")
    assert len(fields) == 2
    with pytest.raises(safar.UnknownColumnError, match='filters="devise" is not a column'):
        dashboard(log, filters=["devise"])


def test_rare_values_and_old_months_share_a_choice() -> None:
    customers = [f"c{number}" for number in range(60)]
    start = datetime(2020, 1, 15)
    log = safar.EventLog(
        {"c": customers, "t": [start + timedelta(days=31 * number) for number in range(60)], "e": ["x"] * 60,
         "p": [f"p{min(number // 2, 40)}" for number in range(60)]},
        customer="c", time="t", event="e", attributes=["p"],
    )  # fmt: skip
    cube = cube_of(log, ["p", "period"], None, ENGLISH)
    assert cube is not None
    values, months = cube.dimensions
    assert len(values.choices) == 13
    assert values.choices[-1] == "All others"
    assert len(months.choices) == 24
    assert months.choices[0].endswith(" and before")
    assert cube.per_customer().sum() == 60


# ------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module", params=["en", "fa"])
def opened(
    request: pytest.FixtureRequest,
    log: safar.EventLog,
    browser: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Page, Any]]:
    """A page in a tab of its own, under its own security policy; whatever it says to the console fails the test."""
    page = dashboard(log, personas="persona", conversion="purchase", language=request.param)
    file: Path = page.save(tmp_path_factory.mktemp("filters") / f"{request.param}.html")
    said: list[str] = []
    tab = browser.new_page(viewport={"width": 1320, "height": 1000})
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(file.as_uri())
    tab.wait_for_selector("form.filters")
    yield page, tab
    tab.close()
    assert said == []


def cube_in(page: Page) -> Cube:
    assert page.filters is not None
    return page.filters.cube


def choose(tab: Any, **wanted: int | tuple[int, int]) -> None:
    """Set the fields of the form: by their place in persona, channel, period."""
    tab.locator("form.filters button").evaluate("button => button.form.reset()")
    for place, name in enumerate(("persona", "channel", "period")):
        selects = tab.locator(f"[data-dimension='{place}'] select")
        value = wanted.get(name)
        if isinstance(value, tuple):
            selects.nth(1).select_option(str(value[1]))
            selects.nth(0).select_option(str(value[0]))
        elif value is not None:
            selects.nth(0).select_option(str(value))


def mask_of(
    cube: Cube, persona: int | None = None, channel: int | None = None, period: tuple[int, int] | None = None
) -> Any:
    places = np.array(cube.places)
    mask = np.ones(len(cube), dtype=bool)
    for at, value in enumerate((persona, channel)):
        if value is not None:
            mask &= places[:, at] == value
    if period is not None:
        mask &= (places[:, 2] >= period[0]) & (places[:, 2] <= period[1])
    return mask


def said_of(recipes: str, cube: Cube, mask: Any, locale: Locale) -> str:
    known = []

    def number(found: re.Match[str]) -> str:
        form, *details = found[1].split(" ")
        write: Callable[..., str] = getattr(locale, form)
        value = cube.evaluate(found[2], mask)
        known.append(not math.isnan(value))
        return MISSING if math.isnan(value) else write(value, *map(int, details))

    text = TOKEN.sub(number, recipes)
    return text if any(known) or not known else MISSING


WANTED: list[dict[str, Any]] = [
    {"persona": 2}, {"channel": 1}, {"period": (1, 4)}, {"persona": 0, "channel": 0, "period": (0, 2)},
    {"persona": 5, "channel": 3, "period": (9, 9)},
]  # fmt: skip


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_every_text_is_what_the_sums_make(opened: tuple[Page, Any], wanted: dict[str, Any]) -> None:
    page, tab = opened
    choose(tab, **wanted)
    cube = cube_in(page)
    mask = mask_of(cube, **wanted)
    shown = tab.evaluate(
        "Array.from(document.querySelectorAll('main [data-live]:not([data-least])'), e => [e.dataset.live, "
        "(Array.from(e.childNodes).find(n => n.nodeType === 3) ?? {data: ''}).data])"
    )
    assert len(shown) > 1000
    for recipes, text in shown:
        assert text == said_of(recipes, cube, mask, page.locale)
    hints = tab.evaluate(
        "Array.from(document.querySelectorAll('main [data-live-title]'), e => [e.dataset.liveTitle, e.title])"
    )
    assert len(hints) > 50
    for recipes, text in hints:
        assert text == said_of(recipes, cube, mask, page.locale)
    output = tab.locator("form.filters output").inner_text()
    assert page.locale.count(cube.per_customer()[mask].sum()) in output


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_shades_and_lengths_follow(opened: tuple[Page, Any], wanted: dict[str, Any]) -> None:
    page, tab = opened
    choose(tab, **wanted)
    cube = cube_in(page)
    mask = mask_of(cube, **wanted)
    cells = tab.evaluate(
        "Array.from(document.querySelectorAll('[data-heat]'), e => [e.dataset.heat, e.className])"
    )
    assert len(cells) > 60
    for recipe, class_ in cells:
        share = cube.evaluate(recipe, mask)
        if math.isnan(share):
            assert class_ == ""
        # Shares between two steps may be rounded either way.
        elif abs(share * STEPS % 1 - 0.5) > 1e-9:
            assert class_ == shade(share)
    drawings = tab.evaluate(
        "Array.from(document.querySelectorAll('svg:has([data-length],[data-width])'), s => "
        "Array.from(s.querySelectorAll('[data-length],[data-width]'), "
        "e => [e.dataset.length ?? e.dataset.width, +e.getAttribute('width')]))"
    )
    assert len(drawings) >= 3
    for bars in drawings:
        values = [cube.evaluate(recipe, mask) for recipe, _ in bars]
        largest = max((each for each in values if not math.isnan(each)), default=0)
        longest = max(length for _, length in bars)
        for value, (_, length) in zip(values, bars, strict=True):
            if math.isnan(value) or not largest:
                assert length == pytest.approx(0, abs=0.1)
            else:
                assert length / longest == pytest.approx(value / largest, abs=0.01)


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_courses_follow_on_an_axis_of_their_own(opened: tuple[Page, Any], wanted: dict[str, Any]) -> None:
    page, tab = opened
    choose(tab, **wanted)
    cube = cube_in(page)
    mask = mask_of(cube, **wanted)
    drawings = tab.evaluate(
        "Array.from(document.querySelectorAll('svg:has([data-y])'), s => ({"
        "vertical: s.dataset.vertical, ticks: Array.from(s.querySelectorAll('[data-tick]'), t => t.textContent), "
        "dots: Array.from(s.querySelectorAll('[data-y]'), c => [c.dataset.y, +c.getAttribute('cy'), "
        "c.getAttribute('visibility')])}))"
    )
    assert len(drawings) == 2
    for drawing in drawings:
        floor, top, form, *_ = drawing["vertical"].split(" ")
        plain = [text.translate(PLAIN).replace("\u200e", "") for text in drawing["ticks"]]
        ticks = [float(text.replace("K", "")) * (1000 if "K" in text else 1) for text in plain]
        assert ticks == sorted(ticks)
        if form == "compact":
            assert ticks[0] == 0
        for recipe, y, visibility in drawing["dots"]:
            value = cube.evaluate(recipe, mask)
            assert (visibility == "hidden") == math.isnan(value)
            if not math.isnan(value):
                assert ticks[0] - 1e-6 <= value <= ticks[-1] + 1e-6
                share = (value - ticks[0]) / (ticks[-1] - ticks[0])
                assert y == pytest.approx(float(floor) - share * (float(floor) - float(top)), abs=0.1)


def test_a_kpi_is_judged_by_its_own_interval(opened: tuple[Page, Any]) -> None:
    page, tab = opened
    cube = cube_in(page)
    words = {page.locale.say(text): status for status, text in STATUS.items()}
    seen = 0
    for persona in range(6):
        choose(tab, persona=persona)
        mask = mask_of(cube, persona=persona)
        for cell in tab.locator("[data-least]").all():
            data = cell.evaluate("cell => ({...cell.dataset})")
            least, most = (cube.evaluate(data[end], mask) for end in ("least", "most"))
            text = cell.inner_text()
            if math.isnan(least):
                assert text == MISSING
                continue
            expected = status_of(
                *(np.array([each]) for each in (least, least, most, float(data["target"]))), [data["up"]]
            )
            assert words[text] == safar._table.table_of({"status": expected}).codes("status")[1][0]
            seen += 1
    assert seen > 15


def test_showing_all_again_gives_the_page_as_it_was(opened: tuple[Page, Any]) -> None:
    _, tab = opened
    tab.locator("form.filters button").evaluate("button => button.form.reset()")
    tab.wait_for_timeout(50)
    before = tab.locator("main").evaluate("main => main.outerHTML")
    assert not tab.locator("form.filters button").is_visible()
    choose(tab, persona=1, channel=2)
    assert tab.locator("main").evaluate("main => main.outerHTML") != before
    tab.locator("form.filters button").click()
    tab.wait_for_timeout(50)
    assert tab.locator("main").evaluate("main => main.outerHTML") == before
    assert tab.locator(".filtered").count() == 0


def chosen_page(log: safar.EventLog, browser: Any, folder: Path, **options: Any) -> Any:
    """A page in English with its first persona chosen; the console must stay silent."""
    tab = browser.new_page()
    tab.on("console", lambda message: pytest.fail(message.text))
    tab.on("pageerror", lambda error: pytest.fail(str(error)))
    tab.goto(dashboard(log, **options).save(folder / "page.html").as_uri())
    tab.locator("form.filters select").first.select_option("0")
    return tab


def test_tables_and_figures_say_the_same_of_chosen_customers(
    log: safar.EventLog, browser: Any, tmp_path: Path
) -> None:
    page = dashboard(log, personas="persona", conversion="purchase")
    cube = cube_in(page)
    mask = mask_of(cube, persona=0)
    part = part_of(log, cube, mask)
    tab = chosen_page(log, browser, tmp_path, personas="persona", conversion="purchase")
    card = tab.locator("section.card", has=tab.locator("h2", has_text="Stages of the journey"))
    card.locator("summary").first.click()
    rows = [row.locator("td").all_inner_texts() for row in card.locator("table.data tbody tr").all()]
    heads = card.locator("table.data th").all_inner_texts()
    expected = part.stages().to_dict()
    for name in ("entries_per_customer", "value_per_customer", "customers"):
        at = heads.index(heading(name))
        for row, value in zip(rows, expected[name], strict=True):
            assert row[at] == (MISSING if value is None else ENGLISH.amount(value))
    # What follows from an interval of all is not said of some.
    card = tab.locator("section.card", has=tab.locator("h2", has_text="KPIs against"))
    card.locator("summary").first.click()
    heads = card.locator("details table.data th").all_inner_texts()
    for row in card.locator("details table.data tbody tr").all():
        assert row.locator("td").nth(heads.index("Status")).inner_text() == ""


def test_kpis_that_can_not_follow_vanish(browser: Any, tmp_path: Path) -> None:
    text = safar.JourneyMap.shop().text
    text += '\n[[kpi]]\nid = "kept"\ncatalogue = "retention_rate"\ndefinition = "who is back"\n'
    text += 'direction = "up"\nunit = "%"\ntarget = 50\n'
    log = safar.datasets.shop(600).log().with_map(safar.JourneyMap(text))
    tab = chosen_page(log, browser, tmp_path, personas="persona", conversion="purchase")
    card = tab.locator("section.card", has=tab.locator("h2", has_text="KPIs against"))
    found = [row.locator("td").all_inner_texts() for row in card.locator(".drawing tbody tr").all()]
    kept = next(cells for cells in found if "50" in cells[4])
    assert (kept[2], kept[3].strip(" –"), kept[5]) == ("", "", "")


def test_strange_names_and_answers_without_a_time_are_no_hindrance(browser: Any, tmp_path: Path) -> None:
    names = ["a\ue000b;n:1\ue001", "data-live= z", "</script>", "x" * 90]
    rows = range(40)
    columns = {
        "c": [f"c{row % 9}" for row in rows],
        "t": [datetime(2026, 1, 1) + timedelta(days=row) for row in rows],
        "e": [names[row % 4] for row in rows],
        "p": [names[row % 9 % 4] for row in rows],
        "v": [1e308, -1e308, 2.0, 3.0] * 10,
    }
    log = safar.EventLog(columns, customer="c", time="t", event="e", value="v", attributes=["p"])
    answers = {"customer": ["c1", "c2"], "time": ["2026-01-05", None], "score": [9, 3]}
    log = log.with_scores(answers, customer="customer", time="time", score="score", scale="nps")
    tab = chosen_page(log, browser, tmp_path, filters=["p", "period"])
    assert "of 9 customers" in tab.locator("form.filters output").inner_text()
    flow = tab.locator("section.card", has=tab.locator("h2", has_text="Journey flow"))
    assert flow.locator(".everybody").is_visible()
    assert "1 answer has no time." in tab.locator("main").inner_text()
    tab.set_viewport_size({"width": 390, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("customers", "buyers"), [(400, 49), (2_000, 247), (80, 9), (20, 7)])
def test_numbers_in_the_middle_are_rounded_as_elsewhere(
    browser: Any, tmp_path: Path, customers: int, buyers: int
) -> None:
    who = [f"c{number}" for number in range(customers)]
    events = [("look", name, "mine") for name in who] + [("order", name, "mine") for name in who[:buyers]]
    events += [("look", f"d{number}", "other") for number in range(7)]
    log = safar.EventLog(
        {"c": [each[1] for each in events], "e": [each[0] for each in events], "p": [each[2] for each in events],
         "t": [datetime(2026, 1, 1) + timedelta(minutes=at) for at in range(len(events))]},
        customer="c", time="t", event="e", attributes=["p"],
    )  # fmt: skip
    tab = chosen_page(log, browser, tmp_path, filters="p", conversion="order")
    tile = tab.locator("article.tile", has=tab.locator("h2", has_text="Conversion"))
    assert tile.locator(".value").inner_text() == ENGLISH.share(buyers / customers)
    assert (
        tab.locator("article.tile")
        .nth(1)
        .inner_text()
        .endswith(f"{ENGLISH.number((customers + buyers) / customers)} per customer")
    )


def test_columns_with_very_many_values_are_refused() -> None:
    customers = 6_000
    columns = {f"p{at}": [f"v{number // 12**at % 12}" for number in range(customers)] for at in range(4)}
    log = safar.EventLog(
        {"c": [f"c{number}" for number in range(customers)], "e": ["x"] * customers, "t": ["2026-01-01"] * customers}
        | columns,
        customer="c", time="t", event="e", attributes=list(columns),
    )  # fmt: skip
    with pytest.raises(
        safar.ArgumentError, match=r"fall into 6,000 groups, and a page holds sums of 4,056 at most"
    ):
        cube_of(log, list(columns), None, ENGLISH)


def test_what_does_not_follow_says_so(opened: tuple[Page, Any]) -> None:
    _, tab = opened
    choose(tab, persona=1)
    for card in tab.locator("section.card, article.tile").all():
        follows = "follows" in (card.get_attribute("class") or "")
        assert card.locator(".everybody").count() == (0 if follows else 1)
        if not follows:
            assert card.locator(".everybody").is_visible()


def test_rows_of_one_stage_are_shown_alone(opened: tuple[Page, Any]) -> None:
    _, tab = opened
    choose(tab)
    tab.locator("select[name=stage]").select_option("experience")
    rows = tab.locator("[data-stage]").all()
    assert {row.get_attribute("data-stage") for row in rows if row.is_visible()} == {"experience"}
    assert any(not row.is_visible() for row in rows)


def test_alerts_of_which_none_is_of_the_stage_say_so(opened: tuple[Page, Any]) -> None:
    page, tab = opened
    alerts = tab.locator(".alerts li").evaluate_all("all => all.map(each => each.dataset.stage)")
    choose(tab)
    said = tab.locator(".alone")
    assert not said.is_visible()
    stages = tab.locator("select[name=stage] option").evaluate_all("all => all.map(each => each.value)")
    silent = [stage for stage in stages if stage not in {*alerts, ""}]
    assert silent
    tab.locator("select[name=stage]").select_option(silent[0])
    assert said.inner_text() == page.locale.say("No alert is of this stage.")
    assert tab.locator(".alerts li:visible").count() == 0
    tab.locator("select[name=stage]").select_option(alerts[0])
    assert not said.is_visible()
    assert tab.locator(".alerts li:visible").count() > 0


def test_months_can_not_be_chosen_backwards(opened: tuple[Page, Any]) -> None:
    _, tab = opened
    choose(tab)
    first, second = tab.locator("[data-dimension='2'] select").all()
    second.select_option("3")
    first.select_option("6")
    assert second.input_value() == "6"
    second.select_option("2")
    assert first.input_value() == "2"
