"""Chart of retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.bars import interval
from safar.plot.matrix import shaded, written
from safar.plot.panels import columns_of, panels_of
from safar.plot.theme import GREY, Direction, finish, inline, records, side

if TYPE_CHECKING:
    import altair as alt

    from safar.analyses.retention import RetentionResult

__all__ = ["retention"]

_CELL = (40, 26)


def retention(
    result: RetentionResult, *, title: str = "Retention by cohort", direction: Direction = "ltr"
) -> alt.LayerChart | alt.FacetChart:
    """Draw retention as a heat table, a cohort a row and a period a column.

    Parameters
    ----------
    result
        Retention; by segments it gives a panel for each of the six largest segments, or a row with ``cohort="all"``.
    title
        Heading.
    direction
        ``"rtl"`` mirrors the chart.

    Returns
    -------
    altair.LayerChart or altair.FacetChart
        Cells hold the share in per cent. A period that is not over has a dashed grey cell without a number;
        its tooltip gives the customers so far. A period that has not begun has no cell.

    Examples
    --------
    >>> import safar
    >>> log = safar.EventLog(
    ...     {
    ...         "who": [1, 1, 2],
    ...         "when": ["2026-03-02", "2026-03-10", "2026-03-02"],
    ...         "what": ["a", "a", "a"],
    ...     },
    ...     customer="who",
    ...     time="when",
    ...     event="what",
    ...     observed_until="2026-03-16",
    ... )
    >>> chart = retention(log.retention(period="week"))
    >>> [row["share"] for row in chart.data.values if row["complete"]]
    [1.0, 0.5]
    """
    import altair as alt

    cells = columns_of(result)
    cells["label"], cells["number"] = result.labels(), result.period_labels()
    together = "cohort" not in cells
    first = min(cells["period"], default=0)
    size = "customers" if "customers" in cells else "eligible"
    panels = panels_of(cells, size, [row for row, period in enumerate(cells["period"]) if period == first])
    data = records(cells, sorted(panels.rows(cells)))
    for row in data:
        row["written"] = f"{100 * row['share']:.0f}" if row["share"] is not None else "…"
        if together:
            row["label"] = row.get("segment", "All customers")
    labels = {row["label"] for row in data}
    periods = list(dict.fromkeys(row["number"] for row in sorted(data, key=lambda row: row["period"])))
    tooltip = [
        alt.Tooltip("label:N", title="Cohort"),
        alt.Tooltip("number:N", title=f"{result.period.capitalize()}s later"),
        alt.Tooltip("returned:Q", title="Customers back", format=","),
        alt.Tooltip("eligible:Q", title="Customers counted", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        *interval("share"),
        alt.Tooltip("complete:N", title="Period fully observed"),
    ]
    start = "the first event" if result.clock == "rolling" else f"the cohort's {result.period}"
    x = alt.X(
        "number:O",
        title=f"{result.period.capitalize()}s after {start}",
        axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
        sort=periods[::-1] if direction == "rtl" else periods,
    )
    y = alt.Y(
        "label:O",
        title=None if together else "Cohort",
        axis=alt.Axis(orient=side(direction), domain=False, ticks=False),
    )
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    heat = shaded(base.transform_filter("datum.complete"), "Share back")
    blank = base.transform_filter("!datum.complete").mark_rect(
        cornerRadius=2, fill=GREY, stroke="#9aa5b1", strokeDash=[3, 2], strokeWidth=1
    )
    layers = alt.layer(heat, blank, written(base, fontWeight=600), data=inline(data)).properties(
        width=_CELL[0] * max(1, len(periods)), height=_CELL[1] * max(1, len(labels))
    )
    subtitle = "Share of the cohort in %; dotted: the period is not over yet"
    if together:
        return finish(layers, title=title, subtitle=[subtitle, panels.said], direction=direction)
    return panels.finish(layers, title=title, subtitle=subtitle, direction=direction)
