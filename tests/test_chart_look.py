"""How charts look: in both languages and on both papers, readable, told apart, and whole."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import safar
from safar import plot
from safar._palette import PALETTES, Theme
from safar._typing import Floats
from safar.language import Locale
from safar.language.fonts import FAMILY
from safar.models import BgNbd, ParetoNbd, ShiftedBetaGeometric
from safar.models.value.purchases import PurchaseModel
from safar.pages.colours import contrast, mixed
from safar.plot.look import Look, look_of
from test_plot import STEPS, asked_of, bare, kpi_table, shop_log, two_channels

THEMES: tuple[Theme, ...] = ("light", "dark")
# Names of the data, and what Persian writes in Latin letters.
OWN = {
    "AOV", "call", "view", "cart", "purchase", "web", "app", "store", "conversion", "look", "use", "buy",
    "value", "channel", "BG", "NBD", "Pareto", "shifted", "beta", "geometric",
}  # fmt: skip


def scored() -> safar.EventLog:
    data = {"who": [1, 2, 3], "at": ["2026-03-01"] * 3, "what": list("aab"), "stage": ["look", "look", "buy"]}
    log = safar.EventLog(data, customer="who", time="at", event="what", attributes=["stage"])
    surveys = {"who": [1, 2, 3], "at": ["2026-03-02"] * 3, "score": [2, 4, 5]}
    return log.with_scores(surveys, customer="who", time="at", score="score", scale="csat")


def left_for() -> dict[str, list[Any]]:
    """Customers of two channels, some of whom left."""
    days = list(range(1, 41))
    why = [("call", "look", None)[day % 3] for day in days]
    return {
        "days": days,
        "why": why,
        "gone": [each is not None for each in why],
        "channel": [("app", "web", None)[day % 5 // 2] for day in days],
        "cart": [day % 7 for day in days],
    }


def _result(name: str, **options: Any) -> Callable[[], Any]:
    return lambda: asked_of(shop_log(), name, **options)


def _of_age_36(model: PurchaseModel) -> Any:
    return SimpleNamespace(plot=partial(model.plot, 36))


# Every chart: its result, and the options of the chart.
DRAWN: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    **{name: (_result(name), {}) for name in plot.CHARTS},
    "funnel by segments": (_result("funnel", by="channel"), {}),
    "conversion by segments": (_result("conversion", by="channel", competing="cart"), {}),
    "transitions by segments": (_result("transitions", by="channel"), {}),
    "retention of all cohorts": (_result("retention", cohort="all", by="channel"), {}),
    "retention in months": (_result("retention", period="month", calendar="jalali"), {}),
    "retention as curves": (_result("retention"), {"what": "curves"}),
    "retention as curves of segments": (_result("retention", by="channel"), {"what": "curves"}),
    "conversion as survival": (_result("conversion"), {"what": "waiting"}),
    "paths as tiles": (_result("paths"), {"what": "tiles"}),
    "transitions as a graph": (_result("transitions"), {"what": "graph"}),
    "transitions as a graph of segments": (_result("transitions", by="channel"), {"what": "graph"}),
    "transitions compared": (lambda: two_channels().transitions(by="channel"), {"compare": ("app", "web")}),
    "transitions compared as a graph": (
        lambda: two_channels().transitions(by="channel"),
        {"compare": ("app", "web"), "what": "graph"},
    ),
    "NPS as bars": (
        lambda: safar.nps({"score": [10, 9, 3, 7], "channel": ["app", "app", None, "app"]}, by="channel"),
        {"what": "groups"},
    ),
    "steps of the design": (_result("conformance"), {"what": "steps"}),
    "alerts": (lambda: safar.alerts(kpi_table(), rules=["chart"]), {}),
    "trend": (lambda: safar.trend(kpi_table()), {}),
    "comparison": (lambda: safar.compare_kpis(kpi_table(), by="channel", baseline="app"), {}),
    "scores": (lambda: safar.nps({"score": [10, 9, 3], "channel": ["app", "app", None]}, by="channel"), {}),
    "customer value": (lambda: safar.lifetime_value(safar.datasets.shop(400).log(), draws=0), {}),
    "holdout": (
        lambda: safar.lifetime_value(safar.datasets.shop(400).log(), draws=0, holdout="28d").holdout,
        {},
    ),
    "model of purchases": (
        lambda: SimpleNamespace(
            plot=partial(BgNbd.of(r=0.24, alpha=4.4, a=0.79, b=2.4, unit="week").plot, 36)
        ),
        {},
    ),
    "model of purchases to come": (
        lambda: SimpleNamespace(
            plot=partial(ParetoNbd.of(r=0.55, alpha=10.6, s=0.61, beta=11.7, unit="week").plot, 36)
        ),
        {"what": "purchases", "horizon": 52},
    ),
    "model of a contract": (
        lambda: ShiftedBetaGeometric.of(alpha=0.7, beta=1.2, unit="month"),
        {},
    ),
    "campaign": (
        lambda: (
            safar.churn(safar.datasets.shop(400).log(), predict="45d", estimator="logistic")
            .score(safar.datasets.shop(400).log(), reasons=0)
            .campaign(safar.Profit(value=200, offer=10, contact=1), capacity=40)
        ),
        {},
    ),
    "emotion curve": (lambda: scored().emotion_curve(order=["look", "use", "buy"]), {}),
    "segments by scores": (lambda: safar.datasets.shop(300).log().rfm("purchase").segments(), {}),
    "segments with intervals": (
        lambda: safar.datasets.shop(300).log().rfm("purchase").segments(),
        {"what": "segments"},
    ),
    "movement between segments": (
        lambda: safar.datasets.shop(300).log().rfm_movement("purchase", at=["2025-09-01", "2026-01-01"]),
        {},
    ),
    "hazard ratios": (
        lambda: safar.cox(left_for(), duration="days", event="gone", columns=["cart"]),
        {},
    ),
    "survival": (
        lambda: safar.survival(left_for(), duration="days", event="gone", by="channel"),
        {},
    ),
    "survival as hazard": (
        lambda: safar.survival(left_for(), duration="days", event="gone", unit="week"),
        {"what": "hazard"},
    ),
    "survival as incidences": (
        lambda: safar.survival(
            left_for(), duration="days", event="why", causes=["call", "look"], by="channel"
        ),
        {"what": "incidence"},
    ),
    "map coverage": (
        lambda: safar.datasets.shop(60).log().with_map(safar.JourneyMap.shop()).map_coverage(),
        {},
    ),
}


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a chart."""
    if isinstance(node, dict):
        yield node
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(each)


def texts_of(chart: Any) -> set[str]:
    """What a chart says of its own and of its data: headings, titles, tooltips with their values, labels."""
    spec = chart.to_dict()
    rows = [row for rows in spec.pop("datasets", {}).values() for row in rows]
    rows += [row for each in walk(spec) if isinstance(each.get("values"), list) for row in each["values"]]
    rows = [row for row in rows if isinstance(row, dict)]
    said: set[str] = set()
    for each in walk(spec):
        for key in ("title", "text", "subtitle"):
            given = each.get(key)
            said |= {
                text for text in (given if isinstance(given, list) else [given]) if isinstance(text, str)
            }
        said |= set(re.findall(r'"((?:[^"\\]|\\.)*)"', each.get("labelExpr", "")))
        # What only tells marks apart is not shown.
        hidden = each in (node.get("detail") for node in walk(spec)) or each.get("legend", "") is None
        if each.get("type") in ("nominal", "ordinal") and "field" in each and not hidden:
            said |= {str(row[each["field"]]) for row in rows if row.get(each["field"]) is not None}
    return said


@pytest.mark.parametrize("name", DRAWN)
def test_a_persian_chart_has_no_english_of_its_own(name: str) -> None:
    make, options = DRAWN[name]
    for text in texts_of(make().plot(language="fa", **options)):
        assert not set(re.findall(r"[A-Za-z]{2,}", text)) - OWN, text
        assert not re.search(r"[0-9]", bare(text)), text


@pytest.mark.parametrize("name", DRAWN)
def test_the_test_above_reads_what_a_chart_says(name: str) -> None:
    make, options = DRAWN[name]
    words = {word for text in texts_of(make().plot(**options)) for word in re.findall(r"[A-Za-z]{2,}", text)}
    assert len(words - OWN) >= 4


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_says_the_same_in_both_languages(name: str) -> None:
    make, options = DRAWN[name]
    result = make()
    english, persian = (result.plot(language=language, **options).to_dict() for language in ("en", "fa"))
    titles = [[each["field"] for each in walk(spec) if "field" in each] for spec in (english, persian)]
    assert titles[0] == titles[1]


# ------------------------------------------------------------------------------------------------- pictures


def boxes(node: dict[str, Any], x: float = 0, y: float = 0) -> Iterator[tuple[dict[str, Any], float, float]]:
    """The texts of a scene graph, with where they are anchored."""
    for item in node.get("items", []):
        at = x + item.get("x", 0), y + item.get("y", 0)
        if node["marktype"] == "text":
            yield item, *at
        for mark in item.get("items", []) if node["marktype"] == "group" else []:
            yield from boxes(mark, *at)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", DRAWN)
def test_no_text_leaves_a_persian_picture_or_is_cut(name: str, theme: Theme) -> None:
    convert = pytest.importorskip("vl_convert", reason="needs the extra [images]")
    make, options = DRAWN[name]
    chart = make().plot(language="fa", theme=theme, **options).to_dict()
    svg = convert.vegalite_to_svg(json.dumps(chart))
    assert FAMILY in svg
    assert "…</text>" not in svg.replace(">…</text>", "")
    width, height = (float(size) for size in re.search(r'width="([\d.]+)" height="([\d.]+)"', svg).groups())
    moved = re.search(r'<g fill="none"[^>]*transform="translate\(([-\d.]+),([-\d.]+)\)"', svg)
    across, down = (float(each) for each in moved.groups()) if moved else (0.0, 0.0)
    scene = convert.vegalite_to_scenegraph(json.dumps(chart))["scenegraph"]
    seen = 0
    for item, x, y in boxes(scene):
        text = item.get("text")
        if not text or item.get("opacity") == 0:
            continue
        lines = [str(line) for line in (text if isinstance(text, list) else [text])]
        # Half the size of the type is less than what a letter takes on the mean.
        long = 0.4 * item.get("fontSize", 11) * max(len(bare(line)) for line in lines)
        align = item.get("align", "left")
        if item.get("angle"):
            long = 0
        left = x + across - {"left": 0, "right": long, "center": long / 2}[align]
        assert left >= -2, (text, left)
        assert left + long <= width + 2, (text, left + long, width)
        assert -2 <= y + down <= height + 2, (text, y)
        seen += 1
    assert seen >= 4


def test_pictures_are_written_in_every_form(tmp_path: Any) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra [images]")
    chart = shop_log().funnel(STEPS).plot(language="fa")
    beginnings = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<svg"}
    for form, beginning in beginnings.items():
        chart.save(str(tmp_path / f"funnel.{form}"))
        assert (tmp_path / f"funnel.{form}").read_bytes().startswith(beginning)
    assert FAMILY.encode() in (tmp_path / "funnel.pdf").read_bytes()


# -------------------------------------------------------------------------------------------------- colours

# Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, severity 1; on linear light.
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
# sRGB to CIE XYZ, D65 (IEC 61966-2-1).
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(colour: str, seen: Any) -> Floats:
    """A colour in CIE L*a*b*, as it is seen."""
    encoded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    xyz = np.array(XYZ) @ np.clip(np.array(seen) @ linear, 0, 1) / [0.95047, 1.0, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(colours: tuple[str, ...]) -> float:
    """The least distance of two colours, to whoever tells them apart the least."""
    return min(
        float(np.linalg.norm(lab(one, seen) - lab(other, seen)))
        for one, other in itertools.combinations(colours, 2)
        for seen in (np.eye(3), PROTANOPIA, DEUTERANOPIA)
    )


def test_the_colours_of_many_palettes_are_not_apart_for_everyone() -> None:
    assert apart(("#d62728", "#2ca02c")) < 12  # red and green of Vega's category10


@pytest.mark.parametrize("theme", THEMES)
def test_kinds_are_told_apart_by_colour_blind_readers(theme: Theme) -> None:
    colours = PALETTES[theme]
    assert apart(colours.kinds) > 15
    assert apart((colours.blue, colours.rest, colours.grey)) > 15
    assert apart((colours.blue, colours.lost, colours.grey, colours.rest)) > 15
    assert apart((colours.ink, colours.alarm)) > 15


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_marks_keep_their_contrast(theme: Theme) -> None:
    colours = PALETTES[theme]
    for text in (colours.ink, colours.muted):
        assert contrast(text, colours.paper) >= 4.5
        assert contrast(text, colours.grey) >= 4.5
    marks = ("blue", "steel", "rest", "alarm", "lost", "rule")
    for mark in (*(getattr(colours, mark) for mark in marks), *colours.kinds):
        assert contrast(mark, colours.paper) >= 3, mark
    assert contrast(colours.text_low, colours.grey) >= 4.5
    for share in np.linspace(0, 1, 201):
        text = colours.text_high if share > colours.turn else colours.text_low
        assert contrast(text, mixed(share, colours.pale, colours.blue)) >= 4.5, share


@pytest.mark.parametrize("name", DRAWN)
def test_a_dark_chart_has_no_colour_of_the_light_one(name: str) -> None:
    make, options = DRAWN[name]
    result = make()
    colours = [
        set(
            re.findall(
                r"#[0-9a-f]{6}\b|\bwhite\b|\bblack\b",
                json.dumps(result.plot(theme=theme, **options).to_dict()),
            )
        )
        for theme in THEMES
    ]
    # The text of cells is black or white on either paper.
    assert colours[0] & colours[1] <= {"#000000", "#ffffff"}
    assert PALETTES["dark"].paper in colours[1]


# ---------------------------------------------------------------------------------------------------- words


def test_names_of_the_data_are_those_of_the_map() -> None:
    log = safar.datasets.shop(60).log().with_map(safar.JourneyMap.shop())
    rows = log.stages().plot(language="fa").to_dict()["datasets"].values()
    assert "خرید" in {row["stage"] for each in rows for row in each}


def said_by(chart: Any) -> str:
    """All that a chart writes, without marks of direction."""
    return re.sub("[\u200e\u200f\u2066-\u2069]", "", json.dumps(chart.to_dict(), ensure_ascii=False))


def test_kpis_and_their_slices_have_the_names_of_the_map() -> None:
    log = safar.datasets.shop(400).log().with_map(safar.JourneyMap.shop())
    names = {kpi.id: kpi.name for kpi in safar.JourneyMap.shop().kpis}
    channels = {channel.id: channel.name for channel in safar.JourneyMap.shop().channels}
    kpi, web = names["checkout completion"], channels["web"]
    table = log.kpis(kpis=["checkout completion"], period="week", by="channel")
    alone = log.kpis(kpis=["checkout completion"], period="week")
    for language in ("en", "fa"):
        assert kpi.of(language) in said_by(safar.trend(alone).plot(language=language))
        row = safar.trend(table).to_dict()["channel"].index("web")
        heading = said_by(safar.trend(table).plot(row=row, language=language))
        assert f"{kpi.of(language)} · {web.of(language)}" in heading
        compared = safar.compare_kpis(table, by="channel", baseline="web").plot(language=language)
        assert kpi.of(language) in said_by(compared)
        slices = {row["slice"].strip("\u2068\u2069") for row in compared.data.values}
        assert slices <= {channel.of(language) for channel in channels.values()}
    assert safar.trend(table).to_dict()["kpi"][0] == "checkout completion"


def test_kpis_of_the_catalogue_have_its_names() -> None:
    table = safar.datasets.shop(400).log().kpis(kpis=["visits"], period="week")
    assert "بازدید" in said_by(safar.trend(table).plot(language="fa"))
    assert "Visits (traffic)" in said_by(safar.trend(table).plot())


def test_scores_by_stage_and_channel_have_the_names_of_the_map() -> None:
    shop = safar.datasets.shop(400)
    log = shop.log().with_map(safar.JourneyMap.shop())
    log = log.with_scores(shop.surveys, customer="customer_id", time="time", score="score", kind="kind")
    result = safar.csat(log, by=["stage", "channel"])
    rows = result.plot(language="fa").data.values
    shown = {
        part.strip() for row in rows for part in re.sub("[\u2066-\u2069]", "", row["segment"]).split("·")
    }
    stages, channels = safar.JourneyMap.shop().stages, safar.JourneyMap.shop().channels
    known = {part.name.of("fa") for part in (*stages, *channels)} | {"(نامشخص)"}
    assert shown <= known, shown - known
    assert set(result.to_dict()["stage"]) <= {None, *(stage.id for stage in stages)}


def test_parts_of_a_map_that_are_called_alike_stay_two() -> None:
    names = look_of(
        "fa", "light", safar.datasets.shop(60).log().with_map(safar.JourneyMap.shop()).stages()
    ).locale.names
    stages = [names[stage.id] for stage in safar.JourneyMap.shop().stages]
    assert len(set(stages)) == len(stages)


def test_texts_are_laid_out_from_right_to_left_where_it_matters() -> None:
    look = Look(Locale("fa"))
    assert look.laid_out("خرید") == "خرید"
    assert look.laid_out("خرید (وب).") == "\u2067خرید (وب).\u2069"
    assert look.name("خرید (وب)") == "\u2068خرید (وب)\u2069"
    assert look.name("web") == "web"
    assert Look().laid_out("Funnel (web)") == "Funnel (web)"
    assert look.path(["view", "خرید"]) == "\u2067\u2068view\u2069 › خرید\u2069"


def test_time_has_labels_in_the_calendar_of_the_reader() -> None:
    chart = safar.trend(kpi_table()).plot(language="fa").to_dict()
    axis = chart["layer"][0]["encoding"]["x"]["axis"]
    assert 5 <= len(axis["values"]) <= 8
    assert axis["values"][0] == 1_767_225_600_000  # 2026-01-01
    assert '"\u2067۱۱ دی\u2069"' in axis["labelExpr"] or "۱۱ دی" in axis["labelExpr"]
    assert chart["layer"][0]["encoding"]["x"]["scale"] == {"reverse": True, "type": "utc"}


def test_events_keep_their_names_beside_touchpoints_and_stages_of_the_same() -> None:
    log = safar.datasets.shop(200).log().with_map(safar.JourneyMap.shop())
    drawn = json.dumps(log.transitions().plot(what="graph", language="fa").to_dict(), ensure_ascii=False)
    assert "purchase" in drawn
    assert "خرید" not in drawn
    stages = log.named_by("stage").transitions().plot(what="graph", language="fa")
    assert "خرید" in json.dumps(stages.to_dict(), ensure_ascii=False)
