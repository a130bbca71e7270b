"""Sections of a log that was read through a journey map: its stages, its KPIs against their targets, and alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from safar.language import ENGLISH, MISSING, Live, Locale, of_all
from safar.language.naming import names_of
from safar.pages.figures import Bar, bars_figure
from safar.pages.markup import Markup, element, following, name_markup
from safar.pages.section import Columns, Section, section_of
from safar.pages.series import Series
from safar.pages.tiles import sparkline

if TYPE_CHECKING:
    from safar.analyses.kpis import KpisResult
    from safar.analyses.stages import StagesResult
    from safar.journey_map import JourneyMap
    from safar.monitoring import AlertResult

__all__ = ["STATUS", "alerts_section", "kpi_section", "stages_section"]

_MOST_ALERTS = 12
_EFFECTS = {"bad": "▼", "good": "▲", "neutral": "●"}

STATUS = {"met": "● met", "missed": "▲ missed", "unclear": "○ unclear"}
_HEADINGS = ("KPI", "From", "Value", "95% interval", "Target", "Status", "Course")


def stages_section(
    result: StagesResult,
    journey_map: JourneyMap,
    *,
    columns: Columns | None = None,
    locale: Locale = ENGLISH,
) -> Section:
    """Compare how many customers come to each stage, and where they are lost.

    Parameters
    ----------
    result
        The stages of the whole log.
    journey_map
        The map, which names them.
    columns
        Those of the result, where their numbers follow a choice of customers.
    locale
        How readers are written to.

    Returns
    -------
    Section
        Bars of the share of customers with Wilson intervals, in the order of the journey.
    """
    names = {stage.id: stage.name.of(locale.language) for stage in journey_map.stages}
    columns = columns or result.to_dict()
    bars = []
    for row, stage in enumerate(columns["stage"]):
        part, low, high, lost = (
            columns[name][row] for name in ("share", "share_low", "share_high", "drop_off")
        )
        hint = locale.say(
            "{name}: {number} customers = {share} (95% interval {low} to {high}); {entries} entries, of which "
            "{lost} end the journey",
            name=locale.name(names.get(stage, stage)),
            number=locale.count(columns["customers"][row]),
            share=locale.share(part),
            low=locale.share(low),
            high=locale.share(high),
            entries=locale.count(columns["entries"][row]),
            lost=locale.share(lost),
        )
        bars.append(Bar(names.get(stage, stage), part, locale.share(part), hint, low, high))
    title = locale.say("Stages of the journey")
    return section_of(
        result,
        title=title,
        subtitle=locale.say("Customers who come to each stage, in any order"),
        figure=bars_figure(
            bars, label=title, heading=locale.say("of customers, 95% interval"), locale=locale
        ),
        table=columns,
        names=names_of(journey_map, locale.language),
        width="third",
    )


def kpi_section(
    result: KpisResult,
    journey_map: JourneyMap,
    *,
    columns: Columns | None = None,
    locale: Locale = ENGLISH,
) -> Section:
    """Show the KPIs of the map in the latest period that was observed to its end, against their targets.

    Parameters
    ----------
    result
        KPIs of the map, not cut by any column.
    journey_map
        The map, which names them.
    columns
        Those of the result, where their numbers follow a choice of customers.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    columns = columns or result.to_dict()
    names = {kpi.id: kpi.name.of(locale.language) for kpi in journey_map.kpis}
    latest: dict[str, int] = {}
    rows: dict[str, list[int]] = {}
    for row, (kpi, complete) in enumerate(zip(columns["kpi"], columns["complete"], strict=True)):
        rows.setdefault(kpi, []).append(row)
        if complete:
            latest[kpi] = row
    head = element("tr", *(element("th", locale.say(text), scope="col") for text in _HEADINGS))
    follows = next((value for value in columns["numerator"] if isinstance(value, Live)), None)
    body = [
        _row(
            names.get(kpi, kpi),
            {name: columns[name][row] for name in columns},
            _course(columns, rows[kpi], names.get(kpi, kpi), locale),
            follows,
            locale,
        )
        for kpi, row in latest.items()
    ]
    title = locale.say("KPIs against their targets")
    said = locale.say("Each in the latest period that was observed to its end")
    caption = element("caption", title)
    table = element("table", caption, element("thead", head), element("tbody", *body), class_="data")
    missing = len(set(result.missing.to_dict()["kpi"]))
    lacking = locale.say(
        "{number} KPIs are left out, because the log lacks what they need.", number=locale.count(missing)
    )
    return section_of(
        result,
        title=title,
        subtitle=said,
        figure=element("div", table, class_="scroll", tabindex="0", role="group", aria_label=title),
        note=lacking if missing else None,
        table=columns,
        words=True,
        names=names_of(journey_map, locale.language) | names,
        width="most",
    )


def alerts_section(result: AlertResult, journey_map: JourneyMap, *, locale: Locale = ENGLISH) -> Section:
    """Say which KPIs left what their past lets expect, the latest first.

    Parameters
    ----------
    result
        Alerts on the KPIs of the map, day by day.
    journey_map
        The map, which names them.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    names = {kpi.id: kpi.name.of(locale.language) for kpi in journey_map.kpis}
    columns, sentences = result.to_dict(), result.sentences(locale.language, names=names)
    latest = sorted(range(len(sentences)), key=lambda row: columns["start"][row], reverse=True)[:_MOST_ALERTS]
    items = [
        element(
            "li",
            element("span", _EFFECTS[columns["effect"][row]], class_=f"effect {columns['effect'][row]}"),
            " ",
            element("bdi", sentences[row]),
            class_=f"severity-{columns['severity'][row]}",
            data_stage=columns["stage"][row] or "" if "stage" in columns else "",
        )
        for row in latest
    ]
    none = element("p", locale.say("No alert is of this stage."), class_="alone", hidden=True)
    figure = (
        Markup(element("ul", *items, class_="alerts") + none)
        if items
        else element("p", locale.say("No KPI left what its past lets expect."))
    )
    more = len(sentences) - len(latest)
    return Section(
        title=locale.say("Alerts"),
        subtitle=locale.say("KPIs of the map by day, against their own past"),
        figure=figure,
        note=locale.say("{number} earlier ones are in the table.", number=locale.count(more))
        if more
        else None,
        table=columns if items else None,
        words=True,
        names=names_of(journey_map, locale.language) | names,
        definition=result.definition,
        width="full",
    )


def _course(columns: dict[str, Any], rows: list[int], name: str, locale: Locale) -> Markup:
    """A small line of the values so far."""
    starts, values, complete = (
        tuple(columns[column][row] for row in rows) for column in ("date", "value", "complete")
    )
    series = Series("month", starts, values, complete)
    label = locale.say("{name}, period by period", name=locale.name(name))
    return sparkline(series, label=label, locale=locale)


def _judged(row: Mapping[str, Any]) -> dict[str, object]:
    """What the status of a KPI follows: its interval, or its value where it has none, against its target."""
    if row["target"] is None:
        return {}
    ends = [row["value"] if row[end] is None else row[end] for end in ("low", "high")]
    return following(least=ends[0], most=ends[1]) | {
        "data_target": repr(row["target"]),
        "data_up": row["direction"],
    }


def _row(name: str, row: dict[str, Any], course: Markup, follows: object, locale: Locale) -> Markup:
    """One KPI; beside others that follow a choice of customers (`follows`), what does not vanishes with the choice."""
    unit, value = row["unit"] or "", row["value"]
    low, high = row["low"], row["high"]

    def said(text: str, of: object) -> str:
        return text if isinstance(of, Live) else of_all(text, follows)

    # Kept apart, for the sign of the one would turn the order of both in text from right to left.
    ends = [said(locale.number(low), low), said(locale.measure(high, unit), high)]
    between = Markup(" – ").join(element("bdi", end) for end in ends)
    sign = locale.signs({"up": "≥ ", "down": "≤ "}.get(row["direction"], ""))
    target = MISSING if row["target"] is None else sign + locale.measure(row["target"], unit)
    hint = None if row["reason"] is None else locale.say(row["reason"])
    return element(
        "tr",
        element("td", name_markup(name)),
        element("td", locale.day(row["date"])),
        element(
            "td",
            element("data", said(locale.measure(value, unit), value), value=repr(value), title=hint),
            class_="number",
        ),
        element("td", MISSING if low is None or high is None else between, class_="number"),
        element("td", target, class_="number"),
        element("td", of_all(locale.say(STATUS.get(row["status"], MISSING)), follows), **_judged(row)),
        element("td", course, class_="of-all"),
        data_stage=row["stage"] or "",
    )
