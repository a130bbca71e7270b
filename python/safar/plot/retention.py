"""Chart of retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import BLUE, GREY, INK, PALE, Direction, finish, inline, records

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

    cells = result.to_dict()
    cells["label"], cells["number"] = result.labels(), result.period_labels()
    rows, said = list(range(len(cells["period"]))), ""
    segmented, together = "segment" in cells, "cohort" not in cells
    if segmented:
        first = min(cells["period"], default=0)
        size = "customers" if "customers" in cells else "eligible"
        shown, said = largest_segments(cells, size, [i for i in rows if cells["period"][i] == first])
        rows = [i for i in rows if cells["segment"][i] in shown]
    data = records(cells, rows)
    for row in data:
        row["written"] = f"{100 * row['share']:.0f}" if row["share"] is not None else "…"
        if "segment" in row:
            row["segment"] = segment_name(row["segment"])
        if together:
            row["label"] = row.get("segment", "All customers")
    rtl = direction == "rtl"
    labels = sorted({row["label"] for row in data})
    periods = list(dict.fromkeys(row["number"] for row in sorted(data, key=lambda row: row["period"])))
    tooltip = [
        alt.Tooltip("label:N", title="Cohort"),
        alt.Tooltip("number:N", title=f"{result.period.capitalize()}s later"),
        alt.Tooltip("returned:Q", title="Customers back", format=","),
        alt.Tooltip("eligible:Q", title="Customers counted", format=","),
        alt.Tooltip("share:Q", title="Share", format=".1%"),
        alt.Tooltip("share_low:Q", title="95% interval from", format=".1%"),
        alt.Tooltip("share_high:Q", title="95% interval to", format=".1%"),
        alt.Tooltip("complete:N", title="Period fully observed"),
    ]
    start = "the first event" if result.clock == "rolling" else f"the cohort's {result.period}"
    x = alt.X(
        "number:O",
        title=f"{result.period.capitalize()}s after {start}",
        axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
        sort=periods[::-1] if rtl else periods,
    )
    y = alt.Y(
        "label:O",
        title=None if together else "Cohort",
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False),
    )
    base = alt.Chart().encode(x=x, y=y, tooltip=tooltip)
    shade = alt.Color(
        "share:Q",
        title="Share back",
        scale=alt.Scale(domain=[0, 1], range=[PALE, BLUE]),
        legend=alt.Legend(format=".0%"),
    )
    heat = base.transform_filter("datum.complete").mark_rect(cornerRadius=2, stroke="white", strokeWidth=2)
    blank = base.transform_filter("!datum.complete").mark_rect(
        cornerRadius=2, fill=GREY, stroke="#9aa5b1", strokeDash=[3, 2], strokeWidth=1
    )
    ink = alt.condition("datum.complete && datum.share > 0.72", alt.value("#ffffff"), alt.value(INK))
    texts = base.mark_text(fontSize=12, fontWeight=600).encode(text="written:N", color=ink)
    layers = alt.layer(heat.encode(color=shade), blank, texts, data=inline(data)).properties(
        width=_CELL[0] * max(1, len(periods)), height=_CELL[1] * max(1, len(labels))
    )
    subtitle = ["Share of the cohort in %; dotted: the period is not over yet", *([said] if said else [])]
    if not segmented or together:
        return finish(layers, title=title, subtitle=subtitle, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    return finish(layers.facet(panel, columns=2), title=title, subtitle=subtitle, direction=direction)
