"""Chart of matches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import INK, STEEL, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["match"]

# Height of a bar with its distance from the next, in pixels.
_BAR = 30
_ALL = "All customers"


def match(
    result: Result,
    *,
    title: str = "Customers with a match",
    width: int = 420,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw which share of the customers has a match.

    Parameters
    ----------
    result
        Matches; by segments it gives a bar for each of the six largest.
    title
        Heading.
    width
        Width in pixels.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart
        A bar is the share of the customers with a match, a line its 95 % interval.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": list("aba"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = match(log.match("a -> b"))
    >>> [row["share"] for row in chart.data.values]
    [0.5]
    """
    import altair as alt

    columns = result.to_dict()
    rows, said = list(range(len(columns["customers"]))), ""
    if "segment" in columns:
        shown, said = largest_segments(columns, "customers", rows)
        rows = sorted(
            (i for i in rows if columns["segment"][i] in shown),
            key=lambda i: shown.index(columns["segment"][i]),
        )
    data = records(columns, rows)
    for row in data:
        row["segment"] = segment_name(row["segment"]) if "segment" in columns else _ALL
    rtl = direction == "rtl"
    y = alt.Y(
        "segment:N",
        sort=[row["segment"] for row in data],
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    x = alt.X(
        "share:Q",
        title="Share of the customers",
        scale=alt.Scale(domain=[0, 1], reverse=rtl),
        axis=alt.Axis(format=".0%", tickCount=5, domain=False),
    )
    tooltip = [
        alt.Tooltip("segment:N", title="Segment"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("matched:Q", title="With a match", format=","),
        alt.Tooltip("still_open:Q", title="With one that may still complete", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".1%"),
        alt.Tooltip("matches:Q", title="Matches", format=","),
        alt.Tooltip("median_seconds:Q", title="Median seconds of a match", format=",.0f"),
    ]
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(color=STEEL, cornerRadiusEnd=2, height=_BAR - 8).encode(x=x)
    lines = base.mark_rule(color=INK).encode(x=alt.X("share_low:Q"), x2="share_high:Q")
    layers = alt.layer(bars, lines, data=inline(data)).properties(width=width, height=alt.Step(_BAR))
    subtitle = ["Share of all customers; the line is the 95% interval", *([said] if said else [])]
    return finish(layers, title=title, subtitle=subtitle, direction=direction)
