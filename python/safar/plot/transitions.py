"""Chart of transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safar.errors import ArgumentError
from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import BLUE, INK, PALE, Direction, finish, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["transitions"]

_CELL = (44, 26)
_START, _LAST = "(start)", ("(end)", "(open)")


def transitions(
    result: Result, *, events: int = 12, title: str = "What comes next", direction: Direction = "ltr"
) -> alt.LayerChart | alt.FacetChart:
    """Draw transitions as a heat matrix of events by next event.

    Parameters
    ----------
    result
        Transitions; by segments it gives a panel for each of the six largest segments.
    events
        How many of the commonest events are shown.
    title
        Heading.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A row is an event (or the start of the journey), a column the event that came next (or the end); a cell holds
        the share of the row's departures in per cent. Where all events are shown, each row sums to 100.

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
    >>> chart = transitions(log.transitions())
    >>> {(row["from"], row["to"]): row["events"] for row in chart.data.values}["view", "buy"]
    1
    """
    import altair as alt

    if events < 1:
        raise ArgumentError(f"events={events!r} must be at least 1")
    edges = result.to_dict()
    everything = list(range(len(edges["events"])))
    said = ""
    shown: list[Any] = []
    if "segment" in edges:
        shown, said = largest_segments(edges, "events", everything)
    totals: dict[Any, int] = {}
    departures: dict[tuple[Any, str], int] = {}
    for i in everything:
        segment = edges["segment"][i] if "segment" in edges else None
        source, number = edges["from"][i], edges["events"][i]
        departures[segment, source] = departures.get((segment, source), 0) + number
        totals[source] = totals.get(source, 0) + number
    real = sorted((name for name in totals if name != _START), key=lambda name: (-totals[name], name))
    kept = real[:events]
    sources, targets = [_START, *kept], [*kept, *_LAST]
    rows = [
        i
        for i in everything
        if edges["from"][i] in sources
        and edges["to"][i] in targets
        and ("segment" not in edges or edges["segment"][i] in shown)
    ]
    wanted = (
        "segment",
        "from",
        "to",
        "events",
        "customers",
        "share",
        "share_low",
        "share_high",
        "median_seconds",
    )
    data = records({name: edges[name] for name in wanted if name in edges}, rows)
    for row in data:
        row["departures"] = departures[row.get("segment"), row["from"]]
        row["written"] = "<1" if 0 < row["share"] < 0.005 else f"{100 * row['share']:.0f}"
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
    rtl = direction == "rtl"
    tooltip = [
        alt.Tooltip("from:N", title="From"),
        alt.Tooltip("to:N", title="To"),
        alt.Tooltip("events:Q", title="Times", format=","),
        alt.Tooltip("departures:Q", title="Departures from the event", format=","),
        alt.Tooltip("share:Q", title="Share of departures", format=".1%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".1%"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("median_seconds:Q", title="Median time between (s)", format=",.0f"),
    ]
    x = alt.X(
        "to:N",
        sort=targets[::-1] if rtl else targets,
        title="Next event",
        axis=alt.Axis(orient="top", labelAngle=-90, domain=False, ticks=False),
    )
    y = alt.Y(
        "from:N",
        sort=sources,
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
        width=_CELL[0] * len(targets), height=_CELL[1] * len(sources)
    )
    of = f"the {len(kept)} commonest of {len(real)} events" if len(real) > len(kept) else "all events"
    subtitle = [f"Share of each event's departures in %; {of}", *([said] if said else [])]
    if "segment" not in edges:
        return finish(layers, title=title, subtitle=subtitle, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    return finish(layers.facet(panel, columns=2), title=title, subtitle=subtitle, direction=direction)
