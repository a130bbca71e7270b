"""Chart of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar.errors import ArgumentError
from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import BLUE, INK, PALE, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["steps"]

_CELL = (44, 26)
_VIRTUAL = ("(start)", "(end)", "(open)")


def steps(
    result: Result, *, events: int = 12, title: str = "Step by step", direction: Direction = "ltr"
) -> alt.LayerChart | alt.FacetChart:
    """Draw steps as a heat matrix of events by position.

    Parameters
    ----------
    result
        Steps; by segments it gives a panel for each of the six largest segments.
    events
        How many of the commonest events are shown.
    title
        Heading.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A cell holds the share of units, in per cent, that have the event at the position. Where all events are shown,
        each column sums to 100.

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
    >>> chart = steps(log.steps(positions=2))
    >>> {(row["position"], row["event"]): row["share"] for row in chart.data.values}[2, "b"]
    0.5
    """
    import altair as alt

    if events < 1:
        raise ArgumentError(f"events={events!r} must be at least 1")
    cells = result.to_dict()
    everything = list(range(len(cells["units"])))
    said = ""
    shown: list[Any] = []
    if "segment" in cells:
        shown, said = largest_segments(cells, "units", everything)
    totals: dict[str, int] = {}
    for i in everything:
        totals[cells["event"][i]] = totals.get(cells["event"][i], 0) + cells["units"][i]
    real = sorted((name for name in totals if name not in _VIRTUAL), key=lambda name: (-totals[name], name))
    kept = [*real[:events], *(name for name in _VIRTUAL if name in totals)]
    rows = [
        i
        for i in everything
        if cells["event"][i] in kept and ("segment" not in cells or cells["segment"][i] in shown)
    ]
    data = records(cells, rows)
    for row in data:
        row["written"] = "<1" if row["share"] < 0.005 else f"{100 * row['share']:.0f}"
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
    rtl = direction == "rtl"
    positions = sorted({row["position"] for row in data})
    tooltip = [
        alt.Tooltip("position:Q", title="Position"),
        alt.Tooltip("event:N", title="Event"),
        alt.Tooltip("units:Q", title="Units", format=","),
        alt.Tooltip("of:Q", title="All units", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".1%"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
    ]
    x = alt.X(
        "position:O",
        sort="descending" if rtl else "ascending",
        title="Position",
        axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
    )
    y = alt.Y(
        "event:N",
        sort=kept,
        title="Event",
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    shade = alt.Color(
        "share:Q",
        title="Share",
        scale=alt.Scale(domain=[0, 1], range=[PALE, BLUE]),
        legend=alt.Legend(format=".0%"),
    )
    heat = base.mark_rect(cornerRadius=2, stroke="white", strokeWidth=2).encode(color=shade)
    ink = alt.condition("datum.share > 0.72", alt.value("#ffffff"), alt.value(INK))
    texts = base.mark_text(fontSize=12).encode(text="written:N", color=ink)
    layers = alt.layer(heat, texts, data=inline(data)).properties(
        width=_CELL[0] * max(1, len(positions)), height=_CELL[1] * max(1, len(kept))
    )
    most = len(real[:events])
    of = f"the {most} commonest of {len(real)} events" if len(real) > most else "all events"
    subtitle = [f"Share of units at each position in %; {of}", *([said] if said else [])]
    if "segment" not in cells:
        return finish(layers, title=title, subtitle=subtitle, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    return finish(layers.facet(panel, columns=2), title=title, subtitle=subtitle, direction=direction)
