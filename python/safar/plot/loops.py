"""Chart of loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.errors import ArgumentError
from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import INK, STEEL, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["loops"]

_BAR = 24


def loops(
    result: Result,
    *,
    events: int = 12,
    title: str = "What is repeated",
    width: int = 360,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw which share of the units with an event repeat it.

    Parameters
    ----------
    result
        Loops; by segments it gives a panel for each of the six largest segments.
    events
        How many of the events that most units repeat are shown, of each segment.
    title
        Heading.
    width
        Width in pixels, of each panel.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of the units with the event that repeat it, a line its 95 % interval.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "what": list("aaa"),
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = loops(log.loops())
    >>> [(row["event"], row["share"]) for row in chart.data.values]
    [('a', 0.5)]
    """
    import altair as alt

    if events < 1:
        raise ArgumentError(f"events={events!r} must be at least 1")
    columns = result.to_dict()
    everything = list(range(len(columns["units"])))
    said = ""
    shown: list[str | None] = [None]
    if "segment" in columns:
        shown, said = largest_segments(columns, "units", everything)
    rows: list[int] = []
    for segment in shown:
        mine = [i for i in everything if "segment" not in columns or columns["segment"][i] == segment]
        rows += mine[:events]
    data = records(columns, rows)
    for row in data:
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
    rtl = direction == "rtl"
    y = alt.Y(
        "event:N",
        sort=list(dict.fromkeys(row["event"] for row in data)),
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    x = alt.X(
        "share:Q",
        title="Share of the units with the event",
        scale=alt.Scale(domain=[0, 1], reverse=rtl),
        axis=alt.Axis(format=".0%", tickCount=5, domain=False),
    )
    tooltip = [
        alt.Tooltip("event:N", title="Event"),
        alt.Tooltip("units:Q", title="Units with it", format=","),
        alt.Tooltip("repeating_units:Q", title="Units that repeat it", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".1%"),
        alt.Tooltip("loop_units:Q", title="Units with it twice in a row", format=","),
        alt.Tooltip("return_units:Q", title="Units that come back to it", format=","),
        alt.Tooltip("mean_repeats:Q", title="Repeats of a repeating unit", format=".2f"),
        alt.Tooltip("most_repeats:Q", title="Most repeats of one unit", format=","),
        alt.Tooltip("open:Q", title="Not repeated yet and may go on", format=","),
    ]
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(color=STEEL, cornerRadiusEnd=2, height=_BAR - 8).encode(x=x)
    lines = base.mark_rule(color=INK).encode(x=alt.X("share_low:Q"), x2="share_high:Q")
    layers = alt.layer(bars, lines, data=inline(data)).properties(width=width, height=alt.Step(_BAR))
    subtitle = ["Share of the units with an event that have it again", *([said] if said else [])]
    if "segment" not in columns:
        return finish(layers, title=title, subtitle=subtitle, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    faceted: alt.FacetChart = layers.facet(panel, columns=2).resolve_scale(y="independent")
    return finish(faceted, title=title, subtitle=subtitle, direction=direction)
