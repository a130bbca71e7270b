"""Chart of loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval, layered, names_down, share_axis, share_bars
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import Direction, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["loops"]

_ROW = 24


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

    at_least_one(events=events)
    columns = columns_of(result)
    panels = panels_of(columns, "units")
    data = records(columns, panels.rows(columns, most=events))
    tooltip = [
        alt.Tooltip("event:N", title="Event"),
        alt.Tooltip("units:Q", title="Units with it", format=","),
        alt.Tooltip("repeating_units:Q", title="Units that repeat it", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        *interval("share"),
        alt.Tooltip("loop_units:Q", title="Units with it twice in a row", format=","),
        alt.Tooltip("return_units:Q", title="Units that come back to it", format=","),
        alt.Tooltip("mean_repeats:Q", title="Repeats of a repeating unit", format=".2f"),
        alt.Tooltip("most_repeats:Q", title="Most repeats of one unit", format=","),
        alt.Tooltip("open:Q", title="Not repeated yet and may go on", format=","),
    ]
    y = names_down("event", (row["event"] for row in data), direction)
    x = share_axis("share", "Share of the units with the event", direction, whole=True)
    layers = share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, row=_ROW)
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=title,
        subtitle="Share of the units with an event that have it again",
        direction=direction,
        own_rows=True,
    )
