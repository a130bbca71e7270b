"""Chart of matches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval, layered, names_down, share_axis, share_bars
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import Direction, finish, records

if TYPE_CHECKING:
    import altair as alt

    from safar.result import Result

__all__ = ["match"]

_ROW = 30


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

    columns = columns_of(result)
    panels = panels_of(columns, "customers")
    data = [{"segment": "All customers", **row} for row in records(columns, panels.rows(columns))]
    tooltip = [
        alt.Tooltip("segment:N", title="Segment"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("matched:Q", title="With a match", format=","),
        alt.Tooltip("still_open:Q", title="With one that may still complete", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        *interval("share"),
        alt.Tooltip("matches:Q", title="Matches", format=","),
        alt.Tooltip("median_seconds:Q", title="Median seconds of a match", format=",.0f"),
    ]
    y = names_down("segment", (row["segment"] for row in data), direction)
    x = share_axis("share", "Share of the customers", direction, whole=True)
    layers = share_bars(alt.Chart().encode(y=y, tooltip=tooltip), x, row=_ROW)
    return finish(
        layered(layers, data, width=width, row=_ROW),
        title=title,
        subtitle=["Share of all customers; the line is the 95% interval", panels.said],
        direction=direction,
    )
