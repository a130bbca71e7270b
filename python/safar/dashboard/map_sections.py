"""Sections of a log that was read through a journey map: its stages, its KPIs against their targets, and alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar.dashboard.figures import Bar, bars_figure
from safar.dashboard.formatting import MISSING, count, day, share
from safar.dashboard.markup import Markup, element, name_markup
from safar.dashboard.section import Section, section_of
from safar.dashboard.svg import Direction

if TYPE_CHECKING:
    from safar._typing import Language
    from safar.analyses.kpis import KpisResult
    from safar.analyses.stages import StagesResult
    from safar.journey_map import JourneyMap
    from safar.monitoring import AlertResult

__all__ = ["alerts_section", "kpi_section", "stages_section"]

_MOST_ALERTS = 12
_EFFECTS = {"bad": "▼", "good": "▲", "neutral": "●"}

_STATUS = {"met": "● met", "missed": "▲ missed", "unclear": "○ unclear"}


def stages_section(result: StagesResult, journey_map: JourneyMap, *, direction: Direction = "ltr") -> Section:
    """Compare how many customers come to each stage, and where they are lost.

    Parameters
    ----------
    result
        The stages of the whole log.
    journey_map
        The map, which names them.
    direction
        Direction of the page.

    Returns
    -------
    Section
        Bars of the share of customers with Wilson intervals, in the order of the journey.
    """
    names = {stage.id: stage.name.of("fa" if direction == "rtl" else "en") for stage in journey_map.stages}
    columns = result.to_dict()
    bars = []
    for row, stage in enumerate(columns["stage"]):
        part, low, high, lost = (
            columns[name][row] for name in ("share", "share_low", "share_high", "drop_off")
        )
        hint = (
            f"{names.get(stage, stage)}: {count(columns['customers'][row])} customers = {share(part)} "
            f"(95% interval {share(low)} to {share(high)}); {count(columns['entries'][row])} entries, "
            f"of which {share(lost)} end the journey"
        )
        bars.append(Bar(names.get(stage, stage), part, share(part), hint, low, high))
    title = "Stages of the journey"
    return section_of(
        result,
        title=title,
        subtitle="Customers who come to each stage, in any order",
        figure=bars_figure(bars, label=title, heading="of customers, 95% interval", direction=direction),
        table=columns,
        width="third",
    )


def kpi_section(result: KpisResult, journey_map: JourneyMap, *, direction: Direction = "ltr") -> Section:
    """Show the KPIs of the map in the latest period that was observed to its end, against their targets.

    Parameters
    ----------
    result
        KPIs of the map, not cut by any column.
    journey_map
        The map, which names them.
    direction
        Direction of the page.

    Returns
    -------
    Section
    """
    columns = result.to_dict()
    names = {kpi.id: kpi.name.of("fa" if direction == "rtl" else "en") for kpi in journey_map.kpis}
    latest: dict[str, int] = {}
    for row, (kpi, complete) in enumerate(zip(columns["kpi"], columns["complete"], strict=True)):
        if complete:
            latest[kpi] = row
    head = element(
        "tr",
        *(
            element("th", text, scope="col")
            for text in ("KPI", "From", "Value", "95% interval", "Target", "Status")
        ),
    )
    body = [
        _row(names.get(kpi, kpi), {name: columns[name][row] for name in columns})
        for kpi, row in latest.items()
    ]
    title = "KPIs against their targets"
    said = "Each in the latest period that was observed to its end"
    caption = element("caption", title)
    table = element("table", caption, element("thead", head), element("tbody", *body), class_="data")
    missing = len(set(result.missing.to_dict()["kpi"]))
    return section_of(
        result,
        title=title,
        subtitle=said,
        figure=element("div", table, class_="scroll", tabindex="0", role="region", aria_label=title),
        note=f"{missing} KPIs are left out, because the log lacks what they need." if missing else None,
        table=columns,
        width="most",
    )


def alerts_section(result: AlertResult, journey_map: JourneyMap, *, direction: Direction = "ltr") -> Section:
    """Say which KPIs left what their past lets expect, the latest first.

    Parameters
    ----------
    result
        Alerts on the KPIs of the map, day by day.
    journey_map
        The map, which names them.
    direction
        Direction of the page.

    Returns
    -------
    Section
    """
    language: Language = "fa" if direction == "rtl" else "en"
    names = {kpi.id: kpi.name.of(language) for kpi in journey_map.kpis}
    columns, sentences = result.to_dict(), result.sentences(language, names=names)
    latest = sorted(range(len(sentences)), key=lambda row: columns["start"][row], reverse=True)[:_MOST_ALERTS]
    items = [
        element(
            "li",
            element("span", _EFFECTS[columns["effect"][row]], class_=f"effect {columns['effect'][row]}"),
            " ",
            element("bdi", sentences[row]),
            class_=f"severity-{columns['severity'][row]}",
        )
        for row in latest
    ]
    figure = (
        element("ul", *items, class_="alerts")
        if items
        else element("p", "No KPI left what its past lets expect.")
    )
    more = len(sentences) - len(latest)
    return Section(
        title="Alerts",
        subtitle="KPIs of the map by day, against their own past",
        figure=figure,
        note=f"{more} earlier ones are in the table." if more else None,
        table=columns if items else None,
        definition=result.definition,
        width="full",
    )


def _row(name: str, row: dict[str, Any]) -> Markup:
    unit = row["unit"] or ""
    value = MISSING if row["value"] is None else _number(row["value"], unit)
    low, high = row["low"], row["high"]
    between = MISSING if low is None or high is None else f"{_number(low, '')} – {_number(high, unit)}"
    sign = {"up": "≥ ", "down": "≤ "}.get(row["direction"], "")
    target = MISSING if row["target"] is None else sign + _number(row["target"], unit)
    hint = None if row["value"] is not None else row["reason"]
    return element(
        "tr",
        element("td", name_markup(name)),
        element("td", day(row["date"])),
        element("td", element("data", value, value=repr(row["value"]), title=hint), class_="number"),
        element("td", between, class_="number"),
        element("td", target, class_="number"),
        element("td", _STATUS.get(row["status"], MISSING)),
    )


def _number(value: float, unit: str) -> str:
    """A number in its unit, as short as it can be read."""
    text = count(value) if abs(value) >= 1_000 else f"{value:,.1f}".removesuffix(".0")
    return f"{text}%" if unit == "%" else f"{text} {unit}" if unit and unit != "money" else text
