"""Chart of a funnel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval, layered, names_down
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import BLUE, INK, Direction, records, side

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["funnel"]

_ROW = 34


def funnel(
    result: Result, *, title: str = "Funnel", width: int = 460, direction: Direction = "ltr"
) -> alt.LayerChart | alt.FacetChart:
    """Draw a funnel as bars of customers, one a step.

    Parameters
    ----------
    result
        A funnel; one by segments gives a panel for each of the six largest segments, on one scale.
    title
        Heading.
    width
        Width of a panel in pixels.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        Each bar is written with its customers and their share of the step before; the tooltip has numerator,
        denominator and the 95 % Wilson interval.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": ["view", "buy", "view"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = funnel(log.funnel(["view", "buy"]))
    >>> [row["customers"] for row in chart.data.values]
    [2, 1]
    """
    import altair as alt

    steps = columns_of(result)
    unit = next(name for name in ("customers", "attempts", "sessions", "units") if name in steps)
    panels = panels_of(steps, unit, [row for row, step in enumerate(steps["step"]) if step == 1])
    data = records(steps, sorted(panels.rows(steps)))
    at_step = {(row.get("segment"), row["step"]): row[unit] for row in data}
    for row in data:
        previous = row["from_previous"]
        row["written"] = f"{row[unit]:,}" + ("" if previous is None else f"  ({previous:.1%})")
        row["of_step_before"] = None if previous is None else at_step[row.get("segment"), row["step"] - 1]
    tooltip = [
        alt.Tooltip("name:N", title="Step"),
        alt.Tooltip(f"{unit}:Q", title=unit.capitalize(), format=","),
        alt.Tooltip("of_step_before:Q", title=f"{unit.capitalize()} at the step before", format=","),
        alt.Tooltip("from_previous:Q", title="Share of the step before", format=".1%"),
        *interval("from_previous"),
        alt.Tooltip("from_first:Q", title="Share of the first step", format=".1%"),
        alt.Tooltip("dropped:Q", title="Dropped here (time over)", format=","),
        alt.Tooltip("still_open:Q", title="Still open here", format=","),
    ]
    in_order = sorted(data, key=lambda row: row["step"])
    largest = max([row[unit] for row in data], default=1) or 1
    rtl = direction == "rtl"
    # Room at the end of the longest bar for what is written there.
    x = alt.X(
        f"{unit}:Q",
        title=f"{unit.capitalize()} (share of the step before)",
        scale=alt.Scale(domain=[0, largest * 1.32], reverse=rtl, nice=False),
        axis=alt.Axis(tickCount=4, format=","),
    )
    y = names_down("name", (row["name"] for row in in_order), direction)
    base = alt.Chart().encode(y=y, x=x, tooltip=tooltip)
    bars = base.mark_bar(height=_ROW - 10, cornerRadius=2).encode(
        color=alt.Color("from_first:Q", scale=alt.Scale(domain=[0, 1], range=["#a9cfdf", BLUE]), legend=None)
    )
    texts = base.mark_text(align=side(direction), dx=-6 if rtl else 6, color=INK, fontSize=12)
    chart = layered([bars, texts.encode(text="written:N")], data, width=width, row=_ROW)
    return panels.finish(chart, title=title, direction=direction)
