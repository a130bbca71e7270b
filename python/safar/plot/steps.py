"""Chart of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval, names_down
from safar.plot.matrix import per_cent, shaded, written
from safar.plot.panels import at_least_one, columns_of, commonest, panels_of
from safar.plot.theme import Direction, inline, records

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

    at_least_one(events=events)
    cells = columns_of(result)
    panels = panels_of(cells, "units")
    real, which = commonest(cells["event"], cells["units"], events, but=_VIRTUAL)
    kept = [*real, *(name for name in _VIRTUAL if name in cells["event"])]
    data = records(cells, [row for row in sorted(panels.rows(cells)) if cells["event"][row] in kept])
    for row in data:
        row["written"] = per_cent(row["share"])
    tooltip = [
        alt.Tooltip("position:Q", title="Position"),
        alt.Tooltip("event:N", title="Event"),
        alt.Tooltip("units:Q", title="Units", format=","),
        alt.Tooltip("of:Q", title="All units", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        *interval("share"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
    ]
    x = alt.X(
        "position:O",
        sort="descending" if direction == "rtl" else "ascending",
        title="Position",
        axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
    )
    base = alt.Chart().encode(x=x, y=names_down("event", kept, direction, title="Event"), tooltip=tooltip)
    positions = {row["position"] for row in data}
    layers = alt.layer(shaded(base), written(base), data=inline(data)).properties(
        width=_CELL[0] * max(1, len(positions)), height=_CELL[1] * max(1, len(kept))
    )
    return panels.finish(
        layers,
        title=title,
        subtitle=f"Share of units at each position in %; {which}",
        direction=direction,
    )
