"""Sections of funnels and retention."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from safar.language import ENGLISH, Locale
from safar.pages.figures import Bar, bars_figure, flow_figure, funnel_figure, retention_figure
from safar.pages.section import Columns, Section, plain_section, section_of

if TYPE_CHECKING:
    from safar.analyses.retention import RetentionResult
    from safar.result import Result

__all__ = ["flow_section", "funnel_section", "retention_section", "segments_section"]

_GROUPS = 12


def funnel_section(
    result: Result,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    columns: Columns | None = None,
    locale: Locale = ENGLISH,
) -> Section:
    """Show how many customers came through each step.

    Parameters
    ----------
    result
        A funnel; one by segments becomes bars of the share that completed.
    title, subtitle
        Heading and the line under it.
    columns
        Those of the result, where their numbers follow a choice of customers.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    steps = columns or result.to_dict()
    title = title or locale.say("Journey funnel")
    if "segment" in steps:
        return segments_section(result, title=title, subtitle=subtitle, locale=locale)
    figure = funnel_figure(steps, locale=locale)
    return section_of(result, title=title, subtitle=subtitle, figure=figure, table=steps, width="third")


def flow_section(
    result: Result, *, title: str | None = None, subtitle: str | None = None, locale: Locale = ENGLISH
) -> Section:
    """Show who went on, who left and who is still on the way, step by step.

    Parameters
    ----------
    result
        A funnel without segments.
    title, subtitle
        Heading and the line under it.
    locale
        How readers are written to.

    Returns
    -------
    Section
    """
    steps = result.to_dict()
    title = title or locale.say("Journey flow")
    shown = ("name", "customers", "dropped", "still_open", "excluded", "from_previous", "from_first")
    figure = flow_figure(steps, locale=locale)
    table = {name: steps[name] for name in shown}
    return section_of(result, title=title, subtitle=subtitle, figure=figure, table=table, width="half")


def segments_section(
    result: Result,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    heading: str | None = None,
    locale: Locale = ENGLISH,
) -> Section:
    """Compare which segments complete the funnel most often.

    Parameters
    ----------
    result
        A funnel by segments.
    title, subtitle
        Heading and the line under it.
    heading
        What the shares are of.
    locale
        How readers are written to.

    Returns
    -------
    Section
        Bars of the share from the first step to the last with Wilson intervals, the twelve largest segments.
    """
    steps = result.to_dict()
    title = title or locale.say("Completed, by segment")
    heading = heading or locale.say("of those who entered")
    last = max(steps["step"], default=1)
    entered = {
        s: n
        for s, n, step in zip(steps["segment"], steps["customers"], steps["step"], strict=True)
        if step == 1
    }
    rows = [i for i, step in enumerate(steps["step"]) if step == last]
    rows.sort(key=lambda i: (-entered[steps["segment"][i]], str(steps["segment"][i])))
    bars = []
    for i in rows[:_GROUPS]:
        part, low, high = (steps[f"from_first{end}"][i] for end in ("", "_low", "_high"))
        segment = steps["segment"][i]
        hint = locale.say(
            "{name}: {number} of {all} = {share} (95% interval {low} to {high})",
            name=locale.name(segment),
            number=locale.count(steps["customers"][i]),
            all=locale.count(entered[segment]),
            share=locale.share(part),
            low=locale.share(low),
            high=locale.share(high),
        )
        bars.append(Bar(locale.label(segment), part, locale.share(part), hint, low, high))
    bars.sort(key=lambda bar: -(bar.value or 0.0))
    figure = bars_figure(bars, label=title, heading=heading, locale=locale)
    note = None
    if len(rows) > _GROUPS:
        numbers = {"shown": locale.count(_GROUPS), "all": locale.count(len(rows))}
        note = locale.say("The {shown} largest of {all} segments.", **numbers)
    return section_of(
        result, title=title, subtitle=subtitle, figure=figure, note=note, table=steps, width="third"
    )


def retention_section(
    result: RetentionResult,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    followed: tuple[Columns, Columns] | None = None,
    locale: Locale = ENGLISH,
) -> Section:
    """Show how many customers of each cohort come back.

    Parameters
    ----------
    result
        A retention result.
    title, subtitle
        Heading and the line under it.
    followed
        The columns of the result and of its means, where their numbers follow a choice of customers.
    locale
        How readers are written to.

    Returns
    -------
    Section
        A heat table; cells whose period is not over are hatched, not zero.
    """
    cells = result.to_dict() if followed is None else followed[0]
    title = title or locale.say("Retention by cohort")
    # The figure has a row a cohort and a column a calendar period.
    if "segment" in cells or "cohort" not in cells or "period_end" in cells or result.clock == "rolling":
        return plain_section(result, title, cells, locale)
    own = replace(locale, shown_calendar=result.calendar)
    means = result.means().to_dict() if followed is None else followed[1]
    figure = retention_figure(cells, means, period=result.period, locale=own)
    wide = max(cells["period"], default=0) > 13
    return section_of(
        result, title=title, subtitle=subtitle, figure=figure, table=cells, width="full" if wide else "half"
    )
