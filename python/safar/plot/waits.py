"""Chart of waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safar.errors import ArgumentError
from safar.plot.segments import largest_segments, segment_name
from safar.plot.theme import BLUE, MUTED, STEEL, Direction, finish, inline, records
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

    if pairs < 1:
        raise ArgumentError(f"pairs={pairs!r} must be at least 1")
    columns = result.to_dict()
    rows, said = list(range(len(columns["from"]))), ""
    shown: list[str | None] = []
    if "segment" in columns:
        shown, said = largest_segments(columns, "count", rows)
    kept: list[int] = []
    number: dict[str | None, int] = {}
    for row in rows:
        segment = columns["segment"][row] if "segment" in columns else None
        if "segment" in columns and segment not in shown:
            continue
        number[segment] = number.get(segment, 0) + 1
        if number[segment] <= pairs:
            kept.append(row)
    data = []
    for record in records(columns, kept):
        median = record["median_seconds"]
        record["pair"] = f"{record['from']} → {record['to']}"
        record["said"] = "median –" if median is None else f"median {duration_text(median)}"
        record["handed"] = record["count"] > 0 and 2 * (record.get("handed_over") or 0) >= record["count"]
        if "segment" in record:
            record["segment"] = segment_name(record["segment"])
        data.append(record)
    rtl = direction == "rtl"
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
    y = alt.Y(
        "pair:N",
        sort=list(dict.fromkeys(row["pair"] for row in data)),
        title=None,
        axis=alt.Axis(orient="right" if rtl else "left", domain=False, ticks=False, labelLimit=260),
    )
    base = alt.Chart().encode(y=y, tooltip=tooltip)
    bars = base.mark_bar(height=16).encode(
        x=alt.X(
            "share:Q",
            title="Share of all time",
            scale=alt.Scale(reverse=rtl, domainMin=0),
            axis=alt.Axis(format=".0%", tickCount=5, domain=False),
        ),
        color=alt.condition("datum.handed", alt.value(BLUE), alt.value(STEEL)),
    )
    end = alt.value(0 if rtl else width)
    texts = base.mark_text(color=MUTED, align="right" if rtl else "left", dx=-8 if rtl else 8)
    chart = alt.layer(bars, texts.encode(x=end, text="said:N"), data=inline(data))
    chart = chart.properties(width=width, height=alt.Step(_ROW))
    many = max(number.values(), default=0)
    subtitle = [
        "Share of all time between the two, and the median; dark: mostly into another channel",
        *([f"The {pairs} of {many} pairs with the most time"] if many > pairs else []),
        *([said] if said else []),
    ]
    if "segment" not in columns:
        return finish(chart, title=title, subtitle=subtitle, direction=direction)
    panel = alt.Facet("segment:N", title=None, sort=[segment_name(segment) for segment in shown])
    return finish(chart.facet(panel, columns=2), title=title, subtitle=subtitle, direction=direction)
