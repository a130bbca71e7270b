"""Chart of a funnel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import BLUE, INK, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["funnel"]

_HIGH = 34


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

    steps = result.to_dict()
    unit = next(name for name in ("customers", "attempts", "sessions", "units") if name in steps)
    rows, said = list(range(len(steps["step"]))), ""
    if "segment" in steps:
        shown, said = largest_segments(steps, unit, [i for i in rows if steps["step"][i] == 1])
        rows = [i for i in rows if steps["segment"][i] in shown]
    data = records(steps, rows)
    for row in data:
        previous = row["from_previous"]
        row["written"] = f"{row[unit]:,}" + ("" if previous is None else f"  ({previous:.1%})")
        row["of_step_before"] = None if previous is None else _before(data, row)[unit]
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
    order = [row["name"] for row in sorted(data, key=lambda row: row["step"])]
    rtl = direction == "rtl"
    tooltip = [
        alt.Tooltip("name:N", title="Step"),
        alt.Tooltip(f"{unit}:Q", title=unit.capitalize(), format=","),
        alt.Tooltip("of_step_before:Q", title=f"{unit.capitalize()} at the step before", format=","),
        alt.Tooltip("from_previous:Q", title="Share of the step before", format=".1%"),
        alt.Tooltip("from_previous_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("from_previous_high:Q", title="95% interval to", format=".1%"),
        alt.Tooltip("from_first:Q", title="Share of the first step", format=".1%"),
        alt.Tooltip("dropped:Q", title="Dropped here (time over)", format=","),
        alt.Tooltip("still_open:Q", title="Still open here", format=","),
    ]
    y = alt.Y(
        "name:N",
        sort=list(dict.fromkeys(order)),
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    largest = max([row[unit] for row in data], default=1) or 1
    # Room at the end of the longest bar for what is written there.
    x = alt.X(
        f"{unit}:Q",
        title=f"{unit.capitalize()} (share of the step before)",
        scale=alt.Scale(domain=[0, largest * 1.32], reverse=rtl, nice=False),
        axis=alt.Axis(tickCount=4, format=","),
    )
    base = alt.Chart().encode(y=y, x=x, tooltip=tooltip)
    bars = base.mark_bar(height=_HIGH - 10, cornerRadius=2).encode(
        color=alt.Color("from_first:Q", scale=alt.Scale(domain=[0, 1], range=["#a9cfdf", BLUE]), legend=None)
    )
    texts = base.mark_text(
        align="right" if rtl else "left", dx=-6 if rtl else 6, color=INK, fontSize=12
    ).encode(text="written:N")
    height = _HIGH * max(1, len(set(order)))
    layers = alt.layer(bars, texts, data=inline(data)).properties(width=width, height=height)
    if "segment" not in steps:
        return finish(layers, title=title, subtitle=said, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    return finish(layers.facet(panel, columns=2), title=title, subtitle=said, direction=direction)


def _before(data: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, Any]:
    """Find the step before in the same segment."""
    return next(
        other
        for other in data
        if other["step"] == row["step"] - 1
        and segment_name(other.get("segment")) == segment_name(row.get("segment"))
    )
