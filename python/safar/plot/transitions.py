"""Chart of transitions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from safar.plot.bars import interval, names_down
from safar.plot.matrix import per_cent, shaded, written
from safar.plot.panels import at_least_one, columns_of, commonest, panels_of
from safar.plot.theme import Direction, inline, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["transitions"]

_CELL = (44, 26)
_START, _LAST = "(start)", ("(end)", "(open)")
_DRAWN = (
    "segment", "from", "to", "events", "customers", "share", "share_low", "share_high", "median_seconds",
)  # fmt: skip


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

    at_least_one(events=events)
    edges = columns_of(result)
    panels = panels_of(edges, "events")
    kept, which = commonest(edges["from"], edges["events"], events, but=(_START,))
    sources, targets = [_START, *kept], [*kept, *_LAST]
    departures: Counter[tuple[str, str]] = Counter()
    everywhere = edges.get("segment", [""] * len(edges["from"]))
    for segment, source, number in zip(everywhere, edges["from"], edges["events"], strict=True):
        departures[segment, source] += number
    rows = [
        row
        for row in sorted(panels.rows(edges))
        if edges["from"][row] in sources and edges["to"][row] in targets
    ]
    data = records({name: edges[name] for name in _DRAWN if name in edges}, rows)
    for row in data:
        row["departures"] = departures[row.get("segment", ""), row["from"]]
        row["written"] = per_cent(row["share"])
    tooltip = [
        alt.Tooltip("from:N", title="From"),
        alt.Tooltip("to:N", title="To"),
        alt.Tooltip("events:Q", title="Times", format=","),
        alt.Tooltip("departures:Q", title="Departures from the event", format=","),
        alt.Tooltip("share:Q", title="Share of departures", format=".1%"),
        *interval("share"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("median_seconds:Q", title="Median time between (s)", format=",.0f"),
    ]
    x = alt.X(
        "to:N",
        sort=targets[::-1] if direction == "rtl" else targets,
        title="Next event",
        axis=alt.Axis(orient="top", labelAngle=-90, domain=False, ticks=False),
    )
    base = alt.Chart().encode(x=x, y=names_down("from", sources, direction, title="Event"), tooltip=tooltip)
    layers = alt.layer(shaded(base), written(base), data=inline(data)).properties(
        width=_CELL[0] * len(targets), height=_CELL[1] * len(sources)
    )
    return panels.finish(
        layers,
        title=title,
        subtitle=f"Share of each event's departures in %; {which}",
        direction=direction,
    )
