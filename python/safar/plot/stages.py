"""Chart of the stages of the journey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import end_texts, interval, layered, names_down, share_axis, share_bars
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import Direction, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.stages import StagesResult

__all__ = ["stages"]

_ROW = 28


def stages(
    result: StagesResult,
    *,
    title: str = "Stages of the journey",
    width: int = 420,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw how many customers come to each stage, in the order of the journey, and how many entries end there.

    Parameters
    ----------
    result
        Stages; by segments it gives a panel for each of the six largest segments.
    title
        Heading.
    width
        Width in pixels.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of customers who were at the stage, with its 95 % interval; beside it the drop-off.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-01", "2026-03-02", "2026-03-02"],
    ...         "what": ["view", "buy", "view"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> chart = stages(log.stages("event"))
    >>> [(row["stage"], row["share"]) for row in chart.data.values]
    [('buy', 0.5), ('view', 1.0)]
    """
    import altair as alt

    columns = columns_of(result)
    panels = panels_of(columns, "customers")
    data = records(columns, sorted(panels.rows(columns)))
    for row in data:
        lost = row["drop_off"]
        row["said"] = "drop-off –" if lost is None else f"drop-off {lost:.1%}"
    tooltip = [
        alt.Tooltip("stage:N", title="Stage"),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("share:Q", title="Of all customers", format=".1%"),
        *interval("share"),
        alt.Tooltip("entries:Q", title="Entries", format=","),
        alt.Tooltip("went_on:Q", title="After which another stage came", format=","),
        alt.Tooltip("dropped:Q", title="After which nothing came", format=","),
        alt.Tooltip("open:Q", title="Still open", format=","),
    ]
    y = names_down("stage", (row["stage"] for row in data), direction)
    x = share_axis("share", "Share of customers", direction, whole=True)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    layers = [*share_bars(base, x, row=_ROW), end_texts(base, width, direction)]
    return panels.finish(
        layered(layers, data, width=width, row=_ROW),
        title=title,
        subtitle="Customers who were at each stage, with the 95% interval; drop-off: entries after which nothing came",
        direction=direction,
    )
