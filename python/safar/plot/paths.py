"""Chart of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.errors import ArgumentError
from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import INK, STEEL, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["paths"]

_BAR = 24


def paths(
    result: Result,
    *,
    most: int = 15,
    title: str = "Most frequent paths",
    width: int = 360,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the most frequent paths as bars with their intervals.

    Parameters
    ----------
    result
        Paths; by segments it gives a panel for each of the six largest segments.
    most
        How many paths are shown, of each segment.
    title
        Heading.
    width
        Width in pixels, of each panel.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of all units that took the path, a line its 95 % interval.

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
    >>> chart = paths(log.paths())
    >>> [(row["path"], row["units"]) for row in chart.data.values]
    [('a', 1), ('a > b', 1)]
    """
    import altair as alt

    if most < 1:
        raise ArgumentError(f"most={most!r} must be at least 1")
    columns = result.to_dict()
    everything = list(range(len(columns["units"])))
    said = ""
    shown: list[str | None] = [None]
    if "segment" in columns:
        shown, said = largest_segments(columns, "units", everything)
    rows: list[int] = []
    for segment in shown:
        mine = [i for i in everything if "segment" not in columns or columns["segment"][i] == segment]
        rows += mine[:most]
    data = records(columns, rows)
    for row in data:
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
    rtl = direction == "rtl"
    y = alt.Y(
        "path:N",
        sort=list(dict.fromkeys(row["path"] for row in data)),
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False, labelLimit=420),
    )
    x = alt.X(
        "share:Q",
        title="Share of all units",
        scale=alt.Scale(reverse=rtl),
        axis=alt.Axis(format=".0%", tickCount=5, domain=False),
    )
    tooltip = [
        alt.Tooltip("path:N", title="Path"),
        alt.Tooltip("units:Q", title="Units", format=","),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("open:Q", title="Units that may go on", format=","),
        alt.Tooltip("share:Q", title="Share", format=".2%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".2%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".2%"),
        alt.Tooltip("coverage:Q", title="Share down to here", format=".1%"),
    ]
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(color=STEEL, cornerRadiusEnd=2, height=_BAR - 8).encode(x=x)
    lines = base.mark_rule(color=INK).encode(x=alt.X("share_low:Q"), x2="share_high:Q")
    layers = alt.layer(bars, lines, data=inline(data)).properties(width=width, height=alt.Step(_BAR))
    subtitle = ["Share of all units with its 95% interval", *([said] if said else [])]
    if "segment" not in columns:
        return finish(layers, title=title, subtitle=subtitle, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    faceted: alt.FacetChart = layers.facet(panel, columns=1).resolve_scale(y="independent")
    return finish(faceted, title=title, subtitle=subtitle, direction=direction)
