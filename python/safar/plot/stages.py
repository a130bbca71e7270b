"""Chart of the stages of the journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import INK, MUTED, STEEL, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.stages import StagesResult

__all__ = ["stages"]

_ROW = 34


def stages(
    result: StagesResult,
    *,
    title: str = "Stages of the journey",
    width: int = 420,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how many customers come to each stage, in the order of the journey, and how many entries end there.

    Parameters
    ----------
    result
        Stages; by segments it gives a panel for each of the six largest segments.
    title
        Heading.
    width
        Width in pixels.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of customers who were at the stage, with its 95 % interval; beside it the drop-off.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...         "what": ["view", "buy", "view"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = stages(log.stages("event"))
    >>> [(row["stage"], row["share"]) for row in chart.data.values]
    [('buy', 0.5), ('view', 1.0)]
    """
    import altair as alt

    columns = result.to_dict()
    rows, said = list(range(len(columns["stage"]))), ""
    shown: list[str | None] = []
    if "segment" in columns:
        shown, said = largest_segments(columns, "customers", rows)
        rows = [row for row in rows if columns["segment"][row] in shown]
    data = []
    for row in records(columns, rows):
        lost = row["drop_off"]
        row["said"] = "drop-off –" if lost is None else f"drop-off {lost:.1%}"
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
        data.append(row)
    rtl = direction == "rtl"
    tooltip = [
        alt.Tooltip("stage:N", title="Stage"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("share:Q", title="Of all customers", format=".1%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".1%"),
        alt.Tooltip("entries:Q", title="Entries", format=","),
        alt.Tooltip("went_on:Q", title="After which another stage came", format=","),
        alt.Tooltip("dropped:Q", title="After which nothing came", format=","),
        alt.Tooltip("open:Q", title="Still open", format=","),
    ]
    y = alt.Y(
        "stage:N",
        sort=list(dict.fromkeys(row["stage"] for row in data)),
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    scale = alt.Scale(domain=[0, 1], reverse=rtl)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(color=STEEL, height=20).encode(
        x=alt.X(
            "share:Q",
            title="Share of customers",
            scale=scale,
            axis=alt.Axis(format=".0%", tickCount=5, domain=False),
        )
    )
    lines = base.mark_rule(color=INK, strokeWidth=2).encode(
        x=alt.X("share_low:Q", scale=scale), x2="share_high:Q"
    )
    end = alt.value(0 if rtl else width)
    texts = base.mark_text(color=MUTED, align="right" if rtl else "left", dx=-8 if rtl else 8).encode(
        x=end, text="said:N"
    )
    chart = alt.layer(bars, lines, texts, data=inline(data)).properties(width=width, height=alt.Step(_ROW))
    subtitle = [
        "Customers who were at each stage, with the 95% interval; drop-off: entries after which nothing came",
        *([said] if said else []),
    ]
    if "segment" not in columns:
        return finish(chart, title=title, subtitle=subtitle, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    return finish(chart.facet(panel, columns=2), title=title, subtitle=subtitle, direction=direction)
