"""Chart of waits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from safar.plot.bars import end_texts, layered, names_down, share_axis
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import BLUE, STEEL, Direction, records
from safar.result import duration_text

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.waits import WaitsResult

__all__ = ["waits"]

_ROW = 26


def waits(
    result: WaitsResult,
    *,
    title: str = "Where time goes",
    width: int = 420,
    pairs: int = 15,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw the pairs between which most time passes.

    Parameters
    ----------
    result
        Waits; by segments it gives a panel for each of the six largest segments.
    title
        Heading.
    width
        Width in pixels.
    pairs
        How many pairs are shown at most in a panel, the longest in all first.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A bar is the share of all time; beside it the median wait. Pairs in which half of the times or more change the
        channel are dark.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {"who": [1, 1], "when": ["2026-03-01", "2026-03-02"], "what": ["ask", "answer"]},
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ... )
    >>> [(row["pair"], row["share"]) for row in waits(log.waits("event")).data.values]
    [('ask → answer', 1.0)]
    """
    import altair as alt

    at_least_one(pairs=pairs)
    columns = columns_of(result)
    panels = panels_of(columns, "count")
    pairs_of = Counter(columns["segment"][row] if panels.shown else "" for row in panels.rows(columns))
    many = max(pairs_of.values(), default=0)
    data = records(columns, sorted(panels.rows(columns, most=pairs)))
    for row in data:
        median = row["median_seconds"]
        row["pair"] = f"{row['from']} → {row['to']}"
        row["said"] = "median –" if median is None else f"median {duration_text(median)}"
        row["handed"] = row["count"] > 0 and 2 * (row.get("handed_over") or 0) >= row["count"]
    tooltip = [
        alt.Tooltip("pair:N", title="From and to"),
        alt.Tooltip("share:Q", title="Of all time", format=".1%"),
        alt.Tooltip("count:Q", title="Times", format=","),
        alt.Tooltip("customers:Q", title="Customers", format=","),
        alt.Tooltip("said:N", title="Wait"),
    ]
    if "handed_over" in columns:
        tooltip.append(alt.Tooltip("handed_over:Q", title="With another channel after", format=","))
    if "late" in columns:
        tooltip.append(alt.Tooltip("late_share:Q", title="Later than expected", format=".1%"))
    y = names_down("pair", (row["pair"] for row in data), direction, limit=260)
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=16).encode(
        x=share_axis("share", "Share of all time", direction),
        color=alt.condition("datum.handed", alt.value(BLUE), alt.value(STEEL)),
    )
    return panels.finish(
        layered([bars, end_texts(base, width, direction)], data, width=width, row=_ROW),
        title=title,
        subtitle=[
            "Share of all time between the two, and the median; dark: mostly into another channel",
            f"The {pairs} of {many} pairs with the most time" if many > pairs else "",
        ],
        direction=direction,
    )
