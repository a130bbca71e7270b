"""Sections of funnels and retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.dashboard.figures import Bar, bars_figure, flow_figure, funnel_figure, retention_figure
from safar.dashboard.formatting import count, share
from safar.dashboard.section import Section, plain_section, section_of
from safar.dashboard.svg import Direction

if TYPE_CHECKING:
    from safar.analyses.retention import RetentionResult
    from safar.result import Result

__all__ = ["flow_section", "funnel_section", "retention_section", "segments_section"]

_GROUPS = 12


def funnel_section(
    result: Result,
    *,
    title: str = "Journey funnel",
    subtitle: str | None = None,
    direction: Direction = "ltr",
) -> Section:
    """Show how many customers came through each step.

    Parameters
    ----------
    result
        A funnel; one by segments becomes bars of the share that completed.
    title, subtitle
        Heading and the line under it.
    direction
        Direction of the page.

    Returns
    -------
    Section
    """
    steps = result.to_dict()
    if "segment" in steps:
        return segments_section(result, title=title, subtitle=subtitle, direction=direction)
    figure = funnel_figure(steps, direction=direction)
    return section_of(result, title=title, subtitle=subtitle, figure=figure, table=steps, width="third")


def flow_section(
    result: Result, *, title: str = "Journey flow", subtitle: str | None = None, direction: Direction = "ltr"
) -> Section:
    """Show who went on, who left and who is still on the way, step by step.

    Parameters
    ----------
    result
        A funnel without segments.
    title, subtitle
        Heading and the line under it.
    direction
        Direction of the page.

    Returns
    -------
    Section
    """
    steps = result.to_dict()
    shown = ("name", "customers", "dropped", "still_open", "excluded", "from_previous", "from_first")
    figure = flow_figure(steps, direction=direction)
    table = {name: steps[name] for name in shown}
    return section_of(result, title=title, subtitle=subtitle, figure=figure, table=table, width="half")


def segments_section(
    result: Result,
    *,
    title: str = "Completed, by segment",
    subtitle: str | None = None,
    heading: str = "of those who entered",
    direction: Direction = "ltr",
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
    direction
        Direction of the page.

    Returns
    -------
    Section
        Bars of the share from the first step to the last with Wilson intervals, the twelve largest segments.
    """
    steps = result.to_dict()
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
        hint = (
            f"{segment or '(missing)'}: {count(steps['customers'][i])} of {count(entered[segment])} = {share(part)} "
            f"(95% interval {share(low)} to {share(high)})"
        )
        bars.append(Bar(segment, part, share(part), hint, low, high))
    bars.sort(key=lambda bar: -(bar.value or 0.0))
    figure = bars_figure(bars, label=title, heading=heading, direction=direction)
    note = f"The {_GROUPS} largest of {len(rows)} segments." if len(rows) > _GROUPS else None
    return section_of(
        result, title=title, subtitle=subtitle, figure=figure, note=note, table=steps, width="third"
    )


def retention_section(
    result: RetentionResult,
    *,
    title: str = "Retention by cohort",
    subtitle: str | None = None,
    direction: Direction = "ltr",
) -> Section:
    """Show how many customers of each cohort come back.

    Parameters
    ----------
    result
        A retention result.
    title, subtitle
        Heading and the line under it.
    direction
        Direction of the page.

    Returns
    -------
    Section
        A heat table; cells whose period is not over are hatched, not zero.
    """
    cells = result.to_dict()
    # The figure has a row a cohort and a column a calendar period.
    if "segment" in cells or "cohort" not in cells or "period_end" in cells or result.clock == "rolling":
        return plain_section(result, title, cells)
    labels = result.labels() if result.calendar == "jalali" else None
    figure = retention_figure(cells, result.means().to_dict(), period=result.period, labels=labels)
    wide = max(cells["period"], default=0) > 13
    return section_of(
        result, title=title, subtitle=subtitle, figure=figure, table=cells, width="full" if wide else "half"
    )
