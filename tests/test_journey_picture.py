"""The journey map as a picture: its numbers against plain Python, what it marks, and that it is safe to show."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import safar
from page_tree import Node, parse
from safar._palette import PALETTES
from safar._typing import Language
from safar.language import Locale
from safar.pages import JourneyPicture, Page, Section, dashboard, journey_picture
from safar.pages.figures.journey import score_text
from safar.pages.figures.trend import ticks_of
from safar.pages.voice_sections import score_cells_section
from scored_shop import KINDS, scored


@pytest.fixture(scope="module")
def shop() -> Any:
    return safar.datasets.shop(1500)


@pytest.fixture(scope="module")
def log(shop: Any) -> safar.EventLog:
    return scored(shop)


@pytest.fixture(scope="module")
def picture(log: safar.EventLog) -> JourneyPicture:
    return journey_picture(log, kind="nps", by="persona")


def events_of(log: safar.EventLog) -> pl.DataFrame:
    return log.to_polars()


def test_circles_are_the_events_of_each_channel_at_each_stage(
    log: safar.EventLog, picture: JourneyPicture
) -> None:
    events = events_of(log).filter(pl.col("stage").is_not_null())
    expected = Counter(zip(events["stage"], events["channel"], strict=True))
    cells = picture.journeys[0].cells
    assert {key: cell.events for key, cell in cells.items()} == expected
    who = defaultdict(set)
    for customer, stage, channel in events.select("customer", "stage", "channel").iter_rows():
        who[stage, channel].add(customer)
    assert {key: cell.customers for key, cell in cells.items()} == {
        key: len(each) for key, each in who.items()
    }
    for facts in picture.journeys[1:]:
        own = events.filter(pl.col("persona") == facts.segment)
        assert {key: cell.events for key, cell in facts.cells.items()} == Counter(
            zip(own["stage"], own["channel"], strict=True)
        )


def test_scores_are_those_of_the_last_event_before_each_answer(
    shop: Any, log: safar.EventLog, picture: JourneyPicture
) -> None:
    events = (
        events_of(log).filter(~pl.col("event").is_in(KINDS)).sort("customer", "time", maintain_order=True)
    )
    times: dict[Any, list[Any]] = defaultdict(list)
    places: dict[Any, list[Any]] = defaultdict(list)
    for customer, time, stage, channel in events.select("customer", "time", "stage", "channel").iter_rows():
        times[customer].append(time)
        places[customer].append((stage, channel))
    given: dict[Any, list[int]] = defaultdict(list)
    surveys = pl.DataFrame(shop.surveys).filter((pl.col("kind") == "nps") & pl.col("score").is_not_null())
    for customer, time, score in surveys.select("customer_id", "time", "score").iter_rows():
        moment = time.replace(tzinfo=times[customer][0].tzinfo) if time.tzinfo is None else time
        at = bisect_right(times[customer], moment) - 1
        if at >= 0 and moment - times[customer][at] <= timedelta(days=30):
            given[places[customer][at]].append(score)
    cells = picture.journeys[0].cells
    found = {key: cell.score.answers for key, cell in cells.items() if cell.score is not None}
    assert found == {key: len(scores) for key, scores in given.items() if key in cells}
    for key, scores in given.items():
        score = cells[key].score if key in cells else None
        if score is not None:
            nps = 100 * (sum(each >= 9 for each in scores) - sum(each <= 6 for each in scores)) / len(scores)
            assert score.value == pytest.approx(nps)
    means: dict[str, list[int]] = defaultdict(list)
    for (stage, _), scores in given.items():
        means[stage] += scores
    for stage in picture.journeys[0].stages:
        assert stage.answers == len(means[stage.id])
        if means[stage.id]:
            assert stage.mean == pytest.approx(sum(means[stage.id]) / len(means[stage.id]))


def test_what_stands_out_differs_from_all_others_and_pains_are_worse(picture: JourneyPicture) -> None:
    facts = picture.journeys[0]
    out = {key for key, cell in facts.cells.items() if cell.score is not None and cell.score.stands_out}
    assert set(facts.moments) <= out
    for key in out:
        score = facts.cells[key].score
        assert score is not None
        assert score.value is not None
        assert score.others is not None
        assert (key in facts.pains) == (score.value < score.others)
    reach = [abs(facts.cells[key].score.impact or 0) for key in facts.moments]  # type: ignore[union-attr]
    assert reach == sorted(reach, reverse=True)
    assert not reach or min(reach) >= max(
        (abs(facts.cells[key].score.impact or 0) for key in out - set(facts.moments)),
        default=0,  # type: ignore[union-attr]
    )


def test_the_planted_pain_of_the_call_centre_is_marked() -> None:
    facts = journey_picture(scored(safar.datasets.shop(8000)), kind="nps").journeys[0]
    assert ("experience", "call_center") in facts.pains
    assert ("experience", "call_center") in facts.moments


def drawn(picture: JourneyPicture, segment: str | None = None) -> Node:
    return parse(picture.to_svg(segment))


def test_the_drawing_has_every_stage_channel_and_circle(picture: JourneyPicture) -> None:
    tree = drawn(picture)
    facts = picture.journeys[0]
    texts = [re.sub("[\u2068\u2069]", "", node.text) for node in tree.all("text")]
    for name in ("Awareness", "Advocacy", "Website", "Call centre", "Customers", "Leave here"):
        assert name in texts
    assert len(tree.all("circle", "cell")) == len(facts.cells)
    assert len(tree.all("circle", "face")) == sum(stage.mean is not None for stage in facts.stages)
    assert len(tree.all("line", "ghost")) == len(picture.path) - 1
    width, height = (float(each) for each in (tree.all("svg")[0].attributes["viewbox"] or "").split()[2:])
    for node in tree.all("circle"):
        x, y = float(node.attributes["cx"] or 0), float(node.attributes["cy"] or 0)
        assert 0 < x < width
        assert 0 < y < height


def test_a_right_to_left_picture_is_the_mirror_of_the_other(
    log: safar.EventLog, picture: JourneyPicture
) -> None:
    mirrored = journey_picture(log, kind="nps", language="fa")
    left, right = (each.all("circle", "cell") for each in (drawn(picture), drawn(mirrored)))
    width = 1180.0
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert float(other.attributes["cx"] or 0) == pytest.approx(
            width - float(one.attributes["cx"] or 0), abs=0.02
        )
        assert one.attributes["fill"] == other.attributes["fill"]
    words = {word for node in drawn(mirrored).all("text") for word in re.findall("[A-Za-z]{2,}", node.text)}
    assert words <= {"NPS"}


def test_a_picture_is_drawn_on_light_or_dark_paper(log: safar.EventLog) -> None:
    light, dark, auto = (journey_picture(log, theme=theme).to_svg() for theme in ("light", "dark", "auto"))  # type: ignore[arg-type]
    # Programs that know no custom properties can read the colours, unless these are the reader's choice.
    for drawing, palette in ((light, PALETTES["light"]), (dark, PALETTES["dark"])):
        assert "var(" not in drawing
        assert "@media" not in drawing
        assert f"fill: {palette.ink}" in drawing
    papers = [each.all("rect")[0].attributes for each in map(parse, (dark, auto))]
    assert [paper["fill"] for paper in papers] == [PALETTES["dark"].paper, "var(--card)"]
    assert "prefers-color-scheme:dark" in auto
    fills = [[node.attributes.get("fill") for node in parse(each).all("circle")] for each in (light, dark)]
    assert len(fills[0]) == len(fills[1]) > 20
    assert not set(fills[0]) & set(fills[1])
    with pytest.raises(safar.ArgumentError, match="theme='night' is not a choice"):
        journey_picture(log, theme="night")  # type: ignore[arg-type]


def test_a_name_that_looks_like_a_colour_stays_a_name() -> None:
    log = safar.EventLog(
        {"c": ["a", "a"], "t": ["2026-01-01", "2026-01-02"], "e": ["x", "y"], "h": ["var(--ink)", "web"]},
        customer="c", time="t", event="e", channel="h",
    )  # fmt: skip
    text = 'version = 1\n[[stage]]\nid = "s"\n[[touchpoint]]\nid = "t"\nstage = "s"\nevent = ["x", "y"]\n'
    written = [
        node.text
        for node in parse(journey_picture(log.with_map(safar.JourneyMap(text))).to_svg()).all("text")
    ]
    assert any("var(--ink)" in text for text in written)


def test_a_segment_has_a_picture_of_its_own(picture: JourneyPicture, tmp_path: Path) -> None:
    segment = picture.journeys[1].segment
    assert segment is not None
    assert drawn(picture, segment).all("svg")
    page = parse(picture.to_html())
    radios = page.all("input")
    assert len(radios) == len(picture.journeys)
    assert ["checked" in radio.attributes for radio in radios] == [True] + [False] * (len(radios) - 1)
    for name in ("a.svg", "b.html"):
        assert picture.save(tmp_path / name).read_text(encoding="utf-8").startswith(("<svg", "<!doctype"))
    with pytest.raises(safar.ArgumentError, match=r"expected a name that ends with \.svg or \.html"):
        picture.save(tmp_path / "a.jpg")
    with pytest.raises(safar.ArgumentError, match="segment='nobody' is not drawn"):
        picture.to_svg("nobody")


def test_hostile_names_stay_text() -> None:
    hostile = "<script>alert(1)</script>"
    log = safar.EventLog(
        {"c": ["a", "a"], "t": ["2026-01-01", "2026-01-02"], "e": ["x", "y"], "h": [hostile, '"><img src=x>']},
        customer="c", time="t", event="e", channel="h",
    )  # fmt: skip
    text = (
        f"version = 1\n[[stage]]\nid = {hostile!r}\n"
        f'[[touchpoint]]\nid = "t"\nstage = {hostile!r}\nevent = ["x", "y"]\n'
    )
    picture = journey_picture(log.with_map(safar.JourneyMap(text)))
    for written in (picture.to_svg(), picture.to_html(), picture._repr_html_()):
        assert "<script" not in written
        assert "<img" not in written


def test_without_scores_channels_or_a_map(shop: Any) -> None:
    plain = shop.log().with_map(safar.JourneyMap.shop())
    facts = journey_picture(plain).journeys[0]
    assert facts.kind is None
    assert not facts.pains
    assert all(cell.score is None for cell in facts.cells.values())
    with pytest.raises(safar.ArgumentError, match="the log has no map"):
        journey_picture(shop.log())
    with pytest.raises(safar.ArgumentError, match="this log has no scores"):
        journey_picture(plain, kind="nps")
    with pytest.raises(safar.UnknownColumnError, match='by="person" is not a column'):
        journey_picture(plain, by="person")
    with pytest.raises(safar.ArgumentError, match="lookback='soon' is not a duration"):
        journey_picture(plain, lookback="soon")
    with pytest.raises(safar.ArgumentTypeError, match="lookback=30 is a int"):
        journey_picture(plain, lookback=30)  # type: ignore[arg-type]


SMALL = """
version = 1
[[stage]]
id = "look"
[[stage]]
id = "buy"
[[touchpoint]]
id = "seen"
stage = "look"
event = "view"
[[touchpoint]]
id = "bought"
stage = "buy"
event = "order"
"""


def small(seed: int, *, channel: str | None = "h") -> tuple[safar.EventLog, pl.DataFrame, pl.DataFrame]:
    """Customers whose plan changes, with answers at every time, some of nobody; and both as frames."""
    random = np.random.default_rng(seed)
    start = datetime(2026, 3, 1)
    rows = [
        (f"c{random.integers(40)}", start + timedelta(hours=int(random.integers(2000))),
         str(random.choice(["view", "order", "other"])), str(random.choice(["web", "app"])),
         str(random.choice(["free", "pro", "team"])))
        for _ in range(600)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=["c", "t", "e", "h", "plan"], orient="row").sort("c", "t")
    answers = pl.DataFrame(
        [
            (f"c{random.integers(45)}", start + timedelta(hours=int(random.integers(2000))), int(random.integers(11)))
            for _ in range(400)
        ],
        schema=["customer", "time", "score"],
        orient="row",
    )  # fmt: skip
    log = safar.EventLog(
        frame, customer="c", time="t", event="e", channel=channel, attributes=["plan"], timezone="UTC"
    )
    log = log.with_map(safar.JourneyMap(SMALL))
    log = log.with_scores(answers, customer="customer", time="time", score="score", scale="nps")
    return log, frame, answers


@pytest.mark.parametrize("seed", range(5))
def test_a_segment_has_the_events_and_answers_of_its_customers(seed: int) -> None:
    log, frame, answers = small(seed)
    plans = dict(frame.group_by("c", maintain_order=True).first().select("c", "plan").iter_rows())
    picture = journey_picture(log, by="plan")
    assert {facts.segment for facts in picture.journeys} == {None, "free", "pro", "team"}
    for facts in picture.journeys[1:]:
        mine = [customer for customer, plan in plans.items() if plan == facts.segment]
        own = frame.filter(pl.col("c").is_in(mine), pl.col("e") != "other")
        stages = own["e"].replace_strict({"view": "look", "order": "buy"})
        assert {key: cell.events for key, cell in facts.cells.items()} == Counter(
            zip(stages, own["h"], strict=True)
        )
        scores = answers.filter(pl.col("customer").is_in(mine))["score"]
        assert facts.score is not None
        assert facts.score.answers == len(scores)
        assert facts.mean == pytest.approx(scores.mean())
        alone = journey_picture(log.filter(customers=mine)).journeys[0]
        assert {key: cell.score for key, cell in alone.cells.items()} == {
            key: cell.score for key, cell in facts.cells.items()
        }
    everybody = picture.journeys[0]
    # Answers of those who never came count as well, and those at no stage.
    assert everybody.mean == pytest.approx(answers["score"].mean())
    assert sum(stage.answers for stage in everybody.stages) < len(answers)
    assert f"all: {everybody.mean:.2f}".rstrip("0") in [node.text for node in drawn(picture).all("text")]


def test_only_the_largest_segments_are_drawn() -> None:
    customers = [f"c{number}" for number in range(80) for _ in range(2)]
    log = safar.EventLog(
        {"c": customers, "t": ["2026-01-01", "2026-01-02"] * 80, "e": ["view", "order"] * 80,
         "p": [f"p{int(name[1:]) % 40}" for name in customers]},
        customer="c", time="t", event="e", attributes=["p"],
    )  # fmt: skip
    picture = journey_picture(log.with_map(safar.JourneyMap(SMALL)), by="p")
    assert len(picture.journeys) == 31
    assert "The 30 of 40 with the most customers are drawn." in picture.definition


@pytest.mark.parametrize("language", ["en", "fa"])
def test_a_log_without_channels_shows_its_scores(language: Language) -> None:
    log, frame, _ = small(1, channel=None)
    picture = journey_picture(log, language=language)
    cells = picture.journeys[0].cells
    assert {key: cell.events for key, cell in cells.items()} == {
        ("look", None): (frame["e"] == "view").sum(),
        ("buy", None): (frame["e"] == "order").sum(),
    }
    assert all(cell.score is not None and cell.score.answers for cell in cells.values())
    row = Locale(language).say("All events")
    assert row in [re.sub("[\u2068\u2069]", "", node.text) for node in drawn(picture).all("text")]
    titles = [each.title for each in dashboard(log, language=language).sections if isinstance(each, Section)]
    assert Locale(language).say("{kind} over time", kind="NPS") in titles
    assert Locale(language).say("{kind}: stage × channel", kind="NPS") in titles


def test_scores_stand_on_the_page_without_a_map() -> None:
    _, frame, answers = small(1)
    log = safar.EventLog(frame, customer="c", time="t", event="e")
    log = log.with_scores(answers, customer="customer", time="time", score="score", scale="nps")
    titles = [each.title for each in dashboard(log).sections if isinstance(each, Section)]
    assert "NPS over time" in titles
    assert "NPS: stage × channel" not in titles


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("channel", ["h", None])
def test_a_map_that_fits_no_event_has_a_page(channel: str | None) -> None:
    log, frame, answers = small(1, channel=channel)
    frame = frame.with_columns(e=pl.lit("no ") + pl.col("e"))
    log = safar.EventLog(frame, customer="c", time="t", event="e", channel=channel)
    log = log.with_scores(answers, customer="customer", time="time", score="score", scale="nps")
    page = dashboard(log, map=safar.JourneyMap(SMALL))
    assert any("no event of the log fits a touchpoint" in meaning for _, meaning in page.notes)
    assert "<h1>" in page.to_html()


def test_the_table_is_what_is_drawn(picture: JourneyPicture) -> None:
    table = pl.DataFrame(picture.table())
    assert len(table) == sum(len(facts.cells) for facts in picture.journeys)
    everybody = table.filter(pl.col("segment").is_null())
    assert everybody["events"].sum() == sum(cell.events for cell in picture.journeys[0].cells.values())
    assert {"answers", "nps", "nps_low", "nps_high", "p_value"} <= set(table.columns)


def test_the_page_of_a_mapped_log_holds_the_picture(log: safar.EventLog) -> None:
    page = safar.dashboard(log, personas="persona", conversion="purchase")
    assert 'class="figure journey"' in page.to_html()
    assert any(section.title == "Journey map" for section in page.sections)  # type: ignore[union-attr]


# ------------------------------------------------------------------------------------------------- voice on the page


def section_of(page: Page, title: str) -> Section:
    return next(each for each in page.sections if isinstance(each, Section) and each.title == title)


@pytest.mark.parametrize("language", ["en", "fa"])
def test_scores_over_time_are_those_of_the_voice(log: safar.EventLog, language: Language) -> None:
    page = safar.dashboard(log, conversion="purchase", language=language)
    locale = Locale(language)
    section = section_of(page, locale.say("{kind} over time", kind="NPS"))
    expected = safar.nps(log, period="month", calendar=locale.calendar)
    assert section.table == expected.to_dict()
    tree = parse(str(section.figure))
    dots = tree.all("circle", "dot")
    values = [value for value in expected.to_dict()["nps"] if value is not None]
    assert len(dots) == len(values)
    # Higher is better is higher on the page.
    heights = [float(dot.attributes["cy"] or 0) for dot in dots]
    order = sorted(range(len(values)), key=lambda at: values[at])
    assert sorted(range(len(values)), key=lambda at: (-heights[at], order.index(at))) == order
    # The data end with May, and within Khordad.
    hollow = [dot.attributes["fill"] == "var(--card)" for dot in dots]
    assert hollow == [False] * (len(dots) - 1) + [language == "fa"]


def test_scores_by_stage_and_channel_are_those_of_the_picture(
    log: safar.EventLog, picture: JourneyPicture
) -> None:
    section = score_cells_section(picture)
    assert section is not None
    rows = parse(str(section.figure)).all("tr")[1:]
    facts = picture.journeys[0]
    for stage, row in zip(facts.stages, rows, strict=True):
        for channel, shown in zip(facts.channels, row.all("td"), strict=True):
            cell = facts.cells.get((stage.id, channel))
            if cell is None or cell.score is None or cell.score.value is None:
                assert shown.text == "·"
            else:
                assert float(shown.text.replace("\u2212", "-")) == round(cell.score.value)


@given(st.floats(-100, 100), st.floats(0, 200))
def test_ticks_of_a_trend_are_round_and_hold_all_values(low: float, span: float) -> None:
    ticks = ticks_of(low, low + span)
    assert ticks[0] <= low + 1e-6
    assert ticks[-1] >= low + span - 1e-6
    assert 2 <= len(ticks) <= 8
    steps = {round(b - a, 9) for a, b in pairwise(ticks)}
    assert len(steps) == 1


def test_a_score_of_about_nothing_has_no_sign() -> None:
    written = [score_text(value, "nps", Locale()) for value in (-0.3, 0.0, 0.4, 0.6, -12.0)]
    assert written == ["0", "0", "0", "+1", "\u221212"]
