"""Chart of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval, layered, names_down, share_axis, share_bars
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import Direction, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["paths"]

_ROW = 24


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

    at_least_one(most=most)
    columns = columns_of(result)
    panels = panels_of(columns, "units")
    data = records(columns, panels.rows(columns, most=most))
    tooltip = [
        alt.Tooltip("path:N", title="Path"),
        alt.Tooltip("units:Q", title="Units", format=","),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("open:Q", title="Units that may go on", format=","),
        alt.Tooltip("share:Q", title="Share", format=".2%"),
        *interval("share", ".2%"),
        alt.Tooltip("coverage:Q", title="Share down to here", format=".1%"),
    ]
    y = names_down("path", (row["path"] for row in data), direction, limit=420)
    x = share_axis("share", "Share of all units", direction)
    layers = share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, row=_ROW)
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=title,
        subtitle="Share of all units with its 95% interval",
        direction=direction,
        columns=1,
        own_rows=True,
    )
