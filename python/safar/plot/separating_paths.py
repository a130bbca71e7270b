"""Chart of separating paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval, layered, names_down
from safar.plot.panels import at_least_one, columns_of, panels_of
from safar.plot.theme import BLUE, INK, MUTED, Direction, records

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.separating_paths import SeparatingPathsResult

__all__ = ["separating_paths"]

_ROW = 24


def separating_paths(
    result: SeparatingPathsResult,
    *,
    most: int = 15,
    title: str = "What separates those who convert",
    width: int = 360,
    direction: Direction = "ltr",
) -> alt.LayerChart | alt.FacetChart:
    """Draw by how much more often units with a sub-path convert than units of the same length without it.

    Parameters
    ----------
    result
        Separating paths; by segments it gives a panel for each of the six largest segments.
    most
        How many sub-paths with the strongest evidence are shown, of each segment.
    title
        Heading.
    width
        Width in pixels, of each panel.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        A dot is by how much the share that converts is greater with the sub-path than without it among units of the
        same length, a line its 95 % interval.

    Examples
    --------
    >>> import safar
    >>> paths = {"a": ["search", "review", "buy"], "b": ["review", "search"]}
    >>> rows = [
    ...     (f"{kind}{number}", f"2026-03-0{day + 1}", event)
    ...     for kind, path in paths.items()
    ...     for number in range(8)
    ...     for day, event in enumerate(path)
    ... ]
    >>> who, when, what = map(list, zip(*rows))
    >>> log = safar.EventLog(
    ...     {"who": who, "when": when, "what": what},
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-06-01",
    ... )
    >>> chart = separating_paths(log.separating_paths("buy"))
    >>> [(row["path"], row["difference_stratified"]) for row in chart.data.values]
    [('review > search', -1.0), ('search > review', 1.0)]
    """
    import altair as alt

    at_least_one(most=most)
    columns = columns_of(result)
    panels = panels_of(columns_of(result.totals()), "units")
    data = records(columns, panels.rows(columns, most=most))
    tooltip = [
        alt.Tooltip("path:N", title="Sub-path"),
        alt.Tooltip("units_with:Q", title="Units with it", format=","),
        alt.Tooltip("share_with:Q", title="Convert", format=".1%"),
        alt.Tooltip("units_without:Q", title="Units without it", format=","),
        alt.Tooltip("share_without:Q", title="Convert", format=".1%"),
        alt.Tooltip("difference:Q", title="Difference", format="+.1%"),
        alt.Tooltip("difference_stratified:Q", title="At the same length", format="+.1%"),
        *interval("difference_stratified", "+.1%"),
        alt.Tooltip("odds_ratio:Q", title="Odds ratio at one length", format=".2f"),
        alt.Tooltip("q_stratified:Q", title="q-value at one length", format=".2g"),
    ]
    y = names_down("path", (row["path"] for row in data), direction, limit=260)
    x = alt.X(
        "difference_stratified:Q",
        title="Share that converts, with it minus without it",
        scale=alt.Scale(reverse=direction == "rtl", zero=True),
        axis=alt.Axis(format="+.0%", tickCount=5, domain=False),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    zero = alt.Chart().mark_rule(color=MUTED, strokeDash=[2, 2]).encode(x=alt.XDatum(0))
    lines = base.mark_rule(color=INK).encode(
        x="difference_stratified_low:Q", x2="difference_stratified_high:Q"
    )
    dots = base.mark_circle(color=BLUE, size=70, opacity=1).encode(x=x)
    return panels.finish(
        layered([zero, lines, dots], data, width=width, row=_ROW),
        title=title,
        subtitle="Sub-paths with the strongest evidence among units of the same length",
        direction=direction,
        own_rows=True,
    )
